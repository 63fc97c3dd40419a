package check

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	apiequality "k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/runtime"
)

// TestTheDecoderReadsAsThatOfTheAPIServer compares both, on all examples and the manifests of the chapters.
func TestTheDecoderReadsAsThatOfTheAPIServer(t *testing.T) {
	t.Parallel()
	texts := []string{}
	for _, rule := range Rules() {
		texts = append(texts, rule.Wrong, rule.Right)
	}
	for _, pattern := range []string{"../../dist/*.yaml", "../internal/corpus/testdata/shop.yaml", "../internal/corpus/testdata/gateway.yaml"} {
		files, err := filepath.Glob(pattern)
		require.NoError(t, err)
		for _, file := range files {
			content, err := os.ReadFile(file)
			require.NoError(t, err)
			texts = append(texts, string(content))
		}
	}
	compared := 0
	for _, text := range texts {
		objects, err := Read(strings.NewReader(text), Stdin)
		require.NoError(t, err)
		for i, object := range objects {
			o := readObject(object, i)
			if !scheme().Recognizes(o.gvk()) {
				continue
			}
			theirs, err := scheme().New(o.gvk())
			require.NoError(t, err)
			err = runtime.DefaultUnstructuredConverter.FromUnstructured(object.Content, theirs)
			ours := reflect.New(reflect.TypeOf(theirs).Elem())
			fits := view(object.Content, ours.Interface())
			assert.Equal(t, err == nil, fits, "%v: %v", object.Content, err)
			if fits {
				compared++
				assert.True(t, apiequality.Semantic.DeepEqual(theirs, ours.Interface()), "%v", object.Content)
			}
		}
	}
	assert.Greater(t, compared, 400)
}
