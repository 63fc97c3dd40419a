package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/grpc/xds"

	"github.com/crossoverJie/k8s-combat/app/contract"
	"github.com/crossoverJie/k8s-combat/app/helloworld"
)

// What the chapters on the mesh call their Service and Deployments.
const (
	meshService = "k8s-combat-service-istio-mesh"
	v1          = "k8s-combat-service-v1"
	v2          = "k8s-combat-service-v2"
)

// callsPerSecond is the load that a client puts on the cluster.
const callsPerSecond = 250

// TestCanaryByHeader: a call goes where its header "version" says, any other call to v1.
func TestCanaryByHeader(t *testing.T) {
	t.Parallel()
	needCluster(t)
	bootstrap := needIstio(t)
	install(t)
	namespace := newNamespace(t, "canary")
	run(t, namespace, "06-canary")
	client := newMeshClient(t, bootstrap, namespace)

	for _, test := range []struct {
		name, version, want string
	}{
		{"version 100", "100", v1},
		{"version 200", "200", v2},
		{"version 300", "300", v1},
		{"no version", "", v1},
	} {
		t.Run(test.name, func(t *testing.T) {
			var headers []string
			if test.version != "" {
				headers = []string{contract.VersionHeader, test.version}
			}
			const calls = 100
			got := client.calls(t, calls, headers...)
			assert.Equal(t, map[string]int{test.want: calls}, got)
			t.Logf("%d calls: %v", calls, got)
		})
	}
}

// TestWeights: of the calls of SayHello one in ten goes to v1, and those that ask for a fault get it.
func TestWeights(t *testing.T) {
	t.Parallel()
	needCluster(t)
	bootstrap := needIstio(t)
	install(t)
	namespace := newNamespace(t, "weights")
	run(t, namespace, "07-weights")
	client := newMeshClient(t, bootstrap, namespace)

	t.Run("weights", func(t *testing.T) {
		const calls = 2000
		got := client.calls(t, calls)
		assert.Equal(t, calls, got[v1]+got[v2])
		share := 100 * float64(got[v1]) / calls
		// Where each call is drawn for itself, three points are more than four standard deviations of the share.
		assert.InDelta(t, 10, share, 3, "percent to v1")
		t.Logf("%d calls: %v, %.2f %% to v1", calls, got, share)
	})

	t.Run("any other value of the fault header", func(t *testing.T) {
		const calls = 100
		got := client.calls(t, calls, "x-fault", "none")
		assert.Equal(t, map[string]int{v1: calls}, got, "the default route")
		t.Logf("%d calls: %v", calls, got)
	})

	t.Run("abort", func(t *testing.T) {
		const calls = 10
		for range calls {
			_, elapsed, err := client.call(t.Context(), "x-fault", "abort")
			// gRPC's name for the status 503 that the VirtualService sets.
			require.Equal(t, codes.Unavailable, status.Code(err), "%v", err)
			assert.Contains(t, err.Error(), "fault injection", "not the fault but another failure")
			assert.Less(t, elapsed, time.Second)
		}
		t.Logf("%d of %d calls ended with %s", calls, calls, codes.Unavailable)
	})

	t.Run("delay", func(t *testing.T) {
		for range 2 {
			workload, elapsed, err := client.call(t.Context(), "x-fault", "delay")
			require.NoError(t, err)
			assert.Equal(t, v1, workload)
			assert.InDelta(t, 3, elapsed.Seconds(), 0.5, "seconds")
			t.Logf("%s answered after %s", workload, elapsed)
		}
	})
}

// needIstio skips the test where no control plane is at hand for a client here, else it returns the client's bootstrap
// configuration.
func needIstio(t *testing.T) []byte {
	t.Helper()
	path := os.Getenv("GRPC_XDS_BOOTSTRAP")
	if path == "" {
		t.Skip("GRPC_XDS_BOOTSTRAP is not set: this test is a gRPC client of istiod, which needs the path of an xDS bootstrap file there, and pods whose addresses can be reached from here")
	}
	content, err := os.ReadFile(path)
	require.NoError(t, err, "GRPC_XDS_BOOTSTRAP")
	return content
}

// inNamespace returns the bootstrap configuration of a client in that namespace: istiod reads it from the node's
// metadata, and shows each namespace what is exported to it.
func inNamespace(t *testing.T, bootstrap []byte, namespace string) []byte {
	t.Helper()
	var config map[string]any
	require.NoError(t, json.Unmarshal(bootstrap, &config), "GRPC_XDS_BOOTSTRAP")
	node, _ := config["node"].(map[string]any)
	id, _ := node["id"].(string)
	// sidecar~ADDRESS~POD.NAMESPACE~NAMESPACE.svc.DOMAIN
	parts := strings.Split(id, "~")
	require.Len(t, parts, 4, "GRPC_XDS_BOOTSTRAP: node id %q", id)
	_, domain, _ := strings.Cut(parts[3], ".")
	parts[2], parts[3] = "client."+namespace, namespace+"."+domain
	node["id"] = strings.Join(parts, "~")
	meta, _ := node["metadata"].(map[string]any)
	if meta == nil {
		meta = map[string]any{}
		node["metadata"] = meta
	}
	meta["NAMESPACE"] = namespace
	content, err := json.Marshal(config)
	require.NoError(t, err)
	return content
}

// meshClient calls the mesh's Service as istiod tells it to.
type meshClient struct {
	greeter helloworld.GreeterClient
}

// newMeshClient returns a client that has all routes: istiod hears of pods and objects a moment later than their
// readiness is seen here.
func newMeshClient(t *testing.T, bootstrap []byte, namespace string) meshClient {
	t.Helper()
	resolver, err := xds.NewXDSResolverWithConfigForTesting(inNamespace(t, bootstrap, namespace))
	require.NoError(t, err)
	target := fmt.Sprintf("xds:///%s.%s.svc.cluster.local:%d", meshService, namespace, contract.GRPCPort)
	conn, err := grpc.NewClient(target, grpc.WithResolvers(resolver), grpc.WithTransportCredentials(insecure.NewCredentials()))
	require.NoError(t, err)
	t.Cleanup(func() { conn.Close() })
	client := meshClient{greeter: helloworld.NewGreeterClient(conn)}

	seen := map[string]bool{}
	took := eventually(t, 30*time.Second, func() error {
		for range 50 {
			for _, version := range []string{"100", "200"} {
				workload, _, err := client.call(t.Context(), contract.VersionHeader, version)
				if err != nil {
					return fmt.Errorf("no answer through istiod, whose pods must be reachable from here: %w", err)
				}
				seen[workload] = true
			}
			if seen[v1] && seen[v2] {
				return nil
			}
		}
		return fmt.Errorf("of %s and %s only %v answered", v1, v2, seen)
	})
	t.Logf("both versions answered through istiod after %s", took)
	return client
}

// call says hello with these headers, and returns the Deployment that answered and the time that it took.
func (c meshClient) call(ctx context.Context, headers ...string) (workload string, elapsed time.Duration, err error) {
	ctx, cancel := context.WithTimeout(metadata.AppendToOutgoingContext(ctx, headers...), 10*time.Second)
	defer cancel()
	start := time.Now()
	reply, err := c.greeter.SayHello(ctx, &helloworld.HelloRequest{Name: "e2e"})
	elapsed = time.Since(start).Round(time.Millisecond)
	if err != nil {
		return "", elapsed, err
	}
	workload, err = answerer(reply.GetMessage())
	return workload, elapsed, err
}

// calls says hello n times, at a bounded rate, expects no error, and returns how often which Deployment answered.
func (c meshClient) calls(t *testing.T, n int, headers ...string) map[string]int {
	t.Helper()
	pace := time.NewTicker(time.Second / callsPerSecond)
	defer pace.Stop()
	answers := map[string]int{}
	for i := range n {
		<-pace.C
		workload, _, err := c.call(t.Context(), headers...)
		require.NoError(t, err, "call %d of %d", i+1, n)
		answers[workload]++
	}
	return answers
}

// answerer returns the Deployment of the pod that said so: "hostname:DEPLOYMENT-HASH-SUFFIX, in:NAME, version:VERSION".
func answerer(message string) (string, error) {
	pod, _, found := strings.Cut(strings.TrimPrefix(message, "hostname:"), ",")
	if !found {
		return "", fmt.Errorf("the answer %q names no pod", message)
	}
	return deploymentOf(pod)
}

// deploymentOf returns the Deployment of a pod: "DEPLOYMENT-HASH-SUFFIX".
func deploymentOf(pod string) (string, error) {
	parts := strings.Split(pod, "-")
	if len(parts) < 3 {
		return "", fmt.Errorf("%q is no pod of a Deployment", pod)
	}
	return strings.Join(parts[:len(parts)-2], "-"), nil
}
