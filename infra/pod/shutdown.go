package pod

import (
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/crossoverJie/k8s-combat/infra/internal/problem"
)

// Shutdown says how a pod ends, so that no request is lost: its endpoints disappear, then its
// process is told to stop, finishes what it has begun, and exits. It is one value, from which the
// hook, the grace period and what the process learns of it are made, so that they cannot drift
// apart. Its zero value leaves Kubernetes' own behaviour.
type Shutdown struct {
	// PreStop is how long the container goes on as before while its endpoints disappear everywhere;
	// SIGTERM follows. In whole seconds. It is the lifecycle hook's sleep action, which needs no
	// shell in the image. Defaults to 0: no hook.
	PreStop time.Duration
	// Settle is how long the process itself keeps accepting after SIGTERM, for where PreStop does
	// not wait. Beside a readiness probe it is at least that probe's Period, so that the probe sees
	// it. Defaults to 0.
	Settle time.Duration
	// Drain is how long the process may take to finish the requests that it has begun; 0 is none.
	// Defaults to 15 s.
	Drain *time.Duration
	// Flush is how long the process may take after that to send its last telemetry and log
	// lines; 0 is none. Defaults to 2 s.
	Flush *time.Duration
	// TerminationGracePeriod is the time from the beginning of all this to SIGKILL, in whole
	// seconds. It holds PreStop, Settle, Drain and Flush. Defaults to their sum, and at least to
	// Kubernetes' 30 s.
	TerminationGracePeriod time.Duration
	// Variables tell the process its part. Default to none: the process knows it, or it is told
	// otherwise.
	Variables ShutdownVariables
}

// ShutdownVariables are the names of the environment variables that hold the parts of a Shutdown,
// as Go durations such as 15s. An empty name is no variable.
type ShutdownVariables struct {
	Settle, Drain, Flush string
}

const (
	defaultDrain = 15 * time.Second
	defaultFlush = 2 * time.Second

	defaultTerminationGracePeriod = corev1.DefaultTerminationGracePeriodSeconds * time.Second

	// longestShutdown bounds each part, so that their sum makes sense.
	longestShutdown = time.Hour
)

func (s Shutdown) withDefaults() Shutdown {
	if (s == Shutdown{}) {
		return s
	}
	if s.Drain == nil {
		s.Drain = new(defaultDrain)
	}
	if s.Flush == nil {
		s.Flush = new(defaultFlush)
	}
	if s.TerminationGracePeriod == 0 {
		// Rounded up to whole seconds.
		s.TerminationGracePeriod = max(defaultTerminationGracePeriod,
			(s.sum() + time.Second - 1).Truncate(time.Second))
	}
	return s
}

func (s Shutdown) drain() time.Duration { return orNone(s.Drain) }

func (s Shutdown) flush() time.Duration { return orNone(s.Flush) }

func orNone(d *time.Duration) time.Duration {
	if d == nil {
		return 0
	}
	return *d
}

func (s Shutdown) sum() time.Duration { return s.PreStop + s.Settle + s.drain() + s.flush() }

func (s Shutdown) validate(p *problem.List, field *problem.Path) {
	// What follows from a wrong figure is not worth a message of its own.
	before := len(*p)
	p.Seconds(field.Child("PreStop"), s.PreStop)
	p.Seconds(field.Child("TerminationGracePeriod"), s.TerminationGracePeriod)
	for _, f := range []struct {
		name  string
		value time.Duration
	}{{"Settle", s.Settle}, {"Drain", s.drain()}, {"Flush", s.flush()}} {
		if f.value < 0 || f.value > longestShutdown {
			p.Add(field.Child(f.name), f.value, "is out of range; use 0s to "+longestShutdown.String())
		}
	}
	if s.PreStop > longestShutdown {
		p.Add(field.Child("PreStop"), s.PreStop, "is out of range; use 0s to "+longestShutdown.String())
	}
	s.Variables.validate(p, field.Child("Variables"))
	if len(*p) == before && (s != Shutdown{}) && s.sum() > s.TerminationGracePeriod {
		p.Add(field.Child("TerminationGracePeriod"), s.TerminationGracePeriod, fmt.Sprintf(
			"is too short: PreStop %s + Settle %s + Drain %s + Flush %s = %s; raise it, or lower one of them",
			s.PreStop, s.Settle, s.drain(), s.flush(), s.sum()))
	}
}

func (v ShutdownVariables) validate(p *problem.List, field *problem.Path) {
	var names problem.Unique
	for _, f := range v.fields() {
		at := field.Child(f.field)
		if f.name != "" {
			p.EnvName(at, f.name)
			names.Check(p, at, at, f.name)
		}
	}
}

func (v ShutdownVariables) fields() []struct{ field, name string } {
	return []struct{ field, name string }{{"Settle", v.Settle}, {"Drain", v.Drain}, {"Flush", v.Flush}}
}

func (s Shutdown) lifecycle() *corev1.Lifecycle {
	if s.PreStop == 0 {
		return nil
	}
	return &corev1.Lifecycle{PreStop: &corev1.LifecycleHandler{Sleep: &corev1.SleepAction{Seconds: int64(seconds(s.PreStop))}}}
}

func (s Shutdown) gracePeriodSeconds() *int64 {
	if s.TerminationGracePeriod == 0 {
		return nil
	}
	return new(int64(seconds(s.TerminationGracePeriod)))
}

// env are the variables by which the process learns its part.
func (s Shutdown) env() []EnvVar {
	var env []EnvVar
	for i, f := range s.Variables.fields() {
		if f.name != "" {
			env = append(env, EnvVar{Name: f.name,
				Value: []time.Duration{s.Settle, s.drain(), s.flush()}[i].String()})
		}
	}
	return env
}
