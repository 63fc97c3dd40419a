package mesh

import (
	"cmp"
	"fmt"
	"maps"
	"slices"

	"github.com/aws/constructs-go/constructs/v10"
	"github.com/cdk8s-team/cdk8s-core-go/cdk8s/v2"

	"github.com/crossoverJie/k8s-combat/imports/tree"
	"github.com/crossoverJie/k8s-combat/infra"
	"github.com/crossoverJie/k8s-combat/infra/internal/object"
	"github.com/crossoverJie/k8s-combat/infra/internal/problem"
	"github.com/crossoverJie/k8s-combat/infra/internal/ref"
)

// validateSurroundings checks the canary against what else is in the tree. It waits for synth, when
// all of it is there.
func (c *IstioCanary) validateSurroundings() []tree.Problem {
	var p problem.List
	service := c.props.Service.Ref()
	namespace := ref.NamespaceOf(service.Made())
	c.validateNamespaces(&p, namespace)
	surroundings := c.lookAround()
	c.validateStrangers(&p, namespace, surroundings.in(object.ChartOf(c.props.Service)))
	c.validateOthers(&p, surroundings)
	return p
}

// validateNamespaces checks that all is where the Service is: it finds pods in its own namespace
// alone, and Istio reads a DestinationRule where the client or the Service is.
func (c *IstioCanary) validateNamespaces(p *problem.List, namespace string) {
	check := func(field *problem.Path, name string, object cdk8s.ApiObject) {
		if other := ref.NamespaceOf(object); other != namespace {
			p.Add(field, name, fmt.Sprintf("is in %s, Service %s in %s; put both into charts of one Namespace",
				ref.ShowNamespace(other), c.props.Service.Name(), ref.ShowNamespace(namespace)))
		}
	}
	check(problem.At("Name"), c.props.Name, c.virtualService)
	c.validateGateways(p, ref.NamespaceOf(c.virtualService))
	if ref.NamespaceOf(c.destinationRule) != ref.NamespaceOf(c.virtualService) {
		check(problem.At("DestinationRuleName"), c.props.DestinationRuleName, c.destinationRule)
	}
	for i, version := range c.props.Versions {
		if workload := workloadOf(version.Workload); workload != nil {
			check(problem.At("Versions").Index(i).Child("Workload"), workload.Name(), workload.Made())
		}
	}
}

// validateGateways finds gateways that cannot be named from this namespace, and hosts that they
// serve, but not for its VirtualServices: requests for them would be answered with 404.
func (c *IstioCanary) validateGateways(p *problem.List, namespace string) {
	for i, gateway := range c.props.Gateways {
		if gateway != nil && namespace != "" && ref.NamespaceOf(gateway.object) == "" {
			p.Add(problem.At("Gateways").Index(i), gateway.Name(), fmt.Sprintf(
				"is in %s, so it cannot be named in full, as %s has to; give its chart a Namespace", ref.ShowNamespace(""), ref.ShowNamespace(namespace)))
		}
	}
	for i, host := range c.props.Hosts {
		for j, gateway := range c.props.Gateways {
			if gateway != nil && gateway.serves(host) && !gateway.servesIn(namespace, host) {
				p.Add(problem.At("Hosts").Index(i), host,
					fmt.Sprintf("is not open to %s in %s, %s; add the host %q to a server there",
						ref.ShowNamespace(namespace), problem.At("Gateways").Index(j), gateway.Name(), namespace+"/"+host))
			}
		}
	}
}

// validateStrangers finds workloads beside the Service that it selects and that are not one of the
// versions: they would get requests that no rule sends them.
func (c *IstioCanary) validateStrangers(p *problem.List, namespace string, neighbours *neighbourhood) {
	service := c.props.Service.Ref()
	for _, workload := range neighbours.selected(service.Spec.Selector) {
		if !c.props.has(workload) && ref.NamespaceOf(workload.Made()) == namespace {
			p.Add(problem.At("Service"), service.Name(),
				"selects the pods of "+workload.Name()+", which is not one of Versions; add it there, or change the Selector")
		}
	}
}

// validateOthers finds an earlier IstioCanary for the same Service or the same hosts inside the
// mesh, of which Istio would follow one alone. Charts may be alternatives to one another, so that
// another Service of the same name counts in the same chart alone.
func (c *IstioCanary) validateOthers(p *problem.List, surroundings *survey) {
	service, neighbours := c.props.Service.Ref(), surroundings.in(object.ChartOf(c))
	first := surroundings.first[service]
	if first == c {
		first = neighbours.first[service.Host()]
	}
	if first != c {
		p.Add(problem.At("Service"), service.Name(),
			"has an IstioCanary already, "+*first.Node().Path()+", and Istio follows one DestinationRule for a host; put all rules into one of them")
		return
	}
	if !c.props.Mesh || len(c.props.Hosts) == 0 {
		return
	}
	for _, other := range neighbours.routing {
		if other == c {
			return
		}
		for i, host := range c.props.Hosts {
			if slices.ContainsFunc(other.props.Hosts, func(h string) bool { return hostsOverlap(h, host) }) {
				p.Add(problem.At("Hosts").Index(i), host,
					"is routed inside the mesh by "+*other.Node().Path()+" already, and Istio follows one VirtualService for a host; leave it out of one of them")
			}
		}
	}
}

// survey is what stands in the app. All its canaries share one, so that what each costs does not
// grow with how many there are.
type survey struct {
	canaries []*IstioCanary
	// first is the first canary for a Service.
	first map[*ref.Service]*IstioCanary
	// charts are those that a canary has asked for.
	charts map[cdk8s.Chart]*neighbourhood
}

// lookAround returns what stands in the app of the canary. The first that asks in a synth looks for
// all of them: one that has asked before asks in another synth, for which more may have been made.
func (c *IstioCanary) lookAround() *survey {
	if c.survey == nil || c.asked {
		surroundings := newSurvey(c.Node().Root())
		for _, canary := range surroundings.canaries {
			canary.survey, canary.asked = surroundings, false
		}
	}
	c.asked = true
	return c.survey
}

func newSurvey(root constructs.IConstruct) *survey {
	s := &survey{first: map[*ref.Service]*IstioCanary{}, charts: map[cdk8s.Chart]*neighbourhood{}}
	for _, construct := range *root.Node().FindAll(constructs.ConstructOrder_PREORDER) {
		if canary, ok := construct.(*IstioCanary); ok {
			s.canaries = append(s.canaries, canary)
			service := canary.props.Service.Ref()
			s.first[service] = cmp.Or(s.first[service], canary)
		}
	}
	return s
}

// neighbourhood is what stands in a chart.
type neighbourhood struct {
	// workloads are those whose pods have a label, by its key and value.
	workloads map[[2]string][]*ref.Workload
	// first is the first canary for a host, that of its Service.
	first map[string]*IstioCanary
	// routing are the canaries with other hosts inside the mesh, in the order in which they were made.
	routing []*IstioCanary
}

// in returns what stands in a chart.
func (s *survey) in(chart cdk8s.Chart) *neighbourhood {
	if n, ok := s.charts[chart]; ok {
		return n
	}
	n := &neighbourhood{workloads: map[[2]string][]*ref.Workload{}, first: map[string]*IstioCanary{}}
	s.charts[chart] = n
	for _, construct := range object.Below[constructs.Construct](chart) {
		switch neighbour := construct.(type) {
		case infra.Workload:
			n.addWorkload(workloadOf(neighbour))
		case *IstioCanary:
			n.addCanary(neighbour)
		}
	}
	return n
}

func (n *neighbourhood) addWorkload(workload *ref.Workload) {
	if workload == nil {
		return
	}
	for key, value := range workload.Template.Labels {
		pair := [2]string{key, value}
		n.workloads[pair] = append(n.workloads[pair], workload)
	}
}

func (n *neighbourhood) addCanary(canary *IstioCanary) {
	service := canary.props.Service.Ref()
	if service == nil {
		return
	}
	n.first[service.Host()] = cmp.Or(n.first[service.Host()], canary)
	if canary.props.Mesh && len(canary.props.Hosts) > 0 {
		n.routing = append(n.routing, canary)
	}
}

// selected are the workloads whose pods have all these labels.
func (n *neighbourhood) selected(selector map[string]string) []*ref.Workload {
	var fewest []*ref.Workload
	for i, key := range slices.Sorted(maps.Keys(selector)) {
		candidates := n.workloads[[2]string{key, selector[key]}]
		if i == 0 || len(candidates) < len(fewest) {
			fewest = candidates
		}
	}
	return slices.DeleteFunc(slices.Clone(fewest),
		func(workload *ref.Workload) bool { return !workload.Selects(selector) })
}
