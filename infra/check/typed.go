package check

import (
	"reflect"
	"runtime"
	"slices"
	"strings"
	"sync"

	monitoringv1 "github.com/prometheus-operator/prometheus-operator/pkg/apis/monitoring/v1"
	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	appsv1 "k8s.io/api/apps/v1"
	autoscalingv1 "k8s.io/api/autoscaling/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	batchv1 "k8s.io/api/batch/v1"
	certificatesv1 "k8s.io/api/certificates/v1"
	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	networkingv1 "k8s.io/api/networking/v1"
	nodev1 "k8s.io/api/node/v1"
	policyv1 "k8s.io/api/policy/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	schedulingv1 "k8s.io/api/scheduling/v1"
	storagev1 "k8s.io/api/storage/v1"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	kruntime "k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"
	gatewayv1beta1 "sigs.k8s.io/gateway-api/apis/v1beta1"

	"github.com/crossoverJie/k8s-combat/infra/internal/objects"
)

var runtimeProcs = runtime.GOMAXPROCS(0)

// scheme has the API types that are known.
var scheme = sync.OnceValue(func() *kruntime.Scheme {
	s := kruntime.NewScheme()
	for _, add := range []func(*kruntime.Scheme) error{
		admissionregistrationv1.AddToScheme, appsv1.AddToScheme, autoscalingv1.AddToScheme, autoscalingv2.AddToScheme,
		batchv1.AddToScheme, certificatesv1.AddToScheme, coordinationv1.AddToScheme, corev1.AddToScheme,
		discoveryv1.AddToScheme, networkingv1.AddToScheme, nodev1.AddToScheme, policyv1.AddToScheme, rbacv1.AddToScheme,
		schedulingv1.AddToScheme, storagev1.AddToScheme, apiextensionsv1.AddToScheme, gatewayv1.Install,
		gatewayv1beta1.Install, monitoringv1.AddToScheme,
	} {
		if err := add(s); err != nil {
			// The groups are compiled in and do not collide.
			panic(err)
		}
	}
	return s
})

func readObject(from Object, order int) *object {
	read := objects.Read(from.Content)
	o := &object{Object: from, order: order, group: read.Group, version: read.Version, kind: read.Kind,
		written: read.Written, name: read.Name, labels: read.Labels, annotations: read.Annotations}
	o.decode()
	o.pods = podsOf(o)
	return o
}

// decode reads the object as its API type, where that is known.
func (o *object) decode() {
	gvk := schema.GroupVersionKind{Group: o.group, Version: o.version, Kind: o.kind}
	if !scheme().Recognizes(gvk) {
		return
	}
	typed, err := scheme().New(gvk)
	if err != nil {
		return
	}
	// Of a kind with a definition, its schema says what does not fit; see schemaRules.
	d := decoder{unknown: !isCustom(o.group)}
	d.read(o.Content, reflect.ValueOf(typed).Elem(), nil)
	if !d.failed {
		o.typed = typed
	}
	if !isCustom(o.group) {
		o.misfits = d.misfits
	}
}

// podsOf returns what an object says of the pods that it makes, or nil.
func podsOf(o *object) *workload {
	template := func(at string, t *corev1.PodTemplateSpec) *workload {
		if t == nil {
			return nil
		}
		return &workload{object: o, at: at, labels: t.Labels, annotations: t.Annotations, spec: &t.Spec}
	}
	switch typed := o.typed.(type) {
	case *corev1.Pod:
		return &workload{object: o, labels: typed.Labels, annotations: typed.Annotations, spec: &typed.Spec}
	case *appsv1.Deployment:
		return template("spec.template.", &typed.Spec.Template)
	case *appsv1.StatefulSet:
		return template("spec.template.", &typed.Spec.Template)
	case *appsv1.DaemonSet:
		return template("spec.template.", &typed.Spec.Template)
	case *appsv1.ReplicaSet:
		return template("spec.template.", &typed.Spec.Template)
	case *corev1.ReplicationController:
		return template("spec.template.", typed.Spec.Template)
	case *batchv1.Job:
		return template("spec.template.", &typed.Spec.Template)
	case *batchv1.CronJob:
		return template("spec.jobTemplate.spec.template.", &typed.Spec.JobTemplate.Spec.Template)
	case *monitoringv1.Prometheus:
		return operatedPods(o, "prometheus", typed.Spec.PodMetadata)
	case *monitoringv1.Alertmanager:
		return operatedPods(o, "alertmanager", typed.Spec.PodMetadata)
	case *monitoringv1.ThanosRuler:
		return operatedPods(o, "thanos-ruler", typed.Spec.PodMetadata)
	}
	if o.typed != nil {
		return nil
	}
	if len(o.misfits) > 0 {
		return misfitPods(o)
	}
	// A kind that is not known and has a pod template is one that makes pods of it, such as a Rollout.
	spec, _ := o.Content["spec"].(map[string]any)
	content, _ := spec["template"].(map[string]any)
	inner, _ := content["spec"].(map[string]any)
	if _, ok := inner["containers"].([]any); !ok {
		return nil
	}
	var t corev1.PodTemplateSpec
	if !view(content, &t) {
		return nil
	}
	return template("spec.template.", &t)
}

// operatedPods returns what is known of the pods that the Prometheus Operator makes: the labels that it gives them.
func operatedPods(o *object, role string, metadata *monitoringv1.EmbeddedObjectMetadata) *workload {
	known := map[string]string{role: o.name, "operator." + role + ".io/name": o.name, "app.kubernetes.io/name": role,
		"app.kubernetes.io/instance": o.name, "app.kubernetes.io/managed-by": "prometheus-operator"}
	if metadata != nil {
		for name, value := range metadata.Labels {
			if _, own := known[name]; !own {
				known[name] = value
			}
		}
	}
	return &workload{object: o, labels: known, spec: &corev1.PodSpec{}, partial: true}
}

// misfitPods returns what can be read of the pods of an object that does not fit its type: their labels.
func misfitPods(o *object) *workload {
	content := o.Content
	if o.kind != "Pod" {
		for _, step := range []string{"spec", "jobTemplate", "spec", "template"} {
			if next, ok := content[step].(map[string]any); ok {
				content = next
			} else if step == "template" {
				return nil
			}
		}
	}
	metadata, _ := content["metadata"].(map[string]any)
	return &workload{object: o, labels: objects.Texts(metadata["labels"]), spec: &corev1.PodSpec{}, partial: true}
}

// isBuiltIn reports whether a group belongs to Kubernetes.
func isBuiltIn(group string) bool {
	return !strings.Contains(group, ".") || strings.HasSuffix(group, ".k8s.io") && !isCustom(group) &&
		slices.Contains(builtInGroups, group)
}

var builtInGroups = []string{"admissionregistration.k8s.io", "apiextensions.k8s.io", "apiregistration.k8s.io",
	"authentication.k8s.io", "authorization.k8s.io", "certificates.k8s.io", "coordination.k8s.io", "discovery.k8s.io",
	"events.k8s.io", "flowcontrol.apiserver.k8s.io", "internal.apiserver.k8s.io", "networking.k8s.io", "node.k8s.io",
	"rbac.authorization.k8s.io", "resource.k8s.io", "scheduling.k8s.io", "storage.k8s.io", "storagemigration.k8s.io"}

// isCustom reports whether the CRDs of a group are known.
func isCustom(group string) bool { return slices.Contains(customGroups, group) }

var customGroups = []string{"networking.istio.io", "security.istio.io", "telemetry.istio.io", "extensions.istio.io",
	"gateway.networking.k8s.io", "monitoring.coreos.com"}

func isKnownKind(o *object) bool { return isBuiltIn(o.group) || isCustom(o.group) }

func isClusterKind(o *object) bool { return objects.IsClusterKind(o.kind) }

func isSystemNamespace(name string) bool { return objects.IsSystemNamespace(name) }

// makers are kinds of which all is known that their controllers make; see addMade.
var makers = []string{"Certificate", "ExternalSecret", "SealedSecret", "VaultStaticSecret", "VaultDynamicSecret", "VaultPKISecret",
	"Issuer", "ClusterIssuer", "Canary", "SecretStore"}

// addMade records what controllers make of an object.
func (s *index) addMade(o *object) {
	made := func(kind, name string) {
		if name != "" {
			s.made[key{kind, o.namespace, name}] = true
		}
	}
	text := func(path ...string) string {
		value := any(o.Content)
		for _, step := range path {
			fields, _ := value.(map[string]any)
			value = fields[step]
		}
		text, _ := value.(string)
		return text
	}
	or := func(a, b string) string {
		if a != "" {
			return a
		}
		return b
	}
	switch o.kind {
	case "Certificate":
		made("Secret", text("spec", "secretName"))
	case "ExternalSecret":
		made("Secret", or(text("spec", "target", "name"), o.name))
	case "SealedSecret":
		made("Secret", or(text("spec", "template", "metadata", "name"), o.name))
	case "VaultStaticSecret", "VaultDynamicSecret", "VaultPKISecret":
		made("Secret", text("spec", "destination", "name"))
	case "KafkaUser", "OnePasswordItem", "InfisicalSecret":
		made("Secret", o.name)
	case "Canary":
		target := text("spec", "targetRef", "name")
		service := or(text("spec", "service", "name"), target)
		for _, suffix := range []string{"", "-primary", "-canary"} {
			made("Service", service+suffix)
		}
		made("Deployment", target+"-primary")
		made("VirtualService", service)
		made("DestinationRule", service+"-primary")
	case "Gateway":
		if o.group == "gateway.networking.k8s.io" {
			class := text("spec", "gatewayClassName")
			for _, kind := range []string{"Service", "Deployment", "ServiceAccount"} {
				made(kind, o.name+"-"+class)
				made(kind, o.name)
			}
		}
	case "Service":
		if strings.HasPrefix(o.group, "serving.knative.dev") {
			made("Service", o.name)
			made("Service", o.name+"-private")
		}
	case "Prometheus":
		made("Service", "prometheus-operated")
	case "Alertmanager":
		made("Service", "alertmanager-operated")
	case "StatefulSet":
		if typed, ok := o.typed.(*appsv1.StatefulSet); ok && len(typed.Spec.VolumeClaimTemplates) > 0 {
			replicas := int32(1)
			if typed.Spec.Replicas != nil {
				replicas = *typed.Spec.Replicas
			}
			for _, claim := range typed.Spec.VolumeClaimTemplates {
				for i := range min(replicas, 100) {
					made("PersistentVolumeClaim", at("%s-%s-%d", claim.Name, o.name, i))
				}
			}
		}
	}
}

// isMade reports whether an object is made by the cluster, or of what is in the set.
func (s *index) isMade(kind, namespace, name string) bool {
	switch {
	case s.made[key{kind, namespace, name}]:
		return true
	case kind == "ServiceAccount" && name == "default",
		kind == "ConfigMap" && slices.Contains([]string{"kube-root-ca.crt", "istio-ca-root-cert", "openshift-service-ca.crt"}, name),
		kind == "Service" && name == "kubernetes" && (namespace == "default" || namespace == ""):
		return true
	case kind == "ClusterRole":
		return slices.Contains([]string{"cluster-admin", "admin", "edit", "view"}, name) || strings.HasPrefix(name, "system:")
	case kind == "PriorityClass":
		return strings.HasPrefix(name, "system-")
	}
	return false
}
