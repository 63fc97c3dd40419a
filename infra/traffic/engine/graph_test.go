package engine_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"sigs.k8s.io/yaml"

	"github.com/crossoverJie/k8s-combat/infra/traffic/engine"
)

const canary = `    - name: new
      match: [{headers: {version: {exact: "200"}}, uri: {prefix: /a}}, {method: {exact: POST}}]
      route: [{destination: {host: web, subset: v2}}]
    - name: split
      timeout: 2s
      retries: {attempts: 2, perTryTimeout: 500ms}
      route: [{destination: {host: web, subset: v1}, weight: 75}, {destination: {host: web, subset: v2}, weight: 25}]`

// edges writes those of a graph, each with its nodes by their titles.
func edges(g *engine.Graph) []string {
	titles := map[string]string{}
	for _, n := range g.Nodes {
		titles[n.Key] = string(n.Kind) + " " + n.Title
	}
	var lines []string
	for _, e := range g.Edges {
		row := func(name string) string {
			if name == "" {
				return ""
			}
			return "[" + name + "]"
		}
		line := fmt.Sprintf("%s%s -> %s%s %g", titles[e.From], row(e.FromRow), titles[e.To], row(e.ToRow), e.Percent)
		if e.Mirror {
			line += " mirror"
		}
		if e.Label != "" {
			line += " (" + e.Label + ")"
		}
		lines = append(lines, line)
	}
	return lines
}

func TestGraph(t *testing.T) {
	t.Parallel()
	g := engine.New(set(t, shop+virtual(canary)+atEdge("edge", "shop.io", "    - redirect: {uri: /new}\n      match: [{uri: {exact: /old}}]\n    - route: [{destination: {host: cart, port: {number: 80}}}, {destination: {host: gone}, weight: 0}]\n      mirror: {host: lost}\n      fault: {abort: {httpStatus: 503, percentage: {value: 10}}}")), engine.Options{}).Graph()
	assert.ElementsMatch(t, []string{
		"gateway edge -> host shop.io 100 (80, 443)",
		"host shop.io -> rule rule 1 100 (/old)",
		"rule rule 1 -> answer 301 redirect 100",
		"host shop.io -> rule rule 2 100 (everything)",
		"rule rule 2 -> answer status 503 10 (10 %)",
		"rule rule 2 -> missing lost.shop.svc.cluster.local 100 mirror (copies of 100 %)",
		"host web -> rule 1. new 100 (/a*, version: 200 or POST)",
		"rule 1. new -> service web[v2] 100",
		"host web -> rule 2. split 100 (everything)",
		"rule 2. split -> service web[v1] 75 (75 %)",
		"rule 2. split -> service web[v2] 25 (25 %)",
		"service web[v1] -> workload web-v1 100",
		"service web[v2] -> workload web-v2 100",
		"service cart -> workload cart 100",
	}, edges(g))
	notes := map[string][]string{}
	for _, n := range g.Nodes {
		notes[n.Title] = n.Notes
	}
	assert.Equal(t, []string{"timeout 2s", "2 retries of 500ms"}, notes["2. split"])
}

// TestGraphFollowsRequests looks for requests in the graph.
func TestGraphFollowsRequests(t *testing.T) {
	t.Parallel()
	m := engine.New(set(t, shop+virtual(canary)+atEdge("edge", "shop.io", "    - redirect: {uri: /new}\n      match: [{uri: {exact: /old}}]\n    - route: [{destination: {host: cart, port: {number: 80}}}]")+
		ingress("nginx", paths("in.io", "/", "Prefix", "cart"))), engine.Options{})
	g := m.Graph()
	for _, test := range []struct {
		request        engine.Request
		nodes, refused string
	}{
		{engine.Request{Host: "web"}, "2. split 100, web 100, web 100, web-v1 75, web-v2 25", "1. new"},
		{engine.Request{Host: "web.shop", Method: "POST"}, "1. new 100, web 100, web 100, web-v2 100", ""},
		{engine.Request{Host: "shop.io", Path: "/old"}, "301 redirect 100, edge 100, rule 1 100, shop.io 100", ""},
		{engine.Request{Host: "shop.io"}, "cart 100, cart 100, edge 100, rule 2 100, shop.io 100", "rule 1"},
		{engine.Request{Host: "cart"}, "cart 100, cart 100", ""},
		{engine.Request{Host: "in.io"}, "cart 100, cart 100, in 100, in.io 100, rule 1 100", ""},
		{engine.Request{Host: "nobody"}, "", ""},
	} {
		e, err := m.Explain(test.request)
		require.NoError(t, err)
		way := g.Way(e, test.request.Host)
		var nodes, refused []string
		for _, n := range g.Nodes {
			if percent, ok := way.Nodes[n.Key]; ok {
				nodes = append(nodes, fmt.Sprintf("%s %g", n.Title, percent))
			}
			if slices.Contains(way.Refused, n.Key) {
				refused = append(refused, n.Title)
			}
		}
		slices.Sort(nodes)
		assert.Equal(t, test.nodes, strings.Join(nodes, ", "), "%+v\n%s", test.request, e)
		assert.Equal(t, test.refused, strings.Join(refused, ", "), "%+v\n%s", test.request, e)
		for _, i := range slices.Sorted(maps.Keys(way.Edges)) {
			assert.Contains(t, way.Nodes, g.Edges[i].From)
			assert.Contains(t, way.Nodes, g.Edges[i].To)
		}
	}
}

// TestGraphTellsAnswersApart asks a rule that injects errors and answers the rest, and one whose Service it may not lead to.
func TestGraphTellsAnswersApart(t *testing.T) {
	t.Parallel()
	m := engine.New(set(t, shop+virtual("    - directResponse: {status: 404}\n      fault: {abort: {httpStatus: 500, percentage: {value: 10}}}")+
		atEdge("edge", "shop.io", "    - route: [{destination: {host: cart, subset: gone, port: {number: 80}}, weight: 20}, {destination: {host: lost}, weight: 80}]\n      mirror: {host: web, subset: v2}")), engine.Options{})
	g := m.Graph()
	ask := func(host string) string {
		e, err := m.Explain(engine.Request{Host: host})
		require.NoError(t, err)
		way := g.Way(e, host)
		var lines []string
		for i, line := range edges(g) {
			if percent, ok := way.Edges[i]; ok {
				lines = append(lines, fmt.Sprintf("%g: %s", percent, line))
			}
		}
		return strings.Join(lines, "\n")
	}
	assert.Equal(t, "100: host web -> rule rule 1 100 (everything)\n"+
		"10: rule rule 1 -> answer status 500 10 (10 %)\n"+
		"90: rule rule 1 -> answer status 404 90 (90 %)", ask("web"))
	assert.Equal(t, "100: gateway edge -> host shop.io 100 (80, 443)\n"+
		"100: host shop.io -> rule rule 1 100 (everything)\n"+
		"20: rule rule 1 -> service cart[gone] 20 (20 % to port 80)\n"+
		"80: rule rule 1 -> missing lost.shop.svc.cluster.local 80 (80 %)\n"+
		"100: rule rule 1 -> service web[v2] 100 mirror (copies of 100 %)\n"+
		"100: service web[v2] -> workload web-v2 100", ask("shop.io"))
}

// FuzzGraph makes graphs of whatever there is: each edge has its two nodes, and each node a key of its own.
func FuzzGraph(f *testing.F) {
	f.Add("", "web")
	f.Add("a: b\n---\n- 1\n---\nkind: Service\n", "web")
	f.Add(shop+virtual(canary), "web")
	f.Add(shop+atEdge("edge", "shop.io", canary)+ingress("nginx", paths("in.io", "/", "Prefix", "cart")), "in.io")
	f.Add(shop+virtual("    - delegate: {name: a}")+
		"apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {name: a, namespace: shop}\nspec: {http: [{delegate: {name: b}}]}\n---\n"+
		"apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {name: b, namespace: shop}\nspec: {http: [{delegate: {name: a}}]}\n", "web")
	f.Fuzz(func(t *testing.T, manifests, host string) {
		if len(manifests) > 64<<10 {
			t.Skip("more of the same takes longer")
		}
		var all []engine.Object
		for document := range strings.SplitSeq(manifests, "---\n") {
			var content map[string]any
			if yaml.Unmarshal([]byte(document), &content) == nil {
				all = append(all, engine.Object{Content: content})
			}
		}
		m := engine.New(all, engine.Options{})
		g := m.Graph()
		keys := map[string]bool{}
		for _, n := range g.Nodes {
			assert.False(t, keys[n.Key], n.Key)
			keys[n.Key] = true
		}
		for _, e := range g.Edges {
			assert.True(t, keys[e.From] && keys[e.To], "%+v", e)
			assert.GreaterOrEqual(t, e.Percent, 0.0)
			assert.LessOrEqual(t, e.Percent, 100.0)
		}
		if e, err := m.Explain(engine.Request{Host: host}); err == nil {
			g.Way(e, host)
		}
	})
}
