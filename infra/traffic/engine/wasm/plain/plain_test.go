package plain_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/crossoverJie/k8s-combat/infra/traffic/engine/wasm/plain"
)

func TestParse(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]any{
		`null`: nil, ` true `: true, `false`: false, `12`: int64(12), `-3`: int64(-3), `1.5`: 1.5, `1e3`: 1000.0,
		`9223372036854775808`: 9223372036854775808.0, `""`: "", `"a\"\\\/\b\f\n\r\t\u00e9\ud83d\ude00"`: "a\"\\/\b\f\n\r\té😀",
		`"\ud83d!"`: "\ufffd!", `"é"`: "é", `[]`: []any{}, `{}`: map[string]any{}, `[1, "a", [null]]`: []any{int64(1), "a", []any{nil}},
		`{"a": {"b": [true]}, "__proto__": 1}`: map[string]any{"a": map[string]any{"b": []any{true}}, "__proto__": int64(1)},
	} {
		assert.Equal(t, want, plain.Parse(text), text)
	}
	for _, text := range []string{``, `tru`, `[1`, `[1,]`, `{"a"}`, `{"a":1,}`, `{a:1}`, `"a`, `"\x"`, `"\u12"`, "\"\n\"", `1 2`, `+1`, `.5`, `--1`, strings.Repeat("[", 100_000)} {
		assert.Nil(t, plain.Parse(text), text)
	}
}

func FuzzParse(f *testing.F) {
	f.Add(`{"a": [1, 2.5, "x\u0041", null, true], "b": {"c": "é"}}`)
	f.Fuzz(func(t *testing.T, text string) {
		value := plain.Parse(text)
		if value == nil {
			return
		}
		var want any
		if json.Unmarshal([]byte(text), &want) != nil {
			// More may be read than is JSON, such as 01: what JavaScript writes is JSON.
			return
		}
		got, err := json.Marshal(value)
		require.NoError(t, err)
		var again any
		require.NoError(t, json.Unmarshal(got, &again))
		assert.Equal(t, want, again)
	})
}

func ExampleParse() {
	fmt.Println(plain.Parse(`{"replicas": 2, "share": 0.5, "hosts": ["web"]}`))
	// Output: map[hosts:[web] replicas:2 share:0.5]
}
