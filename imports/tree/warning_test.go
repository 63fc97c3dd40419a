package tree_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/crossoverJie/k8s-combat/imports/tree"
)

func TestWarnings(t *testing.T) {
	t.Parallel()
	app := newApp(t)
	chart := tree.NewChart(app, "chart", tree.ChartProps{})
	q := newQueue(chart, "queue", "jobs")
	assert.Empty(t, tree.Warnings(app))
	tree.Warn(q, tree.Problem{Field: "Size", Value: 3, Detail: "is much", Fix: "use less"})
	q.Node().AddMetadata(new("other"), "text", nil)
	tree.Warn(chart, tree.Problem{Detail: "of the chart"})
	assert.Equal(t, []tree.Problem{
		{Construct: "chart", Detail: "of the chart"}, {Construct: "chart/queue", Detail: "Size: 3 is much; use less"},
	}, tree.Warnings(app))
	require.NoError(t, tree.Synth(app), "a warning is no error")
}

func TestLargeObjectsAreWarnedOf(t *testing.T) {
	t.Parallel()
	const limit = 250 << 10
	for name, test := range map[string]struct {
		text  string
		warns bool
	}{
		"small":            {strings.Repeat("x", limit-200), false},
		"large":            {strings.Repeat("x", limit), true},
		"by escapes":       {strings.Repeat("\n", limit/2), true},
		"by long escapes":  {strings.Repeat("<", limit/5), true},
		"without escapes":  {strings.Repeat("日", limit/4), false},
		"in many elements": {"", true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			app := newApp(t)
			content := map[string]any{"metadata": map[string]any{"name": "a"}, "data": map[string]any{"key": test.text}}
			if test.text == "" {
				content["items"] = slices.Repeat([]any{map[string]any{"a": true, "b": 1000}}, limit/18)
			}
			object := tree.NewObject(tree.NewChart(app, "chart", tree.ChartProps{}), "object", configMap, content)
			asJSON, err := json.Marshal(object.ToJson())
			require.NoError(t, err)
			assert.Equal(t, test.warns, len(asJSON) >= limit, "%d bytes", len(asJSON))
			warnings := tree.Warnings(app)
			assert.Equal(t, test.warns, len(warnings) == 1)
			if test.warns {
				assert.Regexp(t, `^\[chart/object\] is an object of \d+ bytes, .*; apply with --server-side`, warnings[0].Error())
			}
		})
	}
}

func TestClusterDomain(t *testing.T) {
	t.Parallel()
	app := newApp(t)
	tree.SetClusterDomain(app, "example.internal")
	chart := tree.NewChart(app, "chart", tree.ChartProps{})
	assert.Equal(t, "example.internal", tree.ClusterDomain(newQueue(chart, "queue", "jobs")))
	assert.Equal(t, "cluster.local", tree.ClusterDomain(newApp(t)))

	bad := newApp(t)
	tree.SetClusterDomain(bad, "Example.internal.")
	require.EqualError(t, tree.Synth(bad), "Validation failed with the following errors:\n"+
		`  [] ClusterDomain: "Example.internal." is not a DNS name; use for example "cluster.local", without a dot at its end`)
	assert.Equal(t, "cluster.local", tree.ClusterDomain(bad))
}
