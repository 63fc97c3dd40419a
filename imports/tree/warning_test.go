package tree_test

import (
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
