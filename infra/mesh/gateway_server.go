package mesh

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	networking "istio.io/api/networking/v1alpha3"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/crossoverJie/k8s-combat/infra"
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

// GatewayServer is a port that the gateway listens on, and the hosts that it serves there. Servers
// may share a port where the gateway can tell their requests apart: those that speak HTTP, HTTP2 or
// GRPC, by the host; those that speak HTTPS or TLS, by the name that the client asks for (SNI). Any
// others are an error: depending on their order, Istio ignores all but one without a word.
type GatewayServer struct {
	// Port is its number, 1 to 65535. Required.
	Port int32
	// Name of the port, an RFC 1123 label. Defaults to the protocol in lower case; where that is
	// taken with the port's number behind it, and where that is taken too with a count.
	Name string
	// Protocol is what the server speaks. Defaults to GatewayHTTP.
	Protocol GatewayProtocol
	// Hosts are the fully qualified DNS names that are served; the first label may be '*', and
	// infra.AnyHost serves all. VirtualServices of every namespace may ask for a name; in the form
	// "shop/www.example.com" those of the namespace shop alone may, and in the form
	// "./www.example.com" those of the gateway's own. No two servers of a port have the same host.
	// Required.
	Hosts []string
	// TLSMode says what happens to TLS; for GatewayHTTPS and GatewayTLS alone. Defaults to
	// TLSTerminate.
	TLSMode GatewayTLSMode
	// Certificate is the Secret with the server's certificate, its keys tls.crt and tls.key, in the
	// namespace of the gateway's own pods. That may be another one than the IstioGateway's, and
	// nothing checks it: Credentials that are written here belong into a chart of that Namespace.
	// Required to end TLS.
	Certificate *infra.Credentials
	// ClientCA is the Secret with the certificates of the authorities that sign those of the
	// clients, its key ca.crt, beside the Certificate; for TLSMutual alone. Istio finds it by its
	// name, which is the Certificate's with the suffix -cacert. Defaults to the Certificate, which
	// then has the key ca.crt itself.
	// See credentialName in
	// https://istio.io/latest/docs/reference/config/networking/gateway/#ServerTLSSettings.
	ClientCA *infra.Credentials
	// RedirectToHTTPS answers every request with a redirect to HTTPS; for GatewayHTTP alone.
	// Defaults to false.
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

// sharesPort reports whether both can be behind one port (mergeGateways in Istio's
// pilot/pkg/model/gateway.go).
func (s GatewayServer) sharesPort(other GatewayServer) bool {
	if s.encrypted() || other.encrypted() {
		return s.encrypted() && other.encrypted()
	}
	return s.Protocol != GatewayTCP && other.Protocol != GatewayTCP
}

func (s GatewayServer) validate(p *problem.List, field *problem.Path) {
	p.Port(field.Child("Port"), s.Port)
	if len(validation.IsDNS1123Label(s.Name)) > 0 {
		p.Add(field.Child("Name"), s.Name, problem.DNSLabelRule)
	}
	problem.OneOf(p, field.Child("Protocol"), s.Protocol, GatewayHTTP, GatewayHTTPS, GatewayHTTP2,
		GatewayGRPC, GatewayTCP, GatewayTLS)
	if len(s.Hosts) == 0 {
		p.Missing(field.Child("Hosts"),
			"name the hosts that are served, for example \"www.example.com\", or AnyHost for all")
	}
	for i, host := range s.Hosts {
		validateGatewayHost(p, field.Child("Hosts").Index(i), host)
		if slices.Contains(s.Hosts[:i], host) {
			p.Add(field.Child("Hosts").Index(i), host, "is there twice; leave out one of them")
		}
	}
	s.validateTLS(p, field)
}

// validateGatewayHost checks a host as Istio does (ValidateNamespaceSlashWildcardHostname), except
// that an IP address, which its documentation does not know as a host, is an error.
func validateGatewayHost(p *problem.List, field *problem.Path, host string) {
	namespace, name := splitHost(host)
	labels := strings.Split(name, ".")
	switch _, err := strconv.Atoi(labels[len(labels)-1]); {
	case err == nil:
		p.Add(field, host,
			"ends with a number, as an IP address does and a DNS name does not; use a name, or AnyHost for requests to an address")
	case !problem.IsRoutedHost(name):
		p.RoutedHost(field, host)
	case slices.ContainsFunc(labels,
		func(label string) bool { return len(label) > validation.DNS1123LabelMaxLength }):
		p.Add(field, host,
			fmt.Sprintf("has a label that is longer than DNS allows, %d characters; shorten it",
				validation.DNS1123LabelMaxLength))
	case len(labels) == 1 && name != infra.AnyHost:
		p.Add(field, host,
			"is a short name, which means nothing outside of a namespace; use a fully qualified one, for example \"www.example.com\"")
	}
	if namespace != allNamespaces && namespace != ownNamespace &&
		len(validation.IsDNS1123Label(namespace)) > 0 && problem.IsRoutedHost(name) {
		p.Add(field, host,
			"does not begin with a namespace; put its name before the '/', '.' for the gateway's own, or '*' for all")
	}
}

// What may stand for the name of a namespace in a host of a server.
const allNamespaces, ownNamespace = "*", "."

// splitHost takes a host of a server apart: the namespace whose VirtualServices may ask for it, and
// the DNS name.
func splitHost(host string) (namespace, name string) {
	if namespace, name, ok := strings.Cut(host, "/"); ok {
		return namespace, name
	}
	return allNamespaces, host
}

// caKeys are the keys under which Istio looks for the certificates of authorities (ExtractRoot in its
// pilot/pkg/credentials/kube).
var caKeys = []string{"ca.crt", "cacert"}

// holdsCA reports whether a Secret has certificates of authorities, where that can be known.
func holdsCA(secret *infra.Credentials) bool {
	data := secret.Data()
	return data.AnyKey || slices.ContainsFunc(caKeys,
		func(key string) bool { return slices.Contains(data.Keys, key) })
}

// validateKeyPair checks that a Secret has a certificate and its key.
func validateKeyPair(p *problem.List, field *problem.Path, secret *infra.Credentials) {
	for _, key := range []string{corev1.TLSCertKey, corev1.TLSPrivateKeyKey} {
		secret.Key(key).Validate(p, field)
	}
}

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
			p.Add(field.Child("TLSMode"), string(s.TLSMode),
				"has a meaning for HTTPS and TLS alone; leave it out, or change Protocol")
		}
		if s.Certificate != nil {
			p.Add(field.Child("Certificate"), s.Certificate.Name(),
				"has a meaning for HTTPS and TLS alone; leave it out, or change Protocol")
		}
		return
	}
	switch {
	case s.TLSMode == TLSPassthrough && s.Certificate != nil:
		p.Add(field.Child("Certificate"), s.Certificate.Name(),
			"is not used by TLSPassthrough, where the service ends TLS; leave it out")
	case s.TLSMode != TLSPassthrough && s.Certificate == nil:
		p.Missing(field.Child("Certificate"), "give Credentials with the keys tls.crt and tls.key")
	case s.Certificate != nil:
		validateKeyPair(p, field.Child("Certificate"), s.Certificate)
	}
}

func (s GatewayServer) validateClientCA(p *problem.List, field *problem.Path) {
	switch {
	case s.ClientCA != nil && s.TLSMode != TLSMutual:
		p.Add(field.Child("ClientCA"), s.ClientCA.Name(),
			"has a meaning for TLSMutual alone; leave it out, or change TLSMode")
	case s.ClientCA != nil:
		if s.Certificate != nil && s.ClientCA.Name() != s.Certificate.Name()+caSuffix {
			p.Add(field.Child("ClientCA"), s.ClientCA.Name(),
				fmt.Sprintf("is not where Istio looks; call the Secret %q, after the Certificate",
					s.Certificate.Name()+caSuffix))
		}
		if ca, certificate := s.ClientCA.Data(), s.Certificate.Data(); ca != nil && certificate != nil && certificate.Made() != nil {
			ca.Beside(p, field.Child("ClientCA"), certificate.Made())
		}
		if !holdsCA(s.ClientCA) {
			p.Add(field.Child("ClientCA"), s.ClientCA.Name(),
				"has no key ca.crt; put the certificates of the authorities there")
		}
	case s.TLSMode == TLSMutual && s.Certificate != nil && !holdsCA(s.Certificate):
		p.Add(field.Child("Certificate"), s.Certificate.Name(),
			"has no key ca.crt, by which TLSMutual checks the clients' certificates; add it, or give a ClientCA")
	}
}

// clashes returns the host of the server that is the same as the host of another one, of the same port.
func (s GatewayServer) clashes(other GatewayServer, host string) (first string, ok bool) {
	namespace, name := splitHost(host)
	i := slices.IndexFunc(s.Hosts, func(h string) bool {
		n, served := splitHost(h)
		// A client asks for a name without a namespace; only routes, which HTTP shares, tell them
		// apart.
		return served == name && (n == namespace || s.encrypted() && other.encrypted())
	})
	if i < 0 {
		return "", false
	}
	return s.Hosts[i], true
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
