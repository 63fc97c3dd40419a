package e2e

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
)

// mostOutage is how long calls may fail after a pod was killed: the end of the kubelet's own short grace, the news of it
// on its way to the nodes and to clients, and the timeout of a call that was sent into the void.
const mostOutage = 15 * time.Second

// TestAKillIsBounded takes a pod away with no grace at all, as the loss of its node does. What it was about to answer is
// lost, whatever a manifest says; that is short, and over before the successor is there.
func TestAKillIsBounded(t *testing.T) {
	needCluster(t)
	namespace := newNamespace(t, "kill")
	run(t, namespace, "10-rollout")
	awaitEndpoints(t, namespace, provider, 2)
	load := startLoad(t, namespace)
	load.phase(t, "before", 0)

	pod := providerPods(t, namespace)[0]
	sent, _ := load.sum(t)
	killed := time.Now()
	kubectl(t, nil, "delete", "pod", pod.Name, "--grace-period", "0", "--force", "--namespace", namespace)
	awaitEndpoints(t, namespace, provider, 2)
	t.Logf("2 pods ready %s after the kill", time.Since(killed).Round(100*time.Millisecond))

	time.Sleep(max(0, mostOutage-time.Since(killed)))
	_, before := load.sum(t)
	time.Sleep(loadCallTimeout)
	result := load.end(t)
	all, failed := result.sum()
	t.Logf("a kill without grace: %d of %d calls failed, over %s", failed, all-sent, result.outage())
	assert.Equal(t, before, failed, "failures go on: %s", failures(result))
	assert.LessOrEqual(t, result.outage(), mostOutage)
	assert.Less(t, failed, (all-sent)/10, failures(result))
	t.Logf("such as:\n%s", failures(result))
}
