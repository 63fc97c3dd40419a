package check

import (
	"slices"
	"strings"
)

// What is read of Istio's kinds. Durations are texts, as they are written.
type (
	destination struct {
		Host   string `json:"host"`
		Subset string `json:"subset"`
		Port   *struct {
			Number int64 `json:"number"`
		} `json:"port"`
	}
	weighted struct {
		Destination *destination `json:"destination"`
		Weight      int64        `json:"weight"`
	}
	stringMatch struct {
		Exact  string `json:"exact"`
		Prefix string `json:"prefix"`
		Regex  string `json:"regex"`
	}
	httpMatch struct {
		Name           string                  `json:"name"`
		URI            *stringMatch            `json:"uri"`
		Scheme         *stringMatch            `json:"scheme"`
		Method         *stringMatch            `json:"method"`
		Authority      *stringMatch            `json:"authority"`
		Headers        map[string]*stringMatch `json:"headers"`
		WithoutHeaders map[string]*stringMatch `json:"withoutHeaders"`
		QueryParams    map[string]*stringMatch `json:"queryParams"`
		Port           int64                   `json:"port"`
		SourceLabels   map[string]string       `json:"sourceLabels"`
		SourceNS       string                  `json:"sourceNamespace"`
		Gateways       []string                `json:"gateways"`
		IgnoreURICase  bool                    `json:"ignoreUriCase"`
	}
	httpRoute struct {
		Name           string       `json:"name"`
		Match          []*httpMatch `json:"match"`
		Route          []weighted   `json:"route"`
		Redirect       any          `json:"redirect"`
		DirectResponse any          `json:"directResponse"`
		Delegate       *struct {
			Name      string `json:"name"`
			Namespace string `json:"namespace"`
		} `json:"delegate"`
		Timeout string `json:"timeout"`
		Retries *struct {
			Attempts      int64  `json:"attempts"`
			PerTryTimeout string `json:"perTryTimeout"`
		} `json:"retries"`
		Fault *struct {
			Abort any `json:"abort"`
			Delay any `json:"delay"`
		} `json:"fault"`
		Mirror  *destination `json:"mirror"`
		Mirrors []weighted   `json:"mirrors"`
	}
	l4Route struct {
		Match []l4Match  `json:"match"`
		Route []weighted `json:"route"`
	}
	l4Match struct {
		Port               int64             `json:"port"`
		SniHosts           []string          `json:"sniHosts"`
		Gateways           []string          `json:"gateways"`
		DestinationSubnets []string          `json:"destinationSubnets"`
		SourceLabels       map[string]string `json:"sourceLabels"`
		SourceNS           string            `json:"sourceNamespace"`
	}
	virtualService struct {
		Hosts    []string     `json:"hosts"`
		Gateways []string     `json:"gateways"`
		ExportTo []string     `json:"exportTo"`
		HTTP     []*httpRoute `json:"http"`
		TLS      []*l4Route   `json:"tls"`
		TCP      []*l4Route   `json:"tcp"`
	}
	trafficPolicy struct {
		TLS               *clientTLS `json:"tls"`
		PortLevelSettings []struct {
			Port *struct {
				Number int64 `json:"number"`
			} `json:"port"`
			TLS *clientTLS `json:"tls"`
		} `json:"portLevelSettings"`
	}
	clientTLS struct {
		Mode           string `json:"mode"`
		CredentialName string `json:"credentialName"`
		CaCertificates string `json:"caCertificates"`
	}
	subset struct {
		Name          string            `json:"name"`
		Labels        map[string]string `json:"labels"`
		TrafficPolicy *trafficPolicy    `json:"trafficPolicy"`
	}
	destinationRule struct {
		Host             string            `json:"host"`
		ExportTo         []string          `json:"exportTo"`
		Subsets          []subset          `json:"subsets"`
		TrafficPolicy    *trafficPolicy    `json:"trafficPolicy"`
		WorkloadSelector *workloadSelector `json:"workloadSelector"`
	}
	workloadSelector struct {
		MatchLabels map[string]string `json:"matchLabels"`
		Labels      map[string]string `json:"labels"`
	}
	istioGateway struct {
		Selector map[string]string `json:"selector"`
		Servers  []struct {
			Port *struct {
				Number   int64  `json:"number"`
				Name     string `json:"name"`
				Protocol string `json:"protocol"`
			} `json:"port"`
			Hosts []string `json:"hosts"`
			TLS   *struct {
				Mode           string `json:"mode"`
				CredentialName string `json:"credentialName"`
				HTTPSRedirect  bool   `json:"httpsRedirect"`
			} `json:"tls"`
		} `json:"servers"`
	}
	serviceEntry struct {
		Hosts    []string `json:"hosts"`
		ExportTo []string `json:"exportTo"`
		Ports    []struct {
			Number     int64  `json:"number"`
			Name       string `json:"name"`
			Protocol   string `json:"protocol"`
			TargetPort int64  `json:"targetPort"`
		} `json:"ports"`
		Resolution       string            `json:"resolution"`
		WorkloadSelector *workloadSelector `json:"workloadSelector"`
		Endpoints        []any             `json:"endpoints"`
		Addresses        []string          `json:"addresses"`
	}
	workloadEntry struct {
		Labels map[string]string `json:"labels"`
	}
	envoyFilter struct {
		ConfigPatches []struct {
			ApplyTo string         `json:"applyTo"`
			Match   map[string]any `json:"match"`
			Patch   *struct {
				Operation string `json:"operation"`
				Value     any    `json:"value"`
			} `json:"patch"`
		} `json:"configPatches"`
	}
	sidecar struct {
		Egress []struct {
			Hosts []string `json:"hosts"`
		} `json:"egress"`
	}
	peerAuthentication struct {
		Selector *workloadSelector `json:"selector"`
		MTLS     *struct {
			Mode string `json:"mode"`
		} `json:"mtls"`
		PortLevelMtls map[string]struct {
			Mode string `json:"mode"`
		} `json:"portLevelMtls"`
	}
	targetRef struct {
		Group     string `json:"group"`
		Kind      string `json:"kind"`
		Name      string `json:"name"`
		Namespace string `json:"namespace"`
	}
	selecting struct {
		Selector         *workloadSelector `json:"selector"`
		WorkloadSelector *workloadSelector `json:"workloadSelector"`
		TargetRef        *targetRef        `json:"targetRef"`
		TargetRefs       []targetRef       `json:"targetRefs"`
	}
	authorizationPolicy struct {
		Selector   *workloadSelector `json:"selector"`
		TargetRefs []targetRef       `json:"targetRefs"`
		TargetRef  *targetRef        `json:"targetRef"`
		Action     string            `json:"action"`
		Rules      []struct {
			From []policyFrom `json:"from"`
			To   []policyTo   `json:"to"`
			When []struct {
				Key string `json:"key"`
			} `json:"when"`
		} `json:"rules"`
	}
	policyFrom struct {
		Source *policySource `json:"source"`
	}
	policyTo struct {
		Operation *policyOperation `json:"operation"`
	}
	policySource struct {
		Principals        []string `json:"principals"`
		RequestPrincipals []string `json:"requestPrincipals"`
		Namespaces        []string `json:"namespaces"`
		ServiceAccounts   []string `json:"serviceAccounts"`
	}
	policyOperation struct {
		Hosts      []string `json:"hosts"`
		NotHosts   []string `json:"notHosts"`
		Ports      []string `json:"ports"`
		NotPorts   []string `json:"notPorts"`
		Methods    []string `json:"methods"`
		NotMethods []string `json:"notMethods"`
		Paths      []string `json:"paths"`
		NotPaths   []string `json:"notPaths"`
	}
)

// destinationHost is the destination rules of a host, with the subsets of all.
type destinationHost struct {
	rules   []*object
	subsets map[string]bool
	names   []string
}

// mesh is what is known of Istio's objects in the set.
type mesh struct {
	domain          serviceDomain
	virtualServices map[*object]*virtualService
	rules           map[*object]*destinationRule
	gateways        map[*object]*istioGateway
	entries         map[*object]*serviceEntry
	// byHost are the destination rules by the full name of their host.
	byHost map[string]*destinationHost
	// entryHosts are the service entries by their hosts, wildcards by what follows the '*'.
	entryHosts map[string][]*object
	wildcards  map[string][]*object
	// allows are the policies that let in.
	allows policyIndex
}

// spec reads the spec of an object into a value, as far as it fits.
func spec[T any](o *object) *T {
	content, ok := o.Content["spec"].(map[string]any)
	if !ok {
		return nil
	}
	into := new(T)
	if !view(content, into) {
		return nil
	}
	return into
}

const (
	istioNetworking = "networking.istio.io"
	istioSecurity   = "security.istio.io"
)

func newMesh(s *index) *mesh {
	m := &mesh{domain: s.domain, virtualServices: map[*object]*virtualService{}, rules: map[*object]*destinationRule{},
		gateways: map[*object]*istioGateway{}, entries: map[*object]*serviceEntry{},
		byHost: map[string]*destinationHost{}, entryHosts: map[string][]*object{}, wildcards: map[string][]*object{}, allows: policyIndex{}}
	for _, kind := range []string{"VirtualService", "DestinationRule", "Gateway", "ServiceEntry"} {
		for _, o := range s.byKind[kind] {
			if o.group == istioNetworking {
				m.add(o)
			}
		}
	}
	for _, o := range s.byKind["AuthorizationPolicy"] {
		if o.group == istioSecurity {
			m.allows.add(o)
		}
	}
	return m
}

func (m *mesh) add(o *object) {
	switch o.kind {
	case "VirtualService":
		if v := spec[virtualService](o); v != nil {
			m.virtualServices[o] = v
		}
	case "DestinationRule":
		r := spec[destinationRule](o)
		if r == nil {
			return
		}
		m.rules[o] = r
		host := m.domain.fullHost(r.Host, o.namespace)
		if m.byHost[host] == nil {
			m.byHost[host] = &destinationHost{subsets: map[string]bool{}}
		}
		h := m.byHost[host]
		h.rules = append(h.rules, o)
		for _, subset := range r.Subsets {
			if !h.subsets[subset.Name] {
				h.names = append(h.names, subset.Name)
			}
			h.subsets[subset.Name] = true
		}
	case "Gateway":
		if g := spec[istioGateway](o); g != nil {
			m.gateways[o] = g
		}
	case "ServiceEntry":
		e := spec[serviceEntry](o)
		if e == nil {
			return
		}
		m.entries[o] = e
		for _, host := range e.Hosts {
			if rest, ok := strings.CutPrefix(host, "*"); ok {
				m.wildcards[rest] = append(m.wildcards[rest], o)
			} else {
				full := m.domain.fullHost(host, o.namespace)
				m.entryHosts[full] = append(m.entryHosts[full], o)
			}
		}
	}
}

// serviceDomain is what the full names of the cluster's Services end in: ".svc.cluster.local".
type serviceDomain string

// fullHost is the name by which Istio knows a host that an object in a namespace names: a name without a dot is that of a
// Service beside it.
func (d serviceDomain) fullHost(host, namespace string) string {
	if host == "" || strings.Contains(host, ".") || strings.HasPrefix(host, "*") {
		return host
	}
	return host + "." + namespace + string(d)
}

// serviceOf takes the full name of a Service apart.
func (d serviceDomain) serviceOf(host string) (name, namespace string, ok bool) {
	rest, ok := strings.CutSuffix(host, string(d))
	if !ok {
		return "", "", false
	}
	name, namespace, _ = strings.Cut(rest, ".")
	return name, namespace, name != "" && !strings.Contains(namespace, ".") && !strings.Contains(name, "*")
}

// entryOf is the service entry of a host that is seen in a namespace, or nil.
func (m *mesh) entryOf(host, namespace string) *object {
	visible := func(entries []*object) *object {
		for _, o := range entries {
			if isExportedTo(m.entries[o].ExportTo, o.namespace, namespace) {
				return o
			}
		}
		return nil
	}
	if o := visible(m.entryHosts[host]); o != nil {
		return o
	}
	if len(m.wildcards) == 0 {
		return nil
	}
	for i := range host {
		if host[i] == '.' || i == 0 {
			if o := visible(m.wildcards[host[i:]]); o != nil {
				return o
			}
		}
	}
	return visible(m.wildcards[""])
}

// isExportedTo reports whether what a namespace exports is seen in another one.
func isExportedTo(exportTo []string, from, to string) bool {
	return len(exportTo) == 0 || slices.ContainsFunc(exportTo, func(namespace string) bool {
		return namespace == "*" || namespace == to || namespace == "." && from == to
	})
}

// selectorLabels are the labels that a policy of Istio selects pods by, and the field that says so.
func (s selecting) selectorLabels() (map[string]string, string) {
	for _, selector := range []struct {
		*workloadSelector
		field string
	}{{s.Selector, "spec.selector"}, {s.WorkloadSelector, "spec.workloadSelector"}} {
		switch {
		case selector.workloadSelector == nil:
		case len(selector.MatchLabels) > 0:
			return selector.MatchLabels, selector.field + ".matchLabels"
		case len(selector.Labels) > 0:
			return selector.Labels, selector.field + ".labels"
		}
	}
	return nil, ""
}

// isGatewaySelector reports whether labels are those by which the gateways of Istio are known, which usually are in a
// namespace of their own.
func isGatewaySelector(wanted map[string]string) bool {
	value := wanted["istio"]
	return slices.Contains([]string{"ingressgateway", "egressgateway", "eastwestgateway", "ingress", "gateway", "ingress-gateway",
		"istio-ingressgateway", "egress"}, value) || strings.HasSuffix(value, "gateway") ||
		strings.HasSuffix(wanted["app"], "gateway") || wanted["gateway.networking.k8s.io/gateway-name"] != ""
}
