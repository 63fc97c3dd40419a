package trafficmap

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

const (
	module        = "github.com/crossoverJie/k8s-combat"
	enginePackage = module + "/infra/traffic/engine/wasm"
)

// browser is the environment in which the go command compiles for one.
var browser = []string{"GOOS=js", "GOARCH=wasm"}

// Engine is the engine as a browser runs it.
type Engine struct {
	// module is WebAssembly, compressed by gzip.
	module []byte
	// support is the script that Go's WebAssembly needs, of the same version of Go, and licence that of Go.
	support, licence string
}

// Size is that of the compressed module, in bytes.
func (e *Engine) Size() int { return len(e.module) }

// BuildEngine compiles the engine with the go command, from the module around the working folder, else from the version
// of this module that the command was built of. That version may be empty.
//
// It is compiled when a map is made, rather than kept in Git or in the command: a module of a megabyte for each change of
// the engine would fill the repository, and one in the command could be another than that of the sources beside it.
func BuildEngine(ctx context.Context, version string) (*Engine, error) {
	if _, err := exec.LookPath("go"); err != nil {
		return nil, errors.New("there is no go command, which compiles the engine")
	}
	folder, err := engineModule(ctx, version)
	if err != nil {
		return nil, err
	}
	work, err := os.MkdirTemp("", "combat-map-")
	if err != nil {
		return nil, err
	}
	defer func() { _ = os.RemoveAll(work) }()
	file := filepath.Join(work, "engine.wasm")
	// Without inlining, the module is an eighth smaller.
	if _, err := runGo(ctx, folder, browser,
		"build", "-trimpath", "-buildvcs=false", "-ldflags=-s -w", "-gcflags=all=-l", "-o", file, enginePackage); err != nil {
		return nil, err
	}
	content, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	e := &Engine{}
	var packed bytes.Buffer
	writer, err := gzip.NewWriterLevel(&packed, gzip.BestCompression)
	if err != nil {
		return nil, err
	}
	if _, err := writer.Write(content); err != nil {
		return nil, err
	}
	if err := writer.Close(); err != nil {
		return nil, err
	}
	e.module = packed.Bytes()
	root, err := runGo(ctx, folder, nil, "env", "GOROOT")
	if err != nil {
		return nil, err
	}
	goroot := strings.TrimSpace(string(root))
	support, err := os.ReadFile(filepath.Join(goroot, "lib", "wasm", "wasm_exec.js"))
	if err != nil {
		return nil, err
	}
	licence, err := os.ReadFile(filepath.Join(goroot, "LICENSE"))
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, err
	}
	e.support, e.licence = string(support), string(licence)
	return e, nil
}

// engineModule is the folder in which the engine can be compiled.
func engineModule(ctx context.Context, version string) (string, error) {
	if _, err := runGo(ctx, "", browser, "list", "-find", enginePackage); err == nil {
		return "", nil
	}
	if version == "" || version == "(devel)" || strings.Contains(version, "+dirty") {
		return "", errors.New("the module around the working folder does not have the engine; run the command where go.mod requires " + module)
	}
	out, err := runGo(ctx, os.TempDir(), nil, "mod", "download", "-json", module+"@"+version)
	if err != nil {
		return "", err
	}
	var found struct{ Dir string }
	if err := json.Unmarshal(out, &found); err != nil {
		return "", err
	}
	return found.Dir, nil
}

func runGo(ctx context.Context, folder string, env []string, arguments ...string) ([]byte, error) {
	command := exec.CommandContext(ctx, "go", arguments...)
	command.Dir = folder
	command.Env = append(os.Environ(), env...)
	var stderr bytes.Buffer
	command.Stderr = &stderr
	out, err := command.Output()
	if err != nil {
		first, _, _ := strings.Cut(strings.TrimSpace(stderr.String()), "\n")
		return nil, fmt.Errorf("go %s: %w: %s", arguments[0], err, first)
	}
	return out, nil
}
