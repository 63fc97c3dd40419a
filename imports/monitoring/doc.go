// Package monitoring makes the Prometheus Operator's objects as constructs: one constructor for each kind of
// monitoring.coreos.com, typed by github.com/prometheus-operator/prometheus-operator/pkg/apis/monitoring.
//
// A kind has the newest version that the operator's definitions serve: v1 for all but AlertmanagerConfig,
// PrometheusAgent and ScrapeConfig (v1alpha1).
//
// The constructors work as those of package k8s do: the object is encoded at once, its status and the fields that hold
// nothing are left out, apiVersion and kind are filled in, and what is wrong is reported at synth. The definitions of
// these kinds, which a cluster needs, are in package crds.
package monitoring

//go:generate go run ../internal/gen constructors github.com/prometheus-operator/prometheus-operator/pkg/apis/monitoring/v1 github.com/prometheus-operator/prometheus-operator/pkg/apis/monitoring/v1alpha1
