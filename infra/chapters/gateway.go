package chapters

import (
	"github.com/cdk8s-team/cdk8s-core-go/cdk8s/v2"

	"github.com/crossoverJie/k8s-combat/app/contract"
	"github.com/crossoverJie/k8s-combat/infra/mesh"
)

// gateway lets requests for one host into the mesh, to v1.
func gateway(chart cdk8s.Chart) {
	const host = "www.service1.io"
	service, v1, v2 := versions(chart)
	door := mesh.NewIstioGateway(chart, "gateway", mesh.IstioGatewayProps{
		Name:     "istio-ingress-gateway",
		Selector: map[string]string{"app": "istio-ingressgateway", "istio": "ingressgateway"},
		Servers:  []mesh.GatewayServer{{Port: 80, Hosts: []string{host}}},
	})
	mesh.NewIstioCanary(chart, "canary", mesh.IstioCanaryProps{
		Name:                "k8s-combat-istio-http-vs",
		DestinationRuleName: destinationRuleName,
		Service:             service,
		Versions:            []mesh.Version{{Name: "v1", Workload: v1}, {Name: "v2", Workload: v2}},
		Gateways:            []*mesh.IstioGateway{door},
		Hosts:               []string{host},
		Rules: []mesh.Rule{{Name: "default",
			To: []mesh.Destination{{Workload: v1, Port: contract.HTTPPortName}}}},
	})
}
