package chapters

import (
	"github.com/cdk8s-team/cdk8s-core-go/cdk8s/v2"

	"github.com/crossoverJie/k8s-combat/app/contract"
	"github.com/crossoverJie/k8s-combat/infra"
)

const (
	meshImage = "crossoverjie/k8s-combat:istio"
	// meshServiceName is the Service in front of both versions.
	meshServiceName = "k8s-combat-service-istio-mesh"
)

// meshPorts are HTTP and gRPC.
var meshPorts = []infra.ServicePort{httpPort, {Name: contract.GRPCPortName, Port: contract.GRPCPort, AppProtocol: "grpc"}}

// mesh is the namespace whose pods get a sidecar, and a service of three pods with HTTP and gRPC in it.
func mesh(chart cdk8s.Chart) {
	infra.NewMeshNamespace(chart, "namespace", infra.MeshNamespaceProps{Name: "default"})
	props := provider(providerName, 3)
	props.Workload.Image = meshImage
	props.Ports = meshPorts
	infra.NewWebService(chart, providerName, props)
}

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
		workload.Ports = []infra.ContainerPort{
			{Name: contract.HTTPPortName, Port: contract.HTTPPort},
			{Name: contract.GRPCPortName, Port: contract.GRPCPort},
		}
		return infra.NewProbedDeployment(chart, workload.Name, workload)
	}
	v1, v2 = version("v1"), version("v2")
	service = infra.NewService(chart, meshServiceName, infra.ServiceProps{Name: meshServiceName, Selector: shared, Ports: meshPorts})
	return service, v1, v2
}

// canaryNames are the names of the VirtualService and the DestinationRule in the chapters on canary and weights.
const (
	virtualServiceName  = "k8s-combat-service-vs"
	destinationRuleName = "k8s-combat-service-ds"
)

// canary sends requests by their header version, and those without to v1.
func canary(chart cdk8s.Chart) {
	service, v1, v2 := versions(chart)
	asks := func(version string) []infra.Match {
		return []infra.Match{{Headers: map[string]infra.StringMatch{contract.VersionHeader: infra.Exact(version)}}}
	}
	infra.NewIstioCanary(chart, "canary", infra.IstioCanaryProps{
		Name:                virtualServiceName,
		DestinationRuleName: destinationRuleName,
		Service:             service,
		Versions:            []infra.Version{{Name: "v1", Workload: v1}, {Name: "v2", Workload: v2}},
		Rules: []infra.Rule{
			{Name: "v1", Match: asks("100"), To: []infra.Destination{{Workload: v1}}},
			{Name: "v2", Match: asks("200"), To: []infra.Destination{{Workload: v2}}},
			{Name: "default", To: []infra.Destination{{Workload: v1}}},
		},
	})
}
