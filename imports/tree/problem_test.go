package tree_test

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/aws/constructs-go/constructs/v10"
	"github.com/cdk8s-team/cdk8s-core-go/cdk8s/v2"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/crossoverJie/k8s-combat/imports/tree"
	"github.com/crossoverJie/k8s-combat/imports/tree/native"
)

// theirs is a validation as somebody writes it who does not know this package.
type theirs struct{ messages []string }

func (v *theirs) Validate() *[]*string {
	result := []*string{}
	for _, message := range v.messages {
		result = append(result, &message)
	}
	return &result
}

var _ constructs.IValidation = (*theirs)(nil)

func TestSynthReturnsProblems(t *testing.T) {
	t.Parallel()
	cause := errors.New("the cause")
	app := newApp(t)
	chart := tree.NewChart(app, "chart", tree.ChartProps{})
	q := newQueue(chart, "queue", "")
	tree.Invalid(q, tree.Problem{Field: "Size", Value: int32(-1), Detail: "is negative", Fix: "use 0 or more", Cause: cause})
	chart.Node().AddValidation(&theirs{[]string{"of their own"}})

	err := tree.Synth(app)
	var problems tree.Problems
	require.ErrorAs(t, err, &problems)
	assert.Equal(t, tree.Problems{
		{Construct: "chart", Detail: "of their own"},
		{Construct: "chart/queue", Field: "Name", Detail: "is not set", Fix: "name the queue"},
		{Construct: "chart/queue", Field: "Size", Value: int32(-1), Detail: "is negative", Fix: "use 0 or more", Cause: cause},
	}, problems)
	var first tree.Problem
	require.ErrorAs(t, err, &first)
	assert.Equal(t, problems[0], first)
	require.ErrorIs(t, err, cause)
	require.EqualError(t, err, "Validation failed with the following errors:"+
		"\n  [chart] of their own\n  [chart/queue] Name: is not set; name the queue\n  [chart/queue] Size: -1 is negative; use 0 or more")

	_, err = tree.Render(chart)
	require.ErrorAs(t, err, &problems)
	_, err = native.Files(app)
	require.ErrorAs(t, err, &problems)
}

func TestCausesOfSynthSurvive(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	app := native.NewApp(&cdk8s.AppProps{Outdir: new(filepath.Join(file, "dist"))})
	newQueue(tree.NewChart(app, "chart", tree.ChartProps{}), "queue", "jobs")
	require.ErrorIs(t, tree.Synth(app), syscall.ENOTDIR)
}

func TestMessagesCanBePrinted(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", 5000)
	for name, test := range map[string]struct {
		problem tree.Problem
		want    string
	}{
		"text":  {tree.Problem{Field: "Name", Value: "a\x1b[31m\n", Detail: "is not a name"}, `Name: "a\x1b[31m\n" is not a name`},
		"list":  {tree.Problem{Field: "Keys", Value: []string{"a\x1b[31m\n", "\xff", "\u202e"}, Detail: "are no keys"}, `Keys: [a\x1b[31m\n \xff \u202e] are no keys`},
		"words": {tree.Problem{Detail: "größer als 5 % – 多", Value: "多"}, `"多" größer als 5 % – 多`},
		"long":  {tree.Problem{Value: map[string]string{"a": long}, Detail: "is long"}, "map[a:" + strings.Repeat("x", 74) + "... (5007 bytes) is long"},
	} {
		assert.Equal(t, test.want, test.problem.Message(), name)
	}
}

func TestMainPrintsWhatIsWrong(t *testing.T) {
	if os.Getenv("TREE_MAIN") != "" {
		app := native.NewApp(&cdk8s.AppProps{Outdir: new(os.Getenv("TREE_MAIN"))})
		q := newQueue(tree.NewChart(app, "chart", tree.ChartProps{}), "queue", os.Getenv("TREE_MAIN_NAME"))
		tree.Warn(q, tree.Problem{Detail: "may not be meant"})
		os.Exit(tree.Main(app))
	}
	t.Parallel()
	executable, err := os.Executable()
	require.NoError(t, err)
	for name, want := range map[string]string{
		"jobs": "warning: [chart/queue] may not be meant\n",
		"": "warning: [chart/queue] may not be meant\n" +
			"Validation failed with the following errors:\n  [chart/queue] Name: is not set; name the queue\n",
	} {
		temporary := t.TempDir()
		command := exec.Command(executable, "-test.run=^TestMainPrintsWhatIsWrong$")
		command.Env = append(os.Environ(), "TREE_MAIN="+t.TempDir(), "TREE_MAIN_NAME="+name, "TMPDIR="+temporary)
		var stderr strings.Builder
		command.Stderr = &stderr
		err := command.Run()
		assert.Equal(t, name == "", err != nil, name)
		assert.Equal(t, want, stderr.String(), name)
		left, err := os.ReadDir(temporary)
		require.NoError(t, err)
		assert.Empty(t, left, "nothing stays in the temporary folder")
	}
}
