package native

import (
	"maps"
	"reflect"
	"strings"
)

func (n *node) SetContext(key *string, value any) {
	required("key", key != nil)
	required("value", value != nil)
	if children := n.children.list(); len(children) > 0 {
		ids := make([]string, len(children))
		for i, child := range children {
			ids[i] = child.id
		}
		fail("Cannot set context after children have been added: %s", strings.Join(ids, ","))
	}
	if n.context == nil {
		n.context = map[string]any{}
	}
	n.context[*key] = contextValue(value)
}

func (n *node) GetContext(key *string) any {
	required("key", key != nil)
	value := n.TryGetContext(key)
	if value == nil {
		fail("No context value present for %s key", *key)
	}
	return value
}

func (n *node) TryGetContext(key *string) any {
	required("key", key != nil)
	for ; n != nil; n = n.parent {
		if value := n.context[*key]; value != nil {
			return value
		}
	}
	return nil
}

func (n *node) GetAllContext(defaults *map[string]any) any {
	all := map[string]any{}
	if defaults != nil {
		maps.Copy(all, *defaults)
	}
	for _, scope := range n.scopes() {
		maps.Copy(all, scope.context)
	}
	return all
}

// contextValue turns a scalar into what it comes back as from the official tree, where values are JSON on their way:
// pointers are followed, and numbers are float64.
func contextValue(value any) any {
	v := reflect.ValueOf(value)
	for v.Kind() == reflect.Pointer && !v.IsNil() {
		v = v.Elem()
	}
	switch {
	case !v.IsValid() || v.Kind() == reflect.Pointer:
		return nil
	case v.CanInt() || v.CanUint() || v.CanFloat():
		return v.Convert(reflect.TypeFor[float64]()).Float()
	case v.Kind() == reflect.String:
		return v.String()
	case v.Kind() == reflect.Bool:
		return v.Bool()
	}
	return value
}
