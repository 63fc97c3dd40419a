package mesh

import (
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/crossoverJie/k8s-combat/infra/internal/problem"
	"github.com/crossoverJie/k8s-combat/infra/internal/ref"
)

// The protocols that Istio knows
// (https://istio.io/latest/docs/ops/configuration/traffic-management/protocol-selection/).
var (
	istioHTTPProtocols = []string{"http", "http2", "grpc", "grpc-web"}
	istioProtocols     = append([]string{"https", "tcp", "tls", "mongo", "mysql", "redis", "udp"},
		istioHTTPProtocols...)

	// kubernetesProtocols are the names that Kubernetes gives to protocols and that Istio knows.
	kubernetesProtocols = map[string]string{"kubernetes.io/h2c": "http2", "kubernetes.io/ws": "http",
		"kubernetes.io/wss": "https"}
)

// istioProtocol is the protocol that Istio takes a port to speak, from its appProtocol or else from
// the beginning of its name; empty where it cannot tell.
func istioProtocol(port corev1.ServicePort) string {
	if port.Protocol == corev1.ProtocolUDP {
		return "udp"
	}
	name := port.Name
	if port.AppProtocol != nil {
		name = *port.AppProtocol
		if protocol, ok := kubernetesProtocols[name]; ok {
			return protocol
		}
	}
	name = strings.ToLower(name)
	if strings.HasPrefix(name, "grpc-web") {
		return "grpc-web"
	}
	name, _, _ = strings.Cut(name, "-")
	if slices.Contains(istioProtocols, name) {
		return name
	}
	return ""
}

// validateProtocols checks that Istio can tell what each port of a Service speaks. name is what the
// message calls it.
func validateProtocols(p *problem.List, service *ref.Service, name string) {
	for i, port := range service.Spec.Ports {
		if istioProtocol(port) == "" {
			p.Add(problem.At("Service"), name, fmt.Sprintf(
				"has a port whose protocol Istio cannot tell, Ports[%d] %q; set its AppProtocol, for example to \"http\", or begin its name with the protocol, as in \"http-web\"",
				i, port.Name))
		}
	}
}
