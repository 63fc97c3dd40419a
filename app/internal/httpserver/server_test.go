package httpserver_test

import (
	"bufio"
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/crossoverJie/k8s-combat/app/internal/httpserver"
)

// slowHandler answers once hold is closed, and tells by held that it was called.
func slowHandler(held, hold chan struct{}) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		close(held)
		<-hold
		w.Header().Set("Connection", "close")
		_, _ = io.WriteString(w, "done")
	})
}

func serve(t *testing.T, handler http.Handler) (server *httpserver.Server, address string, served chan error) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	server = httpserver.New("http", listener, handler, limits, slog.New(slog.DiscardHandler))
	served = make(chan error, 1)
	go func() { served <- server.Serve() }()
	t.Cleanup(func() { _ = server.Drain(timeout(t, 0)) })
	return server, listener.Addr().String(), served
}

var limits = httpserver.Limits{HeaderBytes: 16 << 10, Read: 10 * time.Second, Write: time.Minute, Idle: time.Minute, Quiet: 5 * time.Second, Connections: 100}

func timeout(t *testing.T, d time.Duration) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), d)
	t.Cleanup(cancel)
	return ctx
}

// fetch gets address in the background.
func fetch(t *testing.T, address string) (body chan string) {
	t.Helper()
	body = make(chan string, 1)
	client := &http.Client{Transport: &http.Transport{}}
	t.Cleanup(client.CloseIdleConnections)
	go func() {
		response, err := client.Get("http://" + address)
		if err != nil {
			body <- err.Error()
			return
		}
		defer response.Body.Close()
		text, err := io.ReadAll(response.Body)
		if err != nil {
			body <- err.Error()
			return
		}
		body <- string(text)
	}()
	return body
}

func TestDrainWaitsForOpenRequests(t *testing.T) {
	held, hold := make(chan struct{}), make(chan struct{})
	server, address, served := serve(t, slowHandler(held, hold))
	body := fetch(t, address)
	<-held

	drained := make(chan error, 1)
	go func() { drained <- server.Drain(timeout(t, 20*time.Second)) }()
	assert.NoError(t, <-served)
	_, err := net.Dial("tcp", address)
	assert.ErrorContains(t, err, "refused", "it accepts no more")
	select {
	case err := <-drained:
		t.Fatal("drained with a request open", err)
	case <-time.After(50 * time.Millisecond):
	}

	close(hold)
	assert.Equal(t, "done", <-body)
	assert.NoError(t, <-drained)
}

func TestDrainIsBounded(t *testing.T) {
	held, hold := make(chan struct{}), make(chan struct{})
	server, address, served := serve(t, slowHandler(held, hold))
	defer close(hold)
	body := fetch(t, address)
	<-held

	start := time.Now()
	assert.ErrorIs(t, server.Drain(timeout(t, 50*time.Millisecond)), context.DeadlineExceeded)
	assert.Less(t, time.Since(start), 3*time.Second)
	assert.Contains(t, <-body, "EOF")
	assert.NoError(t, <-served)
}

func TestHeadersAreLimited(t *testing.T) {
	_, address, _ := serve(t, http.NotFoundHandler())
	request, err := http.NewRequest(http.MethodGet, "http://"+address, nil)
	require.NoError(t, err)
	request.Header.Set("X-Long", strings.Repeat("x", 32<<10))
	client := &http.Client{Transport: &http.Transport{}}
	defer client.CloseIdleConnections()
	response, err := client.Do(request)
	require.NoError(t, err)
	defer response.Body.Close()
	assert.Equal(t, http.StatusRequestHeaderFieldsTooLarge, response.StatusCode)
}

// keptAlive opens a connection, which lives on after one request.
func keptAlive(t *testing.T, address string) (ask func() (status, connection string, err error)) {
	t.Helper()
	conn, err := net.Dial("tcp", address)
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close() })
	reader := bufio.NewReader(conn)
	ask = func() (string, string, error) {
		if _, err := io.WriteString(conn, "GET / HTTP/1.1\r\nHost: x\r\n\r\n"); err != nil {
			return "", "", err
		}
		response, err := http.ReadResponse(reader, nil)
		if err != nil {
			return "", "", err
		}
		defer response.Body.Close()
		_, err = io.Copy(io.Discard, response.Body)
		connection := "keep-alive"
		if response.Close {
			connection = "close"
		}
		return response.Status, connection, err
	}
	_, _, err = ask()
	require.NoError(t, err)
	return ask
}

// A connection that is idle when the drain begins can still be used, until it has
// been told.
func TestDrainServesIdleConnectionsOnceMore(t *testing.T) {
	var draining atomic.Bool
	server, address, served := serve(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if draining.Load() {
			w.Header().Set("Connection", "close")
		}
	}))
	one, two := keptAlive(t, address), keptAlive(t, address)
	draining.Store(true)
	drained := make(chan error, 1)
	go func() { drained <- server.Drain(timeout(t, 20*time.Second)) }()
	assert.NoError(t, <-served)
	_, err := net.Dial("tcp", address)
	assert.ErrorContains(t, err, "refused", "it accepts no more")

	for _, ask := range []func() (string, string, error){one, two} {
		time.Sleep(100 * time.Millisecond)
		status, connection, err := ask()
		require.NoError(t, err)
		assert.Equal(t, "200 OK", status)
		assert.Equal(t, "close", connection)
	}
	start := time.Now()
	assert.NoError(t, <-drained)
	assert.Less(t, time.Since(start), 2*time.Second, "no connection is left to wait for")
}

func TestDrainGivesUpOnIdleConnections(t *testing.T) {
	server, address, _ := serve(t, http.NotFoundHandler())
	ask := keptAlive(t, address)
	start := time.Now()
	assert.NoError(t, server.Drain(timeout(t, 2*time.Second)))
	assert.GreaterOrEqual(t, time.Since(start), 900*time.Millisecond, "half of what is left")
	assert.Less(t, time.Since(start), 2*time.Second)
	_, _, err := ask()
	assert.Error(t, err)
}

func TestSlowClientsAreCut(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	short := limits
	short.Read = 100 * time.Millisecond
	server := httpserver.New("http", listener, http.NotFoundHandler(), short, slog.New(slog.DiscardHandler))
	go func() { _ = server.Serve() }()
	t.Cleanup(func() { _ = server.Drain(timeout(t, 0)) })
	for name, sent := range map[string]string{"nothing": "", "half a header": "GET / HTTP/1.1\r\nHost:"} {
		t.Run(name, func(t *testing.T) {
			conn, err := net.Dial("tcp", listener.Addr().String())
			require.NoError(t, err)
			defer conn.Close()
			_, err = io.WriteString(conn, sent)
			require.NoError(t, err)
			require.NoError(t, conn.SetReadDeadline(time.Now().Add(10*time.Second)))
			_, err = io.ReadAll(conn)
			assert.NoError(t, err, "closed by the server")
		})
	}
}

func TestMalformedRequests(t *testing.T) {
	_, address, _ := serve(t, http.NotFoundHandler())
	for name, sent := range map[string]string{
		"no HTTP":         "hello\r\n\r\n",
		"header name":     "GET / HTTP/1.1\r\nHost: x\r\nA b: c\r\n\r\n",
		"header value":    "GET / HTTP/1.1\r\nHost: x\r\nA: b\x00c\r\n\r\n",
		"no host":         "GET / HTTP/1.1\r\n\r\n",
		"two lengths":     "GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
		"length and more": "GET / HTTP/1.1\r\nHost: x\r\nContent-Length: x\r\n\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			conn, err := net.Dial("tcp", address)
			require.NoError(t, err)
			defer conn.Close()
			_, err = io.WriteString(conn, sent)
			require.NoError(t, err)
			response, err := http.ReadResponse(bufio.NewReader(conn), nil)
			require.NoError(t, err)
			defer response.Body.Close()
			assert.Equal(t, http.StatusBadRequest, response.StatusCode)
		})
	}
}
