package native_test

import (
	"maps"
	"os"
	"testing"

	"github.com/aws/constructs-go/constructs/v10"
	"github.com/cdk8s-team/cdk8s-core-go/cdk8s/v2"

	"github.com/crossoverJie/k8s-combat/imports/tree"
	"github.com/crossoverJie/k8s-combat/imports/tree/native"
	"github.com/crossoverJie/k8s-combat/imports/tree/native/internal/yaml"
)

func TestMain(m *testing.M) {
	code := m.Run()
	tree.Close()
	os.Exit(code)
}

// group is a construct as a user writes one.
type group struct {
	constructs.Construct
	name string
}

func newGroup(scope constructs.Construct, id string) *group {
	g := &group{name: id}
	tree.New(g, scope, id)
	return g
}

func (g *group) Name() string { return g.name }

// newObject makes an object of kind ConfigMap out of fields, which may be nil.
func newObject(scope constructs.Construct, id string, fields map[string]any) cdk8s.ApiObject {
	content := map[string]any{"apiVersion": "v1", "kind": "ConfigMap"}
	maps.Copy(content, fields)
	return scope.Node().(tree.Scope).AddObject(id, withObjects(content).(yaml.Mapping), false)
}

// withObjects makes Objects of maps, and lets all else be: package manifest would refuse, or change, some of it.
func withObjects(value any) any {
	switch value := value.(type) {
	case map[string]any:
		object := yaml.Mapping{}
		for key, item := range value {
			object = object.Set(key, withObjects(item))
		}
		return object
	case []any:
		result := make([]any, len(value))
		for i, item := range value {
			result[i] = withObjects(item)
		}
		return result
	}
	return value
}

func newChart(scope constructs.Construct, id string) cdk8s.Chart {
	return native.NewChart(scope, &id, nil)
}

// paths names constructs by their paths.
func paths[T constructs.IConstruct](all *[]T) []string {
	result := []string{}
	for _, construct := range *all {
		result = append(result, *construct.Node().Path())
	}
	return result
}

// always is a validation that fails.
type always struct{ messages []string }

func (a *always) Validate() *[]*string {
	var messages []*string
	for _, message := range a.messages {
		messages = append(messages, &message)
	}
	return &messages
}
