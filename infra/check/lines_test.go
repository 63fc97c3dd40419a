package check

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestSplitPath(t *testing.T) {
	t.Parallel()
	for path, steps := range map[string][]string{
		"":                            nil,
		"spec":                        {"spec"},
		"spec.ports[0].name":          {"spec", "ports", "0", "name"},
		"metadata.annotations[a.b/c]": {"metadata", "annotations", "a.b/c"},
		`data["a"][1]`:                {"data", "a", "1"},
		"spec.min[[[[max":             {"spec", "min", "[", "[", "[", "[max"},
		".a..b":                       {".a", ".b"},
		"[":                           {"["},
		"[].x":                        {"", "x"},
		"spec.ports[0]":               {"spec", "ports", "0"},
	} {
		assert.Equal(t, steps, splitPath(path), path)
	}
}
