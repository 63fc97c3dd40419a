package pod_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/cdk8s-team/cdk8s-core-go/cdk8s/v2"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/pod-security-admission/api"
	"k8s.io/pod-security-admission/policy"

	"github.com/crossoverJie/k8s-combat/imports/tree"
	"github.com/crossoverJie/k8s-combat/imports/tree/native"
	"github.com/crossoverJie/k8s-combat/infra"
	"github.com/crossoverJie/k8s-combat/infra/internal/synthtest"
	"github.com/crossoverJie/k8s-combat/infra/pod"
)

func TestTemplateMinimal(t *testing.T) {
	t.Parallel()
	synthtest.Golden(t, "template-minimal", pods(nil))
}

// full sets what no golden of its own has.
func full(chart cdk8s.Chart, p *pod.Props) {
	settings := config(chart)
	registry := infra.NewCredentials(chart, "registry", infra.CredentialsProps{Name: "registry", Existing: true, Type: "kubernetes.io/dockerconfigjson"})
	p.Labels = map[string]string{"tier": "back"}
	p.Version = "v2"
	p.Annotations = map[string]string{"example.com/owner": "team"}
	p.ImagePullPolicy = pod.PullAlways
	p.Command, p.Args, p.WorkingDir = []string{"/queue"}, []string{"--id=$(POD)", "--price=5$"}, "/data"
	p.Ports = []pod.Port{{Name: "amqp", Port: 5672}, {Name: "gossip", Port: 7946, Protocol: pod.SCTP}}
	p.Env = []pod.EnvVar{{Name: "POD", ValueFrom: pod.FieldRef("metadata.name")}, {Name: "LEVEL", ValueFrom: settings.Key("LEVEL")}}
	p.Scratch = []string{"/tmp"}
	p.Mounts = mounted(pod.EmptyDir("spool", pod.EmptyDirOptions{}))
	p.Resources.Limits = pod.ResourceList{CPU: "1", Memory: "1Gi"}
	p.Probes.Readiness.Handler = pod.TCPSocket(5672)
	p.Shutdown = pod.Shutdown{PreStop: 5 * time.Second, Variables: pod.ShutdownVariables{Settle: "SETTLE", Drain: "DRAIN", Flush: "FLUSH"}}
	p.ServiceAccount = infra.NewServiceAccount(chart, "account", infra.ServiceAccountProps{Name: "queue"})
	p.ImagePullSecrets = []pod.KeySource{registry}
	p.Sidecars = []pod.Container{{
		Name: "proxy", Image: "example.com/proxy:1", ImagePullPolicy: pod.PullNever, Command: []string{"/proxy"}, Args: []string{"$(UPSTREAM)"}, WorkingDir: "/srv",
		Ports: []pod.Port{{Name: "https", Port: 8443}}, Env: []pod.EnvVar{{Name: "UPSTREAM", Value: "127.0.0.1:5672"}},
		EnvFrom: []pod.EnvFrom{{Source: settings, Prefix: "QUEUE_"}}, Files: []pod.File{{Path: "/etc/proxy.yaml", From: settings.Key("app.yaml")}},
		Scratch: []string{"/tmp"}, Mounts: mounted(pod.EmptyDir("spool", pod.EmptyDirOptions{})),
		Resources: pod.Resources{Requests: pod.ResourceList{CPU: "10m"}},
		Probes:    pod.Probes{Startup: pod.Probe{Handler: pod.HTTPSGet("/ready", 8443)}},
		Security:  pod.ContainerSecurity{RunAsUser: new(int64(1000)), RunAsGroup: new(int64(1000)), AddCapabilities: []string{"NET_BIND_SERVICE"}},
	}}
	p.Init = []pod.Container{{Name: "migrate", Image: "example.com/queue:1", Command: []string{"/queue", "migrate"}}}
}

func TestTemplateFull(t *testing.T) {
	t.Parallel()
	synthtest.Golden(t, "template-full", pods(full))
}

func TestSidecarsStartBeforeInit(t *testing.T) {
	t.Parallel()
	before := template(t, pods(full)).Spec.InitContainers
	require.Len(t, before, 2)
	assert.Equal(t, "proxy", before[0].Name)
	assert.Equal(t, corev1.ContainerRestartPolicyAlways, *before[0].RestartPolicy)
	assert.Equal(t, "migrate", before[1].Name)
	assert.Nil(t, before[1].RestartPolicy, "it runs to its end")
}

func TestShutdownIsOfTheMainContainer(t *testing.T) {
	t.Parallel()
	spec := template(t, pods(full)).Spec
	assert.Equal(t, []corev1.EnvVar{{Name: "SETTLE", Value: "0s"}, {Name: "DRAIN", Value: "15s"}, {Name: "FLUSH", Value: "2s"}}, spec.Containers[0].Env[2:])
	assert.EqualValues(t, 5, spec.Containers[0].Lifecycle.PreStop.Sleep.Seconds)
	for _, container := range spec.InitContainers {
		assert.Nil(t, container.Lifecycle)
		for _, variable := range container.Env {
			assert.NotContains(t, []string{"SETTLE", "DRAIN", "FLUSH"}, variable.Name)
		}
	}
}

// restricted asks Kubernetes' own evaluator whether the pods meet the Pod Security Standard "restricted".
func restricted(t *testing.T, pods corev1.PodTemplateSpec) policy.AggregateCheckResult {
	t.Helper()
	evaluator, err := policy.NewEvaluator(policy.DefaultChecks(), nil)
	require.NoError(t, err)
	level := api.LevelVersion{Level: api.LevelRestricted, Version: api.LatestVersion()}
	return policy.AggregateCheckResults(evaluator.EvaluatePod(level, &pods.ObjectMeta, &pods.Spec))
}

func TestAllContainersAreRestricted(t *testing.T) {
	t.Parallel()
	pods := template(t, pods(full))
	result := restricted(t, pods)
	assert.True(t, result.Allowed, result.ForbiddenDetail())
	for _, container := range append(pods.Spec.InitContainers, pods.Spec.Containers...) {
		assert.True(t, *container.SecurityContext.ReadOnlyRootFilesystem, container.Name)
	}
	assert.False(t, *pods.Spec.AutomountServiceAccountToken, "an account alone is no token")
}

// The evaluator does see what a sidecar or an init container may do.
func TestWhatIsNotRestricted(t *testing.T) {
	t.Parallel()
	loose := func(security pod.ContainerSecurity) []pod.Container {
		return []pod.Container{{Name: "loose", Image: "example.com/loose:1", Security: security}}
	}
	for name, security := range map[string]pod.ContainerSecurity{
		"root":                 {AllowRoot: true, RunAsUser: new(int64(0))},
		"privilege escalation": {AllowPrivilegeEscalation: true},
		"capabilities":         {KeepCapabilities: true},
		"a capability":         {AddCapabilities: []string{"NET_ADMIN"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			assert.False(t, restricted(t, template(t, props(func(p *pod.Props) { p.Sidecars = loose(security) }))).Allowed)
			assert.False(t, restricted(t, template(t, props(func(p *pod.Props) { p.Init = loose(security) }))).Allowed)
		})
	}
	writable := template(t, props(func(p *pod.Props) { p.Sidecars = loose(pod.ContainerSecurity{WritableRootFilesystem: true}) }))
	assert.Nil(t, writable.Spec.InitContainers[0].SecurityContext.ReadOnlyRootFilesystem)
	assert.True(t, restricted(t, writable).Allowed)
}

func TestLabelsOfTheChart(t *testing.T) {
	t.Parallel()
	labels := func(ofChart bool) map[string]string {
		chart := tree.NewChart(native.NewApp(nil), "chart", tree.ChartProps{Labels: map[string]string{"team": "shop", "tier": "any", "app": "any", "version": "any"}})
		newQueue(chart, map[string]string{"app": "queue"}, pod.Props{
			Name: "queue", Image: "example.com/queue:1", ChartLabels: ofChart, Labels: map[string]string{"tier": "back"}, Version: "v2",
		})
		objects, err := tree.Render(chart)
		require.NoError(t, err)
		content, err := json.Marshal(objects[0])
		require.NoError(t, err)
		var set appsv1.ReplicaSet
		require.NoError(t, json.Unmarshal(content, &set))
		return set.Spec.Template.Labels
	}
	assert.Equal(t, map[string]string{"app": "queue", "tier": "back", "version": "v2"}, labels(false))
	assert.Equal(t, map[string]string{"app": "queue", "tier": "back", "version": "v2", "team": "shop"}, labels(true))
}

func TestChecksum(t *testing.T) {
	t.Parallel()
	sum := func(change func(p *pod.Props, settings *infra.Config), onChange infra.OnChange, value string) string {
		return template(t, pods(func(chart cdk8s.Chart, p *pod.Props) {
			change(p, infra.NewConfig(chart, "settings", infra.ConfigProps{
				Name: "settings", OnChange: onChange, Data: map[string]string{"used": value, "other": "x"},
			}))
		})).Annotations[pod.ChecksumAnnotation]
	}
	beside := func(change func(c *pod.Container, settings *infra.Config), list func(p *pod.Props) *[]pod.Container) func(*pod.Props, *infra.Config) {
		return func(p *pod.Props, settings *infra.Config) {
			c := pod.Container{Name: "beside", Image: "example.com/beside:1"}
			change(&c, settings)
			*list(p) = []pod.Container{c}
		}
	}
	variable := func(c *pod.Container, settings *infra.Config) {
		c.Env = []pod.EnvVar{{Name: "A", ValueFrom: settings.Key("used")}}
	}
	all := func(c *pod.Container, settings *infra.Config) { c.Mounts = mounted(pod.AllKeys(settings)) }
	file := func(c *pod.Container, settings *infra.Config) {
		c.Files = []pod.File{{Path: "/etc/beside/used", From: settings.Key("used")}}
	}
	part := func(c *pod.Container, settings *infra.Config) {
		c.Mounts = []pod.Mount{{Path: "/etc/beside/used", Volume: pod.AllKeys(settings), SubPath: "used"}}
	}
	other := func(c *pod.Container, settings *infra.Config) {
		c.Env = []pod.EnvVar{{Name: "A", ValueFrom: settings.Key("other")}}
	}
	for name, test := range map[string]struct {
		use               func(*pod.Container, *infra.Config)
		restarts, reloads bool
	}{
		"a variable":         {variable, true, true},
		"a file":             {file, true, false},
		"all keys":           {all, true, false},
		"one of all keys":    {part, true, true},
		"another key's":      {other, false, false},
		"nothing at all":     {func(*pod.Container, *infra.Config) {}, false, false},
		"all keys as a mask": {func(c *pod.Container, s *infra.Config) { c.EnvFrom = []pod.EnvFrom{{Source: s}} }, true, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, list := range []func(p *pod.Props) *[]pod.Container{
				func(p *pod.Props) *[]pod.Container { return &p.Sidecars }, func(p *pod.Props) *[]pod.Container { return &p.Init },
			} {
				change := beside(test.use, list)
				assert.Equal(t, test.restarts, sum(change, infra.Restart, "a") != sum(change, infra.Restart, "b"))
				assert.Equal(t, test.reloads, sum(change, infra.Reload, "a") != sum(change, infra.Reload, "b"))
			}
		})
	}
}

func TestTemplateBadInput(t *testing.T) {
	t.Parallel()
	const image = `is not set; name an image, for example "docker.io/library/nginx:1.29"`
	const label = "is not an RFC 1123 label; use 1 to 63 lower-case letters, digits or '-', beginning and ending with a letter or digit"
	synthtest.BadInput{
		"nothing": {func(chart cdk8s.Chart) { newQueue(chart, nil, pod.Props{}) }, []string{
			`[chart/queue] Name: is not set; give the object a name, for example "web"`,
			`[chart/queue] selector: is not set; give at least one label by which the construct knows its pods`,
			`[chart/queue] Image: ` + image,
		}},
		"labels": {func(chart cdk8s.Chart) {
			newQueue(chart, map[string]string{"app": "queue", "version": "v1", "a b": "c"}, pod.Props{
				Name: "queue", Image: "example.com/queue:1", Version: "v2",
				Labels: map[string]string{"app": "other", "version": "v1"}, Annotations: map[string]string{"a b": "", pod.ChecksumAnnotation: "x"},
			})
		}, []string{
			`[chart/queue] selector: "a b" is not a label or annotation key; use a name of at most 63 letters, digits, '-', '_' or '.', after an optional DNS prefix and '/'`,
			`[chart/queue] Annotations: "a b" is not a label or annotation key; use a name of at most 63 letters, digits, '-', '_' or '.', after an optional DNS prefix and '/'`,
			`[chart/queue] Annotations["checksum/config"]: "x" is where the digest of the configuration stands; leave it out`,
			`[chart/queue] Labels["app"]: "other" is not what the Selector asks for, "queue"; leave it out`,
			`[chart/queue] Labels["version"]: "v1" is set by Version; leave it out`,
			`[chart/queue] Version: "v2" is not what the Selector asks for, "v1"; leave one of them out`,
		}},
		"containers": {props(func(p *pod.Props) {
			p.Sidecars = []pod.Container{
				{Name: "queue"}, {Image: "A B"}, {},
				{Name: "Proxy", Image: "example.com/proxy:1", Security: pod.ContainerSecurity{RunAsUser: new(int64(0)), RunAsGroup: new(int64(-1))}, Probes: pod.Probes{Liveness: pod.Probe{Period: time.Second}}},
			}
			p.Init = []pod.Container{
				{Name: "queue", Image: "example.com/queue:1", Probes: pod.Probes{Readiness: pod.Probe{Handler: pod.TCPSocket(1)}}},
				{Name: "copy", Image: "example.com/copy:1", Command: []string{""}, WorkingDir: "data", Ports: []pod.Port{{}}, ImagePullPolicy: "Now",
					Resources: pod.Resources{Requests: pod.ResourceList{CPU: "2"}, Limits: pod.ResourceList{CPU: "1"}}},
			}
		}), []string{
			`[chart/queue] Sidecars[0].Name: "queue" is already taken by the main container; give each its own`,
			`[chart/queue] Sidecars[0].Image: ` + image,
			`[chart/queue] Sidecars[1].Name: is not set; give the object a name, for example "web"`,
			`[chart/queue] Sidecars[1].Image: "A B" is not an image reference; use [REGISTRY/]NAME[:TAG][@DIGEST] in lower case and without spaces, for example "docker.io/library/nginx:1.29"`,
			`[chart/queue] Sidecars[2].Name: is not set; give the object a name, for example "web"`,
			`[chart/queue] Sidecars[2].Image: ` + image,
			`[chart/queue] Sidecars[3].Name: "Proxy" ` + label,
			`[chart/queue] Sidecars[3].Security.RunAsGroup: -1 is not an id; use 0 to 2147483647`,
			`[chart/queue] Sidecars[3].Security.RunAsUser: 0 is root; use another user, or say AllowRoot: true`,
			`[chart/queue] Sidecars[3].Probes.Liveness.Handler: is not set; say what to ask: HTTPGet, HTTPSGet, GRPC, TCPSocket or Exec`,
			`[chart/queue] Init[0].Name: "queue" is already taken by the main container; give each its own`,
			`[chart/queue] Init[0].Probes: have no meaning for a container that runs to its end before the others start; leave them out, or make it one of Sidecars`,
			`[chart/queue] Init[1].ImagePullPolicy: "Now" is not known; use Always, IfNotPresent or Never`,
			`[chart/queue] Init[1].Command[0]: is not set; name the program, or leave Command out for the image's own`,
			`[chart/queue] Init[1].WorkingDir: "data" is not a clean absolute path; use for example "/var/lib/app", without ':'`,
			`[chart/queue] Init[1].Ports[0].Port: 0 is not a port; use 1 to 65535`,
			`[chart/queue] Init[1].Resources.Requests.CPU: "2" is more than Init[1].Resources.Limits.CPU, "1"; lower the request or raise the limit`,
		}},
		"accounts": {pods(func(chart cdk8s.Chart, p *pod.Props) {
			p.ServiceAccount = infra.NewServiceAccount(chart, "account", infra.ServiceAccountProps{Name: "queue"})
			p.ServiceAccountName = "Robot"
		}), []string{
			`[chart/queue] ServiceAccountName: "Robot" is not an RFC 1123 subdomain; use 1 to 253 lower-case letters, digits, '-' or '.', beginning and ending with a letter or digit`,
			`[chart/queue] ServiceAccountName: "Robot" cannot stand beside ServiceAccount; leave out one of them`,
		}},
		"references that are nil": {props(func(p *pod.Props) {
			p.ServiceAccount = (*infra.ServiceAccount)(nil)
			p.ImagePullSecrets = []pod.KeySource{nil, (*infra.Credentials)(nil), (*infra.Config)(nil), ownSource{}}
		}), []string{
			`[chart/queue] ServiceAccount: is not set; give a *ServiceAccount that is not nil, or leave it out for the namespace's default`,
			`[chart/queue] ImagePullSecrets[0]: is not set; give *Credentials of the type kubernetes.io/dockerconfigjson`,
			`[chart/queue] ImagePullSecrets[1]: is not set; give *Credentials of the type kubernetes.io/dockerconfigjson`,
			`[chart/queue] ImagePullSecrets[2]: is not set; give *Credentials of the type kubernetes.io/dockerconfigjson`,
			`[chart/queue] ImagePullSecrets[3]: is not set; give *Credentials of the type kubernetes.io/dockerconfigjson`,
		}},
		"an account around nil": {props(func(p *pod.Props) { p.ServiceAccount = struct{ pod.Account }{} }), []string{
			`[chart/queue] ServiceAccount: is not set; give a *ServiceAccount that is not nil, or leave it out for the namespace's default`,
		}},
		"secrets that pull nothing": {pods(func(chart cdk8s.Chart, p *pod.Props) {
			p.ImagePullSecrets = []pod.KeySource{
				config(chart), infra.NewCredentials(chart, "a", infra.CredentialsProps{Name: "a", Existing: true, Keys: []string{"password"}}),
			}
		}), []string{
			`[chart/queue] ImagePullSecrets[0]: "settings" is a ConfigMap, and images are pulled with a Secret; give *Credentials`,
			`[chart/queue] ImagePullSecrets[1]: ".dockerconfigjson" is not a key of Secret a; use password`,
		}},
		"in another namespace": {func(chart cdk8s.Chart) {
			shop := tree.NewChart(chart, "shop", tree.ChartProps{Namespace: "shop"})
			there := tree.NewChart(chart, "there", tree.ChartProps{Namespace: "there"})
			settings := config(there)
			newQueue(shop, map[string]string{"app": "queue"}, pod.Props{
				Name: "queue", Image: "example.com/queue:1",
				Env:            []pod.EnvVar{{Name: "LEVEL", ValueFrom: settings.Key("LEVEL")}},
				Mounts:         mounted(pod.Claim(claim(chart, "data"))),
				ServiceAccount: infra.NewServiceAccount(shop, "account", infra.ServiceAccountProps{Name: "queue"}),
				Sidecars:       []pod.Container{{Name: "proxy", Image: "example.com/proxy:1", EnvFrom: []pod.EnvFrom{{Source: settings}}}},
			})
		}, []string{
			`[chart/shop/queue] Env[0].ValueFrom: "settings" is a ConfigMap in namespace "there", and cannot be referred to from namespace "shop"; put both into charts of one Namespace`,
			`[chart/shop/queue] Mounts[0].Volume: "data" is a PersistentVolumeClaim in a namespace that kubectl chooses, and cannot be referred to from namespace "shop"; put both into charts of one Namespace`,
			`[chart/shop/queue] Sidecars[0].EnvFrom[0].Source: "settings" is a ConfigMap in namespace "there", and cannot be referred to from namespace "shop"; put both into charts of one Namespace`,
		}},
	}.Run(t)
}
