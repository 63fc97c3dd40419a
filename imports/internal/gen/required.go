package main

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"text/template"

	"sigs.k8s.io/yaml"
)

var requiredTemplate = template.Must(template.New("required").Parse(header + `
package {{.Package}}

// required names the fields that their API requires although their tags say omitempty or omitzero, by their struct:
// its package, a dot, and its name.
var required = map[string][]string{
{{- range .Structs}}
	{{printf "%q" .Name}}: { {{range .Fields}}{{printf "%q" .}}, {{end}} },
{{- end}}
}
`))

// requiredFields are the fields of a struct.
type requiredFields struct {
	Name   string
	Fields []string
}

// writeRequired writes the table of fields that are required, and that encoding/json may leave out, in the structs of API
// packages: those with a marker, and the spec of a kind of which the definition in a folder of crds requires it.
func writeRequired(file, name, crds string, importPaths []string) error {
	folders, err := foldersOf(importPaths)
	if err != nil {
		return err
	}
	withSpec, err := kindsRequiringSpec(crds)
	if err != nil {
		return err
	}
	table := map[string][]string{}
	for _, importPath := range importPaths {
		a, err := readAPI(importPath, folders[importPath])
		if err != nil {
			return fmt.Errorf("%s: %w", importPath, err)
		}
		structs, err := structsOf(folders[importPath])
		if err != nil {
			return err
		}
		for structName, structure := range structs {
			specRequired := withSpec[a.APIVersion()+" "+structName]
			for _, field := range structure.Fields.List {
				if fieldName, ok := omittable(field, structs); ok && (isMarkedRequired(field) || specRequired && fieldName == "spec") {
					key := importPath + "." + structName
					table[key] = append(table[key], fieldName)
				}
			}
		}
	}
	var sorted []requiredFields
	for _, key := range slices.Sorted(maps.Keys(table)) {
		sorted = append(sorted, requiredFields{key, table[key]})
	}
	content, err := render(requiredTemplate, map[string]any{"Package": name, "Structs": sorted})
	if err != nil {
		return err
	}
	return replaceFiles(filepath.Dir(file), filepath.Base(file), map[string][]byte{filepath.Base(file): content})
}

// structsOf returns the structs that the files of a folder declare, by name.
func structsOf(folder string) (map[string]*ast.StructType, error) {
	structs := map[string]*ast.StructType{}
	names, err := filepath.Glob(filepath.Join(folder, "*.go"))
	if err != nil {
		return nil, err
	}
	for _, name := range names {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			return nil, err
		}
		for _, declaration := range file.Decls {
			general, ok := declaration.(*ast.GenDecl)
			if !ok {
				continue
			}
			for _, spec := range general.Specs {
				if spec, ok := spec.(*ast.TypeSpec); ok {
					if structure, ok := spec.Type.(*ast.StructType); ok {
						structs[spec.Name.Name] = structure
					}
				}
			}
		}
	}
	return structs, nil
}

// omittable returns the name in JSON of a field that may hold a struct itself, one of its package or a type of another
// one, and that its tag allows to leave out.
func omittable(field *ast.Field, structs map[string]*ast.StructType) (name string, ok bool) {
	switch t := field.Type.(type) {
	case *ast.SelectorExpr:
	case *ast.Ident:
		if structs[t.Name] == nil {
			return "", false
		}
	default:
		return "", false
	}
	if field.Tag == nil {
		return "", false
	}
	tag, err := strconv.Unquote(field.Tag.Value)
	if err != nil {
		return "", false
	}
	name, options, _ := strings.Cut(reflect.StructTag(tag).Get("json"), ",")
	return name, name != "" && (strings.Contains(options, "omitempty") || strings.Contains(options, "omitzero"))
}

// isMarkedRequired reports whether a field has a marker that makes it required in the OpenAPI definitions.
func isMarkedRequired(field *ast.Field) bool {
	if field.Doc == nil {
		return false
	}
	for _, comment := range field.Doc.List {
		switch strings.TrimSpace(strings.TrimPrefix(comment.Text, "//")) {
		case "+required", "+k8s:required", "+kubebuilder:validation:Required":
			return true
		}
	}
	return false
}

// kindsRequiringSpec returns the kinds, as apiVersion and name, of which the definitions in the folders of crds require a
// spec.
func kindsRequiringSpec(crds string) (map[string]bool, error) {
	files, err := filepath.Glob(filepath.Join(crds, "*", "*.yaml"))
	if err != nil {
		return nil, err
	}
	if len(files) == 0 {
		return nil, fmt.Errorf("%s: no CustomResourceDefinition in a folder there", crds)
	}
	kinds := map[string]bool{}
	for _, file := range files {
		content, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		var definition struct {
			Spec struct {
				Group    string
				Names    struct{ Kind string }
				Versions []struct {
					Name   string
					Schema struct {
						OpenAPIV3Schema struct{ Required []string }
					}
				}
			}
		}
		if err := yaml.Unmarshal(content, &definition); err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
		for _, version := range definition.Spec.Versions {
			if slices.Contains(version.Schema.OpenAPIV3Schema.Required, "spec") {
				kinds[definition.Spec.Group+"/"+version.Name+" "+definition.Spec.Names.Kind] = true
			}
		}
	}
	return kinds, nil
}
