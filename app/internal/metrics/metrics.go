// Package metrics counts what the service does, for Prometheus to read.
package metrics

import (
	"net/http"
	"runtime"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/crossoverJie/k8s-combat/app/contract"
	"github.com/crossoverJie/k8s-combat/app/internal/build"
)

// Metrics are the series of one service. Use New. It is safe for concurrent use.
type Metrics struct {
	registry *prometheus.Registry

	httpRequests *prometheus.CounterVec
	httpDuration *prometheus.HistogramVec
	grpcRequests *prometheus.CounterVec
	grpcDuration *prometheus.HistogramVec
	reloads      *prometheus.CounterVec

	// Panics counts handlers that panicked.
	Panics prometheus.Counter
}

// New returns the series of a service: those of the contract, of the Go runtime
// and of the process.
func New() *Metrics {
	http := []string{contract.LabelCode, contract.LabelMethod, contract.LabelRoute}
	grpc := []string{contract.LabelGRPCCode, contract.LabelGRPCMethod, contract.LabelGRPCService, contract.LabelGRPCType}
	m := &Metrics{
		registry: prometheus.NewRegistry(),
		httpRequests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: contract.MetricHTTPRequests, Help: "HTTP requests that were answered.",
		}, http),
		httpDuration: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: contract.MetricHTTPDuration, Help: "How long HTTP requests took.", Buckets: buckets(),
		}, http),
		grpcRequests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: contract.MetricGRPCRequests, Help: "gRPC calls that ended.",
		}, grpc),
		grpcDuration: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: contract.MetricGRPCDuration, Help: "How long gRPC calls took.", Buckets: buckets(),
		}, grpc),
		reloads: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: contract.MetricConfigReloads, Help: "Times that the mounted file was read again.",
		}, []string{contract.LabelResult}),
		Panics: prometheus.NewCounter(prometheus.CounterOpts{
			Name: contract.MetricPanics, Help: "Handlers that panicked.",
		}),
	}
	info := prometheus.NewGauge(prometheus.GaugeOpts{
		Name: contract.MetricBuildInfo, Help: "1, with what was built as labels.",
		ConstLabels: prometheus.Labels{"version": build.Version, "revision": build.Revision, "goversion": runtime.Version()},
	})
	info.Set(1)
	m.registry.MustRegister(
		m.httpRequests, m.httpDuration, m.grpcRequests, m.grpcDuration, m.reloads, m.Panics, info,
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
	)
	// Both are there from the start: what appears with its first failure, no rate
	// sees.
	for _, result := range []string{success, failure} {
		m.reloads.WithLabelValues(result)
	}
	return m
}

const (
	success = "success"
	failure = "failure"
)

func buckets() []float64 {
	var seconds []float64
	for _, bound := range contract.DurationBuckets() {
		seconds = append(seconds, bound.Seconds())
	}
	return seconds
}

// Handler serves the series in the formats of Prometheus, and of OpenMetrics, where
// they have exemplars.
func (m *Metrics) Handler() http.Handler {
	// The reader asks over the network of the cluster, where compression costs more
	// than it saves.
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{DisableCompression: true, EnableOpenMetrics: true})
}

// Gatherer returns the series themselves.
func (m *Metrics) Gatherer() prometheus.Gatherer { return m.registry }

// Reloaded counts that the mounted file was read again.
func (m *Metrics) Reloaded(err error) {
	result := success
	if err != nil {
		result = failure
	}
	m.reloads.WithLabelValues(result).Inc()
}

// WatchReady has MetricReady follow ready.
func (m *Metrics) WatchReady(ready func() bool) {
	m.registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: contract.MetricReady, Help: "1 while the service takes traffic.",
	}, func() float64 {
		if ready() {
			return 1
		}
		return 0
	}))
}

// WatchDroppedLogs has MetricLogDropped of an output follow dropped.
func (m *Metrics) WatchDroppedLogs(output string, dropped func() uint64) {
	m.registry.MustRegister(prometheus.NewCounterFunc(prometheus.CounterOpts{
		Name: contract.MetricLogDropped, Help: "Log lines that could not be written.", ConstLabels: prometheus.Labels{contract.LabelOutput: output},
	}, func() float64 { return float64(dropped()) }))
}

// GRPC counts one call that ended. The labels have as many values as the service
// has methods and gRPC has codes. traceID is that of the call's trace, if it is
// recorded, or empty.
func (m *Metrics) GRPC(service, method, kind, code, traceID string, took time.Duration) {
	m.grpcRequests.WithLabelValues(code, method, service, kind).Inc()
	observe(m.grpcDuration.WithLabelValues(code, method, service, kind), took, traceID)
}
