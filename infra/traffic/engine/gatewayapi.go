package engine

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"github.com/crossoverJie/k8s-combat/infra/internal/objects"
)

// convertRoutes makes of HTTPRoutes and GRPCRoutes what Istio makes of them, a VirtualService a listener and host
// (pilot/pkg/config/kube/gateway/route_collections.go and conversion.go).
func (m *Model) convertRoutes() {
	for _, o := range m.index.Kind("ReferenceGrant") {
		m.grants[o.Namespace] = append(m.grants[o.Namespace], m.spec(o))
	}
	type key struct{ binding, host, kind string }
	merged := map[key]*virtualService{}
	for _, kind := range []string{"HTTPRoute", "GRPCRoute"} {
		found := m.kind("gateway.networking.k8s.io", kind)
		slices.SortStableFunc(found, func(a, b *objects.Object) int {
			return cmp.Or(cmp.Compare(createdAt(a), createdAt(b)), cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.Name, b.Name))
		})
		for _, o := range found {
			spec := m.spec(o)
			for _, parent := range spec.get("parentRefs").list() {
				inMesh := parent.get("kind").text() == "Service" || parent.get("kind").text() == "ServiceEntry"
				rules, why := m.routeRules(o, kind, inMesh)
				if why != "" {
					m.ignored[o] = why
					continue
				}
				hosts := lowered(spec.get("hostnames").texts())
				if len(hosts) == 0 {
					hosts = []string{"*"}
				}
				namespace := cmp.Or(parent.get("namespace").text(), o.Namespace)
				var bindings []string
				if inMesh {
					bindings = []string{meshGateway}
					hosts = m.parentHosts(parent, namespace)
					if port := parent.get("port").whole(); port > 0 {
						for _, r := range rules {
							if len(r.matches) == 0 {
								r.matches = []*match{{}}
							}
							for _, one := range r.matches {
								one.port = port
							}
						}
					}
				} else {
					bindings, why = m.parentListeners(o, kind, parent, namespace, hosts)
					if len(bindings) == 0 {
						m.ignored[o] = why
					}
				}
				for _, binding := range bindings {
					for _, host := range hosts {
						if s := m.listener(binding); s != nil && !s.takesRoute(host) {
							continue
						}
						id := key{binding, host, kind}
						if binding == meshGateway {
							id.binding = binding + " " + o.Namespace + " " + strconv.Itoa(parent.get("port").whole())
						}
						if known := merged[id]; known != nil {
							known.http = append(known.http, rules...)
							sortRules(known.http)
							continue
						}
						v := &virtualService{Object: o, semantics: gatewaySemantics, hosts: []string{host}, gateways: []string{binding}, http: slices.Clone(rules)}
						sortRules(v.http)
						merged[id] = v
						m.addVirtual(v)
					}
				}
			}
		}
	}
}

func (m *Model) listener(binding string) *server {
	for _, g := range m.gateways {
		for _, s := range g.servers {
			if s.binding == binding {
				return s
			}
		}
	}
	return nil
}

// takesRoute leaves a host to a closer listener of the port (hostnameAllowedByIsolation in conversion.go).
func (s *server) takesRoute(host string) bool {
	own := s.names()[0]
	if !isWild(own) {
		return true
	}
	if !overlap(host, own) {
		return false
	}
	for _, other := range s.isolated {
		if len(own) <= len(other) && within(host, other) {
			return false
		}
	}
	return true
}

// parentHosts are the names of a Service or ServiceEntry that a route of the mesh is for.
func (m *Model) parentHosts(parent value, namespace string) []string {
	name := parent.get("name").text()
	if parent.get("kind").text() == "ServiceEntry" {
		if o := m.index.Find("ServiceEntry", namespace, name); o != nil {
			return lowered(m.spec(o).get("hosts").texts())
		}
		return nil
	}
	return []string{strings.ToLower(name + "." + namespace + ".svc." + m.domain)}
}

// parentListeners are the listeners of a Gateway that a route is bound to, or why there are none.
func (m *Model) parentListeners(o *objects.Object, kind string, parent value, namespace string, hosts []string) ([]string, string) {
	var bindings []string
	why := "it is bound to Gateway " + namespace + "/" + parent.get("name").text() + ", which the set does not have"
	for _, g := range m.gateways {
		if !g.own || g.Namespace != namespace || g.Name != parent.get("name").text() {
			continue
		}
		why = "no listener of " + m.name(g.Object) + " takes it"
		for _, s := range g.servers {
			if name := parent.get("sectionName").text(); name != "" && name != s.listener {
				continue
			}
			if port := parent.get("port").whole(); port > 0 && port != s.port {
				continue
			}
			if !s.protocol.isHTTP() && s.protocol != protocolHTTPS || s.passthrough {
				continue
			}
			if len(s.kinds) > 0 && !slices.Contains(s.kinds, kind) {
				why = "the listener takes no " + kind
				continue
			}
			allowed := s.hostsFor(o.Namespace)
			if len(allowed) == 0 {
				why = "the listener takes no routes of Namespace " + o.Namespace + " (allowedRoutes)"
				continue
			}
			for _, host := range hosts {
				if overlap(allowed[0], host) {
					bindings = append(bindings, s.binding)
					break
				}
			}
			if len(bindings) == 0 {
				why = "the listener takes " + allowed[0] + ", the route is for " + strings.Join(hosts, ", ")
			}
		}
	}
	return bindings, why
}

// sortRules puts rules in the order of the Gateway API: exact paths, then the longest, then those with a method, then the
// most headers, then the most parameters (sortHTTPRoutes in conversion.go). Istio puts regular expressions last, which
// the API leaves open.
func sortRules(rules []*rule) {
	rank := func(m *match) (kind, length int) {
		if m.uri == nil {
			return -1, 0
		}
		switch m.uri.kind {
		case exact:
			return 3, len(m.uri.text)
		case prefix, pathPrefix:
			return 2, len(m.uri.text)
		}
		return 1, len(m.uri.text)
	}
	set := func(is bool) int {
		if is {
			return 1
		}
		return 0
	}
	slices.SortStableFunc(rules, func(a, b *rule) int {
		if len(a.matches) == 0 || len(b.matches) == 0 {
			return cmp.Compare(set(len(a.matches) == 0), set(len(b.matches) == 0))
		}
		one, other := a.matches[0], b.matches[0]
		kindA, lengthA := rank(one)
		kindB, lengthB := rank(other)
		return cmp.Or(cmp.Compare(kindB, kindA), cmp.Compare(lengthB, lengthA),
			cmp.Compare(set(other.method != nil), set(one.method != nil)),
			cmp.Compare(len(other.headers), len(one.headers)), cmp.Compare(len(other.query), len(one.query)))
	})
}

// routeRules are the rules of a route, one a match, or why Istio leaves the route out.
func (m *Model) routeRules(o *objects.Object, kind string, inMesh bool) ([]*rule, string) {
	var all []*rule
	for i, from := range m.spec(o).get("rules").list() {
		at := "rules[" + strconv.Itoa(i) + "]"
		matches := from.get("matches").list()
		if len(matches) == 0 {
			matches = []value{{}}
		}
		for n, one := range matches {
			r := &rule{in: o, at: at, name: from.get("name").text()}
			if len(matches) > 1 {
				r.at = at + ".matches[" + strconv.Itoa(n) + "]"
			}
			if kind == "GRPCRoute" {
				if uri := grpcPath(one.get("method")); uri != nil || len(one.get("headers").list()) > 0 {
					r.matches = []*match{{uri: uri, headers: readTyped(one.get("headers"))}}
				}
			} else {
				r.matches = []*match{httpMatch(one)}
			}
			if why := m.routeAction(o, kind, inMesh, from, r); why != "" {
				return nil, why
			}
			all = append(all, r)
		}
	}
	return all, ""
}

func httpMatch(v value) *match {
	// The API server writes the prefix "/" where nothing is said.
	path := cmp.Or(v.at("path", "value").text(), "/")
	one := &match{headers: readTyped(v.get("headers")), query: readTyped(v.get("queryParams"))}
	switch v.at("path", "type").text() {
	case "Exact":
		one.uri = &stringMatch{kind: exact, text: path}
	case "RegularExpression":
		one.uri = regexMatch(path)
	default:
		one.uri = pathMatch(path)
	}
	if method := v.get("method").text(); method != "" {
		one.method = &stringMatch{kind: exact, text: method}
	}
	return one
}

// pathMatch is the prefix of whole elements of a path. A slash at its end is ignored.
func pathMatch(path string) *stringMatch {
	if path == "/" {
		return &stringMatch{kind: prefix, text: path}
	}
	return &stringMatch{kind: pathPrefix, text: strings.TrimSuffix(path, "/")}
}

// readTyped reads matches of headers or parameters. Of several of one name the first counts, as the API has it.
func readTyped(v value) []namedMatch {
	var all []namedMatch
	for _, from := range v.list() {
		name := from.get("name").text()
		if find(all, name) != nil {
			continue
		}
		text := from.get("value").text()
		one := &stringMatch{kind: exact, text: text}
		if from.get("type").text() == "RegularExpression" {
			one = regexMatch(text)
		}
		all = append(all, namedMatch{name, one})
	}
	return all
}

// grpcPath is createGRPCURIMatch of conversion.go.
func grpcPath(v value) *stringMatch {
	service, method := v.get("service").text(), v.get("method").text()
	isRegex := v.get("type").text() == "RegularExpression"
	switch {
	case service == "" && method == "":
		return nil
	case service == "":
		return regexMatch("/[^/]+/" + method)
	case method == "" && isRegex:
		return regexMatch("/" + service + "/.+")
	case method == "":
		return &stringMatch{kind: pathPrefix, text: "/" + service}
	case isRegex:
		return regexMatch("/" + service + "/" + method)
	}
	return &stringMatch{kind: exact, text: "/" + service + "/" + method}
}

// routeAction reads what a rule does, or why Istio leaves the whole route out.
func (m *Model) routeAction(o *objects.Object, kind string, inMesh bool, from value, r *rule) string {
	for _, filter := range from.get("filters").list() {
		switch filter.get("type").text() {
		case "RequestHeaderModifier":
			r.edits.request = readFilterEdits(filter.get("requestHeaderModifier"))
		case "ResponseHeaderModifier":
			r.edits.response = readFilterEdits(filter.get("responseHeaderModifier"))
		case "RequestRedirect":
			r.redirect = readRedirectFilter(filter.get("requestRedirect"))
		case "RequestMirror":
			v := filter.get("requestMirror")
			to, why := m.backend(o, kind, inMesh, v.get("backendRef"))
			if why != "" || to.invalid != "" {
				continue
			}
			percent := 100.0
			if part := v.get("fraction"); part.has() {
				percent = bounded(100 * float64(part.get("numerator").whole()) / float64(max(part.get("denominator").wholeOr(100), 1)))
			} else if number, ok := v.get("percent").number(); ok {
				percent = bounded(number)
			}
			r.mirror(to, percent)
		case "URLRewrite":
			r.rewrite = readRewriteFilter(filter.get("urlRewrite"))
		case "CORS":
			r.answersOptions = true
		default:
			return "Istio knows no filter " + quote(filter.get("type").text())
		}
	}
	if v := from.get("retry"); v.has() {
		r.retries = &retries{attempts: v.get("attempts").wholeOr(2)}
		on := []string{"connect-failure", "refused-stream", "unavailable", "cancelled"}
		for _, code := range v.get("codes").list() {
			on = append(on, strconv.Itoa(code.whole()))
		}
		r.retries.on = strings.Join(on, ",")
		r.retries.base, r.retries.backoff = v.get("backoff").duration()
	}
	if request, _ := from.at("timeouts", "request").duration(); request > 0 {
		r.timeout, r.hasTimeout = request, true
	}
	if backend, _ := from.at("timeouts", "backendRequest").duration(); backend > 0 {
		// Without retries there is one try, and Istio puts its bound in the place of the whole request's.
		if r.retries != nil {
			r.retries.perTry = backend
		} else {
			r.timeout, r.hasTimeout = backend, true
		}
	}
	refs := from.get("backendRefs").list()
	total := 0
	for _, ref := range refs {
		total += max(ref.get("weight").wholeOr(1), 0)
	}
	if total == 0 && r.redirect == nil {
		r.direct = &directResponse{status: 500, body: ""}
		r.note = ""
		return ""
	}
	for _, ref := range refs {
		weight := ref.get("weight").wholeOr(1)
		if weight <= 0 {
			continue
		}
		to, why := m.backend(o, kind, inMesh, ref)
		if why != "" {
			return why
		}
		to.weight = weight
		for _, filter := range ref.get("filters").list() {
			switch filter.get("type").text() {
			case "RequestHeaderModifier":
				to.edits.request = readFilterEdits(filter.get("requestHeaderModifier"))
			case "ResponseHeaderModifier":
				to.edits.response = readFilterEdits(filter.get("responseHeaderModifier"))
			default:
				return "Istio knows no filter " + quote(filter.get("type").text()) + " of a backend"
			}
		}
		r.to = append(r.to, to)
	}
	return ""
}

// backend is what a backendRef names (buildDestination in conversion.go).
func (m *Model) backend(o *objects.Object, kind string, inMesh bool, ref value) (to destination, why string) {
	namespace, name := cmp.Or(ref.get("namespace").text(), o.Namespace), ref.get("name").text()
	group, of := ref.get("group").text(), cmp.Or(ref.get("kind").text(), "Service")
	if namespace != o.Namespace && !inMesh && !m.granted(kind, o.Namespace, group, of, namespace, name) {
		return destination{invalid: "no ReferenceGrant in Namespace " + namespace + " lets a " + kind + " of Namespace " + o.Namespace + " refer to " + of + " " + name}, ""
	}
	switch {
	case of == "Service" && group == "":
		if strings.Contains(name, ".") {
			return to, "the name of a backend has a dot; the name of a Service has none"
		}
		to.host = strings.ToLower(name + "." + namespace + ".svc." + m.domain)
	case of == "Hostname" && group == "networking.istio.io":
		to.host = strings.ToLower(name)
	default:
		return destination{invalid: "Istio knows no backend of kind " + of}, ""
	}
	if to.port = ref.get("port").whole(); to.port == 0 {
		return to, "a backend says no port"
	}
	return to, ""
}

// granted reports whether a ReferenceGrant lets a route of another namespace refer to an object.
func (m *Model) granted(kind, from, group, of, namespace, name string) bool {
	for _, grant := range m.grants[namespace] {
		source := slices.ContainsFunc(grant.get("from").list(), func(v value) bool {
			return v.get("group").text() == "gateway.networking.k8s.io" && v.get("kind").text() == kind && v.get("namespace").text() == from
		})
		target := slices.ContainsFunc(grant.get("to").list(), func(v value) bool {
			named := v.get("name").text()
			return v.get("group").text() == group && v.get("kind").text() == of && (named == "" || named == name)
		})
		if source && target {
			return true
		}
	}
	return false
}

func readFilterEdits(v value) headerEdits {
	headers := func(v value) []Header {
		var all []Header
		for _, one := range v.list() {
			name := strings.ToLower(one.get("name").text())
			if !slices.ContainsFunc(all, func(h Header) bool { return h.Name == name }) {
				all = append(all, Header{name, one.get("value").text()})
			}
		}
		return all
	}
	return headerEdits{set: headers(v.get("set")), add: headers(v.get("add")), remove: v.get("remove").texts()}.public()
}

func readRedirectFilter(v value) *redirect {
	r := &redirect{scheme: v.get("scheme").text(), authority: v.get("hostname").text(), port: v.get("port").whole(),
		code: v.get("statusCode").wholeOr(302)}
	// Without a port and a scheme it is that of the listener; with a scheme, the scheme's own.
	r.requestPort = r.port == 0 && r.scheme == ""
	switch v.at("path", "type").text() {
	case "ReplaceFullPath":
		r.uri = v.at("path", "replaceFullPath").text()
	case "ReplacePrefixMatch":
		r.prefix, r.hasPrefix = v.at("path", "replacePrefixMatch").text(), true
		r.hasPrefix = r.prefix != ""
	}
	return r
}

func readRewriteFilter(v value) *rewrite {
	r := &rewrite{authority: v.get("hostname").text()}
	switch v.at("path", "type").text() {
	case "ReplacePrefixMatch":
		r.uri = cmp.Or(strings.TrimSuffix(v.at("path", "replacePrefixMatch").text(), "/"), "/")
	case "ReplaceFullPath":
		r.hasRegex, r.match, r.substitute = true, "/.*", v.at("path", "replaceFullPath").text()
	}
	return r
}
