package native

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/crossoverJie/k8s-combat/infra/native/internal/js"
	"github.com/crossoverJie/k8s-combat/infra/native/internal/yaml"
)

// What ordered does with empty maps and lists.
const (
	keepEmpty = false
	dropEmpty = true
)

// ordered copies a JSON value, with its maps as mappings in the order in which they are written; mappings keep theirs.
// Nulls are left out of both, and, if told so, empty maps and lists too. The result is nil for a value that is itself to
// be left out. The place of an item of a list is kept.
func ordered(value any, withoutEmpty bool) any {
	switch value := value.(type) {
	case map[string]any:
		return orderedEntries(entriesOf(value), withoutEmpty)
	case yaml.Mapping:
		return orderedEntries(slices.Clone(value), withoutEmpty)
	case []any:
		if withoutEmpty && len(value) == 0 {
			return nil
		}
		items := make([]any, len(value))
		for i, item := range value {
			items[i] = ordered(item, withoutEmpty)
		}
		return items
	case nil, bool, string, float64, int64, uint64, int, json.Number:
	default:
		fail("can't render non-simple object of type '%T'", value)
	}
	return value
}

// orderedEntries does the same for the entries of a mapping, in place.
func orderedEntries(entries yaml.Mapping, withoutEmpty bool) any {
	kept := entries[:0]
	for _, entry := range entries {
		if entry.Value = ordered(entry.Value, withoutEmpty); entry.Value != nil {
			kept = append(kept, entry)
		}
	}
	if withoutEmpty && len(kept) == 0 {
		return nil
	}
	return kept
}

func entriesOf(object map[string]any) yaml.Mapping {
	entries := make(yaml.Mapping, 0, len(object))
	for key, value := range object {
		entries = append(entries, yaml.Entry{Key: key, Value: value})
	}
	sortEntries(entries)
	return entries
}

func sortEntries(entries yaml.Mapping) {
	slices.SortFunc(entries, func(a, b yaml.Entry) int { return js.CompareKeys(a.Key, b.Key) })
}

// plain returns a copy of a manifest as encoding/json decodes it, which is how the official tree returns one.
func plain(value any) any {
	switch value := value.(type) {
	case yaml.Mapping:
		result := make(map[string]any, len(value))
		for _, entry := range value {
			result[entry.Key] = plain(entry.Value)
		}
		return result
	case map[string]any:
		result := make(map[string]any, len(value))
		for key, item := range value {
			result[key] = plain(item)
		}
		return result
	case []any:
		result := make([]any, len(value))
		for i, item := range value {
			result[i] = plain(item)
		}
		return result
	case int64:
		return float64(value)
	case uint64:
		return float64(value)
	case int:
		return float64(value)
	case json.Number:
		number, _ := strconv.ParseFloat(string(value), 64)
		return number
	}
	return value
}

// jsonValue turns a Go value into what becomes of it on its way to the official tree: JSON.
func jsonValue(value any) any {
	text, err := json.Marshal(value)
	if err != nil {
		panic(fmt.Errorf("%T cannot be part of a manifest: %w", value, err))
	}
	if proxy := findProxy(reflect.ValueOf(value)); proxy != nil {
		fail("%s lives in Node.js, where the native tree cannot read it: pass plain values", proxy)
	}
	var result any
	if err := json.Unmarshal(text, &result); err != nil {
		panic(fmt.Errorf("%T cannot be part of a manifest: %w", value, err))
	}
	return result
}

// findProxy returns the type of the first object of jsii in a value that can be marshalled. In the result of that, such
// an object would be empty.
func findProxy(v reflect.Value) reflect.Type {
	switch v.Kind() {
	case reflect.Pointer, reflect.Interface:
		return findProxy(v.Elem())
	case reflect.Map:
		for _, key := range v.MapKeys() {
			if proxy := findProxy(v.MapIndex(key)); proxy != nil {
				return proxy
			}
		}
	case reflect.Slice, reflect.Array:
		for i := range v.Len() {
			if proxy := findProxy(v.Index(i)); proxy != nil {
				return proxy
			}
		}
	case reflect.Struct:
		if isProxy(v.Type()) {
			return v.Type()
		}
		for i := range v.NumField() {
			if field := v.Type().Field(i); !field.IsExported() || field.Tag.Get("json") == "-" {
				continue
			}
			if proxy := findProxy(v.Field(i)); proxy != nil {
				return proxy
			}
		}
	}
	return nil
}

// isProxy knows the types of jsii by their names: they have nothing else in common.
func isProxy(t reflect.Type) bool { return strings.HasPrefix(t.Name(), "jsiiProxy_") }
