package config_test

import (
	"bytes"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/crossoverJie/k8s-combat/app/internal/config"
)

func write(t *testing.T, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "app.yaml")
	require.NoError(t, os.WriteFile(path, []byte(content), 0o600))
	return path
}

func TestReadFile(t *testing.T) {
	tests := map[string]struct {
		content string
		want    config.File
	}{
		"the tutorial's": {
			"name: k8s-combat\npulsar:\n  url: \"pulsar://localhost:6650\"\n  token: \"abc\"\n",
			config.File{Name: "k8s-combat", Pulsar: config.Pulsar{URL: "pulsar://localhost:6650", Token: "abc"}},
		},
		"empty":         {"", config.DefaultFile()},
		"comment alone": {"# nothing\n", config.DefaultFile()},
		"name alone":    {"name: other\n", config.File{Name: "other"}},
		"empty name":    {"name:\n", config.DefaultFile()},
		"token that is a number": {
			"pulsar: {token: 12}\n",
			config.File{Name: "k8s-combat", Pulsar: config.Pulsar{Token: "12"}},
		},
		"unknown key": {"name: other\ncolour: red\n", config.File{Name: "other"}},
		"JSON":        {`{"name": "other"}`, config.File{Name: "other"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			got, err := config.ReadFile(write(t, tt.content))
			require.NoError(t, err)
			assert.Equal(t, tt.want, got)
		})
	}
}

func TestReadFileNone(t *testing.T) {
	got, err := config.ReadFile("")
	require.NoError(t, err)
	assert.Equal(t, config.DefaultFile(), got)
}

func TestReadFileMissing(t *testing.T) {
	got, err := config.ReadFile(filepath.Join(t.TempDir(), "app.yaml"))
	assert.ErrorIs(t, err, fs.ErrNotExist)
	assert.Equal(t, config.DefaultFile(), got)
}

func TestReadFileBroken(t *testing.T) {
	tests := map[string]struct{ content, want string }{
		"not YAML":            {"name: [hunter2\n", "is not the YAML file expected"},
		"a text":              {"hunter2", "is not the YAML file expected"},
		"a list":              {"- hunter2", "is not the YAML file expected"},
		"pulsar is a text":    {"name: other\npulsar: hunter2\n", "pulsar"},
		"token is a map":      {"name: other\npulsar: {token: {hunter2: hunter2}}\n", "token"},
		"token like an alias": {"name: other\npulsar: {token: *hunter2}\n", "unknown anchor *** referenced"},
		"tab":                 {"name: other\npulsar:\n\ttoken: hunter2\n", "line 3"},
		"not UTF-8":           {"name: \xff\xfe hunter2\n", "is not the YAML file expected"},
		"too large":           {"name: other\n#" + strings.Repeat("x", 1<<20), "more than 1048576 bytes"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			path := write(t, tt.content)
			got, err := config.ReadFile(path)
			require.ErrorContains(t, err, tt.want)
			assert.ErrorContains(t, err, path)
			assert.NotContains(t, err.Error(), "hunter2")
			assert.Equal(t, config.DefaultFile(), got, "no half-read file")
		})
	}
}

func TestReadFileDirectory(t *testing.T) {
	got, err := config.ReadFile(t.TempDir())
	assert.ErrorContains(t, err, "not a regular file")
	assert.Equal(t, config.DefaultFile(), got)
}

func TestFileLogsWithoutSecrets(t *testing.T) {
	file, err := config.ReadFile(write(t, "pulsar: {url: 'pulsar://me:hunter2@mq:6650', token: hunter2}"))
	require.NoError(t, err)

	var log bytes.Buffer
	slog.New(slog.NewJSONHandler(&log, nil)).Info("read", "file", file)
	assert.NotContains(t, log.String(), "hunter2")
	assert.Contains(t, log.String(), `"pulsar_url":"pulsar://me:***@mq:6650","pulsar_token":"***"`)
}
