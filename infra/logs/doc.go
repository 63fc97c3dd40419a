// Package logs collects what services log, and lets people read it: Filebeat, on every node or
// beside a workload, writes to an Elasticsearch, and Kibana shows what is in there.
//
//	elasticsearch := logs.NewElasticsearch(chart, "elasticsearch", logs.ElasticsearchProps{
//		Name: "elasticsearch",
//		Credentials: infra.NewCredentials(chart, "users", infra.CredentialsProps{
//			Name: "elasticsearch-users", Existing: true, Keys: []string{"elastic", "kibana_server", "filebeat"},
//		}),
//	})
//	logs.NewKibana(chart, "kibana", logs.KibanaProps{Name: "kibana", Elasticsearch: elasticsearch.Endpoint()})
//	logs.NewLogCollector(chart, "filebeat", logs.LogCollectorProps{
//		Name:          "filebeat",
//		Elasticsearch: elasticsearch.Endpoint(),
//		From:          []infra.Workload{web},
//	})
//
// All of it stands in one namespace, which is that of the workloads. The passwords are in a Secret
// alone.
package logs
