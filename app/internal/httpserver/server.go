package httpserver

import (
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/crossoverJie/k8s-combat/app/internal/listener"
)

// Limits of what one connection may take.
type Limits struct {
	// HeaderBytes is the largest header. Beyond it a request is refused with 431.
	HeaderBytes int
	// Read bounds the time to send a request.
	Read time.Duration
	// Write bounds the time to receive a request's body, to make the answer, and to
	// send it.
	Write time.Duration
	// Idle bounds the time between two requests.
	Idle time.Duration
	// H2C has HTTP/2 taken without TLS as well.
	H2C bool
	// TLS is what the connections are encrypted with. Defaults to nothing.
	TLS *tls.Config
	// Quiet is how long a drain without requests waits for those that idle connections
	// may still send, or half of the drain where that is less. Defaults to not at all.
	Quiet time.Duration
	// Connections is how many may be open. One more closes the one that has been
	// silent for longest.
	Connections int
}

// Server is an HTTP server on a listener. It is a lifecycle.Server.
type Server struct {
	name string
	// encrypted is set where connections are: configuring HTTP/2 also makes a TLSConfig.
	encrypted bool
	quiet     time.Duration
	listener  *listener.Listener
	server    *http.Server
	// refused, if set, is told of requests that net/http refuses by itself.
	refused func(status int, from net.Addr)

	draining atomic.Bool
	// lastRequest is when the last request came while draining, in nanoseconds.
	lastRequest atomic.Int64
}

// New returns a server that has yet to serve, under the name that the log calls it. While it drains, handler has to
// answer with "Connection: close".
func New(name string, l net.Listener, handler http.Handler, limits Limits, log *slog.Logger) *Server {
	s := &Server{name: name, encrypted: limits.TLS != nil, quiet: limits.Quiet, listener: listener.New(l, limits.Connections)}
	s.server = &http.Server{
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if s.draining.Load() {
				s.lastRequest.Store(time.Now().UnixNano())
			}
			handler.ServeHTTP(w, r)
		}),
		// A limit of its own for the header would be one more timer a request.
		ReadTimeout:    limits.Read,
		WriteTimeout:   limits.Write,
		IdleTimeout:    limits.Idle,
		MaxHeaderBytes: limits.HeaderBytes,
		// Else "OPTIONS *" is answered past the handler, without its Connection: close.
		DisableGeneralOptionsHandler: true,
		ErrorLog:                     slog.NewLogLogger(log.Handler(), slog.LevelWarn),
	}
	s.server.TLSConfig = limits.TLS
	if limits.H2C || limits.TLS != nil {
		s.server.Protocols = &http.Protocols{}
		s.server.Protocols.SetHTTP1(true)
		s.server.Protocols.SetHTTP2(true)
		s.server.Protocols.SetUnencryptedHTTP2(limits.H2C)
		configureHTTP2(s.server)
	}
	if h, ok := handler.(interface {
		Refused(status int, from net.Addr)
	}); ok {
		s.refused = h.Refused
	}
	return s
}

// Name implements lifecycle.Server.
func (s *Server) Name() string { return s.name }

// Serve implements lifecycle.Server.
func (s *Server) Serve() error {
	var l net.Listener = s.listener
	if s.refused != nil {
		l = refusals{l, s.refused}
	}
	var err error
	if s.encrypted {
		err = s.server.ServeTLS(l, "", "")
	} else {
		err = s.server.Serve(l)
	}
	if s.draining.Load() || errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return err
}

// Drain implements lifecycle.Server.
//
// HTTP/1.1 has no way to announce the end of a connection that is idle. A server
// that closes it, as http.Server.Shutdown does first of all, races with a client
// that sends its next request at that moment: the request is lost, and only some
// may be repeated. What is free of races is an answer with "Connection: close". So
// this waits for every connection that was opened before to ask once more, which
// those in use do soon, and gives up on the others once nothing has been asked for
// Limits.Quiet, or half of the drain where that is less. A connection that has been
// idle so long is unlikely to be used in the fraction of a millisecond in which
// closing it could harm.
func (s *Server) Drain(ctx context.Context) error {
	s.lastRequest.Store(time.Now().UnixNano())
	s.draining.Store(true)
	s.listener.StopAccepting()
	s.awaitQuiet(ctx)
	err := s.server.Shutdown(ctx)
	if err == nil || errors.Is(err, net.ErrClosed) {
		// The listener was closed above.
		return nil
	}
	_ = s.server.Close()
	return err
}

// awaitQuiet returns once no connection is open, no request has come for a while,
// or ctx has ended.
func (s *Server) awaitQuiet(ctx context.Context) {
	quiet := s.quiet
	if deadline, ok := ctx.Deadline(); ok {
		quiet = min(quiet, time.Until(deadline)/2)
	}
	ticker := time.NewTicker(5 * time.Millisecond)
	defer ticker.Stop()
	for s.listener.Open() > 0 && time.Since(time.Unix(0, s.lastRequest.Load())) < quiet {
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return
		}
	}
}
