package native_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/crossoverJie/k8s-combat/imports/tree/native"
)

func TestStringify(t *testing.T) {
	t.Parallel()
	for want, documents := range map[string][]any{
		"":                                nil,
		"\n":                              {nil},
		"\n---\n\n":                       {nil, (*string)(nil)},
		"1\n---\n\n---\nx\n":              {1, nil, "x"},
		"{}\n---\n[]\n":                   {map[string]any(nil), []string(nil)},
		"a: null\nb:\n  - null\n":         {map[string]any{"a": nil, "b": []any{nil}}},
		"foo: 123\n---\n- true\n---\n5\n": {map[string]int{"foo": 123}, []any{true}, new(5)},
	} {
		text, err := native.Stringify(documents...)
		require.NoError(t, err)
		assert.Equal(t, want, text)
	}
}
