// Package native is a cdk8s construct tree in plain Go: App, Chart, ApiObject and their nodes, without jsii and Node.js.
//
// NewApp stands in for cdk8s.NewApp, NewChart for cdk8s.NewChart, NewApiObject for cdk8s.NewApiObject. What they return
// satisfies the interfaces of cdk8s-core-go and constructs-go and writes the same manifests, byte for byte: see
// infra/conformance/REPORT.md. The objects of a chart are in the order of application, as tree.Synth and tree.Render have them
// on either tree; tree.KeepOrder tells of it, and gives cdk8s' own order back. Constructs that are built through package tree stand in either tree and need not know in
// which.
//
// As in the constructs library, misuse of the tree is a panic, with the same sentence: an id that is taken, a child for
// a locked node, a dependency cycle, a parameter that is nil and must not be. The value of each panic is an error.
//
// # Static functions
//
// The static functions of cdk8s and constructs run in Node.js and do not know the values of this tree. Each has a
// counterpart, and those of package tree work on both trees:
//
//	App_Of, Chart_Of, ApiObject_Of            tree.AppOf, tree.ChartOf, tree.ObjectOf
//	Chart_IsChart, ApiObject_IsApiObject      tree.IsChart, tree.IsObject
//	App_, Chart_, ..., Construct_IsConstruct  tree.IsConstruct
//	Node_Of, Node_PATH_SEP                    construct.Node(), tree.PathSeparator
//	Testing_Synth                             tree.Render
//	Testing_App, Testing_Chart                NewApp(nil), tree.NewChart; SynthYaml and tree.Render write no file
//	JsonPatch_Add, _Remove, _Replace,         tree.PatchAdd, tree.PatchRemove, tree.PatchReplace,
//	_Copy, _Move, _Test                       tree.PatchCopy, tree.PatchMove, tree.PatchTest
//	JsonPatch_Apply                           ApplyPatch
//	Names_ToDnsLabel, Names_ToLabelValue      tree.DNSLabel, tree.LabelValue
//	Dependable_Of, Dependable_Get             tree.DependencyRoots
//	Dependable_Implement                      a method DependencyRoots() *[]constructs.IConstruct
//	NewDependencyGroup                        tree.NewDependencyGroup
//	NewDependencyGraph, NewDependencyVertex   App.Charts and tree.Render, which are in the order of dependencies
//	NewConstruct, NewConstruct_Override       tree.NewConstruct, tree.New
//	NewChart_Override, NewApiObject_Override  tree.InitChart, tree.InitObject
//	Yaml_Stringify, Yaml_FormatObjects        Stringify
//	Yaml_Save, Yaml_Tmp                       Stringify and os.WriteFile
//	Yaml_Load, NewInclude, NewHelm            tree.Load, tree.Include, tree.Helm
//	Lazy_Any, New...Resolver                  a value, an AddJsonPatch once it is known, or an IResolver of your own
//	Cron_..., Duration_..., Size_...          a string, time.Duration, resource.Quantity
//	NewApp_Override                           a struct around what NewApp returns
//	NewNode, NewRootConstruct, other _Override  none
//
// # Libraries of jsii
//
// A construct of a library that is written for the official tree, such as cdk8s-plus, cannot stand in this one. It
// panics and names the construct that it was given, or, where that is of a user's type, the type
// jsiiCannotTakeTheNativeTree_useCdk8sNewApp, which is all that jsii lets it say; the Node.js process that the library
// has started ends with the former. Where there is no Node.js, that is what the panic says. The other way round, a value
// that lives in Node.js, a constructs.DependencyGroup or a cdk8s.Lazy, is refused here by a panic that names the
// alternative. Nothing is said at once when an official construct is made to depend on an App, a Chart or an ApiObject
// of this tree: cdk8s finds out at synth that it "does not implement IDependable".
//
// # Deviations
//
// Otherwise, what differs from the official tree does so on purpose, and is pinned down by the tests of
// infra/conformance:
//
//   - AddJsonPatch takes the patches of package tree and operations in the form of RFC 6902, such as a map[string]any
//     with op, path and value, and not those that cdk8s.JsonPatch makes.
//   - A JSON Patch that cannot be applied is an error in plain words. To copy or move what does not exist is one too,
//     where cdk8s writes null; so is a path through what is neither a map nor a list, or with a step in a list that is no
//     index, such as -1, which cdk8s ignores, and one far beyond the end of a list, up to which cdk8s writes nulls.
//   - Synth renders everything before it writes the first byte, so an error leaves the output folder as it was.
//   - Two outputs with one path, such as those of two objects of one kind and name with a file for each resource, are an
//     error, of tree.Synth on the official tree too. In cdk8s the last one is what is left.
//   - Dependencies that Synth infers, between charts and between objects, are not added to the nodes. Charts takes them
//     into account at any time.
//   - A construct that depends on itself is a cycle; cdk8s loses its objects. Of several cycles, the one that the error
//     shows may be another.
//   - An object that could not be made is not in the tree; in cdk8s its id is taken.
//   - What GetAllContext returns has maps as they were set; those of the official tree are wrapped in "$jsii.map".
//   - What ToJson returns still has the nulls that a patch has put into maps; jsii leaves them out.
//   - CDK8S_DISABLE_SORT has no effect, since Go's maps have no order of their own.
//
// Trees share nothing: separate trees may be used in parallel. One tree is not safe for concurrent use.
package native
