package lifecycle

import (
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
)

// Reasons of a Group not to be ready.
const (
	Starting     = "starting"
	ShuttingDown = "shutting down"
)

// Readiness is whether the service takes traffic: it does while there is no reason
// not to. It starts out not ready, for the reason Starting. Use NewReadiness. It is
// safe for concurrent use.
type Readiness struct {
	ready atomic.Bool

	mu       sync.Mutex
	reasons  map[string]bool
	watchers []func(ready bool, reason string)
}

// NewReadiness returns the Readiness of a service that starts.
func NewReadiness() *Readiness { return &Readiness{reasons: map[string]bool{Starting: true}} }

// Ready reports whether the service takes traffic.
func (r *Readiness) Ready() bool { return r.ready.Load() }

// Reason says why the service is not ready, or nothing if it is.
func (r *Readiness) Reason() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.reason()
}

func (r *Readiness) reason() string {
	return strings.Join(slices.Sorted(maps.Keys(r.reasons)), ", ")
}

// Watch calls f with the present state, and why it is not ready, and again after
// each change from ready to not or back, before Block or Unblock returns. f must
// not call back.
func (r *Readiness) Watch(f func(ready bool, reason string)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.watchers = append(r.watchers, f)
	f(r.ready.Load(), r.reason())
}

// Block adds a reason not to be ready.
func (r *Readiness) Block(reason string) { r.change(func() { r.reasons[reason] = true }) }

// Unblock takes a reason away. One that is not there is no error.
func (r *Readiness) Unblock(reason string) { r.change(func() { delete(r.reasons, reason) }) }

func (r *Readiness) change(f func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	f()
	ready := len(r.reasons) == 0
	if r.ready.Swap(ready) == ready {
		return
	}
	for _, f := range r.watchers {
		f(ready, r.reason())
	}
}
