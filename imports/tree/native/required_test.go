package native_test

import (
	"reflect"
	"runtime"
	"testing"

	"github.com/cdk8s-team/cdk8s-core-go/cdk8s/v2"
	"github.com/stretchr/testify/assert"

	"github.com/crossoverJie/k8s-combat/imports/tree/native"
)

// TestEveryMethodTellsWhatIsMissing calls all methods of all interfaces with nothing: each does its work, or panics with a
// sentence, and not because it came upon a nil.
func TestEveryMethodTellsWhatIsMissing(t *testing.T) {
	t.Parallel()
	outdir := t.TempDir()
	app := native.NewApp(&cdk8s.AppProps{Outdir: &outdir})
	chart := newChart(app, "c")
	object := newObject(chart, "o", nil)
	said := map[string]string{}
	for name, value := range map[string]reflect.Value{
		"App": reflect.ValueOf(&app), "Chart": reflect.ValueOf(&chart), "ApiObject": reflect.ValueOf(&object),
		"Metadata": reflect.ValueOf(new(object.Metadata())), "Node": reflect.ValueOf(new(newChart(app, "n").Node())),
		"Construct": reflect.ValueOf(&newGroup(chart, "g").Construct),
	} {
		value = value.Elem() // of the type of the interface
		for i := range value.NumMethod() {
			method := value.Type().Method(i)
			func() {
				defer func() {
					if cause := recover(); cause != nil {
						err, ok := cause.(error)
						assert.True(t, ok, "%s.%s panics with %v, not with an error", name, method.Name, cause)
						_, mistake := cause.(runtime.Error)
						assert.False(t, mistake, "%s.%s: %v", name, method.Name, cause)
						if ok {
							said[name+"."+method.Name] = err.Error()
						}
					}
				}()
				call(value.Method(i))
			}()
		}
	}
	missing := func(parameter string) string { return "parameter " + parameter + " is required, but nil was provided" }
	assert.Equal(t, map[string]string{
		"ApiObject.AddDependency":    "<nil> cannot be depended on in the native tree: pass the constructs, a group made with tree.NewDependencyGroup, or a value of your own with the method DependencyRoots() *[]constructs.IConstruct",
		"ApiObject.AddJsonPatch":     "<nil> is not an operation of RFC 6902: its op has to be add, remove, replace, copy, move or test",
		"ApiObject.With":             missing("mixins"),
		"App.With":                   missing("mixins"),
		"Chart.AddDependency":        "<nil> cannot be depended on in the native tree: pass the constructs, a group made with tree.NewDependencyGroup, or a value of your own with the method DependencyRoots() *[]constructs.IConstruct",
		"Chart.GenerateObjectName":   missing("apiObject"),
		"Chart.With":                 missing("mixins"),
		"Construct.With":             missing("mixins"),
		"Metadata.Add":               missing("key"),
		"Metadata.AddAnnotation":     missing("key"),
		"Metadata.AddFinalizers":     missing("finalizers"),
		"Metadata.AddLabel":          missing("key"),
		"Metadata.AddOwnerReference": missing("owner"),
		"Metadata.GetLabel":          missing("key"),
		"Node.AddDependency":         "<nil> cannot be depended on in the native tree: pass the constructs, a group made with tree.NewDependencyGroup, or a value of your own with the method DependencyRoots() *[]constructs.IConstruct",
		"Node.AddMetadata":           missing("type_"),
		"Node.AddValidation":         missing("validation"),
		"Node.FindChild":             missing("id"),
		"Node.GetContext":            missing("key"),
		"Node.RemoveDependency":      "<nil> cannot be depended on in the native tree: pass the constructs, a group made with tree.NewDependencyGroup, or a value of your own with the method DependencyRoots() *[]constructs.IConstruct",
		"Node.SetContext":            missing("key"),
		"Node.TryFindChild":          missing("id"),
		"Node.TryGetContext":         missing("key"),
		"Node.TryRemoveChild":        missing("childName"),
		"Node.With":                  missing("mixins"),
	}, said)
}

// call calls a method with a nil for each parameter.
func call(method reflect.Value) {
	arguments := make([]reflect.Value, method.Type().NumIn())
	for i := range arguments {
		parameter := method.Type().In(i)
		if method.Type().IsVariadic() && i == len(arguments)-1 {
			parameter = parameter.Elem()
		}
		arguments[i] = reflect.Zero(parameter)
	}
	method.Call(arguments)
}
