package greeter

import (
	"context"
	"errors"
	"hash/maphash"
	"net"
	"net/netip"
	"slices"
	"time"

	"google.golang.org/grpc/resolver"
)

const (
	// resolveTimeout bounds one question to DNS.
	resolveTimeout = 5 * time.Second
	defaultRefresh = 5 * time.Second
	// minResolveInterval is the least time between two questions. gRPC's own is 30
	// seconds, in which a rollout replaces every pod.
	minResolveInterval = time.Second
	// maxAddresses bounds the connections of one client. DNS is whoever's the name
	// is.
	maxAddresses = 32
)

var (
	errNoSuchHost = errors.New("no such host: DNS has no address for it, or does not answer")
	// errRefusedAddress says nothing of the address.
	errRefusedAddress = errors.New("refused")
)

// names is the resolver.Builder of one client, for targets that begin with
// "dns:///". gRPC's own asks for ever for a name that does not exist, asks for
// others only once a connection is lost, takes any address, and makes whoever
// closes it wait for DNS.
type names struct{ client *client }

// Scheme implements resolver.Builder.
func (names) Scheme() string { return "dns" }

// Build implements resolver.Builder.
func (n names) Build(target resolver.Target, cc resolver.ClientConn, _ resolver.BuildOptions) (resolver.Resolver, error) {
	host, port, err := net.SplitHostPort(target.Endpoint())
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(context.Background())
	w := &watch{client: n.client, cc: cc, host: host, port: port, cancel: cancel, now: make(chan struct{}, 1)}
	if ip, err := netip.ParseAddr(host); err == nil {
		cancel()
		w.report([]netip.Addr{ip}, nil)
		return w, nil
	}
	go w.run(ctx)
	return w, nil
}

// watch keeps a client's addresses up to date. It is a resolver.Resolver.
type watch struct {
	client     *client
	cc         resolver.ClientConn
	host, port string
	cancel     context.CancelFunc
	now        chan struct{}
}

// ResolveNow implements resolver.Resolver.
func (w *watch) ResolveNow(resolver.ResolveNowOptions) {
	select {
	case w.now <- struct{}{}:
	default:
	}
}

// Close implements resolver.Resolver. It waits for nothing.
func (w *watch) Close() { w.cancel() }

func (w *watch) run(ctx context.Context) {
	for {
		addresses, err := w.lookUp(ctx)
		if ctx.Err() != nil {
			return
		}
		w.report(addresses, err)
		if !w.client.resolved.Load() {
			// The next call asks again, with a client of its own: nobody asks for a name
			// that nobody calls.
			return
		}
		if !w.pause(ctx) {
			return
		}
	}
}

// pause waits until it is time for the next question.
func (w *watch) pause(ctx context.Context) bool {
	refresh := time.NewTimer(w.client.pool.Refresh)
	least := time.NewTimer(min(minResolveInterval, w.client.pool.Refresh))
	defer refresh.Stop()
	defer least.Stop()
	select {
	case <-least.C:
	case <-ctx.Done():
		return false
	}
	select {
	case <-refresh.C:
	case <-w.now:
	case <-ctx.Done():
		return false
	}
	return true
}

func (w *watch) lookUp(ctx context.Context) ([]netip.Addr, error) {
	ctx, cancel := context.WithTimeout(ctx, resolveTimeout)
	defer cancel()
	return w.client.pool.LookUp(ctx, w.host)
}

func (w *watch) report(addresses []netip.Addr, err error) {
	for i, ip := range addresses {
		addresses[i] = ip.Unmap()
		if !w.client.pool.Allowed.Address(addresses[i]) {
			// One alone is reason enough: it is not for callers to mix.
			w.client.refused.Store(true)
			w.cc.ReportError(errRefusedAddress)
			return
		}
	}
	if err != nil || len(addresses) == 0 {
		w.cc.ReportError(errNoSuchHost)
		return
	}
	w.client.resolved.Store(true)
	endpoints := make([]resolver.Endpoint, 0, len(addresses))
	for _, ip := range w.client.choose(addresses) {
		address := resolver.Address{Addr: net.JoinHostPort(ip.String(), w.port)}
		endpoints = append(endpoints, resolver.Endpoint{Addresses: []resolver.Address{address}})
	}
	// The only error is that the balancer has no use for what there is.
	_ = w.cc.UpdateState(resolver.State{Endpoints: endpoints})
}

// choose returns the addresses to connect to: all, or as many of them as a client
// may have, the same ones each time as long as they are there, and others than other
// pods choose.
func (c *client) choose(addresses []netip.Addr) []netip.Addr {
	slices.SortFunc(addresses, netip.Addr.Compare)
	addresses = slices.Compact(addresses)
	if len(addresses) <= maxAddresses {
		return addresses
	}
	rank := func(ip netip.Addr) uint64 { return maphash.Comparable(c.pool.seed, ip) }
	slices.SortFunc(addresses, func(a, b netip.Addr) int {
		if rank(a) < rank(b) {
			return -1
		}
		return 1
	})
	return addresses[:maxAddresses]
}
