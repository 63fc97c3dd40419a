package infra

import (
	"fmt"

	"github.com/aws/constructs-go/constructs/v10"
	policyv1 "k8s.io/api/policy/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/crossoverJie/k8s-combat/imports/k8s"
	"github.com/crossoverJie/k8s-combat/infra/internal/object"
	"github.com/crossoverJie/k8s-combat/infra/internal/problem"
)

// DisruptionBudget bounds how many pods may be evicted at a time, when a node is drained for
// example. One of its fields is set; its zero value is none. See
// https://kubernetes.io/docs/concepts/workloads/pods/disruptions/.
type DisruptionBudget struct {
	// MinAvailable is how many pods must stay: Pods(1) or Percent(50). As many as there are at
	// least, which would keep a node from ever being drained, is an error. Defaults to none.
	MinAvailable *intstr.IntOrString
	// MaxUnavailable is how many pods may be gone: Pods(1) or Percent(25). None is an error, for
	// the same reason. Defaults to none.
	MaxUnavailable *intstr.IntOrString
	// Patch has the last word on the PodDisruptionBudget.
	Patch func(*policyv1.PodDisruptionBudget)
}

func (b DisruptionBudget) isZero() bool {
	return b.MinAvailable == nil && b.MaxUnavailable == nil && b.Patch == nil
}

// validate takes the least number of pods that there are when all is well.
func (b DisruptionBudget) validate(p *problem.List, field *problem.Path, replicas int32) {
	if b.isZero() {
		return
	}
	const blocks = "would forbid every eviction, so that a node with such a pod could never be drained; "
	stay := podCount(p, field.Child("MinAvailable"), b.MinAvailable, 100)
	leave := podCount(p, field.Child("MaxUnavailable"), b.MaxUnavailable, 100)
	switch {
	case b.MinAvailable == nil && b.MaxUnavailable == nil:
		p.Missing(field, "say MinAvailable or MaxUnavailable")
	case b.MinAvailable != nil && b.MaxUnavailable != nil:
		p.Add(field.Child("MinAvailable"), b.MinAvailable.String(),
			"cannot stand beside MaxUnavailable; leave out one of them")
	case leave == 0:
		p.Add(field.Child("MaxUnavailable"), b.MaxUnavailable.String(), blocks+"use Pods(1) or more")
	case stay >= 0 && replicas > 0 && b.leastStaying(replicas) >= int(replicas):
		rule := fmt.Sprintf("there are %d pods: lower it, or have more pods", replicas)
		if b.MinAvailable.String() == "100%" {
			rule = "lower it"
		}
		p.Add(field.Child("MinAvailable"), b.MinAvailable.String(), blocks+rule)
	}
}

// leastStaying is MinAvailable as a number of pods, of which Kubernetes rounds a share up.
func (b DisruptionBudget) leastStaying(replicas int32) int {
	n, err := intstr.GetScaledValueFromIntOrPercent(b.MinAvailable, int(replicas), true)
	if err != nil {
		return 0
	}
	return n
}

// add adds the budget to the workload whose metadata and pods these are.
func (b DisruptionBudget) add(workload constructs.Construct, meta metav1.ObjectMeta,
	selector map[string]string) {
	if b.isZero() {
		return
	}
	k8s.NewPodDisruptionBudget(workload, "DisruptionBudget",
		object.Patched(workload, "DisruptionBudget.Patch", b.render(meta, selector), b.Patch))
}

func (b DisruptionBudget) render(meta metav1.ObjectMeta,
	selector map[string]string) *policyv1.PodDisruptionBudget {
	return &policyv1.PodDisruptionBudget{
		ObjectMeta: meta,
		Spec: policyv1.PodDisruptionBudgetSpec{
			MinAvailable:   b.MinAvailable,
			MaxUnavailable: b.MaxUnavailable,
			Selector:       &metav1.LabelSelector{MatchLabels: selector},
			// A pod that is not ready serves nobody, and must not hold up a drain.
			UnhealthyPodEvictionPolicy: new(policyv1.AlwaysAllow),
		},
	}
}
