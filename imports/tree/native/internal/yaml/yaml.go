// Package yaml writes JSON values as YAML, byte for byte as cdk8s does.
//
// cdk8s hands its objects to the npm package yaml, version 2.6, and asks for YAML 1.1 without line folding. What that
// package decides, among plain, quoted and block scalars above all, is decided here in the same way, so that
// manifests do not change with the engine that writes them.
package yaml

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strconv"

	"github.com/crossoverJie/k8s-combat/imports/tree/manifest"
	"github.com/crossoverJie/k8s-combat/imports/tree/native/internal/js"
)

// Mapping is a mapping whose entries are written in the order given. A map[string]any is written in the order of
// js.CompareKeys.
type (
	Mapping = manifest.Object
	Entry   = manifest.Entry
)

// Separator stands between documents.
const Separator = "---\n"

// Append appends values to dst, each as a document. A value is what encoding/json decodes into an any, a Mapping, or a
// Go integer; Append panics on others. Numbers are written as the float64 that JavaScript holds for them.
func Append(dst []byte, values ...any) []byte {
	w := writer{out: dst}
	for i, value := range values {
		if i > 0 {
			w.write(Separator)
		}
		w.node(value, 0)
		w.write("\n")
	}
	return w.out
}

// maxImplicitKey is the length of a key, in UTF-16 code units, from which on it is marked by "? ".
const maxImplicitKey = 1024

type writer struct {
	out []byte
	// keys is where the keys of all open maps are sorted, innermost last.
	keys []string
}

// node writes a value. Its first line begins where the writer stands, further lines are indented by indent.
func (w *writer) node(value any, indent int) {
	switch value := value.(type) {
	case nil:
		w.write("null")
	case bool:
		w.out = strconv.AppendBool(w.out, value)
	case string:
		w.scalar(value, indent, false)
	case []any:
		w.sequence(value, indent)
	case map[string]any:
		w.object(value, indent)
	case Mapping:
		w.mapping(value, indent)
	default:
		w.number(value)
	}
}

func (w *writer) sequence(items []any, indent int) {
	if len(items) == 0 {
		w.write("[]")
	}
	for i, item := range items {
		if i > 0 {
			w.newline(indent)
		}
		w.write("- ")
		w.node(item, indent+2)
	}
}

func (w *writer) object(object map[string]any, indent int) {
	if len(object) == 0 {
		w.write("{}")
	}
	start := len(w.keys)
	for key := range object {
		w.keys = append(w.keys, key)
	}
	end := len(w.keys)
	slices.SortFunc(w.keys[start:end], js.CompareKeys)
	for i := start; i < end; i++ {
		if i > start {
			w.newline(indent)
		}
		key := w.keys[i]
		w.pair(key, object[key], indent)
	}
	w.keys = w.keys[:start]
}

func (w *writer) mapping(entries Mapping, indent int) {
	if len(entries) == 0 {
		w.write("{}")
	}
	for i, entry := range entries {
		if i > 0 {
			w.newline(indent)
		}
		w.pair(entry.Key, entry.Value, indent)
	}
}

func (w *writer) pair(key string, value any, indent int) {
	start := len(w.out)
	w.scalar(key, indent+2, true)
	explicit := len(w.out)-start > maxImplicitKey && js.Length(w.out[start:]) > maxImplicitKey
	if explicit {
		w.out = slices.Insert(w.out, start, '?', ' ')
		w.newline(indent)
	}
	w.write(":")
	if !explicit && isBlock(value) {
		w.newline(indent + 2)
	} else {
		w.write(" ")
	}
	w.node(value, indent+2)
}

// isBlock tells whether a value is a collection that stands below its key. Empty ones stand beside it.
func isBlock(value any) bool {
	switch value := value.(type) {
	case []any:
		return len(value) > 0
	case map[string]any:
		return len(value) > 0
	case Mapping:
		return len(value) > 0
	}
	return false
}

func (w *writer) number(value any) {
	var number float64
	switch value := value.(type) {
	case float64:
		number = value
	case int64:
		number = float64(value)
	case uint64:
		number = float64(value)
	case int:
		number = float64(value)
	case json.Number:
		// Beyond the range of float64 this is an infinity, as in JavaScript.
		number, _ = strconv.ParseFloat(string(value), 64)
	default:
		panic(fmt.Errorf("yaml: %T is not a JSON value", value))
	}
	switch {
	case math.IsNaN(number):
		w.write(".nan")
	case math.IsInf(number, 1):
		w.write(".inf")
	case math.IsInf(number, -1):
		w.write("-.inf")
	default:
		w.out = js.AppendNumber(w.out, number)
	}
}

func (w *writer) write(text string) {
	w.out = append(w.out, text...)
}

func (w *writer) newline(indent int) {
	w.write("\n")
	w.indent(indent)
}

func (w *writer) indent(indent int) {
	const spaces = "                                "
	for ; indent > len(spaces); indent -= len(spaces) {
		w.write(spaces)
	}
	w.write(spaces[:indent])
}
