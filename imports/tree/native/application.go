package native

import (
	"container/heap"
	"slices"

	"github.com/crossoverJie/k8s-combat/imports/tree"
)

// apply puts the nodes of the subtree of root, of which each comes after what it depends on already, into the order of
// application: by the ranks of their kinds, and still after what they depend on.
func (o *order) apply(root *node, sorted []*node) []*node {
	var byRank [][]*node
	for _, n := range sorted {
		rank := n.rank()
		for len(byRank) <= rank {
			byRank = append(byRank, nil)
		}
		byRank[rank] = append(byRank[rank], n)
	}
	queue := slices.Concat(byRank...)
	a := &applier{waitsFor: map[any]int{}, dependents: map[any][]any{}}
	a.dependencies(o, root, sorted)
	if len(a.waitsFor) == 0 {
		return queue
	}
	a.place = make(map[*node]int, len(queue))
	for i, n := range queue {
		a.place[n] = i
		if a.waitsFor[n] == 0 {
			a.ready = append(a.ready, i) // in order, so a heap
		}
	}
	result := make([]*node, 0, len(queue))
	for len(a.ready) > 0 {
		n := queue[heap.Pop(&a.ready).(int)]
		result = append(result, n)
		a.release(n)
	}
	return result
}

// rank is above that of the object's kind. What is no object has the lowest: it comes as soon as it can, so that it holds
// nothing up.
func (n *node) rank() int {
	if n.object == nil {
		return 0
	}
	return 1 + tree.Rank(n.object.group(), n.object.kind)
}

// applier takes nodes as soon as all is there that they depend on.
type applier struct {
	// waitsFor counts what a node or a group still depends on; dependents are those that depend on one.
	waitsFor   map[any]int
	dependents map[any][]any
	// ready holds the places in the queue of those that wait for nothing.
	ready places
	place map[*node]int
}

// dependencies finds what depends on what within the subtree of root.
func (a *applier) dependencies(o *order, root *node, nodes []*node) {
	if !o.dependencies {
		return
	}
	seen := map[*group]bool{}
	for _, n := range nodes {
		for _, group := range o.after[n] {
			if !seen[group] {
				seen[group] = true
				for _, target := range group.nodes {
					if root.contains(target) {
						a.add(group, target)
					}
				}
			}
			if a.waitsFor[group] > 0 {
				a.add(n, group)
			}
		}
	}
}

func (a *applier) add(source, target any) {
	a.waitsFor[source]++
	a.dependents[target] = append(a.dependents[target], source)
}

// release lets go what has waited for one that is there.
func (a *applier) release(target any) {
	for _, source := range a.dependents[target] {
		a.waitsFor[source]--
		if a.waitsFor[source] > 0 {
			continue
		}
		if n, ok := source.(*node); ok {
			heap.Push(&a.ready, a.place[n])
		} else {
			a.release(source)
		}
	}
}

// places is a heap.
type places []int

func (p places) Len() int           { return len(p) }
func (p places) Less(i, j int) bool { return p[i] < p[j] }
func (p places) Swap(i, j int)      { p[i], p[j] = p[j], p[i] }
func (p *places) Push(place any)    { *p = append(*p, place.(int)) }

func (p *places) Pop() any {
	last := len(*p) - 1
	place := (*p)[last]
	*p = (*p)[:last]
	return place
}
