// Package manifest turns Go values of Kubernetes API types into the JSON values that a manifest holds.
//
// The types of the Kubernetes API are made for programs that read objects back, and encoding/json writes more of them
// than a manifest should say: "status: {}", "creationTimestamp: null", "strategy: {}". Encode leaves out what only the
// shape of a Go struct brought in, and keeps all that somebody asked for.
package manifest

//go:generate go run ../../internal/gen required zz_generated.required.go ../../crds k8s.io/api/core/v1 k8s.io/api/apps/v1 k8s.io/api/batch/v1 k8s.io/api/networking/v1 k8s.io/api/policy/v1 k8s.io/api/autoscaling/v2 k8s.io/api/rbac/v1 k8s.io/api/storage/v1 k8s.io/api/scheduling/v1 k8s.io/api/discovery/v1 github.com/prometheus-operator/prometheus-operator/pkg/apis/monitoring/v1 github.com/prometheus-operator/prometheus-operator/pkg/apis/monitoring/v1alpha1 istio.io/client-go/pkg/apis/networking/v1 istio.io/client-go/pkg/apis/networking/v1beta1 istio.io/client-go/pkg/apis/networking/v1alpha3 istio.io/client-go/pkg/apis/security/v1 istio.io/client-go/pkg/apis/telemetry/v1 istio.io/client-go/pkg/apis/extensions/v1alpha1 sigs.k8s.io/gateway-api/apis/v1
