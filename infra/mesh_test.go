package infra_test

import (
	"testing"

	"github.com/cdk8s-team/cdk8s-core-go/cdk8s/v2"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	networkingv1 "istio.io/client-go/pkg/apis/networking/v1"

	"github.com/crossoverJie/k8s-combat/imports/tree"
	"github.com/crossoverJie/k8s-combat/imports/tree/native"
	"github.com/crossoverJie/k8s-combat/infra"
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
	another := func(parts meshParts, props infra.IstioCanaryProps, change func(*infra.IstioCanaryProps)) {
		change(&props)
		infra.NewIstioCanary(parts.chart, "first", props)
	}
	badInput{
		"namespaces": {func(chart cdk8s.Chart) {
			parts := newMeshParts(chart)
			other := version(inNamespace(chart, "b"), "v3", nil)
			infra.NewIstioCanary(inNamespace(chart, "a"), "canary", infra.IstioCanaryProps{
				Name: "cart", Service: parts.service,
				Versions: []infra.Version{{Name: "v1", Workload: parts.v1}, {Name: "v2", Workload: parts.v2}, {Name: "v3", Workload: other}},
				Rules:    []infra.Rule{{To: []infra.Destination{{Workload: parts.v1}}}},
			})
		}, []string{
			`[chart/in-a/canary] Name: "cart" is in namespace "a", Service cart in a namespace that kubectl chooses; put both into charts of one Namespace`,
			`[chart/in-a/canary] Versions[2].Workload: "cart-v3" is in namespace "b", Service cart in a namespace that kubectl chooses; put both into charts of one Namespace`,
		}},
		"a patched namespace": {canary(func(_ meshParts, props *infra.IstioCanaryProps) {
			props.PatchDestinationRule = func(rule *networkingv1.DestinationRule) { rule.Namespace = "a" }
		}), []string{
			`[chart/canary] DestinationRuleName: "cart" is in namespace "a", Service cart in a namespace that kubectl chooses; put both into charts of one Namespace`,
		}},
		"two for one Service": {canary(func(parts meshParts, props *infra.IstioCanaryProps) {
			another(parts, *props, func(first *infra.IstioCanaryProps) { first.Name = "first" })
		}), []string{
			`[chart/canary] Service: "cart" has an IstioCanary already, chart/first, and Istio follows one DestinationRule for a host; put all rules into one of them`,
		}},
		"two for two Services of one name": {canary(func(parts meshParts, props *infra.IstioCanaryProps) {
			another(parts, *props, func(first *infra.IstioCanaryProps) {
				first.Name, first.Service = "first", cart(parts, "cart", infra.ServicePort{Port: 80, AppProtocol: "http"})
			})
		}), []string{
			`[chart/canary] Service: "cart" has an IstioCanary already, chart/first, and Istio follows one DestinationRule for a host; put all rules into one of them`,
		}},
		"two for one host": {canary(func(parts meshParts, props *infra.IstioCanaryProps) {
			another(parts, *props, func(first *infra.IstioCanaryProps) {
				first.Name, first.Service = "first", cart(parts, "basket", infra.ServicePort{Port: 80, AppProtocol: "http"})
				first.Hosts = []string{"*.example.com"}
			})
			props.Hosts = []string{"example.com", "shop.example.com"}
		}), []string{
			`[chart/canary] Hosts[1]: "shop.example.com" is routed inside the mesh by chart/first already, and Istio follows one VirtualService for a host; leave it out of one of them`,
		}},
		"hosts that overlap": {canary(func(_ meshParts, props *infra.IstioCanaryProps) {
			props.Hosts = []string{"*.example.com", "example.com", "shop.example.com", "*.shop.example.com"}
		}), []string{
			`[chart/canary] Hosts[2]: "shop.example.com" has hosts in common with Hosts[0], "*.example.com", which Istio refuses; leave out one of them`,
			`[chart/canary] Hosts[3]: "*.shop.example.com" has hosts in common with Hosts[0], "*.example.com", which Istio refuses; leave out one of them`,
		}},
		"the Service's own host": {canary(func(_ meshParts, props *infra.IstioCanaryProps) {
			props.Hosts = []string{"cart"}
		}), []string{
			`[chart/canary] Hosts[0]: "cart" is the Service's own name, which is there already; leave it out`,
		}},
		"one version label for two": {canary(func(parts meshParts, props *infra.IstioCanaryProps) {
			same := version(parts.chart, "v3", func(p *infra.ProbedDeploymentProps) { p.Version = "v1" })
			props.Versions = append(props.Versions, infra.Version{Name: "v3", Workload: same})
		}), []string{
			`[chart/canary] Versions[2].Workload.Version: "v1" is already taken by Versions[0]; give each its own`,
		}},
		"no port for rules": {canary(func(parts meshParts, props *infra.IstioCanaryProps) {
			props.Service = cart(parts, "db", infra.ServicePort{Name: "mysql", Port: 3306}, infra.ServicePort{Name: "wss", Port: 443, AppProtocol: "kubernetes.io/wss"},
				infra.ServicePort{Name: "http", Port: 53, Protocol: infra.UDP})
		}), []string{
			`[chart/canary] Service: "db" speaks mysql and https and udp, to which no rule applies; give it a port that speaks http, http2, grpc or grpc-web`,
		}},
		"destination port without rules": {canary(func(parts meshParts, props *infra.IstioCanaryProps) {
			props.Service = cart(parts, "db", infra.ServicePort{Name: "HTTP-Web", Port: 80}, infra.ServicePort{Name: "redis", Port: 6379})
			props.Rules[0].To[0].Port = "redis"
		}), []string{
			`[chart/service-db] Ports[0].Name: "HTTP-Web" is not an RFC 1123 label; use 1 to 63 lower-case letters, digits or '-', beginning and ending with a letter or digit`,
			`[chart/canary] Rules[0].To[0].Port: "redis" speaks redis, to which no rule applies; name a port that speaks http, http2, grpc or grpc-web`,
		}},
		"protocol that Istio does not know": {canary(func(parts meshParts, props *infra.IstioCanaryProps) {
			props.Service = cart(parts, "web", infra.ServicePort{Name: "http", Port: 80, AppProtocol: "kubernetes.io/spdy"})
		}), []string{
			`[chart/canary] Service: "web" has a port whose protocol Istio cannot tell, Ports[0] "http"; set its AppProtocol, for example to "http", or begin its name with the protocol, as in "http-web"`,
		}},
	}.run(t)
}

func TestIstioCanaryLooksAtItsOwnNamespaceAlone(t *testing.T) {
	t.Parallel()
	app := tree.NewChart(native.NewApp(nil), "app", tree.ChartProps{Namespace: "shop"})
	canary(func(parts meshParts, _ *infra.IstioCanaryProps) {
		version(inNamespace(parts.chart, "other"), "v3", nil)
	})(app)
	assert.Empty(t, *app.Node().Validate())
}

func TestMeshNamespaceBadMembers(t *testing.T) {
	t.Parallel()
	member := func(version, port string) infra.WebServiceProps {
		return infra.WebServiceProps{
			Name: "web", Workload: infra.ProbedDeploymentProps{Image: "example.com/web:1", Version: version},
			Ports: []infra.ServicePort{{Name: port, Port: 80}},
		}
	}
	badInput{
		"neither version nor protocol": {func(chart cdk8s.Chart) {
			infra.NewMeshNamespace(chart, "namespace", infra.MeshNamespaceProps{Name: "shop"})
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
	}.run(t)
	_, messages := synth(t, func(chart cdk8s.Chart) {
		infra.NewMeshNamespace(chart, "namespace", infra.MeshNamespaceProps{Name: "shop"})
		infra.NewWebService(chart, "web", member("v1", "grpc-web"))
	})
	assert.Empty(t, messages)
}

// A second synth finds what was made after the first.
func TestIstioCanaryLooksAroundInEachSynth(t *testing.T) {
	t.Parallel()
	app := native.NewApp(nil)
	chart := tree.NewChart(app, "chart", tree.ChartProps{})
	canary(func(meshParts, *infra.IstioCanaryProps) {})(chart)
	require.NotPanics(t, func() { app.SynthYaml() })
	version(chart, "v3", nil)
	assert.PanicsWithError(t, "Validation failed with the following errors:\n"+
		`  [chart/canary] Service: "cart" selects the pods of cart-v3, which is not one of Versions; add it there, or change the Selector`,
		func() { app.SynthYaml() })
}
