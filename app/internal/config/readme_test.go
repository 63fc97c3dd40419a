package config_test

import (
	"flag"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/crossoverJie/k8s-combat/app/internal/config"
)

var update = flag.Bool("update", false, "write the tables of options into the READMEs")

const (
	begin = "<!-- options -->\n"
	end   = "<!-- /options -->\n"
)

// TestREADME: the table of options is the code's. A translation has its own
// headings and meanings, and the code's flags, variables and defaults.
func TestREADME(t *testing.T) {
	t.Run("English", func(t *testing.T) {
		checkTable(t, "../../../README.md", func(string) string { return config.Markdown() })
	})
	t.Run("Chinese", func(t *testing.T) {
		checkTable(t, "../../../README.zh-CN.md", func(before string) string {
			meanings := map[string]string{}
			for _, row := range rows(before) {
				meanings[row[0]] = row[3]
			}
			var table strings.Builder
			table.WriteString("| 参数 | 环境变量 | 默认值 | 含义 |\n| --- | --- | --- | --- |\n")
			for _, row := range rows(config.Markdown()) {
				meaning := meanings[row[0]]
				assert.NotEmpty(t, strings.TrimSpace(meaning), "no translation for %s", row[0])
				table.WriteString("|" + strings.Join([]string{row[0], row[1], row[2], meaning}, "|") + "|\n")
			}
			return table.String()
		})
	})
}

// rows are the cells of a table, without its head.
func rows(table string) (rows [][]string) {
	for line := range strings.Lines(table) {
		cells := strings.Split(strings.Trim(strings.TrimSpace(line), "|"), "|")
		if len(cells) == 4 && strings.Contains(cells[0], "`--") {
			rows = append(rows, cells)
		}
	}
	return rows
}

func checkTable(t *testing.T, path string, want func(before string) string) {
	t.Helper()
	content, err := os.ReadFile(path)
	require.NoError(t, err)
	head, rest, ok := strings.Cut(string(content), begin)
	require.True(t, ok, "%s has no %s", path, begin)
	before, tail, ok := strings.Cut(rest, end)
	require.True(t, ok, "%s has no %s", path, end)
	table := "\n" + want(before) + "\n"
	if *update {
		require.NoError(t, os.WriteFile(path, []byte(head+begin+table+end+tail), 0o644))
		return
	}
	assert.Equal(t, table, before, "%s: go test ./app/internal/config -update", path)
}
