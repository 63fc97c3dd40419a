package native

import (
	"fmt"

	"github.com/aws/constructs-go/constructs/v10"
)

// construct is a place in the tree. App, Chart and ApiObject embed it, and it is what other constructs embed as their
// constructs.Construct.
type construct struct {
	node *node
}

func (c *construct) Node() constructs.Node { return c.node }

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

// MarshalJSON fails: a construct is no value. Encoded, it would look like an empty one.
func (c *construct) MarshalJSON() ([]byte, error) { return c.node.MarshalJSON() }

func (n *node) MarshalJSON() ([]byte, error) {
	return nil, fmt.Errorf("construct %q stands in a native tree, which jsii cannot see: "+
		"begin the tree with cdk8s.NewApp to use it with libraries of jsii", n.path)
}
