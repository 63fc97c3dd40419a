package infra

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/aws/constructs-go/constructs/v10"
	"github.com/cdk8s-team/cdk8s-core-go/cdk8s/v2"
	networking "istio.io/api/networking/v1alpha3"
	networkingv1 "istio.io/client-go/pkg/apis/networking/v1"
	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/crossoverJie/k8s-combat/imports/istio"
	"github.com/crossoverJie/k8s-combat/imports/tree"
)

// GatewayProtocol is what a server of an IstioGateway speaks.
type GatewayProtocol string

// The protocols of Istio's gateways.
const (
	GatewayHTTP  GatewayProtocol = "HTTP"
	GatewayHTTPS GatewayProtocol = "HTTPS"
	GatewayHTTP2 GatewayProtocol = "HTTP2"
	GatewayGRPC  GatewayProtocol = "GRPC"
	GatewayTCP   GatewayProtocol = "TCP"
	GatewayTLS   GatewayProtocol = "TLS"
)

// GatewayTLSMode is what a server does with TLS.
type GatewayTLSMode string

const (
	// TLSTerminate ends TLS with a certificate.
	TLSTerminate GatewayTLSMode = "SIMPLE"
	// TLSMutual ends TLS and asks the client for a certificate too.
	TLSMutual GatewayTLSMode = "MUTUAL"
	// TLSPassthrough leaves TLS to the service behind the gateway.
	TLSPassthrough GatewayTLSMode = "PASSTHROUGH"
)

// GatewayServer is a port that the gateway listens on.
type GatewayServer struct {
	// Port is its number. Required.
	Port int32
	// Name of the port. Defaults to the protocol in lower case, and where that is taken with the port's number behind it.
	Name string
	// Protocol defaults to HTTP.
	Protocol GatewayProtocol
	// Hosts are the DNS names that are served; the first label may be '*', and AnyHost serves all. Required.
	Hosts []string
	// TLSMode says what happens to TLS; for HTTPS and TLS alone. Defaults to TLSTerminate.
	TLSMode GatewayTLSMode
	// Certificate is the Secret with the server's certificate, in the namespace of the gateway's own pods. Required to
	// end TLS.
	Certificate *Credentials
	// RedirectToHTTPS answers every request with a redirect to HTTPS; for HTTP alone. Defaults to false.
	RedirectToHTTPS bool
}

func (s GatewayServer) withDefaults() GatewayServer {
	if s.Protocol == "" {
		s.Protocol = GatewayHTTP
	}
	if s.encrypted() && s.TLSMode == "" {
		s.TLSMode = TLSTerminate
	}
	return s
}

func (s GatewayServer) encrypted() bool {
	return s.Protocol == GatewayHTTPS || s.Protocol == GatewayTLS
}

// IstioGatewayProps are the options of an IstioGateway.
type IstioGatewayProps struct {
	// Name of the Gateway. Required; an RFC 1123 label.
	Name string
	// Selector are the labels of the gateway's pods. Defaults to those of Istio's own ingress gateway,
	// istio: ingressgateway.
	Selector map[string]string
	// Servers are what it listens on. At least one is required.
	Servers []GatewayServer
	// Certificate adds, for each HTTP server, an HTTPS server on port 443 for the same hosts. It is a Secret in the
	// namespace of the gateway's own pods. Defaults to none.
	Certificate *Credentials
	// Labels and Annotations of the Gateway. Default to none.
	Labels, Annotations map[string]string
	// Patch has the last word on the Gateway.
	Patch func(*networkingv1.Gateway)
}

func (props IstioGatewayProps) withDefaults() IstioGatewayProps {
	if props.Selector == nil {
		props.Selector = map[string]string{"istio": "ingressgateway"}
	}
	props.Servers = slices.Clone(props.Servers)
	for i := range props.Servers {
		props.Servers[i] = props.Servers[i].withDefaults()
	}
	if props.Certificate != nil {
		for _, server := range slices.Clone(props.Servers) {
			if server.Protocol == GatewayHTTP {
				props.Servers = append(props.Servers, GatewayServer{
					Port: 443, Protocol: GatewayHTTPS, Hosts: server.Hosts, Certificate: props.Certificate,
				}.withDefaults())
			}
		}
	}
	named := map[string]bool{}
	for i := range props.Servers {
		server := &props.Servers[i]
		if server.Name == "" {
			server.Name = strings.ToLower(string(server.Protocol))
			if named[server.Name] {
				server.Name = fmt.Sprintf("%s-%d", server.Name, server.Port)
			}
		}
		named[server.Name] = true
	}
	return props
}

func (props IstioGatewayProps) validate() []string {
	var p problems
	p.dnsLabel("Name", props.Name)
	if len(props.Selector) == 0 {
		p.missing("Selector", "give the labels of the gateway's pods, or leave it nil for istio: ingressgateway")
	}
	p.labels("Selector", props.Selector)
	p.labels("Labels", props.Labels)
	p.annotations("Annotations", props.Annotations)
	if len(props.Servers) == 0 {
		p.missing("Servers", "give at least one server")
	}
	taken := uniqueness{}
	var names uniqueness
	for i, server := range props.Servers {
		at := index("Servers", i)
		server.validate(&p, at, taken)
		names.check(&p, at+".Name", at, server.Name)
	}
	return p
}

func (s GatewayServer) validate(p *problems, field string, taken uniqueness) {
	p.port(field+".Port", s.Port)
	if len(validation.IsDNS1123Label(s.Name)) > 0 {
		p.add(field+".Name", s.Name, dnsLabelRule)
	}
	oneOf(p, field+".Protocol", s.Protocol, GatewayHTTP, GatewayHTTPS, GatewayHTTP2, GatewayGRPC, GatewayTCP, GatewayTLS)
	if len(s.Hosts) == 0 {
		p.missing(field+".Hosts", "name the hosts that are served, for example \"www.example.com\", or AnyHost for all")
	}
	for i, host := range s.Hosts {
		at := index(field+".Hosts", i)
		if !isRoutedHost(host) {
			p.add(at, host, hostRule)
		}
		taken.check(p, at, field, portKey(s.Port, TCP)+" "+host)
	}
	s.validateTLS(p, field)
}

func (s GatewayServer) validateTLS(p *problems, field string) {
	oneOf(p, field+".TLSMode", s.TLSMode, TLSTerminate, TLSMutual, TLSPassthrough)
	if s.RedirectToHTTPS && s.Protocol != GatewayHTTP {
		p.add(field+".RedirectToHTTPS", s.RedirectToHTTPS, "has a meaning for HTTP alone; leave it out")
	}
	if !s.encrypted() {
		if s.TLSMode != "" {
			p.add(field+".TLSMode", string(s.TLSMode), "has a meaning for HTTPS and TLS alone; leave it out, or change Protocol")
		}
		if s.Certificate != nil {
			p.add(field+".Certificate", s.Certificate.Name(), "has a meaning for HTTPS and TLS alone; leave it out, or change Protocol")
		}
		return
	}
	switch {
	case s.TLSMode == TLSPassthrough && s.Certificate != nil:
		p.add(field+".Certificate", s.Certificate.Name(), "is not used by TLSPassthrough, where the service ends TLS; leave it out")
	case s.TLSMode != TLSPassthrough && s.Certificate == nil:
		p.missing(field+".Certificate", "give Credentials with the keys tls.crt and tls.key")
	case s.Certificate != nil:
		for _, key := range tlsKeys {
			s.Certificate.Key(key).validate(p, field+".Certificate")
		}
	}
}

// IstioGateway is a door into the mesh: ports and hosts that Istio's gateway pods listen on. An IstioCanary says what
// happens to the requests. See https://istio.io/latest/docs/reference/config/networking/gateway/.
type IstioGateway struct {
	constructs.Construct
	props  IstioGatewayProps
	object cdk8s.ApiObject
}

// NewIstioGateway makes an IstioGateway.
func NewIstioGateway(scope constructs.Construct, id string, props IstioGatewayProps) *IstioGateway {
	props = props.withDefaults()
	g := &IstioGateway{props: props}
	tree.New(g, scope, id)
	tree.Invalid(g, props.validate()...)
	g.object = istio.NewGateway(g, "Resource", patched(g, props.render(), props.Patch))
	return g
}

// Name returns the name of the Gateway.
func (g *IstioGateway) Name() string { return g.props.Name }

// reference is how a VirtualService names the Gateway: with its namespace where that is known.
func (g *IstioGateway) reference() string {
	if namespace := namespaceOf(g.object); namespace != "" {
		return namespace + "/" + g.Name()
	}
	return g.Name()
}

// serves tells whether a server takes HTTP requests for the host, or for some of its subdomains.
func (g *IstioGateway) serves(host string) bool {
	return slices.ContainsFunc(g.props.Servers, func(s GatewayServer) bool {
		http := s.Protocol != GatewayTCP && s.Protocol != GatewayTLS && s.TLSMode != TLSPassthrough
		return http && slices.ContainsFunc(s.Hosts, func(served string) bool { return hostsOverlap(served, host) })
	})
}

// hostsOverlap tells whether there is a host that both stand for.
func hostsOverlap(a, b string) bool { return hostCovers(a, b) || hostCovers(b, a) }

// hostCovers tells whether a host of a gateway, which may begin with '*', takes requests for another.
func hostCovers(served, host string) bool {
	return served == host || served == AnyHost ||
		strings.HasPrefix(served, "*.") && strings.HasSuffix(host, served[1:])
}

func (props IstioGatewayProps) render() *networkingv1.Gateway {
	gateway := &networkingv1.Gateway{
		ObjectMeta: objectMeta(props.Name, props.Labels, props.Annotations),
	}
	gateway.Spec.Selector = maps.Clone(props.Selector)
	for _, server := range props.Servers {
		gateway.Spec.Servers = append(gateway.Spec.Servers, server.render())
	}
	return gateway
}

func (s GatewayServer) render() *networking.Server {
	server := &networking.Server{
		Port:  &networking.Port{Number: uint32(max(s.Port, 0)), Name: s.Name, Protocol: string(s.Protocol)},
		Hosts: slices.Clone(s.Hosts),
	}
	switch {
	case s.RedirectToHTTPS:
		server.Tls = &networking.ServerTLSSettings{HttpsRedirect: true}
	case s.encrypted():
		mode := networking.ServerTLSSettings_TLSmode_value[string(s.TLSMode)]
		server.Tls = &networking.ServerTLSSettings{Mode: networking.ServerTLSSettings_TLSmode(mode)}
		if s.Certificate != nil {
			server.Tls.CredentialName = s.Certificate.Name()
		}
	}
	return server
}
