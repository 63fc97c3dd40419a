package istio_test

import (
	"fmt"

	istioapi "istio.io/api/networking/v1alpha3"
	networkingv1 "istio.io/client-go/pkg/apis/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/crossoverJie/k8s-combat/imports/istio"
	"github.com/crossoverJie/k8s-combat/imports/tree"
	"github.com/crossoverJie/k8s-combat/imports/tree/native"
)

func Example() {
	app := native.NewApp(nil)
	chart := tree.NewChart(app, "shop", tree.ChartProps{})
	to := func(subset string, weight int32) *istioapi.HTTPRouteDestination {
		return &istioapi.HTTPRouteDestination{Destination: &istioapi.Destination{Host: "web", Subset: subset}, Weight: weight}
	}
	istio.NewVirtualService(chart, "Web", &networkingv1.VirtualService{
		ObjectMeta: metav1.ObjectMeta{Name: "web"},
		Spec: istioapi.VirtualService{
			Hosts: []string{"web"},
			Http:  []*istioapi.HTTPRoute{{Route: []*istioapi.HTTPRouteDestination{to("v1", 90), to("v2", 10)}}},
		},
	})
	fmt.Print(*app.SynthYaml())
	// Output:
	// apiVersion: networking.istio.io/v1
	// kind: VirtualService
	// metadata:
	//   name: web
	// spec:
	//   hosts:
	//     - web
	//   http:
	//     - route:
	//         - destination:
	//             host: web
	//             subset: v1
	//           weight: 90
	//         - destination:
	//             host: web
	//             subset: v2
	//           weight: 10
}
