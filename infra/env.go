package infra

import (
	"fmt"
	"reflect"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/crossoverJie/k8s-combat/infra/internal/problem"
)

// EnvVar is one environment variable of a container.
type EnvVar struct {
	// Name of the variable, letters, digits, '_', '-' and '.', not beginning with a digit. The same name twice is an error.
	// Required.
	Name string
	// Value of the variable; an error beside ValueFrom. Defaults to ValueFrom, or else to the empty string.
	Value string
	// ValueFrom is the key of a Config or of Credentials that holds the value. Defaults to none.
	ValueFrom KeyRef
}

// EnvFrom makes environment variables of all keys of a Config or of Credentials. Where a variable of Env has the same
// name, that one wins.
type EnvFrom struct {
	// Source is the *Config or *Credentials. Required.
	Source KeySource
	// Prefix is put before each key. Defaults to none.
	Prefix string
}

func validateEnv(p *problem.List, field *problem.Path, env []EnvVar, shutdown Shutdown) {
	setBy := map[string]string{}
	for _, variable := range shutdown.env() {
		setBy[variable.Name] = "Shutdown"
	}
	for i, variable := range env {
		at := field.Index(i)
		switch first, twice := setBy[variable.Name]; {
		case len(validation.IsEnvVarName(variable.Name)) > 0:
			p.Add(at.Child("Name"), variable.Name, problem.EnvNameRule)
		case twice:
			p.Add(at.Child("Name"), variable.Name, fmt.Sprintf("is already set by %s; leave out one of them", first))
		default:
			setBy[variable.Name] = at.String()
		}
		if variable.ValueFrom.source == nil {
			continue
		}
		variable.ValueFrom.validate(p, at.Child("ValueFrom"))
		if variable.Value != "" {
			p.Add(at.Child("Value"), "...", "cannot stand beside ValueFrom; leave out one of them")
		}
	}
}

func validateEnvFrom(p *problem.List, field *problem.Path, sources []EnvFrom) {
	for i, from := range sources {
		at := field.Index(i)
		if isNil(from.Source) {
			p.Missing(at.Child("Source"), "give a *Config or *Credentials")
		}
		if from.Prefix != "" && len(validation.IsEnvVarName(from.Prefix)) > 0 {
			p.Add(at.Child("Prefix"), from.Prefix, problem.EnvNameRule)
		}
	}
}

// isNil tells whether there is no source: also where a nil *Config is handed over.
func isNil(source KeySource) bool { return source == nil || reflect.ValueOf(source).IsNil() }

func renderEnv(env []EnvVar) []corev1.EnvVar {
	var result []corev1.EnvVar
	for _, variable := range env {
		rendered := corev1.EnvVar{Name: variable.Name, Value: variable.Value}
		if variable.ValueFrom.source != nil {
			rendered.ValueFrom = variable.ValueFrom.source.envVar(variable.ValueFrom.key)
		}
		result = append(result, rendered)
	}
	return result
}

func renderEnvFrom(sources []EnvFrom) []corev1.EnvFromSource {
	var result []corev1.EnvFromSource
	for _, from := range sources {
		if !isNil(from.Source) {
			rendered := from.Source.envFrom()
			rendered.Prefix = from.Prefix
			result = append(result, rendered)
		}
	}
	return result
}
