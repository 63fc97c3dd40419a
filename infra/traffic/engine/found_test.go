package engine_test

import (
	"strings"
	"testing"

	"github.com/crossoverJie/k8s-combat/infra/traffic/engine"
)

// TestFound has what the comparison with Istio's own routes has shown.
func TestFound(t *testing.T) {
	t.Parallel()
	vs := func(name, namespace, spec string) string {
		return "apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {name: " + name + ", namespace: " + namespace + "}\nspec: {" + spec + "}\n---\n"
	}
	cart := "http: [{route: [{destination: {host: cart.shop.svc.cluster.local}}]}]"
	hidden := "apiVersion: v1\nkind: Service\nmetadata: {name: secret, namespace: back, annotations: {networking.istio.io/exportTo: .}}\nspec: {selector: {app: x}, ports: [{name: http, port: 80}]}\n---\n"
	secret := engine.Request{Host: "secret.back.svc.cluster.local", From: "shop/cart"}
	gateway := func(name, servers string) string {
		return "apiVersion: networking.istio.io/v1\nkind: Gateway\nmetadata: {name: " + name + ", namespace: shop}\nspec: {selector: {istio: two}, servers: [" + servers + "]}\n---\n"
	}
	run(t, []asked{
		{"a wildcard for a name that is hidden", hidden + vs("a", "shop", "hosts: ['*.back.svc.cluster.local'], "+cart), secret, "cart"},
		// A private VirtualService of another namespace does not keep the wildcard from a Service.
		{"a wildcard beside a private name", vs("a", "back", "hosts: [web.shop.svc.cluster.local], exportTo: [.], http: [{directResponse: {status: 204}}]") + vs("b", "shop", "hosts: ['*.shop.svc.cluster.local'], "+cart), get("/"), "cart"},
		// The first VirtualService of a wildcard has it, even where none of its rules is for the caller.
		{"two of one wildcard", vs("a", "shop", "hosts: ['*.local'], http: [{match: [{sourceLabels: {a: b}}], directResponse: {status: 204}}]") + vs("b", "shop", "hosts: ['*.local'], "+cart), get("/"), "web-v1 50, web-v2 50"},
		// A private VirtualService is before those of everybody, whatever their names are.
		{"private before public", vs("a", "shop", "hosts: ['*.shop.svc.cluster.local'], http: [{directResponse: {status: 204}}]") + vs("b", "shop", "hosts: [web.shop], exportTo: [.], "+cart), engine.Request{Host: "web.shop", From: "shop/cart"}, "cart"},
		// A server with a host that another has is left out with all its hosts, where both have a block tls.
		{"a host of two servers", gateway("two", "{port: {number: 80, name: a, protocol: HTTP}, hosts: [two.io], tls: {httpsRedirect: true}}, {port: {number: 80, name: b, protocol: HTTP}, hosts: [two.io, more.io], tls: {httpsRedirect: true}}"),
			engine.Request{Host: "more.io", Gateway: "two"}, "404"},
		{"a host of every namespace", gateway("two", "{port: {number: 80, name: a, protocol: HTTP}, hosts: ['*/two.io'], tls: {httpsRedirect: true}}"), engine.Request{Host: "two.io", Gateway: "two"}, "301 to https://two.io/"},
		// What Istio makes of an Ingress is before all VirtualServices of a host.
		{"an Ingress first", ingress("istio", paths("shop.io", "/a", "Prefix", "cart")) + atEdge("a", "shop.io", aToV2), engine.Request{Host: "shop.io", Path: "/a", Gateway: "edge"}, "cart"},
		{"routes of two kinds", strings.Replace(httpRoute("r", "    - {matches: [{path: {value: /}}], backendRefs: [{name: web, port: 80}]}"), door, "", 1) + door +
			"apiVersion: gateway.networking.k8s.io/v1\nkind: GRPCRoute\nmetadata: {name: s, namespace: shop}\nspec: {parentRefs: [{name: door}], hostnames: [a.door.io], rules: [{matches: [{method: {service: s.S, method: Get}}], backendRefs: [{name: cart, port: 50051}]}]}\n---\n",
			engine.Request{Host: "a.door.io", GRPC: "s.S/Get"}, "cart"},
		{"a port of a Service that others have", "", engine.Request{Host: "web:50051", From: "shop/cart"}, "503"},
	})
}

// With one destination Envoy removes what both the rule and the destination remove before it adds for either.
func TestRemovedBeforeAdded(t *testing.T) {
	t.Parallel()
	e := explain(t, shop+virtual("    - headers: {request: {add: {z: '7'}}}\n      route: [{destination: {host: web, subset: v1}, headers: {request: {remove: [z]}}}]"), get("/", "z", "1"))
	assertShares(t, e, func(s engine.Share) string { return s.Headers[0].Value }, "7")
}
