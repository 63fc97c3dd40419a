package mesh_test

import (
	"testing"

	"github.com/cdk8s-team/cdk8s-core-go/cdk8s/v2"
	"github.com/stretchr/testify/assert"
	networking "istio.io/api/networking/v1alpha3"
	networkingv1 "istio.io/client-go/pkg/apis/networking/v1"

	"github.com/crossoverJie/k8s-combat/infra"
	"github.com/crossoverJie/k8s-combat/infra/internal/synthtest"
	"github.com/crossoverJie/k8s-combat/infra/mesh"
)

// patchedCanary is a canary of two subsets.
func patchedCanary(routes func(*networkingv1.VirtualService), rule func(*networkingv1.DestinationRule)) func(cdk8s.Chart) {
	return canary(func(_ meshParts, props *mesh.IstioCanaryProps) {
		props.Patch, props.PatchDestinationRule = routes, rule
	})
}

func TestPatchedMeshObjects(t *testing.T) {
	t.Parallel()
	_, messages := synthtest.Synth(t, patchedCanary(
		func(v *networkingv1.VirtualService) {
			to := v.Spec.Http[0].Route[0].Destination
			v.Spec.Http[0].Route = []*networking.HTTPRouteDestination{{Destination: &networking.Destination{Host: to.Host, Subset: "v9"}}}
			v.Spec.Http = append(v.Spec.Http,
				&networking.HTTPRoute{DirectResponse: &networking.HTTPDirectResponse{Status: 404}})
		},
		func(d *networkingv1.DestinationRule) {
			d.Spec.Subsets = append(d.Spec.Subsets, &networking.Subset{Name: "v9", Labels: map[string]string{"version": "v9"}})
		}))
	assert.Empty(t, messages)
}

func TestPatchedMeshObjectsBadInput(t *testing.T) {
	t.Parallel()
	gateway := func(patch func(*networkingv1.Gateway)) func(cdk8s.Chart) {
		return func(chart cdk8s.Chart) {
			mesh.NewIstioGateway(chart, "gateway", mesh.IstioGatewayProps{
				Name: "door", Servers: []mesh.GatewayServer{{Port: 80, Hosts: []string{infra.AnyHost}}}, Patch: patch,
			})
		}
	}
	synthtest.BadInput{
		"a subset that is not there": {patchedCanary(func(v *networkingv1.VirtualService) {
			v.Spec.Http[0].Route[0].Destination.Subset = "ghost"
			v.Spec.Http[0].Mirrors = []*networking.HTTPMirrorPolicy{
				{Destination: &networking.Destination{Host: v.Spec.Http[0].Route[0].Destination.Host, Subset: "shade"}},
			}
		}, nil), []string{
			`[chart/canary] Patch.spec.http[0].route[0].destination.subset: "ghost" is not a subset of the DestinationRule; use v1 or v2`,
			`[chart/canary] Patch.spec.http[0].mirrors[0].destination.subset: "shade" is not a subset of the DestinationRule; use v1 or v2`,
		}},
		"a subset that the other patch takes away": {patchedCanary(nil, func(d *networkingv1.DestinationRule) {
			d.Spec.Subsets = d.Spec.Subsets[1:]
		}), []string{
			`[chart/canary] Patch.spec.http[0].route[0].destination.subset: "v1" is not a subset of the DestinationRule; use v2`,
		}},
		"subsets": {patchedCanary(nil, func(d *networkingv1.DestinationRule) {
			d.Spec.Host = ""
			d.Spec.Subsets = append(d.Spec.Subsets, nil, &networking.Subset{Name: "v1", Labels: map[string]string{"a b": "c d"}})
		}), []string{
			`[chart/canary] PatchDestinationRule.spec.host: is not set; leave the host in place`,
			`[chart/canary] PatchDestinationRule.spec.subsets[2].name: is not set; name the subset`,
			`[chart/canary] PatchDestinationRule.spec.subsets[3].name: "v1" is already taken by PatchDestinationRule.spec.subsets[0]; give each its own`,
			`[chart/canary] PatchDestinationRule.spec.subsets[3].labels: "a b" is not a label or annotation key; use a name of at most 63 letters, digits, '-', '_' or '.', after an optional DNS prefix and '/'`,
			`[chart/canary] PatchDestinationRule.spec.subsets[3].labels["a b"]: "c d" is not a label value; use at most 63 letters, digits, '-', '_' or '.', beginning and ending with a letter or digit, or nothing`,
		}},
		"routes": {patchedCanary(func(v *networkingv1.VirtualService) {
			v.Spec.Hosts = nil
			v.Spec.Http = append(v.Spec.Http, nil, &networking.HTTPRoute{},
				&networking.HTTPRoute{Route: []*networking.HTTPRouteDestination{nil, {}}})
		}, nil), []string{
			`[chart/canary] Patch.spec.hosts: is not set; leave at least one host`,
			`[chart/canary] Patch.spec.http[1]: is not set; leave it out, or say where the requests go`,
			`[chart/canary] Patch.spec.http[2].route: is not set; say where the requests go, or use redirect, directResponse or delegate`,
			`[chart/canary] Patch.spec.http[3].route[0].destination.host: is not set; name the host that the requests go to`,
			`[chart/canary] Patch.spec.http[3].route[1].destination.host: is not set; name the host that the requests go to`,
			`[chart/canary] Patch.spec.http[3].route: 0 is the sum of the weights, so that no request goes anywhere; let one of them be more than 0`,
		}},
		"no servers": {gateway(func(g *networkingv1.Gateway) { g.Spec.Servers = nil }), []string{
			`[chart/gateway] Patch.spec.servers: is not set; leave at least one server`,
		}},
		"servers": {gateway(func(g *networkingv1.Gateway) {
			g.Spec.Servers[0].Port.Number, g.Spec.Servers[0].Hosts = 70000, nil
			g.Spec.Servers = append(g.Spec.Servers, nil, &networking.Server{Hosts: []string{"*"}})
		}), []string{
			`[chart/gateway] Patch.spec.servers[0].port.number: 70000 is not a port; use 1 to 65535`,
			`[chart/gateway] Patch.spec.servers[0].hosts: is not set; name the hosts that are served`,
			`[chart/gateway] Patch.spec.servers[1]: is not set; leave it out, or say where it listens`,
			`[chart/gateway] Patch.spec.servers[2].port: is not set; say where the server listens`,
		}},
	}.Run(t)
}
