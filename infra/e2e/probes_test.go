package e2e

import (
	"fmt"
	"testing"
	"time"

	"github.com/cdk8s-team/cdk8s-core-go/cdk8s/v2"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"

	"github.com/crossoverJie/k8s-combat/app/contract"
	"github.com/crossoverJie/k8s-combat/infra"
	"github.com/crossoverJie/k8s-combat/infra/pod"
)

// The tests of this file hold chapters 09 and 10 to what probes are for.

// TestAHangIsEndedByLiveness has one of two pods answer nothing any more: its container is restarted, and what its
// requests suffer meanwhile is bounded.
func TestAHangIsEndedByLiveness(t *testing.T) {
	needCluster(t)
	namespace := newNamespace(t, "hang")
	run(t, namespace, "09-probes", withEnv(contract.EnvFault, "true"))
	awaitEndpoints(t, namespace, provider, 2)
	load := startHTTPLoad(t, namespace, "load", provider, contract.PathPing, 100)
	load.phase(t, "before", 0)

	pod := providerPods(t, namespace)[0]
	probe := pod.Spec.Containers[0].LivenessProbe
	period, timeout := seconds(probe.PeriodSeconds), seconds(probe.TimeoutSeconds)
	// The last of the failures ends so long after the hang began, by where in the period it did.
	earliest := period*time.Duration(probe.FailureThreshold-1) + timeout
	latest := period*time.Duration(probe.FailureThreshold) + timeout
	grace := time.Duration(*pod.Spec.TerminationGracePeriodSeconds) * time.Second

	hung := switchFault(t, namespace, pod.Name, "hang=1h")
	var now corev1.Pod
	eventually(t, latest+grace+30*time.Second, func() (err error) {
		if now, err = get[corev1.Pod](t.Context(), "pod", pod.Name, "--namespace", namespace); err != nil {
			return err
		}
		if s := now.Status.ContainerStatuses[0]; s.RestartCount == 0 || s.State.Running == nil {
			return fmt.Errorf("%d restarts of %s, state %+v", s.RestartCount, pod.Name, s.State)
		}
		return nil
	})
	status := now.Status.ContainerStatuses[0]
	assert.EqualValues(t, 1, status.RestartCount)
	require.NotNil(t, status.LastTerminationState.Terminated)
	restarted := status.State.Running.StartedAt.Sub(hung)
	// The kubelet tells whole seconds, and two more are for it to act.
	assert.GreaterOrEqual(t, restarted, earliest-time.Second)
	assert.LessOrEqual(t, restarted, latest+grace+2*time.Second)
	awaitEndpoints(t, namespace, provider, 2)
	t.Logf("restarted %s after the hang began (exit status %d), ready again after %s; liveness fails %s to %s after, and the process may take %s to end",
		restarted.Round(time.Second), status.LastTerminationState.Terminated.ExitCode, time.Since(hung).Round(time.Second), earliest, latest, grace)

	// Those under way have ended by then: nothing fails any more.
	time.Sleep(loadCallTimeout)
	_, before := load.sum(t)
	time.Sleep(loadCallTimeout)
	result := load.end(t)
	_, failed := result.sum()
	assert.Equal(t, before, failed, "failures go on: %s", failures(result))
	t.Logf("calls failed over %s", result.outage())
	// Readiness has the same figures as liveness; a call that began just before fails by its own timeout.
	assert.LessOrEqual(t, result.outage(), latest+loadCallTimeout+5*time.Second)
}

// TestReadinessTakesAPodOut has one of two pods say that it is not ready: it gets no more requests until it is, and no
// request fails.
func TestReadinessTakesAPodOut(t *testing.T) {
	needCluster(t)
	namespace := newNamespace(t, "readiness")
	run(t, namespace, "10-rollout", withEnv(contract.EnvFault, "true"))
	awaitEndpoints(t, namespace, provider, 2)
	load := startLoad(t, namespace)
	load.phase(t, "before", 0)

	pods := providerPods(t, namespace)
	pod, other := pods[0].Name, pods[1].Name
	const unready = 30 * time.Second
	start := switchFault(t, namespace, pod, "ready=false&for="+unready.String())
	awaitEndpoint(t, namespace, pod, false)
	t.Logf("out of the EndpointSlice %s after it was not ready", time.Since(start).Round(100*time.Millisecond))

	time.Sleep(2 * time.Second) // in which the nodes hear of it
	counted := time.Now()
	got, gotOther := pings(t, namespace, pod), pings(t, namespace, other)
	time.Sleep(10 * time.Second)
	got, gotOther = pings(t, namespace, pod)-got, pings(t, namespace, other)-gotOther
	window := time.Since(counted)
	require.Less(t, time.Since(start), unready, "too slow to see anything")
	// Liveness asks the same path as the load does.
	probes := int(window/seconds(pods[0].Spec.Containers[0].LivenessProbe.PeriodSeconds)) + 2
	assert.LessOrEqual(t, got, probes, "requests to a pod that is not ready")
	assert.Greater(t, gotOther, 10*probes, "requests to the other pod")
	t.Logf("in %s it got %d requests of HTTP, where liveness makes up to %d, and the other pod %d", window.Round(time.Second), got, probes, gotOther)

	awaitEndpoint(t, namespace, pod, true)
	t.Logf("back in the EndpointSlice %s after it was not ready for %s", time.Since(start).Round(100*time.Millisecond), unready)
	before := pings(t, namespace, pod)
	eventually(t, 30*time.Second, func() error {
		if n := pings(t, namespace, pod) - before; n < 100 {
			return fmt.Errorf("%d requests since it is back", n)
		}
		return nil
	})
	load.phase(t, "not ready, and ready again", time.Since(start))
	assertNoRestarts(t, namespace)
	load.stop(t, 1000)
}

// TestReadinessByGRPC has the kubelet ask by the gRPC health protocol, which readiness is the state of.
func TestReadinessByGRPC(t *testing.T) {
	t.Parallel()
	needCluster(t)
	namespace := newNamespace(t, "grpc")
	apply(t, namespace, func(chart cdk8s.Chart) {
		infra.NewWebService(chart, provider, infra.WebServiceProps{
			Name: provider,
			Workload: infra.ProbedDeploymentProps{
				Image: serviceImage, ImagePullPolicy: pod.PullIfNotPresent,
				Env: []pod.EnvVar{{Name: contract.EnvFault, Value: "true"}},
				Probes: pod.Probes{Readiness: pod.Probe{
					Handler: pod.GRPC(contract.GRPCPort, contract.GreeterService), Period: time.Second, FailureThreshold: 2,
				}},
			},
			Ports: []infra.ServicePort{{Name: contract.HTTPPortName, Port: contract.HTTPPort}, {Name: contract.GRPCPortName, Port: contract.GRPCPort}},
		})
	})
	awaitDeployments(t, namespace)
	awaitEndpoints(t, namespace, provider, 1)
	pod := providerPods(t, namespace)[0].Name
	start := switchFault(t, namespace, pod, "ready=false&for=15s")
	awaitEndpoint(t, namespace, pod, false)
	out := time.Since(start)
	awaitEndpoint(t, namespace, pod, true)
	t.Logf("NOT_SERVING: out of the EndpointSlice after %s; SERVING again after 15s: back after %s", out.Round(100*time.Millisecond), time.Since(start).Round(100*time.Millisecond))
	assertNoRestarts(t, namespace)
}

// startDelay is far above what liveness alone would wait for, and below the budget of the startup probe.
const startDelay = time.Minute

// TestASlowStarterIsNotKilled: the startup probe holds liveness back. Without one a pod that is as slow never starts.
func TestASlowStarterIsNotKilled(t *testing.T) {
	t.Parallel()
	needCluster(t)
	impatient := newNamespace(t, "impatient")
	apply(t, impatient, func(chart cdk8s.Chart) {
		infra.NewProbedDeployment(chart, provider, infra.ProbedDeploymentProps{
			Name: provider, Image: serviceImage, ImagePullPolicy: pod.PullIfNotPresent,
			Env:    []pod.EnvVar{{Name: contract.EnvStartDelay, Value: startDelay.String()}},
			Probes: pod.Probes{Liveness: pod.Probe{Handler: pod.HTTPGet(contract.PathPing, contract.HTTPPort), Period: 3 * time.Second}},
		})
	})

	namespace := newNamespace(t, "slow")
	run(t, namespace, "09-probes", withEnv(contract.EnvStartDelay, startDelay.String()))
	assertNoRestarts(t, namespace)
	for _, pod := range providerPods(t, namespace) {
		startup := pod.Spec.Containers[0].StartupProbe
		budget := seconds(startup.PeriodSeconds) * time.Duration(startup.FailureThreshold)
		ready := readySince(pod).Sub(pod.Status.ContainerStatuses[0].State.Running.StartedAt.Time)
		assert.GreaterOrEqual(t, ready, startDelay-time.Second)
		assert.Less(t, ready, budget)
		t.Logf("%s: opens its ports after %s, ready after %s of the %s that the startup probe gives it, no restart", pod.Name, startDelay, ready, budget)
	}

	for _, pod := range providerPods(t, impatient) {
		status := pod.Status.ContainerStatuses[0]
		assert.Positive(t, status.RestartCount)
		t.Logf("without a startup probe: %d restarts in %s", status.RestartCount, time.Since(pod.CreationTimestamp.Time).Round(time.Second))
	}
}

// switchFault has a pod misbehave, and returns since when it does.
func switchFault(t *testing.T, namespace, pod, query string) time.Time {
	t.Helper()
	answer, err := fetch(t, namespace, pod, contract.AdminPort, contract.PathFault+"?"+query)
	require.NoError(t, err)
	t.Logf("%s is %s", pod, answer)
	return time.Now()
}

// assertNoRestarts expects that no container of the provider was restarted.
func assertNoRestarts(t *testing.T, namespace string) {
	t.Helper()
	for _, pod := range providerPods(t, namespace) {
		for _, container := range pod.Status.ContainerStatuses {
			assert.Zero(t, container.RestartCount, "restarts of %s", pod.Name)
		}
	}
}

// readySince returns since when a pod is ready.
func readySince(pod corev1.Pod) time.Time {
	for _, condition := range pod.Status.Conditions {
		if condition.Type == corev1.PodReady && condition.Status == corev1.ConditionTrue {
			return condition.LastTransitionTime.Time
		}
	}
	return time.Time{}
}

func seconds(n int32) time.Duration { return time.Duration(n) * time.Second }
