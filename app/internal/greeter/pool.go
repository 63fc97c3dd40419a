package greeter

import (
	"cmp"
	"container/list"
	"context"
	"errors"
	"hash/maphash"
	"net"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"
	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
	grpccodes "google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	xdscredentials "google.golang.org/grpc/credentials/xds"
	"google.golang.org/grpc/status"
	_ "google.golang.org/grpc/xds" // for targets of the mesh

	"github.com/crossoverJie/k8s-combat/app/contract"
	"github.com/crossoverJie/k8s-combat/app/helloworld"
	"github.com/crossoverJie/k8s-combat/app/internal/allow"
	"github.com/crossoverJie/k8s-combat/app/internal/logging"
	"github.com/crossoverJie/k8s-combat/app/internal/propagate"
)

const (
	// defaultMaxClients is far above what a tutorial calls, and bounds what somebody
	// who asks for ever new names can open.
	defaultMaxClients = 32
	// maxReplyBytes is far more than a greeting, and bounds the headers of a reply
	// as well.
	maxReplyBytes = 64 << 10
	// windowBytes is what a peer may send of one reply before it is read. By itself
	// gRPC lets a peer that sends much have 16 MiB.
	windowBytes = 64 << 10
	// bufferBytes is that of a connection, in each direction.
	bufferBytes = 8 << 10
	// idleTimeout is how long a client without calls keeps its connections and asks
	// for its target's addresses.
	idleTimeout = 15 * time.Second
)

// ErrClosed is returned by calls of a closed Pool.
var ErrClosed = errors.New("the clients are closed")

// ErrRefused is returned by calls of targets that are not allowed, whatever is there.
var ErrRefused = errors.New("refused; allowed are the targets of --grpc-targets or " + contract.EnvGRPCTargets)

// Options is what a Pool needs. Allowed and Tracer are required.
type Options struct {
	// MaxClients bounds the clients. Defaults to 32.
	MaxClients int
	// Allowed are the targets that may be called.
	Allowed allow.List
	// Tracer makes a span of each call.
	Tracer trace.Tracer
	// LookUp returns the addresses of a name. Defaults to DNS.
	LookUp func(ctx context.Context, host string) ([]netip.Addr, error)
	// Refresh is how often LookUp is asked for a name that is called: a Service that
	// has grown has pods that no connection leads to, and nothing else tells of them.
	// Defaults to 5 s.
	Refresh time.Duration
}

// Pool calls Greeters. It keeps one client, that is one connection for each address,
// for each target, and closes those not used for longest when there are too many.
// Use NewPool. It is safe for concurrent use.
type Pool struct {
	Options
	// seed has each pod choose others of many addresses.
	seed maphash.Seed

	mu      sync.Mutex
	clients map[Target]*client
	// recent orders the clients, the one used last in front.
	recent *list.List
	closed bool
}

// client is a connection and the number of calls that use it. Closing a
// connection ends its calls, so one that leaves the pool is closed by its last
// call.
type client struct {
	pool    *Pool
	target  Target
	conn    *grpc.ClientConn
	calls   int
	dropped bool
	place   *list.Element

	// resolved is set once the target has had an address, refused once it has had one
	// that is not allowed.
	resolved, refused atomic.Bool
}

// NewPool returns a pool of clients.
func NewPool(o Options) *Pool {
	o.MaxClients = cmp.Or(o.MaxClients, defaultMaxClients)
	o.Refresh = cmp.Or(o.Refresh, defaultRefresh)
	if o.LookUp == nil {
		o.LookUp = func(ctx context.Context, host string) ([]netip.Addr, error) {
			return net.DefaultResolver.LookupNetIP(ctx, "ip", host)
		}
	}
	return &Pool{Options: o, seed: maphash.MakeSeed(), clients: map[Target]*client{}, recent: list.New()}
}

// SayHello greets name at target, with what ctx carries on, and returns the reply's
// message. Errors of the call are gRPC statuses, of bounded length, or ErrRefused.
func (p *Pool) SayHello(ctx context.Context, target Target, name string) (message string, err error) {
	if !p.Allowed.Target(target.hostPort()) {
		return "", ErrRefused
	}
	c, err := p.acquire(target)
	if err != nil {
		return "", err
	}
	defer p.release(c)

	method := strings.TrimPrefix(helloworld.Greeter_SayHello_FullMethodName, "/")
	ctx, span := p.Tracer.Start(ctx, method, trace.WithSpanKind(trace.SpanKindClient),
		trace.WithAttributes(attribute.String("rpc.system.name", "grpc"), attribute.String("rpc.method", method), attribute.String("server.address", string(target))))
	defer func() {
		span.SetAttributes(attribute.String("rpc.response.status_code", status.Code(err).String()))
		if err != nil {
			span.SetStatus(codes.Error, status.Code(err).String())
		}
		span.End()
	}()
	reply, err := helloworld.NewGreeterClient(c.conn).SayHello(propagate.ToGRPC(ctx), &helloworld.HelloRequest{Name: name})
	if err != nil {
		return "", p.explain(c, err)
	}
	return reply.GetMessage(), nil
}

// explain returns what the caller hears of an error. A client that knows no address
// is of no more use, and one that was led elsewhere says no more than that.
func (p *Pool) explain(c *client, err error) error {
	if c.refused.Load() {
		p.forget(c)
		return ErrRefused
	}
	s := status.Convert(err)
	if !c.target.isXDS() && !c.resolved.Load() {
		p.forget(c)
		if s.Code() == grpccodes.Unavailable {
			return status.Error(s.Code(), errNoSuchHost.Error())
		}
	}
	return status.Error(s.Code(), logging.Text(s.Message()))
}

// Close closes every client, all at once, and ends the calls in flight.
func (p *Pool) Close() {
	p.mu.Lock()
	clients := p.clients
	p.clients, p.closed = nil, true
	p.recent.Init()
	p.mu.Unlock()
	var wait sync.WaitGroup
	for _, c := range clients {
		wait.Go(c.closeConn)
	}
	wait.Wait()
}

// acquire counts a call of target's client, which it makes if there is none.
func (p *Pool) acquire(target Target) (*client, error) {
	c, surplus, err := p.take(target)
	if surplus != nil {
		surplus.closeConn()
	}
	return c, err
}

func (p *Pool) take(target Target) (c, surplus *client, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return nil, nil, ErrClosed
	}
	c, ok := p.clients[target]
	if !ok {
		c = &client{pool: p, target: target}
		if c.conn, err = c.dial(); err != nil {
			return nil, nil, err
		}
		c.place = p.recent.PushFront(c)
		p.clients[target] = c
	}
	p.recent.MoveToFront(c.place)
	c.calls++
	if len(p.clients) > p.MaxClients {
		surplus = p.drop(p.recent.Back().Value.(*client))
	}
	return c, surplus, nil
}

// drop takes c out of the pool, and returns it if no call uses it. p.mu is held.
func (p *Pool) drop(c *client) *client {
	delete(p.clients, c.target)
	p.recent.Remove(c.place)
	c.dropped = true
	if c.calls > 0 {
		return nil
	}
	return c
}

// forget takes c out of the pool. Its last call closes it.
func (p *Pool) forget(c *client) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !c.dropped && !p.closed {
		p.drop(c)
	}
}

// release ends what acquire began.
func (p *Pool) release(c *client) {
	p.mu.Lock()
	c.calls--
	unused := c.dropped && c.calls == 0
	p.mu.Unlock()
	if unused {
		c.closeConn()
	}
}

// closeConn is called without p.mu: it may wait for the mesh. The only error is that
// the connection is closed already.
func (c *client) closeConn() { _ = c.conn.Close() }

// serviceConfig spreads calls over all addresses of a name, which a headless
// Service has one of for each pod, and repeats a call that a server has refused or
// lost. The budget keeps that from making an overload worse: ten failures more
// than a tenth of the successes, and there are no retries until it is half full
// again. gRPC for Go does no hedging.
const serviceConfig = `{
	"loadBalancingConfig": [{"round_robin": {}}],
	"methodConfig": [{
		"name": [{"service": "` + contract.GreeterService + `"}],
		"retryPolicy": {
			"maxAttempts": 3,
			"initialBackoff": "0.05s",
			"maxBackoff": "0.5s",
			"backoffMultiplier": 2,
			"retryableStatusCodes": ["UNAVAILABLE"]
		}
	}],
	"retryThrottling": {"maxTokens": 20, "tokenRatio": 0.1}
}`

// dial makes a client. It does not connect yet.
func (c *client) dial() (*grpc.ClientConn, error) {
	options := []grpc.DialOption{
		// A proxy for the way out of the cluster is none for the way inside.
		grpc.WithNoProxy(),
		grpc.WithResolvers(names{c}),
		grpc.WithContextDialer(c.connect),
		grpc.WithIdleTimeout(idleTimeout),
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(maxReplyBytes)),
		grpc.WithMaxHeaderListSize(maxReplyBytes),
		grpc.WithStaticStreamWindowSize(windowBytes),
		grpc.WithStaticConnWindowSize(2 * windowBytes),
		grpc.WithReadBufferSize(bufferBytes),
		grpc.WithWriteBufferSize(bufferBytes),
		// gRPC's own longest wait between two attempts is two minutes. Pods that
		// were replaced are back sooner.
		grpc.WithConnectParams(grpc.ConnectParams{
			Backoff:           backoff.Config{BaseDelay: 200 * time.Millisecond, Multiplier: 1.6, Jitter: 0.2, MaxDelay: 5 * time.Second},
			MinConnectTimeout: 5 * time.Second,
		}),
	}
	if c.target.isXDS() {
		// The mesh says which certificates to use, if any, and how to balance and
		// retry.
		security, err := xdscredentials.NewClientCredentials(xdscredentials.ClientOptions{FallbackCreds: insecure.NewCredentials()})
		if err != nil {
			return nil, err
		}
		options = append(options, grpc.WithTransportCredentials(security))
	} else {
		options = append(options,
			grpc.WithTransportCredentials(insecure.NewCredentials()),
			grpc.WithDefaultServiceConfig(serviceConfig),
		)
	}
	return grpc.NewClient(string(c.target), options...)
}

// connect is the last that looks at an address, wherever it is from: the mesh has
// resolvers of its own.
func (c *client) connect(ctx context.Context, address string) (net.Conn, error) {
	ip, err := netip.ParseAddrPort(address)
	if err != nil || !c.pool.Allowed.Address(ip.Addr()) {
		c.refused.Store(true)
		return nil, errRefusedAddress
	}
	return (&net.Dialer{}).DialContext(ctx, "tcp", address)
}
