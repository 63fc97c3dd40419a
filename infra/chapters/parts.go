package chapters

import (
	"github.com/crossoverJie/k8s-combat/app/contract"
	"github.com/crossoverJie/k8s-combat/infra"
)

// The names and images of the tutorial, which several chapters use.
const (
	callerName   = "k8s-combat"
	providerName = "k8s-combat-service"

	image = "crossoverjie/k8s-combat:v1"

	// version is the label by which a mesh tells versions apart, where there is one version.
	version = "v1"
)

// httpPort has the tutorial's name, from which Istio cannot tell the protocol: appProtocol says it.
var httpPort = infra.ServicePort{Name: contract.HTTPPortName, Port: contract.HTTPPort, AppProtocol: "http"}

// caller is the service that calls the others. Only its memory request changes from chapter to chapter.
func caller(memoryRequest string) infra.ProbedDeploymentProps {
	return infra.ProbedDeploymentProps{
		Name:            callerName,
		Version:         version,
		Image:           image,
		ImagePullPolicy: infra.PullAlways,
		Resources:       resources(memoryRequest, "300Mi"),
	}
}

// provider is a service that is called, under the given name.
func provider(name string, replicas int32) infra.WebServiceProps {
	return infra.WebServiceProps{
		Name: name,
		Workload: infra.ProbedDeploymentProps{
			Version:         version,
			Replicas:        &replicas,
			Image:           image,
			ImagePullPolicy: infra.PullAlways,
			Resources:       resources("10Mi", "100Mi"),
		},
		Ports: []infra.ServicePort{httpPort},
	}
}

// resources are the tutorial's: a tenth of a core, at most a whole one.
func resources(memoryRequest, memoryLimit string) infra.Resources {
	return infra.Resources{
		Requests: infra.ResourceList{CPU: "0.1", Memory: memoryRequest},
		Limits:   infra.ResourceList{CPU: "1", Memory: memoryLimit},
	}
}
