package tree

import "github.com/aws/constructs-go/constructs/v10"

// NewDependencyGroup makes one thing to depend on out of several constructs, as constructs.NewDependencyGroup does, for
// the tree that first stands in. More can be added later.
func NewDependencyGroup(first constructs.IConstruct, more ...constructs.IConstruct) constructs.DependencyGroup {
	members := []constructs.IDependable{first}
	for _, member := range more {
		members = append(members, member)
	}
	if !isNative(first) {
		return constructs.NewDependencyGroup(members...)
	}
	return &dependencyGroup{members}
}

// DependencyRoots returns the constructs that something stands for when it is depended on, as the roots of
// constructs.Dependable_Of do, on either tree: a construct stands for itself.
func DependencyRoots(dependable constructs.IDependable) []constructs.IConstruct {
	if dependable, ok := dependable.(constructs.Dependable); ok {
		return *dependable.DependencyRoots()
	}
	if construct, ok := dependable.(constructs.IConstruct); ok && isNative(construct) {
		return []constructs.IConstruct{construct}
	}
	return *constructs.Dependable_Of(dependable).DependencyRoots()
}

// dependencyGroup is a constructs.DependencyGroup without jsii.
type dependencyGroup struct{ members []constructs.IDependable }

func (g *dependencyGroup) Add(members ...constructs.IDependable) {
	g.members = append(g.members, members...)
}

// DependencyRoots makes it a constructs.Dependable.
func (g *dependencyGroup) DependencyRoots() *[]constructs.IConstruct {
	roots := []constructs.IConstruct{}
	for _, member := range g.members {
		roots = append(roots, DependencyRoots(member)...)
	}
	return &roots
}
