package manifest

import (
	"cmp"
	"encoding/json"
	"slices"
	"strings"
)

// Object is a JSON object: its entries in the order of their keys, by bytes, each key once. It takes less memory than a
// map, and writing it takes no sorting.
type Object []Entry

// Entry is a key of an Object and its value.
type Entry struct {
	Key   string
	Value any
}

// Get returns the value of a key, or nil if there is none.
func (o Object) Get(key string) any {
	if i, ok := o.find(key); ok {
		return o[i].Value
	}
	return nil
}

// Set returns the object with the value of a key set. It may change the one that it is called on.
func (o Object) Set(key string, value any) Object {
	i, ok := o.find(key)
	if ok {
		o[i].Value = value
		return o
	}
	return slices.Insert(o, i, Entry{key, value})
}

func (o Object) find(key string) (int, bool) {
	return slices.BinarySearchFunc(o, key, func(entry Entry, key string) int { return strings.Compare(entry.Key, key) })
}

// Map returns a copy in which all objects are maps.
func (o Object) Map() map[string]any {
	result := make(map[string]any, len(o))
	for _, entry := range o {
		result[entry.Key] = withMaps(entry.Value)
	}
	return result
}

func withMaps(value any) any {
	switch value := value.(type) {
	case Object:
		return value.Map()
	case []any:
		result := make([]any, len(value))
		for i, item := range value {
			result[i] = withMaps(item)
		}
		return result
	}
	return value
}

// MarshalJSON writes a JSON object.
func (o Object) MarshalJSON() ([]byte, error) { return json.Marshal(o.Map()) }

func (o Object) sort() {
	slices.SortFunc(o, func(a, b Entry) int { return cmp.Compare(a.Key, b.Key) })
}
