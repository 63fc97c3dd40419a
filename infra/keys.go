package infra

import (
	"fmt"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/validation"
)

// KeySource is an object that holds keys with values: a *Config or *Credentials.
type KeySource interface {
	// Name returns the name of the ConfigMap or Secret.
	Name() string

	kind() string
	// holds tells whether the key is there; where nobody can know, it is.
	holds(key string) bool
	// keyNames are the keys that are known to be there, in order.
	keyNames() []string
	// reloads tells whether the kubelet's updates of a mounted file reach the process.
	reloads() bool
	envFrom() corev1.EnvFromSource
	envVar(key string) *corev1.EnvVarSource
	volume(items []corev1.KeyToPath) corev1.VolumeSource
	// checksummed returns the value of a key that, when changed, rolls the pods that use it.
	checksummed(key string) (value string, ok bool)
}

// KeyRef is one key of a Config or of Credentials. Their method Key makes it.
type KeyRef struct {
	source KeySource
	key    string
}

func (r KeyRef) validate(p *problems, field string) {
	if !r.source.holds(r.key) {
		rule := "it has no keys"
		if names := r.source.keyNames(); len(names) > 0 {
			rule = "use " + list(names)
		}
		p.add(field, r.key, fmt.Sprintf("is not a key of %s %s; %s", r.source.kind(), r.source.Name(), rule))
	}
}

// dataKeys checks the keys of a ConfigMap or Secret.
func (p *problems) dataKey(field, key string) {
	if len(validation.IsConfigMapKey(key)) > 0 {
		p.add(field, key, "is not a key; use at most 253 letters, digits, '-', '_' or '.', other than \".\" and \"..\"")
	}
}

// maxDataSize is what the API server allows for all values of a ConfigMap or Secret together, in bytes
// (core.MaxSecretSize).
const maxDataSize = 1 << 20

// dataSize checks the size of all values together.
func (p *problems) dataSize(field, kind string, size int) {
	if size > maxDataSize {
		p.add(field, fmt.Sprintf("%d bytes", size), fmt.Sprintf(
			"is more than a %s may hold, %d bytes; split it, or put large files into the image or a volume", kind, maxDataSize))
	}
}
