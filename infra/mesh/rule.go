package mesh

import (
	"cmp"
	"fmt"
	"math"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"google.golang.org/protobuf/types/known/durationpb"
	networking "istio.io/api/networking/v1alpha3"

	"github.com/crossoverJie/k8s-combat/infra"
	"github.com/crossoverJie/k8s-combat/infra/internal/problem"
	"github.com/crossoverJie/k8s-combat/infra/internal/ref"
)

// Rule says what happens to requests. The first rule of an IstioCanary that matches a request applies.
// See https://istio.io/latest/docs/reference/config/networking/virtual-service/#HTTPRoute.
type Rule struct {
	// Name of the rule, for access logs. Defaults to none.
	Name string
	// Match are sets of conditions, one of which must hold. Defaults to every request.
	Match []Match
	// To are where the requests go. Required, but for Redirect.
	To []Destination
	// Redirect answers with a redirect instead. Defaults to none.
	Redirect Redirect
	// Rewrite changes path and host before the request goes on. Defaults to none.
	Rewrite Rewrite
	// Timeout bounds a request with all its retries. Defaults to none.
	Timeout time.Duration
	// Retries of a request that fails. Default to Istio's own: two, where it is safe.
	Retries Retries
	// Fault delays or ends requests on purpose. Defaults to none. Istio does not look at Timeout
	// and Retries of a rule that has one, so that is an error.
	Fault Fault
	// Mirror sends a copy of the requests elsewhere, whose answers are dropped. Defaults to none.
	Mirror Mirror
	// RequestHeaders and ResponseHeaders are changed on the way. Default to none.
	RequestHeaders, ResponseHeaders HeaderEdits
	// CORS answers browsers that ask across origins. Defaults to none.
	CORS CORS
}

// Destination is where a share of the requests goes.
type Destination struct {
	// Workload is that of one of the IstioCanary's Versions; a nil *ProbedDeployment is an error.
	// Defaults to all pods of the Service.
	Workload infra.Workload
	// Weight is the share in percent. The weights of a rule sum to 100; a single destination needs
	// none.
	Weight int32
	// Port is the name of the Service's port. Defaults to the one that was called; from outside the
	// mesh it is required where the Service has more than one.
	Port string
}

// Retries are attempts after the first one.
type Retries struct {
	// Attempts is how many there are at most. Defaults to Istio's own, 2.
	Attempts int32
	// PerTryTimeout bounds each attempt. One that it ends is tried again only on "5xx",
	// "gateway-error" or "reset", which are not among Istio's own conditions; on any others the
	// request ends with it, with 504. Defaults to the rule's Timeout.
	PerTryTimeout time.Duration
	// On are the conditions: HTTP statuses such as "503", and Envoy's words such as "5xx", "reset",
	// "connect-failure" or "unavailable". Default to Istio's own: connect-failure, refused-stream,
	// unavailable, cancelled.
	On []string
	// Disabled turns retries off. Defaults to false.
	Disabled bool
}

// Fault is a failure made on purpose.
type Fault struct {
	// Delay is how long requests wait. Defaults to none.
	Delay time.Duration
	// DelayPercent is the share of the requests that wait, in steps of 0.0001; 0 is none.
	// Defaults to 100.
	DelayPercent *float64
	// AbortStatus is the HTTP status that ends requests, 200 to 599. Defaults to none.
	AbortStatus int32
	// AbortPercent is the share of the requests that end, in steps of 0.0001; 0 is none.
	// Defaults to 100.
	AbortPercent *float64
}

// Mirror is where copies of requests go.
type Mirror struct {
	// Workload is that of one of the IstioCanary's Versions. The copies go to the port of the
	// rule's first Destination.
	Workload infra.Workload
	// Percent is the share of the requests that is copied, in steps of 0.0001; 0 is none.
	// Defaults to 100.
	Percent *float64
}

// Rewrite changes a request.
type Rewrite struct {
	// URI replaces the path, or the prefix of it that was matched, which is "/" where the Match has
	// no URI: with "/api" as a Prefix, "/" makes /api/cart to /cart, and "/v2" to /v2/cart. Defaults
	// to the path as it is.
	URI string
	// Authority replaces the host. Defaults to the host as it is.
	Authority string
}

// Redirect is an answer that sends the client elsewhere.
type Redirect struct {
	// URI is the path to go to, whatever the request's is. Defaults to the request's.
	URI string
	// PathPrefix replaces the prefix that was matched, and keeps what is below it; an error beside
	// URI. It needs Istio 1.31: to the CRDs of those before it, its field is not known. Defaults to
	// the path as it is.
	PathPrefix string
	// Authority is the host to go to. Defaults to the request's.
	Authority string
	// Scheme is http or https. Defaults to the request's.
	Scheme string
	// Code is the HTTP status: 301, 302, 303, 307 or 308. Defaults to Istio's 301.
	Code int32
}

// leads reports whether the redirect goes somewhere.
func (r Redirect) leads() bool {
	return (r.URI != "" || r.PathPrefix != "" || r.Authority != "" || r.Scheme != "") &&
		slices.Contains(redirectSchemes, r.Scheme)
}

// redirectSchemes are those that a redirect can go to, the request's own for none.
var redirectSchemes = []string{"", "http", "https"}

func (r Retries) isZero() bool {
	return r.Attempts == 0 && r.PerTryTimeout == 0 && len(r.On) == 0 && !r.Disabled
}

func (r Rule) matches() []Match {
	if len(r.Match) == 0 {
		return []Match{{}}
	}
	return r.Match
}

// covers reports whether r takes every request that other could.
func (r Rule) covers(other Match) bool {
	return slices.ContainsFunc(r.matches(), func(m Match) bool { return m.covers(other) })
}

// covering is the first of the matches that takes every request that other could, if one does.
func (r Rule) covering(other Match) Match {
	matches := r.matches()
	i := slices.IndexFunc(matches, func(m Match) bool { return m.covers(other) })
	return matches[max(i, 0)]
}

func (r Rule) validate(p *problem.List, field *problem.Path, canary IstioCanaryProps) {
	for i, match := range r.Match {
		match.validate(p, field.Child("Match").Index(i), canary)
	}
	redirects := r.Redirect != Redirect{}
	if redirects {
		r.validateRedirect(p, field)
	} else {
		r.validateDestinations(p, field, canary)
	}
	validatePlainPath(p, field.Child("Rewrite", "URI"), r.Rewrite.URI)
	validateAuthority(p, field.Child("Rewrite", "Authority"), r.Rewrite.Authority)
	validateDuration(p, field.Child("Timeout"), r.Timeout)
	r.validateRetries(p, field)
	r.validateFault(p, field)
	switch at := field.Child("Mirror", "Workload"); {
	case isNil(r.Mirror.Workload):
		p.Say(at, nilRule+"give one of Versions, or leave it out for no copies")
	case r.Mirror.Workload == nil && r.Mirror.Percent != nil:
		p.Missing(at, "say where the copies go")
	case r.Mirror.Workload != nil && !canary.has(workloadOf(r.Mirror.Workload)):
		p.Add(at, workloadOf(r.Mirror.Workload).Name(), "is not one of Versions; add it there")
	}
	validatePercent(p, field.Child("Mirror", "Percent"), r.Mirror.Percent)
	r.RequestHeaders.validate(p, field.Child("RequestHeaders"), true)
	r.ResponseHeaders.validate(p, field.Child("ResponseHeaders"), false)
	r.validateAuthority(p, field)
	r.CORS.validate(p, field.Child("CORS"))
}

func (r Rule) validateRedirect(p *problem.List, field *problem.Path) {
	if len(r.To) > 0 {
		p.Add(field.Child("To"), fmt.Sprintf("%d destinations", len(r.To)),
			"cannot stand beside Redirect: the request goes nowhere; leave out one of them")
	}
	for _, f := range []struct {
		name string
		set  bool
	}{
		{"Rewrite", r.Rewrite != Rewrite{}}, {"Timeout", r.Timeout != 0},
		{"Retries", !r.Retries.isZero()}, {"Fault", r.Fault != Fault{}},
		{"Mirror", r.Mirror != Mirror{}}, {"RequestHeaders", !r.RequestHeaders.isZero()},
	} {
		if f.set {
			p.Say(field.Child(f.name),
				"cannot stand beside Redirect: the request goes nowhere; leave out one of them")
		}
	}
	if r.Redirect.URI == "" && r.Redirect.PathPrefix == "" && r.Redirect.Authority == "" &&
		r.Redirect.Scheme == "" {
		p.Missing(field.Child("Redirect", "URI"), "say where to: URI, PathPrefix, Authority or Scheme")
	}
	validatePath(p, field.Child("Redirect", "URI"), r.Redirect.URI)
	validatePlainPath(p, field.Child("Redirect", "PathPrefix"), r.Redirect.PathPrefix)
	if r.Redirect.URI != "" && r.Redirect.PathPrefix != "" {
		p.Add(field.Child("Redirect", "PathPrefix"), r.Redirect.PathPrefix,
			"cannot stand beside URI; leave out one of them")
	}
	validateAuthority(p, field.Child("Redirect", "Authority"), r.Redirect.Authority)
	for i, match := range r.Match {
		if r.Redirect.PathPrefix != "" && match.URI.kind == matchRegex {
			p.Add(field.Child("Redirect", "PathPrefix"), r.Redirect.PathPrefix,
				"replaces a prefix, and "+field.Child("Match").Index(i).Child("URI").String()+" is a Regex; use URI, or match by Prefix")
		}
	}
	if !slices.Contains([]int32{0, 301, 302, 303, 307, 308}, r.Redirect.Code) {
		p.Add(field.Child("Redirect", "Code"), r.Redirect.Code,
			"is not a redirect; use 301, 302, 303, 307 or 308")
	}
	if !slices.Contains(redirectSchemes, r.Redirect.Scheme) {
		p.Add(field.Child("Redirect", "Scheme"), r.Redirect.Scheme, "is not a scheme; use http or https")
	}
}

func (r Rule) validateDestinations(p *problem.List, field *problem.Path, canary IstioCanaryProps) {
	if len(r.To) == 0 {
		p.Missing(field.Child("To"), "say where the requests go, or use Redirect")
	}
	sum := 0
	first := map[*ref.Workload]string{}
	var terms []string
	for i, to := range r.To {
		at := field.Child("To").Index(i)
		workload := workloadOf(to.Workload)
		if workload != nil && !canary.has(workload) {
			p.Add(at.Child("Workload"), workload.Name(), "is not one of Versions; add it there")
		}
		if other, twice := first[workload]; isNil(to.Workload) {
			p.Say(at.Child("Workload"),
				nilRule+"give one of Versions, or leave it out for all pods of the Service")
		} else if twice {
			p.Add(at.Child("Workload"), cmp.Or(workload.Name(), "the whole Service"),
				"is a destination already, "+other+"; add the weights")
		} else {
			first[workload] = at.String()
		}
		if to.Weight < 0 || to.Weight > 100 {
			p.Add(at.Child("Weight"), to.Weight, "is not a percentage; use 0 to 100")
		}
		sum += int(to.Weight)
		terms = append(terms, strconv.Itoa(int(to.Weight)))
		canary.validatePort(p, at.Child("Port"), to.Port)
	}
	single := len(r.To) == 1 && r.To[0].Weight == 0
	if len(r.To) > 0 && !single && sum != 100 {
		p.Add(field.Child("To"), strings.Join(terms, " + ")+fmt.Sprintf(" = %d", sum),
			"is not 100 percent; let the weights sum to 100")
	}
}

func (r Rule) validateRetries(p *problem.List, field *problem.Path) {
	if r.Retries.Attempts < 0 {
		p.Add(field.Child("Retries", "Attempts"), r.Retries.Attempts, "is negative; use 1 or more, or Disabled")
	}
	if r.Retries.Disabled &&
		(r.Retries.Attempts != 0 || r.Retries.PerTryTimeout != 0 || len(r.Retries.On) > 0) {
		p.Add(field.Child("Retries", "Disabled"), true,
			"has no use for the other fields of Retries; leave them out, or Disabled")
	}
	validateDuration(p, field.Child("Retries", "PerTryTimeout"), r.Retries.PerTryTimeout)
	if r.Timeout > 0 && r.Retries.PerTryTimeout > r.Timeout {
		p.Add(field.Child("Retries", "PerTryTimeout"), r.Retries.PerTryTimeout,
			"is longer than the rule's Timeout, "+r.Timeout.String()+", which bounds all attempts together; lower it")
	}
	for i, condition := range r.Retries.On {
		at := field.Child("Retries", "On").Index(i)
		if code, err := strconv.Atoi(condition); err == nil {
			if http.StatusText(code) == "" {
				p.Add(at, condition, "is not an HTTP status that Istio knows; use for example \"503\"")
			}
		} else if !slices.Contains(retryConditions, condition) {
			p.Add(at, condition,
				"is not a condition of Envoy; use an HTTP status or one of "+problem.Or(retryConditions))
		}
	}
}

// retryConditions are what a retry may be on, of HTTP and of gRPC, as Istio takes it
// (https://www.envoyproxy.io/docs/envoy/latest/configuration/http/http_filters/router_filter#x-envoy-retry-on).
var retryConditions = []string{
	"5xx", "gateway-error", "reset", "reset-before-request", "connect-failure", "retriable-4xx",
	"refused-stream",
	"retriable-status-codes", "retriable-headers", "envoy-ratelimited", "http3-post-connect-failure",
	"cancelled", "deadline-exceeded", "internal", "resource-exhausted", "unavailable",
}

func (r Rule) validateFault(p *problem.List, field *problem.Path) {
	at := field.Child("Fault")
	validateDuration(p, at.Child("Delay"), r.Fault.Delay)
	validatePercent(p, at.Child("DelayPercent"), r.Fault.DelayPercent)
	validatePercent(p, at.Child("AbortPercent"), r.Fault.AbortPercent)
	if r.Fault.AbortStatus != 0 && (r.Fault.AbortStatus < 200 || r.Fault.AbortStatus > 599) {
		p.Add(at.Child("AbortStatus"), r.Fault.AbortStatus, "is not an HTTP status; use 200 to 599")
	}
	if r.Fault.Delay == 0 && r.Fault.DelayPercent != nil {
		p.Missing(at.Child("Delay"), "say how long requests wait, or leave out DelayPercent")
	}
	if r.Fault.AbortStatus == 0 && r.Fault.AbortPercent != nil {
		p.Missing(at.Child("AbortStatus"), "say how requests end, or leave out AbortPercent")
	}
	if (r.Fault == Fault{}) {
		return
	}
	const reason = "cannot stand beside Fault: Istio ignores timeout and retries of a route that injects faults; give the fault a rule of its own"
	if r.Timeout != 0 {
		p.Add(field.Child("Timeout"), r.Timeout, reason)
	}
	if !r.Retries.isZero() {
		p.Say(field.Child("Retries"), reason)
	}
}

// validateDuration checks a duration that Istio takes in milliseconds.
func validateDuration(p *problem.List, field *problem.Path, d time.Duration) {
	switch {
	case d < 0:
		p.Add(field, d, "is negative; use 0s or more")
	case d != 0 && d < time.Millisecond, d%time.Millisecond != 0:
		p.Add(field, d, "is not in whole milliseconds, which is what Istio takes; use for example 500ms")
	}
}

// validatePercent checks a share of which nil stands for the default.
func validatePercent(p *problem.List, field *problem.Path, share *float64) {
	if share == nil {
		return
	}
	const step = 0.0001 // Envoy counts in millionths
	switch percent := *share; {
	// Written so that NaN is refused too.
	case !(percent >= 0 && percent <= 100):
		p.Add(field, percent, "is not a percentage; use 0 to 100")
	case percent != 0 && percent < step, math.Abs(percent/step-math.Round(percent/step)) > 1e-6:
		p.Add(field, percent, "is finer than Istio counts; use steps of 0.0001")
	}
}

func optionalDuration(d time.Duration) *durationpb.Duration {
	if d == 0 {
		return nil
	}
	return durationpb.New(d)
}

func percentage(share *float64) *networking.Percent {
	if share == nil {
		return &networking.Percent{Value: 100}
	}
	return &networking.Percent{Value: *share}
}

// route writes the rule for requests that one of these takes.
func (r Rule) route(canary IstioCanaryProps, matches []*networking.HTTPMatchRequest) *networking.HTTPRoute {
	route := &networking.HTTPRoute{
		Match:      matches,
		Name:       r.Name,
		Timeout:    optionalDuration(r.Timeout),
		Retries:    r.Retries.render(),
		Fault:      r.Fault.render(),
		CorsPolicy: r.CORS.render(),
	}
	if !r.RequestHeaders.isZero() || !r.ResponseHeaders.isZero() {
		route.Headers = &networking.Headers{Request: r.RequestHeaders.render(),
			Response: r.ResponseHeaders.render()}
	}
	if (r.Redirect != Redirect{}) {
		route.Redirect = &networking.HTTPRedirect{
			Uri: r.Redirect.URI, PrefixRewrite: r.Redirect.PathPrefix,
			Authority: r.Redirect.Authority, Scheme: r.Redirect.Scheme,
			RedirectCode: uint32(max(r.Redirect.Code, 0)),
		}
		return route
	}
	for _, to := range r.To {
		route.Route = append(route.Route, &networking.HTTPRouteDestination{
			Destination: canary.destination(to.Workload, to.Port),
			Weight:      to.Weight,
		})
	}
	if (r.Rewrite != Rewrite{}) {
		route.Rewrite = &networking.HTTPRewrite{Uri: r.Rewrite.URI, Authority: r.Rewrite.Authority}
	}
	if workloadOf(r.Mirror.Workload) != nil && len(r.To) > 0 {
		route.Mirrors = []*networking.HTTPMirrorPolicy{{
			Destination: canary.destination(r.Mirror.Workload, r.To[0].Port),
			Percentage:  percentage(r.Mirror.Percent),
		}}
	}
	return route
}

// routes are the rule as Istio takes it: one route, or where the IstioCanary splits one for
// requests from outside the mesh and one for calls inside it.
func (r Rule) routes(canary IstioCanaryProps, gateways []string) []*networking.HTTPRoute {
	if !canary.splits() {
		return r.render(canary)
	}
	outside := r
	outside.Match = slices.DeleteFunc(slices.Clone(r.matches()),
		func(m Match) bool { return len(m.SourceLabels) > 0 })
	inside := r.withoutPorts()
	inside.Match = r.matches()
	if inside.Name != "" {
		inside.Name += "-mesh"
	}
	var routes []*networking.HTTPRoute
	if len(outside.Match) > 0 {
		routes = append(routes, onlyFor(outside.render(canary), gateways...)...)
	}
	return append(routes, onlyFor(inside.render(canary), meshGateway)...)
}

// onlyFor restricts a route to requests through some gateways. Where a match names them, Istio does
// not look at its labels of the caller, which by themselves restrict it to the mesh.
func onlyFor(routes []*networking.HTTPRoute, gateways ...string) []*networking.HTTPRoute {
	for _, route := range routes {
		for _, match := range route.Match {
			if len(match.SourceLabels) == 0 {
				match.Gateways = gateways
			}
		}
	}
	return routes
}

// withoutPorts is the rule for requests that have named their port themselves.
func (r Rule) withoutPorts() Rule {
	r.To = slices.Clone(r.To)
	for i := range r.To {
		r.To[i].Port = ""
	}
	return r
}

func (r Retries) render() *networking.HTTPRetry {
	switch {
	case r.isZero():
		return nil
	case r.Disabled:
		return &networking.HTTPRetry{}
	}
	attempts := r.Attempts
	if attempts == 0 {
		attempts = 2
	}
	return &networking.HTTPRetry{Attempts: attempts, PerTryTimeout: optionalDuration(r.PerTryTimeout),
		RetryOn: strings.Join(r.On, ",")}
}

func (f Fault) render() *networking.HTTPFaultInjection {
	if (f == Fault{}) {
		return nil
	}
	result := &networking.HTTPFaultInjection{}
	if f.Delay != 0 {
		result.Delay = &networking.HTTPFaultInjection_Delay{
			HttpDelayType: &networking.HTTPFaultInjection_Delay_FixedDelay{FixedDelay: durationpb.New(f.Delay)},
			Percentage:    percentage(f.DelayPercent),
		}
	}
	if f.AbortStatus != 0 {
		result.Abort = &networking.HTTPFaultInjection_Abort{
			ErrorType:  &networking.HTTPFaultInjection_Abort_HttpStatus{HttpStatus: f.AbortStatus},
			Percentage: percentage(f.AbortPercent),
		}
	}
	return result
}
