package observe

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/aws/constructs-go/constructs/v10"
	"github.com/cdk8s-team/cdk8s-core-go/cdk8s/v2"
	monitoringv1 "github.com/prometheus-operator/prometheus-operator/pkg/apis/monitoring/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"

	"github.com/crossoverJie/k8s-combat/imports/monitoring"
	"github.com/crossoverJie/k8s-combat/imports/tree"
	"github.com/crossoverJie/k8s-combat/infra"
	"github.com/crossoverJie/k8s-combat/infra/internal/object"
	"github.com/crossoverJie/k8s-combat/infra/internal/problem"
	"github.com/crossoverJie/k8s-combat/infra/internal/ref"
)

// nameLabel is the label by which a ServiceMonitor finds its Service and no other
// (https://kubernetes.io/docs/concepts/overview/working-with-objects/common-labels/).
const nameLabel = "app.kubernetes.io/name"

// ScrapeLabels are the Labels by which a Scraping finds the Service of that name: the label
// app.kubernetes.io/name.
func ScrapeLabels(service string) map[string]string { return map[string]string{nameLabel: service} }

// defaultMetricsPath is where Prometheus' client libraries serve metrics.
const defaultMetricsPath = "/metrics"

// ScrapeAnnotations are the Annotations of a Service whose pods are to be read:
// prometheus.io/scrape, port and path. They are a convention that the scrape configuration of the
// Prometheus community's Helm chart follows, and need no Scraping; the Prometheus Operator does not
// read them. port is the one of the Service that serves the metrics, of which the pods' own number
// is written; path begins with '/', which is put before one that does not, and the empty one stands
// for "/metrics".
func ScrapeAnnotations(port infra.ServicePort, path string) map[string]string {
	number := port.TargetPort
	if number == 0 {
		number = port.Port
	}
	if path == "" {
		path = defaultMetricsPath
	}
	return map[string]string{
		"prometheus.io/scrape": "true",
		"prometheus.io/port":   strconv.Itoa(int(number)),
		"prometheus.io/path":   "/" + strings.TrimPrefix(path, "/"),
	}
}

// ScrapingProps are the options of a Scraping.
type ScrapingProps struct {
	// Name of the ServiceMonitor; an RFC 1123 subdomain. Defaults to the Service's.
	Name string
	// Service whose pods are read. It has the label app.kubernetes.io/name with its own name as the
	// value, as ScrapeLabels makes it, by which it is found and no other is, unless Patch writes
	// another selector that it meets. Several Scrapings may be for one Service, each with a Name of
	// its own. Required.
	Service *infra.Service
	// Port is the name of the Service's port that serves the metrics. Defaults to its only one.
	Port string
	// Path of the metrics, beginning with '/'. Defaults to "/metrics".
	Path string
	// Interval is the time between two reads, in whole milliseconds. Defaults to the Prometheus'.
	Interval time.Duration
	// Timeout is how long a read may take, at most the Interval. Defaults to the Prometheus'.
	Timeout time.Duration
	// Labels of the ServiceMonitor, by which a Prometheus may select it, and Annotations. Default
	// to none.
	Labels, Annotations map[string]string
	// Patch has the last word on the ServiceMonitor.
	Patch func(*monitoringv1.ServiceMonitor)
}

func (props ScrapingProps) withDefaults() ScrapingProps {
	if props.Name == "" {
		props.Name = props.Service.Name()
	}
	if props.Path == "" {
		props.Path = defaultMetricsPath
	}
	return props
}

func (props ScrapingProps) validate() problem.List {
	var p problem.List
	if service := props.Service.Ref(); service == nil {
		p.Missing(problem.At("Service"), "give the *Service whose pods are read")
	} else {
		// Its name is checked where it is given.
		if props.Name != service.Name() {
			p.DNSSubdomain(problem.At("Name"), props.Name)
		}
		props.validatePort(&p, service)
	}
	if !strings.HasPrefix(props.Path, "/") {
		p.Add(problem.At("Path"), props.Path, "does not begin with '/'; use for example \"/metrics\"")
	}
	validateScrapeDuration(&p, problem.At("Interval"), props.Interval)
	validateScrapeDuration(&p, problem.At("Timeout"), props.Timeout)
	if props.Interval > 0 && props.Timeout > props.Interval {
		p.Add(problem.At("Timeout"), props.Timeout,
			"is more than the Interval, "+props.Interval.String()+"; lower it")
	}
	p.Labels(problem.At("Labels"), props.Labels)
	p.Annotations(problem.At("Annotations"), props.Annotations)
	return p
}

// validateScrapeDuration checks a time in the milliseconds that Prometheus counts in.
func validateScrapeDuration(p *problem.List, field *problem.Path, d time.Duration) {
	switch {
	case d < 0:
		p.Add(field, d, "is negative; use 1ms or more")
	case d%time.Millisecond != 0:
		p.Add(field, d, "is not in whole milliseconds, which is what Prometheus counts in; use for example 30s")
	}
}

func (props ScrapingProps) validatePort(p *problem.List, service *ref.Service) {
	if service.IsExternalName() {
		p.Add(problem.At("Service"), service.Name(),
			"is an ExternalName, which has no pods to read; use a Service with pods")
		return
	}
	port, ok := service.Port(props.Port)
	switch {
	case !ok:
		service.ValidatePort(p, problem.At("Port"), props.Port)
	case port.Name == "":
		p.Add(problem.At("Port"), props.Port,
			"stands for a port without a name, and a ServiceMonitor knows ports by their names; give the port of Service "+service.Name()+" a Name")
	}
}

// Scraping lets Prometheus read the metrics of each pod behind a Service: a ServiceMonitor, which
// the Prometheus Operator reads. See
// https://prometheus-operator.dev/docs/developer/getting-started/#using-servicemonitors. For a
// Prometheus without the operator see ScrapeAnnotations.
//
// A ServiceMonitor may stand in another namespace than its Service, where the Prometheus looks for
// it.
type Scraping struct {
	constructs.Construct
	props ScrapingProps
}

// NewScraping makes a Scraping.
func NewScraping(scope constructs.Construct, id string, props ScrapingProps) *Scraping {
	props = props.withDefaults()
	s := &Scraping{props: props}
	tree.New(s, scope, id)
	problems := props.validate()
	monitor := object.Patched(s, "Patch", s.monitor(), props.Patch)
	made := monitoring.NewServiceMonitor(s, "Resource", monitor)
	if len(problems) == 0 {
		s.validateFound(&problems, monitor, made)
	}
	tree.Invalid(s, problems...)
	return s
}

// Name returns the name of the ServiceMonitor.
func (s *Scraping) Name() string {
	if s == nil {
		return ""
	}
	return s.props.Name
}

func (s *Scraping) monitor() *monitoringv1.ServiceMonitor {
	monitor := &monitoringv1.ServiceMonitor{ObjectMeta: object.Meta(s.props.Name, s.props.Labels,
		s.props.Annotations)}
	service := s.props.Service.Ref()
	if service == nil {
		return monitor
	}
	port, _ := service.Port(s.props.Port)
	monitor.Spec = monitoringv1.ServiceMonitorSpec{
		Selector: metav1.LabelSelector{MatchLabels: ScrapeLabels(service.Name())},
		Endpoints: []monitoringv1.Endpoint{{
			Port:          port.Name,
			Path:          s.props.Path,
			Interval:      scrapeDuration(s.props.Interval),
			ScrapeTimeout: scrapeDuration(s.props.Timeout),
		}},
	}
	if namespace, _ := service.Namespace(); namespace != "" && namespace != object.ChartNamespace(s) {
		monitor.Spec.NamespaceSelector.MatchNames = []string{namespace}
	}
	return monitor
}

// validateFound checks that the ServiceMonitor that Patch has left finds the Service.
func (s *Scraping) validateFound(p *problem.List, monitor *monitoringv1.ServiceMonitor, made cdk8s.ApiObject) {
	service := s.props.Service.Ref()
	at := problem.At("Patch", "spec")
	if selector, err := metav1.LabelSelectorAsSelector(&monitor.Spec.Selector); err != nil {
		p.Say(at.Child("selector"), "is not a selector: "+err.Error())
	} else if selector.Empty() {
		p.Say(at.Child("selector"),
			"selects every Service; leave a label of Service "+service.Name()+" in place")
	} else {
		s.validateSelected(p, selector)
	}
	namespaces := monitor.Spec.NamespaceSelector
	namespace, _ := service.Namespace()
	named := namespace != "" && slices.Contains(namespaces.MatchNames, namespace)
	if !namespaces.Any && !named {
		if len(namespaces.MatchNames) > 0 {
			p.Add(at.Child("namespaceSelector", "matchNames"), namespaces.MatchNames, fmt.Sprintf(
				"leaves out %s, where Service %s is; add it", ref.ShowNamespace(namespace), service.Name()))
			return
		}
		service.Beside(p, problem.At("Service"), made)
	}
}

// validateSelected checks that a selector takes the Service, with the labels of its chart, over
// which its own win.
func (s *Scraping) validateSelected(p *problem.List, selector labels.Selector) {
	service := s.props.Service.Ref()
	has := object.Merged(object.ChartLabels(s.props.Service), service.Labels)
	if selector.Matches(labels.Set(has)) {
		return
	}
	if want := labels.SelectorFromSet(ScrapeLabels(service.Name())); selector.String() != want.String() {
		p.Add(problem.At("Patch", "spec", "selector"), selector.String(),
			fmt.Sprintf("does not select Service %s, which has the labels %s; select some of them",
				service.Name(), labels.FormatLabels(has)))
		return
	}
	fix := fmt.Sprintf("put observe.ScrapeLabels(%q) into its Labels", service.Name())
	if value, ok := has[nameLabel]; ok {
		p.Add(problem.At("Service"), service.Name(), fmt.Sprintf(
			"has the label %s=%s, and a ServiceMonitor finds it by that label with its own name; %s", nameLabel, value, fix))
		return
	}
	p.Add(problem.At("Service"), service.Name(),
		fmt.Sprintf("has no label %s, by which a ServiceMonitor finds it; %s", nameLabel, fix))
}

// scrapeDuration writes a duration of which 0 means that the Prometheus' own holds.
func scrapeDuration(d time.Duration) monitoringv1.Duration {
	if d == 0 {
		return ""
	}
	return monitoringv1.Duration(promDuration(d))
}
