package main

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/crossoverJie/k8s-combat/infra/check"
	"github.com/crossoverJie/k8s-combat/infra/traffic"
	"github.com/crossoverJie/k8s-combat/infra/traffic/engine"
)

// explainFlags are what combat explain is asked.
type explainFlags struct {
	request traffic.Request
	headers []string
	query   string
	options traffic.Options
	format  string
	config  string
}

func newExplainCommand() *cobra.Command {
	var flags explainFlags
	command := &cobra.Command{
		Use:   "explain [PATH|-]... --host HOST",
		Short: "Tell where a request would go, and why",
		Long: `Tell where a request would go, and why: by which gateway and rule it comes, which pods answer it, and
how long its caller can wait. Manifests are read as combat check reads them.

Without --from and --gateway a name of a Service is called by a pod of the mesh, and any other one at
the Gateway or Ingress that takes it.

The exit code is 1 where the request, or some of a hundred, goes nowhere, and 2 for input that cannot
be read and for a gateway or caller that the manifests do not have.`,
		Example: `  combat explain dist/08-gateway.k8s.yaml --host www.service1.io --path /ping -H version=200
  combat explain shop.yaml --host web --from shop/cart --grpc shop.Cart/Get
  kubectl get -A -o yaml virtualservices,destinationrules,services,deployments | combat explain - --host web.shop`,
		RunE: func(command *cobra.Command, args []string) error { return runExplain(command, flags, args) },
	}
	set := command.Flags()
	set.StringVar(&flags.request.Host, "host", "", "name that is called, with a port or without")
	set.StringVar(&flags.request.Path, "path", "/", "path, which may have a query")
	set.StringVar(&flags.query, "query", "", "query, as a=1&b=2")
	set.StringVar(&flags.request.Method, "method", "", "method (default GET)")
	set.StringVar(&flags.request.Scheme, "scheme", "http", "http or https")
	set.IntVar(&flags.request.Port, "port", 0, "port that is called (default that of the host, of the gateway, or of the Service)")
	set.StringArrayVarP(&flags.headers, "header", "H", nil, "header, as NAME=VALUE or NAME: VALUE; may be given several times")
	set.StringVar(&flags.request.GRPC, "grpc", "", "call by gRPC of SERVICE/METHOD")
	set.StringVar(&flags.request.From, "from", "", "pod that calls, as NAMESPACE/WORKLOAD")
	set.StringVar(&flags.request.Gateway, "gateway", "", "Gateway or Ingress by which the request comes, as NAME or NAMESPACE/NAME")
	set.StringVarP(&flags.format, "output", "o", "text", "text or json")
	set.StringVar(&flags.options.Namespace, "namespace", "", "namespace of objects that name none")
	set.StringVar(&flags.options.ClusterDomain, "cluster-domain", "", "domain of the cluster's Services (default cluster.local)")
	set.StringVar(&flags.config, "config", "", "configuration file (default "+check.ConfigFile+" of the first path's folder or one around it)")
	return command
}

func (f *explainFlags) complete() error {
	if f.format != "text" && f.format != "json" {
		return fmt.Errorf("--output: no format %q; use text or json", f.format)
	}
	r := &f.request
	if r.Host == "" {
		return errors.New("--host: say which name is called")
	}
	if r.Scheme != "http" && r.Scheme != "https" {
		return fmt.Errorf("--scheme: %q is none; use http or https", r.Scheme)
	}
	if r.Port < 0 || r.Port > 65535 {
		return fmt.Errorf("--port: %d is not a port; use 1 to 65535", r.Port)
	}
	if !strings.HasPrefix(r.Path, "/") {
		return fmt.Errorf("--path: %q does not begin with '/'", r.Path)
	}
	if r.GRPC != "" && strings.Count(strings.TrimPrefix(r.GRPC, "/"), "/") != 1 {
		return fmt.Errorf("--grpc: %q is not SERVICE/METHOD", r.GRPC)
	}
	if r.From != "" && r.Gateway != "" {
		return errors.New("--from and --gateway: a request comes from a pod or by a gateway, not both")
	}
	if f.query != "" {
		separator := "?"
		if strings.Contains(r.Path, "?") {
			separator = "&"
		}
		r.Path += separator + strings.TrimPrefix(f.query, "?")
	}
	for _, text := range f.headers {
		end := strings.IndexAny(text, "=:")
		if end <= 0 {
			return fmt.Errorf("--header: %q is not NAME=VALUE", text)
		}
		value := text[end+1:]
		if text[end] == ':' {
			value = strings.TrimSpace(value)
		}
		r.Headers = append(r.Headers, traffic.Header{Name: strings.TrimSpace(text[:end]), Value: value})
	}
	return nil
}

func runExplain(command *cobra.Command, flags explainFlags, paths []string) error {
	if err := flags.complete(); err != nil {
		return usageError{err}
	}
	if len(paths) == 0 {
		paths = []string{check.Stdin}
	}
	config, err := findConfig(flags.config, paths[0])
	if err != nil {
		return unusableError{err}
	}
	options := config.Options().With(check.Options{Namespace: flags.options.Namespace, ClusterDomain: flags.options.ClusterDomain})
	if err := options.Validate(); err != nil {
		return usageError{err}
	}
	sets, err := readSets(command.InOrStdin(), config, paths)
	if err != nil {
		return unusableError{err}
	}
	explanations, err := explainSets(sets, flags.request, traffic.Options{Namespace: options.Namespace, ClusterDomain: options.ClusterDomain})
	if err != nil {
		return unusableError{err}
	}
	lost := false
	for i, one := range explanations {
		if err := writeExplanation(command.OutOrStdout(), flags.format, one, i, len(explanations)); err != nil {
			return err
		}
		lost = lost || goesNowhere(one.Explanation)
	}
	if lost {
		return toldError{errors.New("the request goes nowhere")}
	}
	return nil
}

// explained is the explanation of a set, with the file that it is where there are several.
type explained struct {
	*traffic.Explanation
	file string
}

// explainSets asks each set, and leaves out those of several that know nothing of the host.
func explainSets(sets [][]check.Object, request traffic.Request, options traffic.Options) ([]explained, error) {
	if len(sets) == 0 {
		sets = [][]check.Object{nil}
	}
	var all, known []explained
	var failure error
	for _, set := range sets {
		objects := make([]traffic.Object, len(set))
		for i, object := range set {
			place := object.Place
			objects[i] = traffic.Object{Content: object.Content, Place: place.String(),
				Locate: func(field string) string { return place.Field(field).String() }}
		}
		explanation, err := traffic.New(objects, options).Explain(request)
		if err != nil {
			failure = err
			continue
		}
		one := explained{Explanation: explanation}
		if len(set) > 0 {
			one.file = set[0].Place.File
		}
		all = append(all, one)
		if !explanation.UnknownHost {
			known = append(known, one)
		}
	}
	switch {
	case len(known) > 0:
		return known, nil
	case len(all) > 0:
		return all[:1], nil
	}
	return nil, failure
}

func writeExplanation(w io.Writer, format string, one explained, i, count int) error {
	if format == "json" {
		return traffic.WriteJSON(w, one.Explanation)
	}
	if count > 1 {
		separator := ""
		if i > 0 {
			separator = "\n"
		}
		if _, err := fmt.Fprintf(w, "%s%s alone:\n", separator, one.file); err != nil {
			return err
		}
	}
	_, err := io.WriteString(w, one.String())
	return err
}

func goesNowhere(e *traffic.Explanation) bool {
	for _, share := range e.Shares {
		switch share.Outcome {
		case engine.Fails, engine.Denied, engine.Reset:
			return true
		}
	}
	return false
}
