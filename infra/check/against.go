package check

import (
	"encoding/json"
	"strings"

	corev1 "k8s.io/api/core/v1"
	apiequality "k8s.io/apimachinery/pkg/api/equality"
)

var againstRules = []Rule{
	{
		Code: "KC408", Title: "a change of a field that cannot be changed", Severity: Error,
		Doc: "The API server refuses an update that changes such a field: the object must be deleted and made again, with its pods. " +
			"Found by comparing with the set that was applied before: --against OLD. Of the examples the first is the set before, " +
			"followed by the one after.",
		Wrong: documents(statefulExample, edited(statefulExample, "app: db", "app: database")),
		Right: documents(statefulExample, edited(statefulExample, "db:1.4.0", "db:1.5.0")),
	},
}

// immutable are the fields of kinds that cannot be changed, as validation of updates has them in Kubernetes.
var immutable = map[string][]string{
	"Deployment":               {"spec.selector"},
	"DaemonSet":                {"spec.selector"},
	"ReplicaSet":               {"spec.selector"},
	"StatefulSet":              {"spec.selector", "spec.serviceName", "spec.podManagementPolicy", "spec.volumeClaimTemplates"},
	"Job":                      {"spec.selector", "spec.template", "spec.completionMode"},
	"RoleBinding":              {"roleRef"},
	"ClusterRoleBinding":       {"roleRef"},
	"Secret":                   {"type"},
	"PersistentVolumeClaim":    {"spec.accessModes", "spec.storageClassName", "spec.volumeName", "spec.volumeMode", "spec.selector"},
	"StorageClass":             {"provisioner", "parameters", "reclaimPolicy", "volumeBindingMode"},
	"IngressClass":             {"spec.controller"},
	"PriorityClass":            {"value", "preemptionPolicy"},
	"EndpointSlice":            {"addressType"},
	"RuntimeClass":             {"handler"},
	"CustomResourceDefinition": {"spec.group", "spec.scope", "spec.names.plural", "spec.names.kind"},
	"CSIDriver":                {"spec.attachRequired", "spec.fsGroupPolicy"},
}

// defaults are what the API server makes of such a field that is not written.
var defaults = map[string]any{"spec.podManagementPolicy": "OrderedReady", "type": "Opaque", "spec.completionMode": "NonIndexed",
	"reclaimPolicy": "Delete", "preemptionPolicy": "PreemptLowerPriority", "volumeBindingMode": "Immediate", "spec.volumeMode": "Filesystem"}

// Against compares a set with the one that was applied before, and returns what cannot be changed so. It looks at nothing
// else: Objects checks the set itself.
func Against(before, after []Object, options Options) []Finding {
	old := newIndex(before, options)
	set := newIndex(after, options)
	rule, _ := FindRule("KC408")
	c := &checker{index: set, options: options, rule: &rule}
	for _, o := range set.objects {
		for _, was := range old.byKey[key{o.kind, o.namespace, o.name}] {
			if was.group == o.group && isBuiltIn(o.group) {
				c.compare(was, o)
			}
		}
	}
	lines := lineFinder{}
	for i := range c.findings {
		c.findings[i].Place = lines.place(c.findings[i].Place, c.findings[i].Field)
	}
	return c.findings
}

func (c *checker) compare(was, o *object) {
	for _, path := range immutable[o.kind] {
		if o.kind == "PersistentVolumeClaim" && lookUp(o, path) == nil {
			// The cluster fills it in.
			continue
		}
		if !apiequality.Semantic.DeepEqual(fieldContent(was, path), fieldContent(o, path)) {
			c.report(o, path, "the update is refused: "+path+" of a "+o.kind+" cannot be changed", "give the new one another name, or delete the old one first")
		}
	}
	if o.kind == "ConfigMap" || o.kind == "Secret" {
		for _, path := range []string{"data", "binaryData", "stringData"} {
			if lookUp(was, "immutable") == true && !apiequality.Semantic.DeepEqual(lookUp(was, path), lookUp(o, path)) {
				c.report(o, path, "the update is refused: the "+o.kind+" is immutable", "give the new one another name")
			}
		}
	}
	before, ok := was.typed.(*corev1.PersistentVolumeClaim)
	after, ok2 := o.typed.(*corev1.PersistentVolumeClaim)
	if ok && ok2 && after.Spec.Resources.Requests.Storage().Cmp(*before.Spec.Resources.Requests.Storage()) < 0 {
		c.report(o, "spec.resources.requests.storage", "the update is refused: a claim cannot become smaller", "keep its size")
	}
	if pod, ok := was.typed.(*corev1.Pod); ok {
		if next, ok := o.typed.(*corev1.Pod); ok && !apiequality.Semantic.DeepEqual(fixedSpec(pod), fixedSpec(next)) {
			c.report(o, "spec", "the update is refused: of a Pod nothing but images, tolerations and the active deadline can be changed", "delete the old one first, or let a Deployment make it")
		}
	}
	service, next := was.service(), o.service()
	if service != nil && next != nil && next.Spec.Type != corev1.ServiceTypeExternalName && service.Spec.Type != corev1.ServiceTypeExternalName {
		if had, has := service.Spec.ClusterIP, next.Spec.ClusterIP; had != "" && has != "" && had != has && had != corev1.ClusterIPNone && has != corev1.ClusterIPNone {
			c.report(o, "spec.clusterIP", "the update is refused: the address of a Service cannot be changed", "keep "+had+", or delete the old one first")
		}
		if (service.Spec.ClusterIP == corev1.ClusterIPNone) != (next.Spec.ClusterIP == corev1.ClusterIPNone) {
			c.report(o, "spec.clusterIP", "the update is refused: a Service cannot become headless, nor stop being so", "give the new one another name, or delete the old one first")
		}
	}
}

// fixedSpec is the spec of a pod without what may be changed.
func fixedSpec(pod *corev1.Pod) *corev1.PodSpec {
	spec := pod.Spec.DeepCopy()
	spec.ActiveDeadlineSeconds, spec.Tolerations, spec.SchedulingGates = nil, nil, nil
	for _, containers := range [][]corev1.Container{spec.Containers, spec.InitContainers} {
		for i := range containers {
			containers[i].Image = ""
		}
	}
	return spec
}

// fieldContent is the value of a field without what does not matter: labels and annotations of claim templates are kept, the
// form of quantities is not looked at.
func fieldContent(o *object, path string) any {
	value := lookUp(o, path)
	if value == nil {
		return defaults[path]
	}
	if path != "spec.volumeClaimTemplates" {
		return value
	}
	text, err := json.Marshal(value)
	if err != nil {
		return value
	}
	var claims []corev1.PersistentVolumeClaim
	if json.Unmarshal(text, &claims) != nil {
		return value
	}
	return claims
}

func lookUp(o *object, path string) any {
	value := any(o.Content)
	for step := range strings.SplitSeq(path, ".") {
		fields, ok := value.(map[string]any)
		if !ok {
			return nil
		}
		value = fields[step]
	}
	return value
}
