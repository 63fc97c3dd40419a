package e2e

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/cdk8s-team/cdk8s-core-go/cdk8s/v2"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/crossoverJie/k8s-combat/app/contract"
	"github.com/crossoverJie/k8s-combat/imports/k8s"
	"github.com/crossoverJie/k8s-combat/infra"
)

const (
	loadImage = "crossoverjie/k8s-combat-load:e2e"
	loadPort  = 8080

	serviceImage = "crossoverjie/k8s-combat:v1"

	// loadCallTimeout is how long a call of the load waits before it has failed.
	loadCallTimeout = 5 * time.Second

	// loadRate is requests a second, of all kinds together.
	loadRate = 300

	provider = "k8s-combat-service"
	headless = provider + "-headless"
)

// loadResult is how the loads of the pod stand, by kind, as package load writes it.
type loadResult map[string]struct {
	Sent, Failed  int
	Errors        map[string]int
	P50, P99, Max float64
	Outage        float64
	Pods          map[string]int
}

func (r loadResult) sum() (sent, failed int) {
	for _, kind := range r {
		sent += kind.Sent
		failed += kind.Failed
	}
	return sent, failed
}

// outage is the time from the beginning of the first call that failed to the end of the last, in the kind of calls
// where it is the longest.
func (r loadResult) outage() time.Duration {
	var longest float64
	for _, kind := range r {
		longest = max(longest, kind.Outage)
	}
	return time.Duration(longest * float64(time.Second)).Round(10 * time.Millisecond)
}

// pods returns how many calls which pod has answered, of those whose answers tell.
func (r loadResult) pods() map[string]int {
	result := map[string]int{}
	for _, kind := range r {
		for pod, n := range kind.Pods {
			result[pod] += n
		}
	}
	return result
}

// load is a pod that loads a Service.
type load struct {
	namespace, pod string
	before         int
}

// startLoad loads the provider with calls of all kinds, those of gRPC by a headless Service that it makes.
func startLoad(t *testing.T, namespace string) *load {
	t.Helper()
	apply(t, namespace, func(chart cdk8s.Chart) {
		infra.NewService(chart, "headless", infra.ServiceProps{
			Name: headless, Type: infra.Headless, Selector: map[string]string{"app": provider},
			Ports: []infra.ServicePort{{Name: contract.GRPCPortName, Port: contract.GRPCPort}},
		})
	})
	return startLoadOf(t, namespace, "load", 4, "-host", provider, "-headless", headless, "-rate", strconv.Itoa(loadRate))
}

// startHTTPLoad loads a path of a Service with requests.
func startHTTPLoad(t *testing.T, namespace, pod, service, path string, rate int) *load {
	t.Helper()
	return startLoadOf(t, namespace, pod, 2, "-host", service, "-path", path, "-rate", strconv.Itoa(rate))
}

// startLoadOf starts a pod of that name with these arguments, and waits until all kinds of calls have ended once.
func startLoadOf(t *testing.T, namespace, name string, kinds int, args ...string) *load {
	t.Helper()
	apply(t, namespace, func(chart cdk8s.Chart) {
		pod := restrictedPod(name, loadImage, append(args, "-most", "10m")...)
		pod.Annotations = proxyAnnotations(loadPort)
		k8s.NewPod(chart, "load", pod)
	})
	l := &load{namespace: namespace, pod: name}
	eventually(t, time.Minute, func() error {
		pod, err := get[corev1.Pod](t.Context(), "pod", name, "--namespace", namespace)
		if err != nil {
			return err
		}
		requireImages(t, []corev1.Pod{pod})
		result, err := l.result(t)
		if err == nil && len(result) < kinds {
			err = fmt.Errorf("only %d kinds of calls have ended", len(result))
		}
		return err
	})
	return l
}

// restrictedPod is a pod that runs once, and meets the restricted standard.
func restrictedPod(name, image string, args ...string) *corev1.Pod {
	return &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Name: name},
		Spec: corev1.PodSpec{
			RestartPolicy: corev1.RestartPolicyNever,
			SecurityContext: &corev1.PodSecurityContext{
				RunAsNonRoot: new(true), SeccompProfile: &corev1.SeccompProfile{Type: corev1.SeccompProfileTypeRuntimeDefault},
			},
			Containers: []corev1.Container{{
				Name: name, Image: image, ImagePullPolicy: corev1.PullIfNotPresent, Args: args,
				SecurityContext: &corev1.SecurityContext{
					AllowPrivilegeEscalation: new(false), Capabilities: &corev1.Capabilities{Drop: []corev1.Capability{"ALL"}},
				},
			}},
		},
	}
}

func (l *load) result(t *testing.T) (result loadResult, err error) {
	t.Helper()
	content, err := fetch(t, l.namespace, l.pod, loadPort, "/result")
	if err == nil {
		err = json.Unmarshal([]byte(content), &result)
	}
	return result, err
}

// phase logs what the load has seen since the last phase, and fails the test if anything has failed.
func (l *load) phase(t *testing.T, what string, took time.Duration) {
	t.Helper()
	result, err := l.result(t)
	require.NoError(t, err)
	sent, failed := result.sum()
	t.Logf("%s: took %s; %d calls, %d failed since the load began", what, took.Round(time.Second), sent-l.before, failed)
	l.before = sent
	require.Zero(t, failed, "%+v", failures(result))
}

// sum returns how many calls have ended, and failed, so far.
func (l *load) sum(t *testing.T) (sent, failed int) {
	t.Helper()
	result, err := l.result(t)
	require.NoError(t, err)
	return result.sum()
}

// stop ends the load, and expects so many calls of it and no failure.
func (l *load) stop(t *testing.T, least int) {
	t.Helper()
	result := l.end(t)
	sent, failed := result.sum()
	assert.Zero(t, failed, "%+v", failures(result))
	assert.GreaterOrEqual(t, sent, least)
}

// await waits until the load has sent so many calls.
func (l *load) await(t *testing.T, least int) {
	t.Helper()
	eventually(t, 3*time.Minute, func() error {
		result, err := l.result(t)
		if sent, _ := result.sum(); err == nil && sent < least {
			err = fmt.Errorf("%d calls", sent)
		}
		return err
	})
}

// end ends the load, waits for its last calls, and logs what it has seen.
func (l *load) end(t *testing.T) (result loadResult) {
	t.Helper()
	url := fmt.Sprintf("/api/v1/namespaces/%s/pods/%s:%d/proxy/stop", l.namespace, l.pod, loadPort)
	content, _ := kubectl(t, []byte("{}"), "create", "--raw", url, "--filename", "-")
	require.NoError(t, json.Unmarshal([]byte(content), &result))
	for _, kind := range sortedKinds(result) {
		k := result[kind]
		t.Logf("%-27s %6d calls, %d failed, from %d pods; p50 %.1f ms, p99 %.1f ms, longest %.1f ms", kind, k.Sent, k.Failed, len(k.Pods), k.P50, k.P99, k.Max)
	}
	sent, failed := result.sum()
	t.Logf("%d of %d calls failed", failed, sent)
	return result
}

func sortedKinds(result loadResult) []string {
	var kinds []string
	for kind := range result {
		kinds = append(kinds, kind)
	}
	slices.Sort(kinds)
	return kinds
}

func failures(result loadResult) string {
	var lines []string
	for _, kind := range sortedKinds(result) {
		for message, n := range result[kind].Errors {
			lines = append(lines, fmt.Sprintf("%s: %d x %s", kind, n, message))
		}
	}
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}
