package traffic_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/cdk8s-team/cdk8s-core-go/cdk8s/v2"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/crossoverJie/k8s-combat/imports/tree"
	"github.com/crossoverJie/k8s-combat/imports/tree/native"
	"github.com/crossoverJie/k8s-combat/infra"
	"github.com/crossoverJie/k8s-combat/infra/mesh"
	"github.com/crossoverJie/k8s-combat/infra/traffic"
)

// shop is a service in two versions, with rules.
func shop() cdk8s.Chart {
	chart := tree.NewChart(native.NewApp(nil), "shop", tree.ChartProps{Namespace: "shop"})
	mesh.NewMeshNamespace(chart, "namespace", mesh.MeshNamespaceProps{Name: "shop"})
	version := func(version string) *infra.ProbedDeployment {
		return infra.NewProbedDeployment(chart, "web-"+version, infra.ProbedDeploymentProps{
			Name: "web-" + version, Image: "example.com/web:1.4", Version: version, Labels: map[string]string{"service": "web"}})
	}
	v1, v2 := version("v1"), version("v2")
	service := infra.NewService(chart, "web", infra.ServiceProps{Name: "web", Selector: map[string]string{"service": "web"},
		Ports: []infra.ServicePort{{Name: "http", Port: 80, TargetPort: 8080}}})
	mesh.NewIstioCanary(chart, "canary", mesh.IstioCanaryProps{
		Name: "web", Service: service,
		Versions: []mesh.Version{{Name: "v1", Workload: v1}, {Name: "v2", Workload: v2}},
		Rules: []mesh.Rule{
			{Name: "slow", Match: []mesh.Match{{URI: mesh.Exact("/slow")}}, To: []mesh.Destination{{Workload: v1}}, Timeout: 5 * time.Second},
			{Name: "gone", Match: []mesh.Match{{URI: mesh.Exact("/gone")}}, To: []mesh.Destination{{Workload: v1}}, Fault: mesh.Fault{AbortStatus: 503}},
			{Name: "new", Match: []mesh.Match{{Headers: map[string]mesh.StringMatch{"version": mesh.Exact("200")}}}, To: []mesh.Destination{{Workload: v2}}},
			{Name: "split", To: []mesh.Destination{{Workload: v1, Weight: 90}, {Workload: v2, Weight: 10}}},
		},
	})
	return chart
}

// recorder is a test that goes on after it has failed.
type recorder struct {
	testing.TB
	text string
}

func (r *recorder) Helper() {}

func (r *recorder) Errorf(format string, values ...any) { r.text += fmt.Sprintf(format, values...) }

func (r *recorder) Fatal(values ...any) { panic(fmt.Sprint(values...)) }

func TestClaims(t *testing.T) {
	t.Parallel()
	web := traffic.Of(t, shop())
	web.Get("/").Host("web").Header("version", "200").Reaches("web-v2").Reaches("shop/web-v2").Reaches("web")
	web.Get("/").Host("web").SplitsTo(map[string]float64{"web-v1": 90, "web-v2": 10})
	web.Get("/").Host("web").SplitsTo(map[string]float64{"web": 100})
	web.Get("/slow").Host("web").TimesOutAfter(5 * time.Second).WaitsAtMost(5 * time.Second).ArrivesAs("/slow")
	web.Get("/gone").Host("web").FailsWith(503)
	web.Post("/").Host("web").Port(80).From("shop/web-v1").SplitsTo(map[string]float64{"web-v1": 90, "web-v2": 10})
	web.GRPC("a/b").Host("web").Header("version", "200").Reaches("web-v2")
}

func TestClaimsThatAreWrong(t *testing.T) {
	t.Parallel()
	chart := shop()
	for _, c := range []struct {
		claim func(web *traffic.Traffic)
		want  string
	}{
		{func(w *traffic.Traffic) { w.Get("/").Host("web").Reaches("web-v1") }, "not all requests reach web-v1:"},
		{func(w *traffic.Traffic) {
			w.Get("/").Host("web").SplitsTo(map[string]float64{"web-v1": 80, "web-v2": 20})
		}, "90 % of the requests reach web-v1, not 80 %:"},
		{func(w *traffic.Traffic) { w.Get("/").Host("web").SplitsTo(map[string]float64{"web-v1": 90}) }, "10 % of the requests reach web-v2:"},
		{func(w *traffic.Traffic) { w.Get("/").Host("web").FailsWith(503) }, "not all requests fail with 503:"},
		{func(w *traffic.Traffic) { w.Get("/").Host("web").TimesOutAfter(time.Second) }, "a caller is not told after 1s, there is no timeout:"},
		{func(w *traffic.Traffic) { w.Get("/slow").Host("web").TimesOutAfter(time.Second) }, "a caller is told after 5s, not after 1s:"},
		{func(w *traffic.Traffic) { w.Get("/slow").Host("web").WaitsAtMost(time.Second) }, "a caller may wait 5s, longer than 1s:"},
		{func(w *traffic.Traffic) { w.Get("/").Host("web").WaitsAtMost(time.Second) }, "a caller may wait longer than 1s, there is no timeout:"},
		{func(w *traffic.Traffic) { w.Get("/").Host("web").IsDenied() }, "no policy keeps all requests out:"},
		{func(w *traffic.Traffic) { w.Get("/").Host("web").MirrorsTo("web-v2") }, "web-v2 is sent no copy of the requests:"},
		{func(w *traffic.Traffic) { w.Get("/").Host("web").ArrivesAs("/x") }, `requests arrive as "/", not as "/x":`},
		{func(w *traffic.Traffic) { w.Get("/").Host("web").RedirectsTo("http://x/") }, `callers are not sent to "http://x/", but to "":`},
		{func(w *traffic.Traffic) { w.Get("/").Host("web").AnswersWith(204) }, "the proxy does not answer with 204:"},
	} {
		r := &recorder{TB: t}
		c.claim(traffic.Of(r, chart))
		assert.Contains(t, r.text, c.want+"\n\n    request   GET http://web")
		assert.Contains(t, r.text, "\n    result    ", "the explanation is shown")
	}
	assert.PanicsWithValue(t, `no gateway "edge": the set has no Gateway and no Ingress`, func() {
		traffic.Of(&recorder{TB: t}, chart).Get("/").Host("web").Via("edge").Explain()
	})
}

func TestWriteJSON(t *testing.T) {
	t.Parallel()
	var text bytes.Buffer
	require.NoError(t, traffic.WriteJSON(&text, traffic.Of(t, shop()).Get("/slow").Host("web").Explain()))
	var read struct {
		Outcome, Summary string
		Shares           []struct {
			Name    string
			Percent float64
		}
		Wait struct{ LongestNanoseconds time.Duration }
	}
	require.NoError(t, json.Unmarshal(text.Bytes(), &read))
	assert.Equal(t, "arrives", read.Outcome)
	assert.Equal(t, "web-v1", read.Shares[0].Name)
	assert.Equal(t, 5*time.Second, read.Wait.LongestNanoseconds)
}
