package check

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"github.com/crossoverJie/k8s-combat/imports/tree"
)

// Format is how findings are written.
type Format string

const (
	// Text is for people: a finding in two lines, what happens and what to do.
	Text Format = "text"
	// ColourText is Text with the colours of a terminal.
	ColourText Format = "colour"
	// JSON is one object with a list of findings.
	JSON Format = "json"
	// SARIF is the format of code scanners, version 2.1.0.
	SARIF Format = "sarif"
	// GitHub is the commands by which GitHub Actions annotate files.
	GitHub Format = "github"
)

var writers = map[Format]func(w io.Writer, findings []Finding) error{
	Text:       func(w io.Writer, findings []Finding) error { return writeText(w, findings, false) },
	ColourText: func(w io.Writer, findings []Finding) error { return writeText(w, findings, true) },
	JSON:       writeJSON,
	SARIF:      writeSARIF,
	GitHub:     writeGitHub,
}

// Formats are the formats by which findings can be written, beside ColourText.
func Formats() []Format {
	return slices.DeleteFunc(slices.Sorted(maps.Keys(writers)), func(f Format) bool { return f == ColourText })
}

// Write writes findings. It is an error if the format is not known.
func Write(w io.Writer, format Format, findings []Finding) error {
	write, ok := writers[format]
	if !ok {
		return fmt.Errorf("no format %q; use one of %v", format, Formats())
	}
	return write(w, findings)
}

// longest is how much of a text is written.
const longest = 600

func printable(text string) string { return tree.Printable(text, longest) }

var colours = map[Severity]string{Error: "\x1b[31m", Warning: "\x1b[33m", Note: "\x1b[36m"}

func writeText(w io.Writer, findings []Finding, colour bool) error {
	painted := func(severity Severity) string {
		if colour {
			return colours[severity] + string(severity) + "\x1b[0m"
		}
		return string(severity)
	}
	for _, f := range findings {
		where := f.Place.String()
		if where != "" {
			where += ": "
		}
		field := f.Field
		if field != "" {
			field = " " + field
		}
		if _, err := fmt.Fprintf(w, "%s%s %s: %s\n    %s\n    %s\n", printable(where), painted(f.Severity), f.Code,
			printable(f.Object()+field), printable(f.Message), printable("fix: "+f.Fix)); err != nil {
			return err
		}
	}
	return nil
}

func encode(w io.Writer, value any) error {
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	return encoder.Encode(value)
}

type findingJSON struct {
	Code      string   `json:"code"`
	Severity  Severity `json:"severity"`
	Kind      string   `json:"kind"`
	Namespace string   `json:"namespace,omitempty"`
	Name      string   `json:"name"`
	Field     string   `json:"field,omitempty"`
	File      string   `json:"file,omitempty"`
	Line      int      `json:"line,omitempty"`
	Construct string   `json:"construct,omitempty"`
	Message   string   `json:"message"`
	Fix       string   `json:"fix"`
}

func writeJSON(w io.Writer, findings []Finding) error {
	report := struct {
		Findings []findingJSON `json:"findings"`
	}{[]findingJSON{}}
	for _, f := range findings {
		report.Findings = append(report.Findings, findingJSON{f.Code, f.Severity, f.Kind, f.Namespace, f.Name, f.Field,
			f.Place.File, f.Place.Line, f.Place.Construct, f.Message, f.Fix})
	}
	return encode(w, report)
}

func writeSARIF(w io.Writer, findings []Finding) error {
	type text struct {
		Text string `json:"text"`
	}
	type rule struct {
		ID               string `json:"id"`
		ShortDescription text   `json:"shortDescription"`
		FullDescription  text   `json:"fullDescription"`
	}
	type region struct {
		StartLine int `json:"startLine"`
	}
	type artifact struct {
		URI string `json:"uri"`
	}
	type physical struct {
		ArtifactLocation artifact `json:"artifactLocation"`
		Region           *region  `json:"region,omitempty"`
	}
	type logical struct {
		FullyQualifiedName string `json:"fullyQualifiedName"`
	}
	type location struct {
		PhysicalLocation *physical `json:"physicalLocation,omitempty"`
		LogicalLocations []logical `json:"logicalLocations,omitempty"`
	}
	type result struct {
		RuleID    string     `json:"ruleId"`
		Level     string     `json:"level"`
		Message   text       `json:"message"`
		Locations []location `json:"locations"`
	}
	rules, results := []rule{}, []result{}
	seen := map[string]bool{}
	for _, f := range findings {
		if of, ok := FindRule(f.Code); ok && !seen[f.Code] {
			seen[f.Code] = true
			rules = append(rules, rule{of.Code, text{of.Title}, text{of.Doc}})
		}
		where := location{LogicalLocations: []logical{{strings.TrimSpace(f.Place.Construct + " " + f.Object() + " " + f.Field)}}}
		if f.Place.File != "" && f.Place.File != Stdin {
			where.PhysicalLocation = &physical{ArtifactLocation: artifact{filepath.ToSlash(f.Place.File)}}
			if f.Place.Line > 0 {
				where.PhysicalLocation.Region = &region{f.Place.Line}
			}
		}
		results = append(results, result{f.Code, string(f.Severity), text{f.Object() + ": " + f.Message + "; " + f.Fix}, []location{where}})
	}
	return encode(w, map[string]any{
		"$schema": "https://json.schemastore.org/sarif-2.1.0.json",
		"version": "2.1.0",
		"runs": []any{map[string]any{
			"tool": map[string]any{"driver": map[string]any{
				"name": "combat check", "informationUri": "https://github.com/crossoverJie/k8s-combat", "rules": rules}},
			"results": results,
		}},
	})
}

var (
	gitHubMessage  = strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A")
	gitHubProperty = strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A", ":", "%3A", ",", "%2C")
)

func writeGitHub(w io.Writer, findings []Finding) error {
	commands := map[Severity]string{Error: "error", Warning: "warning", Note: "notice"}
	for _, f := range findings {
		var properties []string
		if f.Place.File != "" {
			properties = append(properties, "file="+gitHubProperty.Replace(f.Place.File))
			if f.Place.Line > 0 {
				properties = append(properties, fmt.Sprintf("line=%d", f.Place.Line))
			}
		}
		properties = append(properties, "title="+gitHubProperty.Replace(f.Code+" "+f.Object()))
		where := ""
		if f.Place.Construct != "" {
			where = f.Place.String() + " "
		}
		if _, err := fmt.Fprintf(w, "::%s %s::%s\n", commands[f.Severity], strings.Join(properties, ","),
			gitHubMessage.Replace(where+f.Field+": "+f.Message+"; "+f.Fix)); err != nil {
			return err
		}
	}
	return nil
}
