package engine

import (
	"cmp"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/crossoverJie/k8s-combat/infra/internal/objects"
)

// Graph is a model as a picture: from the left to the right, by which gateway and host requests come in, which rules there
// are, and which Services and workloads those lead to.
type Graph struct {
	Nodes []*Node `json:"nodes"`
	Edges []*Edge `json:"edges"`
}

// NodeKind is what a node stands for. It is the column in which the node is drawn.
type NodeKind string

// Kinds of nodes.
const (
	GatewayNode NodeKind = "gateway"
	HostNode    NodeKind = "host"
	RuleNode    NodeKind = "rule"
	ServiceNode NodeKind = "service"
	// AnswerNode is an answer of the proxy itself: a redirect, a response, an injected error.
	AnswerNode NodeKind = "answer"
	// MissingNode is a destination that the set does not have.
	MissingNode  NodeKind = "missing"
	WorkloadNode NodeKind = "workload"
)

// Node is a node of a graph.
type Node struct {
	// Key is unique in the graph.
	Key  string   `json:"key"`
	Kind NodeKind `json:"kind"`
	// Title and Text are the two lines of the node.
	Title string `json:"title"`
	Text  string `json:"text,omitempty"`
	// Object is the object that it stands for, Field the part of it, and Place where that is written. Empty for what is no
	// object of the set.
	Object string `json:"object,omitempty"`
	Field  string `json:"field,omitempty"`
	Place  string `json:"place,omitempty"`
	// ObjectKind, Namespace and Name are those of the object. Namespace is where the object goes, whether it says so or not.
	ObjectKind string `json:"objectKind,omitempty"`
	Namespace  string `json:"namespace,omitempty"`
	Name       string `json:"name,omitempty"`
	// Rows are the subsets of a Service.
	Rows []Row `json:"rows,omitempty"`
	// Notes are what else is to be known: timeouts, retries, faults, rewrites, TLS.
	Notes []string `json:"notes,omitempty"`
	// With are other objects that have a say in it, such as DestinationRules of a Service, as KIND/NAMESPACE/NAME.
	With []string `json:"with,omitempty"`
	// Mesh says of a host that pods of the mesh call it.
	Mesh bool `json:"mesh,omitempty"`
}

// Row is a subset of a Service.
type Row struct {
	Name string `json:"name"`
	Text string `json:"text,omitempty"`
	// Missing says that a rule names it, and no DestinationRule has it.
	Missing bool `json:"missing,omitempty"`
}

// Edge is a way from a node to the next.
type Edge struct {
	From string `json:"from"`
	To   string `json:"to"`
	// FromRow and ToRow are subsets at which it begins and ends. Empty for the Service as a whole.
	FromRow string `json:"fromRow,omitempty"`
	ToRow   string `json:"toRow,omitempty"`
	// Label says what is matched, or how much goes here.
	Label string `json:"label,omitempty"`
	// Percent is the share of what comes to From that goes here, where manifests tell; rules of a host have 100 each, since
	// requests decide.
	Percent float64 `json:"percent"`
	// Mirror says that copies go here, whose answers nobody sees.
	Mirror bool `json:"mirror,omitempty"`
}

// injected is how the reason of an answer begins that a rule injects (see act).
const injected = "the rule injects "

// graphMaker makes a graph.
type graphMaker struct {
	m     *Model
	graph *Graph
	nodes map[string]*Node
	edges map[Edge]*Edge
	// whole are the services that are called without a subset.
	whole map[*service]bool
}

// Graph makes the graph of a model. Nodes are in the order of columns, those of a column in the order of the set.
func (m *Model) Graph() *Graph {
	g := &graphMaker{m: m, graph: &Graph{Nodes: []*Node{}, Edges: []*Edge{}}, nodes: map[string]*Node{}, edges: map[Edge]*Edge{}, whole: map[*service]bool{}}
	for _, one := range m.gateways {
		g.gateway(one)
	}
	for _, one := range m.ingresses {
		g.ingress(one)
	}
	for _, v := range m.virtuals {
		if slices.Contains(v.gateways, meshGateway) {
			for _, host := range v.hosts {
				g.meshHost(host, v, m.routesOf(v, 0, meshGateway, &source{}))
			}
		}
	}
	for _, s := range m.services {
		g.service(s)
	}
	g.workloads()
	order := []NodeKind{GatewayNode, HostNode, RuleNode, ServiceNode, AnswerNode, MissingNode, WorkloadNode}
	slices.SortStableFunc(g.graph.Nodes, func(a, b *Node) int {
		return cmp.Compare(slices.Index(order, a.Kind), slices.Index(order, b.Kind))
	})
	return g.graph
}

// node adds a node where there is none with its key.
func (g *graphMaker) node(n Node, o *objects.Object) *Node {
	if known := g.nodes[n.Key]; known != nil {
		return known
	}
	if o != nil {
		n.Object, n.Place = g.m.name(o), g.m.place(o, "")
		n.ObjectKind, n.Namespace, n.Name = o.Kind, o.Namespace, o.Name
	}
	g.nodes[n.Key] = &n
	g.graph.Nodes = append(g.graph.Nodes, &n)
	return &n
}

// edge adds an edge. What goes the same way is added to it.
func (g *graphMaker) edge(e Edge) {
	key := Edge{From: e.From, To: e.To, FromRow: e.FromRow, ToRow: e.ToRow, Mirror: e.Mirror}
	if known := g.edges[key]; known != nil {
		if e.Label != "" && known.Label != e.Label && !strings.Contains(known.Label, e.Label) {
			known.Label += ", " + e.Label
		}
		return
	}
	g.edges[key] = &e
	g.graph.Edges = append(g.graph.Edges, &e)
}

// keyOf is the key of the node of an object. The place tells those of one name and kind of different groups apart.
func (g *graphMaker) keyOf(o *objects.Object) string {
	return o.Kind + "." + o.Group + "/" + o.Namespace + "/" + o.Name
}

func (g *graphMaker) gateway(one *gateway) {
	m := g.m
	var ports []string
	for _, s := range one.servers {
		text := strconv.Itoa(s.port) + " " + strings.TrimSuffix(protocolText(s), " handed on,")
		if text = strings.TrimSuffix(text, ","); !slices.Contains(ports, text) {
			ports = append(ports, text)
		}
	}
	key := g.keyOf(one.Object)
	n := g.node(Node{Key: key, Kind: GatewayNode, Title: one.Name, Text: one.Kind + ", " + cmp.Or(strings.Join(ports, ", "), "no port")}, one.Object)
	for _, s := range one.servers {
		if s.mutual {
			n.note("callers need a certificate at " + strconv.Itoa(s.port))
		}
	}
	o := m.outpostOf(one)
	if o.workload != nil {
		n.note("runs on " + m.name(o.workload.Object))
	}
	for _, s := range one.servers {
		if s.redirect {
			n.note("port " + strconv.Itoa(s.port) + " sends to https")
		}
		if s.passthrough || !s.protocol.isHTTP() && !s.tls {
			g.layer4(n, one, s, o)
			continue
		}
		t := m.table(o, o.tableServers(one, s))
		for _, domain := range slices.Sorted(maps.Keys(t.hosts)) {
			vh := t.hosts[domain]
			if !slices.ContainsFunc(s.names(), func(name string) bool { return within(domain, name) || within(name, domain) }) {
				continue
			}
			of := make([]*objects.Object, 0, len(vh.of))
			for _, v := range vh.of {
				of = append(of, v.Object)
			}
			host := g.hostNode(domain, one.Object, of...)
			g.edge(Edge{From: key, To: host.Key, Percent: 100, Label: strconv.Itoa(s.port)})
			if vh.redirect {
				host.note("http is sent to https")
			}
			g.routes(host, vh.routes)
		}
	}
}

// tableServers are the servers that share routes with one of a gateway.
func (o *outpost) tableServers(g *gateway, s *server) []bound {
	if s.tls {
		return []bound{{g, s}}
	}
	return slices.DeleteFunc(o.listeners(s.port), func(b bound) bool { return b.tls || b.passthrough })
}

func (g *graphMaker) layer4(n *Node, of *gateway, s *server, o *outpost) {
	for _, v := range g.m.visible(g.m.byGateway[s.binding], o.namespace) {
		list := v.tcp
		if s.passthrough {
			list = v.tls
		}
		for _, domain := range intersection(s.hostsFor(v.Namespace), v.hosts) {
			host := g.hostNode(domain, of.Object, v.Object)
			g.edge(Edge{From: n.Key, To: host.Key, Percent: 100, Label: strconv.Itoa(s.port)})
			g.connections(host, v, list)
		}
	}
}

func (g *graphMaker) connections(host *Node, v *virtualService, list []*layer4Rule) {
	for _, r := range list {
		var labels []string
		for _, one := range r.matches {
			var parts []string
			if len(one.sniHosts) > 0 {
				parts = append(parts, strings.Join(one.sniHosts, ", "))
			}
			if one.port > 0 {
				parts = append(parts, "port "+strconv.Itoa(one.port))
			}
			labels = append(labels, cmp.Or(strings.Join(parts, ", "), "everything"))
		}
		n := g.node(Node{Key: g.keyOf(v.Object) + " " + r.at, Kind: RuleNode, Title: r.at, Text: v.Name, Field: r.at}, v.Object)
		n.note("connections, unread")
		g.edge(Edge{From: host.Key, To: n.Key, Percent: 100, Label: cmp.Or(strings.Join(labels, " or "), "everything")})
		g.destinations(n, &route{of: v, rule: &rule{in: v.Object, at: r.at, to: r.to}})
	}
}

// hostNode is the node of a name, for the objects whose routes it has: a name that has the same ones at a gateway and in
// the mesh is one node. At is the object by which it comes in.
func (g *graphMaker) hostNode(domain string, at *objects.Object, of ...*objects.Object) *Node {
	title := domain
	if domain == "*" {
		title = "any host"
	}
	key := []string{"host", domain}
	for _, o := range of {
		key = append(key, g.keyOf(o))
	}
	if len(of) == 0 {
		of = []*objects.Object{at}
		key = append(key, "of", g.keyOf(at))
	}
	n := g.node(Node{Key: strings.Join(key, " "), Kind: HostNode, Title: title, Field: domain}, nil)
	n.Namespace = of[0].Namespace
	return n
}

func (n *Node) note(text string) {
	if !slices.Contains(n.Notes, text) {
		n.Notes = append(n.Notes, text)
	}
}

// meshHost adds a host of a VirtualService of the mesh.
func (g *graphMaker) meshHost(domain string, v *virtualService, routes []*route) {
	n := g.hostNode(domain, v.Object, v.Object)
	n.Text, n.Mesh = "called in the mesh", true
	if list := g.m.byHost[domain]; len(list) > 0 && !list[0].entry {
		n.Title = g.m.short(list[0].Namespace, list[0].Name)
	}
	for _, r := range routes {
		// Which rules are for which caller and port is decided by a request.
		if r.rule.note == "" {
			r.left = ""
		}
	}
	g.routes(n, routes)
	g.connections(n, v, slices.Concat(v.tls, v.tcp))
}

// routes adds rules, and what they lead to.
func (g *graphMaker) routes(host *Node, routes []*route) {
	type entry struct {
		labels []string
		routes []*route
	}
	byRule := map[*rule]*entry{}
	var rules []*rule
	for _, r := range routes {
		known := byRule[r.rule]
		if known == nil {
			known = &entry{}
			byRule[r.rule] = known
			rules = append(rules, r.rule)
		}
		known.routes = append(known.routes, r)
		known.labels = append(known.labels, r.match.text())
	}
	for i, rule := range rules {
		known := byRule[rule]
		title := "rule " + strconv.Itoa(i+1)
		if rule.name != "" {
			title = strconv.Itoa(i+1) + ". " + rule.name
		}
		n := g.node(Node{Key: g.keyOf(rule.in) + " " + rule.at, Kind: RuleNode, Title: title, Text: rule.in.Name, Field: rule.at}, rule.in)
		g.ruleNotes(n, known.routes[0])
		if !slices.ContainsFunc(known.routes, func(r *route) bool { return r.left == "" }) {
			n.note("never taken: " + known.routes[0].left)
		}
		g.edge(Edge{From: host.Key, To: n.Key, Percent: 100, Label: strings.Join(known.labels, " or ")})
		if rule.note == "" {
			g.destinations(n, known.routes[0])
		}
	}
}

func (g *graphMaker) ruleNotes(n *Node, r *route) {
	rule := r.rule
	if rule.hasTimeout && rule.timeout > 0 {
		n.note("timeout " + rule.timeout.String())
	}
	if rule.retries != nil {
		text := plural(rule.retries.attempts, "retry")
		if rule.retries.perTry > 0 {
			text += " of " + rule.retries.perTry.String()
		}
		n.note(text)
	}
	if f := rule.fault; f != nil && f.delayPercent > 0 {
		n.note("delays " + percentText(f.delayPercent) + " by " + f.delay.String())
	}
	if w := rule.rewrite; w != nil {
		switch {
		case w.hasRegex:
			n.note("rewrites " + w.match + " to " + w.substitute)
		case w.uri != "":
			n.note("rewrites to " + w.uri)
		}
		if w.authority != "" {
			n.note("host becomes " + w.authority)
		}
	}
	if !rule.edits.request.empty() || !rule.edits.response.empty() {
		n.note("changes headers")
	}
}

// destinations adds what a rule leads to.
func (g *graphMaker) destinations(n *Node, r *route) {
	rule := r.rule
	rest := 100.0
	answer := func(what, title, text string, percent float64) {
		to := g.node(Node{Key: n.Key + " " + what, Kind: AnswerNode, Title: title, Text: text}, nil)
		to.Namespace = n.Namespace
		g.edge(Edge{From: n.Key, To: to.Key, Percent: percent, Label: part(percent)})
	}
	if f := rule.fault; f != nil && f.abortPercent > 0 {
		title := "status " + strconv.Itoa(f.abort)
		if f.abortGRPC != "" {
			title = "gRPC " + f.abortGRPC
		}
		rest -= f.abortPercent
		answer("abort", title, "injected by the rule", f.abortPercent)
	}
	if rest <= 0 {
		return
	}
	switch {
	case rule.redirect != nil:
		to := rule.redirect
		text := cmp.Or(to.scheme, "") + " " + to.authority + cmp.Or(to.uri, to.prefix)
		answer("redirect", strconv.Itoa(to.code)+" redirect", strings.TrimSpace(text), rest)
		return
	case rule.direct != nil:
		answer("direct", "status "+strconv.Itoa(rule.direct.status), "answered by the proxy", rest)
		return
	}
	total := 0
	for _, to := range rule.to {
		total += max(to.weight, 0)
	}
	for _, to := range rule.to {
		percent := rest
		if len(rule.to) > 1 {
			if to.weight <= 0 {
				continue
			}
			percent = rest * float64(to.weight) / float64(max(total, 1))
		}
		g.destination(n, to, percent, false)
	}
	for _, one := range rule.mirrors {
		g.destination(n, one.to, one.percent, true)
	}
}

// part writes a share that is less than all.
func part(percent float64) string {
	if percent >= 100 {
		return ""
	}
	return percentText(percent)
}

func (g *graphMaker) destination(n *Node, to destination, percent float64, mirror bool) {
	label := part(percent)
	if mirror {
		label = "copies of " + percentText(percent)
	}
	var s *service
	if list := g.m.byHost[to.host]; len(list) > 0 {
		s = list[0]
	} else {
		for _, wild := range g.m.wildServices {
			if domainMatches(wild.host, to.host) {
				s = wild
				break
			}
		}
	}
	if s == nil || to.invalid != "" {
		missing := g.node(Node{Key: "missing " + n.Namespace + " " + to.host, Kind: MissingNode, Title: cmp.Or(to.host, "nothing"), Text: cmp.Or(to.invalid, "not in the set")}, nil)
		missing.Namespace = n.Namespace
		g.edge(Edge{From: n.Key, To: missing.Key, Percent: percent, Label: label, Mirror: mirror})
		return
	}
	service := g.serviceNode(s)
	if to.subset == "" {
		g.whole[s] = true
	} else if !slices.ContainsFunc(service.Rows, func(row Row) bool { return row.Name == to.subset }) {
		service.Rows = append(service.Rows, Row{Name: to.subset, Text: "no such subset", Missing: true})
	}
	if to.port > 0 && len(s.ports) > 1 {
		label = strings.TrimPrefix(label+" to port "+strconv.Itoa(to.port), " ")
	}
	g.edge(Edge{From: n.Key, To: service.Key, ToRow: to.subset, Percent: percent, Label: label, Mirror: mirror})
}

func (g *graphMaker) ingress(in *ingress) {
	key := g.keyOf(in.Object)
	n := g.node(Node{Key: key, Kind: GatewayNode, Title: in.Name, Text: "Ingress" + strings.TrimSuffix(", class "+in.class, ", class ")}, in.Object)
	if len(in.tls) > 0 {
		n.note("TLS for " + strings.Join(in.tls, ", "))
	}
	add := func(host string, rules []*rule) {
		h := g.hostNode(cmp.Or(host, "*"), in.Object)
		g.edge(Edge{From: key, To: h.Key, Percent: 100})
		rules = slices.Clone(rules)
		sortPaths(rules, false)
		var routes []*route
		for _, r := range rules {
			one := &route{of: &virtualService{Object: in.Object, semantics: ingressSemantics}, rule: r, left: r.note}
			if len(r.matches) > 0 {
				one.match = r.matches[0]
			}
			routes = append(routes, one)
		}
		g.routes(h, routes)
	}
	for _, r := range in.rules {
		add(r.host, r.rules)
	}
	if in.fallback != nil {
		add("", []*rule{in.fallback})
	}
}

func (g *graphMaker) serviceNode(s *service) *Node {
	key := g.keyOf(s.Object)
	if s.entry {
		key += " " + s.host
	}
	if known := g.nodes[key]; known != nil {
		return known
	}
	n := Node{Key: key, Kind: ServiceNode, Title: s.Name, Field: s.host}
	var ports []string
	for _, p := range s.ports {
		text := strconv.Itoa(p.number)
		if p.protocol != protocolUnknown {
			text += " " + string(p.protocol)
		}
		ports = append(ports, text)
	}
	kind := s.kind
	switch {
	case s.entry:
		n.Title = s.host
		kind = "outside"
		if !s.outside {
			kind = "in the mesh"
		}
	case s.headless:
		kind = "headless"
	case s.kind == "ExternalName":
		ports = []string{s.external}
	}
	n.Text = strings.Join(append([]string{kind}, ports...), ", ")
	for _, r := range g.m.rules[s.host] {
		for _, subset := range r.subsets {
			if !slices.ContainsFunc(n.Rows, func(row Row) bool { return row.Name == subset.name }) {
				n.Rows = append(n.Rows, Row{Name: subset.name, Text: labelText(subset.labels)})
			}
		}
		if r.policy.tls != "" {
			n.note("TLS " + r.policy.tls)
		}
		n.With = append(n.With, "DestinationRule/"+r.Namespace+"/"+r.Name)
	}
	return g.node(n, s.Object)
}

// service adds a service with the ways to its workloads.
func (g *graphMaker) service(s *service) {
	n := g.serviceNode(s)
	all := g.m.pods(s)
	subsets := map[string]map[string]string{}
	for _, r := range g.m.rules[s.host] {
		for _, subset := range r.subsets {
			if subsets[subset.name] == nil {
				subsets[subset.name] = subset.labels
			}
		}
	}
	if len(n.Rows) == 0 || g.whole[s] {
		g.pods(n, "", all)
	}
	for _, row := range n.Rows {
		if !row.Missing {
			g.pods(n, row.Name, slices.DeleteFunc(slices.Clone(all), func(w *workload) bool { return !objects.HasLabels(w.labels, subsets[row.Name]) }))
		}
	}
	for _, e := range s.endpoints {
		if e.address != "" {
			n.note("endpoint " + e.address)
		}
	}
}

func (g *graphMaker) pods(n *Node, row string, to []*workload) {
	total := 0
	for _, w := range to {
		total += max(w.pods, 0)
	}
	for _, w := range to {
		percent := 100 / float64(len(to))
		if total > 0 && w.pods >= 0 {
			percent = 100 * float64(w.pods) / float64(total)
		}
		label := ""
		if len(to) > 1 {
			label = percentText(percent)
		}
		g.edge(Edge{From: n.Key, FromRow: row, To: g.workload(w).Key, Percent: percent, Label: label})
	}
}

func (g *graphMaker) workload(w *workload) *Node {
	text := w.Kind + ", "
	switch {
	case w.pods < 0:
		text += "a pod on each node"
	case w.hasAutoscaler:
		text += plural(w.pods, "pod") + " or more"
	default:
		text += plural(w.pods, "pod")
	}
	return g.node(Node{Key: g.keyOf(w.Object), Kind: WorkloadNode, Title: w.Name, Text: text}, w.Object)
}

func (g *graphMaker) workloads() {
	for _, namespace := range slices.Sorted(maps.Keys(g.m.workloads)) {
		for _, w := range g.m.workloads[namespace] {
			g.workload(w)
		}
	}
}

// text writes a match in short.
func (m *match) text() string {
	if m == nil {
		return "everything"
	}
	var parts []string
	if m.method != nil {
		parts = append(parts, m.method.short())
	}
	if m.uri != nil {
		parts = append(parts, m.uri.short())
	}
	if m.authority != nil {
		parts = append(parts, "host "+m.authority.short())
	}
	if m.scheme != nil {
		parts = append(parts, m.scheme.short())
	}
	for _, one := range m.headers {
		parts = append(parts, one.name+": "+one.match.short())
	}
	for _, one := range m.withoutHeaders {
		text := "without " + one.name
		if one.match.kind != present {
			text += ": " + one.match.short()
		}
		parts = append(parts, text)
	}
	for _, one := range m.query {
		parts = append(parts, "?"+one.name+"="+one.match.short())
	}
	if m.port > 0 {
		parts = append(parts, "port "+strconv.Itoa(m.port))
	}
	if len(m.sourceLabels) > 0 {
		parts = append(parts, "from "+labelText(m.sourceLabels))
	}
	if m.sourceNamespace != "" {
		parts = append(parts, "from Namespace "+m.sourceNamespace)
	}
	return cmp.Or(strings.Join(parts, ", "), "everything")
}

func (m *stringMatch) short() string {
	switch m.kind {
	case exact:
		return m.text
	case prefix:
		return m.text + "*"
	case pathPrefix:
		return strings.TrimSuffix(m.text, "/") + "/*"
	case regex:
		return "~" + m.text
	}
	return "any"
}

// Way is the way of a request in a graph.
type Way struct {
	// Nodes are the keys of nodes on the way, and of 100 requests how many come there.
	Nodes map[string]float64 `json:"nodes"`
	// Edges are the places of edges in the graph, with the same.
	Edges map[int]float64 `json:"edges"`
	// Refused are the keys of rules that were looked at, and do not take the request.
	Refused []string `json:"refused"`
}

// Way finds what an explanation says in the graph of the same model.
func (g *Graph) Way(e *Explanation, host string) Way {
	w := Way{Nodes: map[string]float64{}, Edges: map[int]float64{}, Refused: []string{}}
	host, _ = splitHost(strings.ToLower(host))
	var gate, rule, service *Node
	for _, step := range e.Steps {
		switch {
		case step.What == "gateway" || step.What == "ingress":
			if n := g.find(GatewayNode, step, ""); n != nil && step.Verdict != "no" {
				gate = cmp.Or(gate, n)
				w.Nodes[n.Key] = 100
			}
		case step.What == "rule":
			field, _, _ := strings.Cut(step.Field, " ")
			if at := strings.Index(field, ".match["); at >= 0 {
				field = field[:at]
			}
			n := g.find(RuleNode, step, field)
			switch {
			case n == nil:
			case step.Verdict == "yes":
				rule = n
				w.Nodes[n.Key] = 100
			case !slices.Contains(w.Refused, n.Key):
				w.Refused = append(w.Refused, n.Key)
			}
		case step.What == "service" && step.Object != "":
			if step.Verdict != "no" {
				service = cmp.Or(g.find(ServiceNode, step, ""), service)
			}
		}
	}
	// With a rule, it is the rule that says which Service gets the request.
	if service != nil && rule == nil {
		w.Nodes[service.Key] = 100
	}
	w.Refused = slices.DeleteFunc(w.Refused, func(key string) bool { return rule != nil && key == rule.Key })
	g.throughHost(&w, gate, rule, host)
	for _, share := range e.Shares {
		g.share(&w, rule, share, false)
	}
	for _, share := range e.Mirrors {
		g.share(&w, rule, share, true)
	}
	return w
}

// find is the node of a step. The place tells those of one name and kind of different groups apart, where it is that of the
// whole object.
func (g *Graph) find(kind NodeKind, step Step, field string) *Node {
	var found *Node
	for _, n := range g.Nodes {
		if n.Kind == kind && n.Object == step.Object && (field == "" || n.Field == field) && (found == nil || n.Place == step.Place) {
			found = n
		}
	}
	return found
}

// throughHost puts the host between the gateway and the rule on the way.
func (g *Graph) throughHost(w *Way, gate, rule *Node, host string) {
	into := map[string][]int{}
	for i, e := range g.Edges {
		into[e.To] = append(into[e.To], i)
	}
	best, bestEdge, bestGate := (*Node)(nil), -1, -1
	// A name of the cluster may be written short.
	takes := func(domain string) bool {
		return domainMatches(domain, host) || strings.HasPrefix(domain, host+".") && strings.Contains(domain, ".svc.")
	}
	consider := func(n *Node, edge int) {
		if n.Kind != HostNode || !takes(n.Field) {
			return
		}
		gateEdge := -1
		for _, i := range into[n.Key] {
			if gate != nil && g.Edges[i].From == gate.Key {
				gateEdge = i
			}
		}
		if gate != nil && gateEdge < 0 || gate == nil && !n.Mesh {
			return
		}
		if best == nil || moreSpecific(n.Field, best.Field) {
			best, bestEdge, bestGate = n, edge, gateEdge
		}
	}
	if rule != nil {
		for _, i := range into[rule.Key] {
			consider(g.node(g.Edges[i].From), i)
		}
	} else if gate != nil || len(w.Refused) > 0 {
		for _, n := range g.Nodes {
			consider(n, -1)
		}
	}
	if best == nil {
		return
	}
	w.Nodes[best.Key] = 100
	if bestEdge >= 0 {
		w.Edges[bestEdge] = 100
	}
	if bestGate >= 0 {
		w.Edges[bestGate] = 100
	}
}

func (g *Graph) node(key string) *Node {
	for _, n := range g.Nodes {
		if n.Key == key {
			return n
		}
	}
	return &Node{}
}

// end is the node where a share ends before its pods: a Service, what is missing, or an answer of the proxy. It is one to
// which the rule leads, if there is such.
func (g *Graph) end(rule *Node, share Share, mirror bool) *Node {
	answer := "direct"
	switch {
	case share.Outcome == Redirected:
		answer = "redirect"
	case strings.HasPrefix(share.Why, injected):
		answer = "abort"
	}
	from := ""
	if rule != nil {
		from = rule.Key
	}
	leads := map[string]bool{}
	for _, e := range g.Edges {
		if e.From == from && e.ToRow == share.Subset && e.Mirror == mirror {
			leads[e.To] = true
		}
	}
	var found *Node
	for _, n := range g.Nodes {
		is := false
		switch n.Kind {
		case ServiceNode:
			is = share.Service != "" && (n.Name == share.Service && n.Namespace == share.Namespace || n.Object == share.Service || n.Field == share.Service)
		case MissingNode:
			// A Service that is there is missing for a rule that may not lead to it.
			is = share.Service != "" && (n.Title == share.Service || leads[n.Key] && found != nil && n.Title == found.Field)
		case AnswerNode:
			is = share.Service == "" && rule != nil && n.Key == from+" "+answer
		}
		if is && (found == nil || leads[n.Key] && !leads[found.Key]) {
			found = n
		}
	}
	return found
}

func (g *Graph) share(w *Way, rule *Node, share Share, mirror bool) {
	// A Service without rules is where a request comes in.
	from := ""
	if rule != nil {
		from = rule.Key
	}
	service := g.end(rule, share, mirror)
	if service == nil {
		return
	}
	w.add(service.Key, share.Percent, rule == nil)
	for i, e := range g.Edges {
		if e.From == from && e.To == service.Key && e.ToRow == share.Subset && e.Mirror == mirror {
			w.Edges[i] += share.Percent
		}
	}
	if share.Workload == "" {
		return
	}
	// The row of the subset, else that of the Service as a whole.
	found := -1
	for i, e := range g.Edges {
		if e.From != service.Key {
			continue
		}
		if n := g.node(e.To); n.ObjectKind+" "+n.Name != share.Workload {
			continue
		}
		if e.FromRow == share.Subset {
			found = i
			break
		} else if found < 0 {
			found = i
		}
	}
	if found >= 0 {
		w.Edges[found] += share.Percent
		w.add(g.Edges[found].To, share.Percent, false)
	}
}

func (w *Way) add(key string, percent float64, entered bool) {
	if entered {
		w.Nodes[key] = max(w.Nodes[key], percent)
		return
	}
	w.Nodes[key] += percent
}
