package chapters

import (
	"github.com/cdk8s-team/cdk8s-core-go/cdk8s/v2"

	"github.com/crossoverJie/k8s-combat/app/contract"
	"github.com/crossoverJie/k8s-combat/infra"
	"github.com/crossoverJie/k8s-combat/infra/mesh"
	"github.com/crossoverJie/k8s-combat/infra/pod"
)

// versions are the two versions of a service, and the Service in front of both.
func versions(chart cdk8s.Chart) (service *infra.Service, v1, v2 *infra.ProbedDeployment) {
	// What both have in common, and nothing else has.
	shared := map[string]string{"appId": "12345"}
	version := func(version string) *infra.ProbedDeployment {
		workload := provider(providerName, 1).Workload
		workload.Name = providerName + "-" + version
		workload.Image = meshImage
		workload.Labels = shared
		workload.Version = version
		workload.Ports = []pod.Port{
			{Name: contract.HTTPPortName, Port: contract.HTTPPort},
			{Name: contract.GRPCPortName, Port: contract.GRPCPort},
		}
		return infra.NewProbedDeployment(chart, workload.Name, workload)
	}
	v1, v2 = version("v1"), version("v2")
	service = infra.NewService(chart, meshServiceName,
		infra.ServiceProps{Name: meshServiceName, Selector: shared, Ports: meshPorts})
	return service, v1, v2
}

// canaryNames are the names of the VirtualService and the DestinationRule in the chapters on canary
// and weights.
const (
	virtualServiceName  = "k8s-combat-service-vs"
	destinationRuleName = "k8s-combat-service-ds"
)

// canary sends requests by their header version, and those without to v1.
func canary(chart cdk8s.Chart) {
	service, v1, v2 := versions(chart)
	asks := func(version string) []mesh.Match {
		return []mesh.Match{{Headers: map[string]mesh.StringMatch{contract.VersionHeader: mesh.Exact(version)}}}
	}
	mesh.NewIstioCanary(chart, "canary", mesh.IstioCanaryProps{
		Name:                virtualServiceName,
		DestinationRuleName: destinationRuleName,
		Service:             service,
		Versions:            []mesh.Version{{Name: "v1", Workload: v1}, {Name: "v2", Workload: v2}},
		Rules: []mesh.Rule{
			{Name: "v1", Match: asks("100"), To: []mesh.Destination{{Workload: v1}}},
			{Name: "v2", Match: asks("200"), To: []mesh.Destination{{Workload: v2}}},
			{Name: "default", To: []mesh.Destination{{Workload: v1}}},
		},
	})
}
