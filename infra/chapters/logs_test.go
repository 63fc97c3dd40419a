package chapters_test

import (
	"bytes"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/pod-security-admission/api"
	"k8s.io/pod-security-admission/policy"
	"sigs.k8s.io/yaml"

	"github.com/crossoverJie/k8s-combat/infra/chapters"
)

// logsFile returns the documents of the chapter on logs.
func logsFile(t *testing.T) [][]byte {
	t.Helper()
	all := chapters.All()
	i := slices.IndexFunc(all, func(c chapters.Chapter) bool { return c.Name == "11-logs" })
	require.GreaterOrEqual(t, i, 0)
	return slices.Collect(bytes.SplitSeq(synth(t, all[i]), []byte("---\n")))
}

// logsObject decodes the one object of the chapter of that kind and name.
func logsObject[T any](t *testing.T, kind, name string) T {
	t.Helper()
	var object T
	found := 0
	for _, document := range logsFile(t) {
		var header struct {
			Kind     string
			Metadata struct{ Name string }
		}
		require.NoError(t, yaml.Unmarshal(document, &header))
		if header.Kind == kind && header.Metadata.Name == name {
			found++
			require.NoError(t, yaml.UnmarshalStrict(document, &object))
		}
	}
	require.Equal(t, 1, found, "%s %s", kind, name)
	return object
}

// podTemplates are those of all workloads of the chapter, by name.
func podTemplates(t *testing.T) map[string]corev1.PodTemplateSpec {
	t.Helper()
	return map[string]corev1.PodTemplateSpec{
		"elasticsearch":      logsObject[appsv1.StatefulSet](t, "StatefulSet", "elasticsearch").Spec.Template,
		"kibana":             logsObject[appsv1.Deployment](t, "Deployment", "kibana").Spec.Template,
		"k8s-combat-service": logsObject[appsv1.Deployment](t, "Deployment", "k8s-combat-service").Spec.Template,
		"filebeat":           logsObject[appsv1.DaemonSet](t, "DaemonSet", "filebeat").Spec.Template,
	}
}

func TestLogsHoldNoPassword(t *testing.T) {
	t.Parallel()
	for _, document := range logsFile(t) {
		var header struct{ Kind string }
		require.NoError(t, yaml.Unmarshal(document, &header))
		assert.NotEqual(t, "Secret", header.Kind, "whoever applies the file makes it")
	}
	config := logsObject[corev1.ConfigMap](t, "ConfigMap", "filebeat")
	var filebeat map[string]any
	require.NoError(t, yaml.Unmarshal([]byte(config.Data["filebeat.yml"]), &filebeat))
	output := filebeat["output.elasticsearch"].(map[string]any)
	assert.Equal(t, "${ELASTICSEARCH_PASSWORD}", output["password"])
	assert.Equal(t, []any{"http://elasticsearch:9200"}, output["hosts"])
}

func TestLogsTakeEveryPasswordFromTheSecret(t *testing.T) {
	t.Parallel()
	keys := map[string][]string{}
	for name, pod := range podTemplates(t) {
		for _, container := range append(pod.Spec.InitContainers, pod.Spec.Containers...) {
			for _, variable := range container.Env {
				if variable.ValueFrom != nil && variable.ValueFrom.SecretKeyRef != nil {
					assert.Equal(t, "elasticsearch-credentials", variable.ValueFrom.SecretKeyRef.Name)
					keys[name] = append(keys[name], variable.ValueFrom.SecretKeyRef.Key)
				} else {
					assert.NotContains(t, variable.Name, "PASSWORD")
				}
			}
		}
	}
	assert.Equal(t, map[string][]string{
		"elasticsearch": {"kibana_server", "filebeat", "elastic"},
		"kibana":        {"kibana_server"},
		"filebeat":      {"filebeat"},
	}, keys, "nobody but Elasticsearch holds the superuser's")
}

func TestLogsAreRestrictedButForTheCollector(t *testing.T) {
	t.Parallel()
	level := api.LevelVersion{Level: api.LevelRestricted, Version: api.LatestVersion()}
	for name, pod := range podTemplates(t) {
		var broken []string
		for _, check := range policy.DefaultChecks() {
			evaluator, err := policy.NewEvaluator([]policy.Check{check}, nil)
			require.NoError(t, err)
			if !policy.AggregateCheckResults(evaluator.EvaluatePod(level, &pod.ObjectMeta, &pod.Spec)).Allowed {
				broken = append(broken, string(check.ID))
			}
		}
		if name == "filebeat" {
			assert.ElementsMatch(t, []string{"hostPathVolumes", "restrictedVolumes", "runAsNonRoot", "runAsUser"}, broken,
				"the logs of other pods are root's files on the node")
		} else {
			assert.Empty(t, broken, name)
		}
	}
}

func TestLogsCollectTheService(t *testing.T) {
	t.Parallel()
	var filebeat map[string]any
	require.NoError(t, yaml.Unmarshal([]byte(logsObject[corev1.ConfigMap](t, "ConfigMap", "filebeat").Data["filebeat.yml"]), &filebeat))
	input := filebeat["filebeat.inputs"].([]any)[0].(map[string]any)
	container := podTemplates(t)["k8s-combat-service"].Spec.Containers[0].Name
	assert.Equal(t, []any{"/var/log/pods/${POD_NAMESPACE}_k8s-combat-service-*/" + container + "/*.log"}, input["paths"])
	parsers := input["parsers"].([]any)
	require.Len(t, parsers, 1)
	assert.Contains(t, parsers[0], "container")
	assert.Equal(t, "docker.elastic.co/beats/filebeat:8.11.3", podTemplates(t)["filebeat"].Spec.Containers[0].Image)
}

func TestLogsElasticsearchIsOneNodeWithAVolume(t *testing.T) {
	t.Parallel()
	elasticsearch := logsObject[appsv1.StatefulSet](t, "StatefulSet", "elasticsearch")
	container := elasticsearch.Spec.Template.Spec.Containers[0]
	assert.Contains(t, container.Env, corev1.EnvVar{Name: "discovery.type", Value: "single-node"})
	assert.Contains(t, container.Env, corev1.EnvVar{Name: "xpack.security.enabled", Value: "true"})
	assert.NotNil(t, container.StartupProbe)
	assert.NotNil(t, container.ReadinessProbe)
	assert.NotNil(t, container.LivenessProbe)
	require.Len(t, elasticsearch.Spec.VolumeClaimTemplates, 1)
	claim := elasticsearch.Spec.VolumeClaimTemplates[0].Name
	assert.Contains(t, container.VolumeMounts, corev1.VolumeMount{Name: claim, MountPath: "/usr/share/elasticsearch/data"})
}

func TestLogsKibanaReadsElasticsearch(t *testing.T) {
	t.Parallel()
	container := podTemplates(t)["kibana"].Spec.Containers[0]
	assert.Contains(t, container.Env, corev1.EnvVar{Name: "ELASTICSEARCH_HOSTS", Value: "http://elasticsearch:9200"})
	assert.Equal(t, "/api/status", container.ReadinessProbe.HTTPGet.Path)
}
