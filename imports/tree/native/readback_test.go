package native

import (
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/yaml"

	"github.com/crossoverJie/k8s-combat/imports/tree"
	"github.com/crossoverJie/k8s-combat/imports/tree/randdoc"
)

// TestTextsAreReadBack holds package tree to its word: a text that it lets pass is read by Kubernetes' own YAML parser as
// what it is.
func TestTextsAreReadBack(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(1, 2))
	passed := 0
	for range 20_000 {
		text := randdoc.String(random)
		app := NewApp(nil)
		chart := tree.NewChart(app, "chart", tree.ChartProps{})
		tree.NewObject(chart, "config", schema.GroupVersionKind{Version: "v1", Kind: "ConfigMap"}, map[string]any{
			"data": map[string]any{"text": text, "after": "x"}, "list": []any{text},
		})
		manifests, refused := trySynth(app.SynthYaml)
		if refused {
			continue
		}
		passed++
		var got struct {
			corev1.ConfigMap
			List []string `json:"list"`
		}
		require.NoError(t, yaml.Unmarshal([]byte(manifests), &got), "%q in\n%s", text, manifests)
		assert.Equal(t, text, got.Data["text"], manifests)
		assert.Equal(t, []string{text}, got.List, manifests)
	}
	t.Logf("%d texts were let pass", passed)
	assert.Greater(t, passed, 10_000)
}

func trySynth(synth func() *string) (manifests string, refused bool) {
	defer func() { refused = recover() != nil }()
	return *synth(), false
}

func TestOrdinaryTextsPass(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		"", "x", "0", "07", "1_000", "1e3", "0x1F", "yes", "~", "null", "-", "- a", "a: b", "# a", "\ta", "a\tb", "a\n\tb\n", "a\r\nb",
		"-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n", "{\"a\": [1, 2]}", "key: |\n  text\n", "über", "日本語", "😀", "foo_bar", "a.o", "100%", "_", "o7", "no_op",
	} {
		app := NewApp(nil)
		chart := tree.NewChart(app, "chart", tree.ChartProps{})
		tree.NewObject(chart, "config", schema.GroupVersionKind{Version: "v1", Kind: "ConfigMap"}, map[string]any{"data": map[string]any{"text": text}})
		manifests, refused := trySynth(app.SynthYaml)
		require.False(t, refused, "%q", text)
		var got corev1.ConfigMap
		require.NoError(t, yaml.Unmarshal([]byte(manifests), &got), "%q", text)
		assert.Equal(t, text, got.Data["text"], "%q", text)
	}
}
