package httpserver_test

import (
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
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
		_, _ = io.WriteString(w, "done")
	})
}

func serve(t *testing.T, handler http.Handler) (server *httpserver.Server, address string, served chan error) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	server = httpserver.New(listener, handler, time.Minute, slog.New(slog.DiscardHandler))
	served = make(chan error, 1)
	go func() { served <- server.Serve() }()
	t.Cleanup(func() { _ = server.Drain(timeout(t, 0)) })
	return server, listener.Addr().String(), served
}

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
