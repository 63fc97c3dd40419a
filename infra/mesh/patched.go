package mesh

import (
	networking "istio.io/api/networking/v1alpha3"
	networkingv1 "istio.io/client-go/pkg/apis/networking/v1"

	"github.com/crossoverJie/k8s-combat/infra/internal/problem"
)

// What a Patch has left is held to the rules that the props are held to: destinations are subsets
// that exist, weights add up, and every route leads somewhere.

// validatePatchedRoutes checks the VirtualService against the DestinationRule of the same canary.
func validatePatchedRoutes(p *problem.List, service *networkingv1.VirtualService, rule *networkingv1.DestinationRule) {
	spec := problem.At("Patch").Child("spec")
	if len(service.Spec.Hosts) == 0 {
		p.Missing(spec.Child("hosts"), "leave at least one host")
	}
	subsets := map[string]bool{}
	var names []string
	for _, subset := range rule.Spec.Subsets {
		if subset != nil {
			subsets[subset.Name] = true
			names = append(names, subset.Name)
		}
	}
	known := func(at *problem.Path, to *networking.Destination) {
		if to != nil && to.Host == rule.Spec.Host && to.Subset != "" && !subsets[to.Subset] {
			p.Add(at.Child("subset"), to.Subset, "is not a subset of the DestinationRule; use "+problem.Or(names))
		}
	}
	for i, route := range service.Spec.Http {
		at := spec.Child("http").Index(i)
		if route == nil {
			p.Missing(at, "leave it out, or say where the requests go")
			continue
		}
		if len(route.Route) == 0 && route.Redirect == nil && route.DirectResponse == nil && route.Delegate == nil {
			p.Missing(at.Child("route"), "say where the requests go, or use redirect, directResponse or delegate")
		}
		sum := int32(0)
		for j, to := range route.Route {
			if to == nil || to.Destination == nil || to.Destination.Host == "" {
				p.Missing(at.Child("route").Index(j).Child("destination", "host"), "name the host that the requests go to")
				continue
			}
			known(at.Child("route").Index(j).Child("destination"), to.Destination)
			sum += to.Weight
		}
		if len(route.Route) > 1 && sum <= 0 {
			p.Add(at.Child("route"), sum, "is the sum of the weights, so that no request goes anywhere; let one of them be more than 0")
		}
		for j, mirror := range route.Mirrors {
			known(at.Child("mirrors").Index(j).Child("destination"), mirror.GetDestination())
		}
	}
}

// validatePatchedSubsets checks the DestinationRule.
func validatePatchedSubsets(p *problem.List, rule *networkingv1.DestinationRule) {
	spec := problem.At("PatchDestinationRule").Child("spec")
	if rule.Spec.Host == "" {
		p.Missing(spec.Child("host"), "leave the host in place")
	}
	var names problem.Unique
	for i, subset := range rule.Spec.Subsets {
		at := spec.Child("subsets").Index(i)
		if subset.GetName() == "" {
			p.Missing(at.Child("name"), "name the subset")
			continue
		}
		names.Check(p, at.Child("name"), at, subset.Name)
		p.Labels(at.Child("labels"), subset.Labels)
	}
}

// validatePatchedServers checks the Gateway.
func validatePatchedServers(p *problem.List, gateway *networkingv1.Gateway) {
	spec := problem.At("Patch").Child("spec")
	if len(gateway.Spec.Servers) == 0 {
		p.Missing(spec.Child("servers"), "leave at least one server")
	}
	for i, server := range gateway.Spec.Servers {
		at := spec.Child("servers").Index(i)
		if server == nil {
			p.Missing(at, "leave it out, or say where it listens")
			continue
		}
		switch port := server.GetPort(); {
		case port == nil:
			p.Missing(at.Child("port"), "say where the server listens")
		case port.Number < 1 || port.Number > 65535:
			p.Add(at.Child("port", "number"), port.Number, "is not a port; use 1 to 65535")
		}
		if len(server.GetHosts()) == 0 {
			p.Missing(at.Child("hosts"), "name the hosts that are served")
		}
	}
}
