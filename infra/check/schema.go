package check

import (
	"context"
	"fmt"
	"io/fs"
	"strings"
	"sync"

	"k8s.io/apiextensions-apiserver/pkg/apis/apiextensions"
	structuralschema "k8s.io/apiextensions-apiserver/pkg/apiserver/schema"
	structuralcel "k8s.io/apiextensions-apiserver/pkg/apiserver/schema/cel"
	structuraldefaulting "k8s.io/apiextensions-apiserver/pkg/apiserver/schema/defaulting"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/listtype"
	structuralpruning "k8s.io/apiextensions-apiserver/pkg/apiserver/schema/pruning"
	apiservervalidation "k8s.io/apiextensions-apiserver/pkg/apiserver/validation"
	kruntime "k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/validation/field"
	celconfig "k8s.io/apiserver/pkg/apis/cel"

	"github.com/crossoverJie/k8s-combat/imports/crds"
	"github.com/crossoverJie/k8s-combat/infra/internal/crd"
)

var schemaRules = []Rule{
	{
		Code: "KC505", Title: "an API version that the cluster does not serve", Severity: Error, Kinds: []string{anyKind},
		Doc: "An API version that has been removed is refused by the clusters since. Which are gone is told by the version of the cluster, " +
			"--kubernetes-version.",
		Wrong:  edited(cronExample, "batch/v1", "batch/v1beta1"),
		Right:  cronExample,
		object: checkVersion,
	},
	{
		Code: "KC506", Title: "a kind that is not known here", Severity: Note, Kinds: []string{anyKind},
		Doc:   "Objects of kinds whose definition is neither here nor in the set are not looked into.",
		Wrong: "apiVersion: example.com/v1\nkind: Shop\nmetadata: {name: ours}\n",
		Right: documents(definitionExample, "apiVersion: example.com/v1\nkind: Shop\nmetadata: {name: ours}\n"),
		object: func(c *checker, o *object) {
			if isKnownKind(o) || c.defined(o) {
				return
			}
			c.report(o, "kind", "it is not looked into: "+o.group+"/"+o.version+" "+o.kind+" is not known here", "put its CustomResourceDefinition into the set, if it is yours")
		},
	},
	{
		Code: "KC507", Title: "an object that its definition refuses", Severity: Error, Kinds: []string{anyKind},
		Doc: "The API server validates the objects of Istio, the Gateway API and the Prometheus Operator by the schemas and CEL rules of " +
			"their CustomResourceDefinitions. The same code asks the same definitions here.",
		Wrong:  edited(destinationRuleExample, "  host: web\n", "  host: web\n  trafficPolicy: {tls: {mode: MUTUALLY}}\n") + documents("---\n"+webExample, serviceExample),
		Right:  destinationRuleExample + documents("---\n"+webExample, serviceExample),
		object: checkSchema,
	},
}

// customKind is a version of a CustomResourceDefinition.
type customKind struct {
	structural *structuralschema.Structural
	validator  apiservervalidation.SchemaValidator
	rules      *structuralcel.Validator
	shape      *shape
}

// definitions are read and compiled when they are asked for: each takes milliseconds.
var definitions = struct {
	sync.Mutex
	read     map[string]func() (*apiextensions.CustomResourceDefinition, error)
	compiled map[schema.GroupVersionKind]func() (*customKind, error)
	files    func() (map[schema.GroupKind]string, error)
}{
	read:     map[string]func() (*apiextensions.CustomResourceDefinition, error){},
	compiled: map[schema.GroupVersionKind]func() (*customKind, error){},
	files:    sync.OnceValues(definitionFiles),
}

// definitionFiles finds the file of each kind, by the line of its file that names the kind.
func definitionFiles() (map[schema.GroupKind]string, error) {
	files := map[schema.GroupKind]string{}
	err := fs.WalkDir(crds.FS, ".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		content, err := fs.ReadFile(crds.FS, path)
		if err != nil {
			return err
		}
		group, _, _ := strings.Cut(entry.Name(), "_")
		for line := range strings.Lines(string(content)) {
			if kind, ok := strings.CutPrefix(line, "    kind: "); ok {
				files[schema.GroupKind{Group: group, Kind: strings.TrimSpace(kind)}] = path
				break
			}
		}
		return nil
	})
	return files, err
}

// definitionOf returns the version of the definition of a kind, nil for one that is not served. known is false where there
// is no definition of the kind.
func definitionOf(gvk schema.GroupVersionKind) (kind *customKind, known bool) {
	files, err := definitions.files()
	path, ok := files[gvk.GroupKind()]
	if err != nil || !ok {
		return nil, false
	}
	definitions.Lock()
	read, ok := definitions.read[path]
	if !ok {
		read = sync.OnceValues(func() (*apiextensions.CustomResourceDefinition, error) { return crd.Read(path) })
		definitions.read[path] = read
	}
	definitions.Unlock()
	definition, err := read()
	if err == nil {
		for _, version := range definition.Spec.Versions {
			if version.Name != gvk.Version || !version.Served {
				continue
			}
			definitions.Lock()
			compiled, ok := definitions.compiled[gvk]
			if !ok {
				compiled = sync.OnceValues(func() (*customKind, error) { return compile(definition, gvk.Version) })
				definitions.compiled[gvk] = compiled
			}
			definitions.Unlock()
			kind, err = compiled()
		}
	}
	if err != nil {
		// The definitions are compiled in, and a test compiles all of them.
		panic(fmt.Sprintf("%s: %v", path, err))
	}
	return kind, true
}

func compile(definition *apiextensions.CustomResourceDefinition, version string) (*customKind, error) {
	compiled, err := crd.Compile(definition, version)
	if err != nil {
		return nil, err
	}
	return &customKind{structural: compiled.Structural, validator: compiled.Validator,
		rules: structuralcel.NewValidator(compiled.Structural, true, celconfig.PerCallLimit), shape: newShape(compiled.Structural)}, nil
}

func (o *object) gvk() schema.GroupVersionKind {
	return schema.GroupVersionKind{Group: o.group, Version: o.version, Kind: o.kind}
}

// unknownFields reports the fields that the schema of the object's kind does not have.
func (c *checker) unknownFields(o *object) {
	if c.options.WithoutSchemas {
		return
	}
	if kind, _ := definitionOf(o.gvk()); kind != nil && !kind.shape.fitsObject(o.Content) {
		for _, path := range kind.unknown(o.Content) {
			c.report(o, path, "it is refused, or lost: a "+o.kind+" has no such field", "look for its right name and place")
		}
	}
}

// unknown are the paths of what the schema does not have.
func (k *customKind) unknown(content map[string]any) []string {
	return structuralpruning.PruneWithOptions(kruntime.DeepCopyJSON(content), k.structural, true, structuralschema.UnknownFieldPathOptions{TrackUnknownFieldPaths: true})
}

// refused is what the API server says of the content.
func (k *customKind) refused(content map[string]any) field.ErrorList {
	content = kruntime.DeepCopyJSON(content)
	structuralpruning.Prune(content, k.structural, true)
	structuraldefaulting.PruneNonNullableNullsWithoutDefaults(content, k.structural)
	structuraldefaulting.Default(content, k.structural)
	errs := apiservervalidation.ValidateCustomResource(nil, content, k.validator)
	errs = append(errs, listtype.ValidateListSetsAndMaps(nil, k.structural, content)...)
	if len(errs) == 0 && k.rules != nil {
		errs, _ = k.rules.Validate(context.Background(), nil, k.structural, content, nil, celconfig.RuntimeCELCostBudget)
	}
	return errs
}

func checkSchema(c *checker, o *object) {
	if !isCustom(o.group) || c.options.WithoutSchemas {
		return
	}
	kind, _ := definitionOf(o.gvk())
	if kind == nil || kind.shape.fitsObject(o.Content) {
		return
	}
	for _, err := range kind.refused(o.Content) {
		where := err.Field
		if where == "<nil>" {
			where = ""
		}
		detail := err.Detail
		if err.Type == field.ErrorTypeRequired {
			detail = strings.TrimPrefix("this field is missing; "+detail, "")
		}
		if err.Type == field.ErrorTypeNotSupported {
			detail = fmt.Sprintf("%v is not known: %s", err.BadValue, detail)
		}
		if err.Type == field.ErrorTypeDuplicate {
			detail = "it is there twice"
		}
		c.report(o, where, "it is refused: "+strings.TrimSuffix(detail, "; "), "see what the definition of "+o.kind+" allows")
	}
}

// defined reports whether the definition of an object's kind is in the set.
func (c *checker) defined(o *object) bool { return c.definedKinds[o.group+"/"+o.kind] }

// gone are API versions that have been removed, with the minor version of Kubernetes since which they are, and what took
// their place. See kubernetes.io/docs/reference/using-api/deprecation-guide.
var gone = map[string]struct {
	since       int
	replacement string
}{
	"extensions/v1beta1 Deployment":                                       {16, "apps/v1"},
	"extensions/v1beta1 DaemonSet":                                        {16, "apps/v1"},
	"extensions/v1beta1 ReplicaSet":                                       {16, "apps/v1"},
	"extensions/v1beta1 NetworkPolicy":                                    {16, "networking.k8s.io/v1"},
	"extensions/v1beta1 PodSecurityPolicy":                                {16, "the Pod Security Standards"},
	"extensions/v1beta1 Ingress":                                          {22, "networking.k8s.io/v1"},
	"apps/v1beta1 Deployment":                                             {16, "apps/v1"},
	"apps/v1beta1 StatefulSet":                                            {16, "apps/v1"},
	"apps/v1beta2 Deployment":                                             {16, "apps/v1"},
	"apps/v1beta2 StatefulSet":                                            {16, "apps/v1"},
	"apps/v1beta2 DaemonSet":                                              {16, "apps/v1"},
	"apps/v1beta2 ReplicaSet":                                             {16, "apps/v1"},
	"networking.k8s.io/v1beta1 Ingress":                                   {22, "networking.k8s.io/v1"},
	"networking.k8s.io/v1beta1 IngressClass":                              {22, "networking.k8s.io/v1"},
	"rbac.authorization.k8s.io/v1beta1 Role":                              {22, "rbac.authorization.k8s.io/v1"},
	"rbac.authorization.k8s.io/v1beta1 RoleBinding":                       {22, "rbac.authorization.k8s.io/v1"},
	"rbac.authorization.k8s.io/v1beta1 ClusterRole":                       {22, "rbac.authorization.k8s.io/v1"},
	"rbac.authorization.k8s.io/v1beta1 ClusterRoleBinding":                {22, "rbac.authorization.k8s.io/v1"},
	"admissionregistration.k8s.io/v1beta1 ValidatingWebhookConfiguration": {22, "admissionregistration.k8s.io/v1"},
	"admissionregistration.k8s.io/v1beta1 MutatingWebhookConfiguration":   {22, "admissionregistration.k8s.io/v1"},
	"apiextensions.k8s.io/v1beta1 CustomResourceDefinition":               {22, "apiextensions.k8s.io/v1"},
	"apiregistration.k8s.io/v1beta1 APIService":                           {22, "apiregistration.k8s.io/v1"},
	"certificates.k8s.io/v1beta1 CertificateSigningRequest":               {22, "certificates.k8s.io/v1"},
	"coordination.k8s.io/v1beta1 Lease":                                   {22, "coordination.k8s.io/v1"},
	"scheduling.k8s.io/v1beta1 PriorityClass":                             {22, "scheduling.k8s.io/v1"},
	"storage.k8s.io/v1beta1 StorageClass":                                 {22, "storage.k8s.io/v1"},
	"storage.k8s.io/v1beta1 CSIDriver":                                    {22, "storage.k8s.io/v1"},
	"batch/v1beta1 CronJob":                                               {25, "batch/v1"},
	"batch/v2alpha1 CronJob":                                              {21, "batch/v1"},
	"discovery.k8s.io/v1beta1 EndpointSlice":                              {25, "discovery.k8s.io/v1"},
	"events.k8s.io/v1beta1 Event":                                         {25, "events.k8s.io/v1"},
	"autoscaling/v2beta1 HorizontalPodAutoscaler":                         {25, "autoscaling/v2"},
	"autoscaling/v2beta2 HorizontalPodAutoscaler":                         {26, "autoscaling/v2"},
	"policy/v1beta1 PodDisruptionBudget":                                  {25, "policy/v1"},
	"policy/v1beta1 PodSecurityPolicy":                                    {25, "the Pod Security Standards"},
	"node.k8s.io/v1beta1 RuntimeClass":                                    {25, "node.k8s.io/v1"},
	"flowcontrol.apiserver.k8s.io/v1beta1 FlowSchema":                     {26, "flowcontrol.apiserver.k8s.io/v1"},
	"flowcontrol.apiserver.k8s.io/v1beta2 FlowSchema":                     {29, "flowcontrol.apiserver.k8s.io/v1"},
	"flowcontrol.apiserver.k8s.io/v1beta3 FlowSchema":                     {32, "flowcontrol.apiserver.k8s.io/v1"},
	"storage.k8s.io/v1beta1 CSIStorageCapacity":                           {27, "storage.k8s.io/v1"},
}

func checkVersion(c *checker, o *object) {
	version := o.version
	if o.group != "" {
		version = o.group + "/" + o.version
	}
	if removed, ok := gone[version+" "+o.kind]; ok {
		if c.options.minor() >= removed.since {
			c.report(o, "apiVersion", at("it is refused: Kubernetes has no %s %s since 1.%d", version, o.kind, removed.since), "use "+removed.replacement)
		}
		return
	}
	if isCustom(o.group) {
		if c.options.WithoutSchemas {
			return
		}
		kind, known := definitionOf(o.gvk())
		switch {
		case !known && o.group == "gateway.networking.k8s.io":
		case !known:
			c.report(o, "kind", "it is refused: "+o.group+" has no kind "+o.kind, "look for its right name")
		case kind == nil:
			severity := Error
			if o.group == "gateway.networking.k8s.io" {
				// The experimental channel of the Gateway API serves more versions than the standard one.
				severity = Note
			}
			c.reportAs(severity, o, "apiVersion", "it is refused: "+o.kind+" is not served as "+o.version, "use a version that its definition serves")
		}
		return
	}
	if o.typed == nil && len(o.misfits) == 0 && scheme().IsVersionRegistered(schema.GroupVersion{Group: o.group, Version: o.version}) && !c.defined(o) {
		c.report(o, "kind", "it is refused: "+version+" has no kind "+o.kind, "look for its right name and apiVersion")
	}
}
