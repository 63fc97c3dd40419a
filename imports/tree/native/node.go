package native

import (
	"crypto/sha1"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"

	"github.com/aws/constructs-go/constructs/v10"

	"github.com/crossoverJie/k8s-combat/imports/tree"
	"github.com/crossoverJie/k8s-combat/imports/tree/native/internal/js"
)

// node is a construct's place in the tree: all that the tree knows about it.
type node struct {
	// host is the construct as its author made it. It may be under construction: only its address is of use here.
	host constructs.IConstruct
	// kind is the name of the host's class in cdk8s, for messages.
	kind string
	// application is the app, at the root alone.
	application *app
	// chart is the closest one: the host itself, the one that it stands in, or nil.
	chart *chart
	// object is the host, where it is an object.
	object *apiObject

	parent   *node
	id, path string
	children children

	defaultChild constructs.IConstruct
	context      map[string]any
	metadata     []*constructs.MetadataEntry
	dependencies dependencies
	validations  []constructs.IValidation
	locked       bool

	// place is where the node was in the tree when that was last gone through, parents first, and end is where the
	// first one was that is not below it.
	place, end int
}

// newChild makes the node of a construct below parent.
func newChild(parent *node, host constructs.IConstruct, kind string, id *string) *node {
	if id == nil || *id == "" {
		fail("Only root constructs may have an empty ID")
	}
	n := &node{host: host, kind: kind, parent: parent, chart: parent.chart, id: sanitizeID(*id)}
	n.path = n.id
	if parent.path != "" {
		n.path = parent.path + "/" + n.id
	}
	parent.addChild(n)
	return n
}

func (n *node) addChild(child *node) {
	if n.isLocked() {
		if n.path == "" {
			fail("Cannot add children during synthesis")
		}
		fail("Cannot add children to %q during synthesis", n.path)
	}
	if !n.children.add(child) {
		where := n.kind
		if n.id != "" {
			where += " [" + n.id + "]"
		}
		fail("There is already a Construct with name '%s' in %s", child.id, where)
	}
}

// sanitizeID replaces what separates ids in a path, and what separates them where an address is computed.
func sanitizeID(id string) string {
	return strings.ReplaceAll(strings.ReplaceAll(id, "/", "--"), "\n", "--")
}

// nodeOf returns the node of a construct of this tree.
func nodeOf(c constructs.IConstruct) *node {
	required("construct", c != nil)
	h, ok := tree.NodeOf(c).(handle)
	if !ok {
		fail("%T does not stand in a native tree: begin the tree with native.NewApp, or use the functions of cdk8s for it", c)
	}
	h[0].adopt(c)
	return h[0]
}

// plainKind is the kind of the constructs that are nothing else.
const plainKind = "Construct"

func (n *node) AddConstruct(self constructs.Construct, id string) constructs.Construct {
	return jsiiCannotTakeTheNativeTree_useCdk8sNewApp{newChild(n, self, plainKind, &id)}
}

func (n *node) Id() *string { return new(n.id) }

func (n *node) Path() *string { return new(n.path) }

func (n *node) Addr() *string { return new(n.addr()) }

func (n *node) addr() string {
	// A construct of this id leaves no trace, so that one can be put in between later.
	const hidden = "Default"
	hash := sha1.New()
	for _, scope := range n.scopes() {
		if scope.id != hidden {
			hash.Write([]byte(scope.id + "\n"))
		}
	}
	return "c8" + hex.EncodeToString(hash.Sum(nil))
}

func (n *node) Root() constructs.IConstruct { return n.root().host }

func (n *node) app() *app { return n.root().application }

func (n *node) root() *node {
	for n.parent != nil {
		n = n.parent
	}
	return n
}

func (n *node) Scope() constructs.IConstruct {
	if n.parent == nil {
		return nil
	}
	return n.parent.host
}

func (n *node) Scopes() *[]constructs.IConstruct {
	return new(hosts(n.scopes()))
}

// scopes returns the path from the root to this node, both included.
func (n *node) scopes() []*node {
	var scopes []*node
	for ; n != nil; n = n.parent {
		scopes = append(scopes, n)
	}
	slices.Reverse(scopes)
	return scopes
}

func (n *node) Children() *[]constructs.IConstruct {
	return new(hosts(n.children.list()))
}

func (n *node) FindAll(order constructs.ConstructOrder) *[]constructs.IConstruct {
	var all []constructs.IConstruct
	var visit func(*node)
	visit = func(n *node) {
		if order != constructs.ConstructOrder_POSTORDER {
			all = append(all, n.host)
		}
		for _, child := range n.children.list() {
			visit(child)
		}
		if order == constructs.ConstructOrder_POSTORDER {
			all = append(all, n.host)
		}
	}
	visit(n)
	return &all
}

func (n *node) TryFindChild(id *string) constructs.IConstruct {
	required("id", id != nil)
	child := n.children.find(sanitizeID(*id))
	if child == nil {
		return nil
	}
	return child.host
}

func (n *node) FindChild(id *string) constructs.IConstruct {
	child := n.TryFindChild(id)
	if child == nil {
		fail("No child with id: '%s'", *id)
	}
	return child
}

func (n *node) TryRemoveChild(id *string) *bool {
	required("childName", id != nil)
	return new(n.children.remove(*id))
}

func (n *node) DefaultChild() constructs.IConstruct {
	if n.defaultChild != nil {
		return n.defaultChild
	}
	resource, other := n.TryFindChild(new("Resource")), n.TryFindChild(new("Default"))
	if resource != nil && other != nil {
		fail("Cannot determine default child for %s. There is both a child with id \"Resource\" and id \"Default\"", n.path)
	}
	if resource != nil {
		return resource
	}
	return other
}

func (n *node) SetDefaultChild(child constructs.IConstruct) {
	if child != nil {
		nodeOf(child) // of this tree, and no other
	}
	n.defaultChild = child
}

func (n *node) Lock() { n.locked = true }

func (n *node) Locked() *bool { return new(n.isLocked()) }

func (n *node) isLocked() bool {
	for ; n != nil; n = n.parent {
		if n.locked {
			return true
		}
	}
	return false
}

func (n *node) AddValidation(validation constructs.IValidation) {
	required("validation", validation != nil)
	n.validations = append(n.validations, validation)
}

func (n *node) Validate() *[]*string {
	messages := []*string{}
	for _, validation := range n.validations {
		if found := validation.Validate(); found != nil {
			messages = append(messages, *found...)
		}
	}
	return &messages
}

// problems are what the validations of the node find, with all their parts where they tell them.
func (n *node) problems() []tree.Problem {
	var problems []tree.Problem
	for _, validation := range n.validations {
		var found []tree.Problem
		if typed, ok := validation.(interface{ Problems() []tree.Problem }); ok {
			found = typed.Problems()
		} else if messages := validation.Validate(); messages != nil {
			for _, message := range *messages {
				found = append(found, tree.Problem{Detail: *message})
			}
		}
		for _, problem := range found {
			problem.Construct = n.path
			problems = append(problems, problem)
		}
	}
	return problems
}

func (n *node) With(mixins ...constructs.IMixin) constructs.IConstruct {
	all := *n.FindAll(constructs.ConstructOrder_PREORDER)
	for _, mixin := range mixins {
		required("mixins", mixin != nil)
		for _, construct := range all {
			if *mixin.Supports(construct) {
				mixin.ApplyTo(construct)
			}
		}
	}
	return n.host
}

// children are the nodes below one, by id. Most have few, so it takes many before they are also kept in a map.
type children struct {
	nodes []*node
	byID  map[string]*node
	// reorder is set where ids are array indexes, which JavaScript lists first.
	reorder bool
}

const manyChildren = 8

func (c *children) add(child *node) bool {
	if c.find(child.id) != nil {
		return false
	}
	c.nodes = append(c.nodes, child)
	if c.byID != nil {
		c.byID[child.id] = child
	} else if len(c.nodes) > manyChildren {
		c.byID = make(map[string]*node, 2*len(c.nodes))
		for _, n := range c.nodes {
			c.byID[n.id] = n
		}
	}
	if _, ok := js.Index(child.id); ok {
		c.reorder = true
	}
	return true
}

func (c *children) find(id string) *node {
	if c.byID != nil {
		return c.byID[id]
	}
	for _, n := range c.nodes {
		if n.id == id {
			return n
		}
	}
	return nil
}

func (c *children) remove(id string) bool {
	child := c.find(id)
	if child == nil {
		return false
	}
	delete(c.byID, id)
	// A new slice: somebody may be going through the list.
	c.nodes = slices.DeleteFunc(slices.Clone(c.nodes), func(n *node) bool { return n == child })
	return true
}

// list returns the children in the order of JavaScript's objects. The result is not to be changed.
func (c *children) list() []*node {
	if c.reorder {
		c.nodes = slices.Clone(c.nodes)
		js.IndexesFirst(c.nodes, func(n *node) string { return n.id })
		c.reorder = false
	}
	return c.nodes
}

func hosts(nodes []*node) []constructs.IConstruct {
	result := make([]constructs.IConstruct, len(nodes))
	for i, n := range nodes {
		result[i] = n.host
	}
	return result
}

// fail panics with an error, as the calls of the official tree do.
func fail(format string, args ...any) {
	panic(fmt.Errorf(format, args...))
}
