package conformance_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/crossoverJie/k8s-combat/imports/tree"
)

// jsii waits for its process twice, and used to print which of the two came too late, in one case of four.
func TestCloseSaysNothing(t *testing.T) {
	said := filepath.Join(t.TempDir(), "stderr")
	file, err := os.Create(said)
	require.NoError(t, err)
	stderr := os.Stderr
	os.Stderr = file
	t.Cleanup(func() { os.Stderr = stderr })
	t.Setenv("TMPDIR", t.TempDir())

	tree.Close()
	for range 12 {
		_, err := tree.NewOfficialApp(t.TempDir())
		require.NoError(t, err)
		tree.Close()
	}
	require.NoError(t, file.Close())
	content, err := os.ReadFile(said)
	require.NoError(t, err)
	assert.NotContains(t, string(content), "Runtime process exited abnormally")
	left, err := filepath.Glob(filepath.Join(os.TempDir(), "jsii-*"))
	require.NoError(t, err)
	assert.Empty(t, left, "the runtime in the temporary folder")
}
