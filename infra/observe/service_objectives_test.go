package observe_test

import (
	"math"
	"testing"
	"time"

	"github.com/cdk8s-team/cdk8s-core-go/cdk8s/v2"
	monitoringv1 "github.com/prometheus-operator/prometheus-operator/pkg/apis/monitoring/v1"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/crossoverJie/k8s-combat/infra"
	"github.com/crossoverJie/k8s-combat/infra/internal/synthtest"
	"github.com/crossoverJie/k8s-combat/infra/observe"
)

const day = 24 * time.Hour

// webOf makes the Service that the objectives of these tests are for.
func webOf(chart cdk8s.Chart) *infra.Service {
	return infra.NewService(chart, "web", infra.ServiceProps{
		Name:     "web",
		Selector: map[string]string{"app": "web"},
		Ports:    []infra.ServicePort{{Name: "http", Port: 80, TargetPort: 8080}},
	})
}

// objectives builds ServiceObjectives that are in order but for what change does.
func objectives(change func(*observe.ServiceObjectivesProps)) func(cdk8s.Chart) {
	return func(chart cdk8s.Chart) {
		props := observe.ServiceObjectivesProps{
			Name:         "web",
			Service:      webOf(chart),
			Availability: observe.Availability{Objective: 99.9},
			Latency:      observe.Latency{Objective: 99, Threshold: 250 * time.Millisecond},
		}
		change(&props)
		observe.NewServiceObjectives(chart, "objectives", props)
	}
}

func TestServiceObjectives(t *testing.T) {
	t.Parallel()
	synthtest.Golden(t, "service-objectives", objectives(func(*observe.ServiceObjectivesProps) {}))
	synthtest.Golden(t, "service-objectives-full", objectives(func(p *observe.ServiceObjectivesProps) {
		p.Window = 28 * day
		p.Latency.Threshold = time.Second
		p.Metrics = observe.RequestMetrics{
			Requests: "grpc_server_handled_total",
			Failed:   map[string]observe.Matcher{"grpc_code": observe.Regex("Internal|Unavailable"), "grpc_type": observe.Equal("unary"), "grpc_service": observe.Regex(`shop\..*`)},
			Duration: "grpc_server_handling_seconds",
			Buckets:  []time.Duration{100 * time.Millisecond, time.Second},
			Selector: map[string]string{"job": "shop/web", "namespace": "shop"},
		}
		p.PageLabels = map[string]string{"severity": "critical", "team": "shop"}
		p.TicketLabels = map[string]string{"severity": "warning", "team": "shop"}
		p.Runbook = "https://example.com/runbooks/web"
		p.Labels = map[string]string{"release": "prometheus"}
		p.Annotations = map[string]string{"example.com/owner": "team"}
		p.Patch = func(r *monitoringv1.PrometheusRule) { r.Spec.Groups[0].Interval = new(monitoringv1.Duration("1m")) }
	}))
}

func rulesOf(t *testing.T, build func(cdk8s.Chart)) []monitoringv1.RuleGroup {
	t.Helper()
	return synthtest.Only[monitoringv1.PrometheusRule](t, "PrometheusRule", build).Spec.Groups
}

func TestServiceObjectivesArePromQL(t *testing.T) {
	t.Parallel()
	rules := 0
	for _, build := range []func(cdk8s.Chart){
		objectives(func(*observe.ServiceObjectivesProps) {}),
		objectives(func(p *observe.ServiceObjectivesProps) { p.Metrics.Selector = map[string]string{"job": `a"b\c`} }),
		objectives(func(p *observe.ServiceObjectivesProps) { p.Metrics.Selector = map[string]string{} }),
	} {
		for _, group := range rulesOf(t, build) {
			for _, rule := range group.Rules {
				_, err := promQL.ParseExpr(rule.Expr.String())
				require.NoError(t, err, rule.Expr.String())
				rules++
			}
		}
	}
	assert.Equal(t, 3*2*(10+4), rules)
}

// alert is what tells the alerts of an objective apart.
type alert struct{ severity, long string }

func alertsOf(fired []map[string]string) []alert {
	alerts := []alert{}
	for _, labels := range fired {
		alerts = append(alerts, alert{labels["severity"], labels["long"]})
	}
	return alerts
}

// TestServiceObjectivesAlerts feeds the rules of both objectives with requests of which so many times as allowed miss
// the objective, and asks which alerts fire.
func TestServiceObjectivesAlerts(t *testing.T) {
	t.Parallel()
	since := func(long time.Duration, burn float64) func(time.Duration) float64 {
		return func(ago time.Duration) float64 {
			if ago <= long {
				return burn
			}
			return 0
		}
	}
	for name, test := range map[string]struct {
		burn func(ago time.Duration) float64
		want []alert
	}{
		"nothing ever fails":           {since(0, 0), []alert{}},
		"just what the budget allows":  {since(4*day, 0.999), []alert{}},
		"a little more for 3 days":     {since(3*day, 1.01), []alert{{"ticket", "3d"}}},
		"2.9 times for a day":          {since(day, 2.9), []alert{}},
		"3.1 times for a day":          {since(day, 3.1), []alert{{"ticket", "1d"}, {"ticket", "3d"}}},
		"5.9 times for 6 hours":        {since(6*time.Hour, 5.9), []alert{}},
		"6.1 times for 6 hours":        {since(6*time.Hour, 6.1), []alert{{"page", "6h"}}},
		"14.3 times for an hour":       {since(time.Hour, 14.3), []alert{}},
		"14.5 times for an hour":       {since(time.Hour, 14.5), []alert{{"page", "1h"}}},
		"14.5 times for half an hour":  {since(30*time.Minute, 14.5), []alert{}},
		"a fifth of all for 5 minutes": {since(5*time.Minute, 200), []alert{{"page", "1h"}}},
		"over for 10 minutes": {func(ago time.Duration) float64 {
			if ago <= 10*time.Minute {
				return 0
			}
			return since(time.Hour, 30)(ago)
		}, []alert{}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, group := range rulesOf(t, objectives(func(p *observe.ServiceObjectivesProps) { p.Latency.Objective = 99.9 })) {
				assert.ElementsMatch(t, test.want, alertsOf(requestsThat(t, test.burn, group)), group.Name)
			}
		})
	}
}

var now = time.Date(2026, 1, 5, 12, 0, 0, 0, time.UTC)

// requestsThat evaluates a group over 1,000 requests a minute of each of two namespaces, of which those in "shop" burn a
// budget of 0.1 %, and those in "other" are all right.
func requestsThat(t *testing.T, burn func(time.Duration) float64, group monitoringv1.RuleGroup) []map[string]string {
	t.Helper()
	prometheus := newPrometheus(t)
	const perMinute, budget, history = 1000, 0.001, 4 * day
	for _, namespace := range []string{"shop", "other"} {
		missed := func(ago time.Duration) float64 {
			if namespace == "other" {
				return 0
			}
			return perMinute * budget * burn(ago)
		}
		all := func(time.Duration) float64 { return perMinute }
		met := func(ago time.Duration) float64 { return perMinute - missed(ago) }
		series := func(more ...string) map[string]string {
			labels := map[string]string{"service": "web", "namespace": namespace}
			for i := 0; i < len(more); i += 2 {
				labels[more[i]] = more[i+1]
			}
			return labels
		}
		prometheus.scrape("http_server_requests_total", series("code", "200"), now, history, met)
		if namespace == "shop" {
			prometheus.scrape("http_server_requests_total", series("code", "500"), now, history, missed)
		}
		prometheus.scrape("http_server_request_duration_seconds_bucket", series("le", "0.25"), now, history, met)
		prometheus.scrape("http_server_request_duration_seconds_bucket", series("le", "+Inf"), now, history, all)
		prometheus.scrape("http_server_request_duration_seconds_count", series(), now, history, all)
	}
	fired := prometheus.evaluate(group, now)
	for _, labels := range fired {
		assert.Equal(t, "shop", labels["namespace"])
		assert.Equal(t, "web", labels["service"])
	}
	return fired
}

func TestServiceObjectivesRecordWhatIsLeftOfTheBudget(t *testing.T) {
	t.Parallel()
	groups := rulesOf(t, objectives(func(p *observe.ServiceObjectivesProps) { p.Latency.Threshold = time.Second }))
	for i, slow := range []string{"", "1.0", "1"} {
		prometheus := newPrometheus(t)
		group, share := groups[0], 0.00025
		prometheus.scrape("http_server_requests_total", map[string]string{"service": "web", "code": "200"}, now, 4*day, func(time.Duration) float64 { return 1000 * (1 - share) })
		prometheus.scrape("http_server_requests_total", map[string]string{"service": "web", "code": "503"}, now, 4*day, func(time.Duration) float64 { return 1000 * share })
		if slow != "" {
			group = groups[1]
			prometheus.scrape("http_server_request_duration_seconds_count", map[string]string{"service": "web"}, now, 4*day, func(time.Duration) float64 { return 1000 })
			prometheus.scrape("http_server_request_duration_seconds_bucket", map[string]string{"service": "web", "le": slow}, now, 4*day, func(time.Duration) float64 { return 997.5 })
		}
		for ago := 2 * time.Hour; ago >= 0; ago -= time.Minute {
			prometheus.evaluate(monitoringv1.RuleGroup{Rules: group.Rules[:2]}, now.Add(-ago))
		}
		prometheus.evaluate(group, now)
		left := prometheus.query("slo:error_budget:remaining_ratio", now)
		require.Len(t, left, 1, i)
		assert.InDelta(t, 0.75, left[0].F, 1e-9)
		assert.Equal(t, "web", left[0].Metric.Get("service"))
	}
}

func TestServiceObjectivesWithoutRequests(t *testing.T) {
	t.Parallel()
	for _, group := range rulesOf(t, objectives(func(*observe.ServiceObjectivesProps) {})) {
		prometheus := newPrometheus(t)
		assert.Empty(t, prometheus.evaluate(group, now))
		prometheus.scrape("http_server_requests_total", map[string]string{"service": "web", "code": "200"}, now, 4*day, func(time.Duration) float64 { return 0 })
		prometheus.scrape("http_server_request_duration_seconds_count", map[string]string{"service": "web"}, now, 4*day, func(time.Duration) float64 { return 0 })
		assert.Empty(t, prometheus.evaluate(group, now))
	}
}

func TestServiceObjectivesBadInput(t *testing.T) {
	t.Parallel()
	build := func(change func(*observe.ServiceObjectivesProps)) func(cdk8s.Chart) { return objectives(change) }
	percentage := func(objective float64) func(cdk8s.Chart) {
		return build(func(p *observe.ServiceObjectivesProps) { p.Availability.Objective = objective })
	}
	notPercentage := func(value string) []string {
		return []string{`[chart/objectives] Availability.Objective: ` + value + ` is not a percentage that can be missed and met; use more than 0 and less than 100, for example 99.9`}
	}
	synthtest.BadInput{
		"all requests":  {percentage(100), notPercentage("100")},
		"more than all": {percentage(101), notPercentage("101")},
		"negative":      {percentage(-1), notPercentage("-1")},
		"not a number":  {percentage(math.NaN()), notPercentage("NaN")},
		"too low to be alerted": {percentage(90), []string{
			`[chart/objectives] Availability.Objective: 90 is too low for its alerts: 14.4 times its error budget of 10 % is not less than all requests, so nobody would be paged; use 93.06 or more`,
		}},
		"a share": {percentage(0.999), []string{
			`[chart/objectives] Availability.Objective: 0.999 is too low for its alerts: 14.4 times its error budget of 99.001 % is not less than all requests, so nobody would be paged; use 93.06 or more`,
		}},
		"nothing": {func(chart cdk8s.Chart) {
			observe.NewServiceObjectives(chart, "objectives", observe.ServiceObjectivesProps{})
		}, []string{
			`[chart/objectives] Name: is not set; give the object a name, for example "web"`,
			`[chart/objectives] Service: is not set; give the *Service whose requests count`,
			`[chart/objectives] Availability.Objective: is not set; give it, or Latency.Objective`,
		}},
		"windows": {build(func(p *observe.ServiceObjectivesProps) { p.Window = 7 * day }), []string{
			`[chart/objectives] Window: 168h0m0s is not a window for objectives; use 28 to 90 whole days, for example 720h for 30 of them`,
		}},
		"half a day": {build(func(p *observe.ServiceObjectivesProps) { p.Window = 30*day + 12*time.Hour }), []string{
			`[chart/objectives] Window: 732h0m0s is not a window for objectives; use 28 to 90 whole days, for example 720h for 30 of them`,
		}},
		"threshold between buckets": {build(func(p *observe.ServiceObjectivesProps) { p.Latency.Threshold = 300 * time.Millisecond }), []string{
			`[chart/objectives] Latency.Threshold: 300ms is not a bucket of the histogram; use 5ms, 10ms, 25ms, 50ms, 100ms, 250ms, 500ms, 1s, 2.5s, 5s or 10s, or say which Buckets it has`,
		}},
		"threshold alone": {build(func(p *observe.ServiceObjectivesProps) { p.Latency.Objective = 0 }), []string{
			`[chart/objectives] Latency.Objective: 0 is not a percentage that can be missed and met; use more than 0 and less than 100, for example 99.9`,
		}},
		"metrics": {build(func(p *observe.ServiceObjectivesProps) {
			p.Latency = observe.Latency{}
			p.Metrics = observe.RequestMetrics{
				Requests: "http.requests",
				Duration: "http_seconds_bucket",
				Failed:   map[string]observe.Matcher{"status-code": observe.Regex("5.."), "code": observe.Regex("5(")},
				Buckets:  []time.Duration{0, time.Second, time.Second},
				Selector: map[string]string{"__name__": "x"},
			}
		}), []string{
			`[chart/objectives] Metrics.Requests: "http.requests" is not the name of a metric; use letters, digits, '_' or ':', not beginning with a digit`,
			`[chart/objectives] Metrics.Duration: "http_seconds_bucket" is the name of the buckets; leave out the suffix _bucket`,
			`[chart/objectives] Metrics.Failed: "status-code" is not a label of Prometheus; use letters, digits or '_', not beginning with a digit or with '__'`,
			`[chart/objectives] Metrics.Failed["code"]: "5(" is not an RE2 expression; see https://github.com/google/re2/wiki/Syntax`,
			`[chart/objectives] Metrics.Selector: "__name__" is not a label of Prometheus; use letters, digits or '_', not beginning with a digit or with '__'`,
			`[chart/objectives] Metrics.Buckets[0]: 0s is no upper bound of a bucket; use more than 0s`,
			`[chart/objectives] Metrics.Buckets[2]: 1s is not more than the one before it, 1s; put them in ascending order`,
		}},
		"no buckets": {build(func(p *observe.ServiceObjectivesProps) { p.Metrics.Buckets = []time.Duration{} }), []string{
			`[chart/objectives] Metrics.Buckets: is not set; give the upper bounds of the histogram's buckets, or leave it nil for those of Prometheus' client libraries`,
		}},
		"no request fails": {build(func(p *observe.ServiceObjectivesProps) {
			p.Metrics.Failed = map[string]observe.Matcher{}
			p.Metrics.Duration = "http seconds"
		}), []string{
			`[chart/objectives] Metrics.Duration: "http seconds" is not the name of a metric; use letters, digits, '_' or ':', not beginning with a digit`,
			`[chart/objectives] Metrics.Failed: is not set; say which requests failed, for example {"code": Regex("5..")}, or leave it nil for that`,
		}},
		"alerts": {build(func(p *observe.ServiceObjectivesProps) {
			p.PageLabels = map[string]string{"slo": "x"}
			p.TicketLabels = map[string]string{"alert-name": "x"}
			p.Runbook = "runbooks/web"
			p.Labels = map[string]string{"a b": ""}
			p.Annotations = map[string]string{"a b": ""}
		}), []string{
			`[chart/objectives] PageLabels["slo"]: "x" is set by ServiceObjectives; leave it out`,
			`[chart/objectives] TicketLabels: "alert-name" is not a label of Prometheus; use letters, digits or '_', not beginning with a digit or with '__'`,
			`[chart/objectives] Runbook: "runbooks/web" is not the URL of a page; use for example "https://example.com/runbooks/web"`,
			`[chart/objectives] Labels: "a b" is not a label or annotation key; use a name of at most 63 letters, digits, '-', '_' or '.', after an optional DNS prefix and '/'`,
			`[chart/objectives] Annotations: "a b" is not a label or annotation key; use a name of at most 63 letters, digits, '-', '_' or '.', after an optional DNS prefix and '/'`,
		}},
	}.Run(t)
}
