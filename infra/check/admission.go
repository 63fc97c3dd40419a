package check

import (
	"maps"
	"slices"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
)

var callersPolicy = edited(tcpPolicy, `[{to: [{operation: {ports: ["8080"], methods: [GET]}}]}]`, `[{from: [{source: {namespaces: [shop]}}]}]`,
	"metadata: {name: web}", "metadata: {name: web, namespace: shop}")

var shopFront = edited(frontExample, "{name: web}", "{name: web, namespace: shop}", "{name: web, labels: {app: web}}", "{name: web, namespace: shop, labels: {app: web}}",
	"{name: front}", "{name: front, namespace: shop}")

var unrewritten = edited(probedExample, "    metadata: {labels: {app: web}}", "    metadata: {labels: {app: web}, annotations: {sidecar.istio.io/rewriteAppHTTPProbers: \"false\"}}")

const probedPolicy = `apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: {name: web}
spec:
  selector: {matchLabels: {app: web}}
  action: ALLOW
  rules: [{to: [{operation: {paths: [/api*]}}]}]
`

var admissionRules = []Rule{
	{
		Code: "KC230", Title: "a gateway that a policy shuts out", Severity: Error, Kinds: append([]string{"VirtualService", "Ingress"}, routeKinds...),
		Doc: "Where a policy of ALLOW is for a pod, what no rule of such a policy lets in is refused. The routes of a gateway lead to the pod, and " +
			"all rules are for callers of other namespaces or accounts than those of the gateway.",
		Wrong:  documents(shopFront, callersPolicy),
		Right:  documents(shopFront, edited(callersPolicy, "[shop]", "[shop, istio-system]")),
		object: checkShutGateways,
	},
	{
		Code: "KC231", Title: "a probe that the mesh refuses", Severity: Error, Kinds: podKinds,
		Doc: "The sidecar answers the probes of the kubelet, which is not in the mesh, in place of the container, unless the annotation " +
			"sidecar.istio.io/rewriteAppHTTPProbers turns that off. Then a probe needs what any caller without mutual TLS needs: pods that are not STRICT, and " +
			"a rule that lets in such callers.",
		Wrong:  documents(unrewritten, probedPolicy),
		Right:  documents(unrewritten, edited(probedPolicy, "[/api*]", "[/api*, /ready]")),
		object: podRule(checkShutProbes),
	},
}

// policyIndex has the AuthorizationPolicies of ALLOW, by namespace and by one label of their selectors.
type policyIndex map[string][]*allowing

type allowing struct {
	o      *object
	policy *authorizationPolicy
}

func (p policyIndex) add(o *object) {
	policy := &authorizationPolicy{}
	if o.Content["spec"] != nil {
		if policy = spec[authorizationPolicy](o); policy == nil {
			return
		}
	}
	if policy.Action != "" && policy.Action != "ALLOW" || policy.TargetRef != nil || len(policy.TargetRefs) > 0 {
		return
	}
	id := o.namespace
	if policy.Selector != nil && len(policy.Selector.MatchLabels) > 0 {
		name := slices.Min(slices.Collect(maps.Keys(policy.Selector.MatchLabels)))
		id += "\x00" + name + "=" + policy.Selector.MatchLabels[name]
	}
	p[id] = append(p[id], &allowing{o, policy})
}

// of are the policies for a workload.
func (p policyIndex) of(w *workload) []*allowing {
	var found []*allowing
	for _, namespace := range slices.Compact([]string{w.namespace, rootNamespace}) {
		found = append(found, p[namespace]...)
		for _, name := range slices.Sorted(maps.Keys(w.labels)) {
			for _, each := range p[namespace+"\x00"+name+"="+w.labels[name]] {
				if matchesAll(each.policy.Selector.MatchLabels, w.labels) {
					found = append(found, each)
				}
			}
		}
	}
	return found
}

func matchesAll(wanted, has map[string]string) bool {
	for name, value := range wanted {
		if given, ok := has[name]; !ok || given != value {
			return false
		}
	}
	return true
}

// caller is who sends requests: nobody knows where the namespace is empty. It then is outside the set, or, where the set may
// have it, outside the namespace that is called.
type caller struct {
	namespace, account string
	called             string
}

// lets reports whether a policy may let in a caller, whatever it asks for.
func (c *checker) lets(each *allowing, from caller) bool {
	for _, rule := range each.policy.Rules {
		if len(rule.From) == 0 {
			return true
		}
		for _, of := range rule.From {
			if of.Source == nil || c.isFrom(each.o, of.Source, from) {
				return true
			}
		}
	}
	return false
}

// isFrom reports whether a source may be a caller.
func (c *checker) isFrom(policy *object, source *policySource, from caller) bool {
	inside := func(namespace string) bool {
		if from.called != "" {
			return namespace == from.called
		}
		return c.namespaces[namespace] && !isSystemNamespace(namespace)
	}
	may := func(patterns []string, is func(pattern string) bool) bool {
		return len(patterns) == 0 || slices.ContainsFunc(patterns, is)
	}
	return may(source.Namespaces, func(pattern string) bool {
		if from.namespace == "" {
			return strings.Contains(pattern, "*") || !inside(pattern)
		}
		return glob(pattern, from.namespace)
	}) && may(source.Principals, func(pattern string) bool {
		_, rest, _ := strings.Cut(pattern, "/ns/")
		namespace, account, ok := strings.Cut(rest, "/sa/")
		if !ok || strings.Contains(rest, "*") {
			return from.namespace == "" || !ok || glob(rest, from.namespace+"/sa/"+from.account)
		}
		if from.namespace == "" {
			return !inside(namespace)
		}
		return namespace == from.namespace && account == from.account
	}) && may(source.ServiceAccounts, func(text string) bool {
		namespace, account, ok := strings.Cut(text, "/")
		if !ok {
			namespace, account = policy.namespace, text
		}
		if from.namespace == "" {
			return !inside(namespace)
		}
		return namespace == from.namespace && account == from.account
	})
}

// glob reports whether a text matches a pattern with a '*' at its beginning or end, as Istio has them.
func glob(pattern, text string) bool {
	if rest, ok := strings.CutSuffix(pattern, "*"); ok {
		return strings.HasPrefix(text, rest)
	}
	if rest, ok := strings.CutPrefix(pattern, "*"); ok {
		return strings.HasSuffix(text, rest)
	}
	return pattern == text
}

func checkShutGateways(c *checker, o *object) {
	if len(c.mesh.allows) == 0 {
		return
	}
	told := map[*object]bool{}
	ask := func(from []caller, namespace, name string) {
		service, _ := c.find("Service", namespace, name)
		if service == nil || service.service() == nil || len(service.service().Spec.Selector) == 0 {
			return
		}
		behind := c.selectSet(namespace, service.service().Spec.Selector).workloads
		for _, w := range behind[:min(len(behind), maxAsked)] {
			policies := c.mesh.allows.of(w)
			if len(policies) == 0 || told[policies[0].o] || slices.ContainsFunc(from, func(from caller) bool {
				return slices.ContainsFunc(policies, func(each *allowing) bool { return c.lets(each, from) })
			}) {
				continue
			}
			told[policies[0].o] = true
			c.report(policies[0].o, "spec.rules", "what "+o.String()+" in "+in(o.namespace)+" leads to "+w.String()+" is answered 403: no rule lets in its gateway", "add the namespace or account of the gateway's pods to a rule")
		}
	}
	switch o.kind {
	case "VirtualService":
		if v := c.mesh.virtualServices[o]; v != nil {
			if from := c.gatewayCallers(o, v); len(from) > 0 {
				c.eachDestination(o, func(_ string, d *destination) {
					if name, namespace, ok := c.domain.serviceOf(c.domain.fullHost(d.Host, o.namespace)); ok {
						ask(from, namespace, name)
					}
				})
			}
		}
	case "Ingress":
		eachBackend(o, func(_ string, backend networkingv1.IngressServiceBackend) {
			ask([]caller{{called: o.namespace}}, o.namespace, backend.Name)
		})
	default:
		var from []caller
		c.eachParent(o, func(_ *checker, _ *object, _ *anyRoute, _ string, ref parentRef, namespace string) {
			each := caller{called: o.namespace}
			if _, gateway := c.gatewayAPI(namespace, ref.Name); gateway != nil && gateway.Spec.GatewayClassName == "istio" {
				each = caller{namespace: namespace, account: ref.Name + "-istio"}
			}
			from = append(from, each)
		})
		if len(from) > 0 {
			eachRouteBackend(o, func(_ string, ref backendRef) {
				if ref.isService() {
					ask(from, ref.namespaceOr(o.namespace), ref.Name)
				}
			})
		}
	}
}

// maxAsked bounds the workloads of one selector that are looked at one by one.
const maxAsked = 20

// gatewayCallers are those whom the gateways of a VirtualService are to the pods. None where it is for the mesh as well, whose
// callers may be let in, or where a gateway is missing.
func (c *checker) gatewayCallers(o *object, v *virtualService) []caller {
	if inMesh(v) {
		return nil
	}
	var from []caller
	for _, name := range v.Gateways {
		gateway, state := c.istioGateway(o, name)
		if gateway == nil && state != missing {
			from = append(from, caller{})
			continue
		}
		if gateway == nil || c.mesh.gateways[gateway] == nil {
			return nil
		}
		pods := c.gatewayPods(c.mesh.gateways[gateway])
		for _, w := range pods {
			account := w.spec.ServiceAccountName
			if account == "" {
				account = "default"
			}
			from = append(from, caller{namespace: w.namespace, account: account})
		}
		if len(pods) == 0 {
			from = append(from, caller{})
		}
	}
	return from
}

// gatewayPods are the pods of a Gateway of Istio, wherever they are.
func (c *checker) gatewayPods(g *istioGateway) []*workload {
	var pods []*workload
	if len(g.Selector) == 0 {
		return nil
	}
	for _, namespace := range c.namespacesWith(g.Selector) {
		pods = append(pods, c.selectSet(namespace, g.Selector).workloads...)
	}
	return pods[:min(len(pods), maxAsked)]
}

func checkShutProbes(c *checker, w *workload) {
	if w.annotations["sidecar.istio.io/rewriteAppHTTPProbers"] != "false" {
		return
	}
	policies := c.mesh.allows.of(w)
	w.eachProbe(func(container containerAt, field string, probe *corev1.Probe) {
		port, where, ok := probePort(probe)
		if !ok {
			return
		}
		number := port.IntVal
		for _, of := range container.Ports {
			if of.Name == port.StrVal && port.StrVal != "" {
				number = of.ContainerPort
			}
		}
		if mode, by := c.mtlsOf(w, strconv.Itoa(int(number))); mode == "STRICT" {
			c.report(w.object, field+where, "the probe always fails: the kubelet has no mutual TLS, and "+by.String()+" wants it", "take the annotation sidecar.istio.io/rewriteAppHTTPProbers away")
			return
		}
		if probe.HTTPGet == nil || len(policies) == 0 || slices.ContainsFunc(policies, func(each *allowing) bool {
			return each.policy.letsProbe(number, probe.HTTPGet.Path)
		}) {
			return
		}
		c.report(w.object, field+where, "the probe is answered 403: no rule of "+policies[0].o.String()+" lets in a caller that is not known, with "+probe.HTTPGet.Path,
			"let in the path for all, or take the annotation sidecar.istio.io/rewriteAppHTTPProbers away")
	})
}

// letsProbe reports whether a policy may let in a GET of a path by nobody.
func (p *authorizationPolicy) letsProbe(port int32, path string) bool {
	has := func(patterns []string, text string) bool {
		return len(patterns) == 0 || slices.ContainsFunc(patterns, func(pattern string) bool { return glob(pattern, text) })
	}
	for _, rule := range p.Rules {
		if len(rule.When) > 0 || len(rule.From) > 0 && !slices.ContainsFunc(rule.From, func(from policyFrom) bool {
			return from.Source == nil || from.Source.isAnybody()
		}) {
			continue
		}
		if len(rule.To) == 0 || slices.ContainsFunc(rule.To, func(to policyTo) bool {
			operation := to.Operation
			return operation == nil || has(operation.Ports, strconv.Itoa(int(port))) && has(operation.Methods, "GET") && has(operation.Paths, path)
		}) {
			return true
		}
	}
	return false
}

// isAnybody reports whether a source may be a caller without an identity.
func (s *policySource) isAnybody() bool {
	return len(s.Principals)+len(s.Namespaces)+len(s.ServiceAccounts)+len(s.RequestPrincipals) == 0
}
