package propagate

import (
	"net/http"
	"strings"

	"google.golang.org/grpc/metadata"

	"github.com/crossoverJie/k8s-combat/app/internal/logging"
)

// DescribeHTTP sets what a request log says of the headers of a request. It does
// no more than it must: every request pays for it.
func DescribeHTTP(r *logging.Request, h http.Header) {
	r.TraceID = traceID(first(h["Traceparent"]), first(h["B3"]), first(h["X-B3-Traceid"]))
	r.RequestID = first(h["X-Request-Id"])
	r.Version = first(h["Version"])
	r.UserAgent = first(h["User-Agent"])
}

// DescribeGRPC does that for the metadata of a call.
func DescribeGRPC(r *logging.Request, md metadata.MD) {
	r.TraceID = traceID(first(md["traceparent"]), first(md["b3"]), first(md["x-b3-traceid"]))
	r.RequestID = first(md["x-request-id"])
	r.Version = first(md["version"])
	r.UserAgent = first(md["user-agent"])
}

func first(values []string) string {
	if len(values) == 0 {
		return ""
	}
	return values[0]
}

// traceID returns the id of the trace that the headers name, or nothing if they
// are not as they should be.
func traceID(traceparent, b3Single, b3Multiple string) string {
	if traceparent != "" {
		// VERSION-TRACE-SPAN-FLAGS
		if len(traceparent) >= 55 && traceparent[2] == '-' && traceparent[35] == '-' && isTraceID(traceparent[3:35]) {
			return traceparent[3:35]
		}
	}
	if b3Single != "" {
		// TRACE-SPAN-SAMPLED-PARENT
		if id, _, ok := strings.Cut(b3Single, "-"); ok && isTraceID(id) {
			return id
		}
	}
	if isTraceID(b3Multiple) {
		return b3Multiple
	}
	return ""
}

func isTraceID(id string) bool {
	if len(id) != 32 && len(id) != 16 {
		return false
	}
	zero := true
	for i := range len(id) {
		c := id[i]
		if (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return false
		}
		zero = zero && c == '0'
	}
	return !zero
}
