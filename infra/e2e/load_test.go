package e2e

import (
	"encoding/json"
	"fmt"
	"slices"
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
	loadPod   = "load"
	loadPort  = 8080

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
	Pods          map[string]int
}

func (r loadResult) sum() (sent, failed int) {
	for _, kind := range r {
		sent += kind.Sent
		failed += kind.Failed
	}
	return sent, failed
}

// load is a pod that loads the provider.
type load struct {
	namespace string
	before    int
}

// startLoad starts the pod beside the provider, with a headless Service for its gRPC calls, and waits until all kinds of
// calls work.
func startLoad(t *testing.T, namespace string) *load {
	t.Helper()
	apply(t, namespace, func(chart cdk8s.Chart) {
		infra.NewService(chart, "headless", infra.ServiceProps{
			Name: headless, Type: infra.Headless, Selector: map[string]string{"app": provider},
			Ports: []infra.ServicePort{{Name: contract.GRPCPortName, Port: contract.GRPCPort}},
		})
		k8s.NewPod(chart, "load", &corev1.Pod{
			ObjectMeta: metav1.ObjectMeta{Name: loadPod},
			Spec: corev1.PodSpec{
				RestartPolicy: corev1.RestartPolicyNever,
				SecurityContext: &corev1.PodSecurityContext{
					RunAsNonRoot: new(true), SeccompProfile: &corev1.SeccompProfile{Type: corev1.SeccompProfileTypeRuntimeDefault},
				},
				Containers: []corev1.Container{{
					Name: loadPod, Image: loadImage, ImagePullPolicy: corev1.PullIfNotPresent,
					Args: []string{"-host", provider, "-headless", headless, "-rate", fmt.Sprint(loadRate), "-most", "10m"},
					SecurityContext: &corev1.SecurityContext{
						AllowPrivilegeEscalation: new(false), Capabilities: &corev1.Capabilities{Drop: []corev1.Capability{"ALL"}},
					},
				}},
			},
		})
	})
	l := &load{namespace: namespace}
	eventually(t, time.Minute, func() error {
		pod, err := get[corev1.Pod](t.Context(), "pod", loadPod, "--namespace", namespace)
		if err != nil {
			return err
		}
		requireImages(t, []corev1.Pod{pod})
		result, err := l.result(t)
		if err == nil && len(result) < 4 {
			err = fmt.Errorf("only %d kinds of calls have ended", len(result))
		}
		return err
	})
	return l
}

func (l *load) result(t *testing.T) (result loadResult, err error) {
	t.Helper()
	content, err := fetch(t, l.namespace, loadPod, loadPort, "/result")
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

// stop ends the load, waits for its last calls, and expects so many of them and no failure.
func (l *load) stop(t *testing.T, least int) {
	t.Helper()
	url := fmt.Sprintf("/api/v1/namespaces/%s/pods/%s:%d/proxy/stop", l.namespace, loadPod, loadPort)
	content, _ := kubectl(t, []byte("{}"), "create", "--raw", url, "--filename", "-")
	var result loadResult
	require.NoError(t, json.Unmarshal([]byte(content), &result))
	for _, kind := range sortedKinds(result) {
		k := result[kind]
		t.Logf("%-27s %6d calls, %d failed, from %d pods; p50 %.1f ms, p99 %.1f ms, longest %.1f ms", kind, k.Sent, k.Failed, len(k.Pods), k.P50, k.P99, k.Max)
	}
	sent, failed := result.sum()
	t.Logf("%d of %d calls failed", failed, sent)
	assert.Zero(t, failed, "%+v", failures(result))
	assert.GreaterOrEqual(t, sent, least)
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
	return strings.Join(lines, "\n")
}
