// Package apivalidation tells what an API server would say to a manifest, by the API server's own code: the strategies
// with which kube-apiserver creates its own kinds, the schemas and CEL rules of the CRDs in imports/crds, the checks of
// Istio's admission webhook, and those of Prometheus for the rules that it is given.
//
// It stands in a module of its own, since what it links is many times what a program with constructs needs.
package apivalidation
