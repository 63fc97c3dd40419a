package infra_test

import (
	"testing"

	"github.com/cdk8s-team/cdk8s-core-go/cdk8s/v2"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"

	"github.com/crossoverJie/k8s-combat/infra"
	"github.com/crossoverJie/k8s-combat/infra/internal/synthtest"
	"github.com/crossoverJie/k8s-combat/infra/pod"
)

// account builds a ServiceAccount that is in order but for what change does.
func account(change func(props *infra.ServiceAccountProps)) func(chart cdk8s.Chart) {
	return func(chart cdk8s.Chart) {
		props := infra.ServiceAccountProps{Name: "operator"}
		if change != nil {
			change(&props)
		}
		infra.NewServiceAccount(chart, "account", props)
	}
}

func fullAccount(props *infra.ServiceAccountProps) {
	props.Allow = []infra.Permission{
		infra.Allow(infra.Read(), "pods", "pods/log", "deployments.apps"),
		infra.Allow([]string{"patch"}, "deployments.apps/scale"),
		{Verbs: []string{"get", "update"}, Resources: []string{"configmaps"}, Names: []string{"settings"}},
		infra.Allow([]string{"*"}, "*.example.com"),
	}
	props.AllowInCluster = []infra.Permission{infra.Allow(append(infra.Read(), infra.Write()...), "nodes", "gateways.gateway.networking.k8s.io")}
	props.Labels, props.Annotations = map[string]string{"tier": "back"}, map[string]string{"example.com/owner": "team"}
	props.Patch = func(a *corev1.ServiceAccount) { a.Annotations["patched"] = "account" }
	props.PatchRole = func(r *rbacv1.Role) { r.Annotations = map[string]string{"patched": "role"} }
	props.PatchRoleBinding = func(b *rbacv1.RoleBinding) { b.Annotations = map[string]string{"patched": "binding"} }
	props.PatchClusterRole = func(r *rbacv1.ClusterRole) { r.Annotations = map[string]string{"patched": "cluster role"} }
	props.PatchClusterRoleBinding = func(b *rbacv1.ClusterRoleBinding) { b.Annotations = map[string]string{"patched": "cluster binding"} }
}

func TestServiceAccount(t *testing.T) {
	t.Parallel()
	synthtest.Golden(t, "service-account-minimal", account(nil))
	synthtest.Golden(t, "service-account-full", account(func(props *infra.ServiceAccountProps) {
		fullAccount(props)
		props.AllowInCluster, props.PatchClusterRole, props.PatchClusterRoleBinding = nil, nil, nil
	}))
}

func TestRolesOfTheAccount(t *testing.T) {
	t.Parallel()
	build := func(chart cdk8s.Chart) { account(fullAccount)(chartIn(chart, "ops")) }
	one := inNamespaces[corev1.ServiceAccount](t, "ServiceAccount", build)[0]
	subject := []rbacv1.Subject{{Kind: "ServiceAccount", Name: one.Name, Namespace: "ops"}}
	assert.False(t, *one.AutomountServiceAccountToken)
	assert.Equal(t, "account", one.Annotations["patched"])

	role := inNamespaces[rbacv1.Role](t, "Role", build)[0]
	assert.Equal(t, []rbacv1.PolicyRule{
		{APIGroups: []string{""}, Resources: []string{"pods", "pods/log"}, Verbs: infra.Read()},
		{APIGroups: []string{"apps"}, Resources: []string{"deployments"}, Verbs: infra.Read()},
		{APIGroups: []string{"apps"}, Resources: []string{"deployments/scale"}, Verbs: []string{"patch"}},
		{APIGroups: []string{""}, Resources: []string{"configmaps"}, Verbs: []string{"get", "update"}, ResourceNames: []string{"settings"}},
		{APIGroups: []string{"example.com"}, Resources: []string{"*"}, Verbs: []string{"*"}},
	}, role.Rules)
	assert.Equal(t, "ops", role.Namespace)
	binding := inNamespaces[rbacv1.RoleBinding](t, "RoleBinding", build)[0]
	assert.Equal(t, subject, binding.Subjects)
	assert.Equal(t, rbacv1.RoleRef{APIGroup: "rbac.authorization.k8s.io", Kind: "Role", Name: role.Name}, binding.RoleRef)
	assert.Equal(t, role.Namespace, binding.Namespace)

	clusterRole := inNamespaces[rbacv1.ClusterRole](t, "ClusterRole", build)[0]
	assert.Equal(t, "ops.operator", clusterRole.Name)
	assert.Equal(t, []string{"nodes"}, clusterRole.Rules[0].Resources)
	assert.Equal(t, []string{"gateway.networking.k8s.io"}, clusterRole.Rules[1].APIGroups)
	clusterBinding := inNamespaces[rbacv1.ClusterRoleBinding](t, "ClusterRoleBinding", build)[0]
	assert.Equal(t, subject, clusterBinding.Subjects)
	assert.Equal(t, rbacv1.RoleRef{APIGroup: "rbac.authorization.k8s.io", Kind: "ClusterRole", Name: clusterRole.Name}, clusterBinding.RoleRef)
}

// What is in no namespace has one name in the whole cluster, which two accounts must not share.
func TestClusterRolesOfTwoAccounts(t *testing.T) {
	t.Parallel()
	roles := inNamespaces[rbacv1.ClusterRole](t, "ClusterRole", func(chart cdk8s.Chart) {
		for namespace, name := range map[string]string{"a": "b-c", "a-b": "c"} {
			account(func(p *infra.ServiceAccountProps) {
				p.Name, p.AllowInCluster = name, []infra.Permission{infra.Allow(infra.Read(), "nodes")}
			})(chartIn(chart, namespace))
		}
	})
	require.Len(t, roles, 2)
	assert.NotEqual(t, roles[0].Name, roles[1].Name)
}

func TestServiceAccountMayDoNothingUnlessAsked(t *testing.T) {
	t.Parallel()
	for _, kind := range []string{"Role", "RoleBinding", "ClusterRole", "ClusterRoleBinding"} {
		assert.Empty(t, synthtest.Objects[map[string]any](t, kind, account(nil)), kind)
	}
}

func TestServiceAccountPullsImages(t *testing.T) {
	t.Parallel()
	got := synthtest.Only[corev1.ServiceAccount](t, "ServiceAccount", func(chart cdk8s.Chart) {
		registry := infra.NewCredentials(chart, "registry", infra.CredentialsProps{Name: "registry", Existing: true})
		account(func(p *infra.ServiceAccountProps) { p.ImagePullSecrets = []pod.KeySource{registry} })(chart)
	})
	assert.Equal(t, []corev1.LocalObjectReference{{Name: "registry"}}, got.ImagePullSecrets)
}

func TestServiceAccountBadInput(t *testing.T) {
	t.Parallel()
	allow := func(permissions ...infra.Permission) func(cdk8s.Chart) {
		return account(func(p *infra.ServiceAccountProps) { p.Allow = permissions })
	}
	const verb = "is not a verb of the API; use get, list, watch, create, update, patch, delete or another word of lower-case letters"
	const resource = `is not a resource; use its plural in lower case, with its group and subresource where it has them, for example "pods/log" or "deployments.apps"`
	const nameless = "is asked for without a name, so that it would never be allowed beside Names; give it a Permission of its own"
	synthtest.BadInput{
		"names": {account(func(p *infra.ServiceAccountProps) {
			p.Name, p.Labels, p.Annotations = "A", map[string]string{"a": "b c"}, map[string]string{"a b": ""}
		}), []string{
			`[chart/account] Name: "A" is not an RFC 1123 subdomain; use 1 to 253 lower-case letters, digits, '-' or '.', beginning and ending with a letter or digit`,
			`[chart/account] Labels["a"]: "b c" is not a label value; use at most 63 letters, digits, '-', '_' or '.', beginning and ending with a letter or digit, or nothing`,
			`[chart/account] Annotations: "a b" is not a label or annotation key; use a name of at most 63 letters, digits, '-', '_' or '.', after an optional DNS prefix and '/'`,
		}},
		"nothing": {allow(infra.Permission{}), []string{
			`[chart/account] Allow[0].Verbs: is not set; say what is allowed, for example Read()`,
			`[chart/account] Allow[0].Resources: is not set; say with what, for example "pods" or "deployments.apps"`,
		}},
		"verbs": {allow(infra.Allow([]string{"Get", "", "get,list"}, "pods")), []string{
			`[chart/account] Allow[0].Verbs[0]: "Get" ` + verb,
			`[chart/account] Allow[0].Verbs[1]: "" ` + verb,
			`[chart/account] Allow[0].Verbs[2]: "get,list" ` + verb,
		}},
		"resources": {allow(infra.Allow(infra.Read(), "Pods", "", "apps/v1/deployments", "deployments.", "pods/")), []string{
			`[chart/account] Allow[0].Resources[0]: "Pods" ` + resource,
			`[chart/account] Allow[0].Resources[1]: "" ` + resource,
			`[chart/account] Allow[0].Resources[2]: "apps/v1/deployments" ` + resource,
			`[chart/account] Allow[0].Resources[3]: "deployments." ` + resource,
			`[chart/account] Allow[0].Resources[4]: "pods/" ` + resource,
		}},
		"names of objects": {allow(infra.Permission{Verbs: []string{"get", "list", "create"}, Resources: []string{"configmaps"}, Names: []string{"settings", ""}}), []string{
			`[chart/account] Allow[0].Verbs[1]: "list" ` + nameless,
			`[chart/account] Allow[0].Verbs[2]: "create" ` + nameless,
			`[chart/account] Allow[0].Names[1]: is not set; name the object, or leave Names out for all`,
		}},
		"in a cluster from nowhere": {account(func(p *infra.ServiceAccountProps) {
			p.AllowInCluster = []infra.Permission{infra.Allow(infra.Read(), "nodes"), {}}
		}), []string{
			`[chart/account] AllowInCluster[1].Verbs: is not set; say what is allowed, for example Read()`,
			`[chart/account] AllowInCluster[1].Resources: is not set; say with what, for example "pods" or "deployments.apps"`,
			`[chart/account] AllowInCluster: needs the namespace of the account, which a ClusterRoleBinding names; put it into a chart with a Namespace`,
		}},
		"secrets": {func(chart cdk8s.Chart) {
			there := infra.NewCredentials(chartIn(chart, "there"), "registry", infra.CredentialsProps{
				Name: "registry", Type: "kubernetes.io/dockerconfigjson", Values: map[string]infra.Sensitive{".dockerconfigjson": "{}"},
			})
			account(func(p *infra.ServiceAccountProps) {
				p.ImagePullSecrets = []pod.KeySource{nil, (*infra.Credentials)(nil), (*infra.Config)(nil), there}
			})(chart)
		}, []string{
			`[chart/account] ImagePullSecrets[0]: is not set; give *Credentials of the type kubernetes.io/dockerconfigjson`,
			`[chart/account] ImagePullSecrets[1]: is not set; give *Credentials of the type kubernetes.io/dockerconfigjson`,
			`[chart/account] ImagePullSecrets[2]: is not set; give *Credentials of the type kubernetes.io/dockerconfigjson`,
			`[chart/account] ImagePullSecrets[3]: "registry" is a Secret in namespace "there", and cannot be referred to from a namespace that kubectl chooses; put both into charts of one Namespace`,
		}},
		"patches": {account(func(p *infra.ServiceAccountProps) {
			p.Allow = []infra.Permission{infra.Allow(infra.Read(), "pods")}
			p.PatchRole = func(r *rbacv1.Role) { r.Rules = append(r.Rules, rbacv1.PolicyRule{Resources: []string{"pods"}}) }
			p.PatchRoleBinding = func(b *rbacv1.RoleBinding) { b.Subjects[2].Name = "x" }
		}), []string{
			`[chart/account] PatchRole.rules[1].verbs: is not set; say what is allowed, for example "get"`,
			`[chart/account] PatchRole.rules[1].apiGroups: is not set; name the group of the resources, "" for those of the core`,
			`[chart/account] PatchRoleBinding: panicked: runtime error: index out of range [2] with length 1; see what it takes for granted of the *v1.RoleBinding`,
		}},
	}.Run(t)
}
