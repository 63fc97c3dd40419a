package engine_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/crossoverJie/k8s-combat/infra/traffic/engine"
)

func policy(name, spec string) string {
	return "apiVersion: security.istio.io/v1\nkind: AuthorizationPolicy\nmetadata: {name: " + name + ", namespace: shop}\nspec: " + spec + "\n---\n"
}

func peers(name, namespace, spec string) string {
	return "apiVersion: security.istio.io/v1\nkind: PeerAuthentication\nmetadata: {name: " + name + ", namespace: " + namespace + "}\nspec: " + spec + "\n---\n"
}

func TestPolicies(t *testing.T) {
	t.Parallel()
	cart := func(path string) engine.Request { return engine.Request{Host: "web", Path: path, From: "shop/cart"} }
	alone := engine.Request{Host: "web", From: "shop/alone"}
	all := "web-v1 50, web-v2 50"
	run(t, []asked{
		{"nothing is allowed", policy("a", "{}"), cart("/"), "denied 403"},
		{"everything is allowed", policy("a", "{rules: [{}]}"), cart("/"), all},
		{"everything is denied", policy("a", "{action: DENY, rules: [{}]}"), cart("/"), "denied 403"},
		{"nothing is denied", policy("a", "{action: DENY}"), cart("/"), all},
		{"denied before allowed", policy("a", "{rules: [{}]}") + policy("b", "{action: DENY, rules: [{to: [{operation: {paths: [/a]}}]}]}"), cart("/a"), "denied 403"},
		{"not what is denied", policy("b", "{action: DENY, rules: [{to: [{operation: {paths: [/a]}}]}]}"), cart("/b"), all},
		{"audit changes nothing", policy("b", "{action: AUDIT, rules: [{}]}"), cart("/"), all},
		{"custom", policy("b", "{action: CUSTOM, provider: {name: x}, rules: [{}]}"), cart("/"), "undecided"},
		{"of one version", policy("a", "{selector: {matchLabels: {version: v1}}, action: DENY, rules: [{}]}"), cart("/"), "denied 403 50, web-v2 50"},
		{"of others", policy("a", "{selector: {matchLabels: {app: other}}, action: DENY, rules: [{}]}"), cart("/"), all},
		{"of the mesh", "apiVersion: security.istio.io/v1\nkind: AuthorizationPolicy\nmetadata: {name: a, namespace: istio-system}\nspec: {action: DENY, rules: [{}]}\n---\n", cart("/"), "denied 403"},
		{"principal", policy("a", "{rules: [{from: [{source: {principals: [cluster.local/ns/shop/sa/cart]}}]}]}"), cart("/"), all},
		{"other principal", policy("a", "{rules: [{from: [{source: {principals: [cluster.local/ns/shop/sa/web]}}]}]}"), cart("/"), "denied 403"},
		{"end of a principal", policy("a", "{rules: [{from: [{source: {principals: ['*/sa/cart']}}]}]}"), cart("/"), all},
		{"namespace", policy("a", "{rules: [{from: [{source: {namespaces: [shop]}}]}]}"), cart("/"), all},
		{"not a namespace", policy("a", "{rules: [{from: [{source: {notNamespaces: [shop]}}]}]}"), cart("/"), "denied 403"},
		{"service account", policy("a", "{rules: [{from: [{source: {serviceAccounts: [cart]}}]}]}"), cart("/"), all},
		// Who has no certificate is in no namespace, and no namespace is kept from it: DENY with notNamespaces denies it.
		{"no sidecar, no namespace", policy("a", "{rules: [{from: [{source: {namespaces: [shop]}}]}]}"), alone, "denied 403"},
		{"no sidecar, not a namespace", policy("a", "{action: DENY, rules: [{from: [{source: {notNamespaces: [shop]}}]}]}"), alone, "denied 403"},
		{"nobody named", policy("a", "{rules: [{from: [{source: {namespaces: [shop]}}]}]}"), get("/"), "undecided"},
		{"methods", policy("a", "{rules: [{to: [{operation: {methods: [POST]}}]}]}"), cart("/"), "denied 403"},
		{"not methods", policy("a", "{rules: [{to: [{operation: {notMethods: [POST]}}]}]}"), cart("/"), all},
		{"beginning of a path", policy("a", "{rules: [{to: [{operation: {paths: [/a*]}}]}]}"), cart("/ab?x"), all},
		{"template of a path", policy("a", "{rules: [{to: [{operation: {paths: ['/a/{*}/c']}}]}]}"), cart("/a/b/c"), all},
		{"template of a path, not two elements", policy("a", "{rules: [{to: [{operation: {paths: ['/a/{*}/c']}}]}]}"), cart("/a/b/b/c"), "denied 403"},
		// The port is that of the pod, which the documentation calls a port of the request: 8080 behind 80.
		{"port of the pod", policy("a", "{rules: [{to: [{operation: {ports: ['8080']}}]}]}"), cart("/"), all},
		{"port of the Service", policy("a", "{rules: [{to: [{operation: {ports: ['80']}}]}]}"), cart("/"), "denied 403"},
		{"hosts without case", policy("a", "{rules: [{to: [{operation: {hosts: [WEB]}}]}]}"), cart("/"), all},
		{"when a header", policy("a", "{rules: [{when: [{key: 'request.headers[x]', values: ['1']}]}]}"), engine.Request{Host: "web", From: "shop/cart", Headers: []engine.Header{{Name: "X", Value: "1"}}}, all},
		{"when a token", policy("a", "{rules: [{when: [{key: 'request.auth.claims[iss]', values: ['1']}]}]}"), cart("/"), "undecided"},
		{"when a namespace", policy("a", "{rules: [{when: [{key: source.namespace, values: [other]}]}]}"), cart("/"), "denied 403"},
		{"dry run", "apiVersion: security.istio.io/v1\nkind: AuthorizationPolicy\nmetadata: {name: a, namespace: shop, annotations: {istio.io/dry-run: 'true'}}\nspec: {}\n---\n", cart("/"), all},
		{"path after the rewrite", virtual("    - rewrite: {uri: /b}\n      match: [{uri: {prefix: /a}}]\n      route: [{destination: {host: web, subset: v1}}]") + policy("a", "{rules: [{to: [{operation: {paths: [/b]}}]}]}"), cart("/a"), "web-v1"},
		{"TCP loses what is of HTTP, and allows nothing", policy("a", "{selector: {matchLabels: {app: cart}}, rules: [{to: [{operation: {methods: [GET]}}]}]}"), engine.Request{Host: "cart", Port: 9000, From: "shop/cart"}, "denied 503"},
		{"TCP loses what is of HTTP, and denies all", policy("a", "{selector: {matchLabels: {app: cart}}, action: DENY, rules: [{to: [{operation: {methods: [GET]}}]}]}"), engine.Request{Host: "cart", Port: 9000, From: "shop/cart"}, "denied 503"},
		{"strict", peers("a", "shop", "{mtls: {mode: STRICT}}"), cart("/"), all},
		{"strict without a sidecar", peers("a", "shop", "{mtls: {mode: STRICT}}"), alone, "denied"},
		{"permissive without a sidecar", peers("a", "shop", "{mtls: {mode: PERMISSIVE}}"), alone, all},
		{"strict in the mesh", peers("a", "istio-system", "{mtls: {mode: STRICT}}"), alone, "denied"},
		{"permissive in the namespace", peers("a", "istio-system", "{mtls: {mode: STRICT}}") + peers("b", "shop", "{mtls: {mode: PERMISSIVE}}"), alone, all},
		{"unset in the namespace", peers("a", "istio-system", "{mtls: {mode: STRICT}}") + peers("b", "shop", "{mtls: {mode: UNSET}}"), alone, "denied"},
		{"of one version, strict", peers("a", "shop", "{selector: {matchLabels: {version: v1}}, mtls: {mode: STRICT}}"), alone, "denied 50, web-v2 50"},
		{"port of the pod, permissive", peers("a", "shop", "{selector: {matchLabels: {app: web}}, mtls: {mode: STRICT}, portLevelMtls: {8080: {mode: PERMISSIVE}}}"), alone, all},
		{"strict for an Ingress", peers("a", "shop", "{mtls: {mode: STRICT}}") + ingress("nginx", paths("in.io", "/", "Prefix", "web")), outside("in.io", "/"), "denied 502"},
		{"strict for a gateway", peers("a", "shop", "{mtls: {mode: STRICT}}") + atEdge("a", "shop.io", toV1), outside("shop.io", "/"), "web-v1"},
		{"a DestinationRule that turns it off", peers("a", "shop", "{mtls: {mode: STRICT}}") + "apiVersion: networking.istio.io/v1\nkind: DestinationRule\nmetadata: {name: aa, namespace: shop}\nspec: {host: web, trafficPolicy: {tls: {mode: DISABLE}}}\n---\n", cart("/"), "503"},
		{"a DestinationRule that asks for it in vain", "apiVersion: v1\nkind: Service\nmetadata: {name: alone, namespace: shop}\nspec: {selector: {app: alone}, ports: [{name: http, port: 80}]}\n---\napiVersion: networking.istio.io/v1\nkind: DestinationRule\nmetadata: {name: aa, namespace: shop}\nspec: {host: alone, trafficPolicy: {tls: {mode: ISTIO_MUTUAL}}}\n---\n", engine.Request{Host: "alone", From: "shop/cart"}, "503"},
		{"no sidecar before the pods, no policy", "apiVersion: v1\nkind: Service\nmetadata: {name: alone, namespace: shop}\nspec: {selector: {app: alone}, ports: [{name: http, port: 80}]}\n---\n" + policy("a", "{}"), engine.Request{Host: "alone", From: "shop/cart"}, "alone"},
	})
}

func TestErrors(t *testing.T) {
	t.Parallel()
	m := engine.New(set(t, shop), engine.Options{})
	for _, c := range []struct {
		request engine.Request
		want    string
	}{
		{engine.Request{Host: "web", From: "shop/nobody"}, `no workload "nobody" in Namespace shop; there are alone, cart, web-v1, web-v2`},
		{engine.Request{Host: "web", Gateway: "nobody"}, `no gateway "nobody"; there are edge`},
		{engine.Request{Host: "web", Gateway: "edge", From: "shop/cart"}, "a request comes from a pod or by a gateway, not both"},
	} {
		_, err := m.Explain(c.request)
		assert.EqualError(t, err, c.want)
	}
}
