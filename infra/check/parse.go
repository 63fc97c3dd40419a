package check

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"regexp"
	"strconv"
	"strings"
	"sync/atomic"

	"go.yaml.in/yaml/v3"
)

// Bounds of a document.
const (
	maxDepth = 200
	// maxAliased is how many values the aliases of an input may stand for.
	maxAliased = 100_000
)

// budget counts what aliases stand for.
type budget struct{ aliased atomic.Int64 }

// nodes returns the roots of the documents in the text: one, for a file that was split.
func (d *document) nodes() ([]*yaml.Node, error) {
	decoder := yaml.NewDecoder(bytes.NewReader(d.text))
	var roots []*yaml.Node
	for {
		var root yaml.Node
		err := decoder.Decode(&root)
		if errors.Is(err, io.EOF) {
			return roots, nil
		}
		if err != nil {
			return nil, err
		}
		if len(root.Content) > 0 {
			roots = append(roots, root.Content[0])
		}
	}
}

var lineOfError = regexp.MustCompile(`^yaml: (?:line (\d+): )?`)

func (d *document) objects(file string, budget *budget) ([]Object, error) {
	roots, err := d.nodes()
	if err != nil {
		text := err.Error()
		line := d.line
		if match := lineOfError.FindStringSubmatch(text); match != nil {
			text = text[len(match[0]):]
			if n, err := strconv.Atoi(match[1]); err == nil {
				line += n - 1
			}
		}
		return nil, unusable(file, line, "is not YAML: %s", text)
	}
	var objects []Object
	for _, root := range roots {
		reader := nodeReader{file: file, first: d.line - 1, budget: budget}
		value, err := reader.value(root, 0, false)
		if err != nil {
			return nil, err
		}
		if value == nil {
			continue
		}
		found, err := listed(file, value, func(i int) int {
			if i >= 0 {
				if items := itemsOf(root); i < len(items) {
					return reader.line(items[i])
				}
			}
			return reader.line(root)
		})
		if err != nil {
			return nil, err
		}
		for i := range found {
			found[i].Place.lines = d
		}
		objects = append(objects, found...)
	}
	return objects, nil
}

// listed returns the objects of a document: itself, or the items of a List.
func listed(file string, value any, lineOf func(item int) int) ([]Object, error) {
	line := lineOf(-1)
	if values, ok := value.([]any); ok {
		// An array of objects, as some tools print.
		return items(file, values, lineOf)
	}
	content, ok := value.(map[string]any)
	if !ok {
		return nil, unusable(file, line, "is no object but a %s", typeName(value))
	}
	kind, _ := content["kind"].(string)
	if values, ok := content["items"].([]any); ok && strings.HasSuffix(kind, "List") && content["spec"] == nil {
		return items(file, values, lineOf)
	}
	return []Object{{Content: content, Place: Place{File: file, Line: line}}}, nil
}

// itemsOf are the nodes of the items of a List, or of an array.
func itemsOf(root *yaml.Node) []*yaml.Node {
	items := root
	if root.Kind == yaml.MappingNode {
		items = child(root, "items")
	}
	for items != nil && items.Kind == yaml.AliasNode {
		items = items.Alias
	}
	if items == nil || items.Kind != yaml.SequenceNode {
		return nil
	}
	return items.Content
}

func items(file string, values []any, lineOf func(item int) int) ([]Object, error) {
	var objects []Object
	for i, value := range values {
		line := lineOf(i)
		content, ok := value.(map[string]any)
		if !ok {
			return nil, unusable(file, line, "item %d is no object but a %s", i, typeName(value))
		}
		objects = append(objects, Object{Content: content, Place: Place{File: file, Line: line, item: i + 1}})
	}
	return objects, nil
}

func typeName(value any) string {
	switch value.(type) {
	case nil:
		return "null"
	case string:
		return "string"
	case bool:
		return "boolean"
	case int64, float64:
		return "number"
	case []any:
		return "list"
	}
	return "map"
}

// nodeReader makes values of nodes.
type nodeReader struct {
	file string
	// first is how many lines of the file stand before the document.
	first  int
	budget *budget
}

func (r nodeReader) line(node *yaml.Node) int { return r.first + node.Line }

func (r nodeReader) value(node *yaml.Node, depth int, aliased bool) (any, error) {
	if depth > maxDepth {
		return nil, unusable(r.file, r.line(node), "is nested more than %d deep", maxDepth)
	}
	if aliased && r.budget.aliased.Add(1) > maxAliased {
		return nil, unusable(r.file, r.line(node), "has aliases that stand for more than %d values", maxAliased)
	}
	switch node.Kind {
	case yaml.AliasNode:
		return r.value(node.Alias, depth+1, true)
	case yaml.ScalarNode:
		return r.scalar(node)
	case yaml.SequenceNode:
		values := make([]any, len(node.Content))
		for i, element := range node.Content {
			value, err := r.value(element, depth+1, aliased)
			if err != nil {
				return nil, err
			}
			values[i] = value
		}
		return values, nil
	case yaml.MappingNode:
		return r.mapping(node, depth, aliased)
	}
	return nil, unusable(r.file, r.line(node), "is not YAML that can be read")
}

func (r nodeReader) mapping(node *yaml.Node, depth int, aliased bool) (any, error) {
	values := make(map[string]any, len(node.Content)/2)
	var merged []map[string]any
	for i := 0; i+1 < len(node.Content); i += 2 {
		key := node.Content[i]
		value, err := r.value(node.Content[i+1], depth+1, aliased)
		if err != nil {
			return nil, err
		}
		if key.Kind == yaml.AliasNode {
			key = key.Alias
		}
		if key.Kind != yaml.ScalarNode {
			return nil, unusable(r.file, r.line(key), "has a key that is no text")
		}
		if key.Tag == "!!merge" {
			switch value := value.(type) {
			case map[string]any:
				merged = append(merged, value)
			case []any:
				for _, element := range value {
					if element, ok := element.(map[string]any); ok {
						merged = append(merged, element)
					}
				}
			}
			continue
		}
		if _, twice := values[key.Value]; twice {
			return nil, unusable(r.file, r.line(key), "has the key %q twice in one map", key.Value)
		}
		values[key.Value] = value
	}
	for _, more := range merged {
		for key, value := range more {
			if _, own := values[key]; !own {
				values[key] = value
			}
		}
	}
	return values, nil
}

// yes and no are what YAML 1.1 takes for booleans, as kubectl does.
var yesAndNo = map[string]bool{"y": true, "Y": true, "yes": true, "Yes": true, "YES": true, "on": true, "On": true, "ON": true,
	"n": false, "N": false, "no": false, "No": false, "NO": false, "off": false, "Off": false, "OFF": false}

func (r nodeReader) scalar(node *yaml.Node) (any, error) {
	plain := node.Style&(yaml.SingleQuotedStyle|yaml.DoubleQuotedStyle|yaml.LiteralStyle|yaml.FoldedStyle|yaml.TaggedStyle) == 0
	switch tag := node.ShortTag(); tag {
	case "!!null":
		return nil, nil
	case "!!str", "!!timestamp", "!!binary":
		// kubectl leaves y and n as they are, which are names of keys.
		if value, ok := yesAndNo[node.Value]; plain && ok && len(node.Value) > 1 {
			return value, nil
		}
		return node.Value, nil
	case "!!bool":
		var value bool
		if err := node.Decode(&value); err != nil {
			return nil, unusable(r.file, r.line(node), "%q is no boolean", node.Value)
		}
		return value, nil
	case "!!int":
		var value int64
		if err := node.Decode(&value); err == nil {
			return value, nil
		}
		var large float64
		if err := node.Decode(&large); err != nil {
			return nil, unusable(r.file, r.line(node), "%q is no number", node.Value)
		}
		return large, nil
	case "!!float":
		var value float64
		if err := node.Decode(&value); err != nil {
			return nil, unusable(r.file, r.line(node), "%q is no number", node.Value)
		}
		if math.IsNaN(value) || math.IsInf(value, 0) {
			return nil, unusable(r.file, r.line(node), "%s is no number that JSON has", node.Value)
		}
		return value, nil
	default:
		return nil, unusable(r.file, r.line(node), "has the tag %s, which kubectl does not read", tag)
	}
}

func child(node *yaml.Node, key string) *yaml.Node {
	for node != nil && node.Kind == yaml.AliasNode {
		node = node.Alias
	}
	if node == nil || node.Kind != yaml.MappingNode {
		return nil
	}
	for i := 0; i+1 < len(node.Content); i += 2 {
		if node.Content[i].Value == key {
			return node.Content[i+1]
		}
	}
	return nil
}

// parseJSON reads objects of JSON, one after another. isJSON is false for what may be YAML in its flow style.
func parseJSON(file string, content []byte) (objects []Object, isJSON bool, err error) {
	decoder := json.NewDecoder(bytes.NewReader(content))
	decoder.UseNumber()
	counted, line := int64(0), 1
	lineAt := func(offset int64) int {
		offset = min(offset, int64(len(content)))
		line += bytes.Count(content[counted:offset], []byte("\n"))
		counted = offset
		return line
	}
	for {
		start := decoder.InputOffset()
		for start < int64(len(content)) && strings.ContainsRune(" \t\r\n", rune(content[start])) {
			start++
		}
		first := lineAt(start)
		value, err := readJSON(decoder, 0)
		if errors.Is(err, io.EOF) {
			return objects, true, nil
		}
		var twice duplicateKeyError
		switch {
		case errors.As(err, &twice):
			return nil, true, unusable(file, lineAt(decoder.InputOffset()), "%v", err)
		case err != nil:
			return nil, false, nil //nolint:nilerr // what is not JSON is read as YAML, which says what is wrong
		}
		found, err := listed(file, value, func(int) int { return first })
		if err != nil {
			return nil, true, err
		}
		text := &document{text: content[start:decoder.InputOffset()], line: first, json: true}
		for i := range found {
			found[i].Place.lines = text
		}
		objects = append(objects, found...)
	}
}

type duplicateKeyError string

func (k duplicateKeyError) Error() string {
	return fmt.Sprintf("has the key %q twice in one map", string(k))
}

var errTooDeep = errors.New("is nested too deep")

func readJSON(decoder *json.Decoder, depth int) (any, error) {
	token, err := decoder.Token()
	if err != nil {
		return nil, err
	}
	if depth > maxDepth {
		return nil, errTooDeep
	}
	switch token := token.(type) {
	case json.Delim:
		if token == '[' {
			values := []any{}
			for decoder.More() {
				value, err := readJSON(decoder, depth+1)
				if err != nil {
					return nil, noEnd(err)
				}
				values = append(values, value)
			}
			_, err := decoder.Token()
			return values, noEnd(err)
		}
		values := map[string]any{}
		for decoder.More() {
			key, err := decoder.Token()
			if err != nil {
				return nil, noEnd(err)
			}
			value, err := readJSON(decoder, depth+1)
			if err != nil {
				return nil, noEnd(err)
			}
			name, _ := key.(string)
			if _, twice := values[name]; twice {
				return nil, duplicateKeyError(name)
			}
			values[name] = value
		}
		_, err := decoder.Token()
		return values, noEnd(err)
	case json.Number:
		if whole, err := token.Int64(); err == nil {
			return whole, nil
		}
		return token.Float64()
	}
	return token, nil
}

// noEnd makes of an end within a value an error of its own.
func noEnd(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}
