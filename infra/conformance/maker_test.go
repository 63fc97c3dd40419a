package conformance_test

import (
	"fmt"

	"github.com/aws/constructs-go/constructs/v10"
	"github.com/cdk8s-team/cdk8s-core-go/cdk8s/v2"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/crossoverJie/k8s-combat/imports/tree"
	"github.com/crossoverJie/k8s-combat/imports/tree/manifest"
)

// maker makes what a tree consists of.
type maker interface {
	newConstruct(scope constructs.Construct, id string) constructs.Construct
	newChart(scope constructs.Construct, id string, props tree.ChartProps) cdk8s.Chart
	newObject(scope constructs.Construct, id string, content values, clusterScoped bool) cdk8s.ApiObject
	newPatch(patch *jsonPatch) cdk8s.JsonPatch
}

// nativeMaker makes it in the native tree alone, without what package tree checks first, so that nothing stands between
// the case and the tree.
type nativeMaker struct{}

// group is a construct that only holds others.
type group struct{ constructs.Construct }

func (nativeMaker) newConstruct(scope constructs.Construct, id string) constructs.Construct {
	g := &group{}
	g.Construct = scope.Node().(tree.Scope).AddConstruct(g, id)
	return g
}

func (nativeMaker) newChart(scope constructs.Construct, id string, props tree.ChartProps) cdk8s.Chart {
	return scope.Node().(tree.Scope).AddChart(id, props)
}

func (nativeMaker) newObject(scope constructs.Construct, id string, content values, clusterScoped bool) cdk8s.ApiObject {
	return scope.Node().(tree.Scope).AddObject(id, withObjects(content).(manifest.Object), clusterScoped)
}

// withObjects makes Objects of maps, and lets all else be: package manifest would refuse, or change, some of it.
func withObjects(value any) any {
	switch value := value.(type) {
	case values:
		object := manifest.Object{}
		for key, item := range value {
			object = object.Set(key, withObjects(item))
		}
		return object
	case []any:
		result := make([]any, len(value))
		for i, item := range value {
			result[i] = withObjects(item)
		}
		return result
	}
	return value
}

func (nativeMaker) newPatch(patch *jsonPatch) cdk8s.JsonPatch {
	return values{"op": patch.Op, "path": patch.Path, "from": patch.From, "value": floats(patch.Value)}
}

// treeMaker makes it through package tree, in any tree.
type treeMaker struct{}

func (treeMaker) newConstruct(scope constructs.Construct, id string) constructs.Construct {
	return tree.NewConstruct(scope, id)
}

func (treeMaker) newChart(scope constructs.Construct, id string, props tree.ChartProps) cdk8s.Chart {
	return tree.NewChart(scope, id, props)
}

func (treeMaker) newObject(scope constructs.Construct, id string, content values, clusterScoped bool) cdk8s.ApiObject {
	kind := schema.FromAPIVersionAndKind(fmt.Sprint(content["apiVersion"]), fmt.Sprint(content["kind"]))
	if clusterScoped {
		return tree.NewClusterObject(scope, id, kind, content)
	}
	return tree.NewObject(scope, id, kind, content)
}

func (treeMaker) newPatch(patch *jsonPatch) cdk8s.JsonPatch {
	value := floats(patch.Value)
	switch patch.Op {
	case "add":
		return tree.PatchAdd(patch.Path, value)
	case "remove":
		return tree.PatchRemove(patch.Path)
	case "replace":
		return tree.PatchReplace(patch.Path, value)
	case "copy":
		return tree.PatchCopy(patch.From, patch.Path)
	case "move":
		return tree.PatchMove(patch.From, patch.Path)
	case "test":
		return tree.PatchTest(patch.Path, value)
	}
	panic(fmt.Sprintf("no operation %q", patch.Op))
}

func (s step) chartProps() tree.ChartProps {
	props := tree.ChartProps{
		Namespace: s.Props.Namespace, Labels: s.Props.Labels, DisableResourceNameHashes: s.Props.DisableResourceNameHashes,
	}
	if s.Naming {
		props.GenerateObjectName = func(object cdk8s.ApiObject) string { return *object.Kind() + "-" + *object.Node().Id() }
	}
	return props
}
