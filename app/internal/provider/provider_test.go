package provider_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace/noop"

	"github.com/crossoverJie/k8s-combat/app/internal/provider"
)

var tracer = noop.NewTracerProvider().Tracer("")

func ExampleClient_Ping() {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, "pong")
	}))
	defer server.Close()
	base, _ := url.Parse(server.URL)

	fmt.Println(provider.New(base, tracer).Ping(context.Background()))
	// Output: 200 OK <nil>
}

func newClient(t *testing.T, path string, handler http.HandlerFunc) *provider.Client {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	base, err := url.Parse(server.URL + path)
	require.NoError(t, err)
	return provider.New(base, tracer)
}

func TestPing(t *testing.T) {
	tests := map[string]struct {
		handler http.HandlerFunc
		want    string
		err     string
	}{
		"200": {func(http.ResponseWriter, *http.Request) {}, "200 OK", ""},
		"204": {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) }, "204 No Content", ""},
		"404": {http.NotFound, "", "/ping answered 404 Not Found"},
		"503": {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusServiceUnavailable) }, "", "/ping answered 503 Service Unavailable"},
		"redirect": {
			func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/elsewhere", http.StatusFound) },
			"", "/ping answered 302 Found",
		},
		"cut off": {
			func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Length", "10")
				fmt.Fprint(w, "po")
			},
			"", "unexpected EOF",
		},
		"dropped": {func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, "", "EOF"},
		"long reply": {
			func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, strings.Repeat("x", 1<<20)) },
			"200 OK", "",
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			got, err := newClient(t, "", tt.handler).Ping(t.Context())
			assert.Equal(t, tt.want, got)
			if tt.err == "" {
				assert.NoError(t, err)
			} else {
				assert.ErrorContains(t, err, tt.err)
			}
		})
	}
}

func TestPingJoinsPath(t *testing.T) {
	for _, base := range []string{"", "/", "/base", "/base/"} {
		var path string
		client := newClient(t, base, func(_ http.ResponseWriter, r *http.Request) { path = r.URL.Path })
		_, err := client.Ping(t.Context())
		require.NoError(t, err)
		assert.Equal(t, strings.TrimSuffix(base, "/")+"/ping", path)
	}
}

func TestPingOpensAConnectionForEachCall(t *testing.T) {
	var mu sync.Mutex
	peers := map[string]bool{}
	client := newClient(t, "", func(_ http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		peers[r.RemoteAddr] = true
	})
	for range 3 {
		_, err := client.Ping(t.Context())
		require.NoError(t, err)
	}
	assert.Len(t, peers, 3)
}

// A byte that is not UTF-8 would have the export of all spans fail.
func TestPingDescribesItsSpanInUTF8(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		conn, _, err := w.(http.Hijacker).Hijack()
		if assert.NoError(t, err) {
			_, _ = io.WriteString(conn, "HTTP/1.1 500 \xff\r\nContent-Length: 0\r\n\r\n")
			_ = conn.Close()
		}
	}))
	defer server.Close()
	base, err := url.Parse(server.URL)
	require.NoError(t, err)
	exporter := tracetest.NewInMemoryExporter()
	_, err = provider.New(base, sdktrace.NewTracerProvider(sdktrace.WithSyncer(exporter)).Tracer("")).Ping(t.Context())
	assert.ErrorContains(t, err, "answered 500 \xff")
	require.Len(t, exporter.GetSpans(), 1)
	assert.Equal(t, base.String()+"/ping answered 500 \uFFFD", exporter.GetSpans()[0].Status.Description)
}

func TestPingFails(t *testing.T) {
	t.Run("refused", func(t *testing.T) {
		server := httptest.NewServer(http.NotFoundHandler())
		base, err := url.Parse(server.URL)
		require.NoError(t, err)
		server.Close()
		_, err = provider.New(base, tracer).Ping(t.Context())
		assert.ErrorContains(t, err, "connection refused")
	})
	t.Run("deadline", func(t *testing.T) {
		hold := make(chan struct{})
		client := newClient(t, "", func(http.ResponseWriter, *http.Request) { <-hold })
		t.Cleanup(func() { close(hold) })
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		defer cancel()
		_, err := client.Ping(ctx)
		assert.ErrorIs(t, err, context.DeadlineExceeded)
	})
}
