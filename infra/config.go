package infra

import (
	"maps"
	"slices"
	"unicode/utf8"

	"github.com/aws/constructs-go/constructs/v10"
	corev1 "k8s.io/api/core/v1"

	"github.com/crossoverJie/k8s-combat/imports/k8s"
	"github.com/crossoverJie/k8s-combat/imports/tree"
	"github.com/crossoverJie/k8s-combat/infra/internal/object"
	"github.com/crossoverJie/k8s-combat/infra/internal/problem"
	"github.com/crossoverJie/k8s-combat/infra/internal/ref"
	"github.com/crossoverJie/k8s-combat/infra/pod"
)

// OnChange says how a change of a Config reaches the pods that use it.
type OnChange string

const (
	// Restart rolls the pods: a digest of the keys that they use is an annotation of their
	// template. Files are mounted one by one (subPath), so they may stand beside files of the
	// image.
	Restart OnChange = "Restart"
	// Reload leaves the pods alone: the kubelet updates the mounted files within about a minute,
	// and the process reads them again. Files are mounted as whole directories, which hide what the
	// image has there, and are left out of the digest. Environment variables cannot be reloaded;
	// keys used so still roll the pods.
	Reload OnChange = "Reload"
)

// ConfigProps are the options of a Config.
type ConfigProps struct {
	// Name of the ConfigMap. Required; an RFC 1123 subdomain.
	Name string
	// Data are the keys and their values, UTF-8 text of at most 1 MiB together. From 250 KiB on it
	// can be applied by kubectl apply --server-side alone, of which synth warns. Defaults to none.
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
			p.Add(problem.Key(problem.At("Data"), key), props.Data[key],
				"is not UTF-8 text; put binary content into the image, or add it to BinaryData by Patch")
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
	data *ref.Data
}

var _ pod.KeySource = (*Config)(nil)

// NewConfig makes a Config.
func NewConfig(scope constructs.Construct, id string, props ConfigProps) *Config {
	props = props.withDefaults()
	c := &Config{}
	tree.New(c, scope, id)
	tree.Invalid(c, props.validate()...)

	config := object.Patched(c, "Patch", &corev1.ConfigMap{
		ObjectMeta: object.Meta(props.Name, props.Labels, props.Annotations),
		Data:       props.validText(),
	}, props.Patch)
	c.data = &ref.Data{
		Object:  ref.To("ConfigMap", props.Name, k8s.NewConfigMap(c, "Resource", config)),
		Keys:    slices.Sorted(maps.Keys(config.Data)),
		Reloads: props.OnChange == Reload,
		Checksummed: func(key string) (string, bool) {
			value, ok := config.Data[key]
			return value, ok
		},
	}
	for key := range config.BinaryData {
		c.data.Keys = append(c.data.Keys, key)
	}
	slices.Sort(c.data.Keys)
	return c
}

// Name returns the name of the ConfigMap.
func (c *Config) Name() string {
	if c == nil {
		return ""
	}
	return c.data.Name()
}

// Key returns a reference to one key, for EnvVar.ValueFrom and File.From. A key that does not exist
// is an error of the workload that uses it.
func (c *Config) Key(key string) pod.KeyRef { return pod.KeyOf(c, key) }

// Data refers to the ConfigMap and its keys, for the pods that use it.
func (c *Config) Data() *ref.Data {
	if c == nil {
		return nil
	}
	return c.data
}
