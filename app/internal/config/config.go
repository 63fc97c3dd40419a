// Package config reads the service's configuration: flags, the environment and
// the mounted file.
package config

import (
	"log/slog"
	"net/url"
	"time"

	"github.com/crossoverJie/k8s-combat/app/internal/redact"
)

// Config is the effective configuration: what the flags say, else what the
// environment says, else the defaults of the contract. The zero value is not
// valid; Parse makes one that is.
type Config struct {
	// HTTPAddress and GRPCAddress are where the servers listen, as HOST:PORT.
	// Without a host they listen on all addresses; port 0 is any free port.
	HTTPAddress string
	GRPCAddress string

	// ProviderURL is the base URL of the service that is asked for /ping.
	ProviderURL *url.URL
	// CallTimeout bounds each call of the provider or of another Greeter.
	CallTimeout time.Duration

	// PGURL is the database URL as it was given, password included.
	PGURL Secret
	// PGPassword is the database password, less the line break that
	// `echo password | base64` puts into a Secret.
	PGPassword Secret

	// File is the path of the YAML file, none if empty.
	File string

	// ShutdownSettle is how long to go on serving after SIGTERM, not ready.
	ShutdownSettle time.Duration
	// ShutdownDrain bounds the wait for open requests after that.
	ShutdownDrain time.Duration

	LogLevel slog.Level
}

// LogValue shows the configuration without its secrets.
func (c Config) LogValue() slog.Value {
	return slog.GroupValue(
		slog.String("http_address", c.HTTPAddress),
		slog.String("grpc_address", c.GRPCAddress),
		slog.String("provider_url", c.ProviderURL.Redacted()),
		slog.String("call_timeout", c.CallTimeout.String()),
		slog.String("pg_url", redact.URL(c.PGURL.Reveal())),
		slog.Any("pg_pwd", c.PGPassword),
		slog.String("config_file", c.File),
		slog.String("shutdown_settle", c.ShutdownSettle.String()),
		slog.String("shutdown_drain", c.ShutdownDrain.String()),
		slog.String("log_level", c.LogLevel.String()),
	)
}
