package conformance_test

import (
	"strings"

	"github.com/aws/constructs-go/constructs/v10"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/crossoverJie/k8s-combat/imports/tree"
)

var constructsCases = []upstreamCase{
	{file: constructTest, name: `the "Root" construct is a special construct which can be used as the root of the tree`, check: func(u *upstream) {
		n := u.app().Node()
		u.equal("", *n.Id())
		assert.Nil(u, n.Scope())
		assert.Empty(u, *n.Children())
	}},
	{file: constructTest, name: "an empty string is a valid name for the root construct", check: func(u *upstream) {
		app := u.app()
		u.equal("", id(app))
		u.fails("Only root constructs may have an empty ID", func() { child(app, "") })
	}},
	{file: constructTest, name: "construct.name returns the name of the construct", check: func(u *upstream) {
		app := u.app()
		u.equal("deep", id(at(app, "High", "deep")))
		u.equal("Other", id(child(app, "Other")))
	}},
	{file: constructTest, name: "construct id can use any character except the path separator", check: func(u *upstream) {
		app := u.app()
		for _, name := range []string{"web", "Web", "w3b", "w", "  web", "web  ", "1web", "w eb", "w_eb", "w-eb", `w\eb`, "w.eb", "wéb"} {
			u.equal(name, id(child(app, name)))
		}
	}},
	{file: constructTest, name: "if construct id contains path seperators, they will be replaced by double-dash", check: func(u *upstream) {
		u.equal("a--b--c", id(child(u.app(), "a/b/c")))
	}},
	{file: constructTest, name: `if "undefined" is forcefully used as an "id", it will be treated as an empty string`, notHere: "an id is a string in Go; only an App is without one"},
	{file: constructTest, name: "node.addr returns an opaque app-unique address for any construct", check: func(u *upstream) {
		app := u.app()
		first := child(app, "first")
		a, b := child(first, "same"), child(child(first, "second"), "same")
		u.equal("first/same", *a.Node().Path())
		assert.NotEqual(u, *a.Node().Addr(), *b.Node().Addr())
		assert.Regexp(u, "^c8[0-9a-f]{40}$", *a.Node().Addr())
		again := at(u.app(), "first", "same")
		u.equal(*a.Node().Addr(), *again.Node().Addr())
	}},
	{file: constructTest, name: `node.addr excludes "default" from the address calculation`, check: func(u *upstream) {
		app := u.app()
		direct, hidden, shown := child(app, "x"), at(app, "Default", "x"), at(app, "default", "x")
		u.equal(*direct.Node().Addr(), *hidden.Node().Addr())
		assert.NotEqual(u, *direct.Node().Addr(), *shown.Node().Addr())
	}},
	{file: constructTest, name: "construct.getChildren() returns an array of all children", check: func(u *upstream) {
		app := u.app()
		first := child(app, "first")
		child(app, "second")
		assert.Empty(u, *first.Node().Children())
		assert.Len(u, *app.Node().Children(), 2)
	}},
	{file: constructTest, name: "construct.findChild(name) can be used to retrieve a child from a parent", check: func(u *upstream) {
		app := u.app()
		c := child(app, "web")
		assert.Same(u, c, app.Node().TryFindChild(new("web")))
		assert.Nil(u, app.Node().TryFindChild(new("none")))
	}},
	{file: constructTest, name: "construct.getChild(name) can be used to retrieve a child from a parent", check: func(u *upstream) {
		app := u.app()
		c := child(app, "web")
		assert.Same(u, c, app.Node().FindChild(new("web")))
		u.fails("No child with id: 'none'", func() { app.Node().FindChild(new("none")) })
	}},
	{file: constructTest, name: "construct.pathParts returns an array of strings of all names from root to node", check: func(u *upstream) {
		u.equal("a/b/c", *at(u.app(), "a", "b", "c").Node().Path())
	}},
	{file: constructTest, name: "if a root construct has a name, it should be included in the path", check: func(u *upstream) {
		app := u.app()
		u.equal("", *app.Node().Path())
		u.equal("a", *child(app, "a").Node().Path())
	}},
	{file: constructTest, name: "construct can not be created with the name of a sibling", check: func(u *upstream) {
		app := u.app()
		inner := child(child(app, "outer"), "inner")
		u.fails("There is already a Construct with name 'outer' in App", func() { child(app, "outer") })
		child(inner, "same")
		u.fails("There is already a Construct with name 'same' in", func() { child(inner, "same") })
	}},
	{file: constructTest, name: "multiple children of the same type, with explicit names are welcome", check: func(u *upstream) {
		app := u.app()
		for _, name := range []string{"a", "b", "c", "d"} {
			tree.NewConstruct(app, name)
		}
		assert.Len(u, *app.Node().Children(), 4)
	}},
	{file: constructTest, name: "construct.lock() protects against adding children anywhere under this construct (direct or indirect)", check: func(u *upstream) {
		app := u.app()
		a, b := child(app, "a"), child(app, "b")
		inner := child(a, "inner")
		a.Node().Lock()
		child(b, "free")
		u.fails(`Cannot add children to "a" during synthesis`, func() { child(a, "x") })
		u.fails(`Cannot add children to "a/inner" during synthesis`, func() { child(inner, "x") })
		child(app, "c")
		app.Node().Lock()
		u.fails("Cannot add children during synthesis", func() { child(app, "x") })
	}},
	{file: constructTest, name: "findAll returns a list of all children in either DFS or BFS", check: func(u *upstream) {
		app := u.app()
		a := child(app, "a")
		child(app, "d")
		child(a, "b")
		child(a, "c")
		u.equal([]any{"", "a", "a/b", "a/c", "d"}, paths(*app.Node().FindAll(constructs.ConstructOrder_PREORDER)))
		u.equal([]any{"a/b", "a/c", "a", "d", ""}, paths(*app.Node().FindAll(constructs.ConstructOrder_POSTORDER)))
	}},
	{file: constructTest, name: "ancestors returns a list of parents up to root", check: func(u *upstream) {
		u.equal([]any{"", "a", "a/b"}, paths(*at(u.app(), "a", "b").Node().Scopes()))
	}},
	{file: constructTest, name: `"root" returns the root construct`, check: func(u *upstream) {
		app := u.app()
		assert.Same(u, app, at(app, "a", "b").Node().Root())
		assert.Same(u, app, app.Node().Root())
	}},
	{file: constructTest, name: `defaultChild: returns the child with id "Resource"`, check: func(u *upstream) {
		app := u.app()
		child(app, "a")
		assert.Same(u, child(app, "Resource"), app.Node().DefaultChild())
	}},
	{file: constructTest, name: `defaultChild: returns the child with id "Default"`, check: func(u *upstream) {
		app := u.app()
		child(app, "a")
		assert.Same(u, child(app, "Default"), app.Node().DefaultChild())
	}},
	{file: constructTest, name: "defaultChild: can override defaultChild", check: func(u *upstream) {
		app := u.app()
		child(app, "Resource")
		other := child(app, "other")
		app.Node().SetDefaultChild(other)
		assert.Same(u, other, app.Node().DefaultChild())
	}},
	{file: constructTest, name: `defaultChild: returns "undefined" if there is no default`, check: func(u *upstream) {
		app := u.app()
		child(app, "a")
		assert.Nil(u, app.Node().DefaultChild())
	}},
	{file: constructTest, name: `defaultChild: fails if there are both "Resource" and "Default"`, check: func(u *upstream) {
		app := u.app()
		child(app, "Resource")
		child(app, "Default")
		u.fails(`There is both a child with id "Resource" and id "Default"`, func() { app.Node().DefaultChild() })
	}},
	{file: constructTest, name: "tryRemoveChild()", check: func(u *upstream) {
		app := u.app()
		child(app, "a")
		child(app, "b")
		assert.True(u, *app.Node().TryRemoveChild(new("a")))
		assert.False(u, *app.Node().TryRemoveChild(new("none")))
		u.equal([]any{"b"}, paths(*app.Node().Children()))
	}},
	{file: constructTest, name: "toString()", check: func(u *upstream) {
		app := u.app()
		u.equal("<root>", *app.ToString())
		u.equal("a/b", *at(app, "a", "b").ToString())
	}},
	{file: constructTest, name: "Construct.isConstruct returns true for constructs", check: func(u *upstream) {
		app := u.app()
		assert.True(u, tree.IsConstruct(app))
		assert.True(u, tree.IsConstruct(tree.NewConstruct(app, "a")))
		for _, value := range []any{nil, "text", 1, true, []int{1}, struct{}{}} {
			assert.False(u, tree.IsConstruct(value))
		}
	}},
}

var nodeCases = []upstreamCase{
	{file: constructTest, name: "construct.getContext(key) can be used to read a value from context", check: func(u *upstream) {
		below := withContext(u)
		u.equal(12.0, below.Node().GetContext(new("number")))
		u.equal("text", below.Node().GetContext(new("text")))
	}},
	{file: constructTest, name: "construct.getContext(key) throws if context is not defined", check: func(u *upstream) {
		u.fails("No context value present for none key", func() { withContext(u).Node().GetContext(new("none")) })
	}},
	{file: constructTest, name: "construct.getAllContext can be used to read the full context of a root node", check: func(u *upstream) {
		app := u.app()
		app.Node().SetContext(new("number"), 12)
		u.equal(values{"number": 12.0}, app.Node().GetAllContext(nil))
	}},
	{file: constructTest, name: "construct.getAllContext can be used to read the full context of a node", check: func(u *upstream) {
		below := withContext(u)
		below.Node().SetContext(new("number"), 13)
		u.equal(values{"number": 13.0, "text": "text"}, below.Node().GetAllContext(nil))
		u.equal(values{"number": 12.0, "text": "text"}, below.Node().Scope().Node().GetAllContext(nil))
	}},
	{file: constructTest, name: "construct.tryGetContext(key) can be used to read a value from context defined at the root level", check: func(u *upstream) {
		u.equal("text", child(withContext(u), "deeper").Node().TryGetContext(new("text")))
	}},
	{file: constructTest, name: "construct.setContext(k,v) sets context at some level and construct.tryGetContext(key) will return the lowermost value defined in the stack", check: func(u *upstream) {
		app := u.app()
		set := func(c constructs.Construct, key, value string) { c.Node().SetContext(&key, value) }
		get := func(c constructs.Construct, key string) any { return c.Node().TryGetContext(&key) }
		set(app, "a", "app")
		set(app, "b", "app")
		outer := child(app, "outer")
		set(outer, "b", "outer")
		set(outer, "c", "outer")
		inner := child(outer, "inner")
		set(inner, "a", "inner")
		u.equal([]any{"app", "app", nil}, []any{get(app, "a"), get(app, "b"), get(app, "c")})
		u.equal([]any{"app", "outer", "outer"}, []any{get(outer, "a"), get(outer, "b"), get(outer, "c")})
		u.equal([]any{"inner", "outer", "outer"}, []any{get(inner, "a"), get(inner, "b"), get(inner, "c")})
	}},
	{file: constructTest, name: "construct.setContext(key, value) can only be called before adding any children", check: func(u *upstream) {
		app := u.app()
		child(app, "first")
		u.fails("Cannot set context after children have been added: first", func() { app.Node().SetContext(new("a"), 1) })
	}},
	{file: constructTest, name: "addMetadata(type, data) can be used to attach metadata to constructs", check: func(u *upstream) {
		n := child(u.app(), "a").Node()
		assert.Empty(u, *n.Metadata())
		n.AddMetadata(new("text"), "value", &constructs.MetadataOptions{StackTrace: new(true)})
		n.AddMetadata(new("number"), 103, nil)
		n.AddMetadata(new("list"), []int{1, 2}, nil)
		entries := *n.Metadata()
		require.Len(u, entries, 3)
		u.equal("text", *entries[0].Type)
		u.equal([]any{"value", 103.0, []any{1.0, 2.0}}, []any{entries[0].Data, entries[1].Data, entries[2].Data})
	}},
	{file: constructTest, name: `addMetadata() respects the "stackTrace" option`, check: func(u *upstream) {
		n := child(u.app(), "a").Node()
		n.AddMetadata(new("with"), "a", &constructs.MetadataOptions{StackTrace: new(true)})
		n.AddMetadata(new("without"), "b", &constructs.MetadataOptions{StackTrace: new(false)})
		entries := *n.Metadata()
		assert.NotEmpty(u, *entries[0].Trace)
		assert.Nil(u, entries[1].Trace)
	}},
	{file: constructTest, name: "addMetadata(type, undefined/null) is ignored", check: func(u *upstream) {
		n := child(u.app(), "a").Node()
		n.AddMetadata(new("nil"), (*string)(nil), nil)
		n.AddMetadata(new("true"), true, nil)
		n.AddMetadata(new("false"), false, nil)
		n.AddMetadata(new("empty"), "", nil)
		var types []string
		for _, entry := range *n.Metadata() {
			types = append(types, *entry.Type)
		}
		u.equal([]string{"true", "false", "empty"}, types)
	}},
	{file: constructTest, name: "node.addValidation() can be implemented to perform validation, node.validate() will return errors", check: func(u *upstream) {
		app := u.app()
		outer := child(app, "outer")
		inner := child(outer, "inner")
		tree.Invalid(app, tree.Problem{Detail: "of the app"})
		tree.Invalid(inner, tree.Problem{Detail: "one"}, tree.Problem{Detail: "two"})
		tree.Invalid(outer, tree.Problem{Detail: "three"})
		assert.EqualError(u, tree.Synth(app), "Validation failed with the following errors:\n  [] of the app\n  [outer] three\n  [outer/inner] one\n  [outer/inner] two")
	}},
	{file: constructTest, name: "node.validate() returns an empty array if the construct does not implement IValidation", check: func(u *upstream) {
		assert.Empty(u, *u.app().Node().Validate())
	}},
	{file: constructTest, name: "node.addValidation() can be used to add a validation function to a construct", check: func(u *upstream) {
		app := u.app()
		app.Node().AddValidation(&validation{"one two"})
		app.Node().AddValidation(&validation{"three"})
		var messages []string
		for _, message := range *app.Node().Validate() {
			messages = append(messages, *message)
		}
		u.equal([]string{"one", "two", "three"}, messages)
	}},
}

// validation finds what its words say.
type validation struct{ words string }

func (v *validation) Validate() *[]*string {
	messages := []*string{}
	for word := range strings.FieldsSeq(v.words) {
		messages = append(messages, &word)
	}
	return &messages
}

// withContext is a construct below one that has context.
func withContext(u *upstream) constructs.Construct {
	app := u.app()
	app.Node().SetContext(new("number"), 12)
	app.Node().SetContext(new("text"), "text")
	return child(app, "below")
}

var dependencyCases = []upstreamCase{
	{file: constructTest, name: "dependencies: addDependency() defines a dependency between two scopes", check: func(u *upstream) {
		a, b, c := three(u)
		a.Node().AddDependency(b)
		a.Node().AddDependency(c)
		u.equal([]any{"b", "c"}, paths(*a.Node().Dependencies()))
	}},
	{file: constructTest, name: "dependencies: are deduplicated", check: func(u *upstream) {
		a, b, _ := three(u)
		for range 3 {
			a.Node().AddDependency(b)
		}
		u.equal([]any{"b"}, paths(*a.Node().Dependencies()))
	}},
	{file: constructTest, name: "dependencies: DependencyGroup can represent a group of disjoined producers", check: func(u *upstream) {
		a, b, c := three(u)
		group := tree.NewDependencyGroup(b)
		group.Add(c)
		a.Node().AddDependency(group)
		u.equal([]any{"b", "c"}, paths(*a.Node().Dependencies()))
	}},
	{file: constructTest, name: "dependencies: Dependable.implement() can be used to implement IDependable on any object", nativeOnly: "a value of Go cannot be made an IDependable of Node.js", check: func(u *upstream) {
		a, b, _ := three(u)
		own := &dependable{[]constructs.IConstruct{b}}
		a.Node().AddDependency(own)
		u.equal([]any{"b"}, paths(*a.Node().Dependencies()))
		u.equal([]any{"b"}, paths(tree.DependencyRoots(own)))
	}},
	{file: constructTest, name: "dependencies: Dependable.of() throws an error the object does not implement IDependable", nativeOnly: "Node.js finds out at synth alone", check: func(u *upstream) {
		a, _, _ := three(u)
		u.fails("struct {} cannot be depended on in the native tree", func() { a.Node().AddDependency(struct{}{}) })
	}},
	{file: constructTest, name: "dependencies: dependencyRoots are only resolved when node dependencies are evaluated", check: func(u *upstream) {
		a, b, c := three(u)
		group := tree.NewDependencyGroup()
		group.Add(b)
		a.Node().AddDependency(group)
		group.Add(c)
		u.equal([]any{"b", "c"}, paths(*a.Node().Dependencies()))
	}},
	{file: constructTest, name: "dependencies: DependencyGroup can also include other IDependables", check: func(u *upstream) {
		a, b, c := three(u)
		first, second := tree.NewDependencyGroup(b), tree.NewDependencyGroup()
		all := tree.NewDependencyGroup(first)
		a.Node().AddDependency(all)
		all.Add(second)
		second.Add(c)
		u.equal([]any{"b", "c"}, paths(*a.Node().Dependencies()))
	}},
	{file: dependencyTest, name: "topology returns correct order", check: func(u *upstream) {
		chart := u.chart()
		a, b, c := newKind(chart, "a", "A", values{}), newKind(chart, "b", "B", values{}), newKind(chart, "c", "C", values{})
		a.AddDependency(b)
		b.AddDependency(c)
		u.equal([]string{*c.Name(), *b.Name(), *a.Name()}, u.names(chart))
	}},
	{file: dependencyTest, name: "cycle detection", check: func(u *upstream) {
		chart := u.chart()
		a, b, c := newKind(chart, "a", "A", values{}), newKind(chart, "b", "B", values{}), newKind(chart, "c", "C", values{})
		a.AddDependency(b)
		b.AddDependency(c)
		c.AddDependency(a)
		_, err := tree.Render(chart)
		assert.EqualError(u, err, "Dependency cycle detected: test/a => test/b => test/c => test/a")
	}},
	{file: dependencyTest, name: "value of root is null", notHere: "DependencyGraph is internal; App.Charts and tree.Render are in its order"},
	{file: dependencyTest, name: "children of root contains all orphans", notHere: "DependencyGraph is internal; App.Charts and tree.Render are in its order"},
	{file: dependencyTest, name: "ignores cross-scope nodes", check: func(u *upstream) {
		app := u.app()
		chart, other := newTestChart(app, "one"), newTestChart(app, "two")
		a, b := newKind(chart, "a", "A", values{}), newKind(chart, "b", "B", values{})
		a.AddDependency(b)
		b.AddDependency(newKind(other, "c", "C", values{}))
		u.equal([]string{*b.Name(), *a.Name()}, u.names(chart))
	}},
}

func three(u *upstream) (a, b, c constructs.Construct) {
	app := u.app()
	return child(app, "a"), child(app, "b"), child(app, "c")
}

// dependable is a value that says what it stands for.
type dependable struct{ roots []constructs.IConstruct }

func (d *dependable) DependencyRoots() *[]constructs.IConstruct { return &d.roots }
