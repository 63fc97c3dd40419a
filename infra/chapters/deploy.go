package chapters

import (
	"github.com/cdk8s-team/cdk8s-core-go/cdk8s/v2"

	"github.com/crossoverJie/k8s-combat/infra"
)

func deploy(chart cdk8s.Chart) {
	infra.NewProbedDeployment(chart, callerName, caller("30Mi"))
}
