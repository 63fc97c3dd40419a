// Package ref is how a construct refers to what another one has made, or to what is made elsewhere:
// the kind, the name and the namespace of an object, and of some kinds what stands in it. What a
// Patch has changed is what is referred to.
package ref

import (
	"fmt"
	"maps"
	"runtime"
	"strings"

	"github.com/cdk8s-team/cdk8s-core-go/cdk8s/v2"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/labels"

	"github.com/crossoverJie/k8s-combat/imports/tree"
	"github.com/crossoverJie/k8s-combat/infra/internal/problem"
)

// Object refers to an object. Its zero value refers to none.
type Object struct {
	kind, name string
	// made is the object in the tree. Nil for one that is made elsewhere.
	made cdk8s.ApiObject
}

// To refers to an object of this program.
func To(kind, name string, made cdk8s.ApiObject) Object { return Object{kind, name, made} }

// Elsewhere refers to an object that somebody else makes, in the namespace of whoever refers to it.
func Elsewhere(kind, name string) Object { return Object{kind: kind, name: name} }

// IsZero reports whether it refers to no object.
func (o Object) IsZero() bool { return o == Object{} }

// Kind returns the kind of the object, for example Service.
func (o Object) Kind() string { return o.kind }

// Name returns the name of the object.
func (o Object) Name() string { return o.name }

// Made returns the object in the tree, nil for one that is made elsewhere.
func (o Object) Made() cdk8s.ApiObject { return o.made }

// String returns the kind and the name.
func (o Object) String() string { return o.kind + " " + o.name }

// Namespace returns the namespace of an object of this program, empty where neither it nor its
// chart names one. ok is false for an object that is made elsewhere: it is in the namespace of
// whoever refers to it.
func (o Object) Namespace() (namespace string, ok bool) {
	if o.made == nil {
		return "", false
	}
	return NamespaceOf(o.made), true
}

// Beside records that the object is in another namespace than by, an object that can refer to its
// own namespace alone.
func (o Object) Beside(l *problem.List, at *problem.Path, by cdk8s.ApiObject) {
	if o.made != nil {
		o.BesideNamespace(l, at, NamespaceOf(by))
	}
}

// BesideNamespace does the same for whoever refers to it from a namespace, empty where it is not known.
func (o Object) BesideNamespace(l *problem.List, at *problem.Path, own string) {
	if namespace, ok := o.Namespace(); ok && own != namespace {
		l.Add(at, o.name,
			fmt.Sprintf("is a %s in %s, and cannot be referred to from %s; put both into charts of one Namespace",
				o.kind, ShowNamespace(namespace), ShowNamespace(own)))
	}
}

// NamespaceOf is the namespace of an object, empty where neither it nor its chart names one.
func NamespaceOf(object cdk8s.ApiObject) string {
	if namespace := object.Metadata().Namespace(); namespace != nil {
		return *namespace
	}
	return ""
}

// ShowNamespace writes a namespace that may be unknown for a message.
func ShowNamespace(namespace string) string {
	if namespace == "" {
		return "a namespace that kubectl chooses"
	}
	return fmt.Sprintf("namespace %q", namespace)
}

// Of is the answer of a value of anybody's type that says what it refers to. One that is built
// around a value that is nil refers to nothing, as the nil value itself does.
func Of[T any](answer func() T) (reference T) {
	defer func() {
		switch cause := recover().(type) {
		case nil:
		case runtime.Error:
			if !strings.Contains(cause.Error(), "nil") {
				panic(cause)
			}
			reference = *new(T)
		default:
			panic(cause)
		}
	}()
	return answer()
}

// WorkloadOf is what a workload refers to, nil for none.
func WorkloadOf(workload interface{ Ref() *Workload }) *Workload {
	if workload == nil {
		return nil
	}
	return Of(func() *Workload { return workload.Ref() })
}

// Data refers to a ConfigMap or Secret and knows its keys. Pods compare the pointers: one source
// has one of them.
type Data struct {
	Object
	// Keys are those that are there, in order. AnyKey says that nobody knows them.
	Keys   []string
	AnyKey bool
	// Reloads says that the kubelet's updates of a mounted file reach the process.
	Reloads bool
	// Checksummed returns the value of a key whose change rolls the pods that use it. Nil where no
	// change does.
	Checksummed func(key string) (value string, ok bool)
}

// Name returns the name of the object, empty for none.
func (d *Data) Name() string {
	if d == nil {
		return ""
	}
	return d.Object.Name()
}

// Service refers to a Service of this program.
type Service struct {
	Object
	// Labels are the Service's own, without those of its chart, and Spec is its specification, as
	// Patch has left both.
	Labels map[string]string
	Spec   corev1.ServiceSpec
}

// Name returns the name of the Service, empty for none.
func (s *Service) Name() string {
	if s == nil {
		return ""
	}
	return s.Object.Name()
}

// Host is the DNS name of the Service: with its namespace where the chart names one, else as it is
// known inside its own namespace. Empty for no Service.
func (s *Service) Host() string {
	if s == nil {
		return ""
	}
	if namespace, _ := s.Namespace(); namespace != "" {
		return s.Name() + "." + namespace + ".svc." + tree.ClusterDomain(s.made)
	}
	return s.Name()
}

// Port is the port of that name; the empty name stands for the only port.
func (s *Service) Port(name string) (port corev1.ServicePort, ok bool) {
	if s == nil {
		return corev1.ServicePort{}, false
	}
	for _, port := range s.Spec.Ports {
		if port.Name == name || name == "" && len(s.Spec.Ports) == 1 {
			return port, true
		}
	}
	return corev1.ServicePort{}, false
}

// IsExternalName reports whether it is an alias of a name elsewhere, without pods.
func (s *Service) IsExternalName() bool { return s.Spec.Type == corev1.ServiceTypeExternalName }

// ValidatePort records that there is no port of that name.
func (s *Service) ValidatePort(l *problem.List, at *problem.Path, name string) {
	if _, ok := s.Port(name); ok {
		return
	}
	rule := fmt.Sprintf("Service %s has no port %s", s.Name(), problem.Show(name))
	var names []string
	for _, port := range s.Spec.Ports {
		names = append(names, problem.Show(port.Name))
	}
	if len(names) > 0 {
		rule += "; use " + problem.Or(names)
	}
	l.Say(at, rule)
}

// ValidateBackend records that a route cannot send requests to the port of that name.
func (s *Service) ValidateBackend(l *problem.List, at *problem.Path, name string) {
	if s.IsExternalName() {
		l.Say(at,
			fmt.Sprintf("Service %s is an ExternalName, which an Ingress or a Gateway cannot be relied on to follow; use a Service with pods", s.Name()))
		return
	}
	s.ValidatePort(l, at, name)
	if port, ok := s.Port(name); ok && port.Protocol != "" && port.Protocol != corev1.ProtocolTCP {
		l.Say(at, fmt.Sprintf("port %s of Service %s speaks %s; a route needs TCP",
			problem.Show(port.Name), s.Name(), port.Protocol))
	}
}

// Workload refers to what makes pods.
type Workload struct {
	Object
	// Selector are the labels by which it knows its pods, and Template is what it makes them of, as
	// Patch has left both.
	Selector map[string]string
	Template corev1.PodTemplateSpec
}

// Name returns the name of the object, empty for no workload.
func (w *Workload) Name() string {
	if w == nil {
		return ""
	}
	return w.Object.Name()
}

// Labels returns a copy of the Selector, nil for no workload.
func (w *Workload) Labels() map[string]string {
	if w == nil {
		return nil
	}
	return maps.Clone(w.Selector)
}

// Selects reports whether a selector that is no mere zero value takes the pods of the workload.
func (w *Workload) Selects(selector map[string]string) bool {
	return len(selector) > 0 && labels.SelectorFromSet(selector).Matches(labels.Set(w.Template.Labels))
}
