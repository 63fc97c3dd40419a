package native_test

import (
	"fmt"

	"github.com/aws/jsii-runtime-go"
	appsv1 "k8s.io/api/apps/v1"

	"github.com/crossoverJie/k8s-combat/imports/tree"
	"github.com/crossoverJie/k8s-combat/imports/tree/native"
)

func Example() {
	app := native.NewApp(nil)
	chart := tree.NewChart(app, "shop", tree.ChartProps{Namespace: "default", Labels: map[string]string{"app": "shop"}})
	deployment := appsv1.SchemeGroupVersion.WithKind("Deployment")
	tree.NewObject(chart, "web", deployment, map[string]any{
		"spec": map[string]any{"replicas": 2, "paused": "no"},
	})
	fmt.Print(*app.SynthYaml())
	// Output:
	// apiVersion: apps/v1
	// kind: Deployment
	// metadata:
	//   labels:
	//     app: shop
	//   name: shop-web-c80b2a96
	//   namespace: default
	// spec:
	//   paused: "no"
	//   replicas: 2
}

func ExampleNewChart() {
	app := native.NewApp(nil)
	chart := native.NewChart(app, jsii.String("shop"), nil)
	fmt.Println(*chart.Node().Path())
	// Output: shop
}
