package manifest

import (
	"encoding"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"reflect"
	"strconv"
	"sync"
	"unicode/utf8"
)

// encodeFunc returns a value as a JSON value; nil is null. depth counts the pointers, interfaces, lists and maps around
// it.
type encodeFunc func(value reflect.Value, depth int) (any, error)

// plan is how values of a type are encoded. It is worked out when the first of them is, so a type may contain itself.
type plan struct {
	typ  reflect.Type
	once sync.Once
	// function encodes any value; plain is set as well for a struct that has no marshaler.
	function encodeFunc
	plain    *structPlan
}

var plans sync.Map // reflect.Type to *plan

func planFor(t reflect.Type) *plan {
	if known, ok := plans.Load(t); ok {
		return known.(*plan)
	}
	known, _ := plans.LoadOrStore(t, &plan{typ: t})
	return known.(*plan)
}

func (p *plan) encode(value reflect.Value, depth int) (any, error) {
	p.once.Do(p.make)
	return p.function(value, depth)
}

// structure returns the plan of a struct that has no marshaler, nil for other types.
func (p *plan) structure() *structPlan {
	p.once.Do(p.make)
	return p.plain
}

var (
	marshalerType     = reflect.TypeFor[json.Marshaler]()
	textMarshalerType = reflect.TypeFor[encoding.TextMarshaler]()
	numberType        = reflect.TypeFor[json.Number]()
	stringType        = reflect.TypeFor[string]()
	stringMapType     = reflect.TypeFor[map[string]string]()
)

func (p *plan) make() {
	t := p.typ
	// The methods of a pointer's type include those of what it points to.
	if pointer := reflect.PointerTo(t); pointer.Implements(marshalerType) {
		p.function = encodeMarshaler
		return
	} else if pointer.Implements(textMarshalerType) {
		p.function = encodeTextMarshaler
		return
	}
	switch t.Kind() {
	case reflect.Bool:
		p.function = encodeBool
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		p.function = encodeInt
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Uintptr:
		p.function = encodeUint
	case reflect.Float32, reflect.Float64:
		p.function = floatEncoder(t.Bits())
	case reflect.String:
		p.function = encodeString
		if t == numberType {
			p.function = encodeNumber
		}
	case reflect.Interface:
		p.function = encodeInterface
	case reflect.Pointer:
		p.function = pointerEncoder(planFor(t.Elem()))
	case reflect.Struct:
		if IsProxy(t) {
			p.function = encodeProxy
			return
		}
		p.plain = newStructPlan(t)
		p.function = func(value reflect.Value, depth int) (any, error) { return p.plain.encode(value, depth, "") }
	case reflect.Slice:
		p.function = sliceEncoder(t)
	case reflect.Array:
		p.function = listEncoder(planFor(t.Elem()))
	case reflect.Map:
		p.function = mapEncoder(t)
	default:
		p.function = encodeUnsupported
	}
}

func encodeBool(value reflect.Value, _ int) (any, error) { return value.Bool(), nil }

func encodeInt(value reflect.Value, _ int) (any, error) { return value.Int(), nil }

func encodeUint(value reflect.Value, _ int) (any, error) {
	number := value.Uint()
	if number <= math.MaxInt64 {
		return int64(number), nil
	}
	return number, nil
}

func floatEncoder(bits int) encodeFunc {
	return func(value reflect.Value, _ int) (any, error) {
		number := value.Float()
		if math.IsNaN(number) || math.IsInf(number, 0) {
			return nil, fmt.Errorf("%v is not allowed; a number must be finite", number)
		}
		if bits == 32 {
			// The shortest digits that give the float32 back: 0.1, not 0.10000000149011612.
			return strconv.ParseFloat(strconv.FormatFloat(number, 'g', -1, 32), 64)
		}
		return number, nil
	}
}

func encodeString(value reflect.Value, _ int) (any, error) { return validText(value.String()) }

func encodeNumber(value reflect.Value, _ int) (any, error) {
	text := value.String()
	if text == "" {
		// As encoding/json has it.
		return int64(0), nil
	}
	number, err := parseJSON([]byte(text))
	switch number.(type) {
	case int64, uint64, float64:
		return number, err
	}
	return nil, fmt.Errorf("%q is not a number", text)
}

func encodeInterface(value reflect.Value, depth int) (any, error) {
	if value.IsNil() {
		return nil, nil
	}
	if depth > maxDepth {
		return nil, errTooDeep
	}
	dynamic := value.Elem()
	return planFor(dynamic.Type()).encode(dynamic, depth+1)
}

func pointerEncoder(element *plan) encodeFunc {
	return func(value reflect.Value, depth int) (any, error) {
		if value.IsNil() {
			return nil, nil
		}
		if depth > maxDepth {
			return nil, errTooDeep
		}
		return element.encode(value.Elem(), depth+1)
	}
}

func sliceEncoder(t reflect.Type) encodeFunc {
	list := listEncoder(planFor(t.Elem()))
	if t.Elem().Kind() == reflect.Uint8 && !hasMarshaler(t.Elem()) {
		list = encodeBytes
	}
	return func(value reflect.Value, depth int) (any, error) {
		if value.IsNil() {
			return nil, nil
		}
		return list(value, depth)
	}
}

func encodeBytes(value reflect.Value, _ int) (any, error) {
	return base64.StdEncoding.EncodeToString(value.Bytes()), nil
}

func listEncoder(element *plan) encodeFunc {
	return func(value reflect.Value, depth int) (any, error) {
		if depth > maxDepth {
			return nil, errTooDeep
		}
		result := make([]any, value.Len())
		for i := range result {
			var err error
			if result[i], err = element.encode(value.Index(i), depth+1); err != nil {
				return nil, inElement(i, err)
			}
		}
		return result, nil
	}
}

func mapEncoder(t reflect.Type) encodeFunc {
	keyText, ok := keyEncoder(t.Key())
	if !ok {
		return encodeUnsupported
	}
	if t.Key() == stringType && t.Elem() == stringType {
		return encodeStringMap
	}
	element := planFor(t.Elem())
	// A map to interfaces is an object that somebody wrote without a Go type, and its keys are fields to them.
	inside := inKey
	if t.Elem().Kind() == reflect.Interface {
		inside = inField
	}
	return func(value reflect.Value, depth int) (any, error) {
		if value.IsNil() {
			return nil, nil
		}
		if depth > maxDepth {
			return nil, errTooDeep
		}
		result := make(Object, 0, value.Len())
		var failed firstError
		// Two variables for all entries, and with an address for marshalers.
		keyValue, elementValue := reflect.New(t.Key()).Elem(), reflect.New(t.Elem()).Elem()
		for iterator := value.MapRange(); iterator.Next(); {
			keyValue.SetIterKey(iterator)
			key, err := keyText(keyValue)
			if err != nil {
				failed.add(key, err)
				continue
			}
			elementValue.SetIterValue(iterator)
			content, err := element.encode(elementValue, depth+1)
			if err != nil {
				failed.add(key, inside(key, err))
				continue
			}
			if content != nil {
				result = append(result, Entry{key, content})
			}
		}
		result.sort()
		for i := 1; i < len(result); i++ {
			if key := result[i].Key; key == result[i-1].Key {
				failed.add(key, inside(key, errors.New("two keys of the map have this text")))
			}
		}
		if failed.err != nil {
			return nil, failed.err
		}
		return result, nil
	}
}

// encodeStringMap encodes labels, annotations, selectors and the data of ConfigMaps.
func encodeStringMap(value reflect.Value, _ int) (any, error) {
	if value.IsNil() {
		return nil, nil
	}
	// Convert drops the name that the type may have, and copies no entry.
	entries := value.Convert(stringMapType).Interface().(map[string]string)
	result := make(Object, 0, len(entries))
	var failed firstError
	for key, text := range entries {
		content, err := validText(text)
		if err != nil {
			failed.add(key, inKey(key, err))
		}
		if !utf8.ValidString(key) {
			failed.add(key, errKeyNotUTF8(key))
		}
		result = append(result, Entry{key, content})
	}
	if failed.err != nil {
		return nil, failed.err
	}
	result.sort()
	return result, nil
}

// firstError keeps the error of the first key in order, so that a map with several mistakes always reports the same.
type firstError struct {
	key string
	err error
}

func (f *firstError) add(key string, err error) {
	if f.err == nil || key < f.key {
		f.key, f.err = key, err
	}
}

// keyEncoder returns how keys of a type are written, and whether they can be.
func keyEncoder(t reflect.Type) (text func(reflect.Value) (string, error), ok bool) {
	if t.Kind() == reflect.String {
		return func(value reflect.Value) (string, error) { return validKey(value.String()) }, true
	}
	if t.Implements(textMarshalerType) || reflect.PointerTo(t).Implements(textMarshalerType) {
		return func(value reflect.Value) (string, error) {
			if value.Kind() == reflect.Pointer && value.IsNil() {
				return "", nil
			}
			text, err := callTextMarshaler(value)
			if err != nil {
				return "", err
			}
			return validKey(text)
		}, true
	}
	switch t.Kind() {
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return func(value reflect.Value) (string, error) { return strconv.FormatInt(value.Int(), 10), nil }, true
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Uintptr:
		return func(value reflect.Value) (string, error) { return strconv.FormatUint(value.Uint(), 10), nil }, true
	}
	return nil, false
}

func encodeUnsupported(value reflect.Value, _ int) (any, error) {
	return nil, fmt.Errorf("%s cannot be written to a manifest; allowed are structs, maps with keys that are text, lists, strings, numbers and booleans", value.Type())
}

func validText(text string) (any, error) {
	if !utf8.ValidString(text) {
		// The text may be a secret, so it is not shown.
		return nil, errors.New("is not UTF-8 text; bytes belong in a []byte, which is written in base64")
	}
	return text, nil
}

func validKey(key string) (string, error) {
	if !utf8.ValidString(key) {
		return key, errKeyNotUTF8(key)
	}
	return key, nil
}

func errKeyNotUTF8(key string) error { return fmt.Errorf("the key %.40q is not UTF-8 text", key) }
