package gatewayapi_test

import (
	"os"
	"testing"

	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"

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
	scheme := kindtest.Scheme(t, gatewayv1.Install)
	kindtest.Check(t, constructors, map[string]int{"gateway.networking.k8s.io/v1": 10}, scheme)
	kindtest.CheckCRDs(t, constructors, scheme, "gatewayapi")
}
