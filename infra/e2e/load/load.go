package main

import (
	"context"
	"net"
	"strconv"
	"sync"
	"time"

	"github.com/crossoverJie/k8s-combat/app/contract"
)

// callTimeout is how long a call may take. None is meant to take long: one that does has failed.
const callTimeout = 5 * time.Second

// load is calls of one kind, from several workers, each of which makes one call at a time.
type load struct {
	kind    string
	workers int
	// every is the time between the calls of a worker.
	every time.Duration
	// newCaller makes what a worker calls with.
	newCaller func() caller
}

// caller makes one call, and tells which pod answered if it can.
type caller interface {
	call(ctx context.Context) (pod string, err error)
	close()
}

// loadsOn shares the rate out: half to HTTP, on a connection for each request and on connections that are kept, and half
// to gRPC, in calls and in streams; all of it to HTTP if there is no headless Service.
func loadsOn(host, authority, path, headless string, rate int) ([]load, error) {
	http := host
	if _, _, err := net.SplitHostPort(host); err != nil {
		http = net.JoinHostPort(host, strconv.Itoa(contract.HTTPPort))
	}
	share := rate / 2
	if headless != "" {
		share = rate / 4
	}
	loads := []load{
		paced("http, a connection for each", 20, share, func() caller { return &httpCaller{address: http, authority: authority, path: path} }),
		paced("http, connections kept", 10, share, func() caller { return &httpCaller{address: http, authority: authority, path: path, keep: true} }),
	}
	if headless == "" {
		return loads, nil
	}
	client, err := newGRPCClient(net.JoinHostPort(headless, strconv.Itoa(contract.GRPCPort)))
	if err != nil {
		return nil, err
	}
	return append(loads,
		paced("grpc calls", 10, share, func() caller { return unaryCaller{client} }),
		paced("grpc streams, by message", 10, share, func() caller { return &streamCaller{client: client} }),
	), nil
}

func paced(kind string, workers, rate int, newCaller func() caller) load {
	return load{kind: kind, workers: workers, every: time.Second * time.Duration(workers) / time.Duration(max(rate, 1)), newCaller: newCaller}
}

// run calls until the context ends. A call that is under way then is not cut.
func (l load) run(ctx context.Context, report *report) {
	var running sync.WaitGroup
	for i := range l.workers {
		running.Go(func() {
			// Not all at once.
			pause(ctx, l.every*time.Duration(i)/time.Duration(l.workers))
			caller := l.newCaller()
			defer caller.close()
			pace := time.NewTicker(l.every)
			defer pace.Stop()
			for ctx.Err() == nil {
				l.once(ctx, caller, report)
				select {
				case <-pace.C:
				case <-ctx.Done():
				}
			}
		})
	}
	running.Wait()
}

func (l load) once(ctx context.Context, caller caller, report *report) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), callTimeout)
	defer cancel()
	start := time.Now()
	pod, err := caller.call(ctx)
	report.add(l.kind, pod, time.Since(start), err)
}

func pause(ctx context.Context, d time.Duration) {
	select {
	case <-time.After(d):
	case <-ctx.Done():
	}
}
