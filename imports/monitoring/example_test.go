package monitoring_test

import (
	"fmt"

	monitoringv1 "github.com/prometheus-operator/prometheus-operator/pkg/apis/monitoring/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/crossoverJie/k8s-combat/imports/monitoring"
	"github.com/crossoverJie/k8s-combat/imports/tree"
	"github.com/crossoverJie/k8s-combat/imports/tree/native"
)

func Example() {
	app := native.NewApp(nil)
	chart := tree.NewChart(app, "shop", tree.ChartProps{})
	monitoring.NewServiceMonitor(chart, "ServiceMonitor", &monitoringv1.ServiceMonitor{
		ObjectMeta: metav1.ObjectMeta{Name: "shop"},
		Spec: monitoringv1.ServiceMonitorSpec{
			Selector:  metav1.LabelSelector{MatchLabels: map[string]string{"app": "shop"}},
			Endpoints: []monitoringv1.Endpoint{{Port: "http-metrics"}},
		},
	})
	fmt.Print(*app.SynthYaml())
	// Output:
	// apiVersion: monitoring.coreos.com/v1
	// kind: ServiceMonitor
	// metadata:
	//   name: shop
	// spec:
	//   endpoints:
	//     - port: http-metrics
	//   selector:
	//     matchLabels:
	//       app: shop
}
