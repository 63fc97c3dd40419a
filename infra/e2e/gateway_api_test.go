package e2e

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/cdk8s-team/cdk8s-core-go/cdk8s/v2"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"

	"github.com/crossoverJie/k8s-combat/imports/tree"
	"github.com/crossoverJie/k8s-combat/infra"
)

// gatewayClass is Istio's own.
const gatewayClass = "istio"

// gatewayPodLabels let a namespace have the pods that Istio makes for a Gateway: they name no seccomp profile, which the
// restricted standard asks for.
var gatewayPodLabels = map[string]string{enforceLabel: "baseline"}

// TestGatewayAPI holds a HostRouting in the form of the Gateway API to its documentation: hosts and paths, TLS by host
// with one for all other hosts beside it, the redirect to HTTPS, and what is in other namespaces.
func TestGatewayAPI(t *testing.T) {
	needGateway(t) // whose Service has an address, as that of the Gateway will have
	needGatewayClass(t, gatewayClass)
	namespace, other := newNamespaceWith(t, "gateway-api", gatewayPodLabels), newNamespace(t, "gateway-api-other")
	named, plain, elsewhere := "named.example.com", "plain.example.com", "elsewhere.example.org"
	authority := newAuthority(t, "gateway-api")
	build := func(keepHTTP bool) func(app cdk8s.App) {
		return func(app cdk8s.App) {
			there := tree.NewChart(app, "there", tree.ChartProps{Namespace: other})
			distant := newEchoService(there, "distant")
			secret := func(chart cdk8s.Chart, name string, pair keyPair) *infra.Credentials {
				return infra.NewCredentials(chart, name, infra.CredentialsProps{Name: name, Type: "kubernetes.io/tls", Values: pair.secret()})
			}
			far := secret(there, "far", authority.issue(t, named, named))

			chart := tree.NewChart(app, "here", tree.ChartProps{Namespace: namespace})
			one, two, rest := newEchoService(chart, "one"), newEchoService(chart, "two"), newEchoService(chart, "rest")
			infra.NewHostRouting(chart, "routing", infra.HostRoutingProps{
				Name: "routing", Form: infra.GatewayAPI, Class: gatewayClass, KeepHTTP: keepHTTP,
				Hosts: []infra.Host{
					{Name: named, Paths: []infra.Path{
						{Path: "/common", Backend: one.Backend(echoPortName)},
						{Path: "/exact", Type: infra.PathExact, Backend: two.Backend(echoPortName)},
						{Path: "/distant", Backend: distant.Backend(echoPortName)},
					}},
					{Name: plain, Paths: []infra.Path{{Path: "/", Backend: two.Backend(echoPortName)}}},
					{Name: infra.AnyHost, Paths: []infra.Path{{Path: "/", Backend: rest.Backend(echoPortName)}}},
				},
				TLS: []infra.HostTLS{
					{Hosts: []string{named}, Certificate: far},
					{Hosts: []string{infra.AnyHost}, Certificate: secret(chart, "near", authority.issue(t, "near", elsewhere, plain))},
				},
			})
		}
	}
	applyApp(t, build(false))
	awaitDeployments(t, other)
	outside := door{gatewayAddress(t, namespace, "routing"), authority.client()}
	outside.await(t, "https://"+named+"/common")
	outside.await(t, "https://"+elsewhere+"/")

	https := map[string]string{
		named + "/common": "one", named + "/common/api": "one", named + "/commonplace": "", named + "/": "",
		named + "/exact": "two", named + "/exact/": "", named + "/distant/x": "distant",
		elsewhere + "/common": "rest",
	}
	for target, want := range https {
		assertEchoes(t, outside, "https://"+target, want)
	}
	assertEchoes(t, outside, "http://"+plain+"/x", "two")
	for _, target := range []string{named + "/common?a=b", named + "/", elsewhere + "/x"} {
		got := outside.get(t, "http://"+target, nil)
		assert.Equal(t, http.StatusMovedPermanently, got.status, target)
		assert.Equal(t, "https://"+target, got.header.Get("Location"))
	}

	// kubectl apply leaves what is in no manifest any more, as the routes that redirect are.
	kubectl(t, nil, "delete", "httproutes.gateway.networking.k8s.io", "--all", "--namespace", namespace)
	applyApp(t, build(true))
	outside.await(t, "http://"+named+"/common")
	outside.await(t, "http://"+elsewhere+"/")
	for target, want := range https {
		assertEchoes(t, outside, "https://"+target, want)
		assertEchoes(t, outside, "http://"+target, want)
	}
}

// gatewayAddress waits until the Gateway has pods, and returns an address that can be reached from here: the one of its
// Service's load balancer, or where it has none the Service's own.
func gatewayAddress(t *testing.T, namespace, name string) string {
	t.Helper()
	took := eventually(t, time.Minute, func() error {
		gateway, err := get[gatewayv1.Gateway](t.Context(), "gateway.gateway.networking.k8s.io", name, "--namespace", namespace)
		if err != nil {
			return err
		}
		for _, condition := range gateway.Status.Conditions {
			if condition.Type == string(gatewayv1.GatewayConditionProgrammed) && condition.Status == "True" {
				return nil
			}
		}
		return fmt.Errorf("Gateway %s is not programmed: %+v", name, gateway.Status.Conditions)
	})
	awaitDeployments(t, namespace)
	service, err := get[corev1.Service](t.Context(), "service", name+"-"+gatewayClass, "--namespace", namespace)
	require.NoError(t, err)
	address := balanced(service)
	if address == "" {
		address = service.Spec.ClusterIP
	}
	t.Logf("the Gateway is programmed after %s, at %s", took, address)
	return address
}
