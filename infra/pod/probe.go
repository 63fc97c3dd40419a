package pod

import (
	"cmp"
	"fmt"
	"math"
	"reflect"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/crossoverJie/k8s-combat/infra/internal/problem"
)

// Probes are the questions that the kubelet asks a container. None is asked unless it is set. A pod
// that uses all the time that they give it is available within the rollout's ProgressDeadline: the
// budget of Startup, the time until Readiness has succeeded, and the rollout's MinReady together
// are not longer. See
// https://kubernetes.io/docs/concepts/configuration/liveness-readiness-startup-probes/.
type Probes struct {
	// Startup holds the other two back until it has succeeded once; when it fails for good the
	// container is restarted.
	Startup Probe
	// Readiness takes the pod out of its Services while it fails.
	Readiness Probe
	// Liveness restarts the container when it fails.
	Liveness Probe
}

// Probe is one question and its rhythm. Its zero value is no probe.
type Probe struct {
	// Handler is the question: HTTPGet, HTTPSGet, GRPC, TCPSocket or Exec. Required where any other
	// field is set.
	Handler ProbeHandler
	// InitialDelay is the time from the container's start to the first question, in whole seconds.
	// Defaults to 0.
	InitialDelay time.Duration
	// Period is the time between questions, in whole seconds. Defaults to Kubernetes' 10 s.
	Period time.Duration
	// Timeout is how long an answer may take, in whole seconds. Defaults to Kubernetes' 1 s.
	Timeout time.Duration
	// SuccessThreshold is how many answers in a row turn failure into success; 1 for Startup and
	// Liveness. Defaults to Kubernetes' 1.
	SuccessThreshold int32
	// FailureThreshold is how many failures in a row count as failure. Defaults to Kubernetes' 3.
	FailureThreshold int32
}

// ProbeHandler is the question that a Probe asks. Make one with HTTPGet, HTTPSGet, GRPC, TCPSocket
// or Exec.
type ProbeHandler struct {
	action probeAction
}

type probeAction interface {
	render() corev1.ProbeHandler
	validate(p *problem.List, field *problem.Path)
}

// HTTPGet succeeds when a GET of path on the container's port is answered with a status from 200 to
// 399.
func HTTPGet(path string, port int32) ProbeHandler {
	return ProbeHandler{httpGet{path, port, corev1.URISchemeHTTP}}
}

// HTTPSGet is HTTPGet over TLS; the certificate is not verified.
func HTTPSGet(path string, port int32) ProbeHandler {
	return ProbeHandler{httpGet{path, port, corev1.URISchemeHTTPS}}
}

// GRPC succeeds when the container's port answers SERVING by the gRPC health protocol for service;
// the empty service asks for the server as a whole.
func GRPC(port int32, service string) ProbeHandler { return ProbeHandler{grpcHealth{port, service}} }

// TCPSocket succeeds when the container's port accepts a connection.
func TCPSocket(port int32) ProbeHandler { return ProbeHandler{tcpSocket{port}} }

// Exec succeeds when the command, run in the container without a shell, exits with 0. Its words
// arrive as they are written: $(NAME) is that text.
func Exec(command ...string) ProbeHandler { return ProbeHandler{exec{command}} }

type httpGet struct {
	path   string
	port   int32
	scheme corev1.URIScheme
}

func (a httpGet) render() corev1.ProbeHandler {
	return corev1.ProbeHandler{HTTPGet: &corev1.HTTPGetAction{Path: a.path,
		Port: intstr.FromInt32(a.port), Scheme: a.scheme}}
}

func (a httpGet) validate(p *problem.List, field *problem.Path) {
	if !strings.HasPrefix(a.path, "/") {
		p.Add(field.Child("Path"), a.path, "does not begin with '/'; use for example \"/healthz\"")
	}
	p.Port(field.Child("Port"), a.port)
}

type grpcHealth struct {
	port    int32
	service string
}

func (a grpcHealth) render() corev1.ProbeHandler {
	action := &corev1.GRPCAction{Port: a.port}
	if a.service != "" {
		action.Service = &a.service
	}
	return corev1.ProbeHandler{GRPC: action}
}

func (a grpcHealth) validate(p *problem.List, field *problem.Path) {
	p.Port(field.Child("Port"), a.port)
}

type tcpSocket struct{ port int32 }

func (a tcpSocket) render() corev1.ProbeHandler {
	return corev1.ProbeHandler{TCPSocket: &corev1.TCPSocketAction{Port: intstr.FromInt32(a.port)}}
}

func (a tcpSocket) validate(p *problem.List, field *problem.Path) {
	p.Port(field.Child("Port"), a.port)
}

type exec struct{ command []string }

func (a exec) render() corev1.ProbeHandler {
	return corev1.ProbeHandler{Exec: &corev1.ExecAction{Command: escapes(a.command)}}
}

func (a exec) validate(p *problem.List, field *problem.Path) {
	if len(a.command) == 0 {
		p.Missing(field.Child("Command"), "give the command and its arguments, one string each")
	}
}

func (probe Probe) isZero() bool {
	figures := probe
	figures.Handler = ProbeHandler{}
	return !probe.isSet() && figures == Probe{}
}

func (p Probes) isZero() bool {
	return p.Startup.isZero() && p.Readiness.isZero() && p.Liveness.isZero()
}

func (probe Probe) render() *corev1.Probe {
	if !probe.isSet() {
		return nil
	}
	return &corev1.Probe{
		ProbeHandler:        probe.Handler.action.render(),
		InitialDelaySeconds: seconds(probe.InitialDelay),
		PeriodSeconds:       seconds(probe.Period),
		TimeoutSeconds:      seconds(probe.Timeout),
		SuccessThreshold:    probe.SuccessThreshold,
		FailureThreshold:    probe.FailureThreshold,
	}
}

func (p Probes) validate(problems *problem.List, field *problem.Path, rollout Rollout, shutdown Shutdown) {
	// What follows from a wrong figure is not worth a message of its own.
	before := len(*problems)
	p.Startup.validate(problems, field.Child("Startup"), true)
	p.Readiness.validate(problems, field.Child("Readiness"), false)
	p.Liveness.validate(problems, field.Child("Liveness"), true)
	if len(*problems) > before {
		return
	}
	p.validateStart(problems, field, rollout)
	p.validateShutdown(problems, field, shutdown)

	ready, live := p.Readiness, p.Liveness
	if ready.isSet() && reflect.DeepEqual(ready.Handler, live.Handler) && live.patience() < ready.patience() {
		problems.Add(field.Child("Liveness", "FailureThreshold"), live.failures(), fmt.Sprintf(
			"restarts a pod before Readiness, which asks the same, takes it out of its Services: %d x %s = %s is less than %d x %s = %s; raise it",
			live.failures(), live.period(), live.patience(), ready.failures(), ready.period(), ready.patience()))
	}
}

// validateStart checks that a pod that uses all the time its probes give it is not reported as a
// rollout that stands still.
func (p Probes) validateStart(problems *problem.List, field *problem.Path, rollout Rollout) {
	sum, blamed := time.Duration(0), Probe{}
	var terms []string
	if p.Startup.isSet() {
		blamed, field = p.Startup, field.Child("Startup")
		sum = p.Startup.budget()
		terms = append(terms, fmt.Sprintf("Startup.InitialDelay %s + %d x Period %s",
			p.Startup.InitialDelay, p.Startup.failures(), p.Startup.period()))
	}
	if p.Readiness.isSet() {
		if len(terms) == 0 {
			blamed, field = p.Readiness, field.Child("Readiness")
		}
		sum = plus(sum, 1, p.Readiness.untilReady())
		terms = append(terms, fmt.Sprintf("Readiness.InitialDelay %s + %d x Period %s",
			p.Readiness.InitialDelay, p.Readiness.successes(), p.Readiness.period()))
	}
	sum = plus(sum, 1, rollout.MinReady)
	if len(terms) == 0 || rollout.ProgressDeadline == 0 || sum <= rollout.ProgressDeadline {
		return
	}
	if rollout.MinReady > 0 {
		terms = append(terms, "Rollout.MinReady "+rollout.MinReady.String())
	}
	problems.Add(field.Child("Period"), blamed.period(), fmt.Sprintf(
		"gives a pod longer to become available than a rollout may stand still: %s = %s, Rollout.ProgressDeadline is %s; lower one of them, or raise that",
		strings.Join(terms, " + "), sum, rollout.ProgressDeadline))
}

// validateShutdown checks that a process that waits, not ready, for others to see it waits long
// enough for its probe to ask.
func (p Probes) validateShutdown(problems *problem.List, field *problem.Path, shutdown Shutdown) {
	if p.Readiness.isSet() && shutdown.Settle > 0 && shutdown.Settle < p.Readiness.period() {
		problems.Add(field.Child("Readiness", "Period"), p.Readiness.period(), fmt.Sprintf(
			"is longer than Shutdown.Settle, %s, in which the process shows that it is not ready: the probe may not ask it once; lower it, raise that, or wait in Shutdown.PreStop instead",
			shutdown.Settle))
	}
}

// Kubernetes' defaults.
const (
	defaultProbePeriod      = 10 * time.Second
	defaultFailureThreshold = 3
)

func (probe Probe) period() time.Duration { return cmp.Or(probe.Period, defaultProbePeriod) }

func (probe Probe) failures() int32 { return cmp.Or(probe.FailureThreshold, defaultFailureThreshold) }

func (probe Probe) successes() int32 { return cmp.Or(probe.SuccessThreshold, 1) }

func (probe Probe) isSet() bool { return probe.Handler.action != nil }

// patience is how long the probe may fail before it counts.
func (probe Probe) patience() time.Duration { return plus(0, probe.failures(), probe.period()) }

// untilReady is how long the probe takes to see that a container that is ready from the start is.
func (probe Probe) untilReady() time.Duration {
	return plus(probe.InitialDelay, probe.successes(), probe.period())
}

// budget is how long a container has until its startup probe has failed.
func (probe Probe) budget() time.Duration {
	return plus(probe.InitialDelay, probe.failures(), probe.period())
}

func (probe Probe) validate(p *problem.List, field *problem.Path, oneSuccess bool) {
	if probe.isZero() {
		return
	}
	if !probe.isSet() {
		p.Missing(field.Child("Handler"), "say what to ask: HTTPGet, HTTPSGet, GRPC, TCPSocket or Exec")
	} else {
		probe.Handler.action.validate(p, field.Child("Handler"))
	}
	p.Seconds(field.Child("InitialDelay"), probe.InitialDelay)
	p.Seconds(field.Child("Period"), probe.Period)
	p.Seconds(field.Child("Timeout"), probe.Timeout)
	if probe.SuccessThreshold < 0 || oneSuccess && probe.SuccessThreshold > 1 {
		rule := "is negative; use 1 or more"
		if oneSuccess {
			rule = "is not allowed here; use 1, as Kubernetes asks for in startup and liveness probes"
		}
		p.Add(field.Child("SuccessThreshold"), probe.SuccessThreshold, rule)
	}
	if probe.FailureThreshold < 0 {
		p.Add(field.Child("FailureThreshold"), probe.FailureThreshold, "is negative; use 1 or more")
	}
}

// plus adds n times d to a duration, none of them negative, and stops at the longest duration there is.
func plus(sum time.Duration, n int32, d time.Duration) time.Duration {
	const longest = time.Duration(math.MaxInt64)
	if d > 0 && time.Duration(n) > (longest-sum)/d {
		return longest
	}
	return sum + time.Duration(n)*d
}

// seconds converts a duration that the check of the same name has seen.
func seconds(d time.Duration) int32 { return int32(d / time.Second) }
