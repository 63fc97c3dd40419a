package check

import (
	"context"
	"fmt"
	"io/fs"
	"strconv"
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
		Code: "KC530", Title: "an API version that is going to be removed", Severity: Warning, Kinds: []string{anyKind},
		Doc: "An API version that is deprecated is still served by a cluster of this version, and removed in one that comes. Which are is told by the version of " +
			"the cluster, --kubernetes-version. One that is kept for what is old, as Endpoints are, is a note.",
		Wrong: edited(resourceExample, "resource.k8s.io/v1", "resource.k8s.io/v1beta2"),
		Right: resourceExample,
		object: func(c *checker, o *object) {
			version := schema.GroupVersion{Group: o.group, Version: o.version}.String()
			of, ok := gone[version+" "+o.kind]
			if minor := c.options.minor(); !ok || minor < of.deprecated || minor >= of.since {
				return
			}
			if of.since == never {
				c.reportAs(Note, o, "apiVersion", at("%s %s is deprecated since 1.%d, and kept for what is old", version, o.kind, of.deprecated), "use "+of.replacement)
				return
			}
			c.report(o, "apiVersion", at("Kubernetes 1.%d has it no more: %s %s is deprecated since 1.%d", of.since, version, o.kind, of.deprecated), "use "+of.replacement)
		},
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

const resourceExample = `apiVersion: resource.k8s.io/v1
kind: ResourceClaimTemplate
metadata: {name: gpu}
spec: {spec: {devices: {requests: [{name: gpu, exactly: {deviceClassName: gpu.example.com}}]}}}
`

// customKind is a version of a CustomResourceDefinition.
type customKind struct {
	structural *structuralschema.Structural
	validator  apiservervalidation.SchemaValidator
	// rules are compiled for the first object that has any: that takes longer than the rest.
	rules func() *structuralcel.Validator
	shape *shape
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
		rules: sync.OnceValue(func() *structuralcel.Validator {
			return structuralcel.NewValidator(compiled.Structural, true, celconfig.PerCallLimit)
		}), shape: newShape(compiled.Structural)}, nil
}

func (o *object) gvk() schema.GroupVersionKind {
	return schema.GroupVersionKind{Group: o.group, Version: o.version, Kind: o.kind}
}

// unknownFields reports the fields that the schema of the object's kind does not have.
func (c *checker) unknownFields(o *object) {
	if c.options.WithoutSchemas {
		return
	}
	if kind, _ := definitionOf(o.gvk()); kind != nil && kind.shape.judgeObject(o.Content) == toAsk {
		for _, path := range kind.pruned(o.Content) {
			c.report(o, path, "it is refused, or lost: a "+o.kind+" has no such field", "look for its right name and place")
		}
	}
}

// pruned are the paths of what the schema does not have.
func (k *customKind) pruned(content map[string]any) []string {
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
	if len(errs) > 0 {
		return errs
	}
	return k.refusedByRules(content)
}

// refusedByRules is what the rules of CEL say of content that is in order otherwise, with what is filled in.
func (k *customKind) refusedByRules(content map[string]any) field.ErrorList {
	rules := k.rules()
	if rules == nil {
		return nil
	}
	errs, _ := rules.Validate(context.Background(), nil, k.structural, content, nil, celconfig.RuntimeCELCostBudget)
	return errs
}

// judge is refused, as quickly as it can be.
func (k *customKind) judge(content map[string]any) field.ErrorList {
	switch k.shape.judgeObject(content) {
	case inOrder:
		return nil
	case byRules:
		content = kruntime.DeepCopyJSON(content)
		structuraldefaulting.Default(content, k.structural)
		return k.refusedByRules(content)
	}
	return k.refused(content)
}

func checkSchema(c *checker, o *object) {
	if !isCustom(o.group) || c.options.WithoutSchemas {
		return
	}
	kind, _ := definitionOf(o.gvk())
	if kind == nil {
		return
	}
	for _, err := range kind.judge(o.Content) {
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

// gone are API versions that are deprecated and removed, with the minor versions of Kubernetes since which they are, and what took
// their place. See the methods APILifecycleDeprecated and APILifecycleRemoved of k8s.io/api, and kubernetes.io/docs/reference/using-api/deprecation-guide.
var gone = map[string]struct {
	deprecated, since int
	replacement       string
}{
	"extensions/v1beta1 Deployment":                                          {9, 16, "apps/v1"},
	"extensions/v1beta1 DaemonSet":                                           {9, 16, "apps/v1"},
	"extensions/v1beta1 ReplicaSet":                                          {9, 16, "apps/v1"},
	"extensions/v1beta1 NetworkPolicy":                                       {9, 16, "networking.k8s.io/v1"},
	"extensions/v1beta1 PodSecurityPolicy":                                   {11, 16, "the Pod Security Standards"},
	"extensions/v1beta1 Ingress":                                             {14, 22, "networking.k8s.io/v1"},
	"apps/v1beta1 Deployment":                                                {9, 16, "apps/v1"},
	"apps/v1beta1 StatefulSet":                                               {9, 16, "apps/v1"},
	"apps/v1beta2 Deployment":                                                {9, 16, "apps/v1"},
	"apps/v1beta2 StatefulSet":                                               {9, 16, "apps/v1"},
	"apps/v1beta2 DaemonSet":                                                 {9, 16, "apps/v1"},
	"apps/v1beta2 ReplicaSet":                                                {9, 16, "apps/v1"},
	"networking.k8s.io/v1beta1 Ingress":                                      {19, 22, "networking.k8s.io/v1"},
	"networking.k8s.io/v1beta1 IngressClass":                                 {19, 22, "networking.k8s.io/v1"},
	"rbac.authorization.k8s.io/v1beta1 Role":                                 {17, 22, "rbac.authorization.k8s.io/v1"},
	"rbac.authorization.k8s.io/v1beta1 RoleBinding":                          {17, 22, "rbac.authorization.k8s.io/v1"},
	"rbac.authorization.k8s.io/v1beta1 ClusterRole":                          {17, 22, "rbac.authorization.k8s.io/v1"},
	"rbac.authorization.k8s.io/v1beta1 ClusterRoleBinding":                   {17, 22, "rbac.authorization.k8s.io/v1"},
	"admissionregistration.k8s.io/v1beta1 ValidatingWebhookConfiguration":    {16, 22, "admissionregistration.k8s.io/v1"},
	"admissionregistration.k8s.io/v1beta1 MutatingWebhookConfiguration":      {16, 22, "admissionregistration.k8s.io/v1"},
	"apiextensions.k8s.io/v1beta1 CustomResourceDefinition":                  {16, 22, "apiextensions.k8s.io/v1"},
	"apiregistration.k8s.io/v1beta1 APIService":                              {19, 22, "apiregistration.k8s.io/v1"},
	"certificates.k8s.io/v1beta1 CertificateSigningRequest":                  {19, 22, "certificates.k8s.io/v1"},
	"coordination.k8s.io/v1beta1 Lease":                                      {19, 22, "coordination.k8s.io/v1"},
	"scheduling.k8s.io/v1beta1 PriorityClass":                                {14, 22, "scheduling.k8s.io/v1"},
	"storage.k8s.io/v1beta1 StorageClass":                                    {19, 22, "storage.k8s.io/v1"},
	"storage.k8s.io/v1beta1 CSIDriver":                                       {19, 22, "storage.k8s.io/v1"},
	"batch/v1beta1 CronJob":                                                  {21, 25, "batch/v1"},
	"batch/v2alpha1 CronJob":                                                 {21, 21, "batch/v1"},
	"discovery.k8s.io/v1beta1 EndpointSlice":                                 {21, 25, "discovery.k8s.io/v1"},
	"events.k8s.io/v1beta1 Event":                                            {22, 25, "events.k8s.io/v1"},
	"autoscaling/v2beta1 HorizontalPodAutoscaler":                            {22, 25, "autoscaling/v2"},
	"autoscaling/v2beta2 HorizontalPodAutoscaler":                            {23, 26, "autoscaling/v2"},
	"policy/v1beta1 PodDisruptionBudget":                                     {21, 25, "policy/v1"},
	"policy/v1beta1 PodSecurityPolicy":                                       {21, 25, "the Pod Security Standards"},
	"node.k8s.io/v1beta1 RuntimeClass":                                       {22, 25, "node.k8s.io/v1"},
	"flowcontrol.apiserver.k8s.io/v1beta1 FlowSchema":                        {23, 26, "flowcontrol.apiserver.k8s.io/v1"},
	"flowcontrol.apiserver.k8s.io/v1beta2 FlowSchema":                        {26, 29, "flowcontrol.apiserver.k8s.io/v1"},
	"flowcontrol.apiserver.k8s.io/v1beta3 FlowSchema":                        {29, 32, "flowcontrol.apiserver.k8s.io/v1"},
	"storage.k8s.io/v1beta1 CSIStorageCapacity":                              {24, 27, "storage.k8s.io/v1"},
	"flowcontrol.apiserver.k8s.io/v1beta1 PriorityLevelConfiguration":        {23, 26, "flowcontrol.apiserver.k8s.io/v1"},
	"flowcontrol.apiserver.k8s.io/v1beta2 PriorityLevelConfiguration":        {26, 29, "flowcontrol.apiserver.k8s.io/v1"},
	"flowcontrol.apiserver.k8s.io/v1beta3 PriorityLevelConfiguration":        {29, 32, "flowcontrol.apiserver.k8s.io/v1"},
	"admissionregistration.k8s.io/v1alpha1 ValidatingAdmissionPolicy":        {29, 32, "admissionregistration.k8s.io/v1"},
	"admissionregistration.k8s.io/v1alpha1 ValidatingAdmissionPolicyBinding": {29, 32, "admissionregistration.k8s.io/v1"},
	"admissionregistration.k8s.io/v1beta1 ValidatingAdmissionPolicy":         {31, 34, "admissionregistration.k8s.io/v1"},
	"admissionregistration.k8s.io/v1beta1 ValidatingAdmissionPolicyBinding":  {31, 34, "admissionregistration.k8s.io/v1"},
	"admissionregistration.k8s.io/v1alpha1 MutatingAdmissionPolicy":          {35, 38, "admissionregistration.k8s.io/v1"},
	"admissionregistration.k8s.io/v1alpha1 MutatingAdmissionPolicyBinding":   {35, 38, "admissionregistration.k8s.io/v1"},
	"admissionregistration.k8s.io/v1beta1 MutatingAdmissionPolicy":           {37, 40, "admissionregistration.k8s.io/v1"},
	"admissionregistration.k8s.io/v1beta1 MutatingAdmissionPolicyBinding":    {37, 40, "admissionregistration.k8s.io/v1"},
	"certificates.k8s.io/v1alpha1 ClusterTrustBundle":                        {34, 37, "certificates.k8s.io/v1"},
	"certificates.k8s.io/v1beta1 ClusterTrustBundle":                         {37, 40, "certificates.k8s.io/v1"},
	"networking.k8s.io/v1beta1 IPAddress":                                    {34, 37, "networking.k8s.io/v1"},
	"networking.k8s.io/v1beta1 ServiceCIDR":                                  {34, 37, "networking.k8s.io/v1"},
	"resource.k8s.io/v1beta1 DeviceClass":                                    {35, 38, "resource.k8s.io/v1"},
	"resource.k8s.io/v1beta1 ResourceClaim":                                  {35, 38, "resource.k8s.io/v1"},
	"resource.k8s.io/v1beta1 ResourceClaimTemplate":                          {35, 38, "resource.k8s.io/v1"},
	"resource.k8s.io/v1beta1 ResourceSlice":                                  {35, 38, "resource.k8s.io/v1"},
	"resource.k8s.io/v1beta2 DeviceClass":                                    {36, 39, "resource.k8s.io/v1"},
	"resource.k8s.io/v1beta2 ResourceClaim":                                  {36, 39, "resource.k8s.io/v1"},
	"resource.k8s.io/v1beta2 ResourceClaimTemplate":                          {36, 39, "resource.k8s.io/v1"},
	"resource.k8s.io/v1beta2 ResourceSlice":                                  {36, 39, "resource.k8s.io/v1"},
	"storage.k8s.io/v1alpha1 VolumeAttributesClass":                          {32, 35, "storage.k8s.io/v1"},
	"storage.k8s.io/v1beta1 VolumeAttributesClass":                           {34, 37, "storage.k8s.io/v1"},
	"v1 ComponentStatus":                                                     {19, never, "the metrics and health endpoints of the components"},
	"v1 Endpoints":                                                           {33, never, "discovery.k8s.io/v1 EndpointSlice"},
}

// never is a version of Kubernetes that is not there yet.
const never = 1000

// served are API versions with the minor version of Kubernetes since which they are served.
var served = map[string]int{
	"apps/v1 Deployment": 9, "apps/v1 StatefulSet": 9, "apps/v1 DaemonSet": 9, "apps/v1 ReplicaSet": 9,
	"networking.k8s.io/v1 Ingress": 19, "networking.k8s.io/v1 IngressClass": 19,
	"batch/v1 CronJob": 21, "policy/v1 PodDisruptionBudget": 21, "autoscaling/v2 HorizontalPodAutoscaler": 23,
	"discovery.k8s.io/v1 EndpointSlice": 21, "apiextensions.k8s.io/v1 CustomResourceDefinition": 16,
	"admissionregistration.k8s.io/v1 ValidatingWebhookConfiguration": 16, "admissionregistration.k8s.io/v1 MutatingWebhookConfiguration": 16,
	"admissionregistration.k8s.io/v1 ValidatingAdmissionPolicy": 30, "admissionregistration.k8s.io/v1 ValidatingAdmissionPolicyBinding": 30,
	"node.k8s.io/v1 RuntimeClass": 20, "flowcontrol.apiserver.k8s.io/v1 FlowSchema": 29, "storage.k8s.io/v1 CSIStorageCapacity": 24,
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
	if since, ok := served[version+" "+o.kind]; ok && c.options.minor() < since {
		c.report(o, "apiVersion", at("it is refused: Kubernetes has %s %s since 1.%d", version, o.kind, since), "use a version that is served by 1."+strconv.Itoa(c.options.minor()))
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
