package httpserver

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"time"
)

// Limits of what one connection may take.
const (
	readHeaderTimeout = 5 * time.Second
	readTimeout       = 15 * time.Second
	// writeMargin is for writing an answer, on top of the longest call that a
	// handler makes.
	writeMargin = 10 * time.Second
	// idleTimeout is above the 60 s of ingress-nginx's upstream connections: the
	// side that sends requests should be the one that closes.
	idleTimeout    = 2 * time.Minute
	maxHeaderBytes = 16 << 10
)

// Server is an HTTP server on a listener. It is a lifecycle.Server.
type Server struct {
	listener net.Listener
	server   *http.Server
}

// New returns a server that has yet to serve. callTimeout is the longest time
// that handler waits for others.
func New(listener net.Listener, handler http.Handler, callTimeout time.Duration, log *slog.Logger) *Server {
	return &Server{
		listener: listener,
		server: &http.Server{
			Handler:           handler,
			ReadHeaderTimeout: readHeaderTimeout,
			ReadTimeout:       readTimeout,
			WriteTimeout:      callTimeout + writeMargin,
			IdleTimeout:       idleTimeout,
			MaxHeaderBytes:    maxHeaderBytes,
			ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelWarn),
		},
	}
}

// Name implements lifecycle.Server.
func (s *Server) Name() string { return "http" }

// Serve implements lifecycle.Server.
func (s *Server) Serve() error {
	if err := s.server.Serve(s.listener); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// Drain implements lifecycle.Server.
func (s *Server) Drain(ctx context.Context) error {
	err := s.server.Shutdown(ctx)
	if err != nil {
		_ = s.server.Close()
	}
	return err
}
