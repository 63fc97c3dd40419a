package pod_test

import (
	"testing"

	"github.com/cdk8s-team/cdk8s-core-go/cdk8s/v2"
	"github.com/stretchr/testify/assert"
	corev1 "k8s.io/api/core/v1"

	"github.com/crossoverJie/k8s-combat/infra"
	"github.com/crossoverJie/k8s-combat/infra/internal/synthtest"
	"github.com/crossoverJie/k8s-combat/infra/pod"
)

func config(chart cdk8s.Chart) *infra.Config {
	return infra.NewConfig(chart, "settings", infra.ConfigProps{Name: "settings", Data: map[string]string{"LEVEL": "debug", "app.yaml": "a: 1\n"}})
}

func reloaded(chart cdk8s.Chart, name string) *infra.Config {
	return infra.NewConfig(chart, name, infra.ConfigProps{Name: name, Data: map[string]string{"flags.json": "{}"}, OnChange: infra.Reload})
}

// existing are Credentials whose keys nobody knows.
func existing(chart cdk8s.Chart, name string) *infra.Credentials {
	return infra.NewCredentials(chart, name, infra.CredentialsProps{Name: name, Existing: true})
}

// env are variables that are told of the pod.
func env(sources ...pod.ValueSource) []pod.EnvVar {
	var env []pod.EnvVar
	for i, source := range sources {
		env = append(env, pod.EnvVar{Name: string(rune('A' + i)), ValueFrom: source})
	}
	return env
}

func TestFieldsAndResourcesOfThePod(t *testing.T) {
	t.Parallel()
	var sources []pod.ValueSource
	fields := []string{
		"metadata.name", "metadata.namespace", "metadata.uid", "spec.nodeName", "spec.serviceAccountName", "status.hostIP",
		"status.hostIPs", "status.podIP", "status.podIPs", "metadata.labels['app.kubernetes.io/name']", "metadata.annotations['a']",
	}
	for _, field := range fields {
		sources = append(sources, pod.FieldRef(field))
	}
	sources = append(sources, pod.ResourceRef{Resource: "limits.memory", Divisor: "1Mi"}, pod.ResourceRef{Resource: "requests.cpu", Divisor: "1m", Container: "proxy"},
		pod.ResourceRef{Resource: "limits.ephemeral-storage"})
	got := template(t, props(func(p *pod.Props) {
		p.Env = env(sources...)
		p.Sidecars = []pod.Container{{Name: "proxy", Image: "example.com/proxy:1"}}
	})).Spec.Containers[0].Env
	for i, field := range fields {
		assert.Equal(t, &corev1.ObjectFieldSelector{FieldPath: field}, got[i].ValueFrom.FieldRef)
	}
	for i, want := range []struct{ container, resource, divisor string }{
		{"", "limits.memory", "1Mi"}, {"proxy", "requests.cpu", "1m"}, {"", "limits.ephemeral-storage", "0"},
	} {
		selector := got[len(fields)+i].ValueFrom.ResourceFieldRef
		assert.Equal(t, want, struct{ container, resource, divisor string }{selector.ContainerName, selector.Resource, selector.Divisor.String()})
	}
}

func TestSourcesMayBePointersOrEmbedded(t *testing.T) {
	t.Parallel()
	const plain, pointers, embedded = 0, 1, 2
	build := func(handed int) func(cdk8s.Chart) {
		return pods(func(chart cdk8s.Chart, p *pod.Props) {
			key, field, resource := config(chart).Key("LEVEL"), pod.FieldRef("status.podIP"), pod.ResourceRef{Resource: "limits.cpu"}
			p.Env = env(key, field, resource)
			switch handed {
			case pointers:
				p.Env = env(&key, &field, &resource)
			case embedded:
				p.Env = env(ownKey{key}, &ownField{field}, ownResource{&resource})
			}
		})
	}
	for _, handed := range []int{pointers, embedded} {
		assert.Equal(t, template(t, build(plain)), template(t, build(handed)), "with the digest of the Config")
	}
}

// Types of somebody else's that are sources because of what they embed.
type (
	ownKey      struct{ pod.KeyRef }
	ownField    struct{ pod.FieldRef }
	ownResource struct{ *pod.ResourceRef }
	ownSource   struct{ pod.KeySource }
)

func TestEnvBadInput(t *testing.T) {
	t.Parallel()
	const fields = "metadata.name, metadata.namespace, metadata.uid, spec.nodeName, spec.serviceAccountName, status.hostIP, status.hostIPs, status.podIP, status.podIPs, metadata.labels['KEY'] or metadata.annotations['KEY']"
	const resources = "limits.cpu, limits.memory, limits.ephemeral-storage, requests.cpu, requests.memory or requests.ephemeral-storage"
	synthtest.BadInput{
		"fields": {props(func(p *pod.Props) {
			p.Env = env(pod.FieldRef("spec.hostname"), pod.FieldRef(""), pod.FieldRef("metadata.labels"), pod.FieldRef("metadata.labels['a b']"))
		}), []string{
			`[chart/queue] Env[0].ValueFrom: "spec.hostname" is not a field of a pod that can be had here; use ` + fields,
			`[chart/queue] Env[1].ValueFrom: "" is not a field of a pod that can be had here; use ` + fields,
			`[chart/queue] Env[2].ValueFrom: "metadata.labels" is not a field of a pod that can be had here; use ` + fields,
			`[chart/queue] Env[3].ValueFrom: "a b" is not a label or annotation key; use a name of at most 63 letters, digits, '-', '_' or '.', after an optional DNS prefix and '/'`,
		}},
		"resources": {props(func(p *pod.Props) {
			p.Env = env(pod.ResourceRef{Resource: "limits.gpu"}, pod.ResourceRef{Resource: "limits.cpu", Divisor: "1Mi"},
				pod.ResourceRef{Resource: "limits.memory", Divisor: "1m"}, pod.ResourceRef{Resource: "limits.cpu", Container: "proxy"})
		}), []string{
			`[chart/queue] Env[0].ValueFrom.Resource: "limits.gpu" is not a resource of a container; use ` + resources,
			`[chart/queue] Env[1].ValueFrom.Divisor: "1Mi" is not a unit of cpu; use 1m or 1`,
			`[chart/queue] Env[2].ValueFrom.Divisor: "1m" is not a unit of memory; use 1, 1k, 1M, 1G, 1T, 1P, 1E, 1Ki, 1Mi, 1Gi, 1Ti, 1Pi or 1Ei`,
			`[chart/queue] Env[3].ValueFrom.Container: "proxy" is not a container of the pod; use queue`,
		}},
		"value beside a source": {props(func(p *pod.Props) {
			p.Env = []pod.EnvVar{{Name: "A", Value: "secret", ValueFrom: pod.FieldRef("status.podIP")}}
		}), []string{
			`[chart/queue] Env[0].Value: "..." cannot stand beside ValueFrom; leave out one of them`,
		}},
		"sources that are nil": {props(func(p *pod.Props) {
			var key *pod.KeyRef
			var field *pod.FieldRef
			var resource *pod.ResourceRef
			p.Env = env(key, field, resource, pod.KeyRef{}, ownKey{}, (*ownKey)(nil), ownResource{}, pod.KeyOf(ownSource{}, "LEVEL"), (&infra.Config{}).Key("LEVEL"))
			p.EnvFrom = []pod.EnvFrom{
				{}, {Source: (*infra.Config)(nil)}, {Source: (*infra.Credentials)(nil)}, {Source: &infra.Config{}}, {Source: ownSource{}}, {Source: (*ownSource)(nil)},
			}
		}), []string{
			`[chart/queue] Env[0].ValueFrom: is not set; give the Key of a *Config or of *Credentials`,
			`[chart/queue] Env[1].ValueFrom: "" is not a field of a pod that can be had here; use ` + fields,
			`[chart/queue] Env[2].ValueFrom.Resource: "" is not a resource of a container; use ` + resources,
			`[chart/queue] Env[3].ValueFrom: is not set; give the Key of a *Config or of *Credentials`,
			`[chart/queue] Env[4].ValueFrom: is not set; give the Key of a *Config or of *Credentials`,
			`[chart/queue] Env[5].ValueFrom: is not set; give the Key of a *Config or of *Credentials`,
			`[chart/queue] Env[6].ValueFrom: is not set; give the Key of a *Config or of *Credentials`,
			`[chart/queue] Env[7].ValueFrom: is not set; give the Key of a *Config or of *Credentials`,
			`[chart/queue] Env[8].ValueFrom: is not set; give the Key of a *Config or of *Credentials`,
			`[chart/queue] EnvFrom[0].Source: is not set; give a *Config or *Credentials`,
			`[chart/queue] EnvFrom[1].Source: is not set; give a *Config or *Credentials`,
			`[chart/queue] EnvFrom[2].Source: is not set; give a *Config or *Credentials`,
			`[chart/queue] EnvFrom[3].Source: is not set; give a *Config or *Credentials`,
			`[chart/queue] EnvFrom[4].Source: is not set; give a *Config or *Credentials`,
			`[chart/queue] EnvFrom[5].Source: is not set; give a *Config or *Credentials`,
		}},
	}.Run(t)
}
