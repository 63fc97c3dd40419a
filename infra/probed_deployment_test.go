package infra_test

import (
	"strings"
	"testing"
	"time"

	"github.com/cdk8s-team/cdk8s-core-go/cdk8s/v2"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/pod-security-admission/api"
	"k8s.io/pod-security-admission/policy"

	"github.com/crossoverJie/k8s-combat/infra"
	"github.com/crossoverJie/k8s-combat/infra/internal/synthtest"
	"github.com/crossoverJie/k8s-combat/infra/pod"
)

// workload builds a ProbedDeployment that is in order but for what change does.
func workload(change func(props *infra.ProbedDeploymentProps)) func(chart cdk8s.Chart) {
	return func(chart cdk8s.Chart) {
		props := infra.ProbedDeploymentProps{Name: "web", Image: "example.com/web:1"}
		if change != nil {
			change(&props)
		}
		infra.NewProbedDeployment(chart, "web", props)
	}
}

func TestProbedDeploymentMinimal(t *testing.T) {
	t.Parallel()
	synthtest.Golden(t, "probed-deployment-minimal", workload(nil))
}

func TestProbedDeploymentFull(t *testing.T) {
	t.Parallel()
	synthtest.Golden(t, "probed-deployment-full", func(chart cdk8s.Chart) {
		config := infra.NewConfig(chart, "config", infra.ConfigProps{
			Name: "web-config", Data: map[string]string{"LEVEL": "debug", "app.yaml": "a: 1\n"},
		})
		reloaded := infra.NewConfig(chart, "reloaded", infra.ConfigProps{
			Name: "web.flags", Data: map[string]string{"flags.json": "{}", "more.json": "[]"}, OnChange: infra.Reload,
		})
		password := infra.NewCredentials(chart, "password", infra.CredentialsProps{
			Name: "web-password", Existing: true, Keys: []string{"password"},
		})
		workload(func(props *infra.ProbedDeploymentProps) {
			props.Labels = map[string]string{"app.kubernetes.io/part-of": "shop"}
			props.Annotations = map[string]string{"example.com/owner": "team"}
			props.PodAnnotations = map[string]string{"example.com/scrape": "true"}
			props.ImagePullPolicy = pod.PullIfNotPresent
			props.Command = []string{"/web"}
			props.Args = []string{"--verbose"}
			props.Ports = []pod.Port{{Name: "http", Port: 8080}, {Name: "dns", Port: 53, Protocol: pod.UDP}}
			props.Env = []pod.EnvVar{
				{Name: "PLAIN", Value: "yes"},
				{Name: "LEVEL", ValueFrom: config.Key("LEVEL")},
				{Name: "PASSWORD", ValueFrom: password.Key("password")},
			}
			props.EnvFrom = []pod.EnvFrom{{Source: config, Prefix: "WEB_"}, {Source: password}}
			props.Files = []pod.File{
				{Path: "/app/app.yaml", From: config.Key("app.yaml")},
				{Path: "/etc/flags/flags.json", From: reloaded.Key("flags.json")},
				{Path: "/etc/flags/more.json", From: reloaded.Key("more.json")},
				{Path: "/etc/web/password", From: password.Key("password"), Mode: new(int32(0o440))},
			}
			props.Resources = pod.Resources{
				Requests: pod.ResourceList{CPU: "0.1", Memory: "10Mi"},
				Limits:   pod.ResourceList{CPU: "1", Memory: "0.5Gi", EphemeralStorage: "1G"},
			}
			props.Replicas = new(int32(0))
			props.Probes = pod.Probes{
				Startup:   pod.Probe{Handler: pod.HTTPGet("/ping", 8080), Period: 5 * time.Second, FailureThreshold: 30},
				Readiness: pod.Probe{Handler: pod.GRPC(50051, "shop.Cart"), Timeout: 2 * time.Second, SuccessThreshold: 2},
				Liveness:  pod.Probe{Handler: pod.TCPSocket(8080), InitialDelay: time.Minute, SuccessThreshold: 1},
			}
			props.Rollout = infra.Rollout{
				MaxSurge: infra.Percent(50), MaxUnavailable: infra.Pods(0),
				MinReady: 5 * time.Second, ProgressDeadline: 3 * time.Minute, RevisionHistoryLimit: new(int32(3)),
			}
			props.Shutdown = pod.Shutdown{
				Variables: shutdownVariables,
				PreStop:   5 * time.Second, Settle: 10 * time.Second, Drain: new(20 * time.Second), TerminationGracePeriod: 40 * time.Second,
			}
			props.Security = pod.Security{
				RunAsUser: new(int64(1000)), RunAsGroup: new(int64(1000)), FSGroup: new(int64(2000)), AddCapabilities: []string{"NET_BIND_SERVICE"},
			}
			props.ServiceAccountName = "web"
		})(chart)
	})
}

func TestProbedDeploymentProbeKinds(t *testing.T) {
	t.Parallel()
	synthtest.Golden(t, "probed-deployment-probes", workload(func(props *infra.ProbedDeploymentProps) {
		props.Probes = pod.Probes{
			Startup:   pod.Probe{Handler: pod.Exec("/bin/ready", "--fast")},
			Readiness: pod.Probe{Handler: pod.HTTPSGet("/readyz", 8443)},
			Liveness:  pod.Probe{Handler: pod.GRPC(50051, "")},
		}
	}))
}

func TestProbedDeploymentRecreate(t *testing.T) {
	t.Parallel()
	got := synthtest.Only[appsv1.Deployment](t, "Deployment", workload(func(props *infra.ProbedDeploymentProps) { props.Rollout.Recreate = true }))
	assert.Equal(t, appsv1.DeploymentStrategy{Type: appsv1.RecreateDeploymentStrategyType}, got.Spec.Strategy)
}

func TestProbedDeploymentSelectsItsPods(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*infra.ProbedDeploymentProps){
		"default":     func(*infra.ProbedDeploymentProps) {},
		"more labels": func(props *infra.ProbedDeploymentProps) { props.Labels = map[string]string{"appId": "12345"} },
		"own selector": func(props *infra.ProbedDeploymentProps) {
			props.Selector = map[string]string{"app.kubernetes.io/name": "web"}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := synthtest.Only[appsv1.Deployment](t, "Deployment", workload(change))
			require.NotEmpty(t, got.Spec.Selector.MatchLabels)
			for key, value := range got.Spec.Selector.MatchLabels {
				assert.Equal(t, value, got.Spec.Template.Labels[key])
			}
			assert.Equal(t, got.Labels, got.Spec.Template.Labels)
		})
	}
}

func TestProbedDeploymentHasNoProbeUnlessAsked(t *testing.T) {
	t.Parallel()
	container := synthtest.Only[appsv1.Deployment](t, "Deployment", workload(nil)).Spec.Template.Spec.Containers[0]
	assert.Nil(t, container.StartupProbe)
	assert.Nil(t, container.ReadinessProbe)
	assert.Nil(t, container.LivenessProbe)
}

// restricted asks Kubernetes' own evaluator whether the pod meets the Pod Security Standard "restricted".
func restricted(t *testing.T, pod corev1.PodTemplateSpec) policy.AggregateCheckResult {
	t.Helper()
	evaluator, err := policy.NewEvaluator(policy.DefaultChecks(), nil)
	require.NoError(t, err)
	level := api.LevelVersion{Level: api.LevelRestricted, Version: api.LatestVersion()}
	return policy.AggregateCheckResults(evaluator.EvaluatePod(level, &pod.ObjectMeta, &pod.Spec))
}

func TestProbedDeploymentIsRestrictedByDefault(t *testing.T) {
	t.Parallel()
	got := synthtest.Only[appsv1.Deployment](t, "Deployment", workload(nil)).Spec.Template
	result := restricted(t, got)
	assert.True(t, result.Allowed, result.ForbiddenDetail())
	assert.Equal(t, pod.DefaultUser, *got.Spec.SecurityContext.RunAsUser, "the kubelet needs a number")
}

func TestSecurityDefaultsCanBeTurnedOff(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		security pod.Security
		check    func(t *testing.T, pod corev1.PodSpec)
	}{
		"root": {pod.Security{AllowRoot: true}, func(t *testing.T, pod corev1.PodSpec) {
			assert.Nil(t, pod.SecurityContext.RunAsNonRoot)
			assert.Nil(t, pod.SecurityContext.RunAsUser)
		}},
		"root by number": {pod.Security{AllowRoot: true, RunAsUser: new(int64(0))}, func(t *testing.T, pod corev1.PodSpec) {
			assert.Nil(t, pod.SecurityContext.RunAsNonRoot)
			assert.EqualValues(t, 0, *pod.SecurityContext.RunAsUser)
		}},
		"privilege escalation": {pod.Security{AllowPrivilegeEscalation: true}, func(t *testing.T, pod corev1.PodSpec) {
			assert.Nil(t, pod.Containers[0].SecurityContext.AllowPrivilegeEscalation)
		}},
		"capabilities": {pod.Security{KeepCapabilities: true}, func(t *testing.T, pod corev1.PodSpec) {
			assert.Nil(t, pod.Containers[0].SecurityContext.Capabilities)
		}},
		"seccomp": {pod.Security{UnconfinedSeccomp: true}, func(t *testing.T, pod corev1.PodSpec) {
			assert.Nil(t, pod.SecurityContext.SeccompProfile)
		}},
		"filesystem": {pod.Security{WritableRootFilesystem: true}, func(t *testing.T, pod corev1.PodSpec) {
			assert.Nil(t, pod.Containers[0].SecurityContext.ReadOnlyRootFilesystem)
		}},
		"token": {pod.Security{MountServiceAccountToken: true}, func(t *testing.T, pod corev1.PodSpec) {
			assert.True(t, *pod.AutomountServiceAccountToken, "written out, since a ServiceAccount may say false")
		}},
		"everything": {pod.Security{
			AllowRoot: true, AllowPrivilegeEscalation: true, KeepCapabilities: true, UnconfinedSeccomp: true,
			WritableRootFilesystem: true, MountServiceAccountToken: true,
		}, func(t *testing.T, pod corev1.PodSpec) {
			assert.Nil(t, pod.SecurityContext)
			assert.Nil(t, pod.Containers[0].SecurityContext)
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := synthtest.Only[appsv1.Deployment](t, "Deployment", workload(func(props *infra.ProbedDeploymentProps) { props.Security = test.security }))
			test.check(t, got.Spec.Template.Spec)
		})
	}
}

func TestProbedDeploymentPatchHasTheLastWord(t *testing.T) {
	t.Parallel()
	replicas := int32(2)
	got := synthtest.Only[appsv1.Deployment](t, "Deployment", workload(func(props *infra.ProbedDeploymentProps) {
		props.Replicas = &replicas
		props.Patch = func(d *appsv1.Deployment) {
			*d.Spec.Replicas = 7
			d.Spec.Template.Spec.NodeSelector = map[string]string{"disk": "ssd"}
		}
	}))
	assert.EqualValues(t, 7, *got.Spec.Replicas)
	assert.Equal(t, map[string]string{"disk": "ssd"}, got.Spec.Template.Spec.NodeSelector)
	assert.EqualValues(t, 2, replicas, "a patch must not reach into the user's props")
}

func TestProbedDeploymentBadInput(t *testing.T) {
	t.Parallel()
	change := workload
	props := func(c func(*infra.ProbedDeploymentProps)) func(cdk8s.Chart) { return change(c) }
	const label = "is not an RFC 1123 label; use 1 to 63 lower-case letters, digits or '-', beginning and ending with a letter or digit"
	const long = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	synthtest.BadInput{
		"empty name": {props(func(p *infra.ProbedDeploymentProps) { p.Name = "" }), []string{
			`[chart/web] Name: is not set; give the object a name, for example "web"`,
		}},
		"upper-case name": {props(func(p *infra.ProbedDeploymentProps) { p.Name = "Web" }), []string{
			`[chart/web] Name: "Web" ` + label,
		}},
		"64 characters": {props(func(p *infra.ProbedDeploymentProps) { p.Name = long }), []string{
			`[chart/web] Name: "` + long + `" ` + label,
		}},
		"empty selector": {props(func(p *infra.ProbedDeploymentProps) { p.Selector = map[string]string{} }), []string{
			`[chart/web] Selector: is not set; give at least one label, or leave it nil for {"app": Name}`,
		}},
		"label against selector": {props(func(p *infra.ProbedDeploymentProps) { p.Labels = map[string]string{"app": "other"} }), []string{
			`[chart/web] Labels["app"]: "other" is not what the Selector asks for, "web"; leave it out`,
		}},
		"bad labels": {props(func(p *infra.ProbedDeploymentProps) {
			p.Labels = map[string]string{"a b": "c", "d": "e f"}
			p.PodAnnotations = map[string]string{"/x": ""}
		}), []string{
			`[chart/web] Labels: "a b" is not a label or annotation key; use a name of at most 63 letters, digits, '-', '_' or '.', after an optional DNS prefix and '/'`,
			`[chart/web] Labels["d"]: "e f" is not a label value; use at most 63 letters, digits, '-', '_' or '.', beginning and ending with a letter or digit, or nothing`,
			`[chart/web] PodAnnotations: "/x" is not a label or annotation key; use a name of at most 63 letters, digits, '-', '_' or '.', after an optional DNS prefix and '/'`,
		}},
		"no image": {props(func(p *infra.ProbedDeploymentProps) { p.Image = "" }), []string{
			`[chart/web] Image: is not set; name an image, for example "docker.io/library/nginx:1.29"`,
		}},
		"image with spaces": {props(func(p *infra.ProbedDeploymentProps) { p.Image = "my image:1" }), []string{
			`[chart/web] Image: "my image:1" is not an image reference; use [REGISTRY/]NAME[:TAG][@DIGEST] in lower case and without spaces, for example "docker.io/library/nginx:1.29"`,
		}},
		"pull policy": {props(func(p *infra.ProbedDeploymentProps) { p.ImagePullPolicy = "always" }), []string{
			`[chart/web] ImagePullPolicy: "always" is not known; use Always, IfNotPresent or Never`,
		}},
		"ports": {props(func(p *infra.ProbedDeploymentProps) {
			p.Ports = []pod.Port{{Port: 0}, {Port: 70000}, {Port: 80}, {Port: 80, Protocol: pod.TCP}, {Port: 80, Protocol: pod.UDP}}
		}), []string{
			`[chart/web] Ports[0].Port: 0 is not a port; use 1 to 65535`,
			`[chart/web] Ports[1].Port: 70000 is not a port; use 1 to 65535`,
			`[chart/web] Ports[3].Port: "80/TCP" is already taken by Ports[2]; give each its own`,
		}},
		"port names": {props(func(p *infra.ProbedDeploymentProps) {
			p.Ports = []pod.Port{{Name: "much-too-long-a-name", Port: 1}, {Name: "a", Port: 2}, {Name: "a", Port: 3, Protocol: "tcp"}}
		}), []string{
			`[chart/web] Ports[0].Name: "much-too-long-a-name" is not a port name; use 1 to 15 lower-case letters, digits or '-', at least one a letter`,
			`[chart/web] Ports[2].Protocol: "tcp" is not known; use TCP, UDP or SCTP`,
			`[chart/web] Ports[2].Name: "a" is already taken by Ports[1]; give each its own`,
		}},
		"negative replicas": {props(func(p *infra.ProbedDeploymentProps) { p.Replicas = new(int32(-1)) }), []string{
			`[chart/web] Replicas: -1 is negative; use 0 or more`,
		}},
		"environment name twice": {props(func(p *infra.ProbedDeploymentProps) {
			p.Env = []pod.EnvVar{{Name: "A"}, {Name: "B"}, {Name: "A", Value: "x"}}
		}), []string{
			`[chart/web] Env[2].Name: "A" is already set by Env[0]; leave out one of them`,
		}},
		"environment name": {props(func(p *infra.ProbedDeploymentProps) {
			p.Env = []pod.EnvVar{{Name: "1A"}, {Name: ""}}
			p.EnvFrom = []pod.EnvFrom{{Prefix: "a b"}}
		}), []string{
			`[chart/web] Env[0].Name: "1A" is not the name of an environment variable; use letters, digits, '_', '-' or '.', not beginning with a digit`,
			`[chart/web] Env[1].Name: "" is not the name of an environment variable; use letters, digits, '_', '-' or '.', not beginning with a digit`,
			`[chart/web] EnvFrom[0].Source: is not set; give a *Config or *Credentials`,
			`[chart/web] EnvFrom[0].Prefix: "a b" is not the name of an environment variable; use letters, digits, '_', '-' or '.', not beginning with a digit`,
		}},
		"quantities": {props(func(p *infra.ProbedDeploymentProps) {
			p.Resources = pod.Resources{
				Requests: pod.ResourceList{CPU: "-1", Memory: "100m"},
				Limits:   pod.ResourceList{CPU: "lots", Memory: "1Gb"},
			}
		}), []string{
			`[chart/web] Resources.Requests.CPU: "-1" is negative; use 0 or more`,
			`[chart/web] Resources.Requests.Memory: "100m" is not a whole number of bytes; use for example 128Mi (Mi stands for mebibytes, m for thousandths)`,
			`[chart/web] Resources.Limits.CPU: "lots" is not a quantity; use a number with an optional unit, for example 100m, 0.5, 128Mi or 1Gi`,
			`[chart/web] Resources.Limits.Memory: "1Gb" is not a quantity; use a number with an optional unit, for example 100m, 0.5, 128Mi or 1Gi`,
		}},
		"request above limit": {props(func(p *infra.ProbedDeploymentProps) {
			p.Resources = pod.Resources{Requests: pod.ResourceList{CPU: "2"}, Limits: pod.ResourceList{CPU: "1500m"}}
		}), []string{
			`[chart/web] Resources.Requests.CPU: "2" is more than Resources.Limits.CPU, "1500m"; lower the request or raise the limit`,
		}},
		"probes": {props(func(p *infra.ProbedDeploymentProps) {
			p.Probes = pod.Probes{
				Startup:   pod.Probe{Handler: pod.HTTPGet("ping", 0), SuccessThreshold: 2},
				Readiness: pod.Probe{Period: time.Second},
				Liveness:  pod.Probe{Handler: pod.Exec(), Period: 1500 * time.Millisecond, Timeout: -time.Second, FailureThreshold: -1},
			}
		}), []string{
			`[chart/web] Probes.Startup.Handler.Path: "ping" does not begin with '/'; use for example "/healthz"`,
			`[chart/web] Probes.Startup.Handler.Port: 0 is not a port; use 1 to 65535`,
			`[chart/web] Probes.Startup.SuccessThreshold: 2 is not allowed here; use 1, as Kubernetes asks for in startup and liveness probes`,
			`[chart/web] Probes.Readiness.Handler: is not set; say what to ask: HTTPGet, HTTPSGet, GRPC, TCPSocket or Exec`,
			`[chart/web] Probes.Liveness.Handler.Command: is not set; give the command and its arguments, one string each`,
			`[chart/web] Probes.Liveness.Period: 1.5s is not in whole seconds, which is what Kubernetes counts here; use for example 2s`,
			`[chart/web] Probes.Liveness.Timeout: -1s is negative; use 0s or more`,
			`[chart/web] Probes.Liveness.FailureThreshold: -1 is negative; use 1 or more`,
		}},
		"rollout": {props(func(p *infra.ProbedDeploymentProps) {
			p.Rollout = infra.Rollout{
				Recreate: true, MaxSurge: infra.Pods(-1), MaxUnavailable: infra.Percent(101),
				MinReady: time.Minute, ProgressDeadline: time.Minute, RevisionHistoryLimit: new(int32(-1)),
			}
		}), []string{
			`[chart/web] Rollout.Recreate: true has no use for MaxSurge and MaxUnavailable; leave them out, or Recreate`,
			`[chart/web] Rollout.MaxSurge: "-1" is not a number of pods; use Pods(n) with 0 or more, or Percent(n) with 0 to 1000`,
			`[chart/web] Rollout.MaxUnavailable: "101%" is not a number of pods; use Pods(n) with 0 or more, or Percent(n) with 0 to 100`,
			`[chart/web] Rollout.ProgressDeadline: 1m0s is not more than MinReady, 1m0s; raise it`,
			`[chart/web] Rollout.RevisionHistoryLimit: -1 is negative; use 0 or more`,
		}},
		"rollout that cannot move": {props(func(p *infra.ProbedDeploymentProps) {
			p.Rollout = infra.Rollout{MaxSurge: infra.Percent(0), MaxUnavailable: infra.Pods(0)}
		}), []string{
			`[chart/web] Rollout.MaxUnavailable: 0 cannot be 0 while MaxSurge is 0: no pod could ever be replaced; raise one of them`,
		}},
		"shutdown": {props(func(p *infra.ProbedDeploymentProps) {
			p.Shutdown = pod.Shutdown{PreStop: 10 * time.Second, Settle: 5 * time.Second, Drain: new(20 * time.Second), TerminationGracePeriod: 30 * time.Second}
		}), []string{
			`[chart/web] Shutdown.TerminationGracePeriod: 30s is too short: PreStop 10s + Settle 5s + Drain 20s + Flush 2s = 37s; raise it, or lower one of them`,
		}},
		"shutdown negative": {props(func(p *infra.ProbedDeploymentProps) {
			p.Shutdown = pod.Shutdown{PreStop: -time.Second, Settle: -time.Second, Drain: new(-time.Second), TerminationGracePeriod: time.Millisecond}
		}), []string{
			`[chart/web] Shutdown.PreStop: -1s is negative; use 0s or more`,
			`[chart/web] Shutdown.TerminationGracePeriod: 1ms is not in whole seconds, which is what Kubernetes counts here; use for example 2s`,
			`[chart/web] Shutdown.Settle: -1s is out of range; use 0s to 1h0m0s`,
			`[chart/web] Shutdown.Drain: -1s is out of range; use 0s to 1h0m0s`,
		}},
		"shutdown variable set twice": {props(func(p *infra.ProbedDeploymentProps) {
			p.Env = []pod.EnvVar{{Name: "SHUTDOWN_DRAIN", Value: "1s"}}
			p.Shutdown.Variables = shutdownVariables
			p.Shutdown.Drain = new(time.Second)
		}), []string{
			`[chart/web] Env[0].Name: "SHUTDOWN_DRAIN" is already set by Shutdown; leave out one of them`,
		}},
		"security": {props(func(p *infra.ProbedDeploymentProps) {
			p.Security = pod.Security{
				RunAsUser: new(int64(0)), RunAsGroup: new(int64(-1)), KeepCapabilities: true, AddCapabilities: []string{"SYS_TIME"},
			}
			p.ServiceAccountName = "Robot"
		}), []string{
			`[chart/web] Security.RunAsGroup: -1 is not an id; use 0 to 2147483647`,
			`[chart/web] Security.RunAsUser: 0 is root; use another user, or say AllowRoot: true`,
			`[chart/web] Security.AddCapabilities: [SYS_TIME] has no meaning beside KeepCapabilities: true; leave out one of them`,
			`[chart/web] ServiceAccountName: "Robot" is not an RFC 1123 subdomain; use 1 to 253 lower-case letters, digits, '-' or '.', beginning and ending with a letter or digit`,
		}},
		"patch that panics": {props(func(p *infra.ProbedDeploymentProps) {
			p.Image = ""
			p.Patch = func(d *appsv1.Deployment) { d.Spec.Template.Spec.Containers[1].Name = "x" }
		}), []string{
			`[chart/web] Image: is not set; name an image, for example "docker.io/library/nginx:1.29"`,
			`[chart/web] Patch: panicked: runtime error: index out of range [1] with length 1; see what it takes for granted of the *v1.Deployment`,
		}},
		"patch of the name": {props(func(p *infra.ProbedDeploymentProps) {
			p.Patch = func(d *appsv1.Deployment) { d.Name = "other" }
		}), []string{
			`[chart/web] Patch: changes metadata.name from "web" to "other", but other objects refer to it by the first; set Name instead`,
		}},
		"patch that removes the selector": {props(func(p *infra.ProbedDeploymentProps) {
			p.Patch = func(d *appsv1.Deployment) { d.Spec.Selector = nil }
		}), []string{
			`[chart/web] Patch.spec.selector: leaves no selector; leave the labels in place`,
		}},
		"name that is no text": {props(func(p *infra.ProbedDeploymentProps) { p.Name = strings.Repeat("\x80", 90) }), []string{
			`[chart/web] Name: ""... (90 bytes) ` + label,
			`[chart/web/Resource] Deployment: cannot be written as YAML: metadata.name: is not UTF-8 text; bytes belong in a []byte, which is written in base64`,
		}},
		"bad label beside the default selector": {props(func(p *infra.ProbedDeploymentProps) {
			p.Selector = map[string]string{"app": "web", "bad key!": "x"}
		}), []string{
			`[chart/web] Selector: "bad key!" is not a label or annotation key; use a name of at most 63 letters, digits, '-', '_' or '.', after an optional DNS prefix and '/'`,
		}},
		"version against selector": {props(func(p *infra.ProbedDeploymentProps) {
			p.Selector = map[string]string{"version": "v1"}
			p.Version = "v2"
		}), []string{
			`[chart/web] Version: "v2" is not what the Selector asks for, "v1"; leave one of them out`,
		}},
		"digest of the user's own": {props(func(p *infra.ProbedDeploymentProps) {
			p.PodAnnotations = map[string]string{"checksum/config": "x"}
		}), []string{
			`[chart/web] PodAnnotations["checksum/config"]: "x" is where the digest of the configuration stands; leave it out`,
		}},
		"large annotations": {props(func(p *infra.ProbedDeploymentProps) {
			p.Annotations = map[string]string{"a": strings.Repeat("x", 256<<10)}
		}), []string{
			`[chart/web] Annotations: "262145 bytes" is more than all annotations together may have, 262144 bytes; put the content into a Config`,
		}},
		"ready for longer than a rollout may stand still": {props(func(p *infra.ProbedDeploymentProps) {
			p.Rollout.MinReady = 15 * time.Minute
		}), []string{
			`[chart/web] Rollout.ProgressDeadline: 10m0s is not more than MinReady, 15m0s; raise it`,
		}},
		"share with a sign": {props(func(p *infra.ProbedDeploymentProps) {
			p.Rollout.MaxUnavailable = new(intstr.FromString("+5%"))
		}), []string{
			`[chart/web] Rollout.MaxUnavailable: "+5%" is not a number of pods; use Pods(n) with 0 or more, or Percent(n) with 0 to 100`,
		}},
		"capabilities": {props(func(p *infra.ProbedDeploymentProps) {
			p.Security.AddCapabilities = []string{"CAP_CHOWN", "no such", "SYS_ADMIN"}
		}), []string{
			`[chart/web] Security.AddCapabilities[0]: "CAP_CHOWN" is not a capability; use upper case and no CAP_, for example NET_BIND_SERVICE`,
			`[chart/web] Security.AddCapabilities[1]: "no such" is not a capability; use upper case and no CAP_, for example NET_BIND_SERVICE`,
			`[chart/web] Security.AddCapabilities[2]: "SYS_ADMIN" implies privilege escalation; say AllowPrivilegeEscalation: true, or leave it out`,
		}},
		"text that YAML cannot carry": {props(func(p *infra.ProbedDeploymentProps) {
			p.Command = []string{""}
			p.Args = []string{"a\x00b", "0o7"}
			p.Env = []pod.EnvVar{{Name: "A", Value: "a\u2028b"}, {Name: "B", Value: "\ta\nb"}}
		}), []string{
			`[chart/web] Command[0]: is not set; name the program, or leave Command out for the image's own`,
			`[chart/web/Resource] spec.template.spec.containers[0].args[0]: the text has the character U+0000, which no environment variable, argument or path can hold; change it, or carry it in base64`,
			`[chart/web/Resource] spec.template.spec.containers[0].args[1]: the text is read as a number by Kubernetes although it is none to cdk8s; change it, or carry it in base64`,
			`[chart/web/Resource] spec.template.spec.containers[0].env[0].value: the text has the character U+2028, which YAML cannot carry as it is; change it, or carry it in base64`,
			`[chart/web/Resource] spec.template.spec.containers[0].env[1].value: the text has several lines of which the first that is not empty begins with a tab, which YAML parsers refuse; change it, or carry it in base64`,
		}},
		"sources that are nil pointers": {props(func(p *infra.ProbedDeploymentProps) {
			var config *infra.Config
			var credentials *infra.Credentials
			p.EnvFrom = []pod.EnvFrom{{Source: config}, {Source: credentials}}
			p.Env = []pod.EnvVar{{Name: "A", ValueFrom: config.Key("a")}}
			p.Files = []pod.File{{Path: "/a", From: credentials.Key("a")}}
		}), []string{
			`[chart/web] Env[0].ValueFrom: is not set; give the Key of a *Config or of *Credentials`,
			`[chart/web] EnvFrom[0].Source: is not set; give a *Config or *Credentials`,
			`[chart/web] EnvFrom[1].Source: is not set; give a *Config or *Credentials`,
			`[chart/web] Files[0].From: is not set; give the Key of a *Config or of *Credentials`,
		}},
		"patch against selector": {props(func(p *infra.ProbedDeploymentProps) {
			p.Patch = func(d *appsv1.Deployment) { d.Spec.Template.Labels = nil }
		}), []string{
			`[chart/web] Patch.spec.selector: "app=web" selects none of the pods that the Deployment makes; let the selector match the labels of the pod template`,
		}},
	}.Run(t)
}
