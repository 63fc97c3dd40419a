package conformance_test

import (
	"fmt"
	"testing"

	"github.com/aws/constructs-go/constructs/v10"
	"github.com/cdk8s-team/cdk8s-core-go/cdk8s/v2"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/crossoverJie/k8s-combat/imports/tree"
	"github.com/crossoverJie/k8s-combat/imports/tree/native"
)

// failure returns what an action panics with.
func failure(t *testing.T, action func()) (message string) {
	t.Helper()
	defer func() {
		cause := recover()
		require.NotNil(t, cause, "it has to fail")
		message = fmt.Sprint(cause)
	}()
	action()
	return ""
}

// library is a construct of a library that is written for the official tree.
type library struct{ constructs.Construct }

func (*library) Library() {}

// Each refusal ends the process of the official tree, so each case begins a new one.
func TestLibrariesOfJsiiAreToldThatTheScopeIsNative(t *testing.T) {
	app := native.NewApp(nil)
	chart := tree.NewChart(app, "shop", tree.ChartProps{})
	group := tree.NewConstruct(chart, "group")
	object := native.NewApiObject(chart, new("object"), &cdk8s.ApiObjectProps{ApiVersion: new("v1"), Kind: new("Pod")})
	pod := &cdk8s.ApiObjectProps{ApiVersion: new("v1"), Kind: new("Pod")}
	const cause = "is of the native tree (imports/tree/native), which jsii cannot take: make the App with cdk8s.NewApp, " +
		"or make the objects with tree.NewObject or the constructors of imports/"
	// All that jsii lets a construct that embeds another one say is the name of a type.
	const embedded = "native.jsiiCannotTakeTheNativeTree_useCdk8sNewApp"
	for name, test := range map[string]struct {
		action func()
		want   string
	}{
		"an object":            {func() { cdk8s.NewApiObject(chart, new("x"), pod) }, `"shop" ` + cause},
		"a chart":              {func() { cdk8s.NewChart(app, new("x"), nil) }, "the app " + cause},
		"a construct":          {func() { constructs.NewConstruct(chart, new("x")) }, `"shop" ` + cause},
		"somebody's construct": {func() { constructs.NewConstruct_Override(&library{}, chart, new("x")) }, `"shop" ` + cause},
		"an Include":           {func() { cdk8s.NewInclude(chart, new("x"), &cdk8s.IncludeProps{Url: new("none.yaml")}) }, `"shop" ` + cause},
		"a Helm chart":         {func() { cdk8s.NewHelm(chart, new("x"), &cdk8s.HelmProps{Chart: new("none")}) }, `"shop" ` + cause},
		"below an object":      {func() { cdk8s.NewApiObject(object, new("x"), pod) }, `"shop/object" ` + cause},
		"Chart_Of":             {func() { cdk8s.Chart_Of(object) }, `"shop/object" ` + cause},
		"ApiObject_Of":         {func() { cdk8s.ApiObject_Of(chart) }, `"shop" ` + cause},
		"App_Of":               {func() { cdk8s.App_Of(chart) }, `"shop" ` + cause},
		"Names_ToDnsLabel":     {func() { cdk8s.Names_ToDnsLabel(object, nil) }, `"shop/object" ` + cause},
		"NewDependencyGraph":   {func() { cdk8s.NewDependencyGraph(chart.Node()) }, `"shop" ` + cause},
		"Yaml_Stringify":       {func() { cdk8s.Yaml_Stringify(chart) }, `"shop" ` + cause},

		"below a user's construct":  {func() { cdk8s.NewApiObject(group, new("x"), pod) }, embedded},
		"Chart_Of a user's":         {func() { cdk8s.Chart_Of(group) }, embedded},
		"depending on a user's":     {func() { cdk8s.NewApp(nil).Node().AddDependency(group) }, embedded},
		"Names_ToDnsLabel a user's": {func() { cdk8s.Names_ToDnsLabel(group, nil) }, embedded},
	} {
		t.Run(name, func(t *testing.T) {
			defer tree.Close()
			assert.Contains(t, failure(t, test.action), test.want)
		})
	}
	assert.Len(t, *chart.ToJson(), 1, "the native tree is as it was")
}

func TestOfficialConstructsAreRefusedByTheNativeTree(t *testing.T) {
	official := cdk8s.NewChart(cdk8s.NewApp(nil), new("official"), nil)
	chart := tree.NewChart(native.NewApp(nil), "native", tree.ChartProps{})
	object := native.NewApiObject(chart, new("object"), &cdk8s.ApiObjectProps{ApiVersion: new("v1"), Kind: new("Pod")})
	const other = "*cdk8s.jsiiProxy_Chart does not stand in a native tree: begin the tree with native.NewApp, or use the functions of cdk8s for it"
	for name, test := range map[string]struct {
		action func()
		want   string
	}{
		"NewChart":        {func() { native.NewChart(official, new("x"), nil) }, other},
		"AddDependency":   {func() { chart.AddDependency(official) }, other},
		"SetDefaultChild": {func() { chart.Node().SetDefaultChild(official) }, other},
		"a group": {func() { chart.Node().AddDependency(constructs.NewDependencyGroup(official)) },
			"*constructs.jsiiProxy_DependencyGroup cannot be depended on in the native tree: pass the constructs, a group made with tree.NewDependencyGroup, " +
				"or a value of your own with the method DependencyRoots() *[]constructs.IConstruct"},
		"a member of a group": {func() { tree.NewDependencyGroup(chart, official) },
			"*native.chart is not of the official tree, as another member of the dependency group is: make a group for each tree"},
		"a patch": {func() { object.AddJsonPatch(cdk8s.JsonPatch_Remove(new("/spec"))) },
			"a patch made by cdk8s.JsonPatch lives in Node.js, where the native tree cannot read it: make it with package tree, like tree.PatchReplace(\"/spec/replicas\", 3)"},
		"a value": {func() { object.Metadata().Add(new("x"), cdk8s.Duration_Minutes(new(1.0))) },
			"cdk8s.jsiiProxy_Duration lives in Node.js, where the native tree cannot read it: pass plain values"},
		"a resolver": {func() { native.NewApp(&cdk8s.AppProps{Resolvers: &[]cdk8s.IResolver{cdk8s.NewLazyResolver()}}) },
			"resolver *cdk8s.jsiiProxy_LazyResolver lives in Node.js, and a native tree has none of the lazy values and tokens that it resolves: pass resolvers of your own"},
	} {
		t.Run(name, func(t *testing.T) { assert.Equal(t, test.want, failure(t, test.action)) })
	}
}

// TestValuesOfNodeAreRefused: in an object of either tree, or a patch, they would be {}.
func TestValuesOfNodeAreRefused(t *testing.T) {
	for name, value := range map[string]any{
		"Size": cdk8s.Size_Gibibytes(new(5.0)), "Duration": cdk8s.Duration_Minutes(new(1.0)), "Cron": cdk8s.Cron_Daily(),
		"Lazy": cdk8s.Lazy_Any(&producer{}), "JsonPatch": cdk8s.JsonPatch_Remove(new("/x")),
	} {
		for place, content := range map[string]any{
			"spec.size":        values{"size": value},
			"spec.sizes[1]":    values{"sizes": []any{1, value}},
			"spec.Size":        struct{ Size any }{value},
			"spec.Inner.Sizes": struct{ Inner *struct{ Sizes any } }{&struct{ Sizes any }{value}},
		} {
			for which, app := range map[string]cdk8s.App{"official": cdk8s.NewApp(nil), "native": native.NewApp(nil)} {
				chart := tree.NewChart(app, "chart", tree.ChartProps{})
				tree.NewObject(chart, "object", configMap, values{"spec": content})
				_, err := tree.Render(chart)
				require.Error(t, err)
				assert.Contains(t, err.Error(), "[chart/object] ConfigMap: cannot be written as YAML: "+place+": ", "%s, %s", name, which)
				assert.Contains(t, err.Error(), "lives in Node.js, where it cannot be read; pass a plain value")
			}
			for _, patch := range []func(){
				func() { tree.PatchAdd("/spec", content) }, func() { tree.PatchReplace("/spec", content) }, func() { tree.PatchTest("/spec", content) },
			} {
				message := failure(t, patch)
				assert.Contains(t, message, "patch of /spec: ")
				assert.Contains(t, message, "lives in Node.js, where it cannot be read: pass a plain value, or make the patch with cdk8s.JsonPatch")
			}
		}
	}
}

// producer is what a lazy value asks.
type producer struct{}

func (*producer) Produce() any { return "late" }

// A patch of package tree needs its module of jsii, which comes with the first thing that is asked of that package.
func TestPatchesOfPlainObjects(t *testing.T) {
	tree.Close()
	chart := cdk8s.NewChart(cdk8s.NewApp(nil), new("chart"), nil)
	object := cdk8s.NewApiObject(chart, new("object"), &cdk8s.ApiObjectProps{ApiVersion: new("v1"), Kind: new("Pod")})
	assert.Contains(t, failure(t, func() { object.AddJsonPatch(tree.PatchAdd("/spec", 1)) }), "Module 'k8s-combat-tree' not found")
	_, err := tree.ChartOf(object)
	require.NoError(t, err)
	object.AddJsonPatch(tree.PatchAdd("/spec", values{"replicas": 1}))
	assert.Equal(t, values{"replicas": 1.0}, object.ToJson().(values)["spec"])
}

func TestWithoutNodeItsOwnErrorStands(t *testing.T) {
	tree.Close()
	defer tree.Close()
	t.Setenv("PATH", t.TempDir())
	t.Setenv("JSII_NODE", "")
	chart := tree.NewChart(native.NewApp(nil), "shop", tree.ChartProps{})
	message := failure(t, func() {
		cdk8s.NewApiObject(chart, new("x"), &cdk8s.ApiObjectProps{ApiVersion: new("v1"), Kind: new("Pod")})
	})
	assert.Contains(t, message, `exec: "node": executable file not found`)
}
