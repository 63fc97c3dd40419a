package problem

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/distribution/reference"
	"k8s.io/apimachinery/pkg/util/validation"
)

// Rules that are asked for in more than one place.
const (
	DNSLabelRule = "is not an RFC 1123 label; use 1 to 63 lower-case letters, digits or '-', beginning and ending with a letter or digit"

	serviceNameRule = "is not an RFC 1035 label; use 1 to 63 lower-case letters, digits or '-', beginning with a letter and ending with a letter or digit"

	dnsSubdomainRule = "is not an RFC 1123 subdomain; use 1 to 253 lower-case letters, digits, '-' or '.', beginning and ending with a letter or digit"
)

// DNSLabel checks the name of a workload: it becomes the name of a container and the value of a
// label, which allow less than the API does for the object itself.
func (l *List) DNSLabel(at *Path, name string) {
	l.name(at, name, DNSLabelRule, validation.IsDNS1123Label)
}

// ServiceName checks the name of a Service, which becomes a DNS name.
func (l *List) ServiceName(at *Path, name string) {
	l.name(at, name, serviceNameRule, validation.IsDNS1035Label)
}

// DNSSubdomain checks the name of any other object.
func (l *List) DNSSubdomain(at *Path, name string) {
	l.name(at, name, dnsSubdomainRule, validation.IsDNS1123Subdomain)
}

func (l *List) name(at *Path, name, rule string, check func(string) []string) {
	if name == "" {
		l.Missing(at, "give the object a name, for example \"web\"")
		return
	}
	if len(check(name)) > 0 {
		l.Add(at, name, rule)
	}
}

// Labels checks keys and values of labels.
func (l *List) Labels(at *Path, labels map[string]string) {
	for _, key := range slices.Sorted(maps.Keys(labels)) {
		l.QualifiedName(at, key)
		l.LabelValue(Key(at, key), labels[key])
	}
}

// LabelValue checks the value of a label.
func (l *List) LabelValue(at *Path, value string) {
	if len(validation.IsValidLabelValue(value)) > 0 {
		l.Add(at, value,
			"is not a label value; use at most 63 letters, digits, '-', '_' or '.', beginning and ending with a letter or digit, or nothing")
	}
}

// maxAnnotationsSize is what the API server allows for all annotations of an object together, in bytes
// (validation.TotalAnnotationSizeLimitB).
const maxAnnotationsSize = 256 << 10

// Annotations checks the keys of annotations; their values are free.
func (l *List) Annotations(at *Path, annotations map[string]string) {
	size := 0
	for _, key := range slices.Sorted(maps.Keys(annotations)) {
		// The API server ignores the case of an annotation's key.
		l.QualifiedName(at, strings.ToLower(key))
		size += len(key) + len(annotations[key])
	}
	if size > maxAnnotationsSize {
		l.Add(at, fmt.Sprintf("%d bytes", size),
			fmt.Sprintf("is more than all annotations together may have, %d bytes; put the content into a Config", maxAnnotationsSize))
	}
}

// QualifiedName checks the key of a label or annotation.
func (l *List) QualifiedName(at *Path, key string) {
	if len(validation.IsQualifiedName(key)) > 0 {
		l.Add(at, key,
			"is not a label or annotation key; use a name of at most 63 letters, digits, '-', '_' or '.', after an optional DNS prefix and '/'")
	}
}

// DataKey checks a key of a ConfigMap or Secret.
func (l *List) DataKey(at *Path, key string) {
	if len(validation.IsConfigMapKey(key)) > 0 {
		l.Add(at, key,
			"is not a key; use at most 253 letters, digits, '-', '_' or '.', other than \".\" and \"..\"")
	}
}

// maxDataSize is what the API server allows for all values of a ConfigMap or Secret together, in bytes
// (core.MaxSecretSize).
const maxDataSize = 1 << 20

// DataSize checks the size of all values of a ConfigMap or Secret together.
func (l *List) DataSize(at *Path, kind string, size int) {
	if size > maxDataSize {
		l.Add(at, fmt.Sprintf("%d bytes", size), fmt.Sprintf(
			"is more than a %s may hold, %d bytes; split it, or put large files into the image or a volume", kind, maxDataSize))
	}
}

// Image checks a container image reference.
func (l *List) Image(at *Path, image string) {
	if image == "" {
		l.Missing(at, "name an image, for example \"docker.io/library/nginx:1.29\"")
		return
	}
	if _, err := reference.ParseAnyReference(image); err != nil {
		l.Add(at, image,
			"is not an image reference; use [REGISTRY/]NAME[:TAG][@DIGEST] in lower case and without spaces, for example \"docker.io/library/nginx:1.29\"")
	}
}

// Port checks a port number.
func (l *List) Port(at *Path, port int32) {
	if port < 1 || port > 65535 {
		l.Add(at, port, "is not a port; use 1 to 65535")
	}
}

// EnvName checks the name of an environment variable.
func (l *List) EnvName(at *Path, name string) {
	if len(validation.IsEnvVarName(name)) > 0 {
		l.Add(at, name,
			"is not the name of an environment variable; use letters, digits, '_', '-' or '.', not beginning with a digit")
	}
}

// IP checks an address of either family.
func (l *List) IP(at *Path, address string) {
	if len(validation.IsValidIP(nil, address)) > 0 {
		l.Add(at, address, "is not an IP address; use for example \"10.0.0.1\" or \"2001:db8::1\"")
	}
}

// Seconds checks a duration that Kubernetes keeps in whole seconds.
func (l *List) Seconds(at *Path, d time.Duration) {
	switch {
	case d < 0:
		l.Add(at, d, "is negative; use 0s or more")
	case d%time.Second != 0:
		l.Add(at, d, "is not in whole seconds, which is what Kubernetes counts here; use for example 2s")
	case d/time.Second > 1<<31-1:
		l.Add(at, d, "is too long; use at most 2147483647 seconds")
	}
}

// AnyHost is the host that stands for all.
const AnyHost = "*"

// RoutedHost checks the host of a route: a DNS name, of which the first label may be '*', or AnyHost.
func (l *List) RoutedHost(at *Path, host string) {
	if !IsRoutedHost(host) {
		l.Add(at, host,
			"is not a host name; use lower-case letters, digits, '-' and '.', the first label may be '*', without scheme, port and path, for example \"www.example.com\"")
	}
}

// IsRoutedHost reports whether routes can be for the host.
func IsRoutedHost(host string) bool {
	return host == AnyHost ||
		len(validation.IsDNS1123Subdomain(host)) == 0 && len(validation.IsValidIP(nil, host)) > 0 ||
		len(validation.IsWildcardDNS1123Subdomain(host)) == 0
}
