package main

import (
	"flag"
	"os"
	"path/filepath"
	"testing"

	"github.com/cdk8s-team/cdk8s-core-go/cdk8s/v2"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/crossoverJie/k8s-combat/imports/tree"
	"github.com/crossoverJie/k8s-combat/imports/tree/native"
	"github.com/crossoverJie/k8s-combat/infra/pod"
)

var update = flag.Bool("update", false, "write the golden files instead of comparing with them")

func TestMain(m *testing.M) {
	code := m.Run()
	tree.Close()
	os.Exit(code)
}

func TestPlatform(t *testing.T) {
	outdir := t.TempDir()
	app := native.NewApp(&cdk8s.AppProps{Outdir: &outdir})
	newPlatform(app)
	require.NoError(t, tree.Synth(app))
	files, err := os.ReadDir(outdir)
	require.NoError(t, err)
	require.Len(t, files, 2)
	for _, file := range files {
		got, err := os.ReadFile(filepath.Join(outdir, file.Name()))
		require.NoError(t, err)
		golden := filepath.Join("testdata", file.Name())
		if *update {
			require.NoError(t, os.WriteFile(golden, got, 0o644))
			continue
		}
		want, err := os.ReadFile(golden)
		require.NoError(t, err, "run the test with -update to write it")
		assert.Equal(t, string(want), string(got), file.Name())
	}
}

// What is wrong with the pods is told at the construct of one's own, beside what that has found itself.
func TestPoolBadInput(t *testing.T) {
	app := native.NewApp(nil)
	chart := tree.NewChart(app, "chart", tree.ChartProps{})
	NewPool(chart, "pool", PoolProps{Size: -1, Pod: pod.Props{Name: "pool", Image: "example.com/pool:1", Scratch: []string{"/etc"}}})
	err := tree.Synth(app)
	var problems tree.Problems
	require.ErrorAs(t, err, &problems)
	var messages []string
	for _, problem := range problems {
		messages = append(messages, problem.Error())
	}
	assert.Equal(t, []string{
		`[chart/pool] Size: -1 is negative; use 0 or more`,
		`[chart/pool] Scratch[0]: "/etc" would hide all that the image has in /etc; use a folder of its own`,
	}, messages)
}
