package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/google/go-cmp/cmp"
	utilyaml "k8s.io/apimachinery/pkg/util/yaml"
	"sigs.k8s.io/yaml"
)

// checkSame expects that all renderers make the same objects, in whatever order and form.
func (w *workshop) checkSame(renderers []renderer) error {
	var want map[string]any
	for i, r := range renderers {
		got, err := w.objects(r, 10)
		if err != nil {
			return err
		}
		if i == 0 {
			want = got
		}
		if diff := cmp.Diff(want, got); diff != "" {
			return fmt.Errorf("%s does not make the same objects as %s:\n%s", r.name, renderers[0].name, diff)
		}
	}
	return nil
}

// objects returns what a renderer makes, by kind and name.
func (w *workshop) objects(r renderer, services int) (map[string]any, error) {
	folder, err := w.outdir("same-" + r.name)
	if err != nil {
		return nil, err
	}
	command, err := r.command(services, folder)
	if err != nil {
		return nil, err
	}
	if _, err := runMeasured(command); err != nil {
		return nil, err
	}
	objects := map[string]any{}
	err = filepath.WalkDir(folder, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		return readObjects(path, objects)
	})
	return objects, err
}

func readObjects(path string, objects map[string]any) error {
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	defer func() { _ = file.Close() }()
	for documents := utilyaml.NewYAMLReader(bufio.NewReader(file)); ; {
		text, err := documents.Read()
		if errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
		var object struct {
			Kind     string
			Metadata struct{ Name string }
		}
		var content any
		if err := errors.Join(yaml.Unmarshal(text, &object), yaml.Unmarshal(text, &content)); err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
		if content == nil {
			continue // a comment
		}
		objects[object.Kind+" "+object.Metadata.Name] = content
	}
}
