package infra

import (
	"fmt"
	"maps"
	"slices"

	"github.com/aws/constructs-go/constructs/v10"
	"github.com/cdk8s-team/cdk8s-core-go/cdk8s/v2"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"

	"github.com/crossoverJie/k8s-combat/imports/k8s"
	"github.com/crossoverJie/k8s-combat/imports/tree"
	"github.com/crossoverJie/k8s-combat/infra/internal/problem"
)

// PullPolicy says when the kubelet pulls an image.
type PullPolicy string

// The pull policies of Kubernetes.
const (
	PullAlways       PullPolicy = "Always"
	PullIfNotPresent PullPolicy = "IfNotPresent"
	PullNever        PullPolicy = "Never"
)

// Protocol is the transport protocol of a port.
type Protocol string

// The transport protocols of Kubernetes.
const (
	TCP  Protocol = "TCP"
	UDP  Protocol = "UDP"
	SCTP Protocol = "SCTP"
)

// ContainerPort is a port that a container listens on.
type ContainerPort struct {
	// Name of the port, at most 15 lower-case letters, digits or '-'. Defaults to none.
	Name string
	// Port is its number, 1 to 65535. Required.
	Port int32
	// Protocol defaults to TCP.
	Protocol Protocol
}

// ProbedDeploymentProps are the options of a ProbedDeployment.
type ProbedDeploymentProps struct {
	// Name of the Deployment and of its container. Required; an RFC 1123 label.
	Name string
	// Selector are the labels by which the Deployment knows its pods. They cannot be changed once it is applied.
	// Defaults to {"app": Name}.
	Selector map[string]string
	// Labels of the Deployment and its pods, beside the Selector. Default to none.
	Labels map[string]string
	// Version is the label version of its pods, by which Istio tells versions apart. Defaults to none.
	Version string
	// Annotations of the Deployment. Default to none.
	Annotations map[string]string
	// PodAnnotations are the annotations of its pods. Default to none.
	PodAnnotations map[string]string

	// Image of the container. Required.
	Image string
	// ImagePullPolicy defaults to Kubernetes' own rule: Always for the tag latest, else IfNotPresent.
	ImagePullPolicy PullPolicy
	// Command replaces the image's entry point. Defaults to the image's.
	Command []string
	// Args replace the image's arguments. Default to the image's.
	Args []string
	// Ports that the container listens on. Default to none.
	Ports []ContainerPort
	// Env are single environment variables. Default to none.
	Env []EnvVar
	// EnvFrom are environment variables from all keys of a Config or of Credentials. Default to none.
	EnvFrom []EnvFrom
	// Files are files from a Config or from Credentials. Default to none.
	Files []File
	// Resources that the container asks for and is held to. Default to none.
	Resources Resources

	// Replicas is the number of pods. Defaults to 1; with Autoscaling it is left out, since that chooses.
	Replicas *int32
	// Autoscaling lets the load choose the number of pods. Defaults to none.
	Autoscaling Autoscaling
	// DisruptionBudget bounds how many pods may be evicted at a time. Defaults to none.
	DisruptionBudget DisruptionBudget
	// TopologySpread spreads the pods over nodes or zones. Defaults to none.
	TopologySpread []TopologySpread
	// Probes that the kubelet asks. Default to none.
	Probes Probes
	// Rollout says how new pods replace old ones. Defaults to a rolling update by 25 %.
	Rollout Rollout
	// Shutdown says how a pod ends. Defaults to Kubernetes' own behaviour.
	Shutdown Shutdown
	// Security departs from the safe defaults. Defaults to the Pod Security Standard "restricted".
	Security Security
	// ServiceAccountName is the account that the pods run as. Defaults to the namespace's "default".
	ServiceAccountName string

	// Patch has the last word on the Deployment.
	Patch func(*appsv1.Deployment)
}

const appLabel = "app"

func (props ProbedDeploymentProps) withDefaults() ProbedDeploymentProps {
	props.Selector = maps.Clone(props.Selector)
	if props.Selector == nil {
		props.Selector = map[string]string{appLabel: props.Name}
	}
	props.Autoscaling = props.Autoscaling.withDefaults()
	if props.Replicas == nil && props.Autoscaling.isZero() {
		props.Replicas = new(int32(1))
	}
	props.Shutdown = props.Shutdown.withDefaults()
	return props
}

func (props ProbedDeploymentProps) validate() problem.List {
	var p problem.List
	p.DNSLabel(problem.At("Name"), props.Name)
	if len(props.Selector) == 0 {
		p.Missing(problem.At("Selector"), "give at least one label, or leave it nil for {\"app\": Name}")
	}
	selector := maps.Clone(props.Selector)
	if selector[appLabel] == props.Name {
		// The default repeats the name, whose own message is enough.
		delete(selector, appLabel)
	}
	p.Labels(problem.At("Selector"), selector)
	p.Labels(problem.At("Labels"), props.Labels)
	for _, key := range sortedKeys(props.Selector) {
		if value, ok := props.Labels[key]; ok && value != props.Selector[key] {
			p.Add(problem.Key(problem.At("Labels"), key), value, "is not what the Selector asks for, "+problem.Show(props.Selector[key])+"; leave it out")
		}
	}
	if props.Version != "" {
		p.LabelValue(problem.At("Version"), props.Version)
		if value, twice := props.Labels[versionLabel]; twice {
			p.Add(problem.Key(problem.At("Labels"), versionLabel), value, "is set by Version; leave it out")
		}
		if value, selected := props.Selector[versionLabel]; selected && value != props.Version {
			p.Add(problem.At("Version"), props.Version, "is not what the Selector asks for, "+problem.Show(value)+"; leave one of them out")
		}
	}
	p.Annotations(problem.At("Annotations"), props.Annotations)
	p.Annotations(problem.At("PodAnnotations"), props.PodAnnotations)
	if value, taken := props.PodAnnotations[checksumAnnotation]; taken {
		p.Add(problem.Key(problem.At("PodAnnotations"), checksumAnnotation), value, "is where the digest of the configuration stands; leave it out")
	}

	p.Image(problem.At("Image"), props.Image)
	problem.OneOf(&p, problem.At("ImagePullPolicy"), props.ImagePullPolicy, PullAlways, PullIfNotPresent, PullNever)
	if len(props.Command) > 0 && props.Command[0] == "" {
		p.Missing(problem.At("Command").Index(0), "name the program, or leave Command out for the image's own")
	}
	validateContainerPorts(&p, problem.At("Ports"), props.Ports)
	validateEnv(&p, problem.At("Env"), props.Env, props.Shutdown)
	validateEnvFrom(&p, problem.At("EnvFrom"), props.EnvFrom)
	validateFiles(&p, problem.At("Files"), props.Files)
	props.Resources.validate(&p, problem.At("Resources"))

	switch {
	case props.Replicas != nil && *props.Replicas < 0:
		p.Add(problem.At("Replicas"), *props.Replicas, "is negative; use 0 or more")
	case props.Replicas != nil && !props.Autoscaling.isZero():
		p.Add(problem.At("Replicas"), *props.Replicas, "cannot stand beside Autoscaling, which chooses the number of pods; leave it out")
	}
	props.Autoscaling.validate(&p, problem.At("Autoscaling"), props.Resources)
	props.DisruptionBudget.validate(&p, problem.At("DisruptionBudget"), props.leastReplicas())
	var spreads problem.Unique
	for i, spread := range props.TopologySpread {
		at := problem.At("TopologySpread").Index(i)
		spread.validate(&p, at)
		if spread.TopologyKey != "" {
			spreads.Check(&p, at.Child("TopologyKey"), at, fmt.Sprintf("%s, Required: %t", spread.TopologyKey, spread.Required))
		}
	}
	props.Probes.validate(&p, problem.At("Probes"), props.Rollout, props.Shutdown)
	props.Rollout.validate(&p, problem.At("Rollout"))
	props.Shutdown.validate(&p, problem.At("Shutdown"))
	props.Security.validate(&p, problem.At("Security"))
	if props.ServiceAccountName != "" {
		p.DNSSubdomain(problem.At("ServiceAccountName"), props.ServiceAccountName)
	}
	return p
}

func validateContainerPorts(p *problem.List, field *problem.Path, ports []ContainerPort) {
	var names, numbers problem.Unique
	for i, port := range ports {
		at := field.Index(i)
		p.Port(at.Child("Port"), port.Port)
		problem.OneOf(p, at.Child("Protocol"), port.Protocol, TCP, UDP, SCTP)
		numbers.Check(p, at.Child("Port"), at, portKey(port.Port, port.Protocol))
		if port.Name == "" {
			continue
		}
		if !isContainerPortName(port.Name) {
			p.Add(at.Child("Name"), port.Name, "is not a port name; use 1 to 15 lower-case letters, digits or '-', at least one a letter")
		}
		names.Check(p, at.Child("Name"), at, port.Name)
	}
}

// ProbedDeployment is a Deployment of one container, with its probes, its rollout and its shutdown.
// See https://kubernetes.io/docs/concepts/workloads/controllers/deployment/.
type ProbedDeployment struct {
	constructs.Construct
	props ProbedDeploymentProps
	// selector and labels are those of the pods, as Patch has left them, and object is the Deployment in the tree.
	selector *metav1.LabelSelector
	labels   map[string]string
	object   cdk8s.ApiObject
}

// NewProbedDeployment makes a ProbedDeployment.
func NewProbedDeployment(scope constructs.Construct, id string, props ProbedDeploymentProps) *ProbedDeployment {
	props = props.withDefaults()
	d := &ProbedDeployment{props: props}
	tree.New(d, scope, id)

	tree.Invalid(d, props.validate()...)
	deployment := patched(d, props.render(), props.Patch)
	d.selector, d.labels = deployment.Spec.Selector, deployment.Spec.Template.Labels
	if props.Patch != nil {
		tree.Invalid(d, validatePatchedDeployment(deployment)...)
	}
	d.object = k8s.NewDeployment(d, "Resource", deployment)
	d.addAvailability()
	return d
}

// Name returns the name of the Deployment.
func (d *ProbedDeployment) Name() string { return d.props.Name }

// Selector returns the labels by which the Deployment, and whatever stands before it, knows its pods.
func (d *ProbedDeployment) Selector() map[string]string {
	if d == nil || d.selector == nil {
		return nil
	}
	return maps.Clone(d.selector.MatchLabels)
}

// leastReplicas is the least number of pods that there are when all is well.
func (props ProbedDeploymentProps) leastReplicas() int32 {
	if props.Replicas == nil {
		return props.Autoscaling.MinReplicas
	}
	return *props.Replicas
}

// podLabels are the labels of the pods.
func (d *ProbedDeployment) podLabels() map[string]string { return d.labels }

func (props ProbedDeploymentProps) podLabels() map[string]string {
	result := merged(props.Labels, props.Selector)
	if props.Version != "" {
		result[versionLabel] = props.Version
	}
	return result
}

func (props ProbedDeploymentProps) render() *appsv1.Deployment {
	podAnnotations := maps.Clone(props.PodAnnotations)
	if sum := checksum(props.Env, props.EnvFrom, props.Files); sum != "" {
		podAnnotations = merged(podAnnotations, map[string]string{checksumAnnotation: sum})
	}
	volumes, mounts := renderFiles(props.Files)
	var spread []corev1.TopologySpreadConstraint
	for _, s := range props.TopologySpread {
		spread = append(spread, s.render(props.Selector))
	}
	return &appsv1.Deployment{
		ObjectMeta: metav1.ObjectMeta{Name: props.Name, Labels: merged(props.Labels, props.Selector), Annotations: maps.Clone(props.Annotations)},
		Spec: appsv1.DeploymentSpec{
			Replicas:                props.Replicas,
			Selector:                &metav1.LabelSelector{MatchLabels: maps.Clone(props.Selector)},
			Strategy:                props.Rollout.strategy(),
			MinReadySeconds:         seconds(props.Rollout.MinReady),
			ProgressDeadlineSeconds: optionalSeconds(props.Rollout.ProgressDeadline),
			RevisionHistoryLimit:    props.Rollout.RevisionHistoryLimit,
			Template: corev1.PodTemplateSpec{
				ObjectMeta: metav1.ObjectMeta{Labels: props.podLabels(), Annotations: podAnnotations},
				Spec: corev1.PodSpec{
					Containers:                    []corev1.Container{props.container(mounts)},
					Volumes:                       volumes,
					ServiceAccountName:            props.ServiceAccountName,
					AutomountServiceAccountToken:  props.Security.automountServiceAccountToken(),
					SecurityContext:               props.Security.podContext(),
					TopologySpreadConstraints:     spread,
					TerminationGracePeriodSeconds: props.Shutdown.gracePeriodSeconds(),
				},
			},
		},
	}
}

func (props ProbedDeploymentProps) container(mounts []corev1.VolumeMount) corev1.Container {
	var ports []corev1.ContainerPort
	for _, port := range props.Ports {
		ports = append(ports, corev1.ContainerPort{Name: port.Name, ContainerPort: port.Port, Protocol: corev1.Protocol(port.Protocol)})
	}
	return corev1.Container{
		Name:            props.Name,
		Image:           props.Image,
		ImagePullPolicy: corev1.PullPolicy(props.ImagePullPolicy),
		Command:         slices.Clone(props.Command),
		Args:            slices.Clone(props.Args),
		Ports:           ports,
		Env:             renderEnv(slices.Concat(props.Env, props.Shutdown.env())),
		EnvFrom:         renderEnvFrom(props.EnvFrom),
		VolumeMounts:    mounts,
		Resources:       props.Resources.render(),
		StartupProbe:    props.Probes.Startup.render(),
		ReadinessProbe:  props.Probes.Readiness.render(),
		LivenessProbe:   props.Probes.Liveness.render(),
		Lifecycle:       props.Shutdown.lifecycle(),
		SecurityContext: props.Security.containerContext(),
	}
}

// validatePatchedDeployment checks what a Patch could have broken and the API server would refuse.
func validatePatchedDeployment(object *appsv1.Deployment) problem.List {
	var p problem.List
	selector, err := metav1.LabelSelectorAsSelector(object.Spec.Selector)
	switch {
	case err != nil:
		p.Add(problem.At("Patch"), fmt.Sprint(object.Spec.Selector), "is not a selector: "+err.Error())
	case object.Spec.Selector == nil || selector.Empty():
		p.Add(problem.At("Patch"), "", "leaves no selector; leave the labels in place")
	case !selector.Matches(labels.Set(object.Spec.Template.Labels)):
		p.Add(problem.At("Patch"), selector.String(), "selects none of the pods that the Deployment makes; let the selector match the labels of the pod template")
	}
	return p
}
