package infra_test

import (
	"testing"

	"github.com/cdk8s-team/cdk8s-core-go/cdk8s/v2"
	"github.com/stretchr/testify/assert"
	securityv1 "istio.io/client-go/pkg/apis/security/v1"

	"github.com/crossoverJie/k8s-combat/infra"
)

func meshSecurity(change func(chart cdk8s.Chart, props *infra.MeshSecurityProps)) func(cdk8s.Chart) {
	return func(chart cdk8s.Chart) {
		props := infra.MeshSecurityProps{Name: "cart"}
		change(chart, &props)
		infra.NewMeshSecurity(chart, "security", props)
	}
}

func TestMeshSecurity(t *testing.T) {
	t.Parallel()
	mark := map[string]string{"patched": "yes"}
	golden(t, "mesh-security", meshSecurity(func(chart cdk8s.Chart, props *infra.MeshSecurityProps) {
		props.Workload = version(chart, "v1", nil)
		props.Labels = map[string]string{"tier": "web"}
		props.MutualTLS = infra.StrictMTLS
		props.PortMutualTLS = map[int32]infra.MutualTLS{9090: infra.PermissiveMTLS}
		props.Tokens = []infra.TokenIssuer{
			{Issuer: "https://accounts.example.com", JWKSURI: "https://accounts.example.com/keys", Audiences: []string{"cart"}}, {Issuer: "https://other.example.com"},
		}
		props.Access = infra.Access{Rules: []infra.AccessRule{
			{
				From: []infra.Caller{
					{Principals: []string{"cluster.local/ns/shop/sa/web"}, Namespaces: []string{"shop"}},
					{RequestPrincipals: []string{"*"}, IPBlocks: []string{"10.0.0.0/8", "192.0.2.1"}},
				},
				To:   []infra.Operation{{Hosts: []string{"*.example.com"}, Ports: []int32{8080}, Methods: []string{"GET"}, Paths: []string{"/cart/*"}}},
				When: []infra.Condition{{Key: "request.headers[version]", Values: []string{"1"}, NotValues: []string{"2"}}},
			},
			{},
		}}
		props.PatchPeerAuthentication = func(o *securityv1.PeerAuthentication) { o.Annotations = mark }
		props.PatchRequestAuthentication = func(o *securityv1.RequestAuthentication) { o.Annotations = mark }
		props.PatchAuthorizationPolicy = func(o *securityv1.AuthorizationPolicy) { o.Annotations = mark }
	}))
	golden(t, "mesh-security-nobody", meshSecurity(func(_ cdk8s.Chart, props *infra.MeshSecurityProps) {
		props.Access.Nobody = true
	}))
}

func TestMeshSecurityMakesWhatIsAskedFor(t *testing.T) {
	t.Parallel()
	build := meshSecurity(func(_ cdk8s.Chart, props *infra.MeshSecurityProps) {
		props.Access = infra.Access{Action: infra.Deny, Rules: []infra.AccessRule{{}}}
	})
	assert.Empty(t, objects[securityv1.PeerAuthentication](t, "PeerAuthentication", build))
	assert.Empty(t, objects[securityv1.RequestAuthentication](t, "RequestAuthentication", build))
	policy := only[securityv1.AuthorizationPolicy](t, "AuthorizationPolicy", build)
	assert.Equal(t, "DENY", policy.Spec.Action.String())
	assert.Len(t, policy.Spec.Rules, 1, "a rule without anything matches every request, and must not be lost")
	assert.Nil(t, policy.Spec.Selector)
}

func TestMeshSecurityBadInput(t *testing.T) {
	t.Parallel()
	props := func(change func(p *infra.MeshSecurityProps)) func(cdk8s.Chart) {
		return meshSecurity(func(_ cdk8s.Chart, p *infra.MeshSecurityProps) { change(p) })
	}
	badInput{
		"nothing": {props(func(p *infra.MeshSecurityProps) { p.Name = "" }), []string{
			`[chart/security] Name: is not set; give the object a name, for example "web"`,
			`[chart/security] MutualTLS: is not set; nothing is asked for; set MutualTLS, Tokens or Access`,
		}},
		"mutual TLS": {props(func(p *infra.MeshSecurityProps) {
			p.MutualTLS = "strict"
			p.PortMutualTLS = map[int32]infra.MutualTLS{0: infra.StrictMTLS, 80: "", 81: "x"}
		}), []string{
			`[chart/security] MutualTLS: "strict" is not known; use STRICT, PERMISSIVE or DISABLE`,
			`[chart/security] Workload: is not set; Istio takes PortMutualTLS for the pods of a workload alone; name one`,
			`[chart/security] PortMutualTLS[0]: 0 is not a port; use 1 to 65535`,
			`[chart/security] PortMutualTLS[80]: is not set; use STRICT, PERMISSIVE or DISABLE`,
			`[chart/security] PortMutualTLS[81]: "x" is not known; use STRICT, PERMISSIVE or DISABLE`,
		}},
		"tokens": {props(func(p *infra.MeshSecurityProps) {
			p.Tokens = []infra.TokenIssuer{{JWKSURI: "keys"}}
		}), []string{
			`[chart/security] Tokens[0].Issuer: is not set; say whose tokens are believed, for example "https://accounts.example.com"`,
			`[chart/security] Tokens[0].JWKSURI: "keys" is not a URL; use for example "https://accounts.example.com/keys"`,
		}},
		"access": {props(func(p *infra.MeshSecurityProps) { p.Access.Action = "REFUSE" }), []string{
			`[chart/security] Access.Action: "REFUSE" is not known; use ALLOW, DENY or AUDIT`,
			`[chart/security] Access.Rules: is not set; give at least one rule, or Nobody`,
		}},
		"nobody": {props(func(p *infra.MeshSecurityProps) {
			p.Access = infra.Access{Nobody: true, Rules: []infra.AccessRule{{}}}
		}), []string{
			`[chart/security] Access.Nobody: true cannot stand beside Rules; leave out one of them`,
		}},
		"nobody denied": {props(func(p *infra.MeshSecurityProps) { p.Access = infra.Access{Nobody: true, Action: infra.Deny} }), []string{
			`[chart/security] Access.Action: "DENY" cannot stand beside Nobody; leave it out`,
		}},
		"rules": {props(func(p *infra.MeshSecurityProps) {
			p.Access.Rules = []infra.AccessRule{{
				From: []infra.Caller{{}, {Principals: []string{"", "a*b", "*"}, IPBlocks: []string{"10.0.0"}}},
				To:   []infra.Operation{{}, {Ports: []int32{0}, Paths: []string{"*a*", "/a*"}}},
				When: []infra.Condition{{}},
			}}
		}), []string{
			`[chart/security] Access.Rules[0].From[0]: is not set; say at least one thing of the caller, or leave it out for every caller`,
			`[chart/security] Access.Rules[0].From[1].Principals[0]: is not set; give a text, or "*" for any`,
			`[chart/security] Access.Rules[0].From[1].Principals[1]: "a*b" has a '*' where Istio takes it for itself; it may stand at the beginning or at the end, or alone`,
			`[chart/security] Access.Rules[0].From[1].IPBlocks[0]: "10.0.0" is not an address or network; use for example "10.0.0.0/8"`,
			`[chart/security] Access.Rules[0].To[0]: is not set; say at least one thing of the operation, or leave it out for every operation`,
			`[chart/security] Access.Rules[0].To[1].Paths[0]: "*a*" has a '*' where Istio takes it for itself; it may stand at the beginning or at the end, or alone`,
			`[chart/security] Access.Rules[0].To[1].Ports[0]: 0 is not a port; use 1 to 65535`,
			`[chart/security] Access.Rules[0].When[0].Key: is not set; name an attribute, for example "request.headers[version]"`,
			`[chart/security] Access.Rules[0].When[0].Values: is not set; give at least one of Values and NotValues`,
		}},
	}.run(t)
}
