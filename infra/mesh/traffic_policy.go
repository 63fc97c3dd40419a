package mesh

import (
	"time"

	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/wrapperspb"
	networking "istio.io/api/networking/v1alpha3"

	"github.com/crossoverJie/k8s-combat/infra/internal/problem"
)

// TrafficPolicy says how clients in the mesh treat the pods of a Service. Its zero value leaves
// Istio's defaults.
// See https://istio.io/latest/docs/reference/config/networking/destination-rule/#TrafficPolicy.
type TrafficPolicy struct {
	// LoadBalancer chooses among the pods. Defaults to Istio's LeastRequest.
	LoadBalancer LoadBalancing
	// ConnectionPool bounds connections and requests. Defaults to no bounds that matter.
	ConnectionPool ConnectionPool
	// OutlierDetection leaves out pods that fail. Defaults to none.
	OutlierDetection OutlierDetection
	// TLS is how clients open connections. Defaults to Istio's own: mutual TLS where the other side
	// has a sidecar.
	TLS TLSMode
}

// LoadBalancerAlgorithm is an algorithm that chooses among pods.
type LoadBalancerAlgorithm string

// The algorithms of Istio.
const (
	RoundRobin   LoadBalancerAlgorithm = "ROUND_ROBIN"
	LeastRequest LoadBalancerAlgorithm = "LEAST_REQUEST"
	Random       LoadBalancerAlgorithm = "RANDOM"
)

// LoadBalancing chooses among pods, by an algorithm or by a consistent hash of the request.
type LoadBalancing struct {
	// Simple is an algorithm. Defaults to Istio's LeastRequest.
	Simple LoadBalancerAlgorithm
	// ConsistentHash sends requests with the same key to the same pod. Defaults to none.
	ConsistentHash ConsistentHash
}

// ConsistentHash names the key of a request; exactly one field is set.
type ConsistentHash struct {
	// Header is the name of a header, or one of :method, :authority, :scheme and :path.
	Header string
	// Cookie is the name of a cookie, which is made where it is missing, for CookieTTL.
	Cookie string
	// CookieTTL is how long such a cookie lives, in whole seconds. Defaults to the browser's session.
	CookieTTL time.Duration
	// QueryParam is the name of a parameter of the query.
	QueryParam string
	// SourceIP is the client's address.
	SourceIP bool
}

// ConnectionPool bounds what clients may have open to the Service; what is more fails at once. 0
// stands for no bound.
type ConnectionPool struct {
	// MaxConnections bounds the connections.
	MaxConnections int32
	// ConnectTimeout bounds the opening of one. Defaults to Istio's 10 s.
	ConnectTimeout time.Duration
	// MaxPendingRequests bounds the requests that wait for a connection.
	MaxPendingRequests int32
	// MaxRequests bounds the requests under way, over HTTP/1.1 as over HTTP/2.
	MaxRequests int32
	// MaxRequestsPerConnection closes a connection after so many.
	MaxRequestsPerConnection int32
	// MaxRetries bounds the retries under way.
	MaxRetries int32
	// IdleTimeout closes a connection that has no requests. Defaults to Istio's 1 h.
	IdleTimeout time.Duration
}

// OutlierDetection leaves out, for a while, pods that fail.
type OutlierDetection struct {
	// Consecutive5xx is how many failures in a row put a pod out. Defaults to Istio's 5.
	Consecutive5xx int32
	// Interval is the time between looks. Defaults to Istio's 10 s.
	Interval time.Duration
	// BaseEjection is how long a pod is out, times how often it has been. Defaults to Istio's 30 s.
	BaseEjection time.Duration
	// MaxEjectionPercent bounds the share of pods that are out, 1 to 100. Defaults to Istio's 10.
	MaxEjectionPercent *int32
}

// TLSMode is how clients open connections.
type TLSMode string

const (
	// TLSDisable uses none.
	TLSDisable TLSMode = "DISABLE"
	// TLSSimple is TLS as the server offers it.
	TLSSimple TLSMode = "SIMPLE"
	// TLSIstioMutual is mutual TLS with the certificates of the mesh.
	TLSIstioMutual TLSMode = "ISTIO_MUTUAL"
)

func (t TrafficPolicy) validate(p *problem.List, field *problem.Path) {
	problem.OneOf(p, field.Child("LoadBalancer", "Simple"), t.LoadBalancer.Simple, RoundRobin,
		LeastRequest, Random)
	t.LoadBalancer.ConsistentHash.validate(p, field.Child("LoadBalancer", "ConsistentHash"))
	if t.LoadBalancer.Simple != "" && t.LoadBalancer.ConsistentHash != (ConsistentHash{}) {
		p.Add(field.Child("LoadBalancer", "Simple"), string(t.LoadBalancer.Simple),
			"cannot stand beside ConsistentHash; leave out one of them")
	}
	t.ConnectionPool.validate(p, field.Child("ConnectionPool"))
	t.OutlierDetection.validate(p, field.Child("OutlierDetection"))
	problem.OneOf(p, field.Child("TLS"), t.TLS, TLSDisable, TLSSimple, TLSIstioMutual)
}

func (h ConsistentHash) validate(p *problem.List, field *problem.Path) {
	keys := 0
	for _, set := range []bool{h.Header != "", h.Cookie != "", h.QueryParam != "", h.SourceIP} {
		if set {
			keys++
		}
	}
	if keys > 1 {
		p.Add(field, keys, "keys are set; use one of Header, Cookie, QueryParam and SourceIP")
	}
	if h.Header != "" && !isToken(h.Header) && pseudoHeaders[h.Header] == "" {
		p.Add(field.Child("Header"), h.Header, headerEditRule)
	}
	if h.Cookie != "" && !isToken(h.Cookie) {
		p.Add(field.Child("Cookie"), h.Cookie, "is not the name of a cookie; use letters, digits, '-' and '_'")
	}
	validateWholeSeconds(p, field.Child("CookieTTL"), h.CookieTTL)
	if h.CookieTTL != 0 && h.Cookie == "" {
		p.Missing(field.Child("Cookie"), "name the cookie, or leave out CookieTTL")
	}
}

func (c ConnectionPool) validate(p *problem.List, field *problem.Path) {
	for _, f := range []struct {
		name  string
		value int32
	}{
		{"MaxConnections", c.MaxConnections}, {"MaxPendingRequests", c.MaxPendingRequests},
		{"MaxRequests", c.MaxRequests},
		{"MaxRequestsPerConnection", c.MaxRequestsPerConnection}, {"MaxRetries", c.MaxRetries},
	} {
		if f.value < 0 {
			p.Add(field.Child(f.name), f.value, "is negative; use 1 or more, or 0 for no bound")
		}
	}
	validateDuration(p, field.Child("ConnectTimeout"), c.ConnectTimeout)
	validateDuration(p, field.Child("IdleTimeout"), c.IdleTimeout)
}

func (o OutlierDetection) validate(p *problem.List, field *problem.Path) {
	if o.Consecutive5xx < 0 {
		p.Add(field.Child("Consecutive5xx"), o.Consecutive5xx, "is negative; use 1 or more")
	}
	validateDuration(p, field.Child("Interval"), o.Interval)
	validateDuration(p, field.Child("BaseEjection"), o.BaseEjection)
	if percent := o.MaxEjectionPercent; percent != nil && (*percent < 1 || *percent > 100) {
		p.Add(field.Child("MaxEjectionPercent"), *percent,
			"is out of range, and Istio takes 0 for its default; use 1 to 100, or leave OutlierDetection out")
	}
}

func (t TrafficPolicy) render() *networking.TrafficPolicy {
	if t == (TrafficPolicy{}) {
		return nil
	}
	policy := &networking.TrafficPolicy{
		LoadBalancer:     t.LoadBalancer.render(),
		ConnectionPool:   t.ConnectionPool.render(),
		OutlierDetection: t.OutlierDetection.render(),
	}
	if t.TLS != "" {
		mode := networking.ClientTLSSettings_TLSmode_value[string(t.TLS)]
		policy.Tls = &networking.ClientTLSSettings{Mode: networking.ClientTLSSettings_TLSmode(mode)}
	}
	return policy
}

func (l LoadBalancing) render() *networking.LoadBalancerSettings {
	switch {
	case l == LoadBalancing{}:
		return nil
	case l.Simple != "":
		simple := networking.LoadBalancerSettings_SimpleLB_value[string(l.Simple)]
		return &networking.LoadBalancerSettings{LbPolicy: &networking.LoadBalancerSettings_Simple{
			Simple: networking.LoadBalancerSettings_SimpleLB(simple),
		}}
	}
	hash := &networking.LoadBalancerSettings_ConsistentHashLB{}
	switch h := l.ConsistentHash; {
	case h.Header != "":
		hash.HashKey = &networking.LoadBalancerSettings_ConsistentHashLB_HttpHeaderName{HttpHeaderName: h.Header}
	case h.Cookie != "":
		// Istio asks for a TTL; 0 makes a cookie of the browser's session.
		hash.HashKey = &networking.LoadBalancerSettings_ConsistentHashLB_HttpCookie{
			HttpCookie: &networking.LoadBalancerSettings_ConsistentHashLB_HTTPCookie{Name: h.Cookie,
				Ttl: durationpb.New(h.CookieTTL)},
		}
	case h.QueryParam != "":
		hash.HashKey = &networking.LoadBalancerSettings_ConsistentHashLB_HttpQueryParameterName{HttpQueryParameterName: h.QueryParam}
	case h.SourceIP:
		hash.HashKey = &networking.LoadBalancerSettings_ConsistentHashLB_UseSourceIp{UseSourceIp: true}
	}
	return &networking.LoadBalancerSettings{LbPolicy: &networking.LoadBalancerSettings_ConsistentHash{ConsistentHash: hash}}
}

func (c ConnectionPool) render() *networking.ConnectionPoolSettings {
	if c == (ConnectionPool{}) {
		return nil
	}
	settings := &networking.ConnectionPoolSettings{}
	if c.MaxConnections != 0 || c.ConnectTimeout != 0 {
		settings.Tcp = &networking.ConnectionPoolSettings_TCPSettings{
			MaxConnections: c.MaxConnections, ConnectTimeout: optionalDuration(c.ConnectTimeout),
		}
	}
	http := ConnectionPool{
		MaxPendingRequests: c.MaxPendingRequests, MaxRequests: c.MaxRequests,
		MaxRequestsPerConnection: c.MaxRequestsPerConnection, MaxRetries: c.MaxRetries,
		IdleTimeout: c.IdleTimeout,
	}
	if http != (ConnectionPool{}) {
		settings.Http = &networking.ConnectionPoolSettings_HTTPSettings{
			Http1MaxPendingRequests:  http.MaxPendingRequests,
			Http2MaxRequests:         http.MaxRequests,
			MaxRequestsPerConnection: http.MaxRequestsPerConnection,
			MaxRetries:               http.MaxRetries,
			IdleTimeout:              optionalDuration(http.IdleTimeout),
		}
	}
	return settings
}

func (o OutlierDetection) render() *networking.OutlierDetection {
	if o == (OutlierDetection{}) {
		return nil
	}
	settings := &networking.OutlierDetection{
		Interval:         optionalDuration(o.Interval),
		BaseEjectionTime: optionalDuration(o.BaseEjection),
	}
	if o.MaxEjectionPercent != nil {
		settings.MaxEjectionPercent = *o.MaxEjectionPercent
	}
	if o.Consecutive5xx > 0 {
		settings.Consecutive_5XxErrors = wrapperspb.UInt32(uint32(o.Consecutive5xx))
	}
	return settings
}
