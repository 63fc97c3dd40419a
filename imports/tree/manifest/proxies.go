package manifest

import (
	"fmt"
	"reflect"
	"strings"
)

// IsProxy reports whether the values of a struct type live in Node.js, where jsii has made them, as a cdk8s.Size or a
// cdk8s.Lazy does. Such types are known by their names: they have nothing else in common.
func IsProxy(t reflect.Type) bool { return t != nil && strings.HasPrefix(t.Name(), "jsiiProxy_") }

// ProxyIn returns the type of the first value in a value that lives in Node.js, nil if there is none. The value is one
// that encoding/json can write, in the result of which such a one would be {}.
func ProxyIn(value any) reflect.Type { return proxyIn(reflect.ValueOf(value)) }

func proxyIn(v reflect.Value) reflect.Type {
	switch v.Kind() {
	case reflect.Pointer, reflect.Interface:
		return proxyIn(v.Elem())
	case reflect.Map:
		for _, key := range v.MapKeys() {
			if proxy := proxyIn(v.MapIndex(key)); proxy != nil {
				return proxy
			}
		}
	case reflect.Slice, reflect.Array:
		for i := range v.Len() {
			if proxy := proxyIn(v.Index(i)); proxy != nil {
				return proxy
			}
		}
	case reflect.Struct:
		if IsProxy(v.Type()) {
			return v.Type()
		}
		for i := range v.NumField() {
			if field := v.Type().Field(i); !field.IsExported() || field.Tag.Get("json") == "-" {
				continue
			}
			if proxy := proxyIn(v.Field(i)); proxy != nil {
				return proxy
			}
		}
	}
	return nil
}

func encodeProxy(value reflect.Value, _ int) (any, error) {
	return nil, fmt.Errorf("%s lives in Node.js, where it cannot be read; pass a plain value", value.Type())
}
