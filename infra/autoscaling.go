package infra

import (
	"cmp"
	"fmt"
	"time"

	autoscalingv2 "k8s.io/api/autoscaling/v2"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/crossoverJie/k8s-combat/imports/k8s"
	"github.com/crossoverJie/k8s-combat/infra/internal/object"
	"github.com/crossoverJie/k8s-combat/infra/internal/problem"
	"github.com/crossoverJie/k8s-combat/infra/pod"
)

// Autoscaling lets a HorizontalPodAutoscaler choose the number of pods. Its zero value is none.
//
// A Deployment that has had Replicas loses that field, and whoever applied it sets it to its
// default, one pod, when it is applied without. Let another manager own it before, until the
// autoscaler writes it:
// https://kubernetes.io/docs/concepts/workloads/autoscaling/horizontal-pod-autoscale/#migrating-deployments-and-statefulsets-to-horizontal-autoscaling.
// See https://kubernetes.io/docs/tasks/run-application/horizontal-pod-autoscale/.
type Autoscaling struct {
	// MinReplicas is the least number of pods. Defaults to 1.
	MinReplicas int32
	// MaxReplicas is the greatest number of pods. Required where any other field is set.
	MaxReplicas int32
	// CPUUtilization is the share of the requested CPU, in percent, that is aimed at; without such
	// a request, of the main container and of each sidecar, it is an error. Defaults to 80, unless
	// MemoryUtilization is set.
	CPUUtilization *int32
	// MemoryUtilization is the share of the requested memory, in percent, that is aimed at; without
	// such a request it is an error too. Defaults to none.
	MemoryUtilization *int32
	// ScaleDownStabilization is how long the need must be less before pods are taken away, in whole
	// seconds, at most 1 h; 0 takes them away at once. Defaults to Kubernetes' 5 min.
	ScaleDownStabilization *time.Duration
	// Patch has the last word on the HorizontalPodAutoscaler.
	Patch func(*autoscalingv2.HorizontalPodAutoscaler)
}

func (a Autoscaling) isZero() bool {
	return a.MinReplicas == 0 && a.MaxReplicas == 0 && a.CPUUtilization == nil && a.MemoryUtilization == nil &&
		a.ScaleDownStabilization == nil && a.Patch == nil
}

func (a Autoscaling) withDefaults() Autoscaling {
	if a.isZero() {
		return a
	}
	if a.MinReplicas == 0 {
		a.MinReplicas = 1
	}
	if a.CPUUtilization == nil && a.MemoryUtilization == nil {
		a.CPUUtilization = new(int32(80))
	}
	return a
}

// validate takes the resources of the main container, and the sidecars, of which the autoscaler
// asks the same.
func (a Autoscaling) validate(p *problem.List, field *problem.Path, resources pod.Resources,
	sidecars []pod.Container) {
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
		p.Add(field.Child("MaxReplicas"), a.MaxReplicas,
			fmt.Sprintf("is less than MinReplicas, %d; raise it", a.MinReplicas))
	}
	if stabilization := a.ScaleDownStabilization; stabilization != nil {
		p.Seconds(field.Child("ScaleDownStabilization"), *stabilization)
		if *stabilization > time.Hour {
			p.Add(field.Child("ScaleDownStabilization"), *stabilization, "is too long; use at most 1h")
		}
	}
	for _, f := range []struct {
		name    string
		percent *int32
		of      func(pod.ResourceList) string
	}{
		{"CPU", a.CPUUtilization, func(l pod.ResourceList) string { return l.CPU }},
		{"Memory", a.MemoryUtilization, func(l pod.ResourceList) string { return l.Memory }},
	} {
		if f.percent == nil {
			continue
		}
		if *f.percent < 1 {
			p.Add(field.Child(f.name+"Utilization"), *f.percent, "is less than 1 %; use for example 80, or leave it out")
			continue
		}
		isRequested := func(r pod.Resources) bool {
			quantity, err := resource.ParseQuantity(cmp.Or(f.of(r.Requests), f.of(r.Limits)))
			return err == nil && !quantity.IsZero()
		}
		if !isRequested(resources) {
			p.Missing(problem.At("Resources", "Requests", f.name),
				field.String()+" aims at a share of it; say how much a pod requests")
		}
		for i, sidecar := range sidecars {
			if !isRequested(sidecar.Resources) {
				p.Missing(problem.At("Sidecars").Index(i).Child("Resources", "Requests", f.name),
					field.String()+" aims at a share of what all containers request, and does nothing where one says none; say how much it requests")
			}
		}
	}
}

func (props ProbedDeploymentProps) addAutoscaler(d *ProbedDeployment) {
	if props.Autoscaling.isZero() {
		return
	}
	scaler := props.Autoscaling.render(props.Name)
	scaler.ObjectMeta = *props.meta().DeepCopy()
	k8s.NewHorizontalPodAutoscaler(d, "Autoscaler",
		object.Patched(d, "Autoscaling.Patch", scaler, props.Autoscaling.Patch))
}

// meta is the metadata of what stands beside the Deployment.
func (props ProbedDeploymentProps) meta() *metav1.ObjectMeta {
	return &metav1.ObjectMeta{Name: props.Name, Labels: object.Merged(props.Labels, props.Selector)}
}

func (a Autoscaling) render(name string) *autoscalingv2.HorizontalPodAutoscaler {
	object := &autoscalingv2.HorizontalPodAutoscaler{
		Spec: autoscalingv2.HorizontalPodAutoscalerSpec{
			ScaleTargetRef: autoscalingv2.CrossVersionObjectReference{APIVersion: "apps/v1",
				Kind: "Deployment", Name: name},
			MinReplicas: &a.MinReplicas,
			MaxReplicas: a.MaxReplicas,
		},
	}
	for _, f := range []struct {
		resource corev1.ResourceName
		percent  *int32
	}{{corev1.ResourceCPU, a.CPUUtilization}, {corev1.ResourceMemory, a.MemoryUtilization}} {
		if f.percent != nil {
			object.Spec.Metrics = append(object.Spec.Metrics, autoscalingv2.MetricSpec{
				Type: autoscalingv2.ResourceMetricSourceType,
				Resource: &autoscalingv2.ResourceMetricSource{
					Name: f.resource,
					Target: autoscalingv2.MetricTarget{Type: autoscalingv2.UtilizationMetricType,
						AverageUtilization: f.percent},
				},
			})
		}
	}
	if a.ScaleDownStabilization != nil {
		object.Spec.Behavior = &autoscalingv2.HorizontalPodAutoscalerBehavior{
			ScaleDown: &autoscalingv2.HPAScalingRules{StabilizationWindowSeconds: new(seconds(*a.ScaleDownStabilization))},
		}
	}
	return object
}
