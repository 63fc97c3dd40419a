package infra

import (
	"fmt"

	"github.com/aws/constructs-go/constructs/v10"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/crossoverJie/k8s-combat/imports/tree"
)

// patched lets the hook have the last word on a copy of the object, so that it cannot reach into anybody's props. A hook
// that panics, or that changes the name by which other constructs refer to the object, makes the construct invalid.
func patched[T any, P interface {
	*T
	DeepCopy() *T
	metav1.Object
}](construct constructs.Construct, object P, patch func(*T)) (result P) {
	if patch == nil {
		return object
	}
	defer func() {
		if cause := recover(); cause != nil {
			tree.Invalid(construct, tree.Problem{Field: "Patch", Detail: fmt.Sprintf("panicked: %v", cause), Fix: fmt.Sprintf("see what it takes for granted of the %T", object)})
			result = object
		}
	}()
	copied := P(object.DeepCopy())
	patch(copied)
	if copied.GetName() != object.GetName() {
		tree.Invalid(construct, tree.Problem{Field: "Patch", Fix: "set Name instead",
			Detail: fmt.Sprintf("changes metadata.name from %q to %q, but other objects refer to it by the first", object.GetName(), copied.GetName())})
	}
	return copied
}
