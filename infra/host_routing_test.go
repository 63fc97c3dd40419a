package infra_test

import (
	"fmt"
	"testing"

	"github.com/cdk8s-team/cdk8s-core-go/cdk8s/v2"
	"github.com/stretchr/testify/assert"
	networkingv1 "k8s.io/api/networking/v1"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"

	"github.com/crossoverJie/k8s-combat/infra"
	"github.com/crossoverJie/k8s-combat/infra/internal/synthtest"
)

var webBackend = infra.ExistingBackend("web", 80)

// routing builds a HostRouting that is in order but for what change does.
func routing(change func(chart cdk8s.Chart, props *infra.HostRoutingProps)) func(cdk8s.Chart) {
	return func(chart cdk8s.Chart) {
		props := infra.HostRoutingProps{
			Name:  "shop",
			Hosts: []infra.Host{{Name: "www.example.com", Paths: []infra.Path{{Path: "/", Backend: webBackend}}}},
		}
		change(chart, &props)
		infra.NewHostRouting(chart, "routing", props)
	}
}

func fullRouting(form infra.RoutingForm) func(cdk8s.Chart) {
	return routing(func(chart cdk8s.Chart, props *infra.HostRoutingProps) {
		web := infra.NewWebService(chart, "web", infra.WebServiceProps{
			Name:     "web",
			Workload: infra.ProbedDeploymentProps{Image: "example.com/web:1"},
			Ports:    []infra.ServicePort{{Name: "http", Port: 80, TargetPort: 8080}, {Name: "admin", Port: 81}},
		})
		certificate := infra.NewCredentials(chart, "certificate", infra.CredentialsProps{
			Name: "shop-tls", Existing: true, Type: "kubernetes.io/tls",
		})
		props.Form = form
		props.Class = "edge"
		props.Labels = map[string]string{"tier": "edge"}
		props.Annotations = map[string]string{"example.com/owner": "team"}
		props.Hosts = []infra.Host{
			{Name: "www.example.com", Paths: []infra.Path{{Path: "/", Backend: web.Backend("http")}}},
			{Name: "*.example.org", Paths: []infra.Path{{Path: "/admin", Type: infra.PathExact, Backend: web.Backend("admin")}}},
			{Name: "www.example.com", Paths: []infra.Path{{Path: "/admin", Backend: web.Backend("admin")}}},
			{Name: infra.AnyHost, Paths: []infra.Path{{Path: "/", Backend: infra.ExistingBackend("fallback", 8080)}}},
		}
		props.TLS = []infra.HostTLS{{Hosts: []string{"www.example.com", "*.example.org"}, Certificate: certificate}}
	})
}

func TestHostRoutingForms(t *testing.T) {
	t.Parallel()
	synthtest.Golden(t, "host-routing-ingress", fullRouting(infra.Ingress))
	synthtest.Golden(t, "host-routing-gateway", fullRouting(infra.GatewayAPI))
}

func TestHostRoutingBothFormsRouteTheSame(t *testing.T) {
	t.Parallel()
	type route struct{ host, path, service string }
	var byIngress, byGateway []route
	var redirected []string
	for _, rule := range synthtest.Only[networkingv1.Ingress](t, "Ingress", fullRouting(infra.Ingress)).Spec.Rules {
		for _, path := range rule.HTTP.Paths {
			byIngress = append(byIngress, route{rule.Host, path.Path, fmt.Sprintf("%s:%d", path.Backend.Service.Name, path.Backend.Service.Port.Number)})
		}
	}
	for _, object := range synthtest.Objects[gatewayv1.HTTPRoute](t, "HTTPRoute", fullRouting(infra.GatewayAPI)) {
		host := ""
		if len(object.Spec.Hostnames) > 0 {
			host = string(object.Spec.Hostnames[0])
		}
		for _, rule := range object.Spec.Rules {
			if len(rule.BackendRefs) == 0 {
				redirected = append(redirected, host)
				assert.Equal(t, []gatewayv1.HTTPRouteFilter{{
					Type:            gatewayv1.HTTPRouteFilterRequestRedirect,
					RequestRedirect: &gatewayv1.HTTPRequestRedirectFilter{Scheme: new("https"), StatusCode: new(301)},
				}}, rule.Filters)
				continue
			}
			backend := rule.BackendRefs[0]
			byGateway = append(byGateway, route{host, *rule.Matches[0].Path.Value, fmt.Sprintf("%s:%d", backend.Name, *backend.Port)})
		}
	}
	assert.Len(t, byIngress, 4)
	assert.Equal(t, byIngress, byGateway)
	assert.Equal(t, []string{"www.example.com", "*.example.org"}, redirected, "the hosts with TLS")
}

func TestHostRoutingKeepsHTTPOnRequest(t *testing.T) {
	t.Parallel()
	keep := func(chart cdk8s.Chart) {
		routing(func(_ cdk8s.Chart, props *infra.HostRoutingProps) {
			props.Form, props.Class, props.KeepHTTP = infra.GatewayAPI, "edge", true
			props.TLS = []infra.HostTLS{{Hosts: []string{"www.example.com"}, Certificate: infra.NewCredentials(chart, "certificate", infra.CredentialsProps{
				Name: "shop-tls", Existing: true, Type: "kubernetes.io/tls",
			})}}
		})(chart)
	}
	var listeners []string
	for _, parent := range synthtest.Only[gatewayv1.HTTPRoute](t, "HTTPRoute", keep).Spec.ParentRefs {
		listeners = append(listeners, string(*parent.SectionName))
	}
	assert.Equal(t, []string{"http", "https-www.example.com"}, listeners)
}

func TestHostRoutingPatches(t *testing.T) {
	t.Parallel()
	mark := map[string]string{"patched": "yes"}
	ingress := routing(func(_ cdk8s.Chart, props *infra.HostRoutingProps) {
		props.Patch = func(i *networkingv1.Ingress) { i.Labels = mark }
	})
	assert.Equal(t, mark, synthtest.Only[networkingv1.Ingress](t, "Ingress", ingress).Labels)
	gateway := routing(func(_ cdk8s.Chart, props *infra.HostRoutingProps) {
		props.Form, props.Class = infra.GatewayAPI, "edge"
		props.PatchGateway = func(g *gatewayv1.Gateway) { g.Labels = mark }
		props.PatchRoute = func(r *gatewayv1.HTTPRoute) { r.Labels = mark }
	})
	assert.Equal(t, mark, synthtest.Only[gatewayv1.Gateway](t, "Gateway", gateway).Labels)
	assert.Equal(t, mark, synthtest.Only[gatewayv1.HTTPRoute](t, "HTTPRoute", gateway).Labels)
}

func TestHostRoutingBadInput(t *testing.T) {
	t.Parallel()
	props := func(change func(*infra.HostRoutingProps)) func(cdk8s.Chart) {
		return routing(func(_ cdk8s.Chart, p *infra.HostRoutingProps) { change(p) })
	}
	host := func(name string) func(cdk8s.Chart) {
		return props(func(p *infra.HostRoutingProps) { p.Hosts[0].Name = name })
	}
	path := func(path string) func(cdk8s.Chart) {
		return props(func(p *infra.HostRoutingProps) { p.Hosts[0].Paths[0].Path = path })
	}
	badHost := func(name string) []string {
		return []string{`[chart/routing] Hosts[0].Name: "` + name + `" is not a host name; use lower-case letters, digits, '-' and '.', the first label may be '*', without scheme, port and path, for example "www.example.com"`}
	}
	abnormal := func(path string) []string {
		return []string{`[chart/routing] Hosts[0].Paths[0].Path: "` + path + `" is not a normal path; leave out '//', '.' and '..' elements, '%2f', white space, '?' and '#'`}
	}
	synthtest.BadInput{
		"host with a scheme":    {host("http://x"), badHost("http://x")},
		"host with a port":      {host("x.io:80"), badHost("x.io:80")},
		"host in upper case":    {host("WWW.x.io"), badHost("WWW.x.io")},
		"address as host":       {host("10.0.0.1"), badHost("10.0.0.1")},
		"star in the middle":    {host("a.*.io"), badHost("a.*.io")},
		"no host":               {host(""), []string{`[chart/routing] Hosts[0].Name: is not set; name the host, for example "www.example.com", or AnyHost for all`}},
		"path without a slash":  {path("api"), []string{`[chart/routing] Hosts[0].Paths[0].Path: "api" does not begin with '/'; use for example "/" or "/api"`}},
		"empty path":            {path(""), []string{`[chart/routing] Hosts[0].Paths[0].Path: "" does not begin with '/'; use for example "/" or "/api"`}},
		"path with two slashes": {path("/a//b"), abnormal("/a//b")},
		"path that goes up":     {path("/a/.."), abnormal("/a/..")},
		"path with a query":     {path("/a?b"), abnormal("/a?b")},
		"no hosts": {props(func(p *infra.HostRoutingProps) { p.Hosts = nil }), []string{
			`[chart/routing] Hosts: is not set; give at least one host`,
		}},
		"no paths": {props(func(p *infra.HostRoutingProps) { p.Hosts[0].Paths = nil }), []string{
			`[chart/routing] Hosts[0].Paths: is not set; give at least one path, for example "/"`,
		}},
		"one path twice": {props(func(p *infra.HostRoutingProps) {
			p.Hosts = append(p.Hosts, infra.Host{Name: "www.example.com", Paths: []infra.Path{
				{Path: "/", Type: infra.PathExact, Backend: webBackend}, {Path: "/", Type: infra.PathPrefix, Backend: webBackend},
			}})
		}), []string{
			`[chart/routing] Hosts[1].Paths[1].Path: "/" is already routed for host "www.example.com" by Hosts[0].Paths[0]; leave out one of them`,
		}},
		"names": {props(func(p *infra.HostRoutingProps) { p.Name, p.Class, p.Form = "", "A", "Istio" }), []string{
			`[chart/routing] Name: is not set; give the object a name, for example "web"`,
			`[chart/routing] Form: "Istio" is not known; use Ingress or GatewayAPI`,
			`[chart/routing] Class: "A" is not an RFC 1123 subdomain; use 1 to 253 lower-case letters, digits, '-' or '.', beginning and ending with a letter or digit`,
		}},
		"gateway without a class": {props(func(p *infra.HostRoutingProps) { p.Form = infra.GatewayAPI }), []string{
			`[chart/routing] Class: is not set; the Gateway API has no default class; name the cluster's GatewayClass, for example "istio"`,
		}},
		"paths that an HTTPRoute does not take": {props(func(p *infra.HostRoutingProps) {
			p.Form, p.Class = infra.GatewayAPI, "edge"
			p.Hosts[0].Paths = []infra.Path{{Path: "/{id}", Backend: webBackend}, {Path: "/a%20b", Backend: webBackend}}
		}), []string{
			`[chart/routing] Hosts[0].Paths[0].Path: "/{id}" is not a path that an HTTPRoute takes; use at most 1024 letters, digits and characters that a URL allows, others as %20`,
		}},
		"patches of the other form": {props(func(p *infra.HostRoutingProps) {
			p.PatchGateway = func(*gatewayv1.Gateway) {}
			p.PatchRoute = func(*gatewayv1.HTTPRoute) {}
		}), []string{
			`[chart/routing] PatchGateway: "func" is for the form GatewayAPI; leave it out`,
			`[chart/routing] PatchRoute: "func" is for the form GatewayAPI; leave it out`,
		}},
		"one name for two hosts": {props(func(p *infra.HostRoutingProps) {
			p.Form, p.Class = infra.GatewayAPI, "edge"
			p.Hosts = []infra.Host{{Name: "*.io", Paths: p.Hosts[0].Paths}, {Name: "wildcard.io", Paths: p.Hosts[0].Paths}}
		}), []string{
			`[chart/routing] Hosts[1].Name: "wildcard.io" is already taken by Hosts[0]; give each its own`,
			`[chart/routing/wildcard.io-2] id: "wildcard.io" is taken below chart/routing; give each construct an id that its siblings do not have`,
		}},
		"more than a route can hold": {props(func(p *infra.HostRoutingProps) {
			p.Form, p.Class = infra.GatewayAPI, "edge"
			for i := range 16 {
				p.Hosts[0].Paths = append(p.Hosts[0].Paths, infra.Path{Path: fmt.Sprintf("/%d", i), Backend: webBackend})
			}
		}), []string{
			`[chart/routing] Hosts[0].Paths: 17 paths are more than an HTTPRoute can hold, 16; use several HostRoutings`,
		}},
		"backends": {routing(func(chart cdk8s.Chart, p *infra.HostRoutingProps) {
			web := infra.NewWebService(chart, "web", infra.WebServiceProps{
				Name:     "web",
				Workload: infra.ProbedDeploymentProps{Image: "example.com/web:1"},
				Ports:    []infra.ServicePort{{Name: "http", Port: 80}, {Name: "grpc", Port: 81}},
			})
			db := infra.NewService(chart, "db", infra.ServiceProps{Name: "db", Type: infra.ExternalName, ExternalName: "db.example.com"})
			p.Hosts[0].Paths = []infra.Path{
				{Path: "/a", Type: "Regex"},
				{Path: "/b", Backend: web.Backend("https")},
				{Path: "/c", Backend: web.Backend("")},
				{Path: "/d", Backend: db.Backend("")},
				{Path: "/e", Backend: infra.ExistingBackend("A", 0)},
			}
		}), []string{
			`[chart/routing] Hosts[0].Paths[0].Type: "Regex" is not known; use Prefix or Exact`,
			`[chart/routing] Hosts[0].Paths[0].Backend: is not set; give the Backend of a *Service or *WebService, or ExistingBackend`,
			`[chart/routing] Hosts[0].Paths[1].Backend: Service web has no port "https"; use "http" or "grpc"`,
			`[chart/routing] Hosts[0].Paths[2].Backend: Service web has no port ""; use "http" or "grpc"`,
			`[chart/routing] Hosts[0].Paths[3].Backend: Service db is an ExternalName, which an Ingress or a Gateway cannot be relied on to follow; use a Service with pods`,
			`[chart/routing] Hosts[0].Paths[4].Backend.Service: "A" is not an RFC 1035 label; use 1 to 63 lower-case letters, digits or '-', beginning with a letter and ending with a letter or digit`,
			`[chart/routing] Hosts[0].Paths[4].Backend.Port: 0 is not a port; use 1 to 65535`,
		}},
		"TLS": {routing(func(chart cdk8s.Chart, p *infra.HostRoutingProps) {
			certificate := infra.NewCredentials(chart, "tls", infra.CredentialsProps{Name: "tls", Existing: true, Type: "kubernetes.io/tls"})
			password := infra.NewCredentials(chart, "password", infra.CredentialsProps{Name: "password", Values: map[string]infra.Sensitive{"a": "b"}})
			p.TLS = []infra.HostTLS{
				{Hosts: []string{"www.example.com", "other.example.com"}, Certificate: certificate},
				{Hosts: []string{"www.example.com", "www.example.com"}, Certificate: password},
				{},
				{Certificate: &infra.Credentials{}},
			}
		}), []string{
			`[chart/routing] TLS[0].Hosts[1]: "other.example.com" is not one of the routing's Hosts; add it there, or leave it out here`,
			`[chart/routing] TLS[1].Hosts[0]: "www.example.com" has a certificate from TLS[0] already; leave out one of them`,
			`[chart/routing] TLS[1].Hosts[1]: "www.example.com" has a certificate from TLS[0] already; leave out one of them`,
			`[chart/routing] TLS[1].Hosts[1]: "www.example.com" is there twice; leave out one of them`,
			`[chart/routing] TLS[1].Certificate: "tls.crt" is not a key of Secret password; use a`,
			`[chart/routing] TLS[1].Certificate: "tls.key" is not a key of Secret password; use a`,
			`[chart/routing] TLS[2].Hosts: is not set; name the hosts that the certificate is for`,
			`[chart/routing] TLS[2].Certificate: is not set; give Credentials of the type kubernetes.io/tls`,
			`[chart/routing] TLS[3].Hosts: is not set; name the hosts that the certificate is for`,
			`[chart/routing] TLS[3].Certificate: is not set; give Credentials of the type kubernetes.io/tls`,
		}},
	}.Run(t)
}
