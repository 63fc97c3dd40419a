package infra

import (
	"github.com/aws/constructs-go/constructs/v10"
	corev1 "k8s.io/api/core/v1"

	"github.com/crossoverJie/k8s-combat/imports/k8s"
	"github.com/crossoverJie/k8s-combat/imports/tree"
	"github.com/crossoverJie/k8s-combat/infra/internal/object"
	"github.com/crossoverJie/k8s-combat/infra/internal/problem"
	"github.com/crossoverJie/k8s-combat/infra/internal/ref"
	"github.com/crossoverJie/k8s-combat/infra/pod"
)

// PersistentVolumeClaimProps are the options of a PersistentVolumeClaim.
type PersistentVolumeClaimProps struct {
	// Name of the claim. Required; an RFC 1123 subdomain.
	Name string
	// ClaimOptions say which storage is asked for.
	pod.ClaimOptions
	// Labels and Annotations of the claim. Default to none.
	Labels, Annotations map[string]string
	// Patch has the last word on the claim.
	Patch func(*corev1.PersistentVolumeClaim)
}

func (props PersistentVolumeClaimProps) validate() problem.List {
	var p problem.List
	p.DNSSubdomain(problem.At("Name"), props.Name)
	props.Validate(&p, nil)
	p.Labels(problem.At("Labels"), props.Labels)
	p.Annotations(problem.At("Annotations"), props.Annotations)
	return p
}

// PersistentVolumeClaim is a claim for storage that outlives pods; they mount pod.Claim of it. With
// the access mode ReadWriteOnce all pods that use it are on one node, so that a rolling update
// waits for ever where the new pod is on another one: such a Deployment has one replica and
// Rollout.Recreate, or is a StatefulSet. See
// https://kubernetes.io/docs/concepts/storage/persistent-volumes/.
type PersistentVolumeClaim struct {
	constructs.Construct
	object ref.Object
}

var _ pod.ClaimSource = (*PersistentVolumeClaim)(nil)

// NewPersistentVolumeClaim makes a PersistentVolumeClaim.
func NewPersistentVolumeClaim(scope constructs.Construct, id string,
	props PersistentVolumeClaimProps) *PersistentVolumeClaim {
	c := &PersistentVolumeClaim{}
	tree.New(c, scope, id)
	tree.Invalid(c, props.validate()...)
	claim := object.Patched(c, "Patch", &corev1.PersistentVolumeClaim{
		ObjectMeta: object.Meta(props.Name, props.Labels, props.Annotations),
		Spec:       props.Spec(),
	}, props.Patch)
	c.object = ref.To("PersistentVolumeClaim", props.Name, k8s.NewPersistentVolumeClaim(c, "Resource", claim))
	return c
}

// Name returns the name of the claim.
func (c *PersistentVolumeClaim) Name() string { return c.ClaimRef().Name() }

// ClaimRef refers to the claim, for the pods that mount it.
func (c *PersistentVolumeClaim) ClaimRef() ref.Object {
	if c == nil {
		return ref.Object{}
	}
	return c.object
}
