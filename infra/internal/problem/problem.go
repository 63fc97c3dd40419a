// Package problem says what is wrong with the props of a construct: at which field, with which
// value, what is allowed and what to do. What it collects is handed to tree.Invalid.
//
// A rule is written as one text, "is not a port; use 1 to 65535": what is wrong, and after the
// first "; " what to do.
package problem

import (
	"fmt"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/crossoverJie/k8s-combat/imports/tree"
)

// Path is the path of an option in the props.
type Path = field.Path

// At is the path of an option of the props themselves, or with more names of one further in.
func At(name string, more ...string) *Path { return field.NewPath(name, more...) }

// Key is the path of an entry of an option that is a map.
func Key(at *Path, key string) *Path { return at.Key(Show(key)) }

// List collects what is wrong.
type List []tree.Problem

// longestRule bounds a rule, which may name what the user has named.
const longestRule = 2 << 10

// Add records that the option has a value that is not allowed.
func (l *List) Add(at *Path, value any, rule string) {
	detail, fix, _ := strings.Cut(tree.Printable(rule, longestRule), "; ")
	l.append(tree.Problem{Field: at.String(), Value: value, Detail: detail, Fix: fix})
}

// Say records what is wrong with an option for another reason than its value.
func (l *List) Say(at *Path, rule string) { l.Add(at, nil, rule) }

// Missing records that the option is not set.
func (l *List) Missing(at *Path, fix string) {
	l.append(tree.Problem{Field: at.String(), Detail: "is not set", Fix: tree.Printable(fix, longestRule)})
}

func (l *List) append(problem tree.Problem) {
	if l == nil {
		panic("the list of problems is nil, and there is one: " + problem.Message())
	}
	*l = append(*l, problem)
}

// Show writes a value for a rule, as the messages do.
func Show(value any) string { return tree.ShowValue(value) }

// Or writes what is allowed: a, b or c. It writes "nothing" where that is so.
func Or(values []string) string {
	last := len(values) - 1
	switch last {
	case -1:
		return "nothing"
	case 0:
		return values[0]
	}
	return strings.Join(values[:last], ", ") + " or " + values[last]
}

// OneOf records a value that is none of those allowed. The empty value is always allowed: it stands
// for the default.
func OneOf[T ~string](l *List, at *Path, value T, allowed ...T) {
	if value == "" || slices.Contains(allowed, value) {
		return
	}
	names := make([]string, len(allowed))
	for i, a := range allowed {
		names[i] = string(a)
	}
	l.Add(at, string(value), "is not known; use "+Or(names))
}

// Unique remembers where a value was seen first. Its zero value has seen none.
type Unique map[string]*Path

// Check records a value that was seen before. owner is the element that has it.
func (u *Unique) Check(l *List, at, owner *Path, value string) {
	if *u == nil {
		*u = Unique{}
	}
	if first, twice := (*u)[value]; twice {
		l.Add(at, value, fmt.Sprintf("is already taken by %s; give each its own", first))
		return
	}
	(*u)[value] = owner
}

// String writes the problems in one line.
func (l List) String() string {
	messages := make([]string, len(l))
	for i, problem := range l {
		messages[i] = problem.Message()
	}
	return strings.Join(messages, "; ")
}
