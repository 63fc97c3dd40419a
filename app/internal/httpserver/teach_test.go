package httpserver_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
)

func TestEcho(t *testing.T) {
	r := httptest.NewRequest(http.MethodPut, "/echo?a=b", strings.NewReader("hello"))
	r.Header.Set("X-Forwarded-For", "10.0.0.1")
	r.Header.Set("Authorization", "Bearer hunter2")
	w := do(options(), r)
	assert.Equal(t, 200, w.Code)
	assert.NotContains(t, w.Body.String(), "hunter2")
	var echo map[string]any
	require.NoError(t, json.Unmarshal(w.Body.Bytes(), &echo))
	for key, want := range map[string]any{
		"method": "PUT", "path": "/echo", "query": "a=b", "host": "example.com", "proto": "HTTP/1.1", "client_address": "192.0.2.1",
		"hostname": "pod-1", "tls": false, "bytes": 5.0, "body": "hello",
	} {
		assert.Equal(t, want, echo[key], key)
	}
	headers, ok := echo["headers"].(map[string]any)
	require.True(t, ok)
	assert.Equal(t, []any{"10.0.0.1"}, headers["X-Forwarded-For"])
	assert.Equal(t, []any{"***"}, headers["Authorization"])
}

func TestEchoIsBounded(t *testing.T) {
	w := do(options(), httptest.NewRequest(http.MethodPost, "/echo", strings.NewReader(strings.Repeat("x", 1<<20))))
	assert.Equal(t, 200, w.Code)
	assert.Contains(t, w.Body.String(), `"bytes": 1048576`)
	assert.Less(t, w.Body.Len(), 5000)
	assert.Equal(t, 413, do(options(), httptest.NewRequest(http.MethodPost, "/echo", strings.NewReader(strings.Repeat("x", 1<<20+1)))).Code)
}

func TestHeaders(t *testing.T) {
	w := get(options(), "/headers")
	assert.Equal(t, 200, w.Code)
	assert.Contains(t, w.Body.String(), `"client_address": "192.0.2.1"`)
	assert.NotContains(t, w.Body.String(), "body")
}

func TestVersion(t *testing.T) {
	w := get(options(), "/version")
	assert.Regexp(t, `(?s)"go": "go1.*"revision": "unknown".*"version": "dev"`, w.Body.String())
}

func TestStatus(t *testing.T) {
	for code, want := range map[string]int{
		"200": 200, "204": 204, "304": 304, "404": 404, "503": 503, "100": 400, "299": 400, "600": 400, "-1": 400, "x": 400, strings.Repeat("1", 5000): 400,
	} {
		w := get(options(), "/status/"+code)
		assert.Equal(t, want, w.Code, code)
		assert.Less(t, w.Body.Len(), 500)
	}
	assert.Equal(t, 404, get(options(), "/status/503/x").Code)
}

func TestDelay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		assert.Equal(t, "delayed 1.5s", get(options(), "/delay/1.5").Body.String())
		assert.Equal(t, 1500*time.Millisecond, time.Since(start))
	})
	for _, seconds := range []string{"11", "-1", "NaN", "Inf", "x", "1s"} {
		assert.Equal(t, 400, get(options(), "/delay/"+seconds).Code, seconds)
	}
}

func TestRequestsHaveAnID(t *testing.T) {
	for sent, want := range map[string]string{"": "^[0-9a-f]{16}$", "r-1": "^r-1$", strings.Repeat("x", 200): "^[0-9a-f]{16}$", "a\tb": "^[0-9a-f]{16}$"} {
		r := httptest.NewRequest(http.MethodGet, "/ping", nil)
		if sent != "" {
			r.Header.Set("X-Request-Id", sent)
		}
		assert.Regexp(t, want, do(options(), r).Header().Get("X-Request-Id"), sent)
	}
	first, second := get(options(), "/ping").Header(), get(options(), "/ping").Header()
	assert.NotEqual(t, first, second, "each has an id of its own")
}

func TestMetricsHaveExemplars(t *testing.T) {
	o := options()
	o.Tracer = sdktrace.NewTracerProvider().Tracer("")
	handler := newHandler(o)
	r := httptest.NewRequest(http.MethodGet, "/ping", nil)
	r.Header.Set("Traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")
	handler.ServeHTTP(httptest.NewRecorder(), r)

	w, ask := httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/metrics", nil)
	ask.Header.Set("Accept", "application/openmetrics-text; version=1.0.0")
	handler.ServeHTTP(w, ask)
	assert.Contains(t, w.Header().Get("Content-Type"), "application/openmetrics-text")
	assert.Contains(t, w.Body.String(), `# {trace_id="0af7651916cd43dd8448eb211c80319c"}`)
	assert.True(t, strings.HasSuffix(w.Body.String(), "# EOF\n"))
}

// resident is the memory of this process, in bytes.
func resident(t *testing.T) int {
	t.Helper()
	content, err := os.ReadFile("/proc/self/statm")
	require.NoError(t, err)
	pages, err := strconv.Atoi(strings.Fields(string(content))[1])
	require.NoError(t, err)
	return pages * os.Getpagesize()
}

func TestFaultTakesMemory(t *testing.T) {
	const bytes = 200 << 20
	handler := newHandler(faulty())
	ask := func(query string) string {
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/fault?"+query, nil))
		return w.Body.String()
	}
	before := resident(t)
	assert.Equal(t, "209715200 bytes of memory for 1m0s", ask("memory="+strconv.Itoa(bytes)))
	assert.Eventually(t, func() bool { return resident(t) > before+bytes*9/10 }, 20*time.Second, time.Millisecond)
	assert.Equal(t, "no more memory", ask("memory=0"))
	assert.Eventually(t, func() bool { return resident(t) < before+bytes/2 }, 20*time.Second, time.Millisecond)
}

func TestFaultTakesCPU(t *testing.T) {
	stopping := make(chan struct{})
	o := faulty()
	o.Stopping = stopping
	handler := newHandler(o)
	w := httptest.NewRecorder()
	handler.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/fault?cpu=1&for=1h", nil))
	assert.Equal(t, "1 busy processors for 1h0m0s", w.Body.String())
	start := cpuTime(t)
	assert.Eventually(t, func() bool { return cpuTime(t)-start > 300*time.Millisecond }, 20*time.Second, time.Millisecond)
	close(stopping)
	assert.Eventually(t, func() bool {
		start := cpuTime(t)
		time.Sleep(100 * time.Millisecond)
		return cpuTime(t)-start < 50*time.Millisecond
	}, 20*time.Second, time.Millisecond, "a shutdown ends it")
}

// cpuTime is that of this process.
func cpuTime(t *testing.T) time.Duration {
	t.Helper()
	var usage syscall.Rusage
	require.NoError(t, syscall.Getrusage(syscall.RUSAGE_SELF, &usage))
	return time.Duration(usage.Utime.Nano())
}
