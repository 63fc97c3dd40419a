package engine_test

import (
	"strings"
	"testing"

	"github.com/crossoverJie/k8s-combat/infra/traffic/engine"
)

// onMatch sends what a match takes to v2, and the rest to v1.
func onMatch(match string) string {
	return virtual("    - match: [" + match + "]\n      route: [{destination: {host: web, subset: v2}}]\n    - route: [{destination: {host: web, subset: v1}}]")
}

func TestMatches(t *testing.T) {
	t.Parallel()
	post := engine.Request{Host: "web", Method: "POST"}
	run(t, []asked{
		{"nothing is said", virtual("    - route: [{destination: {host: web, subset: v1}}]"), get("/"), "web-v1"},
		{"exact", onMatch("{uri: {exact: /a}}"), get("/a"), "web-v2"},
		{"exact without the query", onMatch("{uri: {exact: /a}}"), get("/a?b=1"), "web-v2"},
		{"exact is exact", onMatch("{uri: {exact: /a}}"), get("/a/"), "web-v1"},
		{"exact regards case", onMatch("{uri: {exact: /a}}"), get("/A"), "web-v1"},
		{"exact without case", onMatch("{uri: {exact: /a}, ignoreUriCase: true}"), get("/A"), "web-v2"},
		{"prefix", onMatch("{uri: {prefix: /a}}"), get("/a/b"), "web-v2"},
		// Unlike the prefix of an Ingress or an HTTPRoute, this one ends anywhere.
		{"prefix within an element", onMatch("{uri: {prefix: /a}}"), get("/ab"), "web-v2"},
		{"prefix without case", onMatch("{uri: {prefix: /a}, ignoreUriCase: true}"), get("/AB"), "web-v2"},
		{"regex of the whole path", onMatch("{uri: {regex: '/a[0-9]+'}}"), get("/a12"), "web-v2"},
		{"regex of a part", onMatch("{uri: {regex: '/a[0-9]+'}}"), get("/a12/b"), "web-v1"},
		{"regex with alternatives", onMatch("{uri: {regex: '/a|/b'}}"), get("/bc"), "web-v1"},
		{"regex keeps case", onMatch("{uri: {regex: '/a'}, ignoreUriCase: true}"), get("/A"), "web-v1"},
		{"broken regex", onMatch("{uri: {regex: '/a('}}"), get("/a("), "web-v1"},
		{"header", onMatch("{headers: {version: {exact: '200'}}}"), get("/", "Version", "200"), "web-v2"},
		{"other header", onMatch("{headers: {version: {exact: '200'}}}"), get("/", "version", "100"), "web-v1"},
		{"header missing", onMatch("{headers: {version: {exact: ''}}}"), get("/"), "web-v1"},
		{"header present", onMatch("{headers: {version: {}}}"), get("/", "version", ""), "web-v2"},
		{"header not present", onMatch("{headers: {version: {}}}"), get("/"), "web-v1"},
		// "*" is no regular expression, and for Istio stands for presence: canBeConvertedToPresentMatch in route.go.
		{"header with the regex *", onMatch("{headers: {version: {regex: '*'}}}"), get("/", "version", "x"), "web-v2"},
		{"header prefix", onMatch("{headers: {version: {prefix: '2'}}}"), get("/", "version", "200"), "web-v2"},
		{"header twice is one with a comma", onMatch("{headers: {version: {exact: 'a,b'}}}"), get("/", "version", "a", "version", "b"), "web-v2"},
		{"header host is the authority", onMatch("{headers: {host: {exact: web}}}"), get("/"), "web-v2"},
		{"without header", onMatch("{withoutHeaders: {x: {}}}"), get("/"), "web-v2"},
		{"without header that is there", onMatch("{withoutHeaders: {x: {}}}"), get("/", "x", "1"), "web-v1"},
		{"without header of a value", onMatch("{withoutHeaders: {x: {exact: '1'}}}"), get("/", "x", "2"), "web-v2"},
		// A header that is missing counts as empty here: TreatMissingHeaderAsEmpty in route.go. The documentation says nothing.
		{"without header of any value", onMatch("{withoutHeaders: {x: {regex: '.*'}}}"), get("/"), "web-v1"},
		{"query", onMatch("{queryParams: {a: {exact: '1'}}}"), get("/?a=1"), "web-v2"},
		{"first of two", onMatch("{queryParams: {a: {exact: '2'}}}"), get("/?a=1&a=2"), "web-v1"},
		{"query present", onMatch("{queryParams: {a: {}}}"), get("/?a"), "web-v2"},
		{"query missing", onMatch("{queryParams: {a: {}}}"), get("/?b"), "web-v1"},
		{"query keeps its escapes", onMatch("{queryParams: {a: {exact: 'b c'}}}"), get("/?a=b%20c"), "web-v1"},
		{"method", onMatch("{method: {exact: POST}}"), post, "web-v2"},
		{"other method", onMatch("{method: {exact: POST}}"), get("/"), "web-v1"},
		{"authority", onMatch("{authority: {prefix: web.}}"), engine.Request{Host: "web.shop"}, "web-v2"},
		{"scheme", onMatch("{scheme: {exact: https}}"), get("/"), "web-v1"},
		{"port", onMatch("{port: 80}"), get("/"), "web-v2"},
		{"other port", onMatch("{port: 8080}"), get("/"), "web-v1"},
		{"all of one", onMatch("{uri: {exact: /a}, method: {exact: POST}}"), get("/a"), "web-v1"},
		{"one of several", onMatch("{uri: {exact: /a}}, {uri: {exact: /b}}"), get("/b"), "web-v2"},
		{"source labels", onMatch("{sourceLabels: {tier: back}}"), engine.Request{Host: "web", From: "shop/cart"}, "web-v2"},
		{"other source labels", onMatch("{sourceLabels: {tier: front}}"), engine.Request{Host: "web", From: "shop/cart"}, "web-v1"},
		{"source namespace", onMatch("{sourceNamespace: shop}"), engine.Request{Host: "web", From: "shop/cart"}, "web-v2"},
		{"other source namespace", onMatch("{sourceNamespace: other}"), engine.Request{Host: "web", From: "shop/cart"}, "web-v1"},
		{"gateway mesh", onMatch("{gateways: [mesh]}"), get("/"), "web-v2"},
		{"other gateway", onMatch("{gateways: [edge]}"), get("/"), "web-v1"},
		// With gateways, labels are not asked: sourceMatchHTTP in route.go.
		{"gateways and labels", onMatch("{gateways: [mesh], sourceLabels: {tier: front}}"), get("/"), "web-v2"},
		{"fields in snake case", onMatch("{ignore_uri_case: true, uri: {exact: /a}}"), get("/A"), "web-v2"},
		{"a number as text", onMatch("{port: '80'}"), get("/"), "web-v2"},
		{"dot segments", onMatch("{uri: {exact: /b}}"), get("/a/../b"), "web-v2"},
		{"escaped letters", onMatch("{uri: {exact: /b}}"), get("/%62"), "web-v2"},
		{"double slashes stay", onMatch("{uri: {exact: /b}}"), get("//b"), "web-v1"},
		{"gRPC", onMatch("{uri: {exact: /shop.Web/Get}}"), engine.Request{Host: "web", GRPC: "shop.Web/Get"}, "web-v2"},
	})
}

func TestRules(t *testing.T) {
	t.Parallel()
	v1, v2 := "      route: [{destination: {host: web, subset: v1}}]\n", "      route: [{destination: {host: web, subset: v2}}]\n"
	run(t, []asked{
		{"the first counts", virtual("    - match: [{uri: {prefix: /}}]\n" + v1 + "    - match: [{uri: {exact: /a}}]\n" + v2), get("/a"), "web-v1"},
		{"no rule", virtual("    - match: [{uri: {exact: /a}}]\n" + v1), get("/b"), "404"},
		// A VirtualService of which nothing is left for the caller is as if it were not there.
		{"no rule for the caller", virtual("    - match: [{sourceLabels: {a: b}}]\n" + v1), get("/b"), "web-v1 50, web-v2 50"},
		{"none at all", "", get("/"), "web-v1 50, web-v2 50"},
		{"weights", virtual("    - route: [{destination: {host: web, subset: v1}, weight: 10}, {destination: {host: web, subset: v2}, weight: 30}]"), get("/"), "web-v1 25, web-v2 75"},
		{"weight 0 beside others", virtual("    - route: [{destination: {host: web, subset: v1}, weight: 0}, {destination: {host: web, subset: v2}, weight: 100}]"), get("/"), "web-v2"},
		{"weight 0 alone", virtual("    - route: [{destination: {host: web, subset: v1}, weight: 0}]"), get("/"), "web-v1"},
		{"subset missing", virtual("    - route: [{destination: {host: web, subset: v3}}]"), get("/"), "503"},
		{"service missing", virtual("    - route: [{destination: {host: nobody}}]"), get("/"), "503"},
		{"namespace not in the set", virtual("    - route: [{destination: {host: web.other.svc.cluster.local}}]"), get("/"), "undecided"},
		{"port missing", virtual("    - route: [{destination: {host: web, port: {number: 81}}}]"), get("/"), "503"},
		{"another service", virtual("    - route: [{destination: {host: cart}}]"), get("/"), "cart"},
		{"long name", virtual("    - route: [{destination: {host: cart.shop.svc.cluster.local}}]"), get("/"), "cart"},
		// A name with a dot is taken for a long one: ResolveShortnameToFQDN in pilot/pkg/model/config.go. The documentation says so.
		{"half a name", virtual("    - route: [{destination: {host: cart.shop}}]"), get("/"), "503"},
		{"redirect", virtual("    - redirect: {uri: /b, authority: shop.io}"), get("/a?c=1"), "301 to http://shop.io/b?c=1"},
		{"redirect with a code", virtual("    - redirect: {redirectCode: 302, scheme: https}"), get("/a"), "302 to https://web/a"},
		{"redirect to a port", virtual("    - redirect: {port: 8443, scheme: https}"), get("/a"), "301 to https://web:8443/a"},
		{"redirect of a prefix", virtual("    - match: [{uri: {prefix: /a}}]\n      redirect: {prefixRewrite: /b}"), get("/a/c"), "301 to http://web/b/c"},
		{"redirect with a code that is none", virtual("    - redirect: {uri: /b, redirectCode: 399}"), get("/"), "404"},
		{"direct response", virtual("    - directResponse: {status: 204}"), get("/"), "answered 204"},
		{"direct error", virtual("    - directResponse: {status: 503, body: {string: later}}"), get("/"), "503"},
		{"abort", virtual("    - fault: {abort: {httpStatus: 418, percentage: {value: 100}}}\n" + v1), get("/"), "418"},
		{"abort of some", virtual("    - fault: {abort: {httpStatus: 418, percentage: {value: 20}}}\n" + v1), get("/"), "418 20, web-v1 80"},
		// Without a percentage there is none.
		{"abort of none", virtual("    - fault: {abort: {httpStatus: 418}}\n" + v1), get("/"), "web-v1"},
		{"no destination", virtual("    - name: empty"), get("/"), "503"},
		{"short, long and halves", onMatch("{uri: {exact: /a}}"), engine.Request{Host: "web.shop.svc", Path: "/a"}, "web-v2"},
		{"long name called", onMatch("{uri: {exact: /a}}"), engine.Request{Host: "WEB.shop.svc.cluster.local.", Path: "/a"}, "web-v2"},
		{"with a port", onMatch("{uri: {exact: /a}}"), engine.Request{Host: "web:80", Path: "/a"}, "web-v2"},
		{"wrong port", "", engine.Request{Host: "web:81"}, "reset"},
		{"no sidecar, no rules", onMatch("{uri: {exact: /a}}"), engine.Request{Host: "web", Path: "/a", From: "shop/alone"}, "web-v1 50, web-v2 50"},
		{"TCP has no rules for requests", "", engine.Request{Host: "cart", Port: 9000}, "cart"},
		{"unknown protocol", "", engine.Request{Host: "cart", Port: 7000}, "cart"},
		{"nobody", "", engine.Request{Host: "nobody"}, "404"},
		{"passed through", "", engine.Request{Host: "example.com", From: "shop/cart"}, "undecided"},
	})
}

func TestRewrites(t *testing.T) {
	t.Parallel()
	to := "\n      route: [{destination: {host: web, subset: v1}}]"
	for _, c := range []struct{ name, rule, path, want string }{
		{"prefix", "    - match: [{uri: {prefix: /a}}]\n      rewrite: {uri: /b}" + to, "/a/c?d=1", "/b/c?d=1"},
		{"prefix with a slash", "    - match: [{uri: {prefix: /a/}}]\n      rewrite: {uri: /}" + to, "/a/c", "/c"},
		// The documentation has "the original URI will be rewritten with this value": with a prefix it is the prefix alone.
		{"prefix without one", "    - match: [{uri: {prefix: /a}}]\n      rewrite: {uri: /}" + to, "/a/c", "//c"},
		{"exact", "    - match: [{uri: {exact: /a}}]\n      rewrite: {uri: /b}" + to, "/a", "/b"},
		{"regex", "    - match: [{uri: {regex: '/a.*'}}]\n      rewrite: {uri: /b}" + to, "/a/c", "/b"},
		// Without a match Envoy puts it in the place of the first slash.
		{"no match", "    - rewrite: {uri: /v2}" + to, "/ping", "/v2ping"},
		{"uriRegexRewrite", `    - rewrite: {uriRegexRewrite: {match: '^/([a-z]+)/([0-9]+)', rewrite: '/\2/\1'}}` + to, "/ab/12/c", "/12/ab/c"},
		{"uriRegexRewrite everywhere", `    - rewrite: {uriRegexRewrite: {match: 'a', rewrite: '$b'}}` + to, "/aca", "/$bc$b"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			e := explain(t, shop+virtual(c.rule), get(c.path))
			assertShares(t, e, func(s engine.Share) string { return s.Path }, c.want)
		})
	}
}

func TestHeaderEdits(t *testing.T) {
	t.Parallel()
	headers := func(s engine.Share) string {
		parts := []string{}
		for _, h := range s.Headers {
			parts = append(parts, h.Name+"="+h.Value)
		}
		return strings.Join(append(parts, s.Host), " ")
	}
	rule := func(headers, more string) string {
		return virtual("    - headers: {request: " + headers + "}\n      route: [{destination: {host: web, subset: v1}" + more + "}]")
	}
	for _, c := range []struct{ name, set, want string }{
		{"set", rule("{set: {x: '2'}}", ""), "x=2 web"},
		{"add", rule("{add: {x: '2'}}", ""), "x=1 x=2 web"},
		// Envoy removes first: a header that is removed and added is there.
		{"remove", rule("{remove: [X], add: {x: '3'}}", ""), "x=3 web"},
		{"of the destination after", rule("{set: {x: '2'}}", ", headers: {request: {set: {x: '3'}}}"), "x=3 web"},
		{"of one of two before", virtual("    - headers: {request: {set: {x: '2'}}}\n      route: [{destination: {host: web, subset: v1}, weight: 50, headers: {request: {set: {x: '3'}}}}, {destination: {host: web, subset: v1}, weight: 50, headers: {request: {set: {x: '3'}}}}]"), "x=2 web"},
		{"host", rule("{set: {':authority': other}}", ""), "x=1 other"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			assertShares(t, explain(t, shop+c.set, get("/", "x", "1")), headers, c.want)
		})
	}
}
