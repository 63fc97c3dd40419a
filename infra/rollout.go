package infra

import (
	"cmp"
	"fmt"
	"regexp"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/crossoverJie/k8s-combat/infra/internal/problem"
)

// Rollout says how a Deployment replaces its pods.
// See https://kubernetes.io/docs/concepts/workloads/controllers/deployment/#strategy.
type Rollout struct {
	// Recreate ends all old pods before the first new one starts, which interrupts the service. It
	// has no use for MaxSurge and MaxUnavailable, which are an error beside it. Defaults to false:
	// a rolling update.
	Recreate bool
	// MaxSurge is how many pods more than Replicas there may be: Pods(1) or Percent(25), rounded up.
	// Defaults to Kubernetes' 25 %.
	MaxSurge *intstr.IntOrString
	// MaxUnavailable is how many pods fewer than Replicas may be ready: Pods(0) or Percent(25),
	// rounded down. That both are 0 is an error. Defaults to Kubernetes' 25 %.
	MaxUnavailable *intstr.IntOrString
	// MinReady is how long a new pod must be ready before it counts as available, in whole seconds.
	// Clients that look the pods of a headless Service up again only every so often, as those of
	// gRPC do every 30 s at most, need it: with the pods' start and Shutdown.PreStop it should be
	// longer than that, so that never all pods change between two looks. Defaults to 0.
	MinReady time.Duration
	// ProgressDeadline is how long the rollout may stand still before it is reported as failed, in
	// whole seconds; more than MinReady. Defaults to Kubernetes' 600 s.
	ProgressDeadline time.Duration
	// RevisionHistoryLimit is how many old ReplicaSets are kept to go back to. Defaults to
	// Kubernetes' 10.
	RevisionHistoryLimit *int32
}

// Percent is a share of the replicas, for MaxSurge and MaxUnavailable.
func Percent(n int) *intstr.IntOrString { return new(intstr.FromString(fmt.Sprintf("%d%%", n))) }

// Pods is a number of pods, for MaxSurge and MaxUnavailable.
func Pods(n int32) *intstr.IntOrString { return new(intstr.FromInt32(n)) }

func (r Rollout) strategy() appsv1.DeploymentStrategy {
	switch {
	case r.Recreate:
		return appsv1.DeploymentStrategy{Type: appsv1.RecreateDeploymentStrategyType}
	case r.MaxSurge == nil && r.MaxUnavailable == nil:
		return appsv1.DeploymentStrategy{}
	}
	return appsv1.DeploymentStrategy{
		Type:          appsv1.RollingUpdateDeploymentStrategyType,
		RollingUpdate: &appsv1.RollingUpdateDeployment{MaxSurge: r.MaxSurge, MaxUnavailable: r.MaxUnavailable},
	}
}

func (r Rollout) validate(p *problem.List, field *problem.Path) {
	if r.Recreate && (r.MaxSurge != nil || r.MaxUnavailable != nil) {
		p.Add(field.Child("Recreate"), r.Recreate,
			"has no use for MaxSurge and MaxUnavailable; leave them out, or Recreate")
	}
	surges := podCount(p, field.Child("MaxSurge"), r.MaxSurge, 1000)
	leaves := podCount(p, field.Child("MaxUnavailable"), r.MaxUnavailable, 100)
	if r.MaxSurge != nil && r.MaxUnavailable != nil && surges == 0 && leaves == 0 {
		p.Add(field.Child("MaxUnavailable"), r.MaxUnavailable,
			"cannot be 0 while MaxSurge is 0: no pod could ever be replaced; raise one of them")
	}
	p.Seconds(field.Child("MinReady"), r.MinReady)
	p.Seconds(field.Child("ProgressDeadline"), r.ProgressDeadline)
	if r.progressDeadline() <= r.MinReady {
		p.Add(field.Child("ProgressDeadline"), r.progressDeadline(),
			"is not more than MinReady, "+r.MinReady.String()+"; raise it")
	}
	if r.RevisionHistoryLimit != nil && *r.RevisionHistoryLimit < 0 {
		p.Add(field.Child("RevisionHistoryLimit"), *r.RevisionHistoryLimit, "is negative; use 0 or more")
	}
}

// defaultProgressDeadline is Kubernetes'.
const defaultProgressDeadline = 600 * time.Second

func (r Rollout) progressDeadline() time.Duration {
	return cmp.Or(r.ProgressDeadline, defaultProgressDeadline)
}

// podShare is how the API server wants a share to be written.
var podShare = regexp.MustCompile("^[0-9]{1,6}%$")

// podCount checks a number or share of pods, of which a share may be at most so much, and returns
// it, -1 where it is none.
func podCount(p *problem.List, field *problem.Path, value *intstr.IntOrString, mostPercent int) int {
	if value == nil {
		return -1
	}
	n, err := intstr.GetScaledValueFromIntOrPercent(value, 100, false)
	if err != nil || n < 0 || value.Type == intstr.String &&
		(!podShare.MatchString(value.StrVal) || n > mostPercent) {
		p.Add(field, value.String(),
			fmt.Sprintf("is not a number of pods; use Pods(n) with 0 or more, or Percent(n) with 0 to %d", mostPercent))
		return -1
	}
	return n
}
