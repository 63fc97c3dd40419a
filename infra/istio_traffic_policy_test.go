package infra_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/crossoverJie/k8s-combat/infra"
)

func TestTrafficPolicyGoodInput(t *testing.T) {
	t.Parallel()
	for name, policy := range map[string]infra.TrafficPolicy{
		"cookie of the session": {LoadBalancer: infra.LoadBalancing{ConsistentHash: infra.ConsistentHash{Cookie: "session_id"}}},
		"header":                {LoadBalancer: infra.LoadBalancing{ConsistentHash: infra.ConsistentHash{Header: "X-User"}}},
		"pseudo-header":         {LoadBalancer: infra.LoadBalancing{ConsistentHash: infra.ConsistentHash{Header: ":path"}}},
		"shortest times": {
			ConnectionPool:   infra.ConnectionPool{ConnectTimeout: time.Millisecond, IdleTimeout: time.Millisecond},
			OutlierDetection: infra.OutlierDetection{Interval: time.Millisecond, BaseEjection: time.Millisecond, MaxEjectionPercent: 100},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, messages := synth(t, canary(func(_ meshParts, props *infra.IstioCanaryProps) { props.TrafficPolicy = policy }))
			assert.Empty(t, messages)
		})
	}
}

func TestTrafficPolicyBadInput(t *testing.T) {
	t.Parallel()
	badInput{
		"cookie": {canary(func(_ meshParts, props *infra.IstioCanaryProps) {
			props.TrafficPolicy.LoadBalancer.ConsistentHash = infra.ConsistentHash{Cookie: "a;b", CookieTTL: 500 * time.Millisecond}
		}), []string{
			`[chart/canary] TrafficPolicy.LoadBalancer.ConsistentHash.Cookie: "a;b" is not the name of a cookie; use letters, digits, '-' and '_'`,
			`[chart/canary] TrafficPolicy.LoadBalancer.ConsistentHash.CookieTTL: 500ms is not in whole seconds, which is what Istio takes; use for example 1s`,
		}},
		"header": {canary(func(_ meshParts, props *infra.IstioCanaryProps) {
			props.Versions[1].TrafficPolicy.LoadBalancer.ConsistentHash.Header = "a b"
		}), []string{
			`[chart/canary] Versions[1].TrafficPolicy.LoadBalancer.ConsistentHash.Header: "a b" is not the name of a header; use letters, digits and '-'`,
		}},
		"bounds": {canary(func(_ meshParts, props *infra.IstioCanaryProps) {
			props.TrafficPolicy = infra.TrafficPolicy{
				ConnectionPool: infra.ConnectionPool{
					ConnectTimeout: 500 * time.Microsecond, MaxPendingRequests: -1, MaxRequests: -1, MaxRequestsPerConnection: -1, MaxRetries: -1, IdleTimeout: -time.Second,
				},
				OutlierDetection: infra.OutlierDetection{Consecutive5xx: -1, Interval: 1500 * time.Microsecond, BaseEjection: -time.Second, MaxEjectionPercent: -1},
			}
		}), []string{
			`[chart/canary] TrafficPolicy.ConnectionPool.MaxPendingRequests: -1 is negative; use 1 or more, or 0 for no bound`,
			`[chart/canary] TrafficPolicy.ConnectionPool.MaxRequests: -1 is negative; use 1 or more, or 0 for no bound`,
			`[chart/canary] TrafficPolicy.ConnectionPool.MaxRequestsPerConnection: -1 is negative; use 1 or more, or 0 for no bound`,
			`[chart/canary] TrafficPolicy.ConnectionPool.MaxRetries: -1 is negative; use 1 or more, or 0 for no bound`,
			`[chart/canary] TrafficPolicy.ConnectionPool.ConnectTimeout: 500µs is not in whole milliseconds, which is what Istio takes; use for example 500ms`,
			`[chart/canary] TrafficPolicy.ConnectionPool.IdleTimeout: -1s is negative; use 0s or more`,
			`[chart/canary] TrafficPolicy.OutlierDetection.Consecutive5xx: -1 is negative; use 1 or more`,
			`[chart/canary] TrafficPolicy.OutlierDetection.Interval: 1.5ms is not in whole milliseconds, which is what Istio takes; use for example 500ms`,
			`[chart/canary] TrafficPolicy.OutlierDetection.BaseEjection: -1s is negative; use 0s or more`,
			`[chart/canary] TrafficPolicy.OutlierDetection.MaxEjectionPercent: -1 is not a percentage; use 0 to 100`,
		}},
	}.run(t)
}
