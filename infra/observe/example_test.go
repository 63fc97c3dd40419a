package observe_test

import (
	"fmt"
	"time"

	monitoringv1 "github.com/prometheus-operator/prometheus-operator/pkg/apis/monitoring/v1"

	"github.com/crossoverJie/k8s-combat/imports/tree"
	"github.com/crossoverJie/k8s-combat/imports/tree/native"
	"github.com/crossoverJie/k8s-combat/infra"
	"github.com/crossoverJie/k8s-combat/infra/internal/synthtest"
	"github.com/crossoverJie/k8s-combat/infra/observe"
)

// Traces go on to Tempo, metrics are there for Prometheus to read, and a workload is told where the collector is.
func ExampleOpenTelemetryCollector() {
	app := native.NewApp(nil)
	chart := tree.NewChart(app, "shop", tree.ChartProps{})
	collector := observe.NewOpenTelemetryCollector(chart, "collector", observe.OpenTelemetryCollectorProps{
		Name: "collector",
		Exporters: []observe.CollectorExporter{
			observe.OTLPExporter("http://tempo:4317", observe.Traces),
			observe.PrometheusExporter(),
		},
	})
	for _, variable := range collector.Env("web", map[string]string{"service.version": "1.4"}) {
		fmt.Printf("%s=%s\n", variable.Name, variable.Value)
	}
	synthtest.PrintNames(app)
	// Output:
	// OTEL_EXPORTER_OTLP_ENDPOINT=http://collector:4317
	// OTEL_EXPORTER_OTLP_PROTOCOL=grpc
	// OTEL_SERVICE_NAME=web
	// OTEL_RESOURCE_ATTRIBUTES=service.version=1.4
	// ConfigMap collector
	// Service collector
	// Deployment collector
}

// Prometheus reads the metrics of each pod behind a Service every 15 seconds.
func ExampleScraping() {
	app := native.NewApp(nil)
	chart := tree.NewChart(app, "shop", tree.ChartProps{})
	service := infra.NewService(chart, "web", infra.ServiceProps{
		Name:     "web",
		Selector: map[string]string{"app": "web"},
		Labels:   observe.ScrapeLabels("web"),
		Ports:    []infra.ServicePort{{Name: "http", Port: 80}, {Name: "http-metrics", Port: 9090}},
	})
	observe.NewScraping(chart, "scraping", observe.ScrapingProps{
		Service:  service,
		Port:     "http-metrics",
		Interval: 15 * time.Second,
		Labels:   map[string]string{"release": "prometheus"},
	})
	synthtest.PrintKinds(app, "ServiceMonitor")
	// Output:
	// apiVersion: monitoring.coreos.com/v1
	// kind: ServiceMonitor
	// metadata:
	//   labels:
	//     release: prometheus
	//   name: web
	// spec:
	//   endpoints:
	//     - interval: 15s
	//       path: /metrics
	//       port: http-metrics
	//   selector:
	//     matchLabels:
	//       app.kubernetes.io/name: web
}

// 99.9 % of the requests must not fail, and 99 % take no longer than 250 ms.
func ExampleServiceObjectives() {
	app := native.NewApp(nil)
	chart := tree.NewChart(app, "shop", tree.ChartProps{})
	service := infra.NewService(chart, "web", infra.ServiceProps{
		Name: "web", Selector: map[string]string{"app": "web"}, Ports: []infra.ServicePort{{Name: "http", Port: 80}},
	})
	observe.NewServiceObjectives(chart, "objectives", observe.ServiceObjectivesProps{
		Name:         "web",
		Service:      service,
		Availability: observe.Availability{Objective: 99.9},
		Latency:      observe.Latency{Objective: 99, Threshold: 250 * time.Millisecond},
		Runbook:      "https://example.com/runbooks/web",
		// A Patch is given the object, of the upstream type, before it is written.
		Patch: func(rule *monitoringv1.PrometheusRule) {
			for _, group := range rule.Spec.Groups {
				for _, rule := range group.Rules {
					if rule.Labels["severity"] == "page" {
						fmt.Println(rule.Alert, "over", rule.Labels["long"]+":", rule.Annotations["summary"])
					}
				}
			}
		},
	})
	synthtest.PrintNames(app)
	// Output:
	// AvailabilityBudgetBurn over 1h: web uses up its error budget for availability 14.4 times as fast as it may
	// AvailabilityBudgetBurn over 6h: web uses up its error budget for availability 6 times as fast as it may
	// LatencyBudgetBurn over 1h: web uses up its error budget for latency 14.4 times as fast as it may
	// LatencyBudgetBurn over 6h: web uses up its error budget for latency 6 times as fast as it may
	// Service web
	// PrometheusRule web
}

// The requests to a Service, in three panels that are made for it and one of one's own.
func ExampleDashboard() {
	app := native.NewApp(nil)
	chart := tree.NewChart(app, "shop", tree.ChartProps{})
	service := infra.NewService(chart, "web", infra.ServiceProps{
		Name: "web", Selector: map[string]string{"app": "web"}, Ports: []infra.ServicePort{{Name: "http", Port: 80}},
	})
	metrics := observe.RequestMetrics{Requests: "http_requests_total", Duration: "http_request_duration_seconds"}
	panels := []observe.Panel{
		observe.RequestRatePanel(service, metrics),
		observe.ErrorRatioPanel(service, metrics),
		observe.LatencyPanel(service, metrics, 0.99),
		{Title: "Carts", Queries: []observe.Query{{Expression: "sum(shop_open_carts)", Legend: "open"}}},
	}
	observe.NewDashboard(chart, "dashboard", observe.DashboardProps{Name: "web-dashboard", Title: "Web", Panels: panels})
	for _, panel := range panels {
		fmt.Println(panel.Title+":", panel.Queries[0].Expression)
	}
	synthtest.PrintNames(app)
	// Output:
	// Requests: sum by (namespace) (rate(http_requests_total{service="web"}[$__rate_interval]))
	// Errors: (sum by (namespace) (rate(http_requests_total{code=~"5..",service="web"}[$__rate_interval])) or 0 * sum by (namespace) (rate(http_requests_total{service="web"}[$__rate_interval]))) / sum by (namespace) (rate(http_requests_total{service="web"}[$__rate_interval]))
	// Latency: histogram_quantile(0.99, sum by (namespace, le) (rate(http_request_duration_seconds_bucket{service="web"}[$__rate_interval])))
	// Carts: sum(shop_open_carts)
	// ConfigMap web-dashboard
	// Service web
}
