package fill

import (
	"reflect"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// hook makes a function that stands for a user's: none, one that does nothing, one that adds an annotation, and, of a
// wild Filler, one that edits what it is given at random or panics.
func (f *Filler) hook(of reflect.Type) reflect.Value {
	edit := func([]reflect.Value) {}
	switch {
	case f.wild():
		if f.Chance(0.5) {
			edit = func([]reflect.Value) {
				f.Panicked = true
				panic("the hook panics")
			}
		} else {
			edit = func(arguments []reflect.Value) {
				f.Edited = true
				f.scramble(arguments)
			}
		}
	case f.Chance(0.7):
		return reflect.Zero(of)
	case f.Chance(0.7):
		edit = annotate
	}
	return reflect.MakeFunc(of, func(arguments []reflect.Value) []reflect.Value {
		edit(arguments)
		results := make([]reflect.Value, of.NumOut())
		for i := range results {
			results[i] = reflect.Zero(of.Out(i))
		}
		return results
	})
}

func annotate(arguments []reflect.Value) {
	for _, argument := range arguments {
		if object, ok := argument.Interface().(metav1.Object); ok {
			annotations := map[string]string{"example.com/patched": "true"}
			for key, value := range object.GetAnnotations() {
				annotations[key] = value
			}
			object.SetAnnotations(annotations)
		}
	}
}

// scramble gives some fields of what the arguments point to, however deep, other values.
func (f *Filler) scramble(arguments []reflect.Value) {
	for _, argument := range arguments {
		switch argument.Kind() {
		case reflect.Pointer:
			f.scrambleOne(argument.Elem())
		case reflect.Map:
			if argument.Len() > 0 && f.Chance(0.5) {
				keys := argument.MapKeys()
				argument.SetMapIndex(keys[f.Rand.IntN(len(keys))], reflect.Value{})
			} else if argument.Type().Elem().Kind() == reflect.Interface {
				argument.SetMapIndex(reflect.ValueOf(f.wildText()).Convert(argument.Type().Key()),
					reflect.ValueOf(f.wildText()))
			}
		}
	}
}

// scrambleOne walks down to a random value and replaces it.
func (f *Filler) scrambleOne(v reflect.Value) {
	for v.CanSet() {
		if f.Chance(0.15) {
			v.SetZero()
			return
		}
		switch v.Kind() {
		case reflect.Struct:
			var fields []reflect.Value
			for i := range v.NumField() {
				if v.Type().Field(i).IsExported() && v.Type().Field(i).Name != "TypeMeta" {
					fields = append(fields, v.Field(i))
				}
			}
			if len(fields) == 0 {
				return
			}
			v = fields[f.Rand.IntN(len(fields))]
		case reflect.Pointer:
			if v.IsNil() {
				v.Set(reflect.New(v.Type().Elem()))
				return
			}
			v = v.Elem()
		case reflect.Slice:
			if v.Len() == 0 || f.Chance(0.2) {
				v.Set(reflect.Append(v, reflect.Zero(v.Type().Elem())))
				return
			}
			v = v.Index(f.Rand.IntN(v.Len()))
		case reflect.Map:
			if v.Type().Key().Kind() == reflect.String && v.Type().Elem().Kind() == reflect.String {
				if v.IsNil() {
					v.Set(reflect.MakeMap(v.Type()))
				}
				v.SetMapIndex(reflect.ValueOf(f.wildText()).Convert(v.Type().Key()),
					reflect.ValueOf(f.wildText()).Convert(v.Type().Elem()))
			}
			return
		case reflect.String:
			v.SetString(f.wildText())
			return
		case reflect.Int, reflect.Int32, reflect.Int64:
			v.SetInt(int64(Pick(f, -1, 0, 1, 70000)))
			return
		case reflect.Bool:
			v.SetBool(!v.Bool())
			return
		default:
			return
		}
	}
}
