package engine

import (
	"cmp"
	"slices"

	"github.com/crossoverJie/k8s-combat/infra/internal/objects"
)

// destinationRule is what the DestinationRules of a host in a namespace say together.
type destinationRule struct {
	*objects.Object
	host     string
	exportTo []string
	subsets  []subset
	policy   trafficPolicy
	// selector are the labels of the pods whose calls it is for. Nil for all.
	selector map[string]string
}

type subset struct {
	name   string
	labels map[string]string
	policy trafficPolicy
}

type trafficPolicy struct {
	given bool
	// tls is the mode for the connection to the server, empty where none is said.
	tls string
	// portTLS are those of ports.
	portTLS map[int]string
	// consistentHash says that a request decides itself which pod it goes to.
	consistentHash bool
	locality       bool
}

func readPolicy(v value) trafficPolicy {
	p := trafficPolicy{given: v.has(), tls: v.at("tls", "mode").text(), consistentHash: v.at("loadBalancer", "consistentHash").has(),
		locality: v.at("loadBalancer", "localityLbSetting").has()}
	if p.tls == "" && v.get("tls").has() {
		p.tls = "DISABLE"
	}
	for _, settings := range v.get("portLevelSettings").list() {
		if p.portTLS == nil {
			p.portTLS = map[int]string{}
		}
		mode := settings.at("tls", "mode").text()
		if mode == "" && settings.get("tls").has() {
			mode = "DISABLE"
		}
		// What a port does not say is not taken from around it: "port level settings replace the destination level settings
		// wholesale" (MergeTrafficPolicy in pilot/pkg/model/destination_rule.go).
		p.portTLS[settings.at("port", "number").whole()] = mode
	}
	return p
}

// mode of TLS for a port.
func (p trafficPolicy) mode(port int) (string, bool) {
	if mode, ok := p.portTLS[port]; ok {
		return mode, true
	}
	return p.tls, p.tls != ""
}

func (m *Model) readDestinationRules() {
	found := m.kind("networking.istio.io", "DestinationRule")
	// Those for some callers come first (sortConfigBySelectorAndCreationTime in pilot/pkg/model/push_context.go).
	slices.SortStableFunc(found, func(a, b *objects.Object) int {
		rank := func(o *objects.Object) int {
			if m.spec(o).get("workloadSelector").has() {
				return 0
			}
			return 1
		}
		return cmp.Compare(rank(a), rank(b))
	})
	for _, o := range found {
		spec := m.spec(o)
		r := &destinationRule{Object: o, host: m.qualified(spec.get("host").text(), o.Namespace),
			exportTo: spec.get("exportTo").texts(), policy: readPolicy(spec.get("trafficPolicy"))}
		if spec.get("workloadSelector").has() {
			r.selector, r.exportTo = spec.at("workloadSelector", "matchLabels").textMap(), []string{"."}
		}
		for _, s := range spec.get("subsets").list() {
			r.subsets = append(r.subsets, subset{s.get("name").text(), s.get("labels").textMap(), readPolicy(s.get("trafficPolicy"))})
		}
		into := m.rules
		if isWild(r.host) {
			into = m.wildRules
		}
		merged := false
		for _, known := range into[r.host] {
			// Those of one host in one namespace with one exportTo are one (mergeDestinationRule in destination_rule.go): all
			// subsets, the first of each name, and the first policy.
			if known.Namespace != r.Namespace || (known.selector == nil) != (r.selector == nil) ||
				len(known.selector) != len(r.selector) || !objects.HasLabels(known.selector, r.selector) || !slices.Equal(known.exportTo, r.exportTo) {
				continue
			}
			merged = true
			for _, s := range r.subsets {
				if known.subset(s.name) == nil {
					known.subsets = append(known.subsets, s)
				}
			}
			if !known.policy.given {
				known.policy = r.policy
			}
			break
		}
		if !merged {
			into[r.host] = append(into[r.host], r)
		}
	}
}

func (r *destinationRule) subset(name string) *subset {
	for i := range r.subsets {
		if r.subsets[i].name == name {
			return &r.subsets[i]
		}
	}
	return nil
}

// ruleFor is the DestinationRule that a proxy uses for a service: one of its own namespace, else one that the namespace
// of the service exports, else one that the root namespace exports (destinationRule in push_context.go).
func (m *Model) ruleFor(s *service, namespace string, labels map[string]string) *destinationRule {
	private := func(r *destinationRule) bool {
		return len(r.exportTo) == 1 && (r.exportTo[0] == "." || r.exportTo[0] == r.Namespace)
	}
	visible := func(of string, r *destinationRule, own bool) bool {
		if r.Namespace != of {
			return false
		}
		if own {
			return namespace != m.root && exported(r.exportTo, r.Namespace, namespace) || namespace == m.root && private(r)
		}
		return !private(r) && exported(r.exportTo, r.Namespace, namespace)
	}
	for i, of := range []string{namespace, s.Namespace, m.root} {
		own := i == 0
		pick := func(rules []*destinationRule) *destinationRule {
			var all *destinationRule
			for _, r := range rules {
				switch {
				case !visible(of, r, own):
				case r.selector == nil:
					all = r
				case own && objects.HasLabels(labels, r.selector):
					return r
				}
			}
			return all
		}
		if r := pick(m.rules[s.host]); r != nil {
			return r
		}
		best := ""
		for host, rules := range m.wildRules {
			if within(s.host, host) && (best == "" || moreSpecific(host, best)) && pick(rules) != nil {
				best = host
			}
		}
		if best != "" {
			return pick(m.wildRules[best])
		}
	}
	return nil
}
