package conformance_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
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

// someKinds are of different ranks in the order of application, from the last to the first.
var someKinds = []schema.GroupVersionKind{
	{Group: "security.istio.io", Version: "v1", Kind: "AuthorizationPolicy"},
	{Group: "networking.istio.io", Version: "v1", Kind: "VirtualService"},
	{Group: "networking.istio.io", Version: "v1", Kind: "DestinationRule"},
	{Group: "apps", Version: "v1", Kind: "Deployment"},
	{Version: "v1", Kind: "Service"},
	{Version: "v1", Kind: "ConfigMap"},
	{Version: "v1", Kind: "Namespace"},
}

func newNamed(scope constructs.Construct, gvk schema.GroupVersionKind, name string) cdk8s.ApiObject {
	return tree.NewObject(scope, name, gvk, values{"metadata": values{"name": name}})
}

// namesIn are the names of the objects of a file.
func namesIn(content string) []string {
	var names []string
	for line := range strings.Lines(content) {
		if name, ok := strings.CutPrefix(line, "  name: "); ok {
			names = append(names, strings.TrimSpace(name))
		}
	}
	return names
}

func TestOrderOfApplicationIsTheSameOnBothTrees(t *testing.T) {
	// all makes an object of each kind; those at even places stand in the chart, the others in a construct.
	type all struct {
		chart   cdk8s.Chart
		within  constructs.Construct
		objects map[string]cdk8s.ApiObject
	}
	const unforced = "namespace configmap service deployment destinationrule virtualservice authorizationpolicy"
	for name, test := range map[string]struct {
		depend func(a *all)
		want   string
	}{
		"nothing declared": {func(*all) {}, unforced},
		"an object on another": {func(a *all) { a.objects["namespace"].AddDependency(a.objects["deployment"]) },
			"configmap service deployment namespace destinationrule virtualservice authorizationpolicy"},
		"an object on a construct": {func(a *all) { a.objects["namespace"].AddDependency(a.within) },
			"configmap service deployment destinationrule virtualservice namespace authorizationpolicy"},
		"a construct on an object": {func(a *all) { a.within.Node().AddDependency(a.objects["destinationrule"]) },
			"namespace service destinationrule configmap deployment virtualservice authorizationpolicy"},
		"through a construct without objects": {func(a *all) {
			between := tree.NewConstruct(a.chart, "between")
			a.objects["namespace"].AddDependency(between)
			between.Node().AddDependency(a.objects["service"])
		}, "configmap service namespace deployment destinationrule virtualservice authorizationpolicy"},
		"a dependency group": {func(a *all) {
			a.objects["service"].Node().AddDependency(tree.NewDependencyGroup(a.objects["virtualservice"], a.objects["namespace"]))
		}, "namespace configmap deployment destinationrule virtualservice service authorizationpolicy"},
		"the chart on its object": {func(a *all) { a.chart.AddDependency(a.objects["destinationrule"]) },
			"destinationrule namespace configmap service deployment virtualservice authorizationpolicy"},
		"a chain": {func(a *all) {
			a.objects["namespace"].AddDependency(a.objects["configmap"])
			a.objects["configmap"].AddDependency(a.objects["authorizationpolicy"])
		}, "service deployment destinationrule virtualservice authorizationpolicy configmap namespace"},
		"a chart in the chart": {func(a *all) { newNamed(tree.NewChart(a.chart, "inner", tree.ChartProps{}), someKinds[0], "inner") }, unforced},
		"the order is kept": {func(a *all) {
			app, err := tree.AppOf(a.chart)
			require.NoError(t, err)
			tree.KeepOrder(app)
		}, "authorizationpolicy destinationrule service namespace virtualservice deployment configmap"},
	} {
		t.Run(name, func(t *testing.T) {
			build := func(app cdk8s.App) *all {
				a := &all{chart: tree.NewChart(app, "shop", tree.ChartProps{}), objects: map[string]cdk8s.ApiObject{}}
				for _, gvk := range slices.Concat(everyOther(someKinds, 0), everyOther(someKinds, 1)) {
					var scope constructs.Construct = a.chart
					if slices.Contains(everyOther(someKinds, 1), gvk) {
						if a.within == nil {
							a.within = tree.NewConstruct(a.chart, "within")
						}
						scope = a.within
					}
					name := strings.ToLower(gvk.Kind)
					a.objects[name] = newNamed(scope, gvk, name)
				}
				test.depend(a)
				return a
			}
			for _, outputType := range []cdk8s.YamlOutputType{cdk8s.YamlOutputType_FILE_PER_CHART, cdk8s.YamlOutputType_FILE_PER_APP} {
				got, err := sameWith(t, cdk8s.AppProps{YamlOutputType: outputType, RecordConstructMetadata: new(true)}, func(app cdk8s.App) { build(app) })
				require.NoError(t, err)
				for file, content := range got {
					if names := namesIn(content); len(names) > 1 {
						names = slices.DeleteFunc(names, func(name string) bool { return name == "inner" })
						assert.Equal(t, test.want, strings.Join(names, " "), file)
					}
				}
			}
			for which, newApp := range map[string]func(*cdk8s.AppProps) cdk8s.App{"official": cdk8s.NewApp, "native": native.NewApp} {
				a := build(newApp(nil))
				var names []string
				for range 2 {
					names = nil
					for _, object := range must(tree.Render(a.chart)) {
						names = append(names, object.(values)["metadata"].(values)["name"].(string))
					}
				}
				assert.Equal(t, test.want, strings.Join(names, " "), which)
			}
		})
	}
}

func everyOther[T any](all []T, from int) []T {
	var result []T
	for i := from; i < len(all); i += 2 {
		result = append(result, all[i])
	}
	return result
}

// TestTheOrderOfTheOfficialTreeIsItsOwnAgain: what is not asked through package tree is as cdk8s has it, before and after.
func TestTheOrderOfTheOfficialTreeIsItsOwnAgain(t *testing.T) {
	app := cdk8s.NewApp(&cdk8s.AppProps{Outdir: new(t.TempDir())})
	chart := tree.NewChart(app, "c", tree.ChartProps{})
	for _, gvk := range someKinds {
		newNamed(chart, gvk, strings.ToLower(gvk.Kind))
	}
	before := *app.SynthYaml()
	require.NoError(t, tree.Synth(app))
	assert.Equal(t, before, *app.SynthYaml())
	assert.Empty(t, *chart.Node().Dependencies())

	tree.Invalid(chart, tree.Problem{Detail: "wrong"})
	require.ErrorContains(t, tree.Synth(app), "wrong")
	other := cdk8s.NewApp(nil)
	kept := tree.NewChart(other, "c", tree.ChartProps{})
	newNamed(kept, someKinds[0], "a")
	newNamed(kept, someKinds[1], "b")
	assert.Equal(t, []string{"a", "b"}, namesIn(*other.SynthYaml()), "after a synth that failed, too")
}

// TestRandomDependenciesInTheOrderOfApplication: on both trees alike, what depends on something comes after it, and what may
// be in the order of application is.
func TestRandomDependenciesInTheOrderOfApplication(t *testing.T) {
	const cases, size = 60, 12
	random := rand.New(rand.NewPCG(1, 1))
	forced := 0
	for number := range cases {
		kinds := make([]schema.GroupVersionKind, size)
		for i := range kinds {
			kinds[i] = someKinds[random.IntN(len(someKinds))]
		}
		// An object depends on those that come later in this, so that there is no cycle.
		ordered := random.Perm(size)
		var depends [][2]int
		for range random.IntN(size) {
			a, b := random.IntN(size), random.IntN(size)
			if a != b {
				depends = append(depends, [2]int{ordered[min(a, b)], ordered[max(a, b)]})
			}
		}
		got, err := same(t, func(app cdk8s.App) {
			chart := tree.NewChart(app, "c", tree.ChartProps{})
			var objects []cdk8s.ApiObject
			for i, gvk := range kinds {
				objects = append(objects, newNamed(chart, gvk, fmt.Sprintf("o%d", i)))
			}
			for _, edge := range depends {
				objects[edge[0]].AddDependency(objects[edge[1]])
			}
		})
		require.NoError(t, err)
		names := namesIn(got["c.k8s.yaml"])
		require.Len(t, names, size)
		place := make([]int, size)
		for i := range place {
			place[i] = slices.Index(names, fmt.Sprintf("o%d", i))
		}
		waits := make([]bool, size)
		for _, edge := range depends {
			assert.Greater(t, place[edge[0]], place[edge[1]], "case %d: %v", number, edge)
			waits[edge[0]] = true
		}
		rank := func(i int) int {
			group := kinds[i].Group
			if group == "" {
				group = "core"
			}
			return tree.Rank(group, kinds[i].Kind)
		}
		for i := range kinds {
			for j := range kinds {
				if rank(i) >= rank(j) {
					continue
				}
				if !waits[i] {
					assert.Less(t, place[i], place[j], "case %d: o%d waits for nothing, and o%d is of a higher rank", number, i, j)
				} else if place[i] > place[j] {
					forced++
				}
			}
		}
	}
	assert.Positive(t, forced, "some dependencies go against the order")
}
