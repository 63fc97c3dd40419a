// Command echo answers each request with what has arrived of it, counts requests, and makes calls when it is told to:
// what stands on both sides of the proxies that the end-to-end tests look at. Package wire has its language.
//
// It holds nothing but counts, of at most 1000 names.
package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/crossoverJie/k8s-combat/infra/e2e/echo/wire"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "echo:", err)
		os.Exit(1)
	}
}

func run() error {
	pod, err := os.Hostname()
	if err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	defer stop()
	counts := newCounts()
	failed := make(chan error, 2)
	for port, handler := range map[int]http.Handler{wire.Port: echo(pod, counts), wire.ControlPort: control(counts)} {
		server := &http.Server{Addr: fmt.Sprintf(":%d", port), Handler: handler, ReadHeaderTimeout: 5 * time.Second}
		go func() { failed <- server.ListenAndServe() }()
		context.AfterFunc(ctx, func() { _ = server.Close() })
	}
	if err := <-failed; !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}
