package config

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"regexp"
	"strings"

	"github.com/crossoverJie/k8s-combat/app/contract"
	"github.com/crossoverJie/k8s-combat/app/internal/logging"
)

// ErrHelp is returned by Parse if the arguments ask for help.
var ErrHelp = flag.ErrHelp

// ErrVersion is returned by Parse if the arguments ask for the version.
var ErrVersion = errors.New("version asked for")

// Parse returns the configuration that args, the command line without the
// program's name, and the environment ask for. A flag wins over its environment
// variable, which wins over the default; an empty variable counts as unset. It returns
// each option as it is in force too, for people to read.
//
// The error joins one line for each thing that is wrong: the flag or variable,
// its value, what is allowed.
func Parse(args []string, lookupEnv func(string) (string, bool)) (Config, []Setting, error) {
	options := options()
	flags, err := parseFlags(options, args)
	if err != nil {
		return Config{}, nil, err
	}

	settings := make([]Setting, 0, len(options))
	var (
		config Config
		errs   []error
	)
	for _, o := range options {
		value, from := o.resolve(flags, lookupEnv)
		settings = append(settings, Setting{Flag: "--" + o.flag, Env: o.env, Value: o.shown(value), Source: from})
		if err := o.take(&config, value); err != nil {
			where := map[Source]string{FromFlag: "--" + o.flag, FromEnvironment: o.env, FromDefault: "default of --" + o.flag}[from]
			errs = append(errs, fmt.Errorf("%s=%q: %w", where, logging.Text(o.shown(value)), err))
		}
	}
	if len(errs) == 0 {
		errs = append(errs, config.collisions()...)
	}
	if config.FileRequired && config.File == "" {
		errs = append(errs, fmt.Errorf("--config-required or %s=true: there is no --config-file or %s to wait for; allowed are both or neither",
			contract.EnvConfigRequired, contract.EnvConfigFile))
	}
	if (config.TLSCertFile == "") != (config.TLSKeyFile == "") {
		errs = append(errs, fmt.Errorf("--tls-cert-file or %s, --tls-key-file or %s: one without the other; allowed are both or neither",
			contract.EnvTLSCertFile, contract.EnvTLSKeyFile))
	}
	if config.OTel.Enabled() {
		for _, name := range notHonoured() {
			if value, ok := lookupEnv(name); ok && value != "" {
				errs = append(errs, fmt.Errorf("%s: there is no such option; allowed are %s and %s, for all telemetry, with certificates of the system",
					name, contract.EnvOTLPEndpoint, contract.EnvOTLPHeaders))
			}
		}
	}
	if len(errs) > 0 {
		return Config{}, nil, errors.Join(errs...)
	}
	return config, settings, nil
}

// notHonoured are the variables of OpenTelemetry's SDK that would have telemetry go
// elsewhere, or in another way, than whoever sets them means.
func notHonoured() (names []string) {
	for _, signal := range []string{"", "TRACES_", "METRICS_", "LOGS_"} {
		for _, what := range []string{"ENDPOINT", "PROTOCOL", "HEADERS", "CERTIFICATE", "CLIENT_CERTIFICATE", "CLIENT_KEY"} {
			name := "OTEL_EXPORTER_OTLP_" + signal + what
			switch name {
			case contract.EnvOTLPEndpoint, contract.EnvOTLPProtocol, contract.EnvOTLPHeaders:
			default:
				names = append(names, name)
			}
		}
	}
	return append(names, "OTEL_CONFIG_FILE", "OTEL_EXPERIMENTAL_CONFIG_FILE")
}

// maxValueBytes bounds what is in the log's first line, and on contract.PathConfig.
const maxValueBytes = 8 << 10

// take sets a value that is not too long.
func (o option) take(config *Config, value string) error {
	if len(value) > maxValueBytes {
		return fmt.Errorf("%d bytes; allowed are %d", len(value), maxValueBytes)
	}
	return o.set(config, value)
}

// resolve returns the value that an option has, and where it comes from.
func (o option) resolve(flags map[string]string, lookupEnv func(string) (string, bool)) (string, Source) {
	if v, ok := flags[o.flag]; ok {
		return v, FromFlag
	}
	if v, ok := lookupEnv(o.env); ok && v != "" {
		return v, FromEnvironment
	}
	return o.fallback, FromDefault
}

// parseFlags returns the values given on the command line. It leaves judging them
// to the caller, who does the same for the environment.
func parseFlags(options []option, args []string) (map[string]string, error) {
	values := map[string]string{}
	set := flag.NewFlagSet("", flag.ContinueOnError)
	version := set.Bool("version", false, "")
	set.SetOutput(io.Discard)
	for _, o := range options {
		keep := func(value string) error {
			values[o.flag] = value
			return nil
		}
		if o.toggle {
			set.BoolFunc(o.flag, "", keep)
		} else {
			set.Func(o.flag, "", keep)
		}
	}
	if err := set.Parse(args); errors.Is(err, flag.ErrHelp) {
		return nil, ErrHelp
	} else if err != nil {
		return nil, fmt.Errorf("%s; allowed are the flags that --help lists", problem(err))
	}
	if *version {
		return nil, ErrVersion
	}
	if set.NArg() > 0 {
		// What it is nobody knows: a password, after a flag that takes none.
		return nil, fmt.Errorf("argument %d is no flag; allowed are flags alone, see --help", len(args)-set.NArg()+1)
	}
	return values, nil
}

// flagName is what a name of a flag that somebody has mistyped looks like, not a
// password that is glued to one.
var flagName = regexp.MustCompile(`^-{1,3}[a-z][a-z-]{0,40}$`)

// problem says what is wrong with the command line. What follows a "=" is a value,
// which may be a secret, and so may a name be that none looks like.
func problem(err error) string {
	text, _, _ := strings.Cut(err.Error(), "=")
	what, name, _ := strings.Cut(text, ": ")
	if flagName.MatchString(name) {
		return what + ": " + name
	}
	return what
}

// collisions are the ports that are asked for twice.
func (c Config) collisions() (errs []error) {
	addresses := []struct{ flag, env, value string }{
		{"--http-address", contract.EnvHTTPAddress, c.HTTPAddress},
		{"--grpc-address", contract.EnvGRPCAddress, c.GRPCAddress},
		{"--admin-address", contract.EnvAdminAddress, c.AdminAddress},
	}
	for i, a := range addresses {
		for _, b := range addresses[i+1:] {
			if collide(a.value, b.value) {
				errs = append(errs, fmt.Errorf("%s or %s=%q, %s or %s=%q: the same port twice; allowed are two ports", a.flag, a.env, a.value, b.flag, b.env, b.value))
			}
		}
	}
	return errs
}

// collide reports whether two valid addresses ask for the same port of the same
// host. Port 0 never does.
func collide(a, b string) bool {
	hostA, portA, _ := splitAddress(a)
	hostB, portB, _ := splitAddress(b)
	return portA == portB && portA != 0 && (hostA == hostB || isWildcard(hostA) || isWildcard(hostB))
}

func isWildcard(host string) bool {
	ip := net.ParseIP(host)
	return host == "" || ip != nil && ip.IsUnspecified()
}
