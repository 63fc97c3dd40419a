package beside_test

import (
	"encoding/json"
	"flag"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/crossoverJie/k8s-combat/infra/check"
	"github.com/crossoverJie/k8s-combat/infra/internal/peers"
)

var update = flag.Bool("update", false, "write what the check finds in the testdata of the peers")

// rulesOf are the rules of a peer by the first word of their names.
func rulesOf(t *testing.T, name string) map[string]peers.Rule {
	t.Helper()
	rules := map[string]peers.Rule{}
	for _, peer := range peers.Peers() {
		for _, rule := range peer.Rules {
			if peer.Name == name {
				first, _, _ := strings.Cut(rule.Name, " ")
				assert.NotContains(t, rules, first)
				rules[first] = rule
			}
		}
	}
	return rules
}

// folderOf is where the module cache has a module that go.mod requires.
func folderOf(t *testing.T, module string) string {
	t.Helper()
	out, err := exec.Command("go", "list", "-m", "-json", module).Output()
	require.NoError(t, err)
	var listed struct{ Dir string }
	require.NoError(t, json.Unmarshal(out, &listed))
	require.NotEmpty(t, listed.Dir, "%s is not in the module cache: go mod download", module)
	return listed.Dir
}

// parseFile reads a file of Go.
func parseFile(t *testing.T, path string) *ast.File {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
	require.NoError(t, err)
	return file
}

// text is the value of a literal.
func text(t *testing.T, node ast.Expr) string {
	t.Helper()
	value, err := strconv.Unquote(node.(*ast.BasicLit).Value)
	require.NoError(t, err)
	return value
}

// findingsIn is what the check says of files, as one set.
func findingsIn(t *testing.T, strict bool, paths ...string) []check.Finding {
	t.Helper()
	objects, err := check.Read(nil, paths...)
	require.NoError(t, err)
	return check.Objects(objects, check.Options{Strict: strict})
}

// reasons are why nothing is found where a peer expects a message, by the name of the case and what the message is about.
type reasons map[string]string

// judge expects a finding where the peer expects a message, or a reason for none, and each reason to have its message.
type judge struct {
	reasons reasons
	used    map[string]bool
	found   int
}

func (j *judge) expect(t *testing.T, name string, rule peers.Rule, findings []check.Finding, about func(f check.Finding) bool) {
	t.Helper()
	if len(rule.Codes) == 0 {
		return
	}
	hit := slices.ContainsFunc(findings, func(f check.Finding) bool { return slices.Contains(rule.Codes, f.Code) && about(f) })
	if why, ok := j.reasons[name]; ok {
		assert.NotEmpty(t, why)
		assert.False(t, hit, "%s: found, and yet there is a reason not to", name)
		j.used[name] = true
		return
	}
	if assert.True(t, hit, "%s: %s is not found by one of %v", name, rule.Name, rule.Codes) {
		j.found++
	}
}

func (j *judge) close(t *testing.T) {
	t.Helper()
	for _, name := range slices.Sorted(maps.Keys(j.reasons)) {
		assert.True(t, j.used[name], "no message: %s", name)
	}
}

// sameFindings compares what the check finds in the files of a folder, each a set of its own, with what has been read and is true.
func sameFindings(t *testing.T, golden, folder string, files []string) {
	t.Helper()
	var lines strings.Builder
	for _, file := range files {
		objects, err := check.Read(nil, filepath.Join(folder, file))
		if err != nil {
			lines.WriteString(file + ": " + strings.ReplaceAll(err.Error(), folder+"/", "") + "\n")
			continue
		}
		for _, f := range check.Objects(objects, check.Options{}) {
			lines.WriteString(strings.Join([]string{file + ":", string(f.Severity), f.Code, f.Object(), f.Field}, " ") + "\n")
		}
	}
	if *update {
		require.NoError(t, os.WriteFile(golden, []byte(lines.String()), 0o644))
	}
	written, err := os.ReadFile(golden)
	require.NoError(t, err)
	assert.Equal(t, string(written), lines.String(), "read what is new, and if it is true: go test -update")
}

// manifests are the names of the files of YAML below a folder.
func manifests(t *testing.T, folder string) (files []string) {
	t.Helper()
	all, err := check.Files(folder)
	require.NoError(t, err)
	for _, file := range all {
		relative, err := filepath.Rel(folder, file)
		require.NoError(t, err)
		files = append(files, relative)
	}
	return files
}
