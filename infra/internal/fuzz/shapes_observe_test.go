package fuzz

import (
	"fmt"
	"slices"
	"time"

	"github.com/crossoverJie/k8s-combat/infra"
	"github.com/crossoverJie/k8s-combat/infra/internal/fuzz/fill"
	"github.com/crossoverJie/k8s-combat/infra/logs"
	"github.com/crossoverJie/k8s-combat/infra/observe"
	"github.com/crossoverJie/k8s-combat/infra/pod"
)

func (w *world) elasticsearch(props *logs.ElasticsearchProps) {
	props.Credentials = w.credentials()
	if props.Resources != (pod.Resources{}) {
		props.Resources.Limits.Memory = "2Gi"
	}
}

func (w *world) kibana(props *logs.KibanaProps) {
	props.EncryptionKey = pod.KeyRef{}
	if w.Chance(0.5) {
		props.EncryptionKey = w.credentials().Key(credentialsKey)
	}
}

func (w *world) logCollector(props *logs.LogCollectorProps) {
	if props.Form == logs.SidecarCollector {
		props.From, props.Patch = nil, nil
		return
	}
	props.LogFile, props.LogFileVariable = "", ""
	var collected []infra.Workload
	for _, workload := range props.From {
		if workload != nil && !slices.Contains(collected, workload) {
			collected = append(collected, workload)
		}
	}
	props.From = collected
}

func (w *world) collector(props *observe.OpenTelemetryCollectorProps) {
	seen := map[observe.CollectorExporter]bool{}
	single := map[observe.CollectorExporter]bool{observe.DebugExporter(): true, observe.PrometheusExporter(): true}
	props.Exporters = slices.DeleteFunc(props.Exporters, func(exporter observe.CollectorExporter) bool {
		defer func() { _ = recover() }() // An exporter with signals cannot be compared.
		repeated := single[exporter] && seen[exporter]
		seen[exporter] = true
		return repeated
	})
}

func (w *world) scraping(props *observe.ScrapingProps) {
	if w.Chance(0.9) {
		props.Service = fresh[infra.ServiceProps, *infra.Service](w, func(service *infra.ServiceProps) {
			if service.Type == infra.ExternalName {
				service.Type, service.ExternalName, service.Selector = "", "", map[string]string{"app": "web"}
				service.Ports = []infra.ServicePort{{Name: "http", Port: 80}}
			}
			service.Labels = observe.ScrapeLabels(service.Name)
		})
	}
	if props.Service != nil {
		props.Port = w.portOf(props.Service)
	}
	if props.Interval > 0 {
		props.Timeout = min(props.Timeout, props.Interval)
	}
}

func (w *world) objectives(props *observe.ServiceObjectivesProps) {
	if props.Availability.Objective == 0 && props.Latency.Objective == 0 {
		props.Availability.Objective = 99.9
	}
	if props.Latency.Objective != 0 {
		props.Latency.Threshold = 500 * time.Millisecond
	} else {
		props.Latency = observe.Latency{}
	}
}

func (w *world) metrics(metrics *observe.RequestMetrics) {
	if metrics.Buckets != nil {
		metrics.Buckets = []time.Duration{100 * time.Millisecond, 500 * time.Millisecond, time.Second}
	}
}

func (w *world) dashboard(props *observe.DashboardProps) {
	for i := range props.Panels {
		panel := &props.Panels[i]
		if w.Chance(0.5) {
			*panel = w.panel()
		}
		panel.Title = fmt.Sprintf("Panel %d", i)
		slices.SortFunc(panel.Thresholds, func(a, b observe.Threshold) int { return int(a.Value*10 - b.Value*10) })
		same := func(a, b observe.Threshold) bool { return a.Value == b.Value }
		panel.Thresholds = slices.CompactFunc(panel.Thresholds, same)
	}
}

// panel is one of those that are made for a purpose.
func (w *world) panel() observe.Panel {
	var metrics observe.RequestMetrics
	if w.Chance(0.3) {
		w.Fill(&metrics)
	}
	switch w.Rand.IntN(6) {
	case 0:
		return observe.RequestRatePanel(neighbour[*infra.Service](w, true), metrics)
	case 1:
		return observe.ErrorRatioPanel(neighbour[*infra.Service](w, true), metrics)
	case 2:
		return observe.LatencyPanel(neighbour[*infra.Service](w, true), metrics, fill.Pick(w.Filler, nil,
			[]float64{0.5}, []float64{0.9, 0.999})...)
	case 3:
		return observe.SaturationPanel(w.workload(fill.Place{}))
	case 4:
		return observe.BurnRatePanel(neighbour[*observe.ServiceObjectives](w, true))
	}
	return observe.BudgetPanel(neighbour[*observe.ServiceObjectives](w, true))
}
