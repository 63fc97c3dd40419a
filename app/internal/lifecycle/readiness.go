package lifecycle

import (
	"sync"
	"sync/atomic"
)

// Readiness is whether the service takes traffic. It starts out not ready. It is
// safe for concurrent use.
type Readiness struct {
	ready atomic.Bool

	mu       sync.Mutex
	watchers []func(ready bool)
}

// Ready reports whether the service takes traffic.
func (r *Readiness) Ready() bool { return r.ready.Load() }

// Watch calls f with the present state, and again at each Set, before Set
// returns. f must not call back.
func (r *Readiness) Watch(f func(ready bool)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.watchers = append(r.watchers, f)
	f(r.ready.Load())
}

// Set changes the state.
func (r *Readiness) Set(ready bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.ready.Store(ready)
	for _, f := range r.watchers {
		f(ready)
	}
}
