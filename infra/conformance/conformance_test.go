package conformance_test

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"
	"github.com/cdk8s-team/cdk8s-core-go/cdk8s/v2"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/crossoverJie/k8s-combat/imports/k8s"
	"github.com/crossoverJie/k8s-combat/imports/tree"
	"github.com/crossoverJie/k8s-combat/imports/tree/native"
	"github.com/crossoverJie/k8s-combat/infra"
	"github.com/crossoverJie/k8s-combat/infra/chapters"
	"github.com/crossoverJie/k8s-combat/infra/mesh"
	"github.com/crossoverJie/k8s-combat/infra/observe"
	"github.com/crossoverJie/k8s-combat/infra/pod"
)

func TestMain(m *testing.M) {
	if _, err := exec.LookPath("node"); err != nil {
		fmt.Println("SKIPPED: the conformance tests compare with the official cdk8s tree, which needs Node.js, and no program node is on the PATH")
		tree.Close()
		os.Exit(0)
	}
	code := m.Run()
	tree.Close()
	if err := running.close(); err != nil {
		fmt.Println("the engine did not end well:", err)
		code = 1
	}
	os.Exit(code)
}

// files synthesizes an app of the tree that newApp makes, and returns its files, or the error.
func files(t *testing.T, newApp func(*cdk8s.AppProps) cdk8s.App, props cdk8s.AppProps, build func(app cdk8s.App)) (map[string]string, error) {
	t.Helper()
	outdir := t.TempDir()
	props.Outdir = &outdir
	app := newApp(&props)
	build(app)
	if err := tree.Synth(app); err != nil {
		return nil, err
	}
	written, _, err := written(outdir)
	require.NoError(t, err)
	result := map[string]string{}
	for name, content := range written {
		result[strings.TrimPrefix(name, "out/")] = content.(string)
	}
	return result, nil
}

// same builds on both trees and expects the same files, or the same error.
func same(t *testing.T, build func(app cdk8s.App)) (map[string]string, error) {
	t.Helper()
	return sameWith(t, cdk8s.AppProps{}, build)
}

// sameWith is same for an app with options.
func sameWith(t *testing.T, props cdk8s.AppProps, build func(app cdk8s.App)) (map[string]string, error) {
	t.Helper()
	official, officialErr := files(t, cdk8s.NewApp, props, build)
	ours, ourErr := files(t, native.NewApp, props, build)
	if officialErr != nil || ourErr != nil {
		require.Error(t, officialErr)
		require.Error(t, ourErr)
		assert.Equal(t, officialErr.Error(), ourErr.Error())
		var officialProblems, ourProblems tree.Problems
		if errors.As(ourErr, &ourProblems) {
			require.ErrorAs(t, officialErr, &officialProblems)
			assert.Equal(t, officialProblems, ourProblems, "not the text alone, but all parts")
		}
	}
	assert.Equal(t, official, ours)
	return official, officialErr
}

func TestChaptersAreTheSameOnBothTrees(t *testing.T) {
	got, err := same(t, func(app cdk8s.App) {
		for _, chapter := range chapters.All() {
			chapter.New(app)
		}
	})
	require.NoError(t, err)
	assert.Len(t, got, len(chapters.All()))
}

// shop is a construct as somebody outside would write it, around constructs of this project and plain cdk8s ones.
type shop struct {
	constructs.Construct
	web *infra.WebService
}

func newShop(scope constructs.Construct) *shop {
	s := &shop{}
	tree.New(s, scope, "shop")
	s.web = infra.NewWebService(s, "web", infra.WebServiceProps{
		Name:     "web",
		Workload: infra.ProbedDeploymentProps{Image: "example.com/web:1"},
		Ports:    []infra.ServicePort{{Name: "http", Port: 80}},
	})
	return s
}

func (s *shop) Web() *infra.WebService { return s.web }

func TestConstructsOfOthersAreTheSameOnBothTrees(t *testing.T) {
	got, err := same(t, func(app cdk8s.App) {
		chart := tree.NewChart(app, "shop", tree.ChartProps{Namespace: "prod", Labels: map[string]string{"team": "a"}})
		s := newShop(chart)
		k8s.NewConfigMap(s, "unnamed", &corev1.ConfigMap{Data: map[string]string{"10": "b", "9": "a", "ü": "x", "😀": "y", "yes": "no"}})
		k8s.NewConfigMap(s, "named", &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: "named", Namespace: "other", Labels: map[string]string{"team": "b"}}})
		k8s.NewNamespace(s, "namespace", &corev1.Namespace{})
		k8s.NewCronJob(s, strings.Repeat("x", 70), &batchv1.CronJob{Spec: batchv1.CronJobSpec{Schedule: "@daily"}})
	})
	require.NoError(t, err)
	assert.Contains(t, got["shop.k8s.yaml"], "namespace: prod")
	assert.Contains(t, got["shop.k8s.yaml"], "namespace: other")
	assert.Contains(t, got["shop.k8s.yaml"], "kind: Namespace\nmetadata:\n  labels:\n    team: a\n  name: shop-namespace-", "it belongs to no namespace")
}

func TestErrorsAreTheSameOnBothTrees(t *testing.T) {
	_, err := same(t, func(app cdk8s.App) {
		chart := tree.NewChart(app, "chart", tree.ChartProps{})
		infra.NewWebService(chart, "web", infra.WebServiceProps{Name: "Web"})
		infra.NewConfig(chart, "web", infra.ConfigProps{Name: "c", OnChange: "Never"})
		infra.NewConfig(chart, "", infra.ConfigProps{Name: "c"})
		k8s.NewSecret(chart, "nothing", nil)
		k8s.NewSecret(chart, "wrong", &corev1.Secret{TypeMeta: metav1.TypeMeta{APIVersion: "v2", Kind: "Password"}})
		tree.NewChart(app, "chart", tree.ChartProps{})
	})
	require.Error(t, err)
	assert.Equal(t, `Validation failed with the following errors:
  [chart/web/Deployment] Name: "Web" is not an RFC 1123 label; use 1 to 63 lower-case letters, digits or '-', beginning and ending with a letter or digit
  [chart/web/Deployment] Image: is not set; name an image, for example "docker.io/library/nginx:1.29"
  [chart/web/Service] Name: "Web" is not an RFC 1035 label; use 1 to 63 lower-case letters, digits or '-', beginning with a letter and ending with a letter or digit
  [chart/web/Service] Ports: is not set; give at least one port
  [chart/web-2] id: "web" is taken below chart; give each construct an id that its siblings do not have
  [chart/web-2] OnChange: "Never" is not known; use Restart or Reload
  [chart/unnamed-2] id: "" is not allowed below chart; give each construct an id that its siblings do not have
  [chart/nothing] Secret: the object is nil; pass one, an empty one if need be
  [chart/wrong] apiVersion: "v2" is not what this constructor makes; leave it out, or write "v1"
  [chart/wrong] kind: "Password" is not what this constructor makes; leave it out, or write "Secret"
  [chart-2] id: "chart" is taken below the app; give each construct an id that its siblings do not have`, err.Error())
}

// TestChecksAcrossConstructsAreTheSameOnBothTrees: what a construct asks the tree, or another one's object, is answered
// alike.
func TestChecksAcrossConstructsAreTheSameOnBothTrees(t *testing.T) {
	_, err := same(t, func(app cdk8s.App) {
		edge := tree.NewChart(app, "edge", tree.ChartProps{Namespace: "edge"})
		door := mesh.NewIstioGateway(edge, "gateway", mesh.IstioGatewayProps{
			Name: "door", Servers: []mesh.GatewayServer{{Port: 80, Hosts: []string{"./www.example.com", "shop/cart.example.com"}}},
		})
		chart := tree.NewChart(app, "shop", tree.ChartProps{Namespace: "shop", Labels: map[string]string{"app.kubernetes.io/name": "shop"}})
		web := newShop(chart).Web()
		mesh.NewIstioCanary(chart, "canary", mesh.IstioCanaryProps{
			Name: "web", Service: web.Service(), Versions: []mesh.Version{{Name: "v1", Workload: web.Deployment()}},
			Gateways: []*mesh.IstioGateway{door}, Hosts: []string{"www.example.com", "cart.example.com"},
			Rules: []mesh.Rule{{To: []mesh.Destination{{Workload: web.Deployment()}}}},
		})
		observe.NewScraping(chart, "monitor", observe.ScrapingProps{Service: web.Service(), Port: "http"})
		config := infra.NewConfig(edge, "config", infra.ConfigProps{Name: "settings", Data: map[string]string{"a": "b"}})
		infra.NewProbedDeployment(chart, "worker", infra.ProbedDeploymentProps{
			Name: "worker", Image: "example.com/worker:1", EnvFrom: []pod.EnvFrom{{Source: config}},
		})
	})
	require.Error(t, err)
	assert.Contains(t, err.Error(), `[shop/canary] Hosts[0]: "www.example.com" is not open to namespace "shop"`)
	assert.NotContains(t, err.Error(), "cart.example.com")
	assert.Contains(t, err.Error(), `[shop/monitor] Service: "web" has the label app.kubernetes.io/name=shop`, "it is the chart's")
	assert.Contains(t, err.Error(), `[shop/worker] EnvFrom[0].Source: "settings" is a ConfigMap in namespace "edge", and cannot be referred to from namespace "shop"`)
}

func TestWarningsAndTheClusterDomainAreTheSameOnBothTrees(t *testing.T) {
	var warnings [][]tree.Problem
	got, err := same(t, func(app cdk8s.App) {
		tree.SetClusterDomain(app, "example.internal")
		chart := tree.NewChart(app, "shop", tree.ChartProps{Namespace: "prod"})
		infra.NewConfig(chart, "config", infra.ConfigProps{Name: "settings", Data: map[string]string{"a": strings.Repeat("x", 250<<10)}})
		k8s.NewConfigMap(chart, "host", &corev1.ConfigMap{Data: map[string]string{"host": newShop(chart).Web().Service().Host()}})
		warnings = append(warnings, tree.Warnings(app))
	})
	require.NoError(t, err)
	assert.Contains(t, got["shop.k8s.yaml"], "host: web.prod.svc.example.internal\n")
	require.Len(t, warnings, 2)
	assert.Len(t, warnings[0], 1)
	assert.Equal(t, warnings[0], warnings[1])
}

// TestOutputsOfOnePathAreTheSameErrorOnBothTrees: cdk8s by itself lets the last one win.
func TestOutputsOfOnePathAreTheSameErrorOnBothTrees(t *testing.T) {
	settings := func(chart cdk8s.Chart, id, namespace string) cdk8s.ApiObject {
		return k8s.NewConfigMap(chart, id, &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: "settings", Namespace: namespace}})
	}
	twoCharts := func(app cdk8s.App) {
		settings(tree.NewChart(app, "prod", tree.ChartProps{}), "config", "prod")
		settings(tree.NewChart(app, "dev", tree.ChartProps{}), "config", "dev")
	}
	oneChart := func(app cdk8s.App) {
		chart := tree.NewChart(app, "all", tree.ChartProps{})
		for _, namespace := range []string{"prod", "dev", "test"} {
			settings(chart, namespace, namespace)
		}
		settings(chart, "patched", "x").AddJsonPatch(tree.PatchReplace("/metadata/name", "other"))
	}
	// Default leaves no trace in the address of a construct, from which its name is made.
	nested := func(app cdk8s.App) {
		outer := tree.NewConstruct(app, "Shop")
		tree.NewChart(outer, "web", tree.ChartProps{})
		tree.NewChart(tree.NewConstruct(outer, "Default"), "web", tree.ChartProps{})
	}
	const (
		perResource = "use FOLDER_PER_CHART_FILE_PER_RESOURCE or FILE_PER_CHART, or give one of them another name"
		perFolder   = "use FILE_PER_CHART, or give one of them another name"
	)
	for name, test := range map[string]struct {
		props cdk8s.AppProps
		build func(app cdk8s.App)
		want  string
	}{
		"a file a resource": {cdk8s.AppProps{YamlOutputType: cdk8s.YamlOutputType_FILE_PER_RESOURCE}, twoCharts,
			"\n" + `  [dev/config] is written to "ConfigMap.settings.k8s.yaml", as is prod/config; ` + perResource},
		"a file a resource, one chart": {cdk8s.AppProps{YamlOutputType: cdk8s.YamlOutputType_FILE_PER_RESOURCE}, oneChart,
			"\n" + `  [all/dev] is written to "ConfigMap.settings.k8s.yaml", as is all/prod; ` + perResource +
				"\n" + `  [all/test] is written to "ConfigMap.settings.k8s.yaml", as is all/prod; ` + perResource},
		"a folder a chart": {cdk8s.AppProps{YamlOutputType: cdk8s.YamlOutputType_FOLDER_PER_CHART_FILE_PER_RESOURCE}, oneChart,
			"\n" + `  [all/dev] is written to "all/ConfigMap.settings.k8s.yaml", as is all/prod; ` + perFolder +
				"\n" + `  [all/test] is written to "all/ConfigMap.settings.k8s.yaml", as is all/prod; ` + perFolder +
				"\n" + `  [all/patched] is written to "all/ConfigMap.settings.k8s.yaml", as is all/prod; ` + perFolder},
		"a folder a chart, two charts": {cdk8s.AppProps{YamlOutputType: cdk8s.YamlOutputType_FOLDER_PER_CHART_FILE_PER_RESOURCE}, twoCharts, ""},
		"a file a chart":               {cdk8s.AppProps{}, twoCharts, ""},
		"a file an app":                {cdk8s.AppProps{YamlOutputType: cdk8s.YamlOutputType_FILE_PER_APP}, oneChart, ""},
		"charts of one name": {cdk8s.AppProps{}, nested,
			"\n" + `  [Shop/Default/web] is written to "shop-web-c8348c94.k8s.yaml", as is Shop/web; give one of the charts another id`},
		"the record": {cdk8s.AppProps{OutputFileExtension: new(".json"), RecordConstructMetadata: new(true)}, func(app cdk8s.App) {
			tree.NewChart(app, "construct-metadata", tree.ChartProps{})
		}, "\n" + `  [construct-metadata] is written to "construct-metadata.json", as is the record of constructs; give one of the charts another id`},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := sameWith(t, test.props, test.build)
			if test.want == "" {
				require.NoError(t, err)
				return
			}
			require.EqualError(t, err, "Validation failed with the following errors:"+test.want)
		})
	}
}

func TestOfficialObjectsAreCdk8sApiObjects(t *testing.T) {
	app := cdk8s.NewApp(&cdk8s.AppProps{Outdir: jsii.String(t.TempDir())})
	chart := cdk8s.NewChart(app, jsii.String("chart"), &cdk8s.ChartProps{
		Namespace: jsii.String("prod"), Labels: &map[string]*string{"team": jsii.String("a")},
	})
	s := newShop(chart)
	// An object of plain cdk8s below a construct of ours.
	cdk8s.NewApiObject(s, jsii.String("plain"), &cdk8s.ApiObjectProps{ApiVersion: jsii.String("v1"), Kind: jsii.String("ConfigMap")})

	object := k8s.NewConfigMap(s, "config", &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: "config"}})
	object.AddJsonPatch(cdk8s.JsonPatch_Add(jsii.String("/data"), map[string]string{"a": "b"}))
	object.Metadata().AddLabel(jsii.String("added"), jsii.String("later"))
	assert.Equal(t, "ConfigMap", *object.Kind())
	assert.Equal(t, "config", *object.Name())
	assert.Equal(t, "chart/shop/config", *object.Node().Path())

	var found []string
	for _, construct := range *chart.Node().FindAll(constructs.ConstructOrder_PREORDER) {
		if *cdk8s.ApiObject_IsApiObject(construct) {
			found = append(found, *construct.Node().Path())
		}
	}
	assert.Equal(t, []string{"chart/shop/web/Deployment/Resource", "chart/shop/web/Service/Resource", "chart/shop/plain", "chart/shop/config"}, found)
	assert.Equal(t, "Deployment", *cdk8s.ApiObject_Of(s.Web().Deployment()).Kind())

	rendered := *cdk8s.Testing_Synth(chart)
	require.Len(t, rendered, 4)
	last := rendered[3].(map[string]any)
	assert.Equal(t, map[string]any{"a": "b"}, last["data"])
	assert.Equal(t, map[string]any{
		"name": "config", "namespace": "prod", "labels": map[string]any{"team": "a", "added": "later"},
	}, last["metadata"])
}

func TestOfficialTreeTellsThatNodeIsMissing(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	_, err := tree.NewOfficialApp(t.TempDir())
	assert.ErrorIs(t, err, tree.ErrNoNode)
}
