package tree

import (
	"errors"
	"fmt"
	"reflect"
	"strings"

	"github.com/aws/constructs-go/constructs/v10"
)

// NewDependencyGroup makes one thing to depend on out of several, as constructs.NewDependencyGroup does, on either tree.
// A member is a construct, another group, or a value with the method DependencyRoots() *[]constructs.IConstruct, which
// the native tree takes alone. More can be added later, to a group that something depends on already, too.
//
// The members of a group stand in one tree; Add panics for one of the other tree. On the official tree, a group needs
// a member before something is made to depend on it: until then, nothing says which tree it is of.
func NewDependencyGroup(members ...constructs.IDependable) constructs.DependencyGroup {
	group := &jsiiProxy_Group{}
	group.Add(members...)
	return group
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
	defer func() {
		var refused *reflect.ValueError
		if cause := recover(); cause != nil {
			if err, ok := cause.(error); ok && errors.As(err, &refused) {
				panic(fmt.Errorf("%T cannot be depended on: pass a construct, a group, or a value with the method DependencyRoots", dependable))
			}
			panic(cause)
		}
	}()
	return *constructs.Dependable_Of(dependable).DependencyRoots()
}

// jsiiProxy_Group is a constructs.DependencyGroup that lives in Go until it is given a member of the official tree.
// Where one that has none yet is given to a group of the official tree, it becomes one of that, too.
//
// The prefix tells jsii that its methods are no overrides.
type jsiiProxy_Group struct { //nolint:revive // jsii asks for this name
	// DependencyGroup is nil until then.
	constructs.DependencyGroup
	members []constructs.IDependable
	// asked is set while the roots are collected: a group may hold itself.
	asked bool
}

// Add is part of constructs.DependencyGroup.
func (g *jsiiProxy_Group) Add(members ...constructs.IDependable) {
	for _, member := range members {
		if member == nil {
			panic(errors.New("a dependency group cannot hold nil: pass constructs, other groups, or none"))
		}
		if isOfficialDependable(member) {
			g.becomeOfficial()
		}
		if g.DependencyGroup != nil {
			addOfficial(g.DependencyGroup, member)
		}
		g.members = append(g.members, member)
	}
}

func (g *jsiiProxy_Group) becomeOfficial() {
	if g.DependencyGroup != nil {
		return
	}
	constructs.NewDependencyGroup_Override(g)
	for _, member := range g.members {
		addOfficial(g.DependencyGroup, member)
	}
}

func addOfficial(group constructs.DependencyGroup, member constructs.IDependable) {
	if inner, ok := member.(*jsiiProxy_Group); ok {
		inner.becomeOfficial()
	} else if !isOfficialDependable(member) {
		panic(fmt.Errorf("%T is not of the official tree, as another member of the dependency group is: make a group for each tree", member))
	}
	group.Add(member)
}

// isOfficialDependable reports whether only the official tree knows what a value stands for.
func isOfficialDependable(dependable constructs.IDependable) bool {
	switch dependable := dependable.(type) {
	case *jsiiProxy_Group:
		return dependable.DependencyGroup != nil
	case constructs.IConstruct:
		return !isNative(dependable)
	}
	// What jsii hands out has nothing else in common.
	t := reflect.TypeOf(dependable)
	return t.Kind() == reflect.Pointer && strings.HasPrefix(t.Elem().Name(), "jsiiProxy_")
}

// DependencyRoots makes it a constructs.Dependable.
func (g *jsiiProxy_Group) DependencyRoots() *[]constructs.IConstruct {
	if g.DependencyGroup != nil {
		return constructs.Dependable_Of(g.DependencyGroup).DependencyRoots()
	}
	roots := []constructs.IConstruct{}
	if g.asked {
		return &roots
	}
	g.asked = true
	defer func() { g.asked = false }()
	for _, member := range g.members {
		roots = append(roots, DependencyRoots(member)...)
	}
	return &roots
}
