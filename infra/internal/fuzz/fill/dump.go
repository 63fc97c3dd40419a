package fill

import (
	"cmp"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Dump writes a value much as a Go literal, without what is zero. name is asked for each pointer: where it knows what it
// points to, by a name of its own, that is written.
func Dump(value any, name func(pointer reflect.Value) (string, bool)) string {
	var text strings.Builder
	d := dumper{&text, name}
	d.write(reflect.ValueOf(value), 0)
	return text.String()
}

type dumper struct {
	text *strings.Builder
	name func(reflect.Value) (string, bool)
}

const longest = 300

func (d dumper) write(v reflect.Value, depth int) {
	if !v.IsValid() || depth > deepest {
		d.text.WriteString("nil")
		return
	}
	if v.Kind() == reflect.Pointer && !v.IsNil() {
		if name, ok := d.name(v); ok {
			d.text.WriteString(name)
			return
		}
	}
	switch v.Kind() {
	case reflect.String:
		quoted := strconv.Quote(v.String())
		if len(quoted) > longest {
			quoted = fmt.Sprintf("%s...\"/* %d bytes */", quoted[:longest], v.Len())
		}
		d.text.WriteString(quoted)
	case reflect.Bool:
		d.text.WriteString(strconv.FormatBool(v.Bool()))
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		if v.Type() == reflect.TypeFor[time.Duration]() {
			fmt.Fprintf(d.text, "%d /* %s */", v.Int(), time.Duration(v.Int()))
		} else {
			d.text.WriteString(strconv.FormatInt(v.Int(), 10))
		}
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		d.text.WriteString(strconv.FormatUint(v.Uint(), 10))
	case reflect.Float32, reflect.Float64:
		fmt.Fprint(d.text, v.Float())
	case reflect.Func:
		if v.IsNil() {
			d.text.WriteString("nil")
		} else {
			d.text.WriteString("func")
		}
	case reflect.Pointer, reflect.Interface:
		if v.IsNil() {
			fmt.Fprintf(d.text, "(%s)(nil)", v.Type())
			return
		}
		if v.Kind() == reflect.Pointer {
			d.text.WriteString("&")
		}
		d.write(v.Elem(), depth+1)
	case reflect.Slice, reflect.Array:
		d.list(v, depth)
	case reflect.Map:
		d.entries(v, depth)
	case reflect.Struct:
		d.fields(v, depth)
	default:
		fmt.Fprintf(d.text, "<%s>", v.Type())
	}
}

func (d dumper) list(v reflect.Value, depth int) {
	d.text.WriteString(v.Type().String() + "{")
	for i := range v.Len() {
		if i > 0 {
			d.text.WriteString(", ")
		}
		d.write(v.Index(i), depth+1)
	}
	d.text.WriteString("}")
}

func (d dumper) entries(v reflect.Value, depth int) {
	d.text.WriteString(v.Type().String() + "{")
	keys := v.MapKeys()
	slices.SortFunc(keys, func(a, b reflect.Value) int { return cmp.Compare(fmt.Sprint(a), fmt.Sprint(b)) })
	for i, key := range keys {
		if i > 0 {
			d.text.WriteString(", ")
		}
		d.write(key, depth+1)
		d.text.WriteString(": ")
		d.write(v.MapIndex(key), depth+1)
	}
	d.text.WriteString("}")
}

func (d dumper) fields(v reflect.Value, depth int) {
	d.text.WriteString(v.Type().String() + "{")
	first := true
	for i := range v.NumField() {
		if v.Field(i).IsZero() {
			continue
		}
		if !first {
			d.text.WriteString(", ")
		}
		first = false
		d.text.WriteString(v.Type().Field(i).Name + ": ")
		d.write(v.Field(i), depth+1)
	}
	d.text.WriteString("}")
}
