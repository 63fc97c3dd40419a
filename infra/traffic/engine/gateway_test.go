package engine_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/crossoverJie/k8s-combat/infra/traffic/engine"
)

func outside(host, path string) engine.Request { return engine.Request{Host: host, Path: path} }

const (
	toV1   = "    - route: [{destination: {host: web, subset: v1}}]"
	toV2   = "    - route: [{destination: {host: web, subset: v2}}]"
	aToV2  = "    - match: [{uri: {prefix: /a}}]\n      route: [{destination: {host: web, subset: v2}}]"
	toCart = "    - route: [{destination: {host: cart}}]"
)

func TestGateways(t *testing.T) {
	t.Parallel()
	run(t, []asked{
		{"a host", atEdge("one", "shop.io", toV1), outside("shop.io", "/"), "web-v1"},
		{"a host with a port", atEdge("one", "shop.io", toV1), outside("shop.io:80", "/"), "web-v1"},
		{"a host in capitals", atEdge("one", "Shop.io", toV1), outside("SHOP.io", "/"), "web-v1"},
		{"a name below", atEdge("one", "a.shop.io", toV1), outside("a.shop.io", "/"), "web-v1"},
		// "*" stands for any number of labels here, and for one alone in an Ingress.
		{"a name far below", atEdge("one", "*.shop.io", toV1), outside("a.b.shop.io", "/"), "web-v1"},
		{"a host that the gateway does not take", atEdge("one", "other.io", toV1), engine.Request{Host: "other.io", Gateway: "edge"}, "404"},
		{"everything", atEdge("one", "*", toV1), outside("shop.io", "/"), "web-v1"},
		{"the closest host", atEdge("one", "*.shop.io", toV1) + atEdge("two", "a.shop.io", toV2), outside("a.shop.io", "/"), "web-v2"},
		// In a host of its own there is nothing of the wildcard's.
		{"the closest host alone", atEdge("one", "*.shop.io", toV1) + atEdge("two", "a.shop.io", aToV2), outside("a.shop.io", "/b"), "404"},
		{"the longest wildcard", atEdge("one", "*.shop.io", toV1) + atEdge("two", "*.a.shop.io", toV2), outside("b.a.shop.io", "/"), "web-v2"},
		// Rules of several VirtualServices of one host are one list, what takes everything behind (SortVHostRoutes in route.go).
		{"merged", atEdge("one", "shop.io", toV1) + atEdge("two", "shop.io", aToV2), outside("shop.io", "/a"), "web-v2"},
		{"merged, the rest", atEdge("one", "shop.io", toV1) + atEdge("two", "shop.io", aToV2), outside("shop.io", "/"), "web-v1"},
		{"merged, the first by name", atEdge("one", "shop.io", toV1) + atEdge("two", "shop.io", toV2), outside("shop.io", "/"), "web-v1"},
		{"not for the mesh", atEdge("one", "web", toV2), get("/"), "web-v1 50, web-v2 50"},
		{"another gateway", "apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {name: x, namespace: shop}\nspec: {hosts: [shop.io], gateways: [other], http: [{route: [{destination: {host: web}}]}]}\n---\n",
			engine.Request{Host: "shop.io", Gateway: "edge"}, "404"},
		{"gateway of another namespace", "apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {name: x, namespace: other}\nspec: {hosts: [shop.io], gateways: [shop/edge], http: [{route: [{destination: {host: cart.shop.svc.cluster.local}}]}]}\n---\n",
			engine.Request{Host: "shop.io", Gateway: "edge", Port: 80}, "cart"},
		// The pods of the gateway are in istio-system, which a VirtualService for its own namespace does not show itself to.
		{"hidden from the gateway", "apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {name: x, namespace: shop}\nspec: {hosts: [shop.io], exportTo: [.], gateways: [edge], http: [{route: [{destination: {host: web}}]}]}\n---\n",
			outside("shop.io", "/"), "404"},
		{"exported by name", "apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {name: x, namespace: shop}\nspec: {hosts: [shop.io], exportTo: [istio-system], gateways: [edge], http: [{route: [{destination: {host: web}}]}]}\n---\n",
			outside("shop.io", "/"), "web-v1 50, web-v2 50"},
		// A gateway takes the one port of a Service; of one with several it takes that of the listener, here 80.
		{"no port named", atEdge("one", "shop.io", toCart), outside("shop.io", "/"), "cart"},
		{"https", atEdge("one", "shop.io", toV1), engine.Request{Host: "shop.io", Scheme: "https"}, "web-v1"},
		{"https without a certificate", atEdge("one", "*", toV1), engine.Request{Host: "a.shop.io", Scheme: "https"}, "reset"},
		{"http on the port of https", atEdge("one", "shop.io", toV1), engine.Request{Host: "shop.io", Port: 443}, "reset"},
		{"a port on which nobody listens", atEdge("one", "shop.io", toV1), engine.Request{Host: "shop.io", Port: 81, Gateway: "edge"}, "reset"},
		{"scheme", atEdge("one", "shop.io", "    - match: [{scheme: {exact: https}}]\n      route: [{destination: {host: web, subset: v2}}]\n"+toV1), engine.Request{Host: "shop.io", Scheme: "https"}, "web-v2"},
		{"listener port as match", atEdge("one", "shop.io", "    - match: [{port: 443}]\n      route: [{destination: {host: web, subset: v2}}]\n"+toV1), engine.Request{Host: "shop.io", Scheme: "https"}, "web-v2"},
		{"gateway as match", atEdge("one", "shop.io", "    - match: [{gateways: [edge]}]\n      route: [{destination: {host: web, subset: v2}}]\n"+toV1), outside("shop.io", "/"), "web-v2"},
		{"redirect to https", `apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {name: edge2, namespace: shop}
spec:
  selector: {istio: other}
  servers: [{port: {number: 80, name: http, protocol: HTTP}, hosts: [secure.io], tls: {httpsRedirect: true}}]
---
`, outside("secure.io", "/a?b"), "301 to https://secure.io/a?b"},
		{"passthrough", `apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {name: edge2, namespace: shop}
spec:
  selector: {istio: other}
  servers: [{port: {number: 443, name: tls, protocol: TLS}, hosts: [raw.io], tls: {mode: PASSTHROUGH}}]
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: raw, namespace: shop}
spec: {hosts: [raw.io], gateways: [edge2], tls: [{match: [{sniHosts: [raw.io]}], route: [{destination: {host: cart, port: {number: 9000}}}]}]}
---
`, engine.Request{Host: "raw.io", Scheme: "https"}, "cart"},
	})
}

func TestMesh(t *testing.T) {
	t.Parallel()
	other := func(name, hosts, more string) string {
		return "apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {name: " + name + ", namespace: shop}\nspec:\n  hosts: " + hosts + "\n" + more + "\n---\n"
	}
	run(t, []asked{
		// In the mesh VirtualServices of one host are not merged, unlike at a gateway: the documentation of VirtualService says
		// so under "Split large virtual services" in istio.io/latest/docs/ops/best-practices/traffic-management.
		{"two of one host", other("a", "[web]", "  http: [{match: [{uri: {prefix: /a}}], route: [{destination: {host: web, subset: v1}}]}]") +
			other("b", "[web]", "  http: [{route: [{destination: {host: web, subset: v2}}]}]"), get("/"), "404"},
		{"wildcard", other("a", "['*.shop.svc.cluster.local']", "  http: [{route: [{destination: {host: cart}}]}]"), get("/"), "cart"},
		{"a name before a wildcard", other("a", "['*.shop.svc.cluster.local']", "  http: [{route: [{destination: {host: cart}}]}]") + virtual(toV2), get("/"), "web-v2"},
		{"everything", other("a", "['*']", "  http: [{route: [{destination: {host: cart}}]}]"), get("/"), "cart"},
		// Half a name is no name of a Service: on port 80 it is one of its own, for those who call it so.
		{"half a name called so", other("a", "[web.shop]", "  http: [{route: [{destination: {host: cart}}]}]"), engine.Request{Host: "web.shop"}, "cart"},
		{"half a name called otherwise", other("a", "[web.shop]", "  http: [{route: [{destination: {host: cart}}]}]"), get("/"), "web-v1 50, web-v2 50"},
		{"a host that is no service", other("a", "[shop.internal]", "  http: [{route: [{destination: {host: cart}}]}]"), outside("shop.internal", "/"), "cart"},
		{"a host that is no service, on another port", other("a", "[shop.internal]", "  http: [{route: [{destination: {host: cart}}]}]"), engine.Request{Host: "shop.internal:8080", From: "shop/cart"}, "undecided"},
		{"private to another namespace", "apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {name: a, namespace: other}\nspec: {hosts: [web.shop.svc.cluster.local], exportTo: [.], http: [{route: [{destination: {host: cart.shop.svc.cluster.local}}]}]}\n---\n",
			engine.Request{Host: "web", From: "shop/cart"}, "web-v1 50, web-v2 50"},
		{"ServiceEntry", "apiVersion: networking.istio.io/v1\nkind: ServiceEntry\nmetadata: {name: api, namespace: shop}\nspec: {hosts: [api.example.com], ports: [{number: 80, name: http, protocol: HTTP}], resolution: DNS}\n---\n",
			outside("api.example.com", "/"), "api.example.com"},
		{"ServiceEntry with a rule", "apiVersion: networking.istio.io/v1\nkind: ServiceEntry\nmetadata: {name: api, namespace: shop}\nspec: {hosts: [api.example.com], ports: [{number: 80, name: http, protocol: HTTP}], resolution: DNS}\n---\n" +
			other("a", "[api.example.com]", "  http: [{match: [{uri: {exact: /a}}], route: [{destination: {host: cart}}]}, {timeout: 1s, route: [{destination: {host: api.example.com}}]}]"),
			outside("api.example.com", "/a"), "cart"},
		{"ServiceEntry of a wildcard", "apiVersion: networking.istio.io/v1\nkind: ServiceEntry\nmetadata: {name: api, namespace: shop}\nspec: {hosts: ['*.example.com'], ports: [{number: 80, name: http, protocol: HTTP}]}\n---\n",
			outside("api.example.com", "/"), "*.example.com"},
		{"endpoints", "apiVersion: networking.istio.io/v1\nkind: ServiceEntry\nmetadata: {name: api, namespace: shop}\nspec: {hosts: [api.example.com], ports: [{number: 80, name: http, protocol: HTTP}], resolution: STATIC, endpoints: [{address: 10.0.0.1, weight: 3}, {address: 10.0.0.2}]}\n---\n",
			outside("api.example.com", "/"), "10.0.0.1 75, 10.0.0.2 25"},
		{"Service hidden by exportTo", "apiVersion: v1\nkind: Service\nmetadata: {name: secret, namespace: back, annotations: {networking.istio.io/exportTo: .}}\nspec: {selector: {app: x}, ports: [{name: http, port: 80}]}\n---\n" + virtual("    - route: [{destination: {host: secret.back.svc.cluster.local}}]"),
			get("/"), "503"},
		{"ExternalName", "apiVersion: v1\nkind: Service\nmetadata: {name: alias, namespace: shop}\nspec: {type: ExternalName, externalName: web.shop.svc.cluster.local, ports: [{name: http, port: 80}]}\n---\n" + virtual(toV2),
			outside("alias", "/"), "web-v2"},
		{"no pods", "apiVersion: v1\nkind: Service\nmetadata: {name: empty, namespace: shop}\nspec: {selector: {app: none}, ports: [{name: http, port: 80}]}\n---\n", outside("empty", "/"), "503"},
		{"no replicas", "apiVersion: v1\nkind: Service\nmetadata: {name: idle, namespace: shop}\nspec: {selector: {app: idle}, ports: [{name: http, port: 80}]}\n---\napiVersion: apps/v1\nkind: Deployment\nmetadata: {name: idle, namespace: shop}\nspec: {replicas: 0, template: {metadata: {labels: {app: idle}}, spec: {containers: []}}}\n---\n",
			outside("idle", "/"), "503"},
		{"mirror", virtual("    - route: [{destination: {host: web, subset: v1}}]\n      mirror: {host: cart}\n      mirrorPercentage: {value: 10}"), get("/"), "web-v1"},
		{"subset of the caller's namespace", "apiVersion: networking.istio.io/v1\nkind: DestinationRule\nmetadata: {name: a, namespace: other}\nspec: {host: web.shop.svc.cluster.local, subsets: [{name: v1, labels: {version: v2}}]}\n---\n" + virtual(toV1),
			engine.Request{Host: "web.shop", From: "other/x"}, "web-v2"},
		{"subsets of two DestinationRules", "apiVersion: networking.istio.io/v1\nkind: DestinationRule\nmetadata: {name: zz, namespace: shop}\nspec: {host: web, subsets: [{name: v3, labels: {version: v2}}]}\n---\n" + virtual("    - route: [{destination: {host: web, subset: v3}}]"),
			get("/"), "web-v2"},
		{"a Sidecar that keeps it away", "apiVersion: networking.istio.io/v1\nkind: Sidecar\nmetadata: {name: default, namespace: shop}\nspec: {egress: [{hosts: [./cart.shop.svc.cluster.local]}]}\n---\n" + virtual(toV1),
			engine.Request{Host: "web", From: "shop/cart"}, "web-v1 50, web-v2 50"},
	})
}

func TestDelegates(t *testing.T) {
	t.Parallel()
	root := func(rules string) string { return atEdge("root", "shop.io", rules) }
	delegate := func(name, rules string) string {
		return "apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {name: " + name + ", namespace: shop}\nspec:\n  http:\n" + rules + "\n---\n"
	}
	toDelegate := "    - match: [{uri: {prefix: /a}}]\n      delegate: {name: sub}\n      timeout: 3s"
	run(t, []asked{
		{"one", root(toDelegate) + delegate("sub", toV2), outside("shop.io", "/a/b"), "web-v2"},
		{"not what the root matches", root(toDelegate) + delegate("sub", toV2), outside("shop.io", "/b"), "404"},
		{"closer", root(toDelegate) + delegate("sub", "    - match: [{uri: {exact: /a/x}}]\n      route: [{destination: {host: web, subset: v2}}]"), outside("shop.io", "/a/x"), "web-v2"},
		{"conflict", root(toDelegate+"\n"+toV1) + delegate("sub", "    - match: [{uri: {exact: /c}}]\n      route: [{destination: {host: web, subset: v2}}]"), outside("shop.io", "/c"), "web-v1"},
		{"both match", root("    - match: [{headers: {x: {exact: '1'}}}]\n      delegate: {name: sub}\n"+toV1) + delegate("sub", aToV2), engine.Request{Host: "shop.io", Path: "/a", Headers: []engine.Header{{Name: "x", Value: "1"}}}, "web-v2"},
		{"missing", root(toDelegate + "\n" + toV1), outside("shop.io", "/a"), "web-v1"},
		{"with hosts", root(toDelegate+"\n"+toV1) + atEdge("sub", "x.shop.io", toV2), outside("shop.io", "/a"), "web-v1"},
		{"regex below a prefix", root(toDelegate+"\n"+toV1) + delegate("sub", "    - match: [{uri: {regex: '/a.*'}}]\n      route: [{destination: {host: web, subset: v2}}]"), outside("shop.io", "/a"), "web-v1"},
		{"circle", root(toDelegate+"\n"+toV1) + delegate("sub", "    - delegate: {name: sub}"), outside("shop.io", "/a"), "web-v1"},
		{"chain", root(toDelegate+"\n"+toV1) + delegate("sub", "    - delegate: {name: more}") + delegate("more", toV2), outside("shop.io", "/a"), "web-v1"},
	})
	e := explain(t, shop+root(toDelegate)+delegate("sub", toV2), outside("shop.io", "/a"))
	assert.Equal(t, 3*engine.Second, e.Wait.Longest, "the timeout of the root")
	e = explain(t, shop+root(toDelegate)+delegate("sub", "    - delegate: {name: more}")+delegate("more", "    - delegate: {name: sub}"), outside("shop.io", "/a"))
	assert.Contains(t, e.String(), "VirtualServices delegate in a circle, which Istio refuses: root, sub, more, sub")
}

func TestRedirectsInACircle(t *testing.T) {
	t.Parallel()
	e := explain(t, shop+atEdge("a", "shop.io", "    - match: [{uri: {exact: /a}}]\n      redirect: {uri: /b}\n    - match: [{uri: {exact: /b}}]\n      redirect: {uri: /a}"), outside("shop.io", "/a"))
	assert.Contains(t, e.Summary, "redirects go in a circle: http://shop.io/a, http://shop.io/b, http://shop.io/a")
	e = explain(t, shop+atEdge("a", "shop.io", "    - match: [{uri: {prefix: /}}]\n      redirect: {prefixRewrite: /x/}"), outside("shop.io", "/a"))
	assert.Contains(t, e.Summary, "after 10 redirects there is still no end")
	e = explain(t, shop+atEdge("a", "shop.io", "    - match: [{uri: {exact: /a}}]\n      redirect: {uri: /b}\n"+toV1), outside("shop.io", "/a"))
	assert.Contains(t, e.Summary, "there, answered by Deployment web-v1")
}
