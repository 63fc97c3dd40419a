package infra

import (
	"maps"
	"time"

	"github.com/aws/constructs-go/constructs/v10"
	appsv1 "k8s.io/api/apps/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/crossoverJie/k8s-combat/imports/k8s"
	"github.com/crossoverJie/k8s-combat/imports/tree"
	"github.com/crossoverJie/k8s-combat/infra/internal/object"
	"github.com/crossoverJie/k8s-combat/infra/internal/problem"
	"github.com/crossoverJie/k8s-combat/infra/internal/ref"
	"github.com/crossoverJie/k8s-combat/infra/pod"
)

// DaemonSetProps are the options of a DaemonSet.
type DaemonSetProps struct {
	// Name of the DaemonSet and of its main container. Required; an RFC 1123 label.
	Name string
	// Selector are the labels by which the DaemonSet knows its pods. They cannot be changed once it
	// is applied. Defaults to {"app": Name}.
	Selector map[string]string
	// Pod describes the pods. Its NodeSelector, Affinity and Tolerations say on which nodes one
	// runs; without them that is every node without a taint. Its Name defaults to that of the
	// DaemonSet.
	Pod pod.Props
	// MaxUnavailable is on how many nodes the pod may be gone during an update: Pods(1) or
	// Percent(10). Defaults to Kubernetes' one.
	MaxUnavailable *intstr.IntOrString
	// MaxSurge is on how many nodes a new pod may run beside the old one, which then ends when the
	// new one is ready: Pods(1) or Percent(10). An error beside MaxUnavailable other than Pods(0).
	// Defaults to none.
	MaxSurge *intstr.IntOrString
	// OnDelete leaves a pod as it is until somebody deletes it. Defaults to false: an update
	// replaces the pods.
	OnDelete bool
	// MinReady is how long a new pod must be ready before it counts as available, in whole seconds.
	// Defaults to 0.
	MinReady time.Duration
	// RevisionHistoryLimit is how many old revisions are kept to go back to. Defaults to
	// Kubernetes' 10.
	RevisionHistoryLimit *int32
	// Labels of the DaemonSet and its pods, and Annotations of the DaemonSet. Default to none.
	Labels, Annotations map[string]string
	// Patch has the last word on the DaemonSet.
	Patch func(*appsv1.DaemonSet)
}

func (props DaemonSetProps) withDefaults() DaemonSetProps {
	props.Selector = selectorOf(props.Name, props.Selector)
	if props.Pod.Name == "" {
		props.Pod.Name = props.Name
	}
	props.Pod = props.Pod.WithDefaults()
	if props.MaxUnavailable == nil && props.MaxSurge != nil && *props.MaxSurge != *Pods(0) &&
		*props.MaxSurge != *Percent(0) {
		// Kubernetes' default of one cannot stand beside it.
		props.MaxUnavailable = Pods(0)
	}
	return props
}

func (props DaemonSetProps) validate() problem.List {
	var p problem.List
	p.DNSLabel(problem.At("Name"), props.Name)
	validateSelector(&p, props.Name, props.Selector)
	props.Pod.ValidateLabels(&p, problem.At("Labels"), props.Labels, props.Selector)
	p.Annotations(problem.At("Annotations"), props.Annotations)
	pod.ValidateAnnotations(&p, problem.At("Pod", "Annotations"), props.Pod.Annotations)
	props.Pod.Validate(&p, problem.At("Pod"), pod.Workload{Name: props.Name, Selector: props.Selector})
	leaves := podCount(&p, problem.At("MaxUnavailable"), props.MaxUnavailable, 100)
	surges := podCount(&p, problem.At("MaxSurge"), props.MaxSurge, 100)
	switch {
	case props.OnDelete && (props.MaxUnavailable != nil || props.MaxSurge != nil):
		p.Add(problem.At("OnDelete"), true,
			"has no use for MaxUnavailable and MaxSurge; leave them out, or OnDelete")
	case props.MaxSurge != nil && surges > 0 && props.MaxUnavailable != nil && leaves > 0:
		p.Add(problem.At("MaxSurge"), props.MaxSurge.String(),
			"cannot stand beside MaxUnavailable, "+props.MaxUnavailable.String()+"; leave out one of them")
	case leaves == 0 && (surges == 0 || props.MaxSurge == nil):
		p.Add(problem.At("MaxUnavailable"), props.MaxUnavailable.String(),
			"cannot be 0 without a MaxSurge: no pod could ever be replaced; raise one of them")
	}
	p.Seconds(problem.At("MinReady"), props.MinReady)
	validateHistory(&p, problem.At("RevisionHistoryLimit"), props.RevisionHistoryLimit)
	return p
}

// DaemonSet is a pod on each node, or on each of some.
// See https://kubernetes.io/docs/concepts/workloads/controllers/daemonset/.
type DaemonSet struct {
	constructs.Construct
	made *ref.Workload
}

// NewDaemonSet makes a DaemonSet.
func NewDaemonSet(scope constructs.Construct, id string, props DaemonSetProps) *DaemonSet {
	props = props.withDefaults()
	d := &DaemonSet{}
	tree.New(d, scope, id)
	tree.Invalid(d, props.validate()...)
	set := object.Patched(d, "Patch", props.render(d), props.Patch)
	made := k8s.NewDaemonSet(d, "Resource", set)
	d.made = newWorkload(d, ref.To("DaemonSet", props.Name, made), set.Spec.Selector, set.Spec.Template,
		props.Pod.References(problem.At("Pod")))
	return d
}

func (props DaemonSetProps) render(d *DaemonSet) *appsv1.DaemonSet {
	set := &appsv1.DaemonSet{
		ObjectMeta: metav1.ObjectMeta{Name: props.Name,
			Labels: object.Merged(props.Labels, props.Selector), Annotations: maps.Clone(props.Annotations)},
		Spec: appsv1.DaemonSetSpec{
			Selector: &metav1.LabelSelector{MatchLabels: maps.Clone(props.Selector)},
			Template: labelled(props.Pod, props.Labels).Template(d, props.Selector,
				appsv1.ControllerRevisionHashLabelKey),
			MinReadySeconds:      seconds(props.MinReady),
			RevisionHistoryLimit: props.RevisionHistoryLimit,
		},
	}
	switch {
	case props.OnDelete:
		set.Spec.UpdateStrategy.Type = appsv1.OnDeleteDaemonSetStrategyType
	case props.MaxSurge != nil || props.MaxUnavailable != nil:
		set.Spec.UpdateStrategy = appsv1.DaemonSetUpdateStrategy{
			Type: appsv1.RollingUpdateDaemonSetStrategyType,
			RollingUpdate: &appsv1.RollingUpdateDaemonSet{MaxUnavailable: props.MaxUnavailable,
				MaxSurge: props.MaxSurge},
		}
	}
	return set
}

// Name returns the name of the DaemonSet.
func (d *DaemonSet) Name() string { return d.Ref().Name() }

// Selector returns the labels by which the DaemonSet knows its pods.
func (d *DaemonSet) Selector() map[string]string { return d.Ref().Labels() }

// Ref refers to the DaemonSet and its pods, for other constructs.
func (d *DaemonSet) Ref() *ref.Workload {
	if d == nil {
		return nil
	}
	return d.made
}
