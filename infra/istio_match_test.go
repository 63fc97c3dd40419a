package infra_test

import (
	"strings"
	"testing"

	"github.com/cdk8s-team/cdk8s-core-go/cdk8s/v2"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	networkingv1 "istio.io/client-go/pkg/apis/networking/v1"

	"github.com/crossoverJie/k8s-combat/infra"
)

// conditions are conditions on headers or parameters.
type conditions = map[string]infra.StringMatch

// withGateway gives a canary a gateway with servers for www.example.com.
func withGateway(parts meshParts, props *infra.IstioCanaryProps, servers ...infra.GatewayServer) {
	for i := range servers {
		servers[i].Hosts = []string{"www.example.com"}
	}
	door := infra.NewIstioGateway(parts.chart, "gateway", infra.IstioGatewayProps{Name: "door", Servers: servers})
	props.Gateways, props.Hosts = []*infra.IstioGateway{door}, []string{"www.example.com"}
	props.Rules[0].To[0].Port = "web"
}

// matching builds a canary with one rule for inside the mesh, for gateways, or for both.
func matching(gateways, mesh bool, matches ...infra.Match) func(cdk8s.Chart) {
	return canary(func(parts meshParts, props *infra.IstioCanaryProps) {
		if gateways {
			withGateway(parts, props, infra.GatewayServer{Port: 8080})
		}
		props.Mesh = mesh
		props.Rules[0].Match = matches
	})
}

func TestMatchGoodInput(t *testing.T) {
	t.Parallel()
	for name, build := range map[string]func(cdk8s.Chart){
		"empty values":            matching(false, true, infra.Match{Headers: conditions{"x": infra.Exact("")}, QueryParams: conditions{"debug": infra.Exact("")}}),
		"pseudo-headers":          matching(false, true, infra.Match{Headers: conditions{":authority": infra.Prefix("cart"), ":path": infra.Regex("/.*[?]a=.*")}}),
		"one condition two ways":  matching(false, true, infra.Match{Method: infra.Regex("P.*"), Headers: conditions{":method": infra.Exact("PUT")}}),
		"own methods":             matching(false, true, infra.Match{Method: infra.Exact("PURGE")}),
		"there, but not this":     matching(false, true, infra.Match{Headers: conditions{"x": infra.Present()}, WithoutHeaders: conditions{"x": infra.Exact("1")}}),
		"prefix, but not this":    matching(false, true, infra.Match{Headers: conditions{"x": infra.Prefix("a")}, WithoutHeaders: conditions{"x": infra.Prefix("ab")}}),
		"not empty":               matching(false, true, infra.Match{WithoutHeaders: conditions{"x": infra.Exact("")}}),
		"longest expression":      matching(false, true, infra.Match{URI: infra.Regex("/" + strings.Repeat("a", 1023))}),
		"expression without case": matching(false, true, infra.Match{URI: infra.Regex("(?i)/cart")}),
		"claims": matching(true, false, infra.Match{
			Headers:        conditions{"@request.auth.claims.sub": infra.Exact("a"), "@request.auth.claims[https://example.com/role][id]": infra.Prefix("b")},
			WithoutHeaders: conditions{"@request.auth.claims.groups": infra.Regex(".*")},
		}),
		"ports inside":              matching(false, true, infra.Match{Port: 80}, infra.Match{Port: 50051}),
		"ports inside and outside":  matching(true, true, infra.Match{Port: 80}, infra.Match{Port: 8080}),
		"labels inside and outside": matching(true, true, infra.Match{SourceLabels: map[string]string{"app": "web"}}),
		"authority of a host":       matching(true, false, infra.Match{Authority: infra.Exact("www.example.com:8080")}),
		"port of another host": canary(func(_ meshParts, props *infra.IstioCanaryProps) {
			props.Hosts = []string{"cart.example.com"}
			props.Rules[0].Match = []infra.Match{{Port: 8443}}
		}),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, messages := synth(t, build)
			assert.Empty(t, messages)
		})
	}
}

func TestMatchBadInput(t *testing.T) {
	t.Parallel()
	const never = `, so the match can never apply; leave out one of them`
	badInput{
		"texts": {matching(false, true, infra.Match{
			URI: infra.Exact("/a?b=1"), Method: infra.Exact("get"), Scheme: infra.Exact("ftp"), Authority: infra.Regex(strings.Repeat("a", 1025)),
			Headers: conditions{"x": infra.Prefix("")}, QueryParams: conditions{"": infra.Exact("1")},
		}, infra.Match{URI: infra.Prefix("/a#b"), Method: infra.Exact("GET /")}), []string{
			`[chart/canary] Rules[0].Match[0].Authority: "` + strings.Repeat("a", 80) + `"... (1025 bytes) is longer than the 1024 bytes that Istio takes; shorten it`,
			`[chart/canary] Rules[0].Match[0].URI: "/a?b=1" has a query or fragment, which is no part of the path, so the match can never apply; use QueryParams`,
			`[chart/canary] Rules[0].Match[0].Method: "get" is not an HTTP method, which is written in upper case; use "GET"`,
			`[chart/canary] Rules[0].Match[0].Scheme: "ftp" is not a scheme; use http or https`,
			`[chart/canary] Rules[0].Match[0].Headers["x"]: "" matches nothing or everything; give a text, or leave the condition out`,
			`[chart/canary] Rules[0].Match[0].QueryParams[""]: is not set; name the parameter`,
			`[chart/canary] Rules[0].Match[1].URI: "/a#b" has a query or fragment, which is no part of the path, so the match can never apply; use QueryParams`,
			`[chart/canary] Rules[0].Match[1].Method: "GET /" is not an HTTP method; use for example "GET"`,
		}},
		"paths": {matching(false, true, infra.Match{URI: infra.Regex("api/.*"), IgnoreURICase: true}, infra.Match{IgnoreURICase: true}), []string{
			`[chart/canary] Rules[0].Match[0].URI: "api/.*" begins with "api/" and a path with '/', so the match can never apply; begin it with '/'`,
			`[chart/canary] Rules[0].Match[0].IgnoreURICase: true is ignored by Istio where URI is a Regex; begin that with (?i) instead`,
			`[chart/canary] Rules[0].Match[1].URI: is not set; give the path that is compared, or leave out IgnoreURICase`,
		}},
		"names of headers": {matching(false, true, infra.Match{Headers: conditions{
			":status": infra.Exact("200"), ":foo": infra.Exact("1"), "method": infra.Exact("GET"), "a b": infra.Exact("1"),
		}}), []string{
			`[chart/canary] Rules[0].Match[0].Headers: ":foo" is not the name of a header; use lower-case letters, digits and '-'`,
			`[chart/canary] Rules[0].Match[0].Headers: ":status" is in responses alone; leave it out`,
			`[chart/canary] Rules[0].Match[0].Headers: "a b" is not the name of a header; use lower-case letters, digits and '-'`,
			`[chart/canary] Rules[0].Match[0].Headers: "method" is ignored by Istio among headers; use the field of this name`,
		}},
		"claims inside the mesh": {matching(true, true, infra.Match{Headers: conditions{"@request.auth.claims.sub": infra.Exact("a")}}), []string{
			`[chart/canary] Rules[0].Match[0].Headers: "@request.auth.claims.sub" is a claim of a token, which Istio looks for in requests through gateways alone; leave it out, or give Gateways and leave out Mesh`,
		}},
		"claims": {matching(true, false, infra.Match{
			Headers:        conditions{"@request.auth.claims": infra.Exact("a"), "@request.auth.claims..a": infra.Exact("a"), "@request.auth": infra.Exact("a")},
			WithoutHeaders: conditions{"@request.auth.claims.sub": infra.Present()},
		}), []string{
			`[chart/canary] Rules[0].Match[0].Headers: "@request.auth" is not the name of a header; use lower-case letters, digits and '-'`,
			`[chart/canary] Rules[0].Match[0].Headers: "@request.auth.claims" is not a claim of a token; use for example "@request.auth.claims.sub" or "@request.auth.claims[group][id]"`,
			`[chart/canary] Rules[0].Match[0].Headers: "@request.auth.claims..a" is not a claim of a token; use for example "@request.auth.claims.sub" or "@request.auth.claims[group][id]"`,
			`[chart/canary] Rules[0].Match[0].WithoutHeaders["@request.auth.claims.sub"]: "Present()" is for headers and parameters of the query alone; use Exact, Prefix or Regex`,
		}},
		"contradictions": {matching(false, true,
			infra.Match{Headers: conditions{"x": infra.Exact("1")}, WithoutHeaders: conditions{"x": infra.Exact("1")}},
			infra.Match{Headers: conditions{"x": infra.Exact("ab")}, WithoutHeaders: conditions{"x": infra.Prefix("a")}},
			infra.Match{Headers: conditions{"x": infra.Regex("a|b")}, WithoutHeaders: conditions{"x": infra.Present()}},
			infra.Match{WithoutHeaders: conditions{"x": infra.Regex(".*")}},
			infra.Match{WithoutHeaders: conditions{":path": infra.Present()}},
			infra.Match{Method: infra.Exact("GET"), WithoutHeaders: conditions{":method": infra.Regex("GET|HEAD")}},
			infra.Match{Authority: infra.Prefix("a."), Headers: conditions{":authority": infra.Prefix("b.")}},
			infra.Match{Method: infra.Regex("P.*"), Headers: conditions{":method": infra.Exact("GET")}},
		), []string{
			`[chart/canary] Rules[0].Match[0].WithoutHeaders["x"]: Exact("1") excludes what Rules[0].Match[0].Headers["x"], Exact("1"), asks for` + never,
			`[chart/canary] Rules[0].Match[1].WithoutHeaders["x"]: Prefix("a") excludes what Rules[0].Match[1].Headers["x"], Exact("ab"), asks for` + never,
			`[chart/canary] Rules[0].Match[2].WithoutHeaders["x"]: Present() excludes what Rules[0].Match[2].Headers["x"], Regex("a|b"), asks for` + never,
			`[chart/canary] Rules[0].Match[3].WithoutHeaders["x"]: Regex(".*") holds for a header that is not there too, which Istio takes for an empty one, so the match can never apply; use Present()`,
			`[chart/canary] Rules[0].Match[4].WithoutHeaders[":path"]: Present() holds for every request, so the match can never apply; leave it out`,
			`[chart/canary] Rules[0].Match[5].WithoutHeaders[":method"]: Regex("GET|HEAD") excludes what Rules[0].Match[5].Method, Exact("GET"), asks for` + never,
			`[chart/canary] Rules[0].Match[6].Authority: Prefix("a.") cannot hold together with Rules[0].Match[6].Headers[":authority"], Prefix("b.")` + never,
			`[chart/canary] Rules[0].Match[7].Method: Regex("P.*") cannot hold together with Rules[0].Match[7].Headers[":method"], Exact("GET")` + never,
		}},
		"port inside": {matching(false, true, infra.Match{Port: 8080}), []string{
			`[chart/canary] Rules[0].Match[0].Port: 8080 is a port of neither Service nor Gateways that rules are for, so the match can never apply; use 80 or 50051`,
		}},
		"port outside": {canary(func(parts meshParts, props *infra.IstioCanaryProps) {
			withGateway(parts, props, infra.GatewayServer{Port: 80, RedirectToHTTPS: true}, infra.GatewayServer{Port: 8080}, infra.GatewayServer{Port: 9000, Protocol: infra.GatewayTCP})
			props.Rules[0].Match = []infra.Match{{Port: 80}, {Port: 9000}, {Port: 50051}, {Port: 8080}}
		}), []string{
			`[chart/canary] Rules[0].Match[0].Port: 80 is a port of neither Service nor Gateways that rules are for, so the match can never apply; use 8080`,
			`[chart/canary] Rules[0].Match[1].Port: 9000 is a port of neither Service nor Gateways that rules are for, so the match can never apply; use 8080`,
			`[chart/canary] Rules[0].Match[2].Port: 50051 is a port of neither Service nor Gateways that rules are for, so the match can never apply; use 8080`,
		}},
		"port that speaks no HTTP": {canary(func(parts meshParts, props *infra.IstioCanaryProps) {
			props.Service = infra.NewService(parts.chart, "other", infra.ServiceProps{
				Name: "cart-2", Selector: map[string]string{"service": "cart"}, Ports: []infra.ServicePort{{Name: "http", Port: 80}, {Name: "redis", Port: 6379}},
			})
			props.Rules[0].Match = []infra.Match{{Port: 6379}}
		}), []string{
			`[chart/canary] Rules[0].Match[0].Port: 6379 is a port of neither Service nor Gateways that rules are for, so the match can never apply; use 80`,
		}},
		"outside alone": {matching(true, false, infra.Match{SourceLabels: map[string]string{"app": "web"}, Authority: infra.Exact("shop.example.com")}), []string{
			`[chart/canary] Rules[0].Match[0].Authority: "shop.example.com" is none of Hosts, so the match can never apply; use one of them, or add it there`,
			`[chart/canary] Rules[0].Match[0].SourceLabels: "app=web" are of pods that call inside the mesh, and the rules are for Gateways alone, so the match can never apply; leave them out, or set Mesh`,
		}},
		"labels of a gateway": {matching(true, true, infra.Match{SourceLabels: map[string]string{"istio": "ingressgateway"}}), []string{
			`[chart/canary] Rules[0].Match[0].SourceLabels: "istio=ingressgateway" are of the pods of Gateways[0] too, whose requests come from outside the mesh; use labels that callers inside it alone have`,
		}},
	}.run(t)
}

// Istio does not look at SourceLabels in a match that names gateways.
func TestMatchWithSourceLabelsIsForTheMeshAlone(t *testing.T) {
	t.Parallel()
	got := only[networkingv1.VirtualService](t, "VirtualService", canary(func(parts meshParts, props *infra.IstioCanaryProps) {
		withGateway(parts, props, infra.GatewayServer{Port: 80})
		props.Mesh = true
		labelled, unlabelled := infra.Match{SourceLabels: map[string]string{"app": "web"}}, infra.Match{URI: infra.Exact("/checkout")}
		to := props.Rules[0].To
		props.Rules = []infra.Rule{{Match: []infra.Match{labelled, unlabelled}, To: to}, {Match: []infra.Match{{SourceLabels: map[string]string{"app": "api"}}}, To: to}}
	}))
	require.Len(t, got.Spec.Http, 3, "a rule for callers with labels has no route from outside the mesh")
	outside, inside, second := got.Spec.Http[0], got.Spec.Http[1], got.Spec.Http[2]
	require.Len(t, outside.Match, 1)
	assert.Equal(t, []string{"door"}, outside.Match[0].Gateways)
	require.Len(t, inside.Match, 2)
	assert.Empty(t, inside.Match[0].Gateways)
	assert.Equal(t, map[string]string{"app": "web"}, inside.Match[0].SourceLabels)
	assert.Equal(t, []string{"mesh"}, inside.Match[1].Gateways)
	assert.Empty(t, second.Match[0].Gateways)
	assert.Nil(t, second.Route[0].Destination.Port)
}
