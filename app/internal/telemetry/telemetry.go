// Package telemetry sends traces, metrics and logs to an OpenTelemetry Collector,
// by OTLP over gRPC.
package telemetry

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/url"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/go-logr/logr"
	"github.com/prometheus/client_golang/prometheus"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlplog/otlploggrpc"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracegrpc"
	sdklog "go.opentelemetry.io/otel/sdk/log"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
	"go.opentelemetry.io/otel/trace/noop"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"

	"github.com/crossoverJie/k8s-combat/app/internal/build"
	"github.com/crossoverJie/k8s-combat/app/internal/config"
	"github.com/crossoverJie/k8s-combat/app/internal/propagate"
)

// scope names this program as what makes the telemetry.
const scope = "github.com/crossoverJie/k8s-combat/app"

// Options is what there is to send, and where to.
type Options struct {
	config.OTel
	// Hostname is the name of the pod.
	Hostname string
	// Metrics are read for each export. They are those that Prometheus reads: the
	// service counts once.
	Metrics prometheus.Gatherer
	// Log is told that telemetry cannot be sent, once a minute at most.
	Log *slog.Logger
}

// Telemetry sends what the service says of itself. Use Start, and Shutdown for the
// last of it.
type Telemetry struct {
	// Server makes spans of the requests that come in. It is nil if there are none.
	Server trace.Tracer
	// Client makes spans of the calls that go out. It passes the caller's span on
	// if there are none.
	Client trace.Tracer
	// Logs takes log lines. It is nil if there are none.
	Logs *Logs

	stops []func(context.Context) error
}

// Start begins to send. It does not wait for the collector, which may come later;
// without one to send to it does nothing.
func Start(o Options) (*Telemetry, error) {
	t := &Telemetry{Client: noop.NewTracerProvider().Tracer(scope)}
	if !o.Enabled() {
		return t, nil
	}
	o.handleErrors()
	conn, err := dial(o.Endpoint)
	if err != nil {
		return nil, err
	}
	attributes := o.resource()
	if err := errors.Join(t.startTraces(o, conn, attributes), t.startLogs(o, conn, attributes)); err != nil {
		_ = conn.Close()
		return nil, err
	}
	if !o.NoMetrics {
		exporter := newMetricsExporter(o, conn, attributes)
		ctx, cancel := context.WithCancel(context.Background())
		done := make(chan struct{})
		go func() {
			exporter.run(ctx)
			close(done)
		}()
		t.stops = append(t.stops, func(ctx context.Context) error {
			cancel()
			<-done
			return exporter.export(ctx)
		})
	}
	stops := t.stops
	t.stops = []func(context.Context) error{func(ctx context.Context) error {
		defer conn.Close()
		return all(ctx, stops)
	}}
	return t, nil
}

func (t *Telemetry) startTraces(o Options, conn *grpc.ClientConn, attributes *resource.Resource) error {
	if o.NoTraces {
		return nil
	}
	exporter, err := otlptracegrpc.New(context.Background(), otlptracegrpc.WithGRPCConn(conn), otlptracegrpc.WithHeaders(o.Headers))
	if err != nil {
		return err
	}
	provider := sdktrace.NewTracerProvider(sdktrace.WithBatcher(spanExporter{exporter}), sdktrace.WithResource(attributes),
		sdktrace.WithSampler(o.sampler()), sdktrace.WithRawSpanLimits(spanLimits()))
	t.Server = provider.Tracer(scope)
	t.Client = t.Server
	t.stops = append(t.stops, provider.Shutdown)
	return nil
}

func (t *Telemetry) startLogs(o Options, conn *grpc.ClientConn, attributes *resource.Resource) error {
	if o.NoLogs {
		return nil
	}
	exporter, err := otlploggrpc.New(context.Background(), otlploggrpc.WithGRPCConn(conn), otlploggrpc.WithHeaders(o.Headers))
	if err != nil {
		return err
	}
	provider := sdklog.NewLoggerProvider(sdklog.WithProcessor(sdklog.NewBatchProcessor(logExporter{exporter})), sdklog.WithResource(attributes))
	t.Logs = &Logs{provider.Logger(scope)}
	t.stops = append(t.stops, provider.Shutdown)
	return nil
}

// Shutdown sends what is left, until ctx ends. It does not wait longer, whatever
// the exporters do.
func (t *Telemetry) Shutdown(ctx context.Context) error { return all(ctx, t.stops) }

// all calls the functions at once, and waits for them until ctx ends.
func all(ctx context.Context, functions []func(context.Context) error) error {
	errs := make([]error, len(functions))
	var wait sync.WaitGroup
	for i, f := range functions {
		wait.Go(func() { errs[i] = f(ctx) })
	}
	done := make(chan struct{})
	go func() {
		wait.Wait()
		close(done)
	}()
	select {
	case <-done:
		return errors.Join(errs...)
	case <-ctx.Done():
		return ctx.Err()
	}
}

func dial(endpoint *url.URL) (*grpc.ClientConn, error) {
	security, port := insecure.NewCredentials(), "4317"
	if endpoint.Scheme == "https" {
		security = credentials.NewTLS(nil)
	}
	if endpoint.Port() != "" {
		port = endpoint.Port()
	}
	return grpc.NewClient("dns:///"+net.JoinHostPort(endpoint.Hostname(), port),
		grpc.WithTransportCredentials(security),
		grpc.WithNoProxy(),
		grpc.WithDisableServiceConfig(),
		grpc.WithUserAgent("k8s-combat/"+build.Version),
	)
}

// resource is what all telemetry is of.
func (o Options) resource() *resource.Resource {
	attributes := []attribute.KeyValue{
		attribute.String("service.version", build.Version),
		attribute.String("service.instance.id", o.Hostname),
		attribute.String("host.name", o.Hostname),
		attribute.Int("process.pid", os.Getpid()),
		attribute.String("telemetry.sdk.name", "opentelemetry"),
		attribute.String("telemetry.sdk.language", "go"),
		attribute.String("telemetry.sdk.version", otel.Version()),
	}
	for key, value := range o.Attributes {
		attributes = append(attributes, attribute.String(key, value))
	}
	// The last of a key wins: the name has a variable of its own.
	attributes = append(attributes, attribute.String("service.name", o.ServiceName))
	return resource.NewSchemaless(attributes...)
}

func (o Options) sampler() sdktrace.Sampler {
	ratio := sdktrace.TraceIDRatioBased(o.SamplerShare)
	switch o.Sampler {
	case "always_on":
		return sdktrace.AlwaysSample()
	case "always_off":
		return sdktrace.NeverSample()
	case "traceidratio":
		return ratio
	case "parentbased_always_off":
		return parentBased(sdktrace.NeverSample())
	case "parentbased_traceidratio":
		return parentBased(ratio)
	default:
		return parentBased(sdktrace.AlwaysSample())
	}
}

// parentBased leaves the decision to the caller: one who sends a trace, and one who
// has only decided. Others leave it to root.
func parentBased(root sdktrace.Sampler) sdktrace.Sampler {
	return sdktrace.ParentBased(decided{root})
}

// decided is a sampler of traces that begin here.
type decided struct{ sdktrace.Sampler }

func (s decided) ShouldSample(p sdktrace.SamplingParameters) sdktrace.SamplingResult {
	sampled, isDecided := propagate.Decision(p.ParentContext)
	switch {
	case !isDecided:
		return s.Sampler.ShouldSample(p)
	case sampled:
		return sdktrace.AlwaysSample().ShouldSample(p)
	default:
		return sdktrace.NeverSample().ShouldSample(p)
	}
}

// errorInterval is how often the log hears that telemetry cannot be sent: a
// collector that is gone is one piece of news.
const errorInterval = time.Minute

func (o Options) handleErrors() {
	var last atomic.Int64
	otel.SetLogger(logr.Discard())
	otel.SetErrorHandler(otel.ErrorHandlerFunc(func(err error) {
		now, before := time.Now().UnixNano(), last.Load()
		if before != 0 && now-before < int64(errorInterval) || !last.CompareAndSwap(before, now) {
			return
		}
		o.Log.Warn("cannot send telemetry", slog.String("endpoint", o.Endpoint.Redacted()), slog.String("err", err.Error()))
	}))
}
