package infra

import (
	"fmt"
	"maps"
	"regexp"
	"strings"

	networking "istio.io/api/networking/v1alpha3"
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

// Prefix matches texts that begin with value, letter by letter: /a matches /ab too.
func Prefix(value string) StringMatch { return StringMatch{matchPrefix, value} }

// Regex matches texts that the RE2 expression matches as a whole (https://github.com/google/re2/wiki/Syntax).
func Regex(expression string) StringMatch { return StringMatch{matchRegex, expression} }

// Present matches a header, or a parameter of the query, that is there, whatever its value.
func Present() StringMatch { return StringMatch{matchPresent, ""} }

func (m StringMatch) isZero() bool { return m == StringMatch{} }

func (m StringMatch) validate(p *problems, field string, presentAllowed bool) {
	switch m.kind {
	case "":
		p.missing(field, "make the condition with Exact, Prefix or Regex")
	case matchPresent:
		if !presentAllowed {
			p.add(field, "Present()", "is for headers and parameters of the query alone; use Exact, Prefix or Regex")
		}
	case matchRegex:
		if _, err := regexp.Compile(m.value); err != nil || m.value == "" {
			p.add(field, m.value, "is not an RE2 expression; see https://github.com/google/re2/wiki/Syntax")
		}
	default:
		if m.value == "" {
			p.add(field, m.value, "matches nothing or everything; give a text, or leave the condition out")
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

// covers tells whether m matches every text that other matches. Where that is hard to know, it says no.
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

// Match is a set of conditions on a request, all of which must hold.
type Match struct {
	// Headers are conditions on headers, or gRPC metadata, by lower-case name.
	Headers map[string]StringMatch
	// WithoutHeaders are conditions on headers that must not hold. For gRPC clients that are their own proxy use Present:
	// they take a header that is not there for one that matches nothing.
	WithoutHeaders map[string]StringMatch
	// URI is a condition on the path; for gRPC it is /package.Service/Method.
	URI StringMatch
	// IgnoreURICase compares URI, if Exact or Prefix, without regard to case. Defaults to false.
	IgnoreURICase bool
	// Method is a condition on the HTTP method.
	Method StringMatch
	// Authority is a condition on the host that the client asks for.
	Authority StringMatch
	// Scheme is a condition on the scheme, http or https.
	Scheme StringMatch
	// QueryParams are conditions on parameters of the query.
	QueryParams map[string]StringMatch
	// SourceLabels are labels that the calling pod must have; for calls inside the mesh alone.
	SourceLabels map[string]string
	// Port is the port of the Service that is called. Defaults to any.
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

func (m Match) validate(p *problems, field string) {
	for _, c := range m.single() {
		if !c.match.isZero() {
			c.match.validate(p, field+"."+c.field, false)
		}
	}
	if uri := m.URI; (uri.kind == matchExact || uri.kind == matchPrefix) && uri.value != "" && !strings.HasPrefix(uri.value, "/") {
		p.add(field+".URI", uri.value, "does not begin with '/'; a path does")
	}
	validateHeaderMatches(p, field+".Headers", m.Headers)
	validateHeaderMatches(p, field+".WithoutHeaders", m.WithoutHeaders)
	for _, name := range sortedKeys(m.QueryParams) {
		m.QueryParams[name].validate(p, entry(field+".QueryParams", name), true)
	}
	p.labels(field+".SourceLabels", m.SourceLabels)
	if m.Port != 0 {
		p.port(field+".Port", m.Port)
	}
}

var headerName = regexp.MustCompile("^[a-z0-9!#$%&'*+.^_`|~-]+$")

const headerNameRule = "is not the name of a header; use lower-case letters, digits and '-'"

func validateHeaderMatches(p *problems, field string, headers map[string]StringMatch) {
	for _, name := range sortedKeys(headers) {
		if !headerName.MatchString(name) {
			p.add(field, name, headerNameRule)
		}
		headers[name].validate(p, entry(field, name), true)
	}
}

func (m Match) render() *networking.HTTPMatchRequest {
	return &networking.HTTPMatchRequest{
		Uri:            m.URI.render(),
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

// covers tells whether every request that other matches is matched by m too. Where that is hard to know, it says no.
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
		return !theirs.isZero() && theirs.kind != matchRegex && mine.covers(theirs)
	}
	return !theirs.isZero() && !other.IgnoreURICase && mine.covers(theirs)
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
func (m StringMatch) String() string { return fmt.Sprintf("%s(%q)", m.kind, m.value) }
