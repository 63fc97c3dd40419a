package tree

import (
	"fmt"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/crossoverJie/k8s-combat/imports/tree/manifest"
)

// unwritable finds texts that cdk8s writes in a way that Kubernetes' YAML parsers refuse or read as something else. The
// text itself, which may be a secret, is not shown.
func unwritable(field string, value any) []Problem {
	if isWritable(value) {
		return nil
	}
	switch value := value.(type) {
	case string:
		if reason := whyUnwritable(value); reason != "" {
			return []Problem{{Field: strings.TrimPrefix(field, "."), Detail: "the text " + reason, Fix: "change it, or carry it in base64"}}
		}
	case manifest.Object:
		var problems []Problem
		for _, entry := range value {
			if reason := whyUnwritableKey(entry.Key); reason != "" {
				problems = append(problems, Problem{Field: strings.TrimPrefix(field, "."), Detail: fmt.Sprintf("the key %s %s", ShowValue(entry.Key), reason), Fix: "change it"})
			}
			problems = append(problems, unwritable(field+"."+shownKey(entry.Key), entry.Value)...)
		}
		return problems
	case []any:
		var problems []Problem
		for i, element := range value {
			problems = append(problems, unwritable(fmt.Sprintf("%s[%d]", field, i), element)...)
		}
		return problems
	}
	return nil
}

// shownKey writes a key as part of a path: as it is, or quoted and cut where that would not be safe.
func shownKey(key string) string {
	const longest = 80
	if len(key) > longest || strings.ContainsFunc(key, unprintable) || !utf8.ValidString(key) {
		return ShowValue(key)
	}
	return key
}

// isWritable reports whether there is no such text. It names no field, so it costs little.
func isWritable(value any) bool {
	switch value := value.(type) {
	case string:
		return whyUnwritable(value) == ""
	case manifest.Object:
		for _, entry := range value {
			if whyUnwritableKey(entry.Key) != "" || !isWritable(entry.Value) {
				return false
			}
		}
	case []any:
		for _, element := range value {
			if !isWritable(element) {
				return false
			}
		}
	}
	return true
}

func whyUnwritableKey(key string) string {
	if key == "<<" {
		return "is YAML's sign for a merge"
	}
	return whyUnwritable(key)
}

// kubernetesNumber is what Kubernetes' YAML parser takes for a number, once it has thrown out all underscores.
var kubernetesNumber = regexp.MustCompile(`^[-+]?(0[bB][-+]?[01]+|0[oO][-+]?[0-7]+|0[xX][-+]?[0-9a-fA-F]+|(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?)$`)

// cdk8sNumber is what cdk8s takes for a number, and therefore writes in quotes.
var cdk8sNumber = regexp.MustCompile(`^[-+]?([0-9][0-9_]*|0b[01_]+|0[0-7_]+|0x[0-9a-fA-F_]+|([0-9][0-9_]*)?\.[0-9_]*|([0-9][0-9_]*)?(\.[0-9_]*)?[eE][-+]?[0-9]+)$`)

// A text of several lines that ends in blanks, or has a carriage return, is folded into quotes by cdk8s, which its lines
// of spaces alone do not survive.
var (
	endsInBlanks = regexp.MustCompile(`\n[\t ]+$`)
	blankLine    = regexp.MustCompile(`(^|\n) +\n`)
)

func whyUnwritable(text string) string {
	// Most texts are plain words of ASCII, about which there is nothing to ask.
	plain := text == "" || !strings.ContainsRune("+-._0123456789", rune(text[0]))
	for i := 0; plain && i < len(text); i++ {
		plain = text[i] >= ' ' && text[i] < 0x7f
	}
	if plain {
		return ""
	}
	// What cdk8s puts in quotes, with escapes, is safer than what it writes as a block.
	quoted := strings.Contains(text, "\r") || endsInBlanks.MatchString(text)
	for _, r := range text {
		switch {
		case r == 0:
			return "has the character U+0000, which no environment variable, argument or path can hold"
		case r < ' ' && r != '\t' && r != '\n':
			quoted = true
		case unicode.IsControl(r) && r >= 0x7f, r == '\u2028', r == '\u2029', r == '\ufffe', r == '\uffff':
			return fmt.Sprintf("has the character %U, which YAML cannot carry as it is", r)
		}
	}
	if quoted && blankLine.MatchString(text) {
		return "has a line of spaces alone beside a carriage return, a control character or spaces at the end, which YAML parsers read as something else"
	}
	if !quoted && strings.Contains(text, "\n") && strings.HasPrefix(strings.TrimLeft(text, "\n "), "\t") {
		return "has several lines of which the first that is not empty begins with a tab, which YAML parsers refuse"
	}
	const longestNumber = 64
	if len(text) <= longestNumber && kubernetesNumber.MatchString(strings.ReplaceAll(text, "_", "")) && !cdk8sNumber.MatchString(text) {
		return "is read as a number by Kubernetes although it is none to cdk8s"
	}
	return ""
}
