package check

import (
	"cmp"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"sync"

	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
)

// misfit is a field that the type of its object does not have, or has as something else.
type misfit struct {
	field   string
	unknown bool
	message string
}

// trail is where in an object a value stands.
type trail struct {
	around *trail
	// step is the name of a field or, where key is set, a key of a map. Empty for an element of a list.
	step  string
	index int
	key   bool
}

func (t *trail) String() string {
	switch {
	case t == nil:
		return ""
	case t.key:
		return at("%s[%s]", t.around, t.step)
	case t.step == "":
		return at("%s[%d]", t.around, t.index)
	case t.around == nil:
		return t.step
	}
	return t.around.String() + "." + t.step
}

// decoder reads values of JSON into Go's types as the API server does. Unlike the decoder there it tells all that does not fit,
// and where, and unlike that of apimachinery it is quick when a type is met for the first time, as each is in a short program.
type decoder struct {
	misfits []misfit
	// unknown has fields told that a type does not have.
	unknown bool
	failed  bool
}

// view reads a part of an object into a value. It reports whether all fits.
func view(content map[string]any, into any) bool {
	d := decoder{}
	d.read(content, reflect.ValueOf(into).Elem(), nil)
	return !d.failed
}

func (d *decoder) wrong(where *trail, format string, values ...any) {
	d.failed = true
	d.misfits = append(d.misfits, misfit{field: where.String(), message: fmt.Sprintf(format, values...)})
}

func (d *decoder) wanted(where *trail, value any, what string) {
	d.wrong(where, "is a %s, and %s is wanted", typeName(value), what)
}

func (d *decoder) read(value any, into reflect.Value, where *trail) {
	if value == nil {
		return
	}
	t := into.Type()
	if t.Kind() == reflect.Pointer {
		if into.IsNil() {
			into.Set(reflect.New(t.Elem()))
		}
		d.read(value, into.Elem(), where)
		return
	}
	plan := planOf(t)
	if plan.custom {
		d.readCustom(value, into, where)
		return
	}
	switch t.Kind() {
	case reflect.String:
		if text, ok := value.(string); ok {
			into.SetString(text)
		} else {
			d.wanted(where, value, "a string")
		}
	case reflect.Bool:
		if is, ok := value.(bool); ok {
			into.SetBool(is)
		} else {
			d.wanted(where, value, "true or false")
		}
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64, reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		d.readWhole(value, into, where)
	case reflect.Float32, reflect.Float64:
		switch number := value.(type) {
		case int64:
			into.SetFloat(float64(number))
		case float64:
			into.SetFloat(number)
		default:
			d.wanted(where, value, "a number")
		}
	case reflect.Slice:
		d.readSlice(value, into, where)
	case reflect.Map, reflect.Struct:
		entries, ok := value.(map[string]any)
		switch {
		case !ok:
			d.wanted(where, value, "a map")
		case t.Kind() == reflect.Map:
			d.readMap(entries, into, where)
		default:
			for name, entry := range entries {
				index, ok := plan.fields[name]
				if ok {
					d.read(entry, into.FieldByIndex(index), &trail{around: where, step: name})
				} else if d.unknown {
					d.misfits = append(d.misfits, misfit{field: (&trail{around: where, step: name}).String(), unknown: true})
				}
			}
		}
	case reflect.Interface:
		into.Set(reflect.ValueOf(value))
	}
}

func (d *decoder) readWhole(value any, into reflect.Value, where *trail) {
	whole, ok := value.(int64)
	if number, isFloat := value.(float64); isFloat {
		if whole, ok = int64(number), float64(int64(number)) == number; !ok {
			d.wrong(where, "%v is no whole number", number)
			return
		}
	}
	switch {
	case !ok:
		d.wanted(where, value, "a whole number")
	case into.CanInt() && into.OverflowInt(whole), into.CanUint() && into.OverflowUint(uint64(whole)):
		d.wrong(where, "%d is too large a number", whole)
	case into.CanInt():
		into.SetInt(whole)
	case whole < 0:
		d.wrong(where, "%d is negative", whole)
	default:
		into.SetUint(uint64(whole))
	}
}

func (d *decoder) readSlice(value any, into reflect.Value, where *trail) {
	if into.Type().Elem().Kind() == reflect.Uint8 {
		text, ok := value.(string)
		if !ok {
			d.wanted(where, value, "a string in base64")
			return
		}
		content, err := base64.StdEncoding.DecodeString(text)
		if err != nil {
			d.wrong(where, "is not in base64")
			return
		}
		into.SetBytes(content)
		return
	}
	elements, ok := value.([]any)
	if !ok {
		d.wanted(where, value, "a list")
		return
	}
	into.Set(reflect.MakeSlice(into.Type(), len(elements), len(elements)))
	for i, element := range elements {
		d.read(element, into.Index(i), &trail{around: where, index: i})
	}
}

func (d *decoder) readMap(entries map[string]any, into reflect.Value, where *trail) {
	t := into.Type()
	into.Set(reflect.MakeMapWithSize(t, len(entries)))
	if texts, ok := into.Interface().(map[string]string); ok {
		for name, entry := range entries {
			if text, ok := entry.(string); ok || entry == nil {
				texts[name] = text
			} else {
				d.wanted(&trail{around: where, step: name, key: true}, entry, "a string")
			}
		}
		return
	}
	for name, entry := range entries {
		element := reflect.New(t.Elem()).Elem()
		d.read(entry, element, &trail{around: where, step: name, key: true})
		into.SetMapIndex(reflect.ValueOf(name).Convert(t.Key()), element)
	}
}

// readCustom reads a type that reads itself.
func (d *decoder) readCustom(value any, into reflect.Value, where *trail) {
	var err error
	switch of := into.Addr().Interface().(type) {
	case *intstr.IntOrString:
		switch value := value.(type) {
		case string:
			*of = intstr.FromString(value)
		case int64:
			if value != int64(int32(value)) {
				d.wrong(where, "%d is too large a number", value)
				return
			}
			*of = intstr.FromInt32(int32(value))
		default:
			d.wanted(where, value, "a whole number or a string")
		}
		return
	case *resource.Quantity:
		if text, ok := value.(string); ok {
			*of, err = resource.ParseQuantity(strings.TrimSpace(text))
		} else {
			err = unmarshal(value, of)
		}
		if err != nil {
			d.wrong(where, "%v is no quantity, such as 500m, 64Mi or 1G", value)
		}
		return
	case *metav1.Time, *metav1.MicroTime:
		if unmarshal(value, of) != nil {
			d.wrong(where, "%v is no time, such as 2030-01-31T12:00:00Z", value)
		}
		return
	}
	if err := unmarshal(value, into.Addr().Interface()); err != nil {
		d.wrong(where, "does not fit: %s", strings.TrimPrefix(err.Error(), "json: "))
	}
}

func unmarshal(value, into any) error {
	text, err := json.Marshal(value)
	if err != nil {
		return err
	}
	return json.Unmarshal(text, into)
}

// typePlan is what is known of a type.
type typePlan struct {
	// custom says that it reads itself.
	custom bool
	// fields are the places of a struct's fields, by their names in JSON.
	fields map[string][]int
}

var typePlans sync.Map

func planOf(t reflect.Type) *typePlan {
	if known, ok := typePlans.Load(t); ok {
		return known.(*typePlan)
	}
	plan := &typePlan{custom: reflect.PointerTo(t).Implements(reflect.TypeFor[json.Unmarshaler]())}
	if t.Kind() == reflect.Struct && !plan.custom {
		plan.fields = map[string][]int{}
		for i := range t.NumField() {
			field := t.Field(i)
			name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
			switch {
			case name == "-" || !field.IsExported():
			case field.Anonymous && name == "":
				for name, index := range planOf(field.Type).fields {
					plan.fields[name] = append([]int{i}, index...)
				}
			default:
				plan.fields[cmp.Or(name, field.Name)] = []int{i}
			}
		}
	}
	typePlans.Store(t, plan)
	return plan
}
