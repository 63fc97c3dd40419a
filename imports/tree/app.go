package tree

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/aws/constructs-go/constructs/v10"
	"github.com/cdk8s-team/cdk8s-core-go/cdk8s/v2"
)

// ErrNoNode is the error of NewOfficialApp where Node.js is missing.
var ErrNoNode = errors.New("the official cdk8s tree runs in Node.js, and no program node is on the PATH; install Node.js 20 or later, or name the program in JSII_NODE")

// NewOfficialApp makes an App of the official tree, as cdk8s.NewApp does, which writes to outdir. Unlike that one it
// returns an error, ErrNoNode among them, where Node.js cannot be started.
func NewOfficialApp(outdir string) (app cdk8s.App, err error) {
	if os.Getenv("JSII_RUNTIME") == "" && os.Getenv("JSII_NODE") == "" {
		if _, err := exec.LookPath("node"); err != nil {
			return nil, ErrNoNode
		}
	}
	defer recovered(&err)
	loadModule()
	return cdk8s.NewApp(&cdk8s.AppProps{Outdir: &outdir}), nil
}

// Synth calls app.Synth, of either tree, and returns what that panics with as an error: above all Problems, what is
// wrong with all constructs. The objects of each chart are written in the order in which they are to be applied, which
// KeepOrder tells of. Two outputs with one path are such a problem. On the official tree, which would let the
// second one win, Synth alone finds that, and what was written before stays.
func Synth(app cdk8s.App) (err error) {
	if missing := missingNode(app); missing != "" {
		return errors.New("an app is needed: " + missing)
	}
	defer synthesizing(app, &err)()
	if isNative(app) {
		app.Synth()
	} else {
		official.synth(app)
	}
	return nil
}

// Main is the end of a main: it synthesizes the app, prints what is wrong, and any warning, to standard error, closes what
// cdk8s has started, and returns the exit status, 0 or 1.
//
//	os.Exit(tree.Main(app))
func Main(app cdk8s.App) int {
	defer Close()
	err := Synth(app)
	if missingNode(app) != "" {
		_, _ = fmt.Fprintln(os.Stderr, err)
		return 1
	}
	for _, warning := range Warnings(app) {
		_, _ = fmt.Fprintf(os.Stderr, "warning: %v\n", warning)
	}
	if err != nil {
		_, _ = fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

// SamePath returns what is wrong where several constructs, of which writers are the paths, write to one file: a problem
// for each but the first. A single one writes to the place of the record of constructs. It is of use to the authors of
// trees alone.
func SamePath(file string, outputType cdk8s.YamlOutputType, writers []string) []Problem {
	first, others := "the record of constructs", writers
	if len(writers) > 1 {
		first, others = writers[0], writers[1:]
	}
	fix := "give one of the charts another id"
	switch outputType {
	case cdk8s.YamlOutputType_FILE_PER_RESOURCE:
		fix = "use FOLDER_PER_CHART_FILE_PER_RESOURCE or FILE_PER_CHART, or give one of them another name"
	case cdk8s.YamlOutputType_FOLDER_PER_CHART_FILE_PER_RESOURCE:
		fix = "use FILE_PER_CHART, or give one of them another name"
	}
	var problems []Problem
	for _, writer := range others {
		problems = append(problems, Problem{
			Construct: writer, Detail: fmt.Sprintf("is written to %s, as is %s", ShowValue(filepath.ToSlash(file)), first), Fix: fix,
		})
	}
	return problems
}

// Render returns the objects of a chart as Synth would write them, as cdk8s.Testing_Synth and chart.ToJson do, on either
// tree, with an error for what those panic with.
func Render(chart cdk8s.Chart) (objects []any, err error) {
	if missing := missingNode(chart); missing != "" {
		return nil, errors.New("a chart is needed: " + missing)
	}
	defer synthesizing(chart, &err)()
	render := func() { objects = *chart.ToJson() }
	if isNative(chart) {
		render()
	} else {
		official.inOrder(chart, render)
	}
	return objects, nil
}

// synthesizing prepares for a synth of the tree of a construct. The function that it returns, deferred, turns what that
// panics with into an error.
func synthesizing(construct constructs.IConstruct, err *error) func() {
	if isNative(construct) {
		return func() {
			if cause := recover(); cause != nil {
				*err = asError(cause)
			}
		}
	}
	official.take()
	return func() {
		seen := official.take()
		if cause := recover(); cause != nil {
			*err = asError(cause)
			if found := (Problems)(nil); errors.As(*err, &found) {
				return
			}
			if problems := parseProblems((*err).Error(), seen); problems != nil {
				*err = problems
			}
		}
	}
}

// recovered turns what a tree panics with into an error.
func recovered(err *error) {
	if cause := recover(); cause != nil {
		*err = asError(cause)
	}
}

// asError returns what a tree has panicked with: the error itself where it is one, without the word that JavaScript puts
// before it.
func asError(cause any) error {
	if err, ok := cause.(error); ok && !strings.HasPrefix(err.Error(), "Error: ") {
		return err
	}
	return errors.New(strings.TrimPrefix(fmt.Sprint(cause), "Error: "))
}
