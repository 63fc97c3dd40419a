package infra_test

import (
	"strings"
	"testing"
	"time"

	"github.com/cdk8s-team/cdk8s-core-go/cdk8s/v2"
	"github.com/stretchr/testify/assert"
	batchv1 "k8s.io/api/batch/v1"

	"github.com/crossoverJie/k8s-combat/infra"
	"github.com/crossoverJie/k8s-combat/infra/internal/synthtest"
	"github.com/crossoverJie/k8s-combat/infra/pod"
)

// cronJob builds a CronJob that is in order but for what change does.
func cronJob(change func(props *infra.CronJobProps)) func(chart cdk8s.Chart) {
	return func(chart cdk8s.Chart) {
		props := infra.CronJobProps{Name: "report", Schedule: "30 3 * * *", JobSpec: infra.JobSpec{Pod: pod.Props{Image: "example.com/report:1"}}}
		if change != nil {
			change(&props)
		}
		infra.NewCronJob(chart, "report", props)
	}
}

func TestCronJob(t *testing.T) {
	t.Parallel()
	synthtest.Golden(t, "cron-job-minimal", cronJob(nil))
	synthtest.Golden(t, "cron-job-full", cronJob(func(props *infra.CronJobProps) {
		fullJobSpec(&props.JobSpec)
		props.Schedule, props.TimeZone = "@weekly", "Asia/Shanghai"
		props.Concurrency = infra.ReplaceRunning
		props.StartingDeadline = time.Minute
		props.SuccessfulHistory, props.FailedHistory = new(int32(0)), new(int32(5))
		props.Suspend = true
		props.Labels, props.Annotations = map[string]string{"tier": "back"}, map[string]string{"example.com/owner": "team"}
		props.Patch = func(c *batchv1.CronJob) {
			c.Spec.JobTemplate.Annotations = map[string]string{"example.com/patched": "yes"}
		}
	}))
}

func TestCronJobSaysWhenAndWhere(t *testing.T) {
	t.Parallel()
	for _, schedule := range []string{"* * * * *", "*/5 0-6 1,15 jan-dec mon-fri", "0 0 29 2 *", "@hourly", "@every 1h30m", "0 0 ? * 0"} {
		spec := synthtest.Only[batchv1.CronJob](t, "CronJob", cronJob(func(p *infra.CronJobProps) { p.Schedule = schedule })).Spec
		assert.Equal(t, schedule, spec.Schedule)
		assert.Equal(t, "Etc/UTC", *spec.TimeZone, "not that of the control plane")
		assert.Equal(t, batchv1.ForbidConcurrent, spec.ConcurrencyPolicy)
	}
}

func TestCronJobBadInput(t *testing.T) {
	t.Parallel()
	schedule := func(text string) func(cdk8s.Chart) {
		return cronJob(func(p *infra.CronJobProps) { p.Schedule = text })
	}
	zone := func(name string) func(cdk8s.Chart) {
		return cronJob(func(p *infra.CronJobProps) { p.TimeZone = name })
	}
	const rule = `use five fields such as "30 3 * * *", or @hourly, @daily, @weekly, @monthly or @yearly`
	const zoned = ` names a time zone, which the API server refuses there; use TimeZone`
	const noZone = ` is not a time zone; use a name of the time zone database, for example "Asia/Shanghai"`
	long := strings.Repeat("a", 53)
	table := synthtest.BadInput{
		"no schedule":            {schedule(""), []string{`[chart/report] Schedule: is not set; say when a Job is due, for example "30 3 * * *" for half past three every night`}},
		"six fields":             {schedule("0 30 3 * * *"), []string{`[chart/report] Schedule: "0 30 3 * * *" is not a schedule (expected exactly 5 fields, found 6: [0 30 3 * * *]); ` + rule}},
		"minute that is none":    {schedule("60 3 * * *"), []string{`[chart/report] Schedule: "60 3 * * *" is not a schedule (end of range (60) above maximum (59): 60); ` + rule}},
		"word that is none":      {schedule("@never"), []string{`[chart/report] Schedule: "@never" is not a schedule (unrecognized descriptor: @never); ` + rule}},
		"day that is none":       {schedule("0 0 30 2 *"), []string{`[chart/report] Schedule: "0 0 30 2 *" is a day that no month has, so that no Job is ever due; ` + rule}},
		"zone in the schedule":   {schedule("CRON_TZ=UTC 30 3 * * *"), []string{`[chart/report] Schedule: "CRON_TZ=UTC 30 3 * * *"` + zoned}},
		"zone without schedule":  {schedule("TZ=UTC"), []string{`[chart/report] Schedule: "TZ=UTC"` + zoned}},
		"zone that is none":      {zone("Asia/Atlantis"), []string{`[chart/report] TimeZone: "Asia/Atlantis"` + noZone}},
		"zone of nobody knows":   {zone("Local"), []string{`[chart/report] TimeZone: "Local"` + noZone}},
		"zone that is a path":    {zone("../zone"), []string{`[chart/report] TimeZone: "../zone"` + noZone}},
		"long name":              {cronJob(func(p *infra.CronJobProps) { p.Name = long }), []string{`[chart/report] Name: "` + long + `" is too long: the names of its Jobs end in the time; use at most 52 characters`}},
		"no name":                {cronJob(func(p *infra.CronJobProps) { p.Name = "" }), []string{`[chart/report] Name: is not set; give the object a name, for example "web"`}},
		"deadline that is short": {cronJob(func(p *infra.CronJobProps) { p.StartingDeadline = 9 * time.Second }), []string{`[chart/report] StartingDeadline: 9s is shorter than the time between two looks at the schedule, so Jobs would be left out; use 10s or more`}},
		"figures": {cronJob(func(p *infra.CronJobProps) {
			p.Concurrency, p.StartingDeadline = "Maybe", -time.Second
			p.SuccessfulHistory, p.FailedHistory = new(int32(-1)), new(int32(-1))
		}), []string{
			`[chart/report] Concurrency: "Maybe" is not known; use Allow, Forbid or Replace`,
			`[chart/report] StartingDeadline: -1s is negative; use 0s or more`,
			`[chart/report] SuccessfulHistory: -1 is negative; use 0 or more`,
			`[chart/report] FailedHistory: -1 is negative; use 0 or more`,
		}},
		"annotations": {cronJob(func(p *infra.CronJobProps) { p.Annotations = map[string]string{"a b": ""} }), []string{
			`[chart/report] Annotations: "a b" is not a label or annotation key; use a name of at most 63 letters, digits, '-', '_' or '.', after an optional DNS prefix and '/'`,
		}},
		"patch that takes the label": {cronJob(func(p *infra.CronJobProps) {
			p.Patch = func(c *batchv1.CronJob) { delete(c.Spec.JobTemplate.Spec.Template.Labels, "app") }
		}), []string{
			`[chart/report] Patch: takes the label app from the pods, by which others know them; leave it in place`,
		}},
	}
	for name, test := range badJobSpec {
		entry := table["job: "+name]
		entry.Build = cronJob(func(p *infra.CronJobProps) { test.change(&p.JobSpec) })
		for _, message := range test.want {
			entry.Want = append(entry.Want, "[chart/report] "+message)
		}
		table["job: "+name] = entry
	}
	table.Run(t)
}
