package pod

import (
	"slices"
	"strconv"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/validation"

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

// Port is a port that a container listens on.
type Port struct {
	// Name of the port, at most 15 lower-case letters, digits or '-'. Defaults to none.
	Name string
	// Port is its number, 1 to 65535. Required.
	Port int32
	// Protocol defaults to TCP.
	Protocol Protocol
}

// Key is what tells ports apart, "8080/TCP": two of one number may differ in protocol.
func (p Port) Key() string { return PortKey(p.Port, p.Protocol) }

// PortKey is the Key of the port of that number and protocol.
func PortKey(port int32, protocol Protocol) string {
	if protocol == "" {
		protocol = TCP
	}
	return strconv.Itoa(int(port)) + "/" + string(protocol)
}

// IsPortName reports whether a container's port may have this name, which is shorter than a
// Service's may be.
func IsPortName(name string) bool { return len(validation.IsValidPortName(name)) == 0 }

// Container is a container beside the main one.
type Container struct {
	// Name of the container, of which a pod has no two. Required; an RFC 1123 label.
	Name string
	// Image of the container. Required.
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
	// Probes that the kubelet asks; an init container has none. Default to none.
	Probes Probes
	// Security departs from the safe defaults. Defaults to the Pod Security Standard "restricted".
	Security ContainerSecurity

	// shutdown is the main container's.
	shutdown Shutdown
}

// shutdownVariables are the variables that the Shutdown sets, each with what does.
func (c Container) shutdownVariables() map[string]string {
	set := map[string]string{}
	for _, variable := range c.shutdown.env() {
		set[variable.Name] = "Shutdown"
	}
	return set
}

// validate takes whether the pod has ServiceLinks.
func (c Container) validate(l *problem.List, at *problem.Path, services bool) {
	l.Image(at.Child("Image"), c.Image)
	problem.OneOf(l, at.Child("ImagePullPolicy"), c.ImagePullPolicy, PullAlways, PullIfNotPresent, PullNever)
	if len(c.Command) > 0 && c.Command[0] == "" {
		l.Missing(at.Child("Command").Index(0), "name the program, or leave Command out for the image's own")
	}
	if c.WorkingDir != "" {
		validateAbsolute(l, at.Child("WorkingDir"), c.WorkingDir)
	}
	validatePorts(l, at.Child("Ports"), c.Ports)
	set := c.validateEnv(l, at, services)
	for i, word := range c.Command {
		validateReferences(l, at.Child("Command").Index(i), word, set.has)
	}
	for i, word := range c.Args {
		validateReferences(l, at.Child("Args").Index(i), word, set.has)
	}
	for i, mount := range c.Mounts {
		validateReferences(l, mount.at(at, i).Child("SubPathExpr"), mount.SubPathExpr, set.has)
	}
	c.validateMounts(l, at)
	c.Resources.Validate(l, at.Child("Resources"))
}

func validatePorts(l *problem.List, at *problem.Path, ports []Port) {
	var names, numbers problem.Unique
	for i, port := range ports {
		field := at.Index(i)
		l.Port(field.Child("Port"), port.Port)
		problem.OneOf(l, field.Child("Protocol"), port.Protocol, TCP, UDP, SCTP)
		numbers.Check(l, field.Child("Port"), field, port.Key())
		if port.Name == "" {
			continue
		}
		if !IsPortName(port.Name) {
			l.Add(field.Child("Name"), port.Name,
				"is not a port name; use 1 to 15 lower-case letters, digits or '-', at least one a letter")
		}
		names.Check(l, field.Child("Name"), field, port.Name)
	}
}

func (c Container) render(volumes *volumes) corev1.Container {
	var ports []corev1.ContainerPort
	for _, port := range c.Ports {
		ports = append(ports, corev1.ContainerPort{Name: port.Name, ContainerPort: port.Port,
			Protocol: corev1.Protocol(port.Protocol)})
	}
	return corev1.Container{
		Name:            c.Name,
		Image:           c.Image,
		ImagePullPolicy: corev1.PullPolicy(c.ImagePullPolicy),
		Command:         expandables(c.Command),
		Args:            expandables(c.Args),
		WorkingDir:      c.WorkingDir,
		Ports:           ports,
		Env:             renderEnv(slices.Concat(c.Env, c.shutdown.env())),
		EnvFrom:         renderEnvFrom(c.EnvFrom),
		VolumeMounts:    volumes.mount(c),
		Resources:       c.Resources.render(),
		StartupProbe:    c.Probes.Startup.render(),
		ReadinessProbe:  c.Probes.Readiness.render(),
		LivenessProbe:   c.Probes.Liveness.render(),
		Lifecycle:       c.shutdown.lifecycle(),
		SecurityContext: c.Security.render(),
	}
}
