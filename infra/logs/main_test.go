package logs_test

import (
	"testing"

	"github.com/cdk8s-team/cdk8s-core-go/cdk8s/v2"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/pod-security-admission/api"
	"k8s.io/pod-security-admission/policy"

	"github.com/crossoverJie/k8s-combat/infra"
	"github.com/crossoverJie/k8s-combat/infra/internal/synthtest"
)

func TestMain(m *testing.M) { synthtest.Main(m) }

// workload builds a ProbedDeployment that is in order but for what change does.
func workload(change func(props *infra.ProbedDeploymentProps)) func(chart cdk8s.Chart) {
	return func(chart cdk8s.Chart) {
		props := infra.ProbedDeploymentProps{Name: "web", Image: "example.com/web:1"}
		change(&props)
		infra.NewProbedDeployment(chart, "web", props)
	}
}

// broken are the checks of the Pod Security Standard "restricted" that pods do not pass.
func broken(t *testing.T, pod corev1.PodTemplateSpec) []string {
	t.Helper()
	level := api.LevelVersion{Level: api.LevelRestricted, Version: api.LatestVersion()}
	var failed []string
	for _, check := range policy.DefaultChecks() {
		evaluator, err := policy.NewEvaluator([]policy.Check{check}, nil)
		require.NoError(t, err)
		if !policy.AggregateCheckResults(evaluator.EvaluatePod(level, &pod.ObjectMeta, &pod.Spec)).Allowed {
			failed = append(failed, string(check.ID))
		}
	}
	return failed
}
