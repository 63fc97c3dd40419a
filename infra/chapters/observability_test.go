package chapters_test

import (
	"bytes"
	"encoding/json"
	"slices"
	"testing"

	monitoringv1 "github.com/prometheus-operator/prometheus-operator/pkg/apis/monitoring/v1"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	telemetryv1 "istio.io/client-go/pkg/apis/telemetry/v1"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"sigs.k8s.io/yaml"

	"github.com/crossoverJie/k8s-combat/app/contract"
	"github.com/crossoverJie/k8s-combat/infra/chapters"
)

// observabilityObjects decodes the objects of a kind in the chapter on observability, by name.
func observabilityObjects[T any, P interface {
	*T
	metav1.Object
}](t *testing.T, kind string) map[string]P {
	t.Helper()
	all := chapters.All()
	i := slices.IndexFunc(all, func(c chapters.Chapter) bool { return c.Name == "12-observability" })
	require.GreaterOrEqual(t, i, 0)
	result := map[string]P{}
	for document := range bytes.SplitSeq(synth(t, all[i]), []byte("---\n")) {
		var header struct{ Kind string }
		require.NoError(t, yaml.Unmarshal(document, &header))
		if header.Kind == kind {
			object := P(new(T))
			require.NoError(t, yaml.UnmarshalStrict(document, object))
			result[object.GetName()] = object
		}
	}
	return result
}

func TestObservabilityIsWhole(t *testing.T) {
	t.Parallel()
	services := observabilityObjects[corev1.Service](t, "Service")
	deployments := observabilityObjects[appsv1.Deployment](t, "Deployment")
	monitors := observabilityObjects[monitoringv1.ServiceMonitor](t, "ServiceMonitor")
	require.Len(t, services, 2)
	require.Len(t, deployments, 2)

	var found []string
	for _, monitor := range monitors {
		selector, err := metav1.LabelSelectorAsSelector(&monitor.Spec.Selector)
		require.NoError(t, err)
		for _, service := range services {
			hasPort := slices.ContainsFunc(service.Spec.Ports, func(p corev1.ServicePort) bool { return p.Name == monitor.Spec.Endpoints[0].Port })
			if selector.Matches(labels.Set(service.Labels)) && hasPort {
				found = append(found, service.Name)
			}
		}
	}
	assert.ElementsMatch(t, []string{"k8s-combat-service", "k8s-combat-collector"}, found, "each Service is read once")
	assert.Equal(t, contract.AdminPortName, monitors["k8s-combat-service"].Spec.Endpoints[0].Port)

	env := deployments["k8s-combat-service"].Spec.Template.Spec.Containers[0].Env
	assert.Contains(t, env, corev1.EnvVar{Name: "OTEL_EXPORTER_OTLP_ENDPOINT", Value: "http://k8s-combat-collector:4317"})
	assert.Contains(t, env, corev1.EnvVar{Name: "OTEL_SERVICE_NAME", Value: "k8s-combat-service"})

	telemetry := observabilityObjects[telemetryv1.Telemetry](t, "Telemetry")["k8s-combat-service"]
	assert.Equal(t, services["k8s-combat-service"].Spec.Selector, telemetry.Spec.Selector.MatchLabels)
	assert.InDelta(t, 10, telemetry.Spec.Tracing[0].RandomSamplingPercentage.Value, 0)
	assert.Equal(t, "envoy", telemetry.Spec.AccessLogging[0].Providers[0].Name)
}

func TestObservabilityAlertsOnBothObjectives(t *testing.T) {
	t.Parallel()
	rules := observabilityObjects[monitoringv1.PrometheusRule](t, "PrometheusRule")["k8s-combat-service"]
	alerts := map[string]int{}
	for _, group := range rules.Spec.Groups {
		for _, rule := range group.Rules {
			if rule.Alert != "" {
				alerts[rule.Alert+" "+rule.Labels["severity"]]++
				assert.NotEmpty(t, rule.Annotations["summary"])
				assert.NotEmpty(t, rule.Annotations["runbook_url"])
			}
		}
	}
	assert.Equal(t, map[string]int{
		"AvailabilityBudgetBurn page": 2, "AvailabilityBudgetBurn ticket": 2,
		"LatencyBudgetBurn page": 2, "LatencyBudgetBurn ticket": 2,
	}, alerts)
}

func TestObservabilityDashboardReadsWhatIsRecorded(t *testing.T) {
	t.Parallel()
	recorded := map[string]bool{}
	for _, group := range observabilityObjects[monitoringv1.PrometheusRule](t, "PrometheusRule")["k8s-combat-service"].Spec.Groups {
		for _, rule := range group.Rules {
			recorded[rule.Record] = true
		}
	}
	var dashboard struct {
		Panels []struct {
			Title   string
			Targets []struct{ Expr string }
		}
	}
	text := observabilityObjects[corev1.ConfigMap](t, "ConfigMap")["k8s-combat-dashboard"].Data["k8s-combat-dashboard.json"]
	require.NoError(t, json.Unmarshal([]byte(text), &dashboard))
	require.Len(t, dashboard.Panels, 6)
	for _, panel := range dashboard.Panels[4:] {
		for _, target := range panel.Targets {
			series, _, _ := bytes.Cut([]byte(target.Expr), []byte("{"))
			assert.True(t, recorded[string(series)], "%s: %s is not recorded", panel.Title, series)
		}
	}
}
