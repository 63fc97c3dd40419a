package logs_test

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
	"github.com/crossoverJie/k8s-combat/infra/internal/synthtest"
	"github.com/crossoverJie/k8s-combat/infra/logs"
	"github.com/crossoverJie/k8s-combat/infra/pod"
)

// elasticsearchUsers are Credentials with all that an Elasticsearch asks for.
func elasticsearchUsers(chart cdk8s.Chart) *infra.Credentials {
	return infra.NewCredentials(chart, "users", infra.CredentialsProps{
		Name: "search-users", Existing: true, Keys: []string{"elastic", "kibana_server", "filebeat"},
	})
}

// elasticsearchWith builds an Elasticsearch that is in order but for what change does.
func elasticsearchWith(change func(props *logs.ElasticsearchProps)) func(chart cdk8s.Chart) {
	return func(chart cdk8s.Chart) {
		props := logs.ElasticsearchProps{Name: "search", Credentials: elasticsearchUsers(chart)}
		if change != nil {
			change(&props)
		}
		logs.NewElasticsearch(chart, "search", props)
	}
}

func TestElasticsearch(t *testing.T) {
	t.Parallel()
	synthtest.Golden(t, "elasticsearch", elasticsearchWith(nil))
}

func TestElasticsearchFull(t *testing.T) {
	t.Parallel()
	synthtest.Golden(t, "elasticsearch-full", elasticsearchWith(func(props *logs.ElasticsearchProps) {
		props.Image = "example.com/elasticsearch:8.17.0"
		props.Storage = "100Gi"
		props.StorageClass = "fast"
		props.Resources = pod.Resources{
			Requests: pod.ResourceList{CPU: "1", Memory: "4Gi"},
			Limits:   pod.ResourceList{Memory: "4Gi"},
		}
		props.OpenToAll = true
		props.Patch = func(s *appsv1.StatefulSet) { s.Spec.Template.Spec.PriorityClassName = "logging" }
	}))
}

func TestElasticsearchIsRestricted(t *testing.T) {
	t.Parallel()
	got := synthtest.Only[appsv1.StatefulSet](t, "StatefulSet", elasticsearchWith(nil)).Spec.Template
	assert.Empty(t, broken(t, got))
	assert.EqualValues(t, 1000, *got.Spec.SecurityContext.RunAsUser)
	assert.EqualValues(t, 1000, *got.Spec.SecurityContext.FSGroup, "the volume must be writable for the user")
	for _, container := range append(got.Spec.InitContainers, got.Spec.Containers...) {
		assert.True(t, *container.SecurityContext.ReadOnlyRootFilesystem, container.Name)
	}
}

func TestElasticsearchWritesToVolumesAlone(t *testing.T) {
	t.Parallel()
	got := synthtest.Only[appsv1.StatefulSet](t, "StatefulSet", elasticsearchWith(nil))
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
			got := synthtest.Only[appsv1.StatefulSet](t, "StatefulSet", elasticsearchWith(func(props *logs.ElasticsearchProps) {
				props.Resources = pod.Resources{Limits: pod.ResourceList{Memory: memory}}
			}))
			assert.Contains(t, got.Spec.Template.Spec.Containers[0].Env, corev1.EnvVar{Name: "ES_JAVA_OPTS", Value: want})
		})
	}
}

func TestElasticsearchLetsItsClientsIn(t *testing.T) {
	t.Parallel()
	everything := func(chart cdk8s.Chart) {
		elasticsearch := logs.NewElasticsearch(chart, "search", logs.ElasticsearchProps{Name: "search", Credentials: elasticsearchUsers(chart)})
		logs.NewKibana(chart, "kibana", logs.KibanaProps{Name: "kibana", Elasticsearch: elasticsearch.Endpoint()})
		logs.NewLogCollector(chart, "agent", logs.LogCollectorProps{Name: "agent", Elasticsearch: elasticsearch.Endpoint()})
		sidecar := logs.NewLogCollector(chart, "sidecar", logs.LogCollectorProps{
			Name: "sidecar", Form: logs.SidecarCollector, Elasticsearch: elasticsearch.Endpoint(),
		})
		workload(func(props *infra.ProbedDeploymentProps) { props.Patch = sidecar.Attach })(chart)
	}
	policy := synthtest.Only[networkingv1.NetworkPolicy](t, "NetworkPolicy", everything)
	server := synthtest.Only[appsv1.StatefulSet](t, "StatefulSet", everything)
	assert.Equal(t, server.Spec.Selector.MatchLabels, policy.Spec.PodSelector.MatchLabels)
	require.Len(t, policy.Spec.Ingress, 1)
	require.Len(t, policy.Spec.Ingress[0].From, 1)
	wanted := policy.Spec.Ingress[0].From[0].PodSelector.MatchLabels
	require.NotEmpty(t, wanted)

	clients := map[string]map[string]string{"agent": synthtest.Only[appsv1.DaemonSet](t, "DaemonSet", everything).Spec.Template.Labels}
	for _, d := range synthtest.Objects[appsv1.Deployment](t, "Deployment", everything) {
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
	service := synthtest.Only[corev1.Service](t, "Service", elasticsearchWith(nil))
	server := synthtest.Only[appsv1.StatefulSet](t, "StatefulSet", elasticsearchWith(nil))
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
			got := synthtest.Only[appsv1.StatefulSet](t, "StatefulSet", elasticsearchWith(func(props *logs.ElasticsearchProps) { props.Image = image }))
			assert.Equal(t, want, got.Spec.Template.Labels["version"])
			assert.NotContains(t, got.Spec.Selector.MatchLabels, "version", "it could not be changed")
		})
	}
}

// TestElasticsearchGoesByWhatThePatchesHaveLeft: what stands before the pod, and its clients, follow.
func TestElasticsearchGoesByWhatThePatchesHaveLeft(t *testing.T) {
	t.Parallel()
	build := func(chart cdk8s.Chart) {
		search := map[string]string{"app": "search", "tier": "logs"}
		elasticsearch := logs.NewElasticsearch(chart, "search", logs.ElasticsearchProps{
			Name: "search", Credentials: elasticsearchUsers(chart),
			Patch: func(s *appsv1.StatefulSet) {
				s.Spec.Selector.MatchLabels, s.Spec.Template.Labels = search, search
			},
			PatchService: func(s *corev1.Service) { s.Spec.Ports[0].Port = 80 },
			PatchNetworkPolicy: func(p *networkingv1.NetworkPolicy) {
				p.Spec.PolicyTypes = append(p.Spec.PolicyTypes, networkingv1.PolicyTypeEgress)
			},
		})
		assert.Equal(t, search, elasticsearch.Selector())
		logs.NewKibana(chart, "kibana", logs.KibanaProps{Name: "kibana", Elasticsearch: elasticsearch.Endpoint()})
	}
	want := map[string]string{"app": "search", "tier": "logs"}
	assert.Equal(t, want, synthtest.Objects[corev1.Service](t, "Service", build)[0].Spec.Selector)
	policy := synthtest.Only[networkingv1.NetworkPolicy](t, "NetworkPolicy", build)
	assert.Equal(t, want, policy.Spec.PodSelector.MatchLabels)
	assert.Len(t, policy.Spec.PolicyTypes, 2)
	env := synthtest.Only[appsv1.Deployment](t, "Deployment", build).Spec.Template.Spec.Containers[0].Env
	assert.Contains(t, env, corev1.EnvVar{Name: "ELASTICSEARCH_HOSTS", Value: "http://search:80"})
}

// TestNilLogs: what is nil is reported where it is used.
func TestNilLogs(t *testing.T) {
	t.Parallel()
	var elasticsearch *logs.Elasticsearch
	var kibana *logs.Kibana
	var collector *logs.LogCollector
	assert.Empty(t, elasticsearch.Name()+kibana.Name()+collector.Name())
	assert.Nil(t, elasticsearch.Selector())
	var nobody *infra.Credentials
	assert.Empty(t, new(logs.Elasticsearch).Endpoint(), "one that NewElasticsearch has not made")
	synthtest.BadInput{
		"endpoint of nobody": {func(chart cdk8s.Chart) {
			logs.NewKibana(chart, "kibana", logs.KibanaProps{Name: "kibana", Elasticsearch: elasticsearch.Endpoint()})
		}, []string{
			`[chart/kibana] Elasticsearch: is not set; give the Endpoint of an *Elasticsearch, or ExistingElasticsearch`,
		}},
		"encryption key of nobody": {kibanaWith(func(_ cdk8s.Chart, props *logs.KibanaProps) { props.EncryptionKey = nobody.Key("key") }), []string{
			`[chart/kibana] EncryptionKey: is not set; give the Key of a *Config or of *Credentials`,
		}},
		"clients without a password": {func(chart cdk8s.Chart) {
			elasticsearch := logs.NewElasticsearch(chart, "search", logs.ElasticsearchProps{Name: "search", Credentials: nobody})
			logs.NewKibana(chart, "kibana", logs.KibanaProps{Name: "kibana", Elasticsearch: elasticsearch.Endpoint()})
			logs.NewLogCollector(chart, "agent", logs.LogCollectorProps{Name: "agent", Elasticsearch: elasticsearch.Endpoint()})
			sidecar := logs.NewLogCollector(chart, "sidecar", logs.LogCollectorProps{
				Name: "sidecar", Form: logs.SidecarCollector, Elasticsearch: elasticsearch.Endpoint(),
			})
			workload(func(props *infra.ProbedDeploymentProps) { props.Patch = sidecar.Attach })(chart)
		}, []string{
			`[chart/search] Credentials: is not set; give *Credentials with the keys elastic, kibana_server and filebeat`,
		}},
		"workload around nobody": {func(chart cdk8s.Chart) {
			elasticsearch := logs.NewElasticsearch(chart, "search", logs.ElasticsearchProps{Name: "search", Credentials: elasticsearchUsers(chart)})
			logs.NewLogCollector(chart, "agent", logs.LogCollectorProps{
				Name: "agent", Elasticsearch: elasticsearch.Endpoint(), From: []infra.Workload{struct{ *infra.ProbedDeployment }{}},
			})
		}, []string{
			`[chart/agent] From[0]: is not set; give a *ProbedDeployment, or leave From out for all pods of the namespace`,
		}},
		"route to nobody": {func(chart cdk8s.Chart) {
			infra.NewHostRouting(chart, "routing", infra.HostRoutingProps{
				Name: "kibana", Hosts: []infra.Host{{Name: "logs.example.com", Paths: []infra.Path{{Path: "/", Backend: kibana.Backend()}}}},
			})
		}, []string{
			`[chart/routing] Hosts[0].Paths[0].Backend: is not set; the *Service is nil; give the Backend of one that is there`,
		}},
	}.Run(t)
}

func TestElasticsearchBadInput(t *testing.T) {
	t.Parallel()
	synthtest.BadInput{
		"nothing": {func(chart cdk8s.Chart) {
			logs.NewElasticsearch(chart, "search", logs.ElasticsearchProps{})
		}, []string{
			`[chart/search] Name: is not set; give the object a name, for example "web"`,
			`[chart/search] Credentials: is not set; give *Credentials with the keys elastic, kibana_server and filebeat`,
			`[chart/search/Service] Name: is not set; give the object a name, for example "web"`,
		}},
		"name of 53 characters": {elasticsearchWith(func(props *logs.ElasticsearchProps) { props.Name = strings.Repeat("a", 53) }), []string{
			`[chart/search] Name: "` + strings.Repeat("a", 53) + `" is too long for a StatefulSet, whose pods carry it in a label; use at most 52 characters`,
		}},
		"credentials without a user": {func(chart cdk8s.Chart) {
			logs.NewElasticsearch(chart, "search", logs.ElasticsearchProps{
				Name: "search",
				Credentials: infra.NewCredentials(chart, "users", infra.CredentialsProps{
					Name: "users", Values: map[string]infra.Sensitive{"elastic": "hunter2", "kibana": "hunter2"},
				}),
			})
		}, []string{
			`[chart/search] Credentials: "kibana_server" is not a key of Secret users; use elastic or kibana`,
			`[chart/search] Credentials: "filebeat" is not a key of Secret users; use elastic or kibana`,
		}},
		"image": {elasticsearchWith(func(props *logs.ElasticsearchProps) { props.Image = "elastic search" }), []string{
			`[chart/search] Image: "elastic search" is not an image reference; use [REGISTRY/]NAME[:TAG][@DIGEST] in lower case and without spaces, for example "docker.io/library/nginx:1.29"`,
		}},
		"storage": {elasticsearchWith(func(props *logs.ElasticsearchProps) { props.Storage = "10Gb" }), []string{
			`[chart/search] Storage: "10Gb" is not an amount of storage; use a quantity of bytes above 0, for example 64Mi or 10Gi`,
		}},
		"no storage": {elasticsearchWith(func(props *logs.ElasticsearchProps) { props.Storage = "0" }), []string{
			`[chart/search] Storage: "0" is not an amount of storage; use a quantity of bytes above 0, for example 64Mi or 10Gi`,
		}},
		"patch of a NetworkPolicy that is left out": {elasticsearchWith(func(props *logs.ElasticsearchProps) {
			props.OpenToAll = true
			props.PatchNetworkPolicy = func(*networkingv1.NetworkPolicy) {}
		}), []string{
			`[chart/search] PatchNetworkPolicy: "func" has nothing to patch: OpenToAll leaves out the NetworkPolicy; leave out one of them`,
		}},
		"patches": {elasticsearchWith(func(props *logs.ElasticsearchProps) {
			props.PatchService = func(s *corev1.Service) { s.Name = "other" }
			props.PatchNetworkPolicy = func(p *networkingv1.NetworkPolicy) { p.Spec.Ingress[1].From = nil }
		}), []string{
			`[chart/search] PatchNetworkPolicy: panicked: runtime error: index out of range [1] with length 1; see what it takes for granted of the *v1.NetworkPolicy`,
			`[chart/search/Service] Patch: changes metadata.name from "search" to "other", but other objects refer to it by the first; set Name instead`,
		}},
		"storage class": {elasticsearchWith(func(props *logs.ElasticsearchProps) { props.StorageClass = "Fast" }), []string{
			`[chart/search] StorageClass: "Fast" is not an RFC 1123 subdomain; use 1 to 253 lower-case letters, digits, '-' or '.', beginning and ending with a letter or digit`,
		}},
		"no memory limit": {elasticsearchWith(func(props *logs.ElasticsearchProps) {
			props.Resources = pod.Resources{Requests: pod.ResourceList{Memory: "2Gi"}}
		}), []string{
			`[chart/search] Resources.Limits.Memory: is not set; half of it becomes the heap; use at least 1Gi`,
		}},
		"too little memory": {elasticsearchWith(func(props *logs.ElasticsearchProps) {
			props.Resources = pod.Resources{Limits: pod.ResourceList{Memory: "512Mi"}}
		}), []string{
			`[chart/search] Resources.Limits.Memory: "512Mi" is too little: half of it becomes the heap; use at least 1Gi`,
		}},
		"memory is no quantity": {elasticsearchWith(func(props *logs.ElasticsearchProps) {
			props.Resources = pod.Resources{Limits: pod.ResourceList{Memory: "2GB"}}
		}), []string{
			`[chart/search] Resources.Limits.Memory: "2GB" is not a quantity; use a number with an optional unit, for example 100m, 0.5, 128Mi or 1Gi`,
		}},
	}.Run(t)
}
