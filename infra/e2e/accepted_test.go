package e2e

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/crossoverJie/k8s-combat/infra/chapters"
)

// TestChaptersAreAccepted has the API server validate each chapter's file as it is, with no field that it does not know.
func TestChaptersAreAccepted(t *testing.T) {
	needCluster(t)
	install(t)
	namespace := newNamespace(t, "accepted")
	for _, chapter := range chapters.All() {
		t.Run(chapter.Name, func(t *testing.T) {
			all := objects(t, chapter)
			createNamespaces(t, all)
			// A dry run changes nothing: to force conflicts is to leave out who else manages a field.
			args := []string{"apply", "--server-side", "--force-conflicts", "--dry-run=server", "--validate=strict", "--filename", "-"}
			if chapter.Namespace == "" {
				args = append(args, "--namespace", namespace)
			}
			stdout, stderr := kubectl(t, synth(t, chapter), args...)
			for _, warning := range warnings(stderr) {
				assert.Contains(t, warning, "PodSecurity", "the other test has an eye on these")
			}
			accepted := strings.Count(stdout, "serverside-applied (server dry run)")
			assert.Equal(t, len(all), accepted, stdout)
			t.Logf("%d objects", accepted)
		})
	}
}

// createNamespaces creates the namespaces that the objects include, where they do not exist: in a dry run, nothing else
// does.
func createNamespaces(t *testing.T, all []*unstructured.Unstructured) {
	t.Helper()
	for _, object := range all {
		if object.GetKind() != "Namespace" {
			continue
		}
		if stdout, _ := kubectl(t, nil, "get", "namespace", object.GetName(), "--ignore-not-found", "--output", "name"); stdout == "" {
			createNamespace(t, object.GetName(), nil)
		}
	}
}

// unrestricted are the workloads that cannot meet the restricted standard, and what in the warning says why.
var unrestricted = map[string]string{
	// It reads the logs of all pods on its node.
	"11-logs DaemonSet filebeat": "hostPath",
}

// TestPodsMeetTheRestrictedStandard asks the API server's own admission whether the pods of each workload do.
func TestPodsMeetTheRestrictedStandard(t *testing.T) {
	needCluster(t)
	namespace := newNamespace(t, "restricted")
	seen := map[string]bool{}
	for _, chapter := range chapters.All() {
		t.Run(chapter.Name, func(t *testing.T) {
			workloads := 0
			for _, object := range objects(t, chapter) {
				if podSpec(object) == nil {
					continue
				}
				workloads++
				object.SetNamespace(namespace)
				_, stderr := kubectl(t, list(t, object), "apply", "--server-side", "--dry-run=server", "--validate=strict", "--filename", "-")
				name := strings.Join([]string{chapter.Name, object.GetKind(), object.GetName()}, " ")
				if reason, ok := unrestricted[name]; ok {
					seen[name] = true
					require.Len(t, warnings(stderr), 1, name)
					assert.Contains(t, warnings(stderr)[0], reason, name)
					t.Log(warnings(stderr)[0])
					continue
				}
				assert.Empty(t, warnings(stderr), name)
			}
			t.Logf("%d workloads", workloads)
		})
	}
	assert.Len(t, seen, len(unrestricted), "no such workload")
}

// warnings returns the warnings among what kubectl printed.
func warnings(stderr string) []string {
	var result []string
	for line := range strings.Lines(stderr) {
		if strings.HasPrefix(line, "Warning:") {
			result = append(result, strings.TrimSpace(line))
		}
	}
	return result
}
