package chapters

import (
	"github.com/cdk8s-team/cdk8s-core-go/cdk8s/v2"

	"github.com/crossoverJie/k8s-combat/infra"
)

// service has two pods behind the Service, as the chapter ends, and the service that calls them.
func service(chart cdk8s.Chart) {
	infra.NewProbedDeployment(chart, callerName, caller("30Mi"))
	infra.NewWebService(chart, providerName, provider(providerName, 2))
}
