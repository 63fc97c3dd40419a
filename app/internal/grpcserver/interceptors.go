package grpcserver

import (
	"context"
	"fmt"
	"log/slog"
	"runtime/debug"
	"strings"
	"time"

	"go.opentelemetry.io/otel/attribute"
	otelcodes "go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"

	"github.com/crossoverJie/k8s-combat/app/internal/logging"
	"github.com/crossoverJie/k8s-combat/app/internal/metrics"
	"github.com/crossoverJie/k8s-combat/app/internal/propagate"
)

// observer logs, counts and traces each call, and turns a panic into an error.
type observer struct {
	log      *slog.Logger
	requests *logging.Log
	metrics  *metrics.Metrics
	tracer   trace.Tracer
}

func (o *observer) unary(ctx context.Context, req any, info *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (reply any, err error) {
	start := time.Now()
	ctx = propagate.FromGRPC(ctx)
	ctx, span := o.start(ctx, info.FullMethod)
	defer func() {
		if cause := recover(); cause != nil {
			err = o.panicked(ctx, info.FullMethod, cause)
		}
		o.end(ctx, span, info.FullMethod, "unary", start, err)
	}()
	return handler(ctx, req)
}

func (o *observer) stream(srv any, stream grpc.ServerStream, info *grpc.StreamServerInfo, handler grpc.StreamHandler) (err error) {
	start := time.Now()
	ctx, span := o.start(propagate.FromGRPC(stream.Context()), info.FullMethod)
	defer func() {
		if cause := recover(); cause != nil {
			err = o.panicked(ctx, info.FullMethod, cause)
		}
		o.end(ctx, span, info.FullMethod, "stream", start, err)
	}()
	return handler(srv, &streamWithContext{stream, ctx})
}

// start begins a span. Probes have none.
func (o *observer) start(ctx context.Context, method string) (context.Context, trace.Span) {
	if o.tracer == nil || isProbe(method) {
		return ctx, nil
	}
	return o.tracer.Start(ctx, strings.TrimPrefix(method, "/"), trace.WithSpanKind(trace.SpanKindServer),
		trace.WithAttributes(attribute.String("rpc.system.name", "grpc"), attribute.String("rpc.method", strings.TrimPrefix(method, "/"))))
}

// end logs a call without its content. Probes are for debugging only.
func (o *observer) end(ctx context.Context, span trace.Span, method, kind string, start time.Time, err error) {
	took := time.Since(start)
	code := status.Code(err)
	service, name, _ := strings.Cut(strings.TrimPrefix(method, "/"), "/")
	o.metrics.GRPC(service, name, kind, code.String(), took)
	if span != nil {
		span.SetAttributes(attribute.String("rpc.response.status_code", code.String()))
		if isServerError(code) {
			span.SetStatus(otelcodes.Error, code.String())
		}
		span.End()
	}

	level := slog.LevelInfo
	if isProbe(method) {
		level = slog.LevelDebug
	}
	if !o.requests.Logs(level) {
		return
	}
	r := logging.Request{Level: level, Message: "call", Start: start, Duration: took, Method: method, Code: code.String()}
	propagate.DescribeGRPC(&r, ctx)
	if span != nil {
		r.TraceID = span.SpanContext().TraceID().String()
	}
	o.requests.Request(&r)
}

func isProbe(method string) bool { return method == grpc_health_v1.Health_Check_FullMethodName }

// isServerError follows OpenTelemetry's conventions for gRPC.
func isServerError(code codes.Code) bool {
	switch code {
	case codes.Unknown, codes.DeadlineExceeded, codes.Unimplemented, codes.Internal, codes.Unavailable, codes.DataLoss:
		return true
	}
	return false
}

// panicked logs a panic and returns what the client hears of it.
func (o *observer) panicked(ctx context.Context, method string, cause any) error {
	o.metrics.Panics.Inc()
	o.log.LogAttrs(ctx, slog.LevelError, "handler panicked",
		slog.String("method", method), slog.String("cause", fmt.Sprint(cause)), slog.String("stack", string(debug.Stack())))
	return status.Error(codes.Internal, "internal error")
}
