package main

import (
	"maps"
	"slices"
	"sync"
	"time"
)

// Result is how the loads stand, by the name of the kind.
type Result map[string]*Kind

// Kind is how the load of one kind stands.
type Kind struct {
	// Sent and Failed count calls that have ended.
	Sent, Failed int
	// Errors count failures by message, the first few of them.
	Errors map[string]int
	// P50, P99 and Max are the times that calls have taken, in milliseconds.
	P50, P99, Max float64
	// Outage is the time from the beginning of the first call that failed to the end of the last, in seconds.
	Outage float64
	// Pods count answers by the pod that gave them, where an answer tells.
	Pods map[string]int
}

// mostErrors bounds the different messages that are kept of a kind.
const mostErrors = 20

// report collects what the loads see.
type report struct {
	mu    sync.Mutex
	kinds map[string]*tally
}

type tally struct {
	sent, failed int
	errors, pods map[string]int
	took         []time.Duration
	// Of calls that failed.
	firstBegun, lastEnded time.Time
}

func newReport() *report { return &report{kinds: map[string]*tally{}} }

// add records a call that has ended.
func (r *report) add(kind, pod string, took time.Duration, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	t := r.kinds[kind]
	if t == nil {
		t = &tally{errors: map[string]int{}, pods: map[string]int{}}
		r.kinds[kind] = t
	}
	t.sent++
	t.took = append(t.took, took)
	if pod != "" {
		t.pods[pod]++
	}
	if err != nil {
		t.lastEnded = time.Now()
		if begun := t.lastEnded.Add(-took); t.failed == 0 || begun.Before(t.firstBegun) {
			t.firstBegun = begun
		}
		t.failed++
		if message := t.lastEnded.Format("15:04:05 ") + err.Error(); t.errors[message] > 0 || len(t.errors) < mostErrors {
			t.errors[message]++
		}
	}
}

func (r *report) result() Result {
	r.mu.Lock()
	defer r.mu.Unlock()
	result := Result{}
	for name, t := range r.kinds {
		took := slices.Sorted(slices.Values(t.took))
		at := func(share float64) float64 { return took[int(share*float64(len(took)-1))].Seconds() * 1000 }
		result[name] = &Kind{
			Sent: t.sent, Failed: t.failed, Errors: maps.Clone(t.errors), Pods: maps.Clone(t.pods),
			Outage: t.lastEnded.Sub(t.firstBegun).Seconds(),
			P50:    at(0.5), P99: at(0.99), Max: at(1),
		}
	}
	return result
}
