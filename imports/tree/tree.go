package tree

import (
	"fmt"
	"reflect"

	"github.com/aws/constructs-go/constructs/v10"
	"github.com/cdk8s-team/cdk8s-core-go/cdk8s/v2"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/crossoverJie/k8s-combat/imports/tree/manifest"
)

// Scope is implemented by the nodes of a tree that is not the official one. It is how this package asks such a tree for
// children, and of use to the authors of trees alone. Its methods panic where the constructs library throws: for an
// empty id, an id that is taken, a locked node.
type Scope interface {
	constructs.Node

	// AddConstruct adds self as a child and returns the construct that self is to embed.
	AddConstruct(self constructs.Construct, id string) constructs.Construct
	// AddChart adds a chart as a child.
	AddChart(id string, props ChartProps) cdk8s.Chart
	// AddObject adds a Kubernetes object as a child. The object is a tree of JSON values with apiVersion and kind, as
	// package manifest makes it; the callee owns it. One that is clusterScoped does not get the chart's namespace.
	AddObject(id string, object manifest.Object, clusterScoped bool) cdk8s.ApiObject
	// Adopt makes the node that of outer, which embeds the App, Chart or ApiObject that the node is of: a user's type. The
	// tree hands out outer from then on, and calls the methods that it overrides. It does nothing for any other construct.
	Adopt(outer constructs.IConstruct)
	// KeepOrder makes the tree that the node is of write the objects of each chart in the order of cdk8s.
	KeepOrder()
}

// ChartProps are the options of NewChart; they mean what those of cdk8s.ChartProps mean.
type ChartProps struct {
	// Namespace is put on every object of the chart that names none. Defaults to no namespace.
	Namespace string
	// Labels are put on every object of the chart. Defaults to none.
	Labels map[string]string
	// DisableResourceNameHashes leaves the hash out of generated object names. Defaults to false.
	DisableResourceNameHashes bool
	// GenerateObjectName names the objects of the chart that have no name of their own, in place of the method of that
	// name of cdk8s.Chart. It is called while the object is made, with an object that has no name yet, and must not
	// panic. Defaults to a name made of the object's path.
	GenerateObjectName func(object cdk8s.ApiObject) string
}

// New makes self a construct, the child of scope with the given id. self is a pointer to a struct that embeds
// constructs.Construct; New sets that field.
//
// An empty id, or one that scope has given away already, does not panic: self gets another id and is Invalid, so that
// synth reports the mistake together with all others. A scope that is nil, or that New was forgotten for, panics with a
// sentence that says so: there is no tree yet that could report it.
func New(self, scope constructs.Construct, id string) {
	embedded := embeddedField(self, reflect.TypeFor[constructs.Construct](), "a construct")
	problem := place(scope, id, func(id string) {
		if native, ok := nativeScope(scope); ok {
			embedded.Set(reflect.ValueOf(native.AddConstruct(self, id)))
			return
		}
		official.newConstruct(self, scope, id)
	})
	Invalid(self, problem...)
}

// NewConstruct makes a construct that only holds others, as constructs.NewConstruct does, on either tree.
func NewConstruct(scope constructs.Construct, id string) constructs.Construct {
	c := &plainConstruct{}
	New(c, scope, id)
	return c
}

type plainConstruct struct{ constructs.Construct }

// Plain is there since jsii wants a method.
func (*plainConstruct) Plain() {}

// NewChart makes a chart in the tree of scope. Like New, it reports a bad id at synth.
func NewChart(scope constructs.Construct, id string, props ChartProps) cdk8s.Chart {
	var chart cdk8s.Chart
	problem := place(scope, id, func(id string) {
		if native, ok := nativeScope(scope); ok {
			chart = native.AddChart(id, props)
			return
		}
		chart = official.newChart(scope, id, props)
	})
	Invalid(chart, append(problem, props.validate()...)...)
	return chart
}

// InitChart makes self a chart, as NewChart does, where a chart has a type of its own: self is a pointer to a struct that
// embeds cdk8s.Chart, and InitChart sets that field. The tree hands out self, and what it declares in place of the methods
// GenerateObjectName and ToJson is called for each object without a name, and at synth:
//
//	type Shop struct{ cdk8s.Chart }
//
//	func NewShop(scope constructs.Construct, id string) *Shop {
//		shop := &Shop{}
//		tree.InitChart(shop, scope, id, tree.ChartProps{})
//		return shop
//	}
//
//	func (s *Shop) GenerateObjectName(object cdk8s.ApiObject) *string { return object.Node().Id() }
//
// The official tree wants at least one method on the pointer. On the native one, a struct around what NewChart has made
// becomes the chart too, once it is the scope of something; on the official one it cannot be a scope.
func InitChart(self cdk8s.Chart, scope constructs.Construct, id string, props ChartProps) {
	embedded := embeddedField(self, reflect.TypeFor[cdk8s.Chart](), "a chart")
	problems := props.validate()
	if props.GenerateObjectName != nil {
		problems = append(problems, Problem{Field: "GenerateObjectName", Detail: "is not for a chart with a type of its own", Fix: "declare the method"})
		props.GenerateObjectName = nil
	}
	problem := place(scope, id, func(id string) {
		if native, ok := nativeScope(scope); ok {
			chart := native.AddChart(id, props)
			embedded.Set(reflect.ValueOf(chart))
			chart.Node().(Scope).Adopt(self)
			return
		}
		official.initChart(self, scope, id, props)
	})
	Invalid(self, append(problem, problems...)...)
}

func (p ChartProps) validate() []Problem {
	errs := validation.IsDNS1123Label(p.Namespace)
	if p.Namespace == "" || len(errs) == 0 {
		return nil
	}
	return []Problem{{Field: "Namespace", Value: p.Namespace, Detail: "is not an RFC 1123 label",
		Fix: "use 1 to 63 lower-case letters, digits or '-', beginning and ending with a letter or digit"}}
}

// NewObject makes a Kubernetes object in the tree of scope: on the official tree a real cdk8s.ApiObject, found by
// FindAll, patchable, with the chart's labels and namespace. object is a value of an API type or a pointer to one, or a
// map; package manifest says what of it is written. It is encoded at once, so the caller may go on to change it.
//
// apiVersion and kind come from gvk. An object that says otherwise, that is nil, or that cannot be encoded makes the
// result Invalid, as a bad id does.
func NewObject(scope constructs.Construct, id string, gvk schema.GroupVersionKind, object any) cdk8s.ApiObject {
	return newObject(scope, id, gvk, object, false)
}

// NewClusterObject is NewObject for a kind that belongs to no namespace, such as Namespace or ClusterRole: the chart's
// namespace is not written into it.
func NewClusterObject(scope constructs.Construct, id string, gvk schema.GroupVersionKind, object any) cdk8s.ApiObject {
	return newObject(scope, id, gvk, object, true)
}

// InitObject makes self a Kubernetes object, as NewObject does, where an object has a type of its own: self is a pointer
// to a struct that embeds cdk8s.ApiObject, and InitObject sets that field. The tree hands out self, and calls its ToJson at
// synth, where it declares one. What that returns is written with keys in the order of encoding/json, on either tree.
//
// The official tree wants at least one method on the pointer.
func InitObject(self cdk8s.ApiObject, scope constructs.Construct, id string, gvk schema.GroupVersionKind, object any) {
	initObject(self, scope, id, gvk, object, false)
}

// InitClusterObject is InitObject for a kind that belongs to no namespace.
func InitClusterObject(self cdk8s.ApiObject, scope constructs.Construct, id string, gvk schema.GroupVersionKind, object any) {
	initObject(self, scope, id, gvk, object, true)
}

func initObject(self cdk8s.ApiObject, scope constructs.Construct, id string, gvk schema.GroupVersionKind, object any, clusterScoped bool) {
	embedded := embeddedField(self, reflect.TypeFor[cdk8s.ApiObject](), "an object")
	content, problems := encode(gvk, object)
	problem := place(scope, id, func(id string) {
		if native, ok := nativeScope(scope); ok {
			made := native.AddObject(id, content, clusterScoped)
			embedded.Set(reflect.ValueOf(made))
			made.Node().(Scope).Adopt(self)
			return
		}
		official.initObject(self, scope, id, content, clusterScoped)
	})
	Invalid(self, append(problem, problems...)...)
	warnOfSize(self, content)
}

func newObject(scope constructs.Construct, id string, gvk schema.GroupVersionKind, object any, clusterScoped bool) cdk8s.ApiObject {
	content, problems := encode(gvk, object)
	var result cdk8s.ApiObject
	problem := place(scope, id, func(id string) {
		if native, ok := nativeScope(scope); ok {
			result = native.AddObject(id, content, clusterScoped)
			return
		}
		result = official.newObject(scope, id, content, clusterScoped)
	})
	Invalid(result, append(problem, problems...)...)
	warnOfSize(result, content)
	return result
}

// Invalid makes synth fail with these problems, each under the construct's path. Without problems it does nothing, so
// a construct that is in order costs no call into its tree.
func Invalid(construct constructs.Construct, problems ...Problem) {
	if len(problems) > 0 {
		Validate(construct, func() []Problem { return problems })
	}
}

// Validate makes synth ask check, and fail with the problems that it returns, each under the construct's path. It is
// for what cannot be known before all constructs are there; on the official tree it costs two calls. A check that
// panics is a problem too.
func Validate(construct constructs.Construct, check func() []Problem) {
	if check == nil {
		check = func() []Problem { return []Problem{{Field: "check", Detail: "is nil", Fix: "pass a function"}} }
	}
	NodeOf(construct).AddValidation(&lateCheck{construct, check})
}

// lateCheck is a constructs.IValidation.
type lateCheck struct {
	construct constructs.Construct
	check     func() []Problem
}

// Validate is how the official tree asks.
func (v *lateCheck) Validate() *[]*string {
	problems := v.Problems()
	if !isNative(v.construct) {
		official.report(v.construct, problems)
	}
	return new(messages(problems))
}

// Problems is how a tree asks that need not write them down as text. It lets no panic through, which on its way back
// from Node.js would end the program.
func (v *lateCheck) Problems() (problems []Problem) {
	defer func() {
		if cause := recover(); cause != nil {
			problems = append(problems, Problem{Detail: fmt.Sprintf("the check of this construct failed: %v", cause)})
		}
	}()
	return v.check()
}

func encode(gvk schema.GroupVersionKind, object any) (manifest.Object, []Problem) {
	var problems []Problem
	content, err := manifest.Encode(object)
	switch {
	case err != nil:
		problems = append(problems, Problem{Field: gvk.Kind, Detail: "cannot be written as YAML: " + Printable(err.Error(), 2<<10), Cause: err})
	case content == nil:
		problems = append(problems, Problem{Field: gvk.Kind, Detail: "the object is nil", Fix: "pass one, an empty one if need be"})
	}
	problems = append(problems, unwritable("", content)...)
	apiVersion, kind := gvk.ToAPIVersionAndKind()
	for _, f := range []struct{ key, want string }{{"apiVersion", apiVersion}, {"kind", kind}} {
		if got := content.Get(f.key); got != nil && got != any(f.want) {
			problems = append(problems, Problem{Field: f.key, Value: got, Detail: "is not what this constructor makes", Fix: fmt.Sprintf("leave it out, or write %q", f.want)})
		}
		content = content.Set(f.key, f.want)
	}
	metadata, wrong := checkMetadata(content.Get("metadata"))
	if len(wrong) > 0 {
		content = content.Set("metadata", metadata)
	}
	return content, append(problems, wrong...)
}

// checkMetadata returns what is wrong with the metadata of an object, which a map may hold anything as, and the metadata
// without that.
func checkMetadata(metadata any) (manifest.Object, []Problem) {
	if metadata == nil {
		return nil, nil
	}
	fields, ok := metadata.(manifest.Object)
	if !ok {
		return manifest.Object{}, []Problem{{Field: "metadata", Value: scalar(metadata), Detail: "is not a map", Fix: "write one"}}
	}
	const (
		text  = "is not text"
		quote = "put it in quotes"
	)
	var problems []Problem
	kept := fields[:0:0]
	for _, field := range fields {
		place := "metadata." + field.Key
		var wrong []Problem
		switch field.Key {
		case "name", "namespace":
			if _, ok := field.Value.(string); !ok {
				wrong = append(wrong, Problem{Field: place, Value: scalar(field.Value), Detail: text, Fix: quote})
			}
		case "labels", "annotations":
			entries, ok := field.Value.(manifest.Object)
			if !ok {
				wrong = append(wrong, Problem{Field: place, Value: scalar(field.Value), Detail: "is not a map", Fix: "write one"})
			}
			for _, entry := range entries {
				if _, ok := entry.Value.(string); !ok {
					wrong = append(wrong, Problem{Field: place + "[" + entry.Key + "]", Value: scalar(entry.Value), Detail: text, Fix: quote})
				}
			}
		case "finalizers", "ownerReferences":
			if _, ok := field.Value.([]any); !ok {
				wrong = append(wrong, Problem{Field: place, Value: scalar(field.Value), Detail: "is not a list", Fix: "write one"})
			}
		}
		if len(wrong) == 0 {
			kept = append(kept, field)
		}
		problems = append(problems, wrong...)
	}
	return kept, problems
}

// scalar is a value as a problem shows it: what holds others is too much.
func scalar(value any) any {
	switch value.(type) {
	case manifest.Object, []any:
		return nil
	}
	return value
}

// place calls add with an id that scope accepts: the one asked for, or another and a message that says why.
func place(scope constructs.Construct, id string, add func(id string)) []Problem {
	if scope == nil {
		panic(fmt.Sprintf("construct %q needs a scope: an App, a Chart or another construct, not nil", id))
	}
	refused := try(id, add)
	if refused == nil {
		return nil
	}
	if missing := missingNode(scope); missing != "" {
		panic(fmt.Sprintf("construct %q needs a scope: %s", id, missing))
	}
	// Only now, with something wrong, is it worth asking the tree what it is.
	node := scope.Node()
	where := *node.Path()
	if where == "" {
		where = "the app"
	}
	problem := Problem{Field: "id", Value: id, Detail: "is not allowed below " + where, Fix: "give each construct an id that its siblings do not have"}
	if id != "" {
		if node.TryFindChild(&id) == nil {
			panic(refused)
		}
		problem.Detail = "is taken below " + where
	} else {
		id = "unnamed"
	}
	for n := 2; ; n++ {
		free := fmt.Sprintf("%s-%d", id, n)
		if node.TryFindChild(&free) == nil {
			add(free)
			return []Problem{problem}
		}
	}
}

// try calls add and returns what it panicked with.
func try(id string, add func(id string)) (refused any) {
	defer func() { refused = recover() }()
	add(id)
	return nil
}

// NodeOf returns the node of a construct. One that is nil, or that was not made a construct, panics with a sentence that says
// so. It is of use to the authors of trees alone.
func NodeOf(construct constructs.IConstruct) constructs.Node {
	defer func() {
		if cause := recover(); cause != nil {
			if missing := missingNode(construct); missing != "" {
				panic(fmt.Errorf("a construct is needed: %s", missing))
			}
			panic(cause)
		}
	}()
	return construct.Node()
}

// missingNode says why a construct has no node, or nothing if that is not to be seen.
func missingNode(construct constructs.IConstruct) string {
	if construct == nil {
		return "nil was given"
	}
	v := reflect.ValueOf(construct)
	if v.Kind() == reflect.Pointer && v.IsNil() {
		return fmt.Sprintf("the %T that was given is nil", construct)
	}
	return emptyField(reflect.Indirect(v))
}

// makers are what fills the fields that make a struct a construct.
var makers = map[reflect.Type]string{
	reflect.TypeFor[constructs.Construct](): "tree.New", reflect.TypeFor[cdk8s.Chart](): "tree.InitChart or tree.NewChart",
	reflect.TypeFor[cdk8s.ApiObject](): "tree.InitObject or tree.NewObject", reflect.TypeFor[cdk8s.App](): "native.NewApp or cdk8s.NewApp",
}

// emptyField says which embedded field of a struct, or of one that it embeds, is nil.
func emptyField(structure reflect.Value) string {
	if structure.Kind() != reflect.Struct {
		return ""
	}
	for i := range structure.NumField() {
		field := structure.Type().Field(i)
		if !field.Anonymous {
			continue
		}
		value := structure.Field(i)
		switch value.Kind() {
		case reflect.Interface, reflect.Pointer:
			if maker, ok := makers[field.Type]; ok && value.IsNil() {
				return fmt.Sprintf("the embedded %s of %s is nil; its constructor has to fill it with %s, before it is used", field.Type, structure.Type(), maker)
			}
			if value.IsNil() && field.Type.Implements(reflect.TypeFor[constructs.IConstruct]()) {
				return fmt.Sprintf("the embedded %s of %s is nil", field.Type, structure.Type())
			}
			if value.Kind() == reflect.Interface && value.Elem().Kind() == reflect.Pointer && value.Elem().IsNil() {
				return fmt.Sprintf("the %s in the embedded %s of %s is nil", value.Elem().Type(), field.Type, structure.Type())
			}
			for value.Kind() == reflect.Interface || value.Kind() == reflect.Pointer {
				value = value.Elem()
			}
		}
		if missing := emptyField(value); missing != "" {
			return missing
		}
	}
	return ""
}

func nativeScope(scope constructs.IConstruct) (Scope, bool) {
	if scope != nil && official.knows(scope) {
		return nil, false
	}
	if native, ok := NodeOf(scope).(Scope); ok {
		native.Adopt(scope)
		return native, true
	}
	loadModule()
	official.remember(scope)
	return nil, false
}

// embeddedField returns the embedded field of an interface type of the struct that self points to.
func embeddedField(self constructs.IConstruct, embedded reflect.Type, what string) reflect.Value {
	value := reflect.ValueOf(self)
	if value.Kind() == reflect.Pointer && value.IsNil() {
		panic(fmt.Sprintf("the %T that is to be %s is nil", self, what))
	}
	if value.Kind() == reflect.Pointer && value.Elem().Kind() == reflect.Struct {
		structure := value.Elem()
		for i := range structure.NumField() {
			if field := structure.Type().Field(i); field.Anonymous && field.Type == embedded {
				return structure.Field(i)
			}
		}
	}
	panic(fmt.Sprintf("%T cannot be %s: it must be a pointer to a struct that embeds %s", self, what, embedded))
}
