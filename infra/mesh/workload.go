package mesh

import (
	"github.com/cdk8s-team/cdk8s-core-go/cdk8s/v2"
	typev1beta1 "istio.io/api/type/v1beta1"

	"github.com/crossoverJie/k8s-combat/infra"
	"github.com/crossoverJie/k8s-combat/infra/internal/problem"
	"github.com/crossoverJie/k8s-combat/infra/internal/ref"
)

// workloadOf refers to a workload. Nil where there is none, also where a nil
// *infra.ProbedDeployment is handed over.
func workloadOf(workload infra.Workload) *ref.Workload { return ref.WorkloadOf(workload) }

// isNil reports whether a workload was handed over that is not there. Left out, it would have a
// wider meaning.
func isNil(workload infra.Workload) bool { return workload != nil && workloadOf(workload) == nil }

const (
	versionRule  = "has pods without the label version, by which the mesh tells versions apart; set its Version"
	noLabelsRule = "is not known by labels, by which alone Istio selects pods; use a workload whose selector has matchLabels"
	nilRule      = "is nil, as the Deployment of a Service of the type ExternalName is; "
)

// target is whose pods an object is for. Exactly one of both is set.
type target struct {
	workload       infra.Workload
	wholeNamespace bool
}

func (t target) validate(p *problem.List) {
	const choose = "name the workload whose pods this is for, or set WholeNamespace"
	at := problem.At("Workload")
	switch workload := workloadOf(t.workload); {
	case t.workload == nil && !t.wholeNamespace:
		p.Missing(at, choose)
	case isNil(t.workload):
		p.Say(at, nilRule+choose)
	case workload != nil && t.wholeNamespace:
		p.Add(problem.At("WholeNamespace"), true, "cannot stand beside Workload; leave out one of them")
	case workload != nil && len(workload.Selector) == 0:
		p.Add(at, workload.Name(), noLabelsRule)
	}
}

// validateNamespace finds the first of the objects that is not beside the workload: Istio selects
// pods in the object's own namespace.
func (t target) validateNamespace(objects ...cdk8s.ApiObject) problem.List {
	var p problem.List
	workload := workloadOf(t.workload)
	for i := 0; i < len(objects) && workload != nil && len(p) == 0; i++ {
		workload.Beside(&p, problem.At("Workload"), objects[i])
	}
	return p
}

func (t target) selector() *typev1beta1.WorkloadSelector {
	workload := workloadOf(t.workload)
	if workload == nil {
		return nil
	}
	return &typev1beta1.WorkloadSelector{MatchLabels: workload.Labels()}
}
