// Package grpcserver serves the Greeter over gRPC, with health and reflection.
package grpcserver

import (
	"context"
	"crypto/tls"
	"log/slog"
	"net"
	"sync"
	"time"

	"go.opentelemetry.io/otel/trace"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
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
	keepaliveTime    = 30 * time.Second
	keepaliveTimeout = 10 * time.Second
	// How often a client may ask that in turn, with calls open or without. gRPC's own
	// is 5 minutes, and cuts the calls of one that asks more often: every 10 seconds
	// is the most that clients in Go can.
	minKeepalive = 5 * time.Second
	// ageGrace is how long calls may go on that are under way on a connection that has
	// its age. Unary calls are over long before.
	ageGrace = time.Minute
	// windowBytes is what a client may send of one call before it is read. By itself
	// gRPC lets a client that sends much have 16 MiB.
	windowBytes = 64 << 10
	// bufferBytes is that of a connection, in each direction.
	bufferBytes = 8 << 10
)

// Options is what the server needs. All fields but RequestLog and Tracer are
// required.
type Options struct {
	Greeter helloworld.GreeterServer
	// MaxHeaderBytes, MaxMessageBytes and MaxStreams are limits of what one client
	// may take. gRPC's own are 16 MiB, 4 MiB and streams without end.
	MaxHeaderBytes, MaxMessageBytes, MaxStreams uint32
	// MaxCalls is how many calls of all clients may be open. One more ends the oldest.
	MaxCalls int
	// MaxConnections is how many connections may be open. One more closes the one
	// that has been silent for longest.
	MaxConnections int
	// Message is how long a call may take to send its first message.
	Message time.Duration
	// Unary is how long a unary call may take after that.
	Unary time.Duration
	// Idle is how long a connection without calls is kept.
	Idle time.Duration
	// Age is how long a connection is kept, give or take a tenth, before its client is
	// told to open another: it looks for the addresses of its target then, and finds
	// those that are new. Calls that are under way go on. Defaults to for ever.
	Age time.Duration
	// TLS is what the connections are encrypted with. Defaults to nothing.
	TLS     *tls.Config
	Metrics *metrics.Metrics
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
	calls    *calls

	draining  chan struct{}
	drainOnce sync.Once
}

// New returns a server that has yet to serve. It is not healthy before
// SetServing says so.
func New(l net.Listener, o Options) *Server {
	s := &Server{
		listener: listener.New(l, o.MaxConnections),
		health:   health.NewServer(),
		calls:    newCalls(callLimits{open: o.MaxCalls, message: o.Message, unary: o.Unary}),
		draining: make(chan struct{}),
	}
	observe := &observer{log: o.Log, requests: o.RequestLog, metrics: o.Metrics, tracer: o.Tracer, calls: s.calls}
	security := insecure.NewCredentials()
	if o.TLS != nil {
		security = credentials.NewTLS(o.TLS)
	}
	s.server = grpc.NewServer(
		grpc.Creds(security),
		grpc.MaxHeaderListSize(o.MaxHeaderBytes),
		grpc.MaxRecvMsgSize(int(o.MaxMessageBytes)),
		grpc.MaxConcurrentStreams(o.MaxStreams),
		grpc.StaticStreamWindowSize(windowBytes),
		grpc.StaticConnWindowSize(2*windowBytes),
		grpc.ReadBufferSize(bufferBytes),
		grpc.WriteBufferSize(bufferBytes),
		grpc.ConnectionTimeout(handshakeTimeout),
		grpc.KeepaliveParams(keepalive.ServerParameters{Time: keepaliveTime, Timeout: keepaliveTimeout, MaxConnectionIdle: o.Idle, MaxConnectionAge: o.Age, MaxConnectionAgeGrace: ageGrace}),
		grpc.KeepaliveEnforcementPolicy(keepalive.EnforcementPolicy{MinTime: minKeepalive, PermitWithoutStream: true}),
		grpc.InTapHandle(observe.tap),
		grpc.StreamInterceptor(observe.stream),
		grpc.UnknownServiceHandler(unknown),
	)
	s.SetServing(false)
	observe.register(s.server, helloworld.Greeter_ServiceDesc, o.Greeter)
	observe.register(s.server, grpc_health_v1.Health_ServiceDesc, s.health)
	reflection.Register(s.server)
	observe.learn(s.server.GetServiceInfo())
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
	s.calls.drain()
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
