package beside_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"istio.io/istio/pkg/config/analysis/analyzers"
	"istio.io/istio/pkg/config/analysis/diag"
	"istio.io/istio/pkg/config/analysis/local"
	istiolog "istio.io/istio/pkg/log"

	"github.com/crossoverJie/k8s-combat/infra/check"
	"github.com/crossoverJie/k8s-combat/infra/internal/corpus"
)

// istioctlOf is what istioctl analyze --use-kube=false says of a set: CODE OBJECT of each error and warning.
func istioctlOf(t *testing.T, manifests string) (messages []string) {
	t.Helper()
	analyzer := local.NewIstiodAnalyzer(analyzers.AllCombined(), "", "istio-system", nil)
	if err := analyzer.AddReaderKubeSource([]local.ReaderSource{{Name: "set.yaml", Reader: strings.NewReader(manifests)}}); err != nil {
		messages = append(messages, "cannot be read")
	}
	require.NoError(t, analyzer.AddDefaultResources())
	result, err := analyzer.Analyze(t.Context().Done())
	require.NoError(t, err)
	for _, m := range result.Messages {
		if m.Type.Level() == diag.Error || m.Type.Level() == diag.Warning {
			messages = append(messages, m.Type.Code()+" "+m.Resource.Origin.FriendlyName())
		}
	}
	return messages
}

func combatOf(t *testing.T, manifests string) (messages []string) {
	t.Helper()
	objects, err := check.Read(strings.NewReader(manifests), check.Stdin)
	require.NoError(t, err)
	for _, f := range check.Objects(objects, check.Options{}) {
		messages = append(messages, f.Code+" "+f.Object())
	}
	return messages
}

// more reports whether there are messages that others do not have, each as often as it is there.
func more(messages, others []string) bool {
	others = slices.Clone(others)
	for _, m := range messages {
		i := slices.Index(others, m)
		if i < 0 {
			return true
		}
		others = slices.Delete(others, i, i+1)
	}
	return false
}

// TestCorpus prints how many of the broken sets of the corpus each finds, and of how many that work it says something. A
// broken set is found where something is said that is not said of the set that it was made of.
func TestCorpus(t *testing.T) {
	for _, scope := range istiolog.Scopes() {
		scope.SetOutputLevel(istiolog.NoneLevel)
	}
	sets, err := corpus.Sets()
	require.NoError(t, err)
	program := installKubeScore(t)
	said := map[string][]string{}
	for _, peer := range []struct {
		name string
		of   func(t *testing.T, manifests string) []string
	}{{"combat check", combatOf}, {"istioctl analyze", istioctlOf}, {"kube-score", func(t *testing.T, manifests string) []string {
		t.Helper()
		return kubeScoreOf(t, program, manifests)
	}}} {
		says := func(manifests string) []string {
			id := peer.name + "\x00" + manifests
			if _, known := said[id]; !known {
				said[id] = peer.of(t, manifests)
			}
			return said[id]
		}
		broken, found, correct, alarms := 0, 0, 0, 0
		for _, set := range sets {
			if set.Code == "" {
				correct++
				if len(says(set.Text)) > 0 {
					alarms++
				}
				continue
			}
			broken++
			if more(says(set.Text), says(set.Base)) {
				found++
				assert.True(t, more(combatOf(t, set.Text), combatOf(t, set.Base)), "%s finds %s, and the check does not", peer.name, set.Name)
			}
		}
		fmt.Printf("corpus: %s finds %d of %d broken sets, and something in %d of %d that work\n", peer.name, found, broken, alarms, correct)
	}
	fmt.Println("corpus: kube-linter is not asked: it does not build as a Go module, since one that it requires is not to be had")
}
