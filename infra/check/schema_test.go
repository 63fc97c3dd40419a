package check

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/crossoverJie/k8s-combat/infra/internal/crd"
)

func TestAllDefinitionsCompile(t *testing.T) {
	t.Parallel()
	files, err := definitionFiles()
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for kind, path := range files {
		definition, err := crd.Read(path)
		require.NoError(t, err, path)
		assert.Equal(t, schema.GroupKind{Group: definition.Spec.Group, Kind: definition.Spec.Names.Kind}, kind, path)
		for _, version := range definition.Spec.Versions {
			kind, err := compile(definition, version.Name)
			require.NoError(t, err, path)
			assert.NotPanics(t, func() { kind.rules() }, path)
		}
	}
	kind, known := definitionOf(schema.GroupVersionKind{Group: "networking.istio.io", Version: "v9", Kind: "Sidecar"})
	assert.Nil(t, kind)
	assert.True(t, known)
	_, known = definitionOf(schema.GroupVersionKind{Group: "networking.istio.io", Version: "v1", Kind: "Nothing"})
	assert.False(t, known)
}
