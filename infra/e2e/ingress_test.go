package e2e

import (
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/cdk8s-team/cdk8s-core-go/cdk8s/v2"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/crossoverJie/k8s-combat/app/contract"
	"github.com/crossoverJie/k8s-combat/imports/tree"
	"github.com/crossoverJie/k8s-combat/infra"
)

// ingressClass is the one that chapter 03 names.
const ingressClass = "nginx"

// TestIngress: through the controller that serves its class, the host names of chapter 03 lead to the two Services, and
// both pods of each answer in turn.
func TestIngress(t *testing.T) {
	outside := door{address: needGateway(t)}
	needIngressClass(t, ingressClass)
	namespace := newNamespace(t, "ingress")
	run(t, namespace, "03-ingress")
	for host, service := range map[string]string{"www.service1.io": provider, "www.service2.io": provider + "-2"} {
		outside.await(t, "http://"+host+contract.PathPing)
		awaitEndpoints(t, namespace, service, 2)
		pods, err := endpoints(t, namespace, service)
		require.NoError(t, err)
		const calls = 50
		answers := map[string]int{}
		for range calls {
			got := outside.get(t, "http://"+host+contract.PathRoot, nil)
			require.Equal(t, http.StatusOK, got.status, got.body)
			// The PG_URL behind the pod's name is not set.
			answers[strings.TrimSuffix(got.body, "-")]++
		}
		assert.Equal(t, pods, slices.Sorted(maps.Keys(answers)), "who answers for %s", host)
		t.Logf("%s: %v", host, answers)
	}
	assert.Equal(t, notFound, outside.get(t, "http://www.service3.io"+contract.PathPing, nil).status, "a host that is not named")
}

// TestIngressRouting: an Ingress routes by host and path, its prefixes stand for whole elements,
// and HTTPS has the certificate of its Secret.
func TestIngressRouting(t *testing.T) {
	address := needGateway(t)
	needIngressClass(t, ingressClass)
	namespace := newNamespace(t, "ingress-paths")
	host := "www." + namespace + ".example.com"
	authority := newAuthority(t, "ingress")
	applyApp(t, func(app cdk8s.App) {
		chart := tree.NewChart(app, "ingress", tree.ChartProps{Namespace: namespace})
		// Istio looks for it beside its gateway's pods, and not beside the Ingress as other controllers do.
		secret := infra.CredentialsProps{
			Name: namespace + "-certificate", Type: "kubernetes.io/tls", Values: authority.issue(t, host, host).secret(), Labels: ownLabels,
		}
		infra.NewCredentials(tree.NewChart(app, "secret", tree.ChartProps{Namespace: istioNamespace}), "certificate", secret)
		certificate := infra.NewCredentials(chart, "certificate", infra.CredentialsProps{Name: secret.Name, Type: secret.Type, Existing: true})
		one, two := newEchoService(chart, "one"), newEchoService(chart, "two")
		infra.NewHostRouting(chart, "routing", infra.HostRoutingProps{
			Name: "routing", Class: ingressClass,
			Hosts: []infra.Host{
				{Name: host, Paths: []infra.Path{
					{Path: "/common", Backend: one.Backend(echoPortName)},
					{Path: "/exact", Type: infra.PathExact, Backend: two.Backend(echoPortName)},
				}},
				{Name: "*.wild." + host, Paths: []infra.Path{{Path: "/", Backend: two.Backend(echoPortName)}}},
			},
			TLS: []infra.HostTLS{{Hosts: []string{host}, Certificate: certificate}},
		})
	})
	awaitDeployments(t, namespace)
	outside := door{address, authority.client()}
	outside.await(t, "http://"+host+"/common")
	outside.await(t, "https://"+host+"/common")
	assertEchoes(t, outside, "https://"+host+"/exact", "two")
	assertEchoes(t, outside, "https://"+host+"/commonplace", "")
	for target, want := range map[string]string{
		host + "/common": "one", host + "/common/": "one", host + "/common/api": "one", host + "/commonplace": "",
		host + "/exact": "two", host + "/exact/": "", host + "/": "",
		"a.wild." + host + "/x": "two", "wild." + host + "/x": "",
	} {
		assertEchoes(t, outside, "http://"+target, want)
	}
}
