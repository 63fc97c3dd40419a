package infra

import (
	"maps"

	"github.com/aws/constructs-go/constructs/v10"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/crossoverJie/k8s-combat/imports/tree"
	"github.com/crossoverJie/k8s-combat/infra/internal/object"
	"github.com/crossoverJie/k8s-combat/infra/internal/problem"
	"github.com/crossoverJie/k8s-combat/infra/internal/ref"
	"github.com/crossoverJie/k8s-combat/infra/pod"
)

// Workload is what makes pods: a *ProbedDeployment, *StatefulSet, *DaemonSet, *Job or *CronJob.
// Other constructs take one to know its pods.
type Workload interface {
	// Name returns the name of the object.
	Name() string
	// Selector returns the labels by which the workload, and whatever stands before it, knows its
	// pods. Nil for a workload that is nil itself.
	Selector() map[string]string
	// Ref refers to the object and its pods. Nil for a workload that is nil itself.
	Ref() *ref.Workload
}

// newWorkload checks that what the pods need is in their namespace.
func newWorkload(construct constructs.Construct, object ref.Object, selector *metav1.LabelSelector,
	template corev1.PodTemplateSpec, references []pod.Reference) *ref.Workload {
	var p problem.List
	for _, reference := range references {
		reference.Object.Beside(&p, reference.At, object.Made())
	}
	tree.Invalid(construct, p...)
	made := &ref.Workload{Object: object, Template: template}
	if selector != nil {
		made.Selector = selector.MatchLabels
	}
	return made
}

// selectorOf is the selector of a workload of that name that says none.
func selectorOf(name string, selector map[string]string) map[string]string {
	if selector == nil {
		return map[string]string{appLabel: name}
	}
	return maps.Clone(selector)
}

// validateSelector checks the labels by which a workload of that name knows its pods.
func validateSelector(p *problem.List, name string, selector map[string]string) {
	if len(selector) == 0 {
		p.Missing(problem.At("Selector"), "give at least one label, or leave it nil for {\"app\": Name}")
	}
	checked := maps.Clone(selector)
	if checked[appLabel] == name {
		// The default repeats the name, whose own message is enough.
		delete(checked, appLabel)
	}
	p.Labels(problem.At("Selector"), checked)
}

// labelled are the options of pods that have the labels of their workload too.
func labelled(props pod.Props, labels map[string]string) pod.Props {
	props.Labels = object.Merged(labels, props.Labels)
	return props
}

// Patches makes one hook of several, which run one after the other: for a Patch that is to do the
// work of another construct, such as logs.LogCollector's Attach, and something of one's own. Hooks
// that are nil are left out.
func Patches[T any](hooks ...func(*T)) func(*T) {
	return func(object *T) {
		for _, hook := range hooks {
			if hook != nil {
				hook(object)
			}
		}
	}
}
