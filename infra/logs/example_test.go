package logs_test

import (
	"fmt"
	"time"

	appsv1 "k8s.io/api/apps/v1"

	"github.com/crossoverJie/k8s-combat/imports/tree"
	"github.com/crossoverJie/k8s-combat/imports/tree/native"
	"github.com/crossoverJie/k8s-combat/infra"
	"github.com/crossoverJie/k8s-combat/infra/internal/synthtest"
	"github.com/crossoverJie/k8s-combat/infra/logs"
)

// Elasticsearch with the passwords of a Secret that is made elsewhere.
func ExampleElasticsearch() {
	app := native.NewApp(nil)
	chart := tree.NewChart(app, "logs", tree.ChartProps{})
	logs.NewElasticsearch(chart, "elasticsearch", logs.ElasticsearchProps{
		Name: "elasticsearch",
		Credentials: infra.NewCredentials(chart, "users", infra.CredentialsProps{
			Name: "elasticsearch-users", Existing: true, Keys: []string{"elastic", "kibana_server", "filebeat"},
		}),
		Storage: "50Gi",
	})
	synthtest.PrintNames(app)
	// Output:
	// NetworkPolicy elasticsearch
	// Service elasticsearch
	// StatefulSet elasticsearch
}

// Kibana for an Elasticsearch that is made elsewhere.
func ExampleKibana() {
	app := native.NewApp(nil)
	chart := tree.NewChart(app, "logs", tree.ChartProps{})
	users := infra.NewCredentials(chart, "users", infra.CredentialsProps{
		Name: "elasticsearch-users", Existing: true, Keys: []string{"kibana_system", "session-key"},
	})
	logs.NewKibana(chart, "kibana", logs.KibanaProps{
		Name:          "kibana",
		Elasticsearch: logs.ExistingElasticsearch("https://logs.example.com:9200", users),
		EncryptionKey: users.Key("session-key"),
	})
	synthtest.PrintNames(app)
	// Output:
	// Service kibana
	// Deployment kibana
}

// One collector on each node, for the logs of one workload. With the Form SidecarCollector, and without From, it would be
// one in each of the workload's pods.
func ExampleLogCollector() {
	app := native.NewApp(nil)
	chart := tree.NewChart(app, "shop", tree.ChartProps{Namespace: "shop"})
	users := infra.NewCredentials(chart, "users", infra.CredentialsProps{
		Name: "elasticsearch-users", Existing: true, Keys: []string{"filebeat"},
	})
	web := infra.NewProbedDeployment(chart, "web", infra.ProbedDeploymentProps{Name: "web", Image: "example.com/shop/web:1.4"})
	logs.NewLogCollector(chart, "collector", logs.LogCollectorProps{
		Name:          "filebeat",
		Elasticsearch: logs.ExistingElasticsearch("https://logs.example.com:9200", users),
		From:          []infra.Workload{web},
		Retention:     30 * 24 * time.Hour,
	})
	synthtest.PrintNames(app)
	// Output:
	// ServiceAccount filebeat
	// Role filebeat
	// RoleBinding filebeat
	// ConfigMap filebeat
	// Deployment web
	// DaemonSet filebeat
}

// The pods of a workload get a collector of their own, which reads the file that they log to.
func ExampleLogCollector_Attach() {
	app := native.NewApp(nil)
	chart := tree.NewChart(app, "shop", tree.ChartProps{})
	users := infra.NewCredentials(chart, "users", infra.CredentialsProps{Name: "elasticsearch-users", Existing: true})
	collector := logs.NewLogCollector(chart, "collector", logs.LogCollectorProps{
		Name:            "filebeat",
		Form:            logs.SidecarCollector,
		Elasticsearch:   logs.ExistingElasticsearch("https://logs.example.com:9200", users),
		LogFileVariable: "LOG_FILE",
	})
	infra.NewProbedDeployment(chart, "web", infra.ProbedDeploymentProps{
		Name: "web", Image: "example.com/shop/web:1.4",
		// Where nothing else is to be done, it is the Patch itself.
		Patch: func(deployment *appsv1.Deployment) {
			collector.Attach(deployment)
			pod := deployment.Spec.Template.Spec
			fmt.Println(pod.InitContainers[0].Name, "beside", pod.Containers[0].Name, pod.Containers[0].Env)
		},
	})
	synthtest.PrintNames(app)
	// Output:
	// filebeat beside web [{LOG_FILE /var/log/app/app.log nil}]
	// ConfigMap filebeat
	// Deployment web
}
