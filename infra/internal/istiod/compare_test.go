package istiod

import (
	"fmt"
	"math"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	route "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	"google.golang.org/protobuf/encoding/protojson"
	"istio.io/istio/pilot/pkg/config/kube/crd"
	"istio.io/istio/pilot/pkg/model"
	"istio.io/istio/pilot/test/xds"
	"istio.io/istio/pkg/config"
	"istio.io/istio/pkg/config/schema/gatewayapi"
	istiolog "istio.io/istio/pkg/log"
	"sigs.k8s.io/yaml"

	"github.com/crossoverJie/k8s-combat/infra/traffic/engine"
)

func environment(name string, missing uint64) uint64 {
	if text := os.Getenv(name); text != "" {
		number, err := strconv.ParseUint(text, 10, 64)
		if err != nil {
			panic(name + ": " + err.Error())
		}
		return number
	}
	return missing
}

// TestAsIstio compares random sets, of which TRAFFIC_SETS says how many; TRAFFIC_SEED says which. Without them it is a few
// sets, the same each time. Each set keeps some megabytes of Istio's until the process ends.
func TestAsIstio(t *testing.T) {
	for _, scope := range istiolog.Scopes() {
		scope.SetOutputLevel(istiolog.NoneLevel)
	}
	// Istio's fake of a cluster has no version of the CRDs, without which Istio leaves GRPCRoutes out.
	delete(gatewayapi.MinimumCRDVersions, "grpcroutes.gateway.networking.k8s.io")
	seed, sets := environment("TRAFFIC_SEED", 1), environment("TRAFFIC_SETS", 60)
	t.Logf("TRAFFIC_SEED=%d TRAFFIC_SETS=%d", seed, sets)
	asked := 0
	for i := range sets {
		// One after another: each has a server of its own.
		if !t.Run(strconv.FormatUint(seed+i, 10), func(t *testing.T) { asked += compare(t, seed+i) }) && os.Getenv("TRAFFIC_ALL") == "" {
			break
		}
	}
	t.Logf("%d requests", asked)
}

func compare(t *testing.T, seed uint64) int {
	w := newWorld(seed)
	w.base()
	w.destinationRules()
	kind := seed % 4
	switch kind {
	case 0, 1:
		w.gateways()
		w.virtualServices()
	case 2:
		w.ingresses()
		if w.oneIn(2) {
			w.gateways()
			w.virtualServices()
		}
	case 3:
		w.routes()
	}
	// The proxy of the Gateway API's Gateway is one of its Service's pods.
	door := "apiVersion: v1\nkind: Service\nmetadata: {name: door-istio, namespace: shop}\nspec: {clusterIP: 10.0.0.99, selector: {gateway: door}, ports: [{name: http-d, port: 80, targetPort: 80}]}\n---\n" +
		"apiVersion: v1\nkind: Pod\nmetadata: {name: door, namespace: shop, labels: {gateway: door}}\nspec: {containers: [{name: a}], serviceAccountName: door-istio}\nstatus: {podIP: 2.2.2.2, phase: Running, conditions: [{type: Ready, status: 'True'}]}\n---\n"
	kubernetes := w.kubernetes.String()
	if kind == 3 {
		kubernetes += door
	}
	istio, configs := accepted(w.istio.String())
	s := xds.NewFakeDiscoveryServer(t, xds.FakeOptions{KubernetesObjectString: withoutWorkloads(kubernetes), Configs: configs})
	m := engine.New(objects(t, kubernetes+istio), engine.Options{})

	count := 0
	check := func(proxy *model.Proxy, c call, request engine.Request, routeName string) {
		e, err := m.Explain(request)
		if err != nil {
			t.Fatal(err)
		}
		if slices.ContainsFunc(e.Steps, func(s engine.Step) bool {
			return strings.Contains(s.Text, "for Istio it is a connection") || strings.Contains(s.Text, "it has no port") && s.What == "service"
		}) {
			// It has a listener of its own, or none, and no routes.
			return
		}
		count++
		want := evaluate(routes(s, proxy)[routeName], c, clusters(s, proxy), request.Scheme == "https")
		if got := resultOf(e, c); !same(want, got) {
			t.Fatalf("seed %d\n%s\nIstio:\n%v\n\nhere:\n%v\n\n%v\n%v", seed, shown(kubernetes+istio), want, got, e, vhostText(routes(s, proxy)[routeName], c.host))
		}
	}
	caller := s.SetupProxy(&model.Proxy{ConfigNamespace: "shop", Labels: map[string]string{"app": "caller", "tier": "front"}, ID: "caller.shop",
		Metadata: &model.NodeMetadata{Namespace: "shop", Labels: map[string]string{"app": "caller", "tier": "front"}}})
	gateway := s.SetupProxy(&model.Proxy{ConfigNamespace: "istio-system", Type: model.Router, Labels: map[string]string{"istio": "ingressgateway"}, ID: "edge.istio-system",
		Metadata: &model.NodeMetadata{Namespace: "istio-system", Labels: map[string]string{"istio": "ingressgateway"}}})
	for range 10 {
		c := w.call("web", "web.shop", "web.shop.svc.cluster.local", "cart", "api.other", "web.other", "api.example.com", "x.example.com", "shop.io", "internal.shop", "nobody")
		c.port = pick(w, 80, 80, 80, 8081)
		if name, ok := routeNameFor(routes(s, caller), c); ok {
			check(caller, c, request(c, "shop/caller", ""), name)
		}
	}
	for range 10 {
		c := w.call("shop.io", "a.shop.io", "b.a.shop.io", "other.io", "web", "b.io")
		c.port = pick(w, 80, 80, 8080)
		if kind == 3 {
			c.port = 80
			p := s.SetupProxy(&model.Proxy{ConfigNamespace: "shop", Type: model.Router, Labels: map[string]string{"gateway": "door"}, ID: "door.shop", IPAddresses: []string{"2.2.2.2"},
				Metadata: &model.NodeMetadata{Namespace: "shop", Labels: map[string]string{"gateway": "door"}}})
			if rc := routes(s, p)["http.80"]; rc != nil {
				check(p, c, request(c, "", "shop/door"), "http.80")
			}
			continue
		}
		name := fmt.Sprint("http.", c.port)
		if routes(s, gateway)[name] == nil {
			continue
		}
		at := "shop/edge"
		if kind == 2 {
			at = "shop/in-0"
		}
		check(gateway, c, request(c, "", at), name)
	}
	return count
}

// accepted leaves out what Istio's webhook refuses.
func accepted(manifests string) (kept string, configs []config.Config) {
	for document := range strings.SplitSeq(manifests, "---\n") {
		if read, _, err := crd.ParseInputs(document); err == nil {
			for i := range read {
				read[i].Domain = "cluster.local"
			}
			kept, configs = kept+document+"---\n", append(configs, read...)
		}
	}
	return kept, configs
}

// shown leaves out what is the same in all sets.
func shown(manifests string) string {
	var kept []string
	for document := range strings.SplitSeq(withoutWorkloads(manifests), "---\n") {
		if !strings.Contains(document, "kind: Namespace\n") {
			kept = append(kept, document[strings.Index(document, "\n")+1:])
		}
	}
	return strings.Join(kept, "")
}

func vhostText(rc *route.RouteConfiguration, host string) string {
	if vh := virtualHost(rc, host); vh != nil {
		return protojson.MarshalOptions{Multiline: false}.Format(vh)
	}
	return "no virtual host"
}

// withoutWorkloads leaves out what Istio does not read.
func withoutWorkloads(manifests string) string {
	var kept []string
	for document := range strings.SplitSeq(manifests, "---\n") {
		if !strings.Contains(document, "kind: Deployment") {
			kept = append(kept, document)
		}
	}
	return strings.Join(kept, "---\n")
}

func objects(t *testing.T, manifests string) []engine.Object {
	var all []engine.Object
	for document := range strings.SplitSeq(manifests, "---\n") {
		var content map[string]any
		if err := yaml.Unmarshal([]byte(document), &content); err != nil {
			t.Fatal(err, document)
		}
		if content != nil {
			all = append(all, engine.Object{Content: content})
		}
	}
	return all
}

func (w *world) call(hosts ...string) call {
	c := call{method: pick(w, "GET", "GET", "POST"), scheme: "http", host: pick(w, hosts...), path: pick(w, "/", "/a", "/a/b", "/b", "/ab", "/A", "/a/x/y", "/s.S/Get"), query: pick(w, "", "", "q=1", "q=2&x=1")}
	if w.oneIn(2) {
		c.headers = append(c.headers, header{pick(w, "x", "X", "w"), pick(w, "1", "2", "12")})
	}
	if w.oneIn(5) {
		c.headers = append(c.headers, header{"x", "1"})
	}
	return c
}

func request(c call, from, gateway string) engine.Request {
	r := engine.Request{Method: c.method, Scheme: c.scheme, Host: c.host, Port: c.port, Path: c.target(), From: from, Gateway: gateway}
	for _, h := range c.headers {
		r.Headers = append(r.Headers, engine.Header{Name: h.name, Value: h.value})
	}
	return r
}

func routes(s *xds.FakeDiscoveryServer, p *model.Proxy) map[string]*route.RouteConfiguration {
	all := map[string]*route.RouteConfiguration{}
	for _, rc := range s.Routes(p) {
		all[rc.Name] = rc
	}
	return all
}

func clusters(s *xds.FakeDiscoveryServer, p *model.Proxy) map[string]bool {
	known := map[string]bool{}
	for _, c := range s.Clusters(p) {
		known[c.Name] = true
	}
	return known
}

// routeNameFor is the route configuration that a call of a pod comes to: that of its port, or that of a Service whose
// protocol Istio looks for itself.
func routeNameFor(all map[string]*route.RouteConfiguration, c call) (string, bool) {
	name := strconv.Itoa(c.port)
	host := c.host
	switch strings.Count(host, ".") {
	case 0:
		host += ".shop.svc.cluster.local"
	case 1:
		host += ".svc.cluster.local"
	}
	if sniffed := host + ":" + name; all[sniffed] != nil {
		return sniffed, true
	}
	return name, all[name] != nil
}

// resultOf writes an explanation as a result.
func resultOf(e *engine.Explanation, c call) result {
	out := newResult()
	name := func(s engine.Share) string {
		host := s.Service
		if !strings.Contains(host, ".") {
			host += "." + s.Namespace + ".svc.cluster.local"
		}
		return fmt.Sprintf("%s:%d/%s", host, s.Port, s.Subset)
	}
	if slices.ContainsFunc(e.Undecided, func(text string) bool { return strings.Contains(text, "ALLOW_ANY") }) {
		out.add("PassthroughCluster as "+arrival(c), 100)
		return out
	}
	for _, s := range e.Shares {
		switch s.Outcome {
		case engine.Arrives:
			arrived := call{host: s.Host}
			arrived.path, arrived.query, _ = strings.Cut(s.Path, "?")
			for _, h := range s.Headers {
				arrived.headers = append(arrived.headers, header{h.Name, h.Value})
			}
			out.add(name(s)+" as "+arrival(arrived), s.Percent)
		case engine.Redirected:
			out.add(fmt.Sprintf("%d to %s", s.Status, e.Location), s.Percent)
		case engine.Open:
			out.add("PassthroughCluster as "+arrival(c), s.Percent)
		default:
			out.add(fmt.Sprint("status ", s.Status), s.Percent)
		}
	}
	for _, s := range e.Mirrors {
		if s.Outcome == engine.Arrives {
			if text := fmt.Sprintf("%s(%.4g)", name(s), mirrored(e.Mirrors, s)); !slices.Contains(out.mirrors, text) {
				out.mirrors = append(out.mirrors, text)
			}
		}
	}
	if e.Wait != nil && e.Wait.Bounded {
		out.longest, out.bounded = time.Duration(e.Wait.Longest), true
	}
	return out
}

func mirrored(all []engine.Share, of engine.Share) float64 {
	total := 0.0
	for _, s := range all {
		if s.Service == of.Service && s.Subset == of.Subset && s.Port == of.Port {
			total += s.Percent
		}
	}
	return total
}

func same(a, b result) bool {
	arrives := false
	for text, percent := range a.parts {
		if math.Abs(percent-b.parts[text]) > 0.01 {
			return false
		}
		arrives = arrives || strings.Contains(text, " as ")
	}
	if len(a.parts) != len(b.parts) {
		return false
	}
	slices.Sort(a.mirrors)
	slices.Sort(b.mirrors)
	// How long a caller waits matters where somebody is asked.
	return slices.Equal(a.mirrors, b.mirrors) && (!arrives || a.bounded == b.bounded && a.longest == b.longest)
}
