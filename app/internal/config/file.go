package config

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"strings"

	"sigs.k8s.io/yaml"

	"github.com/crossoverJie/k8s-combat/app/internal/redact"
)

// maxFileBytes is the size limit of a ConfigMap, which no mounted file exceeds.
const maxFileBytes = 1 << 20

// File is the YAML file that the tutorial's ConfigMap is mounted as. Keys that
// it does not know are ignored, so that a new file does not break an old
// version that is still being rolled out.
type File struct {
	// Name is what the service calls itself in its logs. Defaults to
	// "k8s-combat".
	Name   string `json:"name"`
	Pulsar Pulsar `json:"pulsar"`
}

// Pulsar is a message broker.
type Pulsar struct {
	// URL of the broker. Defaults to none.
	URL Secret `json:"url"`
	// Token to authenticate with. Defaults to none.
	Token Secret `json:"token"`
}

// DefaultFile is what holds without a file.
func DefaultFile() File { return File{Name: "k8s-combat"} }

// shown are the values without the secrets.
func (f File) shown() []FileValue {
	return []FileValue{
		{Key: "name", Value: f.Name},
		{Key: "pulsar.url", Value: redact.URL(f.Pulsar.URL.Reveal())},
		{Key: "pulsar.token", Value: f.Pulsar.Token.String()},
	}
}

// LogValue shows the file without its secrets.
func (f File) LogValue() slog.Value {
	var attrs []slog.Attr
	for _, v := range f.shown() {
		attrs = append(attrs, slog.String(strings.ReplaceAll(v.Key, ".", "_"), v.Value))
	}
	return slog.GroupValue(attrs...)
}

// ReadFile reads the file at path. It returns a usable File in any case: without
// a path, or with an error, DefaultFile. A missing file is fs.ErrNotExist. The
// error repeats nothing of the file's content.
func ReadFile(path string) (File, error) {
	if path == "" {
		return DefaultFile(), nil
	}
	content, err := readRegular(path)
	if err != nil {
		return DefaultFile(), err
	}
	return parseFile(path, content)
}

func parseFile(path string, content []byte) (File, error) {
	file := DefaultFile()
	if err := yaml.Unmarshal(content, &file); err != nil {
		return DefaultFile(), fmt.Errorf("%s is not the YAML file expected: %s", path, redact.Quotes(err.Error()))
	}
	if file.Name == "" {
		file.Name = DefaultFile().Name
	}
	return file, nil
}

func readRegular(path string) ([]byte, error) {
	// Kubelet makes a directory where the key of a subPath mount is missing.
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, &fs.PathError{Op: "read", Path: path, Err: errors.New("not a regular file")}
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	content, err := io.ReadAll(io.LimitReader(f, maxFileBytes+1))
	if err != nil {
		return nil, err
	}
	if len(content) > maxFileBytes {
		return nil, &fs.PathError{Op: "read", Path: path, Err: fmt.Errorf("more than %d bytes", maxFileBytes)}
	}
	return content, nil
}
