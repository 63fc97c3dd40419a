package mesh_test

import (
	"fmt"
	"time"

	"github.com/crossoverJie/k8s-combat/imports/tree"
	"github.com/crossoverJie/k8s-combat/imports/tree/native"
	"github.com/crossoverJie/k8s-combat/infra"
	"github.com/crossoverJie/k8s-combat/infra/internal/synthtest"
	"github.com/crossoverJie/k8s-combat/infra/mesh"
)

func Example() {
	app := native.NewApp(nil) // or cdk8s.NewApp(nil)
	chart := tree.NewChart(app, "shop", tree.ChartProps{Namespace: "shop"})
	mesh.NewMeshNamespace(chart, "namespace", mesh.MeshNamespaceProps{Name: "shop"})
	web := infra.NewWebService(chart, "web", infra.WebServiceProps{
		Name:     "web",
		Workload: infra.ProbedDeploymentProps{Image: "example.com/shop/web:1.4", Version: "v1"},
		Ports:    []infra.ServicePort{{Name: "http", Port: 80, TargetPort: 8080}},
	})
	mesh.NewIstioCanary(chart, "canary", mesh.IstioCanaryProps{
		Name:     "web",
		Service:  web.Service(),
		Versions: []mesh.Version{{Name: "v1", Workload: web.Deployment()}},
		Rules:    []mesh.Rule{{To: []mesh.Destination{{Workload: web.Deployment()}}, Timeout: 5 * time.Second}},
	})
	mesh.NewMeshSecurity(chart, "security", mesh.MeshSecurityProps{
		Name: "shop", WholeNamespace: true, MutualTLS: mesh.StrictMTLS,
	})
	synthtest.PrintNames(app)
	// Output:
	// Namespace shop
	// Service web
	// Deployment web
	// DestinationRule web
	// VirtualService web
	// PeerAuthentication shop
}

// A namespace without sidecars, whose requests pass a waypoint so that rules for requests apply.
func ExampleMeshNamespace() {
	app := native.NewApp(nil)
	chart := tree.NewChart(app, "shop", tree.ChartProps{})
	mesh.NewMeshNamespace(chart, "namespace", mesh.MeshNamespaceProps{
		Name:     "shop",
		Mode:     mesh.Ambient,
		Waypoint: "waypoint",
	})
	fmt.Print(*app.SynthYaml())
	// Output:
	// apiVersion: v1
	// kind: Namespace
	// metadata:
	//   labels:
	//     istio.io/dataplane-mode: ambient
	//     istio.io/use-waypoint: waypoint
	//   name: shop
}

// One call in ten goes to the new version, and each that asks for it by a header.
func ExampleIstioCanary() {
	app := native.NewApp(nil)
	chart := tree.NewChart(app, "shop", tree.ChartProps{Namespace: "shop"})
	// What both versions have in common, and nothing else has.
	labels := map[string]string{"service": "web"}
	version := func(name, image string) *infra.ProbedDeployment {
		return infra.NewProbedDeployment(chart, name, infra.ProbedDeploymentProps{
			Name: "web-" + name, Version: name, Image: image, Labels: labels,
		})
	}
	v1, v2 := version("v1", "example.com/shop/web:1.4"), version("v2", "example.com/shop/web:2.0")
	service := infra.NewService(chart, "service", infra.ServiceProps{
		Name: "web", Selector: labels, Ports: []infra.ServicePort{{Name: "http", Port: 80, TargetPort: 8080}},
	})
	mesh.NewIstioCanary(chart, "canary", mesh.IstioCanaryProps{
		Name:     "web",
		Service:  service,
		Versions: []mesh.Version{{Name: "v1", Workload: v1}, {Name: "v2", Workload: v2}},
		Rules: []mesh.Rule{
			{
				Name:  "testers",
				Match: []mesh.Match{{Headers: map[string]mesh.StringMatch{"x-tester": mesh.Exact("true")}}},
				To:    []mesh.Destination{{Workload: v2}},
			},
			{
				Name:    "everybody",
				To:      []mesh.Destination{{Workload: v1, Weight: 90}, {Workload: v2, Weight: 10}},
				Timeout: 5 * time.Second,
			},
		},
	})
	synthtest.PrintKinds(app, "VirtualService", "DestinationRule")
	// Output:
	// apiVersion: networking.istio.io/v1
	// kind: DestinationRule
	// metadata:
	//   name: web
	//   namespace: shop
	// spec:
	//   host: web.shop.svc.cluster.local
	//   subsets:
	//     - labels:
	//         app: web-v1
	//       name: v1
	//     - labels:
	//         app: web-v2
	//       name: v2
	// ---
	// apiVersion: networking.istio.io/v1
	// kind: VirtualService
	// metadata:
	//   name: web
	//   namespace: shop
	// spec:
	//   gateways:
	//     - mesh
	//   hosts:
	//     - web.shop.svc.cluster.local
	//   http:
	//     - match:
	//         - headers:
	//             x-tester:
	//               exact: "true"
	//       name: testers
	//       route:
	//         - destination:
	//             host: web.shop.svc.cluster.local
	//             subset: v2
	//     - name: everybody
	//       route:
	//         - destination:
	//             host: web.shop.svc.cluster.local
	//             subset: v1
	//           weight: 90
	//         - destination:
	//             host: web.shop.svc.cluster.local
	//             subset: v2
	//           weight: 10
	//       timeout: 5s
}

// A gateway for the hosts of one domain, of which HTTP leads to HTTPS.
func ExampleIstioGateway() {
	app := native.NewApp(nil)
	chart := tree.NewChart(app, "edge", tree.ChartProps{Namespace: "istio-system"})
	certificate := infra.NewCredentials(chart, "certificate", infra.CredentialsProps{
		Name: "example-com", Existing: true, Keys: []string{"tls.crt", "tls.key"}, Type: "kubernetes.io/tls",
	})
	mesh.NewIstioGateway(chart, "gateway", mesh.IstioGatewayProps{
		Name:        "door",
		Servers:     []mesh.GatewayServer{{Port: 80, Hosts: []string{"*.example.com"}, RedirectToHTTPS: true}},
		Certificate: certificate,
	})
	fmt.Print(*app.SynthYaml())
	// Output:
	// apiVersion: networking.istio.io/v1
	// kind: Gateway
	// metadata:
	//   name: door
	//   namespace: istio-system
	// spec:
	//   selector:
	//     istio: ingressgateway
	//   servers:
	//     - hosts:
	//         - "*.example.com"
	//       port:
	//         name: http
	//         number: 80
	//         protocol: HTTP
	//       tls:
	//         httpsRedirect: true
	//     - hosts:
	//         - "*.example.com"
	//       port:
	//         name: https
	//         number: 443
	//         protocol: HTTPS
	//       tls:
	//         credentialName: example-com
	//         mode: SIMPLE
}

// Only the pods of the namespace web may read the cart, and only through mutual TLS.
func ExampleMeshSecurity() {
	app := native.NewApp(nil)
	chart := tree.NewChart(app, "cart", tree.ChartProps{Namespace: "cart"})
	cart := infra.NewProbedDeployment(chart, "cart", infra.ProbedDeploymentProps{Name: "cart", Image: "example.com/shop/cart:1.4"})
	mesh.NewMeshSecurity(chart, "security", mesh.MeshSecurityProps{
		Name:      "cart",
		Workload:  cart,
		MutualTLS: mesh.StrictMTLS,
		Access: mesh.Access{Rules: []mesh.AccessRule{{
			From: []mesh.Caller{{Namespaces: []string{"web"}}},
			To:   []mesh.Operation{{Methods: []string{"GET"}, Paths: []string{"/cart/*"}}},
		}}},
	})
	synthtest.PrintKinds(app, "PeerAuthentication", "AuthorizationPolicy")
	// Output:
	// apiVersion: security.istio.io/v1
	// kind: PeerAuthentication
	// metadata:
	//   name: cart
	//   namespace: cart
	// spec:
	//   mtls:
	//     mode: STRICT
	//   selector:
	//     matchLabels:
	//       app: cart
	// ---
	// apiVersion: security.istio.io/v1
	// kind: AuthorizationPolicy
	// metadata:
	//   name: cart
	//   namespace: cart
	// spec:
	//   rules:
	//     - from:
	//         - source:
	//             namespaces:
	//               - web
	//       to:
	//         - operation:
	//             methods:
	//               - GET
	//             paths:
	//               - /cart/*
	//   selector:
	//     matchLabels:
	//       app: cart
}

// The proxies of a namespace log the requests that fail, and trace one in a hundred.
func ExampleTelemetry() {
	app := native.NewApp(nil)
	chart := tree.NewChart(app, "shop", tree.ChartProps{Namespace: "shop"})
	mesh.NewTelemetry(chart, "telemetry", mesh.TelemetryProps{
		Name:           "shop",
		WholeNamespace: true,
		AccessLogging:  mesh.AccessLogging{Providers: []string{mesh.EnvoyAccessLog}, Filter: "response.code >= 500"},
		Tracing:        mesh.Tracing{SamplingPercentage: new(1.0)},
	})
	fmt.Print(*app.SynthYaml())
	// Output:
	// apiVersion: telemetry.istio.io/v1
	// kind: Telemetry
	// metadata:
	//   name: shop
	//   namespace: shop
	// spec:
	//   accessLogging:
	//     - filter:
	//         expression: response.code >= 500
	//       providers:
	//         - name: envoy
	//   tracing:
	//     - randomSamplingPercentage: 1
}
