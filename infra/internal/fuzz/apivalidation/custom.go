package apivalidation

import (
	"fmt"
	"io/fs"
	"sync"

	"k8s.io/apiextensions-apiserver/pkg/apis/apiextensions"
	structuralschema "k8s.io/apiextensions-apiserver/pkg/apiserver/schema"
	structuraldefaulting "k8s.io/apiextensions-apiserver/pkg/apiserver/schema/defaulting"
	schemaobjectmeta "k8s.io/apiextensions-apiserver/pkg/apiserver/schema/objectmeta"
	structuralpruning "k8s.io/apiextensions-apiserver/pkg/apiserver/schema/pruning"
	"k8s.io/apiextensions-apiserver/pkg/registry/customresource"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured/unstructuredscheme"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apiserver/pkg/registry/rest"

	"github.com/crossoverJie/k8s-combat/imports/crds"
	"github.com/crossoverJie/k8s-combat/infra/internal/crd"
)

// customKind is a version of a CustomResourceDefinition.
type customKind struct {
	kind       schema.GroupVersionKind
	definition *apiextensions.CustomResourceDefinition

	// compiled is made when the kind is first asked for: its CEL programs take time.
	compiled func() (*compiledKind, error)
}

type compiledKind struct {
	structural *structuralschema.Structural
	strategy   rest.RESTCreateStrategy
}

// customKinds are the served versions of the CRDs in imports/crds.
var customKinds = sync.OnceValues(func() (map[schema.GroupVersionKind]*customKind, error) {
	kinds := map[schema.GroupVersionKind]*customKind{}
	err := fs.WalkDir(crds.FS, ".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		definition, err := crd.Read(path)
		if err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
		for _, version := range definition.Spec.Versions {
			if !version.Served {
				continue
			}
			kind := schema.GroupVersionKind{Group: definition.Spec.Group, Version: version.Name,
				Kind: definition.Spec.Names.Kind}
			custom := &customKind{kind: kind, definition: definition}
			custom.compiled = sync.OnceValues(custom.compile)
			kinds[kind] = custom
		}
		return nil
	})
	return kinds, err
})

// compile makes of the schema what the API server makes of it when the CRD is applied.
func (c *customKind) compile() (*compiledKind, error) {
	compiled, err := crd.Compile(c.definition, c.kind.Version)
	if err != nil {
		return nil, err
	}
	subresources, err := apiextensions.GetSubresourcesForVersion(c.definition, c.kind.Version)
	if err != nil {
		return nil, err
	}
	var status *apiextensions.CustomResourceSubresourceStatus
	if subresources != nil {
		status = subresources.Status
	}
	return &compiledKind{
		structural: compiled.Structural,
		strategy: customresource.NewStrategy(unstructuredscheme.NewUnstructuredObjectTyper(),
			c.definition.Spec.Scope == apiextensions.NamespaceScoped, c.kind, compiled.Validator, nil, compiled.Structural,
			status, nil, nil),
	}, nil
}

func (c *customKind) validate(document []byte) []error {
	compiled, err := c.compiled()
	if err != nil {
		return []error{fmt.Errorf("the CRD of %s: %w", c.kind, err)}
	}
	object := &unstructured.Unstructured{}
	if err := object.UnmarshalJSON(document); err != nil {
		return []error{err}
	}
	var errs []error
	for _, field := range compiled.unknownFields(object) {
		errs = append(errs, fmt.Errorf("unknown field %q", field))
	}
	structuraldefaulting.Default(object.Object, compiled.structural)
	errs = append(errs, create(c.kind, compiled.strategy, object)...)
	if len(errs) > 0 {
		return errs
	}
	// The webhooks are asked when the schema is kept.
	switch c.kind.Group {
	case "networking.istio.io", "security.istio.io", "telemetry.istio.io", "extensions.istio.io":
		return validateIstio(c.kind, document)
	case "monitoring.coreos.com":
		if c.kind.Kind == "PrometheusRule" {
			return validatePrometheusRule(document)
		}
	}
	return nil
}

// unknownFields are those that the schema does not have, of the object and of its metadata, and takes them away.
func (c *compiledKind) unknownFields(object *unstructured.Unstructured) []string {
	_, _, fields, err := schemaobjectmeta.GetObjectMetaWithOptions(object.Object,
		schemaobjectmeta.ObjectMetaOptions{ReturnUnknownFieldPaths: true})
	if err != nil {
		return []string{"metadata: " + err.Error()}
	}
	return append(fields, structuralpruning.PruneWithOptions(object.Object, c.structural, true,
		structuralschema.UnknownFieldPathOptions{TrackUnknownFieldPaths: true})...)
}
