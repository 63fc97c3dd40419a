//go:build linux

package main

import (
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"

	"github.com/crossoverJie/k8s-combat/app/helloworld"
	"github.com/crossoverJie/k8s-combat/app/internal/greeter"
)

func TestLoadCountsWhatWasAnswered(t *testing.T) {
	var requests atomic.Int64
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		requests.Add(1)
		_, _ = io.WriteString(w, r.URL.Path)
	}))
	defer server.Close()
	seen, err := run(server.Listener.Addr().String(), 4, 100*time.Millisecond, func() conversation { return newGet("/ping") })
	require.NoError(t, err)
	assert.Empty(t, seen.fails)
	assert.Greater(t, seen.took.total, 4)
	assert.EqualValues(t, requests.Load(), seen.took.total)
	assert.GreaterOrEqual(t, seen.wall, 100*time.Millisecond)
}

func TestLoadTellsOfFailures(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Connection", "close")
		_, _ = io.WriteString(w, "once")
	}))
	defer server.Close()
	seen, err := run(server.Listener.Addr().String(), 2, time.Second, func() conversation { return newGet("/") })
	require.NoError(t, err)
	assert.Len(t, seen.fails, 2)
	assert.Equal(t, 2, seen.took.total)
	assert.Less(t, seen.wall, time.Second)

	address, err := freeAddress()
	require.NoError(t, err)
	_, err = run(address, 1, time.Second, func() conversation { return newGet("/") })
	assert.ErrorContains(t, err, "connect to "+address)
}

// It calls often enough for the server to ask for acknowledgements and for windows to run out.
func TestLoadCallsGRPC(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	server := grpc.NewServer()
	helloworld.RegisterGreeterServer(server, &greeter.Service{Hostname: "h"})
	go func() { _ = server.Serve(listener) }()
	defer server.Stop()
	sent, err := makeCallBytes()
	require.NoError(t, err)
	seen, err := run(listener.Addr().String(), 2, time.Second, sent.newCall)
	require.NoError(t, err)
	assert.Empty(t, seen.fails)
	assert.Greater(t, seen.took.total, 1000)
}

func TestCallWantsAnAnswer(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	server := grpc.NewServer()
	helloworld.RegisterGreeterServer(server, helloworld.UnimplementedGreeterServer{})
	go func() { _ = server.Serve(listener) }()
	defer server.Stop()
	sent, err := makeCallBytes()
	require.NoError(t, err)
	seen, err := run(listener.Addr().String(), 1, time.Second, sent.newCall)
	require.NoError(t, err)
	require.Len(t, seen.fails, 1)
	assert.ErrorContains(t, seen.fails[0], `grpc-status "12", message: false`)
}
