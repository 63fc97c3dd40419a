// Package mesh holds the constructs of Istio: who is in the mesh, which request goes to which
// version of a service, who may call it, and what the proxies report of it.
//
//	app := native.NewApp(nil)
//	chart := tree.NewChart(app, "shop", tree.ChartProps{Namespace: "shop"})
//	mesh.NewMeshNamespace(chart, "namespace", mesh.MeshNamespaceProps{Name: "shop"})
//	web := infra.NewWebService(chart, "web", infra.WebServiceProps{
//		Name:     "web",
//		Workload: infra.ProbedDeploymentProps{Image: "example.com/shop/web:1.4", Version: "v1"},
//		Ports:    []infra.ServicePort{{Name: "http", Port: 80, TargetPort: 8080}},
//	})
//	mesh.NewIstioCanary(chart, "canary", mesh.IstioCanaryProps{
//		Name:     "web",
//		Service:  web.Service(),
//		Versions: []mesh.Version{{Name: "v1", Workload: web.Deployment()}},
//		Rules:    []mesh.Rule{{To: []mesh.Destination{{Workload: web.Deployment()}}, Timeout: 5 * time.Second}},
//	})
//	mesh.NewMeshSecurity(chart, "security", mesh.MeshSecurityProps{
//		Name: "shop", WholeNamespace: true, MutualTLS: mesh.StrictMTLS,
//	})
//	app.Synth()
//
// A MeshNamespace puts the pods of a namespace into the mesh. An IstioCanary is a VirtualService
// and a DestinationRule: its Rules send the requests for a Service to its Versions, and its
// TrafficPolicy says how clients treat the pods. An IstioGateway lets requests in from outside. A
// MeshSecurity asks for mutual TLS and tokens, and says who may do what. Telemetry says what is
// logged and traced.
//
// What the constructs take from others, as a port of a Service or the labels of pods, is what those
// objects' Patch has left. Istio finds pods in the namespace of its own object alone, so a workload
// stands in a chart of that Namespace.
//
// The conventions of the constructs are those of package infra.
package mesh
