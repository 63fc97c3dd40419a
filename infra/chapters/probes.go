package chapters

import (
	"time"

	"github.com/cdk8s-team/cdk8s-core-go/cdk8s/v2"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/crossoverJie/k8s-combat/app/contract"
	"github.com/crossoverJie/k8s-combat/imports/k8s"
	"github.com/crossoverJie/k8s-combat/infra"
	"github.com/crossoverJie/k8s-combat/infra/pod"
)

// probeNamespace is where the chapter on probes lives.
const probeNamespace = "probe"

// tutorialProbes have the tutorial's figures: two and a half minutes to start, then a question
// every three seconds.
func tutorialProbes() pod.Probes {
	ping := pod.Probe{
		Handler:          pod.HTTPGet(contract.PathPing, contract.HTTPPort),
		Period:           3 * time.Second,
		Timeout:          time.Second,
		SuccessThreshold: 1,
		FailureThreshold: 3,
	}
	startup := ping
	startup.Period = 5 * time.Second
	startup.FailureThreshold = 30
	return pod.Probes{Startup: startup, Readiness: ping, Liveness: ping}
}

// tutorialRollout is the tutorial's rolling update.
func tutorialRollout() infra.Rollout {
	return infra.Rollout{MaxSurge: infra.Percent(25), MaxUnavailable: infra.Percent(25)}
}

func probes(chart cdk8s.Chart) {
	k8s.NewNamespace(chart, "namespace", &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: probeNamespace}})
	props := provider(providerName, 2)
	props.Workload.Probes = tutorialProbes()
	props.Workload.Rollout = tutorialRollout()
	infra.NewWebService(chart, providerName, props)
}
