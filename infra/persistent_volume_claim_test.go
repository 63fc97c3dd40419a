package infra_test

import (
	"testing"

	"github.com/cdk8s-team/cdk8s-core-go/cdk8s/v2"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"

	"github.com/crossoverJie/k8s-combat/infra"
	"github.com/crossoverJie/k8s-combat/infra/internal/synthtest"
	"github.com/crossoverJie/k8s-combat/infra/pod"
)

func claimOf(chart cdk8s.Chart, name string) *infra.PersistentVolumeClaim {
	return infra.NewPersistentVolumeClaim(chart, name, infra.PersistentVolumeClaimProps{Name: name, ClaimOptions: pod.ClaimOptions{Storage: "1Gi"}})
}

func TestPersistentVolumeClaim(t *testing.T) {
	t.Parallel()
	synthtest.Golden(t, "persistent-volume-claim", func(chart cdk8s.Chart) {
		claimOf(chart, "minimal")
		infra.NewPersistentVolumeClaim(chart, "full", infra.PersistentVolumeClaimProps{
			Name: "data.web.example.com",
			ClaimOptions: pod.ClaimOptions{
				Storage: "10Gi", StorageClass: "fast", AccessModes: []pod.AccessMode{pod.ReadWriteMany, pod.ReadOnlyMany}, Block: true,
			},
			Labels: map[string]string{"tier": "back"}, Annotations: map[string]string{"example.com/owner": "team"},
			Patch: func(c *corev1.PersistentVolumeClaim) { c.Spec.VolumeName = "disk-1" },
		})
	})
}

func TestPodsMountTheClaim(t *testing.T) {
	t.Parallel()
	build := func(chart cdk8s.Chart) {
		claim := claimOf(chart, "data.web")
		workload(func(props *infra.ProbedDeploymentProps) {
			props.Rollout.Recreate = true
			props.Mounts = []pod.Mount{{Path: "/data", Volume: pod.Claim(claim)}}
		})(chart)
	}
	claim := synthtest.Only[corev1.PersistentVolumeClaim](t, "PersistentVolumeClaim", build)
	spec := synthtest.Only[appsv1.Deployment](t, "Deployment", build).Spec.Template.Spec
	require.Len(t, spec.Volumes, 1)
	assert.Equal(t, claim.Name, spec.Volumes[0].PersistentVolumeClaim.ClaimName)
	assert.Equal(t, []corev1.VolumeMount{{Name: spec.Volumes[0].Name, MountPath: "/data"}}, spec.Containers[0].VolumeMounts)
}

func TestPersistentVolumeClaimBadInput(t *testing.T) {
	t.Parallel()
	synthtest.BadInput{
		"nothing": {func(chart cdk8s.Chart) {
			infra.NewPersistentVolumeClaim(chart, "claim", infra.PersistentVolumeClaimProps{})
		}, []string{
			`[chart/claim] Name: is not set; give the object a name, for example "web"`,
			`[chart/claim] Storage: is not set; say how much is needed, for example 10Gi`,
		}},
		"everything": {func(chart cdk8s.Chart) {
			infra.NewPersistentVolumeClaim(chart, "claim", infra.PersistentVolumeClaimProps{
				Name: "A", ClaimOptions: pod.ClaimOptions{Storage: "some", StorageClass: "B", AccessModes: []pod.AccessMode{"RWX"}},
				Labels: map[string]string{"a": "b c"}, Annotations: map[string]string{"a b": ""},
			})
		}, []string{
			`[chart/claim] Name: "A" is not an RFC 1123 subdomain; use 1 to 253 lower-case letters, digits, '-' or '.', beginning and ending with a letter or digit`,
			`[chart/claim] Storage: "some" is not an amount of storage; use a quantity of bytes above 0, for example 64Mi or 10Gi`,
			`[chart/claim] StorageClass: "B" is not an RFC 1123 subdomain; use 1 to 253 lower-case letters, digits, '-' or '.', beginning and ending with a letter or digit`,
			`[chart/claim] AccessModes[0]: "RWX" is not known; use ReadWriteOnce, ReadOnlyMany, ReadWriteMany or ReadWriteOncePod`,
			`[chart/claim] Labels["a"]: "b c" is not a label value; use at most 63 letters, digits, '-', '_' or '.', beginning and ending with a letter or digit, or nothing`,
			`[chart/claim] Annotations: "a b" is not a label or annotation key; use a name of at most 63 letters, digits, '-', '_' or '.', after an optional DNS prefix and '/'`,
		}},
		"patch of the name": {func(chart cdk8s.Chart) {
			infra.NewPersistentVolumeClaim(chart, "claim", infra.PersistentVolumeClaimProps{
				Name: "a", ClaimOptions: pod.ClaimOptions{Storage: "1Gi"}, Patch: func(c *corev1.PersistentVolumeClaim) { c.Name = "b" },
			})
		}, []string{
			`[chart/claim] Patch: changes metadata.name from "a" to "b", but other objects refer to it by the first; set Name instead`,
		}},
	}.Run(t)
}
