package tree

import (
	"encoding/json"
	"fmt"
	"reflect"

	jsiiruntime "github.com/aws/jsii-runtime-go/runtime"
	"github.com/cdk8s-team/cdk8s-core-go/cdk8s/v2"

	"github.com/crossoverJie/k8s-combat/imports/tree/manifest"
)

// PatchAdd makes an operation of JSON Patch (RFC 6902) for ApiObject.AddJsonPatch, as cdk8s.JsonPatch_Add does, for
// objects of either tree: it adds value to an object, or inserts it into an array before the index that path ends in,
// where "-" is the end. value is taken over at once, in the form that encoding/json gives it, without the entries of maps
// that are null, which jsii does not carry; PatchAdd panics for a value that has no such form.
//
// Objects of the official tree take such operations once anything of that tree was given to this package, as a scope or
// to ask about. A program that does neither uses the functions of cdk8s.
func PatchAdd(path string, value any) cdk8s.JsonPatch {
	return &patch{map[string]any{"op": "add", "path": path, "value": patchValue(path, value)}}
}

// PatchRemove removes a value from an object or an array, as cdk8s.JsonPatch_Remove does.
func PatchRemove(path string) cdk8s.JsonPatch {
	return &patch{map[string]any{"op": "remove", "path": path}}
}

// PatchReplace replaces a value, as cdk8s.JsonPatch_Replace does. value is taken over as PatchAdd takes it.
func PatchReplace(path string, value any) cdk8s.JsonPatch {
	return &patch{map[string]any{"op": "replace", "path": path, "value": patchValue(path, value)}}
}

// PatchCopy copies a value from one place to another, as cdk8s.JsonPatch_Copy does.
func PatchCopy(from, path string) cdk8s.JsonPatch {
	return &patch{map[string]any{"op": "copy", "from": from, "path": path}}
}

// PatchMove moves a value from one place to another, as cdk8s.JsonPatch_Move does.
func PatchMove(from, path string) cdk8s.JsonPatch {
	return &patch{map[string]any{"op": "move", "from": from, "path": path}}
}

// PatchTest makes synth fail unless the value is there, as cdk8s.JsonPatch_Test does. value is taken over as PatchAdd
// takes it.
func PatchTest(path string, value any) cdk8s.JsonPatch {
	return &patch{map[string]any{"op": "test", "path": path, "value": patchValue(path, value)}}
}

// patchOperation is what a tree needs to know of a patch.
type patchOperation interface {
	// JSONPatchOperation returns the patch as its JSON has it. It is not to be changed.
	JSONPatchOperation() map[string]any
}

type patch struct{ operation map[string]any }

func (p *patch) JSONPatchOperation() map[string]any { return p.operation }

func (p *patch) MarshalJSON() ([]byte, error) { return json.Marshal(p.operation) }

func patchValue(path string, value any) any {
	text, err := json.Marshal(value)
	if err != nil {
		panic(fmt.Errorf("patch of %s: %T cannot be part of a manifest: %w", path, value, err))
	}
	if proxy := manifest.ProxyIn(value); proxy != nil {
		panic(fmt.Errorf("patch of %s: %s lives in Node.js, where it cannot be read: pass a plain value, or make the patch with cdk8s.JsonPatch "+
			"for an object of the official tree", path, proxy))
	}
	var result any
	if err := json.Unmarshal(text, &result); err != nil {
		panic(fmt.Errorf("patch of %s: %T cannot be part of a manifest: %w", path, value, err))
	}
	return withoutNulls(result)
}

func withoutNulls(value any) any {
	switch value := value.(type) {
	case map[string]any:
		for key, item := range value {
			if item == nil {
				delete(value, key)
			}
			withoutNulls(item)
		}
	case []any:
		for _, item := range value {
			withoutNulls(item)
		}
	}
	return value
}

// A patch is plain Go until an official object takes it. Then jsii makes it an object of JavaScript, because of this
// registration with the one method that cdk8s calls on its own patches.
func init() {
	jsiiruntime.RegisterInterface(patchInterface, reflect.TypeFor[patchOperation](),
		[]jsiiruntime.Member{jsiiruntime.MemberMethod{JsiiMethod: "_toJson", GoMethod: "JSONPatchOperation"}},
		func() any { return &patch{} })
}
