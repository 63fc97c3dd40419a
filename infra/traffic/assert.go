package traffic

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cdk8s-team/cdk8s-core-go/cdk8s/v2"

	"github.com/crossoverJie/k8s-combat/imports/tree"
	"github.com/crossoverJie/k8s-combat/infra/traffic/engine"
)

// Traffic is a set of objects of which a test claims where requests go.
type Traffic struct {
	t     testing.TB
	model *Model
}

// Of takes the objects of charts, of either tree, as one set. The test fails at once if a chart cannot be rendered.
func Of(t testing.TB, charts ...cdk8s.Chart) *Traffic {
	t.Helper()
	objects, err := Charts(charts...)
	if err != nil {
		t.Fatal(err)
	}
	options := Options{}
	if len(charts) > 0 {
		options.ClusterDomain = tree.ClusterDomain(charts[0])
	}
	return OfModel(t, New(objects, options))
}

// OfModel takes a model, for example one of manifests that were read.
func OfModel(t testing.TB, model *Model) *Traffic { return &Traffic{t, model} }

// Get is a GET request for a path, which may have a query.
func (c *Traffic) Get(path string) *Call { return c.Call("GET", path) }

// Post is a POST request for a path, which may have a query.
func (c *Traffic) Post(path string) *Call { return c.Call("POST", path) }

// Call is a request with a method for a path, which may have a query.
func (c *Traffic) Call(method, path string) *Call {
	return &Call{c, Request{Method: method, Path: path}}
}

// GRPC is a call by gRPC of SERVICE/METHOD.
func (c *Traffic) GRPC(method string) *Call { return &Call{c, Request{GRPC: method}} }

// Call is a request of which something is claimed. Its methods return another one, or itself after a claim.
type Call struct {
	of      *Traffic
	request Request
}

func (c *Call) with(change func(r *Request)) *Call {
	changed := *c
	changed.request.Headers = slices.Clone(c.request.Headers)
	change(&changed.request)
	return &changed
}

// Host is the name that is called, with a port or without.
func (c *Call) Host(host string) *Call { return c.with(func(r *Request) { r.Host = host }) }

// Port is the port that is called. Defaults to what Request.Port says.
func (c *Call) Port(port int) *Call { return c.with(func(r *Request) { r.Port = port }) }

// HTTPS has the request made by TLS.
func (c *Call) HTTPS() *Call { return c.with(func(r *Request) { r.Scheme = "https" }) }

// Header adds a header.
func (c *Call) Header(name, value string) *Call {
	return c.with(func(r *Request) { r.Headers = append(r.Headers, Header{Name: name, Value: value}) })
}

// From is the pod that calls, NAMESPACE/WORKLOAD. Defaults to one of the mesh of which nothing is known.
func (c *Call) From(workload string) *Call { return c.with(func(r *Request) { r.From = workload }) }

// Via is the Gateway or Ingress by which the request comes. Defaults to the one that takes the host, where no Service is
// called so.
func (c *Call) Via(gateway string) *Call { return c.with(func(r *Request) { r.Gateway = gateway }) }

// Explain returns the explanation. The test fails at once if the request names who is not in the set.
func (c *Call) Explain() *Explanation {
	c.of.t.Helper()
	explanation, err := c.of.model.Explain(c.request)
	if err != nil {
		c.of.t.Fatal(err)
	}
	return explanation
}

func (c *Call) fail(e *Explanation, format string, values ...any) {
	c.of.t.Helper()
	c.of.t.Errorf("%s\n\n%s", fmt.Sprintf(format, values...), indented(e.String()))
}

func indented(text string) string {
	return "    " + strings.ReplaceAll(strings.TrimSpace(text), "\n", "\n    ")
}

// isNamed reports whether a share goes to what a test calls so: a workload or a Service, with its namespace before it or
// without, or a host outside.
func isNamed(share Share, name string) bool {
	return slices.Contains([]string{share.Name, share.Namespace + "/" + share.Name, share.Service, share.Namespace + "/" + share.Service}, name)
}

// exactly is how much shares may differ from what is claimed, in percent.
const exactly = 0.01

// Reaches claims that all requests are answered by one workload, or one Service.
func (c *Call) Reaches(name string) *Call {
	c.of.t.Helper()
	e := c.Explain()
	for _, share := range e.Shares {
		if share.Outcome != engine.Arrives || !isNamed(share, name) {
			c.fail(e, "not all requests reach %s:", name)
			return c
		}
	}
	if len(e.Shares) == 0 {
		c.fail(e, "no request reaches %s:", name)
	}
	return c
}

// SplitsTo claims which workloads, or Services, answer of 100 requests how many.
func (c *Call) SplitsTo(percents map[string]float64) *Call {
	c.of.t.Helper()
	e := c.Explain()
	found := map[string]float64{}
	for _, share := range e.Shares {
		name := "nobody"
		if share.Outcome == engine.Arrives {
			name = share.Service
			if share.Name != "" {
				name = share.Name
			}
			for _, wanted := range slices.Sorted(maps.Keys(percents)) {
				if isNamed(share, wanted) {
					name = wanted
					break
				}
			}
		}
		found[name] += share.Percent
	}
	for _, name := range slices.Sorted(maps.Keys(percents)) {
		if math.Abs(found[name]-percents[name]) > exactly {
			c.fail(e, "%.4g %% of the requests reach %s, not %.4g %%:", found[name], name, percents[name])
			return c
		}
		delete(found, name)
	}
	for _, name := range slices.Sorted(maps.Keys(found)) {
		if found[name] > exactly {
			c.fail(e, "%.4g %% of the requests reach %s:", found[name], name)
			return c
		}
	}
	return c
}

// MirrorsTo claims that a workload, or a Service, is sent a copy of the requests.
func (c *Call) MirrorsTo(name string) *Call {
	c.of.t.Helper()
	e := c.Explain()
	if !slices.ContainsFunc(e.Mirrors, func(share Share) bool { return share.Outcome == engine.Arrives && isNamed(share, name) }) {
		c.fail(e, "%s is sent no copy of the requests:", name)
	}
	return c
}

// ArrivesAs claims with which path, and query, all requests arrive.
func (c *Call) ArrivesAs(path string) *Call {
	c.of.t.Helper()
	e := c.Explain()
	for _, share := range e.Shares {
		if share.Outcome == engine.Arrives && share.Path != path {
			c.fail(e, "requests arrive as %q, not as %q:", share.Path, path)
			return c
		}
	}
	return c
}

// FailsWith claims that no request is answered by a pod, and that all callers see a status of 400 or more.
func (c *Call) FailsWith(status int) *Call {
	c.of.t.Helper()
	e := c.Explain()
	if status < 400 || e.Status != status || e.Outcome != engine.Fails && e.Outcome != engine.Denied && e.Outcome != engine.Mixed {
		c.fail(e, "not all requests fail with %d:", status)
	}
	return c
}

// AnswersWith claims that a proxy answers all requests itself, as a rule says, with a status.
func (c *Call) AnswersWith(status int) *Call {
	c.of.t.Helper()
	if e := c.Explain(); e.Status != status || e.Outcome != engine.Answered {
		c.fail(e, "the proxy does not answer with %d:", status)
	}
	return c
}

// RedirectsTo claims where callers are sent.
func (c *Call) RedirectsTo(location string) *Call {
	c.of.t.Helper()
	if e := c.Explain(); e.Location != location {
		c.fail(e, "callers are not sent to %q, but to %q:", location, e.Location)
	}
	return c
}

// TimesOutAfter claims after what time a caller is told that there is no answer, where the server takes a request and is
// silent.
func (c *Call) TimesOutAfter(d time.Duration) *Call {
	c.of.t.Helper()
	e := c.Explain()
	switch {
	case e.Wait == nil || !e.Wait.Bounded:
		c.fail(e, "a caller is not told after %v, there is no timeout:", d)
	case time.Duration(e.Wait.Silent) != d:
		c.fail(e, "a caller is told after %v, not after %v:", time.Duration(e.Wait.Silent), d)
	}
	return c
}

// WaitsAtMost claims that no caller waits longer, whatever the server does, with all retries and delays.
func (c *Call) WaitsAtMost(d time.Duration) *Call {
	c.of.t.Helper()
	e := c.Explain()
	switch {
	case e.Wait == nil:
	case !e.Wait.Bounded:
		c.fail(e, "a caller may wait longer than %v, there is no timeout:", d)
	case time.Duration(e.Wait.Longest) > d:
		c.fail(e, "a caller may wait %v, longer than %v:", time.Duration(e.Wait.Longest), d)
	}
	return c
}

// IsDenied claims that a policy keeps all requests out: an AuthorizationPolicy, or a PeerAuthentication that a caller
// without a sidecar does not meet.
func (c *Call) IsDenied() *Call {
	c.of.t.Helper()
	if e := c.Explain(); e.Outcome != engine.Denied {
		c.fail(e, "no policy keeps all requests out:")
	}
	return c
}
