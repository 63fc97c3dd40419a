package metrics_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/assert"

	"github.com/crossoverJie/k8s-combat/app/contract"
	"github.com/crossoverJie/k8s-combat/app/internal/metrics"
)

func page(m *metrics.Metrics) string {
	w := httptest.NewRecorder()
	m.Handler().ServeHTTP(w, httptest.NewRequest(http.MethodGet, contract.PathMetrics, nil))
	return w.Body.String()
}

func Example() {
	m := metrics.New()
	m.Route("/ping").Count("GET", 200, time.Millisecond)
	for line := range strings.Lines(page(m)) {
		if strings.HasPrefix(line, contract.MetricHTTPRequests) {
			fmt.Print(line)
		}
	}
	// Output: http_server_requests_total{code="200",method="GET",route="/ping"} 1
}

func TestBucketsAreThoseOfTheClientLibraries(t *testing.T) {
	var seconds []float64
	for _, bound := range contract.DurationBuckets() {
		seconds = append(seconds, bound.Seconds())
	}
	assert.Equal(t, prometheus.DefBuckets, seconds)
}

func TestRouteIsSafeForConcurrentUse(t *testing.T) {
	m := metrics.New()
	route := m.Route("/ping")
	var wait sync.WaitGroup
	for i := range 8 {
		wait.Go(func() {
			for n := range 1000 {
				route.Count("GET", 200+n%3, time.Millisecond)
				route.Count(fmt.Sprint("MADE-UP-", i), 405, time.Millisecond)
			}
		})
	}
	wait.Wait()
	text := page(m)
	assert.Contains(t, text, `http_server_requests_total{code="200",method="GET",route="/ping"} 2672`)
	assert.Contains(t, text, `http_server_requests_total{code="405",method="other",route="/ping"} 8000`)
	assert.NotContains(t, text, "MADE-UP")
}

func TestWatches(t *testing.T) {
	m := metrics.New()
	ready := false
	m.WatchReady(func() bool { return ready })
	m.WatchDroppedLogs("stdout", func() uint64 { return 3 })
	m.Reloaded(nil)
	m.Reloaded(assert.AnError)
	m.Reloaded(assert.AnError)
	for _, want := range []string{
		"\nservice_ready 0\n", "\nlog_lines_dropped_total{output=\"stdout\"} 3\n", `config_reloads_total{result="success"} 1`, `config_reloads_total{result="failure"} 2`,
	} {
		assert.Contains(t, page(m), want)
	}
	ready = true
	assert.Contains(t, page(m), "\nservice_ready 1\n")
}

func BenchmarkCount(b *testing.B) {
	route := metrics.New().Route("/ping")
	b.ReportAllocs()
	for b.Loop() {
		route.Count("GET", 200, time.Millisecond)
	}
}
