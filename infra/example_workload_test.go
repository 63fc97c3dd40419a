package infra_test

import (
	"fmt"

	"github.com/crossoverJie/k8s-combat/imports/tree"
	"github.com/crossoverJie/k8s-combat/imports/tree/native"
	"github.com/crossoverJie/k8s-combat/infra"
	"github.com/crossoverJie/k8s-combat/infra/internal/synthtest"
	"github.com/crossoverJie/k8s-combat/infra/pod"
)

// A setting as an environment variable and a file. A change of either rolls the pods.
func ExampleConfig() {
	app := native.NewApp(nil)
	chart := tree.NewChart(app, "shop", tree.ChartProps{})
	config := infra.NewConfig(chart, "config", infra.ConfigProps{
		Name: "web",
		Data: map[string]string{"LOG_LEVEL": "info", "features.json": `{"cart": true}`},
	})
	infra.NewProbedDeployment(chart, "web", infra.ProbedDeploymentProps{
		Name:  "web",
		Image: "example.com/shop/web:1.4",
		Env:   []pod.EnvVar{{Name: "LOG_LEVEL", ValueFrom: config.Key("LOG_LEVEL")}},
		Files: []pod.File{{Path: "/etc/web/features.json", From: config.Key("features.json")}},
	})
	synthtest.PrintKinds(app, "ConfigMap")
	// Output:
	// apiVersion: v1
	// kind: ConfigMap
	// metadata:
	//   name: web
	// data:
	//   LOG_LEVEL: info
	//   features.json: '{"cart": true}'
}

// The password of a database, from a Secret that an operator makes. A key that the Secret does not have is found before
// anything is applied.
func ExampleCredentials() {
	app := native.NewApp(nil)
	chart := tree.NewChart(app, "shop", tree.ChartProps{})
	database := infra.NewCredentials(chart, "database", infra.CredentialsProps{
		Name: "database", Existing: true, Keys: []string{"username", "password"},
	})
	infra.NewProbedDeployment(chart, "web", infra.ProbedDeploymentProps{
		Name:  "web",
		Image: "example.com/shop/web:1.4",
		Env:   []pod.EnvVar{{Name: "DB_PASSWORD", ValueFrom: database.Key("pasword")}},
	})
	fmt.Println(tree.Synth(app))
	// Output:
	// Validation failed with the following errors:
	//   [shop/web] Env[0].ValueFrom: "pasword" is not a key of Secret database; use password or username
}

// What Credentials hold cannot be printed by accident, only written.
func ExampleSensitive() {
	password := infra.Sensitive("hunter2")
	fmt.Println(password, []infra.Sensitive{password})
	fmt.Printf("%q %#v\n", password, password)
	fmt.Println(string(password))
	// Output:
	// *** [***]
	// *** ***
	// hunter2
}

// Two Services behind one host, through the Gateway API, with TLS. In the form Ingress, the default, it needs no Class.
func ExampleHostRouting() {
	app := native.NewApp(nil)
	chart := tree.NewChart(app, "shop", tree.ChartProps{})
	service := func(name string) *infra.Service {
		return infra.NewService(chart, name, infra.ServiceProps{
			Name: name, Selector: map[string]string{"app": name}, Ports: []infra.ServicePort{{Name: "http", Port: 80}},
		})
	}
	const host = "shop.example.com"
	infra.NewHostRouting(chart, "routing", infra.HostRoutingProps{
		Name:  "shop",
		Form:  infra.GatewayAPI,
		Class: "istio",
		Hosts: []infra.Host{{Name: host, Paths: []infra.Path{
			{Path: "/", Backend: service("web").Backend("http")},
			{Path: "/cart", Backend: service("cart").Backend("http")},
		}}},
		TLS: []infra.HostTLS{{
			Hosts:       []string{host},
			Certificate: infra.NewCredentials(chart, "certificate", infra.CredentialsProps{Name: "shop-tls", Existing: true}),
		}},
	})
	synthtest.PrintKinds(app, "Gateway", "HTTPRoute")
	// Output:
	// apiVersion: gateway.networking.k8s.io/v1
	// kind: Gateway
	// metadata:
	//   name: shop
	// spec:
	//   gatewayClassName: istio
	//   listeners:
	//     - name: http
	//       port: 80
	//       protocol: HTTP
	//     - hostname: shop.example.com
	//       name: https-shop.example.com
	//       port: 443
	//       protocol: HTTPS
	//       tls:
	//         certificateRefs:
	//           - name: shop-tls
	// ---
	// apiVersion: gateway.networking.k8s.io/v1
	// kind: HTTPRoute
	// metadata:
	//   name: shop-shop.example.com
	// spec:
	//   hostnames:
	//     - shop.example.com
	//   parentRefs:
	//     - name: shop
	//       sectionName: https-shop.example.com
	//   rules:
	//     - backendRefs:
	//         - name: web
	//           port: 80
	//       matches:
	//         - path:
	//             type: PathPrefix
	//             value: /
	//     - backendRefs:
	//         - name: cart
	//           port: 80
	//       matches:
	//         - path:
	//             type: PathPrefix
	//             value: /cart
	// ---
	// apiVersion: gateway.networking.k8s.io/v1
	// kind: HTTPRoute
	// metadata:
	//   name: shop-shop.example.com-redirect
	// spec:
	//   hostnames:
	//     - shop.example.com
	//   parentRefs:
	//     - name: shop
	//       sectionName: http
	//   rules:
	//     - filters:
	//         - requestRedirect:
	//             scheme: https
	//             statusCode: 301
	//           type: RequestRedirect
}
