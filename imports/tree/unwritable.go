package tree

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"unicode"
)

// unwritable finds texts that cdk8s writes in a way that Kubernetes' YAML parsers refuse or read as something else. The
// text itself, which may be a secret, is not shown.
func unwritable(field string, value any) []string {
	switch value := value.(type) {
	case string:
		if reason := whyUnwritable(value); reason != "" {
			return []string{fmt.Sprintf("%s: the text %s; change it, or carry it in base64", strings.TrimPrefix(field, "."), reason)}
		}
	case map[string]any:
		var problems []string
		for _, key := range slices.Sorted(maps.Keys(value)) {
			if reason := whyUnwritable(key); reason != "" {
				problems = append(problems, fmt.Sprintf("%s: the key %q %s; change it", strings.TrimPrefix(field, "."), key, reason))
			}
			problems = append(problems, unwritable(field+"."+key, value[key])...)
		}
		return problems
	case []any:
		var problems []string
		for i, element := range value {
			problems = append(problems, unwritable(fmt.Sprintf("%s[%d]", field, i), element)...)
		}
		return problems
	}
	return nil
}

// looksLikeNumber is what cdk8s leaves without quotes and Kubernetes reads as a number.
var looksLikeNumber = regexp.MustCompile(`^[-+]?(0o[0-7_]+|_[0-9_]*[0-9][0-9_]*|[0-9._]*[0-9][0-9._]*[eE][-+]?[0-9]*_[0-9_]*)$`)

func whyUnwritable(text string) string {
	suspicious := false
	for i := range len(text) {
		// Of all bytes few can be part of what is looked for below, and most texts have none of them.
		if b := text[i]; b < ' ' || b >= 0x7f || b == '_' || b == 'o' {
			suspicious = true
			break
		}
	}
	if !suspicious {
		return ""
	}
	for _, r := range text {
		if unicode.IsControl(r) && r != '\t' && r != '\n' && r != '\r' || r == '\u2028' || r == '\u2029' || r == '\ufeff' {
			return fmt.Sprintf("has the character %U, which YAML cannot carry as it is", r)
		}
	}
	if strings.HasPrefix(text, "\t") && strings.Contains(text, "\n") {
		return "has several lines of which the first begins with a tab, which YAML parsers refuse"
	}
	if looksLikeNumber.MatchString(text) {
		return "is read as a number by Kubernetes although it is none to cdk8s"
	}
	return ""
}
