package native_test

import (
	"strings"
	"testing"

	"github.com/aws/constructs-go/constructs/v10"
	"github.com/cdk8s-team/cdk8s-core-go/cdk8s/v2"
	"github.com/stretchr/testify/assert"

	"github.com/crossoverJie/k8s-combat/imports/tree/native"
)

// The names are those that cdk8s 2.69.10 gives.
func TestObjectNames(t *testing.T) {
	t.Parallel()
	x := func(n int) string { return strings.Repeat("x", n) }
	for path, want := range map[string]struct{ hashed, plain, cronJob string }{
		"a|b":                            {"a-b-c8a98c77", "a-b", "a-b-c8a98c77"},
		"a|b|c":                          {"a-b-c-c8a2beee", "a-b-c", "a-b-c-c8a2beee"},
		"a|Resource":                     {"a-c8c61a82", "a", "a-c8c61a82"},
		"a|Default|b":                    {"a-b-c8a98c77", "a-b", "a-b-c8a98c77"},
		"a|default-b":                    {"a-b-c88be20a", "a-b", "a-b-c88be20a"},
		"a|b-resource-c":                 {"a-b-c-c824f526", "a-b-c", "a-b-c-c824f526"},
		"a|b.default":                    {"a-b.default-c8d226ae", "a-b.default", "a-b.default-c8d226ae"},
		"a|a|b":                          {"a-b-c8ef01cb", "a-b", "a-b-c8ef01cb"},
		"a|b|a":                          {"a-b-a-c85badf5", "a-b-a", "a-b-a-c85badf5"},
		"a|_":                            {"a-_-c8b773af", "a-_", "a-_-c8b773af"},
		"a|--":                           {"a-c84d86b9", "a", "a-c84d86b9"},
		"7|1":                            {"7-1-c8e37555", "7-1", "7-1-c8e37555"},
		"shop|a/b":                       {"shop-a-b-c830ca78", "shop-a-b", "shop-a-b-c830ca78"},
		"shop|a.b_c":                     {"shop-a.b_c-c8101ab1", "shop-a.b_c", "shop-a.b_c-c8101ab1"},
		"shop|Web Server!|\u00e9t\u00e9": {"shop-webserver-t-c8f0f3fd", "shop-webserver-t", "shop-webserver-t-c8f0f3fd"},
		"\u212a|x":                       {"k-x-c8711224", "k-x", "k-x-c8711224"},
		x(30) + "|" + x(30) + "|leaf":    {x(30) + "-leaf-c81bf089", x(30) + "-leaf", x(30) + "-leaf-c81bf089"},
		"chart|" + x(70):                 {x(54) + "-c8dd7317", x(63), x(43) + "-c8dd7317"},
	} {
		name := func(kind string, plain bool) string {
			ids := strings.Split(path, "|")
			chart := native.NewChart(native.NewApp(nil), &ids[0], &cdk8s.ChartProps{DisableResourceNameHashes: &plain})
			var scope constructs.Construct = chart
			last := len(ids) - 1
			for _, id := range ids[1:last] {
				scope = newGroup(scope, id)
			}
			object := native.NewApiObject(scope, &ids[last], &cdk8s.ApiObjectProps{ApiVersion: new("v1"), Kind: &kind})
			assert.Equal(t, *object.Name(), *chart.GenerateObjectName(object))
			return *object.Name()
		}
		assert.Equal(t, want.hashed, name("Pod", false), path)
		assert.Equal(t, want.plain, name("Pod", true), path)
		assert.Equal(t, want.cronJob, name("CronJob", false), path)
	}
}

func TestLegacyHash(t *testing.T) {
	t.Setenv("CDK8S_LEGACY_HASH", "1")
	object := newObject(newChart(native.NewApp(nil), "a"), "b", nil)
	assert.Equal(t, "a-b-c14cddc0", *object.Name())
}
