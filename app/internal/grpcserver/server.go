// Package grpcserver serves the Greeter over gRPC, with health and reflection.
package grpcserver

import (
	"context"
	"log/slog"
	"net"
	"sync"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/health"
	"google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/reflection"

	"github.com/crossoverJie/k8s-combat/app/contract"
	"github.com/crossoverJie/k8s-combat/app/helloworld"
)

// Limits of what one client may take. gRPC's own are 16 MiB of headers, 4 MiB a
// message, streams without end and two minutes to say hello.
const (
	maxHeaderBytes  = 16 << 10
	maxMessageBytes = 1 << 20
	maxStreams      = 1000
	// handshakeTimeout is also how long a connection that says nothing can hold
	// up the end of the others: GOAWAY is sent once all handshakes are over.
	handshakeTimeout = 5 * time.Second
)

// Server is a gRPC server on a listener. It is a lifecycle.Server.
type Server struct {
	listener *trackedListener
	server   *grpc.Server
	health   *health.Server

	draining  chan struct{}
	drainOnce sync.Once
}

// New returns a server that has yet to serve. It is not healthy before
// SetServing says so.
func New(listener net.Listener, greeter helloworld.GreeterServer, log *slog.Logger) *Server {
	s := &Server{
		listener: track(listener),
		health:   health.NewServer(),
		draining: make(chan struct{}),
	}
	s.server = grpc.NewServer(
		grpc.MaxHeaderListSize(maxHeaderBytes),
		grpc.MaxRecvMsgSize(maxMessageBytes),
		grpc.MaxConcurrentStreams(maxStreams),
		grpc.ConnectionTimeout(handshakeTimeout),
		grpc.ChainUnaryInterceptor(logUnary(log), recoverUnary(log)),
		grpc.ChainStreamInterceptor(logStream(log), recoverStream(log), s.endWatch),
	)
	s.SetServing(false)
	helloworld.RegisterGreeterServer(s.server, greeter)
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
func (s *Server) Serve() error { return s.server.Serve(s.listener) }

// Drain implements lifecycle.Server.
func (s *Server) Drain(ctx context.Context) error {
	s.drainOnce.Do(func() { close(s.draining) })
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
	s.listener.closeConnections()
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
