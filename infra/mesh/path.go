package mesh

import (
	"net"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	networking "istio.io/api/networking/v1alpha3"

	"github.com/crossoverJie/k8s-combat/infra"
	"github.com/crossoverJie/k8s-combat/infra/internal/problem"
)

// A Prefix of a path stands for whole elements, as in an Ingress and in the Gateway API: /a matches
// /a and /a/b, not /ab. To Istio it is any text, so that it is written as two matches: the path
// itself, and what is below it. Where the path is changed each has a route of its own, since Istio
// replaces the very text that was matched.

// folder is the prefix without a slash at its end, empty for "/".
func (m StringMatch) folder() string { return strings.TrimRight(m.value, "/") }

// underFolder is how a path begins that is below a folder.
func underFolder(folder string) string { return strings.TrimRight(folder, "/") + "/" }

// coversPath is covers for conditions on a path.
func (m StringMatch) coversPath(other StringMatch) bool {
	if m.kind != matchPrefix {
		return m.covers(other)
	}
	switch other.kind {
	case matchExact:
		return other.value == m.folder() || strings.HasPrefix(other.value, underFolder(m.value))
	case matchPrefix:
		return strings.HasPrefix(underFolder(other.value), underFolder(m.value))
	}
	return false
}

// render writes the match as Istio takes it: as conditions on the path as a whole, and on what it
// begins with.
func (m Match) render() (whole, below []*networking.HTTPMatchRequest) {
	switch {
	case m.URI.isZero():
		return nil, []*networking.HTTPMatchRequest{m.renderWith(m.URI)}
	case m.URI.kind != matchPrefix:
		return []*networking.HTTPMatchRequest{m.renderWith(m.URI)}, nil
	}
	below = []*networking.HTTPMatchRequest{m.renderWith(Prefix(underFolder(m.URI.value)))}
	if folder := m.URI.folder(); folder != "" {
		whole = []*networking.HTTPMatchRequest{m.renderWith(Exact(folder))}
	}
	return whole, below
}

// changesPath reports whether the rule replaces a prefix of the path, for which a route is for one
// kind of match alone.
func (r Rule) changesPath() bool { return r.Rewrite.URI != "" || r.Redirect.PathPrefix != "" }

// below is the rule for paths below the prefix that it matches: what replaces the prefix ends in a
// slash too.
func (r Rule) below() Rule {
	if r.Rewrite.URI != "" {
		r.Rewrite.URI = underFolder(r.Rewrite.URI)
	}
	if r.Redirect.PathPrefix != "" {
		r.Redirect.PathPrefix = underFolder(r.Redirect.PathPrefix)
	}
	return r
}

// whole is the rule for a path that is replaced as a whole: Istio takes a redirect of a prefix for
// matches by Prefix alone.
func (r Rule) whole() Rule {
	if r.Redirect.PathPrefix != "" {
		r.Redirect.URI, r.Redirect.PathPrefix = r.Redirect.PathPrefix, ""
	}
	return r
}

// render writes the rule as one route, or where it changes the path as one for each kind of match.
func (r Rule) render(canary IstioCanaryProps) []*networking.HTTPRoute {
	var all, whole, below []*networking.HTTPMatchRequest
	for _, match := range r.Match {
		exactly, within := match.render()
		all = append(append(all, exactly...), within...)
		whole, below = append(whole, exactly...), append(below, within...)
	}
	if !r.changesPath() {
		return []*networking.HTTPRoute{r.route(canary, all)}
	}
	var routes []*networking.HTTPRoute
	if len(whole) > 0 {
		routes = append(routes, r.whole().route(canary, whole))
	}
	if len(below) > 0 || len(r.Match) == 0 {
		routes = append(routes, r.below().route(canary, below))
	}
	return routes
}

// validateLoop finds a redirect from which the client comes back to it, for ever.
func (props IstioCanaryProps) validateLoop(p *problem.List, rule int) {
	field, r := problem.At("Rules").Index(rule), props.Rules[rule]
	for i, match := range r.matches() {
		at := field.Child("Match").Index(i)
		if len(r.Match) == 0 {
			at = field
		}
		switch way, loops := props.wayBack(rule, match); {
		case !loops:
		case len(way) == 0:
			p.Say(field.Child("Redirect"),
				"sends the client to what "+at.String()+" redirects again, for ever; go elsewhere, or narrow the match")
		default:
			p.Say(field.Child("Redirect"),
				"sends the client to what comes back to "+at.String()+" by "+strings.Join(way, ", ")+", for ever; go elsewhere, or narrow a match")
		}
	}
}

// wayBack follows a redirect of what a match of a rule takes, through rules behind it, and reports
// whether it leads back to that match.
func (props IstioCanaryProps) wayBack(rule int, match Match) (way []string, loops bool) {
	request, at := match, rule
	for range props.Rules {
		r := props.Rules[at]
		if r.leavesHost(request, props) {
			return nil, false
		}
		request = r.target(request)
		at = slices.IndexFunc(props.Rules, func(other Rule) bool { return other.covers(request) })
		switch {
		case at == rule:
			return way, match.covers(request)
		case at < rule || !props.Rules[at].Redirect.leads():
			// The rule before this one tells, or answers.
			return nil, false
		}
		way = append(way, problem.At("Rules").Index(at).String())
		if r := props.Rules[at]; r.Redirect.PathPrefix != "" {
			request.URI = r.covering(request).URI
		}
	}
	return nil, false
}

// target is what the client asks for when it is redirected.
func (r Rule) target(match Match) Match {
	switch {
	case r.Redirect.URI != "":
		path, _, _ := strings.Cut(r.Redirect.URI, "#")
		path, query, replaced := strings.Cut(path, "?")
		match.URI, match.IgnoreURICase = Exact(path), false
		if replaced {
			match.QueryParams = queryParams(query)
		}
	case r.Redirect.PathPrefix != "" && match.URI.kind == matchExact:
		match.URI, match.IgnoreURICase = Exact(r.Redirect.PathPrefix), false
	case r.Redirect.PathPrefix != "":
		match.URI, match.IgnoreURICase = Prefix(r.Redirect.PathPrefix), false
	}
	if r.Redirect.Scheme != "" {
		match.Scheme = Exact(r.Redirect.Scheme)
	}
	if port := r.Redirect.port(); port != 0 && match.Port != 0 {
		match.Port = port
	}
	if r.Redirect.Authority != "" {
		match.Authority = Exact(r.Redirect.Authority)
	}
	if r.Redirect.Code != http.StatusTemporaryRedirect &&
		r.Redirect.Code != http.StatusPermanentRedirect && !match.Method.isZero() {
		// Clients go on with GET.
		match.Method = Exact(http.MethodGet)
	}
	return match
}

// queryParams are the parameters of a query, as conditions that it fulfils.
func queryParams(query string) map[string]StringMatch {
	params := map[string]StringMatch{}
	values, err := url.ParseQuery(query)
	if err != nil {
		return params
	}
	for name := range values {
		params[name] = Exact(values.Get(name))
	}
	return params
}

// schemePorts are where clients go that name none.
var schemePorts = map[string]int32{"http": 80, "https": 443}

// port is the port that the client goes to, 0 where that is the one it came to, as far as is known.
func (r Redirect) port() int32 {
	if port := r.authorityPort(); port != 0 {
		return port
	}
	return schemePorts[r.Scheme]
}

// authorityPort is the port that Authority names, 0 for none.
func (r Redirect) authorityPort() int32 {
	_, text, err := net.SplitHostPort(r.Authority)
	if err != nil {
		return 0
	}
	port, err := strconv.ParseInt(text, 10, 32)
	if err != nil {
		return 0
	}
	return int32(port)
}

// leavesHost reports whether the target is on a host, or a port of one, that the rules are not for.
func (r Rule) leavesHost(match Match, canary IstioCanaryProps) bool {
	host, _, _ := strings.Cut(r.Redirect.Authority, ":")
	if port := r.Redirect.authorityPort(); port != 0 && len(canary.Gateways) > 0 && !canary.Mesh &&
		!slices.ContainsFunc(canary.Gateways, func(g *IstioGateway) bool { return g.listens(port) }) {
		return true
	}
	return host != "" && match.Authority.isZero() && host != canary.Service.Host() &&
		!slices.ContainsFunc(canary.Hosts,
			func(h string) bool { return h == infra.AnyHost || hostsOverlap(h, host) })
}
