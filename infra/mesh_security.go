package infra

import (
	"fmt"
	"slices"
	"strconv"

	"github.com/aws/constructs-go/constructs/v10"
	security "istio.io/api/security/v1beta1"
	typev1beta1 "istio.io/api/type/v1beta1"
	securityv1 "istio.io/client-go/pkg/apis/security/v1"

	"github.com/crossoverJie/k8s-combat/imports/istio"
	"github.com/crossoverJie/k8s-combat/imports/tree"
	"github.com/crossoverJie/k8s-combat/infra/internal/problem"
)

// MutualTLS says whether callers in the mesh must show a certificate.
type MutualTLS string

const (
	// StrictMTLS refuses calls without mutual TLS.
	StrictMTLS MutualTLS = "STRICT"
	// PermissiveMTLS takes both, for the time in which callers join the mesh.
	PermissiveMTLS MutualTLS = "PERMISSIVE"
	// DisabledMTLS takes calls without it.
	DisabledMTLS MutualTLS = "DISABLE"
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

// AccessRule matches requests from one of the callers, to one of the operations, under all the conditions. What is left
// out matches all; a rule without anything matches every request.
type AccessRule struct {
	// From are the callers. Defaults to every caller.
	From []Caller
	// To are the operations. Defaults to every operation.
	To []Operation
	// When are further conditions. Defaults to none.
	When []Condition
}

// Caller is where a request comes from. All fields that are set must match, at least one is set, and one value of a field
// is enough. Values but for IPBlocks may begin or end with '*'; in any other place it is an error.
// See https://istio.io/latest/docs/reference/config/security/authorization-policy/#Source.
type Caller struct {
	// Principals are identities in the mesh, as TRUST_DOMAIN/ns/NAMESPACE/sa/ACCOUNT, without "spiffe://". They need
	// mutual TLS. Default to any.
	Principals []string
	// Namespaces of the calling pods. They need mutual TLS. Default to any.
	Namespaces []string
	// RequestPrincipals are identities from tokens, as ISSUER/SUBJECT; "*" is any valid token. Default to any, with a
	// token or without.
	RequestPrincipals []string
	// IPBlocks are IP addresses, or networks in CIDR notation such as "10.0.0.0/8". Default to any.
	IPBlocks []string
}

// Operation is what a request wants. All fields that are set must match, at least one is set, and one value of a field is
// enough. Hosts, Methods and Paths may begin or end with '*'; in any other place it is an error.
// See https://istio.io/latest/docs/reference/config/security/authorization-policy/#Operation.
type Operation struct {
	// Hosts that are asked for. Default to any.
	Hosts []string
	// Ports of the pod, 1 to 65535, which may differ from the Service's. Default to any.
	Ports []int32
	// Methods of HTTP, in capitals; for gRPC it is always POST. Default to any.
	Methods []string
	// Paths of the request, or templates of them: {*} is one segment, and {**}, the last of both, any number. For gRPC
	// /package.Service/Method. Default to any.
	Paths []string
}

// Condition is a condition on an attribute of Istio, such as request.headers[version]
// (https://istio.io/latest/docs/reference/config/security/conditions/).
type Condition struct {
	// Key is the attribute. Required; one that Istio knows.
	Key string
	// Values of which one must match, and which may begin or end with '*' where the attribute is a text. Default to any. At
	// least one of Values and NotValues is required.
	Values []string
	// NotValues of which none may match. Default to none.
	NotValues []string
}

// TokenIssuer is somebody whose tokens (JWT) are believed.
// See https://istio.io/latest/docs/reference/config/security/jwt/.
type TokenIssuer struct {
	// Issuer is the iss claim of the tokens. Required.
	Issuer string
	// JWKSURI is where the issuer's keys are, a URL with http or https of at most 2048 bytes. Defaults to what the issuer's
	// OpenID configuration says, for which Issuer must be a URL.
	JWKSURI string
	// Audiences of which a token must name one. Default to all; none may be empty.
	Audiences []string
}

// MeshSecurityProps are the options of a MeshSecurity.
type MeshSecurityProps struct {
	// Name of the objects. Required; an RFC 1123 subdomain.
	Name string
	// Workload is whose pods this is for. Defaults to all pods of the namespace.
	Workload *ProbedDeployment
	// MutualTLS makes a PeerAuthentication. Defaults to none.
	MutualTLS MutualTLS
	// PortMutualTLS departs from MutualTLS for ports of the pods, by their number; it needs a Workload. Defaults to none.
	PortMutualTLS map[int32]MutualTLS
	// Tokens make a RequestAuthentication: a request with a token that is not valid is refused. One without passes,
	// unless Access asks for a RequestPrincipal. Default to none.
	Tokens []TokenIssuer
	// Access makes an AuthorizationPolicy. Defaults to none: every request passes. One of MutualTLS, PortMutualTLS, Tokens
	// and Access is required.
	Access Access
	// Labels and Annotations of the objects. Default to none.
	Labels, Annotations map[string]string
	// PatchPeerAuthentication has the last word on the PeerAuthentication.
	PatchPeerAuthentication func(*securityv1.PeerAuthentication)
	// PatchRequestAuthentication has it on the RequestAuthentication.
	PatchRequestAuthentication func(*securityv1.RequestAuthentication)
	// PatchAuthorizationPolicy has it on the AuthorizationPolicy.
	PatchAuthorizationPolicy func(*securityv1.AuthorizationPolicy)
}

func (a Access) isZero() bool { return a.Action == "" && len(a.Rules) == 0 && !a.Nobody }

func (props MeshSecurityProps) encrypts() bool {
	return props.MutualTLS != "" || len(props.PortMutualTLS) > 0
}

func (props MeshSecurityProps) validate() problem.List {
	var p problem.List
	p.DNSSubdomain(problem.At("Name"), props.Name)
	if !props.encrypts() && len(props.Tokens) == 0 && props.Access.isZero() {
		p.Missing(problem.At("MutualTLS"), "nothing is asked for; set MutualTLS, Tokens or Access")
	}
	problem.OneOf(&p, problem.At("MutualTLS"), props.MutualTLS, StrictMTLS, PermissiveMTLS, DisabledMTLS)
	if len(props.PortMutualTLS) > 0 && props.Workload == nil {
		p.Missing(problem.At("Workload"), "Istio takes PortMutualTLS for the pods of a workload alone; name one")
	}
	for _, port := range sortedPorts(props.PortMutualTLS) {
		at := problem.At("PortMutualTLS").Index(int(port))
		p.Port(at, port)
		if props.PortMutualTLS[port] == "" {
			p.Missing(at, "use "+string(StrictMTLS)+", "+string(PermissiveMTLS)+" or "+string(DisabledMTLS))
		}
		problem.OneOf(&p, at, props.PortMutualTLS[port], StrictMTLS, PermissiveMTLS, DisabledMTLS)
	}
	for i, issuer := range props.Tokens {
		issuer.validate(&p, problem.At("Tokens").Index(i))
	}
	props.Access.validate(&p, problem.At("Access"))
	props.validatePeers(&p)
	p.Labels(problem.At("Labels"), props.Labels)
	p.Annotations(problem.At("Annotations"), props.Annotations)
	return p
}

func (issuer TokenIssuer) validate(p *problem.List, field *problem.Path) {
	if issuer.Issuer == "" {
		p.Missing(field.Child("Issuer"), "say whose tokens are believed, for example \"https://accounts.example.com\"")
	}
	const longest = 2048
	switch {
	case issuer.JWKSURI == "" && issuer.Issuer != "" && !isWebAddress(issuer.Issuer):
		p.Missing(field.Child("JWKSURI"), "Issuer, "+problem.Show(issuer.Issuer)+", is no URL at which its keys could be found; say where they are")
	case issuer.JWKSURI != "" && (!isWebAddress(issuer.JWKSURI) || len(issuer.JWKSURI) > longest):
		p.Add(field.Child("JWKSURI"), issuer.JWKSURI, fmt.Sprintf("is not a URL of at most %d bytes; use for example \"https://accounts.example.com/keys\"", longest))
	}
	for i, audience := range issuer.Audiences {
		if audience == "" {
			p.Missing(field.Child("Audiences").Index(i), "name the audience")
		}
	}
}

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

func (n namedValues) validate(p *problem.List, field *problem.Path, check func(p *problem.List, field *problem.Path, value string)) {
	for i, value := range n.values {
		if at := field.Child(n.field).Index(i); value == "" {
			p.Missing(at, "give a text, or \"*\" for any")
		} else {
			check(p, at, value)
		}
	}
}

func sortedPorts(ports map[int32]MutualTLS) []int32 {
	result := make([]int32, 0, len(ports))
	for port := range ports {
		result = append(result, port)
	}
	slices.Sort(result)
	return result
}

// MeshSecurity says how calls to pods in the mesh are encrypted, whose tokens are believed, and who may do what: a
// PeerAuthentication, a RequestAuthentication and an AuthorizationPolicy, those of them that are asked for.
// See https://istio.io/latest/docs/concepts/security/.
type MeshSecurity struct {
	constructs.Construct
	props MeshSecurityProps
}

// NewMeshSecurity makes a MeshSecurity. Its children are called like the kinds of the objects.
func NewMeshSecurity(scope constructs.Construct, id string, props MeshSecurityProps) *MeshSecurity {
	s := &MeshSecurity{props: props}
	tree.New(s, scope, id)
	tree.Invalid(s, props.validate()...)
	if props.encrypts() {
		istio.NewPeerAuthentication(s, "PeerAuthentication", patched(s, props.peerAuthentication(), props.PatchPeerAuthentication))
	}
	if len(props.Tokens) > 0 {
		istio.NewRequestAuthentication(s, "RequestAuthentication", patched(s, props.requestAuthentication(), props.PatchRequestAuthentication))
	}
	if !props.Access.isZero() {
		istio.NewAuthorizationPolicy(s, "AuthorizationPolicy", patched(s, props.authorizationPolicy(), props.PatchAuthorizationPolicy))
	}
	return s
}

// Name returns the name of the objects.
func (s *MeshSecurity) Name() string { return s.props.Name }

func (props MeshSecurityProps) selector() *typev1beta1.WorkloadSelector {
	if props.Workload == nil {
		return nil
	}
	return &typev1beta1.WorkloadSelector{MatchLabels: props.Workload.Selector()}
}

func (m MutualTLS) render() *security.PeerAuthentication_MutualTLS {
	mode := security.PeerAuthentication_MutualTLS_Mode_value[string(m)]
	return &security.PeerAuthentication_MutualTLS{Mode: security.PeerAuthentication_MutualTLS_Mode(mode)}
}

func (props MeshSecurityProps) peerAuthentication() *securityv1.PeerAuthentication {
	object := &securityv1.PeerAuthentication{ObjectMeta: objectMeta(props.Name, props.Labels, props.Annotations)}
	object.Spec.Selector = props.selector()
	if props.MutualTLS != "" {
		object.Spec.Mtls = props.MutualTLS.render()
	}
	for port, mode := range props.PortMutualTLS {
		if object.Spec.PortLevelMtls == nil {
			object.Spec.PortLevelMtls = map[uint32]*security.PeerAuthentication_MutualTLS{}
		}
		object.Spec.PortLevelMtls[uint32(max(port, 0))] = mode.render()
	}
	return object
}

func (props MeshSecurityProps) requestAuthentication() *securityv1.RequestAuthentication {
	object := &securityv1.RequestAuthentication{ObjectMeta: objectMeta(props.Name, props.Labels, props.Annotations)}
	object.Spec.Selector = props.selector()
	for _, issuer := range props.Tokens {
		object.Spec.JwtRules = append(object.Spec.JwtRules, &security.JWTRule{
			Issuer: issuer.Issuer, JwksUri: issuer.JWKSURI, Audiences: slices.Clone(issuer.Audiences),
		})
	}
	return object
}

func (props MeshSecurityProps) authorizationPolicy() *securityv1.AuthorizationPolicy {
	object := &securityv1.AuthorizationPolicy{ObjectMeta: objectMeta(props.Name, props.Labels, props.Annotations)}
	object.Spec.Selector = props.selector()
	object.Spec.Action = security.AuthorizationPolicy_Action(security.AuthorizationPolicy_Action_value[string(props.Access.Action)])
	for _, rule := range props.Access.Rules {
		object.Spec.Rules = append(object.Spec.Rules, rule.render())
	}
	return object
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
			Hosts: slices.Clone(operation.Hosts), Ports: ports, Methods: slices.Clone(operation.Methods), Paths: slices.Clone(operation.Paths),
		}})
	}
	for _, condition := range r.When {
		result.When = append(result.When, &security.Condition{
			Key: condition.Key, Values: slices.Clone(condition.Values), NotValues: slices.Clone(condition.NotValues),
		})
	}
	return result
}
