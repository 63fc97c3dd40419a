package e2e

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	policyv1 "k8s.io/api/policy/v1"
)

// TestRollout: the pods pass their probes, as many as the autoscaler's least number, and one of them may be disrupted.
func TestRollout(t *testing.T) {
	t.Parallel()
	needCluster(t)
	namespace := newNamespace(t, "rollout")
	run(t, namespace, "10-rollout")

	// The Deployment has no replicas of its own. The autoscaler gives it the least number without any metrics.
	took := eventually(t, 90*time.Second, func() error {
		budget, err := get[policyv1.PodDisruptionBudget](t.Context(), "poddisruptionbudget", "k8s-combat-service", "--namespace", namespace)
		if err != nil {
			return err
		}
		s := budget.Status
		if s.CurrentHealthy != 2 || s.ExpectedPods != 2 || s.DisruptionsAllowed != 1 {
			return fmt.Errorf("the budget allows %d disruptions of %d pods, %d of them healthy, not 1 of 2, both healthy", s.DisruptionsAllowed, s.ExpectedPods, s.CurrentHealthy)
		}
		return nil
	})
	t.Logf("2 pods healthy, 1 disruption allowed, after %s", took)

	require.Len(t, providerPods(t, namespace), 2)
	assertNoRestarts(t, namespace)
}
