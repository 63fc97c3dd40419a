package manifest_test

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/crossoverJie/k8s-combat/imports/tree/manifest"
)

func TestObject(t *testing.T) {
	t.Parallel()
	var o manifest.Object
	for _, key := range []string{"b", "c", "a", "B"} {
		o = o.Set(key, key)
	}
	o = o.Set("c", manifest.Object{{Key: "d", Value: []any{manifest.Object{}, nil}}})
	assert.Equal(t, manifest.Object{
		{Key: "B", Value: "B"}, {Key: "a", Value: "a"}, {Key: "b", Value: "b"},
		{Key: "c", Value: manifest.Object{{Key: "d", Value: []any{manifest.Object{}, nil}}}},
	}, o)
	assert.Equal(t, "b", o.Get("b"))
	assert.Nil(t, o.Get("x"))
	assert.Equal(t, object{"B": "B", "a": "a", "b": "b", "c": object{"d": list{object{}, nil}}}, o.Map())

	text, err := json.Marshal(o)
	require.NoError(t, err)
	assert.Equal(t, `{"B":"B","a":"a","b":"b","c":{"d":[{},null]}}`, string(text)) //nolint:testifylint // the order counts
}
