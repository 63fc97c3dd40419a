package tree_test

import (
	"strings"
	"testing"

	"github.com/aws/constructs-go/constructs/v10"
	"github.com/cdk8s-team/cdk8s-core-go/cdk8s/v2"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/crossoverJie/k8s-combat/imports/k8s"
	"github.com/crossoverJie/k8s-combat/imports/tree"
	"github.com/crossoverJie/k8s-combat/imports/tree/native"
)

// shop names its objects itself.
type shop struct{ cdk8s.Chart }

func (s *shop) GenerateObjectName(object cdk8s.ApiObject) *string {
	return new("shop-" + *object.Node().Id() + "-" + *s.Chart.GenerateObjectName(object))
}

// market is a shop that others extend, and counts what it writes.
type market struct {
	*shop
	written int
}

func (m *market) ToJson() *[]any { //nolint:revive // the name that cdk8s gives it
	objects := m.shop.ToJson()
	m.written = len(*objects)
	more := append(*objects, map[string]any{"kind": "Extra", "metadata": map[string]any{"name": "extra", "labels": nil}, "apiVersion": "v1"}, nil)
	return &more
}

// plain overrides nothing.
type plain struct {
	cdk8s.Chart
	team string
}

func (p *plain) Team() string { return p.team }

// ownApp is an app with a type of its own.
type ownApp struct{ cdk8s.App }

// byValue has its method on the value.
type byValue struct{ cdk8s.Chart }

func (v byValue) GenerateObjectName(cdk8s.ApiObject) *string { return new("by-value") }

// settings is an object that has the last word on what is written.
type settings struct{ cdk8s.ApiObject }

func (s *settings) ToJson() any { //nolint:revive // the name that cdk8s gives it
	content := s.ApiObject.ToJson().(map[string]any)
	content["data"] = map[string]any{"name": strings.ToUpper(*s.Name()), "none": nil}
	return content
}

func named(name string) *corev1.ConfigMap {
	return &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: name}}
}

func TestInitChart(t *testing.T) {
	t.Parallel()
	app := newApp(t)
	s := &shop{}
	tree.InitChart(s, app, "s", tree.ChartProps{Namespace: "prod"})
	object := k8s.NewConfigMap(s, "config", &corev1.ConfigMap{})

	assert.Equal(t, "shop-config-s-config-c899b26a", *object.Name())
	assert.Same(t, s, object.Node().Scope())
	assert.Same(t, s, object.Chart())
	assert.Same(t, s, (*app.Charts())[0])
	assert.Same(t, s, (*app.Node().Children())[0])
	around, err := tree.ChartOf(object)
	require.NoError(t, err)
	assert.Same(t, s, around)
	assert.Equal(t, "prod", *object.Metadata().Namespace())
}

func TestAStructAroundAChartBecomesTheChart(t *testing.T) {
	t.Parallel()
	app := newApp(t)
	s := &shop{tree.NewChart(app, "s", tree.ChartProps{})}
	object := k8s.NewConfigMap(s, "config", &corev1.ConfigMap{})
	assert.Equal(t, "shop-config-s-config-c899b26a", *object.Name())
	assert.Same(t, s, (*app.Charts())[0])

	m := &market{shop: &shop{native.NewChart(app, new("m"), nil)}}
	inner := native.NewApiObject(m, new("a"), &cdk8s.ApiObjectProps{ApiVersion: new("v1"), Kind: new("Pod")})
	assert.Equal(t, "shop-a-m-a-c8c5473d", *inner.Name())
	assert.Same(t, m, inner.Node().Scope())
	assert.Same(t, m, (*app.Charts())[1])

	v := &byValue{tree.NewChart(app, "v", tree.ChartProps{})}
	assert.Equal(t, "by-value", *k8s.NewConfigMap(v, "config", &corev1.ConfigMap{}).Name())

	own := &ownApp{newApp(t)}
	chart := tree.NewChart(own, "c", tree.ChartProps{})
	root, err := tree.AppOf(chart)
	require.NoError(t, err)
	assert.Same(t, own, root)
	assert.Same(t, own, chart.Node().Scope())

	other := struct{ constructs.Construct }{s}
	k8s.NewConfigMap(&other, "more", &corev1.ConfigMap{})
	assert.Same(t, s, (*app.Charts())[0], "what is no chart itself does not take the place of one")
}

func TestChartsThatRenderThemselves(t *testing.T) {
	t.Parallel()
	build := func(outputType cdk8s.YamlOutputType) (cdk8s.App, *market) {
		app := native.NewApp(&cdk8s.AppProps{Outdir: new(t.TempDir()), YamlOutputType: outputType})
		m := &market{shop: &shop{tree.NewChart(app, "m", tree.ChartProps{})}}
		k8s.NewConfigMap(m, "a", named("a"))
		return app, m
	}
	const a = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: a\n"
	const extra = "apiVersion: v1\nkind: Extra\nmetadata:\n  name: extra\n"
	for outputType, want := range map[cdk8s.YamlOutputType]map[string]string{
		cdk8s.YamlOutputType_FILE_PER_CHART:                     {"m.k8s.yaml": a + "---\n" + extra + "---\n\n"},
		cdk8s.YamlOutputType_FILE_PER_APP:                       {"app.k8s.yaml": a + "---\n" + extra + "---\n\n"},
		cdk8s.YamlOutputType_FILE_PER_RESOURCE:                  {"ConfigMap.a.k8s.yaml": a, "Extra.extra.k8s.yaml": extra},
		cdk8s.YamlOutputType_FOLDER_PER_CHART_FILE_PER_RESOURCE: {"m/ConfigMap.a.k8s.yaml": a},
	} {
		app, m := build(outputType)
		files, err := native.Files(app)
		require.NoError(t, err)
		got := map[string]string{}
		for _, file := range files {
			got[file.Path] = string(file.Content)
		}
		assert.Equal(t, want, got)
		if outputType != cdk8s.YamlOutputType_FOLDER_PER_CHART_FILE_PER_RESOURCE {
			assert.Equal(t, 1, m.written)
		}
	}
	app, _ := build("")
	assert.Equal(t, a+"---\n"+extra+"---\n\n", *app.SynthYaml())
}

func TestATypeThatOverridesNothingChangesNothing(t *testing.T) {
	t.Parallel()
	app := newApp(t)
	p := &plain{team: "a"}
	tree.InitChart(p, app, "p", tree.ChartProps{})
	k8s.NewConfigMap(p, "config", &corev1.ConfigMap{Data: map[string]string{"a": "b"}})
	assert.Equal(t, "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: p-config-c83407f1\ndata:\n  a: b\n", *app.SynthYaml())
	assert.Equal(t, "a", (*app.Charts())[0].(*plain).Team())
}

func TestInitObject(t *testing.T) {
	t.Parallel()
	app := newApp(t)
	chart := tree.NewChart(app, "chart", tree.ChartProps{Namespace: "prod"})
	s, cluster := &settings{}, &settings{}
	tree.InitObject(s, chart, "s", configMap, named("a"))
	tree.InitClusterObject(cluster, chart, "cluster", configMap, named("b"))
	assert.Same(t, s, (*chart.ApiObjects())[0])
	assert.Same(t, s, (*chart.Node().Children())[0])
	found, err := tree.ObjectOf(s)
	require.NoError(t, err)
	assert.Same(t, s, found)
	const want = "apiVersion: v1\ndata:\n  name: A\nkind: ConfigMap\nmetadata:\n  name: a\n  namespace: prod\n" +
		"---\napiVersion: v1\ndata:\n  name: B\nkind: ConfigMap\nmetadata:\n  name: b\n"
	assert.Equal(t, want, *app.SynthYaml())
	objects, err := tree.Render(chart)
	require.NoError(t, err)
	assert.Equal(t, map[string]any{"name": "A", "none": nil}, objects[0].(map[string]any)["data"])
}

func TestInitMistakes(t *testing.T) {
	t.Parallel()
	app := newApp(t)
	s := &shop{}
	tree.InitChart(s, app, "s", tree.ChartProps{Namespace: "Prod", GenerateObjectName: func(cdk8s.ApiObject) string { return "x" }})
	again := &shop{}
	tree.InitChart(again, app, "s", tree.ChartProps{})
	object := &settings{}
	tree.InitObject(object, s, "o", configMap, nil)
	require.EqualError(t, tree.Synth(app), `Validation failed with the following errors:
  [s] Namespace: "Prod" is not an RFC 1123 label; use 1 to 63 lower-case letters, digits or '-', beginning and ending with a letter or digit
  [s] GenerateObjectName: is not for a chart with a type of its own; declare the method
  [s/o] ConfigMap: the object is nil; pass one, an empty one if need be
  [s-2] id: "s" is taken below the app; give each construct an id that its siblings do not have`)
	assert.PanicsWithValue(t, "*tree_test.market cannot be a chart: it must be a pointer to a struct that embeds cdk8s.Chart", func() {
		tree.InitChart(&market{}, app, "m", tree.ChartProps{})
	})
	assert.PanicsWithValue(t, "tree_test.byValue cannot be a chart: it must be a pointer to a struct that embeds cdk8s.Chart", func() {
		tree.InitChart(byValue{}, app, "v", tree.ChartProps{})
	})
}
