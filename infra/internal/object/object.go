// Package object helps constructs to make their objects and to find one another.
package object

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/aws/constructs-go/constructs/v10"
	"github.com/cdk8s-team/cdk8s-core-go/cdk8s/v2"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/crossoverJie/k8s-combat/imports/tree"
	"github.com/crossoverJie/k8s-combat/infra/internal/problem"
	"github.com/crossoverJie/k8s-combat/infra/internal/rules"
)

// Meta is the metadata of an object. It shares the maps: an object is encoded when it enters the
// tree, and a Patch is given a copy.
func Meta(name string, labels, annotations map[string]string) metav1.ObjectMeta {
	return metav1.ObjectMeta{Name: name, Labels: labels, Annotations: annotations}
}

// Cut shortens a name that is made of others to so many characters. A digest at its end tells it
// from other names that begin with the same.
func Cut(name string, longest int) string {
	if len(name) <= longest {
		return name
	}
	digest := Digest(name)
	return strings.TrimRight(name[:longest-len(digest)], "-.") + digest
}

// Digest is what Cut puts at the end of a name.
func Digest(name string) string {
	sum := sha256.Sum256([]byte(name))
	return "-" + hex.EncodeToString(sum[:4])
}

// Patched lets the hook, which is the construct's option of the name field, have the last word on a
// copy of the object, so that it cannot reach into anybody's props. A hook that panics, that
// changes the name by which other constructs refer to the object, or that leaves what breaks the
// rules of its kind makes the construct invalid.
func Patched[T any, P interface {
	*T
	DeepCopy() *T
	metav1.Object
}](construct constructs.Construct, field string, object P, patch func(*T)) (result P) {
	if patch == nil {
		return object
	}
	defer func() {
		if cause := recover(); cause != nil {
			tree.Invalid(construct,
				tree.Problem{Field: field, Detail: fmt.Sprintf("panicked: %v", cause),
					Fix: fmt.Sprintf("see what it takes for granted of the %T", object)})
			result = object
		}
	}()
	copied := P(object.DeepCopy())
	patch(copied)
	if copied.GetName() != object.GetName() {
		tree.Invalid(construct, tree.Problem{Field: field, Fix: "set Name instead",
			Detail: fmt.Sprintf("changes metadata.name from %s to %s, but other objects refer to it by the first", problem.Show(object.GetName()), problem.Show(copied.GetName()))})
	}
	// What was wrong before is told with the props.
	var before, after problem.List
	rules.Check(&before, problem.At(field), object)
	rules.Check(&after, problem.At(field), copied)
	tree.Invalid(construct, slices.DeleteFunc(after, func(p tree.Problem) bool {
		return slices.ContainsFunc(before, func(b tree.Problem) bool { return b.Message() == p.Message() })
	})...)
	return copied
}

// ChartOf is the chart that a construct stands in, nil where there is none.
func ChartOf(construct constructs.Construct) cdk8s.Chart {
	for _, scope := range slices.Backward(*construct.Node().Scopes()) {
		if chart, ok := scope.(cdk8s.Chart); ok {
			return chart
		}
	}
	return nil
}

// ChartNamespace is the namespace of the chart that a construct stands in, empty where it names none.
func ChartNamespace(construct constructs.Construct) string {
	if chart := ChartOf(construct); chart != nil && chart.Namespace() != nil {
		return *chart.Namespace()
	}
	return ""
}

// ChartLabels are the labels that the chart of a construct puts on its objects.
func ChartLabels(construct constructs.Construct) map[string]string {
	chart := ChartOf(construct)
	if chart == nil || chart.Labels() == nil {
		return nil
	}
	labels := map[string]string{}
	for key, value := range *chart.Labels() {
		if value != nil {
			labels[key] = *value
		}
	}
	return labels
}

// Below are the constructs of a type in the tree below another, in the order in which they were made.
func Below[T constructs.IConstruct](root constructs.Construct) []T {
	var found []T
	for _, construct := range *root.Node().FindAll(constructs.ConstructOrder_PREORDER) {
		if match, ok := construct.(T); ok {
			found = append(found, match)
		}
	}
	return found
}

// Merged returns a map with the entries of both; those of the second win.
func Merged(first, second map[string]string) map[string]string {
	result := maps.Clone(first)
	if result == nil && len(second) > 0 {
		result = map[string]string{}
	}
	maps.Copy(result, second)
	return result
}
