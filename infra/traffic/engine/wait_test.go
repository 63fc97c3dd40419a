package engine_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/crossoverJie/k8s-combat/infra/traffic/engine"
)

func assertShares(t *testing.T, e *engine.Explanation, of func(engine.Share) string, want string) {
	t.Helper()
	require.NotEmpty(t, e.Shares, e.String())
	for _, share := range e.Shares {
		assert.Equal(t, want, of(share), e.String())
	}
}

func TestWaits(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, rule      string
		longest, silent time.Duration
	}{
		{"timeout", "timeout: 5s", 5 * time.Second, 5 * time.Second},
		{"minutes", "timeout: 1m30s", 90 * time.Second, 90 * time.Second},
		{"seconds with a part", "timeout: 1.500s", 1500 * time.Millisecond, 1500 * time.Millisecond},
		// Two retries: 3 tries, and pauses of at most 25 and 50 ms. The default retryOn does not try again what ran out of time.
		{"tries", "retries: {attempts: 2, perTryTimeout: 1s}", 3075 * time.Millisecond, time.Second},
		{"tries again on 5xx", "retries: {attempts: 2, perTryTimeout: 1s, retryOn: 'connect-failure, 5xx'}", 3075 * time.Millisecond, 3075 * time.Millisecond},
		{"tries within a timeout", "timeout: 2s, retries: {attempts: 2, perTryTimeout: 1s, retryOn: 5xx}", 2 * time.Second, 2 * time.Second},
		{"many pauses", "retries: {attempts: 7, perTryTimeout: 1s, retryOn: reset}", 8*time.Second + (25+50+100+200+250+250+250)*time.Millisecond, 8*time.Second + (25+50+100+200+250+250+250)*time.Millisecond},
		{"backoff", "retries: {attempts: 2, perTryTimeout: 1s, backoff: 100ms, retryOn: 5xx}", 3300 * time.Millisecond, 3300 * time.Millisecond},
		{"no retries", "retries: {attempts: 0, perTryTimeout: 1s}", time.Second, time.Second},
		{"snake case", "retries: {attempts: 0, per_try_timeout: 1s}", time.Second, time.Second},
		// A delay is before the router, whose timeout does not count it.
		{"delay", "timeout: 5s, fault: {delay: {fixedDelay: 3s, percentage: {value: 10}}}", 8 * time.Second, 8 * time.Second},
		{"delay of the old percent", "timeout: 5s, fault: {delay: {fixedDelay: 3s, percent: 10}}", 8 * time.Second, 8 * time.Second},
		{"delay of none", "timeout: 5s, fault: {delay: {fixedDelay: 3s}}", 5 * time.Second, 5 * time.Second},
		{"nothing", "name: all", 0, 0},
		{"no timeout", "timeout: 0s", 0, 0},
		{"no duration", "timeout: long", 0, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			e := explain(t, shop+virtual("    - {"+c.rule+", route: [{destination: {host: web, subset: v1}}]}"), get("/"))
			require.NotNil(t, e.Wait, e.String())
			assert.Equal(t, c.longest > 0, e.Wait.Bounded, e.String())
			assert.Equal(t, c.longest, time.Duration(e.Wait.Longest), e.String())
			assert.Equal(t, c.silent, time.Duration(e.Wait.Silent), e.String())
		})
	}
}

func TestDurations(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"1s", "1.5s", "1m30s", "100ms", "0", "0s", "1h", "-2s", "+3ms", "1us", "1µs", "1ns", "2h45m30.5s",
		"", "1", "s", "1d", "1.s", ".5s", "1 s", "1s1", "9999999999h", "1e3s", "--1s"} {
		want, err := time.ParseDuration(text)
		got, ok := engine.ParseDuration(text)
		assert.Equal(t, err == nil, ok, text)
		if err == nil {
			assert.Equal(t, want, time.Duration(got), text)
		}
	}
	for _, d := range []time.Duration{0, 1, 1500, 25 * time.Millisecond, 1500 * time.Millisecond, 90 * time.Second, 2*time.Hour + 30*time.Second, -time.Second} {
		assert.Equal(t, d.String(), engine.Duration(d).String())
	}
}
