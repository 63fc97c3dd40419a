//go:build linux

package main

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"text/tabwriter"
	"time"
)

// round is what one round of load on a server showed.
type round struct {
	// rate is in requests a second.
	rate     float64
	p50, p99 time.Duration
	// cpu is the server's processor time for a request, client that of the load.
	cpu, client time.Duration
}

// result is what all rounds of a server showed.
type result struct {
	name     string
	rounds   []round
	requests int
	errors   int
	// peak is the most memory that the server had resident, in bytes.
	peak int64
	// logged and counted are the requests that the service logged and counted.
	logged, counted int
}

// median takes each number from the round that has the median of it.
func (r result) median() round {
	return round{
		rate: middle(r.rounds, func(r round) float64 { return r.rate }),
		p50:  middle(r.rounds, func(r round) time.Duration { return r.p50 }),
		p99:  middle(r.rounds, func(r round) time.Duration { return r.p99 }),
		cpu:  middle(r.rounds, func(r round) time.Duration { return r.cpu }),
	}
}

func middle[A any, T cmp.Ordered](all []A, number func(A) T) T {
	var numbers []T
	for _, a := range all {
		numbers = append(numbers, number(a))
	}
	slices.Sort(numbers)
	return numbers[len(numbers)/2]
}

func itself(d time.Duration) time.Duration { return d }

// find returns the result of a server, if it was measured.
func find(results []result, name string) (result, bool) {
	i := slices.IndexFunc(results, func(r result) bool { return r.name == name })
	if i < 0 {
		return result{}, false
	}
	return results[i], true
}

// writeTable compares the results with the first of them.
func writeTable(out io.Writer, title string, results []result) {
	fmt.Fprintf(out, "\n%s\n\n", title)
	table := tabwriter.NewWriter(out, 0, 0, 3, ' ', tabwriter.AlignRight)
	fmt.Fprintln(table, "server\trequests/s\tratio\tp50\tp99\terrors\tCPU/request\tratio\tpeak memory\tratio\t")
	first := results[0].median()
	for _, r := range results {
		m := r.median()
		fmt.Fprintf(table, "%s\t%.0f\t%.2f\t%s\t%s\t%d\t%s\t%.2f\t%s\t%.2f\t\n", r.name, m.rate, m.rate/first.rate,
			milliseconds(m.p50), milliseconds(m.p99), r.errors, microseconds(m.cpu), float64(m.cpu)/float64(first.cpu),
			megabytes(r.peak), float64(r.peak)/float64(results[0].peak))
	}
	_ = table.Flush()
}

// writeGoals tells whether the service is as fast and as small as it shall be.
func writeGoals(out io.Writer, overHTTP, overGRPC []result, starts []time.Duration, image int64) {
	fmt.Fprintln(out)
	service := overHTTP[0].median()
	if bare, ok := find(overHTTP, bareHTTPName); ok {
		b := bare.median()
		share := service.rate / b.rate
		goal(out, share >= 0.85, "/ping: %.1f %% of the requests a second of %s; wanted at least 85", 100*share, bareHTTPName)
		slower := float64(service.p99) / float64(b.p99)
		goal(out, slower <= 1.3, "p99 %s, %.2f times that of %s; wanted at most 1.3", milliseconds(service.p99), slower, bareHTTPName)
	}
	if podinfo, ok := find(overHTTP, podinfoName); ok {
		p := podinfo.median()
		goal(out, service.rate >= 1.5*p.rate, "/ping: %.2f times the requests a second of podinfo's /healthz; wanted at least 1.5", service.rate/p.rate)
		goal(out, service.p99 <= p.p99, "p99 %s; wanted at most that of podinfo, %s", milliseconds(service.p99), milliseconds(p.p99))
		goal(out, 2*overHTTP[0].peak <= podinfo.peak, "memory %s; wanted at most half of podinfo's %s", megabytes(overHTTP[0].peak), megabytes(podinfo.peak))
	}
	start := middle(starts, itself)
	goal(out, overHTTP[0].peak <= mostMemory, "memory %s under load; wanted at most %s", megabytes(overHTTP[0].peak), megabytes(mostMemory))
	goal(out, start <= 25*time.Millisecond, "start to ready in %s, the median of %d; wanted at most 25", milliseconds(start), len(starts))
	goal(out, image < mostImage, "image of %.1f MB; wanted less than 20", float64(image)/1e6)
	for _, r := range []result{overHTTP[0], overGRPC[0]} {
		goal(out, r.errors == 0 && r.logged == r.requests && r.counted == r.requests,
			"of %d requests %d failed, %d were logged and %d counted; wanted none and all", r.requests, r.errors, r.logged, r.counted)
	}
}

// goal prints a line that tells whether something is as wanted.
func goal(out io.Writer, reached bool, format string, args ...any) {
	mark := "reached"
	if !reached {
		mark = "MISSED "
	}
	fmt.Fprintf(out, mark+"  "+format+"\n", args...)
}

func milliseconds(d time.Duration) string {
	return fmt.Sprintf("%.2f ms", float64(d)/float64(time.Millisecond))
}

func microseconds(d time.Duration) string {
	return fmt.Sprintf("%.1f µs", float64(d)/float64(time.Microsecond))
}

func megabytes(bytes int64) string { return fmt.Sprintf("%.1f MiB", float64(bytes)/(1<<20)) }
