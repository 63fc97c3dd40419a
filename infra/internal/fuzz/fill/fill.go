package fill

import (
	"fmt"
	"math/rand/v2"
	"reflect"
)

// Filler fills values at random.
type Filler struct {
	// Rand is where all decisions come from.
	Rand *rand.Rand
	// Wildness is the share of values that are not what their field is for, 0 to 1.
	Wildness float64
	// Source knows the documentation and the constants of the filled types. Nil for none.
	Source *Source

	makers map[reflect.Type]func(Place) reflect.Value
	shapes map[reflect.Type]func(reflect.Value)
	// depth is how many structs deep the value is that is being filled.
	depth int

	// Edited says that a hook has changed an object in a way that its owner need not bear.
	Edited bool
	// Panicked says that a hook has panicked.
	Panicked bool
}

// Place is where a value stands: in a field of a struct.
type Place struct {
	// Owner is the name of the struct's type, Field the name of its field.
	Owner, Field string
	// Required says that the documentation of the field asks for a value.
	Required bool
}

// New makes a Filler.
func New(source *Source, random *rand.Rand, wildness float64) *Filler {
	return &Filler{
		Rand: random, Wildness: wildness, Source: source,
		makers: map[reflect.Type]func(Place) reflect.Value{}, shapes: map[reflect.Type]func(reflect.Value){},
	}
}

// Make lets values of a type be made by a function instead of field by field.
func Make[T any](f *Filler, maker func(Place) T) {
	f.makers[reflect.TypeFor[T]()] = func(place Place) reflect.Value {
		value := reflect.New(reflect.TypeFor[T]()).Elem()
		if made := reflect.ValueOf(maker(place)); made.IsValid() {
			value.Set(made)
		}
		return value
	}
}

// MakeType is Make for a type that is known by reflection alone.
func (f *Filler) MakeType(of reflect.Type, maker func(Place) reflect.Value) { f.makers[of] = maker }

// Shape lets a function bring the fields of a struct into agreement, once each has its own value. The wilder the Filler
// is, the less often it is called.
func Shape[T any](f *Filler, shape func(*T)) {
	f.shapes[reflect.TypeFor[T]()] = func(v reflect.Value) { shape(v.Addr().Interface().(*T)) }
}

// Chance reports whether something happens that does so with a probability.
func (f *Filler) Chance(probability float64) bool { return f.Rand.Float64() < probability }

// Pick chooses one of several values.
func Pick[T any](f *Filler, values ...T) T { return values[f.Rand.IntN(len(values))] }

func (f *Filler) wild() bool { return f.Chance(f.Wildness) }

// Fill fills what a pointer points to.
func (f *Filler) Fill(pointer any) {
	f.FillValue(reflect.ValueOf(pointer).Elem(), Place{Required: true})
}

// FillValue fills a value that can be set, as if it stood at a place.
func (f *Filler) FillValue(v reflect.Value, place Place) {
	depth := f.depth
	f.depth = 0
	f.fill(v, place)
	f.depth = depth
}

// Text makes a text for a place.
func (f *Filler) Text(place Place) string { return f.text(place) }

// Wild reports whether the next value is not what its field is for.
func (f *Filler) Wild() bool { return f.wild() }

// deepest is where filling stops: API types can hold themselves.
const deepest = 12

func (f *Filler) fill(v reflect.Value, place Place) {
	if maker, ok := f.makers[v.Type()]; ok {
		v.Set(maker(place))
		return
	}
	switch v.Kind() {
	case reflect.Struct:
		f.fillStruct(v)
	case reflect.Pointer:
		if f.depth < deepest && f.isSet(place) {
			v.Set(reflect.New(v.Type().Elem()))
			f.fill(v.Elem(), place)
		}
	case reflect.Slice:
		f.fillSlice(v, place)
	case reflect.Map:
		f.fillMap(v, place)
	case reflect.Func:
		v.Set(f.hook(v.Type()))
	case reflect.Interface:
		panic(fmt.Sprintf("fill: no maker for the interface %s of %s.%s", v.Type(), place.Owner, place.Field))
	default:
		f.scalar(v, place)
	}
}

// isSet reports whether a value is given where it may be left out.
func (f *Filler) isSet(place Place) bool {
	if f.wild() {
		return f.Chance(0.5)
	}
	if place.Required {
		return f.Chance(0.995)
	}
	return f.Chance(0.3)
}

func (f *Filler) fillStruct(v reflect.Value) {
	of := v.Type()
	exported := 0
	f.depth++
	for i := range of.NumField() {
		field := of.Field(i)
		if !field.IsExported() {
			continue
		}
		exported++
		place := Place{Owner: of.Name(), Field: field.Name, Required: f.Source.isRequired(of, field.Name)}
		embedded := field.Anonymous && field.Type.Kind() == reflect.Struct
		if f.depth < deepest && (embedded || f.isSet(place)) {
			f.fill(v.Field(i), place)
		}
	}
	f.depth--
	if exported == 0 && of.NumField() > 0 {
		panic(fmt.Sprintf("fill: no maker for %s, which has no exported field", of))
	}
	const unshaped = 0.05
	if shape, ok := f.shapes[of]; ok && !f.Chance(unshaped+3*f.Wildness) {
		shape(v)
	}
}

func (f *Filler) fillSlice(v reflect.Value, place Place) {
	if v.Type().Elem().Kind() == reflect.Uint8 {
		v.SetBytes([]byte(f.text(place)))
		return
	}
	n := f.size(place)
	v.Set(reflect.MakeSlice(v.Type(), n, n))
	for i := range n {
		f.fill(v.Index(i), Place{Owner: place.Owner, Field: place.Field, Required: true})
	}
}

// size is how many elements a list or a map has.
func (f *Filler) size(place Place) int {
	if f.wild() {
		return f.Rand.IntN(4)
	}
	if !place.Required && f.Chance(0.05) {
		return 0
	}
	return 1 + min(f.Rand.IntN(3), f.Rand.IntN(3))
}

func (f *Filler) fillMap(v reflect.Value, place Place) {
	v.Set(reflect.MakeMap(v.Type()))
	for range f.size(place) {
		key := reflect.New(v.Type().Key()).Elem()
		f.fill(key, Place{Owner: place.Owner, Field: place.Field + "[key]", Required: true})
		value := reflect.New(v.Type().Elem()).Elem()
		if value.Kind() != reflect.Interface {
			f.fill(value, Place{Owner: place.Owner, Field: place.Field, Required: true})
		}
		v.SetMapIndex(key, value)
	}
}
