package check_test

import (
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/crossoverJie/k8s-combat/infra/check"
)

// read returns the objects of manifests.
func read(t *testing.T, text string) []check.Object {
	t.Helper()
	objects, err := check.Read(strings.NewReader(text), check.Stdin)
	require.NoError(t, err)
	return objects
}

func codes(findings []check.Finding) []string {
	result := []string{}
	for _, finding := range findings {
		result = append(result, finding.Code)
	}
	return result
}

func TestEachRuleByItsExamples(t *testing.T) {
	t.Parallel()
	for _, rule := range check.Rules() {
		t.Run(rule.Code, func(t *testing.T) {
			t.Parallel()
			if rule.Code == "KC408" {
				// Its examples are two sets each: what was, and what is.
				wrong, right := read(t, rule.Wrong), read(t, rule.Right)
				assert.Equal(t, []string{rule.Code}, codes(check.Against(wrong[:2], wrong[2:], check.Options{})))
				assert.Empty(t, check.Against(right[:2], right[2:], check.Options{}))
				return
			}
			options := check.Options{Strict: rule.Severity == check.Note}
			wrong := check.Objects(read(t, rule.Wrong), options)
			assert.Contains(t, codes(wrong), rule.Code, rule.Wrong)
			right := check.Objects(read(t, rule.Right), options)
			if options.Strict {
				assert.NotContains(t, codes(right), rule.Code, "%v", right)
				return
			}
			assert.Empty(t, right)
			for _, finding := range wrong {
				assert.Equal(t, rule.Code, finding.Code, "%v", finding)
				assert.Equal(t, rule.Severity, finding.Severity)
				assert.NotEmpty(t, finding.Message)
				assert.NotEmpty(t, finding.Fix)
				assert.Positive(t, finding.Place.Line)
			}
		})
	}
}

func TestTheTable(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for _, rule := range check.Rules() {
		assert.Regexp(t, `^KC[0-9]{3}$`, rule.Code)
		assert.False(t, seen[rule.Code], "%s is there twice", rule.Code)
		seen[rule.Code] = true
		assert.NotEmpty(t, rule.Title, rule.Code)
		assert.NotEmpty(t, rule.Doc, rule.Code)
		assert.Contains(t, []check.Severity{check.Error, check.Warning, check.Note}, rule.Severity, rule.Code)
		assert.NotEqual(t, rule.Wrong, rule.Right, rule.Code)
	}
}

func TestManifestsOfTheChaptersGiveNothing(t *testing.T) {
	t.Parallel()
	files, err := check.Files("../../dist")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, file := range files {
		objects, err := check.Read(nil, file)
		require.NoError(t, err)
		config, err := check.FindConfig("../../dist")
		require.NoError(t, err)
		assert.True(t, config.IsAlone(file))
		assert.Empty(t, check.Objects(objects, config.Options()), file)
	}
}

func TestThePageIsThatOfTheTable(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../../docs/check.md")
	require.NoError(t, err)
	assert.Equal(t, check.Page(), string(page), "write it: go run ./infra/cmd/combat check --page >docs/check.md")
}
