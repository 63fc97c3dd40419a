// Package infra holds the constructs of k8s-combat: typed, composable parts from which a service on Kubernetes is put
// together, each usable alone and in any cdk8s application.
//
//	app := native.NewApp(nil)
//	chart := tree.NewChart(app, "shop", tree.ChartProps{})
//	web := infra.NewWebService(chart, "web", infra.WebServiceProps{
//		Name:     "web",
//		Workload: infra.ProbedDeploymentProps{Image: "example.com/shop/web:1.4"},
//		Ports:    []infra.ServicePort{{Name: "http", Port: 80, TargetPort: 8080}},
//	})
//	infra.NewHostRouting(chart, "routing", infra.HostRoutingProps{
//		Name:  "shop",
//		Hosts: []infra.Host{{Name: "shop.example.com", Paths: []infra.Path{{Path: "/", Backend: web.Backend("http")}}}},
//	})
//	app.Synth()
//
// # Conventions
//
// A constructor takes a scope, an id that its siblings do not have, and props by value. It returns the construct,
// never an error, and does not panic on a value: whatever is wrong is reported when the application is synthesized, all
// of it at once, each message with the path of its construct, the field, the value, what is allowed and what to do.
//
// The object that a construct stands for is its child Resource. Names of objects come from props. Every construct has
// a Patch hook that is given the object, of the upstream API type, before it enters the tree, and has the last word.
//
// A workload meets the Pod Security Standard "restricted" unless its Security says otherwise.
package infra
