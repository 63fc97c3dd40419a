package mesh

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/aws/constructs-go/constructs/v10"
	"github.com/cdk8s-team/cdk8s-core-go/cdk8s/v2"
	"github.com/google/cel-go/common"
	"github.com/google/cel-go/parser"
	"google.golang.org/protobuf/types/known/wrapperspb"
	telemetry "istio.io/api/telemetry/v1alpha1"
	telemetryv1 "istio.io/client-go/pkg/apis/telemetry/v1"

	"github.com/crossoverJie/k8s-combat/imports/istio"
	"github.com/crossoverJie/k8s-combat/imports/tree"
	"github.com/crossoverJie/k8s-combat/infra"
	"github.com/crossoverJie/k8s-combat/infra/internal/object"
	"github.com/crossoverJie/k8s-combat/infra/internal/problem"
)

// EnvoyAccessLog is the provider of access logs that every mesh has: the proxy's own standard output.
const EnvoyAccessLog = "envoy"

// AccessLogging says what proxies log of requests. Its zero value says nothing of it.
type AccessLogging struct {
	// Providers take the logs: EnvoyAccessLog, or names of the mesh's extensionProviders. Required
	// unless Disabled.
	Providers []string
	// Filter is the condition under which a request is logged, in CEL, for example "response.code
	// >= 400"; an error beside Disabled. Defaults to none: all requests are.
	Filter string
	// Disabled turns the logs off, where the mesh or the namespace has them on. Defaults to false.
	Disabled bool
}

// Tracing says which requests proxies trace. Its zero value says nothing of it.
type Tracing struct {
	// SamplingPercentage is how many of the requests that come without a decision are traced, 0 to
	// 100; Istio keeps two decimal places. An error beside Disabled. Defaults to the mesh's, which
	// is 1 unless it says otherwise.
	SamplingPercentage *float64
	// Providers take the spans: names of the mesh's extensionProviders. Default to the mesh's
	// default ones.
	Providers []string
	// CustomTags are tags with fixed values that each span has, by their names. An empty value is
	// an error. Default to none.
	CustomTags map[string]string
	// Disabled turns the reporting of spans off. Defaults to false.
	Disabled bool
}

// TelemetryProps are the options of Telemetry.
type TelemetryProps struct {
	// Name of the Telemetry. Required; an RFC 1123 subdomain.
	Name string
	// Workload makes the pods whose proxies this is for, in the namespace of the Telemetry. Exactly
	// one of Workload and WholeNamespace is set.
	Workload infra.Workload
	// WholeNamespace says that this is for all proxies of the namespace; in the root namespace of
	// the mesh, istio-system unless the mesh says otherwise, for all of the mesh. Defaults to
	// false.
	WholeNamespace bool
	// AccessLogging says what is logged of requests. Defaults to what the mesh says. One of
	// AccessLogging and Tracing is required.
	AccessLogging AccessLogging
	// Tracing says which requests are traced. Defaults to what the mesh says.
	Tracing Tracing
	// Labels and Annotations of the Telemetry. Default to none.
	Labels, Annotations map[string]string
	// Patch has the last word on the Telemetry.
	Patch func(*telemetryv1.Telemetry)
}

func (a AccessLogging) isZero() bool {
	return len(a.Providers) == 0 && a.Filter == "" && !a.Disabled
}

func (t Tracing) isZero() bool {
	return t.SamplingPercentage == nil && len(t.Providers) == 0 && len(t.CustomTags) == 0 && !t.Disabled
}

func (props TelemetryProps) target() target { return target{props.Workload, props.WholeNamespace} }

func (props TelemetryProps) validate() problem.List {
	var p problem.List
	p.DNSSubdomain(problem.At("Name"), props.Name)
	props.target().validate(&p)
	if props.AccessLogging.isZero() && props.Tracing.isZero() {
		p.Missing(problem.At("AccessLogging"), "set it, or Tracing: without either the object says nothing")
	}
	props.AccessLogging.validate(&p, problem.At("AccessLogging"))
	props.Tracing.validate(&p, problem.At("Tracing"))
	p.Labels(problem.At("Labels"), props.Labels)
	p.Annotations(problem.At("Annotations"), props.Annotations)
	return p
}

func (a AccessLogging) validate(p *problem.List, field *problem.Path) {
	if a.Filter != "" {
		if err := parseCondition(a.Filter); err != nil {
			p.Add(field.Child("Filter"), a.Filter,
				fmt.Sprintf("is not a condition in CEL (%v); use for example \"response.code >= 400\"", err))
		}
	}
	switch {
	case a.Disabled && a.Filter != "":
		p.Add(field.Child("Filter"), a.Filter, "has no meaning beside Disabled: true; leave out one of them")
	case a.Filter != "" && len(a.Providers) == 0:
		p.Missing(field.Child("Providers"), "say who takes the logs, for example EnvoyAccessLog")
	}
	validateProviders(p, field.Child("Providers"), a.Providers)
}

// parseCondition reads a condition as Istio's webhook does, which looks at its form and not at its
// names (validateTelemetryFilter in istio.io/istio/pkg/config/validation).
func parseCondition(text string) error {
	reader, err := parser.NewParser(parser.Macros(parser.AllMacros...))
	if err != nil {
		return err
	}
	_, errs := reader.Parse(common.NewTextSource(text))
	if found := errs.GetErrors(); len(found) > 0 {
		// What it goes on to say is the grammar.
		message, _, _ := strings.Cut(found[0].Message, " expecting")
		return errors.New(message)
	}
	return nil
}

func (t Tracing) validate(p *problem.List, field *problem.Path) {
	if percentage := t.SamplingPercentage; percentage != nil {
		switch {
		case !(*percentage >= 0 && *percentage <= 100):
			p.Add(field.Child("SamplingPercentage"), *percentage, "is not a percentage; use 0 to 100")
		case t.Disabled:
			p.Add(field.Child("SamplingPercentage"), *percentage,
				"has no meaning beside Disabled: true; leave out one of them")
		}
	}
	validateProviders(p, field.Child("Providers"), t.Providers)
	for _, name := range slices.Sorted(maps.Keys(t.CustomTags)) {
		if strings.TrimSpace(name) == "" {
			p.Add(field.Child("CustomTags"), name, "is not the name of a tag; use for example \"environment\"")
		}
		if t.CustomTags[name] == "" {
			p.Add(problem.Key(field.Child("CustomTags"), name), "",
				"is empty, which Istio refuses; give the tag a value, or leave it out")
		}
	}
}

func validateProviders(p *problem.List, field *problem.Path, providers []string) {
	var names problem.Unique
	for i, provider := range providers {
		at := field.Index(i)
		if strings.TrimSpace(provider) == "" {
			p.Add(at, provider, "is not the name of a provider; use one of the mesh's extensionProviders")
			continue
		}
		names.Check(p, at, at, provider)
	}
}

// Telemetry says what the proxies of the mesh report of the requests that they carry: access logs
// and traces.
// See https://istio.io/latest/docs/reference/config/telemetry/.
type Telemetry struct {
	constructs.Construct
	props  TelemetryProps
	object cdk8s.ApiObject
	// made is what Patch has left.
	made *telemetryv1.Telemetry
}

// NewTelemetry makes a Telemetry.
func NewTelemetry(scope constructs.Construct, id string, props TelemetryProps) *Telemetry {
	t := &Telemetry{props: props}
	tree.New(t, scope, id)
	tree.Invalid(t, props.validate()...)
	t.made = object.Patched(t, "Patch", props.render(), props.Patch)
	t.object = istio.NewTelemetry(t, "Resource", t.made)
	tree.Invalid(t, props.target().validateNamespace(t.object)...)
	return t
}

// isForPods reports whether it is for the proxies of some pods alone.
func (t *Telemetry) isForPods() bool {
	return t.made != nil && t.made.Spec.Selector != nil && len(t.made.Spec.TargetRefs) == 0
}

// Name returns the name of the Telemetry.
func (t *Telemetry) Name() string {
	if t == nil {
		return ""
	}
	return t.props.Name
}

func (props TelemetryProps) render() *telemetryv1.Telemetry {
	result := &telemetryv1.Telemetry{ObjectMeta: object.Meta(props.Name, props.Labels, props.Annotations)}
	result.Spec.Selector = props.target().selector()
	if !props.AccessLogging.isZero() {
		result.Spec.AccessLogging = []*telemetry.AccessLogging{props.AccessLogging.render()}
	}
	if !props.Tracing.isZero() {
		result.Spec.Tracing = []*telemetry.Tracing{props.Tracing.render()}
	}
	return result
}

func (a AccessLogging) render() *telemetry.AccessLogging {
	result := &telemetry.AccessLogging{Providers: renderProviders(a.Providers)}
	if a.Filter != "" {
		result.Filter = &telemetry.AccessLogging_Filter{Expression: a.Filter}
	}
	if a.Disabled {
		result.Disabled = wrapperspb.Bool(true)
	}
	return result
}

func (t Tracing) render() *telemetry.Tracing {
	result := &telemetry.Tracing{Providers: renderProviders(t.Providers)}
	if t.SamplingPercentage != nil {
		result.RandomSamplingPercentage = wrapperspb.Double(*t.SamplingPercentage)
	}
	if t.Disabled {
		result.DisableSpanReporting = wrapperspb.Bool(true)
	}
	for name, value := range t.CustomTags {
		if result.CustomTags == nil {
			result.CustomTags = map[string]*telemetry.Tracing_CustomTag{}
		}
		result.CustomTags[name] = &telemetry.Tracing_CustomTag{
			Type: &telemetry.Tracing_CustomTag_Literal{Literal: &telemetry.Tracing_Literal{Value: value}},
		}
	}
	return result
}

func renderProviders(names []string) []*telemetry.ProviderRef {
	var result []*telemetry.ProviderRef
	for _, name := range names {
		result = append(result, &telemetry.ProviderRef{Name: name})
	}
	return result
}
