package infra_test

import (
	"testing"

	"github.com/cdk8s-team/cdk8s-core-go/cdk8s/v2"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	appsv1 "k8s.io/api/apps/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/crossoverJie/k8s-combat/infra"
	"github.com/crossoverJie/k8s-combat/infra/internal/synthtest"
	"github.com/crossoverJie/k8s-combat/infra/pod"
)

func deployment(chart cdk8s.Chart, name string) *infra.ProbedDeployment {
	return infra.NewProbedDeployment(chart, name, infra.ProbedDeploymentProps{Name: name, Image: "example.com/" + name + ":1"})
}

// networkPolicy builds a NetworkPolicy for a Deployment, in order but for what change does.
func networkPolicy(change func(chart cdk8s.Chart, props *infra.NetworkPolicyProps)) func(chart cdk8s.Chart) {
	return func(chart cdk8s.Chart) {
		props := infra.NetworkPolicyProps{Name: "web", Workload: deployment(chart, "web")}
		if change != nil {
			change(chart, &props)
		}
		infra.NewNetworkPolicy(chart, "policy", props)
	}
}

func spec(t *testing.T, change func(chart cdk8s.Chart, props *infra.NetworkPolicyProps)) networkingv1.NetworkPolicySpec {
	t.Helper()
	return synthtest.Only[networkingv1.NetworkPolicy](t, "NetworkPolicy", networkPolicy(change)).Spec
}

func TestNetworkPolicy(t *testing.T) {
	t.Parallel()
	synthtest.Golden(t, "network-policy-minimal", networkPolicy(nil))
	synthtest.Golden(t, "network-policy-full", networkPolicy(func(chart cdk8s.Chart, p *infra.NetworkPolicyProps) {
		p.AllowFrom = []infra.Peer{
			{Workload: deployment(chart, "front"), Ports: []pod.Port{{Name: "http"}, {Port: 9090, Protocol: pod.UDP}}},
			{Labels: map[string]string{"role": "scraper"}, Namespace: "monitoring"},
			{Namespace: "istio-system"},
		}
		p.AllowTo = []infra.Peer{
			{Labels: map[string]string{"app": "db"}, Ports: []pod.Port{{Port: 5432}}},
			{CIDR: "10.0.0.0/8", Except: []string{"10.1.0.0/16"}, Ports: []pod.Port{{Port: 443}}},
			{Anywhere: true, Ports: []pod.Port{{Port: 8443}}},
		}
		p.Labels, p.Annotations = map[string]string{"tier": "front"}, map[string]string{"example.com/owner": "team"}
		p.Patch = func(n *networkingv1.NetworkPolicy) { n.Annotations["patched"] = "yes" }
	}))
}

var dns = networkingv1.NetworkPolicyEgressRule{
	To: []networkingv1.NetworkPolicyPeer{{
		PodSelector:       &metav1.LabelSelector{MatchLabels: map[string]string{"k8s-app": "kube-dns"}},
		NamespaceSelector: &metav1.LabelSelector{MatchLabels: map[string]string{"kubernetes.io/metadata.name": "kube-system"}},
	}},
}

func TestNetworkPolicyDeniesWhatIsNotNamed(t *testing.T) {
	t.Parallel()
	got := spec(t, nil)
	assert.Equal(t, map[string]string{"app": "web"}, got.PodSelector.MatchLabels)
	assert.Equal(t, []networkingv1.PolicyType{networkingv1.PolicyTypeIngress, networkingv1.PolicyTypeEgress}, got.PolicyTypes)
	assert.Empty(t, got.Ingress, "a policy type without rules lets nothing through")
	require.Len(t, got.Egress, 1)
	assert.Equal(t, dns.To, got.Egress[0].To)
	require.Len(t, got.Egress[0].Ports, 2)
	for _, port := range got.Egress[0].Ports {
		assert.Equal(t, 53, port.Port.IntValue())
	}

	got = spec(t, func(_ cdk8s.Chart, p *infra.NetworkPolicyProps) { p.WithoutDNS = true })
	assert.Empty(t, got.Egress)
	assert.Contains(t, got.PolicyTypes, networkingv1.PolicyTypeEgress)
}

func TestNetworkPolicyOfOneDirection(t *testing.T) {
	t.Parallel()
	assert.Equal(t, []networkingv1.PolicyType{networkingv1.PolicyTypeEgress}, spec(t, func(_ cdk8s.Chart, p *infra.NetworkPolicyProps) { p.OpenIngress = true }).PolicyTypes)
	assert.Equal(t, []networkingv1.PolicyType{networkingv1.PolicyTypeIngress}, spec(t, func(_ cdk8s.Chart, p *infra.NetworkPolicyProps) { p.OpenEgress = true }).PolicyTypes)
}

func TestNetworkPolicyOfAWholeNamespace(t *testing.T) {
	t.Parallel()
	got := spec(t, func(_ cdk8s.Chart, p *infra.NetworkPolicyProps) { p.Workload, p.WholeNamespace = nil, true })
	assert.Empty(t, got.PodSelector)
}

func TestNetworkPolicyOfLabels(t *testing.T) {
	t.Parallel()
	got := spec(t, func(_ cdk8s.Chart, p *infra.NetworkPolicyProps) {
		p.Workload, p.Selector = nil, map[string]string{"app": "pool"}
	})
	assert.Equal(t, map[string]string{"app": "pool"}, got.PodSelector.MatchLabels)
}

// No rule of a named peer has an empty list of peers, which would be everybody, or an empty selector of pods.
func TestNetworkPolicyNamesItsPeers(t *testing.T) {
	t.Parallel()
	got := spec(t, func(chart cdk8s.Chart, p *infra.NetworkPolicyProps) {
		p.AllowFrom = []infra.Peer{{Workload: deployment(chart, "front")}, {Labels: map[string]string{"a": "b"}}, {Namespace: "x"}, {CIDR: "::/0"}}
	})
	require.Len(t, got.Ingress, 4)
	for _, rule := range got.Ingress {
		require.Len(t, rule.From, 1)
		if selector := rule.From[0].PodSelector; selector != nil {
			assert.NotEmpty(t, selector.MatchLabels)
		}
	}
	assert.Empty(t, spec(t, func(_ cdk8s.Chart, p *infra.NetworkPolicyProps) { p.AllowFrom = []infra.Peer{{Anywhere: true}} }).Ingress[0].From)
}

func TestNetworkPolicyFollowsAWorkload(t *testing.T) {
	t.Parallel()
	peers := func(own, other string) []networkingv1.NetworkPolicyPeer {
		return inNamespaces[networkingv1.NetworkPolicy](t, "NetworkPolicy", func(chart cdk8s.Chart) {
			charts := map[string]cdk8s.Chart{"": chart}
			in := func(namespace string) cdk8s.Chart {
				if charts[namespace] == nil {
					charts[namespace] = chartIn(chart, namespace)
				}
				return charts[namespace]
			}
			front := deployment(in(other), "front")
			networkPolicy(func(_ cdk8s.Chart, p *infra.NetworkPolicyProps) { p.AllowFrom = []infra.Peer{{Workload: front}} })(in(own))
		})[0].Spec.Ingress[0].From
	}
	pods := &metav1.LabelSelector{MatchLabels: map[string]string{"app": "front"}}
	shop := &metav1.LabelSelector{MatchLabels: map[string]string{"kubernetes.io/metadata.name": "shop"}}
	assert.Equal(t, []networkingv1.NetworkPolicyPeer{{PodSelector: pods}}, peers("shop", "shop"))
	assert.Equal(t, []networkingv1.NetworkPolicyPeer{{PodSelector: pods}}, peers("", ""))
	assert.Equal(t, []networkingv1.NetworkPolicyPeer{{PodSelector: pods, NamespaceSelector: shop}}, peers("back", "shop"))
	assert.Equal(t, []networkingv1.NetworkPolicyPeer{{PodSelector: pods, NamespaceSelector: shop}}, peers("", "shop"))
}

func TestNetworkPolicyBadInput(t *testing.T) {
	t.Parallel()
	props := func(change func(p *infra.NetworkPolicyProps)) func(cdk8s.Chart) {
		return networkPolicy(func(_ cdk8s.Chart, p *infra.NetworkPolicyProps) { change(p) })
	}
	from := func(peers ...infra.Peer) func(cdk8s.Chart) {
		return props(func(p *infra.NetworkPolicyProps) { p.AllowFrom = peers })
	}
	const network = `is not a network; use for example "10.0.0.0/8", its address the first one`
	const unknown = "has no labels by which its pods are known, since its selector has no matchLabels; give the labels it selects, or change its Patch"
	expressions := func(chart cdk8s.Chart) infra.Workload {
		return infra.NewDaemonSet(chart, "agent", infra.DaemonSetProps{Name: "agent", Pod: pod.Props{Image: "example.com/agent:1"}, Patch: func(d *appsv1.DaemonSet) {
			d.Spec.Selector = &metav1.LabelSelector{MatchExpressions: []metav1.LabelSelectorRequirement{{Key: "app", Operator: metav1.LabelSelectorOpExists}}}
		}})
	}
	table := synthtest.BadInput{
		"nothing": {func(chart cdk8s.Chart) { infra.NewNetworkPolicy(chart, "policy", infra.NetworkPolicyProps{}) }, []string{
			`[chart/policy] Name: is not set; give the object a name, for example "web"`,
			`[chart/policy] Workload: is not set; say whose pods the policy is for, or WholeNamespace: true`,
		}},
		"for two": {props(func(p *infra.NetworkPolicyProps) { p.WholeNamespace = true }), []string{
			`[chart/policy] WholeNamespace: true cannot stand beside Workload; leave out one of them`,
		}},
		"for labels and others": {props(func(p *infra.NetworkPolicyProps) { p.Selector = map[string]string{"a": "b c"} }), []string{
			`[chart/policy] Selector: map[a:b c] cannot stand beside Workload or WholeNamespace; leave out one of them`,
			`[chart/policy] Selector["a"]: "b c" is not a label value; use at most 63 letters, digits, '-', '_' or '.', beginning and ending with a letter or digit, or nothing`,
		}},
		"for no labels": {props(func(p *infra.NetworkPolicyProps) { p.Workload, p.Selector = nil, map[string]string{} }), []string{
			`[chart/policy] Workload: is not set; say whose pods the policy is for, or WholeNamespace: true`,
		}},
		"peers that say nothing": {from(infra.Peer{}, infra.Peer{Labels: map[string]string{}}, infra.Peer{Ports: []pod.Port{{Port: 80}}}), []string{
			`[chart/policy] AllowFrom[0]: is not set; say who it is: Workload, Labels, Namespace, CIDR or Anywhere`,
			`[chart/policy] AllowFrom[1]: is not set; say who it is: Workload, Labels, Namespace, CIDR or Anywhere`,
			`[chart/policy] AllowFrom[2]: is not set; say who it is: Workload, Labels, Namespace, CIDR or Anywhere`,
		}},
		"peers that say too much": {networkPolicy(func(_ cdk8s.Chart, p *infra.NetworkPolicyProps) {
			p.AllowTo = []infra.Peer{{Workload: p.Workload, Labels: map[string]string{"a": "b"}}, {CIDR: "10.0.0.0/8", Anywhere: true}}
		}), []string{
			`[chart/policy] AllowTo[0]: says more than one of Workload, Labels or Namespace, CIDR and Anywhere; give each an entry of its own`,
			`[chart/policy] AllowTo[1]: says more than one of Workload, Labels or Namespace, CIDR and Anywhere; give each an entry of its own`,
		}},
		"labels": {from(infra.Peer{Labels: map[string]string{"a": "b c"}, Namespace: "A"}), []string{
			`[chart/policy] AllowFrom[0].Labels["a"]: "b c" is not a label value; use at most 63 letters, digits, '-', '_' or '.', beginning and ending with a letter or digit, or nothing`,
			`[chart/policy] AllowFrom[0].Namespace: "A" is not an RFC 1123 label; use 1 to 63 lower-case letters, digits or '-', beginning and ending with a letter or digit`,
		}},
		"networks": {from(
			infra.Peer{CIDR: "10.0.0.1"}, infra.Peer{CIDR: "10.0.0.1/8"}, infra.Peer{CIDR: "::ffff:10.0.0.0/104"},
			infra.Peer{CIDR: "10.0.0.0/8", Except: []string{"10.0.0.0/8", "11.0.0.0/16", "x", "2001:db8::/32"}},
			infra.Peer{Anywhere: true, Except: []string{"10.0.0.0/8"}},
		), []string{
			`[chart/policy] AllowFrom[0].CIDR: "10.0.0.1" ` + network,
			`[chart/policy] AllowFrom[1].CIDR: "10.0.0.1/8" ` + network,
			`[chart/policy] AllowFrom[2].CIDR: "::ffff:10.0.0.0/104" ` + network,
			`[chart/policy] AllowFrom[3].Except[0]: "10.0.0.0/8" is not within CIDR, "10.0.0.0/8"; use a smaller network of it`,
			`[chart/policy] AllowFrom[3].Except[1]: "11.0.0.0/16" is not within CIDR, "10.0.0.0/8"; use a smaller network of it`,
			`[chart/policy] AllowFrom[3].Except[2]: "x" ` + network,
			`[chart/policy] AllowFrom[3].Except[3]: "2001:db8::/32" is not within CIDR, "10.0.0.0/8"; use a smaller network of it`,
			`[chart/policy] AllowFrom[4].Except[0]: "10.0.0.0/8" has a meaning beside CIDR alone; leave it out`,
		}},
		"ports": {from(infra.Peer{Anywhere: true, Ports: []pod.Port{{}, {Name: "much-too-long-a-name"}, {Name: "http", Port: 80}, {Port: 70000, Protocol: "HTTP"}}}), []string{
			`[chart/policy] AllowFrom[0].Ports[0].Port: 0 is not a port; use 1 to 65535`,
			`[chart/policy] AllowFrom[0].Ports[1].Name: "much-too-long-a-name" is not a port name; use 1 to 15 lower-case letters, digits or '-', at least one a letter`,
			`[chart/policy] AllowFrom[0].Ports[2].Name: "http" cannot stand beside Port; leave out one of them`,
			`[chart/policy] AllowFrom[0].Ports[3].Protocol: "HTTP" is not known; use TCP, UDP or SCTP`,
			`[chart/policy] AllowFrom[0].Ports[3].Port: 70000 is not a port; use 1 to 65535`,
		}},
		"open and closed": {props(func(p *infra.NetworkPolicyProps) {
			p.OpenIngress, p.OpenEgress, p.WithoutDNS = true, true, true
			p.AllowFrom = []infra.Peer{{Anywhere: true}}
		}), []string{
			`[chart/policy] OpenIngress: true lets everybody in, beside AllowFrom; leave out one of them`,
			`[chart/policy] OpenEgress: true lets everything out, beside AllowTo or WithoutDNS; leave out one of them`,
			`[chart/policy] OpenEgress: true leaves nothing for the policy to do, beside OpenIngress; leave out one of them`,
		}},
		"names": {props(func(p *infra.NetworkPolicyProps) {
			p.Name, p.Labels, p.Annotations = "A", map[string]string{"a": "b c"}, map[string]string{"a b": ""}
		}), []string{
			`[chart/policy] Name: "A" is not an RFC 1123 subdomain; use 1 to 253 lower-case letters, digits, '-' or '.', beginning and ending with a letter or digit`,
			`[chart/policy] Labels["a"]: "b c" is not a label value; use at most 63 letters, digits, '-', '_' or '.', beginning and ending with a letter or digit, or nothing`,
			`[chart/policy] Annotations: "a b" is not a label or annotation key; use a name of at most 63 letters, digits, '-', '_' or '.', after an optional DNS prefix and '/'`,
		}},
		"a selector without labels": {networkPolicy(func(chart cdk8s.Chart, p *infra.NetworkPolicyProps) {
			p.Workload = expressions(chart)
			p.AllowFrom = []infra.Peer{{Workload: p.Workload}}
		}), []string{
			`[chart/policy] Workload: "agent" ` + unknown,
			`[chart/policy] AllowFrom[0].Workload: "agent" ` + unknown,
		}},
		"in another namespace": {func(chart cdk8s.Chart) {
			web := deployment(chartIn(chart, "there"), "web")
			infra.NewNetworkPolicy(chartIn(chart, "here"), "policy", infra.NetworkPolicyProps{Name: "web", Workload: web})
		}, []string{
			`[chart/in-here/policy] Workload: "web" is a Deployment in namespace "there", and cannot be referred to from namespace "here"; put both into charts of one Namespace`,
		}},
		"in a namespace that nobody knows": {func(chart cdk8s.Chart) {
			web := deployment(chart, "web")
			infra.NewNetworkPolicy(chartIn(chart, "here"), "policy", infra.NetworkPolicyProps{Name: "web", WholeNamespace: true, AllowTo: []infra.Peer{{Workload: web}}})
		}, []string{
			`[chart/in-here/policy] AllowTo[0].Workload: "web" is a Deployment in a namespace that kubectl chooses, the policy in namespace "here", and to refer to one from the other both have to be known; give both charts a Namespace`,
		}},
	}
	for name, workload := range map[string]infra.Workload{
		"Deployment": (*infra.ProbedDeployment)(nil), "StatefulSet": (*infra.StatefulSet)(nil), "DaemonSet": (*infra.DaemonSet)(nil), "Job": (*infra.Job)(nil), "CronJob": (*infra.CronJob)(nil),
		"workload in it": struct{ infra.Workload }{}, "maker": &infra.ProbedDeployment{},
	} {
		entry := table["nil "+name]
		entry.Build = props(func(p *infra.NetworkPolicyProps) {
			p.Workload = workload
			p.AllowFrom, p.AllowTo = []infra.Peer{{Workload: workload}}, []infra.Peer{{Workload: workload, Namespace: "shop"}}
		})
		entry.Want = []string{
			`[chart/policy] Workload: is not set; the workload is nil; give one that is there, or say WholeNamespace: true`,
			`[chart/policy] AllowFrom[0].Workload: is not set; the workload is nil; give one that is there, or leave it out`,
			`[chart/policy] AllowTo[0].Workload: is not set; the workload is nil; give one that is there, or leave it out`,
		}
		table["nil "+name] = entry
	}
	table.Run(t)
}
