package config_test

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/crossoverJie/k8s-combat/app/internal/config"
)

func ExampleParse() {
	env := map[string]string{"SHUTDOWN_DRAIN": "5s", "LOG_LEVEL": "debug"}
	lookup := func(name string) (string, bool) { v, ok := env[name]; return v, ok }

	c, _, err := config.Parse([]string{"--shutdown-drain=20s"}, lookup)
	fmt.Println(c.HTTPAddress, c.ShutdownDrain, c.LogLevel, err)

	_, _, err = config.Parse([]string{"--grpc-address=:70000"}, lookup)
	fmt.Println(err)
	// Output:
	// :8081 20s DEBUG <nil>
	// --grpc-address=":70000": port "70000"; allowed is 0 to 65535
}

func TestUsageHasEveryOption(t *testing.T) {
	_, settings, err := config.Parse(nil, environ(nil))
	require.NoError(t, err)
	var usage strings.Builder
	require.NoError(t, config.WriteUsage(&usage))
	assert.True(t, strings.HasPrefix(usage.String(), "k8s-combat is the sample service of the tutorial"))
	for _, s := range settings {
		assert.Contains(t, usage.String(), "  "+s.Flag+"=")
		assert.Contains(t, usage.String(), "("+s.Env+")\n")
		if s.Value != "" {
			assert.Contains(t, usage.String(), "Defaults to "+s.Value+".\n")
		}
	}
	assert.Contains(t, usage.String(), "2 for a bad flag or variable.")
}

func environ(env map[string]string) func(string) (string, bool) {
	return func(name string) (string, bool) { v, ok := env[name]; return v, ok }
}

func TestParse(t *testing.T) {
	tests := map[string]struct {
		args []string
		env  map[string]string
		want func(*config.Config)
	}{
		"defaults":       {want: func(*config.Config) {}},
		"empty variable": {env: map[string]string{"HTTP_ADDRESS": "", "LOG_LEVEL": ""}, want: func(*config.Config) {}},
		"environment": {
			env: map[string]string{
				"HTTP_ADDRESS": "127.0.0.1:80", "GRPC_ADDRESS": "[::1]:81", "PROVIDER_URL": "https://other.ns:443/base",
				"CALL_TIMEOUT": "1.5s", "PG_URL": "postgres://me:pw@db/x", "PG_PWD": "abc\n", "CONFIG_FILE": "/etc/app.yaml",
				"SHUTDOWN_SETTLE": "3s", "SHUTDOWN_DRAIN": "0", "LOG_LEVEL": "WARN",
			},
			want: func(c *config.Config) {
				c.HTTPAddress, c.GRPCAddress = "127.0.0.1:80", "[::1]:81"
				c.ProviderURL.Scheme, c.ProviderURL.Host, c.ProviderURL.Path = "https", "other.ns:443", "/base"
				c.CallTimeout = 1500 * time.Millisecond
				c.PGURL, c.PGPassword = "postgres://me:pw@db/x", "abc"
				c.File = "/etc/app.yaml"
				c.ShutdownSettle, c.ShutdownDrain = 3*time.Second, 0
				c.LogLevel = slog.LevelWarn
			},
		},
		"flags, in each form": {
			args: []string{"-http-address", ":80", "--pg-url=x=y", "--pg-pwd", "", "--log-level=error"},
			want: func(c *config.Config) {
				c.HTTPAddress, c.PGURL, c.LogLevel = ":80", "x=y", slog.LevelError
			},
		},
		"flag before environment": {
			args: []string{"--shutdown-drain=2s", "--config-file="},
			env:  map[string]string{"SHUTDOWN_DRAIN": "wrong, but not asked", "CONFIG_FILE": "/etc/app.yaml", "SHUTDOWN_SETTLE": "1s"},
			want: func(c *config.Config) {
				c.ShutdownDrain, c.File, c.ShutdownSettle = 2*time.Second, "", time.Second
			},
		},
		"variables that Kubernetes sets for Services": {
			env:  map[string]string{"HTTP_PORT": "tcp://10.0.0.1:80", "GRPC_SERVICE_HOST": "10.0.0.1", "APP": "name: k8s-combat"},
			want: func(*config.Config) {},
		},
		"toggles": {
			args: []string{"--fault", "--config-required=true"},
			env:  map[string]string{"PROVIDER_REQUIRED": "TRUE"},
			want: func(c *config.Config) { c.Fault, c.FileRequired, c.ProviderRequired = true, true, true },
		},
		"OpenTelemetry": {
			env: map[string]string{
				"OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector:4317", "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc", "OTEL_SERVICE_NAME": "web",
				"OTEL_RESOURCE_ATTRIBUTES": "service.version=v1,team=a%20b", "OTEL_EXPORTER_OTLP_HEADERS": "authorization=Bearer%20x",
				"OTEL_LOGS_EXPORTER": "none", "OTEL_TRACES_SAMPLER": "traceidratio", "OTEL_TRACES_SAMPLER_ARG": "0.5", "OTEL_METRIC_EXPORT_INTERVAL": "5000",
			},
			want: func(c *config.Config) {
				c.OTel = config.OTel{
					Endpoint: &url.URL{Scheme: "http", Host: "collector:4317"}, ServiceName: "web",
					Attributes: map[string]string{"service.version": "v1", "team": "a b"}, Headers: map[string]string{"authorization": "Bearer x"},
					NoLogs: true, Propagators: []string{"tracecontext", "baggage", "b3", "b3multi"}, Sampler: "traceidratio", SamplerShare: 0.5, MetricInterval: 5 * time.Second,
				}
			},
		},
		"any free port twice": {
			args: []string{"--http-address=:0", "--grpc-address=:0", "--admin-address=:0"},
			want: func(c *config.Config) { c.HTTPAddress, c.GRPCAddress, c.AdminAddress = ":0", ":0", ":0" },
		},
		"one port, two hosts": {
			args: []string{"--http-address=127.0.0.1:80", "--grpc-address=127.0.0.2:80"},
			want: func(c *config.Config) { c.HTTPAddress, c.GRPCAddress = "127.0.0.1:80", "127.0.0.2:80" },
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			want, _, err := config.Parse(nil, environ(nil))
			require.NoError(t, err)
			tt.want(&want)

			got, _, err := config.Parse(tt.args, environ(tt.env))
			require.NoError(t, err)
			assert.Equal(t, want, got)
		})
	}
}

func TestParseDefaults(t *testing.T) {
	c, _, err := config.Parse(nil, environ(nil))
	require.NoError(t, err)
	assert.Equal(t, ":8081", c.HTTPAddress)
	assert.Equal(t, ":50051", c.GRPCAddress)
	assert.Equal(t, ":8082", c.AdminAddress)
	assert.Equal(t, "http://k8s-combat-service:8081", c.ProviderURL.String())
	assert.Equal(t, 2*time.Second, c.CallTimeout)
	assert.Empty(t, c.PGURL.Reveal())
	assert.Empty(t, c.PGPassword.Reveal())
	assert.Equal(t, "/go/bin/app.yaml", c.File)
	assert.Equal(t, time.Duration(0), c.ShutdownSettle)
	assert.Equal(t, 15*time.Second, c.ShutdownDrain)
	assert.Equal(t, 2*time.Second, c.ShutdownFlush)
	assert.Equal(t, time.Second, c.FileReload)
	assert.False(t, c.FileRequired)
	assert.False(t, c.ProviderRequired)
	assert.False(t, c.Fault)
	assert.Equal(t, 1<<20, c.MaxBodyBytes)
	assert.Equal(t, 16<<10, c.MaxHeaderBytes)
	assert.Equal(t, 100, c.MaxStreams)
	assert.Equal(t, 16<<10, c.MaxMessageBytes)
	assert.Equal(t, 256, c.MaxCalls)
	assert.Equal(t, 500, c.MaxConnections)
	assert.Equal(t, 10*time.Second, c.ReadTimeout)
	assert.Equal(t, 10*time.Second, c.WriteTimeout)
	assert.Equal(t, 2*time.Minute, c.IdleTimeout)
	assert.Equal(t, slog.LevelInfo, c.LogLevel)
	assert.False(t, c.OTel.Enabled())
	assert.Nil(t, c.OFREPEndpoint)
}

func TestParseRefuses(t *testing.T) {
	const (
		address  = "not an address; allowed is HOST:PORT or :PORT, such as :8081"
		base     = "not a base URL; allowed is http:// or https:// with a host, such as http://k8s-combat-service:8081"
		wait     = "not a duration; allowed is 0s to 1h0m0s, such as 1.5s"
		waitLong = "out of range; allowed is 0s to 1h0m0s"
		call     = "not a duration; allowed is 1ms to 10m0s, such as 1.5s"
		callLong = "out of range; allowed is 1ms to 10m0s"
		level    = "not a level; allowed is debug, info, warn or error"
	)
	tests := []struct{ flag, env, value, want string }{
		{"http-address", "HTTP_ADDRESS", "8081", address},
		{"http-address", "HTTP_ADDRESS", "::1:8081", address},
		{"http-address", "HTTP_ADDRESS", "http://x:8081", address},
		{"http-address", "HTTP_ADDRESS", "a b:8081", address},
		{"http-address", "HTTP_ADDRESS", "tcp://10.0.0.1:80", address},
		{"http-address", "HTTP_ADDRESS", ":", `port ""; allowed is 0 to 65535`},
		{"http-address", "HTTP_ADDRESS", ":http", `port "http"; allowed is 0 to 65535`},
		{"http-address", "HTTP_ADDRESS", ":-1", `port "-1"; allowed is 0 to 65535`},
		{"http-address", "HTTP_ADDRESS", ":65536", `port "65536"; allowed is 0 to 65535`},
		{"grpc-address", "GRPC_ADDRESS", "50051", address},
		{"grpc-address", "GRPC_ADDRESS", ":70000", `port "70000"; allowed is 0 to 65535`},
		{"provider-url", "PROVIDER_URL", "k8s-combat-service:8081", base},
		{"provider-url", "PROVIDER_URL", "k8s-combat-service", base},
		{"provider-url", "PROVIDER_URL", "ftp://x", base},
		{"provider-url", "PROVIDER_URL", "http://", base},
		{"provider-url", "PROVIDER_URL", "http://:8081", base},
		{"provider-url", "PROVIDER_URL", "http://a b", base},
		{"provider-url", "PROVIDER_URL", "http://x:port", base},
		{"provider-url", "PROVIDER_URL", "http://x:0", `port "0"; allowed is 1 to 65535`},
		{"provider-url", "PROVIDER_URL", "http://x:70000", `port "70000"; allowed is 1 to 65535`},
		{"provider-url", "PROVIDER_URL", "http://x?a=b", "URL with a query or fragment; allowed is none"},
		{"provider-url", "PROVIDER_URL", "http://x#a", "URL with a query or fragment; allowed is none"},
		{"call-timeout", "CALL_TIMEOUT", "2", call},
		{"call-timeout", "CALL_TIMEOUT", "soon", call},
		{"call-timeout", "CALL_TIMEOUT", "0s", callLong},
		{"call-timeout", "CALL_TIMEOUT", "-1s", callLong},
		{"call-timeout", "CALL_TIMEOUT", "11m", callLong},
		{"shutdown-settle", "SHUTDOWN_SETTLE", "5", wait},
		{"shutdown-settle", "SHUTDOWN_SETTLE", "-5s", waitLong},
		{"shutdown-drain", "SHUTDOWN_DRAIN", "1 s", wait},
		{"shutdown-drain", "SHUTDOWN_DRAIN", "-1ns", waitLong},
		{"shutdown-drain", "SHUTDOWN_DRAIN", "2h", waitLong},
		{"shutdown-flush", "SHUTDOWN_FLUSH", "2m", "out of range; allowed is 0s to 1m0s"},
		{"config-required", "CONFIG_REQUIRED", "maybe", "not a switch; allowed is true or false"},
		{"config-reload", "CONFIG_RELOAD", "1ms", "out of range; allowed is 100ms to 1h0m0s, or 0"},
		{"max-body-bytes", "MAX_BODY_BYTES", "1Mi", "not a whole number; allowed is 0 to 67108864"},
		{"max-header-bytes", "MAX_HEADER_BYTES", "10", "out of range; allowed is 1024 to 1048576"},
		{"max-streams", "MAX_STREAMS", "0", "out of range; allowed is 1 to 1048576"},
		{"read-timeout", "READ_TIMEOUT", "0s", "out of range; allowed is 100ms to 1h0m0s"},
		{"ofrep-endpoint", "OFREP_ENDPOINT", "flagd:8016", base},
		{"otel-exporter-otlp-endpoint", "OTEL_EXPORTER_OTLP_ENDPOINT", "collector:4317", base},
		{"otel-exporter-otlp-protocol", "OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf", "unknown; allowed is grpc"},
		{"otel-exporter-otlp-endpoint", "OTEL_EXPORTER_OTLP_ENDPOINT", "http://collector:4317/v1/traces", "URL with a path; allowed is none with the protocol grpc"},
		{"otel-propagators", "OTEL_PROPAGATORS", "b3,jaeger", "unknown; allowed is tracecontext, baggage, b3, b3multi, none"},
		{"grpc-targets", "GRPC_TARGETS", "a b", "not a list of targets; allowed is cluster, loopback, a host name, *.DOMAIN, an IP address or a CIDR range, separated by commas, each maybe with :PORT or :* (IPv6 in brackets), such as cluster,loopback,10.0.0.0/8:9090"},
		{"otel-traces-exporter", "OTEL_TRACES_EXPORTER", "zipkin", "unknown; allowed is otlp, none"},
		{"otel-traces-sampler-arg", "OTEL_TRACES_SAMPLER_ARG", "NaN", "not a share; allowed is 0 to 1, such as 0.1"},
		{"otel-resource-attributes", "OTEL_RESOURCE_ATTRIBUTES", "a", "not a list of pairs; allowed is KEY=VALUE,... with values percent-encoded"},
		{"log-level", "LOG_LEVEL", "loud", level},
		{"log-level", "LOG_LEVEL", "info+2", level},
		{"log-level", "LOG_LEVEL", "a\nb", level},
	}
	// What may be a secret is masked.
	masked := map[string]string{"http://x?a=b": "http://x?a=***", "http://x#a": "http://x#***", "a": "***"}
	for _, tt := range tests {
		t.Run(tt.flag+"="+tt.value, func(t *testing.T) {
			shown := cmp.Or(masked[tt.value], tt.value)
			_, _, err := config.Parse([]string{"--" + tt.flag + "=" + tt.value}, environ(nil))
			assert.EqualError(t, err, fmt.Sprintf("--%s=%q: %s", tt.flag, shown, tt.want))

			_, _, err = config.Parse(nil, environ(map[string]string{tt.env: tt.value}))
			assert.EqualError(t, err, fmt.Sprintf("%s=%q: %s", tt.env, shown, tt.want))
		})
	}
}

func TestParseBoundsValues(t *testing.T) {
	_, settings, err := config.Parse(nil, environ(nil))
	require.NoError(t, err)
	for _, s := range settings {
		_, _, err := config.Parse(nil, environ(map[string]string{s.Env: strings.Repeat("x", 9000)}))
		require.ErrorContains(t, err, ": 9000 bytes; allowed are 8192", s.Env)
		assert.Less(t, len(err.Error()), 400, s.Env)
	}
}

func TestParseRefusesCommandLine(t *testing.T) {
	tests := map[string]struct {
		args []string
		want string
	}{
		"unknown flag":      {[]string{"--port=1"}, "flag provided but not defined: -port; allowed are the flags that --help lists"},
		"flag with a line":  {[]string{"--a\nb=1"}, `flag provided but not defined; allowed are the flags that --help lists`},
		"bad syntax":        {[]string{"---pg-pwd=hunter2"}, "bad flag syntax: ---pg-pwd; allowed are the flags that --help lists"},
		"value missing":     {[]string{"--log-level"}, "flag needs an argument: -log-level; allowed are the flags that --help lists"},
		"argument":          {[]string{"--fault", "hunter2"}, "argument 2 is no flag; allowed are flags alone, see --help"},
		"password glued on": {[]string{"-phunter2"}, "flag provided but not defined; allowed are the flags that --help lists"},
		"same port": {
			[]string{"--http-address=:80", "--grpc-address=127.0.0.1:80"},
			`--http-address or HTTP_ADDRESS=":80", --grpc-address or GRPC_ADDRESS="127.0.0.1:80": the same port twice; allowed are two ports`,
		},
		"certificate without a key": {
			[]string{"--tls-cert-file=/tls.crt"},
			"--tls-cert-file or TLS_CERT_FILE, --tls-key-file or TLS_KEY_FILE: one without the other; allowed are both or neither",
		},
		"same port as admin": {
			[]string{"--admin-address=:8081"},
			`--http-address or HTTP_ADDRESS=":8081", --admin-address or ADMIN_ADDRESS=":8081": the same port twice; allowed are two ports`,
		},
		"same port on all addresses": {
			[]string{"--http-address=0.0.0.0:80", "--grpc-address=[::]:80"},
			`--http-address or HTTP_ADDRESS="0.0.0.0:80", --grpc-address or GRPC_ADDRESS="[::]:80": the same port twice; allowed are two ports`,
		},
		"file that is required, and none": {
			[]string{"--config-required", "--config-file="},
			"--config-required or CONFIG_REQUIRED=true: there is no --config-file or CONFIG_FILE to wait for; allowed are both or neither",
		},
		"several": {
			[]string{"--log-level=x", "--http-address=x"},
			`--http-address="x": not an address; allowed is HOST:PORT or :PORT, such as :8081` + "\n" +
				`--log-level="x": not a level; allowed is debug, info, warn or error`,
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			_, _, err := config.Parse(tt.args, environ(nil))
			assert.EqualError(t, err, tt.want)
		})
	}
}

func TestParseHelp(t *testing.T) {
	for _, arg := range []string{"--help", "-help", "-h"} {
		_, _, err := config.Parse([]string{arg}, environ(map[string]string{"LOG_LEVEL": "wrong"}))
		assert.ErrorIs(t, err, config.ErrHelp, arg)
	}
}

func TestParseNeverPrintsPasswords(t *testing.T) {
	_, _, err := config.Parse([]string{
		"--provider-url=http://me:hunter2@x", "--pg-pwd=hunter2", "--log-level=x", "--otel-exporter-otlp-headers=hunter2",
		"--ofrep-endpoint=http://me:hunter2@x", "--otel-exporter-otlp-endpoint=http://me:hunter2@x",
	}, environ(nil))
	require.ErrorContains(t, err, `--provider-url="http://***@x": URL with user info; allowed is none`)
	assert.NotContains(t, err.Error(), "hunter2")
}

func TestSettings(t *testing.T) {
	_, settings, err := config.Parse([]string{"--log-level=warn", "--pg-url=postgres://me:hunter2@db/x"}, environ(map[string]string{
		"PG_PWD": "hunter2", "SHUTDOWN_DRAIN": "5s", "LOG_LEVEL": "debug", "OTEL_EXPORTER_OTLP_HEADERS": "authorization=hunter2",
	}))
	require.NoError(t, err)
	for _, want := range []config.Setting{
		{Flag: "--log-level", Env: "LOG_LEVEL", Value: "warn", Source: config.FromFlag},
		{Flag: "--pg-url", Env: "PG_URL", Value: "postgres://me:***@db/x", Source: config.FromFlag},
		{Flag: "--pg-pwd", Env: "PG_PWD", Value: "***", Source: config.FromEnvironment},
		{Flag: "--shutdown-drain", Env: "SHUTDOWN_DRAIN", Value: "5s", Source: config.FromEnvironment},
		{Flag: "--otel-exporter-otlp-headers", Env: "OTEL_EXPORTER_OTLP_HEADERS", Value: "***", Source: config.FromEnvironment},
		{Flag: "--http-address", Env: "HTTP_ADDRESS", Value: ":8081", Source: config.FromDefault},
	} {
		assert.Contains(t, settings, want)
	}
	assert.NotContains(t, fmt.Sprint(settings), "hunter2")

	var log bytes.Buffer
	slog.New(slog.NewJSONHandler(&log, nil)).Info("starting", config.LogSettings(settings))
	assert.Contains(t, log.String(), `"config":{"pg_url":"postgres://me:***@db/x","pg_pwd":"***","shutdown_drain":"5s","log_level":"warn",`)
}

func TestPage(t *testing.T) {
	_, settings, err := config.Parse(nil, environ(nil))
	require.NoError(t, err)
	path := write(t, "name: mine\npulsar: {token: hunter2}\n")
	page := config.NewPage(settings, path, config.NewWatcher(path, nil).State())
	assert.NotNil(t, page.File.Read)
	assert.Empty(t, page.File.Problem)
	assert.Equal(t, []config.FileValue{
		{Key: "name", Value: "mine", Source: config.FromFile},
		{Key: "pulsar.url", Value: "", Source: config.FromDefault},
		{Key: "pulsar.token", Value: "***", Source: config.FromFile},
	}, page.File.Values)

	page = config.NewPage(settings, "/nowhere", config.NewWatcher("/nowhere", nil).State())
	assert.Nil(t, page.File.Read)
	assert.Equal(t, "missing", page.File.Problem)
	assert.Equal(t, config.FileValue{Key: "name", Value: "k8s-combat", Source: config.FromDefault}, page.File.Values[0])
}

func TestSecret(t *testing.T) {
	const secret, none = config.Secret("hunter2"), config.Secret("")
	assert.Equal(t, "hunter2", secret.Reveal())
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		assert.Equal(t, "***", fmt.Sprintf(verb, secret), verb)
		assert.Empty(t, fmt.Sprintf(verb, none), verb)
	}
	assert.NotContains(t, fmt.Sprintf("%+v %#v", config.Config{PGURL: secret, ProviderURL: nil}, config.Pulsar{Token: secret}), "hunter2")

	text, err := json.Marshal(config.Config{PGPassword: secret})
	require.NoError(t, err)
	assert.NotContains(t, string(text), "hunter2")
}

func TestParseRefusesVariablesThatWouldBeIgnored(t *testing.T) {
	for _, name := range []string{
		"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_LOGS_PROTOCOL", "OTEL_EXPORTER_OTLP_METRICS_HEADERS",
		"OTEL_EXPORTER_OTLP_CERTIFICATE", "OTEL_EXPORTER_OTLP_CLIENT_KEY", "OTEL_CONFIG_FILE",
	} {
		env := map[string]string{name: "hunter2"}
		_, _, err := config.Parse(nil, environ(env))
		assert.NoError(t, err, "nothing is sent")
		env["OTEL_EXPORTER_OTLP_ENDPOINT"] = "http://collector:4317"
		_, _, err = config.Parse(nil, environ(env))
		assert.ErrorContains(t, err, name+": there is no such option; allowed are OTEL_EXPORTER_OTLP_ENDPOINT and OTEL_EXPORTER_OTLP_HEADERS")
		assert.NotContains(t, err.Error(), "hunter2")
	}
}

func TestSettingsMaskAttributes(t *testing.T) {
	_, settings, err := config.Parse(nil, environ(map[string]string{"OTEL_RESOURCE_ATTRIBUTES": "service.version=v1,api.token=hunter2"}))
	require.NoError(t, err)
	for _, s := range settings {
		assert.NotContains(t, s.Value, "hunter2")
		if s.Env == "OTEL_RESOURCE_ATTRIBUTES" {
			assert.Equal(t, "service.version=v1,api.token=***", s.Value)
		}
	}
}
