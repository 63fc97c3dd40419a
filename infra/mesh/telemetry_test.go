package mesh_test

import (
	"math"
	"testing"

	"github.com/cdk8s-team/cdk8s-core-go/cdk8s/v2"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	telemetryv1 "istio.io/client-go/pkg/apis/telemetry/v1"

	"github.com/crossoverJie/k8s-combat/infra"
	"github.com/crossoverJie/k8s-combat/infra/internal/synthtest"
	"github.com/crossoverJie/k8s-combat/infra/mesh"
)

func telemetry(change func(*mesh.TelemetryProps)) func(cdk8s.Chart) {
	return func(chart cdk8s.Chart) {
		props := mesh.TelemetryProps{Name: "web", WholeNamespace: true}
		change(&props)
		mesh.NewTelemetry(chart, "telemetry", props)
	}
}

func TestTelemetry(t *testing.T) {
	t.Parallel()
	synthtest.Golden(t, "telemetry", func(chart cdk8s.Chart) {
		web := infra.NewProbedDeployment(chart, "web", infra.ProbedDeploymentProps{Name: "web", Image: "example.com/web:1"})
		mesh.NewTelemetry(chart, "telemetry", mesh.TelemetryProps{
			Name:     "web",
			Workload: web,
			AccessLogging: mesh.AccessLogging{
				Providers: []string{mesh.EnvoyAccessLog, "otel"},
				Filter:    "response.code >= 400",
			},
			Tracing: mesh.Tracing{
				SamplingPercentage: new(12.5),
				Providers:          []string{"otel-tracing"},
				CustomTags:         map[string]string{"environment": "test", "team": "shop"},
			},
			Labels:      map[string]string{"tier": "web"},
			Annotations: map[string]string{"example.com/owner": "team"},
			Patch:       func(o *telemetryv1.Telemetry) { o.Annotations["example.com/patched"] = "yes" },
		})
	})
	synthtest.Golden(t, "telemetry-disabled", telemetry(func(p *mesh.TelemetryProps) {
		p.AccessLogging.Disabled, p.Tracing.Disabled = true, true
	}))
}

func TestTelemetrySaysWhatItIsTold(t *testing.T) {
	t.Parallel()
	object := synthtest.Only[telemetryv1.Telemetry](t, "Telemetry", telemetry(func(p *mesh.TelemetryProps) { p.Tracing.SamplingPercentage = new(0.0) }))
	assert.Nil(t, object.Spec.Selector, "for the whole namespace")
	assert.Empty(t, object.Spec.AccessLogging)
	require.Len(t, object.Spec.Tracing, 1)
	assert.Zero(t, object.Spec.Tracing[0].RandomSamplingPercentage.Value, "0 is a percentage, and not the default")
}

func TestTelemetryBadInput(t *testing.T) {
	t.Parallel()
	sampling := func(percentage float64) func(cdk8s.Chart) {
		return telemetry(func(p *mesh.TelemetryProps) { p.Tracing.SamplingPercentage = &percentage })
	}
	notPercentage := func(value string) []string {
		return []string{`[chart/telemetry] Tracing.SamplingPercentage: ` + value + ` is not a percentage; use 0 to 100`}
	}
	synthtest.BadInput{
		"more than all": {sampling(100.01), notPercentage("100.01")},
		"negative":      {sampling(-0.5), notPercentage("-0.5")},
		"not a number":  {sampling(math.NaN()), notPercentage("NaN")},
		"nothing": {telemetry(func(p *mesh.TelemetryProps) { p.Name = "" }), []string{
			`[chart/telemetry] Name: is not set; give the object a name, for example "web"`,
			`[chart/telemetry] AccessLogging: is not set; set it, or Tracing: without either the object says nothing`,
		}},
		"for nobody in particular": {telemetry(func(p *mesh.TelemetryProps) { p.WholeNamespace, p.Tracing.Disabled = false, true }), []string{
			`[chart/telemetry] Workload: is not set; name the workload whose pods this is for, or set WholeNamespace`,
		}},
		"a workload that is nil": {telemetry(func(p *mesh.TelemetryProps) {
			p.Workload, p.WholeNamespace, p.Tracing.Disabled = (*infra.ProbedDeployment)(nil), false, true
		}), []string{
			`[chart/telemetry] Workload: is nil, as the Deployment of a Service of the type ExternalName is; name the workload whose pods this is for, or set WholeNamespace`,
		}},
		"a workload around nil": {telemetry(func(p *mesh.TelemetryProps) {
			p.Workload, p.WholeNamespace, p.Tracing.Disabled = struct{ infra.Workload }{}, false, true
		}), []string{
			`[chart/telemetry] Workload: is nil, as the Deployment of a Service of the type ExternalName is; name the workload whose pods this is for, or set WholeNamespace`,
		}},
		"a workload of another namespace": {func(chart cdk8s.Chart) {
			telemetry(func(p *mesh.TelemetryProps) {
				p.Workload, p.WholeNamespace, p.Tracing.Disabled = version(inNamespace(chart, "other"), "v1", nil), false, true
			})(chart)
		}, []string{
			`[chart/telemetry] Workload: "cart-v1" is a Deployment in namespace "other", and cannot be referred to from a namespace that kubectl chooses; put both into charts of one Namespace`,
		}},
		"disabled and not": {telemetry(func(p *mesh.TelemetryProps) {
			p.AccessLogging = mesh.AccessLogging{Disabled: true, Filter: "response.code >= 400"}
			p.Tracing = mesh.Tracing{Disabled: true, SamplingPercentage: new(1.0)}
		}), []string{
			`[chart/telemetry] AccessLogging.Filter: "response.code >= 400" has no meaning beside Disabled: true; leave out one of them`,
			`[chart/telemetry] Tracing.SamplingPercentage: 1 has no meaning beside Disabled: true; leave out one of them`,
		}},
		"filter for nobody": {telemetry(func(p *mesh.TelemetryProps) { p.AccessLogging.Filter = " " }), []string{
			`[chart/telemetry] AccessLogging.Filter: " " is not a condition in CEL (Syntax error: mismatched input '<EOF>'); use for example "response.code >= 400"`,
			`[chart/telemetry] AccessLogging.Providers: is not set; say who takes the logs, for example EnvoyAccessLog`,
		}},
		"names": {telemetry(func(p *mesh.TelemetryProps) {
			p.Name = "A"
			p.AccessLogging.Providers = []string{"envoy", "", "envoy"}
			p.Tracing.Providers = []string{"otel", "otel"}
			p.Tracing.CustomTags = map[string]string{"": "x", "empty": ""}
			p.Labels = map[string]string{"a b": ""}
			p.Annotations = map[string]string{"a b": ""}
		}), []string{
			`[chart/telemetry] Name: "A" is not an RFC 1123 subdomain; use 1 to 253 lower-case letters, digits, '-' or '.', beginning and ending with a letter or digit`,
			`[chart/telemetry] AccessLogging.Providers[1]: "" is not the name of a provider; use one of the mesh's extensionProviders`,
			`[chart/telemetry] AccessLogging.Providers[2]: "envoy" is already taken by AccessLogging.Providers[0]; give each its own`,
			`[chart/telemetry] Tracing.Providers[1]: "otel" is already taken by Tracing.Providers[0]; give each its own`,
			`[chart/telemetry] Tracing.CustomTags: "" is not the name of a tag; use for example "environment"`,
			`[chart/telemetry] Tracing.CustomTags["empty"]: "" is empty, which Istio refuses; give the tag a value, or leave it out`,
			`[chart/telemetry] Labels: "a b" is not a label or annotation key; use a name of at most 63 letters, digits, '-', '_' or '.', after an optional DNS prefix and '/'`,
			`[chart/telemetry] Annotations: "a b" is not a label or annotation key; use a name of at most 63 letters, digits, '-', '_' or '.', after an optional DNS prefix and '/'`,
		}},
	}.Run(t)
}
