package main

import (
	"maps"

	"github.com/aws/constructs-go/constructs/v10"
	appsv1 "k8s.io/api/apps/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/crossoverJie/k8s-combat/imports/k8s"
	"github.com/crossoverJie/k8s-combat/imports/tree"
	"github.com/crossoverJie/k8s-combat/infra/pod"
)

// PoolProps are the options of a Pool.
type PoolProps struct {
	// Size is the number of pods.
	Size int32
	// Pod describes them. Its Name is that of the Pool too.
	Pod pod.Props
}

// Pool is a construct of the platform's own: a number of pods that are replaced when they are lost, and not when they
// change. Its pods have all that those of package infra have: safe defaults, probes, files, a digest of their
// configuration.
type Pool struct {
	constructs.Construct
	selector map[string]string
}

// NewPool makes a Pool.
func NewPool(scope constructs.Construct, id string, props PoolProps) *Pool {
	p := &Pool{selector: map[string]string{"app": props.Pod.Name}}
	tree.New(p, scope, id)
	if props.Size < 0 {
		tree.Invalid(p, tree.Problem{Field: "Size", Value: props.Size, Detail: "is negative", Fix: "use 0 or more"})
	}
	k8s.NewReplicaSet(p, "Resource", &appsv1.ReplicaSet{
		ObjectMeta: metav1.ObjectMeta{Name: props.Pod.Name, Labels: p.Selector()},
		Spec: appsv1.ReplicaSetSpec{
			Replicas: &props.Size,
			Selector: &metav1.LabelSelector{MatchLabels: p.Selector()},
			Template: pod.NewTemplate(p, p.Selector(), props.Pod),
		},
	})
	return p
}

// Selector returns the labels by which the Pool knows its pods.
func (p *Pool) Selector() map[string]string { return maps.Clone(p.selector) }
