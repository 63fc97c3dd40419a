package infra

import (
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/crossoverJie/k8s-combat/infra/internal/problem"
)

// The attributes of Istio by what their values are
// (https://istio.io/latest/docs/reference/config/security/conditions/).
const (
	attributeHeader         = "request.headers"
	attributeClaim          = "request.auth.claims"
	attributeFilter         = "experimental.envoy.filters."
	attributePort           = "destination.port"
	attributeRequest        = "request.auth.principal"
	attributePrincipal      = "source.principal"
	attributeNamespace      = "source.namespace"
	attributeServiceAccount = "source.serviceAccount"
	attributeTrustDomain    = "source.trustDomain"
)

var (
	addressAttributes = []string{"source.ip", "remote.ip", "destination.ip"}
	textAttributes    = []string{"request.auth.audiences", "request.auth.presenter", "connection.sni", attributeNamespace}
	// peerAttributes come from the caller's certificate.
	peerAttributes = []string{attributePrincipal, attributeNamespace, attributeServiceAccount, attributeTrustDomain}
)

// inBrackets is the key of an entry of an attribute: [name], or for a claim within a claim [name][name].
var inBrackets = regexp.MustCompile(`^(?:\[[^\[\]]+\])+$`)

func (c Condition) validate(p *problem.List, field *problem.Path) {
	var check func(p *problem.List, field *problem.Path, value string)
	header, ofHeader := strings.CutPrefix(c.Key, attributeHeader)
	claim, ofClaim := strings.CutPrefix(c.Key, attributeClaim)
	_, ofLabel := strings.CutPrefix(c.Key, "destination.labels")
	const example = "use for example \"request.headers[version]\""
	switch at := field.Child("Key"); {
	case c.Key == "":
		p.Missing(at, "name an attribute, for example \"request.headers[version]\"")
	case ofHeader:
		name := strings.TrimSuffix(strings.TrimPrefix(header, "["), "]")
		if header != "["+name+"]" || !isToken(name) && pseudoHeaders[name] == "" {
			p.Add(at, c.Key, "does not name a header in brackets; "+example)
		}
	case ofClaim:
		if !inBrackets.MatchString(claim) {
			p.Add(at, c.Key, "does not name a claim in brackets; use for example \"request.auth.claims[iss]\"")
		}
	case strings.HasPrefix(c.Key, attributeFilter):
		if _, name, found := strings.Cut(c.Key, "["); !found || !strings.HasSuffix(name, "]") || len(name) < 2 {
			p.Add(at, c.Key, "does not name an entry in brackets; use for example \"experimental.envoy.filters.NAME[key]\"")
		}
	case slices.Contains(addressAttributes, c.Key):
		check = validateAddress
	case c.Key == attributePort:
		check = validatePortText
	case c.Key == attributePrincipal:
		check = validatePrincipal
	case c.Key == attributeRequest:
		check = validateRequestPrincipal
	case c.Key == attributeServiceAccount:
		check = validateServiceAccount
	case c.Key == attributeTrustDomain:
		check = validateTrustDomain
	case slices.Contains(textAttributes, c.Key):
	case c.Key == "destination.namespace" || ofLabel:
		p.Add(at, c.Key, "is what the policy is for already; use the Namespace of the chart, or Workload")
	default:
		p.Add(at, c.Key, "is no attribute of Istio; "+example)
	}
	if len(c.Values)+len(c.NotValues) == 0 {
		p.Missing(field.Child("Values"), "give at least one of Values and NotValues")
	}
	for _, values := range []namedValues{{"Values", c.Values}, {"NotValues", c.NotValues}} {
		const most = 16
		if c.Key == attributeServiceAccount && len(values.values) > most {
			p.Add(field.Child(values.field), len(values.values), "are more service accounts than the 16 that Istio takes; spread them over several rules")
		}
		for i, value := range values.values {
			switch at := field.Child(values.field).Index(i); {
			case value == "":
				p.Missing(at, "give a text")
			case check != nil:
				check(p, at, value)
			}
		}
	}
}

// address checks an address or a network.
func validateAddress(p *problem.List, field *problem.Path, value string) {
	_, network := netip.ParsePrefix(value)
	if _, address := netip.ParseAddr(value); network != nil && address != nil {
		p.Add(field, value, "is not an address or network; use for example \"10.0.0.0/8\"")
	}
}

func validatePortText(p *problem.List, field *problem.Path, value string) {
	if port, err := strconv.ParseUint(value, 10, 16); err != nil || port == 0 {
		p.Add(field, value, "is not a port; use 1 to 65535")
	}
}

// wildcard tells whether Istio takes each '*' of a text for any text, and records if not: it does at one end.
func validateWildcard(p *problem.List, field *problem.Path, value string) bool {
	if value == "*" || !strings.Contains(strings.TrimPrefix(value, "*"), "*") || !strings.Contains(strings.TrimSuffix(value, "*"), "*") {
		return true
	}
	p.Add(field, value, "has a '*' where Istio takes it for itself; it may stand at the beginning or at the end, or alone")
	return false
}

// pattern checks a text that may have a '*' at one end.
func validatePattern(p *problem.List, field *problem.Path, value string) {
	validateWildcard(p, field, value)
}

// principal checks an identity in the mesh: TRUST_DOMAIN/ns/NAMESPACE/sa/ACCOUNT, or another path.
func validatePrincipal(p *problem.List, field *problem.Path, value string) {
	const example = "use for example \"cluster.local/ns/shop/sa/web\""
	switch {
	case !validateWildcard(p, field, value):
	case strings.HasPrefix(value, "spiffe://"):
		p.Add(field, value, "has the scheme, which Istio puts before it once more; leave out \"spiffe://\"")
	case !strings.Contains(value, "*") && strings.Index(value, "/") < 1:
		p.Add(field, value, "has no trust domain and no path, so nobody has it; "+example)
	}
}

// requestPrincipal checks an identity from a token, ISSUER/SUBJECT.
func validateRequestPrincipal(p *problem.List, field *problem.Path, value string) {
	if validateWildcard(p, field, value) && !strings.Contains(value, "*") && !strings.Contains(value, "/") {
		p.Add(field, value, "has no subject, so no token has it; use for example \""+value+"/*\"")
	}
}

// serviceAccount checks ACCOUNT or NAMESPACE/ACCOUNT.
func validateServiceAccount(p *problem.List, field *problem.Path, value string) {
	const longest = 320
	namespace, account, qualified := strings.Cut(value, "/")
	if strings.Contains(value, "*") || qualified && (namespace == "" || account == "" || strings.Contains(account, "/")) || len(value) > longest {
		p.Add(field, value, "is not a service account; use its name, or NAMESPACE/NAME")
	}
}

func validateTrustDomain(p *problem.List, field *problem.Path, value string) {
	if validateWildcard(p, field, value) && strings.Contains(value, "/") {
		p.Add(field, value, "is not a trust domain; use for example \"cluster.local\"")
	}
}

// accessMethod checks a method of which '*' may be a part.
func validateAccessMethod(p *problem.List, field *problem.Path, value string) {
	if validateWildcard(p, field, value) && !strings.Contains(value, "*") {
		validateMethod(p, field, value)
	}
}

// The parts of a template of paths
// (https://istio.io/latest/docs/reference/config/security/authorization-policy/#Operation).
const (
	oneSegment  = "{*}"
	anySegments = "{**}"
)

var pathLiteral = regexp.MustCompile("^[a-zA-Z0-9-._~%!$&'()+,;:@=]+$")

// accessPath checks a path, which may be a template or have a '*' at one end.
func validateAccessPath(p *problem.List, field *problem.Path, value string) {
	if strings.ContainsAny(value, "{}") {
		if !isPathTemplate(value) {
			p.Add(field, value, "is not a template that Istio takes; use {*} for one segment and {**}, the last of both, for any number, each between slashes")
		}
		return
	}
	switch {
	case !validateWildcard(p, field, value):
	case !strings.HasPrefix(value, "/") && !strings.HasPrefix(value, "*"):
		p.Add(field, value, "does not begin with '/'; a path does")
	case strings.ContainsAny(value, "?#"):
		p.Add(field, value, "has a query or fragment, which is no part of the path; leave it out")
	}
}

func isPathTemplate(path string) bool {
	segments := strings.Split(strings.Trim(path, "/"), "/")
	last := slices.Index(segments, anySegments)
	for i, segment := range segments {
		operator := segment == oneSegment || segment == anySegments
		if operator && last >= 0 && i > last || !operator && !pathLiteral.MatchString(segment) {
			return false
		}
	}
	return strings.HasPrefix(path, "/")
}

// validatePeers finds conditions on the caller's certificate where callers show none.
func (props MeshSecurityProps) validatePeers(p *problem.List) {
	for _, mode := range props.PortMutualTLS {
		if mode != DisabledMTLS {
			return
		}
	}
	if props.MutualTLS != DisabledMTLS {
		return
	}
	const rule = "can be known by mutual TLS alone, which MutualTLS turns off; use " + string(StrictMTLS) + ", or leave it out"
	for i, access := range props.Access.Rules {
		at := problem.At("Access", "Rules").Index(i)
		for j, caller := range access.From {
			from := at.Child("From").Index(j)
			for _, values := range []namedValues{{"Principals", caller.Principals}, {"Namespaces", caller.Namespaces}} {
				if len(values.values) > 0 {
					p.Add(from.Child(values.field), values.values[0], rule)
				}
			}
		}
		for j, condition := range access.When {
			if slices.Contains(peerAttributes, condition.Key) && len(condition.Values) > 0 {
				p.Add(at.Child("When").Index(j).Child("Key"), condition.Key, rule)
			}
		}
	}
}

// isWebAddress tells whether the text is a URL of HTTP.
func isWebAddress(text string) bool {
	address, err := url.Parse(text)
	return err == nil && address.Host != "" && (address.Scheme == "http" || address.Scheme == "https")
}
