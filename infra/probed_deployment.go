package infra

import (
	"maps"

	"github.com/aws/constructs-go/constructs/v10"
	appsv1 "k8s.io/api/apps/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/crossoverJie/k8s-combat/imports/k8s"
	"github.com/crossoverJie/k8s-combat/imports/tree"
	"github.com/crossoverJie/k8s-combat/infra/internal/object"
	"github.com/crossoverJie/k8s-combat/infra/internal/problem"
	"github.com/crossoverJie/k8s-combat/infra/internal/ref"
	"github.com/crossoverJie/k8s-combat/infra/pod"
)

// ProbedDeploymentProps are the options of a ProbedDeployment. From Image on they are those of
// pod.Props, where each is described at length.
type ProbedDeploymentProps struct {
	// Name of the Deployment and of its main container. Required; an RFC 1123 label.
	Name string
	// Selector are the labels by which the Deployment knows its pods. They cannot be changed once
	// it is applied. Defaults to {"app": Name}.
	Selector map[string]string
	// Labels of the Deployment and its pods, beside the Selector. Default to none.
	Labels map[string]string
	// ChartLabels puts the labels of the chart on the pods too; those of Labels win. Defaults to false.
	ChartLabels bool
	// Version is the label version of its pods, by which Istio tells versions apart. Defaults to none.
	Version string
	// Annotations of the Deployment. Default to none.
	Annotations map[string]string
	// PodAnnotations are the annotations of its pods. Default to none.
	PodAnnotations map[string]string

	// Replicas is the number of pods. Defaults to 1; with Autoscaling it is left out, since that
	// chooses.
	Replicas *int32
	// Autoscaling lets the load choose the number of pods. Defaults to none.
	Autoscaling Autoscaling
	// DisruptionBudget bounds how many pods may be evicted at a time. Defaults to none.
	DisruptionBudget DisruptionBudget
	// Rollout says how new pods replace old ones. Defaults to a rolling update by 25 %.
	Rollout Rollout

	// Image of the main container. Required.
	Image string
	// ImagePullPolicy defaults to Kubernetes' own rule: Always for the tag latest, else IfNotPresent.
	ImagePullPolicy pod.PullPolicy
	// Command and Args replace the image's entry point and arguments. Default to the image's.
	Command, Args []string
	// WorkingDir is where the process starts. Defaults to the image's.
	WorkingDir string
	// Ports that the container listens on. Default to none.
	Ports []pod.Port
	// Env are single environment variables. Default to none.
	Env []pod.EnvVar
	// EnvFrom are environment variables from all keys of a Config or of Credentials. Default to none.
	EnvFrom []pod.EnvFrom
	// Files are files from a Config or from Credentials. Default to none.
	Files []pod.File
	// Scratch are folders that the container may write to, for example "/tmp". Default to none.
	Scratch []string
	// Mounts are volumes at paths of the container. Default to none.
	Mounts []pod.Mount
	// Resources that the container asks for and is held to. Default to none.
	Resources pod.Resources
	// Probes that the kubelet asks. Default to none.
	Probes pod.Probes
	// Shutdown says how a pod ends. Defaults to Kubernetes' own behaviour.
	Shutdown pod.Shutdown

	// Sidecars run beside the main container. Default to none.
	Sidecars []pod.Container
	// Init are containers that run to their end before the main one starts. Default to none.
	Init []pod.Container

	// Security departs from the safe defaults. Defaults to the Pod Security Standard "restricted".
	Security pod.Security
	// ServiceAccount is the *ServiceAccount that the pods run as. Defaults to ServiceAccountName.
	ServiceAccount pod.Account
	// ServiceAccountName is the name of an account that is made elsewhere. Defaults to the
	// namespace's "default".
	ServiceAccountName string
	// ImagePullSecrets are Credentials with which images are pulled. Default to those of the
	// service account.
	ImagePullSecrets []pod.KeySource

	// NodeSelector are labels that a node must have. Defaults to none.
	NodeSelector map[string]string
	// Tolerations let the pods run on nodes with taints. Default to none.
	Tolerations []pod.Toleration
	// Affinity says beside what the pods run, and away from what. Defaults to none.
	Affinity pod.Affinity
	// TopologySpread spreads the pods over nodes or zones. Defaults to none.
	TopologySpread []pod.TopologySpread
	// PriorityClassName says whose pods go first where there is no room. Defaults to the cluster's
	// default class.
	PriorityClassName string
	// RuntimeClassName is the class of container runtime. Defaults to the node's own.
	RuntimeClassName string
	// HostAliases are names of addresses for the pod's hosts file. Default to none.
	HostAliases []pod.HostAlias
	// DNS changes how names are resolved. Defaults to the cluster's own way.
	DNS pod.DNSConfig
	// ServiceLinks adds environment variables for each Service of the namespace. Defaults to false.
	ServiceLinks bool

	// Patch has the last word on the Deployment.
	Patch func(*appsv1.Deployment)
}

// appLabel is the label by which workloads know their pods.
const appLabel = "app"

// pod are the options of the pods.
func (props ProbedDeploymentProps) pod() pod.Props {
	return pod.Props{
		Name:               props.Name,
		Labels:             props.Labels,
		ChartLabels:        props.ChartLabels,
		Version:            props.Version,
		Annotations:        props.PodAnnotations,
		Image:              props.Image,
		ImagePullPolicy:    props.ImagePullPolicy,
		Command:            props.Command,
		Args:               props.Args,
		WorkingDir:         props.WorkingDir,
		Ports:              props.Ports,
		Env:                props.Env,
		EnvFrom:            props.EnvFrom,
		Files:              props.Files,
		Scratch:            props.Scratch,
		Mounts:             props.Mounts,
		Resources:          props.Resources,
		Probes:             props.Probes,
		Shutdown:           props.Shutdown,
		Sidecars:           props.Sidecars,
		Init:               props.Init,
		Security:           props.Security,
		ServiceAccount:     props.ServiceAccount,
		ServiceAccountName: props.ServiceAccountName,
		ImagePullSecrets:   props.ImagePullSecrets,
		NodeSelector:       props.NodeSelector,
		Tolerations:        props.Tolerations,
		Affinity:           props.Affinity,
		TopologySpread:     props.TopologySpread,
		PriorityClassName:  props.PriorityClassName,
		RuntimeClassName:   props.RuntimeClassName,
		HostAliases:        props.HostAliases,
		DNS:                props.DNS,
		ServiceLinks:       props.ServiceLinks,
	}.WithDefaults()
}

func (props ProbedDeploymentProps) withDefaults() ProbedDeploymentProps {
	props.Selector = selectorOf(props.Name, props.Selector)
	props.Autoscaling = props.Autoscaling.withDefaults()
	if props.Replicas == nil && props.Autoscaling.isZero() {
		props.Replicas = new(int32(1))
	}
	return props
}

func (props ProbedDeploymentProps) validate() problem.List {
	var p problem.List
	p.DNSLabel(problem.At("Name"), props.Name)
	validateSelector(&p, props.Name, props.Selector)
	p.Annotations(problem.At("Annotations"), props.Annotations)
	props.pod().Validate(&p, nil, pod.Workload{
		Name: props.Name, Selector: props.Selector,
		Rollout: pod.Rollout{MinReady: props.Rollout.MinReady,
			ProgressDeadline: props.Rollout.progressDeadline()},
	})
	pod.ValidateAnnotations(&p, problem.At("PodAnnotations"), props.PodAnnotations)
	switch {
	case props.Replicas != nil && *props.Replicas < 0:
		p.Add(problem.At("Replicas"), *props.Replicas, "is negative; use 0 or more")
	case props.Replicas != nil && !props.Autoscaling.isZero():
		p.Add(problem.At("Replicas"), *props.Replicas,
			"cannot stand beside Autoscaling, which chooses the number of pods; leave it out")
	}
	props.Autoscaling.validate(&p, problem.At("Autoscaling"), props.Resources, props.Sidecars)
	props.DisruptionBudget.validate(&p, problem.At("DisruptionBudget"), props.leastReplicas())
	props.Rollout.validate(&p, problem.At("Rollout"))
	return p
}

// leastReplicas is the least number of pods that there are when all is well.
func (props ProbedDeploymentProps) leastReplicas() int32 {
	if props.Replicas == nil {
		return props.Autoscaling.MinReplicas
	}
	return *props.Replicas
}

// ProbedDeployment is a Deployment with its probes, its rollout and its shutdown, its autoscaler
// and its disruption budget. See
// https://kubernetes.io/docs/concepts/workloads/controllers/deployment/.
type ProbedDeployment struct {
	constructs.Construct
	made *ref.Workload
}

// NewProbedDeployment makes a ProbedDeployment.
func NewProbedDeployment(scope constructs.Construct, id string, props ProbedDeploymentProps) *ProbedDeployment {
	props = props.withDefaults()
	d := &ProbedDeployment{}
	tree.New(d, scope, id)

	tree.Invalid(d, props.validate()...)
	deployment := object.Patched(d, "Patch", props.render(d), props.Patch)
	made := k8s.NewDeployment(d, "Resource", deployment)
	d.made = newWorkload(d, ref.To("Deployment", props.Name, made), deployment.Spec.Selector,
		deployment.Spec.Template, props.pod().References(nil))
	props.addAutoscaler(d)
	props.DisruptionBudget.add(d, *props.meta(), d.Selector())
	return d
}

func (props ProbedDeploymentProps) render(d *ProbedDeployment) *appsv1.Deployment {
	return &appsv1.Deployment{
		ObjectMeta: metav1.ObjectMeta{Name: props.Name,
			Labels: object.Merged(props.Labels, props.Selector), Annotations: maps.Clone(props.Annotations)},
		Spec: appsv1.DeploymentSpec{
			Replicas:                props.Replicas,
			Selector:                &metav1.LabelSelector{MatchLabels: maps.Clone(props.Selector)},
			Strategy:                props.Rollout.strategy(),
			MinReadySeconds:         seconds(props.Rollout.MinReady),
			ProgressDeadlineSeconds: optionalSeconds(props.Rollout.ProgressDeadline),
			RevisionHistoryLimit:    props.Rollout.RevisionHistoryLimit,
			Template: props.pod().Template(d, props.Selector,
				appsv1.DefaultDeploymentUniqueLabelKey),
		},
	}
}

// Name returns the name of the Deployment.
func (d *ProbedDeployment) Name() string { return d.Ref().Name() }

// Selector returns the labels by which the Deployment, and whatever stands before it, knows its pods.
func (d *ProbedDeployment) Selector() map[string]string { return d.Ref().Labels() }

// Ref refers to the Deployment and its pods, for other constructs.
func (d *ProbedDeployment) Ref() *ref.Workload {
	if d == nil {
		return nil
	}
	return d.made
}
