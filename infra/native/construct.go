package native

import (
	"github.com/aws/constructs-go/constructs/v10"
)

// construct is a place in the tree. App, Chart and ApiObject embed it, and it is what other constructs embed as their
// constructs.Construct.
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
