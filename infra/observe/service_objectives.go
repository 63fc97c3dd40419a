package observe

import (
	"fmt"
	"maps"
	"math/big"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/aws/constructs-go/constructs/v10"
	monitoringv1 "github.com/prometheus-operator/prometheus-operator/pkg/apis/monitoring/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/crossoverJie/k8s-combat/imports/monitoring"
	"github.com/crossoverJie/k8s-combat/imports/tree"
	"github.com/crossoverJie/k8s-combat/infra"
	"github.com/crossoverJie/k8s-combat/infra/internal/object"
	"github.com/crossoverJie/k8s-combat/infra/internal/problem"
)

// Availability is the objective for requests that must not fail.
type Availability struct {
	// Objective is the percentage of requests that must not fail, above 0 and below 100, for
	// example 99.9. Defaults to no such objective.
	Objective float64
}

// Latency is the objective for requests that must not take long.
type Latency struct {
	// Objective is the percentage of requests that must take no longer than Threshold, above 0 and
	// below 100, for example 99. Defaults to no such objective.
	Objective float64
	// Threshold is one of the Buckets of the Metrics: between two of them nobody can count.
	// Required with Objective.
	Threshold time.Duration
}

// ServiceObjectivesProps are the options of ServiceObjectives.
type ServiceObjectivesProps struct {
	// Name of the PrometheusRule. Required; an RFC 1123 subdomain.
	Name string
	// Service whose requests count. Required.
	Service *infra.Service
	// Availability is the objective for requests that must not fail. Defaults to none. One of
	// Availability and Latency is required.
	Availability Availability
	// Latency is the objective for requests that must not take long. Defaults to none.
	Latency Latency
	// Window is the time over which the objectives hold, 28 to 90 whole days. Defaults to 30 days.
	Window time.Duration
	// Metrics are the series that the requests are counted by. Default to those of HTTP, as
	// RequestMetrics has them.
	Metrics RequestMetrics
	// PageLabels are on the alerts that somebody must look at now. Default to {"severity": "page"}.
	PageLabels map[string]string
	// TicketLabels are on the alerts that can wait for the next working day. Default to
	// {"severity": "ticket"}.
	TicketLabels map[string]string
	// Runbook is the URL of the page that says what to do, the alerts' annotation runbook_url.
	// Defaults to none.
	Runbook string
	// Labels of the PrometheusRule, by which a Prometheus may select it, and Annotations. Default
	// to none.
	Labels, Annotations map[string]string
	// Patch has the last word on the PrometheusRule.
	Patch func(*monitoringv1.PrometheusRule)
}

func (props ServiceObjectivesProps) withDefaults() ServiceObjectivesProps {
	if props.Window == 0 {
		props.Window = 30 * day
	}
	props.Metrics = props.Metrics.withDefaults(props.Service)
	if props.PageLabels == nil {
		props.PageLabels = map[string]string{severityLabel: "page"}
	}
	if props.TicketLabels == nil {
		props.TicketLabels = map[string]string{severityLabel: "ticket"}
	}
	return props
}

func (props ServiceObjectivesProps) validate() problem.List {
	var p problem.List
	p.DNSSubdomain(problem.At("Name"), props.Name)
	if props.Service.Ref() == nil {
		p.Missing(problem.At("Service"), "give the *Service whose requests count")
	}
	if props.Availability == (Availability{}) && props.Latency == (Latency{}) {
		p.Missing(problem.At("Availability", "Objective"), "give it, or Latency.Objective")
	}
	if props.Window%day != 0 || props.Window < 28*day || props.Window > 90*day {
		p.Add(problem.At("Window"), props.Window,
			"is not a window for objectives; use 28 to 90 whole days, for example 720h for 30 of them")
		// The thresholds of the alerts depend on it.
		props.Window = 30 * day
	}
	if props.Availability != (Availability{}) {
		props.validateObjective(&p, problem.At("Availability", "Objective"), props.Availability.Objective)
	}
	if props.Latency != (Latency{}) {
		props.validateObjective(&p, problem.At("Latency", "Objective"), props.Latency.Objective)
		if len(props.Metrics.Buckets) > 0 && !props.Metrics.hasBucket(props.Latency.Threshold) {
			p.Add(problem.At("Latency", "Threshold"), props.Latency.Threshold,
				"is not a bucket of the histogram; use "+problem.Or(props.Metrics.bucketTexts())+", or say which Buckets it has")
		}
	}
	props.Metrics.validate(&p, problem.At("Metrics"))
	validateAlertLabels(&p, problem.At("PageLabels"), props.PageLabels)
	validateAlertLabels(&p, problem.At("TicketLabels"), props.TicketLabels)
	if props.Runbook != "" {
		p.WebAddress(problem.At("Runbook"), props.Runbook)
	}
	p.Labels(problem.At("Labels"), props.Labels)
	p.Annotations(problem.At("Annotations"), props.Annotations)
	return p
}

// validateObjective checks a percentage, and that there are so many requests that each alert can
// fire.
func (props ServiceObjectivesProps) validateObjective(p *problem.List, field *problem.Path, objective float64) {
	if !(objective > 0 && objective < 100) {
		p.Add(field, objective,
			"is not a percentage that can be missed and met; use more than 0 and less than 100, for example 99.9")
		return
	}
	fastest := burns[0].factor(props.Window)
	budget := errorBudget(objective)
	if new(big.Rat).Mul(fastest, budget).Cmp(big.NewRat(1, 1)) < 0 {
		return
	}
	// 100 - 100/factor, rounded up so that the figure itself is allowed.
	lowest := new(big.Rat).Quo(new(big.Rat).Sub(fastest, big.NewRat(1, 1)), fastest)
	lowest.Mul(lowest, big.NewRat(100, 1)).Add(lowest, big.NewRat(1, 200))
	p.Add(field, objective, fmt.Sprintf(
		"is too low for its alerts: %s times its error budget of %s %% is not less than all requests, so nobody would be paged; use %s or more",
		decimalPlaces(fastest, 2), decimal(new(big.Rat).Mul(budget,
			big.NewRat(100, 1))), lowest.FloatString(2)))
}

func validateAlertLabels(p *problem.List, field *problem.Path, labels map[string]string) {
	validateSeriesLabels(p, field, slices.Sorted(maps.Keys(labels)))
	for _, name := range []string{serviceSeriesLabel, objectiveLabel, longLabel, shortLabel} {
		if value, ok := labels[name]; ok {
			p.Add(problem.Key(field, name), value, "is set by ServiceObjectives; leave it out")
		}
	}
}

// ServiceObjectives are the service level objectives of a Service as a PrometheusRule: recording
// rules, and alerts that fire when its error budget burns too fast, by several burn rates over two
// windows each, as the SRE workbook recommends (https://sre.google/workbook/alerting-on-slos/, 6:
// Multiwindow, Multi-Burn-Rate Alerts).
//
// The rules are of use once Prometheus reads the Service: see Scraping.
type ServiceObjectives struct {
	constructs.Construct
	props ServiceObjectivesProps
}

// NewServiceObjectives makes ServiceObjectives.
func NewServiceObjectives(scope constructs.Construct, id string,
	props ServiceObjectivesProps) *ServiceObjectives {
	props = props.withDefaults()
	o := &ServiceObjectives{props: props}
	tree.New(o, scope, id)
	tree.Invalid(o, props.validate()...)
	rule := &monitoringv1.PrometheusRule{ObjectMeta: object.Meta(props.Name, props.Labels, props.Annotations)}
	for _, objective := range props.objectives() {
		rule.Spec.Groups = append(rule.Spec.Groups, props.group(objective))
	}
	monitoring.NewPrometheusRule(o, "Resource", object.Patched(o, "Patch", rule, props.Patch))
	return o
}

// Name returns the name of the PrometheusRule.
func (o *ServiceObjectives) Name() string {
	if o == nil {
		return ""
	}
	return o.props.Name
}

// Labels of the recorded series and of the alerts.
const (
	objectiveLabel = "slo"
	severityLabel  = "severity"
	longLabel      = "long"
	shortLabel     = "short"
)

// Recorded series, named level:metric:operations as Prometheus recommends.
const (
	requestsSeries  = "slo:requests:rate5m"
	errorsSeries    = "slo:errors:rate5m"
	errorRatio      = "slo:errors:ratio_rate"
	budgetRemaining = "slo:error_budget:remaining_ratio"
)

// burn is a rate at which the error budget burns, and the windows over which it is measured: the
// long one says that it matters, the short one that it goes on.
type burn struct {
	// share is the percentage of the whole budget that is gone after the long window.
	share       int64
	long, short time.Duration
	page        bool
}

// burns are those of the SRE workbook, table 5-8 and its ticket of 3 days, fastest first. Over 30
// days they are 14.4, 6, 3 and 1 times the rate that would use up the budget exactly.
var burns = []burn{
	{2, time.Hour, 5 * time.Minute, true},
	{5, 6 * time.Hour, 30 * time.Minute, true},
	{10, day, 2 * time.Hour, false},
	{10, 3 * day, 6 * time.Hour, false},
}

// factor is how many times faster than allowed the budget burns.
func (b burn) factor(window time.Duration) *big.Rat {
	return big.NewRat(b.share*int64(window), 100*int64(b.long))
}

// errorBudget is the share of requests that may miss the objective, computed in decimals: 99.9
// leaves exactly 0.001.
func errorBudget(objective float64) *big.Rat {
	percentage, _ := new(big.Rat).SetString(strconv.FormatFloat(objective, 'f', -1, 64))
	missed := new(big.Rat).Sub(big.NewRat(100, 1), percentage)
	return missed.Quo(missed, big.NewRat(100, 1))
}

// decimal writes a number as exactly as an alert can compare it.
func decimal(r *big.Rat) string { return decimalPlaces(r, 12) }

// decimalPlaces writes a number with so many decimal places at most.
func decimalPlaces(r *big.Rat, places int) string {
	text := r.FloatString(places)
	if strings.Contains(text, ".") {
		text = strings.TrimRight(strings.TrimRight(text, "0"), ".")
	}
	return text
}

// objective is an Availability or a Latency, as its rules see it.
type objective struct {
	name string
	// alert is the name of its alerts.
	alert      string
	percentage float64
	// requests and errors are the requests a second over a window, all of them and those that miss
	// the objective.
	requests, errors func(window string) string
	// missed says what such a request did.
	missed string
}

func (props ServiceObjectivesProps) objectives() []objective {
	var result []objective
	m := props.Metrics
	for _, o := range []objective{
		{
			name: "availability", alert: "AvailabilityBudgetBurn", percentage: props.Availability.Objective,
			requests: m.requestRate, errors: m.failureRate, missed: "failed",
		},
		{
			name: "latency", alert: "LatencyBudgetBurn", percentage: props.Latency.Objective,
			requests: m.timedRate,
			errors:   func(window string) string { return m.slowRate(props.Latency.Threshold, window) },
			missed:   "took longer than " + props.Latency.Threshold.String(),
		},
	} {
		if o.percentage > 0 && o.percentage < 100 {
			result = append(result, o)
		}
	}
	return result
}

// labels are those that tell the series of an objective from all others.
func (props ServiceObjectivesProps) labels(o objective) map[string]string {
	labels := map[string]string{objectiveLabel: o.name}
	if props.Service.Ref() != nil {
		labels[serviceSeriesLabel] = props.Service.Name()
	}
	return labels
}

// recorded writes the selector of a series that group records.
func (props ServiceObjectivesProps) recorded(series string, o objective) string {
	labels := props.labels(o)
	if namespace, ok := props.Metrics.Selector[namespaceSeriesLabel]; ok {
		labels[namespaceSeriesLabel] = namespace
	}
	return series + selector(labels, nil)
}

// ratioOver is the recorded share of requests that missed the objective over a window.
func (props ServiceObjectivesProps) ratioOver(window time.Duration, o objective) string {
	return props.recorded(errorRatio+promDuration(window), o)
}

func (props ServiceObjectivesProps) group(o objective) monitoringv1.RuleGroup {
	group := monitoringv1.RuleGroup{Name: props.Name + "-" + o.name}
	record := func(series, expression string) {
		group.Rules = append(group.Rules,
			monitoringv1.Rule{Record: series, Expr: intstr.FromString(expression), Labels: props.labels(o)})
	}
	record(requestsSeries, o.requests("5m"))
	record(errorsSeries, o.errors("5m"))
	for _, window := range burnWindows() {
		text := promDuration(window)
		record(errorRatio+text, o.errors(text)+" / "+o.requests(text))
	}
	// From the recorded series: the rate of the counters themselves over so long a time would be
	// read anew each time.
	window := promDuration(props.Window)
	record(budgetRemaining, fmt.Sprintf("1 - (sum_over_time(%s[%s]) / sum_over_time(%s[%s])) / %s",
		props.recorded(errorsSeries, o), window, props.recorded(requestsSeries,
			o), window, decimal(errorBudget(o.percentage))))
	for _, b := range burns {
		group.Rules = append(group.Rules, props.alert(o, b))
	}
	return group
}

// burnWindows are the windows of all burns, each once, in order.
func burnWindows() []time.Duration {
	var windows []time.Duration
	for _, b := range burns {
		windows = append(windows, b.long, b.short)
	}
	slices.Sort(windows)
	return slices.Compact(windows)
}

func (props ServiceObjectivesProps) alert(o objective, b burn) monitoringv1.Rule {
	factor, budget := b.factor(props.Window), errorBudget(o.percentage)
	over := func(window time.Duration) string {
		return fmt.Sprintf("%s > %s * %s", props.ratioOver(window, o), decimal(factor), decimal(budget))
	}
	severity := props.TicketLabels
	if b.page {
		severity = props.PageLabels
	}
	labels := object.Merged(severity, props.labels(o))
	labels[longLabel], labels[shortLabel] = promDuration(b.long), promDuration(b.short)

	// The objective's window divided by the factor, in which the window cancels out.
	gone := time.Duration(int64(b.long) * 100 / b.share)
	annotations := map[string]string{
		"summary": fmt.Sprintf("%s uses up its error budget for %s %s times as fast as it may",
			labels[serviceSeriesLabel], o.name, decimalPlaces(factor, 2)),
		"description": fmt.Sprintf(
			"{{ $value | humanizePercentage }} of the requests of the last %s %s; the objective of %s %% over %s allows %s %%. At the rate of this alert a whole budget is gone in %s.",
			labels[longLabel], o.missed, strconv.FormatFloat(o.percentage, 'f', -1, 64),
			promDuration(props.Window),
			decimal(new(big.Rat).Mul(budget, big.NewRat(100, 1))), promDuration(gone)),
	}
	if props.Runbook != "" {
		annotations["runbook_url"] = props.Runbook
	}
	return monitoringv1.Rule{
		Alert:       o.alert,
		Expr:        intstr.FromString(over(b.long) + " and " + over(b.short)),
		Labels:      labels,
		Annotations: annotations,
	}
}
