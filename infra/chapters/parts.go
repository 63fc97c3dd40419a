package chapters

import (
	"github.com/crossoverJie/k8s-combat/app/contract"
	"github.com/crossoverJie/k8s-combat/infra"
	"github.com/crossoverJie/k8s-combat/infra/pod"
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

// adminPort is what probes and Prometheus ask. No route leads to it from outside.
var adminPort = infra.ServicePort{Name: contract.AdminPortName, Port: contract.AdminPort, AppProtocol: "http"}

// caller is the service that calls the others. Only its memory request changes from chapter to chapter.
func caller(memoryRequest string) infra.ProbedDeploymentProps {
	return infra.ProbedDeploymentProps{
		Name:            callerName,
		Version:         version,
		Image:           image,
		ImagePullPolicy: pod.PullAlways,
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
			ImagePullPolicy: pod.PullAlways,
			Resources:       resources("10Mi", "100Mi"),
		},
		Ports: []infra.ServicePort{httpPort},
	}
}

// resources are the tutorial's: a tenth of a core, at most a whole one.
func resources(memoryRequest, memoryLimit string) pod.Resources {
	return pod.Resources{
		Requests: pod.ResourceList{CPU: "0.1", Memory: memoryRequest},
		Limits:   pod.ResourceList{CPU: "1", Memory: memoryLimit},
	}
}

// shutdownVariables are those by which the sample service learns its part of a shutdown.
var shutdownVariables = pod.ShutdownVariables{
	Settle: contract.EnvShutdownSettle, Drain: contract.EnvShutdownDrain, Flush: contract.EnvShutdownFlush,
}
