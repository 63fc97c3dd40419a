package config

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/crossoverJie/k8s-combat/app/contract"
	"github.com/crossoverJie/k8s-combat/app/internal/redact"
)

const (
	// Longer waits are typing errors: no terminationGracePeriodSeconds is meant
	// to be longer.
	maxShutdownWait = time.Hour
	// A caller of /service waits this long at most.
	maxCallTimeout = 10 * time.Minute
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
	// show prepares a refused value for the error message; as it is, quoted, if
	// nil.
	show func(value string) string
}

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
		flag: "provider-url", env: contract.EnvProviderURL, value: "URL",
		fallback: contract.DefaultProviderURL,
		help:     "Base URL of the service that /service calls.",
		set:      func(c *Config, v string) (err error) { c.ProviderURL, err = parseBaseURL(v); return err },
		show:     func(v string) string { return strconv.Quote(redact.URL(v)) },
	}, {
		flag: "call-timeout", env: contract.EnvCallTimeout, value: "DURATION",
		fallback: contract.DefaultCallTimeout.String(),
		help:     "Longest wait for the answer to one call of another service.",
		set: func(c *Config, v string) error {
			return setDuration(&c.CallTimeout, v, time.Millisecond, maxCallTimeout)
		},
	}, {
		flag: "pg-url", env: contract.EnvPGURL, value: "URL",
		help: "Database URL that / shows, its password masked.",
		set:  func(c *Config, v string) error { c.PGURL = Secret(v); return nil },
	}, {
		flag: "pg-pwd", env: contract.EnvPGPassword, value: "PASSWORD",
		help: "Database password. Prefer the environment: a process list shows flags.",
		set:  func(c *Config, v string) error { c.PGPassword = Secret(strings.TrimRight(v, "\r\n")); return nil },
	}, {
		flag: "config-file", env: contract.EnvConfigFile, value: "PATH",
		fallback: contract.DefaultConfigFile,
		help:     "YAML file with name, pulsar.url and pulsar.token. It may be missing.",
		set:      func(c *Config, v string) error { c.File = v; return nil },
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
		flag: "log-level", env: contract.EnvLogLevel, value: "LEVEL",
		fallback: contract.DefaultLogLevel,
		help:     "Least level to log: debug, info, warn or error.",
		set:      func(c *Config, v string) error { return setLevel(&c.LogLevel, v) },
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
