package mesh

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"

	networking "istio.io/api/networking/v1alpha3"
	"k8s.io/apimachinery/pkg/labels"

	"github.com/crossoverJie/k8s-combat/infra/internal/problem"
)

// StringMatch is a condition on a text of a request. Make one with Exact, Prefix, Regex or Present.
type StringMatch struct {
	kind  matchKind
	value string
}

type matchKind string

const (
	matchExact   matchKind = "Exact"
	matchPrefix  matchKind = "Prefix"
	matchRegex   matchKind = "Regex"
	matchPresent matchKind = "Present"
)

// Exact matches the very text.
func Exact(value string) StringMatch { return StringMatch{matchExact, value} }

// Prefix matches texts that begin with value, letter by letter. As a Match.URI it stands for whole
// elements of the path, as in an Ingress: /a matches /a, /a/ and /a/b, but not /ab.
func Prefix(value string) StringMatch { return StringMatch{matchPrefix, value} }

// Regex matches texts that the RE2 expression matches as a whole
// (https://github.com/google/re2/wiki/Syntax).
func Regex(expression string) StringMatch { return StringMatch{matchRegex, expression} }

// Present matches a header, or a parameter of the query, that is there, whatever its value.
func Present() StringMatch { return StringMatch{matchPresent, ""} }

func (m StringMatch) isZero() bool { return m == StringMatch{} }

func (m StringMatch) validate(p *problem.List, field *problem.Path, presentAllowed bool) {
	switch m.kind {
	case "":
		p.Missing(field, "make the condition with Exact, Prefix or Regex")
	case matchPresent:
		if !presentAllowed {
			p.Add(field, "Present()",
				"is for headers and parameters of the query alone; use Exact, Prefix or Regex")
		}
	case matchRegex:
		const longest = 1024
		if _, err := regexp.Compile(m.value); err != nil || m.value == "" {
			p.Add(field, m.value, "is not an RE2 expression; see https://github.com/google/re2/wiki/Syntax")
		} else if len(m.value) > longest {
			p.Add(field, m.value,
				fmt.Sprintf("is longer than the %d bytes that Istio takes; shorten it", longest))
		}
	default:
		// A header or parameter may be there without a value.
		if m.value == "" && (!presentAllowed || m.kind != matchExact) {
			p.Add(field, m.value, "matches nothing or everything; give a text, or leave the condition out")
		}
	}
}

func (m StringMatch) render() *networking.StringMatch {
	switch m.kind {
	case matchExact:
		return &networking.StringMatch{MatchType: &networking.StringMatch_Exact{Exact: m.value}}
	case matchPrefix:
		return &networking.StringMatch{MatchType: &networking.StringMatch_Prefix{Prefix: m.value}}
	case matchRegex:
		return &networking.StringMatch{MatchType: &networking.StringMatch_Regex{Regex: m.value}}
	case matchPresent:
		return &networking.StringMatch{}
	}
	return nil
}

// covers reports whether m matches every text that other matches. Where that is hard to know, it
// says no.
func (m StringMatch) covers(other StringMatch) bool {
	switch {
	case m == other, m.kind == matchPresent, m == anyText:
		return true
	case m.kind == matchPrefix && (other.kind == matchExact || other.kind == matchPrefix):
		return strings.HasPrefix(other.value, m.value)
	case m.kind == matchRegex && other.kind == matchExact:
		expression, err := regexp.Compile("^(?:" + m.value + ")$")
		return err == nil && expression.MatchString(other.value)
	}
	return false
}

// excludes reports whether no text is matched by both. Where that is hard to know, it says no.
func (m StringMatch) excludes(other StringMatch) bool {
	switch {
	case m.kind == matchExact:
		return !other.covers(m)
	case other.kind == matchExact:
		return !m.covers(other)
	case m.kind == matchPrefix && other.kind == matchPrefix:
		return !m.covers(other) && !other.covers(m)
	}
	return false
}

// Match is a set of conditions on a request, all of which must hold.
type Match struct {
	// Headers are conditions on headers, or gRPC metadata, by lower-case name. For requests through
	// gateways alone, "@request.auth.claims.NAME", or "@request.auth.claims[NAME]", is a claim of
	// the request's token, which a MeshSecurity with Tokens checks.
	Headers map[string]StringMatch
	// WithoutHeaders are conditions on headers that must not hold. For gRPC clients that are their
	// own proxy use Present: they take a header that is not there for one that matches nothing.
	WithoutHeaders map[string]StringMatch
	// URI is a condition on the path; for gRPC it is /package.Service/Method. A Prefix stands for
	// whole elements of it.
	URI StringMatch
	// IgnoreURICase compares URI, which must be Exact or Prefix, without regard to case. Defaults
	// to false.
	IgnoreURICase bool
	// Method is a condition on the HTTP method.
	Method StringMatch
	// Authority is a condition on the host that the client asks for.
	Authority StringMatch
	// Scheme is a condition on the scheme, http or https.
	Scheme StringMatch
	// QueryParams are conditions on parameters of the query.
	QueryParams map[string]StringMatch
	// SourceLabels are labels that the calling pod must have. A match with them is for calls inside
	// the mesh alone, so it is an error where the rules are for Gateways alone.
	SourceLabels map[string]string
	// Port is the port that is called: of the Service, or from outside the mesh of a server of the
	// Gateways. Defaults to any.
	Port int32
}

// namedMatch is a condition and where it stands.
type namedMatch struct {
	field string
	match StringMatch
}

func (m Match) single() []namedMatch {
	return []namedMatch{{"URI", m.URI}, {"Method", m.Method}, {"Authority", m.Authority}, {"Scheme", m.Scheme}}
}

func (m Match) validate(p *problem.List, field *problem.Path, canary IstioCanaryProps) {
	for _, c := range m.single() {
		if !c.match.isZero() {
			c.match.validate(p, field.Child(c.field), false)
		}
	}
	m.validateURI(p, field)
	if m.Method.kind == matchExact && m.Method.value != "" {
		validateMethod(p, field.Child("Method"), m.Method.value)
	}
	if m.Scheme.kind == matchExact && m.Scheme.value != "" && m.Scheme.value != "http" &&
		m.Scheme.value != "https" {
		p.Add(field.Child("Scheme"), m.Scheme.value, "is not a scheme; use http or https")
	}
	canary.validateHeaderMatches(p, field.Child("Headers"), m.Headers)
	canary.validateHeaderMatches(p, field.Child("WithoutHeaders"), m.WithoutHeaders)
	for _, name := range slices.Sorted(maps.Keys(m.QueryParams)) {
		if name == "" {
			p.Missing(problem.Key(field.Child("QueryParams"), name), "name the parameter")
		}
		m.QueryParams[name].validate(p, problem.Key(field.Child("QueryParams"), name), true)
	}
	p.Labels(field.Child("SourceLabels"), m.SourceLabels)
	m.validateContradictions(p, field)
	canary.validateReach(p, field, m)
}

func (m Match) validateURI(p *problem.List, field *problem.Path) {
	at := field.Child("URI")
	switch uri := m.URI; uri.kind {
	case matchExact, matchPrefix:
		if uri.value != "" && !strings.HasPrefix(uri.value, "/") {
			p.Add(at, uri.value, "does not begin with '/'; a path does")
		}
		if strings.ContainsAny(uri.value, "?#") {
			p.Add(at, uri.value,
				"has a query or fragment, which is no part of the path, so the match can never apply; use QueryParams")
		}
	case matchRegex:
		if expression, err := regexp.Compile(uri.value); err == nil {
			if prefix, _ := expression.LiteralPrefix(); prefix != "" && !strings.HasPrefix(prefix, "/") {
				p.Add(at, uri.value,
					"begins with "+problem.Show(prefix)+" and a path with '/', so the match can never apply; begin it with '/'")
			}
		}
		if m.IgnoreURICase {
			p.Add(field.Child("IgnoreURICase"), true,
				"is ignored by Istio where URI is a Regex; begin that with (?i) instead")
		}
	case "":
		if m.IgnoreURICase {
			p.Missing(at, "give the path that is compared, or leave out IgnoreURICase")
		}
	}
}

// validateMethod checks a method of HTTP, which is a token in which case matters.
func validateMethod(p *problem.List, field *problem.Path, method string) {
	if upper := strings.ToUpper(method); method != upper && slices.Contains(httpMethods, upper) {
		p.Add(field, method, "is not an HTTP method, which is written in upper case; use "+problem.Show(upper))
	} else if !isToken(method) {
		p.Add(field, method, "is not an HTTP method; use for example \"GET\"")
	}
}

var headerName = regexp.MustCompile("^[a-z0-9!#$%&'*+.^_`|~-]+$")

const headerNameRule = "is not the name of a header; use lower-case letters, digits and '-'"

// pseudoHeaders are the headers that a request has always, and the fields of a Match that are about
// them.
var pseudoHeaders = map[string]string{":method": "Method", ":authority": "Authority", ":scheme": "Scheme", ":path": "URI"}

// claimHeader begins the key of a condition on a claim of a token; the rest says which.
const claimHeader = "@request.auth.claims"

var claimPath = regexp.MustCompile(`^(\.[^.]+)+$|^(\[[^\[\]]+\])+$`)

func (props IstioCanaryProps) validateHeaderMatches(p *problem.List, field *problem.Path, headers map[string]StringMatch) {
	for _, name := range slices.Sorted(maps.Keys(headers)) {
		claim, ofToken := strings.CutPrefix(name, claimHeader)
		switch {
		case ofToken && !claimPath.MatchString(claim):
			p.Add(field, name, "is not a claim of a token; use for example \"@request.auth.claims.sub\" or \"@request.auth.claims[group][id]\"")
		case ofToken && props.Mesh:
			p.Add(field, name, "is a claim of a token, which Istio looks for in requests through gateways alone; leave it out, or give Gateways and leave out Mesh")
		case ofToken || pseudoHeaders[name] != "":
		case name == ":status":
			p.Add(field, name, "is in responses alone; leave it out")
		case slices.Contains([]string{"uri", "scheme", "method", "authority"}, name):
			p.Add(field, name, "is ignored by Istio among headers; use the field of this name")
		case !headerName.MatchString(name):
			p.Add(field, name, headerNameRule)
		}
		headers[name].validate(p, problem.Key(field, name), !ofToken)
	}
}

// validateContradictions finds conditions that no request fulfils.
func (m Match) validateContradictions(p *problem.List, field *problem.Path) {
	const never = ", so the match can never apply; leave out one of them"
	required := map[string]namedMatch{}
	for _, name := range slices.Sorted(maps.Keys(m.Headers)) {
		required[name] = namedMatch{problem.Key(field.Child("Headers"), name).String(), m.Headers[name]}
	}
	for _, c := range m.single()[1:] {
		name := ":" + strings.ToLower(c.field)
		other, twice := required[name]
		switch {
		case c.match.isZero():
		case !twice:
			required[name] = namedMatch{field.Child(c.field).String(), c.match}
		case c.match.excludes(other.match):
			p.Add(field.Child(c.field), c.match, "cannot hold together with "+other.field+", "+other.match.String()+never)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(m.WithoutHeaders)) {
		without, at := m.WithoutHeaders[name], problem.Key(field.Child("WithoutHeaders"), name)
		with, both := required[name]
		switch {
		case without.isZero():
		case without == anyText && !strings.HasPrefix(name, claimHeader):
			p.Add(at, without, "holds for a header that is not there too, which Istio takes for an empty one, so the match can never apply; use Present()")
		case without.kind == matchPresent && pseudoHeaders[name] != "":
			p.Add(at, without, "holds for every request, so the match can never apply; leave it out")
		case both && without.covers(with.match):
			p.Add(at, without, "excludes what "+with.field+", "+with.match.String()+", asks for"+never)
		}
	}
}

// validateReach finds a match that no request through the mesh and the gateways of the IstioCanary
// can fulfil.
func (props IstioCanaryProps) validateReach(p *problem.List, field *problem.Path, m Match) {
	if m.Port != 0 {
		p.Port(field.Child("Port"), m.Port)
		ports := props.routedPorts()
		if m.Port > 0 && m.Port <= 65535 && len(ports) > 0 && !slices.Contains(ports, m.Port) {
			texts := make([]string, len(ports))
			for i, port := range ports {
				texts[i] = strconv.Itoa(int(port))
			}
			p.Add(field.Child("Port"), m.Port, "is a port of neither Service nor Gateways that rules are for, so the match can never apply; use "+problem.Or(texts))
		}
	}
	if host, _, _ := strings.Cut(m.Authority.value, ":"); m.Authority.kind == matchExact && host != "" && !props.Mesh && len(props.Hosts) > 0 &&
		!slices.ContainsFunc(props.Hosts, func(served string) bool { return hostCovers(served, strings.ToLower(host)) }) {
		p.Add(field.Child("Authority"), m.Authority.value, "is none of Hosts, so the match can never apply; use one of them, or add it there")
	}
	if len(m.SourceLabels) == 0 {
		return
	}
	callers := labels.Set(m.SourceLabels).String()
	if !props.Mesh {
		p.Add(field.Child("SourceLabels"), callers, "are of pods that call inside the mesh, and the rules are for Gateways alone, so the match can never apply; leave them out, or set Mesh")
		return
	}
	for i, gateway := range props.Gateways {
		if gateway != nil && labels.SelectorFromSet(m.SourceLabels).Matches(labels.Set(gateway.made.Spec.Selector)) {
			p.Add(field.Child("SourceLabels"), callers, "are of the pods of "+problem.At("Gateways").Index(i).String()+" too, whose requests come from outside the mesh; use labels that callers inside it alone have")
		}
	}
}

// routedPorts are the ports at which the rules can apply, none where that cannot be told: other
// hosts of the mesh have ports of their own.
func (props IstioCanaryProps) routedPorts() []int32 {
	var ports []int32
	if props.Mesh {
		service := props.Service.Ref()
		if service == nil || len(props.Gateways) == 0 && len(props.Hosts) > 0 {
			return nil
		}
		for _, port := range service.Spec.Ports {
			if protocol := istioProtocol(port); protocol == "" || slices.Contains(istioHTTPProtocols, protocol) {
				ports = append(ports, port.Port)
			}
		}
	}
	for _, gateway := range props.Gateways {
		if gateway != nil {
			ports = append(ports, gateway.routedPorts(props.Hosts)...)
		}
	}
	slices.Sort(ports)
	return slices.Compact(ports)
}

// renderWith writes the match with that condition on the path.
func (m Match) renderWith(uri StringMatch) *networking.HTTPMatchRequest {
	return &networking.HTTPMatchRequest{
		Uri:            uri.render(),
		Scheme:         m.Scheme.render(),
		Method:         m.Method.render(),
		Authority:      m.Authority.render(),
		Headers:        renderMatches(m.Headers),
		WithoutHeaders: renderMatches(m.WithoutHeaders),
		QueryParams:    renderMatches(m.QueryParams),
		SourceLabels:   maps.Clone(m.SourceLabels),
		Port:           uint32(max(m.Port, 0)),
		IgnoreUriCase:  m.IgnoreURICase,
	}
}

func renderMatches(matches map[string]StringMatch) map[string]*networking.StringMatch {
	if len(matches) == 0 {
		return nil
	}
	result := make(map[string]*networking.StringMatch, len(matches))
	for name, match := range matches {
		result[name] = match.render()
	}
	return result
}

// anyText matches every text.
var anyText = Regex(".*")

// everyURI begins every path.
var everyURI = Prefix("/")

// covers reports whether every request that other matches is matched by m too. Where that is hard
// to know, it says no.
func (m Match) covers(other Match) bool {
	if !m.coversURI(other) {
		return false
	}
	for i, mine := range m.single()[1:] {
		theirs := other.single()[i+1].match
		if !mine.match.isZero() && (theirs.isZero() || !mine.match.covers(theirs)) {
			return false
		}
	}
	if !coverAll(m.Headers, other.Headers) || !coverAll(m.QueryParams, other.QueryParams) {
		return false
	}
	for name, match := range m.WithoutHeaders {
		// What an expression does with a header that is not there is more than can be told from here.
		if theirs, ok := other.WithoutHeaders[name]; !ok || theirs != match {
			return false
		}
	}
	for name, value := range m.SourceLabels {
		if theirs, ok := other.SourceLabels[name]; !ok || theirs != value {
			return false
		}
	}
	return m.Port == 0 || m.Port == other.Port
}

func (m Match) coversURI(other Match) bool {
	if m.URI.isZero() || m.URI == everyURI || m.URI == anyText || m.URI == Regex("/.*") {
		return true
	}
	mine, theirs := m.URI, other.URI
	if m.IgnoreURICase {
		if mine.kind == matchRegex {
			return mine == theirs
		}
		mine.value, theirs.value = strings.ToLower(mine.value), strings.ToLower(theirs.value)
		return !theirs.isZero() && theirs.kind != matchRegex && mine.coversPath(theirs)
	}
	return !theirs.isZero() && !other.IgnoreURICase && mine.coversPath(theirs)
}

func coverAll(mine, theirs map[string]StringMatch) bool {
	for name, match := range mine {
		if other, ok := theirs[name]; !ok || !match.covers(other) {
			return false
		}
	}
	return true
}

// String writes the condition as it is made.
func (m StringMatch) String() string {
	if m.kind == matchPresent {
		return "Present()"
	}
	return fmt.Sprintf("%s(%q)", m.kind, m.value)
}
