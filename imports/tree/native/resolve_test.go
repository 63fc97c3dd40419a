package native_test

import (
	"strings"
	"testing"

	"github.com/cdk8s-team/cdk8s-core-go/cdk8s/v2"
	"github.com/stretchr/testify/assert"

	"github.com/crossoverJie/k8s-combat/imports/tree/native"
)

// replacing is a resolver that replaces strings and writes down where.
type replacing struct {
	with map[string]any
	keys []string
}

func (r *replacing) Resolve(context cdk8s.ResolutionContext) {
	text, ok := context.Value().(string)
	if !ok {
		return
	}
	if replacement, ok := r.with[text]; ok {
		keys := []string{*context.Obj().Name()}
		for _, key := range *context.Key() {
			keys = append(keys, *key)
		}
		r.keys = append(r.keys, strings.Join(keys, "/"))
		context.ReplaceValue(replacement)
	}
}

func TestResolvers(t *testing.T) {
	t.Parallel()
	first := &replacing{with: map[string]any{"${image}": new("${registry}/app"), "${nothing}": nil, "${size}": 3}}
	second := &replacing{with: map[string]any{"${registry}/app": map[string]any{"name": "example.org/app", "b": nil}, "${size}": "never"}}
	app := native.NewApp(&cdk8s.AppProps{Resolvers: &[]cdk8s.IResolver{first, second}})
	assert.Len(t, *app.Resolvers(), 2)
	newObject(newChart(app, "c"), "o", map[string]any{
		"metadata": map[string]any{"name": "o", "labels": map[string]any{"size": "${nothing}"}},
		"spec":     map[string]any{"images": []any{"${image}", "other"}, "n": "${size}", "x": "${nothing}"},
	})
	assert.Equal(t, `apiVersion: v1
kind: ConfigMap
metadata:
  name: o
spec:
  images:
    - name: example.org/app
    - other
  "n": 3
`, *app.SynthYaml())
	assert.Equal(t, []string{"o/labels/size", "o/spec/images/0", "o/spec/n", "o/spec/x"}, first.keys)
	assert.Equal(t, []string{"o/spec/images/0"}, second.keys)
}

func TestResolversThatAreNil(t *testing.T) {
	t.Parallel()
	for _, resolver := range []cdk8s.IResolver{nil, (*replacing)(nil)} {
		assert.PanicsWithError(t, "resolver 1, counted from 0, is nil: pass resolvers of your own, or none", func() {
			native.NewApp(&cdk8s.AppProps{Resolvers: &[]cdk8s.IResolver{&replacing{}, resolver}})
		})
	}
}
