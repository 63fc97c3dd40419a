//go:build linux

package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"syscall"
	"time"
)

// warmUp is the time of load before the first round.
const warmUp = time.Second

// measureStarts returns the times from start to ready of each server. The servers take turns.
func (b bench) measureStarts(servers []contestant) ([][]time.Duration, error) {
	starts := make([][]time.Duration, len(servers))
	for range b.starts {
		for i, server := range servers {
			p, err := launch(server)
			if err != nil {
				return nil, err
			}
			starts[i] = append(starts[i], p.start)
			if err := p.kill(); err != nil {
				return nil, err
			}
		}
	}
	return starts, nil
}

// measure has the servers run side by side and puts load on one after the other.
func (b bench) measure(out io.Writer, servers []contestant) (results []result, err error) {
	var processes []*process
	defer func() {
		for _, p := range processes {
			err = errors.Join(err, p.kill())
		}
	}()
	for _, server := range servers {
		p, err := launch(server)
		if err != nil {
			return nil, err
		}
		processes = append(processes, p)
		results = append(results, result{name: server.name})
	}
	for i, p := range processes {
		if _, err := b.load(&results[i], p, warmUp); err != nil {
			return nil, err
		}
	}
	for range b.rounds {
		for i, p := range processes {
			r, err := b.load(&results[i], p, b.lasting)
			if err != nil {
				return nil, err
			}
			results[i].rounds = append(results[i].rounds, r)
			fmt.Fprintf(out, "%-14s %8.0f requests/s  p50 %s  p99 %s  CPU/request %s, of the client %s\n",
				p.name, r.rate, milliseconds(r.p50), milliseconds(r.p99), microseconds(r.cpu), microseconds(r.client))
		}
	}
	for len(processes) > 0 {
		if err := finish(&results[len(processes)-1], processes[len(processes)-1]); err != nil {
			return nil, err
		}
		processes = processes[:len(processes)-1]
	}
	return results, nil
}

func (b bench) load(r *result, p *process, lasting time.Duration) (round, error) {
	server, err := p.cpu()
	if err != nil {
		return round{}, err
	}
	client := ownCPU()
	seen, err := run(p.address, b.connections, lasting, p.talk)
	if err != nil {
		return round{}, err
	}
	client = ownCPU() - client
	after, err := p.cpu()
	if err != nil {
		return round{}, err
	}
	r.requests += seen.took.total
	r.errors += len(seen.fails)
	if seen.took.total == 0 {
		return round{}, fmt.Errorf("%s answered nothing: %w", p.name, errors.Join(seen.fails...))
	}
	requests := time.Duration(seen.took.total)
	return round{
		rate:   float64(seen.took.total) / seen.wall.Seconds(),
		p50:    seen.took.quantile(0.5),
		p99:    seen.took.quantile(0.99),
		cpu:    (after - server) / requests,
		client: client / requests,
	}, nil
}

// finish reads what a server has to say of all rounds, and ends it.
func finish(r *result, p *process) error {
	var err error
	if r.peak, err = p.peak(); err != nil {
		return err
	}
	if p.series != "" {
		if r.counted, err = p.counted(); err != nil {
			return err
		}
	}
	if err := p.stop(); err != nil {
		return err
	}
	r.logged = int(p.logged.Load())
	return nil
}

// ownCPU is the processor time of this program, that of its children not included.
func ownCPU() time.Duration {
	var usage syscall.Rusage
	// It fails for a bad argument only.
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &usage)
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

// processor is the name of the machine's processor.
func processor() string {
	info, err := os.ReadFile("/proc/cpuinfo")
	if err != nil {
		return "unknown processor"
	}
	_, rest, ok := strings.Cut(string(info), "model name")
	line, _, _ := strings.Cut(rest, "\n")
	if !ok {
		return "unknown processor"
	}
	return strings.TrimLeft(line, "\t :")
}
