package grpcserver

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"runtime/debug"
	"strings"
	"time"

	"go.opentelemetry.io/otel/attribute"
	otelcodes "go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/peer"
	"google.golang.org/grpc/stats"
	"google.golang.org/grpc/status"
	"google.golang.org/grpc/tap"

	"github.com/crossoverJie/k8s-combat/app/contract"
	"github.com/crossoverJie/k8s-combat/app/internal/logging"
	"github.com/crossoverJie/k8s-combat/app/internal/metrics"
	"github.com/crossoverJie/k8s-combat/app/internal/propagate"
)

// observer bounds, logs, counts and traces each call, and turns a panic into an
// error. It is a stats.Handler: an interceptor hears nothing of calls that fail
// before they have a handler and a message.
type observer struct {
	log      *slog.Logger
	requests *logging.Log
	metrics  *metrics.Metrics
	tracer   trace.Tracer
	calls    *calls
	// methods are those that the server has, by their full names.
	methods map[string]*method
}

// method is what the series call a method.
type method struct {
	service, name string
	kind          string
	probe         bool
}

const (
	unary  = "unary"
	stream = "stream"
)

// other stands for the methods that callers make up.
var other = &method{service: contract.LabelOther, name: contract.LabelOther, kind: stream}

func (o *observer) learn(services map[string]grpc.ServiceInfo) {
	o.methods = map[string]*method{}
	for service, info := range services {
		for _, m := range info.Methods {
			kind := unary
			if m.IsClientStream || m.IsServerStream {
				kind = stream
			}
			full := "/" + service + "/" + m.Name
			o.methods[full] = &method{service: service, name: m.Name, kind: kind, probe: full == grpc_health_v1.Health_Check_FullMethodName}
		}
	}
}

func (o *observer) method(full string) *method {
	if m, ok := o.methods[full]; ok {
		return m
	}
	return other
}

// observed is a call on its way.
type observed struct {
	*call
	*method
	full  string
	start time.Time
	// requestID is the caller's, or one that is made here.
	requestID string
	span      trace.Span
}

type observedKey struct{}

// tap is the first that hears of a call, in the goroutine that reads its
// connection.
func (o *observer) tap(ctx context.Context, info *tap.Info) (context.Context, error) {
	one := &observed{method: o.method(info.FullMethodName), full: info.FullMethodName, start: time.Now()}
	if !strings.Contains(strings.TrimPrefix(one.full, "/"), "/") || !strings.HasPrefix(one.full, "/") {
		// gRPC answers this, and what is late already, by itself, and tells nobody.
		o.done(ctx, one, codes.Unimplemented)
		return ctx, nil
	}
	if err := ctx.Err(); err != nil {
		o.done(ctx, one, codes.DeadlineExceeded)
		return ctx, nil
	}
	if ids := info.Header[contract.RequestIDHeader]; len(ids) > 0 && ids[0] != "" && propagate.Valid(ids[0]) {
		one.requestID = ids[0]
	} else {
		one.requestID = propagate.NewRequestID()
	}
	ctx, one.call = o.calls.begin(ctx, one.kind == unary)
	return context.WithValue(ctx, observedKey{}, one), nil
}

// TagRPC implements stats.Handler. It begins the span. Probes have none.
func (o *observer) TagRPC(ctx context.Context, _ *stats.RPCTagInfo) context.Context {
	one, ok := ctx.Value(observedKey{}).(*observed)
	if !ok {
		return ctx
	}
	ctx = propagate.FromGRPC(ctx)
	if o.tracer == nil || one.probe {
		return ctx
	}
	name, attributes := contract.LabelOther, []attribute.KeyValue{attribute.String("rpc.system.name", "grpc")}
	if one.method == other {
		attributes = append(attributes, attribute.String("rpc.method_original", logging.Text(one.full)))
	} else {
		name = strings.TrimPrefix(one.full, "/")
	}
	ctx, one.span = o.tracer.Start(ctx, name, trace.WithSpanKind(trace.SpanKindServer),
		trace.WithAttributes(append(attributes, attribute.String("rpc.method", name))...))
	return ctx
}

// HandleRPC implements stats.Handler.
func (o *observer) HandleRPC(ctx context.Context, event stats.RPCStats) {
	one, ok := ctx.Value(observedKey{}).(*observed)
	if !ok {
		return
	}
	switch event := event.(type) {
	case *stats.InPayload:
		o.calls.received(one.call)
	case *stats.End:
		o.calls.end(one.call)
		o.done(ctx, one, status.Code(event.Error))
	}
}

// TagConn implements stats.Handler.
func (o *observer) TagConn(ctx context.Context, _ *stats.ConnTagInfo) context.Context { return ctx }

// HandleConn implements stats.Handler.
func (o *observer) HandleConn(context.Context, stats.ConnStats) {}

// done counts and logs a call without its content. Probes are for debugging only.
func (o *observer) done(ctx context.Context, one *observed, code codes.Code) {
	took := time.Since(one.start)
	var traceID string
	if one.span != nil && one.span.SpanContext().IsSampled() {
		traceID = one.span.SpanContext().TraceID().String()
	}
	o.metrics.GRPC(one.service, one.name, one.kind, code.String(), traceID, took)
	if one.span != nil {
		one.span.SetAttributes(attribute.String("rpc.response.status_code", code.String()))
		if isServerError(code) {
			one.span.SetStatus(otelcodes.Error, code.String())
		}
		one.span.End()
	}

	level := slog.LevelInfo
	if one.probe {
		level = slog.LevelDebug
	}
	if !o.requests.Logs(level) {
		return
	}
	r := logging.Request{Level: level, Message: "call", Start: one.start, Duration: took, Method: one.full, Code: code.String()}
	propagate.DescribeGRPC(&r, ctx)
	r.RequestID = one.requestID
	if p, ok := peer.FromContext(ctx); ok {
		r.Client = hostOf(p.Addr)
	}
	if one.span != nil {
		r.TraceID = one.span.SpanContext().TraceID().String()
	}
	o.requests.Request(&r)
}

// hostOf returns an address without its port.
func hostOf(address net.Addr) string {
	host, _, err := net.SplitHostPort(address.String())
	if err != nil {
		return address.String()
	}
	return host
}

// isServerError follows OpenTelemetry's conventions for gRPC.
func isServerError(code codes.Code) bool {
	switch code {
	case codes.Unknown, codes.DeadlineExceeded, codes.Unimplemented, codes.Internal, codes.Unavailable, codes.DataLoss:
		return true
	}
	return false
}

func (o *observer) unary(ctx context.Context, req any, info *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (reply any, err error) {
	defer o.recover(ctx, info.FullMethod, &err)
	identify(ctx)
	return handler(ctx, req)
}

func (o *observer) stream(srv any, stream grpc.ServerStream, info *grpc.StreamServerInfo, handler grpc.StreamHandler) (err error) {
	ctx := stream.Context()
	defer o.recover(ctx, info.FullMethod, &err)
	identify(ctx)
	return reason(ctx, handler(srv, stream))
}

// identify has the answer say by which id the log knows the call. The only error is
// that the call is over.
func identify(ctx context.Context) {
	if one, ok := ctx.Value(observedKey{}).(*observed); ok {
		_ = grpc.SetHeader(ctx, metadata.Pairs(contract.RequestIDHeader, one.requestID))
	}
}

// recover logs a panic and sets what the client hears of it.
func (o *observer) recover(ctx context.Context, method string, err *error) {
	cause := recover()
	if cause == nil {
		return
	}
	o.metrics.Panics.Inc()
	o.log.LogAttrs(ctx, slog.LevelError, "handler panicked",
		slog.String("method", method), slog.String("cause", fmt.Sprint(cause)), slog.String("stack", string(debug.Stack())))
	*err = status.Error(codes.Internal, "internal error")
}

// unknown answers the methods that callers make up, so that they are calls like
// others.
func unknown(_ any, stream grpc.ServerStream) error {
	method, _ := grpc.MethodFromServerStream(stream)
	return status.Errorf(codes.Unimplemented, "unknown method %q", logging.Text(method))
}
