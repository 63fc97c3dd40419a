package infra

import (
	"fmt"
	"maps"
	"strings"
	"time"

	// The API server has a database of its own; so does this check, on every machine.
	_ "time/tzdata"

	"github.com/aws/constructs-go/constructs/v10"
	"github.com/robfig/cron/v3"
	batchv1 "k8s.io/api/batch/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/crossoverJie/k8s-combat/imports/k8s"
	"github.com/crossoverJie/k8s-combat/imports/tree"
	"github.com/crossoverJie/k8s-combat/infra/internal/object"
	"github.com/crossoverJie/k8s-combat/infra/internal/problem"
	"github.com/crossoverJie/k8s-combat/infra/internal/ref"
)

// Concurrency says what happens when a Job is due while the one before still runs.
type Concurrency string

const (
	// AllowConcurrent lets both run.
	AllowConcurrent Concurrency = "Allow"
	// ForbidConcurrent leaves the new one out.
	ForbidConcurrent Concurrency = "Forbid"
	// ReplaceRunning ends the old one.
	ReplaceRunning Concurrency = "Replace"
)

// CronJobProps are the options of a CronJob.
type CronJobProps struct {
	// Name of the CronJob and of its main container. Required; an RFC 1123 label of at most 52
	// characters, since the names of its Jobs are longer.
	Name string
	// Schedule says when a Job is due: five fields, minute, hour, day of the month, month and day
	// of the week, such as "30 3 * * *", or a word such as "@daily". Required. See
	// https://kubernetes.io/docs/concepts/workloads/controllers/cron-jobs/#schedule-syntax.
	Schedule string
	// TimeZone in which Schedule is meant, of the time zone database, such as "Asia/Shanghai".
	// Defaults to "Etc/UTC", whatever the time zone of the control plane is.
	TimeZone string
	// Concurrency says what happens when a Job is due while the one before still runs. Defaults to
	// ForbidConcurrent.
	Concurrency Concurrency
	// StartingDeadline is how late a Job may start that could not start in time, in whole seconds,
	// at least 10 s, since the control plane looks so often. Defaults to no limit.
	StartingDeadline time.Duration
	// SuccessfulHistory and FailedHistory are how many Jobs of either end are kept. Default to
	// Kubernetes' 3 and 1.
	SuccessfulHistory, FailedHistory *int32
	// Suspend makes no Jobs for the time being. Defaults to false.
	Suspend bool
	// JobSpec says how the Jobs run their pods.
	JobSpec
	// Labels of the CronJob, its Jobs and their pods, and Annotations of the CronJob. Default to none.
	Labels, Annotations map[string]string
	// Patch has the last word on the CronJob.
	Patch func(*batchv1.CronJob)
}

func (props CronJobProps) withDefaults() CronJobProps {
	if props.TimeZone == "" {
		props.TimeZone = "Etc/UTC"
	}
	if props.Concurrency == "" {
		props.Concurrency = ForbidConcurrent
	}
	props.JobSpec = props.JobSpec.withDefaults(props.Name)
	return props
}

// The API server's limit, which leaves room for the time in the names of Jobs
// (ValidateCronJobCreate), and the interval in which the control plane looks at CronJobs.
const (
	longestCronJobName       = 52
	shortestStartingDeadline = 10 * time.Second
)

func (props CronJobProps) validate() problem.List {
	var p problem.List
	p.DNSLabel(problem.At("Name"), props.Name)
	if len(props.Name) > longestCronJobName {
		p.Add(problem.At("Name"), props.Name,
			"is too long: the names of its Jobs end in the time; use at most 52 characters")
	}
	props.validateSchedule(&p)
	problem.OneOf(&p, problem.At("Concurrency"), props.Concurrency, AllowConcurrent, ForbidConcurrent,
		ReplaceRunning)
	p.Seconds(problem.At("StartingDeadline"), props.StartingDeadline)
	if d := props.StartingDeadline; d > 0 && d < shortestStartingDeadline {
		p.Add(problem.At("StartingDeadline"), d,
			"is shorter than the time between two looks at the schedule, so Jobs would be left out; use 10s or more")
	}
	validateHistory(&p, problem.At("SuccessfulHistory"), props.SuccessfulHistory)
	validateHistory(&p, problem.At("FailedHistory"), props.FailedHistory)
	p.Annotations(problem.At("Annotations"), props.Annotations)
	props.JobSpec.validate(&p, props.Name, props.Labels)
	return p
}

func (props CronJobProps) validateSchedule(p *problem.List) {
	at := problem.At("Schedule")
	switch {
	case props.Schedule == "":
		p.Missing(at, "say when a Job is due, for example \"30 3 * * *\" for half past three every night")
	case strings.Contains(props.Schedule, "TZ"):
		// Beside that the parser panics on a zone without a schedule.
		p.Add(at, props.Schedule, "names a time zone, which the API server refuses there; use TimeZone")
	default:
		const rule = "use five fields such as \"30 3 * * *\", or @hourly, @daily, @weekly, @monthly or @yearly"
		schedule, err := cron.ParseStandard(props.Schedule)
		if err != nil {
			p.Add(at, props.Schedule, fmt.Sprintf("is not a schedule (%v); %s", err, rule))
		} else if schedule.Next(time.Unix(0, 0).UTC()).IsZero() {
			p.Add(at, props.Schedule, "is a day that no month has, so that no Job is ever due; "+rule)
		}
	}
	if _, err := time.LoadLocation(props.TimeZone); err != nil || strings.EqualFold(props.TimeZone, "Local") {
		p.Add(problem.At("TimeZone"), props.TimeZone,
			"is not a time zone; use a name of the time zone database, for example \"Asia/Shanghai\"")
	}
}

// CronJob makes a Job whenever one is due.
// See https://kubernetes.io/docs/concepts/workloads/controllers/cron-jobs/.
type CronJob struct {
	constructs.Construct
	made *ref.Workload
}

// NewCronJob makes a CronJob.
func NewCronJob(scope constructs.Construct, id string, props CronJobProps) *CronJob {
	props = props.withDefaults()
	c := &CronJob{}
	tree.New(c, scope, id)
	tree.Invalid(c, props.validate()...)
	selector := selectorOf(props.Name, nil)
	labels := object.Merged(props.Labels, selector)
	job := object.Patched(c, "Patch", &batchv1.CronJob{
		ObjectMeta: metav1.ObjectMeta{Name: props.Name, Labels: labels,
			Annotations: maps.Clone(props.Annotations)},
		Spec: batchv1.CronJobSpec{
			Schedule:                   props.Schedule,
			TimeZone:                   &props.TimeZone,
			ConcurrencyPolicy:          batchv1.ConcurrencyPolicy(props.Concurrency),
			StartingDeadlineSeconds:    props.startingDeadlineSeconds(),
			SuccessfulJobsHistoryLimit: props.SuccessfulHistory,
			FailedJobsHistoryLimit:     props.FailedHistory,
			Suspend:                    props.suspend(),
			JobTemplate: batchv1.JobTemplateSpec{
				ObjectMeta: metav1.ObjectMeta{Labels: labels},
				Spec:       props.render(c, props.Labels, selector),
			},
		},
	}, props.Patch)
	made := k8s.NewCronJob(c, "Resource", job)
	c.made = props.workload(c, ref.To("CronJob", props.Name, made), selector,
		job.Spec.JobTemplate.Spec.Template)
	return c
}

func (props CronJobProps) startingDeadlineSeconds() *int64 {
	if props.StartingDeadline == 0 {
		return nil
	}
	return new(int64(seconds(props.StartingDeadline)))
}

func (props CronJobProps) suspend() *bool {
	if !props.Suspend {
		return nil
	}
	return &props.Suspend
}

// Name returns the name of the CronJob.
func (c *CronJob) Name() string { return c.Ref().Name() }

// Selector returns the labels by which others know the pods of its Jobs.
func (c *CronJob) Selector() map[string]string { return c.Ref().Labels() }

// Ref refers to the CronJob and its pods, for other constructs.
func (c *CronJob) Ref() *ref.Workload {
	if c == nil {
		return nil
	}
	return c.made
}
