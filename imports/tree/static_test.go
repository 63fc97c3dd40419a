package tree_test

import (
	"encoding/json"
	"testing"

	"github.com/aws/constructs-go/constructs/v10"
	"github.com/cdk8s-team/cdk8s-core-go/cdk8s/v2"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/crossoverJie/k8s-combat/imports/tree"
	"github.com/crossoverJie/k8s-combat/imports/tree/native"
)

// What these functions do in the official tree is compared in package conformance.

func TestLookup(t *testing.T) {
	t.Parallel()
	app := newApp(t)
	chart := tree.NewChart(app, "chart", tree.ChartProps{})
	q := newQueue(chart, "queue", "jobs")

	found, err := tree.AppOf(q)
	require.NoError(t, err)
	assert.Same(t, app, found)
	around, err := tree.ChartOf(q)
	require.NoError(t, err)
	assert.Same(t, chart, around)
	object, err := tree.ObjectOf(q)
	require.NoError(t, err)
	assert.Equal(t, "jobs", *object.Name())

	_, err = tree.ChartOf(app)
	require.EqualError(t, err, "cannot find a parent chart (directly or indirectly)")
	_, err = tree.ObjectOf(chart)
	require.EqualError(t, err, "cannot find a (direct or indirect) child of type ApiObject for construct chart")
	chart.Node().SetDefaultChild(chart)
	_, err = tree.ObjectOf(chart)
	require.EqualError(t, err, "construct chart is its own default child; undo SetDefaultChild")

	assert.True(t, tree.IsConstruct(q))
	assert.False(t, tree.IsConstruct("queue"))
	assert.True(t, tree.IsChart(chart))
	assert.False(t, tree.IsChart(q))
	assert.False(t, tree.IsChart(nil))
	assert.True(t, tree.IsObject(object))
	assert.False(t, tree.IsObject(chart))
}

func TestPatches(t *testing.T) {
	t.Parallel()
	chart := tree.NewChart(newApp(t), "chart", tree.ChartProps{})
	config := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: "c"}, Data: map[string]string{"a": "1", "b": "2", "c": "3"}}
	object := tree.NewObject(chart, "config", configMap, config)
	object.AddJsonPatch(
		tree.PatchTest("/data/a", "1"), tree.PatchReplace("/data/a", "4"), tree.PatchAdd("/data/d", "5"),
		tree.PatchCopy("/data/a", "/data/e"), tree.PatchMove("/data/b", "/data/f"), tree.PatchRemove("/data/c"),
	)
	objects, err := tree.Render(chart)
	require.NoError(t, err)
	assert.Equal(t, map[string]any{"a": "4", "d": "5", "e": "4", "f": "2"}, objects[0].(map[string]any)["data"])

	text, err := json.Marshal(tree.PatchAdd("/spec", corev1.Container{Name: "web"}))
	require.NoError(t, err)
	assert.JSONEq(t, `{"op": "add", "path": "/spec", "value": {"name": "web", "resources": {}}}`, string(text), "the operation as RFC 6902 has it")
	assert.PanicsWithError(t, "patch of /x: chan int cannot be part of a manifest: json: unsupported type: chan int", func() { tree.PatchAdd("/x", make(chan int)) })

	object.AddJsonPatch(tree.PatchTest("/data/a", "9"))
	_, err = tree.Render(chart)
	assert.EqualError(t, err, "Failed serializing construct at path 'chart/config' with name 'c': Test operation failed: /data/a is not 9")
}

func TestDependencyGroup(t *testing.T) {
	t.Parallel()
	chart := tree.NewChart(newApp(t), "chart", tree.ChartProps{})
	a, b, c := newQueue(chart, "a", "a"), newQueue(chart, "b", "b"), newQueue(chart, "c", "c")
	group := tree.NewDependencyGroup(b)
	group.Add(c)
	a.Node().AddDependency(group)
	assert.Equal(t, []constructs.IConstruct{b, c}, tree.DependencyRoots(group))
	assert.Equal(t, []constructs.IConstruct{a}, tree.DependencyRoots(a))
	var names []string
	for _, object := range *chart.ToJson() {
		names = append(names, object.(map[string]any)["metadata"].(map[string]any)["name"].(string))
	}
	assert.Equal(t, []string{"b", "c", "a"}, names)
}

func TestDependencyGroupOfGroups(t *testing.T) {
	t.Parallel()
	chart := tree.NewChart(newApp(t), "chart", tree.ChartProps{})
	a, b, c := newQueue(chart, "a", "a"), newQueue(chart, "b", "b"), newQueue(chart, "c", "c")
	group := tree.NewDependencyGroup()
	assert.Empty(t, tree.DependencyRoots(group))
	a.Node().AddDependency(group)
	assert.Empty(t, *a.Node().Dependencies())
	inner := tree.NewDependencyGroup(b)
	group.Add(inner)
	inner.Add(c)
	assert.Equal(t, []constructs.IConstruct{b, c}, *a.Node().Dependencies(), "what is added later counts")
	inner.Add(group)
	assert.Equal(t, []constructs.IConstruct{b, c}, *a.Node().Dependencies(), "a group that holds itself stands for its other members")
	assert.PanicsWithError(t, "a dependency group cannot hold nil: pass constructs, other groups, or none", func() { group.Add(nil) })
}

func TestNames(t *testing.T) {
	t.Parallel()
	chart := tree.NewChart(newApp(t), "chart", tree.ChartProps{})
	web := tree.NewConstruct(chart, "Web Server")
	for want, options := range map[string]tree.NameOptions{
		"chart-webserver-c8fc25c4":   {},
		"chart-webserver":            {WithoutHash: true},
		"c_webserver_v1_c8fc25c4":    {Delimiter: "_", Extra: []string{"V1"}, MaxLength: 23},
		"chart-webserver-x-c8fc25c4": {Extra: []string{"resource", "x"}},
	} {
		name, err := tree.DNSLabel(web, options)
		require.NoError(t, err)
		assert.Equal(t, want, name)
	}
	value, err := tree.LabelValue(web, tree.NameOptions{Delimiter: "."})
	require.NoError(t, err)
	assert.Equal(t, "chart.WebServer.c8fc25c4", value)
	value, err = tree.LabelValue(chart, tree.NameOptions{})
	require.NoError(t, err)
	assert.Equal(t, "chart", value)

	_, err = tree.DNSLabel(web, tree.NameOptions{MaxLength: 7})
	require.EqualError(t, err, "minimum max length for object names is 8 (required for hash)")
	_, err = tree.LabelValue(web, tree.NameOptions{MaxLength: 7})
	require.EqualError(t, err, "minimum max length for label is 8 (required for hash)")
	_, err = tree.LabelValue(web, tree.NameOptions{Delimiter: "/"})
	require.EqualError(t, err, `delim should not contain "[^0-9a-zA-Z-_.]"`)
}

func TestGenerateObjectName(t *testing.T) {
	t.Parallel()
	chart := tree.NewChart(native.NewApp(nil), "chart", tree.ChartProps{
		GenerateObjectName: func(object cdk8s.ApiObject) string { return "own-" + *object.Node().Id() },
	})
	object := tree.NewObject(chart, "config", configMap, &corev1.ConfigMap{})
	assert.Equal(t, "own-config", *object.Name())
	assert.Equal(t, "own-config", *chart.GenerateObjectName(object))
	named := tree.NewObject(chart, "named", configMap, &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: "n"}})
	assert.Equal(t, "n", *named.Name())
}
