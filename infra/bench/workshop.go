package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

const module = "github.com/crossoverJie/k8s-combat"

// workshop is where what is measured comes from and writes to.
type workshop struct {
	// folder is a temporary one.
	folder string
	// sources is the folder of this package.
	sources string
	// tools is where make bench-tools installs.
	tools string
}

func newWorkshop(folder, tools string) (*workshop, error) {
	sources, err := output(exec.Command("go", "list", "-f", "{{.Dir}}", module+"/infra/bench"))
	if err != nil {
		return nil, err
	}
	if tools, err = filepath.Abs(tools); err != nil {
		return nil, err
	}
	w := &workshop{folder: folder, sources: strings.TrimSpace(sources), tools: tools}
	for _, command := range []string{"infra/bench/services", "infra/bench/empty", "infra/cmd/combat"} {
		if _, err := output(exec.Command("go", "build", "-o", folder, module+"/"+command)); err != nil {
			return nil, err
		}
	}
	return w, nil
}

// program returns the path of a command that was built.
func (w *workshop) program(name string) string { return filepath.Join(w.folder, name) }

// outdir makes a folder to write to.
func (w *workshop) outdir(name string) (string, error) {
	folder := filepath.Join(w.folder, "out", name)
	return folder, os.MkdirAll(folder, 0o755)
}

// output runs a command and returns what it prints. An error tells what it printed on standard error.
func output(command *exec.Cmd) (string, error) {
	var problems strings.Builder
	command.Stderr = &problems
	text, err := command.Output()
	if err != nil {
		return "", fmt.Errorf("%s: %w\n%s", strings.Join(command.Args, " "), err, problems.String())
	}
	return string(text), nil
}
