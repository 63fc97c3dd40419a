package engine_test

import (
	"compress/gzip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// inBrowser is what the engine may weigh in a page, in bytes, compressed.
const inBrowser = 1_000_000

// TestSizeInABrowser compiles the engine for a browser, without inlining, which takes a seventh of the size.
func TestSizeInABrowser(t *testing.T) {
	if testing.Short() {
		t.Skip("compiles for another system")
	}
	t.Parallel()
	file := filepath.Join(t.TempDir(), "engine.wasm")
	build := exec.CommandContext(t.Context(), "go", "build", "-trimpath", "-gcflags=all=-l", "-ldflags=-s -w", "-o", file, "./testdata/wasm")
	build.Env = append(os.Environ(), "GOOS=js", "GOARCH=wasm", "CGO_ENABLED=0")
	output, err := build.CombinedOutput()
	require.NoError(t, err, string(output))
	content, err := os.ReadFile(file)
	require.NoError(t, err)
	var size counter
	w, err := gzip.NewWriterLevel(&size, gzip.BestCompression)
	require.NoError(t, err)
	_, err = w.Write(content)
	require.NoError(t, err)
	require.NoError(t, w.Close())
	t.Logf("%d bytes, %d compressed", len(content), size)
	assert.Less(t, int(size), inBrowser)
}

type counter int

func (c *counter) Write(p []byte) (int, error) {
	*c += counter(len(p))
	return len(p), nil
}

// TestWithoutAPIModules keeps what a browser cannot carry out of the engine.
func TestWithoutAPIModules(t *testing.T) {
	t.Parallel()
	output, err := exec.CommandContext(t.Context(), "go", "list", "-deps", ".").Output()
	require.NoError(t, err)
	for name := range strings.FieldsSeq(string(output)) {
		for _, heavy := range []string{"k8s.io/", "sigs.k8s.io/", "istio.io/", "google.golang.org/", "encoding/json", "fmt", "reflect", "time"} {
			assert.False(t, name == heavy || strings.HasSuffix(heavy, "/") && strings.HasPrefix(name, heavy), name)
		}
	}
}
