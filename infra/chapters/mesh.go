package chapters

import (
	"github.com/cdk8s-team/cdk8s-core-go/cdk8s/v2"

	"github.com/crossoverJie/k8s-combat/app/contract"
	"github.com/crossoverJie/k8s-combat/infra"
	"github.com/crossoverJie/k8s-combat/infra/mesh"
)

const (
	meshImage = "crossoverjie/k8s-combat:istio"
	// meshServiceName is the Service in front of both versions.
	meshServiceName = "k8s-combat-service-istio-mesh"
)

// meshPorts are HTTP and gRPC.
var meshPorts = []infra.ServicePort{httpPort,
	{Name: contract.GRPCPortName, Port: contract.GRPCPort, AppProtocol: "grpc"}}

// meshChapter is the namespace whose pods get a sidecar, and a service of three pods with HTTP and
// gRPC in it.
func meshChapter(chart cdk8s.Chart) {
	mesh.NewMeshNamespace(chart, "namespace", mesh.MeshNamespaceProps{Name: "default"})
	props := provider(providerName, 3)
	props.Workload.Image = meshImage
	props.Ports = meshPorts
	infra.NewWebService(chart, providerName, props)
}
