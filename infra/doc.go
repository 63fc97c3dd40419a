// Package infra holds the constructs that every service needs: workloads, Services, configuration
// and host routing, each typed, composable and usable alone in any cdk8s application.
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
// # Rooms
//
// Package pod describes what all workloads are made of: containers, volumes, probes, environment,
// scheduling. Packages mesh, logs and observe hold the constructs of Istio, of logs, and of metrics
// and traces. A room imports only what is below it: those three import infra and pod and nothing of
// one another, infra imports pod, and pod none of them.
//
// # Conventions
//
// A constructor takes a scope, an id that its siblings do not have, and props by value. It returns
// the construct, never an error, and does not panic on a value: whatever is wrong is reported when
// the application is synthesized, all of it at once, each tree.Problem with the path of its
// construct, the field, the value, what is allowed and what to do.
//
// Props are plain Go values. First what is not set gets its default, and then all of it is checked,
// so that a message may name a default. A pointer stands where the zero value is legal and not the
// default.
//
// The object that a construct stands for is its child Resource. Names of objects come from props.
// Every construct has a Patch hook for each object that it makes, which is given the object, of the
// upstream API type, before it enters the tree, and has the last word; Patches makes one hook of
// several. What a Patch leaves is checked by the same rules, and it is what other constructs refer
// to.
//
// What a construct takes from another one is a reference: the Backend of a Service, the Key of a
// Config, a Workload. A reference to another namespace is an error where Kubernetes or Istio cannot
// follow it, and written in full where they can. A nil construct as a reference is an error too,
// and never means more than what was meant.
//
// A workload meets the Pod Security Standard "restricted" unless its Security says otherwise.
package infra
