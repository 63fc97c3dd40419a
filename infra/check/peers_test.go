package check_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/crossoverJie/k8s-combat/infra/check"
)

var istioMessage = regexp.MustCompile(`(?m)^(Error|Warning) \[(IST[0-9]+)\]`)

// TestIstioctl puts istioctl analyze beside the check on the same corpus. No set may be broken for istioctl, and in order for
// the check, but for codes that are about how the cluster is set up.
func TestIstioctl(t *testing.T) {
	istioctl := os.Getenv("ISTIOCTL")
	if istioctl == "" {
		t.Skip("ISTIOCTL does not name the program istioctl")
	}
	broken, found, correct, alarms := 0, 0, 0, 0
	var missed []string
	file := filepath.Join(t.TempDir(), "set.yaml")
	for _, set := range readCorpus(t) {
		require.NoError(t, os.WriteFile(file, []byte(set.text), 0o600))
		out, _ := exec.Command(istioctl, "analyze", "--use-kube=false", "--color=false", file).CombinedOutput()
		says := istioMessage.FindAllStringSubmatch(string(out), -1)
		if set.code == "" {
			correct++
			if len(says) > 0 {
				alarms++
				t.Logf("istioctl on %s, which works: %s", set.name, strings.TrimSpace(string(out)))
			}
			continue
		}
		broken++
		if len(says) > 0 {
			found++
			if findings := check.Objects(read(t, set.text), check.Options{}); !slices.Contains(codes(findings), set.code) {
				missed = append(missed, set.name)
			}
		}
	}
	fmt.Printf("corpus: istioctl analyze finds %d of %d broken sets, and something in %d of %d that work\n", found, broken, alarms, correct)
	require.Empty(t, missed, "what istioctl finds and the check does not")
}
