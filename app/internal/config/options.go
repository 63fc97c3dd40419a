package config

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/crossoverJie/k8s-combat/app/contract"
	"github.com/crossoverJie/k8s-combat/app/internal/allow"
	"github.com/crossoverJie/k8s-combat/app/internal/redact"
)

const (
	// Longer waits are typing errors: no terminationGracePeriodSeconds is meant
	// to be longer.
	maxShutdownWait = time.Hour
	// A caller of /service waits this long at most.
	maxCallTimeout = 10 * time.Minute
	// Nobody waits longer for telemetry than for requests.
	maxShutdownFlush = time.Minute
	minReload        = 100 * time.Millisecond
	maxReload        = time.Hour
	// Shorter limits would cut good clients.
	minIO = 100 * time.Millisecond
)

// option is one setting, in each of its forms.
type option struct {
	flag, env string
	// value names the value in the help.
	value string
	// fallback is the value if neither flag nor environment has one. It passes
	// through set like any other.
	fallback string
	help     string
	// set stores a value in c. Its error says what is wrong and what is allowed,
	// not where the value came from.
	set func(c *Config, value string) error
	// show takes the secrets out of a value for people to read; there are none, if
	// nil.
	show func(value string) string
	// toggle is set for a flag that means true without a value.
	toggle bool
}

func (o option) shown(value string) string {
	if o.show == nil {
		return value
	}
	return o.show(value)
}

func mask(value string) string { return Secret(value).String() }

// options is the one table that flags, environment, help and error messages
// are made from.
func options() []option {
	return []option{{
		flag: "http-address", env: contract.EnvHTTPAddress, value: "HOST:PORT",
		fallback: contract.DefaultHTTPAddress,
		help:     "Address to serve HTTP on. No host: all addresses. Port 0: any free port.",
		set:      func(c *Config, v string) error { return setAddress(&c.HTTPAddress, v) },
	}, {
		flag: "grpc-address", env: contract.EnvGRPCAddress, value: "HOST:PORT",
		fallback: contract.DefaultGRPCAddress,
		help:     "Address to serve gRPC on.",
		set:      func(c *Config, v string) error { return setAddress(&c.GRPCAddress, v) },
	}, {
		flag: "admin-address", env: contract.EnvAdminAddress, value: "HOST:PORT",
		fallback: contract.DefaultAdminAddress,
		help:     "Address to serve probes, metrics, configuration, flags and faults on.",
		set:      func(c *Config, v string) error { return setAddress(&c.AdminAddress, v) },
	}, {
		flag: "http-h2c", env: contract.EnvHTTPH2C, value: "BOOL", toggle: true,
		fallback: "false",
		help:     "Take HTTP/2 without TLS on the HTTP port as well.",
		set:      func(c *Config, v string) error { return setBool(&c.H2C, v) },
	}, {
		flag: "tls-cert-file", env: contract.EnvTLSCertFile, value: "PATH",
		help: "Certificate, in PEM, to serve HTTP and gRPC with. A new one takes effect without a restart. None: no TLS.",
		set:  func(c *Config, v string) error { c.TLSCertFile = v; return nil },
	}, {
		flag: "tls-key-file", env: contract.EnvTLSKeyFile, value: "PATH",
		help: "Its key, in PEM.",
		set:  func(c *Config, v string) error { c.TLSKeyFile = v; return nil },
	}, {
		flag: "provider-url", env: contract.EnvProviderURL, value: "URL",
		fallback: contract.DefaultProviderURL,
		help:     "Base URL of the service that /service calls.",
		set:      func(c *Config, v string) (err error) { c.ProviderURL, err = parseBaseURL(v); return err },
		show:     redact.URL,
	}, {
		flag: "provider-required", env: contract.EnvProviderRequired, value: "BOOL", toggle: true,
		fallback: "false",
		help:     "Not ready until the provider has answered /ping once.",
		set:      func(c *Config, v string) error { return setBool(&c.ProviderRequired, v) },
	}, {
		flag: "call-timeout", env: contract.EnvCallTimeout, value: "DURATION",
		fallback: contract.DefaultCallTimeout.String(),
		help:     "Longest wait for the answer to one call of another service.",
		set: func(c *Config, v string) error {
			return setDuration(&c.CallTimeout, v, time.Millisecond, maxCallTimeout)
		},
	}, {
		flag: "grpc-targets", env: contract.EnvGRPCTargets, value: "TARGET,...",
		fallback: contract.DefaultGRPCTargets,
		help:     "What callers of /grpc_client may name: cluster, loopback, HOST, *.DOMAIN, CIDR, each maybe with :PORT or :*.",
		set:      func(c *Config, v string) (err error) { c.GRPCTargets, err = allow.Parse(v); return err },
	}, {
		flag: "max-outgoing-calls", env: contract.EnvMaxOutgoingCalls, value: "COUNT",
		fallback: strconv.Itoa(contract.DefaultMaxOutgoingCalls),
		help:     "Most calls of other services under way at once (503 beyond).",
		set:      func(c *Config, v string) error { return setNumber(&c.MaxOutgoingCalls, v, 1, 1<<16) },
	}, {
		flag: "pg-url", env: contract.EnvPGURL, value: "URL",
		help: "Database URL that / shows, its password masked.",
		set:  func(c *Config, v string) error { c.PGURL = Secret(v); return nil },
		show: redact.URL,
	}, {
		flag: "pg-pwd", env: contract.EnvPGPassword, value: "PASSWORD",
		help: "Database password. Prefer the environment: a process list shows flags.",
		set:  func(c *Config, v string) error { c.PGPassword = Secret(strings.TrimRight(v, "\r\n")); return nil },
		show: mask,
	}, {
		flag: "config-file", env: contract.EnvConfigFile, value: "PATH",
		fallback: contract.DefaultConfigFile,
		help:     "YAML file with name, pulsar.url and pulsar.token. It may be missing.",
		set:      func(c *Config, v string) error { c.File = v; return nil },
	}, {
		flag: "config-required", env: contract.EnvConfigRequired, value: "BOOL", toggle: true,
		fallback: "false",
		help:     "Not ready while the file is missing or broken at the start. Else its defaults do.",
		set:      func(c *Config, v string) error { return setBool(&c.FileRequired, v) },
	}, {
		flag: "config-reload", env: contract.EnvConfigReload, value: "DURATION",
		fallback: contract.DefaultConfigReload.String(),
		help:     "How often to look for a new file, which takes effect without a restart. 0: never.",
		set:      func(c *Config, v string) error { return setDurationOrZero(&c.FileReload, v, minReload, maxReload) },
	}, {
		flag: "start-delay", env: contract.EnvStartDelay, value: "DURATION",
		fallback: "0s",
		help:     "Wait this long before the ports are opened, as a slow starter does.",
		set:      func(c *Config, v string) error { return setDuration(&c.StartDelay, v, 0, maxShutdownWait) },
	}, {
		flag: "shutdown-settle", env: contract.EnvShutdownSettle, value: "DURATION",
		fallback: contract.DefaultShutdownSettle.String(),
		help:     "On SIGTERM, go on serving this long while not ready. A preStop sleep needs none.",
		set:      func(c *Config, v string) error { return setDuration(&c.ShutdownSettle, v, 0, maxShutdownWait) },
	}, {
		flag: "shutdown-drain", env: contract.EnvShutdownDrain, value: "DURATION",
		fallback: contract.DefaultShutdownDrain.String(),
		help:     "After that, wait this long for open requests to end, then cut them.",
		set:      func(c *Config, v string) error { return setDuration(&c.ShutdownDrain, v, 0, maxShutdownWait) },
	}, {
		flag: "shutdown-flush", env: contract.EnvShutdownFlush, value: "DURATION",
		fallback: contract.DefaultShutdownFlush.String(),
		help:     "After that, take this long at most to send the last telemetry and log lines.",
		set:      func(c *Config, v string) error { return setDuration(&c.ShutdownFlush, v, 0, maxShutdownFlush) },
	}, {
		flag: "max-body-bytes", env: contract.EnvMaxBodyBytes, value: "BYTES",
		fallback: strconv.Itoa(contract.DefaultMaxBodyBytes),
		help:     "Largest body of a request (413 beyond).",
		set:      func(c *Config, v string) error { return setNumber(&c.MaxBodyBytes, v, 0, 64<<20) },
	}, {
		flag: "max-message-bytes", env: contract.EnvMaxMessageBytes, value: "BYTES",
		fallback: strconv.Itoa(contract.DefaultMaxMessageBytes),
		help:     "Largest gRPC message.",
		set:      func(c *Config, v string) error { return setNumber(&c.MaxMessageBytes, v, 1<<10, 16<<20) },
	}, {
		flag: "max-header-bytes", env: contract.EnvMaxHeaderBytes, value: "BYTES",
		fallback: strconv.Itoa(contract.DefaultMaxHeaderBytes),
		help:     "Largest header of a request (431 beyond).",
		set:      func(c *Config, v string) error { return setNumber(&c.MaxHeaderBytes, v, 1<<10, 1<<20) },
	}, {
		flag: "max-streams", env: contract.EnvMaxStreams, value: "COUNT",
		fallback: strconv.Itoa(contract.DefaultMaxStreams),
		help:     "Most calls that one gRPC connection may have open.",
		set:      func(c *Config, v string) error { return setNumber(&c.MaxStreams, v, 1, 1<<20) },
	}, {
		flag: "max-calls", env: contract.EnvMaxCalls, value: "COUNT",
		fallback: strconv.Itoa(contract.DefaultMaxCalls),
		help:     "Most gRPC calls open over all connections. One more ends the oldest that has sent no message, or else the oldest.",
		set:      func(c *Config, v string) error { return setNumber(&c.MaxCalls, v, 1, 1<<20) },
	}, {
		flag: "max-connections", env: contract.EnvMaxConnections, value: "COUNT",
		fallback: strconv.Itoa(contract.DefaultMaxConnections),
		help:     "Most connections to one port. One more closes the one that has been silent for longest.",
		set:      func(c *Config, v string) error { return setNumber(&c.MaxConnections, v, 1, 1<<20) },
	}, {
		flag: "max-connection-age", env: contract.EnvMaxConnectionAge, value: "DURATION",
		fallback: contract.DefaultMaxConnectionAge.String(),
		help:     "Have gRPC clients connect anew, and so find new pods, after this long, give or take a tenth. No call fails. 0: never.",
		set: func(c *Config, v string) error {
			return setDurationOrZero(&c.MaxConnectionAge, v, time.Second, 24*time.Hour)
		},
	}, {
		flag: "read-timeout", env: contract.EnvReadTimeout, value: "DURATION",
		fallback: contract.DefaultReadTimeout.String(),
		help:     "Longest time to receive a request, or the first message of a gRPC call.",
		set:      func(c *Config, v string) error { return setDuration(&c.ReadTimeout, v, minIO, maxShutdownWait) },
	}, {
		flag: "write-timeout", env: contract.EnvWriteTimeout, value: "DURATION",
		fallback: contract.DefaultWriteTimeout.String(),
		help:     "Longest time to send an answer, on top of the calls it takes.",
		set:      func(c *Config, v string) error { return setDuration(&c.WriteTimeout, v, minIO, maxShutdownWait) },
	}, {
		flag: "idle-timeout", env: contract.EnvIdleTimeout, value: "DURATION",
		fallback: contract.DefaultIdleTimeout.String(),
		help:     "How long to keep a connection between two requests.",
		set:      func(c *Config, v string) error { return setDuration(&c.IdleTimeout, v, minIO, maxShutdownWait) },
	}, {
		flag: "fault", env: contract.EnvFault, value: "BOOL", toggle: true,
		fallback: "false",
		help:     "Turn on /fault, by which callers have the service misbehave.",
		set:      func(c *Config, v string) error { return setBool(&c.Fault, v) },
	}, {
		flag: "ofrep-endpoint", env: contract.EnvOFREPEndpoint, value: "URL",
		help: "Base URL of flagd's OFREP, for feature flags, such as http://flagd:8016. None: their defaults.",
		set:  func(c *Config, v string) (err error) { c.OFREPEndpoint, err = parseOptionalURL(v); return err },
		show: redact.URL,
	}, {
		flag: "log-level", env: contract.EnvLogLevel, value: "LEVEL",
		fallback: contract.DefaultLogLevel,
		help:     "Least level to log: debug, info, warn or error.",
		set:      func(c *Config, v string) error { return setLevel(&c.LogLevel, v) },
	}, {
		flag: "log-file", env: contract.EnvLogFile, value: "PATH",
		help: "Append the log to this file too. At 10 MiB it is renamed, app.log to app.1.log.",
		set:  func(c *Config, v string) error { c.LogFile = v; return nil },
	}, {
		flag: "otel-exporter-otlp-endpoint", env: contract.EnvOTLPEndpoint, value: "URL",
		help: "Collector that traces, metrics and logs are sent to, such as http://collector:4317. None: nothing is sent.",
		set:  func(c *Config, v string) (err error) { c.OTel.Endpoint, err = parseCollector(v); return err },
		show: redact.URL,
	}, {
		flag: "otel-exporter-otlp-protocol", env: contract.EnvOTLPProtocol, value: "PROTOCOL",
		fallback: "grpc",
		help:     "Protocol of the collector: grpc.",
		set:      func(_ *Config, v string) error { return oneOf(v, "grpc") },
	}, {
		flag: "otel-exporter-otlp-headers", env: contract.EnvOTLPHeaders, value: "KEY=VALUE,...",
		help: "Headers to send with telemetry. Prefer the environment.",
		set:  func(c *Config, v string) (err error) { c.OTel.Headers, err = parsePairs(v); return err },
		show: mask,
	}, {
		flag: "otel-service-name", env: contract.EnvOTelServiceName, value: "NAME",
		fallback: contract.DefaultOTelServiceName,
		help:     "Name of the service in telemetry.",
		set:      func(c *Config, v string) error { c.OTel.ServiceName = v; return nil },
	}, {
		flag: "otel-resource-attributes", env: contract.EnvOTelResourceAttributes, value: "KEY=VALUE,...",
		help: "More attributes of the service in telemetry.",
		set:  func(c *Config, v string) (err error) { c.OTel.Attributes, err = parsePairs(v); return err },
		show: redact.Attributes,
	}, {
		flag: "otel-propagators", env: contract.EnvOTelPropagators, value: "PROPAGATOR,...",
		fallback: contract.DefaultOTelPropagators,
		help:     "Headers that carry a trace on: tracecontext, baggage, b3, b3multi, or none.",
		set: func(c *Config, v string) error {
			c.OTel.Propagators = strings.Split(v, ",")
			for _, name := range c.OTel.Propagators {
				if err := oneOf(name, "tracecontext", "baggage", "b3", "b3multi", "none"); err != nil {
					return err
				}
			}
			return nil
		},
	}, {
		flag: "otel-traces-exporter", env: contract.EnvOTelTracesExporter, value: "EXPORTER",
		fallback: "otlp",
		help:     "Where traces go: otlp or none.",
		set:      func(c *Config, v string) error { return setExporter(&c.OTel.NoTraces, v) },
	}, {
		flag: "otel-metrics-exporter", env: contract.EnvOTelMetricsExporter, value: "EXPORTER",
		fallback: "otlp",
		help:     "Where metrics go, besides /metrics: otlp or none.",
		set:      func(c *Config, v string) error { return setExporter(&c.OTel.NoMetrics, v) },
	}, {
		flag: "otel-logs-exporter", env: contract.EnvOTelLogsExporter, value: "EXPORTER",
		fallback: "otlp",
		help:     "Where logs go, besides standard output: otlp or none.",
		set:      func(c *Config, v string) error { return setExporter(&c.OTel.NoLogs, v) },
	}, {
		flag: "otel-traces-sampler", env: contract.EnvOTelTracesSampler, value: "SAMPLER",
		fallback: contract.DefaultOTelTracesSampler,
		help:     "Which traces to record: always_on, always_off or traceidratio, after parentbased_ if the caller decides.",
		set: func(c *Config, v string) error {
			c.OTel.Sampler = v
			return oneOf(v, "always_on", "always_off", "traceidratio", "parentbased_always_on", "parentbased_always_off", "parentbased_traceidratio")
		},
	}, {
		flag: "otel-traces-sampler-arg", env: contract.EnvOTelTracesSamplerArg, value: "SHARE",
		fallback: "1",
		help:     "Share of traces that traceidratio records, 0 to 1.",
		set:      func(c *Config, v string) error { return setShare(&c.OTel.SamplerShare, v) },
	}, {
		flag: "otel-metric-export-interval", env: contract.EnvOTelMetricExportInterval, value: "MILLISECONDS",
		fallback: strconv.FormatInt(contract.DefaultOTelMetricExportInterval.Milliseconds(), 10),
		help:     "Time between two exports of metrics.",
		set: func(c *Config, v string) error {
			var ms int
			err := setNumber(&ms, v, 100, int(time.Hour/time.Millisecond))
			c.OTel.MetricInterval = time.Duration(ms) * time.Millisecond
			return err
		},
	}, {
		flag: "otel-sdk-disabled", env: contract.EnvOTelSDKDisabled, value: "BOOL", toggle: true,
		fallback: "false",
		help:     "Send no telemetry, whatever else is set.",
		set:      func(c *Config, v string) error { return setBool(&c.OTel.Disabled, v) },
	}}
}

func setAddress(to *string, value string) error {
	if _, _, err := splitAddress(value); err != nil {
		return err
	}
	*to = value
	return nil
}

func splitAddress(value string) (host string, port int, err error) {
	host, text, err := net.SplitHostPort(value)
	if err != nil || strings.ContainsAny(host, " /") {
		return "", 0, errors.New("not an address; allowed is HOST:PORT or :PORT, such as :8081")
	}
	port, err = parsePort(text, 0)
	return host, port, err
}

func parsePort(text string, least int) (int, error) {
	port, err := strconv.ParseUint(text, 10, 16)
	if err != nil || int(port) < least {
		return 0, fmt.Errorf("port %q; allowed is %d to 65535", text, least)
	}
	return int(port), nil
}

func parseBaseURL(value string) (*url.URL, error) {
	u, err := url.Parse(value)
	switch {
	case err != nil, u.Scheme != "http" && u.Scheme != "https", u.Hostname() == "":
		return nil, errors.New("not a base URL; allowed is http:// or https:// with a host, such as " + contract.DefaultProviderURL)
	case u.User != nil:
		return nil, errors.New("URL with user info; allowed is none")
	case u.RawQuery != "" || u.ForceQuery || u.Fragment != "":
		return nil, errors.New("URL with a query or fragment; allowed is none")
	}
	if u.Port() != "" {
		if _, err := parsePort(u.Port(), 1); err != nil {
			return nil, err
		}
	}
	return u, nil
}

func setDuration(to *time.Duration, value string, least, most time.Duration) error {
	d, err := time.ParseDuration(value)
	switch {
	case err != nil:
		return fmt.Errorf("not a duration; allowed is %v to %v, such as 1.5s", least, most)
	case d < least || d > most:
		return fmt.Errorf("out of range; allowed is %v to %v", least, most)
	}
	*to = d
	return nil
}

// setLevel does not use slog's own parser, which takes "info+2".
func setLevel(to *slog.Level, value string) error {
	for _, level := range []slog.Level{slog.LevelDebug, slog.LevelInfo, slog.LevelWarn, slog.LevelError} {
		if strings.EqualFold(value, level.String()) {
			*to = level
			return nil
		}
	}
	return errors.New("not a level; allowed is debug, info, warn or error")
}

// setDurationOrZero takes 0, which stands for never, beside a range.
func setDurationOrZero(to *time.Duration, value string, least, most time.Duration) error {
	if d, err := time.ParseDuration(value); err == nil && d == 0 {
		*to = 0
		return nil
	}
	if err := setDuration(to, value, least, most); err != nil {
		return fmt.Errorf("%w, or 0", err)
	}
	return nil
}

func setBool(to *bool, value string) error {
	switch strings.ToLower(value) {
	case "true":
		*to = true
	case "false":
		*to = false
	default:
		return errors.New("not a switch; allowed is true or false")
	}
	return nil
}

func setNumber(to *int, value string, least, most int) error {
	n, err := strconv.Atoi(value)
	switch {
	case err != nil:
		return fmt.Errorf("not a whole number; allowed is %d to %d", least, most)
	case n < least || n > most:
		return fmt.Errorf("out of range; allowed is %d to %d", least, most)
	}
	*to = n
	return nil
}

func setShare(to *float64, value string) error {
	share, err := strconv.ParseFloat(value, 64)
	if err != nil || !(share >= 0 && share <= 1) {
		return errors.New("not a share; allowed is 0 to 1, such as 0.1")
	}
	*to = share
	return nil
}

func setExporter(off *bool, value string) error {
	*off = value == "none"
	return oneOf(value, "otlp", "none")
}

func oneOf(value string, allowed ...string) error {
	if slices.Contains(allowed, value) {
		return nil
	}
	return errors.New("unknown; allowed is " + strings.Join(allowed, ", "))
}

func parseOptionalURL(value string) (*url.URL, error) {
	if value == "" {
		return nil, nil
	}
	return parseBaseURL(value)
}

// parseCollector reads the URL of a collector. gRPC has no use for a path.
func parseCollector(value string) (*url.URL, error) {
	u, err := parseOptionalURL(value)
	if err == nil && u != nil && strings.Trim(u.Path, "/") != "" {
		return nil, errors.New("URL with a path; allowed is none with the protocol grpc")
	}
	return u, err
}

// parsePairs reads KEY=VALUE,... as OpenTelemetry has it, values percent-encoded.
// Its error repeats no value.
func parsePairs(value string) (map[string]string, error) {
	if value == "" {
		return nil, nil
	}
	pairs := map[string]string{}
	for pair := range strings.SplitSeq(value, ",") {
		key, text, ok := strings.Cut(pair, "=")
		key = strings.TrimSpace(key)
		text, err := url.PathUnescape(strings.TrimSpace(text))
		if !ok || key == "" || err != nil {
			return nil, errors.New("not a list of pairs; allowed is KEY=VALUE,... with values percent-encoded")
		}
		pairs[key] = text
	}
	return pairs, nil
}
