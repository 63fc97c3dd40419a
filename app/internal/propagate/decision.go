package propagate

import (
	"context"

	"go.opentelemetry.io/otel/propagation"
)

type decisionKey struct{}

// Decision returns whether a caller who sends no trace has decided that the one that
// begins here is recorded. B3 has such headers, for a proxy that samples before it
// traces; see https://github.com/openzipkin/b3-propagation.
func Decision(ctx context.Context) (sampled, decided bool) {
	sampled, decided = ctx.Value(decisionKey{}).(bool)
	return sampled, decided
}

// withDecision returns ctx with what the headers of a request without a trace
// decide.
func withDecision(ctx context.Context, headers propagation.TextMapCarrier) context.Context {
	if headers.Get("x-b3-flags") == "1" {
		return context.WithValue(ctx, decisionKey{}, true)
	}
	for _, key := range []string{"b3", "x-b3-sampled"} {
		switch headers.Get(key) {
		case "1", "d", "true":
			return context.WithValue(ctx, decisionKey{}, true)
		case "0", "false":
			return context.WithValue(ctx, decisionKey{}, false)
		}
	}
	return ctx
}

// decide sets the headers of a call for which there is no trace. The propagator of B3
// would deny one in the name of a caller who has decided nothing.
func decide(ctx context.Context, headers propagation.TextMapCarrier) {
	sampled, decided := Decision(ctx)
	if !decided {
		return
	}
	value := "0"
	if sampled {
		value = "1"
	}
	headers.Set("b3", value)
	headers.Set("x-b3-sampled", value)
}
