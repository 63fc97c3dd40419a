package pod

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/crossoverJie/k8s-combat/infra/internal/problem"
	"github.com/crossoverJie/k8s-combat/infra/internal/ref"
)

// EnvVar is one environment variable of a container.
type EnvVar struct {
	// Name of the variable, letters, digits, '_', '-' and '.', not beginning with a digit. The same
	// name twice is an error. Required.
	Name string
	// Value of the variable; an error beside ValueFrom. $(NAME) in it stands for the value of a
	// variable that is set before it, and is an error where none is; $$(NAME) is the text $(NAME).
	// Every other '$' is itself. Defaults to ValueFrom, or else to the empty string.
	Value string
	// ValueFrom says where the value comes from: the Key of a Config or of Credentials, a FieldRef
	// or a ResourceRef. Defaults to none.
	ValueFrom ValueSource
}

// ValueSource is where the value of a variable comes from: a KeyRef, FieldRef or ResourceRef, or a
// type that embeds one.
type ValueSource interface {
	// Validate records what is wrong with the source.
	Validate(l *problem.List, at *problem.Path)

	// plain is the KeyRef, FieldRef or ResourceRef itself.
	plain() ValueSource
	envVarSource() *corev1.EnvVarSource
}

// source is ValueFrom as a KeyRef, FieldRef or ResourceRef, whichever way it was handed over: a
// pointer that is nil is a source that is not set.
func (v EnvVar) source() ValueSource {
	if v.ValueFrom == nil {
		return nil
	}
	if source := v.plain(); source != nil {
		return source
	}
	switch v.ValueFrom.(type) {
	case *FieldRef:
		return FieldRef("")
	case *ResourceRef:
		return ResourceRef{}
	}
	return KeyRef{}
}

// plain is nil for what is nil, or built around that.
func (v EnvVar) plain() ValueSource {
	return ref.Of(func() ValueSource { return v.ValueFrom.plain() })
}

func (v EnvVar) validateSource(l *problem.List, at *problem.Path) {
	asked := v.source()
	if v.plain() != nil {
		// It may say more than what it embeds.
		asked = v.ValueFrom
	}
	asked.Validate(l, at)
}

// EnvFrom makes environment variables of all keys of a Config or of Credentials. Where a variable
// of Env has the same name, that one wins.
type EnvFrom struct {
	// Source is the *Config or *Credentials. Required.
	Source KeySource
	// Prefix is put before each key. Defaults to none.
	Prefix string
}

// FieldRef is the value of a field of the pod, for example "status.podIP".
// See https://kubernetes.io/docs/concepts/workloads/pods/downward-api/#available-fields.
type FieldRef string

// The fields of a pod that a variable may hold, and those that a file may.
var (
	envFields = []string{
		"metadata.name", "metadata.namespace", "metadata.uid", "spec.nodeName", "spec.serviceAccountName",
		"status.hostIP", "status.hostIPs", "status.podIP", "status.podIPs",
	}
	fileFields = []string{"metadata.name", "metadata.namespace", "metadata.uid", "metadata.labels",
		"metadata.annotations"}

	entryField = regexp.MustCompile(`^metadata\.(labels|annotations)\['([^']*)'\]$`)
)

// Validate records a field that does not exist.
func (f FieldRef) Validate(l *problem.List, at *problem.Path) { f.validate(l, at, envFields) }

func (f FieldRef) validate(l *problem.List, at *problem.Path, fields []string) {
	if slices.Contains(fields, string(f)) {
		return
	}
	if match := entryField.FindStringSubmatch(string(f)); match != nil {
		l.QualifiedName(at, match[2])
		return
	}
	l.Add(at, string(f),
		"is not a field of a pod that can be had here; use "+problem.Or(slices.Concat(fields,
			[]string{"metadata.labels['KEY']", "metadata.annotations['KEY']"})))
}

func (f FieldRef) plain() ValueSource { return f }

func (f FieldRef) envVarSource() *corev1.EnvVarSource {
	return &corev1.EnvVarSource{FieldRef: &corev1.ObjectFieldSelector{FieldPath: string(f)}}
}

// ResourceRef is what a container asks for or is held to, for example limits.memory.
type ResourceRef struct {
	// Resource is one of limits.cpu, limits.memory, limits.ephemeral-storage, and the same with
	// requests. Required. Without a limit it is what the node has.
	Resource string
	// Divisor is the unit in which the value is told, rounded up, for example "1m" or "1Mi".
	// Defaults to "1": whole cores, bytes.
	Divisor string
	// Container of the pod whose resources they are. Defaults to the container itself.
	Container string
}

var resourceFields = []string{
	"limits.cpu", "limits.memory", "limits.ephemeral-storage", "requests.cpu", "requests.memory",
	"requests.ephemeral-storage",
}

// The units that the API server takes (validateContainerResourceDivisor).
var divisors = map[string][]string{
	"cpu":               {"1m", "1"},
	"memory":            {"1", "1k", "1M", "1G", "1T", "1P", "1E", "1Ki", "1Mi", "1Gi", "1Ti", "1Pi", "1Ei"},
	"ephemeral-storage": {"1", "1k", "1M", "1G", "1T", "1P", "1E", "1Ki", "1Mi", "1Gi", "1Ti", "1Pi", "1Ei"},
}

// Validate records a resource that does not exist, and a unit that it does not have.
func (r ResourceRef) Validate(l *problem.List, at *problem.Path) {
	if !slices.Contains(resourceFields, r.Resource) {
		l.Add(at.Child("Resource"), r.Resource,
			"is not a resource of a container; use "+problem.Or(resourceFields))
		return
	}
	_, name, _ := strings.Cut(r.Resource, ".")
	if r.Divisor != "" && !slices.Contains(divisors[name], r.Divisor) {
		l.Add(at.Child("Divisor"), r.Divisor, "is not a unit of "+name+"; use "+problem.Or(divisors[name]))
	}
	if r.Container != "" {
		l.DNSLabel(at.Child("Container"), r.Container)
	}
}

func (r ResourceRef) selector() *corev1.ResourceFieldSelector {
	selector := &corev1.ResourceFieldSelector{ContainerName: r.Container, Resource: r.Resource}
	if divisor, err := resource.ParseQuantity(r.Divisor); r.Divisor != "" && err == nil {
		selector.Divisor = divisor
	}
	return selector
}

func (r ResourceRef) plain() ValueSource { return r }

func (r ResourceRef) envVarSource() *corev1.EnvVarSource {
	return &corev1.EnvVarSource{ResourceFieldRef: r.selector()}
}

// variables are the environment variables that are known to be set, each with where that is done.
type variables struct {
	setBy map[string]string
	// maybe are how others begin that may be set: those of a Secret whose keys nobody knows.
	maybe []string
	// services says that the kubelet sets those of the namespace's Services.
	services bool
}

// The kubelet sets those of the API server's Service in every container, and of others on demand
// (https://kubernetes.io/docs/concepts/services-networking/service/#environment-variables).
var serviceVariable = regexp.MustCompile(
	`^[A-Z0-9_]+_(SERVICE_HOST|SERVICE_PORT(_[A-Z0-9_]+)?|PORT(_[0-9]+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?)?)$`)

const apiServerVariables = "KUBERNETES_"

// has reports whether the variable is set, or may be.
func (v variables) has(name string) bool {
	_, set := v.setBy[name]
	return set || v.comesOfItself(name)
}

func (v variables) comesOfItself(name string) bool {
	return slices.ContainsFunc(v.maybe, func(prefix string) bool { return strings.HasPrefix(name, prefix) }) ||
		(v.services || strings.HasPrefix(name, apiServerVariables)) && serviceVariable.MatchString(name)
}

// validateEnv returns what is set. services says that the pod has ServiceLinks.
func (c Container) validateEnv(l *problem.List, at *problem.Path, services bool) variables {
	set := variables{setBy: map[string]string{}, services: services}
	fromAll := map[string]string{}
	for i, from := range c.EnvFrom {
		if data := dataOf(from.Source); data != nil {
			if data.AnyKey {
				set.maybe = append(set.maybe, from.Prefix)
			}
			for _, key := range data.Keys {
				fromAll[from.Prefix+key] = at.Child("EnvFrom").Index(i).String()
			}
		}
	}
	// They stand behind the others, so that no value can refer to them.
	ofShutdown := c.shutdownVariables()
	maps.Copy(set.setBy, ofShutdown)
	for i, variable := range c.Env {
		field := at.Child("Env").Index(i)
		if variable.Value != "" && variable.ValueFrom == nil {
			validateReferences(l, field.Child("Value"), variable.Value, func(name string) bool {
				_, before := set.setBy[name]
				_, behind := ofShutdown[name]
				_, from := fromAll[name]
				return before && !behind || from || set.comesOfItself(name)
			})
		}
		l.EnvName(field.Child("Name"), variable.Name)
		if first, twice := set.setBy[variable.Name]; twice {
			l.Add(field.Child("Name"), variable.Name,
				fmt.Sprintf("is already set by %s; leave out one of them", first))
		} else if variable.Name != "" {
			set.setBy[variable.Name] = field.String()
		}
		if variable.ValueFrom == nil {
			continue
		}
		variable.validateSource(l, field.Child("ValueFrom"))
		if variable.Value != "" {
			l.Add(field.Child("Value"), "...", "cannot stand beside ValueFrom; leave out one of them")
		}
	}
	for i, from := range c.EnvFrom {
		from.validate(l, at.Child("EnvFrom").Index(i))
	}
	// What is said one by one wins over what comes of all keys.
	maps.Copy(fromAll, set.setBy)
	set.setBy = fromAll
	return set
}

func (f EnvFrom) validate(l *problem.List, at *problem.Path) {
	if dataOf(f.Source) == nil {
		l.Missing(at.Child("Source"), "give a *Config or *Credentials")
	}
	if f.Prefix != "" {
		l.EnvName(at.Child("Prefix"), f.Prefix)
	}
}

func renderEnv(env []EnvVar) []corev1.EnvVar {
	var result []corev1.EnvVar
	for _, variable := range env {
		rendered := corev1.EnvVar{Name: variable.Name, Value: expandable(variable.Value)}
		source := variable.source()
		if key, ok := source.(KeyRef); source != nil && (!ok || key.data != nil) {
			rendered.Value, rendered.ValueFrom = "", source.envVarSource()
		}
		result = append(result, rendered)
	}
	return result
}

func renderEnvFrom(sources []EnvFrom) []corev1.EnvFromSource {
	var result []corev1.EnvFromSource
	for _, from := range sources {
		if data := dataOf(from.Source); data != nil {
			rendered := envFromSource(data)
			rendered.Prefix = from.Prefix
			result = append(result, rendered)
		}
	}
	return result
}
