package infra_test

import (
	"fmt"
	"time"

	"github.com/crossoverJie/k8s-combat/imports/tree"
	"github.com/crossoverJie/k8s-combat/imports/tree/native"
	"github.com/crossoverJie/k8s-combat/infra"
)

// A namespace without sidecars, whose requests pass a waypoint so that rules for requests apply.
func ExampleMeshNamespace() {
	app := native.NewApp(nil)
	chart := tree.NewChart(app, "shop", tree.ChartProps{})
	infra.NewMeshNamespace(chart, "namespace", infra.MeshNamespaceProps{
		Name:     "shop",
		Mode:     infra.Ambient,
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
	infra.NewIstioCanary(chart, "canary", infra.IstioCanaryProps{
		Name:     "web",
		Service:  service,
		Versions: []infra.Version{{Name: "v1", Workload: v1}, {Name: "v2", Workload: v2}},
		Rules: []infra.Rule{
			{
				Name:  "testers",
				Match: []infra.Match{{Headers: map[string]infra.StringMatch{"x-tester": infra.Exact("true")}}},
				To:    []infra.Destination{{Workload: v2}},
			},
			{
				Name:    "everybody",
				To:      []infra.Destination{{Workload: v1, Weight: 90}, {Workload: v2, Weight: 10}},
				Timeout: 5 * time.Second,
			},
		},
	})
	printKinds(app, "VirtualService", "DestinationRule")
	// Output:
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
	// ---
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
}

// A gateway for the hosts of one domain, of which HTTP leads to HTTPS.
func ExampleIstioGateway() {
	app := native.NewApp(nil)
	chart := tree.NewChart(app, "edge", tree.ChartProps{Namespace: "istio-system"})
	certificate := infra.NewCredentials(chart, "certificate", infra.CredentialsProps{
		Name: "example-com", Existing: true, Keys: []string{"tls.crt", "tls.key"}, Type: "kubernetes.io/tls",
	})
	infra.NewIstioGateway(chart, "gateway", infra.IstioGatewayProps{
		Name:        "door",
		Servers:     []infra.GatewayServer{{Port: 80, Hosts: []string{"*.example.com"}, RedirectToHTTPS: true}},
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
	infra.NewMeshSecurity(chart, "security", infra.MeshSecurityProps{
		Name:      "cart",
		Workload:  cart,
		MutualTLS: infra.StrictMTLS,
		Access: infra.Access{Rules: []infra.AccessRule{{
			From: []infra.Caller{{Namespaces: []string{"web"}}},
			To:   []infra.Operation{{Methods: []string{"GET"}, Paths: []string{"/cart/*"}}},
		}}},
	})
	printKinds(app, "PeerAuthentication", "AuthorizationPolicy")
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
