package infra_test

import (
	"fmt"

	"github.com/crossoverJie/k8s-combat/imports/tree"
	"github.com/crossoverJie/k8s-combat/imports/tree/native"
	"github.com/crossoverJie/k8s-combat/infra"
)

func Example() {
	app := native.NewApp(nil) // or cdk8s.NewApp(nil)
	chart := tree.NewChart(app, "shop", tree.ChartProps{})
	web := infra.NewWebService(chart, "web", infra.WebServiceProps{
		Name:     "web",
		Workload: infra.ProbedDeploymentProps{Image: "example.com/shop/web:1.4"},
		Ports:    []infra.ServicePort{{Name: "http", Port: 80, TargetPort: 8080}},
	})
	infra.NewHostRouting(chart, "routing", infra.HostRoutingProps{
		Name:  "shop",
		Hosts: []infra.Host{{Name: "shop.example.com", Paths: []infra.Path{{Path: "/", Backend: web.Backend("http")}}}},
	})
	fmt.Print(*app.SynthYaml())
	// Output:
	// apiVersion: v1
	// kind: Service
	// metadata:
	//   name: web
	// spec:
	//   ports:
	//     - name: http
	//       port: 80
	//       targetPort: 8080
	//   selector:
	//     app: web
	//   type: ClusterIP
	// ---
	// apiVersion: apps/v1
	// kind: Deployment
	// metadata:
	//   labels:
	//     app: web
	//   name: web
	// spec:
	//   replicas: 1
	//   selector:
	//     matchLabels:
	//       app: web
	//   template:
	//     metadata:
	//       labels:
	//         app: web
	//     spec:
	//       automountServiceAccountToken: false
	//       containers:
	//         - image: example.com/shop/web:1.4
	//           name: web
	//           ports:
	//             - containerPort: 8080
	//               name: http
	//           securityContext:
	//             allowPrivilegeEscalation: false
	//             capabilities:
	//               drop:
	//                 - ALL
	//             readOnlyRootFilesystem: true
	//       enableServiceLinks: false
	//       securityContext:
	//         fsGroup: 65532
	//         runAsGroup: 65532
	//         runAsNonRoot: true
	//         runAsUser: 65532
	//         seccompProfile:
	//           type: RuntimeDefault
	// ---
	// apiVersion: networking.k8s.io/v1
	// kind: Ingress
	// metadata:
	//   name: shop
	// spec:
	//   rules:
	//     - host: shop.example.com
	//       http:
	//         paths:
	//           - backend:
	//               service:
	//                 name: web
	//                 port:
	//                   number: 80
	//             path: /
	//             pathType: Prefix
}
