package engine

import (
	"cmp"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/crossoverJie/k8s-combat/infra/internal/objects"
)

// Error is an error of a request: something that it names is not in the set.
type Error string

func (e Error) Error() string { return string(e) }

// maxFollowed is how many redirects are followed, to see whether they end.
const maxFollowed = 10

// Explain tells where a request goes. It is an error if the request names a gateway or a caller that the set does not
// have.
func (m *Model) Explain(r Request) (*Explanation, error) {
	x, err := m.explain(r)
	if err != nil {
		return nil, err
	}
	x.follow(r)
	return x.e, nil
}

// way is a request on its way.
type way struct {
	m    *Model
	msg  *message
	e    *Explanation
	from *source
	// outpost is the gateway's proxy, nil in the cluster.
	outpost *outpost
	// outside says that a controller of which nothing is known hands the request on.
	outside bool
	// entry is the name of the gateway by which the request comes, mesh for a sidecar.
	entry string
	// behind is the service that has the name, where the caller's sidecar does not know it.
	behind *service
	// next is the request that a redirect makes.
	next *Request
	tls  bool
}

func (m *Model) explain(r Request) (*way, error) {
	x := &way{m: m, msg: newMessage(r), e: &Explanation{}}
	if r.From != "" && r.Gateway != "" {
		return nil, Error("a request comes from a pod or by a gateway, not both")
	}
	x.e.Request = requestLine(x.msg)
	switch {
	case r.Gateway != "":
		return x, x.byGateway(r.Gateway)
	case r.From != "":
		from, err := m.caller(r.From)
		if err != nil {
			return nil, err
		}
		x.from = from
		x.inCluster()
	default:
		x.findEntry()
	}
	x.sum()
	return x, nil
}

func requestLine(msg *message) string {
	var text strings.Builder
	_, _ = text.WriteString(msg.method + " " + msg.scheme + "://" + msg.authority)
	if _, port := splitHost(msg.authority); port == 0 && msg.port > 0 {
		_, _ = text.WriteString(":" + strconv.Itoa(msg.port))
	}
	_, _ = text.WriteString(msg.target())
	for _, header := range msg.headers {
		_, _ = text.WriteString(", " + header.Name + ": " + header.Value)
	}
	return text.String()
}

func (x *way) step(what, verdict string, o *objects.Object, field, text string) {
	s := Step{What: what, Verdict: verdict, Field: field, Text: text}
	if o != nil {
		s.Object, s.Place = x.m.name(o), x.m.place(o, field)
	}
	x.e.Steps = append(x.e.Steps, s)
}

func (x *way) undecided(text string) {
	if !slices.Contains(x.e.Undecided, text) {
		x.e.Undecided = append(x.e.Undecided, text)
	}
}

// fail ends the way of the requests that have no outcome yet.
func (x *way) fail(outcome Outcome, status int, why string) {
	x.e.Shares = append(x.e.Shares, Share{Percent: x.rest(), Outcome: outcome, Status: status, Why: why})
}

// rest is how many of 100 requests have no outcome yet.
func (x *way) rest() float64 {
	rest := 100.0
	for _, share := range x.e.Shares {
		rest -= share.Percent
	}
	return rest
}

// caller is a pod of a workload.
func (m *Model) caller(name string) (*source, error) {
	namespace, workloadName, ok := strings.Cut(name, "/")
	if !ok {
		namespace, workloadName = m.home, name
	}
	var names []string
	for _, w := range m.workloads[namespace] {
		if w.Name == workloadName {
			from := &source{known: true, namespace: namespace, account: w.account, labels: w.labels, name: m.name(w.Object)}
			from.proxy, from.proxyWhy = m.proxyOf(w)
			return from, nil
		}
		names = append(names, w.Name)
	}
	if len(names) > 0 {
		slices.Sort(names)
		return nil, Error("no workload " + quote(workloadName) + " in Namespace " + namespace + "; there are " + strings.Join(slices.Compact(names), ", "))
	}
	// One of a namespace of which the set has no pods is taken for what the namespace makes of it.
	from := &source{namespace: namespace, name: "workload " + m.short(namespace, workloadName)}
	from.proxy, from.proxyWhy = m.proxyIn(namespace)
	return from, nil
}

// findEntry finds the way in of a request that does not say it: a name of the cluster is called in the mesh, any other one
// at the gateway that takes it.
func (x *way) findEntry() {
	m, host := x.m, x.msg.host
	x.from = &source{namespace: m.home, namespaceUnknown: true, name: "a pod that is not named", proxy: sidecarProxy, proxyWhy: "taken to be in the mesh"}
	if !m.mesh {
		x.from.proxy, x.from.proxyWhy = noProxy, "nothing in the set is of Istio"
	}
	if m.lookup(host, m.home) != nil {
		x.inCluster()
		return
	}
	// A short name that the namespace of the nameless does not have is called where it is known.
	if at := slices.IndexFunc(m.services, func(s *service) bool { return !s.entry && strings.EqualFold(s.Name, host) }); at >= 0 {
		x.from.namespace = m.services[at].Namespace
		x.inCluster()
		return
	}
	if g := m.entryFor(x.msg); g != nil {
		x.atGateway(g)
		return
	}
	if in := m.ingressFor(host); in != nil {
		x.atIngress(in)
		return
	}
	if len(m.meshExact[host]) > 0 {
		x.inCluster()
		return
	}
	for _, s := range m.wildServices {
		if domainMatches(s.host, host) {
			x.inCluster()
			return
		}
	}
	if x.inWild(host) {
		return
	}
	x.step("host", "no", nil, "", "no Service, ServiceEntry, Gateway or Ingress takes "+quote(x.msg.host))
	x.e.UnknownHost = true
	x.e.Nearest = m.nearestHost(host)
	switch {
	case len(m.gateways) > 0:
		x.fail(Fails, 404, "nothing takes the host: a gateway that the request reaches has no route for it")
	case len(m.ingresses) > 0:
		x.fail(Fails, 404, "no Ingress takes the host: the controller answers with its own 404")
	default:
		x.fail(Open, 0, "the set does not say who has the name")
	}
}

func (x *way) inWild(host string) bool {
	for _, v := range x.m.meshWild {
		for _, one := range v.hosts {
			if one != "*" && domainMatches(one, host) {
				x.inCluster()
				return true
			}
		}
	}
	return false
}

// entryFor is the gateway whose host is the closest to that of a request. Of several, the first whose routes take it.
func (m *Model) entryFor(msg *message) *gateway {
	var best *gateway
	bestHost, bestRoutes := "", false
	for _, g := range m.gateways {
		for _, s := range g.servers {
			if !s.takes(msg.host) || msg.port > 0 && s.port != msg.port {
				continue
			}
			host, _ := bestDomain(msg.host, slices.Values(s.names()))
			routes := false
			for _, v := range m.byGateway[s.binding] {
				if _, ok := bestDomain(msg.host, slices.Values(v.hosts)); ok {
					routes = true
					break
				}
			}
			if best == nil || routes && !bestRoutes || routes == bestRoutes && moreSpecific(host, bestHost) && host != bestHost {
				best, bestHost, bestRoutes = g, host, routes
			}
		}
	}
	if best != nil && !bestRoutes && m.ingressFor(msg.host) != nil {
		return nil
	}
	return best
}

func (m *Model) ingressFor(host string) *ingress {
	var best *ingress
	bestRank := -1
	for _, in := range m.ingresses {
		for _, r := range in.rules {
			if rank := hostRank(r.host, host); rank > bestRank {
				best, bestRank = in, rank
			}
		}
		if in.fallback != nil && bestRank < 0 && best == nil {
			best = in
		}
	}
	return best
}

// nearestHost is the known name that differs the least from one that is not known.
func (m *Model) nearestHost(host string) string {
	best, bestDistance := "", len(host)/2+2
	consider := func(name, of string) {
		if distance := distance(host, name, bestDistance); distance < bestDistance {
			best, bestDistance = quote(name)+" of "+of, distance
		}
	}
	for _, g := range m.gateways {
		for _, s := range g.servers {
			for _, name := range s.names() {
				consider(name, m.name(g.Object))
			}
		}
	}
	for _, in := range m.ingresses {
		for _, r := range in.rules {
			consider(r.host, m.name(in.Object))
		}
	}
	for _, v := range m.virtuals {
		for _, name := range v.hosts {
			consider(name, m.name(v.Object))
		}
	}
	for _, s := range m.services {
		consider(s.Name, m.name(s.Object))
		consider(s.host, m.name(s.Object))
	}
	return best
}

// distance is how many letters have to be changed, or at least the bound where it is more.
func distance(a, b string, bound int) int {
	if len(a) > 253 || len(b) > 253 || len(a)-len(b) >= bound || len(b)-len(a) >= bound {
		return bound
	}
	row := make([]int, len(b)+1)
	for i := range row {
		row[i] = i
	}
	for i := range len(a) {
		before := row[0]
		row[0] = i + 1
		for n := range len(b) {
			change := before
			if a[i] != b[n] {
				change++
			}
			before = row[n+1]
			row[n+1] = min(change, row[n]+1, row[n+1]+1)
		}
	}
	return row[len(b)]
}

func (x *way) byGateway(name string) error {
	m := x.m
	namespace, short, qualified := strings.Cut(name, "/")
	if !qualified {
		short = name
	}
	var names []string
	is := func(o *objects.Object) bool {
		names = append(names, m.short(o.Namespace, o.Name))
		return o.Name == short && (!qualified || o.Namespace == namespace)
	}
	for _, g := range m.gateways {
		if is(g.Object) {
			x.atGateway(g)
			x.sum()
			return nil
		}
	}
	for _, in := range m.ingresses {
		if is(in.Object) || in.class == name && name != "" {
			x.atIngress(in)
			x.sum()
			return nil
		}
	}
	if len(names) == 0 {
		return Error("no gateway " + quote(name) + ": the set has no Gateway and no Ingress")
	}
	slices.Sort(names)
	return Error("no gateway " + quote(name) + "; there are " + strings.Join(slices.Compact(names), ", "))
}

// atGateway is a request that comes in by the proxy of a Gateway.
func (x *way) atGateway(g *gateway) {
	m, msg := x.m, x.msg
	o := m.outpostOf(g)
	x.outpost = o
	x.from = &source{gateway: true, known: o.known, namespace: o.namespace, namespaceUnknown: !o.known, account: o.account, labels: o.labels,
		proxy: sidecarProxy, proxyWhy: "it is a gateway of Istio", name: m.name(g.Object)}
	x.tls = msg.scheme == "https"
	if msg.port == 0 {
		msg.port = 80
		if x.tls {
			msg.port = 443
		}
		// A Gateway that has neither is called on its own port.
		if len(o.listeners(msg.port)) == 0 {
			for _, s := range g.servers {
				if s.takes(msg.host) && (s.tls || s.passthrough) == x.tls {
					msg.port = s.port
					break
				}
			}
		}
	}
	all := o.listeners(msg.port)
	if len(all) == 0 {
		var ports []string
		for _, s := range g.servers {
			if port := strconv.Itoa(s.port); !slices.Contains(ports, port) {
				ports = append(ports, port)
			}
		}
		x.step("gateway", "no", g.Object, "", "it does not listen on port "+strconv.Itoa(msg.port)+", but on "+cmp.Or(strings.Join(ports, ", "), "none"))
		x.fail(Reset, 0, "nobody listens on port "+strconv.Itoa(msg.port))
		return
	}
	var plain, secure []bound
	for _, s := range all {
		if s.tls || s.passthrough {
			secure = append(secure, s)
		} else {
			plain = append(plain, s)
		}
	}
	if x.tls {
		x.atSecure(g, secure)
		return
	}
	if len(plain) == 0 {
		x.step("gateway", "no", g.Object, "", "port "+strconv.Itoa(msg.port)+" speaks TLS only, the request is http")
		x.fail(Reset, 0, "the listener waits for TLS")
		return
	}
	if !plain[0].protocol.isHTTP() {
		x.layer4(plain, "tcp")
		return
	}
	x.passListener(plain)
}

// atSecure picks the server by the name that the caller gives as it begins TLS, the host of the request.
func (x *way) atSecure(g *gateway, secure []bound) {
	if len(secure) == 0 {
		x.step("gateway", "no", g.Object, "", "port "+strconv.Itoa(x.msg.port)+" speaks no TLS, the request is https")
		x.fail(Reset, 0, "the listener speaks no TLS")
		return
	}
	var names []string
	for _, s := range secure {
		names = append(names, s.names()...)
	}
	best, ok := bestDomain(x.msg.host, slices.Values(names))
	if !ok {
		x.step("gateway", "no", g.Object, "", "no server on port "+strconv.Itoa(x.msg.port)+" takes "+quote(x.msg.host)+", but "+strings.Join(names, ", "))
		x.fail(Reset, 0, "no certificate is for the host: TLS ends")
		return
	}
	for _, s := range secure {
		if !slices.Contains(s.names(), best) {
			continue
		}
		if s.passthrough {
			x.layer4([]bound{s}, "tls")
			return
		}
		if s.mutual {
			x.step("gateway", "", s.Object, s.at, "callers must have a certificate")
		}
		if s.protocol == protocolHTTPS || s.protocol == protocolTLS && s.own {
			x.passListener([]bound{s})
			return
		}
		x.layer4([]bound{s}, "tcp")
		return
	}
}

// passListener has the request routed by what servers of one route configuration have.
func (x *way) passListener(servers []bound) {
	m, msg := x.m, x.msg
	t := m.table(x.outpost, servers)
	domains := func(yield func(string) bool) {
		for domain := range t.hosts {
			if !yield(domain) {
				return
			}
		}
	}
	shown := false
	for _, s := range servers {
		if !s.takes(msg.host) {
			continue
		}
		shown = true
		x.step("gateway", "", s.Object, s.at, "port "+strconv.Itoa(s.port)+" "+protocolText(s.server)+" takes "+strings.Join(s.names(), ", "))
	}
	if !shown {
		var names []string
		for _, s := range servers {
			names = append(names, s.names()...)
		}
		x.step("gateway", "no", servers[0].Object, servers[0].at, "port "+strconv.Itoa(msg.port)+" takes "+strings.Join(names, ", ")+", not "+quote(msg.host))
	}
	domain, ok := bestDomain(msg.host, domains)
	if !ok {
		x.unbound(servers)
		x.e.Nearest = cmp.Or(x.e.Nearest, m.nearestHost(msg.host))
		x.fail(Fails, 404, "the gateway has no route for the host")
		return
	}
	vh := t.hosts[domain]
	x.policyAtGateway()
	if len(x.e.Shares) > 0 {
		return
	}
	if vh.redirect && !x.tls {
		location := "https://" + msg.host + msg.target()
		x.step("redirect", "", servers[0].Object, servers[0].at+".tls.httpsRedirect", "requests without TLS are sent to "+location)
		x.redirected(301, location, "https", msg.host, 443)
		return
	}
	x.entry = servers[0].binding
	x.throughHost(vh)
}

func protocolText(s *server) string {
	switch {
	case s.passthrough:
		return "TLS, handed on,"
	case s.tls:
		return "HTTPS"
	}
	return cmp.Or(string(s.protocol), "of an unknown protocol")
}

// unbound says why routes for the host are not on a gateway.
func (x *way) unbound(servers []bound) {
	m, told := x.m, 0
	for _, v := range m.virtuals {
		if _, ok := bestDomain(x.msg.host, slices.Values(v.hosts)); !ok || told >= 5 {
			continue
		}
		why := "it is bound to " + strings.Join(v.gateways, ", ") + ", not to this gateway"
		for _, s := range servers {
			if !slices.Contains(v.gateways, s.binding) {
				continue
			}
			switch {
			case len(m.visible([]*virtualService{v}, x.outpost.namespace)) == 0:
				why = "exportTo " + strings.Join(v.exportTo, ", ") + " hides it from the gateway's pods in Namespace " + x.outpost.namespace
				if !x.outpost.known {
					x.undecided("in which Namespace the gateway's pods run: they are taken to be in " + x.outpost.namespace)
				}
			case len(intersection(s.hostsFor(v.Namespace), v.hosts)) == 0:
				why = "its hosts " + strings.Join(v.hosts, ", ") + " are none of those that " + s.at + " takes from Namespace " + v.Namespace
			default:
				why = "none of its rules is there at this gateway"
				for _, r := range m.routesOf(v, s.port, s.binding, x.from) {
					x.ruleStep("no", r, r.left)
				}
			}
		}
		x.step("host", "no", v.Object, "", why)
		told++
	}
	for o, why := range m.ignored {
		if told < 5 {
			x.step("host", "no", o, "", why)
			told++
		}
	}
}

// policyAtGateway asks the policies that are for the gateway's own pods.
func (x *way) policyAtGateway() {
	if len(x.m.policies) == 0 {
		return
	}
	o := x.outpost
	var targets []target
	for _, g := range o.gateways {
		if g.own {
			targets = append(targets, target{"Gateway", g.Name})
		}
	}
	v := x.m.allowed(o.namespace, o.labels, targets, access{from: &source{namespaceUnknown: true, gateway: true}, msg: x.msg, port: x.msg.port, http: true})
	switch {
	case v.answer == no:
		x.step("policy", "no", nil, "", "at the gateway "+v.why)
		x.fail(Denied, 403, v.why)
	case v.answer == unknown:
		x.undecided("at the gateway " + v.why)
	case v.policy != nil:
		x.step("policy", "yes", nil, "", "at the gateway "+v.why)
	}
}

// throughHost looks for the first rule of a virtual host that takes the request.
func (x *way) throughHost(vh *virtualHost) {
	m, msg := x.m, x.msg
	var names []string
	for _, v := range vh.of {
		if name := m.name(v.Object); !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	if len(names) > 0 {
		text := "routes of host " + vh.domain
		if len(names) > 1 {
			text += ", those of all of them one after the other, what takes everything last; their order is that of creation"
			x.undecided("the order in which " + strings.Join(names, " and ") + " are created, and with it that of their rules: it is taken to be that of their names")
		}
		x.step("host", "", nil, "", strings.Join(names, ", ")+": "+text)
	}
	var nearest *route
	nearestFailed, nearestText := 0, ""
	for _, r := range vh.routes {
		if r.left != "" {
			x.ruleStep("no", r, r.left)
			continue
		}
		conditions := r.match.conditions(msg)
		var failed, held []string
		open := false
		for _, c := range conditions {
			switch {
			case c.unknown:
				open = true
				x.undecided(c.what + ", which depends on a token")
				failed = append(failed, c.what)
			case c.holds:
				held = append(held, c.what+", and is")
			default:
				found := ", it is " + c.found
				failed = append(failed, c.what+found)
			}
		}
		if len(failed) > 0 {
			text := strings.Join(failed, "; ")
			x.ruleStep("no", r, text)
			if !open && (nearest == nil || len(failed) < nearestFailed) {
				nearest, nearestFailed, nearestText = r, len(failed), text
			}
			continue
		}
		text := "it takes everything"
		if len(conditions) > 0 {
			text = tidy(held)
		}
		x.ruleStep("yes", r, text)
		x.act(r)
		return
	}
	if nearest != nil {
		x.e.Nearest = m.name(nearest.rule.in) + " " + routeField(nearest) + ": " + nearestText
	}
	x.fail(Fails, 404, "no rule of the host takes it")
}

// tidy writes conditions that hold: "header version must be "200", and is" as "header version is "200"".
func tidy(held []string) string {
	for i, text := range held {
		text = strings.TrimSuffix(text, ", and is")
		for _, pair := range [][2]string{{" must be there", " is there"}, {" must not be ", " is not "}, {" must be ", " is "}, {" must match ", " matches "}, {" must begin ", " begins "}} {
			if before, after, ok := strings.Cut(text, pair[0]); ok {
				text = before + pair[1] + after
				break
			}
		}
		held[i] = text
	}
	return strings.Join(held, "; ")
}

func routeField(r *route) string {
	field := r.rule.at
	if r.index >= 0 && len(r.rule.matches) > 1 {
		field += ".match[" + strconv.Itoa(r.index) + "]"
	}
	if r.rule.name != "" {
		field += " " + quote(r.rule.name)
	}
	return field
}

func (x *way) ruleStep(verdict string, r *route, text string) {
	x.step("rule", verdict, r.rule.in, routeField(r), text)
}

// act does what a rule says.
func (x *way) act(r *route) {
	msg, rule := x.msg, r.rule
	if rule.answersOptions && msg.method == "OPTIONS" {
		if origin, ok := msg.header("origin"); ok {
			x.undecided("whether the proxy answers this preflight request itself, as the rule's CORS policy says of origin " + quote(origin))
		}
	}
	aborted := 0.0
	if f := rule.fault; f != nil {
		if f.delayPercent > 0 {
			x.step("fault", "", rule.in, rule.at+".fault.delay", percentText(f.delayPercent)+" of the requests wait "+f.delay.String()+" first")
		}
		if f.abortPercent > 0 {
			aborted = f.abortPercent
			status, text := f.abort, "status "+strconv.Itoa(f.abort)
			if f.abortGRPC != "" {
				status, text = 200, "gRPC status "+f.abortGRPC
			}
			x.step("fault", "", rule.in, rule.at+".fault.abort", percentText(aborted)+" of the requests are answered with "+text+" by the proxy")
			x.e.Shares = append(x.e.Shares, Share{Percent: aborted, Outcome: Fails, Status: status, Why: "the rule injects " + text})
		}
	}
	if aborted >= 100 {
		return
	}
	rest := 100 - aborted
	switch {
	case rule.redirect != nil:
		x.redirect(r)
		return
	case rule.direct != nil:
		text := "the proxy answers with status " + strconv.Itoa(rule.direct.status)
		if rule.direct.body != "" {
			body := rule.direct.body
			if len(body) > 60 {
				body = strings.ToValidUTF8(body[:60], "") + "..."
			}
			text += " and " + quote(body)
		}
		why := "the rule says so"
		outcome := Answered
		if r.of.semantics == gatewaySemantics {
			text, why, outcome = text+": it has no backend", "the rule has no backend", Fails
		} else if rule.direct.status >= 400 {
			outcome = Fails
		}
		x.step("answer", "", rule.in, rule.at, text)
		x.e.Shares = append(x.e.Shares, Share{Percent: rest, Outcome: outcome, Status: rule.direct.status, Why: why})
		return
	}
	arrived := msg.clone()
	authority := rule.edits.authority
	if rule.rewrite != nil {
		authority = cmp.Or(rule.rewrite.authority, authority)
		if path := rewritten(rule.rewrite, r, msg); path != msg.path {
			x.step("rewrite", "", rule.in, rule.at+".rewrite", "path "+quote(msg.path)+" becomes "+quote(path))
			arrived.path = path
		}
	}
	if authority != "" {
		x.step("rewrite", "", rule.in, rule.at, "host "+quote(msg.authority)+" becomes "+quote(authority))
		arrived.authority = authority
	}
	x.editStep(rule.in, rule.at+".headers", rule.edits)
	x.split(r, arrived, rest, authority != "")
	for _, mirror := range rule.mirrors {
		shares := x.to(r, mirror.to, arrived.clone(), mirror.percent, true)
		x.e.Mirrors = append(x.e.Mirrors, shares...)
		x.step("mirror", "", rule.in, rule.at, percentText(mirror.percent)+" of the requests go to "+x.destinationText(mirror.to)+" too, whose answers nobody sees")
	}
	x.e.Wait = waitOf(rule)
	if x.outside {
		x.e.Wait = nil
		x.undecided("timeouts and retries, which are up to the controller of the Ingress")
	}
}

func (x *way) editStep(o *objects.Object, field string, e edits) {
	tell := func(of string, h headerEdits) {
		var parts []string
		for _, name := range h.remove {
			parts = append(parts, "removes "+name)
		}
		for _, header := range h.set {
			parts = append(parts, "sets "+header.Name+": "+header.Value)
		}
		for _, header := range h.add {
			parts = append(parts, "adds "+header.Name+": "+header.Value)
		}
		if len(parts) > 0 {
			x.step("headers", "", o, field, "of the "+of+" it "+strings.Join(parts, ", "))
		}
	}
	tell("request", e.request)
	tell("answer", e.response)
}

// rewritten is the path after a rewrite. Without a match, and with the prefix "/", Envoy puts the new text in the place of
// the first slash alone: "/ping" becomes "/v2ping" with "/v2".
func rewritten(w *rewrite, r *route, msg *message) string {
	switch {
	case w.hasRegex:
		pattern, err := regexp.Compile(w.match)
		if err != nil {
			return msg.path
		}
		return pattern.ReplaceAllString(msg.path, substitution(w.substitute))
	case w.uri == "":
		return msg.path
	}
	matched := "/"
	if r.match != nil && r.match.uri != nil {
		switch uri := r.match.uri; uri.kind {
		case exact, regex:
			matched = msg.path
		case prefix, pathPrefix:
			matched = msg.path[:min(len(uri.text), len(msg.path))]
			if uri.kind == pathPrefix {
				matched = msg.path[:min(len(strings.TrimSuffix(uri.text, "/")), len(msg.path))]
			}
		}
	}
	if r.of.semantics == gatewaySemantics && w.uri == "/" {
		// The whole prefix of elements goes, but for one slash; of another match nothing does (applyHTTPRouteDestination in
		// route.go).
		if r.match == nil || r.match.uri == nil || r.match.uri.kind != pathPrefix {
			return msg.path
		}
		return "/" + strings.TrimPrefix(msg.path[len(matched):], "/")
	}
	return w.uri + msg.path[len(matched):]
}

// substitution writes \0 to \9 of RE2 as Go has them.
func substitution(text string) string {
	var template strings.Builder
	for i := 0; i < len(text); i++ {
		c := text[i]
		if c == '\\' && i+1 < len(text) {
			i++
			if c = text[i]; c >= '0' && c <= '9' {
				_, _ = template.WriteString("${" + string(c) + "}")
				continue
			}
		}
		if c == '$' {
			_ = template.WriteByte('$')
		}
		_ = template.WriteByte(c)
	}
	return template.String()
}

// redirect sends the caller elsewhere.
func (x *way) redirect(r *route) {
	msg, to := x.msg, r.rule.redirect
	switch to.code {
	case 301, 302, 303, 307, 308:
	default:
		x.step("redirect", "no", r.rule.in, r.rule.at, "Istio knows no redirect with status "+strconv.Itoa(to.code))
		x.fail(Fails, 404, "the redirect has a status that Istio leaves out")
		return
	}
	scheme := cmp.Or(to.scheme, msg.scheme)
	host, port := splitHost(msg.authority)
	if to.authority != "" {
		host, port = splitHost(to.authority)
	}
	if scheme != msg.scheme && (port == 80 && msg.scheme == "http" || port == 443 && msg.scheme == "https") {
		port = 0
	}
	wanted := to.port
	if to.requestPort {
		wanted = msg.port
	}
	if wanted > 0 {
		port = wanted
		if port == 80 && scheme == "http" || port == 443 && scheme == "https" {
			port = 0
		}
	}
	target := msg.target()
	switch {
	case to.hasPrefix:
		w := &rewrite{uri: to.prefix}
		path := rewritten(w, &route{of: &virtualService{}, rule: r.rule, match: r.match}, msg)
		target = path
		if msg.query != "" {
			target += "?" + msg.query
		}
	case to.uri != "":
		// The query stays where the new path has none.
		target = to.uri
		if msg.query != "" && !strings.Contains(target, "?") {
			target += "?" + msg.query
		}
	}
	authority := host
	if port > 0 {
		authority += ":" + strconv.Itoa(port)
	}
	location := scheme + "://" + authority + target
	x.step("redirect", "", r.rule.in, r.rule.at, "the caller is sent to "+location)
	x.redirected(to.code, location, scheme, authority, port)
}

func (x *way) redirected(code int, location, scheme, authority string, port int) {
	x.e.Location = location
	x.e.Shares = append(x.e.Shares, Share{Percent: x.rest(), Outcome: Redirected, Status: code, Why: "the caller is sent to " + location})
	rest := strings.TrimPrefix(location, scheme+"://")
	path := "/"
	if at := strings.IndexByte(rest, '/'); at >= 0 {
		path = rest[at:]
	}
	_, explicit := splitHost(authority)
	next := Request{Method: x.msg.method, Scheme: scheme, Host: authority, Path: path, Headers: x.msg.headers}
	if explicit > 0 && port > 0 {
		next.Port = port
	}
	x.next = &next
}

// follow goes after redirects, to say where they end, or that they do not.
func (x *way) follow(r Request) {
	if x.next == nil {
		return
	}
	e := x.e
	seen := []string{x.msg.scheme + "://" + x.msg.authority + x.msg.target()}
	at := x
	for range maxFollowed {
		next := *at.next
		next.From = r.From
		if r.Gateway != "" {
			next.Gateway = r.Gateway
		}
		url := next.Scheme + "://" + next.Host + next.Path
		if slices.Contains(seen, url) {
			e.Summary += "; redirects go in a circle: " + strings.Join(append(seen, url), ", ")
			return
		}
		seen = append(seen, url)
		following, err := x.m.explain(next)
		if err != nil {
			return
		}
		if following.next == nil {
			e.Summary += "; there, " + following.e.Summary
			return
		}
		at = following
	}
	e.Summary += "; after " + strconv.Itoa(maxFollowed) + " redirects there is still no end"
}

// split sends requests to the destinations of a rule.
func (x *way) split(r *route, arrived *message, percent float64, hostSet bool) {
	rule := r.rule
	if len(rule.to) == 0 {
		x.step("to", "no", rule.in, rule.at, "it has no destination")
		x.e.Shares = append(x.e.Shares, Share{Percent: percent, Outcome: Fails, Status: 503, Why: "the rule has no destination, which Istio refuses"})
		return
	}
	send := func(to destination, percent float64) {
		one := arrived.clone()
		// Envoy edits by the weighted destination first and by the route after it; with one destination Istio writes both into
		// the route, the destination's last (processDestination in route.go).
		if len(rule.to) > 1 {
			one.edit(to.edits.request)
			one.edit(rule.edits.request)
		} else {
			one.edit(rule.edits.request, to.edits.request)
		}
		if to.edits.authority != "" && !hostSet {
			one.authority = to.edits.authority
		}
		x.editStep(rule.in, rule.at+".route", to.edits)
		x.e.Shares = append(x.e.Shares, x.to(r, to, one, percent, false)...)
	}
	if len(rule.to) == 1 {
		// The weight of a single destination does not count.
		send(rule.to[0], percent)
		return
	}
	total := 0
	for _, to := range rule.to {
		total += max(to.weight, 0)
	}
	if total == 0 {
		x.step("to", "no", rule.in, rule.at, "all weights are 0, which Istio refuses")
		x.e.Shares = append(x.e.Shares, Share{Percent: percent, Outcome: Fails, Status: 503, Why: "all weights are 0"})
		return
	}
	for _, to := range rule.to {
		if to.weight > 0 {
			send(to, percent*float64(to.weight)/float64(total))
		}
	}
}

func (x *way) destinationText(to destination) string {
	if to.invalid != "" {
		return "nowhere"
	}
	text := x.hostText(to.host)
	if to.subset != "" {
		text += " subset " + to.subset
	}
	if to.port > 0 {
		text += " port " + strconv.Itoa(to.port)
	}
	return text
}

func (x *way) hostText(host string) string {
	if list := x.m.byHost[host]; len(list) > 0 && !list[0].entry {
		return x.m.name(list[0].Object)
	}
	return host
}
