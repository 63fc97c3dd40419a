// Package rules checks objects as a Patch has left them, by the rules that props are checked by
// before: what the API server would refuse, and what could never work. A kind that it does not know
// has its metadata checked.
package rules

import (
	"maps"
	"slices"

	appsv1 "k8s.io/api/apps/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	policyv1 "k8s.io/api/policy/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/crossoverJie/k8s-combat/infra/internal/problem"
)

// Check records what is wrong with an object, whose path is at.
func Check(l *problem.List, at *problem.Path, object metav1.Object) {
	meta := at.Child("metadata")
	l.Labels(meta.Child("labels"), object.GetLabels())
	l.Annotations(meta.Child("annotations"), object.GetAnnotations())
	if namespace := object.GetNamespace(); namespace != "" && len(validation.IsDNS1123Label(namespace)) > 0 {
		l.Add(meta.Child("namespace"), namespace, problem.DNSLabelRule)
	}
	spec := at.Child("spec")
	switch object := object.(type) {
	case *appsv1.Deployment:
		checkSelector(l, spec, "Deployment", object.Spec.Selector, object.Spec.Template.Labels)
		checkCount(l, spec.Child("replicas"), object.Spec.Replicas)
		checkTemplate(l, spec.Child("template"), object.Spec.Template, corev1.RestartPolicyAlways)
	case *appsv1.StatefulSet:
		checkSelector(l, spec, "StatefulSet", object.Spec.Selector, object.Spec.Template.Labels)
		checkCount(l, spec.Child("replicas"), object.Spec.Replicas)
		template := *object.Spec.Template.DeepCopy()
		for i, claim := range object.Spec.VolumeClaimTemplates {
			l.DNSLabel(spec.Child("volumeClaimTemplates").Index(i).Child("metadata", "name"), claim.Name)
			template.Spec.Volumes = append(template.Spec.Volumes, corev1.Volume{Name: claim.Name})
		}
		checkTemplate(l, spec.Child("template"), template, corev1.RestartPolicyAlways)
	case *appsv1.DaemonSet:
		checkSelector(l, spec, "DaemonSet", object.Spec.Selector, object.Spec.Template.Labels)
		checkTemplate(l, spec.Child("template"), object.Spec.Template, corev1.RestartPolicyAlways)
	case *batchv1.Job:
		checkJob(l, spec, object.Spec)
	case *batchv1.CronJob:
		checkJob(l, spec.Child("jobTemplate", "spec"), object.Spec.JobTemplate.Spec)
	case *corev1.Service:
		checkService(l, spec, object.Spec)
	case *networkingv1.Ingress:
		checkIngress(l, spec, object.Spec)
	case *networkingv1.NetworkPolicy:
		checkNetworkPolicy(l, spec, object.Spec)
	case *autoscalingv2.HorizontalPodAutoscaler:
		checkAutoscaler(l, spec, object.Spec)
	case *policyv1.PodDisruptionBudget:
		checkDisruptionBudget(l, spec, object.Spec)
	case *corev1.ConfigMap:
		checkConfigMap(l, at, object)
	case *corev1.Secret:
		checkSecret(l, at, object)
	case *rbacv1.Role:
		checkRules(l, at.Child("rules"), object.Rules)
	case *rbacv1.ClusterRole:
		checkRules(l, at.Child("rules"), object.Rules)
	}
}

func checkCount(l *problem.List, at *problem.Path, count *int32) {
	if count != nil && *count < 0 {
		l.Add(at, *count, "is negative; use 0 or more")
	}
}

func checkAutoscaler(l *problem.List, spec *problem.Path, scaler autoscalingv2.HorizontalPodAutoscalerSpec) {
	least := int32(1)
	if scaler.MinReplicas != nil {
		least = *scaler.MinReplicas
	}
	if scaler.MaxReplicas < max(least, 1) {
		l.Add(spec.Child("maxReplicas"), scaler.MaxReplicas, "is less than minReplicas, or than 1; raise it")
	}
	if scaler.ScaleTargetRef.Name == "" || scaler.ScaleTargetRef.Kind == "" {
		l.Missing(spec.Child("scaleTargetRef"), "leave the workload in place")
	}
}

func checkDisruptionBudget(l *problem.List, spec *problem.Path, budget policyv1.PodDisruptionBudgetSpec) {
	switch {
	case budget.MinAvailable != nil && budget.MaxUnavailable != nil:
		l.Add(spec.Child("minAvailable"), budget.MinAvailable.String(),
			"cannot stand beside maxUnavailable; leave out one of them")
	case budget.MinAvailable == nil && budget.MaxUnavailable == nil:
		l.Missing(spec.Child("minAvailable"), "say it, or maxUnavailable")
	}
}

func checkConfigMap(l *problem.List, at *problem.Path, config *corev1.ConfigMap) {
	size := checkData(l, at.Child("data"), config.Data) + checkData(l, at.Child("binaryData"), config.BinaryData)
	for _, key := range slices.Sorted(maps.Keys(config.BinaryData)) {
		if _, twice := config.Data[key]; twice {
			l.Add(at.Child("binaryData"), key, "is a key of data too; leave out one of them")
		}
	}
	l.DataSize(at.Child("data"), "ConfigMap", size)
}

func checkSecret(l *problem.List, at *problem.Path, secret *corev1.Secret) {
	size := checkData(l, at.Child("data"), secret.Data) + checkData(l, at.Child("stringData"), secret.StringData)
	l.DataSize(at.Child("data"), "Secret", size)
}

// checkData checks the keys, in their order so that messages have one, and returns the size of the values.
func checkData[V string | []byte](l *problem.List, at *problem.Path, data map[string]V) int {
	size := 0
	for _, key := range slices.Sorted(maps.Keys(data)) {
		l.DataKey(at, key)
		size += len(data[key])
	}
	return size
}

func checkRules(l *problem.List, at *problem.Path, rules []rbacv1.PolicyRule) {
	for i, rule := range rules {
		if len(rule.Verbs) == 0 {
			l.Missing(at.Index(i).Child("verbs"), "say what is allowed, for example \"get\"")
		}
		if len(rule.Resources) == 0 && len(rule.NonResourceURLs) == 0 {
			l.Missing(at.Index(i).Child("resources"), "say of what, for example \"pods\"")
		}
		if len(rule.Resources) > 0 && len(rule.APIGroups) == 0 {
			l.Missing(at.Index(i).Child("apiGroups"),
				"name the group of the resources, \"\" for those of the core")
		}
	}
}
