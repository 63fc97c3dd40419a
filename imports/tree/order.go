package tree

import (
	"encoding/json"
	"fmt"

	"github.com/cdk8s-team/cdk8s-core-go/cdk8s/v2"
)

// application names the kinds, by their group, in the order in which they are applied: what others need, to be accepted or
// to work, comes before them. Kinds that stand here nowhere come last: what watches or guards the rest, and what nothing is
// known of. The group of a kind without one is core, as in cdk8s.ApiObject.
var application = []map[string][]string{
	{"core": {"Namespace"}},
	{"apiextensions.k8s.io": {"CustomResourceDefinition"}},
	{
		"core":                      {"ServiceAccount"},
		"rbac.authorization.k8s.io": {"ClusterRole", "ClusterRoleBinding", "Role", "RoleBinding"},
	},
	// What a pod must find when it is made. A NetworkPolicy is here so that no pod runs without it for a moment.
	{
		"core":              {"ConfigMap", "LimitRange", "PersistentVolume", "PersistentVolumeClaim", "ResourceQuota", "Secret"},
		"networking.k8s.io": {"NetworkPolicy"},
		"node.k8s.io":       {"RuntimeClass"},
		"scheduling.k8s.io": {"PriorityClass"},
		"storage.k8s.io":    {"StorageClass"},
	},
	// What gives a host its name.
	{
		"core":                {"Endpoints", "Service"},
		"discovery.k8s.io":    {"EndpointSlice"},
		"networking.istio.io": {"ServiceEntry", "WorkloadEntry", "WorkloadGroup"},
	},
	{
		"apps":  {"DaemonSet", "Deployment", "ReplicaSet", "StatefulSet"},
		"batch": {"CronJob", "Job"},
		"core":  {"Pod", "ReplicationController"},
	},
	{
		"autoscaling":        {"HorizontalPodAutoscaler"},
		"autoscaling.k8s.io": {"VerticalPodAutoscaler"},
		"policy":             {"PodDisruptionBudget"},
	},
	// A route to a subset needs the rule that makes the subset.
	{
		"networking.istio.io":       {"DestinationRule"},
		"gateway.networking.k8s.io": {"BackendTLSPolicy"},
	},
	{
		"gateway.networking.k8s.io": {"Gateway", "GatewayClass", "ListenerSet", "ReferenceGrant"},
		"networking.istio.io":       {"Gateway"},
		"networking.k8s.io":         {"IngressClass"},
	},
	{
		"gateway.networking.k8s.io": {"GRPCRoute", "HTTPRoute", "TCPRoute", "TLSRoute", "UDPRoute"},
		"networking.istio.io":       {"VirtualService"},
		"networking.k8s.io":         {"Ingress"},
	},
}

type groupKind struct{ group, kind string }

var ranks = func() map[groupKind]int {
	ranks := map[groupKind]int{}
	for rank, groups := range application {
		for group, kinds := range groups {
			for _, kind := range kinds {
				ranks[groupKind{group, kind}] = rank
			}
		}
	}
	return ranks
}()

// Rank tells where in the order of application the objects of a kind stand: those of a lower rank come first. group is what
// ApiGroup of an object returns. It is of use to the authors of trees alone.
func Rank(group, kind string) int {
	if rank, ok := ranks[groupKind{group, kind}]; ok {
		return rank
	}
	return len(application)
}

// ranksByName is what the official tree is told of ranks: that of each kind, as GROUP/KIND.
func ranksByName() string {
	names := make(map[string]int, len(ranks))
	for kind, rank := range ranks {
		names[kind.group+"/"+kind.kind] = rank
	}
	text, err := json.Marshal(names)
	if err != nil {
		panic(fmt.Errorf("the order of application: %w", err)) // it is numbers
	}
	return string(text)
}

// KeepOrder leaves the objects of each chart of an app in cdk8s' own order: that of the tree, but what others depend on before
// them. Without it they are written in the order in which "kubectl apply" is to create them:
//
//  1. Namespaces
//  2. CustomResourceDefinitions
//  3. ServiceAccounts, roles and their bindings
//  4. ConfigMaps, Secrets, volumes and their claims, quotas, limits, classes of pods and storage, NetworkPolicies
//  5. Services, EndpointSlices and Istio's ServiceEntries
//  6. workloads: Deployment, StatefulSet, DaemonSet, ReplicaSet, Job, CronJob, Pod
//  7. PodDisruptionBudgets and autoscalers
//  8. DestinationRules
//  9. Gateways and what they need
//  10. routes: VirtualService, Ingress, HTTPRoute and its likes
//  11. everything else, such as Istio's policies and monitors
//
// Within one of these cdk8s' order holds. An object that depends on another one, as AddDependency of any construct
// says, comes after it in any case. The order of charts is always that of cdk8s: where one makes the Namespace of another,
// say so with AddDependency.
//
// On the official tree, the order is that of Synth, Main and Render; the methods of cdk8s, such as app.SynthYaml and
// chart.ToJson, keep theirs.
func KeepOrder(app cdk8s.App) {
	if native, ok := nativeScope(app); ok {
		native.KeepOrder()
		return
	}
	official.keepOrder(app)
}
