package infra

import (
	"fmt"
	"slices"
	"strings"

	"github.com/aws/constructs-go/constructs/v10"

	"github.com/crossoverJie/k8s-combat/infra/internal/problem"
)

// versionLabel is the label by which Istio's telemetry tells versions apart
// (https://istio.io/latest/docs/ops/deployment/application-requirements/).
const versionLabel = "version"

const versionRule = "has pods without the label version, by which the mesh tells versions apart; set its Version"

// The protocols that Istio knows (https://istio.io/latest/docs/ops/configuration/traffic-management/protocol-selection/).
var (
	istioHTTPProtocols = []string{"http", "http2", "grpc", "grpc-web"}
	istioProtocols     = append([]string{"https", "tcp", "tls", "mongo", "mysql", "redis", "udp"}, istioHTTPProtocols...)

	// Of the names that Kubernetes has given to application protocols Istio knows these.
	kubernetesProtocols = map[string]string{"kubernetes.io/h2c": "http2", "kubernetes.io/ws": "http", "kubernetes.io/wss": "https"}
)

// istioProtocol is the protocol that Istio takes a port to speak, from its AppProtocol or else from the beginning of its
// name; empty where it cannot tell.
func istioProtocol(port ServicePort) string {
	if port.Protocol == UDP {
		return "udp"
	}
	name := port.Name
	if port.AppProtocol != "" {
		name = port.AppProtocol
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

// validateProtocols checks that Istio can tell what each port of the Service speaks.
func (s *Service) validateProtocols(p *problem.List, name string) {
	for i, port := range s.props.Ports {
		if istioProtocol(port) == "" {
			p.Add(problem.At("Service"), name, fmt.Sprintf(
				"has a port whose protocol Istio cannot tell, Ports[%d] %q; set its AppProtocol, for example to \"http\", or begin its name with the protocol, as in \"http-web\"",
				i, port.Name))
		}
	}
}

// below are the constructs of a type in the tree below another, in the order in which they were made.
func below[T constructs.IConstruct](root constructs.Construct) []T {
	var found []T
	for _, construct := range *root.Node().FindAll(constructs.ConstructOrder_PREORDER) {
		if match, ok := construct.(T); ok {
			found = append(found, match)
		}
	}
	return found
}

// showNamespace writes a namespace that may be unknown for an error message.
func showNamespace(namespace string) string {
	if namespace == "" {
		return "a namespace that kubectl chooses"
	}
	return fmt.Sprintf("namespace %q", namespace)
}
