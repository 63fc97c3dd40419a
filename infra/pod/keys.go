package pod

import (
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"

	"github.com/crossoverJie/k8s-combat/infra/internal/problem"
	"github.com/crossoverJie/k8s-combat/infra/internal/ref"
)

// KeySource is an object that holds keys with values: a *infra.Config or *infra.Credentials.
type KeySource interface {
	// Name returns the name of the ConfigMap or Secret.
	Name() string
	// Data refers to the object and its keys. Nil for a source that is nil itself.
	Data() *ref.Data
}

// dataOf is what a source holds. Nil where there is none, also where a nil *infra.Config is handed
// over.
func dataOf(source KeySource) *ref.Data {
	if source == nil {
		return nil
	}
	return ref.Of(func() *ref.Data { return source.Data() })
}

// KeyRef is one key of a Config or of Credentials. Their method Key makes it.
type KeyRef struct {
	data *ref.Data
	key  string
}

// KeyOf returns a reference to a key of a source. The methods Key of Config and Credentials are the
// usual way to it.
func KeyOf(source KeySource, key string) KeyRef { return KeyRef{dataOf(source), key} }

// Source refers to the object that the key is of. Nil where there is none.
func (r KeyRef) Source() *ref.Data { return r.data }

// Key returns the key.
func (r KeyRef) Key() string { return r.key }

const noSource = "give the Key of a *Config or of *Credentials"

// Validate records that there is no source, or no such key.
func (r KeyRef) Validate(l *problem.List, at *problem.Path) {
	if r.data == nil {
		l.Missing(at, noSource)
		return
	}
	if r.data.AnyKey || slices.Contains(r.data.Keys, r.key) {
		return
	}
	rule := "it has no keys"
	if len(r.data.Keys) > 0 {
		rule = "use " + problem.Or(r.data.Keys)
	}
	l.Add(at, r.key, fmt.Sprintf("is not a key of %s; %s", r.data.Object, rule))
}

func (r KeyRef) plain() ValueSource { return r }

func (r KeyRef) envVarSource() *corev1.EnvVarSource {
	local := corev1.LocalObjectReference{Name: r.data.Name()}
	if isSecret(r.data) {
		return &corev1.EnvVarSource{SecretKeyRef: &corev1.SecretKeySelector{LocalObjectReference: local,
			Key: r.key}}
	}
	return &corev1.EnvVarSource{ConfigMapKeyRef: &corev1.ConfigMapKeySelector{LocalObjectReference: local, Key: r.key}}
}

// SecretKind is the kind of a source whose values not everybody may see.
const SecretKind = "Secret"

func isSecret(data *ref.Data) bool { return data.Kind() == SecretKind }

func envFromSource(data *ref.Data) corev1.EnvFromSource {
	local := corev1.LocalObjectReference{Name: data.Name()}
	if isSecret(data) {
		return corev1.EnvFromSource{SecretRef: &corev1.SecretEnvSource{LocalObjectReference: local}}
	}
	return corev1.EnvFromSource{ConfigMapRef: &corev1.ConfigMapEnvSource{LocalObjectReference: local}}
}

func dataVolume(data *ref.Data, items []corev1.KeyToPath) corev1.VolumeSource {
	if isSecret(data) {
		return corev1.VolumeSource{Secret: &corev1.SecretVolumeSource{SecretName: data.Name(), Items: items}}
	}
	return corev1.VolumeSource{ConfigMap: &corev1.ConfigMapVolumeSource{
		LocalObjectReference: corev1.LocalObjectReference{Name: data.Name()}, Items: items,
	}}
}
