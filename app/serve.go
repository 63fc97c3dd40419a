package main

import (
	"context"
	"fmt"
	"log/slog"
	"net"

	"github.com/crossoverJie/k8s-combat/app/internal/config"
	"github.com/crossoverJie/k8s-combat/app/internal/greeter"
	"github.com/crossoverJie/k8s-combat/app/internal/grpcserver"
	"github.com/crossoverJie/k8s-combat/app/internal/httpserver"
	"github.com/crossoverJie/k8s-combat/app/internal/lifecycle"
	"github.com/crossoverJie/k8s-combat/app/internal/provider"
)

// serve puts the service together and runs it until ctx ends.
func serve(ctx context.Context, cfg config.Config, hostname string, log *slog.Logger) error {
	httpListener, err := listen("http", cfg.HTTPAddress, log)
	if err != nil {
		return err
	}
	defer httpListener.Close()
	grpcListener, err := listen("grpc", cfg.GRPCAddress, log)
	if err != nil {
		return err
	}
	defer grpcListener.Close()

	greeters := greeter.NewPool(0)
	defer greeters.Close()
	var readiness lifecycle.Readiness
	handler := httpserver.NewHandler(httpserver.Options{
		Hostname:    hostname,
		PGURL:       cfg.PGURL.Reveal(),
		Provider:    provider.New(cfg.ProviderURL),
		Greeter:     greeters,
		CallTimeout: cfg.CallTimeout,
		Ready:       readiness.Ready,
		Log:         log,
	})
	httpServer := httpserver.New(httpListener, handler, cfg.CallTimeout, log)
	grpcServer := grpcserver.New(grpcListener, &greeter.Service{Hostname: hostname}, log)
	readiness.Watch(grpcServer.SetServing)

	return lifecycle.Group{
		Servers:   []lifecycle.Server{httpServer, grpcServer},
		Readiness: &readiness,
		Settle:    cfg.ShutdownSettle,
		Drain:     cfg.ShutdownDrain,
		Log:       log,
	}.Run(ctx)
}

// listen opens a listener and logs where, which the configuration does not say
// of port 0.
func listen(name, address string, log *slog.Logger) (net.Listener, error) {
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return nil, fmt.Errorf("%s server: %w", name, err)
	}
	log.Info("listening", slog.String("listener", name), slog.String("address", listener.Addr().String()))
	return listener, nil
}
