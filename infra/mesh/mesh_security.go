package mesh

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/aws/constructs-go/constructs/v10"
	"github.com/cdk8s-team/cdk8s-core-go/cdk8s/v2"
	security "istio.io/api/security/v1beta1"
	securityv1 "istio.io/client-go/pkg/apis/security/v1"

	"github.com/crossoverJie/k8s-combat/imports/istio"
	"github.com/crossoverJie/k8s-combat/imports/tree"
	"github.com/crossoverJie/k8s-combat/infra"
	"github.com/crossoverJie/k8s-combat/infra/internal/object"
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

// TokenIssuer is somebody whose tokens (JWT) are believed.
// See https://istio.io/latest/docs/reference/config/security/jwt/.
type TokenIssuer struct {
	// Issuer is the iss claim of the tokens. Required.
	Issuer string
	// JWKSURI is where the issuer's keys are, a URL with http or https of at most 2048 bytes.
	// Defaults to what the issuer's OpenID configuration says, for which Issuer must be a URL.
	JWKSURI string
	// Audiences of which a token must name one. Default to all; none may be empty.
	Audiences []string
}

// MeshSecurityProps are the options of a MeshSecurity.
type MeshSecurityProps struct {
	// Name of the objects. Required; an RFC 1123 subdomain.
	Name string
	// Workload makes the pods that this is for, in the namespace of the MeshSecurity. Exactly one of
	// Workload and WholeNamespace is set.
	Workload infra.Workload
	// WholeNamespace says that this is for all pods of the namespace; in the root namespace of the
	// mesh, istio-system unless the mesh says otherwise, for all of the mesh. Defaults to false.
	WholeNamespace bool
	// MutualTLS makes a PeerAuthentication. Defaults to none.
	MutualTLS MutualTLS
	// PortMutualTLS departs from MutualTLS for ports of the pods, by their number; it needs a
	// Workload. Defaults to none.
	PortMutualTLS map[int32]MutualTLS
	// Tokens make a RequestAuthentication: a request with a token that is not valid is refused. One
	// without passes, unless Access asks for a RequestPrincipal. Default to none.
	Tokens []TokenIssuer
	// Access makes an AuthorizationPolicy. Defaults to none: every request passes. One of
	// MutualTLS, PortMutualTLS, Tokens and Access is required.
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

func (props MeshSecurityProps) encrypts() bool {
	return props.MutualTLS != "" || len(props.PortMutualTLS) > 0
}

func (props MeshSecurityProps) target() target { return target{props.Workload, props.WholeNamespace} }

func (props MeshSecurityProps) validate() problem.List {
	var p problem.List
	p.DNSSubdomain(problem.At("Name"), props.Name)
	props.target().validate(&p)
	if !props.encrypts() && len(props.Tokens) == 0 && props.Access.isZero() {
		p.Missing(problem.At("MutualTLS"), "nothing is asked for; set MutualTLS, Tokens or Access")
	}
	problem.OneOf(&p, problem.At("MutualTLS"), props.MutualTLS, StrictMTLS, PermissiveMTLS, DisabledMTLS)
	if len(props.PortMutualTLS) > 0 && props.Workload == nil && props.WholeNamespace {
		p.Missing(problem.At("Workload"),
			"Istio takes PortMutualTLS for the pods of a workload alone; name one, and leave out WholeNamespace")
	}
	for _, port := range slices.Sorted(maps.Keys(props.PortMutualTLS)) {
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
		p.Missing(field.Child("Issuer"),
			"say whose tokens are believed, for example \"https://accounts.example.com\"")
	}
	const longest = 2048
	switch {
	case issuer.JWKSURI == "" && issuer.Issuer != "" && !problem.IsWebAddress(issuer.Issuer):
		p.Missing(field.Child("JWKSURI"),
			"Issuer, "+problem.Show(issuer.Issuer)+", is no URL at which its keys could be found; say where they are")
	case issuer.JWKSURI != "" && (!problem.IsWebAddress(issuer.JWKSURI) || len(issuer.JWKSURI) > longest):
		p.Add(field.Child("JWKSURI"), issuer.JWKSURI,
			fmt.Sprintf("is not a URL of at most %d bytes; use for example \"https://accounts.example.com/keys\"", longest))
	}
	for i, audience := range issuer.Audiences {
		if audience == "" {
			p.Missing(field.Child("Audiences").Index(i), "name the audience")
		}
	}
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
	const rule = "can be known by mutual TLS alone, which MutualTLS turns off; use " +
		string(StrictMTLS) + ", or leave it out"
	for i, access := range props.Access.Rules {
		at := problem.At("Access", "Rules").Index(i)
		for j, caller := range access.From {
			from := at.Child("From").Index(j)
			for _, values := range []namedValues{{"Principals", caller.Principals},
				{"Namespaces", caller.Namespaces}} {
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

// MeshSecurity says how calls to pods in the mesh are encrypted, whose tokens are believed, and who
// may do what: a PeerAuthentication, a RequestAuthentication and an AuthorizationPolicy, those of
// them that are asked for.
// See https://istio.io/latest/docs/concepts/security/.
type MeshSecurity struct {
	constructs.Construct
	props MeshSecurityProps
	// made are the objects, and the others are each of them as Patch has left it.
	made   []cdk8s.ApiObject
	peers  *securityv1.PeerAuthentication
	policy *securityv1.AuthorizationPolicy
	tokens *securityv1.RequestAuthentication
}

// NewMeshSecurity makes a MeshSecurity. Its children are called like the kinds of the objects.
func NewMeshSecurity(scope constructs.Construct, id string, props MeshSecurityProps) *MeshSecurity {
	s := &MeshSecurity{props: props}
	tree.New(s, scope, id)
	tree.Invalid(s, props.validate()...)
	if props.encrypts() {
		s.peers = object.Patched(s, "PatchPeerAuthentication", props.peerAuthentication(),
			props.PatchPeerAuthentication)
		s.made = append(s.made, istio.NewPeerAuthentication(s, "PeerAuthentication", s.peers))
	}
	if len(props.Tokens) > 0 {
		s.tokens = object.Patched(s, "PatchRequestAuthentication", props.requestAuthentication(),
			props.PatchRequestAuthentication)
		s.made = append(s.made, istio.NewRequestAuthentication(s, "RequestAuthentication", s.tokens))
	}
	if !props.Access.isZero() {
		s.policy = object.Patched(s, "PatchAuthorizationPolicy", props.authorizationPolicy(),
			props.PatchAuthorizationPolicy)
		s.made = append(s.made, istio.NewAuthorizationPolicy(s, "AuthorizationPolicy", s.policy))
	}
	tree.Invalid(s, props.target().validateNamespace(s.made...)...)
	return s
}

// Name returns the name of the objects.
func (s *MeshSecurity) Name() string {
	if s == nil {
		return ""
	}
	return s.props.Name
}

func (m MutualTLS) render() *security.PeerAuthentication_MutualTLS {
	mode := security.PeerAuthentication_MutualTLS_Mode_value[string(m)]
	return &security.PeerAuthentication_MutualTLS{Mode: security.PeerAuthentication_MutualTLS_Mode(mode)}
}

func (props MeshSecurityProps) peerAuthentication() *securityv1.PeerAuthentication {
	authentication := &securityv1.PeerAuthentication{ObjectMeta: object.Meta(props.Name, props.Labels,
		props.Annotations)}
	authentication.Spec.Selector = props.target().selector()
	if props.MutualTLS != "" {
		authentication.Spec.Mtls = props.MutualTLS.render()
	}
	for port, mode := range props.PortMutualTLS {
		if authentication.Spec.PortLevelMtls == nil {
			authentication.Spec.PortLevelMtls = map[uint32]*security.PeerAuthentication_MutualTLS{}
		}
		authentication.Spec.PortLevelMtls[uint32(max(port, 0))] = mode.render()
	}
	return authentication
}

func (props MeshSecurityProps) requestAuthentication() *securityv1.RequestAuthentication {
	authentication := &securityv1.RequestAuthentication{ObjectMeta: object.Meta(props.Name,
		props.Labels, props.Annotations)}
	authentication.Spec.Selector = props.target().selector()
	for _, issuer := range props.Tokens {
		authentication.Spec.JwtRules = append(authentication.Spec.JwtRules, &security.JWTRule{
			Issuer: issuer.Issuer, JwksUri: issuer.JWKSURI, Audiences: slices.Clone(issuer.Audiences),
		})
	}
	return authentication
}

// needsWaypoint returns the option that is about requests, which a proxy for connections alone does
// not see: in Ambient it applies where the object targets a waypoint. Nil where there is none.
func (s *MeshSecurity) needsWaypoint() *problem.Path {
	if s.tokens != nil && len(s.tokens.Spec.TargetRefs) == 0 {
		return problem.At("Tokens")
	}
	if s.policy == nil || len(s.policy.Spec.TargetRefs) > 0 {
		return nil
	}
	for i, rule := range s.props.Access.Rules {
		at := problem.At("Access", "Rules").Index(i)
		for j, caller := range rule.From {
			if len(caller.RequestPrincipals) > 0 {
				return at.Child("From").Index(j).Child("RequestPrincipals")
			}
		}
		for j, operation := range rule.To {
			if len(operation.Hosts)+len(operation.Methods)+len(operation.Paths) > 0 {
				return at.Child("To").Index(j)
			}
		}
		for j, condition := range rule.When {
			if strings.HasPrefix(condition.Key, "request.") {
				return at.Child("When").Index(j)
			}
		}
	}
	return nil
}

// disablesTLS returns the option that asks for no mutual TLS. Nil where there is none.
func (s *MeshSecurity) disablesTLS() *problem.Path {
	if s.peers == nil {
		return nil
	}
	const disabled = security.PeerAuthentication_MutualTLS_DISABLE
	if s.peers.Spec.Mtls.GetMode() == disabled {
		return problem.At("MutualTLS")
	}
	for _, port := range slices.Sorted(maps.Keys(s.peers.Spec.PortLevelMtls)) {
		if s.peers.Spec.PortLevelMtls[port].GetMode() == disabled {
			return problem.At("PortMutualTLS").Key(strconv.Itoa(int(port)))
		}
	}
	return nil
}

func (props MeshSecurityProps) authorizationPolicy() *securityv1.AuthorizationPolicy {
	policy := &securityv1.AuthorizationPolicy{ObjectMeta: object.Meta(props.Name, props.Labels,
		props.Annotations)}
	policy.Spec.Selector = props.target().selector()
	policy.Spec.Action = security.AuthorizationPolicy_Action(security.AuthorizationPolicy_Action_value[string(props.Access.Action)])
	for _, rule := range props.Access.Rules {
		policy.Spec.Rules = append(policy.Spec.Rules, rule.render())
	}
	return policy
}
