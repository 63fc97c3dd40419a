package istio_test

import (
	"os"
	"testing"

	extensionsv1alpha1 "istio.io/client-go/pkg/apis/extensions/v1alpha1"
	networkingv1 "istio.io/client-go/pkg/apis/networking/v1"
	networkingv1alpha3 "istio.io/client-go/pkg/apis/networking/v1alpha3"
	networkingv1beta1 "istio.io/client-go/pkg/apis/networking/v1beta1"
	securityv1 "istio.io/client-go/pkg/apis/security/v1"
	telemetryv1 "istio.io/client-go/pkg/apis/telemetry/v1"

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
	scheme := kindtest.Scheme(t, networkingv1.AddToScheme, networkingv1beta1.AddToScheme, networkingv1alpha3.AddToScheme,
		securityv1.AddToScheme, telemetryv1.AddToScheme, extensionsv1alpha1.AddToScheme)
	kindtest.Check(t, constructors, map[string]int{
		"networking.istio.io/v1":       7,
		"networking.istio.io/v1beta1":  1,
		"networking.istio.io/v1alpha3": 1,
		"security.istio.io/v1":         3,
		"telemetry.istio.io/v1":        1,
		"extensions.istio.io/v1alpha1": 2,
	}, scheme)
	kindtest.CheckCRDs(t, constructors, scheme, "istio")
}
