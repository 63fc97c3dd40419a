// Package config reads the service's configuration: flags, the environment and
// the mounted file.
package config

import (
	"log/slog"
	"net/url"
	"time"

	"github.com/crossoverJie/k8s-combat/app/internal/allow"
)

// Config is the effective configuration: what the flags say, else what the
// environment says, else the defaults of the contract. The zero value is not
// valid; Parse makes one that is.
type Config struct {
	// HTTPAddress, GRPCAddress and AdminAddress are where the servers listen, as
	// HOST:PORT. Without a host they listen on all addresses; port 0 is any free port.
	HTTPAddress  string
	GRPCAddress  string
	AdminAddress string

	// H2C has HTTP/2 without TLS taken on HTTPAddress.
	H2C bool
	// TLSCertFile and TLSKeyFile are the paths of a certificate and its key for
	// HTTPAddress and GRPCAddress, both or none.
	TLSCertFile, TLSKeyFile string

	// ProviderURL is the base URL of the service that is asked for /ping.
	ProviderURL *url.URL
	// ProviderRequired keeps the service not ready until it has answered once.
	ProviderRequired bool
	// CallTimeout bounds each call of the provider or of another Greeter.
	CallTimeout time.Duration
	// GRPCTargets are the Greeters that a caller may have called.
	GRPCTargets allow.List
	// MaxOutgoingCalls bounds the calls of other services under way.
	MaxOutgoingCalls int

	// PGURL is the database URL as it was given, password included.
	PGURL Secret
	// PGPassword is the database password, less the line break that
	// `echo password | base64` puts into a Secret.
	PGPassword Secret

	// File is the path of the YAML file, none if empty.
	File string
	// FileRequired keeps the service not ready until the file was read once.
	FileRequired bool
	// FileReload is how often to look for a new one, never if 0.
	FileReload time.Duration

	// StartDelay is how long to wait before listening.
	StartDelay time.Duration
	// ShutdownSettle is how long to go on serving after SIGTERM, not ready.
	ShutdownSettle time.Duration
	// ShutdownDrain bounds the wait for open requests after that.
	ShutdownDrain time.Duration
	// ShutdownFlush bounds the wait for the last telemetry and log lines.
	ShutdownFlush time.Duration

	// Limits of what one client may take.
	MaxBodyBytes    int
	MaxMessageBytes int
	MaxHeaderBytes  int
	MaxStreams      int
	// Limits of what all clients may take together. MaxConnections is that of each
	// port.
	MaxCalls       int
	MaxConnections int
	// MaxConnectionAge is how long a gRPC connection lives, for ever if 0.
	MaxConnectionAge time.Duration
	ReadTimeout      time.Duration
	WriteTimeout     time.Duration
	IdleTimeout      time.Duration

	// Fault turns /fault on.
	Fault bool
	// OFREPEndpoint is where feature flags are asked for, nil if nowhere.
	OFREPEndpoint *url.URL

	LogLevel slog.Level
	// LogFile is written to besides standard output, none if empty.
	LogFile string

	OTel OTel
}

// OTel is what is sent to an OpenTelemetry Collector.
type OTel struct {
	// Endpoint is the collector's URL, nil if there is none.
	Endpoint *url.URL
	Disabled bool
	// Headers may hold a token.
	Headers     map[string]string
	ServiceName string
	Attributes  map[string]string
	// NoTraces, NoMetrics and NoLogs leave a signal out.
	NoTraces, NoMetrics, NoLogs bool
	// Propagators are the forms of headers that carry a trace on.
	Propagators    []string
	Sampler        string
	SamplerShare   float64
	MetricInterval time.Duration
}

// Enabled reports whether anything is sent.
func (o OTel) Enabled() bool { return o.Endpoint != nil && !o.Disabled }
