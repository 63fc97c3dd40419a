package config

import (
	"fmt"
	"log/slog"
	"runtime"
	"strings"
	"time"

	"github.com/crossoverJie/k8s-combat/app/internal/build"
)

// Source is where a value comes from.
type Source string

// The sources, the first of which wins.
const (
	FromFlag        Source = "flag"
	FromEnvironment Source = "environment"
	FromFile        Source = "file"
	FromDefault     Source = "default"
)

// Setting is one option as it is in force, for people to read: secrets are
// masked.
type Setting struct {
	Flag   string `json:"flag"`
	Env    string `json:"env"`
	Value  string `json:"value"`
	Source Source `json:"source"`
}

// Page is the effective configuration, for people to read: secrets are masked.
type Page struct {
	Options []Setting `json:"options"`
	File    FilePage  `json:"file"`
	Build   BuildPage `json:"build"`
}

// FilePage is the mounted file.
type FilePage struct {
	Path string `json:"path"`
	// Problem says what is wrong with the file that is there now.
	Problem string `json:"problem,omitempty"`
	// Read is when the file in force was read. There is none if it is the defaults.
	Read   *time.Time  `json:"read,omitempty"`
	Values []FileValue `json:"values"`
}

// FileValue is one key of the file.
type FileValue struct {
	Key    string `json:"key"`
	Value  string `json:"value"`
	Source Source `json:"source"`
}

// BuildPage is what runs.
type BuildPage struct {
	Version  string `json:"version"`
	Revision string `json:"revision"`
	Go       string `json:"go"`
}

// NewPage returns the page of settings and the file at path.
func NewPage(settings []Setting, path string, state State) Page {
	page := Page{
		Options: settings,
		File:    FilePage{Path: path, Problem: state.Problem()},
		Build:   BuildPage{Version: build.Version, Revision: build.Revision, Go: runtime.Version()},
	}
	if !state.Read.IsZero() {
		page.File.Read = &state.Read
	}
	defaults := DefaultFile().shown()
	for i, v := range state.File.shown() {
		source := FromFile
		if state.Read.IsZero() || v.Value == defaults[i].Value {
			source = FromDefault
		}
		page.File.Values = append(page.File.Values, FileValue{Key: v.Key, Value: v.Value, Source: source})
	}
	return page
}

// LogSettings returns the settings that are not the defaults, as one field of a
// log line.
func LogSettings(settings []Setting) slog.Attr {
	var attrs []any
	for _, s := range settings {
		if s.Source != FromDefault {
			attrs = append(attrs, slog.String(strings.ToLower(s.Env), s.Value))
		}
	}
	return slog.Group("config", attrs...)
}

// Markdown returns the options as a table.
func Markdown() string {
	var table strings.Builder
	table.WriteString("| flag | variable | default | meaning |\n| --- | --- | --- | --- |\n")
	for _, o := range options() {
		fallback := ""
		if o.fallback != "" {
			fallback = "`" + o.fallback + "`"
		}
		fmt.Fprintf(&table, "| `--%s` | `%s` | %s | %s |\n", o.flag, o.env, fallback, o.help)
	}
	return table.String()
}
