package observe_test

import (
	"testing"

	"github.com/cdk8s-team/cdk8s-core-go/cdk8s/v2"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/yaml"

	"github.com/crossoverJie/k8s-combat/infra"
	"github.com/crossoverJie/k8s-combat/infra/internal/synthtest"
	"github.com/crossoverJie/k8s-combat/infra/observe"
	"github.com/crossoverJie/k8s-combat/infra/pod"
)

// collector builds an OpenTelemetryCollector that is in order but for what change does.
func collector(change func(*observe.OpenTelemetryCollectorProps)) func(cdk8s.Chart) {
	return func(chart cdk8s.Chart) {
		props := observe.OpenTelemetryCollectorProps{Name: "collector"}
		change(&props)
		observe.NewOpenTelemetryCollector(chart, "collector", props)
	}
}

func TestOpenTelemetryCollector(t *testing.T) {
	t.Parallel()
	synthtest.Golden(t, "open-telemetry-collector", collector(func(*observe.OpenTelemetryCollectorProps) {}))
	synthtest.Golden(t, "open-telemetry-collector-full", collector(func(p *observe.OpenTelemetryCollectorProps) {
		p.Image, p.Version = "example.com/otel:1", "1"
		p.Exporters = []observe.CollectorExporter{
			observe.OTLPExporter("http://tempo:4317", observe.Traces), observe.OTLPExporter("https://otlp.example.com:443"),
			observe.PrometheusExporter(), observe.DebugExporter(),
		}
		p.Replicas = new(int32(2))
		p.Resources = pod.Resources{Limits: pod.ResourceList{Memory: "1Gi"}}
		p.Labels = map[string]string{"tier": "telemetry"}
		p.Annotations = map[string]string{"example.com/owner": "team"}
		p.PatchConfig = func(config map[string]any) {
			config["processors"].(map[string]any)["batch"] = map[string]any{"timeout": "5s"}
		}
		p.Patch = func(d *appsv1.Deployment) { d.Spec.MinReadySeconds = 5 }
		p.PatchService = func(s *corev1.Service) { s.Spec.PublishNotReadyAddresses = true }
	}))
}

// pipelines are the exporters of each signal.
func pipelines(t *testing.T, exporters ...observe.CollectorExporter) map[string][]string {
	t.Helper()
	configMap := synthtest.Only[corev1.ConfigMap](t, "ConfigMap", collector(func(p *observe.OpenTelemetryCollectorProps) { p.Exporters = exporters }))
	var config struct {
		Exporters map[string]any
		Service   struct {
			Pipelines map[string]struct{ Exporters []string }
		}
	}
	require.NoError(t, yaml.Unmarshal([]byte(configMap.Data["config.yaml"]), &config))
	result := map[string][]string{}
	for signal, pipeline := range config.Service.Pipelines {
		result[signal] = pipeline.Exporters
		for _, exporter := range pipeline.Exporters {
			assert.Contains(t, config.Exporters, exporter)
		}
	}
	return result
}

func TestOpenTelemetryCollectorLosesNoSignal(t *testing.T) {
	t.Parallel()
	assert.Equal(t, map[string][]string{"traces": {"debug"}, "metrics": {"debug"}, "logs": {"debug"}}, pipelines(t))
	assert.Equal(t, map[string][]string{"traces": {"debug"}, "metrics": {"prometheus"}, "logs": {"debug"}}, pipelines(t, observe.PrometheusExporter()))
	assert.Equal(t, map[string][]string{
		"traces":  {"otlp_grpc", "otlp_grpc/2"},
		"metrics": {"prometheus", "otlp_grpc/2"},
		"logs":    {"otlp_grpc/2"},
	}, pipelines(t, observe.OTLPExporter("http://tempo:4317", observe.Traces), observe.PrometheusExporter(), observe.OTLPExporter("http://all:4317")))
}

func TestOpenTelemetryCollectorIsReachable(t *testing.T) {
	t.Parallel()
	build := func(chart cdk8s.Chart) {
		collector := observe.NewOpenTelemetryCollector(chart, "collector", observe.OpenTelemetryCollectorProps{
			Name: "collector", Exporters: []observe.CollectorExporter{observe.PrometheusExporter()},
		})
		observe.NewScraping(chart, "scraping", observe.ScrapingProps{Service: collector.Service(), Port: observe.CollectedMetricsPortName})
		infra.NewProbedDeployment(chart, "web", infra.ProbedDeploymentProps{
			Name: "web", Image: "example.com/web:1",
			Env: collector.Env("web", map[string]string{"service.version": "1.4", "owner": "a, b=c", "deployment.environment.name": "test"}),
		})
	}
	deployments := synthtest.Objects[appsv1.Deployment](t, "Deployment", build)
	require.Len(t, deployments, 2)
	assert.Equal(t, []corev1.EnvVar{
		{Name: "OTEL_EXPORTER_OTLP_ENDPOINT", Value: "http://collector:4317"},
		{Name: "OTEL_EXPORTER_OTLP_PROTOCOL", Value: "grpc"},
		{Name: "OTEL_SERVICE_NAME", Value: "web"},
		{Name: "OTEL_RESOURCE_ATTRIBUTES", Value: "deployment.environment.name=test,owner=a%2C%20b=c,service.version=1.4"},
	}, deployments[1].Spec.Template.Spec.Containers[0].Env)

	service := synthtest.Only[corev1.Service](t, "Service", build)
	open := map[int32]bool{}
	for _, port := range deployments[0].Spec.Template.Spec.Containers[0].Ports {
		open[port.ContainerPort] = true
	}
	for _, port := range service.Spec.Ports {
		assert.True(t, open[port.TargetPort.IntVal], port.Name)
	}
	assert.Equal(t, deployments[0].Spec.Template.Labels, service.Spec.Selector)
}

func TestOpenTelemetryCollectorIsFoundByItsScraping(t *testing.T) {
	t.Parallel()
	found := func(exporter observe.CollectorExporter, labels map[string]string) map[string]string {
		return synthtest.Only[corev1.Service](t, "Service", collector(func(p *observe.OpenTelemetryCollectorProps) {
			p.Exporters, p.Labels = []observe.CollectorExporter{exporter}, labels
		})).Labels
	}
	assert.Equal(t, observe.ScrapeLabels("collector"), found(observe.PrometheusExporter(), nil))
	assert.Equal(t, map[string]string{"app.kubernetes.io/name": "shop"}, found(observe.PrometheusExporter(), map[string]string{"app.kubernetes.io/name": "shop"}))
	assert.Empty(t, found(observe.DebugExporter(), nil), "there is nothing to read")
}

func TestOpenTelemetryCollectorPatchConfigMap(t *testing.T) {
	t.Parallel()
	build := collector(func(p *observe.OpenTelemetryCollectorProps) {
		p.PatchConfigMap = func(c *corev1.ConfigMap) { c.Data["config.yaml"] += "# patched\n" }
	})
	config := synthtest.Only[corev1.ConfigMap](t, "ConfigMap", build)
	assert.Contains(t, config.Data["config.yaml"], "# patched\n")
	sum := func(build func(cdk8s.Chart)) string {
		return synthtest.Only[appsv1.Deployment](t, "Deployment", build).Spec.Template.Annotations["checksum/config"]
	}
	assert.NotEqual(t, sum(collector(func(*observe.OpenTelemetryCollectorProps) {})), sum(build), "the pods roll with what the patch has left")
}

// TestOpenTelemetryCollectorOfNobody: what a collector that is nil hands out is reported where it is used.
func TestOpenTelemetryCollectorOfNobody(t *testing.T) {
	t.Parallel()
	var nobody *observe.OpenTelemetryCollector
	assert.Empty(t, nobody.Name())
	synthtest.BadInput{"scraping": {func(chart cdk8s.Chart) {
		observe.NewScraping(chart, "scraping", observe.ScrapingProps{Name: "x", Service: nobody.Service()})
		observe.NewDashboard(chart, "dashboard", observe.DashboardProps{Name: "x", Title: "X", Panels: []observe.Panel{observe.SaturationPanel(nobody.Deployment())}})
	}, []string{
		`[chart/scraping] Service: is not set; give the *Service whose pods are read`,
		`[chart/dashboard] Panels[0]: is about no workload; give it a *ProbedDeployment`,
	}}}.Run(t)
}

func TestOpenTelemetryCollectorRollsWithItsConfiguration(t *testing.T) {
	t.Parallel()
	sum := func(exporters ...observe.CollectorExporter) string {
		return synthtest.Only[appsv1.Deployment](t, "Deployment", collector(func(p *observe.OpenTelemetryCollectorProps) { p.Exporters = exporters })).Spec.Template.Annotations["checksum/config"]
	}
	assert.NotEmpty(t, sum())
	assert.NotEqual(t, sum(), sum(observe.PrometheusExporter()))
}

func TestOpenTelemetryCollectorBadInput(t *testing.T) {
	t.Parallel()
	exporter := func(exporters ...observe.CollectorExporter) func(cdk8s.Chart) {
		return collector(func(p *observe.OpenTelemetryCollectorProps) { p.Exporters = exporters })
	}
	notAddress := func(address string) []string {
		return []string{`[chart/collector] Exporters[0]: "` + address + `" is not the address of a server; use a URL with a port and no path, for example "http://tempo:4317"`}
	}
	synthtest.BadInput{
		"address without a scheme": {exporter(observe.OTLPExporter("tempo:4317")), notAddress("tempo:4317")},
		"address without a port":   {exporter(observe.OTLPExporter("http://tempo")), notAddress("http://tempo")},
		"address with a path":      {exporter(observe.OTLPExporter("http://tempo:4317/v1/traces")), notAddress("http://tempo:4317/v1/traces")},
		"address of another kind":  {exporter(observe.OTLPExporter("grpc://tempo:4317")), notAddress("grpc://tempo:4317")},
		"signals": {exporter(observe.OTLPExporter("http://tempo:4317", "spans", "")), []string{
			`[chart/collector] Exporters[0]: "spans" is not known; use traces, metrics or logs`,
			`[chart/collector] Exporters[0]: "no signal" is not known; use traces, metrics or logs`,
		}},
		"exporters": {exporter(observe.CollectorExporter{}, observe.PrometheusExporter(), observe.PrometheusExporter(), observe.DebugExporter(), observe.DebugExporter()), []string{
			`[chart/collector] Exporters[0]: is not set; make it with DebugExporter, OTLPExporter or PrometheusExporter`,
			`[chart/collector] Exporters[2]: "prometheus" is already taken by Exporters[1]; give each its own`,
			`[chart/collector] Exporters[4]: "debug" is already taken by Exporters[3]; give each its own`,
		}},
		"configuration that cannot be written": {collector(func(p *observe.OpenTelemetryCollectorProps) {
			p.PatchConfig = func(config map[string]any) { config["x"] = func() {} }
		}), []string{
			`[chart/collector] PatchConfig: leaves what cannot be written as YAML: error marshaling into JSON: json: unsupported type: func()`,
		}},
		"configuration that is not what the hook expects": {collector(func(p *observe.OpenTelemetryCollectorProps) {
			p.PatchConfig = func(config map[string]any) { config["processor"].(map[string]any)["batch"] = nil }
		}), []string{
			`[chart/collector] PatchConfig: panicked: interface conversion: interface {} is nil, not map[string]interface {}; see what it takes for granted of the configuration`,
		}},
		"environment": {func(chart cdk8s.Chart) {
			collector := observe.NewOpenTelemetryCollector(chart, "collector", observe.OpenTelemetryCollectorProps{Name: "collector"})
			collector.Env("", map[string]string{"a=b": "c"})
		}, []string{
			`[chart/collector] Env: is not set; name the service, for example "web"`,
			`[chart/collector] Env: "a=b" is not the name of an attribute; use letters, digits, '.', '_', '-' or '/', for example "service.version"`,
		}},
		"environment of no collector": {func(chart cdk8s.Chart) {
			var collector *observe.OpenTelemetryCollector
			infra.NewProbedDeployment(chart, "web", infra.ProbedDeploymentProps{Name: "web", Image: "example.com/web:1", Env: collector.Env("web", nil)})
		}, []string{
			`[chart/web] Env[0].ValueFrom: is not set; make the OpenTelemetryCollector before the workload: the one that Env was asked of is nil`,
		}},
	}.Run(t)
}
