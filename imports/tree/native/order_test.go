package native_test

import (
	"fmt"
	"testing"

	"github.com/aws/constructs-go/constructs/v10"
	"github.com/cdk8s-team/cdk8s-core-go/cdk8s/v2"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/crossoverJie/k8s-combat/imports/tree/native"
)

// written returns the names of a chart's objects in the order in which they are written.
func written(t *testing.T, chart cdk8s.Chart) []string {
	t.Helper()
	var names []string
	for _, object := range *chart.ToJson() {
		names = append(names, object.(map[string]any)["metadata"].(map[string]any)["name"].(string))
	}
	return names
}

func named(scope constructs.Construct, name string) cdk8s.ApiObject {
	return newObject(scope, name, map[string]any{"metadata": map[string]any{"name": name}})
}

func TestDependencies(t *testing.T) {
	t.Parallel()
	chart := newChart(native.NewApp(nil), "c")
	a, b, c := newGroup(chart, "a"), newGroup(chart, "b"), newGroup(chart, "c")
	a.Node().AddDependency(c, b)
	a.Node().AddDependency(b)
	assert.Equal(t, []string{"c/c", "c/b"}, paths(a.Node().Dependencies()), "a set, in the order given")
	a.Node().RemoveDependency(c)
	a.Node().RemoveDependency(c)
	a.Node().AddDependency(c)
	assert.Equal(t, []string{"c/b", "c/c"}, paths(a.Node().Dependencies()))
}

// both is what its user can depend on instead of two constructs.
type both struct{ first, second constructs.IConstruct }

func (b *both) DependencyRoots() *[]constructs.IConstruct {
	return &[]constructs.IConstruct{b.first, b.second}
}

// shop has objects a and b in chart x, c and d in a group of it, and an empty chart y.
type shop struct {
	app        cdk8s.App
	x, y       cdk8s.Chart
	a, b, c, d cdk8s.ApiObject
	group      *group
}

func newShop() *shop {
	s := &shop{app: native.NewApp(nil)}
	s.x, s.y = newChart(s.app, "x"), newChart(s.app, "y")
	s.a, s.b = named(s.x, "a"), named(s.x, "b")
	s.group = newGroup(s.x, "g")
	s.c, s.d = named(s.group, "c"), named(s.group, "d")
	return s
}

func TestOrderInChart(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		depend func(*shop)
		want   []string
	}{
		"none":                    {func(*shop) {}, []string{"a", "b", "c", "d"}},
		"object on object":        {func(s *shop) { s.a.AddDependency(s.d) }, []string{"d", "a", "b", "c"}},
		"chain":                   {func(s *shop) { s.a.AddDependency(s.b); s.b.AddDependency(s.c, s.d) }, []string{"c", "d", "b", "a"}},
		"diamond":                 {func(s *shop) { s.a.AddDependency(s.c, s.b); s.c.AddDependency(s.d); s.b.AddDependency(s.d) }, []string{"d", "c", "b", "a"}},
		"object on group":         {func(s *shop) { s.a.AddDependency(s.group) }, []string{"c", "d", "a", "b"}},
		"group on object":         {func(s *shop) { s.group.Node().AddDependency(s.b) }, []string{"a", "b", "c", "d"}},
		"object on several":       {func(s *shop) { s.a.Node().AddDependency(&both{s.d, s.b}) }, []string{"d", "b", "a", "c"}},
		"object on its own chart": {func(s *shop) { s.b.AddDependency(s.x) }, []string{"a", "c", "d", "b"}},
		"chart on its own object": {func(s *shop) { s.x.AddDependency(s.d) }, []string{"d", "a", "b", "c"}},
	} {
		s := newShop()
		test.depend(s)
		assert.Equal(t, test.want, written(t, s.x), name)
	}
}

func TestOrderOfCharts(t *testing.T) {
	t.Parallel()
	app := native.NewApp(nil)
	first, second, third := newChart(app, "first"), newChart(app, "second"), newChart(app, "third")
	a, c := named(first, "a"), named(third, "c")
	named(second, "b")
	nested := newChart(third, "nested")
	named(nested, "n")
	assert.Equal(t, []string{"first", "second", "third/nested", "third"}, paths(app.Charts()), "a chart after those in it")
	a.AddDependency(c)
	assert.Equal(t, []string{"third/nested", "third", "first", "second"}, paths(app.Charts()))
	nested.AddDependency(second)
	assert.Equal(t, []string{"second", "third/nested", "third", "first"}, paths(app.Charts()))
	assert.Equal(t, []string{"c"}, written(t, third), "without the objects of charts in it")
}

func TestChartsWithIndexIDs(t *testing.T) {
	t.Parallel()
	app := native.NewApp(nil)
	newChart(app, "b")
	newChart(newGroup(newChart(app, "9"), "g"), "inner")
	newChart(app, "10")
	assert.Equal(t, []string{"9", "10", "9/g/inner", "b"}, paths(app.Charts()), "cdk8s keeps them by path in an object")
}

func TestDependencyCycles(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		want   string
		depend func(*shop)
	}{
		{"x/a => x/b => x/a", func(s *shop) { s.a.AddDependency(s.b); s.b.AddDependency(s.a) }},
		{"x/a => x/b => x/g/c => x/a", func(s *shop) { s.a.AddDependency(s.b); s.b.AddDependency(s.c); s.c.AddDependency(s.a) }},
		{"x/b => x/g/c => x/b", func(s *shop) { s.a.AddDependency(s.b); s.b.AddDependency(s.c); s.c.AddDependency(s.b) }},
		{"x/g/c => x/g/d => x/g/c", func(s *shop) { s.c.AddDependency(s.group); s.d.AddDependency(s.group) }},
		{"x/a => x/g => x/a", func(s *shop) { s.group.Node().AddDependency(s.a); s.a.AddDependency(s.group) }},
		{"x => y => x", func(s *shop) { s.x.AddDependency(s.y); s.y.AddDependency(s.x) }},
		{"x/a => x/a", func(s *shop) { s.a.AddDependency(s.a) }},
	} {
		s := newShop()
		test.depend(s)
		message := "Dependency cycle detected: " + test.want
		assert.PanicsWithError(t, message, func() { s.app.SynthYaml() })
		assert.PanicsWithError(t, message, s.app.Synth)
	}
}

func TestDependencyOutsideOfCharts(t *testing.T) {
	t.Parallel()
	app := native.NewApp(nil)
	chart := newChart(app, "c")
	chart.AddDependency(newGroup(app, "g"))
	assert.PanicsWithError(t, "cannot find a parent chart (directly or indirectly)", func() { app.SynthYaml() })
}

func TestDependencyOnAnotherApp(t *testing.T) {
	t.Parallel()
	app := native.NewApp(nil)
	chart := newChart(app, "c")
	object := named(chart, "a")
	object.AddDependency(named(newChart(native.NewApp(nil), "other"), "b"))
	assert.Equal(t, []string{"a"}, written(t, chart), "it cannot be written before, so it does not count")
}

func TestRemovedChart(t *testing.T) {
	t.Parallel()
	app := native.NewApp(nil)
	chart := newChart(app, "c")
	named(chart, "a")
	require.True(t, *app.Node().TryRemoveChild(new("c")))
	assert.Empty(t, *app.SynthYaml())
	assert.Equal(t, []string{"a"}, written(t, chart))
}

// A dependency between two groups of n objects stands for n*n of them, which must not be what it costs.
func TestDependencyBetweenLargeCharts(t *testing.T) {
	t.Parallel()
	app := native.NewApp(nil)
	var charts []cdk8s.Chart
	for i := range 4 {
		chart := newChart(app, fmt.Sprintf("chart%d", i))
		for j := range 3000 {
			newObject(chart, fmt.Sprintf("object%d", j), nil)
		}
		if i > 0 {
			charts[i-1].AddDependency(chart)
		}
		charts = append(charts, chart)
	}
	assert.Equal(t, []string{"chart3", "chart2", "chart1", "chart0"}, paths(app.Charts()))
}
