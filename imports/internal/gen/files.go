package main

import (
	"errors"
	"os"
	"path/filepath"
)

// replaceFiles writes the files to folder and removes those that match pattern but are no longer among them.
func replaceFiles(folder, pattern string, files map[string][]byte) error {
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return err
	}
	old, err := filepath.Glob(filepath.Join(folder, pattern))
	if err != nil {
		return err
	}
	for _, name := range old {
		if _, ok := files[filepath.Base(name)]; !ok {
			err = errors.Join(err, os.Remove(name))
		}
	}
	for name, content := range files {
		err = errors.Join(err, os.WriteFile(filepath.Join(folder, name), content, 0o644))
	}
	return err
}
