package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const testdata = "github.com/crossoverJie/k8s-combat/imports/internal/gen/testdata/"

func TestReadAPIs(t *testing.T) {
	t.Parallel()
	apis, err := readAPIs([]string{testdata + "v1", testdata + "v1beta1"})
	require.NoError(t, err)
	assert.Equal(t, []*api{
		{
			ImportPath: testdata + "v1", Group: "things.example.org", Version: "v1",
			Kinds: []kind{
				{
					Name:     "Gadget",
					Synopsis: "Gadget has its markers in its own comment, and a sentence that is long enough to be broken, since it goes on beyond the end of a line.",
				},
				{
					Name: "Widget", Synopsis: "Widget is a kind with its markers in a comment of its own (e.g. this).",
					Deprecated: "use Gadget, which is newer.", ClusterScoped: true,
				},
			},
		},
		{
			ImportPath: testdata + "v1beta1", Group: "things.example.org", Version: "v1beta1",
			Kinds: []kind{{Name: "Novelty"}},
		},
	}, apis)
}

func TestReadAPIsErrors(t *testing.T) {
	t.Parallel()
	for want, packages := range map[string][]string{
		"kind Widget: the group things.example.org has one too":      {"v1", "other"},
		"it has no kind that the packages before it do not have":     {"v1", "v1"},
		"none: it does not declare GroupName and SchemeGroupVersion": {"none"},
		"missing": {"missing"},
	} {
		var paths []string
		for _, name := range packages {
			paths = append(paths, testdata+name)
		}
		_, err := readAPIs(paths)
		require.ErrorContains(t, err, want)
	}
}

func TestWriteConstructors(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	stale := filepath.Join(folder, prefix+"things_v0.go")
	other := filepath.Join(folder, "doc.go")
	require.NoError(t, os.WriteFile(stale, nil, 0o644))
	require.NoError(t, os.WriteFile(other, nil, 0o644))

	require.NoError(t, writeConstructors(folder, "things", []string{testdata + "v1", testdata + "v1beta1"}))
	assert.NoFileExists(t, stale)
	assert.FileExists(t, other)
	assert.FileExists(t, filepath.Join(folder, prefix+"things_v1beta1.go"))
	for _, name := range []string{"things_v1.go", "constructors_test.go"} {
		want, err := os.ReadFile(filepath.Join("testdata", "golden", name+".txt"))
		require.NoError(t, err)
		got, err := os.ReadFile(filepath.Join(folder, prefix+name))
		require.NoError(t, err)
		assert.Equal(t, string(want), string(got))
	}
}

const requiringSpec = `apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata:
  name: gadgets.things.example.org
spec:
  group: things.example.org
  names:
    kind: Gadget
  versions:
    - name: v1
      schema:
        openAPIV3Schema:
          required: [spec]
    - name: v2
      schema:
        openAPIV3Schema: {}
`

func TestWriteRequired(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	crds := filepath.Join(folder, "crds")
	file := filepath.Join(folder, "zz_generated.required.go")
	require.ErrorContains(t, writeRequired(file, "things", crds, []string{testdata + "v1"}), "crds: no CustomResourceDefinition in a folder there")
	require.NoError(t, os.MkdirAll(filepath.Join(crds, "things"), 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(crds, "things", "gadgets.yaml"), []byte(requiringSpec), 0o644))

	require.NoError(t, writeRequired(file, "things", crds, []string{testdata + "v1"}))
	want, err := os.ReadFile(filepath.Join("testdata", "golden", "required.go.txt"))
	require.NoError(t, err)
	got, err := os.ReadFile(file)
	require.NoError(t, err)
	assert.Equal(t, string(want), string(got))
}

func TestAPINames(t *testing.T) {
	t.Parallel()
	for want, a := range map[[3]string]api{
		{"corev1", "v1", "core"}:                        {Version: "v1"},
		{"appsv1", "apps/v1", "apps"}:                   {Group: "apps", Version: "v1"},
		{"policyv1", "policy.example.org/v1", "policy"}: {Group: "policy.example.org", Version: "v1"},
	} {
		assert.Equal(t, want, [3]string{a.Alias(), a.APIVersion(), a.label()})
	}
}

const definitions = `# A comment
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata:
  name: widgets.things.example.org
spec:
  names:
    kind: Widget
---
apiVersion: v1
kind: ConfigMap
metadata:
  name: kind
data:
  kind: CustomResourceDefinition
---

apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata:
  labels: {}
  name: gadgets.things.example.org

---
`

func TestSplitCRDs(t *testing.T) {
	t.Parallel()
	files := map[string][]byte{}
	require.NoError(t, splitCRDs("a@v1/b.yaml", []byte(definitions), files))
	assert.Len(t, files, 2)
	assert.Equal(t, `# Copied from a@v1/b.yaml by imports/internal/gen. DO NOT EDIT.
# A comment
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata:
  name: widgets.things.example.org
spec:
  names:
    kind: Widget
`, string(files["things.example.org_widgets.yaml"]))
	assert.Equal(t, `# Copied from a@v1/b.yaml by imports/internal/gen. DO NOT EDIT.
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata:
  labels: {}
  name: gadgets.things.example.org
`, string(files["things.example.org_gadgets.yaml"]))

	require.ErrorContains(t, splitCRDs("a@v1/b.yaml", []byte(definitions), files), "a@v1/b.yaml: widgets.things.example.org has a definition already")
	require.ErrorContains(t, splitCRDs("a@v1/b.yaml", []byte("kind: CustomResourceDefinition\n"), files), "a@v1/b.yaml: a CustomResourceDefinition in it has no name of the form plural.group")
}

func TestWriteCRDs(t *testing.T) {
	t.Parallel()
	folder := filepath.Join(t.TempDir(), "gatewayapi")
	require.NoError(t, writeCRDs(folder, "sigs.k8s.io/gateway-api", "config/crd/standard", ""))
	got, err := os.ReadDir(folder)
	require.NoError(t, err)
	assert.NotEmpty(t, got)

	require.ErrorContains(t, writeCRDs(folder, "sigs.k8s.io/gateway-api", "config/rbac", ""), "no such file")
	require.ErrorContains(t, writeCRDs(folder, "sigs.k8s.io/gateway-api", "apis/v1", ""), "apis/v1: no CustomResourceDefinition there")
	require.ErrorContains(t, writeCRDs(folder, "example.org/not-in-go.mod", "x", ""), "example.org/not-in-go.mod")
	require.ErrorContains(t, writeCRDs(folder, "sigs.k8s.io/gateway-api", "x", "example.org/not-in-go.mod"), "example.org/not-in-go.mod")
}

func TestLocateTakesTheVersionOfASibling(t *testing.T) {
	t.Parallel()
	_, want, err := locate("k8s.io/apimachinery", "")
	require.NoError(t, err)
	_, got, err := locate("k8s.io/api", "k8s.io/apimachinery")
	require.NoError(t, err)
	assert.Equal(t, want, got)
}

func TestRun(t *testing.T) {
	t.Setenv("GOPACKAGE", "")
	for _, args := range [][]string{nil, {"constructors"}, {"crds", "istio"}, {"else", "x"}} {
		require.ErrorContains(t, run(args), "allowed are 'constructors PACKAGE...', 'crds FOLDER MODULE PATH [SIBLING]' and 'required FILE CRDS PACKAGE...'")
	}
	require.ErrorContains(t, run([]string{"constructors", testdata + "v1"}), "GOPACKAGE: not set")
	require.ErrorContains(t, run([]string{"required", "x.go", "crds", testdata + "v1"}), "GOPACKAGE: not set")
}
