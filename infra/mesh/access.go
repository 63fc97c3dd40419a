package mesh

import (
	"net/netip"
	"regexp"
	"slices"
	"strconv"
	"strings"

	security "istio.io/api/security/v1beta1"

	"github.com/crossoverJie/k8s-combat/infra/internal/problem"
)

// AccessAction is what happens to the requests that an Access matches.
type AccessAction string

const (
	// Allow lets them pass, and refuses all others.
	Allow AccessAction = "ALLOW"
	// Deny refuses them.
	Deny AccessAction = "DENY"
	// Audit marks them for the audit log.
	Audit AccessAction = "AUDIT"
)

// Access says who may do what. Its zero value is no rule.
// See https://istio.io/latest/docs/reference/config/security/authorization-policy/.
type Access struct {
	// Action is what happens to the requests that a rule matches. Defaults to Allow.
	Action AccessAction
	// Rules match requests; one of them is enough. Required, unless Nobody is set; an error beside it.
	Rules []AccessRule
	// Nobody refuses every request; other policies may allow some. For Allow alone. Defaults to false.
	Nobody bool
}

// AccessRule matches requests from one of the callers, to one of the operations, under all the
// conditions. What is left out matches all; a rule without anything matches every request.
type AccessRule struct {
	// From are the callers. Defaults to every caller.
	From []Caller
	// To are the operations. Defaults to every operation.
	To []Operation
	// When are further conditions. Defaults to none.
	When []Condition
}

// Caller is where a request comes from. All fields that are set must match, at least one is set,
// and one value of a field is enough. Values but for IPBlocks may begin or end with '*'; in any
// other place it is an error.
// See https://istio.io/latest/docs/reference/config/security/authorization-policy/#Source.
type Caller struct {
	// Principals are identities in the mesh, as TRUST_DOMAIN/ns/NAMESPACE/sa/ACCOUNT, without
	// "spiffe://". They need mutual TLS. Default to any.
	Principals []string
	// Namespaces of the calling pods. They need mutual TLS. Default to any.
	Namespaces []string
	// RequestPrincipals are identities from tokens, as ISSUER/SUBJECT; "*" is any valid token.
	// Default to any, with a token or without.
	RequestPrincipals []string
	// IPBlocks are IP addresses, or networks in CIDR notation such as "10.0.0.0/8". Default to any.
	IPBlocks []string
}

// Operation is what a request wants. All fields that are set must match, at least one is set, and
// one value of a field is enough. Hosts, Methods and Paths may begin or end with '*'; in any other
// place it is an error.
// See https://istio.io/latest/docs/reference/config/security/authorization-policy/#Operation.
type Operation struct {
	// Hosts that are asked for. Default to any.
	Hosts []string
	// Ports of the pod, 1 to 65535, which may differ from the Service's. Default to any.
	Ports []int32
	// Methods of HTTP, in capitals; for gRPC it is always POST. Default to any.
	Methods []string
	// Paths of the request, or templates of them: {*} is one segment, and {**}, the last of both,
	// any number. For gRPC /package.Service/Method. Default to any.
	Paths []string
}

// Condition is a condition on an attribute of Istio, such as request.headers[version]
// (https://istio.io/latest/docs/reference/config/security/conditions/).
type Condition struct {
	// Key is the attribute. Required; one that Istio knows.
	Key string
	// Values of which one must match, and which may begin or end with '*' where the attribute is a
	// text. Default to any. At least one of Values and NotValues is required.
	Values []string
	// NotValues of which none may match. Default to none.
	NotValues []string
}

func (a Access) isZero() bool { return a.Action == "" && len(a.Rules) == 0 && !a.Nobody }

func (a Access) validate(p *problem.List, field *problem.Path) {
	if a.isZero() {
		return
	}
	problem.OneOf(p, field.Child("Action"), a.Action, Allow, Deny, Audit)
	switch {
	case a.Nobody && len(a.Rules) > 0:
		p.Add(field.Child("Nobody"), a.Nobody, "cannot stand beside Rules; leave out one of them")
	case a.Nobody && a.Action != "" && a.Action != Allow:
		p.Add(field.Child("Action"), string(a.Action), "cannot stand beside Nobody; leave it out")
	case !a.Nobody && len(a.Rules) == 0:
		p.Missing(field.Child("Rules"), "give at least one rule, or Nobody")
	}
	for i, rule := range a.Rules {
		rule.validate(p, field.Child("Rules").Index(i))
	}
}

func (r AccessRule) validate(p *problem.List, field *problem.Path) {
	for i, caller := range r.From {
		at := field.Child("From").Index(i)
		if len(caller.Principals)+len(caller.Namespaces)+len(caller.RequestPrincipals)+len(caller.IPBlocks) == 0 {
			p.Missing(at, "say at least one thing of the caller, or leave it out for every caller")
		}
		namedValues{"Principals", caller.Principals}.validate(p, at, validatePrincipal)
		namedValues{"Namespaces", caller.Namespaces}.validate(p, at, validatePattern)
		namedValues{"RequestPrincipals", caller.RequestPrincipals}.validate(p, at, validateRequestPrincipal)
		for j, block := range caller.IPBlocks {
			validateAddress(p, at.Child("IPBlocks").Index(j), block)
		}
	}
	for i, operation := range r.To {
		at := field.Child("To").Index(i)
		if len(operation.Hosts)+len(operation.Ports)+len(operation.Methods)+len(operation.Paths) == 0 {
			p.Missing(at, "say at least one thing of the operation, or leave it out for every operation")
		}
		namedValues{"Hosts", operation.Hosts}.validate(p, at, validatePattern)
		namedValues{"Methods", operation.Methods}.validate(p, at, validateAccessMethod)
		namedValues{"Paths", operation.Paths}.validate(p, at, validateAccessPath)
		for j, port := range operation.Ports {
			p.Port(at.Child("Ports").Index(j), port)
		}
	}
	for i, condition := range r.When {
		condition.validate(p, field.Child("When").Index(i))
	}
}

// namedValues are the values of a field.
type namedValues struct {
	field  string
	values []string
}

func (n namedValues) validate(p *problem.List, field *problem.Path,
	check func(p *problem.List, field *problem.Path, value string)) {
	for i, value := range n.values {
		if at := field.Child(n.field).Index(i); value == "" {
			p.Missing(at, "give a text, or \"*\" for any")
		} else {
			check(p, at, value)
		}
	}
}

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
	textAttributes    = []string{"request.auth.audiences", "request.auth.presenter", "connection.sni",
		attributeNamespace}
	// peerAttributes come from the caller's certificate.
	peerAttributes = []string{attributePrincipal, attributeNamespace, attributeServiceAccount,
		attributeTrustDomain}
)

// inBrackets is the key of an entry of an attribute: [name], or for a claim within a claim
// [name][name].
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
			p.Add(at, c.Key,
				"does not name an entry in brackets; use for example \"experimental.envoy.filters.NAME[key]\"")
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
			p.Add(field.Child(values.field), len(values.values),
				"are more service accounts than the 16 that Istio takes; spread them over several rules")
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

// validateAddress checks an address or a network.
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

// validateWildcard reports whether every '*' of a text stands at one end, where Istio takes it for
// any text, and records one that does not.
func validateWildcard(p *problem.List, field *problem.Path, value string) bool {
	if value == "*" || !strings.Contains(strings.TrimPrefix(value, "*"),
		"*") || !strings.Contains(strings.TrimSuffix(value, "*"), "*") {
		return true
	}
	p.Add(field, value,
		"has a '*' where Istio takes it for itself; it may stand at the beginning or at the end, or alone")
	return false
}

// validatePattern checks a text that may have a '*' at one end.
func validatePattern(p *problem.List, field *problem.Path, value string) {
	validateWildcard(p, field, value)
}

// validatePrincipal checks an identity in the mesh: TRUST_DOMAIN/ns/NAMESPACE/sa/ACCOUNT, or
// another path.
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

// validateRequestPrincipal checks an identity from a token, ISSUER/SUBJECT.
func validateRequestPrincipal(p *problem.List, field *problem.Path, value string) {
	if validateWildcard(p, field, value) && !strings.Contains(value, "*") && !strings.Contains(value, "/") {
		p.Add(field, value, "has no subject, so no token has it; use for example \""+value+"/*\"")
	}
}

// validateServiceAccount checks ACCOUNT or NAMESPACE/ACCOUNT.
func validateServiceAccount(p *problem.List, field *problem.Path, value string) {
	const longest = 320
	namespace, account, qualified := strings.Cut(value, "/")
	if strings.Contains(value,
		"*") || qualified && (namespace == "" || account == "" || strings.Contains(account,
		"/")) || len(value) > longest {
		p.Add(field, value, "is not a service account; use its name, or NAMESPACE/NAME")
	}
}

func validateTrustDomain(p *problem.List, field *problem.Path, value string) {
	if validateWildcard(p, field, value) && strings.Contains(value, "/") {
		p.Add(field, value, "is not a trust domain; use for example \"cluster.local\"")
	}
}

// validateAccessMethod checks a method of which '*' may be a part.
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

// validateAccessPath checks a path, which may be a template or have a '*' at one end.
func validateAccessPath(p *problem.List, field *problem.Path, value string) {
	if strings.ContainsAny(value, "{}") {
		if !isPathTemplate(value) {
			p.Add(field, value,
				"is not a template that Istio takes; use {*} for one segment and {**}, the last of both, for any number, each between slashes")
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

func (r AccessRule) render() *security.Rule {
	result := &security.Rule{}
	for _, caller := range r.From {
		result.From = append(result.From, &security.Rule_From{Source: &security.Source{
			Principals:        slices.Clone(caller.Principals),
			Namespaces:        slices.Clone(caller.Namespaces),
			RequestPrincipals: slices.Clone(caller.RequestPrincipals),
			IpBlocks:          slices.Clone(caller.IPBlocks),
		}})
	}
	for _, operation := range r.To {
		var ports []string
		for _, port := range operation.Ports {
			ports = append(ports, strconv.Itoa(int(port)))
		}
		result.To = append(result.To, &security.Rule_To{Operation: &security.Operation{
			Hosts: slices.Clone(operation.Hosts), Ports: ports,
			Methods: slices.Clone(operation.Methods), Paths: slices.Clone(operation.Paths),
		}})
	}
	for _, condition := range r.When {
		result.When = append(result.When, &security.Condition{
			Key: condition.Key, Values: slices.Clone(condition.Values),
			NotValues: slices.Clone(condition.NotValues),
		})
	}
	return result
}
