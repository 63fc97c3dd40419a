// Package istiod compares what infra/traffic says of random manifests with the routes that Istio makes of them.
//
// It is a module of its own: it links Istio's discovery server. Its tests make sets of Services, VirtualServices,
// DestinationRules, ServiceEntries, Gateways, Ingresses and routes of the Gateway API, have Istio's own code build the route
// configuration of a sidecar and of gateways, and evaluate that by Envoy's rules of matching.
package istiod
