package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/cdk8s-team/cdk8s-core-go/cdk8s/v2"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"

	"github.com/crossoverJie/k8s-combat/imports/tree"
	"github.com/crossoverJie/k8s-combat/imports/tree/native"
	"github.com/crossoverJie/k8s-combat/infra/chapters"
)

// synth returns the chapter's file.
func synth(t *testing.T, chapter chapters.Chapter) []byte {
	t.Helper()
	return written(t, func(app cdk8s.App) { chapter.New(app) })
}

// apply applies the objects that build adds to a chart.
func apply(t *testing.T, namespace string, build func(chart cdk8s.Chart)) {
	t.Helper()
	content := written(t, func(app cdk8s.App) { build(tree.NewChart(app, "chart", tree.ChartProps{})) })
	kubectl(t, content, "apply", "--server-side", "--namespace", namespace, "--filename", "-")
}

// applyApp applies the charts that build adds to an app, each of which has a Namespace or needs none, and deletes their
// objects when the test ends: not all of the namespaces are the test's own.
func applyApp(t *testing.T, build func(app cdk8s.App)) {
	t.Helper()
	content := written(t, build)
	kubectl(t, content, "apply", "--server-side", "--filename", "-")
	t.Cleanup(func() {
		_, _, err := tryKubectl(context.Background(), content, "delete", "--ignore-not-found", "--wait=false", "--filename", "-")
		assert.NoError(t, err)
	})
}

// written returns the files of the app that build fills, as one.
func written(t *testing.T, build func(app cdk8s.App)) []byte {
	t.Helper()
	outdir := t.TempDir()
	app := native.NewApp(&cdk8s.AppProps{Outdir: &outdir})
	build(app)
	require.NoError(t, tree.Synth(app))
	paths, err := filepath.Glob(filepath.Join(outdir, "*.yaml"))
	require.NoError(t, err)
	var files [][]byte
	for _, path := range paths {
		content, err := os.ReadFile(path)
		require.NoError(t, err)
		files = append(files, content)
	}
	return bytes.Join(files, []byte("---\n"))
}

// objects returns the objects of the chapter's file.
func objects(t *testing.T, chapter chapters.Chapter) []*unstructured.Unstructured {
	t.Helper()
	var result []*unstructured.Unstructured
	for document := range bytes.SplitSeq(synth(t, chapter), []byte("\n---\n")) {
		content, err := yaml.YAMLToJSON(document)
		require.NoError(t, err)
		object := &unstructured.Unstructured{}
		require.NoError(t, object.UnmarshalJSON(content))
		result = append(result, object)
	}
	return result
}

// named returns the chapter of that name.
func named(t *testing.T, name string) chapters.Chapter {
	t.Helper()
	all := chapters.All()
	i := slices.IndexFunc(all, func(c chapters.Chapter) bool { return c.Name == name })
	require.GreaterOrEqual(t, i, 0, "no chapter %s", name)
	return all[i]
}

// podSpec returns the pod template's spec, or nil for an object without one.
func podSpec(object *unstructured.Unstructured) map[string]any {
	spec, _, _ := unstructured.NestedFieldNoCopy(object.Object, "spec", "template", "spec")
	result, _ := spec.(map[string]any)
	return result
}

// useLoadedImages keeps the nodes from asking a registry for images that they have.
func useLoadedImages(object *unstructured.Unstructured) {
	for _, container := range containers(object) {
		container["imagePullPolicy"] = "IfNotPresent"
	}
}

// withEnv gives all containers of a workload a variable.
func withEnv(name, value string) func(*unstructured.Unstructured) {
	return func(object *unstructured.Unstructured) {
		for _, container := range containers(object) {
			env, _ := container["env"].([]any)
			container["env"] = append(env, map[string]any{"name": name, "value": value})
		}
	}
}

// containers returns the containers of a workload's pods.
func containers(object *unstructured.Unstructured) []map[string]any {
	var result []map[string]any
	spec := podSpec(object)
	for _, field := range []string{"initContainers", "containers"} {
		all, _ := spec[field].([]any)
		for _, container := range all {
			result = append(result, container.(map[string]any))
		}
	}
	return result
}

// list writes objects as kubectl reads them.
func list(t *testing.T, objects ...*unstructured.Unstructured) []byte {
	t.Helper()
	content, err := json.Marshal(map[string]any{"apiVersion": "v1", "kind": "List", "items": objects})
	require.NoError(t, err)
	return content
}
