package infra_test

import (
	"testing"

	"github.com/cdk8s-team/cdk8s-core-go/cdk8s/v2"
	"github.com/stretchr/testify/assert"
	corev1 "k8s.io/api/core/v1"

	"github.com/crossoverJie/k8s-combat/infra"
	"github.com/crossoverJie/k8s-combat/infra/internal/synthtest"
	"github.com/crossoverJie/k8s-combat/infra/pod"
)

// namespace builds a Namespace that is in order but for what change does.
func namespace(change func(props *infra.NamespaceProps)) func(chart cdk8s.Chart) {
	return func(chart cdk8s.Chart) {
		props := infra.NamespaceProps{Name: "shop"}
		if change != nil {
			change(&props)
		}
		infra.NewNamespace(chart, "namespace", props)
	}
}

func TestNamespace(t *testing.T) {
	t.Parallel()
	synthtest.Golden(t, "namespace-minimal", namespace(nil))
	synthtest.Golden(t, "namespace-full", namespace(func(p *infra.NamespaceProps) {
		p.PodSecurity, p.Warn = infra.Baseline, infra.Restricted
		p.Quota = infra.Quota{
			Requests: pod.ResourceList{CPU: "4", Memory: "8Gi"}, Limits: pod.ResourceList{CPU: "8", Memory: "16Gi", EphemeralStorage: "10Gi"}, Storage: "100Gi",
			Count: map[string]int64{"pods": 20, "services": 10, "services.loadbalancers": 0, "deployments.apps": 5, "certificates.cert-manager.io": 3},
		}
		p.Limits = infra.ContainerLimits{
			DefaultRequests: pod.ResourceList{CPU: "100m", Memory: "64Mi"}, DefaultLimits: pod.ResourceList{Memory: "128Mi"},
			Max: pod.ResourceList{CPU: "2", Memory: "1Gi"}, Min: pod.ResourceList{CPU: "10m"},
		}
		p.Labels, p.Annotations = map[string]string{"tier": "front"}, map[string]string{"example.com/owner": "team"}
		p.Patch = func(n *corev1.Namespace) { n.Annotations["patched"] = "yes" }
		p.PatchQuota = func(q *corev1.ResourceQuota) {
			q.Spec.Scopes = []corev1.ResourceQuotaScope{corev1.ResourceQuotaScopeNotTerminating}
		}
		p.PatchLimits = func(l *corev1.LimitRange) { l.Annotations = map[string]string{"patched": "yes"} }
	}))
}

func TestNamespaceAsksForTheRestrictedStandard(t *testing.T) {
	t.Parallel()
	labels := synthtest.Only[corev1.Namespace](t, "Namespace", namespace(func(p *infra.NamespaceProps) { p.Labels = map[string]string{"tier": "front"} })).Labels
	assert.Equal(t, map[string]string{"tier": "front", "pod-security.kubernetes.io/enforce": "restricted", "pod-security.kubernetes.io/warn": "restricted"}, labels)
}

func TestQuotaAndLimitsAreInTheNamespace(t *testing.T) {
	t.Parallel()
	build := namespace(func(p *infra.NamespaceProps) {
		p.Quota.Count, p.Limits.Max.CPU = map[string]int64{"pods": 0}, "1"
	})
	assert.Equal(t, "shop", synthtest.Only[corev1.ResourceQuota](t, "ResourceQuota", build).Namespace)
	assert.Equal(t, "shop", synthtest.Only[corev1.LimitRange](t, "LimitRange", build).Namespace)
	assert.Empty(t, synthtest.Objects[corev1.ResourceQuota](t, "ResourceQuota", namespace(nil)))
	assert.Empty(t, synthtest.Objects[corev1.LimitRange](t, "LimitRange", namespace(nil)))
}

func TestNamespaceBadInput(t *testing.T) {
	t.Parallel()
	const counted = `is not a resource that can be counted; use its plural, with its group where it has one, for example "pods" or "deployments.apps"`
	synthtest.BadInput{
		"names": {namespace(func(p *infra.NamespaceProps) {
			p.Name, p.PodSecurity, p.Warn = "shop.example.com", "strict", "loose"
			p.Labels = map[string]string{"pod-security.kubernetes.io/warn": "baseline", "pod-security.kubernetes.io/enforce": "baseline", "a": "b c"}
			p.Annotations = map[string]string{"a b": ""}
		}), []string{
			`[chart/namespace] Name: "shop.example.com" is not an RFC 1123 label; use 1 to 63 lower-case letters, digits or '-', beginning and ending with a letter or digit`,
			`[chart/namespace] PodSecurity: "strict" is not known; use restricted, baseline or privileged`,
			`[chart/namespace] Warn: "loose" is not known; use restricted, baseline or privileged`,
			`[chart/namespace] Labels["a"]: "b c" is not a label value; use at most 63 letters, digits, '-', '_' or '.', beginning and ending with a letter or digit, or nothing`,
			`[chart/namespace] Labels["pod-security.kubernetes.io/enforce"]: "baseline" is set by PodSecurity and Warn; leave it out`,
			`[chart/namespace] Labels["pod-security.kubernetes.io/warn"]: "baseline" is set by PodSecurity and Warn; leave it out`,
			`[chart/namespace] Annotations: "a b" is not a label or annotation key; use a name of at most 63 letters, digits, '-', '_' or '.', after an optional DNS prefix and '/'`,
		}},
		"quota": {namespace(func(p *infra.NamespaceProps) {
			p.Quota = infra.Quota{
				Requests: pod.ResourceList{CPU: "2", Memory: "lots"}, Limits: pod.ResourceList{CPU: "1"}, Storage: "-1",
				Count: map[string]int64{"pod": 1, "deployments": 1, "pods/log": 1, "deployments.apps/scale": 1, "*.apps": 1, "pods": -1, "A": 1},
			}
		}), []string{
			`[chart/namespace] Quota.Requests.Memory: "lots" is not a quantity; use a number with an optional unit, for example 100m, 0.5, 128Mi or 1Gi`,
			`[chart/namespace] Quota.Requests.CPU: "2" is more than Quota.Limits.CPU, "1"; lower the request or raise the limit`,
			`[chart/namespace] Quota.Storage: "-1" is not an amount of storage; use a quantity of bytes above 0, for example 64Mi or 10Gi`,
			`[chart/namespace] Quota.Count: "*.apps" ` + counted,
			`[chart/namespace] Quota.Count: "A" ` + counted,
			`[chart/namespace] Quota.Count: "deployments" ` + counted,
			`[chart/namespace] Quota.Count: "deployments.apps/scale" ` + counted,
			`[chart/namespace] Quota.Count: "pod" ` + counted,
			`[chart/namespace] Quota.Count["pods"]: -1 is out of range; use 0 to 9223372036854775`,
			`[chart/namespace] Quota.Count: "pods/log" ` + counted,
		}},
		"limits": {namespace(func(p *infra.NamespaceProps) {
			p.Limits = infra.ContainerLimits{
				DefaultRequests: pod.ResourceList{CPU: "2", Memory: "8Mi"}, DefaultLimits: pod.ResourceList{CPU: "1", Memory: "x"},
				Max: pod.ResourceList{CPU: "500m"}, Min: pod.ResourceList{CPU: "3", Memory: "16Mi"},
			}
		}), []string{
			`[chart/namespace] Limits.Min.CPU: "3" is more than Limits.DefaultRequests.CPU, "2"; lower the request or raise the limit`,
			`[chart/namespace] Limits.Min.Memory: "16Mi" is more than Limits.DefaultRequests.Memory, "8Mi"; lower the request or raise the limit`,
			`[chart/namespace] Limits.DefaultLimits.Memory: "x" is not a quantity; use a number with an optional unit, for example 100m, 0.5, 128Mi or 1Gi`,
			`[chart/namespace] Limits.Min.CPU: "3" is more than Limits.DefaultLimits.CPU, "1"; lower the request or raise the limit`,
			`[chart/namespace] Limits.Min.CPU: "3" is more than Limits.Max.CPU, "500m"; lower the request or raise the limit`,
			`[chart/namespace] Limits.DefaultRequests.CPU: "2" is more than Limits.DefaultLimits.CPU, "1"; lower the request or raise the limit`,
			`[chart/namespace] Limits.DefaultRequests.CPU: "2" is more than Limits.Max.CPU, "500m"; lower the request or raise the limit`,
			`[chart/namespace] Limits.DefaultLimits.CPU: "1" is more than Limits.Max.CPU, "500m"; lower the request or raise the limit`,
		}},
	}.Run(t)
}
