package mesh_test

import (
	"strings"
	"testing"
	"time"

	"github.com/cdk8s-team/cdk8s-core-go/cdk8s/v2"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	networkingv1 "istio.io/client-go/pkg/apis/networking/v1"

	"github.com/crossoverJie/k8s-combat/imports/tree"
	"github.com/crossoverJie/k8s-combat/imports/tree/native"
	"github.com/crossoverJie/k8s-combat/infra"
	"github.com/crossoverJie/k8s-combat/infra/internal/synthtest"
	"github.com/crossoverJie/k8s-combat/infra/mesh"
)

// meshParts are two versions of a service, and the Service in front of both.
type meshParts struct {
	chart   cdk8s.Chart
	service *infra.Service
	v1, v2  *infra.ProbedDeployment
}

func version(chart cdk8s.Chart, name string, change func(*infra.ProbedDeploymentProps)) *infra.ProbedDeployment {
	props := infra.ProbedDeploymentProps{
		Name: "cart-" + name, Image: "example.com/cart:" + name, Version: name, Labels: map[string]string{"service": "cart"},
	}
	if change != nil {
		change(&props)
	}
	return infra.NewProbedDeployment(chart, name, props)
}

func newMeshParts(chart cdk8s.Chart) meshParts {
	return meshParts{
		chart: chart,
		v1:    version(chart, "v1", nil),
		v2:    version(chart, "v2", nil),
		service: infra.NewService(chart, "service", infra.ServiceProps{
			Name: "cart", Selector: map[string]string{"service": "cart"},
			Ports: []infra.ServicePort{{Name: "web", Port: 80, AppProtocol: "http"}, {Name: "grpc", Port: 50051}},
		}),
	}
}

// canary builds an IstioCanary that is in order but for what change does.
func canary(change func(parts meshParts, props *mesh.IstioCanaryProps)) func(cdk8s.Chart) {
	return func(chart cdk8s.Chart) {
		parts := newMeshParts(chart)
		props := mesh.IstioCanaryProps{
			Name: "cart", Service: parts.service,
			Versions: []mesh.Version{{Name: "v1", Workload: parts.v1}, {Name: "v2", Workload: parts.v2}},
			Rules:    []mesh.Rule{{Name: "all", To: []mesh.Destination{{Workload: parts.v1}}}},
		}
		change(parts, &props)
		mesh.NewIstioCanary(chart, "canary", props)
	}
}

// canaryRule builds one whose only rule is in order but for what change does.
func canaryRule(change func(parts meshParts, r *mesh.Rule)) func(cdk8s.Chart) {
	return canary(func(parts meshParts, props *mesh.IstioCanaryProps) { change(parts, &props.Rules[0]) })
}

func TestIstioCanary(t *testing.T) {
	t.Parallel()
	synthtest.Golden(t, "istio-canary", canary(func(parts meshParts, props *mesh.IstioCanaryProps) {
		door := mesh.NewIstioGateway(parts.chart, "gateway", mesh.IstioGatewayProps{
			Name: "door", Servers: []mesh.GatewayServer{{Port: 80, Hosts: []string{"*.example.com"}}},
		})
		props.DestinationRuleName = "cart-rule"
		props.Gateways, props.Mesh, props.Hosts = []*mesh.IstioGateway{door}, true, []string{"cart.example.com"}
		props.Labels = map[string]string{"tier": "web"}
		props.Annotations = map[string]string{"example.com/owner": "team"}
		props.TrafficPolicy = mesh.TrafficPolicy{
			LoadBalancer: mesh.LoadBalancing{ConsistentHash: mesh.ConsistentHash{Cookie: "session", CookieTTL: time.Hour}},
			ConnectionPool: mesh.ConnectionPool{
				MaxConnections: 100, ConnectTimeout: time.Second, MaxPendingRequests: 10, MaxRequests: 1000,
				MaxRequestsPerConnection: 50, MaxRetries: 3, IdleTimeout: time.Minute,
			},
			OutlierDetection: mesh.OutlierDetection{Consecutive5xx: 5, Interval: time.Second, BaseEjection: 30 * time.Second, MaxEjectionPercent: new(int32(50))},
			TLS:              mesh.TLSIstioMutual,
		}
		props.Versions[1].TrafficPolicy = mesh.TrafficPolicy{LoadBalancer: mesh.LoadBalancing{Simple: mesh.Random}}
		one := mesh.Destination{Workload: parts.v1, Port: "web"}
		props.Rules = []mesh.Rule{
			{
				Name: "everything",
				Match: []mesh.Match{{
					Headers:        map[string]mesh.StringMatch{"version": mesh.Exact("200"), "x-user": mesh.Regex("a.*")},
					WithoutHeaders: map[string]mesh.StringMatch{"x-fault": mesh.Present()},
					URI:            mesh.Prefix("/cart"), IgnoreURICase: true,
					Method: mesh.Exact("GET"), Authority: mesh.Prefix("cart"), Scheme: mesh.Exact("http"),
					QueryParams: map[string]mesh.StringMatch{"debug": mesh.Exact("1")}, SourceLabels: map[string]string{"app": "web"}, Port: 80,
				}, {URI: mesh.Exact("/checkout")}},
				To:      []mesh.Destination{{Workload: parts.v1, Port: "web", Weight: 25}, {Workload: parts.v2, Port: "web", Weight: 75}},
				Rewrite: mesh.Rewrite{URI: "/v2", Authority: "v2.example.com"},
				Timeout: 5 * time.Second,
				Retries: mesh.Retries{Attempts: 3, PerTryTimeout: 500 * time.Millisecond, On: []string{"5xx", "reset"}},
				Mirror:  mesh.Mirror{Workload: parts.v2, Percent: new(12.5)},
				RequestHeaders: mesh.HeaderEdits{
					Set: map[string]string{"x-a": "1"}, Add: map[string]string{"x-b": "2"}, Remove: []string{"x-c"},
				},
				ResponseHeaders: mesh.HeaderEdits{Remove: []string{"server"}},
				CORS: mesh.CORS{
					AllowOrigins: []mesh.StringMatch{mesh.Exact("https://example.com")}, AllowMethods: []string{"GET"},
					AllowHeaders: []string{"x-a"}, ExposeHeaders: []string{"x-b"}, MaxAge: time.Hour, AllowCredentials: true,
				},
			},
			{
				Name: "fault", Match: []mesh.Match{{Headers: map[string]mesh.StringMatch{"x-fault": mesh.Present()}}}, To: []mesh.Destination{one},
				Fault: mesh.Fault{Delay: 1500 * time.Millisecond, DelayPercent: new(50.0), AbortStatus: 503, AbortPercent: new(0.1)},
			},
			{
				Name: "redirect", Match: []mesh.Match{{URI: mesh.Prefix("/old")}},
				Redirect: mesh.Redirect{URI: "/new", Authority: "new.example.com", Scheme: "https", Code: 308},
			},
			{Name: "default", To: []mesh.Destination{one}, Retries: mesh.Retries{Disabled: true}},
		}
	}))
}

func TestIstioCanaryHostIsFullWhereTheNamespaceIsKnown(t *testing.T) {
	t.Parallel()
	for namespace, want := range map[string]string{"": "cart", "shop": "cart.shop.svc.cluster.local"} {
		app := native.NewApp(nil)
		canary(func(meshParts, *mesh.IstioCanaryProps) {})(tree.NewChart(app, "chart", tree.ChartProps{Namespace: namespace}))
		manifests := *app.SynthYaml()
		assert.Equal(t, 2, strings.Count(manifests, "host: "+want+"\n"), "in the DestinationRule and in its route")
		assert.Contains(t, manifests, "  hosts:\n    - "+want+"\n")
	}
}

func TestIstioCanaryRight(t *testing.T) {
	t.Parallel()
	build := canary(func(parts meshParts, props *mesh.IstioCanaryProps) {
		props.Rules = []mesh.Rule{{To: []mesh.Destination{{Workload: parts.v1, Weight: 10}, {Workload: parts.v2, Weight: 90}}}}
	})
	subsets := map[string]bool{}
	for _, subset := range synthtest.Only[networkingv1.DestinationRule](t, "DestinationRule", build).Spec.Subsets {
		subsets[subset.Name] = true
		assert.Equal(t, map[string]string{"app": "cart-" + subset.Name}, subset.Labels, "labels come from the workload")
	}
	sum := int32(0)
	for _, route := range synthtest.Only[networkingv1.VirtualService](t, "VirtualService", build).Spec.Http[0].Route {
		assert.True(t, subsets[route.Destination.Subset], "a weight must reach a subset that exists")
		sum += route.Weight
	}
	assert.EqualValues(t, 100, sum)
}

func TestIstioCanaryNamesGatewaysWithTheirNamespace(t *testing.T) {
	t.Parallel()
	app := native.NewApp(nil)
	edge := tree.NewChart(app, "edge", tree.ChartProps{Namespace: "istio-system"})
	door := mesh.NewIstioGateway(edge, "door", mesh.IstioGatewayProps{
		Name: "door", Servers: []mesh.GatewayServer{{Port: 80, Hosts: []string{"www.example.com"}}, {Port: 8080, Hosts: []string{"www.example.com"}}},
	})
	canary(func(_ meshParts, props *mesh.IstioCanaryProps) {
		props.Gateways, props.Hosts = []*mesh.IstioGateway{door}, []string{"www.example.com"}
		props.Rules[0].To[0].Port = "web"
	})(tree.NewChart(app, "app", tree.ChartProps{Namespace: "shop"}))
	manifests := *app.SynthYaml()
	assert.Contains(t, manifests, "  gateways:\n    - istio-system/door\n")
	assert.Contains(t, manifests, "        name: http\n        number: 80\n")
	assert.Contains(t, manifests, "        name: http-8080\n        number: 8080\n", "names of servers must differ")
}

func TestIstioCanaryKeepsThePortOfCallsInsideTheMesh(t *testing.T) {
	t.Parallel()
	got := synthtest.Only[networkingv1.VirtualService](t, "VirtualService", canary(func(parts meshParts, props *mesh.IstioCanaryProps) {
		door := mesh.NewIstioGateway(parts.chart, "gateway", mesh.IstioGatewayProps{
			Name: "door", Servers: []mesh.GatewayServer{{Port: 80, Hosts: []string{"www.example.com"}}},
		})
		props.Gateways, props.Mesh, props.Hosts = []*mesh.IstioGateway{door}, true, []string{"www.example.com"}
		props.Rules = []mesh.Rule{{To: []mesh.Destination{{Workload: parts.v1, Port: "web"}}, Mirror: mesh.Mirror{Workload: parts.v2}}}
	}))
	require.Len(t, got.Spec.Http, 2)
	outside, inside := got.Spec.Http[0], got.Spec.Http[1]
	assert.Equal(t, []string{"door"}, outside.Match[0].Gateways)
	assert.EqualValues(t, 80, outside.Route[0].Destination.Port.Number)
	assert.EqualValues(t, 80, outside.Mirrors[0].Destination.Port.Number)
	assert.Equal(t, []string{"mesh"}, inside.Match[0].Gateways)
	assert.Nil(t, inside.Route[0].Destination.Port, "a call to another port of the Service must stay there")
	assert.Nil(t, inside.Mirrors[0].Destination.Port)
}

func TestIstioCanaryPatches(t *testing.T) {
	t.Parallel()
	build := canary(func(_ meshParts, props *mesh.IstioCanaryProps) {
		props.Patch = func(v *networkingv1.VirtualService) { v.Spec.ExportTo = []string{"."} }
		props.PatchDestinationRule = func(d *networkingv1.DestinationRule) { d.Spec.ExportTo = []string{"."} }
	})
	assert.Equal(t, []string{"."}, synthtest.Only[networkingv1.VirtualService](t, "VirtualService", build).Spec.ExportTo)
	assert.Equal(t, []string{"."}, synthtest.Only[networkingv1.DestinationRule](t, "DestinationRule", build).Spec.ExportTo)
}

func TestIstioCanaryUnreachableRules(t *testing.T) {
	t.Parallel()
	header := func(match mesh.StringMatch) mesh.Match {
		return mesh.Match{Headers: map[string]mesh.StringMatch{"version": match}}
	}
	uri := func(match mesh.StringMatch) mesh.Match { return mesh.Match{URI: match} }
	for name, test := range map[string]struct {
		earlier, later []mesh.Match
		unreachable    bool
	}{
		"after a catch-all":                {nil, []mesh.Match{header(mesh.Exact("1"))}, true},
		"catch-all last":                   {[]mesh.Match{header(mesh.Exact("1"))}, nil, false},
		"two catch-alls":                   {nil, nil, true},
		"the same":                         {[]mesh.Match{header(mesh.Exact("1"))}, []mesh.Match{header(mesh.Exact("1"))}, true},
		"another value":                    {[]mesh.Match{header(mesh.Exact("1"))}, []mesh.Match{header(mesh.Exact("2"))}, false},
		"prefix covers exact":              {[]mesh.Match{uri(mesh.Prefix("/a"))}, []mesh.Match{uri(mesh.Exact("/a"))}, true},
		"prefix covers what is below":      {[]mesh.Match{uri(mesh.Prefix("/a"))}, []mesh.Match{uri(mesh.Exact("/a/b"))}, true},
		"prefix with a slash at its end":   {[]mesh.Match{uri(mesh.Prefix("/a/"))}, []mesh.Match{uri(mesh.Exact("/a"))}, true},
		"prefix covers no part of a name":  {[]mesh.Match{uri(mesh.Prefix("/a"))}, []mesh.Match{uri(mesh.Exact("/ab"))}, false},
		"prefix of no part of a name":      {[]mesh.Match{uri(mesh.Prefix("/a"))}, []mesh.Match{uri(mesh.Prefix("/ab"))}, false},
		"prefix covers longer prefix":      {[]mesh.Match{uri(mesh.Prefix("/a"))}, []mesh.Match{uri(mesh.Prefix("/a/b"))}, true},
		"longer prefix first":              {[]mesh.Match{uri(mesh.Prefix("/a/b"))}, []mesh.Match{uri(mesh.Prefix("/a"))}, false},
		"every path begins with a slash":   {[]mesh.Match{uri(mesh.Prefix("/"))}, []mesh.Match{header(mesh.Exact("1"))}, true},
		"expression covers exact":          {[]mesh.Match{uri(mesh.Regex("/a.*"))}, []mesh.Match{uri(mesh.Exact("/ab"))}, true},
		"expression matches the whole":     {[]mesh.Match{uri(mesh.Regex("/a"))}, []mesh.Match{uri(mesh.Exact("/ab"))}, false},
		"expression and prefix":            {[]mesh.Match{uri(mesh.Regex("/a.*"))}, []mesh.Match{uri(mesh.Prefix("/ab"))}, false},
		"present covers a value":           {[]mesh.Match{header(mesh.Present())}, []mesh.Match{header(mesh.Exact("1"))}, true},
		"case ignored first":               {[]mesh.Match{{URI: mesh.Prefix("/A"), IgnoreURICase: true}}, []mesh.Match{uri(mesh.Exact("/a/b"))}, true},
		"case ignored later":               {[]mesh.Match{uri(mesh.Exact("/a"))}, []mesh.Match{{URI: mesh.Exact("/a"), IgnoreURICase: true}}, false},
		"more conditions later":            {[]mesh.Match{uri(mesh.Exact("/a"))}, []mesh.Match{{URI: mesh.Exact("/a"), Method: mesh.Exact("GET")}}, true},
		"more conditions earlier":          {[]mesh.Match{{URI: mesh.Exact("/a"), Method: mesh.Exact("GET")}}, []mesh.Match{uri(mesh.Exact("/a"))}, false},
		"one of the earlier one's matches": {[]mesh.Match{header(mesh.Exact("1")), header(mesh.Exact("2"))}, []mesh.Match{header(mesh.Exact("2"))}, true},
		"without a header, then with it": {
			[]mesh.Match{{WithoutHeaders: map[string]mesh.StringMatch{"x": mesh.Present()}}}, []mesh.Match{{Headers: map[string]mesh.StringMatch{"x": mesh.Present()}}}, false,
		},
		"without a header twice": {
			[]mesh.Match{{WithoutHeaders: map[string]mesh.StringMatch{"x": mesh.Present()}}},
			[]mesh.Match{{WithoutHeaders: map[string]mesh.StringMatch{"x": mesh.Present()}, Method: mesh.Exact("GET")}}, true,
		},
		"without an expression, which a header that is not there may match": {
			[]mesh.Match{{WithoutHeaders: map[string]mesh.StringMatch{"x": mesh.Regex("(canary)?")}}},
			[]mesh.Match{{WithoutHeaders: map[string]mesh.StringMatch{"x": mesh.Present()}}}, false,
		},
		"any path, then all": {[]mesh.Match{uri(mesh.Regex(".*"))}, nil, true},
		"any header, then one": {
			[]mesh.Match{header(mesh.Regex(".*"))}, []mesh.Match{header(mesh.Prefix("a"))}, true,
		},
		"without fewer": {
			[]mesh.Match{{WithoutHeaders: map[string]mesh.StringMatch{"x": mesh.Present()}}},
			[]mesh.Match{{WithoutHeaders: map[string]mesh.StringMatch{"x": mesh.Exact("1")}}}, false,
		},
		"source labels":    {[]mesh.Match{{SourceLabels: map[string]string{"a": "b"}}}, []mesh.Match{{SourceLabels: map[string]string{"a": "b", "c": "d"}}}, true},
		"other labels":     {[]mesh.Match{{SourceLabels: map[string]string{"a": "b"}}}, []mesh.Match{{SourceLabels: map[string]string{"a": "c"}}}, false},
		"a port":           {[]mesh.Match{{Port: 80}}, []mesh.Match{{Port: 80, Method: mesh.Exact("GET")}}, true},
		"another port":     {[]mesh.Match{{Port: 80}}, []mesh.Match{{Port: 50051}}, false},
		"query parameters": {[]mesh.Match{{QueryParams: map[string]mesh.StringMatch{"a": mesh.Exact("1")}}}, nil, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, messages := synthtest.Synth(t, canary(func(parts meshParts, props *mesh.IstioCanaryProps) {
				to := []mesh.Destination{{Workload: parts.v1}}
				props.Rules = []mesh.Rule{{Match: test.earlier, To: to}, {Name: "late", Match: test.later, To: to}}
			}))
			if !test.unreachable {
				require.Empty(t, messages)
				return
			}
			require.Equal(t, []string{
				`[chart/canary] Rules[1]: can never apply, since all its requests are taken before by Rules[0]; put it first, or narrow what is before it`,
			}, messages)
		})
	}
}

func TestIstioCanaryBadInput(t *testing.T) {
	t.Parallel()
	const ignored = "cannot stand beside Fault: Istio ignores timeout and retries of a route that injects faults; give the fault a rule of its own"
	synthtest.BadInput{
		"nothing": {func(chart cdk8s.Chart) { mesh.NewIstioCanary(chart, "canary", mesh.IstioCanaryProps{}) }, []string{
			`[chart/canary] Name: is not set; give the object a name, for example "web"`,
			`[chart/canary] Service: is not set; give the *Service in front of the versions`,
			`[chart/canary] Versions: is not set; give at least one version`,
			`[chart/canary] Rules: is not set; give at least one rule`,
		}},
		"versions": {canary(func(parts meshParts, props *mesh.IstioCanaryProps) {
			props.Versions = []mesh.Version{{Name: "V1", Workload: parts.v1}, {Name: "v2"}, {Name: "v2", Workload: parts.v2}}
		}), []string{
			`[chart/canary] Versions[0].Name: "V1" is not an RFC 1123 label; use 1 to 63 lower-case letters, digits or '-', beginning and ending with a letter or digit`,
			`[chart/canary] Versions[1].Workload: is not set; give the workload of the version, for example a *ProbedDeployment`,
			`[chart/canary] Versions[2].Name: "v2" is already taken by Versions[1]; give each its own`,
		}},
		"workloads": {canary(func(parts meshParts, props *mesh.IstioCanaryProps) {
			noVersion := version(parts.chart, "v3", func(p *infra.ProbedDeploymentProps) { p.Version = "" })
			notSelected := version(parts.chart, "v4", func(p *infra.ProbedDeploymentProps) { p.Labels = nil })
			sameLabels := version(parts.chart, "v5", func(p *infra.ProbedDeploymentProps) { p.Selector = map[string]string{"service": "cart"} })
			props.Versions = append(props.Versions, mesh.Version{Name: "v3", Workload: noVersion}, mesh.Version{Name: "v4", Workload: notSelected}, mesh.Version{Name: "v5", Workload: sameLabels})
		}), []string{
			`[chart/canary] Versions[0].Workload: "cart-v1" has pods that are of the version "v5" too; let the selectors of the versions differ`,
			`[chart/canary] Versions[1].Workload: "cart-v2" has pods that are of the version "v5" too; let the selectors of the versions differ`,
			`[chart/canary] Versions[2].Workload: "cart-v3" has pods without the label version, by which the mesh tells versions apart; set its Version`,
			`[chart/canary] Versions[2].Workload: "cart-v3" has pods that are of the version "v5" too; let the selectors of the versions differ`,
			`[chart/canary] Versions[3].Workload: "cart-v4" has pods that Service cart does not select; give them the labels service=cart`,
		}},
		"a stranger behind the Service": {canary(func(parts meshParts, _ *mesh.IstioCanaryProps) {
			version(parts.chart, "v3", nil)
		}), []string{
			`[chart/canary] Service: "cart" selects the pods of cart-v3, which is not one of Versions; add it there, or change the Selector`,
		}},
		"protocol": {canary(func(parts meshParts, props *mesh.IstioCanaryProps) {
			props.Service = infra.NewService(parts.chart, "other", infra.ServiceProps{
				Name: "cart-2", Selector: map[string]string{"service": "cart"}, Ports: []infra.ServicePort{{Name: "http-web", Port: 80}, {Name: "app", Port: 81}, {Name: "httpx", Port: 82}},
			})
		}), []string{
			`[chart/canary] Service: "cart-2" has a port whose protocol Istio cannot tell, Ports[1] "app"; set its AppProtocol, for example to "http", or begin its name with the protocol, as in "http-web"`,
			`[chart/canary] Service: "cart-2" has a port whose protocol Istio cannot tell, Ports[2] "httpx"; set its AppProtocol, for example to "http", or begin its name with the protocol, as in "http-web"`,
		}},
		"weights": {canaryRule(func(parts meshParts, r *mesh.Rule) {
			r.To = []mesh.Destination{{Workload: parts.v1, Weight: 10}, {Workload: parts.v2, Weight: 80}}
		}), []string{
			`[chart/canary] Rules[0].To: "10 + 80 = 90" is not 100 percent; let the weights sum to 100`,
		}},
		"no weights": {canaryRule(func(parts meshParts, r *mesh.Rule) {
			r.To = []mesh.Destination{{Workload: parts.v1}, {Workload: parts.v2}}
		}), []string{
			`[chart/canary] Rules[0].To: "0 + 0 = 0" is not 100 percent; let the weights sum to 100`,
		}},
		"odd weights": {canaryRule(func(parts meshParts, r *mesh.Rule) {
			r.To = []mesh.Destination{{Workload: parts.v1, Weight: -10}, {Workload: parts.v2, Weight: 110}, {Workload: parts.v1}}
		}), []string{
			`[chart/canary] Rules[0].To[0].Weight: -10 is not a percentage; use 0 to 100`,
			`[chart/canary] Rules[0].To[1].Weight: 110 is not a percentage; use 0 to 100`,
			`[chart/canary] Rules[0].To[2].Workload: "cart-v1" is a destination already, Rules[0].To[0]; add the weights`,
		}},
		"destination that is no version": {canary(func(parts meshParts, props *mesh.IstioCanaryProps) {
			other := version(parts.chart, "v3", func(p *infra.ProbedDeploymentProps) { p.Labels = nil })
			props.Rules[0].To[0] = mesh.Destination{Workload: other, Port: "https"}
			props.Rules[0].Mirror.Workload = other
		}), []string{
			`[chart/canary] Rules[0].To[0].Workload: "cart-v3" is not one of Versions; add it there`,
			`[chart/canary] Rules[0].To[0].Port: Service cart has no port "https"; use "web" or "grpc"`,
			`[chart/canary] Rules[0].Mirror.Workload: "cart-v3" is not one of Versions; add it there`,
		}},
		"no destination": {canaryRule(func(_ meshParts, r *mesh.Rule) { r.To = nil }), []string{
			`[chart/canary] Rules[0].To: is not set; say where the requests go, or use Redirect`,
		}},
		"fault beside timeout and retries": {canaryRule(func(_ meshParts, r *mesh.Rule) {
			r.Fault = mesh.Fault{Delay: time.Second}
			r.Timeout = time.Second
			r.Retries = mesh.Retries{Attempts: 2}
		}), []string{
			`[chart/canary] Rules[0].Timeout: 1s ` + ignored,
			`[chart/canary] Rules[0].Retries: ` + ignored,
		}},
		"fault": {canaryRule(func(_ meshParts, r *mesh.Rule) {
			r.Fault = mesh.Fault{DelayPercent: new(101.0), AbortStatus: 99, AbortPercent: new(-1.0)}
		}), []string{
			`[chart/canary] Rules[0].Fault.DelayPercent: 101 is not a percentage; use 0 to 100`,
			`[chart/canary] Rules[0].Fault.AbortPercent: -1 is not a percentage; use 0 to 100`,
			`[chart/canary] Rules[0].Fault.AbortStatus: 99 is not an HTTP status; use 200 to 599`,
			`[chart/canary] Rules[0].Fault.Delay: is not set; say how long requests wait, or leave out DelayPercent`,
		}},
		"retries": {canaryRule(func(_ meshParts, r *mesh.Rule) {
			r.Timeout = time.Second
			r.Retries = mesh.Retries{Attempts: -1, PerTryTimeout: 2 * time.Second, On: []string{"5xx,reset"}, Disabled: true}
		}), []string{
			`[chart/canary] Rules[0].Retries.Attempts: -1 is negative; use 1 or more, or Disabled`,
			`[chart/canary] Rules[0].Retries.Disabled: true has no use for the other fields of Retries; leave them out, or Disabled`,
			`[chart/canary] Rules[0].Retries.PerTryTimeout: 2s is longer than the rule's Timeout, 1s, which bounds all attempts together; lower it`,
			`[chart/canary] Rules[0].Retries.On[0]: "5xx,reset" ` + notARetryCondition,
		}},
		"durations": {canaryRule(func(_ meshParts, r *mesh.Rule) {
			r.Timeout = -time.Second
			r.CORS = mesh.CORS{MaxAge: time.Microsecond, AllowMethods: []string{"get"}}
		}), []string{
			`[chart/canary] Rules[0].Timeout: -1s is negative; use 0s or more`,
			`[chart/canary] Rules[0].CORS.AllowOrigins: is not set; name the origins that may ask`,
			`[chart/canary] Rules[0].CORS.MaxAge: 1µs is not in whole seconds, which is what Istio takes; use for example 1s`,
			`[chart/canary] Rules[0].CORS.AllowMethods[0]: "get" is not an HTTP method that Istio takes; use *, GET, HEAD, POST, PUT, PATCH, DELETE, CONNECT, OPTIONS or TRACE`,
		}},
		"redirect": {canaryRule(func(_ meshParts, r *mesh.Rule) {
			r.Redirect = mesh.Redirect{Scheme: "ftp", Code: 200}
			r.Rewrite = mesh.Rewrite{URI: "x"}
		}), []string{
			`[chart/canary] Rules[0].To: "1 destinations" cannot stand beside Redirect: the request goes nowhere; leave out one of them`,
			`[chart/canary] Rules[0].Rewrite: cannot stand beside Redirect: the request goes nowhere; leave out one of them`,
			`[chart/canary] Rules[0].Redirect.Code: 200 is not a redirect; use 301, 302, 303, 307 or 308`,
			`[chart/canary] Rules[0].Redirect.Scheme: "ftp" is not a scheme; use http or https`,
			`[chart/canary] Rules[0].Rewrite.URI: "x" does not begin with '/'; a path does`,
		}},
		"mirror without a target": {canaryRule(func(_ meshParts, r *mesh.Rule) { r.Mirror.Percent = new(200.0) }), []string{
			`[chart/canary] Rules[0].Mirror.Workload: is not set; say where the copies go`,
			`[chart/canary] Rules[0].Mirror.Percent: 200 is not a percentage; use 0 to 100`,
		}},
		"headers": {canaryRule(func(_ meshParts, r *mesh.Rule) {
			r.RequestHeaders = mesh.HeaderEdits{Set: map[string]string{"a b": ""}, Remove: []string{""}}
		}), []string{
			`[chart/canary] Rules[0].RequestHeaders.Set: "a b" is not the name of a header; use letters, digits and '-'`,
			`[chart/canary] Rules[0].RequestHeaders.Remove: "" is not the name of a header; use letters, digits and '-'`,
		}},
		"matches": {canaryRule(func(_ meshParts, r *mesh.Rule) {
			r.Match = []mesh.Match{{
				URI: mesh.Exact("a"), Method: mesh.Present(), Authority: mesh.Regex("("), Scheme: mesh.Exact(""),
				Headers:     map[string]mesh.StringMatch{"Version": mesh.Exact("1"), "x": {}},
				QueryParams: map[string]mesh.StringMatch{"a": mesh.Prefix("b")}, SourceLabels: map[string]string{"a b": ""}, Port: 70000,
			}}
		}), []string{
			`[chart/canary] Rules[0].Match[0].Method: "Present()" is for headers and parameters of the query alone; use Exact, Prefix or Regex`,
			`[chart/canary] Rules[0].Match[0].Authority: "(" is not an RE2 expression; see https://github.com/google/re2/wiki/Syntax`,
			`[chart/canary] Rules[0].Match[0].Scheme: "" matches nothing or everything; give a text, or leave the condition out`,
			`[chart/canary] Rules[0].Match[0].URI: "a" does not begin with '/'; a path does`,
			`[chart/canary] Rules[0].Match[0].Headers: "Version" is not the name of a header; use lower-case letters, digits and '-'`,
			`[chart/canary] Rules[0].Match[0].Headers["x"]: is not set; make the condition with Exact, Prefix or Regex`,
			`[chart/canary] Rules[0].Match[0].SourceLabels: "a b" is not a label or annotation key; use a name of at most 63 letters, digits, '-', '_' or '.', after an optional DNS prefix and '/'`,
			`[chart/canary] Rules[0].Match[0].Port: 70000 is not a port; use 1 to 65535`,
		}},
		"traffic policy": {canary(func(_ meshParts, props *mesh.IstioCanaryProps) {
			props.TrafficPolicy = mesh.TrafficPolicy{
				LoadBalancer:     mesh.LoadBalancing{Simple: "round_robin", ConsistentHash: mesh.ConsistentHash{Header: "a", SourceIP: true, CookieTTL: time.Second}},
				ConnectionPool:   mesh.ConnectionPool{MaxConnections: -1, ConnectTimeout: -1},
				OutlierDetection: mesh.OutlierDetection{MaxEjectionPercent: new(int32(101))},
				TLS:              "MUTUAL",
			}
		}), []string{
			`[chart/canary] TrafficPolicy.LoadBalancer.Simple: "round_robin" is not known; use ROUND_ROBIN, LEAST_REQUEST or RANDOM`,
			`[chart/canary] TrafficPolicy.LoadBalancer.ConsistentHash: 2 keys are set; use one of Header, Cookie, QueryParam and SourceIP`,
			`[chart/canary] TrafficPolicy.LoadBalancer.ConsistentHash.Cookie: is not set; name the cookie, or leave out CookieTTL`,
			`[chart/canary] TrafficPolicy.LoadBalancer.Simple: "round_robin" cannot stand beside ConsistentHash; leave out one of them`,
			`[chart/canary] TrafficPolicy.ConnectionPool.MaxConnections: -1 is negative; use 1 or more, or 0 for no bound`,
			`[chart/canary] TrafficPolicy.ConnectionPool.ConnectTimeout: -1ns is negative; use 0s or more`,
			`[chart/canary] TrafficPolicy.OutlierDetection.MaxEjectionPercent: 101 is out of range, and Istio takes 0 for its default; use 1 to 100, or leave OutlierDetection out`,
			`[chart/canary] TrafficPolicy.TLS: "MUTUAL" is not known; use DISABLE, SIMPLE or ISTIO_MUTUAL`,
		}},
		"gateways": {canary(func(parts meshParts, props *mesh.IstioCanaryProps) {
			door := mesh.NewIstioGateway(parts.chart, "gateway", mesh.IstioGatewayProps{
				Name: "door", Servers: []mesh.GatewayServer{{Port: 80, Hosts: []string{"www.example.com"}}},
			})
			props.Gateways = []*mesh.IstioGateway{door, nil, {}}
			props.Mesh = true
			props.Hosts = []string{"http://x", "shop.example.com", infra.AnyHost, "www.example.com", "www.example.com"}
		}), []string{
			`[chart/canary] Hosts[0]: "http://x" is not a host name; use lower-case letters, digits, '-' and '.', the first label may be '*', without scheme, port and path, for example "www.example.com"`,
			`[chart/canary] Hosts[2]: "*" would take all calls inside the mesh; name the hosts`,
			`[chart/canary] Hosts[4]: "www.example.com" is already taken by Hosts[3]; give each its own`,
			`[chart/canary] Gateways[1]: is not set; give an *IstioGateway`,
			`[chart/canary] Gateways[2]: is not set; give an *IstioGateway`,
			`[chart/canary] Rules[0].To[0].Port: is not set; requests from outside the mesh name no port, and Service cart has several; name one of them`,
		}},
		"host and gateway that do not meet": {canary(func(parts meshParts, props *mesh.IstioCanaryProps) {
			gateway := func(id, host string, protocol mesh.GatewayProtocol) *mesh.IstioGateway {
				return mesh.NewIstioGateway(parts.chart, id, mesh.IstioGatewayProps{
					Name: id, Servers: []mesh.GatewayServer{{Port: 80, Protocol: protocol, Hosts: []string{host}}},
				})
			}
			props.Gateways = []*mesh.IstioGateway{gateway("one", "*.example.com", ""), gateway("two", "www.example.org", ""), gateway("tcp", "www.example.com", mesh.GatewayTCP)}
			props.Hosts = []string{"*.example.com", "www.example.net"}
			props.Rules[0].To[0].Port = "web"
		}), []string{
			`[chart/canary] Gateways[1]: "two" has no server for HTTP requests for any of Hosts; add one there, or leave the gateway out`,
			`[chart/canary] Gateways[2]: "tcp" has no server for HTTP requests for any of Hosts; add one there, or leave the gateway out`,
			`[chart/canary] Hosts[1]: "www.example.net" is served by none of Gateways; add it to a server of one, or leave it out`,
		}},
		"service that has no pods": {canary(func(parts meshParts, props *mesh.IstioCanaryProps) {
			props.Versions = nil
			props.Rules[0].To = []mesh.Destination{{}}
			props.Service = infra.NewService(parts.chart, "outside", infra.ServiceProps{Name: "outside", Type: infra.ExternalName, ExternalName: "db.example.com"})
		}), []string{
			`[chart/canary] Service: "outside" is an ExternalName, which has no pods to choose from; use a Service with pods`,
			`[chart/canary] Versions: is not set; give at least one version`,
		}},
		"redirect to nowhere": {canaryRule(func(_ meshParts, r *mesh.Rule) {
			r.To = nil
			r.Redirect = mesh.Redirect{Code: 302}
			r.Fault.Delay = time.Second
		}), []string{
			`[chart/canary] Rules[0].Fault: cannot stand beside Redirect: the request goes nowhere; leave out one of them`,
			`[chart/canary] Rules[0].Redirect.URI: is not set; say where to: URI, PathPrefix, Authority or Scheme`,
		}},
		"gateway without hosts": {canary(func(parts meshParts, props *mesh.IstioCanaryProps) {
			door := mesh.NewIstioGateway(parts.chart, "gateway", mesh.IstioGatewayProps{
				Name: "door", Servers: []mesh.GatewayServer{{Port: 80, Hosts: []string{"www.example.com"}}},
			})
			props.Gateways = []*mesh.IstioGateway{door}
			props.Rules[0].To[0].Port = "web"
		}), []string{
			`[chart/canary] Hosts: is not set; name the hosts that clients outside the mesh ask for`,
		}},
		"one match taken before": {canary(func(_ meshParts, props *mesh.IstioCanaryProps) {
			to := props.Rules[0].To
			props.Rules = []mesh.Rule{
				{Match: []mesh.Match{{Headers: map[string]mesh.StringMatch{"version": mesh.Exact("1")}}}, To: to},
				{Match: []mesh.Match{{Headers: map[string]mesh.StringMatch{"version": mesh.Exact("1")}, URI: mesh.Prefix("/a")}, {Headers: map[string]mesh.StringMatch{"version": mesh.Exact("2")}}}, To: to},
			}
		}), []string{
			`[chart/canary] Rules[1].Match[0]: can never apply, since its requests are taken before by Rules[0]; leave it out, or narrow what is before it`,
		}},
		"matches taken by different rules": {canary(func(_ meshParts, props *mesh.IstioCanaryProps) {
			to := props.Rules[0].To
			one, two := mesh.Match{URI: mesh.Prefix("/1")}, mesh.Match{URI: mesh.Prefix("/2")}
			props.Rules = []mesh.Rule{{Match: []mesh.Match{one}, To: to}, {Match: []mesh.Match{two}, To: to}, {Match: []mesh.Match{two, one}, To: to}}
		}), []string{
			`[chart/canary] Rules[2]: can never apply, since all its requests are taken before by Rules[0] and Rules[1]; put it first, or narrow what is before it`,
		}},
		"matches of one rule": {canary(func(_ meshParts, props *mesh.IstioCanaryProps) {
			props.Rules[0].Match = []mesh.Match{{URI: mesh.Prefix("/a")}, {URI: mesh.Exact("/b")}, {URI: mesh.Exact("/a/b")}, {URI: mesh.Prefix("/a/")}}
		}), []string{
			`[chart/canary] Rules[0].Match[2]: adds nothing, since its requests are those of Rules[0].Match[0] already; leave it out`,
			`[chart/canary] Rules[0].Match[3]: adds nothing, since its requests are those of Rules[0].Match[0] already; leave it out`,
		}},
	}.Run(t)
}

func TestIstioCanaryForAHeadlessService(t *testing.T) {
	t.Parallel()
	headless := func(change func(chart cdk8s.Chart, props *mesh.IstioCanaryProps)) func(cdk8s.Chart) {
		return canary(func(parts meshParts, props *mesh.IstioCanaryProps) {
			props.Service = infra.NewService(parts.chart, "headless", infra.ServiceProps{
				Name: "direct", Type: infra.Headless, Selector: map[string]string{"service": "cart"}, Ports: []infra.ServicePort{{Name: "http", Port: 80}},
			})
			change(parts.chart, props)
		})
	}
	synthtest.BadInput{
		"sidecars": {headless(func(cdk8s.Chart, *mesh.IstioCanaryProps) {}), []string{
			`[chart/canary] Service: "direct" is headless, and sidecars send a call to the address that the client has chosen, so that no rule applies; use a Service with an address, rules for Gateways alone, or say ProxylessClients: true`,
		}},
		"proxyless": {headless(func(_ cdk8s.Chart, props *mesh.IstioCanaryProps) { props.ProxylessClients = true }), nil},
		"gateways": {headless(func(chart cdk8s.Chart, props *mesh.IstioCanaryProps) {
			props.Hosts = []string{"www.example.com"}
			props.Gateways = []*mesh.IstioGateway{mesh.NewIstioGateway(chart, "gateway", mesh.IstioGatewayProps{
				Name: "door", Servers: []mesh.GatewayServer{{Port: 80, Hosts: props.Hosts}},
			})}
		}), nil},
	}.Run(t)
}
