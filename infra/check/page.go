package check

import (
	"fmt"
	"strings"
)

// Page is the page of all rules, in Markdown.
func Page() string {
	var page strings.Builder
	page.WriteString("# What combat check finds\n\n" +
		"This page is made of the table of rules: `combat check --page`. `combat check --explain CODE` shows one of them.\n\n" +
		"Each example is a set of manifests: the first has the finding, the second has not.\n\n" +
		"| code | severity | finds |\n| --- | --- | --- |\n")
	for _, rule := range Rules() {
		fmt.Fprintf(&page, "| [%s](#%s) | %s | %s |\n", rule.Code, strings.ToLower(rule.Code), rule.Severity, rule.Title)
	}
	for _, rule := range Rules() {
		page.WriteString("\n## " + rule.Code + "\n\n" + rule.markdown())
	}
	return page.String()
}

func (r Rule) markdown() string {
	return fmt.Sprintf("**%s** (%s). %s\n\nWrong:\n\n```yaml\n%s```\n\nRight:\n\n```yaml\n%s```\n", upper(r.Title), r.Severity, r.Doc, r.Wrong, r.Right)
}

func upper(text string) string { return strings.ToUpper(text[:1]) + text[1:] }

// Explain is what there is to say of a rule, as text.
func (r Rule) Explain() string {
	return fmt.Sprintf("%s (%s): %s\n\n%s\n\nWrong:\n\n%s\nRight:\n\n%s", r.Code, r.Severity, r.Title, r.Doc, indented(r.Wrong), indented(r.Right))
}

func indented(text string) string {
	return "    " + strings.ReplaceAll(strings.TrimSuffix(text, "\n"), "\n", "\n    ") + "\n"
}
