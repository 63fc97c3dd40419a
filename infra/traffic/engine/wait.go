package engine

import (
	"slices"
	"strings"
)

// Istio's defaults for a route that says nothing (pilot/pkg/networking/core/route/retry/retry.go). No timeout is set:
// documentation has "Default is disabled" for HTTPRoute.timeout.
const (
	defaultAttempts = 2
	defaultRetryOn  = "connect-failure,refused-stream,unavailable,cancelled,retriable-status-codes"
	// defaultBackoff is Envoy's base interval.
	defaultBackoff = 25 * Millisecond
)

// maxAttempts bounds what is computed: more do not make a difference that can be waited for.
const maxAttempts = 1 << 20

// waitOf is how long the caller of a rule can wait.
//
// Envoy's documentation has the Nth retry after at most (2^N-1) times the base interval. What it does is to double the
// interval each time (JitteredExponentialBackOffStrategy), up to ten times the base: 25, 50, 100, 200, 250, 250 ms.
func waitOf(r *rule) *Wait {
	attempts, perTry, on, base := defaultAttempts, Duration(0), defaultRetryOn, defaultBackoff
	if r.retries != nil {
		attempts, perTry = min(max(r.retries.attempts, 0), maxAttempts), r.retries.perTry
		if r.retries.on != "" {
			on = r.retries.on
		}
		if r.retries.backoff && r.retries.base > 0 {
			base = r.retries.base
		}
	}
	w := &Wait{Tries: attempts + 1}
	pause := Duration(0)
	// Ten times the base is reached with the fifth retry; beyond it all are alike.
	for i := range min(attempts, 5) {
		pause += min(base<<i, 10*base)
	}
	if attempts > 5 {
		pause += Duration(attempts-5) * 10 * base
	}
	var parts []string
	if perTry > 0 {
		all := Duration(attempts+1)*perTry + pause
		if all < 0 {
			all = 1<<63 - 1
		}
		w.Longest, w.Silent, w.Bounded = all, perTry, true
		parts = append(parts, plural(attempts+1, "try")+" of at most "+perTry.String())
		// A try that ran out of time is a reset of Envoy's own, which these alone try again (RetryStateImpl::wouldRetryFromReset).
		again := false
		for part := range strings.SplitSeq(on, ",") {
			again = again || slices.Contains([]string{"5xx", "gateway-error", "reset"}, strings.TrimSpace(part))
		}
		if again {
			w.Silent = all
		}
		if attempts > 0 {
			parts = append(parts, "pauses of at most "+pause.String()+" in all between them")
			if !again {
				parts = append(parts, "a try that runs out of time is not tried again (retryOn has neither 5xx nor gateway-error nor reset)")
			}
		}
	} else if attempts > 0 {
		parts = append(parts, "up to "+plural(attempts, "retry")+" on "+strings.ReplaceAll(on, ",", ", "))
	}
	if r.hasTimeout && r.timeout > 0 {
		if !w.Bounded {
			w.Longest, w.Silent, w.Bounded = r.timeout, r.timeout, true
		}
		w.Longest, w.Silent = min(w.Longest, r.timeout), min(w.Silent, r.timeout)
		parts = append(parts, "a timeout of "+r.timeout.String()+" for all together")
	}
	if w.Bounded && r.fault != nil && r.fault.delay > 0 && r.fault.delayPercent > 0 {
		// The delay comes before the router, whose timeout does not count it
		// (istio.io/latest/docs/ops/common-problems/network-issues, Virtual service with fault injection and retry/timeout).
		w.Longest += r.fault.delay
		w.Silent += r.fault.delay
		parts = append(parts, "after a delay of "+r.fault.delay.String()+", which no timeout counts")
	}
	switch {
	case !w.Bounded:
		w.Text = "there is no timeout: a caller waits as long as the server takes"
	case w.Silent != w.Longest:
		w.Text = "a caller waits at most " + w.Longest.String() + "; a server that never answers gives 504 after " + w.Silent.String()
	default:
		w.Text = "a caller waits at most " + w.Longest.String() + ", and then is told 504"
	}
	if len(parts) > 0 {
		w.Text += " (" + strings.Join(parts, "; ") + ")"
	}
	return w
}
