package infra

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/aws/constructs-go/constructs/v10"
	"github.com/cdk8s-team/cdk8s-core-go/cdk8s/v2"
	"k8s.io/apimachinery/pkg/labels"

	"github.com/crossoverJie/k8s-combat/imports/tree"
	"github.com/crossoverJie/k8s-combat/infra/internal/problem"
)

// validateSurroundings checks the canary against what else is in the tree. It waits for synth, when all of it is there.
func (c *IstioCanary) validateSurroundings() []tree.Problem {
	var p problem.List
	namespace := namespaceOf(c.props.Service.object)
	c.validateNamespaces(&p, namespace)
	neighbours := c.lookAround()
	c.validateStrangers(&p, namespace, neighbours)
	c.validateOthers(&p, neighbours)
	return p
}

// validateNamespaces checks that all is where the Service is: it finds pods in its own namespace alone, and Istio reads a
// DestinationRule where the client or the Service is.
func (c *IstioCanary) validateNamespaces(p *problem.List, namespace string) {
	check := func(field *problem.Path, name string, object cdk8s.ApiObject) {
		if other := namespaceOf(object); other != namespace {
			p.Add(field, name, fmt.Sprintf("is in %s, Service %s in %s; put both into charts of one Namespace",
				showNamespace(other), c.props.Service.Name(), showNamespace(namespace)))
		}
	}
	check(problem.At("Name"), c.props.Name, c.object)
	c.validateGateways(p, namespaceOf(c.object))
	if namespaceOf(c.destinationRule) != namespaceOf(c.object) {
		check(problem.At("DestinationRuleName"), c.props.DestinationRuleName, c.destinationRule)
	}
	for i, version := range c.props.Versions {
		if version.Workload != nil {
			check(problem.At("Versions").Index(i).Child("Workload"), version.Workload.Name(), version.Workload.object)
		}
	}
}

// validateGateways finds hosts that the gateways serve, but not for VirtualServices of this namespace: requests for them
// would be answered with 404.
func (c *IstioCanary) validateGateways(p *problem.List, namespace string) {
	for i, host := range c.props.Hosts {
		for j, gateway := range c.props.Gateways {
			if gateway != nil && gateway.serves(host) && !gateway.servesIn(namespace, host) {
				p.Add(problem.At("Hosts").Index(i), host, fmt.Sprintf("is not open to %s in %s, %s; add the host %q to a server there",
					showNamespace(namespace), problem.At("Gateways").Index(j), gateway.Name(), namespace+"/"+host))
			}
		}
	}
}

// validateStrangers finds workloads beside the Service that it selects and that are not one of the versions: they would
// get requests that no rule sends them.
func (c *IstioCanary) validateStrangers(p *problem.List, namespace string, neighbours *neighbourhood) {
	if chart := chartOf(c.props.Service); chart != neighbours.chart {
		neighbours = survey(chart)
	}
	for _, workload := range neighbours.selected(c.props.Service.props.Selector) {
		if !c.props.has(workload) && namespaceOf(workload.object) == namespace {
			p.Add(problem.At("Service"), c.props.Service.Name(), "selects the pods of "+workload.Name()+", which is not one of Versions; add it there, or change the Selector")
		}
	}
}

// validateOthers finds an earlier IstioCanary for the same Service or the same hosts inside the mesh, of which Istio
// would follow one alone.
func (c *IstioCanary) validateOthers(p *problem.List, neighbours *neighbourhood) {
	first := c.props.Service.canary
	if first == c {
		first = neighbours.first[c.props.Service.Host()]
	}
	if first != c {
		p.Add(problem.At("Service"), c.props.Service.Name(), "has an IstioCanary already, "+*first.Node().Path()+", and Istio follows one DestinationRule for a host; put all rules into one of them")
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
				p.Add(problem.At("Hosts").Index(i), host, "is routed inside the mesh by "+*other.Node().Path()+" already, and Istio follows one VirtualService for a host; leave it out of one of them")
			}
		}
	}
}

// neighbourhood is what stands in a chart. The canaries of a chart share one, so that what each costs does not grow with
// how many there are.
type neighbourhood struct {
	chart constructs.Construct
	// workloads are those whose pods have a label, by its key and value.
	workloads map[[2]string][]*ProbedDeployment
	canaries  []*IstioCanary
	// first is the first canary for a host, that of its Service.
	first map[string]*IstioCanary
	// routing are the canaries with other hosts inside the mesh, in the order in which they were made.
	routing []*IstioCanary
}

// lookAround returns what stands in the chart of the canary. The first that asks in a synth looks for all of them: one
// that has asked before asks in another synth, for which more may have been made.
func (c *IstioCanary) lookAround() *neighbourhood {
	if c.neighbours == nil || c.asked {
		neighbours := survey(chartOf(c))
		for _, canary := range neighbours.canaries {
			canary.neighbours, canary.asked = neighbours, false
		}
	}
	c.asked = true
	return c.neighbours
}

func survey(chart constructs.Construct) *neighbourhood {
	n := &neighbourhood{chart: chart, workloads: map[[2]string][]*ProbedDeployment{}, first: map[string]*IstioCanary{}}
	for _, construct := range below[constructs.Construct](chart) {
		switch neighbour := construct.(type) {
		case *ProbedDeployment:
			for key, value := range neighbour.podLabels() {
				pair := [2]string{key, value}
				n.workloads[pair] = append(n.workloads[pair], neighbour)
			}
		case *IstioCanary:
			n.add(neighbour)
		}
	}
	return n
}

func (n *neighbourhood) add(canary *IstioCanary) {
	n.canaries = append(n.canaries, canary)
	if canary.props.Service == nil {
		return
	}
	host := canary.props.Service.Host()
	n.first[host] = cmp.Or(n.first[host], canary)
	if canary.props.Mesh && len(canary.props.Hosts) > 0 {
		n.routing = append(n.routing, canary)
	}
}

// selected are the workloads whose pods have all these labels.
func (n *neighbourhood) selected(selector map[string]string) []*ProbedDeployment {
	var fewest []*ProbedDeployment
	for i, key := range sortedKeys(selector) {
		candidates := n.workloads[[2]string{key, selector[key]}]
		if i == 0 || len(candidates) < len(fewest) {
			fewest = candidates
		}
	}
	all := labels.SelectorFromSet(selector)
	return slices.DeleteFunc(slices.Clone(fewest), func(workload *ProbedDeployment) bool {
		return !all.Matches(labels.Set(workload.podLabels()))
	})
}
