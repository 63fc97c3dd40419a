// Package synthtest helps to test constructs: it synthesizes a chart on the native tree and looks
// at what comes out.
package synthtest

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cdk8s-team/cdk8s-core-go/cdk8s/v2"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"sigs.k8s.io/yaml"

	"github.com/crossoverJie/k8s-combat/imports/tree"
	"github.com/crossoverJie/k8s-combat/imports/tree/native"
)

var update = flag.Bool("update", false, "write the golden files instead of comparing with them")

// Main is the body of a TestMain: it runs the tests, and then ends what cdk8s has started.
func Main(m *testing.M) {
	code := m.Run()
	tree.Close()
	os.Exit(code)
}

// Synth makes a chart on the native tree, lets build fill it, and returns its YAML and the
// validation messages.
func Synth(t *testing.T, build func(chart cdk8s.Chart)) (manifests string, messages []string) {
	t.Helper()
	outdir := t.TempDir()
	app := native.NewApp(&cdk8s.AppProps{Outdir: &outdir})
	build(tree.NewChart(app, "chart", tree.ChartProps{}))
	err := tree.Synth(app)
	files, listErr := os.ReadDir(outdir)
	require.NoError(t, listErr)
	if err != nil {
		assert.Empty(t, files, "something was written although there are errors")
		lines := strings.Split(err.Error(), "\n  ")
		require.Equal(t, "Validation failed with the following errors:", lines[0])
		return "", lines[1:]
	}
	require.Len(t, files, 1)
	content, readErr := os.ReadFile(filepath.Join(outdir, files[0].Name()))
	require.NoError(t, readErr)
	return string(content), nil
}

// Golden compares the chart's YAML with a file of testdata.
func Golden(t *testing.T, name string, build func(chart cdk8s.Chart)) {
	t.Helper()
	got, messages := Synth(t, build)
	require.Empty(t, messages)
	file := filepath.Join("testdata", name+".yaml")
	if *update {
		require.NoError(t, os.MkdirAll("testdata", 0o755))
		require.NoError(t, os.WriteFile(file, []byte(got), 0o644))
		return
	}
	want, err := os.ReadFile(file)
	require.NoError(t, err, "run the test with -update to write it")
	assert.Equal(t, string(want), got)
}

// Objects decodes the chart's objects of a kind.
func Objects[T any](t *testing.T, kind string, build func(chart cdk8s.Chart)) []T {
	t.Helper()
	manifests, messages := Synth(t, build)
	require.Empty(t, messages)
	var result []T
	for document := range bytes.SplitSeq([]byte(manifests), []byte("---\n")) {
		var header struct{ Kind string }
		require.NoError(t, yaml.Unmarshal(document, &header))
		if header.Kind == kind {
			var object T
			require.NoError(t, yaml.UnmarshalStrict(document, &object))
			result = append(result, object)
		}
	}
	return result
}

// Only decodes the chart's one object of a kind.
func Only[T any](t *testing.T, kind string, build func(chart cdk8s.Chart)) T {
	t.Helper()
	found := Objects[T](t, kind, build)
	require.Len(t, found, 1)
	return found[0]
}

// BadInput is a table of mistakes and the messages that each must give, without the path of the
// construct.
type BadInput map[string]struct {
	Build func(chart cdk8s.Chart)
	Want  []string
}

// Run runs the table.
func (table BadInput) Run(t *testing.T) {
	t.Helper()
	for name, test := range table {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, messages := Synth(t, test.Build)
			assert.Equal(t, test.Want, messages)
		})
	}
}
