// Package crds holds the CustomResourceDefinitions of the kinds that packages istio, gatewayapi and monitoring make, in
// the versions that go.mod pins and as their modules ship them: Istio's, the standard channel of the Gateway API, and
// the Prometheus Operator's. A cluster gets them with
//
//	kubectl apply --server-side -f imports/crds/istio -f imports/crds/gatewayapi -f imports/crds/monitoring
package crds

import "embed"

//go:generate go run ../internal/gen crds istio istio.io/api kubernetes/customresourcedefinitions.gen.yaml
//go:generate go run ../internal/gen crds gatewayapi sigs.k8s.io/gateway-api config/crd/standard
//go:generate go run ../internal/gen crds monitoring github.com/prometheus-operator/prometheus-operator example/prometheus-operator-crd github.com/prometheus-operator/prometheus-operator/pkg/apis/monitoring

// FS holds one definition a file, <group>_<plural>.yaml, in a folder for each project: istio, gatewayapi and monitoring.
//
//go:embed istio/*.yaml gatewayapi/*.yaml monitoring/*.yaml
var FS embed.FS
