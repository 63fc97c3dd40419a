package native

import (
	"fmt"
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
	n.context[*key] = passedValue(value)
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
			return plain(value)
		}
	}
	return nil
}

func (n *node) GetAllContext(defaults *map[string]any) any {
	all := map[string]any{}
	if defaults != nil {
		for key, value := range *defaults {
			all[key] = passedValue(value)
		}
	}
	for _, scope := range n.scopes() {
		maps.Copy(all, scope.context)
	}
	maps.DeleteFunc(all, func(_ string, value any) bool { return value == nil })
	return plain(all)
}

// passedValue turns a value into what it comes back as from the official tree, which has copied it on its way: pointers
// are followed, numbers are float64, lists are []any and maps are map[string]any, without what is nil. A struct becomes
// what encoding/json makes of it; a pointer to one, such as a construct, is handed on as it is.
func passedValue(value any) any {
	v := reflect.ValueOf(value)
	for (v.Kind() == reflect.Pointer || v.Kind() == reflect.Interface) && !v.IsNil() && v.Elem().Kind() != reflect.Struct {
		v = v.Elem()
	}
	switch v.Kind() {
	case reflect.Invalid:
		return nil
	case reflect.Pointer, reflect.Interface:
		if v.IsNil() {
			return nil
		}
		return v.Interface()
	case reflect.Map:
		result := make(map[string]any, v.Len())
		for entries := v.MapRange(); entries.Next(); {
			if item := passedValue(entries.Value().Interface()); item != nil {
				result[fmt.Sprint(entries.Key().Interface())] = item
			}
		}
		return result
	case reflect.Slice:
		result := make([]any, v.Len())
		for i := range result {
			result[i] = passedValue(v.Index(i).Interface())
		}
		return result
	}
	return jsonValue(v.Interface())
}
