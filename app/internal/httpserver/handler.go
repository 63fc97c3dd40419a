// Package httpserver serves the tutorial's HTTP endpoints and the probes.
package httpserver

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"time"

	"go.opentelemetry.io/otel/trace"
	"google.golang.org/grpc/status"

	"github.com/crossoverJie/k8s-combat/app/contract"
	"github.com/crossoverJie/k8s-combat/app/internal/flags"
	"github.com/crossoverJie/k8s-combat/app/internal/greeter"
	"github.com/crossoverJie/k8s-combat/app/internal/lifecycle"
	"github.com/crossoverJie/k8s-combat/app/internal/logging"
	"github.com/crossoverJie/k8s-combat/app/internal/metrics"
	"github.com/crossoverJie/k8s-combat/app/internal/propagate"
	"github.com/crossoverJie/k8s-combat/app/internal/redact"
)

// Options is what the handlers need. Fields without a default are required.
type Options struct {
	// Hostname is the name of the pod.
	Hostname string
	// PGURL is the database URL to show, password included. Defaults to none.
	PGURL string
	// Provider is asked for its status.
	Provider interface {
		Ping(ctx context.Context) (status string, err error)
	}
	// Greeter calls other pods.
	Greeter interface {
		SayHello(ctx context.Context, target greeter.Target, name string) (message string, err error)
	}
	// Flags are feature flags.
	Flags interface {
		String(ctx context.Context, key, fallback string) string
	}
	// CallTimeout bounds each call of Provider and Greeter.
	CallTimeout time.Duration
	// MaxOutgoingCalls is how many requests may wait for Provider, Greeter and Flags
	// at once.
	MaxOutgoingCalls int
	// MaxBodyBytes is the largest body of a request.
	MaxBodyBytes int64
	// Config returns the page of the effective configuration.
	Config func() ([]byte, error)
	// Fault turns contract.PathFault on. Defaults to off.
	Fault bool
	// Stopping ends what Fault holds up.
	Stopping <-chan struct{}
	// Exit ends the process where Fault is asked to. Defaults to os.Exit.
	Exit func(status int)

	Readiness *lifecycle.Readiness
	Metrics   *metrics.Metrics
	// RequestLog is told of each request. Defaults to none.
	RequestLog *logging.Log
	// Tracer makes a span of each request. Defaults to none.
	Tracer trace.Tracer
	Log    *slog.Logger
}

// NewHandlers returns the handlers of all paths in the contract: of those for callers,
// and of those for whoever runs the service. Every request is counted and logged, a
// panic is a 500, and nothing that a request says can hold more than bounded memory or
// time.
func NewHandlers(o Options) (public, admin http.Handler) {
	h := &handler{Options: o, root: o.Hostname, calls: make(chan struct{}, o.MaxOutgoingCalls)}
	if o.PGURL != "" {
		h.root += "-" + redact.URL(o.PGURL)
	}
	forCallers, forAdmin := newService(o), newService(o)
	forCallers.handle(contract.PathRoot+"{$}", h.serveRoot)
	forCallers.handle(contract.PathPing, h.servePing)
	forCallers.handle(contract.PathService, h.serveService)
	forCallers.handle(contract.PathGRPCClient, h.serveGRPCClient)
	forCallers.handle(contract.PathVersion, h.serveVersion)
	forCallers.handle(contract.PathHeaders, h.serveHeaders)
	forCallers.handleAny(contract.PathEcho, h.serveEcho)
	forCallers.handle(contract.PathStatus+"{code}", h.serveStatus)
	forCallers.handle(contract.PathDelay+"{seconds}", h.serveDelay)
	forAdmin.handle(contract.PathHealth, h.serveHealth)
	forAdmin.handle(contract.PathReady, h.serveReady)
	forAdmin.handle(contract.PathMetrics, o.Metrics.Handler().ServeHTTP)
	forAdmin.handle(contract.PathConfig, h.serveConfig)
	forAdmin.handle(contract.PathFlag, h.serveFlag)
	if o.Fault {
		h.faults = newFaults(o)
		forCallers.faults, forAdmin.faults = h.faults, h.faults
		forAdmin.handle(contract.PathFault, h.faults.serve)
	}
	return forCallers, forAdmin
}

type handler struct {
	Options
	root   string
	faults *faults
	// calls has one value for each request that waits for others.
	calls chan struct{}
}

func (h *handler) serveRoot(w http.ResponseWriter, _ *http.Request) { write(w, h.root) }

func (h *handler) servePing(w http.ResponseWriter, _ *http.Request) { writeFixed(w, "pong") }

func (h *handler) serveHealth(w http.ResponseWriter, _ *http.Request) {
	if h.faults != nil && h.faults.dead() {
		http.Error(w, "not alive: "+switchedOff, http.StatusServiceUnavailable)
		return
	}
	writeFixed(w, "ok")
}

func (h *handler) serveReady(w http.ResponseWriter, _ *http.Request) {
	if !h.Readiness.Ready() {
		http.Error(w, "not ready: "+h.Readiness.Reason(), http.StatusServiceUnavailable)
		return
	}
	writeFixed(w, "ok")
}

func (h *handler) serveConfig(w http.ResponseWriter, r *http.Request) {
	page, err := h.Config()
	if err != nil {
		h.Log.LogAttrs(r.Context(), slog.LevelError, "no configuration page", slog.String("err", err.Error()))
		http.Error(w, "internal error", http.StatusInternalServerError)
		return
	}
	w.Header()["X-Content-Type-Options"] = noSniff
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(page)
}

// serveFlag answers the value of a flag of text, or the query's default.
func (h *handler) serveFlag(w http.ResponseWriter, r *http.Request) {
	query := r.URL.Query()
	name, fallback := query.Get("name"), query.Get("default")
	if !flags.Valid(name) {
		badRequest(w, "name", name, errFlagName)
		return
	}
	ctx, cancel, ok := h.outgoing(w, r)
	if !ok {
		return
	}
	defer cancel()
	write(w, h.Flags.String(ctx, name, fallback))
}

var errFlagName = fmt.Errorf("allowed are 1 to 128 printable ASCII characters, without parts of dots alone between slashes, such as %s", greetingFlag)

func (h *handler) serveService(w http.ResponseWriter, r *http.Request) {
	ctx, cancel, ok := h.outgoing(w, r)
	if !ok {
		return
	}
	defer cancel()
	providerStatus, err := h.Provider.Ping(ctx)
	if err != nil {
		h.badGateway(w, r, fmt.Sprintf("cannot call the provider: %v", err))
		return
	}
	write(w, providerStatus)
}

// greetingFlag is the feature flag with what PathGRPCClient says before its
// answer.
const greetingFlag = "greeting"

// serveGRPCClient greets "world", as the tutorial does, on the host that the query
// names.
func (h *handler) serveGRPCClient(w http.ResponseWriter, r *http.Request) {
	query := r.URL.Query()
	name, version := query.Get("name"), query.Get("version")
	target, err := greeter.ParseTarget(name)
	if err != nil {
		badRequest(w, "name", name, err)
		return
	}
	if !propagate.Valid(version) {
		badRequest(w, "version", version, errVersion)
		return
	}
	ctx, cancel, ok := h.outgoing(w, r)
	if !ok {
		return
	}
	defer cancel()
	if version != "" {
		ctx = propagate.WithVersion(ctx, version)
	}

	message, err := h.Greeter.SayHello(ctx, target, "world")
	if errors.Is(err, greeter.ErrRefused) {
		// Nothing of the target, which may have been found out about.
		http.Error(w, "query parameter name: "+err.Error(), http.StatusForbidden)
		return
	}
	if err != nil {
		s := status.Convert(err)
		h.badGateway(w, r, fmt.Sprintf("cannot greet %s: %s: %s", target, s.Code(), s.Message()))
		return
	}
	write(w, h.Flags.String(ctx, greetingFlag, "Greeting")+": "+message)
}

var errVersion = errors.New("allowed are up to 128 printable ASCII characters, such as 100")

// outgoing returns the context of the calls that are made for a request: with
// their deadline, and with what its headers carry on. It answers 400 to a header
// that cannot be carried, and 503 where too many requests wait already.
func (h *handler) outgoing(w http.ResponseWriter, r *http.Request) (ctx context.Context, cancel func(), ok bool) {
	if version := r.Header.Get(contract.VersionHeader); !propagate.Valid(version) {
		http.Error(w, fmt.Sprintf("header %s: %q: %v", contract.VersionHeader, version, errVersion), http.StatusBadRequest)
		return nil, nil, false
	}
	select {
	case h.calls <- struct{}{}:
	default:
		w.Header().Set("Retry-After", "1")
		http.Error(w, fmt.Sprintf("%d calls of other services under way; allowed are as many", cap(h.calls)), http.StatusServiceUnavailable)
		return nil, nil, false
	}
	ctx = r.Context()
	if !trace.SpanContextFromContext(ctx).IsValid() {
		if rec, ok := w.(*recorder); ok {
			rec.passOnID()
		}
		ctx = propagate.FromHTTP(ctx, r.Header)
	}
	ctx, done := context.WithTimeout(ctx, h.CallTimeout)
	return ctx, func() { done(); <-h.calls }, true
}

// badGateway answers 502 with a reason, and logs it.
func (h *handler) badGateway(w http.ResponseWriter, r *http.Request, reason string) {
	reason = logging.Text(reason)
	h.Log.LogAttrs(r.Context(), slog.LevelWarn, "bad gateway", slog.String("path", r.URL.Path), slog.String("err", reason))
	http.Error(w, reason, http.StatusBadGateway)
}

func badRequest(w http.ResponseWriter, parameter, value string, err error) {
	value = logging.Text(value)
	http.Error(w, fmt.Sprintf("query parameter %s=%q: %v", parameter, value, err), http.StatusBadRequest)
}

// Header values that are shared, so that setting one allocates nothing. net/http
// does not change them.
var (
	plainText       = []string{"text/plain; charset=utf-8"}
	noSniff         = []string{"nosniff"}
	closeConnection = []string{"close"}
)

// write answers 200. Text of other services is in some answers: nosniff keeps a
// browser from taking it for a page. There is nobody left to tell of an error.
func write(w http.ResponseWriter, text string) {
	header := w.Header()
	header["Content-Type"] = plainText
	header["X-Content-Type-Options"] = noSniff
	_, _ = io.WriteString(w, text)
}

// writeFixed answers 200 with a text of our own.
func writeFixed(w http.ResponseWriter, text string) {
	// net/http would look at the text for it.
	w.Header()["Content-Type"] = plainText
	_, _ = io.WriteString(w, text)
}
