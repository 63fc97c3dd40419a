package beside_test

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"sigs.k8s.io/yaml"

	"github.com/crossoverJie/k8s-combat/infra/check"
)

var (
	batsTest  = regexp.MustCompile(`@test "([^"]+)"`)
	batsCount = regexp.MustCompile(`count}" == "([0-9]+)"`)
	batsFile  = regexp.MustCompile(`tmp="(?:\./)?tests/checks/([^"]+)"`)
)

// kubeLinterReasons are why nothing is found where kube-linter's test expects a report.
var kubeLinterReasons = reasons{}

// kubeLinterLess are why there are fewer findings than reports.
var kubeLinterLess = reasons{
	"readiness-port":               "a port that another container of the pod declares is in order",
	"startup-port":                 "a port that another container of the pod declares is in order",
	"liveness-port":                "a port that another container of the pod declares is in order",
	"mismatching-selector":         "kinds of another platform than Kubernetes have rules of their own",
	"non-existent-service-account": "kinds of another platform than Kubernetes have rules of their own",
}

// TestKubeLinter expects the check to find what kube-linter is expected to find in its own testdata. Its module cannot be
// required: KUBE_LINTER names a folder with its source.
func TestKubeLinter(t *testing.T) {
	source := os.Getenv("KUBE_LINTER")
	if source == "" {
		t.Skip("KUBE_LINTER does not name a folder with the source of kube-linter")
	}
	rules := rulesOf(t, "kube-linter")
	files, err := filepath.Glob(filepath.Join(source, "pkg/builtinchecks/yamls/*.yaml"))
	require.NoError(t, err)
	for _, file := range files {
		content, err := os.ReadFile(file)
		require.NoError(t, err)
		var builtin struct {
			Name string `json:"name"`
		}
		require.NoError(t, yaml.Unmarshal(content, &builtin))
		assert.Contains(t, rules, builtin.Name)
	}
	assert.Len(t, rules, len(files))

	script, err := os.ReadFile(filepath.Join(source, "e2etests/bats-tests.sh"))
	require.NoError(t, err)
	tests := batsTest.FindAllSubmatchIndex(script, -1)
	folder := filepath.Join(source, "tests/checks")
	j := judge{reasons: kubeLinterReasons, used: map[string]bool{}}
	expected := 0
	for i, match := range tests {
		end := len(script)
		if i+1 < len(tests) {
			end = tests[i+1][0]
		}
		name := string(script[match[2]:match[3]])
		file := batsFile.FindSubmatch(script[match[0]:end])
		rule, known := rules[name]
		if file == nil || !known {
			continue
		}
		expected++
		findings := findingsIn(t, true, filepath.Join(folder, string(file[1])))
		j.expect(t, name, rule, findings, func(check.Finding) bool { return true })
		reports := batsCount.FindSubmatch(script[match[0]:end])
		count := 1
		if reports != nil {
			count, err = strconv.Atoi(string(reports[1]))
			require.NoError(t, err)
		}
		of := 0
		for _, f := range findings {
			if slices.Contains(rule.Codes, f.Code) {
				of++
			}
		}
		if why, less := kubeLinterLess[name]; less {
			assert.Less(t, of, count, "%s: there are as many findings as reports, and yet it is said that %s", name, why)
		} else if len(rule.Codes) > 0 {
			assert.GreaterOrEqual(t, of, count, "%s: there are fewer findings than reports", name)
		}
	}
	j.close(t)
	t.Logf("peers: kube-linter's tests expect reports of %d checks; %d are found, %d are left out with a reason of their own, and the rest with that of their rule",
		expected, j.found, len(j.reasons))
	sameFindings(t, "testdata/kube-linter.txt", folder, manifests(t, folder))
}
