package e2e

import (
	"encoding/json"
	"fmt"
	"math"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/cdk8s-team/cdk8s-core-go/cdk8s/v2"
	monitoringv1 "github.com/prometheus-operator/prometheus-operator/pkg/apis/monitoring/v1"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"

	"github.com/crossoverJie/k8s-combat/app/contract"
	"github.com/crossoverJie/k8s-combat/imports/k8s"
	"github.com/crossoverJie/k8s-combat/imports/monitoring"
	"github.com/crossoverJie/k8s-combat/imports/tree"
)

const (
	collectorOfChapter = "k8s-combat-collector"

	prometheusName = "e2e"
	prometheusPort = 9090
	// prometheusPod is the one pod of the StatefulSet that the operator makes.
	prometheusPod = "prometheus-" + prometheusName + "-0"
	// prometheusAccount is the ServiceAccount that it runs as.
	prometheusAccount = "prometheus"
	// rateInterval stands for Grafana's $__rate_interval, which is a few scrapes too.
	rateInterval = "1m"
)

// observeTimeout is for whatever has to be read a few times before it can be seen.
const observeTimeout = 2 * time.Minute

// TestObservability runs chapter 12 beside a Prometheus that the Prometheus Operator makes, under a load of which a part
// fails. Traces and logs arrive at the collector, an alert fires, each query of the dashboard has data, and every request
// is counted at Prometheus, by what it reads from the service and by what the collector was sent.
func TestObservability(t *testing.T) {
	needPrometheusOperator(t)
	needKubelet(t)
	namespace := newNamespace(t, "observe")
	newPrometheus(t, namespace)
	run(t, namespace, "12-observability", withEnv(contract.EnvOTelMetricExportInterval, "5000"))

	for service, pods := range map[string]int{provider: len(providerPods(t, namespace)), collectorOfChapter: 1} {
		awaitValue(t, namespace, fmt.Sprintf(`sum(up{namespace=%q,service=%q,container=%q})`, namespace, service, service), float64(pods))
	}

	begin := time.Now()
	served := startHTTPLoad(t, namespace, "served", provider, contract.PathPing, 20)
	failing := startHTTPLoad(t, namespace, "failing", provider, contract.PathStatus+"503", 4)
	awaitCollected(t, namespace, "Traces", "spans")
	awaitCollected(t, namespace, "Logs", "log records")
	t.Logf("traces and logs are at the collector after %s", time.Since(begin).Round(time.Second))
	eventually(t, observeTimeout, func() error { return firing(t, namespace) })
	t.Logf("an alert fires %s after the load has begun", time.Since(begin).Round(time.Second))

	queries := dashboardQueries(t)
	for _, expression := range queries {
		eventually(t, observeTimeout, func() error { return hasData(t, namespace, expression) })
	}
	t.Logf("all %d queries of the dashboard have data after %s", len(queries), time.Since(begin).Round(time.Second))

	// The counters stand still now: what was sent is what both ways have counted.
	for load, labels := range map[*load]string{
		served:  fmt.Sprintf(`route=%q,code="200"`, contract.PathPing),
		failing: `code="503"`,
	} {
		sent, _ := load.end(t).sum()
		for _, service := range []string{provider, collectorOfChapter} {
			awaitValue(t, namespace, fmt.Sprintf(`sum(%s{namespace=%q,service=%q,%s})`, contract.MetricHTTPRequests, namespace, service, labels), float64(sent))
		}
	}
}

// newPrometheus has the operator run a Prometheus that reads what there is in the namespace, often, and the kubelets, and
// waits until it answers.
func newPrometheus(t *testing.T, namespace string) {
	t.Helper()
	applyApp(t, func(app cdk8s.App) {
		chart := tree.NewChart(app, "access", tree.ChartProps{})
		k8s.NewClusterRole(chart, "role", &rbacv1.ClusterRole{
			ObjectMeta: metav1.ObjectMeta{Name: namespace, Labels: ownLabels},
			Rules: []rbacv1.PolicyRule{
				{APIGroups: []string{""}, Resources: []string{"nodes", "pods", "services", "endpoints"}, Verbs: []string{"get", "list", "watch"}},
				{APIGroups: []string{"discovery.k8s.io"}, Resources: []string{"endpointslices"}, Verbs: []string{"get", "list", "watch"}},
				{APIGroups: []string{""}, Resources: []string{"nodes/metrics"}, Verbs: []string{"get"}},
			},
		})
		k8s.NewClusterRoleBinding(chart, "binding", &rbacv1.ClusterRoleBinding{
			ObjectMeta: metav1.ObjectMeta{Name: namespace, Labels: ownLabels},
			RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: namespace},
			Subjects:   []rbacv1.Subject{{Kind: rbacv1.ServiceAccountKind, Name: prometheusAccount, Namespace: namespace}},
		})
	})
	const scrapes, key = "scrapes", "kubelet.yaml"
	apply(t, namespace, func(chart cdk8s.Chart) {
		k8s.NewServiceAccount(chart, "account", &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Name: prometheusAccount}})
		k8s.NewSecret(chart, "scrapes", &corev1.Secret{
			ObjectMeta: metav1.ObjectMeta{Name: scrapes},
			StringData: map[string]string{key: kubeletScrape(t, namespace)},
		})
		monitoring.NewPrometheus(chart, "prometheus", &monitoringv1.Prometheus{
			ObjectMeta: metav1.ObjectMeta{Name: prometheusName},
			Spec: monitoringv1.PrometheusSpec{
				EvaluationInterval: "5s",
				RuleSelector:       &metav1.LabelSelector{},
				CommonPrometheusFields: monitoringv1.CommonPrometheusFields{
					ScrapeInterval:         "5s",
					ServiceAccountName:     prometheusAccount,
					ServiceMonitorSelector: &metav1.LabelSelector{},
					AdditionalScrapeConfigs: &corev1.SecretKeySelector{
						LocalObjectReference: corev1.LocalObjectReference{Name: scrapes}, Key: key,
					},
					Resources: corev1.ResourceRequirements{Requests: corev1.ResourceList{
						corev1.ResourceCPU: resource.MustParse("50m"), corev1.ResourceMemory: resource.MustParse("128Mi"),
					}},
					SecurityContext: &corev1.PodSecurityContext{
						RunAsNonRoot: new(true), RunAsUser: new(int64(65534)), FSGroup: new(int64(65534)),
						SeccompProfile: &corev1.SeccompProfile{Type: corev1.SeccompProfileTypeRuntimeDefault},
					},
				},
			},
		})
	})
	took := eventually(t, observeTimeout, func() error {
		pod, err := get[corev1.Pod](t.Context(), "pod", prometheusPod, "--namespace", namespace)
		if err == nil {
			requireImages(t, []corev1.Pod{pod})
			_, err = query(t, namespace, "vector(1)")
		}
		return err
	})
	t.Logf("Prometheus answers after %s", took)
}

// kubeletScrape has Prometheus read what the kubelets say of the namespace's containers, as whoever installs a
// Prometheus sets it up: the series of cAdvisor and, since that knows only the runtimes whose sockets it finds, those of
// the same names that the kubelet has itself. The kubelets' certificates are mostly their own.
func kubeletScrape(t *testing.T, namespace string) string {
	t.Helper()
	var jobs []map[string]any
	for _, source := range []string{"cadvisor", "resource"} {
		jobs = append(jobs, map[string]any{
			"job_name": source, "scheme": "https", "metrics_path": "/metrics/" + source,
			"authorization":         map[string]any{"credentials_file": "/var/run/secrets/kubernetes.io/serviceaccount/token"},
			"tls_config":            map[string]any{"insecure_skip_verify": true},
			"kubernetes_sd_configs": []map[string]any{{"role": "node"}},
			"metric_relabel_configs": []map[string]any{{
				"source_labels": []string{"namespace"}, "regex": namespace, "action": "keep",
			}},
		})
	}
	content, err := yaml.Marshal(jobs)
	require.NoError(t, err)
	return string(content)
}

// awaitCollected waits until the collector, whose exporter for debugging writes a line of each batch, has written of one
// with something in it.
func awaitCollected(t *testing.T, namespace, signal, counted string) {
	t.Helper()
	batch := regexp.MustCompile(signal + `\s.*"` + counted + `": *[1-9]`)
	eventually(t, observeTimeout, func() error {
		log, _ := kubectl(t, nil, "logs", "deployment/"+collectorOfChapter, "--tail", "100", "--namespace", namespace)
		if !batch.MatchString(log) {
			return fmt.Errorf("the collector has written of no %s:\n%s", counted, log)
		}
		return nil
	})
}

// askPrometheus returns the data of its answer to a path of its API.
func askPrometheus[T any](t *testing.T, namespace, path string) (T, error) {
	t.Helper()
	var answer struct{ Data T }
	content, err := fetch(t, namespace, prometheusPod, prometheusPort, "/api/v1/"+path)
	if err == nil {
		err = json.Unmarshal([]byte(content), &answer)
	}
	return answer.Data, err
}

// query returns the values that an expression has now.
func query(t *testing.T, namespace, expression string) ([]float64, error) {
	t.Helper()
	type vector struct {
		Result []struct{ Value [2]any }
	}
	data, err := askPrometheus[vector](t, namespace, "query?query="+url.QueryEscape(expression))
	if err != nil {
		return nil, err
	}
	var values []float64
	for _, sample := range data.Result {
		value, err := strconv.ParseFloat(fmt.Sprint(sample.Value[1]), 64)
		if err != nil {
			return nil, err
		}
		values = append(values, value)
	}
	return values, nil
}

// awaitValue waits until the query has that value.
func awaitValue(t *testing.T, namespace, expression string, want float64) {
	t.Helper()
	took := eventually(t, observeTimeout, func() error {
		values, err := query(t, namespace, expression)
		if err == nil && (len(values) != 1 || values[0] != want) {
			err = fmt.Errorf("%s is %v, not %v", expression, values, want)
		}
		return err
	})
	t.Logf("%s is %v after %s", expression, want, took)
}

// hasData tells what keeps a query from having values that are numbers.
func hasData(t *testing.T, namespace, expression string) error {
	t.Helper()
	values, err := query(t, namespace, expression)
	if err == nil && (len(values) == 0 || slices.ContainsFunc(values, math.IsNaN)) {
		err = fmt.Errorf("%s is %v", expression, values)
	}
	return err
}

// firing tells what keeps the alert for many failures, which pages somebody, from firing, with its texts.
func firing(t *testing.T, namespace string) error {
	t.Helper()
	type alerts struct {
		Alerts []struct {
			State               string
			Labels, Annotations map[string]string
		}
	}
	all, err := askPrometheus[alerts](t, namespace, "alerts")
	if err != nil {
		return err
	}
	for _, alert := range all.Alerts {
		if l := alert.Labels; l["alertname"] != "AvailabilityBudgetBurn" || l["severity"] != "page" || alert.State != "firing" {
			continue
		}
		assert.Equal(t, namespace, alert.Labels["namespace"])
		assert.Equal(t, provider, alert.Labels["service"])
		assert.Regexp(t, `^[0-9.]+% of the requests of the last `, alert.Annotations["description"])
		t.Log(alert.Annotations["summary"], "--", alert.Annotations["description"])
		return nil
	}
	return fmt.Errorf("no page fires: %+v", all.Alerts)
}

// dashboardQueries are those of all panels, as Grafana asks them.
func dashboardQueries(t *testing.T) []string {
	t.Helper()
	var queries []string
	for _, object := range objects(t, named(t, "12-observability")) {
		if object.GetKind() != "ConfigMap" || object.GetLabels()["grafana_dashboard"] == "" {
			continue
		}
		files, _, err := unstructured.NestedStringMap(object.Object, "data")
		require.NoError(t, err)
		for _, content := range files {
			var dashboard struct {
				Panels []struct {
					Targets []struct{ Expr string }
				}
			}
			require.NoError(t, json.Unmarshal([]byte(content), &dashboard))
			for _, panel := range dashboard.Panels {
				require.NotEmpty(t, panel.Targets)
				for _, target := range panel.Targets {
					queries = append(queries, strings.ReplaceAll(target.Expr, "$__rate_interval", rateInterval))
				}
			}
		}
	}
	require.NotEmpty(t, queries)
	return queries
}
