package httpserver_test

import (
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/crossoverJie/k8s-combat/app/internal/httpserver"
	"github.com/crossoverJie/k8s-combat/app/internal/logging"
)

// reply costs nothing by itself.
type reply struct{ header http.Header }

func (r *reply) Header() http.Header               { return r.header }
func (r *reply) Write(p []byte) (int, error)       { return len(p), nil }
func (r *reply) WriteString(s string) (int, error) { return len(s), nil }
func (r *reply) WriteHeader(int)                   {}

// BenchmarkPing is what a request costs beside net/http, with metrics and a line
// of log.
func BenchmarkPing(b *testing.B) {
	sink := logging.NewSink(io.Discard)
	defer sink.Close(time.Second)
	o := options()
	o.RequestLog = logging.New(sink, slog.LevelInfo, logging.NewIdentity("pod-1", "app"))
	handler, _ := httpserver.NewHandlers(o)
	request := httptest.NewRequest(http.MethodGet, "/ping", nil)
	w := &reply{http.Header{}}
	b.ReportAllocs()
	for b.Loop() {
		handler.ServeHTTP(w, request)
	}
}
