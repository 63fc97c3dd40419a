package config

import (
	"fmt"
	"io"
	"strings"
)

// WriteUsage writes the help: each option with its flag, environment variable
// and default.
func WriteUsage(w io.Writer) error {
	var usage strings.Builder
	usage.WriteString(`k8s-combat is the sample service of the tutorial: HTTP and gRPC, made to be deployed.

Usage: k8s-combat [--FLAG=VALUE ...]

Each option is a flag or an environment variable. The flag wins. --version says what
was built, --help this.

`)
	for _, o := range options() {
		fmt.Fprintf(&usage, "  --%s=%s  (%s)\n      %s\n", o.flag, o.value, o.env, o.help)
		if o.fallback != "" {
			fmt.Fprintf(&usage, "      Defaults to %s.\n", o.fallback)
		}
	}
	usage.WriteString(`
Other variables of OpenTelemetry's SDK, such as OTEL_BSP_MAX_QUEUE_SIZE, count as
well. GRPC_XDS_BOOTSTRAP leads to the control plane for targets that begin with
xds:///.

SIGTERM, SIGINT or SIGHUP shuts down in order, a second one at once.
Exit status: 0 after a shutdown in order, 1 after a failure or a second signal,
2 for a bad flag or variable.
`)
	_, err := io.WriteString(w, usage.String())
	return err
}
