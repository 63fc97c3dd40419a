package trafficmap

import (
	"cmp"
	"slices"

	"github.com/crossoverJie/k8s-combat/infra/check"
	"github.com/crossoverJie/k8s-combat/infra/internal/objects"
	"github.com/crossoverJie/k8s-combat/infra/traffic/engine"
)

// Set is a set of objects that is applied together.
type Set struct {
	// Name is shown above its part of the map.
	Name    string
	Objects []check.Object
}

// Map is a map of sets.
type Map struct {
	options engine.Options
	sets    []drawnSet
}

// drawnSet is a set as the page has it.
type drawnSet struct {
	Name     string           `json:"name"`
	Graph    *engine.Graph    `json:"graph"`
	Cards    map[string]*card `json:"cards"`
	Findings []finding        `json:"findings"`
	// Objects are what the engine needs of the set.
	Objects []publicObject `json:"objects"`
}

// finding is a finding of the check, with the key of the node on whose card it stands.
type finding struct {
	Code     string         `json:"code"`
	Severity check.Severity `json:"severity"`
	Object   string         `json:"object"`
	Field    string         `json:"field,omitempty"`
	Place    string         `json:"place,omitempty"`
	Message  string         `json:"message"`
	Fix      string         `json:"fix"`
	Node     string         `json:"node,omitempty"`
}

// New makes a map of sets. Findings are those of the check with the options.
func New(sets []Set, options check.Options) *Map {
	m := &Map{options: engine.Options{Namespace: options.Namespace, ClusterDomain: options.ClusterDomain}}
	for _, set := range sets {
		m.sets = append(m.sets, m.draw(set, options))
	}
	return m
}

func (m *Map) draw(set Set, options check.Options) drawnSet {
	read := make([]engine.Object, len(set.Objects))
	all := make([]*objects.Object, 0, len(set.Objects))
	for i, o := range set.Objects {
		read[i] = engine.Object{Content: o.Content, Place: o.Place.String()}
		if one := objects.Read(o.Content); one.Kind != "" {
			all = append(all, &one)
		}
	}
	home := cmp.Or(objects.Home(options.Namespace, func(yield func(kind, namespace string) bool) {
		for _, o := range all {
			if !yield(o.Kind, o.Written) {
				return
			}
		}
	}), "default")
	index := objects.New(all, home)
	drawn := drawnSet{Name: set.Name, Graph: engine.New(read, m.options).Graph(), Cards: map[string]*card{}, Findings: []finding{}, Objects: []publicObject{}}
	maker := newCardMaker(index)
	for _, n := range drawn.Graph.Nodes {
		if c := maker.card(n); c != nil {
			drawn.Cards[n.Key] = c
		}
	}
	for _, f := range check.Objects(set.Objects, options) {
		one := finding{Code: f.Code, Severity: f.Severity, Object: f.Object(), Field: f.Field, Place: f.Place.String(), Message: f.Message, Fix: f.Fix}
		namespace := f.Namespace
		if namespace == "" && !objects.IsClusterKind(f.Kind) {
			namespace = home
		}
		for _, key := range maker.nodesOf(objects.Key{Kind: f.Kind, Namespace: namespace, Name: f.Name}) {
			one.Node = cmp.Or(one.Node, key)
			c := drawn.Cards[key]
			if c == nil {
				c = &card{}
				drawn.Cards[key] = c
			}
			c.Findings = append(c.Findings, len(drawn.Findings))
			if c.Worst == "" || slices.Index(severities, f.Severity) > slices.Index(severities, c.Worst) {
				c.Worst = f.Severity
			}
		}
		drawn.Findings = append(drawn.Findings, one)
	}
	for i, o := range set.Objects {
		if content := public(o.Content); content != nil {
			drawn.Objects = append(drawn.Objects, publicObject{content, read[i].Place})
		}
	}
	return drawn
}

var severities = []check.Severity{check.Note, check.Warning, check.Error}
