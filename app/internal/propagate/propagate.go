// Package propagate carries what a request says of itself on to the calls that
// are made for it: its trace, in the headers of W3C and of B3, which Istio's
// proxies join their spans by; the version it asks for; its id. That needs no
// exporter of traces.
package propagate

import (
	"context"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"

	"go.opentelemetry.io/contrib/propagators/b3"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"
	"google.golang.org/grpc/metadata"

	"github.com/crossoverJie/k8s-combat/app/contract"
)

// forms are how traces are carried.
type forms struct {
	// trace reads each form, of which the last wins, and writes each. baggage is there
	// without a trace as well.
	trace, baggage propagation.TextMapPropagator
	// b3 is set where a caller may decide without a trace.
	b3 bool
}

var inUse atomic.Pointer[forms]

func init() { Use([]string{"tracecontext", "baggage", "b3", "b3multi"}) }

// Use has traces carried in the forms that OpenTelemetry's variable OTEL_PROPAGATORS
// knows as tracecontext, baggage, b3 and b3multi. Defaults to all of them. It is for
// the start of a program.
func Use(names []string) {
	none := propagation.NewCompositeTextMapPropagator()
	f := &forms{trace: none, baggage: none}
	var trace []propagation.TextMapPropagator
	encoding := b3.B3Unspecified
	for _, name := range names {
		switch name {
		case "b3":
			encoding |= b3.B3SingleHeader
		case "b3multi":
			encoding |= b3.B3MultipleHeader
		}
	}
	if encoding != b3.B3Unspecified {
		f.b3 = true
		trace = append(trace, b3.New(b3.WithInjectEncoding(encoding)))
	}
	if slices.Contains(names, "tracecontext") {
		trace = append(trace, propagation.TraceContext{})
	}
	if slices.Contains(names, "baggage") {
		f.baggage = propagation.Baggage{}
	}
	f.trace = propagation.NewCompositeTextMapPropagator(trace...)
	inUse.Store(f)
}

// carried are the headers that go on as they are.
type carried struct{ version, requestID string }

type carriedKey struct{}

// FromHTTP returns ctx with what the headers of a request carry.
func FromHTTP(ctx context.Context, h http.Header) context.Context {
	return from(ctx, propagation.HeaderCarrier(h))
}

// FromGRPC returns ctx with what the metadata of the call that it belongs to
// carries.
func FromGRPC(ctx context.Context) context.Context {
	incoming, _ := metadata.FromIncomingContext(ctx)
	return from(ctx, grpcCarrier(incoming))
}

func from(ctx context.Context, headers propagation.TextMapCarrier) context.Context {
	c := carried{version: headers.Get(contract.VersionHeader), requestID: headers.Get(contract.RequestIDHeader)}
	if !Valid(c.version) {
		c.version = ""
	}
	if !Valid(c.requestID) {
		c.requestID = ""
	}
	forms := inUse.Load()
	ctx = forms.baggage.Extract(forms.trace.Extract(ctx, bounded{headers}), bounded{headers})
	if forms.b3 && !trace.SpanContextFromContext(ctx).IsValid() {
		ctx = withDecision(ctx, headers)
	}
	if c == (carried{}) {
		return ctx
	}
	return context.WithValue(ctx, carriedKey{}, c)
}

// maxTraceState is what everybody has to pass on, says W3C. A span keeps it for as
// long as it waits to be sent.
const maxTraceState = 512

// bounded are headers without a tracestate that is too long.
type bounded struct{ propagation.TextMapCarrier }

func (b bounded) Get(key string) string {
	value := b.TextMapCarrier.Get(key)
	if key != "tracestate" {
		return value
	}
	if len(value) > maxTraceState {
		return ""
	}
	// The members are parts of the value, which may be part of something longer.
	return strings.Clone(value)
}

// Values implements propagation.ValuesGetter, for baggage in several headers.
func (b bounded) Values(key string) []string {
	if all, ok := b.TextMapCarrier.(propagation.ValuesGetter); ok {
		return all.Values(key)
	}
	if value := b.Get(key); value != "" {
		return []string{value}
	}
	return nil
}

// WithVersion returns ctx that carries version in place of its own.
func WithVersion(ctx context.Context, version string) context.Context {
	c, _ := ctx.Value(carriedKey{}).(carried)
	c.version = version
	return context.WithValue(ctx, carriedKey{}, c)
}

// ToHTTP sets the headers of a request to what ctx carries.
func ToHTTP(ctx context.Context, h http.Header) { to(ctx, propagation.HeaderCarrier(h)) }

// ToGRPC returns ctx for a call whose metadata has what ctx carries.
func ToGRPC(ctx context.Context) context.Context {
	outgoing, _ := metadata.FromOutgoingContext(ctx)
	if outgoing == nil {
		outgoing = metadata.MD{}
	}
	to(ctx, grpcCarrier(outgoing))
	return metadata.NewOutgoingContext(ctx, outgoing)
}

func to(ctx context.Context, headers propagation.TextMapCarrier) {
	forms := inUse.Load()
	forms.baggage.Inject(ctx, headers)
	if trace.SpanContextFromContext(ctx).IsValid() {
		forms.trace.Inject(ctx, headers)
	} else {
		decide(ctx, headers)
	}
	c, _ := ctx.Value(carriedKey{}).(carried)
	if c.version != "" {
		headers.Set(contract.VersionHeader, c.version)
	}
	if c.requestID != "" {
		headers.Set(contract.RequestIDHeader, c.requestID)
	}
}

// RequestID returns the id that a caller sends, or a new one where that is none.
func RequestID(sent []string) string {
	if len(sent) > 0 && sent[0] != "" && Valid(sent[0]) {
		return sent[0]
	}
	return newRequestID()
}

// newRequestID returns 16 random hexadecimal digits: nobody has to guess them.
func newRequestID() string {
	const digits = "0123456789abcdef"
	var id [16]byte
	random := rand.Uint64()
	for i := range id {
		id[i] = digits[random>>(4*i)&15]
	}
	return string(id[:])
}

const maxLength = 128

// Valid reports whether a value can go on in a header: at most 128 printable
// ASCII characters.
func Valid(value string) bool {
	return len(value) <= maxLength && !strings.ContainsFunc(value, func(r rune) bool { return r < ' ' || r > '~' })
}

// grpcCarrier is metadata, whose keys are in lower case.
type grpcCarrier metadata.MD

func (c grpcCarrier) Get(key string) string {
	if values := c[strings.ToLower(key)]; len(values) > 0 {
		return values[0]
	}
	return ""
}

func (c grpcCarrier) Set(key, value string) { c[strings.ToLower(key)] = []string{value} }

func (c grpcCarrier) Keys() []string {
	keys := make([]string, 0, len(c))
	for key := range c {
		keys = append(keys, key)
	}
	return keys
}
