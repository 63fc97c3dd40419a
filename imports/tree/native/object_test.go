package native_test

import (
	"encoding/json"
	"math"
	"testing"

	"github.com/cdk8s-team/cdk8s-core-go/cdk8s/v2"
	"github.com/stretchr/testify/assert"
	corev1 "k8s.io/api/core/v1"

	"github.com/crossoverJie/k8s-combat/imports/tree"
	"github.com/crossoverJie/k8s-combat/imports/tree/native"
)

func TestObject(t *testing.T) {
	t.Parallel()
	app := native.NewApp(nil)
	chart := tree.NewChart(app, "shop", tree.ChartProps{Namespace: "prod", Labels: map[string]string{"team": "a", "tier": "web"}})
	object := newObject(chart, "web", map[string]any{
		"apiVersion": "apps/v1",
		"kind":       "Deployment",
		"metadata":   map[string]any{"labels": map[string]any{"team": "b"}, "generateName": "x", "finalizers": []any{}},
		"spec": map[string]any{
			"replicas": int64(2),
			"absent":   nil,
			"args":     []any{},
			"emptyDir": map[string]any{"sizeLimit": nil},
			"list":     []any{nil, map[string]any{"b": uint64(1), "a": nil}, json.Number("1e1")},
			"data":     map[string]any{"b": "1", "10": "2", "9": "3", "\uE000": "4", "\U0001F600": "5"},
		},
	})
	assert.Equal(t, "apps/v1", *object.ApiVersion())
	assert.Equal(t, "apps", *object.ApiGroup())
	assert.Equal(t, "Deployment", *object.Kind())
	assert.Equal(t, "shop-web-c80b2a96", *object.Name())
	assert.Equal(t, `apiVersion: apps/v1
kind: Deployment
metadata:
  generateName: x
  labels:
    team: b
    tier: web
  name: shop-web-c80b2a96
  namespace: prod
spec:
  args: []
  data:
    "9": "3"
    "10": "2"
    b: "1"
    `+"\U0001F600"+`: "5"
    `+"\uE000"+`: "4"
  emptyDir: {}
  list:
    - null
    - b: 1
    - 10
  replicas: 2
`, *app.SynthYaml())
	assert.Equal(t, map[string]any{
		"apiVersion": "apps/v1",
		"kind":       "Deployment",
		"metadata": map[string]any{
			"generateName": "x", "name": "shop-web-c80b2a96", "namespace": "prod",
			"labels": map[string]any{"team": "b", "tier": "web"},
		},
		"spec": map[string]any{
			"replicas": 2.0, "args": []any{}, "emptyDir": map[string]any{}, "list": []any{nil, map[string]any{"b": 1.0}, 10.0},
			"data": map[string]any{"b": "1", "10": "2", "9": "3", "\uE000": "4", "\U0001F600": "5"},
		},
	}, object.ToJson())
}

func TestTopLevelKeys(t *testing.T) {
	t.Parallel()
	app := native.NewApp(nil)
	newObject(newChart(app, "c"), "o", map[string]any{"a": 1, "10": 2, "z": 3, "9": 4})
	assert.Equal(t, "\"9\": 4\n\"10\": 2\napiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: c-o-c89fde97\na: 1\nz: 3\n", *app.SynthYaml())
}

func TestToJsonIsACopy(t *testing.T) {
	t.Parallel()
	object := newObject(newChart(native.NewApp(nil), "c"), "o", map[string]any{"data": map[string]any{"a": "1"}})
	first := object.ToJson().(map[string]any)
	first["data"].(map[string]any)["a"] = "changed"
	first["metadata"].(map[string]any)["name"] = "changed"
	assert.Equal(t, map[string]any{"a": "1"}, object.ToJson().(map[string]any)["data"])
	assert.Equal(t, *object.Name(), object.ToJson().(map[string]any)["metadata"].(map[string]any)["name"])
}

func TestNewApiObject(t *testing.T) {
	t.Parallel()
	chart := native.NewChart(native.NewApp(nil), new("c"), &cdk8s.ChartProps{
		Namespace: new("prod"),
		Labels:    &map[string]*string{"team": new("a"), "none": nil},
	})
	assert.Equal(t, "prod", *chart.Namespace())
	assert.Equal(t, map[string]*string{"team": new("a")}, *chart.Labels())
	object := native.NewApiObject(chart, new("o"), &cdk8s.ApiObjectProps{
		ApiVersion: new("v1"),
		Kind:       new("Pod"),
		Metadata: &cdk8s.ApiObjectMetadata{
			Name:            new("pod"),
			Namespace:       new("test"),
			Labels:          &map[string]*string{"a": new("b")},
			OwnerReferences: &[]*cdk8s.OwnerReference{{ApiVersion: new("v1"), Kind: new("Node"), Name: new("n"), Uid: new("u")}},
		},
	})
	assert.Equal(t, "core", *object.ApiGroup())
	assert.Equal(t, map[string]any{
		"apiVersion": "v1",
		"kind":       "Pod",
		"metadata": map[string]any{
			"name": "pod", "namespace": "test", "labels": map[string]any{"a": "b", "team": "a"},
			"ownerReferences": []any{map[string]any{"apiVersion": "v1", "kind": "Node", "name": "n", "uid": "u"}},
		},
	}, object.ToJson())
	assert.Equal(t, []string{"c/o"}, paths(chart.ApiObjects()))
}

func TestInvalidObjects(t *testing.T) {
	t.Parallel()
	chart := newChart(native.NewApp(nil), "c")
	add := func(fields map[string]any) func() { return func() { newObject(chart, "o", fields) } }
	for want, object := range map[string]func(){
		"invalid apiVersion a/b/c, expecting GROUP/VERSION. See https://kubernetes.io/docs/reference/using-api/api-overview/#api-groups": add(map[string]any{"apiVersion": "a/b/c"}),
		"an object needs a string as kind, not <nil>":         add(map[string]any{"kind": nil}),
		"an object needs a string as apiVersion, not 1":       add(map[string]any{"apiVersion": 1}),
		"metadata is a string, not a manifest.Object":         add(map[string]any{"metadata": "x"}),
		"metadata.name is a int, not a string":                add(map[string]any{"metadata": map[string]any{"name": 1}}),
		"can't render non-simple object of type 'chan int'":   add(map[string]any{"spec": map[string]any{"x": make(chan int)}}),
		"parameter props is required, but nil was provided":   func() { native.NewApiObject(chart, new("o"), nil) },
		"cannot find a parent chart (directly or indirectly)": func() { newObject(native.NewApp(nil), "o", nil) },
	} {
		assert.PanicsWithError(t, want, object)
	}
	assert.Empty(t, *chart.Node().Children(), "what could not be made is not in the tree")
}

func TestObjectMetadata(t *testing.T) {
	t.Parallel()
	chart := tree.NewChart(native.NewApp(nil), "c", tree.ChartProps{Labels: map[string]string{"team": "a"}})
	object := newObject(chart, "o", nil)
	metadata := object.Metadata()
	assert.Equal(t, *object.Name(), *metadata.Name())
	assert.Nil(t, metadata.Namespace())
	assert.Equal(t, "a", *metadata.GetLabel(new("team")))
	assert.Nil(t, metadata.GetLabel(new("none")))
	assert.Equal(t, map[string]any{"name": *object.Name(), "labels": map[string]any{"team": "a"}}, metadata.ToJson())

	metadata.AddLabel(new("tier"), new("web"))
	metadata.AddAnnotation(new("note"), new("yes"))
	metadata.AddFinalizers(new("one"), new("two"))
	metadata.AddOwnerReference(&cdk8s.OwnerReference{ApiVersion: new("v1"), Kind: new("Node"), Name: new("n"), Uid: new("u"), Controller: new(true)})
	metadata.Add(new("generation"), 3)
	metadata.Add(new("nothing"), map[string]any{"empty": []string{}})
	metadata.Add(new("name"), "ignored, as in cdk8s")
	want := map[string]any{
		"name":            *object.Name(),
		"labels":          map[string]any{"team": "a", "tier": "web"},
		"annotations":     map[string]any{"note": "yes"},
		"finalizers":      []any{"one", "two"},
		"ownerReferences": []any{map[string]any{"apiVersion": "v1", "kind": "Node", "name": "n", "uid": "u", "controller": true}},
		"generation":      3.0,
	}
	assert.Equal(t, want, metadata.ToJson())
	assert.Equal(t, want, object.ToJson().(map[string]any)["metadata"])

	assert.PanicsWithError(t, "float64 cannot be part of a manifest: json: unsupported value: NaN", func() { metadata.Add(new("x"), math.NaN()) })
}

// jsiiProxy_Lazy is named like the values that jsii hands out.
type jsiiProxy_Lazy struct{ _ byte }

func TestValuesOfJsii(t *testing.T) {
	t.Parallel()
	object := newObject(newChart(native.NewApp(nil), "c"), "o", nil)
	assert.PanicsWithError(t, "native_test.jsiiProxy_Lazy lives in Node.js, where the native tree cannot read it: pass plain values",
		func() { object.Metadata().Add(new("x"), map[string]any{"y": []any{&jsiiProxy_Lazy{}}}) })
	assert.PanicsWithError(t, "a patch made by cdk8s.JsonPatch lives in Node.js, where the native tree cannot read it: make it with package tree, "+
		`like tree.PatchReplace("/spec/replicas", 3)`,
		func() { object.AddJsonPatch(&jsiiProxy_Lazy{}) })
}

func TestConstructsAreNoValues(t *testing.T) {
	t.Parallel()
	chart := newChart(native.NewApp(nil), "c")
	object := newObject(chart, "o", nil)
	g := newGroup(chart, "g")
	const refused = `is of the native tree (imports/tree/native), which jsii cannot take: make the App with cdk8s.NewApp, or make the objects with tree.NewObject or the constructors of imports/`
	for _, value := range []any{chart, object, g, g.Node(), map[string]any{"x": chart}} {
		_, err := json.Marshal(value)
		assert.ErrorContains(t, err, refused)
	}
	assert.Panics(t, func() { object.Metadata().Add(new("x"), g) })
}

func TestIDTakenByAnObject(t *testing.T) {
	t.Parallel()
	app := native.NewApp(nil)
	chart := newChart(app, "c")
	named(chart, "o")
	kind := corev1.SchemeGroupVersion.WithKind("Pod")
	object := tree.NewObject(chart, "o", kind, map[string]any{"metadata": map[string]any{"name": "other"}})
	assert.Equal(t, "other", *object.Name(), "what is written with another id is whole")
	assert.PanicsWithError(t, "Validation failed with the following errors:\n"+
		`  [c/o-2] id: "o" is taken below c; give each construct an id that its siblings do not have`, func() { app.SynthYaml() })
}
