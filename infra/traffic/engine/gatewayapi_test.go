package engine_test

import (
	"testing"

	"github.com/crossoverJie/k8s-combat/infra/traffic/engine"
)

const door = `apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {name: door, namespace: shop}
spec:
  gatewayClassName: istio
  listeners: [{name: http, port: 80, protocol: HTTP, hostname: '*.door.io'}, {name: own, port: 80, protocol: HTTP, hostname: own.door.io}]
---
`

func httpRoute(name, rules string) string {
	return door + "apiVersion: gateway.networking.k8s.io/v1\nkind: HTTPRoute\nmetadata: {name: " + name + ", namespace: shop}\nspec:\n  parentRefs: [{name: door}]\n  hostnames: [a.door.io]\n  rules:\n" + rules + "\n---\n"
}

func TestGatewayAPI(t *testing.T) {
	t.Parallel()
	at := func(path string, headers ...string) engine.Request {
		r := get(path, headers...)
		r.Host = "a.door.io"
		return r
	}
	back := func(match, to string) string {
		return "    - {matches: [" + match + "], backendRefs: [{name: " + to + ", port: 80}]}\n"
	}
	far := "    - {backendRefs: [{name: cart, namespace: back, port: 80}]}"
	farService := "apiVersion: v1\nkind: Service\nmetadata: {name: cart, namespace: back}\nspec: {selector: {app: far}, ports: [{name: http, port: 80}]}\n---\napiVersion: apps/v1\nkind: Deployment\nmetadata: {name: far, namespace: back}\nspec: {template: {metadata: {labels: {app: far}}, spec: {containers: []}}}\n---\n"
	grant := "apiVersion: gateway.networking.k8s.io/v1beta1\nkind: ReferenceGrant\nmetadata: {name: x, namespace: back}\nspec: {from: [{group: gateway.networking.k8s.io, kind: HTTPRoute, namespace: shop}], to: [{group: '', kind: Service}]}\n---\n"
	run(t, []asked{
		{"all", httpRoute("r", "    - {backendRefs: [{name: cart, port: 80}]}"), at("/"), "cart"},
		{"a prefix ends with an element", httpRoute("r", back("{path: {value: /a}}", "cart")), at("/ab"), "404"},
		{"a prefix", httpRoute("r", back("{path: {value: /a/}}", "cart")), at("/a"), "cart"},
		{"exact before the longer prefix", httpRoute("r", back("{path: {type: PathPrefix, value: /a/b}}", "web")+back("{path: {type: Exact, value: /a/b}}", "cart")), at("/a/b"), "cart"},
		{"the longer prefix", httpRoute("r", back("{path: {value: /a}}", "web")+back("{path: {value: /a/b}}", "cart")), at("/a/b/c"), "cart"},
		{"a method", httpRoute("r", back("{path: {value: /a}}", "web")+back("{path: {value: /a}, method: GET}", "cart")), at("/a"), "cart"},
		{"more headers", httpRoute("r", back("{headers: [{name: x, value: '1'}]}", "web")+back("{headers: [{name: x, value: '1'}, {name: z, value: '1'}]}", "cart")), at("/", "x", "1", "z", "1"), "cart"},
		{"more parameters", httpRoute("r", back("{queryParams: [{name: x, value: '1'}]}", "web")+back("{queryParams: [{name: x, value: '1'}, {name: z, value: '1'}]}", "cart")), at("/?x=1&z=1"), "cart"},
		{"the first of equals", httpRoute("r", back("{path: {value: /a}}", "cart")+back("{path: {value: /a}}", "web")), at("/a"), "cart"},
		{"the first route by name", httpRoute("b", back("{path: {value: /a}}", "web")) + httpRoute("a", back("{path: {value: /a}}", "cart")), at("/a"), "cart"},
		{"over routes", httpRoute("a", back("{path: {value: /}}", "web")) + httpRoute("b", back("{path: {value: /a}}", "cart")), at("/a"), "cart"},
		{"weights", httpRoute("r", "    - {backendRefs: [{name: cart, port: 80, weight: 1}, {name: web, port: 80, weight: 3}]}"), at("/"), "cart 25, web-v1 37.5, web-v2 37.5"},
		{"no weight", httpRoute("r", "    - {backendRefs: [{name: cart, port: 80, weight: 0}]}"), at("/"), "500"},
		{"no backend", httpRoute("r", "    - {matches: [{path: {value: /}}]}"), at("/"), "500"},
		{"a backend that is missing", httpRoute("r", "    - {backendRefs: [{name: nobody, port: 80}]}"), at("/"), "500"},
		{"a port that is missing", httpRoute("r", "    - {backendRefs: [{name: cart, port: 81}]}"), at("/"), "500"},
		{"half of it", httpRoute("r", "    - {backendRefs: [{name: nobody, port: 80}, {name: cart, port: 80}]}"), at("/"), "500 50, cart 50"},
		{"another namespace", httpRoute("r", far) + farService, at("/"), "500"},
		{"another namespace with a grant", httpRoute("r", far) + farService + grant, at("/"), "far"},
		{"redirect", httpRoute("r", "    - {filters: [{type: RequestRedirect, requestRedirect: {scheme: https, statusCode: 301}}]}"), at("/x"), "301 to https://a.door.io/x"},
		{"redirect of a path", httpRoute("r", "    - {matches: [{path: {value: /a}}], filters: [{type: RequestRedirect, requestRedirect: {path: {type: ReplacePrefixMatch, replacePrefixMatch: /b}}}]}"), at("/a/c"), "302 to http://a.door.io/b/c"},
		{"a listener that is closer", door + "apiVersion: gateway.networking.k8s.io/v1\nkind: HTTPRoute\nmetadata: {name: r, namespace: shop}\nspec: {parentRefs: [{name: door, sectionName: http}], hostnames: [own.door.io], rules: [{backendRefs: [{name: cart, port: 80}]}]}\n---\n", outside("own.door.io", "/"), "404"},
		{"a namespace that is not let in", door + "apiVersion: gateway.networking.k8s.io/v1\nkind: HTTPRoute\nmetadata: {name: r, namespace: other}\nspec: {parentRefs: [{name: door, namespace: shop}], hostnames: [a.door.io], rules: [{backendRefs: [{name: cart, port: 80}]}]}\n---\n", at("/"), "404"},
		{"gRPC service", door + "apiVersion: gateway.networking.k8s.io/v1\nkind: GRPCRoute\nmetadata: {name: r, namespace: shop}\nspec: {parentRefs: [{name: door}], rules: [{matches: [{method: {service: shop.Cart}}], backendRefs: [{name: cart, port: 50051}]}]}\n---\n", engine.Request{Host: "a.door.io", GRPC: "shop.Cart/Get"}, "cart"},
		{"another gRPC method", door + "apiVersion: gateway.networking.k8s.io/v1\nkind: GRPCRoute\nmetadata: {name: r, namespace: shop}\nspec: {parentRefs: [{name: door}], rules: [{matches: [{method: {service: shop.Cart, method: Put}}], backendRefs: [{name: cart, port: 50051}]}]}\n---\n", engine.Request{Host: "a.door.io", GRPC: "shop.Cart/Get"}, "404"},
		{"route of the mesh", "apiVersion: gateway.networking.k8s.io/v1\nkind: HTTPRoute\nmetadata: {name: r, namespace: shop}\nspec: {parentRefs: [{group: '', kind: Service, name: web}], rules: [{matches: [{path: {value: /a}}], backendRefs: [{name: cart, port: 80}]}, {backendRefs: [{name: web, port: 80}]}]}\n---\n", get("/a/b"), "cart"},
	})
	rewrite := func(prefix, to string) string {
		return httpRoute("r", "    - {matches: [{path: {value: "+prefix+"}}], filters: [{type: URLRewrite, urlRewrite: {path: {type: ReplacePrefixMatch, replacePrefixMatch: '"+to+"'}}}], backendRefs: [{name: cart, port: 80}]}")
	}
	// The table of HTTPPathModifier in the Gateway API's documentation.
	for _, c := range [][4]string{
		{"/foo", "/xyz", "/foo/bar", "/xyz/bar"}, {"/foo", "/xyz/", "/foo/bar", "/xyz/bar"}, {"/foo/", "/xyz", "/foo/bar", "/xyz/bar"},
		{"/foo", "/xyz", "/foo", "/xyz"}, {"/foo", "/", "/foo/bar", "/bar"}, {"/foo", "/", "/foo", "/"}, {"/foo", "/", "/foo/", "/"},
	} {
		e := explain(t, shop+rewrite(c[0], c[1]), at(c[2]))
		assertShares(t, e, func(s engine.Share) string { return s.Path }, c[3])
	}
}
