// Package objects is the index of a set of finished objects: what they are, where they go, and how one is found. It
// reads generic maps and needs no API types, so that what is built on it can be compiled for a browser.
package objects

import (
	"slices"
	"strings"
)

// Object is an object of the set, read.
type Object struct {
	// Content is the object as JSON has it. It is not changed.
	Content              map[string]any
	Group, Version, Kind string
	// Written is the namespace that it says, and Namespace where it goes. Both are empty for a kind without namespaces.
	Written, Namespace string
	// Name is what it says, or what it wants generated, with "*" at its end.
	Name                string
	Labels, Annotations map[string]string
}

// Read reads what an object is. Its Namespace is not known before the whole set is.
func Read(content map[string]any) Object {
	o := Object{Content: content}
	version, _ := content["apiVersion"].(string)
	o.Kind, _ = content["kind"].(string)
	if group, rest, ok := strings.Cut(version, "/"); ok {
		o.Group, o.Version = group, rest
	} else {
		o.Version = version
	}
	metadata, _ := content["metadata"].(map[string]any)
	o.Written, _ = metadata["namespace"].(string)
	o.Name, _ = metadata["name"].(string)
	if o.Name == "" {
		if prefix, _ := metadata["generateName"].(string); prefix != "" {
			o.Name = prefix + "*"
		}
	}
	o.Labels = Texts(metadata["labels"])
	o.Annotations = Texts(metadata["annotations"])
	return o
}

// Texts are the entries of a map that are texts.
func Texts(value any) map[string]string {
	entries, _ := value.(map[string]any)
	if len(entries) == 0 {
		return nil
	}
	result := make(map[string]string, len(entries))
	for name, value := range entries {
		if text, ok := value.(string); ok {
			result[name] = text
		}
	}
	return result
}

// Home is the namespace of objects that name none: wanted, else the one namespace that the set names, else "default"
// where the set names that, else empty. Each is called with those that name one.
func Home(wanted string, written func(yield func(kind, namespace string) bool)) string {
	if wanted != "" {
		return wanted
	}
	var own []string
	for kind, namespace := range written {
		if namespace != "" && !IsClusterKind(kind) && !IsSystemNamespace(namespace) && !slices.Contains(own, namespace) {
			if own = append(own, namespace); len(own) > 2 && slices.Contains(own, defaultNamespace) {
				break
			}
			if len(own) > 64 {
				break
			}
		}
	}
	switch {
	case len(own) == 1:
		return own[0]
	case slices.Contains(own, defaultNamespace):
		return defaultNamespace
	}
	return ""
}

const defaultNamespace = "default"

var clusterKinds = []string{"Namespace", "Node", "PersistentVolume", "ClusterRole", "ClusterRoleBinding", "StorageClass",
	"IngressClass", "PriorityClass", "RuntimeClass", "CSIDriver", "CSINode", "VolumeAttachment",
	"CustomResourceDefinition", "APIService", "MutatingWebhookConfiguration", "ValidatingWebhookConfiguration",
	"ValidatingAdmissionPolicy", "ValidatingAdmissionPolicyBinding", "MutatingAdmissionPolicy",
	"MutatingAdmissionPolicyBinding", "FlowSchema", "PriorityLevelConfiguration", "CertificateSigningRequest",
	"ClusterTrustBundle", "GatewayClass", "ClusterIssuer", "ClusterSecretStore", "ClusterPolicy", "PodSecurityPolicy",
	"DeviceClass", "ServiceCIDR", "IPAddress", "VolumeAttributesClass"}

// IsClusterKind reports whether objects of a kind have no namespace.
func IsClusterKind(kind string) bool { return slices.Contains(clusterKinds, kind) }

var systemNamespaces = []string{"kube-system", "kube-public", "kube-node-lease", "istio-system", "istio-ingress",
	"istio-egress", "istio-gateways", "istio-operator", "cert-manager", "gatekeeper-system", "linkerd", "knative-serving"}

// IsSystemNamespace reports whether a namespace is one of those that clusters come with.
func IsSystemNamespace(name string) bool { return slices.Contains(systemNamespaces, name) }

// Key finds an object.
type Key struct{ Kind, Namespace, Name string }

// Index is a set with all by which its objects are found.
type Index struct {
	All    []*Object
	byKind map[string][]*Object
	byKey  map[Key]*Object
}

// New makes the index of a set. Home is where objects go that name no namespace.
func New(all []*Object, home string) *Index {
	index := &Index{All: all, byKind: map[string][]*Object{}, byKey: make(map[Key]*Object, len(all))}
	for _, o := range all {
		o.Namespace = o.Written
		if IsClusterKind(o.Kind) {
			o.Namespace = ""
		} else if o.Namespace == "" {
			o.Namespace = home
		}
		index.byKind[o.Kind] = append(index.byKind[o.Kind], o)
		key := Key{o.Kind, o.Namespace, o.Name}
		if _, taken := index.byKey[key]; !taken {
			index.byKey[key] = o
		}
	}
	return index
}

// Kind are the objects of a kind, in the order of the set.
func (i *Index) Kind(kind string) []*Object { return i.byKind[kind] }

// Find is the object of a kind and name, nil where there is none.
func (i *Index) Find(kind, namespace, name string) *Object {
	return i.byKey[Key{kind, namespace, name}]
}
