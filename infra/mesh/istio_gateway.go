package mesh

import (
	"fmt"
	"iter"
	"maps"
	"slices"
	"strings"

	"github.com/aws/constructs-go/constructs/v10"
	"github.com/cdk8s-team/cdk8s-core-go/cdk8s/v2"
	networking "istio.io/api/networking/v1alpha3"
	networkingv1 "istio.io/client-go/pkg/apis/networking/v1"

	"github.com/crossoverJie/k8s-combat/imports/istio"
	"github.com/crossoverJie/k8s-combat/imports/tree"
	"github.com/crossoverJie/k8s-combat/infra"
	"github.com/crossoverJie/k8s-combat/infra/internal/object"
	"github.com/crossoverJie/k8s-combat/infra/internal/problem"
	"github.com/crossoverJie/k8s-combat/infra/internal/ref"
)

// IstioGatewayProps are the options of an IstioGateway.
type IstioGatewayProps struct {
	// Name of the Gateway. Required; an RFC 1123 label.
	Name string
	// Selector are the labels of the gateway's pods. Defaults to those of Istio's own ingress gateway,
	// istio: ingressgateway.
	Selector map[string]string
	// Servers are what it listens on. At least one is required.
	Servers []GatewayServer
	// Certificate adds a server of HTTPS on port 443 for the hosts of all servers of HTTP. It is a
	// Secret as GatewayServer.Certificate is, in the namespace of the gateway's own pods. Without a
	// server of HTTP, or with one of Servers for such a host on that port, it is an error. Defaults
	// to none.
	Certificate *infra.Credentials
	// Labels and Annotations of the Gateway. Default to none.
	Labels, Annotations map[string]string
	// Patch has the last word on the Gateway.
	Patch func(*networkingv1.Gateway)

	// https is the server that Certificate adds.
	https *GatewayServer
}

// httpsPort is where Certificate adds a server.
const httpsPort = 443

func (props IstioGatewayProps) withDefaults() IstioGatewayProps {
	if props.Selector == nil {
		props.Selector = map[string]string{"istio": "ingressgateway"}
	}
	props.Servers = slices.Clone(props.Servers)
	for i := range props.Servers {
		props.Servers[i] = props.Servers[i].withDefaults()
	}
	props.https = nil
	if hosts, ok := props.plainHosts(); ok && props.Certificate != nil {
		props.https = new(GatewayServer{
			Port: httpsPort, Protocol: GatewayHTTPS, Hosts: hosts, Certificate: props.Certificate,
		}.withDefaults())
	}
	props.nameServers()
	return props
}

// plainHosts are the hosts of all servers of HTTP, each once. ok says that there is such a server.
func (props IstioGatewayProps) plainHosts() (hosts []string, ok bool) {
	for _, server := range props.Servers {
		if server.Protocol != GatewayHTTP {
			continue
		}
		ok = true
		for _, host := range server.Hosts {
			if !slices.Contains(hosts, host) {
				hosts = append(hosts, host)
			}
		}
	}
	return hosts, ok
}

// nameServers gives names that nobody has to the servers that have none.
func (props IstioGatewayProps) nameServers() {
	named := map[string]bool{}
	for _, server := range props.Servers {
		named[server.Name] = true
	}
	for server := range props.all() {
		if server.Name != "" {
			continue
		}
		protocol := strings.ToLower(string(server.Protocol))
		name := protocol
		for n := 1; named[name]; n++ {
			name = fmt.Sprintf("%s-%d", protocol, server.Port)
			if n > 1 {
				name = fmt.Sprintf("%s-%d", name, n)
			}
		}
		server.Name = name
		named[name] = true
	}
}

// all are the servers that are listed, and the one that Certificate adds.
func (props IstioGatewayProps) all() iter.Seq[*GatewayServer] {
	return func(yield func(*GatewayServer) bool) {
		for i := range props.Servers {
			if !yield(&props.Servers[i]) {
				return
			}
		}
		if props.https != nil {
			yield(props.https)
		}
	}
}

func (props IstioGatewayProps) validate() problem.List {
	var p problem.List
	p.DNSLabel(problem.At("Name"), props.Name)
	if len(props.Selector) == 0 {
		p.Missing(problem.At("Selector"),
			"give the labels of the gateway's pods, or leave it nil for istio: ingressgateway")
	}
	p.Labels(problem.At("Selector"), props.Selector)
	p.Labels(problem.At("Labels"), props.Labels)
	p.Annotations(problem.At("Annotations"), props.Annotations)
	if len(props.Servers) == 0 {
		p.Missing(problem.At("Servers"), "give at least one server")
	}
	var names problem.Unique
	for i, server := range props.Servers {
		at := problem.At("Servers").Index(i)
		server.validate(&p, at)
		names.Check(&p, at.Child("Name"), at, server.Name)
		props.validateNeighbours(&p, i)
	}
	props.validateCertificate(&p)
	return p
}

// validateNeighbours checks a server against those before it that have the same port.
func (props IstioGatewayProps) validateNeighbours(p *problem.List, i int) {
	server, at := props.Servers[i], problem.At("Servers").Index(i)
	for j, other := range props.Servers[:i] {
		if other.Port != server.Port {
			continue
		}
		before := problem.At("Servers").Index(j)
		if !server.sharesPort(other) {
			p.Add(at.Child("Protocol"), string(server.Protocol), fmt.Sprintf(
				"cannot share port %d with the %s of %s, since only HTTP, HTTP2 and GRPC can be told apart by the host, and HTTPS and TLS by SNI; use another port",
				server.Port, other.Protocol, before))
			return
		}
		for k, host := range server.Hosts {
			if first, ok := other.clashes(server, host); ok {
				rule := fmt.Sprintf("is served on port %d by %s already", server.Port, before)
				if first != host {
					rule += fmt.Sprintf(", as %q", first)
				}
				p.Add(at.Child("Hosts").Index(k), host, rule+"; leave out one of them")
			}
		}
	}
}

// validateCertificate checks the server that Certificate adds, in terms of what its user wrote.
func (props IstioGatewayProps) validateCertificate(p *problem.List) {
	field := problem.At("Certificate")
	if props.Certificate == nil {
		return
	}
	name := props.Certificate.Name()
	if props.https == nil {
		p.Add(field, name,
			"adds HTTPS for the hosts of HTTP servers, of which there is none; set the Certificate of a server of HTTPS instead")
		return
	}
	validateKeyPair(p, field, props.Certificate)
	for i, server := range props.Servers {
		if server.Port != httpsPort {
			continue
		}
		at := problem.At("Servers").Index(i)
		if !server.sharesPort(*props.https) {
			p.Add(field, name,
				fmt.Sprintf("adds a server of HTTPS on port %d, which it cannot share with the %s of %s; use another port there",
					httpsPort, server.Protocol, at))
			continue
		}
		for _, host := range props.https.Hosts {
			if _, ok := server.clashes(*props.https, host); ok {
				p.Add(field, name,
					fmt.Sprintf("adds a server of HTTPS on port %d for %q, which %s serves there already; leave it out, or the host there",
						httpsPort, host, at))
			}
		}
	}
}

// IstioGateway is a door into the mesh: ports and hosts that Istio's gateway pods listen on. An
// IstioCanary says what happens to the requests.
// See https://istio.io/latest/docs/reference/config/networking/gateway/.
type IstioGateway struct {
	constructs.Construct
	props  IstioGatewayProps
	object cdk8s.ApiObject
	// made is what Patch has left.
	made *networkingv1.Gateway
}

// NewIstioGateway makes an IstioGateway.
func NewIstioGateway(scope constructs.Construct, id string, props IstioGatewayProps) *IstioGateway {
	props = props.withDefaults()
	g := &IstioGateway{props: props}
	tree.New(g, scope, id)
	tree.Invalid(g, props.validate()...)
	g.made = object.Patched(g, "Patch", props.render(), props.Patch)
	if props.Patch != nil {
		var p problem.List
		validatePatchedServers(&p, g.made)
		tree.Invalid(g, p...)
	}
	g.object = istio.NewGateway(g, "Resource", g.made)
	return g
}

// Name returns the name of the Gateway.
func (g *IstioGateway) Name() string {
	if g == nil {
		return ""
	}
	return g.props.Name
}

// isMade reports whether NewIstioGateway has made it.
func (g *IstioGateway) isMade() bool { return g != nil && g.made != nil }

// listens reports whether a server of the Gateway is on the port.
func (g *IstioGateway) listens(port int32) bool {
	return g.isMade() && slices.ContainsFunc(g.made.Spec.Servers, func(server *networking.Server) bool {
		return server.GetPort().GetNumber() == uint32(port)
	})
}

// reference is how a VirtualService names the Gateway: with its namespace where that is known.
func (g *IstioGateway) reference() string {
	if namespace := ref.NamespaceOf(g.object); namespace != "" {
		return namespace + "/" + g.Name()
	}
	return g.Name()
}

// serves reports whether a server takes HTTP requests for the host, or for some of its subdomains,
// for a VirtualService of some namespace.
func (g *IstioGateway) serves(host string) bool {
	return g.servesIn("", host)
}

// servesIn is serves for a VirtualService of that namespace, where it is known.
func (g *IstioGateway) servesIn(namespace, host string) bool {
	return slices.ContainsFunc(g.made.Spec.Servers,
		func(server *networking.Server) bool { return g.takes(server, namespace, host) })
}

// takes is servesIn for one of the servers.
func (g *IstioGateway) takes(server *networking.Server, namespace, host string) bool {
	return seesRequests(server) && slices.ContainsFunc(server.GetHosts(), func(h string) bool {
		open, served := splitHost(h)
		return hostsOverlap(served, host) && g.isOpen(open, namespace)
	})
}

// seesRequests reports whether the gateway sees requests there, and not just bytes.
func seesRequests(server *networking.Server) bool {
	switch GatewayProtocol(strings.ToUpper(server.GetPort().GetProtocol())) {
	case GatewayHTTP, GatewayHTTP2, GatewayGRPC:
		return true
	case GatewayHTTPS:
		return server.GetTls().GetMode() != networking.ServerTLSSettings_PASSTHROUGH
	}
	return false
}

// routedPorts are the ports of the servers that hand requests for the hosts to rules.
func (g *IstioGateway) routedPorts(hosts []string) []int32 {
	var ports []int32
	for _, server := range g.made.Spec.Servers {
		taken := func(host string) bool { return g.takes(server, "", host) }
		if !server.GetTls().GetHttpsRedirect() && slices.ContainsFunc(hosts, taken) {
			ports = append(ports, int32(server.GetPort().GetNumber()))
		}
	}
	return ports
}

// isOpen reports whether a host with that namespace is for the VirtualServices of another. What is
// not known may be.
func (g *IstioGateway) isOpen(open, namespace string) bool {
	if open == ownNamespace {
		open = ref.NamespaceOf(g.object)
	}
	return open == allNamespaces || open == "" || namespace == "" || open == namespace
}

// hostsOverlap reports whether there is a host that both stand for.
func hostsOverlap(a, b string) bool { return hostCovers(a, b) || hostCovers(b, a) }

// hostCovers reports whether a host of a gateway, which may begin with '*', takes requests for another.
func hostCovers(served, host string) bool {
	return served == host || served == infra.AnyHost ||
		strings.HasPrefix(served, "*.") && strings.HasSuffix(host, served[1:])
}

func (props IstioGatewayProps) render() *networkingv1.Gateway {
	gateway := &networkingv1.Gateway{
		ObjectMeta: object.Meta(props.Name, props.Labels, props.Annotations),
	}
	gateway.Spec.Selector = maps.Clone(props.Selector)
	for server := range props.all() {
		gateway.Spec.Servers = append(gateway.Spec.Servers, server.render())
	}
	return gateway
}
