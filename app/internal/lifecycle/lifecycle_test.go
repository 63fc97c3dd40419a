package lifecycle_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/crossoverJie/k8s-combat/app/internal/lifecycle"
)

// server has an open request for the time it is told, counted from Drain.
type server struct {
	name      string
	busy      time.Duration
	readiness *lifecycle.Readiness

	stop         chan error
	drains       chan time.Time
	readyAtDrain bool
}

func newServer(name string, busy time.Duration, readiness *lifecycle.Readiness) *server {
	return &server{name: name, busy: busy, readiness: readiness, stop: make(chan error, 2), drains: make(chan time.Time, 1)}
}

func (s *server) Name() string { return s.name }
func (s *server) Serve() error { return <-s.stop }

func (s *server) Drain(ctx context.Context) error {
	s.readyAtDrain = s.readiness.Ready()
	s.drains <- time.Now()
	defer func() { s.stop <- nil }()
	select {
	case <-time.After(s.busy):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func ExampleReadiness() {
	var readiness lifecycle.Readiness
	readiness.Watch(func(ready bool) { fmt.Println("ready:", ready) })
	readiness.Set(true)
	fmt.Println(readiness.Ready())
	// Output:
	// ready: false
	// ready: true
	// true
}

func TestRunShutsDownInOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var readiness lifecycle.Readiness
		var log bytes.Buffer
		http, grpc := newServer("http", 3*time.Second, &readiness), newServer("grpc", 5*time.Second, &readiness)
		group := lifecycle.Group{
			Servers: []lifecycle.Server{http, grpc}, Readiness: &readiness,
			Settle: 2 * time.Second, Drain: 10 * time.Second,
			Log: slog.New(slog.NewTextHandler(&log, nil)),
		}
		assert.False(t, readiness.Ready())

		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- group.Run(ctx) }()
		synctest.Wait()
		assert.True(t, readiness.Ready())

		start := time.Now()
		cancel()
		synctest.Wait()
		assert.False(t, readiness.Ready(), "readiness fails at once")
		assert.Empty(t, http.drains, "it serves on")

		assert.NoError(t, <-done)
		assert.Equal(t, 2*time.Second, (<-http.drains).Sub(start), "it settles first")
		assert.Equal(t, 2*time.Second, (<-grpc.drains).Sub(start), "servers drain at the same time")
		assert.Equal(t, 7*time.Second, time.Since(start), "no longer than the slowest request")
		assert.False(t, http.readyAtDrain)
		assert.Contains(t, log.String(), "msg=drained listener=grpc duration_ms=5000")
	})
}

func TestRunBoundsTheDrain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var readiness lifecycle.Readiness
		var log bytes.Buffer
		group := lifecycle.Group{
			Servers: []lifecycle.Server{
				newServer("http", time.Hour, &readiness), newServer("grpc", time.Second, &readiness),
			},
			Readiness: &readiness, Drain: 4 * time.Second, Log: slog.New(slog.NewTextHandler(&log, nil)),
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		start := time.Now()
		assert.NoError(t, group.Run(ctx))
		assert.Equal(t, 4*time.Second, time.Since(start))
		assert.Contains(t, log.String(), `level=WARN msg="drain took too long, open connections were cut" listener=http drain=4s`)
		assert.Contains(t, log.String(), "msg=drained listener=grpc")
	})
}

func TestRunEndsWhenAServerFails(t *testing.T) {
	tests := map[string]struct {
		err  error
		want string
	}{
		"error":           {errors.New("accept: too many open files"), "grpc server: accept: too many open files"},
		"without a cause": {nil, "grpc server: stopped by itself"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var readiness lifecycle.Readiness
				http, grpc := newServer("http", time.Second, &readiness), newServer("grpc", 0, &readiness)
				group := lifecycle.Group{
					Servers: []lifecycle.Server{http, grpc}, Readiness: &readiness,
					Settle: time.Hour, Drain: time.Minute, Log: slog.New(slog.DiscardHandler),
				}
				start := time.Now()
				grpc.stop <- tt.err
				assert.EqualError(t, group.Run(t.Context()), tt.want)
				assert.Equal(t, time.Second, time.Since(start), "the other one drains, without settling")
				assert.False(t, readiness.Ready())
			})
		})
	}
}

func TestReadinessIsSafeForConcurrentUse(t *testing.T) {
	var readiness lifecycle.Readiness
	var seen int
	readiness.Watch(func(bool) { seen++ })
	var wait sync.WaitGroup
	for range 10 {
		wait.Go(func() { readiness.Set(true); readiness.Ready() })
	}
	wait.Wait()
	assert.Equal(t, 11, seen)
	assert.True(t, readiness.Ready())
}
