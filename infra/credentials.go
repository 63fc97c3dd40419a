package infra

import (
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"slices"

	"github.com/aws/constructs-go/constructs/v10"
	corev1 "k8s.io/api/core/v1"

	"github.com/crossoverJie/k8s-combat/imports/k8s"
	"github.com/crossoverJie/k8s-combat/imports/tree"
	"github.com/crossoverJie/k8s-combat/infra/internal/object"
	"github.com/crossoverJie/k8s-combat/infra/internal/problem"
	"github.com/crossoverJie/k8s-combat/infra/internal/ref"
	"github.com/crossoverJie/k8s-combat/infra/pod"
)

// Sensitive is text that must not be seen: whatever prints, logs or marshals it writes *** instead.
// Convert it to a string to get at it. Tools that look into values by reflection, as those do that
// explain a failed test, still see it.
type Sensitive string

const mask = "***"

// keysOfType are the keys that the API server asks for in Secrets of some types.
var keysOfType = map[string][]string{
	string(corev1.SecretTypeTLS):              tlsKeys,
	string(corev1.SecretTypeDockerConfigJson): {corev1.DockerConfigJsonKey},
	string(corev1.SecretTypeDockercfg):        {corev1.DockerConfigKey},
	string(corev1.SecretTypeSSHAuth):          {corev1.SSHAuthPrivateKey},
}

// jsonOfType are the keys whose values are JSON, by the type of the Secret.
var jsonOfType = map[string]string{
	string(corev1.SecretTypeDockerConfigJson): corev1.DockerConfigJsonKey,
	string(corev1.SecretTypeDockercfg):        corev1.DockerConfigKey,
}

// tlsKeys are the keys of a Secret of the type kubernetes.io/tls.
var tlsKeys = []string{corev1.TLSCertKey, corev1.TLSPrivateKeyKey}

// String returns ***.
func (Sensitive) String() string { return mask }

// GoString returns ***.
func (Sensitive) GoString() string { return mask }

// Format writes *** whatever the verb.
func (Sensitive) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, mask) }

// MarshalText returns ***.
func (Sensitive) MarshalText() ([]byte, error) { return []byte(mask), nil }

// LogValue returns ***.
func (Sensitive) LogValue() slog.Value { return slog.StringValue(mask) }

// CredentialsProps are the options of Credentials.
type CredentialsProps struct {
	// Name of the Secret. Required; an RFC 1123 subdomain.
	Name string
	// Values are the keys and their values, at most 1 MiB together. They stand in the manifest,
	// merely encoded: whoever can read the file can read them. Defaults to none.
	Values map[string]Sensitive
	// Existing says that the Secret is made elsewhere, by a person or an operator: it is referred
	// to and not written. Defaults to false.
	Existing bool
	// Keys are the keys of an Existing Secret, so that references to them can be checked. Defaults
	// to not known: every key is accepted.
	Keys []string
	// Type of the Secret. A key that the type asks for and that is not there is an error:
	// "kubernetes.io/tls" asks for tls.crt and tls.key. Defaults to Opaque. See
	// https://kubernetes.io/docs/concepts/configuration/secret/#secret-types.
	Type string
	// Labels and Annotations of the Secret. Default to none.
	Labels, Annotations map[string]string
	// Patch has the last word on the Secret.
	Patch func(*corev1.Secret)
}

func (props CredentialsProps) withDefaults() CredentialsProps {
	if props.Type == "" {
		props.Type = string(corev1.SecretTypeOpaque)
	}
	props.Values = maps.Clone(props.Values)
	props.Keys = slices.Clone(props.Keys)
	if !props.Existing && len(props.Keys) == 0 {
		props.Keys = slices.Collect(maps.Keys(props.Values))
	}
	slices.Sort(props.Keys)
	return props
}

func (props CredentialsProps) validate() problem.List {
	var p problem.List
	p.DNSSubdomain(problem.At("Name"), props.Name)
	keys := problem.At("Values")
	if props.Existing {
		keys = problem.At("Keys")
		if len(props.Values) > 0 {
			p.Add(problem.At("Values"), sortedKeys(props.Values),
				"cannot be given for an Existing Secret; leave out one of them")
		}
		if props.Patch != nil {
			p.Add(problem.At("Patch"), "func",
				"has nothing to patch: an Existing Secret is not written; leave out one of them")
		}
		if len(props.Labels)+len(props.Annotations) > 0 {
			p.Add(problem.At("Labels, Annotations"), len(props.Labels)+len(props.Annotations),
				"are not written for an Existing Secret; leave out one of them")
		}
	}
	if written := sortedKeys(props.Values); !props.Existing && !slices.Equal(written, props.Keys) {
		p.Add(problem.At("Keys"), props.Keys,
			"is for an Existing Secret, whose values are not here; leave it out")
		props.Keys = written
	}
	size := 0
	for _, key := range props.Keys {
		p.DataKey(keys, key)
		size += len(props.Values[key])
	}
	p.DataSize(problem.At("Values"), "Secret", size)
	if len(props.Keys) > 0 || !props.Existing {
		for _, key := range keysOfType[props.Type] {
			if !slices.Contains(props.Keys, key) {
				p.Missing(problem.Key(keys, key), "a Secret of the type "+props.Type+" needs it")
			}
		}
	}
	for kind, key := range jsonOfType {
		if value, ok := props.Values[key]; ok && props.Type == kind && !json.Valid([]byte(value)) {
			p.Add(problem.Key(keys, key), mask, "is not JSON, which the type "+props.Type+" asks for")
		}
	}
	_, user := props.Values[corev1.BasicAuthUsernameKey]
	_, password := props.Values[corev1.BasicAuthPasswordKey]
	if props.Type == string(corev1.SecretTypeBasicAuth) && !props.Existing && !user && !password {
		p.Missing(problem.Key(keys, corev1.BasicAuthUsernameKey),
			"a Secret of the type "+props.Type+" needs it, or password")
	}
	if props.Type == string(corev1.SecretTypeServiceAccountToken) && !props.Existing &&
		props.Annotations[corev1.ServiceAccountNameKey] == "" {
		p.Missing(problem.Key(problem.At("Annotations"), corev1.ServiceAccountNameKey),
			"a Secret of the type "+props.Type+" needs it")
	}
	p.Labels(problem.At("Labels"), props.Labels)
	p.Annotations(problem.At("Annotations"), props.Annotations)
	return p
}

// Credentials are values that not everybody may see, and that workloads read as environment
// variables or files: a Secret, written here or made elsewhere. See
// https://kubernetes.io/docs/concepts/configuration/secret/.
//
// A change of a value does not roll the pods that use it: a digest of a short secret in a pod's
// annotations would give it away to everybody who may look at pods. Files are updated by the
// kubelet, environment variables at the next rollout (kubectl rollout restart).
type Credentials struct {
	constructs.Construct
	// The values are not kept: what is not there cannot be printed.
	data *ref.Data
}

var _ pod.KeySource = (*Credentials)(nil)

// NewCredentials makes Credentials.
func NewCredentials(scope constructs.Construct, id string, props CredentialsProps) *Credentials {
	props = props.withDefaults()
	c := &Credentials{}
	tree.New(c, scope, id)
	tree.Invalid(c, props.validate()...)
	c.data = &ref.Data{
		Object: ref.Elsewhere(pod.SecretKind, props.Name),
		Keys:   props.Keys,
		AnyKey: props.Existing && len(props.Keys) == 0,
		// The kubelet updates the files, and nothing but the kubelet can: see above.
		Reloads: true,
	}
	if props.Existing {
		return c
	}

	secret := &corev1.Secret{
		ObjectMeta: object.Meta(props.Name, props.Labels, props.Annotations),
		Type:       corev1.SecretType(props.Type),
		Data:       make(map[string][]byte, len(props.Values)),
	}
	for key, value := range props.Values {
		secret.Data[key] = []byte(value)
	}
	secret = object.Patched(c, "Patch", secret, props.Patch)
	c.data.Object = ref.To(pod.SecretKind, props.Name, k8s.NewSecret(c, "Resource", secret))
	keys := slices.Collect(maps.Keys(secret.Data))
	for key := range secret.StringData {
		if _, twice := secret.Data[key]; !twice {
			keys = append(keys, key)
		}
	}
	c.data.Keys = slices.Sorted(slices.Values(keys))
	return c
}

// Name returns the name of the Secret.
func (c *Credentials) Name() string {
	if c == nil {
		return ""
	}
	return c.data.Name()
}

// String names the Secret and its keys, never a value.
func (c *Credentials) String() string {
	if c.Data() == nil {
		return "no Credentials"
	}
	return fmt.Sprintf("Secret %s with the keys %v", c.data.Name(), c.data.Keys)
}

// Key returns a reference to one key, for EnvVar.ValueFrom and File.From. A key that is known not
// to exist is an error of the workload that uses it.
func (c *Credentials) Key(key string) pod.KeyRef { return pod.KeyOf(c, key) }

// Data refers to the Secret and its keys, for the pods that use it.
func (c *Credentials) Data() *ref.Data {
	if c == nil {
		return nil
	}
	return c.data
}
