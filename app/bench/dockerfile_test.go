//go:build linux

package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestCompileCommand(t *testing.T) {
	command, err := compileCommand("FROM golang\nRUN true\n" +
		"# One more thing.\nRUN --mount=type=bind,target=. \\\n  --mount=type=cache,target=/x \\\n  CGO_ENABLED=0 \\\n  go build -tags=a,b \\\n  " + target + "\n")
	assert.NoError(t, err)
	assert.Regexp(t, `^CGO_ENABLED=0 +go build -tags=a,b$`, command)

	_, err = compileCommand("FROM scratch\nRUN go build ./app\n")
	assert.ErrorContains(t, err, target)
}

func TestDockerfileHasTheCommand(t *testing.T) {
	dockerfile, err := os.ReadFile("../../Dockerfile")
	require.NoError(t, err)
	command, err := compileCommand(string(dockerfile))
	require.NoError(t, err)
	assert.Regexp(t, `^CGO_ENABLED=0 .*go build .*-tags=\S+.*-ldflags="-s -w .*"$`, command)
}

func TestImageIsSmall(t *testing.T) {
	if testing.Short() {
		t.Skip("compiles the program")
	}
	program := filepath.Join(t.TempDir(), "k8s-combat")
	require.NoError(t, compile(program, "./app"))
	size, err := imageBytes(program)
	require.NoError(t, err)
	assert.Less(t, size, int64(mostImage))
}
