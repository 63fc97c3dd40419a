package check

import (
	"slices"

	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
)

// permissions are what the roles of the set let ServiceAccounts do of that by which objects come or change unseen.
type permissions struct {
	// makeSecrets are the namespaces in which somebody may create Secrets: a Job that makes a certificate, an operator.
	makeSecrets map[string]bool
	// writePods are the ServiceAccounts that may write labels to pods.
	writePods map[key]bool
	// unbound are the namespaces with a ServiceAccount to which nothing is granted.
	unbound map[string]bool
}

// readPermissions looks through the bindings. What a ClusterRoleBinding grants everywhere counts in the namespace of its
// subject alone: that an operator may do it everywhere does not say that it does.
func (s *index) readPermissions() {
	s.permissions = permissions{makeSecrets: map[string]bool{}, writePods: map[key]bool{}, unbound: map[string]bool{}}
	bound := map[key]bool{}
	for _, o := range slices.Concat(s.byKind["RoleBinding"], s.byKind["ClusterRoleBinding"]) {
		var ref rbacv1.RoleRef
		var subjects []rbacv1.Subject
		switch typed := o.typed.(type) {
		case *rbacv1.RoleBinding:
			ref, subjects = typed.RoleRef, typed.Subjects
		case *rbacv1.ClusterRoleBinding:
			ref, subjects = typed.RoleRef, typed.Subjects
		}
		rules := s.rulesOf(ref, o.namespace)
		makes := allows(rules, "secrets", "create")
		writes := allows(rules, "pods", "patch", "update")
		for _, subject := range subjects {
			if subject.Kind != rbacv1.ServiceAccountKind {
				continue
			}
			namespace := subject.Namespace
			if namespace == "" {
				namespace = o.namespace
			}
			where := namespace
			if o.kind == "RoleBinding" {
				where = o.namespace
			}
			account := key{"ServiceAccount", namespace, subject.Name}
			bound[account] = true
			if makes {
				s.permissions.makeSecrets[where] = true
			}
			if writes && where == namespace {
				s.permissions.writePods[account] = true
			}
		}
	}
	for _, o := range s.byKind["ServiceAccount"] {
		if !bound[key{o.kind, o.namespace, o.name}] {
			s.permissions.unbound[o.namespace] = true
		}
	}
}

func (s *index) rulesOf(ref rbacv1.RoleRef, namespace string) []rbacv1.PolicyRule {
	if ref.Kind == "ClusterRole" {
		namespace = ""
	}
	for _, o := range s.byKey[key{ref.Kind, namespace, ref.Name}] {
		switch typed := o.typed.(type) {
		case *rbacv1.Role:
			return typed.Rules
		case *rbacv1.ClusterRole:
			return typed.Rules
		}
	}
	return nil
}

// allows reports whether one of the rules allows one of the verbs on a resource of the core group.
func allows(rules []rbacv1.PolicyRule, resource string, verbs ...string) bool {
	return slices.ContainsFunc(rules, func(rule rbacv1.PolicyRule) bool {
		has := func(names []string, name string) bool {
			return slices.Contains(names, name) || slices.Contains(names, rbacv1.ResourceAll)
		}
		return has(rule.APIGroups, corev1.GroupName) && has(rule.Resources, resource) &&
			slices.ContainsFunc(verbs, func(verb string) bool { return has(rule.Verbs, verb) })
	})
}

// writesOwnLabels reports whether a workload may write labels to its pods, such as the one of the pod that leads.
func (s *index) writesOwnLabels(w *workload) bool {
	name := w.spec.ServiceAccountName
	if name == "" {
		name = "default"
	}
	return s.permissions.writePods[key{"ServiceAccount", w.namespace, name}]
}

// elects reports whether pods have all labels but one, which none of them has at its start and which they may write
// themselves.
func (s *index) elects(namespace string, wanted map[string]string) bool {
	if len(s.permissions.writePods) == 0 {
		return false
	}
	for label := range wanted {
		rest := map[string]string{}
		for name, value := range wanted {
			if name != label {
				rest[name] = value
			}
		}
		if len(rest) == 0 {
			continue
		}
		selected := s.selectSet(namespace, rest).workloads
		if slices.ContainsFunc(selected[:min(len(selected), 20)], func(w *workload) bool {
			_, has := w.labels[label]
			return !has && s.writesOwnLabels(w)
		}) {
			return true
		}
	}
	return false
}
