package engine_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"sigs.k8s.io/yaml"

	"github.com/crossoverJie/k8s-combat/infra/traffic/engine"
)

// FuzzExplain asks whatever there is of whatever there is: nothing may panic, and nothing may go on for long.
func FuzzExplain(f *testing.F) {
	f.Add(shop+virtual(toV1), "web", "/", "", "")
	f.Add(shop+atEdge("a", "shop.io", "    - redirect: {uri: /a}"), "shop.io", "/b?c", "edge", "")
	f.Add(shop+ingress("istio", paths("in.io", "/", "Prefix", "cart")), "in.io", "/", "", "shop/cart")
	f.Add(shop+httpRoute("r", "    - {backendRefs: [{name: cart, port: 80}]}")+policy("a", "{rules: [{from: [{source: {principals: ['*']}}]}]}"), "a.door.io", "/", "door", "")
	f.Fuzz(func(t *testing.T, manifests, host, path, gateway, from string) {
		if len(manifests) > 64<<10 {
			t.Skip("more of the same takes longer")
		}
		var objects []engine.Object
		for document := range strings.SplitSeq(manifests, "---\n") {
			var content map[string]any
			if yaml.Unmarshal([]byte(document), &content) == nil {
				objects = append(objects, engine.Object{Content: content})
			}
		}
		askAll(t, objects, engine.Request{Host: host, Path: path, Gateway: gateway, From: from})
	})
}

func askAll(t *testing.T, objects []engine.Object, r engine.Request) {
	t.Helper()
	start := time.Now()
	m := engine.New(objects, engine.Options{})
	for _, r := range []engine.Request{r, {Host: r.Host, Path: r.Path}, {Host: r.Host, Scheme: "https", GRPC: "a/b"}, {Host: r.Host, Port: 80, Headers: []engine.Header{{Name: r.Path, Value: r.Host}}}} {
		if e, err := m.Explain(r); err == nil && len(e.String()) == 0 {
			t.Fatal("an explanation says nothing")
		}
	}
	// A machine with more to do is slow, too.
	if took := time.Since(start); took > 20*time.Second {
		t.Fatalf("it takes %v", took)
	}
}

// TestBrokenSets takes working sets apart: each of them with some of its values in another place, or of another kind.
func TestBrokenSets(t *testing.T) {
	t.Parallel()
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	whole := shop + virtual(aToV2) + atEdge("a", "shop.io", aToV2+"\n"+toV1) + ingress("istio", paths("in.io", "/", "Prefix", "cart")) +
		httpRoute("r", "    - {matches: [{path: {value: /}, headers: [{name: x, value: '1'}]}], backendRefs: [{name: cart, port: 80}], filters: [{type: URLRewrite, urlRewrite: {path: {type: ReplacePrefixMatch, replacePrefixMatch: /x}}}]}") +
		policy("p", "{rules: [{from: [{source: {principals: ['*']}}], to: [{operation: {paths: [/a]}}]}]}") + peers("q", "shop", "{mtls: {mode: STRICT}}") +
		"apiVersion: networking.istio.io/v1\nkind: ServiceEntry\nmetadata: {name: api, namespace: shop}\nspec: {hosts: [api.example.com, '*.x.io'], ports: [{number: 80, name: http, protocol: HTTP}], endpoints: [{address: 10.0.0.1}]}\n---\n"
	for range 300 {
		objects := set(t, whole)
		var spots []func(any)
		var values []any
		var walk func(v any)
		walk = func(v any) {
			switch v := v.(type) {
			case map[string]any:
				for name, one := range v {
					spots, values = append(spots, func(to any) { v[name] = to }), append(values, one)
					walk(one)
				}
			case []any:
				for i, one := range v {
					spots, values = append(spots, func(to any) { v[i] = to }), append(values, one)
					walk(one)
				}
			}
		}
		for _, object := range objects {
			walk(object.Content)
		}
		odd := []any{nil, "", "*", ".", "/", "a.b.c", float64(-1), 1e300, int64(1) << 40, true, []any{}, map[string]any{}, []any{nil, "x"}, "(", "mesh"}
		for range 1 + random.IntN(4) {
			to := odd[random.IntN(len(odd))]
			// Not one that holds the spot itself: sets have no circles.
			if other := values[random.IntN(len(values))]; random.IntN(2) == 0 && isScalar(other) {
				to = other
			}
			spots[random.IntN(len(spots))](to)
		}
		for _, host := range []string{"web", "shop.io", "in.io", "a.door.io", "cart", "api.example.com", "", "*", "[::1]:80"} {
			askAll(t, objects, engine.Request{Host: host, Path: fmt.Sprint("/a", random.IntN(9)), From: "shop/cart"})
		}
	}
}

func isScalar(v any) bool {
	switch v.(type) {
	case map[string]any, []any:
		return false
	}
	return true
}
