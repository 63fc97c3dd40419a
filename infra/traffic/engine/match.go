package engine

import (
	"regexp"
	"strconv"
	"strings"
)

// stringMatch is one of Istio's StringMatch, or what others are turned into.
type stringMatch struct {
	kind matchKind
	text string
	// pattern is that of a regex. Nil where it is no regular expression.
	pattern *regexp.Regexp
}

type matchKind int

const (
	// present is what Istio makes of an empty StringMatch, and of the regex "*"
	// (canBeConvertedToPresentMatch in pilot/pkg/networking/core/route/route.go).
	present matchKind = iota
	exact
	prefix
	// pathPrefix ends where an element of a path ends.
	pathPrefix
	regex
)

func readStringMatch(v value) *stringMatch {
	if !v.has() {
		return nil
	}
	return newStringMatch(v)
}

// newStringMatch reads a match of which it is known that it stands there, empty or not.
func newStringMatch(v value) *stringMatch {
	switch {
	case v.get("exact").has():
		return &stringMatch{kind: exact, text: v.get("exact").text()}
	case v.get("prefix").has():
		return &stringMatch{kind: prefix, text: v.get("prefix").text()}
	case v.get("regex").has():
		return regexMatch(v.get("regex").text())
	}
	return &stringMatch{}
}

func regexMatch(text string) *stringMatch {
	if text == "*" {
		return &stringMatch{}
	}
	// Envoy asks RE2 for a match of the whole text.
	pattern, _ := regexp.Compile(`^(?:` + text + `)$`)
	return &stringMatch{kind: regex, text: text, pattern: pattern}
}

func (m *stringMatch) matches(text string) bool {
	switch m.kind {
	case exact:
		return text == m.text
	case prefix:
		return strings.HasPrefix(text, m.text)
	case pathPrefix:
		return hasPathPrefix(text, m.text)
	case regex:
		return m.pattern != nil && m.pattern.MatchString(text)
	}
	return true
}

// hasPathPrefix compares whole elements: /a is a prefix of /a and /a/b, not of /ab.
func hasPathPrefix(path, prefix string) bool {
	prefix = strings.TrimSuffix(prefix, "/")
	rest, ok := strings.CutPrefix(path, prefix)
	return ok && (rest == "" || rest[0] == '/')
}

// String writes what is asked for, to follow "is not" or "is".
func (m *stringMatch) String() string {
	switch m.kind {
	case exact:
		return quote(m.text)
	case prefix:
		return "prefix " + quote(m.text)
	case pathPrefix:
		return "path prefix " + quote(m.text)
	case regex:
		return "regex " + quote(m.text)
	}
	return "present"
}

func quote(text string) string { return strconv.Quote(text) }

// namedMatch is a match of a header or a parameter.
type namedMatch struct {
	name  string
	match *stringMatch
}

// match is an HTTPMatchRequest.
type match struct {
	name                           string
	uri, scheme, method, authority *stringMatch
	headers, withoutHeaders, query []namedMatch
	port                           int
	sourceLabels                   map[string]string
	sourceNamespace                string
	gateways                       []string
	ignoreCase                     bool
}

// all are what an HTTPMatchRequest asks of a request.
type condition struct {
	what string
	// holds reports whether it is so, and what is there.
	holds bool
	found string
	// unknown says that manifests cannot tell.
	unknown bool
}

// isCatchAll reports whether Istio takes a match for one of everything: nothing after it is looked at, and at a gateway it
// stands behind all others (IsCatchAllRoute in route.go).
func (m *match) isCatchAll() bool {
	if m == nil {
		return true
	}
	if len(m.headers)+len(m.withoutHeaders)+len(m.query) > 0 || m.method != nil || m.authority != nil || m.scheme != nil {
		return false
	}
	if m.uri == nil {
		return true
	}
	switch m.uri.kind {
	case prefix, pathPrefix:
		return m.uri.text == "/"
	case regex:
		return m.uri.text == ".*"
	case present:
		// A uri without a way to match leaves Istio's prefix "/".
		return true
	}
	return false
}

const claims = "@request.auth.claims"

// conditions says of each that a match asks for whether the request has it.
func (m *match) conditions(r *message) []condition {
	if m == nil {
		return nil
	}
	var all []condition
	add := func(what string, match *stringMatch, found string) {
		all = append(all, condition{what: what + " " + must(match), holds: match.matches(found), found: quote(found)})
	}
	if m.uri != nil {
		path, uri := r.path, m.uri
		// Only for exact and prefix: a regular expression says itself what it ignores.
		if m.ignoreCase && uri.kind != regex {
			path, uri = strings.ToLower(path), &stringMatch{kind: uri.kind, text: strings.ToLower(uri.text)}
		}
		all = append(all, condition{what: "path " + must(m.uri), holds: uri.matches(path), found: quote(r.path)})
	}
	for _, header := range m.headers {
		if strings.HasPrefix(header.name, claims) {
			all = append(all, condition{what: "claim " + header.name + " " + must(header.match), found: "a token that manifests do not have", unknown: true})
			continue
		}
		text, there := r.header(header.name)
		found := "missing"
		if there {
			found = quote(text)
		}
		all = append(all, condition{what: "header " + header.name + " " + must(header.match),
			holds: there && header.match.matches(text), found: found})
	}
	for _, header := range m.withoutHeaders {
		if strings.HasPrefix(header.name, claims) {
			all = append(all, condition{what: "claim " + header.name + " must not be " + header.match.String(), found: "a token that manifests do not have", unknown: true})
			continue
		}
		text, there := r.header(header.name)
		found := "missing"
		if there {
			found = quote(text)
		}
		c := condition{what: "header " + header.name + " must not be " + header.match.String(), found: found}
		if header.match.kind == present {
			c.holds = !there
		} else {
			// A header that is missing is taken for an empty one: TreatMissingHeaderAsEmpty in route.go. So a regex that the
			// empty text matches, such as ".*", is never without.
			c.holds = !header.match.matches(text)
		}
		all = append(all, c)
	}
	for _, parameter := range m.query {
		text, there := r.parameter(parameter.name)
		found := "missing"
		if there {
			found = quote(text)
		}
		all = append(all, condition{what: "query parameter " + parameter.name + " " + must(parameter.match),
			holds: there && parameter.match.matches(text), found: found})
	}
	if m.method != nil {
		add("method", m.method, r.method)
	}
	if m.authority != nil {
		add("authority", m.authority, r.authority)
	}
	if m.scheme != nil {
		add("scheme", m.scheme, r.scheme)
	}
	return all
}

func must(m *stringMatch) string {
	switch m.kind {
	case exact:
		return "must be " + quote(m.text)
	case present:
		return "must be there"
	case regex:
		if m.pattern == nil {
			return "must match " + quote(m.text) + ", which is no regular expression,"
		}
		return "must match regex " + quote(m.text)
	case pathPrefix:
		return "must be " + quote(m.text) + " or below it"
	}
	return "must begin with " + quote(m.text)
}
