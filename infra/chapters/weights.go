package chapters

import (
	"time"

	"github.com/cdk8s-team/cdk8s-core-go/cdk8s/v2"

	"github.com/crossoverJie/k8s-combat/app/contract"
	"github.com/crossoverJie/k8s-combat/infra/mesh"
)

// faultHeader asks for a fault, and keeps the request out of the weights.
const faultHeader = "x-fault"

// weights sends a tenth of the calls of SayHello to v1 and the rest to v2. Calls that ask for a
// fault get one, on rules of their own, so that the weights can be measured; everything else goes
// to v1.
func weights(chart cdk8s.Chart) {
	service, v1, v2 := versions(chart)
	sayHello := mesh.Exact(contract.PathSayHello)
	asks := func(fault string) []mesh.Match {
		return []mesh.Match{{Headers: map[string]mesh.StringMatch{faultHeader: mesh.Exact(fault)}}}
	}
	mesh.NewIstioCanary(chart, "canary", mesh.IstioCanaryProps{
		Name:                virtualServiceName,
		DestinationRuleName: destinationRuleName,
		Service:             service,
		Versions:            []mesh.Version{{Name: "v1", Workload: v1}, {Name: "v2", Workload: v2}},
		TrafficPolicy:       mesh.TrafficPolicy{LoadBalancer: mesh.LoadBalancing{Simple: mesh.RoundRobin}},
		Rules: []mesh.Rule{
			{
				Name: "weights",
				Match: []mesh.Match{{URI: sayHello,
					WithoutHeaders: map[string]mesh.StringMatch{faultHeader: mesh.Present()}}},
				To:      []mesh.Destination{{Workload: v1, Weight: 10}, {Workload: v2, Weight: 90}},
				Timeout: 5 * time.Second,
				Retries: mesh.Retries{
					Attempts: 2, PerTryTimeout: 1500 * time.Millisecond,
					On: []string{"connect-failure", "refused-stream", "unavailable"},
				},
			},
			{
				Name: "fault-delay", Match: asks("delay"), To: []mesh.Destination{{Workload: v1}},
				Fault: mesh.Fault{Delay: 3 * time.Second},
			},
			{
				Name: "fault-abort", Match: asks("abort"), To: []mesh.Destination{{Workload: v1}},
				Fault: mesh.Fault{AbortStatus: 503},
			},
			{Name: "default", To: []mesh.Destination{{Workload: v1}}},
		},
	})
}
