package infra_test

import (
	"strings"
	"testing"
	"time"

	"github.com/cdk8s-team/cdk8s-core-go/cdk8s/v2"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"

	"github.com/crossoverJie/k8s-combat/infra"
	"github.com/crossoverJie/k8s-combat/infra/internal/synthtest"
	"github.com/crossoverJie/k8s-combat/infra/pod"
)

// statefulSet builds a StatefulSet that is in order but for what change does.
func statefulSet(change func(props *infra.StatefulSetProps)) func(chart cdk8s.Chart) {
	return func(chart cdk8s.Chart) {
		props := infra.StatefulSetProps{Name: "db", Pod: pod.Props{Image: "example.com/db:1"}}
		if change != nil {
			change(&props)
		}
		infra.NewStatefulSet(chart, "db", props)
	}
}

func fullStatefulSet(props *infra.StatefulSetProps) {
	props.ServiceName = "db-pods"
	props.Ports = []infra.ServicePort{{Name: "sql", Port: 5432, TargetPort: 15432}}
	props.Selector = map[string]string{"app.kubernetes.io/name": "db"}
	props.Pod.Labels = map[string]string{"role": "any"}
	props.Pod.Ports = []pod.Port{{Name: "sql", Port: 15432}}
	props.Pod.TopologySpread = []pod.TopologySpread{{TopologyKey: "zone"}}
	props.Pod.Sidecars = []pod.Container{{
		Name: "backup", Image: "example.com/backup:1",
		Mounts: []pod.Mount{{Path: "/data", Volume: pod.ClaimTemplate("data"), ReadOnly: true}, {Path: "/logs", Volume: pod.ClaimTemplate("logs")}},
	}}
	props.Replicas = new(int32(3))
	props.Claims = []infra.ClaimTemplate{
		{Name: "data", ClaimOptions: pod.ClaimOptions{Storage: "10Gi", StorageClass: "fast"}, Path: "/var/lib/db"},
		{Name: "logs", ClaimOptions: pod.ClaimOptions{Storage: "1Gi", AccessModes: []pod.AccessMode{pod.ReadWriteOncePod}}},
	}
	props.KeepClaims = new(false)
	props.Partition = 1
	props.MaxUnavailable = infra.Pods(2)
	props.Parallel = true
	props.MinReady = 5 * time.Second
	props.RevisionHistoryLimit = new(int32(2))
	props.DisruptionBudget = infra.DisruptionBudget{MaxUnavailable: infra.Pods(1)}
	props.Labels, props.Annotations = map[string]string{"tier": "back"}, map[string]string{"example.com/owner": "team"}
	props.Patch = func(s *appsv1.StatefulSet) { s.Spec.Ordinals = &appsv1.StatefulSetOrdinals{Start: 1} }
	props.PatchService = func(s *corev1.Service) { s.Spec.PublishNotReadyAddresses = true }
}

func TestStatefulSet(t *testing.T) {
	t.Parallel()
	synthtest.Golden(t, "stateful-set-minimal", statefulSet(nil))
	synthtest.Golden(t, "stateful-set-full", statefulSet(fullStatefulSet))
}

func TestStatefulSetIsFoundByItsService(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*infra.StatefulSetProps){"minimal": nil, "full": fullStatefulSet} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			set := synthtest.Only[appsv1.StatefulSet](t, "StatefulSet", statefulSet(change))
			service := synthtest.Only[corev1.Service](t, "Service", statefulSet(change))
			assert.Equal(t, service.Name, set.Spec.ServiceName)
			assert.Equal(t, corev1.ClusterIPNone, service.Spec.ClusterIP)
			assert.Equal(t, set.Spec.Selector.MatchLabels, service.Spec.Selector)
			assert.Subset(t, set.Spec.Template.Labels, service.Spec.Selector)
		})
	}
	budget := synthtest.Only[policyv1.PodDisruptionBudget](t, "PodDisruptionBudget", statefulSet(fullStatefulSet))
	assert.Equal(t, map[string]string{"app.kubernetes.io/name": "db"}, budget.Spec.Selector.MatchLabels)
}

// The Service, and whatever else stands before the pods, follows the labels that a Patch has given them.
func TestStatefulSetWhoseSelectorIsPatched(t *testing.T) {
	t.Parallel()
	build := statefulSet(func(props *infra.StatefulSetProps) {
		props.DisruptionBudget.MaxUnavailable = infra.Pods(1)
		props.Patch = func(s *appsv1.StatefulSet) {
			s.Spec.Selector.MatchLabels = map[string]string{"run": "db"}
			s.Spec.Template.Labels = map[string]string{"run": "db"}
		}
	})
	assert.Equal(t, map[string]string{"run": "db"}, synthtest.Only[corev1.Service](t, "Service", build).Spec.Selector)
	assert.Equal(t, map[string]string{"run": "db"}, synthtest.Only[policyv1.PodDisruptionBudget](t, "PodDisruptionBudget", build).Spec.Selector.MatchLabels)
}

func TestStatefulSetMountsItsClaims(t *testing.T) {
	t.Parallel()
	spec := synthtest.Only[appsv1.StatefulSet](t, "StatefulSet", statefulSet(fullStatefulSet)).Spec
	claims := map[string]bool{}
	for _, claim := range spec.VolumeClaimTemplates {
		claims[claim.Name] = true
	}
	require.Len(t, claims, 2)
	mounts := 0
	for _, container := range append(spec.Template.Spec.Containers, spec.Template.Spec.InitContainers...) {
		for _, mount := range container.VolumeMounts {
			assert.True(t, claims[mount.Name], mount.Name)
			mounts++
		}
	}
	assert.Equal(t, 3, mounts)
	assert.Empty(t, spec.Template.Spec.Volumes, "the StatefulSet adds one for each claim")
}

func TestStatefulSetUpdates(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		change func(*infra.StatefulSetProps)
		want   appsv1.StatefulSetUpdateStrategy
	}{
		"default":   {func(*infra.StatefulSetProps) {}, appsv1.StatefulSetUpdateStrategy{}},
		"on delete": {func(p *infra.StatefulSetProps) { p.OnDelete = true }, appsv1.StatefulSetUpdateStrategy{Type: appsv1.OnDeleteStatefulSetStrategyType}},
		"partition": {func(p *infra.StatefulSetProps) { p.Partition = 2 }, appsv1.StatefulSetUpdateStrategy{
			Type: appsv1.RollingUpdateStatefulSetStrategyType, RollingUpdate: &appsv1.RollingUpdateStatefulSetStrategy{Partition: new(int32(2))},
		}},
		"by shares": {func(p *infra.StatefulSetProps) { p.MaxUnavailable = infra.Percent(50) }, appsv1.StatefulSetUpdateStrategy{
			Type: appsv1.RollingUpdateStatefulSetStrategyType, RollingUpdate: &appsv1.RollingUpdateStatefulSetStrategy{Partition: new(int32(0)), MaxUnavailable: infra.Percent(50)},
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			assert.Equal(t, test.want, synthtest.Only[appsv1.StatefulSet](t, "StatefulSet", statefulSet(test.change)).Spec.UpdateStrategy)
		})
	}
}

func TestStatefulSetKeepsItsClaims(t *testing.T) {
	t.Parallel()
	policy := func(keep *bool) *appsv1.StatefulSetPersistentVolumeClaimRetentionPolicy {
		return synthtest.Only[appsv1.StatefulSet](t, "StatefulSet", statefulSet(func(p *infra.StatefulSetProps) { p.KeepClaims = keep })).Spec.PersistentVolumeClaimRetentionPolicy
	}
	assert.Nil(t, policy(nil))
	assert.Equal(t, appsv1.RetainPersistentVolumeClaimRetentionPolicyType, policy(new(true)).WhenDeleted)
	assert.Equal(t, appsv1.DeletePersistentVolumeClaimRetentionPolicyType, policy(new(false)).WhenScaled)
}

func TestStatefulSetLeavesThePropsAlone(t *testing.T) {
	t.Parallel()
	mounts := make([]pod.Mount, 1, 2)
	mounts[0] = pod.Mount{Path: "/run/db", Volume: pod.EmptyDir("run", pod.EmptyDirOptions{})}
	build := statefulSet(func(p *infra.StatefulSetProps) {
		p.Pod.Mounts = mounts
		p.Claims = []infra.ClaimTemplate{{Name: "data", ClaimOptions: pod.ClaimOptions{Storage: "1Gi"}, Path: "/data"}}
	})
	first, _ := synthtest.Synth(t, build)
	second, _ := synthtest.Synth(t, build)
	assert.Equal(t, first, second)
	assert.Zero(t, mounts[:2][1])
}

func TestStatefulSetBadInput(t *testing.T) {
	t.Parallel()
	const rfc1035 = "is not an RFC 1035 label; use 1 to 63 lower-case letters, digits or '-', beginning with a letter and ending with a letter or digit"
	long := strings.Repeat("a", 53)
	synthtest.BadInput{
		"names": {statefulSet(func(p *infra.StatefulSetProps) { p.Name, p.ServiceName = "1db", "2db" }), []string{
			`[chart/db] Name: "1db" ` + rfc1035,
			`[chart/db/Service] Name: "2db" ` + rfc1035,
		}},
		"long name": {statefulSet(func(p *infra.StatefulSetProps) { p.Name = long }), []string{
			`[chart/db] Name: "` + long + `" is too long: the pods have a label with the name and a hash; use at most 52 characters`,
		}},
		"selector": {statefulSet(func(p *infra.StatefulSetProps) { p.Selector = map[string]string{} }), []string{
			`[chart/db] Selector: is not set; give at least one label, or leave it nil for {"app": Name}`,
			`[chart/db/Service] Selector: is not set; give the labels of the pods, for example a ProbedDeployment's Selector()`,
		}},
		"figures": {statefulSet(func(p *infra.StatefulSetProps) {
			p.Replicas, p.Partition, p.MaxUnavailable = new(int32(-1)), -1, infra.Percent(101)
			p.MinReady, p.RevisionHistoryLimit = -time.Second, new(int32(-1))
			p.DisruptionBudget.MinAvailable = infra.Pods(-1)
		}), []string{
			`[chart/db] Replicas: -1 is negative; use 0 or more`,
			`[chart/db] Partition: -1 is negative; use 0 or more`,
			`[chart/db] MaxUnavailable: "101%" is not a number of pods; use Pods(n) with 0 or more, or Percent(n) with 0 to 100`,
			`[chart/db] MinReady: -1s is negative; use 0s or more`,
			`[chart/db] RevisionHistoryLimit: -1 is negative; use 0 or more`,
			`[chart/db] DisruptionBudget.MinAvailable: "-1" is not a number of pods; use Pods(n) with 0 or more, or Percent(n) with 0 to 100`,
		}},
		"budget that says nothing": {statefulSet(func(p *infra.StatefulSetProps) {
			p.DisruptionBudget.Patch = func(b *policyv1.PodDisruptionBudget) { b.Spec.MaxUnavailable = infra.Pods(1) }
		}), []string{
			`[chart/db] DisruptionBudget: is not set; say MinAvailable or MaxUnavailable`,
		}},
		"updates of nobody": {statefulSet(func(p *infra.StatefulSetProps) { p.MaxUnavailable = infra.Pods(0) }), []string{
			`[chart/db] MaxUnavailable: "0" would let no pod be replaced; use Pods(1) or more`,
		}},
		"two ways to update": {statefulSet(func(p *infra.StatefulSetProps) { p.OnDelete, p.Partition = true, 1 }), []string{
			`[chart/db] OnDelete: true has no use for Partition and MaxUnavailable; leave them out, or OnDelete`,
		}},
		"claims": {statefulSet(func(p *infra.StatefulSetProps) {
			p.Claims = []infra.ClaimTemplate{
				{}, {Path: "data"}, {Name: "A.b", ClaimOptions: pod.ClaimOptions{Storage: "1Gi"}},
				{Name: "raw", ClaimOptions: pod.ClaimOptions{Storage: "1Gi", Block: true}, Path: "/dev/raw"},
				{Name: "raw", ClaimOptions: pod.ClaimOptions{Storage: "1Gi"}, Path: "/tmp"},
			}
			p.Pod.Scratch = []string{"/tmp"}
		}), []string{
			`[chart/db] Claims[0].Name: is not set; give the object a name, for example "web"`,
			`[chart/db] Claims[0].Storage: is not set; say how much is needed, for example 10Gi`,
			`[chart/db] Claims[1].Name: is not set; give the object a name, for example "web"`,
			`[chart/db] Claims[1].Storage: is not set; say how much is needed, for example 10Gi`,
			`[chart/db] Claims[2].Name: "A.b" is not an RFC 1123 label; use 1 to 63 lower-case letters, digits or '-', beginning and ending with a letter or digit`,
			`[chart/db] Claims[3].Block: true cannot be mounted at a path; leave out one of them`,
			`[chart/db] Claims[4].Name: "raw" is already taken by Claims[3]; give each its own`,
			`[chart/db] Claims[1].Path: "data" is not a clean absolute path; use for example "/var/lib/app", without ':'`,
			`[chart/db] Claims[3].Path: "/dev/raw" would hide what the kernel shows in /dev/raw; use a folder of its own`,
			`[chart/db] Claims[4].Path: "/tmp" is already taken by Pod.Scratch[0]; give each a path of its own`,
		}},
		"claims that are none": {statefulSet(func(p *infra.StatefulSetProps) {
			p.Claims = []infra.ClaimTemplate{{Name: "data", ClaimOptions: pod.ClaimOptions{Storage: "1Gi"}}}
			p.Pod.Mounts = []pod.Mount{{Path: "/data", Volume: pod.EmptyDir("data", pod.EmptyDirOptions{})}}
			p.Pod.Sidecars = []pod.Container{{Name: "backup", Image: "example.com/backup:1", Mounts: []pod.Mount{{Path: "/data", Volume: pod.ClaimTemplate("dta")}}}}
		}), []string{
			`[chart/db] Pod.Mounts[0].Volume.Name: "data" is the name of one of the workload's Claims; give each its own, or mount ClaimTemplate`,
			`[chart/db] Pod.Sidecars[0].Mounts[0].Volume: "dta" is not one of the workload's Claims, data; add it there`,
		}},
		"ports": {statefulSet(func(p *infra.StatefulSetProps) { p.Pod.Ports = []pod.Port{{Port: 1}, {Port: 2}} }), []string{
			`[chart/db/Service] Ports[0].Name: is not set; where a Service has more than one port each needs a name; name it after its protocol, for example "http" or "grpc"`,
			`[chart/db/Service] Ports[1].Name: is not set; where a Service has more than one port each needs a name; name it after its protocol, for example "http" or "grpc"`,
		}},
		"annotations": {statefulSet(func(p *infra.StatefulSetProps) { p.Annotations = map[string]string{"a b": ""} }), []string{
			`[chart/db] Annotations: "a b" is not a label or annotation key; use a name of at most 63 letters, digits, '-', '_' or '.', after an optional DNS prefix and '/'`,
		}},
	}.Run(t)
}
