package chapters

import (
	"github.com/cdk8s-team/cdk8s-core-go/cdk8s/v2"

	"github.com/crossoverJie/k8s-combat/infra"
	"github.com/crossoverJie/k8s-combat/infra/logs"
	"github.com/crossoverJie/k8s-combat/infra/pod"
)

// logsChapter collects what the service writes to its standard output, one JSON object a line, into
// Elasticsearch, and has Kibana to read it.
//
// The file holds no password. The pods that need one wait for this Secret, which may be made before
// or after:
//
//	kubectl create secret generic elasticsearch-credentials \
//	  --from-literal=elastic="$(openssl rand -hex 16)" \
//	  --from-literal=kibana_server="$(openssl rand -hex 16)" \
//	  --from-literal=filebeat="$(openssl rand -hex 16)"
//
// People reach Kibana by kubectl port-forward service/kibana 5601, log in as elastic, and find the
// logs in the data stream filebeat-logs: message and log.level, and what else an entry has as
// app.status, app.path and so on.
func logsChapter(chart cdk8s.Chart) {
	elasticsearch := logs.NewElasticsearch(chart, "elasticsearch", logs.ElasticsearchProps{
		Name: "elasticsearch",
		Credentials: infra.NewCredentials(chart, "elasticsearch-credentials", infra.CredentialsProps{
			Name:     "elasticsearch-credentials",
			Existing: true,
			Keys:     []string{"elastic", "kibana_server", "filebeat"},
		}),
		Resources: pod.Resources{
			Requests: pod.ResourceList{CPU: "0.1", Memory: "512Mi"},
			Limits:   pod.ResourceList{CPU: "2", Memory: "2Gi"},
		},
	})
	logs.NewKibana(chart, "kibana", logs.KibanaProps{Name: "kibana", Elasticsearch: elasticsearch.Endpoint()})

	service := infra.NewWebService(chart, providerName, provider(providerName, 1))
	logs.NewLogCollector(chart, "filebeat", logs.LogCollectorProps{
		Name:          "filebeat",
		Elasticsearch: elasticsearch.Endpoint(),
		From:          []infra.Workload{service.Deployment()},
	})
}
