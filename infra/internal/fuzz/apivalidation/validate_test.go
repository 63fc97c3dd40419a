package apivalidation

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// The chapters' manifests are what people apply.
func TestChaptersAreAccepted(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("../../../../dist/*.yaml")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, file := range files {
		content, err := os.ReadFile(file)
		require.NoError(t, err)
		assert.Empty(t, Validate(content), file)
	}
}
