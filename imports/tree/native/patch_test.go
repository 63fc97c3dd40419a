package native_test

import (
	"strings"
	"testing"

	"github.com/cdk8s-team/cdk8s-core-go/cdk8s/v2"
	"github.com/stretchr/testify/assert"

	"github.com/crossoverJie/k8s-combat/imports/tree/native"
)

func op(name, path string, value any) map[string]any {
	return map[string]any{"op": name, "path": path, "value": value}
}

func from(name, from, path string) map[string]any {
	return map[string]any{"op": name, "path": path, "from": from}
}

func patched(ops ...cdk8s.JsonPatch) (cdk8s.App, cdk8s.ApiObject) {
	app := native.NewApp(nil)
	object := newObject(newChart(app, "c"), "o", map[string]any{
		"metadata": map[string]any{"name": "o"},
		"spec":     map[string]any{"b": int64(1), "a": map[string]any{"x/y": "z", "m~n": nil}, "list": []any{"one", "two"}},
	})
	object.AddJsonPatch(ops...)
	return app, object
}

func TestJSONPatch(t *testing.T) {
	t.Parallel()
	const head = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: o\nspec:\n"
	for name, c := range map[string]struct {
		ops  []cdk8s.JsonPatch
		want string
	}{
		"add":          {[]cdk8s.JsonPatch{op("add", "/spec/c", map[string]any{"k": nil})}, "  a:\n    x/y: z\n  b: 1\n  list:\n    - one\n    - two\n  c:\n    k: null\n"},
		"add an index": {[]cdk8s.JsonPatch{op("add", "/spec/7", true)}, "  \"7\": true\n  a:\n    x/y: z\n  b: 1\n  list:\n    - one\n    - two\n"},
		"add over":     {[]cdk8s.JsonPatch{op("add", "/spec/a", "s")}, "  a: s\n  b: 1\n  list:\n    - one\n    - two\n"},
		"insert":       {[]cdk8s.JsonPatch{op("add", "/spec/list/1", "new"), op("add", "/spec/list/-", "last"), op("add", "/spec/list/99", "very last")}, "  a:\n    x/y: z\n  b: 1\n  list:\n    - one\n    - new\n    - two\n    - last\n    - very last\n"},
		"no index":     {[]cdk8s.JsonPatch{op("add", "/spec/list/", "new"), from("copy", "/spec/list/", "/spec/b"), op("test", "/spec/list/", "new"), from("move", "/spec/list/", "/spec/c"), op("replace", "/spec/list/", "1st")}, "  a:\n    x/y: z\n  b: new\n  list:\n    - 1st\n    - two\n  c: new\n"},
		"no key":       {[]cdk8s.JsonPatch{op("add", "/spec/", "new"), op("add", "/spec/a/", 1), op("remove", "/spec/a/", nil)}, "  a:\n    x/y: z\n  b: 1\n  list:\n    - one\n    - two\n  \"\": new\n"},
		"replace":      {[]cdk8s.JsonPatch{op("replace", "/spec/a/x~1y", 2), op("replace", "/spec/list/0", "1st"), op("replace", "/spec/list/-", "3rd"), op("replace", "/spec/new", 1)}, "  a:\n    x/y: 2\n  b: 1\n  list:\n    - 1st\n    - two\n    - 3rd\n  new: 1\n"},
		"remove":       {[]cdk8s.JsonPatch{op("remove", "/spec/a", nil), op("remove", "/spec/list/0", nil), op("remove", "/spec/absent", nil), op("remove", "/spec/list/9", nil)}, "  b: 1\n  list:\n    - two\n"},
		"copy":         {[]cdk8s.JsonPatch{from("copy", "/spec/a", "/spec/list/0"), op("add", "/spec/list/0/m~0n", 1), from("copy", "/spec/list", "/spec/b"), op("remove", "/spec/list/0", nil)}, "  a:\n    x/y: z\n  b:\n    - x/y: z\n      m~n: 1\n    - one\n    - two\n  list:\n    - one\n    - two\n"},
		"move":         {[]cdk8s.JsonPatch{from("move", "/spec/list", "/spec/a/list"), from("move", "/spec/a/list/1", "/spec/two")}, "  a:\n    x/y: z\n    list:\n      - one\n  b: 1\n  two: two\n"},
		"test":         {[]cdk8s.JsonPatch{op("test", "/spec", map[string]any{"b": 1, "a": map[string]any{"x/y": "z"}, "list": []string{"one", "two"}})}, "  a:\n    x/y: z\n  b: 1\n  list:\n    - one\n    - two\n"},
		"a struct": {[]cdk8s.JsonPatch{struct {
			Op    string `json:"op"`
			Path  string `json:"path"`
			Value int    `json:"value"`
		}{"replace", "/spec", 5}}, "5"},
	} {
		app, _ := patched(c.ops...)
		want := head + c.want
		if name == "a struct" {
			want = strings.TrimSuffix(head, "\n") + " 5\n"
		}
		assert.Equal(t, want, *app.SynthYaml(), name)
	}
}

func TestJSONPatchOfRoot(t *testing.T) {
	t.Parallel()
	app, object := patched(op("replace", "", map[string]any{"z": 1, "kind": "New"}), op("add", "/apiVersion", "v2"))
	assert.Equal(t, "apiVersion: v2\nkind: New\nz: 1\n", *app.SynthYaml())
	assert.Equal(t, map[string]any{"apiVersion": "v2", "kind": "New", "z": 1.0}, object.ToJson())
	assert.Equal(t, "ConfigMap", *object.Kind(), "the object is what it was made as")
}

func TestJSONPatchErrors(t *testing.T) {
	t.Parallel()
	for want, patch := range map[string]map[string]any{
		"Test operation failed: /spec/b is not 2":                              op("test", "/spec/b", 2),
		"/nothing does not exist":                                              op("add", "/nothing/x", 1),
		"/spec/b/x does not exist: /spec/b is neither a map nor a list":        op("add", "/spec/b/x", 1),
		`/spec/list/first does not exist: "first" is not the index of an item`: op("add", "/spec/list/first", 1),
		`/spec/list/-1 does not exist: "-1" is not the index of an item`:       op("remove", "/spec/list/-1", nil),
		"/spec/absent does not exist":                                          from("move", "/spec/absent", "/spec/x"),
		"/spec/list/2 does not exist":                                          from("copy", "/spec/list/2", "/spec/x"),
		"/spec/list/9999 is far beyond the end of the list, which has 2 items": op("replace", "/spec/list/9999", 1),
		`"spec" is not a JSON pointer: it has to begin with a slash`:           op("add", "spec", 1),
		"the patched object is not an object any more":                         op("remove", "", nil),
	} {
		app, _ := patched(patch)
		assert.PanicsWithError(t, "Failed serializing construct at path 'c/o' with name 'o': "+want, func() { app.SynthYaml() })
	}
	assert.PanicsWithError(t, "map[op:merge path:/x value:1] is not an operation of RFC 6902: its op has to be add, remove, replace, copy, move or test",
		func() { patched(op("merge", "/x", 1)) })
}
