package tree

import (
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Problem is one thing that is wrong with a construct. It is an error; Synth returns all of them as Problems.
type Problem struct {
	// Construct is the path of the construct. Invalid and Validate fill it in.
	Construct string
	// Field is the path of the option, in the notation of
	// k8s.io/apimachinery/pkg/util/validation/field: Hosts[0].Paths[1].Path. Empty for what is no matter of one option.
	Field string
	// Value is what the option says. Nil where it says nothing; a value that must not be seen is masked.
	Value any
	// Detail says what is wrong, and what is allowed.
	Detail string
	// Fix says what to do. Empty where nothing can be said.
	Fix string
	// Cause is the error that lies below, nil for most.
	Cause error
}

// Error writes the problem as synth prints it: [Construct] Field: Value Detail; Fix.
func (p Problem) Error() string { return "[" + p.Construct + "] " + p.Message() }

// Unwrap returns the Cause.
func (p Problem) Unwrap() error { return p.Cause }

// Message is Error without the construct.
func (p Problem) Message() string {
	var text strings.Builder
	if p.Field != "" {
		text.WriteString(p.Field + ": ")
	}
	if p.Value != nil {
		text.WriteString(ShowValue(p.Value) + " ")
	}
	text.WriteString(p.Detail)
	if p.Fix != "" {
		text.WriteString("; " + p.Fix)
	}
	return text.String()
}

// ShowValue writes a value as the message of a Problem does: text in quotes, what cannot be printed as an escape, and cut
// where it is long.
func ShowValue(value any) string {
	const longest = 80
	text, ok := value.(string)
	switch {
	case !ok:
		return Printable(fmt.Sprint(value), longest)
	case len(text) <= longest:
		return strconv.Quote(text)
	}
	return fmt.Sprintf("%q... (%d bytes)", strings.ToValidUTF8(text[:longest], ""), len(text))
}

// Printable writes a text so that it changes nothing but its own place on a terminal, and cuts it where it is long.
func Printable(text string, longest int) string {
	cut := ""
	if len(text) > longest {
		cut = fmt.Sprintf("... (%d bytes)", len(text))
		text = strings.ToValidUTF8(text[:longest], "")
	}
	if !strings.ContainsFunc(text, unprintable) && utf8.ValidString(text) {
		return text + cut
	}
	var result strings.Builder
	for i, r := range text {
		if r == utf8.RuneError && !strings.HasPrefix(text[i:], string(utf8.RuneError)) {
			fmt.Fprintf(&result, `\x%02x`, text[i])
		} else if unprintable(r) {
			quoted := strconv.QuoteRune(r)
			result.WriteString(quoted[1 : len(quoted)-1])
		} else {
			result.WriteRune(r)
		}
	}
	return result.String() + cut
}

func unprintable(r rune) bool { return r != ' ' && !strconv.IsPrint(r) }

// Problems is the error of Synth and Render where constructs are invalid: all that is wrong with all of them, in the
// order of the tree. errors.As finds it, and a single Problem too; errors.Is reaches their causes.
type Problems []Problem

const problemsTitle = "Validation failed with the following errors:"

// Error writes what cdk8s writes.
func (p Problems) Error() string {
	var text strings.Builder
	text.WriteString(problemsTitle)
	for _, problem := range p {
		text.WriteString("\n  " + problem.Error())
	}
	return text.String()
}

// Unwrap returns the problems one by one.
func (p Problems) Unwrap() []error {
	errs := make([]error, len(p))
	for i, problem := range p {
		errs[i] = problem
	}
	return errs
}

// messages are the problems as the validation of a construct returns them.
func messages(problems []Problem) []*string {
	result := make([]*string, len(problems))
	for i, problem := range problems {
		result[i] = new(problem.Message())
	}
	return result
}

// parseProblems reads what the official tree prints. seen are the problems that constructs have reported on the way,
// in the same order; what others have reported is text alone. It returns nil for another text.
func parseProblems(text string, seen []Problem) Problems {
	rest, ok := strings.CutPrefix(text, problemsTitle)
	if !ok {
		return nil
	}
	var problems Problems
	const separator = "\n  ["
	for rest != "" {
		if len(seen) > 0 {
			if after, ok := strings.CutPrefix(rest, "\n  "+seen[0].Error()); ok {
				problems, seen, rest = append(problems, seen[0]), seen[1:], after
				continue
			}
		}
		line := strings.TrimPrefix(rest, separator)
		next := strings.Index(line, separator)
		if next < 0 {
			next = len(line)
		}
		construct, message, found := strings.Cut(line[:next], "] ")
		if !found {
			construct, message = "", line[:next]
		}
		problems, rest = append(problems, Problem{Construct: construct, Detail: message}), line[next:]
	}
	return problems
}
