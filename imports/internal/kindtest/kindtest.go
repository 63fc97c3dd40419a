// Package kindtest tests the generated constructors of the imports packages.
package kindtest

import (
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/aws/constructs-go/constructs/v10"
	"github.com/cdk8s-team/cdk8s-core-go/cdk8s/v2"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/yaml"

	"github.com/crossoverJie/k8s-combat/imports/crds"
)

// Constructor is a constructor of one kind, without its type.
type Constructor struct {
	name  string
	empty func() object
	// construct calls the constructor; nil stands for a nil pointer.
	construct func(scope constructs.Construct, id string, o object) cdk8s.ApiObject
}

type object interface {
	metav1.Object
	runtime.Object
}

// Of describes a constructor.
func Of[T any](name string, constructor func(constructs.Construct, string, *T) cdk8s.ApiObject) Constructor {
	return Constructor{
		name:  name,
		empty: func() object { return any(new(T)).(object) },
		construct: func(scope constructs.Construct, id string, o object) cdk8s.ApiObject {
			typed, _ := any(o).(*T)
			return constructor(scope, id, typed)
		},
	}
}

// Check makes an object with each constructor, and compares their kinds with what the upstream packages register.
// counts says how many there are of each apiVersion; except are kinds that upstream registers and nobody creates.
func Check(t *testing.T, constructors []Constructor, counts map[string]int, scheme *runtime.Scheme, except ...string) {
	made := map[string]int{}
	var names []string
	for _, constructor := range constructors {
		gvks, _, err := scheme.ObjectKinds(constructor.empty())
		require.NoError(t, err)
		require.Len(t, gvks, 1)
		apiVersion, kind := gvks[0].ToAPIVersionAndKind()
		made[apiVersion]++
		names = append(names, kind)
		t.Run(apiVersion+" "+kind, func(t *testing.T) {
			assert.Equal(t, "New"+kind, constructor.name)
			checkOne(t, constructor, apiVersion, kind)
		})
	}
	assert.Equal(t, counts, made, "number of kinds; has the generator dropped one, or upstream added one?")

	slices.Sort(names)
	assert.Equal(t, objectKinds(scheme, except), names, "the kinds that upstream registers, and those with a constructor")
}

func checkOne(t *testing.T, constructor Constructor, apiVersion, kind string) {
	empty := &recorder{}
	constructor.construct(empty, "empty", constructor.empty())
	require.Len(t, empty.objects, 1)
	assert.Empty(t, empty.problems)
	want := map[string]any{"apiVersion": apiVersion, "kind": kind}
	for key, value := range empty.objects[0] {
		// A few kinds have fields that are not optional.
		if holdsNothing(value) {
			want[key] = value
		}
	}
	assert.Equal(t, want, empty.objects[0])

	o := constructor.empty()
	o.SetName("before")
	named := &recorder{}
	constructor.construct(named, "named", o)
	o.SetName("after")
	want["metadata"] = map[string]any{"name": "before"}
	assert.Equal(t, []map[string]any{want}, named.objects)
	assert.Empty(t, named.problems)

	missing := &recorder{}
	constructor.construct(missing, "missing", nil)
	assert.Equal(t, []map[string]any{{"apiVersion": apiVersion, "kind": kind}}, missing.objects)
	assert.Len(t, missing.problems, 1)
}

// holdsNothing reports whether a value is there because its field is required.
func holdsNothing(value any) bool {
	if object, ok := value.(map[string]any); ok {
		for _, item := range object {
			if !holdsNothing(item) {
				return false
			}
		}
		return true
	}
	return value == "" || value == int64(0) || value == false
}

// objectKinds returns the names of the kinds of a scheme that are objects, each once, whatever versions it has.
func objectKinds(scheme *runtime.Scheme, except []string) []string {
	names := map[string]bool{}
	for gvk, typ := range scheme.AllKnownTypes() {
		if _, isObject := typ.FieldByName("ObjectMeta"); isObject && !slices.Contains(except, gvk.Kind) {
			names[gvk.Kind] = true
		}
	}
	return slices.Sorted(maps.Keys(names))
}

// Scheme returns a scheme of the given packages.
func Scheme(t *testing.T, add ...func(*runtime.Scheme) error) *runtime.Scheme {
	scheme := runtime.NewScheme()
	for _, f := range add {
		require.NoError(t, f(scheme))
	}
	return scheme
}

// CheckCRDs compares the kinds of constructors with the definitions in a folder of package crds: each has one
// constructor, of a version that the cluster serves, and writes the empty structs that the definition requires.
func CheckCRDs(t *testing.T, constructors []Constructor, scheme *runtime.Scheme, folder string) {
	made := map[schema.GroupKind]string{}
	types := map[schema.GroupKind]reflect.Type{}
	for _, constructor := range constructors {
		empty := constructor.empty()
		gvks, _, err := scheme.ObjectKinds(empty)
		require.NoError(t, err)
		made[gvks[0].GroupKind()] = gvks[0].Version
		types[gvks[0].GroupKind()] = reflect.TypeOf(empty)
	}
	files, err := crds.FS.ReadDir(folder)
	require.NoError(t, err)
	for _, file := range files {
		text, err := crds.FS.ReadFile(folder + "/" + file.Name())
		require.NoError(t, err)
		var definition struct {
			Metadata struct{ Name string }
			Spec     struct {
				Group    string
				Names    struct{ Kind, Plural string }
				Versions []struct {
					Name       string
					Served     bool
					Deprecated bool
					Schema     struct{ OpenAPIV3Schema *property }
				}
			}
		}
		require.NoError(t, yaml.Unmarshal(text, &definition))
		spec := definition.Spec
		assert.Equal(t, strings.TrimSuffix(file.Name(), ".yaml"), spec.Group+"_"+spec.Names.Plural)

		kind := schema.GroupKind{Group: spec.Group, Kind: spec.Names.Kind}
		version, ok := made[kind]
		if !assert.True(t, ok, "%s has a definition and no constructor", kind) {
			continue
		}
		delete(made, kind)
		served := false
		for _, v := range spec.Versions {
			if v.Name == version {
				served = v.Served && !v.Deprecated
				checkRequired(t, types[kind], v.Schema.OpenAPIV3Schema, "")
			}
		}
		assert.True(t, served, "%s: version %s is not served, or deprecated", kind, version)
	}
	assert.Empty(t, made, "kinds that have a constructor and no definition")
}
