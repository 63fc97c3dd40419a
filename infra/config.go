package infra

import (
	"maps"
	"unicode/utf8"

	"github.com/aws/constructs-go/constructs/v10"
	corev1 "k8s.io/api/core/v1"

	"github.com/crossoverJie/k8s-combat/imports/k8s"
	"github.com/crossoverJie/k8s-combat/imports/tree"
	"github.com/crossoverJie/k8s-combat/infra/internal/problem"
)

// OnChange says how a change of a Config reaches the pods that use it.
type OnChange string

const (
	// Restart rolls the pods: a digest of the keys that they use is an annotation of their template. Files are mounted
	// one by one (subPath), so they may stand beside files of the image.
	Restart OnChange = "Restart"
	// Reload leaves the pods alone: the kubelet updates the mounted files within about a minute, and the process reads
	// them again. Files are mounted as whole directories, which hide what the image has there, and are left out of the
	// digest. Environment variables cannot be reloaded; keys used so still roll the pods.
	Reload OnChange = "Reload"
)

// ConfigProps are the options of a Config.
type ConfigProps struct {
	// Name of the ConfigMap. Required; an RFC 1123 subdomain.
	Name string
	// Data are the keys and their values, UTF-8 text of at most 1 MiB together. Defaults to none.
	Data map[string]string
	// OnChange says how a change of Data reaches the pods. Defaults to Restart.
	OnChange OnChange
	// Labels and Annotations of the ConfigMap. Default to none.
	Labels, Annotations map[string]string
	// Patch has the last word on the ConfigMap.
	Patch func(*corev1.ConfigMap)
}

func (props ConfigProps) withDefaults() ConfigProps {
	if props.OnChange == "" {
		props.OnChange = Restart
	}
	props.Data = maps.Clone(props.Data)
	return props
}

func (props ConfigProps) validate() problem.List {
	var p problem.List
	p.DNSSubdomain(problem.At("Name"), props.Name)
	problem.OneOf(&p, problem.At("OnChange"), props.OnChange, Restart, Reload)
	size := 0
	for _, key := range sortedKeys(props.Data) {
		p.DataKey(problem.At("Data"), key)
		if !utf8.ValidString(props.Data[key]) {
			p.Add(problem.Key(problem.At("Data"), key), props.Data[key], "is not UTF-8 text; put binary content into the image, or add it to BinaryData by Patch")
		}
		size += len(props.Data[key])
	}
	p.DataSize(problem.At("Data"), "ConfigMap", size)
	p.Labels(problem.At("Labels"), props.Labels)
	p.Annotations(problem.At("Annotations"), props.Annotations)
	return p
}

// validText are the data that can be written; validate tells of the others.
func (props ConfigProps) validText() map[string]string {
	data := maps.Clone(props.Data)
	maps.DeleteFunc(data, func(_, value string) bool { return !utf8.ValidString(value) })
	return data
}

// Config is configuration that workloads read as environment variables or files: a ConfigMap.
// See https://kubernetes.io/docs/concepts/configuration/configmap/.
type Config struct {
	constructs.Construct
	props ConfigProps
	// data is what Patch has made of the props' data.
	data map[string]string
}

var _ KeySource = (*Config)(nil)

// NewConfig makes a Config.
func NewConfig(scope constructs.Construct, id string, props ConfigProps) *Config {
	props = props.withDefaults()
	c := &Config{props: props}
	tree.New(c, scope, id)
	tree.Invalid(c, props.validate()...)

	object := patched(c, &corev1.ConfigMap{
		ObjectMeta: objectMeta(props.Name, props.Labels, props.Annotations),
		Data:       props.validText(),
	}, props.Patch)
	c.data = object.Data
	k8s.NewConfigMap(c, "Resource", object)
	return c
}

// Name returns the name of the ConfigMap.
func (c *Config) Name() string { return c.props.Name }

// Key returns a reference to one key, for EnvVar.ValueFrom and File.From. A key that does not exist is an error of the
// workload that uses it.
func (c *Config) Key(key string) KeyRef {
	if c == nil {
		return KeyRef{}
	}
	return KeyRef{c, key}
}

func (c *Config) kind() string { return "ConfigMap" }

func (c *Config) holds(key string) bool {
	_, ok := c.data[key]
	return ok
}

func (c *Config) keyNames() []string { return sortedKeys(c.data) }

func (c *Config) reloads() bool { return c.props.OnChange == Reload }

func (c *Config) reference() corev1.LocalObjectReference {
	return corev1.LocalObjectReference{Name: c.props.Name}
}

func (c *Config) envFrom() corev1.EnvFromSource {
	return corev1.EnvFromSource{ConfigMapRef: &corev1.ConfigMapEnvSource{LocalObjectReference: c.reference()}}
}

func (c *Config) envVar(key string) *corev1.EnvVarSource {
	return &corev1.EnvVarSource{ConfigMapKeyRef: &corev1.ConfigMapKeySelector{LocalObjectReference: c.reference(), Key: key}}
}

func (c *Config) volume(items []corev1.KeyToPath) corev1.VolumeSource {
	return corev1.VolumeSource{ConfigMap: &corev1.ConfigMapVolumeSource{LocalObjectReference: c.reference(), Items: items}}
}

func (c *Config) checksummed(key string) (string, bool) {
	value, ok := c.data[key]
	return value, ok
}
