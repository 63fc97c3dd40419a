package httpserver_test

import (
	"bufio"
	"cmp"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/crossoverJie/k8s-combat/app/internal/httpserver"
	"github.com/crossoverJie/k8s-combat/app/internal/logging"
)

// output is what a log says.
type output struct {
	mu  sync.Mutex
	buf strings.Builder
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buf.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buf.String()
}

func newPublic(o httpserver.Options) http.Handler {
	public, _ := httpserver.NewHandlers(o)
	return public
}

// Requests that net/http answers by itself are requests too.
func TestRefusedRequestsAreCounted(t *testing.T) {
	tests := map[string]struct {
		request, code string
		// series is that of a request that a handler answers, which is counted once.
		series string
	}{
		"header too long":   {"GET /ping HTTP/1.1\r\nHost: x\r\nA: " + strings.Repeat("a", 30000) + "\r\n\r\n", "431", ""},
		"path too long":     {"GET /" + strings.Repeat("a", 30000) + " HTTP/1.1\r\nHost: x\r\n\r\n", "431", ""},
		"no request":        {"hello\r\n\r\n", "400", ""},
		"no host":           {"GET /ping HTTP/1.1\r\n\r\n", "400", ""},
		"two lengths":       {"POST /ping HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", "400", ""},
		"malformed header":  {"GET /ping HTTP/1.1\r\nHost: x\r\na b: c\r\n\r\n", "400", ""},
		"transfer encoding": {"GET /ping HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip\r\n\r\n", "501", ""},
		"version":           {"GET /ping HTTP/3.0\r\nHost: x\r\n\r\n", "505", ""},
		"of a handler":      {"GET /none HTTP/1.1\r\nHost: x\r\n\r\n", "404", `method="GET",route="unmatched"`},
		"expectation":       {"GET /ping HTTP/1.1\r\nHost: x\r\nExpect: x\r\n\r\n", "417", ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			var out output
			sink := logging.NewSink(&out)
			o := options()
			o.RequestLog = logging.New(sink, slog.LevelInfo, logging.NewIdentity("pod-1", "app"))
			listener, err := net.Listen("tcp", "127.0.0.1:0")
			require.NoError(t, err)
			server := httpserver.New("http", listener, newPublic(o), limits, slog.New(slog.DiscardHandler))
			served := make(chan error, 1)
			go func() { served <- server.Serve() }()

			conn, err := net.Dial("tcp", listener.Addr().String())
			require.NoError(t, err)
			defer conn.Close()
			_, err = io.WriteString(conn, tt.request)
			require.NoError(t, err)
			response, err := http.ReadResponse(bufio.NewReader(conn), nil)
			require.NoError(t, err)
			defer response.Body.Close()
			assert.Equal(t, tt.code, response.Status[:3])
			require.NoError(t, conn.Close())
			require.NoError(t, server.Drain(t.Context()))
			require.NoError(t, <-served)
			require.True(t, sink.Close(10*time.Second))

			w := httptest.NewRecorder()
			o.Metrics.Handler().ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/metrics", nil))
			assert.Contains(t, w.Body.String(), `http_server_requests_total{code="`+tt.code+`",`+cmp.Or(tt.series, `method="other",route="unmatched"`)+"} 1")
			assert.Regexp(t, `"msg":"request","app":"app","hostname":"pod-1",.*"?status":`+tt.code, out.String())
			assert.Equal(t, 1, strings.Count(out.String(), "\n"))
		})
	}
}
