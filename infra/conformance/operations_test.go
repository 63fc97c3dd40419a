package conformance_test

import (
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/aws/constructs-go/constructs/v10"
	"github.com/cdk8s-team/cdk8s-core-go/cdk8s/v2"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/crossoverJie/k8s-combat/imports/tree"
	"github.com/crossoverJie/k8s-combat/imports/tree/native"
)

var configMap = schema.GroupVersionKind{Version: "v1", Kind: "ConfigMap"}

// small is a tree that operations are tried on: a chart with an object and a construct that has another one, and an
// empty chart. It is made the same way in both trees.
type small struct {
	app           cdk8s.App
	chart, other  cdk8s.Chart
	object, inner cdk8s.ApiObject
	group         constructs.Construct
}

func newSmall(app cdk8s.App) *small {
	s := &small{app: app}
	s.chart = tree.NewChart(app, "chart", tree.ChartProps{Namespace: "prod", Labels: map[string]string{"team": "a"}})
	s.other = tree.NewChart(app, "other", tree.ChartProps{DisableResourceNameHashes: true})
	s.object = tree.NewObject(s.chart, "object", configMap, values{"metadata": values{"name": "object"}, "data": values{"a": "1"}, "list": []any{1, 2}})
	s.group = tree.NewConstruct(s.chart, "group")
	s.inner = tree.NewObject(s.group, "Resource", configMap, values{})
	return s
}

// TestOperations does the same to both trees, through jsii, and compares what comes of it.
func TestOperations(t *testing.T) {
	for name, do := range map[string]func(s *small) any{
		"AppOf":            func(s *small) any { return path(must(tree.AppOf(s.inner))) },
		"ChartOf":          func(s *small) any { return path(must(tree.ChartOf(s.inner))) },
		"ChartOf a chart":  func(s *small) any { return path(must(tree.ChartOf(s.other))) },
		"ChartOf the app":  func(s *small) any { return path(must(tree.ChartOf(s.app))) },
		"ObjectOf":         func(s *small) any { return path(must(tree.ObjectOf(s.group))) },
		"ObjectOf a chart": func(s *small) any { return path(must(tree.ObjectOf(s.chart))) },
		"ObjectOf the app": func(s *small) any { return path(must(tree.ObjectOf(s.app))) },
		"IsChart":          func(s *small) any { return []any{tree.IsChart(s.chart), tree.IsChart(s.group), tree.IsChart("x")} },
		"IsObject":         func(s *small) any { return []any{tree.IsObject(s.inner), tree.IsObject(s.chart), tree.IsObject(nil)} },
		"IsConstruct": func(s *small) any {
			return []any{tree.IsConstruct(s.app), tree.IsConstruct(s.group), tree.IsConstruct(1)}
		},
		"DependencyRoots": func(s *small) any { return paths(tree.DependencyRoots(s.group)) },
		"Render":          func(s *small) any { return must(tree.Render(s.chart)) },
		"DNSLabel":        func(s *small) any { return must(tree.DNSLabel(s.group, tree.NameOptions{})) },
		"DNSLabel, options": func(s *small) any {
			return must(tree.DNSLabel(s.group, tree.NameOptions{Delimiter: "_", Extra: []string{"x", "Y"}, WithoutHash: true, MaxLength: 9}))
		},
		"DNSLabel, short":   func(s *small) any { return must(tree.DNSLabel(s.group, tree.NameOptions{MaxLength: 7})) },
		"LabelValue":        func(s *small) any { return must(tree.LabelValue(s.inner, tree.NameOptions{Extra: []string{"Y.z"}})) },
		"LabelValue, wrong": func(s *small) any { return must(tree.LabelValue(s.inner, tree.NameOptions{Delimiter: "/"})) },
		"GenerateObjectName": func(s *small) any {
			return []any{s.chart.GenerateObjectName(s.object), s.other.GenerateObjectName(s.inner)}
		},
		"ChartProps.GenerateObjectName": func(s *small) any {
			chart := tree.NewChart(s.app, "named", tree.ChartProps{GenerateObjectName: func(object cdk8s.ApiObject) string {
				return strings.ToLower(*object.Kind()) + "-of-" + *object.Node().Id()
			}})
			o := tree.NewObject(tree.NewConstruct(chart, "g"), "x", configMap, values{})
			tree.NewObject(chart, "y", configMap, values{"metadata": values{"name": "own"}})
			return []any{o.Name(), chart.GenerateObjectName(s.object), must(tree.Render(chart))}
		},
		"a group to depend on": func(s *small) any {
			group := tree.NewDependencyGroup(s.inner)
			group.Add(s.other)
			s.object.Node().AddDependency(group)
			return []any{paths(*s.object.Node().Dependencies()), paths(tree.DependencyRoots(group)), *s.app.SynthYaml(), paths(*s.app.Charts())}
		},
		"an empty group, filled later": func(s *small) any {
			group := tree.NewDependencyGroup()
			group.Add(s.inner)
			s.object.Node().AddDependency(group)
			group.Add(s.other)
			return []any{paths(*s.object.Node().Dependencies()), paths(tree.DependencyRoots(group))}
		},
		"a group that stays empty": func(s *small) any {
			s.object.Node().AddDependency(tree.NewDependencyGroup(), tree.NewDependencyGroup(tree.NewDependencyGroup()))
			return []any{paths(*s.object.Node().Dependencies()), *s.app.SynthYaml()}
		},
		"empty groups, depended on before they are filled": func(s *small) any {
			inner := tree.NewDependencyGroup()
			all := tree.NewDependencyGroup(inner)
			s.object.Node().AddDependency(all)
			inner.Add(s.inner)
			all.Add(s.other)
			return []any{paths(*s.object.Node().Dependencies()), *s.app.SynthYaml()}
		},
		"a group of groups": func(s *small) any {
			a, b, empty := tree.NewDependencyGroup(s.inner), tree.NewDependencyGroup(), tree.NewDependencyGroup()
			all := tree.NewDependencyGroup(a)
			s.object.Node().AddDependency(all)
			all.Add(b, empty)
			b.Add(s.other, a)
			return []any{paths(*s.object.Node().Dependencies()), paths(tree.DependencyRoots(all)), *s.app.SynthYaml()}
		},
		"a group of empty groups": func(s *small) any {
			inner := tree.NewDependencyGroup()
			all := tree.NewDependencyGroup(inner)
			all.Add(s.inner)
			inner.Add(s.other)
			s.object.Node().AddDependency(all)
			return []any{paths(*s.object.Node().Dependencies()), paths(tree.DependencyRoots(inner))}
		},
		"patches": func(s *small) any {
			s.object.AddJsonPatch(
				tree.PatchTest("/data/a", "1"), tree.PatchAdd("/data/b", values{"c": []any{1, nil, true, "x"}}), tree.PatchReplace("/data/a", 2),
				tree.PatchCopy("/data/b", "/copy"), tree.PatchMove("/list", "/moved"), tree.PatchRemove("/moved/0"), tree.PatchAdd("/moved/-", nil),
			)
			return []any{s.object.ToJson(), *s.app.SynthYaml(), *s.app.SynthYaml()}
		},
		"a patch that fails": func(s *small) any {
			s.object.AddJsonPatch(tree.PatchTest("/data/a", "2"))
			_, err := tree.Render(s.chart)
			message, _, _ := strings.Cut(err.Error(), ": ")
			return message
		},
		"dependencies between charts": func(s *small) any {
			s.chart.AddDependency(s.other)
			return []any{paths(*s.chart.Node().Dependencies()), *s.app.SynthYaml(), paths(*s.app.Charts())}
		},
		"a cycle": func(s *small) any {
			s.object.AddDependency(s.inner)
			s.inner.AddDependency(s.object)
			return *s.app.SynthYaml()
		},
		"an id that is taken": func(s *small) any {
			if scope, ok := s.chart.Node().(tree.Scope); ok {
				return path(scope.AddChart("group", tree.ChartProps{}))
			}
			return path(cdk8s.NewChart(s.chart, new("group"), nil))
		},
		"an empty id": func(s *small) any {
			if scope, ok := s.chart.Node().(tree.Scope); ok {
				return path(scope.AddChart("", tree.ChartProps{}))
			}
			return path(cdk8s.NewChart(s.chart, new(""), nil))
		},
		"a locked node": func(s *small) any {
			s.chart.Node().Lock()
			return []any{s.inner.Node().Locked(), s.app.Node().Locked(), path(tree.NewConstruct(s.group, "late"))}
		},
		"context": func(s *small) any {
			s.other.Node().SetContext(new("key"), "value")
			s.other.Node().SetContext(new("list"), []any{"a", 1.5})
			below := tree.NewConstruct(s.other, "below")
			return []any{below.Node().TryGetContext(new("key")), below.Node().GetContext(new("list")), below.Node().TryGetContext(new("none"))}
		},
		"context after children": func(s *small) any { s.chart.Node().SetContext(new("key"), 1); return nil },
		"context that is not":    func(s *small) any { return s.inner.Node().GetContext(new("key")) },
		"a child that is not":    func(s *small) any { return path(s.chart.Node().FindChild(new("none"))) },
		"children": func(s *small) any {
			return []any{paths(*s.chart.Node().Children()), path(s.chart.Node().TryFindChild(new("group"))), s.chart.Node().TryRemoveChild(new("group")), path(s.chart.Node().TryFindChild(new("group")))}
		},
		"the default child": func(s *small) any {
			before := path(s.group.Node().DefaultChild())
			s.group.Node().SetDefaultChild(s.object)
			return []any{before, path(s.group.Node().DefaultChild())}
		},
		"node metadata": func(s *small) any {
			s.group.Node().AddMetadata(new("note"), "text", nil)
			s.group.Node().AddMetadata(new("traced"), 1, &constructs.MetadataOptions{StackTraceOverride: &[]*string{new("here")}})
			return *s.group.Node().Metadata()
		},
		"object metadata": func(s *small) any {
			m := s.object.Metadata()
			m.AddLabel(new("tier"), new("web"))
			m.AddAnnotation(new("note"), new("yes"))
			m.AddFinalizers(new("f"))
			m.AddOwnerReference(&cdk8s.OwnerReference{ApiVersion: new("v1"), Kind: new("Node"), Name: new("n"), Uid: new("u")})
			m.Add(new("generation"), 3)
			return []any{m.Name(), m.Namespace(), m.GetLabel(new("tier")), m.GetLabel(new("none")), m.ToJson(), s.object.ToJson()}
		},
		"validation": func(s *small) any {
			tree.Invalid(s.group, tree.Problem{Detail: "one"}, tree.Problem{Detail: "two"})
			tree.Invalid(s.app, tree.Problem{Detail: "of the app"})
			return *s.app.SynthYaml()
		},
		"the app": func(s *small) any {
			return []any{s.app.OutputFileExtension(), s.app.YamlOutputType(), path(s.app.Node().Root())}
		},
		"the object": func(s *small) any {
			return []any{s.object.ApiGroup(), s.object.ApiVersion(), s.object.Kind(), path(s.object.Chart()), s.object.ToString(), paths(*s.chart.ApiObjects())}
		},

		"nil: FindChild":          func(s *small) any { return s.chart.Node().FindChild(nil) },
		"nil: TryFindChild":       func(s *small) any { return s.chart.Node().TryFindChild(nil) },
		"nil: TryRemoveChild":     func(s *small) any { return s.chart.Node().TryRemoveChild(nil) },
		"nil: SetContext":         func(s *small) any { s.other.Node().SetContext(nil, 1); return nil },
		"nil: SetContext, value":  func(s *small) any { s.other.Node().SetContext(new("a"), nil); return nil },
		"nil: GetContext":         func(s *small) any { return s.chart.Node().GetContext(nil) },
		"nil: TryGetContext":      func(s *small) any { return s.chart.Node().TryGetContext(nil) },
		"nil: AddMetadata":        func(s *small) any { s.chart.Node().AddMetadata(nil, 1, nil); return nil },
		"nil: AddMetadata, data":  func(s *small) any { s.chart.Node().AddMetadata(new("a"), nil, nil); return nil },
		"nil: AddValidation":      func(s *small) any { s.chart.Node().AddValidation(nil); return nil },
		"nil: GenerateObjectName": func(s *small) any { return s.chart.GenerateObjectName(nil) },
		"nil: AddLabel":           func(s *small) any { s.object.Metadata().AddLabel(nil, new("a")); return nil },
		"nil: AddLabel, value":    func(s *small) any { s.object.Metadata().AddLabel(new("a"), nil); return nil },
		"nil: GetLabel":           func(s *small) any { return s.object.Metadata().GetLabel(nil) },
		"nil: AddAnnotation":      func(s *small) any { s.object.Metadata().AddAnnotation(nil, new("a")); return nil },
		"nil: AddOwnerReference":  func(s *small) any { s.object.Metadata().AddOwnerReference(nil); return nil },
		"nil: Add":                func(s *small) any { s.object.Metadata().Add(nil, 1); return nil },
		"nil: Add, value":         func(s *small) any { s.object.Metadata().Add(new("a"), nil); return nil },
	} {
		t.Run(name, func(t *testing.T) {
			outcome := func(newApp func(*cdk8s.AppProps) cdk8s.App) any {
				s := newSmall(newApp(&cdk8s.AppProps{Outdir: new(t.TempDir())}))
				return must(asJSON(attempt(func() any { return do(s) })))
			}
			assert.Equal(t, outcome(cdk8s.NewApp), outcome(native.NewApp))
		})
	}
}

// TestPlainValues compares what works on values of no tree.
func TestPlainValues(t *testing.T) {
	// Patches of package tree need its module.
	_, err := tree.NewOfficialApp(t.TempDir())
	require.NoError(t, err)
	random := rand.New(rand.NewPCG(3, 4))
	g := &generator{Rand: random}
	for range 50 {
		documents := []any{withoutNulls(g.something(4)), g.something(0)}
		assert.Equal(t, *cdk8s.Yaml_Stringify(documents...), must(native.Stringify(documents...)))
	}
	for _, documents := range [][]any{
		nil, {}, {nil}, {nil, nil}, {1, nil, "x"}, {(*string)(nil)}, {values(nil)}, {[]any(nil)}, {[]any{nil}}, {[]string(nil)}, {values{}}, {new("x"), &values{"a": 1}},
	} {
		assert.Equal(t, *cdk8s.Yaml_Stringify(documents...), must(native.Stringify(documents...)), "%#v", documents)
	}
	document := values{"a": []any{1.5, "x"}, "b": values{"c": "y"}}
	ops := func() []cdk8s.JsonPatch {
		return []cdk8s.JsonPatch{tree.PatchAdd("/a/1", values{"d": true}), tree.PatchCopy("/b", "/e"), tree.PatchRemove("/a/0")}
	}
	want := cdk8s.JsonPatch_Apply(document, ops()...)
	assert.Equal(t, want, must(native.ApplyPatch(document, ops()...)))
	_, err = native.ApplyPatch(document, tree.PatchTest("/a/0", 2))
	require.EqualError(t, err, "Test operation failed: /a/0 is not 2")
	_, err = native.Stringify(make(chan int))
	require.EqualError(t, err, "chan int cannot be part of a manifest: json: unsupported type: chan int")
}

// withoutNulls leaves out of maps what is null, as jsii does.
func withoutNulls(value any) any {
	switch value := value.(type) {
	case values:
		for key, item := range value {
			if item == nil {
				delete(value, key)
			}
			withoutNulls(item)
		}
	case []any:
		for _, item := range value {
			withoutNulls(item)
		}
	}
	return value
}

// TestRandomTreesThroughJsii runs some of the random trees on the official tree itself, with the objects of package
// tree. What they hold is checked there, so an error may be that of a text that no manifest can hold.
func TestRandomTreesThroughJsii(t *testing.T) {
	const cases = 60
	for i := range uint64(cases) {
		test := newCase(defaultSeed, i)
		if test.Documents != nil || test.Replace != nil {
			continue // resolvers are called once for each value, which takes too long
		}
		_, test, err := encode(test)
		require.NoError(t, err)
		outcome := func(newApp func(*cdk8s.AppProps) cdk8s.App) any {
			result, err := (&runner{newApp: newApp, maker: treeMaker{}}).run(test, t.TempDir())
			require.NoError(t, err)
			if result["synth"].(values)["error"] != nil {
				// cdk8s may have written some by then.
				result["files"], result["folders"] = nil, nil
			}
			return withoutWrappers(withoutNulls(must(asJSON(result))))
		}
		assert.Empty(t, compare(outcome(cdk8s.NewApp), outcome(native.NewApp)).differences, "case %d", i)
	}
}

// withoutWrappers undoes what jsii does to maps inside of what GetAllContext returns.
func withoutWrappers(value any) any {
	switch value := value.(type) {
	case values:
		if wrapped, ok := value["$jsii.map"]; ok && len(value) == 1 {
			return withoutWrappers(wrapped)
		}
		for key, item := range value {
			value[key] = withoutWrappers(item)
		}
	case []any:
		for i, item := range value {
			value[i] = withoutWrappers(item)
		}
	}
	return value
}

// TestPassedValues compares what comes of Go values of all types that a node keeps: the same, of the same types.
func TestPassedValues(t *testing.T) {
	type text string
	type settings struct {
		Size int `json:"size"`
		Name string
	}
	pointer := &settings{1, "a"}
	for name, value := range map[string]any{
		"strings": []string{"a"}, "pointers": &[]*string{new("a"), nil}, "ints": []int{1, 2}, "bytes": []byte("a"), "array": [2]int{1, 2},
		"no strings": []string{}, "nil strings": []string(nil), "any": []any{1, "x", nil, true, []any{2.5}, values{"a": nil, "b": "c"}},
		"map": values{"a": 1, "b": values{}, "c": []any{}, "d": nil}, "strings by key": map[string]string{"a": "b"}, "ints by key": map[string]int{"a": 1},
		"pointers by key": &map[string]*string{"a": new("b")}, "maps by key": map[string]map[string][]int{"a": {"b": {1}}}, "nil map": map[string]string(nil),
		"struct": settings{1, "a"}, "structs": []settings{{1, "a"}}, "pointer to a struct": pointer, "pointers to structs": []*settings{pointer},
		"text": text("a"), "texts": []text{"a"}, "int": 7, "uint8": uint8(7), "float32": float32(0.1), "float64": 0.1, "bool": true, "nil": (*string)(nil),
	} {
		t.Run(name, func(t *testing.T) {
			outcome := func(newApp func(*cdk8s.AppProps) cdk8s.App) []any {
				node := newSmall(newApp(nil)).other.Node()
				node.SetContext(new("key"), value)
				node.AddMetadata(new("key"), value, nil)
				results := []any{node.TryGetContext(new("key")), len(*node.Metadata())}
				for _, entry := range *node.Metadata() {
					results = append(results, *entry.Type, entry.Data)
				}
				return results
			}
			assert.Equal(t, outcome(cdk8s.NewApp), outcome(native.NewApp))
		})
	}
}
