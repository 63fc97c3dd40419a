package metrics

import (
	"net/http"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Route counts the requests of one route. It keeps the series that it has used, so
// that a request costs no search by labels. It is safe for concurrent use.
type Route struct {
	metrics *Metrics
	name    string

	// used is replaced, never changed: readers take no lock. It has an entry for
	// each method and status of the route, which are few.
	used atomic.Pointer[[]*series]
	mu   sync.Mutex
}

type series struct {
	method   string
	code     int
	requests prometheus.Counter
	duration prometheus.Observer
}

// Route returns the counters of a route, by the path it was matched with.
func (m *Metrics) Route(name string) *Route {
	r := &Route{metrics: m, name: name}
	r.used.Store(&[]*series{})
	return r
}

// Count counts one request that was answered with code.
func (r *Route) Count(method string, code int, took time.Duration) {
	r.CountIn("", method, code, took)
}

// CountIn does that with the id of the request's trace, if there is one, as the
// example of how long such requests take.
func (r *Route) CountIn(traceID, method string, code int, took time.Duration) {
	s := find(*r.used.Load(), method, code)
	if s == nil {
		s = r.add(knownMethod(method), code)
	}
	s.requests.Inc()
	observe(s.duration, took, traceID)
}

// observe observes a duration, with a trace as its exemplar. OpenMetrics has those,
// Prometheus' own format has not.
func observe(o prometheus.Observer, took time.Duration, traceID string) {
	if with, ok := o.(prometheus.ExemplarObserver); ok && traceID != "" {
		with.ObserveWithExemplar(took.Seconds(), prometheus.Labels{"trace_id": traceID})
		return
	}
	o.Observe(took.Seconds())
}

func find(used []*series, method string, code int) *series {
	for _, s := range used {
		if s.code == code && s.method == method {
			return s
		}
	}
	return nil
}

func (r *Route) add(method string, code int) *series {
	r.mu.Lock()
	defer r.mu.Unlock()
	used := *r.used.Load()
	if s := find(used, method, code); s != nil {
		return s
	}
	labels := []string{strconv.Itoa(code), method, r.name}
	s := &series{
		method:   method,
		code:     code,
		requests: r.metrics.httpRequests.WithLabelValues(labels...),
		duration: r.metrics.httpDuration.WithLabelValues(labels...),
	}
	used = append(slices.Clone(used), s)
	r.used.Store(&used)
	return s
}

// knownMethod keeps callers from making up series.
func knownMethod(method string) string {
	if KnownMethod(method) {
		return method
	}
	return "other"
}

// KnownMethod reports whether HTTP knows a method, of which callers may make up any.
func KnownMethod(method string) bool {
	switch method {
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch,
		http.MethodDelete, http.MethodConnect, http.MethodOptions, http.MethodTrace:
		return true
	}
	return false
}
