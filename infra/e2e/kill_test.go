package e2e

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/crossoverJie/k8s-combat/app/contract"
)

// mostOutage is how long calls may fail once a pod was killed: until the kubelet has seen it, the nodes and clients have
// heard of it, and a call that was sent into the void has timed out.
const mostOutage = 15 * time.Second

// TestAKillIsBounded ends pods with no grace. What one was about to answer is lost then, whatever a manifest says; that is
// short, and over before the successor is there.
func TestAKillIsBounded(t *testing.T) {
	needCluster(t)
	namespace := newNamespace(t, "kill")
	run(t, namespace, "10-rollout", withEnv(contract.EnvFault, "true"))
	awaitEndpoints(t, namespace, provider, 2)
	for _, kill := range []struct {
		name string
		do   func(t *testing.T, pod string)
	}{
		// The object is gone at once, and with it the endpoint; the kubelet insists on two seconds of its own.
		{"deletion by force", func(t *testing.T, pod string) {
			kubectl(t, nil, "delete", "pod", pod, "--grace-period", "0", "--force", "--namespace", namespace)
		}},
		// Everybody learns of it from what fails.
		{"crash of the process", func(t *testing.T, pod string) {
			_, err := fetch(t, namespace, pod, contract.AdminPort, contract.PathFault+"?crash=true")
			require.Error(t, err, "an answer of a process that has crashed")
			eventually(t, time.Minute, func() error {
				for _, p := range providerPods(t, namespace) {
					if p.Name == pod && p.Status.ContainerStatuses[0].RestartCount == 0 {
						return fmt.Errorf("%s has not been restarted", pod)
					}
				}
				return nil
			})
		}},
	} {
		t.Run(kill.name, func(t *testing.T) {
			load := startLoad(t, namespace)
			load.phase(t, "before", 0)
			sent, _ := load.sum(t)
			killed := time.Now()
			kill.do(t, providerPods(t, namespace)[0].Name)
			awaitEndpoints(t, namespace, provider, 2)
			t.Logf("2 pods ready %s after the kill", time.Since(killed).Round(100*time.Millisecond))

			time.Sleep(max(0, mostOutage-time.Since(killed)))
			_, before := load.sum(t)
			time.Sleep(loadCallTimeout)
			result := load.end(t)
			all, failed := result.sum()
			assert.Equal(t, before, failed, "failures go on")
			assert.LessOrEqual(t, result.outage(), mostOutage)
			assert.Less(t, failed, (all-sent)/10)
			t.Logf("%d of %d calls since the kill failed, over %s\n%s", failed, all-sent, result.outage(), failures(result))
			kubectl(t, nil, "delete", "pod", load.pod, "--namespace", namespace)
		})
	}
}
