package native_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/aws/constructs-go/constructs/v10"
	"github.com/cdk8s-team/cdk8s-core-go/cdk8s/v2"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/crossoverJie/k8s-combat/imports/tree"
	"github.com/crossoverJie/k8s-combat/imports/tree/native"
)

func TestPlaceInTree(t *testing.T) {
	t.Parallel()
	app := native.NewApp(nil)
	chart := newChart(app, "shop")
	outer := newGroup(chart, "web/v1\n")
	inner := newGroup(outer, "Default")
	object := newObject(inner, "Resource", nil)

	assert.Empty(t, *app.Node().Id())
	assert.Empty(t, *app.Node().Path())
	assert.Equal(t, "<root>", *app.ToString())
	assert.Nil(t, app.Node().Scope())
	assert.Equal(t, "web--v1--", *outer.Node().Id(), "separators would make one id look like two")
	assert.Equal(t, "shop/web--v1--/Default/Resource", *object.Node().Path())
	assert.Equal(t, "shop/web--v1--/Default", *inner.ToString())
	assert.Same(t, inner, object.Node().Scope(), "the construct itself, not what it embeds")
	assert.Same(t, app, object.Node().Root())
	assert.Equal(t, []string{"", "shop", "shop/web--v1--"}, paths(outer.Node().Scopes()))
	assert.Same(t, chart, object.Chart())
}

func TestAddress(t *testing.T) {
	t.Parallel()
	app := native.NewApp(nil)
	a := newChart(app, "a")
	assert.Equal(t, "c8adc83b19e793491b1c6ea0fd8b46cd9f32e592fc", *app.Node().Addr())
	assert.Equal(t, "c8482f21a3d01fb7a8babca88a5d1621d2cc9fd2cb", *a.Node().Addr())
	direct := newGroup(a, "b")
	hidden := newGroup(newGroup(a, "Default"), "b")
	assert.Equal(t, "c8a98c775ac4c4b746a4bc9f4b6317726c57fc0ab8", *direct.Node().Addr())
	assert.Equal(t, *direct.Node().Addr(), *hidden.Node().Addr(), "Default leaves no trace")
}

func TestInvalidIDs(t *testing.T) {
	t.Parallel()
	app := native.NewApp(nil)
	chart := newChart(app, "shop")
	newGroup(chart, "web")
	scope := chart.Node().(tree.Scope)
	for name, c := range map[string]struct {
		add  func()
		want string
	}{
		"taken":                  {func() { newChart(chart, "web") }, "There is already a Construct with name 'web' in Chart [shop]"},
		"taken by an object":     {func() { newObject(chart, "web", nil) }, "There is already a Construct with name 'web' in Chart [shop]"},
		"taken, below a user's":  {func() { web := newGroup(chart, "x"); newObject(web, "y", nil); newObject(web, "y", nil) }, "There is already a Construct with name 'y' in Construct [x]"},
		"taken, below an object": {func() { o := newObject(chart, "o", nil); newObject(o, "y", nil); newObject(o, "y", nil) }, "There is already a Construct with name 'y' in ApiObject [o]"},
		"taken once cleaned":     {func() { newChart(app, "a/b"); newChart(app, "a--b") }, "There is already a Construct with name 'a--b' in App"},
		"empty":                  {func() { newChart(app, "") }, "Only root constructs may have an empty ID"},
		"nil":                    {func() { native.NewChart(app, nil, nil) }, "parameter id is required, but nil was provided"},
		"empty construct":        {func() { scope.AddConstruct(&group{}, "") }, "Only root constructs may have an empty ID"},
	} {
		assert.PanicsWithError(t, c.want, c.add, name)
	}
}

func TestChildren(t *testing.T) {
	t.Parallel()
	chart := newChart(native.NewApp(nil), "c")
	for _, id := range []string{"b", "10", "a", "9", "01"} {
		newGroup(newGroup(chart, id), "x")
	}
	node := chart.Node()
	assert.Equal(t, []string{"c/9", "c/10", "c/b", "c/a", "c/01"}, paths(node.Children()), "as JavaScript orders keys")
	assert.Equal(t, []string{"c", "c/9", "c/9/x", "c/10"}, paths(node.FindAll(constructs.ConstructOrder_PREORDER))[:4])
	post := paths(node.FindAll(constructs.ConstructOrder_POSTORDER))
	assert.Equal(t, []string{"c/9/x", "c/9", "c/10/x"}, post[:3])
	assert.Equal(t, "c", post[len(post)-1])

	assert.Equal(t, "b", node.FindChild(new("b")).(*group).Name(), "the user's own type")
	assert.Nil(t, node.TryFindChild(new("z")))
	assert.PanicsWithError(t, "No child with id: 'z'", func() { node.FindChild(new("z")) })

	assert.True(t, *node.TryRemoveChild(new("b")))
	assert.False(t, *node.TryRemoveChild(new("b")))
	assert.Nil(t, node.TryFindChild(new("b")))
	newGroup(chart, "b")
	assert.Equal(t, []string{"c/9", "c/10", "c/a", "c/01", "c/b"}, paths(node.Children()))
}

func TestManyChildren(t *testing.T) {
	t.Parallel()
	chart := newChart(native.NewApp(nil), "c")
	const many = 1000
	for i := range many {
		newGroup(chart, fmt.Sprintf("child%d", i))
	}
	node := chart.Node()
	assert.Len(t, *node.Children(), many)
	for i := range many {
		require.True(t, *node.TryRemoveChild(new(fmt.Sprintf("child%d", i))))
	}
	assert.Empty(t, *node.Children())
	newGroup(chart, "child7")
	assert.NotNil(t, node.TryFindChild(new("child7")))
}

func TestFindChildCleansIDs(t *testing.T) {
	t.Parallel()
	app := native.NewApp(nil)
	newChart(app, "a/b")
	assert.NotNil(t, app.Node().TryFindChild(new("a/b")))
	assert.False(t, *app.Node().TryRemoveChild(new("a/b")), "removal takes ids as they are")
	assert.True(t, *app.Node().TryRemoveChild(new("a--b")))
}

func TestDefaultChild(t *testing.T) {
	t.Parallel()
	chart := newChart(native.NewApp(nil), "c")
	node := chart.Node()
	assert.Nil(t, node.DefaultChild())
	resource := newGroup(chart, "Resource")
	assert.Same(t, resource, node.DefaultChild())
	newGroup(chart, "Default")
	assert.PanicsWithError(t, `Cannot determine default child for c. There is both a child with id "Resource" and id "Default"`,
		func() { node.DefaultChild() })
	other := newGroup(chart, "other")
	node.SetDefaultChild(other)
	assert.Same(t, other, node.DefaultChild())
	node.SetDefaultChild(nil)
	require.True(t, *node.TryRemoveChild(new("Resource")))
	assert.Equal(t, "Default", *node.DefaultChild().Node().Id())
}

func TestLock(t *testing.T) {
	t.Parallel()
	app := native.NewApp(nil)
	chart := newChart(app, "c")
	inner := newGroup(chart, "g")
	chart.Node().Lock()
	assert.True(t, *inner.Node().Locked())
	assert.False(t, *app.Node().Locked())
	assert.PanicsWithError(t, `Cannot add children to "c/g" during synthesis`, func() { newChart(inner, "x") })
	newChart(app, "free")
	app.Node().Lock()
	assert.PanicsWithError(t, "Cannot add children during synthesis", func() { newChart(app, "x") })
}

func TestContext(t *testing.T) {
	t.Parallel()
	app := native.NewApp(nil)
	app.Node().SetContext(new("stage"), new("test"))
	app.Node().SetContext(new("replicas"), 3)
	app.Node().SetContext(new("unset"), (*string)(nil))
	app.Node().SetContext(new("debug"), new(true))
	app.Node().SetContext(new("list"), []string{"a"})
	chart := newChart(app, "c")
	chart.Node().SetContext(new("stage"), "prod")
	inner := newGroup(chart, "g")

	assert.Equal(t, "prod", inner.Node().GetContext(new("stage")))
	assert.Equal(t, "test", app.Node().GetContext(new("stage")), "pointers are followed")
	assert.InDelta(t, 3.0, inner.Node().TryGetContext(new("replicas")), 0, "numbers are float64, as in JSON")
	assert.Nil(t, inner.Node().TryGetContext(new("unset")))
	assert.PanicsWithError(t, "No context value present for nothing key", func() { inner.Node().GetContext(new("nothing")) })
	assert.PanicsWithError(t, "Cannot set context after children have been added: g", func() { chart.Node().SetContext(new("x"), 1) })
	assert.Equal(t, map[string]any{"stage": "prod", "replicas": 3.0, "debug": true, "list": []any{"a"}, "more": []any{1.0}},
		inner.Node().GetAllContext(&map[string]any{"stage": "default", "more": []int{1}}))
}

func TestContextAndMetadataAreCopied(t *testing.T) {
	t.Parallel()
	node := newChart(native.NewApp(nil), "c").Node()
	labels := map[string]any{"team": "a", "zones": []string{"x"}}
	node.SetContext(new("labels"), labels)
	node.AddMetadata(new("labels"), labels, nil)
	want := map[string]any{"team": "a", "zones": []any{"x"}}
	labels["team"] = "b"
	for range 2 {
		context := node.GetContext(new("labels")).(map[string]any)
		assert.Equal(t, want, context)
		context["team"] = "c"
		context["zones"].([]any)[0] = "y"
		all := node.GetAllContext(nil).(map[string]any)
		assert.Equal(t, map[string]any{"labels": want}, all)
		all["labels"].(map[string]any)["team"] = "d"
		entry := (*node.Metadata())[0]
		assert.Equal(t, &constructs.MetadataEntry{Type: new("labels"), Data: want}, entry)
		entry.Data.(map[string]any)["team"] = "e"
		*entry.Type = "changed"
	}
	assert.PanicsWithError(t, "func() cannot be part of a manifest: json: unsupported type: func()", func() { node.SetContext(new("x"), func() {}) })
}

func TestMetadata(t *testing.T) {
	t.Parallel()
	node := newChart(native.NewApp(nil), "c").Node()
	assert.Empty(t, *node.Metadata())
	node.AddMetadata(new("ignored"), (*string)(nil), nil)
	node.AddMetadata(new("note"), "text", nil)
	node.AddMetadata(new("given"), 1, &constructs.MetadataOptions{StackTraceOverride: &[]*string{new("here")}})
	node.AddMetadata(new("traced"), 1, &constructs.MetadataOptions{StackTrace: new(true)})

	entries := *node.Metadata()
	require.Len(t, entries, 3)
	assert.Equal(t, &constructs.MetadataEntry{Type: new("note"), Data: "text"}, entries[0])
	assert.Equal(t, "here", *(*entries[1].Trace)[0])
	assert.Contains(t, *(*entries[2].Trace)[0], "TestMetadata")

	options := &constructs.MetadataOptions{StackTrace: new(true), TraceFromFunction: func() {}}
	assert.PanicsWithError(t, "traceFromFunction names a JavaScript function, of which the native tree has none; use StackTraceOverride",
		func() { node.AddMetadata(new("traced"), 1, options) })
}

// naming is a mixin that writes down where it was applied.
type naming struct{ seen []string }

func (n *naming) Supports(c constructs.IConstruct) *bool {
	_, ok := c.(*group)
	return &ok
}

func (n *naming) ApplyTo(c constructs.IConstruct) { n.seen = append(n.seen, *c.Node().Path()) }

func TestWith(t *testing.T) {
	t.Parallel()
	chart := newChart(native.NewApp(nil), "c")
	outer := newGroup(chart, "a")
	newObject(newGroup(outer, "b"), "o", nil)
	mixin := &naming{}
	assert.Same(t, chart, chart.With(mixin))
	assert.Equal(t, []string{"c/a", "c/a/b"}, mixin.seen)
}

func TestValidate(t *testing.T) {
	t.Parallel()
	chart := newChart(native.NewApp(nil), "c")
	assert.Empty(t, *chart.Node().Validate())
	chart.Node().AddValidation(&always{[]string{"one", "two"}})
	chart.Node().AddValidation(&always{})
	chart.Node().AddValidation(&always{[]string{"three"}})
	var messages []string
	for _, message := range *chart.Node().Validate() {
		messages = append(messages, *message)
	}
	assert.Equal(t, []string{"one", "two", "three"}, messages)
}

// foreign is a construct of another tree. Asking the official one would start Node.js.
type foreign struct{ constructs.Construct }

func (foreign) Node() constructs.Node { return nil }

func TestForeignConstructs(t *testing.T) {
	t.Parallel()
	const want = "native_test.foreign does not stand in a native tree: begin the tree with native.NewApp, or use the functions of cdk8s for it"
	chart := newChart(native.NewApp(nil), "c")
	assert.PanicsWithError(t, want, func() { newChart(foreign{}, "x") })
	assert.PanicsWithError(t, want, func() { chart.AddDependency(foreign{}) })
	assert.PanicsWithError(t, want, func() {
		native.NewApiObject(foreign{}, new("x"), &cdk8s.ApiObjectProps{ApiVersion: new("v1"), Kind: new("Pod")})
	})
	assert.PanicsWithError(t, "parameter scope is required, but nil was provided", func() { newChart(nil, "x") })
	assert.PanicsWithError(t, "string cannot be depended on in the native tree: pass the constructs, a group made with tree.NewDependencyGroup, or a value of "+
		"your own with the method DependencyRoots() *[]constructs.IConstruct", func() { chart.Node().AddDependency("x") })
}

func TestDeepTree(t *testing.T) {
	t.Parallel()
	var scope constructs.Construct = newChart(native.NewApp(nil), "c")
	const depth = 500
	for range depth {
		scope = newGroup(scope, "g")
	}
	assert.Equal(t, "c"+strings.Repeat("/g", depth), *scope.Node().Path())
	assert.Len(t, *scope.Node().Scopes(), depth+2)
}
