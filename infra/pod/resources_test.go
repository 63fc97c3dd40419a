package pod_test

import (
	"testing"

	"github.com/cdk8s-team/cdk8s-core-go/cdk8s/v2"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/crossoverJie/k8s-combat/infra"
	"github.com/crossoverJie/k8s-combat/infra/internal/synthtest"
	"github.com/crossoverJie/k8s-combat/infra/pod"
)

func TestQuantitiesWithoutTheirUnit(t *testing.T) {
	t.Parallel()
	const (
		memory  = " is 512 bytes, less than any process needs; use at least 4Mi, for example 128Mi: Mi stands for mebibytes"
		storage = " is 10 bytes, its unit is missing; use for example 64Mi or 10Gi: Mi stands for mebibytes, Gi for gibibytes"
		cores   = " is a number of cores, more than any node has; use for example 100m: m stands for thousandths of a core"
		finer   = " is finer than Kubernetes counts, thousandths of a core; use at least 1m"
	)
	synthtest.BadInput{
		"of a container": {props(func(p *pod.Props) {
			p.Resources = pod.Resources{Requests: pod.ResourceList{CPU: "1u", Memory: "512", EphemeralStorage: "10"}, Limits: pod.ResourceList{CPU: "2000", EphemeralStorage: "64Ki"}}
			p.Mounts = mounted(pod.EmptyDir("a", pod.EmptyDirOptions{SizeLimit: "10"}), pod.EphemeralClaim("b", pod.ClaimOptions{Storage: "10"}),
				pod.EmptyDir("c", pod.EmptyDirOptions{SizeLimit: "4Ki"}), pod.EmptyDir("d", pod.EmptyDirOptions{SizeLimit: "1048576"}))
		}), []string{
			`[chart/queue] Mounts[0].Volume.SizeLimit: "10"` + storage,
			`[chart/queue] Mounts[1].Volume.Storage: "10"` + storage,
			`[chart/queue] Resources.Requests.CPU: "1u"` + finer,
			`[chart/queue] Resources.Requests.Memory: "512"` + memory,
			`[chart/queue] Resources.Requests.EphemeralStorage: "10"` + storage,
			`[chart/queue] Resources.Limits.CPU: "2000"` + cores,
		}},
		"of a namespace": {func(chart cdk8s.Chart) {
			infra.NewNamespace(chart, "namespace", infra.NamespaceProps{Name: "shop", Quota: infra.Quota{Requests: pod.ResourceList{CPU: "2000"}, Storage: "10"}})
		}, []string{`[chart/namespace] Quota.Storage: "10"` + storage}},
		"by Patch": {func(chart cdk8s.Chart) {
			infra.NewProbedDeployment(chart, "web", infra.ProbedDeploymentProps{Name: "web", Image: "example.com/web:1", Patch: func(d *appsv1.Deployment) {
				d.Spec.Template.Spec.Containers[0].Resources = corev1.ResourceRequirements{
					Requests: corev1.ResourceList{"memory": resource.MustParse("512"), "ephemeral-storage": resource.MustParse("10")},
					Limits:   corev1.ResourceList{"cpu": resource.MustParse("2000")},
				}
			}})
		}, []string{
			`[chart/web] Patch.spec.template.spec.containers[0].resources.requests.ephemeral-storage: "10"` + storage,
			`[chart/web] Patch.spec.template.spec.containers[0].resources.requests.memory: "512"` + memory,
			`[chart/web] Patch.spec.template.spec.containers[0].resources.limits.cpu: "2k"` + cores,
		}},
	}.Run(t)
}
