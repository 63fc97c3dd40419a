package chapters

import (
	"github.com/cdk8s-team/cdk8s-core-go/cdk8s/v2"

	"github.com/crossoverJie/k8s-combat/app/contract"
	"github.com/crossoverJie/k8s-combat/infra"
)

// gateway lets requests for one host into the mesh, to v1.
func gateway(chart cdk8s.Chart) {
	const host = "www.service1.io"
	service, v1, v2 := versions(chart)
	door := infra.NewIstioGateway(chart, "gateway", infra.IstioGatewayProps{
		Name:     "istio-ingress-gateway",
		Selector: map[string]string{"app": "istio-ingressgateway", "istio": "ingressgateway"},
		Servers:  []infra.GatewayServer{{Port: 80, Hosts: []string{host}}},
	})
	infra.NewIstioCanary(chart, "canary", infra.IstioCanaryProps{
		Name:                "k8s-combat-istio-http-vs",
		DestinationRuleName: destinationRuleName,
		Service:             service,
		Versions:            []infra.Version{{Name: "v1", Workload: v1}, {Name: "v2", Workload: v2}},
		Gateways:            []*infra.IstioGateway{door},
		Hosts:               []string{host},
		Rules:               []infra.Rule{{Name: "default", To: []infra.Destination{{Workload: v1, Port: contract.HTTPPortName}}}},
	})
}
