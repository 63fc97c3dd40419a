package native

import (
	"slices"

	"github.com/aws/constructs-go/constructs/v10"
)

// dependencies is a set that keeps the order in which it was filled. A construct is in it by its node, anything else
// that can be depended on by itself.
type dependencies struct {
	list  []any
	index map[any]struct{}
}

func (n *node) AddDependency(deps ...constructs.IDependable) {
	d := &n.dependencies
	for _, dep := range deps {
		key := dependencyKey(dep)
		if _, ok := d.index[key]; ok {
			continue
		}
		if d.index == nil {
			d.index = map[any]struct{}{}
		}
		d.index[key] = struct{}{}
		d.list = append(d.list, key)
	}
}

func (n *node) RemoveDependency(deps ...constructs.IDependable) {
	d := &n.dependencies
	for _, dep := range deps {
		key := dependencyKey(dep)
		if _, ok := d.index[key]; ok {
			delete(d.index, key)
			d.list = slices.DeleteFunc(d.list, func(other any) bool { return other == key })
		}
	}
}

func (n *node) Dependencies() *[]constructs.IConstruct {
	return new(hosts(n.dependencies.nodes()))
}

// nodes returns what is depended on.
func (d *dependencies) nodes() []*node {
	var nodes []*node
	for _, dep := range d.list {
		if n, ok := dep.(*node); ok {
			nodes = append(nodes, n)
			continue
		}
		for _, root := range *dep.(constructs.Dependable).DependencyRoots() {
			nodes = append(nodes, nodeOf(root))
		}
	}
	return nodes
}

func dependencyKey(dep constructs.IDependable) any {
	switch dep := dep.(type) {
	case constructs.IConstruct:
		return nodeOf(dep)
	case constructs.Dependable:
		return dep
	}
	fail("%T cannot be depended on in the native tree: pass the constructs, a group made with tree.NewDependencyGroup, or a value of your own "+
		"with the method DependencyRoots() *[]constructs.IConstruct", dep)
	return nil
}

// AddDependency is part of cdk8s.Chart and cdk8s.ApiObject.
func (c *construct) AddDependency(dependencies ...constructs.IConstruct) {
	for _, dependency := range dependencies {
		c.node.AddDependency(dependency)
	}
}
