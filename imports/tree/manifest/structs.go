package manifest

import (
	"encoding/json"
	"reflect"
	"slices"
	"strings"
	"unicode"
)

// structPlan is how values of a struct type without a marshaler are encoded.
type structPlan struct {
	// fields are in the order of the struct, so that of several mistakes the first in it is told.
	fields []field
	// names are those of the fields, in order.
	names []string
}

// field is a field of a struct, or one of a struct embedded in it that encoding/json shows as its own.
type field struct {
	name string
	// place is that of the name among all names in order.
	place int
	// index leads through the embedded structs.
	index []int
	plan  *plan
	// canBeNil is whether the field is a pointer, a list, a map or an interface.
	canBeNil bool
	// isStruct is whether the field holds a struct itself, which is there whether somebody wanted it or not.
	isStruct bool
	// required is whether such a struct is written even if it is empty: the API asks for it.
	required bool
	// comparesToZero is whether such a struct is left out without being encoded.
	comparesToZero bool
	omitEmpty      bool
	// omit is what decides by omitzero, nil without.
	omit func(reflect.Value) (bool, error)
	// quoted is whether the value is written as JSON in a string.
	quoted bool
}

// encode encodes all fields but the one named except.
func (s *structPlan) encode(value reflect.Value, depth int, except string) (any, error) {
	// By place. Few structs have more fields than this.
	var few [48]any
	contents := few[:]
	if len(s.fields) > len(few) {
		contents = make([]any, len(s.fields))
	}
	count := 0
	for i := range s.fields {
		f := &s.fields[i]
		if f.name == except {
			continue
		}
		content, err := f.encode(value, depth)
		if err != nil {
			return nil, inField(f.name, err)
		}
		if content != nil {
			contents[f.place] = content
			count++
		}
	}
	result := make(Object, 0, count)
	for place, name := range s.names {
		if content := contents[place]; content != nil {
			result = append(result, Entry{name, content})
		}
	}
	return result, nil
}

// encode returns the field of structure as a JSON value, or nil if it is left out.
func (f *field) encode(structure reflect.Value, depth int) (any, error) {
	value := structure.Field(f.index[0])
	for _, i := range f.index[1:] {
		if value.Kind() == reflect.Pointer {
			if value.IsNil() {
				return nil, nil
			}
			value = value.Elem()
		}
		value = value.Field(i)
	}
	switch {
	case f.canBeNil && value.IsNil():
		// Most fields of most objects.
		return nil, nil
	case f.comparesToZero && value.IsZero(), f.omitEmpty && isEmpty(value):
		return nil, nil
	case f.omit != nil:
		if omit, err := f.omit(value); omit || err != nil {
			return nil, err
		}
	}
	content, err := f.plan.encode(value, depth)
	if err != nil {
		return nil, err
	}
	if f.isStruct && !f.required {
		if object, ok := content.(Object); ok && len(object) == 0 {
			return nil, nil
		}
	}
	if f.quoted && content != nil {
		text, err := json.Marshal(content)
		return string(text), err
	}
	return content, nil
}

// isEmpty is what omitempty asks.
func isEmpty(value reflect.Value) bool {
	switch value.Kind() {
	case reflect.Array, reflect.Map, reflect.Slice, reflect.String:
		return value.Len() == 0
	case reflect.Struct:
		return false
	default:
		return value.IsZero()
	}
}

var isZeroerType = reflect.TypeFor[interface{ IsZero() bool }]()

// zeroTest returns what omitzero asks of a type: its method IsZero if it has one.
func zeroTest(t reflect.Type) func(reflect.Value) (bool, error) {
	if !t.Implements(isZeroerType) && !reflect.PointerTo(t).Implements(isZeroerType) {
		return func(value reflect.Value) (bool, error) { return value.IsZero(), nil }
	}
	return func(value reflect.Value) (zero bool, err error) {
		defer recoverAs(&err, value, "IsZero")
		switch value.Kind() {
		case reflect.Pointer, reflect.Interface:
			if value.IsNil() {
				return true, nil
			}
		default:
			value = addressable(value).Addr()
		}
		return value.Interface().(interface{ IsZero() bool }).IsZero(), nil
	}
}

// level is a struct on the way through the embedded ones.
type level struct {
	typ   reflect.Type
	index []int
}

// candidate is a field before it is known which of those with the same name is shown.
type candidate struct {
	field
	tagged bool
}

// newStructPlan finds the fields of a struct as encoding/json does: of several with one name the least nested is shown,
// among equals the tagged one, and none if there are two of those.
func newStructPlan(t reflect.Type) *structPlan {
	s := &structPlan{}
	decided := map[string]bool{}
	visited := map[reflect.Type]bool{}
	for levels := []level{{typ: t}}; len(levels) > 0; {
		candidates, next := fieldsOf(levels, visited)
		byName := map[string][]candidate{}
		for _, c := range candidates {
			byName[c.name] = append(byName[c.name], c)
		}
		for _, c := range candidates {
			if decided[c.name] {
				continue
			}
			decided[c.name] = true
			if shown, ok := dominant(byName[c.name]); ok {
				s.fields = append(s.fields, shown.field)
			}
		}
		levels = next
	}
	slices.SortFunc(s.fields, func(a, b field) int { return slices.Compare(a.index, b.index) })
	for _, f := range s.fields {
		s.names = append(s.names, f.name)
	}
	slices.Sort(s.names)
	for i := range s.fields {
		s.fields[i].place, _ = slices.BinarySearch(s.names, s.fields[i].name)
	}
	return s
}

func dominant(candidates []candidate) (candidate, bool) {
	if len(candidates) == 1 {
		return candidates[0], true
	}
	candidates = slices.DeleteFunc(slices.Clone(candidates), func(c candidate) bool { return !c.tagged })
	if len(candidates) != 1 {
		return candidate{}, false
	}
	return candidates[0], true
}

// fieldsOf returns the fields of structs that are equally nested, and the structs embedded in them. A type that was
// visited closer to the root is skipped: its fields are hidden by its own.
func fieldsOf(levels []level, visited map[reflect.Type]bool) (candidates []candidate, next []level) {
	for _, l := range levels {
		visited[l.typ] = true
	}
	for _, l := range levels {
		for i := range l.typ.NumField() {
			structField := l.typ.Field(i)
			index := append(slices.Clone(l.index), i)
			embedded := structField.Type
			if embedded.Kind() == reflect.Pointer {
				embedded = embedded.Elem()
			}
			promotes := structField.Anonymous && embedded.Kind() == reflect.Struct
			if !structField.IsExported() && !promotes {
				continue
			}
			tag := structField.Tag.Get("json")
			if tag == "-" {
				continue
			}
			name, options, _ := strings.Cut(tag, ",")
			if !isName(name) {
				name = ""
			}
			if promotes && name == "" {
				if !visited[embedded] {
					next = append(next, level{typ: embedded, index: index})
				}
				continue
			}
			c := candidate{field: newField(structField.Type, index, options), tagged: name != ""}
			if c.name = name; name == "" {
				c.name = structField.Name
			}
			c.require(l.typ, tag != "")
			candidates = append(candidates, c)
		}
	}
	return candidates, next
}

func newField(t reflect.Type, index []int, options string) field {
	f := field{index: index, plan: planFor(t), isStruct: t.Kind() == reflect.Struct}
	// A protobuf message that holds nothing encodes to {}. Comparing it would read state that its methods set atomically.
	_, message := reflect.PointerTo(t).MethodByName("ProtoReflect")
	f.comparesToZero = f.isStruct && !message
	switch t.Kind() {
	case reflect.Pointer, reflect.Slice, reflect.Map, reflect.Interface:
		f.canBeNil = true
	}
	for option := range strings.SplitSeq(options, ",") {
		switch option {
		case "omitempty":
			f.omitEmpty = true
		case "omitzero":
			f.omit = zeroTest(t)
		case "string":
			f.quoted = canQuote(t)
		}
	}
	return f
}

// require finds out whether a field of a struct is required, and has it written even if it is empty then. By the convention
// of the API, one that is has no omitempty and no omitzero in its tag; those that have are in a table. What is no object
// in JSON, like a port or a quantity, is no empty struct there.
func (f *field) require(structure reflect.Type, hasTag bool) {
	if !f.isStruct || !hasTag || f.comparesToZero && hasMarshaler(f.plan.typ) {
		return
	}
	inTable := slices.Contains(required[structure.PkgPath()+"."+structure.Name()], f.name)
	if inTable || !f.omitEmpty && f.omit == nil {
		f.required, f.comparesToZero, f.omit = true, false, nil
	}
}

// canQuote is whether the option string does anything for a type.
func canQuote(t reflect.Type) bool {
	if t.Kind() == reflect.Pointer && t.Name() == "" {
		t = t.Elem()
	}
	switch t.Kind() {
	case reflect.Bool, reflect.String, reflect.Float32, reflect.Float64,
		reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64,
		reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Uintptr:
		return !hasMarshaler(t)
	}
	return false
}

// isName is whether encoding/json accepts the name in a tag.
func isName(name string) bool {
	for _, r := range name {
		if !strings.ContainsRune("!#$%&()*+-./:;<=>?@[]^_{|}~ ", r) && !unicode.IsLetter(r) && !unicode.IsDigit(r) {
			return false
		}
	}
	return name != ""
}
