package httpserver

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"runtime/debug"
	"strings"
	"sync"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"

	"github.com/crossoverJie/k8s-combat/app/contract"
	"github.com/crossoverJie/k8s-combat/app/internal/lifecycle"
	"github.com/crossoverJie/k8s-combat/app/internal/logging"
	"github.com/crossoverJie/k8s-combat/app/internal/metrics"
	"github.com/crossoverJie/k8s-combat/app/internal/propagate"
)

// service is what all requests go through: one handler in place of a chain, since
// each request pays for each step.
type service struct {
	Options
	mux *http.ServeMux
	// routes are by path. Almost all requests are for one of these as it stands, and
	// mux, which knows much more, costs as much as the rest of a short handler.
	routes    map[string]*route
	unmatched *route
	faults    *faults
	// echoes is the path whose requests' bodies are sent back.
	echoes    string
	recorders sync.Pool
}

type route struct {
	*metrics.Route
	name    string
	handler http.HandlerFunc
	// probe is asked every few seconds, so its requests are for debugging only.
	probe bool
}

func newService(o Options) *service {
	const unmatched = "unmatched"
	return &service{
		Options:   o,
		mux:       http.NewServeMux(),
		routes:    map[string]*route{},
		unmatched: &route{Route: o.Metrics.Route(unmatched), name: unmatched},
	}
}

func (s *service) handle(path string, handler http.HandlerFunc) {
	name := strings.TrimSuffix(path, "{$}")
	route := &route{
		Route:   s.Metrics.Route(name),
		name:    name,
		handler: handler,
		probe:   name == contract.PathHealth || name == contract.PathReady || name == contract.PathMetrics,
	}
	if !strings.Contains(name, "{") {
		s.routes[name] = route
	}
	s.register(http.MethodGet+" "+path, route)
}

// handleAny handles requests of any method, whose body it may read.
func (s *service) handleAny(path string, handler http.HandlerFunc) {
	s.register(path, &route{Route: s.Metrics.Route(path), name: path, handler: handler})
	s.echoes = path
}

func (s *service) register(pattern string, route *route) {
	s.mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
		w.(*recorder).route = route
		route.handler(w, r)
	})
}

// ServeHTTP implements http.Handler.
func (s *service) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	rec, ok := s.recorders.Get().(*recorder)
	if !ok {
		rec = &recorder{}
	}
	*rec = recorder{ResponseWriter: w, readiness: s.Readiness, request: r, route: s.unmatched, start: time.Now()}
	defer s.end(rec)

	s.identify(rec)
	if s.faults != nil {
		s.faults.hang(r.Context(), s.Stopping)
	}
	if s.Tracer != nil {
		s.startSpan(rec)
	}
	// What has a body is rare, and http.NoBody costs nothing.
	if r.Body != http.NoBody && r.Body != nil && !s.takeBody(rec) {
		return
	}
	if r.Method == http.MethodGet {
		if route := s.routes[r.URL.Path]; route != nil {
			rec.route = route
			route.handler(rec, rec.request)
			return
		}
	}
	s.mux.ServeHTTP(rec, rec.request)
}

// identify has the answer say by which id the log knows the request: the caller's, or
// a new one.
func (s *service) identify(rec *recorder) {
	rec.requestID = propagate.RequestID(rec.request.Header[requestIDHeader])
	rec.Header()[requestIDHeader] = []string{rec.requestID}
}

// end logs and counts a request, and turns a panic into a 500.
func (s *service) end(rec *recorder) {
	abort := s.recoverPanic(rec, recover())
	rec.begin(http.StatusOK)
	took := time.Since(rec.start)
	rec.route.CountIn(exemplar(rec), rec.request.Method, rec.status, took)
	if rec.span != nil {
		endSpan(rec)
	}
	s.logRequest(rec, took)
	if abort {
		panic(http.ErrAbortHandler)
	}
	*rec = recorder{}
	s.recorders.Put(rec)
}

// recoverPanic answers 500 in place of a handler that panicked. Where the answer
// has begun it returns true: the connection must be cut, or the client would take
// a part for the whole.
func (s *service) recoverPanic(rec *recorder, cause any) (abort bool) {
	if cause == nil {
		return false
	}
	if err, ok := cause.(error); ok && errors.Is(err, http.ErrAbortHandler) {
		return true
	}
	s.Metrics.Panics.Inc()
	r := rec.request
	s.Log.LogAttrs(r.Context(), slog.LevelError, "handler panicked",
		slog.String("method", r.Method), slog.String("path", r.URL.Path),
		slog.String("cause", fmt.Sprint(cause)), slog.String("stack", string(debug.Stack())))
	if rec.status != 0 {
		return true
	}
	http.Error(rec, "internal error", http.StatusInternalServerError)
	return false
}

// logRequest says nothing of a request's query and body, which may hold secrets.
func (s *service) logRequest(rec *recorder, took time.Duration) {
	level := slog.LevelInfo
	if rec.route.probe {
		level = slog.LevelDebug
	}
	if !s.RequestLog.Logs(level) {
		return
	}
	r := rec.request
	line := &rec.line
	*line = logging.Request{
		Level: level, Message: "request", Start: rec.start, Duration: took,
		Method: r.Method, Path: r.URL.Path, Status: rec.status, Bytes: rec.bytes,
	}
	propagate.DescribeHTTP(line, r.Header)
	line.RequestID, line.Client = rec.requestID, clientAddress(r)
	if rec.span != nil {
		line.TraceID = rec.span.SpanContext().TraceID().String()
	}
	s.RequestLog.Request(line)
}

// startSpan begins a span that continues the caller's trace. Probes have none.
func (s *service) startSpan(rec *recorder) {
	r := rec.request
	switch r.URL.Path {
	case contract.PathHealth, contract.PathReady, contract.PathMetrics:
		return
	}
	rec.passOnID()
	name, attributes := spanMethod(r.Method)
	attributes = append(attributes, attribute.String("url.path", logging.Text(r.URL.Path)), attribute.String("url.scheme", "http"))
	ctx, span := s.Tracer.Start(propagate.FromHTTP(r.Context(), r.Header), name,
		trace.WithSpanKind(trace.SpanKindServer), trace.WithAttributes(attributes...))
	rec.span, rec.request = span, r.WithContext(ctx)
}

// spanMethod returns what a span says of a method: that of callers who make up their
// own neither names a span nor is a value that anybody groups by. See
// https://opentelemetry.io/docs/specs/semconv/http/http-spans/.
func spanMethod(method string) (name string, attributes []attribute.KeyValue) {
	const key = "http.request.method"
	if metrics.KnownMethod(method) {
		return method, []attribute.KeyValue{attribute.String(key, method)}
	}
	return "HTTP", []attribute.KeyValue{
		attribute.String(key, contract.LabelOther), attribute.String("http.request.method_original", logging.Text(method)),
	}
}

// exemplar is the id of a trace that is recorded, or nothing.
func exemplar(rec *recorder) string {
	if rec.span == nil || !rec.span.SpanContext().IsSampled() {
		return ""
	}
	return rec.span.SpanContext().TraceID().String()
}

func endSpan(rec *recorder) {
	if rec.route.handler != nil {
		name, _ := spanMethod(rec.request.Method)
		rec.span.SetName(name + " " + rec.route.name)
		rec.span.SetAttributes(attribute.String("http.route", rec.route.name))
	}
	rec.span.SetAttributes(attribute.Int("http.response.status_code", rec.status))
	if rec.status >= http.StatusInternalServerError {
		rec.span.SetStatus(codes.Error, "")
	}
	rec.span.End()
}

// takeBody reads the body, which no handler needs, so that one that is too long,
// too slow or malformed is refused whatever length it said.
func (s *service) takeBody(rec *recorder) (ok bool) {
	r := rec.request
	if len(r.TransferEncoding) > 0 {
		// Where there was a length as well, which net/http does not tell, a proxy that
		// went by it takes the rest for another request. See RFC 9112, 6.1.
		rec.Header()["Connection"] = closeConnection
	}
	if r.ContentLength > s.MaxBodyBytes {
		rec.Header()["Connection"] = closeConnection
		http.Error(rec, fmt.Sprintf("body of %d bytes; allowed are %d", r.ContentLength, s.MaxBodyBytes), http.StatusRequestEntityTooLarge)
		return false
	}
	body := http.MaxBytesReader(rec.ResponseWriter, r.Body, s.MaxBodyBytes)
	var err error
	if r.URL.Path == s.echoes {
		rec.body, err = io.ReadAll(io.LimitReader(body, maxEchoBytes))
		rec.bodyBytes = int64(len(rec.body))
	}
	if err == nil {
		var n int64
		n, err = io.Copy(io.Discard, body)
		rec.bodyBytes += n
	}
	var tooLong *http.MaxBytesError
	switch {
	case err == nil:
		return true
	case errors.As(err, &tooLong):
		http.Error(rec, fmt.Sprintf("body of more than %d bytes; allowed are %[1]d", s.MaxBodyBytes), http.StatusRequestEntityTooLarge)
	case errors.Is(err, os.ErrDeadlineExceeded):
		http.Error(rec, "the body did not come in time", http.StatusRequestTimeout)
	default:
		http.Error(rec, "malformed body", http.StatusBadRequest)
	}
	return false
}

// requestIDHeader is contract.RequestIDHeader as net/http keeps it.
const requestIDHeader = "X-Request-Id"

// passOnID has what is called for a request carry its id, also where the caller sent
// none. Most requests call nobody, and a header costs them as much as their handler.
func (r *recorder) passOnID() { r.request.Header[requestIDHeader] = []string{r.requestID} }

// recorder is one request on its way.
type recorder struct {
	http.ResponseWriter
	readiness *lifecycle.Readiness
	request   *http.Request
	route     *route
	start     time.Time
	span      trace.Span
	// status is 0 until the answer begins.
	status int
	bytes  int64
	line   logging.Request
	// bodyBytes is the length of the request's body, body its beginning where it is
	// sent back.
	bodyBytes int64
	body      []byte
	// requestID is the caller's, or one that is made here.
	requestID string
}

// begin is called before an answer begins. While the service is not ready it has
// the client open its next connection elsewhere. Said with an answer that is no
// race: a client sends no other request on that connection.
func (r *recorder) begin(status int) {
	if r.status != 0 {
		return
	}
	r.status = status
	if !r.readiness.Ready() {
		r.Header()["Connection"] = closeConnection
	}
}

func (r *recorder) WriteHeader(status int) {
	// Informational answers go before the real one.
	if status >= http.StatusOK {
		r.begin(status)
	}
	r.ResponseWriter.WriteHeader(status)
}

func (r *recorder) Write(p []byte) (int, error) {
	r.begin(http.StatusOK)
	n, err := r.ResponseWriter.Write(p)
	r.bytes += int64(n)
	return n, err
}

// WriteString is for io.WriteString, which would copy the text without it.
func (r *recorder) WriteString(text string) (int, error) {
	r.begin(http.StatusOK)
	n, err := io.WriteString(r.ResponseWriter, text)
	r.bytes += int64(n)
	return n, err
}

// Unwrap is for http.ResponseController.
func (r *recorder) Unwrap() http.ResponseWriter { return r.ResponseWriter }
