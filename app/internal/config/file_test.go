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
		"defaults":   {"{}", config.DefaultFile()},
		"name alone": {"name: other\n", config.File{Name: "other"}},
		"end marker": {"---\nname: other\n...\n", config.File{Name: "other"}},
		"alias":      {"name: &a other\npulsar: {token: *a}\n", config.File{Name: "other", Pulsar: config.Pulsar{Token: "other"}}},
		"as written": {"name: 1.0\npulsar: {token: 0012, url: 1e3}\n", config.File{Name: "1.0", Pulsar: config.Pulsar{Token: "0012", URL: "1e3"}}},
		"true":       {"name: yes\npulsar: {token: TRUE}\n", config.File{Name: "yes", Pulsar: config.Pulsar{Token: "TRUE"}}},
		"date":       {"name: 2026-01-02\n", config.File{Name: "2026-01-02"}},
		"odd keys":   {"name: other\n? [1, 2]\n: x\n12: y\n", config.File{Name: "other"}},
		"empty name": {"name:\n", config.DefaultFile()},
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
		"too large":           {"name: other\n#" + strings.Repeat("x", 1<<20), "more than 65536 bytes"},
		"empty":               {"", "no values; allowed are name, pulsar.url and pulsar.token, or {} for the defaults"},
		"comment alone":       {"# hunter2\n", "no values"},
		"null":                {"null\n", "no values"},
		"~":                   {"---\n~\n", "no values"},
		"several documents":   {"name: other\n---\nname: hunter2\n", "several documents; allowed is one"},
		"broken document":     {"name: other\n---\n[hunter2\n", "several documents; allowed is one"},
		"twice":               {"name: hunter2\nname: other\n", "line 2: a key that is there already; allowed is once"},
		"number under a key":  {"pulsar: {token: {4711: 4711}}\n", "line 1: pulsar.token; allowed is a text"},
		"number in a key":     {"pulsar: [{[4711]: 4711}]\n", "line 1: pulsar; allowed is a mapping"},
		"number as a text":    {"4711\n", "line 1: the document; allowed is a mapping"},
		"long name":           {"name: " + strings.Repeat("x", 129), "line 1: name of 129 bytes; allowed are 128"},
		"long URL":            {"pulsar: {url: " + strings.Repeat("x", 5000) + "}", "line 1: pulsar.url of 5000 bytes; allowed are 4096"},
		"long token":          {"pulsar: {token: " + strings.Repeat("x", 20000) + "}", "line 1: pulsar.token of 20000 bytes; allowed are 16384"},
		"line in the name":    {"name: \"hunter2\\nx\"", "line 1: name with what is not printable"},
		"C1 control":          {"name: \"hunter2\\x9b\"", "line 1: name with what is not printable"},
		"bidi":                {"name: \"hunter2\\u202e\"", "line 1: name with what is not printable"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			path := write(t, tt.content)
			got, err := config.ReadFile(path)
			require.ErrorContains(t, err, tt.want)
			assert.ErrorContains(t, err, path)
			assert.NotContains(t, err.Error(), "hunter2")
			assert.NotContains(t, err.Error(), "4711")
			assert.Less(t, len(err.Error())-len(path), 200)
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
