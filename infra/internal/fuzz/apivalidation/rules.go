package apivalidation

import (
	"encoding/json"
	"fmt"
	"log/slog"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/rulefmt"
	"github.com/prometheus/prometheus/promql/parser"
	"go.yaml.in/yaml/v3"
)

// validatePrometheusRule asks what the operator's admission webhook asks: whether Prometheus takes the rules.
func validatePrometheusRule(document []byte) []error {
	var object struct {
		Spec any `json:"spec"`
	}
	if err := json.Unmarshal(document, &object); err != nil {
		return []error{err}
	}
	rules, err := yaml.Marshal(object.Spec)
	if err != nil {
		return []error{err}
	}
	_, errs := rulefmt.Parse(rules, false, model.UTF8Validation, parser.NewParser(parser.Options{}),
		slog.New(slog.DiscardHandler))
	for i, err := range errs {
		errs[i] = fmt.Errorf("prometheus: %w", err)
	}
	return errs
}
