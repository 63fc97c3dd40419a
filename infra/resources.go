package infra

import (
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/crossoverJie/k8s-combat/infra/internal/problem"
)

// Resources are the compute resources of a container. A request above its limit is an error.
// See https://kubernetes.io/docs/concepts/configuration/manage-resources-containers/.
type Resources struct {
	// Requests is what the scheduler sets aside. Defaults to Limits, as Kubernetes does.
	Requests ResourceList
	// Limits is what the container may use at most: above the CPU it is slowed down, above the memory it is killed.
	// Defaults to no limit.
	Limits ResourceList
}

// ResourceList are amounts of compute resources, each a Kubernetes quantity: a number with an optional unit, such as
// 100m or 0.1 (a tenth of a core), 128Mi, 1Gi. An empty one is left out.
type ResourceList struct {
	// CPU in cores. Defaults to none.
	CPU string
	// Memory in bytes, in whole ones. Defaults to none.
	Memory string
	// EphemeralStorage in bytes, in whole ones: the container's writable layer, its logs and its emptyDir volumes.
	// Defaults to none.
	EphemeralStorage string
}

type quantityField struct {
	field    string
	resource corev1.ResourceName
	text     string
}

func (l ResourceList) fields() []quantityField {
	return []quantityField{
		{"CPU", corev1.ResourceCPU, l.CPU},
		{"Memory", corev1.ResourceMemory, l.Memory},
		{"EphemeralStorage", corev1.ResourceEphemeralStorage, l.EphemeralStorage},
	}
}

// render parses the quantities, and leaves out what is not one: validate tells.
func (l ResourceList) render() corev1.ResourceList {
	result := corev1.ResourceList{}
	for _, f := range l.fields() {
		if quantity, err := resource.ParseQuantity(f.text); f.text != "" && err == nil {
			result[f.resource] = quantity
		}
	}
	return result
}

func (l ResourceList) validate(p *problem.List, field *problem.Path) {
	for _, f := range l.fields() {
		if f.text == "" {
			continue
		}
		name := field.Child(f.field)
		quantity, err := resource.ParseQuantity(f.text)
		switch {
		case err != nil:
			p.Add(name, f.text, "is not a quantity; use a number with an optional unit, for example 100m, 0.5, 128Mi or 1Gi")
		case quantity.Sign() < 0:
			p.Add(name, f.text, "is negative; use 0 or more")
		case f.resource != corev1.ResourceCPU && !isWhole(quantity):
			p.Add(name, f.text, "is not a whole number of bytes; use for example 128Mi (Mi stands for mebibytes, m for thousandths)")
		}
	}
}

// isWhole tells whether a quantity has no fraction.
func isWhole(quantity resource.Quantity) bool {
	_, exact := quantity.AsScale(0)
	return exact
}

func (r Resources) render() corev1.ResourceRequirements {
	return corev1.ResourceRequirements{Requests: r.Requests.render(), Limits: r.Limits.render()}
}

func (r Resources) validate(p *problem.List, field *problem.Path) {
	r.Requests.validate(p, field.Child("Requests"))
	r.Limits.validate(p, field.Child("Limits"))
	limits := r.Limits.render()
	for _, f := range r.Requests.fields() {
		request, ok := r.Requests.render()[f.resource]
		if limit, limited := limits[f.resource]; ok && limited && request.Cmp(limit) > 0 {
			p.Add(field.Child("Requests", f.field), f.text, "is more than "+field.Child("Limits", f.field).String()+", "+problem.Show(limit.String())+"; lower the request or raise the limit")
		}
	}
}
