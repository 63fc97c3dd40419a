package check

import (
	"slices"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/util/intstr"
)

const tcpPolicy = `apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: {name: web}
spec:
  selector: {matchLabels: {app: web}}
  action: ALLOW
  rules: [{to: [{operation: {ports: ["8080"], methods: [GET]}}]}]
`

var tlsRule = edited(destinationRuleExample, "  subsets", "  trafficPolicy: {tls: {mode: ISTIO_MUTUAL}}\n  subsets")

const sidecarExample = `apiVersion: networking.istio.io/v1
kind: Sidecar
metadata: {name: default}
spec:
  egress: [{hosts: ["./*"]}]
`

var policyRules = []Rule{
	{
		Code: "KC209", Title: "TLS of callers that the called do not take", Severity: Error, Kinds: []string{"DestinationRule"},
		Doc: "PeerAuthentication says what the pods accept, the tls of a DestinationRule what callers send. STRICT pods refuse " +
			"callers with tls DISABLE or SIMPLE; pods with DISABLE do not understand ISTIO_MUTUAL.",
		Wrong:  documents(webExample, serviceExample, edited(tlsRule, "ISTIO_MUTUAL", "DISABLE"), peerAuthenticationExample),
		Right:  documents(webExample, serviceExample, tlsRule, peerAuthenticationExample),
		object: checkMutualTLS,
	},
	{
		Code: "KC211", Title: "attributes of HTTP for a TCP port", Severity: Error, Kinds: []string{"AuthorizationPolicy"},
		Doc: "Methods, paths and hosts are known of HTTP alone. For a port that Istio takes for TCP, a rule of ALLOW with them " +
			"never matches, and one of DENY matches as if they were not there.",
		Wrong:  documents(webExample, edited(serviceExample, "{name: http, port: 80", "{name: tcp-web, port: 80"), tcpPolicy),
		Right:  documents(webExample, serviceExample, tcpPolicy),
		object: checkTCPPolicy,
	},
	{
		Code: "KC213", Title: "a policy for a port that no pod has", Severity: Error, Kinds: []string{"AuthorizationPolicy", "PeerAuthentication"},
		Doc:    "The ports of a policy are those of the pods, not of the Service. A port that none of them declares matches nothing.",
		Wrong:  documents(webExample, serviceExample, edited(tcpPolicy, `"8080"`, `"80"`)),
		Right:  documents(webExample, serviceExample, tcpPolicy),
		object: checkPolicyPorts,
	},
	{
		Code: "KC217", Title: "two policies of which one counts", Severity: Error,
		Doc: "A namespace has one Sidecar, one PeerAuthentication and one Telemetry without a selector, and one for each pod: of two, " +
			"the older one counts.",
		Wrong: documents(sidecarExample, edited(sidecarExample, "name: default", "name: other")),
		Right: sidecarExample,
		set:   checkLonely,
	},
}

// mtlsOf is the mode that PeerAuthentications set for a workload: its own, that of its namespace, or that of the mesh.
func (c *checker) mtlsOf(w *workload, port string) (mode string, by *object) {
	best := 0
	for _, namespace := range []string{w.namespace, rootNamespace} {
		for _, o := range c.peers[namespace] {
			p := spec[peerAuthentication](o)
			if p == nil {
				continue
			}
			rank := 2
			if namespace == rootNamespace && w.namespace != rootNamespace {
				rank = 1
			}
			if p.Selector != nil && len(p.Selector.MatchLabels) > 0 {
				rank = 3
				matches := namespace == w.namespace
				for name, value := range p.Selector.MatchLabels {
					matches = matches && w.labels[name] == value
				}
				if !matches {
					continue
				}
			}
			set := ""
			if p.MTLS != nil {
				set = p.MTLS.Mode
			}
			if of, ok := p.PortLevelMtls[port]; ok && of.Mode != "" && of.Mode != "UNSET" {
				set = of.Mode
			}
			if set != "" && set != "UNSET" && rank > best {
				mode, by, best = set, o, rank
			}
		}
	}
	return mode, by
}

// rootNamespace is that of policies for the whole mesh, unless the mesh is configured otherwise.
const rootNamespace = "istio-system"

func checkMutualTLS(c *checker, o *object) {
	r := c.mesh.rules[o]
	if r == nil {
		return
	}
	var services []*object
	host := c.domain.fullHost(r.Host, o.namespace)
	if name, namespace, ok := c.domain.serviceOf(host); ok {
		if service, _ := c.find("Service", namespace, name); service != nil {
			services = append(services, service)
		}
	} else if rest, ok := strings.CutPrefix(host, "*"); ok {
		services = c.servicesUnder(rest)
	}
	ask := func(service *object, field string, policy *trafficPolicy) {
		if policy == nil {
			return
		}
		c.asksMutualTLS(o, service, field+".tls.mode", policy.TLS, 0)
		for i, settings := range policy.PortLevelSettings {
			if settings.Port != nil {
				c.asksMutualTLS(o, service, at("%s.portLevelSettings[%d].tls.mode", field, i), settings.TLS, int32(settings.Port.Number))
			}
		}
	}
	for _, service := range services {
		if service.service() == nil || len(service.service().Spec.Selector) == 0 {
			continue
		}
		ask(service, "spec.trafficPolicy", r.TrafficPolicy)
		for i, subset := range r.Subsets {
			ask(service, at("spec.subsets[%d].trafficPolicy", i), subset.TrafficPolicy)
		}
	}
}

// servicesUnder are Services whose full names end in the rest of a wildcard, such as .shop.svc.cluster.local.
func (c *checker) servicesUnder(rest string) []*object {
	all := c.byKind["Service"]
	if namespace, ok := strings.CutSuffix(strings.TrimPrefix(rest, "."), string(c.domain)); ok && namespace != "" {
		all = slices.DeleteFunc(slices.Clone(all), func(o *object) bool { return o.namespace != namespace })
	} else if !strings.HasSuffix(string(c.domain), rest) {
		return nil
	}
	return all[:min(len(all), maxAsked)]
}

// asksMutualTLS compares what callers send to a port of a Service, or to its only one, with what the pods accept.
func (c *checker) asksMutualTLS(o, service *object, field string, sends *clientTLS, number int32) {
	if sends == nil {
		return
	}
	selected := c.selectSet(service.namespace, service.service().Spec.Selector)
	if len(selected.workloads) == 0 {
		return
	}
	target := ""
	for _, port := range service.service().Spec.Ports {
		if port.Port != number && (number != 0 || len(service.service().Spec.Ports) > 1) {
			continue
		}
		target = port.TargetPort.String()
		if numbers := selected.ports.byName[target]; len(numbers) == 1 {
			target = strconv.Itoa(int(numbers[0]))
		}
	}
	mode, by := c.mtlsOf(selected.workloads[0], target)
	switch sent := sends.Mode; {
	case mode == "STRICT" && (sent == "DISABLE" || sent == "SIMPLE"):
		c.report(o, field, "the connections are refused: callers send "+sent+", and "+by.String()+" in "+in(by.namespace)+" wants mutual TLS", "use ISTIO_MUTUAL, or leave tls out")
	case mode == "DISABLE" && sent == "ISTIO_MUTUAL":
		c.report(o, field, "the connections fail: callers send mutual TLS, and "+by.String()+" in "+in(by.namespace)+" turns it off", "leave tls out, or change the PeerAuthentication")
	}
}

func checkTCPPolicy(c *checker, o *object) {
	p := spec[authorizationPolicy](o)
	if p == nil || p.TargetRef != nil || len(p.TargetRefs) > 0 {
		return
	}
	selected := &selection{workloads: c.workloads[o.namespace]}
	if p.Selector != nil && len(p.Selector.MatchLabels) > 0 {
		selected = c.selectSet(o.namespace, p.Selector.MatchLabels)
	}
	if len(selected.workloads) == 0 || len(selected.workloads) > maxAsked {
		return
	}
	if selected.ports == nil {
		selected.ports = portsOf(selected.workloads)
	}
	const fix = "name the port of the Service http, or leave these attributes out"
	for i, rule := range p.Rules {
		for j, to := range rule.To {
			operation := to.Operation
			if operation == nil || len(operation.Methods)+len(operation.Paths)+len(operation.Hosts)+len(operation.NotMethods)+len(operation.NotPaths)+len(operation.NotHosts) == 0 {
				continue
			}
			if len(operation.Ports)+len(operation.NotPorts) == 0 && c.servesTCPAlone(o.namespace, selected) {
				c.report(o, at("spec.rules[%d].to[%d].operation", i, j), "the rule does not do what it says: Istio takes all ports of these pods for TCP, and knows no methods, paths and hosts there", fix)
			}
			for k, port := range operation.Ports {
				number, err := strconv.Atoi(port)
				if err != nil || !c.isTCP(o.namespace, selected, int32(number)) {
					continue
				}
				c.report(o, at("spec.rules[%d].to[%d].operation.ports[%d]", i, j, k), "the rule does not do what it says: Istio takes port "+port+" for TCP, and knows no methods, paths and hosts there", fix)
			}
		}
	}
}

// servesTCPAlone reports whether all ports of all Services for the workloads say that they are not HTTP.
func (c *checker) servesTCPAlone(namespace string, selected *selection) bool {
	asked := false
	for _, w := range selected.workloads {
		for _, service := range c.servicesOf(namespace, w) {
			for _, port := range service.service().Spec.Ports {
				if !isOtherThanHTTP(port) {
					return false
				}
				asked = true
			}
		}
	}
	return asked
}

// isTCP reports whether all Services for the workloads say that a port of the pods is not HTTP.
func (c *checker) isTCP(namespace string, selected *selection, number int32) bool {
	says := false
	for _, w := range selected.workloads[:min(len(selected.workloads), 20)] {
		for _, service := range c.servicesOf(namespace, w) {
			for _, port := range service.service().Spec.Ports {
				target := port.TargetPort.IntVal
				if port.TargetPort.Type == intstr.String {
					if numbers := selected.ports.byName[port.TargetPort.StrVal]; len(numbers) > 0 {
						target = numbers[0]
					}
				} else if target == 0 {
					target = port.Port
				}
				if target != number {
					continue
				}
				if !isOtherThanHTTP(port) {
					return false
				}
				says = true
			}
		}
	}
	return says
}

// servicesOf are the Services that select a workload.
func (s *index) servicesOf(namespace string, w *workload) []*object {
	var services []*object
	for name, value := range w.labels {
		for _, o := range s.servicesBySelector[namespace+"\x00"+name+"="+value] {
			matches := true
			for wanted, value := range o.service().Spec.Selector {
				matches = matches && w.labels[wanted] == value
			}
			if matches {
				services = append(services, o)
			}
		}
	}
	return services
}

func checkPolicyPorts(c *checker, o *object) {
	var selector *workloadSelector
	ports := map[string]string{}
	switch o.kind {
	case "AuthorizationPolicy":
		p := spec[authorizationPolicy](o)
		if p == nil {
			return
		}
		selector = p.Selector
		for i, rule := range p.Rules {
			for j, to := range rule.To {
				if to.Operation == nil {
					continue
				}
				for k, port := range to.Operation.Ports {
					ports[at("spec.rules[%d].to[%d].operation.ports[%d]", i, j, k)] = port
				}
			}
		}
	default:
		p := spec[peerAuthentication](o)
		if p == nil {
			return
		}
		selector = p.Selector
		for port := range p.PortLevelMtls {
			ports[at("spec.portLevelMtls[%s]", port)] = port
		}
	}
	if selector == nil || len(selector.MatchLabels) == 0 || isGatewaySelector(selector.MatchLabels) {
		return
	}
	selected := c.selectSet(o.namespace, selector.MatchLabels)
	if !selected.ports.complete {
		return
	}
	for field, port := range ports {
		number, err := strconv.Atoi(port)
		if err == nil && !selected.ports.numbers[portKey(corev1.ProtocolTCP, int32(number))] && !isMeshPort(int32(number)) {
			c.report(o, field, "it takes no effect for port "+port+": no pod that the policy is for declares it", "use the port of the pods, not that of the Service")
		}
	}
}

func checkLonely(c *checker) {
	for _, kind := range []string{"Sidecar", "PeerAuthentication", "Telemetry"} {
		bySelector := map[string]*object{}
		byPods := map[*workload]*object{}
		seen := map[string]*object{}
		for _, o := range c.byKind[kind] {
			s := spec[selecting](o)
			if s == nil && o.Content["spec"] != nil {
				continue
			}
			if s != nil {
				if wanted, field := s.selectorLabels(); wanted != nil {
					id := o.namespace + "\x00" + labels.Set(wanted).String()
					if first := bySelector[id]; first != nil && first.name != o.name {
						c.report(o, field, "one of two counts: "+first.String()+" is for the same pods", "put both into one")
						continue
					}
					bySelector[id] = o
					selected := c.selectSet(o.namespace, wanted).workloads
					for _, w := range selected[:min(len(selected), 1000)] {
						if first := byPods[w]; first != nil && first.name != o.name {
							c.report(o, field, "one of two counts: "+first.String()+" is for the pods of "+w.String()+", too", "put both into one, or select other pods")
							break
						}
						byPods[w] = o
					}
					continue
				}
				if s.TargetRef != nil || len(s.TargetRefs) > 0 {
					continue
				}
			}
			if first := seen[o.namespace]; first != nil && first.name != o.name {
				c.report(o, "spec", "one of two counts: "+first.String()+" is for all of "+in(o.namespace)+", too", "put both into one, or give one of them a selector")
				continue
			}
			seen[o.namespace] = o
		}
	}
}
