package native_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/aws/constructs-go/constructs/v10"
	"github.com/cdk8s-team/cdk8s-core-go/cdk8s/v2"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/crossoverJie/k8s-combat/imports/tree"
	"github.com/crossoverJie/k8s-combat/imports/tree/native"
)

// of makes an object named after its kind.
func of(scope constructs.Construct, apiVersion, kind string) cdk8s.ApiObject {
	name := strings.ToLower(kind)
	return tree.NewObject(scope, name, schema.FromAPIVersionAndKind(apiVersion, kind), map[string]any{"metadata": map[string]any{"name": name}})
}

func TestOrderOfApplication(t *testing.T) {
	t.Parallel()
	const istio, gatewayAPI = "networking.istio.io/v1", "gateway.networking.k8s.io/v1"
	chart := newChart(native.NewApp(nil), "c")
	for _, object := range [][2]string{
		{"security.istio.io/v1", "PeerAuthentication"}, {"monitoring.coreos.com/v1", "ServiceMonitor"}, {gatewayAPI, "HTTPRoute"},
		{istio, "VirtualService"}, {istio, "Gateway"}, {istio, "DestinationRule"}, {"policy/v1", "PodDisruptionBudget"},
		{"autoscaling/v2", "HorizontalPodAutoscaler"}, {"batch/v1", "CronJob"}, {"apps/v1", "Deployment"}, {"v1", "Service"},
		{"v1", "PersistentVolumeClaim"}, {"networking.k8s.io/v1", "NetworkPolicy"}, {"v1", "Secret"}, {"rbac.authorization.k8s.io/v1", "RoleBinding"},
		{"v1", "ServiceAccount"}, {"apiextensions.k8s.io/v1", "CustomResourceDefinition"}, {"v1", "Namespace"},
	} {
		of(newGroup(chart, strings.ToLower(object[1])+"s"), object[0], object[1])
	}
	// A kind is that of its group.
	of(newGroup(chart, "of another group"), "serving.knative.dev/v1", "Service")
	of(newGroup(chart, "beta"), "networking.istio.io/v1beta1", "Sidecar")
	of(newGroup(chart, "routes"), "networking.k8s.io/v1", "Ingress")
	assert.Equal(t, []string{
		"namespace", "customresourcedefinition", "rolebinding", "serviceaccount", "persistentvolumeclaim", "networkpolicy", "secret", "service",
		"cronjob", "deployment", "poddisruptionbudget", "horizontalpodautoscaler", "destinationrule", "gateway", "httproute", "virtualservice",
		"ingress", "peerauthentication", "servicemonitor", "service", "sidecar",
	}, written(t, chart))
}

// set is a chart with a route, a workload, two objects of configuration in a group, and one more in another.
type set struct {
	chart                            cdk8s.Chart
	route, deployment, config, first cdk8s.ApiObject
	more, empty                      *group
}

func newSet(app cdk8s.App) *set {
	s := &set{chart: newChart(app, "c")}
	s.route = of(s.chart, "networking.istio.io/v1", "VirtualService")
	s.deployment = of(s.chart, "apps/v1", "Deployment")
	s.more, s.empty = newGroup(s.chart, "more"), newGroup(s.chart, "empty")
	s.config = of(s.more, "v1", "ConfigMap")
	of(s.more, "v1", "Secret")
	s.first = of(s.chart, "v1", "Namespace")
	return s
}

func TestDependenciesComeBeforeTheOrderOfApplication(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		depend func(*set)
		want   string
	}{
		"none":                 {func(*set) {}, "namespace configmap secret deployment virtualservice"},
		"in the order already": {func(s *set) { s.route.AddDependency(s.deployment) }, "namespace configmap secret deployment virtualservice"},
		"against it, and nothing else changes": {func(s *set) { s.config.AddDependency(s.deployment) },
			"namespace secret deployment configmap virtualservice"},
		"a chain":             {func(s *set) { s.first.AddDependency(s.config); s.config.AddDependency(s.route) }, "secret deployment virtualservice configmap namespace"},
		"on a group":          {func(s *set) { s.first.AddDependency(s.more) }, "configmap secret namespace deployment virtualservice"},
		"of a group":          {func(s *set) { s.more.Node().AddDependency(s.route) }, "namespace deployment virtualservice configmap secret"},
		"through no object":   {func(s *set) { s.first.AddDependency(s.empty); s.empty.Node().AddDependency(s.route) }, "configmap secret deployment virtualservice namespace"},
		"on what stands for":  {func(s *set) { s.first.Node().AddDependency(tree.NewDependencyGroup(s.config)) }, "secret configmap namespace deployment virtualservice"},
		"of the chart":        {func(s *set) { s.chart.AddDependency(s.deployment) }, "deployment namespace configmap secret virtualservice"},
		"on the chart around": {func(s *set) { s.first.AddDependency(s.chart) }, "configmap secret deployment virtualservice namespace"},
		"on another chart": {func(s *set) {
			s.first.AddDependency(of(newChart(s.chart.Node().Root().(cdk8s.App), "other"), "v1", "Pod"))
		}, "namespace configmap secret deployment virtualservice"},
		"on another app": {func(s *set) {
			s.first.AddDependency(of(newChart(native.NewApp(nil), "other"), "v1", "Pod"))
		}, "namespace configmap secret deployment virtualservice"},
	} {
		s := newSet(native.NewApp(nil))
		test.depend(s)
		assert.Equal(t, test.want, strings.Join(written(t, s.chart), " "), name)
	}
}

func TestKeepOrder(t *testing.T) {
	t.Parallel()
	for name, keep := range map[string]func(app cdk8s.App, build func()){
		"before": func(app cdk8s.App, build func()) { tree.KeepOrder(app); build() },
		"after":  func(app cdk8s.App, build func()) { build(); tree.KeepOrder(app) },
	} {
		app := native.NewApp(nil)
		var s *set
		keep(app, func() { s = newSet(app) })
		s.deployment.AddDependency(s.first)
		want := []string{"virtualservice", "namespace", "deployment", "configmap", "secret"}
		assert.Equal(t, want, written(t, s.chart), name)
		require.True(t, *app.Node().TryRemoveChild(new("c")))
		assert.Equal(t, want, written(t, s.chart), "removed")
	}
}

// What many depend on, and many that depend on it, must not cost their product.
func TestOrderOfApplicationOfLargeGroups(t *testing.T) {
	t.Parallel()
	app := native.NewApp(nil)
	chart := newChart(app, "c")
	const size = 5000
	first, second := newGroup(chart, "first"), newGroup(chart, "second")
	for i := range size {
		of(newGroup(first, fmt.Sprint("g", i)), "v1", "ConfigMap")
		of(newGroup(second, fmt.Sprint("g", i)), "apps/v1", "Deployment")
	}
	first.Node().AddDependency(second)
	names := written(t, chart)
	require.Len(t, names, 2*size)
	assert.Equal(t, "deployment", names[size-1])
	assert.Equal(t, "configmap", names[size])
}
