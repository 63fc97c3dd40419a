package manifest

import (
	"errors"
	"fmt"
	"reflect"
)

// Encode returns object as a manifest holds it: a tree of Object, []any, string, bool, int64, uint64, float64
// and, in lists alone, nil. Nothing in it is shared with object. object is a struct of an API type, a pointer to one, or
// a map; for nil, a nil pointer and a nil map the result is nil.
//
// Names, omitempty, omitzero, string, embedding and marshalers mean what they mean to encoding/json. These rules differ,
// because a manifest states what is wanted and a Go struct cannot leave a field out:
//
//   - The field status of object itself is left out: the cluster writes it. In a map it is kept, as nothing but its
//     author put it there.
//   - A field that is nil, or encodes to null, is left out, whatever its tag says: null means 'delete this' to an API
//     server that patches.
//   - A field that is a struct, not a pointer to one, is left out if it is zero or encodes to {}: it is there because
//     its Go type is. It is written as {} if the API requires it ("podSelector: {}"), which is so if its tag has neither
//     omitempty nor omitzero, or if it is marked as required upstream, or the kind's definition requires it. A pointer
//     to an empty struct is written as {}, since somebody made it ("emptyDir: {}"), and so is an empty struct in a list
//     or a map ("ingress: [{}]").
//   - A slice or a map that is empty and not nil is left out with omitempty, and written as [] or {} without.
//   - A key of a map whose value is nil is left out, as cdk8s does. A nil in a list is kept, as null, since leaving it
//     out would move its neighbours.
//   - Marshalers and text marshalers with a pointer receiver are asked even where a value has no address, so that a
//     value is written in one way wherever it stands.
//   - Integers keep their digits: an integer is an int64, or a uint64 if it is too large for that, from marshalers and
//     json.Number too. Any other number is a float64.
//
// An error names the field, as in spec.template.spec.containers[0].name. Errors are: a value that is no object; a func,
// chan or complex number; NaN and infinities; text that is not UTF-8, which encoding/json would change silently; two
// keys of a map with the same text; a marshaler that fails, panics or returns something other than JSON; and values
// nested more than 1000 deep, as those are that contain themselves; and a value of jsii, such as a cdk8s.Size, which
// lives in Node.js.
//
// Encode may be called concurrently; object must not change while it runs.
func Encode(object any) (Object, error) {
	value := reflect.ValueOf(object)
	for depth := 0; ; depth++ {
		switch value.Kind() {
		case reflect.Invalid:
			return nil, nil
		case reflect.Map:
			if value.IsNil() {
				return nil, nil
			}
		case reflect.Pointer, reflect.Interface:
			if depth > maxDepth {
				return nil, errTooDeep
			}
			value = value.Elem()
			continue
		}
		break
	}

	plan := planFor(value.Type())
	var content any
	var err error
	if structure := plan.structure(); structure != nil {
		content, err = structure.encode(value, 0, "status")
	} else {
		content, err = plan.encode(value, 0)
	}
	if err != nil {
		return nil, err
	}
	result, ok := content.(Object)
	if !ok {
		return nil, fmt.Errorf("%s is not an object; allowed are structs of API types, pointers to them, and maps", value.Type())
	}
	return result, nil
}

// maxDepth is where encoding/json begins to look for cycles. No API comes near it.
const maxDepth = 1000

var errTooDeep = errors.New("values are nested more than 1000 deep, or contain themselves")
