// Package gatewayapi makes the objects of the Kubernetes Gateway API as constructs: one constructor for each kind of
// gateway.networking.k8s.io/v1, typed by sigs.k8s.io/gateway-api.
//
// The constructors work as those of package k8s do: the object is encoded at once, its status and the fields that hold
// nothing are left out, apiVersion and kind are filled in, and what is wrong is reported at synth. The definitions of
// these kinds, which a cluster needs, are in package crds.
package gatewayapi

//go:generate go run ../internal/gen constructors sigs.k8s.io/gateway-api/apis/v1
