package conformance_test

import (
	"bytes"
	"encoding/json"
	"math"
)

// testCase is a tree to build, or documents to write. It has a form in JSON, in which the engine is given it.
type testCase struct {
	// Documents are written as YAML. A case that has some is no tree.
	Documents []any `json:"documents,omitempty"`

	OutputType string `json:"outputType,omitempty"`
	Extension  string `json:"extension,omitempty"`
	Record     bool   `json:"record,omitempty"`
	// Replace makes a resolver that replaces these texts.
	Replace map[string]any `json:"replace,omitempty"`
	Steps   []step         `json:"steps,omitempty"`
}

// step is an operation on a construct. It makes a construct or nothing.
type step struct {
	Op string `json:"op"`
	// On is which construct it is for: 0 for the app, n for what the step n-1 has made. If that made nothing, the step
	// is skipped.
	On int `json:"on"`
	// To and Also are other constructs, by the same numbers.
	To   *int `json:"to,omitempty"`
	Also *int `json:"also,omitempty"`

	ID      string         `json:"id"`
	Text    string         `json:"text"`
	Texts   []string       `json:"texts,omitempty"`
	Value   any            `json:"value,omitempty"`
	Content map[string]any `json:"content,omitempty"`
	// Cluster is for objects that belong to no namespace.
	Cluster bool        `json:"cluster,omitempty"`
	Props   *chartProps `json:"props,omitempty"`
	// Naming is for charts that name their objects themselves.
	Naming bool         `json:"naming,omitempty"`
	Patch  *jsonPatch   `json:"patch,omitempty"`
	Name   *nameOptions `json:"name,omitempty"`
}

type chartProps struct {
	Namespace                 string            `json:"namespace,omitempty"`
	Labels                    map[string]string `json:"labels,omitempty"`
	DisableResourceNameHashes bool              `json:"disableResourceNameHashes,omitempty"`
}

type jsonPatch struct {
	Op    string `json:"op"`
	Path  string `json:"path"`
	From  string `json:"from,omitempty"`
	Value any    `json:"value"`
}

type nameOptions struct {
	Delimiter   string   `json:"delimiter,omitempty"`
	Extra       []string `json:"extra,omitempty"`
	IncludeHash bool     `json:"includeHash"`
	MaxLen      int      `json:"maxLen,omitempty"`
}

// encode returns the case as the engine is given it, and the same case as read back from that, which is what the native
// tree is given: what JSON cannot hold is lost to both.
func encode(test testCase) (line []byte, same testCase, err error) {
	if line, err = json.Marshal(test); err != nil {
		return nil, same, err
	}
	decoder := json.NewDecoder(bytes.NewReader(line))
	// Numbers beyond float64 are infinite in JavaScript, and not to be lost here.
	decoder.UseNumber()
	err = decoder.Decode(&same)
	return line, same, err
}

// floats returns a JSON value with numbers as encoding/json decodes them by default.
func floats(value any) any {
	switch value := value.(type) {
	case map[string]any:
		result := make(map[string]any, len(value))
		for key, item := range value {
			result[key] = floats(item)
		}
		return result
	case []any:
		result := make([]any, len(value))
		for i, item := range value {
			result[i] = floats(item)
		}
		return result
	case json.Number:
		number, _ := value.Float64()
		return number
	}
	return value
}

// asJSON returns a result as JSON has it: JavaScript writes infinite numbers as null.
func asJSON(result any) (any, error) {
	text, err := json.Marshal(finite(result))
	if err != nil {
		return nil, err
	}
	var decoded any
	err = json.Unmarshal(text, &decoded)
	return decoded, err
}

func finite(value any) any {
	switch value := value.(type) {
	case map[string]any:
		result := make(map[string]any, len(value))
		for key, item := range value {
			result[key] = finite(item)
		}
		return result
	case []any:
		result := make([]any, len(value))
		for i, item := range value {
			result[i] = finite(item)
		}
		return result
	case float64:
		if math.IsInf(value, 0) {
			return nil
		}
	}
	return value
}
