package tree_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/crossoverJie/k8s-combat/imports/tree"
)

func TestLoad(t *testing.T) {
	t.Parallel()
	type object = map[string]any
	for name, test := range map[string]struct {
		yaml string
		want []any
	}{
		"nothing":             {"", []any{}},
		"empty documents":     {"---\n\n---\n# a comment\n---\n{}\n---\n[]\n---\nnull\n", []any{}},
		"several":             {"a: 1\n---\nb: x\n--- # a comment\nc: true\n...\n---\n- 1\n--- text\n", []any{object{"a": 1}, object{"b": "x"}, object{"c": true}, []any{1}, "text"}},
		"a dash in a text":    {"a: |\n  x\n  ---\n  y\n---\nb: 1\n", []any{object{"a": "x\n---\ny\n"}, object{"b": 1}}},
		"JSON":                {`{"a": [1, 1.5, "x", null]}`, []any{object{"a": []any{1, 1.5, "x", nil}}}},
		"directives":          {"%YAML 1.1\n---\na: 1\n", []any{object{"a": 1}}},
		"Windows":             {"a: 1\r\n---\r\nb: 2\r\n", []any{object{"a": 1}, object{"b": 2}}},
		"as Kubernetes reads": {"a: yes\nb: 0755\nc: 2001-12-14\nd: \"no\"\ne: 1e3\n1: x\ntrue: w\n2.5: z\n", []any{object{"a": true, "b": 493, "c": "2001-12-14", "d": "no", "e": 1000.0, "1": "x", "true": "w", "2.5": "z"}}},
		"anchors":             {"a: &x {b: 1}\nc:\n  <<: *x\n  d: 2\n", []any{object{"a": object{"b": 1}, "c": object{"b": 1, "d": 2}}}},
		"a List": {"kind: List\napiVersion: v1\nitems:\n- {kind: Pod, apiVersion: v1}\n- {}\n- kind: List\n  items: [{kind: Service, apiVersion: v1}]\n---\nkind: List\nitems: []\n",
			[]any{object{"kind": "Pod", "apiVersion": "v1"}, object{"kind": "Service", "apiVersion": "v1"}}},
		"a list of a kind":       {"kind: PodList\napiVersion: v1\nitems:\n- metadata: {name: a}\n", []any{object{"kind": "Pod", "apiVersion": "v1", "metadata": object{"name": "a"}}}},
		"a List without items":   {"kind: AllowList\napiVersion: example.org/v1\nspec: {}\n", []any{object{"kind": "AllowList", "apiVersion": "example.org/v1", "spec": object{}}}},
		"a byte order mark":      {"\ufeffa: 1\n", []any{object{"a": 1}}},
		"no newline at the end":  {"a: 1\n---\nb: 2", []any{object{"a": 1}, object{"b": 2}}},
		"a document end, no sep": {"a: 1\n...\n", []any{object{"a": 1}}},
	} {
		got, err := tree.Load(strings.NewReader(test.yaml))
		require.NoError(t, err, name)
		assert.Equal(t, test.want, got, name)
	}
	for want, text := range map[string]string{
		"document 2: yaml: line 3: did not find expected ',' or ']'":                  "a: 1\n---\n[1\n",
		"document 1: yaml: unmarshal errors:\n  line 2: key \"a\" already set in map": "a: 1\na: 2\n",
		`document 1: key "1" stands twice in a map`:                                   "1: a\n\"1\": b\n",
		"document 1: the key <nil> is no text; write it in quotes":                    "~: a\n",
		"more than 64 MiB of YAML; split it":                                          strings.Repeat("#", 64<<20+1),
		"document 1: yaml: unknown anchor 'x' referenced":                             "a: *x\n",
	} {
		_, err := tree.Load(strings.NewReader(text))
		require.ErrorContains(t, err, want)
	}
	_, err := tree.Load(iotest.ErrReader(errors.New("broken")))
	assert.EqualError(t, err, "broken")
}

const guestbook = `apiVersion: v1
kind: Service
metadata:
  name: web
---
# nothing
---
apiVersion: v1
kind: List
items:
  - apiVersion: apps/v1
    kind: Deployment
    metadata:
      name: web
      namespace: other
    spec:
      replicas: 3
  - apiVersion: v1
    kind: Namespace
    metadata:
      name: other
---
apiVersion: v1
kind: ConfigMap
data:
  mode: "0755"
`

func TestInclude(t *testing.T) {
	t.Parallel()
	app := newApp(t)
	chart := tree.NewChart(app, "shop", tree.ChartProps{Namespace: "prod", Labels: map[string]string{"team": "a"}})
	included := tree.Include(chart, "guestbook", strings.NewReader(guestbook))
	var paths []string
	for _, object := range included.Objects() {
		paths = append(paths, *object.Node().Path())
	}
	assert.Equal(t, []string{
		"shop/guestbook/web-service", "shop/guestbook/web-deployment-other", "shop/guestbook/other-namespace", "shop/guestbook/object0-configmap",
	}, paths)
	assert.Same(t, included, included.Objects()[0].Node().Scope())
	included.Objects()[0].Metadata().AddAnnotation(new("note"), new("yes"))
	assert.Equal(t, `apiVersion: v1
kind: Namespace
metadata:
  labels:
    team: a
  name: other
---
apiVersion: v1
kind: ConfigMap
metadata:
  labels:
    team: a
  name: shop-guestbook-object0-configmap-c8640323
  namespace: prod
data:
  mode: "0755"
---
apiVersion: v1
kind: Service
metadata:
  annotations:
    note: "yes"
  labels:
    team: a
  name: web
  namespace: prod
---
apiVersion: apps/v1
kind: Deployment
metadata:
  labels:
    team: a
  name: web
  namespace: other
spec:
  replicas: 3
`, *app.SynthYaml())
}

func TestIncludeMistakes(t *testing.T) {
	t.Parallel()
	app := newApp(t)
	chart := tree.NewChart(app, "c", tree.ChartProps{})
	tree.Include(chart, "nil", nil)
	tree.Include(chart, "typed-nil", (*strings.Reader)(nil))
	_, err := tree.Load((*strings.Reader)(nil))
	require.EqualError(t, err, "the reader is nil: pass what the YAML is to be read from")
	tree.Include(chart, "broken", strings.NewReader("[1\n"))
	tree.Include(chart, "values", strings.NewReader("replicas: 3\n---\ntext\n---\napiVersion: a/b/c\nkind: Pod\n---\napiVersion: v1\nkind: Pod\n"))
	tree.Include(chart, "quotes", strings.NewReader("apiVersion: v1\nkind: Pod\nmetadata: {name: yes, labels: {a: on}}\n"))
	const pod = "{apiVersion: v1, kind: Pod, metadata: {name: a}}"
	tree.Include(chart, "twice", strings.NewReader(pod+"\n---\n"+pod))
	assert.EqualError(t, tree.Synth(app), `Validation failed with the following errors:
  [c/nil] reader: is nil; pass what the YAML is to be read from
  [c/typed-nil] reader: is nil; pass what the YAML is to be read from
  [c/broken] YAML: cannot be read: document 1: yaml: line 1: did not find expected ',' or ']'
  [c/values] object 1: is no Kubernetes object: it needs an apiVersion and a kind; take it out, or read it with Load
  [c/values] object 2: is no Kubernetes object: it needs an apiVersion and a kind; take it out, or read it with Load
  [c/values] object 3: is no Kubernetes object: it needs an apiVersion and a kind; take it out, or read it with Load
  [c/quotes/object0-pod] metadata.labels[a]: true is not text; put it in quotes
  [c/quotes/object0-pod] metadata.name: true is not text; put it in quotes
  [c/twice/a-pod-2] id: "a-pod" is taken below c/twice; give each construct an id that its siblings do not have`)
}

// helm writes a program that stands in for Helm: it notes its arguments and the values, and prints what it is told to.
func helm(t *testing.T, script string) (program, folder string) {
	t.Helper()
	folder = t.TempDir()
	program = filepath.Join(folder, "helm")
	text := "#!/bin/sh\ncd '" + folder + "'\nprintf '%s\\n' \"$@\" > arguments\nwhile [ $# -gt 0 ]; do [ \"$1\" = -f ] && cp \"$2\" values && ls -l \"$2\" > mode; shift; done\n" + script
	require.NoError(t, os.WriteFile(program, []byte(text), 0o755))
	return program, folder
}

func TestHelm(t *testing.T) {
	t.Parallel()
	program, folder := helm(t, "cat <<'EOF'\n"+guestbook+"EOF\n")
	app := newApp(t)
	chart := tree.NewChart(app, "shop", tree.ChartProps{})
	h := tree.Helm(chart, "web", tree.HelmProps{
		Chart: "repo/web", Repo: "https://charts.example.org", Version: "^1.2", Namespace: "prod",
		Values: map[string]any{"replicas": 3, "ingress": map[string]any{"host": nil}}, HelmFlags: []string{"--no-hooks", "--description", "x y"}, HelmExecutable: program,
	})
	assert.Equal(t, "shop-web-c8ba814a", h.ReleaseName())
	require.Len(t, h.Objects(), 4)
	assert.Equal(t, "shop/web/web-service", *h.Objects()[0].Node().Path())
	assert.Same(t, h, h.Objects()[0].Node().Scope())
	require.NoError(t, tree.Synth(app))

	arguments, err := os.ReadFile(filepath.Join(folder, "arguments"))
	require.NoError(t, err)
	lines := strings.Split(strings.TrimSpace(string(arguments)), "\n")
	require.Greater(t, len(lines), 3)
	overrides := lines[2]
	assert.Equal(t, []string{
		"template", "-f", overrides, "--repo", "https://charts.example.org", "--version", "^1.2", "--namespace", "prod",
		"--no-hooks", "--description", "x y", "shop-web-c8ba814a", "repo/web",
	}, lines)
	assert.NoFileExists(t, overrides, "values may be secret")
	mode, err := os.ReadFile(filepath.Join(folder, "mode"))
	require.NoError(t, err)
	assert.Contains(t, string(mode), "-rw-------")
	values, err := os.ReadFile(filepath.Join(folder, "values"))
	require.NoError(t, err)
	assert.JSONEq(t, `{"replicas": 3, "ingress": {"host": null}}`, string(values))
}

func TestHelmWithoutOptions(t *testing.T) {
	t.Parallel()
	program, folder := helm(t, "")
	chart := tree.NewChart(newApp(t), "shop", tree.ChartProps{})
	h := tree.Helm(chart, "web", tree.HelmProps{Chart: "./web", ReleaseName: "mine", HelmExecutable: program})
	assert.Equal(t, "mine", h.ReleaseName())
	assert.Empty(t, h.Objects())
	arguments, err := os.ReadFile(filepath.Join(folder, "arguments"))
	require.NoError(t, err)
	assert.Equal(t, "template\nmine\n./web\n", string(arguments))
}

func TestHelmMistakes(t *testing.T) {
	t.Parallel()
	failing, _ := helm(t, "echo 'Error: unknown flag: --boom' >&2; exit 1\n")
	silent, _ := helm(t, "exit 3\n")
	odd, _ := helm(t, "echo '[1'; exit 0\n")
	loop := map[string]any{}
	loop["x"] = loop
	for name, test := range map[string]struct {
		props tree.HelmProps
		want  string
	}{
		"no chart": {tree.HelmProps{}, "Chart: is not set; name a folder, an archive or a chart of a repository"},
		"a flag":   {tree.HelmProps{Chart: "-x", ReleaseName: "--y"}, "Chart: \"-x\" would be a flag of helm; put flags into HelmFlags\n  [c/h] ReleaseName: \"--y\" would be a flag of helm; put flags into HelmFlags"},
		"no helm":  {tree.HelmProps{Chart: "x", HelmExecutable: "no-such-helm"}, `HelmExecutable: "no-such-helm" cannot be run to render the chart; install Helm, or name the program`},
		"fails":    {tree.HelmProps{Chart: "x", HelmExecutable: failing}, "Chart: cannot be rendered: Error: unknown flag: --boom"},
		"silent":   {tree.HelmProps{Chart: "x", HelmExecutable: silent}, "Chart: cannot be rendered: exit status 3"},
		"no YAML":  {tree.HelmProps{Chart: "x", HelmExecutable: odd}, "Chart: is rendered to what cannot be read: document 1: yaml: line 1: did not find expected ',' or ']'"},
		"values":   {tree.HelmProps{Chart: "x", Values: loop, HelmExecutable: odd}, "Values: cannot be written for helm: json: unsupported value: encountered a cycle via map[string]interface {}"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			app := newApp(t)
			tree.Helm(tree.NewChart(app, "c", tree.ChartProps{}), "h", test.props)
			assert.EqualError(t, tree.Synth(app), "Validation failed with the following errors:\n  [c/h] "+test.want)
		})
	}
}
