package telemetry

import (
	"context"
	"math"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/resource"
	collector "go.opentelemetry.io/proto/otlp/collector/metrics/v1"
	common "go.opentelemetry.io/proto/otlp/common/v1"
	metrics "go.opentelemetry.io/proto/otlp/metrics/v1"
	otlpresource "go.opentelemetry.io/proto/otlp/resource/v1"
	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"
)

// exportTimeout is OpenTelemetry's own.
const exportTimeout = 10 * time.Second

// metricsExporter sends what Prometheus would read. OpenTelemetry's own SDK would
// count everything a second time, and is a twentieth of the program.
type metricsExporter struct {
	client   collector.MetricsServiceClient
	gatherer prometheus.Gatherer
	headers  metadata.MD
	interval time.Duration
	resource *otlpresource.Resource
	start    time.Time
}

func newMetricsExporter(o Options, conn *grpc.ClientConn, attributes *resource.Resource) *metricsExporter {
	e := &metricsExporter{
		client:   collector.NewMetricsServiceClient(conn),
		gatherer: o.Metrics,
		headers:  metadata.New(o.Headers),
		interval: o.MetricInterval,
		resource: &otlpresource.Resource{},
		start:    time.Now(),
	}
	for _, a := range attributes.Attributes() {
		converted := keyValue(string(a.Key), a.Value.String())
		if a.Value.Type() == attribute.INT64 {
			// Of the type that it has with traces and logs.
			converted.Value.Value = &common.AnyValue_IntValue{IntValue: a.Value.AsInt64()}
		}
		e.resource.Attributes = append(e.resource.Attributes, converted)
	}
	return e
}

func keyValue(key, value string) *common.KeyValue {
	return &common.KeyValue{Key: key, Value: &common.AnyValue{Value: &common.AnyValue_StringValue{StringValue: value}}}
}

// run exports every interval until ctx ends.
func (e *metricsExporter) run(ctx context.Context) {
	ticker := time.NewTicker(e.interval)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			if err := e.export(ctx); err != nil && ctx.Err() == nil {
				otel.Handle(err)
			}
		}
	}
}

func (e *metricsExporter) export(ctx context.Context) error {
	families, err := e.gatherer.Gather()
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(metadata.NewOutgoingContext(ctx, e.headers), exportTimeout)
	defer cancel()
	_, err = e.client.Export(ctx, &collector.ExportMetricsServiceRequest{ResourceMetrics: []*metrics.ResourceMetrics{{
		Resource: e.resource,
		ScopeMetrics: []*metrics.ScopeMetrics{{
			Scope:   &common.InstrumentationScope{Name: scope},
			Metrics: e.convert(families, time.Now()),
		}},
	}}})
	return err
}

// convert turns Prometheus' families into metrics, by the rules of
// https://opentelemetry.io/docs/specs/otel/compatibility/prometheus_and_openmetrics/,
// except that names stay as they are.
func (e *metricsExporter) convert(families []*dto.MetricFamily, now time.Time) []*metrics.Metric {
	converted := make([]*metrics.Metric, 0, len(families))
	for _, family := range families {
		m := &metrics.Metric{Name: family.GetName(), Description: family.GetHelp()}
		switch family.GetType() {
		case dto.MetricType_COUNTER:
			m.Data = &metrics.Metric_Sum{Sum: &metrics.Sum{
				IsMonotonic:            true,
				AggregationTemporality: metrics.AggregationTemporality_AGGREGATION_TEMPORALITY_CUMULATIVE,
				DataPoints:             e.numbers(family, now, func(m *dto.Metric) float64 { return m.GetCounter().GetValue() }),
			}}
		case dto.MetricType_GAUGE:
			m.Data = &metrics.Metric_Gauge{Gauge: &metrics.Gauge{
				DataPoints: e.numbers(family, now, func(m *dto.Metric) float64 { return m.GetGauge().GetValue() }),
			}}
		case dto.MetricType_HISTOGRAM:
			m.Data = &metrics.Metric_Histogram{Histogram: &metrics.Histogram{
				AggregationTemporality: metrics.AggregationTemporality_AGGREGATION_TEMPORALITY_CUMULATIVE,
				DataPoints:             e.histograms(family, now),
			}}
		case dto.MetricType_SUMMARY:
			m.Data = &metrics.Metric_Summary{Summary: &metrics.Summary{DataPoints: e.summaries(family, now)}}
		default:
			continue
		}
		converted = append(converted, m)
	}
	return converted
}

func attributes(m *dto.Metric) []*common.KeyValue {
	pairs := make([]*common.KeyValue, 0, len(m.GetLabel()))
	for _, label := range m.GetLabel() {
		pairs = append(pairs, keyValue(label.GetName(), label.GetValue()))
	}
	return pairs
}

func (e *metricsExporter) numbers(family *dto.MetricFamily, now time.Time, value func(*dto.Metric) float64) []*metrics.NumberDataPoint {
	points := make([]*metrics.NumberDataPoint, 0, len(family.GetMetric()))
	for _, m := range family.GetMetric() {
		points = append(points, &metrics.NumberDataPoint{
			Attributes:        attributes(m),
			StartTimeUnixNano: uint64(e.start.UnixNano()),
			TimeUnixNano:      uint64(now.UnixNano()),
			Value:             &metrics.NumberDataPoint_AsDouble{AsDouble: value(m)},
		})
	}
	return points
}

func (e *metricsExporter) histograms(family *dto.MetricFamily, now time.Time) []*metrics.HistogramDataPoint {
	points := make([]*metrics.HistogramDataPoint, 0, len(family.GetMetric()))
	for _, m := range family.GetMetric() {
		h := m.GetHistogram()
		point := &metrics.HistogramDataPoint{
			Attributes:        attributes(m),
			StartTimeUnixNano: uint64(e.start.UnixNano()),
			TimeUnixNano:      uint64(now.UnixNano()),
			Count:             h.GetSampleCount(),
			Sum:               new(h.GetSampleSum()),
		}
		// Prometheus' buckets hold those below them too.
		var below uint64
		for _, b := range h.GetBucket() {
			if math.IsInf(b.GetUpperBound(), 1) {
				continue
			}
			point.ExplicitBounds = append(point.ExplicitBounds, b.GetUpperBound())
			point.BucketCounts = append(point.BucketCounts, b.GetCumulativeCount()-below)
			below = b.GetCumulativeCount()
		}
		point.BucketCounts = append(point.BucketCounts, h.GetSampleCount()-below)
		points = append(points, point)
	}
	return points
}

func (e *metricsExporter) summaries(family *dto.MetricFamily, now time.Time) []*metrics.SummaryDataPoint {
	points := make([]*metrics.SummaryDataPoint, 0, len(family.GetMetric()))
	for _, m := range family.GetMetric() {
		s := m.GetSummary()
		point := &metrics.SummaryDataPoint{
			Attributes:        attributes(m),
			StartTimeUnixNano: uint64(e.start.UnixNano()),
			TimeUnixNano:      uint64(now.UnixNano()),
			Count:             s.GetSampleCount(),
			Sum:               s.GetSampleSum(),
		}
		for _, q := range s.GetQuantile() {
			point.QuantileValues = append(point.QuantileValues, &metrics.SummaryDataPoint_ValueAtQuantile{Quantile: q.GetQuantile(), Value: q.GetValue()})
		}
		points = append(points, point)
	}
	return points
}
