package chapters

import (
	"time"

	"github.com/cdk8s-team/cdk8s-core-go/cdk8s/v2"
	appsv1 "k8s.io/api/apps/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/crossoverJie/k8s-combat/app/contract"
	"github.com/crossoverJie/k8s-combat/infra"
	"github.com/crossoverJie/k8s-combat/infra/check"
	"github.com/crossoverJie/k8s-combat/infra/pod"
)

// rollout replaces and ends pods without losing a request: between two and six of them, of which
// one at a time may be evicted.
func rollout(chart cdk8s.Chart) {
	props := provider(providerName, 2)
	workload := &props.Workload
	workload.Replicas = nil
	workload.Autoscaling = infra.Autoscaling{MinReplicas: 2, MaxReplicas: 6, CPUUtilization: new(int32(80))}
	workload.DisruptionBudget = infra.DisruptionBudget{MaxUnavailable: infra.Pods(1)}
	workload.TopologySpread = []pod.TopologySpread{{TopologyKey: "kubernetes.io/hostname"}}
	workload.Rollout = tutorialRollout()
	// gRPC clients look a name up again when a connection ends, but at most every 30 s (grpc-go's
	// dns resolver). Pods that are replaced more slowly than that, with their start and PreStop,
	// never all go between two looks.
	workload.Rollout.MinReady = 20 * time.Second
	workload.Shutdown = pod.Shutdown{
		PreStop: 10 * time.Second, Drain: new(15 * time.Second), Flush: new(contract.DefaultShutdownFlush),
		TerminationGracePeriod: 30 * time.Second, Variables: shutdownVariables,
	}
	workload.Probes = tutorialProbes()
	// Unlike /ping, it fails from the first moment of a shutdown.
	workload.Probes.Readiness.Handler = pod.HTTPGet(contract.PathReady, contract.AdminPort)
	workload.Patch = func(deployment *appsv1.Deployment) {
		metav1.SetMetaDataAnnotation(&deployment.ObjectMeta, check.SilenceAnnotation, "KC302: the admin port is for the kubelet alone")
	}
	props.Ports = meshPorts
	infra.NewWebService(chart, providerName, props)
}
