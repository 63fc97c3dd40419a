package randdoc_test

import (
	"encoding/json"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/crossoverJie/k8s-combat/imports/tree/randdoc"
)

func TestObject(t *testing.T) {
	t.Parallel()
	one, other := rand.New(rand.NewPCG(1, 2)), rand.New(rand.NewPCG(1, 2))
	for range 1000 {
		object := randdoc.Object(one, 3)
		assert.Equal(t, object, randdoc.Object(other, 3), "the same source gives the same values")
		_, err := json.Marshal(object)
		require.NoError(t, err)
	}
}
