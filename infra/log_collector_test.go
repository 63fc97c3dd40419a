package infra_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cdk8s-team/cdk8s-core-go/cdk8s/v2"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/pod-security-admission/api"
	"k8s.io/pod-security-admission/policy"
	"sigs.k8s.io/yaml"

	"github.com/crossoverJie/k8s-combat/infra"
)

// collectorWith builds a LogCollector that is in order but for what change does, and the workload "web" that it is attached
// to.
func collectorWith(change func(chart cdk8s.Chart, props *infra.LogCollectorProps)) func(chart cdk8s.Chart) {
	return func(chart cdk8s.Chart) {
		elasticsearch := infra.NewElasticsearch(chart, "search", infra.ElasticsearchProps{Name: "search", Credentials: elasticsearchUsers(chart)})
		props := infra.LogCollectorProps{Name: "logs", Elasticsearch: elasticsearch.Endpoint()}
		if change != nil {
			change(chart, &props)
		}
		c := infra.NewLogCollector(chart, "logs", props)
		workload(func(props *infra.ProbedDeploymentProps) { props.Patch = c.Attach })(chart)
	}
}

// sidecarsOf builds a LogCollector in the form SidecarCollector, and the workload "web" with attach as its Patch.
func sidecarsOf(attach func(cdk8s.Chart, *infra.LogCollector, *appsv1.Deployment)) func(chart cdk8s.Chart) {
	return func(chart cdk8s.Chart) {
		elasticsearch := infra.NewElasticsearch(chart, "search", infra.ElasticsearchProps{Name: "search", Credentials: elasticsearchUsers(chart)})
		c := infra.NewLogCollector(chart, "logs", infra.LogCollectorProps{
			Name: "logs", Form: infra.SidecarCollector, Elasticsearch: elasticsearch.Endpoint(), LogFileVariable: "LOG_FILE",
		})
		workload(func(props *infra.ProbedDeploymentProps) {
			props.Patch = func(d *appsv1.Deployment) { attach(chart, c, d) }
		})(chart)
	}
}

func asSidecar(_ cdk8s.Chart, props *infra.LogCollectorProps) { props.Form = infra.SidecarCollector }

func TestLogCollectorPerNode(t *testing.T) {
	t.Parallel()
	golden(t, "log-collector-node", collectorWith(nil))
}

func TestLogCollectorSidecar(t *testing.T) {
	t.Parallel()
	golden(t, "log-collector-sidecar", collectorWith(asSidecar))
}

func TestLogCollectorFull(t *testing.T) {
	t.Parallel()
	golden(t, "log-collector-full", func(chart cdk8s.Chart) {
		cart := infra.NewProbedDeployment(chart, "cart", infra.ProbedDeploymentProps{Name: "cart", Image: "example.com/cart:1"})
		shop := infra.NewProbedDeployment(chart, "shop", infra.ProbedDeploymentProps{Name: "shop", Image: "example.com/shop:1"})
		credentials := infra.NewCredentials(chart, "login", infra.CredentialsProps{Name: "login", Existing: true})
		infra.NewLogCollector(chart, "logs", infra.LogCollectorProps{
			Name:          "logs",
			Elasticsearch: infra.ExistingElasticsearch("https://logs.example.com:9200", credentials),
			From:          []*infra.ProbedDeployment{cart, shop},
			MessageKey:    "event.text",
			Retention:     30 * 24 * time.Hour,
			Image:         "example.com/filebeat:8.17.0",
			Resources:     infra.Resources{Limits: infra.ResourceList{Memory: "1Gi"}},
			Patch:         func(d *appsv1.DaemonSet) { d.Spec.Template.Spec.PriorityClassName = "system-node-critical" },
		})
	})
}

// filebeatConfig decodes the configuration that the ConfigMap holds.
func filebeatConfig(t *testing.T, build func(chart cdk8s.Chart)) map[string]any {
	t.Helper()
	var config map[string]any
	require.NoError(t, yaml.UnmarshalStrict([]byte(only[corev1.ConfigMap](t, "ConfigMap", build).Data["filebeat.yml"]), &config))
	return config
}

func TestLogCollectorReadsJSONWithItsKeysAtTheRoot(t *testing.T) {
	t.Parallel()
	for name, build := range map[string]func(cdk8s.Chart){"node": collectorWith(nil), "sidecar": collectorWith(asSidecar)} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			input := filebeatConfig(t, build)["filebeat.inputs"].([]any)[0].(map[string]any)
			assert.Equal(t, "filestream", input["type"])
			parsers := input["parsers"].([]any)
			assert.Equal(t, map[string]any{"ndjson": map[string]any{
				"target": "", "overwrite_keys": true, "add_error_key": true, "ignore_decoding_error": true,
			}}, parsers[len(parsers)-1])
		})
	}
}

func TestLogCollectorReadsTheLogsThatItMounts(t *testing.T) {
	t.Parallel()
	paths := func(build func(cdk8s.Chart)) []any {
		return filebeatConfig(t, build)["filebeat.inputs"].([]any)[0].(map[string]any)["paths"].([]any)
	}
	mounted := func(container corev1.Container, file string) bool {
		return slices.ContainsFunc(container.VolumeMounts, func(m corev1.VolumeMount) bool {
			return m.ReadOnly && strings.HasPrefix(file, m.MountPath+"/")
		})
	}
	node := only[appsv1.DaemonSet](t, "DaemonSet", collectorWith(nil)).Spec.Template.Spec.Containers[0]
	for _, file := range paths(collectorWith(nil)) {
		assert.True(t, mounted(node, file.(string)), file)
	}
	beside := deployment(t, collectorWith(asSidecar)).Spec.Template.Spec
	for _, file := range paths(collectorWith(asSidecar)) {
		assert.True(t, mounted(beside.InitContainers[0], file.(string)), file)
	}
	assert.Equal(t, "/var/log/app", beside.Containers[0].VolumeMounts[0].MountPath, "the workload writes where the sidecar reads")
	assert.False(t, beside.Containers[0].VolumeMounts[0].ReadOnly)
}

func TestLogCollectorFormIsOneField(t *testing.T) {
	t.Parallel()
	node, beside := deployment(t, collectorWith(nil)), deployment(t, collectorWith(asSidecar))
	assert.Empty(t, node.Spec.Template.Spec.InitContainers)
	assert.Len(t, objects[appsv1.DaemonSet](t, "DaemonSet", collectorWith(nil)), 1)

	require.Len(t, beside.Spec.Template.Spec.InitContainers, 1)
	assert.Equal(t, corev1.ContainerRestartPolicyAlways, *beside.Spec.Template.Spec.InitContainers[0].RestartPolicy)
	for _, kind := range []string{"DaemonSet", "ServiceAccount", "Role", "RoleBinding"} {
		assert.Empty(t, objects[map[string]any](t, kind, collectorWith(asSidecar)), kind)
	}
}

func TestLogCollectorTellsTheWorkloadWhereToLog(t *testing.T) {
	t.Parallel()
	got := deployment(t, collectorWith(func(_ cdk8s.Chart, props *infra.LogCollectorProps) {
		props.Form = infra.SidecarCollector
		props.LogFile = "/logs/web.log"
		props.LogFileVariable = "LOG_FILE"
	})).Spec.Template.Spec.Containers[0]
	assert.Contains(t, got.Env, corev1.EnvVar{Name: "LOG_FILE", Value: "/logs/web.log"})
	assert.Contains(t, got.VolumeMounts, corev1.VolumeMount{Name: "logs-logs", MountPath: "/logs"})
}

func TestLogCollectorSidecarIsRestricted(t *testing.T) {
	t.Parallel()
	result := restricted(t, deployment(t, collectorWith(asSidecar)).Spec.Template)
	assert.True(t, result.Allowed, result.ForbiddenDetail())
}

// TestLogCollectorPerNodeIsRestrictedBut names the rules that the collector breaks, and that it breaks no other.
func TestLogCollectorPerNodeIsRestrictedBut(t *testing.T) {
	t.Parallel()
	pod := only[appsv1.DaemonSet](t, "DaemonSet", collectorWith(nil)).Spec.Template
	level := api.LevelVersion{Level: api.LevelRestricted, Version: api.LatestVersion()}
	broken := map[string]bool{}
	for _, check := range policy.DefaultChecks() {
		evaluator, err := policy.NewEvaluator([]policy.Check{check}, nil)
		require.NoError(t, err)
		if !policy.AggregateCheckResults(evaluator.EvaluatePod(level, &pod.ObjectMeta, &pod.Spec)).Allowed {
			broken[string(check.ID)] = true
		}
	}
	assert.Equal(t, map[string]bool{"hostPathVolumes": true, "restrictedVolumes": true, "runAsNonRoot": true, "runAsUser": true}, broken)

	security := pod.Spec.Containers[0].SecurityContext
	assert.Equal(t, &corev1.Capabilities{Drop: []corev1.Capability{"ALL"}}, security.Capabilities)
	assert.True(t, *security.ReadOnlyRootFilesystem)
	assert.False(t, *security.AllowPrivilegeEscalation)
}

func TestLogCollectorMayReadPodsOfItsNamespaceAlone(t *testing.T) {
	t.Parallel()
	role := only[rbacv1.Role](t, "Role", collectorWith(nil))
	assert.Equal(t, []rbacv1.PolicyRule{{APIGroups: []string{""}, Resources: []string{"pods"}, Verbs: []string{"get", "list", "watch"}}}, role.Rules)
	binding := only[rbacv1.RoleBinding](t, "RoleBinding", collectorWith(nil))
	assert.Equal(t, role.Name, binding.RoleRef.Name)
	account := only[corev1.ServiceAccount](t, "ServiceAccount", collectorWith(nil))
	assert.Equal(t, []rbacv1.Subject{{Kind: "ServiceAccount", Name: account.Name}}, binding.Subjects)
	pod := only[appsv1.DaemonSet](t, "DaemonSet", collectorWith(nil)).Spec.Template.Spec
	assert.Equal(t, account.Name, pod.ServiceAccountName)
	assert.Empty(t, objects[rbacv1.ClusterRole](t, "ClusterRole", collectorWith(nil)))
}

func TestLogCollectorPasswordIsInNoConfigMap(t *testing.T) {
	t.Parallel()
	const secret = "hunter2-of-the-collector"
	build := func(chart cdk8s.Chart) {
		elasticsearch := infra.NewElasticsearch(chart, "search", infra.ElasticsearchProps{
			Name: "search",
			Credentials: infra.NewCredentials(chart, "users", infra.CredentialsProps{
				Name: "users", Values: map[string]infra.Sensitive{"elastic": secret, "kibana_server": secret, "filebeat": secret},
			}),
		})
		infra.NewLogCollector(chart, "logs", infra.LogCollectorProps{Name: "logs", Elasticsearch: elasticsearch.Endpoint()})
	}
	manifests, messages := synth(t, build)
	require.Empty(t, messages)
	assert.NotContains(t, manifests, secret, "it is in the Secret alone, encoded")
	output := filebeatConfig(t, build)["output.elasticsearch"].(map[string]any)
	assert.Equal(t, "${ELASTICSEARCH_PASSWORD}", output["password"])
	env := only[appsv1.DaemonSet](t, "DaemonSet", build).Spec.Template.Spec.Containers[0].Env
	assert.Contains(t, env, corev1.EnvVar{Name: "ELASTICSEARCH_PASSWORD", ValueFrom: &corev1.EnvVarSource{
		SecretKeyRef: &corev1.SecretKeySelector{LocalObjectReference: corev1.LocalObjectReference{Name: "users"}, Key: output["username"].(string)},
	}})
}

func TestLogCollectorChangeOfConfigurationRestartsIt(t *testing.T) {
	t.Parallel()
	longer := func(form infra.LogCollectorForm) func(cdk8s.Chart) {
		return collectorWith(func(_ cdk8s.Chart, props *infra.LogCollectorProps) {
			props.Form, props.Retention = form, 14*24*time.Hour
		})
	}
	node := func(build func(cdk8s.Chart)) string {
		return only[appsv1.DaemonSet](t, "DaemonSet", build).Spec.Template.Annotations["checksum/config"]
	}
	assert.NotEmpty(t, node(collectorWith(nil)))
	assert.NotEqual(t, node(collectorWith(nil)), node(longer(infra.NodeCollector)))
	beside := func(build func(cdk8s.Chart)) string {
		return deployment(t, build).Spec.Template.Annotations["checksum/config-logs"]
	}
	assert.NotEmpty(t, beside(collectorWith(asSidecar)))
	assert.NotEqual(t, beside(collectorWith(asSidecar)), beside(longer(infra.SidecarCollector)))
}

func TestLogCollectorBadInput(t *testing.T) {
	t.Parallel()
	with := func(change func(props *infra.LogCollectorProps)) func(cdk8s.Chart) {
		return collectorWith(func(_ cdk8s.Chart, props *infra.LogCollectorProps) { change(props) })
	}
	const logFile = `is not the path of a log file in a folder of its own; use for example "/var/log/app/app.log", absolute, with letters, digits, '_', '-' and '.', ending with .log`
	badInput{
		"nothing": {func(chart cdk8s.Chart) { infra.NewLogCollector(chart, "logs", infra.LogCollectorProps{}) }, []string{
			`[chart/logs] Name: is not set; give the object a name, for example "web"`,
			`[chart/logs] Elasticsearch: is not set; give the Endpoint of an *Elasticsearch, or ExistingElasticsearch`,
			`[chart/logs/Config] Name: is not set; give the object a name, for example "web"`,
		}},
		"form": {with(func(props *infra.LogCollectorProps) { props.Form = "Gateway" }), []string{
			`[chart/logs] Form: "Gateway" is not known; use Node or Sidecar`,
		}},
		"credentials without the user": {collectorWith(func(chart cdk8s.Chart, props *infra.LogCollectorProps) {
			login := infra.NewCredentials(chart, "login", infra.CredentialsProps{Name: "login", Existing: true, Keys: []string{"elastic"}})
			props.Elasticsearch = infra.ExistingElasticsearch("https://logs:9200", login)
		}), []string{
			`[chart/logs] Elasticsearch.Credentials: "filebeat" is not a key of Secret login; use elastic`,
		}},
		"workload that is nil": {with(func(props *infra.LogCollectorProps) { props.From = []*infra.ProbedDeployment{nil} }), []string{
			`[chart/logs] From[0]: is not set; give a *ProbedDeployment, or leave From out for all pods of the namespace`,
		}},
		"sidecar from elsewhere": {collectorWith(func(chart cdk8s.Chart, props *infra.LogCollectorProps) {
			props.Form = infra.SidecarCollector
			props.From = []*infra.ProbedDeployment{infra.NewProbedDeployment(chart, "cart", infra.ProbedDeploymentProps{Name: "cart", Image: "cart"})}
			props.Patch = func(*appsv1.DaemonSet) {}
		}), []string{
			`[chart/logs] From: [cart] has no meaning for a SidecarCollector, which collects from the pods that it is attached to; leave it out, and make Attach the Patch of each workload`,
			`[chart/logs] Patch: "func" has nothing to patch: a SidecarCollector makes no DaemonSet; patch the workload after Attach`,
		}},
		"relative log file":     {with(func(props *infra.LogCollectorProps) { props.LogFile = "app.log" }), []string{`[chart/logs] LogFile: "app.log" ` + logFile}},
		"log file at the root":  {with(func(props *infra.LogCollectorProps) { props.LogFile = "/app.log" }), []string{`[chart/logs] LogFile: "/app.log" ` + logFile}},
		"log file with dots":    {with(func(props *infra.LogCollectorProps) { props.LogFile = "/logs/../a.log" }), []string{`[chart/logs] LogFile: "/logs/../a.log" ` + logFile}},
		"log file without .log": {with(func(props *infra.LogCollectorProps) { props.LogFile = "/logs/app" }), []string{`[chart/logs] LogFile: "/logs/app" ` + logFile}},
		"log files":             {with(func(props *infra.LogCollectorProps) { props.LogFile = "/logs/*/a.log" }), []string{`[chart/logs] LogFile: "/logs/*/a.log" ` + logFile}},
		"variable": {with(func(props *infra.LogCollectorProps) { props.LogFileVariable = "1LOG" }), []string{
			`[chart/logs] LogFileVariable: "1LOG" is not the name of an environment variable; use letters, digits, '_', '-' or '.', not beginning with a digit`,
		}},
		"attached twice": {sidecarsOf(func(_ cdk8s.Chart, first *infra.LogCollector, d *appsv1.Deployment) {
			first.Attach(d)
			first.Attach(d)
		}), []string{
			`[chart/logs] Attach: "web" has a container "logs" already; attach a collector once, and let its Name be its own`,
		}},
		"attached beside another": {sidecarsOf(func(chart cdk8s.Chart, first *infra.LogCollector, d *appsv1.Deployment) {
			archive := infra.NewElasticsearch(chart, "archive", infra.ElasticsearchProps{
				Name: "archive", Credentials: infra.NewCredentials(chart, "login", infra.CredentialsProps{Name: "login", Existing: true}),
			})
			second := infra.NewLogCollector(chart, "second", infra.LogCollectorProps{
				Name: "second", Form: infra.SidecarCollector, Elasticsearch: archive.Endpoint(), LogFileVariable: "LOG_FILE",
			})
			first.Attach(d)
			second.Attach(d)
		}), []string{
			`[chart/second] Attach: "web" has pods with the label elasticsearch-client=search already, by which they may reach that Elasticsearch and no second one; use one Elasticsearch`,
			`[chart/second] Attach: "web" has the volume "logs-logs" mounted at /var/log/app already; let LogFile be in a folder of its own`,
			`[chart/second] Attach: "web" has the environment variable LOG_FILE already, which LogFileVariable sets; leave it out there`,
		}},
		"message key": {with(func(props *infra.LogCollectorProps) { props.MessageKey = "a b" }), []string{
			`[chart/logs] MessageKey: "a b" is not a key of a log entry; use letters, digits, '_', '-', '@', and '.' between nested keys`,
		}},
		"negative retention": {with(func(props *infra.LogCollectorProps) { props.Retention = -24 * time.Hour }), []string{
			`[chart/logs] Retention: -24h0m0s is not a number of whole days; use for example 168h, which is 7 days`,
		}},
		"retention of half a day": {with(func(props *infra.LogCollectorProps) { props.Retention = 36 * time.Hour }), []string{
			`[chart/logs] Retention: 36h0m0s is not a number of whole days; use for example 168h, which is 7 days`,
		}},
		"image and resources": {with(func(props *infra.LogCollectorProps) {
			props.Image = "File Beat"
			props.Resources = infra.Resources{Requests: infra.ResourceList{Memory: "1Gb"}}
		}), []string{
			`[chart/logs] Image: "File Beat" is not an image reference; use [REGISTRY/]NAME[:TAG][@DIGEST] in lower case and without spaces, for example "docker.io/library/nginx:1.29"`,
			`[chart/logs] Resources.Requests.Memory: "1Gb" is not a quantity; use a number with an optional unit, for example 100m, 0.5, 128Mi or 1Gi`,
		}},
	}.run(t)
}
