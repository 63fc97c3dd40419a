package mesh_test

import (
	"strings"
	"testing"

	"github.com/cdk8s-team/cdk8s-core-go/cdk8s/v2"
	"github.com/stretchr/testify/assert"
	networking "istio.io/api/networking/v1alpha3"
	networkingv1 "istio.io/client-go/pkg/apis/networking/v1"

	"github.com/crossoverJie/k8s-combat/infra"
	"github.com/crossoverJie/k8s-combat/infra/internal/synthtest"
	"github.com/crossoverJie/k8s-combat/infra/mesh"
)

// rewritten is what becomes of the path of a request by the routes of a VirtualService, as Envoy replaces it: the very text
// that was matched. "-" stands for a request that no route takes.
func rewritten(routes []*networking.HTTPRoute, path string) string {
	for _, route := range routes {
		replacement := route.GetRewrite().GetUri()
		prefix := route.GetRedirect().GetPrefixRewrite()
		if redirect := route.GetRedirect(); redirect != nil {
			replacement = redirect.GetUri()
		}
		if len(route.Match) == 0 {
			return strings.Replace(path, "/", replacement, 1)
		}
		for _, match := range route.Match {
			switch uri := match.Uri; {
			case uri == nil:
				return strings.Replace(path, "/", replacement, 1)
			case uri.GetExact() != "" && uri.GetExact() == path:
				return replacement
			case uri.GetPrefix() != "" && strings.HasPrefix(path, uri.GetPrefix()):
				if route.GetRedirect() != nil && prefix == "" {
					return replacement
				}
				return replacement + prefix + path[len(uri.GetPrefix()):]
			}
		}
	}
	return "-"
}

func TestPrefixesOfPathsAreReplacedAsAWhole(t *testing.T) {
	t.Parallel()
	rewrite := func(uri string) mesh.Rule { return mesh.Rule{Rewrite: mesh.Rewrite{URI: uri}} }
	redirect := func(prefix string) mesh.Rule { return mesh.Rule{Redirect: mesh.Redirect{PathPrefix: prefix}} }
	for name, test := range map[string]struct {
		rule  mesh.Rule
		match []mesh.Match
		want  map[string]string
	}{
		"to the root": {rewrite("/"), []mesh.Match{{URI: mesh.Prefix("/common")}}, map[string]string{
			"/common": "/", "/common/": "/", "/common/api": "/api", "/commonplace": "-", "/": "-",
		}},
		"to another": {rewrite("/new"), []mesh.Match{{URI: mesh.Prefix("/old/")}}, map[string]string{
			"/old": "/new", "/old/": "/new/", "/old/x": "/new/x", "/older": "-",
		}},
		"to another with a slash": {rewrite("/new/"), []mesh.Match{{URI: mesh.Prefix("/old")}}, map[string]string{
			"/old/x": "/new/x", "/old/x/y": "/new/x/y",
		}},
		"of everything": {rewrite("/v2"), nil, map[string]string{"/": "/v2/", "/x": "/v2/x"}},
		"of the root":   {rewrite("/v2"), []mesh.Match{{URI: mesh.Prefix("/")}}, map[string]string{"/": "/v2/", "/x/y": "/v2/x/y"}},
		"exact and prefix": {rewrite("/new"), []mesh.Match{{URI: mesh.Exact("/one")}, {URI: mesh.Prefix("/many")}}, map[string]string{
			"/one": "/new", "/many": "/new", "/many/x": "/new/x", "/one/x": "-",
		}},
		"redirect that keeps the rest": {redirect("/bar"), []mesh.Match{{URI: mesh.Prefix("/foo")}}, map[string]string{
			"/foo": "/bar", "/foo/x/y": "/bar/x/y", "/food": "-",
		}},
		"redirect to the root": {redirect("/"), []mesh.Match{{URI: mesh.Prefix("/foo")}}, map[string]string{
			"/foo": "/", "/foo/": "/", "/foo/x/y": "/x/y",
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			service := synthtest.Only[networkingv1.VirtualService](t, "VirtualService", canary(func(parts meshParts, props *mesh.IstioCanaryProps) {
				rule := test.rule
				rule.Match = test.match
				if (rule.Redirect == mesh.Redirect{}) {
					rule.To = []mesh.Destination{{Workload: parts.v1}}
				}
				props.Rules = []mesh.Rule{rule}
			}))
			for path, want := range test.want {
				assert.Equal(t, want, rewritten(service.Spec.Http, path), path)
			}
		})
	}
}

func TestRedirectLoops(t *testing.T) {
	t.Parallel()
	const loop = `[chart/canary] Rules[0].Redirect: sends the client to what Rules[0].Match[0] redirects again, for ever; go elsewhere, or narrow the match`
	redirects := func(match mesh.Match, redirect mesh.Redirect) func(cdk8s.Chart) {
		return canary(func(parts meshParts, props *mesh.IstioCanaryProps) {
			props.Rules = []mesh.Rule{
				{Match: []mesh.Match{match}, Redirect: redirect},
				{To: []mesh.Destination{{Workload: parts.v1}}},
			}
		})
	}
	docs := mesh.Match{URI: mesh.Prefix("/docs")}
	post := mesh.Match{URI: mesh.Prefix("/docs"), Method: mesh.Exact("POST")}
	several := func(rules ...mesh.Rule) func(cdk8s.Chart) {
		return canary(func(parts meshParts, props *mesh.IstioCanaryProps) {
			props.Rules = append(rules, mesh.Rule{To: []mesh.Destination{{Workload: parts.v1}}})
		})
	}
	rule := func(match mesh.StringMatch, redirect mesh.Redirect) mesh.Rule {
		return mesh.Rule{Match: []mesh.Match{{URI: match}}, Redirect: redirect}
	}
	comesBack := func(rule, way string) string {
		return `[chart/canary] ` + rule + `.Redirect: sends the client to what comes back to ` + rule + `.Match[0] by ` + way + `, for ever; go elsewhere, or narrow a match`
	}
	outside := func(match mesh.Match, redirect mesh.Redirect) func(cdk8s.Chart) {
		return canary(func(parts meshParts, props *mesh.IstioCanaryProps) {
			props.Gateways = []*mesh.IstioGateway{mesh.NewIstioGateway(parts.chart, "gateway", mesh.IstioGatewayProps{
				Name: "door", Servers: []mesh.GatewayServer{{Port: 80, Hosts: []string{"www.example.com"}}},
				Certificate: infra.NewCredentials(parts.chart, "certificate", infra.CredentialsProps{Name: "door", Existing: true}),
			})}
			props.Hosts = []string{"www.example.com"}
			props.Rules = []mesh.Rule{{Match: []mesh.Match{match}, Redirect: redirect}, {To: []mesh.Destination{{Workload: parts.v1, Port: "web"}}}}
		})
	}
	again := mesh.Match{URI: mesh.Prefix("/docs"), QueryParams: map[string]mesh.StringMatch{"again": mesh.Exact("yes")}}
	bad := synthtest.BadInput{
		"to the port of HTTPS":      {outside(mesh.Match{Port: 80}, mesh.Redirect{Scheme: "https"}), nil},
		"to the port that it is on": {outside(mesh.Match{Port: 443}, mesh.Redirect{Scheme: "https"}), []string{loop}},
		"to another path of a port": {outside(mesh.Match{Port: 80}, mesh.Redirect{URI: "/x"}), []string{loop}},
		"to a port of another":      {outside(docs, mesh.Redirect{Authority: "www.example.com:8443"}), nil},
		"to a port of the gateway":  {outside(docs, mesh.Redirect{Authority: "www.example.com:443"}), []string{loop}},
		"with its query":            {redirects(again, mesh.Redirect{URI: "/docs/x"}), []string{loop}},
		"with the same query":       {redirects(again, mesh.Redirect{URI: "/docs/x?again=yes"}), []string{loop}},
		"with another query":        {redirects(again, mesh.Redirect{URI: "/docs/x?again=no"}), nil},
		"there and back": {several(rule(mesh.Exact("/a"), mesh.Redirect{URI: "/b"}), rule(mesh.Exact("/b"), mesh.Redirect{URI: "/a?again#now"})),
			[]string{comesBack("Rules[0]", "Rules[1]")}},
		"there and back by prefixes": {several(rule(mesh.Prefix("/x"), mesh.Redirect{URI: "/y"}), rule(mesh.Prefix("/a"), mesh.Redirect{PathPrefix: "/b"}),
			rule(mesh.Prefix("/b"), mesh.Redirect{PathPrefix: "/c/d"}), rule(mesh.Prefix("/c"), mesh.Redirect{PathPrefix: "/a"})),
			[]string{comesBack("Rules[1]", "Rules[2], Rules[3]")}},
		"there and back in another case": {several(
			mesh.Rule{Match: []mesh.Match{{URI: mesh.Prefix("/A"), IgnoreURICase: true}}, Redirect: mesh.Redirect{PathPrefix: "/b"}}, rule(mesh.Prefix("/b"), mesh.Redirect{URI: "/a"}),
		), []string{comesBack("Rules[0]", "Rules[1]")}},
		"a way that ends": {several(rule(mesh.Prefix("/a"), mesh.Redirect{PathPrefix: "/b"}), rule(mesh.Prefix("/b"), mesh.Redirect{PathPrefix: "/c"})), nil},
		"a way to somebody else": {several(rule(mesh.Exact("/a"), mesh.Redirect{URI: "/b"}),
			rule(mesh.Exact("/b"), mesh.Redirect{URI: "/a", Authority: "docs.example.com"})), nil},
		"a path below itself":        {redirects(docs, mesh.Redirect{URI: "/docs/index.html"}), []string{loop}},
		"itself":                     {redirects(docs, mesh.Redirect{URI: "/docs"}), []string{loop}},
		"a prefix below itself":      {redirects(docs, mesh.Redirect{PathPrefix: "/docs/v2"}), []string{loop}},
		"the Service's own host":     {redirects(docs, mesh.Redirect{Authority: "cart"}), []string{loop}},
		"a scheme that it is for":    {redirects(docs, mesh.Redirect{Scheme: "https"}), []string{loop}},
		"with the method kept":       {redirects(post, mesh.Redirect{URI: "/docs/x", Code: 308}), []string{loop}},
		"elsewhere":                  {redirects(docs, mesh.Redirect{URI: "/documents"}), nil},
		"the host of somebody else":  {redirects(docs, mesh.Redirect{Authority: "docs.example.com"}), nil},
		"with a method that changes": {redirects(post, mesh.Redirect{URI: "/docs/x", Code: 303}), nil},
		"a scheme that it is not for": {redirects(mesh.Match{URI: mesh.Prefix("/docs"), Scheme: mesh.Exact("http")},
			mesh.Redirect{Scheme: "https"}), nil},
		"what a rule before it takes": {canary(func(parts meshParts, props *mesh.IstioCanaryProps) {
			props.Rules = []mesh.Rule{
				{Match: []mesh.Match{{URI: mesh.Exact("/docs/index.html")}}, To: []mesh.Destination{{Workload: parts.v1}}},
				{Match: []mesh.Match{docs}, Redirect: mesh.Redirect{URI: "/docs/index.html"}},
			}
		}), nil},
		"an expression has no prefix": {redirects(mesh.Match{URI: mesh.Regex("/d.*")}, mesh.Redirect{PathPrefix: "/x"}), []string{
			`[chart/canary] Rules[0].Redirect.PathPrefix: "/x" replaces a prefix, and Rules[0].Match[0].URI is a Regex; use URI, or match by Prefix`,
		}},
		"a prefix that is no plain path": {redirects(docs, mesh.Redirect{PathPrefix: "/x?a=b"}), []string{
			`[chart/canary] Rules[0].Redirect.PathPrefix: "/x?a=b" has a query, a fragment or an empty element, and the rest of the path follows it; use a plain path, for example "/v2"`,
		}},
		"a path that is no plain one": {canary(func(parts meshParts, props *mesh.IstioCanaryProps) {
			props.Rules = []mesh.Rule{{Match: []mesh.Match{docs}, Rewrite: mesh.Rewrite{URI: "/x//"}, To: []mesh.Destination{{Workload: parts.v1}}}}
		}), []string{
			`[chart/canary] Rules[0].Rewrite.URI: "/x//" has a query, a fragment or an empty element, and the rest of the path follows it; use a plain path, for example "/v2"`,
		}},
		"two targets": {redirects(docs, mesh.Redirect{URI: "/x", PathPrefix: "/y"}), []string{
			`[chart/canary] Rules[0].Redirect.PathPrefix: "/y" cannot stand beside URI; leave out one of them`,
		}},
	}
	bad.Run(t)
}
