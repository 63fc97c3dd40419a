package infra

import (
	"reflect"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/crossoverJie/k8s-combat/infra/internal/ref"
	"github.com/crossoverJie/k8s-combat/infra/pod"
)

type anyAccount struct{}

func (anyAccount) AccountRef() ref.Object { return ref.Elsewhere("ServiceAccount", "any") }

// fill sets a value, and everything in it, to what is not its zero value.
func fill(t *testing.T, value reflect.Value) {
	t.Helper()
	switch value.Kind() {
	case reflect.String:
		value.SetString("a")
	case reflect.Bool:
		value.SetBool(true)
	case reflect.Int32, reflect.Int64:
		value.SetInt(1)
	case reflect.Pointer:
		value.Set(reflect.New(value.Type().Elem()))
	case reflect.Slice:
		value.Set(reflect.MakeSlice(value.Type(), 1, 1))
	case reflect.Map:
		value.Set(reflect.MakeMap(value.Type()))
		value.SetMapIndex(reflect.ValueOf("a"), reflect.ValueOf("b"))
	case reflect.Struct:
		for i := range value.NumField() {
			if value.Type().Field(i).IsExported() && value.Field(i).Kind() != reflect.Func {
				fill(t, value.Field(i))
			}
		}
	case reflect.Interface:
		if account := reflect.ValueOf(anyAccount{}); account.Type().Implements(value.Type()) {
			value.Set(account)
		}
	default:
		t.Fatalf("no value for a %s", value.Type())
	}
}

// What a pod can have, the options of a ProbedDeployment have too, and hand over.
func TestProbedDeploymentHandsOverAllOfThePod(t *testing.T) {
	t.Parallel()
	// The annotations of the pods have a name of their own beside those of the Deployment.
	names := map[string]string{"Annotations": "PodAnnotations"}
	for i := range reflect.TypeFor[pod.Props]().NumField() {
		field := reflect.TypeFor[pod.Props]().Field(i)
		name := field.Name
		if other, ok := names[name]; ok {
			name = other
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var props ProbedDeploymentProps
			given := reflect.ValueOf(&props).Elem().FieldByName(name)
			require.True(t, given.IsValid(), "ProbedDeploymentProps has no %s", name)
			require.Equal(t, field.Type, given.Type())
			fill(t, given)
			require.False(t, given.IsZero())
			want := reflect.New(reflect.TypeFor[pod.Props]()).Elem()
			want.Field(i).Set(given)
			assert.Equal(t, want.Interface().(pod.Props).WithDefaults(), props.pod())
		})
	}
}
