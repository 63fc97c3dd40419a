package logs_test

import (
	"path"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/cdk8s-team/cdk8s-core-go/cdk8s/v2"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/validation"
	"sigs.k8s.io/yaml"

	"github.com/crossoverJie/k8s-combat/imports/tree"
	"github.com/crossoverJie/k8s-combat/imports/tree/native"
	"github.com/crossoverJie/k8s-combat/infra"
	"github.com/crossoverJie/k8s-combat/infra/internal/synthtest"
	"github.com/crossoverJie/k8s-combat/infra/logs"
	"github.com/crossoverJie/k8s-combat/infra/pod"
)

// collectorWith builds a LogCollector that is in order but for what change does, and the workload "web" that it is attached
// to.
func collectorWith(change func(chart cdk8s.Chart, props *logs.LogCollectorProps)) func(chart cdk8s.Chart) {
	return func(chart cdk8s.Chart) {
		elasticsearch := logs.NewElasticsearch(chart, "search", logs.ElasticsearchProps{Name: "search", Credentials: elasticsearchUsers(chart)})
		props := logs.LogCollectorProps{Name: "logs", Elasticsearch: elasticsearch.Endpoint()}
		if change != nil {
			change(chart, &props)
		}
		c := logs.NewLogCollector(chart, "logs", props)
		workload(func(props *infra.ProbedDeploymentProps) { props.Patch = c.Attach })(chart)
	}
}

// sidecarsOf builds a LogCollector in the form SidecarCollector, and the workload "web" with attach as its Patch.
func sidecarsOf(attach func(cdk8s.Chart, *logs.LogCollector, *appsv1.Deployment)) func(chart cdk8s.Chart) {
	return func(chart cdk8s.Chart) {
		elasticsearch := logs.NewElasticsearch(chart, "search", logs.ElasticsearchProps{Name: "search", Credentials: elasticsearchUsers(chart)})
		c := logs.NewLogCollector(chart, "logs", logs.LogCollectorProps{
			Name: "logs", Form: logs.SidecarCollector, Elasticsearch: elasticsearch.Endpoint(), LogFileVariable: "LOG_FILE",
		})
		workload(func(props *infra.ProbedDeploymentProps) {
			props.Patch = func(d *appsv1.Deployment) { attach(chart, c, d) }
		})(chart)
	}
}

func asSidecar(_ cdk8s.Chart, props *logs.LogCollectorProps) { props.Form = logs.SidecarCollector }

func TestLogCollectorPerNode(t *testing.T) {
	t.Parallel()
	synthtest.Golden(t, "log-collector-node", collectorWith(nil))
}

func TestLogCollectorSidecar(t *testing.T) {
	t.Parallel()
	synthtest.Golden(t, "log-collector-sidecar", collectorWith(asSidecar))
}

func TestLogCollectorFull(t *testing.T) {
	t.Parallel()
	synthtest.Golden(t, "log-collector-full", func(chart cdk8s.Chart) {
		cart := infra.NewProbedDeployment(chart, "cart", infra.ProbedDeploymentProps{Name: "cart", Image: "example.com/cart:1"})
		shop := infra.NewProbedDeployment(chart, "shop", infra.ProbedDeploymentProps{Name: "shop", Image: "example.com/shop:1"})
		credentials := infra.NewCredentials(chart, "login", infra.CredentialsProps{Name: "login", Existing: true})
		logs.NewLogCollector(chart, "logs", logs.LogCollectorProps{
			Name:          "logs",
			Elasticsearch: logs.ExistingElasticsearch("https://logs.example.com:9200", credentials),
			From:          []infra.Workload{cart, shop},
			MessageKey:    "event.text",
			Retention:     30 * 24 * time.Hour,
			Image:         "example.com/filebeat:8.17.0",
			Resources:     pod.Resources{Limits: pod.ResourceList{Memory: "1Gi"}},
			Patch:         func(d *appsv1.DaemonSet) { d.Spec.Template.Spec.PriorityClassName = "system-node-critical" },
		})
	})
}

// filebeatConfig decodes the configuration that the ConfigMap holds.
func filebeatConfig(t *testing.T, build func(chart cdk8s.Chart)) map[string]any {
	t.Helper()
	var config map[string]any
	require.NoError(t, yaml.UnmarshalStrict([]byte(synthtest.Only[corev1.ConfigMap](t, "ConfigMap", build).Data["filebeat.yml"]), &config))
	return config
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
	node := synthtest.Only[appsv1.DaemonSet](t, "DaemonSet", collectorWith(nil)).Spec.Template.Spec.Containers[0]
	for _, file := range paths(collectorWith(nil)) {
		assert.True(t, mounted(node, file.(string)), file)
	}
	beside := synthtest.Only[appsv1.Deployment](t, "Deployment", collectorWith(asSidecar)).Spec.Template.Spec
	for _, file := range paths(collectorWith(asSidecar)) {
		assert.True(t, mounted(beside.InitContainers[0], file.(string)), file)
	}
	assert.Equal(t, "/var/log/app", beside.Containers[0].VolumeMounts[0].MountPath, "the workload writes where the sidecar reads")
	assert.False(t, beside.Containers[0].VolumeMounts[0].ReadOnly)
}

func TestLogCollectorFormIsOneField(t *testing.T) {
	t.Parallel()
	node, beside := synthtest.Only[appsv1.Deployment](t, "Deployment", collectorWith(nil)), synthtest.Only[appsv1.Deployment](t, "Deployment", collectorWith(asSidecar))
	assert.Empty(t, node.Spec.Template.Spec.InitContainers)
	assert.Len(t, synthtest.Objects[appsv1.DaemonSet](t, "DaemonSet", collectorWith(nil)), 1)

	require.Len(t, beside.Spec.Template.Spec.InitContainers, 1)
	assert.Equal(t, corev1.ContainerRestartPolicyAlways, *beside.Spec.Template.Spec.InitContainers[0].RestartPolicy)
	for _, kind := range []string{"DaemonSet", "ServiceAccount", "Role", "RoleBinding"} {
		assert.Empty(t, synthtest.Objects[map[string]any](t, kind, collectorWith(asSidecar)), kind)
	}
}

func TestLogCollectorTellsTheWorkloadWhereToLog(t *testing.T) {
	t.Parallel()
	got := synthtest.Only[appsv1.Deployment](t, "Deployment", collectorWith(func(_ cdk8s.Chart, props *logs.LogCollectorProps) {
		props.Form = logs.SidecarCollector
		props.LogFile = "/logs/web.log"
		props.LogFileVariable = "LOG_FILE"
	})).Spec.Template.Spec.Containers[0]
	assert.Contains(t, got.Env, corev1.EnvVar{Name: "LOG_FILE", Value: "/logs/web.log"})
	assert.Contains(t, got.VolumeMounts, corev1.VolumeMount{Name: "logs-logs", MountPath: "/logs"})
}

func TestLogCollectorSidecarIsRestricted(t *testing.T) {
	t.Parallel()
	assert.Empty(t, broken(t, synthtest.Only[appsv1.Deployment](t, "Deployment", collectorWith(asSidecar)).Spec.Template))
}

// TestLogCollectorPerNodeIsRestrictedBut names the rules that the collector breaks, and that it breaks no other.
func TestLogCollectorPerNodeIsRestrictedBut(t *testing.T) {
	t.Parallel()
	pod := synthtest.Only[appsv1.DaemonSet](t, "DaemonSet", collectorWith(nil)).Spec.Template
	assert.ElementsMatch(t, []string{"hostPathVolumes", "restrictedVolumes", "runAsNonRoot", "runAsUser"}, broken(t, pod))

	security := pod.Spec.Containers[0].SecurityContext
	assert.Equal(t, &corev1.Capabilities{Drop: []corev1.Capability{"ALL"}}, security.Capabilities)
	assert.True(t, *security.ReadOnlyRootFilesystem)
	assert.False(t, *security.AllowPrivilegeEscalation)
}

func TestLogCollectorMayReadPodsOfItsNamespaceAlone(t *testing.T) {
	t.Parallel()
	role := synthtest.Only[rbacv1.Role](t, "Role", collectorWith(nil))
	assert.Equal(t, []rbacv1.PolicyRule{{APIGroups: []string{""}, Resources: []string{"pods"}, Verbs: []string{"get", "list", "watch"}}}, role.Rules)
	binding := synthtest.Only[rbacv1.RoleBinding](t, "RoleBinding", collectorWith(nil))
	assert.Equal(t, role.Name, binding.RoleRef.Name)
	account := synthtest.Only[corev1.ServiceAccount](t, "ServiceAccount", collectorWith(nil))
	assert.Equal(t, []rbacv1.Subject{{Kind: "ServiceAccount", Name: account.Name}}, binding.Subjects)
	pod := synthtest.Only[appsv1.DaemonSet](t, "DaemonSet", collectorWith(nil)).Spec.Template.Spec
	assert.Equal(t, account.Name, pod.ServiceAccountName)
	assert.Empty(t, synthtest.Objects[rbacv1.ClusterRole](t, "ClusterRole", collectorWith(nil)))
}

func TestLogCollectorPasswordIsInNoConfigMap(t *testing.T) {
	t.Parallel()
	const secret = "hunter2-of-the-collector"
	build := func(chart cdk8s.Chart) {
		elasticsearch := logs.NewElasticsearch(chart, "search", logs.ElasticsearchProps{
			Name: "search",
			Credentials: infra.NewCredentials(chart, "users", infra.CredentialsProps{
				Name: "users", Values: map[string]infra.Sensitive{"elastic": secret, "kibana_server": secret, "filebeat": secret},
			}),
		})
		logs.NewLogCollector(chart, "logs", logs.LogCollectorProps{Name: "logs", Elasticsearch: elasticsearch.Endpoint()})
	}
	manifests, messages := synthtest.Synth(t, build)
	require.Empty(t, messages)
	assert.NotContains(t, manifests, secret, "it is in the Secret alone, encoded")
	output := filebeatConfig(t, build)["output.elasticsearch"].(map[string]any)
	assert.Equal(t, "${ELASTICSEARCH_PASSWORD}", output["password"])
	env := synthtest.Only[appsv1.DaemonSet](t, "DaemonSet", build).Spec.Template.Spec.Containers[0].Env
	assert.Contains(t, env, corev1.EnvVar{Name: "ELASTICSEARCH_PASSWORD", ValueFrom: &corev1.EnvVarSource{
		SecretKeyRef: &corev1.SecretKeySelector{LocalObjectReference: corev1.LocalObjectReference{Name: "users"}, Key: output["username"].(string)},
	}})
}

func TestLogCollectorChangeOfConfigurationRestartsIt(t *testing.T) {
	t.Parallel()
	longer := func(form logs.LogCollectorForm) func(cdk8s.Chart) {
		return collectorWith(func(_ cdk8s.Chart, props *logs.LogCollectorProps) {
			props.Form, props.Retention = form, 14*24*time.Hour
		})
	}
	node := func(build func(cdk8s.Chart)) string {
		return synthtest.Only[appsv1.DaemonSet](t, "DaemonSet", build).Spec.Template.Annotations["checksum/config"]
	}
	assert.NotEmpty(t, node(collectorWith(nil)))
	assert.NotEqual(t, node(collectorWith(nil)), node(longer(logs.NodeCollector)))
	beside := func(build func(cdk8s.Chart)) string {
		return synthtest.Only[appsv1.Deployment](t, "Deployment", build).Spec.Template.Annotations["checksum/config-logs"]
	}
	assert.NotEmpty(t, beside(collectorWith(asSidecar)))
	assert.NotEqual(t, beside(collectorWith(asSidecar)), beside(longer(logs.SidecarCollector)))
}

func TestLogCollectorPatches(t *testing.T) {
	t.Parallel()
	build := collectorWith(func(_ cdk8s.Chart, props *logs.LogCollectorProps) {
		props.PatchConfigMap = func(c *corev1.ConfigMap) { c.Data["filebeat.yml"] += "# patched\n" }
		props.PatchServiceAccount = func(a *corev1.ServiceAccount) { a.Labels = map[string]string{"patched": "account"} }
		props.PatchRole = func(r *rbacv1.Role) { r.Rules[0].Verbs = append(r.Rules[0].Verbs, "deletecollection") }
		props.PatchRoleBinding = func(b *rbacv1.RoleBinding) { b.Labels = map[string]string{"patched": "binding"} }
	})
	assert.Contains(t, synthtest.Only[corev1.ConfigMap](t, "ConfigMap", build).Data["filebeat.yml"], "# patched\n")
	assert.Equal(t, "account", synthtest.Only[corev1.ServiceAccount](t, "ServiceAccount", build).Labels["patched"])
	assert.Equal(t, "binding", synthtest.Only[rbacv1.RoleBinding](t, "RoleBinding", build).Labels["patched"])
	assert.Len(t, synthtest.Only[rbacv1.Role](t, "Role", build).Rules[0].Verbs, 4)
	assert.Len(t, synthtest.Only[rbacv1.Role](t, "Role", collectorWith(nil)).Rules[0].Verbs, 3, "a patch reaches its own object alone")
	node := func(build func(cdk8s.Chart)) string {
		return synthtest.Only[appsv1.DaemonSet](t, "DaemonSet", build).Spec.Template.Annotations["checksum/config"]
	}
	assert.NotEqual(t, node(collectorWith(nil)), node(build), "the pods roll with what the patch has left")
}

func TestLogCollectorAttachBesideOtherHooks(t *testing.T) {
	t.Parallel()
	got := synthtest.Only[appsv1.Deployment](t, "Deployment", sidecarsOf(func(_ cdk8s.Chart, c *logs.LogCollector, d *appsv1.Deployment) {
		infra.Patches(
			func(d *appsv1.Deployment) { d.Spec.Template.Spec.PriorityClassName = "first" },
			c.Attach,
			func(d *appsv1.Deployment) { d.Spec.Template.Spec.InitContainers[0].TerminationMessagePath = "/last" },
		)(d)
	})).Spec.Template.Spec
	assert.Equal(t, "first", got.PriorityClassName)
	assert.Equal(t, "/last", got.InitContainers[0].TerminationMessagePath)
}

// TestLogCollectorNamesThatGrow: what is made of names is no longer than it may be, and told apart.
func TestLogCollectorNamesThatGrow(t *testing.T) {
	t.Parallel()
	for _, length := range []int{1, 47, 48, 55, 56, 57, 58, 59, 63} {
		name := strings.Repeat("a", length-1) + "z"
		t.Run(strconv.Itoa(length), func(t *testing.T) {
			t.Parallel()
			beside := collectorWith(func(_ cdk8s.Chart, props *logs.LogCollectorProps) {
				props.Name, props.Form = name, logs.SidecarCollector
			})
			template := synthtest.Only[appsv1.Deployment](t, "Deployment", beside).Spec.Template
			assert.Len(t, template.Spec.Volumes, 3)
			for _, volume := range template.Spec.Volumes {
				assert.Empty(t, validation.IsDNS1123Label(volume.Name), volume.Name)
			}
			require.Len(t, template.Annotations, 1)
			for key := range template.Annotations {
				assert.Empty(t, validation.IsQualifiedName(key), key)
			}
			assertMounted(t, template.Spec)

			// The API server gives its pods so much of the name, and five characters more.
			pod := (name + "-")[:min(len(name)+1, 58)] + "x7k2p"
			input := filebeatConfig(t, collectorWith(func(_ cdk8s.Chart, props *logs.LogCollectorProps) { props.Name = name }))["filebeat.inputs"].([]any)[0].(map[string]any)
			assert.Regexp(t, input["prospector.scanner.exclude_files"].([]any)[0], "/var/log/pods/shop_"+pod+"_uid/"+name+"/0.log")
			read := filebeatConfig(t, collectorWith(func(chart cdk8s.Chart, props *logs.LogCollectorProps) {
				props.From = []infra.Workload{infra.NewProbedDeployment(chart, "long", infra.ProbedDeploymentProps{Name: name, Image: "example.com/long:1"})}
			}))["filebeat.inputs"].([]any)[0].(map[string]any)["paths"].([]any)[0].(string)
			matches, err := path.Match(strings.ReplaceAll(read, "${POD_NAMESPACE}", "shop"), "/var/log/pods/shop_"+(name + "-6d5f7c")[:min(len(name)+7, 58)]+"x7k2p_uid/"+name+"/0.log")
			require.NoError(t, err)
			assert.True(t, matches, read)
		})
	}
}

// assertMounted checks that what containers mount are volumes of the pod, each of its own name.
func assertMounted(t *testing.T, spec corev1.PodSpec) {
	t.Helper()
	volumes := map[string]bool{}
	for _, volume := range spec.Volumes {
		assert.False(t, volumes[volume.Name], "two volumes %s", volume.Name)
		volumes[volume.Name] = true
	}
	for _, container := range slices.Concat(spec.InitContainers, spec.Containers) {
		assert.NotEmpty(t, container.VolumeMounts, container.Name)
		for _, mount := range container.VolumeMounts {
			assert.True(t, volumes[mount.Name], "%s mounts %s", container.Name, mount.Name)
		}
	}
}

// TestLogCollectorBesideVolumesOfThatName: the workload's own come first.
func TestLogCollectorBesideVolumesOfThatName(t *testing.T) {
	t.Parallel()
	got := synthtest.Only[appsv1.Deployment](t, "Deployment", func(chart cdk8s.Chart) {
		collector := logs.NewLogCollector(chart, "logs", logs.LogCollectorProps{
			Name: "agent", Form: logs.SidecarCollector,
			Elasticsearch: logs.ExistingElasticsearch("https://logs:9200", elasticsearchUsers(chart)),
		})
		settings := infra.NewConfig(chart, "config", infra.ConfigProps{Name: "agent", OnChange: infra.Reload, Data: map[string]string{"a.yaml": ""}})
		workload(func(props *infra.ProbedDeploymentProps) {
			props.Files = []pod.File{{Path: "/etc/web/a.yaml", From: settings.Key("a.yaml")}}
			props.Mounts = []pod.Mount{{Path: "/data", Volume: pod.EmptyDir("agent-data", pod.EmptyDirOptions{})}}
			props.PodAnnotations = map[string]string{"checksum/config-agent": "mine"}
			props.Patch = collector.Attach
		})(chart)
	}).Spec.Template
	assertMounted(t, got.Spec)
	paths := map[string]string{}
	for _, mount := range got.Spec.InitContainers[0].VolumeMounts {
		paths[mount.MountPath] = mount.Name
	}
	assert.Equal(t, map[string]string{
		"/usr/share/filebeat/filebeat.yml": "configmap-agent-2", "/usr/share/filebeat/ilm.json": "configmap-agent-2",
		"/usr/share/filebeat/template.json": "configmap-agent-2",
		"/usr/share/filebeat/data":          "agent-data-2", "/var/log/app": "agent-logs",
	}, paths)
	assert.Equal(t, "mine", got.Annotations["checksum/config-agent"])
	assert.NotEmpty(t, got.Annotations["checksum/config-agent-2"])
}

// TestLogCollectorReadsTheContainerThatThePatchHasLeft, which the kubelet calls the folder of its log after.
func TestLogCollectorReadsTheContainerThatThePatchHasLeft(t *testing.T) {
	t.Parallel()
	config := filebeatConfig(t, collectorWith(func(chart cdk8s.Chart, props *logs.LogCollectorProps) {
		props.From = []infra.Workload{infra.NewProbedDeployment(chart, "cart", infra.ProbedDeploymentProps{
			Name: "cart", Image: "example.com/cart:1",
			Patch: func(d *appsv1.Deployment) { d.Spec.Template.Spec.Containers[0].Name = "main" },
		})}
	}))
	assert.Equal(t, []any{"/var/log/pods/${POD_NAMESPACE}_cart-*/main/*.log"}, config["filebeat.inputs"].([]any)[0].(map[string]any)["paths"])
}

// TestLogsAreInOneNamespace: pods read Secrets and ConfigMaps of their own namespace alone, and a NodeCollector reads the
// logs of no other.
func TestLogsAreInOneNamespace(t *testing.T) {
	t.Parallel()
	apart := func(name string) string {
		return `: ` + name + ` in namespace "shop", and cannot be referred to from namespace "logs"; put both into charts of one Namespace`
	}
	for name, test := range map[string]struct {
		build func(shop, other cdk8s.Chart)
		want  []string
	}{
		"Credentials of Elasticsearch": {func(shop, other cdk8s.Chart) {
			users := infra.NewCredentials(shop, "users", infra.CredentialsProps{
				Name: "users", Values: map[string]infra.Sensitive{"elastic": "hunter2", "kibana_server": "hunter2", "filebeat": "hunter2"},
			})
			logs.NewElasticsearch(other, "search", logs.ElasticsearchProps{Name: "search", Credentials: users})
		}, []string{`[logs/search] Credentials` + apart(`"users" is a Secret`)}},
		"Elasticsearch of its clients": {func(shop, other cdk8s.Chart) {
			endpoint := logs.NewElasticsearch(shop, "search", logs.ElasticsearchProps{Name: "search", Credentials: elasticsearchUsers(shop)}).Endpoint()
			logs.NewKibana(other, "kibana", logs.KibanaProps{Name: "kibana", Elasticsearch: endpoint})
			logs.NewLogCollector(other, "agent", logs.LogCollectorProps{Name: "agent", Elasticsearch: endpoint})
			logs.NewLogCollector(other, "sidecar", logs.LogCollectorProps{Name: "sidecar", Form: logs.SidecarCollector, Elasticsearch: endpoint})
		}, []string{
			`[logs/kibana] Elasticsearch` + apart(`"search" is a StatefulSet`),
			`[logs/agent] Elasticsearch` + apart(`"search" is a StatefulSet`),
			`[logs/sidecar] Elasticsearch` + apart(`"search" is a StatefulSet`),
		}},
		"Credentials of a collector": {func(shop, other cdk8s.Chart) {
			users := infra.NewCredentials(shop, "users", infra.CredentialsProps{Name: "users", Values: map[string]infra.Sensitive{"filebeat": "hunter2"}})
			logs.NewLogCollector(other, "agent", logs.LogCollectorProps{Name: "agent", Elasticsearch: logs.ExistingElasticsearch("https://logs:9200", users)})
		}, []string{`[logs/agent] Elasticsearch.Credentials` + apart(`"users" is a Secret`)}},
		"workloads of a collector": {func(shop, other cdk8s.Chart) {
			web := infra.NewProbedDeployment(shop, "web", infra.ProbedDeploymentProps{Name: "web", Image: "example.com/web:1"})
			cart := infra.NewProbedDeployment(other, "cart", infra.ProbedDeploymentProps{Name: "cart", Image: "example.com/cart:1"})
			logs.NewLogCollector(other, "agent", logs.LogCollectorProps{
				Name: "agent", Elasticsearch: logs.ExistingElasticsearch("https://logs:9200", elasticsearchUsers(other)), From: []infra.Workload{cart, web},
			})
		}, []string{`[logs/agent] From[1]` + apart(`"web" is a Deployment`)}},
		"workload with a sidecar": {func(shop, other cdk8s.Chart) {
			sidecar := logs.NewLogCollector(shop, "sidecar", logs.LogCollectorProps{
				Name: "sidecar", Form: logs.SidecarCollector, Elasticsearch: logs.ExistingElasticsearch("https://logs:9200", elasticsearchUsers(shop)),
			})
			workload(func(props *infra.ProbedDeploymentProps) { props.Patch = sidecar.Attach })(other)
		}, []string{`[shop/sidecar] Attach` + apart(`"sidecar" is a ConfigMap`)}},
		"workloads of one name, each with its own sidecar": {func(shop, other cdk8s.Chart) {
			for _, chart := range []cdk8s.Chart{shop, other} {
				sidecar := logs.NewLogCollector(chart, "sidecar", logs.LogCollectorProps{
					Name: "sidecar", Form: logs.SidecarCollector, Elasticsearch: logs.ExistingElasticsearch("https://logs:9200", elasticsearchUsers(chart)),
				})
				workload(func(props *infra.ProbedDeploymentProps) { props.Patch = sidecar.Attach })(chart)
			}
		}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			outdir := t.TempDir()
			app := native.NewApp(&cdk8s.AppProps{Outdir: &outdir})
			test.build(tree.NewChart(app, "shop", tree.ChartProps{Namespace: "shop"}), tree.NewChart(app, "logs", tree.ChartProps{Namespace: "logs"}))
			var problems tree.Problems
			if err := tree.Synth(app); test.want == nil {
				require.NoError(t, err)
			} else {
				require.ErrorAs(t, err, &problems)
			}
			var got []string
			for _, problem := range problems {
				got = append(got, problem.Error())
			}
			assert.Equal(t, test.want, got)
		})
	}
}

func TestLogCollectorBadInput(t *testing.T) {
	t.Parallel()
	with := func(change func(props *logs.LogCollectorProps)) func(cdk8s.Chart) {
		return collectorWith(func(_ cdk8s.Chart, props *logs.LogCollectorProps) { change(props) })
	}
	const logFile = `is not the path of a log file in a folder of its own; use for example "/var/log/app/app.log", absolute, with letters, digits, '_', '-' and '.', ending with .log`
	synthtest.BadInput{
		"nothing": {func(chart cdk8s.Chart) { logs.NewLogCollector(chart, "logs", logs.LogCollectorProps{}) }, []string{
			`[chart/logs] Name: is not set; give the object a name, for example "web"`,
			`[chart/logs] Elasticsearch: is not set; give the Endpoint of an *Elasticsearch, or ExistingElasticsearch`,
			`[chart/logs/Config] Name: is not set; give the object a name, for example "web"`,
		}},
		"form": {with(func(props *logs.LogCollectorProps) { props.Form = "Gateway" }), []string{
			`[chart/logs] Form: "Gateway" is not known; use Node or Sidecar`,
		}},
		"credentials without the user": {collectorWith(func(chart cdk8s.Chart, props *logs.LogCollectorProps) {
			login := infra.NewCredentials(chart, "login", infra.CredentialsProps{Name: "login", Existing: true, Keys: []string{"elastic"}})
			props.Elasticsearch = logs.ExistingElasticsearch("https://logs:9200", login)
		}), []string{
			`[chart/logs] Elasticsearch.Credentials: "filebeat" is not a key of Secret login; use elastic`,
		}},
		"workload that is nil": {with(func(props *logs.LogCollectorProps) { props.From = []infra.Workload{nil} }), []string{
			`[chart/logs] From[0]: is not set; give a *ProbedDeployment, or leave From out for all pods of the namespace`,
		}},
		"sidecar from elsewhere": {collectorWith(func(chart cdk8s.Chart, props *logs.LogCollectorProps) {
			props.Form = logs.SidecarCollector
			props.From = []infra.Workload{infra.NewProbedDeployment(chart, "cart", infra.ProbedDeploymentProps{Name: "cart", Image: "cart"})}
			props.Patch = func(*appsv1.DaemonSet) {}
		}), []string{
			`[chart/logs] From: [cart] has no meaning for a SidecarCollector, which collects from the pods that it is attached to; leave it out, and make Attach the Patch of each workload`,
			`[chart/logs] Patch: "func" has nothing to patch: a SidecarCollector makes no DaemonSet; patch the workload after Attach`,
		}},
		"patches of what a sidecar has not": {with(func(props *logs.LogCollectorProps) {
			props.Form = logs.SidecarCollector
			props.PatchServiceAccount = func(*corev1.ServiceAccount) {}
			props.PatchRole = func(*rbacv1.Role) {}
			props.PatchRoleBinding = func(*rbacv1.RoleBinding) {}
		}), []string{
			`[chart/logs] PatchServiceAccount: "func" has nothing to patch: a SidecarCollector makes no ServiceAccount; leave it out`,
			`[chart/logs] PatchRole: "func" has nothing to patch: a SidecarCollector makes no Role; leave it out`,
			`[chart/logs] PatchRoleBinding: "func" has nothing to patch: a SidecarCollector makes no RoleBinding; leave it out`,
		}},
		"workloads that are nil": {with(func(props *logs.LogCollectorProps) {
			props.From = []infra.Workload{nil, (*infra.ProbedDeployment)(nil), (*logs.Elasticsearch)(nil)}
		}), []string{
			`[chart/logs] From[0]: is not set; give a *ProbedDeployment, or leave From out for all pods of the namespace`,
			`[chart/logs] From[1]: is not set; give a *ProbedDeployment, or leave From out for all pods of the namespace`,
			`[chart/logs] From[2]: is not set; give a *ProbedDeployment, or leave From out for all pods of the namespace`,
		}},
		"patch that takes the configuration": {with(func(props *logs.LogCollectorProps) {
			props.PatchConfigMap = func(c *corev1.ConfigMap) { delete(c.Data, "filebeat.yml") }
		}), []string{
			`[chart/logs] PatchConfigMap: "filebeat.yml" is not a key of ConfigMap logs; use ilm.json or template.json`,
		}},
		"attached to nothing": {sidecarsOf(func(_ cdk8s.Chart, first *logs.LogCollector, _ *appsv1.Deployment) {
			first.Attach(&appsv1.Deployment{ObjectMeta: metav1.ObjectMeta{Name: "bare"}})
		}), []string{
			`[chart/logs] Attach: "bare" has no container that could write a log; attach the collector to a workload that has one`,
		}},
		"relative log file":    {with(func(props *logs.LogCollectorProps) { props.LogFile = "app.log" }), []string{`[chart/logs] LogFile: "app.log" ` + logFile}},
		"log file at the root": {with(func(props *logs.LogCollectorProps) { props.LogFile = "/app.log" }), []string{`[chart/logs] LogFile: "/app.log" ` + logFile}},
		"log file over a system folder": {with(func(props *logs.LogCollectorProps) { props.LogFile = "/etc/app.log" }), []string{
			`[chart/logs] LogFile: "/etc/app.log" would hide all that the image has in /etc, since the volume of its folder is shared; use for example "/var/log/app/app.log"`,
		}},
		"log file with dots":    {with(func(props *logs.LogCollectorProps) { props.LogFile = "/logs/../a.log" }), []string{`[chart/logs] LogFile: "/logs/../a.log" ` + logFile}},
		"log file without .log": {with(func(props *logs.LogCollectorProps) { props.LogFile = "/logs/app" }), []string{`[chart/logs] LogFile: "/logs/app" ` + logFile}},
		"log files":             {with(func(props *logs.LogCollectorProps) { props.LogFile = "/logs/*/a.log" }), []string{`[chart/logs] LogFile: "/logs/*/a.log" ` + logFile}},
		"variable": {with(func(props *logs.LogCollectorProps) { props.LogFileVariable = "1LOG" }), []string{
			`[chart/logs] LogFileVariable: "1LOG" is not the name of an environment variable; use letters, digits, '_', '-' or '.', not beginning with a digit`,
		}},
		"attached twice": {sidecarsOf(func(_ cdk8s.Chart, first *logs.LogCollector, d *appsv1.Deployment) {
			first.Attach(d)
			first.Attach(d)
		}), []string{
			`[chart/logs] Attach: "web" has a container "logs" already; attach a collector once, and let its Name be its own`,
		}},
		"attached beside another": {sidecarsOf(func(chart cdk8s.Chart, first *logs.LogCollector, d *appsv1.Deployment) {
			archive := logs.NewElasticsearch(chart, "archive", logs.ElasticsearchProps{
				Name: "archive", Credentials: infra.NewCredentials(chart, "login", infra.CredentialsProps{Name: "login", Existing: true}),
			})
			second := logs.NewLogCollector(chart, "second", logs.LogCollectorProps{
				Name: "second", Form: logs.SidecarCollector, Elasticsearch: archive.Endpoint(), LogFileVariable: "LOG_FILE",
			})
			first.Attach(d)
			second.Attach(d)
		}), []string{
			`[chart/second] Attach: "web" has pods with the label elasticsearch-client=search already, by which they may reach that Elasticsearch and no second one; use one Elasticsearch`,
			`[chart/second] Attach: "web" has the volume "logs-logs" mounted at /var/log/app already; let LogFile be in a folder of its own`,
			`[chart/second] Attach: "web" has the environment variable LOG_FILE already, which LogFileVariable sets; leave it out there`,
		}},
		"message key": {with(func(props *logs.LogCollectorProps) { props.MessageKey = "a b" }), []string{
			`[chart/logs] MessageKey: "a b" is not a key of a log entry; use letters, digits, '_', '-', '@', and '.' between nested keys`,
		}},
		"negative retention": {with(func(props *logs.LogCollectorProps) { props.Retention = -24 * time.Hour }), []string{
			`[chart/logs] Retention: -24h0m0s is not a number of whole days; use for example 168h, which is 7 days`,
		}},
		"retention of half a day": {with(func(props *logs.LogCollectorProps) { props.Retention = 36 * time.Hour }), []string{
			`[chart/logs] Retention: 36h0m0s is not a number of whole days; use for example 168h, which is 7 days`,
		}},
		"image and resources": {with(func(props *logs.LogCollectorProps) {
			props.Image = "File Beat"
			props.Resources = pod.Resources{Requests: pod.ResourceList{Memory: "1Gb"}}
		}), []string{
			`[chart/logs] Image: "File Beat" is not an image reference; use [REGISTRY/]NAME[:TAG][@DIGEST] in lower case and without spaces, for example "docker.io/library/nginx:1.29"`,
			`[chart/logs] Resources.Requests.Memory: "1Gb" is not a quantity; use a number with an optional unit, for example 100m, 0.5, 128Mi or 1Gi`,
		}},
		"a collector that is nil": {workload(func(props *infra.ProbedDeploymentProps) {
			var collector *logs.LogCollector
			props.Patch = collector.Attach
		}), []string{
			`[chart/web] Patch: panicked: the LogCollector that is to be attached is nil: make it before the workload; see what it takes for granted of the *v1.Deployment`,
		}},
	}.Run(t)
}
