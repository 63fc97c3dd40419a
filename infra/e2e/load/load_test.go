package main

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/crossoverJie/k8s-combat/app/contract"
)

// pong serves an answer, and returns where.
func pong(t *testing.T, answer http.HandlerFunc) string {
	t.Helper()
	server := httptest.NewServer(answer)
	t.Cleanup(server.Close)
	return strings.TrimPrefix(server.URL, "http://")
}

func TestHTTPCallerKeepsItsConnection(t *testing.T) {
	t.Parallel()
	var connections atomic.Int32
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "pong") }))
	server.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			connections.Add(1)
		}
	}
	server.Start()
	t.Cleanup(server.Close)
	for _, test := range []struct {
		keep bool
		want int32
	}{{true, 1}, {false, 3}} {
		connections.Store(0)
		caller := &httpCaller{address: strings.TrimPrefix(server.URL, "http://"), path: contract.PathPing, keep: test.keep}
		for range 3 {
			_, err := caller.call(t.Context())
			require.NoError(t, err)
		}
		caller.close()
		assert.Equal(t, test.want, connections.Load())
	}
}

func TestHTTPCallerFails(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		answer http.HandlerFunc
		want   string
	}{
		"status":     {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusBadGateway) }, "status 502 Bad Gateway"},
		"body":       {func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "error") }, `body "error"`},
		"connection": {func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, "no response: unexpected EOF"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			caller := &httpCaller{address: pong(t, test.answer), path: contract.PathPing, keep: true}
			_, err := caller.call(t.Context())
			require.ErrorContains(t, err, test.want)
			assert.Nil(t, caller.conn, "a connection that has failed is not used again")
		})
	}
}

// A connection that the server closes between two requests is a failure, and the next call has a new one.
func TestHTTPCallerDoesNotTryAgain(t *testing.T) {
	t.Parallel()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { _ = listener.Close() })
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			buffer := make([]byte, 1024)
			_, _ = conn.Read(buffer)
			_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\npong")
			_ = conn.Close()
		}
	}()
	caller := &httpCaller{address: listener.Addr().String(), path: contract.PathPing, keep: true}
	results := []bool{}
	for range 4 {
		_, err := caller.call(t.Context())
		results = append(results, err == nil)
		time.Sleep(10 * time.Millisecond)
	}
	assert.Equal(t, []bool{true, false, true, false}, results)
}

func TestLoadsOnAGateway(t *testing.T) {
	t.Parallel()
	address := pong(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Host == "www.service1.io" {
			_, _ = io.WriteString(w, "pong")
		}
	})
	loads, err := loadsOn(address, "www.service1.io", contract.PathPing, "", 2)
	require.NoError(t, err)
	require.Len(t, loads, 2)
	for _, load := range loads {
		caller := load.newCaller()
		_, err := caller.call(t.Context())
		assert.NoError(t, err, load.kind)
		caller.close()
	}
}

func TestPodIn(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		path, body, pod string
		expected        bool
	}{
		{"/ping", "pong", "", true},
		{"/ping", "pon", "", false},
		{"/", "web-1", "web-1", true},
		{"/", "", "", false},
		{"/grpc_client?name=web", "Greeting: hostname:web-1, in:world, version:", "web-1", true},
		{"/grpc_client?name=web", "cannot greet", "", false},
	} {
		pod, expected := podIn(test.path, test.body)
		assert.Equal(t, test.pod, pod, test)
		assert.Equal(t, test.expected, expected, test)
	}
}

func TestLoadKeepsItsRate(t *testing.T) {
	t.Parallel()
	address := pong(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "pong") })
	report := newReport()
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	paced("pings", 5, 100, func() caller { return &httpCaller{address: address, path: contract.PathPing} }).run(ctx, report)
	result := report.result()["pings"]
	assert.Zero(t, result.Failed)
	// Never more than asked for; how many fewer is the machine's business.
	assert.LessOrEqual(t, result.Sent, 110)
	assert.Positive(t, result.Sent)
}

func TestReport(t *testing.T) {
	t.Parallel()
	r := newReport()
	for i := range 100 {
		r.add("calls", "pod", time.Duration(i+1)*time.Millisecond, nil)
	}
	assert.Zero(t, r.result()["calls"].Outage)
	r.add("calls", "", time.Second, io.ErrUnexpectedEOF)
	got := r.result()["calls"]
	assert.InDelta(t, 1, got.Outage, 0.01, "the time that the one call took")
	assert.Equal(t, 101, got.Sent)
	assert.Equal(t, 1, got.Failed)
	assert.Equal(t, map[string]int{"pod": 100}, got.Pods)
	assert.InDelta(t, 51, got.P50, 0.01)
	assert.InDelta(t, 100, got.P99, 0.01)
	assert.InDelta(t, 1000, got.Max, 0.01)
	require.Len(t, got.Errors, 1)
	for message, n := range got.Errors {
		assert.Contains(t, message, "unexpected EOF")
		assert.Equal(t, 1, n)
	}
}

func TestRunRefuses(t *testing.T) {
	t.Parallel()
	for want, err := range map[string]error{
		"-host: is not set; name a Service":                              run("", "", "/", "", 1, time.Second),
		`-path: "ping" is not a path; begin it with /`:                   run("a", "", "ping", "", 1, time.Second),
		"-rate: 0 is out of range; use 1 to 1000":                        run("a", "", "/", "", 0, time.Second),
		"-most: 1h0m0s is out of range; use more than 0s, at most 15m0s": run("a", "", "/", "", 1, time.Hour),
	} {
		assert.EqualError(t, err, want)
	}
}
