package e2e

import (
	"math"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/crossoverJie/k8s-combat/infra"
	"github.com/crossoverJie/k8s-combat/infra/e2e/echo/wire"
	"github.com/crossoverJie/k8s-combat/infra/mesh"
)

// measured is an option, for what more than one request or the time that it took has to tell.
type measured struct {
	namespace, host string
	outside         door
}

// ask sends a request, and returns the time that its answer took.
func (m measured) ask(t *testing.T, headers headers) (answer, time.Duration) {
	t.Helper()
	start := time.Now()
	got := m.outside.get(t, "http://"+m.host+"/", headers)
	return got, time.Since(start)
}

// statuses sends requests at a bounded rate, and returns how many were answered with which status.
func (m measured) statuses(t *testing.T, n int, headers headers) map[int]int {
	t.Helper()
	pace := time.NewTicker(time.Second / callsPerSecond)
	defer pace.Stop()
	result := map[int]int{}
	for range n {
		<-pace.C
		got, _ := m.ask(t, headers)
		result[got.status]++
	}
	return result
}

// assertShare expects a share of the calls, each of which is drawn for itself. One beyond 4.5 standard deviations comes
// once in 140,000 runs.
func assertShare(t *testing.T, percent float64, got, calls int, what string) {
	t.Helper()
	want := percent / 100
	bound := 4.5 * math.Sqrt(want*(1-want)/float64(calls))
	share := float64(got) / float64(calls)
	assert.InDelta(t, want, share, bound, what)
	t.Logf("%s: %d of %d, %.1f %%, where %g %% +- %.1f is expected", what, got, calls, 100*share, percent, 100*bound)
}

// shareCalls are enough to tell half from none and from all.
const shareCalls = 400

// always expects every request to be answered with the status.
func always(status int) func(t *testing.T, m measured) {
	return func(t *testing.T, m measured) {
		const calls = 20
		assert.Equal(t, map[int]int{status: calls}, m.statuses(t, calls, nil))
	}
}

// coarse is how much earlier than asked for Envoy's timers may go off.
const coarse = 20 * time.Millisecond

// takes expects an answer after a time of at least one duration and less than the other.
func takes(least, most time.Duration, headers headers, status int) func(t *testing.T, m measured) {
	return func(t *testing.T, m measured) {
		got, took := m.ask(t, headers)
		assert.Equal(t, status, got.status, got.body)
		assert.GreaterOrEqual(t, took, least-coarse)
		assert.Less(t, took, most)
		t.Logf("status %d after %s", got.status, took.Round(time.Millisecond))
	}
}

// arrives expects one request to be answered with the status and to have arrived so many times.
func arrives(id string, headers headers, status, attempts int) func(t *testing.T, m measured) {
	return func(t *testing.T, m measured) {
		headers[wire.ID] = id
		got, took := m.ask(t, headers)
		assert.Equal(t, status, got.status, got.body)
		assert.Equal(t, attempts, count(t, m.namespace, "v1", id), "requests that v1 got")
		t.Logf("status %d after %s and %d attempts", got.status, took.Round(time.Millisecond), attempts)
	}
}

// copies expects requests to arrive at v1 once each, and a share of them at v2 too.
func copies(id string, percent float64) func(t *testing.T, m measured) {
	return func(t *testing.T, m measured) {
		const calls = 100
		require.Equal(t, map[int]int{http.StatusOK: calls}, m.statuses(t, calls, headers{wire.ID: id}))
		assert.Equal(t, calls, count(t, m.namespace, "v1", id), "requests that v1 got")
		// The last copy may be under way.
		time.Sleep(time.Second)
		assertShare(t, percent, count(t, m.namespace, "v2", id), calls, "copies to v2")
	}
}

// failing asks for an answer that a retry may be on.
func failing() headers { return headers{wire.Status: "503"} }

// mirrored sends requests to v1, and copies to v2.
func mirrored(percent *float64) func(v1, v2 infra.Workload) []mesh.Rule {
	return func(v1, v2 infra.Workload) []mesh.Rule {
		return []mesh.Rule{{To: to(v1), Mirror: mesh.Mirror{Workload: v2, Percent: percent}}}
	}
}

// measuredOptions are seen by many answers, by their time, or by what arrives.
var measuredOptions = []option{
	{name: "Fault.AbortStatus", rules: only(mesh.Rule{Fault: mesh.Fault{AbortStatus: 418}}), measure: always(418)},
	{name: "Fault.AbortPercent 0", rules: only(mesh.Rule{Fault: mesh.Fault{AbortStatus: 503, AbortPercent: new(0.0)}}), measure: always(http.StatusOK)},
	{
		name: "Fault.AbortPercent 50", rules: only(mesh.Rule{Fault: mesh.Fault{AbortStatus: 503, AbortPercent: new(50.0)}}),
		measure: func(t *testing.T, m measured) {
			got := m.statuses(t, shareCalls, nil)
			assert.Equal(t, shareCalls, got[503]+got[200], got)
			assertShare(t, 50, got[503], shareCalls, "aborted")
		},
	},
	{
		name: "Fault.Delay", rules: only(mesh.Rule{Fault: mesh.Fault{Delay: 500 * time.Millisecond}}),
		measure: takes(500*time.Millisecond, 1500*time.Millisecond, nil, http.StatusOK),
	},
	{
		name: "Fault.DelayPercent 0", rules: only(mesh.Rule{Fault: mesh.Fault{Delay: 3 * time.Second, DelayPercent: new(0.0)}}),
		measure: takes(0, time.Second, nil, http.StatusOK),
	},
	{
		name: "Fault with both", rules: only(mesh.Rule{Fault: mesh.Fault{Delay: 500 * time.Millisecond, AbortStatus: 429}}),
		measure: takes(500*time.Millisecond, 1500*time.Millisecond, nil, http.StatusTooManyRequests),
	},
	{
		name: "Timeout", rules: only(mesh.Rule{Timeout: 500 * time.Millisecond}),
		measure: takes(500*time.Millisecond, 1500*time.Millisecond, headers{wire.Delay: "5s"}, http.StatusGatewayTimeout),
	},
	{
		name: "Timeout that is not reached", rules: only(mesh.Rule{Timeout: 2 * time.Second}),
		measure: takes(300*time.Millisecond, 1500*time.Millisecond, headers{wire.Delay: "300ms"}, http.StatusOK),
	},

	{name: "Retries.On", rules: only(mesh.Rule{Retries: mesh.Retries{Attempts: 2, On: []string{"503"}}}), measure: arrives("on", failing(), 503, 3)},
	{name: "Retries.Attempts by default", rules: only(mesh.Rule{Retries: mesh.Retries{On: []string{"5xx"}}}), measure: arrives("attempts", failing(), 503, 3)},
	{name: "Retries.On another", rules: only(mesh.Rule{Retries: mesh.Retries{Attempts: 2, On: []string{"502"}}}), measure: arrives("another", failing(), 503, 1)},
	{name: "Retries by default", rules: only(mesh.Rule{}), measure: arrives("default", failing(), 503, 1)},
	{name: "Retries.Disabled", rules: only(mesh.Rule{Retries: mesh.Retries{Disabled: true}}), measure: arrives("disabled", failing(), 503, 1)},
	{
		name:    "Retries.PerTryTimeout",
		rules:   only(mesh.Rule{Retries: mesh.Retries{Attempts: 1, PerTryTimeout: 300 * time.Millisecond, On: []string{"5xx"}}}),
		measure: arrives("per-try", headers{wire.Delay: "2s"}, http.StatusGatewayTimeout, 2),
	},
	{
		name: "Retries.PerTryTimeout by default", rules: only(mesh.Rule{Retries: mesh.Retries{Attempts: 2, PerTryTimeout: 300 * time.Millisecond}}),
		measure: arrives("per-try-default", headers{wire.Delay: "2s"}, http.StatusGatewayTimeout, 1),
	},
	{
		name:    "Retries.PerTryTimeout on gateway-error",
		rules:   only(mesh.Rule{Retries: mesh.Retries{Attempts: 1, PerTryTimeout: 300 * time.Millisecond, On: []string{"gateway-error"}}}),
		measure: arrives("per-try-gateway", headers{wire.Delay: "2s"}, http.StatusGatewayTimeout, 2),
	},
	{
		name:    "Retries.PerTryTimeout on reset",
		rules:   only(mesh.Rule{Retries: mesh.Retries{Attempts: 1, PerTryTimeout: 300 * time.Millisecond, On: []string{"reset"}}}),
		measure: arrives("per-try-reset", headers{wire.Delay: "2s"}, http.StatusGatewayTimeout, 2),
	},
	{
		name:    "Retries.PerTryTimeout on 504",
		rules:   only(mesh.Rule{Retries: mesh.Retries{Attempts: 1, PerTryTimeout: 300 * time.Millisecond, On: []string{"504"}}}),
		measure: arrives("per-try-504", headers{wire.Delay: "2s"}, http.StatusGatewayTimeout, 1),
	},
	{
		name:    "Retries within Timeout",
		rules:   only(mesh.Rule{Timeout: time.Second, Retries: mesh.Retries{Attempts: 9, PerTryTimeout: 600 * time.Millisecond, On: []string{"5xx"}}}),
		measure: arrives("within", headers{wire.Delay: "2s"}, http.StatusGatewayTimeout, 2),
	},

	{name: "Mirror", rules: mirrored(nil), measure: copies("mirror", 100)},
	{name: "Mirror.Percent 0", rules: mirrored(new(0.0)), measure: copies("mirror-0", 0)},
	{name: "Mirror.Percent 50", rules: mirrored(new(50.0)), measure: copies("mirror-50", 50)},

	{
		name: "To by Weight",
		rules: func(v1, v2 infra.Workload) []mesh.Rule {
			return []mesh.Rule{{To: []mesh.Destination{{Workload: v1, Weight: 30}, {Workload: v2, Weight: 70}}}}
		},
		measure: func(t *testing.T, m measured) {
			const id = "weight"
			require.Equal(t, map[int]int{http.StatusOK: shareCalls}, m.statuses(t, shareCalls, headers{wire.ID: id}))
			toV1 := count(t, m.namespace, "v1", id)
			assertShare(t, 30, toV1, shareCalls, "to v1")
			assert.Equal(t, shareCalls-toV1, count(t, m.namespace, "v2", id), "to v2")
		},
	},
	{
		name: "To with the Weights 0 and 100",
		rules: func(v1, v2 infra.Workload) []mesh.Rule {
			return []mesh.Rule{{To: []mesh.Destination{{Workload: v1, Weight: 0}, {Workload: v2, Weight: 100}}}}
		},
		measure: func(t *testing.T, m measured) {
			const calls, id = 50, "weight-0"
			require.Equal(t, map[int]int{http.StatusOK: calls}, m.statuses(t, calls, headers{wire.ID: id}))
			assert.Zero(t, count(t, m.namespace, "v1", id), "calls to v1")
		},
	},
}
