package infra

import (
	"cmp"
	"fmt"
	"maps"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/crossoverJie/k8s-combat/imports/k8s"
	"github.com/crossoverJie/k8s-combat/infra/internal/problem"
)

// Autoscaling lets a HorizontalPodAutoscaler choose the number of pods. Its zero value is none.
// See https://kubernetes.io/docs/tasks/run-application/horizontal-pod-autoscale/.
type Autoscaling struct {
	// MinReplicas is the least number of pods. Defaults to 1.
	MinReplicas int32
	// MaxReplicas is the greatest number of pods. Required where any other field is set.
	MaxReplicas int32
	// CPUUtilization is the share of the requested CPU, in percent, that is aimed at; without such a request it is an
	// error. Defaults to 80, unless MemoryUtilization is set.
	CPUUtilization int32
	// MemoryUtilization is the share of the requested memory, in percent, that is aimed at; without such a request it is an
	// error. Defaults to none.
	MemoryUtilization int32
	// ScaleDownStabilization is how long the need must be less before pods are taken away, in whole seconds, at most 1 h.
	// Defaults to Kubernetes' 5 min.
	ScaleDownStabilization time.Duration
	// Patch has the last word on the HorizontalPodAutoscaler.
	Patch func(*autoscalingv2.HorizontalPodAutoscaler)
}

func (a Autoscaling) isZero() bool {
	return a.MinReplicas == 0 && a.MaxReplicas == 0 && a.CPUUtilization == 0 && a.MemoryUtilization == 0 &&
		a.ScaleDownStabilization == 0 && a.Patch == nil
}

func (a Autoscaling) withDefaults() Autoscaling {
	if a.isZero() {
		return a
	}
	if a.MinReplicas == 0 {
		a.MinReplicas = 1
	}
	if a.CPUUtilization == 0 && a.MemoryUtilization == 0 {
		a.CPUUtilization = 80
	}
	return a
}

func (a Autoscaling) validate(p *problem.List, field *problem.Path, resources Resources) {
	if a.isZero() {
		return
	}
	if a.MinReplicas < 1 {
		p.Add(field.Child("MinReplicas"), a.MinReplicas, "is less than 1; use 1 or more")
	}
	switch {
	case a.MaxReplicas == 0:
		p.Missing(field.Child("MaxReplicas"), "say how many pods there may be at most")
	case a.MaxReplicas < a.MinReplicas:
		p.Add(field.Child("MaxReplicas"), a.MaxReplicas, fmt.Sprintf("is less than MinReplicas, %d; raise it", a.MinReplicas))
	}
	p.Seconds(field.Child("ScaleDownStabilization"), a.ScaleDownStabilization)
	if a.ScaleDownStabilization > time.Hour {
		p.Add(field.Child("ScaleDownStabilization"), a.ScaleDownStabilization, "is too long; use at most 1h")
	}
	for _, f := range []struct {
		name           string
		percent        int32
		request, limit string
	}{
		{"CPU", a.CPUUtilization, resources.Requests.CPU, resources.Limits.CPU},
		{"Memory", a.MemoryUtilization, resources.Requests.Memory, resources.Limits.Memory},
	} {
		if f.percent < 0 {
			p.Add(field.Child(f.name+"Utilization"), f.percent, "is negative; use for example 80")
		}
		quantity, err := resource.ParseQuantity(cmp.Or(f.request, f.limit))
		if f.percent > 0 && (err != nil || quantity.IsZero()) {
			p.Missing(problem.At("Resources", "Requests", f.name), field.String()+" aims at a share of it; say how much a pod requests")
		}
	}
}

// DisruptionBudget bounds how many pods may be evicted at a time, when a node is drained for example. One of its fields is
// set; its zero value is none. See https://kubernetes.io/docs/concepts/workloads/pods/disruptions/.
type DisruptionBudget struct {
	// MinAvailable is how many pods must stay: Pods(1) or Percent(50). As many as there are at least, which would keep a
	// node from ever being drained, is an error. Defaults to none.
	MinAvailable *intstr.IntOrString
	// MaxUnavailable is how many pods may be gone: Pods(1) or Percent(25). None is an error, for the same reason.
	// Defaults to none.
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
		p.Add(field.Child("MinAvailable"), b.MinAvailable.String(), "cannot stand beside MaxUnavailable; leave out one of them")
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

// TopologySpread spreads pods over nodes, zones or other domains.
// See https://kubernetes.io/docs/concepts/scheduling-eviction/topology-spread-constraints/.
type TopologySpread struct {
	// TopologyKey is the node label whose values are the domains. Required; for example "kubernetes.io/hostname" or
	// "topology.kubernetes.io/zone".
	TopologyKey string
	// MaxSkew is by how many pods domains may differ. Defaults to 1.
	MaxSkew int32
	// Required leaves a pod unscheduled rather than break the rule. Defaults to false: the scheduler does its best.
	Required bool
}

func (s TopologySpread) validate(p *problem.List, field *problem.Path) {
	if s.TopologyKey == "" {
		p.Missing(field.Child("TopologyKey"), "name a node label, for example \"kubernetes.io/hostname\"")
	} else {
		p.QualifiedName(field.Child("TopologyKey"), s.TopologyKey)
	}
	if s.MaxSkew < 0 {
		p.Add(field.Child("MaxSkew"), s.MaxSkew, "is negative; use 1 or more")
	}
}

func (s TopologySpread) render(selector map[string]string) corev1.TopologySpreadConstraint {
	constraint := corev1.TopologySpreadConstraint{
		TopologyKey:       s.TopologyKey,
		MaxSkew:           max(s.MaxSkew, 1),
		WhenUnsatisfiable: corev1.ScheduleAnyway,
		LabelSelector:     &metav1.LabelSelector{MatchLabels: maps.Clone(selector)},
		// Without it the pods of the old ReplicaSet count too during a rollout.
		MatchLabelKeys: []string{appsv1.DefaultDeploymentUniqueLabelKey},
	}
	if s.Required {
		constraint.WhenUnsatisfiable = corev1.DoNotSchedule
	}
	return constraint
}

// addAvailability adds what stands beside the Deployment.
func (d *ProbedDeployment) addAvailability() {
	props := d.props
	meta := metav1.ObjectMeta{Name: props.Name, Labels: merged(props.Labels, props.Selector)}
	if !props.Autoscaling.isZero() {
		object := props.Autoscaling.render(props.Name)
		object.ObjectMeta = *meta.DeepCopy()
		k8s.NewHorizontalPodAutoscaler(d, "Autoscaler", patched(d, object, props.Autoscaling.Patch))
	}
	if !props.DisruptionBudget.isZero() {
		k8s.NewPodDisruptionBudget(d, "DisruptionBudget", patched(d, &policyv1.PodDisruptionBudget{
			ObjectMeta: meta,
			Spec: policyv1.PodDisruptionBudgetSpec{
				MinAvailable:   props.DisruptionBudget.MinAvailable,
				MaxUnavailable: props.DisruptionBudget.MaxUnavailable,
				Selector:       &metav1.LabelSelector{MatchLabels: d.Selector()},
				// A pod that is not ready serves nobody, and must not hold up a drain.
				UnhealthyPodEvictionPolicy: new(policyv1.AlwaysAllow),
			},
		}, props.DisruptionBudget.Patch))
	}
}

func (a Autoscaling) render(name string) *autoscalingv2.HorizontalPodAutoscaler {
	object := &autoscalingv2.HorizontalPodAutoscaler{
		Spec: autoscalingv2.HorizontalPodAutoscalerSpec{
			ScaleTargetRef: autoscalingv2.CrossVersionObjectReference{APIVersion: "apps/v1", Kind: "Deployment", Name: name},
			MinReplicas:    &a.MinReplicas,
			MaxReplicas:    a.MaxReplicas,
		},
	}
	for _, f := range []struct {
		resource corev1.ResourceName
		percent  int32
	}{{corev1.ResourceCPU, a.CPUUtilization}, {corev1.ResourceMemory, a.MemoryUtilization}} {
		if f.percent != 0 {
			object.Spec.Metrics = append(object.Spec.Metrics, autoscalingv2.MetricSpec{
				Type: autoscalingv2.ResourceMetricSourceType,
				Resource: &autoscalingv2.ResourceMetricSource{
					Name:   f.resource,
					Target: autoscalingv2.MetricTarget{Type: autoscalingv2.UtilizationMetricType, AverageUtilization: &f.percent},
				},
			})
		}
	}
	if a.ScaleDownStabilization != 0 {
		object.Spec.Behavior = &autoscalingv2.HorizontalPodAutoscalerBehavior{
			ScaleDown: &autoscalingv2.HPAScalingRules{StabilizationWindowSeconds: optionalSeconds(a.ScaleDownStabilization)},
		}
	}
	return object
}
