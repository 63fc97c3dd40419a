package check_test

import (
	"os"
	"testing"

	"github.com/cdk8s-team/cdk8s-core-go/cdk8s/v2"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/crossoverJie/k8s-combat/imports/tree"
	"github.com/crossoverJie/k8s-combat/imports/tree/native"
	"github.com/crossoverJie/k8s-combat/infra"
	"github.com/crossoverJie/k8s-combat/infra/check"
	"github.com/crossoverJie/k8s-combat/infra/pod"
)

func TestMain(m *testing.M) {
	code := m.Run()
	tree.Close()
	os.Exit(code)
}

// newApp is an app with a chart in which a Deployment serves port 8080.
func newApp(t *testing.T, patch func(*appsv1.Deployment)) (cdk8s.App, cdk8s.Chart) {
	t.Helper()
	outdir := t.TempDir()
	app := native.NewApp(&cdk8s.AppProps{Outdir: &outdir})
	chart := tree.NewChart(app, "shop", tree.ChartProps{Namespace: "shop"})
	infra.NewProbedDeployment(chart, "web", infra.ProbedDeploymentProps{
		Name: "web", Image: "example.com/web:1.4.0", Ports: []pod.Port{{Name: "http", Port: 8080}}, Patch: patch,
	})
	return app, chart
}

func newObject(chart cdk8s.Chart, id string, kind schema.GroupVersionKind, object any) {
	tree.NewObject(chart, id, kind, object)
}

func TestChartFindsWhatAnyConstructHasMade(t *testing.T) {
	t.Parallel()
	_, chart := newApp(t, nil)
	assert.Empty(t, check.Chart(chart))
	newObject(chart, "service", schema.GroupVersionKind{Version: "v1", Kind: "Service"}, map[string]any{
		"metadata": map[string]any{"name": "web"},
		"spec": map[string]any{"selector": map[string]any{"app": "wep"},
			"ports": []any{map[string]any{"port": 80, "targetPort": 8080}}},
	})
	findings := check.Chart(chart)
	require.Len(t, findings, 1)
	assert.Equal(t, `[shop/service]: error KC101: Service shop/web spec.selector: nobody answers: no pod in namespace shop has the labels app=wep; Deployment web has app=web; select labels that the pods have`,
		findings[0].String())
}

func TestInstallFailsSynthWithErrorsAlone(t *testing.T) {
	t.Parallel()
	app, chart := newApp(t, func(d *appsv1.Deployment) { d.Spec.Template.Spec.Containers[0].Image = "example.com/web:latest" })
	check.Install(app, check.Options{})
	require.NoError(t, tree.Synth(app), "a warning does not fail")
	newObject(chart, "config", schema.GroupVersionKind{Version: "v1", Kind: "ConfigMap"}, &corev1.ConfigMap{})
	newObject(chart, "one", schema.GroupVersionKind{Version: "v1", Kind: "Secret"}, map[string]any{"metadata": map[string]any{"name": "same"}})
	newObject(chart, "two", schema.GroupVersionKind{Version: "v1", Kind: "Secret"}, map[string]any{"metadata": map[string]any{"name": "same"}})
	err := tree.Synth(app)
	var problems tree.Problems
	require.ErrorAs(t, err, &problems)
	require.Len(t, problems, 1)
	assert.Contains(t, problems[0].Error(), "[shop/two] Secret shop/same: KC003: it overwrites the one at [shop/one]")
}

func TestChartsOfTwoNamespacesAreOneSet(t *testing.T) {
	t.Parallel()
	app, chart := newApp(t, func(d *appsv1.Deployment) { d.Spec.Template.Spec.ServiceAccountName = "web" })
	other := tree.NewChart(app, "accounts", tree.ChartProps{Namespace: "accounts"})
	newObject(other, "account", schema.GroupVersionKind{Version: "v1", Kind: "ServiceAccount"}, map[string]any{"metadata": map[string]any{"name": "web"}})
	findings := check.Charts([]cdk8s.Chart{chart, other}, check.Options{})
	require.Len(t, findings, 1)
	assert.Equal(t, "KC110", findings[0].Code)
	assert.Contains(t, findings[0].Message, "there is one in namespace accounts")
}

func TestOfTakesTypedValues(t *testing.T) {
	t.Parallel()
	objects, err := check.Of(&corev1.Pod{}, map[string]any{"kind": "Pod", "apiVersion": "v1"})
	require.NoError(t, err)
	require.Len(t, objects, 2)
	_, err = check.Of(func() {})
	require.Error(t, err)
}

func TestSilence(t *testing.T) {
	t.Parallel()
	const pod = `apiVersion: v1
kind: Pod
metadata:
  name: web
  annotations:
    combat.check/silence: %s
spec: {containers: [{name: web, image: "example.com/web:latest"}]}
`
	for silence, expected := range map[string][]string{
		`"KC306: it is rebuilt each night"`: {},
		`"KC306"`:                           {"KC001"},
		`"KC307: another one"`:              {"KC306", "KC002"},
		"|\n      KC306: it is rebuilt each night\n      KC101: none": {"KC002"},
	} {
		assert.Equal(t, expected, codes(check.Objects(read(t, sprintf(pod, silence)), check.Options{})), silence)
	}
}

func TestTheDomainOfTheClusterIsThatOfTheCharts(t *testing.T) {
	t.Parallel()
	app := native.NewApp(nil)
	tree.SetClusterDomain(app, "corp.local")
	chart := tree.NewChart(app, "shop", tree.ChartProps{Namespace: "shop"})
	infra.NewWebService(chart, "web", infra.WebServiceProps{
		Name: "web", Workload: infra.ProbedDeploymentProps{Image: "example.com/web:1.4.0"},
		Ports: []infra.ServicePort{{Name: "http", Port: 80, TargetPort: 8080}},
	})
	newObject(chart, "routes", schema.GroupVersionKind{Group: "networking.istio.io", Version: "v1", Kind: "VirtualService"}, map[string]any{
		"metadata": map[string]any{"name": "web"},
		"spec": map[string]any{"hosts": []any{"web.shop.svc.corp.local"}, "http": []any{map[string]any{
			"route": []any{map[string]any{"destination": map[string]any{"host": "web.shop.svc.corp.local"}}},
		}}},
	})
	assert.Empty(t, check.Chart(chart))
	findings := check.Charts([]cdk8s.Chart{chart}, check.Options{ClusterDomain: "other.local"})
	require.NotEmpty(t, findings, "what is said here goes before what the chart says")
	assert.Equal(t, "KC150", findings[0].Code)
}

func TestTheDomainOfTheClusterIsADNSName(t *testing.T) {
	t.Parallel()
	assert.EqualError(t, check.Options{ClusterDomain: "corp.local."}.Validate(),
		`no domain "corp.local."; use for example "cluster.local", without a dot at its end`)
}

func TestAgainstFindsWhatTheAPIServerRefuses(t *testing.T) {
	t.Parallel()
	const claims = "apiVersion: v1\nkind: PersistentVolumeClaim\nmetadata: {name: a}\nspec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: %s}}}\n"
	const service = "apiVersion: v1\nkind: Service\nmetadata: {name: a}\nspec: {clusterIP: %s, ports: [{port: 80}]}\n"
	const pods = "apiVersion: v1\nkind: Pod\nmetadata: {name: a}\nspec: {containers: [{name: a, image: %s}]}\n"
	const settings = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\nimmutable: true\ndata: {a: %s}\n"
	const definitions = "apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata: {name: as.example.com}\n" +
		"spec: {group: example.com, scope: %s, names: {plural: as, kind: A}, versions: [{name: v1, served: true, storage: true, schema: {openAPIV3Schema: {type: object}}}]}\n"
	for name, set := range map[string]struct {
		text, was, is string
		refused       bool
	}{
		"a claim that grows":           {claims, "1Gi", "2Gi", false},
		"a claim that shrinks":         {claims, "2Gi", "1Gi", true},
		"the same quantity":            {claims, "1Gi", "1024Mi", false},
		"another address":              {service, "10.0.0.1", "10.0.0.2", true},
		"an address that is given":     {service, `""`, "10.0.0.2", false},
		"no address":                   {service, `""`, "None", true},
		"another image of a pod":       {pods, "a:1.0.0", "a:1.1.0", false},
		"another command of a pod":     {pods, "a:1.0.0", "a:1.0.0, command: [b]", true},
		"data that cannot be changed":  {settings, "b", "c", true},
		"another scope of definitions": {definitions, "Cluster", "Namespaced", true},
	} {
		findings := check.Against(read(t, sprintf(set.text, set.was)), read(t, sprintf(set.text, set.is)), check.Options{})
		if set.refused {
			assert.Equal(t, []string{"KC408"}, codes(findings), name)
		} else {
			assert.Empty(t, findings, name)
		}
	}
}

func TestWhatDoesNotFitIsToldOfEachElement(t *testing.T) {
	t.Parallel()
	findings := check.Objects(read(t, `apiVersion: v1
kind: Pod
metadata: {name: web}
spec:
  containers:
    - name: web
      image: example.com/web:1.0.0
      env:
        - {name: A, value: "1"}
        - {name: B, value: 2}
      resources:
        limits:
          memory: 64MB
    - name: log
      image: example.com/log:1.0.0
      ports:
        - {name: http, containerPort: "80"}
      livenessProbe: {tcpSocket: {port: true}}
      imagePullPoliciy: Always
`), check.Options{})
	places := []string{}
	for _, finding := range findings {
		places = append(places, sprintf("%s %d %s: %s", finding.Code, finding.Place.Line, finding.Field, finding.Message))
	}
	assert.Equal(t, []string{
		"KC502 10 spec.containers[0].env[1].value: it is refused: the value is a number, and a string is wanted",
		"KC502 13 spec.containers[0].resources.limits[memory]: it is refused: the value 64MB is no quantity, such as 500m, 64Mi or 1G",
		"KC501 19 spec.containers[1].imagePullPoliciy: it is refused, or lost: a Pod has no such field",
		"KC502 18 spec.containers[1].livenessProbe.tcpSocket.port: it is refused: the value is a boolean, and a whole number or a string is wanted",
		"KC502 17 spec.containers[1].ports[0].containerPort: it is refused: the value is a string, and a whole number is wanted",
	}, places)
}

func TestWhatOthersMayMakeIsAWarning(t *testing.T) {
	t.Parallel()
	const workflow = `apiVersion: v1
kind: ServiceAccount
metadata: {name: controller, namespace: shop}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: workflows, namespace: shop}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: view}
subjects: [{kind: ServiceAccount, name: workflow, namespace: shop}, {kind: ServiceAccount, name: controller, namespace: shop}]
`
	const numbered = `apiVersion: apps/v1
kind: StatefulSet
metadata: {name: controller}
spec:
  serviceName: controller
  selector: {matchLabels: {app: controller}}
  template: {metadata: {labels: {app: controller}}, spec: {containers: [{name: controller, image: "example.com/controller:1.0.0"}]}}
---
apiVersion: v1
kind: Service
metadata: {name: metrics}
spec: {selector: {app: controller}, ports: [{port: 8080}]}
`
	for code, manifests := range map[string]string{"KC115": workflow, "KC113": numbered} {
		findings := check.Objects(read(t, manifests), check.Options{})
		require.Len(t, findings, 1, code)
		assert.Equal(t, code, findings[0].Code)
		assert.Equal(t, check.Warning, findings[0].Severity, code)
	}
}
