package native

import (
	"github.com/cdk8s-team/cdk8s-core-go/cdk8s/v2"

	"github.com/crossoverJie/k8s-combat/infra/native/internal/yaml"
)

// metadata is the metadata of an object, to which labels and the like can be added until the object is written.
type metadata struct {
	object          *apiObject
	name, namespace *string
	labels          map[string]any
	annotations     map[string]any
	finalizers      []any
	ownerReferences []any
	// others are all other fields, and those above that were added by name, which count for nothing.
	others map[string]any
}

// newMetadata takes over what an object says of itself, without changing it, and adds what its chart says of all its
// objects.
func newMetadata(o *apiObject, value any) *metadata {
	m := &metadata{object: o, namespace: o.chart.namespace}
	fields, _ := take[map[string]any](value, metadataKey)
	if name, ok := take[string](fields["name"], "metadata.name"); ok {
		m.name = &name
	}
	if namespace, ok := take[string](fields["namespace"], "metadata.namespace"); ok {
		m.namespace = &namespace
	}
	for key, label := range o.chart.labels {
		set(&m.labels, key, label)
	}
	labels, _ := take[map[string]any](fields["labels"], "metadata.labels")
	for key, label := range labels {
		set(&m.labels, key, ordered(label, keepEmpty))
	}
	annotations, _ := take[map[string]any](fields["annotations"], "metadata.annotations")
	for key, annotation := range annotations {
		set(&m.annotations, key, ordered(annotation, keepEmpty))
	}
	finalizers, _ := take[[]any](fields["finalizers"], "metadata.finalizers")
	m.finalizers = ordered(finalizers, keepEmpty).([]any)
	ownerReferences, _ := take[[]any](fields["ownerReferences"], "metadata.ownerReferences")
	m.ownerReferences = ordered(ownerReferences, keepEmpty).([]any)
	for key, value := range fields {
		if !isOwnField(key) {
			set(&m.others, key, ordered(value, keepEmpty))
		}
	}
	return m
}

// isOwnField tells whether metadata has a field of this name.
func isOwnField(key string) bool {
	switch key {
	case "name", "namespace", "labels", "annotations", "finalizers", "ownerReferences":
		return true
	}
	return false
}

// set makes the map with its first entry: most objects need few of their maps.
func set(entries *map[string]any, key string, value any) {
	if *entries == nil {
		*entries = map[string]any{}
	}
	(*entries)[key] = value
}

// take returns a value of an object as what it has to be, if it is there at all.
func take[T any](value any, path string) (result T, ok bool) {
	if value == nil {
		return result, false
	}
	result, ok = value.(T)
	if !ok {
		fail("%s is a %T, not a %T", path, value, result)
	}
	return result, true
}

func (m *metadata) Name() *string { return m.name }

func (m *metadata) Namespace() *string { return m.namespace }

func (m *metadata) AddLabel(key, value *string) { set(&m.labels, *key, *value) }

func (m *metadata) GetLabel(key *string) *string {
	if value, ok := m.labels[*key].(string); ok {
		return &value
	}
	return nil
}

func (m *metadata) AddAnnotation(key, value *string) { set(&m.annotations, *key, *value) }

func (m *metadata) AddFinalizers(finalizers ...*string) {
	for _, finalizer := range finalizers {
		m.finalizers = append(m.finalizers, *finalizer)
	}
}

func (m *metadata) AddOwnerReference(owner *cdk8s.OwnerReference) {
	m.ownerReferences = append(m.ownerReferences, jsonValue(owner))
}

func (m *metadata) Add(key *string, value any) { set(&m.others, *key, jsonValue(value)) }

func (m *metadata) ToJson() any { return plain(m.render()) }

// render returns the metadata as it is written.
func (m *metadata) render() any {
	entries := make(yaml.Mapping, 0, 6+len(m.others))
	for key, value := range m.others {
		if !isOwnField(key) {
			entries = append(entries, yaml.Entry{Key: key, Value: value})
		}
	}
	entries = append(entries,
		yaml.Entry{Key: "name", Value: value(m.name)},
		yaml.Entry{Key: "namespace", Value: value(m.namespace)},
		yaml.Entry{Key: "labels", Value: m.labels},
		yaml.Entry{Key: "annotations", Value: m.annotations},
		yaml.Entry{Key: "finalizers", Value: m.finalizers},
		yaml.Entry{Key: "ownerReferences", Value: m.ownerReferences},
	)
	sortEntries(entries)
	if resolvers := m.object.node.app().resolvers; len(resolvers) > 0 {
		return ordered(m.object.resolve(resolvers, nil, entries), dropEmpty)
	}
	return ordered(entries, dropEmpty)
}

func value(s *string) any {
	if s == nil {
		return nil
	}
	return *s
}
