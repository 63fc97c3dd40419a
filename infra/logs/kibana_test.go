package logs_test

import (
	"testing"

	"github.com/cdk8s-team/cdk8s-core-go/cdk8s/v2"
	"github.com/stretchr/testify/assert"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"

	"github.com/crossoverJie/k8s-combat/infra"
	"github.com/crossoverJie/k8s-combat/infra/internal/synthtest"
	"github.com/crossoverJie/k8s-combat/infra/logs"
	"github.com/crossoverJie/k8s-combat/infra/pod"
)

// kibanaWith builds a Kibana that is in order but for what change does.
func kibanaWith(change func(chart cdk8s.Chart, props *logs.KibanaProps)) func(chart cdk8s.Chart) {
	return func(chart cdk8s.Chart) {
		elasticsearch := logs.NewElasticsearch(chart, "search", logs.ElasticsearchProps{Name: "search", Credentials: elasticsearchUsers(chart)})
		props := logs.KibanaProps{Name: "kibana", Elasticsearch: elasticsearch.Endpoint()}
		if change != nil {
			change(chart, &props)
		}
		logs.NewKibana(chart, "kibana", props)
	}
}

func TestKibana(t *testing.T) {
	t.Parallel()
	synthtest.Golden(t, "kibana", kibanaWith(nil))
}

func TestKibanaOfAnotherElasticsearch(t *testing.T) {
	t.Parallel()
	synthtest.Golden(t, "kibana-existing", func(chart cdk8s.Chart) {
		credentials := infra.NewCredentials(chart, "login", infra.CredentialsProps{
			Name: "login", Existing: true, Keys: []string{"kibana_system", "encryption"},
		})
		kibana := logs.NewKibana(chart, "kibana", logs.KibanaProps{
			Name:          "kibana",
			Elasticsearch: logs.ExistingElasticsearch("https://logs.example.com:9200", credentials),
			EncryptionKey: credentials.Key("encryption"),
			Image:         "example.com/kibana:8.17.0",
			Resources:     pod.Resources{Limits: pod.ResourceList{Memory: "1Gi"}},
			Patch:         func(d *appsv1.Deployment) { d.Spec.Template.Spec.PriorityClassName = "logging" },
		})
		infra.NewHostRouting(chart, "routing", infra.HostRoutingProps{
			Name:  "kibana",
			Hosts: []infra.Host{{Name: "logs.example.com", Paths: []infra.Path{{Path: "/", Backend: kibana.Backend()}}}},
		})
	})
}

func TestKibanaPatchService(t *testing.T) {
	t.Parallel()
	services := synthtest.Objects[corev1.Service](t, "Service", kibanaWith(func(_ cdk8s.Chart, props *logs.KibanaProps) {
		props.PatchService = func(s *corev1.Service) { s.Spec.Type = corev1.ServiceTypeNodePort }
	}))
	assert.Equal(t, corev1.ServiceTypeNodePort, services[1].Spec.Type)
}

func TestKibanaIsRestricted(t *testing.T) {
	t.Parallel()
	assert.Empty(t, broken(t, synthtest.Only[appsv1.Deployment](t, "Deployment", kibanaWith(nil)).Spec.Template))
}

func TestKibanaLogsInAsAUserThatElasticsearchMakes(t *testing.T) {
	t.Parallel()
	env := map[string]corev1.EnvVar{}
	for _, variable := range synthtest.Only[appsv1.Deployment](t, "Deployment", kibanaWith(nil)).Spec.Template.Spec.Containers[0].Env {
		env[variable.Name] = variable
	}
	user := env["ELASTICSEARCH_USERNAME"].Value
	assert.NotContains(t, []string{"elastic", "kibana", "kibana_system"}, user, "refused by Kibana, or reserved")
	assert.Equal(t, user, env["ELASTICSEARCH_PASSWORD"].ValueFrom.SecretKeyRef.Key)

	setup := synthtest.Only[appsv1.StatefulSet](t, "StatefulSet", kibanaWith(nil)).Spec.Template.Spec.InitContainers[0]
	assert.Contains(t, setup.Command[2], `elasticsearch-users useradd `+user+` -p "$KIBANA_PASSWORD" -r kibana_system`)
	assert.Contains(t, setup.Env, corev1.EnvVar{Name: "KIBANA_PASSWORD", ValueFrom: env["ELASTICSEARCH_PASSWORD"].ValueFrom})
}

func TestKibanaBadInput(t *testing.T) {
	t.Parallel()
	existing := func(url string, keys ...string) func(cdk8s.Chart) {
		return kibanaWith(func(chart cdk8s.Chart, props *logs.KibanaProps) {
			credentials := infra.NewCredentials(chart, "login", infra.CredentialsProps{Name: "login", Existing: true, Keys: keys})
			props.Elasticsearch = logs.ExistingElasticsearch(url, credentials)
		})
	}
	synthtest.BadInput{
		"nothing": {func(chart cdk8s.Chart) { logs.NewKibana(chart, "kibana", logs.KibanaProps{}) }, []string{
			`[chart/kibana] Elasticsearch: is not set; give the Endpoint of an *Elasticsearch, or ExistingElasticsearch`,
			`[chart/kibana/Deployment] Name: is not set; give the object a name, for example "web"`,
			`[chart/kibana/Service] Name: is not set; give the object a name, for example "web"`,
		}},
		"no URL": {existing("logs:9200", "kibana_system"), []string{
			`[chart/kibana] Elasticsearch.URL: "logs:9200" is not the URL of a server; use for example "https://logs.example.com:9200"`,
		}},
		"URL with a password": {existing("https://kibana:hunter2@logs:9200", "kibana_system"), []string{
			`[chart/kibana] Elasticsearch.URL: "***" holds a user, whose password everybody could read in the manifest; leave it out, and give Credentials`,
		}},
		"bad URL with a password": {existing("https://kibana:hunter2@logs:port", "kibana_system"), []string{
			`[chart/kibana] Elasticsearch.URL: "***" is not the URL of a server; use for example "https://logs.example.com:9200"`,
		}},
		"URL with a query": {existing("https://logs:9200?pretty", "kibana_system"), []string{
			`[chart/kibana] Elasticsearch.URL: "https://logs:9200?pretty" has a query or a fragment, which a server's address does not; leave it out`,
		}},
		"credentials without the user": {existing("https://logs:9200", "elastic"), []string{
			`[chart/kibana] Elasticsearch.Credentials: "kibana_system" is not a key of Secret login; use elastic`,
		}},
		"no credentials": {kibanaWith(func(_ cdk8s.Chart, props *logs.KibanaProps) {
			props.Elasticsearch = logs.ExistingElasticsearch("https://logs:9200", nil)
		}), []string{
			`[chart/kibana] Elasticsearch.Credentials: is not set; give *Credentials that hold the password of the user kibana_system under the key kibana_system`,
		}},
		"encryption key in a ConfigMap": {kibanaWith(func(chart cdk8s.Chart, props *logs.KibanaProps) {
			config := infra.NewConfig(chart, "config", infra.ConfigProps{Name: "settings", Data: map[string]string{"key": "x"}})
			props.EncryptionKey = config.Key("key")
		}), []string{
			`[chart/kibana] EncryptionKey: "key" is a key of ConfigMap settings, which everybody may read; give one of *Credentials`,
		}},
		"encryption key that does not exist": {kibanaWith(func(chart cdk8s.Chart, props *logs.KibanaProps) {
			login := infra.NewCredentials(chart, "login", infra.CredentialsProps{Name: "login", Existing: true, Keys: []string{"a"}})
			props.EncryptionKey = login.Key("b")
		}), []string{
			`[chart/kibana] EncryptionKey: "b" is not a key of Secret login; use a`,
		}},
	}.Run(t)
}
