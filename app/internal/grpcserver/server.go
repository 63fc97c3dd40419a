// Package grpcserver serves the Greeter over gRPC, with health and reflection.
package grpcserver

import (
	"context"
	"log/slog"
	"net"
	"sync"
	"time"

	"go.opentelemetry.io/otel/trace"
	"google.golang.org/grpc"
	"google.golang.org/grpc/health"
	"google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/keepalive"
	"google.golang.org/grpc/reflection"

	"github.com/crossoverJie/k8s-combat/app/contract"
	"github.com/crossoverJie/k8s-combat/app/helloworld"
	"github.com/crossoverJie/k8s-combat/app/internal/listener"
	"github.com/crossoverJie/k8s-combat/app/internal/logging"
	"github.com/crossoverJie/k8s-combat/app/internal/metrics"
)

const (
	// handshakeTimeout is also how long a connection that says nothing can hold
	// up the end of the others: GOAWAY is sent once all handshakes are over.
	// gRPC's own is two minutes.
	handshakeTimeout = 5 * time.Second
	// A connection that is silent for so long is asked whether its client is still
	// there. gRPC's own is two hours.
	keepaliveTime    = time.Minute
	keepaliveTimeout = 20 * time.Second
	// How often a client may ask that in turn, with calls open or without. gRPC's own
	// is 5 minutes, and cuts the calls of one that asks more often: every 10 seconds
	// is the most that clients in Go can.
	minKeepalive = 5 * time.Second
)

// Options is what the server needs. All fields but RequestLog and Tracer are
// required.
type Options struct {
	Greeter helloworld.GreeterServer
	// MaxHeaderBytes, MaxMessageBytes and MaxStreams are limits of what one client
	// may take. gRPC's own are 16 MiB, 4 MiB and streams without end.
	MaxHeaderBytes, MaxMessageBytes, MaxStreams uint32
	Metrics                                     *metrics.Metrics
	// RequestLog is told of each call. Defaults to none.
	RequestLog *logging.Log
	// Tracer makes a span of each call. Defaults to none.
	Tracer trace.Tracer
	Log    *slog.Logger
}

// Server is a gRPC server on a listener. It is a lifecycle.Server.
type Server struct {
	listener *listener.Listener
	server   *grpc.Server
	health   *health.Server

	draining  chan struct{}
	drainOnce sync.Once
}

// New returns a server that has yet to serve. It is not healthy before
// SetServing says so.
func New(l net.Listener, o Options) *Server {
	s := &Server{
		listener: listener.New(l),
		health:   health.NewServer(),
		draining: make(chan struct{}),
	}
	observe := &observer{log: o.Log, requests: o.RequestLog, metrics: o.Metrics, tracer: o.Tracer}
	s.server = grpc.NewServer(
		grpc.MaxHeaderListSize(o.MaxHeaderBytes),
		grpc.MaxRecvMsgSize(int(o.MaxMessageBytes)),
		grpc.MaxConcurrentStreams(o.MaxStreams),
		grpc.ConnectionTimeout(handshakeTimeout),
		grpc.KeepaliveParams(keepalive.ServerParameters{Time: keepaliveTime, Timeout: keepaliveTimeout}),
		grpc.KeepaliveEnforcementPolicy(keepalive.EnforcementPolicy{MinTime: minKeepalive, PermitWithoutStream: true}),
		grpc.UnaryInterceptor(observe.unary),
		grpc.ChainStreamInterceptor(observe.stream, s.endWatch),
	)
	s.SetServing(false)
	helloworld.RegisterGreeterServer(s.server, o.Greeter)
	grpc_health_v1.RegisterHealthServer(s.server, s.health)
	reflection.Register(s.server)
	return s
}

// SetServing sets what grpc.health.v1.Health says of the Greeter and of the
// server as a whole.
func (s *Server) SetServing(serving bool) {
	status := grpc_health_v1.HealthCheckResponse_NOT_SERVING
	if serving {
		status = grpc_health_v1.HealthCheckResponse_SERVING
	}
	for _, service := range []string{"", contract.GreeterService} {
		s.health.SetServingStatus(service, status)
	}
}

// Name implements lifecycle.Server.
func (s *Server) Name() string { return "grpc" }

// Serve implements lifecycle.Server.
func (s *Server) Serve() error {
	err := s.server.Serve(s.listener)
	select {
	case <-s.draining:
		// The listener was closed before the server.
		return nil
	default:
		return err
	}
}

// Drain implements lifecycle.Server. GOAWAY has each client open its next
// connection elsewhere, and repeat by itself what this server has not begun.
func (s *Server) Drain(ctx context.Context) error {
	s.drainOnce.Do(func() { close(s.draining) })
	s.listener.StopAccepting()
	done := make(chan struct{})
	go func() {
		s.server.GracefulStop()
		close(done)
	}()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
	}
	// Stop waits for handshakes as GracefulStop does; without connections there
	// are none.
	s.listener.CloseConnections()
	s.server.Stop()
	return ctx.Err()
}

// endWatch ends the health service's Watch when the server drains. A watch goes on
// for as long as its client likes, and would use up the drain each time.
func (s *Server) endWatch(srv any, stream grpc.ServerStream, info *grpc.StreamServerInfo, handler grpc.StreamHandler) error {
	if info.FullMethod != grpc_health_v1.Health_Watch_FullMethodName {
		return handler(srv, stream)
	}
	ctx, cancel := context.WithCancel(stream.Context())
	defer cancel()
	go func() {
		select {
		case <-s.draining:
			cancel()
		case <-ctx.Done():
		}
	}()
	return handler(srv, &streamWithContext{stream, ctx})
}

type streamWithContext struct {
	grpc.ServerStream
	ctx context.Context
}

func (s *streamWithContext) Context() context.Context { return s.ctx }
