package greeter

import (
	"container/list"
	"context"
	"errors"
	"strings"
	"sync"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"
	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
	"google.golang.org/grpc/credentials/insecure"
	xdscredentials "google.golang.org/grpc/credentials/xds"
	"google.golang.org/grpc/resolver/dns"
	"google.golang.org/grpc/status"
	_ "google.golang.org/grpc/xds" // for targets of the mesh

	"github.com/crossoverJie/k8s-combat/app/contract"
	"github.com/crossoverJie/k8s-combat/app/helloworld"
	"github.com/crossoverJie/k8s-combat/app/internal/propagate"
)

// defaultMaxClients is far above what a tutorial calls, and bounds what somebody
// who asks for ever new names can open.
const defaultMaxClients = 64

// ErrClosed is returned by calls of a closed Pool.
var ErrClosed = errors.New("the clients are closed")

// Pool calls Greeters. It keeps one client, that is one connection, for each target,
// and closes those not used for longest when there are too many. Use NewPool. It
// is safe for concurrent use.
type Pool struct {
	max    int
	tracer trace.Tracer

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
	target  Target
	conn    *grpc.ClientConn
	calls   int
	dropped bool
	place   *list.Element
}

// NewPool returns a pool of at most maxClients clients, of whose calls tracer makes
// spans. Zero stands for 64.
func NewPool(maxClients int, tracer trace.Tracer) *Pool {
	if maxClients == 0 {
		maxClients = defaultMaxClients
	}
	return &Pool{max: maxClients, tracer: tracer, clients: map[Target]*client{}, recent: list.New()}
}

// SayHello greets name at target, with what ctx carries on, and returns the reply's
// message. Errors of the call are gRPC statuses.
func (p *Pool) SayHello(ctx context.Context, target Target, name string) (message string, err error) {
	c, err := p.acquire(target)
	if err != nil {
		return "", err
	}
	defer p.release(c)

	method := strings.TrimPrefix(helloworld.Greeter_SayHello_FullMethodName, "/")
	ctx, span := p.tracer.Start(ctx, method, trace.WithSpanKind(trace.SpanKindClient),
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
		return "", explain(err)
	}
	return reply.GetMessage(), nil
}

// explain names the cause where gRPC hides it: its DNS resolver takes a name that
// does not exist for one without addresses, and its round robin says nothing of a
// resolver that fails.
func explain(err error) error {
	if s := status.Convert(err); strings.Contains(s.Message(), "no children to pick from") {
		return status.Error(s.Code(), "no such host: DNS has no address for it, or does not answer")
	}
	return err
}

// Close closes every client, and ends the calls in flight.
func (p *Pool) Close() {
	p.mu.Lock()
	clients := p.clients
	p.clients, p.closed = nil, true
	p.recent.Init()
	p.mu.Unlock()
	for _, c := range clients {
		c.closeConn()
	}
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
		conn, err := dial(target)
		if err != nil {
			return nil, nil, err
		}
		c = &client{target: target, conn: conn}
		c.place = p.recent.PushFront(c)
		p.clients[target] = c
	}
	p.recent.MoveToFront(c.place)
	c.calls++
	if len(p.clients) > p.max {
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

// closeConn is called without p.mu: it may wait for a DNS query to end. The only
// error is that the connection is closed already.
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

func init() {
	// gRPC's own least time between two questions is 30 seconds, in which a
	// rollout replaces every pod.
	dns.SetMinResolutionInterval(time.Second)
}

// dial makes a client. It does not connect yet.
func dial(target Target) (*grpc.ClientConn, error) {
	options := []grpc.DialOption{
		// A proxy for the way out of the cluster is none for the way inside.
		grpc.WithNoProxy(),
		// gRPC's own longest wait between two attempts is two minutes. Pods that
		// were replaced are back sooner.
		grpc.WithConnectParams(grpc.ConnectParams{
			Backoff:           backoff.Config{BaseDelay: 200 * time.Millisecond, Multiplier: 1.6, Jitter: 0.2, MaxDelay: 5 * time.Second},
			MinConnectTimeout: 5 * time.Second,
		}),
	}
	if target.isXDS() {
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
			// Else each resolution also asks DNS for a service config in a TXT record.
			grpc.WithDisableServiceConfig(),
		)
	}
	return grpc.NewClient(string(target), options...)
}
