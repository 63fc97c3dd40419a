package infra

import (
	"fmt"
	"maps"
	"strconv"
	"time"

	"github.com/aws/constructs-go/constructs/v10"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/crossoverJie/k8s-combat/imports/k8s"
	"github.com/crossoverJie/k8s-combat/imports/tree"
	"github.com/crossoverJie/k8s-combat/infra/internal/object"
	"github.com/crossoverJie/k8s-combat/infra/internal/problem"
	"github.com/crossoverJie/k8s-combat/infra/internal/ref"
	"github.com/crossoverJie/k8s-combat/infra/pod"
)

// RestartPolicy says what happens to a container of a Job that fails.
type RestartPolicy string

const (
	// OnFailure starts the container again in the same pod.
	OnFailure RestartPolicy = "OnFailure"
	// Never ends the pod; the Job makes another one.
	Never RestartPolicy = "Never"
)

// JobSpec says how a Job runs its pods; a CronJob makes Jobs by one.
// See https://kubernetes.io/docs/concepts/workloads/controllers/job/.
type JobSpec struct {
	// Pod describes the pods. They have no readiness that anybody asks for. Its Name defaults to
	// that of the Job.
	Pod pod.Props
	// RestartPolicy says what happens to a container that fails. Defaults to Never, so that its
	// logs are kept.
	RestartPolicy RestartPolicy
	// Completions is how many pods must succeed. Defaults to 1.
	Completions *int32
	// Parallelism is how many pods run at a time. 0 runs none. Defaults to 1.
	Parallelism *int32
	// Indexed gives each pod a number of its own, from 0 to Completions - 1, in the environment
	// variable JOB_COMPLETION_INDEX. Defaults to false.
	Indexed bool
	// BackoffLimit is how many failures the Job stands before it has failed. Defaults to Kubernetes' 6.
	BackoffLimit *int32
	// Deadline is how long the Job may run in all before its pods are ended and it has failed, in
	// whole seconds. Defaults to no limit.
	Deadline time.Duration
	// TTLAfterFinished is how long the Job stays after it has ended, in whole seconds; 0 deletes it
	// at once. Nil keeps it. Defaults to nil.
	TTLAfterFinished *time.Duration
}

func (spec JobSpec) withDefaults(name string) JobSpec {
	if spec.Pod.Name == "" {
		spec.Pod.Name = name
	}
	if spec.RestartPolicy == "" {
		spec.RestartPolicy = Never
	}
	spec.Pod = spec.Pod.WithDefaults()
	return spec
}

// validate takes the name and the labels of the construct whose options these are.
func (spec JobSpec) validate(p *problem.List, name string, labels map[string]string) {
	selector := selectorOf(name, nil)
	spec.Pod.ValidateLabels(p, problem.At("Labels"), labels, selector)
	pod.ValidateAnnotations(p, problem.At("Pod", "Annotations"), spec.Pod.Annotations)
	spec.Pod.Validate(p, problem.At("Pod"), pod.Workload{Name: name, Selector: selector})
	problem.OneOf(p, problem.At("RestartPolicy"), spec.RestartPolicy, OnFailure, Never)
	for _, f := range []struct {
		name  string
		value *int32
		least int32
	}{{"Completions", spec.Completions, 1}, {"Parallelism", spec.Parallelism, 0}, {"BackoffLimit",
		spec.BackoffLimit, 0}} {
		if f.value != nil && *f.value < f.least {
			p.Add(problem.At(f.name), *f.value, fmt.Sprintf("is too low; use %d or more", f.least))
		}
	}
	// The API server's limits (ValidateJobSpec).
	const mostParallel, mostCompletions = 100_000, 1_000_000_000
	if spec.Indexed {
		if spec.Parallelism != nil && *spec.Parallelism > mostParallel {
			p.Add(problem.At("Parallelism"), *spec.Parallelism,
				"is too high for an Indexed Job; use at most 100000")
		}
		if spec.Completions != nil && *spec.Completions > mostCompletions {
			p.Add(problem.At("Completions"), *spec.Completions,
				"is too high for an Indexed Job; use at most 1000000000")
		}
	}
	if longest := spec.longestIndex(); spec.Indexed &&
		len(name)+len("-")+longest > validation.DNS1123LabelMaxLength {
		p.Add(problem.At("Name"), name,
			fmt.Sprintf("is too long for an Indexed Job, whose pods are called by it and their number; use at most %d characters",
				validation.DNS1123LabelMaxLength-len("-")-longest))
	}
	p.Seconds(problem.At("Deadline"), spec.Deadline)
	if spec.TTLAfterFinished != nil {
		p.Seconds(problem.At("TTLAfterFinished"), *spec.TTLAfterFinished)
	}
}

// render takes the labels of the construct, beside those by which others know the pods.
// longestIndex is how many digits the highest number of a pod has.
func (spec JobSpec) longestIndex() int {
	if spec.Completions == nil {
		return 1
	}
	return len(strconv.Itoa(int(max(*spec.Completions-1, 0))))
}

func (spec JobSpec) render(construct constructs.Construct, labels, selector map[string]string) batchv1.JobSpec {
	result := batchv1.JobSpec{
		Completions:  spec.Completions,
		Parallelism:  spec.Parallelism,
		BackoffLimit: spec.BackoffLimit,
		Template:     labelled(spec.Pod, labels).Template(construct, selector, ""),
	}
	result.Template.Spec.RestartPolicy = corev1.RestartPolicy(spec.RestartPolicy)
	if spec.Indexed {
		result.CompletionMode = new(batchv1.IndexedCompletion)
		if result.Completions == nil {
			result.Completions = new(int32(1))
		}
	}
	if spec.Deadline != 0 {
		result.ActiveDeadlineSeconds = new(int64(seconds(spec.Deadline)))
	}
	if spec.TTLAfterFinished != nil {
		result.TTLSecondsAfterFinished = new(seconds(*spec.TTLAfterFinished))
	}
	return result
}

// JobProps are the options of a Job.
type JobProps struct {
	// Name of the Job and of its main container. Required; an RFC 1123 label. A Job that has run
	// cannot be changed: one with another image needs another name, or the old one to be deleted.
	Name string
	// JobSpec says how it runs its pods.
	JobSpec
	// Labels of the Job and its pods, and Annotations of the Job. Default to none.
	Labels, Annotations map[string]string
	// Patch has the last word on the Job.
	Patch func(*batchv1.Job)
}

func (props JobProps) validate() problem.List {
	var p problem.List
	p.DNSLabel(problem.At("Name"), props.Name)
	p.Annotations(problem.At("Annotations"), props.Annotations)
	props.JobSpec.validate(&p, props.Name, props.Labels)
	return p
}

// Job runs pods until enough of them have succeeded.
// See https://kubernetes.io/docs/concepts/workloads/controllers/job/.
type Job struct {
	constructs.Construct
	made *ref.Workload
}

// NewJob makes a Job.
func NewJob(scope constructs.Construct, id string, props JobProps) *Job {
	props.JobSpec = props.withDefaults(props.Name)
	j := &Job{}
	tree.New(j, scope, id)
	tree.Invalid(j, props.validate()...)
	selector := selectorOf(props.Name, nil)
	job := object.Patched(j, "Patch", &batchv1.Job{
		ObjectMeta: metav1.ObjectMeta{Name: props.Name, Labels: object.Merged(props.Labels, selector),
			Annotations: maps.Clone(props.Annotations)},
		Spec: props.render(j, props.Labels, selector),
	}, props.Patch)
	made := k8s.NewJob(j, "Resource", job)
	j.made = props.workload(j, ref.To("Job", props.Name, made), selector, job.Spec.Template)
	return j
}

// workload checks too that a Patch has left the pods the labels by which others know them: the
// Job's own selector is made by the API server.
func (spec JobSpec) workload(construct constructs.Construct, object ref.Object,
	selector map[string]string, template corev1.PodTemplateSpec) *ref.Workload {
	made := newWorkload(construct, object, &metav1.LabelSelector{MatchLabels: selector}, template,
		spec.Pod.References(problem.At("Pod")))
	if !made.Selects(selector) {
		tree.Invalid(construct, tree.Problem{Field: "Patch", Fix: "leave it in place",
			Detail: fmt.Sprintf("takes the label %s from the pods, by which others know them", appLabel)})
	}
	return made
}

// Name returns the name of the Job.
func (j *Job) Name() string { return j.Ref().Name() }

// Selector returns the labels by which others know its pods. The Job itself knows them by a label
// that the API server makes.
func (j *Job) Selector() map[string]string { return j.Ref().Labels() }

// Ref refers to the Job and its pods, for other constructs.
func (j *Job) Ref() *ref.Workload {
	if j == nil {
		return nil
	}
	return j.made
}
