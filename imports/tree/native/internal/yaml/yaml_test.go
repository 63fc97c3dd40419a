package yaml_test

import (
	"encoding/json"
	"errors"
	"io"
	"math"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/crossoverJie/k8s-combat/imports/tree/native/internal/yaml"
)

func Example() {
	_, _ = os.Stdout.Write(yaml.Append(nil,
		map[string]any{"on": "no", "replicas": 2, "args": []any{}},
		yaml.Mapping{{Key: "kind", Value: "ConfigMap"}, {Key: "data", Value: map[string]any{"run.sh": "set -e\nexec app\n"}}},
	))
	// Output:
	// args: []
	// "on": "no"
	// replicas: 2
	// ---
	// kind: ConfigMap
	// data:
	//   run.sh: |
	//     set -e
	//     exec app
}

// The file holds pairs of lines: a document, and what yaml 2.6.0 makes of it with the options of cdk8s.
func TestLikeTheOriginal(t *testing.T) {
	t.Parallel()
	file, err := os.Open("testdata/yaml-2.6.0.jsonl")
	require.NoError(t, err)
	defer file.Close()
	lines := json.NewDecoder(file)
	lines.UseNumber()
	for {
		var document any
		err := lines.Decode(&document)
		if errors.Is(err, io.EOF) {
			return
		}
		require.NoError(t, err)
		var want string
		require.NoError(t, lines.Decode(&want))
		assert.Equal(t, want, string(yaml.Append(nil, document)))
	}
}

func TestScalars(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"plain":            "plain",
		"a:b":              "a:b",
		"a#b":              "a#b",
		"-x":               "-x",
		"10.0.0.1":         "10.0.0.1",
		"1Gi":              "1Gi",
		"<<":               "<<",
		"":                 `""`,
		" a":               `" a"`,
		"a ":               `"a "`,
		"a: b":             `"a: b"`,
		"a #b":             `"a #b"`,
		"- a":              `"- a"`,
		"%a":               `"%a"`,
		"@a":               `"@a"`,
		"yes":              `"yes"`,
		"n":                `"n"`,
		"~":                `"~"`,
		"null":             `"null"`,
		"0x1":              `"0x1"`,
		"0775":             `"0775"`,
		"1_000":            `"1_000"`,
		"1e3":              `"1e3"`,
		"1:30":             `"1:30"`,
		".5":               `".5"`,
		".inf":             `".inf"`,
		"2001-12-14":       `"2001-12-14"`,
		"\t":               `"\t"`,
		"a\rb":             `"a\rb"`,
		"\u0085":           "\"\u0085\"",
		`[say "hi"]`:       `'[say "hi"]'`,
		`it's "so": `:      `"it's \"so\": "`,
		"one\ntwo":         "|-\n  one\n  two",
		"one\n\ntwo\n":     "|\n  one\n\n  two",
		"one\n\n":          "|+\n  one\n",
		"  one\n":          "|2\n    one",
		"one\n  ":          `"one\n  "`,
		"\n":               `"\n"`,
		"a\xff":            "a\uFFFD",
		"\U0001F600 smile": "\U0001F600 smile",
	} {
		assert.Equal(t, "k: "+want+"\n", string(yaml.Append(nil, map[string]any{"k": text})), "%q", text)
	}
}

func TestNumbers(t *testing.T) {
	t.Parallel()
	for want, number := range map[string]any{
		"1":                    1,
		"-7":                   int64(-7),
		"18446744073709552000": uint64(math.MaxUint64),
		"9223372036854776000":  int64(math.MaxInt64),
		"1.5":                  1.5,
		"1e+21":                json.Number("1e21"),
		".inf":                 json.Number("1e999"),
		"-.inf":                math.Inf(-1),
		".nan":                 math.NaN(),
	} {
		assert.Equal(t, want+"\n", string(yaml.Append(nil, number)))
	}
}

func TestDocuments(t *testing.T) {
	t.Parallel()
	assert.Empty(t, yaml.Append(nil))
	assert.Equal(t, "# head\na: 1\n---\nnull\n", string(yaml.Append([]byte("# head\n"), map[string]any{"a": 1}, nil)))
	assert.Equal(t, "b: 1\na: {}\n", string(yaml.Append(nil, yaml.Mapping{{Key: "b", Value: 1}, {Key: "a", Value: yaml.Mapping{}}})))
	assert.Equal(t, "a:\n  b: 1\n", string(yaml.Append(nil, map[string]any{"a": yaml.Mapping{{Key: "b", Value: 1}}})))
}

func TestDeepDocument(t *testing.T) {
	t.Parallel()
	const depth = 40
	var document any = "two\nlines\n"
	var want strings.Builder
	for level := range depth {
		document = map[string]any{"k": document}
		want.WriteString(strings.Repeat("  ", level) + "k:")
		if level < depth-1 {
			want.WriteString("\n")
		}
	}
	margin := strings.Repeat("  ", depth)
	want.WriteString(" |\n" + margin + "two\n" + margin + "lines\n")
	assert.Equal(t, want.String(), string(yaml.Append(nil, document)))
}

func TestNotJSON(t *testing.T) {
	t.Parallel()
	assert.PanicsWithError(t, "yaml: struct {} is not a JSON value", func() { yaml.Append(nil, []any{struct{}{}}) })
}
