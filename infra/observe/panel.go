package observe

import (
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/crossoverJie/k8s-combat/infra"
	"github.com/crossoverJie/k8s-combat/infra/internal/problem"
	"github.com/crossoverJie/k8s-combat/infra/internal/ref"
)

// PanelKind is how a Panel shows its queries.
type PanelKind string

const (
	// TimeSeries draws them over time.
	TimeSeries PanelKind = "timeseries"
	// Stat shows the last value of each.
	Stat PanelKind = "stat"
)

// Query is a query of a Panel.
type Query struct {
	// Expression is PromQL; in it Grafana's variables may stand for times, as in
	// [$__rate_interval]. A bracket or quotation mark that is not closed is an error. Required.
	// See https://prometheus.io/docs/prometheus/latest/querying/basics/.
	Expression string
	// Legend names the series; {{label}} stands for a label's value. Defaults to Grafana's own: all
	// labels.
	Legend string
}

// Threshold is a value from which on a panel shows another color.
type Threshold struct {
	// Value is where it begins, in the panel's Unit. Defaults to 0.
	Value float64
	// Color is a color of Grafana's, for example "red". Required.
	Color string
}

// Panel is a panel of a Dashboard. RequestRatePanel and its neighbours make the usual ones.
type Panel struct {
	// Title is what Grafana shows above it. Required; no two panels of a dashboard have the same.
	Title string
	// Description is shown when the reader asks for it. Defaults to none.
	Description string
	// Kind is how the queries are shown. Defaults to TimeSeries.
	Kind PanelKind
	// Unit is one of Grafana's units, for example "reqps", "percentunit", "s" or "bytes". Defaults
	// to "short", a number.
	Unit string
	// Queries of the panel. At least one is required, at most 26.
	Queries []Query
	// Thresholds in ascending order, or else an error; below the first the color is green. Default
	// to none.
	Thresholds []Threshold
	// Min and Max are the ends of the axis, in the Unit; Min is less than Max. Default to those of
	// the data.
	Min, Max *float64
	// Width in 24ths of the dashboard's, 1 to 24. Defaults to 12.
	Width int
	// Height in Grafana's units of 30 pixels, 2 to 40. Defaults to 8.
	Height int

	// problem is what was wrong with what the panel was made of.
	problem string
}

func (panel Panel) withDefaults() Panel {
	if panel.Kind == "" {
		panel.Kind = TimeSeries
	}
	if panel.Unit == "" {
		panel.Unit = "short"
	}
	if panel.Width == 0 {
		panel.Width = dashboardColumns / 2
	}
	if panel.Height == 0 {
		panel.Height = 8
	}
	return panel
}

// maxQueries is how many letters there are to tell the queries of a panel apart.
const maxQueries = 26

func (panel Panel) validate(p *problem.List, field *problem.Path) {
	if panel.problem != "" {
		p.Say(field, panel.problem)
		return
	}
	if strings.TrimSpace(panel.Title) == "" {
		p.Missing(field.Child("Title"), "say what the panel shows, for example \"Requests\"")
	}
	problem.OneOf(p, field.Child("Kind"), panel.Kind, TimeSeries, Stat)
	if panel.Width < 1 || panel.Width > dashboardColumns {
		p.Add(field.Child("Width"), panel.Width, "is not a width; use 1 to 24, the whole dashboard")
	}
	if panel.Height < 2 || panel.Height > 40 {
		p.Add(field.Child("Height"), panel.Height, "is not a height; use 2 to 40")
	}
	switch {
	case len(panel.Queries) == 0:
		p.Missing(field.Child("Queries"), "give at least one query")
	case len(panel.Queries) > maxQueries:
		p.Add(field.Child("Queries"), fmt.Sprintf("%d queries", len(panel.Queries)),
			fmt.Sprintf("are more than a panel can tell apart, %d; use several panels", maxQueries))
	}
	for i, query := range panel.Queries {
		query.validate(p, field.Child("Queries").Index(i))
	}
	for i, threshold := range panel.Thresholds {
		at := field.Child("Thresholds").Index(i)
		if threshold.Color == "" {
			p.Missing(at.Child("Color"), "use a color of Grafana's, for example \"red\"")
		}
		validateFinite(p, at.Child("Value"), &threshold.Value)
		if i > 0 && threshold.Value <= panel.Thresholds[i-1].Value {
			p.Add(at.Child("Value"), threshold.Value,
				fmt.Sprintf("is not more than the one before it, %v; put them in ascending order",
					panel.Thresholds[i-1].Value))
		}
	}
	validateFinite(p, field.Child("Min"), panel.Min)
	validateFinite(p, field.Child("Max"), panel.Max)
	if panel.Min != nil && panel.Max != nil && *panel.Min >= *panel.Max {
		p.Add(field.Child("Max"), *panel.Max, fmt.Sprintf("is not more than Min, %v; raise it", *panel.Min))
	}
}

// validateFinite checks a number that JSON must be able to hold.
func validateFinite(p *problem.List, field *problem.Path, value *float64) {
	if value != nil && (math.IsNaN(*value) || math.IsInf(*value, 0)) {
		p.Add(field, *value, "is not a finite number; use one, or leave it out")
	}
}

// quotedText is a string of PromQL.
var quotedText = regexp.MustCompile("\"(?:[^\"\\\\\n]|\\\\.)*\"|'(?:[^'\\\\\n]|\\\\.)*'|`[^`]*`")

// validate finds what is easily cut off or left over in a query. To parse it would take most of a
// Prometheus.
func (query Query) validate(p *problem.List, field *problem.Path) {
	field = field.Child("Expression")
	if strings.TrimSpace(query.Expression) == "" {
		p.Missing(field, "give it in PromQL, for example \"up\"")
		return
	}
	const rule = "is not PromQL: %s; see https://prometheus.io/docs/prometheus/latest/querying/basics/"
	rest := quotedText.ReplaceAllString(query.Expression, "")
	if strings.ContainsAny(rest, "\"'`") {
		p.Add(field, query.Expression, fmt.Sprintf(rule, "a quotation mark is not closed"))
		return
	}
	var open []rune
	closing := map[rune]rune{'(': ')', '[': ']', '{': '}'}
	for _, r := range rest {
		switch r {
		case '(', '[', '{':
			open = append(open, closing[r])
		case ')', ']', '}':
			if len(open) == 0 || open[len(open)-1] != r {
				p.Add(field, query.Expression, fmt.Sprintf(rule, fmt.Sprintf("a '%c' closes nothing", r)))
				return
			}
			open = open[:len(open)-1]
		}
	}
	if len(open) > 0 {
		p.Add(field, query.Expression, fmt.Sprintf(rule, fmt.Sprintf("a '%c' is missing", open[len(open)-1])))
	}
}

func (panel Panel) render(id int, position grafanaPosition) grafanaPanel {
	steps := []grafanaStep{{Color: "green"}}
	for _, threshold := range panel.Thresholds {
		steps = append(steps, grafanaStep{threshold.Color, &threshold.Value})
	}
	result := grafanaPanel{
		Datasource:  prometheusVariable,
		Description: panel.Description,
		FieldConfig: grafanaFieldConfig{
			Defaults: grafanaDefaults{
				Max: panel.Max, Min: panel.Min, Unit: panel.Unit,
				Thresholds: grafanaThresholds{Mode: "absolute", Steps: steps},
			},
			Overrides: []struct{}{},
		},
		GridPos: position,
		ID:      id,
		Targets: []grafanaTarget{},
		Title:   panel.Title,
		Type:    string(panel.Kind),
	}
	if panel.Kind == TimeSeries && len(panel.Thresholds) > 0 {
		result.FieldConfig.Defaults.Custom = &grafanaCustom{ThresholdsStyle: grafanaMode{"line"}}
	}
	for i, query := range panel.Queries {
		result.Targets = append(result.Targets, grafanaTarget{
			Datasource: prometheusVariable, Expr: query.Expression, LegendFormat: query.Legend,
			RefID: string(rune('A' + i%maxQueries)),
		})
	}
	return result
}

// rateInterval is the shortest window that has enough samples for a rate at the dashboard's
// resolution.
const rateInterval = "$__rate_interval"

// byNamespace names a series by the namespace that its expression keeps.
const byNamespace = "{{" + namespaceSeriesLabel + "}}"

// servicePanel makes a panel about the requests to a Service.
func servicePanel(service *infra.Service, metrics RequestMetrics, panel func(RequestMetrics) Panel) Panel {
	if service.Ref() == nil {
		return Panel{problem: "is about no Service; give it one"}
	}
	metrics = metrics.withDefaults(service)
	var p problem.List
	metrics.validate(&p, problem.At("Metrics"))
	if len(p) > 0 {
		return Panel{problem: p.String()}
	}
	return panel(metrics)
}

// RequestRatePanel shows how many requests a second a Service answers. metrics are what its
// requests are counted by; their zero value stands for the defaults.
func RequestRatePanel(service *infra.Service, metrics RequestMetrics) Panel {
	return servicePanel(service, metrics, func(m RequestMetrics) Panel {
		return Panel{
			Title: "Requests", Unit: "reqps", Min: new(0.0),
			Description: "Requests a second that " + service.Name() + " answers.",
			Queries:     []Query{{m.requestRate(rateInterval), byNamespace}},
		}
	})
}

// ErrorRatioPanel shows which share of its requests a Service fails.
func ErrorRatioPanel(service *infra.Service, metrics RequestMetrics) Panel {
	return servicePanel(service, metrics, func(m RequestMetrics) Panel {
		return Panel{
			Title: "Errors", Unit: "percentunit", Min: new(0.0),
			Description: "Share of the requests that " + service.Name() + " fails.",
			Queries: []Query{{m.failureRate(rateInterval) + " / " + m.requestRate(rateInterval),
				byNamespace}},
		}
	})
}

// LatencyPanel shows how long a Service takes at most for a share of its requests: quantiles
// between 0 and 1, by default 0.5, 0.95 and 0.99.
func LatencyPanel(service *infra.Service, metrics RequestMetrics, quantiles ...float64) Panel {
	return servicePanel(service, metrics, func(m RequestMetrics) Panel {
		if len(quantiles) == 0 {
			quantiles = []float64{0.5, 0.95, 0.99}
		}
		panel := Panel{
			Title: "Latency", Unit: "s", Min: new(0.0),
			Description: "Time within which " + service.Name() +
				" answers a share of the requests, estimated from the buckets of its histogram.",
		}
		for _, quantile := range quantiles {
			if !(quantile > 0 && quantile < 1) {
				return Panel{problem: fmt.Sprintf("Quantile: %v is not a quantile; use more than 0 and less than 1, for example 0.99", quantile)}
			}
			text := strconv.FormatFloat(quantile, 'f', -1, 64)
			panel.Queries = append(panel.Queries, Query{
				fmt.Sprintf("histogram_quantile(%s, sum by (%s, %s) (rate(%s_bucket%s[%s])))",
					text, namespaceSeriesLabel, bucketSeriesLabel, m.Duration,
					selector(m.Selector, nil), rateInterval),
				"p" + strconv.FormatFloat(math.Round(quantile*1e6)/1e4, 'f', -1, 64) + " " + byNamespace,
			})
		}
		return panel
	})
}

// SaturationPanel shows how much of its limits of CPU and memory the busiest pod of a workload
// uses, in its main container. It reads the kubelet's metrics of containers (cAdvisor).
func SaturationPanel(workload infra.Workload) Panel {
	made := ref.WorkloadOf(workload)
	if made == nil {
		return Panel{problem: "is about no workload; give it a *ProbedDeployment"}
	}
	panel := Panel{
		Title: "Saturation", Unit: "percentunit", Min: new(0.0),
		Description: "Share of its limit that the busiest pod of " + made.Name() + " uses.",
		Thresholds:  []Threshold{{0.8, "orange"}, {0.95, "red"}},
	}
	if len(made.Template.Spec.Containers) > 0 {
		main := made.Template.Spec.Containers[0]
		pods := map[string]Matcher{"pod": Regex(podNames(made))}
		matchers := selector(map[string]string{"container": main.Name}, pods)
		if limit, ok := main.Resources.Limits[corev1.ResourceCPU]; ok && limit.Sign() > 0 {
			panel.Queries = append(panel.Queries, Query{
				fmt.Sprintf("max by (%s) (rate(container_cpu_usage_seconds_total%s[%s])) / %s",
					namespaceSeriesLabel, matchers, rateInterval, limit.AsDec()),
				"CPU " + byNamespace,
			})
		}
		if limit, ok := main.Resources.Limits[corev1.ResourceMemory]; ok && limit.Sign() > 0 {
			panel.Queries = append(panel.Queries, Query{
				fmt.Sprintf("max by (%s) (container_memory_working_set_bytes%s) / %s",
					namespaceSeriesLabel, matchers, limit.AsDec()),
				"Memory " + byNamespace,
			})
		}
	}
	if len(panel.Queries) == 0 {
		return Panel{problem: made.String() +
			" has no limits to fill; set its Resources.Limits, or leave the panel out"}
	}
	return panel
}

// The API server cuts the name that a pod gets from its owner to make room for five random
// characters (names.SimpleNameGenerator). The digest in the name of a ReplicaSet has at most ten.
const longestPodBase, longestDigest = 63 - 5, 10

// podNames is an RE2 expression for the names of a workload's pods.
func podNames(workload *ref.Workload) string {
	const word = "[a-z0-9]+"
	parts := []string{word}
	switch workload.Kind() {
	case "StatefulSet":
		// Its pods are numbered, and their names are never cut.
		return regexp.QuoteMeta(workload.Name()) + "-[0-9]+"
	case "Deployment", "CronJob":
		// A ReplicaSet or a Job stands between the two.
		parts = append(parts, word)
	}
	base := workload.Name() + "-"
	if len(base)+(len(parts)-1)*(longestDigest+1) > longestPodBase {
		return regexp.QuoteMeta(base[:min(len(base), longestPodBase)]) + "[a-z0-9-]+"
	}
	return regexp.QuoteMeta(base) + strings.Join(parts, "-")
}

// BurnRatePanel shows how many times faster than allowed the error budgets of a Service burn, over
// the long windows of the alerts that page.
func BurnRatePanel(objectives *ServiceObjectives) Panel {
	if objectives == nil {
		return Panel{problem: "is about no objectives; give it *ServiceObjectives"}
	}
	panel := Panel{
		Title: "Burn rate", Min: new(0.0),
		Description: "How many times faster than allowed the error budget burns: at 1 it is gone at the end of the window.",
	}
	props := objectives.props
	for _, objective := range props.objectives() {
		for _, b := range burns {
			if b.page {
				panel.Queries = append(panel.Queries, Query{
					props.ratioOver(b.long, objective) + " / " + decimal(errorBudget(objective.percentage)),
					objective.name + " " + promDuration(b.long) + " " + byNamespace,
				})
			}
		}
	}
	// From where on there is a ticket, and from where on a page.
	panel.Thresholds = []Threshold{{slowestBurn(props.Window, false), "orange"},
		{slowestBurn(props.Window, true), "red"}}
	return panel
}

// slowestBurn is the least factor of an alert that pages, or of one that does not.
func slowestBurn(window time.Duration, page bool) float64 {
	slowest := math.Inf(1)
	for _, b := range burns {
		if factor, _ := b.factor(window).Float64(); b.page == page {
			slowest = min(slowest, factor)
		}
	}
	return slowest
}

// BudgetPanel shows which share of its error budgets a Service has left.
func BudgetPanel(objectives *ServiceObjectives) Panel {
	if objectives == nil {
		return Panel{problem: "is about no objectives; give it *ServiceObjectives"}
	}
	props := objectives.props
	panel := Panel{
		Title: "Error budget left", Kind: Stat, Unit: "percentunit", Max: new(1.0),
		Description: "Share of the requests that may still miss the objective, of those of " +
			promDuration(props.Window) + ".",
	}
	for _, objective := range props.objectives() {
		panel.Queries = append(panel.Queries,
			Query{props.recorded(budgetRemaining, objective), objective.name + " " + byNamespace})
	}
	return panel
}
