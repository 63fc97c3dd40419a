package mesh_test

import (
	"strings"
	"testing"

	"github.com/cdk8s-team/cdk8s-core-go/cdk8s/v2"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	networking "istio.io/api/networking/v1alpha3"
	networkingv1 "istio.io/client-go/pkg/apis/networking/v1"

	"github.com/crossoverJie/k8s-combat/infra"
	"github.com/crossoverJie/k8s-combat/infra/internal/synthtest"
	"github.com/crossoverJie/k8s-combat/infra/mesh"
)

// conditions are conditions on headers or parameters.
type conditions = map[string]mesh.StringMatch

// withGateway gives a canary a gateway with servers for www.example.com.
func withGateway(parts meshParts, props *mesh.IstioCanaryProps, servers ...mesh.GatewayServer) {
	for i := range servers {
		servers[i].Hosts = []string{"www.example.com"}
	}
	behind(parts, props, mesh.IstioGatewayProps{Servers: servers})
}

// behind gives a canary for www.example.com a gateway.
func behind(parts meshParts, props *mesh.IstioCanaryProps, gateway mesh.IstioGatewayProps) {
	gateway.Name = "door"
	door := mesh.NewIstioGateway(parts.chart, "gateway", gateway)
	props.Gateways, props.Hosts = []*mesh.IstioGateway{door}, []string{"www.example.com"}
	props.Rules[0].To[0].Port = "web"
}

// matching builds a canary with one rule for inside the mesh, for gateways, or for both.
func matching(gateways, inside bool, matches ...mesh.Match) func(cdk8s.Chart) {
	return canary(func(parts meshParts, props *mesh.IstioCanaryProps) {
		if gateways {
			withGateway(parts, props, mesh.GatewayServer{Port: 8080})
		}
		props.Mesh = inside
		props.Rules[0].Match = matches
	})
}

func TestMatchGoodInput(t *testing.T) {
	t.Parallel()
	for name, build := range map[string]func(cdk8s.Chart){
		"empty values":            matching(false, true, mesh.Match{Headers: conditions{"x": mesh.Exact("")}, QueryParams: conditions{"debug": mesh.Exact("")}}),
		"pseudo-headers":          matching(false, true, mesh.Match{Headers: conditions{":authority": mesh.Prefix("cart"), ":path": mesh.Regex("/.*[?]a=.*")}}),
		"one condition two ways":  matching(false, true, mesh.Match{Method: mesh.Regex("P.*"), Headers: conditions{":method": mesh.Exact("PUT")}}),
		"own methods":             matching(false, true, mesh.Match{Method: mesh.Exact("PURGE")}),
		"there, but not this":     matching(false, true, mesh.Match{Headers: conditions{"x": mesh.Present()}, WithoutHeaders: conditions{"x": mesh.Exact("1")}}),
		"prefix, but not this":    matching(false, true, mesh.Match{Headers: conditions{"x": mesh.Prefix("a")}, WithoutHeaders: conditions{"x": mesh.Prefix("ab")}}),
		"not empty":               matching(false, true, mesh.Match{WithoutHeaders: conditions{"x": mesh.Exact("")}}),
		"longest expression":      matching(false, true, mesh.Match{URI: mesh.Regex("/" + strings.Repeat("a", 1023))}),
		"expression without case": matching(false, true, mesh.Match{URI: mesh.Regex("(?i)/cart")}),
		"claims": matching(true, false, mesh.Match{
			Headers:        conditions{"@request.auth.claims.sub": mesh.Exact("a"), "@request.auth.claims[https://example.com/role][id]": mesh.Prefix("b")},
			WithoutHeaders: conditions{"@request.auth.claims.groups": mesh.Regex(".*")},
		}),
		"ports inside":              matching(false, true, mesh.Match{Port: 80}, mesh.Match{Port: 50051}),
		"ports inside and outside":  matching(true, true, mesh.Match{Port: 80}, mesh.Match{Port: 8080}),
		"labels inside and outside": matching(true, true, mesh.Match{SourceLabels: map[string]string{"app": "web"}}),
		"authority of a host":       matching(true, false, mesh.Match{Authority: mesh.Exact("www.example.com:8080")}),
		"port of a Certificate": canary(func(parts meshParts, props *mesh.IstioCanaryProps) {
			behind(parts, props, mesh.IstioGatewayProps{
				Servers:     []mesh.GatewayServer{{Port: 80, Hosts: []string{"./www.example.com"}, RedirectToHTTPS: true}},
				Certificate: certificate(parts.chart),
			})
			props.Rules[0].Match = []mesh.Match{{Port: 443}}
		}),
		"port of a server that Patch adds": canary(func(parts meshParts, props *mesh.IstioCanaryProps) {
			behind(parts, props, mesh.IstioGatewayProps{
				Servers: []mesh.GatewayServer{{Port: 80, Hosts: []string{"www.example.com"}}},
				Patch: func(g *networkingv1.Gateway) {
					g.Spec.Servers = append(g.Spec.Servers, &networking.Server{Hosts: []string{"*"}, Port: &networking.Port{Name: "more", Number: 8080, Protocol: "http"}})
				},
			})
			props.Rules[0].Match = []mesh.Match{{Port: 8080}}
		}),
		"port of another host": canary(func(_ meshParts, props *mesh.IstioCanaryProps) {
			props.Hosts = []string{"cart.example.com"}
			props.Rules[0].Match = []mesh.Match{{Port: 8443}}
		}),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, messages := synthtest.Synth(t, build)
			assert.Empty(t, messages)
		})
	}
}

func TestMatchBadInput(t *testing.T) {
	t.Parallel()
	const never = `, so the match can never apply; leave out one of them`
	synthtest.BadInput{
		"texts": {matching(false, true, mesh.Match{
			URI: mesh.Exact("/a?b=1"), Method: mesh.Exact("get"), Scheme: mesh.Exact("ftp"), Authority: mesh.Regex(strings.Repeat("a", 1025)),
			Headers: conditions{"x": mesh.Prefix("")}, QueryParams: conditions{"": mesh.Exact("1")},
		}, mesh.Match{URI: mesh.Prefix("/a#b"), Method: mesh.Exact("GET /")}), []string{
			`[chart/canary] Rules[0].Match[0].Authority: "` + strings.Repeat("a", 80) + `"... (1025 bytes) is longer than the 1024 bytes that Istio takes; shorten it`,
			`[chart/canary] Rules[0].Match[0].URI: "/a?b=1" has a query or fragment, which is no part of the path, so the match can never apply; use QueryParams`,
			`[chart/canary] Rules[0].Match[0].Method: "get" is not an HTTP method, which is written in upper case; use "GET"`,
			`[chart/canary] Rules[0].Match[0].Scheme: "ftp" is not a scheme; use http or https`,
			`[chart/canary] Rules[0].Match[0].Headers["x"]: "" matches nothing or everything; give a text, or leave the condition out`,
			`[chart/canary] Rules[0].Match[0].QueryParams[""]: is not set; name the parameter`,
			`[chart/canary] Rules[0].Match[1].URI: "/a#b" has a query or fragment, which is no part of the path, so the match can never apply; use QueryParams`,
			`[chart/canary] Rules[0].Match[1].Method: "GET /" is not an HTTP method; use for example "GET"`,
		}},
		"paths": {matching(false, true, mesh.Match{URI: mesh.Regex("api/.*"), IgnoreURICase: true}, mesh.Match{IgnoreURICase: true}), []string{
			`[chart/canary] Rules[0].Match[0].URI: "api/.*" begins with "api/" and a path with '/', so the match can never apply; begin it with '/'`,
			`[chart/canary] Rules[0].Match[0].IgnoreURICase: true is ignored by Istio where URI is a Regex; begin that with (?i) instead`,
			`[chart/canary] Rules[0].Match[1].URI: is not set; give the path that is compared, or leave out IgnoreURICase`,
		}},
		"names of headers": {matching(false, true, mesh.Match{Headers: conditions{
			":status": mesh.Exact("200"), ":foo": mesh.Exact("1"), "method": mesh.Exact("GET"), "a b": mesh.Exact("1"),
		}}), []string{
			`[chart/canary] Rules[0].Match[0].Headers: ":foo" is not the name of a header; use lower-case letters, digits and '-'`,
			`[chart/canary] Rules[0].Match[0].Headers: ":status" is in responses alone; leave it out`,
			`[chart/canary] Rules[0].Match[0].Headers: "a b" is not the name of a header; use lower-case letters, digits and '-'`,
			`[chart/canary] Rules[0].Match[0].Headers: "method" is ignored by Istio among headers; use the field of this name`,
		}},
		"claims inside the mesh": {matching(true, true, mesh.Match{Headers: conditions{"@request.auth.claims.sub": mesh.Exact("a")}}), []string{
			`[chart/canary] Rules[0].Match[0].Headers: "@request.auth.claims.sub" is a claim of a token, which Istio looks for in requests through gateways alone; leave it out, or give Gateways and leave out Mesh`,
		}},
		"claims": {matching(true, false, mesh.Match{
			Headers:        conditions{"@request.auth.claims": mesh.Exact("a"), "@request.auth.claims..a": mesh.Exact("a"), "@request.auth": mesh.Exact("a")},
			WithoutHeaders: conditions{"@request.auth.claims.sub": mesh.Present()},
		}), []string{
			`[chart/canary] Rules[0].Match[0].Headers: "@request.auth" is not the name of a header; use lower-case letters, digits and '-'`,
			`[chart/canary] Rules[0].Match[0].Headers: "@request.auth.claims" is not a claim of a token; use for example "@request.auth.claims.sub" or "@request.auth.claims[group][id]"`,
			`[chart/canary] Rules[0].Match[0].Headers: "@request.auth.claims..a" is not a claim of a token; use for example "@request.auth.claims.sub" or "@request.auth.claims[group][id]"`,
			`[chart/canary] Rules[0].Match[0].WithoutHeaders["@request.auth.claims.sub"]: "Present()" is for headers and parameters of the query alone; use Exact, Prefix or Regex`,
		}},
		"contradictions": {matching(false, true,
			mesh.Match{Headers: conditions{"x": mesh.Exact("1")}, WithoutHeaders: conditions{"x": mesh.Exact("1")}},
			mesh.Match{Headers: conditions{"x": mesh.Exact("ab")}, WithoutHeaders: conditions{"x": mesh.Prefix("a")}},
			mesh.Match{Headers: conditions{"x": mesh.Regex("a|b")}, WithoutHeaders: conditions{"x": mesh.Present()}},
			mesh.Match{WithoutHeaders: conditions{"x": mesh.Regex(".*")}},
			mesh.Match{WithoutHeaders: conditions{":path": mesh.Present()}},
			mesh.Match{Method: mesh.Exact("GET"), WithoutHeaders: conditions{":method": mesh.Regex("GET|HEAD")}},
			mesh.Match{Authority: mesh.Prefix("a."), Headers: conditions{":authority": mesh.Prefix("b.")}},
			mesh.Match{Method: mesh.Regex("P.*"), Headers: conditions{":method": mesh.Exact("GET")}},
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
		"port inside": {matching(false, true, mesh.Match{Port: 8080}), []string{
			`[chart/canary] Rules[0].Match[0].Port: 8080 is a port of neither Service nor Gateways that rules are for, so the match can never apply; use 80 or 50051`,
		}},
		"port outside": {canary(func(parts meshParts, props *mesh.IstioCanaryProps) {
			withGateway(parts, props, mesh.GatewayServer{Port: 80, RedirectToHTTPS: true}, mesh.GatewayServer{Port: 8080}, mesh.GatewayServer{Port: 9000, Protocol: mesh.GatewayTCP})
			props.Rules[0].Match = []mesh.Match{{Port: 80}, {Port: 9000}, {Port: 50051}, {Port: 8080}}
		}), []string{
			`[chart/canary] Rules[0].Match[0].Port: 80 is a port of neither Service nor Gateways that rules are for, so the match can never apply; use 8080`,
			`[chart/canary] Rules[0].Match[1].Port: 9000 is a port of neither Service nor Gateways that rules are for, so the match can never apply; use 8080`,
			`[chart/canary] Rules[0].Match[2].Port: 50051 is a port of neither Service nor Gateways that rules are for, so the match can never apply; use 8080`,
		}},
		"port that speaks no HTTP": {canary(func(parts meshParts, props *mesh.IstioCanaryProps) {
			props.Service = infra.NewService(parts.chart, "other", infra.ServiceProps{
				Name: "cart-2", Selector: map[string]string{"service": "cart"}, Ports: []infra.ServicePort{{Name: "http", Port: 80}, {Name: "redis", Port: 6379}},
			})
			props.Rules[0].Match = []mesh.Match{{Port: 6379}}
		}), []string{
			`[chart/canary] Rules[0].Match[0].Port: 6379 is a port of neither Service nor Gateways that rules are for, so the match can never apply; use 80`,
		}},
		"outside alone": {matching(true, false, mesh.Match{SourceLabels: map[string]string{"app": "web"}, Authority: mesh.Exact("shop.example.com")}), []string{
			`[chart/canary] Rules[0].Match[0].Authority: "shop.example.com" is none of Hosts, so the match can never apply; use one of them, or add it there`,
			`[chart/canary] Rules[0].Match[0].SourceLabels: "app=web" are of pods that call inside the mesh, and the rules are for Gateways alone, so the match can never apply; leave them out, or set Mesh`,
		}},
		"labels of a gateway": {matching(true, true, mesh.Match{SourceLabels: map[string]string{"istio": "ingressgateway"}}), []string{
			`[chart/canary] Rules[0].Match[0].SourceLabels: "istio=ingressgateway" are of the pods of Gateways[0] too, whose requests come from outside the mesh; use labels that callers inside it alone have`,
		}},
	}.Run(t)
}

// No gateway's hosts, however odd, make a canary behind it panic: an own namespace ('.') that
// nobody knows did.
func TestMatchPortBehindOddGateways(t *testing.T) {
	t.Parallel()
	hosts := []string{"", ".", "/", "./", "*", "./*", "./www.example.com", "/www.example.com", "*/www.example.com", "a/b/c", "*.", "./*.example.com"}
	protocols := []mesh.GatewayProtocol{"", mesh.GatewayHTTP, mesh.GatewayHTTPS, mesh.GatewayTCP, mesh.GatewayTLS, "FTP"}
	for _, host := range hosts {
		for _, protocol := range protocols {
			_, messages := synthtest.Synth(t, canary(func(parts meshParts, props *mesh.IstioCanaryProps) {
				behind(parts, props, mesh.IstioGatewayProps{
					Servers: []mesh.GatewayServer{{Port: 80, Protocol: protocol, Hosts: []string{host}}, {}}, Certificate: certificate(parts.chart),
				})
				props.Rules[0].Match = []mesh.Match{{Port: 80}, {Port: 443}, {Port: -1}}
			}))
			for _, message := range messages {
				assert.NotContains(t, message, "the check of this construct failed", "%q, %s", host, protocol)
			}
		}
	}
	_, messages := synthtest.Synth(t, canary(func(parts meshParts, props *mesh.IstioCanaryProps) {
		behind(parts, props, mesh.IstioGatewayProps{Servers: []mesh.GatewayServer{{Port: 80, Hosts: []string{"./www.example.com"}}}})
		props.Rules[0].Match = []mesh.Match{{Port: 80}}
	}))
	assert.Empty(t, messages)
}

// Istio does not look at SourceLabels in a match that names gateways.
func TestMatchWithSourceLabelsIsForTheMeshAlone(t *testing.T) {
	t.Parallel()
	got := synthtest.Only[networkingv1.VirtualService](t, "VirtualService", canary(func(parts meshParts, props *mesh.IstioCanaryProps) {
		withGateway(parts, props, mesh.GatewayServer{Port: 80})
		props.Mesh = true
		labelled, unlabelled := mesh.Match{SourceLabels: map[string]string{"app": "web"}}, mesh.Match{URI: mesh.Exact("/checkout")}
		to := props.Rules[0].To
		props.Rules = []mesh.Rule{{Match: []mesh.Match{labelled, unlabelled}, To: to}, {Match: []mesh.Match{{SourceLabels: map[string]string{"app": "api"}}}, To: to}}
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
