package main

import (
	"encoding/json"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/crossoverJie/k8s-combat/imports/tree"
)

// outcome is what came of a synth: the paths of the files, or why there are none.
type outcome struct {
	paths    []string
	warnings []tree.Problem
	failure  error
}

// reports tell an outcome, by the name of their format. They return an error that is still to be told.
var reports = map[string]func(command *cobra.Command, of outcome) error{
	"text": reportText,
	"json": reportJSON,
}

func reportText(command *cobra.Command, of outcome) error {
	for _, warning := range of.warnings {
		_, _ = fmt.Fprintf(command.ErrOrStderr(), "combat: warning: %v\n", warning)
	}
	if of.failure != nil {
		return of.failure
	}
	for _, path := range of.paths {
		if _, err := fmt.Fprintln(command.OutOrStdout(), path); err != nil {
			return err
		}
	}
	return nil
}

// problemReport is a tree.Problem as JSON.
type problemReport struct {
	Construct string `json:"construct"`
	Field     string `json:"field,omitempty"`
	// Value is written as a message writes it.
	Value   string `json:"value,omitempty"`
	Detail  string `json:"detail"`
	Fix     string `json:"fix,omitempty"`
	Message string `json:"message"`
}

func reportOf(problems []tree.Problem) []problemReport {
	reports := []problemReport{}
	for _, problem := range problems {
		value := ""
		if problem.Value != nil {
			value = tree.ShowValue(problem.Value)
		}
		reports = append(reports, problemReport{problem.Construct, problem.Field, value, problem.Detail,
			problem.Fix, problem.Message()})
	}
	return reports
}

// toldError is an error that has been told already.
type toldError struct{ error }

func (e toldError) Unwrap() error { return e.error }

func reportJSON(command *cobra.Command, of outcome) error {
	report := struct {
		Files    []string        `json:"files"`
		Problems []problemReport `json:"problems"`
		Warnings []problemReport `json:"warnings"`
		Error    string          `json:"error,omitempty"`
	}{Files: []string{}, Warnings: reportOf(of.warnings)}
	var problems tree.Problems
	switch {
	case errors.As(of.failure, &problems):
	case of.failure != nil:
		report.Error = of.failure.Error()
	default:
		report.Files = append(report.Files, of.paths...)
	}
	report.Problems = reportOf(problems)
	encoder := json.NewEncoder(command.OutOrStdout())
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(report); err != nil {
		return err
	}
	if of.failure != nil {
		return toldError{of.failure}
	}
	return nil
}
