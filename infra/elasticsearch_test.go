package infra_test

import (
	"strings"
	"testing"

	"github.com/cdk8s-team/cdk8s-core-go/cdk8s/v2"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"

	"github.com/crossoverJie/k8s-combat/infra"
)

// elasticsearchUsers are Credentials with all that an Elasticsearch asks for.
func elasticsearchUsers(chart cdk8s.Chart) *infra.Credentials {
	return infra.NewCredentials(chart, "users", infra.CredentialsProps{
		Name: "search-users", Existing: true, Keys: []string{"elastic", "kibana_server", "filebeat"},
	})
}

// elasticsearchWith builds an Elasticsearch that is in order but for what change does.
func elasticsearchWith(change func(props *infra.ElasticsearchProps)) func(chart cdk8s.Chart) {
	return func(chart cdk8s.Chart) {
		props := infra.ElasticsearchProps{Name: "search", Credentials: elasticsearchUsers(chart)}
		if change != nil {
			change(&props)
		}
		infra.NewElasticsearch(chart, "search", props)
	}
}

func TestElasticsearch(t *testing.T) {
	t.Parallel()
	golden(t, "elasticsearch", elasticsearchWith(nil))
}

func TestElasticsearchFull(t *testing.T) {
	t.Parallel()
	golden(t, "elasticsearch-full", elasticsearchWith(func(props *infra.ElasticsearchProps) {
		props.Image = "example.com/elasticsearch:8.17.0"
		props.Storage = "100Gi"
		props.StorageClass = "fast"
		props.Resources = infra.Resources{
			Requests: infra.ResourceList{CPU: "1", Memory: "4Gi"},
			Limits:   infra.ResourceList{Memory: "4Gi"},
		}
		props.OpenToAll = true
		props.Patch = func(s *appsv1.StatefulSet) { s.Spec.Template.Spec.PriorityClassName = "logging" }
	}))
}

func TestElasticsearchIsRestricted(t *testing.T) {
	t.Parallel()
	got := only[appsv1.StatefulSet](t, "StatefulSet", elasticsearchWith(nil)).Spec.Template
	result := restricted(t, got)
	assert.True(t, result.Allowed, result.ForbiddenDetail())
	assert.EqualValues(t, 1000, *got.Spec.SecurityContext.RunAsUser)
	assert.EqualValues(t, 1000, *got.Spec.SecurityContext.FSGroup, "the volume must be writable for the user")
	for _, container := range append(got.Spec.InitContainers, got.Spec.Containers...) {
		assert.True(t, *container.SecurityContext.ReadOnlyRootFilesystem, container.Name)
	}
}

func TestElasticsearchWritesToVolumesAlone(t *testing.T) {
	t.Parallel()
	got := only[appsv1.StatefulSet](t, "StatefulSet", elasticsearchWith(nil))
	volumes := map[string]bool{}
	for _, volume := range got.Spec.Template.Spec.Volumes {
		volumes[volume.Name] = true
	}
	require.Len(t, got.Spec.VolumeClaimTemplates, 1)
	volumes[got.Spec.VolumeClaimTemplates[0].Name] = true
	paths := map[string]string{}
	for _, mount := range got.Spec.Template.Spec.Containers[0].VolumeMounts {
		assert.True(t, volumes[mount.Name], mount.Name)
		paths[mount.MountPath] = mount.Name
	}
	assert.Equal(t, map[string]string{
		"/tmp":                            "tmp",
		"/usr/share/elasticsearch/config": "config",
		"/usr/share/elasticsearch/data":   got.Spec.VolumeClaimTemplates[0].Name,
		"/usr/share/elasticsearch/logs":   "logs",
	}, paths)
}

func TestElasticsearchHeapIsHalfOfTheMemory(t *testing.T) {
	t.Parallel()
	for memory, want := range map[string]string{
		"1Gi":   "-Xms512m -Xmx512m",
		"2G":    "-Xms953m -Xmx953m",
		"3Gi":   "-Xms1536m -Xmx1536m",
		"128Gi": "-Xms31744m -Xmx31744m",
	} {
		t.Run(memory, func(t *testing.T) {
			t.Parallel()
			got := only[appsv1.StatefulSet](t, "StatefulSet", elasticsearchWith(func(props *infra.ElasticsearchProps) {
				props.Resources = infra.Resources{Limits: infra.ResourceList{Memory: memory}}
			}))
			assert.Contains(t, got.Spec.Template.Spec.Containers[0].Env, corev1.EnvVar{Name: "ES_JAVA_OPTS", Value: want})
		})
	}
}

func TestElasticsearchLetsItsClientsIn(t *testing.T) {
	t.Parallel()
	everything := func(chart cdk8s.Chart) {
		elasticsearch := infra.NewElasticsearch(chart, "search", infra.ElasticsearchProps{Name: "search", Credentials: elasticsearchUsers(chart)})
		infra.NewKibana(chart, "kibana", infra.KibanaProps{Name: "kibana", Elasticsearch: elasticsearch.Endpoint()})
		infra.NewLogCollector(chart, "agent", infra.LogCollectorProps{Name: "agent", Elasticsearch: elasticsearch.Endpoint()})
		sidecar := infra.NewLogCollector(chart, "sidecar", infra.LogCollectorProps{
			Name: "sidecar", Form: infra.SidecarCollector, Elasticsearch: elasticsearch.Endpoint(),
		})
		workload(func(props *infra.ProbedDeploymentProps) { props.Patch = sidecar.Attach })(chart)
	}
	policy := only[networkingv1.NetworkPolicy](t, "NetworkPolicy", everything)
	server := only[appsv1.StatefulSet](t, "StatefulSet", everything)
	assert.Equal(t, server.Spec.Selector.MatchLabels, policy.Spec.PodSelector.MatchLabels)
	require.Len(t, policy.Spec.Ingress, 1)
	require.Len(t, policy.Spec.Ingress[0].From, 1)
	wanted := policy.Spec.Ingress[0].From[0].PodSelector.MatchLabels
	require.NotEmpty(t, wanted)

	clients := map[string]map[string]string{"agent": only[appsv1.DaemonSet](t, "DaemonSet", everything).Spec.Template.Labels}
	for _, d := range objects[appsv1.Deployment](t, "Deployment", everything) {
		clients[d.Name] = d.Spec.Template.Labels
	}
	for _, name := range []string{"agent", "kibana", "web"} {
		for key, value := range wanted {
			assert.Equal(t, value, clients[name][key], name)
		}
	}
	for key := range wanted {
		assert.NotContains(t, server.Spec.Selector.MatchLabels, key)
	}
}

func TestElasticsearchServiceSelectsItsPods(t *testing.T) {
	t.Parallel()
	service := only[corev1.Service](t, "Service", elasticsearchWith(nil))
	server := only[appsv1.StatefulSet](t, "StatefulSet", elasticsearchWith(nil))
	assert.Equal(t, server.Spec.ServiceName, service.Name)
	for key, value := range service.Spec.Selector {
		assert.Equal(t, value, server.Spec.Template.Labels[key])
	}
}

func TestPodsCarryTheVersionOfTheirImage(t *testing.T) {
	t.Parallel()
	for image, want := range map[string]string{
		"elasticsearch:8.11.3":                            "8.11.3",
		"example.com:5000/elasticsearch:8.17.0":           "8.17.0",
		"example.com:5000/elasticsearch":                  "",
		"elasticsearch:8_":                                "",
		"elasticsearch@sha256:" + strings.Repeat("a", 64): "",
	} {
		t.Run(image, func(t *testing.T) {
			t.Parallel()
			got := only[appsv1.StatefulSet](t, "StatefulSet", elasticsearchWith(func(props *infra.ElasticsearchProps) { props.Image = image }))
			assert.Equal(t, want, got.Spec.Template.Labels["version"])
			assert.NotContains(t, got.Spec.Selector.MatchLabels, "version", "it could not be changed")
		})
	}
}

func TestElasticsearchBadInput(t *testing.T) {
	t.Parallel()
	badInput{
		"nothing": {func(chart cdk8s.Chart) {
			infra.NewElasticsearch(chart, "search", infra.ElasticsearchProps{})
		}, []string{
			`[chart/search] Name: is not set; give the object a name, for example "web"`,
			`[chart/search] Credentials: is not set; give *Credentials with the keys elastic, kibana_server and filebeat`,
			`[chart/search/Service] Name: is not set; give the object a name, for example "web"`,
		}},
		"name of 53 characters": {elasticsearchWith(func(props *infra.ElasticsearchProps) { props.Name = strings.Repeat("a", 53) }), []string{
			`[chart/search] Name: "` + strings.Repeat("a", 53) + `" is too long for a StatefulSet, whose pods carry it in a label; use at most 52 characters`,
		}},
		"credentials without a user": {func(chart cdk8s.Chart) {
			infra.NewElasticsearch(chart, "search", infra.ElasticsearchProps{
				Name: "search",
				Credentials: infra.NewCredentials(chart, "users", infra.CredentialsProps{
					Name: "users", Values: map[string]infra.Sensitive{"elastic": "hunter2", "kibana": "hunter2"},
				}),
			})
		}, []string{
			`[chart/search] Credentials: "kibana_server" is not a key of Secret users; use elastic or kibana`,
			`[chart/search] Credentials: "filebeat" is not a key of Secret users; use elastic or kibana`,
		}},
		"image": {elasticsearchWith(func(props *infra.ElasticsearchProps) { props.Image = "elastic search" }), []string{
			`[chart/search] Image: "elastic search" is not an image reference; use [REGISTRY/]NAME[:TAG][@DIGEST] in lower case and without spaces, for example "docker.io/library/nginx:1.29"`,
		}},
		"storage": {elasticsearchWith(func(props *infra.ElasticsearchProps) { props.Storage = "10Gb" }), []string{
			`[chart/search] Storage: "10Gb" is not the size of a volume; use a quantity above 0, for example 10Gi`,
		}},
		"no storage": {elasticsearchWith(func(props *infra.ElasticsearchProps) { props.Storage = "0" }), []string{
			`[chart/search] Storage: "0" is not the size of a volume; use a quantity above 0, for example 10Gi`,
		}},
		"storage class": {elasticsearchWith(func(props *infra.ElasticsearchProps) { props.StorageClass = "Fast" }), []string{
			`[chart/search] StorageClass: "Fast" is not an RFC 1123 subdomain; use 1 to 253 lower-case letters, digits, '-' or '.', beginning and ending with a letter or digit`,
		}},
		"no memory limit": {elasticsearchWith(func(props *infra.ElasticsearchProps) {
			props.Resources = infra.Resources{Requests: infra.ResourceList{Memory: "2Gi"}}
		}), []string{
			`[chart/search] Resources.Limits.Memory: is not set; half of it becomes the heap; use at least 1Gi`,
		}},
		"too little memory": {elasticsearchWith(func(props *infra.ElasticsearchProps) {
			props.Resources = infra.Resources{Limits: infra.ResourceList{Memory: "512Mi"}}
		}), []string{
			`[chart/search] Resources.Limits.Memory: "512Mi" is too little: half of it becomes the heap; use at least 1Gi`,
		}},
		"memory is no quantity": {elasticsearchWith(func(props *infra.ElasticsearchProps) {
			props.Resources = infra.Resources{Limits: infra.ResourceList{Memory: "2GB"}}
		}), []string{
			`[chart/search] Resources.Limits.Memory: "2GB" is not a quantity; use a number with an optional unit, for example 100m, 0.5, 128Mi or 1Gi`,
		}},
	}.run(t)
}
