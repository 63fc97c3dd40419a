package infra_test

import (
	"testing"
	"time"

	"github.com/cdk8s-team/cdk8s-core-go/cdk8s/v2"
	monitoringv1 "github.com/prometheus-operator/prometheus-operator/pkg/apis/monitoring/v1"
	"github.com/stretchr/testify/assert"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"

	"github.com/crossoverJie/k8s-combat/imports/tree"
	"github.com/crossoverJie/k8s-combat/imports/tree/native"
	"github.com/crossoverJie/k8s-combat/infra"
)

// scraping builds a Scraping that is in order but for what change does.
func scraping(change func(chart cdk8s.Chart, props *infra.ScrapingProps)) func(cdk8s.Chart) {
	return func(chart cdk8s.Chart) {
		props := infra.ScrapingProps{Service: webOf(chart)}
		change(chart, &props)
		infra.NewScraping(chart, "scraping", props)
	}
}

func TestScrapingForms(t *testing.T) {
	t.Parallel()
	golden(t, "scraping-service-monitor", scraping(func(chart cdk8s.Chart, p *infra.ScrapingProps) {
		p.Service = infra.NewService(chart, "admin", infra.ServiceProps{
			Name:     "admin",
			Selector: map[string]string{"app": "web"},
			Labels:   map[string]string{"tier": "web"},
			Ports:    []infra.ServicePort{{Name: "http", Port: 80}, {Name: "http-metrics", Port: 9090}},
		})
		p.Name, p.Port, p.Path = "web-metrics", "http-metrics", "/internal/metrics"
		p.Interval, p.Timeout = 90*time.Second, 500*time.Millisecond
		p.Labels = map[string]string{"release": "prometheus"}
		p.Annotations = map[string]string{"example.com/owner": "team"}
		p.Patch = func(m *monitoringv1.ServiceMonitor) { m.Spec.SampleLimit = new(int64(1000)) }
	}))
	golden(t, "scraping-annotations", scraping(func(_ cdk8s.Chart, p *infra.ScrapingProps) { p.Form = infra.ScrapeAnnotations }))
}

func TestScrapingFindsItsServiceAndNoOther(t *testing.T) {
	t.Parallel()
	build := scraping(func(chart cdk8s.Chart, _ *infra.ScrapingProps) {
		other := infra.NewService(chart, "other", infra.ServiceProps{
			Name: "other", Selector: map[string]string{"app": "other"}, Ports: []infra.ServicePort{{Name: "http", Port: 80}},
		})
		infra.NewScraping(chart, "other-scraping", infra.ScrapingProps{Service: other})
	})
	monitors := objects[monitoringv1.ServiceMonitor](t, "ServiceMonitor", build)
	services := objects[corev1.Service](t, "Service", build)
	assert.Len(t, monitors, 2)
	for _, monitor := range monitors {
		selector, err := metav1.LabelSelectorAsSelector(&monitor.Spec.Selector)
		assert.NoError(t, err)
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

func TestScrapingAnnotationsNameThePortOfThePods(t *testing.T) {
	t.Parallel()
	service := only[corev1.Service](t, "Service", scraping(func(_ cdk8s.Chart, p *infra.ScrapingProps) { p.Form = infra.ScrapeAnnotations }))
	assert.Equal(t, map[string]string{"prometheus.io/scrape": "true", "prometheus.io/port": "8080", "prometheus.io/path": "/metrics"}, service.Annotations)
}

// TestScrapingTwice: what does not get into each other's way is allowed.
func TestScrapingTwice(t *testing.T) {
	t.Parallel()
	build := scraping(func(chart cdk8s.Chart, p *infra.ScrapingProps) {
		infra.NewScraping(chart, "annotations", infra.ScrapingProps{Service: p.Service, Form: infra.ScrapeAnnotations})
		infra.NewScraping(chart, "admin", infra.ScrapingProps{Service: p.Service, Name: "web-admin", Path: "/admin/metrics"})
	})
	assert.Len(t, objects[monitoringv1.ServiceMonitor](t, "ServiceMonitor", build), 2)
}

// TestScrapingUnderALabelOfTheChart: a chart may call all its objects by one name, and the Service is found by its own.
func TestScrapingUnderALabelOfTheChart(t *testing.T) {
	t.Parallel()
	app := native.NewApp(nil)
	chart := tree.NewChart(app, "chart", tree.ChartProps{Labels: map[string]string{"app.kubernetes.io/name": "shop"}})
	scraping(func(cdk8s.Chart, *infra.ScrapingProps) {})(chart)
	assert.Contains(t, *app.SynthYaml(), "app.kubernetes.io/name: web\n")
}

func TestScrapingBadInput(t *testing.T) {
	t.Parallel()
	props := func(change func(*infra.ScrapingProps)) func(cdk8s.Chart) {
		return scraping(func(_ cdk8s.Chart, p *infra.ScrapingProps) { change(p) })
	}
	service := func(service infra.ServiceProps, change func(*infra.ScrapingProps)) func(cdk8s.Chart) {
		return scraping(func(chart cdk8s.Chart, p *infra.ScrapingProps) {
			service.Name = "shop"
			if service.Type != infra.ExternalName {
				service.Selector = map[string]string{"app": "shop"}
			}
			p.Service = infra.NewService(chart, "shop", service)
			change(p)
		})
	}
	nothing := func(*infra.ScrapingProps) {}
	two := infra.ServiceProps{Ports: []infra.ServicePort{{Name: "http", Port: 80}, {Name: "grpc", Port: 81}}}
	badInput{
		"no service": {props(func(p *infra.ScrapingProps) { p.Service = nil }), []string{
			`[chart/scraping] Service: is not set; give the *Service whose pods are read`,
		}},
		"no service to annotate": {props(func(p *infra.ScrapingProps) { p.Service, p.Form = nil, infra.ScrapeAnnotations }), []string{
			`[chart/scraping] Service: is not set; give the *Service whose pods are read`,
		}},
		"port that does not exist": {props(func(p *infra.ScrapingProps) { p.Port = "http-metrics" }), []string{
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
		"label that is taken": {service(infra.ServiceProps{
			Labels: map[string]string{"app.kubernetes.io/name": "all"}, Ports: []infra.ServicePort{{Name: "http", Port: 80}},
		}, nothing), []string{
			`[chart/scraping] Service: "shop" has the label app.kubernetes.io/name=all, and a ServiceMonitor finds it by that label with its own name; leave the label out there`,
		}},
		"annotation that is taken": {service(infra.ServiceProps{
			Annotations: map[string]string{"prometheus.io/port": "80"}, Ports: []infra.ServicePort{{Name: "http", Port: 80}},
		}, func(p *infra.ScrapingProps) { p.Form = infra.ScrapeAnnotations }), []string{
			`[chart/scraping] Service: "shop" has the annotation prometheus.io/port: "80" already, which Scraping sets; leave it out there`,
		}},
		"annotations of a patch": {service(infra.ServiceProps{
			Ports: []infra.ServicePort{{Name: "http", Port: 80}},
			Patch: func(s *corev1.Service) { s.Annotations = map[string]string{"prometheus.io/scrape": "false"} },
		}, func(p *infra.ScrapingProps) { p.Form = infra.ScrapeAnnotations }), []string{
			`[chart/scraping] Service: "shop" has the annotation prometheus.io/scrape: "false" already, which Scraping sets; leave it out there`,
		}},
		"label of a patch": {service(infra.ServiceProps{
			Ports: []infra.ServicePort{{Name: "http", Port: 80}},
			Patch: func(s *corev1.Service) { s.Labels = map[string]string{"app.kubernetes.io/name": "all"} },
		}, nothing), []string{
			`[chart/scraping] Service: "shop" has the label app.kubernetes.io/name=all, and a ServiceMonitor finds it by that label with its own name; leave the label out there`,
		}},
		"annotations of two": {scraping(func(chart cdk8s.Chart, p *infra.ScrapingProps) {
			p.Form, p.Path = infra.ScrapeAnnotations, "/internal/metrics"
			infra.NewScraping(chart, "first", infra.ScrapingProps{Service: p.Service, Form: infra.ScrapeAnnotations})
		}), []string{
			`[chart/scraping] Service: "web" has the annotations of chart/first already, and can have those of one Scraping; leave out one of them, or use ServiceMonitor, of which a Service may have several`,
		}},
		"what annotations cannot say": {props(func(p *infra.ScrapingProps) {
			p.Form, p.Interval, p.Timeout = infra.ScrapeAnnotations, time.Minute, time.Second
			p.Labels = map[string]string{"a": "b"}
			p.Annotations = map[string]string{"c": "d"}
			p.Name, p.Patch = "metrics", func(*monitoringv1.ServiceMonitor) {}
		}), []string{
			`[chart/scraping] Interval: 1m0s has no meaning for the form Annotations; leave it out, or use ServiceMonitor`,
			`[chart/scraping] Timeout: 1s has no meaning for the form Annotations; leave it out, or use ServiceMonitor`,
			`[chart/scraping] Name: "metrics" has no meaning for the form Annotations; leave it out, or use ServiceMonitor`,
			`[chart/scraping] Patch: "func" has no meaning for the form Annotations; leave it out, or use ServiceMonitor`,
			`[chart/scraping] Labels: map[a:b] has no meaning for the form Annotations; leave it out, or use ServiceMonitor`,
			`[chart/scraping] Annotations: map[c:d] has no meaning for the form Annotations; leave it out, or use ServiceMonitor`,
		}},
		"the rest": {props(func(p *infra.ScrapingProps) {
			p.Form, p.Name, p.Path = "PodMonitor", "A", "metrics"
			p.Interval, p.Timeout = -time.Second, time.Microsecond
			p.Labels = map[string]string{"a": "?"}
		}), []string{
			`[chart/scraping] Form: "PodMonitor" is not known; use ServiceMonitor or Annotations`,
			`[chart/scraping] Name: "A" is not an RFC 1123 subdomain; use 1 to 253 lower-case letters, digits, '-' or '.', beginning and ending with a letter or digit`,
			`[chart/scraping] Path: "metrics" does not begin with '/'; use for example "/metrics"`,
			`[chart/scraping] Interval: -1s is negative; use 1ms or more`,
			`[chart/scraping] Timeout: 1µs is not in whole milliseconds, which is what Prometheus counts in; use for example 30s`,
			`[chart/scraping] Labels["a"]: "?" is not a label value; use at most 63 letters, digits, '-', '_' or '.', beginning and ending with a letter or digit, or nothing`,
		}},
		"timeout over interval": {props(func(p *infra.ScrapingProps) { p.Interval, p.Timeout = time.Second, time.Minute }), []string{
			`[chart/scraping] Timeout: 1m0s is more than the Interval, 1s; lower it`,
		}},
	}.run(t)
}
