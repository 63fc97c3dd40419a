package observe_test

import (
	"context"
	"testing"
	"time"

	monitoringv1 "github.com/prometheus-operator/prometheus-operator/pkg/apis/monitoring/v1"
	"github.com/prometheus/prometheus/model/histogram"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/prometheus/prometheus/storage"
	"github.com/prometheus/prometheus/tsdb/chunkenc"
	"github.com/prometheus/prometheus/tsdb/chunks"
	"github.com/prometheus/prometheus/util/annotations"
	"github.com/stretchr/testify/require"
)

var promQL = parser.NewParser(parser.Options{})

// prometheus evaluates rules on series that a test makes up, with the engine of the real one.
type prometheus struct {
	t      *testing.T
	engine *promql.Engine
	series []storedSeries
}

type storedSeries struct {
	labels  labels.Labels
	samples []chunks.Sample
}

// sample is a chunks.Sample of a number.
type sample struct {
	at    int64
	value float64
}

func (s sample) T() int64                      { return s.at }
func (s sample) ST() int64                     { return 0 }
func (s sample) F() float64                    { return s.value }
func (s sample) H() *histogram.Histogram       { return nil }
func (s sample) FH() *histogram.FloatHistogram { return nil }
func (s sample) Type() chunkenc.ValueType      { return chunkenc.ValFloat }
func (s sample) Copy() chunks.Sample           { return s }

func newPrometheus(t *testing.T) *prometheus {
	t.Helper()
	engine := promql.NewEngine(promql.EngineOpts{MaxSamples: 1e7, Timeout: time.Minute, Parser: promQL})
	t.Cleanup(func() { require.NoError(t, engine.Close()) })
	return &prometheus{t: t, engine: engine}
}

// scrape adds a counter that grows by perMinute, once a minute up to a moment, as if it had been read for so long.
func (p *prometheus) scrape(metric string, metricLabels map[string]string, upTo time.Time, length time.Duration, perMinute func(ago time.Duration) float64) {
	var samples []chunks.Sample
	total := 0.0
	for ago := length; ago >= 0; ago -= time.Minute {
		samples = append(samples, sample{upTo.Add(-ago).UnixMilli(), total})
		total += perMinute(ago)
	}
	p.series = append(p.series, storedSeries{named(metric, labels.FromMap(metricLabels)), samples})
}

// metricNameLabel holds the name of a series among its labels.
const metricNameLabel = "__name__"

func named(metric string, l labels.Labels) labels.Labels {
	return labels.NewBuilder(l).Set(metricNameLabel, metric).Labels()
}

// query evaluates an expression at a moment.
func (p *prometheus) query(expression string, at time.Time) promql.Vector {
	p.t.Helper()
	queryable := &storage.MockQueryable{MockQuerier: &storage.MockQuerier{SelectMockFunction: p.find}}
	query, err := p.engine.NewInstantQuery(context.Background(), queryable, nil, expression, at)
	require.NoError(p.t, err, expression)
	defer query.Close()
	vector, err := query.Exec(context.Background()).Vector()
	require.NoError(p.t, err, expression)
	return append(promql.Vector{}, vector...)
}

func (p *prometheus) find(_ bool, _ *storage.SelectHints, matchers ...*labels.Matcher) storage.SeriesSet {
	found := &seriesSet{}
	for _, series := range p.series {
		matches := true
		for _, matcher := range matchers {
			matches = matches && matcher.Matches(series.labels.Get(matcher.Name))
		}
		if matches {
			found.rest = append(found.rest, storage.NewListSeries(series.labels, series.samples))
		}
	}
	return found
}

type seriesSet struct {
	rest    []storage.Series
	current storage.Series
}

func (s *seriesSet) Next() bool {
	if len(s.rest) == 0 {
		return false
	}
	s.current, s.rest = s.rest[0], s.rest[1:]
	return true
}
func (s *seriesSet) At() storage.Series                { return s.current }
func (s *seriesSet) Err() error                        { return nil }
func (s *seriesSet) Warnings() annotations.Annotations { return nil }

// evaluate evaluates a group of rules at a moment: what it records can be queried from then on, and the alerts that fire
// are returned, each by its labels.
func (p *prometheus) evaluate(group monitoringv1.RuleGroup, at time.Time) []map[string]string {
	p.t.Helper()
	var alerts []map[string]string
	for _, rule := range group.Rules {
		for _, result := range p.query(rule.Expr.String(), at) {
			builder := labels.NewBuilder(result.Metric).Del(metricNameLabel)
			for name, value := range rule.Labels {
				builder.Set(name, value)
			}
			if rule.Alert != "" {
				alerts = append(alerts, builder.Labels().Map())
				continue
			}
			p.append(named(rule.Record, builder.Labels()), sample{at.UnixMilli(), result.F})
		}
	}
	return alerts
}

func (p *prometheus) append(l labels.Labels, s sample) {
	for i := range p.series {
		if labels.Equal(p.series[i].labels, l) {
			p.series[i].samples = append(p.series[i].samples, s)
			return
		}
	}
	p.series = append(p.series, storedSeries{l, []chunks.Sample{s}})
}
