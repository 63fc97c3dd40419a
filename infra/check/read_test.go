package check_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/crossoverJie/k8s-combat/infra/check"
)

var sprintf = fmt.Sprintf

func TestReadTakesWhatKubectlTakes(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"documents":         "# a comment\n---\napiVersion: v1\nkind: Pod\n---\n---\n# nothing\n---\napiVersion: v1\nkind: Pod\n...\n",
		"Windows' lines":    "apiVersion: v1\r\nkind: Pod\r\n---\r\napiVersion: v1\r\nkind: Pod\r\n",
		"a byte order mark": "\ufeffapiVersion: v1\nkind: Pod\n---\napiVersion: v1\nkind: Pod\n",
		"a directive":       "%YAML 1.2\n---\napiVersion: v1\nkind: Pod\n---\napiVersion: v1\nkind: Pod\n",
		"a List":            "apiVersion: v1\nkind: List\nitems:\n  - apiVersion: v1\n    kind: Pod\n  - apiVersion: v1\n    kind: Pod\n",
		"a list of JSON":    `{"apiVersion": "v1", "kind": "PodList", "items": [{"apiVersion": "v1", "kind": "Pod"}, {"apiVersion": "v1", "kind": "Pod"}]}`,
		"JSON after JSON":   "{\"apiVersion\": \"v1\",\n\t\"kind\": \"Pod\"}\n{\"apiVersion\": \"v1\", \"kind\": \"Pod\"}",
		"flow style":        "{apiVersion: v1, kind: Pod}\n---\n{apiVersion: v1, kind: Pod}\n",
		"an array":          "- {apiVersion: v1, kind: Pod}\n- {apiVersion: v1, kind: Pod}\n",
		"anchors":           "apiVersion: &v v1\nkind: Pod\nmetadata: &m {name: a}\n---\napiVersion: v1\nkind: Pod\n",
		"separators":        "--- # Source: a.yaml\napiVersion: v1\nkind: Pod\n--- \napiVersion: v1\nkind: Pod\n",
	} {
		objects, err := check.Read(strings.NewReader(text), check.Stdin)
		require.NoError(t, err, name)
		require.Len(t, objects, 2, name)
		for _, object := range objects {
			assert.Equal(t, "v1", object.Content["apiVersion"], name)
			assert.Equal(t, "Pod", object.Content["kind"], name)
		}
	}
}

func TestReadTakesScalarsAsKubectlDoes(t *testing.T) {
	t.Parallel()
	objects, err := check.Read(strings.NewReader(`apiVersion: v1
kind: Pod
yes: yes
off: off
y: y
quoted: "yes"
octal: 0644
number: 1e3
none: ~
time: 2024-01-01
merged: {<<: {a: 1}, b: 2}
`), check.Stdin)
	require.NoError(t, err)
	content := objects[0].Content
	delete(content, "apiVersion")
	delete(content, "kind")
	assert.Equal(t, map[string]any{"yes": true, "off": false, "y": "y", "quoted": "yes", "octal": int64(0o644), "number": float64(1000),
		"none": nil, "time": "2024-01-01", "merged": map[string]any{"a": int64(1), "b": int64(2)}}, content)
}

func TestReadOfFolders(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	for name, text := range map[string]string{
		"a.yaml": "apiVersion: v1\nkind: Pod\n", "b.yml": "apiVersion: v1\nkind: Pod\n", "inner/c.json": `{"apiVersion": "v1", "kind": "Pod"}`,
		"values.yaml": "replicas: 2\n", ".hidden.yaml": "x: [", ".git/d.yaml": "x: [", "README.md": "x: [",
	} {
		require.NoError(t, os.MkdirAll(filepath.Dir(filepath.Join(folder, name)), 0o755))
		require.NoError(t, os.WriteFile(filepath.Join(folder, name), []byte(text), 0o644))
	}
	objects, err := check.Read(nil, folder)
	require.NoError(t, err)
	assert.Len(t, objects, 3)
}

func TestReadRefusesWhatIsUnusable(t *testing.T) {
	t.Parallel()
	for text, message := range map[string]string{
		"a: \xff": "-: is not UTF-8",
		"apiVersion: v1\nkind: Pod\na: {b: 1, b: 2}\n":                     `-:3: has the key "b" twice in one map`,
		`{"kind": "Pod", "kind": "Pod"}`:                                   `-:1: has the key "kind" twice in one map`,
		"apiVersion: v1\nkind: Pod\na: !!python/object x\n":                "-:3: has the tag !!python/object, which kubectl does not read",
		"apiVersion: v1\nkind: Pod\na: .nan\n":                             "-:3: .nan is no number that JSON has",
		"apiVersion: v1\nkind: Pod\n---\nx\n":                              "-:4: is no object but a string",
		"a: 1\n":                                                           "-:1: is no object: kind or apiVersion is missing",
		"apiVersion: v1\nkind: Pod\n? [a]\n: b\n":                          "-:3: has a key that is no text",
		"a: &a [*a]\n":                                                     "is nested more than 200 deep",
		"a: " + strings.Repeat("[", 300) + strings.Repeat("]", 300) + "\n": "is nested more than 200 deep",
		"apiVersion: v1\nkind: List\nitems: [1]\n":                         "-:3: item 0 is no object but a number",
	} {
		_, err := check.Read(strings.NewReader(text), check.Stdin)
		require.ErrorIs(t, err, check.ErrInput, text)
		assert.Contains(t, err.Error(), message)
	}
}
