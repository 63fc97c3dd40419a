package native

import (
	"maps"
	"math"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/cdk8s-team/cdk8s-core-go/cdk8s/v2"

	"github.com/crossoverJie/k8s-combat/imports/tree/manifest"
	"github.com/crossoverJie/k8s-combat/imports/tree/native/internal/js"
	"github.com/crossoverJie/k8s-combat/imports/tree/native/internal/yaml"
)

// operation is one of RFC 6902.
type operation struct {
	op, path, from string
	value          any
}

// AddJsonPatch takes the patches of package tree, and operations as their JSON has them: any Go value that encodes to one.
func (o *apiObject) AddJsonPatch(ops ...cdk8s.JsonPatch) {
	o.patches = append(o.patches, operations(ops)...)
}

func operations(ops []cdk8s.JsonPatch) []operation {
	result := make([]operation, len(ops))
	for i, op := range ops {
		if v := reflect.Indirect(reflect.ValueOf(op)); v.IsValid() && manifest.IsProxy(v.Type()) {
			fail("a patch made by cdk8s.JsonPatch lives in Node.js, where the native tree cannot read it: make it with " +
				`package tree, like tree.PatchReplace("/spec/replicas", 3)`)
		}
		fields, _ := jsonValue(op).(map[string]any)
		patch := &result[i]
		patch.op, _ = fields["op"].(string)
		patch.path, _ = fields["path"].(string)
		patch.from, _ = fields["from"].(string)
		patch.value = fields["value"]
		switch patch.op {
		case "add", "remove", "replace", "copy", "move", "test":
		default:
			fail("%v is not an operation of RFC 6902: its op has to be add, remove, replace, copy, move or test", op)
		}
	}
	return result
}

// applyPatches applies operations in turn. As in cdk8s, what they add is not sorted, nulls stay, and to remove what is
// not there or to replace it is no error.
func applyPatches(content yaml.Mapping, ops []operation) yaml.Mapping {
	root := thaw(content)
	for _, op := range ops {
		root = op.apply(root)
	}
	result, ok := freeze(root).(yaml.Mapping)
	if !ok {
		fail("the patched object is not an object any more")
	}
	return result
}

func (op operation) apply(root any) any {
	switch op.op {
	case "add":
		return put(root, op.path, thaw(op.value), true)
	case "replace":
		return put(root, op.path, thaw(op.value), false)
	case "remove":
		return remove(root, op.path)
	case "copy":
		return put(root, op.path, clone(get(root, op.from)), true)
	case "move":
		value := get(root, op.from)
		return put(remove(root, op.from), op.path, value, true)
	}
	if !reflect.DeepEqual(plain(freeze(get(root, op.path))), plain(op.value)) {
		fail("Test operation failed: %s is not %v", op.path, op.value)
	}
	return root
}

// object and array are collections under change. An object keeps the order in which its keys were set.
type (
	object struct{ entries yaml.Mapping }
	array  struct{ items []any }
)

func (o *object) index(key string) int {
	return slices.IndexFunc(o.entries, func(entry yaml.Entry) bool { return entry.Key == key })
}

// thaw copies a JSON value to make it changeable. The keys of a map are set in the order of encoding/json.
func thaw(value any) any {
	switch value := value.(type) {
	case yaml.Mapping:
		o := &object{slices.Clone(value)}
		for i := range o.entries {
			o.entries[i].Value = thaw(o.entries[i].Value)
		}
		return o
	case map[string]any:
		o := &object{}
		for _, key := range slices.Sorted(maps.Keys(value)) {
			o.entries = append(o.entries, yaml.Entry{Key: key, Value: thaw(value[key])})
		}
		return o
	case []any:
		a := &array{}
		for _, item := range value {
			a.items = append(a.items, thaw(item))
		}
		return a
	}
	return plain(value)
}

// freeze undoes thaw, in place, with keys in the order of JavaScript.
func freeze(value any) any {
	switch value := value.(type) {
	case *object:
		entries := slices.Clone(value.entries)
		for i := range entries {
			entries[i].Value = freeze(entries[i].Value)
		}
		js.IndexesFirst(entries, func(entry yaml.Entry) string { return entry.Key })
		return entries
	case *array:
		items := slices.Clone(value.items)
		for i := range items {
			items[i] = freeze(items[i])
		}
		return items
	}
	return value
}

// clone copies a value as cdk8s does, by way of JSON, in which infinite numbers of a collection are null.
func clone(value any) any {
	switch value := value.(type) {
	case *object:
		o := &object{slices.Clone(value.entries)}
		for i := range o.entries {
			o.entries[i].Value = clone(finite(o.entries[i].Value))
		}
		return o
	case *array:
		a := &array{slices.Clone(value.items)}
		for i := range a.items {
			a.items[i] = clone(finite(a.items[i]))
		}
		return a
	}
	return value
}

func finite(value any) any {
	if number, ok := value.(float64); ok && math.IsInf(number, 0) {
		return nil
	}
	return value
}

// get returns what a JSON pointer points to.
func get(root any, pointer string) any {
	if pointer == "" {
		return root
	}
	parent, key := parentOf(root, pointer)
	switch parent := parent.(type) {
	case *object:
		if i := parent.index(key); i >= 0 {
			return parent.entries[i].Value
		}
	case *array:
		if i := parent.place(key, pointer); i < len(parent.items) {
			return parent.items[i]
		}
	}
	fail("%s does not exist", pointer)
	return nil
}

// put sets what a JSON pointer points to. In an array, insert moves the items from there on.
func put(root any, pointer string, value any, insert bool) any {
	if pointer == "" {
		return value
	}
	parent, key := parentOf(root, pointer)
	switch parent := parent.(type) {
	case *object:
		if i := parent.index(key); i >= 0 {
			parent.entries[i].Value = value
		} else {
			parent.entries = append(parent.entries, yaml.Entry{Key: key, Value: value})
		}
	case *array:
		i := parent.place(key, pointer)
		if insert {
			parent.items = slices.Insert(parent.items, min(i, len(parent.items)), value)
			return root
		}
		// Arrays of JavaScript grow up to the item that is set, with nulls.
		const maxGap = 1000
		if i > len(parent.items)+maxGap {
			fail("%s is far beyond the end of the list, which has %d items", pointer, len(parent.items))
		}
		for i >= len(parent.items) {
			parent.items = append(parent.items, nil)
		}
		parent.items[i] = value
	}
	return root
}

func remove(root any, pointer string) any {
	if pointer == "" {
		return nil
	}
	parent, key := parentOf(root, pointer)
	switch parent := parent.(type) {
	case *object:
		if i := parent.index(key); i >= 0 {
			parent.entries = slices.Delete(parent.entries, i, i+1)
		}
	case *array:
		if i := parent.place(key, pointer); i < len(parent.items) {
			parent.items = slices.Delete(parent.items, i, i+1)
		}
	}
	return root
}

// parentOf returns the collection that holds, or would hold, what a JSON pointer points to, and the last step to it.
func parentOf(root any, pointer string) (parent any, key string) {
	if pointer[0] != '/' {
		fail("%q is not a JSON pointer: it has to begin with a slash", pointer)
	}
	slash := strings.LastIndexByte(pointer, '/')
	parent = get(root, pointer[:slash])
	switch parent.(type) {
	case *object, *array:
		return parent, strings.NewReplacer("~1", "/", "~0", "~").Replace(pointer[slash+1:])
	}
	fail("%s does not exist: %s is neither a map nor a list", pointer, pointer[:slash])
	return nil, ""
}

// place returns the index that a step of a JSON pointer means in an array.
func (a *array) place(key, pointer string) int {
	switch key {
	case "-":
		return len(a.items)
	case "":
		return 0 // as in cdk8s
	}
	i, err := strconv.ParseUint(key, 10, 31)
	if err != nil {
		fail("%s does not exist: %q is not the index of an item", pointer, key)
	}
	return int(i)
}
