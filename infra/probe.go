package infra

import (
	"cmp"
	"fmt"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
)

// Probes are the questions that the kubelet asks a container. None is asked unless it is set.
// See https://kubernetes.io/docs/concepts/configuration/liveness-readiness-startup-probes/.
type Probes struct {
	// Startup holds the other two back until it has succeeded once; when it fails for good the container is restarted.
	Startup Probe
	// Readiness takes the pod out of its Services while it fails.
	Readiness Probe
	// Liveness restarts the container when it fails.
	Liveness Probe
}

// Probe is one question and its rhythm. Its zero value is no probe.
type Probe struct {
	// Handler is the question: HTTPGet, HTTPSGet, GRPC, TCPSocket or Exec. Required where any other field is set.
	Handler ProbeHandler
	// InitialDelay is the time from the container's start to the first question, in whole seconds. Defaults to 0.
	InitialDelay time.Duration
	// Period is the time between questions, in whole seconds. Defaults to Kubernetes' 10 s.
	Period time.Duration
	// Timeout is how long an answer may take, in whole seconds. Defaults to Kubernetes' 1 s.
	Timeout time.Duration
	// SuccessThreshold is how many answers in a row turn failure into success; 1 for Startup and Liveness.
	// Defaults to Kubernetes' 1.
	SuccessThreshold int32
	// FailureThreshold is how many failures in a row count as failure. Defaults to Kubernetes' 3.
	FailureThreshold int32
}

// ProbeHandler is the question that a Probe asks. Make one with HTTPGet, HTTPSGet, GRPC, TCPSocket or Exec.
type ProbeHandler struct {
	action probeAction
}

type probeAction interface {
	render() corev1.ProbeHandler
	validate(p *problems, field string)
}

// HTTPGet succeeds when a GET of path on the container's port is answered with a status from 200 to 399.
func HTTPGet(path string, port int32) ProbeHandler {
	return ProbeHandler{httpGet{path, port, corev1.URISchemeHTTP}}
}

// HTTPSGet is HTTPGet over TLS; the certificate is not verified.
func HTTPSGet(path string, port int32) ProbeHandler {
	return ProbeHandler{httpGet{path, port, corev1.URISchemeHTTPS}}
}

// GRPC succeeds when the container's port answers SERVING by the gRPC health protocol for service; the empty service
// asks for the server as a whole.
func GRPC(port int32, service string) ProbeHandler { return ProbeHandler{grpcHealth{port, service}} }

// TCPSocket succeeds when the container's port accepts a connection.
func TCPSocket(port int32) ProbeHandler { return ProbeHandler{tcpSocket{port}} }

// Exec succeeds when the command, run in the container without a shell, exits with 0.
func Exec(command ...string) ProbeHandler { return ProbeHandler{exec{command}} }

type httpGet struct {
	path   string
	port   int32
	scheme corev1.URIScheme
}

func (a httpGet) render() corev1.ProbeHandler {
	return corev1.ProbeHandler{HTTPGet: &corev1.HTTPGetAction{Path: a.path, Port: intstr.FromInt32(a.port), Scheme: a.scheme}}
}

func (a httpGet) validate(p *problems, field string) {
	if !strings.HasPrefix(a.path, "/") {
		p.add(field+".Path", a.path, "does not begin with '/'; use for example \"/healthz\"")
	}
	p.port(field+".Port", a.port)
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

func (a grpcHealth) validate(p *problems, field string) { p.port(field+".Port", a.port) }

type tcpSocket struct{ port int32 }

func (a tcpSocket) render() corev1.ProbeHandler {
	return corev1.ProbeHandler{TCPSocket: &corev1.TCPSocketAction{Port: intstr.FromInt32(a.port)}}
}

func (a tcpSocket) validate(p *problems, field string) { p.port(field+".Port", a.port) }

type exec struct{ command []string }

func (a exec) render() corev1.ProbeHandler {
	return corev1.ProbeHandler{Exec: &corev1.ExecAction{Command: a.command}}
}

func (a exec) validate(p *problems, field string) {
	if len(a.command) == 0 {
		p.missing(field+".Command", "give the command and its arguments, one string each")
	}
}

func (probe Probe) isZero() bool {
	figures := probe
	figures.Handler = ProbeHandler{}
	return probe.Handler.action == nil && figures == Probe{}
}

func (probe Probe) render() *corev1.Probe {
	if probe.Handler.action == nil {
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

func (p Probes) validate(problems *problems, field string, rollout Rollout) {
	p.Startup.validate(problems, field+".Startup", true)
	p.Readiness.validate(problems, field+".Readiness", false)
	p.Liveness.validate(problems, field+".Liveness", true)

	if startup := p.Startup; startup.Handler.action != nil && startup.budget() > rollout.progressDeadline() {
		problems.add(field+".Startup.FailureThreshold", startup.failures(), fmt.Sprintf(
			"gives a pod longer to start than a rollout may stand still: InitialDelay %s + %d x Period %s = %s, Rollout.ProgressDeadline is %s; lower one of them, or raise that",
			startup.InitialDelay, startup.failures(), startup.period(), startup.budget(), rollout.progressDeadline()))
	}
	if p.Readiness.Handler.action != nil && p.Liveness.Handler.action != nil && p.Liveness.patience() < p.Readiness.patience() {
		problems.add(field+".Liveness.FailureThreshold", p.Liveness.failures(), fmt.Sprintf(
			"restarts a pod before Readiness takes it out of its Services: %d x %s = %s is less than %d x %s = %s; raise it",
			p.Liveness.failures(), p.Liveness.period(), p.Liveness.patience(),
			p.Readiness.failures(), p.Readiness.period(), p.Readiness.patience()))
	}
}

// Kubernetes' defaults.
const (
	defaultProbePeriod      = 10 * time.Second
	defaultFailureThreshold = 3
)

func (probe Probe) period() time.Duration { return cmp.Or(probe.Period, defaultProbePeriod) }

func (probe Probe) failures() int32 { return cmp.Or(probe.FailureThreshold, defaultFailureThreshold) }

// patience is how long the probe may fail before it counts.
func (probe Probe) patience() time.Duration {
	return probe.period() * time.Duration(probe.failures())
}

// budget is how long a container has until its startup probe has failed.
func (probe Probe) budget() time.Duration { return probe.InitialDelay + probe.patience() }

func (probe Probe) validate(p *problems, field string, oneSuccess bool) {
	if probe.isZero() {
		return
	}
	if probe.Handler.action == nil {
		p.missing(field+".Handler", "say what to ask: HTTPGet, HTTPSGet, GRPC, TCPSocket or Exec")
	} else {
		probe.Handler.action.validate(p, field+".Handler")
	}
	p.seconds(field+".InitialDelay", probe.InitialDelay)
	p.seconds(field+".Period", probe.Period)
	p.seconds(field+".Timeout", probe.Timeout)
	if probe.SuccessThreshold < 0 || oneSuccess && probe.SuccessThreshold > 1 {
		rule := "is negative; use 1 or more"
		if oneSuccess {
			rule = "is not allowed here; use 1, as Kubernetes asks for in startup and liveness probes"
		}
		p.add(field+".SuccessThreshold", probe.SuccessThreshold, rule)
	}
	if probe.FailureThreshold < 0 {
		p.add(field+".FailureThreshold", probe.FailureThreshold, "is negative; use 1 or more")
	}
}

// seconds checks a duration that Kubernetes keeps in whole seconds.
func (p *problems) seconds(field string, d time.Duration) {
	switch {
	case d < 0:
		p.add(field, d, "is negative; use 0s or more")
	case d%time.Second != 0:
		p.add(field, d, "is not in whole seconds, which is what Kubernetes counts here; use for example 2s")
	case d/time.Second > 1<<31-1:
		p.add(field, d, "is too long; use at most 2147483647 seconds")
	}
}

// seconds converts a duration that the check of the same name has seen.
func seconds(d time.Duration) int32 { return int32(d / time.Second) }
