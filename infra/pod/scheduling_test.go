package pod_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/crossoverJie/k8s-combat/infra/internal/synthtest"
	"github.com/crossoverJie/k8s-combat/infra/pod"
)

func TestScheduling(t *testing.T) {
	t.Parallel()
	synthtest.Golden(t, "scheduling", props(func(p *pod.Props) {
		p.NodeSelector = map[string]string{"kubernetes.io/arch": "arm64"}
		p.Tolerations = []pod.Toleration{
			{}, {Key: "dedicated", Value: "queue", Effect: pod.NoSchedule},
			{Key: "node.kubernetes.io/unreachable", Effect: pod.NoExecute, For: new(time.Duration)},
			{Key: "spot", Effect: pod.NoExecute, For: new(2 * time.Minute)},
		}
		p.Affinity = pod.Affinity{
			Nodes: []pod.NodeRule{
				{Key: "disk", In: []string{"ssd", "nvme"}}, {Key: "gpu"}, {Key: "zone", NotIn: []string{"c"}, Weight: 10},
			},
			With:  []pod.PodRule{{Labels: map[string]string{"app": "cache"}}, {Labels: map[string]string{"app": "db"}, TopologyKey: "zone", Weight: 50}},
			Apart: []pod.PodRule{{Labels: map[string]string{"app": "queue"}, Weight: 100}},
		}
		p.TopologySpread = []pod.TopologySpread{{TopologyKey: "zone"}, {TopologyKey: "kubernetes.io/hostname", MaxSkew: 2, Required: true}}
		p.PriorityClassName = "high"
		p.RuntimeClassName = "gvisor"
		p.HostAliases = []pod.HostAlias{{IP: "10.0.0.1", Names: []string{"db.example.com", "db"}}, {IP: "2001:db8::1", Names: []string{"six"}}}
		p.DNS = pod.DNSConfig{
			Policy: pod.NoDNS, Nameservers: []string{"10.0.0.53"}, Searches: []string{"svc.example.com"}, Options: map[string]string{"ndots": "2", "edns0": ""},
		}
	}))
}

// Rules on nodes that are required all hold, which in Kubernetes is one term: several terms are alternatives.
func TestRequiredRulesOnNodesAreOneTerm(t *testing.T) {
	t.Parallel()
	affinity := template(t, props(func(p *pod.Props) {
		p.Affinity.Nodes = []pod.NodeRule{{Key: "disk", In: []string{"ssd"}}, {Key: "gpu"}}
	})).Spec.Affinity
	terms := affinity.NodeAffinity.RequiredDuringSchedulingIgnoredDuringExecution.NodeSelectorTerms
	require.Len(t, terms, 1)
	assert.Len(t, terms[0].MatchExpressions, 2)
	assert.Nil(t, affinity.PodAffinity)
	assert.Nil(t, affinity.PodAntiAffinity)
}

func TestSchedulingIsLeftOutUnlessAsked(t *testing.T) {
	t.Parallel()
	spec := template(t, pods(nil)).Spec
	assert.Nil(t, spec.Affinity)
	assert.Nil(t, spec.DNSConfig)
	assert.Empty(t, spec.DNSPolicy)
	assert.Nil(t, spec.RuntimeClassName)
	assert.Empty(t, spec.Tolerations)
}

// Pods are spread by the labels of the selector, which those of an older version have too.
func TestPodsAreSpreadByTheSelector(t *testing.T) {
	t.Parallel()
	spread := template(t, props(func(p *pod.Props) {
		p.Labels, p.Version = map[string]string{"tier": "back"}, "v2"
		p.TopologySpread = []pod.TopologySpread{{TopologyKey: "zone"}}
	})).Spec.TopologySpreadConstraints
	assert.Equal(t, []corev1.TopologySpreadConstraint{{
		TopologyKey: "zone", MaxSkew: 1, WhenUnsatisfiable: corev1.ScheduleAnyway,
		LabelSelector: &metav1.LabelSelector{MatchLabels: map[string]string{"app": "queue"}},
	}}, spread)
}

func TestSchedulingBadInput(t *testing.T) {
	t.Parallel()
	const key = "is not a label or annotation key; use a name of at most 63 letters, digits, '-', '_' or '.', after an optional DNS prefix and '/'"
	const value = "is not a label value; use at most 63 letters, digits, '-', '_' or '.', beginning and ending with a letter or digit, or nothing"
	const address = `is not an IP address; use for example "10.0.0.1" or "2001:db8::1"`
	synthtest.BadInput{
		"tolerations": {props(func(p *pod.Props) {
			p.Tolerations = []pod.Toleration{{Key: "a b", Effect: "NoRun"}, {Value: "c d"}, {For: new(time.Second)}, {Effect: pod.NoExecute, For: new(-time.Second)}}
		}), []string{
			`[chart/queue] Tolerations[0].Effect: "NoRun" is not known; use NoSchedule, PreferNoSchedule or NoExecute`,
			`[chart/queue] Tolerations[0].Key: "a b" ` + key,
			`[chart/queue] Tolerations[1].Value: "c d" ` + value,
			`[chart/queue] Tolerations[1].Key: is not set; a Value is of a taint of some Key; name it, or leave Value out`,
			`[chart/queue] Tolerations[2].For: 1s has a meaning for the effect NoExecute alone; set Effect, or leave it out`,
			`[chart/queue] Tolerations[3].For: -1s is negative; use 0s or more`,
		}},
		"nodes": {props(func(p *pod.Props) {
			p.NodeSelector = map[string]string{"a b": "c d"}
			p.Affinity.Nodes = []pod.NodeRule{{}, {Key: "a b", In: []string{"c d"}, NotIn: []string{"e"}, Weight: 101}}
		}), []string{
			`[chart/queue] NodeSelector: "a b" ` + key,
			`[chart/queue] NodeSelector["a b"]: "c d" ` + value,
			`[chart/queue] Affinity.Nodes[0].Key: is not set; name a node label, for example "kubernetes.io/arch"`,
			`[chart/queue] Affinity.Nodes[1].Key: "a b" ` + key,
			`[chart/queue] Affinity.Nodes[1].In[0]: "c d" ` + value,
			`[chart/queue] Affinity.Nodes[1].NotIn: [e] cannot stand beside In; give it a rule of its own`,
			`[chart/queue] Affinity.Nodes[1].Weight: 101 is not a weight; use 1 to 100, or 0 for a rule that is required`,
		}},
		"pods": {props(func(p *pod.Props) {
			p.Affinity.With = []pod.PodRule{{}}
			p.Affinity.Apart = []pod.PodRule{{Labels: map[string]string{"a": "b c"}, TopologyKey: "d e", Weight: -1}}
		}), []string{
			`[chart/queue] Affinity.With[0].Labels: is not set; give the labels of the pods, for example a ProbedDeployment's Selector()`,
			`[chart/queue] Affinity.Apart[0].Labels["a"]: "b c" ` + value,
			`[chart/queue] Affinity.Apart[0].TopologyKey: "d e" ` + key,
			`[chart/queue] Affinity.Apart[0].Weight: -1 is not a weight; use 1 to 100, or 0 for a rule that is required`,
		}},
		"spread": {props(func(p *pod.Props) {
			p.TopologySpread = []pod.TopologySpread{{MaxSkew: -1}, {TopologyKey: "zone"}, {TopologyKey: "zone"}, {TopologyKey: "zone", Required: true}}
		}), []string{
			`[chart/queue] TopologySpread[0].TopologyKey: is not set; name a node label, for example "kubernetes.io/hostname"`,
			`[chart/queue] TopologySpread[0].MaxSkew: -1 is negative; use 1 or more`,
			`[chart/queue] TopologySpread[2].TopologyKey: "zone, Required: false" is already taken by TopologySpread[1]; give each its own`,
		}},
		"classes": {props(func(p *pod.Props) { p.PriorityClassName, p.RuntimeClassName = "High", "a/b" }), []string{
			`[chart/queue] PriorityClassName: "High" is not an RFC 1123 subdomain; use 1 to 253 lower-case letters, digits, '-' or '.', beginning and ending with a letter or digit`,
			`[chart/queue] RuntimeClassName: "a/b" is not an RFC 1123 subdomain; use 1 to 253 lower-case letters, digits, '-' or '.', beginning and ending with a letter or digit`,
		}},
		"host aliases": {props(func(p *pod.Props) {
			p.HostAliases = []pod.HostAlias{{IP: "db"}, {IP: "10.0.0.1", Names: []string{"a b"}}}
		}), []string{
			`[chart/queue] HostAliases[0].IP: "db" ` + address,
			`[chart/queue] HostAliases[0].Names: is not set; give at least one name`,
			`[chart/queue] HostAliases[1].Names[0]: "a b" is not a DNS name; use for example "db.example.com"`,
		}},
		"DNS": {props(func(p *pod.Props) {
			p.DNS = pod.DNSConfig{Policy: "Nobody", Nameservers: []string{"a", "10.0.0.1", "10.0.0.2", "10.0.0.3"}, Searches: []string{"a b"}, Options: map[string]string{"": "x"}}
		}), []string{
			`[chart/queue] DNS.Policy: "Nobody" is not known; use ClusterFirst, ClusterFirstWithHostNet, Default or None`,
			`[chart/queue] DNS.Nameservers: 4 are too many; use at most 3`,
			`[chart/queue] DNS.Nameservers[0]: "a" ` + address,
			`[chart/queue] DNS.Searches[0]: "a b" is not a domain; use for example "svc.example.com"`,
			`[chart/queue] DNS.Options: is not set; name each option, for example "ndots"`,
		}},
		"DNS of nobody": {props(func(p *pod.Props) { p.DNS.Policy = pod.NoDNS }), []string{
			`[chart/queue] DNS.Nameservers: is not set; the policy None has no others; give at least one`,
		}},
		"domains": {props(func(p *pod.Props) { p.DNS.Searches = strings.Split(strings.Repeat("a.", 32)+"a", ".") }), []string{
			`[chart/queue] DNS.Searches: 33 are too many; use at most 32, of 2048 characters together`,
		}},
	}.Run(t)
}
