package infra_test

import (
	"strings"
	"testing"

	"github.com/cdk8s-team/cdk8s-core-go/cdk8s/v2"
	"github.com/stretchr/testify/require"
	"sigs.k8s.io/yaml"

	"github.com/crossoverJie/k8s-combat/imports/tree"
	"github.com/crossoverJie/k8s-combat/imports/tree/native"
	"github.com/crossoverJie/k8s-combat/infra/internal/synthtest"
)

func TestMain(m *testing.M) { synthtest.Main(m) }

// chartIn is a chart of a namespace beside others, which may be nested in a chart of synthtest.
func chartIn(scope cdk8s.Chart, namespace string) cdk8s.Chart {
	return tree.NewChart(scope, "in-"+namespace, tree.ChartProps{Namespace: namespace})
}

// inNamespaces decodes the objects of a kind of all charts that build makes, the outer one without a namespace.
func inNamespaces[T any](t *testing.T, kind string, build func(chart cdk8s.Chart)) []T {
	t.Helper()
	app := native.NewApp(nil)
	build(tree.NewChart(app, "chart", tree.ChartProps{}))
	var found []T
	for document := range strings.SplitSeq(*app.SynthYaml(), "---\n") {
		var header struct{ Kind string }
		require.NoError(t, yaml.Unmarshal([]byte(document), &header))
		if header.Kind == kind {
			var object T
			require.NoError(t, yaml.UnmarshalStrict([]byte(document), &object))
			found = append(found, object)
		}
	}
	return found
}
