package infra

import (
	"reflect"

	"github.com/aws/constructs-go/constructs/v10"
	corev1 "k8s.io/api/core/v1"

	"github.com/crossoverJie/k8s-combat/imports/tree"
	"github.com/crossoverJie/k8s-combat/infra/internal/problem"
	"github.com/crossoverJie/k8s-combat/infra/pod"
)

// WebServiceProps are the options of a WebService.
type WebServiceProps struct {
	// Name of the Service, and of the Deployment unless Workload has a Name of its own. Required;
	// an RFC 1035 label.
	Name string
	// Workload is the Deployment behind the Service. Its Ports default to the target ports of
	// Ports. For the type ExternalName, whose pods run elsewhere, it is left out.
	Workload ProbedDeploymentProps
	// Type of the Service. Defaults to ClusterIP.
	Type ServiceType
	// Ports of the Service. Required but for ExternalName and Headless.
	Ports []ServicePort
	// ExternalName is the DNS name that a Service of the type ExternalName stands for.
	ExternalName string
	// Labels and Annotations of the Service. Default to none.
	Labels, Annotations map[string]string
	// Patch has the last word on the Service; Workload.Patch has it on the Deployment.
	Patch func(*corev1.Service)
}

func (props WebServiceProps) withDefaults() WebServiceProps {
	if props.Workload.Name == "" {
		props.Workload.Name = props.Name
	}
	if props.Workload.Ports == nil {
		props.Workload.Ports = containerPorts(props.Ports)
	}
	return props
}

// validatePorts checks that the container listens where the Service sends.
func (props WebServiceProps) validatePorts() problem.List {
	var p problem.List
	listening := map[string]bool{}
	for _, port := range props.Workload.Ports {
		listening[pod.PortKey(port.Port, port.Protocol)] = true
	}
	for i, port := range props.Ports {
		target := pod.PortKey(port.withDefaults().TargetPort, port.Protocol)
		// A number that is not a port has its own message.
		if inRange := port.withDefaults().TargetPort; inRange > 0 && inRange <= 65535 && !listening[target] {
			p.Add(problem.At("Ports").Index(i).Child("TargetPort"), target,
				"is not one of Workload.Ports, "+problem.Or(sortedKeys(listening))+"; add it there, or leave Workload.Ports out")
		}
	}
	return p
}

// containerPorts are the ports that a container must listen on for these ports of a Service. What
// is wrong with them the Service tells.
func containerPorts(ports []ServicePort) []pod.Port {
	var result []pod.Port
	seen := map[string]bool{}
	for _, port := range ports {
		port = port.withDefaults()
		key := pod.PortKey(port.TargetPort, port.Protocol)
		if port.TargetPort < 1 || port.TargetPort > 65535 || seen[key] || seen[port.Name] {
			continue
		}
		seen[key] = true
		container := pod.Port{Port: port.TargetPort, Protocol: port.Protocol}
		if pod.IsPortName(port.Name) {
			container.Name = port.Name
			seen[port.Name] = true
		}
		result = append(result, container)
	}
	return result
}

// WebService is a service that others call: a ProbedDeployment and the Service before it.
type WebService struct {
	constructs.Construct
	deployment *ProbedDeployment
	service    *Service
}

// NewWebService makes a WebService. Its children are the Deployment and the Service.
func NewWebService(scope constructs.Construct, id string, props WebServiceProps) *WebService {
	w := &WebService{}
	tree.New(w, scope, id)

	service := ServiceProps{
		Name:         props.Name,
		Type:         props.Type,
		Ports:        props.Ports,
		ExternalName: props.ExternalName,
		Labels:       props.Labels,
		Annotations:  props.Annotations,
		Patch:        props.Patch,
	}
	if props.Type == ExternalName {
		if !reflect.ValueOf(props.Workload).IsZero() {
			tree.Invalid(w, tree.Problem{Field: "Workload",
				Detail: "has no meaning for the type ExternalName, whose pods run elsewhere", Fix: "leave it out, or use another type"})
		}
	} else {
		props = props.withDefaults()
		tree.Invalid(w, props.validatePorts()...)
		w.deployment = NewProbedDeployment(w, "Deployment", props.Workload)
		service.Selector = w.deployment.Selector()
	}
	w.service = NewService(w, "Service", service)
	return w
}

// Name returns the name of the Service.
func (w *WebService) Name() string { return w.Service().Name() }

// Deployment returns the Deployment behind the Service, nil for the type ExternalName.
func (w *WebService) Deployment() *ProbedDeployment {
	if w == nil {
		return nil
	}
	return w.deployment
}

// Service returns the Service.
func (w *WebService) Service() *Service {
	if w == nil {
		return nil
	}
	return w.service
}

// Backend returns the port of that name as the target of a route; the empty name stands for the
// only port.
func (w *WebService) Backend(port string) Backend { return w.Service().Backend(port) }
