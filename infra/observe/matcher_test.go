package observe_test

import (
	"testing"
	"time"

	"github.com/cdk8s-team/cdk8s-core-go/cdk8s/v2"
	monitoringv1 "github.com/prometheus-operator/prometheus-operator/pkg/apis/monitoring/v1"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/crossoverJie/k8s-combat/infra/internal/synthtest"
	"github.com/crossoverJie/k8s-combat/infra/observe"
)

// failing builds objectives for requests that fail where these conditions hold.
func failing(failed map[string]observe.Matcher, selector map[string]string) func(cdk8s.Chart) {
	return objectives(func(p *observe.ServiceObjectivesProps) {
		p.Latency = observe.Latency{}
		p.Metrics.Failed, p.Metrics.Selector = failed, selector
	})
}

// TestMatchers asks Prometheus' own engine which of ten requests with code 200, twenty with 500, forty with 503 and eighty
// without a code a condition takes.
func TestMatchers(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		matcher  observe.Matcher
		selector map[string]string
		want     float64
	}{
		"equal":                   {observe.Equal("500"), nil, 20},
		"not equal":               {observe.NotEqual("500"), nil, 130},
		"regex":                   {observe.Regex("5.."), nil, 60},
		"regex is anchored":       {observe.Regex("5"), nil, 0},
		"regex with alternatives": {observe.Regex("500|503"), nil, 60},
		"not regex":               {observe.NotRegex("5.."), nil, 90},
		"without the label":       {observe.Equal(""), nil, 80},
		"with the label":          {observe.NotEqual(""), nil, 70},
		"beside a selector":       {observe.Regex("5.."), map[string]string{"code": "503"}, 40},
		"against a selector":      {observe.NotEqual("503"), map[string]string{"code": "503"}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			prometheus := newPrometheus(t)
			for code, n := range map[string]float64{"200": 10, "500": 20, "503": 40, "": 80} {
				labels := map[string]string{"service": "web"}
				if code != "" {
					labels["code"] = code
				}
				prometheus.scrape("http_server_requests_total", labels, now, time.Hour, func(time.Duration) float64 { return n })
			}
			groups := rulesOf(t, failing(map[string]observe.Matcher{"code": test.matcher}, test.selector))
			prometheus.evaluate(monitoringv1.RuleGroup{Rules: groups[0].Rules[:2]}, now)
			errors := prometheus.query("slo:errors:rate5m", now)
			require.Len(t, errors, 1)
			assert.InDelta(t, test.want/60, errors[0].F, 1e-9)
		})
	}
}

func TestMatcherBadInput(t *testing.T) {
	t.Parallel()
	code := func(matcher observe.Matcher) func(cdk8s.Chart) {
		return failing(map[string]observe.Matcher{"code": matcher}, nil)
	}
	notRE2 := func(expression string) []string {
		return []string{`[chart/objectives] Metrics.Failed["code"]: ` + expression + ` is not an RE2 expression; see https://github.com/google/re2/wiki/Syntax`}
	}
	empty := []string{`[chart/objectives] Metrics.Failed["code"]: "" is an expression that only the empty value matches; use Equal("") or NotEqual("") for that`}
	synthtest.BadInput{
		"nothing": {code(observe.Matcher{}), []string{
			`[chart/objectives] Metrics.Failed["code"]: is not set; make the condition with Equal, NotEqual, Regex or NotRegex`,
		}},
		"bracket":                  {code(observe.Regex("5(")), notRE2(`"5("`)},
		"bracket in a negation":    {code(observe.NotRegex("5(")), notRE2(`"5("`)},
		"brackets of the anchor":   {code(observe.Regex("5)|(4")), notRE2(`"5)|(4"`)},
		"quotation without an end": {code(observe.Regex(`\Q5`)), notRE2(`"\\Q5"`)},
		"empty expression":         {code(observe.Regex("")), empty},
		"empty negation":           {code(observe.NotRegex("")), empty},
	}.Run(t)
}
