package infra_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/cdk8s-team/cdk8s-core-go/cdk8s/v2"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	"k8s.io/apimachinery/pkg/util/validation"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"

	"github.com/crossoverJie/k8s-combat/infra"
	"github.com/crossoverJie/k8s-combat/infra/internal/synthtest"
)

func service(chart cdk8s.Chart, name string, patch func(*corev1.Service)) *infra.Service {
	return infra.NewService(chart, name, infra.ServiceProps{
		Name: name, Selector: map[string]string{"app": name}, Ports: []infra.ServicePort{{Name: "http", Port: 80, TargetPort: 8080}}, Patch: patch,
	})
}

// acrossNamespaces is a routing of the namespace edge whose Services are in shop and back, and whose certificate is in certs.
func acrossNamespaces(form infra.RoutingForm) func(cdk8s.Chart) {
	return func(chart cdk8s.Chart) {
		edge, shop, back, certs := chartIn(chart, "edge"), chartIn(chart, "shop"), chartIn(chart, "back"), chartIn(chart, "certs")
		web, cart := service(shop, "web", nil), service(shop, "cart", nil)
		certificate := infra.NewCredentials(certs, "certificate", infra.CredentialsProps{
			Name: "shop-tls", Type: "kubernetes.io/tls", Values: map[string]infra.Sensitive{"tls.crt": "crt", "tls.key": "key"},
		})
		props := infra.HostRoutingProps{
			Name: "shop", Form: form,
			Hosts: []infra.Host{
				{Name: "www.example.com", Paths: []infra.Path{
					{Path: "/", Backend: web.Backend("http")}, {Path: "/cart", Backend: cart.Backend("")}, {Path: "/again", Backend: web.Backend("")},
				}},
				{Name: infra.AnyHost, Paths: []infra.Path{
					{Path: "/", Backend: service(edge, "fallback", nil).Backend("")}, {Path: "/api", Backend: service(back, "api", nil).Backend("")},
				}},
			},
			TLS: []infra.HostTLS{{Hosts: []string{"www.example.com"}, Certificate: certificate}},
		}
		if form == infra.GatewayAPI {
			props.Class = "edge"
			props.PatchReferenceGrant = func(g *gatewayv1.ReferenceGrant) { g.Labels = map[string]string{"patched": "yes"} }
		}
		infra.NewHostRouting(edge, "routing", props)
	}
}

func TestHostRoutingCutsNames(t *testing.T) {
	t.Parallel()
	label := strings.Repeat("a", 50) + "."
	first, second := strings.Repeat(label, 4)+strings.Repeat("b", 49), strings.Repeat(label, 4)+strings.Repeat("c", 49)
	name := strings.Repeat("n", 253)
	build := func(chart cdk8s.Chart) {
		web := service(chartIn(chart, "shop"), "web", nil).Backend("")
		edge := chartIn(chart, "edge")
		infra.NewHostRouting(edge, "routing", infra.HostRoutingProps{
			Name: name, Form: infra.GatewayAPI, Class: "edge",
			Hosts: []infra.Host{{Name: first, Paths: []infra.Path{{Path: "/", Backend: web}}}, {Name: second, Paths: []infra.Path{{Path: "/", Backend: web}}}},
			TLS:   []infra.HostTLS{{Hosts: []string{first, second}, Certificate: infra.NewCredentials(edge, "tls", infra.CredentialsProps{Name: "tls", Existing: true})}},
		})
	}
	names := map[string]bool{}
	for _, route := range inNamespaces[gatewayv1.HTTPRoute](t, "HTTPRoute", build) {
		assert.Empty(t, validation.IsDNS1123Subdomain(route.Name))
		names[route.Name] = true
		for _, parent := range route.Spec.ParentRefs {
			assert.Empty(t, validation.IsDNS1123Subdomain(string(*parent.SectionName)))
		}
	}
	assert.Len(t, names, 4, "two routes for each host")
	for _, grant := range inNamespaces[gatewayv1.ReferenceGrant](t, "ReferenceGrant", build) {
		assert.Empty(t, validation.IsDNS1123Subdomain(grant.Name))
	}
}

func TestHostRoutingNamesTheListeners(t *testing.T) {
	t.Parallel()
	gateway := synthtest.Only[gatewayv1.Gateway](t, "Gateway", fullRouting(infra.GatewayAPI))
	listeners := map[gatewayv1.SectionName]gatewayv1.Listener{}
	for _, listener := range gateway.Spec.Listeners {
		listeners[listener.Name] = listener
	}
	require.Len(t, listeners, 3)
	routes := synthtest.Objects[gatewayv1.HTTPRoute](t, "HTTPRoute", fullRouting(infra.GatewayAPI))
	require.NotEmpty(t, routes)
	for _, route := range routes {
		require.NotEmpty(t, route.Spec.ParentRefs, route.Name)
		for _, parent := range route.Spec.ParentRefs {
			assert.EqualValues(t, gateway.Name, parent.Name)
			require.NotNil(t, parent.SectionName, "without it a route attaches to every listener: %s", route.Name)
			listener, ok := listeners[*parent.SectionName]
			require.True(t, ok, "%s names the listener %s, which is not there", route.Name, *parent.SectionName)
			if listener.Hostname != nil {
				assert.Equal(t, []gatewayv1.Hostname{*listener.Hostname}, route.Spec.Hostnames)
			}
		}
	}
}

func TestHostRoutingIsGrantedItsReferences(t *testing.T) {
	t.Parallel()
	grants := map[string]gatewayv1.ReferenceGrant{}
	for _, grant := range inNamespaces[gatewayv1.ReferenceGrant](t, "ReferenceGrant", acrossNamespaces(infra.GatewayAPI)) {
		assert.Equal(t, "edge.shop", grant.Name)
		assert.Equal(t, map[string]string{"patched": "yes"}, grant.Labels)
		grants[grant.Namespace] = grant
	}
	require.Len(t, grants, 3)
	from := func(kind gatewayv1.Kind) []gatewayv1.ReferenceGrantFrom {
		return []gatewayv1.ReferenceGrantFrom{{Group: gatewayv1.GroupName, Kind: kind, Namespace: "edge"}}
	}
	to := func(kind gatewayv1.Kind, names ...gatewayv1.ObjectName) []gatewayv1.ReferenceGrantTo {
		var to []gatewayv1.ReferenceGrantTo
		for _, name := range names {
			to = append(to, gatewayv1.ReferenceGrantTo{Kind: kind, Name: &name})
		}
		return to
	}
	assert.Equal(t, gatewayv1.ReferenceGrantSpec{From: from("HTTPRoute"), To: to("Service", "cart", "web")}, grants["shop"].Spec)
	assert.Equal(t, gatewayv1.ReferenceGrantSpec{From: from("HTTPRoute"), To: to("Service", "api")}, grants["back"].Spec)
	assert.Equal(t, gatewayv1.ReferenceGrantSpec{From: from("Gateway"), To: to("Secret", "shop-tls")}, grants["certs"].Spec)

	namespaces := map[gatewayv1.ObjectName]*gatewayv1.Namespace{}
	for _, route := range inNamespaces[gatewayv1.HTTPRoute](t, "HTTPRoute", acrossNamespaces(infra.GatewayAPI)) {
		for _, rule := range route.Spec.Rules {
			for _, backend := range rule.BackendRefs {
				namespaces[backend.Name] = backend.Namespace
			}
		}
	}
	assert.Equal(t, map[gatewayv1.ObjectName]*gatewayv1.Namespace{
		"web": new(gatewayv1.Namespace("shop")), "cart": new(gatewayv1.Namespace("shop")), "api": new(gatewayv1.Namespace("back")), "fallback": nil,
	}, namespaces)
	gateway := inNamespaces[gatewayv1.Gateway](t, "Gateway", acrossNamespaces(infra.GatewayAPI))[0]
	i := slices.IndexFunc(gateway.Spec.Listeners, func(l gatewayv1.Listener) bool { return l.TLS != nil })
	assert.Equal(t, new(gatewayv1.Namespace("certs")), gateway.Spec.Listeners[i].TLS.CertificateRefs[0].Namespace)
}

// What grants a reference has one name in its namespace, which two routings must not share.
func TestReferenceGrantsOfTwoRoutings(t *testing.T) {
	t.Parallel()
	grants := inNamespaces[gatewayv1.ReferenceGrant](t, "ReferenceGrant", func(chart cdk8s.Chart) {
		web := service(chartIn(chart, "shop"), "web", nil)
		for namespace, name := range map[string]string{"a": "b-c", "a-b": "c"} {
			infra.NewHostRouting(chartIn(chart, namespace), "routing", infra.HostRoutingProps{
				Name: name, Form: infra.GatewayAPI, Class: "edge",
				Hosts: []infra.Host{{Name: "www.example.com", Paths: []infra.Path{{Path: "/", Backend: web.Backend("")}}}},
			})
		}
	})
	require.Len(t, grants, 2)
	assert.NotEqual(t, grants[0].Name, grants[1].Name)
}

func TestHostRoutingFollowsAPatchedService(t *testing.T) {
	t.Parallel()
	build := func(form infra.RoutingForm) func(cdk8s.Chart) {
		return routing(func(chart cdk8s.Chart, props *infra.HostRoutingProps) {
			web := service(chart, "web", func(s *corev1.Service) {
				s.Spec.Ports[0].Port = 81
				s.Spec.Ports = append(s.Spec.Ports, corev1.ServicePort{Name: "admin", Port: 9000})
			})
			if props.Form = form; form == infra.GatewayAPI {
				props.Class = "edge"
			}
			props.Hosts[0].Paths = []infra.Path{{Path: "/", Backend: web.Backend("http")}, {Path: "/admin", Backend: web.Backend("admin")}}
		})
	}
	var byIngress, byGateway []int32
	for _, path := range synthtest.Only[networkingv1.Ingress](t, "Ingress", build(infra.Ingress)).Spec.Rules[0].HTTP.Paths {
		byIngress = append(byIngress, path.Backend.Service.Port.Number)
	}
	for _, rule := range synthtest.Only[gatewayv1.HTTPRoute](t, "HTTPRoute", build(infra.GatewayAPI)).Spec.Rules {
		byGateway = append(byGateway, *rule.BackendRefs[0].Port)
	}
	assert.Equal(t, []int32{81, 9000}, byIngress, "the one that was renumbered, and the one that was added")
	assert.Equal(t, byIngress, byGateway)
}

func TestHostRoutingReferencesBadInput(t *testing.T) {
	t.Parallel()
	gateway := func(change func(chart cdk8s.Chart, props *infra.HostRoutingProps)) func(cdk8s.Chart) {
		return routing(func(chart cdk8s.Chart, props *infra.HostRoutingProps) {
			props.Form, props.Class = infra.GatewayAPI, "edge"
			change(chart, props)
		})
	}
	const unknown = "and to refer to one from the other both have to be known; give both charts a Namespace"
	const beside = "; put both into charts of one Namespace"
	synthtest.BadInput{
		"an Ingress cannot follow": {acrossNamespaces(infra.Ingress), []string{
			`[chart/in-edge/routing] Hosts[0].Paths[0].Backend: "web" is a Service in namespace "shop", and cannot be referred to from namespace "edge"` + beside,
			`[chart/in-edge/routing] Hosts[0].Paths[1].Backend: "cart" is a Service in namespace "shop", and cannot be referred to from namespace "edge"` + beside,
			`[chart/in-edge/routing] Hosts[0].Paths[2].Backend: "web" is a Service in namespace "shop", and cannot be referred to from namespace "edge"` + beside,
			`[chart/in-edge/routing] Hosts[1].Paths[1].Backend: "api" is a Service in namespace "back", and cannot be referred to from namespace "edge"` + beside,
			`[chart/in-edge/routing] TLS[0].Certificate: "shop-tls" is a Secret in namespace "certs", and cannot be referred to from namespace "edge"` + beside,
		}},
		"a namespace that nobody knows": {gateway(func(chart cdk8s.Chart, p *infra.HostRoutingProps) {
			p.Hosts[0].Paths[0].Backend = service(chartIn(chart, "shop"), "web", nil).Backend("")
			p.TLS = []infra.HostTLS{{Hosts: []string{"www.example.com"}, Certificate: infra.NewCredentials(chartIn(chart, "certs"), "tls", infra.CredentialsProps{
				Name: "tls", Type: "kubernetes.io/tls", Values: map[string]infra.Sensitive{"tls.crt": "crt", "tls.key": "key"},
			})}}
		}), []string{
			`[chart/routing] TLS[0].Certificate: "tls" is a Secret in namespace "certs", the routing in a namespace that kubectl chooses, ` + unknown,
			`[chart/routing] Hosts[0].Paths[0].Backend: "web" is a Service in namespace "shop", the routing in a namespace that kubectl chooses, ` + unknown,
		}},
		"a Service that nobody knows where": {func(chart cdk8s.Chart) {
			infra.NewHostRouting(chartIn(chart, "edge"), "routing", infra.HostRoutingProps{
				Name: "shop", Form: infra.GatewayAPI, Class: "edge",
				Hosts: []infra.Host{{Name: "www.example.com", Paths: []infra.Path{{Path: "/", Backend: service(chart, "web", nil).Backend("")}}}},
			})
		}, []string{
			`[chart/in-edge/routing] Hosts[0].Paths[0].Backend: "web" is a Service in a namespace that kubectl chooses, the routing in namespace "edge", ` + unknown,
		}},
		"a host without a name": {gateway(func(_ cdk8s.Chart, p *infra.HostRoutingProps) {
			p.Hosts = append(p.Hosts, infra.Host{Paths: p.Hosts[0].Paths})
		}), []string{
			`[chart/routing] Hosts[1].Name: is not set; name the host, for example "www.example.com", or AnyHost for all`,
		}},
		"a port that a patch has taken": {gateway(func(chart cdk8s.Chart, p *infra.HostRoutingProps) {
			p.Hosts[0].Paths[0].Backend = service(chart, "web", func(s *corev1.Service) { s.Spec.Ports[0].Name = "web" }).Backend("http")
		}), []string{
			`[chart/routing] Hosts[0].Paths[0].Backend: Service web has no port "http"; use "web"`,
		}},
		"a patch of the other form": {routing(func(_ cdk8s.Chart, p *infra.HostRoutingProps) {
			p.PatchReferenceGrant = func(*gatewayv1.ReferenceGrant) {}
		}), []string{
			`[chart/routing] PatchReferenceGrant: "func" is for the form GatewayAPI; leave it out`,
		}},
		"a Service that is nil": {gateway(func(_ cdk8s.Chart, p *infra.HostRoutingProps) {
			p.Hosts[0].Paths = []infra.Path{{Path: "/a", Backend: (*infra.Service)(nil).Backend("")}, {Path: "/b", Backend: (*infra.WebService)(nil).Backend("http")}}
		}), []string{
			`[chart/routing] Hosts[0].Paths[0].Backend: is not set; the *Service is nil; give the Backend of one that is there`,
			`[chart/routing] Hosts[0].Paths[1].Backend: is not set; the *Service is nil; give the Backend of one that is there`,
		}},
	}.Run(t)
}
