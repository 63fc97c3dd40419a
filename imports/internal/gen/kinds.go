package main

import (
	"bytes"
	"errors"
	"fmt"
	"go/ast"
	"go/doc"
	"go/parser"
	"go/token"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// api is one version of an API group: a Go package of API types. The fields are exported for the templates.
type api struct {
	ImportPath string
	Group      string
	Version    string
	Kinds      []kind
}

// kind is a type of which a user can create objects.
type kind struct {
	Name string
	// Synopsis is the first sentence of the type's comment.
	Synopsis string
	// Deprecated is what the comment says after 'Deprecated:'.
	Deprecated string
	// ClusterScoped says that the kind belongs to no namespace.
	ClusterScoped bool
}

// label is the group's short name: apps, networking, or core for the group without a name.
func (a *api) label() string {
	if a.Group == "" {
		return "core"
	}
	label, _, _ := strings.Cut(a.Group, ".")
	return label
}

// Alias is the name under which Go code usually imports the package: appsv1.
func (a *api) Alias() string { return a.label() + a.Version }

// APIVersion is what a manifest says.
func (a *api) APIVersion() string {
	if a.Group == "" {
		return a.Version
	}
	return a.Group + "/" + a.Version
}

// readAPIs reads packages in order, and leaves out of each the kinds that its group had before.
func readAPIs(importPaths []string) ([]*api, error) {
	folders, err := foldersOf(importPaths)
	if err != nil {
		return nil, err
	}
	var apis []*api
	groups := map[string]string{}
	for _, importPath := range importPaths {
		a, err := readAPI(importPath, folders[importPath])
		if err != nil {
			return nil, fmt.Errorf("%s: %w", importPath, err)
		}
		a.Kinds = slices.DeleteFunc(a.Kinds, func(k kind) bool {
			group, taken := groups[k.Name]
			if taken && group != a.Group {
				err = errors.Join(err, fmt.Errorf("%s: kind %s: the group %s has one too; one package has room for one", importPath, k.Name, group))
			}
			groups[k.Name] = a.Group
			return taken
		})
		if err != nil {
			return nil, err
		}
		if len(a.Kinds) == 0 {
			return nil, fmt.Errorf("%s: it has no kind that the packages before it do not have", importPath)
		}
		apis = append(apis, a)
	}
	return apis, nil
}

// foldersOf returns where the files of packages are.
func foldersOf(importPaths []string) (map[string]string, error) {
	command := exec.Command("go", append([]string{"list", "-find", "-f", "{{.ImportPath}}\t{{.Dir}}", "--"}, importPaths...)...)
	var stderr bytes.Buffer
	command.Stderr = &stderr
	output, err := command.Output()
	if err != nil {
		return nil, fmt.Errorf("%s: %w: %s", command, err, bytes.TrimSpace(stderr.Bytes()))
	}
	folders := map[string]string{}
	for line := range strings.Lines(string(output)) {
		importPath, folder, _ := strings.Cut(strings.TrimSpace(line), "\t")
		folders[importPath] = folder
	}
	return folders, nil
}

// readAPI finds what a package says of itself: its group and version in register.go, and its kinds.
func readAPI(importPath, folder string) (*api, error) {
	names, err := filepath.Glob(filepath.Join(folder, "*.go"))
	if err != nil {
		return nil, err
	}
	a := &api{ImportPath: importPath}
	constants := map[string]string{}
	var groupVersion *ast.CompositeLit
	fset := token.NewFileSet()
	for _, name := range names {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(fset, name, nil, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			return nil, err
		}
		if group, ok := groupMarker(file); ok {
			constants[groupName] = group
		}
		for _, spec := range valueSpecs(file) {
			switch value := spec.Values[0].(type) {
			case *ast.BasicLit:
				if value.Kind != token.STRING {
					continue
				}
				if constants[spec.Names[0].Name], err = strconv.Unquote(value.Value); err != nil {
					return nil, err
				}
			case *ast.CompositeLit:
				if spec.Names[0].Name == "SchemeGroupVersion" {
					groupVersion = value
				}
			}
		}
		a.Kinds = append(a.Kinds, kindsOf(file)...)
	}
	group, groupFound := constants[groupName]
	if !groupFound || groupVersion == nil {
		return nil, errors.New("it does not declare GroupName and SchemeGroupVersion, so it is no package of API types")
	}
	a.Group = group
	if a.Version, err = versionOf(groupVersion, constants); err != nil {
		return nil, err
	}
	slices.SortFunc(a.Kinds, func(x, y kind) int { return strings.Compare(x.Name, y.Name) })
	return a, nil
}

// groupName is the constant of a package of API types that holds its group.
const groupName = "GroupName"

// groupMarker returns the group that a package names for the code generators alone (+groupName), as the Prometheus
// Operator's do, whose constant is another package's.
func groupMarker(file *ast.File) (string, bool) {
	for _, line := range commentsBetween(file, file.FileStart, file.Name.Pos()) {
		if group, ok := strings.CutPrefix(line, "+groupName="); ok {
			return group, true
		}
	}
	return "", false
}

// valueSpecs returns the constants and variables of a file that have one name and one value.
func valueSpecs(file *ast.File) []*ast.ValueSpec {
	var specs []*ast.ValueSpec
	for _, declaration := range file.Decls {
		general, ok := declaration.(*ast.GenDecl)
		if !ok {
			continue
		}
		for _, spec := range general.Specs {
			if value, ok := spec.(*ast.ValueSpec); ok && len(value.Names) == 1 && len(value.Values) == 1 {
				specs = append(specs, value)
			}
		}
	}
	return specs
}

// versionOf returns v1 of schema.GroupVersion{Group: GroupName, Version: "v1"}, where the version may be a constant too.
func versionOf(literal *ast.CompositeLit, constants map[string]string) (string, error) {
	for _, element := range literal.Elts {
		pair, ok := element.(*ast.KeyValueExpr)
		if !ok {
			continue
		}
		if key, isName := pair.Key.(*ast.Ident); !isName || key.Name != "Version" {
			continue
		}
		switch value := pair.Value.(type) {
		case *ast.BasicLit:
			return strconv.Unquote(value.Value)
		case *ast.Ident:
			if version, ok := constants[value.Name]; ok {
				return version, nil
			}
		}
	}
	return "", errors.New("SchemeGroupVersion: no literal Version in it")
}

// kindsOf returns the kinds that a file declares: structs with a client of their own (+genclient), and one that can
// create (no noVerbs, which marks subresources), that embed TypeMeta and ObjectMeta.
func kindsOf(file *ast.File) []kind {
	var kinds []kind
	end := file.Name.End()
	for _, declaration := range file.Decls {
		start := end
		end = declaration.End()
		general, ok := declaration.(*ast.GenDecl)
		if !ok || general.Tok != token.TYPE || len(general.Specs) != 1 {
			continue
		}
		spec := general.Specs[0].(*ast.TypeSpec)
		structure, ok := spec.Type.(*ast.StructType)
		if !ok || !embeds(structure, "TypeMeta") || !embeds(structure, "ObjectMeta") {
			continue
		}
		if markers := commentsBetween(file, start, general.Pos()); hasMarker(markers, "genclient") && !hasMarker(markers, "genclient:noVerbs") {
			found := describe(spec.Name.Name, general.Doc.Text())
			found.ClusterScoped = hasMarker(markers, "genclient:nonNamespaced")
			kinds = append(kinds, found)
		}
	}
	return kinds
}

func embeds(structure *ast.StructType, name string) bool {
	return slices.ContainsFunc(structure.Fields.List, func(field *ast.Field) bool {
		selector, ok := field.Type.(*ast.SelectorExpr)
		return ok && len(field.Names) == 0 && selector.Sel.Name == name
	})
}

// commentsBetween returns the lines of all comments between two declarations: markers stand in the type's own comment or
// in one before it.
func commentsBetween(file *ast.File, start, end token.Pos) []string {
	var lines []string
	for _, group := range file.Comments {
		if group.Pos() < start || group.End() > end {
			continue
		}
		for _, comment := range group.List {
			lines = append(lines, strings.TrimSpace(strings.TrimPrefix(comment.Text, "//")))
		}
	}
	return lines
}

func hasMarker(lines []string, name string) bool {
	return slices.Contains(lines, "+"+name)
}

// generatorNotes are parts of a type's comment that speak to code generators.
var generatorNotes = regexp.MustCompile(`(?s)<!--.*?-->|(?m:^\+.*$)`)

// deprecation is the rest of the paragraph, which upstream does not always begin anew for it.
var deprecation = regexp.MustCompile(`(?ms)^Deprecated: (.*?)(?:\n\n|\z)`)

func describe(name, comment string) kind {
	comment = generatorNotes.ReplaceAllString(comment, "")
	// A space that does not break keeps Synopsis from taking 'e.g.' for the end of a sentence.
	k := kind{Name: name, Synopsis: new(doc.Package).Synopsis(strings.ReplaceAll(comment, "e.g. ", "e.g.\u00a0"))}
	if k.Synopsis != "" && !strings.HasSuffix(k.Synopsis, ".") {
		k.Synopsis += "."
	}
	if match := deprecation.FindStringSubmatch(comment); match != nil {
		k.Deprecated = strings.Join(strings.Fields(match[1]), " ")
	}
	return k
}
