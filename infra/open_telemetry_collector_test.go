package infra_test

import (
	"testing"

	"github.com/cdk8s-team/cdk8s-core-go/cdk8s/v2"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/yaml"

	"github.com/crossoverJie/k8s-combat/infra"
)

// collector builds an OpenTelemetryCollector that is in order but for what change does.
func collector(change func(*infra.OpenTelemetryCollectorProps)) func(cdk8s.Chart) {
	return func(chart cdk8s.Chart) {
		props := infra.OpenTelemetryCollectorProps{Name: "collector"}
		change(&props)
		infra.NewOpenTelemetryCollector(chart, "collector", props)
	}
}

func TestOpenTelemetryCollector(t *testing.T) {
	t.Parallel()
	golden(t, "open-telemetry-collector", collector(func(*infra.OpenTelemetryCollectorProps) {}))
	golden(t, "open-telemetry-collector-full", collector(func(p *infra.OpenTelemetryCollectorProps) {
		p.Image, p.Version = "example.com/otel:1", "1"
		p.Exporters = []infra.CollectorExporter{
			infra.OTLPExporter("http://tempo:4317", infra.Traces), infra.OTLPExporter("https://otlp.example.com:443"),
			infra.PrometheusExporter(), infra.DebugExporter(),
		}
		p.Replicas = new(int32(2))
		p.Resources = infra.Resources{Limits: infra.ResourceList{Memory: "1Gi"}}
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
func pipelines(t *testing.T, exporters ...infra.CollectorExporter) map[string][]string {
	t.Helper()
	configMap := only[corev1.ConfigMap](t, "ConfigMap", collector(func(p *infra.OpenTelemetryCollectorProps) { p.Exporters = exporters }))
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
	assert.Equal(t, map[string][]string{"traces": {"debug"}, "metrics": {"prometheus"}, "logs": {"debug"}}, pipelines(t, infra.PrometheusExporter()))
	assert.Equal(t, map[string][]string{
		"traces":  {"otlp_grpc", "otlp_grpc/2"},
		"metrics": {"prometheus", "otlp_grpc/2"},
		"logs":    {"otlp_grpc/2"},
	}, pipelines(t, infra.OTLPExporter("http://tempo:4317", infra.Traces), infra.PrometheusExporter(), infra.OTLPExporter("http://all:4317")))
}

func TestOpenTelemetryCollectorIsReachable(t *testing.T) {
	t.Parallel()
	build := func(chart cdk8s.Chart) {
		collector := infra.NewOpenTelemetryCollector(chart, "collector", infra.OpenTelemetryCollectorProps{
			Name: "collector", Exporters: []infra.CollectorExporter{infra.PrometheusExporter()},
		})
		infra.NewScraping(chart, "scraping", infra.ScrapingProps{Service: collector.Service(), Port: infra.CollectedMetricsPortName})
		infra.NewProbedDeployment(chart, "web", infra.ProbedDeploymentProps{
			Name: "web", Image: "example.com/web:1",
			Env: collector.Env("web", map[string]string{"service.version": "1.4", "owner": "a, b=c", "deployment.environment.name": "test"}),
		})
	}
	deployments := objects[appsv1.Deployment](t, "Deployment", build)
	require.Len(t, deployments, 2)
	assert.Equal(t, []corev1.EnvVar{
		{Name: "OTEL_EXPORTER_OTLP_ENDPOINT", Value: "http://collector:4317"},
		{Name: "OTEL_EXPORTER_OTLP_PROTOCOL", Value: "grpc"},
		{Name: "OTEL_SERVICE_NAME", Value: "web"},
		{Name: "OTEL_RESOURCE_ATTRIBUTES", Value: "deployment.environment.name=test,owner=a%2C%20b=c,service.version=1.4"},
	}, deployments[1].Spec.Template.Spec.Containers[0].Env)

	service := only[corev1.Service](t, "Service", build)
	open := map[int32]bool{}
	for _, port := range deployments[0].Spec.Template.Spec.Containers[0].Ports {
		open[port.ContainerPort] = true
	}
	for _, port := range service.Spec.Ports {
		assert.True(t, open[port.TargetPort.IntVal], port.Name)
	}
	assert.Equal(t, deployments[0].Spec.Template.Labels, service.Spec.Selector)
}

func TestOpenTelemetryCollectorRollsWithItsConfiguration(t *testing.T) {
	t.Parallel()
	sum := func(exporters ...infra.CollectorExporter) string {
		return deployment(t, collector(func(p *infra.OpenTelemetryCollectorProps) { p.Exporters = exporters })).Spec.Template.Annotations["checksum/config"]
	}
	assert.NotEmpty(t, sum())
	assert.NotEqual(t, sum(), sum(infra.PrometheusExporter()))
}

func TestOpenTelemetryCollectorBadInput(t *testing.T) {
	t.Parallel()
	exporter := func(exporters ...infra.CollectorExporter) func(cdk8s.Chart) {
		return collector(func(p *infra.OpenTelemetryCollectorProps) { p.Exporters = exporters })
	}
	notAddress := func(address string) []string {
		return []string{`[chart/collector] Exporters[0]: "` + address + `" is not the address of a server; use a URL with a port and no path, for example "http://tempo:4317"`}
	}
	badInput{
		"address without a scheme": {exporter(infra.OTLPExporter("tempo:4317")), notAddress("tempo:4317")},
		"address without a port":   {exporter(infra.OTLPExporter("http://tempo")), notAddress("http://tempo")},
		"address with a path":      {exporter(infra.OTLPExporter("http://tempo:4317/v1/traces")), notAddress("http://tempo:4317/v1/traces")},
		"address of another kind":  {exporter(infra.OTLPExporter("grpc://tempo:4317")), notAddress("grpc://tempo:4317")},
		"signals": {exporter(infra.OTLPExporter("http://tempo:4317", "spans", "")), []string{
			`[chart/collector] Exporters[0]: "spans" is not known; use traces, metrics or logs`,
			`[chart/collector] Exporters[0]: "no signal" is not known; use traces, metrics or logs`,
		}},
		"exporters": {exporter(infra.CollectorExporter{}, infra.PrometheusExporter(), infra.PrometheusExporter(), infra.DebugExporter(), infra.DebugExporter()), []string{
			`[chart/collector] Exporters[0]: is not set; make it with DebugExporter, OTLPExporter or PrometheusExporter`,
			`[chart/collector] Exporters[2]: "prometheus" is already taken by Exporters[1]; give each its own`,
			`[chart/collector] Exporters[4]: "debug" is already taken by Exporters[3]; give each its own`,
		}},
		"configuration that cannot be written": {collector(func(p *infra.OpenTelemetryCollectorProps) {
			p.PatchConfig = func(config map[string]any) { config["x"] = func() {} }
		}), []string{
			`[chart/collector] PatchConfig: leaves what cannot be written as YAML: error marshaling into JSON: json: unsupported type: func()`,
		}},
		"configuration that is not what the hook expects": {collector(func(p *infra.OpenTelemetryCollectorProps) {
			p.PatchConfig = func(config map[string]any) { config["processor"].(map[string]any)["batch"] = nil }
		}), []string{
			`[chart/collector] PatchConfig: panicked: interface conversion: interface {} is nil, not map[string]interface {}; see what it takes for granted of the configuration`,
		}},
		"environment": {func(chart cdk8s.Chart) {
			collector := infra.NewOpenTelemetryCollector(chart, "collector", infra.OpenTelemetryCollectorProps{Name: "collector"})
			collector.Env("", map[string]string{"a=b": "c"})
		}, []string{
			`[chart/collector] Env: is not set; name the service, for example "web"`,
			`[chart/collector] Env: "a=b" is not the name of an attribute; use letters, digits, '.', '_', '-' or '/', for example "service.version"`,
		}},
	}.run(t)
}
