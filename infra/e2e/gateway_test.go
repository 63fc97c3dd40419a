package e2e

import (
	"fmt"
	"net/http"
	"strconv"
	"testing"

	"github.com/cdk8s-team/cdk8s-core-go/cdk8s/v2"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/crossoverJie/k8s-combat/app/contract"
	"github.com/crossoverJie/k8s-combat/imports/tree"
	"github.com/crossoverJie/k8s-combat/infra"
	"github.com/crossoverJie/k8s-combat/infra/mesh"
)

// TestGateway: requests for the host of chapter 08 reach v1 through Istio's gateway, and those for any other nobody.
func TestGateway(t *testing.T) {
	outside := door{address: needGateway(t)}
	namespace := newNamespace(t, "gateway")
	run(t, namespace, "08-gateway")
	outside.await(t, "http://www.service1.io"+contract.PathPing)
	const calls = 50
	answers := map[string]int{}
	for range calls {
		got := outside.get(t, "http://www.service1.io"+contract.PathRoot, nil)
		require.Equal(t, http.StatusOK, got.status, got.body)
		// The pod's name stands before the PG_URL, which is not set.
		workload, err := deploymentOf(got.body)
		require.NoError(t, err)
		answers[workload]++
	}
	assert.Equal(t, map[string]int{v1: calls}, answers)
	assert.Equal(t, notFound, outside.get(t, "http://www.service2.io"+contract.PathPing, nil).status)
	t.Logf("%d requests from outside: %v", calls, answers)
}

// TestGatewayTLS has a gateway end TLS by the name of a Secret beside its own pods, send plain HTTP there, and ask
// clients for certificates.
func TestGatewayTLS(t *testing.T) {
	address := needGateway(t)
	namespace := newNamespace(t, "gateway-tls")
	secure, mutual, together := "secure."+namespace+".example.com", "mutual."+namespace+".example.com", "together."+namespace+".example.com"
	servers, clients, strangers := newAuthority(t, "servers"), newAuthority(t, "clients"), newAuthority(t, "strangers")
	applyApp(t, func(app cdk8s.App) {
		secrets := tree.NewChart(app, "secrets", tree.ChartProps{Namespace: istioNamespace})
		secret := func(name string, values map[string]infra.Sensitive) *infra.Credentials {
			props := infra.CredentialsProps{Name: namespace + "-" + name, Values: values, Labels: ownLabels}
			if _, pair := values["tls.key"]; pair {
				props.Type = "kubernetes.io/tls"
			}
			return infra.NewCredentials(secrets, name, props)
		}
		// One Secret holds both, the other two are side by side.
		both := servers.issue(t, together, together).secret()
		both["ca.crt"] = infra.Sensitive(clients.pem)

		chart := tree.NewChart(app, "gateway", tree.ChartProps{Namespace: namespace})
		v1 := newEcho(chart, "v1")
		service := infra.NewService(chart, "echo", infra.ServiceProps{Name: "echo", Selector: v1.Selector(), Ports: echoPorts})
		gateway := mesh.NewIstioGateway(chart, "door", mesh.IstioGatewayProps{
			Name: "door",
			Servers: []mesh.GatewayServer{
				{Port: 80, Hosts: []string{secure, mutual}, RedirectToHTTPS: true},
				{Port: 443, Protocol: mesh.GatewayHTTPS, Hosts: []string{secure}, Certificate: secret("secure", servers.issue(t, secure, secure).secret())},
				{
					Port: 443, Protocol: mesh.GatewayHTTPS, Hosts: []string{mutual}, TLSMode: mesh.TLSMutual,
					Certificate: secret("mutual", servers.issue(t, mutual, mutual).secret()),
					ClientCA:    secret("mutual-cacert", map[string]infra.Sensitive{"ca.crt": infra.Sensitive(clients.pem)}),
				},
				{Port: 443, Protocol: mesh.GatewayHTTPS, Hosts: []string{together}, TLSMode: mesh.TLSMutual, Certificate: secret("together", both)},
			},
		})
		mesh.NewIstioCanary(chart, "routes", mesh.IstioCanaryProps{
			Name: "routes", Service: service, Versions: []mesh.Version{{Name: "v1", Workload: v1}},
			Gateways: []*mesh.IstioGateway{gateway}, Hosts: []string{secure, mutual, together}, Rules: []mesh.Rule{{To: to(v1)}},
		})
	})
	awaitDeployments(t, namespace)
	plain := door{address, servers.client()}
	known := door{address, servers.clientWith(t, clients.issue(t, "known"))}
	unknown := door{address, servers.clientWith(t, strangers.issue(t, "unknown"))}
	plain.await(t, "https://"+secure+"/")
	known.await(t, "https://"+mutual+"/")
	known.await(t, "https://"+together+"/")

	t.Run("HTTPS", func(t *testing.T) {
		got := plain.get(t, "https://"+secure+"/path?a=b", nil)
		assert.Equal(t, "/path?a=b", got.echo.URI)
		assert.Equal(t, secure, got.echo.Host)
		assert.Equal(t, "https", got.echo.Header.Get("X-Forwarded-Proto"))
		_, err := door{address, strangers.client()}.try(t, http.MethodGet, "https://"+secure+"/", nil)
		assert.ErrorContains(t, err, "certificate", "the certificate is the one of the Secret")
	})
	t.Run("redirect", func(t *testing.T) {
		for _, host := range []string{secure, mutual} {
			got := plain.get(t, "http://"+host+"/path?a=b", nil)
			assert.Equal(t, http.StatusMovedPermanently, got.status)
			assert.Equal(t, "https://"+host+"/path?a=b", got.header.Get("Location"))
		}
	})
	t.Run("MUTUAL", func(t *testing.T) {
		for _, host := range []string{mutual, together} {
			assert.Equal(t, host, known.get(t, "https://"+host+"/", nil).echo.Host)
			for refusal, outside := range map[string]door{"certificate required": plain, "unknown certificate authority": unknown} {
				require.ErrorContains(t, outside.greeting(t, host), "remote error: tls: "+refusal)
			}
		}
	})
}

// TestNoRequestFailsInARollingRestartThroughTheGateway restarts all pods of chapter 10 three times while requests come
// through Istio's ingress gateway, as those of users do.
func TestNoRequestFailsInARollingRestartThroughTheGateway(t *testing.T) {
	outside := door{address: needGateway(t)}
	needIngressClass(t, ingressClass)
	namespace := newNamespace(t, "gateway-restart")
	run(t, namespace, "10-rollout")
	host := "www." + namespace + ".example.com"
	apply(t, namespace, func(chart cdk8s.Chart) {
		infra.NewHostRouting(chart, "door", infra.HostRoutingProps{
			Name: "door", Class: ingressClass,
			Hosts: []infra.Host{{Name: host, Paths: []infra.Path{{Path: "/", Backend: infra.ExistingBackend(provider, contract.HTTPPort)}}}},
		})
	})
	outside.await(t, "http://"+host+contract.PathPing)
	awaitEndpoints(t, namespace, provider, 2)
	load := startLoadOf(t, namespace, "load", 2, "-host", "istio-ingressgateway."+istioNamespace+":80", "-authority", host,
		"-rate", strconv.Itoa(loadRate))
	for i := range 3 {
		load.phase(t, fmt.Sprintf("restart %d", i+1), restart(t, namespace))
	}
	const calls = 30_000
	load.await(t, calls)
	load.stop(t, calls)
	assertNoRestarts(t, namespace)
}
