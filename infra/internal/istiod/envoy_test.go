package istiod

import (
	"fmt"
	"regexp"
	"slices"
	"sort"
	"strconv"
	"strings"
	"time"

	core "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	route "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	fault "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/fault/v3"
	matcher "github.com/envoyproxy/go-control-plane/envoy/type/matcher/v3"
	xdstype "github.com/envoyproxy/go-control-plane/envoy/type/v3"
)

// What follows evaluates a route configuration as Envoy's documentation of config.route.v3 has it.

type header struct{ name, value string }

type call struct {
	method, scheme, host, path, query string
	port                              int
	headers                           []header
}

func (c call) target() string {
	if c.query != "" {
		return c.path + "?" + c.query
	}
	return c.path
}

func (c call) header(name string) (string, bool) {
	switch strings.ToLower(name) {
	case ":method":
		return c.method, true
	case ":authority", "host":
		return c.host, true
	case ":scheme":
		return c.scheme, true
	}
	var values []string
	for _, h := range c.headers {
		if strings.EqualFold(h.name, name) {
			values = append(values, h.value)
		}
	}
	return strings.Join(values, ","), len(values) > 0
}

func virtualHost(rc *route.RouteConfiguration, host string) *route.VirtualHost {
	host = strings.ToLower(host)
	if name, port, ok := strings.Cut(host, ":"); ok && rc.IgnorePortInHostMatching {
		if _, err := strconv.Atoi(port); err == nil {
			host = name
		}
	}
	var best *route.VirtualHost
	length, all := 0, (*route.VirtualHost)(nil)
	for _, vh := range rc.VirtualHosts {
		for _, domain := range vh.Domains {
			domain = strings.ToLower(domain)
			switch {
			case domain == host:
				return vh
			case domain == "*":
				all = vh
			case strings.HasPrefix(domain, "*") && len(host) >= len(domain) && strings.HasSuffix(host, domain[1:]) && len(domain) > length:
				best, length = vh, len(domain)
			}
		}
	}
	if best != nil {
		return best
	}
	return all
}

func stringMatches(m *matcher.StringMatcher, text string) bool {
	fold := func(s string) string {
		if m.IgnoreCase {
			return strings.ToLower(s)
		}
		return s
	}
	switch p := m.MatchPattern.(type) {
	case *matcher.StringMatcher_Exact:
		return fold(text) == fold(p.Exact)
	case *matcher.StringMatcher_Prefix:
		return strings.HasPrefix(fold(text), fold(p.Prefix))
	case *matcher.StringMatcher_Suffix:
		return strings.HasSuffix(fold(text), fold(p.Suffix))
	case *matcher.StringMatcher_SafeRegex:
		return fullMatch(p.SafeRegex.Regex, text)
	}
	panic(fmt.Sprintf("no matcher %T", m.MatchPattern))
}

func fullMatch(pattern, text string) bool {
	return regexp.MustCompile("^(?:" + pattern + ")$").MatchString(text)
}

func headerMatches(m *route.HeaderMatcher, c call) bool {
	text, there := c.header(m.Name)
	if p, ok := m.HeaderMatchSpecifier.(*route.HeaderMatcher_PresentMatch); ok {
		return (there == p.PresentMatch) != m.InvertMatch
	}
	if !there && !m.TreatMissingHeaderAsEmpty {
		return false
	}
	return stringMatches(m.GetStringMatch(), text) != m.InvertMatch
}

func queryMatches(m *route.QueryParameterMatcher, c call) bool {
	for part := range strings.SplitSeq(c.query, "&") {
		name, value, _ := strings.Cut(part, "=")
		if name == m.Name && part != "" {
			if m.GetPresentMatch() {
				return true
			}
			return stringMatches(m.GetStringMatch(), value)
		}
	}
	return false
}

// pathMatches returns the part of the path that a match is about.
func pathMatches(m *route.RouteMatch, c call) (string, bool) {
	fold := func(s string) string {
		if m.CaseSensitive != nil && !m.CaseSensitive.Value {
			return strings.ToLower(s)
		}
		return s
	}
	switch p := m.PathSpecifier.(type) {
	case *route.RouteMatch_Prefix:
		if strings.HasPrefix(fold(c.path), fold(p.Prefix)) {
			return c.path[:len(p.Prefix)], true
		}
	case *route.RouteMatch_Path:
		return c.path, fold(c.path) == fold(p.Path)
	case *route.RouteMatch_PathSeparatedPrefix:
		if rest, ok := strings.CutPrefix(fold(c.path), fold(p.PathSeparatedPrefix)); ok && (rest == "" || rest[0] == '/') {
			return c.path[:len(p.PathSeparatedPrefix)], true
		}
	case *route.RouteMatch_SafeRegex:
		return c.path, fullMatch(p.SafeRegex.Regex, c.path)
	default:
		panic(fmt.Sprintf("no path %T", m.PathSpecifier))
	}
	return "", false
}

func firstRoute(vh *route.VirtualHost, c call) (*route.Route, string) {
	for _, r := range vh.Routes {
		matched, ok := pathMatches(r.Match, c)
		for _, m := range r.Match.Headers {
			ok = ok && headerMatches(m, c)
		}
		for _, m := range r.Match.QueryParameters {
			ok = ok && queryMatches(m, c)
		}
		if ok {
			return r, matched
		}
	}
	return nil, ""
}

// result is what comes of a call, in the words that both sides share.
type result struct {
	// parts are destinations and statuses with their percents: "web.shop.svc.cluster.local:80/v1 50".
	parts   map[string]float64
	mirrors []string
	arrives map[string]string // what arrives, by destination
	longest time.Duration
	bounded bool
}

func (r result) String() string {
	var lines []string
	for text, percent := range r.parts {
		lines = append(lines, fmt.Sprintf("%.2f %s %s", percent, text, r.arrives[text]))
	}
	sort.Strings(lines)
	slices.Sort(r.mirrors)
	wait := "unbounded"
	if r.bounded {
		wait = r.longest.String()
	}
	return strings.Join(lines, "\n") + "\nmirrors " + strings.Join(r.mirrors, " ") + "\nwait " + wait
}

func (r *result) add(text string, percent float64) { r.parts[text] += percent }

func newResult() result { return result{parts: map[string]float64{}, arrives: map[string]string{}} }

func clusterName(name string) string {
	parts := strings.Split(name, "|")
	if len(parts) != 4 {
		return name
	}
	return parts[3] + ":" + parts[1] + "/" + parts[2]
}

func edit(c *call, remove []string, add []*core.HeaderValueOption) {
	for _, name := range remove {
		c.headers = slices.DeleteFunc(c.headers, func(h header) bool { return strings.EqualFold(h.name, name) })
	}
	for _, option := range add {
		if option.AppendAction == core.HeaderValueOption_OVERWRITE_IF_EXISTS_OR_ADD {
			c.headers = slices.DeleteFunc(c.headers, func(h header) bool { return strings.EqualFold(h.name, option.Header.Key) })
		}
		c.headers = append(c.headers, header{option.Header.Key, option.Header.Value})
	}
}

func arrival(c call) string {
	var headers []string
	for _, h := range c.headers {
		headers = append(headers, strings.ToLower(h.name)+"="+h.value)
	}
	slices.Sort(headers)
	return c.host + " " + c.target() + " " + strings.Join(headers, " ")
}

func fraction(p *xdstype.FractionalPercent) float64 {
	switch p.GetDenominator() {
	case xdstype.FractionalPercent_HUNDRED:
		return float64(p.GetNumerator())
	case xdstype.FractionalPercent_TEN_THOUSAND:
		return float64(p.GetNumerator()) / 100
	}
	return float64(p.GetNumerator()) / 10_000
}

// evaluate is what Envoy makes of a call with a route configuration, of which known clusters exist.
func evaluate(rc *route.RouteConfiguration, c call, known map[string]bool, listenerTLS bool) result {
	out := newResult()
	vh := virtualHost(rc, c.host)
	if vh == nil {
		out.add("status 404", 100)
		return out
	}
	if vh.RequireTls == route.VirtualHost_ALL && !listenerTLS {
		host, _, _ := strings.Cut(c.host, ":")
		out.add("301 to https://"+host+c.target(), 100)
		return out
	}
	r, matched := firstRoute(vh, c)
	if r == nil {
		out.add("status 404", 100)
		return out
	}
	rest := 100.0
	delay := time.Duration(0)
	if packed := r.TypedPerFilterConfig["envoy.filters.http.fault"]; packed != nil {
		var f fault.HTTPFault
		if err := packed.UnmarshalTo(&f); err != nil {
			panic(err)
		}
		if percent := fraction(f.GetAbort().GetPercentage()); percent > 0 {
			out.add(fmt.Sprint("status ", f.GetAbort().GetHttpStatus()), percent)
			rest -= percent
		}
		if fraction(f.GetDelay().GetPercentage()) > 0 {
			delay = f.GetDelay().GetFixedDelay().AsDuration()
		}
	}
	if rest <= 0 {
		return out
	}
	switch action := r.Action.(type) {
	case *route.Route_DirectResponse:
		out.add(fmt.Sprint("status ", action.DirectResponse.Status), rest)
	case *route.Route_Redirect:
		out.add(redirected(action.Redirect, c, matched), rest)
	case *route.Route_Route:
		forward(&out, r, action.Route, c, matched, rest, known)
		wait(&out, action.Route, delay)
	}
	return out
}

func redirected(r *route.RedirectAction, c call, matched string) string {
	scheme := c.scheme
	if s := r.GetSchemeRedirect(); s != "" {
		scheme = s
	}
	host, port, _ := strings.Cut(c.host, ":")
	if r.HostRedirect != "" {
		host, port, _ = strings.Cut(r.HostRedirect, ":")
	} else if scheme != c.scheme && (port == "80" && c.scheme == "http" || port == "443" && c.scheme == "https") {
		port = ""
	}
	if r.PortRedirect != 0 {
		port = strconv.Itoa(int(r.PortRedirect))
	}
	if port != "" {
		host += ":" + port
	}
	path := c.target()
	if p := r.GetPrefixRewrite(); p != "" {
		path = p + c.path[len(matched):]
		if c.query != "" {
			path += "?" + c.query
		}
	} else if p := r.GetPathRedirect(); p != "" {
		path = p
		if c.query != "" && !strings.Contains(p, "?") {
			path += "?" + c.query
		}
	}
	codes := map[route.RedirectAction_RedirectResponseCode]int{0: 301, 1: 302, 2: 303, 3: 307, 4: 308}
	return fmt.Sprintf("%d to %s://%s%s", codes[r.ResponseCode], scheme, host, path)
}

func forward(out *result, r *route.Route, action *route.RouteAction, c call, matched string, rest float64, known map[string]bool) {
	c.headers = slices.Clone(c.headers)
	if p := action.PrefixRewrite; p != "" {
		c.path = p + c.path[len(matched):]
	}
	if x := action.RegexRewrite; x != nil {
		groups := regexp.MustCompile(`\\([0-9])`).ReplaceAllString(strings.ReplaceAll(x.Substitution, "$", "$$"), "$${$1}")
		c.path = regexp.MustCompile(x.Pattern.Regex).ReplaceAllString(c.path, groups)
	}
	if h := action.GetHostRewriteLiteral(); h != "" {
		c.host = h
	}
	status := 503
	if action.ClusterNotFoundResponseCode == route.RouteAction_INTERNAL_SERVER_ERROR {
		status = 500
	}
	send := func(cluster string, c call, percent float64) {
		if !known[cluster] {
			out.add(fmt.Sprint("status ", status), percent)
			return
		}
		name := clusterName(cluster)
		out.add(name+" as "+arrival(c), percent)
	}
	if cluster := action.GetCluster(); cluster != "" {
		edit(&c, r.RequestHeadersToRemove, r.RequestHeadersToAdd)
		send(cluster, c, rest)
	} else {
		total := uint32(0)
		for _, one := range action.GetWeightedClusters().GetClusters() {
			total += one.Weight.Value
		}
		for _, one := range action.GetWeightedClusters().GetClusters() {
			each := c
			each.headers = slices.Clone(c.headers)
			edit(&each, one.RequestHeadersToRemove, one.RequestHeadersToAdd)
			edit(&each, r.RequestHeadersToRemove, r.RequestHeadersToAdd)
			if h := one.GetHostRewriteLiteral(); h != "" && action.GetHostRewriteLiteral() == "" {
				each.host = h
			}
			send(one.Name, each, rest*float64(one.Weight.Value)/float64(total))
		}
	}
	for _, m := range action.RequestMirrorPolicies {
		name := clusterName(m.Cluster)
		if known[m.Cluster] {
			out.mirrors = append(out.mirrors, fmt.Sprintf("%s(%.4g)", name, fraction(m.RuntimeFraction.DefaultValue)))
		}
	}
}

func wait(out *result, action *route.RouteAction, delay time.Duration) {
	timeout, perTry := action.GetTimeout().AsDuration(), action.GetRetryPolicy().GetPerTryTimeout().AsDuration()
	if perTry > 0 {
		tries := int(action.RetryPolicy.NumRetries.GetValue()) + 1
		out.longest, out.bounded = time.Duration(tries)*perTry, true
		for i := range tries - 1 {
			out.longest += min(25*time.Millisecond<<i, 250*time.Millisecond)
		}
	}
	if timeout > 0 && (!out.bounded || timeout < out.longest) {
		out.longest, out.bounded = timeout, true
	}
	if out.bounded {
		out.longest += delay
	}
}
