package infra_test

import (
	"testing"
	"time"

	"github.com/cdk8s-team/cdk8s-core-go/cdk8s/v2"
	"github.com/stretchr/testify/assert"
	appsv1 "k8s.io/api/apps/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/crossoverJie/k8s-combat/infra"
	"github.com/crossoverJie/k8s-combat/infra/internal/synthtest"
	"github.com/crossoverJie/k8s-combat/infra/pod"
)

// daemonSet builds a DaemonSet that is in order but for what change does.
func daemonSet(change func(props *infra.DaemonSetProps)) func(chart cdk8s.Chart) {
	return func(chart cdk8s.Chart) {
		props := infra.DaemonSetProps{Name: "agent", Pod: pod.Props{Image: "example.com/agent:1"}}
		if change != nil {
			change(&props)
		}
		infra.NewDaemonSet(chart, "agent", props)
	}
}

func TestDaemonSet(t *testing.T) {
	t.Parallel()
	synthtest.Golden(t, "daemon-set-minimal", daemonSet(nil))
	synthtest.Golden(t, "daemon-set-full", daemonSet(func(props *infra.DaemonSetProps) {
		props.Selector = map[string]string{"app.kubernetes.io/name": "agent"}
		props.Pod.Name = "main"
		props.Pod.Labels = map[string]string{"role": "any"}
		props.Pod.Tolerations = []pod.Toleration{{Key: "node-role.kubernetes.io/control-plane", Effect: pod.NoSchedule}}
		props.Pod.Mounts = []pod.Mount{{Path: "/var/log/pods", Volume: pod.HostPath("pods", "/var/log/pods", pod.ExistingDirectory), ReadOnly: true}}
		props.MaxUnavailable = infra.Percent(10)
		props.MinReady = 5 * time.Second
		props.RevisionHistoryLimit = new(int32(2))
		props.Labels, props.Annotations = map[string]string{"tier": "node"}, map[string]string{"example.com/owner": "team"}
		props.Patch = func(d *appsv1.DaemonSet) { d.Spec.Template.Spec.HostNetwork = true }
	}))
}

func TestDaemonSetUpdates(t *testing.T) {
	t.Parallel()
	rolling := func(unavailable, surge *intstr.IntOrString) appsv1.DaemonSetUpdateStrategy {
		return appsv1.DaemonSetUpdateStrategy{
			Type: appsv1.RollingUpdateDaemonSetStrategyType, RollingUpdate: &appsv1.RollingUpdateDaemonSet{MaxUnavailable: unavailable, MaxSurge: surge},
		}
	}
	for name, test := range map[string]struct {
		change func(*infra.DaemonSetProps)
		want   appsv1.DaemonSetUpdateStrategy
	}{
		"default":            {func(*infra.DaemonSetProps) {}, appsv1.DaemonSetUpdateStrategy{}},
		"on delete":          {func(p *infra.DaemonSetProps) { p.OnDelete = true }, appsv1.DaemonSetUpdateStrategy{Type: appsv1.OnDeleteDaemonSetStrategyType}},
		"fewer":              {func(p *infra.DaemonSetProps) { p.MaxUnavailable = infra.Pods(2) }, rolling(infra.Pods(2), nil)},
		"more":               {func(p *infra.DaemonSetProps) { p.MaxSurge = infra.Percent(10) }, rolling(infra.Pods(0), infra.Percent(10))},
		"no more":            {func(p *infra.DaemonSetProps) { p.MaxSurge = infra.Pods(0) }, rolling(nil, infra.Pods(0))},
		"not a percent more": {func(p *infra.DaemonSetProps) { p.MaxSurge = infra.Percent(0) }, rolling(nil, infra.Percent(0))},
		"more and no fewer":  {func(p *infra.DaemonSetProps) { p.MaxSurge, p.MaxUnavailable = infra.Pods(1), infra.Pods(0) }, rolling(infra.Pods(0), infra.Pods(1))},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			assert.Equal(t, test.want, synthtest.Only[appsv1.DaemonSet](t, "DaemonSet", daemonSet(test.change)).Spec.UpdateStrategy)
		})
	}
}

func TestDaemonSetBadInput(t *testing.T) {
	t.Parallel()
	synthtest.BadInput{
		"nothing": {func(chart cdk8s.Chart) { infra.NewDaemonSet(chart, "agent", infra.DaemonSetProps{}) }, []string{
			`[chart/agent] Name: is not set; give the object a name, for example "web"`,
			`[chart/agent] Pod.Image: is not set; name an image, for example "docker.io/library/nginx:1.29"`,
		}},
		"selector": {daemonSet(func(p *infra.DaemonSetProps) {
			p.Selector = map[string]string{"version": "v1"}
			p.Pod.Version = "v2"
		}), []string{
			`[chart/agent] Pod.Version: "v2" is not what the Selector asks for, "v1"; leave one of them out`,
		}},
		"figures": {daemonSet(func(p *infra.DaemonSetProps) {
			p.MaxUnavailable, p.MaxSurge = infra.Percent(101), infra.Pods(-1)
			p.MinReady, p.RevisionHistoryLimit = time.Millisecond, new(int32(-1))
		}), []string{
			`[chart/agent] MaxUnavailable: "101%" is not a number of pods; use Pods(n) with 0 or more, or Percent(n) with 0 to 100`,
			`[chart/agent] MaxSurge: "-1" is not a number of pods; use Pods(n) with 0 or more, or Percent(n) with 0 to 100`,
			`[chart/agent] MinReady: 1ms is not in whole seconds, which is what Kubernetes counts here; use for example 2s`,
			`[chart/agent] RevisionHistoryLimit: -1 is negative; use 0 or more`,
		}},
		"wrong figures give no others": {daemonSet(func(p *infra.DaemonSetProps) { p.MaxUnavailable, p.MaxSurge = infra.Pods(0), infra.Pods(-1) }), []string{
			`[chart/agent] MaxSurge: "-1" is not a number of pods; use Pods(n) with 0 or more, or Percent(n) with 0 to 100`,
		}},
		"both ways": {daemonSet(func(p *infra.DaemonSetProps) { p.MaxUnavailable, p.MaxSurge = infra.Pods(1), infra.Percent(5) }), []string{
			`[chart/agent] MaxSurge: "5%" cannot stand beside MaxUnavailable, 1; leave out one of them`,
		}},
		"neither": {daemonSet(func(p *infra.DaemonSetProps) { p.MaxUnavailable, p.MaxSurge = infra.Pods(0), infra.Percent(0) }), []string{
			`[chart/agent] MaxUnavailable: "0" cannot be 0 without a MaxSurge: no pod could ever be replaced; raise one of them`,
		}},
		"none": {daemonSet(func(p *infra.DaemonSetProps) { p.MaxUnavailable = infra.Percent(0) }), []string{
			`[chart/agent] MaxUnavailable: "0%" cannot be 0 without a MaxSurge: no pod could ever be replaced; raise one of them`,
		}},
		"on delete": {daemonSet(func(p *infra.DaemonSetProps) { p.OnDelete, p.MaxSurge = true, infra.Pods(1) }), []string{
			`[chart/agent] OnDelete: true has no use for MaxUnavailable and MaxSurge; leave them out, or OnDelete`,
		}},
		"annotations": {daemonSet(func(p *infra.DaemonSetProps) { p.Annotations = map[string]string{"a b": ""} }), []string{
			`[chart/agent] Annotations: "a b" is not a label or annotation key; use a name of at most 63 letters, digits, '-', '_' or '.', after an optional DNS prefix and '/'`,
		}},
	}.Run(t)
}
