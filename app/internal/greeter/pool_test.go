package greeter_test

import (
	"context"
	"fmt"
	"net"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/trace/noop"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	grpcpeer "google.golang.org/grpc/peer"
	"google.golang.org/grpc/stats"
	"google.golang.org/grpc/status"
	"google.golang.org/grpc/test/bufconn"
	"google.golang.org/protobuf/proto"

	"github.com/crossoverJie/k8s-combat/app/helloworld"
	"github.com/crossoverJie/k8s-combat/app/internal/allow"
	"github.com/crossoverJie/k8s-combat/app/internal/greeter"
	"github.com/crossoverJie/k8s-combat/app/internal/propagate"
)

// peer is a Greeter on a loopback port.
type peer struct {
	target greeter.Target
	// failures are how many calls fail before others do not.
	failures, calls atomic.Int32
	// opened and open count connections, ever and now.
	opened, open atomic.Int32
	// hold, if set, is waited for by each call.
	hold chan struct{}
}

func newPeer(t *testing.T, hold chan struct{}) *peer {
	t.Helper()
	p := &peer{hold: hold}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	p.target, err = greeter.ParseTarget(listener.Addr().String())
	require.NoError(t, err)

	server := grpc.NewServer(grpc.StatsHandler(p), grpc.UnaryInterceptor(
		func(ctx context.Context, req any, _ *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (any, error) {
			if p.calls.Add(1) <= p.failures.Load() {
				return nil, status.Error(codes.Unavailable, "draining")
			}
			if p.hold != nil {
				select {
				case <-p.hold:
				case <-ctx.Done():
					return nil, status.FromContextError(ctx.Err()).Err()
				}
			}
			return handler(ctx, req)
		}))
	helloworld.RegisterGreeterServer(server, &greeter.Service{Hostname: "pod-1"})
	go func() { _ = server.Serve(listener) }()
	t.Cleanup(server.Stop)
	return p
}

func (p *peer) TagConn(ctx context.Context, _ *stats.ConnTagInfo) context.Context { return ctx }
func (p *peer) TagRPC(ctx context.Context, _ *stats.RPCTagInfo) context.Context   { return ctx }
func (p *peer) HandleRPC(context.Context, stats.RPCStats)                         {}

func (p *peer) HandleConn(_ context.Context, s stats.ConnStats) {
	switch s.(type) {
	case *stats.ConnBegin:
		p.opened.Add(1)
		p.open.Add(1)
	case *stats.ConnEnd:
		p.open.Add(-1)
	}
}

func testContext(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	t.Cleanup(cancel)
	return ctx
}

var tracer = noop.NewTracerProvider().Tracer("")

func newPool(t *testing.T, maxClients int) *greeter.Pool {
	t.Helper()
	return newPoolOf(t, greeter.Options{MaxClients: maxClients})
}

// newPoolOf returns a pool that may call loopback on any port, if o does not say
// otherwise.
func newPoolOf(t *testing.T, o greeter.Options) *greeter.Pool {
	t.Helper()
	if o.Allowed.Empty() {
		o.Allowed = allowed(t, "cluster:*,loopback:*")
	}
	o.Tracer = tracer
	pool := greeter.NewPool(o)
	t.Cleanup(pool.Close)
	return pool
}

func allowed(t *testing.T, list string) allow.List {
	t.Helper()
	l, err := allow.Parse(list)
	require.NoError(t, err)
	return l
}

func TestService(t *testing.T) {
	listener := bufconn.Listen(1 << 16)
	server := grpc.NewServer()
	helloworld.RegisterGreeterServer(server, &greeter.Service{Hostname: "pod-1"})
	go func() { _ = server.Serve(listener) }()
	t.Cleanup(server.Stop)
	conn, err := grpc.NewClient("passthrough:///bufconn",
		grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) { return listener.DialContext(ctx) }),
		grpc.WithTransportCredentials(insecure.NewCredentials()))
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close() })

	tests := map[string]struct {
		metadata []string
		name     string
		want     string
	}{
		"version":     {[]string{"version", "100"}, "world", "hostname:pod-1, in:world, version:100"},
		"no metadata": {nil, "world", "hostname:pod-1, in:world, version:"},
		"two":         {[]string{"version", "1", "version", "2"}, "world", "hostname:pod-1, in:world, version:1"},
		"empty name":  {nil, "", "hostname:pod-1, in:, version:"},
		"any name":    {nil, "世界", "hostname:pod-1, in:世界, version:"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			ctx := metadata.AppendToOutgoingContext(testContext(t), tt.metadata...)
			reply, err := helloworld.NewGreeterClient(conn).SayHello(ctx, &helloworld.HelloRequest{Name: tt.name})
			require.NoError(t, err)
			assert.Equal(t, tt.want, reply.GetMessage())
		})
	}
}

func TestServiceTakesAnyVersion(t *testing.T) {
	ctx := metadata.NewIncomingContext(t.Context(), metadata.Pairs("version", "v\xff"))
	reply, err := (&greeter.Service{Hostname: "pod-1"}).SayHello(ctx, &helloworld.HelloRequest{Name: "world"})
	require.NoError(t, err)
	_, err = proto.Marshal(reply)
	assert.NoError(t, err)
	assert.Equal(t, "hostname:pod-1, in:world, version:v\uFFFD", reply.GetMessage())
}

func TestServiceWithoutMetadata(t *testing.T) {
	reply, err := (&greeter.Service{}).SayHello(context.Background(), nil)
	require.NoError(t, err)
	assert.Equal(t, "hostname:, in:, version:", reply.GetMessage())
}

func TestPoolKeepsOneClientForEachTarget(t *testing.T) {
	one, two := newPeer(t, nil), newPeer(t, nil)
	pool := newPool(t, 0)

	var wait sync.WaitGroup
	for i := range 20 {
		target := []greeter.Target{one.target, two.target}[i%2]
		wait.Go(func() {
			message, err := pool.SayHello(propagate.WithVersion(testContext(t), strconv.Itoa(i)), target, "world")
			assert.NoError(t, err)
			assert.Equal(t, fmt.Sprintf("hostname:pod-1, in:world, version:%d", i), message)
		})
	}
	wait.Wait()
	assert.EqualValues(t, 1, one.opened.Load())
	assert.EqualValues(t, 1, two.opened.Load())
}

func TestPoolIsBounded(t *testing.T) {
	one, two, three := newPeer(t, nil), newPeer(t, nil), newPeer(t, nil)
	pool := newPool(t, 2)
	for _, p := range []*peer{one, two, one, three} {
		_, err := pool.SayHello(testContext(t), p.target, "world")
		require.NoError(t, err)
	}
	assert.Eventually(t, func() bool { return two.open.Load() == 0 }, 10*time.Second, time.Millisecond, "not used for longest")
	assert.EqualValues(t, 1, one.open.Load())
	assert.EqualValues(t, 1, three.open.Load())
}

func TestPoolLetsCallsOfADroppedClientEnd(t *testing.T) {
	hold := make(chan struct{})
	slow, other := newPeer(t, hold), newPeer(t, nil)
	pool := newPool(t, 1)

	done := make(chan error, 1)
	go func() {
		_, err := pool.SayHello(testContext(t), slow.target, "world")
		done <- err
	}()
	require.Eventually(t, func() bool { return slow.open.Load() == 1 }, 10*time.Second, time.Millisecond)

	_, err := pool.SayHello(testContext(t), other.target, "world")
	require.NoError(t, err)
	assert.EqualValues(t, 1, slow.open.Load(), "its call goes on")
	close(hold)
	assert.NoError(t, <-done)
	assert.Eventually(t, func() bool { return slow.open.Load() == 0 }, 10*time.Second, time.Millisecond, "closed by its last call")
}

func TestPoolFails(t *testing.T) {
	t.Run("refused", func(t *testing.T) {
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		require.NoError(t, err)
		target, err := greeter.ParseTarget(listener.Addr().String())
		require.NoError(t, err)
		require.NoError(t, listener.Close())

		_, err = newPool(t, 0).SayHello(testContext(t), target, "world")
		assert.Equal(t, codes.Unavailable, status.Code(err))
		assert.ErrorContains(t, err, "connection refused")
	})
	t.Run("deadline", func(t *testing.T) {
		slow := newPeer(t, make(chan struct{}))
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		defer cancel()
		_, err := newPool(t, 0).SayHello(ctx, slow.target, "world")
		assert.Equal(t, codes.DeadlineExceeded, status.Code(err))
	})
	t.Run("closed", func(t *testing.T) {
		pool := newPool(t, 0)
		pool.Close()
		_, err := pool.SayHello(testContext(t), newPeer(t, nil).target, "world")
		assert.ErrorIs(t, err, greeter.ErrClosed)
	})
}

func TestPoolRetries(t *testing.T) {
	flaky := newPeer(t, nil)
	flaky.failures.Store(2)
	message, err := newPool(t, 0).SayHello(testContext(t), flaky.target, "world")
	require.NoError(t, err)
	assert.Equal(t, "hostname:pod-1, in:world, version:", message)
	assert.EqualValues(t, 3, flaky.calls.Load())
}

func TestPoolRetriesWithinABudget(t *testing.T) {
	broken := newPeer(t, nil)
	broken.failures.Store(1 << 30)
	pool := newPool(t, 0)
	const calls = 40
	for range calls {
		_, err := pool.SayHello(testContext(t), broken.target, "world")
		assert.Equal(t, codes.Unavailable, status.Code(err))
	}
	assert.LessOrEqual(t, broken.calls.Load(), int32(calls+12), "retries end where they do not help")
}

func TestPoolWithoutAMesh(t *testing.T) {
	target, err := greeter.ParseTarget("xds:///k8s-combat-service")
	require.NoError(t, err)
	_, err = newPool(t, 0).SayHello(testContext(t), target, "world")
	assert.ErrorContains(t, err, "bootstrap")
}

func TestPoolNoticesThatATargetIsBack(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	address := listener.Addr().String()
	require.NoError(t, listener.Close())
	target, err := greeter.ParseTarget(address)
	require.NoError(t, err)
	pool := newPool(t, 0)
	_, err = pool.SayHello(testContext(t), target, "world")
	require.Error(t, err)

	listener, err = net.Listen("tcp", address)
	require.NoError(t, err)
	server := grpc.NewServer()
	helloworld.RegisterGreeterServer(server, &greeter.Service{Hostname: "pod-2"})
	go func() { _ = server.Serve(listener) }()
	t.Cleanup(server.Stop)
	assert.Eventually(t, func() bool {
		_, err := pool.SayHello(testContext(t), target, "world")
		return err == nil
	}, 15*time.Second, 20*time.Millisecond)
}

// peerAddress is the address of the server that the call of ctx came to.
func peerAddress(ctx context.Context) (string, bool) {
	p, ok := grpcpeer.FromContext(ctx)
	if !ok {
		return "", false
	}
	host, _, err := net.SplitHostPort(p.LocalAddr.String())
	return host, err == nil
}
