package engine

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"github.com/crossoverJie/k8s-combat/infra/internal/objects"
)

// lookup is the service that a name stands for, as a pod of a namespace calls it. Nil where there is none.
func (m *Model) lookup(host, namespace string) *service {
	if list := m.byHost[host]; len(list) > 0 {
		return list[0]
	}
	long := host
	switch dots := strings.Count(host, "."); {
	case dots == 0:
		long = host + "." + namespace + ".svc." + m.domain
	case dots == 1:
		long = host + ".svc." + m.domain
	case dots == 2 && strings.HasSuffix(host, ".svc"):
		long = host + "." + m.domain
	}
	if list := m.byHost[long]; len(list) > 0 {
		return list[0]
	}
	for _, s := range m.services {
		if slices.Contains(s.addresses, host) {
			return s
		}
	}
	return nil
}

// inCluster is a request of a pod.
func (x *way) inCluster() {
	m, msg := x.m, x.msg
	text := x.from.name
	if text != "" {
		text += ", "
	}
	switch x.from.proxy {
	case sidecarProxy:
		text += "with a sidecar: rules of the mesh are for it"
	case ambientProxy:
		text += "of the ambient mesh, without a sidecar: rules for requests are those of waypoints"
	default:
		text += "without a sidecar: rules of the mesh are not for it"
	}
	x.step("caller", "", nil, "", text+" ("+x.from.proxyWhy+")")
	s := m.lookup(msg.host, x.from.namespace)
	if s != nil && x.from.namespaceUnknown {
		// Somebody who is not named calls from where the name is known.
		x.from.namespace = s.Namespace
	}
	if msg.scheme == "https" && (s == nil || x.from.proxy == sidecarProxy) {
		x.undecided("what is within TLS that the caller begins itself: a sidecar sees the name alone, and no rule for requests applies")
	}
	if msg.port == 0 {
		msg.port = m.portFor(s, msg)
		if s != nil && msg.port != 80 && s.port(msg.port) != nil {
			which := "its only one"
			if len(s.ports) > 1 {
				which = "the first that speaks " + cmp.Or(string(s.port(msg.port).protocol), "an unknown protocol")
			}
			x.step("port", "", s.Object, "", "no port is named, "+strconv.Itoa(msg.port)+" is "+which)
		}
	}
	if s != nil && s.kind == "ExternalName" {
		if target := m.lookup(s.external, s.Namespace); target != nil && target != s {
			x.step("service", "", s.Object, "spec.externalName", "it is another name of "+m.name(target.Object))
			s = target
		} else {
			x.step("service", "", s.Object, "spec.externalName", "it is a name for "+s.external+", outside the set")
			x.e.Shares = append(x.e.Shares, Share{Percent: 100, Service: s.external, Port: msg.port, Outcome: Arrives})
			return
		}
	}
	if x.from.proxy != sidecarProxy {
		x.withoutSidecar(s)
		return
	}
	x.entry = meshGateway
	var port *servicePort
	if s != nil {
		port = s.port(msg.port)
		if port == nil {
			x.noPort(s)
			return
		}
		if x.hidden(s) {
			// Somebody else may have the name in the sidecar.
			x.behind = s
			x.throughSidecar(nil)
			return
		}
		if port.protocol == protocolUDP {
			x.step("service", "", s.Object, "", "port "+strconv.Itoa(msg.port)+" is UDP, which no proxy looks at")
			x.withoutSidecar(s)
			return
		}
		if !port.protocol.isHTTP() && port.protocol != protocolUnknown || msg.scheme == "https" {
			x.connection(s, port)
			return
		}
		what := "port " + strconv.Itoa(port.number) + " " + string(port.protocol)
		if port.protocol == protocolUnknown {
			what = "port " + strconv.Itoa(port.number) + " says no protocol (name " + quote(port.name) + " has no prefix that Istio knows, and there is no appProtocol): Istio looks at the first bytes, and finds HTTP unless the server speaks first"
			x.undecided("whether Istio takes port " + strconv.Itoa(port.number) + " of " + m.name(s.Object) + " for HTTP: name it http-..., or set appProtocol")
		}
		x.step("service", "", s.Object, "", what)
	}
	x.throughSidecar(s)
}

func (m *Model) portFor(s *service, msg *message) int {
	if s == nil || s.port(80) != nil && !msg.grpc {
		if msg.scheme == "https" {
			return 443
		}
		return 80
	}
	for _, p := range s.ports {
		if msg.grpc && (p.protocol == protocolGRPC || p.protocol == protocolHTTP2) || !msg.grpc && p.protocol == protocolHTTP {
			return p.number
		}
	}
	for _, p := range s.ports {
		if p.protocol.isHTTP() || p.protocol == protocolUnknown {
			return p.number
		}
	}
	if len(s.ports) > 0 {
		return s.ports[0].number
	}
	return 80
}

func (x *way) noPort(s *service) {
	var ports []string
	for _, p := range s.ports {
		ports = append(ports, strconv.Itoa(p.number))
	}
	x.step("service", "no", s.Object, "", "it has no port "+strconv.Itoa(x.msg.port)+", but "+cmp.Or(strings.Join(ports, ", "), "none"))
	why := "nobody listens on port " + strconv.Itoa(x.msg.port) + " of the Service"
	if x.from.proxy == sidecarProxy && slices.ContainsFunc(x.m.byPort[x.msg.port], func(other *service) bool { return other.port(x.msg.port).protocol.isHTTP() }) {
		// For the sake of other Services the sidecar takes requests on the port, and finds nobody.
		x.fail(Fails, 503, why)
		return
	}
	x.fail(Reset, 0, why)
}

// withoutSidecar is what Kubernetes alone does: a pod of the Service, each as often as another.
func (x *way) withoutSidecar(s *service) {
	m, msg := x.m, x.msg
	if s == nil {
		x.step("service", "no", nil, "", "no Service is called "+quote(msg.host))
		x.e.Nearest = m.nearestHost(msg.host)
		x.fail(Open, 0, "the set does not say who has the name "+quote(msg.host))
		return
	}
	if s.port(msg.port) == nil {
		x.noPort(s)
		return
	}
	if x.from.proxy == ambientProxy && x.waypoint(s) != "" {
		x.step("waypoint", "", s.Object, "", "requests pass waypoint "+x.waypoint(s)+", where rules for requests apply as in a sidecar")
		x.entry = meshGateway
		x.throughSidecar(s)
		return
	}
	if list := m.meshExact[s.host]; len(list) > 0 {
		x.step("rule", "no", list[0].Object, "", "it is for callers with a sidecar")
	}
	x.step("to", "", s.Object, "port "+strconv.Itoa(msg.port), "Kubernetes picks one of the pods, each as often as another")
	x.e.Shares = append(x.e.Shares, x.endpoints(s, s.port(msg.port), nil, nil, msg.clone(), 100, false)...)
	if !x.outside {
		x.e.Wait = &Wait{Tries: 1, Text: "nobody but the caller has a timeout"}
	}
}

// waypoint is the waypoint that a service of the ambient mesh uses.
func (x *way) waypoint(s *service) string {
	if name := s.Labels["istio.io/use-waypoint"]; name != "" {
		if name == "none" {
			return ""
		}
		return name
	}
	if space := x.m.namespaces[s.Namespace]; space != nil {
		return space.labels["istio.io/use-waypoint"]
	}
	return ""
}

// scope is the Sidecar that bounds what the caller's proxy knows, nil where none does: that of the pod before that of the
// namespace before that of the mesh.
func (m *Model) scope(from *source) *sidecar {
	for _, of := range []string{from.namespace, m.root} {
		var all *sidecar
		for _, s := range m.sidecars[of] {
			if len(s.selector) == 0 {
				if all == nil {
					all = s
				}
			} else if of == from.namespace && from.known && objects.HasLabels(from.labels, s.selector) {
				return s
			}
		}
		if all != nil {
			return all
		}
	}
	return nil
}

// knows reports whether a Sidecar lets its proxies know a host of a namespace.
func (s *sidecar) knows(namespace, host string) bool {
	if s == nil || len(s.egress) == 0 {
		return true
	}
	for _, e := range s.egress {
		for _, one := range e.hosts {
			of, name, _ := strings.Cut(one, "/")
			if (of == "*" || of == namespace || of == "." && namespace == s.Namespace) && overlap(strings.ToLower(name), host) {
				return true
			}
		}
	}
	return false
}

// registered is the service of a host that a proxy of a namespace knows, on a port that may speak HTTP.
func (m *Model) registered(host string, port int, from *source, scope *sidecar) *service {
	for _, s := range m.byHost[host] {
		p := s.port(port)
		if p != nil && (p.protocol.isHTTP() || p.protocol == protocolUnknown) && exported(s.exportTo, s.Namespace, from.namespace) && scope.knows(s.Namespace, s.host) {
			return s
		}
	}
	return nil
}

// hidden reports whether the caller's sidecar does not know a service, and says why.
func (x *way) hidden(s *service) bool {
	if scope := x.m.scope(x.from); scope != nil && !scope.knows(s.Namespace, s.host) {
		x.step("caller", "no", scope.Object, "", "it keeps "+x.m.name(s.Object)+" from the caller's sidecar")
		return true
	}
	if !exported(s.exportTo, s.Namespace, x.from.namespace) {
		x.step("service", "no", s.Object, "", "exportTo "+strings.Join(s.exportTo, ", ")+" hides it from Namespace "+x.from.namespace)
		return true
	}
	return false
}

// throughSidecar finds the virtual host for a request in the caller's sidecar (BuildSidecarOutboundVirtualHosts in
// pilot/pkg/networking/core/httproute.go).
func (x *way) throughSidecar(s *service) {
	m, msg, from := x.m, x.msg, x.from
	scope := m.scope(from)
	sniffed := s != nil && s.port(msg.port).protocol == protocolUnknown
	vh := x.claimed(s, scope, sniffed)
	switch {
	case vh != nil:
		x.throughHost(vh)
	case s != nil:
		x.toService(s)
	default:
		for _, wild := range m.wildServices {
			if domainMatches(wild.host, msg.host) && wild.port(msg.port) != nil && exported(wild.exportTo, wild.Namespace, from.namespace) {
				x.step("service", "", wild.Object, "", "port "+strconv.Itoa(msg.port)+", takes "+wild.host)
				if vh := x.claimed(wild, scope, false); vh != nil {
					x.throughHost(vh)
				} else {
					x.toService(wild)
				}
				return
			}
		}
		x.passThrough()
	}
}

// toService is the route that Istio makes for a service without a VirtualService.
func (x *way) toService(s *service) {
	r := &rule{in: s.Object, at: "port " + strconv.Itoa(x.msg.port), to: []destination{{host: s.host, port: x.msg.port}}}
	x.step("rule", "yes", s.Object, "", "no VirtualService has a rule for it in this sidecar: Istio's own route takes everything")
	x.split(&route{of: &virtualService{Object: s.Object}, rule: r, index: -1}, x.msg.clone(), 100, false)
	x.e.Wait = waitOf(r)
}

// passThrough is what becomes of a name that the proxy does not know.
func (x *way) passThrough() {
	m := x.m
	if s := x.behind; s != nil {
		x.step("to", "", s.Object, "", "the sidecar does not know it and passes the request through, as outboundTrafficPolicy ALLOW_ANY has it")
		x.undecided("outboundTrafficPolicy of the mesh, taken to be ALLOW_ANY; with REGISTRY_ONLY the caller sees 502")
		x.e.Shares = append(x.e.Shares, x.endpoints(s, s.port(x.msg.port), nil, nil, x.msg.clone(), 100, false)...)
		return
	}
	x.step("host", "no", nil, "", "the sidecar knows no host "+quote(x.msg.host)+" on port "+strconv.Itoa(x.msg.port))
	x.e.Nearest = m.nearestHost(x.msg.host)
	x.undecided("who has the name " + quote(x.msg.host) + ": the sidecar passes the request through to where DNS leads (outboundTrafficPolicy ALLOW_ANY); with REGISTRY_ONLY the caller sees 502")
	x.fail(Open, 0, "the set has nobody of that name")
}

// claimed is the virtual host that a VirtualService makes for a name, nil where none does. In the mesh those of one host
// are not merged: the first has it, and others of the same host do nothing.
func (x *way) claimed(s *service, scope *sidecar, sniffed bool) *virtualHost {
	m, msg, from := x.m, x.msg, x.from
	sees := func(v *virtualService) bool {
		return scope == nil || slices.ContainsFunc(v.hosts, func(host string) bool { return scope.knows(v.Namespace, host) })
	}
	fits := func(v *virtualService) bool {
		// A route of the Gateway API is for callers of its own namespace, or for all where it is beside the Service.
		return v.semantics != gatewaySemantics || s != nil && s.Namespace == v.Namespace || from.namespace == v.Namespace
	}
	candidate := func(all []*virtualService, domain string) *virtualHost {
		var first *virtualHost
		for _, v := range m.visible(all, from.namespace) {
			if !sees(v) || !fits(v) {
				continue
			}
			if first != nil {
				x.step("host", "no", v.Object, "", "it has the same host: Istio takes one, "+m.name(first.of[0].Object)+", which is the older or the first by name")
				x.undecided("which of the two is older: " + m.name(first.of[0].Object) + " or " + m.name(v.Object))
				break
			}
			routes := m.routesOf(v, msg.port, meshGateway, from)
			if !has(routes) {
				// Istio leaves the whole VirtualService out, and the service has its own route.
				for _, r := range routes {
					x.ruleStep("no", r, r.left)
				}
				continue
			}
			first = &virtualHost{domain: domain, of: []*virtualService{v}, routes: routes}
		}
		return first
	}
	var forName, forService *virtualHost
	if !sniffed && (s == nil || msg.host != s.host) && m.registered(msg.host, msg.port, from, scope) == nil {
		forName = candidate(slices.DeleteFunc(slices.Clone(m.meshExact[msg.host]), func(v *virtualService) bool { return !x.hasHosts(v, scope) }), msg.host)
	}
	if s != nil {
		if exact := m.visible(m.meshExact[s.host], from.namespace); len(exact) > 0 && !isWild(s.host) {
			forService = candidate(exact, s.host)
		} else if wild, domain := x.wildFor(s.host, scope); len(wild) > 0 {
			forService = candidate(wild, domain)
		}
	}
	switch {
	case forName != nil && forService != nil && cmp.Or(cmp.Compare(forService.of[0].visibility(from.namespace), forName.of[0].visibility(from.namespace)),
		forService.of[0].before(forName.of[0])) < 0:
		return forService
	case forName != nil:
		return forName
	case forService != nil || s != nil || sniffed:
		return forService
	}
	// A wildcard is a name of its own where it stands for no service of the port.
	best := ""
	for _, v := range m.visible(m.meshWild, from.namespace) {
		for _, host := range v.hosts {
			if isWild(host) && domainMatches(host, msg.host) && sees(v) && x.hasHosts(v, scope) && !x.standsForService(host, scope) && (best == "" || moreSpecific(host, best)) {
				best = host
			}
		}
	}
	if best == "" {
		return nil
	}
	return candidate(slices.DeleteFunc(slices.Clone(m.meshWild), func(v *virtualService) bool { return !slices.Contains(v.hosts, best) }), best)
}

// wildFor is the VirtualService of the closest wildcard for a service: the first that has it, even where none of its rules
// is for the caller (computeWildcardHostVirtualServiceIndex in pilot/pkg/model/sidecar.go).
func (x *way) wildFor(host string, scope *sidecar) (first []*virtualService, domain string) {
	for _, v := range x.m.visible(x.m.meshWild, x.from.namespace) {
		for _, one := range v.hosts {
			if isWild(one) && strings.HasSuffix(strings.TrimPrefix(host, "*"), one[1:]) && v.semantics != gatewaySemantics && (scope == nil || scope.knows(v.Namespace, one)) &&
				(domain == "" || one != domain && moreSpecific(one, domain)) {
				first, domain = []*virtualService{v}, one
			}
		}
	}
	return first, domain
}

// hasHosts reports whether a sidecar has names of a VirtualService on a port that no service has: on port 80 always, on
// another one where it is for a service of that port too ("This is a gross HACK" in route.go).
func (x *way) hasHosts(v *virtualService, scope *sidecar) bool {
	if x.msg.port == 80 {
		return true
	}
	return slices.ContainsFunc(v.hosts, func(host string) bool {
		if isWild(host) {
			return slices.ContainsFunc(x.m.byPort[x.msg.port], func(s *service) bool {
				if !overlap(s.host, host) || x.m.registered(s.host, x.msg.port, x.from, scope) == nil || len(x.m.visible(x.m.meshExact[s.host], x.from.namespace)) > 0 {
					return false
				}
				first, _ := x.wildFor(s.host, scope)
				return len(first) > 0 && first[0] == v
			})
		}
		return x.m.registered(host, x.msg.port, x.from, scope) != nil
	})
}

func (x *way) standsForService(host string, scope *sidecar) bool {
	return slices.ContainsFunc(x.m.byPort[x.msg.port], func(s *service) bool {
		return overlap(s.host, host) && exported(s.exportTo, s.Namespace, x.from.namespace) && scope.knows(s.Namespace, s.host)
	})
}

// connection is a request on a port that is not HTTP for Istio: rules for connections alone apply.
func (x *way) connection(s *service, port *servicePort) {
	x.step("service", "", s.Object, "", "port "+strconv.Itoa(port.number)+" "+cmp.Or(string(port.protocol), "with TLS")+": for Istio it is a connection, rules for requests do not apply")
	for _, v := range x.m.visible(x.m.meshExact[s.host], x.from.namespace) {
		if x.takesConnection(v, v.tls) || x.takesConnection(v, v.tcp) {
			return
		}
		if len(v.http) > 0 {
			x.step("rule", "no", v.Object, "http", "the port is not HTTP")
		}
	}
	x.step("rule", "yes", s.Object, "", "no rule for connections: Istio's own route takes it")
	x.e.Shares = append(x.e.Shares, x.to(&route{of: &virtualService{Object: s.Object}, rule: &rule{in: s.Object}}, destination{host: s.host, port: port.number}, x.msg.clone(), 100, false)...)
	x.e.Wait = &Wait{Tries: 1, Text: "a connection has no timeout"}
}

// layer4Left says why a rule for connections does not take one, empty where it does.
func (x *way) layer4Left(r *layer4Rule) string {
	if len(r.matches) == 0 {
		return ""
	}
	why := ""
	for _, one := range r.matches {
		switch {
		case one.port > 0 && one.port != x.msg.port:
			why = "port must be " + strconv.Itoa(one.port) + ", it is " + strconv.Itoa(x.msg.port)
		case len(one.gateways) > 0 && !slices.Contains(one.gateways, x.entry):
			why = "it is for gateway " + strings.Join(one.gateways, ", ")
		case len(one.sniHosts) > 0 && !slices.ContainsFunc(one.sniHosts, func(host string) bool { return domainMatches(strings.ToLower(host), x.msg.host) }):
			why = "the name that TLS begins with must be " + strings.Join(one.sniHosts, " or ") + ", it is " + quote(x.msg.host)
		case len(one.gateways) == 0 && len(one.sourceLabels) > 0 && !objects.HasLabels(x.from.labels, one.sourceLabels):
			why = "the caller must have labels " + labelText(one.sourceLabels)
		case one.sourceNamespace != "" && one.sourceNamespace != x.from.namespace:
			why = "the caller must be in Namespace " + one.sourceNamespace
		default:
			return ""
		}
	}
	return why
}

// takesConnection sends a connection where the first rule says that takes it, and reports whether there is one.
func (x *way) takesConnection(v *virtualService, rules []*layer4Rule) bool {
	for _, r := range rules {
		if why := x.layer4Left(r); why != "" {
			x.step("rule", "no", v.Object, r.at, why)
			continue
		}
		x.step("rule", "yes", v.Object, r.at, "it takes the connection")
		x.split(&route{of: v, rule: &rule{in: v.Object, at: r.at, to: r.to}}, x.msg.clone(), 100, false)
		x.e.Wait = &Wait{Tries: 1, Text: "a connection has no timeout"}
		return true
	}
	return false
}

// layer4 is a connection at a gateway that is handed on without being read.
func (x *way) layer4(servers []bound, kind string) {
	s := servers[0]
	x.entry = s.binding
	x.step("gateway", "", s.Object, s.at, "port "+strconv.Itoa(s.port)+" hands connections on without reading them: rules for requests do not apply")
	for _, v := range x.m.visible(x.m.byGateway[s.binding], x.outpost.namespace) {
		if len(intersection(s.hostsFor(v.Namespace), v.hosts)) == 0 {
			continue
		}
		list := v.tcp
		if kind == "tls" {
			list = v.tls
		}
		if x.takesConnection(v, list) {
			return
		}
	}
	x.fail(Reset, 0, "no rule for connections takes it")
}

// to is a destination: its service, its subset, and the pods behind it.
func (x *way) to(r *route, to destination, arrived *message, percent float64, quiet bool) []Share {
	m := x.m
	tell := func(verdict, field, text string, o *objects.Object) {
		if !quiet {
			x.step("to", verdict, o, field, percentText(percent)+" "+text)
		}
	}
	// Where a route of the Gateway API has an invalid backend the status is 500, elsewhere 503: ClusterNotFoundResponseCode in
	// applyHTTPRouteDestination of route.go.
	status := 503
	if r.of.semantics == gatewaySemantics {
		status = 500
	}
	broken := func(text string, o *objects.Object) []Share {
		tell("no", "", text, o)
		return []Share{{Percent: percent, Service: x.hostText(to.host), Port: to.port, Subset: to.subset, Outcome: Fails, Status: status, Why: text}}
	}
	if to.invalid != "" {
		return broken(to.invalid, r.rule.in)
	}
	s := x.serviceOf(to.host, r)
	if s == nil {
		if parts := strings.Split(to.host, "."); len(parts) > 2 && parts[2] == "svc" && !m.hasNamespace(parts[1]) {
			tell("", "", "to "+to.host+": the set has nothing of Namespace "+parts[1], nil)
			return []Share{{Percent: percent, Service: to.host, Port: to.port, Subset: to.subset, Namespace: parts[1], Outcome: Open, Why: "the set has nothing of Namespace " + parts[1]}}
		}
		return broken("no Service or ServiceEntry is called "+to.host, r.rule.in)
	}
	if s.kind == "ExternalName" {
		if target := m.lookup(s.external, s.Namespace); target != nil && target != s {
			s = target
		} else {
			tell("", "", "to "+s.external+", outside the set", s.Object)
			return []Share{{Percent: percent, Service: s.external, Port: to.port, Outcome: Arrives, Path: arrived.target(), Host: arrived.authority, Headers: arrived.headers}}
		}
	}
	number := to.port
	if number == 0 {
		number = x.msg.port
		// A gateway knows all ports of a Service, and takes the only one. A sidecar builds its routes for one port, and knows no
		// other of a Service (GetDestinationCluster in route.go).
		if x.outpost != nil && len(s.ports) == 1 {
			number = s.ports[0].number
		}
	}
	port := s.port(number)
	if port == nil {
		var ports []string
		for _, p := range s.ports {
			ports = append(ports, strconv.Itoa(p.number))
		}
		why := m.name(s.Object) + " has no port " + strconv.Itoa(number) + ", but " + cmp.Or(strings.Join(ports, ", "), "none")
		if to.port == 0 {
			why += "; the destination names no port, so that it is that of the listener"
		}
		return broken(why, s.Object)
	}
	dr := m.ruleFor(s, x.from.namespace, x.from.labels)
	var with *subset
	if to.subset != "" {
		if dr == nil {
			return broken("subset "+to.subset+" is not there: no DestinationRule is for "+s.host+" in the eyes of Namespace "+x.from.namespace, s.Object)
		}
		if with = dr.subset(to.subset); with == nil {
			return broken("subset "+to.subset+" is not there: "+m.name(dr.Object)+" has none of this name", dr.Object)
		}
	}
	text := "to port " + strconv.Itoa(number)
	if with != nil {
		text += ", subset " + to.subset + " of " + m.name(dr.Object)
		if len(with.labels) > 0 {
			text += " (" + labelText(with.labels) + ")"
		}
	}
	tell("", "", text, s.Object)
	if dr != nil && !quiet {
		if dr.policy.consistentHash || with != nil && with.policy.consistentHash {
			x.undecided("which pod of " + m.name(s.Object) + " a request goes to: " + m.name(dr.Object) + " has its hash decide; shares of pods are an average")
		}
		if dr.policy.locality {
			x.undecided("how zones change the shares: " + m.name(dr.Object) + " prefers those that are near")
		}
	}
	shares := x.endpoints(s, port, with, dr, arrived, percent, quiet)
	for i := range shares {
		shares[i].Subset = to.subset
	}
	return shares
}

func (m *Model) hasNamespace(name string) bool {
	if m.namespaces[name] != nil || name == m.home || len(m.workloads[name]) > 0 {
		return true
	}
	return slices.ContainsFunc(m.services, func(s *service) bool { return s.Namespace == name })
}

// serviceOf is the service of a destination that the proxy sees: that of the namespace of the rule before others.
func (x *way) serviceOf(host string, r *route) *service {
	scope := (*sidecar)(nil)
	if x.outpost == nil && !x.outside {
		scope = x.m.scope(x.from)
	}
	var first *service
	for _, s := range x.m.byHost[host] {
		if !x.outside && (!exported(s.exportTo, s.Namespace, x.from.namespace) || !scope.knows(s.Namespace, s.host)) {
			continue
		}
		if s.Namespace == r.of.Namespace {
			return s
		}
		if first == nil {
			first = s
		}
	}
	if first != nil {
		return first
	}
	for _, s := range x.m.wildServices {
		if s.host == host {
			return s
		}
	}
	return nil
}

// endpoints are the pods behind a port of a service, each with its part, and what they make of the request.
func (x *way) endpoints(s *service, port *servicePort, with *subset, dr *destinationRule, arrived *message, percent float64, quiet bool) []Share {
	m := x.m
	share := Share{Percent: percent, Service: s.Name, Namespace: s.Namespace, Port: port.number, Path: arrived.target(), Host: arrived.authority, Headers: arrived.headers, Outcome: Arrives}
	if s.entry {
		share.Service = s.host
	}
	wanted := map[string]string{}
	if with != nil {
		wanted = with.labels
	}
	if s.entry && len(s.selector) == 0 {
		return x.outsideShares(s, share, wanted, quiet)
	}
	if len(s.selector) == 0 {
		share.Outcome, share.Why = Open, m.name(s.Object)+" has no selector: who answers is in EndpointSlices that the set does not have"
		x.undecided(share.Why)
		return []Share{share}
	}
	type group struct {
		w            *workload
		pods, target int
	}
	var groups []group
	total := 0
	var idle []string
	for _, w := range m.pods(s) {
		if !objects.HasLabels(w.labels, wanted) {
			continue
		}
		target := targetOf(port, w)
		if target == 0 {
			idle = append(idle, m.name(w.Object)+" has no port named "+quote(port.target.text()))
			continue
		}
		pods := w.pods
		if pods < 0 {
			pods = 1
			if !quiet {
				x.undecided("how many pods " + m.name(w.Object) + " has, one a node: shares count one")
			}
		}
		if pods == 0 {
			idle = append(idle, m.name(w.Object)+" has 0 replicas")
			continue
		}
		total += pods
		groups = append(groups, group{w, pods, target})
	}
	if total == 0 {
		why := "no pod has the labels " + labelText(s.selector)
		if len(wanted) > 0 {
			why += " and " + labelText(wanted)
		}
		if len(idle) > 0 {
			why = "no pod is there: " + strings.Join(idle, ", ")
		} else if len(m.workloads[s.Namespace]) == 0 {
			share.Outcome, share.Why = Open, "the set has no pods of Namespace "+s.Namespace
			return []Share{share}
		}
		if !quiet {
			x.step("pods", "no", nil, "", why)
		}
		share.Outcome, share.Status, share.Why = Fails, 503, why
		if x.from.proxy == noProxy && !x.outside {
			share.Outcome, share.Status = Reset, 0
		}
		return []Share{share}
	}
	if s.headless && x.outpost == nil && len(groups) > 1 && !quiet {
		x.undecided("which pod the caller takes: " + m.name(s.Object) + " is headless, its name stands for all pods")
	}
	var shares []Share
	for _, g := range groups {
		one := share
		one.Percent = percent * float64(g.pods) / float64(total)
		one.Workload, one.Name, one.Pods, one.PodPort = g.w.Kind+" "+g.w.Name, g.w.Name, g.pods, g.target
		if g.w.pods < 0 {
			one.Pods = 0
		}
		if !quiet {
			text := plural(g.pods, "pod")
			if g.w.pods < 0 {
				text = "one pod a node"
			}
			if g.w.hasAutoscaler {
				text += " or what the autoscaler makes of them"
			}
			x.step("pods", "", g.w.Object, "", percentText(one.Percent)+" to port "+strconv.Itoa(g.target)+" of "+text)
		}
		x.atPod(s, port, with, dr, g.w, g.target, arrived, &one, quiet)
		shares = append(shares, one)
	}
	return shares
}

// outsideShares are the endpoints of a ServiceEntry.
func (x *way) outsideShares(s *service, share Share, wanted map[string]string, quiet bool) []Share {
	total := 0
	var chosen []endpoint
	for _, e := range s.endpoints {
		if objects.HasLabels(e.labels, wanted) {
			chosen = append(chosen, e)
			total += max(e.weight, 1)
		}
	}
	if len(chosen) == 0 {
		if len(s.endpoints) > 0 || len(wanted) > 0 {
			share.Outcome, share.Status, share.Why = Fails, 503, "no endpoint of "+x.m.name(s.Object)+" has the labels "+labelText(wanted)
			return []Share{share}
		}
		text := s.host + ", outside the set"
		if s.resolution == "DNS" || s.resolution == "DNS_ROUND_ROBIN" {
			text += ", by DNS"
		}
		if !quiet {
			x.step("pods", "", s.Object, "", percentText(share.Percent)+" to "+text)
		}
		return []Share{share}
	}
	var shares []Share
	for _, e := range chosen {
		one := share
		one.Percent = share.Percent * float64(max(e.weight, 1)) / float64(total)
		one.Workload, one.Name = "endpoint "+e.address, e.address
		if !quiet {
			x.step("pods", "", s.Object, "endpoints", percentText(one.Percent)+" to "+e.address)
		}
		shares = append(shares, one)
	}
	return shares
}

// atPod is what the proxy of a pod makes of a request: whether it takes the connection, and what the policies say.
func (x *way) atPod(s *service, port *servicePort, with *subset, dr *destinationRule, w *workload, target int, arrived *message, share *Share, quiet bool) {
	m := x.m
	server, _ := m.proxyOf(w)
	mode, why := m.mutualTLS(w, target)
	clientHasProxy := x.from.proxy != noProxy && !x.outside
	tls := ""
	if dr != nil {
		tls, _ = dr.policy.mode(port.number)
		if with != nil {
			if own, ok := with.policy.mode(port.number); ok {
				tls = own
			}
		}
	}
	refuse := func(text string) {
		share.Outcome, share.Why = Denied, text
		switch {
		case x.outside:
			share.Status = 502
		case clientHasProxy:
			// Who both have proxies and do not understand one another have a mistake, and no policy.
			share.Outcome, share.Status = Fails, 503
		}
		if !quiet {
			x.step("tls", "no", w.Object, "", text)
		}
	}
	mutual := false
	switch tls {
	case "ISTIO_MUTUAL":
		if server == noProxy || mode == "DISABLE" {
			refuse(m.name(dr.Object) + " has the caller speak mutual TLS, and the pods have no proxy that takes it")
			return
		}
		mutual = true
	case "SIMPLE", "MUTUAL":
		if server != noProxy && mode == "STRICT" {
			refuse(m.name(dr.Object) + " has the caller speak TLS of its own, and " + why + " has mutual TLS of the mesh: STRICT")
			return
		}
		if !quiet {
			x.undecided("whether the pods of " + m.name(w.Object) + " speak TLS themselves, as " + m.name(dr.Object) + " has the caller begin it")
		}
	default:
		mutual = clientHasProxy && tls != "DISABLE" && server != noProxy && mode != "DISABLE"
		if server != noProxy && mode == "STRICT" && !mutual {
			reason := "the caller has no sidecar"
			switch {
			case x.outside:
				reason = "the controller of the Ingress is taken to have no sidecar"
			case tls == "DISABLE":
				reason = m.name(dr.Object) + " turns it off for the caller"
			}
			refuse(why + " has mutual TLS STRICT, and " + reason + ": the connection is closed")
			return
		}
	}
	if server == noProxy {
		if len(m.policies[w.Namespace])+len(m.policies[m.root]) > 0 && !quiet {
			x.step("policy", "", w.Object, "", "its pods have no sidecar: no AuthorizationPolicy is asked")
		}
		return
	}
	http := port.protocol.isHTTP() || port.protocol == protocolUnknown
	x.policyAtPod(s, w, server, target, http, mutual, arrived, share, quiet)
}

func (x *way) policyAtPod(s *service, w *workload, server proxy, port int, http, mutual bool, arrived *message, share *Share, quiet bool) {
	m := x.m
	if len(m.policies[w.Namespace])+len(m.policies[m.root]) == 0 {
		return
	}
	var targets []target
	if server == ambientProxy {
		// What stands before pods of the ambient mesh reads connections; requests are read by a waypoint.
		waypoint := x.waypoint(s)
		http = http && waypoint != ""
		targets = append(targets, target{"Service", s.Name}, target{"Gateway", waypoint})
	}
	v := m.allowed(w.Namespace, w.labels, targets, access{from: x.from, mutual: mutual, msg: arrived, port: port, http: http})
	tell := func(verdict, text string) {
		if !quiet {
			x.step("policy", verdict, nil, "", text)
		}
	}
	switch v.answer {
	case yes:
		if v.policy != nil || len(m.policies) > 0 {
			tell("yes", m.name(w.Object)+": "+v.why)
		}
	case no:
		share.Outcome, share.Status, share.Why = Denied, 403, v.why
		if !http {
			share.Status = 0
			if x.from.proxy == sidecarProxy && x.entry != "" {
				share.Status = 503
			}
		}
		tell("no", m.name(w.Object)+": "+v.why)
	case unknown:
		share.Outcome, share.Why = Open, v.why
		x.undecided(v.why)
		tell("", m.name(w.Object)+": undecided: "+v.why)
	}
}

// atIngress is a request that the controller of an Ingress takes, as Kubernetes documents it: of the host that is the
// closest the longest path, and of two of one length the exact one.
func (x *way) atIngress(in *ingress) {
	m, msg := x.m, x.msg
	x.outside = true
	x.entry = "ingress"
	x.from = &source{namespaceUnknown: true, name: "the controller of the Ingress", proxy: noProxy}
	if msg.port == 0 {
		msg.port = 80
		if msg.scheme == "https" {
			msg.port = 443
		}
	}
	class := "of the default class"
	if in.class != "" {
		class = "of class " + in.class
	}
	var rules []*rule
	var takers []*ingress
	rank := -1
	for _, other := range m.ingresses {
		if other.class != in.class {
			continue
		}
		for _, r := range other.rules {
			switch found := hostRank(r.host, msg.host); {
			case found < 0 || found < rank:
			case found > rank:
				rank, rules, takers = found, slices.Clone(r.rules), []*ingress{other}
			default:
				rules = append(rules, r.rules...)
				if !slices.Contains(takers, other) {
					takers = append(takers, other)
				}
			}
		}
	}
	sortPaths(rules, false)
	for _, taker := range takers {
		x.step("ingress", "", taker.Object, "", "the controller "+class+" takes "+msg.host)
	}
	if len(takers) == 0 {
		x.step("ingress", "no", in.Object, "", "no rule of class "+quote(in.class)+" is for "+quote(msg.host))
	}
	vh := &virtualHost{domain: msg.host}
	for _, r := range rules {
		v := &virtualService{Object: r.in, semantics: ingressSemantics}
		one := &route{of: v, rule: r, left: r.note, index: 0}
		if len(r.matches) > 0 {
			one.match = r.matches[0]
			if one.match.uri.kind == prefix {
				x.undecided(m.name(r.in) + " " + r.at + " leaves the path type to the controller: it is taken for the beginning of the path")
			}
		}
		vh.routes = append(vh.routes, one)
	}
	matched := false
	for _, r := range vh.routes {
		if r.left == "" && (r.match == nil || r.match.uri.matches(msg.path)) {
			matched = true
			break
		}
	}
	if matched {
		x.throughHost(vh)
		return
	}
	for _, r := range vh.routes {
		text := r.left
		if text == "" {
			text = "path " + must(r.match.uri) + ", it is " + quote(msg.path)
		}
		x.ruleStep("no", r, text)
		if x.e.Nearest == "" {
			x.e.Nearest = m.name(r.rule.in) + " " + r.rule.at + ": " + text
		}
	}
	for _, other := range m.ingresses {
		if other.class == in.class && other.fallback != nil {
			r := &route{of: &virtualService{Object: other.Object, semantics: ingressSemantics}, rule: other.fallback, index: -1}
			if other.fallback.note != "" {
				x.ruleStep("no", r, other.fallback.note)
				continue
			}
			x.e.Nearest = ""
			x.ruleStep("yes", r, "no rule takes the request: it goes to the default backend")
			x.act(r)
			return
		}
	}
	x.e.Nearest = cmp.Or(x.e.Nearest, m.nearestHost(msg.host))
	x.fail(Fails, 404, "no rule takes it, and there is no default backend: the controller answers with its own")
}

// sum says what comes of all shares.
func (x *way) sum() {
	e := x.e
	outcomes := map[Outcome]bool{}
	statuses := map[int]bool{}
	for _, share := range e.Shares {
		outcomes[share.Outcome] = true
		statuses[share.Status] = true
	}
	switch {
	case len(e.Shares) == 0:
		e.Outcome = Open
	case len(outcomes) == 1:
		e.Outcome = e.Shares[0].Outcome
	default:
		e.Outcome = Mixed
	}
	if len(statuses) == 1 && len(e.Shares) > 0 {
		e.Status = e.Shares[0].Status
	}
	if e.Outcome != Arrives && e.Outcome != Mixed && e.Outcome != Open {
		e.Wait = nil
	}
	if len(e.Shares) > 0 && !outcomes[Arrives] && !outcomes[Open] {
		e.Wait = nil
	}
	e.Summary = x.summary()
}

func (x *way) summary() string {
	if len(x.e.Shares) == 0 {
		return "undecided"
	}
	var parts []string
	for _, share := range merged(x.e.Shares) {
		text := x.shareText(share)
		if share.Percent < 99.999 {
			text = percentText(share.Percent) + ": " + text
		}
		parts = append(parts, text)
	}
	return strings.Join(parts, "; ")
}

// merged puts those of one destination together.
func merged(shares []Share) []Share {
	var all []Share
	for _, share := range shares {
		same := slices.IndexFunc(all, func(other Share) bool {
			return other.Namespace == share.Namespace && other.Service == share.Service && other.Workload == share.Workload &&
				other.Outcome == share.Outcome && other.Status == share.Status && other.Why == share.Why && other.Subset == share.Subset
		})
		if same >= 0 {
			all[same].Percent += share.Percent
		} else {
			all = append(all, share)
		}
	}
	return all
}

func (x *way) shareText(share Share) string {
	to := share.Service
	if share.Workload != "" {
		to = share.Workload
		if kind, name, ok := strings.Cut(share.Workload, " "); ok && kind != "endpoint" {
			to = kind + " " + x.m.short(share.Namespace, name)
		}
	}
	status := ""
	if share.Status > 0 {
		status = strconv.Itoa(share.Status)
		if x.msg.grpc {
			status += x.grpcStatus(share.Status)
		}
	}
	switch share.Outcome {
	case Arrives:
		return "answered by " + to
	case Answered:
		return "answered by the proxy with status " + status
	case Redirected:
		return "redirected with status " + status + " to " + x.e.Location
	case Fails:
		return "fails with status " + status + ": " + share.Why
	case Denied:
		if status == "" {
			return "denied, the connection is reset: " + share.Why
		}
		return "denied with status " + status + ": " + share.Why
	case Reset:
		return "the connection is reset: " + share.Why
	}
	if to != "" {
		return "undecided, to " + to + ": " + share.Why
	}
	return "undecided: " + share.Why
}

// grpcStatus is what a client of gRPC makes of a status of HTTP (doc/http-grpc-status-mapping.md of grpc).
func (x *way) grpcStatus(status int) string {
	switch status {
	case 400:
		return " (gRPC INTERNAL)"
	case 401:
		return " (gRPC UNAUTHENTICATED)"
	case 403:
		return " (gRPC PERMISSION_DENIED)"
	case 404:
		return " (gRPC UNIMPLEMENTED)"
	case 429, 502, 503, 504:
		return " (gRPC UNAVAILABLE)"
	case 200:
		return ""
	}
	return " (gRPC UNKNOWN)"
}
