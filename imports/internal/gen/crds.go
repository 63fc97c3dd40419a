package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
)

// crdName finds a definition's name, which is its plural, a dot, and its group.
var crdName = regexp.MustCompile(`(?m)^  name: ([a-z0-9]+)\.([a-z0-9.-]+)$`)

// writeCRDs copies each CustomResourceDefinition at a path inside a module to a file of its own in folder, named as
// controller-gen names such files: group_plural.yaml. sibling is a module of go.mod that is released together with this
// one, where this one is not there itself, and empty otherwise.
func writeCRDs(folder, module, path, sibling string) error {
	dir, version, err := locate(module, sibling)
	if err != nil {
		return err
	}
	files := map[string][]byte{}
	err = filepath.WalkDir(filepath.Join(dir, filepath.FromSlash(path)), func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || filepath.Ext(name) != ".yaml" {
			return err
		}
		content, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		relative, err := filepath.Rel(dir, name)
		if err != nil {
			return err
		}
		source := fmt.Sprintf("%s@%s/%s", module, version, filepath.ToSlash(relative))
		return splitCRDs(source, content, files)
	})
	if err != nil {
		return err
	}
	if len(files) == 0 {
		return fmt.Errorf("%s@%s/%s: no CustomResourceDefinition there", module, version, path)
	}
	return replaceFiles(folder, "*.yaml", files)
}

// splitCRDs adds the definitions among the documents of a YAML file, which came from source, to files. Other objects are no business of ours: the
// Gateway API puts an admission policy next to its definitions.
func splitCRDs(source string, content []byte, files map[string][]byte) error {
	for document := range bytes.SplitSeq(content, []byte("\n---\n")) {
		text := strings.TrimSpace(strings.TrimPrefix(string(document), "---\n"))
		if !strings.Contains("\n"+text+"\n", "\nkind: CustomResourceDefinition\n") {
			continue
		}
		match := crdName.FindStringSubmatch(text)
		if match == nil {
			return fmt.Errorf("%s: a CustomResourceDefinition in it has no name of the form plural.group", source)
		}
		name := match[2] + "_" + match[1] + ".yaml"
		if _, taken := files[name]; taken {
			return fmt.Errorf("%s: %s.%s has a definition already", source, match[1], match[2])
		}
		files[name] = []byte("# Copied from " + source + " by imports/internal/gen. DO NOT EDIT.\n" + text + "\n")
	}
	return nil
}

// locate returns the folder and version of a module: of go.mod, or of the version that go.mod has of its sibling.
// 'go mod download' finds it even if no package of it was ever built, and asks the network for nothing that is there
// already.
func locate(module, sibling string) (dir, version string, err error) {
	if sibling != "" {
		_, version, err := locate(sibling, "")
		if err != nil {
			return "", "", err
		}
		module += "@" + version
	}
	command := exec.Command("go", "mod", "download", "-json", "--", module)
	output, err := command.Output()
	if err != nil {
		return "", "", fmt.Errorf("%s: %w: %s", command, err, bytes.TrimSpace(output))
	}
	var answer struct{ Dir, Version string }
	if err := json.Unmarshal(output, &answer); err != nil {
		return "", "", fmt.Errorf("%s: %w", command, err)
	}
	return answer.Dir, answer.Version, nil
}
