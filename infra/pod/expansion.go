package pod

import (
	"regexp"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/crossoverJie/k8s-combat/infra/internal/problem"
)

// The kubelet replaces $(NAME) in values, commands and arguments by the value of that variable,
// where it is set, and $$ by $
// (https://kubernetes.io/docs/tasks/inject-data-application/define-interdependent-environment-variables/).
// Here a value is a value: of the signs that the kubelet looks for only $(NAME) means what it means
// there, and $$(NAME) is the way to write that text.

// part is a piece of a text: text itself, or the name of a variable whose value stands there.
type part struct {
	text, variable string
	// escaped says that the text was written $$(NAME).
	escaped bool
}

// split finds the references in a text.
func split(text string) []part {
	var parts []part
	plain := 0
	add := func(end int) {
		if end > plain {
			parts = append(parts, part{text: text[plain:end]})
		}
	}
	for i := 0; i < len(text); i++ {
		if text[i] != '$' {
			continue
		}
		escaped := strings.HasPrefix(text[i:], "$$(")
		start := i
		if escaped {
			start++
		}
		name, after, ok := readReference(text[start:])
		if !ok {
			continue
		}
		add(i)
		if escaped {
			parts = append(parts, part{text: "$(" + name + ")", escaped: true})
		} else {
			parts = append(parts, part{variable: name})
		}
		plain = start + after
		i = plain - 1
	}
	add(len(text))
	return parts
}

// readReference reads $(NAME) at the beginning of a text, and returns where it ends.
func readReference(text string) (name string, end int, ok bool) {
	rest, ok := strings.CutPrefix(text, "$(")
	if !ok {
		return "", 0, false
	}
	name, _, ok = strings.Cut(rest, ")")
	if !ok || len(validation.IsEnvVarName(name)) > 0 {
		return "", 0, false
	}
	return name, len("$()") + len(name), true
}

// expandable writes a text so that the kubelet makes of it what is meant.
func expandable(text string) string {
	if !strings.Contains(text, "$") {
		return text
	}
	var result strings.Builder
	for _, part := range split(text) {
		if part.variable != "" {
			result.WriteString("$(" + part.variable + ")")
			continue
		}
		result.WriteString(escape(part.text))
	}
	return result.String()
}

// keptByKubelet are texts whose every '$' stands before a character that the kubelet leaves as it
// is: not another '$', not a parenthesis, and not a letter beyond ASCII, of which it would take the
// first byte for a character.
var keptByKubelet = regexp.MustCompile(`^(?:[^$]|\$[^$(\x{80}-\x{10FFFF}])*$`)

// escape doubles each '$' of a text that the kubelet would not leave as it is.
func escape(text string) string {
	if keptByKubelet.MatchString(text) {
		return text
	}
	return strings.ReplaceAll(text, "$", "$$")
}

// escapes writes texts, in which nothing refers to a variable, so that they arrive as they are.
func escapes(texts []string) []string {
	var result []string
	for _, text := range texts {
		result = append(result, escape(text))
	}
	return result
}

func expandables(texts []string) []string {
	var result []string
	for _, text := range texts {
		result = append(result, expandable(text))
	}
	return result
}

// validateReferences records references to variables that are not set.
func validateReferences(l *problem.List, at *problem.Path, text string, isSet func(name string) bool) {
	for _, part := range split(text) {
		if part.variable != "" && !isSet(part.variable) {
			l.Add(at, "$("+part.variable+")",
				"refers to a variable that is not set there; set it before, or write $$("+part.variable+") for the text itself")
		}
	}
}
