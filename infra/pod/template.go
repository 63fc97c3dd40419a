package pod

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/aws/constructs-go/constructs/v10"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/crossoverJie/k8s-combat/imports/tree"
	"github.com/crossoverJie/k8s-combat/infra/internal/object"
	"github.com/crossoverJie/k8s-combat/infra/internal/problem"
	"github.com/crossoverJie/k8s-combat/infra/internal/ref"
)

// Props are the options of a pod: those of its main container, and those of the pod as a whole.
type Props struct {
	// Name of the main container. Defaults to the name of the workload; required for NewTemplate.
	// An RFC 1123 label.
	Name string
	// Labels of the pods, beside those of the workload's selector. Default to none.
	Labels map[string]string
	// ChartLabels puts the labels of the chart on the pods too; those of Labels win. A change of
	// them rolls the pods. Defaults to false.
	ChartLabels bool
	// Version is the label version of the pods, by which Istio tells versions apart. Defaults to none.
	Version string
	// Annotations of the pods. Default to none.
	Annotations map[string]string

	// Image of the main container. Required.
	Image string
	// ImagePullPolicy defaults to Kubernetes' own rule: Always for the tag latest, else IfNotPresent.
	ImagePullPolicy PullPolicy
	// Command replaces the image's entry point. $(NAME) stands for the value of an environment
	// variable, as in EnvVar.Value. Defaults to the image's.
	Command []string
	// Args replace the image's arguments. $(NAME) means what it means in Command. Default to the
	// image's.
	Args []string
	// WorkingDir is where the process starts, absolute. Defaults to the image's.
	WorkingDir string
	// Ports that the container listens on. Default to none.
	Ports []Port
	// Env are single environment variables. Default to none.
	Env []EnvVar
	// EnvFrom are environment variables from all keys of a Config or of Credentials. Default to none.
	EnvFrom []EnvFrom
	// Files are files from a Config or from Credentials. Default to none.
	Files []File
	// Scratch are folders that the container may write to although its root filesystem is
	// read-only, for example "/tmp". What is in them ends with the pod. Default to none.
	Scratch []string
	// Mounts are volumes at paths of the container. Default to none.
	Mounts []Mount
	// Resources that the container asks for and is held to. Default to none.
	Resources Resources
	// Probes that the kubelet asks. Default to none.
	Probes Probes
	// Shutdown says how the pod ends. Defaults to Kubernetes' own behaviour.
	Shutdown Shutdown

	// Sidecars run beside the main container: they start before Init, one after the other, and end
	// after the main container. Those of a Job do not keep it from ending. Default to none. See
	// https://kubernetes.io/docs/concepts/workloads/pods/sidecar-containers/.
	Sidecars []Container
	// Init are containers that run to their end, one after the other, before the main one starts.
	// They have no Probes. Default to none.
	Init []Container

	// Security departs from the safe defaults. Defaults to the Pod Security Standard "restricted".
	Security Security
	// ServiceAccount is the account that the pods run as, an *infra.ServiceAccount of the same
	// namespace. Defaults to ServiceAccountName.
	ServiceAccount Account
	// ServiceAccountName is the name of an account that is made elsewhere; an error beside
	// ServiceAccount. Defaults to the namespace's "default".
	ServiceAccountName string
	// ImagePullSecrets are Credentials of the type kubernetes.io/dockerconfigjson, with which
	// images are pulled. Default to those of the service account.
	ImagePullSecrets []KeySource

	// NodeSelector are labels that a node must have to run the pods. Defaults to none.
	NodeSelector map[string]string
	// Tolerations let the pods run on nodes with taints. Default to none.
	Tolerations []Toleration
	// Affinity says beside what the pods run, and away from what. Defaults to none.
	Affinity Affinity
	// TopologySpread spreads the pods over nodes or zones. Defaults to none.
	TopologySpread []TopologySpread
	// PriorityClassName says whose pods go first where there is no room. Defaults to the cluster's
	// default class.
	PriorityClassName string
	// RuntimeClassName is the class of container runtime. Defaults to the node's own.
	RuntimeClassName string
	// HostAliases are names of addresses for the pod's hosts file. Default to none.
	HostAliases []HostAlias
	// DNS changes how names are resolved. Defaults to the cluster's own way.
	DNS DNSConfig
	// ServiceLinks adds environment variables for each Service of the namespace to every container,
	// in the way of Docker's links. Defaults to false.
	ServiceLinks bool
}

// Account is an account that pods run as: an *infra.ServiceAccount.
type Account interface {
	// AccountRef refers to the object. Zero for an account that is nil itself.
	AccountRef() ref.Object
}

// VersionLabel is the label by which Istio's telemetry tells versions apart
// (https://istio.io/latest/docs/ops/deployment/application-requirements/).
const VersionLabel = "version"

// ChecksumAnnotation is put on a pod template, so that a change of configuration is a change of the
// template, which rolls the pods. The name is the one that Helm's documentation made common.
const ChecksumAnnotation = "checksum/config"

// NewTemplate makes the template of pods for a construct of one's own, which is the place of what
// is wrong with the props. selector are the labels by which the construct knows its pods; they are
// put on them. What the pods need, such as a Config, has to be in the namespace of the construct's
// chart.
func NewTemplate(construct constructs.Construct, selector map[string]string,
	props Props) corev1.PodTemplateSpec {
	props = props.WithDefaults()
	var l problem.List
	l.DNSLabel(problem.At("Name"), props.Name)
	if len(selector) == 0 {
		l.Missing(problem.At("selector"), "give at least one label by which the construct knows its pods")
	}
	l.Labels(problem.At("selector"), selector)
	ValidateAnnotations(&l, problem.At("Annotations"), props.Annotations)
	props.Validate(&l, nil, Workload{Selector: selector})
	for _, reference := range props.References(nil) {
		reference.Object.BesideNamespace(&l, reference.At, object.ChartNamespace(construct))
	}
	tree.Invalid(construct, l...)
	return props.Template(construct, selector, "")
}

// Workload is what a pod has to know of the workload that makes it.
type Workload struct {
	// Name of the workload.
	Name string
	// Selector are the labels by which it knows its pods.
	Selector map[string]string
	// Rollout says how long the workload waits for a pod. Its zero value waits for ever.
	Rollout Rollout
	// Claims are the names of the claim templates of a StatefulSet.
	Claims []string
}

// WithDefaults fills in what is not set.
func (props Props) WithDefaults() Props {
	props.Shutdown = props.Shutdown.withDefaults()
	props.Affinity = props.Affinity.withDefaults()
	return props
}

// main is the main container.
func (props Props) main() Container {
	return Container{
		Name:            props.Name,
		Image:           props.Image,
		ImagePullPolicy: props.ImagePullPolicy,
		Command:         props.Command,
		Args:            props.Args,
		WorkingDir:      props.WorkingDir,
		Ports:           props.Ports,
		Env:             props.Env,
		EnvFrom:         props.EnvFrom,
		Files:           props.Files,
		Scratch:         props.Scratch,
		Mounts:          props.Mounts,
		Resources:       props.Resources,
		Probes:          props.Probes,
		Security:        props.Security.ofContainer(),
		shutdown:        props.Shutdown,
	}
}

// Validate records what is wrong with the props, which are the option at of a workload, or the
// workload's own where that is nil.
func (props Props) Validate(l *problem.List, at *problem.Path, workload Workload) {
	child := func(name string) *problem.Path { return at.Child(name) }
	props.ValidateLabels(l, child("Labels"), props.Labels, workload.Selector)
	if props.Version != "" {
		l.LabelValue(child("Version"), props.Version)
		if value, selected := workload.Selector[VersionLabel]; selected && value != props.Version {
			l.Add(child("Version"), props.Version,
				"is not what the Selector asks for, "+problem.Show(value)+"; leave one of them out")
		}
	}
	if props.Name != workload.Name {
		// The workload's own name has been checked.
		l.DNSLabel(child("Name"), props.Name)
	}
	props.main().validate(l, at, props.ServiceLinks)
	props.validateContainers(l, at, workload)
	for i, spread := range props.TopologySpread {
		spread.validate(l, child("TopologySpread").Index(i))
	}
	props.validateSpreads(l, child("TopologySpread"))
	props.Probes.validate(l, child("Probes"), workload.Rollout, props.Shutdown)
	props.Shutdown.validate(l, child("Shutdown"))
	props.Security.validate(l, child("Security"))
	props.validateAccount(l, at)
	for i, source := range props.ImagePullSecrets {
		ValidatePullSecret(l, child("ImagePullSecrets").Index(i), source)
	}
	for i, toleration := range props.Tolerations {
		toleration.validate(l, child("Tolerations").Index(i))
	}
	l.Labels(child("NodeSelector"), props.NodeSelector)
	props.Affinity.validate(l, child("Affinity"))
	for _, name := range []struct{ field, value string }{{"PriorityClassName", props.PriorityClassName},
		{"RuntimeClassName", props.RuntimeClassName}} {
		if name.value != "" {
			l.DNSSubdomain(child(name.field), name.value)
		}
	}
	for i, alias := range props.HostAliases {
		alias.validate(l, child("HostAliases").Index(i))
	}
	props.DNS.validate(l, child("DNS"))
}

// ValidateLabels records what is wrong with labels that are put on the pods, beside those of the
// selector and of Version.
func (props Props) ValidateLabels(l *problem.List, at *problem.Path, labels, selector map[string]string) {
	l.Labels(at, labels)
	for _, key := range slices.Sorted(maps.Keys(selector)) {
		if value, ok := labels[key]; ok && value != selector[key] {
			l.Add(problem.Key(at, key), value,
				"is not what the Selector asks for, "+problem.Show(selector[key])+"; leave it out")
		}
	}
	if value, twice := labels[VersionLabel]; twice && props.Version != "" {
		l.Add(problem.Key(at, VersionLabel), value, "is set by Version; leave it out")
	}
}

// ValidateAnnotations records what is wrong with the annotations of pods, of which one is taken.
func ValidateAnnotations(l *problem.List, at *problem.Path, annotations map[string]string) {
	l.Annotations(at, annotations)
	if value, taken := annotations[ChecksumAnnotation]; taken {
		l.Add(problem.Key(at, ChecksumAnnotation), value,
			"is where the digest of the configuration stands; leave it out")
	}
	for _, key := range slices.Sorted(maps.Keys(annotations)) {
		for beginning, rule := range specialAnnotations {
			if strings.HasPrefix(key, beginning) {
				l.Add(problem.Key(at, key), annotations[key], rule)
			}
		}
	}
}

// specialAnnotations are the beginnings of those to which the API server gives a meaning of its own
// (ValidatePodSpecificAnnotations).
var specialAnnotations = map[string]string{
	"scheduler.alpha.kubernetes.io/tolerations":       "has a field of its own; use Tolerations",
	"container.apparmor.security.beta.kubernetes.io/": "has a field of its own in Kubernetes; set it by Patch",
	"seccomp.security.alpha.kubernetes.io/pod":        "has a field of its own; use Security",
	"container.seccomp.security.alpha.kubernetes.io/": "has a field of its own; use Security",
	corev1.MirrorPodAnnotationKey:                     "is for the kubelet's own pods; leave it out",
}

// ValidatePullSecret records that images cannot be pulled with the source.
func ValidatePullSecret(l *problem.List, at *problem.Path, source KeySource) {
	switch data := dataOf(source); {
	case data == nil:
		l.Missing(at, "give *Credentials of the type kubernetes.io/dockerconfigjson")
	case !isSecret(data):
		l.Add(at, data.Name(), "is a "+data.Kind()+", and images are pulled with a Secret; give *Credentials")
	default:
		KeyRef{data, corev1.DockerConfigJsonKey}.Validate(l, at)
	}
}

func (props Props) validateSpreads(l *problem.List, at *problem.Path) {
	var spreads problem.Unique
	for i, spread := range props.TopologySpread {
		if spread.TopologyKey != "" {
			spreads.Check(l, at.Index(i).Child("TopologyKey"), at.Index(i),
				fmt.Sprintf("%s, Required: %t", spread.TopologyKey, spread.Required))
		}
	}
}

func (props Props) validateAccount(l *problem.List, at *problem.Path) {
	if props.ServiceAccountName != "" {
		l.DNSSubdomain(at.Child("ServiceAccountName"), props.ServiceAccountName)
	}
	switch {
	case props.ServiceAccount == nil:
	case props.account().IsZero():
		l.Missing(at.Child("ServiceAccount"),
			"give a *ServiceAccount that is not nil, or leave it out for the namespace's default")
	case props.ServiceAccountName != "":
		l.Add(at.Child("ServiceAccountName"), props.ServiceAccountName,
			"cannot stand beside ServiceAccount; leave out one of them")
	}
}

// account is what ServiceAccount refers to, zero for none.
func (props Props) account() ref.Object {
	if props.ServiceAccount == nil {
		return ref.Object{}
	}
	return ref.Of(func() ref.Object { return props.ServiceAccount.AccountRef() })
}

// validateContainers checks the containers beside the main one, and what all of them share.
func (props Props) validateContainers(l *problem.List, at *problem.Path, workload Workload) {
	var mounts []placedMount
	add := func(field *problem.Path, c Container) {
		for i, mount := range c.Mounts {
			mounts = append(mounts, placedMount{mount, mount.at(field, i)})
		}
		props.validateResourceRefs(l, field.Child("Env"), c.Env)
	}
	var names problem.Unique
	if props.Name != "" {
		names = problem.Unique{props.Name: problem.At("the main container")}
	}
	add(at, props.main())
	for _, list := range []struct {
		field      string
		containers []Container
		runs       bool
	}{{"Sidecars", props.Sidecars, true}, {"Init", props.Init, false}} {
		for i, c := range list.containers {
			field := at.Child(list.field).Index(i)
			l.DNSLabel(field.Child("Name"), c.Name)
			if c.Name != "" {
				names.Check(l, field.Child("Name"), field, c.Name)
			}
			c.validate(l, field, props.ServiceLinks)
			c.Security.validate(l, field.Child("Security"))
			if list.runs {
				c.Probes.validate(l, field.Child("Probes"), Rollout{}, Shutdown{})
			} else if !c.Probes.isZero() {
				l.Say(field.Child("Probes"),
					"have no meaning for a container that runs to its end before the others start; leave them out, or make it one of Sidecars")
			}
			add(field, c)
		}
	}
	validateVolumes(l, mounts, workload.Claims)
}

// containers are all containers: the main one, those beside it, and those before it.
func (props Props) containers() []Container {
	return slices.Concat([]Container{props.main()}, props.Sidecars, props.Init)
}

// validateResourceRefs checks that the container that a variable tells the resources of is there.
func (props Props) validateResourceRefs(l *problem.List, at *problem.Path, env []EnvVar) {
	for i, variable := range env {
		source, ok := variable.source().(ResourceRef)
		if !ok || source.Container == "" {
			continue
		}
		var names []string
		for _, c := range props.containers() {
			names = append(names, c.Name)
		}
		if !slices.Contains(names, source.Container) {
			l.Add(at.Index(i).Child("ValueFrom", "Container"), source.Container,
				"is not a container of the pod; use "+problem.Or(names))
		}
	}
}

// podLabels are the labels of the pods.
func (props Props) podLabels(construct constructs.Construct, selector map[string]string) map[string]string {
	var ofChart map[string]string
	if props.ChartLabels {
		ofChart = object.ChartLabels(construct)
	}
	result := object.Merged(object.Merged(ofChart, props.Labels), selector)
	if props.Version != "" {
		result = object.Merged(result, map[string]string{VersionLabel: props.Version})
	}
	return result
}

// Template makes the template. revisionLabel is the label by which the workload tells its revisions
// apart, empty for none.
func (props Props) Template(construct constructs.Construct, selector map[string]string,
	revisionLabel string) corev1.PodTemplateSpec {
	annotations := maps.Clone(props.Annotations)
	if sum := props.Checksum(); sum != "" {
		annotations = object.Merged(annotations, map[string]string{ChecksumAnnotation: sum})
	}
	volumes := volumesOf(props.containers())
	spec := corev1.PodSpec{
		Containers: []corev1.Container{props.main().render(volumes)},
		// Else each Service of the namespace adds variables to every container, of which one called
		// "server" would give Kibana SERVER_PORT=tcp://...
		EnableServiceLinks:            &props.ServiceLinks,
		ServiceAccountName:            props.ServiceAccountName,
		AutomountServiceAccountToken:  &props.Security.MountServiceAccountToken,
		SecurityContext:               props.Security.podContext(),
		TerminationGracePeriodSeconds: props.Shutdown.gracePeriodSeconds(),
		NodeSelector:                  maps.Clone(props.NodeSelector),
		Affinity:                      props.Affinity.render(),
		PriorityClassName:             props.PriorityClassName,
		DNSPolicy:                     corev1.DNSPolicy(props.DNS.Policy),
		DNSConfig:                     props.DNS.render(),
	}
	for _, c := range props.Sidecars {
		container := c.render(volumes)
		container.RestartPolicy = new(corev1.ContainerRestartPolicyAlways)
		spec.InitContainers = append(spec.InitContainers, container)
	}
	for _, c := range props.Init {
		c.Probes = Probes{}
		spec.InitContainers = append(spec.InitContainers, c.render(volumes))
	}
	spec.Volumes = volumes.render()
	if spec.ServiceAccountName == "" {
		spec.ServiceAccountName = props.account().Name()
	}
	for _, source := range props.ImagePullSecrets {
		if data := dataOf(source); data != nil {
			spec.ImagePullSecrets = append(spec.ImagePullSecrets,
				corev1.LocalObjectReference{Name: data.Name()})
		}
	}
	for _, toleration := range props.Tolerations {
		spec.Tolerations = append(spec.Tolerations, toleration.render())
	}
	for _, spread := range props.TopologySpread {
		spec.TopologySpreadConstraints = append(spec.TopologySpreadConstraints,
			spread.render(selector, revisionLabel))
	}
	for _, alias := range props.HostAliases {
		spec.HostAliases = append(spec.HostAliases,
			corev1.HostAlias{IP: alias.IP, Hostnames: slices.Clone(alias.Names)})
	}
	if props.RuntimeClassName != "" {
		spec.RuntimeClassName = &props.RuntimeClassName
	}
	return corev1.PodTemplateSpec{
		ObjectMeta: metav1.ObjectMeta{Labels: props.podLabels(construct, selector), Annotations: annotations},
		Spec:       spec,
	}
}

// References are the objects that the pods need in their own namespace, each with the option that
// names it.
func (props Props) References(at *problem.Path) []Reference {
	var references []Reference
	add := func(field *problem.Path, object ref.Object) {
		if !object.IsZero() {
			references = append(references, Reference{field, object})
		}
	}
	addContainer := func(field *problem.Path, c Container) {
		for i, variable := range c.Env {
			if key, ok := variable.source().(KeyRef); ok && key.data != nil {
				add(field.Child("Env").Index(i).Child("ValueFrom"), key.data.Object)
			}
		}
		for i, from := range c.EnvFrom {
			if data := dataOf(from.Source); data != nil {
				add(field.Child("EnvFrom").Index(i).Child("Source"), data.Object)
			}
		}
		for i, file := range c.Files {
			if file.From.data != nil {
				add(field.Child("Files").Index(i).Child("From"), file.From.data.Object)
			}
		}
		for i, mount := range c.Mounts {
			switch source := mount.Volume.source.(type) {
			case claim:
				add(mount.at(field, i).Child("Volume"), source.object)
			case allKeys:
				if source.data != nil {
					add(mount.at(field, i).Child("Volume"), source.data.Object)
				}
			}
		}
	}
	addContainer(at, props.main())
	for i, c := range props.Sidecars {
		addContainer(at.Child("Sidecars").Index(i), c)
	}
	for i, c := range props.Init {
		addContainer(at.Child("Init").Index(i), c)
	}
	add(at.Child("ServiceAccount"), props.account())
	for i, source := range props.ImagePullSecrets {
		if data := dataOf(source); data != nil {
			add(at.Child("ImagePullSecrets").Index(i), data.Object)
		}
	}
	return references
}

// Reference is an object that an option refers to.
type Reference struct {
	At     *problem.Path
	Object ref.Object
}
