package httpserver_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/crossoverJie/k8s-combat/app/internal/greeter"
	"github.com/crossoverJie/k8s-combat/app/internal/httpserver"
)

type pinger func(ctx context.Context) (string, error)

func (p pinger) Ping(ctx context.Context) (string, error) { return p(ctx) }

type hello func(ctx context.Context, target greeter.Target, name, version string) (string, error)

func (h hello) SayHello(ctx context.Context, target greeter.Target, name, version string) (string, error) {
	return h(ctx, target, name, version)
}

// options are those of a service all of whose neighbours answer.
func options() httpserver.Options {
	return httpserver.Options{
		Hostname: "pod-1",
		Provider: pinger(func(context.Context) (string, error) { return "200 OK", nil }),
		Greeter: hello(func(_ context.Context, target greeter.Target, name, version string) (string, error) {
			return fmt.Sprintf("hostname:%s, in:%s, version:%s", target, name, version), nil
		}),
		CallTimeout: time.Minute,
		Ready:       func() bool { return true },
		Log:         slog.New(slog.DiscardHandler),
	}
}

func get(o httpserver.Options, target string) *httptest.ResponseRecorder {
	return do(o, httptest.NewRequest(http.MethodGet, target, nil))
}

func do(o httpserver.Options, r *http.Request) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	httpserver.NewHandler(o).ServeHTTP(w, r)
	return w
}

func ExampleNewHandler() {
	handler := httpserver.NewHandler(httpserver.Options{
		Hostname: "pod-1",
		PGURL:    "postgres://postgres:postgres@localhost:5432/postgres?sslmode=disable",
		Ready:    func() bool { return true },
		Log:      slog.New(slog.DiscardHandler),
	})
	w := httptest.NewRecorder()
	handler.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/", nil))
	fmt.Println(w.Body)
	// Output: pod-1-postgres://postgres:***@localhost:5432/postgres?sslmode=disable
}

func TestAnswers(t *testing.T) {
	tests := map[string]struct {
		method, target string
		status         int
		body           string
	}{
		"ping":               {"GET", "/ping", 200, "pong"},
		"root without PG":    {"GET", "/", 200, "pod-1"},
		"health":             {"GET", "/healthz", 200, "ok"},
		"ready":              {"GET", "/readyz", 200, "ok"},
		"service":            {"GET", "/service", 200, "200 OK"},
		"grpc_client":        {"GET", "/grpc_client?name=a&version=100", 200, "Greeting: hostname:dns:///a:50051, in:world, version:100"},
		"without version":    {"GET", "/grpc_client?name=a:80", 200, "Greeting: hostname:dns:///a:80, in:world, version:"},
		"explicit scheme":    {"GET", "/grpc_client?name=dns:///a:80", 200, "Greeting: hostname:dns:///a:80, in:world, version:"},
		"HEAD":               {"HEAD", "/ping", 200, "pong"},
		"unknown path":       {"GET", "/pong", 404, "404 page not found\n"},
		"path below a known": {"GET", "/ping/x", 404, "404 page not found\n"},
		"wrong method":       {"POST", "/ping", 405, "Method Not Allowed\n"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			w := do(options(), httptest.NewRequest(tt.method, tt.target, nil))
			assert.Equal(t, tt.status, w.Code)
			assert.Equal(t, tt.body, w.Body.String())
			assert.Equal(t, "text/plain; charset=utf-8", w.Header().Get("Content-Type"))
			assert.Equal(t, "nosniff", w.Header().Get("X-Content-Type-Options"))
			assert.Empty(t, w.Header().Get("Connection"))
		})
	}
}

func TestRootMasksThePassword(t *testing.T) {
	for in, want := range map[string]string{
		"postgres://me:hunter2@db:5432/x": "pod-1-postgres://me:***@db:5432/x",
		"postgres://me:hunt/er2@db/x":     "pod-1-postgres://me:***@db/x",
		"host=db password=hunter2":        "pod-1-host=db password=***",
	} {
		o := options()
		o.PGURL = in
		assert.Equal(t, want, get(o, "/").Body.String())
	}
}

func TestGRPCClientRefuses(t *testing.T) {
	tests := map[string]struct{ query, want string }{
		"no name":          {"", `query parameter name="": allowed is a host name or an IP address`},
		"version alone":    {"version=1", `query parameter name="": allowed is a host name or an IP address`},
		"name with spaces": {"name=a%20b", `query parameter name="a b": allowed is a host name or an IP address`},
		"socket":           {"name=unix:///run/a.sock", `query parameter name="unix:///run/a.sock": allowed is`},
		"port":             {"name=a:70000", `query parameter name="a:70000": allowed is`},
		"markup":           {"name=%3Cscript%3E", `query parameter name="<script>": allowed is`},
		"version":          {"name=a&version=%0A", `query parameter version="\n": allowed are up to 128 printable ASCII characters`},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			o := options()
			o.Greeter = hello(func(context.Context, greeter.Target, string, string) (string, error) {
				t.Error("called")
				return "", nil
			})
			w := get(o, "/grpc_client?"+tt.query)
			assert.Equal(t, 400, w.Code)
			assert.Contains(t, w.Body.String(), tt.want)
			assert.Equal(t, "nosniff", w.Header().Get("X-Content-Type-Options"))
		})
	}
}

func TestNeighboursFail(t *testing.T) {
	tests := map[string]struct {
		err          error
		target, want string
	}{
		"provider": {
			errors.New(`Get "http://p:8081/ping": dial tcp: lookup p: no such host`), "/service",
			"cannot call the provider: Get \"http://p:8081/ping\": dial tcp: lookup p: no such host\n",
		},
		"greeter": {
			status.Error(codes.Unavailable, "connection refused"), "/grpc_client?name=a",
			"cannot greet dns:///a:50051: Unavailable: connection refused\n",
		},
		"greeter, no status": {
			greeter.ErrClosed, "/grpc_client?name=a",
			"cannot greet dns:///a:50051: Unknown: the clients are closed\n",
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			var log bytes.Buffer
			o := options()
			o.Log = slog.New(slog.NewTextHandler(&log, nil))
			o.Provider = pinger(func(context.Context) (string, error) { return "", tt.err })
			o.Greeter = hello(func(context.Context, greeter.Target, string, string) (string, error) { return "", tt.err })
			w := get(o, tt.target)
			assert.Equal(t, 502, w.Code)
			assert.Equal(t, tt.want, w.Body.String())
			assert.Contains(t, log.String(), `level=WARN msg="bad gateway"`)
		})
	}
}

func TestCallsHaveADeadline(t *testing.T) {
	o := options()
	o.CallTimeout = 10 * time.Millisecond
	o.Provider = pinger(func(ctx context.Context) (string, error) { <-ctx.Done(); return "", ctx.Err() })
	o.Greeter = hello(func(ctx context.Context, _ greeter.Target, _, _ string) (string, error) {
		<-ctx.Done()
		return "", status.FromContextError(ctx.Err()).Err()
	})
	w := get(o, "/service")
	assert.Equal(t, 502, w.Code)
	assert.Contains(t, w.Body.String(), "deadline exceeded")
	w = get(o, "/grpc_client?name=a")
	assert.Equal(t, 502, w.Code)
	assert.Contains(t, w.Body.String(), "DeadlineExceeded")
}

func TestNotReady(t *testing.T) {
	var ready atomic.Bool
	o := options()
	o.Ready = ready.Load
	w := get(o, "/readyz")
	assert.Equal(t, 503, w.Code)
	assert.Equal(t, "not ready\n", w.Body.String())
	assert.Equal(t, 200, get(o, "/healthz").Code, "not ready is still alive")

	w = get(o, "/ping")
	assert.Equal(t, 200, w.Code, "it serves on")
	assert.Equal(t, "close", w.Header().Get("Connection"))

	ready.Store(true)
	assert.Equal(t, 200, get(o, "/readyz").Code)
}

func TestBodyLimit(t *testing.T) {
	w := do(options(), httptest.NewRequest(http.MethodGet, "/ping", strings.NewReader(strings.Repeat("x", 1<<20))))
	assert.Equal(t, 200, w.Code)
	w = do(options(), httptest.NewRequest(http.MethodGet, "/ping", strings.NewReader(strings.Repeat("x", 1<<20+1))))
	assert.Equal(t, 413, w.Code)
	assert.Equal(t, "body of 1048577 bytes; allowed are 1048576\n", w.Body.String())
}

func TestRequestLog(t *testing.T) {
	tests := map[string]struct{ method, target, want string }{
		"ping":   {"GET", "/ping", `"level":"INFO","msg":"request","method":"GET","path":"/ping","status":200,"duration_ms":[0-9.]+}`},
		"query":  {"GET", "/ping?token=hunter2", `"method":"GET","path":"/ping","status":200`},
		"404":    {"POST", "/nowhere", `"method":"POST","path":"/nowhere","status":404`},
		"probe":  {"GET", "/healthz", `"level":"DEBUG","msg":"request","method":"GET","path":"/healthz","status":200`},
		"breaks": {"GET", "/a%0Ab", `"path":"/a\\nb"`},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			var log bytes.Buffer
			o := options()
			o.Log = slog.New(slog.NewJSONHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
			r := httptest.NewRequest(tt.method, tt.target, nil)
			r.Header.Set("Authorization", "Bearer hunter2")
			do(o, r)
			assert.Regexp(t, tt.want, log.String())
			assert.Equal(t, 1, strings.Count(log.String(), "\n"))
			assert.NotContains(t, log.String(), "hunter2")
		})
	}
}

func TestPanicIsA500(t *testing.T) {
	var log bytes.Buffer
	o := options()
	o.Log = slog.New(slog.NewJSONHandler(&log, nil))
	o.Provider = pinger(func(context.Context) (string, error) { panic("kaboom") })
	w := get(o, "/service")
	assert.Equal(t, 500, w.Code)
	assert.Equal(t, "internal error\n", w.Body.String())
	assert.Contains(t, log.String(), `"level":"ERROR","msg":"handler panicked","method":"GET","path":"/service","cause":"kaboom","stack":"`)
	assert.Contains(t, log.String(), `"msg":"request","method":"GET","path":"/service","status":500`)
}
