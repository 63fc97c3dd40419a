package infra_test

import (
	"testing"

	"github.com/cdk8s-team/cdk8s-core-go/cdk8s/v2"
	"github.com/stretchr/testify/assert"
	networkingv1 "istio.io/client-go/pkg/apis/networking/v1"
	corev1 "k8s.io/api/core/v1"

	"github.com/crossoverJie/k8s-combat/infra"
)

func certificate(chart cdk8s.Chart) *infra.Credentials {
	return infra.NewCredentials(chart, "certificate", infra.CredentialsProps{Name: "door-tls", Existing: true, Type: "kubernetes.io/tls"})
}

func TestIstioGateway(t *testing.T) {
	t.Parallel()
	golden(t, "istio-gateway", func(chart cdk8s.Chart) {
		secret := certificate(chart)
		infra.NewIstioGateway(chart, "gateway", infra.IstioGatewayProps{
			Name:        "door",
			Selector:    map[string]string{"app": "door"},
			Labels:      map[string]string{"tier": "edge"},
			Annotations: map[string]string{"example.com/owner": "team"},
			Servers: []infra.GatewayServer{
				{Port: 80, Hosts: []string{infra.AnyHost}, RedirectToHTTPS: true},
				{Port: 443, Protocol: infra.GatewayHTTPS, Hosts: []string{"*.example.com"}, Certificate: secret},
				{Port: 8443, Name: "https-mutual", Protocol: infra.GatewayHTTPS, Hosts: []string{"m.example.com"}, TLSMode: infra.TLSMutual, Certificate: secret},
				{Port: 9443, Protocol: infra.GatewayTLS, Hosts: []string{"p.example.com"}, TLSMode: infra.TLSPassthrough},
			},
			Patch: func(g *networkingv1.Gateway) { g.Spec.Servers[0].Bind = "0.0.0.0" },
		})
	})
}

func TestIstioGatewayHTTPSByOneField(t *testing.T) {
	t.Parallel()
	got := only[networkingv1.Gateway](t, "Gateway", func(chart cdk8s.Chart) {
		infra.NewIstioGateway(chart, "gateway", infra.IstioGatewayProps{
			Name:        "door",
			Servers:     []infra.GatewayServer{{Port: 80, Hosts: []string{"www.example.com"}}},
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

func TestIstioGatewayBadInput(t *testing.T) {
	t.Parallel()
	gateway := func(props infra.IstioGatewayProps) func(cdk8s.Chart) {
		return func(chart cdk8s.Chart) { infra.NewIstioGateway(chart, "gateway", props) }
	}
	hosts := []string{"www.example.com"}
	badInput{
		"nothing": {gateway(infra.IstioGatewayProps{Selector: map[string]string{}}), []string{
			`[chart/gateway] Name: is not set; give the object a name, for example "web"`,
			`[chart/gateway] Selector: is not set; give the labels of the gateway's pods, or leave it nil for istio: ingressgateway`,
			`[chart/gateway] Servers: is not set; give at least one server`,
		}},
		"servers": {gateway(infra.IstioGatewayProps{Name: "door", Servers: []infra.GatewayServer{
			{Port: 0, Protocol: "FTP"}, {Port: 80, Hosts: []string{"http://x"}}, {Port: 81, Hosts: hosts}, {Port: 81, Hosts: hosts}, {Port: 82, Name: "A", Hosts: hosts},
		}}), []string{
			`[chart/gateway] Servers[0].Port: 0 is not a port; use 1 to 65535`,
			`[chart/gateway] Servers[0].Protocol: "FTP" is not known; use HTTP, HTTPS, HTTP2, GRPC, TCP or TLS`,
			`[chart/gateway] Servers[0].Hosts: is not set; name the hosts that are served, for example "www.example.com", or AnyHost for all`,
			`[chart/gateway] Servers[1].Hosts[0]: "http://x" is not a host name; use lower-case letters, digits, '-' and '.', the first label may be '*', without scheme, port and path, for example "www.example.com"`,
			`[chart/gateway] Servers[3].Hosts[0]: "81/TCP www.example.com" is already taken by Servers[2]; give each its own`,
			`[chart/gateway] Servers[3].Name: "http-81" is already taken by Servers[2]; give each its own`,
			`[chart/gateway] Servers[4].Name: "A" is not an RFC 1123 label; use 1 to 63 lower-case letters, digits or '-', beginning and ending with a letter or digit`,
		}},
		"TLS": {func(chart cdk8s.Chart) {
			password := infra.NewCredentials(chart, "password", infra.CredentialsProps{Name: "password", Values: map[string]infra.Sensitive{"tls.crt": "x"}})
			gateway(infra.IstioGatewayProps{Name: "door", Servers: []infra.GatewayServer{
				{Port: 80, Hosts: hosts, TLSMode: infra.TLSTerminate, Certificate: password},
				{Port: 443, Protocol: infra.GatewayHTTPS, Hosts: hosts, RedirectToHTTPS: true},
				{Port: 444, Protocol: infra.GatewayHTTPS, Hosts: hosts, Certificate: password},
				{Port: 445, Protocol: infra.GatewayTLS, Hosts: hosts, Certificate: password, TLSMode: infra.TLSPassthrough},
			}})(chart)
		}, []string{
			`[chart/gateway] Servers[0].TLSMode: "SIMPLE" has a meaning for HTTPS and TLS alone; leave it out, or change Protocol`,
			`[chart/gateway] Servers[0].Certificate: "password" has a meaning for HTTPS and TLS alone; leave it out, or change Protocol`,
			`[chart/gateway] Servers[1].RedirectToHTTPS: true has a meaning for HTTP alone; leave it out`,
			`[chart/gateway] Servers[1].Certificate: is not set; give Credentials with the keys tls.crt and tls.key`,
			`[chart/gateway] Servers[2].Certificate: "tls.key" is not a key of Secret password; use tls.crt`,
			`[chart/gateway] Servers[3].Certificate: "password" is not used by TLSPassthrough, where the service ends TLS; leave it out`,
		}},
	}.run(t)
}

func TestMeshNamespace(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		props infra.MeshNamespaceProps
		want  map[string]string
	}{
		"sidecar":    {infra.MeshNamespaceProps{}, map[string]string{"istio-injection": "enabled"}},
		"revision":   {infra.MeshNamespaceProps{Revision: "canary"}, map[string]string{"istio.io/rev": "canary"}},
		"ambient":    {infra.MeshNamespaceProps{Mode: infra.Ambient}, map[string]string{"istio.io/dataplane-mode": "ambient"}},
		"own labels": {infra.MeshNamespaceProps{Labels: map[string]string{"team": "a"}}, map[string]string{"istio-injection": "enabled", "team": "a"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := only[corev1.Namespace](t, "Namespace", func(chart cdk8s.Chart) {
				props := test.props
				props.Name = "shop"
				assert.Equal(t, "shop", infra.NewMeshNamespace(chart, "namespace", props).Name())
			})
			assert.Equal(t, test.want, got.Labels)
		})
	}
}

func TestMeshNamespaceBadInput(t *testing.T) {
	t.Parallel()
	badInput{
		"sidecars in ambient mode": {func(chart cdk8s.Chart) {
			infra.NewMeshNamespace(chart, "namespace", infra.MeshNamespaceProps{Name: "shop", Mode: infra.Ambient, Revision: "canary"})
		}, []string{
			`[chart/namespace] Revision: "canary" makes Istio inject sidecars, which Ambient is without; leave out one of them`,
		}},
		"everything": {func(chart cdk8s.Chart) {
			infra.NewMeshNamespace(chart, "namespace", infra.MeshNamespaceProps{
				Name: "A", Mode: "None", Revision: "1.2", Labels: map[string]string{"istio-injection": "disabled"},
			})
		}, []string{
			`[chart/namespace] Name: "A" is not an RFC 1123 label; use 1 to 63 lower-case letters, digits or '-', beginning and ending with a letter or digit`,
			`[chart/namespace] Mode: "None" is not known; use Sidecar or Ambient`,
			`[chart/namespace] Revision: "1.2" is not an RFC 1123 label; use 1 to 63 lower-case letters, digits or '-', beginning and ending with a letter or digit`,
			`[chart/namespace] Labels["istio-injection"]: "disabled" is set by Mode and Revision; leave it out`,
		}},
	}.run(t)
}
