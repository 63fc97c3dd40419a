package infra

import (
	"maps"

	"github.com/aws/constructs-go/constructs/v10"
	"github.com/cdk8s-team/cdk8s-core-go/cdk8s/v2"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/crossoverJie/k8s-combat/imports/k8s"
	"github.com/crossoverJie/k8s-combat/imports/tree"
)

// MeshMode is how the pods of a namespace join the mesh.
type MeshMode string

const (
	// Sidecar puts a proxy into each pod when it is made.
	Sidecar MeshMode = "Sidecar"
	// Ambient lets a proxy on each node carry the traffic; the pods stay as they are. The rules of an IstioCanary apply
	// where a waypoint stands before the Service (https://istio.io/latest/docs/ambient/usage/waypoint/).
	Ambient MeshMode = "Ambient"
)

// The labels by which Istio knows what to do with a namespace
// (https://istio.io/latest/docs/reference/config/labels/).
const (
	injectionLabel = "istio-injection"
	revisionLabel  = "istio.io/rev"
	dataplaneLabel = "istio.io/dataplane-mode"
)

// MeshNamespaceProps are the options of a MeshNamespace.
type MeshNamespaceProps struct {
	// Name of the Namespace. Required; an RFC 1123 label.
	Name string
	// Mode is how pods join the mesh. Defaults to Sidecar.
	Mode MeshMode
	// Revision is the control plane that injects the sidecars, where there are several. Defaults to the default one.
	Revision string
	// Labels and Annotations of the Namespace. Default to none.
	Labels, Annotations map[string]string
	// Patch has the last word on the Namespace.
	Patch func(*corev1.Namespace)
}

func (props MeshNamespaceProps) withDefaults() MeshNamespaceProps {
	if props.Mode == "" {
		props.Mode = Sidecar
	}
	return props
}

func (props MeshNamespaceProps) validate() []string {
	var p problems
	p.dnsLabel("Name", props.Name)
	oneOf(&p, "Mode", props.Mode, Sidecar, Ambient)
	if props.Revision != "" && len(validation.IsDNS1123Label(props.Revision)) > 0 {
		p.add("Revision", props.Revision, dnsLabelRule)
	}
	if props.Mode == Ambient && props.Revision != "" {
		p.add("Revision", props.Revision, "makes Istio inject sidecars, which Ambient is without; leave out one of them")
	}
	p.labels("Labels", props.Labels)
	for _, key := range []string{injectionLabel, revisionLabel, dataplaneLabel} {
		if value, ok := props.Labels[key]; ok {
			p.add(entry("Labels", key), value, "is set by Mode and Revision; leave it out")
		}
	}
	p.annotations("Annotations", props.Annotations)
	return p
}

func (props MeshNamespaceProps) meshLabels() map[string]string {
	switch {
	case props.Mode == Ambient:
		return map[string]string{dataplaneLabel: "ambient"}
	case props.Revision != "":
		// Beside istio-injection a revision would not be looked at.
		return map[string]string{revisionLabel: props.Revision}
	}
	return map[string]string{injectionLabel: "enabled"}
}

// MeshNamespace is a Namespace whose pods are part of the mesh. The ProbedDeployments of the same chart that are in it must
// have a Version, and the ports of its Services must tell Istio their protocol, by AppProtocol or by name. Pods that run already join when they are made anew
// (kubectl rollout restart).
type MeshNamespace struct {
	constructs.Construct
	props MeshNamespaceProps
}

// NewMeshNamespace makes a MeshNamespace.
func NewMeshNamespace(scope constructs.Construct, id string, props MeshNamespaceProps) *MeshNamespace {
	props = props.withDefaults()
	n := &MeshNamespace{props: props}
	tree.New(n, scope, id)
	tree.Invalid(n, props.validate()...)
	tree.Validate(n, n.validateMembers)
	object := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{
		Name: props.Name, Labels: merged(props.Labels, props.meshLabels()), Annotations: maps.Clone(props.Annotations),
	}}
	k8s.NewNamespace(n, "Resource", patched(n, object, props.Patch))
	return n
}

// Name returns the name of the Namespace.
func (n *MeshNamespace) Name() string { return n.props.Name }

// validateMembers checks that the pods and Services of the namespace are what the mesh needs them to be. It waits for
// synth, when all of them are there.
func (n *MeshNamespace) validateMembers() []string {
	var p problems
	for _, construct := range below[constructs.Construct](chartOf(n)) {
		switch member := construct.(type) {
		case *ProbedDeployment:
			if n.holds(member.object) && member.podLabels()[versionLabel] == "" {
				p.add("Deployment", *member.Node().Path(), versionRule)
			}
		case *Service:
			if n.holds(member.object) {
				member.validateProtocols(&p, *member.Node().Path())
			}
		}
	}
	return p
}

// holds tells whether an object of the same chart is in the namespace; one that names none is meant to be.
func (n *MeshNamespace) holds(object cdk8s.ApiObject) bool {
	namespace := namespaceOf(object)
	return namespace == "" || namespace == n.props.Name
}
