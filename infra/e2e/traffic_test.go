package e2e

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/cdk8s-team/cdk8s-core-go/cdk8s/v2"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"sigs.k8s.io/yaml"

	"github.com/crossoverJie/k8s-combat/imports/tree"
	"github.com/crossoverJie/k8s-combat/imports/tree/native"
	"github.com/crossoverJie/k8s-combat/infra"
	"github.com/crossoverJie/k8s-combat/infra/e2e/echo/wire"
	"github.com/crossoverJie/k8s-combat/infra/traffic"
	"github.com/crossoverJie/k8s-combat/infra/traffic/engine"
)

// explained are the sets of rules that TestExplained applies, and their seed: TRAFFIC_SETS and TRAFFIC_SEED.
func explained(t *testing.T) (sets int, random *rand.Rand) {
	t.Helper()
	number := func(name string, missing uint64) uint64 {
		text := os.Getenv(name)
		if text == "" {
			return missing
		}
		value, err := strconv.ParseUint(text, 10, 64)
		require.NoError(t, err, name)
		return value
	}
	seed := number("TRAFFIC_SEED", uint64(time.Now().UnixNano()))
	count := number("TRAFFIC_SETS", 10)
	t.Logf("TRAFFIC_SEED=%d TRAFFIC_SETS=%d", seed, count)
	return int(count), rand.New(rand.NewPCG(seed, 2))
}

// ruleMaker makes random rules of a VirtualService.
type ruleMaker struct{ *rand.Rand }

func (r ruleMaker) of(values ...string) string { return values[r.IntN(len(values))] }

func (r ruleMaker) oneIn(n int) bool { return r.IntN(n) == 0 }

func (r ruleMaker) text(values ...string) string {
	value := r.of(values...)
	switch r.IntN(4) {
	case 0:
		return "{prefix: '" + value[:1+r.IntN(len(value))] + "'}"
	case 1:
		return "{regex: '" + r.of(value, value+".*", value[:1]+"[a-z0-9/]+", "a|b|"+value) + "'}"
	}
	return "{exact: '" + value + "'}"
}

func (r ruleMaker) match() string {
	parts := []string{"uri: " + r.text("/a", "/b", "/a/b", "/A")}
	add := func(one int, text string) {
		if r.oneIn(one) {
			parts = append(parts, text)
		}
	}
	add(3, "headers: {x-t: "+r.of(r.text("1", "2", "12"), "{}")+"}")
	add(4, "withoutHeaders: {x-s: "+r.of(r.text("1", "2"), "{}")+"}")
	add(4, "queryParams: {q: "+r.of(r.text("1", "2"), "{}")+"}")
	add(4, "method: "+r.text("GET", "POST"))
	add(6, "authority: {prefix: "+r.of("echo", "www")+"}")
	add(6, "scheme: {exact: "+r.of("http", "https")+"}")
	add(6, "port: "+r.of("80", "8080"))
	add(6, "sourceLabels: {app: "+r.of("caller", "other")+"}")
	add(6, "gateways: ["+r.of("mesh", "door")+"]")
	add(4, "ignoreUriCase: true")
	return "{" + strings.Join(parts, ", ") + "}"
}

func (r ruleMaker) edits() string {
	return "{request: {" + strings.Join([]string{r.of("set: {x-t: '7'}", "set: {x-u: '7'}", "set: {}"), r.of("add: {x-t: '8'}", "add: {x-u: '8'}", "add: {}"), r.of("remove: [x-s]", "remove: [x-t]", "remove: []")}, ", ") + "}}"
}

func (r ruleMaker) rule() string {
	parts := []string{"match: [" + r.match() + "]"}
	if r.oneIn(2) {
		parts[0] = "match: [" + r.match() + ", " + r.match() + "]"
	}
	switch r.IntN(8) {
	case 0:
		return "{" + parts[0] + ", redirect: {" + r.of("uri: /r", "authority: r.io", "uri: /r, authority: r.io, redirectCode: 302", "scheme: https", "port: 8443", "uri: /r, derivePort: FROM_REQUEST_PORT") + "}}"
	case 1:
		return "{" + parts[0] + ", directResponse: {status: " + r.of("200", "404", "503") + "}}"
	case 2:
		parts = append(parts, "fault: {abort: {httpStatus: 418, percentage: {value: "+r.of("0", "100")+"}}}")
	}
	to := "[{destination: {host: echo, subset: " + r.of("v1", "v2", "v3") + "}}]"
	if r.oneIn(3) {
		to = "[{destination: {host: echo, subset: v1}, weight: 30, headers: " + r.edits() + "}, {destination: {host: echo, subset: v2}, weight: 70}]"
	}
	parts = append(parts, "route: "+to)
	if r.oneIn(3) {
		parts = append(parts, "rewrite: {"+r.of("uri: /w", "authority: w.io", "uri: /w, authority: w.io", `uriRegexRewrite: {match: '/(a)(.*)', rewrite: '/r\2\1'}`)+"}")
	}
	if r.oneIn(3) {
		parts = append(parts, "headers: "+r.edits())
	}
	return "{" + strings.Join(parts, ", ") + "}"
}

// TestExplained applies random rules, and has what traffic says of requests compared with what a real Envoy does with
// them: that of the ingress gateway, and that of a sidecar.
func TestExplained(t *testing.T) {
	outside := door{address: needGateway(t)}
	needSidecars(t)
	sets, random := explained(t)
	namespace := newNamespaceWith(t, "explained", meshLabels)
	host := "www." + namespace + ".example.com"
	build := func(chart cdk8s.Chart) {
		newEchoes(chart)
		newEcho(chart, callerName)
		infra.NewService(chart, "echo", infra.ServiceProps{Name: "echo", Selector: echoLabels, Ports: echoPorts})
	}
	apply(t, namespace, build)
	chart := tree.NewChart(native.NewApp(nil), "explained", tree.ChartProps{Namespace: namespace})
	build(chart)
	objects, err := traffic.Charts(chart)
	require.NoError(t, err)
	objects = append(objects, manifest(t, "apiVersion: v1\nkind: Namespace\nmetadata: {name: "+namespace+", labels: {istio-injection: enabled}}"))
	awaitDeployments(t, namespace)

	gateway := "apiVersion: networking.istio.io/v1\nkind: Gateway\nmetadata: {name: door}\nspec: {selector: {istio: ingressgateway}, servers: [{port: {number: 80, name: http, protocol: HTTP}, hosts: [" + host + "]}]}"
	subsets := "apiVersion: networking.istio.io/v1\nkind: DestinationRule\nmetadata: {name: echo}\nspec: {host: echo, subsets: [{name: v1, labels: {version: v1}}, {name: v2, labels: {version: v2}}]}"
	rules := func(rules ...string) []string {
		return []string{gateway, subsets, "apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {name: echo}\nspec:\n  hosts: [" + host + ", echo]\n  gateways: [door, mesh]\n  http:\n  - " + strings.Join(rules, "\n  - ")}
	}
	modelOf := func(texts []string) *traffic.Model {
		set := slices.Clone(objects)
		for _, text := range texts {
			set = append(set, manifest(t, text))
		}
		return traffic.New(set, traffic.Options{Namespace: namespace})
	}

	t.Run("waits", func(t *testing.T) {
		all := []string{"{match: [{uri: {exact: /set}}], directResponse: {status: 200}}"}
		waits := map[string]string{
			"/timeout": "timeout: 1s",
			"/tries":   "retries: {attempts: 2, perTryTimeout: 0.5s}",
			"/again":   "retries: {attempts: 2, perTryTimeout: 0.5s, retryOn: 5xx}",
			"/both":    "timeout: 1s, retries: {attempts: 2, perTryTimeout: 0.6s, retryOn: 'connect-failure,reset'}",
			"/delay":   "timeout: 1s, fault: {delay: {fixedDelay: 1s, percentage: {value: 100}}}",
		}
		for path, rule := range waits {
			all = append(all, "{match: [{uri: {exact: "+path+"}}], "+rule+", route: [{destination: {host: echo, subset: v1}}]}")
		}
		texts := rules(all...)
		kubectl(t, []byte(strings.Join(texts, "\n---\n")), "apply", "--namespace", namespace, "--filename", "-")
		outside.await(t, "http://"+host+"/set")
		model := modelOf(texts)
		for path := range waits {
			e, err := model.Explain(traffic.Request{Host: host, Path: path, Gateway: namespace + "/door"})
			require.NoError(t, err)
			require.NotNil(t, e.Wait, e.String())
			want := time.Duration(e.Wait.Silent)
			start := time.Now()
			got := outside.get(t, "http://"+host+path, headers{wire.Delay: "8s"})
			took := time.Since(start)
			assert.Equal(t, http.StatusGatewayTimeout, got.status, path)
			assert.InEpsilon(t, want.Seconds(), took.Seconds(), 0.1, "%s\n%v", path, e)
			t.Logf("%s: after %v, %v are explained", path, took.Round(time.Millisecond), want)
		}
	})

	t.Run("shares", func(t *testing.T) {
		texts := rules("{match: [{uri: {exact: /set-shares}}], directResponse: {status: 200}}",
			"{fault: {abort: {httpStatus: 418, percentage: {value: 20}}}, route: [{destination: {host: echo, subset: v1}, weight: 25}, {destination: {host: echo, subset: v2}, weight: 75}]}")
		kubectl(t, []byte(strings.Join(texts, "\n---\n")), "apply", "--namespace", namespace, "--filename", "-")
		outside.await(t, "http://"+host+"/set-shares")
		e, err := modelOf(texts).Explain(traffic.Request{Host: host, Gateway: namespace + "/door"})
		require.NoError(t, err)
		const calls = 1000
		found := map[string]float64{}
		for range calls {
			got := outside.get(t, "http://"+host+"/", nil)
			name, err := deploymentOf(got.echo.Pod)
			if err != nil {
				name = strconv.Itoa(got.status)
			}
			found[name] += 100.0 / calls
		}
		for _, share := range e.Shares {
			name := share.Name
			if name == "" {
				name = strconv.Itoa(share.Status)
			}
			assert.InDelta(t, share.Percent, found[name], 4, "%s\n%v", name, e)
		}
		t.Logf("%v of 100 requests", found)
	})

	r := ruleMaker{random}
	asked := 0
	for i := range sets {
		all := []string{fmt.Sprintf("{match: [{uri: {exact: /set-%d}}], directResponse: {status: 200}}", i)}
		for range 1 + r.IntN(4) {
			all = append(all, r.rule())
		}
		if r.oneIn(2) {
			all = append(all, "{route: [{destination: {host: echo, subset: "+r.of("v1", "v2")+"}}]}")
		}
		texts := rules(all...)
		if _, _, err := tryKubectl(t.Context(), []byte(strings.Join(texts, "\n---\n")), "apply", "--namespace", namespace, "--filename", "-"); err != nil {
			// What Istio's webhook refuses is no set.
			require.ErrorContains(t, err, "denied the request")
			continue
		}
		model := modelOf(texts)
		marker := fmt.Sprintf("/set-%d", i)
		outside.await(t, "http://"+host+marker)
		eventually(t, time.Minute, func() error {
			if got := callFrom(t, namespace, callerName, wire.Call{URL: "http://echo" + marker})[0]; got.Status != http.StatusOK {
				return fmt.Errorf("the sidecar answers with %d: %s", got.Status, got.Error)
			}
			return nil
		})
		for n := range 20 {
			method, path := r.of(http.MethodGet, http.MethodGet, http.MethodPost), r.of("/", "/a", "/a/b", "/b", "/ab", "/A", "/a/x/y")+r.of("", "", "?q=1", "?q=2&p=1")
			sent := headers{}
			for _, name := range []string{"x-t", "x-s"} {
				if r.oneIn(2) {
					sent[name] = r.of("1", "2", "12")
				}
			}
			request := traffic.Request{Method: method, Path: path}
			for name, value := range sent {
				request.Headers = append(request.Headers, traffic.Header{Name: name, Value: value})
			}
			var got answer
			if n < 14 {
				request.Host, request.Gateway = host, namespace+"/door"
				var err error
				got, err = outside.try(t, method, "http://"+host+path, sent)
				require.NoError(t, err)
			} else {
				request.Host, request.From = "echo", namespace+"/"+callerName
				result := callFrom(t, namespace, callerName, wire.Call{URL: "http://echo" + path, Method: method, Header: sent})[0]
				got = answer{status: result.Status, header: result.Header, body: result.Body}
				_ = json.Unmarshal([]byte(result.Body), &got.echo)
			}
			e, err := model.Explain(request)
			require.NoError(t, err)
			asked++
			if !isExplained(e, got) {
				require.Fail(t, "another answer than explained", "%s\n%v\nstatus %d %v\n%.600s", texts[2], e, got.status, got.header, got.body)
			}
		}
	}
	t.Logf("%d requests are answered as explained", asked)
}

func manifest(t *testing.T, text string) traffic.Object {
	t.Helper()
	var content map[string]any
	require.NoError(t, yaml.Unmarshal([]byte(text), &content))
	return traffic.Object{Content: content}
}

// isExplained reports whether an answer is one of those that an explanation has.
func isExplained(e *traffic.Explanation, got answer) bool {
	return slices.ContainsFunc(e.Shares, func(share traffic.Share) bool {
		if share.Outcome != engine.Arrives {
			return got.echo.Pod == "" && got.status == share.Status && (share.Outcome != engine.Redirected || got.header.Get("Location") == e.Location)
		}
		workload, err := deploymentOf(got.echo.Pod)
		if err != nil || workload != share.Name || got.echo.URI != share.Path || got.echo.Host != share.Host {
			return false
		}
		for _, name := range []string{"X-T", "X-S", "X-U"} {
			var values []string
			for _, header := range share.Headers {
				if strings.EqualFold(header.Name, name) {
					values = append(values, header.Value)
				}
			}
			if !assert.ObjectsAreEqual(strings.Join(values, ","), strings.Join(got.echo.Header.Values(name), ",")) {
				return false
			}
		}
		return true
	})
}
