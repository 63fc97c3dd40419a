package main

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"log/slog"
	"net"
	"sync"
	"time"

	"github.com/crossoverJie/k8s-combat/app/internal/certificate"
	"github.com/crossoverJie/k8s-combat/app/internal/config"
	"github.com/crossoverJie/k8s-combat/app/internal/flags"
	"github.com/crossoverJie/k8s-combat/app/internal/greeter"
	"github.com/crossoverJie/k8s-combat/app/internal/grpcserver"
	"github.com/crossoverJie/k8s-combat/app/internal/httpserver"
	"github.com/crossoverJie/k8s-combat/app/internal/lifecycle"
	"github.com/crossoverJie/k8s-combat/app/internal/logging"
	"github.com/crossoverJie/k8s-combat/app/internal/metrics"
	"github.com/crossoverJie/k8s-combat/app/internal/propagate"
	"github.com/crossoverJie/k8s-combat/app/internal/provider"
	"github.com/crossoverJie/k8s-combat/app/internal/telemetry"
)

// Reasons not to be ready.
const (
	noFile     = "no configuration file has been read"
	noProvider = "the provider has not answered"
)

// service is the program once its options are known.
type service struct {
	config.Config
	settings []config.Setting
	hostname string

	// stdoutSink and fileSink, nil if there is no file, are the sinks.
	stdoutSink, fileSink *logging.Sink
	sinks                logging.Sinks
	who                  *logging.Identity
	log                  *logging.Log
}

// run serves until ctx ends, sends and writes what is left, and returns the exit
// status.
func (s *service) run(ctx context.Context) int {
	status := exitOK
	propagate.Use(s.OTel.Propagators)
	counters := metrics.New()
	counters.WatchDroppedLogs("stdout", s.stdoutSink.Dropped)
	if s.fileSink != nil {
		counters.WatchDroppedLogs("file", s.fileSink.Dropped)
	}
	sent, err := telemetry.Start(telemetry.Options{
		OTel: s.OTel, Hostname: s.hostname, Metrics: counters.Gatherer(), Log: s.log.Logger,
	})
	if err == nil {
		if sent.Logs != nil {
			s.log.Forward(sent.Logs)
		}
		err = s.serve(ctx, counters, sent)
	}
	if err != nil {
		s.log.Error("failed", slog.String("err", err.Error()))
		status = exitFailure
	} else {
		s.log.Info("stopped")
	}
	s.flush(sent)
	return status
}

// flush keeps to its bound whatever the collector and standard output do. The log
// has the last quarter of it.
func (s *service) flush(sent *telemetry.Telemetry) {
	end := time.Now().Add(s.ShutdownFlush)
	if sent != nil {
		ctx, cancel := context.WithDeadline(context.Background(), end.Add(-s.ShutdownFlush/4))
		defer cancel()
		if err := sent.Shutdown(ctx); err != nil {
			s.log.Warn("the last telemetry is lost", slog.String("err", err.Error()))
		}
	}
	s.sinks.Close(max(time.Until(end), lastWords))
}

// serve puts the service together and runs it until ctx ends.
func (s *service) serve(ctx context.Context, counters *metrics.Metrics, sent *telemetry.Telemetry) error {
	readiness := lifecycle.NewReadiness()
	counters.WatchReady(readiness.Ready)
	// What goes on beside the servers ends with them.
	ctx, cancel := context.WithCancel(ctx)
	var beside sync.WaitGroup
	closing := closers{"file and provider": beside.Wait}
	defer func() {
		cancel()
		closing.close(s.log.Logger)
	}()

	file := s.watchFile(readiness, counters)
	beside.Go(func() { file.Run(ctx, s.FileReload) })
	s.log.Info("starting", config.LogSettings(s.settings), slog.Any("app_file", file.State().File))

	if s.StartDelay > 0 {
		s.log.Info("start delayed", slog.String("start_delay", s.StartDelay.String()))
		select {
		case <-time.After(s.StartDelay):
		case <-ctx.Done():
			return nil
		}
	}
	security, err := s.tls()
	if err != nil {
		return err
	}
	httpListener, err := s.listen("http", s.HTTPAddress)
	if err != nil {
		return err
	}
	defer httpListener.Close()
	grpcListener, err := s.listen("grpc", s.GRPCAddress)
	if err != nil {
		return err
	}
	defer grpcListener.Close()

	adminListener, err := s.listen("admin", s.AdminAddress)
	if err != nil {
		return err
	}
	defer adminListener.Close()

	featureFlags, err := flags.New(s.OFREPEndpoint)
	if err != nil {
		return fmt.Errorf("feature flags: %w", err)
	}
	closing["feature flags"] = featureFlags.Close
	greeters := greeter.NewPool(greeter.Options{Allowed: s.GRPCTargets, Tracer: sent.Client})
	closing["greeters"] = greeters.Close
	neighbour := provider.New(s.ProviderURL, sent.Client)
	if s.ProviderRequired {
		readiness.Block(noProvider)
		beside.Go(func() { s.awaitProvider(ctx, neighbour, readiness) })
	}

	public, admin := httpserver.NewHandlers(httpserver.Options{
		Hostname:         s.hostname,
		PGURL:            s.PGURL.Reveal(),
		Provider:         neighbour,
		Greeter:          greeters,
		Flags:            featureFlags,
		CallTimeout:      s.CallTimeout,
		MaxOutgoingCalls: s.MaxOutgoingCalls,
		MaxBodyBytes:     int64(s.MaxBodyBytes),
		Config:           func() ([]byte, error) { return s.page(file) },
		Fault:            s.Fault,
		Stopping:         ctx.Done(),
		Readiness:        readiness,
		Metrics:          counters,
		RequestLog:       s.log,
		Tracer:           sent.Server,
		Log:              s.log.Logger,
	})
	limits := s.httpLimits()
	limits.H2C, limits.TLS = s.H2C, security
	if s.H2C || security != nil {
		// A connection of HTTP/2 holds many requests, one of TLS more memory.
		limits.Connections = max(1, limits.Connections/http2Weight)
	}
	httpServer := httpserver.New("http", httpListener, public, limits, s.log.Logger)
	adminServer := httpserver.New("admin", adminListener, admin, s.adminLimits(), s.log.Logger)
	grpcServer := grpcserver.New(grpcListener, grpcserver.Options{
		Greeter:         &greeter.Service{Hostname: s.hostname},
		MaxHeaderBytes:  uint32(s.MaxHeaderBytes),
		MaxMessageBytes: uint32(s.MaxMessageBytes),
		MaxStreams:      uint32(s.MaxStreams),
		MaxCalls:        s.MaxCalls,
		MaxConnections:  s.MaxConnections,
		Message:         s.ReadTimeout,
		Unary:           s.CallTimeout + s.WriteTimeout,
		Idle:            s.IdleTimeout,
		Age:             s.MaxConnectionAge,
		TLS:             security,
		Metrics:         counters,
		RequestLog:      s.log,
		Tracer:          sent.Server,
		Log:             s.log.Logger,
	})
	readiness.Watch(func(ready bool, _ string) { grpcServer.SetServing(ready) })

	return lifecycle.Group{
		Servers:   []lifecycle.Server{httpServer, grpcServer},
		Last:      []lifecycle.Server{adminServer},
		Readiness: readiness,
		Settle:    s.ShutdownSettle,
		Drain:     s.ShutdownDrain,
		Log:       s.log.Logger,
	}.Run(ctx)
}

// closeGrace is how long what is beside the servers may take to close. With what the
// servers themselves may take too long it is less than overdue.
const closeGrace = 500 * time.Millisecond

// closers are what is to be closed, by what the log calls it.
type closers map[string]func()

// close closes all at once. It does not wait for what hangs, such as a file system
// or DNS: the last telemetry and the log are still to come.
func (c closers) close(log *slog.Logger) {
	ctx, cancel := context.WithTimeout(context.Background(), closeGrace)
	defer cancel()
	closed := map[string]chan struct{}{}
	for name, f := range c {
		done := make(chan struct{})
		closed[name] = done
		go func() {
			f()
			close(done)
		}()
	}
	for name, done := range closed {
		select {
		case <-done:
		case <-ctx.Done():
			select {
			case <-done:
			default:
				log.Warn("does not close, not waiting for it", slog.String("what", name))
			}
		}
	}
}

// httpLimits has an answer take as long to make as it may. What bounds it begins
// with the request's body, which may take long as well.
func (s *service) httpLimits() httpserver.Limits {
	return s.limits(max(s.CallTimeout, httpserver.MaxDelay), s.MaxConnections, maxQuiet)
}

// maxQuiet is how long callers that keep connections may take to send a request on
// them, while the service drains.
const maxQuiet = 5 * time.Second

// http2Weight is how many connections of HTTP/1.1 one counts for that may be of
// HTTP/2.
const http2Weight = 10

// maxAdminConnections is far more than kubelet and Prometheus have.
const maxAdminConnections = 50

// adminLimits wait for nobody: who asks there asks again.
func (s *service) adminLimits() httpserver.Limits {
	longest := s.CallTimeout
	if s.Fault {
		longest = max(longest, httpserver.MaxFaultDelay)
	}
	return s.limits(longest, maxAdminConnections, 0)
}

func (s *service) limits(longest time.Duration, connections int, quiet time.Duration) httpserver.Limits {
	return httpserver.Limits{
		HeaderBytes: s.MaxHeaderBytes, Read: s.ReadTimeout, Write: s.ReadTimeout + longest + s.WriteTimeout, Idle: s.IdleTimeout,
		Quiet: quiet, Connections: connections,
	}
}

// tls returns what HTTP and gRPC are encrypted with, nil if they are not.
func (s *service) tls() (*tls.Config, error) {
	if s.TLSCertFile == "" {
		return nil, nil
	}
	files, err := certificate.Open(s.TLSCertFile, s.TLSKeyFile)
	if err != nil {
		return nil, err
	}
	return files.Config(), nil
}

// listen opens a listener and logs where, which the configuration does not say
// of port 0.
func (s *service) listen(name, address string) (net.Listener, error) {
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return nil, fmt.Errorf("%s server: %w", name, err)
	}
	s.log.Info("listening", slog.String("listener", name), slog.String("address", listener.Addr().String()))
	return listener, nil
}

// watchFile reads the mounted file, and has each later one take effect. A missing
// or broken one is no reason not to start, and always in the log.
func (s *service) watchFile(readiness *lifecycle.Readiness, counters *metrics.Metrics) *config.Watcher {
	path := slog.String("config_file", s.File)
	watcher := config.NewWatcher(s.File, func(state config.State) {
		counters.Reloaded(state.Err)
		if state.Err != nil {
			s.log.Error("new file not used", path, slog.String("err", state.Problem()))
			return
		}
		s.who.SetName(state.File.Name)
		readiness.Unblock(noFile)
		s.log.Info("new file in force", path, slog.Any("app_file", state.File))
	})
	state := watcher.State()
	s.who.SetName(state.File.Name)
	switch {
	case state.Err == nil:
		return watcher
	case s.FileRequired:
		readiness.Block(noFile)
		s.log.Error("no usable file, not ready until there is one", path, slog.String("err", state.Problem()))
	case state.Missing():
		s.log.Info("no file, using the defaults", path)
	default:
		s.log.Error("unusable file, using the defaults", path, slog.String("err", state.Problem()))
	}
	return watcher
}

// awaitProvider asks the provider every second until it has answered once. That it
// fails later is no reason not to be ready: services that wait for each other would
// never be again.
func (s *service) awaitProvider(ctx context.Context, neighbour *provider.Client, readiness *lifecycle.Readiness) {
	for {
		call, cancel := context.WithTimeout(ctx, s.CallTimeout)
		_, err := neighbour.Ping(call)
		cancel()
		if err == nil {
			readiness.Unblock(noProvider)
			return
		}
		s.log.Warn(noProvider, slog.String("err", err.Error()))
		select {
		case <-time.After(time.Second):
		case <-ctx.Done():
			return
		}
	}
}

// page is the effective configuration, as JSON.
func (s *service) page(file *config.Watcher) ([]byte, error) {
	page, err := json.MarshalIndent(config.NewPage(s.settings, s.File, file.State()), "", "  ")
	return append(page, '\n'), err
}
