package infra

import (
	"fmt"
	"iter"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/aws/constructs-go/constructs/v10"
	"github.com/cdk8s-team/cdk8s-core-go/cdk8s/v2"
	networking "istio.io/api/networking/v1alpha3"
	networkingv1 "istio.io/client-go/pkg/apis/networking/v1"
	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/crossoverJie/k8s-combat/imports/istio"
	"github.com/crossoverJie/k8s-combat/imports/tree"
	"github.com/crossoverJie/k8s-combat/infra/internal/problem"
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
	// TLSMutual ends TLS and asks the client for a certificate too, signed by one of the ClientCA.
	TLSMutual GatewayTLSMode = "MUTUAL"
	// TLSPassthrough leaves TLS to the service behind the gateway.
	TLSPassthrough GatewayTLSMode = "PASSTHROUGH"
)

// GatewayServer is a port that the gateway listens on, and the hosts that it serves there. Servers may share a port where
// the gateway can tell their requests apart: those that speak HTTP, HTTP2 or GRPC, by the host; those that speak HTTPS or
// TLS, by the name that the client asks for (SNI). Any others are an error: depending on their order, Istio ignores all
// but one without a word.
type GatewayServer struct {
	// Port is its number, 1 to 65535. Required.
	Port int32
	// Name of the port, an RFC 1123 label. Defaults to the protocol in lower case; where that is taken with the port's
	// number behind it, and where that is taken too with a count.
	Name string
	// Protocol is what the server speaks. Defaults to GatewayHTTP.
	Protocol GatewayProtocol
	// Hosts are the fully qualified DNS names that are served; the first label may be '*', and AnyHost serves all. Before
	// a name may stand the namespace whose VirtualServices may ask for it, as in "shop/www.example.com", or '.' for that
	// of the gateway. Otherwise those of all may. No two servers of a port have the same host. Required.
	Hosts []string
	// TLSMode says what happens to TLS; for GatewayHTTPS and GatewayTLS alone. Defaults to TLSTerminate.
	TLSMode GatewayTLSMode
	// Certificate is the Secret with the server's certificate, its keys tls.crt and tls.key, in the namespace of the
	// gateway's own pods. Required to end TLS.
	Certificate *Credentials
	// ClientCA is the Secret with the certificates of the authorities that sign those of the clients, its key ca.crt,
	// beside the Certificate; for TLSMutual alone. Istio finds it by its name, which is the Certificate's with the suffix
	// -cacert. Defaults to the Certificate, which then has the key ca.crt itself.
	// See https://istio.io/latest/docs/reference/config/networking/gateway/#ServerTLSSettings, credentialName.
	ClientCA *Credentials
	// RedirectToHTTPS answers every request with a redirect to HTTPS; for GatewayHTTP alone. Defaults to false.
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

// servesHTTP tells whether the gateway sees requests, and not just bytes.
func (s GatewayServer) servesHTTP() bool {
	return s.Protocol != GatewayTCP && s.Protocol != GatewayTLS && s.TLSMode != TLSPassthrough
}

// sharesPort tells whether both can be behind one port (mergeGateways in Istio's pilot/pkg/model/gateway.go).
func (s GatewayServer) sharesPort(other GatewayServer) bool {
	if s.encrypted() || other.encrypted() {
		return s.encrypted() && other.encrypted()
	}
	return s.Protocol != GatewayTCP && other.Protocol != GatewayTCP
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
	// Certificate adds a server of HTTPS on port 443 for the hosts of all servers of HTTP. It is a Secret with the keys
	// tls.crt and tls.key in the namespace of the gateway's own pods. Without a server of HTTP, or with one of Servers for
	// such a host on that port, it is an error. Defaults to none.
	Certificate *Credentials
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
		p.Missing(problem.At("Selector"), "give the labels of the gateway's pods, or leave it nil for istio: ingressgateway")
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

func (s GatewayServer) validate(p *problem.List, field *problem.Path) {
	p.Port(field.Child("Port"), s.Port)
	if len(validation.IsDNS1123Label(s.Name)) > 0 {
		p.Add(field.Child("Name"), s.Name, problem.DNSLabelRule)
	}
	problem.OneOf(p, field.Child("Protocol"), s.Protocol, GatewayHTTP, GatewayHTTPS, GatewayHTTP2, GatewayGRPC, GatewayTCP, GatewayTLS)
	if len(s.Hosts) == 0 {
		p.Missing(field.Child("Hosts"), "name the hosts that are served, for example \"www.example.com\", or AnyHost for all")
	}
	for i, host := range s.Hosts {
		validateGatewayHost(p, field.Child("Hosts").Index(i), host)
		if slices.Contains(s.Hosts[:i], host) {
			p.Add(field.Child("Hosts").Index(i), host, "is there twice; leave out one of them")
		}
	}
	s.validateTLS(p, field)
}

// gatewayHost checks a host as Istio does (ValidateNamespaceSlashWildcardHostname), except that an IP address, which its
// documentation does not know as a host, is an error.
func validateGatewayHost(p *problem.List, field *problem.Path, host string) {
	namespace, name := splitHost(host)
	labels := strings.Split(name, ".")
	switch _, err := strconv.Atoi(labels[len(labels)-1]); {
	case err == nil:
		p.Add(field, host, "ends with a number, as an IP address does and a DNS name does not; use a name, or AnyHost for requests to an address")
	case !isRoutedHost(name):
		p.Add(field, host, hostRule)
	case slices.ContainsFunc(labels, func(label string) bool { return len(label) > validation.DNS1123LabelMaxLength }):
		p.Add(field, host, fmt.Sprintf("has a label that is longer than DNS allows, %d characters; shorten it", validation.DNS1123LabelMaxLength))
	case len(labels) == 1 && name != AnyHost:
		p.Add(field, host, "is a short name, which means nothing outside of a namespace; use a fully qualified one, for example \"www.example.com\"")
	}
	if namespace != allNamespaces && namespace != ownNamespace && len(validation.IsDNS1123Label(namespace)) > 0 && isRoutedHost(name) {
		p.Add(field, host, "does not begin with a namespace; put its name before the '/', '.' for the gateway's own, or '*' for all")
	}
}

// What may stand for the name of a namespace in a host of a server.
const allNamespaces, ownNamespace = "*", "."

// splitHost takes a host of a server apart: the namespace whose VirtualServices may ask for it, and the DNS name.
func splitHost(host string) (namespace, name string) {
	if namespace, name, ok := strings.Cut(host, "/"); ok {
		return namespace, name
	}
	return allNamespaces, host
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

// clashes returns the host of the server that is the same as the host of another one, of the same port.
func (s GatewayServer) clashes(other GatewayServer, host string) (first string, ok bool) {
	namespace, name := splitHost(host)
	i := slices.IndexFunc(s.Hosts, func(h string) bool {
		n, served := splitHost(h)
		// A client asks for a name without a namespace; only routes, which HTTP shares, tell them apart.
		return served == name && (n == namespace || s.encrypted() && other.encrypted())
	})
	if i < 0 {
		return "", false
	}
	return s.Hosts[i], true
}

// validateCertificate checks the server that Certificate adds, in terms of what its user wrote.
func (props IstioGatewayProps) validateCertificate(p *problem.List) {
	field := problem.At("Certificate")
	if props.Certificate == nil {
		return
	}
	name := props.Certificate.Name()
	if props.https == nil {
		p.Add(field, name, "adds HTTPS for the hosts of HTTP servers, of which there is none; set the Certificate of a server of HTTPS instead")
		return
	}
	for _, key := range tlsKeys {
		props.Certificate.Key(key).validate(p, field)
	}
	for i, server := range props.Servers {
		if server.Port != httpsPort {
			continue
		}
		at := problem.At("Servers").Index(i)
		if !server.sharesPort(*props.https) {
			p.Add(field, name, fmt.Sprintf("adds a server of HTTPS on port %d, which it cannot share with the %s of %s; use another port there",
				httpsPort, server.Protocol, at))
			continue
		}
		for _, host := range props.https.Hosts {
			if _, ok := server.clashes(*props.https, host); ok {
				p.Add(field, name, fmt.Sprintf("adds a server of HTTPS on port %d for %q, which %s serves there already; leave it out, or the host there",
					httpsPort, host, at))
			}
		}
	}
}

// caKeys are the keys under which Istio looks for the certificates of authorities (ExtractRoot in its
// pilot/pkg/credentials/kube).
var caKeys = []string{"ca.crt", "cacert"}

// caSuffix makes the name of the ClientCA out of the Certificate's.
const caSuffix = "-cacert"

func (s GatewayServer) validateTLS(p *problem.List, field *problem.Path) {
	problem.OneOf(p, field.Child("TLSMode"), s.TLSMode, TLSTerminate, TLSMutual, TLSPassthrough)
	if s.RedirectToHTTPS && s.Protocol != GatewayHTTP {
		p.Add(field.Child("RedirectToHTTPS"), s.RedirectToHTTPS, "has a meaning for HTTP alone; leave it out")
	}
	s.validateClientCA(p, field)
	if !s.encrypted() {
		if s.TLSMode != "" {
			p.Add(field.Child("TLSMode"), string(s.TLSMode), "has a meaning for HTTPS and TLS alone; leave it out, or change Protocol")
		}
		if s.Certificate != nil {
			p.Add(field.Child("Certificate"), s.Certificate.Name(), "has a meaning for HTTPS and TLS alone; leave it out, or change Protocol")
		}
		return
	}
	switch {
	case s.TLSMode == TLSPassthrough && s.Certificate != nil:
		p.Add(field.Child("Certificate"), s.Certificate.Name(), "is not used by TLSPassthrough, where the service ends TLS; leave it out")
	case s.TLSMode != TLSPassthrough && s.Certificate == nil:
		p.Missing(field.Child("Certificate"), "give Credentials with the keys tls.crt and tls.key")
	case s.Certificate != nil:
		for _, key := range tlsKeys {
			s.Certificate.Key(key).validate(p, field.Child("Certificate"))
		}
	}
}

func (s GatewayServer) validateClientCA(p *problem.List, field *problem.Path) {
	switch {
	case s.ClientCA != nil && s.TLSMode != TLSMutual:
		p.Add(field.Child("ClientCA"), s.ClientCA.Name(), "has a meaning for TLSMutual alone; leave it out, or change TLSMode")
	case s.ClientCA != nil:
		if s.Certificate != nil && s.ClientCA.Name() != s.Certificate.Name()+caSuffix {
			p.Add(field.Child("ClientCA"), s.ClientCA.Name(), fmt.Sprintf("is not where Istio looks; call the Secret %q, after the Certificate", s.Certificate.Name()+caSuffix))
		}
		if !slices.ContainsFunc(caKeys, s.ClientCA.holds) {
			p.Add(field.Child("ClientCA"), s.ClientCA.Name(), "has no key ca.crt; put the certificates of the authorities there")
		}
	case s.TLSMode == TLSMutual && s.Certificate != nil && !slices.ContainsFunc(caKeys, s.Certificate.holds):
		p.Add(field.Child("Certificate"), s.Certificate.Name(), "has no key ca.crt, by which TLSMutual checks the clients' certificates; add it, or give a ClientCA")
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

// serves tells whether a server takes HTTP requests for the host, or for some of its subdomains, for a VirtualService of
// some namespace.
func (g *IstioGateway) serves(host string) bool {
	return g.servesIn("", host)
}

// servesIn is serves for a VirtualService of that namespace, where it is known.
func (g *IstioGateway) servesIn(namespace, host string) bool {
	for server := range g.props.all() {
		if server.servesHTTP() && slices.ContainsFunc(server.Hosts, func(h string) bool {
			open, served := splitHost(h)
			return hostsOverlap(served, host) && g.isOpen(open, namespace)
		}) {
			return true
		}
	}
	return false
}

// isOpen tells whether a host with that namespace is for the VirtualServices of another. What is not known may be.
func (g *IstioGateway) isOpen(open, namespace string) bool {
	if open == ownNamespace {
		open = namespaceOf(g.object)
	}
	return open == allNamespaces || open == "" || namespace == "" || open == namespace
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
	for server := range props.all() {
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
