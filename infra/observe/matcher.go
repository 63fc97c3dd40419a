package observe

import (
	"cmp"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/crossoverJie/k8s-combat/infra/internal/problem"
)

// Matcher is a condition on the value of a label of a series; a label that a series does not have
// counts as empty. Make one with Equal, NotEqual, Regex or NotRegex.
// See https://prometheus.io/docs/prometheus/latest/querying/basics/#time-series-selectors.
type Matcher struct {
	operator, value string
}

// The operators of PromQL.
const (
	equal    = "="
	notEqual = "!="
	regex    = "=~"
	notRegex = "!~"
)

// Equal matches the very value; the empty one matches series without the label.
func Equal(value string) Matcher { return Matcher{equal, value} }

// NotEqual matches every other value; for the empty one all series that have the label.
func NotEqual(value string) Matcher { return Matcher{notEqual, value} }

// Regex matches values that the RE2 expression matches as a whole
// (https://github.com/google/re2/wiki/Syntax).
func Regex(expression string) Matcher { return Matcher{regex, expression} }

// NotRegex matches values that the RE2 expression does not match as a whole.
func NotRegex(expression string) Matcher { return Matcher{notRegex, expression} }

func (m Matcher) validate(p *problem.List, field *problem.Path) {
	switch m.operator {
	case "":
		p.Missing(field, "make the condition with Equal, NotEqual, Regex or NotRegex")
	case regex, notRegex:
		if m.value == "" {
			p.Add(field, m.value,
				"is an expression that only the empty value matches; use Equal(\"\") or NotEqual(\"\") for that")
			return
		}
		// Prometheus anchors it, and \Qa, which is an expression by itself, is none within another.
		for _, expression := range []string{m.value, "^(?s:" + m.value + ")$"} {
			if _, err := regexp.Compile(expression); err != nil {
				p.Add(field, m.value, "is not an RE2 expression; see https://github.com/google/re2/wiki/Syntax")
				return
			}
		}
	}
}

// selector writes the braces of a PromQL selector: labels with these very values, and more
// conditions, which may be on the same labels.
func selector(values map[string]string, conditions map[string]Matcher) string {
	type named struct {
		label string
		Matcher
	}
	var matchers []named
	for label, value := range values {
		matchers = append(matchers, named{label, Equal(value)})
	}
	for label, condition := range conditions {
		matchers = append(matchers, named{label, condition})
	}
	if len(matchers) == 0 {
		return ""
	}
	slices.SortFunc(matchers, func(a, b named) int {
		return cmp.Or(
			strings.Compare(a.label, b.label),
			strings.Compare(a.operator, b.operator),
			strings.Compare(a.value, b.value))
	})
	var parts []string
	for _, m := range slices.Compact(matchers) {
		parts = append(parts, m.label+m.operator+strconv.Quote(m.value))
	}
	return "{" + strings.Join(parts, ",") + "}"
}
