// Package istio makes Istio's objects as constructs: one constructor for each kind of networking.istio.io,
// security.istio.io, telemetry.istio.io and extensions.istio.io, typed by istio.io/client-go.
//
// A kind has its newest version: networking.istio.io/v1 for all but ProxyConfig (v1beta1) and EnvoyFilter (v1alpha3).
// Istio declares the same types for each version of a kind, so only the apiVersion that is written depends on it.
//
// The constructors work as those of package k8s do: the object is encoded at once, its status and the fields that hold
// nothing are left out, apiVersion and kind are filled in, and what is wrong is reported at synth. The definitions of
// these kinds, which a cluster needs, are in package crds.
package istio

//go:generate go run ../internal/gen constructors istio.io/client-go/pkg/apis/networking/v1 istio.io/client-go/pkg/apis/networking/v1beta1 istio.io/client-go/pkg/apis/networking/v1alpha3 istio.io/client-go/pkg/apis/security/v1 istio.io/client-go/pkg/apis/telemetry/v1 istio.io/client-go/pkg/apis/extensions/v1alpha1
