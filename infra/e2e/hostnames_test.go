package e2e

import (
	"maps"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/crossoverJie/k8s-combat/app/contract"
)

// TestHostNamesAlternate: whoever asks a Service of chapters 02 and 03 for the host's name has both of its pods answer.
// TestIngress asks by the host names of chapter 03.
func TestHostNamesAlternate(t *testing.T) {
	t.Parallel()
	needCluster(t)
	for chapter, services := range map[string][]string{
		"02-service": {provider},
		"03-ingress": {provider, provider + "-2"},
	} {
		t.Run(chapter, func(t *testing.T) {
			namespace := newNamespace(t, "hosts")
			run(t, namespace, chapter)
			for _, service := range services {
				awaitEndpoints(t, namespace, service, 2)
				load := startHTTPLoad(t, namespace, "load-"+service, service, contract.PathRoot, 50)
				const calls = 200
				load.await(t, calls)
				result := load.end(t)
				_, failed := result.sum()
				assert.Zero(t, failed, failures(result))
				pods, err := endpoints(t, namespace, service)
				require.NoError(t, err)
				assert.Equal(t, pods, slices.Sorted(maps.Keys(result.pods())), "who answered")
				t.Logf("%s: %v", service, result.pods())
			}
		})
	}
}
