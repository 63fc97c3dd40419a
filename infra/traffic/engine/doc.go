// Package engine answers where a request goes, from manifests alone: what Kubernetes, Istio and the Gateway API document,
// and where Istio and Envoy do something else, what they do. Comments name the source of such a rule.
//
// It reads objects as generic maps into small types of its own and imports no API module, nor what needs reflection, so
// that it can be compiled for a browser. Package traffic is what programs and tests use.
//
// # What it takes for granted
//
// Istio has its default mesh configuration: names that the registry does not have are passed through
// (outboundTrafficPolicy ALLOW_ANY), the trust domain is cluster.local, everything is exported to everybody, and nothing
// prefers a locality. Pods are ready, and there are as many as the manifests say. Gateways whose pods the set does not
// have run in the root namespace.
package engine
