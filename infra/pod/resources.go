package pod

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
	// Limits is what the container may use at most: above the CPU it is slowed down, above the
	// memory it is killed. Defaults to no limit.
	Limits ResourceList
}

// ResourceList are amounts of compute resources, each a Kubernetes quantity: a number with an
// optional unit, such as 100m or 0.1 (a tenth of a core), 128Mi, 1Gi. An empty one is left out.
type ResourceList struct {
	// CPU in cores, in steps of 1m, a thousandth; of a container at most 1000. Defaults to none.
	CPU string
	// Memory in bytes, in whole ones, at least 4Mi or 0. Defaults to none.
	Memory string
	// EphemeralStorage in bytes, in whole ones: the container's writable layer, its logs and its
	// emptyDir volumes. Less than 1Mi without a unit is an error. Defaults to none.
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

// List returns the quantities, without what is not one: validation tells.
func (l ResourceList) List() corev1.ResourceList {
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
			p.Add(name, f.text,
				"is not a quantity; use a number with an optional unit, for example 100m, 0.5, 128Mi or 1Gi")
		case quantity.Sign() < 0:
			p.Add(name, f.text, "is negative; use 0 or more")
		case f.resource != corev1.ResourceCPU && !isWhole(quantity):
			p.Add(name, f.text,
				"is not a whole number of bytes; use for example 128Mi (Mi stands for mebibytes, m for thousandths)")
		case f.resource == corev1.ResourceCPU && !isExact(quantity, resource.Milli):
			p.Add(name, f.text, "is finer than Kubernetes counts, thousandths of a core; use at least 1m")
		case f.resource == corev1.ResourceMemory:
			p.Memory(name, f.text, quantity)
		case f.resource == corev1.ResourceEphemeralStorage:
			p.Storage(name, f.text, quantity)
		}
	}
}

// isWhole reports whether a quantity has no fraction.
func isWhole(quantity resource.Quantity) bool { return isExact(quantity, 0) }

func isExact(quantity resource.Quantity, scale resource.Scale) bool {
	_, exact := quantity.AsScale(scale)
	return exact
}

func (r Resources) render() corev1.ResourceRequirements {
	return corev1.ResourceRequirements{Requests: r.Requests.List(), Limits: r.Limits.List()}
}

// Validate records what is wrong with the resources.
func (r Resources) Validate(l *problem.List, at *problem.Path) {
	r.ValidatePair(l, at.Child("Requests"), at.Child("Limits"), true, true)
	for _, list := range []struct {
		field string
		ResourceList
	}{{"Requests", r.Requests}, {"Limits", r.Limits}} {
		if quantity, ok := list.List()[corev1.ResourceCPU]; ok {
			l.CPU(at.Child(list.field, "CPU"), list.CPU, quantity)
		}
	}
}

// ValidatePair does the same for two lists that are called otherwise. each says whether what is
// wrong with one of them alone is recorded too.
func (r Resources) ValidatePair(l *problem.List, requests, limits *problem.Path, eachRequest, eachLimit bool) {
	if eachRequest {
		r.Requests.validate(l, requests)
	}
	if eachLimit {
		r.Limits.validate(l, limits)
	}
	most := r.Limits.List()
	for _, f := range r.Requests.fields() {
		request, ok := r.Requests.List()[f.resource]
		if limit, limited := most[f.resource]; ok && limited && request.Cmp(limit) > 0 {
			l.Add(requests.Child(f.field), f.text,
				"is more than "+limits.Child(f.field).String()+", "+problem.Show(limit.String())+"; lower the request or raise the limit")
		}
	}
}
