package conformance_test

import (
	"crypto/sha256"
	"encoding/hex"
	"testing"

	"github.com/aws/constructs-go/constructs/v10"
	"github.com/cdk8s-team/cdk8s-core-go/cdk8s/v2"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/crossoverJie/k8s-combat/imports/tree"
	"github.com/crossoverJie/k8s-combat/imports/tree/native"
)

// upstreamCase is a test case of cdk8s-core or constructs: what it asks for, in our words and with values of our own, is
// asked of both trees. For a new version of theirs, their cases are gone through by these names.
type upstreamCase struct {
	// file and name are those of the upstream case.
	file, name string
	check      func(u *upstream)
	// nativeOnly says why the official tree is not asked.
	nativeOnly string
	// notHere says why there is no check.
	notHere string
}

// upstream is what a check works with.
type upstream struct {
	*testing.T
	newApp func(*cdk8s.AppProps) cdk8s.App
}

// TestUpstreamCases runs the cases of both libraries.
func TestUpstreamCases(t *testing.T) {
	cases := []upstreamCase{}
	for _, part := range [][]upstreamCase{constructsCases, nodeCases, dependencyCases, objectCases, patchCases, appCases, chartCases, nameCases(), yamlCases, valueCases} {
		cases = append(cases, part...)
	}
	seen := map[string]bool{}
	checked := 0
	for _, c := range cases {
		key := c.file + ": " + c.name
		require.False(t, seen[key], "%s stands twice", key)
		seen[key] = true
		require.NotEqual(t, c.check == nil, c.notHere == "", "%s needs a check, or a reason why it has none", key)
		if c.check == nil {
			continue
		}
		checked++
		t.Run(key, func(t *testing.T) {
			c.check(&upstream{t, native.NewApp})
			if c.nativeOnly == "" {
				c.check(&upstream{t, cdk8s.NewApp})
			}
		})
	}
	t.Logf("%d upstream cases, of which %d are checked", len(cases), checked)
	assert.Greater(t, checked, 180)
}

// app makes an app that writes to a folder of its own.
func (u *upstream) app() cdk8s.App { return u.newApp(&cdk8s.AppProps{Outdir: new(u.TempDir())}) }

func (u *upstream) chart() cdk8s.Chart { return newTestChart(u.app(), "test") }

func newTestChart(scope constructs.Construct, id string) cdk8s.Chart {
	return tree.NewChart(scope, id, tree.ChartProps{})
}

// child makes a construct that only holds others, and panics where the library throws.
func child(scope constructs.Construct, id string) constructs.Construct {
	if native, ok := scope.Node().(tree.Scope); ok {
		g := &group{}
		g.Construct = native.AddConstruct(g, id)
		return g
	}
	return constructs.NewConstruct(scope, &id)
}

func newKind(scope constructs.Construct, id, kind string, fields values) cdk8s.ApiObject {
	return tree.NewObject(scope, id, schema.GroupVersionKind{Version: "v1", Kind: kind}, fields)
}

// fails expects an action to panic with a text.
func (u *upstream) fails(text string, action func()) {
	u.Helper()
	assert.Contains(u, failure(u.T, action), text)
}

func (u *upstream) equal(want, got any, why ...any) {
	u.Helper()
	assert.Equal(u, want, got, why...)
}

// names are the names of objects as they are written.
func (u *upstream) names(chart cdk8s.Chart) []string {
	u.Helper()
	objects, err := tree.Render(chart)
	require.NoError(u, err)
	names := []string{}
	for _, object := range objects {
		names = append(names, object.(values)["metadata"].(values)["name"].(string))
	}
	return names
}

// synth returns the files that an app writes.
func (u *upstream) synth(app cdk8s.App) []string {
	u.Helper()
	require.NoError(u, tree.Synth(app))
	files, _, err := written(*app.Outdir())
	require.NoError(u, err)
	return keysOf(files)
}

func keysOf(files values) []string {
	names := []string{}
	for _, name := range keys(files) {
		names = append(names, name[len("out/"):])
	}
	return names
}

func id(c constructs.IConstruct) string { return *c.Node().Id() }

// at makes a construct at a path below an app.
func at(app cdk8s.App, path ...string) constructs.Construct {
	var scope constructs.Construct = app
	for _, step := range path {
		scope = child(scope, step)
	}
	return scope
}

const (
	constructTest  = "constructs/construct"
	objectTest     = "cdk8s/api-object"
	appTest        = "cdk8s/app"
	chartTest      = "cdk8s/chart"
	dependencyTest = "cdk8s/dependency"
	includeTest    = "cdk8s/include"
	patchTest      = "cdk8s/json-patch"
	metadataTest   = "cdk8s/metadata"
	tokenTest      = "cdk8s/tokens"
	utilTest       = "cdk8s/util"
	yamlTest       = "cdk8s/yaml"
	helmTest       = "cdk8s/helm"

	lazy    = "lazy values and tokens live in Node.js; the native tree refuses them, see TestValuesOfNodeAreRefused"
	goTypes = "a class of cdk8s for what Go has types of its own for; the native tree refuses it"
)

func legacyHash(path string) string {
	hash := sha256.Sum256([]byte(path))
	return hex.EncodeToString(hash[:])[:8]
}
