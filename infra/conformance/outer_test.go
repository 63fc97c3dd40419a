package conformance_test

import (
	"strings"
	"testing"

	"github.com/cdk8s-team/cdk8s-core-go/cdk8s/v2"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/crossoverJie/k8s-combat/imports/tree"
)

// ownChart overrides all that cdk8s asks of a chart.
type ownChart struct{ cdk8s.Chart }

func newOwnChart(app cdk8s.App, id string) *ownChart {
	c := &ownChart{}
	tree.InitChart(c, app, id, tree.ChartProps{Namespace: "prod", Labels: map[string]string{"team": "a"}})
	return c
}

func (c *ownChart) GenerateObjectName(object cdk8s.ApiObject) *string {
	return new(strings.ToLower(*object.Kind()) + "-of-" + *c.Chart.GenerateObjectName(object))
}

func (c *ownChart) ToJson() *[]any { //nolint:revive // the name that cdk8s gives it
	documents := append(*c.Chart.ToJson(), values{"kind": "Extra", "apiVersion": "v1", "metadata": values{"name": "extra", "labels": nil}, "7": []any{nil, 1}}, nil)
	return &documents
}

// ownObject overrides what cdk8s asks of an object.
type ownObject struct{ cdk8s.ApiObject }

func (o *ownObject) ToJson() any { //nolint:revive // the name that cdk8s gives it
	content := o.ApiObject.ToJson().(values)
	content["data"] = values{"upper": strings.ToUpper(*o.Name()), "none": nil}
	return content
}

// typedChart overrides nothing that cdk8s asks for.
type typedChart struct{ cdk8s.Chart }

func (*typedChart) Typed() {}

// TestTypesOfTheirOwnAreTheSameOnBothTrees: what is overridden is called by both, with the same effect on every byte.
func TestTypesOfTheirOwnAreTheSameOnBothTrees(t *testing.T) {
	for _, outputType := range []cdk8s.YamlOutputType{
		cdk8s.YamlOutputType_FILE_PER_APP, cdk8s.YamlOutputType_FILE_PER_CHART,
		cdk8s.YamlOutputType_FILE_PER_RESOURCE, cdk8s.YamlOutputType_FOLDER_PER_CHART_FILE_PER_RESOURCE,
	} {
		t.Run(string(outputType), func(t *testing.T) {
			var yamls []string
			got, err := sameWith(t, cdk8s.AppProps{YamlOutputType: outputType, RecordConstructMetadata: new(true)}, func(app cdk8s.App) {
				own := newOwnChart(app, "own")
				tree.NewObject(own, "a", configMap, values{"data": values{"a": "b"}})
				object := &ownObject{}
				tree.InitObject(object, own, "b", configMap, values{"metadata": values{"name": "own"}})
				cluster := &ownObject{}
				tree.InitClusterObject(cluster, own, "c", configMap, values{"metadata": values{"name": "cluster"}})
				cluster.AddDependency(object)
				typed := &typedChart{}
				tree.InitChart(typed, app, "typed", tree.ChartProps{})
				tree.NewObject(typed, "a", configMap, values{"data": values{"a": "b"}})

				assert.Same(t, own, (*app.Charts())[0])
				assert.Same(t, object, own.Node().FindChild(new("b")))
				assert.Same(t, typed, must(tree.ChartOf((*typed.ApiObjects())[0])))
				yamls = append(yamls, *app.SynthYaml())
			})
			require.NoError(t, err)
			assert.NotEmpty(t, got)
			assert.Equal(t, yamls[0], yamls[1])
			assert.Contains(t, yamls[1], "configmap-of-own-a-", "the name")
			assert.Contains(t, yamls[1], "upper: OWN", "the object")
			assert.Contains(t, yamls[1], "kind: Extra", "the chart")
		})
	}
}

// TestDocumentsOfOnePath: a chart that renders itself has no construct for a document.
func TestDocumentsOfOnePath(t *testing.T) {
	_, err := sameWith(t, cdk8s.AppProps{YamlOutputType: cdk8s.YamlOutputType_FILE_PER_RESOURCE}, func(app cdk8s.App) {
		newOwnChart(app, "a")
		newOwnChart(app, "b")
	})
	assert.ErrorContains(t, err, `[b] is written to "Extra.extra.k8s.yaml", as is a; use FOLDER_PER_CHART_FILE_PER_RESOURCE`)
}
