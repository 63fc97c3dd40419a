package infra_test

import (
	"testing"
	"time"

	"github.com/cdk8s-team/cdk8s-core-go/cdk8s/v2"
	"github.com/stretchr/testify/assert"
	appsv1 "k8s.io/api/apps/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"

	"github.com/crossoverJie/k8s-combat/infra"
	"github.com/crossoverJie/k8s-combat/infra/internal/synthtest"
	"github.com/crossoverJie/k8s-combat/infra/pod"
)

func TestAvailability(t *testing.T) {
	t.Parallel()
	synthtest.Golden(t, "availability", workload(func(props *infra.ProbedDeploymentProps) {
		props.Resources.Requests = pod.ResourceList{CPU: "100m", Memory: "10Mi"}
		props.Autoscaling = infra.Autoscaling{
			MinReplicas: 2, MaxReplicas: 5, CPUUtilization: new(int32(60)), MemoryUtilization: new(int32(70)), ScaleDownStabilization: new(time.Minute),
			Patch: func(h *autoscalingv2.HorizontalPodAutoscaler) { h.Annotations = map[string]string{"patched": "yes"} },
		}
		props.DisruptionBudget = infra.DisruptionBudget{
			MinAvailable: infra.Percent(50),
			Patch:        func(b *policyv1.PodDisruptionBudget) { b.Annotations = map[string]string{"patched": "yes"} },
		}
		props.TopologySpread = []pod.TopologySpread{
			{TopologyKey: "kubernetes.io/hostname"}, {TopologyKey: "topology.kubernetes.io/zone", MaxSkew: 2, Required: true},
		}
	}))
}

func TestAutoscalingLeavesReplicasOut(t *testing.T) {
	t.Parallel()
	got := synthtest.Only[appsv1.Deployment](t, "Deployment", workload(func(props *infra.ProbedDeploymentProps) {
		props.Resources.Limits.CPU = "1"
		props.Autoscaling = infra.Autoscaling{MaxReplicas: 3}
	}))
	assert.Nil(t, got.Spec.Replicas)
}

func TestAutoscalingWithoutStabilization(t *testing.T) {
	t.Parallel()
	got := synthtest.Only[autoscalingv2.HorizontalPodAutoscaler](t, "HorizontalPodAutoscaler", workload(func(props *infra.ProbedDeploymentProps) {
		props.Resources.Limits.CPU = "1"
		props.Autoscaling = infra.Autoscaling{MaxReplicas: 3, ScaleDownStabilization: new(time.Duration(0))}
	}))
	assert.Equal(t, new(int32(0)), got.Spec.Behavior.ScaleDown.StabilizationWindowSeconds)
}

func TestBudgetSelectsThePods(t *testing.T) {
	t.Parallel()
	build := workload(func(props *infra.ProbedDeploymentProps) {
		props.Selector = map[string]string{"run": "web"}
		props.Replicas = new(int32(2))
		props.DisruptionBudget = infra.DisruptionBudget{MinAvailable: infra.Pods(1)}
	})
	budget := synthtest.Only[policyv1.PodDisruptionBudget](t, "PodDisruptionBudget", build)
	assert.Equal(t, synthtest.Only[appsv1.Deployment](t, "Deployment", build).Spec.Selector, budget.Spec.Selector)
}

var shutdownVariables = pod.ShutdownVariables{Settle: "SHUTDOWN_SETTLE", Drain: "SHUTDOWN_DRAIN", Flush: "SHUTDOWN_FLUSH"}

func TestShutdownIsOneValue(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		shutdown pod.Shutdown
		preStop  int64
		grace    int64
		env      []corev1.EnvVar
	}{
		"pre-stop": {
			pod.Shutdown{PreStop: 10 * time.Second, Variables: shutdownVariables}, 10, 30,
			[]corev1.EnvVar{{Name: "SHUTDOWN_SETTLE", Value: "0s"}, {Name: "SHUTDOWN_DRAIN", Value: "15s"}, {Name: "SHUTDOWN_FLUSH", Value: "2s"}},
		},
		"settle": {
			pod.Shutdown{Settle: 2 * time.Second, Drain: new(time.Minute), Variables: shutdownVariables}, 0, 64,
			[]corev1.EnvVar{{Name: "SHUTDOWN_SETTLE", Value: "2s"}, {Name: "SHUTDOWN_DRAIN", Value: "1m0s"}, {Name: "SHUTDOWN_FLUSH", Value: "2s"}},
		},
		"a fraction is rounded up": {
			pod.Shutdown{Settle: 1500 * time.Millisecond, Drain: new(30 * time.Second), Variables: shutdownVariables}, 0, 34,
			[]corev1.EnvVar{{Name: "SHUTDOWN_SETTLE", Value: "1.5s"}, {Name: "SHUTDOWN_DRAIN", Value: "30s"}, {Name: "SHUTDOWN_FLUSH", Value: "2s"}},
		},
		"nothing to finish and to send": {
			pod.Shutdown{PreStop: 40 * time.Second, Drain: new(time.Duration(0)), Flush: new(time.Duration(0)), Variables: shutdownVariables}, 40, 40,
			[]corev1.EnvVar{{Name: "SHUTDOWN_SETTLE", Value: "0s"}, {Name: "SHUTDOWN_DRAIN", Value: "0s"}, {Name: "SHUTDOWN_FLUSH", Value: "0s"}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			pod := synthtest.Only[appsv1.Deployment](t, "Deployment", workload(func(props *infra.ProbedDeploymentProps) { props.Shutdown = test.shutdown })).Spec.Template.Spec
			assert.Equal(t, test.grace, *pod.TerminationGracePeriodSeconds)
			assert.Equal(t, test.env, pod.Containers[0].Env)
			if test.preStop == 0 {
				assert.Nil(t, pod.Containers[0].Lifecycle)
				return
			}
			assert.Equal(t, test.preStop, pod.Containers[0].Lifecycle.PreStop.Sleep.Seconds)
		})
	}
}

func TestVersionIsALabelOfThePodsAlone(t *testing.T) {
	t.Parallel()
	got := synthtest.Only[appsv1.Deployment](t, "Deployment", workload(func(props *infra.ProbedDeploymentProps) { props.Version = "v1" }))
	assert.Equal(t, "v1", got.Spec.Template.Labels["version"])
	assert.NotContains(t, got.Spec.Selector.MatchLabels, "version", "a selector cannot change with the version")
}

func TestAvailabilityBadInput(t *testing.T) {
	t.Parallel()
	props := func(change func(p *infra.ProbedDeploymentProps)) func(cdk8s.Chart) { return workload(change) }
	synthtest.BadInput{
		"replicas beside autoscaling": {props(func(p *infra.ProbedDeploymentProps) {
			p.Replicas = new(int32(2))
			p.Autoscaling = infra.Autoscaling{MaxReplicas: 3}
			p.Resources.Requests.CPU = "1"
		}), []string{
			`[chart/web] Replicas: 2 cannot stand beside Autoscaling, which chooses the number of pods; leave it out`,
		}},
		"autoscaling": {props(func(p *infra.ProbedDeploymentProps) {
			p.Autoscaling = infra.Autoscaling{MinReplicas: -1, CPUUtilization: new(int32(0)), MemoryUtilization: new(int32(50)), ScaleDownStabilization: new(2 * time.Hour)}
		}), []string{
			`[chart/web] Autoscaling.MinReplicas: -1 is less than 1; use 1 or more`,
			`[chart/web] Autoscaling.MaxReplicas: is not set; say how many pods there may be at most`,
			`[chart/web] Autoscaling.ScaleDownStabilization: 2h0m0s is too long; use at most 1h`,
			`[chart/web] Autoscaling.CPUUtilization: 0 is less than 1 %; use for example 80, or leave it out`,
			`[chart/web] Resources.Requests.Memory: is not set; Autoscaling aims at a share of it; say how much a pod requests`,
		}},
		"sidecar without a request": {props(func(p *infra.ProbedDeploymentProps) {
			p.Autoscaling = infra.Autoscaling{MaxReplicas: 3, MemoryUtilization: new(int32(50))}
			p.Resources.Limits.Memory = "1Gi"
			p.Sidecars = []pod.Container{
				{Name: "logs", Image: "example.com/logs:1", Resources: pod.Resources{Requests: pod.ResourceList{Memory: "8Mi"}}},
				{Name: "proxy", Image: "example.com/proxy:1"},
			}
			p.Init = []pod.Container{{Name: "migrate", Image: "example.com/web:1"}}
		}), []string{
			`[chart/web] Sidecars[1].Resources.Requests.Memory: is not set; Autoscaling aims at a share of what all containers request, and does nothing where one says none; say how much it requests`,
		}},
		"least above greatest": {props(func(p *infra.ProbedDeploymentProps) {
			p.Autoscaling = infra.Autoscaling{MinReplicas: 3, MaxReplicas: 2}
			p.Resources.Requests.CPU = "1"
		}), []string{
			`[chart/web] Autoscaling.MaxReplicas: 2 is less than MinReplicas, 3; raise it`,
		}},
		"budget that forbids every eviction": {props(func(p *infra.ProbedDeploymentProps) {
			p.DisruptionBudget = infra.DisruptionBudget{MinAvailable: infra.Pods(1)}
		}), []string{
			`[chart/web] DisruptionBudget.MinAvailable: "1" would forbid every eviction, so that a node with such a pod could never be drained; there are 1 pods: lower it, or have more pods`,
		}},
		"share that is rounded up to all": {props(func(p *infra.ProbedDeploymentProps) {
			p.Replicas = new(int32(3))
			p.DisruptionBudget = infra.DisruptionBudget{MinAvailable: infra.Percent(70)}
		}), []string{
			`[chart/web] DisruptionBudget.MinAvailable: "70%" would forbid every eviction, so that a node with such a pod could never be drained; there are 3 pods: lower it, or have more pods`,
		}},
		"one topology twice": {props(func(p *infra.ProbedDeploymentProps) {
			p.TopologySpread = []pod.TopologySpread{{TopologyKey: "zone"}, {TopologyKey: "zone", MaxSkew: 2}}
		}), []string{
			`[chart/web] TopologySpread[1].TopologyKey: "zone, Required: false" is already taken by TopologySpread[0]; give each its own`,
		}},
		"budget of nobody": {props(func(p *infra.ProbedDeploymentProps) {
			p.DisruptionBudget = infra.DisruptionBudget{MaxUnavailable: infra.Percent(0)}
		}), []string{
			`[chart/web] DisruptionBudget.MaxUnavailable: "0%" would forbid every eviction, so that a node with such a pod could never be drained; use Pods(1) or more`,
		}},
		"budget of two kinds": {props(func(p *infra.ProbedDeploymentProps) {
			p.DisruptionBudget = infra.DisruptionBudget{MinAvailable: infra.Pods(1), MaxUnavailable: infra.Pods(1)}
		}), []string{
			`[chart/web] DisruptionBudget.MinAvailable: "1" cannot stand beside MaxUnavailable; leave out one of them`,
		}},
		"topology": {props(func(p *infra.ProbedDeploymentProps) {
			p.TopologySpread = []pod.TopologySpread{{MaxSkew: -1}, {TopologyKey: "a b"}}
		}), []string{
			`[chart/web] TopologySpread[0].TopologyKey: is not set; name a node label, for example "kubernetes.io/hostname"`,
			`[chart/web] TopologySpread[0].MaxSkew: -1 is negative; use 1 or more`,
			`[chart/web] TopologySpread[1].TopologyKey: "a b" is not a label or annotation key; use a name of at most 63 letters, digits, '-', '_' or '.', after an optional DNS prefix and '/'`,
		}},
		"version": {props(func(p *infra.ProbedDeploymentProps) {
			p.Version = "a b"
			p.Labels = map[string]string{"version": "v1"}
		}), []string{
			`[chart/web] Labels["version"]: "v1" is set by Version; leave it out`,
			`[chart/web] Version: "a b" is not a label value; use at most 63 letters, digits, '-', '_' or '.', beginning and ending with a letter or digit, or nothing`,
		}},
		"a start longer than a rollout": {props(func(p *infra.ProbedDeploymentProps) {
			p.Probes.Startup = pod.Probe{Handler: pod.TCPSocket(80), InitialDelay: 10 * time.Second, Period: 5 * time.Second, FailureThreshold: 30}
			p.Rollout.ProgressDeadline = 2 * time.Minute
		}), []string{
			`[chart/web] Probes.Startup.Period: 5s gives a pod longer to become available than a rollout may stand still: Startup.InitialDelay 10s + 30 x Period 5s = 2m40s, Rollout.ProgressDeadline is 2m0s; lower one of them, or raise that`,
		}},
		"a start, a readiness and a wait longer than a rollout": {props(func(p *infra.ProbedDeploymentProps) {
			p.Probes.Startup = pod.Probe{Handler: pod.TCPSocket(80), Period: 5 * time.Second, FailureThreshold: 12}
			p.Probes.Readiness = pod.Probe{Handler: pod.TCPSocket(80), InitialDelay: 5 * time.Second, SuccessThreshold: 2}
			p.Rollout = infra.Rollout{ProgressDeadline: 2 * time.Minute, MinReady: 40 * time.Second}
		}), []string{
			`[chart/web] Probes.Startup.Period: 5s gives a pod longer to become available than a rollout may stand still: Startup.InitialDelay 0s + 12 x Period 5s + Readiness.InitialDelay 5s + 2 x Period 10s + Rollout.MinReady 40s = 2m5s, Rollout.ProgressDeadline is 2m0s; lower one of them, or raise that`,
		}},
		"a readiness longer than a rollout": {props(func(p *infra.ProbedDeploymentProps) {
			p.Probes.Readiness = pod.Probe{Handler: pod.TCPSocket(80), Period: 11 * time.Minute}
		}), []string{
			`[chart/web] Probes.Readiness.Period: 11m0s gives a pod longer to become available than a rollout may stand still: Readiness.InitialDelay 0s + 1 x Period 11m0s = 11m0s, Rollout.ProgressDeadline is 10m0s; lower one of them, or raise that`,
		}},
		"figures that overflow": {props(func(p *infra.ProbedDeploymentProps) {
			p.Probes.Startup = pod.Probe{Handler: pod.TCPSocket(80), InitialDelay: 2147483647 * time.Second, Period: 2147483647 * time.Second, FailureThreshold: 2147483647}
			p.Probes.Readiness = p.Probes.Startup
		}), []string{
			`[chart/web] Probes.Startup.Period: 596523h14m7s gives a pod longer to become available than a rollout may stand still: Startup.InitialDelay 596523h14m7s + 2147483647 x Period 596523h14m7s + Readiness.InitialDelay 596523h14m7s + 1 x Period 596523h14m7s = 2562047h47m16.854775807s, Rollout.ProgressDeadline is 10m0s; lower one of them, or raise that`,
		}},
		"wrong figures give no others": {props(func(p *infra.ProbedDeploymentProps) {
			p.Probes.Startup = pod.Probe{Handler: pod.TCPSocket(80), Period: time.Hour, SuccessThreshold: -1}
			p.Probes.Readiness = pod.Probe{Handler: pod.TCPSocket(80), Period: -time.Hour, FailureThreshold: -1}
		}), []string{
			`[chart/web] Probes.Startup.SuccessThreshold: -1 is not allowed here; use 1, as Kubernetes asks for in startup and liveness probes`,
			`[chart/web] Probes.Readiness.Period: -1h0m0s is negative; use 0s or more`,
			`[chart/web] Probes.Readiness.FailureThreshold: -1 is negative; use 1 or more`,
		}},
		"a wait that readiness does not see": {props(func(p *infra.ProbedDeploymentProps) {
			p.Probes.Readiness = pod.Probe{Handler: pod.TCPSocket(80), Period: 6 * time.Second}
			p.Shutdown.Settle = 5 * time.Second
		}), []string{
			`[chart/web] Probes.Readiness.Period: 6s is longer than Shutdown.Settle, 5s, in which the process shows that it is not ready: the probe may not ask it once; lower it, raise that, or wait in Shutdown.PreStop instead`,
		}},
		"a budget of all pods": {props(func(p *infra.ProbedDeploymentProps) {
			p.Replicas = new(int32(4))
			p.DisruptionBudget.MinAvailable = infra.Percent(100)
		}), []string{
			`[chart/web] DisruptionBudget.MinAvailable: "100%" would forbid every eviction, so that a node with such a pod could never be drained; lower it`,
		}},
		"liveness before readiness": {props(func(p *infra.ProbedDeploymentProps) {
			p.Probes.Readiness = pod.Probe{Handler: pod.TCPSocket(80)}
			p.Probes.Liveness = pod.Probe{Handler: pod.TCPSocket(80), Period: 5 * time.Second}
		}), []string{
			`[chart/web] Probes.Liveness.FailureThreshold: 3 restarts a pod before Readiness, which asks the same, takes it out of its Services: 3 x 5s = 15s is less than 3 x 10s = 30s; raise it`,
		}},
	}.Run(t)
}
