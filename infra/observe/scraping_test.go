package observe_test

import (
	"strings"
	"testing"
	"time"

	"github.com/cdk8s-team/cdk8s-core-go/cdk8s/v2"
	monitoringv1 "github.com/prometheus-operator/prometheus-operator/pkg/apis/monitoring/v1"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"

	"github.com/crossoverJie/k8s-combat/imports/tree"
	"github.com/crossoverJie/k8s-combat/imports/tree/native"
	"github.com/crossoverJie/k8s-combat/infra"
	"github.com/crossoverJie/k8s-combat/infra/internal/synthtest"
	"github.com/crossoverJie/k8s-combat/infra/observe"
)

func newApp(t *testing.T) cdk8s.App {
	t.Helper()
	outdir := t.TempDir()
	return native.NewApp(&cdk8s.AppProps{Outdir: &outdir})
}

// scrapedWeb makes a Service that a Scraping finds.
func scrapedWeb(chart cdk8s.Chart) *infra.Service {
	return infra.NewService(chart, "web", infra.ServiceProps{
		Name:     "web",
		Selector: map[string]string{"app": "web"},
		Labels:   observe.ScrapeLabels("web"),
		Ports:    []infra.ServicePort{{Name: "http", Port: 80, TargetPort: 8080}},
	})
}

// scraping builds a Scraping that is in order but for what change does.
func scraping(change func(chart cdk8s.Chart, props *observe.ScrapingProps)) func(cdk8s.Chart) {
	return func(chart cdk8s.Chart) {
		props := observe.ScrapingProps{Service: scrapedWeb(chart)}
		change(chart, &props)
		observe.NewScraping(chart, "scraping", props)
	}
}

func TestScrapingForms(t *testing.T) {
	t.Parallel()
	synthtest.Golden(t, "scraping-service-monitor", func(chart cdk8s.Chart) {
		webOf(chart)
		observe.NewScraping(chart, "scraping", observe.ScrapingProps{
			Service: infra.NewService(chart, "admin", infra.ServiceProps{
				Name:     "admin",
				Selector: map[string]string{"app": "web"},
				Labels:   map[string]string{"tier": "web", "app.kubernetes.io/name": "admin"},
				Ports:    []infra.ServicePort{{Name: "http", Port: 80}, {Name: "http-metrics", Port: 9090}},
			}),
			Name: "web-metrics", Port: "http-metrics", Path: "/internal/metrics",
			Interval: 90 * time.Second, Timeout: 500 * time.Millisecond,
			Labels:      map[string]string{"release": "prometheus"},
			Annotations: map[string]string{"example.com/owner": "team"},
			Patch:       func(m *monitoringv1.ServiceMonitor) { m.Spec.SampleLimit = new(int64(1000)) },
		})
	})
	port := infra.ServicePort{Name: "http", Port: 80, TargetPort: 8080}
	synthtest.Golden(t, "scraping-annotations", func(chart cdk8s.Chart) {
		infra.NewService(chart, "web", infra.ServiceProps{
			Name:        "web",
			Selector:    map[string]string{"app": "web"},
			Annotations: observe.ScrapeAnnotations(port, ""),
			Ports:       []infra.ServicePort{port},
		})
	})
}

func TestScrapingFindsItsServiceAndNoOther(t *testing.T) {
	t.Parallel()
	build := scraping(func(chart cdk8s.Chart, _ *observe.ScrapingProps) {
		other := infra.NewService(chart, "other", infra.ServiceProps{
			Name: "other", Selector: map[string]string{"app": "other"}, Labels: observe.ScrapeLabels("other"),
			Ports: []infra.ServicePort{{Name: "http", Port: 80}},
		})
		observe.NewScraping(chart, "other-scraping", observe.ScrapingProps{Service: other})
	})
	monitors := synthtest.Objects[monitoringv1.ServiceMonitor](t, "ServiceMonitor", build)
	services := synthtest.Objects[corev1.Service](t, "Service", build)
	assert.Len(t, monitors, 2)
	for _, monitor := range monitors {
		selector, err := metav1.LabelSelectorAsSelector(&monitor.Spec.Selector)
		require.NoError(t, err)
		var found []string
		for _, service := range services {
			if selector.Matches(labels.Set(service.Labels)) {
				found = append(found, service.Name)
				assert.Equal(t, monitor.Spec.Endpoints[0].Port, service.Spec.Ports[0].Name)
			}
		}
		assert.Equal(t, []string{monitor.Name}, found)
	}
}

func TestScrapeAnnotationsNameThePortOfThePods(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		port       infra.ServicePort
		path       string
		wantPort   string
		wantedPath string
	}{
		"target port":         {infra.ServicePort{Port: 80, TargetPort: 8080}, "/internal/metrics", "8080", "/internal/metrics"},
		"one port":            {infra.ServicePort{Port: 9090}, "", "9090", "/metrics"},
		"path without a root": {infra.ServicePort{Port: 9090}, "metrics/all", "9090", "/metrics/all"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			assert.Equal(t, map[string]string{
				"prometheus.io/scrape": "true", "prometheus.io/port": test.wantPort, "prometheus.io/path": test.wantedPath,
			}, observe.ScrapeAnnotations(test.port, test.path))
		})
	}
}

// TestScrapingLeavesTheServiceAlone: the Service says itself by what it is found.
func TestScrapingLeavesTheServiceAlone(t *testing.T) {
	t.Parallel()
	build := func(chart cdk8s.Chart) { scrapedWeb(chart) }
	alone, _ := synthtest.Synth(t, build)
	manifests, messages := synthtest.Synth(t, scraping(func(cdk8s.Chart, *observe.ScrapingProps) {}))
	assert.Empty(t, messages)
	assert.True(t, strings.HasPrefix(manifests, alone), manifests)
}

// TestScrapingTwice: what does not get into each other's way is allowed.
func TestScrapingTwice(t *testing.T) {
	t.Parallel()
	build := scraping(func(chart cdk8s.Chart, p *observe.ScrapingProps) {
		observe.NewScraping(chart, "admin", observe.ScrapingProps{Service: p.Service, Name: "web-admin", Path: "/admin/metrics"})
	})
	assert.Len(t, synthtest.Objects[monitoringv1.ServiceMonitor](t, "ServiceMonitor", build), 2)
}

// TestScrapingUnderALabelOfTheChart: a chart may call all its objects by one name, and the Service is found by its own.
func TestScrapingUnderALabelOfTheChart(t *testing.T) {
	t.Parallel()
	app := newApp(t)
	chart := tree.NewChart(app, "chart", tree.ChartProps{Labels: map[string]string{"app.kubernetes.io/name": "shop", "team": "shop"}})
	scraping(func(cdk8s.Chart, *observe.ScrapingProps) {})(chart)
	assert.Contains(t, *app.SynthYaml(), "app.kubernetes.io/name: web\n")

	named := newApp(t)
	chart = tree.NewChart(named, "web", tree.ChartProps{Labels: map[string]string{"app.kubernetes.io/name": "web"}})
	service := infra.NewService(chart, "web", infra.ServiceProps{
		Name: "web", Selector: map[string]string{"app": "web"}, Ports: []infra.ServicePort{{Name: "http", Port: 80}},
	})
	observe.NewScraping(chart, "scraping", observe.ScrapingProps{Service: service})
	require.NoError(t, tree.Synth(named), "the label of the chart will do, where it is the Service's name")
}

// apart builds a Service in one namespace and its Scraping in another.
func apart(app cdk8s.App, serviceIn, scrapingIn string, patch func(*monitoringv1.ServiceMonitor)) {
	service := scrapedWeb(tree.NewChart(app, "shop", tree.ChartProps{Namespace: serviceIn}))
	observe.NewScraping(tree.NewChart(app, "monitoring", tree.ChartProps{Namespace: scrapingIn}), "scraping",
		observe.ScrapingProps{Service: service, Patch: patch})
}

func TestScrapingInAnotherNamespace(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		service, scraping string
		want              monitoringv1.NamespaceSelector
	}{
		"the same":        {"shop", "shop", monitoringv1.NamespaceSelector{}},
		"both unknown":    {"", "", monitoringv1.NamespaceSelector{}},
		"another":         {"shop", "monitoring", monitoringv1.NamespaceSelector{MatchNames: []string{"shop"}}},
		"whichever it is": {"shop", "", monitoringv1.NamespaceSelector{MatchNames: []string{"shop"}}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			app := newApp(t)
			var got monitoringv1.NamespaceSelector
			apart(app, test.service, test.scraping, func(m *monitoringv1.ServiceMonitor) { got = m.Spec.NamespaceSelector })
			require.NoError(t, tree.Synth(app))
			assert.Equal(t, test.want, got)
		})
	}
}

func TestScrapingInAnotherNamespaceBadInput(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		service string
		patch   func(*monitoringv1.ServiceMonitor)
		want    string
	}{
		"a Service nobody knows where": {"", nil,
			`[monitoring/scraping] Service: "web" is a Service in a namespace that kubectl chooses, and cannot be referred to from namespace "monitoring"; put both into charts of one Namespace`},
		"a Patch that looks elsewhere": {"shop", func(m *monitoringv1.ServiceMonitor) { m.Spec.NamespaceSelector.MatchNames = []string{"cart"} },
			`[monitoring/scraping] Patch.spec.namespaceSelector.matchNames: [cart] leaves out namespace "shop", where Service web is; add it`},
		"a Patch that looks at home": {"shop", func(m *monitoringv1.ServiceMonitor) { m.Spec.NamespaceSelector.MatchNames = nil },
			`[monitoring/scraping] Service: "web" is a Service in namespace "shop", and cannot be referred to from namespace "monitoring"; put both into charts of one Namespace`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			app := newApp(t)
			apart(app, test.service, "monitoring", test.patch)
			assert.ErrorContains(t, tree.Synth(app), "\n  "+test.want)
		})
	}
	t.Run("a Patch that looks everywhere", func(t *testing.T) {
		t.Parallel()
		app := newApp(t)
		apart(app, "", "monitoring", func(m *monitoringv1.ServiceMonitor) { m.Spec.NamespaceSelector.Any = true })
		require.NoError(t, tree.Synth(app))
	})
}

// TestScrapingPatchMaySelectByOtherLabels, as long as they are the Service's.
func TestScrapingPatchMaySelectByOtherLabels(t *testing.T) {
	t.Parallel()
	by := func(selector metav1.LabelSelector) func(cdk8s.Chart) {
		return func(chart cdk8s.Chart) {
			service := infra.NewService(chart, "web", infra.ServiceProps{
				Name: "web", Selector: map[string]string{"app": "web"}, Ports: []infra.ServicePort{{Name: "http", Port: 80}},
				Labels: map[string]string{"app.kubernetes.io/name": "shop", "app.kubernetes.io/component": "web"},
			})
			observe.NewScraping(chart, "scraping", observe.ScrapingProps{
				Service: service, Patch: func(m *monitoringv1.ServiceMonitor) { m.Spec.Selector = selector },
			})
		}
	}
	_, messages := synthtest.Synth(t, by(metav1.LabelSelector{MatchLabels: map[string]string{"app.kubernetes.io/component": "web"}}))
	assert.Empty(t, messages)
	synthtest.BadInput{
		"others'": {by(metav1.LabelSelector{MatchLabels: map[string]string{"app.kubernetes.io/component": "cart"}}), []string{
			`[chart/scraping] Patch.spec.selector: "app.kubernetes.io/component=cart" does not select Service web, which has the labels app.kubernetes.io/component=web,app.kubernetes.io/name=shop; select some of them`,
		}},
		"none": {by(metav1.LabelSelector{}), []string{
			`[chart/scraping] Patch.spec.selector: selects every Service; leave a label of Service web in place`,
		}},
		"no selector": {by(metav1.LabelSelector{MatchExpressions: []metav1.LabelSelectorRequirement{{Key: "a", Operator: "Is"}}}), []string{
			`[chart/scraping] Patch.spec.selector: is not a selector: "Is" is not a valid label selector operator`,
		}},
	}.Run(t)
}

func TestScrapingBadInput(t *testing.T) {
	t.Parallel()
	props := func(change func(*observe.ScrapingProps)) func(cdk8s.Chart) {
		return scraping(func(_ cdk8s.Chart, p *observe.ScrapingProps) { change(p) })
	}
	service := func(service infra.ServiceProps, change func(*observe.ScrapingProps)) func(cdk8s.Chart) {
		return scraping(func(chart cdk8s.Chart, p *observe.ScrapingProps) {
			service.Name = "shop"
			if service.Type != infra.ExternalName {
				service.Selector = map[string]string{"app": "shop"}
			}
			p.Service = infra.NewService(chart, "shop", service)
			change(p)
		})
	}
	nothing := func(*observe.ScrapingProps) {}
	two := infra.ServiceProps{Ports: []infra.ServicePort{{Name: "http", Port: 80}, {Name: "grpc", Port: 81}}}
	synthtest.BadInput{
		"no service": {props(func(p *observe.ScrapingProps) { p.Service = nil }), []string{
			`[chart/scraping] Service: is not set; give the *Service whose pods are read`,
		}},
		"port that does not exist": {props(func(p *observe.ScrapingProps) { p.Port = "http-metrics" }), []string{
			`[chart/scraping] Port: Service web has no port "http-metrics"; use "http"`,
		}},
		"which port": {service(two, nothing), []string{
			`[chart/scraping] Port: Service shop has no port ""; use "http" or "grpc"`,
		}},
		"port without a name": {service(infra.ServiceProps{Ports: []infra.ServicePort{{Port: 80}}}, nothing), []string{
			`[chart/scraping] Port: "" stands for a port without a name, and a ServiceMonitor knows ports by their names; give the port of Service shop a Name`,
		}},
		"service without pods": {service(infra.ServiceProps{Type: infra.ExternalName, ExternalName: "db.example.com"}, nothing), []string{
			`[chart/scraping] Service: "shop" is an ExternalName, which has no pods to read; use a Service with pods`,
		}},
		"no label to be found by": {service(infra.ServiceProps{Ports: []infra.ServicePort{{Name: "http", Port: 80}}}, nothing), []string{
			`[chart/scraping] Service: "shop" has no label app.kubernetes.io/name, by which a ServiceMonitor finds it; put observe.ScrapeLabels("shop") into its Labels`,
		}},
		"label that is taken": {service(infra.ServiceProps{
			Labels: map[string]string{"app.kubernetes.io/name": "all"}, Ports: []infra.ServicePort{{Name: "http", Port: 80}},
		}, nothing), []string{
			`[chart/scraping] Service: "shop" has the label app.kubernetes.io/name=all, and a ServiceMonitor finds it by that label with its own name; put observe.ScrapeLabels("shop") into its Labels`,
		}},
		"label of a patch": {service(infra.ServiceProps{
			Labels: observe.ScrapeLabels("shop"),
			Ports:  []infra.ServicePort{{Name: "http", Port: 80}},
			Patch:  func(s *corev1.Service) { s.Labels = map[string]string{"app.kubernetes.io/name": "all"} },
		}, nothing), []string{
			`[chart/scraping] Service: "shop" has the label app.kubernetes.io/name=all, and a ServiceMonitor finds it by that label with its own name; put observe.ScrapeLabels("shop") into its Labels`,
		}},
		"label that a patch takes": {service(infra.ServiceProps{
			Labels: observe.ScrapeLabels("shop"),
			Ports:  []infra.ServicePort{{Name: "http", Port: 80}},
			Patch:  func(s *corev1.Service) { s.Labels = nil },
		}, nothing), []string{
			`[chart/scraping] Service: "shop" has no label app.kubernetes.io/name, by which a ServiceMonitor finds it; put observe.ScrapeLabels("shop") into its Labels`,
		}},
		"port that a patch takes": {service(infra.ServiceProps{
			Labels: observe.ScrapeLabels("shop"),
			Ports:  []infra.ServicePort{{Name: "http", Port: 80}},
			Patch:  func(s *corev1.Service) { s.Spec.Ports[0].Name = "web" },
		}, func(p *observe.ScrapingProps) { p.Port = "http" }), []string{
			`[chart/scraping] Port: Service shop has no port "http"; use "web"`,
		}},
		"the rest": {props(func(p *observe.ScrapingProps) {
			p.Name, p.Path = "A", "metrics"
			p.Interval, p.Timeout = -time.Second, time.Microsecond
			p.Labels = map[string]string{"a": "?"}
		}), []string{
			`[chart/scraping] Name: "A" is not an RFC 1123 subdomain; use 1 to 253 lower-case letters, digits, '-' or '.', beginning and ending with a letter or digit`,
			`[chart/scraping] Path: "metrics" does not begin with '/'; use for example "/metrics"`,
			`[chart/scraping] Interval: -1s is negative; use 1ms or more`,
			`[chart/scraping] Timeout: 1µs is not in whole milliseconds, which is what Prometheus counts in; use for example 30s`,
			`[chart/scraping] Labels["a"]: "?" is not a label value; use at most 63 letters, digits, '-', '_' or '.', beginning and ending with a letter or digit, or nothing`,
		}},
		"timeout over interval": {props(func(p *observe.ScrapingProps) { p.Interval, p.Timeout = time.Second, time.Minute }), []string{
			`[chart/scraping] Timeout: 1m0s is more than the Interval, 1s; lower it`,
		}},
	}.Run(t)
}
