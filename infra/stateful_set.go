package infra

import (
	"maps"
	"slices"
	"time"

	"github.com/aws/constructs-go/constructs/v10"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/crossoverJie/k8s-combat/imports/k8s"
	"github.com/crossoverJie/k8s-combat/imports/tree"
	"github.com/crossoverJie/k8s-combat/infra/internal/object"
	"github.com/crossoverJie/k8s-combat/infra/internal/problem"
	"github.com/crossoverJie/k8s-combat/infra/internal/ref"
	"github.com/crossoverJie/k8s-combat/infra/pod"
)

// StatefulSetProps are the options of a StatefulSet.
type StatefulSetProps struct {
	// Name of the StatefulSet and of its main container. Its pods are called Name-0, Name-1 and so
	// on. Required; an RFC 1035 label, at most 52 characters, since the label of a revision is
	// longer than the name.
	Name string
	// ServiceName is the name of the headless Service by which the pods have names of their own,
	// Name-0.ServiceName. Required to differ from any other Service's. Defaults to Name.
	ServiceName string
	// Ports of the headless Service. Default to the Pod's Ports, under their names.
	Ports []ServicePort
	// Selector are the labels by which the StatefulSet knows its pods. They cannot be changed once
	// it is applied. Defaults to {"app": Name}.
	Selector map[string]string
	// Pod describes the pods. Its Name defaults to that of the StatefulSet.
	Pod pod.Props
	// Replicas is the number of pods. Defaults to 1.
	Replicas *int32
	// Claims are storage that each pod has of its own, and finds again after it is replaced. They
	// cannot be changed once the StatefulSet is applied. Default to none.
	Claims []ClaimTemplate
	// KeepClaims keeps the storage of pods when the StatefulSet is deleted or scaled down. Nil is
	// Kubernetes' default, to keep it.
	KeepClaims *bool
	// Partition is how many pods, those with the lowest numbers, an update leaves as they are.
	// Defaults to 0.
	Partition int32
	// MaxUnavailable is how many pods may be gone at a time during an update: Pods(1) or
	// Percent(25). Defaults to Kubernetes' one.
	MaxUnavailable *intstr.IntOrString
	// OnDelete leaves a pod as it is until somebody deletes it. Defaults to false: an update
	// replaces the pods, from the highest number to the lowest.
	OnDelete bool
	// Parallel starts and ends all pods at once. It cannot be changed once the StatefulSet is
	// applied. Defaults to false: one after the other, each when the one before is ready.
	Parallel bool
	// MinReady is how long a new pod must be ready before the next one is replaced, in whole
	// seconds. Defaults to 0.
	MinReady time.Duration
	// RevisionHistoryLimit is how many old revisions are kept to go back to. Defaults to
	// Kubernetes' 10.
	RevisionHistoryLimit *int32
	// DisruptionBudget bounds how many pods may be evicted at a time. Defaults to none.
	DisruptionBudget DisruptionBudget
	// Labels of the StatefulSet, its Service and its pods, and Annotations of the StatefulSet.
	// Default to none.
	Labels, Annotations map[string]string
	// Patch has the last word on the StatefulSet.
	Patch func(*appsv1.StatefulSet)
	// PatchService has it on the headless Service.
	PatchService func(*corev1.Service)
}

// ClaimTemplate is storage that each pod of a StatefulSet has of its own.
type ClaimTemplate struct {
	// Name of the claim; that of a pod is Name, '-' and the pod's. Required; an RFC 1123 label.
	Name string
	// Options say which storage is asked for.
	pod.ClaimOptions
	// Path is where the main container sees it, absolute. Other containers mount
	// pod.ClaimTemplate(Name). Defaults to nowhere.
	Path string
}

// longestStatefulSetName leaves room for the hash in the label controller-revision-hash of its pods.
const longestStatefulSetName = 63 - len("-1234567890")

func (props StatefulSetProps) withDefaults() StatefulSetProps {
	props.Selector = selectorOf(props.Name, props.Selector)
	if props.ServiceName == "" {
		props.ServiceName = props.Name
	}
	if props.Replicas == nil {
		props.Replicas = new(int32(1))
	}
	if props.Pod.Name == "" {
		props.Pod.Name = props.Name
	}
	if props.Ports == nil {
		props.Ports = servicePorts(props.Pod.Ports)
	}
	props.Pod.Mounts = slices.Clone(props.Pod.Mounts)
	for i, claim := range props.Claims {
		if claim.Path != "" {
			mount := pod.Mount{Path: claim.Path, Volume: pod.ClaimTemplate(claim.Name)}
			props.Pod.Mounts = append(props.Pod.Mounts, mount.Of(problem.At("Claims").Index(i)))
		}
	}
	props.Pod = props.Pod.WithDefaults()
	return props
}

// servicePorts are the ports of a Service for all ports of a container.
func servicePorts(ports []pod.Port) []ServicePort {
	var result []ServicePort
	for _, port := range ports {
		result = append(result, ServicePort{Name: port.Name, Port: port.Port, Protocol: port.Protocol})
	}
	return result
}

func (props StatefulSetProps) validate() problem.List {
	var p problem.List
	at := problem.At("Name")
	p.ServiceName(at, props.Name)
	if len(props.Name) > longestStatefulSetName {
		p.Add(at, props.Name,
			"is too long: the pods have a label with the name and a hash; use at most 52 characters")
	}
	validateSelector(&p, props.Name, props.Selector)
	props.Pod.ValidateLabels(&p, problem.At("Labels"), props.Labels, props.Selector)
	p.Annotations(problem.At("Annotations"), props.Annotations)
	pod.ValidateAnnotations(&p, problem.At("Pod", "Annotations"), props.Pod.Annotations)
	var names []string
	var taken problem.Unique
	for i, claim := range props.Claims {
		field := problem.At("Claims").Index(i)
		p.DNSLabel(field.Child("Name"), claim.Name)
		if claim.Name != "" {
			taken.Check(&p, field.Child("Name"), field, claim.Name)
		}
		claim.Validate(&p, field)
		if claim.Block && claim.Path != "" {
			p.Add(field.Child("Block"), true, "cannot be mounted at a path; leave out one of them")
		}
		names = append(names, claim.Name)
	}
	props.Pod.Validate(&p, problem.At("Pod"),
		pod.Workload{Name: props.Name, Selector: props.Selector, Claims: names})
	validateReplicas(&p, props.Replicas)
	if props.Partition < 0 {
		p.Add(problem.At("Partition"), props.Partition, "is negative; use 0 or more")
	}
	if n := podCount(&p, problem.At("MaxUnavailable"), props.MaxUnavailable, 100); n == 0 {
		p.Add(problem.At("MaxUnavailable"), props.MaxUnavailable.String(),
			"would let no pod be replaced; use Pods(1) or more")
	}
	if props.OnDelete && (props.Partition != 0 || props.MaxUnavailable != nil) {
		p.Add(problem.At("OnDelete"), true,
			"has no use for Partition and MaxUnavailable; leave them out, or OnDelete")
	}
	p.Seconds(problem.At("MinReady"), props.MinReady)
	validateHistory(&p, problem.At("RevisionHistoryLimit"), props.RevisionHistoryLimit)
	props.DisruptionBudget.validate(&p, problem.At("DisruptionBudget"), *props.Replicas)
	return p
}

// validateReplicas checks a number of pods.
func validateReplicas(p *problem.List, replicas *int32) {
	if replicas != nil && *replicas < 0 {
		p.Add(problem.At("Replicas"), *replicas, "is negative; use 0 or more")
	}
}

// validateHistory checks how many of something old are kept.
func validateHistory(p *problem.List, at *problem.Path, limit *int32) {
	if limit != nil && *limit < 0 {
		p.Add(at, *limit, "is negative; use 0 or more")
	}
}

// StatefulSet is a set of pods of which each keeps its name and its storage, with the headless
// Service by which they are found. See
// https://kubernetes.io/docs/concepts/workloads/controllers/statefulset/.
type StatefulSet struct {
	constructs.Construct
	made    *ref.Workload
	service *Service
}

// NewStatefulSet makes a StatefulSet. Its child Resource is the StatefulSet, its child Service the
// headless Service.
func NewStatefulSet(scope constructs.Construct, id string, props StatefulSetProps) *StatefulSet {
	props = props.withDefaults()
	s := &StatefulSet{}
	tree.New(s, scope, id)
	tree.Invalid(s, props.validate()...)
	set := object.Patched(s, "Patch", props.render(s), props.Patch)
	made := k8s.NewStatefulSet(s, "Resource", set)
	s.made = newWorkload(s, ref.To("StatefulSet", props.Name, made), set.Spec.Selector,
		set.Spec.Template, props.Pod.References(problem.At("Pod")))
	s.service = NewService(s, "Service", ServiceProps{
		Name: props.ServiceName, Type: Headless, Selector: s.Selector(), Ports: props.Ports,
		Labels: props.Labels, Patch: props.PatchService,
	})
	props.DisruptionBudget.add(s, metav1.ObjectMeta{Name: props.Name,
		Labels: object.Merged(props.Labels, props.Selector)}, s.Selector())
	return s
}

func (props StatefulSetProps) render(s *StatefulSet) *appsv1.StatefulSet {
	set := &appsv1.StatefulSet{
		ObjectMeta: metav1.ObjectMeta{Name: props.Name,
			Labels: object.Merged(props.Labels, props.Selector), Annotations: maps.Clone(props.Annotations)},
		Spec: appsv1.StatefulSetSpec{
			ServiceName: props.ServiceName,
			Replicas:    props.Replicas,
			Selector:    &metav1.LabelSelector{MatchLabels: maps.Clone(props.Selector)},
			Template: labelled(props.Pod, props.Labels).Template(s, props.Selector,
				appsv1.ControllerRevisionHashLabelKey),
			MinReadySeconds:      seconds(props.MinReady),
			RevisionHistoryLimit: props.RevisionHistoryLimit,
		},
	}
	switch {
	case props.OnDelete:
		set.Spec.UpdateStrategy.Type = appsv1.OnDeleteStatefulSetStrategyType
	case props.Partition != 0 || props.MaxUnavailable != nil:
		set.Spec.UpdateStrategy = appsv1.StatefulSetUpdateStrategy{
			Type: appsv1.RollingUpdateStatefulSetStrategyType,
			RollingUpdate: &appsv1.RollingUpdateStatefulSetStrategy{Partition: &props.Partition,
				MaxUnavailable: props.MaxUnavailable},
		}
	}
	if props.Parallel {
		set.Spec.PodManagementPolicy = appsv1.ParallelPodManagement
	}
	if props.KeepClaims != nil {
		policy := appsv1.DeletePersistentVolumeClaimRetentionPolicyType
		if *props.KeepClaims {
			policy = appsv1.RetainPersistentVolumeClaimRetentionPolicyType
		}
		set.Spec.PersistentVolumeClaimRetentionPolicy = &appsv1.StatefulSetPersistentVolumeClaimRetentionPolicy{WhenDeleted: policy, WhenScaled: policy}
	}
	for _, claim := range props.Claims {
		set.Spec.VolumeClaimTemplates = append(set.Spec.VolumeClaimTemplates, corev1.PersistentVolumeClaim{
			ObjectMeta: metav1.ObjectMeta{Name: claim.Name}, Spec: claim.Spec(),
		})
	}
	return set
}

// Name returns the name of the StatefulSet.
func (s *StatefulSet) Name() string { return s.Ref().Name() }

// Selector returns the labels by which the StatefulSet, and whatever stands before it, knows its pods.
func (s *StatefulSet) Selector() map[string]string { return s.Ref().Labels() }

// Ref refers to the StatefulSet and its pods, for other constructs.
func (s *StatefulSet) Ref() *ref.Workload {
	if s == nil {
		return nil
	}
	return s.made
}

// Service returns the headless Service.
func (s *StatefulSet) Service() *Service {
	if s == nil {
		return nil
	}
	return s.service
}
