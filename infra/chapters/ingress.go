package chapters

import (
	"github.com/cdk8s-team/cdk8s-core-go/cdk8s/v2"

	"github.com/crossoverJie/k8s-combat/app/contract"
	"github.com/crossoverJie/k8s-combat/infra"
)

func ingress(chart cdk8s.Chart) {
	first := infra.NewWebService(chart, providerName, provider(providerName, 2))
	second := infra.NewWebService(chart, providerName+"-2", provider(providerName+"-2", 2))

	everything := func(service *infra.WebService) []infra.Path {
		return []infra.Path{{Path: "/", Backend: service.Backend(contract.HTTPPortName)}}
	}
	infra.NewHostRouting(chart, "k8s-combat-ingress", infra.HostRoutingProps{
		Name:  "k8s-combat-ingress",
		Class: "nginx",
		Hosts: []infra.Host{
			{Name: "www.service1.io", Paths: everything(first)},
			{Name: "www.service2.io", Paths: everything(second)},
		},
	})
}
