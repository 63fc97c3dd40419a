package conformance_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cdk8s-team/cdk8s-core-go/cdk8s/v2"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/crossoverJie/k8s-combat/imports/tree"
	"github.com/crossoverJie/k8s-combat/imports/tree/native"
)

const guestbook = `apiVersion: v1
kind: Service
metadata:
  name: web
spec:
  ports: [{port: 80, targetPort: http}]
--- # the second one
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: other, labels: {app: web}}
spec:
  replicas: 3
  paused: no
---
---
{}
---
apiVersion: v1
kind: ConfigMap
data:
  mode: "0755"
  text: |
    a
    ---
    b
`

// TestIncludeIsThatOfCdk8s compares the objects of a file with those that cdk8s.NewInclude makes of it.
func TestIncludeIsThatOfCdk8s(t *testing.T) {
	file := filepath.Join(t.TempDir(), "guestbook.yaml")
	require.NoError(t, os.WriteFile(file, []byte(guestbook), 0o644))
	outcome := func(app cdk8s.App, include func(chart cdk8s.Chart) []cdk8s.ApiObject) []any {
		tree.KeepOrder(app)
		chart := tree.NewChart(app, "shop", tree.ChartProps{Namespace: "prod"})
		objects := include(chart)
		objects[0].Metadata().AddLabel(new("added"), new("later"))
		return []any{paths(objects), paths(*chart.Node().FindChild(new("book")).Node().Children()), *app.SynthYaml()}
	}
	ours := func(chart cdk8s.Chart) []cdk8s.ApiObject {
		return tree.Include(chart, "book", strings.NewReader(guestbook)).Objects()
	}
	want := outcome(cdk8s.NewApp(nil), func(chart cdk8s.Chart) []cdk8s.ApiObject {
		return *cdk8s.NewInclude(chart, new("book"), &cdk8s.IncludeProps{Url: &file}).ApiObjects()
	})
	assert.Equal(t, want, outcome(cdk8s.NewApp(nil), ours))
	assert.Equal(t, want, outcome(native.NewApp(nil), ours))

	documents, err := tree.Load(strings.NewReader(guestbook))
	require.NoError(t, err)
	assert.Equal(t, must(asJSON(*cdk8s.Yaml_Load(&file))), must(asJSON(documents)))
}

// TestHelmIsThatOfCdk8s runs a program that prints its arguments as an object.
func TestHelmIsThatOfCdk8s(t *testing.T) {
	program := filepath.Join(t.TempDir(), "helm")
	require.NoError(t, os.WriteFile(program, []byte(`#!/bin/sh
echo "{apiVersion: v1, kind: ConfigMap, metadata: {name: rendered}, data: {arguments: '$(echo "$@" | sed 's,-f [^ ]*,-f FILE,')'}}"
while [ $# -gt 0 ]; do
	if [ "$1" = -f ]; then echo "---"; cat "$2"; fi
	shift
done
`), 0o755))
	outcome := func(app cdk8s.App, helm func(chart cdk8s.Chart)) string {
		helm(tree.NewChart(app, "shop", tree.ChartProps{}))
		return *app.SynthYaml()
	}
	ours := func(chart cdk8s.Chart) {
		tree.Helm(chart, "web", tree.HelmProps{
			Chart: "repo/web", Repo: "https://charts.example.org", Version: "1.2.3", Namespace: "prod", HelmExecutable: program,
			HelmFlags: []string{"--no-hooks"}, Values: values{"apiVersion": "v1", "kind": "Values", "metadata": values{"name": "v"}, "list": []any{1, "a"}},
		})
	}
	want := outcome(cdk8s.NewApp(nil), func(chart cdk8s.Chart) {
		cdk8s.NewHelm(chart, new("web"), &cdk8s.HelmProps{
			Chart: new("repo/web"), Repo: new("https://charts.example.org"), Version: new("1.2.3"), Namespace: new("prod"), HelmExecutable: &program,
			HelmFlags: &[]*string{new("--no-hooks")}, Values: &values{"apiVersion": "v1", "kind": "Values", "metadata": values{"name": "v"}, "list": []any{1, "a"}},
		})
	})
	assert.Contains(t, want, "arguments: template -f FILE --repo https://charts.example.org --version 1.2.3 --namespace prod --no-hooks shop-web-")
	assert.Equal(t, want, outcome(cdk8s.NewApp(nil), ours))
	assert.Equal(t, want, outcome(native.NewApp(nil), ours))
}
