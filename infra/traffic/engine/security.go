package engine

import (
	"cmp"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/crossoverJie/k8s-combat/infra/internal/objects"
)

// answer is yes, no, or that manifests cannot tell.
type answer int

const (
	no answer = iota
	yes
	unknown
)

func is(holds bool) answer {
	if holds {
		return yes
	}
	return no
}

func and(a, b answer) answer {
	switch {
	case a == no || b == no:
		return no
	case a == unknown || b == unknown:
		return unknown
	}
	return yes
}

func or(a, b answer) answer {
	switch {
	case a == yes || b == yes:
		return yes
	case a == unknown || b == unknown:
		return unknown
	}
	return no
}

func not(a answer) answer {
	switch a {
	case yes:
		return no
	case no:
		return yes
	}
	return unknown
}

// source is who calls, as far as it is known.
type source struct {
	// known says that labels, namespace and account are those of a workload.
	known            bool
	namespace        string
	namespaceUnknown bool
	account          string
	labels           map[string]string
	proxy            proxy
	proxyWhy         string
	name             string
	gateway          bool
}

type authorizationPolicy struct {
	*objects.Object
	selector map[string]string
	targets  []target
	action   string
	rules    []policyRule
	dryRun   bool
}

type target struct{ kind, name string }

type policyRule struct {
	at   string
	from []map[string][]string
	to   []map[string][]string
	when []policyCondition
}

type policyCondition struct {
	key               string
	values, notValues []string
}

type peerAuthentication struct {
	*objects.Object
	selector map[string]string
	mode     string
	ports    map[int]string
}

type sidecar struct {
	*objects.Object
	selector map[string]string
	egress   []sidecarEgress
}

type sidecarEgress struct {
	port  int
	hosts []string
}

func (m *Model) readPolicies() {
	for _, o := range m.kind("security.istio.io", "AuthorizationPolicy") {
		spec := m.spec(o)
		p := &authorizationPolicy{Object: o, selector: spec.at("selector", "matchLabels").textMap(),
			action: cmp.Or(spec.get("action").text(), "ALLOW"), dryRun: o.Annotations["istio.io/dry-run"] == "true"}
		refs := spec.get("targetRefs").list()
		if ref := spec.get("targetRef"); ref.has() {
			refs = append(refs, ref)
		}
		for _, ref := range refs {
			p.targets = append(p.targets, target{ref.get("kind").text(), ref.get("name").text()})
		}
		for i, from := range spec.get("rules").list() {
			r := policyRule{at: "rules[" + strconv.Itoa(i) + "]"}
			for _, one := range from.get("from").list() {
				r.from = append(r.from, lists(one.get("source"), sourceFields))
			}
			for _, one := range from.get("to").list() {
				r.to = append(r.to, lists(one.get("operation"), operationFields))
			}
			for _, one := range from.get("when").list() {
				r.when = append(r.when, policyCondition{one.get("key").text(), one.get("values").texts(), one.get("notValues").texts()})
			}
			p.rules = append(p.rules, r)
		}
		m.policies[o.Namespace] = append(m.policies[o.Namespace], p)
	}
	for _, o := range m.kind("security.istio.io", "PeerAuthentication") {
		spec := m.spec(o)
		p := &peerAuthentication{Object: o, selector: spec.at("selector", "matchLabels").textMap(), mode: modeOf(spec.get("mtls")), ports: map[int]string{}}
		for _, name := range spec.get("portLevelMtls").names() {
			number, _ := strconv.Atoi(name)
			p.ports[number] = modeOf(spec.get("portLevelMtls").entry(name))
		}
		m.peers[o.Namespace] = append(m.peers[o.Namespace], p)
	}
	for _, o := range m.kind("networking.istio.io", "Sidecar") {
		spec := m.spec(o)
		s := &sidecar{Object: o, selector: spec.at("workloadSelector", "labels").textMap()}
		for _, from := range spec.get("egress").list() {
			s.egress = append(s.egress, sidecarEgress{from.at("port", "number").whole(), from.get("hosts").texts()})
		}
		m.sidecars[o.Namespace] = append(m.sidecars[o.Namespace], s)
	}
}

// modeOf is empty for a mode that is taken from around it.
func modeOf(v value) string {
	if mode := v.get("mode").text(); mode != "UNSET" {
		return mode
	}
	return ""
}

var (
	sourceFields = []string{"principals", "notPrincipals", "requestPrincipals", "notRequestPrincipals", "namespaces", "notNamespaces",
		"serviceAccounts", "notServiceAccounts", "trustDomains", "notTrustDomains", "ipBlocks", "notIpBlocks", "remoteIpBlocks", "notRemoteIpBlocks"}
	operationFields = []string{"hosts", "notHosts", "ports", "notPorts", "methods", "notMethods", "paths", "notPaths"}
)

func lists(v value, names []string) map[string][]string {
	all := map[string][]string{}
	for _, name := range names {
		if texts := v.get(name).texts(); len(texts) > 0 {
			all[name] = texts
		}
	}
	return all
}

// mutualTLS is the mode in which pods take connections on a port, and what says so (ComposePeerAuthentication in
// pilot/pkg/security/authn/policy_applier.go): the policy of the pods before that of the namespace before that of the
// mesh, of each the oldest.
func (m *Model) mutualTLS(w *workload, port int) (mode, why string) {
	mode, why = "PERMISSIVE", "no PeerAuthentication is for it"
	take := func(p *peerAuthentication) {
		if p != nil && p.mode != "" {
			mode, why = p.mode, m.name(p.Object)
		}
	}
	var forMesh, forNamespace, forPods *peerAuthentication
	for _, p := range m.peers[m.root] {
		if len(p.selector) == 0 && forMesh == nil {
			forMesh = p
		}
	}
	if w.Namespace != m.root {
		for _, p := range m.peers[w.Namespace] {
			switch {
			case len(p.selector) == 0 && forNamespace == nil:
				forNamespace = p
			case len(p.selector) > 0 && forPods == nil && objects.HasLabels(w.labels, p.selector):
				forPods = p
			}
		}
	}
	take(forMesh)
	take(forNamespace)
	take(forPods)
	if forPods != nil {
		if own, ok := forPods.ports[port]; ok {
			if own != "" {
				mode = own
			}
			return mode, m.name(forPods.Object) + " portLevelMtls[" + strconv.Itoa(port) + "]"
		}
	}
	return mode, why
}

// access is what is asked of the policies before pods.
type access struct {
	from *source
	// mutual says that the caller has shown who it is.
	mutual bool
	msg    *message
	port   int
	// http says that the proxy reads requests, and not connections alone.
	http bool
}

// verdict of the policies before pods.
type verdict struct {
	answer answer
	// why is told as a step; policy is the object that decided, nil where none did.
	why    string
	policy *objects.Object
}

// allowed asks the AuthorizationPolicies for pods: CUSTOM, DENY, ALLOW, in this order; AUDIT changes nothing.
func (m *Model) allowed(namespace string, labels map[string]string, targets []target, a access) verdict {
	var deny, allow, custom []*authorizationPolicy
	for i, of := range []string{m.root, namespace} {
		if i == 1 && of == m.root {
			break
		}
		for _, p := range m.policies[of] {
			if p.dryRun || !p.applies(namespace, labels, targets) {
				continue
			}
			switch p.action {
			case "DENY":
				deny = append(deny, p)
			case "ALLOW":
				allow = append(allow, p)
			case "CUSTOM":
				custom = append(custom, p)
			}
		}
	}
	result := verdict{answer: yes, why: "no AuthorizationPolicy is for it"}
	if len(deny)+len(allow)+len(custom) == 0 {
		return result
	}
	var undecided []string
	for _, p := range custom {
		if answer, at := p.asks(a); answer != no {
			undecided = append(undecided, m.name(p.Object)+" "+at+" asks the provider of its CUSTOM action")
		}
	}
	for _, p := range deny {
		switch answer, at := p.asks(a); answer {
		case yes:
			return verdict{no, m.name(p.Object) + " " + at + " denies it", p.Object}
		case unknown:
			undecided = append(undecided, m.name(p.Object)+" "+at+" may deny it: "+p.missing(a))
		}
	}
	if len(allow) > 0 {
		var at string
		best, open := no, ""
		for _, p := range allow {
			answer, where := p.asks(a)
			if answer == yes {
				best, at, result.policy = yes, m.name(p.Object)+" "+where+" allows it", p.Object
				break
			}
			if answer == unknown {
				best, open = unknown, m.name(p.Object)+" "+where+" may allow it: "+p.missing(a)
			}
		}
		switch best {
		case no:
			var names []string
			for _, p := range allow {
				names = append(names, m.name(p.Object))
			}
			return verdict{no, "none of the rules of " + strings.Join(names, ", ") + " allows it", allow[0].Object}
		case unknown:
			undecided = append(undecided, open)
		case yes:
			result.why = at
		}
	} else {
		result.why = "no rule denies it, and no AuthorizationPolicy is there to allow"
	}
	if len(undecided) > 0 {
		return verdict{unknown, strings.Join(undecided, "; "), nil}
	}
	return result
}

func (p *authorizationPolicy) applies(namespace string, labels map[string]string, targets []target) bool {
	if len(p.targets) > 0 {
		return slices.ContainsFunc(p.targets, func(t target) bool { return slices.Contains(targets, t) && p.Namespace == namespace })
	}
	return objects.HasLabels(labels, p.selector)
}

// missing says what would have to be known.
func (p *authorizationPolicy) missing(a access) string {
	if !a.from.known && !a.from.gateway {
		return "who calls is not said (--from)"
	}
	return "it depends on what manifests do not have, such as a token, an address or the account of the caller"
}

// asks reports whether a policy has a rule that is about the request, and which.
func (p *authorizationPolicy) asks(a access) (answer, string) {
	// Without rules nothing is asked: ALLOW nothing, DENY nothing.
	best, at := no, ""
	for i := range p.rules {
		r := &p.rules[i]
		answer := p.asksRule(r, a)
		if answer == yes {
			return yes, r.at
		}
		if answer == unknown {
			best, at = unknown, r.at
		}
	}
	return best, at
}

func (p *authorizationPolicy) asksRule(r *policyRule, a access) answer {
	// On a connection that is not read as HTTP what asks for HTTP cannot be: a rule that allows is left out, one that denies
	// loses that part and denies more (checkError in pilot/pkg/security/authz/model/model.go).
	drop := func(isHTTP bool) (skip, never bool) {
		if !isHTTP || a.http {
			return false, false
		}
		return p.action != "ALLOW", p.action == "ALLOW"
	}
	result := yes
	for _, c := range r.when {
		skip, never := drop(strings.HasPrefix(c.key, "request."))
		if never {
			return no
		}
		if skip {
			continue
		}
		result = and(result, p.asksWhen(c, a))
	}
	if len(r.from) > 0 {
		found := no
		for _, from := range r.from {
			one := yes
			for _, name := range sourceFields {
				texts := from[name]
				if texts == nil {
					continue
				}
				negated := strings.HasPrefix(name, "not")
				field := name
				if negated {
					field = strings.ToLower(name[3:4]) + name[4:]
				}
				skip, never := drop(field == "requestPrincipals")
				if never {
					return no
				}
				if skip {
					continue
				}
				holds := p.asksSource(field, texts, a)
				if negated {
					holds = not(holds)
				}
				one = and(one, holds)
			}
			found = or(found, one)
		}
		result = and(result, found)
	}
	if len(r.to) > 0 {
		found := no
		for _, to := range r.to {
			one := yes
			for _, name := range operationFields {
				texts := to[name]
				if texts == nil {
					continue
				}
				negated := strings.HasPrefix(name, "not")
				field := name
				if negated {
					field = strings.ToLower(name[3:4]) + name[4:]
				}
				skip, never := drop(field != "ports")
				if never {
					return no
				}
				if skip {
					continue
				}
				holds := is(slices.ContainsFunc(texts, func(text string) bool { return operationMatches(field, text, a) }))
				if negated {
					holds = not(holds)
				}
				one = and(one, holds)
			}
			found = or(found, one)
		}
		result = and(result, found)
	}
	return result
}

func operationMatches(field, text string, a access) bool {
	switch field {
	case "hosts":
		// Hosts are compared without regard to case, and with their ports.
		return starMatches(strings.ToLower(text), strings.ToLower(a.msg.authority))
	case "ports":
		// The port is the one on which the pod listens, not that of the Service: it is the proxy of the pod that looks.
		number, err := strconv.Atoi(text)
		return err == nil && number == a.port
	case "methods":
		return starMatches(text, a.msg.method)
	}
	if strings.Contains(text, "{*}") || strings.Contains(text, "{**}") {
		return templateMatches(text, a.msg.path)
	}
	return starMatches(text, a.msg.path)
}

// starMatches compares with a text that may have "*" at one of its ends. Alone it takes what is not empty
// (StringMatcherWithPrefix in pilot/pkg/security/authz/matcher/string.go).
func starMatches(wanted, text string) bool {
	switch {
	case wanted == "*":
		return text != ""
	case strings.HasPrefix(wanted, "*"):
		return strings.HasSuffix(text, wanted[1:])
	case strings.HasSuffix(wanted, "*"):
		return strings.HasPrefix(text, wanted[:len(wanted)-1])
	}
	return text == wanted
}

// templateMatches compares with a template in which {*} is one element of the path, and {**} any number.
func templateMatches(template, path string) bool {
	text := regexp.QuoteMeta(template)
	text = strings.ReplaceAll(text, regexp.QuoteMeta("{**}"), ".*")
	text = strings.ReplaceAll(text, regexp.QuoteMeta("{*}"), "[^/]+")
	pattern, err := regexp.Compile("^(?:" + text + ")$")
	return err == nil && pattern.MatchString(path)
}

func (p *authorizationPolicy) asksWhen(c policyCondition, a access) answer {
	one := func(texts []string) answer {
		switch c.key {
		case "source.namespace":
			return p.asksSource("namespaces", texts, a)
		case "source.principal":
			return p.asksSource("principals", texts, a)
		case "source.serviceAccount":
			return p.asksSource("serviceAccounts", texts, a)
		case "source.trustDomain":
			return p.asksSource("trustDomains", texts, a)
		case "destination.port":
			return is(slices.ContainsFunc(texts, func(text string) bool { return operationMatches("ports", text, a) }))
		}
		if name, ok := strings.CutPrefix(c.key, "request.headers["); ok {
			text, there := a.msg.header(strings.TrimSuffix(name, "]"))
			return is(there && slices.ContainsFunc(texts, func(wanted string) bool { return wanted == "*" || starMatches(wanted, text) }))
		}
		return unknown
	}
	result := yes
	if len(c.values) > 0 {
		result = and(result, one(c.values))
	}
	if len(c.notValues) > 0 {
		result = and(result, not(one(c.notValues)))
	}
	return result
}

func (p *authorizationPolicy) asksSource(field string, texts []string, a access) answer {
	switch field {
	case "requestPrincipals", "ipBlocks", "remoteIpBlocks":
		return unknown
	}
	// Who has not shown a certificate is nobody: no text is matched by it.
	if !a.mutual {
		return no
	}
	if a.from.namespaceUnknown && field != "trustDomains" {
		if slices.Contains(texts, "*") {
			return yes
		}
		return unknown
	}
	principal := "cluster.local/ns/" + a.from.namespace + "/sa/" + a.from.account
	result := no
	for _, text := range texts {
		found := no
		switch field {
		case "namespaces":
			found = is(globMatches(text, a.from.namespace))
		case "trustDomains":
			found = is(starMatches(text, "cluster.local"))
		case "principals":
			switch {
			case text == "*":
				found = yes
			case a.from.account != "":
				found = is(starMatches(text, principal))
			case strings.Contains(text, "/ns/") && !strings.HasPrefix(text, "*") && !strings.Contains(text, "/ns/"+a.from.namespace+"/"):
				found = no
			default:
				found = unknown
			}
		case "serviceAccounts":
			namespace, account, ok := strings.Cut(text, "/")
			if !ok {
				namespace, account = p.Namespace, text
			}
			switch {
			case namespace != a.from.namespace:
			case a.from.account == "":
				found = unknown
			default:
				found = is(account == a.from.account)
			}
		}
		result = or(result, found)
	}
	return result
}

// globMatches compares with a text that may have "*" anywhere.
func globMatches(wanted, text string) bool {
	parts := strings.Split(wanted, "*")
	if len(parts) == 1 {
		return wanted == text
	}
	rest, ok := strings.CutPrefix(text, parts[0])
	if !ok {
		return false
	}
	for _, part := range parts[1 : len(parts)-1] {
		at := strings.Index(rest, part)
		if at < 0 {
			return false
		}
		rest = rest[at+len(part):]
	}
	return strings.HasSuffix(rest, parts[len(parts)-1])
}
