package e2e

import (
	"os"
	"testing"

	"github.com/crossoverJie/k8s-combat/imports/tree"
)

func TestMain(m *testing.M) {
	code := m.Run()
	tree.Close()
	os.Exit(code)
}

// needCluster skips the test where there is no cluster to run it on.
func needCluster(t *testing.T) {
	t.Helper()
	if os.Getenv("KUBECONFIG") == "" {
		t.Skip("KUBECONFIG is not set: this test needs a Kubernetes cluster, of kind or minikube for example, and the path of its kubeconfig there")
	}
}
