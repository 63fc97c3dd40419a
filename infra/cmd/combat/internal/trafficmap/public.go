package trafficmap

import (
	"slices"
	"strings"
)

// publicObject is an object in the page.
type publicObject struct {
	Content map[string]any `json:"content"`
	Place   string         `json:"place,omitempty"`
}

// routing are the kinds of which the engine reads the whole spec.
var routing = map[string][]string{
	"":                          {"Service", "Namespace"},
	"networking.k8s.io":         {"Ingress", "IngressClass"},
	"networking.istio.io":       {"VirtualService", "DestinationRule", "Gateway", "ServiceEntry", "Sidecar", "WorkloadEntry", "WorkloadGroup"},
	"security.istio.io":         {"AuthorizationPolicy", "PeerAuthentication", "RequestAuthentication"},
	"gateway.networking.k8s.io": {"Gateway", "GatewayClass", "HTTPRoute", "GRPCRoute", "TLSRoute", "TCPRoute", "ReferenceGrant"},
	"autoscaling":               {"HorizontalPodAutoscaler"},
}

// workloadKinds are the kinds that make pods.
var workloadKinds = []string{"Deployment", "StatefulSet", "DaemonSet", "ReplicaSet", "ReplicationController", "Pod", "Rollout", "Job", "CronJob"}

// public returns what the engine needs of an object, nil where it needs nothing: the page is for people who may not see
// the values of Secrets, and neither they nor environment variables, which are often as secret, are in it.
func public(content map[string]any) map[string]any {
	version, _ := content["apiVersion"].(string)
	kind, _ := content["kind"].(string)
	group := ""
	if before, _, ok := strings.Cut(version, "/"); ok {
		group = before
	}
	kept := map[string]any{"apiVersion": version, "kind": kind, "metadata": publicMetadata(content["metadata"])}
	switch {
	case slices.Contains(routing[group], kind):
		kept["spec"] = content["spec"]
	case slices.Contains(workloadKinds, kind):
		spec := only(content["spec"], "replicas", "parallelism", "selector")
		if kind == "Pod" {
			spec = publicPod(content["spec"])
		} else if from, ok := content["spec"].(map[string]any); ok {
			if template, ok := from["template"].(map[string]any); ok {
				spec["template"] = map[string]any{"metadata": publicMetadata(template["metadata"]), "spec": publicPod(template["spec"])}
			}
		}
		kept["spec"] = spec
	default:
		return nil
	}
	return kept
}

func publicMetadata(value any) map[string]any {
	kept := only(value, "name", "generateName", "namespace", "labels", "creationTimestamp")
	metadata, _ := value.(map[string]any)
	annotations, _ := metadata["annotations"].(map[string]any)
	read := map[string]any{}
	for name, text := range annotations {
		// The annotation of kubectl apply has the whole object once more.
		if strings.Contains(name, "istio.io/") || strings.HasPrefix(name, "kubernetes.io/ingress.") || strings.Contains(name, "gateway.networking.k8s.io/") {
			read[name] = text
		}
	}
	if len(read) > 0 {
		kept["annotations"] = read
	}
	return kept
}

func publicPod(value any) map[string]any {
	kept := only(value, "serviceAccountName", "serviceAccount", "hostNetwork")
	pod, _ := value.(map[string]any)
	for _, list := range []string{"containers", "initContainers"} {
		from, _ := pod[list].([]any)
		var all []any
		for _, one := range from {
			container := only(one, "name", "restartPolicy")
			if fields, ok := one.(map[string]any); ok {
				if ports, ok := fields["ports"].([]any); ok {
					var named []any
					for _, port := range ports {
						named = append(named, only(port, "name", "containerPort", "protocol"))
					}
					container["ports"] = named
				}
			}
			all = append(all, container)
		}
		if all != nil {
			kept[list] = all
		}
	}
	return kept
}

// only are some fields of a map.
func only(value any, names ...string) map[string]any {
	kept := map[string]any{}
	fields, _ := value.(map[string]any)
	for _, name := range names {
		if field, ok := fields[name]; ok {
			kept[name] = field
		}
	}
	return kept
}
