// Package contract names what the sample service and the manifests that run it
// must agree on: ports, paths, environment variables, files. Both sides import
// it, so that neither can drift from the other. It imports the standard library
// alone.
package contract

import "time"

// Ports that the service listens on, and the names that its Services give them.
const (
	// HTTPPort serves every path below.
	HTTPPort = 8081
	// HTTPPortName is the name of HTTPPort in the tutorial's Services.
	HTTPPortName = "app"

	// GRPCPort serves helloworld.Greeter, grpc.health.v1.Health and reflection,
	// without TLS.
	GRPCPort = 50051
	// GRPCPortName is the name of GRPCPort in the tutorial's Services.
	GRPCPortName = "grpc"
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
	// PathHealth is for liveness probes: 200 while the process can answer.
	PathHealth = "/healthz"
	// PathReady is for readiness probes: 200 while the service takes traffic,
	// 503 before it has started and from the first moment of a shutdown.
	PathReady = "/readyz"
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
	// EnvProviderURL is the base URL that PathService calls. Defaults to
	// DefaultProviderURL.
	EnvProviderURL = "PROVIDER_URL"
	// EnvCallTimeout bounds each outgoing call, as a Go duration. Defaults to
	// DefaultCallTimeout.
	EnvCallTimeout = "CALL_TIMEOUT"
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
	// EnvLogLevel is the least level logged: debug, info, warn or error.
	// Defaults to DefaultLogLevel.
	EnvLogLevel = "LOG_LEVEL"
)

// Defaults of the variables above.
const (
	DefaultHTTPAddress = ":8081"
	DefaultGRPCAddress = ":50051"
	DefaultProviderURL = "http://k8s-combat-service:8081"
	DefaultCallTimeout = 2 * time.Second
	// DefaultConfigFile is where the tutorial mounts the key APP of its
	// ConfigMap.
	DefaultConfigFile = "/go/bin/app.yaml"
	// DefaultShutdownSettle is zero, because a preStop sleep has done the
	// waiting before SIGTERM arrives, and it should be paid once.
	DefaultShutdownSettle = 0 * time.Second
	// DefaultShutdownDrain leaves room in a terminationGracePeriodSeconds of 30
	// beside a preStop sleep of 10 seconds.
	DefaultShutdownDrain = 15 * time.Second
	DefaultLogLevel      = "info"
)

// UserID is the user and group that the image runs as. Kubelet's runAsNonRoot
// check needs it to be numeric.
const UserID = 65532
