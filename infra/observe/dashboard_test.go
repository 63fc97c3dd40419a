package observe_test

import (
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/cdk8s-team/cdk8s-core-go/cdk8s/v2"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/crossoverJie/k8s-combat/infra"
	"github.com/crossoverJie/k8s-combat/infra/internal/ref"
	"github.com/crossoverJie/k8s-combat/infra/internal/synthtest"
	"github.com/crossoverJie/k8s-combat/infra/observe"
	"github.com/crossoverJie/k8s-combat/infra/pod"
)

// dashboard builds a Dashboard that is in order but for what change does.
func dashboard(change func(chart cdk8s.Chart, props *observe.DashboardProps)) func(cdk8s.Chart) {
	return func(chart cdk8s.Chart) {
		props := observe.DashboardProps{
			Name: "web", Title: "Web",
			Panels: []observe.Panel{{Title: "Up", Queries: []observe.Query{{Expression: "up"}}}},
		}
		change(chart, &props)
		observe.NewDashboard(chart, "dashboard", props)
	}
}

// allPanels builds a Dashboard of all the panels there are builders for.
var allPanels = dashboard(func(chart cdk8s.Chart, p *observe.DashboardProps) {
	web := infra.NewWebService(chart, "web", infra.WebServiceProps{
		Name: "web",
		Workload: infra.ProbedDeploymentProps{
			Image:     "example.com/web:1",
			Resources: pod.Resources{Limits: pod.ResourceList{CPU: "500m", Memory: "100Mi"}},
		},
		Ports: []infra.ServicePort{{Name: "http", Port: 80}},
	})
	objectives := observe.NewServiceObjectives(chart, "objectives", observe.ServiceObjectivesProps{
		Name: "web", Service: web.Service(),
		Availability: observe.Availability{Objective: 99.9},
		Latency:      observe.Latency{Objective: 99, Threshold: 250 * time.Millisecond},
	})
	metrics := observe.RequestMetrics{}
	p.Panels = []observe.Panel{
		observe.RequestRatePanel(web.Service(), metrics),
		observe.ErrorRatioPanel(web.Service(), metrics),
		observe.LatencyPanel(web.Service(), metrics),
		observe.SaturationPanel(web.Deployment()),
		observe.BurnRatePanel(objectives),
		observe.BudgetPanel(objectives),
		{
			Title: "By code", Kind: observe.Stat, Unit: "reqps", Width: 24, Height: 4, Max: new(1000.0),
			Queries:    []observe.Query{{Expression: `sum by (code) (rate(http_server_requests_total{route=~"/a|\\(b"}[$__rate_interval]))`, Legend: "{{code}}"}},
			Thresholds: []observe.Threshold{{Value: 1, Color: "blue"}},
		},
	}
	p.Folder, p.Tags = "Shop", []string{"shop", "web"}
	p.Range, p.Refresh = 36*time.Hour, time.Minute
	p.UID = "shop-web"
	p.Labels = map[string]string{"tier": "web"}
	p.Annotations = map[string]string{"example.com/owner": "team"}
	p.Patch = func(c *corev1.ConfigMap) { c.Immutable = new(true) }
})

func TestDashboard(t *testing.T) {
	t.Parallel()
	synthtest.Golden(t, "dashboard", dashboard(func(cdk8s.Chart, *observe.DashboardProps) {}))
	synthtest.Golden(t, "dashboard-full", allPanels)
}

// shownDashboard is what these tests read of Grafana's JSON.
type shownDashboard struct {
	UID    string
	Time   struct{ From string }
	Panels []struct {
		ID      int
		Title   string
		GridPos struct{ H, W, X, Y int }
		Targets []struct{ Expr, RefID string }
	}
	Templating struct {
		List []struct{ Name, Type, Query string }
	}
}

func shown(t *testing.T, build func(cdk8s.Chart)) shownDashboard {
	t.Helper()
	configMap := synthtest.Only[corev1.ConfigMap](t, "ConfigMap", build)
	assert.Equal(t, "1", configMap.Labels["grafana_dashboard"])
	require.Len(t, configMap.Data, 1)
	var result shownDashboard
	require.NoError(t, json.Unmarshal([]byte(configMap.Data["web.json"]), &result))
	return result
}

func TestDashboardOfALongName(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		strings.Repeat("a", 40):  strings.Repeat("a", 40),
		strings.Repeat("a", 41):  strings.Repeat("a", 31) + "-",
		"web.shop":               "web-shop-",
		strings.Repeat("a", 253): strings.Repeat("a", 31) + "-",
	} {
		configMap := synthtest.Only[corev1.ConfigMap](t, "ConfigMap", dashboard(func(_ cdk8s.Chart, p *observe.DashboardProps) { p.Name = name }))
		assert.Len(t, configMap.Data, 1)
		for key, text := range configMap.Data {
			assert.Empty(t, validation.IsConfigMapKey(key))
			var got shownDashboard
			require.NoError(t, json.Unmarshal([]byte(text), &got))
			assert.Regexp(t, "^"+want+"([0-9a-f]{8})?$", got.UID)
			assert.LessOrEqual(t, len(got.UID), 40)
		}
	}
}

// withTimes puts times in the place of Grafana's variables.
func withTimes(expression string) string {
	return strings.ReplaceAll(expression, "$__rate_interval", "5m")
}

func TestDashboardQueriesArePromQL(t *testing.T) {
	t.Parallel()
	queries := 0
	for _, panel := range shown(t, allPanels).Panels {
		for _, target := range panel.Targets {
			_, err := promQL.ParseExpr(withTimes(target.Expr))
			require.NoError(t, err, target.Expr)
			queries++
		}
	}
	assert.Equal(t, 1+1+3+2+4+2+1, queries)
}

func TestDashboardShowsWhatHappens(t *testing.T) {
	t.Parallel()
	prometheus := newPrometheus(t)
	per := func(n float64) func(time.Duration) float64 { return func(time.Duration) float64 { return n } }
	web := func(labels ...string) map[string]string {
		result := map[string]string{"service": "web", "namespace": "shop"}
		for i := 0; i < len(labels); i += 2 {
			result[labels[i]] = labels[i+1]
		}
		return result
	}
	prometheus.scrape("http_server_requests_total", web("code", "200"), now, 4*day, per(594))
	prometheus.scrape("http_server_requests_total", web("code", "500"), now, 4*day, per(6))
	prometheus.scrape("http_server_request_duration_seconds_count", web(), now, 4*day, per(600))
	for bound, n := range map[string]float64{"0.1": 300, "0.25": 600, "+Inf": 600} {
		prometheus.scrape("http_server_request_duration_seconds_bucket", web("le", bound), now, 4*day, per(n))
	}
	pod := map[string]string{"namespace": "shop", "container": "web", "pod": "web-6d5f7c-abcde"}
	prometheus.scrape("container_cpu_usage_seconds_total", pod, now, time.Hour, per(15))
	other := map[string]string{"namespace": "shop", "container": "web", "pod": "web-service-v1-6d5f7c-abcde"}
	prometheus.scrape("container_cpu_usage_seconds_total", other, now, time.Hour, per(30))
	for _, group := range rulesOf(t, allPanels) {
		prometheus.evaluate(group, now)
	}
	values := map[string][]float64{}
	for _, panel := range shown(t, allPanels).Panels {
		for _, target := range panel.Targets {
			for _, result := range prometheus.query(withTimes(target.Expr), now) {
				values[panel.Title] = append(values[panel.Title], result.F)
			}
		}
	}
	for title, want := range map[string][]float64{
		"Requests":   {10},
		"Errors":     {0.01},
		"Latency":    {0.1, 0.235, 0.247},
		"Saturation": {0.5},
		"Burn rate":  {10, 10, 0, 0},
	} {
		assert.InDeltaSlice(t, want, values[title], 1e-9, title)
	}
}

func TestDashboardLayout(t *testing.T) {
	t.Parallel()
	var placed []string
	for _, panel := range shown(t, dashboard(func(_ cdk8s.Chart, p *observe.DashboardProps) {
		p.Panels = nil
		for i, size := range [][2]int{{8, 4}, {8, 6}, {8, 4}, {16, 0}, {12, 2}, {0, 3}, {24, 2}} {
			p.Panels = append(p.Panels, observe.Panel{
				Title: strconv.Itoa(i), Width: size[0], Height: size[1], Queries: []observe.Query{{Expression: "up"}},
			})
		}
	})).Panels {
		placed = append(placed, fmt.Sprintf("%d: %dx%d at %d,%d", panel.ID, panel.GridPos.W, panel.GridPos.H, panel.GridPos.X, panel.GridPos.Y))
	}
	assert.Equal(t, []string{
		"1: 8x4 at 0,0", "2: 8x6 at 8,0", "3: 8x4 at 16,0",
		"4: 16x8 at 0,6",
		"5: 12x2 at 0,14", "6: 12x3 at 12,14",
		"7: 24x2 at 0,17",
	}, placed)
}

func TestDashboardRange(t *testing.T) {
	t.Parallel()
	for d, want := range map[time.Duration]string{
		0: "now-6h", 90 * time.Second: "now-90s", 90 * time.Minute: "now-90m", 36 * time.Hour: "now-36h", 48 * time.Hour: "now-2d",
	} {
		assert.Equal(t, want, shown(t, dashboard(func(_ cdk8s.Chart, p *observe.DashboardProps) { p.Range = d })).Time.From)
	}
}

func TestDashboardBadInput(t *testing.T) {
	t.Parallel()
	props := func(change func(*observe.DashboardProps)) func(cdk8s.Chart) {
		return dashboard(func(_ cdk8s.Chart, p *observe.DashboardProps) { change(p) })
	}
	panel := func(change func(*observe.Panel)) func(cdk8s.Chart) {
		return props(func(p *observe.DashboardProps) { change(&p.Panels[0]) })
	}
	query := func(expression string) func(cdk8s.Chart) {
		return panel(func(p *observe.Panel) { p.Queries[0].Expression = expression })
	}
	notPromQL := func(expression, why string) []string {
		return []string{`[chart/dashboard] Panels[0].Queries[0].Expression: ` + expression + ` is not PromQL: ` + why + `; see https://prometheus.io/docs/prometheus/latest/querying/basics/`}
	}
	synthtest.BadInput{
		"empty query":      {query(" "), []string{`[chart/dashboard] Panels[0].Queries[0].Expression: is not set; give it in PromQL, for example "up"`}},
		"query cut off":    {query(`sum(rate(up{a="b)"}[5m])`), notPromQL(`"sum(rate(up{a=\"b)\"}[5m])"`, "a ')' is missing")},
		"query with more":  {query(`up)`), notPromQL(`"up)"`, "a ')' closes nothing")},
		"query mixed up":   {query(`rate(up[5m)]`), notPromQL(`"rate(up[5m)]"`, "a ')' closes nothing")},
		"query half quote": {query(`up{a="b\"}`), notPromQL(`"up{a=\"b\\\"}"`, "a quotation mark is not closed")},
		"nothing": {props(func(p *observe.DashboardProps) { *p = observe.DashboardProps{} }), []string{
			`[chart/dashboard] Name: is not set; give the object a name, for example "web"`,
			`[chart/dashboard] Title: is not set; say what the dashboard shows, for example "Web"`,
			`[chart/dashboard] Panels: is not set; give at least one panel`,
		}},
		"props": {props(func(p *observe.DashboardProps) {
			p.UID = strings.Repeat("a", 41)
			p.Range, p.Refresh = time.Second, time.Second
			p.Folder = "Shop"
			p.Labels = map[string]string{"grafana_dashboard": "0"}
			p.Annotations = map[string]string{"grafana_folder": "x"}
			p.Panels = append(p.Panels, p.Panels[0])
		}), []string{
			`[chart/dashboard] UID: "` + strings.Repeat("a", 41) + `" is not an id that Grafana takes; use 1 to 40 letters, digits, '-' or '_'`,
			`[chart/dashboard] Range: 1s is not a time to show; use whole seconds, 1m or more`,
			`[chart/dashboard] Refresh: 1s is not a time between reads that Grafana allows; use whole seconds, 5s or more`,
			`[chart/dashboard] Labels["grafana_dashboard"]: "0" is set by Dashboard; leave it out, or use Patch`,
			`[chart/dashboard] Annotations["grafana_folder"]: "x" is set by Folder; leave out one of them`,
			`[chart/dashboard] Panels[1].Title: "Up" is already taken by Panels[0]; give each its own`,
		}},
		"panel": {panel(func(p *observe.Panel) {
			*p = observe.Panel{
				Kind: "graph", Width: 25, Height: 1, Min: new(1.0), Max: new(1.0),
				Thresholds: []observe.Threshold{{Value: 2, Color: "red"}, {Value: 1}},
			}
		}), []string{
			`[chart/dashboard] Panels[0].Title: is not set; say what the panel shows, for example "Requests"`,
			`[chart/dashboard] Panels[0].Kind: "graph" is not known; use timeseries or stat`,
			`[chart/dashboard] Panels[0].Width: 25 is not a width; use 1 to 24, the whole dashboard`,
			`[chart/dashboard] Panels[0].Height: 1 is not a height; use 2 to 40`,
			`[chart/dashboard] Panels[0].Queries: is not set; give at least one query`,
			`[chart/dashboard] Panels[0].Thresholds[1].Color: is not set; use a color of Grafana's, for example "red"`,
			`[chart/dashboard] Panels[0].Thresholds[1].Value: 1 is not more than the one before it, 2; put them in ascending order`,
			`[chart/dashboard] Panels[0].Max: 1 is not more than Min, 1; raise it`,
		}},
		"more queries than letters": {panel(func(p *observe.Panel) {
			for range 26 {
				p.Queries = append(p.Queries, p.Queries[0])
			}
		}), []string{
			`[chart/dashboard] Panels[0].Queries: "27 queries" are more than a panel can tell apart, 26; use several panels`,
		}},
		"more than a ConfigMap holds": {props(func(p *observe.DashboardProps) { p.Title = strings.Repeat("x", 1<<20) }), []string{
			`[chart/dashboard] Panels: "1049703 bytes" is more than a ConfigMap may hold, 1048576 bytes; split it, or put large files into the image or a volume`,
		}},
		"what JSON cannot hold": {panel(func(p *observe.Panel) { p.Max = new(math.Inf(1)) }), []string{
			`[chart/dashboard] Panels[0].Max: +Inf is not a finite number; use one, or leave it out`,
		}},
		"panels of nothing": {dashboard(func(chart cdk8s.Chart, p *observe.DashboardProps) {
			bare := infra.NewProbedDeployment(chart, "bare", infra.ProbedDeploymentProps{Name: "bare", Image: "example.com/web:1"})
			web := webOf(chart)
			p.Panels = []observe.Panel{
				observe.RequestRatePanel(nil, observe.RequestMetrics{}),
				observe.ErrorRatioPanel(web, observe.RequestMetrics{Requests: "a b", Failed: map[string]observe.Matcher{}}),
				observe.LatencyPanel(web, observe.RequestMetrics{}, 0.5, 99),
				observe.SaturationPanel(nil),
				observe.SaturationPanel(bare),
				observe.BurnRatePanel(nil),
				observe.BudgetPanel(nil),
				observe.LatencyPanel(&infra.Service{}, observe.RequestMetrics{}),
				observe.SaturationPanel(struct{ infra.Workload }{}),
			}
		}), []string{
			`[chart/dashboard] Panels[0]: is about no Service; give it one`,
			`[chart/dashboard] Panels[1]: Metrics.Requests: "a b" is not the name of a metric; use letters, digits, '_' or ':', not beginning with a digit; Metrics.Failed: is not set; say which requests failed, for example {"code": Regex("5..")}, or leave it nil for that`,
			`[chart/dashboard] Panels[2]: Quantile: 99 is not a quantile; use more than 0 and less than 1, for example 0.99`,
			`[chart/dashboard] Panels[3]: is about no workload; give it a *ProbedDeployment`,
			`[chart/dashboard] Panels[4]: Deployment bare has no limits to fill; set its Resources.Limits, or leave the panel out`,
			`[chart/dashboard] Panels[5]: is about no objectives; give it *ServiceObjectives`,
			`[chart/dashboard] Panels[6]: is about no objectives; give it *ServiceObjectives`,
			`[chart/dashboard] Panels[7]: is about no Service; give it one`,
			`[chart/dashboard] Panels[8]: is about no workload; give it a *ProbedDeployment`,
		}},
	}.Run(t)
}

// madeWorkload is a workload of any kind, as SaturationPanel sees it.
type madeWorkload struct{ made *ref.Workload }

func (w madeWorkload) Name() string                { return w.made.Name() }
func (w madeWorkload) Selector() map[string]string { return w.made.Labels() }
func (w madeWorkload) Ref() *ref.Workload          { return w.made }

// TestSaturationPanelKnowsThePods takes names that Kubernetes gives to the pods of a workload, and of its neighbours.
func TestSaturationPanelKnowsThePods(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("a", 63)
	for name, test := range map[string]struct {
		kind, name string
		pods       []string
		others     []string
	}{
		"Deployment":         {"Deployment", "web", []string{"web-6d5f7c-abcde"}, []string{"web-abcde", "web-service-v1-6d5f7c-abcde", "my-web-6d5f7c-abcde"}},
		"StatefulSet":        {"StatefulSet", "web", []string{"web-0", "web-12"}, []string{"web-db-0", "web-a"}},
		"DaemonSet":          {"DaemonSet", "web", []string{"web-abcde"}, []string{"web-service-abcde"}},
		"Job":                {"Job", "web", []string{"web-abcde"}, []string{"web-service-abcde"}},
		"CronJob":            {"CronJob", "web", []string{"web-29000000-abcde"}, []string{"web-service-29000000-abcde"}},
		"name that is cut":   {"Deployment", long, []string{long[:58] + "abcde"}, []string{"b" + long[:58] + "abcde"}},
		"digest that is cut": {"Deployment", long[:50], []string{long[:50] + "-6d5f7c4abcde", long[:50] + "-6d5-abcde"}, []string{long[:50] + "b-6d5-abcde"}},
		"DaemonSet of 57":    {"DaemonSet", long[:57], []string{long[:57] + "-abcde"}, []string{long[:57] + "abcde"}},
		"StatefulSet of 60":  {"StatefulSet", long[:60], []string{long[:60] + "-0"}, []string{long[:60] + "0"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			workload := &ref.Workload{Object: ref.Elsewhere(test.kind, test.name)}
			workload.Template.Spec.Containers = []corev1.Container{{
				Name:      "main",
				Resources: corev1.ResourceRequirements{Limits: corev1.ResourceList{corev1.ResourceMemory: resource.MustParse("1Gi")}},
			}}
			panel := observe.SaturationPanel(madeWorkload{workload})
			require.Len(t, panel.Queries, 1)
			prometheus := newPrometheus(t)
			expression := func(pod string) string {
				prometheus.scrape("container_memory_working_set_bytes", map[string]string{"container": "main", "pod": pod}, now, time.Minute, func(time.Duration) float64 { return 1 })
				return withTimes(panel.Queries[0].Expression)
			}
			for _, pod := range test.others {
				assert.Empty(t, prometheus.query(expression(pod), now), pod)
			}
			for _, pod := range test.pods {
				assert.Len(t, prometheus.query(expression(pod), now), 1, pod)
				prometheus.series = nil
			}
		})
	}
}

func TestSaturationPanelGoesByWhatThePatchHasLeft(t *testing.T) {
	t.Parallel()
	build := dashboard(func(chart cdk8s.Chart, p *observe.DashboardProps) {
		web := infra.NewProbedDeployment(chart, "web", infra.ProbedDeploymentProps{
			Name: "web", Image: "example.com/web:1",
			Patch: func(d *appsv1.Deployment) {
				d.Spec.Template.Spec.Containers[0].Resources.Limits = corev1.ResourceList{corev1.ResourceCPU: resource.MustParse("2")}
			},
		})
		p.Panels = []observe.Panel{observe.SaturationPanel(web)}
	})
	require.Len(t, shown(t, build).Panels, 1)
	targets := shown(t, build).Panels[0].Targets
	require.Len(t, targets, 1)
	assert.Regexp(t, ` / 2$`, targets[0].Expr)
}
