package monitoring_test

import (
	"os"
	"testing"

	monitoringv1 "github.com/prometheus-operator/prometheus-operator/pkg/apis/monitoring/v1"
	monitoringv1alpha1 "github.com/prometheus-operator/prometheus-operator/pkg/apis/monitoring/v1alpha1"

	"github.com/crossoverJie/k8s-combat/imports/internal/kindtest"
	"github.com/crossoverJie/k8s-combat/imports/tree"
)

func TestMain(m *testing.M) {
	code := m.Run()
	tree.Close()
	os.Exit(code)
}

func TestConstructors(t *testing.T) {
	t.Parallel()
	scheme := kindtest.Scheme(t, monitoringv1.AddToScheme, monitoringv1alpha1.AddToScheme)
	kindtest.Check(t, constructors, map[string]int{
		"monitoring.coreos.com/v1":       7,
		"monitoring.coreos.com/v1alpha1": 3,
	}, scheme)
	kindtest.CheckCRDs(t, constructors, scheme, "monitoring")
}
