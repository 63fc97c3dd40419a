package e2e

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"

	"github.com/crossoverJie/k8s-combat/app/contract"
)

// TestService: two pods stand behind the Service, and another pod calls them by its name.
func TestService(t *testing.T) {
	t.Parallel()
	needCluster(t)
	namespace := newNamespace(t, "service")
	run(t, namespace, "02-service")

	t.Logf("2 endpoints after %s", awaitEndpoints(t, namespace, provider, 2))

	pod := podOf(t, namespace, "app=k8s-combat")
	// The node learns of the endpoints a moment later.
	took := eventually(t, 30*time.Second, func() error {
		_, err := fetch(t, namespace, pod, contract.HTTPPort, contract.PathService)
		return err
	})
	const calls = 20
	for range calls {
		answer, err := fetch(t, namespace, pod, contract.HTTPPort, contract.PathService)
		require.NoError(t, err)
		require.Equal(t, "200 OK", answer)
	}
	t.Logf("the first %s worked after %s, then %d of %d answered 200 OK", contract.PathService, took, calls, calls)

	answers := map[string]int{}
	for _, pod := range providerPods(t, namespace) {
		answers[pod.Name] = pings(t, namespace, pod.Name)
		assert.Positive(t, answers[pod.Name], "%s has got no request", pod.Name)
	}
	t.Logf("requests by pod: %v", answers)
}

// TestConfig: the ConfigMap is there as variables and as a file, the Secret as a variable, and no secret is shown.
func TestConfig(t *testing.T) {
	t.Parallel()
	needCluster(t)
	namespace := newNamespace(t, "config")
	run(t, namespace, "04-config")
	pod := podOf(t, namespace, "app=k8s-combat")
	const pgURL = "postgres://postgres:***@localhost:5432/postgres?sslmode=disable"

	t.Run("answer", func(t *testing.T) {
		answer, err := fetch(t, namespace, pod, contract.HTTPPort, contract.PathRoot)
		require.NoError(t, err)
		assert.Equal(t, pod+"-"+pgURL, answer)
		t.Logf("%s answers %s", contract.PathRoot, answer)
	})

	t.Run("logs", func(t *testing.T) {
		logs, _, err := tryKubectl(t.Context(), nil, "logs", "--namespace", namespace, pod)
		if err != nil && strings.Contains(err.Error(), "/containerLogs/") && strings.Contains(err.Error(), "dial tcp") {
			t.Skip("the API server of this cluster cannot reach the kubelet, so there are no logs to read: " + err.Error())
		}
		require.NoError(t, err)
		checkConfigLog(t, logs, pgURL)
	})
}

// checkConfigLog expects JSON on each line, and the configuration of chapter 04 in the line of the start.
func checkConfigLog(t *testing.T, logs, pgURL string) {
	t.Helper()
	var starting struct {
		Msg    string `json:"msg"`
		Config struct {
			PGURL      string `json:"pg_url"`
			PGPassword string `json:"pg_pwd"`
		} `json:"config"`
		File struct {
			Name        string `json:"name"`
			PulsarURL   string `json:"pulsar_url"`
			PulsarToken string `json:"pulsar_token"`
		} `json:"app_file"`
	}
	lines := 0
	for line := range strings.Lines(logs) {
		lines++
		require.True(t, json.Valid([]byte(line)), "a line of the log that is not JSON: %s", line)
		if starting.Msg != "starting" {
			require.NoError(t, json.Unmarshal([]byte(line), &starting), line)
		}
	}
	require.Equal(t, "starting", starting.Msg, logs)
	assert.Equal(t, pgURL, starting.Config.PGURL, "PG_URL of the ConfigMap, by envFrom")
	assert.Equal(t, "***", starting.Config.PGPassword, "PG_PWD of the Secret")
	assert.Equal(t, "k8s-combat", starting.File.Name, "of the mounted file")
	assert.Equal(t, "pulsar://localhost:6650", starting.File.PulsarURL, "of the mounted file")
	assert.Equal(t, "***", starting.File.PulsarToken, "of the mounted file")
	t.Logf("%d lines of log are JSON; config %+v, file %+v", lines, starting.Config, starting.File)
}

// podOf returns the name of the one pod with these labels.
func podOf(t *testing.T, namespace, selector string) string {
	t.Helper()
	pods, err := get[corev1.PodList](t.Context(), "pods", "--namespace", namespace, "--selector", selector)
	require.NoError(t, err)
	require.Len(t, pods.Items, 1, selector)
	return pods.Items[0].Name
}
