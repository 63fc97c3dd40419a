package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/crossoverJie/k8s-combat/imports/tree"
)

// reports write the outcome of a synth by the name of their format: the paths of the files, or why there are none. They
// return an error that is still to be told.
var reports = map[string]func(w io.Writer, paths []string, failure error) error{
	"text": reportText,
	"json": reportJSON,
}

func reportText(w io.Writer, paths []string, failure error) error {
	if failure != nil {
		return failure
	}
	for _, path := range paths {
		if _, err := fmt.Fprintln(w, path); err != nil {
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

// toldError is an error that has been told already.
type toldError struct{ error }

func (e toldError) Unwrap() error { return e.error }

func reportJSON(w io.Writer, paths []string, failure error) error {
	report := struct {
		Files    []string        `json:"files"`
		Problems []problemReport `json:"problems"`
		Error    string          `json:"error,omitempty"`
	}{Files: []string{}, Problems: []problemReport{}}
	var problems tree.Problems
	switch {
	case errors.As(failure, &problems):
		for _, problem := range problems {
			value := ""
			if problem.Value != nil {
				value = tree.ShowValue(problem.Value)
			}
			report.Problems = append(report.Problems, problemReport{
				problem.Construct, problem.Field, value, problem.Detail, problem.Fix, problem.Message(),
			})
		}
	case failure != nil:
		report.Error = failure.Error()
	default:
		report.Files = append(report.Files, paths...)
	}
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(report); err != nil {
		return err
	}
	if failure != nil {
		return toldError{failure}
	}
	return nil
}
