package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/cdk8s-team/cdk8s-core-go/cdk8s/v2"
	"github.com/rogpeppe/go-internal/testscript"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/crossoverJie/k8s-combat/imports/tree"
	"github.com/crossoverJie/k8s-combat/infra"
	"github.com/crossoverJie/k8s-combat/infra/chapters"
)

func TestMain(m *testing.M) {
	testscript.Main(closing{m}, map[string]func(){"combat": main})
}

// closing runs the tests and then ends what they have started.
type closing struct{ m *testing.M }

func (c closing) Run() int {
	defer tree.Close()
	return c.m.Run()
}

func TestScripts(t *testing.T) {
	t.Parallel()
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script",
		Setup: func(env *testscript.Env) error {
			env.Setenv("JSII_SILENCE_WARNING_END_OF_LIFE_NODE_VERSION", "20")
			// For scripts that change the PATH.
			combat, err := exec.LookPath("combat")
			env.Setenv("COMBAT", combat)
			return err
		},
	})
}

// badBook has mistakes in two of its chapters.
var badBook = []chapters.Chapter{
	{Name: "good", Build: func(chart cdk8s.Chart) {
		infra.NewConfig(chart, "config", infra.ConfigProps{Name: "settings"})
	}},
	{Name: "bad", Build: func(chart cdk8s.Chart) {
		infra.NewProbedDeployment(chart, "web", infra.ProbedDeploymentProps{Name: "Web", Image: "a b"})
	}},
	{Name: "worse", Build: func(chart cdk8s.Chart) {
		infra.NewConfig(chart, "config", infra.ConfigProps{Name: "settings"})
		infra.NewConfig(chart, "config", infra.ConfigProps{Name: "settings", OnChange: "Never"})
	}},
}

func TestSynthTellsEverythingAndWritesNothing(t *testing.T) {
	t.Parallel()
	outdir := t.TempDir()
	stale := filepath.Join(outdir, "good.k8s.yaml")
	require.NoError(t, os.WriteFile(stale, []byte("as it was"), 0o644))

	var stdout, stderr bytes.Buffer
	code := run([]string{"synth", "--out", outdir}, &stdout, &stderr, badBook)

	assert.Equal(t, exitFailed, code)
	assert.Empty(t, stdout.String())
	assert.Equal(t, `combat: Validation failed with the following errors:
  [bad/web] Name: "Web" is not an RFC 1123 label; use 1 to 63 lower-case letters, digits or '-', beginning and ending with a letter or digit
  [bad/web] Image: "a b" is not an image reference; use [REGISTRY/]NAME[:TAG][@DIGEST] in lower case and without spaces, for example "docker.io/library/nginx:1.29"
  [worse/config-2] id: "config" is taken below worse; give each construct an id that its siblings do not have
  [worse/config-2] OnChange: "Never" is not known; use Restart or Reload
`, stderr.String())
	entries, err := os.ReadDir(outdir)
	require.NoError(t, err)
	require.Len(t, entries, 1)
	content, err := os.ReadFile(stale)
	require.NoError(t, err)
	assert.Equal(t, "as it was", string(content))
}

func TestSynthTellsProblemsInParts(t *testing.T) {
	t.Parallel()
	var stdout, stderr bytes.Buffer
	code := run([]string{"synth", "--out", t.TempDir(), "-o", "json", "bad"}, &stdout, &stderr, badBook)
	assert.Equal(t, exitFailed, code)
	assert.Empty(t, stderr.String())
	assert.JSONEq(t, `{"files": [], "warnings": [], "problems": [
		{"construct": "bad/web", "field": "Name", "value": "\"Web\"", "detail": "is not an RFC 1123 label",
			"fix": "use 1 to 63 lower-case letters, digits or '-', beginning and ending with a letter or digit",
			"message": "Name: \"Web\" is not an RFC 1123 label; use 1 to 63 lower-case letters, digits or '-', beginning and ending with a letter or digit"},
		{"construct": "bad/web", "field": "Image", "value": "\"a b\"", "detail": "is not an image reference",
			"fix": "use [REGISTRY/]NAME[:TAG][@DIGEST] in lower case and without spaces, for example \"docker.io/library/nginx:1.29\"",
			"message": "Image: \"a b\" is not an image reference; use [REGISTRY/]NAME[:TAG][@DIGEST] in lower case and without spaces, for example \"docker.io/library/nginx:1.29\""}
	]}`, stdout.String())

	stdout.Reset()
	file := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	assert.Equal(t, exitFailed, run([]string{"synth", "--out", file, "-o", "json", "good"}, &stdout, &stderr, badBook))
	assert.Contains(t, stdout.String(), `"error": `)
	assert.Empty(t, stderr.String())

	stdout.Reset()
	outdir := t.TempDir()
	assert.Equal(t, exitOK, run([]string{"synth", "--out", outdir, "-o", "json", "good"}, &stdout, &stderr, badBook))
	assert.JSONEq(t, `{"files": [`+strconv.Quote(filepath.Join(outdir, "good.k8s.yaml"))+`], "problems": [], "warnings": []}`, stdout.String())

	assert.Equal(t, exitUsage, run([]string{"synth", "-o", "xml"}, &stdout, &stderr, badBook))
	assert.Contains(t, stderr.String(), `--output: no format "xml"; use text or json`)
}

func TestSynthWarns(t *testing.T) {
	t.Parallel()
	large := []chapters.Chapter{{Name: "large", Build: func(chart cdk8s.Chart) {
		infra.NewConfig(chart, "config", infra.ConfigProps{Name: "settings", Data: map[string]string{"a": strings.Repeat("x", 250<<10)}})
	}}}
	var stdout, stderr bytes.Buffer
	outdir := t.TempDir()
	code := run([]string{"synth", "--out", outdir}, &stdout, &stderr, large)
	assert.Equal(t, exitOK, code)
	assert.Equal(t, filepath.Join(outdir, "large.k8s.yaml")+"\n", stdout.String())
	assert.Equal(t, "combat: warning: [large/config/Resource] is an object of 256088 bytes, more than kubectl apply can keep a copy of in an annotation; apply with --server-side, which keeps none\n", stderr.String())
}

func TestSynthOfAGoodChapterBesideBadOnes(t *testing.T) {
	t.Parallel()
	outdir := t.TempDir()
	var stdout, stderr bytes.Buffer
	code := run([]string{"synth", "--out", outdir, "good"}, &stdout, &stderr, badBook)
	assert.Equal(t, exitOK, code, stderr.String())
	assert.Equal(t, filepath.Join(outdir, "good.k8s.yaml")+"\n", stdout.String())
}

func TestReplaceLeavesTheFolderAloneWhenItFails(t *testing.T) {
	t.Parallel()
	for name, bad := range map[string]string{
		"a temporary file cannot be made": "no/such/folder.yaml",
		"the last place is a folder":      "taken",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			folder := t.TempDir()
			old := filepath.Join(folder, "a.yaml")
			require.NoError(t, os.WriteFile(old, []byte("old"), 0o644))
			require.NoError(t, os.MkdirAll(filepath.Join(folder, "taken", "inside"), 0o755))
			err := replace(folder, []file{{"a.yaml", []byte("new")}, {"b.yaml", []byte("new")}, {bad, []byte("new")}})
			require.Error(t, err)
			entries, err := os.ReadDir(folder)
			require.NoError(t, err)
			assert.Len(t, entries, 2, "a.yaml and the folder, and nothing else")
			content, err := os.ReadFile(old)
			require.NoError(t, err)
			assert.Equal(t, "old", string(content))
		})
	}
}
