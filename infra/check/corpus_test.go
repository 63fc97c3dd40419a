package check_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"sigs.k8s.io/yaml"

	"github.com/crossoverJie/k8s-combat/infra/check"
)

const corpus = "testdata/corpus"

// edit makes a broken set of one that works.
type edit struct {
	Code string `json:"code"`
	Name string `json:"name"`
	// Old is there once. New takes its place.
	Old    string `json:"old"`
	New    string `json:"new"`
	Old2   string `json:"old2"`
	New2   string `json:"new2"`
	Append string `json:"append"`
	// Also is a code that cannot be told apart from the other.
	Also string `json:"also"`
}

func (e edit) apply(t *testing.T, text string) string {
	t.Helper()
	for _, pair := range [][2]string{{e.Old, e.New}, {e.Old2, e.New2}} {
		if pair[0] != "" {
			require.Equal(t, 1, strings.Count(text, pair[0]), "%s: what is replaced is there once: %q", e.Name, pair[0])
			text = strings.ReplaceAll(text, pair[0], pair[1])
		}
	}
	return text + e.Append
}

// set is a set of the corpus with the code that it is to give, none for one that works.
type set struct {
	name, text, code, also string
}

func readCorpus(t *testing.T) (sets []set) {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(corpus, "broken.yaml"))
	require.NoError(t, err)
	edits := map[string][]edit{}
	require.NoError(t, yaml.UnmarshalStrict(content, &edits))
	for base, edits := range edits {
		text, err := os.ReadFile(filepath.Join(corpus, base))
		require.NoError(t, err)
		sets = append(sets, set{name: base, text: string(text)})
		for _, edit := range edits {
			sets = append(sets, set{base + ": " + edit.Name, edit.apply(t, string(text)), edit.Code, edit.Also})
		}
	}
	for _, rule := range check.Rules() {
		if rule.Severity != check.Note && rule.Code != "KC408" {
			sets = append(sets, set{name: "example of " + rule.Code, text: rule.Wrong, code: rule.Code})
		}
	}
	correct, err := txtar.ParseFile(filepath.Join(corpus, "correct.txtar"))
	require.NoError(t, err)
	for _, file := range correct.Files {
		sets = append(sets, set{name: file.Name, text: string(file.Data)})
	}
	return sets
}

// TestCorpus expects of each broken set its code and nothing else, and of each that works nothing.
func TestCorpus(t *testing.T) {
	t.Parallel()
	broken, recalled, correct, alarms := 0, 0, 0, 0
	for _, set := range readCorpus(t) {
		findings := check.Objects(read(t, set.text), check.Options{})
		has := codes(findings)
		others := slices.DeleteFunc(slices.Clone(has), func(code string) bool { return code == set.code || code == set.also })
		assert.Empty(t, others, "%s: %v", set.name, findings)
		alarms += len(others)
		if set.code == "" {
			correct++
			continue
		}
		broken++
		if assert.Contains(t, has, set.code, set.name) {
			recalled++
		}
	}
	assert.GreaterOrEqual(t, broken, 120)
	assert.GreaterOrEqual(t, correct, 40)
	fmt.Printf("corpus: %d of %d broken sets found, %d false alarms in them and in %d sets that work\n", recalled, broken, alarms, correct)
}
