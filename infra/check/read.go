package check

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"unicode/utf8"
)

// MaxInput is how large an input may be, in bytes: a file, or standard input.
const MaxInput = 20 << 20

// Stdin is the path that stands for standard input.
const Stdin = "-"

// ErrInput is the error of Read for what cannot be read as objects.
var ErrInput = errors.New("unusable input")

func unusable(file string, line int, format string, values ...any) error {
	return fmt.Errorf("%w: %s: %s", ErrInput, Place{File: file, Line: line}, fmt.Sprintf(format, values...))
}

// Read reads the objects of files, of the files below folders whose names end in .yaml, .yml or .json, and of stdin for
// the path "-". A file holds documents of YAML or JSON; the items of a List are objects of their own. Documents without
// kind and apiVersion in a folder, such as the values of a chart, are left out; those of a file that was named are an
// error. Hidden files and folders are left out.
//
// Each error says in which file and line, and wraps ErrInput or the error of the file system: an input that is larger
// than MaxInput, is not UTF-8, is no YAML, has a key twice, or aliases that grow without measure.
func Read(stdin io.Reader, paths ...string) ([]Object, error) {
	var objects []Object
	for _, path := range paths {
		read, err := readPath(stdin, path)
		if errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("%w; name a file, a folder, or - for standard input", err)
		}
		if err != nil {
			return nil, err
		}
		objects = append(objects, read...)
	}
	return objects, nil
}

func readPath(stdin io.Reader, path string) ([]Object, error) {
	if path == Stdin {
		content, err := readAll(Stdin, stdin)
		if err != nil {
			return nil, err
		}
		return parseNamed(Stdin, content)
	}
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.IsDir() {
		content, err := readFile(path)
		if err != nil {
			return nil, err
		}
		return parseNamed(path, content)
	}
	files, err := Files(path)
	if err != nil {
		return nil, err
	}
	var objects []Object
	for _, file := range files {
		content, err := readFile(file)
		if err != nil {
			return nil, err
		}
		read, err := parse(file, content)
		if err != nil {
			return nil, err
		}
		for _, object := range read {
			if isObject(object.Content) {
				objects = append(objects, object)
			}
		}
	}
	return objects, nil
}

// Files returns the files below a folder that Read reads.
func Files(folder string) ([]string, error) {
	var files []string
	err := filepath.WalkDir(folder, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		hidden := path != folder && strings.HasPrefix(entry.Name(), ".")
		if entry.IsDir() {
			if hidden {
				return fs.SkipDir
			}
			return nil
		}
		if !hidden && slices.Contains([]string{".yaml", ".yml", ".json"}, filepath.Ext(path)) {
			files = append(files, path)
		}
		return nil
	})
	return files, err
}

func readFile(path string) ([]byte, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { _ = file.Close() }()
	return readAll(path, file)
}

func readAll(name string, from io.Reader) ([]byte, error) {
	content, err := io.ReadAll(io.LimitReader(from, MaxInput+1))
	if err != nil {
		return nil, err
	}
	if len(content) > MaxInput {
		return nil, unusable(name, 0, "is larger than %d MiB; check its parts", MaxInput>>20)
	}
	return content, nil
}

func isObject(content map[string]any) bool {
	kind, _ := content["kind"].(string)
	version, _ := content["apiVersion"].(string)
	return kind != "" && version != ""
}

// parseNamed parses a file that was asked for, in which every document must be an object.
func parseNamed(file string, content []byte) ([]Object, error) {
	objects, err := parse(file, content)
	if err != nil {
		return nil, err
	}
	for _, object := range objects {
		if !isObject(object.Content) {
			return nil, unusable(file, object.Place.Line, "is no object: kind or apiVersion is missing")
		}
	}
	return objects, nil
}

// parse returns the objects of a file, in order.
func parse(file string, content []byte) ([]Object, error) {
	content = bytes.TrimPrefix(content, []byte("\ufeff"))
	if !utf8.Valid(content) {
		return nil, unusable(file, 0, "is not UTF-8")
	}
	if trimmed := bytes.TrimLeft(content, " \t\r\n"); len(trimmed) > 0 && trimmed[0] == '{' {
		if objects, isJSON, err := parseJSON(file, content); isJSON {
			return objects, err
		}
	}
	return parseYAML(file, content)
}

func parseYAML(file string, content []byte) ([]Object, error) {
	documents := split(content)
	results := make([][]Object, len(documents))
	errs := make([]error, len(documents))
	budget := &budget{}
	// The documents are read by so many hands as there are processors.
	var hands sync.WaitGroup
	next := make(chan int, len(documents))
	for i := range documents {
		next <- i
	}
	close(next)
	for range min(runtime.GOMAXPROCS(0), len(documents)) {
		hands.Go(func() {
			for i := range next {
				results[i], errs[i] = documents[i].objects(file, budget)
			}
		})
	}
	hands.Wait()
	for _, err := range errs {
		if err != nil {
			return nil, err
		}
	}
	return slices.Concat(results...), nil
}

// document is a document of YAML.
type document struct {
	text []byte
	// line is the number of its first line.
	line int
	// json says that the lines of a list's items have not been read.
	json bool
}

// split cuts a file at the lines that begin with "---", as kubectl does.
func split(content []byte) []*document {
	var documents []*document
	start, startLine, line := 0, 1, 1
	end := func(to int) {
		if text := content[start:to]; !isBlank(text) {
			documents = append(documents, &document{text: text, line: startLine})
		}
	}
	for at := 0; at < len(content); line++ {
		width := bytes.IndexByte(content[at:], '\n') + 1
		if width == 0 {
			width = len(content) - at
		}
		rest, ok := bytes.CutPrefix(content[at:at+width], []byte("---"))
		if ok && (len(rest) == 0 || strings.ContainsRune(" \t\r\n", rune(rest[0]))) {
			end(at)
			start, startLine = at, line
		}
		at += width
	}
	end(len(content))
	return documents
}

// isBlank reports whether a document has nothing but comments and directives.
func isBlank(text []byte) bool {
	for line := range bytes.Lines(text) {
		line = bytes.TrimSpace(bytes.TrimPrefix(line, []byte("---")))
		if len(line) > 0 && line[0] != '#' && line[0] != '%' {
			return false
		}
	}
	return true
}
