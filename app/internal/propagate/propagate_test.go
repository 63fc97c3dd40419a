package propagate_test

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"go.opentelemetry.io/otel/trace"
	"google.golang.org/grpc/metadata"

	"github.com/crossoverJie/k8s-combat/app/internal/logging"
	"github.com/crossoverJie/k8s-combat/app/internal/propagate"
)

const (
	traceID     = "0af7651916cd43dd8448eb211c80319c"
	spanID      = "b7ad6b7169203331"
	traceparent = "00-" + traceID + "-" + spanID + "-01"
)

func Example() {
	incoming := http.Header{}
	incoming.Set("b3", traceID+"-"+spanID+"-1")
	incoming.Set("version", "100")
	ctx := propagate.FromHTTP(context.Background(), incoming)

	outgoing := http.Header{}
	propagate.ToHTTP(ctx, outgoing)
	fmt.Println(outgoing.Get("traceparent"))
	fmt.Println(outgoing.Get("version"))
	// Output:
	// 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01
	// 100
}

func header(pairs ...string) http.Header {
	h := http.Header{}
	for i := 0; i < len(pairs); i += 2 {
		h.Set(pairs[i], pairs[i+1])
	}
	return h
}

func TestForms(t *testing.T) {
	for name, h := range map[string]http.Header{
		"W3C":         header("traceparent", traceparent),
		"B3 single":   header("b3", traceID+"-"+spanID+"-1"),
		"B3 multiple": header("x-b3-traceid", traceID, "x-b3-spanid", spanID, "x-b3-sampled", "1"),
		"both":        header("traceparent", traceparent, "b3", strings.Repeat("1", 32)+"-"+strings.Repeat("2", 16)+"-1"),
	} {
		t.Run(name, func(t *testing.T) {
			ctx := propagate.FromHTTP(t.Context(), h)
			span := trace.SpanContextFromContext(ctx)
			assert.Equal(t, traceID, span.TraceID().String())
			assert.Equal(t, spanID, span.SpanID().String())
			assert.True(t, span.IsSampled())

			out := http.Header{}
			propagate.ToHTTP(ctx, out)
			assert.Equal(t, traceparent, out.Get("traceparent"))
			assert.Equal(t, traceID+"-"+spanID+"-1", out.Get("b3"))
			assert.Equal(t, traceID, out.Get("x-b3-traceid"))
			assert.Equal(t, spanID, out.Get("x-b3-spanid"))
			assert.Equal(t, "1", out.Get("x-b3-sampled"))
		})
	}
}

func TestFromHTTPToGRPC(t *testing.T) {
	ctx := propagate.FromHTTP(t.Context(), header("traceparent", traceparent, "baggage", "a=b", "version", "100", "x-request-id", "r-1"))
	ctx = propagate.ToGRPC(metadata.AppendToOutgoingContext(ctx, "kept", "x"))
	out, _ := metadata.FromOutgoingContext(ctx)
	for key, want := range map[string]string{"traceparent": traceparent, "baggage": "a=b", "version": "100", "x-request-id": "r-1", "kept": "x"} {
		assert.Equal(t, []string{want}, out.Get(key), key)
	}

	back := propagate.FromGRPC(metadata.NewIncomingContext(t.Context(), out))
	h := http.Header{}
	propagate.ToHTTP(back, h)
	assert.Equal(t, traceparent, h.Get("traceparent"))
	assert.Equal(t, "100", h.Get("version"))
}

func TestNothingIsMadeUp(t *testing.T) {
	out := http.Header{}
	propagate.ToHTTP(propagate.FromHTTP(t.Context(), http.Header{}), out)
	assert.Empty(t, out.Get("traceparent"))
	assert.Empty(t, out.Get("version"))
	assert.Empty(t, out.Get("x-b3-traceid"))
}

func TestWhatCannotBeCarriedIsLeftOut(t *testing.T) {
	out := http.Header{}
	propagate.ToHTTP(propagate.FromHTTP(t.Context(), header(
		"traceparent", "00-zz-1-01", "b3", "what", "version", strings.Repeat("1", 129), "x-request-id", "a\tb",
	)), out)
	assert.Empty(t, out.Get("traceparent"))
	assert.Empty(t, out.Get("version"))
	assert.Empty(t, out.Get("x-request-id"))
}

func TestWithVersion(t *testing.T) {
	ctx := propagate.FromHTTP(t.Context(), header("version", "100", "x-request-id", "r-1"))
	out := http.Header{}
	propagate.ToHTTP(propagate.WithVersion(ctx, "200"), out)
	assert.Equal(t, "200", out.Get("version"))
	assert.Equal(t, "r-1", out.Get("x-request-id"))
}

func TestDescribe(t *testing.T) {
	tests := map[string]struct {
		header http.Header
		want   string
	}{
		"W3C":                 {header("traceparent", traceparent), traceID},
		"B3 single":           {header("b3", traceID+"-"+spanID), traceID},
		"B3 multiple, 64 bit": {header("x-b3-traceid", spanID), spanID},
		"upper case":          {header("x-b3-traceid", strings.ToUpper(traceID)), ""},
		"zero":                {header("traceparent", "00-"+strings.Repeat("0", 32)+"-"+spanID+"-01"), ""},
		"short":               {header("traceparent", "00-1-2-3"), ""},
		"decision alone":      {header("b3", "0"), ""},
		"markup":              {header("x-b3-traceid", `"<b>`), ""},
		"none":                {header(), ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			tt.header.Set("x-request-id", "r-1")
			tt.header.Set("version", "100")
			tt.header.Set("user-agent", "curl")
			want := logging.Request{TraceID: tt.want, RequestID: "r-1", Version: "100", UserAgent: "curl"}
			var got logging.Request
			propagate.DescribeHTTP(&got, tt.header)
			assert.Equal(t, want, got)

			md := metadata.MD{}
			for key, values := range tt.header {
				md.Set(key, values...)
			}
			got = logging.Request{}
			propagate.DescribeGRPC(&got, md)
			assert.Equal(t, want, got)
		})
	}
}

func TestValid(t *testing.T) {
	for _, in := range []string{"", "100", "v1 beta", "~", strings.Repeat("1", 128)} {
		assert.True(t, propagate.Valid(in), in)
	}
	for _, in := range []string{"\n", "1\x00", "\x7f", "é", "\xff", strings.Repeat("1", 129)} {
		assert.False(t, propagate.Valid(in), in)
	}
}

func TestUse(t *testing.T) {
	defer propagate.Use([]string{"tracecontext", "baggage", "b3", "b3multi"})
	const ids = "0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331"
	in := http.Header{"Traceparent": {"00-" + ids + "-01"}, "Baggage": {"a=b"}, "B3": {ids + "-1"}}
	for names, want := range map[string][]string{
		"none":         nil,
		"tracecontext": {"Traceparent"},
		"baggage":      {"Baggage"},
		"b3":           {"B3"},
		"b3multi":      {"X-B3-Sampled", "X-B3-Spanid", "X-B3-Traceid"},
		"b3,baggage":   {"B3", "Baggage"},
	} {
		propagate.Use(strings.Split(names, ","))
		out := http.Header{}
		propagate.ToHTTP(propagate.FromHTTP(t.Context(), in), out)
		assert.ElementsMatch(t, want, slices.Collect(maps.Keys(out)), names)
	}
}
