package infra

import (
	"regexp"
	"strings"

	"github.com/aws/constructs-go/constructs/v10"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/crossoverJie/k8s-combat/imports/k8s"
	"github.com/crossoverJie/k8s-combat/imports/tree"
	"github.com/crossoverJie/k8s-combat/infra/internal/object"
	"github.com/crossoverJie/k8s-combat/infra/internal/problem"
	"github.com/crossoverJie/k8s-combat/infra/internal/ref"
	"github.com/crossoverJie/k8s-combat/infra/pod"
)

// Permission is what an account may do with resources of the API.
type Permission struct {
	// Verbs are what it may do: get, list, watch, create, update, patch, delete, deletecollection,
	// or a verb of one resource such as bind. "*" stands for all. At least one is required.
	Verbs []string
	// Resources are what it may do that with, in the notation of kubectl: "pods",
	// "deployments.apps", and of a subresource "pods/log" or "deployments.apps/scale". At least one
	// is required.
	Resources []string
	// Names are the names of the only objects that it may do that with. With them the verbs list,
	// watch, create and deletecollection, which name no object, are an error. Default to all
	// objects.
	Names []string
}

// Allow is the Permission for these verbs on these resources.
func Allow(verbs []string, resources ...string) Permission {
	return Permission{Verbs: verbs, Resources: resources}
}

// Read are the verbs of those who look and change nothing.
func Read() []string { return []string{"get", "list", "watch"} }

// Write are the verbs of those who change objects.
func Write() []string { return []string{"create", "update", "patch", "delete"} }

// ServiceAccountProps are the options of a ServiceAccount.
type ServiceAccountProps struct {
	// Name of the account, and of the roles and bindings that are made for it. Required; an RFC
	// 1123 subdomain.
	Name string
	// Allow is what it may do in its own namespace: a Role and a RoleBinding. Defaults to nothing.
	Allow []Permission
	// AllowInCluster is what it may do in every namespace, and with what is in none: a ClusterRole
	// and a ClusterRoleBinding, called Namespace, '.' and Name. It needs a chart with a Namespace.
	// Defaults to nothing.
	AllowInCluster []Permission
	// ImagePullSecrets are Credentials with which the images of its pods are pulled. Default to none.
	ImagePullSecrets []pod.KeySource
	// Labels and Annotations of the account. Default to none.
	Labels, Annotations map[string]string
	// Patch has the last word on the ServiceAccount.
	Patch func(*corev1.ServiceAccount)
	// PatchRole and PatchRoleBinding have it on those.
	PatchRole        func(*rbacv1.Role)
	PatchRoleBinding func(*rbacv1.RoleBinding)
	// PatchClusterRole and PatchClusterRoleBinding have it on those.
	PatchClusterRole        func(*rbacv1.ClusterRole)
	PatchClusterRoleBinding func(*rbacv1.ClusterRoleBinding)
}

var (
	verb         = regexp.MustCompile(`^(\*|[a-z]+)$`)
	resourcePart = regexp.MustCompile(`^(\*|[a-z][a-z0-9-]*)$`)
	// namelessVerbs are asked for without the name of an object
	// (https://kubernetes.io/docs/reference/access-authn-authz/rbac/#referring-to-resources).
	namelessVerbs = map[string]bool{"list": true, "watch": true, "create": true,
		"deletecollection": true, "*": false}
)

// splitResource takes RESOURCE[.GROUP][/SUBRESOURCE] apart.
func splitResource(text string) (group, resource string, ok bool) {
	resource, sub, hasSub := strings.Cut(text, "/")
	resource, group, hasGroup := strings.Cut(resource, ".")
	if !resourcePart.MatchString(resource) || hasSub && !resourcePart.MatchString(sub) ||
		hasGroup && len(validation.IsDNS1123Subdomain(group)) > 0 {
		return "", "", false
	}
	if hasSub {
		resource += "/" + sub
	}
	return group, resource, true
}

func (permission Permission) validate(p *problem.List, at *problem.Path) {
	if len(permission.Verbs) == 0 {
		p.Missing(at.Child("Verbs"), "say what is allowed, for example Read()")
	}
	for i, text := range permission.Verbs {
		field := at.Child("Verbs").Index(i)
		switch {
		case !verb.MatchString(text):
			p.Add(field, text,
				"is not a verb of the API; use get, list, watch, create, update, patch, delete or another word of lower-case letters")
		case len(permission.Names) > 0 && namelessVerbs[text]:
			p.Add(field, text,
				"is asked for without a name, so that it would never be allowed beside Names; give it a Permission of its own")
		}
	}
	if len(permission.Resources) == 0 {
		p.Missing(at.Child("Resources"), "say with what, for example \"pods\" or \"deployments.apps\"")
	}
	for i, text := range permission.Resources {
		if _, _, ok := splitResource(text); !ok {
			p.Add(at.Child("Resources").Index(i), text,
				"is not a resource; use its plural in lower case, with its group and subresource where it has them, for example \"pods/log\" or \"deployments.apps\"")
		}
	}
	for i, name := range permission.Names {
		if name == "" {
			p.Missing(at.Child("Names").Index(i), "name the object, or leave Names out for all")
		}
	}
}

// rules writes the permission as one rule for each group of resources.
func (permission Permission) rules() []rbacv1.PolicyRule {
	var groups []string
	resources := map[string][]string{}
	for _, text := range permission.Resources {
		group, resource, ok := splitResource(text)
		if !ok {
			continue
		}
		if resources[group] == nil {
			groups = append(groups, group)
		}
		resources[group] = append(resources[group], resource)
	}
	var rules []rbacv1.PolicyRule
	for _, group := range groups {
		rules = append(rules, rbacv1.PolicyRule{
			APIGroups: []string{group}, Resources: resources[group], Verbs: permission.Verbs,
			ResourceNames: permission.Names,
		})
	}
	return rules
}

func (props ServiceAccountProps) validate() problem.List {
	var p problem.List
	p.DNSSubdomain(problem.At("Name"), props.Name)
	for i, permission := range props.Allow {
		permission.validate(&p, problem.At("Allow").Index(i))
	}
	for i, permission := range props.AllowInCluster {
		permission.validate(&p, problem.At("AllowInCluster").Index(i))
	}
	for i, source := range props.ImagePullSecrets {
		pod.ValidatePullSecret(&p, problem.At("ImagePullSecrets").Index(i), source)
	}
	p.Labels(problem.At("Labels"), props.Labels)
	p.Annotations(problem.At("Annotations"), props.Annotations)
	return p
}

// ServiceAccount is who pods are for the API server, and what they may do there. Its token is in a
// pod only where Security.MountServiceAccountToken asks for it. See
// https://kubernetes.io/docs/concepts/security/service-accounts/.
type ServiceAccount struct {
	constructs.Construct
	object ref.Object
}

var _ pod.Account = (*ServiceAccount)(nil)

// NewServiceAccount makes a ServiceAccount. Its children are the Resource, the account, and where
// something is allowed Role, RoleBinding, ClusterRole and ClusterRoleBinding.
func NewServiceAccount(scope constructs.Construct, id string, props ServiceAccountProps) *ServiceAccount {
	s := &ServiceAccount{}
	tree.New(s, scope, id)
	tree.Invalid(s, props.validate()...)
	account := &corev1.ServiceAccount{
		ObjectMeta:                   object.Meta(props.Name, props.Labels, props.Annotations),
		AutomountServiceAccountToken: new(false),
	}
	var l problem.List
	for _, source := range props.ImagePullSecrets {
		if data := pod.KeyOf(source, "").Source(); data != nil {
			account.ImagePullSecrets = append(account.ImagePullSecrets,
				corev1.LocalObjectReference{Name: data.Name()})
		}
	}
	s.object = ref.To("ServiceAccount", props.Name,
		k8s.NewServiceAccount(s, "Resource", object.Patched(s, "Patch", account, props.Patch)))
	for i, source := range props.ImagePullSecrets {
		if data := pod.KeyOf(source, "").Source(); data != nil {
			data.Beside(&l, problem.At("ImagePullSecrets").Index(i), s.object.Made())
		}
	}
	namespace, _ := s.object.Namespace()
	if len(props.Allow) > 0 {
		s.addRole(props, namespace)
	}
	if len(props.AllowInCluster) > 0 {
		if namespace == "" {
			l.Say(problem.At("AllowInCluster"),
				"needs the namespace of the account, which a ClusterRoleBinding names; put it into a chart with a Namespace")
		}
		s.addClusterRole(props, namespace)
	}
	tree.Invalid(s, l...)
	return s
}

func rulesOf(permissions []Permission) []rbacv1.PolicyRule {
	var rules []rbacv1.PolicyRule
	for _, permission := range permissions {
		rules = append(rules, permission.rules()...)
	}
	return rules
}

func (s *ServiceAccount) addRole(props ServiceAccountProps, namespace string) {
	meta := object.Meta(props.Name, props.Labels, nil)
	k8s.NewRole(s, "Role", object.Patched(s, "PatchRole",
		&rbacv1.Role{ObjectMeta: meta, Rules: rulesOf(props.Allow)}, props.PatchRole))
	k8s.NewRoleBinding(s, "RoleBinding", object.Patched(s, "PatchRoleBinding", &rbacv1.RoleBinding{
		ObjectMeta: meta,
		RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "Role", Name: props.Name},
		// Without a namespace it is the binding's own.
		Subjects: []rbacv1.Subject{{Kind: rbacv1.ServiceAccountKind, Name: props.Name, Namespace: namespace}},
	}, props.PatchRoleBinding))
}

func (s *ServiceAccount) addClusterRole(props ServiceAccountProps, namespace string) {
	// A namespace has no '.', so that no two accounts have roles of one name.
	name := namespace + "." + props.Name
	meta := metav1.ObjectMeta{Name: name, Labels: props.Labels}
	k8s.NewClusterRole(s, "ClusterRole", object.Patched(s, "PatchClusterRole",
		&rbacv1.ClusterRole{ObjectMeta: meta, Rules: rulesOf(props.AllowInCluster)}, props.PatchClusterRole))
	k8s.NewClusterRoleBinding(s, "ClusterRoleBinding",
		object.Patched(s, "PatchClusterRoleBinding", &rbacv1.ClusterRoleBinding{
			ObjectMeta: meta,
			RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: name},
			Subjects:   []rbacv1.Subject{{Kind: rbacv1.ServiceAccountKind, Name: props.Name, Namespace: namespace}},
		}, props.PatchClusterRoleBinding))
}

// Name returns the name of the account.
func (s *ServiceAccount) Name() string { return s.AccountRef().Name() }

// AccountRef refers to the account, for the pods that run as it.
func (s *ServiceAccount) AccountRef() ref.Object {
	if s == nil {
		return ref.Object{}
	}
	return s.object
}
