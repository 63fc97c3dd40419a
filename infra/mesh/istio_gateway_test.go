package mesh_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/cdk8s-team/cdk8s-core-go/cdk8s/v2"
	"github.com/stretchr/testify/assert"
	networkingv1 "istio.io/client-go/pkg/apis/networking/v1"

	"github.com/crossoverJie/k8s-combat/imports/tree"
	"github.com/crossoverJie/k8s-combat/imports/tree/native"
	"github.com/crossoverJie/k8s-combat/infra"
	"github.com/crossoverJie/k8s-combat/infra/internal/synthtest"
	"github.com/crossoverJie/k8s-combat/infra/mesh"
)

const notAHost = "is not a host name; use lower-case letters, digits, '-' and '.', the first label may be '*', without scheme, port and path, for example \"www.example.com\""

func certificate(chart cdk8s.Chart) *infra.Credentials {
	return infra.NewCredentials(chart, "certificate", infra.CredentialsProps{Name: "door-tls", Existing: true, Type: "kubernetes.io/tls"})
}

func TestIstioGateway(t *testing.T) {
	t.Parallel()
	synthtest.Golden(t, "istio-gateway", func(chart cdk8s.Chart) {
		secret := certificate(chart)
		mesh.NewIstioGateway(chart, "gateway", mesh.IstioGatewayProps{
			Name:        "door",
			Selector:    map[string]string{"app": "door"},
			Labels:      map[string]string{"tier": "edge"},
			Annotations: map[string]string{"example.com/owner": "team"},
			Servers: []mesh.GatewayServer{
				{Port: 80, Hosts: []string{infra.AnyHost}, RedirectToHTTPS: true},
				{Port: 443, Protocol: mesh.GatewayHTTPS, Hosts: []string{"*.example.com"}, Certificate: secret},
				{Port: 8443, Name: "https-mutual", Protocol: mesh.GatewayHTTPS, Hosts: []string{"m.example.com"}, TLSMode: mesh.TLSMutual, Certificate: secret},
				{Port: 9443, Protocol: mesh.GatewayTLS, Hosts: []string{"p.example.com"}, TLSMode: mesh.TLSPassthrough},
			},
			Patch: func(g *networkingv1.Gateway) { g.Spec.Servers[0].Bind = "0.0.0.0" },
		})
	})
}

func TestIstioGatewayHTTPSByOneField(t *testing.T) {
	t.Parallel()
	got := synthtest.Only[networkingv1.Gateway](t, "Gateway", func(chart cdk8s.Chart) {
		mesh.NewIstioGateway(chart, "gateway", mesh.IstioGatewayProps{
			Name:        "door",
			Servers:     []mesh.GatewayServer{{Port: 80, Hosts: []string{"www.example.com"}}},
			Certificate: certificate(chart),
		})
	})
	assert.Equal(t, map[string]string{"istio": "ingressgateway"}, got.Spec.Selector)
	assert.Len(t, got.Spec.Servers, 2)
	https := got.Spec.Servers[1]
	assert.EqualValues(t, 443, https.Port.Number)
	assert.Equal(t, []string{"www.example.com"}, https.Hosts)
	assert.Equal(t, "door-tls", https.Tls.CredentialName)
}

// TestIstioGatewayCertificateOnce: hosts that are served on several ports need one server of HTTPS.
func TestIstioGatewayCertificateOnce(t *testing.T) {
	t.Parallel()
	got := synthtest.Only[networkingv1.Gateway](t, "Gateway", func(chart cdk8s.Chart) {
		mesh.NewIstioGateway(chart, "gateway", mesh.IstioGatewayProps{
			Name: "door",
			Servers: []mesh.GatewayServer{
				{Port: 80, Hosts: []string{"www.example.com"}},
				{Port: 8080, Hosts: []string{"www.example.com", "shop/cart.example.com"}},
				{Port: 443, Protocol: mesh.GatewayTLS, Hosts: []string{"p.example.com"}, TLSMode: mesh.TLSPassthrough},
				{Port: 9000, Protocol: mesh.GatewayTCP, Hosts: []string{infra.AnyHost}},
			},
			Certificate: certificate(chart),
		})
	})
	assert.Len(t, got.Spec.Servers, 5)
	assert.Equal(t, []string{"www.example.com", "shop/cart.example.com"}, got.Spec.Servers[4].Hosts)
}

func TestIstioGatewayNamesServers(t *testing.T) {
	t.Parallel()
	got := synthtest.Only[networkingv1.Gateway](t, "Gateway", func(chart cdk8s.Chart) {
		secret := certificate(chart)
		server := func(name, host string) mesh.GatewayServer {
			return mesh.GatewayServer{Port: 443, Name: name, Protocol: mesh.GatewayHTTPS, Hosts: []string{host}, Certificate: secret}
		}
		mesh.NewIstioGateway(chart, "gateway", mesh.IstioGatewayProps{
			Name:        "door",
			Servers:     []mesh.GatewayServer{{Port: 80, Hosts: []string{"z.example.com"}}, server("", "a.example.com"), server("", "b.example.com"), server("https", "c.example.com"), server("", "d.example.com")},
			Certificate: secret,
		})
	})
	var names []string
	for _, server := range got.Spec.Servers {
		names = append(names, server.Port.Name)
	}
	assert.Equal(t, []string{"http", "https-443", "https-443-2", "https", "https-443-3", "https-443-4"}, names)
}

// TestIstioGatewayPorts: which servers may share a port, with the protocols of Istio's mergeGateways.
func TestIstioGatewayPorts(t *testing.T) {
	t.Parallel()
	plain := []mesh.GatewayProtocol{mesh.GatewayHTTP, mesh.GatewayHTTP2, mesh.GatewayGRPC}
	encrypted := []mesh.GatewayProtocol{mesh.GatewayHTTPS, mesh.GatewayTLS}
	all := append(append([]mesh.GatewayProtocol{mesh.GatewayTCP}, plain...), encrypted...)
	for _, first := range all {
		for _, second := range all {
			_, messages := synthtest.Synth(t, func(chart cdk8s.Chart) {
				secret := certificate(chart)
				server := func(protocol mesh.GatewayProtocol, host string) mesh.GatewayServer {
					s := mesh.GatewayServer{Port: 443, Protocol: protocol, Hosts: []string{host}}
					if slices.Contains(encrypted, protocol) {
						s.Certificate = secret
					}
					return s
				}
				mesh.NewIstioGateway(chart, "gateway", mesh.IstioGatewayProps{
					Name: "door", Servers: []mesh.GatewayServer{server(first, "a.example.com"), server(second, "b.example.com")},
				})
			})
			both := func(group []mesh.GatewayProtocol) bool {
				return slices.Contains(group, first) && slices.Contains(group, second)
			}
			assert.Equal(t, both(plain) || both(encrypted), len(messages) == 0, "%s beside %s: %v", second, first, messages)
		}
	}
}

// doorOf builds an IstioCanary for www.example.com in the namespace shop, behind a Gateway of the
// namespace edge with those hosts.
func doorOf(hosts ...string) func(cdk8s.Chart) {
	return func(chart cdk8s.Chart) {
		edge := tree.NewChart(chart, "edge", tree.ChartProps{Namespace: "edge"})
		door := mesh.NewIstioGateway(edge, "gateway", mesh.IstioGatewayProps{Name: "door", Servers: []mesh.GatewayServer{{Port: 80, Hosts: hosts}}})
		shop := tree.NewChart(chart, "shop", tree.ChartProps{Namespace: "shop"})
		web := infra.NewWebService(shop, "web", infra.WebServiceProps{
			Name:     "web",
			Workload: infra.ProbedDeploymentProps{Image: "example.com/shop/web:1.4", Version: "v1"},
			Ports:    []infra.ServicePort{{Name: "http", Port: 80, TargetPort: 8080}},
		})
		mesh.NewIstioCanary(shop, "canary", mesh.IstioCanaryProps{
			Name: "web", Service: web.Service(), Versions: []mesh.Version{{Name: "v1", Workload: web.Deployment()}},
			Gateways: []*mesh.IstioGateway{door}, Hosts: []string{"www.example.com"},
			Rules: []mesh.Rule{{To: []mesh.Destination{{Workload: web.Deployment()}}}},
		})
	}
}

func TestIstioGatewayHostsOfNamespaces(t *testing.T) {
	t.Parallel()
	for _, hosts := range [][]string{
		{"www.example.com"}, {"shop/www.example.com"}, {"*/www.example.com"}, {"shop/*.example.com"}, {"shop/*"}, {"*/*"},
		{"cart/www.example.com", "shop/www.example.com"},
	} {
		outdir := t.TempDir()
		app := native.NewApp(&cdk8s.AppProps{Outdir: &outdir})
		doorOf(hosts...)(tree.NewChart(app, "chart", tree.ChartProps{}))
		assert.NoError(t, tree.Synth(app), "%v", hosts)
	}
}

func TestIstioGatewayBadInput(t *testing.T) {
	t.Parallel()
	gateway := func(props mesh.IstioGatewayProps) func(cdk8s.Chart) {
		return func(chart cdk8s.Chart) { mesh.NewIstioGateway(chart, "gateway", props) }
	}
	hosts := []string{"www.example.com"}
	synthtest.BadInput{
		"nothing": {gateway(mesh.IstioGatewayProps{Selector: map[string]string{}}), []string{
			`[chart/gateway] Name: is not set; give the object a name, for example "web"`,
			`[chart/gateway] Selector: is not set; give the labels of the gateway's pods, or leave it nil for istio: ingressgateway`,
			`[chart/gateway] Servers: is not set; give at least one server`,
		}},
		"servers": {gateway(mesh.IstioGatewayProps{Name: "door", Servers: []mesh.GatewayServer{
			{Port: 0, Protocol: "FTP"}, {Port: 80, Hosts: []string{"http://x"}}, {Port: 81, Hosts: hosts}, {Port: 81, Hosts: hosts}, {Port: 82, Name: "A", Hosts: hosts},
		}}), []string{
			`[chart/gateway] Servers[0].Port: 0 is not a port; use 1 to 65535`,
			`[chart/gateway] Servers[0].Protocol: "FTP" is not known; use HTTP, HTTPS, HTTP2, GRPC, TCP or TLS`,
			`[chart/gateway] Servers[0].Hosts: is not set; name the hosts that are served, for example "www.example.com", or AnyHost for all`,
			`[chart/gateway] Servers[1].Hosts[0]: "http://x" is not a host name; use lower-case letters, digits, '-' and '.', the first label may be '*', without scheme, port and path, for example "www.example.com"`,
			`[chart/gateway] Servers[3].Hosts[0]: "www.example.com" is served on port 81 by Servers[2] already; leave out one of them`,
			`[chart/gateway] Servers[4].Name: "A" is not an RFC 1123 label; use 1 to 63 lower-case letters, digits or '-', beginning and ending with a letter or digit`,
		}},
		"hosts": {gateway(mesh.IstioGatewayProps{Name: "door", Servers: []mesh.GatewayServer{{Port: 80, Hosts: []string{
			"10.0.0.1", "shop/www.1", "::1", "localhost", "shop/localhost", "A/www.example.com", "/www.example.com", "shop/", "a/b/www.example.com",
			strings.Repeat("a", 64) + ".example.com", "www.example.com", "www.example.com",
		}}}}), []string{
			`[chart/gateway] Servers[0].Hosts[0]: "10.0.0.1" ends with a number, as an IP address does and a DNS name does not; use a name, or AnyHost for requests to an address`,
			`[chart/gateway] Servers[0].Hosts[1]: "shop/www.1" ends with a number, as an IP address does and a DNS name does not; use a name, or AnyHost for requests to an address`,
			`[chart/gateway] Servers[0].Hosts[2]: "::1" ` + notAHost,
			`[chart/gateway] Servers[0].Hosts[3]: "localhost" is a short name, which means nothing outside of a namespace; use a fully qualified one, for example "www.example.com"`,
			`[chart/gateway] Servers[0].Hosts[4]: "shop/localhost" is a short name, which means nothing outside of a namespace; use a fully qualified one, for example "www.example.com"`,
			`[chart/gateway] Servers[0].Hosts[5]: "A/www.example.com" does not begin with a namespace; put its name before the '/', '.' for the gateway's own, or '*' for all`,
			`[chart/gateway] Servers[0].Hosts[6]: "/www.example.com" does not begin with a namespace; put its name before the '/', '.' for the gateway's own, or '*' for all`,
			`[chart/gateway] Servers[0].Hosts[7]: "shop/" ` + notAHost,
			`[chart/gateway] Servers[0].Hosts[8]: "a/b/www.example.com" ` + notAHost,
			`[chart/gateway] Servers[0].Hosts[9]: "` + strings.Repeat("a", 64) + `.example.com" has a label that is longer than DNS allows, 63 characters; shorten it`,
			`[chart/gateway] Servers[0].Hosts[11]: "www.example.com" is there twice; leave out one of them`,
		}},
		"name that is taken": {gateway(mesh.IstioGatewayProps{Name: "door", Servers: []mesh.GatewayServer{
			{Port: 80, Name: "web", Hosts: hosts}, {Port: 81, Name: "web", Hosts: hosts},
		}}), []string{
			`[chart/gateway] Servers[1].Name: "web" is already taken by Servers[0]; give each its own`,
		}},
		"protocols on one port": {gateway(mesh.IstioGatewayProps{Name: "door", Servers: []mesh.GatewayServer{
			{Port: 80, Hosts: hosts}, {Port: 80, Protocol: mesh.GatewayTCP, Hosts: []string{infra.AnyHost}}, {Port: 80, Protocol: mesh.GatewayGRPC, Hosts: []string{"grpc.example.com"}},
		}}), []string{
			`[chart/gateway] Servers[1].Protocol: "TCP" cannot share port 80 with the HTTP of Servers[0], since only HTTP, HTTP2 and GRPC can be told apart by the host, and HTTPS and TLS by SNI; use another port`,
			`[chart/gateway] Servers[2].Protocol: "GRPC" cannot share port 80 with the TCP of Servers[1], since only HTTP, HTTP2 and GRPC can be told apart by the host, and HTTPS and TLS by SNI; use another port`,
		}},
		"one name of several namespaces": {gateway(mesh.IstioGatewayProps{Name: "door", Servers: []mesh.GatewayServer{
			{Port: 80, Hosts: []string{"a/www.example.com"}}, {Port: 80, Hosts: []string{"b/www.example.com"}},
			{Port: 443, Protocol: mesh.GatewayTLS, TLSMode: mesh.TLSPassthrough, Hosts: []string{"a/www.example.com"}},
			{Port: 443, Protocol: mesh.GatewayTLS, TLSMode: mesh.TLSPassthrough, Hosts: []string{"b/www.example.com"}},
		}}), []string{
			`[chart/gateway] Servers[3].Hosts[0]: "b/www.example.com" is served on port 443 by Servers[2] already, as "a/www.example.com"; leave out one of them`,
		}},
		"certificate without HTTP": {func(chart cdk8s.Chart) {
			gateway(mesh.IstioGatewayProps{Name: "door", Certificate: certificate(chart), Servers: []mesh.GatewayServer{
				{Port: 80, Protocol: mesh.GatewayTCP, Hosts: []string{infra.AnyHost}},
			}})(chart)
		}, []string{
			`[chart/gateway] Certificate: "door-tls" adds HTTPS for the hosts of HTTP servers, of which there is none; set the Certificate of a server of HTTPS instead`,
		}},
		"certificate for a host that has one": {func(chart cdk8s.Chart) {
			secret := certificate(chart)
			gateway(mesh.IstioGatewayProps{Name: "door", Certificate: secret, Servers: []mesh.GatewayServer{
				{Port: 80, Hosts: []string{"www.example.com", "cart.example.com"}},
				{Port: 443, Protocol: mesh.GatewayHTTPS, Hosts: hosts, Certificate: secret},
			}})(chart)
		}, []string{
			`[chart/gateway] Certificate: "door-tls" adds a server of HTTPS on port 443 for "www.example.com", which Servers[1] serves there already; leave it out, or the host there`,
		}},
		"certificate on a port that is taken": {func(chart cdk8s.Chart) {
			gateway(mesh.IstioGatewayProps{Name: "door", Certificate: certificate(chart), Servers: []mesh.GatewayServer{
				{Port: 443, Hosts: []string{"http://x"}},
			}})(chart)
		}, []string{
			`[chart/gateway] Servers[0].Hosts[0]: "http://x" ` + notAHost,
			`[chart/gateway] Certificate: "door-tls" adds a server of HTTPS on port 443, which it cannot share with the HTTP of Servers[0]; use another port there`,
		}},
		"certificate without its keys": {func(chart cdk8s.Chart) {
			secret := infra.NewCredentials(chart, "secret", infra.CredentialsProps{Name: "secret", Existing: true, Keys: []string{"cert"}})
			gateway(mesh.IstioGatewayProps{Name: "door", Certificate: secret, Servers: []mesh.GatewayServer{{Port: 80, Hosts: hosts}}})(chart)
		}, []string{
			`[chart/gateway] Certificate: "tls.crt" is not a key of Secret secret; use cert`,
			`[chart/gateway] Certificate: "tls.key" is not a key of Secret secret; use cert`,
		}},
		"clients' authorities": {func(chart cdk8s.Chart) {
			existing := func(name string, keys ...string) *infra.Credentials {
				return infra.NewCredentials(chart, name, infra.CredentialsProps{Name: name, Existing: true, Keys: keys})
			}
			secret := existing("door", "tls.crt", "tls.key")
			server := func(port int32, mode mesh.GatewayTLSMode, ca *infra.Credentials) mesh.GatewayServer {
				return mesh.GatewayServer{Port: port, Protocol: mesh.GatewayHTTPS, Hosts: hosts, TLSMode: mode, Certificate: secret, ClientCA: ca}
			}
			gateway(mesh.IstioGatewayProps{Name: "door", Servers: []mesh.GatewayServer{
				server(443, mesh.TLSMutual, nil),
				server(444, mesh.TLSMutual, existing("door-cacert", "cacert")),
				server(445, mesh.TLSTerminate, existing("door2-cacert", "ca.crt")),
				server(446, mesh.TLSMutual, existing("authorities", "pem")),
			}})(chart)
		}, []string{
			`[chart/gateway] Servers[0].Certificate: "door" has no key ca.crt, by which TLSMutual checks the clients' certificates; add it, or give a ClientCA`,
			`[chart/gateway] Servers[2].ClientCA: "door2-cacert" has a meaning for TLSMutual alone; leave it out, or change TLSMode`,
			`[chart/gateway] Servers[3].ClientCA: "authorities" is not where Istio looks; call the Secret "door-cacert", after the Certificate`,
			`[chart/gateway] Servers[3].ClientCA: "authorities" has no key ca.crt; put the certificates of the authorities there`,
		}},
		"clients' authorities in another namespace": {func(chart cdk8s.Chart) {
			secret := func(namespace, name string, keys ...string) *infra.Credentials {
				values := map[string]infra.Sensitive{}
				for _, key := range keys {
					values[key] = "x"
				}
				return infra.NewCredentials(inNamespace(chart, namespace), name, infra.CredentialsProps{Name: name, Values: values})
			}
			gateway(mesh.IstioGatewayProps{Name: "door", Servers: []mesh.GatewayServer{{
				Port: 443, Protocol: mesh.GatewayHTTPS, Hosts: hosts, TLSMode: mesh.TLSMutual,
				Certificate: secret("edge", "door", "tls.crt", "tls.key"), ClientCA: secret("other", "door-cacert", "ca.crt"),
			}}})(chart)
		}, []string{
			`[chart/gateway] Servers[0].ClientCA: "door-cacert" is a Secret in namespace "other", and cannot be referred to from namespace "edge"; put both into charts of one Namespace`,
		}},
		"host of another namespace": {doorOf("edge/www.example.com", "./*.example.com"), []string{
			`[chart/shop/canary] Hosts[0]: "www.example.com" is not open to namespace "shop" in Gateways[0], door; add the host "shop/www.example.com" to a server there`,
		}},
		"host of a namespace for nobody": {doorOf("shop/cart.example.com"), []string{
			`[chart/shop/canary] Gateways[0]: "door" has no server for HTTP requests for any of Hosts; add one there, or leave the gateway out`,
			`[chart/shop/canary] Hosts[0]: "www.example.com" is served by none of Gateways; add it to a server of one, or leave it out`,
		}},
		"TLS": {func(chart cdk8s.Chart) {
			password := infra.NewCredentials(chart, "password", infra.CredentialsProps{Name: "password", Values: map[string]infra.Sensitive{"tls.crt": "x"}})
			gateway(mesh.IstioGatewayProps{Name: "door", Servers: []mesh.GatewayServer{
				{Port: 80, Hosts: hosts, TLSMode: mesh.TLSTerminate, Certificate: password},
				{Port: 443, Protocol: mesh.GatewayHTTPS, Hosts: hosts, RedirectToHTTPS: true},
				{Port: 444, Protocol: mesh.GatewayHTTPS, Hosts: hosts, Certificate: password},
				{Port: 445, Protocol: mesh.GatewayTLS, Hosts: hosts, Certificate: password, TLSMode: mesh.TLSPassthrough},
			}})(chart)
		}, []string{
			`[chart/gateway] Servers[0].TLSMode: "SIMPLE" has a meaning for HTTPS and TLS alone; leave it out, or change Protocol`,
			`[chart/gateway] Servers[0].Certificate: "password" has a meaning for HTTPS and TLS alone; leave it out, or change Protocol`,
			`[chart/gateway] Servers[1].RedirectToHTTPS: true has a meaning for HTTP alone; leave it out`,
			`[chart/gateway] Servers[1].Certificate: is not set; give Credentials with the keys tls.crt and tls.key`,
			`[chart/gateway] Servers[2].Certificate: "tls.key" is not a key of Secret password; use tls.crt`,
			`[chart/gateway] Servers[3].Certificate: "password" is not used by TLSPassthrough, where the service ends TLS; leave it out`,
		}},
	}.Run(t)
}
