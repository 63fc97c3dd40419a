package mesh_test

import (
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/crossoverJie/k8s-combat/infra"
	"github.com/crossoverJie/k8s-combat/infra/internal/synthtest"
	"github.com/crossoverJie/k8s-combat/infra/mesh"
)

const notARetryCondition = "is not a condition of Envoy; use an HTTP status or one of 5xx, gateway-error, reset, reset-before-request, connect-failure, " +
	"retriable-4xx, refused-stream, retriable-status-codes, retriable-headers, envoy-ratelimited, http3-post-connect-failure, " +
	"cancelled, deadline-exceeded, internal, resource-exhausted or unavailable"

func TestRuleGoodInput(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(parts meshParts, r *mesh.Rule){
		"smallest shares": func(parts meshParts, r *mesh.Rule) {
			r.Fault = mesh.Fault{Delay: time.Millisecond, DelayPercent: new(0.0001), AbortStatus: 599, AbortPercent: new(33.3333)}
			r.Mirror = mesh.Mirror{Workload: parts.v2, Percent: new(0.07)}
		},
		"statuses and conditions of retries": func(_ meshParts, r *mesh.Rule) {
			r.Timeout = time.Second
			r.Retries = mesh.Retries{Attempts: 5, PerTryTimeout: time.Second, On: []string{"503", "429", "gateway-error", "retriable-status-codes", "deadline-exceeded"}}
		},
		"redirect": func(_ meshParts, r *mesh.Rule) {
			r.To, r.Redirect = nil, mesh.Redirect{URI: "/new?from=old", Authority: "www.example.com:8443"}
			r.ResponseHeaders.Set = map[string]string{"x-a": "1"}
		},
		"rewrite": func(_ meshParts, r *mesh.Rule) { r.Rewrite = mesh.Rewrite{URI: "/", Authority: "[2001:db8::1]:80"} },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, messages := synthtest.Synth(t, canaryRule(change))
			assert.Empty(t, messages)
		})
	}
}

func TestRuleBadInput(t *testing.T) {
	t.Parallel()
	synthtest.BadInput{
		"shares": {canaryRule(func(parts meshParts, r *mesh.Rule) {
			r.Fault = mesh.Fault{Delay: time.Millisecond, DelayPercent: new(0.00015), AbortStatus: 503, AbortPercent: new(math.NaN())}
			r.Mirror = mesh.Mirror{Workload: parts.v2, Percent: new(0.00001)}
		}), []string{
			`[chart/canary] Rules[0].Fault.DelayPercent: 0.00015 is finer than Istio counts; use steps of 0.0001`,
			`[chart/canary] Rules[0].Fault.AbortPercent: NaN is not a percentage; use 0 to 100`,
			`[chart/canary] Rules[0].Mirror.Percent: 1e-05 is finer than Istio counts; use steps of 0.0001`,
		}},
		"retries": {canaryRule(func(_ meshParts, r *mesh.Rule) {
			r.Retries.On = []string{"", "6xx", " reset", "499", "600", "503"}
		}), []string{
			`[chart/canary] Rules[0].Retries.On[0]: "" ` + notARetryCondition,
			`[chart/canary] Rules[0].Retries.On[1]: "6xx" ` + notARetryCondition,
			`[chart/canary] Rules[0].Retries.On[2]: " reset" ` + notARetryCondition,
			`[chart/canary] Rules[0].Retries.On[3]: "499" is not an HTTP status that Istio knows; use for example "503"`,
			`[chart/canary] Rules[0].Retries.On[4]: "600" is not an HTTP status that Istio knows; use for example "503"`,
		}},
		"rewrite": {canaryRule(func(_ meshParts, r *mesh.Rule) {
			r.Rewrite = mesh.Rewrite{URI: "/a\nb", Authority: "https://www.example.com"}
		}), []string{
			`[chart/canary] Rules[0].Rewrite.URI: "/a\nb" has a control character, such as a new line, which Envoy refuses; leave it out`,
			`[chart/canary] Rules[0].Rewrite.Authority: "https://www.example.com" is not a host, with a port or without; use for example "www.example.com"`,
		}},
		"workloads that are nil": {canaryRule(func(_ meshParts, r *mesh.Rule) {
			var none *infra.ProbedDeployment
			r.To = []mesh.Destination{{Workload: none, Weight: 50}, {Weight: 50}}
			r.Mirror.Workload = none
		}), []string{
			`[chart/canary] Rules[0].To[0].Workload: is nil, as the Deployment of a Service of the type ExternalName is; give one of Versions, or leave it out for all pods of the Service`,
			`[chart/canary] Rules[0].Mirror.Workload: is nil, as the Deployment of a Service of the type ExternalName is; give one of Versions, or leave it out for no copies`,
		}},
		"redirect": {canaryRule(func(_ meshParts, r *mesh.Rule) {
			r.To, r.Redirect = nil, mesh.Redirect{URI: "new", Authority: "www.example.com/new"}
		}), []string{
			`[chart/canary] Rules[0].Redirect.URI: "new" does not begin with '/'; a path does`,
			`[chart/canary] Rules[0].Redirect.Authority: "www.example.com/new" is not a host, with a port or without; use for example "www.example.com"`,
		}},
	}.Run(t)
}
