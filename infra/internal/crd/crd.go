// Package crd makes of the CustomResourceDefinitions in imports/crds what the API server makes of
// them when they are applied, by its own code.
package crd

import (
	"fmt"
	"io/fs"

	"k8s.io/apiextensions-apiserver/pkg/apis/apiextensions"
	"k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/install"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/defaulting"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/validation"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer"

	"github.com/crossoverJie/k8s-combat/imports/crds"
)

// Read reads the definition in a file of imports/crds.
func Read(path string) (*apiextensions.CustomResourceDefinition, error) {
	content, err := fs.ReadFile(crds.FS, path)
	if err != nil {
		return nil, err
	}
	scheme := runtime.NewScheme()
	install.Install(scheme)
	decoded, err := runtime.Decode(serializer.NewCodecFactory(scheme).UniversalDecoder(), content)
	if err != nil {
		return nil, err
	}
	definition, ok := decoded.(*apiextensions.CustomResourceDefinition)
	if !ok {
		return nil, fmt.Errorf("is a %T, not a CustomResourceDefinition", decoded)
	}
	return definition, nil
}

// Schema is that of a version of a kind.
type Schema struct {
	Structural *schema.Structural
	Validator  validation.SchemaValidator
}

// Compile compiles the schema of a version of a definition.
func Compile(definition *apiextensions.CustomResourceDefinition, version string) (*Schema, error) {
	declared, err := apiextensions.GetSchemaForVersion(definition, version)
	if err != nil {
		return nil, err
	}
	structural, err := schema.NewStructural(declared.OpenAPIV3Schema)
	if err != nil {
		return nil, err
	}
	if err := defaulting.PruneDefaults(structural); err != nil {
		return nil, err
	}
	validator, _, err := validation.NewSchemaValidator(declared.OpenAPIV3Schema)
	if err != nil {
		return nil, err
	}
	return &Schema{Structural: structural, Validator: validator}, nil
}
