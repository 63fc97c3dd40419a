package httpserver_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"github.com/crossoverJie/k8s-combat/app/internal/httpserver"
)

// spans returns the spans that a request makes.
func spans(o httpserver.Options, r *http.Request) tracetest.SpanStubs {
	exporter := tracetest.NewInMemoryExporter()
	o.Tracer = sdktrace.NewTracerProvider(sdktrace.WithSyncer(exporter)).Tracer("")
	do(o, r)
	return exporter.GetSpans()
}

func TestSpansJoinTheCallersTrace(t *testing.T) {
	const traceID, spanID = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
	for name, h := range map[string]http.Header{
		"W3C":         {"Traceparent": {"00-" + traceID + "-" + spanID + "-01"}},
		"B3 single":   {"B3": {traceID + "-" + spanID + "-1"}},
		"B3 multiple": {"X-B3-Traceid": {traceID}, "X-B3-Spanid": {spanID}, "X-B3-Sampled": {"1"}},
	} {
		t.Run(name, func(t *testing.T) {
			r := httptest.NewRequest(http.MethodGet, "/service", nil)
			r.Header = h
			var out http.Header
			o := options()
			o.Provider = pinger(func(ctx context.Context) (string, error) {
				out = carried(ctx)
				return "200 OK", nil
			})
			made := spans(o, r)
			require.Len(t, made, 1)
			assert.Equal(t, "GET /service", made[0].Name)
			assert.Equal(t, traceID, made[0].SpanContext.TraceID().String())
			assert.Equal(t, spanID, made[0].Parent.SpanID().String())
			span := made[0].SpanContext.SpanID().String()
			assert.Equal(t, "00-"+traceID+"-"+span+"-01", out.Get("traceparent"))
			assert.Equal(t, traceID+"-"+span+"-1", out.Get("b3"))
		})
	}
}

// A byte that is not UTF-8 would have the export of all spans fail.
func TestSpansAreUTF8(t *testing.T) {
	made := spans(options(), httptest.NewRequest(http.MethodGet, "/%ff", nil))
	require.Len(t, made, 1)
	attributes := map[string]string{}
	for _, a := range made[0].Attributes {
		attributes[string(a.Key)] = a.Value.String()
	}
	assert.Equal(t, "/\uFFFD", attributes["url.path"])
	assert.Equal(t, "GET", made[0].Name)
	assert.NotContains(t, attributes, "http.route")
}

// See https://opentelemetry.io/docs/specs/semconv/http/http-spans/.
func TestSpansOfMethodsThatAreMadeUp(t *testing.T) {
	r := httptest.NewRequest(http.MethodGet, "/ping", nil)
	r.Method = strings.Repeat("X", 15000)
	r.Header.Set("Traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")
	r.Header.Set("Tracestate", "a="+strings.Repeat("x", 250)+",b="+strings.Repeat("x", 255)+",c="+strings.Repeat("x", 255))
	made := spans(options(), r)
	require.Len(t, made, 1)
	assert.Equal(t, "HTTP", made[0].Name)
	assert.Empty(t, made[0].SpanContext.TraceState().String())
	assert.Equal(t, "0af7651916cd43dd8448eb211c80319c", made[0].SpanContext.TraceID().String())
	attributes := map[string]string{}
	for _, a := range made[0].Attributes {
		attributes[string(a.Key)] = a.Value.String()
		assert.LessOrEqual(t, len(a.Value.String()), 256, a.Key)
	}
	assert.Equal(t, "_OTHER", attributes["http.request.method"])
	assert.Equal(t, strings.Repeat("X", 256), attributes["http.request.method_original"])
}

func TestSpansKeepAShortTraceState(t *testing.T) {
	r := httptest.NewRequest(http.MethodGet, "/ping", nil)
	r.Header.Set("Traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")
	r.Header.Set("Tracestate", "vendor=value")
	made := spans(options(), r)
	require.Len(t, made, 1)
	assert.Equal(t, "vendor=value", made[0].SpanContext.TraceState().String())
}
