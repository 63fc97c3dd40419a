package infra

import (
	"fmt"
	"maps"
	"net/netip"

	"github.com/aws/constructs-go/constructs/v10"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/crossoverJie/k8s-combat/imports/k8s"
	"github.com/crossoverJie/k8s-combat/imports/tree"
	"github.com/crossoverJie/k8s-combat/infra/internal/object"
	"github.com/crossoverJie/k8s-combat/infra/internal/problem"
	"github.com/crossoverJie/k8s-combat/infra/internal/ref"
	"github.com/crossoverJie/k8s-combat/infra/pod"
)

// Peer is the other end of connections that a NetworkPolicy lets through. One of Workload, Labels,
// Namespace, CIDR and Anywhere says who it is; Labels and Namespace may stand together.
type Peer struct {
	// Workload whose pods it is, in whichever namespace. Nil for another kind of peer.
	Workload Workload
	// Labels of its pods, all of which they have. Default to all pods, where Namespace is set.
	Labels map[string]string
	// Namespace of its pods. Defaults to the policy's own.
	Namespace string
	// CIDR is a network outside of the cluster, such as "10.0.0.0/8". Except are networks within it
	// that are left out. Default to none.
	CIDR   string
	Except []string
	// Anywhere is whoever there is, inside of the cluster and outside.
	Anywhere bool
	// Ports of the end that is connected to: those of the policy's own pods for AllowFrom, those of
	// the peer for AllowTo. A port has a number or the name of a container's port. Default to all.
	Ports []pod.Port
}

// NetworkPolicyProps are the options of a NetworkPolicy.
type NetworkPolicyProps struct {
	// Name of the NetworkPolicy. Required; an RFC 1123 subdomain.
	Name string
	// Workload whose pods it is for, in the namespace of the policy. Required unless Selector or
	// WholeNamespace is set.
	Workload Workload
	// Selector are the labels of the pods that it is for, all of which they have: for pods that are
	// no Workload's, such as those of a construct of one's own. An error beside Workload. Defaults
	// to none.
	Selector map[string]string
	// WholeNamespace says that it is for all pods of the namespace. An error beside Workload or
	// Selector. Defaults to false.
	WholeNamespace bool
	// AllowFrom are who may connect to the pods. Nobody else may. Default to nobody.
	AllowFrom []Peer
	// AllowTo are what the pods may connect to, beside the cluster's DNS. Nothing else is let
	// through. Default to nothing.
	AllowTo []Peer
	// OpenIngress leaves connections to the pods as they are; an error beside AllowFrom. Defaults
	// to false.
	OpenIngress bool
	// OpenEgress leaves connections from the pods as they are; an error beside AllowTo. Defaults to
	// false.
	OpenEgress bool
	// WithoutDNS keeps the pods from asking the cluster's DNS, the pods with the label k8s-app:
	// kube-dns in kube-system. Defaults to false.
	WithoutDNS bool
	// Labels and Annotations of the NetworkPolicy. Default to none.
	Labels, Annotations map[string]string
	// Patch has the last word on the NetworkPolicy.
	Patch func(*networkingv1.NetworkPolicy)
}

func (peer Peer) validate(p *problem.List, at *problem.Path) {
	if isTypedNil(peer.Workload) {
		p.Missing(at.Child("Workload"), "the workload is nil; give one that is there, or leave it out")
		return
	}
	validateKnown(p, at.Child("Workload"), peer.Workload)
	kinds := 0
	for _, given := range []bool{peer.Workload != nil, len(peer.Labels) > 0 || peer.Namespace != "",
		peer.CIDR != "", peer.Anywhere} {
		if given {
			kinds++
		}
	}
	switch {
	case kinds == 0:
		p.Missing(at, "say who it is: Workload, Labels, Namespace, CIDR or Anywhere")
	case kinds > 1:
		p.Say(at,
			"says more than one of Workload, Labels or Namespace, CIDR and Anywhere; give each an entry of its own")
	}
	p.Labels(at.Child("Labels"), peer.Labels)
	if peer.Namespace != "" {
		p.DNSLabel(at.Child("Namespace"), peer.Namespace)
	}
	network := validateCIDR(p, at.Child("CIDR"), peer.CIDR)
	for i, text := range peer.Except {
		field := at.Child("Except").Index(i)
		inner := validateCIDR(p, field, text)
		switch {
		case peer.CIDR == "":
			p.Add(field, text, "has a meaning beside CIDR alone; leave it out")
		case network.IsValid() && inner.IsValid() &&
			(!network.Contains(inner.Addr()) || inner.Bits() <= network.Bits()):
			p.Add(field, text, "is not within CIDR, "+problem.Show(peer.CIDR)+"; use a smaller network of it")
		}
	}
	for i, port := range peer.Ports {
		field := at.Child("Ports").Index(i)
		problem.OneOf(p, field.Child("Protocol"), port.Protocol, pod.TCP, pod.UDP, pod.SCTP)
		switch {
		case port.Name != "" && port.Port != 0:
			p.Add(field.Child("Name"), port.Name, "cannot stand beside Port; leave out one of them")
		case port.Name != "":
			if !pod.IsPortName(port.Name) {
				p.Add(field.Child("Name"), port.Name,
					"is not a port name; use 1 to 15 lower-case letters, digits or '-', at least one a letter")
			}
		default:
			p.Port(field.Child("Port"), port.Port)
		}
	}
}

// validateNamespace checks that the namespace of the peer is known, where it is not that of the policy.
func (peer Peer) validateNamespace(p *problem.List, at *problem.Path, own string) {
	if peer.Workload == nil || isTypedNil(peer.Workload) {
		return
	}
	if namespace, ok := peer.Workload.Ref().Namespace(); ok && namespace == "" && own != "" {
		p.Add(at, peer.Workload.Name(),
			fmt.Sprintf("is a %s in %s, the policy in %s, and to refer to one from the other both have to be known; give both charts a Namespace",
				peer.Workload.Ref().Kind(), ref.ShowNamespace(namespace), ref.ShowNamespace(own)))
	}
}

func validateCIDR(p *problem.List, at *problem.Path, text string) netip.Prefix {
	if text == "" {
		return netip.Prefix{}
	}
	network, err := netip.ParsePrefix(text)
	if err != nil || network != network.Masked() || network.Addr().Is4In6() {
		p.Add(at, text, "is not a network; use for example \"10.0.0.0/8\", its address the first one")
		return netip.Prefix{}
	}
	return network
}

// isTypedNil reports whether a workload was handed over that is nil itself, which is not the same
// as none.
func isTypedNil(workload Workload) bool { return workload != nil && ref.WorkloadOf(workload) == nil }

// validateKnown checks that the pods of a workload can be told from others: no labels at all would
// mean all pods.
func validateKnown(p *problem.List, at *problem.Path, workload Workload) {
	if workload != nil && len(workload.Selector()) == 0 {
		p.Add(at, workload.Name(),
			"has no labels by which its pods are known, since its selector has no matchLabels; give the labels it selects, or change its Patch")
	}
}

func (props NetworkPolicyProps) validate() problem.List {
	var p problem.List
	p.DNSSubdomain(problem.At("Name"), props.Name)
	switch {
	case isTypedNil(props.Workload):
		p.Missing(problem.At("Workload"),
			"the workload is nil; give one that is there, or say WholeNamespace: true")
	case props.Workload == nil && len(props.Selector) == 0 && !props.WholeNamespace:
		p.Missing(problem.At("Workload"), "say whose pods the policy is for, or WholeNamespace: true")
	case props.Workload != nil && props.WholeNamespace:
		p.Add(problem.At("WholeNamespace"), true, "cannot stand beside Workload; leave out one of them")
	case len(props.Selector) > 0 && (props.Workload != nil || props.WholeNamespace):
		p.Add(problem.At("Selector"), props.Selector,
			"cannot stand beside Workload or WholeNamespace; leave out one of them")
	default:
		validateKnown(&p, problem.At("Workload"), props.Workload)
	}
	p.Labels(problem.At("Selector"), props.Selector)
	for i, peer := range props.AllowFrom {
		peer.validate(&p, problem.At("AllowFrom").Index(i))
	}
	for i, peer := range props.AllowTo {
		peer.validate(&p, problem.At("AllowTo").Index(i))
	}
	if props.OpenIngress && len(props.AllowFrom) > 0 {
		p.Add(problem.At("OpenIngress"), true, "lets everybody in, beside AllowFrom; leave out one of them")
	}
	if props.OpenEgress && (len(props.AllowTo) > 0 || props.WithoutDNS) {
		p.Add(problem.At("OpenEgress"), true,
			"lets everything out, beside AllowTo or WithoutDNS; leave out one of them")
	}
	if props.OpenIngress && props.OpenEgress {
		p.Add(problem.At("OpenEgress"), true,
			"leaves nothing for the policy to do, beside OpenIngress; leave out one of them")
	}
	p.Labels(problem.At("Labels"), props.Labels)
	p.Annotations(problem.At("Annotations"), props.Annotations)
	return p
}

// NetworkPolicy says who may connect to pods, and to what they may connect. Everything else is cut
// off, whoever else allows it excepted: what any policy for a pod lets through is let through. The
// cluster's network plugin has to know network policies. See
// https://kubernetes.io/docs/concepts/services-networking/network-policies/.
type NetworkPolicy struct {
	constructs.Construct
	object ref.Object
}

// NewNetworkPolicy makes a NetworkPolicy.
func NewNetworkPolicy(scope constructs.Construct, id string, props NetworkPolicyProps) *NetworkPolicy {
	n := &NetworkPolicy{}
	tree.New(n, scope, id)
	namespace := object.ChartNamespace(n)
	problems := props.validate()
	for _, list := range []struct {
		field string
		peers []Peer
	}{{"AllowFrom", props.AllowFrom}, {"AllowTo", props.AllowTo}} {
		for i, peer := range list.peers {
			peer.validateNamespace(&problems, problem.At(list.field).Index(i).Child("Workload"), namespace)
		}
	}
	tree.Invalid(n, problems...)
	policy := object.Patched(n, "Patch", props.render(namespace), props.Patch)
	n.object = ref.To("NetworkPolicy", props.Name, k8s.NewNetworkPolicy(n, "Resource", policy))
	if props.Workload != nil && !isTypedNil(props.Workload) {
		var p problem.List
		props.Workload.Ref().Beside(&p, problem.At("Workload"), n.object.Made())
		tree.Invalid(n, p...)
	}
	return n
}

// Name returns the name of the NetworkPolicy.
func (n *NetworkPolicy) Name() string {
	if n == nil {
		return ""
	}
	return n.object.Name()
}

func (props NetworkPolicyProps) render(namespace string) *networkingv1.NetworkPolicy {
	policy := &networkingv1.NetworkPolicy{ObjectMeta: object.Meta(props.Name, props.Labels, props.Annotations)}
	policy.Spec.PodSelector.MatchLabels = maps.Clone(props.Selector)
	if props.Workload != nil && !isTypedNil(props.Workload) {
		policy.Spec.PodSelector.MatchLabels = props.Workload.Selector()
	}
	if !props.OpenIngress {
		policy.Spec.PolicyTypes = append(policy.Spec.PolicyTypes, networkingv1.PolicyTypeIngress)
		for _, peer := range props.AllowFrom {
			policy.Spec.Ingress = append(policy.Spec.Ingress,
				networkingv1.NetworkPolicyIngressRule{From: peer.render(namespace), Ports: peer.ports()})
		}
	}
	if !props.OpenEgress {
		policy.Spec.PolicyTypes = append(policy.Spec.PolicyTypes, networkingv1.PolicyTypeEgress)
		for _, peer := range props.AllowTo {
			policy.Spec.Egress = append(policy.Spec.Egress,
				networkingv1.NetworkPolicyEgressRule{To: peer.render(namespace), Ports: peer.ports()})
		}
		if !props.WithoutDNS {
			policy.Spec.Egress = append(policy.Spec.Egress,
				networkingv1.NetworkPolicyEgressRule{To: clusterDNS.render(namespace),
					Ports: clusterDNS.ports()})
		}
	}
	return policy
}

// clusterDNS is where pods ask for names.
var clusterDNS = Peer{
	Namespace: metav1.NamespaceSystem,
	Labels:    map[string]string{"k8s-app": "kube-dns"},
	Ports:     []pod.Port{{Port: 53, Protocol: pod.UDP}, {Port: 53, Protocol: pod.TCP}},
}

// render takes the namespace of the policy, from which it can tell whether the peer is in another one.
func (peer Peer) render(namespace string) []networkingv1.NetworkPolicyPeer {
	if peer.Anywhere {
		return nil
	}
	if peer.CIDR != "" {
		return []networkingv1.NetworkPolicyPeer{{IPBlock: &networkingv1.IPBlock{CIDR: peer.CIDR,
			Except: peer.Except}}}
	}
	labels, of := maps.Clone(peer.Labels), peer.Namespace
	if peer.Workload != nil && !isTypedNil(peer.Workload) {
		labels = peer.Workload.Selector()
		if other, ok := peer.Workload.Ref().Namespace(); ok && other != namespace {
			of = other
		}
	}
	result := networkingv1.NetworkPolicyPeer{}
	if len(labels) > 0 || of == "" {
		result.PodSelector = &metav1.LabelSelector{MatchLabels: labels}
	}
	if of != "" {
		result.NamespaceSelector = &metav1.LabelSelector{MatchLabels: map[string]string{corev1.LabelMetadataName: of}}
	}
	return []networkingv1.NetworkPolicyPeer{result}
}

func (peer Peer) ports() []networkingv1.NetworkPolicyPort {
	var ports []networkingv1.NetworkPolicyPort
	for _, port := range peer.Ports {
		rendered := networkingv1.NetworkPolicyPort{Port: new(intstr.FromInt32(port.Port))}
		if port.Name != "" {
			rendered.Port = new(intstr.FromString(port.Name))
		}
		if port.Protocol != "" {
			rendered.Protocol = new(corev1.Protocol(port.Protocol))
		}
		ports = append(ports, rendered)
	}
	return ports
}
