package beside_test

import (
	"encoding/json"
	"go/ast"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/crossoverJie/k8s-combat/infra/check"
)

// kubeScoreModule is run, and not required: it wants API versions that newer modules of Kubernetes do not have.
const kubeScoreModule = "github.com/zegl/kube-score@v1.20.0"

// kubeScoreFolder is where the module cache has it.
func kubeScoreFolder(t *testing.T) string {
	t.Helper()
	out, err := exec.Command("go", "mod", "download", "-json", kubeScoreModule).Output()
	require.NoError(t, err)
	var downloaded struct{ Dir string }
	require.NoError(t, json.Unmarshal(out, &downloaded))
	return downloaded.Dir
}

// installKubeScore builds the program, and returns its path.
func installKubeScore(t *testing.T) string {
	t.Helper()
	folder := t.TempDir()
	path, version, _ := strings.Cut(kubeScoreModule, "@")
	install := exec.Command("go", "install", path+"/cmd/kube-score@"+version)
	install.Env = append(os.Environ(), "GOBIN="+folder)
	out, err := install.CombinedOutput()
	require.NoError(t, err, "%s", out)
	return filepath.Join(folder, "kube-score")
}

// kubeScoreOf is what the program says of a set with the checks that it asks unless told otherwise: CHECK OBJECT, for each that
// it does not grade as good.
func kubeScoreOf(t *testing.T, program, manifests string) (messages []string) {
	t.Helper()
	const good = 7
	score := exec.Command(program, "score", "--kubernetes-version", "v1.37", "--output-format", "json", "-")
	score.Stdin = strings.NewReader(manifests)
	// It ends with 1 where a grade is bad, too.
	out, _ := score.Output()
	var objects []struct {
		Name   string `json:"object_name"`
		Checks []struct {
			Check   struct{ ID string }
			Grade   int
			Skipped bool
		}
	}
	if len(out) == 0 {
		return []string{"cannot be read"}
	}
	require.NoError(t, json.Unmarshal(out, &objects))
	for _, object := range objects {
		for _, result := range object.Checks {
			if !result.Skipped && result.Grade < good {
				messages = append(messages, result.Check.ID+" "+object.Name)
			}
		}
	}
	return messages
}

// kubeScoreReasons are why nothing is found where kube-score's test expects a bad grade.
var kubeScoreReasons = reasons{
	"pod-test-resources-only-limits.yaml: container-resources": "the requests are those of the limits",
	"deployment-test-resources.yaml: container-resources":      "the requests are those of the limits",
	"statefulset-test-resources.yaml: container-resources":     "the requests are those of the limits",
}

// TestKubeScore expects the check to find what kube-score is expected to find in its own testdata.
func TestKubeScore(t *testing.T) {
	rules := rulesOf(t, "kube-score")
	listed, err := exec.Command(installKubeScore(t), "list").Output()
	require.NoError(t, err)
	checks := 0
	for line := range strings.Lines(string(listed)) {
		id, _, _ := strings.Cut(line, ",")
		assert.Contains(t, rules, id)
		checks++
	}
	assert.Len(t, rules, checks)

	folder := filepath.Join(kubeScoreFolder(t), "score")
	tests, err := filepath.Glob(filepath.Join(folder, "*_test.go"))
	require.NoError(t, err)
	j := judge{reasons: kubeScoreReasons, used: map[string]bool{}}
	grades := 0
	for _, test := range tests {
		ast.Inspect(parseFile(t, test), func(node ast.Node) bool {
			call, ok := node.(*ast.CallExpr)
			if !ok || len(call.Args) != 4 {
				return true
			}
			name, isPlain := call.Fun.(*ast.Ident)
			file, isLiteral := call.Args[1].(*ast.BasicLit)
			grade, isGrade := call.Args[3].(*ast.SelectorExpr)
			if !isPlain || name.Name != "testExpectedScore" || !isLiteral || !isGrade || grade.Sel.Name == "GradeAllOK" || grade.Sel.Name == "GradeAlmostOK" {
				return true
			}
			grades++
			id := strings.ReplaceAll(strings.ToLower(text(t, call.Args[2])), " ", "-")
			assert.Contains(t, rules, id)
			findings := findingsIn(t, true, filepath.Join(folder, "testdata", text(t, file)))
			j.expect(t, text(t, file)+": "+id, rules[id], findings, func(check.Finding) bool { return true })
			return true
		})
	}
	j.close(t)
	t.Logf("peers: kube-score's testdata expect %d bad grades; %d are found, %d are left out with a reason of their own, and the rest with that of their rule",
		grades, j.found, len(j.reasons))
	sameFindings(t, "testdata/kube-score.txt", filepath.Join(folder, "testdata"), manifests(t, filepath.Join(folder, "testdata")))
}
