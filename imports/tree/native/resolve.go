package native

import (
	"slices"
	"strconv"

	"github.com/cdk8s-team/cdk8s-core-go/cdk8s/v2"

	"github.com/crossoverJie/k8s-combat/imports/tree/native/internal/yaml"
)

// resolve returns a copy of a value of the object, the key path of which is given, with everything that a resolver
// replaces replaced. The first resolver that replaces a value decides, and what it gives is resolved in turn.
func (o *apiObject) resolve(resolvers []cdk8s.IResolver, key []string, value any) any {
	if value == nil {
		return nil
	}
	for _, resolver := range resolvers {
		context := &resolutionContext{object: o, key: key, value: plain(value)}
		resolver.Resolve(context)
		if context.replaced {
			return o.resolve(resolvers, key, jsonValue(context.replacement))
		}
	}
	if object, ok := value.(map[string]any); ok {
		entries := entriesOf(object)
		sortEntries(entries)
		value = entries
	}
	below := func(step string) []string { return append(slices.Clip(key), step) }
	switch value := value.(type) {
	case yaml.Mapping:
		result := make(yaml.Mapping, len(value))
		for i, entry := range value {
			result[i] = yaml.Entry{Key: entry.Key, Value: o.resolve(resolvers, below(entry.Key), entry.Value)}
		}
		return result
	case []any:
		result := make([]any, len(value))
		for i, item := range value {
			result[i] = o.resolve(resolvers, below(strconv.Itoa(i)), item)
		}
		return result
	}
	return value
}

// resolutionContext is the value that a resolver looks at.
type resolutionContext struct {
	object      *apiObject
	key         []string
	value       any
	replaced    bool
	replacement any
}

func (c *resolutionContext) Obj() cdk8s.ApiObject { return c.object.self() }

func (c *resolutionContext) Key() *[]*string {
	keys := make([]*string, len(c.key))
	for i := range c.key {
		keys[i] = new(c.key[i])
	}
	return &keys
}

func (c *resolutionContext) Value() any { return c.value }

func (c *resolutionContext) ReplaceValue(value any) { c.replaced, c.replacement = true, value }

func (c *resolutionContext) Replaced() *bool { return new(c.replaced) }

func (c *resolutionContext) SetReplaced(replaced *bool) { c.replaced = *replaced }

func (c *resolutionContext) ReplacedValue() any { return c.replacement }

func (c *resolutionContext) SetReplacedValue(value any) { c.replacement = value }
