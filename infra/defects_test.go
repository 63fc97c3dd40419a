package infra_test

import (
	"math"
	"strings"
	"testing"

	"github.com/cdk8s-team/cdk8s-core-go/cdk8s/v2"
	corev1 "k8s.io/api/core/v1"

	"github.com/crossoverJie/k8s-combat/infra"
	"github.com/crossoverJie/k8s-combat/infra/internal/synthtest"
	"github.com/crossoverJie/k8s-combat/infra/pod"
)

// TestWhatTheAPIServerRefuses are props that passed before random ones were shown to the API server.
func TestWhatTheAPIServerRefuses(t *testing.T) {
	t.Parallel()
	daemon := func(change func(props *infra.DaemonSetProps)) func(cdk8s.Chart) {
		return func(chart cdk8s.Chart) {
			props := infra.DaemonSetProps{Name: "agent", Pod: pod.Props{Image: "example.com/agent:1"}}
			change(&props)
			infra.NewDaemonSet(chart, "agent", props)
		}
	}
	secret := func(props infra.CredentialsProps) func(cdk8s.Chart) {
		return func(chart cdk8s.Chart) {
			props.Name = "login"
			infra.NewCredentials(chart, "login", props)
		}
	}
	synthtest.BadInput{
		"a container's name": {daemon(func(props *infra.DaemonSetProps) { props.Pod.Name = "agent.shop" }), []string{
			`[chart/agent] Pod.Name: "agent.shop" is not an RFC 1123 label; use 1 to 63 lower-case letters, digits or '-', beginning and ending with a letter or digit`,
		}},
		"annotations with a meaning": {daemon(func(props *infra.DaemonSetProps) {
			props.Pod.Annotations = map[string]string{"scheduler.alpha.kubernetes.io/tolerations": "x", corev1.MirrorPodAnnotationKey: ""}
		}), []string{
			`[chart/agent] Pod.Annotations["kubernetes.io/config.mirror"]: "" is for the kubelet's own pods; leave it out`,
			`[chart/agent] Pod.Annotations["scheduler.alpha.kubernetes.io/tolerations"]: "x" has a field of its own; use Tolerations`,
		}},
		"an Indexed Job's name": {func(chart cdk8s.Chart) {
			infra.NewJob(chart, "job", infra.JobProps{Name: strings.Repeat("a", 62), JobSpec: infra.JobSpec{
				Pod: pod.Props{Image: "example.com/job:1"}, Indexed: true, Completions: new(int32(11)),
			}})
		}, []string{
			`[chart/job] Name: "` + strings.Repeat("a", 62) + `" is too long for an Indexed Job, whose pods are called by it and their number; use at most 60 characters`,
		}},
		"no user and no password": {secret(infra.CredentialsProps{Type: "kubernetes.io/basic-auth"}), []string{
			`[chart/login] Values["username"]: is not set; a Secret of the type kubernetes.io/basic-auth needs it, or password`,
		}},
		"no JSON": {secret(infra.CredentialsProps{Type: "kubernetes.io/dockercfg", Values: map[string]infra.Sensitive{".dockercfg": "x"}}), []string{
			`[chart/login] Values[".dockercfg"]: "***" is not JSON, which the type kubernetes.io/dockercfg asks for`,
		}},
		"more than can be counted": {func(chart cdk8s.Chart) {
			infra.NewNamespace(chart, "namespace", infra.NamespaceProps{Name: "shop", Quota: infra.Quota{Count: map[string]int64{"pods": math.MaxInt64}}})
		}, []string{
			`[chart/namespace] Quota.Count["pods"]: 9223372036854775807 is out of range; use 0 to 9223372036854775`,
		}},
	}.Run(t)
}
