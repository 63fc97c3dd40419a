package fill

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// Source is what the source code of packages says of their types.
type Source struct {
	// Constructors are the exported functions New* that take a scope, an id and props, as PACKAGE.NAME.
	Constructors []string

	// required holds PACKAGE.TYPE.FIELD, constants the texts of each PACKAGE.TYPE.
	required  map[string]bool
	constants map[string][]string
}

// required is how the documentation of a field asks for a value.
var required = regexp.MustCompile(`(?i)\brequired\b`)

// Read parses the packages in the folders, whose import paths begin with that of root.
func Read(root, importPath string, folders ...string) (*Source, error) {
	s := &Source{required: map[string]bool{}, constants: map[string][]string{}}
	for _, folder := range folders {
		names, err := filepath.Glob(filepath.Join(root, folder, "*.go"))
		if err != nil {
			return nil, err
		}
		if len(names) == 0 {
			return nil, &fs.PathError{Op: "read", Path: filepath.Join(root, folder), Err: fs.ErrNotExist}
		}
		for _, name := range names {
			if strings.HasSuffix(name, "_test.go") {
				continue
			}
			file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ParseComments|parser.SkipObjectResolution)
			if err != nil {
				return nil, err
			}
			s.read(path.Join(importPath, folder), file)
		}
	}
	slices.Sort(s.Constructors)
	return s, nil
}

func (s *Source) read(importPath string, file *ast.File) {
	for _, declaration := range file.Decls {
		switch d := declaration.(type) {
		case *ast.FuncDecl:
			if isConstructor(d) {
				s.Constructors = append(s.Constructors, importPath+"."+d.Name.Name)
			}
		case *ast.GenDecl:
			for _, spec := range d.Specs {
				switch spec := spec.(type) {
				case *ast.TypeSpec:
					s.readType(importPath, spec)
				case *ast.ValueSpec:
					s.readConstant(importPath, spec)
				}
			}
		}
	}
}

// isConstructor reports whether a function has the form NewX(scope, id, props).
func isConstructor(d *ast.FuncDecl) bool {
	if d.Recv != nil || !d.Name.IsExported() || !strings.HasPrefix(d.Name.Name, "New") {
		return false
	}
	var types []ast.Expr
	for _, parameter := range d.Type.Params.List {
		for range max(1, len(parameter.Names)) {
			types = append(types, parameter.Type)
		}
	}
	if len(types) != 3 {
		return false
	}
	scope, ok := types[0].(*ast.SelectorExpr)
	id, isName := types[1].(*ast.Ident)
	return ok && scope.Sel.Name == "Construct" && isName && id.Name == "string"
}

func (s *Source) readType(importPath string, spec *ast.TypeSpec) {
	structure, ok := spec.Type.(*ast.StructType)
	if !ok {
		return
	}
	for _, field := range structure.Fields.List {
		for _, name := range field.Names {
			// What is required where another field is set is mostly set too.
			if required.MatchString(field.Doc.Text()) {
				s.required[importPath+"."+spec.Name.Name+"."+name.Name] = true
			}
		}
	}
}

// readConstant remembers constants of a type that is a text.
func (s *Source) readConstant(importPath string, spec *ast.ValueSpec) {
	of, ok := spec.Type.(*ast.Ident)
	if !ok {
		return
	}
	for _, value := range spec.Values {
		literal, ok := value.(*ast.BasicLit)
		if !ok || literal.Kind != token.STRING {
			continue
		}
		if text, err := strconv.Unquote(literal.Value); err == nil {
			key := importPath + "." + of.Name
			s.constants[key] = append(s.constants[key], text)
		}
	}
}

func (s *Source) isRequired(of reflect.Type, field string) bool {
	return s != nil && s.required[of.PkgPath()+"."+of.Name()+"."+field]
}

func (s *Source) constantsOf(of reflect.Type) []string {
	if s == nil {
		return nil
	}
	return s.constants[of.PkgPath()+"."+of.Name()]
}
