// Package lifecycle runs servers until they are told to stop, and stops them so
// that no request is lost: readiness fails first, then a wait in which the
// cluster hears of it, then a bounded drain.
package lifecycle

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"
)

// Server is something that serves on a listener it already has.
type Server interface {
	// Name says which server it is, in logs and errors.
	Name() string
	// Serve blocks until the server has stopped. It returns nil if Drain was why.
	Serve() error
	// Drain stops accepting, waits for open requests until ctx ends, then cuts
	// those that are left and returns ctx's error. Serve returns soon after.
	Drain(ctx context.Context) error
}

// Group is servers that start and stop together.
type Group struct {
	Servers []Server
	// Last are servers that serve until the others have stopped, such as those that
	// are asked whether they have. Defaults to none.
	Last []Server
	// Readiness is told when the group serves, and when it ends. Required.
	Readiness *Readiness
	// Settle is how long to go on serving once readiness has failed. Defaults to
	// not at all.
	Settle time.Duration
	// Drain bounds the wait for open requests of all servers together. Zero cuts
	// them at once.
	Drain time.Duration
	// Log tells each step. Required.
	Log *slog.Logger
}

// cutGrace is how long servers may take to stop once their connections are cut.
const cutGrace = time.Second

// Run serves until ctx ends or a server stops by itself, then shuts down. It
// returns once all servers have stopped: nil after ctx has ended, even if the
// drain had to cut requests; an error if a server failed.
func (g Group) Run(ctx context.Context) error {
	type end struct {
		server string
		err    error
	}
	serving := len(g.Servers) + len(g.Last)
	stopped := make(chan end, serving)
	for _, s := range slices.Concat(g.Servers, g.Last) {
		go func() { stopped <- end{s.Name(), s.Serve()} }()
	}
	g.Readiness.Watch(g.logReadiness)
	g.Readiness.Unblock(Starting)

	var errs []error
	select {
	case <-ctx.Done():
	case e := <-stopped:
		serving--
		if e.err == nil {
			e.err = errors.New("stopped by itself")
		}
		errs = append(errs, fmt.Errorf("%s server: %w", e.server, e.err))
	}

	g.Readiness.Block(ShuttingDown)
	g.Log.Info("not ready, shutting down", slog.String("settle", g.Settle.String()), slog.String("drain", g.Drain.String()))
	// There is nothing to wait for where a server is gone already.
	if len(errs) == 0 {
		time.Sleep(g.Settle)
	}
	drained := make(chan struct{})
	go func() {
		g.drain()
		close(drained)
	}()
	// No server is waited for that does not keep to the bound.
	overdue := time.NewTimer(g.Drain + cutGrace)
	defer overdue.Stop()
	for waiting := drained; waiting != nil || serving > 0; {
		select {
		case <-waiting:
			waiting = nil
		case e := <-stopped:
			serving--
			if e.err != nil {
				errs = append(errs, fmt.Errorf("%s server: %w", e.server, e.err))
			}
		case <-overdue.C:
			return errors.Join(append(errs, errors.New("a server does not stop"))...)
		}
	}
	return errors.Join(errs...)
}

// logReadiness leaves the end to Run, which says more. The beginning is no news.
func (g Group) logReadiness(ready bool, reason string) {
	switch {
	case ready:
		g.Log.Info("ready")
	case reason != Starting && !strings.Contains(reason, ShuttingDown):
		g.Log.Warn("not ready", slog.String("reason", reason))
	}
}

// drain drains all servers at once, and then the last, under one bound.
func (g Group) drain() {
	ctx, cancel := context.WithTimeout(context.Background(), g.Drain)
	defer cancel()
	g.drainAll(ctx, g.Servers)
	g.drainAll(ctx, g.Last)
}

func (g Group) drainAll(ctx context.Context, servers []Server) {
	var wait sync.WaitGroup
	for _, s := range servers {
		wait.Go(func() {
			start := time.Now()
			err := s.Drain(ctx)
			took := slog.Int64("duration_ms", time.Since(start).Milliseconds())
			if err != nil {
				g.Log.Warn("drain took too long, open connections were cut",
					slog.String("listener", s.Name()), slog.String("drain", g.Drain.String()), took, slog.String("err", err.Error()))
				return
			}
			g.Log.Info("drained", slog.String("listener", s.Name()), took)
		})
	}
	wait.Wait()
}
