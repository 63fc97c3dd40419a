package check

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/crossoverJie/k8s-combat/imports/tree"
)

// Object is an object to check.
type Object struct {
	// Content is the object as JSON has it: maps, slices, strings, booleans, nil, and numbers as int64 or float64. It
	// is not changed.
	Content map[string]any
	// Place says where it comes from. Defaults to nowhere.
	Place Place
}

// rank is where synth puts the object among others.
func (o Object) rank() int {
	version, _ := o.Content["apiVersion"].(string)
	kind, _ := o.Content["kind"].(string)
	group, _, ok := strings.Cut(version, "/")
	if !ok {
		group = "core"
	}
	return tree.Rank(group, kind)
}

// Place is where an object, or a field of it, is written.
type Place struct {
	// File is its path, "-" for standard input. Empty for an object of a program.
	File string
	// Line begins at 1. Zero where it is not known.
	Line int
	// Construct is the path of the construct that made it. Empty for an object of a file.
	Construct string

	// lines is where the lines of fields are found, item the number of the object in a list there, from 1.
	lines *document
	item  int
}

// String writes FILE:LINE or [CONSTRUCT].
func (p Place) String() string {
	switch {
	case p.Construct != "":
		return "[" + p.Construct + "]"
	case p.File != "" && p.Line > 0:
		return fmt.Sprintf("%s:%d", p.File, p.Line)
	}
	return p.File
}

// Field is the place of a field of the object, such as spec.ports[0], or of the closest field around it that is written.
// What the object is read from is read once more.
func (p Place) Field(path string) Place {
	var lines lineFinder
	return lines.place(p, path)
}

// Of makes objects of values of API types, of pointers to them, or of maps, as JSON writes them.
func Of(values ...any) ([]Object, error) {
	objects := make([]Object, 0, len(values))
	for i, value := range values {
		if content, ok := plain(value); ok {
			if content, ok := content.(map[string]any); ok {
				objects = append(objects, Object{Content: content})
				continue
			}
		}
		text, err := json.Marshal(value)
		if err != nil {
			return nil, fmt.Errorf("object %d: %w", i, err)
		}
		read, err := parse("", text)
		if err != nil {
			return nil, fmt.Errorf("object %d: %w", i, err)
		}
		for _, object := range read {
			objects = append(objects, Object{Content: object.Content})
		}
	}
	return objects, nil
}

// plain copies a value that is made of what JSON has. It is not ok for others.
func plain(value any) (copied any, ok bool) {
	switch value := value.(type) {
	case nil, string, bool, int64:
		return value, true
	case int:
		return int64(value), true
	case float64:
		if whole := int64(value); float64(whole) == value {
			return whole, true
		}
		return value, true
	case []any:
		list := make([]any, len(value))
		for i, element := range value {
			if list[i], ok = plain(element); !ok {
				return nil, false
			}
		}
		return list, true
	case map[string]any:
		fields := make(map[string]any, len(value))
		for name, element := range value {
			if fields[name], ok = plain(element); !ok {
				return nil, false
			}
		}
		return fields, true
	}
	return nil, false
}
