package fuzz

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"strings"

	"github.com/aws/constructs-go/constructs/v10"
	"github.com/cdk8s-team/cdk8s-core-go/cdk8s/v2"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"

	"github.com/crossoverJie/k8s-combat/imports/tree"
	"github.com/crossoverJie/k8s-combat/imports/tree/native"
	"github.com/crossoverJie/k8s-combat/infra/internal/fuzz/fill"
)

// world is a random app: what was made in it, and where more can be made.
type world struct {
	*fill.Filler
	app    cdk8s.App
	scopes []constructs.Construct
	// made are constructs, and what their methods return, by their types.
	made map[reflect.Type][]reflect.Value
	// props are those that a construct was made with, and given their texts before that.
	props map[any]any
	given map[any]string
	// names are how constructs are called in a dump.
	names map[uintptr]string
	// used are the names of the constructors, in the order of their calls.
	used []string
	log  strings.Builder
	// scope is where everything is made for now, nil for anywhere.
	scope constructs.Construct
	// nesting is how many constructors wait for what they refer to.
	nesting int
}

func newWorld(seed, number uint64) *world {
	random := rand.New(rand.NewPCG(seed, number))
	wildness := [...]float64{0, 0.003, 0.01, 0.02, 0.05, 0.15, 0.4}[random.IntN(7)]
	w := &world{
		Filler: fill.New(source, random, wildness), app: native.NewApp(nil),
		made: map[reflect.Type][]reflect.Value{}, props: map[any]any{}, given: map[any]string{},
		names: map[uintptr]string{},
	}
	for i := range 1 + random.IntN(2) {
		namespace := fill.Pick(w.Filler, "", "", "shop", "other")
		chart := tree.NewChart(w.app, fmt.Sprintf("chart-%d", i), tree.ChartProps{Namespace: namespace})
		fmt.Fprintf(&w.log, "chart-%d: Namespace %q\n", i, namespace)
		w.scopes = append(w.scopes, chart)
		if w.Chance(0.2) {
			w.scopes = append(w.scopes, tree.NewConstruct(chart, "group"))
		}
	}
	w.addMakers()
	w.addShapes()
	return w
}

// populate makes one to four constructs, and what they refer to.
func (w *world) populate() {
	for range 1 + w.Rand.IntN(4) {
		w.make(constructors[w.Rand.IntN(len(constructors))])
	}
}

func (w *world) make(c constructor) reflect.Value {
	w.used = append(w.used, c.name)
	w.nesting++
	product := c.make(w)
	w.nesting--
	w.remember(product)
	return product
}

// remember keeps a construct, and what its methods return: other constructs and references to it.
func (w *world) remember(product reflect.Value) {
	w.made[product.Type()] = append(w.made[product.Type()], product)
	for i := range product.NumMethod() {
		method := product.Type().Method(i)
		if _, inherited := reflect.TypeFor[constructs.Construct]().MethodByName(method.Name); inherited {
			continue
		}
		arguments := []reflect.Value{}
		for j := 1; j < method.Type.NumIn(); j++ {
			argument := reflect.New(method.Type.In(j)).Elem()
			w.FillValue(argument, fill.Place{Owner: product.Type().Elem().Name(), Field: method.Name, Required: true})
			arguments = append(arguments, argument)
		}
		fmt.Fprintf(&w.log, "%s.%s(%s)\n", w.names[product.Pointer()], method.Name, w.dump(arguments...))
		for _, result := range product.Method(i).Call(arguments) {
			if result.Kind() == reflect.Pointer && !result.IsNil() || result.Kind() == reflect.Struct {
				w.made[result.Type()] = append(w.made[result.Type()], result)
			}
			if result.Kind() == reflect.Pointer && !result.IsNil() && w.names[result.Pointer()] == "" {
				w.names[result.Pointer()] = w.names[product.Pointer()] + "." + method.Name + "()"
			}
		}
	}
}

// neighbour is a construct of a type, made before or for the occasion, or none.
func (w *world) neighbour(of reflect.Type, place fill.Place) reflect.Value {
	none := reflect.Zero(of)
	if w.Wild() || !place.Required && w.Chance(0.5) {
		return none
	}
	if made := w.made[of]; len(made) > 0 && w.Chance(0.7) {
		return made[w.Rand.IntN(len(made))]
	}
	const deepest = 4
	if w.nesting > deepest {
		return none
	}
	for _, c := range constructors {
		if c.product == of {
			return w.make(c)
		}
	}
	return none
}

func neighbour[T any](w *world, required bool) T {
	value, _ := w.neighbour(reflect.TypeFor[T](), fill.Place{Required: required}).Interface().(T)
	return value
}

// fresh is a construct of a type, made for the occasion with props that are changed before.
func fresh[P, C any](w *world, change func(*P)) C {
	for _, c := range constructors {
		if c.product == reflect.TypeFor[C]() {
			w.used = append(w.used, c.name)
			w.nesting++
			product := c.makeWith(w, func(props any) { change(props.(*P)) })
			w.nesting--
			w.remember(product)
			return product.Interface().(C)
		}
	}
	panic(fmt.Sprintf("no constructor makes a %s", reflect.TypeFor[C]()))
}

func (w *world) dump(values ...reflect.Value) string {
	var texts []string
	for _, v := range values {
		texts = append(texts, fill.Dump(v.Interface(), w.nameOf))
	}
	return strings.Join(texts, ", ")
}

// nameOf is what a construct is called in a dump.
func (w *world) nameOf(pointer reflect.Value) (string, bool) {
	if name, ok := w.names[pointer.Pointer()]; ok {
		return name, true
	}
	return "<" + pointer.Type().String() + ">", pointer.Type().Implements(reflect.TypeFor[constructs.IConstruct]())
}

// constructor is one of the exported constructors.
type constructor struct {
	// name is that of the function, with its import path.
	name    string
	product reflect.Type
	// makeWith makes one with random props, which change may look at before.
	makeWith func(w *world, change func(props any)) reflect.Value
}

func (c constructor) make(w *world) reflect.Value { return c.makeWith(w, func(any) {}) }

// constructing is an entry of the table.
func constructing[P any, C constructs.Construct](build func(constructs.Construct, string, P) C) constructor {
	return constructor{
		name:    functionName(build),
		product: reflect.TypeFor[C](),
		makeWith: func(w *world, change func(any)) reflect.Value {
			// What something is made for is mostly where that is.
			scope, outer := w.scope, w.scope
			if scope == nil || w.Chance(0.05) {
				scope = w.scopes[w.Rand.IntN(len(w.scopes))]
			}
			w.scope = scope
			defer func() { w.scope = outer }()
			var props P
			w.Fill(&props)
			change(&props)
			id := fmt.Sprintf("c%d", len(w.names))
			if w.Wild() {
				id = w.Text(fill.Place{}) + id
			}
			given := fill.Dump(props, w.nameOf)
			fmt.Fprintf(&w.log, "%s(%s, %q, %s)\n", shortName(functionName(build)), *scope.Node().Path(), id, given)
			product := build(scope, id, props)
			w.names[reflect.ValueOf(product).Pointer()] = id
			w.props[product], w.given[product] = props, given
			return reflect.ValueOf(product)
		},
	}
}

// changed are the props that somebody has written to after they were given away, as they were and
// as they are.
func (w *world) changed() (before, after string) {
	for product, given := range w.given {
		if now := fill.Dump(w.props[product], w.nameOf); now != given {
			return given, now
		}
	}
	return "", ""
}

// attachable is a Deployment for whatever takes one apart.
func (w *world) attachable() *appsv1.Deployment {
	deployment := &appsv1.Deployment{}
	deployment.Name = "web"
	if !w.Wild() {
		deployment.Spec.Template.Spec.Containers = []corev1.Container{{Name: "web", Image: "example.com/web:1"}}
	}
	return deployment
}
