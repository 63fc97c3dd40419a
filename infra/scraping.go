package infra

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/aws/constructs-go/constructs/v10"
	monitoringv1 "github.com/prometheus-operator/prometheus-operator/pkg/apis/monitoring/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/crossoverJie/k8s-combat/imports/monitoring"
	"github.com/crossoverJie/k8s-combat/imports/tree"
	"github.com/crossoverJie/k8s-combat/infra/internal/problem"
)

// ScrapingForm is how Prometheus is told what to read.
type ScrapingForm string

const (
	// ServiceMonitor is the object that the Prometheus Operator reads.
	// See https://prometheus-operator.dev/docs/developer/getting-started/#using-servicemonitors.
	ServiceMonitor ScrapingForm = "ServiceMonitor"
	// ScrapeAnnotations are annotations of the Service, prometheus.io/scrape, port and path. They are a convention that
	// the scrape configuration of the Prometheus community's Helm chart follows; the operator does not.
	ScrapeAnnotations ScrapingForm = "Annotations"
)

// ScrapingProps are the options of a Scraping.
type ScrapingProps struct {
	// Name of the ServiceMonitor, for that form alone; an RFC 1123 subdomain. Defaults to the Service's.
	Name string
	// Form is how Prometheus is told. Defaults to ServiceMonitor.
	Form ScrapingForm
	// Service whose pods are read. Several Scrapings of the form ServiceMonitor may be for one Service, each with a Name of
	// its own, but only one of the form ScrapeAnnotations. Required.
	Service *Service
	// Port is the name of the Service's port that serves the metrics. Defaults to its only one.
	Port string
	// Path of the metrics, beginning with '/'. Defaults to "/metrics".
	Path string
	// Interval is the time between two reads, in whole milliseconds, for the form ServiceMonitor.
	// Defaults to the Prometheus'.
	Interval time.Duration
	// Timeout is how long a read may take, at most the Interval, for the form ServiceMonitor.
	// Defaults to the Prometheus'.
	Timeout time.Duration
	// Labels of the ServiceMonitor, by which a Prometheus may select it, and Annotations; for that form alone. Default to
	// none.
	Labels, Annotations map[string]string
	// Patch has the last word on the ServiceMonitor; for the form ScrapeAnnotations it is an error.
	Patch func(*monitoringv1.ServiceMonitor)
}

func (props ScrapingProps) withDefaults() ScrapingProps {
	if props.Form == "" {
		props.Form = ServiceMonitor
	}
	if props.Name == "" && props.Service != nil {
		props.Name = props.Service.Name()
	}
	if props.Path == "" {
		props.Path = "/metrics"
	}
	return props
}

func (props ScrapingProps) validate() problem.List {
	var p problem.List
	problem.OneOf(&p, problem.At("Form"), props.Form, ServiceMonitor, ScrapeAnnotations)
	if props.Service == nil {
		p.Missing(problem.At("Service"), "give the *Service whose pods are read")
	} else {
		// Its name is checked where it is given.
		if props.Name != props.Service.Name() {
			p.DNSSubdomain(problem.At("Name"), props.Name)
		}
		props.validatePort(&p)
	}
	if !strings.HasPrefix(props.Path, "/") {
		p.Add(problem.At("Path"), props.Path, "does not begin with '/'; use for example \"/metrics\"")
	}
	validateScrapeDuration(&p, problem.At("Interval"), props.Interval)
	validateScrapeDuration(&p, problem.At("Timeout"), props.Timeout)
	if props.Interval > 0 && props.Timeout > props.Interval {
		p.Add(problem.At("Timeout"), props.Timeout, "is more than the Interval, "+props.Interval.String()+"; lower it")
	}
	p.Labels(problem.At("Labels"), props.Labels)
	p.Annotations(problem.At("Annotations"), props.Annotations)
	if props.Form == ScrapeAnnotations {
		props.validateAnnotationsForm(&p)
	}
	return p
}

// scrapeDuration checks a time in the milliseconds that Prometheus counts in.
func validateScrapeDuration(p *problem.List, field *problem.Path, d time.Duration) {
	switch {
	case d < 0:
		p.Add(field, d, "is negative; use 1ms or more")
	case d%time.Millisecond != 0:
		p.Add(field, d, "is not in whole milliseconds, which is what Prometheus counts in; use for example 30s")
	}
}

func (props ScrapingProps) validatePort(p *problem.List) {
	service := props.Service
	if service.props.Type == ExternalName {
		p.Add(problem.At("Service"), service.Name(), "is an ExternalName, which has no pods to read; use a Service with pods")
		return
	}
	port, ok := props.port()
	switch {
	case !ok:
		props.Service.Backend(props.Port).validate(p, problem.At("Port"))
	case port.Name == "" && props.Form == ServiceMonitor:
		p.Add(problem.At("Port"), props.Port, "stands for a port without a name, and a ServiceMonitor knows ports by their names; give the port of Service "+service.Name()+" a Name")
	}
}

func (props ScrapingProps) validateAnnotationsForm(p *problem.List) {
	const rule = "has no meaning for the form Annotations; leave it out, or use ServiceMonitor"
	if props.Interval != 0 {
		p.Add(problem.At("Interval"), props.Interval, rule)
	}
	if props.Timeout != 0 {
		p.Add(problem.At("Timeout"), props.Timeout, rule)
	}
	if props.Service != nil && props.Name != props.Service.Name() {
		p.Add(problem.At("Name"), props.Name, rule)
	}
	if props.Patch != nil {
		p.Add(problem.At("Patch"), "func", rule)
	}
	if len(props.Labels) > 0 {
		p.Add(problem.At("Labels"), props.Labels, rule)
	}
	if len(props.Annotations) > 0 {
		p.Add(problem.At("Annotations"), props.Annotations, rule)
	}
}

// validateService finds what would be overwritten in the object of the Service: it belongs to another construct, whose
// Patch had the last word on it, and another Scraping may have written to it before.
func (s *Scraping) validateService() problem.List {
	var p problem.List
	service := s.props.Service
	if s.props.Form == ServiceMonitor {
		value := service.object.Metadata().GetLabel(new(nameLabel))
		if value != nil && *value != service.Name() && *value != chartLabel(service, nameLabel) {
			p.Add(problem.At("Service"), service.Name(), fmt.Sprintf(
				"has the label %s=%s, and a ServiceMonitor finds it by that label with its own name; leave the label out there", nameLabel, *value))
		}
		return p
	}
	metadata, _ := service.object.Metadata().ToJson().(map[string]any)
	annotations, _ := metadata["annotations"].(map[string]any)
	for _, key := range []string{scrapeAnnotation, scrapePortAnnotation, scrapePathAnnotation} {
		value, ok := annotations[key]
		if !ok {
			continue
		}
		if other := s.annotator(); other != nil {
			p.Add(problem.At("Service"), service.Name(), fmt.Sprintf(
				"has the annotations of %s already, and can have those of one Scraping; leave out one of them, or use ServiceMonitor, of which a Service may have several",
				*other.Node().Path()))
			return p
		}
		p.Add(problem.At("Service"), service.Name(), fmt.Sprintf("has the annotation %s: %s already, which Scraping sets; leave it out there", key, problem.Show(value)))
	}
	return p
}

// annotator is the Scraping that has written its annotations to the Service, if there is one.
func (s *Scraping) annotator() *Scraping {
	for _, construct := range *s.Node().Root().Node().FindAll(constructs.ConstructOrder_PREORDER) {
		other, ok := construct.(*Scraping)
		if ok && other != s && other.props.Service == s.props.Service && other.props.Form == ScrapeAnnotations {
			return other
		}
	}
	return nil
}

// port is the Service's port that Port names.
func (props ScrapingProps) port() (ServicePort, bool) {
	ports := props.Service.props.Ports
	for _, port := range ports {
		if port.Name == props.Port || props.Port == "" && len(ports) == 1 {
			return port, true
		}
	}
	return ServicePort{}, false
}

// nameLabel is the label by which a ServiceMonitor finds its Service and no other
// (https://kubernetes.io/docs/concepts/overview/working-with-objects/common-labels/).
const nameLabel = "app.kubernetes.io/name"

// The annotations of the form Annotations.
const (
	scrapeAnnotation     = "prometheus.io/scrape"
	scrapePortAnnotation = "prometheus.io/port"
	scrapePathAnnotation = "prometheus.io/path"
)

// Scraping lets Prometheus read the metrics of each pod behind a Service.
type Scraping struct {
	constructs.Construct
	props ScrapingProps
}

// NewScraping makes a Scraping. In the form ServiceMonitor its child Resource is that object, and the Service gets the
// label app.kubernetes.io/name by which it is found; in the form ScrapeAnnotations it has no child, and the Service gets
// the annotations. A Service that has them already, with other values, is an error.
func NewScraping(scope constructs.Construct, id string, props ScrapingProps) *Scraping {
	props = props.withDefaults()
	s := &Scraping{props: props}
	tree.New(s, scope, id)
	messages := props.validate()
	if len(messages) == 0 {
		messages = s.validateService()
	}
	tree.Invalid(s, messages...)
	if props.Form == ScrapeAnnotations {
		if len(messages) == 0 {
			props.annotate()
		}
		return s
	}
	if props.Service != nil {
		props.Service.object.Metadata().AddLabel(new(nameLabel), new(props.Service.Name()))
	}
	monitoring.NewServiceMonitor(s, "Resource", patched(s, props.serviceMonitor(), props.Patch))
	return s
}

// Name returns the name of the ServiceMonitor.
func (s *Scraping) Name() string { return s.props.Name }

// annotate writes the annotations, in which the port is the pods' and not the Service's.
func (props ScrapingProps) annotate() {
	port, _ := props.port()
	metadata := props.Service.object.Metadata()
	for _, annotation := range [][2]string{
		{scrapeAnnotation, "true"},
		{scrapePortAnnotation, strconv.Itoa(int(port.TargetPort))},
		{scrapePathAnnotation, props.Path},
	} {
		metadata.AddAnnotation(&annotation[0], &annotation[1])
	}
}

func (props ScrapingProps) serviceMonitor() *monitoringv1.ServiceMonitor {
	object := &monitoringv1.ServiceMonitor{
		ObjectMeta: objectMeta(props.Name, props.Labels, props.Annotations),
	}
	if props.Service == nil {
		return object
	}
	port, _ := props.port()
	object.Spec = monitoringv1.ServiceMonitorSpec{
		Selector: metav1.LabelSelector{MatchLabels: map[string]string{nameLabel: props.Service.Name()}},
		Endpoints: []monitoringv1.Endpoint{{
			Port:          port.Name,
			Path:          props.Path,
			Interval:      scrapeDuration(props.Interval),
			ScrapeTimeout: scrapeDuration(props.Timeout),
		}},
	}
	return object
}

// scrapeDuration writes a duration of which 0 means that the Prometheus' own holds.
func scrapeDuration(d time.Duration) monitoringv1.Duration {
	if d == 0 {
		return ""
	}
	return monitoringv1.Duration(promDuration(d))
}
