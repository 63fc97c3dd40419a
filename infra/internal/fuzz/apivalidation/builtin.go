package apivalidation

import (
	"fmt"

	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	utilnet "k8s.io/apimachinery/pkg/util/net"
	"k8s.io/apiserver/pkg/registry/rest"
	"k8s.io/kubernetes/pkg/api/legacyscheme"
	"k8s.io/kubernetes/pkg/apis/core"
	"k8s.io/kubernetes/pkg/capabilities"
	"k8s.io/kubernetes/pkg/registry/apps/daemonset"
	"k8s.io/kubernetes/pkg/registry/apps/deployment"
	"k8s.io/kubernetes/pkg/registry/apps/replicaset"
	"k8s.io/kubernetes/pkg/registry/apps/statefulset"
	"k8s.io/kubernetes/pkg/registry/autoscaling/horizontalpodautoscaler"
	"k8s.io/kubernetes/pkg/registry/batch/cronjob"
	"k8s.io/kubernetes/pkg/registry/batch/job"
	"k8s.io/kubernetes/pkg/registry/core/configmap"
	"k8s.io/kubernetes/pkg/registry/core/limitrange"
	corenamespace "k8s.io/kubernetes/pkg/registry/core/namespace"
	"k8s.io/kubernetes/pkg/registry/core/persistentvolumeclaim"
	"k8s.io/kubernetes/pkg/registry/core/pod"
	"k8s.io/kubernetes/pkg/registry/core/resourcequota"
	"k8s.io/kubernetes/pkg/registry/core/secret"
	"k8s.io/kubernetes/pkg/registry/core/service"
	"k8s.io/kubernetes/pkg/registry/core/serviceaccount"
	"k8s.io/kubernetes/pkg/registry/networking/ingress"
	"k8s.io/kubernetes/pkg/registry/networking/ingressclass"
	"k8s.io/kubernetes/pkg/registry/networking/networkpolicy"
	"k8s.io/kubernetes/pkg/registry/policy/poddisruptionbudget"
	"k8s.io/kubernetes/pkg/registry/rbac/clusterrole"
	"k8s.io/kubernetes/pkg/registry/rbac/clusterrolebinding"
	"k8s.io/kubernetes/pkg/registry/rbac/role"
	"k8s.io/kubernetes/pkg/registry/rbac/rolebinding"
	"k8s.io/kubernetes/pkg/registry/scheduling/priorityclass"

	// The versions of these groups, with their defaults.
	_ "k8s.io/kubernetes/pkg/apis/apps/install"
	_ "k8s.io/kubernetes/pkg/apis/autoscaling/install"
	_ "k8s.io/kubernetes/pkg/apis/batch/install"
	_ "k8s.io/kubernetes/pkg/apis/core/install"
	_ "k8s.io/kubernetes/pkg/apis/networking/install"
	_ "k8s.io/kubernetes/pkg/apis/policy/install"
	_ "k8s.io/kubernetes/pkg/apis/rbac/install"
	_ "k8s.io/kubernetes/pkg/apis/scheduling/install"
)

// strategies are those by which kube-apiserver creates objects of its own kinds.
var strategies = map[schema.GroupVersionKind]rest.RESTCreateStrategy{
	{Group: "apps", Version: "v1", Kind: "DaemonSet"}:                               daemonset.Strategy,
	{Group: "apps", Version: "v1", Kind: "Deployment"}:                              deployment.Strategy,
	{Group: "apps", Version: "v1", Kind: "ReplicaSet"}:                              replicaset.Strategy,
	{Group: "apps", Version: "v1", Kind: "StatefulSet"}:                             statefulset.Strategy,
	{Group: "autoscaling", Version: "v2", Kind: "HorizontalPodAutoscaler"}:          horizontalpodautoscaler.Strategy,
	{Group: "batch", Version: "v1", Kind: "CronJob"}:                                cronjob.Strategy,
	{Group: "batch", Version: "v1", Kind: "Job"}:                                    job.Strategy,
	{Version: "v1", Kind: "ConfigMap"}:                                              configmap.Strategy,
	{Version: "v1", Kind: "LimitRange"}:                                             limitrange.Strategy,
	{Version: "v1", Kind: "Namespace"}:                                              corenamespace.Strategy,
	{Version: "v1", Kind: "PersistentVolumeClaim"}:                                  persistentvolumeclaim.Strategy,
	{Version: "v1", Kind: "Pod"}:                                                    pod.Strategy,
	{Version: "v1", Kind: "ResourceQuota"}:                                          resourcequota.Strategy,
	{Version: "v1", Kind: "Secret"}:                                                 secret.Strategy,
	{Version: "v1", Kind: "Service"}:                                                service.Strategy,
	{Version: "v1", Kind: "ServiceAccount"}:                                         serviceaccount.Strategy,
	{Group: "networking.k8s.io", Version: "v1", Kind: "Ingress"}:                    ingress.Strategy,
	{Group: "networking.k8s.io", Version: "v1", Kind: "IngressClass"}:               ingressclass.Strategy,
	{Group: "networking.k8s.io", Version: "v1", Kind: "NetworkPolicy"}:              networkpolicy.Strategy,
	{Group: "policy", Version: "v1", Kind: "PodDisruptionBudget"}:                   poddisruptionbudget.Strategy,
	{Group: "rbac.authorization.k8s.io", Version: "v1", Kind: "ClusterRole"}:        clusterrole.Strategy,
	{Group: "rbac.authorization.k8s.io", Version: "v1", Kind: "ClusterRoleBinding"}: clusterrolebinding.Strategy,
	{Group: "rbac.authorization.k8s.io", Version: "v1", Kind: "Role"}:               role.Strategy,
	{Group: "rbac.authorization.k8s.io", Version: "v1", Kind: "RoleBinding"}:        rolebinding.Strategy,
	{Group: "scheduling.k8s.io", Version: "v1", Kind: "PriorityClass"}:              priorityclass.Strategy,
}

// strict decodes, sets defaults and converts to the form in which the API server validates.
var strict = serializer.NewCodecFactory(legacyscheme.Scheme, serializer.EnableStrict).UniversalDecoder()

func init() {
	// As kubeadm and the managed clusters start the API server.
	capabilities.Initialize(capabilities.Capabilities{AllowPrivileged: true})
}

func validateBuiltIn(kind schema.GroupVersionKind, strategy rest.RESTCreateStrategy, document []byte) []error {
	object, err := runtime.Decode(strict, document)
	if err != nil {
		return []error{err}
	}
	if service, ok := object.(*core.Service); ok {
		if err := allocate(service); err != nil {
			return []error{err}
		}
	}
	return create(kind, strategy, object)
}

// nodePorts are those that an API server without --service-node-port-range allows.
var nodePorts = utilnet.PortRange{Base: 30000, Size: 2768}

// allocate does what the storage of Services does before they are validated, but for finding a free address.
func allocate(service *core.Service) error {
	spec := &service.Spec
	if spec.ClusterIP != "" && len(spec.ClusterIPs) == 0 {
		spec.ClusterIPs = []string{spec.ClusterIP}
	}
	if spec.Type != core.ServiceTypeExternalName && spec.IPFamilyPolicy == nil {
		policy := core.IPFamilyPolicySingleStack
		spec.IPFamilyPolicy = &policy
	}
	seen := map[string]bool{}
	for i, port := range spec.Ports {
		if port.NodePort == 0 {
			continue
		}
		at := fmt.Sprintf("spec.ports[%d].nodePort", i)
		if !nodePorts.Contains(int(port.NodePort)) {
			return fmt.Errorf("%s: %d is not in the valid range, %s", at, port.NodePort, nodePorts.String())
		}
		key := fmt.Sprintf("%d/%s", port.NodePort, port.Protocol)
		if seen[key] {
			return fmt.Errorf("%s: %d is already allocated", at, port.NodePort)
		}
		seen[key] = true
	}
	return nil
}
