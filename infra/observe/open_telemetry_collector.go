package observe

import (
	"cmp"
	"fmt"
	"maps"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"github.com/aws/constructs-go/constructs/v10"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/yaml"

	"github.com/crossoverJie/k8s-combat/imports/tree"
	"github.com/crossoverJie/k8s-combat/infra"
	"github.com/crossoverJie/k8s-combat/infra/internal/object"
	"github.com/crossoverJie/k8s-combat/infra/internal/problem"
	"github.com/crossoverJie/k8s-combat/infra/pod"
)

// DefaultCollectorImage is the image of an OpenTelemetryCollector that names none. The
// configuration is written for its version.
const DefaultCollectorImage = "docker.io/otel/opentelemetry-collector-contrib:0.155.0"

// Ports of an OpenTelemetryCollector, and their names: those of the OTLP specification, and what
// the collector's own documentation uses.
const (
	OTLPGRPCPort     int32 = 4317
	OTLPGRPCPortName       = "otlp-grpc"
	OTLPHTTPPort     int32 = 4318
	OTLPHTTPPortName       = "otlp-http"

	// CollectedMetricsPort serves the metrics that the collector was sent, where it has a
	// PrometheusExporter.
	CollectedMetricsPort     int32 = 8889
	CollectedMetricsPortName       = "http-metrics"
)

// collectorHealthPort answers the kubelet alone, so no Service has it.
const collectorHealthPort int32 = 13133

// Signal is a kind of telemetry.
type Signal string

// The signals of OpenTelemetry that a collector takes.
const (
	Traces  Signal = "traces"
	Metrics Signal = "metrics"
	Logs    Signal = "logs"
)

var allSignals = []Signal{Traces, Metrics, Logs}

// CollectorExporter is where a collector sends what it gets. Make one with DebugExporter,
// OTLPExporter or PrometheusExporter.
type CollectorExporter struct {
	exporter collectorExporter
}

// collectorExporter is what sets the exporters apart.
type collectorExporter interface {
	// component is the name of the collector's component, and its configuration.
	component() (name string, config map[string]any)
	signals() []Signal
	validate(p *problem.List, field *problem.Path)
}

// DebugExporter writes to the collector's own log, one line for each batch.
func DebugExporter() CollectorExporter { return CollectorExporter{debugExporter{}} }

// OTLPExporter sends to another server by OTLP over gRPC. Its address is a URL with a port, for
// example "http://tempo:4317", or with https for a server that has TLS. signals are those that the
// server takes; all by default.
func OTLPExporter(address string, signals ...Signal) CollectorExporter {
	return CollectorExporter{otlpExporter{address, signals}}
}

// PrometheusExporter serves metrics on the port CollectedMetricsPortName, for a Scraping to read.
// Attributes of the sender, its service.name among them, are labels.
func PrometheusExporter() CollectorExporter { return CollectorExporter{prometheusExporter{}} }

type debugExporter struct{}

func (debugExporter) component() (string, map[string]any)   { return "debug", map[string]any{} }
func (debugExporter) signals() []Signal                     { return allSignals }
func (debugExporter) validate(*problem.List, *problem.Path) {}

type otlpExporter struct {
	address string
	takes   []Signal
}

func (e otlpExporter) component() (string, map[string]any) {
	config := map[string]any{}
	if server, err := url.Parse(e.address); err == nil {
		config["endpoint"] = server.Host
		config["tls"] = map[string]any{"insecure": server.Scheme == "http"}
	}
	return "otlp_grpc", config
}

func (e otlpExporter) signals() []Signal {
	if len(e.takes) == 0 {
		return allSignals
	}
	return e.takes
}

func (e otlpExporter) validate(p *problem.List, field *problem.Path) {
	server, err := url.Parse(e.address)
	if err != nil || server.Scheme != "http" && server.Scheme != "https" || server.Hostname() == "" ||
		server.Port() == "" || strings.Trim(server.Path, "/") != "" {
		p.Add(field, e.address,
			"is not the address of a server; use a URL with a port and no path, for example \"http://tempo:4317\"")
	}
	for _, signal := range e.takes {
		problem.OneOf(p, field, cmp.Or(signal, "no signal"), allSignals...)
	}
}

type prometheusExporter struct{}

func (e CollectorExporter) servesMetrics() bool {
	_, ok := e.exporter.(prometheusExporter)
	return ok
}

func (prometheusExporter) component() (string, map[string]any) {
	return "prometheus", map[string]any{
		"endpoint":                         listenOn(CollectedMetricsPort),
		"resource_to_telemetry_conversion": map[string]any{"enabled": true},
	}
}
func (prometheusExporter) signals() []Signal                     { return []Signal{Metrics} }
func (prometheusExporter) validate(*problem.List, *problem.Path) {}

// OpenTelemetryCollectorProps are the options of an OpenTelemetryCollector.
type OpenTelemetryCollectorProps struct {
	// Name of the Deployment, the Service and the ConfigMap. Required; an RFC 1035 label.
	Name string
	// Image of the collector. Defaults to DefaultCollectorImage.
	Image string
	// Version is the label version of its pods, by which Istio tells versions apart. Defaults to
	// none.
	Version string
	// Exporters are where telemetry goes, at most one DebugExporter and one PrometheusExporter
	// among them. A signal that none of them takes goes to a DebugExporter. Default to none.
	Exporters []CollectorExporter
	// Replicas is the number of pods. A PrometheusExporter of several pods has each series in one
	// of them. Defaults to 1.
	Replicas *int32
	// Resources of the container; when it comes close to its memory limit, the collector refuses
	// telemetry instead of being killed. Defaults to requests of 0.1 cores and 128Mi, limits of 1
	// core and 512Mi.
	Resources pod.Resources
	// Labels and Annotations of the Service and the ConfigMap. Default to none; with a
	// PrometheusExporter the Service has ScrapeLabels too, unless the Labels have another value for
	// them.
	Labels, Annotations map[string]string
	// PatchConfig has the last word on the collector's configuration
	// (https://opentelemetry.io/docs/collector/configuration/).
	PatchConfig func(config map[string]any)
	// Patch has the last word on the Deployment.
	Patch func(*appsv1.Deployment)
	// PatchService has it on the Service.
	PatchService func(*corev1.Service)
	// PatchConfigMap has it on the ConfigMap that holds the configuration. A change of the
	// configuration rolls the pods.
	PatchConfigMap func(*corev1.ConfigMap)
}

func (props OpenTelemetryCollectorProps) withDefaults() OpenTelemetryCollectorProps {
	if props.Image == "" {
		props.Image = DefaultCollectorImage
	}
	if props.Resources == (pod.Resources{}) {
		props.Resources = pod.Resources{
			Requests: pod.ResourceList{CPU: "0.1", Memory: "128Mi"},
			Limits:   pod.ResourceList{CPU: "1", Memory: "512Mi"},
		}
	}
	return props
}

// validate checks what is the collector's own; its parts check the rest.
func (props OpenTelemetryCollectorProps) validate() problem.List {
	var p problem.List
	var seen problem.Unique
	for i, exporter := range props.Exporters {
		at := problem.At("Exporters").Index(i)
		if exporter.exporter == nil {
			p.Missing(at, "make it with DebugExporter, OTLPExporter or PrometheusExporter")
			continue
		}
		exporter.exporter.validate(&p, at)
		if _, many := exporter.exporter.(otlpExporter); !many {
			name, _ := exporter.exporter.component()
			seen.Check(&p, at, at, name)
		}
	}
	return p
}

// OpenTelemetryCollector takes telemetry by OTLP from the services of a namespace and sends it on:
// the OpenTelemetry Collector as a Deployment, with the Service before it and its configuration in
// a ConfigMap.
// See https://opentelemetry.io/docs/collector/.
type OpenTelemetryCollector struct {
	constructs.Construct
	web *infra.WebService
}

const collectorConfigKey, collectorConfigPath = "config.yaml", "/etc/otelcol/config.yaml"

// NewOpenTelemetryCollector makes an OpenTelemetryCollector. Its children are Config, a Config, and
// Service, a WebService.
func NewOpenTelemetryCollector(scope constructs.Construct, id string,
	props OpenTelemetryCollectorProps) *OpenTelemetryCollector {
	props = props.withDefaults()
	c := &OpenTelemetryCollector{}
	tree.New(c, scope, id)
	tree.Invalid(c, props.validate()...)

	text, err := yaml.Marshal(c.patchedConfig(props))
	if err != nil {
		tree.Invalid(c, tree.Problem{Field: "PatchConfig",
			Detail: "leaves what cannot be written as YAML: " + err.Error(), Cause: err})
	}
	config := infra.NewConfig(c, "Config", infra.ConfigProps{
		Name:        props.Name,
		Data:        map[string]string{collectorConfigKey: string(text)},
		Labels:      props.Labels,
		Annotations: props.Annotations,
		Patch:       props.PatchConfigMap,
	})
	health := pod.Probe{Handler: pod.HTTPGet("/", collectorHealthPort)}
	c.web = infra.NewWebService(c, "Service", infra.WebServiceProps{
		Name: props.Name,
		Workload: infra.ProbedDeploymentProps{
			Version:   props.Version,
			Image:     props.Image,
			Args:      []string{"--config", collectorConfigPath},
			Files:     []pod.File{{Path: collectorConfigPath, From: config.Key(collectorConfigKey)}},
			Replicas:  props.Replicas,
			Resources: props.Resources,
			Probes:    pod.Probes{Readiness: health, Liveness: health},
			Patch: func(deployment *appsv1.Deployment) {
				declareHealthPort(deployment)
				if props.Patch != nil {
					props.Patch(deployment)
				}
			},
		},
		Ports:       props.ports(),
		Labels:      props.serviceLabels(),
		Annotations: props.Annotations,
		Patch:       props.PatchService,
	})
	return c
}

// declareHealthPort declares the port that the probes ask.
func declareHealthPort(deployment *appsv1.Deployment) {
	for i := range deployment.Spec.Template.Spec.Containers {
		container := &deployment.Spec.Template.Spec.Containers[i]
		container.Ports = append(container.Ports, corev1.ContainerPort{Name: "health", ContainerPort: collectorHealthPort})
	}
}

// serviceLabels are the Labels, and those by which a Scraping finds what the collector serves.
func (props OpenTelemetryCollectorProps) serviceLabels() map[string]string {
	if !props.servesMetrics() || props.Name == "" {
		return props.Labels
	}
	return object.Merged(ScrapeLabels(props.Name), props.Labels)
}

// Name returns the name of the Service.
func (c *OpenTelemetryCollector) Name() string { return c.Service().Name() }

// Service returns the Service, nil for a collector that is nil itself.
func (c *OpenTelemetryCollector) Service() *infra.Service {
	if c == nil {
		return nil
	}
	return c.web.Service()
}

// Deployment returns the Deployment, nil for a collector that is nil itself.
func (c *OpenTelemetryCollector) Deployment() *infra.ProbedDeployment {
	if c == nil {
		return nil
	}
	return c.web.Deployment()
}

// attributeName is more than the semantic conventions use, and less than what
// OTEL_RESOURCE_ATTRIBUTES would break at.
var attributeName = regexp.MustCompile(`^[A-Za-z0-9._/-]+$`)

// Env returns the environment variables by which the OpenTelemetry SDK of a workload finds the
// collector and says who it is: for ProbedDeploymentProps.Env. service is its service.name, and
// attributes are more of its resource, for example service.version. See
// https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/.
// Of a collector that is nil they are an error of the workload.
func (c *OpenTelemetryCollector) Env(service string, attributes map[string]string) []pod.EnvVar {
	if c == nil {
		return []pod.EnvVar{{Name: "OTEL_EXPORTER_OTLP_ENDPOINT", ValueFrom: noCollector{}}}
	}
	var p problem.List
	if service == "" {
		p.Missing(problem.At("Env"), "name the service, for example \"web\"")
	}
	env := []pod.EnvVar{
		{Name: "OTEL_EXPORTER_OTLP_ENDPOINT",
			Value: fmt.Sprintf("http://%s:%d", c.Service().Host(), OTLPGRPCPort)},
		{Name: "OTEL_EXPORTER_OTLP_PROTOCOL", Value: "grpc"},
		{Name: "OTEL_SERVICE_NAME", Value: service},
	}
	var pairs []string
	for _, name := range slices.Sorted(maps.Keys(attributes)) {
		if !attributeName.MatchString(name) {
			p.Add(problem.At("Env"), name,
				"is not the name of an attribute; use letters, digits, '.', '_', '-' or '/', for example \"service.version\"")
		}
		pairs = append(pairs, name+"="+url.PathEscape(attributes[name]))
	}
	if len(pairs) > 0 {
		env = append(env, pod.EnvVar{Name: "OTEL_RESOURCE_ATTRIBUTES", Value: strings.Join(pairs, ",")})
	}
	tree.Invalid(c, p...)
	return env
}

// noCollector stands for the address of a collector that is nil: a source that is refused.
type noCollector struct{ pod.FieldRef }

func (noCollector) Validate(l *problem.List, at *problem.Path) {
	l.Missing(at, "make the OpenTelemetryCollector before the workload: the one that Env was asked of is nil")
}

func (props OpenTelemetryCollectorProps) servesMetrics() bool {
	return slices.ContainsFunc(props.Exporters, CollectorExporter.servesMetrics)
}

func (props OpenTelemetryCollectorProps) ports() []infra.ServicePort {
	ports := []infra.ServicePort{
		{Name: OTLPGRPCPortName, Port: OTLPGRPCPort, AppProtocol: "grpc"},
		{Name: OTLPHTTPPortName, Port: OTLPHTTPPort, AppProtocol: "http"},
	}
	if props.servesMetrics() {
		ports = append(ports, infra.ServicePort{Name: CollectedMetricsPortName,
			Port: CollectedMetricsPort, AppProtocol: "http"})
	}
	return ports
}

// listenOn is an address on all of the pod's, of either family.
func listenOn(port int32) string { return fmt.Sprintf(":%d", port) }

// config is the collector's configuration.
func (props OpenTelemetryCollectorProps) config() map[string]any {
	exporters := map[string]any{}
	takers := map[Signal][]string{}
	add := func(exporter collectorExporter, signals []Signal) {
		name, config := exporter.component()
		unique := name
		for n := 2; exporters[unique] != nil; n++ {
			unique = fmt.Sprintf("%s/%d", name, n)
		}
		exporters[unique] = config
		for _, signal := range signals {
			takers[signal] = append(takers[signal], unique)
		}
	}
	for _, exporter := range props.Exporters {
		if exporter.exporter != nil {
			add(exporter.exporter, exporter.exporter.signals())
		}
	}
	if left := slices.DeleteFunc(slices.Clone(allSignals),
		func(s Signal) bool { return takers[s] != nil }); len(left) > 0 {
		add(debugExporter{}, left)
	}
	pipelines := map[string]any{}
	for _, signal := range allSignals {
		pipelines[string(signal)] = map[string]any{
			"receivers": []string{"otlp"},
			// The limiter comes first, so that it can refuse before anything is kept.
			"processors": []string{"memory_limiter", "batch"},
			"exporters":  takers[signal],
		}
	}
	return map[string]any{
		"extensions": map[string]any{"health_check": map[string]any{"endpoint": listenOn(collectorHealthPort)}},
		"receivers": map[string]any{"otlp": map[string]any{"protocols": map[string]any{
			"grpc": map[string]any{"endpoint": listenOn(OTLPGRPCPort)},
			"http": map[string]any{"endpoint": listenOn(OTLPHTTPPort)},
		}}},
		"processors": map[string]any{
			"memory_limiter": map[string]any{"check_interval": "1s", "limit_percentage": 80,
				"spike_limit_percentage": 25},
			"batch": map[string]any{},
		},
		"exporters": exporters,
		"service":   map[string]any{"extensions": []string{"health_check"}, "pipelines": pipelines},
	}
}

// patchedConfig lets PatchConfig have the last word. One that panics makes the collector invalid.
func (c *OpenTelemetryCollector) patchedConfig(props OpenTelemetryCollectorProps) (config map[string]any) {
	config = props.config()
	if props.PatchConfig == nil {
		return config
	}
	defer func() {
		if cause := recover(); cause != nil {
			tree.Invalid(c, tree.Problem{Field: "PatchConfig",
				Detail: fmt.Sprintf("panicked: %v",
					cause), Fix: "see what it takes for granted of the configuration"})
		}
	}()
	props.PatchConfig(config)
	return config
}
