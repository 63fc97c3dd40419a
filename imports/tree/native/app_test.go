package native_test

import (
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/cdk8s-team/cdk8s-core-go/cdk8s/v2"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/crossoverJie/k8s-combat/imports/tree"
	"github.com/crossoverJie/k8s-combat/imports/tree/native"
)

// files reads a folder. Folders are in the result too, with nothing in them.
func files(t *testing.T, folder string) map[string]string {
	t.Helper()
	found := map[string]string{}
	require.NoError(t, filepath.WalkDir(folder, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || path == folder {
			return err
		}
		name, err := filepath.Rel(folder, path)
		if err != nil || entry.IsDir() {
			found[filepath.ToSlash(name)+"/"] = ""
			return err
		}
		content, err := os.ReadFile(path)
		found[filepath.ToSlash(name)] = string(content)
		return err
	}))
	return found
}

func manifest(name string) string {
	return "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: " + name + "\n"
}

func TestSynth(t *testing.T) {
	t.Parallel()
	a, b, c := manifest("a"), manifest("b!"), manifest("c")
	for name, test := range map[string]struct {
		props cdk8s.AppProps
		want  map[string]string
	}{
		"default": {cdk8s.AppProps{}, map[string]string{"one.k8s.yaml": a + "---\n" + b, "two.k8s.yaml": c, "empty.k8s.yaml": ""}},
		"per app": {cdk8s.AppProps{YamlOutputType: cdk8s.YamlOutputType_FILE_PER_APP}, map[string]string{"app.k8s.yaml": a + "---\n" + b + "---\n" + c}},
		"per chart": {cdk8s.AppProps{YamlOutputType: cdk8s.YamlOutputType_FILE_PER_CHART, OutputFileExtension: new(".yml")},
			map[string]string{"one.yml": a + "---\n" + b, "two.yml": c, "empty.yml": ""}},
		"per resource": {cdk8s.AppProps{YamlOutputType: cdk8s.YamlOutputType_FILE_PER_RESOURCE},
			map[string]string{"ConfigMap.a.k8s.yaml": a, "ConfigMap.b.k8s.yaml": b, "ConfigMap.c.k8s.yaml": c}},
		"folders": {cdk8s.AppProps{YamlOutputType: cdk8s.YamlOutputType_FOLDER_PER_CHART_FILE_PER_RESOURCE},
			map[string]string{"one/": "", "one/ConfigMap.a.k8s.yaml": a, "one/ConfigMap.b.k8s.yaml": b, "two/": "", "two/ConfigMap.c.k8s.yaml": c, "empty/": ""}},
		"record": {cdk8s.AppProps{YamlOutputType: cdk8s.YamlOutputType_FILE_PER_APP, RecordConstructMetadata: new(true)}, map[string]string{
			"app.k8s.yaml":            a + "---\n" + b + "---\n" + c,
			"construct-metadata.json": `{"version":"1.0.0","resources":{"a":{"path":"one/a"},"b!":{"path":"one/b!"},"c":{"path":"two/c"}}}`,
		}},
	} {
		folder := filepath.Join(t.TempDir(), "deep", "dist")
		test.props.Outdir = &folder
		app := native.NewApp(&test.props)
		one, two := newChart(app, "one"), newChart(app, "two")
		newChart(app, "empty")
		named(one, "a")
		named(one, "b!")
		named(two, "c")
		assert.Equal(t, folder, *app.Outdir())
		app.Synth()
		app.Synth()
		assert.Equal(t, test.want, files(t, folder), name)
		assert.Equal(t, a+"---\n"+b+"---\n"+c, *app.SynthYaml(), name)
		held := map[string]string{}
		files, err := native.Files(app)
		require.NoError(t, err)
		for _, file := range files {
			held[filepath.ToSlash(file.Path)] = string(file.Content)
		}
		maps.DeleteFunc(test.want, func(path, _ string) bool { return strings.HasSuffix(path, "/") })
		assert.Equal(t, test.want, held, name)
	}
}

// Enough objects that they are encoded in many parts at the same time: nothing of that may show.
func TestSynthOfManyObjects(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	app := native.NewApp(&cdk8s.AppProps{Outdir: &folder})
	want := map[string]string{}
	for i := range 3 {
		chart := newChart(app, fmt.Sprintf("chart%d", i))
		var documents []string
		for j := range 1000 {
			name := fmt.Sprintf("o-%d-%d", i, j)
			named(chart, name)
			documents = append(documents, manifest(name))
		}
		want[fmt.Sprintf("chart%d.k8s.yaml", i)] = strings.Join(documents, "---\n")
	}
	app.Synth()
	assert.Equal(t, want, files(t, folder))
}

func TestSynthOfDependentCharts(t *testing.T) {
	t.Parallel()
	for outputType, want := range map[cdk8s.YamlOutputType]map[string]string{
		cdk8s.YamlOutputType_FILE_PER_CHART: {
			"0000-second.k8s.yaml": manifest("b"),
			"0001-first.k8s.yaml":  manifest("a"),
		},
		cdk8s.YamlOutputType_FOLDER_PER_CHART_FILE_PER_RESOURCE: {
			"0000-second/": "", "0000-second/ConfigMap.b.k8s.yaml": manifest("b"),
			"0001-first/": "", "0001-first/ConfigMap.a.k8s.yaml": manifest("a"),
		},
	} {
		folder := t.TempDir()
		app := native.NewApp(&cdk8s.AppProps{Outdir: &folder, YamlOutputType: outputType})
		first, second := newChart(app, "first"), newChart(app, "second")
		named(first, "a").AddDependency(named(second, "b"))
		app.Synth()
		assert.Equal(t, want, files(t, folder))
	}
}

func TestNothingIsWrittenWhenInvalid(t *testing.T) {
	t.Parallel()
	folder := filepath.Join(t.TempDir(), "dist")
	app := native.NewApp(&cdk8s.AppProps{Outdir: &folder})
	first, second := newChart(app, "first"), newChart(app, "second")
	named(first, "fine")
	tree.Invalid(app, tree.Problem{Detail: "of the app"})
	tree.Invalid(newGroup(first, "g"), tree.Problem{Detail: "one"}, tree.Problem{Detail: "two"})
	tree.Invalid(named(second, "o"), tree.Problem{Detail: "three"})
	const want = "Validation failed with the following errors:\n  [] of the app\n  [first/g] one\n  [first/g] two\n  [second/o] three"
	assert.PanicsWithError(t, want, app.Synth)
	assert.PanicsWithError(t, want, func() { app.SynthYaml() })
	assert.PanicsWithError(t, want, func() { first.ToJson() }, "of the whole app, as in cdk8s")
	assert.NoDirExists(t, folder)
}

func TestNothingIsWrittenWhenTheLastObjectFails(t *testing.T) {
	t.Parallel()
	folder := filepath.Join(t.TempDir(), "dist")
	app := native.NewApp(&cdk8s.AppProps{Outdir: &folder})
	named(newChart(app, "first"), "fine")
	named(newChart(app, "second"), "o").AddJsonPatch(op("test", "/kind", "Pod"))
	assert.PanicsWithError(t, "Failed serializing construct at path 'second/o' with name 'o': Test operation failed: /kind is not Pod", app.Synth)
	assert.NoDirExists(t, folder)
}

func TestOutputsOfOnePath(t *testing.T) {
	t.Parallel()
	folder := filepath.Join(t.TempDir(), "dist")
	app := native.NewApp(&cdk8s.AppProps{Outdir: &folder, YamlOutputType: cdk8s.YamlOutputType_FILE_PER_RESOURCE})
	for _, id := range []string{"prod", "dev"} {
		chart := tree.NewChart(app, id, tree.ChartProps{Namespace: id})
		newObject(chart, "o", map[string]any{"metadata": map[string]any{"name": "settings"}})
	}
	const want = "Validation failed with the following errors:\n" + `  [dev/o] is written to "ConfigMap.settings.k8s.yaml", as is prod/o; ` +
		"use FOLDER_PER_CHART_FILE_PER_RESOURCE or FILE_PER_CHART, or give one of them another name"
	assert.PanicsWithError(t, want, app.Synth)
	assert.NoDirExists(t, folder)
	_, err := native.Files(app)
	require.EqualError(t, err, want)
	var problems tree.Problems
	require.ErrorAs(t, err, &problems)
	assert.Equal(t, "dev/o", problems[0].Construct)
	assert.NotEmpty(t, *app.SynthYaml(), "one text for all has no files")
}

func TestSynthWithoutCharts(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	app := native.NewApp(&cdk8s.AppProps{Outdir: &folder, YamlOutputType: cdk8s.YamlOutputType_FILE_PER_APP})
	app.Synth()
	assert.Empty(t, files(t, folder))
	assert.Empty(t, *app.SynthYaml())
}

func TestUnwritableFolder(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	app := native.NewApp(&cdk8s.AppProps{Outdir: &file})
	newChart(app, "c")
	assert.PanicsWithError(t, fmt.Sprintf("cannot write the manifests: mkdir %s: not a directory", file), app.Synth)
}

func TestAppDefaults(t *testing.T) {
	t.Setenv("CDK8S_OUTDIR", "")
	app := native.NewApp(nil)
	assert.Equal(t, "dist", *app.Outdir())
	assert.Equal(t, ".k8s.yaml", *app.OutputFileExtension())
	assert.Equal(t, cdk8s.YamlOutputType_FILE_PER_CHART, app.YamlOutputType())
	assert.Empty(t, *app.Resolvers())
	assert.PanicsWithError(t, `"FILE" is not a YamlOutputType`, func() { native.NewApp(&cdk8s.AppProps{YamlOutputType: "FILE"}) })
}

func TestAppEnvironment(t *testing.T) {
	folder := t.TempDir()
	t.Setenv("CDK8S_OUTDIR", folder)
	t.Setenv("CDK8S_RECORD_CONSTRUCT_METADATA", "true")
	app := native.NewApp(nil)
	app.Synth()
	assert.Equal(t, map[string]string{"construct-metadata.json": `{"version":"1.0.0","resources":{}}`}, files(t, folder))
	assert.Equal(t, "here", *native.NewApp(&cdk8s.AppProps{Outdir: new("here")}).Outdir())
}

// Trees share nothing, so that tests can run in parallel. The race detector is who judges this.
func TestTreesInParallel(t *testing.T) {
	t.Parallel()
	var all sync.WaitGroup
	results := make([]string, 16)
	for i := range results {
		all.Go(func() {
			app := native.NewApp(nil)
			a, b := newChart(app, "a"), newChart(app, "b")
			for j := range 50 {
				newObject(newGroup(a, strconv.Itoa(j)), "Resource", map[string]any{"data": map[string]any{"time": "2001-12-14", "n": j}})
			}
			named(b, "x")
			a.AddDependency(b)
			results[i] = *app.SynthYaml()
		})
	}
	all.Wait()
	for _, result := range results {
		assert.Equal(t, results[0], result)
	}
}
