package check

import (
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	kruntime "k8s.io/apimachinery/pkg/runtime"
)

// TestWhatFitsAtOnceIsNotRefused changes each value of objects in all ways, and asks the code of the API server of those that
// are said to be in order, or in order but for rules.
func TestWhatFitsAtOnceIsNotRefused(t *testing.T) {
	t.Parallel()
	texts := []string{}
	for _, rule := range Rules() {
		texts = append(texts, rule.Right)
	}
	for _, file := range []string{"../internal/corpus/testdata/shop.yaml", "../internal/corpus/testdata/gateway.yaml", "../internal/corpus/testdata/correct.txtar"} {
		content, err := os.ReadFile(file)
		require.NoError(t, err)
		for text := range strings.SplitSeq(string(content), "\n-- ") {
			_, text, _ = strings.Cut(text, "\n")
			texts = append(texts, text)
		}
	}
	seen := map[string]bool{}
	fits, asked := 0, 0
	for _, text := range texts {
		objects, err := Read(strings.NewReader(text), Stdin)
		require.NoError(t, err)
		for i, object := range objects {
			o := readObject(object, i)
			kind, _ := definitionOf(o.gvk())
			id := at("%s %v", o.kind, object.Content["spec"])
			if !isCustom(o.group) || kind == nil || seen[id] {
				continue
			}
			seen[id] = true
			each(kruntime.DeepCopyJSON(object.Content), func(changed map[string]any) {
				asked++
				if kind.shape.judgeObject(changed) == toAsk {
					return
				}
				fits++
				require.Empty(t, kind.pruned(changed), "%v", changed)
				require.Equal(t, kind.refused(changed), kind.judge(changed), "%v", changed)
			})
		}
	}
	assert.Greater(t, fits, 100)
	assert.Greater(t, asked, 10*len(seen))
}

// each calls look for the content itself, and with each value in it changed.
func each(content map[string]any, look func(changed map[string]any)) {
	look(content)
	var visit func(value any, set func(value any))
	others := func(value any, set func(value any)) {
		for _, other := range []any{nil, "", "x", "é", int64(-1), int64(1 << 40), 1.5, true, []any{}, map[string]any{}} {
			set(other)
			look(content)
		}
		set(value)
	}
	visit = func(value any, set func(value any)) {
		others(value, set)
		switch value := value.(type) {
		case map[string]any:
			for _, name := range slices.Sorted(maps.Keys(value)) {
				was := value[name]
				visit(was, func(other any) { value[name] = other })
				delete(value, name)
				look(content)
				value[name] = was
			}
			value["more"] = "x"
			look(content)
			delete(value, "more")
		case []any:
			for i, was := range value {
				visit(was, func(other any) { value[i] = other })
			}
			if len(value) > 0 {
				set(append(slices.Clone(value), value[0]))
				look(content)
				set(value)
			}
		}
	}
	for _, name := range []string{"spec", "status"} {
		if was, ok := content[name]; ok {
			visit(was, func(other any) { content[name] = other })
			delete(content, name)
			look(content)
			content[name] = was
		}
	}
}
