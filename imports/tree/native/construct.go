package native

import (
	"github.com/aws/constructs-go/constructs/v10"
)

// construct is a place in the tree. App, Chart and ApiObject embed it.
type construct struct {
	node *node
}

func (c *construct) Node() constructs.Node { return handle{c.node} }

func (c *construct) ToString() *string {
	if c.node.path == "" {
		root := "<root>"
		return &root
	}
	return c.node.Path()
}

func (c *construct) With(mixins ...constructs.IMixin) constructs.IConstruct {
	return c.node.With(mixins...)
}

// MarshalJSON fails, as that of its node does.
func (c *construct) MarshalJSON() ([]byte, error) { return handle{c.node}.MarshalJSON() }

// jsiiCannotTakeTheNativeTree_useCdk8sNewApp is a place in the tree that the constructs of users embed as their
// constructs.Construct.
//
// Of such a construct jsii takes for granted that it knows the embedded part, and never asks for its node. It looks for
// more embedded parts, though, and that it fails to do with what is not a struct: with a panic that says no more than
// the name of this type, which is why it has one.
type jsiiCannotTakeTheNativeTree_useCdk8sNewApp [1]*node

func (c jsiiCannotTakeTheNativeTree_useCdk8sNewApp) construct() *construct { return &construct{c[0]} }

func (c jsiiCannotTakeTheNativeTree_useCdk8sNewApp) Node() constructs.Node { return handle{c[0]} }

func (c jsiiCannotTakeTheNativeTree_useCdk8sNewApp) ToString() *string {
	return c.construct().ToString()
}

func (c jsiiCannotTakeTheNativeTree_useCdk8sNewApp) With(mixins ...constructs.IMixin) constructs.IConstruct {
	return c[0].With(mixins...)
}

// MarshalJSON fails, as that of its node does.
func (c jsiiCannotTakeTheNativeTree_useCdk8sNewApp) MarshalJSON() ([]byte, error) {
	return handle{c[0]}.MarshalJSON()
}
