package kindtest

import (
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/cdk8s-team/cdk8s-core-go/cdk8s/v2"

	"github.com/crossoverJie/k8s-combat/imports/tree"
	"github.com/crossoverJie/k8s-combat/imports/tree/manifest"
)

// recorder is a scope that notes the objects made in it and what is said to be wrong with them. It is all of a tree that
// constructors need; calling anything else of the embedded interfaces, which are nil, panics.
type recorder struct {
	constructs.Construct
	objects  []map[string]any
	problems []string
}

func (r *recorder) Node() constructs.Node { return &recorderNode{recorder: r} }

// treeScope is tree.Scope under a name that is not one of its methods.
type treeScope = tree.Scope

type recorderNode struct {
	treeScope
	recorder *recorder
}

func (n *recorderNode) AddObject(_ string, object manifest.Object, _ bool) cdk8s.ApiObject {
	n.recorder.objects = append(n.recorder.objects, object.Map())
	return &recordedObject{recorder: n.recorder}
}

func (n *recorderNode) Adopt(constructs.IConstruct) {}

func (n *recorderNode) AddValidation(validation constructs.IValidation) {
	for _, message := range *validation.Validate() {
		n.recorder.problems = append(n.recorder.problems, *message)
	}
}

type recordedObject struct {
	cdk8s.ApiObject
	recorder *recorder
}

func (o *recordedObject) Node() constructs.Node { return o.recorder.Node() }
