package native

import (
	"errors"
	"fmt"
	"reflect"

	"github.com/cdk8s-team/cdk8s-core-go/cdk8s/v2"

	"github.com/crossoverJie/k8s-combat/imports/tree/native/internal/yaml"
)

// Stringify writes documents as YAML, the bytes that cdk8s.Yaml_Stringify writes. A document is any Go value, written in
// the form that encoding/json gives it; it is an error if there is none. One that is nil is an empty document, and a nil
// map or list is an empty one. Null inside a document stays null; from the maps of the documents for
// cdk8s.Yaml_Stringify, jsii leaves it out.
func Stringify(documents ...any) (text string, err error) {
	defer returned(&err)
	var result []byte
	for i, document := range documents {
		if i > 0 {
			result = append(result, yaml.Separator...)
		}
		content := topValue(document)
		if content == nil {
			content = emptyDocument
		} else {
			content = freeze(thaw(content))
		}
		result = appendDocument(result, content)
	}
	return string(result), nil
}

func appendDocument(dst []byte, document any) []byte {
	if document == emptyDocument {
		return append(dst, '\n')
	}
	return yaml.Append(dst, document)
}

// topValue returns a document as a JSON value. Unlike inside of it, a map or a list that is nil is an empty one.
func topValue(document any) any {
	v := reflect.ValueOf(document)
	for v.Kind() == reflect.Pointer && !v.IsNil() {
		v = v.Elem()
	}
	content := jsonValue(document)
	if content == nil {
		switch v.Kind() {
		case reflect.Map:
			return map[string]any{}
		case reflect.Slice:
			return []any{}
		}
	}
	return content
}

// ApplyPatch returns a copy of a document with JSON Patch operations applied, as cdk8s.JsonPatch_Apply does. The
// operations are those that ApiObject.AddJsonPatch takes in a native tree; what is wrong with one is an error.
func ApplyPatch(document any, ops ...cdk8s.JsonPatch) (patched any, err error) {
	defer returned(&err)
	root := thaw(jsonValue(document))
	for _, op := range operations(ops) {
		root = op.apply(root)
	}
	return plain(freeze(root)), nil
}

// returned turns what a function panics with into its error.
func returned(err *error) {
	switch cause := recover().(type) {
	case nil:
	case error:
		*err = cause
	default:
		*err = errors.New(fmt.Sprint(cause))
	}
}
