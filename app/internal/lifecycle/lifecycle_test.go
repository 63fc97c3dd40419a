package lifecycle_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
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
	readiness := lifecycle.NewReadiness()
	readiness.Watch(func(ready bool, reason string) { fmt.Printf("ready: %t %q\n", ready, reason) })
	readiness.Block("no provider")
	readiness.Unblock(lifecycle.Starting)
	readiness.Unblock("no provider")
	readiness.Block(lifecycle.ShuttingDown)
	fmt.Println(readiness.Ready(), readiness.Reason())
	// Output:
	// ready: false "starting"
	// ready: true ""
	// ready: false "shutting down"
	// false shutting down
}

func TestRunShutsDownInOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		readiness := lifecycle.NewReadiness()
		var log bytes.Buffer
		http, grpc := newServer("http", 3*time.Second, readiness), newServer("grpc", 5*time.Second, readiness)
		group := lifecycle.Group{
			Servers: []lifecycle.Server{http, grpc}, Readiness: readiness,
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

func TestRunDrainsTheLastAfterTheOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		readiness := lifecycle.NewReadiness()
		first, last := newServer("http", 3*time.Second, readiness), newServer("admin", time.Second, readiness)
		group := lifecycle.Group{
			Servers: []lifecycle.Server{first}, Last: []lifecycle.Server{last}, Readiness: readiness, Drain: 10 * time.Second,
			Log: slog.New(slog.DiscardHandler),
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		start := time.Now()
		assert.NoError(t, group.Run(ctx))
		assert.Equal(t, 3*time.Second, (<-last.drains).Sub(start))
		assert.Equal(t, 4*time.Second, time.Since(start))
	})
}

func TestRunBoundsTheDrain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		readiness := lifecycle.NewReadiness()
		var log bytes.Buffer
		group := lifecycle.Group{
			Servers: []lifecycle.Server{
				newServer("http", time.Hour, readiness), newServer("grpc", time.Second, readiness),
			},
			Readiness: readiness, Drain: 4 * time.Second, Log: slog.New(slog.NewTextHandler(&log, nil)),
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
				readiness := lifecycle.NewReadiness()
				http, grpc := newServer("http", time.Second, readiness), newServer("grpc", 0, readiness)
				group := lifecycle.Group{
					Servers: []lifecycle.Server{http, grpc}, Readiness: readiness,
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

func TestReadinessHasReasons(t *testing.T) {
	readiness := lifecycle.NewReadiness()
	var changes int
	readiness.Watch(func(bool, string) { changes++ })
	readiness.Block("b")
	readiness.Block("a")
	readiness.Block("a")
	assert.Equal(t, "a, b, starting", readiness.Reason())
	readiness.Unblock(lifecycle.Starting)
	readiness.Unblock("b")
	readiness.Unblock("never there")
	assert.False(t, readiness.Ready())
	readiness.Unblock("a")
	assert.True(t, readiness.Ready())
	assert.Empty(t, readiness.Reason())
	assert.Equal(t, 2, changes, "once at first, and once for the change")
}

func TestReadinessIsSafeForConcurrentUse(t *testing.T) {
	readiness := lifecycle.NewReadiness()
	readiness.Unblock(lifecycle.Starting)
	var changes int
	readiness.Watch(func(bool, string) { changes++ })
	var wait sync.WaitGroup
	for i := range 10 {
		wait.Go(func() {
			readiness.Block(strconv.Itoa(i))
			readiness.Ready()
			readiness.Unblock(strconv.Itoa(i))
		})
	}
	wait.Wait()
	assert.True(t, readiness.Ready())
	assert.Equal(t, 1, changes%2, "each loss was made good")
}

// stuck is a server that ignores its bound.
type stuck struct{}

func (stuck) Name() string                { return "stuck" }
func (stuck) Serve() error                { select {} }
func (stuck) Drain(context.Context) error { select {} }

func TestRunDoesNotWaitForAServerThatIsStuck(t *testing.T) {
	readiness := lifecycle.NewReadiness()
	group := lifecycle.Group{
		Servers: []lifecycle.Server{stuck{}}, Readiness: readiness, Drain: 10 * time.Millisecond, Log: slog.New(slog.DiscardHandler),
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	start := time.Now()
	assert.EqualError(t, group.Run(ctx), "a server does not stop")
	assert.Less(t, time.Since(start), 5*time.Second)
}

func TestRunTellsWhyItIsNotReady(t *testing.T) {
	readiness := lifecycle.NewReadiness()
	readiness.Block("no provider")
	var log bytes.Buffer
	group := lifecycle.Group{Readiness: readiness, Log: slog.New(slog.NewTextHandler(&log, nil))}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	assert.NoError(t, group.Run(ctx))
	assert.Contains(t, log.String(), `level=WARN msg="not ready" reason="no provider, starting"`)
}
