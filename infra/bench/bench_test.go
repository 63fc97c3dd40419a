package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// What does not make the same objects must not be compared.
func TestRenderersMakeTheSameObjects(t *testing.T) {
	w, err := newWorkshop(t.TempDir(), filepath.Join("..", "..", ".bench"))
	require.NoError(t, err)
	all := w.renderers()
	for _, r := range all[1:] {
		t.Run(r.name, func(t *testing.T) {
			if r.missing != "" {
				t.Skip("SKIPPED: " + r.missing)
			}
			assert.NoError(t, w.checkSame([]renderer{all[0], r}))
		})
	}
	t.Run("another one", func(t *testing.T) {
		other := renderer{name: "other", command: func(_ int, folder string) (*exec.Cmd, error) { return w.services("-tree=native")(2, folder) }}
		assert.ErrorContains(t, w.checkSame([]renderer{all[0], other}), "other does not make the same objects as native")
	})
	objects, err := w.objects(all[0], 2)
	require.NoError(t, err)
	assert.Len(t, objects, 6)
}

func TestRunMeasured(t *testing.T) {
	t.Parallel()
	u, err := runMeasured(exec.Command(os.Args[0], "-test.run=NONE"))
	require.NoError(t, err)
	assert.Positive(t, u.wall)
	assert.Positive(t, u.cpu)
	assert.Greater(t, u.peak, int64(1<<20))

	_, err = runMeasured(exec.Command(os.Args[0], "-no-such-flag"))
	assert.ErrorContains(t, err, "flag provided but not defined")
}

func TestMedian(t *testing.T) {
	t.Parallel()
	assert.Equal(t, usage{wall: 2, cpu: 20, peak: 5}, median([]usage{{3, 10, 5}, {1, 20, 9}, {2, 30, 1}}))
}

func TestReport(t *testing.T) {
	t.Parallel()
	of := func(milliseconds int) usage {
		wall := time.Duration(milliseconds) * time.Millisecond
		return usage{wall: wall, cpu: 2 * wall, peak: 50 << 20}
	}
	r := &results{runs: 7, renderers: []renderer{{name: "native"}, {name: "helm template", goal: 3}}, medians: map[string]map[int]usage{
		"native":        {1_000: of(100), 10_000: of(1000)},
		"helm template": {1_000: of(250)},
	}}
	var out bytes.Buffer
	r.report(&out)
	(&start{combat: of(10), empty: of(5)}).report(&out)
	assert.Equal(t, `
Whole processes, services of 3 objects: medians of 7 runs, in turns; ratios to native

   services        renderer        wall   ratio         CPU   ratio   peak memory
       1000          native    100.0 ms     1.0    200.0 ms     1.0        50 MiB
       1000   helm template    250.0 ms     2.5    500.0 ms     2.5        50 MiB
      10000          native   1000.0 ms     1.0   2000.0 ms     1.0        50 MiB

MISSED   1,000 services: 2.5 times as fast as helm template; wanted at least 3
reached  10,000 services: 10.0 times the time of 1,000; wanted at most 11
reached  10,000 services: peak memory 50 MiB; wanted less than 400
reached  all chapters: 20.0 ms of CPU time, 2.0 times that of an empty main with the same imports, 10.0 ms; wanted at most 2
`, out.String())
}
