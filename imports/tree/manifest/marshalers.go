package manifest

import (
	"bytes"
	"encoding"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"reflect"
	"strconv"
)

// hasMarshaler is whether values of a type say themselves how they are written.
func hasMarshaler(t reflect.Type) bool {
	pointer := reflect.PointerTo(t)
	return pointer.Implements(marshalerType) || pointer.Implements(textMarshalerType)
}

// addressable returns value if it has an address, as it has if object was a pointer, and a copy if not.
func addressable(value reflect.Value) reflect.Value {
	if value.CanAddr() {
		return value
	}
	copied := reflect.New(value.Type()).Elem()
	copied.Set(value)
	return copied
}

// isNil is whether value is nil, of a type that can be.
func isNil(value reflect.Value) bool {
	switch value.Kind() {
	case reflect.Map, reflect.Slice, reflect.Pointer, reflect.Interface:
		return value.IsNil()
	}
	return false
}

func encodeMarshaler(value reflect.Value, _ int) (any, error) {
	if isNil(value) {
		return nil, nil
	}
	text, err := callMarshaler(value)
	if err != nil {
		return nil, err
	}
	content, err := parseJSON(text)
	if err != nil {
		return nil, fmt.Errorf("MarshalJSON of %s does not return JSON: %w", value.Type(), err)
	}
	return content, nil
}

func callMarshaler(value reflect.Value) (text []byte, err error) {
	defer recoverAs(&err, value, "MarshalJSON")
	return addressable(value).Addr().Interface().(json.Marshaler).MarshalJSON()
}

func encodeTextMarshaler(value reflect.Value, _ int) (any, error) {
	if isNil(value) {
		return nil, nil
	}
	text, err := callTextMarshaler(value)
	if err != nil {
		return nil, err
	}
	return validText(text)
}

func callTextMarshaler(value reflect.Value) (text string, err error) {
	defer recoverAs(&err, value, "MarshalText")
	if value.Kind() == reflect.Interface {
		value = value.Elem()
	}
	if value.Kind() != reflect.Pointer {
		value = addressable(value).Addr()
	}
	content, err := value.Interface().(encoding.TextMarshaler).MarshalText()
	return string(content), err
}

// recoverAs turns a panic in a method of a user's type into an error.
func recoverAs(err *error, value reflect.Value, method string) {
	if reason := recover(); reason != nil {
		*err = fmt.Errorf("%s of %s panicked: %v", method, value.Type(), reason)
	}
}

// parseJSON returns one JSON value as a tree.
func parseJSON(text []byte) (any, error) {
	if simple, ok := simpleString(text); ok {
		return simple, nil
	}
	if isSimpleInteger(text) {
		return parseNumber(string(text))
	}
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	var content any
	if err := decoder.Decode(&content); err != nil {
		return nil, err
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("something follows the value")
	}
	return clean(content)
}

// simpleString returns the text of a JSON string without escapes, which quantities, times and durations are.
func simpleString(text []byte) (string, bool) {
	last := len(text) - 1
	if last < 1 || text[0] != '"' || text[last] != '"' {
		return "", false
	}
	for _, c := range text[1:last] {
		if c < ' ' || c > '~' || c == '"' || c == '\\' {
			return "", false
		}
	}
	return string(text[1:last]), true
}

// isSimpleInteger is whether text is a JSON number of digits alone, which ports are.
func isSimpleInteger(text []byte) bool {
	for _, c := range text {
		if c < '0' || c > '9' {
			return false
		}
	}
	return len(text) == 1 || len(text) > 1 && text[0] != '0'
}

// clean makes what encoding/json parsed into what Encode returns: Objects without nil, and numbers for json.Number.
func clean(content any) (any, error) {
	var err error
	switch content := content.(type) {
	case json.Number:
		return parseNumber(string(content))
	case []any:
		for i := range content {
			if content[i], err = clean(content[i]); err != nil {
				return nil, inElement(i, err)
			}
		}
	case map[string]any:
		object := make(Object, 0, len(content))
		var failed firstError
		for key, value := range content {
			if value, err = clean(value); err != nil {
				failed.add(key, inField(key, err))
			} else if value != nil {
				object = append(object, Entry{key, value})
			}
		}
		if failed.err != nil {
			return nil, failed.err
		}
		object.sort()
		return object, nil
	}
	return content, nil
}

func parseNumber(text string) (any, error) {
	if number, err := strconv.ParseInt(text, 10, 64); err == nil {
		return number, nil
	}
	if number, err := strconv.ParseUint(text, 10, 64); err == nil {
		return number, nil
	}
	number, err := strconv.ParseFloat(text, 64)
	if err != nil {
		return nil, fmt.Errorf("%s is too large for a number", text)
	}
	return number, nil
}
