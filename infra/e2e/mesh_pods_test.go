package e2e

import (
	"encoding/json"
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/cdk8s-team/cdk8s-core-go/cdk8s/v2"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/crossoverJie/k8s-combat/app/contract"
	"github.com/crossoverJie/k8s-combat/infra"
	"github.com/crossoverJie/k8s-combat/infra/pod"
)

// The tests of this file are the tutorial's own way to see chapters 06 and 07 at work: the service in one pod is asked
// to greet the others, which it finds through istiod.

const (
	// istiodPort serves xDS in the clear.
	istiodPort = 15010

	meshCaller = "k8s-combat"
)

// TestCanaryByHeaderInPods: the version that a call asks for is carried on, and decides who answers.
func TestCanaryByHeaderInPods(t *testing.T) {
	t.Parallel()
	namespace := newMeshNamespace(t, "canary-pods", "06-canary")
	for i, test := range []struct{ version, want string }{{"100", v1}, {"200", v2}, {"300", v1}, {"", v1}} {
		t.Run(fmt.Sprintf("version %q", test.version), func(t *testing.T) {
			got, sent := meshCalls(t, namespace, fmt.Sprintf("load-%d", i), test.version, 100)
			assert.Equal(t, map[string]int{test.want: sent}, got)
		})
	}
}

// TestWeightsInPods: one call in ten is answered by v1.
func TestWeightsInPods(t *testing.T) {
	t.Parallel()
	namespace := newMeshNamespace(t, "weights-pods", "07-weights")
	got, sent := meshCalls(t, namespace, "load", "200", 2000)
	assert.Equal(t, sent, got[v1]+got[v2])
	const want = 0.1
	// Each call is drawn for itself. A share beyond 4.5 standard deviations comes once in 140,000 runs.
	bound := 4.5 * math.Sqrt(want*(1-want)/float64(sent))
	share := float64(got[v1]) / float64(sent)
	assert.InDelta(t, want, share, bound)
	t.Logf("%.2f %% to v1, where %.0f %% +- %.2f is expected", 100*share, 100*want, 100*bound)
}

// newMeshNamespace runs a chapter on the mesh and beside it the service that calls it, which istiod tells where.
func newMeshNamespace(t *testing.T, prefix, chapter string) string {
	t.Helper()
	needIstiod(t)
	namespace := newNamespace(t, prefix)
	apply(t, namespace, func(chart cdk8s.Chart) {
		const path = "/etc/xds/bootstrap.json"
		bootstrap := infra.NewConfig(chart, "bootstrap", infra.ConfigProps{
			Name: "xds-bootstrap", Data: map[string]string{"bootstrap.json": podBootstrap(t, namespace)},
		})
		infra.NewWebService(chart, meshCaller, infra.WebServiceProps{
			Name: meshCaller,
			Workload: infra.ProbedDeploymentProps{
				Image: serviceImage, ImagePullPolicy: pod.PullIfNotPresent,
				Env:    []pod.EnvVar{{Name: "GRPC_XDS_BOOTSTRAP", Value: path}},
				Files:  []pod.File{{Path: path, From: bootstrap.Key("bootstrap.json")}},
				Probes: pod.Probes{Readiness: pod.Probe{Handler: pod.HTTPGet(contract.PathReady, contract.AdminPort), Period: time.Second}},
			},
			Ports: []infra.ServicePort{{Name: contract.HTTPPortName, Port: contract.HTTPPort}},
		})
	})
	run(t, namespace, chapter)
	awaitEndpoints(t, namespace, meshCaller, 1)

	// istiod hears of pods and objects a moment later than their readiness is seen here.
	pod := podOf(t, namespace, "app="+meshCaller)
	seen := map[string]bool{}
	took := eventually(t, time.Minute, func() error {
		for range 10 {
			for _, version := range []string{"100", "200"} {
				answer, err := fetch(t, namespace, pod, contract.HTTPPort, meshPath(namespace, version))
				if err != nil {
					return err
				}
				workload, err := answerer(strings.TrimPrefix(answer, "Greeting: "))
				if err != nil {
					return err
				}
				if seen[workload] = true; seen[v1] && seen[v2] {
					return nil
				}
			}
		}
		return fmt.Errorf("of %s and %s only %v answered", v1, v2, seen)
	})
	t.Logf("both versions answered through istiod after %s", took)
	return namespace
}

// podBootstrap tells gRPC in a pod where istiod is, and istiod which namespace's routes are asked for. The address in the
// node's id is not used for anything but telling clients apart.
func podBootstrap(t *testing.T, namespace string) string {
	t.Helper()
	content, err := json.Marshal(map[string]any{
		"xds_servers": []any{map[string]any{
			"server_uri":      fmt.Sprintf("%s.%s.svc.cluster.local:%d", istiod, istioNamespace, istiodPort),
			"channel_creds":   []any{map[string]any{"type": "insecure"}},
			"server_features": []any{"xds_v3"},
		}},
		"node": map[string]any{
			"id":       fmt.Sprintf("sidecar~127.0.0.1~%s.%s~%[2]s.svc.cluster.local", meshCaller, namespace),
			"metadata": map[string]any{"GENERATOR": "grpc", "NAMESPACE": namespace, "CLUSTER_ID": "Kubernetes"},
		},
	})
	require.NoError(t, err)
	return string(content)
}

// meshPath is what to ask the caller for, that it greets the mesh's Service.
func meshPath(namespace, version string) string {
	return fmt.Sprintf("%s?name=xds:///%s.%s.svc.cluster.local:%d&version=%s", contract.PathGRPCClient, meshService, namespace, contract.GRPCPort, version)
}

// meshCalls has the caller greet at least so many times, expects no error, and returns how often which Deployment
// answered.
func meshCalls(t *testing.T, namespace, pod, version string, least int) (answers map[string]int, sent int) {
	t.Helper()
	load := startHTTPLoad(t, namespace, pod, meshCaller, meshPath(namespace, version), 100)
	load.await(t, least)
	result := load.end(t)
	sent, failed := result.sum()
	require.Zero(t, failed, failures(result))
	answers = map[string]int{}
	for pod, n := range result.pods() {
		workload, err := deploymentOf(pod)
		require.NoError(t, err)
		answers[workload] += n
	}
	t.Logf("%d calls: %v", sent, answers)
	return answers, sent
}
