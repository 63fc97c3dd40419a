package config

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"strings"
	"unicode"

	"go.yaml.in/yaml/v3"

	"github.com/crossoverJie/k8s-combat/app/internal/redact"
)

// Limits of the file and its values: they are in every line of the log, or kept for
// as long as the service runs.
const (
	maxFileBytes  = 64 << 10
	maxNameBytes  = 128
	maxURLBytes   = 4 << 10
	maxTokenBytes = 16 << 10
)

// File is the YAML file that the tutorial's ConfigMap is mounted as. Keys that
// it does not know are ignored, so that a new file does not break an old
// version that is still being rolled out.
type File struct {
	// Name is what the service calls itself in its logs: at most 128 bytes, all
	// printable. Defaults to "k8s-combat".
	Name   string
	Pulsar Pulsar
}

// Pulsar is a message broker.
type Pulsar struct {
	// URL of the broker, at most 4 KiB. Defaults to none.
	URL Secret
	// Token to authenticate with, at most 16 KiB. Defaults to none.
	Token Secret
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

// parseFile reads one document of YAML. It reads nodes, not Go values: those have the
// text that was written, so that 1.0 stays 1.0, and errors about them repeat none of
// it.
func parseFile(path string, content []byte) (File, error) {
	file := DefaultFile()
	if err := file.parse(content); err != nil {
		return DefaultFile(), fmt.Errorf("%s is not the YAML file expected: %w", path, err)
	}
	return file, nil
}

func (f *File) parse(content []byte) error {
	decoder := yaml.NewDecoder(bytes.NewReader(content))
	var document, next yaml.Node
	err := decoder.Decode(&document)
	switch {
	case errors.Is(err, io.EOF):
		return errNoValues
	case err != nil:
		return errors.New(redact.Quotes(err.Error()))
	}
	if err := decoder.Decode(&next); !errors.Is(err, io.EOF) {
		return errors.New("several documents; allowed is one")
	}
	root := resolve(document.Content[0])
	if isNull(root) {
		return errNoValues
	}
	return eachValue(root, "", func(key string, value *yaml.Node) error {
		switch key {
		case "name":
			return setText(&f.Name, key, value, maxNameBytes)
		case "pulsar":
			return eachValue(value, "pulsar.", func(key string, value *yaml.Node) error {
				switch key {
				case "pulsar.url":
					return setText((*string)(&f.Pulsar.URL), key, value, maxURLBytes)
				case "pulsar.token":
					return setText((*string)(&f.Pulsar.Token), key, value, maxTokenBytes)
				}
				return nil
			})
		}
		return nil
	})
}

// errNoValues keeps a file that was cut off, as one that is written in place is for a
// moment, from putting the defaults in force.
var errNoValues = errors.New("no values; allowed are name, pulsar.url and pulsar.token, or {} for the defaults")

func resolve(node *yaml.Node) *yaml.Node {
	if node.Kind == yaml.AliasNode {
		return node.Alias
	}
	return node
}

// eachValue calls f with the values of a mapping, by their keys with prefix before
// them. One that is null has its default.
func eachValue(mapping *yaml.Node, prefix string, f func(key string, value *yaml.Node) error) error {
	mapping = resolve(mapping)
	if isNull(mapping) {
		return nil
	}
	if mapping.Kind != yaml.MappingNode {
		return fmt.Errorf("line %d: %s; allowed is a mapping", mapping.Line, cmp.Or(strings.TrimSuffix(prefix, "."), "the document"))
	}
	seen := map[string]bool{}
	for i := 0; i+1 < len(mapping.Content); i += 2 {
		key, value := resolve(mapping.Content[i]), resolve(mapping.Content[i+1])
		if key.Kind != yaml.ScalarNode || isNull(value) {
			continue
		}
		if seen[key.Value] {
			return fmt.Errorf("line %d: a key that is there already; allowed is once", key.Line)
		}
		seen[key.Value] = true
		if err := f(prefix+key.Value, value); err != nil {
			return err
		}
	}
	return nil
}

func isNull(node *yaml.Node) bool { return node.Kind == yaml.ScalarNode && node.ShortTag() == "!!null" }

// setText sets a text, as it was written. One that is empty is the default.
func setText(to *string, key string, value *yaml.Node, most int) error {
	switch {
	case value.Kind != yaml.ScalarNode:
		return fmt.Errorf("line %d: %s; allowed is a text", value.Line, key)
	case len(value.Value) > most:
		return fmt.Errorf("line %d: %s of %d bytes; allowed are %d", value.Line, key, len(value.Value), most)
	case strings.ContainsFunc(value.Value, func(r rune) bool { return !unicode.IsPrint(r) }):
		return fmt.Errorf("line %d: %s with what is not printable; allowed is printable text", value.Line, key)
	}
	*to = cmp.Or(value.Value, *to)
	return nil
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
