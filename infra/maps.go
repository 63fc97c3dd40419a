package infra

import (
	"maps"
	"slices"
)

// sortedKeys returns the keys of a map in order.
func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for key := range m {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	return keys
}

// merged returns a map with the entries of both; those of the second win.
func merged(first, second map[string]string) map[string]string {
	result := maps.Clone(first)
	if result == nil && len(second) > 0 {
		result = map[string]string{}
	}
	maps.Copy(result, second)
	return result
}
