// Package native is a cdk8s construct tree in plain Go: App, Chart, ApiObject and their nodes, without jsii and Node.js.
//
// NewApp stands in for cdk8s.NewApp, NewChart for cdk8s.NewChart, NewApiObject for cdk8s.NewApiObject. What they return
// satisfies the interfaces of cdk8s-core-go and constructs-go and writes the same manifests, byte for byte. Constructs
// that are built through package tree stand in either tree and need not know in which.
//
// As in the constructs library, misuse of the tree is a panic, with the same sentence: an id that is taken, a child for
// a locked node, a dependency cycle. The value of each panic is an error.
//
// What differs from the official tree:
//
//   - Values that live in Node.js have no place in this tree. The static functions of cdk8s and constructs
//     (cdk8s.Chart_Of, cdk8s.Testing_Synth, constructs.NewConstruct, ...) do not know its values, and a value that they
//     make, such as a constructs.DependencyGroup or a cdk8s.Lazy, is refused here by a panic that names the alternative.
//   - AddJsonPatch takes operations in the form of RFC 6902, such as a map[string]any with op, path and value, and not
//     those that cdk8s.JsonPatch makes. To copy or move what does not exist is an error; cdk8s writes null.
//   - Synth renders everything before it writes the first byte, so an error leaves the output folder as it was.
//   - Dependencies that Synth infers, between charts and between objects, are not added to the nodes. Charts takes them
//     into account at any time.
//   - A construct that depends on itself is a cycle.
//   - CDK8S_DISABLE_SORT has no effect, since Go's maps have no order of their own.
//
// Trees share nothing: separate trees may be used in parallel. One tree is not safe for concurrent use.
package native
