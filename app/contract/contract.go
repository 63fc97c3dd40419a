// Package contract names what the sample service and the manifests that run it
// must agree on: ports, paths, environment variables, files. Both sides import
// it, so that neither can drift from the other. It imports the standard library
// alone.
package contract

import "time"

// Ports that the service listens on, and the names that its Services give them.
const (
	// HTTPPort serves the paths for callers.
	HTTPPort = 8081
	// HTTPPortName is the name of HTTPPort in the tutorial's Services.
	HTTPPortName = "app"

	// GRPCPort serves helloworld.Greeter, grpc.health.v1.Health and reflection,
	// without TLS.
	GRPCPort = 50051
	// GRPCPortName is the name of GRPCPort in the tutorial's Services.
	GRPCPortName = "grpc"

	// AdminPort serves the paths for whoever runs the service: probes, metrics,
	// configuration, faults. No Service or Ingress leads to it from outside.
	AdminPort = 8082
	// AdminPortName is the name of AdminPort.
	AdminPortName = "http-admin"
)

// Paths served on HTTPPort.
const (
	// PathRoot answers "HOSTNAME-PG_URL", with the URL's password masked.
	PathRoot = "/"
	// PathPing answers "pong".
	PathPing = "/ping"
	// PathService calls PathPing of the provider and reports its status.
	PathService = "/service"
	// PathGRPCClient calls Greeter.SayHello on the host that the query names.
	PathGRPCClient = "/grpc_client"
	// PathVersion answers what was built, as JSON.
	PathVersion = "/version"
	// PathHeaders answers the headers that a request came with, and from where, as
	// JSON. Credentials are masked.
	PathHeaders = "/headers"
	// PathEcho answers that of a request of any method, with the beginning of its
	// body.
	PathEcho = "/echo"
	// PathStatus answers the status of HTTP that follows, such as 503.
	PathStatus = "/status/"
	// PathDelay answers after as many seconds as follow, at most 10.
	PathDelay = "/delay/"
)

// Paths served on AdminPort.
const (
	// PathHealth is for liveness probes: 200 while the process can answer.
	PathHealth = "/healthz"
	// PathReady is for readiness probes: 200 while the service takes traffic,
	// 503 before it has started and from the first moment of a shutdown.
	PathReady = "/readyz"
	// PathMetrics is for Prometheus to read.
	PathMetrics = "/metrics"
	// PathConfig shows the effective configuration as JSON, where each value came
	// from, and no secret.
	PathConfig = "/configz"
	// PathFlag answers the value of the feature flag that the query names.
	PathFlag = "/flag"
	// PathFault misbehaves as its query says. It is 404 unless EnvFault is set.
	PathFault = "/fault"
)

// What the Greeter looks like on the wire: the things a route can match.
const (
	// GreeterService is the gRPC service that the health service reports on,
	// beside the empty name that stands for the whole server.
	GreeterService = "helloworld.Greeter"
	// PathSayHello is the HTTP/2 path of a call of Greeter.SayHello.
	PathSayHello = "/helloworld.Greeter/SayHello"
	// VersionHeader is the metadata key, and so the HTTP/2 header, that carries
	// the version asked for.
	VersionHeader = "version"
	// RequestIDHeader is the header by which proxies tell requests apart. It is
	// logged, and carried to every outgoing call, as VersionHeader is.
	RequestIDHeader = "x-request-id"
)

// Environment variables that the service reads. Each has a flag of the same
// name in lower case, with dashes for underscores. None ends like a variable
// that Kubernetes makes for a Service (_PORT, _HOST, _ADDR): a Service called
// "http" must not configure this one.
const (
	// EnvHTTPAddress is the address HTTP is served on. Defaults to
	// DefaultHTTPAddress.
	EnvHTTPAddress = "HTTP_ADDRESS"
	// EnvGRPCAddress is the address gRPC is served on. Defaults to
	// DefaultGRPCAddress.
	EnvGRPCAddress = "GRPC_ADDRESS"
	// EnvAdminAddress is the address that AdminPort's paths are served on. Defaults to
	// DefaultAdminAddress.
	EnvAdminAddress = "ADMIN_ADDRESS"
	// EnvHTTPH2C, if true, has HTTPPort take HTTP/2 without TLS as well. Defaults to
	// false.
	EnvHTTPH2C = "HTTP_H2C"
	// EnvTLSCertFile and EnvTLSKeyFile are the files, in PEM, of the certificate that
	// HTTPPort and GRPCPort are served with. Default to none: without TLS.
	EnvTLSCertFile = "TLS_CERT_FILE"
	EnvTLSKeyFile  = "TLS_KEY_FILE"
	// EnvProviderURL is the base URL that PathService calls. Defaults to
	// DefaultProviderURL.
	EnvProviderURL = "PROVIDER_URL"
	// EnvCallTimeout bounds each outgoing call, as a Go duration. Defaults to
	// DefaultCallTimeout.
	EnvCallTimeout = "CALL_TIMEOUT"
	// EnvGRPCTargets is what callers of PathGRPCClient may name, as a list. Defaults
	// to DefaultGRPCTargets.
	EnvGRPCTargets = "GRPC_TARGETS"
	// EnvMaxOutgoingCalls is how many calls of other services may be under way at
	// once. Defaults to DefaultMaxOutgoingCalls.
	EnvMaxOutgoingCalls = "MAX_OUTGOING_CALLS"
	// EnvPGURL is the database URL that PathRoot shows. Defaults to none.
	EnvPGURL = "PG_URL"
	// EnvPGPassword is the database password. It is never shown. Defaults to
	// none.
	EnvPGPassword = "PG_PWD"
	// EnvConfigFile is the path of the YAML file to read. Defaults to
	// DefaultConfigFile.
	EnvConfigFile = "CONFIG_FILE"
	// EnvShutdownSettle is how long the service goes on serving, not ready,
	// after SIGTERM, as a Go duration. Defaults to DefaultShutdownSettle.
	EnvShutdownSettle = "SHUTDOWN_SETTLE"
	// EnvShutdownDrain bounds how long open requests may take to end after
	// that, as a Go duration. Defaults to DefaultShutdownDrain.
	EnvShutdownDrain = "SHUTDOWN_DRAIN"
	// EnvShutdownFlush bounds how long sending the last telemetry and writing the
	// last log lines may take after that, as a Go duration. Defaults to
	// DefaultShutdownFlush.
	EnvShutdownFlush = "SHUTDOWN_FLUSH"
	// EnvConfigRequired, if true, keeps the service not ready until the file has
	// been read once. Defaults to false: the file's defaults do.
	EnvConfigRequired = "CONFIG_REQUIRED"
	// EnvConfigReload is how often to look whether the file has changed, as a Go
	// duration; 0 is never. Defaults to DefaultConfigReload.
	EnvConfigReload = "CONFIG_RELOAD"
	// EnvProviderRequired, if true, keeps the service not ready until the provider
	// has answered once. Defaults to false.
	EnvProviderRequired = "PROVIDER_REQUIRED"
	// EnvStartDelay is how long to wait before the ports are opened, as a slow
	// starter does, as a Go duration. Defaults to 0.
	EnvStartDelay = "START_DELAY"
	// EnvFault, if true, turns PathFault on. Defaults to false.
	EnvFault = "FAULT"
	// EnvLogFile is a file that log lines are appended to, besides standard
	// output, where a collector beside the service reads it. Defaults to none.
	EnvLogFile = "LOG_FILE"
	// EnvMaxBodyBytes is the largest body of a request. Defaults to
	// DefaultMaxBodyBytes.
	EnvMaxBodyBytes = "MAX_BODY_BYTES"
	// EnvMaxMessageBytes is the largest gRPC message. Defaults to
	// DefaultMaxMessageBytes.
	EnvMaxMessageBytes = "MAX_MESSAGE_BYTES"
	// EnvMaxCalls is how many gRPC calls may be open over all connections. Defaults
	// to DefaultMaxCalls.
	EnvMaxCalls = "MAX_CALLS"
	// EnvMaxConnections is how many connections one port may have. Defaults to
	// DefaultMaxConnections.
	EnvMaxConnections = "MAX_CONNECTIONS"
	// EnvMaxHeaderBytes is the largest header of a request. Defaults to
	// DefaultMaxHeaderBytes.
	EnvMaxHeaderBytes = "MAX_HEADER_BYTES"
	// EnvMaxStreams is how many calls one gRPC connection may have open. Defaults
	// to DefaultMaxStreams.
	EnvMaxStreams = "MAX_STREAMS"
	// EnvMaxConnectionAge is how long a gRPC connection lives, as a Go duration; 0 is
	// for ever. Defaults to DefaultMaxConnectionAge.
	EnvMaxConnectionAge = "MAX_CONNECTION_AGE"
	// EnvReadTimeout bounds how long a client may take to send a request, as a Go
	// duration. Defaults to DefaultReadTimeout.
	EnvReadTimeout = "READ_TIMEOUT"
	// EnvWriteTimeout bounds how long a client may take to receive an answer, on
	// top of what the answer takes to make, as a Go duration. Defaults to
	// DefaultWriteTimeout.
	EnvWriteTimeout = "WRITE_TIMEOUT"
	// EnvIdleTimeout is how long a connection is kept between two requests, as a
	// Go duration. Defaults to DefaultIdleTimeout.
	EnvIdleTimeout = "IDLE_TIMEOUT"
	// EnvOFREPEndpoint is the base URL where flagd, or another provider of feature
	// flags, speaks the OpenFeature Remote Evaluation Protocol. Defaults to none:
	// every flag has its default.
	EnvOFREPEndpoint = "OFREP_ENDPOINT"
	// EnvLogLevel is the least level logged: debug, info, warn or error.
	// Defaults to DefaultLogLevel.
	EnvLogLevel = "LOG_LEVEL"
)

// Environment variables of OpenTelemetry's SDKs that the service has options for.
// See https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/.
const (
	// EnvOTLPEndpoint is the URL of the collector that telemetry is sent to.
	// Defaults to none: nothing is sent.
	EnvOTLPEndpoint = "OTEL_EXPORTER_OTLP_ENDPOINT"
	// EnvOTLPProtocol is grpc. No other is on offer.
	EnvOTLPProtocol = "OTEL_EXPORTER_OTLP_PROTOCOL"
	// EnvOTLPHeaders are sent with each export, as KEY=VALUE,... They are never
	// shown. Defaults to none.
	EnvOTLPHeaders = "OTEL_EXPORTER_OTLP_HEADERS"
	// EnvOTelServiceName is the attribute service.name. Defaults to
	// DefaultOTelServiceName.
	EnvOTelServiceName = "OTEL_SERVICE_NAME"
	// EnvOTelResourceAttributes are more attributes, as KEY=VALUE,... Defaults to
	// none.
	EnvOTelResourceAttributes = "OTEL_RESOURCE_ATTRIBUTES"
	// EnvOTelPropagators are the forms of headers that carry a trace on, as NAME,...
	// Defaults to DefaultOTelPropagators.
	EnvOTelPropagators = "OTEL_PROPAGATORS"
	// EnvOTelTracesExporter, EnvOTelMetricsExporter and EnvOTelLogsExporter are otlp
	// or none. Default to otlp.
	EnvOTelTracesExporter  = "OTEL_TRACES_EXPORTER"
	EnvOTelMetricsExporter = "OTEL_METRICS_EXPORTER"
	EnvOTelLogsExporter    = "OTEL_LOGS_EXPORTER"
	// EnvOTelTracesSampler says which traces are recorded that the caller has not
	// decided on. Defaults to DefaultOTelTracesSampler.
	EnvOTelTracesSampler = "OTEL_TRACES_SAMPLER"
	// EnvOTelTracesSamplerArg is the share of those, from 0 to 1, where the sampler
	// has one. Defaults to 1.
	EnvOTelTracesSamplerArg = "OTEL_TRACES_SAMPLER_ARG"
	// EnvOTelMetricExportInterval is the time between two exports of metrics, in
	// milliseconds. Defaults to DefaultOTelMetricExportInterval.
	EnvOTelMetricExportInterval = "OTEL_METRIC_EXPORT_INTERVAL"
	// EnvOTelSDKDisabled, if true, turns all of it off. Defaults to false.
	EnvOTelSDKDisabled = "OTEL_SDK_DISABLED"
)

// Defaults of the variables above.
const (
	DefaultHTTPAddress  = ":8081"
	DefaultGRPCAddress  = ":50051"
	DefaultAdminAddress = ":8082"
	DefaultProviderURL  = "http://k8s-combat-service:8081"
	DefaultCallTimeout  = 2 * time.Second
	// DefaultGRPCTargets are names inside the cluster and this pod itself, on
	// GRPCPort.
	DefaultGRPCTargets = "cluster,loopback"
	// DefaultMaxOutgoingCalls times the size of a reply is a few MiB.
	DefaultMaxOutgoingCalls = 64
	// DefaultConfigFile is where the tutorial mounts the key APP of its
	// ConfigMap.
	DefaultConfigFile = "/go/bin/app.yaml"
	// DefaultShutdownSettle is zero, because a preStop sleep has done the
	// waiting before SIGTERM arrives, and it should be paid once.
	DefaultShutdownSettle = 0 * time.Second
	// DefaultShutdownDrain leaves room in a terminationGracePeriodSeconds of 30
	// beside a preStop sleep of 10 seconds.
	DefaultShutdownDrain = 15 * time.Second
	// DefaultShutdownFlush is what a grace period has to hold beside the rest.
	DefaultShutdownFlush = 2 * time.Second
	DefaultConfigReload  = time.Second
	DefaultMaxBodyBytes  = 1 << 20
	// DefaultMaxHeaderBytes is a quarter of what Envoy allows.
	DefaultMaxHeaderBytes = 16 << 10
	// DefaultMaxMessageBytes times DefaultMaxCalls is what messages may take in memory
	// at once: 4 MiB.
	DefaultMaxMessageBytes = 16 << 10
	DefaultMaxCalls        = 256
	DefaultMaxStreams      = 100
	DefaultMaxConnections  = 500
	// DefaultMaxConnectionAge is how long the clients of a headless Service that has
	// grown may take to find its new pods: one that loses no connection does not ask.
	DefaultMaxConnectionAge = 30 * time.Second
	DefaultReadTimeout      = 10 * time.Second
	DefaultWriteTimeout     = 10 * time.Second
	// DefaultIdleTimeout is above the 60 s of ingress-nginx's upstream
	// connections: the side that sends requests should be the one that closes.
	DefaultIdleTimeout = 2 * time.Minute
	DefaultLogLevel    = "info"

	DefaultOTelServiceName   = "k8s-combat"
	DefaultOTelTracesSampler = "parentbased_always_on"
	// DefaultOTelPropagators are W3C's and those that Istio's proxies join their spans
	// by.
	DefaultOTelPropagators = "tracecontext,baggage,b3,b3multi"
	// DefaultOTelMetricExportInterval is OpenTelemetry's own.
	DefaultOTelMetricExportInterval = time.Minute
)

// UserID is the user and group that the image runs as. Kubelet's runAsNonRoot
// check needs it to be numeric.
const UserID = 65532
