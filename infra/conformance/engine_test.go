package conformance_test

import (
	"archive/tar"
	"bufio"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
)

// The Go modules that hold the npm packages of the official tree.
const (
	cdk8sModule      = "github.com/cdk8s-team/cdk8s-core-go/cdk8s/v2"
	constructsModule = "github.com/aws/constructs-go/constructs/v10"
)

// engine is cdk8s itself, in Node.js but without jsii, which makes it fast enough for thousands of cases. Its JavaScript
// is that of the Go modules: the very files that the official tree runs.
type engine struct {
	folder  string
	process *exec.Cmd
	input   io.WriteCloser
	output  *bufio.Reader
	stderr  bytes.Buffer
}

// startEngine starts the one engine of the process.
var startEngine = sync.OnceValues(func() (*engine, error) {
	folder, err := os.MkdirTemp("", "conformance-")
	if err != nil {
		return nil, err
	}
	cdk8s := filepath.Join(folder, "cdk8s")
	constructs := filepath.Join(cdk8s, "node_modules", "constructs")
	e := &engine{folder: folder, process: exec.Command("node", "testdata/engine.js", cdk8s)}
	e.process.Stderr = &e.stderr
	for module, target := range map[string]string{cdk8sModule: cdk8s, constructsModule: constructs} {
		if err := unpack(module, target); err != nil {
			return nil, errors.Join(err, e.close())
		}
	}
	if e.input, err = e.process.StdinPipe(); err != nil {
		return nil, errors.Join(err, e.close())
	}
	output, err := e.process.StdoutPipe()
	if err != nil {
		return nil, errors.Join(err, e.close())
	}
	e.output = bufio.NewReaderSize(output, 1<<20)
	if err := e.process.Start(); err != nil {
		return nil, errors.Join(err, e.close())
	}
	running = e
	return e, nil
})

// running is the engine that TestMain has to close.
var running *engine

func (e *engine) close() error {
	if e == nil {
		return nil
	}
	var err error
	if e.process.Process != nil {
		err = errors.Join(e.input.Close(), e.process.Wait())
	}
	return errors.Join(err, os.RemoveAll(e.folder))
}

// send gives the engine a case, of which receive returns the result, in turn.
func (e *engine) send(line []byte) error {
	_, err := e.input.Write(append(line, '\n'))
	return err
}

func (e *engine) receive() (result any, err error) {
	line, err := e.output.ReadBytes('\n')
	if err != nil {
		return nil, fmt.Errorf("cdk8s gave no result: %w: %s", err, e.stderr.String())
	}
	err = json.Unmarshal(line, &result)
	return result, err
}

// unpack unpacks the npm package that a Go module has for jsii.
func unpack(module, target string) error {
	folder, err := listModule(module, "{{.Dir}}")
	if err != nil {
		return err
	}
	packages, err := filepath.Glob(filepath.Join(folder, "jsii", "*.tgz"))
	if err != nil || len(packages) != 1 {
		return fmt.Errorf("%s has %d npm packages, not one: %w", module, len(packages), err)
	}
	file, err := os.Open(packages[0])
	if err != nil {
		return err
	}
	defer func() { _ = file.Close() }()
	uncompressed, err := gzip.NewReader(file)
	if err != nil {
		return err
	}
	archive := tar.NewReader(uncompressed)
	for {
		header, err := archive.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		name, ok := strings.CutPrefix(header.Name, "package/")
		if !ok || header.Typeflag != tar.TypeReg || !filepath.IsLocal(name) {
			continue
		}
		content, err := io.ReadAll(archive)
		if err != nil {
			return err
		}
		place := filepath.Join(target, name)
		if err := os.MkdirAll(filepath.Dir(place), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(place, content, 0o644); err != nil {
			return err
		}
	}
}

// listModule returns what go list knows of a module of this program.
func listModule(module, format string) (string, error) {
	output, err := exec.Command("go", "list", "-m", "-f", format, module).Output()
	if err != nil {
		return "", fmt.Errorf("go list -m %s: %w", module, err)
	}
	return strings.TrimSpace(string(output)), nil
}
