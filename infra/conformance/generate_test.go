package conformance_test

import (
	"encoding/json"
	"math"
	"math/rand/v2"
	"strconv"
	"strings"

	"github.com/crossoverJie/k8s-combat/imports/tree/randdoc"
)

// flavours are the kinds of cases. A case of flavour i is made by flavours[i].
var flavours = []struct {
	name     string
	generate func(g *generator) testCase
}{
	{"objects: random content, deep and wide", (*generator).objects},
	{"metadata: labels, annotations, finalizers, owners, other fields", (*generator).metadata},
	{"structure: ids of all kinds, duplicates, removals, locks, context, names", (*generator).structure},
	{"dependencies: between objects, constructs and charts, cycles", (*generator).dependencies},
	{"patches: all operations, and those that fail", (*generator).patches},
	{"resolvers: texts replaced by values of all kinds", (*generator).resolvers},
	{"documents: values of all kinds as YAML", (*generator).documents},
}

// newCase makes a random case. The same seed and number give the same case.
func newCase(seed, number uint64) testCase {
	g := &generator{Rand: rand.New(rand.NewPCG(seed, number))}
	return flavours[number%uint64(len(flavours))].generate(g)
}

// generator makes one case.
type generator struct {
	*rand.Rand
	test testCase
	// kinds says what each construct of the case is, by its number: app, chart, object, construct, or nothing.
	kinds []string
}

func (g *generator) start() {
	g.test = testCase{
		OutputType: pick(g, "FILE_PER_APP", "FILE_PER_CHART", "FILE_PER_RESOURCE", "FOLDER_PER_CHART_FILE_PER_RESOURCE"),
		Record:     g.chance(4),
		Extension:  pick(g, "", "", ".yml"),
	}
	g.kinds = []string{"app"}
}

func (g *generator) chance(in int) bool { return g.IntN(in) == 0 }

func pick[T any](g *generator, from ...T) T { return from[g.IntN(len(from))] }

// add adds a step that makes a construct of a kind, and returns the number of that.
func (g *generator) add(kind string, s step) int {
	g.test.Steps = append(g.test.Steps, s)
	g.kinds = append(g.kinds, kind)
	return len(g.kinds) - 1
}

// do adds a step that makes nothing.
func (g *generator) do(s step) { g.add("nothing", s) }

// one returns a construct of one of these kinds, which there has to be.
func (g *generator) one(kinds ...string) int {
	for {
		number := g.IntN(len(g.kinds))
		for _, kind := range kinds {
			if g.kinds[number] == kind {
				return number
			}
		}
	}
}

// any returns any construct.
func (g *generator) any() int { return g.one("app", "chart", "object", "construct") }

// id returns an id that is not taken.
func (g *generator) id() string {
	return pick(g, "a", "web", "Default", "Resource", "x-y", "é", "9", "a b", "") + strconv.Itoa(len(g.kinds))
}

var oddIDs = []string{
	"a", "b", "c", "Default", "Resource", "default", "resource", "0", "10", "2", "01", "4294967295", "a/b", "a\nb", "Web", "é", "K", "x-y",
	"-", "a-resource", "web.svc", "a_b", "😀", "", "name with spaces", strings.Repeat("long", 15), strings.Repeat("é", 40) + "z", "too-long-" + strings.Repeat("x", 60),
}

// oddID returns an id that may be taken or invalid.
func (g *generator) oddID() string { return pick(g, oddIDs...) }

func (g *generator) chart(scope int, id string) int {
	props := &chartProps{DisableResourceNameHashes: g.chance(4)}
	if g.chance(2) {
		props.Namespace = short(randdoc.String(g.Rand))
	}
	if g.chance(2) {
		props.Labels = g.texts()
	}
	return g.add("chart", step{Op: "chart", On: scope, ID: id, Props: props, Naming: g.chance(6)})
}

func (g *generator) object(scope int, id string, depth int) int {
	content := map[string]any{}
	if depth >= 0 {
		content = randdoc.Object(g.Rand, depth)
	}
	content["apiVersion"] = pick(g, "v1", "apps/v1", "a.b/v1")
	content["kind"] = pick(g, "Pod", "CronJob", "Service", "Ünicode Kind")
	delete(content, "metadata")
	if g.chance(2) {
		content["metadata"] = g.objectMetadata()
	}
	return g.add("object", step{Op: "object", On: scope, ID: id, Content: content, Cluster: g.chance(8)})
}

func (g *generator) objectMetadata() map[string]any {
	metadata := map[string]any{}
	if g.chance(3) {
		metadata = randdoc.Object(g.Rand, 2)
	}
	for _, field := range []string{"name", "namespace", "labels", "annotations", "finalizers", "ownerReferences"} {
		delete(metadata, field)
	}
	if g.chance(2) {
		metadata["name"] = short(randdoc.String(g.Rand))
		if g.chance(8) {
			metadata["name"] = "same" // as others have, whose file it may be
		}
	}
	if g.chance(3) {
		metadata["namespace"] = randdoc.String(g.Rand)
	}
	if g.chance(2) {
		metadata["labels"] = g.texts()
	}
	if g.chance(3) {
		metadata["annotations"] = g.texts()
	}
	if g.chance(5) {
		metadata["finalizers"] = []any{randdoc.String(g.Rand)}
	}
	if g.chance(5) {
		metadata["ownerReferences"] = []any{randdoc.Object(g.Rand, 1)}
	}
	return metadata
}

func (g *generator) texts() map[string]string {
	texts := map[string]string{}
	for range g.IntN(4) {
		texts[randdoc.Key(g.Rand)] = randdoc.String(g.Rand)
	}
	return texts
}

// short makes a text short enough for the name of a file.
func short(text string) string {
	const length = 60
	if runes := []rune(text); len(runes) > length {
		return string(runes[:length])
	}
	return text
}

// value returns a JSON value without infinite numbers, which have no form in JSON to go through encoding/json.
func (g *generator) value(depth int) any { return bounded(randdoc.Value(g.Rand, depth)) }

// something returns such a value that is not nil.
func (g *generator) something(depth int) any {
	for {
		if value := g.value(depth); value != nil {
			return value
		}
	}
}

func bounded(value any) any {
	switch value := value.(type) {
	case map[string]any:
		for key, item := range value {
			value[key] = bounded(item)
		}
	case []any:
		for i, item := range value {
			value[i] = bounded(item)
		}
	case json.Number:
		if number, err := value.Float64(); err != nil || math.IsInf(number, 0) {
			return 1e300
		}
	}
	return value
}

func (g *generator) objects() testCase {
	g.start()
	chart := g.chart(0, "c")
	for range 1 + g.IntN(4) {
		g.object(chart, g.id(), 1+g.IntN(5))
		if g.chance(4) {
			chart = g.chart(0, g.id())
		}
	}
	return g.test
}

func (g *generator) metadata() testCase {
	g.start()
	g.chart(0, "c")
	for range 1 + g.IntN(3) {
		g.object(g.one("chart"), g.id(), 0)
	}
	for range g.IntN(12) {
		s := step{Op: pick(g, "label", "label", "annotation", "annotation", "finalizer", "owner", "addToMetadata", "metadata"), On: g.one("object")}
		s.ID, s.Text = randdoc.Key(g.Rand), randdoc.String(g.Rand)
		switch s.Op {
		case "owner":
			s.Content = map[string]any{"apiVersion": "v1", "kind": "Node", "name": s.Text, "uid": s.ID, "controller": true}
		case "addToMetadata":
			s.Value = g.something(3)
		}
		g.do(s)
	}
	return g.test
}

func (g *generator) structure() testCase {
	g.start()
	if g.chance(3) {
		g.do(step{Op: "setContext", ID: pick(g, oddIDs[:4]...), Value: g.something(1)})
	}
	g.chart(0, g.oddID()+"x")
	for range 4 + g.IntN(16) {
		switch g.IntN(12) {
		case 0:
			g.chart(g.one("app", "chart", "construct"), g.oddID())
		case 1, 2, 3:
			g.add("construct", step{Op: "construct", On: g.one("chart", "construct"), ID: g.oddID()})
		case 4, 5:
			g.object(g.one("chart", "construct", "object"), g.oddID(), -1)
		case 6:
			g.do(step{Op: pick(g, "setContext", "addMetadata"), On: g.any(), ID: pick(g, oddIDs[:4]...), Value: g.something(1)})
		case 7:
			g.do(step{Op: pick(g, "dnsLabel", "labelValue"), On: g.any(), Name: g.nameOptions()})
		case 8:
			// In one direction, since cdk8s does not come to an end with what is its own default child.
			on, to := g.any(), g.any()
			if on < to {
				g.do(step{Op: "setDefaultChild", On: on, To: &to})
			}
		case 9:
			if g.chance(4) {
				g.do(step{Op: pick(g, "lock", "invalid"), On: g.any(), Texts: []string{"one " + g.oddID(), "two"}})
			}
		default:
			g.do(step{Op: pick(g, queries...), On: g.any(), ID: g.oddID()})
		}
	}
	return g.test
}

var queries = []string{
	"remove", "tryFind", "find", "defaultChild", "tryContext", "context", "allContext", "validate", "app", "chartOf", "objectOf", "roots", "is",
}

func (g *generator) nameOptions() *nameOptions {
	options := &nameOptions{
		Delimiter: pick(g, "", "", "_", ".", "--", "x", "!"), IncludeHash: g.chance(2), MaxLen: pick(g, 0, 0, 4, 8, 9, 20, 63, 200),
	}
	for range g.IntN(3) {
		options.Extra = append(options.Extra, pick(g, g.oddID(), short(randdoc.String(g.Rand))))
	}
	return options
}

func (g *generator) dependencies() testCase {
	g.start()
	g.chart(0, "c")
	for range 3 + g.IntN(8) {
		switch g.IntN(5) {
		case 0:
			g.chart(g.one("app", "chart", "construct"), g.id())
		case 1:
			g.add("construct", step{Op: "construct", On: g.one("chart", "construct"), ID: g.id()})
		default:
			g.object(g.one("chart", "construct", "object"), g.id(), -1)
		}
	}
	backwards := !g.chance(3)
	for range g.IntN(6) {
		on, to := g.one("chart", "construct", "object"), g.one("chart", "construct", "object")
		if backwards && on < to {
			on, to = to, on
		}
		if on == to {
			continue // a deviation: see TestDeviations
		}
		s := step{Op: "depend", On: on, To: &to}
		if also := g.one("chart", "construct", "object"); g.chance(4) && also != on {
			s.Op, s.Also = "dependOnGroup", &also
		} else if g.chance(6) {
			s.Op = "independ"
		}
		g.do(s)
	}
	if g.chance(6) {
		g.do(step{Op: "invalid", On: g.any(), Texts: []string{"wrong"}})
	}
	return g.test
}

// patches makes objects of which it is known what they hold, so that most operations have something to work on. It keeps
// away from the operations that the native tree refuses and cdk8s does not: see TestDeviations.
func (g *generator) patches() testCase {
	g.start()
	g.chart(0, "c")
	moved := map[int]bool{}
	for range 1 + g.IntN(3) {
		object := g.object(g.one("chart"), g.id(), 1)
		for key, value := range map[string]any{
			"list": []any{1, g.value(1), "last"}, "map": bounded(randdoc.Object(g.Rand, 2)), "empty": map[string]any{},
			"text": randdoc.String(g.Rand), "number": g.value(0), "other": g.something(2),
		} {
			g.test.Steps[object-1].Content[key] = value
		}
	}
	for range 1 + g.IntN(8) {
		object := g.one("object")
		patch := &jsonPatch{Op: pick(g, "add", "add", "add", "remove", "replace", "copy", "move", "test"), Path: pick(g, patchPlaces...), Value: g.value(3)}
		if g.chance(40) {
			patch.Path = "/nowhere/here"
		}
		switch patch.Op {
		case "remove":
			patch.Path = pick(g, "/new", "/list/2", "/list/7", "/list/-", "/list/", "/map/10", "/map/a~1b", "/10", "/metadata/labels", "/metadata/no")
		case "copy":
			patch.From = pick(g, "/list", "/list/0", "/list/", "/map", "/empty", "/text", "/kind", "/metadata", "/metadata/name")
		case "move":
			if moved[object] {
				continue // it is there once
			}
			moved[object] = true
			patch.From = "/other"
		case "test":
			patch.Path, patch.Value = "/apiVersion", g.test.Steps[object-1].Content["apiVersion"]
			if g.chance(10) {
				patch.Path, patch.Value = pick(g, "/kind", "/empty", "/text", "/no"), pick[any](g, "Pod", map[string]any{}, "text", "CronJob", nil)
			}
		}
		g.do(step{Op: "patch", On: object, Patch: patch})
	}
	return g.test
}

// patchPlaces are where patches put what may be anything.
var patchPlaces = []string{
	"/list/0", "/list/1", "/list/-", "/list/", "/list/3", "/map/a~1b", "/map/~0", "/map/10", "/map/😀", "/map/", "/text", "/number", "/empty/x",
	"/new", "/10", "/metadata/annotations",
}

func (g *generator) resolvers() testCase {
	g.start()
	g.test.Replace = map[string]any{
		"${text}": randdoc.String(g.Rand), "${value}": g.value(2), "${nothing}": nil, "${map}": bounded(randdoc.Object(g.Rand, 2)), "${again}": "${value}",
	}
	g.chart(0, "c")
	for range 1 + g.IntN(3) {
		object := g.object(g.one("chart"), g.id(), 2)
		content := g.test.Steps[object-1].Content
		for i := range 1 + g.IntN(5) {
			text := pick(g, "${text}", "${value}", "${nothing}", "${map}", "${again}", "${other}")
			content["k"+strconv.Itoa(i)] = pick[any](g, text, []any{text, 1}, map[string]any{"deep": map[string]any{"x": text}})
		}
		if g.chance(2) {
			content["metadata"] = map[string]any{"labels": map[string]any{"a": pick(g, "${text}", "${nothing}")}, "annotations": map[string]any{"b": "${text}"}}
		}
	}
	return g.test
}

func (g *generator) documents() testCase {
	documents := []any{}
	for range 1 + g.IntN(8) {
		documents = append(documents, g.value(g.IntN(5)), bounded(randdoc.Object(g.Rand, g.IntN(5))))
	}
	return testCase{Documents: documents}
}
