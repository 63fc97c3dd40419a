package native

import (
	"github.com/cdk8s-team/cdk8s-core-go/cdk8s/v2"

	"github.com/crossoverJie/k8s-combat/imports/tree/native/internal/yaml"
)

// metadata is the metadata of an object, to which labels and the like can be added until the object is written.
type metadata struct {
	object              *apiObject
	name, namespace     *string
	labels, annotations yaml.Mapping
	finalizers          []any
	ownerReferences     []any
	// others are all other fields, and those above that were added by name, which count for nothing.
	others yaml.Mapping
}

// newMetadata takes over what an object says of itself and adds what its chart says of all its objects.
func newMetadata(o *apiObject, value any) *metadata {
	m := &metadata{object: o, namespace: o.chart.namespace}
	fields, _ := take[yaml.Mapping](value, metadataKey)
	if name, ok := take[string](find(fields, "name"), "metadata.name"); ok {
		m.name = &name
	}
	if namespace, ok := take[string](find(fields, "namespace"), "metadata.namespace"); ok {
		m.namespace = &namespace
	}
	m.labels, _ = take[yaml.Mapping](find(fields, "labels"), "metadata.labels")
	for key, label := range o.chart.labels {
		if find(m.labels, key) == nil {
			set(&m.labels, key, label)
		}
	}
	m.annotations, _ = take[yaml.Mapping](find(fields, "annotations"), "metadata.annotations")
	m.finalizers, _ = take[[]any](find(fields, "finalizers"), "metadata.finalizers")
	m.ownerReferences, _ = take[[]any](find(fields, "ownerReferences"), "metadata.ownerReferences")
	for _, field := range fields {
		if !isOwnField(field.Key) {
			m.others = append(m.others, field)
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

// set sets the value of a key. Where a new one comes is settled when the metadata is rendered.
func set(entries *yaml.Mapping, key string, value any) {
	for i := range *entries {
		if (*entries)[i].Key == key {
			(*entries)[i].Value = value
			return
		}
	}
	*entries = append(*entries, yaml.Entry{Key: key, Value: value})
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

func (m *metadata) AddLabel(key, value *string) {
	required("key", key != nil)
	required("value", value != nil)
	set(&m.labels, *key, *value)
}

func (m *metadata) GetLabel(key *string) *string {
	required("key", key != nil)
	if value, ok := find(m.labels, *key).(string); ok {
		return &value
	}
	return nil
}

func (m *metadata) AddAnnotation(key, value *string) {
	required("key", key != nil)
	required("value", value != nil)
	set(&m.annotations, *key, *value)
}

func (m *metadata) AddFinalizers(finalizers ...*string) {
	for _, finalizer := range finalizers {
		required("finalizers", finalizer != nil)
		m.finalizers = append(m.finalizers, *finalizer)
	}
}

func (m *metadata) AddOwnerReference(owner *cdk8s.OwnerReference) {
	required("owner", owner != nil)
	m.ownerReferences = append(m.ownerReferences, settle(jsonValue(owner)))
}

func (m *metadata) Add(key *string, value any) {
	required("key", key != nil)
	required("value", value != nil)
	set(&m.others, *key, settle(jsonValue(value)))
}

func (m *metadata) ToJson() any { return plain(m.render()) }

// render returns the metadata as it is written.
func (m *metadata) render() any {
	sortEntries(m.labels)
	sortEntries(m.annotations)
	entries := make(yaml.Mapping, 0, 6+len(m.others))
	for _, field := range m.others {
		if !isOwnField(field.Key) {
			entries = append(entries, field)
		}
	}
	entries = append(entries,
		yaml.Entry{Key: "annotations", Value: m.annotations},
		yaml.Entry{Key: "finalizers", Value: m.finalizers},
		yaml.Entry{Key: "labels", Value: m.labels},
		yaml.Entry{Key: "name", Value: value(m.name)},
		yaml.Entry{Key: "namespace", Value: value(m.namespace)},
		yaml.Entry{Key: "ownerReferences", Value: m.ownerReferences},
	)
	sortEntries(entries)
	if resolvers := m.object.node.app().resolvers; len(resolvers) > 0 {
		return withoutEmpty(settle(m.object.resolve(resolvers, nil, entries)))
	}
	return withoutEmpty(entries)
}

func value(s *string) any {
	if s == nil {
		return nil
	}
	return *s
}
