package check_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/crossoverJie/k8s-combat/infra/check"
)

func TestReadConfig(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), check.ConfigFile)
	for text, expected := range map[string]check.Options{
		"":                                 {},
		"# nothing\n":                      {},
		"strict: yes\n":                    {Strict: true},
		"kubernetesVersion: \"1.30\"\n":    {KubernetesVersion: "1.30"},
		"assume: [Secret/*/login]\n":       {Assume: []string{"Secret/*/login"}},
		"ignore:\n  - KC306\nfailOn: note": {Ignore: []string{"KC306"}},
	} {
		require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
		config, err := check.ReadConfig(path)
		require.NoError(t, err, text)
		assert.Equal(t, expected, config.Options(), text)
	}
}

func TestReadConfigRefusesWhatIsUnusable(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), check.ConfigFile)
	var bomb strings.Builder
	bomb.WriteString("a: &a [x, x, x, x, x, x, x, x, x, x]\n")
	for i := range 8 {
		bomb.WriteString(sprintf("%[1]c: &%[1]c [%[3]s*%[2]c]\n", 'b'+i, 'a'+i, strings.Repeat(sprintf("*%c, ", 'a'+i), 9)))
	}
	for text, message := range map[string]string{
		"strict: true\nstrict: true\n":        `:2: has the key "strict" twice in one map`,
		"strict: maybe\n":                     ":1: strict is a string, and true or false is wanted",
		"failOn: error\nassume: {a: b}\n":     ":2: assume is a map, and a list is wanted",
		"assume: [Secret/a/b, 5]\n":           ":1: assume[1] is a number, and a string is wanted",
		"kubernetesVersion: 1.30\n":           ":1: kubernetesVersion is a number, and a string is wanted",
		"stricter: true\n":                    ":1: has no option stricter; use one of assume, clusterDomain, each, failOn, ignore, kubernetesVersion, namespace, strict",
		"- a\n":                               ":1: item 0 is no object but a string",
		"strict: true\n---\nstrict: false\n":  ":3: is a second document",
		"assume: [\n":                         "is not YAML: ",
		"assume: [\xff]\n":                    ": is not UTF-8",
		bomb.String():                         "has aliases that stand for more than 100000 values",
		strings.Repeat(" ", check.MaxInput+1): "is larger than 20 MiB",
		"failOn: never\n":                     `: failOn: no severity "never"; use error, warning or note`,
		"namespace: No Such\n":                `: no namespace "No Such"; use lower-case letters`,
		"ignore: [KC999]\n":                   `: no rule "KC999" to ignore`,
		"each: [\"[\"]\n":                     `: each: "[": syntax error in pattern`,
	} {
		require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
		_, err := check.ReadConfig(path)
		require.ErrorIs(t, err, check.ErrInput, "%.40q", text)
		assert.Contains(t, err.Error(), path)
		assert.Contains(t, err.Error(), message)
	}
}
