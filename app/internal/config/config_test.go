package config_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
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

	c, err := config.Parse([]string{"--shutdown-drain=20s"}, lookup)
	fmt.Println(c.HTTPAddress, c.ShutdownDrain, c.LogLevel, err)

	_, err = config.Parse([]string{"--grpc-address=:70000"}, lookup)
	fmt.Println(err)
	// Output:
	// :8081 20s DEBUG <nil>
	// --grpc-address=":70000": port "70000"; allowed is 0 to 65535
}

func ExampleWriteUsage() {
	_ = config.WriteUsage(os.Stdout)
	// Output:
	// k8s-combat is the sample service of the tutorial: HTTP and gRPC, made to be deployed.
	//
	// Usage: k8s-combat [--FLAG=VALUE ...]
	//
	// Each option is a flag or an environment variable. The flag wins.
	//
	//   --http-address=HOST:PORT  (HTTP_ADDRESS)
	//       Address to serve HTTP on. No host: all addresses. Port 0: any free port.
	//       Defaults to :8081.
	//   --grpc-address=HOST:PORT  (GRPC_ADDRESS)
	//       Address to serve gRPC on.
	//       Defaults to :50051.
	//   --provider-url=URL  (PROVIDER_URL)
	//       Base URL of the service that /service calls.
	//       Defaults to http://k8s-combat-service:8081.
	//   --call-timeout=DURATION  (CALL_TIMEOUT)
	//       Longest wait for the answer to one call of another service.
	//       Defaults to 2s.
	//   --pg-url=URL  (PG_URL)
	//       Database URL that / shows, its password masked.
	//   --pg-pwd=PASSWORD  (PG_PWD)
	//       Database password. Prefer the environment: a process list shows flags.
	//   --config-file=PATH  (CONFIG_FILE)
	//       YAML file with name, pulsar.url and pulsar.token. It may be missing.
	//       Defaults to /go/bin/app.yaml.
	//   --shutdown-settle=DURATION  (SHUTDOWN_SETTLE)
	//       On SIGTERM, go on serving this long while not ready. A preStop sleep needs none.
	//       Defaults to 0s.
	//   --shutdown-drain=DURATION  (SHUTDOWN_DRAIN)
	//       After that, wait this long for open requests to end, then cut them.
	//       Defaults to 15s.
	//   --log-level=LEVEL  (LOG_LEVEL)
	//       Least level to log: debug, info, warn or error.
	//       Defaults to info.
	//
	// SIGTERM or SIGINT shuts down in order, a second one at once.
	// Exit status: 0 after a shutdown in order, 1 after a failure or a second signal,
	// 2 for a bad flag or variable.
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
		"any free port twice": {
			args: []string{"--http-address=:0", "--grpc-address=:0"},
			want: func(c *config.Config) { c.HTTPAddress, c.GRPCAddress = ":0", ":0" },
		},
		"one port, two hosts": {
			args: []string{"--http-address=127.0.0.1:80", "--grpc-address=127.0.0.2:80"},
			want: func(c *config.Config) { c.HTTPAddress, c.GRPCAddress = "127.0.0.1:80", "127.0.0.2:80" },
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			want, err := config.Parse(nil, environ(nil))
			require.NoError(t, err)
			tt.want(&want)

			got, err := config.Parse(tt.args, environ(tt.env))
			require.NoError(t, err)
			assert.Equal(t, want, got)
		})
	}
}

func TestParseDefaults(t *testing.T) {
	c, err := config.Parse(nil, environ(nil))
	require.NoError(t, err)
	assert.Equal(t, ":8081", c.HTTPAddress)
	assert.Equal(t, ":50051", c.GRPCAddress)
	assert.Equal(t, "http://k8s-combat-service:8081", c.ProviderURL.String())
	assert.Equal(t, 2*time.Second, c.CallTimeout)
	assert.Empty(t, c.PGURL.Reveal())
	assert.Empty(t, c.PGPassword.Reveal())
	assert.Equal(t, "/go/bin/app.yaml", c.File)
	assert.Equal(t, time.Duration(0), c.ShutdownSettle)
	assert.Equal(t, 15*time.Second, c.ShutdownDrain)
	assert.Equal(t, slog.LevelInfo, c.LogLevel)
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
		{"log-level", "LOG_LEVEL", "loud", level},
		{"log-level", "LOG_LEVEL", "info+2", level},
		{"log-level", "LOG_LEVEL", "a\nb", level},
	}
	for _, tt := range tests {
		t.Run(tt.flag+"="+tt.value, func(t *testing.T) {
			_, err := config.Parse([]string{"--" + tt.flag, tt.value}, environ(nil))
			assert.EqualError(t, err, fmt.Sprintf("--%s=%q: %s", tt.flag, tt.value, tt.want))

			_, err = config.Parse(nil, environ(map[string]string{tt.env: tt.value}))
			assert.EqualError(t, err, fmt.Sprintf("%s=%q: %s", tt.env, tt.value, tt.want))
		})
	}
}

func TestParseRefusesCommandLine(t *testing.T) {
	tests := map[string]struct {
		args []string
		want string
	}{
		"unknown flag":  {[]string{"--port=1"}, "flag provided but not defined: -port; allowed are the flags that --help lists"},
		"value missing": {[]string{"--log-level"}, "flag needs an argument: -log-level; allowed are the flags that --help lists"},
		"argument":      {[]string{"serve"}, `argument "serve"; allowed are flags alone, see --help`},
		"same port": {
			[]string{"--http-address=:80", "--grpc-address=127.0.0.1:80"},
			`--http-address or HTTP_ADDRESS=":80", --grpc-address or GRPC_ADDRESS="127.0.0.1:80": the same port twice; allowed are two ports`,
		},
		"same port on all addresses": {
			[]string{"--http-address=0.0.0.0:80", "--grpc-address=[::]:80"},
			`--http-address or HTTP_ADDRESS="0.0.0.0:80", --grpc-address or GRPC_ADDRESS="[::]:80": the same port twice; allowed are two ports`,
		},
		"several": {
			[]string{"--log-level=x", "--http-address=x"},
			`--http-address="x": not an address; allowed is HOST:PORT or :PORT, such as :8081` + "\n" +
				`--log-level="x": not a level; allowed is debug, info, warn or error`,
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := config.Parse(tt.args, environ(nil))
			assert.EqualError(t, err, tt.want)
		})
	}
}

func TestParseHelp(t *testing.T) {
	for _, arg := range []string{"--help", "-help", "-h"} {
		_, err := config.Parse([]string{arg}, environ(map[string]string{"LOG_LEVEL": "wrong"}))
		assert.ErrorIs(t, err, config.ErrHelp, arg)
	}
}

func TestParseNeverPrintsPasswords(t *testing.T) {
	_, err := config.Parse([]string{"--provider-url=http://me:hunter2@x", "--pg-pwd=hunter2", "--log-level=x"}, environ(nil))
	require.ErrorContains(t, err, `--provider-url="http://me:***@x": URL with user info; allowed is none`)
	assert.NotContains(t, err.Error(), "hunter2")
}

func TestConfigLogsWithoutSecrets(t *testing.T) {
	c, err := config.Parse([]string{"--pg-url=postgres://me:hunter2@db/x", "--pg-pwd=hunter2"}, environ(nil))
	require.NoError(t, err)

	var log bytes.Buffer
	slog.New(slog.NewJSONHandler(&log, nil)).Info("starting", "config", c)
	assert.NotContains(t, log.String(), "hunter2")
	assert.Contains(t, log.String(), `"pg_url":"postgres://me:***@db/x","pg_pwd":"***"`)
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
	assert.False(t, strings.Contains(string(text), "hunter2"))
}
