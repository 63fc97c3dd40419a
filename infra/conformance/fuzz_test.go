package conformance_test

import (
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

const (
	// casesVariable is how many random cases TestRandomTrees compares.
	casesVariable = "CONFORMANCE_CASES"
	defaultCases  = 2000
	// seedVariable is the seed of these cases.
	seedVariable = "CONFORMANCE_SEED"
	defaultSeed  = 1
	// reportVariable names the file to write a report to, if there is to be one.
	reportVariable = "CONFORMANCE_REPORT"

	// shownDifferences is how many are printed; the first ones tell enough.
	shownDifferences = 5
)

// TestRandomTrees builds the same random trees in cdk8s and in the native tree and compares everything that can be seen
// of them, above all every byte that is written. The cases are the same in each run, unless told otherwise.
func TestRandomTrees(t *testing.T) {
	cases, seed := number(t, casesVariable, defaultCases), number(t, seedVariable, defaultSeed)
	r := &report{seed: seed, began: time.Now(), flavours: make([]flavourReport, len(flavours))}
	e, err := startEngine()
	require.NoError(t, err)

	// The engine works on the next cases while the native tree works on this one.
	type prepared struct {
		test testCase
		err  error
	}
	const ahead = 32
	queue := make(chan prepared, ahead)
	go func() {
		defer close(queue)
		for i := range cases {
			line, test, err := encode(newCase(seed, i))
			if err == nil {
				err = e.send(line)
			}
			queue <- prepared{test, err}
			if err != nil {
				return
			}
		}
	}()
	var i uint64
	shown := 0
	for next := range queue {
		require.NoError(t, next.err)
		want, err := e.receive()
		require.NoError(t, err)
		c := compareNative(t, next.test, want)
		r.add(int(i%uint64(len(flavours))), c)
		for _, difference := range c.differences {
			if shown++; shown <= shownDifferences {
				t.Errorf("case %d of seed %d (%s): %s", i, seed, flavours[i%uint64(len(flavours))].name, difference)
			}
		}
		i++
	}
	t.Log(r.summary())
	if file := os.Getenv(reportVariable); file != "" {
		text, err := r.markdown()
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(file, []byte(text), 0o644))
	}
	if r.differences > 0 {
		t.Errorf("%d differences", r.differences)
	}
}

// FuzzTrees compares a random case. To go through cases that nobody has seen:
//
//	go test -fuzz FuzzTrees ./infra/conformance
func FuzzTrees(f *testing.F) {
	for i := range uint64(len(flavours)) {
		f.Add(uint64(0), i)
	}
	f.Add(uint64(20261123), uint64(2769)) // replaces what is beyond the end of a list
	f.Fuzz(func(t *testing.T, seed, number uint64) {
		e, err := startEngine()
		require.NoError(t, err)
		line, test, err := encode(newCase(seed, number))
		require.NoError(t, err)
		require.NoError(t, e.send(line))
		want, err := e.receive()
		require.NoError(t, err)
		for _, difference := range compareNative(t, test, want).differences {
			t.Errorf("%s: %s", flavours[number%uint64(len(flavours))].name, difference)
		}
	})
}

func compareNative(t *testing.T, test testCase, want any) *comparison {
	t.Helper()
	// Not t.TempDir, which would keep the folders of all cases until the test ends.
	folder, err := os.MkdirTemp("", "conformance-") //nolint:usetesting // see above
	require.NoError(t, err)
	defer func() { require.NoError(t, os.RemoveAll(folder)) }()
	result, err := run(test, folder)
	require.NoError(t, err)
	got, err := asJSON(result)
	require.NoError(t, err)
	return compare(want, got)
}

func number(t *testing.T, variable string, otherwise uint64) uint64 {
	t.Helper()
	text := os.Getenv(variable)
	if text == "" {
		return otherwise
	}
	number, err := strconv.ParseUint(text, 10, 64)
	require.NoError(t, err, "%s=%q is not a number", variable, text)
	return number
}
