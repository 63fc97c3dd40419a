package native

import (
	"cmp"
	"slices"
	"strings"

	"github.com/aws/constructs-go/constructs/v10"
	"github.com/cdk8s-team/cdk8s-core-go/cdk8s/v2"

	"github.com/crossoverJie/k8s-combat/imports/tree/manifest"
	"github.com/crossoverJie/k8s-combat/imports/tree/native/internal/js"
	"github.com/crossoverJie/k8s-combat/imports/tree/native/internal/yaml"
)

type apiObject struct {
	construct
	chart            *chart
	apiVersion, kind string
	metadata         *metadata
	// content is the manifest in the order in which it is written. In place of the metadata, which can still change, it
	// has nil.
	content yaml.Mapping
	patches []operation

	// outer is the user's type around the object, nil without one.
	outer cdk8s.ApiObject
	// rendersItself is whether that has a ToJson of its own.
	rendersItself bool
}

// self is the object as users know it.
func (o *apiObject) self() cdk8s.ApiObject {
	if o.outer != nil {
		return o.outer
	}
	return o
}

// NewApiObject makes a Kubernetes object as cdk8s.NewApiObject does: scope is a construct below a chart of a native
// tree. It panics for an id that is empty or taken, for an apiVersion that is not VERSION or GROUP/VERSION, and for a
// scope that is below no chart.
func NewApiObject(scope constructs.Construct, id *string, props *cdk8s.ApiObjectProps) cdk8s.ApiObject {
	required("scope", scope != nil)
	required("id", id != nil)
	required("props", props != nil)
	content := map[string]any{"apiVersion": props.ApiVersion, "kind": props.Kind}
	if props.Metadata != nil {
		content[metadataKey] = props.Metadata
	}
	return newAPIObject(nodeOf(scope), id, settle(jsonValue(content)).(yaml.Mapping))
}

func (n *node) AddObject(id string, object manifest.Object, clusterScoped bool) cdk8s.ApiObject {
	o := newAPIObject(n, &id, settle(object).(yaml.Mapping))
	if clusterScoped {
		o.metadata.namespace = nil
	}
	return o
}

// newAPIObject makes an object of content that is settled. The caller may try again with another id.
func newAPIObject(scope *node, id *string, content yaml.Mapping) *apiObject {
	o := &apiObject{
		chart:      scope.chart,
		apiVersion: needString(content, "apiVersion"),
		kind:       needString(content, "kind"),
	}
	if o.chart == nil {
		fail("cannot find a parent chart (directly or indirectly)")
	}
	if strings.Count(o.apiVersion, "/") > 1 {
		fail("invalid apiVersion %s, expecting GROUP/VERSION. "+
			"See https://kubernetes.io/docs/reference/using-api/api-overview/#api-groups", o.apiVersion)
	}
	o.metadata = newMetadata(o, find(content, metadataKey))
	o.content = newContent(content)

	o.node = newChild(scope, o, "ApiObject", id)
	o.node.object = o
	if o.metadata.name == nil {
		o.metadata.name = o.chart.nameFor(o.node, o)
	}
	return o
}

func needString(content yaml.Mapping, key string) string {
	value, ok := find(content, key).(string)
	if !ok {
		fail("an object needs a string as %s, not %v", key, find(content, key))
	}
	return value
}

// find returns the value of a key, or nil if there is none. The content of an object is not in the order of its keys.
func find(entries yaml.Mapping, key string) any {
	for _, entry := range entries {
		if entry.Key == key {
			return entry.Value
		}
	}
	return nil
}

func (o *apiObject) ApiGroup() *string { return new(o.group()) }

func (o *apiObject) group() string {
	group, _, ok := strings.Cut(o.apiVersion, "/")
	if !ok {
		return "core"
	}
	return group
}

func (o *apiObject) ApiVersion() *string { return new(o.apiVersion) }

func (o *apiObject) Chart() cdk8s.Chart { return o.chart.self() }

func (o *apiObject) Kind() *string { return new(o.kind) }

func (o *apiObject) Metadata() cdk8s.ApiObjectMetadataDefinition { return o.metadata }

func (o *apiObject) Name() *string { return o.metadata.Name() }

func (o *apiObject) ToJson() any { return plain(o.manifest()) }

const metadataKey = "metadata"

// newContent copies the entries of an object without its metadata.
func newContent(entries yaml.Mapping) yaml.Mapping {
	content := make(yaml.Mapping, 0, len(entries)+1)
	for _, entry := range entries {
		if entry.Key != metadataKey {
			content = append(content, entry)
		}
	}
	return headFirst(append(content, yaml.Entry{Key: metadataKey}))
}

// isPlain tells whether rendering the object calls nobody's code and cannot fail.
func (o *apiObject) isPlain() bool {
	return !o.rendersItself && len(o.patches) == 0 && len(o.node.app().resolvers) == 0
}

// manifest renders the object. The result shares values with the object and is not to be changed.
func (o *apiObject) manifest() yaml.Mapping {
	defer func() {
		if problem := recover(); problem != nil {
			fail("Failed serializing construct at path '%s' with name '%s': %v", o.node.path, *o.Name(), problem)
		}
	}()
	content := slices.Clone(o.content)
	for i := range content {
		if content[i].Key == metadataKey {
			content[i].Value = o.metadata.render()
		}
	}
	if resolvers := o.node.app().resolvers; len(resolvers) > 0 {
		sortEntries(content)
		content = headFirst(settle(o.resolve(resolvers, nil, content)).(yaml.Mapping))
	}
	if len(o.patches) > 0 {
		content = headFirst(applyPatches(content, o.patches))
	}
	return content
}

// headFirst puts the keys that begin a manifest first, and before them, as JavaScript does, those that are indexes.
func headFirst(entries yaml.Mapping) yaml.Mapping {
	rank := func(entry yaml.Entry) int {
		if i := slices.Index([]string{"apiVersion", "kind", metadataKey}, entry.Key); i >= 0 {
			return i
		}
		return len(entries)
	}
	slices.SortStableFunc(entries, func(a, b yaml.Entry) int { return cmp.Compare(rank(a), rank(b)) })
	js.IndexesFirst(entries, func(entry yaml.Entry) string { return entry.Key })
	return entries
}
