package istiod

import (
	"fmt"
	"math/rand/v2"
	"strings"
)

// world is a random set, and what is asked of it.
type world struct {
	*rand.Rand
	// kubernetes and istio are the objects, as each side of Istio reads them.
	kubernetes, istio strings.Builder
}

func newWorld(seed uint64) *world {
	return &world{Rand: rand.New(rand.NewPCG(seed, 1))}
}

func pick[T any](w *world, of ...T) T { return of[w.IntN(len(of))] }

func (w *world) oneIn(n int) bool { return w.IntN(n) == 0 }

func (w *world) addKubernetes(format string, values ...any) {
	_, _ = fmt.Fprintf(&w.kubernetes, format+"\n---\n", values...)
}

func (w *world) addIstio(format string, values ...any) {
	_, _ = fmt.Fprintf(&w.istio, format+"\n---\n", values...)
}

// base are Services and pods, which are alike in all sets but for names of ports.
func (w *world) base() {
	for _, namespace := range []string{"shop", "other", "istio-system"} {
		w.addKubernetes("apiVersion: v1\nkind: Namespace\nmetadata: {name: %s, labels: {istio-injection: enabled}}", namespace)
	}
	address := 1
	for _, name := range []string{"shop/web", "shop/cart", "other/web", "other/api"} {
		namespace, name, _ := strings.Cut(name, "/")
		ports := fmt.Sprintf("{name: %s, port: 80, targetPort: 8080}", pick(w, "http", "http-web", "http2", "grpc", "odd", "tcp-x"))
		if w.oneIn(2) {
			ports += fmt.Sprintf(", {name: %s, port: 8081}", pick(w, "http-b", "grpc-b", "b", "tcp-b"))
		}
		annotations := ""
		if w.oneIn(8) {
			annotations = ", annotations: {networking.istio.io/exportTo: .}"
		}
		w.addKubernetes("apiVersion: v1\nkind: Service\nmetadata: {name: %s, namespace: %s%s}\nspec: {clusterIP: 10.0.0.%d, selector: {app: %s}, ports: [%s]}", name, namespace, annotations, address, name, ports)
		address++
		for _, version := range []string{"v1", "v2"} {
			w.addKubernetes("apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: %[1]s-%[2]s, namespace: %[3]s}\nspec: {selector: {matchLabels: {app: %[1]s, version: %[2]s}}, template: {metadata: {labels: {app: %[1]s, version: %[2]s}}, spec: {containers: [{name: a}]}}}", name, version, namespace)
		}
	}
	w.addKubernetes("apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: caller, namespace: shop}\nspec: {selector: {matchLabels: {app: caller}}, template: {metadata: {labels: {app: caller, tier: front}}, spec: {containers: [{name: a}]}}}")
	if w.oneIn(2) {
		w.addIstio("apiVersion: networking.istio.io/v1\nkind: ServiceEntry\nmetadata: {name: outside, namespace: %s}\nspec: {hosts: [%s], location: MESH_EXTERNAL, resolution: %s, exportTo: ['%s'], ports: [{number: 80, name: http, protocol: HTTP}]}",
			pick(w, "shop", "other"), pick(w, "api.example.com", "'*.example.com'"), "NONE", pick(w, "*", "."))
	}
}

func (w *world) destinationRules() {
	for i := range w.IntN(4) {
		var subsets []string
		for _, name := range []string{"v1", "v2", "v3"} {
			if !w.oneIn(3) {
				subsets = append(subsets, fmt.Sprintf("{name: %s, labels: {version: %s}}", name, pick(w, "v1", "v2")))
			}
		}
		w.addIstio("apiVersion: networking.istio.io/v1\nkind: DestinationRule\nmetadata: {name: rule-%d, namespace: %s}\nspec: {host: '%s', exportTo: [%s], subsets: [%s]}", i,
			pick(w, "shop", "shop", "other", "istio-system"), pick(w, "web", "cart", "web.shop.svc.cluster.local", "api.other.svc.cluster.local", "*.shop.svc.cluster.local", "*.local"),
			pick(w, "", "", "'*'", "."), strings.Join(subsets, ", "))
	}
}

func (w *world) text(values ...string) string {
	value := pick(w, values...)
	switch w.IntN(5) {
	case 0:
		return fmt.Sprintf("{prefix: '%s'}", value[:1+w.IntN(len(value))])
	case 1:
		return fmt.Sprintf("{regex: '%s'}", pick(w, value, value+".*", ".*", value[:1]+"[a-z0-9/]+", "*", "a|b|"+value))
	}
	return fmt.Sprintf("{exact: '%s'}", value)
}

// match is a random HTTPMatchRequest.
func (w *world) match() string {
	var parts []string
	if !w.oneIn(4) {
		parts = append(parts, "uri: "+pick(w, w.text("/a", "/b", "/a/b", "/", "/A"), "{prefix: /}", "{prefix: /a}"))
	}
	if w.oneIn(3) {
		parts = append(parts, fmt.Sprintf("headers: {x: %s}", pick(w, w.text("1", "2", "12"), "{}")))
	}
	if w.oneIn(6) {
		parts = append(parts, fmt.Sprintf("withoutHeaders: {%s: %s}", pick(w, "x", "w"), pick(w, w.text("1", "2"), "{}")))
	}
	if w.oneIn(6) {
		parts = append(parts, fmt.Sprintf("queryParams: {q: %s}", pick(w, w.text("1", "2"), "{}")))
	}
	if w.oneIn(6) {
		parts = append(parts, "method: "+w.text("GET", "POST"))
	}
	if w.oneIn(8) {
		parts = append(parts, "authority: "+w.text("web", "shop.io", "a.shop.io"))
	}
	if w.oneIn(8) {
		parts = append(parts, "scheme: "+w.text("http", "https"))
	}
	if w.oneIn(8) {
		parts = append(parts, fmt.Sprintf("port: %d", pick(w, 80, 8081, 443)))
	}
	if w.oneIn(8) {
		parts = append(parts, fmt.Sprintf("sourceLabels: {%s}", pick(w, "app: caller", "app: other", "tier: front")))
	}
	if w.oneIn(8) {
		parts = append(parts, "sourceNamespace: "+pick(w, "shop", "other"))
	}
	if w.oneIn(8) {
		parts = append(parts, fmt.Sprintf("gateways: [%s]", pick(w, "mesh", "edge", "shop/edge")))
	}
	if w.oneIn(8) {
		parts = append(parts, "ignoreUriCase: true")
	}
	return "{" + strings.Join(parts, ", ") + "}"
}

func (w *world) destination() string {
	host := pick(w, "web", "cart", "web.shop.svc.cluster.local", "api.other.svc.cluster.local", "web.other.svc.cluster.local", "api.example.com", "web.shop", "nobody")
	more := ""
	if w.oneIn(3) {
		more += fmt.Sprintf(", port: {number: %d}", pick(w, 80, 8081, 9999))
	}
	if w.oneIn(2) {
		more += ", subset: " + pick(w, "v1", "v2", "v3")
	}
	return fmt.Sprintf("{host: %s%s}", host, more)
}

func (w *world) edits() string {
	var parts []string
	if w.oneIn(2) {
		parts = append(parts, fmt.Sprintf("set: {%s: '%d'}", pick(w, "x", "w", "':authority'", "host"), w.IntN(9)))
	}
	if w.oneIn(2) {
		parts = append(parts, fmt.Sprintf("add: {%s: '%d'}", pick(w, "x", "z"), w.IntN(9)))
	}
	if w.oneIn(2) {
		parts = append(parts, fmt.Sprintf("remove: [%s]", pick(w, "x", "z", "host")))
	}
	return "{request: {" + strings.Join(parts, ", ") + "}}"
}

// rule is a random HTTPRoute of a VirtualService.
func (w *world) rule(delegates bool) string {
	var parts []string
	if !w.oneIn(4) {
		var matches []string
		for range 1 + w.IntN(2) {
			matches = append(matches, w.match())
		}
		parts = append(parts, "match: ["+strings.Join(matches, ", ")+"]")
	}
	if delegates && w.oneIn(5) {
		return "{" + strings.Join(append(parts, fmt.Sprintf("delegate: {name: %s, namespace: %s}", pick(w, "sub-0", "sub-1", "root-0"), pick(w, "shop", "other"))), ", ") + "}"
	}
	switch w.IntN(9) {
	case 0:
		redirect := pick(w, "uri: /r", "authority: r.io", "prefixRewrite: /r", "uri: /r, authority: r.io") + pick(w, "", ", redirectCode: 302", ", redirectCode: 308", ", scheme: https", ", port: 8443", ", derivePort: FROM_REQUEST_PORT")
		return "{" + strings.Join(append(parts, "redirect: {"+redirect+"}"), ", ") + "}"
	case 1:
		return "{" + strings.Join(append(parts, fmt.Sprintf("directResponse: {status: %d}", pick(w, 200, 404, 503))), ", ") + "}"
	}
	var to []string
	for range 1 + w.IntN(3) {
		edits := ""
		if w.oneIn(6) {
			edits = ", headers: " + w.edits()
		}
		to = append(to, fmt.Sprintf("{destination: %s, weight: %d%s}", w.destination(), 1+w.IntN(4)*10, edits))
	}
	parts = append(parts, "route: ["+strings.Join(to, ", ")+"]")
	if w.oneIn(4) {
		parts = append(parts, "rewrite: {"+pick(w, "uri: /w", "uri: /", "authority: w.io", "uri: /w, authority: w.io", `uriRegexRewrite: {match: '/(a)(.*)', rewrite: '/r\2\1'}`)+"}")
	}
	if w.oneIn(4) {
		parts = append(parts, "headers: "+w.edits())
	}
	if w.oneIn(4) {
		parts = append(parts, "timeout: "+pick(w, "1s", "2.5s", "500ms"))
	}
	if w.oneIn(4) {
		parts = append(parts, fmt.Sprintf("retries: {attempts: %d%s%s}", w.IntN(4), pick(w, "", ", perTryTimeout: 1s", ", perTryTimeout: 0.3s"), pick(w, "", ", retryOn: 5xx", ", retryOn: 'reset,503'")))
	}
	if w.oneIn(6) {
		parts = append(parts, fmt.Sprintf("fault: {%s}", pick(w, "delay: {fixedDelay: 2s, percentage: {value: 50}}", "abort: {httpStatus: 418, percentage: {value: 30}}", "abort: {httpStatus: 418}", "abort: {httpStatus: 418, percentage: {value: 100}}")))
	}
	if w.oneIn(8) {
		parts = append(parts, "mirror: {host: cart}"+pick(w, "", ", mirrorPercentage: {value: 10}", ", mirrorPercentage: {value: 0}"))
	}
	return "{" + strings.Join(parts, ", ") + "}"
}

func (w *world) virtualServices() {
	for i := range w.IntN(2) + w.IntN(2) + w.IntN(2) + 1 {
		var rules []string
		for range 1 + w.IntN(4) {
			rules = append(rules, w.rule(true))
		}
		var hosts []string
		for range 1 + w.IntN(2) {
			hosts = append(hosts, "'"+pick(w, "web", "web", "cart", "web.shop", "web.shop.svc.cluster.local", "api.other.svc.cluster.local", "*.shop.svc.cluster.local", "*.local", "*", "shop.io", "shop.io", "a.shop.io", "*.shop.io", "api.example.com", "*.example.com", "internal.shop")+"'")
		}
		w.addIstio("apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {name: root-%d, namespace: %s}\nspec: {hosts: [%s], gateways: [%s], exportTo: [%s], http: [%s]}", i,
			pick(w, "shop", "shop", "shop", "other"), strings.Join(hosts, ", "), pick(w, "", "mesh", "edge", "edge, mesh", "shop/edge", "shop/edge, mesh, other/edge"),
			pick(w, "", "", "", "'*'", ".", "istio-system, shop"), strings.Join(rules, ",\n  "))
	}
	for i := range w.IntN(3) {
		var rules []string
		for range 1 + w.IntN(3) {
			rules = append(rules, w.rule(false))
		}
		w.addIstio("apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {name: sub-%d, namespace: %s}\nspec: {exportTo: [%s], http: [%s]}", i, pick(w, "shop", "other"), pick(w, "", "", "."), strings.Join(rules, ",\n  "))
	}
}

func (w *world) gateways() {
	// Istio's store has them created one after another, in the order of their namespaces.
	for _, namespace := range []string{"other", "shop"} {
		if namespace == "other" && w.oneIn(2) {
			continue
		}
		var servers []string
		for i := range 1 + w.IntN(2) {
			servers = append(servers, fmt.Sprintf("{port: {number: %d, name: http-%d, protocol: HTTP}, hosts: [%s]%s}", pick(w, 80, 80, 8080), i, pick(w, "'*'", "'*.shop.io', shop.io", "shop.io", "./*", "other/shop.io, a.shop.io", "'*/*.io'"), pick(w, "", "", "", "", ", tls: {httpsRedirect: true}")))
		}
		if w.oneIn(2) {
			servers = append(servers, "{port: {number: 443, name: https, protocol: HTTPS}, hosts: ["+pick(w, "shop.io", "'*.shop.io'", "'*'")+"], tls: {mode: SIMPLE, credentialName: x}}")
		}
		w.addIstio("apiVersion: networking.istio.io/v1\nkind: Gateway\nmetadata: {name: edge, namespace: %s}\nspec: {selector: {istio: ingressgateway}, servers: [%s]}", namespace, strings.Join(servers, ", "))
	}
}

func (w *world) ingresses() {
	w.addKubernetes("apiVersion: networking.k8s.io/v1\nkind: IngressClass\nmetadata: {name: istio}\nspec: {controller: istio.io/ingress-controller}")
	for i := range 1 + w.IntN(2) {
		var rules []string
		for range 1 + w.IntN(2) {
			var paths []string
			for range 1 + w.IntN(3) {
				paths = append(paths, fmt.Sprintf("{path: '%s', pathType: %s, backend: {service: {name: %s, port: {%s}}}}", pick(w, "/", "/a", "/a/", "/a/b", "/b", "/a/*", "/b.*"),
					pick(w, "Prefix", "Exact", "ImplementationSpecific"), pick(w, "web", "cart", "nobody"), pick(w, "number: 80", "number: 8081", "name: http")))
			}
			host := pick(w, "host: shop.io, ", "host: a.shop.io, ", "host: '*.shop.io', ", "")
			rules = append(rules, "{"+host+"http: {paths: ["+strings.Join(paths, ", ")+"]}}")
		}
		w.addKubernetes("apiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata: {name: in-%d, namespace: shop}\nspec: {ingressClassName: istio, rules: [%s]}", i, strings.Join(rules, ", "))
	}
}

func (w *world) routes() {
	w.addKubernetes("apiVersion: gateway.networking.k8s.io/v1\nkind: GatewayClass\nmetadata: {name: istio}\nspec: {controllerName: istio.io/gateway-controller}")
	var listeners []string
	for i := range 1 + w.IntN(3) {
		listeners = append(listeners, fmt.Sprintf("{name: l%d, port: 80, protocol: HTTP%s, allowedRoutes: {namespaces: {from: %s}}}", i,
			[]string{", hostname: '*.shop.io'", "", ", hostname: shop.io"}[i], pick(w, "All", "All", "Same")))
	}
	w.addKubernetes("apiVersion: gateway.networking.k8s.io/v1\nkind: Gateway\nmetadata: {name: door, namespace: shop}\nspec: {gatewayClassName: istio, listeners: [%s]}", strings.Join(listeners, ", "))
	if w.oneIn(2) {
		w.addKubernetes("apiVersion: gateway.networking.k8s.io/v1beta1\nkind: ReferenceGrant\nmetadata: {name: grant, namespace: other}\nspec: {from: [{group: gateway.networking.k8s.io, kind: %s, namespace: shop}], to: [{group: '', kind: Service%s}]}", pick(w, "HTTPRoute", "GRPCRoute"), pick(w, "", ", name: web"))
	}
	for i := range 1 + w.IntN(3) {
		grpc := w.oneIn(4)
		kind := "HTTPRoute"
		if grpc {
			kind = "GRPCRoute"
		}
		var rules []string
		for range 1 + w.IntN(3) {
			rules = append(rules, w.routeRule(grpc))
		}
		parent := "{name: door, namespace: shop" + pick(w, "", "", ", sectionName: l0") + "}"
		if w.oneIn(5) {
			parent = fmt.Sprintf("{group: '', kind: Service, name: web, namespace: shop%s}", pick(w, "", ", port: 80"))
		}
		w.addKubernetes("apiVersion: gateway.networking.k8s.io/v1\nkind: %s\nmetadata: {name: route-%d, namespace: %s}\nspec: {parentRefs: [%s], hostnames: [%s], rules: [%s]}", kind, i,
			pick(w, "shop", "shop", "other"), parent, pick(w, "", "shop.io", "a.shop.io", "'*.shop.io'", "shop.io, a.shop.io", "b.io"), strings.Join(rules, ",\n  "))
	}
}

// grpcMatch is a random match of a GRPCRoute.
func (w *world) grpcMatch() []string {
	return []string{pick(w, "method: {service: s.S}", "method: {service: s.S, method: Get}", "method: {method: Get}", "method: {type: RegularExpression, service: 's.+'}")}
}

func (w *world) routeRule(grpc bool) string {
	var parts, matches []string
	for range w.IntN(3) {
		match := []string{fmt.Sprintf("path: {type: %s}", pick(w, "PathPrefix, value: /", "PathPrefix, value: /a", "PathPrefix, value: /a/", "Exact, value: /a", "Exact, value: /a/b", "RegularExpression, value: '/a.*'"))}
		if grpc {
			match = w.grpcMatch()
		} else if w.oneIn(4) {
			match = append(match, "method: "+pick(w, "GET", "POST"))
		}
		if !grpc && w.oneIn(4) {
			match = append(match, "queryParams: [{name: q, value: '1'}]")
		}
		if w.oneIn(3) {
			match = append(match, "headers: [{name: "+pick(w, "x", "w")+", value: '"+pick(w, "1", "2")+"'}]")
		}
		matches = append(matches, "{"+strings.Join(match, ", ")+"}")
	}
	if len(matches) == 0 && !grpc {
		// What the API server writes where nothing is said; Istio's fake of it writes nothing.
		matches = []string{"{path: {type: PathPrefix, value: /}}"}
	}
	if len(matches) > 0 {
		parts = append(parts, "matches: ["+strings.Join(matches, ", ")+"]")
	}
	if !grpc && w.oneIn(6) {
		return "{" + strings.Join(append(parts, "filters: [{type: RequestRedirect, requestRedirect: {"+pick(w, "scheme: https", "hostname: r.io", "port: 8443", "path: {type: ReplaceFullPath, replaceFullPath: /r}", "path: {type: ReplacePrefixMatch, replacePrefixMatch: /r}")+pick(w, ", statusCode: 302", ", statusCode: 301")+"}}]"), ", ") + "}"
	}
	var filters []string
	if w.oneIn(4) {
		filters = append(filters, "{type: RequestHeaderModifier, requestHeaderModifier: {"+pick(w, "set: [{name: X, value: '9'}]", "add: [{name: z, value: '9'}]", "remove: [x]")+"}}")
	}
	if !grpc && w.oneIn(4) {
		filters = append(filters, "{type: URLRewrite, urlRewrite: {"+pick(w, "hostname: w.io", "path: {type: ReplacePrefixMatch, replacePrefixMatch: /w}", "path: {type: ReplacePrefixMatch, replacePrefixMatch: /}", "path: {type: ReplaceFullPath, replaceFullPath: /w}")+"}}")
	}
	if len(filters) > 0 {
		parts = append(parts, "filters: ["+strings.Join(filters, ", ")+"]")
	}
	if !grpc && w.oneIn(5) {
		parts = append(parts, "timeouts: {"+pick(w, "request: 2s", "backendRequest: 1s", "request: 3s, backendRequest: 1s")+"}")
	}
	var backends []string
	for range w.IntN(3) {
		backends = append(backends, fmt.Sprintf("{name: %s%s, port: %d%s}", pick(w, "web", "cart", "nobody"), pick(w, "", "", ", namespace: other"), pick(w, 80, 80, 8081), pick(w, "", ", weight: 3", ", weight: 0")))
	}
	if len(backends) > 0 {
		parts = append(parts, "backendRefs: ["+strings.Join(backends, ", ")+"]")
	}
	return "{" + strings.Join(parts, ", ") + "}"
}
