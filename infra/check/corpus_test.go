package check_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/crossoverJie/k8s-combat/infra/check"
	"github.com/crossoverJie/k8s-combat/infra/internal/corpus"
)

// TestCorpus expects of each broken set its code and nothing else, and of each that works nothing.
func TestCorpus(t *testing.T) {
	t.Parallel()
	sets, err := corpus.Sets()
	require.NoError(t, err)
	broken, recalled, correct, alarms := 0, 0, 0, 0
	for _, set := range sets {
		findings := check.Objects(read(t, set.Text), check.Options{})
		has := codes(findings)
		others := slices.DeleteFunc(slices.Clone(has), func(code string) bool { return code == set.Code || code == set.Also })
		assert.Empty(t, others, "%s: %v", set.Name, findings)
		alarms += len(others)
		if set.Code == "" {
			correct++
			continue
		}
		broken++
		if assert.Contains(t, has, set.Code, set.Name) {
			recalled++
		}
	}
	assert.GreaterOrEqual(t, broken, 120)
	assert.GreaterOrEqual(t, correct, 40)
	fmt.Printf("corpus: %d of %d broken sets found, %d false alarms in them and in %d sets that work\n", recalled, broken, alarms, correct)
}
