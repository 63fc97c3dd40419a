package infra

import (
	"fmt"
	"maps"
	"math"
	"strings"

	"github.com/aws/constructs-go/constructs/v10"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/crossoverJie/k8s-combat/imports/k8s"
	"github.com/crossoverJie/k8s-combat/imports/tree"
	"github.com/crossoverJie/k8s-combat/infra/internal/object"
	"github.com/crossoverJie/k8s-combat/infra/internal/problem"
	"github.com/crossoverJie/k8s-combat/infra/pod"
)

// PodSecurity is a level of the Pod Security Standards.
// See https://kubernetes.io/docs/concepts/security/pod-security-standards/.
type PodSecurity string

// The levels of Kubernetes.
const (
	Restricted PodSecurity = "restricted"
	Baseline   PodSecurity = "baseline"
	Privileged PodSecurity = "privileged"
)

// podSecurityLabels is the beginning of the labels by which a namespace says what it asks of pods
// (https://kubernetes.io/docs/concepts/security/pod-security-admission/).
const podSecurityLabels = "pod-security.kubernetes.io/"

// Quota bounds what all pods of a namespace have together. Its zero value bounds nothing. Where CPU
// or memory are bounded, every container has to say how much it requests, or Limits has to say it
// for those that do not. See https://kubernetes.io/docs/concepts/policy/resource-quotas/.
type Quota struct {
	// Requests and Limits bound the sums of those of all pods. Default to no bound.
	Requests, Limits pod.ResourceList
	// Storage bounds the sum of what all claims ask for, a quantity such as 100Gi. Defaults to no
	// bound.
	Storage string
	// Count bounds the number of objects, by resource in the notation of kubectl: {"pods": 20,
	// "services": 10, "deployments.apps": 5}. Defaults to no bound.
	Count map[string]int64
}

// ContainerLimits are what a container of a namespace has that does not say it itself, and what it
// may say. Its zero value says nothing. See
// https://kubernetes.io/docs/concepts/policy/limit-range/.
type ContainerLimits struct {
	// DefaultRequests and DefaultLimits are those of a container that names none. Default to none.
	DefaultRequests, DefaultLimits pod.ResourceList
	// Max is what a limit may be at most, and Min what a request must be at least. Default to no bound.
	Max, Min pod.ResourceList
}

// NamespaceProps are the options of a Namespace.
type NamespaceProps struct {
	// Name of the Namespace. Required; an RFC 1123 label.
	Name string
	// PodSecurity is the level of the Pod Security Standards that pods have to meet. Defaults to
	// Restricted, which the workloads of this package meet.
	PodSecurity PodSecurity
	// Warn is the level below which whoever applies a pod is warned. Defaults to PodSecurity.
	Warn PodSecurity
	// Quota makes a ResourceQuota in the namespace. Defaults to none.
	Quota Quota
	// Limits make a LimitRange in the namespace. Default to none.
	Limits ContainerLimits
	// Labels and Annotations of the Namespace. Default to none.
	Labels, Annotations map[string]string
	// Patch has the last word on the Namespace.
	Patch func(*corev1.Namespace)
	// PatchQuota has it on the ResourceQuota, and PatchLimits on the LimitRange.
	PatchQuota  func(*corev1.ResourceQuota)
	PatchLimits func(*corev1.LimitRange)
}

func (q Quota) isZero() bool {
	return q.Requests == (pod.ResourceList{}) && q.Limits == (pod.ResourceList{}) && q.Storage == "" &&
		len(q.Count) == 0
}

func (props NamespaceProps) withDefaults() NamespaceProps {
	if props.PodSecurity == "" {
		props.PodSecurity = Restricted
	}
	if props.Warn == "" {
		props.Warn = props.PodSecurity
	}
	return props
}

func (props NamespaceProps) validate() problem.List {
	var p problem.List
	p.DNSLabel(problem.At("Name"), props.Name)
	problem.OneOf(&p, problem.At("PodSecurity"), props.PodSecurity, Restricted, Baseline, Privileged)
	problem.OneOf(&p, problem.At("Warn"), props.Warn, Restricted, Baseline, Privileged)
	props.Quota.validate(&p, problem.At("Quota"))
	props.Limits.validate(&p, problem.At("Limits"))
	p.Labels(problem.At("Labels"), props.Labels)
	for _, key := range sortedKeys(props.podSecurity()) {
		if value, taken := props.Labels[key]; taken {
			p.Add(problem.Key(problem.At("Labels"), key), value, "is set by PodSecurity and Warn; leave it out")
		}
	}
	p.Annotations(problem.At("Annotations"), props.Annotations)
	return p
}

func (q Quota) validate(p *problem.List, at *problem.Path) {
	pod.Resources{Requests: q.Requests, Limits: q.Limits}.ValidatePair(p, at.Child("Requests"), at.Child("Limits"), true, true)
	if q.Storage != "" {
		pod.ClaimOptions{Storage: q.Storage}.Validate(p, at)
	}
	for _, name := range sortedKeys(q.Count) {
		field := problem.Key(at.Child("Count"), name)
		if !isCounted(name) || len(validation.IsQualifiedName("count/"+name)) > 0 {
			p.Add(at.Child("Count"), name,
				"is not a resource that can be counted; use its plural, with its group where it has one, for example \"pods\" or \"deployments.apps\"")
		}
		if q.Count[name] < 0 || q.Count[name] > mostCounted {
			p.Add(field, q.Count[name], fmt.Sprintf("is out of range; use 0 to %d", int64(mostCounted)))
		}
	}
}

// mostCounted is what Kubernetes can count in thousandths.
const mostCounted = math.MaxInt64 / 1000

// countedAlone are what a quota counts by these names: resources of the core, and Services of two
// types.
var countedAlone = map[string]bool{
	"pods": true, "services": true, "configmaps": true, "secrets": true, "persistentvolumeclaims": true,
	"replicationcontrollers": true, "resourcequotas": true, "services.loadbalancers": true,
	"services.nodeports": true,
}

// isCounted reports whether a quota can count a resource; it counts no subresources, and not all
// resources at once.
func isCounted(name string) bool {
	group, resource, ok := splitResource(name)
	return countedAlone[name] || ok && group != "" && !strings.ContainsAny(resource, "*/")
}

func (c ContainerLimits) validate(p *problem.List, at *problem.Path) {
	// The API server fills in DefaultRequests from DefaultLimits and that from Max, and holds all
	// of them to this order.
	order := []struct {
		field string
		list  pod.ResourceList
	}{{"Min", c.Min}, {"DefaultRequests", c.DefaultRequests}, {"DefaultLimits",
		c.DefaultLimits}, {"Max", c.Max}}
	for i, low := range order {
		for j, high := range order[i+1:] {
			pod.Resources{Requests: low.list, Limits: high.list}.ValidatePair(p, at.Child(low.field),
				at.Child(high.field), i == 0 && j == 0, i == 0)
		}
	}
}

func (props NamespaceProps) podSecurity() map[string]string {
	return map[string]string{
		podSecurityLabels + "enforce": string(props.PodSecurity),
		podSecurityLabels + "warn":    string(props.Warn),
	}
}

// Namespace is a namespace that asks its pods to be safe, with a quota and limits where they are
// wanted. See https://kubernetes.io/docs/concepts/overview/working-with-objects/namespaces/.
type Namespace struct {
	constructs.Construct
	name string
}

// NewNamespace makes a Namespace. Its children are the Resource and, where they are asked for,
// Quota and Limits.
func NewNamespace(scope constructs.Construct, id string, props NamespaceProps) *Namespace {
	props = props.withDefaults()
	n := &Namespace{name: props.Name}
	tree.New(n, scope, id)
	tree.Invalid(n, props.validate()...)
	k8s.NewNamespace(n, "Resource", object.Patched(n, "Patch", &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{
		Name: props.Name, Labels: object.Merged(props.Labels, props.podSecurity()),
		Annotations: maps.Clone(props.Annotations),
	}}, props.Patch))
	meta := metav1.ObjectMeta{Name: props.Name, Namespace: props.Name, Labels: props.Labels}
	if !props.Quota.isZero() {
		k8s.NewResourceQuota(n, "Quota", object.Patched(n, "PatchQuota",
			&corev1.ResourceQuota{ObjectMeta: meta,
				Spec: corev1.ResourceQuotaSpec{Hard: props.Quota.hard()}}, props.PatchQuota))
	}
	if props.Limits != (ContainerLimits{}) {
		k8s.NewLimitRange(n, "Limits",
			object.Patched(n, "PatchLimits",
				&corev1.LimitRange{ObjectMeta: meta, Spec: props.Limits.spec()}, props.PatchLimits))
	}
	return n
}

// Name returns the name of the Namespace.
func (n *Namespace) Name() string {
	if n == nil {
		return ""
	}
	return n.name
}

func (q Quota) hard() corev1.ResourceList {
	hard := corev1.ResourceList{}
	for name, quantity := range q.Requests.List() {
		hard["requests."+name] = quantity
	}
	for name, quantity := range q.Limits.List() {
		hard["limits."+name] = quantity
	}
	if quantity, err := resource.ParseQuantity(q.Storage); q.Storage != "" && err == nil {
		hard[corev1.ResourceRequestsStorage] = quantity
	}
	for name, count := range q.Count {
		key := corev1.ResourceName(name)
		if !countedAlone[name] {
			key = "count/" + key
		}
		hard[key] = *resource.NewQuantity(count, resource.DecimalSI)
	}
	return hard
}

func (c ContainerLimits) spec() corev1.LimitRangeSpec {
	return corev1.LimitRangeSpec{Limits: []corev1.LimitRangeItem{{
		Type:           corev1.LimitTypeContainer,
		DefaultRequest: c.DefaultRequests.List(),
		Default:        c.DefaultLimits.List(),
		Max:            c.Max.List(),
		Min:            c.Min.List(),
	}}}
}
