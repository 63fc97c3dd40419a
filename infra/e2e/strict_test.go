package e2e

import (
	"fmt"
	"strconv"
	"testing"
	"time"

	"github.com/cdk8s-team/cdk8s-core-go/cdk8s/v2"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"

	"github.com/crossoverJie/k8s-combat/app/contract"
	"github.com/crossoverJie/k8s-combat/infra/e2e/echo/wire"
	"github.com/crossoverJie/k8s-combat/infra/mesh"
)

// newStrictNamespace runs a chapter with sidecars that take calls with mutual TLS alone, and makes sure that they do.
func newStrictNamespace(t *testing.T, prefix, chapter string) string {
	t.Helper()
	namespace := newInjectedNamespace(t, prefix, chapter)
	apply(t, namespace, func(chart cdk8s.Chart) {
		mesh.NewMeshSecurity(chart, "security", mesh.MeshSecurityProps{Name: "strict", WholeNamespace: true, MutualTLS: mesh.StrictMTLS})
	})
	beside := newNamespace(t, prefix+"-beside")
	apply(t, beside, func(chart cdk8s.Chart) { newEcho(chart, callerName) })
	awaitDeployments(t, beside)
	url := fmt.Sprintf("http://%s.%s:%d%s", provider, namespace, contract.HTTPPort, contract.PathPing)
	took := eventually(t, time.Minute, func() error {
		if result := callFrom(t, beside, callerName, wire.Call{URL: url})[0]; result.Error == "" {
			return fmt.Errorf("a caller without a sidecar is answered with %d", result.Status)
		}
		return nil
	})
	for _, result := range callFrom(t, namespace, callerName, wire.Call{URL: url, Count: 20}) {
		require.Equal(t, "pong", result.Body, result.Error)
	}
	t.Logf("callers without a sidecar are shut out after %s, and the one with a sidecar is not", took)
	return namespace
}

// TestProbesUnderStrictMutualTLS: the kubelet, which has no certificate, still reaches the probes of chapters 09 and 10.
func TestProbesUnderStrictMutualTLS(t *testing.T) {
	for _, chapter := range []string{"09-probes", "10-rollout"} {
		t.Run(chapter, func(t *testing.T) {
			namespace := newStrictNamespace(t, "strict-"+chapter[:2], chapter)
			pods := providerPods(t, namespace)
			awaitEndpoints(t, namespace, provider, 2)
			// Longer than liveness would take to end a pod that it does not reach.
			probe := pods[0].Spec.Containers[0].LivenessProbe
			time.Sleep(seconds(probe.PeriodSeconds*(probe.FailureThreshold+1)) + seconds(probe.TimeoutSeconds))
			awaitEndpoints(t, namespace, provider, 2)
			assertNoRestarts(t, namespace)
			assert.Equal(t, names(pods), names(providerPods(t, namespace)))
		})
	}
}

func names(pods []corev1.Pod) []string {
	var result []string
	for _, pod := range pods {
		result = append(result, pod.Name)
	}
	return result
}

// TestNoRequestFailsInARollingRestartUnderStrictMutualTLS restarts all pods of chapter 10 while a pod with a sidecar
// calls them.
func TestNoRequestFailsInARollingRestartUnderStrictMutualTLS(t *testing.T) {
	namespace := newStrictNamespace(t, "strict-restart", "10-rollout")
	awaitEndpoints(t, namespace, provider, 2)
	// Calls of gRPC go to the Service, whose pods the sidecar chooses from: one that chose among those of a headless Service
	// itself would not hear through its sidecar that a pod has gone.
	load := startLoadOf(t, namespace, "load", 4, "-host", provider, "-headless", provider, "-rate", strconv.Itoa(loadRate))
	load.phase(t, "before", 0)
	load.phase(t, "restart", restart(t, namespace))
	load.stop(t, 10_000)
	assertInjected(t, namespace)
	assertNoRestarts(t, namespace)
}
