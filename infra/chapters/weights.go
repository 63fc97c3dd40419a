package chapters

import (
	"time"

	"github.com/cdk8s-team/cdk8s-core-go/cdk8s/v2"

	"github.com/crossoverJie/k8s-combat/app/contract"
	"github.com/crossoverJie/k8s-combat/infra"
)

// faultHeader asks for a fault, and keeps the request out of the weights.
const faultHeader = "x-fault"

// weights sends a tenth of the calls of SayHello to v1 and the rest to v2. Calls that ask for a fault get one, on rules
// of their own, so that the weights can be measured; everything else goes to v1.
func weights(chart cdk8s.Chart) {
	service, v1, v2 := versions(chart)
	sayHello := infra.Exact(contract.PathSayHello)
	asks := func(fault string) []infra.Match {
		return []infra.Match{{Headers: map[string]infra.StringMatch{faultHeader: infra.Exact(fault)}}}
	}
	infra.NewIstioCanary(chart, "canary", infra.IstioCanaryProps{
		Name:                virtualServiceName,
		DestinationRuleName: destinationRuleName,
		Service:             service,
		Versions:            []infra.Version{{Name: "v1", Workload: v1}, {Name: "v2", Workload: v2}},
		TrafficPolicy:       infra.TrafficPolicy{LoadBalancer: infra.LoadBalancing{Simple: infra.RoundRobin}},
		Rules: []infra.Rule{
			{
				Name:    "weights",
				Match:   []infra.Match{{URI: sayHello, WithoutHeaders: map[string]infra.StringMatch{faultHeader: infra.Present()}}},
				To:      []infra.Destination{{Workload: v1, Weight: 10}, {Workload: v2, Weight: 90}},
				Timeout: 5 * time.Second,
				Retries: infra.Retries{
					Attempts: 2, PerTryTimeout: 1500 * time.Millisecond, On: []string{"connect-failure", "refused-stream", "unavailable"},
				},
			},
			{
				Name: "fault-delay", Match: asks("delay"), To: []infra.Destination{{Workload: v1}},
				Fault: infra.Fault{Delay: 3 * time.Second},
			},
			{
				Name: "fault-abort", Match: asks("abort"), To: []infra.Destination{{Workload: v1}},
				Fault: infra.Fault{AbortStatus: 503},
			},
			{Name: "default", To: []infra.Destination{{Workload: v1}}},
		},
	})
}
