package native

import (
	"slices"
	"sort"
	"strings"

	"github.com/crossoverJie/k8s-combat/imports/tree"
	"github.com/crossoverJie/k8s-combat/imports/tree/native/internal/js"
)

// order knows in which order the charts of an app and the objects of a chart are written: what others depend on comes
// first, and otherwise the order of the tree holds.
type order struct {
	// nodes is the whole tree that was ordered, each node before its children.
	nodes []*node
	// dependentCharts is set where a chart depends on another one.
	dependentCharts bool
	// dependencies is set where anything depends on anything.
	dependencies bool
	// after says what each node depends on.
	after map[*node][]*group
}

// group is a list of nodes that is shared by those that depend on all of it, so that a dependency between two charts of
// a thousand objects does not take a million entries.
type group struct{ nodes []*node }

// newOrder orders the tree below root as it is now.
func newOrder(root *node) *order {
	o := collect(root)
	o.infer()
	return o
}

// newValidOrder does the same, and panics if any construct is invalid, with the messages of all.
func newValidOrder(root *node) *order {
	o := collect(root)
	o.validate()
	o.infer()
	return o
}

// newCheckedOrder does the same, but as SynthYaml and ToJson do it, where a dependency that cannot be is found first.
func newCheckedOrder(root *node) *order {
	o := newOrder(root)
	o.validate()
	return o
}

func collect(root *node) *order {
	o := &order{}
	var visit func(n *node)
	visit = func(n *node) {
		n.place = len(o.nodes)
		o.nodes = append(o.nodes, n)
		o.dependencies = o.dependencies || len(n.dependencies.list) > 0 || n.isNestedChart()
		for _, child := range n.children.list() {
			visit(child)
		}
		n.end = len(o.nodes)
	}
	visit(root)
	return o
}

func (o *order) validate() {
	var problems tree.Problems
	for _, n := range o.nodes {
		problems = append(problems, n.problems()...)
	}
	if len(problems) > 0 {
		panic(problems)
	}
}

func (n *node) isChart() bool { return n.chart != nil && n.chart.node == n }

// isNestedChart tells whether a node is a chart directly in a chart, which is written before the one that it is in.
func (n *node) isNestedChart() bool { return n.isChart() && n.parent.isChart() }

func (n *node) contains(other *node) bool { return n.place <= other.place && other.place < n.end }

// infer makes dependencies between charts and between objects out of those that were stated, which may be between any
// constructs.
func (o *order) infer() {
	if !o.dependencies {
		return
	}
	direct := map[*node][]*node{}
	for _, n := range o.nodes {
		if targets := n.dependencies.nodes(); len(targets) > 0 {
			direct[n] = targets
		}
	}
	dependOnChart := func(source, target *node) {
		o.dependentCharts = true
		if !slices.Contains(direct[source], target) {
			direct[source] = append(direct[source], target)
		}
	}
	for _, n := range o.nodes {
		if n.isNestedChart() {
			dependOnChart(n.parent, n)
		}
	}
	for _, edge := range o.edges(direct) {
		if source, target := edge.source.needChart(), edge.target.needChart(); source != target {
			dependOnChart(source.node, target.node)
		}
	}

	o.after = map[*node][]*group{}
	edges := o.edges(direct)
	for _, edge := range edges {
		if o.has(edge.target) {
			o.after[edge.source] = append(o.after[edge.source], &group{[]*node{edge.target}})
		}
	}
	objects := map[*node]*group{}
	for _, n := range o.nodes {
		if n.object == nil {
			continue
		}
		// Every construct from the object up to its chart stands for the object.
		for scope := n; scope != nil && scope.chart == n.chart; scope = scope.parent {
			if objects[scope] == nil {
				objects[scope] = &group{}
			}
			objects[scope].nodes = append(objects[scope].nodes, n)
		}
	}
	for _, edge := range edges {
		sources, targets := objects[edge.source], objects[edge.target]
		if sources == nil || targets == nil {
			continue
		}
		for _, source := range sources.nodes {
			others := targets
			if source.chart == edge.target.chart && edge.target.contains(source) {
				others = &group{slices.DeleteFunc(slices.Clone(targets.nodes), func(n *node) bool { return n == source })}
			}
			o.after[source] = append(o.after[source], others)
		}
	}
}

type edge struct{ source, target *node }

// edges lists dependencies in the order of the tree.
func (o *order) edges(direct map[*node][]*node) []edge {
	var edges []edge
	for _, n := range o.nodes {
		for _, target := range direct[n] {
			edges = append(edges, edge{n, target})
		}
	}
	return edges
}

// has tells whether a node stands in this tree, and not in that of another app or, removed, in none.
func (o *order) has(n *node) bool {
	return n.place < len(o.nodes) && o.nodes[n.place] == n
}

func (n *node) needChart() *chart {
	if n.chart == nil {
		fail("cannot find a parent chart (directly or indirectly)")
	}
	return n.chart
}

// charts returns all charts.
func (o *order) charts() []*chart {
	nodes := o.nodes
	root := nodes[0]
	// cdk8s keeps constructs by path here, so that paths that are array indexes come first.
	if first := root.children.list(); len(first) > 0 {
		if _, ok := js.Index(first[0].id); ok {
			nodes = slices.Clone(nodes)
			js.IndexesFirst(nodes, func(n *node) string { return n.path })
		}
	}
	var charts []*chart
	for _, n := range o.sort(root, nodes) {
		if n.isChart() {
			charts = append(charts, n.chart)
		}
	}
	return charts
}

// objects returns the objects of a chart, without those of charts in it.
func (o *order) objects(c *chart) []*apiObject {
	nodes := o.sort(c.node, o.nodes[c.node.place:c.node.end])
	if !c.node.app().keepOrder {
		nodes = o.apply(c.node, nodes)
	}
	var objects []*apiObject
	for _, n := range nodes {
		if n.object != nil && n.chart == c {
			objects = append(objects, n.object)
		}
	}
	return objects
}

// sort puts the nodes of the subtree of root behind those that they depend on. Dependencies that leave the subtree do
// not count.
func (o *order) sort(root *node, nodes []*node) []*node {
	if !o.dependencies {
		return nodes
	}
	s := newSorter(o, root, root.end)
	needed := s.needed()
	sortable := true
	for _, n := range nodes {
		if !needed[n] {
			sortable = sortable && s.visit(n)
		}
	}
	// What is needed, but by nothing that can be begun with, is needed by itself.
	if !sortable || len(s.sorted) < len(nodes) {
		fail("Dependency cycle detected: %s", o.cycle(root))
	}
	return s.sorted
}

// cycle describes the cycle that is closed first when dependencies are added one after the other, in the order of the
// tree.
func (o *order) cycle(root *node) string {
	first := sort.Search(root.end-root.place, func(i int) bool {
		s := newSorter(o, root, root.place+i+1)
		for _, n := range o.nodes[root.place:root.end] {
			if !s.visit(n) {
				return true
			}
		}
		return false
	})
	source := o.nodes[root.place+first]
	s := newSorter(o, root, source.place)
	for _, group := range o.after[source] {
		for _, target := range group.nodes {
			if route := s.route(target, source); route != nil {
				var paths []string
				for _, n := range append(route, target) {
					paths = append(paths, n.path)
				}
				return strings.Join(paths, " => ")
			}
		}
	}
	return source.path
}

// sorter goes through a subtree, dependencies first.
type sorter struct {
	*order
	root *node
	// limit is the place in the tree from which on dependencies do not count.
	limit  int
	begun  map[any]bool // nodes and groups
	done   map[any]bool
	sorted []*node
}

func newSorter(o *order, root *node, limit int) *sorter {
	return &sorter{order: o, root: root, limit: limit, begun: map[any]bool{}, done: map[any]bool{}}
}

// needed returns the nodes that others depend on.
func (s *sorter) needed() map[*node]bool {
	needed := map[*node]bool{}
	seen := map[*group]bool{}
	for _, n := range s.nodes[s.root.place:s.limit] {
		for _, group := range s.after[n] {
			if seen[group] {
				continue
			}
			seen[group] = true
			for _, target := range group.nodes {
				needed[target] = true
			}
		}
	}
	return needed
}

// visit sorts n and what it depends on. It returns false if there is a cycle in that.
func (s *sorter) visit(n *node) bool {
	if s.begun[n] {
		return s.done[n]
	}
	s.begun[n] = true
	if n.place < s.limit {
		for _, group := range s.after[n] {
			if s.begun[group] {
				if !s.done[group] {
					return false
				}
				continue
			}
			s.begun[group] = true
			for _, target := range group.nodes {
				if s.root.contains(target) && !s.visit(target) {
					return false
				}
			}
			s.done[group] = true
		}
	}
	s.done[n] = true
	s.sorted = append(s.sorted, n)
	return true
}

// route returns the way from a node along dependencies to another, both included, or nil. Nodes that a search has been
// through are not tried again by the next one.
func (s *sorter) route(from, to *node) []*node {
	if from == to {
		return []*node{to}
	}
	if s.begun[from] || !s.root.contains(from) || from.place >= s.limit {
		return nil
	}
	s.begun[from] = true
	for _, group := range s.after[from] {
		for _, target := range group.nodes {
			if rest := s.route(target, to); rest != nil {
				return append([]*node{from}, rest...)
			}
		}
	}
	return nil
}
