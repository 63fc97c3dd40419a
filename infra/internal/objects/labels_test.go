package objects_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/crossoverJie/k8s-combat/infra/internal/objects"
)

func TestSelects(t *testing.T) {
	t.Parallel()
	labels := map[string]string{"app": "web", "empty": ""}
	expression := func(key, operator string, values ...any) any {
		return map[string]any{"matchExpressions": []any{map[string]any{"key": key, "operator": operator, "values": values}}}
	}
	for name, test := range map[string]struct {
		selector any
		want     bool
	}{
		"none":                      {nil, true},
		"empty":                     {map[string]any{}, true},
		"no object":                 {"app=web", true},
		"label":                     {map[string]any{"matchLabels": map[string]any{"app": "web"}}, true},
		"another value":             {map[string]any{"matchLabels": map[string]any{"app": "api"}}, false},
		"empty value":               {map[string]any{"matchLabels": map[string]any{"empty": ""}}, true},
		"empty value, not there":    {map[string]any{"matchLabels": map[string]any{"team": ""}}, false},
		"In":                        {expression("app", "In", "api", "web"), true},
		"In, another":               {expression("app", "In", "api"), false},
		"In, not there":             {expression("team", "In", ""), false},
		"NotIn":                     {expression("app", "NotIn", "api"), true},
		"NotIn, but it is":          {expression("app", "NotIn", "web"), false},
		"NotIn, not there":          {expression("team", "NotIn", ""), true},
		"Exists":                    {expression("app", "Exists"), true},
		"Exists, not there":         {expression("team", "Exists"), false},
		"DoesNotExist":              {expression("team", "DoesNotExist"), true},
		"DoesNotExist, but it does": {expression("app", "DoesNotExist"), false},
	} {
		assert.Equal(t, test.want, objects.Selects(test.selector, labels), name)
	}
}
