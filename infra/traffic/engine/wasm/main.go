//go:build js && wasm

// Command wasm is the engine for a browser: it puts an object combatEngine into the page. Its function load takes the
// number of a set, its objects and its graph, both as JSON, and options; its function explain takes the number of a set and a request, and returns the
// explanation, and the way in the graph of the set.
package main

import (
	"strconv"
	"syscall/js"

	"github.com/crossoverJie/k8s-combat/infra/traffic/engine"
	"github.com/crossoverJie/k8s-combat/infra/traffic/engine/wasm/plain"
)

type set struct {
	model *engine.Model
	graph *engine.Graph
}

func main() {
	sets := map[int]set{}
	js.Global().Set("combatEngine", map[string]any{
		"load": js.FuncOf(func(_ js.Value, arguments []js.Value) any {
			var objects []engine.Object
			list, _ := plain.Parse(arguments[1].String()).([]any)
			for _, one := range list {
				fields, _ := one.(map[string]any)
				content, _ := fields["content"].(map[string]any)
				place, _ := fields["place"].(string)
				objects = append(objects, engine.Object{Content: content, Place: place})
			}
			options := engine.Options{Namespace: text(arguments[3].Get("namespace")), ClusterDomain: text(arguments[3].Get("clusterDomain"))}
			sets[arguments[0].Int()] = set{engine.New(objects, options), graphOf(plain.Parse(arguments[2].String()))}
			return nil
		}),
		"explain": js.FuncOf(func(_ js.Value, arguments []js.Value) any {
			asked := sets[arguments[0].Int()]
			request := requestOf(arguments[1])
			explanation, err := asked.model.Explain(request)
			if err != nil {
				return map[string]any{"error": err.Error()}
			}
			return map[string]any{"explanation": explanationOf(explanation), "way": wayOf(asked.graph.Way(explanation, request.Host))}
		}),
	})
	select {}
}

func text(v js.Value) string {
	if v.Type() != js.TypeString {
		return ""
	}
	return v.String()
}

// graphOf reads what the way of a request is found by. The graph is that of the page, which is made by Model.Graph.
func graphOf(value any) *engine.Graph {
	graph := &engine.Graph{}
	list := func(name string) []any {
		fields, _ := value.(map[string]any)
		values, _ := fields[name].([]any)
		return values
	}
	field := func(of any, name string) string {
		fields, _ := of.(map[string]any)
		text, _ := fields[name].(string)
		return text
	}
	is := func(of any, name string) bool {
		fields, _ := of.(map[string]any)
		yes, _ := fields[name].(bool)
		return yes
	}
	for _, one := range list("nodes") {
		graph.Nodes = append(graph.Nodes, &engine.Node{Key: field(one, "key"), Kind: engine.NodeKind(field(one, "kind")), Title: field(one, "title"),
			Object: field(one, "object"), Field: field(one, "field"), Place: field(one, "place"), ObjectKind: field(one, "objectKind"),
			Namespace: field(one, "namespace"), Name: field(one, "name"), Mesh: is(one, "mesh")})
	}
	for _, one := range list("edges") {
		graph.Edges = append(graph.Edges, &engine.Edge{From: field(one, "from"), To: field(one, "to"), FromRow: field(one, "fromRow"),
			ToRow: field(one, "toRow"), Mirror: is(one, "mirror")})
	}
	return graph
}

func requestOf(v js.Value) engine.Request {
	request := engine.Request{Method: text(v.Get("method")), Scheme: text(v.Get("scheme")), Host: text(v.Get("host")), Path: text(v.Get("path")),
		GRPC: text(v.Get("grpc")), From: text(v.Get("from")), Gateway: text(v.Get("gateway"))}
	headers := v.Get("headers")
	for i := range headers.Length() {
		request.Headers = append(request.Headers, engine.Header{Name: headers.Index(i).Index(0).String(), Value: headers.Index(i).Index(1).String()})
	}
	return request
}

func explanationOf(e *engine.Explanation) map[string]any {
	steps := []any{}
	for _, s := range e.Steps {
		steps = append(steps, map[string]any{"what": s.What, "verdict": s.Verdict, "object": s.Object, "field": s.Field, "place": s.Place, "text": s.Text})
	}
	wait := ""
	if e.Wait != nil {
		wait = e.Wait.Text
	}
	undecided := []any{}
	for _, one := range e.Undecided {
		undecided = append(undecided, one)
	}
	return map[string]any{"request": e.Request, "outcome": string(e.Outcome), "status": e.Status, "summary": e.Summary, "nearest": e.Nearest,
		"wait": wait, "steps": steps, "shares": shares(e.Shares), "mirrors": shares(e.Mirrors), "undecided": undecided}
}

func shares(all []engine.Share) []any {
	list := []any{}
	for _, s := range all {
		list = append(list, map[string]any{"percent": s.Percent, "service": s.Service, "port": s.Port, "subset": s.Subset, "namespace": s.Namespace,
			"workload": s.Workload, "outcome": string(s.Outcome), "status": s.Status, "why": s.Why})
	}
	return list
}

func wayOf(w engine.Way) map[string]any {
	nodes, edges, refused := map[string]any{}, map[string]any{}, []any{}
	for key, percent := range w.Nodes {
		nodes[key] = percent
	}
	for i, percent := range w.Edges {
		edges[strconv.Itoa(i)] = percent
	}
	for _, key := range w.Refused {
		refused = append(refused, key)
	}
	return map[string]any{"nodes": nodes, "edges": edges, "refused": refused}
}
