package infra_test

import (
	"testing"

	"github.com/cdk8s-team/cdk8s-core-go/cdk8s/v2"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"

	"github.com/crossoverJie/k8s-combat/infra"
	"github.com/crossoverJie/k8s-combat/infra/internal/synthtest"
	"github.com/crossoverJie/k8s-combat/infra/pod"
)

// workloads are all kinds of workloads, each made of pods, and how to read from the manifests what its pods are made of and
// selected by. A Job has no selector of its own.
var workloads = map[string]struct {
	make func(chart cdk8s.Chart, labels map[string]string, pods pod.Props) infra.Workload
	read func(t *testing.T, build func(cdk8s.Chart)) (corev1.PodTemplateSpec, map[string]string)
}{
	"Deployment": {
		func(chart cdk8s.Chart, labels map[string]string, pods pod.Props) infra.Workload {
			for key, value := range pods.Labels {
				labels[key] = value
			}
			return infra.NewProbedDeployment(chart, "web", infra.ProbedDeploymentProps{
				Name: "web", Image: pods.Image, Labels: labels, Version: pods.Version, Env: pods.Env, Sidecars: pods.Sidecars, Init: pods.Init,
				Security: pods.Security, ServiceAccount: pods.ServiceAccount, Mounts: pods.Mounts,
			})
		},
		func(t *testing.T, build func(cdk8s.Chart)) (corev1.PodTemplateSpec, map[string]string) {
			d := synthtest.Only[appsv1.Deployment](t, "Deployment", build)
			return d.Spec.Template, d.Spec.Selector.MatchLabels
		},
	},
	"StatefulSet": {
		func(chart cdk8s.Chart, labels map[string]string, pods pod.Props) infra.Workload {
			return infra.NewStatefulSet(chart, "web", infra.StatefulSetProps{Name: "web", Labels: labels, Pod: pods})
		},
		func(t *testing.T, build func(cdk8s.Chart)) (corev1.PodTemplateSpec, map[string]string) {
			s := synthtest.Only[appsv1.StatefulSet](t, "StatefulSet", build)
			return s.Spec.Template, s.Spec.Selector.MatchLabels
		},
	},
	"DaemonSet": {
		func(chart cdk8s.Chart, labels map[string]string, pods pod.Props) infra.Workload {
			return infra.NewDaemonSet(chart, "web", infra.DaemonSetProps{Name: "web", Labels: labels, Pod: pods})
		},
		func(t *testing.T, build func(cdk8s.Chart)) (corev1.PodTemplateSpec, map[string]string) {
			d := synthtest.Only[appsv1.DaemonSet](t, "DaemonSet", build)
			return d.Spec.Template, d.Spec.Selector.MatchLabels
		},
	},
	"Job": {
		func(chart cdk8s.Chart, labels map[string]string, pods pod.Props) infra.Workload {
			return infra.NewJob(chart, "web", infra.JobProps{Name: "web", Labels: labels, JobSpec: infra.JobSpec{Pod: pods}})
		},
		func(t *testing.T, build func(cdk8s.Chart)) (corev1.PodTemplateSpec, map[string]string) {
			j := synthtest.Only[batchv1.Job](t, "Job", build)
			assert.Nil(t, j.Spec.Selector, "the API server makes it")
			return j.Spec.Template, map[string]string{"app": "web"}
		},
	},
	"CronJob": {
		func(chart cdk8s.Chart, labels map[string]string, pods pod.Props) infra.Workload {
			return infra.NewCronJob(chart, "web", infra.CronJobProps{Name: "web", Labels: labels, Schedule: "@daily", JobSpec: infra.JobSpec{Pod: pods}})
		},
		func(t *testing.T, build func(cdk8s.Chart)) (corev1.PodTemplateSpec, map[string]string) {
			c := synthtest.Only[batchv1.CronJob](t, "CronJob", build)
			return c.Spec.JobTemplate.Spec.Template, map[string]string{"app": "web"}
		},
	},
}

func TestWorkloadsSelectTheirPods(t *testing.T) {
	t.Parallel()
	for kind, workload := range workloads {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			var selector map[string]string
			template, written := workload.read(t, func(chart cdk8s.Chart) {
				made := workload.make(chart, map[string]string{"team": "shop"}, pod.Props{Image: "example.com/web:1", Version: "v1", Labels: map[string]string{"tier": "front"}})
				assert.Equal(t, "web", made.Name())
				assert.Equal(t, kind, made.Ref().Kind())
				selector = made.Selector()
			})
			require.NotEmpty(t, selector)
			assert.Equal(t, selector, written)
			assert.Equal(t, map[string]string{"app": "web", "team": "shop", "tier": "front", "version": "v1"}, template.Labels)
			assert.Subset(t, template.Labels, selector)
			assert.NotContains(t, selector, "version")
		})
	}
}

func TestWorkloadsAreRestricted(t *testing.T) {
	t.Parallel()
	for kind, workload := range workloads {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			template, _ := workload.read(t, func(chart cdk8s.Chart) {
				workload.make(chart, map[string]string{}, pod.Props{
					Image:          "example.com/web:1",
					ServiceAccount: infra.NewServiceAccount(chart, "account", infra.ServiceAccountProps{Name: "web", Allow: []infra.Permission{infra.Allow(infra.Read(), "pods")}}),
					Sidecars:       []pod.Container{{Name: "proxy", Image: "example.com/proxy:1"}},
					Init:           []pod.Container{{Name: "migrate", Image: "example.com/web:1"}},
				})
			})
			result := restricted(t, template)
			assert.True(t, result.Allowed, result.ForbiddenDetail())
			assert.Equal(t, "web", template.Spec.ServiceAccountName)
			assert.False(t, *template.Spec.AutomountServiceAccountToken, "a token is mounted where it is asked for")
		})
	}
}

func TestWorkloadsMountATokenWhereItIsAskedFor(t *testing.T) {
	t.Parallel()
	for kind, workload := range workloads {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			template, _ := workload.read(t, func(chart cdk8s.Chart) {
				workload.make(chart, map[string]string{}, pod.Props{Image: "example.com/web:1", Security: pod.Security{MountServiceAccountToken: true}})
			})
			assert.True(t, *template.Spec.AutomountServiceAccountToken)
		})
	}
}

func TestWorkloadsNeedWhatIsInTheirNamespace(t *testing.T) {
	t.Parallel()
	for kind, workload := range workloads {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			_, messages := synthtest.Synth(t, func(chart cdk8s.Chart) {
				here, there := chartIn(chart, "here"), chartIn(chart, "there")
				settings := infra.NewConfig(there, "settings", infra.ConfigProps{Name: "settings", Data: map[string]string{"LEVEL": "debug"}})
				workload.make(here, map[string]string{}, pod.Props{
					Image:          "example.com/web:1",
					ServiceAccount: infra.NewServiceAccount(there, "account", infra.ServiceAccountProps{Name: "web"}),
					Mounts:         []pod.Mount{{Path: "/data", Volume: pod.Claim(claimOf(there, "data"))}, {Path: "/own", Volume: pod.Claim(claimOf(here, "own"))}},
					Sidecars:       []pod.Container{{Name: "proxy", Image: "example.com/proxy:1", Env: []pod.EnvVar{{Name: "LEVEL", ValueFrom: settings.Key("LEVEL")}}}},
				})
			})
			at := "[chart/in-here/web] Pod."
			if kind == "Deployment" {
				at = "[chart/in-here/web] "
			}
			const rule = ` in namespace "there", and cannot be referred to from namespace "here"; put both into charts of one Namespace`
			assert.Equal(t, []string{
				at + `Mounts[0].Volume: "data" is a PersistentVolumeClaim` + rule,
				at + `Sidecars[0].Env[0].ValueFrom: "settings" is a ConfigMap` + rule,
				at + `ServiceAccount: "web" is a ServiceAccount` + rule,
			}, messages)
		})
	}
}

// What is wrong with labels is said once, at the option that has them.
func TestWorkloadsWithBadLabels(t *testing.T) {
	t.Parallel()
	for kind, workload := range workloads {
		if kind == "Deployment" {
			continue // Its labels are one option, which its own table has.
		}
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			_, messages := synthtest.Synth(t, func(chart cdk8s.Chart) {
				workload.make(chart, map[string]string{"app": "other", "version": "v2"}, pod.Props{
					Image: "example.com/web:1", Version: "v1", Labels: map[string]string{"app": "third", "a b": "c"}, Annotations: map[string]string{pod.ChecksumAnnotation: "x"},
				})
			})
			assert.Equal(t, []string{
				`[chart/web] Labels["app"]: "other" is not what the Selector asks for, "web"; leave it out`,
				`[chart/web] Labels["version"]: "v2" is set by Version; leave it out`,
				`[chart/web] Pod.Annotations["checksum/config"]: "x" is where the digest of the configuration stands; leave it out`,
				`[chart/web] Pod.Labels: "a b" is not a label or annotation key; use a name of at most 63 letters, digits, '-', '_' or '.', after an optional DNS prefix and '/'`,
				`[chart/web] Pod.Labels["app"]: "third" is not what the Selector asks for, "web"; leave it out`,
			}, messages)
		})
	}
}

func TestWorkloadsThatAreNil(t *testing.T) {
	t.Parallel()
	for _, workload := range []infra.Workload{
		(*infra.ProbedDeployment)(nil), (*infra.StatefulSet)(nil), (*infra.DaemonSet)(nil), (*infra.Job)(nil), (*infra.CronJob)(nil),
	} {
		assert.Empty(t, workload.Name())
		assert.Nil(t, workload.Selector())
		assert.Nil(t, workload.Ref())
	}
	assert.Nil(t, (*infra.StatefulSet)(nil).Service())
	assert.Empty(t, (*infra.ServiceAccount)(nil).Name())
	assert.Empty(t, (*infra.PersistentVolumeClaim)(nil).Name())
	assert.Empty(t, (*infra.Namespace)(nil).Name())
	assert.Empty(t, (*infra.NetworkPolicy)(nil).Name())
}

func TestPatchesAddUp(t *testing.T) {
	t.Parallel()
	got := synthtest.Only[appsv1.Deployment](t, "Deployment", workload(func(props *infra.ProbedDeploymentProps) {
		props.Patch = infra.Patches(
			func(d *appsv1.Deployment) { d.Spec.Paused = true },
			nil,
			func(d *appsv1.Deployment) { d.Labels["paused"] = map[bool]string{true: "yes"}[d.Spec.Paused] },
		)
	}))
	assert.Equal(t, "yes", got.Labels["paused"], "each sees what those before it have done")
}
