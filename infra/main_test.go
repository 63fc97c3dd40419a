package infra_test

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
	appsv1 "k8s.io/api/apps/v1"
	"sigs.k8s.io/yaml"

	"github.com/crossoverJie/k8s-combat/imports/tree"
	"github.com/crossoverJie/k8s-combat/imports/tree/native"
)

var update = flag.Bool("update", false, "write the golden files instead of comparing with them")

func TestMain(m *testing.M) {
	code := m.Run()
	tree.Close()
	os.Exit(code)
}

// synth makes a chart on the native tree, lets build fill it, and returns its YAML and the validation messages.
func synth(t *testing.T, build func(chart cdk8s.Chart)) (manifests string, messages []string) {
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

// golden compares the chart's YAML with a file of testdata.
func golden(t *testing.T, name string, build func(chart cdk8s.Chart)) {
	t.Helper()
	got, messages := synth(t, build)
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

// objects decodes the chart's objects of a kind.
func objects[T any](t *testing.T, kind string, build func(chart cdk8s.Chart)) []T {
	t.Helper()
	manifests, messages := synth(t, build)
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

// only decodes the chart's one object of a kind.
func only[T any](t *testing.T, kind string, build func(chart cdk8s.Chart)) T {
	t.Helper()
	found := objects[T](t, kind, build)
	require.Len(t, found, 1)
	return found[0]
}

func deployment(t *testing.T, build func(chart cdk8s.Chart)) appsv1.Deployment {
	t.Helper()
	return only[appsv1.Deployment](t, "Deployment", build)
}

// badInput is a table of mistakes and the messages that each must give, without the path of the construct.
type badInput map[string]struct {
	build func(chart cdk8s.Chart)
	want  []string
}

func (table badInput) run(t *testing.T) {
	t.Helper()
	for name, test := range table {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, messages := synth(t, test.build)
			assert.Equal(t, test.want, messages)
		})
	}
}
