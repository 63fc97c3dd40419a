package conformance_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"github.com/aws/constructs-go/constructs/v10"
	"github.com/cdk8s-team/cdk8s-core-go/cdk8s/v2"

	"github.com/crossoverJie/k8s-combat/imports/tree"
	"github.com/crossoverJie/k8s-combat/imports/tree/native"
)

// values are JSON objects.
type values = map[string]any

// run does on the native tree what testdata/engine.js does in cdk8s, and returns the same result.
func run(test testCase, folder string) (values, error) {
	if test.Documents != nil {
		return values{"yaml": attempt(func() any {
			text, err := native.Stringify(floats(test.Documents).([]any)...)
			if err != nil {
				panic(err)
			}
			return text
		})}, nil
	}
	return (&runner{newApp: native.NewApp, maker: nativeMaker{}}).run(test, folder)
}

// runner runs a case on the tree of newApp.
type runner struct {
	maker
	newApp func(*cdk8s.AppProps) cdk8s.App
	made   []constructs.Construct
}

func (r *runner) run(test testCase, folder string) (values, error) {
	outdir := filepath.Join(folder, "out")
	props := &cdk8s.AppProps{
		Outdir:                  &outdir,
		YamlOutputType:          cdk8s.YamlOutputType(test.OutputType),
		RecordConstructMetadata: &test.Record,
	}
	if test.Extension != "" {
		props.OutputFileExtension = &test.Extension
	}
	if test.Replace != nil {
		props.Resolvers = &[]cdk8s.IResolver{&replacing{floats(test.Replace).(values)}}
	}
	app := r.newApp(props)
	tree.KeepOrder(app)
	r.made = []constructs.Construct{app}

	steps := []any{}
	for _, s := range test.Steps {
		var made constructs.Construct
		steps = append(steps, attempt(func() (result any) {
			made, result = r.step(s)
			return result
		}))
		r.made = append(r.made, made)
	}
	described, objects, charts := []any{}, []any{}, []cdk8s.Chart{}
	for _, c := range r.made {
		if c == nil {
			continue
		}
		described = append(described, attempt(func() any { return describe(c) }))
		switch c := c.(type) {
		case cdk8s.Chart:
			charts = append(charts, c)
		case cdk8s.ApiObject:
			objects = append(objects, attempt(func() any { return c.ToJson() }))
		}
	}
	result := values{"steps": steps, "constructs": described, "objects": objects}
	result["yaml"] = attempt(func() any { return *app.SynthYaml() })
	result["charts"] = attempt(func() any { return paths(*app.Charts()) })
	chartObjects, chartChildren := []any{}, []any{}
	for _, chart := range charts {
		chartObjects = append(chartObjects, attempt(func() any {
			objects, err := tree.Render(chart)
			if err != nil {
				panic(err)
			}
			return objects
		}))
		chartChildren = append(chartChildren, []any{paths(*chart.ApiObjects()), chart.Namespace(), chart.Labels()})
	}
	result["chartObjects"], result["chartChildren"] = chartObjects, chartChildren
	result["synth"] = attempt(func() any {
		app.Synth()
		return nil
	})
	files, folders, err := written(outdir)
	result["files"], result["folders"] = files, folders
	return result, err
}

// written returns what a folder holds, named as cdk8s is told to.
func written(outdir string) (files values, folders []string, err error) {
	files, folders = values{}, []string{}
	err = filepath.WalkDir(outdir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name := "out" + filepath.ToSlash(strings.TrimPrefix(path, outdir))
		if entry.IsDir() {
			folders = append(folders, name)
			return nil
		}
		content, err := os.ReadFile(path)
		files[name] = string(content)
		return err
	})
	if errors.Is(err, fs.ErrNotExist) {
		err = nil
	}
	slices.Sort(folders)
	return files, folders, err
}

// attempt returns what an action returns, or the error that it panics with. Mistakes of Go it lets pass.
func attempt(action func() any) (result values) {
	defer func() {
		switch cause := recover().(type) {
		case nil:
		case runtime.Error:
			panic(cause)
		case error:
			result = values{"error": strings.TrimPrefix(cause.Error(), "Error: ")}
		default:
			panic(cause)
		}
	}()
	return values{"ok": action()}
}

// step does a step and returns what it made, and what there is to compare.
func (r *runner) step(s step) (made constructs.Construct, result any) {
	c := r.made[s.On]
	if c == nil || s.To != nil && r.made[*s.To] == nil || s.Also != nil && r.made[*s.Also] == nil {
		return nil, "skipped"
	}
	switch s.Op {
	case "construct":
		return r.newConstruct(c, s.ID), nil
	case "chart":
		return r.newChart(c, s.ID, s.chartProps()), nil
	case "object":
		o := r.newObject(c, s.ID, s.Content, s.Cluster)
		return o, []any{o.Name(), o.Kind(), o.ApiVersion(), o.ApiGroup(), o.Metadata().Namespace()}
	}
	if object, ok := c.(cdk8s.ApiObject); ok {
		if s.Op == "patch" {
			object.AddJsonPatch(r.newPatch(s.Patch))
			return nil, nil
		}
		if result, ok := onObject(object, s); ok {
			return nil, result
		}
	}
	return nil, r.onConstruct(c, s)
}

func (r *runner) onConstruct(c constructs.Construct, s step) any {
	node := c.Node()
	switch s.Op {
	case "depend":
		node.AddDependency(r.made[*s.To])
	case "dependOnGroup":
		node.AddDependency(tree.NewDependencyGroup(r.made[*s.To], r.made[*s.Also]))
	case "independ":
		node.RemoveDependency(r.made[*s.To])
	case "remove":
		return node.TryRemoveChild(&s.ID)
	case "tryFind":
		return path(node.TryFindChild(&s.ID))
	case "find":
		return path(node.FindChild(&s.ID))
	case "defaultChild":
		return path(node.DefaultChild())
	case "setDefaultChild":
		node.SetDefaultChild(r.made[*s.To])
	case "lock":
		node.Lock()
	case "setContext":
		node.SetContext(&s.ID, floats(s.Value))
	case "tryContext":
		return node.TryGetContext(&s.ID)
	case "context":
		return node.GetContext(&s.ID)
	case "allContext":
		return node.GetAllContext(nil)
	case "addMetadata":
		node.AddMetadata(&s.ID, floats(s.Value), nil)
		entries := []any{}
		for _, entry := range *node.Metadata() {
			entries = append(entries, []any{entry.Type, entry.Data})
		}
		return entries
	case "invalid":
		for _, text := range s.Texts {
			tree.Invalid(c, tree.Problem{Detail: text})
		}
	case "validate":
		return node.Validate()
	case "app":
		return path(must(tree.AppOf(c)))
	case "chartOf":
		return path(must(tree.ChartOf(c)))
	case "objectOf":
		return path(must(tree.ObjectOf(c)))
	case "roots":
		return paths(tree.DependencyRoots(c))
	case "is":
		return []any{tree.IsConstruct(c), tree.IsChart(c), tree.IsObject(c)}
	case "dnsLabel":
		return must(tree.DNSLabel(c, s.Name.options()))
	case "labelValue":
		return must(tree.LabelValue(c, s.Name.options()))
	default:
		return "skipped" // it is for objects
	}
	return nil
}

func (o *nameOptions) options() tree.NameOptions {
	return tree.NameOptions{Delimiter: o.Delimiter, Extra: o.Extra, WithoutHash: !o.IncludeHash, MaxLength: o.MaxLen}
}

// onObject does the steps that are for objects alone.
func onObject(object cdk8s.ApiObject, s step) (result any, ok bool) {
	metadata := object.Metadata()
	switch s.Op {
	case "label":
		metadata.AddLabel(&s.ID, &s.Text)
		return metadata.GetLabel(&s.ID), true
	case "annotation":
		metadata.AddAnnotation(&s.ID, &s.Text)
	case "finalizer":
		metadata.AddFinalizers(&s.ID)
	case "owner":
		text := func(key string) *string { return new(s.Content[key].(string)) }
		metadata.AddOwnerReference(&cdk8s.OwnerReference{
			ApiVersion: text("apiVersion"), Kind: text("kind"), Name: text("name"), Uid: text("uid"), Controller: new(true),
		})
	case "addToMetadata":
		metadata.Add(&s.ID, floats(s.Value))
	case "metadata":
		return metadata.ToJson(), true
	default:
		return nil, false
	}
	return nil, true
}

func describe(c constructs.Construct) any {
	n := c.Node()
	return values{
		"path": n.Path(), "addr": n.Addr(), "id": n.Id(), "text": c.ToString(), "locked": n.Locked(), "scope": path(n.Scope()),
		"root": path(n.Root()), "children": paths(*n.Children()), "all": paths(*n.FindAll(constructs.ConstructOrder_PREORDER)),
		"post": paths(*n.FindAll(constructs.ConstructOrder_POSTORDER)), "scopes": paths(*n.Scopes()), "dependencies": paths(*n.Dependencies()),
	}
}

func path(c constructs.IConstruct) any {
	if c == nil {
		return nil
	}
	return *c.Node().Path()
}

func paths[T constructs.IConstruct](all []T) []any {
	result := []any{}
	for _, c := range all {
		result = append(result, path(c))
	}
	return result
}

func must[T any](result T, err error) T {
	if err != nil {
		panic(err)
	}
	return result
}

// replacing is a resolver that replaces texts.
type replacing struct{ texts values }

func (r *replacing) Resolve(context cdk8s.ResolutionContext) {
	if text, ok := context.Value().(string); ok {
		if replacement, ok := r.texts[text]; ok {
			context.ReplaceValue(replacement)
		}
	}
}
