package chapters_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/cdk8s-team/cdk8s-core-go/cdk8s/v2"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	appsv1 "k8s.io/api/apps/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/pod-security-admission/api"
	"k8s.io/pod-security-admission/policy"
	"sigs.k8s.io/yaml"

	"github.com/crossoverJie/k8s-combat/app/contract"
	"github.com/crossoverJie/k8s-combat/imports/tree"
	"github.com/crossoverJie/k8s-combat/imports/tree/native"
	"github.com/crossoverJie/k8s-combat/infra/chapters"
)

func TestMain(m *testing.M) {
	code := m.Run()
	tree.Close()
	os.Exit(code)
}

// synth returns the chapter's file.
func synth(t *testing.T, chapter chapters.Chapter) []byte {
	t.Helper()
	outdir := t.TempDir()
	app := native.NewApp(&cdk8s.AppProps{Outdir: &outdir})
	chapter.New(app)
	require.NoError(t, tree.Synth(app))
	content, err := os.ReadFile(filepath.Join(outdir, chapter.Name+".k8s.yaml"))
	require.NoError(t, err)
	return content
}

type object = map[string]any

func decode(t *testing.T, documents []byte) []object {
	t.Helper()
	var result []object
	for document := range bytes.SplitSeq(documents, []byte("---\n")) {
		var o object
		require.NoError(t, yaml.Unmarshal(document, &o))
		result = append(result, o)
	}
	return result
}

func identity(o object) string {
	metadata, _ := o["metadata"].(object)
	return fmt.Sprint(o["apiVersion"], " ", o["kind"], " ", metadata["name"])
}

// TestChaptersSetWhatTheTutorialSets compares each chapter with the tutorial's own YAML: each field that is set there
// must have the same value here.
func TestChaptersSetWhatTheTutorialSets(t *testing.T) {
	t.Parallel()
	for _, chapter := range chapters.All() {
		t.Run(chapter.Name, func(t *testing.T) {
			t.Parallel()
			want, err := os.ReadFile(filepath.Join("testdata", "tutorial", chapter.Name+".yaml"))
			require.NoError(t, err)
			got := map[string]object{}
			for _, o := range decode(t, synth(t, chapter)) {
				assert.NotContains(t, got, identity(o), "one object twice")
				got[identity(o)] = o
			}
			fields := 0
			for _, o := range decode(t, want) {
				require.Contains(t, got, identity(o))
				fields += contains(t, identity(o), o, got[identity(o)])
			}
			t.Logf("%d fields are as in the tutorial", fields)
			assert.Greater(t, fields, 10)
		})
	}
}

// contains asserts that got has all that want has, and returns how many values that are.
func contains(t *testing.T, path string, want, got any) int {
	t.Helper()
	count := 0
	switch want := want.(type) {
	case object:
		got, ok := got.(object)
		require.True(t, ok, "%s is not a map", path)
		for key, value := range want {
			count += contains(t, path+"."+key, value, got[key])
		}
	case []any:
		got, ok := got.([]any)
		require.True(t, ok, "%s is not a list", path)
		require.Len(t, got, len(want), path)
		for i, value := range want {
			count += contains(t, fmt.Sprintf("%s[%d]", path, i), value, got[i])
		}
	default:
		count++
		if !sameQuantity(want, got) && !sameDuration(want, got) {
			assert.Equal(t, want, got, path)
		}
	}
	return count
}

func sameQuantity(want, got any) bool {
	w, err := resource.ParseQuantity(fmt.Sprint(want))
	if err != nil {
		return false
	}
	g, err := resource.ParseQuantity(fmt.Sprint(got))
	return err == nil && w.Cmp(g) == 0
}

func sameDuration(want, got any) bool {
	w, err := time.ParseDuration(fmt.Sprint(want))
	if err != nil {
		return false
	}
	g, err := time.ParseDuration(fmt.Sprint(got))
	return err == nil && w == g
}

func TestChaptersAreRestricted(t *testing.T) {
	t.Parallel()
	evaluator, err := policy.NewEvaluator(policy.DefaultChecks(), nil)
	require.NoError(t, err)
	level := api.LevelVersion{Level: api.LevelRestricted, Version: api.LatestVersion()}
	for _, chapter := range chapters.All() {
		t.Run(chapter.Name, func(t *testing.T) {
			t.Parallel()
			workloads := 0
			for document := range bytes.SplitSeq(synth(t, chapter), []byte("---\n")) {
				var deployment appsv1.Deployment
				require.NoError(t, yaml.Unmarshal(document, &deployment))
				if deployment.Kind != "Deployment" {
					continue
				}
				workloads++
				pod := deployment.Spec.Template
				result := policy.AggregateCheckResults(evaluator.EvaluatePod(level, &pod.ObjectMeta, &pod.Spec))
				assert.True(t, result.Allowed, result.ForbiddenDetail())
			}
			assert.Positive(t, workloads)
		})
	}
}

// TestDistIsUpToDate compares the committed manifests with what the chapters make.
func TestDistIsUpToDate(t *testing.T) {
	t.Parallel()
	for _, chapter := range chapters.All() {
		committed, err := os.ReadFile(filepath.Join("..", "..", "dist", chapter.Name+".k8s.yaml"))
		require.NoError(t, err)
		assert.Equal(t, string(committed), string(synth(t, chapter)), "run make synth and read the difference")
	}
}

func TestChaptersGoWhereTheyAreApplied(t *testing.T) {
	t.Parallel()
	for _, chapter := range chapters.All() {
		for _, o := range decode(t, synth(t, chapter)) {
			metadata, _ := o["metadata"].(object)
			if chapter.Namespace == "" || o["kind"] == "Namespace" {
				assert.NotContains(t, metadata, "namespace", identity(o))
			} else {
				assert.Equal(t, chapter.Namespace, metadata["namespace"], identity(o))
			}
		}
	}
}

func ExampleAll() {
	for _, chapter := range chapters.All() {
		fmt.Println(chapter.Name)
	}
	// Output:
	// 01-deploy
	// 02-service
	// 03-ingress
	// 04-config
	// 05-mesh
	// 06-canary
	// 07-weights
	// 08-gateway
	// 09-probes
	// 10-rollout
	// 11-logs
	// 12-observability
}

// What is for whoever runs the service is no route's business.
func TestNoRouteLeadsToTheAdminPort(t *testing.T) {
	t.Parallel()
	routes := 0
	for _, chapter := range chapters.All() {
		for _, o := range decode(t, synth(t, chapter)) {
			switch o["kind"] {
			case "Ingress", "VirtualService", "HTTPRoute", "GRPCRoute":
				routes++
				text := fmt.Sprint(o)
				assert.NotContains(t, text, strconv.Itoa(contract.AdminPort), identity(o))
				assert.NotContains(t, text, contract.AdminPortName, identity(o))
			}
		}
	}
	assert.Positive(t, routes)
}
