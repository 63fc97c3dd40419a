// Package httpserver serves the tutorial's HTTP endpoints and the probes.
package httpserver

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"time"

	"google.golang.org/grpc/status"

	"github.com/crossoverJie/k8s-combat/app/contract"
	"github.com/crossoverJie/k8s-combat/app/internal/greeter"
	"github.com/crossoverJie/k8s-combat/app/internal/redact"
)

// Options is what the handlers need. All fields but PGURL are required.
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
		SayHello(ctx context.Context, target greeter.Target, name, version string) (message string, err error)
	}
	// CallTimeout bounds each call of Provider and Greeter.
	CallTimeout time.Duration
	// Ready reports whether the service takes traffic.
	Ready func() bool
	Log   *slog.Logger
}

// NewHandler returns the handler of all paths in the contract. Every request is
// logged, a panic is a 500, and nothing that a request says can hold more than
// bounded memory or time.
func NewHandler(o Options) http.Handler {
	h := &handler{Options: o, root: o.Hostname}
	if o.PGURL != "" {
		h.root += "-" + redact.URL(o.PGURL)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET "+contract.PathRoot+"{$}", h.serveRoot)
	mux.HandleFunc("GET "+contract.PathPing, h.servePing)
	mux.HandleFunc("GET "+contract.PathService, h.serveService)
	mux.HandleFunc("GET "+contract.PathGRPCClient, h.serveGRPCClient)
	mux.HandleFunc("GET "+contract.PathHealth, h.serveHealth)
	mux.HandleFunc("GET "+contract.PathReady, h.serveReady)
	return observe(o.Log, closeUnlessReady(o.Ready, limitBody(mux)))
}

type handler struct {
	Options
	root string
}

func (h *handler) serveRoot(w http.ResponseWriter, _ *http.Request) { write(w, h.root) }

func (h *handler) servePing(w http.ResponseWriter, _ *http.Request) { write(w, "pong") }

func (h *handler) serveHealth(w http.ResponseWriter, _ *http.Request) { write(w, "ok") }

func (h *handler) serveReady(w http.ResponseWriter, _ *http.Request) {
	if !h.Ready() {
		http.Error(w, "not ready", http.StatusServiceUnavailable)
		return
	}
	write(w, "ok")
}

func (h *handler) serveService(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), h.CallTimeout)
	defer cancel()
	providerStatus, err := h.Provider.Ping(ctx)
	if err != nil {
		h.badGateway(w, r, fmt.Sprintf("cannot call the provider: %v", err))
		return
	}
	write(w, providerStatus)
}

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
	if err := greeter.CheckVersion(version); err != nil {
		badRequest(w, "version", version, err)
		return
	}

	ctx, cancel := context.WithTimeout(r.Context(), h.CallTimeout)
	defer cancel()
	message, err := h.Greeter.SayHello(ctx, target, "world", version)
	if err != nil {
		s := status.Convert(err)
		h.badGateway(w, r, fmt.Sprintf("cannot greet %s: %s: %s", target, s.Code(), s.Message()))
		return
	}
	write(w, "Greeting: "+message)
}

// badGateway answers 502 with a reason, and logs it.
func (h *handler) badGateway(w http.ResponseWriter, r *http.Request, reason string) {
	h.Log.LogAttrs(r.Context(), slog.LevelWarn, "bad gateway", slog.String("path", r.URL.Path), slog.String("err", reason))
	http.Error(w, reason, http.StatusBadGateway)
}

func badRequest(w http.ResponseWriter, parameter, value string, err error) {
	http.Error(w, fmt.Sprintf("query parameter %s=%q: %v", parameter, value, err), http.StatusBadRequest)
}

// write answers 200. Text of other services is in some answers: nosniff keeps a
// browser from taking it for a page. There is nobody left to tell of an error.
func write(w http.ResponseWriter, text string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	_, _ = io.WriteString(w, text)
}
