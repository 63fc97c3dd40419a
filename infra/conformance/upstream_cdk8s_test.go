package conformance_test

import (
	"os"
	"path/filepath"
	"strings"

	"github.com/aws/constructs-go/constructs/v10"
	"github.com/cdk8s-team/cdk8s-core-go/cdk8s/v2"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/crossoverJie/k8s-combat/imports/tree"
	"github.com/crossoverJie/k8s-combat/imports/tree/native"
)

// unit is a construct with an object of its own.
func unit(scope constructs.Construct, id string) (constructs.Construct, cdk8s.ApiObject) {
	c := tree.NewConstruct(scope, id)
	return c, newKind(c, id+"-object", "Unit", values{})
}

// metadataOf is what the metadata of a new object says after it was added to.
func metadataOf(u *upstream, fields values, add func(m cdk8s.ApiObjectMetadataDefinition)) values {
	fields["name"] = "o"
	object := newKind(u.chart(), "o", "Pod", values{"metadata": fields})
	add(object.Metadata())
	metadata := object.Metadata().ToJson().(values)
	delete(metadata, "name")
	return metadata
}

// isCopied expects that what is added to one object does not show in another that was made of the same values.
func isCopied(u *upstream, key string, shared any, add func(m cdk8s.ApiObjectMetadataDefinition)) {
	chart := u.chart()
	content := values{"metadata": values{"name": "o", key: shared}}
	add(newKind(chart, "first", "Pod", content).Metadata())
	u.equal(values{"name": "o", key: shared}, newKind(chart, "second", "Pod", content).Metadata().ToJson())
}

var objectCases = []upstreamCase{
	{file: objectTest, name: "minimal configuration", check: func(u *upstream) {
		object := newKind(u.chart(), "o", "Thing", values{})
		u.equal(values{"apiVersion": "v1", "kind": "Thing", "metadata": values{"name": "test-o-" + (*object.Node().Addr())[:8]}}, object.ToJson())
	}},
	{file: objectTest, name: "printed yaml is alphabetical", check: func(u *upstream) {
		app := u.app()
		newKind(newTestChart(app, "c"), "o", "Thing", values{"spec": values{"b": values{"z": 1, "a": 2}, "a": "x"}, "data": 1, "metadata": values{"name": "own", "z": 1, "a": values{"c": 1, "b": 2}}})
		u.equal("apiVersion: v1\nkind: Thing\nmetadata:\n  a:\n    b: 2\n    c: 1\n  name: own\n  z: 1\ndata: 1\nspec:\n  a: x\n  b:\n    a: 2\n    z: 1\n", *app.SynthYaml())
	}},
	{file: objectTest, name: "the CDK8S_DISABLE_SORT environment variable can be used to disable key sorting", notHere: "Go's maps have no order of their own"},
	{file: objectTest, name: "addDependency", check: func(u *upstream) {
		chart := u.chart()
		a, b, c := newKind(chart, "a", "A", values{}), newKind(chart, "b", "B", values{}), newKind(chart, "c", "C", values{})
		a.AddDependency(b, c)
		u.equal([]any{"test/b", "test/c"}, paths(*a.Node().Dependencies()))
	}},
	{file: objectTest, name: "synthesized resource name is based on path", check: func(u *upstream) {
		chart := u.chart()
		a, b := newKind(chart, "o", "A", values{}), newKind(tree.NewConstruct(chart, "scope"), "o", "A", values{})
		u.equal("test-o-"+(*a.Node().Addr())[:8], *a.Name())
		u.equal("test-scope-o-"+(*b.Node().Addr())[:8], *b.Name())
	}},
	{file: objectTest, name: "if name is explicitly specified it will be respected", check: func(u *upstream) {
		u.equal("own", *newKind(u.chart(), "o", "A", values{"metadata": values{"name": "own"}}).Name())
	}},
	{file: objectTest, name: `"spec" is synthesized as-is`, check: func(u *upstream) {
		spec := values{"text": "x", "deep": values{"n": 1.0}}
		u.equal(spec, newKind(u.chart(), "o", "A", values{"spec": spec}).ToJson().(values)["spec"])
	}},
	{file: objectTest, name: `"data" can be used to specify resource data`, check: func(u *upstream) {
		u.equal(values{"n": 1.0}, newKind(u.chart(), "o", "A", values{"data": values{"n": 1}}).ToJson().(values)["data"])
	}},
	{file: objectTest, name: "object naming logic can be overridden at the chart level", check: func(u *upstream) {
		chart := newOwnChart(u.app(), "own")
		object := newKind(chart, "o", "Thing", values{})
		assert.Regexp(u, "^thing-of-own-o-", *object.Name())
		u.equal(*object.Name(), object.ToJson().(values)["metadata"].(values)["name"])
	}},
	{file: objectTest, name: "default namespace can be defined at the chart level", check: func(u *upstream) {
		chart := tree.NewChart(u.app(), "c", tree.ChartProps{Namespace: "prod"})
		group := tree.NewConstruct(chart, "group")
		u.equal("prod", *newKind(group, "a", "A", values{}).Metadata().Namespace())
		u.equal("own", *newKind(group, "b", "A", values{"metadata": values{"namespace": "own"}}).Metadata().Namespace())
	}},
	{file: objectTest, name: "chart labels are applied to all api objects in the chart", check: func(u *upstream) {
		chart := tree.NewChart(u.app(), "c", tree.ChartProps{Labels: map[string]string{"a": "chart", "b": "chart"}})
		labels := func(o cdk8s.ApiObject) any { return o.ToJson().(values)["metadata"].(values)["labels"] }
		u.equal(values{"a": "chart", "b": "chart"}, labels(newKind(chart, "x", "A", values{})))
		own := newKind(tree.NewConstruct(chart, "g"), "y", "A", values{"metadata": values{"labels": values{"a": "own", "c": "own"}}})
		u.equal(values{"a": "own", "b": "chart", "c": "own"}, labels(own))
	}},
	{file: objectTest, name: "ApiObject.of(): fails if there is no default child", check: func(u *upstream) {
		_, err := tree.ObjectOf(tree.NewConstruct(u.chart(), "a"))
		assert.ErrorContains(u, err, "cannot find a (direct or indirect) child of type ApiObject")
	}},
	{file: objectTest, name: "ApiObject.of(): returns the object if it is an API object", check: func(u *upstream) {
		object := newKind(u.chart(), "o", "A", values{})
		assert.Same(u, object, must(tree.ObjectOf(object)))
	}},
	{file: objectTest, name: "ApiObject.of(): returns a direct child", check: func(u *upstream) {
		parent := tree.NewConstruct(u.chart(), "p")
		assert.Same(u, newKind(parent, "Default", "A", values{}), must(tree.ObjectOf(parent)))
	}},
	{file: objectTest, name: "ApiObject.of(): returns an indirect child", check: func(u *upstream) {
		parent := tree.NewConstruct(u.chart(), "p")
		assert.Same(u, newKind(tree.NewConstruct(parent, "Resource"), "Default", "A", values{}), must(tree.ObjectOf(parent)))
	}},
	{file: objectTest, name: "addJsonPatch(): applied after the object has been synthesized", check: func(u *upstream) {
		object := newKind(u.chart(), "o", "A", values{"spec": values{"a": 1, "list": []any{1, 2}}})
		object.AddJsonPatch(tree.PatchAdd("/spec/list/2", 3), tree.PatchRemove("/spec/a"))
		object.AddJsonPatch(tree.PatchCopy("/apiVersion", "/spec/version"))
		u.equal(values{"list": []any{1.0, 2.0, 3.0}, "version": "v1"}, object.ToJson().(values)["spec"])
	}},
	{file: objectTest, name: "compound resolution", notHere: lazy},
	{file: objectTest, name: "custom resolver", check: func(u *upstream) {
		object := newKind(newTestChart(u.newApp(&cdk8s.AppProps{Resolvers: &[]cdk8s.IResolver{&replacing{values{"old": "new"}}}}), "c"), "o", "A",
			values{"metadata": values{"name": "n", "labels": values{"a": "old"}}, "spec": values{"a": "old", "b": []any{1, "old"}, "c": "kept"}})
		content := object.ToJson().(values)
		u.equal(values{"a": "new", "b": []any{1.0, "new"}, "c": "kept"}, content["spec"])
		u.equal(values{"name": "n", "labels": values{"a": "new"}}, content["metadata"])
	}},
	{file: objectTest, name: "multiple custom resolvers", check: func(u *upstream) {
		resolvers := []cdk8s.IResolver{&replacing{values{"one": 1}}, &replacing{values{"two": []any{2}}}}
		object := newKind(newTestChart(u.newApp(&cdk8s.AppProps{Resolvers: &resolvers}), "c"), "o", "A", values{"spec": values{"a": "one", "b": "two"}})
		u.equal(values{"a": 1.0, "b": []any{2.0}}, object.ToJson().(values)["spec"])
	}},
	{file: objectTest, name: "annonymous object custom resolver", notHere: "an object of JavaScript with a function cannot be part of what Go hands over"},
	{file: objectTest, name: "can resolve L1", check: func(u *upstream) {
		object := &ownObject{}
		tree.InitObject(object, u.chart(), "o", configMap, values{"metadata": values{"name": "own"}})
		u.equal("OWN", must(tree.Render(must(tree.ChartOf(object))))[0].(values)["data"].(values)["upper"])
	}},
	{file: objectTest, name: "toJson error message", nativeOnly: "package tree refuses the value before cdk8s sees it", check: func(u *upstream) {
		chart := u.chart()
		newKind(chart, "o", "A", values{"data": values{"size": cdk8s.Size_Gibibytes(new(5.0))}})
		_, err := tree.Render(chart)
		assert.ErrorContains(u, err, "[test/o] A: cannot be written as YAML: data.size: cdk8s.jsiiProxy_Size lives in Node.js")
	}},

	{file: metadataTest, name: "Can add a label", check: func(u *upstream) {
		u.equal(values{"labels": values{"k": "v"}}, metadataOf(u, values{}, func(m cdk8s.ApiObjectMetadataDefinition) { m.AddLabel(new("k"), new("v")) }))
	}},
	{file: metadataTest, name: "Can add an annotation", check: func(u *upstream) {
		u.equal(values{"annotations": values{"k": "v"}}, metadataOf(u, values{}, func(m cdk8s.ApiObjectMetadataDefinition) { m.AddAnnotation(new("k"), new("v")) }))
	}},
	{file: metadataTest, name: "Can add a finalizer", check: func(u *upstream) {
		u.equal(values{"finalizers": []any{"f"}}, metadataOf(u, values{}, func(m cdk8s.ApiObjectMetadataDefinition) { m.AddFinalizers(new("f")) }))
	}},
	{file: metadataTest, name: "Can add an owner reference", check: func(u *upstream) {
		u.equal(values{"ownerReferences": []any{values{"apiVersion": "v1", "kind": "Node", "name": "n", "uid": "1"}}},
			metadataOf(u, values{}, func(m cdk8s.ApiObjectMetadataDefinition) { m.AddOwnerReference(owner("n", "1")) }))
	}},
	{file: metadataTest, name: "Instantiation properties are all respected", check: func(u *upstream) {
		fields := values{"labels": values{"a": "b"}, "annotations": values{"c": "d"}, "name": "n", "namespace": "prod", "finalizers": []any{"f"}}
		u.equal(fields, newKind(u.chart(), "o", "Pod", values{"metadata": fields}).Metadata().ToJson())
	}},
	{file: metadataTest, name: "ensure Lazy properties are resolved", notHere: lazy},
	{file: metadataTest, name: "Can include arbirary key/value options", check: func(u *upstream) {
		u.equal(values{"a": "later", "b": 1.0}, metadataOf(u, values{"a": values{"x": "y"}, "b": 1}, func(m cdk8s.ApiObjectMetadataDefinition) { m.Add(new("a"), "later") }))
	}},
	{file: metadataTest, name: "labels are cloned", check: func(u *upstream) {
		isCopied(u, "labels", values{"a": "b"}, func(m cdk8s.ApiObjectMetadataDefinition) { m.AddLabel(new("c"), new("d")) })
	}},
	{file: metadataTest, name: "annotations are cloned", check: func(u *upstream) {
		isCopied(u, "annotations", values{"a": "b"}, func(m cdk8s.ApiObjectMetadataDefinition) { m.AddAnnotation(new("c"), new("d")) })
	}},
	{file: metadataTest, name: "finalizers are cloned", check: func(u *upstream) {
		isCopied(u, "finalizers", []any{"a"}, func(m cdk8s.ApiObjectMetadataDefinition) { m.AddFinalizers(new("b"), new("c")) })
	}},
	{file: metadataTest, name: "ownerReferences are cloned", check: func(u *upstream) {
		isCopied(u, "ownerReferences", []any{values{"apiVersion": "v1", "kind": "Node", "name": "a", "uid": "1"}},
			func(m cdk8s.ApiObjectMetadataDefinition) { m.AddOwnerReference(owner("b", "2")) })
	}},
}

func owner(name, uid string) *cdk8s.OwnerReference {
	return &cdk8s.OwnerReference{ApiVersion: new("v1"), Kind: new("Node"), Name: &name, Uid: &uid}
}

// isOperation expects what a patch is in JSON. What cdk8s makes of it, TestOperations compares.
func isOperation(u *upstream, want values, patch cdk8s.JsonPatch) {
	u.equal(want, patch.(interface{ JSONPatchOperation() map[string]any }).JSONPatchOperation())
}

var patchCases = []upstreamCase{
	{file: patchTest, name: "operation factories: add()", nativeOnly: "no tree", check: func(u *upstream) {
		isOperation(u, values{"op": "add", "path": "/a", "value": values{"b": 1.0}}, tree.PatchAdd("/a", values{"b": 1}))
		isOperation(u, values{"op": "add", "path": "/a/b", "value": 2.0}, tree.PatchAdd("/a/b", 2))
	}},
	{file: patchTest, name: "operation factories: remove()", nativeOnly: "no tree", check: func(u *upstream) {
		isOperation(u, values{"op": "remove", "path": "/a/0"}, tree.PatchRemove("/a/0"))
	}},
	{file: patchTest, name: "operation factories: replace()", nativeOnly: "no tree", check: func(u *upstream) {
		isOperation(u, values{"op": "replace", "path": "/a/0", "value": "x"}, tree.PatchReplace("/a/0", "x"))
	}},
	{file: patchTest, name: "operation factories: copy()", nativeOnly: "no tree", check: func(u *upstream) {
		isOperation(u, values{"op": "copy", "from": "/a", "path": "/b"}, tree.PatchCopy("/a", "/b"))
	}},
	{file: patchTest, name: "operation factories: move()", nativeOnly: "no tree", check: func(u *upstream) {
		isOperation(u, values{"op": "move", "from": "/a", "path": "/b"}, tree.PatchMove("/a", "/b"))
	}},
	{file: patchTest, name: "operation factories: test()", nativeOnly: "no tree", check: func(u *upstream) {
		isOperation(u, values{"op": "test", "path": "/a", "value": "x"}, tree.PatchTest("/a", "x"))
	}},
	{file: patchTest, name: "apply()", nativeOnly: "no tree", check: func(u *upstream) {
		got := must(native.ApplyPatch(values{"a": 1, "b": values{"list": []any{"x"}, "c": "old"}},
			tree.PatchReplace("/b/c", "new"), tree.PatchAdd("/b/list/", "first"), tree.PatchRemove("/a")))
		u.equal(values{"b": values{"list": []any{"first", "x"}, "c": "new"}}, got)
	}},
	{file: patchTest, name: "apply() does not mutate the patches", nativeOnly: "no tree", check: func(u *upstream) {
		add := tree.PatchAdd("/list", []any{})
		got := must(native.ApplyPatch(values{}, add, tree.PatchAdd("/list/-", 1)))
		u.equal(values{"list": []any{1.0}}, got)
		isOperation(u, values{"op": "add", "path": "/list", "value": []any{}}, add)
	}},
}

// outputs are the files of an app for each way to divide them.
func outputs(u *upstream, extension string, build func(app cdk8s.App)) map[cdk8s.YamlOutputType][]string {
	got := map[cdk8s.YamlOutputType][]string{}
	for _, outputType := range []cdk8s.YamlOutputType{
		cdk8s.YamlOutputType_FILE_PER_APP, cdk8s.YamlOutputType_FILE_PER_CHART,
		cdk8s.YamlOutputType_FILE_PER_RESOURCE, cdk8s.YamlOutputType_FOLDER_PER_CHART_FILE_PER_RESOURCE,
	} {
		props := &cdk8s.AppProps{Outdir: new(u.TempDir()), YamlOutputType: outputType}
		if extension != "" {
			props.OutputFileExtension = &extension
		}
		app := u.newApp(props)
		build(app)
		got[outputType] = u.synth(app)
	}
	return got
}

const (
	perApp      = cdk8s.YamlOutputType_FILE_PER_APP
	perChart    = cdk8s.YamlOutputType_FILE_PER_CHART
	perResource = cdk8s.YamlOutputType_FILE_PER_RESOURCE
	perFolder   = cdk8s.YamlOutputType_FOLDER_PER_CHART_FILE_PER_RESOURCE
)

// hooked is a chart that takes one of its objects away before it is written.
type hooked struct{ cdk8s.Chart }

func (h *hooked) ToJson() *[]any { //nolint:revive // the name that cdk8s gives it
	h.Node().TryRemoveChild(new("a"))
	return h.Chart.ToJson()
}

func newHooked(app cdk8s.App) {
	h := &hooked{}
	tree.InitChart(h, app, "chart", tree.ChartProps{})
	newKind(h, "a", "A", values{"metadata": values{"name": "a"}})
	newKind(h, "b", "B", values{"metadata": values{"name": "b"}})
}

// charts makes charts, of which some depend on others.
func charts(app cdk8s.App, ids ...string) []cdk8s.Chart {
	var made []cdk8s.Chart
	for _, id := range ids {
		made = append(made, newTestChart(app, id))
	}
	return made
}

var appCases = []upstreamCase{
	{file: appTest, name: "synthYaml considers dependencies", check: func(u *upstream) {
		app := u.app()
		chart := newTestChart(app, "c")
		a, _ := unit(chart, "a")
		b, _ := unit(chart, "b")
		a.Node().AddDependency(b)
		text := *app.SynthYaml()
		assert.Less(u, strings.Index(text, "c-b-b-object"), strings.Index(text, "c-a-a-object"))
	}},
	{file: appTest, name: "can hook into chart synthesis with during synthYaml", check: func(u *upstream) {
		app := u.app()
		newHooked(app)
		u.equal("apiVersion: v1\nkind: B\nmetadata:\n  name: b\n", *app.SynthYaml())
	}},
	{file: appTest, name: "can hook into chart synthesis with during synth", check: func(u *upstream) {
		app := u.app()
		newHooked(app)
		u.equal([]string{"chart.k8s.yaml"}, u.synth(app))
		content, err := os.ReadFile(filepath.Join(*app.Outdir(), "chart.k8s.yaml"))
		require.NoError(u, err)
		u.equal("apiVersion: v1\nkind: B\nmetadata:\n  name: b\n", string(content))
	}},
	{file: appTest, name: "empty app emits no files", check: func(u *upstream) { assert.Empty(u, u.synth(u.app())) }},
	{file: appTest, name: "app with two charts", check: func(u *upstream) {
		app := u.app()
		charts(app, "a", "b")
		u.equal([]string{"a.k8s.yaml", "b.k8s.yaml"}, u.synth(app))
	}},
	{file: appTest, name: "app with charts directly dependant", check: func(u *upstream) {
		app := u.app()
		c := charts(app, "a", "b", "c")
		c[0].AddDependency(c[1])
		c[1].AddDependency(c[2])
		u.equal([]string{"0000-c.k8s.yaml", "0001-b.k8s.yaml", "0002-a.k8s.yaml"}, u.synth(app))
	}},
	{file: appTest, name: "app with charts indirectly dependant", check: func(u *upstream) {
		app := u.app()
		c := charts(app, "a", "b")
		newKind(c[0], "x", "X", values{}).AddDependency(newKind(c[1], "y", "Y", values{}))
		u.equal([]string{"0000-b.k8s.yaml", "0001-a.k8s.yaml"}, u.synth(app))
	}},
	{file: appTest, name: `default output directory is "dist"`, check: func(u *upstream) { u.equal("dist", *u.newApp(nil).Outdir()) }},
	{file: appTest, name: "app with dependent and independent charts", check: func(u *upstream) {
		app := u.app()
		c := charts(app, "a", "b", "c", "d")
		c[0].AddDependency(c[2])
		u.equal([]string{"0000-c.k8s.yaml", "0001-a.k8s.yaml", "0002-b.k8s.yaml", "0003-d.k8s.yaml"}, u.synth(app))
	}},
	{file: appTest, name: "app with chart dependencies via custom constructs", check: func(u *upstream) {
		app := u.app()
		c := charts(app, "a", "b")
		x, _ := unit(c[0], "x")
		y, _ := unit(c[1], "y")
		x.Node().AddDependency(y)
		u.equal([]string{"0000-b.k8s.yaml", "0001-a.k8s.yaml"}, u.synth(app))
	}},
	{file: appTest, name: "app with nested charts will deduplicate api objects", check: func(u *upstream) {
		app := u.app()
		outer := newTestChart(app, "outer")
		inner := newTestChart(outer, "inner")
		_, x := unit(outer, "x")
		_, y := unit(inner, "y")
		u.equal([]string{*x.Name()}, u.names(outer))
		u.equal([]string{*y.Name()}, u.names(inner))
		assert.Len(u, u.synth(app), 2)
	}},
	{file: appTest, name: "app with nested charts will deduplicate api objects (using custom classes)", check: func(u *upstream) {
		app := u.app()
		outer := &typedChart{}
		tree.InitChart(outer, app, "outer", tree.ChartProps{})
		for _, id := range []string{"a", "b"} {
			inner := &typedChart{}
			tree.InitChart(inner, outer, id, tree.ChartProps{})
			newKind(inner, "x", "X", values{})
		}
		newKind(outer, "y", "Y", values{})
		files := u.synth(app)
		require.Len(u, files, 3)
		u.equal("0002-outer.k8s.yaml", files[2], "what it holds comes first")
		assert.Len(u, u.names(outer), 1)
	}},
	{file: appTest, name: "synth calls validate", check: func(u *upstream) {
		app := u.app()
		called := false
		tree.Validate(tree.NewConstruct(app, "a"), func() []tree.Problem { called = true; return nil })
		u.synth(app)
		assert.True(u, called)
	}},
	{file: appTest, name: "apps with varying yamlOutputTypes; two charts, no objects", check: func(u *upstream) {
		u.equal(map[cdk8s.YamlOutputType][]string{perApp: {"app.k8s.yaml"}, perChart: {"a.k8s.yaml", "b.k8s.yaml"}, perResource: {}, perFolder: {}},
			outputs(u, "", func(app cdk8s.App) { charts(app, "a", "b") }))
	}},
	{file: appTest, name: "return app as yaml string", check: func(u *upstream) {
		app := u.app()
		for _, chart := range charts(app, "a", "b") {
			newKind(chart, "o", "O", values{"metadata": values{"name": id(chart)}})
		}
		u.equal("apiVersion: v1\nkind: O\nmetadata:\n  name: a\n---\napiVersion: v1\nkind: O\nmetadata:\n  name: b\n", *app.SynthYaml())
	}},
	{file: appTest, name: "apps with varying yamlOutputTypes; charts indirectly dependant, multiple objects", check: func(u *upstream) {
		u.equal(map[cdk8s.YamlOutputType][]string{
			perApp: {"app.k8s.yaml"}, perChart: {"0000-b.k8s.yaml", "0001-a.k8s.yaml"}, perResource: {"X.x.k8s.yaml", "Y.y.k8s.yaml", "Z.z.k8s.yaml"},
			perFolder: {"0000-b/Y.y.k8s.yaml", "0001-a/X.x.k8s.yaml", "0001-a/Z.z.k8s.yaml"},
		}, outputs(u, "", func(app cdk8s.App) {
			c := charts(app, "a", "b")
			named := func(chart cdk8s.Chart, name string) cdk8s.ApiObject {
				return newKind(chart, name, strings.ToUpper(name), values{"metadata": values{"name": name}})
			}
			named(c[0], "x").AddDependency(named(c[1], "y"))
			named(c[0], "z")
		}))
	}},
	{file: appTest, name: "apps with varying yamlOutputTypes; chart dependencies via custom constructs", check: func(u *upstream) {
		got := outputs(u, "", func(app cdk8s.App) {
			c := charts(app, "a", "b")
			x, _ := unit(c[0], "x")
			y, _ := unit(c[1], "y")
			x.Node().AddDependency(y)
		})
		u.equal([]string{"0000-b.k8s.yaml", "0001-a.k8s.yaml"}, got[perChart])
		require.Len(u, got[perFolder], 2)
		assert.Regexp(u, `^0000-b/Unit\.b-y-y-object-c8[0-9a-f]{6}\.k8s\.yaml$`, got[perFolder][0])
		assert.Len(u, got[perResource], 2)
	}},
	{file: appTest, name: "Modified file extensions with varying output types; two charts, no objects", check: func(u *upstream) {
		u.equal(map[cdk8s.YamlOutputType][]string{perApp: {"app.yml"}, perChart: {"a.yml", "b.yml"}, perResource: {}, perFolder: {}},
			outputs(u, ".yml", func(app cdk8s.App) { charts(app, "a", "b") }))
	}},
}

// recorded returns the record of constructs of an app with one object, empty without.
func recorded(u *upstream, props cdk8s.AppProps) string {
	props.Outdir = new(u.TempDir())
	app := u.newApp(&props)
	newKind(newTestChart(app, "c"), "o", "O", values{"metadata": values{"name": "n"}})
	u.synth(app)
	content, err := os.ReadFile(filepath.Join(*props.Outdir, "construct-metadata.json"))
	if !os.IsNotExist(err) {
		require.NoError(u, err)
	}
	return string(content)
}

const aRecord = `{"version":"1.0.0","resources":{"n":{"path":"c/o"}}}`

// inOrder expects an object behind another one.
func inOrder(u *upstream, build func(chart cdk8s.Chart) (first, second cdk8s.ApiObject)) {
	chart := u.chart()
	first, second := build(chart)
	u.equal([]string{*first.Name(), *second.Name()}, u.names(chart))
}

var chartCases = []upstreamCase{
	{file: chartTest, name: "empty stack", check: func(u *upstream) { u.equal([]string{}, u.names(u.chart())) }},
	{file: chartTest, name: "disabling resource name hashes at chart level", check: func(u *upstream) {
		chart := tree.NewChart(u.app(), "c", tree.ChartProps{DisableResourceNameHashes: true})
		u.equal("c-o", *newKind(chart, "o", "O", values{}).Name())
	}},
	{file: chartTest, name: "resource name hashes work by default", check: func(u *upstream) {
		assert.Regexp(u, "^test-o-c8[0-9a-f]{6}$", *newKind(u.chart(), "o", "O", values{}).Name())
	}},
	{file: chartTest, name: "output includes all synthesized resources", check: func(u *upstream) {
		chart := u.chart()
		scope := tree.NewConstruct(chart, "scope")
		for _, id := range []string{"a", "b"} {
			newKind(chart, id, "O", values{})
			newKind(scope, id, "O", values{})
		}
		assert.Len(u, u.names(chart), 4)
	}},
	{file: chartTest, name: "CronJob names are at most 52 characters", check: func(u *upstream) {
		chart := u.chart()
		assert.LessOrEqual(u, len(*newKind(chart, "c", "CronJob", values{}).Name()), 52)
		u.equal(52, len(*newKind(chart, strings.Repeat("n", 60), "CronJob", values{}).Name()))
		u.equal(63, len(*newKind(chart, strings.Repeat("n", 60), "Job", values{}).Name()), "others have more room")
	}},
	{file: chartTest, name: "tokens are resolved during synth", notHere: lazy},
	{file: chartTest, name: "Chart.of(node) returns the first chart in which a node is defined", check: func(u *upstream) {
		outer := u.chart()
		middle := tree.NewConstruct(outer, "m")
		inner := newTestChart(middle, "inner")
		for c, want := range map[constructs.Construct]cdk8s.Chart{outer: outer, middle: outer, inner: inner, tree.NewConstruct(inner, "x"): inner} {
			assert.Same(u, want, must(tree.ChartOf(c)))
		}
	}},
	{file: chartTest, name: "Chart.of(node) fails when there is no chart in the tree", check: func(u *upstream) {
		_, err := tree.ChartOf(tree.NewConstruct(u.app(), "a"))
		assert.ErrorContains(u, err, "cannot find a parent chart (directly or indirectly)")
	}},
	{file: chartTest, name: "synthesizeManifest() can be used to synthesize a specific chart", check: func(u *upstream) {
		c := charts(u.app(), "a", "b")
		o := newKind(c[0], "o", "O", values{})
		newKind(c[1], "p", "P", values{})
		u.equal([]any{o.ToJson()}, *c[0].ToJson())
	}},
	{file: chartTest, name: "addDependency", check: func(u *upstream) {
		c := charts(u.app(), "a", "b", "c")
		c[0].AddDependency(c[1], c[2])
		u.equal([]any{"b", "c"}, paths(*c[0].Node().Dependencies()))
	}},
	{file: chartTest, name: "isChart distinguishes charts from non-charts", check: func(u *upstream) {
		app := u.app()
		chart, own := newTestChart(app, "c"), &typedChart{}
		tree.InitChart(own, app, "own", tree.ChartProps{})
		u.equal([]bool{true, true, false, false}, []bool{tree.IsChart(chart), tree.IsChart(own), tree.IsChart(newKind(chart, "o", "O", values{})), tree.IsChart(app)})
	}},
	{file: chartTest, name: "toJson: validates the chart", check: func(u *upstream) {
		chart := u.chart()
		called := false
		tree.Validate(tree.NewConstruct(chart, "a"), func() []tree.Problem { called = true; return nil })
		chart.ToJson()
		assert.True(u, called)
	}},
	{file: chartTest, name: "toJson: returns an ordered list", check: func(u *upstream) {
		inOrder(u, func(chart cdk8s.Chart) (first, second cdk8s.ApiObject) {
			second, first = newKind(chart, "a", "A", values{}), newKind(chart, "b", "B", values{})
			second.AddDependency(first)
			return first, second
		})
	}},
	{file: chartTest, name: "toJson: ignores objects belonging to a different chart", check: func(u *upstream) {
		c := charts(u.app(), "a", "b")
		o := newKind(c[0], "o", "O", values{})
		o.AddDependency(newKind(c[1], "p", "P", values{}))
		u.equal([]string{*o.Name()}, u.names(c[0]))
	}},
	{file: chartTest, name: "toJson: ignores chart objects", check: func(u *upstream) {
		c := charts(u.app(), "a", "b")
		o := newKind(c[0], "o", "O", values{})
		o.AddDependency(newKind(c[1], "p", "P", values{}))
		c[0].AddDependency(c[1])
		u.equal([]string{*o.Name()}, u.names(c[0]))
	}},
	{file: chartTest, name: "toJson: orders custom constructs", check: func(u *upstream) {
		inOrder(u, func(chart cdk8s.Chart) (first, second cdk8s.ApiObject) {
			a, second := unit(chart, "a")
			b, first := unit(chart, "b")
			a.Node().AddDependency(b)
			return first, second
		})
	}},
	{file: chartTest, name: "toJson: orders transitive custom constructs", check: func(u *upstream) {
		inOrder(u, func(chart cdk8s.Chart) (first, second cdk8s.ApiObject) {
			a, second := unit(chart, "a")
			outer := tree.NewConstruct(chart, "outer")
			_, first = unit(outer, "b")
			a.Node().AddDependency(outer)
			return first, second
		})
	}},
	{file: chartTest, name: "toJson: api object depends on custom construct", check: func(u *upstream) {
		inOrder(u, func(chart cdk8s.Chart) (first, second cdk8s.ApiObject) {
			second = newKind(chart, "a", "A", values{})
			b, first := unit(chart, "b")
			second.AddDependency(b)
			return first, second
		})
	}},
	{file: chartTest, name: "toJson: construct depends on api object", check: func(u *upstream) {
		inOrder(u, func(chart cdk8s.Chart) (first, second cdk8s.ApiObject) {
			a, second := unit(chart, "a")
			first = newKind(chart, "b", "B", values{})
			a.Node().AddDependency(first)
			return first, second
		})
	}},
	{file: chartTest, name: "toJson: parent chart does not include objects of children charts", check: func(u *upstream) {
		outer := u.chart()
		inner := newTestChart(outer, "inner")
		_, a := unit(outer, "a")
		_, b := unit(inner, "b")
		u.equal([]string{*a.Name()}, u.names(outer))
		u.equal([]string{*b.Name()}, u.names(inner))
	}},
	{file: chartTest, name: "construct metadata is recorded when requested by api", check: func(u *upstream) {
		u.equal(aRecord, recorded(u, cdk8s.AppProps{RecordConstructMetadata: new(true)}))
	}},
	{file: chartTest, name: "construct metadata is recoreded when requested by env variable", nativeOnly: "Node.js has the environment that it was started with", check: func(u *upstream) {
		u.Setenv("CDK8S_RECORD_CONSTRUCT_METADATA", "true")
		u.equal(aRecord, recorded(u, cdk8s.AppProps{}))
	}},
	{file: chartTest, name: "construct metadata is not recorded when not requested", check: func(u *upstream) { u.equal("", recorded(u, cdk8s.AppProps{})) }},
	{file: chartTest, name: "apiObjects returns all the API objects", check: func(u *upstream) {
		chart := u.chart()
		for _, kind := range []string{"A", "B", "C"} {
			newKind(chart, strings.ToLower(kind), kind, values{"metadata": values{"name": "same"}})
		}
		u.equal([]any{"test/a", "test/b", "test/c"}, paths(*chart.ApiObjects()))
	}},
}
