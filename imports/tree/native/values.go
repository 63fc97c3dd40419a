package native

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"

	"github.com/crossoverJie/k8s-combat/imports/tree/manifest"
	"github.com/crossoverJie/k8s-combat/imports/tree/native/internal/js"
	"github.com/crossoverJie/k8s-combat/imports/tree/native/internal/yaml"
)

// settle makes a JSON value ready to be written: its maps become mappings, in the order of JavaScript and without nulls.
// The place of an item of a list is kept. It works in place, but for maps, which it copies, and returns the value.
func settle(value any) any {
	switch typed := value.(type) {
	case map[string]any:
		return settleEntries(entriesOf(typed))
	case yaml.Mapping:
		if settled := settleEntries(typed); len(settled) < len(typed) {
			return settled
		}
	case []any:
		for i, item := range typed {
			typed[i] = settle(item)
		}
	case nil, bool, string, float64, int64, uint64, int, json.Number:
	default:
		fail("can't render non-simple object of type '%T'", value)
	}
	return value
}

func settleEntries(entries yaml.Mapping) yaml.Mapping {
	settled := entries[:0]
	for _, entry := range entries {
		if entry.Value = settle(entry.Value); entry.Value != nil {
			settled = append(settled, entry)
		}
	}
	clear(entries[len(settled):])
	sortEntries(settled)
	return settled
}

func entriesOf(object map[string]any) yaml.Mapping {
	entries := make(yaml.Mapping, 0, len(object))
	for key, value := range object {
		entries = append(entries, yaml.Entry{Key: key, Value: value})
	}
	return entries
}

func sortEntries(entries yaml.Mapping) {
	slices.SortFunc(entries, func(a, b yaml.Entry) int { return js.CompareKeys(a.Key, b.Key) })
}

// withoutEmpty copies a settled value without what is empty in its mappings. The result is nil for an empty value.
func withoutEmpty(value any) any {
	switch value := value.(type) {
	case yaml.Mapping:
		kept := make(yaml.Mapping, 0, len(value))
		for _, entry := range value {
			if entry.Value = withoutEmpty(entry.Value); entry.Value != nil {
				kept = append(kept, entry)
			}
		}
		if len(kept) > 0 {
			return kept
		}
		return nil
	case []any:
		kept := make([]any, len(value))
		for i, item := range value {
			kept[i] = withoutEmpty(item)
		}
		if len(kept) > 0 {
			return kept
		}
		return nil
	}
	return value
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
	if proxy := manifest.ProxyIn(value); proxy != nil {
		fail("%s lives in Node.js, where the native tree cannot read it: pass plain values", proxy)
	}
	var result any
	if err := json.Unmarshal(text, &result); err != nil {
		panic(fmt.Errorf("%T cannot be part of a manifest: %w", value, err))
	}
	return result
}
