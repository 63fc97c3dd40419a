package check

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestSplitPath(t *testing.T) {
	t.Parallel()
	for path, steps := range map[string][]string{
		"":                            nil,
		"spec":                        {"spec"},
		"spec.ports[0].name":          {"spec", "ports", "0", "name"},
		"metadata.annotations[a.b/c]": {"metadata", "annotations", "a.b/c"},
		`data["a"][1]`:                {"data", "a", "1"},
		"spec.min[[[[max":             {"spec", "min", "[", "[", "[", "[max"},
		".a..b":                       {".a", ".b"},
		"[":                           {"["},
		"[].x":                        {"", "x"},
		"spec.ports[0]":               {"spec", "ports", "0"},
	} {
		assert.Equal(t, steps, splitPath(path), path)
	}
}

func TestEachFindingHasTheLineOfItsField(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"documents": "# first\n---\napiVersion: v1\nkind: Pod\nmetadata: {name: a}\nspec:\n  containers:\n    - name: a\n\n      image: a:latest\n",
		"a List":    "apiVersion: v1\nkind: List\nitems:\n- apiVersion: v1\n  kind: Pod\n  metadata: {name: a}\n  spec:\n    containers:\n    - name: a\n      image: a:latest\n",
		"an array":  "\n\n\n- apiVersion: v1\n  kind: Pod\n  metadata: {name: a}\n  spec:\n    containers:\n    - name: a\n      image: a:latest\n",
		"JSON":      "\n\n{\"apiVersion\": \"v1\", \"kind\": \"Pod\",\n  \"metadata\": {\"name\": \"a\"},\n  \"spec\": {\n\n\n    \"containers\": [{\n\"name\": \"a\",\n\"image\": \"a:latest\"}]}}",
		"a list of JSON": "{\"kind\": \"List\",\n\"items\": [\n{\"apiVersion\": \"v1\", \"kind\": \"ConfigMap\", \"metadata\": {\"name\": \"b\"}},\n" +
			"{\"apiVersion\": \"v1\", \"kind\": \"Pod\",\n\"metadata\": {\"name\": \"a\"},\n\"spec\": {\n\n\"containers\": [{\n\"name\": \"a\",\n\"image\": \"a:latest\"}]}}]}",
		"JSON after JSON": "{\"apiVersion\": \"v1\", \"kind\": \"ConfigMap\", \"metadata\": {\"name\": \"b\"}}\n\n\n\n\n\n\n\n\n" +
			`{"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "a"}, "spec": {"containers": [{"name": "a", "image": "a:latest"}]}}`,
	} {
		objects, err := Read(strings.NewReader(text), Stdin)
		require.NoError(t, err, name)
		findings := Objects(objects, Options{})
		if assert.Len(t, findings, 1, name) {
			assert.Equal(t, Place{File: Stdin, Line: 10}, findings[0].Place, name)
		}
	}
}

func TestTheTimeOfManyFindingsIsLinear(t *testing.T) {
	t.Parallel()
	const many = 3_000
	var text strings.Builder
	text.WriteString("apiVersion: v1\nkind: List\nitems:\n")
	for i := range many {
		text.WriteString(at("- {apiVersion: v1, kind: Pod, metadata: {name: a%d}, spec: {containers: [{name: a, image: \"a:latest\"}]}}\n", i))
	}
	objects, err := Read(strings.NewReader(text.String()), Stdin)
	require.NoError(t, err)
	start := time.Now()
	findings := Objects(objects, Options{})
	assert.Len(t, findings, many)
	assert.Equal(t, many+3, findings[many-1].Place.Line)
	assert.Less(t, time.Since(start), 20*time.Second, "the list is read once for all of them")
}
