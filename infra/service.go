package infra

import (
	"fmt"
	"maps"
	"slices"

	"github.com/aws/constructs-go/constructs/v10"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/crossoverJie/k8s-combat/imports/k8s"
	"github.com/crossoverJie/k8s-combat/imports/tree"
	"github.com/crossoverJie/k8s-combat/infra/internal/object"
	"github.com/crossoverJie/k8s-combat/infra/internal/problem"
	"github.com/crossoverJie/k8s-combat/infra/internal/ref"
	"github.com/crossoverJie/k8s-combat/infra/pod"
)

// ServiceType says from where a Service is reached. See
// https://kubernetes.io/docs/concepts/services-networking/service/#publishing-services-service-types.
type ServiceType string

const (
	// ClusterIP gives the Service an address inside the cluster.
	ClusterIP ServiceType = "ClusterIP"
	// NodePort opens a port on every node too.
	NodePort ServiceType = "NodePort"
	// LoadBalancer asks the cloud for an address outside the cluster too.
	LoadBalancer ServiceType = "LoadBalancer"
	// ExternalName makes the name an alias of a DNS name outside the cluster.
	ExternalName ServiceType = "ExternalName"
	// Headless gives no address: the name resolves to the addresses of the pods, for clients that
	// balance themselves.
	Headless ServiceType = "Headless"
)

// ServicePort is a port of a Service.
type ServicePort struct {
	// Name of the port, an RFC 1123 label. Required where there is more than one.
	Name string
	// Port is its number, 1 to 65535. Required.
	Port int32
	// TargetPort is the container's port. Defaults to Port.
	TargetPort int32
	// NodePort is the port opened on every node, for the types NodePort and LoadBalancer. Defaults
	// to one that Kubernetes chooses.
	NodePort int32
	// Protocol defaults to TCP.
	Protocol pod.Protocol
	// AppProtocol is the application protocol, a hint to proxies such as "http", "grpc" or
	// "kubernetes.io/h2c". Defaults to none.
	AppProtocol string
}

func (port ServicePort) withDefaults() ServicePort {
	if port.TargetPort == 0 {
		port.TargetPort = port.Port
	}
	return port
}

// ServiceProps are the options of a Service.
type ServiceProps struct {
	// Name of the Service. Required; an RFC 1035 label, since it becomes a DNS name.
	Name string
	// Selector are the labels of the pods behind the Service. Required but for ExternalName, which
	// has none.
	Selector map[string]string
	// Type defaults to ClusterIP.
	Type ServiceType
	// Ports of the Service. Required but for ExternalName and Headless.
	Ports []ServicePort
	// ExternalName is the DNS name that a Service of the type ExternalName stands for.
	ExternalName string
	// Labels and Annotations of the Service. Default to none.
	Labels, Annotations map[string]string
	// Patch has the last word on the Service.
	Patch func(*corev1.Service)
}

func (props ServiceProps) withDefaults() ServiceProps {
	if props.Type == "" {
		props.Type = ClusterIP
	}
	props.Ports = slices.Clone(props.Ports)
	for i := range props.Ports {
		props.Ports[i] = props.Ports[i].withDefaults()
	}
	return props
}

func (props ServiceProps) validate() problem.List {
	var p problem.List
	p.ServiceName(problem.At("Name"), props.Name)
	problem.OneOf(&p, problem.At("Type"), props.Type, ClusterIP, NodePort, LoadBalancer, ExternalName, Headless)
	p.Labels(problem.At("Labels"), props.Labels)
	p.Annotations(problem.At("Annotations"), props.Annotations)
	if props.Type == ExternalName {
		props.validateExternalName(&p)
	} else {
		props.validateSelector(&p)
	}
	props.validatePorts(&p)
	return p
}

func (props ServiceProps) validateExternalName(p *problem.List) {
	if props.ExternalName == "" {
		p.Missing(problem.At("ExternalName"),
			"a Service of the type ExternalName needs a DNS name, for example \"db.example.com\"")
	} else if len(validation.IsDNS1123Subdomain(props.ExternalName)) > 0 ||
		len(validation.IsValidIP(nil, props.ExternalName)) == 0 {
		p.Add(problem.At("ExternalName"), props.ExternalName,
			"is not a DNS name; use for example \"db.example.com\", without scheme, port or address")
	}
	if len(props.Selector) > 0 {
		p.Add(problem.At("Selector"), props.Selector,
			"has no meaning for the type ExternalName, which has no pods; leave it out")
	}
}

func (props ServiceProps) validateSelector(p *problem.List) {
	if props.ExternalName != "" {
		p.Add(problem.At("ExternalName"), props.ExternalName,
			"has a meaning for the type ExternalName alone; leave it out, or set Type")
	}
	if len(props.Selector) == 0 {
		p.Missing(problem.At("Selector"),
			"give the labels of the pods, for example a ProbedDeployment's Selector()")
	}
	p.Labels(problem.At("Selector"), props.Selector)
	if len(props.Ports) == 0 && props.Type != Headless {
		p.Missing(problem.At("Ports"), "give at least one port")
	}
}

// The API server's default --service-node-port-range.
const firstNodePort, lastNodePort = 30000, 32767

func (props ServiceProps) validatePorts(p *problem.List) {
	var names, numbers, nodePorts problem.Unique
	for i, port := range props.Ports {
		at := problem.At("Ports").Index(i)
		p.Port(at.Child("Port"), port.Port)
		if port.TargetPort != port.Port {
			p.Port(at.Child("TargetPort"), port.TargetPort)
		}
		problem.OneOf(p, at.Child("Protocol"), port.Protocol, pod.TCP, pod.UDP, pod.SCTP)
		numbers.Check(p, at.Child("Port"), at, pod.PortKey(port.Port, port.Protocol))
		switch {
		case port.Name != "":
			if len(validation.IsDNS1123Label(port.Name)) > 0 {
				p.Add(at.Child("Name"), port.Name, problem.DNSLabelRule)
			}
			names.Check(p, at.Child("Name"), at, port.Name)
		case len(props.Ports) > 1:
			p.Missing(at.Child("Name"),
				"where a Service has more than one port each needs a name; name it after its protocol, for example \"http\" or \"grpc\"")
		}
		if port.AppProtocol != "" && len(validation.IsQualifiedName(port.AppProtocol)) > 0 {
			p.Add(at.Child("AppProtocol"), port.AppProtocol,
				"is not an application protocol; use a name such as \"http\", \"grpc\" or \"kubernetes.io/h2c\"")
		}
		if port.NodePort == 0 {
			continue
		}
		switch {
		case slices.Contains([]ServiceType{ClusterIP, ExternalName, Headless}, props.Type):
			p.Add(at.Child("NodePort"), port.NodePort,
				fmt.Sprintf("has no meaning for the type %s; use NodePort or LoadBalancer, or leave it out", props.Type))
		case port.NodePort < firstNodePort || port.NodePort > lastNodePort:
			p.Add(at.Child("NodePort"), port.NodePort,
				fmt.Sprintf("is outside of Kubernetes' default range; use %d to %d, or Patch where the cluster has another range", firstNodePort, lastNodePort))
		default:
			nodePorts.Check(p, at.Child("NodePort"), at, pod.PortKey(port.NodePort, port.Protocol))
		}
	}
}

// Service is a name and, but for two of its types, an address for a set of pods.
// See https://kubernetes.io/docs/concepts/services-networking/service/.
type Service struct {
	constructs.Construct
	made *ref.Service
}

// NewService makes a Service.
func NewService(scope constructs.Construct, id string, props ServiceProps) *Service {
	props = props.withDefaults()
	s := &Service{}
	tree.New(s, scope, id)
	tree.Invalid(s, props.validate()...)
	service := object.Patched(s, "Patch", props.render(), props.Patch)
	s.made = &ref.Service{
		Object: ref.To("Service", props.Name, k8s.NewService(s, "Resource", service)),
		Labels: service.Labels,
		Spec:   service.Spec,
	}
	return s
}

// Name returns the name of the Service.
func (s *Service) Name() string {
	if s == nil {
		return ""
	}
	return s.made.Name()
}

// Ref refers to the Service, for other constructs.
func (s *Service) Ref() *ref.Service {
	if s == nil {
		return nil
	}
	return s.made
}

// Host returns the DNS name of the Service: with its namespace where the chart names one, else as
// it is known inside its own namespace.
func (s *Service) Host() string { return s.Ref().Host() }

// Backend returns the port of that name as the target of a route; the empty name stands for the
// only port. A port that does not exist is an error of the construct that uses it.
func (s *Service) Backend(port string) Backend {
	return Backend{service: s.Ref(), name: port, made: true}
}

// Backend is a port of a Service, as the target of a route. The method Backend of a *Service or
// *WebService makes one, or ExistingBackend.
type Backend struct {
	// service and the name of its port, for one that is made here.
	service *ref.Service
	name    string
	made    bool
	// elsewhere is the name of a Service that is made elsewhere, and port its port.
	elsewhere string
	port      int32
}

// ExistingBackend is a port of a Service of the same namespace that is made elsewhere. It cannot be
// checked.
func ExistingBackend(service string, port int32) Backend {
	return Backend{elsewhere: service, port: port}
}

func (b Backend) serviceName() string {
	if b.service != nil {
		return b.service.Name()
	}
	return b.elsewhere
}

// object refers to the Service.
func (b Backend) object() ref.Object {
	if b.service != nil {
		return b.service.Object
	}
	return ref.Elsewhere("Service", b.elsewhere)
}

// portNumber is the number of the port, 0 where there is none.
func (b Backend) portNumber() int32 {
	if !b.made {
		return b.port
	}
	if b.service == nil {
		return 0
	}
	port, _ := b.service.Port(b.name)
	return port.Port
}

func (b Backend) validate(p *problem.List, field *problem.Path) {
	switch {
	case !b.made && b.elsewhere == "" && b.port == 0:
		p.Missing(field, "give the Backend of a *Service or *WebService, or ExistingBackend")
	case b.made && b.service == nil:
		p.Missing(field, "the *Service is nil; give the Backend of one that is there")
	case b.made:
		b.service.ValidateBackend(p, field, b.name)
	default:
		p.ServiceName(field.Child("Service"), b.elsewhere)
		p.Port(field.Child("Port"), b.port)
	}
}

func (props ServiceProps) render() *corev1.Service {
	service := &corev1.Service{
		ObjectMeta: object.Meta(props.Name, props.Labels, props.Annotations),
		Spec: corev1.ServiceSpec{
			Type:         corev1.ServiceType(props.Type),
			Selector:     maps.Clone(props.Selector),
			ExternalName: props.ExternalName,
		},
	}
	if props.Type == Headless {
		service.Spec.Type = corev1.ServiceTypeClusterIP
		service.Spec.ClusterIP = corev1.ClusterIPNone
	}
	for _, port := range props.Ports {
		rendered := corev1.ServicePort{
			Name:       port.Name,
			Port:       port.Port,
			TargetPort: intstr.FromInt32(port.TargetPort),
			NodePort:   port.NodePort,
			Protocol:   corev1.Protocol(port.Protocol),
		}
		if port.AppProtocol != "" {
			rendered.AppProtocol = &port.AppProtocol
		}
		service.Spec.Ports = append(service.Spec.Ports, rendered)
	}
	return service
}
