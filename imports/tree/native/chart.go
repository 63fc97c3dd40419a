package native

import (
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/cdk8s-team/cdk8s-core-go/cdk8s/v2"

	"github.com/crossoverJie/k8s-combat/imports/tree"
)

type chart struct {
	construct
	namespace *string
	labels    map[string]string
	// plainNames leaves the hash out of the names of objects.
	plainNames bool
	// generateName names objects in place of all that, unless it is nil.
	generateName func(object cdk8s.ApiObject) string

	// outer is the user's type around the chart, nil without one; the others are what it does itself.
	outer                       cdk8s.Chart
	namesObjects, rendersItself bool
}

// self is the chart as users know it.
func (c *chart) self() cdk8s.Chart {
	if c.outer != nil {
		return c.outer
	}
	return c
}

// NewChart makes a chart as cdk8s.NewChart does: scope is an App, a Chart or another construct of a native tree, id is
// unique among its children, and props may be nil. It panics for an id that is empty or taken, and for a scope of the
// official tree.
func NewChart(scope constructs.Construct, id *string, props *cdk8s.ChartProps) cdk8s.Chart {
	required("scope", scope != nil)
	required("id", id != nil)
	return newChart(nodeOf(scope), id, props, nil)
}

func newChart(scope *node, id *string, props *cdk8s.ChartProps, generateName func(cdk8s.ApiObject) string) *chart {
	c := &chart{labels: map[string]string{}, generateName: generateName}
	if props != nil {
		c.namespace = props.Namespace
		c.plainNames = props.DisableResourceNameHashes != nil && *props.DisableResourceNameHashes
		if props.Labels != nil {
			for key, value := range *props.Labels {
				if value != nil {
					c.labels[key] = *value
				}
			}
		}
	}
	c.node = newChild(scope, c, "Chart", id)
	c.node.chart = c
	return c
}

func (n *node) AddChart(id string, props tree.ChartProps) cdk8s.Chart {
	labels := make(map[string]*string, len(props.Labels))
	for key, value := range props.Labels {
		labels[key] = &value
	}
	options := &cdk8s.ChartProps{Labels: &labels, DisableResourceNameHashes: &props.DisableResourceNameHashes}
	if props.Namespace != "" {
		options.Namespace = &props.Namespace
	}
	return newChart(n, &id, options, props.GenerateObjectName)
}

func (c *chart) Namespace() *string { return c.namespace }

func (c *chart) Labels() *map[string]*string {
	labels := make(map[string]*string, len(c.labels))
	for key, value := range c.labels {
		labels[key] = &value
	}
	return &labels
}

func (c *chart) ApiObjects() *[]cdk8s.ApiObject {
	objects := []cdk8s.ApiObject{}
	for _, child := range c.node.children.list() {
		if child.object != nil {
			objects = append(objects, child.object.self())
		}
	}
	return &objects
}

func (c *chart) GenerateObjectName(object cdk8s.ApiObject) *string {
	required("apiObject", object != nil)
	return new(c.objectName(nodeOf(object), object))
}

// nameFor names a new object: as the user's type does, if that has its own way.
func (c *chart) nameFor(n *node, object cdk8s.ApiObject) *string {
	if c.namesObjects {
		return c.outer.GenerateObjectName(object)
	}
	return new(c.objectName(n, object))
}

func (c *chart) objectName(n *node, object cdk8s.ApiObject) string {
	if c.generateName != nil {
		return c.generateName(object)
	}
	maxLength := maxLabel
	if *object.Kind() == "CronJob" {
		// Kubernetes appends 11 characters to the names of its jobs.
		maxLength = 52
	}
	return dnsLabel(n, maxLength, !c.plainNames)
}

func (c *chart) ToJson() *[]any {
	order := newCheckedOrder(c.node.app().node)
	if !order.has(c.node) {
		order = newOrder(c.node) // it was removed from the app
	}
	documents := []any{}
	for _, object := range order.objects(c) {
		documents = append(documents, object.self().ToJson())
	}
	return &documents
}

// documents are what is written of the chart: the objects, or what the user's type makes of them.
func (c *chart) documents(objects []rendering) []rendering {
	if !c.rendersItself {
		return objects
	}
	made := c.outer.ToJson()
	required("what ToJson of the chart returns", made != nil)
	var documents []rendering
	for _, document := range *made {
		documents = append(documents, rendering{chart: c, document: settledDocument(document)})
	}
	return documents
}
