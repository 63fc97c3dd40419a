// Package tree is the seam between constructs and the construct tree they stand in.
//
// Two trees exist: the official one, cdk8s-core-go, whose nodes live in a Node.js process and are reached through jsii,
// and the native one (imports/tree/native), whose nodes are plain Go values. Both show the same cdk8s and constructs
// interfaces. The functions of this package work on either: which tree a scope belongs to is read from the concrete
// type of scope.Node(), so it survives any embedding, and it never has to be said.
//
// A construct is a struct that embeds constructs.Construct, and its constructor begins with New:
//
//	type Queue struct {
//		constructs.Construct
//		name string
//	}
//
//	func NewQueue(scope constructs.Construct, id string, props QueueProps) *Queue {
//		q := &Queue{name: props.Name}
//		tree.New(q, scope, id)
//		tree.Invalid(q, props.validate()...)
//		k8s.NewDeployment(q, "Resource", ...)
//		return q
//	}
//
//	func (q *Queue) Name() string { return q.name }
//
// What cdk8s offers as static functions on constructs is here for both trees: AppOf, ChartOf and ObjectOf find, IsChart
// and IsObject tell, Render is Testing_Synth, PatchAdd and its likes make operations for AddJsonPatch, DNSLabel and
// LabelValue make names, NewDependencyGroup makes one thing to depend on out of several, InitChart and InitObject take
// types of their own, Load and Include read YAML, and Helm runs "helm template". The documentation of package native has
// the whole table.
//
// The official tree sets conditions on such a struct: it embeds constructs.Construct and no other struct, it has at
// least one exported method on its pointer, and it declares none of the methods Node, ToString and With itself.
//
// The official tree is not safe for concurrent use, and importing its Go bindings alone writes a runtime of about 2 MB
// to the temporary folder. Every main and TestMain that links this package therefore calls Close before it ends,
// before os.Exit too.
package tree
