package infra

import (
	"fmt"
	"strings"

	"github.com/distribution/reference"
	"k8s.io/apimachinery/pkg/util/validation"
)

const (
	dnsLabelRule = "is not an RFC 1123 label; use 1 to 63 lower-case letters, digits or '-', beginning and ending with a letter or digit"

	serviceNameRule = "is not an RFC 1035 label; use 1 to 63 lower-case letters, digits or '-', beginning with a letter and ending with a letter or digit"

	dnsSubdomainRule = "is not an RFC 1123 subdomain; use 1 to 253 lower-case letters, digits, '-' or '.', beginning and ending with a letter or digit"
)

// dnsLabel checks the name of a workload: it becomes the name of a container and the value of a label, which allow less
// than the API does for the object itself.
func (p *problems) dnsLabel(field, name string) {
	p.name(field, name, dnsLabelRule, validation.IsDNS1123Label)
}

// serviceName checks the name of a Service, which becomes a DNS name.
func (p *problems) serviceName(field, name string) {
	p.name(field, name, serviceNameRule, validation.IsDNS1035Label)
}

// dnsSubdomain checks the name of any other object.
func (p *problems) dnsSubdomain(field, name string) {
	p.name(field, name, dnsSubdomainRule, validation.IsDNS1123Subdomain)
}

func (p *problems) name(field, name, rule string, check func(string) []string) {
	if name == "" {
		p.missing(field, "give the object a name, for example \"web\"")
		return
	}
	if len(check(name)) > 0 {
		p.add(field, name, rule)
	}
}

// labels checks keys and values of labels.
func (p *problems) labels(field string, labels map[string]string) {
	for _, key := range sortedKeys(labels) {
		p.qualifiedName(field, key)
		p.labelValue(entry(field, key), labels[key])
	}
}

func (p *problems) labelValue(field, value string) {
	if len(validation.IsValidLabelValue(value)) > 0 {
		p.add(field, value, "is not a label value; use at most 63 letters, digits, '-', '_' or '.', beginning and ending with a letter or digit, or nothing")
	}
}

// maxAnnotationsSize is what the API server allows for all annotations of an object together, in bytes
// (validation.TotalAnnotationSizeLimitB).
const maxAnnotationsSize = 256 << 10

// annotations checks the keys of annotations; their values are free.
func (p *problems) annotations(field string, annotations map[string]string) {
	size := 0
	for _, key := range sortedKeys(annotations) {
		// The API server ignores the case of an annotation's key.
		p.qualifiedName(field, strings.ToLower(key))
		size += len(key) + len(annotations[key])
	}
	if size > maxAnnotationsSize {
		p.add(field, fmt.Sprintf("%d bytes", size), fmt.Sprintf("is more than all annotations together may have, %d bytes; put the content into a Config", maxAnnotationsSize))
	}
}

func (p *problems) qualifiedName(field, key string) {
	if len(validation.IsQualifiedName(key)) > 0 {
		p.add(field, key, "is not a label or annotation key; use a name of at most 63 letters, digits, '-', '_' or '.', after an optional DNS prefix and '/'")
	}
}

// image checks a container image reference.
func (p *problems) image(field, image string) {
	if image == "" {
		p.missing(field, "name an image, for example \"docker.io/library/nginx:1.29\"")
		return
	}
	if _, err := reference.ParseAnyReference(image); err != nil {
		p.add(field, image, "is not an image reference; use [REGISTRY/]NAME[:TAG][@DIGEST] in lower case and without spaces, for example \"docker.io/library/nginx:1.29\"")
	}
}

// port checks a port number.
func (p *problems) port(field string, port int32) {
	if port < 1 || port > 65535 {
		p.add(field, port, "is not a port; use 1 to 65535")
	}
}
