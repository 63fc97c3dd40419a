package infra

import (
	"fmt"

	corev1 "k8s.io/api/core/v1"

	"github.com/crossoverJie/k8s-combat/infra/internal/problem"
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

func (r KeyRef) validate(p *problem.List, field *problem.Path) {
	if !r.source.holds(r.key) {
		rule := "it has no keys"
		if names := r.source.keyNames(); len(names) > 0 {
			rule = "use " + problem.Or(names)
		}
		p.Add(field, r.key, fmt.Sprintf("is not a key of %s %s; %s", r.source.kind(), r.source.Name(), rule))
	}
}
