package tree_test

import (
	"fmt"
	"math"
	"os"
	"testing"

	"github.com/aws/constructs-go/constructs/v10"
	"github.com/cdk8s-team/cdk8s-core-go/cdk8s/v2"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/crossoverJie/k8s-combat/imports/k8s"
	"github.com/crossoverJie/k8s-combat/imports/tree"
	"github.com/crossoverJie/k8s-combat/imports/tree/native"
)

func TestMain(m *testing.M) {
	code := m.Run()
	tree.Close()
	os.Exit(code)
}

// queue is a construct as the package comment shows it.
type queue struct {
	constructs.Construct
	name string
}

func newQueue(scope constructs.Construct, id, name string) *queue {
	q := &queue{name: name}
	tree.New(q, scope, id)
	if name == "" {
		tree.Invalid(q, tree.Problem{Field: "Name", Detail: "is not set", Fix: "name the queue"})
	}
	k8s.NewConfigMap(q, "Resource", &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: name}})
	return q
}

func (q *queue) Name() string { return q.name }

func newApp(t *testing.T) cdk8s.App {
	t.Helper()
	outdir := t.TempDir()
	return native.NewApp(&cdk8s.AppProps{Outdir: &outdir})
}

var configMap = schema.GroupVersionKind{Version: "v1", Kind: "ConfigMap"}

func TestNewPutsSelfInTheTree(t *testing.T) {
	t.Parallel()
	chart := tree.NewChart(newApp(t), "chart", tree.ChartProps{})
	q := newQueue(chart, "queue", "jobs")
	inner := newQueue(q, "inner", "more")

	assert.Equal(t, "chart/queue/inner", *inner.Node().Path())
	assert.Same(t, q, inner.Node().Scope(), "the tree must hand out the outer value, not what it embeds")
	assert.Same(t, q, (*chart.Node().Children())[0])
}

func TestNewChartHandsOnItsProps(t *testing.T) {
	t.Parallel()
	chart := tree.NewChart(newApp(t), "chart", tree.ChartProps{
		Namespace: "prod", Labels: map[string]string{"team": "a"}, DisableResourceNameHashes: true,
	})
	object := tree.NewObject(chart, "config", configMap, &corev1.ConfigMap{})
	assert.Equal(t, "chart-config", *object.Name())
	assert.Equal(t, "prod", *object.Metadata().Namespace())
	assert.Equal(t, "a", *object.Metadata().GetLabel(new("team")))
}

func TestNewObjectTakesACopy(t *testing.T) {
	t.Parallel()
	chart := tree.NewChart(newApp(t), "chart", tree.ChartProps{})
	config := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: "c"}, Data: map[string]string{"a": "1"}}
	object := tree.NewObject(chart, "config", configMap, config)
	config.Data["a"] = "2"
	config.Name = "d"
	assert.Equal(t, map[string]any{
		"apiVersion": "v1", "kind": "ConfigMap", "metadata": map[string]any{"name": "c"}, "data": map[string]any{"a": "1"},
	}, object.ToJson())
}

func TestMistakesAreReportedAtSynth(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		build func(app cdk8s.App)
		want  string
	}{
		"id taken": {func(app cdk8s.App) {
			chart := tree.NewChart(app, "chart", tree.ChartProps{})
			newQueue(chart, "queue", "a")
			newQueue(chart, "queue", "b")
			newQueue(chart, "queue", "c")
		}, `
  [chart/queue-2] id: "queue" is taken below chart; give each construct an id that its siblings do not have
  [chart/queue-3] id: "queue" is taken below chart; give each construct an id that its siblings do not have`},
		"id empty": {func(app cdk8s.App) {
			newQueue(tree.NewChart(app, "", tree.ChartProps{}), "", "a")
		}, `
  [unnamed-2] id: "" is not allowed below the app; give each construct an id that its siblings do not have
  [unnamed-2/unnamed-2] id: "" is not allowed below unnamed-2; give each construct an id that its siblings do not have`},
		"own messages": {func(app cdk8s.App) {
			newQueue(tree.NewChart(app, "chart", tree.ChartProps{}), "queue", "")
		}, `
  [chart/queue] Name: is not set; name the queue`},
		"objects": {func(app cdk8s.App) {
			chart := tree.NewChart(app, "chart", tree.ChartProps{})
			tree.NewObject(chart, "nil", configMap, nil)
			tree.NewObject(chart, "typed nil", configMap, (*corev1.ConfigMap)(nil))
			tree.NewObject(chart, "kind", configMap, map[string]any{"kind": "Secret"})
			tree.NewObject(chart, "version", configMap, map[string]any{"apiVersion": 1})
			tree.NewObject(chart, "nan", configMap, map[string]any{"data": map[string]any{"a": math.NaN()}})
			tree.NewObject(chart, "metadata", configMap, map[string]any{"metadata": 1})
			tree.NewObject(chart, "fields", configMap, map[string]any{"metadata": map[string]any{
				"name": true, "namespace": 1, "labels": map[string]any{"a": true}, "annotations": []string{"a"}, "finalizers": "f", "ownerReferences": map[string]any{}, "x": 1,
			}})
			tree.NewObject(chart, "text", configMap, "text")
		}, `
  [chart/nil] ConfigMap: the object is nil; pass one, an empty one if need be
  [chart/typed nil] ConfigMap: the object is nil; pass one, an empty one if need be
  [chart/kind] kind: "Secret" is not what this constructor makes; leave it out, or write "ConfigMap"
  [chart/version] apiVersion: 1 is not what this constructor makes; leave it out, or write "v1"
  [chart/nan] ConfigMap: cannot be written as YAML: data.a: NaN is not allowed; a number must be finite
  [chart/metadata] metadata: 1 is not a map; write one
  [chart/fields] metadata.annotations: is not a map; write one
  [chart/fields] metadata.finalizers: "f" is not a list; write one
  [chart/fields] metadata.labels[a]: true is not text; put it in quotes
  [chart/fields] metadata.name: true is not text; put it in quotes
  [chart/fields] metadata.namespace: 1 is not text; put it in quotes
  [chart/fields] metadata.ownerReferences: is not a list; write one
  [chart/text] ConfigMap: cannot be written as YAML: string is not an object; allowed are structs of API types, pointers to them, and maps`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			app := newApp(t)
			test.build(app)
			err := tree.Synth(app)
			require.EqualError(t, err, "Validation failed with the following errors:"+test.want)
			entries, err := os.ReadDir(*app.Outdir())
			require.NoError(t, err)
			assert.Empty(t, entries)
		})
	}
}

func TestProgrammingErrorsPanic(t *testing.T) {
	t.Parallel()
	assert.PanicsWithValue(t, `construct "queue" needs a scope: an App, a Chart or another construct, not nil`, func() {
		newQueue(nil, "queue", "a")
	})
	chart := tree.NewChart(newApp(t), "chart", tree.ChartProps{})
	assert.PanicsWithValue(t, `tree_test.notAPointer cannot be a construct: it must be a pointer to a struct that embeds constructs.Construct`, func() {
		tree.New(notAPointer{}, chart, "x")
	})
	chart.Node().Lock()
	assert.Panics(t, func() { newQueue(chart, "queue", "a") }, "the tree is locked, which no other id would help")
}

type notAPointer struct{ constructs.Construct }

// around is a struct around a construct that may be one.
type around struct{ *queue }

func TestScopesThatAreNone(t *testing.T) {
	t.Parallel()
	const fill = " is nil; its constructor has to fill it with "
	for _, test := range []struct {
		scope constructs.Construct
		want  string
	}{
		{(*shop)(nil), "the *tree_test.shop that was given is nil"},
		{(*queue)(nil), "the *tree_test.queue that was given is nil"},
		{&queue{}, "the embedded constructs.Construct of tree_test.queue" + fill + "tree.New, before it is used"},
		{notAPointer{}, "the embedded constructs.Construct of tree_test.notAPointer" + fill + "tree.New, before it is used"},
		{&shop{}, "the embedded cdk8s.Chart of tree_test.shop" + fill + "tree.InitChart or tree.NewChart, before it is used"},
		{&market{shop: &shop{}}, "the embedded cdk8s.Chart of tree_test.shop" + fill + "tree.InitChart or tree.NewChart, before it is used"},
		{&settings{}, "the embedded cdk8s.ApiObject of tree_test.settings" + fill + "tree.InitObject or tree.NewObject, before it is used"},
		{&ownApp{}, "the embedded cdk8s.App of tree_test.ownApp" + fill + "native.NewApp or cdk8s.NewApp, before it is used"},
		{&around{}, "the embedded *tree_test.queue of tree_test.around is nil"},
		{&struct{ constructs.Construct }{(*queue)(nil)}, "the *tree_test.queue in the embedded constructs.Construct of struct { constructs.Construct } is nil"},
	} {
		want := `construct "a" needs a scope: ` + test.want
		assert.PanicsWithValue(t, want, func() { tree.NewConstruct(test.scope, "a") })
		assert.PanicsWithValue(t, want, func() { newQueue(test.scope, "a", "name") })
		assert.PanicsWithValue(t, want, func() { tree.NewChart(test.scope, "a", tree.ChartProps{}) })
		assert.PanicsWithValue(t, want, func() { tree.NewObject(test.scope, "a", configMap, named("a")) })
		assert.PanicsWithValue(t, want, func() { tree.InitObject(&settings{}, test.scope, "a", configMap, named("a")) })
		needed := "a construct is needed: " + test.want
		assert.PanicsWithError(t, needed, func() { native.NewChart(test.scope, new("a"), nil) })
		_, err := tree.ChartOf(test.scope)
		require.EqualError(t, err, needed)
	}
	for name, use := range map[string]func(){
		"KeepOrder": func() { tree.KeepOrder(nil) }, "Invalid": func() { tree.Invalid(nil, tree.Problem{}) }, "Validate": func() { tree.Validate(nil, nil) },
		"Warn": func() { tree.Warn(nil, tree.Problem{}) }, "Warnings": func() { tree.Warnings(nil) },
		"SetClusterDomain": func() { tree.SetClusterDomain(nil, "example.internal") }, "ClusterDomain": func() { tree.ClusterDomain(nil) },
	} {
		assert.PanicsWithError(t, "a construct is needed: nil was given", use, name)
	}
	_, err := tree.DNSLabel(nil, tree.NameOptions{})
	require.EqualError(t, err, "a construct is needed: nil was given")
	_, err = tree.LabelValue((*queue)(nil), tree.NameOptions{})
	require.EqualError(t, err, "a construct is needed: the *tree_test.queue that was given is nil")
	require.EqualError(t, tree.Synth(nil), "an app is needed: nil was given")
	assert.Equal(t, 1, tree.Main(nil))
	_, err = tree.Render((*shop)(nil))
	require.EqualError(t, err, "a chart is needed: the *tree_test.shop that was given is nil")
	assert.False(t, tree.IsChart((*queue)(nil)))
	assert.False(t, tree.IsObject(&queue{}))
	assert.PanicsWithValue(t, "the *tree_test.queue that is to be a construct is nil", func() { tree.New((*queue)(nil), newApp(t), "a") })
	assert.Nil(t, (*tree.Included)(nil).Objects())
	assert.Nil(t, (*tree.HelmChart)(nil).Objects())
	assert.Empty(t, (*tree.HelmChart)(nil).ReleaseName())
}

func TestACheckThatIsNil(t *testing.T) {
	t.Parallel()
	app := newApp(t)
	tree.Validate(newQueue(tree.NewChart(app, "chart", tree.ChartProps{}), "queue", "a"), nil)
	require.ErrorContains(t, tree.Synth(app), "[chart/queue] check: is nil; pass a function")
}

func Example() {
	app := native.NewApp(nil) // or cdk8s.NewApp(nil): constructs work on either tree
	chart := tree.NewChart(app, "shop", tree.ChartProps{Namespace: "prod"})
	newQueue(chart, "queue", "jobs")
	fmt.Print(*app.SynthYaml())
	// Output:
	// apiVersion: v1
	// kind: ConfigMap
	// metadata:
	//   name: jobs
	//   namespace: prod
}
