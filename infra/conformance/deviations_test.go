package conformance_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// inBoth runs a case in cdk8s and in the native tree.
func inBoth(t *testing.T, test testCase) (official, ours values) {
	t.Helper()
	e, err := startEngine()
	require.NoError(t, err)
	line, same, err := encode(test)
	require.NoError(t, err)
	require.NoError(t, e.send(line))
	want, err := e.receive()
	require.NoError(t, err)
	result, err := run(same, t.TempDir())
	require.NoError(t, err)
	got, err := asJSON(result)
	require.NoError(t, err)
	return want.(values), got.(values)
}

// chartOf begins a case with a chart c, construct 1, and objects below it, which are constructs 2, 3, ...
func chartOf(objects ...values) testCase {
	test := testCase{OutputType: "FILE_PER_CHART", Steps: []step{{Op: "chart", ID: "c", Props: &chartProps{}}}}
	for i, content := range objects {
		content["apiVersion"], content["kind"] = "v1", "Pod"
		test.Steps = append(test.Steps, step{Op: "object", On: 1, ID: string(rune('a' + i)), Content: content})
	}
	return test
}

func (c testCase) with(steps ...step) testCase {
	c.Steps = append(c.Steps, steps...)
	return c
}

// TestDeviations pins down where the native tree differs from cdk8s on purpose: what the documentation of package
// native lists, and the random trees therefore keep away from.
func TestDeviations(t *testing.T) {
	patch := func(op, path, from string, value any) step {
		return step{Op: "patch", On: 2, Patch: &jsonPatch{Op: op, Path: path, From: from, Value: value}}
	}
	const failed = "Failed serializing construct at path 'c/a' with name 'c-a-c85ca9af': "
	for name, check := range map[string]func(t *testing.T){
		"copying what does not exist": func(t *testing.T) {
			official, ours := inBoth(t, chartOf(values{}).with(patch("copy", "/new", "/none", nil)))
			assert.Contains(t, official["yaml"].(values)["ok"], "\nnew: null\n")
			assert.Equal(t, values{"error": failed + "/none does not exist"}, ours["yaml"])
		},
		"patching what is neither a map nor a list": func(t *testing.T) {
			official, ours := inBoth(t, chartOf(values{"text": "a"}).with(patch("add", "/text/x", "", 1)))
			assert.Contains(t, official["yaml"].(values)["ok"], "\ntext: a\n")
			assert.Equal(t, values{"error": failed + "/text/x does not exist: /text is neither a map nor a list"}, ours["yaml"])
		},
		"a step in a list that is no index": func(t *testing.T) {
			for _, step := range []string{"-1", "1.5", "1e0", " 1", "length"} {
				official, ours := inBoth(t, chartOf(values{"list": []any{"a"}}).with(patch("add", "/list/"+step, "", 1)))
				if step != "length" {
					assert.Contains(t, official["yaml"].(values)["ok"], "\nlist:\n  - a\n", step)
				}
				assert.Equal(t, values{"error": failed + "/list/" + step + " does not exist: \"" + step + "\" is not the index of an item"}, ours["yaml"])
			}
		},
		"the words of a patch that fails": func(t *testing.T) {
			official, ours := inBoth(t, chartOf(values{}).with(patch("add", "/none/x", "", 1)))
			assert.Equal(t, values{"error": failed + "TypeError: Cannot set properties of undefined (setting 'x')"}, official["yaml"])
			assert.Equal(t, values{"error": failed + "/none does not exist"}, ours["yaml"])
		},
		"what cannot be made": func(t *testing.T) {
			test := testCase{OutputType: "FILE_PER_CHART", Steps: []step{
				{Op: "object", ID: "a", Content: values{"apiVersion": "v1", "kind": "Pod"}}, {Op: "tryFind", ID: "a"},
			}}
			official, ours := inBoth(t, test)
			noChart := values{"error": "cannot find a parent chart (directly or indirectly)"}
			assert.Equal(t, []any{noChart, values{"ok": "a"}}, official["steps"])
			assert.Equal(t, []any{noChart, values{"ok": nil}}, ours["steps"])
		},
		"depending on oneself": func(t *testing.T) {
			official, ours := inBoth(t, chartOf(values{}).with(step{Op: "depend", On: 2, To: new(2)}))
			assert.Equal(t, values{"ok": ""}, official["yaml"], "the object is lost")
			assert.Equal(t, values{"error": "Dependency cycle detected: c/a => c/a"}, ours["yaml"])
		},
		"files of a synth that fails": func(t *testing.T) {
			test := chartOf(values{}).with(patch("test", "/kind", "", "Service"), step{Op: "chart", ID: "0", Props: &chartProps{}})
			_, ours := inBoth(t, test)
			assert.Contains(t, ours["synth"], "error")
			assert.Empty(t, ours["files"])
			assert.Empty(t, ours["folders"], "not even the output folder")
		},
	} {
		t.Run(name, check)
	}
}
