package pod

import (
	"maps"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/crossoverJie/k8s-combat/infra/internal/problem"
)

// Toleration lets pods run on nodes with a taint.
// See https://kubernetes.io/docs/concepts/scheduling-eviction/taint-and-toleration/.
type Toleration struct {
	// Key of the taint. Defaults to every key, and then Value is an error.
	Key string
	// Value of the taint. Defaults to any.
	Value string
	// Effect of the taint. Defaults to every effect.
	Effect TaintEffect
	// For is how long a pod stays on a node that gets the taint, in whole seconds; for NoExecute
	// alone. Nil is for ever. Defaults to nil.
	For *time.Duration
}

// TaintEffect is what a taint does to pods that do not tolerate it.
type TaintEffect string

// The effects of Kubernetes.
const (
	NoSchedule       TaintEffect = "NoSchedule"
	PreferNoSchedule TaintEffect = "PreferNoSchedule"
	NoExecute        TaintEffect = "NoExecute"
)

func (t Toleration) validate(l *problem.List, at *problem.Path) {
	problem.OneOf(l, at.Child("Effect"), t.Effect, NoSchedule, PreferNoSchedule, NoExecute)
	if t.Key != "" {
		l.QualifiedName(at.Child("Key"), t.Key)
	}
	if t.Value != "" {
		l.LabelValue(at.Child("Value"), t.Value)
		if t.Key == "" {
			l.Missing(at.Child("Key"), "a Value is of a taint of some Key; name it, or leave Value out")
		}
	}
	if t.For != nil {
		l.Seconds(at.Child("For"), *t.For)
		if t.Effect != NoExecute {
			l.Add(at.Child("For"), *t.For,
				"has a meaning for the effect NoExecute alone; set Effect, or leave it out")
		}
	}
}

func (t Toleration) render() corev1.Toleration {
	result := corev1.Toleration{Key: t.Key, Value: t.Value, Effect: corev1.TaintEffect(t.Effect)}
	if t.Value == "" {
		result.Operator = corev1.TolerationOpExists
	}
	if t.For != nil {
		result.TolerationSeconds = new(int64(seconds(*t.For)))
	}
	return result
}

// Affinity says beside what pods run, and away from what. Its zero value says nothing.
// See https://kubernetes.io/docs/concepts/scheduling-eviction/assign-pod-node/.
type Affinity struct {
	// Nodes are rules on the labels of nodes. All of those without a Weight hold. Default to none.
	Nodes []NodeRule
	// With are pods that these pods run in one domain with. Default to none.
	With []PodRule
	// Apart are pods that these pods run in no domain with. Default to none.
	Apart []PodRule
}

// NodeRule is a rule on a label of nodes.
type NodeRule struct {
	// Key of the label. Required.
	Key string
	// In are the values of which the label has one. Default to any value, so that the label has to
	// be there.
	In []string
	// NotIn are the values that it does not have; a node without the label will do. An error beside
	// In. Default to none.
	NotIn []string
	// Weight makes the rule a preference, 1 to 100. Defaults to 0: the rule is required.
	Weight int32
}

// PodRule is a rule on pods that are there already.
type PodRule struct {
	// Labels of those pods, in the same namespace, all of which they have. Required; for example
	// the Selector of a workload.
	Labels map[string]string
	// TopologyKey is the node label whose values are the domains. Defaults to "kubernetes.io/hostname".
	TopologyKey string
	// Weight makes the rule a preference, 1 to 100. Defaults to 0: the rule is required.
	Weight int32
}

func validateWeight(l *problem.List, at *problem.Path, weight int32) {
	if weight < 0 || weight > 100 {
		l.Add(at, weight, "is not a weight; use 1 to 100, or 0 for a rule that is required")
	}
}

func (r NodeRule) validate(l *problem.List, at *problem.Path) {
	if r.Key == "" {
		l.Missing(at.Child("Key"), "name a node label, for example \"kubernetes.io/arch\"")
	} else {
		l.QualifiedName(at.Child("Key"), r.Key)
	}
	for _, values := range []struct {
		field  string
		values []string
	}{{"In", r.In}, {"NotIn", r.NotIn}} {
		for i, value := range values.values {
			l.LabelValue(at.Child(values.field).Index(i), value)
		}
	}
	if len(r.In) > 0 && len(r.NotIn) > 0 {
		l.Add(at.Child("NotIn"), r.NotIn, "cannot stand beside In; give it a rule of its own")
	}
	validateWeight(l, at.Child("Weight"), r.Weight)
}

func (r NodeRule) render() corev1.NodeSelectorRequirement {
	requirement := corev1.NodeSelectorRequirement{Key: r.Key, Operator: corev1.NodeSelectorOpExists}
	switch {
	case len(r.In) > 0:
		requirement.Operator, requirement.Values = corev1.NodeSelectorOpIn, slices.Clone(r.In)
	case len(r.NotIn) > 0:
		requirement.Operator, requirement.Values = corev1.NodeSelectorOpNotIn, slices.Clone(r.NotIn)
	}
	return requirement
}

func (r PodRule) withDefaults() PodRule {
	if r.TopologyKey == "" {
		r.TopologyKey = corev1.LabelHostname
	}
	return r
}

func (r PodRule) validate(l *problem.List, at *problem.Path) {
	if len(r.Labels) == 0 {
		l.Missing(at.Child("Labels"),
			"give the labels of the pods, for example a ProbedDeployment's Selector()")
	}
	l.Labels(at.Child("Labels"), r.Labels)
	l.QualifiedName(at.Child("TopologyKey"), r.TopologyKey)
	validateWeight(l, at.Child("Weight"), r.Weight)
}

func (r PodRule) render() corev1.PodAffinityTerm {
	return corev1.PodAffinityTerm{TopologyKey: r.TopologyKey,
		LabelSelector: &metav1.LabelSelector{MatchLabels: maps.Clone(r.Labels)}}
}

func (a Affinity) withDefaults() Affinity {
	for _, rules := range []*[]PodRule{&a.With, &a.Apart} {
		*rules = slices.Clone(*rules)
		for i := range *rules {
			(*rules)[i] = (*rules)[i].withDefaults()
		}
	}
	return a
}

func (a Affinity) validate(l *problem.List, at *problem.Path) {
	for i, rule := range a.Nodes {
		rule.validate(l, at.Child("Nodes").Index(i))
	}
	for i, rule := range a.With {
		rule.validate(l, at.Child("With").Index(i))
	}
	for i, rule := range a.Apart {
		rule.validate(l, at.Child("Apart").Index(i))
	}
}

func (a Affinity) render() *corev1.Affinity {
	result := corev1.Affinity{}
	var required []corev1.NodeSelectorRequirement
	for _, rule := range a.Nodes {
		if result.NodeAffinity == nil {
			result.NodeAffinity = &corev1.NodeAffinity{}
		}
		if rule.Weight == 0 {
			required = append(required, rule.render())
			continue
		}
		result.NodeAffinity.PreferredDuringSchedulingIgnoredDuringExecution = append(result.NodeAffinity.PreferredDuringSchedulingIgnoredDuringExecution,
			corev1.PreferredSchedulingTerm{Weight: rule.Weight,
				Preference: corev1.NodeSelectorTerm{MatchExpressions: []corev1.NodeSelectorRequirement{rule.render()}}})
	}
	if len(required) > 0 {
		result.NodeAffinity.RequiredDuringSchedulingIgnoredDuringExecution = &corev1.NodeSelector{
			NodeSelectorTerms: []corev1.NodeSelectorTerm{{MatchExpressions: required}},
		}
	}
	if len(a.With) > 0 {
		result.PodAffinity = &corev1.PodAffinity{}
		result.PodAffinity.RequiredDuringSchedulingIgnoredDuringExecution, result.PodAffinity.PreferredDuringSchedulingIgnoredDuringExecution = podTerms(a.With)
	}
	if len(a.Apart) > 0 {
		result.PodAntiAffinity = &corev1.PodAntiAffinity{}
		result.PodAntiAffinity.RequiredDuringSchedulingIgnoredDuringExecution, result.PodAntiAffinity.PreferredDuringSchedulingIgnoredDuringExecution = podTerms(a.Apart)
	}
	if result == (corev1.Affinity{}) {
		return nil
	}
	return &result
}

func podTerms(rules []PodRule) (required []corev1.PodAffinityTerm, preferred []corev1.WeightedPodAffinityTerm) {
	for _, rule := range rules {
		if rule.Weight == 0 {
			required = append(required, rule.render())
		} else {
			preferred = append(preferred,
				corev1.WeightedPodAffinityTerm{Weight: rule.Weight, PodAffinityTerm: rule.render()})
		}
	}
	return required, preferred
}

// TopologySpread spreads pods over nodes, zones or other domains.
// See https://kubernetes.io/docs/concepts/scheduling-eviction/topology-spread-constraints/.
type TopologySpread struct {
	// TopologyKey is the node label whose values are the domains. Required; for example
	// "kubernetes.io/hostname" or "topology.kubernetes.io/zone".
	TopologyKey string
	// MaxSkew is by how many pods domains may differ. Defaults to 1.
	MaxSkew int32
	// Required leaves a pod unscheduled rather than break the rule. Defaults to false: the
	// scheduler does its best.
	Required bool
}

func (s TopologySpread) validate(l *problem.List, at *problem.Path) {
	if s.TopologyKey == "" {
		l.Missing(at.Child("TopologyKey"), "name a node label, for example \"kubernetes.io/hostname\"")
	} else {
		l.QualifiedName(at.Child("TopologyKey"), s.TopologyKey)
	}
	if s.MaxSkew < 0 {
		l.Add(at.Child("MaxSkew"), s.MaxSkew, "is negative; use 1 or more")
	}
}

// render takes the labels of the pods, and the label that tells the pods of a revision apart:
// without it the old pods count too during a rollout.
func (s TopologySpread) render(selector map[string]string,
	revisionLabel string) corev1.TopologySpreadConstraint {
	constraint := corev1.TopologySpreadConstraint{
		TopologyKey:       s.TopologyKey,
		MaxSkew:           max(s.MaxSkew, 1),
		WhenUnsatisfiable: corev1.ScheduleAnyway,
		LabelSelector:     &metav1.LabelSelector{MatchLabels: maps.Clone(selector)},
	}
	if revisionLabel != "" {
		constraint.MatchLabelKeys = []string{revisionLabel}
	}
	if s.Required {
		constraint.WhenUnsatisfiable = corev1.DoNotSchedule
	}
	return constraint
}

// HostAlias are names of an address, for the pod's hosts file.
type HostAlias struct {
	// IP is the address. Required.
	IP string
	// Names of the address. At least one is required.
	Names []string
}

func (h HostAlias) validate(l *problem.List, at *problem.Path) {
	l.IP(at.Child("IP"), h.IP)
	if len(h.Names) == 0 {
		l.Missing(at.Child("Names"), "give at least one name")
	}
	for i, name := range h.Names {
		if len(validation.IsDNS1123Subdomain(name)) > 0 {
			l.Add(at.Child("Names").Index(i), name, "is not a DNS name; use for example \"db.example.com\"")
		}
	}
}

// DNSConfig changes how names are resolved in the pod. Its zero value leaves the cluster's own.
// See https://kubernetes.io/docs/concepts/services-networking/dns-pod-service/#pod-dns-config.
type DNSConfig struct {
	// Policy says what the rest is added to. Defaults to ClusterFirst.
	Policy DNSPolicy
	// Nameservers are addresses, at most 3. Required for the policy None. Default to the policy's.
	Nameservers []string
	// Searches are domains that names are looked up in, at most 32. Default to the policy's.
	Searches []string
	// Options of the resolver by name, for example {"ndots": "2", "edns0": ""}. Default to the
	// policy's.
	Options map[string]string
}

// DNSPolicy says where names are resolved.
type DNSPolicy string

// The policies of Kubernetes.
const (
	ClusterFirst            DNSPolicy = "ClusterFirst"
	ClusterFirstWithHostNet DNSPolicy = "ClusterFirstWithHostNet"
	NodeDNS                 DNSPolicy = "Default"
	NoDNS                   DNSPolicy = "None"
)

func (d DNSConfig) isZero() bool {
	return len(d.Nameservers) == 0 && len(d.Searches) == 0 && len(d.Options) == 0
}

// The API server's limits (MaxDNSNameservers, MaxDNSSearchPaths and MaxDNSSearchListChars).
const maxNameservers, maxSearches, maxSearchLength = 3, 32, 2048

func (d DNSConfig) validate(l *problem.List, at *problem.Path) {
	problem.OneOf(l, at.Child("Policy"), d.Policy, ClusterFirst, ClusterFirstWithHostNet, NodeDNS, NoDNS)
	if d.Policy == NoDNS && len(d.Nameservers) == 0 {
		l.Missing(at.Child("Nameservers"), "the policy None has no others; give at least one")
	}
	if len(d.Nameservers) > maxNameservers {
		l.Add(at.Child("Nameservers"), len(d.Nameservers), "are too many; use at most 3")
	}
	for i, server := range d.Nameservers {
		l.IP(at.Child("Nameservers").Index(i), server)
	}
	length := 0
	for i, domain := range d.Searches {
		length += len(domain) + 1
		if len(validation.IsDNS1123Subdomain(domain)) > 0 {
			l.Add(at.Child("Searches").Index(i), domain, "is not a domain; use for example \"svc.example.com\"")
		}
	}
	if len(d.Searches) > maxSearches || length > maxSearchLength {
		l.Add(at.Child("Searches"), len(d.Searches),
			"are too many; use at most 32, of 2048 characters together")
	}
	for _, name := range slices.Sorted(maps.Keys(d.Options)) {
		if name == "" {
			l.Missing(at.Child("Options"), "name each option, for example \"ndots\"")
		}
	}
}

func (d DNSConfig) render() *corev1.PodDNSConfig {
	if d.isZero() {
		return nil
	}
	config := &corev1.PodDNSConfig{Nameservers: slices.Clone(d.Nameservers), Searches: slices.Clone(d.Searches)}
	for _, name := range slices.Sorted(maps.Keys(d.Options)) {
		option := corev1.PodDNSConfigOption{Name: name}
		if value := d.Options[name]; value != "" {
			option.Value = &value
		}
		config.Options = append(config.Options, option)
	}
	return config
}
