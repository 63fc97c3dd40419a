package mesh

import (
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/cdk8s-team/cdk8s-core-go/cdk8s/v2"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/crossoverJie/k8s-combat/imports/k8s"
	"github.com/crossoverJie/k8s-combat/imports/tree"
	"github.com/crossoverJie/k8s-combat/infra"
	"github.com/crossoverJie/k8s-combat/infra/internal/object"
	"github.com/crossoverJie/k8s-combat/infra/internal/problem"
	"github.com/crossoverJie/k8s-combat/infra/internal/ref"
	"github.com/crossoverJie/k8s-combat/infra/pod"
)

// Mode is how the pods of a namespace join the mesh.
type Mode string

const (
	// Sidecar puts a proxy into each pod when it is made.
	Sidecar Mode = "Sidecar"
	// Ambient lets a proxy on each node carry the traffic; the pods stay as they are. That proxy
	// knows connections, not requests: the rules of an IstioCanary apply where there is a Waypoint.
	Ambient Mode = "Ambient"
)

// The labels by which Istio knows what to do with a namespace
// (https://istio.io/latest/docs/reference/config/labels/).
const (
	injectionLabel         = "istio-injection"
	revisionLabel          = "istio.io/rev"
	dataplaneLabel         = "istio.io/dataplane-mode"
	waypointLabel          = "istio.io/use-waypoint"
	waypointNamespaceLabel = "istio.io/use-waypoint-namespace"
)

// MeshNamespaceProps are the options of a MeshNamespace.
type MeshNamespaceProps struct {
	// Name of the Namespace. Required; an RFC 1123 label.
	Name string
	// Mode is how pods join the mesh. Defaults to Sidecar.
	Mode Mode
	// Revision is the control plane that injects the sidecars, where there are several, an RFC 1123
	// label; for Sidecar alone. Defaults to the default one.
	Revision string
	// Waypoint is the name of the waypoint through which requests to the Services of the namespace
	// go: a Gateway of the Gateway API and of the class istio-waypoint, as "istioctl waypoint
	// apply" makes it. An RFC 1123 label; for Ambient alone. Defaults to none, so that only what
	// concerns connections applies.
	// See https://istio.io/latest/docs/ambient/usage/waypoint/.
	Waypoint string
	// WaypointNamespace is the namespace of the Waypoint, whose listener has to allow routes from
	// this one. An RFC 1123 label. Defaults to the Namespace itself.
	WaypointNamespace string
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

func (props MeshNamespaceProps) validate() problem.List {
	var p problem.List
	p.DNSLabel(problem.At("Name"), props.Name)
	problem.OneOf(&p, problem.At("Mode"), props.Mode, Sidecar, Ambient)
	if props.Revision != "" && len(validation.IsDNS1123Label(props.Revision)) > 0 {
		p.Add(problem.At("Revision"), props.Revision, problem.DNSLabelRule)
	}
	if props.Mode == Ambient && props.Revision != "" {
		p.Add(problem.At("Revision"), props.Revision,
			"makes Istio inject sidecars, which Ambient is without; leave out one of them")
	}
	props.validateWaypoint(&p)
	p.Labels(problem.At("Labels"), props.Labels)
	for _, key := range []string{injectionLabel, revisionLabel, dataplaneLabel} {
		if value, ok := props.Labels[key]; ok {
			p.Add(problem.Key(problem.At("Labels"), key), value, "is set by Mode and Revision; leave it out")
		}
	}
	for _, key := range []string{waypointLabel, waypointNamespaceLabel} {
		if value, ok := props.Labels[key]; ok {
			p.Add(problem.Key(problem.At("Labels"), key), value,
				"is set by Waypoint and WaypointNamespace; leave it out")
		}
	}
	p.Annotations(problem.At("Annotations"), props.Annotations)
	return p
}

// noWaypoint is what Istio takes for no waypoint, where a name is asked for.
const noWaypoint = "none"

func (props MeshNamespaceProps) validateWaypoint(p *problem.List) {
	if waypoint := props.Waypoint; waypoint != "" {
		switch {
		case waypoint == noWaypoint:
			p.Add(problem.At("Waypoint"), waypoint,
				"is not a name, but what Istio takes for no waypoint; leave it out")
		case len(validation.IsDNS1123Label(waypoint)) > 0:
			p.Add(problem.At("Waypoint"), waypoint, problem.DNSLabelRule)
		}
		if props.Mode == Sidecar {
			p.Add(problem.At("Waypoint"), waypoint,
				"has a meaning for Ambient alone, since sidecars apply the rules themselves; leave it out, or set Mode")
		}
	}
	if namespace := props.WaypointNamespace; namespace != "" {
		if len(validation.IsDNS1123Label(namespace)) > 0 {
			p.Add(problem.At("WaypointNamespace"), namespace, problem.DNSLabelRule)
		}
		if props.Waypoint == "" {
			p.Add(problem.At("WaypointNamespace"), namespace,
				"has no meaning without a Waypoint; name it, or leave this out")
		}
	}
}

func (props MeshNamespaceProps) meshLabels() map[string]string {
	switch {
	case props.Mode == Ambient:
		labels := map[string]string{dataplaneLabel: "ambient"}
		if props.Waypoint != "" {
			labels[waypointLabel] = props.Waypoint
		}
		if props.WaypointNamespace != "" {
			labels[waypointNamespaceLabel] = props.WaypointNamespace
		}
		return labels
	case props.Revision != "":
		// Istio ignores a revision beside istio-injection.
		return map[string]string{revisionLabel: props.Revision}
	}
	return map[string]string{injectionLabel: "enabled"}
}

// MeshNamespace is a Namespace whose pods are part of the mesh. The workloads of the same chart
// that are in it must have a Version, and the ports of its Services must tell Istio their protocol,
// by AppProtocol or by name. In the mode Sidecar, pods that run already join when they are made
// anew (kubectl rollout restart).
//
// A MeshNamespace asks nothing of its pods by Pod Security. In the mode Sidecar, Istio's container
// istio-init runs as root with the capabilities NET_ADMIN and NET_RAW, so that a namespace that
// enforces baseline or restricted refuses every injected pod, while the Deployment looks fine; the
// events of its ReplicaSet tell. Labels may enforce them where Istio is installed with its CNI
// plugin, which leaves that container out, and in the mode Ambient.
// See https://istio.io/latest/docs/setup/additional-setup/pod-security-admission/.
//
// In the mode Sidecar, callers of gRPC use the Service, not a headless one whose pods they choose
// themselves: the sidecar keeps their connections, so that they do not hear that a pod has gone.
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
	namespace := &corev1.Namespace{ObjectMeta: object.Meta(props.Name,
		object.Merged(props.Labels, props.meshLabels()), props.Annotations)}
	k8s.NewNamespace(n, "Resource", object.Patched(n, "Patch", namespace, props.Patch))
	return n
}

// Name returns the name of the Namespace.
func (n *MeshNamespace) Name() string {
	if n == nil {
		return ""
	}
	return n.props.Name
}

// isServing reports whether pods are there to be called: those of a Job run to their end, and have
// no versions to tell apart.
func isServing(workload *ref.Workload) bool {
	return workload.Kind() != "Job" && workload.Kind() != "CronJob"
}

// validateMembers checks that the pods and Services of the namespace are what the mesh needs them
// to be. It waits for synth, when all of them are there.
func (n *MeshNamespace) validateMembers() []tree.Problem {
	var p problem.List
	for _, construct := range object.Below[constructs.Construct](object.ChartOf(n)) {
		switch member := construct.(type) {
		case infra.Workload:
			if workload := workloadOf(member); workload != nil && n.holds(workload.Object) &&
				isServing(workload) && workload.Template.Labels[pod.VersionLabel] == "" {
				p.Add(problem.At(workload.Kind()), *construct.Node().Path(), versionRule)
			}
		case *infra.Service:
			if service := member.Ref(); service != nil && n.holds(service.Object) {
				validateProtocols(&p, service, *construct.Node().Path())
			}
		case *IstioCanary:
			if n.props.Mode == Ambient && n.props.Waypoint == "" && member.props.Mesh &&
				n.holdsObject(member.virtualService) {
				p.Add(problem.At("Waypoint"), *construct.Node().Path(),
					"is an IstioCanary, whose rules nobody applies inside an ambient mesh without a waypoint; name one, or use the mode Sidecar")
			}
		case *MeshSecurity:
			if field := member.needsWaypoint(); n.props.Mode == Ambient && field != nil &&
				len(member.made) > 0 && n.holdsObject(member.made[0]) {
				p.Add(problem.At("Mode"), *construct.Node().Path(), "is a MeshSecurity with "+field.String()+
					", which is about requests; in an ambient mesh it applies where the object targets a waypoint: set targetRefs by Patch, leave it out, or use the mode Sidecar")
			}
			if field := member.disablesTLS(); n.props.Mode == Ambient && field != nil &&
				len(member.made) > 0 && n.holdsObject(member.made[0]) {
				p.Add(problem.At("Mode"), *construct.Node().Path(), "is a MeshSecurity with "+field.String()+
					": DISABLE, which an ambient mesh does not know: what it carries is encrypted; use PERMISSIVE, or the mode Sidecar")
			}
		case *Telemetry:
			if n.props.Mode == Ambient && member.isForPods() && n.holdsObject(member.object) {
				p.Add(problem.At("Mode"), *construct.Node().Path(),
					"is a Telemetry for a Workload, whose pods have no proxy of their own in an ambient mesh; let it target a waypoint: set targetRefs by Patch, say WholeNamespace, or use the mode Sidecar")
			}
		}
	}
	return p
}

func (n *MeshNamespace) holdsObject(member cdk8s.ApiObject) bool {
	return n.holds(ref.To("", "", member))
}

// holds reports whether an object of the same chart is in the namespace; one that names none is
// meant to be.
func (n *MeshNamespace) holds(member ref.Object) bool {
	namespace, _ := member.Namespace()
	return namespace == "" || namespace == n.props.Name
}
