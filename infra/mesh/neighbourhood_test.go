package mesh_test

import (
	"testing"

	"github.com/cdk8s-team/cdk8s-core-go/cdk8s/v2"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	networkingv1 "istio.io/client-go/pkg/apis/networking/v1"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/crossoverJie/k8s-combat/imports/tree"
	"github.com/crossoverJie/k8s-combat/imports/tree/native"
	"github.com/crossoverJie/k8s-combat/infra"
	"github.com/crossoverJie/k8s-combat/infra/internal/synthtest"
	"github.com/crossoverJie/k8s-combat/infra/mesh"
	"github.com/crossoverJie/k8s-combat/infra/pod"
)

// inNamespace makes a chart of a namespace below another.
func inNamespace(chart cdk8s.Chart, namespace string) cdk8s.Chart {
	return tree.NewChart(chart, "in-"+namespace, tree.ChartProps{Namespace: namespace})
}

// cart is a Service of the parts' pods, with these ports.
func cart(parts meshParts, name string, ports ...infra.ServicePort) *infra.Service {
	return infra.NewService(parts.chart, "service-"+name, infra.ServiceProps{
		Name: name, Selector: map[string]string{"service": "cart"}, Ports: ports,
	})
}

func TestIstioCanaryAndItsSurroundingsBadInput(t *testing.T) {
	t.Parallel()
	another := func(parts meshParts, props mesh.IstioCanaryProps, change func(*mesh.IstioCanaryProps)) {
		change(&props)
		mesh.NewIstioCanary(parts.chart, "first", props)
	}
	synthtest.BadInput{
		"namespaces": {func(chart cdk8s.Chart) {
			parts := newMeshParts(chart)
			other := version(inNamespace(chart, "b"), "v3", nil)
			mesh.NewIstioCanary(inNamespace(chart, "a"), "canary", mesh.IstioCanaryProps{
				Name: "cart", Service: parts.service,
				Versions: []mesh.Version{{Name: "v1", Workload: parts.v1}, {Name: "v2", Workload: parts.v2}, {Name: "v3", Workload: other}},
				Rules:    []mesh.Rule{{To: []mesh.Destination{{Workload: parts.v1}}}},
			})
		}, []string{
			`[chart/in-a/canary] Name: "cart" is in namespace "a", Service cart in a namespace that kubectl chooses; put both into charts of one Namespace`,
			`[chart/in-a/canary] Versions[2].Workload: "cart-v3" is in namespace "b", Service cart in a namespace that kubectl chooses; put both into charts of one Namespace`,
		}},
		"a patched namespace": {canary(func(_ meshParts, props *mesh.IstioCanaryProps) {
			props.PatchDestinationRule = func(rule *networkingv1.DestinationRule) { rule.Namespace = "a" }
		}), []string{
			`[chart/canary] DestinationRuleName: "cart" is in namespace "a", Service cart in a namespace that kubectl chooses; put both into charts of one Namespace`,
		}},
		"two for one Service": {canary(func(parts meshParts, props *mesh.IstioCanaryProps) {
			another(parts, *props, func(first *mesh.IstioCanaryProps) { first.Name = "first" })
		}), []string{
			`[chart/canary] Service: "cart" has an IstioCanary already, chart/first, and Istio follows one DestinationRule for a host; put all rules into one of them`,
		}},
		"two for two Services of one name": {canary(func(parts meshParts, props *mesh.IstioCanaryProps) {
			another(parts, *props, func(first *mesh.IstioCanaryProps) {
				first.Name, first.Service = "first", cart(parts, "cart", infra.ServicePort{Port: 80, AppProtocol: "http"})
			})
		}), []string{
			`[chart/canary] Service: "cart" has an IstioCanary already, chart/first, and Istio follows one DestinationRule for a host; put all rules into one of them`,
		}},
		"two for one host": {canary(func(parts meshParts, props *mesh.IstioCanaryProps) {
			another(parts, *props, func(first *mesh.IstioCanaryProps) {
				first.Name, first.Service = "first", cart(parts, "basket", infra.ServicePort{Port: 80, AppProtocol: "http"})
				first.Hosts = []string{"*.example.com"}
			})
			props.Hosts = []string{"example.com", "shop.example.com"}
		}), []string{
			`[chart/canary] Hosts[1]: "shop.example.com" is routed inside the mesh by chart/first already, and Istio follows one VirtualService for a host; leave it out of one of them`,
		}},
		"hosts that overlap": {canary(func(_ meshParts, props *mesh.IstioCanaryProps) {
			props.Hosts = []string{"*.example.com", "example.com", "shop.example.com", "*.shop.example.com"}
		}), []string{
			`[chart/canary] Hosts[2]: "shop.example.com" has hosts in common with Hosts[0], "*.example.com", which Istio refuses; leave out one of them`,
			`[chart/canary] Hosts[3]: "*.shop.example.com" has hosts in common with Hosts[0], "*.example.com", which Istio refuses; leave out one of them`,
		}},
		"the Service's own host": {canary(func(_ meshParts, props *mesh.IstioCanaryProps) {
			props.Hosts = []string{"cart"}
		}), []string{
			`[chart/canary] Hosts[0]: "cart" is the Service's own name, which is there already; leave it out`,
		}},
		"one version label for two": {canary(func(parts meshParts, props *mesh.IstioCanaryProps) {
			same := version(parts.chart, "v3", func(p *infra.ProbedDeploymentProps) { p.Version = "v1" })
			props.Versions = append(props.Versions, mesh.Version{Name: "v3", Workload: same})
		}), []string{
			`[chart/canary] Versions[2].Workload.Version: "v1" is already taken by Versions[0]; give each its own`,
		}},
		"no port for rules": {canary(func(parts meshParts, props *mesh.IstioCanaryProps) {
			props.Service = cart(parts, "db", infra.ServicePort{Name: "mysql", Port: 3306}, infra.ServicePort{Name: "wss", Port: 443, AppProtocol: "kubernetes.io/wss"},
				infra.ServicePort{Name: "http", Port: 53, Protocol: pod.UDP})
		}), []string{
			`[chart/canary] Service: "db" speaks mysql and https and udp, to which no rule applies; give it a port that speaks http, http2, grpc or grpc-web`,
		}},
		"destination port without rules": {canary(func(parts meshParts, props *mesh.IstioCanaryProps) {
			props.Service = cart(parts, "db", infra.ServicePort{Name: "HTTP-Web", Port: 80}, infra.ServicePort{Name: "redis", Port: 6379})
			props.Rules[0].To[0].Port = "redis"
		}), []string{
			`[chart/service-db] Ports[0].Name: "HTTP-Web" is not an RFC 1123 label; use 1 to 63 lower-case letters, digits or '-', beginning and ending with a letter or digit`,
			`[chart/canary] Rules[0].To[0].Port: "redis" speaks redis, to which no rule applies; name a port that speaks http, http2, grpc or grpc-web`,
		}},
		"gateway that cannot be named": {func(chart cdk8s.Chart) {
			door := mesh.NewIstioGateway(chart, "gateway", mesh.IstioGatewayProps{
				Name: "door", Servers: []mesh.GatewayServer{{Port: 80, Hosts: []string{"www.example.com"}}},
			})
			canary(func(_ meshParts, props *mesh.IstioCanaryProps) {
				props.Gateways, props.Hosts = []*mesh.IstioGateway{door}, []string{"www.example.com"}
				props.Rules[0].To[0].Port = "web"
			})(inNamespace(chart, "shop"))
		}, []string{
			`[chart/in-shop/canary] Gateways[0]: "door" is in a namespace that kubectl chooses, so it cannot be named in full, as namespace "shop" has to; give its chart a Namespace`,
		}},
		"protocol that Istio does not know": {canary(func(parts meshParts, props *mesh.IstioCanaryProps) {
			props.Service = cart(parts, "web", infra.ServicePort{Name: "http", Port: 80, AppProtocol: "kubernetes.io/spdy"})
		}), []string{
			`[chart/canary] Service: "web" has a port whose protocol Istio cannot tell, Ports[0] "http"; set its AppProtocol, for example to "http", or begin its name with the protocol, as in "http-web"`,
		}},
	}.Run(t)
}

func TestIstioCanaryLooksAtItsOwnNamespaceAlone(t *testing.T) {
	t.Parallel()
	outdir := t.TempDir()
	app := native.NewApp(&cdk8s.AppProps{Outdir: &outdir})
	canary(func(parts meshParts, _ *mesh.IstioCanaryProps) {
		version(inNamespace(parts.chart, "other"), "v3", nil)
	})(tree.NewChart(app, "chart", tree.ChartProps{Namespace: "shop"}))
	assert.NoError(t, tree.Synth(app))
}

// cartIn builds a canary for a Service in a chart.
func cartIn(chart cdk8s.Chart, service *infra.Service, workload *infra.ProbedDeployment) {
	mesh.NewIstioCanary(chart, "canary", mesh.IstioCanaryProps{
		Name: "cart", Service: service, Versions: []mesh.Version{{Name: "v1", Workload: workload}},
		Rules: []mesh.Rule{{To: []mesh.Destination{{Workload: workload, Port: "http"}}}},
	})
}

func TestIstioCanaryInSeveralCharts(t *testing.T) {
	t.Parallel()
	labels := map[string]string{"service": "cart"}
	ports := []infra.ServicePort{{Name: "http", Port: 80}}
	services := func(chart cdk8s.Chart) *infra.Service {
		return infra.NewService(chart, "service", infra.ServiceProps{Name: "cart", Selector: labels, Ports: ports})
	}
	t.Run("two for one Service", func(t *testing.T) {
		t.Parallel()
		_, messages := synthtest.Synth(t, func(chart cdk8s.Chart) {
			one, other := tree.NewChart(chart, "one", tree.ChartProps{}), tree.NewChart(chart, "other", tree.ChartProps{})
			service, workload := services(one), version(one, "v1", nil)
			cartIn(other, service, workload)
			cartIn(one, service, workload)
		})
		assert.Equal(t, []string{
			`[chart/other/canary] Service: "cart" has an IstioCanary already, chart/one/canary, and Istio follows one DestinationRule for a host; put all rules into one of them`,
		}, messages)
	})
	t.Run("charts that are alternatives", func(t *testing.T) {
		t.Parallel()
		outdir := t.TempDir()
		app := native.NewApp(&cdk8s.AppProps{Outdir: &outdir})
		for _, id := range []string{"one", "other"} {
			chart := tree.NewChart(app, id, tree.ChartProps{})
			cartIn(chart, services(chart), version(chart, "v1", nil))
		}
		assert.NoError(t, tree.Synth(app))
	})
	t.Run("strangers beside the Service", func(t *testing.T) {
		t.Parallel()
		_, messages := synthtest.Synth(t, func(chart cdk8s.Chart) {
			one, other := tree.NewChart(chart, "one", tree.ChartProps{}), tree.NewChart(chart, "other", tree.ChartProps{})
			cartIn(other, services(one), version(one, "v1", nil))
			version(one, "v2", nil)
		})
		assert.Equal(t, []string{
			`[chart/other/canary] Service: "cart" selects the pods of cart-v2, which is not one of Versions; add it there, or change the Selector`,
		}, messages)
	})
}

// What stands after a Patch is what is checked and written.
func TestIstioCanaryReadsWhatPatchHasLeft(t *testing.T) {
	t.Parallel()
	patched := func(service func(*corev1.Service), workload func(*appsv1.Deployment)) func(cdk8s.Chart) {
		return func(chart cdk8s.Chart) {
			made := infra.NewService(chart, "service", infra.ServiceProps{
				Name: "cart", Selector: map[string]string{"service": "cart"}, Ports: []infra.ServicePort{{Name: "http", Port: 80}}, Patch: service,
			})
			cartIn(chart, made, version(chart, "v1", func(p *infra.ProbedDeploymentProps) { p.Patch = workload }))
		}
	}
	got := synthtest.Only[networkingv1.VirtualService](t, "VirtualService", patched(func(s *corev1.Service) { s.Spec.Ports[0].Port = 8080 }, nil))
	assert.EqualValues(t, 8080, got.Spec.Http[0].Route[0].Destination.Port.Number, "a port that was renumbered is followed")
	synthtest.BadInput{
		"protocol": {patched(func(s *corev1.Service) { s.Spec.Ports[0].AppProtocol = new("redis") }, nil), []string{
			`[chart/canary] Service: "cart" speaks redis, to which no rule applies; give it a port that speaks http, http2, grpc or grpc-web`,
			`[chart/canary] Rules[0].To[0].Port: "http" speaks redis, to which no rule applies; name a port that speaks http, http2, grpc or grpc-web`,
		}},
		"port": {patched(func(s *corev1.Service) { s.Spec.Ports[0].Name = "http-web" }, nil), []string{
			`[chart/canary] Rules[0].To[0].Port: Service cart has no port "http"; use "http-web"`,
		}},
		"selector of the Service": {patched(func(s *corev1.Service) { s.Spec.Selector = map[string]string{"app": "cart"} }, nil), []string{
			`[chart/canary] Versions[0].Workload: "cart-v1" has pods that Service cart does not select; give them the labels app=cart`,
		}},
		"label of the pods": {patched(nil, func(d *appsv1.Deployment) { delete(d.Spec.Template.Labels, "version") }), []string{
			`[chart/canary] Versions[0].Workload: "cart-v1" has pods without the label version, by which the mesh tells versions apart; set its Version`,
		}},
		"selector without labels": {patched(nil, func(d *appsv1.Deployment) { d.Spec.Selector = expressions() }), []string{
			`[chart/canary] Versions[0].Workload: "cart-v1" is not known by labels, by which alone Istio selects pods; use a workload whose selector has matchLabels`,
		}},
	}.Run(t)
}

// expressions is a selector of the pods of a workload of version, without matchLabels.
func expressions() *metav1.LabelSelector {
	return &metav1.LabelSelector{MatchExpressions: []metav1.LabelSelectorRequirement{{Key: "app", Operator: metav1.LabelSelectorOpExists}}}
}

func TestMeshNamespaceBadMembers(t *testing.T) {
	t.Parallel()
	member := func(version, port string) infra.WebServiceProps {
		return infra.WebServiceProps{
			Name: "web", Workload: infra.ProbedDeploymentProps{Image: "example.com/web:1", Version: version},
			Ports: []infra.ServicePort{{Name: port, Port: 80}},
		}
	}
	synthtest.BadInput{
		"neither version nor protocol": {func(chart cdk8s.Chart) {
			mesh.NewMeshNamespace(chart, "namespace", mesh.MeshNamespaceProps{Name: "shop"})
			infra.NewWebService(chart, "web", member("", "app"))
			infra.NewWebService(inNamespace(chart, "shop"), "web", member("", "app"))
			infra.NewWebService(inNamespace(chart, "other"), "web", member("", "app"))
			infra.NewService(chart, "db", infra.ServiceProps{Name: "db", Type: infra.ExternalName, ExternalName: "db.example.com"})
		}, []string{
			`[chart/namespace] Deployment: "chart/web/Deployment" has pods without the label version, by which the mesh tells versions apart; set its Version`,
			`[chart/namespace] Service: "chart/web/Service" has a port whose protocol Istio cannot tell, Ports[0] "app"; set its AppProtocol, for example to "http", or begin its name with the protocol, as in "http-web"`,
			`[chart/namespace] Deployment: "chart/in-shop/web/Deployment" has pods without the label version, by which the mesh tells versions apart; set its Version`,
			`[chart/namespace] Service: "chart/in-shop/web/Service" has a port whose protocol Istio cannot tell, Ports[0] "app"; set its AppProtocol, for example to "http", or begin its name with the protocol, as in "http-web"`,
		}},
	}.Run(t)
	_, messages := synthtest.Synth(t, func(chart cdk8s.Chart) {
		mesh.NewMeshNamespace(chart, "namespace", mesh.MeshNamespaceProps{Name: "shop"})
		infra.NewWebService(chart, "web", member("v1", "grpc-web"))
	})
	assert.Empty(t, messages)
}

// A second synth finds what was made after the first.
func TestIstioCanaryLooksAroundInEachSynth(t *testing.T) {
	t.Parallel()
	app := native.NewApp(nil)
	chart := tree.NewChart(app, "chart", tree.ChartProps{})
	canary(func(meshParts, *mesh.IstioCanaryProps) {})(chart)
	require.NotPanics(t, func() { app.SynthYaml() })
	version(chart, "v3", nil)
	assert.PanicsWithError(t, "Validation failed with the following errors:\n"+
		`  [chart/canary] Service: "cart" selects the pods of cart-v3, which is not one of Versions; add it there, or change the Selector`,
		func() { app.SynthYaml() })
}
