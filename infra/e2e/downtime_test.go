package e2e

import (
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/cdk8s-team/cdk8s-core-go/cdk8s/v2"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/crossoverJie/k8s-combat/app/contract"
	"github.com/crossoverJie/k8s-combat/infra"
	"github.com/crossoverJie/k8s-combat/infra/pod"
)

// The tests of this file hold chapter 10 to what it is about: whatever replaces or ends its pods, no request fails.

// TestNoRequestFailsInRollingRestarts restarts all pods three times.
func TestNoRequestFailsInRollingRestarts(t *testing.T) {
	needCluster(t)
	namespace := newNamespace(t, "restarts")
	run(t, namespace, "10-rollout")
	load := startLoad(t, namespace)
	for i := range 3 {
		load.phase(t, fmt.Sprintf("restart %d", i+1), restart(t, namespace))
	}
	const calls = 30_000
	load.await(t, calls)
	load.stop(t, calls)
}

// TestNoRequestFailsInScaling scales from 4 pods to 1 and back.
func TestNoRequestFailsInScaling(t *testing.T) {
	needCluster(t)
	namespace := newNamespace(t, "scaling")
	run(t, namespace, "10-rollout")
	// It would scale back.
	kubectl(t, nil, "delete", "horizontalpodautoscaler", "--all", "--namespace", namespace)
	scale(t, namespace, 4)
	load := startLoad(t, namespace)
	for _, replicas := range []int{1, 4} {
		load.phase(t, fmt.Sprintf("to %d", replicas), scale(t, namespace, replicas))
	}
	load.stop(t, 1000)
}

// TestNoRequestFailsInEvictions evicts every pod, as the budget allows.
func TestNoRequestFailsInEvictions(t *testing.T) {
	needCluster(t)
	namespace := newNamespace(t, "evictions")
	run(t, namespace, "10-rollout")
	load := startLoad(t, namespace)
	for _, pod := range providerPods(t, namespace) {
		load.phase(t, "eviction of a pod", evict(t, namespace, pod))
	}
	load.stop(t, 1000)
}

// TestNoRequestFailsInDeletions deletes every pod, one after the other, with the grace that it asks for.
func TestNoRequestFailsInDeletions(t *testing.T) {
	needCluster(t)
	namespace := newNamespace(t, "deletions")
	run(t, namespace, "10-rollout")
	awaitEndpoints(t, namespace, provider, 2)
	load := startLoad(t, namespace)
	for _, pod := range providerPods(t, namespace) {
		kubectl(t, nil, "delete", "pod", pod.Name, "--wait=false", "--namespace", namespace)
		load.phase(t, "deletion of a pod", awaitReplaced(t, namespace, pod))
	}
	load.stop(t, 1000)
}

// TestNoRequestFailsInAChangeOfConfiguration changes a value that pods read at their start, which rolls them.
func TestNoRequestFailsInAChangeOfConfiguration(t *testing.T) {
	needCluster(t)
	namespace := newNamespace(t, "reconfigure")
	configured := func(name string) func(cdk8s.Chart) {
		return func(chart cdk8s.Chart) {
			config := infra.NewConfig(chart, "config", infra.ConfigProps{Name: "k8s-combat", Data: map[string]string{contract.EnvPGURL: "postgres://" + name}})
			infra.NewWebService(chart, provider, infra.WebServiceProps{
				Name: provider,
				Workload: infra.ProbedDeploymentProps{
					Image: serviceImage, ImagePullPolicy: pod.PullIfNotPresent, Replicas: new(int32(2)),
					EnvFrom:  []pod.EnvFrom{{Source: config}},
					Probes:   pod.Probes{Readiness: pod.Probe{Handler: pod.HTTPGet(contract.PathReady, contract.AdminPort), Period: 5 * time.Second}},
					Rollout:  infra.Rollout{MinReady: 30 * time.Second},
					Shutdown: pod.Shutdown{PreStop: 10 * time.Second},
				},
				Ports: []infra.ServicePort{{Name: contract.HTTPPortName, Port: contract.HTTPPort}, {Name: contract.GRPCPortName, Port: contract.GRPCPort}},
			})
		}
	}
	apply(t, namespace, configured("one"))
	awaitDeployments(t, namespace)
	load := startLoad(t, namespace)
	before := providerPods(t, namespace)
	apply(t, namespace, configured("two"))
	load.phase(t, "change of configuration", awaitDeployments(t, namespace)+awaitEnd(t, namespace, before))
	for _, pod := range providerPods(t, namespace) {
		answer, err := fetch(t, namespace, pod.Name, contract.HTTPPort, contract.PathRoot)
		require.NoError(t, err)
		assert.Equal(t, pod.Name+"-postgres://two", answer)
	}
	load.stop(t, 1000)
}

// TestNoRequestFailsInARollback rolls out an image that does not exist, which must not take a request, and goes back,
// first to the last revision and then to one by its number.
func TestNoRequestFailsInARollback(t *testing.T) {
	needCluster(t)
	namespace := newNamespace(t, "rollback")
	run(t, namespace, "10-rollout")
	load := startLoad(t, namespace)
	before := providerPods(t, namespace)

	kubectl(t, nil, "set", "image", "deployment/"+provider, provider+"=crossoverjie/k8s-combat:none", "--namespace", namespace)
	took := eventually(t, time.Minute, func() error {
		for _, pod := range providerPods(t, namespace) {
			for _, container := range pod.Status.ContainerStatuses {
				if container.State.Waiting != nil && strings.Contains(container.State.Waiting.Reason, "Image") {
					return nil
				}
			}
		}
		return errors.New("no pod waits for the image")
	})
	time.Sleep(10 * time.Second) // in which calls could go where they must not
	load.phase(t, "bad image", took)
	assertStillThere(t, namespace, before)

	kubectl(t, nil, "rollout", "undo", "deployment/"+provider, "--namespace", namespace)
	load.phase(t, "rollback", awaitDeployments(t, namespace))
	assertStillThere(t, namespace, before)
	assertNoRestarts(t, namespace)

	restart(t, namespace)
	kubectl(t, nil, "rollout", "undo", "deployment/"+provider, "--to-revision", "3", "--namespace", namespace)
	load.phase(t, "restart, and rollback to a revision", awaitDeployments(t, namespace))
	deployment, err := get[appsv1.Deployment](t.Context(), "deployment", provider, "--namespace", namespace)
	require.NoError(t, err)
	assert.NotContains(t, deployment.Spec.Template.Annotations, "kubectl.kubernetes.io/restartedAt", "revision 3 is from before the restart")
	load.stop(t, 1000)
}

// assertStillThere expects that none of the pods has been ended: what would replace them never starts.
func assertStillThere(t *testing.T, namespace string, pods []corev1.Pod) {
	t.Helper()
	names := map[string]bool{}
	for _, pod := range providerPods(t, namespace) {
		names[pod.Name] = pod.DeletionTimestamp == nil
	}
	for _, pod := range pods {
		assert.True(t, names[pod.Name], "%s was ended", pod.Name)
	}
}

// restart replaces all pods, and waits until the last of the old ones is gone.
func restart(t *testing.T, namespace string) time.Duration {
	t.Helper()
	before := providerPods(t, namespace)
	kubectl(t, nil, "rollout", "restart", "deployment/"+provider, "--namespace", namespace)
	return awaitDeployments(t, namespace) + awaitEnd(t, namespace, before)
}

// scale changes the number of pods, and waits until there are so many.
func scale(t *testing.T, namespace string, replicas int) time.Duration {
	t.Helper()
	kubectl(t, nil, "scale", "deployment/"+provider, "--replicas", strconv.Itoa(replicas), "--namespace", namespace)
	return awaitDeployments(t, namespace) + eventually(t, time.Minute, func() error {
		if pods := providerPods(t, namespace); len(pods) != replicas {
			return fmt.Errorf("there are %d pods, not %d", len(pods), replicas)
		}
		return nil
	})
}

// evict asks for the pod's end as a drain of its node does, until the budget allows it, and waits until it is gone and
// replaced.
func evict(t *testing.T, namespace string, pod corev1.Pod) time.Duration {
	t.Helper()
	eviction, err := json.Marshal(policyv1.Eviction{
		TypeMeta:   metav1.TypeMeta{APIVersion: "policy/v1", Kind: "Eviction"},
		ObjectMeta: metav1.ObjectMeta{Name: pod.Name, Namespace: namespace},
	})
	require.NoError(t, err)
	url := fmt.Sprintf("/api/v1/namespaces/%s/pods/%s/eviction", namespace, pod.Name)
	took := eventually(t, time.Minute, func() error {
		_, _, err := tryKubectl(t.Context(), eviction, "create", "--raw", url, "--filename", "-")
		return err
	})
	return took + awaitReplaced(t, namespace, pod)
}

// awaitReplaced waits until the pod is gone and its successor is available.
func awaitReplaced(t *testing.T, namespace string, pod corev1.Pod) time.Duration {
	t.Helper()
	return awaitEnd(t, namespace, []corev1.Pod{pod}) + awaitDeployments(t, namespace)
}

// awaitEnd waits until these pods are gone.
func awaitEnd(t *testing.T, namespace string, pods []corev1.Pod) time.Duration {
	t.Helper()
	old := map[string]bool{}
	for _, pod := range pods {
		old[pod.Name] = true
	}
	return eventually(t, time.Minute, func() error {
		for _, pod := range providerPods(t, namespace) {
			if old[pod.Name] {
				return fmt.Errorf("pod %s is still there", pod.Name)
			}
		}
		return nil
	})
}

func providerPods(t *testing.T, namespace string) []corev1.Pod {
	t.Helper()
	pods, err := get[corev1.PodList](t.Context(), "pods", "--namespace", namespace, "--selector", "app="+provider)
	require.NoError(t, err)
	return pods.Items
}
