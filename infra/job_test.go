package infra_test

import (
	"testing"
	"time"

	"github.com/cdk8s-team/cdk8s-core-go/cdk8s/v2"
	"github.com/stretchr/testify/assert"
	batchv1 "k8s.io/api/batch/v1"

	"github.com/crossoverJie/k8s-combat/infra"
	"github.com/crossoverJie/k8s-combat/infra/internal/synthtest"
	"github.com/crossoverJie/k8s-combat/infra/pod"
)

// job builds a Job that is in order but for what change does.
func job(change func(props *infra.JobProps)) func(chart cdk8s.Chart) {
	return func(chart cdk8s.Chart) {
		props := infra.JobProps{Name: "migrate", JobSpec: infra.JobSpec{Pod: pod.Props{Image: "example.com/web:1"}}}
		if change != nil {
			change(&props)
		}
		infra.NewJob(chart, "migrate", props)
	}
}

func fullJobSpec(spec *infra.JobSpec) {
	spec.Pod.Name = "main"
	spec.Pod.Labels = map[string]string{"role": "any"}
	spec.Pod.Sidecars = []pod.Container{{Name: "proxy", Image: "example.com/proxy:1"}}
	spec.RestartPolicy = infra.OnFailure
	spec.Completions, spec.Parallelism = new(int32(10)), new(int32(2))
	spec.Indexed = true
	spec.BackoffLimit = new(int32(0))
	spec.Deadline = time.Hour
	spec.TTLAfterFinished = new(time.Duration(0))
}

func TestJob(t *testing.T) {
	t.Parallel()
	synthtest.Golden(t, "job-minimal", job(nil))
	synthtest.Golden(t, "job-full", job(func(props *infra.JobProps) {
		fullJobSpec(&props.JobSpec)
		props.Labels, props.Annotations = map[string]string{"tier": "back"}, map[string]string{"example.com/owner": "team"}
		props.Patch = func(j *batchv1.Job) { j.Spec.PodReplacementPolicy = new(batchv1.Failed) }
	}))
}

func TestIndexedJobHasACompletion(t *testing.T) {
	t.Parallel()
	spec := synthtest.Only[batchv1.Job](t, "Job", job(func(p *infra.JobProps) { p.Indexed = true })).Spec
	assert.EqualValues(t, 1, *spec.Completions, "the API server asks for it")
}

// badJobSpec are mistakes of what a Job and a CronJob have in common.
var badJobSpec = map[string]struct {
	change func(*infra.JobSpec)
	want   []string
}{
	"image":          {func(s *infra.JobSpec) { s.Pod.Image = "" }, []string{`Pod.Image: is not set; name an image, for example "docker.io/library/nginx:1.29"`}},
	"restart policy": {func(s *infra.JobSpec) { s.RestartPolicy = "Always" }, []string{`RestartPolicy: "Always" is not known; use OnFailure or Never`}},
	"figures": {func(s *infra.JobSpec) {
		s.Completions, s.Parallelism, s.BackoffLimit = new(int32(0)), new(int32(-1)), new(int32(-1))
		s.Deadline, s.TTLAfterFinished = -time.Second, new(time.Millisecond)
	}, []string{
		`Completions: 0 is too low; use 1 or more`,
		`Parallelism: -1 is too low; use 0 or more`,
		`BackoffLimit: -1 is too low; use 0 or more`,
		`Deadline: -1s is negative; use 0s or more`,
		`TTLAfterFinished: 1ms is not in whole seconds, which is what Kubernetes counts here; use for example 2s`,
	}},
	"too many": {func(s *infra.JobSpec) {
		s.Indexed, s.Completions, s.Parallelism = true, new(int32(1_000_000_001)), new(int32(100_001))
	}, []string{
		`Parallelism: 100001 is too high for an Indexed Job; use at most 100000`,
		`Completions: 1000000001 is too high for an Indexed Job; use at most 1000000000`,
	}},
}

func TestJobBadInput(t *testing.T) {
	t.Parallel()
	table := synthtest.BadInput{
		"name": {job(func(p *infra.JobProps) { p.Name = "Migrate" }), []string{
			`[chart/migrate] Name: "Migrate" is not an RFC 1123 label; use 1 to 63 lower-case letters, digits or '-', beginning and ending with a letter or digit`,
		}},
		"annotations": {job(func(p *infra.JobProps) { p.Annotations = map[string]string{"a b": ""} }), []string{
			`[chart/migrate] Annotations: "a b" is not a label or annotation key; use a name of at most 63 letters, digits, '-', '_' or '.', after an optional DNS prefix and '/'`,
		}},
		"patch that takes the label": {job(func(p *infra.JobProps) { p.Patch = func(j *batchv1.Job) { j.Spec.Template.Labels = nil } }), []string{
			`[chart/migrate] Patch: takes the label app from the pods, by which others know them; leave it in place`,
		}},
	}
	for name, test := range badJobSpec {
		entry := table[name]
		entry.Build = job(func(p *infra.JobProps) { test.change(&p.JobSpec) })
		for _, message := range test.want {
			entry.Want = append(entry.Want, "[chart/migrate] "+message)
		}
		table[name] = entry
	}
	table.Run(t)
}
