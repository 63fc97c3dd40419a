package chapters

import (
	"time"

	"github.com/cdk8s-team/cdk8s-core-go/cdk8s/v2"

	"github.com/crossoverJie/k8s-combat/app/contract"
	"github.com/crossoverJie/k8s-combat/infra"
	"github.com/crossoverJie/k8s-combat/infra/mesh"
	"github.com/crossoverJie/k8s-combat/infra/observe"
)

// collectorName is the OpenTelemetry Collector of the chapter on observability.
const collectorName = "k8s-combat-collector"

// observability is what there is to know of a service that runs: its telemetry goes to a collector,
// Prometheus reads its metrics, alerts fire when its objectives are in danger, a dashboard shows
// both, and the mesh reports each request.
func observability(chart cdk8s.Chart) {
	collector := observe.NewOpenTelemetryCollector(chart, collectorName, observe.OpenTelemetryCollectorProps{
		Name:      collectorName,
		Version:   version,
		Exporters: []observe.CollectorExporter{observe.PrometheusExporter()},
	})

	props := provider(providerName, 2)
	props.Labels = observe.ScrapeLabels(providerName)
	props.Workload.Env = collector.Env(providerName, map[string]string{"service.version": version})
	props.Ports = append(props.Ports, adminPort)
	service := infra.NewWebService(chart, providerName, props)

	observe.NewScraping(chart, "scraping",
		observe.ScrapingProps{Service: service.Service(), Port: contract.AdminPortName})
	observe.NewScraping(chart, "collected-scraping",
		observe.ScrapingProps{Service: collector.Service(), Port: observe.CollectedMetricsPortName})

	// The series that the sample service has.
	metrics := observe.RequestMetrics{
		Requests: contract.MetricHTTPRequests,
		Failed:   map[string]observe.Matcher{contract.LabelCode: observe.Regex("5..")},
		Duration: contract.MetricHTTPDuration,
		Buckets:  contract.DurationBuckets(),
	}
	objectives := observe.NewServiceObjectives(chart, "objectives", observe.ServiceObjectivesProps{
		Name:         providerName,
		Service:      service.Service(),
		Metrics:      metrics,
		Availability: observe.Availability{Objective: 99.9},
		Latency:      observe.Latency{Objective: 99, Threshold: 250 * time.Millisecond},
		Runbook:      "https://github.com/crossoverJie/k8s-combat",
	})

	observe.NewDashboard(chart, "dashboard", observe.DashboardProps{
		Name:  "k8s-combat-dashboard",
		Title: "k8s-combat-service",
		Tags:  []string{callerName},
		Panels: []observe.Panel{
			observe.RequestRatePanel(service.Service(), metrics),
			observe.ErrorRatioPanel(service.Service(), metrics),
			observe.LatencyPanel(service.Service(), metrics),
			observe.SaturationPanel(service.Deployment()),
			observe.BurnRatePanel(objectives),
			observe.BudgetPanel(objectives),
		},
	})

	mesh.NewTelemetry(chart, "telemetry", mesh.TelemetryProps{
		Name:          providerName,
		Workload:      service.Deployment(),
		AccessLogging: mesh.AccessLogging{Providers: []string{mesh.EnvoyAccessLog}},
		// Spans go to the mesh's default provider.
		Tracing: mesh.Tracing{SamplingPercentage: new(10.0)},
	})
}
