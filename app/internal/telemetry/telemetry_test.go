package telemetry_test

import (
	"context"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	attributes "go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/trace"
	"go.opentelemetry.io/otel/trace/noop"
	collectorlogs "go.opentelemetry.io/proto/otlp/collector/logs/v1"
	collectormetrics "go.opentelemetry.io/proto/otlp/collector/metrics/v1"
	collectortrace "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	common "go.opentelemetry.io/proto/otlp/common/v1"
	logs "go.opentelemetry.io/proto/otlp/logs/v1"
	otlpmetrics "go.opentelemetry.io/proto/otlp/metrics/v1"
	otlptrace "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"

	"github.com/crossoverJie/k8s-combat/app/internal/config"
	"github.com/crossoverJie/k8s-combat/app/internal/logging"
	"github.com/crossoverJie/k8s-combat/app/internal/metrics"
	"github.com/crossoverJie/k8s-combat/app/internal/propagate"
	"github.com/crossoverJie/k8s-combat/app/internal/telemetry"
)

// collector takes what is sent by OTLP.
type collector struct {
	endpoint *url.URL

	mu      sync.Mutex
	spans   []*otlptrace.ResourceSpans
	metrics []*otlpmetrics.ResourceMetrics
	logs    []*logs.ResourceLogs
	tokens  map[string]bool
}

type traceService struct {
	collectortrace.UnimplementedTraceServiceServer
	*collector
}

type metricsService struct {
	collectormetrics.UnimplementedMetricsServiceServer
	*collector
}

type logsService struct {
	collectorlogs.UnimplementedLogsServiceServer
	*collector
}

func (c *collector) take(ctx context.Context, f func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, token := range metadata.ValueFromIncomingContext(ctx, "authorization") {
		c.tokens[token] = true
	}
	f()
}

func (s traceService) Export(ctx context.Context, r *collectortrace.ExportTraceServiceRequest) (*collectortrace.ExportTraceServiceResponse, error) {
	s.take(ctx, func() { s.spans = append(s.spans, r.GetResourceSpans()...) })
	return &collectortrace.ExportTraceServiceResponse{}, nil
}

func (s metricsService) Export(ctx context.Context, r *collectormetrics.ExportMetricsServiceRequest) (*collectormetrics.ExportMetricsServiceResponse, error) {
	s.take(ctx, func() { s.metrics = append(s.metrics, r.GetResourceMetrics()...) })
	return &collectormetrics.ExportMetricsServiceResponse{}, nil
}

func (s logsService) Export(ctx context.Context, r *collectorlogs.ExportLogsServiceRequest) (*collectorlogs.ExportLogsServiceResponse, error) {
	s.take(ctx, func() { s.logs = append(s.logs, r.GetResourceLogs()...) })
	return &collectorlogs.ExportLogsServiceResponse{}, nil
}

func newCollector(t *testing.T) *collector {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	c := &collector{endpoint: &url.URL{Scheme: "http", Host: listener.Addr().String()}, tokens: map[string]bool{}}
	server := grpc.NewServer()
	collectortrace.RegisterTraceServiceServer(server, traceService{collector: c})
	collectormetrics.RegisterMetricsServiceServer(server, metricsService{collector: c})
	collectorlogs.RegisterLogsServiceServer(server, logsService{collector: c})
	go func() { _ = server.Serve(listener) }()
	t.Cleanup(server.Stop)
	return c
}

func options(endpoint *url.URL) (telemetry.Options, *metrics.Metrics) {
	m := metrics.New()
	return telemetry.Options{
		OTel: config.OTel{
			Endpoint: endpoint, ServiceName: "web", Attributes: map[string]string{"service.version": "v9", "service.name": "not this"},
			Headers: map[string]string{"Authorization": "Bearer hunter2"}, MetricInterval: time.Hour,
		},
		Hostname: "pod-1", Metrics: m.Gatherer(), Log: slog.New(slog.DiscardHandler),
	}, m
}

func attribute(pairs []*common.KeyValue, key string) string {
	for _, p := range pairs {
		if p.GetKey() == key {
			return p.GetValue().GetStringValue()
		}
	}
	return ""
}

func TestShutdownSendsEverything(t *testing.T) {
	c := newCollector(t)
	o, m := options(c.endpoint)
	sent, err := telemetry.Start(o)
	require.NoError(t, err)

	ctx, span := sent.Server.Start(t.Context(), "GET /ping", trace.WithSpanKind(trace.SpanKindServer))
	span.End()
	m.Route("/ping").Count("GET", 200, 20*time.Millisecond)
	m.Route("/ping").Count("GET", 200, time.Minute)
	record := slog.NewRecord(time.Now(), slog.LevelWarn, "hello", 0)
	record.AddAttrs(slog.Group("g", slog.Int("n", 1), slog.String("s", "x")), slog.Any("secret", config.Secret("hunter2")))
	sent.Logs.Record(ctx, record)
	sent.Logs.Request(&logging.Request{
		Message: "request", Start: time.Now(), Method: "GET", Path: "/ping", Status: 200, TraceID: span.SpanContext().TraceID().String(),
	})

	bound, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	require.NoError(t, sent.Shutdown(bound))
	c.mu.Lock()
	defer c.mu.Unlock()
	assert.Equal(t, map[string]bool{"Bearer hunter2": true}, c.tokens)

	require.Len(t, c.spans, 1)
	resource := c.spans[0].GetResource().GetAttributes()
	assert.Equal(t, "web", attribute(resource, "service.name"))
	assert.Equal(t, "v9", attribute(resource, "service.version"))
	assert.Equal(t, "pod-1", attribute(resource, "host.name"))
	assert.Equal(t, "GET /ping", c.spans[0].GetScopeSpans()[0].GetSpans()[0].GetName())

	// Where an attribute has two types, a store of telemetry refuses one of them.
	for name, other := range map[string][]*common.KeyValue{
		"metrics": c.metrics[0].GetResource().GetAttributes(), "logs": c.logs[0].GetResource().GetAttributes(),
	} {
		assert.Len(t, other, len(resource), name)
		for _, a := range resource {
			i := slices.IndexFunc(other, func(b *common.KeyValue) bool { return a.GetKey() == b.GetKey() })
			if assert.GreaterOrEqual(t, i, 0, a.GetKey()) {
				assert.IsType(t, a.GetValue().GetValue(), other[i].GetValue().GetValue(), "%s of %s", a.GetKey(), name)
			}
		}
	}

	var lines []*logs.LogRecord
	for _, r := range c.logs {
		for _, scope := range r.GetScopeLogs() {
			lines = append(lines, scope.GetLogRecords()...)
		}
	}
	require.Len(t, lines, 2)
	id := span.SpanContext().TraceID()
	for _, line := range lines {
		assert.Equal(t, id[:], line.GetTraceId())
		assert.NotContains(t, line.String(), "hunter2")
	}
	assert.Equal(t, "hello", lines[0].GetBody().GetStringValue())
	assert.Equal(t, logs.SeverityNumber_SEVERITY_NUMBER_WARN, lines[0].GetSeverityNumber())
	assert.Equal(t, "x", attribute(lines[0].GetAttributes(), "g.s"))
	assert.Equal(t, "/ping", attribute(lines[1].GetAttributes(), "path"))

	require.Len(t, c.metrics, 1, "the last ones")
	byName := map[string]*otlpmetrics.Metric{}
	for _, metric := range c.metrics[0].GetScopeMetrics()[0].GetMetrics() {
		byName[metric.GetName()] = metric
	}
	requests := byName["http_server_requests_total"].GetSum()
	assert.True(t, requests.GetIsMonotonic())
	assert.Equal(t, otlpmetrics.AggregationTemporality_AGGREGATION_TEMPORALITY_CUMULATIVE, requests.GetAggregationTemporality())
	assert.InDelta(t, 2, requests.GetDataPoints()[0].GetAsDouble(), 0)
	assert.Equal(t, "/ping", attribute(requests.GetDataPoints()[0].GetAttributes(), "route"))
	duration := byName["http_server_request_duration_seconds"].GetHistogram().GetDataPoints()[0]
	assert.EqualValues(t, 2, duration.GetCount())
	assert.Len(t, duration.GetExplicitBounds(), 11)
	assert.Equal(t, []uint64{0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 1}, duration.GetBucketCounts())
	assert.NotEmpty(t, byName["go_goroutines"].GetGauge().GetDataPoints())
	assert.NotNil(t, byName["go_gc_duration_seconds"].GetSummary())
}

func TestLogsSendWhatIsNotUTF8(t *testing.T) {
	c := newCollector(t)
	o, _ := options(c.endpoint)
	sent, err := telemetry.Start(o)
	require.NoError(t, err)
	sent.Logs.Request(&logging.Request{Message: "request", Start: time.Now(), Path: "/\xff", UserAgent: strings.Repeat("x", 1000)})
	record := slog.NewRecord(time.Now(), slog.LevelWarn, "hello", 0)
	record.AddAttrs(slog.String("err", "\xff"))
	sent.Logs.Record(t.Context(), record)
	require.NoError(t, sent.Shutdown(t.Context()))
	c.mu.Lock()
	defer c.mu.Unlock()
	require.Len(t, c.logs, 1)
	lines := c.logs[0].GetScopeLogs()[0].GetLogRecords()
	assert.Equal(t, "/\uFFFD", attribute(lines[0].GetAttributes(), "path"))
	assert.Len(t, attribute(lines[0].GetAttributes(), "user_agent"), 256)
	assert.Equal(t, "\uFFFD", attribute(lines[1].GetAttributes(), "err"))
}

func TestMetricsAreSentEveryInterval(t *testing.T) {
	c := newCollector(t)
	o, _ := options(c.endpoint)
	o.MetricInterval = 10 * time.Millisecond
	sent, err := telemetry.Start(o)
	require.NoError(t, err)
	assert.Eventually(t, func() bool {
		c.mu.Lock()
		defer c.mu.Unlock()
		return len(c.metrics) > 2
	}, 20*time.Second, 5*time.Millisecond)
	assert.NoError(t, sent.Shutdown(t.Context()))
}

func TestOffByDefault(t *testing.T) {
	for name, change := range map[string]func(*config.OTel){
		"no endpoint": func(o *config.OTel) { o.Endpoint = nil },
		"disabled":    func(o *config.OTel) { o.Disabled = true },
	} {
		t.Run(name, func(t *testing.T) {
			o, _ := options(&url.URL{Scheme: "http", Host: "127.0.0.1:1"})
			change(&o.OTel)
			sent, err := telemetry.Start(o)
			require.NoError(t, err)
			assert.Nil(t, sent.Server)
			assert.Nil(t, sent.Logs)
			caller := trace.NewSpanContext(trace.SpanContextConfig{TraceID: trace.TraceID{1}, SpanID: trace.SpanID{2}})
			_, span := sent.Client.Start(trace.ContextWithSpanContext(t.Context(), caller), "call")
			assert.Equal(t, caller, span.SpanContext(), "the caller's span goes on")
			assert.NoError(t, sent.Shutdown(t.Context()))
		})
	}
}

func TestSignalsCanBeLeftOut(t *testing.T) {
	c := newCollector(t)
	o, _ := options(c.endpoint)
	o.NoTraces, o.NoLogs, o.NoMetrics = true, true, true
	sent, err := telemetry.Start(o)
	require.NoError(t, err)
	assert.Nil(t, sent.Server)
	assert.Nil(t, sent.Logs)
	assert.NoError(t, sent.Shutdown(t.Context()))
	assert.Empty(t, c.metrics)
}

func TestShutdownIsBounded(t *testing.T) {
	// It accepts connections, and says nothing.
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer listener.Close()
	o, _ := options(&url.URL{Scheme: "http", Host: listener.Addr().String()})
	sent, err := telemetry.Start(o)
	require.NoError(t, err)
	_, span := sent.Server.Start(t.Context(), "x")
	span.End()
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	start := time.Now()
	assert.Error(t, sent.Shutdown(ctx))
	assert.Less(t, time.Since(start), 3*time.Second)
}

func TestSamplers(t *testing.T) {
	for sampler, want := range map[string]bool{
		"always_on": true, "always_off": false, "traceidratio": true,
		"parentbased_always_on": true, "parentbased_always_off": false, "parentbased_traceidratio": true,
	} {
		o, _ := options(&url.URL{Scheme: "http", Host: "127.0.0.1:1"})
		o.Sampler, o.SamplerShare, o.NoMetrics, o.NoLogs = sampler, 1, true, true
		sent, err := telemetry.Start(o)
		require.NoError(t, err)
		_, span := sent.Server.Start(t.Context(), "x")
		assert.Equal(t, want, span.SpanContext().IsSampled(), sampler)
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		_ = sent.Shutdown(ctx)
	}
}

// A collector refuses the whole of an export that is too large, with what others did
// in it.
func TestOneCallerDoesNotCostTheOthersTheirTelemetry(t *testing.T) {
	c := newCollector(t)
	t.Setenv("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "2000")
	t.Setenv("OTEL_BLRP_MAX_EXPORT_BATCH_SIZE", "2000")
	t.Setenv("OTEL_BSP_SCHEDULE_DELAY", "60000")
	t.Setenv("OTEL_BLRP_SCHEDULE_DELAY", "60000")
	o, _ := options(c.endpoint)
	o.NoMetrics = true
	sent, err := telemetry.Start(o)
	require.NoError(t, err)
	const many = 1500
	long := strings.Repeat("x", 15<<10)
	for range many {
		_, span := sent.Server.Start(t.Context(), "GET /ping", trace.WithAttributes(
			attributes.String("a", long), attributes.String("b", long), attributes.String("c", long), attributes.String("d", long)))
		span.End()
		record := slog.NewRecord(time.Now(), slog.LevelWarn, "hello", 0)
		record.AddAttrs(slog.String("err", long))
		sent.Logs.Record(t.Context(), record)
	}
	bound, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	assert.NoError(t, sent.Shutdown(bound))
	c.mu.Lock()
	defer c.mu.Unlock()
	var spans, lines int
	for _, r := range c.spans {
		for _, scope := range r.GetScopeSpans() {
			spans += len(scope.GetSpans())
		}
	}
	for _, r := range c.logs {
		for _, scope := range r.GetScopeLogs() {
			lines += len(scope.GetLogRecords())
		}
	}
	assert.Equal(t, many, spans)
	assert.Equal(t, many, lines)
	assert.Greater(t, len(c.spans), 3, "in parts")
}

// What a caller decides goes on as it is, whether there is a tracer here or not.
func TestDecisionsGoOn(t *testing.T) {
	const ids = "0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331"
	for _, sampler := range []string{"none", "parentbased_always_on", "parentbased_always_off"} {
		for name, tt := range map[string]struct {
			headers http.Header
			want    string
		}{
			"deny, single":         {http.Header{"B3": {"0"}}, "0"},
			"deny, multiple":       {http.Header{"X-B3-Sampled": {"0"}}, "0"},
			"deny, in words":       {http.Header{"X-B3-Sampled": {"false"}}, "0"},
			"deny, half a trace":   {http.Header{"X-B3-Sampled": {"0"}, "X-B3-Traceid": {"0af7651916cd43dd8448eb211c80319c"}}, "0"},
			"deny, with a trace":   {http.Header{"B3": {ids + "-0"}}, "0"},
			"deny, W3C":            {http.Header{"Traceparent": {"00-" + ids + "-00"}}, "0"},
			"accept, single":       {http.Header{"B3": {"1"}}, "1"},
			"accept, multiple":     {http.Header{"X-B3-Sampled": {"1"}}, "1"},
			"accept, with a trace": {http.Header{"B3": {ids + "-1"}}, "1"},
			"nothing":              {http.Header{}, map[string]string{"none": "", "parentbased_always_on": "1", "parentbased_always_off": "0"}[sampler]},
		} {
			t.Run(sampler+" "+name, func(t *testing.T) {
				tracer := noop.NewTracerProvider().Tracer("")
				if sampler != "none" {
					o, _ := options(&url.URL{Scheme: "http", Host: "127.0.0.1:1"})
					o.Sampler, o.NoMetrics, o.NoLogs = sampler, true, true
					sent, err := telemetry.Start(o)
					require.NoError(t, err)
					tracer = sent.Server
					defer func() {
						ctx, cancel := context.WithCancel(t.Context())
						cancel()
						_ = sent.Shutdown(ctx)
					}()
				}
				ctx, span := tracer.Start(propagate.FromHTTP(t.Context(), tt.headers), "x")
				defer span.End()
				out := http.Header{}
				propagate.ToHTTP(ctx, out)
				sampled := out.Get("x-b3-sampled")
				single := out.Get("b3")
				assert.Equal(t, tt.want, sampled)
				assert.Equal(t, tt.want, single[strings.LastIndexByte(single, '-')+1:])
				if parent := out.Get("traceparent"); parent != "" {
					assert.Equal(t, "0"+tt.want, parent[len(parent)-2:])
				}
				md, _ := metadata.FromOutgoingContext(propagate.ToGRPC(ctx))
				assert.Equal(t, sampled, strings.Join(md.Get("x-b3-sampled"), ""))
			})
		}
	}
}
