//go:build linux

package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
)

// certificates is what the bundle of certificates adds to the program in the image, rounded up.
const certificates = 230_000

// mostImage is the size that the image has to stay below, in bytes.
const mostImage = 20_000_000

// mostMemory is what the service may have resident under load, in bytes.
const mostMemory = 27 << 20

// target ends the command of the Dockerfile that compiles the program.
const target = "-o /out/k8s-combat ./app"

// compileCommand returns the command by which a Dockerfile compiles the program, without its target. There is one truth
// about its tags and flags.
func compileCommand(dockerfile string) (string, error) {
	var lines []string
	for line := range strings.Lines(dockerfile) {
		if !strings.HasPrefix(line, "#") {
			lines = append(lines, line)
		}
	}
	for line := range strings.Lines(strings.ReplaceAll(strings.Join(lines, ""), "\\\n", " ")) {
		words, isRun := strings.CutPrefix(strings.TrimSpace(line), "RUN ")
		command, isCompile := strings.CutSuffix(words, target)
		if !isRun || !isCompile {
			continue
		}
		for strings.HasPrefix(strings.TrimSpace(command), "--") {
			_, command, _ = strings.Cut(strings.TrimSpace(command), " ")
		}
		return strings.TrimSpace(command), nil
	}
	return "", errors.New("no RUN in the Dockerfile that ends with " + target)
}

// compile compiles a package of this module as the image's program is compiled.
func compile(program, pkg string) error {
	file, err := output(exec.Command("go", "env", "GOMOD"))
	if err != nil {
		return err
	}
	root := filepath.Dir(strings.TrimSpace(file))
	dockerfile, err := os.ReadFile(filepath.Join(root, "Dockerfile"))
	if err != nil {
		return err
	}
	command, err := compileCommand(string(dockerfile))
	if err != nil {
		return err
	}
	shell := exec.Command("sh", "-c", command+` -o "$PROGRAM" "$PACKAGE"`)
	shell.Dir = root
	shell.Env = append(os.Environ(), "PROGRAM="+program, "PACKAGE="+pkg,
		"TARGETOS="+runtime.GOOS, "TARGETARCH="+runtime.GOARCH, "VERSION=dev", "REVISION=unknown")
	_, err = output(shell)
	return err
}

// imageBytes is the size of the image with a program.
func imageBytes(program string) (int64, error) {
	info, err := os.Stat(program)
	if err != nil {
		return 0, err
	}
	return info.Size() + certificates, nil
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
