package httpserver

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/crossoverJie/k8s-combat/app/internal/lifecycle"
)

const (
	// MaxFaultDelay is the longest delay that a request of PathFault may ask for.
	MaxFaultDelay = time.Minute
	// maxFaultFor is the longest time that a switch may stay off.
	maxFaultFor     = time.Hour
	defaultFaultFor = time.Minute

	crashStatus = 1

	switchedOff = "switched off by /fault"
)

// faults are the ways in which a service can be told to misbehave, to see what
// happens around it. Each ends by itself.
type faults struct {
	readiness *lifecycle.Readiness
	log       *slog.Logger
	exit      func(status int)
	stress    stress

	// Until when, in Unix nanoseconds.
	deadUntil, hangUntil atomic.Int64

	mu sync.Mutex
	// ready lifts the reason not to be ready.
	ready *time.Timer
}

func newFaults(o Options) *faults {
	exit := o.Exit
	if exit == nil {
		exit = os.Exit
	}
	return &faults{readiness: o.Readiness, log: o.Log, exit: exit, stress: stress{stopping: o.Stopping}}
}

// fault is what a query asks for.
type fault struct {
	delay  time.Duration
	status int
	panics bool
	crash  bool
	hang   time.Duration
	// ready and live switch readiness and liveness, if not nil, for a time.
	ready, live *bool
	// memory and cpu are bytes and processors to take, if not nil, for that time.
	memory, cpu *int
	period      time.Duration
}

// faultParameters are the parameters of the query, and what each allows.
var faultParameters = []struct {
	name, allowed string
	set           func(f *fault, value string) bool
}{
	{"delay", "0s to 1m0s, such as 1.5s", func(f *fault, v string) bool { return setPeriod(&f.delay, v, MaxFaultDelay) }},
	{"error", "a status from 400 to 599", func(f *fault, v string) bool {
		status, err := strconv.Atoi(v)
		f.status = status
		return err == nil && status >= 400 && status <= 599
	}},
	{"panic", "true or false", func(f *fault, v string) bool { return setBool(&f.panics, v) }},
	{"crash", "true or false", func(f *fault, v string) bool { return setBool(&f.crash, v) }},
	{"ready", "true or false", func(f *fault, v string) bool { f.ready = new(bool); return setBool(f.ready, v) }},
	{"live", "true or false", func(f *fault, v string) bool { f.live = new(bool); return setBool(f.live, v) }},
	{"hang", "0s to 1h0m0s, such as 30s", func(f *fault, v string) bool { return setPeriod(&f.hang, v, maxFaultFor) }},
	{"memory", "0 to 1073741824 bytes", func(f *fault, v string) bool { f.memory = new(int); return setCount(f.memory, v, maxStressBytes) }},
	{"cpu", "0 to 16 processors", func(f *fault, v string) bool { f.cpu = new(int); return setCount(f.cpu, v, maxStressCPUs) }},
	{"for", "0s to 1h0m0s, such as 30s", func(f *fault, v string) bool { return setPeriod(&f.period, v, maxFaultFor) }},
}

func setPeriod(to *time.Duration, value string, most time.Duration) bool {
	d, err := time.ParseDuration(value)
	*to = d
	return err == nil && d >= 0 && d <= most
}

func setCount(to *int, value string, most int) bool {
	n, err := strconv.Atoi(value)
	*to = n
	return err == nil && n >= 0 && n <= most
}

func setBool(to *bool, value string) bool {
	*to = value == "true"
	return value == "true" || value == "false"
}

func parseFault(rawQuery string) (fault, error) {
	f := fault{period: defaultFaultFor}
	query, err := url.ParseQuery(rawQuery)
	if err != nil {
		return f, fmt.Errorf("query: %w", err)
	}
	for _, p := range faultParameters {
		values, ok := query[p.name]
		if !ok {
			continue
		}
		delete(query, p.name)
		if len(values) > 1 {
			return f, fmt.Errorf("query parameter %s: given %d times; allowed is once", p.name, len(values))
		}
		if !p.set(&f, values[0]) {
			return f, fmt.Errorf("query parameter %s=%q: allowed is %s", p.name, values[0], p.allowed)
		}
	}
	for unknown := range query {
		return f, fmt.Errorf("query parameter %q: allowed are delay, error, panic, crash, ready, live, hang, memory, cpu and for", unknown)
	}
	return f, nil
}

// serve does what the query says, the delay first.
func (f *faults) serve(w http.ResponseWriter, r *http.Request) {
	ask, err := parseFault(r.URL.RawQuery)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	done := f.flip(ask)
	if ask.delay > 0 {
		wait(r.Context(), ask.delay, nil)
		done = append(done, "delayed "+ask.delay.String())
	}
	switch {
	case ask.crash:
		// As a process that is killed does: without a word, and without a shutdown.
		f.exit(crashStatus)
	case ask.panics:
		panic("asked for by /fault")
	case ask.status != 0:
		http.Error(w, "error asked for by /fault", ask.status)
	case len(done) == 0:
		write(w, "no fault")
	default:
		write(w, strings.Join(done, ", "))
	}
}

// flip sets the switches, and says which.
func (f *faults) flip(ask fault) (done []string) {
	if ask.ready != nil {
		done = append(done, f.setReady(*ask.ready, ask.period))
	}
	if ask.live != nil {
		done = append(done, setUntil(&f.deadUntil, "not alive", *ask.live, ask.period))
	}
	if ask.hang > 0 {
		done = append(done, setUntil(&f.hangUntil, "hanging", false, ask.hang))
	}
	if ask.memory != nil {
		done = append(done, f.stress.memory(*ask.memory, ask.period))
	}
	if ask.cpu != nil {
		done = append(done, f.stress.cpu(*ask.cpu, ask.period))
	}
	if len(done) > 0 {
		f.log.Warn("fault", slog.Any("switched", slices.Clone(done)))
	}
	return done
}

func (f *faults) setReady(ready bool, period time.Duration) string {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.ready != nil {
		f.ready.Stop()
	}
	if ready {
		f.readiness.Unblock(switchedOff)
		return "ready"
	}
	f.readiness.Block(switchedOff)
	f.ready = time.AfterFunc(period, func() { f.readiness.Unblock(switchedOff) })
	return "not ready for " + period.String()
}

func setUntil(until *atomic.Int64, what string, lift bool, period time.Duration) string {
	if lift {
		until.Store(0)
		return "no longer " + what
	}
	until.Store(time.Now().Add(period).UnixNano())
	return what + " for " + period.String()
}

// dead reports whether liveness is switched off.
func (f *faults) dead() bool { return time.Now().UnixNano() < f.deadUntil.Load() }

// hang holds a request up while the service pretends to hang, as one with a
// deadlock does: probes too. A shutdown ends it.
func (f *faults) hang(ctx context.Context, stopping <-chan struct{}) {
	if until := f.hangUntil.Load(); until != 0 {
		wait(ctx, time.Until(time.Unix(0, until)), stopping)
	}
}

func wait(ctx context.Context, d time.Duration, stopping <-chan struct{}) {
	if d <= 0 {
		return
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	case <-stopping:
	}
}
