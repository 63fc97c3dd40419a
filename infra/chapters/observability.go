package chapters

import (
	"time"

	"github.com/cdk8s-team/cdk8s-core-go/cdk8s/v2"

	"github.com/crossoverJie/k8s-combat/app/contract"
	"github.com/crossoverJie/k8s-combat/infra"
)

// collectorName is the OpenTelemetry Collector of the chapter on observability.
const collectorName = "k8s-combat-collector"

// observability is what there is to know of a service that runs: its telemetry goes to a collector, Prometheus reads its
// metrics, alerts fire when its objectives are in danger, a dashboard shows both, and the mesh reports each request.
func observability(chart cdk8s.Chart) {
	collector := infra.NewOpenTelemetryCollector(chart, collectorName, infra.OpenTelemetryCollectorProps{
		Name:      collectorName,
		Version:   version,
		Exporters: []infra.CollectorExporter{infra.PrometheusExporter()},
	})

	props := provider(providerName, 2)
	props.Workload.Env = collector.Env(providerName, map[string]string{"service.version": version})
	service := infra.NewWebService(chart, providerName, props)

	infra.NewScraping(chart, "scraping", infra.ScrapingProps{Service: service.Service(), Port: contract.HTTPPortName})
	infra.NewScraping(chart, "collected-scraping", infra.ScrapingProps{Service: collector.Service(), Port: infra.CollectedMetricsPortName})

	objectives := infra.NewServiceObjectives(chart, "objectives", infra.ServiceObjectivesProps{
		Name:         providerName,
		Service:      service.Service(),
		Availability: infra.Availability{Objective: 99.9},
		Latency:      infra.Latency{Objective: 99, Threshold: 250 * time.Millisecond},
		Runbook:      "https://github.com/crossoverJie/k8s-combat",
	})

	metrics := infra.RequestMetrics{}
	infra.NewDashboard(chart, "dashboard", infra.DashboardProps{
		Name:  "k8s-combat-dashboard",
		Title: "k8s-combat-service",
		Tags:  []string{callerName},
		Panels: []infra.Panel{
			infra.RequestRatePanel(service.Service(), metrics),
			infra.ErrorRatioPanel(service.Service(), metrics),
			infra.LatencyPanel(service.Service(), metrics),
			infra.SaturationPanel(service.Deployment()),
			infra.BurnRatePanel(objectives),
			infra.BudgetPanel(objectives),
		},
	})

	infra.NewTelemetry(chart, "telemetry", infra.TelemetryProps{
		Name:          providerName,
		Workload:      service.Deployment(),
		AccessLogging: infra.AccessLogging{Providers: []string{infra.EnvoyAccessLog}},
		// Spans go to the mesh's default provider.
		Tracing: infra.Tracing{SamplingPercentage: new(10.0)},
	})
}
