package engine

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"github.com/crossoverJie/k8s-combat/infra/internal/objects"
)

// ingress is an Ingress, for a controller of which the documentation of Kubernetes is all that is known.
type ingress struct {
	*objects.Object
	class string
	rules []*ingressRule
	// fallback is the default backend.
	fallback *rule
	tls      []string
}

type ingressRule struct {
	host  string
	rules []*rule
}

// istioController is the controller of an IngressClass of Istio.
const istioController = "istio.io/ingress-controller"

func (m *Model) convertIngresses() {
	type hostRules struct {
		first *objects.Object
		rules []*rule
	}
	byHost := map[string]*hostRules{}
	var hosts []string
	found := m.kind("networking.k8s.io", "Ingress")
	for _, o := range found {
		spec := m.spec(o)
		class := cmp.Or(o.Annotations["kubernetes.io/ingress.class"], spec.get("ingressClassName").text())
		isIstio := class == "istio"
		if of := m.index.Find("IngressClass", "", class); of != nil && o.Annotations["kubernetes.io/ingress.class"] == "" {
			isIstio = m.spec(of).get("controller").text() == istioController
		}
		if !isIstio {
			m.ingresses = append(m.ingresses, m.readIngress(o, class))
			continue
		}
		g := &gateway{Object: o, selector: map[string]string{"istio": "ingressgateway"}, class: class}
		binding := m.root + "/" + o.Name + istioIngressSuffix + o.Namespace
		for i, tls := range spec.get("tls").list() {
			if tls.get("secretName").text() == "" {
				continue
			}
			names := lowered(tls.get("hosts").texts())
			if len(names) == 0 {
				names = []string{"*"}
			}
			g.servers = append(g.servers, &server{at: "tls[" + strconv.Itoa(i) + "]", binding: binding, port: 443, protocol: protocolHTTPS, hosts: names, tls: true})
		}
		g.servers = append(g.servers, &server{at: "rules", binding: binding, port: 80, protocol: protocolHTTP, hosts: []string{"*"}})
		m.gateways = append(m.gateways, g)
		for i, from := range spec.get("rules").list() {
			host := cmp.Or(strings.ToLower(from.get("host").text()), "*")
			known := byHost[host]
			if known == nil {
				known = &hostRules{first: o}
				byHost[host] = known
				hosts = append(hosts, host)
			}
			for n, path := range from.at("http", "paths").list() {
				if r := m.ingressPath(o, "rules["+strconv.Itoa(i)+"].http.paths["+strconv.Itoa(n)+"]", path, istioPath(path)); r != nil {
					known.rules = append(known.rules, r)
				}
			}
		}
	}
	// One VirtualService a host, the longest path first, and the exact before the prefix
	// (pilot/pkg/config/kube/ingress/virtualservices.go). The default backend is left out there.
	for _, host := range hosts {
		known := byHost[host]
		sortPaths(known.rules, false)
		m.addVirtual(&virtualService{Object: known.first, semantics: ingressSemantics, hosts: []string{host},
			gateways: []string{m.root + "/" + known.first.Name + istioIngressSuffix + known.first.Namespace}, http: known.rules})
	}
}

func lowered(texts []string) []string {
	all := make([]string, len(texts))
	for i, text := range texts {
		all[i] = strings.ToLower(text)
	}
	return all
}

// istioPath is what Istio matches for a path of an Ingress. A path type that is left to the implementation is an exact
// match there, unless it ends with ".*" or "/*" (createFallbackStringMatch in virtualservices.go).
func istioPath(v value) *stringMatch {
	path := v.get("path").text()
	switch v.get("pathType").text() {
	case "Exact":
		return &stringMatch{kind: exact, text: path}
	case "Prefix":
		if path == "/" {
			return &stringMatch{kind: prefix, text: path}
		}
		return &stringMatch{kind: pathPrefix, text: path}
	}
	if path == "" || path == "*" || path == "/*" || path == ".*" {
		return nil
	}
	for _, suffix := range []string{".*", "/*"} {
		if before, ok := strings.CutSuffix(path, suffix); ok {
			return &stringMatch{kind: pathPrefix, text: before}
		}
	}
	return &stringMatch{kind: exact, text: path}
}

// sortPaths puts the longest path first. Of paths of one length the exact one is first, as Kubernetes documents it.
func sortPaths(rules []*rule, exactFirst bool) {
	rank := func(r *rule) (length int, isExact int) {
		if len(r.matches) == 0 || r.matches[0].uri == nil {
			// Istio takes a path without a match for the empty one here, before it looks at that of others.
			return 0, 1
		}
		length = len(r.matches[0].uri.text)
		if r.matches[0].uri.kind == exact {
			return length, 0
		}
		return length, 1
	}
	slices.SortStableFunc(rules, func(a, b *rule) int {
		lengthA, exactA := rank(a)
		lengthB, exactB := rank(b)
		if exactFirst && exactA != exactB {
			return cmp.Compare(exactA, exactB)
		}
		return cmp.Or(cmp.Compare(lengthB, lengthA), cmp.Compare(exactA, exactB))
	})
}

// ingressPath is the rule of a path, nil where its backend is none of which Istio makes one.
func (m *Model) ingressPath(o *objects.Object, at string, path value, uri *stringMatch) *rule {
	r := &rule{in: o, at: at}
	if uri != nil {
		r.matches = []*match{{uri: uri}}
	}
	to, why := m.ingressBackend(o, path.get("backend"))
	if why != "" {
		r.note = why
	}
	r.to = []destination{to}
	return r
}

func (m *Model) ingressBackend(o *objects.Object, backend value) (destination, string) {
	name := backend.at("service", "name").text()
	if name == "" {
		return destination{}, "its backend is no Service"
	}
	to := destination{host: strings.ToLower(name + "." + o.Namespace + ".svc." + m.domain), port: backend.at("service", "port", "number").whole()}
	if to.port > 0 {
		return to, ""
	}
	portName := backend.at("service", "port", "name").text()
	for _, s := range m.byHost[to.host] {
		for _, port := range s.ports {
			if port.name == portName {
				to.port = port.number
				return to, ""
			}
		}
	}
	return to, "Service " + m.short(o.Namespace, name) + " has no port " + quote(portName)
}

func (m *Model) readIngress(o *objects.Object, class string) *ingress {
	spec := m.spec(o)
	in := &ingress{Object: o, class: class}
	for _, tls := range spec.get("tls").list() {
		in.tls = append(in.tls, lowered(tls.get("hosts").texts())...)
	}
	if backend := spec.get("defaultBackend"); backend.has() {
		to, why := m.ingressBackend(o, backend)
		in.fallback = &rule{in: o, at: "defaultBackend", to: []destination{to}, note: why}
	}
	for i, from := range spec.get("rules").list() {
		one := &ingressRule{host: strings.ToLower(from.get("host").text())}
		for n, path := range from.at("http", "paths").list() {
			text := path.get("path").text()
			uri := &stringMatch{kind: pathPrefix, text: cmp.Or(text, "/")}
			switch path.get("pathType").text() {
			case "Exact":
				uri.kind = exact
			case "Prefix":
			default:
				uri.kind = prefix
			}
			r := m.ingressPath(o, "rules["+strconv.Itoa(i)+"].http.paths["+strconv.Itoa(n)+"]", path, uri)
			one.rules = append(one.rules, r)
		}
		in.rules = append(in.rules, one)
	}
	return in
}

// hostRank tells how close a host of an Ingress is to that of a request: 2 for the same, 1 for a wildcard, 0 for none at
// all, -1 for another. A wildcard stands for one label: "*.foo.com" takes bar.foo.com, not baz.bar.foo.com
// (kubernetes.io/docs/concepts/services-networking/ingress, Hostname wildcards).
func hostRank(host, asked string) int {
	switch {
	case host == "":
		return 0
	case host == asked:
		return 2
	case strings.HasPrefix(host, "*."):
		label, rest, ok := strings.Cut(asked, ".")
		if ok && label != "" && rest == host[2:] {
			return 1
		}
	}
	return -1
}
