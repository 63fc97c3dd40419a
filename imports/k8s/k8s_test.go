package k8s_test

import (
	"os"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	networkingv1 "k8s.io/api/networking/v1"
	policyv1 "k8s.io/api/policy/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	schedulingv1 "k8s.io/api/scheduling/v1"
	storagev1 "k8s.io/api/storage/v1"

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
	scheme := kindtest.Scheme(t, corev1.AddToScheme, appsv1.AddToScheme, batchv1.AddToScheme, networkingv1.AddToScheme,
		policyv1.AddToScheme, autoscalingv2.AddToScheme, rbacv1.AddToScheme, storagev1.AddToScheme, schedulingv1.AddToScheme,
		discoveryv1.AddToScheme)
	counts := map[string]int{
		"v1":                           16,
		"apps/v1":                      5,
		"batch/v1":                     2,
		"networking.k8s.io/v1":         5,
		"policy/v1":                    1,
		"autoscaling/v2":               1,
		"rbac.authorization.k8s.io/v1": 4,
		"storage.k8s.io/v1":            6,
		"scheduling.k8s.io/v1":         1,
		"discovery.k8s.io/v1":          1,
	}
	// Subresources of pods, and what the API server and the kubelet keep for themselves.
	kindtest.Check(t, constructors, counts, scheme, "Binding", "Eviction", "PodStatusResult", "RangeAllocation")
}
