package tree

import (
	"github.com/aws/constructs-go/constructs/v10"
)

// warningType is the type of the metadata that holds a warning.
const warningType = "k8s-combat:warning"

// Warn records what is allowed and may still not be what was meant. Synth writes the manifests all the same; Warnings tells.
// On the official tree it costs two calls.
func Warn(construct constructs.Construct, problem Problem) {
	NodeOf(construct).AddMetadata(new(warningType), problem.Message(), nil)
}

// Warnings are what has been recorded by Warn in the tree below a construct, in the order of the tree. Of each the Construct
// and the Detail are set, which is the whole message.
func Warnings(root constructs.IConstruct) []Problem {
	var warnings []Problem
	for _, construct := range *NodeOf(root).FindAll(constructs.ConstructOrder_PREORDER) {
		for _, entry := range *construct.Node().Metadata() {
			if message, ok := entry.Data.(string); ok && *entry.Type == warningType {
				warnings = append(warnings, Problem{Construct: *construct.Node().Path(), Detail: message})
			}
		}
	}
	return warnings
}
