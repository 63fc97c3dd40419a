package mesh_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/cdk8s-team/cdk8s-core-go/cdk8s/v2"
	"github.com/stretchr/testify/assert"
	securityv1 "istio.io/client-go/pkg/apis/security/v1"
	appsv1 "k8s.io/api/apps/v1"

	"github.com/crossoverJie/k8s-combat/infra"
	"github.com/crossoverJie/k8s-combat/infra/internal/synthtest"
	"github.com/crossoverJie/k8s-combat/infra/mesh"
)

func meshSecurity(change func(chart cdk8s.Chart, props *mesh.MeshSecurityProps)) func(cdk8s.Chart) {
	return func(chart cdk8s.Chart) {
		props := mesh.MeshSecurityProps{Name: "cart", WholeNamespace: true}
		change(chart, &props)
		mesh.NewMeshSecurity(chart, "security", props)
	}
}

func TestMeshSecurity(t *testing.T) {
	t.Parallel()
	mark := map[string]string{"patched": "yes"}
	synthtest.Golden(t, "mesh-security", meshSecurity(func(chart cdk8s.Chart, props *mesh.MeshSecurityProps) {
		props.Workload, props.WholeNamespace = version(chart, "v1", nil), false
		props.Labels = map[string]string{"tier": "web"}
		props.MutualTLS = mesh.StrictMTLS
		props.PortMutualTLS = map[int32]mesh.MutualTLS{9090: mesh.PermissiveMTLS}
		props.Tokens = []mesh.TokenIssuer{
			{Issuer: "https://accounts.example.com", JWKSURI: "https://accounts.example.com/keys", Audiences: []string{"cart"}}, {Issuer: "https://other.example.com"},
		}
		props.Access = mesh.Access{Rules: []mesh.AccessRule{
			{
				From: []mesh.Caller{
					{Principals: []string{"cluster.local/ns/shop/sa/web"}, Namespaces: []string{"shop"}},
					{RequestPrincipals: []string{"*"}, IPBlocks: []string{"10.0.0.0/8", "192.0.2.1"}},
				},
				To:   []mesh.Operation{{Hosts: []string{"*.example.com"}, Ports: []int32{8080}, Methods: []string{"GET"}, Paths: []string{"/cart/*"}}},
				When: []mesh.Condition{{Key: "request.headers[version]", Values: []string{"1"}, NotValues: []string{"2"}}},
			},
			{},
		}}
		props.PatchPeerAuthentication = func(o *securityv1.PeerAuthentication) { o.Annotations = mark }
		props.PatchRequestAuthentication = func(o *securityv1.RequestAuthentication) { o.Annotations = mark }
		props.PatchAuthorizationPolicy = func(o *securityv1.AuthorizationPolicy) { o.Annotations = mark }
	}))
	synthtest.Golden(t, "mesh-security-nobody", meshSecurity(func(_ cdk8s.Chart, props *mesh.MeshSecurityProps) {
		props.Access.Nobody = true
	}))
}

func TestMeshSecurityMakesWhatIsAskedFor(t *testing.T) {
	t.Parallel()
	build := meshSecurity(func(_ cdk8s.Chart, props *mesh.MeshSecurityProps) {
		props.Access = mesh.Access{Action: mesh.Deny, Rules: []mesh.AccessRule{{}}}
	})
	assert.Empty(t, synthtest.Objects[securityv1.PeerAuthentication](t, "PeerAuthentication", build))
	assert.Empty(t, synthtest.Objects[securityv1.RequestAuthentication](t, "RequestAuthentication", build))
	policy := synthtest.Only[securityv1.AuthorizationPolicy](t, "AuthorizationPolicy", build)
	assert.Equal(t, "DENY", policy.Spec.Action.String())
	assert.Len(t, policy.Spec.Rules, 1, "a rule without anything matches every request, and must not be lost")
	assert.Nil(t, policy.Spec.Selector)
}

func TestMeshSecurityBadInput(t *testing.T) {
	t.Parallel()
	props := func(change func(p *mesh.MeshSecurityProps)) func(cdk8s.Chart) {
		return meshSecurity(func(_ cdk8s.Chart, p *mesh.MeshSecurityProps) { change(p) })
	}
	synthtest.BadInput{
		"nothing": {props(func(p *mesh.MeshSecurityProps) { p.Name = "" }), []string{
			`[chart/security] Name: is not set; give the object a name, for example "web"`,
			`[chart/security] MutualTLS: is not set; nothing is asked for; set MutualTLS, Tokens or Access`,
		}},
		"for nobody in particular": {props(func(p *mesh.MeshSecurityProps) { p.WholeNamespace, p.Access.Nobody = false, true }), []string{
			`[chart/security] Workload: is not set; name the workload whose pods this is for, or set WholeNamespace`,
		}},
		"a workload that is nil": {meshSecurity(func(chart cdk8s.Chart, p *mesh.MeshSecurityProps) {
			outside := infra.NewWebService(chart, "db", infra.WebServiceProps{Name: "db", Type: infra.ExternalName, ExternalName: "db.example.com"})
			p.Workload, p.WholeNamespace = outside.Deployment(), false
			p.PortMutualTLS = map[int32]mesh.MutualTLS{80: mesh.StrictMTLS}
		}), []string{
			`[chart/security] Workload: is nil, as the Deployment of a Service of the type ExternalName is; name the workload whose pods this is for, or set WholeNamespace`,
		}},
		"a workload and all": {meshSecurity(func(chart cdk8s.Chart, p *mesh.MeshSecurityProps) {
			p.Workload, p.Access.Nobody = version(chart, "v1", nil), true
		}), []string{
			`[chart/security] WholeNamespace: true cannot stand beside Workload; leave out one of them`,
		}},
		"a workload without labels": {meshSecurity(func(chart cdk8s.Chart, p *mesh.MeshSecurityProps) {
			p.Workload = version(chart, "v1", func(w *infra.ProbedDeploymentProps) {
				w.Patch = func(d *appsv1.Deployment) { d.Spec.Selector = expressions() }
			})
			p.WholeNamespace, p.Access.Nobody = false, true
		}), []string{
			`[chart/security] Workload: "cart-v1" is not known by labels, by which alone Istio selects pods; use a workload whose selector has matchLabels`,
		}},
		"a workload of another namespace": {meshSecurity(func(chart cdk8s.Chart, p *mesh.MeshSecurityProps) {
			p.Workload, p.WholeNamespace = version(inNamespace(chart, "other"), "v1", nil), false
			p.MutualTLS, p.Access.Nobody = mesh.StrictMTLS, true
		}), []string{
			`[chart/security] Workload: "cart-v1" is a Deployment in namespace "other", and cannot be referred to from a namespace that kubectl chooses; put both into charts of one Namespace`,
		}},
		"a patched namespace": {meshSecurity(func(chart cdk8s.Chart, p *mesh.MeshSecurityProps) {
			p.Workload, p.WholeNamespace = version(chart, "v1", nil), false
			p.MutualTLS, p.Access.Nobody = mesh.StrictMTLS, true
			p.PatchAuthorizationPolicy = func(o *securityv1.AuthorizationPolicy) { o.Namespace = "other" }
		}), []string{
			`[chart/security] Workload: "cart-v1" is a Deployment in a namespace that kubectl chooses, and cannot be referred to from namespace "other"; put both into charts of one Namespace`,
		}},
		"mutual TLS": {props(func(p *mesh.MeshSecurityProps) {
			p.MutualTLS = "strict"
			p.PortMutualTLS = map[int32]mesh.MutualTLS{0: mesh.StrictMTLS, 80: "", 81: "x"}
		}), []string{
			`[chart/security] MutualTLS: "strict" is not known; use STRICT, PERMISSIVE or DISABLE`,
			`[chart/security] Workload: is not set; Istio takes PortMutualTLS for the pods of a workload alone; name one, and leave out WholeNamespace`,
			`[chart/security] PortMutualTLS[0]: 0 is not a port; use 1 to 65535`,
			`[chart/security] PortMutualTLS[80]: is not set; use STRICT, PERMISSIVE or DISABLE`,
			`[chart/security] PortMutualTLS[81]: "x" is not known; use STRICT, PERMISSIVE or DISABLE`,
		}},
		"tokens": {props(func(p *mesh.MeshSecurityProps) {
			p.Tokens = []mesh.TokenIssuer{{JWKSURI: "keys"}}
		}), []string{
			`[chart/security] Tokens[0].Issuer: is not set; say whose tokens are believed, for example "https://accounts.example.com"`,
			`[chart/security] Tokens[0].JWKSURI: "keys" is not a URL of at most 2048 bytes; use for example "https://accounts.example.com/keys"`,
		}},
		"access": {props(func(p *mesh.MeshSecurityProps) { p.Access.Action = "REFUSE" }), []string{
			`[chart/security] Access.Action: "REFUSE" is not known; use ALLOW, DENY or AUDIT`,
			`[chart/security] Access.Rules: is not set; give at least one rule, or Nobody`,
		}},
		"nobody": {props(func(p *mesh.MeshSecurityProps) {
			p.Access = mesh.Access{Nobody: true, Rules: []mesh.AccessRule{{}}}
		}), []string{
			`[chart/security] Access.Nobody: true cannot stand beside Rules; leave out one of them`,
		}},
		"nobody denied": {props(func(p *mesh.MeshSecurityProps) { p.Access = mesh.Access{Nobody: true, Action: mesh.Deny} }), []string{
			`[chart/security] Access.Action: "DENY" cannot stand beside Nobody; leave it out`,
		}},
		"rules": {props(func(p *mesh.MeshSecurityProps) {
			p.Access.Rules = []mesh.AccessRule{{
				From: []mesh.Caller{{}, {Principals: []string{"", "a*b", "*"}, IPBlocks: []string{"10.0.0"}}},
				To:   []mesh.Operation{{}, {Ports: []int32{0}, Paths: []string{"*a*", "/a*"}}},
				When: []mesh.Condition{{}},
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
		"issuers": {props(func(p *mesh.MeshSecurityProps) {
			p.Tokens = []mesh.TokenIssuer{
				{Issuer: "shop@example.com"}, {Issuer: "shop", JWKSURI: "https://example.com/" + strings.Repeat("k", 2048), Audiences: []string{"cart", ""}},
			}
		}), []string{
			`[chart/security] Tokens[0].JWKSURI: is not set; Issuer, "shop@example.com", is no URL at which its keys could be found; say where they are`,
			`[chart/security] Tokens[1].JWKSURI: "https://example.com/` + strings.Repeat("k", 60) + `"... (2068 bytes) is not a URL of at most 2048 bytes; use for example "https://accounts.example.com/keys"`,
			`[chart/security] Tokens[1].Audiences[1]: is not set; name the audience`,
		}},
		"callers": {props(func(p *mesh.MeshSecurityProps) {
			p.Access.Rules = []mesh.AccessRule{{From: []mesh.Caller{{
				Principals: []string{"spiffe://cluster.local/ns/shop/sa/web", "web", "/ns/shop", "**"}, RequestPrincipals: []string{"https", "*/*"}, Namespaces: []string{"a*b"},
			}}}}
		}), []string{
			`[chart/security] Access.Rules[0].From[0].Principals[0]: "spiffe://cluster.local/ns/shop/sa/web" has the scheme, which Istio puts before it once more; leave out "spiffe://"`,
			`[chart/security] Access.Rules[0].From[0].Principals[1]: "web" has no trust domain and no path, so nobody has it; use for example "cluster.local/ns/shop/sa/web"`,
			`[chart/security] Access.Rules[0].From[0].Principals[2]: "/ns/shop" has no trust domain and no path, so nobody has it; use for example "cluster.local/ns/shop/sa/web"`,
			`[chart/security] Access.Rules[0].From[0].Principals[3]: "**" ` + wildcardRule,
			`[chart/security] Access.Rules[0].From[0].Namespaces[0]: "a*b" ` + wildcardRule,
			`[chart/security] Access.Rules[0].From[0].RequestPrincipals[0]: "https" has no subject, so no token has it; use for example "https/*"`,
			`[chart/security] Access.Rules[0].From[0].RequestPrincipals[1]: "*/*" ` + wildcardRule,
		}},
		"operations": {props(func(p *mesh.MeshSecurityProps) {
			p.Access.Rules = []mesh.AccessRule{{To: []mesh.Operation{{
				Methods: []string{"get", "G T"}, Hosts: []string{"w*w"}, Paths: []string{"admin", "/a?b", "/{id}", "/{**}/{*}", "{*}/a", "/{*}/a*", "/{*}//a"},
			}}}}
		}), []string{
			`[chart/security] Access.Rules[0].To[0].Hosts[0]: "w*w" ` + wildcardRule,
			`[chart/security] Access.Rules[0].To[0].Methods[0]: "get" is not an HTTP method, which is written in upper case; use "GET"`,
			`[chart/security] Access.Rules[0].To[0].Methods[1]: "G T" is not an HTTP method; use for example "GET"`,
			`[chart/security] Access.Rules[0].To[0].Paths[0]: "admin" does not begin with '/'; a path does`,
			`[chart/security] Access.Rules[0].To[0].Paths[1]: "/a?b" has a query or fragment, which is no part of the path; leave it out`,
			`[chart/security] Access.Rules[0].To[0].Paths[2]: "/{id}" ` + templateRule,
			`[chart/security] Access.Rules[0].To[0].Paths[3]: "/{**}/{*}" ` + templateRule,
			`[chart/security] Access.Rules[0].To[0].Paths[4]: "{*}/a" ` + templateRule,
			`[chart/security] Access.Rules[0].To[0].Paths[5]: "/{*}/a*" ` + templateRule,
			`[chart/security] Access.Rules[0].To[0].Paths[6]: "/{*}//a" ` + templateRule,
		}},
		"attributes": {props(func(p *mesh.MeshSecurityProps) {
			p.Access.Rules = []mesh.AccessRule{{}}
			for _, key := range []string{
				"request.header[a]", "request.headers", "request.headersx[a]", "request.headers[a b]", "request.auth.claims", "request.auth.claims[a]b",
				"experimental.envoy.filters.a", "destination.namespace", "destination.labels[app]", "destination.name",
			} {
				p.Access.Rules[0].When = append(p.Access.Rules[0].When, mesh.Condition{Key: key, Values: []string{"a"}})
			}
		}), []string{
			`[chart/security] Access.Rules[0].When[0].Key: "request.header[a]" is no attribute of Istio; use for example "request.headers[version]"`,
			`[chart/security] Access.Rules[0].When[1].Key: "request.headers" does not name a header in brackets; use for example "request.headers[version]"`,
			`[chart/security] Access.Rules[0].When[2].Key: "request.headersx[a]" does not name a header in brackets; use for example "request.headers[version]"`,
			`[chart/security] Access.Rules[0].When[3].Key: "request.headers[a b]" does not name a header in brackets; use for example "request.headers[version]"`,
			`[chart/security] Access.Rules[0].When[4].Key: "request.auth.claims" does not name a claim in brackets; use for example "request.auth.claims[iss]"`,
			`[chart/security] Access.Rules[0].When[5].Key: "request.auth.claims[a]b" does not name a claim in brackets; use for example "request.auth.claims[iss]"`,
			`[chart/security] Access.Rules[0].When[6].Key: "experimental.envoy.filters.a" does not name an entry in brackets; use for example "experimental.envoy.filters.NAME[key]"`,
			`[chart/security] Access.Rules[0].When[7].Key: "destination.namespace" is what the policy is for already; use the Namespace of the chart, or Workload`,
			`[chart/security] Access.Rules[0].When[8].Key: "destination.labels[app]" is what the policy is for already; use the Namespace of the chart, or Workload`,
			`[chart/security] Access.Rules[0].When[9].Key: "destination.name" is no attribute of Istio; use for example "request.headers[version]"`,
		}},
		"values": {props(func(p *mesh.MeshSecurityProps) {
			p.Access.Rules = []mesh.AccessRule{{When: []mesh.Condition{
				{Key: "source.ip", Values: []string{"10.0.0.0/33", ""}}, {Key: "destination.port", NotValues: []string{"http", "0", "65536"}},
				{Key: "source.principal", Values: []string{"web"}}, {Key: "source.serviceAccount", Values: []string{"a/b/c", "shop/*", "/web"}},
				{Key: "source.serviceAccount", Values: slices.Repeat([]string{"web"}, 17)},
				{Key: "source.trustDomain", Values: []string{"a*b", "cluster.local/ns"}}, {Key: "request.auth.principal", Values: []string{"https"}},
			}}}
		}), []string{
			`[chart/security] Access.Rules[0].When[0].Values[0]: "10.0.0.0/33" is not an address or network; use for example "10.0.0.0/8"`,
			`[chart/security] Access.Rules[0].When[0].Values[1]: is not set; give a text`,
			`[chart/security] Access.Rules[0].When[1].NotValues[0]: "http" is not a port; use 1 to 65535`,
			`[chart/security] Access.Rules[0].When[1].NotValues[1]: "0" is not a port; use 1 to 65535`,
			`[chart/security] Access.Rules[0].When[1].NotValues[2]: "65536" is not a port; use 1 to 65535`,
			`[chart/security] Access.Rules[0].When[2].Values[0]: "web" has no trust domain and no path, so nobody has it; use for example "cluster.local/ns/shop/sa/web"`,
			`[chart/security] Access.Rules[0].When[3].Values[0]: "a/b/c" is not a service account; use its name, or NAMESPACE/NAME`,
			`[chart/security] Access.Rules[0].When[3].Values[1]: "shop/*" is not a service account; use its name, or NAMESPACE/NAME`,
			`[chart/security] Access.Rules[0].When[3].Values[2]: "/web" is not a service account; use its name, or NAMESPACE/NAME`,
			`[chart/security] Access.Rules[0].When[4].Values: 17 are more service accounts than the 16 that Istio takes; spread them over several rules`,
			`[chart/security] Access.Rules[0].When[5].Values[0]: "a*b" ` + wildcardRule,
			`[chart/security] Access.Rules[0].When[5].Values[1]: "cluster.local/ns" is not a trust domain; use for example "cluster.local"`,
			`[chart/security] Access.Rules[0].When[6].Values[0]: "https" has no subject, so no token has it; use for example "https/*"`,
		}},
		"callers without certificates": {props(func(p *mesh.MeshSecurityProps) {
			p.MutualTLS = mesh.DisabledMTLS
			p.Access.Rules = []mesh.AccessRule{{
				From: []mesh.Caller{{Principals: []string{"*"}, Namespaces: []string{"shop"}}},
				When: []mesh.Condition{{Key: "source.namespace", Values: []string{"shop"}}, {Key: "source.principal", NotValues: []string{"*"}}},
			}}
		}), []string{
			`[chart/security] Access.Rules[0].From[0].Principals: "*" ` + peerRule,
			`[chart/security] Access.Rules[0].From[0].Namespaces: "shop" ` + peerRule,
			`[chart/security] Access.Rules[0].When[0].Key: "source.namespace" ` + peerRule,
		}},
	}.Run(t)
}

const (
	wildcardRule = `has a '*' where Istio takes it for itself; it may stand at the beginning or at the end, or alone`
	templateRule = `is not a template that Istio takes; use {*} for one segment and {**}, the last of both, for any number, each between slashes`
	peerRule     = `can be known by mutual TLS alone, which MutualTLS turns off; use STRICT, or leave it out`
)

func TestMeshSecurityGoodInput(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(chart cdk8s.Chart, p *mesh.MeshSecurityProps){
		"callers": func(_ cdk8s.Chart, p *mesh.MeshSecurityProps) {
			p.Access.Rules = []mesh.AccessRule{{From: []mesh.Caller{{
				Principals: []string{"*", "cluster.local/ns/shop/*", "*/sa/web", "example.org/web"}, RequestPrincipals: []string{"https://example.com/*", "*@example.com", "*/web"},
				IPBlocks: []string{"2001:db8::/32", "::1"},
			}}}}
		},
		"operations": func(_ cdk8s.Chart, p *mesh.MeshSecurityProps) {
			p.Access.Rules = []mesh.AccessRule{{To: []mesh.Operation{{
				Methods: []string{"*", "GET", "P*", "PURGE"}, Paths: []string{"/", "*", "/a*", "*.png", "/carts/{*}/items", "/{**}", "/{*}/a/{**}", "/{**}/a"},
			}}}}
		},
		"conditions": func(_ cdk8s.Chart, p *mesh.MeshSecurityProps) {
			p.Access.Rules = []mesh.AccessRule{{When: []mesh.Condition{
				{Key: "request.headers[accept]", Values: []string{"text/html, */*;q=0.8"}}, {Key: "request.headers[:authority]", NotValues: []string{"a*"}},
				{Key: "request.auth.claims[group][id]", Values: []string{"1"}}, {Key: "remote.ip", NotValues: []string{"10.0.0.0/8"}},
				{Key: "source.serviceAccount", Values: []string{"web", "shop/web"}}, {Key: "source.trustDomain", Values: []string{"*.example.com"}},
				{Key: "connection.sni", Values: []string{"*.example.com"}}, {Key: "experimental.envoy.filters.network.mysql_proxy[db.table]", Values: []string{"[update]"}},
			}}}
		},
		"denied": func(_ cdk8s.Chart, p *mesh.MeshSecurityProps) {
			p.Access = mesh.Access{Action: mesh.Audit, Rules: []mesh.AccessRule{{}}}
		},
		"certificates at one port": func(chart cdk8s.Chart, p *mesh.MeshSecurityProps) {
			p.Workload, p.WholeNamespace = version(chart, "v1", nil), false
			p.MutualTLS, p.PortMutualTLS = mesh.DisabledMTLS, map[int32]mesh.MutualTLS{8080: mesh.StrictMTLS}
			p.Access.Rules = []mesh.AccessRule{{From: []mesh.Caller{{Principals: []string{"*"}}}, To: []mesh.Operation{{Ports: []int32{8080}}}}}
		},
		"an issuer that is no URL": func(_ cdk8s.Chart, p *mesh.MeshSecurityProps) {
			p.Tokens = []mesh.TokenIssuer{{Issuer: "shop@example.com", JWKSURI: "http://keys.shop:8080/jwks"}}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, messages := synthtest.Synth(t, meshSecurity(change))
			assert.Empty(t, messages)
		})
	}
}
