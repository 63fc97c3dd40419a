package kindtest

import (
	"encoding"
	"encoding/json"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"

	"github.com/crossoverJie/k8s-combat/imports/tree/manifest"
)

// property is what a definition says of a value.
type property struct {
	Properties map[string]*property
	Required   []string
	Items      *property
}

// checkRequired expects that of the fields of an empty struct that are structs, those are written that the kind's
// definition requires, and no others; and the same of all structs below it.
func checkRequired(t *testing.T, typ reflect.Type, definition *property, place string) {
	if definition == nil {
		return
	}
	switch typ.Kind() {
	case reflect.Pointer:
		checkRequired(t, typ.Elem(), definition, place)
		return
	case reflect.Slice:
		checkRequired(t, typ.Elem(), definition.Items, place+"[]")
		return
	case reflect.Struct:
	default:
		return
	}
	if marshals(typ) {
		return
	}
	written, err := manifest.Encode(reflect.New(typ).Interface())
	require.NoError(t, err)
	for i := range typ.NumField() {
		field := typ.Field(i)
		name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
		if field.Anonymous && name == "" {
			checkRequired(t, field.Type, definition, place)
			continue
		}
		// The cluster writes the status, and the tree the metadata.
		if place == "" && (name == "status" || name == "metadata") {
			continue
		}
		below := definition.Properties[name]
		if below == nil {
			continue
		}
		_, isMessage := reflect.New(field.Type).Interface().(proto.Message)
		if field.Type.Kind() == reflect.Struct && (isMessage || !marshals(field.Type)) {
			assert.Equal(t, slices.Contains(definition.Required, name), written.Get(name) != nil, "%s%s.%s: required, and written", typ, place, name)
		}
		checkRequired(t, field.Type, below, place+"."+name)
	}
}

// marshals reports whether values of a type say themselves how they are written.
func marshals(typ reflect.Type) bool {
	switch reflect.New(typ).Interface().(type) {
	case json.Marshaler, encoding.TextMarshaler:
		return true
	}
	return false
}
