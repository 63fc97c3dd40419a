package native

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/cdk8s-team/cdk8s-core-go/cdk8s/v2"

	"github.com/crossoverJie/k8s-combat/infra/native/internal/js"
	"github.com/crossoverJie/k8s-combat/infra/native/internal/yaml"
)

// output is what Synth writes. Its paths are relative to the output folder.
type output struct {
	folders []string
	files   []file
}

type file struct {
	path    string
	content []byte
}

func (o *output) add(path string, documents ...any) {
	o.files = append(o.files, file{path, yaml.Append(nil, documents...)})
}

// render makes all that Synth writes.
func (a *app) render(o *order) *output {
	var (
		out  output
		all  []any
		made []*apiObject
	)
	charts := o.charts()
	for i, c := range charts {
		name := dnsLabel(c.node, maxLabel, true)
		if o.dependentCharts {
			// kubectl applies the files of a folder by name.
			name = fmt.Sprintf("%04d-%s", i, name)
		}
		objects := o.objects(c)
		manifests := make([]any, len(objects))
		for i, object := range objects {
			manifests[i] = object.manifest()
		}
		made = append(made, objects...)
		switch a.outputType {
		case cdk8s.YamlOutputType_FILE_PER_APP:
			all = append(all, manifests...)
		case cdk8s.YamlOutputType_FILE_PER_CHART:
			out.add(name+a.extension, manifests...)
		case cdk8s.YamlOutputType_FILE_PER_RESOURCE:
			for _, manifest := range manifests {
				out.add(resourceFile(manifest.(yaml.Mapping))+a.extension, manifest)
			}
		case cdk8s.YamlOutputType_FOLDER_PER_CHART_FILE_PER_RESOURCE:
			out.folders = append(out.folders, name)
			for i, manifest := range manifests {
				file := keepFileNameCharacters(objects[i].kind + "." + *objects[i].Name())
				out.add(filepath.Join(name, file+a.extension), manifest)
			}
		}
	}
	if a.outputType == cdk8s.YamlOutputType_FILE_PER_APP && len(charts) > 0 {
		out.add("app"+a.extension, all...)
	}
	if a.recordConstructs {
		out.files = append(out.files, file{"construct-metadata.json", constructMetadata(made)})
	}
	return &out
}

// resourceFile names the file of an object after what its manifest says, patches included.
func resourceFile(manifest yaml.Mapping) string {
	fields := plain(manifest).(map[string]any)
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
func constructMetadata(objects []*apiObject) []byte {
	var names []string
	paths := map[string]string{}
	for _, object := range objects {
		name := *object.Name()
		if _, ok := paths[name]; !ok {
			names = append(names, name)
		}
		paths[name] = object.node.path
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

func (o *output) write(folder string) error {
	for _, sub := range append([]string{""}, o.folders...) {
		if err := os.MkdirAll(filepath.Join(folder, sub), 0o777); err != nil {
			return err
		}
	}
	for _, file := range o.files {
		if err := os.WriteFile(filepath.Join(folder, file.path), file.content, 0o666); err != nil {
			return err
		}
	}
	return nil
}
