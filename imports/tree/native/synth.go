package native

import (
	"cmp"
	"fmt"
	"path/filepath"
	"slices"

	"github.com/cdk8s-team/cdk8s-core-go/cdk8s/v2"

	"github.com/crossoverJie/k8s-combat/imports/tree"
	"github.com/crossoverJie/k8s-combat/imports/tree/native/internal/js"
)

// output is what Synth writes. Its paths are relative to the output folder.
type output struct {
	folders []string
	files   []file
	// record is the file that tells of which constructs the objects are made, if there is to be one.
	record []byte
}

// file is a file of manifests. Its text is made when it is written.
type file struct {
	path      string
	documents []rendering
	// writer is the construct whose output it is.
	writer *node
}

// rendering is a document on its way to a file.
type rendering struct {
	// object is what it is a rendering of. Nil for a document that the chart makes itself.
	object *apiObject
	chart  *chart
	// document is rendered already, or nil.
	document any
}

// renderings renders what can fail or calls the code of others, so that the rest can be left for later, when files
// are open, and to any goroutine.
func renderings(objects []*apiObject) []rendering {
	result := make([]rendering, len(objects))
	for i, object := range objects {
		result[i] = rendering{object: object, chart: object.chart}
		switch {
		case object.rendersItself:
			result[i].document = settledDocument(object.outer.ToJson())
		case !object.isPlain():
			result[i].document = object.manifest()
		}
	}
	return result
}

func (r rendering) result() any {
	if r.document != nil {
		return r.document
	}
	return r.object.manifest()
}

// writer is the construct that the document is from.
func (r rendering) writer() *node {
	if r.object != nil {
		return r.object.node
	}
	return r.chart.node
}

// settledDocument is what a user's ToJson has made as the official tree writes it, which is given it as JSON: with keys in
// the order of encoding/json.
func settledDocument(document any) any {
	if document = jsonValue(passedValue(document)); document == nil {
		return emptyDocument
	}
	return freeze(thaw(document))
}

// emptyDocument stands for a document that is nil.
var emptyDocument any = struct{}{}

// plan decides what Synth writes.
func (a *app) plan(o *order) *output {
	var (
		out output
		// made are the objects, and all is what is written.
		made, all []rendering
	)
	charts := o.charts()
	for i, c := range charts {
		name := dnsLabel(c.node, maxLabel, true)
		if o.dependentCharts {
			// kubectl applies the files of a folder by name.
			name = fmt.Sprintf("%04d-%s", i, name)
		}
		objects := renderings(o.objects(c))
		made = append(made, objects...)
		documents := objects
		if a.outputType != cdk8s.YamlOutputType_FOLDER_PER_CHART_FILE_PER_RESOURCE {
			documents = c.documents(objects)
		}
		all = append(all, documents...)
		switch a.outputType {
		case cdk8s.YamlOutputType_FILE_PER_CHART:
			out.add(c.node, name+a.extension, documents...)
		case cdk8s.YamlOutputType_FILE_PER_RESOURCE:
			for _, document := range documents {
				if document.document != emptyDocument {
					out.add(document.writer(), resourceFile(document.result())+a.extension, document)
				}
			}
		case cdk8s.YamlOutputType_FOLDER_PER_CHART_FILE_PER_RESOURCE:
			out.folders = append(out.folders, name)
			for _, object := range objects {
				file := keepFileNameCharacters(object.object.kind + "." + *object.object.Name())
				out.add(object.object.node, filepath.Join(name, file+a.extension), object)
			}
		}
	}
	if a.outputType == cdk8s.YamlOutputType_FILE_PER_APP && len(charts) > 0 {
		out.add(a.node, "app"+a.extension, all...)
	}
	if a.recordConstructs {
		out.record = constructMetadata(made)
	}
	if problems := out.samePaths(a.outputType); len(problems) > 0 {
		panic(problems)
	}
	return &out
}

func (o *output) add(writer *node, path string, documents ...rendering) {
	o.files = append(o.files, file{path, documents, writer})
}

// samePaths finds the files that would be written over.
func (o *output) samePaths(outputType cdk8s.YamlOutputType) tree.Problems {
	writers := make(map[string][]*node, len(o.files))
	var paths []string
	for _, file := range o.files {
		writers[file.path] = append(writers[file.path], file.writer)
		tooMany := 2
		if o.record != nil && file.path == recordFile {
			tooMany = 1
		}
		if len(writers[file.path]) == tooMany {
			paths = append(paths, file.path)
		}
	}
	var problems tree.Problems
	for _, path := range paths {
		slices.SortFunc(writers[path], func(a, b *node) int { return cmp.Compare(a.place, b.place) })
		var constructs []string
		for _, writer := range writers[path] {
			constructs = append(constructs, writer.path)
		}
		problems = append(problems, tree.SamePath(path, outputType, constructs)...)
	}
	return problems
}

// resourceFile names the file of an object after what its manifest says, patches included.
func resourceFile(manifest any) string {
	fields, _ := plain(manifest).(map[string]any)
	metadata, _ := fields["metadata"].(map[string]any)
	kind, name := "undefined", "undefined"
	if text, ok := fields["kind"].(string); ok {
		kind = text
	}
	if text, ok := metadata["name"].(string); ok {
		name = text
	}
	return keepFileNameCharacters(kind + "." + name)
}

// constructMetadata tells of which construct each object is made, by the object's name.
func constructMetadata(objects []rendering) []byte {
	var names []string
	paths := map[string]string{}
	for _, rendering := range objects {
		name := *rendering.object.Name()
		if _, ok := paths[name]; !ok {
			names = append(names, name)
		}
		paths[name] = rendering.object.node.path
	}
	js.IndexesFirst(names, func(name string) string { return name })

	text := []byte(`{"version":"1.0.0","resources":{`)
	for i, name := range names {
		if i > 0 {
			text = append(text, ',')
		}
		text = js.AppendString(text, name)
		text = append(text, `:{"path":`...)
		text = js.AppendString(text, paths[name])
		text = append(text, '}')
	}
	return append(text, "}}"...)
}
