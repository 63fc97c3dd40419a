package native

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"github.com/aws/constructs-go/constructs/v10"
	"github.com/cdk8s-team/cdk8s-core-go/cdk8s/v2"

	"github.com/crossoverJie/k8s-combat/infra/native/internal/js"
	"github.com/crossoverJie/k8s-combat/infra/native/internal/yaml"
)

type apiObject struct {
	construct
	chart            *chart
	apiVersion, kind string
	metadata         *metadata
	// content is the manifest without its metadata.
	content map[string]any
	patches []operation
}

// NewApiObject makes a Kubernetes object as cdk8s.NewApiObject does: scope is a construct below a chart of a native
// tree. It panics for an id that is empty or taken, for an apiVersion that is not VERSION or GROUP/VERSION, and for a
// scope that is below no chart.
func NewApiObject(scope constructs.Construct, id *string, props *cdk8s.ApiObjectProps) cdk8s.ApiObject {
	required("scope", scope != nil)
	required("id", id != nil)
	required("props", props != nil)
	content := map[string]any{"apiVersion": jsonValue(props.ApiVersion), "kind": jsonValue(props.Kind)}
	if props.Metadata != nil {
		content["metadata"] = jsonValue(props.Metadata)
	}
	return newAPIObject(nodeOf(scope), id, content)
}

func (n *node) AddObject(id string, object map[string]any, clusterScoped bool) cdk8s.ApiObject {
	o := newAPIObject(n, &id, object)
	if clusterScoped {
		o.metadata.namespace = nil
	}
	return o
}

func newAPIObject(scope *node, id *string, content map[string]any) *apiObject {
	o := &apiObject{
		chart:      scope.chart,
		apiVersion: needString(content, "apiVersion"),
		kind:       needString(content, "kind"),
		// A copy, since the caller may try again with another id.
		content: maps.Clone(content),
	}
	if o.chart == nil {
		fail("cannot find a parent chart (directly or indirectly)")
	}
	if strings.Count(o.apiVersion, "/") > 1 {
		fail("invalid apiVersion %s, expecting GROUP/VERSION. "+
			"See https://kubernetes.io/docs/reference/using-api/api-overview/#api-groups", o.apiVersion)
	}
	o.metadata = newMetadata(o, content["metadata"])
	delete(o.content, "metadata")
	sanitize(o.content, keepEmpty)

	o.node = newChild(scope, o, "ApiObject", id)
	o.node.object = o
	if o.metadata.name == nil {
		o.metadata.name = new(o.chart.objectName(o.node, o))
	}
	return o
}

func needString(content map[string]any, key string) string {
	value, ok := content[key].(string)
	if !ok {
		fail("an object needs a string as %s, not %v", key, content[key])
	}
	return value
}

func (o *apiObject) ApiGroup() *string {
	group, _, ok := strings.Cut(o.apiVersion, "/")
	if !ok {
		group = "core"
	}
	return &group
}

func (o *apiObject) ApiVersion() *string { return new(o.apiVersion) }

func (o *apiObject) Chart() cdk8s.Chart { return o.chart }

func (o *apiObject) Kind() *string { return new(o.kind) }

func (o *apiObject) Metadata() cdk8s.ApiObjectMetadataDefinition { return o.metadata }

func (o *apiObject) Name() *string { return o.metadata.Name() }

func (o *apiObject) ToJson() any { return plain(o.manifest()) }

// manifest renders the object. The result shares values with the object and is not to be changed.
func (o *apiObject) manifest() yaml.Mapping {
	defer func() {
		if problem := recover(); problem != nil {
			fail("Failed serializing construct at path '%s' with name '%s': %v", o.node.path, *o.Name(), problem)
		}
	}()
	content := maps.Clone(o.content)
	content["metadata"] = o.metadata.render()
	if resolvers := o.node.app().resolvers; len(resolvers) > 0 {
		content = sanitize(o.resolve(resolvers, nil, content), keepEmpty).(map[string]any)
	}
	if len(o.patches) > 0 {
		return headFirst(applyPatches(content, o.patches))
	}
	return headFirst(sortedEntries(content))
}

func sortedEntries(object map[string]any) yaml.Mapping {
	entries := make(yaml.Mapping, 0, len(object))
	for key, value := range object {
		entries = append(entries, yaml.Entry{Key: key, Value: value})
	}
	slices.SortFunc(entries, func(a, b yaml.Entry) int { return js.CompareKeys(a.Key, b.Key) })
	return entries
}

// headFirst puts the keys that begin a manifest first, and before them, as JavaScript does, those that are indexes.
func headFirst(entries yaml.Mapping) yaml.Mapping {
	rank := func(entry yaml.Entry) int {
		if i := slices.Index([]string{"apiVersion", "kind", "metadata"}, entry.Key); i >= 0 {
			return i
		}
		return len(entries)
	}
	slices.SortStableFunc(entries, func(a, b yaml.Entry) int { return cmp.Compare(rank(a), rank(b)) })
	js.IndexesFirst(entries, func(entry yaml.Entry) string { return entry.Key })
	return entries
}
