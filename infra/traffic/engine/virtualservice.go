package engine

import (
	"cmp"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/crossoverJie/k8s-combat/infra/internal/objects"
)

// semantics are whose rules a set of routes follows. Istio makes VirtualServices of Ingresses and of routes of the
// Gateway API, which differ in how a prefix matches and in what an invalid backend gives.
type semantics int

const (
	istioSemantics semantics = iota
	ingressSemantics
	gatewaySemantics
)

// virtualService is a VirtualService, or what an Ingress or a route of the Gateway API is turned into.
type virtualService struct {
	*objects.Object
	semantics semantics
	// sortName is the name that Istio gives it, by which it has its place among others. Defaults to the object's.
	sortName string
	// hosts are long names in lower case.
	hosts []string
	// gateways are NAMESPACE/NAME, or mesh.
	gateways []string
	exportTo []string
	http     []*rule
	tls, tcp []*layer4Rule
}

// before orders as created does. What Istio makes of an Ingress has no time of creation, and therefore is first.
func (v *virtualService) before(other *virtualService) int {
	rank := func(v *virtualService) int {
		if v.semantics == ingressSemantics {
			return 0
		}
		return 1
	}
	return cmp.Or(cmp.Compare(rank(v), rank(other)), cmp.Compare(createdAt(v.Object), createdAt(other.Object)),
		cmp.Compare(cmp.Or(v.sortName, v.Name), cmp.Or(other.sortName, other.Name)), cmp.Compare(v.Namespace, other.Namespace))
}

// meshGateway stands among gateways for all sidecars.
const meshGateway = "mesh"

// rule is an HTTPRoute of a VirtualService.
type rule struct {
	// in is the object in which it is written: a delegate's stand in another one than the VirtualService.
	in *objects.Object
	// at is its path there, for example http[0].
	at, name       string
	matches        []*match
	to             []destination
	redirect       *redirect
	direct         *directResponse
	delegate       *objects.Key
	timeout        Duration
	hasTimeout     bool
	retries        *retries
	fault          *fault
	mirrors        []mirror
	rewrite        *rewrite
	edits          edits
	answersOptions bool
	note           string
}

type destination struct {
	host, subset string
	port, weight int
	edits        edits
	// invalid says why there is none, for a route of the Gateway API.
	invalid string
}

type edits struct {
	request, response headerEdits
	authority         string
}

type headerEdits struct {
	set, add []Header
	remove   []string
}

func (e headerEdits) empty() bool { return len(e.set)+len(e.add)+len(e.remove) == 0 }

type redirect struct {
	uri, prefix, authority, scheme string
	hasPrefix                      bool
	port, code                     int
	// requestPort says that the port is that of the listener.
	requestPort bool
}

type directResponse struct {
	status int
	body   string
}

type retries struct {
	attempts int
	perTry   Duration
	on       string
	base     Duration
	backoff  bool
}

type fault struct {
	delay        Duration
	delayPercent float64
	abort        int
	abortGRPC    string
	abortPercent float64
}

type mirror struct {
	to      destination
	percent float64
}

type rewrite struct {
	uri, authority    string
	match, substitute string
	hasRegex          bool
}

// layer4Rule is a TLSRoute or TCPRoute of a VirtualService.
type layer4Rule struct {
	at      string
	matches []layer4Match
	to      []destination
}

type layer4Match struct {
	port            int
	sniHosts        []string
	gateways        []string
	sourceLabels    map[string]string
	sourceNamespace string
}

func readMatches(m *Model, v value, namespace string) []*match {
	var all []*match
	for _, from := range v.list() {
		one := &match{name: from.get("name").text(), uri: readStringMatch(from.get("uri")), scheme: readStringMatch(from.get("scheme")),
			method: readStringMatch(from.get("method")), authority: readStringMatch(from.get("authority")),
			headers: readNamed(from.get("headers")), withoutHeaders: readNamed(from.get("withoutHeaders")),
			query: readNamed(from.get("queryParams")), port: from.get("port").whole(),
			sourceLabels: from.get("sourceLabels").textMap(), sourceNamespace: from.get("sourceNamespace").text(),
			gateways: m.gatewayNames(from.get("gateways").texts(), namespace), ignoreCase: from.get("ignoreUriCase").yes()}
		all = append(all, one)
	}
	return all
}

func readNamed(v value) []namedMatch {
	var all []namedMatch
	for _, name := range v.names() {
		all = append(all, namedMatch{name, newStringMatch(v.entry(name))})
	}
	return all
}

// gatewayNames makes long names of those of gateways (resolveGatewayName in pilot/pkg/model/config.go).
func (m *Model) gatewayNames(names []string, namespace string) []string {
	var all []string
	for _, name := range names {
		switch before, after, slash := strings.Cut(name, "/"); {
		case name == meshGateway:
		case slash && before == ".":
			name = namespace + "/" + after
		case slash:
		case !strings.Contains(name, "."):
			name = namespace + "/" + name
		default:
			parts := strings.Split(name, ".")
			name = parts[1] + "/" + parts[0]
		}
		all = append(all, name)
	}
	return all
}

func (m *Model) readDestination(v value, namespace string) destination {
	return destination{host: m.qualified(v.get("host").text(), namespace), subset: v.get("subset").text(),
		port: v.at("port", "number").whole()}
}

func (m *Model) readWeighted(v value, namespace string) []destination {
	var all []destination
	for _, from := range v.list() {
		to := m.readDestination(from.get("destination"), namespace)
		to.weight = from.get("weight").whole()
		to.edits = readEdits(from.get("headers"))
		all = append(all, to)
	}
	return all
}

func readEdits(v value) edits {
	var e edits
	e.request, e.response = readHeaderEdits(v.get("request")), readHeaderEdits(v.get("response"))
	for _, list := range [][]Header{e.request.add, e.request.set} {
		for _, header := range list {
			if strings.EqualFold(header.Name, ":authority") || strings.EqualFold(header.Name, "host") {
				e.authority = header.Value
			}
		}
	}
	e.request, e.response = e.request.public(), e.response.public()
	return e
}

// public leaves out the headers that Istio does not let be edited (isInternalHeader in route.go).
func (e headerEdits) public() headerEdits {
	internal := func(name string) bool { return strings.HasPrefix(name, ":") || strings.EqualFold(name, "host") }
	e.set = slices.DeleteFunc(e.set, func(h Header) bool { return internal(h.Name) })
	e.add = slices.DeleteFunc(e.add, func(h Header) bool { return internal(h.Name) })
	e.remove = slices.DeleteFunc(e.remove, internal)
	return e
}

func readHeaderEdits(v value) headerEdits {
	headers := func(v value) []Header {
		var all []Header
		for _, name := range v.names() {
			all = append(all, Header{name, v.entry(name).text()})
		}
		return all
	}
	return headerEdits{set: headers(v.get("set")), add: headers(v.get("add")), remove: v.get("remove").texts()}
}

func (m *Model) readVirtualServices() {
	delegates := map[objects.Key]*objects.Object{}
	var roots []*objects.Object
	for _, o := range m.kind("networking.istio.io", "VirtualService") {
		// One without hosts is a delegate, and nothing but one.
		if len(m.spec(o).get("hosts").texts()) == 0 {
			delegates[objects.Key{Namespace: o.Namespace, Name: o.Name}] = o
		} else {
			roots = append(roots, o)
		}
	}
	for _, o := range roots {
		m.addVirtual(m.readVirtualService(o, delegates))
	}
	m.convertIngresses()
	m.convertRoutes()
	// Gateways of Ingresses are first, as their VirtualServices are.
	slices.SortStableFunc(m.gateways, func(a, b *gateway) int {
		rank := func(g *gateway) int {
			if g.Kind == "Ingress" {
				return 0
			}
			return 1
		}
		return cmp.Or(cmp.Compare(rank(a), rank(b)), created(a.Object, b.Object))
	})
	slices.SortStableFunc(m.virtuals, (*virtualService).before)
	for _, v := range m.virtuals {
		for _, name := range v.gateways {
			if name != meshGateway {
				m.byGateway[name] = append(m.byGateway[name], v)
				continue
			}
			for _, host := range v.hosts {
				if isWild(host) {
					if len(m.meshWild) == 0 || m.meshWild[len(m.meshWild)-1] != v {
						m.meshWild = append(m.meshWild, v)
					}
				} else if known := m.meshExact[host]; len(known) == 0 || known[len(known)-1] != v {
					m.meshExact[host] = append(known, v)
				}
			}
		}
	}
}

func (m *Model) addVirtual(v *virtualService) { m.virtuals = append(m.virtuals, v) }

func (m *Model) readVirtualService(o *objects.Object, delegates map[objects.Key]*objects.Object) *virtualService {
	spec := m.spec(o)
	v := &virtualService{Object: o, exportTo: spec.get("exportTo").texts(), gateways: m.gatewayNames(spec.get("gateways").texts(), o.Namespace)}
	if len(v.gateways) == 0 {
		v.gateways = []string{meshGateway}
	}
	for _, host := range spec.get("hosts").texts() {
		v.hosts = append(v.hosts, m.qualified(host, o.Namespace))
	}
	for _, r := range m.readRules(o) {
		if r.delegate == nil {
			v.http = append(v.http, r)
			continue
		}
		v.http = append(v.http, m.delegated(v, r, delegates)...)
	}
	v.tls, v.tcp = m.readLayer4(spec.get("tls"), "tls", o.Namespace), m.readLayer4(spec.get("tcp"), "tcp", o.Namespace)
	return v
}

func (m *Model) readLayer4(v value, at, namespace string) []*layer4Rule {
	var all []*layer4Rule
	for i, from := range v.list() {
		r := &layer4Rule{at: at + "[" + strconv.Itoa(i) + "]", to: m.readWeighted(from.get("route"), namespace)}
		for _, one := range from.get("match").list() {
			r.matches = append(r.matches, layer4Match{port: one.get("port").whole(), sniHosts: one.get("sniHosts").texts(),
				gateways:     m.gatewayNames(one.get("gateways").texts(), namespace),
				sourceLabels: one.get("sourceLabels").textMap(), sourceNamespace: one.get("sourceNamespace").text()})
		}
		all = append(all, r)
	}
	return all
}

func (m *Model) readRules(o *objects.Object) []*rule {
	var all []*rule
	for i, from := range m.spec(o).get("http").list() {
		r := &rule{in: o, at: "http[" + strconv.Itoa(i) + "]", name: from.get("name").text(),
			matches: readMatches(m, from.get("match"), o.Namespace), to: m.readWeighted(from.get("route"), o.Namespace),
			edits: readEdits(from.get("headers")), answersOptions: from.get("corsPolicy").has()}
		r.timeout, r.hasTimeout = from.get("timeout").duration()
		if v := from.get("redirect"); v.has() {
			r.redirect = &redirect{uri: v.get("uri").text(), authority: v.get("authority").text(), scheme: v.get("scheme").text(),
				prefix: v.get("prefixRewrite").text(), port: v.get("port").whole(), code: cmp.Or(v.get("redirectCode").whole(), 301),
				requestPort: v.get("derivePort").text() == "FROM_REQUEST_PORT"}
			r.redirect.hasPrefix = r.redirect.prefix != ""
		}
		if v := from.get("directResponse"); v.has() {
			r.direct = &directResponse{status: v.get("status").whole(), body: cmp.Or(v.at("body", "string").text(), v.at("body", "bytes").text())}
		}
		if v := from.get("delegate"); v.has() {
			r.delegate = &objects.Key{Namespace: cmp.Or(v.get("namespace").text(), o.Namespace), Name: v.get("name").text()}
		}
		if v := from.get("retries"); v.has() {
			r.retries = &retries{attempts: v.get("attempts").whole(), on: v.get("retryOn").text()}
			r.retries.perTry, _ = v.get("perTryTimeout").duration()
			r.retries.base, r.retries.backoff = v.get("backoff").duration()
		}
		r.fault = readFault(from.get("fault"))
		if v := from.get("rewrite"); v.has() {
			r.rewrite = &rewrite{uri: v.get("uri").text(), authority: v.get("authority").text(),
				match: v.at("uriRegexRewrite", "match").text(), substitute: v.at("uriRegexRewrite", "rewrite").text(),
				hasRegex: v.get("uriRegexRewrite").has()}
		}
		if v := from.get("mirror"); v.has() {
			r.mirror(m.readDestination(v, o.Namespace), percentOr(from.get("mirrorPercentage"), from.get("mirrorPercent"), 100))
		}
		for _, v := range from.get("mirrors").list() {
			if v.get("destination").has() {
				r.mirror(m.readDestination(v.get("destination"), o.Namespace), percentOr(v.get("percentage"), value{}, 100))
			}
		}
		all = append(all, r)
	}
	return all
}

func (r *rule) mirror(to destination, percent float64) {
	if percent > 0 {
		r.mirrors = append(r.mirrors, mirror{to, percent})
	}
}

// percentOr is a Percent, or the whole number that stood there before it, or what holds where neither is there.
func percentOr(percent, old value, missing float64) float64 {
	if percent.has() {
		number, _ := percent.get("value").number()
		return bounded(number)
	}
	if number, ok := old.number(); ok {
		return bounded(number)
	}
	return missing
}

func bounded(percent float64) float64 {
	if percent != percent {
		return 0
	}
	return min(max(percent, 0), 100)
}

// readFault reads a fault. One without a percentage is never injected: no such field is a share of nothing in Envoy.
func readFault(v value) *fault {
	if !v.has() {
		return nil
	}
	f := &fault{}
	if delay := v.get("delay"); delay.has() {
		// Only fixedDelay is: "Exponential faults are not yet supported", TranslateFault in route.go.
		f.delay, _ = delay.get("fixedDelay").duration()
		f.delayPercent = percentOr(delay.get("percentage"), delay.get("percent"), 0)
	}
	if abort := v.get("abort"); abort.has() {
		f.abort, f.abortGRPC = abort.get("httpStatus").whole(), abort.get("grpcStatus").text()
		f.abortPercent = percentOr(abort.get("percentage"), value{}, 0)
	}
	if f.delay <= 0 {
		f.delayPercent = 0
	}
	if f.abort == 0 && f.abortGRPC == "" {
		f.abortPercent = 0
	}
	if f.delayPercent == 0 && f.abortPercent == 0 {
		return nil
	}
	return f
}

// delegated are the rules that a rule with a delegate stands for (mergeVirtualServices in
// pilot/pkg/model/virtualservice_controller.go). Istio follows one step: a delegate that delegates is refused, and those
// that delegate in a circle are named.
func (m *Model) delegated(v *virtualService, root *rule, delegates map[objects.Key]*objects.Object) []*rule {
	note := func(text string) []*rule {
		return []*rule{{in: root.in, at: root.at, name: root.name, matches: root.matches, note: text}}
	}
	key := *root.delegate
	o := delegates[key]
	if o == nil {
		why := "it delegates to VirtualService " + key.Namespace + "/" + key.Name + ", which the set does not have"
		if m.index.Find("VirtualService", key.Namespace, key.Name) != nil {
			why = "it delegates to VirtualService " + key.Namespace + "/" + key.Name + ", which has hosts of its own and therefore is no delegate"
		}
		return note(why)
	}
	if !exported(m.spec(o).get("exportTo").texts(), o.Namespace, v.Namespace) {
		return note("it delegates to VirtualService " + key.Namespace + "/" + key.Name + ", which is not exported to Namespace " + v.Namespace)
	}
	way := []string{m.short(v.Namespace, v.Name)}
	for at, visited := key, map[objects.Key]bool{}; ; {
		way = append(way, m.short(at.Namespace, at.Name))
		if visited[at] {
			return note("VirtualServices delegate in a circle, which Istio refuses: " + strings.Join(way, ", "))
		}
		visited[at] = true
		next := delegates[at]
		if next == nil {
			break
		}
		var on *objects.Key
		for _, r := range m.readRules(next) {
			if r.delegate != nil {
				on = r.delegate
				break
			}
		}
		if on == nil {
			break
		}
		at = *on
	}
	if len(way) > 2 {
		return note("a delegate delegates again, which Istio refuses: " + strings.Join(way, ", "))
	}
	var merged []*rule
	for _, r := range m.readRules(o) {
		merged = append(merged, merge(root, r))
	}
	return merged
}

// merge puts what the rule that delegates says around that of the delegate (mergeHTTPRoute in
// pilot/pkg/model/virtualservice.go).
func merge(root, own *rule) *rule {
	matches, ok := mergeMatches(root.matches, own.matches)
	if !ok {
		return &rule{in: own.in, at: own.at, name: own.name, matches: own.matches,
			note: "what it matches is not within what " + root.at + " of the VirtualService that delegates to it matches: Istio leaves it out"}
	}
	own.matches = matches
	switch {
	case own.name == "":
		own.name = root.name
	case root.name != "":
		own.name = root.name + "-" + own.name
	}
	if own.rewrite == nil {
		own.rewrite = root.rewrite
	}
	if own.direct == nil {
		own.direct = root.direct
	}
	if !own.hasTimeout {
		own.timeout, own.hasTimeout = root.timeout, root.hasTimeout
	}
	if own.retries == nil {
		own.retries = root.retries
	}
	if own.fault == nil {
		own.fault = root.fault
	}
	if len(own.mirrors) == 0 {
		own.mirrors = root.mirrors
	}
	own.answersOptions = own.answersOptions || root.answersOptions
	if own.edits.request.empty() && own.edits.response.empty() && own.edits.authority == "" {
		own.edits = root.edits
	}
	return own
}

func mergeMatches(roots, leaves []*match) ([]*match, bool) {
	if len(roots) == 0 {
		return leaves, true
	}
	if len(leaves) == 0 {
		return roots, true
	}
	var merged []*match
	for _, leaf := range leaves {
		found := false
		for _, root := range roots {
			if conflicts(root, leaf) {
				continue
			}
			merged, found = append(merged, mergeMatch(root, leaf)), true
		}
		if !found {
			return nil, false
		}
	}
	return merged, true
}

func mergeMatch(root, leaf *match) *match {
	merged := *leaf
	switch {
	case merged.name == "":
		merged.name = root.name
	case root.name != "":
		merged.name = root.name + "-" + merged.name
	}
	merged.uri, merged.scheme = cmp.Or(leaf.uri, root.uri), cmp.Or(leaf.scheme, root.scheme)
	merged.method, merged.authority = cmp.Or(leaf.method, root.method), cmp.Or(leaf.authority, root.authority)
	merged.headers, merged.query = mergeNamed(root.headers, leaf.headers), mergeNamed(root.query, leaf.query)
	merged.withoutHeaders = mergeNamed(root.withoutHeaders, leaf.withoutHeaders)
	merged.port = cmp.Or(leaf.port, root.port)
	merged.sourceLabels = maps.Clone(root.sourceLabels)
	maps.Copy(merged.sourceLabels, leaf.sourceLabels)
	merged.sourceNamespace = cmp.Or(leaf.sourceNamespace, root.sourceNamespace)
	if len(leaf.gateways) == 0 {
		merged.gateways = root.gateways
	}
	return &merged
}

func mergeNamed(root, leaf []namedMatch) []namedMatch {
	merged := slices.Clone(leaf)
	for _, one := range root {
		if find(leaf, one.name) == nil {
			merged = append(merged, one)
		}
	}
	slices.SortStableFunc(merged, func(a, b namedMatch) int { return cmp.Compare(a.name, b.name) })
	return merged
}

func find(named []namedMatch, name string) *stringMatch {
	for _, one := range named {
		if one.name == name {
			return one.match
		}
	}
	return nil
}

func conflicts(root, leaf *match) bool {
	pairs := [][2]*stringMatch{{root.uri, leaf.uri}, {root.scheme, leaf.scheme}, {root.method, leaf.method}, {root.authority, leaf.authority}}
	for _, lists := range [][2][]namedMatch{{root.headers, leaf.headers}, {root.withoutHeaders, leaf.withoutHeaders}, {root.query, leaf.query}} {
		for _, one := range lists[1] {
			pairs = append(pairs, [2]*stringMatch{find(lists[0], one.name), one.match})
		}
	}
	for _, pair := range pairs {
		if textConflicts(pair[0], pair[1]) {
			return true
		}
	}
	if root.ignoreCase != leaf.ignoreCase || root.port > 0 && leaf.port > 0 && root.port != leaf.port {
		return true
	}
	// A delegate must say the namespace again: one that says none conflicts (hasConflict in virtualservice.go).
	if root.sourceNamespace != "" && leaf.sourceNamespace != root.sourceNamespace {
		return true
	}
	for name, text := range leaf.sourceLabels {
		if wanted, ok := root.sourceLabels[name]; ok && wanted != text {
			return true
		}
	}
	if len(root.gateways) > 0 && len(leaf.gateways) > 0 {
		if len(root.gateways) < len(leaf.gateways) {
			return true
		}
		for _, name := range leaf.gateways {
			if !slices.Contains(root.gateways, name) {
				return true
			}
		}
	}
	return false
}

// textConflicts is stringMatchConflict of virtualservice.go.
func textConflicts(root, leaf *stringMatch) bool {
	if root == nil || leaf == nil {
		return false
	}
	is := func(m *stringMatch, kind matchKind) bool { return m.kind == kind && m.text != "" }
	if is(root, regex) && (is(leaf, regex) || is(leaf, prefix) || is(leaf, exact)) ||
		is(leaf, regex) && (is(root, regex) || is(root, prefix) || is(root, exact)) {
		return true
	}
	switch {
	case is(root, exact):
		return is(leaf, prefix) || !is(leaf, exact) || leaf.text != root.text
	case is(root, prefix) && (is(leaf, prefix) || is(leaf, exact)):
		return !strings.HasPrefix(leaf.text, root.text)
	}
	return true
}
