package grpcserver

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"runtime/debug"
	"slices"
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
	"google.golang.org/grpc/status"
	"google.golang.org/grpc/tap"

	"github.com/crossoverJie/k8s-combat/app/contract"
	"github.com/crossoverJie/k8s-combat/app/internal/logging"
	"github.com/crossoverJie/k8s-combat/app/internal/metrics"
	"github.com/crossoverJie/k8s-combat/app/internal/propagate"
)

// observer bounds, logs, counts and traces each call, and turns a panic into an
// error. It hears of a call when its headers have come, and goes on around what reads
// its message: an interceptor of unary calls hears nothing of those that fail before,
// and a stats.Handler costs as much as the rest of a call.
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

// observed is a call on its way. It is the context of what it belongs to.
type observed struct {
	callContext
	*call
	*method
	full   string
	start  time.Time
	header metadata.MD
	span   trace.Span
	// requestID is the caller's, or one that is made here.
	requestID string
	// unheard ends the watch for an end without a handler.
	unheard func() bool
}

type observedKey struct{}

// Value implements context.Context.
func (one *observed) Value(key any) any {
	if key == (observedKey{}) {
		return one
	}
	return one.callContext.Value(key)
}

// tap is the first that hears of a call, in the goroutine that reads its
// connection.
func (o *observer) tap(ctx context.Context, info *tap.Info) (context.Context, error) {
	one := &observed{method: o.method(info.FullMethodName), full: info.FullMethodName, start: time.Now(), header: info.Header}
	one.requestID = propagate.RequestID(info.Header.Get(contract.RequestIDHeader))
	// gRPC answers what is no method, and what is late already, by itself, and tells
	// nobody.
	switch {
	case !strings.HasPrefix(one.full, "/") || strings.Count(one.full, "/") < 2:
		o.done(ctx, one, codes.Unimplemented)
		return ctx, nil
	case ctx.Err() != nil:
		o.done(ctx, one, codes.DeadlineExceeded)
		return ctx, nil //nolint:nilerr // gRPC answers it
	}
	one.Context, one.call = o.calls.begin(ctx, one.kind == unary)
	// Nor does it tell of a compression that it does not know.
	one.unheard = context.AfterFunc(one.Context, func() {
		if o.calls.isSilent(one.call) {
			o.calls.end(one.call)
			o.done(ctx, one, codes.Unimplemented)
		}
	})
	return one, nil
}

// register has the methods of a service observed.
func (o *observer) register(server *grpc.Server, service grpc.ServiceDesc, implementation any) {
	service.Methods = slices.Clone(service.Methods)
	for i, m := range service.Methods {
		service.Methods[i].Handler = func(srv any, ctx context.Context, receive func(any) error, _ grpc.UnaryServerInterceptor) (reply any, err error) {
			one, ok := ctx.Value(observedKey{}).(*observed)
			if !ok {
				return nil, status.Error(codes.Internal, "internal error")
			}
			ctx = o.begin(ctx, one)
			defer o.end(ctx, one, &err)
			return m.Handler(srv, ctx, func(message any) error {
				err := receive(message)
				if err == nil {
					o.calls.received(one.call)
				}
				return err
			}, nil)
		}
	}
	server.RegisterService(&service, implementation)
}

// stream is a grpc.StreamServerInterceptor.
func (o *observer) stream(srv any, stream grpc.ServerStream, _ *grpc.StreamServerInfo, handler grpc.StreamHandler) (err error) {
	ctx := stream.Context()
	one, ok := ctx.Value(observedKey{}).(*observed)
	if !ok {
		return status.Error(codes.Internal, "internal error")
	}
	ctx = o.begin(ctx, one)
	defer o.end(ctx, one, &err)
	return handler(srv, &observedStream{stream, ctx, o.calls, one.call})
}

type observedStream struct {
	grpc.ServerStream
	ctx   context.Context
	calls *calls
	call  *call
}

func (s *observedStream) Context() context.Context { return s.ctx }

func (s *observedStream) RecvMsg(message any) error {
	err := s.ServerStream.RecvMsg(message)
	if err == nil {
		s.calls.received(s.call)
	}
	return err
}

// begin is called when a call has a handler. It begins the span, which probes have
// none of, and has the answer say by which id the log knows the call.
func (o *observer) begin(ctx context.Context, one *observed) context.Context {
	one.unheard()
	// The only error is that the call is over.
	_ = grpc.SetHeader(ctx, metadata.MD{contract.RequestIDHeader: {one.requestID}})
	if o.tracer == nil || one.probe {
		return ctx
	}
	name, attributes := contract.LabelOther, []attribute.KeyValue{attribute.String("rpc.system.name", "grpc")}
	if one.method == other {
		attributes = append(attributes, attribute.String("rpc.method_original", logging.Text(one.full)))
	} else {
		name = strings.TrimPrefix(one.full, "/")
	}
	ctx, one.span = o.tracer.Start(propagate.FromGRPC(ctx), name, trace.WithSpanKind(trace.SpanKindServer),
		trace.WithAttributes(append(attributes, attribute.String("rpc.method", name))...))
	return ctx
}

// end is deferred by handlers. It logs a panic, and sets what the client hears of it,
// or of a call that was ended before its time.
func (o *observer) end(ctx context.Context, one *observed, err *error) {
	if cause := recover(); cause != nil {
		o.metrics.Panics.Inc()
		o.log.LogAttrs(ctx, slog.LevelError, "handler panicked",
			slog.String("method", one.full), slog.String("cause", fmt.Sprint(cause)), slog.String("stack", string(debug.Stack())))
		*err = status.Error(codes.Internal, "internal error")
	}
	*err = reason(ctx, *err)
	o.calls.end(one.call)
	o.done(ctx, one, codeOf(*err))
}

// codeOf is the code that gRPC sends for an error.
func codeOf(err error) codes.Code {
	if s, ok := status.FromError(err); ok {
		return s.Code()
	}
	return status.FromContextError(err).Code()
}

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
	propagate.DescribeGRPC(&r, one.header)
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

// unknown answers the methods that callers make up, so that they are calls like
// others.
func unknown(_ any, stream grpc.ServerStream) error {
	method, _ := grpc.MethodFromServerStream(stream)
	return status.Errorf(codes.Unimplemented, "unknown method %q", logging.Text(method))
}
