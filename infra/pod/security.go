package pod

import (
	"math"
	"reflect"
	"regexp"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/crossoverJie/k8s-combat/infra/internal/problem"
)

// DefaultUser is the user and group id that containers run as where Security names none: the
// "nonroot" user of the distroless images. It is written out, since the kubelet refuses
// runAsNonRoot for an image whose user is not a number.
const DefaultUser int64 = 65532

// Security says how far a workload departs from the safe defaults. Its zero value meets the Pod
// Security Standard "restricted"
// (https://kubernetes.io/docs/concepts/security/pod-security-standards/) and goes beyond it with a
// read-only root filesystem and without a token for the API server; each default can be turned off
// by itself.
type Security struct {
	// RunAsUser is the user id of the container's process. Defaults to DefaultUser.
	RunAsUser *int64
	// RunAsGroup is the process' primary group id. Defaults to DefaultUser: without one it would be
	// root's group, 0, for an image that names none.
	RunAsGroup *int64
	// FSGroup is the group id that owns the pod's volumes, so that the process can read files
	// whatever their mode. Defaults to RunAsGroup.
	FSGroup *int64
	// AllowRoot lets the container run as root: it leaves out runAsNonRoot, and the ids that are
	// nil. Defaults to false.
	AllowRoot bool
	// AllowPrivilegeEscalation lets a process gain more privileges than its parent. Defaults to false.
	AllowPrivilegeEscalation bool
	// KeepCapabilities keeps the capabilities that the container runtime gives. Defaults to false:
	// all are dropped.
	KeepCapabilities bool
	// AddCapabilities are added after all others are dropped; "restricted" allows NET_BIND_SERVICE
	// alone. Defaults to none.
	AddCapabilities []string
	// UnconfinedSeccomp leaves out the seccomp profile RuntimeDefault. Defaults to false.
	UnconfinedSeccomp bool
	// WritableRootFilesystem lets the container write to its own filesystem. Defaults to false;
	// what a service has to write goes to a volume.
	WritableRootFilesystem bool
	// MountServiceAccountToken gives the pod a token for the API server. Defaults to false.
	MountServiceAccountToken bool
}

// ContainerSecurity is the same for one container beside the main one, which otherwise runs as the
// pod's Security says.
type ContainerSecurity struct {
	// RunAsUser and RunAsGroup are the user and primary group id of the container's process.
	// Default to the pod's.
	RunAsUser, RunAsGroup *int64
	// AllowRoot lets RunAsUser be 0, root. Defaults to false.
	AllowRoot bool
	// AllowPrivilegeEscalation lets a process gain more privileges than its parent. Defaults to false.
	AllowPrivilegeEscalation bool
	// KeepCapabilities keeps the capabilities that the container runtime gives. Defaults to false:
	// all are dropped.
	KeepCapabilities bool
	// AddCapabilities are added after all others are dropped; "restricted" allows NET_BIND_SERVICE
	// alone. Defaults to none.
	AddCapabilities []string
	// WritableRootFilesystem lets the container write to its own filesystem. Defaults to false:
	// what it has to write goes to a volume or to Scratch.
	WritableRootFilesystem bool
}

// ofContainer is what Security says of the main container alone: the ids are the pod's.
func (s Security) ofContainer() ContainerSecurity {
	return ContainerSecurity{
		AllowPrivilegeEscalation: s.AllowPrivilegeEscalation,
		KeepCapabilities:         s.KeepCapabilities,
		AddCapabilities:          s.AddCapabilities,
		WritableRootFilesystem:   s.WritableRootFilesystem,
	}
}

var capabilityName = regexp.MustCompile("^[A-Z][A-Z0-9_]*$")

func (s Security) validate(p *problem.List, field *problem.Path) {
	validateID(p, field.Child("FSGroup"), s.FSGroup)
	container := s.ofContainer()
	container.RunAsUser, container.RunAsGroup, container.AllowRoot = s.RunAsUser, s.RunAsGroup, s.AllowRoot
	container.validate(p, field)
}

func validateID(p *problem.List, field *problem.Path, id *int64) {
	if id != nil && (*id < 0 || *id > math.MaxInt32) {
		p.Add(field, *id, "is not an id; use 0 to 2147483647")
	}
}

func (s ContainerSecurity) validate(p *problem.List, field *problem.Path) {
	validateID(p, field.Child("RunAsUser"), s.RunAsUser)
	validateID(p, field.Child("RunAsGroup"), s.RunAsGroup)
	if s.RunAsUser != nil && *s.RunAsUser == 0 && !s.AllowRoot {
		p.Add(field.Child("RunAsUser"), *s.RunAsUser, "is root; use another user, or say AllowRoot: true")
	}
	for i, capability := range s.AddCapabilities {
		at := field.Child("AddCapabilities").Index(i)
		switch {
		case !capabilityName.MatchString(capability) || strings.HasPrefix(capability, "CAP_"):
			p.Add(at, capability,
				"is not a capability; use upper case and no CAP_, for example NET_BIND_SERVICE")
		case capability == "SYS_ADMIN" && !s.AllowPrivilegeEscalation:
			p.Add(at, capability,
				"implies privilege escalation; say AllowPrivilegeEscalation: true, or leave it out")
		}
	}
	if s.KeepCapabilities && len(s.AddCapabilities) > 0 {
		p.Add(field.Child("AddCapabilities"), s.AddCapabilities,
			"has no meaning beside KeepCapabilities: true; leave out one of them")
	}
}

func (s Security) podContext() *corev1.PodSecurityContext {
	context := &corev1.PodSecurityContext{RunAsUser: s.RunAsUser, RunAsGroup: s.RunAsGroup, FSGroup: s.FSGroup}
	if !s.AllowRoot {
		context.RunAsNonRoot = new(true)
		if s.RunAsUser == nil {
			context.RunAsUser = new(DefaultUser)
		}
		if s.RunAsGroup == nil {
			context.RunAsGroup = new(DefaultUser)
		}
		if s.FSGroup == nil {
			context.FSGroup = new(*context.RunAsGroup)
		}
	}
	if !s.UnconfinedSeccomp {
		context.SeccompProfile = &corev1.SeccompProfile{Type: corev1.SeccompProfileTypeRuntimeDefault}
	}
	if reflect.ValueOf(*context).IsZero() {
		return nil
	}
	return context
}

func (s ContainerSecurity) render() *corev1.SecurityContext {
	context := &corev1.SecurityContext{RunAsUser: s.RunAsUser, RunAsGroup: s.RunAsGroup}
	if s.AllowRoot {
		context.RunAsNonRoot = new(false)
	}
	if !s.AllowPrivilegeEscalation {
		context.AllowPrivilegeEscalation = new(false)
	}
	if !s.KeepCapabilities {
		context.Capabilities = &corev1.Capabilities{Drop: []corev1.Capability{"ALL"}}
		for _, capability := range s.AddCapabilities {
			context.Capabilities.Add = append(context.Capabilities.Add, corev1.Capability(capability))
		}
	}
	if !s.WritableRootFilesystem {
		context.ReadOnlyRootFilesystem = new(true)
	}
	if reflect.ValueOf(*context).IsZero() {
		return nil
	}
	return context
}
