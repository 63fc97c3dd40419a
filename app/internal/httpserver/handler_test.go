package httpserver_test

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/stretchr/testify/assert"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/crossoverJie/k8s-combat/app/contract"
	"github.com/crossoverJie/k8s-combat/app/internal/greeter"
	"github.com/crossoverJie/k8s-combat/app/internal/httpserver"
	"github.com/crossoverJie/k8s-combat/app/internal/lifecycle"
	"github.com/crossoverJie/k8s-combat/app/internal/logging"
	"github.com/crossoverJie/k8s-combat/app/internal/metrics"
	"github.com/crossoverJie/k8s-combat/app/internal/propagate"
)

type pinger func(ctx context.Context) (string, error)

func (p pinger) Ping(ctx context.Context) (string, error) { return p(ctx) }

type hello func(ctx context.Context, target greeter.Target, name string) (string, error)

func (h hello) SayHello(ctx context.Context, target greeter.Target, name string) (string, error) {
	return h(ctx, target, name)
}

// flags are feature flags by name.
type flags map[string]string

func (f flags) String(_ context.Context, key, fallback string) string {
	return cmp.Or(f[key], fallback)
}

// carried are the headers that a call made with ctx has.
func carried(ctx context.Context) http.Header {
	h := http.Header{}
	propagate.ToHTTP(ctx, h)
	return h
}

func ready() *lifecycle.Readiness {
	r := lifecycle.NewReadiness()
	r.Unblock(lifecycle.Starting)
	return r
}

// options are those of a service all of whose neighbours answer.
func options() httpserver.Options {
	return httpserver.Options{
		Hostname: "pod-1",
		Provider: pinger(func(context.Context) (string, error) { return "200 OK", nil }),
		Greeter: hello(func(ctx context.Context, target greeter.Target, name string) (string, error) {
			return fmt.Sprintf("hostname:%s, in:%s, version:%s", target, name, carried(ctx).Get("version")), nil
		}),
		Flags:            flags{},
		CallTimeout:      time.Minute,
		MaxOutgoingCalls: 10,
		MaxBodyBytes:     1 << 20,
		Config:           func() ([]byte, error) { return []byte("{}\n"), nil },
		Readiness:        ready(),
		Metrics:          metrics.New(),
		Log:              slog.New(slog.DiscardHandler),
	}
}

func get(o httpserver.Options, target string) *httptest.ResponseRecorder {
	return do(o, httptest.NewRequest(http.MethodGet, target, nil))
}

func do(o httpserver.Options, r *http.Request) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	newHandler(o).ServeHTTP(w, r)
	return w
}

// newHandler returns the handlers of both ports as one.
func newHandler(o httpserver.Options) http.Handler {
	public, admin := httpserver.NewHandlers(o)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case contract.PathHealth, contract.PathReady, contract.PathMetrics, contract.PathConfig, contract.PathFlag, contract.PathFault:
			admin.ServeHTTP(w, r)
		default:
			public.ServeHTTP(w, r)
		}
	})
}

// What is for whoever runs the service is not for callers, and the other way round.
func TestEachPortHasItsPaths(t *testing.T) {
	public, admin := httpserver.NewHandlers(faulty())
	code := func(handler http.Handler, path string) int {
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, nil))
		return w.Code
	}
	for path, isAdmin := range map[string]bool{
		"/": false, "/ping": false, "/service": false, "/grpc_client?name=web": false,
		"/healthz": true, "/readyz": true, "/metrics": true, "/configz": true, "/flag?name=a": true, "/fault": true,
	} {
		for handler, ok := range map[*http.Handler]bool{&public: !isAdmin, &admin: isAdmin} {
			want := 404
			if ok {
				want = 200
			}
			assert.Equal(t, want, code(*handler, path), path)
		}
	}
}

func ExampleNewHandlers() {
	handler, _ := httpserver.NewHandlers(httpserver.Options{
		Hostname:  "pod-1",
		PGURL:     "postgres://postgres:postgres@localhost:5432/postgres?sslmode=disable",
		Readiness: lifecycle.NewReadiness(),
		Metrics:   metrics.New(),
		Log:       slog.New(slog.DiscardHandler),
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
			o.Greeter = hello(func(context.Context, greeter.Target, string) (string, error) {
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
			o.Greeter = hello(func(context.Context, greeter.Target, string) (string, error) { return "", tt.err })
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
	o.Greeter = hello(func(ctx context.Context, _ greeter.Target, _ string) (string, error) {
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
	o := options()
	o.Readiness = lifecycle.NewReadiness()
	w := get(o, "/readyz")
	assert.Equal(t, 503, w.Code)
	assert.Equal(t, "not ready: starting\n", w.Body.String())
	assert.Equal(t, 200, get(o, "/healthz").Code, "not ready is still alive")

	for _, path := range []string{"/ping", "/", "/nowhere", "/readyz", "/service"} {
		assert.Equal(t, "close", get(o, path).Header().Get("Connection"), path)
	}
	assert.Equal(t, 200, get(o, "/ping").Code, "it serves on")

	o.Readiness.Unblock(lifecycle.Starting)
	assert.Equal(t, 200, get(o, "/readyz").Code)
	assert.Empty(t, get(o, "/ping").Header().Get("Connection"))
}

func TestAnAnswerClosesWhenReadinessFailsMeanwhile(t *testing.T) {
	o := options()
	o.Provider = pinger(func(context.Context) (string, error) { o.Readiness.Block(lifecycle.ShuttingDown); return "200 OK", nil })
	assert.Equal(t, "close", get(o, "/service").Header().Get("Connection"))
}

func TestBodyLimit(t *testing.T) {
	// unsized has no Content-Length.
	unsized := func(n int) *http.Request {
		return httptest.NewRequest(http.MethodGet, "/ping", io.MultiReader(strings.NewReader(strings.Repeat("x", n))))
	}
	assert.EqualValues(t, -1, unsized(1).ContentLength)

	w := do(options(), httptest.NewRequest(http.MethodGet, "/ping", strings.NewReader(strings.Repeat("x", 1<<20))))
	assert.Equal(t, 200, w.Code)
	w = do(options(), httptest.NewRequest(http.MethodGet, "/ping", strings.NewReader(strings.Repeat("x", 1<<20+1))))
	assert.Equal(t, 413, w.Code)
	assert.Equal(t, "body of 1048577 bytes; allowed are 1048576\n", w.Body.String())

	assert.Equal(t, 200, do(options(), unsized(1<<20)).Code)
	w = do(options(), unsized(1<<20+1))
	assert.Equal(t, 413, w.Code)
	assert.Equal(t, "body of more than 1048576 bytes; allowed are 1048576\n", w.Body.String())
}

func TestBrokenBody(t *testing.T) {
	tests := map[string]struct {
		err  error
		code int
	}{
		"slow":      {os.ErrDeadlineExceeded, 408},
		"malformed": {errors.New("invalid chunk"), 400},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			assert.Equal(t, tt.code, do(options(), httptest.NewRequest(http.MethodGet, "/ping", iotest.ErrReader(tt.err))).Code)
		})
	}
}

// logged does requests with a log, and returns what it says.
func logged(o httpserver.Options, level slog.Level, requests ...*http.Request) string {
	var out bytes.Buffer
	sink := logging.NewSink(&out)
	log := logging.New(sink, level, logging.NewIdentity("pod-1", "app"))
	o.RequestLog, o.Log = log, log.Logger
	for _, r := range requests {
		do(o, r)
	}
	sink.Close(time.Minute)
	return out.String()
}

func TestRequestLog(t *testing.T) {
	tests := map[string]struct {
		method, target string
		header         http.Header
		want           string
	}{
		"ping": {"GET", "/ping", nil,
			`"level":"INFO","msg":"request","app":"app","hostname":"pod-1","method":"GET","path":"/ping","status":200,"duration_ms":[0-9.]+,"bytes":4,"request_id":"[0-9a-f]{16}","client_address":"192.0.2.1"}`},
		"query":  {"GET", "/ping?token=hunter2", nil, `"method":"GET","path":"/ping","status":200`},
		"404":    {"POST", "/nowhere", nil, `"method":"POST","path":"/nowhere","status":404`},
		"probe":  {"GET", "/healthz", nil, `"level":"DEBUG","msg":"request",.*"method":"GET","path":"/healthz","status":200`},
		"reads":  {"GET", "/metrics", nil, `"level":"DEBUG","msg":"request",.*"path":"/metrics"`},
		"breaks": {"GET", "/a%0Ab", nil, `"path":"/a\\nb"`},
		"headers": {
			"GET", "/ping", http.Header{
				"Traceparent":  {"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"},
				"X-Request-Id": {"r-1"}, "Version": {"100"}, "User-Agent": {`a "client"`},
			},
			`"trace_id":"0af7651916cd43dd8448eb211c80319c","request_id":"r-1","version":"100","client_address":"192.0.2.1","user_agent":"a \\"client\\""}`,
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			r := httptest.NewRequest(tt.method, tt.target, nil)
			if tt.header != nil {
				r.Header = tt.header
			}
			r.Header.Set("Authorization", "Bearer hunter2")
			log := logged(options(), slog.LevelDebug, r)
			assert.Regexp(t, tt.want, log)
			assert.Equal(t, 1, strings.Count(log, "\n"))
			assert.True(t, json.Valid([]byte(log)))
			assert.NotContains(t, log, "hunter2")
		})
	}
	assert.Empty(t, logged(options(), slog.LevelInfo, httptest.NewRequest(http.MethodGet, "/readyz", nil)), "probes are for debugging")
}

func TestPanicIsA500(t *testing.T) {
	o := options()
	o.Provider = pinger(func(context.Context) (string, error) { panic("kaboom") })
	w := get(o, "/service")
	assert.Equal(t, 500, w.Code)
	assert.Equal(t, "internal error\n", w.Body.String())
	assert.Contains(t, get(o, "/metrics").Body.String(), "\npanics_total 1\n")

	log := logged(o, slog.LevelInfo, httptest.NewRequest(http.MethodGet, "/service", nil))
	assert.Contains(t, log, `"level":"ERROR","msg":"handler panicked","app":"app","hostname":"pod-1","method":"GET","path":"/service","cause":"kaboom","stack":"`)
	assert.Contains(t, log, `"msg":"request","app":"app","hostname":"pod-1","method":"GET","path":"/service","status":500`)
}

func TestMetrics(t *testing.T) {
	o := options()
	for _, r := range []*http.Request{
		httptest.NewRequest(http.MethodGet, "/ping", nil), httptest.NewRequest(http.MethodGet, "/ping?a=b", nil),
		httptest.NewRequest(http.MethodHead, "/ping", nil), httptest.NewRequest(http.MethodGet, "//ping", nil),
		httptest.NewRequest("BREW", "/ping", nil), httptest.NewRequest(http.MethodGet, "/what/ever", nil), httptest.NewRequest(http.MethodGet, "/", nil),
	} {
		do(o, r)
	}
	page := get(o, "/metrics").Body.String()
	for _, want := range []string{
		`http_server_requests_total{code="200",method="GET",route="/ping"} 2`,
		`http_server_requests_total{code="200",method="HEAD",route="/ping"} 1`,
		`http_server_requests_total{code="307",method="GET",route="unmatched"} 1`,
		`http_server_requests_total{code="200",method="GET",route="/"} 1`,
		`http_server_requests_total{code="405",method="other",route="unmatched"} 1`,
		`http_server_requests_total{code="404",method="GET",route="unmatched"} 1`,
		`http_server_request_duration_seconds_count{code="200",method="GET",route="/ping"} 2`,
		`http_server_request_duration_seconds_bucket{code="200",method="GET",route="/ping",le="0.25"} 2`,
		"go_goroutines ", "process_resident_memory_bytes ", "k8s_combat_build_info{",
		`config_reloads_total{result="failure"} 0`,
	} {
		assert.Contains(t, page, want)
	}
	assert.NotContains(t, page, "BREW")
	assert.NotContains(t, page, "/what/ever")
}

func TestHeadersAreCarriedOn(t *testing.T) {
	const traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
	var got http.Header
	o := options()
	o.Provider = pinger(func(ctx context.Context) (string, error) { got = carried(ctx); return "200 OK", nil })
	r := httptest.NewRequest(http.MethodGet, "/service", nil)
	for name, value := range map[string]string{"traceparent": traceparent, "baggage": "a=b", "version": "100", "x-request-id": "r-1"} {
		r.Header.Set(name, value)
	}
	assert.Equal(t, 200, do(o, r).Code)
	for name, want := range map[string]string{
		"Traceparent": traceparent, "Baggage": "a=b", "Version": "100", "X-Request-Id": "r-1",
		"B3": "0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-1", "X-B3-Traceid": "0af7651916cd43dd8448eb211c80319c",
	} {
		assert.Equal(t, want, got.Get(name), name)
	}

	r = httptest.NewRequest(http.MethodGet, "/grpc_client?name=a", nil)
	r.Header.Set("version", "100")
	assert.Contains(t, do(o, r).Body.String(), "version:100")
	r = httptest.NewRequest(http.MethodGet, "/grpc_client?name=a&version=200", nil)
	r.Header.Set("version", "100")
	assert.Contains(t, do(o, r).Body.String(), "version:200", "the query wins")
}

func TestMalformedVersionHeader(t *testing.T) {
	for _, path := range []string{"/service", "/grpc_client?name=a", "/flag?name=a"} {
		r := httptest.NewRequest(http.MethodGet, path, nil)
		r.Header.Set("version", strings.Repeat("1", 129))
		w := do(options(), r)
		assert.Equal(t, 400, w.Code, path)
		assert.Contains(t, w.Body.String(), "allowed are up to 128 printable ASCII characters", path)
	}
}

func TestFlags(t *testing.T) {
	o := options()
	assert.Equal(t, "none", get(o, "/flag?name=colour&default=none").Body.String())
	o.Flags = flags{"colour": "red", "greeting": "Hi"}
	assert.Equal(t, "red", get(o, "/flag?name=colour&default=none").Body.String())
	assert.Equal(t, "Hi: hostname:dns:///a:50051, in:world, version:", get(o, "/grpc_client?name=a").Body.String())
	w := get(o, "/flag")
	assert.Equal(t, 400, w.Code)
	assert.Equal(t, "query parameter name=\"\": allowed are 1 to 128 printable ASCII characters, without parts of dots alone between slashes, such as greeting\n", w.Body.String())
}

func TestConfigPage(t *testing.T) {
	o := options()
	w := get(o, "/configz")
	assert.Equal(t, "application/json", w.Header().Get("Content-Type"))
	assert.Equal(t, "{}\n", w.Body.String())
	o.Config = func() ([]byte, error) { return nil, errors.New("x") }
	assert.Equal(t, 500, get(o, "/configz").Code)
}

func TestOutgoingCallsAreBounded(t *testing.T) {
	o := options()
	o.MaxOutgoingCalls = 1
	var inner *httptest.ResponseRecorder
	var handler http.Handler
	ask := func(path string) *httptest.ResponseRecorder {
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, nil))
		return w
	}
	o.Provider = pinger(func(context.Context) (string, error) {
		inner = ask("/grpc_client?name=web")
		return "200 OK", nil
	})
	handler = newHandler(o)
	for range 2 {
		assert.Equal(t, 200, ask("/service").Code)
		assert.Equal(t, 503, inner.Code)
		assert.Equal(t, "1", inner.Header().Get("Retry-After"))
	}
}

func TestGRPCClientSaysNothingOfWhatIsRefused(t *testing.T) {
	o := options()
	o.Greeter = hello(func(context.Context, greeter.Target, string) (string, error) { return "", greeter.ErrRefused })
	w := get(o, "/grpc_client?name=secret-name")
	assert.Equal(t, 403, w.Code)
	assert.Equal(t, "query parameter name: refused; allowed are the targets of --grpc-targets or GRPC_TARGETS\n", w.Body.String())
}

func TestErrorsAreBounded(t *testing.T) {
	o := options()
	o.Provider = pinger(func(context.Context) (string, error) { return "", errors.New(strings.Repeat("x", 60000)) })
	for _, path := range []string{"/service", "/grpc_client?name=" + strings.Repeat("x", 15000), "/flag?name=" + strings.Repeat("x", 15000)} {
		assert.Less(t, get(o, path).Body.Len(), 1000, path)
	}
}
