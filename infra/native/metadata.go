package native

import (
	"maps"

	"github.com/cdk8s-team/cdk8s-core-go/cdk8s/v2"
)

// metadata is the metadata of an object, to which labels and the like can be added until the object is written.
type metadata struct {
	object          *apiObject
	name, namespace *string
	labels          map[string]any
	annotations     map[string]any
	finalizers      []any
	ownerReferences []any
	// others are all other fields.
	others map[string]any
}

// newMetadata takes over what an object says of itself and adds what its chart says of all its objects.
func newMetadata(o *apiObject, value any) *metadata {
	m := &metadata{object: o, labels: map[string]any{}, annotations: map[string]any{}, namespace: o.chart.namespace}
	for key, label := range o.chart.labels {
		m.labels[key] = label
	}
	m.others, _ = take[map[string]any](value, "metadata")
	if m.others == nil {
		m.others = map[string]any{}
	}
	if name, ok := take[string](m.others["name"], "metadata.name"); ok {
		m.name = &name
	}
	if namespace, ok := take[string](m.others["namespace"], "metadata.namespace"); ok {
		m.namespace = &namespace
	}
	labels, _ := take[map[string]any](m.others["labels"], "metadata.labels")
	maps.Copy(m.labels, labels)
	annotations, _ := take[map[string]any](m.others["annotations"], "metadata.annotations")
	maps.Copy(m.annotations, annotations)
	m.finalizers, _ = take[[]any](m.others["finalizers"], "metadata.finalizers")
	m.ownerReferences, _ = take[[]any](m.others["ownerReferences"], "metadata.ownerReferences")
	return m
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
	m.labels[*key] = *value
}

func (m *metadata) GetLabel(key *string) *string {
	required("key", key != nil)
	if value, ok := m.labels[*key].(string); ok {
		return &value
	}
	return nil
}

func (m *metadata) AddAnnotation(key, value *string) {
	required("key", key != nil)
	required("value", value != nil)
	m.annotations[*key] = *value
}

func (m *metadata) AddFinalizers(finalizers ...*string) {
	for _, finalizer := range finalizers {
		required("finalizers", finalizer != nil)
		m.finalizers = append(m.finalizers, *finalizer)
	}
}

func (m *metadata) AddOwnerReference(owner *cdk8s.OwnerReference) {
	required("owner", owner != nil)
	m.ownerReferences = append(m.ownerReferences, jsonValue(owner))
}

func (m *metadata) Add(key *string, value any) {
	required("key", key != nil)
	required("value", value != nil)
	m.others[*key] = jsonValue(value)
}

func (m *metadata) ToJson() any { return plain(m.render()) }

// render returns the metadata, which shares values with m and is not to be changed.
func (m *metadata) render() any {
	all := maps.Clone(m.others)
	all["name"] = value(m.name)
	all["namespace"] = value(m.namespace)
	all["labels"] = m.labels
	all["annotations"] = m.annotations
	all["finalizers"] = m.finalizers
	all["ownerReferences"] = m.ownerReferences
	if resolvers := m.object.node.app().resolvers; len(resolvers) > 0 {
		return sanitize(m.object.resolve(resolvers, nil, all), dropEmpty)
	}
	return sanitize(all, dropEmpty)
}

func value(s *string) any {
	if s == nil {
		return nil
	}
	return *s
}
