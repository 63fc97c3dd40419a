package grpcserver

import (
	"context"
	"fmt"
	"log/slog"
	"runtime/debug"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"
)

func logUnary(log *slog.Logger) grpc.UnaryServerInterceptor {
	return func(ctx context.Context, req any, info *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (any, error) {
		start := time.Now()
		reply, err := handler(ctx, req)
		logCall(ctx, log, info.FullMethod, start, err)
		return reply, err
	}
}

func logStream(log *slog.Logger) grpc.StreamServerInterceptor {
	return func(srv any, stream grpc.ServerStream, info *grpc.StreamServerInfo, handler grpc.StreamHandler) error {
		start := time.Now()
		err := handler(srv, stream)
		logCall(stream.Context(), log, info.FullMethod, start, err)
		return err
	}
}

// logCall logs a call without its content. Probes are for debugging only.
func logCall(ctx context.Context, log *slog.Logger, method string, start time.Time, err error) {
	level := slog.LevelInfo
	if method == grpc_health_v1.Health_Check_FullMethodName {
		level = slog.LevelDebug
	}
	log.LogAttrs(ctx, level, "call",
		slog.String("method", method),
		slog.String("code", status.Code(err).String()),
		slog.Float64("duration_ms", float64(time.Since(start).Microseconds())/1000))
}

func recoverUnary(log *slog.Logger) grpc.UnaryServerInterceptor {
	return func(ctx context.Context, req any, info *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (_ any, err error) {
		defer func() {
			if cause := recover(); cause != nil {
				err = panicked(ctx, log, info.FullMethod, cause)
			}
		}()
		return handler(ctx, req)
	}
}

func recoverStream(log *slog.Logger) grpc.StreamServerInterceptor {
	return func(srv any, stream grpc.ServerStream, info *grpc.StreamServerInfo, handler grpc.StreamHandler) (err error) {
		defer func() {
			if cause := recover(); cause != nil {
				err = panicked(stream.Context(), log, info.FullMethod, cause)
			}
		}()
		return handler(srv, stream)
	}
}

// panicked logs a panic and returns what the client hears of it.
func panicked(ctx context.Context, log *slog.Logger, method string, cause any) error {
	log.LogAttrs(ctx, slog.LevelError, "handler panicked",
		slog.String("method", method), slog.String("cause", fmt.Sprint(cause)), slog.String("stack", string(debug.Stack())))
	return status.Error(codes.Internal, "internal error")
}
