package engine_test

import (
	"strings"
	"testing"

	"github.com/crossoverJie/k8s-combat/infra/traffic/engine"
)

func ingress(class, rules string) string {
	return "apiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata: {name: in, namespace: shop}\nspec:\n  ingressClassName: " + class + "\n" + rules + "\n---\n"
}

func paths(host string, list ...string) string {
	var text strings.Builder
	_, _ = text.WriteString("  rules:\n    - host: '" + host + "'\n      http:\n        paths:\n")
	for i := 0; i+2 < len(list); i += 3 {
		_, _ = text.WriteString("          - {path: " + list[i] + ", pathType: " + list[i+1] + ", backend: {service: {name: " + list[i+2] + ", port: {number: 80}}}}\n")
	}
	return text.String()
}

// The examples are those of kubernetes.io/docs/concepts/services-networking/ingress.
func TestIngress(t *testing.T) {
	t.Parallel()
	at := func(path string) engine.Request { return engine.Request{Host: "in.io", Path: path} }
	both := func(name, rules string, r engine.Request, nginx, istio string) []asked {
		return []asked{{name + " by nginx", ingress("nginx", rules), r, nginx}, {name + " by Istio", ingress("istio", rules), r, istio}}
	}
	var cases []asked
	for _, more := range [][]asked{
		both("prefix", paths("in.io", "/foo", "Prefix", "cart"), at("/foo/bar"), "cart", "cart"),
		both("prefix with a slash", paths("in.io", "/foo/", "Prefix", "cart"), at("/foo"), "cart", "cart"),
		both("prefix ends with an element", paths("in.io", "/foo", "Prefix", "cart"), at("/foobar"), "404", "404"),
		both("exact", paths("in.io", "/foo", "Exact", "cart"), at("/foo/"), "404", "404"),
		both("the longest", paths("in.io", "/", "Prefix", "web", "/aaa", "Prefix", "cart"), at("/aaa/bbb"), "cart", "cart"),
		both("the exact", paths("in.io", "/foo", "Prefix", "web", "/foo", "Exact", "cart"), at("/foo"), "cart", "cart"),
		both("no host", paths("", "/", "Prefix", "cart"), at("/"), "cart", "cart"),
		// One label in Kubernetes' words; Istio lets "*" stand for several.
		both("wildcard", paths("*.io", "/", "Prefix", "cart"), at("/"), "cart", "cart"),
		both("wildcard of two labels", paths("*.io", "/", "Prefix", "cart"), engine.Request{Host: "a.b.io", Gateway: "in"}, "404", "cart"),
		// Left to the implementation: nginx takes the beginning of a path, Istio all of it.
		both("of the implementation", paths("in.io", "/foo", "ImplementationSpecific", "cart"), at("/foobar"), "cart", "404"),
		both("of the implementation with a star", paths("in.io", "/foo/*", "ImplementationSpecific", "cart"), at("/foo/bar"), "404", "cart"),
		// Istio leaves the default backend out.
		both("default backend", "  defaultBackend: {service: {name: cart, port: {number: 80}}}\n"+paths("in.io", "/foo", "Exact", "web"), at("/bar"), "cart", "404"),
		both("no such port", paths("in.io", "/", "Prefix", "nobody"), at("/"), "503", "503"),
	} {
		cases = append(cases, more...)
	}
	cases = append(cases,
		asked{"named port", ingress("nginx", "  rules: [{host: in.io, http: {paths: [{path: /, pathType: Prefix, backend: {service: {name: cart, port: {name: http}}}}]}}]"), at("/"), "cart"},
		asked{"a name before a wildcard", ingress("nginx", paths("*.io", "/", "Prefix", "web")) + ingress("nginx", paths("in.io", "/", "Prefix", "cart")), at("/"), "cart"},
	)
	run(t, cases)
}
