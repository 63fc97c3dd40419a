package e2e

import (
	"errors"
	"fmt"
	"maps"
	"math"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cdk8s-team/cdk8s-core-go/cdk8s/v2"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc/codes"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/crossoverJie/k8s-combat/app/contract"
	"github.com/crossoverJie/k8s-combat/infra"
	"github.com/crossoverJie/k8s-combat/infra/e2e/echo/wire"
	"github.com/crossoverJie/k8s-combat/infra/mesh"
)

// The tests of this file run the chapters on the mesh as the tutorial does: each pod has a sidecar, and a pod beside them
// makes the calls through its own.

const (
	// proxyContainer is the sidecar.
	proxyContainer = "istio-proxy"

	meshHTTP = "http://" + meshService + ":8081"
	meshGRPC = "grpc://" + meshService + ":50051"
)

// newInjectedNamespace runs a chapter with sidecars, and a caller beside it.
func newInjectedNamespace(t *testing.T, prefix, chapter string, edits ...func(*unstructured.Unstructured)) string {
	t.Helper()
	needSidecars(t)
	namespace := newNamespaceWith(t, prefix, meshLabels)
	apply(t, namespace, func(chart cdk8s.Chart) { newEcho(chart, callerName) })
	run(t, namespace, chapter, edits...)
	assertInjected(t, namespace)
	return namespace
}

// assertInjected expects every pod of the namespace to have a sidecar, which is an init container where it may outlive
// the others.
func assertInjected(t *testing.T, namespace string) {
	t.Helper()
	pods, err := get[corev1.PodList](t.Context(), "pods", "--namespace", namespace)
	require.NoError(t, err)
	for _, pod := range pods.Items {
		isProxy := func(c corev1.Container) bool { return c.Name == proxyContainer }
		assert.True(t, slices.ContainsFunc(slices.Concat(pod.Spec.Containers, pod.Spec.InitContainers), isProxy), "%s has no sidecar", pod.Name)
	}
}

// calling is what came of calls: how often which pod or Deployment answered, and how often which error.
type calling map[string]int

// callsOf makes calls from the caller, and sorts the answers of the sample service by who gave them.
func callsOf(t *testing.T, namespace string, call wire.Call, by func(pod string) string) calling {
	t.Helper()
	got := calling{}
	for _, result := range callFrom(t, namespace, callerName, call) {
		got[answeredBy(result, by)]++
	}
	return got
}

// answeredBy tells who gave an answer, or what is wrong with it.
func answeredBy(result wire.Result, by func(pod string) string) string {
	switch pod, greeted := strings.CutPrefix(result.Body, "hostname:"); {
	case result.Error != "":
		return result.Error
	case greeted:
		pod, _, _ = strings.Cut(pod, ",")
		return by(pod)
	case result.Status != http.StatusOK:
		return fmt.Sprintf("status %d: %.100s", result.Status, result.Body)
	default:
		// contract.PathRoot answers "POD-PG_URL", which is not set.
		return by(strings.TrimSuffix(result.Body, "-"))
	}
}

func byPod(pod string) string { return pod }

func byDeployment(pod string) string {
	workload, err := deploymentOf(pod)
	if err != nil {
		return err.Error()
	}
	return workload
}

// awaitVersions waits until calls reach both versions: sidecars hear of pods and rules a moment later.
func awaitVersions(t *testing.T, namespace string) {
	t.Helper()
	took := eventually(t, time.Minute, func() error {
		for _, url := range []string{meshHTTP, meshGRPC} {
			got := calling{}
			for _, version := range []string{"100", "200"} {
				for who, n := range callsOf(t, namespace, wire.Call{URL: url, Header: map[string]string{contract.VersionHeader: version}, Count: 20}, byDeployment) {
					got[who] += n
				}
			}
			for who := range got {
				if who != v1 && who != v2 {
					return errors.New(who)
				}
			}
		}
		return nil
	})
	t.Logf("calls through sidecars reach the versions after %s", took)
}

// TestSidecars: behind the Service of chapter 05 all three pods answer, also calls of gRPC on one connection, which one
// pod alone gets from a caller without a sidecar.
func TestSidecars(t *testing.T) {
	namespace := newInjectedNamespace(t, "sidecars", "05-mesh")
	beside := newNamespace(t, "sidecars-beside")
	apply(t, beside, func(chart cdk8s.Chart) { newEcho(chart, callerName) })
	awaitDeployments(t, beside)
	awaitEndpoints(t, namespace, provider, 3)
	pods, err := endpoints(t, namespace, provider)
	require.NoError(t, err)
	for _, url := range []string{fmt.Sprintf("http://%s:%d/", provider, contract.HTTPPort), fmt.Sprintf("grpc://%s:%d", provider, contract.GRPCPort)} {
		callsOf(t, namespace, wire.Call{URL: url, Count: 50}, byPod)
		const calls = 300
		got := callsOf(t, namespace, wire.Call{URL: url, Count: calls}, byPod)
		sum := 0
		for _, pod := range pods {
			assert.Greater(t, got[pod], calls/10, "%s got too few of the calls: %v", pod, got)
			sum += got[pod]
		}
		assert.Equal(t, calls, sum, got)
		t.Logf("%s: %v", url, got)
	}
	const calls = 100
	url := fmt.Sprintf("grpc://%s.%s:%d", provider, namespace, contract.GRPCPort)
	got := callsOf(t, beside, wire.Call{URL: url, Count: calls}, byPod)
	assert.Len(t, got, 1)
	assert.Equal(t, calls, got[slices.Collect(maps.Keys(got))[0]])
	assert.Subset(t, pods, slices.Collect(maps.Keys(got)))
	t.Logf("%s without a sidecar: %v", url, got)
}

// TestCanaryThroughSidecars: the header of a call of HTTP or gRPC decides which version of chapter 06 answers.
func TestCanaryThroughSidecars(t *testing.T) {
	namespace := newInjectedNamespace(t, "canary-sidecars", "06-canary")
	awaitVersions(t, namespace)
	for _, url := range []string{meshHTTP, meshGRPC} {
		for version, want := range map[string]string{"100": v1, "200": v2, "300": v1, "": v1} {
			header := map[string]string{}
			if version != "" {
				header[contract.VersionHeader] = version
			}
			const calls = 100
			assert.Equal(t, calling{want: calls}, callsOf(t, namespace, wire.Call{URL: url, Header: header, Count: calls}, byDeployment), "%s, version %q", url, version)
		}
	}
	t.Logf("8 x 100 calls, each where it belongs")
}

// TestWeightsThroughSidecars: chapter 07 with sidecars.
func TestWeightsThroughSidecars(t *testing.T) {
	namespace := newInjectedNamespace(t, "weights-sidecars", "07-weights", withEnv(contract.EnvFault, "true"))
	awaitVersions(t, namespace)

	t.Run("weights", func(t *testing.T) {
		const calls = 1000
		got := callsOf(t, namespace, wire.Call{URL: meshGRPC, Count: calls}, byDeployment)
		assert.Equal(t, calls, got[v1]+got[v2], got)
		share := 100 * float64(got[v1]) / calls
		assert.LessOrEqual(t, math.Abs(share-10), 4.0, "points from 10 %%: %v", got)
		t.Logf("%d calls: %v, %.1f %% to v1", calls, got, share)
	})
	t.Run("other requests", func(t *testing.T) {
		const calls = 100
		assert.Equal(t, calling{v1: calls}, callsOf(t, namespace, wire.Call{URL: meshHTTP, Count: calls}, byDeployment))
	})
	t.Run("abort", func(t *testing.T) {
		for _, result := range callFrom(t, namespace, callerName, wire.Call{URL: meshGRPC, Header: map[string]string{"x-fault": "abort"}, Count: 10}) {
			assert.Equal(t, int(codes.Unavailable), result.Status)
			assert.Contains(t, result.Error, "fault filter abort")
		}
		for _, result := range callFrom(t, namespace, callerName, wire.Call{URL: meshHTTP, Header: map[string]string{"x-fault": "abort"}, Count: 10}) {
			assert.Equal(t, http.StatusServiceUnavailable, result.Status)
			assert.Equal(t, "fault filter abort", result.Body)
		}
	})
	t.Run("delay", func(t *testing.T) {
		for _, url := range []string{meshGRPC, meshHTTP} {
			for _, result := range callFrom(t, namespace, callerName, wire.Call{URL: url, Header: map[string]string{"x-fault": "delay"}, Count: 3}) {
				assert.Equal(t, v1, answeredBy(result, byDeployment))
				assert.InDelta(t, 3, result.Elapsed.Seconds(), 0.5, "seconds")
				t.Logf("%s after %s", url, result.Elapsed.Round(time.Millisecond))
			}
		}
	})
	t.Run("timeout", func(t *testing.T) {
		for _, workload := range []string{v1, v2} {
			switchFault(t, namespace, podOf(t, namespace, "app="+workload), "hang=20s")
		}
		// A pod that hangs does so for HTTP, by the path of the rule too.
		for _, result := range callFrom(t, namespace, callerName, wire.Call{URL: meshHTTP + contract.PathSayHello, Count: 3}) {
			assert.Equal(t, http.StatusGatewayTimeout, result.Status)
			// The time of one try: none of the rule's conditions is on a try that was too slow.
			assert.InDelta(t, 1.5, result.Elapsed.Seconds(), 0.4, "seconds")
			t.Logf("status %d after %s", result.Status, result.Elapsed.Round(time.Millisecond))
		}
	})
}

// TestRulesThroughSidecars: what a sidecar does for a rule, counted where the calls arrive.
func TestRulesThroughSidecars(t *testing.T) {
	needSidecars(t)
	namespace := newNamespaceWith(t, "rules-sidecars", meshLabels)
	on := func(value string) []mesh.Match {
		return []mesh.Match{{Headers: map[string]mesh.StringMatch{"x-rule": mesh.Exact(value)}}}
	}
	apply(t, namespace, func(chart cdk8s.Chart) {
		newEcho(chart, callerName)
		newEcho(chart, "friend")
		v1, v2 := newEchoes(chart)
		mesh.NewIstioCanary(chart, "canary", mesh.IstioCanaryProps{
			Name:     "echo",
			Service:  infra.NewService(chart, "service", infra.ServiceProps{Name: "echo", Selector: echoLabels, Ports: echoPorts}),
			Versions: []mesh.Version{{Name: "v1", Workload: v1}, {Name: "v2", Workload: v2}},
			Rules: []mesh.Rule{
				{Match: on("retries"), To: to(v1), Retries: mesh.Retries{Attempts: 2, On: []string{"503"}}},
				{Match: on("default"), To: to(v1)},
				{Match: on("disabled"), To: to(v1), Retries: mesh.Retries{Disabled: true}},
				{Match: on("timeout"), To: to(v1), Timeout: time.Second},
				{Match: []mesh.Match{{SourceLabels: map[string]string{"app": "friend"}}}, To: to(v2)},
				{To: to(v1)},
			},
		})
	})
	awaitDeployments(t, namespace)
	assertInjected(t, namespace)
	url := "http://echo/"
	for _, workload := range []string{callerName, "friend"} {
		eventually(t, time.Minute, func() error {
			got := callFrom(t, namespace, workload, wire.Call{URL: url})[0]
			if got.Status != http.StatusOK {
				return fmt.Errorf("%+v", got)
			}
			return nil
		})
	}
	for rule, attempts := range map[string]int{"retries": 3, "default": 1, "disabled": 1} {
		result := callFrom(t, namespace, callerName, wire.Call{URL: url, Header: map[string]string{"x-rule": rule, wire.ID: rule, wire.Status: "503"}})[0]
		assert.Equal(t, http.StatusServiceUnavailable, result.Status, rule)
		got := count(t, namespace, "v1", rule)
		assert.Equal(t, attempts, got, "requests that v1 got by the rule %s", rule)
		t.Logf("rule %s: v1 got %d requests", rule, got)
	}
	result := callFrom(t, namespace, callerName, wire.Call{URL: url, Header: map[string]string{"x-rule": "timeout", wire.Delay: "5s"}})[0]
	assert.Equal(t, http.StatusGatewayTimeout, result.Status)
	assert.InDelta(t, 1, result.Elapsed.Seconds(), 0.5, "seconds")
	t.Logf("timeout: %d after %s", result.Status, result.Elapsed.Round(time.Millisecond))

	for workload, want := range map[string]string{callerName: "v1", "friend": "v2"} {
		const calls = 20
		callFrom(t, namespace, workload, wire.Call{URL: url, Header: map[string]string{wire.ID: workload}, Count: calls})
		assert.Equal(t, calls, count(t, namespace, want, workload), "calls of %s that %s got", workload, want)
	}
}
