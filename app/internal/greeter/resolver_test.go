package greeter_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/crossoverJie/k8s-combat/app/helloworld"
	"github.com/crossoverJie/k8s-combat/app/internal/greeter"
)

// names are the addresses of names, as DNS would have them.
type names struct {
	mu        sync.Mutex
	addresses map[string][]netip.Addr
	asked     int
}

func (n *names) set(host string, addresses ...string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.addresses == nil {
		n.addresses = map[string][]netip.Addr{}
	}
	n.addresses[host] = nil
	for _, a := range addresses {
		n.addresses[host] = append(n.addresses[host], netip.MustParseAddr(a))
	}
}

func (n *names) lookUp(_ context.Context, host string) ([]netip.Addr, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.asked++
	if addresses := n.addresses[host]; len(addresses) > 0 {
		return append([]netip.Addr{}, addresses...), nil
	}
	return nil, &net.DNSError{Err: "no such host", Name: host, IsNotFound: true}
}

func (n *names) questions() int {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.asked
}

func target(t *testing.T, text string) greeter.Target {
	t.Helper()
	parsed, err := greeter.ParseTarget(text)
	require.NoError(t, err)
	return parsed
}

func TestPoolRefuses(t *testing.T) {
	dns := &names{}
	dns.set("inside", "10.255.255.1")
	dns.set("outside", "8.8.8.8")
	dns.set("metadata", "169.254.169.254")
	dns.set("mapped", "::ffff:169.254.169.254")
	dns.set("multicast", "224.0.0.1")
	dns.set("self", "127.0.0.1")
	dns.set("mixed", "10.255.255.1", "169.254.169.254")
	pool := newPoolOf(t, greeter.Options{Allowed: allowed(t, "cluster"), LookUp: dns.lookUp})
	for _, host := range []string{
		"outside", "metadata", "mapped", "multicast", "self", "mixed",
		"8.8.8.8", "10.255.255.1", "127.0.0.1", "169.254.169.254", "www.example.com", "inside:22", "xds:///www.example.com",
	} {
		for range 2 {
			_, err := pool.SayHello(testContext(t), target(t, host), "world")
			assert.Equal(t, greeter.ErrRefused, err, host)
		}
	}
}

func TestPoolSaysThatAHostDoesNotExist(t *testing.T) {
	dns := &names{}
	pool := newPoolOf(t, greeter.Options{LookUp: dns.lookUp})
	_, err := pool.SayHello(testContext(t), target(t, "web"), "world")
	assert.EqualError(t, err, "rpc error: code = Unavailable desc = no such host: DNS has no address for it, or does not answer")

	p := newPeer(t, nil)
	_, port, err := net.SplitHostPort(strings.TrimPrefix(string(p.target), "dns:///"))
	require.NoError(t, err)
	_, err = pool.SayHello(testContext(t), target(t, "web:"+port), "world")
	require.Error(t, err)
	dns.set("web", "127.0.0.1")
	_, err = pool.SayHello(testContext(t), target(t, "web:"+port), "world")
	assert.NoError(t, err, "the next call asks again")
}

func TestPoolAsksForNothingThatNobodyCalls(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dns := &names{}
		pool := greeter.NewPool(greeter.Options{Allowed: allowed(t, "cluster"), Tracer: tracer, LookUp: dns.lookUp})
		defer pool.Close()
		const dead = 64
		for i := range dead {
			_, err := pool.SayHello(t.Context(), target(t, fmt.Sprint("dead-", i)), "world")
			assert.Equal(t, codes.Unavailable, status.Code(err))
		}
		time.Sleep(20 * time.Second)
		assert.Equal(t, dead, dns.questions())
	})
}

func TestPoolLetsGoOfIdleTargets(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dns := &names{}
		// Nobody listens there, so that gRPC goes on trying.
		dns.set("web", "127.0.0.1")
		pool := greeter.NewPool(greeter.Options{Allowed: allowed(t, "cluster:1,loopback:1"), Tracer: tracer, LookUp: dns.lookUp})
		defer pool.Close()
		_, err := pool.SayHello(t.Context(), target(t, "web:1"), "world")
		assert.Error(t, err)
		time.Sleep(time.Minute)
		asked := dns.questions()
		assert.Less(t, asked, 60)
		time.Sleep(time.Hour)
		assert.Equal(t, asked, dns.questions())
	})
}

func TestPoolFindsNewPods(t *testing.T) {
	listener, err := net.Listen("tcp", "0.0.0.0:0")
	require.NoError(t, err)
	var mu sync.Mutex
	calls := map[string]int{}
	server := grpc.NewServer(grpc.UnaryInterceptor(func(ctx context.Context, req any, _ *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (any, error) {
		stream, _ := peerAddress(ctx)
		mu.Lock()
		calls[stream]++
		mu.Unlock()
		return handler(ctx, req)
	}))
	helloworld.RegisterGreeterServer(server, &greeter.Service{})
	go func() { _ = server.Serve(listener) }()
	t.Cleanup(server.Stop)
	_, port, err := net.SplitHostPort(listener.Addr().String())
	require.NoError(t, err)

	dns := &names{}
	dns.set("web", "127.0.0.1")
	pool := newPoolOf(t, greeter.Options{LookUp: dns.lookUp, Refresh: 10 * time.Millisecond})
	call := func() {
		_, err := pool.SayHello(testContext(t), target(t, "web:"+port), "world")
		assert.NoError(t, err)
	}
	call()
	// They are scaled out: no connection is lost, and no call fails.
	dns.set("web", "127.0.0.1", "127.0.0.2", "127.0.0.3")
	assert.Eventually(t, func() bool {
		call()
		mu.Lock()
		defer mu.Unlock()
		return calls["127.0.0.1"] > 0 && calls["127.0.0.2"] > 0 && calls["127.0.0.3"] > 0
	}, 10*time.Second, time.Millisecond)
}

func TestPoolBoundsTheConnectionsOfAName(t *testing.T) {
	dns := &names{}
	var many []string
	for i := range 1000 {
		many = append(many, fmt.Sprintf("127.1.%d.%d", i/250, i%250+1))
	}
	dns.set("web", many...)
	var dialed atomic.Int32
	listener, err := net.Listen("tcp", "0.0.0.0:0")
	require.NoError(t, err)
	_, port, err := net.SplitHostPort(listener.Addr().String())
	require.NoError(t, err)
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			dialed.Add(1)
			defer conn.Close()
		}
	}()
	ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
	defer cancel()
	_, err = newPoolOf(t, greeter.Options{LookUp: dns.lookUp}).SayHello(ctx, target(t, "web:"+port), "world")
	assert.Error(t, err)
	require.NoError(t, listener.Close())
	assert.Positive(t, dialed.Load())
	assert.LessOrEqual(t, dialed.Load(), int32(32))
}

func TestPoolBoundsErrors(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	server := grpc.NewServer(grpc.UnaryInterceptor(func(context.Context, any, *grpc.UnaryServerInfo, grpc.UnaryHandler) (any, error) {
		return nil, status.Error(codes.Internal, strings.Repeat("x", 30<<10))
	}))
	helloworld.RegisterGreeterServer(server, &greeter.Service{})
	go func() { _ = server.Serve(listener) }()
	t.Cleanup(server.Stop)
	_, err = newPool(t, 0).SayHello(testContext(t), target(t, listener.Addr().String()), "world")
	assert.Equal(t, codes.Internal, status.Code(err))
	assert.Less(t, len(err.Error()), 400)
}

func TestCloseWaitsForNoName(t *testing.T) {
	hold := make(chan struct{})
	defer close(hold)
	pool := newPoolOf(t, greeter.Options{LookUp: func(context.Context, string) ([]netip.Addr, error) {
		<-hold
		return nil, errors.New("too late")
	}})
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	var wait sync.WaitGroup
	for i := range 20 {
		wait.Go(func() {
			_, err := pool.SayHello(ctx, target(t, fmt.Sprint("silent-", i)), "world")
			assert.Error(t, err)
		})
	}
	time.Sleep(10 * time.Millisecond)
	start := time.Now()
	pool.Close()
	assert.Less(t, time.Since(start), 5*time.Second)
	wait.Wait()
}
