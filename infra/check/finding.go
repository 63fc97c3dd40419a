package check

import (
	"fmt"

	"github.com/crossoverJie/k8s-combat/imports/tree"
)

// Severity is how bad a finding is.
type Severity string

const (
	// Error is what will not work: it is refused, or fails, or loses requests.
	Error Severity = "error"
	// Warning is what works until something else happens, or is not what was meant.
	Warning Severity = "warning"
	// Note is what may be right, and is shown by Options.Strict alone.
	Note Severity = "note"
)

// Finding is one thing that is wrong with a set of objects.
type Finding struct {
	// Code of the rule, such as KC101. A code keeps its meaning.
	Code     string
	Severity Severity
	// Kind, Namespace and Name are those of the object. Namespace is empty where the object names none.
	Kind, Namespace, Name string
	// Field is the path of the field: spec.ports[0].targetPort. Empty for the object as a whole.
	Field string
	// Place is that of the field where it is known, else that of the object.
	Place Place
	// Message says what will happen.
	Message string
	// Fix says what to do.
	Fix string
}

// Object writes KIND NAMESPACE/NAME.
func (f Finding) Object() string {
	if f.Namespace == "" {
		return f.Kind + " " + f.Name
	}
	return f.Kind + " " + f.Namespace + "/" + f.Name
}

// String writes the finding in one line.
func (f Finding) String() string {
	where := f.Place.String()
	if where != "" {
		where += ": "
	}
	field := f.Field
	if field != "" {
		field = " " + field
	}
	return fmt.Sprintf("%s%s %s: %s%s: %s; %s", where, f.Severity, f.Code, f.Object(), field, f.Message, f.Fix)
}

// Problem is the finding as synth reports it.
func (f Finding) Problem() tree.Problem {
	return tree.Problem{Construct: f.Place.Construct, Field: f.Field, Detail: f.Code + ": " + f.Message, Fix: f.Fix}
}
