package e2e

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cdk8s-team/cdk8s-core-go/cdk8s/v2"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/crossoverJie/k8s-combat/imports/tree"
	"github.com/crossoverJie/k8s-combat/infra"
	"github.com/crossoverJie/k8s-combat/infra/e2e/echo/wire"
	"github.com/crossoverJie/k8s-combat/infra/mesh"
)

// The tests of this file hold the options of an IstioCanary's rules to their documentation, one by one, as a client
// outside of the cluster sees them through Istio's ingress gateway.

// option is an IstioCanary of its own, behind a host of its own.
type option struct {
	name  string
	rules func(v1, v2 infra.Workload) []mesh.Rule
	asks  []ask
	// measure looks at more than one answer can tell. Defaults to nothing.
	measure func(t *testing.T, m measured)
}

// ask is a request and what is to come of it.
type ask struct {
	// target is the path, and the query. The method defaults to GET.
	target, method string
	headers        headers

	// status defaults to 200, which a pod answers with unless byProxy is set.
	status  int
	byProxy bool
	// uri and host are what reaches the pod. Default to target and the host that was asked for.
	uri, host string
	// arrives are headers that reach the pod, and returns those of the answer: an empty one is not there.
	arrives, returns headers
}

// readyPath is routed for every option, so that it is known when the gateway has heard of it.
const readyPath = "/e2e-ready"

// optionHost is the host of an option. Each run has its own, whatever another one has left.
func optionHost(namespace string, i int) string {
	return fmt.Sprintf("option-%d.%s.example.com", i, namespace)
}

// applyOptions applies all options to one echo of two versions, and returns the door to them.
func applyOptions(t *testing.T, namespace string, options []option) door {
	t.Helper()
	address := needGateway(t)
	applyApp(t, func(app cdk8s.App) {
		chart := tree.NewChart(app, "options", tree.ChartProps{Namespace: namespace})
		v1, v2 := newEchoes(chart)
		gateway := mesh.NewIstioGateway(chart, "gateway", mesh.IstioGatewayProps{
			Name: "gateway", Servers: []mesh.GatewayServer{{Port: 80, Hosts: []string{"*." + namespace + ".example.com"}}},
		})
		for i, option := range options {
			name := fmt.Sprintf("option-%d", i)
			ready := mesh.Rule{Match: []mesh.Match{{URI: mesh.Exact(readyPath)}}, To: []mesh.Destination{{Workload: v1}}}
			mesh.NewIstioCanary(chart, name, mesh.IstioCanaryProps{
				Name:     name,
				Service:  infra.NewService(chart, name+"-service", infra.ServiceProps{Name: name, Selector: echoLabels, Ports: echoPorts}),
				Versions: []mesh.Version{{Name: "v1", Workload: v1}, {Name: "v2", Workload: v2}},
				Gateways: []*mesh.IstioGateway{gateway}, Hosts: []string{optionHost(namespace, i)},
				Rules: append([]mesh.Rule{ready}, option.rules(v1, v2)...),
			})
		}
	})
	awaitDeployments(t, namespace)
	outside := door{address: address}
	for i := range options {
		outside.await(t, "http://"+optionHost(namespace, i)+readyPath)
	}
	return outside
}

// TestOptions goes through them.
func TestOptions(t *testing.T) {
	needGateway(t)
	namespace := newNamespace(t, "options")
	options := slices.Concat(answeredOptions, measuredOptions)
	outside := applyOptions(t, namespace, options)
	asked := 0
	for i, option := range options {
		t.Run(option.name, func(t *testing.T) {
			for _, ask := range option.asks {
				ask.check(t, outside, optionHost(namespace, i))
				asked++
			}
			if option.measure != nil {
				option.measure(t, measured{namespace, optionHost(namespace, i), outside})
			}
		})
	}
	t.Logf("%d options, %d single requests, through %s", len(options), asked, outside.address)
}

func (a ask) check(t *testing.T, outside door, host string) {
	t.Helper()
	method := a.method
	if method == "" {
		method = http.MethodGet
	}
	got, err := outside.try(t, method, "http://"+host+a.target, a.headers)
	require.NoError(t, err)
	what := fmt.Sprintf("%s %s %v", method, a.target, a.headers)
	status := a.status
	if status == 0 {
		status = http.StatusOK
	}
	assert.Equal(t, status, got.status, "%s: %.200s", what, got.body)
	assertHeaders(t, strings.NewReplacer("HOST", host), a.returns, got.header, what+", answered")
	if status != http.StatusOK || a.byProxy {
		assert.Empty(t, got.echo.Pod, "%s: reaches a pod", what)
		return
	}
	uri, asked := a.uri, a.host
	if uri == "" {
		uri = a.target
	}
	if asked == "" {
		asked = host
	}
	assert.Equal(t, uri, got.echo.URI, "%s: the URI that arrives", what)
	assert.Equal(t, asked, got.echo.Host, "%s: the host that arrives", what)
	assert.Equal(t, method, got.echo.Method, what)
	assertHeaders(t, strings.NewReplacer(), a.arrives, got.echo.Header, what+", arrived")
}

// assertHeaders compares the headers that are named with those that are there, several values joined by a comma.
func assertHeaders(t *testing.T, replacer *strings.Replacer, want headers, got http.Header, what string) {
	t.Helper()
	for name, value := range want {
		assert.Equal(t, replacer.Replace(value), strings.Join(got.Values(name), ","), "%s: header %s", what, name)
	}
}

// to sends everything that the rule matches to the workload.
func to(workload infra.Workload) []mesh.Destination { return []mesh.Destination{{Workload: workload}} }

// uri matches by the path alone.
func uri(match mesh.StringMatch) []mesh.Match { return []mesh.Match{{URI: match}} }

// only is a single rule, which goes to v1.
func only(rule mesh.Rule) func(v1, v2 infra.Workload) []mesh.Rule {
	return func(v1, _ infra.Workload) []mesh.Rule {
		rule.To = to(v1)
		return []mesh.Rule{rule}
	}
}

// redirect is a single rule, which goes nowhere.
func redirect(match []mesh.Match, redirect mesh.Redirect) func(v1, v2 infra.Workload) []mesh.Rule {
	return func(_, _ infra.Workload) []mesh.Rule { return []mesh.Rule{{Match: match, Redirect: redirect}} }
}

const notFound = http.StatusNotFound

// answeredOptions are seen by single answers.
var answeredOptions = []option{
	{name: "Match.URI Prefix", rules: only(mesh.Rule{Match: uri(mesh.Prefix("/common"))}), asks: []ask{
		{target: "/common"}, {target: "/common/"}, {target: "/common/api?a=b"}, {target: "/common?a=b"},
		{target: "/commonplace", status: notFound}, {target: "/", status: notFound}, {target: "/Common", status: notFound},
	}},
	{name: "Match.URI Prefix with a slash", rules: only(mesh.Rule{Match: uri(mesh.Prefix("/common/"))}), asks: []ask{
		{target: "/common"}, {target: "/common/"}, {target: "/common/api"}, {target: "/commonplace", status: notFound},
	}},
	{name: "Match.IgnoreURICase", rules: only(mesh.Rule{Match: []mesh.Match{{URI: mesh.Prefix("/common"), IgnoreURICase: true}}}), asks: []ask{
		{target: "/Common"}, {target: "/COMMON/Api"}, {target: "/commonPlace", status: notFound},
	}},
	{name: "Match.URI Exact", rules: only(mesh.Rule{Match: uri(mesh.Exact("/a"))}), asks: []ask{
		{target: "/a"}, {target: "/a?b=c"}, {target: "/a/", status: notFound}, {target: "/a/b", status: notFound},
	}},
	{name: "Match.URI Regex", rules: only(mesh.Rule{Match: uri(mesh.Regex("/v[0-9]+/.*"))}), asks: []ask{
		{target: "/v12/x"}, {target: "/x/v12/x", status: notFound}, {target: "/v12", status: notFound},
	}},
	{name: "Match.Headers", rules: only(mesh.Rule{Match: []mesh.Match{{Headers: map[string]mesh.StringMatch{
		"x-exact": mesh.Exact("a"), "x-prefix": mesh.Prefix("b"), "x-regex": mesh.Regex("c+"), "x-present": mesh.Present(),
	}}}}), asks: []ask{
		{target: "/", headers: headers{"x-exact": "a", "x-prefix": "bb", "x-regex": "cc", "x-present": "d"}},
		{target: "/", headers: headers{"x-exact": "aa", "x-prefix": "bb", "x-regex": "cc", "x-present": "d"}, status: notFound},
		{target: "/", headers: headers{"x-exact": "a", "x-prefix": "ab", "x-regex": "cc", "x-present": "d"}, status: notFound},
		{target: "/", headers: headers{"x-exact": "a", "x-prefix": "bb", "x-regex": "dcc", "x-present": "d"}, status: notFound},
		{target: "/", headers: headers{"x-exact": "a", "x-prefix": "bb", "x-regex": "cc"}, status: notFound},
	}},
	{name: "Match.WithoutHeaders", rules: only(mesh.Rule{Match: []mesh.Match{{WithoutHeaders: map[string]mesh.StringMatch{
		"x-present": mesh.Present(), "x-exact": mesh.Exact("a"),
	}}}}), asks: []ask{
		{target: "/"}, {target: "/", headers: headers{"x-exact": "b"}},
		{target: "/", headers: headers{"x-exact": "a"}, status: notFound}, {target: "/", headers: headers{"x-present": "a"}, status: notFound},
	}},
	{name: "Match.Method and Scheme", rules: only(mesh.Rule{Match: []mesh.Match{{Method: mesh.Exact("PUT"), Scheme: mesh.Exact("http")}}}), asks: []ask{
		{target: "/", method: "PUT"}, {target: "/", status: notFound},
	}},
	{name: "Match.Authority", rules: only(mesh.Rule{Match: []mesh.Match{{Authority: mesh.Regex("nobody.*")}}}), asks: []ask{{target: "/", status: notFound}}},
	{name: "Match.Authority of the host", rules: only(mesh.Rule{Match: []mesh.Match{{Authority: mesh.Prefix("option-")}}}), asks: []ask{{target: "/"}}},
	{name: "Match.QueryParams", rules: only(mesh.Rule{Match: []mesh.Match{{QueryParams: map[string]mesh.StringMatch{
		"exact": mesh.Exact("a"), "prefix": mesh.Prefix("b"), "present": mesh.Present(),
	}}}}), asks: []ask{
		{target: "/?exact=a&prefix=bb&present="}, {target: "/?exact=aa&prefix=bb&present=", status: notFound},
		{target: "/?exact=a&prefix=ab&present=", status: notFound}, {target: "/?exact=a&prefix=b", status: notFound},
	}},
	{name: "Match.Port", rules: only(mesh.Rule{Match: []mesh.Match{{Port: 80}}}), asks: []ask{{target: "/"}}},

	{name: "Rewrite.URI of a Prefix to /", rules: only(mesh.Rule{Match: uri(mesh.Prefix("/common")), Rewrite: mesh.Rewrite{URI: "/"}}), asks: []ask{
		{target: "/common", uri: "/"}, {target: "/common/", uri: "/"}, {target: "/common/api", uri: "/api"},
		{target: "/common/api/?a=b", uri: "/api/?a=b"}, {target: "/common?a=b", uri: "/?a=b"}, {target: "/commonplace", status: notFound},
	}},
	{name: "Rewrite.URI of a Prefix to a prefix", rules: only(mesh.Rule{Match: uri(mesh.Prefix("/api")), Rewrite: mesh.Rewrite{URI: "/v2"}}), asks: []ask{
		{target: "/api", uri: "/v2"}, {target: "/api/", uri: "/v2/"}, {target: "/api/cart", uri: "/v2/cart"}, {target: "/apis", status: notFound},
	}},
	{name: "Rewrite.URI of a Prefix with a slash", rules: only(mesh.Rule{Match: uri(mesh.Prefix("/old/")), Rewrite: mesh.Rewrite{URI: "/new"}}), asks: []ask{
		{target: "/old/x", uri: "/new/x"}, {target: "/old/", uri: "/new/"}, {target: "/old", uri: "/new"},
	}},
	{name: "Rewrite.URI of a Prefix, ignoring case", rules: only(mesh.Rule{
		Match: []mesh.Match{{URI: mesh.Prefix("/api"), IgnoreURICase: true}}, Rewrite: mesh.Rewrite{URI: "/v2"},
	}), asks: []ask{{target: "/API/Cart", uri: "/v2/Cart"}, {target: "/Api", uri: "/v2"}}},
	{name: "Rewrite.URI of an Exact", rules: only(mesh.Rule{Match: uri(mesh.Exact("/a")), Rewrite: mesh.Rewrite{URI: "/b/c"}}), asks: []ask{
		{target: "/a", uri: "/b/c"}, {target: "/a?d=e", uri: "/b/c?d=e"},
	}},
	{name: "Rewrite.URI of a Regex", rules: only(mesh.Rule{Match: uri(mesh.Regex("/r[0-9]+.*")), Rewrite: mesh.Rewrite{URI: "/fixed"}}), asks: []ask{
		{target: "/r1/x?a=b", uri: "/fixed?a=b"},
	}},
	{name: "Rewrite.URI without a Match", rules: only(mesh.Rule{Rewrite: mesh.Rewrite{URI: "/base"}}), asks: []ask{
		{target: "/", uri: "/base/"}, {target: "/x/y?a=b", uri: "/base/x/y?a=b"},
	}},
	{name: "Rewrite.URI of two Matches", rules: only(mesh.Rule{
		Match: []mesh.Match{{URI: mesh.Exact("/one")}, {URI: mesh.Prefix("/two")}}, Rewrite: mesh.Rewrite{URI: "/new"},
	}), asks: []ask{{target: "/one", uri: "/new"}, {target: "/one/x", status: notFound}, {target: "/two/x", uri: "/new/x"}}},
	{name: "Rewrite.Authority", rules: only(mesh.Rule{Rewrite: mesh.Rewrite{Authority: "internal.example.com"}}), asks: []ask{
		{target: "/x", host: "internal.example.com"},
	}},

	{name: "Redirect.URI", rules: redirect(uri(mesh.Prefix("/old")), mesh.Redirect{URI: "/new"}), asks: []ask{
		{target: "/old", status: 301, returns: headers{"Location": "http://HOST/new"}},
		{target: "/old/x/y", status: 301, returns: headers{"Location": "http://HOST/new"}},
		{target: "/older", status: notFound},
	}},
	{name: "Redirect.PathPrefix", rules: redirect(uri(mesh.Prefix("/foo")), mesh.Redirect{PathPrefix: "/bar"}), asks: []ask{
		{target: "/foo", status: 301, returns: headers{"Location": "http://HOST/bar"}},
		{target: "/foo/", status: 301, returns: headers{"Location": "http://HOST/bar/"}},
		{target: "/foo/x/y?a=b", status: 301, returns: headers{"Location": "http://HOST/bar/x/y?a=b"}},
		{target: "/foobar", status: notFound},
	}},
	{name: "Redirect.PathPrefix to /", rules: redirect(uri(mesh.Prefix("/foo")), mesh.Redirect{PathPrefix: "/", Code: 308}), asks: []ask{
		{target: "/foo", status: 308, returns: headers{"Location": "http://HOST/"}},
		{target: "/foo/x", status: 308, returns: headers{"Location": "http://HOST/x"}},
	}},
	{name: "Redirect.PathPrefix of an Exact", rules: redirect(uri(mesh.Exact("/foo")), mesh.Redirect{PathPrefix: "/bar"}), asks: []ask{
		{target: "/foo", status: 301, returns: headers{"Location": "http://HOST/bar"}}, {target: "/foo/x", status: notFound},
	}},
	{name: "Redirect.PathPrefix of every path", rules: redirect(nil, mesh.Redirect{PathPrefix: "/bar", Authority: "www.example.com"}), asks: []ask{
		{target: "/x?a=b", status: 301, returns: headers{"Location": "http://www.example.com/bar/x?a=b"}},
		{target: "/", status: 301, returns: headers{"Location": "http://www.example.com/bar/"}},
	}},
	{name: "Redirect.Authority", rules: redirect(nil, mesh.Redirect{Authority: "www.example.com"}), asks: []ask{
		{target: "/x?a=b", status: 301, returns: headers{"Location": "http://www.example.com/x?a=b"}},
	}},
	{name: "Redirect.Scheme", rules: redirect([]mesh.Match{{Scheme: mesh.Exact("http")}}, mesh.Redirect{Scheme: "https"}), asks: []ask{
		{target: "/x?a=b", status: 301, returns: headers{"Location": "https://HOST/x?a=b"}},
	}},
	{name: "Redirect.Code", rules: func(_, _ infra.Workload) []mesh.Rule {
		var rules []mesh.Rule
		for _, code := range []int32{301, 302, 303, 307, 308} {
			rules = append(rules, mesh.Rule{Match: uri(mesh.Exact(fmt.Sprintf("/%d", code))), Redirect: mesh.Redirect{URI: "/new", Code: code}})
		}
		return rules
	}, asks: []ask{
		{target: "/301", status: 301}, {target: "/302", status: 302}, {target: "/303", status: 303}, {target: "/307", status: 307}, {target: "/308", status: 308},
	}},
	{name: "Redirect with ResponseHeaders", rules: func(_, _ infra.Workload) []mesh.Rule {
		return []mesh.Rule{{Redirect: mesh.Redirect{Authority: "www.example.com"}, ResponseHeaders: mesh.HeaderEdits{Set: map[string]string{"x-why": "moved"}}}}
	}, asks: []ask{{target: "/", status: 301, returns: headers{"x-why": "moved", "Location": "http://www.example.com/"}}}},

	{name: "RequestHeaders", rules: only(mesh.Rule{RequestHeaders: mesh.HeaderEdits{
		Set:    map[string]string{"x-set": "new", "x-user-seen": "%REQ(x-user)%", "x-protocol": "%PROTOCOL%", "x-share": "100%%"},
		Add:    map[string]string{"x-add": "two"},
		Remove: []string{"x-remove"},
	}}), asks: []ask{
		{
			target: "/", headers: headers{"x-set": "old", "x-user": "ann", "x-add": "one", "x-remove": "me", "x-kept": "kept"},
			arrives: headers{"x-set": "new", "x-user-seen": "ann", "x-protocol": "HTTP/1.1", "x-share": "100%", "x-add": "one,two", "x-remove": "", "x-kept": "kept"},
			returns: headers{"x-set": "", wire.Server: wire.ServerValue},
		},
	}},
	{name: "RequestHeaders.Set removed ones", rules: only(mesh.Rule{RequestHeaders: mesh.HeaderEdits{
		Add: map[string]string{"x-both": "new"}, Remove: []string{"x-both"},
	}}), asks: []ask{{target: "/", headers: headers{"x-both": "old"}, arrives: headers{"x-both": "new"}}}},
	{name: "RequestHeaders.Set host", rules: only(mesh.Rule{RequestHeaders: mesh.HeaderEdits{Set: map[string]string{"host": "internal.example.com"}}}), asks: []ask{
		{target: "/", host: "internal.example.com"},
	}},
	{name: "ResponseHeaders", rules: only(mesh.Rule{ResponseHeaders: mesh.HeaderEdits{
		Set: map[string]string{wire.Server: "changed", "x-protocol": "%PROTOCOL%"}, Add: map[string]string{"x-add": "two"}, Remove: []string{"Content-Type"},
	}}), asks: []ask{
		{target: "/", returns: headers{wire.Server: "changed", "x-protocol": "HTTP/1.1", "x-add": "two", "Content-Type": ""}},
	}},
	{name: "ResponseHeaders.Add beside one", rules: only(mesh.Rule{ResponseHeaders: mesh.HeaderEdits{Add: map[string]string{wire.Server: "second"}}}), asks: []ask{
		{target: "/", returns: headers{wire.Server: wire.ServerValue + ",second"}},
	}},

	{name: "CORS", rules: only(mesh.Rule{CORS: mesh.CORS{
		AllowOrigins: []mesh.StringMatch{mesh.Exact("https://www.example.com"), mesh.Prefix("https://dev."), mesh.Regex(`https://[a-z]+\.example\.org`)},
		AllowMethods: []string{"GET", "PUT"}, AllowHeaders: []string{"x-user"}, ExposeHeaders: []string{wire.Server},
		MaxAge: 10 * time.Minute, AllowCredentials: true,
	}}), asks: []ask{
		{
			target: "/", method: "OPTIONS", headers: headers{"Origin": "https://www.example.com", "Access-Control-Request-Method": "PUT"},
			returns: headers{
				"Access-Control-Allow-Origin": "https://www.example.com", "Access-Control-Allow-Methods": "GET,PUT", "Access-Control-Allow-Headers": "x-user",
				"Access-Control-Max-Age": "600", "Access-Control-Allow-Credentials": "true",
			},
			byProxy: true,
		},
		{
			target: "/", method: "OPTIONS", headers: headers{"Origin": "https://dev.example.net", "Access-Control-Request-Method": "GET"},
			returns: headers{"Access-Control-Allow-Origin": "https://dev.example.net"}, byProxy: true,
		},
		{
			target: "/", headers: headers{"Origin": "https://shop.example.org"},
			returns: headers{
				"Access-Control-Allow-Origin": "https://shop.example.org", "Access-Control-Allow-Credentials": "true",
				"Access-Control-Expose-Headers": wire.Server, wire.Server: wire.ServerValue,
			},
		},
		{target: "/", returns: headers{"Access-Control-Allow-Origin": ""}},
		{target: "/", headers: headers{"Origin": "https://evil.example.com"}, returns: headers{"Access-Control-Allow-Origin": ""}},
		{
			target: "/", method: "OPTIONS", headers: headers{"Origin": "https://evil.example.com", "Access-Control-Request-Method": "PUT"},
			returns: headers{"Access-Control-Allow-Origin": "", wire.Server: wire.ServerValue},
		},
	}},
	{name: "CORS for any origin", rules: only(mesh.Rule{CORS: mesh.CORS{AllowOrigins: []mesh.StringMatch{mesh.Exact("*")}, AllowMethods: []string{"*"}, AllowHeaders: []string{"*"}}}), asks: []ask{
		{
			target: "/", method: "OPTIONS",
			headers: headers{"Origin": "https://a.example.com", "Access-Control-Request-Method": "DELETE", "Access-Control-Request-Headers": "x-any"},
			returns: headers{
				"Access-Control-Allow-Origin": "https://a.example.com", "Access-Control-Allow-Methods": "DELETE", "Access-Control-Allow-Headers": "x-any",
				"Access-Control-Max-Age": "", "Access-Control-Allow-Credentials": "",
			},
			byProxy: true,
		},
	}},
}
