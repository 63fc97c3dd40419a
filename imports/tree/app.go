package tree

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"

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

// Synth calls app.Synth, of either tree, and returns what that panics with as an error: above all the validation
// messages of all constructs.
func Synth(app cdk8s.App) (err error) {
	defer recovered(&err)
	app.Synth()
	return nil
}

// Render returns the objects of a chart as they would be written, as cdk8s.Testing_Synth and chart.ToJson do, on either
// tree, with an error for what those panic with.
func Render(chart cdk8s.Chart) (objects []any, err error) {
	defer recovered(&err)
	return *chart.ToJson(), nil
}

func recovered(err *error) {
	if cause := recover(); cause != nil {
		*err = errors.New(strings.TrimPrefix(fmt.Sprint(cause), "Error: "))
	}
}
