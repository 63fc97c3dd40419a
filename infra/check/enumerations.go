package check

import (
	"slices"
	"strings"
	"sync"
)

// podValues are the values that fields of pods may have, by their path in the spec of a pod. [] is each element of a list.
var podValues = map[string]string{
	"restartPolicy":                                  "Always OnFailure Never",
	"dnsPolicy":                                      "ClusterFirst ClusterFirstWithHostNet Default None",
	"preemptionPolicy":                               "PreemptLowerPriority Never",
	"os.name":                                        "linux windows",
	"tolerations[].operator":                         "Exists Equal Lt Gt",
	"tolerations[].effect":                           "NoSchedule PreferNoSchedule NoExecute",
	"volumes[].hostPath.type":                        "DirectoryOrCreate Directory FileOrCreate File Socket CharDevice BlockDevice",
	"volumes[].image.pullPolicy":                     "Always IfNotPresent Never",
	"securityContext.fsGroupChangePolicy":            "OnRootMismatch Always",
	"securityContext.supplementalGroupsPolicy":       "Merge Strict",
	"securityContext.seccompProfile.type":            "RuntimeDefault Unconfined Localhost",
	"securityContext.appArmorProfile.type":           "RuntimeDefault Unconfined Localhost",
	"topologySpreadConstraints[].whenUnsatisfiable":  "DoNotSchedule ScheduleAnyway",
	"topologySpreadConstraints[].nodeAffinityPolicy": "Honor Ignore",
	"topologySpreadConstraints[].nodeTaintsPolicy":   "Honor Ignore",
	"topologySpreadConstraints[].labelSelector.matchExpressions[].operator":                                                selectorOperators,
	"affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms[].matchExpressions[].operator": nodeOperators,
	"affinity.nodeAffinity.preferredDuringSchedulingIgnoredDuringExecution[].preference.matchExpressions[].operator":       nodeOperators,
	"affinity.podAffinity.requiredDuringSchedulingIgnoredDuringExecution[].labelSelector.matchExpressions[].operator":      selectorOperators,
	"affinity.podAntiAffinity.requiredDuringSchedulingIgnoredDuringExecution[].labelSelector.matchExpressions[].operator":  selectorOperators,
	"containers[].imagePullPolicy":                      "Always IfNotPresent Never",
	"containers[].terminationMessagePolicy":             "File FallbackToLogsOnError",
	"containers[].ports[].protocol":                     protocols,
	"containers[].livenessProbe.httpGet.scheme":         "HTTP HTTPS",
	"containers[].readinessProbe.httpGet.scheme":        "HTTP HTTPS",
	"containers[].startupProbe.httpGet.scheme":          "HTTP HTTPS",
	"containers[].lifecycle.preStop.httpGet.scheme":     "HTTP HTTPS",
	"containers[].lifecycle.postStart.httpGet.scheme":   "HTTP HTTPS",
	"containers[].securityContext.procMount":            "Default Unmasked",
	"containers[].securityContext.seccompProfile.type":  "RuntimeDefault Unconfined Localhost",
	"containers[].securityContext.appArmorProfile.type": "RuntimeDefault Unconfined Localhost",
	"containers[].volumeMounts[].mountPropagation":      "None HostToContainer Bidirectional",
	"containers[].volumeMounts[].recursiveReadOnly":     "Disabled IfPossible Enabled",
}

const (
	protocols         = "TCP UDP SCTP"
	accessModes       = "ReadWriteOnce ReadOnlyMany ReadWriteMany ReadWriteOncePod"
	selectorOperators = "In NotIn Exists DoesNotExist"
	nodeOperators     = "In NotIn Exists DoesNotExist Gt Lt"
	targetTypes       = "Utilization Value AverageValue"
)

// objectValues are the same of objects, by their kind.
var objectValues = map[string]map[string]string{
	"Service": {
		"spec.type":                  "ClusterIP NodePort LoadBalancer ExternalName",
		"spec.sessionAffinity":       "None ClientIP",
		"spec.externalTrafficPolicy": "Cluster Local",
		"spec.internalTrafficPolicy": "Cluster Local",
		"spec.ipFamilyPolicy":        "SingleStack PreferDualStack RequireDualStack",
		"spec.ipFamilies[]":          "IPv4 IPv6",
		"spec.trafficDistribution":   "PreferClose PreferSameZone PreferSameNode",
		"spec.ports[].protocol":      protocols,
	},
	"Deployment": {"spec.strategy.type": "RollingUpdate Recreate"},
	"DaemonSet":  {"spec.updateStrategy.type": "RollingUpdate OnDelete"},
	"StatefulSet": {
		"spec.updateStrategy.type":                              "RollingUpdate OnDelete",
		"spec.podManagementPolicy":                              "OrderedReady Parallel",
		"spec.persistentVolumeClaimRetentionPolicy.whenDeleted": "Retain Delete",
		"spec.persistentVolumeClaimRetentionPolicy.whenScaled":  "Retain Delete",
		"spec.volumeClaimTemplates[].spec.accessModes[]":        accessModes,
		"spec.volumeClaimTemplates[].spec.volumeMode":           "Filesystem Block",
	},
	"Job": {
		"spec.completionMode":                  "NonIndexed Indexed",
		"spec.podReplacementPolicy":            "TerminatingOrFailed Failed",
		"spec.podFailurePolicy.rules[].action": "FailJob FailIndex Ignore Count",
	},
	"CronJob": {
		"spec.concurrencyPolicy":               "Allow Forbid Replace",
		"spec.jobTemplate.spec.completionMode": "NonIndexed Indexed",
	},
	"PersistentVolumeClaim": {"spec.accessModes[]": accessModes, "spec.volumeMode": "Filesystem Block"},
	"PersistentVolume": {
		"spec.accessModes[]": accessModes, "spec.volumeMode": "Filesystem Block",
		"spec.persistentVolumeReclaimPolicy": "Retain Delete Recycle",
	},
	"StorageClass": {"reclaimPolicy": "Retain Delete", "volumeBindingMode": "Immediate WaitForFirstConsumer"},
	"HorizontalPodAutoscaler": {
		"spec.metrics[].type":                          "Resource ContainerResource Pods Object External",
		"spec.metrics[].resource.target.type":          targetTypes,
		"spec.metrics[].containerResource.target.type": targetTypes,
		"spec.metrics[].pods.target.type":              targetTypes,
		"spec.metrics[].object.target.type":            targetTypes,
		"spec.metrics[].external.target.type":          targetTypes,
		"spec.behavior.scaleUp.selectPolicy":           "Max Min Disabled",
		"spec.behavior.scaleDown.selectPolicy":         "Max Min Disabled",
		"spec.behavior.scaleUp.policies[].type":        "Pods Percent",
		"spec.behavior.scaleDown.policies[].type":      "Pods Percent",
	},
	"PodDisruptionBudget": {
		"spec.unhealthyPodEvictionPolicy":           "IfHealthyBudget AlwaysAllow",
		"spec.selector.matchExpressions[].operator": selectorOperators,
	},
	"NetworkPolicy": {
		"spec.policyTypes[]":                           "Ingress Egress",
		"spec.ingress[].ports[].protocol":              protocols,
		"spec.egress[].ports[].protocol":               protocols,
		"spec.podSelector.matchExpressions[].operator": selectorOperators,
	},
	"RoleBinding":                    {"roleRef.kind": "Role ClusterRole", "subjects[].kind": "User Group ServiceAccount"},
	"ClusterRoleBinding":             {"roleRef.kind": "ClusterRole", "subjects[].kind": "User Group ServiceAccount"},
	"ValidatingWebhookConfiguration": webhookValues,
	"MutatingWebhookConfiguration":   webhookValues,
	"PriorityClass":                  {"preemptionPolicy": "PreemptLowerPriority Never"},
	"CustomResourceDefinition":       {"spec.scope": "Namespaced Cluster"},
	"EndpointSlice":                  {"addressType": "IPv4 IPv6 FQDN"},
	"LimitRange":                     {"spec.limits[].type": "Pod Container PersistentVolumeClaim"},
}

var webhookValues = map[string]string{
	"webhooks[].failurePolicy":        "Fail Ignore",
	"webhooks[].matchPolicy":          "Exact Equivalent",
	"webhooks[].sideEffects":          "None NoneOnDryRun",
	"webhooks[].reinvocationPolicy":   "Never IfNeeded",
	"webhooks[].rules[].operations[]": "CREATE UPDATE DELETE CONNECT *",
	"webhooks[].rules[].scope":        "Cluster Namespaced *",
}

// choices are the fields of one level.
type choices struct {
	fields  map[string]*choices
	allowed []string
}

func newChoices(values map[string]string) *choices {
	root := &choices{fields: map[string]*choices{}}
	for path, allowed := range values {
		at := root
		for step := range strings.SplitSeq(strings.ReplaceAll(path, "[]", ".[]"), ".") {
			next := at.fields[step]
			if next == nil {
				next = &choices{fields: map[string]*choices{}}
				at.fields[step] = next
			}
			at = next
		}
		at.allowed = strings.Fields(allowed)
	}
	return root
}

// enumerations are made of the tables above: one pass over an object asks for all fields.
var enumerations = sync.OnceValue(func() map[string]*choices {
	// What begins with a container stands in an init container, too.
	pods := map[string]string{}
	for path, allowed := range podValues {
		pods[path] = allowed
		if rest, ok := strings.CutPrefix(path, "containers"); ok {
			pods["initContainers"+rest] = allowed
		}
	}
	all := map[string]*choices{podSpec: newChoices(pods)}
	for kind, values := range objectValues {
		all[kind] = newChoices(values)
	}
	return all
})

// podSpec stands for the spec of a pod, which is no kind.
const podSpec = ""

// walk calls look for each value that is not among those allowed.
func (n *choices) walk(value any, where *trail, look func(where *trail, value string, allowed []string)) {
	switch value := value.(type) {
	case string:
		if n.allowed != nil && value != "" && !slices.Contains(n.allowed, value) {
			look(where, value, n.allowed)
		}
	case map[string]any:
		for name, next := range n.fields {
			if inner, ok := value[name]; ok {
				next.walk(inner, &trail{around: where, step: name}, look)
			}
		}
	case []any:
		if next := n.fields["[]"]; next != nil {
			for i, element := range value {
				next.walk(element, &trail{around: where, index: i}, look)
			}
		}
	}
}

func checkEnumerations(c *checker, o *object) {
	if !isBuiltIn(o.group) {
		return
	}
	ask := func(of string, value any, where *trail) {
		if known := enumerations()[of]; known != nil {
			known.walk(value, where, func(where *trail, value string, allowed []string) {
				c.report(o, where.String(), "it is refused: "+value+" is not known", "use one of "+strings.Join(allowed, ", "))
			})
		}
	}
	if o.kind != podSpec {
		ask(o.kind, o.Content, nil)
	}
	if w := o.pods; w != nil && w.typed != nil {
		path := w.at + "spec"
		ask(podSpec, lookUp(o, path), &trail{step: path})
	}
}
