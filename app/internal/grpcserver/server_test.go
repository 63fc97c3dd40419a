package grpcserver_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/connectivity"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/keepalive"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/reflection/grpc_reflection_v1"
	"google.golang.org/grpc/status"
	"google.golang.org/grpc/test/bufconn"

	"github.com/crossoverJie/k8s-combat/app/helloworld"
	"github.com/crossoverJie/k8s-combat/app/internal/greeter"
	"github.com/crossoverJie/k8s-combat/app/internal/grpcserver"
	"github.com/crossoverJie/k8s-combat/app/internal/logging"
	"github.com/crossoverJie/k8s-combat/app/internal/metrics"
)

func Example() {
	listener := bufconn.Listen(1 << 16)
	server := grpcserver.New(listener, options(&greeter.Service{Hostname: "pod-1"}))
	served := make(chan error)
	go func() { served <- server.Serve() }()

	conn, err := dial(listener)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer conn.Close()
	ctx := metadata.AppendToOutgoingContext(context.Background(), "version", "100")
	reply, err := helloworld.NewGreeterClient(conn).SayHello(ctx, &helloworld.HelloRequest{Name: "world"})
	fmt.Println(reply.GetMessage(), err)
	fmt.Println(server.Drain(context.Background()), <-served)
	// Output:
	// hostname:pod-1, in:world, version:100 <nil>
	// <nil> <nil>
}

func options(g helloworld.GreeterServer) grpcserver.Options {
	return grpcserver.Options{
		Greeter:        g,
		MaxHeaderBytes: 16 << 10, MaxMessageBytes: 16 << 10, MaxStreams: 1000,
		MaxCalls: 100, MaxConnections: 100, Message: time.Minute, Unary: time.Minute, Idle: time.Hour,
		Metrics: metrics.New(),
		Log:     slog.New(slog.DiscardHandler),
	}
}

func dial(listener *bufconn.Listener, more ...grpc.DialOption) (*grpc.ClientConn, error) {
	return grpc.NewClient("passthrough:///bufconn", append(more,
		grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) { return listener.DialContext(ctx) }),
		grpc.WithTransportCredentials(insecure.NewCredentials()))...)
}

// output is what a log says, so far.
type output struct {
	*logging.Log
	sink *logging.Sink

	mu  sync.Mutex
	buf bytes.Buffer
}

func newOutput() *output {
	o := &output{}
	o.sink = logging.NewSink(o)
	o.Log = logging.New(o.sink, slog.LevelDebug, logging.NewIdentity("pod-1", "app"))
	return o
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buf.Write(p)
}

// String ends the log.
func (o *output) String() string {
	o.sink.Close(long)
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buf.String()
}

// fakeGreeter does what the name in the request says.
type fakeGreeter struct {
	helloworld.UnimplementedGreeterServer
	held chan struct{}
	hold chan struct{}
}

func (g *fakeGreeter) SayHello(_ context.Context, in *helloworld.HelloRequest) (*helloworld.HelloReply, error) {
	switch in.GetName() {
	case "panic":
		panic("kaboom")
	case "hold":
		close(g.held)
		<-g.hold
	}
	return &helloworld.HelloReply{Message: in.GetName()}, nil
}

type fixture struct {
	*grpcserver.Server
	greeter  *fakeGreeter
	listener *bufconn.Listener
	conn     *grpc.ClientConn
	log      *output
	metrics  *metrics.Metrics
	served   chan error
}

func newFixture(t *testing.T) *fixture {
	t.Helper()
	f := &fixture{
		greeter:  &fakeGreeter{held: make(chan struct{}), hold: make(chan struct{})},
		listener: bufconn.Listen(1 << 16),
		log:      newOutput(),
		served:   make(chan error, 1),
	}
	o := options(f.greeter)
	o.Log, o.RequestLog = f.log.Logger, f.log.Log
	f.metrics = o.Metrics
	f.Server = grpcserver.New(f.listener, o)
	go func() { f.served <- f.Serve() }()
	var err error
	f.conn, err = dial(f.listener)
	require.NoError(t, err)
	t.Cleanup(func() {
		_ = f.conn.Close()
		_ = f.Drain(testContext(t, 0))
	})
	return f
}

func (f *fixture) hello(ctx context.Context, name string) (string, error) {
	reply, err := helloworld.NewGreeterClient(f.conn).SayHello(ctx, &helloworld.HelloRequest{Name: name})
	return reply.GetMessage(), err
}

func testContext(t *testing.T, timeout time.Duration) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	t.Cleanup(cancel)
	return ctx
}

const long = 20 * time.Second

func TestHealth(t *testing.T) {
	f := newFixture(t)
	client := grpc_health_v1.NewHealthClient(f.conn)
	for _, serving := range []bool{false, true, false} {
		f.SetServing(serving)
		want := grpc_health_v1.HealthCheckResponse_NOT_SERVING
		if serving {
			want = grpc_health_v1.HealthCheckResponse_SERVING
		}
		for _, service := range []string{"", "helloworld.Greeter"} {
			got, err := client.Check(testContext(t, long), &grpc_health_v1.HealthCheckRequest{Service: service})
			require.NoError(t, err)
			assert.Equal(t, want, got.GetStatus(), service)
		}
	}
}

func TestHealthStartsOutNotServing(t *testing.T) {
	f := newFixture(t)
	got, err := grpc_health_v1.NewHealthClient(f.conn).Check(testContext(t, long), &grpc_health_v1.HealthCheckRequest{})
	require.NoError(t, err)
	assert.Equal(t, grpc_health_v1.HealthCheckResponse_NOT_SERVING, got.GetStatus())
}

func TestReflection(t *testing.T) {
	f := newFixture(t)
	stream, err := grpc_reflection_v1.NewServerReflectionClient(f.conn).ServerReflectionInfo(testContext(t, long))
	require.NoError(t, err)
	require.NoError(t, stream.Send(&grpc_reflection_v1.ServerReflectionRequest{
		MessageRequest: &grpc_reflection_v1.ServerReflectionRequest_ListServices{},
	}))
	reply, err := stream.Recv()
	require.NoError(t, err)
	var names []string
	for _, s := range reply.GetListServicesResponse().GetService() {
		names = append(names, s.GetName())
	}
	assert.Subset(t, names, []string{"helloworld.Greeter", "grpc.health.v1.Health"})
	require.NoError(t, stream.CloseSend())
	_, err = stream.Recv()
	assert.ErrorIs(t, err, io.EOF)
}

func TestPanicIsAnError(t *testing.T) {
	f := newFixture(t)
	_, err := f.hello(testContext(t, long), "panic")
	assert.Equal(t, codes.Internal, status.Code(err))
	assert.NotContains(t, err.Error(), "kaboom")

	message, err := f.hello(testContext(t, long), "next")
	require.NoError(t, err)
	assert.Equal(t, "next", message)
	require.NoError(t, f.Drain(testContext(t, long)), "calls are counted after the answers")
	assert.Contains(t, f.log.String(), `"msg":"handler panicked","app":"app","hostname":"pod-1","method":"/helloworld.Greeter/SayHello","cause":"kaboom","stack":"`)
	assert.Contains(t, f.page(), `grpc_server_handled_total{grpc_code="Internal",grpc_method="SayHello",grpc_service="helloworld.Greeter",grpc_type="unary"} 1`)
	assert.Contains(t, f.page(), `grpc_server_handling_seconds_count{grpc_code="OK",grpc_method="SayHello",grpc_service="helloworld.Greeter",grpc_type="unary"} 1`)
	assert.Contains(t, f.page(), "\npanics_total 1\n")
}

// page is what Prometheus reads.
func (f *fixture) page() string {
	w := httptest.NewRecorder()
	f.metrics.Handler().ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	return w.Body.String()
}

func TestCallsAreLogged(t *testing.T) {
	f := newFixture(t)
	ctx := metadata.AppendToOutgoingContext(testContext(t, long), "version", "100", "x-request-id", "r-1",
		"traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")
	_, err := f.hello(ctx, "hunter2")
	require.NoError(t, err)
	_, err = grpc_health_v1.NewHealthClient(f.conn).Check(testContext(t, long), &grpc_health_v1.HealthCheckRequest{})
	require.NoError(t, err)

	require.NoError(t, f.Drain(testContext(t, long)), "lines are written after the answers")
	log := f.log.String()
	assert.Regexp(t, `"level":"INFO","msg":"call","app":"app","hostname":"pod-1","method":"/helloworld.Greeter/SayHello","code":"OK","duration_ms":[0-9.]+,`+
		`"trace_id":"0af7651916cd43dd8448eb211c80319c","request_id":"r-1","version":"100","client_address":"bufconn","user_agent":"grpc-go/`, log)
	assert.Contains(t, log, `"level":"DEBUG","msg":"call","app":"app","hostname":"pod-1","method":"/grpc.health.v1.Health/Check"`)
	assert.NotContains(t, log, "hunter2")
}

func TestCallsHaveAnID(t *testing.T) {
	f := newFixture(t)
	for sent, want := range map[string]string{"": "^[0-9a-f]{16}$", "r-1": "^r-1$", strings.Repeat("x", 200): "^[0-9a-f]{16}$"} {
		var header metadata.MD
		ctx := testContext(t, long)
		if sent != "" {
			ctx = metadata.AppendToOutgoingContext(ctx, "x-request-id", sent)
		}
		_, err := helloworld.NewGreeterClient(f.conn).SayHello(ctx, &helloworld.HelloRequest{}, grpc.Header(&header))
		require.NoError(t, err)
		require.Len(t, header.Get("x-request-id"), 1)
		assert.Regexp(t, want, header.Get("x-request-id")[0])
	}
}

func TestLimits(t *testing.T) {
	f := newFixture(t)
	_, err := f.hello(testContext(t, long), strings.Repeat("x", 16<<10))
	assert.Equal(t, codes.ResourceExhausted, status.Code(err), "a message over 16 KiB")

	_, err = f.hello(metadata.AppendToOutgoingContext(testContext(t, long), "version", strings.Repeat("1", 1<<15)), "x")
	assert.Error(t, err, "headers over 16 KiB")
}

func TestDrainWaitsForOpenCalls(t *testing.T) {
	f := newFixture(t)
	called := make(chan error, 1)
	go func() {
		_, err := f.hello(testContext(t, long), "hold")
		called <- err
	}()
	<-f.greeter.held
	drained := make(chan error, 1)
	go func() { drained <- f.Drain(testContext(t, long)) }()

	select {
	case err := <-drained:
		t.Fatal("drained with a call open", err)
	case <-time.After(50 * time.Millisecond):
	}
	close(f.greeter.hold)
	assert.NoError(t, <-called)
	assert.NoError(t, <-drained)
	assert.NoError(t, <-f.served)
}

func TestDrainIsBounded(t *testing.T) {
	f := newFixture(t)
	t.Cleanup(func() { close(f.greeter.hold) })
	called := make(chan error, 1)
	go func() {
		_, err := f.hello(testContext(t, long), "hold")
		called <- err
	}()
	<-f.greeter.held

	start := time.Now()
	assert.ErrorIs(t, f.Drain(testContext(t, 50*time.Millisecond)), context.DeadlineExceeded)
	assert.Less(t, time.Since(start), 3*time.Second)
	assert.Equal(t, codes.Unavailable, status.Code(<-called))
	assert.NoError(t, <-f.served)
}

func TestDrainEndsWatches(t *testing.T) {
	f := newFixture(t)
	f.SetServing(true)
	stream, err := grpc_health_v1.NewHealthClient(f.conn).Watch(testContext(t, long), &grpc_health_v1.HealthCheckRequest{})
	require.NoError(t, err)
	got, err := stream.Recv()
	require.NoError(t, err)
	assert.Equal(t, grpc_health_v1.HealthCheckResponse_SERVING, got.GetStatus())

	f.SetServing(false)
	got, err = stream.Recv()
	require.NoError(t, err)
	assert.Equal(t, grpc_health_v1.HealthCheckResponse_NOT_SERVING, got.GetStatus())

	assert.NoError(t, f.Drain(testContext(t, long)))
	_, err = stream.Recv()
	assert.Error(t, err)
}

// gRPC's own Stop waits for the handshake of a connection that says nothing.
func TestDrainIsBoundedWithASilentConnection(t *testing.T) {
	f := newFixture(t)
	conn, err := f.listener.DialContext(testContext(t, long))
	require.NoError(t, err)
	defer conn.Close()
	_, err = f.hello(testContext(t, long), "x")
	require.NoError(t, err)

	start := time.Now()
	assert.ErrorIs(t, f.Drain(testContext(t, 50*time.Millisecond)), context.DeadlineExceeded)
	assert.Less(t, time.Since(start), 3*time.Second)
	assert.NoError(t, <-f.served)
}

func TestClientsMayAskWhetherTheServerIsThere(t *testing.T) {
	for name, calls := range map[string]bool{"with a call": true, "without": false} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				listener := bufconn.Listen(1 << 16)
				server := grpcserver.New(listener, options(&greeter.Service{}))
				served := make(chan error, 1)
				go func() { served <- server.Serve() }()
				conn, err := dial(listener, grpc.WithKeepaliveParams(keepalive.ClientParameters{
					Time: 10 * time.Second, Timeout: time.Second, PermitWithoutStream: true,
				}))
				require.NoError(t, err)
				ctx, cancel := context.WithCancel(t.Context())
				stream, err := grpc_health_v1.NewHealthClient(conn).Watch(ctx, &grpc_health_v1.HealthCheckRequest{})
				require.NoError(t, err)
				if !calls {
					cancel()
				}
				time.Sleep(5 * time.Minute)
				assert.Equal(t, connectivity.Ready, conn.GetState())
				if calls {
					assert.NoError(t, stream.Context().Err())
				}
				cancel()
				require.NoError(t, conn.Close())
				assert.NoError(t, server.Drain(context.Background()))
				assert.NoError(t, <-served)
			})
		})
	}
}
