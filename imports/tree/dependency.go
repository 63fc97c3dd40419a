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
// The members of a group stand in one tree; Add panics for one of the other tree. An official construct may depend on a
// group without members too, once anything of that tree was given to this package.
func NewDependencyGroup(members ...constructs.IDependable) constructs.DependencyGroup {
	group := &jsiiProxy_Group{}
	if official.isLoaded() {
		// Nothing says yet which tree the group is of. On the native one, this is not looked at.
		constructs.NewDependencyGroup_Override(group)
	}
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

// jsiiProxy_Group is a constructs.DependencyGroup that lives in Go, and in Node.js too where it may be one of the official
// tree. Which it is, its members say; one that has none and is given to a group of the official tree becomes one of that.
//
// The prefix tells jsii that its methods are no overrides.
type jsiiProxy_Group struct { //nolint:revive // jsii asks for this name
	// DependencyGroup is nil until anybody could ask Node.js for it.
	constructs.DependencyGroup
	official bool
	members  []constructs.IDependable
	// unknown are the members that Node.js does not know of.
	unknown []constructs.IDependable
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
		if g.official {
			addOfficial(g.DependencyGroup, member)
		} else if inner, ok := member.(*jsiiProxy_Group); ok && inner.DependencyGroup != nil && g.DependencyGroup != nil {
			g.DependencyGroup.Add(inner)
		} else {
			g.unknown = append(g.unknown, member)
		}
		g.members = append(g.members, member)
	}
}

func (g *jsiiProxy_Group) becomeOfficial() {
	if g.official {
		return
	}
	g.official = true
	if g.DependencyGroup == nil {
		constructs.NewDependencyGroup_Override(g)
	}
	for _, member := range g.members {
		if inner, ok := member.(*jsiiProxy_Group); ok {
			inner.becomeOfficial()
		}
	}
	for _, member := range g.unknown {
		addOfficial(g.DependencyGroup, member)
	}
	g.unknown = nil
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
		return dependable.official
	case constructs.IConstruct:
		return !isNative(dependable)
	}
	// What jsii hands out has nothing else in common.
	t := reflect.TypeOf(dependable)
	return t.Kind() == reflect.Pointer && strings.HasPrefix(t.Elem().Name(), "jsiiProxy_")
}

// DependencyRoots makes it a constructs.Dependable.
func (g *jsiiProxy_Group) DependencyRoots() *[]constructs.IConstruct {
	if g.official {
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
