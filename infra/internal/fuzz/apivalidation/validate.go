package apivalidation

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	utilyaml "k8s.io/apimachinery/pkg/util/yaml"
	genericapirequest "k8s.io/apiserver/pkg/endpoints/request"
	"k8s.io/apiserver/pkg/registry/rest"
	"sigs.k8s.io/yaml"
)

// namespace is where an object goes that names none, as kubectl chooses it.
const namespace = "default"

// Validate says why a cluster would refuse objects that are created from the documents of a manifest: nothing where it
// would take all of them. Like "kubectl apply" it asks for strict decoding, so that a field that the kind does not have,
// or one that is there twice, is an error. A kind that is not known here is an error too.
func Validate(documents []byte) []error {
	var errs []error
	reader := utilyaml.NewYAMLReader(bufio.NewReader(bytes.NewReader(documents)))
	for i := 0; ; i++ {
		document, err := reader.Read()
		if errors.Is(err, io.EOF) {
			return errs
		}
		if err != nil {
			return append(errs, fmt.Errorf("document %d: %w", i, err))
		}
		if len(bytes.TrimSpace(document)) == 0 {
			continue
		}
		for _, err := range validateDocument(document) {
			errs = append(errs, fmt.Errorf("document %d: %w", i, err))
		}
	}
}

// validator says why objects of a kind would be refused.
type validator func(document []byte) []error

func validateDocument(document []byte) []error {
	asJSON, err := yaml.YAMLToJSONStrict(document)
	if err != nil {
		return []error{err}
	}
	var header metav1.PartialObjectMetadata
	if err := json.Unmarshal(asJSON, &header); err != nil {
		return []error{err}
	}
	kind := header.GroupVersionKind()
	validate, err := validatorOf(kind)
	if err != nil {
		return []error{err}
	}
	errs := validate(asJSON)
	for i, err := range errs {
		errs[i] = fmt.Errorf("%s %q: %w", kind.Kind, header.Name, err)
	}
	return errs
}

func validatorOf(kind schema.GroupVersionKind) (validator, error) {
	if strategy, ok := strategies[kind]; ok {
		return func(document []byte) []error { return validateBuiltIn(kind, strategy, document) }, nil
	}
	crds, err := customKinds()
	if err != nil {
		return nil, err
	}
	if custom, ok := crds[kind]; ok {
		return custom.validate, nil
	}
	return nil, fmt.Errorf("%s is not a kind that is known here", kind)
}

// create does what the API server does with a new object before it stores it.
func create(kind schema.GroupVersionKind, strategy rest.RESTCreateStrategy, object runtime.Object) []error {
	accessor, err := meta.Accessor(object)
	if err != nil {
		return []error{err}
	}
	requested := ""
	if strategy.NamespaceScoped() {
		requested = namespace
		if accessor.GetNamespace() != "" {
			requested = accessor.GetNamespace()
		}
	}
	ctx := genericapirequest.WithNamespace(context.Background(), requested)
	ctx = genericapirequest.WithRequestInfo(ctx, &genericapirequest.RequestInfo{
		IsResourceRequest: true, Verb: "create", APIGroup: kind.Group, APIVersion: kind.Version, Namespace: requested,
	})
	rest.FillObjectMetaSystemFields(accessor)
	return separate(rest.BeforeCreate(strategy, ctx, object))
}

// separate makes one error of each cause of a refusal.
func separate(err error) []error {
	if err == nil {
		return nil
	}
	var status apierrors.APIStatus
	if !errors.As(err, &status) || status.Status().Details == nil || len(status.Status().Details.Causes) == 0 {
		return []error{err}
	}
	var errs []error
	for _, cause := range status.Status().Details.Causes {
		errs = append(errs, fmt.Errorf("%s: %s", cause.Field, cause.Message))
	}
	return errs
}
