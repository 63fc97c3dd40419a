package observe

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/crossoverJie/k8s-combat/infra"
	"github.com/crossoverJie/k8s-combat/infra/internal/problem"
)

// RequestMetrics are the series by which Prometheus knows the requests that a Service has answered:
// a counter and a histogram, as the RED method asks for. The defaults are for HTTP.
type RequestMetrics struct {
	// Requests is the name of the counter of requests. Defaults to "http_server_requests_total".
	Requests string
	// Failed says which of the requests failed, by the labels of Requests, all of which must match.
	// Defaults to {"code": Regex("5..")}.
	Failed map[string]Matcher
	// Duration is the name of the histogram of the seconds that requests took, without its suffix
	// _bucket.
	// Defaults to "http_server_request_duration_seconds".
	Duration string
	// Buckets are the upper bounds of the histogram's buckets, in ascending order, without the
	// infinite one.
	// Default to those of Prometheus' client libraries, 5 ms to 10 s; a list of none is an error.
	Buckets []time.Duration
	// Selector are labels that the Service's series have. Defaults to the label service, which a
	// Scraping gives them, and to namespace too where the chart names one.
	Selector map[string]string
}

// Labels that Prometheus gives the series of a target.
const (
	serviceSeriesLabel   = "service"
	namespaceSeriesLabel = "namespace"
	bucketSeriesLabel    = "le"
)

func (m RequestMetrics) withDefaults(service *infra.Service) RequestMetrics {
	if m.Requests == "" {
		m.Requests = "http_server_requests_total"
	}
	if m.Failed == nil {
		m.Failed = map[string]Matcher{"code": Regex("5..")}
	}
	if m.Duration == "" {
		m.Duration = "http_server_request_duration_seconds"
	}
	if m.Buckets == nil {
		m.Buckets = defaultBuckets()
	}
	if m.Selector == nil && service.Ref() != nil {
		m.Selector = seriesOf(service)
	}
	return m
}

// defaultBuckets are those that Prometheus' client libraries share.
func defaultBuckets() []time.Duration {
	return []time.Duration{
		5 * time.Millisecond, 10 * time.Millisecond, 25 * time.Millisecond, 50 * time.Millisecond,
		100 * time.Millisecond, 250 * time.Millisecond, 500 * time.Millisecond,
		time.Second, 2500 * time.Millisecond, 5 * time.Second, 10 * time.Second,
	}
}

// seriesOf are the labels that Prometheus gives to what it reads from the Service.
func seriesOf(service *infra.Service) map[string]string {
	labels := map[string]string{serviceSeriesLabel: service.Name()}
	if namespace, _ := service.Ref().Namespace(); namespace != "" {
		labels[namespaceSeriesLabel] = namespace
	}
	return labels
}

var (
	metricName = regexp.MustCompile(`^[a-zA-Z_:][a-zA-Z0-9_:]*$`)
	labelName  = regexp.MustCompile(`^[a-zA-Z_][a-zA-Z0-9_]*$`)
)

const (
	metricNameRule = "is not the name of a metric; use letters, digits, '_' or ':', not beginning with a digit"
	labelNameRule  = "is not a label of Prometheus; use letters, digits or '_', not beginning with a digit or with '__'"
)

// validateSeriesLabels checks the names of labels that series or alerts have.
func validateSeriesLabels(p *problem.List, field *problem.Path, names []string) {
	for _, name := range names {
		if !labelName.MatchString(name) || strings.HasPrefix(name, "__") {
			p.Add(field, name, labelNameRule)
		}
	}
}

func (m RequestMetrics) validate(p *problem.List, field *problem.Path) {
	if !metricName.MatchString(m.Requests) {
		p.Add(field.Child("Requests"), m.Requests, metricNameRule)
	}
	if !metricName.MatchString(m.Duration) {
		p.Add(field.Child("Duration"), m.Duration, metricNameRule)
	} else if strings.HasSuffix(m.Duration, "_bucket") {
		p.Add(field.Child("Duration"), m.Duration, "is the name of the buckets; leave out the suffix _bucket")
	}
	if len(m.Failed) == 0 {
		p.Missing(field.Child("Failed"),
			"say which requests failed, for example {\"code\": Regex(\"5..\")}, or leave it nil for that")
	}
	failed := slices.Sorted(maps.Keys(m.Failed))
	validateSeriesLabels(p, field.Child("Failed"), failed)
	for _, name := range failed {
		m.Failed[name].validate(p, problem.Key(field.Child("Failed"), name))
	}
	validateSeriesLabels(p, field.Child("Selector"), slices.Sorted(maps.Keys(m.Selector)))
	if len(m.Buckets) == 0 {
		p.Missing(field.Child("Buckets"),
			"give the upper bounds of the histogram's buckets, or leave it nil for those of Prometheus' client libraries")
	}
	for i, bucket := range m.Buckets {
		switch {
		case bucket <= 0:
			p.Add(field.Child("Buckets").Index(i), bucket, "is no upper bound of a bucket; use more than 0s")
		case i > 0 && bucket <= m.Buckets[i-1]:
			p.Add(field.Child("Buckets").Index(i), bucket,
				"is not more than the one before it, "+m.Buckets[i-1].String()+"; put them in ascending order")
		}
	}
}

// rate writes the requests a second over window, in each namespace, with more conditions on the
// metric's labels.
func (m RequestMetrics) rate(metric, window string, conditions map[string]Matcher) string {
	return fmt.Sprintf("sum by (%s) (rate(%s%s[%s]))", namespaceSeriesLabel, metric,
		selector(m.Selector, conditions), window)
}

func (m RequestMetrics) requestRate(window string) string { return m.rate(m.Requests, window, nil) }

// failureRate is 0, and not nothing, as long as no request has ever failed.
func (m RequestMetrics) failureRate(window string) string {
	return fmt.Sprintf("(%s or 0 * %s)", m.rate(m.Requests, window, m.Failed), m.requestRate(window))
}

func (m RequestMetrics) timedRate(window string) string {
	return m.rate(m.Duration+"_count", window, nil)
}

// slowRate are the requests that took longer than threshold, one of the buckets.
func (m RequestMetrics) slowRate(threshold time.Duration, window string) string {
	within := m.rate(m.Duration+"_bucket", window,
		map[string]Matcher{bucketSeriesLabel: bucketBound(threshold)})
	return fmt.Sprintf("(%s - %s)", m.timedRate(window), within)
}

// bucketBound matches the label le of a bucket. Prometheus 3 writes the bound of a whole second as
// 1.0, Prometheus 2 as the service does, mostly as 1.
func bucketBound(bound time.Duration) Matcher {
	text := strconv.FormatFloat(bound.Seconds(), 'f', -1, 64)
	if strings.Contains(text, ".") {
		return Equal(text)
	}
	return Regex(text + "([.]0)?")
}

const day = 24 * time.Hour

// promDuration writes a duration as Prometheus does: 5m, 6h, 3d, 2d2h.
func promDuration(d time.Duration) string {
	units := []struct {
		name string
		size time.Duration
	}{{"d", day}, {"h", time.Hour}, {"m", time.Minute}, {"s", time.Second}, {"ms", time.Millisecond}}
	var text strings.Builder
	for _, unit := range units {
		if n := int64(d / unit.size); n > 0 {
			fmt.Fprintf(&text, "%d%s", n, unit.name)
			d %= unit.size
		}
	}
	if text.Len() == 0 {
		return "0s"
	}
	return text.String()
}

// bucketTexts are the buckets, for a message.
func (m RequestMetrics) bucketTexts() []string {
	texts := make([]string, 0, len(m.Buckets))
	for _, bucket := range m.Buckets {
		texts = append(texts, bucket.String())
	}
	return texts
}

func (m RequestMetrics) hasBucket(bound time.Duration) bool { return slices.Contains(m.Buckets, bound) }
