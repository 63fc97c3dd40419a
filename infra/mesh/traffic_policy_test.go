package mesh_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/crossoverJie/k8s-combat/infra/internal/synthtest"
	"github.com/crossoverJie/k8s-combat/infra/mesh"
)

func TestTrafficPolicyGoodInput(t *testing.T) {
	t.Parallel()
	for name, policy := range map[string]mesh.TrafficPolicy{
		"cookie of the session": {LoadBalancer: mesh.LoadBalancing{ConsistentHash: mesh.ConsistentHash{Cookie: "session_id"}}},
		"header":                {LoadBalancer: mesh.LoadBalancing{ConsistentHash: mesh.ConsistentHash{Header: "X-User"}}},
		"pseudo-header":         {LoadBalancer: mesh.LoadBalancing{ConsistentHash: mesh.ConsistentHash{Header: ":path"}}},
		"shortest times": {
			ConnectionPool:   mesh.ConnectionPool{ConnectTimeout: time.Millisecond, IdleTimeout: time.Millisecond},
			OutlierDetection: mesh.OutlierDetection{Interval: time.Millisecond, BaseEjection: time.Millisecond, MaxEjectionPercent: new(int32(100))},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, messages := synthtest.Synth(t, canary(func(_ meshParts, props *mesh.IstioCanaryProps) { props.TrafficPolicy = policy }))
			assert.Empty(t, messages)
		})
	}
}

func TestTrafficPolicyBadInput(t *testing.T) {
	t.Parallel()
	synthtest.BadInput{
		"cookie": {canary(func(_ meshParts, props *mesh.IstioCanaryProps) {
			props.TrafficPolicy.LoadBalancer.ConsistentHash = mesh.ConsistentHash{Cookie: "a;b", CookieTTL: 500 * time.Millisecond}
		}), []string{
			`[chart/canary] TrafficPolicy.LoadBalancer.ConsistentHash.Cookie: "a;b" is not the name of a cookie; use letters, digits, '-' and '_'`,
			`[chart/canary] TrafficPolicy.LoadBalancer.ConsistentHash.CookieTTL: 500ms is not in whole seconds, which is what Istio takes; use for example 1s`,
		}},
		"header": {canary(func(_ meshParts, props *mesh.IstioCanaryProps) {
			props.Versions[1].TrafficPolicy.LoadBalancer.ConsistentHash.Header = "a b"
		}), []string{
			`[chart/canary] Versions[1].TrafficPolicy.LoadBalancer.ConsistentHash.Header: "a b" is not the name of a header; use letters, digits and '-'`,
		}},
		"bounds": {canary(func(_ meshParts, props *mesh.IstioCanaryProps) {
			props.TrafficPolicy = mesh.TrafficPolicy{
				ConnectionPool: mesh.ConnectionPool{
					ConnectTimeout: 500 * time.Microsecond, MaxPendingRequests: -1, MaxRequests: -1, MaxRequestsPerConnection: -1, MaxRetries: -1, IdleTimeout: -time.Second,
				},
				OutlierDetection: mesh.OutlierDetection{Consecutive5xx: -1, Interval: 1500 * time.Microsecond, BaseEjection: -time.Second, MaxEjectionPercent: new(int32(-1))},
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
			`[chart/canary] TrafficPolicy.OutlierDetection.MaxEjectionPercent: -1 is out of range, and Istio takes 0 for its default; use 1 to 100, or leave OutlierDetection out`,
		}},
	}.Run(t)
}
