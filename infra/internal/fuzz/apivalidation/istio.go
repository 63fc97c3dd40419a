package apivalidation

import (
	"encoding/json"
	"fmt"

	"istio.io/istio/pilot/pkg/config/kube/crd"
	"istio.io/istio/pkg/config/schema/collections"
	"istio.io/istio/pkg/config/schema/resource"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// validateIstio asks what istiod's validating webhook asks, which does not look at an object's version.
func validateIstio(kind schema.GroupVersionKind, document []byte) []error {
	found, ok := collections.Pilot.FindByGroupKind(resource.FromKubernetesGVK(&kind))
	if !ok {
		return []error{fmt.Errorf("%s is not a kind of Istio's", kind)}
	}
	var object crd.IstioKind
	if err := json.Unmarshal(document, &object); err != nil {
		return []error{err}
	}
	config, err := crd.ConvertObject(found, &object, "cluster.local")
	if err != nil {
		return []error{fmt.Errorf("istio: %w", err)}
	}
	if _, err := found.ValidateConfig(*config); err != nil {
		return []error{fmt.Errorf("istio: %w", err)}
	}
	return nil
}
