package mesh

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/aws/constructs-go/constructs/v10"
	"github.com/cdk8s-team/cdk8s-core-go/cdk8s/v2"
	networking "istio.io/api/networking/v1alpha3"
	networkingv1 "istio.io/client-go/pkg/apis/networking/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/labels"

	"github.com/crossoverJie/k8s-combat/imports/istio"
	"github.com/crossoverJie/k8s-combat/imports/tree"
	"github.com/crossoverJie/k8s-combat/infra"
	"github.com/crossoverJie/k8s-combat/infra/internal/object"
	"github.com/crossoverJie/k8s-combat/infra/internal/problem"
	"github.com/crossoverJie/k8s-combat/infra/internal/ref"
	"github.com/crossoverJie/k8s-combat/infra/pod"
)

// Version is one version of a service, as a subset of the pods behind its Service.
type Version struct {
	// Name of the subset. Required; an RFC 1123 label.
	Name string
	// Workload makes its pods, in the namespace of the Service. They carry a label version of their
	// own, by which the mesh tells versions apart. Required.
	Workload infra.Workload
	// TrafficPolicy for this version alone. Defaults to the IstioCanary's.
	TrafficPolicy TrafficPolicy
}

// IstioCanaryProps are the options of an IstioCanary.
type IstioCanaryProps struct {
	// Name of the VirtualService. Required; an RFC 1123 subdomain.
	Name string
	// DestinationRuleName defaults to Name.
	DestinationRuleName string
	// Service is in front of all versions and nothing else, in the namespace of the IstioCanary. It
	// has at least one port that speaks HTTP or gRPC, and no other IstioCanary. Required.
	Service *infra.Service
	// Versions of the service. At least one is required.
	Versions []Version
	// Rules say which request goes to which version; the first that matches applies. A request that
	// none matches is answered with 404. At least one is required.
	Rules []Rule
	// TrafficPolicy says how clients treat the pods. Defaults to Istio's own.
	TrafficPolicy TrafficPolicy
	// Gateways through which requests come from outside. Default to none: the rules are for calls
	// inside the mesh.
	Gateways []*IstioGateway
	// ProxylessClients says that all callers inside the mesh are gRPC clients that ask istiod by
	// themselves (xds:///). Without it a headless Service is an error unless the rules are for
	// Gateways alone: sidecars send a call for such a Service to the address that the client has
	// chosen, whatever the rules say. Defaults to false.
	ProxylessClients bool
	// Mesh says that the rules are for calls inside the mesh too, where there are Gateways.
	// Defaults to false.
	Mesh bool
	// Hosts that clients ask for, beside the Service's own name inside the mesh; no two of them
	// have a host in common. Required where there are Gateways.
	Hosts []string
	// Labels and Annotations of both objects. Default to none.
	Labels, Annotations map[string]string
	// Patch has the last word on the VirtualService.
	Patch func(*networkingv1.VirtualService)
	// PatchDestinationRule has it on the DestinationRule.
	PatchDestinationRule func(*networkingv1.DestinationRule)
}

// meshGateway is Istio's name for all proxies of the mesh.
const meshGateway = "mesh"

func (props IstioCanaryProps) withDefaults() IstioCanaryProps {
	if props.DestinationRuleName == "" {
		props.DestinationRuleName = props.Name
	}
	if len(props.Gateways) == 0 {
		props.Mesh = true
	}
	// These are looked at again when the application is synthesized.
	props.Versions, props.Gateways, props.Hosts = slices.Clone(props.Versions), slices.Clone(props.Gateways), slices.Clone(props.Hosts)
	for i, gateway := range props.Gateways {
		if !gateway.isMade() {
			props.Gateways[i] = nil
		}
	}
	return props
}

func (props IstioCanaryProps) has(workload *ref.Workload) bool {
	return slices.ContainsFunc(props.Versions,
		func(v Version) bool { return workloadOf(v.Workload) == workload })
}

// subset is the name of the subset of a workload, empty for all pods.
func (props IstioCanaryProps) subset(workload *ref.Workload) string {
	for _, version := range props.Versions {
		if workload != nil && workloadOf(version.Workload) == workload {
			return version.Name
		}
	}
	return ""
}

func (props IstioCanaryProps) destination(workload infra.Workload, portName string) *networking.Destination {
	destination := &networking.Destination{Subset: props.subset(workloadOf(workload))}
	if service := props.Service.Ref(); service != nil {
		destination.Host = service.Host()
		if portName != "" {
			port, _ := service.Port(portName)
			destination.Port = &networking.PortSelector{Number: uint32(max(port.Port, 0))}
		}
	}
	return destination
}

func (props IstioCanaryProps) validatePort(p *problem.List, field *problem.Path, port string) {
	service := props.Service.Ref()
	switch {
	case service == nil:
	case port != "":
		service.ValidateBackend(p, field, port)
		for _, candidate := range service.Spec.Ports {
			if protocol := istioProtocol(candidate); candidate.Name == port && protocol != "" &&
				!slices.Contains(istioHTTPProtocols, protocol) {
				p.Add(field, port,
					"speaks "+protocol+", to which no rule applies; name a port that speaks "+problem.Or(istioHTTPProtocols))
			}
		}
	case len(props.Gateways) > 0 && len(service.Spec.Ports) > 1:
		p.Missing(field,
			"requests from outside the mesh name no port, and Service "+service.Name()+" has several; name one of them")
	}
}

func (props IstioCanaryProps) validate() problem.List {
	var p problem.List
	p.DNSSubdomain(problem.At("Name"), props.Name)
	if props.DestinationRuleName != props.Name {
		p.DNSSubdomain(problem.At("DestinationRuleName"), props.DestinationRuleName)
	}
	p.Labels(problem.At("Labels"), props.Labels)
	p.Annotations(problem.At("Annotations"), props.Annotations)
	props.validateService(&p)
	props.validateVersions(&p)
	props.validateHosts(&p)
	props.TrafficPolicy.validate(&p, problem.At("TrafficPolicy"))
	if len(props.Rules) == 0 {
		p.Missing(problem.At("Rules"), "give at least one rule")
	}
	for i, rule := range props.Rules {
		rule.validate(&p, problem.At("Rules").Index(i), props)
	}
	props.validateReachability(&p)
	return p
}

func (props IstioCanaryProps) validateService(p *problem.List) {
	service := props.Service.Ref()
	if service == nil {
		p.Missing(problem.At("Service"), "give the *Service in front of the versions")
		return
	}
	if service.IsExternalName() {
		p.Add(problem.At("Service"), service.Name(),
			"is an ExternalName, which has no pods to choose from; use a Service with pods")
	}
	if service.Spec.ClusterIP == corev1.ClusterIPNone && props.Mesh && !props.ProxylessClients {
		p.Add(problem.At("Service"), service.Name(),
			"is headless, and sidecars send a call to the address that the client has chosen, so that no rule applies; use a Service with an address, rules for Gateways alone, or say ProxylessClients: true")
	}
	validateProtocols(p, service, service.Name())
	var spoken []string
	for _, port := range service.Spec.Ports {
		spoken = append(spoken, cmp.Or(istioProtocol(port), istioHTTPProtocols[0]))
	}
	rulesApply := func(protocol string) bool { return slices.Contains(istioHTTPProtocols, protocol) }
	if len(spoken) > 0 && !slices.ContainsFunc(spoken, rulesApply) {
		p.Add(problem.At("Service"), service.Name(),
			"speaks "+strings.Join(spoken,
				" and ")+", to which no rule applies; give it a port that speaks "+problem.Or(istioHTTPProtocols))
	}
}

func (props IstioCanaryProps) validateVersions(p *problem.List) {
	if len(props.Versions) == 0 {
		p.Missing(problem.At("Versions"), "give at least one version")
	}
	var names, labelled problem.Unique
	for i, version := range props.Versions {
		at := problem.At("Versions").Index(i)
		p.DNSLabel(at.Child("Name"), version.Name)
		names.Check(p, at.Child("Name"), at, version.Name)
		version.TrafficPolicy.validate(p, at.Child("TrafficPolicy"))
		props.validateWorkload(p, i, &labelled)
	}
}

// validateWorkload checks the pods of a version. labelled are the labels by which those of the
// versions before it are told apart.
func (props IstioCanaryProps) validateWorkload(p *problem.List, i int, labelled *problem.Unique) {
	at := problem.At("Versions").Index(i)
	workload, service := workloadOf(props.Versions[i].Workload), props.Service.Ref()
	field := at.Child("Workload")
	if workload == nil {
		p.Missing(field, "give the workload of the version, for example a *ProbedDeployment")
		return
	}
	if len(workload.Selector) == 0 {
		p.Add(field, workload.Name(), noLabelsRule)
	}
	if label := workload.Template.Labels[pod.VersionLabel]; label == "" {
		p.Add(field, workload.Name(), versionRule)
	} else {
		labelled.Check(p, field.Child("Version"), at, label)
	}
	if service != nil && len(service.Spec.Selector) > 0 && !workload.Selects(service.Spec.Selector) {
		p.Add(field, workload.Name(),
			fmt.Sprintf("has pods that Service %s does not select; give them the labels %s",
				service.Name(), labels.Set(service.Spec.Selector)))
	}
	for j, version := range props.Versions {
		if other := workloadOf(version.Workload); i != j && other != nil && workload.Selects(other.Selector) {
			p.Add(field, workload.Name(),
				fmt.Sprintf("has pods that are of the version %q too; let the selectors of the versions differ", version.Name))
		}
	}
}

func (props IstioCanaryProps) validateHosts(p *problem.List) {
	if len(props.Gateways) > 0 && len(props.Hosts) == 0 {
		p.Missing(problem.At("Hosts"), "name the hosts that clients outside the mesh ask for")
	}
	var hosts problem.Unique
	for i, host := range props.Hosts {
		at := problem.At("Hosts").Index(i)
		p.RoutedHost(at, host)
		if host == infra.AnyHost && props.Mesh {
			p.Add(at, host, "would take all calls inside the mesh; name the hosts")
		}
		if service := props.Service.Ref(); props.Mesh && service != nil && host == service.Host() {
			p.Add(at, host, "is the Service's own name, which is there already; leave it out")
		}
		hosts.Check(p, at, at, host)
		for j, other := range props.Hosts[:i] {
			if host != other && host != infra.AnyHost && other != infra.AnyHost && hostsOverlap(host, other) {
				p.Add(at, host,
					"has hosts in common with "+problem.At("Hosts").Index(j).String()+", "+problem.Show(other)+", which Istio refuses; leave out one of them")
			}
		}
	}
	for i, gateway := range props.Gateways {
		at := problem.At("Gateways").Index(i)
		switch {
		case gateway == nil:
			p.Missing(at, "give an *IstioGateway")
		case len(props.Hosts) > 0 && !slices.ContainsFunc(props.Hosts, gateway.serves):
			p.Add(at, gateway.Name(),
				"has no server for HTTP requests for any of Hosts; add one there, or leave the gateway out")
		}
	}
	for i, host := range props.Hosts {
		serves := func(gateway *IstioGateway) bool { return gateway != nil && gateway.serves(host) }
		if len(props.Gateways) > 0 && !props.Mesh && !slices.ContainsFunc(props.Gateways, serves) {
			p.Add(problem.At("Hosts").Index(i), host,
				"is served by none of Gateways; add it to a server of one, or leave it out")
		}
	}
}

// validateReachability finds rules, and single matches of rules, that no request can reach.
func (props IstioCanaryProps) validateReachability(p *problem.List) {
	for i, rule := range props.Rules {
		at := problem.At("Rules").Index(i)
		if rule.Redirect.leads() {
			props.validateLoop(p, i)
		}
		var taken []string
		var dead problem.List
		for j, match := range rule.matches() {
			field := at.Child("Match").Index(j)
			earlier := slices.IndexFunc(props.Rules[:i], func(r Rule) bool { return r.covers(match) })
			same := slices.IndexFunc(rule.Match[:j], func(m Match) bool { return m.covers(match) })
			switch {
			case earlier >= 0:
				before := problem.At("Rules").Index(earlier)
				taken = append(taken, before.String())
				dead.Say(field,
					fmt.Sprintf("can never apply, since its requests are taken before by %s; leave it out, or narrow what is before it", before))
			case same >= 0:
				dead.Say(field,
					fmt.Sprintf("adds nothing, since its requests are those of %s already; leave it out", at.Child("Match").Index(same)))
			}
		}
		if len(taken) < len(rule.matches()) {
			*p = append(*p, dead...)
			continue
		}
		slices.Sort(taken)
		p.Say(at,
			fmt.Sprintf("can never apply, since all its requests are taken before by %s; put it first, or narrow what is before it",
				strings.Join(slices.Compact(taken), " and ")))
	}
}

// IstioCanary sends the requests for a Service to its versions by rules: a VirtualService and a
// DestinationRule.
// See https://istio.io/latest/docs/concepts/traffic-management/.
type IstioCanary struct {
	constructs.Construct
	props           IstioCanaryProps
	virtualService  cdk8s.ApiObject
	destinationRule cdk8s.ApiObject

	survey *survey
	// asked says that the survey was used in a synth.
	asked bool
}

// NewIstioCanary makes an IstioCanary. Its child Resource is the VirtualService, its child
// DestinationRule the other.
func NewIstioCanary(scope constructs.Construct, id string, props IstioCanaryProps) *IstioCanary {
	props = props.withDefaults()
	c := &IstioCanary{props: props}
	tree.New(c, scope, id)
	tree.Invalid(c, props.validate()...)
	if props.Service.Ref() != nil {
		tree.Validate(c, c.validateSurroundings)
	}
	routes := object.Patched(c, "Patch", props.renderVirtualService(), props.Patch)
	rule := object.Patched(c, "PatchDestinationRule", props.renderDestinationRule(), props.PatchDestinationRule)
	var p problem.List
	if props.PatchDestinationRule != nil {
		validatePatchedSubsets(&p, rule)
	}
	if props.Patch != nil || props.PatchDestinationRule != nil {
		validatePatchedRoutes(&p, routes, rule)
	}
	tree.Invalid(c, p...)
	c.virtualService = istio.NewVirtualService(c, "Resource", routes)
	c.destinationRule = istio.NewDestinationRule(c, "DestinationRule", rule)
	return c
}

// Name returns the name of the VirtualService.
func (c *IstioCanary) Name() string {
	if c == nil {
		return ""
	}
	return c.props.Name
}

func (props IstioCanaryProps) renderVirtualService() *networkingv1.VirtualService {
	service := &networkingv1.VirtualService{ObjectMeta: object.Meta(props.Name, props.Labels,
		props.Annotations)}
	if props.Mesh {
		service.Spec.Gateways = append(service.Spec.Gateways, meshGateway)
		if host := props.Service.Host(); host != "" {
			service.Spec.Hosts = append(service.Spec.Hosts, host)
		}
	}
	var gateways []string
	for _, gateway := range props.Gateways {
		if gateway != nil {
			gateways = append(gateways, gateway.reference())
		}
	}
	service.Spec.Gateways = append(service.Spec.Gateways, gateways...)
	service.Spec.Hosts = append(service.Spec.Hosts, props.Hosts...)
	for _, rule := range props.Rules {
		service.Spec.Http = append(service.Spec.Http, rule.routes(props, gateways)...)
	}
	return service
}

// splits reports whether the rules are written twice: requests from outside need a port, which
// calls inside the mesh, that have named theirs, must not get.
func (props IstioCanaryProps) splits() bool {
	service := props.Service.Ref()
	return props.Mesh && len(props.Gateways) > 0 && service != nil && len(service.Spec.Ports) > 1
}

func (props IstioCanaryProps) renderDestinationRule() *networkingv1.DestinationRule {
	rule := &networkingv1.DestinationRule{ObjectMeta: object.Meta(props.DestinationRuleName,
		props.Labels, props.Annotations)}
	rule.Spec.Host = props.Service.Host()
	rule.Spec.TrafficPolicy = props.TrafficPolicy.render()
	for _, version := range props.Versions {
		rule.Spec.Subsets = append(rule.Spec.Subsets, &networking.Subset{
			Name: version.Name, Labels: workloadOf(version.Workload).Labels(),
			TrafficPolicy: version.TrafficPolicy.render(),
		})
	}
	return rule
}
