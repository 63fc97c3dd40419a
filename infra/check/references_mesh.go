package check

import (
	"maps"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/labels"
)

var meshExample = documents(webExample, serviceExample, destinationRuleExample, virtualServiceExample)

const peerAuthenticationExample = `apiVersion: security.istio.io/v1
kind: PeerAuthentication
metadata: {name: web}
spec:
  selector: {matchLabels: {app: web}}
  mtls: {mode: STRICT}
`

const frontVirtualService = `apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: front}
spec:
  hosts: [www.example.com]
  gateways: [front]
  http: [{route: [{destination: {host: web, port: {number: 80}}}]}]
`

var frontExample = documents(webExample, serviceExample, istioGatewayExample, frontVirtualService)

const delegateExample = `apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: front}
spec:
  hosts: [www.example.com]
  gateways: [front]
  http: [{match: [{uri: {prefix: /web}}], delegate: {name: web}}]
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: web}
spec:
  http: [{route: [{destination: {host: web, port: {number: 80}}}]}]
`

const externalExample = `apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: pay}
spec:
  hosts: [pay.example.com]
  http: [{timeout: 3s, route: [{destination: {host: pay.example.com}}]}]
---
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: pay}
spec:
  hosts: [pay.example.com]
  ports: [{number: 80, name: http, protocol: HTTP}]
  resolution: DNS
`

var istioPolicyKinds = []string{"PeerAuthentication", "RequestAuthentication", "AuthorizationPolicy", "Telemetry", "Sidecar", "EnvoyFilter", "WasmPlugin", "ProxyConfig", "TrafficExtension",
	"DestinationRule"}

var meshReferenceRules = []Rule{
	{
		Code: "KC140", Title: "a destination that is not there", Severity: Error, Kinds: []string{"VirtualService"},
		Doc: "Envoy has no cluster for the destination: the requests are answered 503. A name without a dot is that of a " +
			"Service in the namespace of the VirtualService.",
		Wrong: edited(meshExample, "destination: {host: web,", "destination: {host: wep,"),
		Right: meshExample,
		object: func(c *checker, o *object) {
			c.eachDestination(o, func(field string, d *destination) {
				c.hostExists(o, field+".host", d.Host, "the requests are answered 503")
				c.hostIsExported(o, field+".host", d.Host)
			})
		},
	},
	{
		Code: "KC141", Title: "a destination port that the Service does not have", Severity: Error, Kinds: []string{"VirtualService"},
		Doc: "The port of a destination is that of the Service, not of the pods. Without one it is that of the Service, " +
			"where the Service has one alone.",
		Wrong: edited(meshExample, "port: {number: 80}", "port: {number: 8080}"),
		Right: meshExample,
		object: func(c *checker, o *object) {
			c.eachDestination(o, func(field string, d *destination) {
				name, namespace, ok := c.domain.serviceOf(c.domain.fullHost(d.Host, o.namespace))
				if !ok {
					if entry := c.mesh.entryOf(d.Host, o.namespace); entry != nil && d.Port != nil {
						for _, port := range c.mesh.entries[entry].Ports {
							if port.Number == d.Port.Number {
								return
							}
						}
						c.report(o, field+".port.number", at("the requests are answered 503: %s has no port %d", entry, d.Port.Number), "use a port of the ServiceEntry")
					}
					return
				}
				service, _ := c.find("Service", namespace, name)
				if service == nil || service.service() == nil {
					return
				}
				if d.Port != nil && d.Port.Number != 0 && !hasPort(service.service(), int32(d.Port.Number)) {
					c.report(o, field+".port.number", at("the requests are answered 503: %s has no port %d", service, d.Port.Number), "use a port of the Service: "+servicePorts(service))
				}
			})
		},
	},
	{
		Code: "KC142", Title: "a subset that no DestinationRule has", Severity: Error, Kinds: []string{"VirtualService"},
		Doc:   "Envoy has no cluster for the subset: the requests are answered 503.",
		Wrong: edited(meshExample, "subset: v1}", "subset: ghost}"),
		Right: meshExample,
		object: func(c *checker, o *object) {
			c.eachDestination(o, func(field string, d *destination) {
				if d.Subset == "" {
					return
				}
				full := c.domain.fullHost(d.Host, o.namespace)
				rules := c.mesh.byHost[full]
				if rules == nil {
					rules = c.wildcardRules(full)
				}
				name, namespace, isService := c.domain.serviceOf(full)
				service := found
				if isService {
					if _, service = c.find("Service", namespace, name); service == missing {
						// The host is what is wrong.
						return
					}
				}
				switch {
				case rules == nil && isService && service == external:
					c.reportAs(Note, o, field+".subset", "the requests are answered 503, unless somebody else has a DestinationRule with subset "+d.Subset, "add a DestinationRule")
				case rules == nil:
					if c.options.assumes("DestinationRule", o.namespace, "*") {
						return
					}
					c.report(o, field+".subset", "the requests are answered 503: no DestinationRule is for host "+d.Host, "add a DestinationRule with subset "+d.Subset)
				case !rules.subsets[d.Subset]:
					c.report(o, field+".subset", "the requests are answered 503: no DestinationRule for "+d.Host+" has subset "+d.Subset, "use one of its subsets: "+listOf(rules.names))
				}
			})
		},
	},
	{
		Code: "KC143", Title: "a gateway that is not there", Severity: Error, Kinds: []string{"VirtualService"},
		Doc:   "No gateway takes the routes. A name without a slash is that of a Gateway in the namespace of the VirtualService.",
		Wrong: edited(frontExample, "gateways: [front]", "gateways: [frnt]"),
		Right: frontExample,
		object: func(c *checker, o *object) {
			v := c.mesh.virtualServices[o]
			if v == nil {
				return
			}
			for i, name := range v.Gateways {
				c.gatewayExists(o, at("spec.gateways[%d]", i), name)
			}
			for i, route := range v.HTTP {
				if route == nil {
					continue
				}
				for j, match := range route.Match {
					if match == nil {
						continue
					}
					for k, name := range match.Gateways {
						c.gatewayExists(o, at("spec.http[%d].match[%d].gateways[%d]", i, j, k), name)
					}
				}
			}
			v.eachL4(func(field string, route *l4Route) {
				for i, match := range route.Match {
					for j, name := range match.Gateways {
						c.gatewayExists(o, at("%s.match[%d].gateways[%d]", field, i, j), name)
					}
				}
			})
		},
	},
	{
		Code: "KC144", Title: "a delegate that is not there", Severity: Error, Kinds: []string{"VirtualService"},
		Doc:   "The routes of a delegate come from another VirtualService, which has no hosts. Without it the requests are answered 404.",
		Wrong: documents(webExample, serviceExample, istioGatewayExample, edited(delegateExample, "delegate: {name: web}", "delegate: {name: wep}")),
		Right: documents(webExample, serviceExample, istioGatewayExample, delegateExample),
		object: func(c *checker, o *object) {
			v := c.mesh.virtualServices[o]
			if v == nil {
				return
			}
			for i, route := range v.HTTP {
				if route == nil || route.Delegate == nil {
					continue
				}
				namespace := route.Delegate.Namespace
				if namespace == "" {
					namespace = o.namespace
				}
				other, state := c.find("VirtualService", namespace, route.Delegate.Name)
				if state != found {
					c.missing(o, at("spec.http[%d].delegate.name", i), state, "the requests are answered 404: "+in(namespace)+" has no VirtualService "+route.Delegate.Name, "name the VirtualService with the routes")
				} else if other != nil && c.mesh.virtualServices[other] != nil && len(c.mesh.virtualServices[other].Hosts) > 0 {
					c.report(o, at("spec.http[%d].delegate.name", i), "the requests are answered 404: "+other.String()+" has hosts, so it is no delegate", "take its hosts away, or name another one")
				}
			}
		},
	},
	{
		Code: "KC145", Title: "a DestinationRule for a host that is not there", Severity: Error, Kinds: []string{"DestinationRule"},
		Doc:   "The rule is for nobody: its subsets and its traffic policy take no effect.",
		Wrong: documents(webExample, serviceExample, edited(destinationRuleExample, "host: web", "host: wep")),
		Right: documents(webExample, serviceExample, destinationRuleExample),
		object: func(c *checker, o *object) {
			if r := c.mesh.rules[o]; r != nil && r.Host != "" {
				c.hostExists(o, "spec.host", r.Host, "the rule takes no effect")
			}
		},
	},
	{
		Code: "KC146", Title: "a subset that no pod matches", Severity: Error, Kinds: []string{"DestinationRule"},
		Doc:    "The subset has no endpoints: what is sent to it is answered 503. Its labels are those of pods behind the Service.",
		Wrong:  documents(webExample, serviceExample, edited(destinationRuleExample, "labels: {app: web}", "labels: {version: v1}")),
		Right:  documents(webExample, serviceExample, destinationRuleExample),
		object: checkSubsets,
	},
	{
		Code: "KC147", Title: "a Gateway that no pod serves", Severity: Error, Kinds: []string{"Gateway"},
		Doc: "A Gateway of Istio is served by the pods that its selector matches. Those usually stand in a namespace of their " +
			"own, such as istio-ingress, so names that gateways usually have are taken for granted.",
		Wrong: documents(webExample, edited(istioGatewayExample, "{istio: ingressgateway}", "{app: wep}")),
		Right: documents(webExample, istioGatewayExample),
		object: func(c *checker, o *object) {
			g := c.mesh.gateways[o]
			if g == nil || len(g.Selector) == 0 || isGatewaySelector(g.Selector) {
				return
			}
			for _, namespace := range c.namespacesWith(g.Selector) {
				if len(c.selectSet(namespace, g.Selector).workloads) > 0 {
					return
				}
			}
			state := c.nobody(o.namespace)
			if len(c.workloads) == 0 {
				state = external
			}
			c.missing(o, "spec.selector", state, "nobody serves the hosts: no pod has the labels "+labels.Set(g.Selector).String(), "select the pods of the gateway, usually istio: ingressgateway")
		},
	},
	{
		Code: "KC148", Title: "hosts that the gateway does not serve", Severity: Error, Kinds: []string{"VirtualService"},
		Doc:    "A gateway takes the routes of hosts that one of its servers has. For others it answers 404.",
		Wrong:  edited(frontExample, "hosts: [www.example.com]", "hosts: [www.example.org]"),
		Right:  frontExample,
		object: checkGatewayHosts,
	},
	{
		Code: "KC149", Title: "a policy of the mesh that selects no pod", Severity: Error, Kinds: istioPolicyKinds,
		Doc:   "The policy is for nobody. Where it was to protect something, that is open.",
		Wrong: documents(webExample, edited(peerAuthenticationExample, "{app: web}", "{app: wep}")),
		Right: documents(webExample, peerAuthenticationExample),
		object: func(c *checker, o *object) {
			s := spec[selecting](o)
			if s == nil || isSystemNamespace(o.namespace) {
				return
			}
			wanted, field := s.selectorLabels()
			if wanted == nil || isGatewaySelector(wanted) || len(c.selectSet(o.namespace, wanted).workloads) > 0 {
				return
			}
			c.missing(o, field, c.nobodyBut(o.namespace, wanted), "it takes no effect: no pod in "+in(o.namespace)+" has the labels "+labels.Set(wanted).String()+c.closest(o.namespace, wanted), "select labels that the pods have")
		},
	},
	{
		Code: "KC150", Title: "a host outside the cluster that the mesh does not know", Severity: Warning, Kinds: []string{"VirtualService"},
		Doc: "Envoy has clusters for Services and for the hosts of ServiceEntries. To another destination it answers 503, " +
			"even where the mesh lets traffic to unknown hosts pass.",
		Wrong: edited(externalExample, "destination: {host: pay.example.com}", "destination: {host: pays.example.com}"),
		Right: externalExample,
		object: func(c *checker, o *object) {
			c.eachDestination(o, func(field string, d *destination) {
				full := c.domain.fullHost(d.Host, o.namespace)
				if _, _, ok := c.domain.serviceOf(full); ok || full == "" || strings.HasPrefix(full, "*") || strings.HasSuffix(full, string(c.domain)) || c.mesh.entryOf(full, o.namespace) != nil ||
					strings.HasSuffix(full, ".global") || strings.HasSuffix(full, ".clusterset.local") {
					return
				}
				if name, namespace, _ := strings.Cut(strings.TrimSuffix(full, ".svc"), "."); c.byKey[key{"Service", namespace, name}] != nil {
					c.report(o, field+".host", "the requests are answered 503: Istio does not complete "+d.Host, "write "+name+"."+namespace+string(c.domain))
					return
				}
				c.report(o, field+".host", "the requests are answered 503: no ServiceEntry has the host "+d.Host, "add a ServiceEntry")
			})
		},
	},
	{
		Code: "KC151", Title: "a gateway's certificate that it cannot read", Severity: Error, Kinds: []string{"Gateway"},
		Doc: "A gateway of Istio reads the Secret of credentialName in the namespace of its own pods, not in that of the " +
			"Gateway. Where it is not there, the port is closed.",
		Wrong:  documents(edited(credentialGateway, "{name: front}", "{name: front, namespace: shop}"), edited(credentialExample, "{name: www}", "{name: www, namespace: shop}"), gatewayPods),
		Right:  documents(edited(credentialGateway, "{name: front}", "{name: front, namespace: shop}"), edited(credentialExample, "{name: www}", "{name: www, namespace: front}"), gatewayPods),
		object: checkCredentials,
	},
	{
		Code: "KC153", Title: "a gateway's port that its Service does not have", Severity: Error, Kinds: []string{"Gateway"},
		Doc: "The pods of the gateway are in the set, and none of the Services before them leads to the port of the server: no " +
			"request reaches it. The port of a server is that of the pods.",
		Wrong:  edited(servedGateway, "number: 8080", "number: 8443"),
		Right:  servedGateway,
		object: checkGatewayPorts,
	},
	{
		Code: "KC160", Title: "routes of the mesh for a host that is not there", Severity: Warning, Kinds: []string{"VirtualService"},
		Doc: "In the mesh, routes are for what is sent to the host of a Service or ServiceEntry. Where there is none of the name, nobody sends " +
			"anything to it: the routes take no effect, and those of the Service that was meant are the default ones.",
		Wrong: edited(meshExample, "hosts: [web]", "hosts: [wep]"),
		Right: meshExample,
		object: func(c *checker, o *object) {
			v := c.mesh.virtualServices[o]
			if v == nil || !inMesh(v) || slices.ContainsFunc(v.Gateways, func(name string) bool { return name != meshGateway }) {
				// A host of a gateway is anything that clients send.
				return
			}
			sent := map[string]bool{}
			c.eachDestination(o, func(_ string, d *destination) { sent[c.domain.fullHost(d.Host, o.namespace)] = true })
			for i, host := range v.Hosts {
				// A destination that is not there says so itself.
				if !sent[c.domain.fullHost(host, o.namespace)] {
					c.hostExists(o, at("spec.hosts[%d]", i), host, "the routes take no effect")
				}
			}
		},
	},
	{
		Code: "KC161", Title: "a traffic policy for a port that the Service does not have", Severity: Error, Kinds: []string{"DestinationRule"},
		Doc:   "The ports of portLevelSettings are those of the Service. Settings for another one take no effect.",
		Wrong: documents(webExample, serviceExample, edited(portRule, "number: 80}", "number: 8080}")),
		Right: documents(webExample, serviceExample, portRule),
		object: func(c *checker, o *object) {
			r := c.mesh.rules[o]
			if r == nil {
				return
			}
			name, namespace, ok := c.domain.serviceOf(c.domain.fullHost(r.Host, o.namespace))
			service, _ := c.find("Service", namespace, name)
			if !ok || service == nil || service.service() == nil {
				return
			}
			ask := func(field string, policy *trafficPolicy) {
				if policy == nil {
					return
				}
				for i, settings := range policy.PortLevelSettings {
					if settings.Port != nil && settings.Port.Number != 0 && !hasPort(service.service(), int32(settings.Port.Number)) {
						c.report(o, at("%s.portLevelSettings[%d].port.number", field, i), at("the settings take no effect: %s has no port %d", service, settings.Port.Number), "use a port of the Service: "+servicePorts(service))
					}
				}
			}
			ask("spec.trafficPolicy", r.TrafficPolicy)
			for i, subset := range r.Subsets {
				ask(at("spec.subsets[%d].trafficPolicy", i), subset.TrafficPolicy)
			}
		},
	},
	{
		Code: "KC163", Title: "a policy for callers that are not there", Severity: Error, Kinds: []string{"AuthorizationPolicy"},
		Doc:    "A principal is the ServiceAccount of the callers, as TRUST-DOMAIN/ns/NAMESPACE/sa/NAME. A rule for one that does not exist lets in, or keeps out, nobody.",
		Wrong:  documents(webExample, edited(principalPolicy, "sa/caller]", "sa/callers]"), callerAccount),
		Right:  documents(webExample, principalPolicy, callerAccount),
		object: checkPrincipals,
	},
	{
		Code: "KC164", Title: "a Sidecar that lets out to what is not there", Severity: Error, Kinds: []string{"Sidecar"},
		Doc: "The hosts of a Sidecar are NAMESPACE/HOST: with '.' for its own namespace and the full name of a Service. What is not among them " +
			"the pods cannot reach by the mesh. A host that does not exist nearly always is another one misspelt.",
		Wrong:  documents(webExample, serviceExample, edited(callingSidecar, "/web.shop", "/wep.shop"), inShop),
		Right:  documents(webExample, serviceExample, callingSidecar, inShop),
		object: checkEgressHosts,
	},
	{
		Code: "KC169", Title: "a route by a claim of tokens that nobody reads", Severity: Error, Kinds: []string{"VirtualService"},
		Doc: "The header @request.auth.claims is what a RequestAuthentication for the gateway's pods has read of a token. Without one the route " +
			"never matches.",
		Wrong:  documents(claimGateway, claimRoute),
		Right:  documents(claimGateway, claimRoute, gatewayTokens),
		object: checkClaims,
	},
	{
		Code: "KC152", Title: "a policy for a target that is not there", Severity: Error, Kinds: istioPolicyKinds,
		Doc:   "The policy is attached to nothing, and takes no effect.",
		Wrong: documents(gatewayExample, edited(targetPolicy, "name: front}]", "name: frnt}]")),
		Right: documents(gatewayExample, targetPolicy),
		object: func(c *checker, o *object) {
			s := spec[selecting](o)
			if s == nil {
				return
			}
			for i, ref := range s.TargetRefs {
				if ref.Kind != "Gateway" && ref.Kind != "Service" && ref.Kind != "ServiceEntry" {
					continue
				}
				namespace := ref.Namespace
				if namespace == "" {
					namespace = o.namespace
				}
				if _, state := c.find(ref.Kind, namespace, ref.Name); state != found {
					c.missing(o, at("spec.targetRefs[%d].name", i), state, "it takes no effect: "+in(namespace)+" has no "+ref.Kind+" "+ref.Name, "name a target that exists")
				}
			}
		},
	},
}

var portRule = edited(destinationRuleExample, "  subsets", "  trafficPolicy: {portLevelSettings: [{port: {number: 80}, loadBalancer: {simple: RANDOM}}]}\n  subsets")

const principalPolicy = `apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: {name: web, namespace: shop}
spec:
  action: ALLOW
  rules: [{from: [{source: {principals: [cluster.local/ns/shop/sa/caller]}}]}]
`

const callerAccount = `apiVersion: v1
kind: ServiceAccount
metadata: {name: caller, namespace: shop}
`

const callingSidecar = `apiVersion: networking.istio.io/v1
kind: Sidecar
metadata: {name: default, namespace: shop}
spec:
  egress: [{hosts: [./web.shop.svc.cluster.local, istio-system/*]}]
`

// inShop makes shop the namespace of those beside it.
const inShop = "apiVersion: v1\nkind: ServiceAccount\nmetadata: {name: web, namespace: shop}\n"

var claimGateway = documents(webExample, serviceExample, edited(istioGatewayExample, "{istio: ingressgateway}", "{app: front}"),
	edited(webExample, "metadata: {name: web}", "metadata: {name: front}", "app: web", "app: front"))

const claimRoute = `apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: web}
spec:
  hosts: [www.example.com]
  gateways: [front]
  http:
    - match: [{headers: {"@request.auth.claims.groups": {exact: admin}}}]
      route: [{destination: {host: web}}]
`

const gatewayTokens = `apiVersion: security.istio.io/v1
kind: RequestAuthentication
metadata: {name: front}
spec:
  selector: {matchLabels: {app: front}}
  jwtRules: [{issuer: "https://id.example.com"}]
`

var servedGateway = documents(edited(istioGatewayExample, "{istio: ingressgateway}", "{app: web}", "number: 80", "number: 8080"), webExample,
	edited(serviceExample, "targetPort: http", "targetPort: 8080"))

const targetPolicy = `apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: {name: front}
spec:
  targetRefs: [{group: gateway.networking.k8s.io, kind: Gateway, name: front}]
  action: DENY
  rules: [{to: [{operation: {paths: [/admin]}}]}]
`

const credentialGateway = `apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {name: front}
spec:
  selector: {app: front}
  servers:
    - port: {number: 443, name: https, protocol: HTTPS}
      hosts: ["www.example.com"]
      tls: {mode: SIMPLE, credentialName: www}
`

const credentialExample = `apiVersion: v1
kind: Secret
metadata: {name: www}
data: {}
`

var gatewayPods = edited(webExample, "metadata: {name: web}", "metadata: {name: front, namespace: front}", "app: web", "app: front")

// eachDestination calls look for each destination of a VirtualService.
func (c *checker) eachDestination(o *object, look func(field string, d *destination)) {
	v := c.mesh.virtualServices[o]
	if v == nil {
		return
	}
	for i, route := range v.HTTP {
		if route == nil {
			continue
		}
		for j, to := range route.Route {
			if to.Destination != nil {
				look(at("spec.http[%d].route[%d].destination", i, j), to.Destination)
			}
		}
		if route.Mirror != nil {
			look(at("spec.http[%d].mirror", i), route.Mirror)
		}
		for j, to := range route.Mirrors {
			if to.Destination != nil {
				look(at("spec.http[%d].mirrors[%d].destination", i, j), to.Destination)
			}
		}
	}
	v.eachL4(func(field string, route *l4Route) {
		for i, to := range route.Route {
			if to.Destination != nil {
				look(at("%s.route[%d].destination", field, i), to.Destination)
			}
		}
	})
}

// eachL4 calls look for each route of TCP and TLS.
func (v *virtualService) eachL4(look func(field string, route *l4Route)) {
	for i, route := range v.TCP {
		if route != nil {
			look(at("spec.tcp[%d]", i), route)
		}
	}
	for i, route := range v.TLS {
		if route != nil {
			look(at("spec.tls[%d]", i), route)
		}
	}
}

func checkPrincipals(c *checker, o *object) {
	p := spec[authorizationPolicy](o)
	if p == nil {
		return
	}
	ask := func(field, namespace, name string) {
		if name == "" || strings.Contains(namespace+name, "*") {
			return
		}
		_, state := c.find("ServiceAccount", namespace, name)
		if state == missing && len(c.workloads[namespace]) == 0 && len(c.named[key{kind: "ServiceAccount", name: name}]) == 0 {
			// A set of policies alone is for the accounts of another one.
			state = external
		}
		if state != found {
			c.missing(o, field, state, "the rule is for nobody: "+in(namespace)+" has no ServiceAccount "+name+c.elsewhere("ServiceAccount", namespace, name), "name the ServiceAccount of the callers")
		}
	}
	for i, rule := range p.Rules {
		for j, from := range rule.From {
			if from.Source == nil {
				continue
			}
			for k, principal := range from.Source.Principals {
				_, rest, _ := strings.Cut(principal, "/ns/")
				namespace, name, _ := strings.Cut(rest, "/sa/")
				ask(at("spec.rules[%d].from[%d].source.principals[%d]", i, j, k), namespace, name)
			}
			for k, account := range from.Source.ServiceAccounts {
				namespace, name, ok := strings.Cut(account, "/")
				if !ok {
					namespace, name = o.namespace, account
				}
				ask(at("spec.rules[%d].from[%d].source.serviceAccounts[%d]", i, j, k), namespace, name)
			}
		}
	}
}

func checkEgressHosts(c *checker, o *object) {
	s := spec[sidecar](o)
	if s == nil {
		return
	}
	for i, egress := range s.Egress {
		for j, text := range egress.Hosts {
			field := at("spec.egress[%d].hosts[%d]", i, j)
			namespace, host, ok := strings.Cut(text, "/")
			if !ok || namespace == "~" || strings.Contains(host, "*") {
				continue
			}
			if namespace == "." {
				namespace = o.namespace
			}
			_, of, ok := c.domain.serviceOf(host)
			switch {
			case !ok && c.mesh.entryOf(host, o.namespace) == nil && !strings.Contains(host, "."):
				c.report(o, field, "the pods cannot reach it: "+host+" is no full name", "write NAMESPACE/NAME.NAMESPACE"+string(c.domain))
			case !ok:
			case namespace != "*" && namespace != of:
				c.report(o, field, "the pods cannot reach it: the host is in "+in(of)+", and "+in(namespace)+" is asked for it", "write "+of+"/"+host)
			default:
				c.hostExists(o, field, host, "nothing is let out by it")
			}
		}
	}
}

// claimHeader begins the names that stand for claims of a token in place of headers.
const claimHeader = "@request.auth.claims"

func checkClaims(c *checker, o *object) {
	v := c.mesh.virtualServices[o]
	if v == nil {
		return
	}
	for i, route := range v.HTTP {
		if route == nil {
			continue
		}
		for j, match := range route.Match {
			if match == nil {
				continue
			}
			for _, headers := range []struct {
				field string
				names map[string]*stringMatch
			}{{"headers", match.Headers}, {"withoutHeaders", match.WithoutHeaders}} {
				for _, name := range slices.Sorted(maps.Keys(headers.names)) {
					if !strings.HasPrefix(strings.ToLower(name), claimHeader) {
						continue
					}
					if gateway := c.withoutTokens(o, v); gateway != nil {
						c.report(o, at("spec.http[%d].match[%d].%s[%s]", i, j, headers.field, name), "the route never matches: no RequestAuthentication is for the pods of "+gateway.String(), "add one with the issuer of the tokens")
						return
					}
				}
			}
		}
	}
}

// withoutTokens is a gateway of a VirtualService whose pods, in the set, read no tokens. Nil where there is none.
func (c *checker) withoutTokens(o *object, v *virtualService) *object {
	for _, name := range v.Gateways {
		gateway, _ := c.istioGateway(o, name)
		if gateway == nil || c.mesh.gateways[gateway] == nil {
			continue
		}
		for _, w := range c.gatewayPods(c.mesh.gateways[gateway]) {
			reads := slices.ContainsFunc(c.byKind["RequestAuthentication"], func(tokens *object) bool {
				if tokens.namespace != w.namespace && tokens.namespace != rootNamespace {
					return false
				}
				s := spec[selecting](tokens)
				if s == nil || s.TargetRef != nil || len(s.TargetRefs) > 0 {
					return true
				}
				wanted, _ := s.selectorLabels()
				return matchesAll(wanted, w.labels)
			})
			if !reads {
				return gateway
			}
		}
	}
	return nil
}

// hostExists reports a host that is that of a Service which is not there.
func (c *checker) hostExists(o *object, field, host, message string) {
	full := c.domain.fullHost(host, o.namespace)
	if c.mesh.entryOf(full, o.namespace) != nil {
		return
	}
	name, namespace, ok := c.domain.serviceOf(full)
	if !ok {
		return
	}
	if _, state := c.find("Service", namespace, name); state != found {
		c.missing(o, field, state, message+": "+in(namespace)+" has no Service "+name+c.elsewhere("Service", namespace, name), "name a Service that exists, or NAME.NAMESPACE"+string(c.domain))
	}
}

// hostIsExported reports a Service that is not exported to the namespaces in which a VirtualService of the mesh applies. At a
// gateway the namespace of its pods is what counts.
func (c *checker) hostIsExported(o *object, field, host string) {
	v := c.mesh.virtualServices[o]
	name, namespace, ok := c.domain.serviceOf(c.domain.fullHost(host, o.namespace))
	service, _ := c.find("Service", namespace, name)
	if !ok || service == nil || service.annotations[exportAnnotation] == "" || slices.ContainsFunc(v.Gateways, func(name string) bool { return name != meshGateway }) {
		return
	}
	exportTo := strings.FieldsFunc(service.annotations[exportAnnotation], func(r rune) bool { return r == ',' || r == ' ' })
	applies := v.ExportTo
	if len(applies) == 0 || slices.Contains(applies, "*") {
		applies = []string{o.namespace}
	}
	for _, in := range applies {
		if in == "." {
			in = o.namespace
		}
		if !isExportedTo(exportTo, namespace, in) {
			c.report(o, field, "the requests of namespace "+in+" are answered 503: "+service.String()+" is not exported to it", "name the namespace in "+exportAnnotation+" of the Service")
			return
		}
	}
}

const exportAnnotation = "networking.istio.io/exportTo"

// wildcardRules are the DestinationRules for hosts like *.example.com that match a host.
func (c *checker) wildcardRules(host string) *destinationHost {
	for i := range host {
		if host[i] == '.' {
			if rules := c.mesh.byHost["*"+host[i:]]; rules != nil {
				return rules
			}
		}
	}
	return c.mesh.byHost["*"]
}

const meshGateway = "mesh"

// istioGateway finds the Gateway that a VirtualService names.
func (c *checker) istioGateway(o *object, name string) (*object, lookup) {
	namespace := o.namespace
	if before, after, ok := strings.Cut(name, "/"); ok {
		namespace, name = before, after
		if namespace == "." {
			namespace = o.namespace
		}
	}
	for _, gateway := range c.byKey[key{"Gateway", namespace, name}] {
		if gateway.group == istioNetworking {
			return gateway, found
		}
	}
	if c.options.assumes("Gateway", namespace, name) {
		return nil, found
	}
	return nil, c.absentGateway(namespace, name)
}

// absentGateway is absent for Gateways: a set of routes alone is for the Gateways of another one.
func (s *index) absentGateway(namespace, name string) lookup {
	state := s.absent(namespace, name)
	if state == missing && !s.serves[namespace] && len(s.byKind["Gateway"]) == 0 {
		return external
	}
	return state
}

func (c *checker) gatewayExists(o *object, field, name string) {
	if name == meshGateway || name == "" {
		return
	}
	if _, state := c.istioGateway(o, name); state != found {
		short := name[strings.LastIndex(name, "/")+1:]
		c.missing(o, field, state, "no gateway takes these routes: there is no Gateway "+name+c.elsewhere("Gateway", o.namespace, short), "name a Gateway, as NAMESPACE/NAME where it stands in another namespace")
	}
}

func checkSubsets(c *checker, o *object) {
	r := c.mesh.rules[o]
	if r == nil {
		return
	}
	full := c.domain.fullHost(r.Host, o.namespace)
	name, namespace, ok := c.domain.serviceOf(full)
	if !ok {
		return
	}
	service, _ := c.find("Service", namespace, name)
	if service == nil || service.service() == nil || len(service.service().Spec.Selector) == 0 || c.mesh.entryOf(full, o.namespace) != nil {
		return
	}
	behind := c.selectSet(namespace, service.service().Spec.Selector)
	if len(behind.workloads) == 0 {
		return
	}
	for i, subset := range r.Subsets {
		if len(subset.Labels) == 0 {
			continue
		}
		merged := maps.Clone(service.service().Spec.Selector)
		contradiction := false
		for label, value := range subset.Labels {
			if has, ok := merged[label]; ok && has != value {
				contradiction = true
			}
			merged[label] = value
		}
		if !contradiction && (len(c.selectSet(namespace, merged).workloads) > 0 || c.hasOtherEndpoints(service, service.service())) {
			continue
		}
		if state := c.nobody(namespace); state != missing {
			c.missing(o, at("spec.subsets[%d].labels", i), state, "what is sent to subset "+subset.Name+" is answered 503: no pod has its labels", "select labels that the pods have")
			continue
		}
		c.report(o, at("spec.subsets[%d].labels", i), "what is sent to subset "+subset.Name+" is answered 503: no pod behind "+service.String()+" has the labels "+
			labels.Set(subset.Labels).String(), "select labels that pods behind the Service have")
	}
}

func checkGatewayHosts(c *checker, o *object) {
	v := c.mesh.virtualServices[o]
	if v == nil || len(v.Gateways) == 0 {
		return
	}
	all := true
	for i, host := range v.Hosts {
		served, asked := false, 0
		for _, name := range v.Gateways {
			if name == meshGateway {
				served = true
				continue
			}
			gateway, _ := c.istioGateway(o, name)
			if gateway == nil {
				served = true
				continue
			}
			g := c.mesh.gateways[gateway]
			if g == nil {
				served = true
				continue
			}
			asked++
			served = served || c.servesHost(gateway, o, host)
		}
		if !served && asked > 0 {
			c.report(o, at("spec.hosts[%d]", i), "the gateway answers 404: none of its servers has host "+host, "use a host of the gateway's servers, or add it there")
		}
		all = all && served
	}
	if !all || len(v.Gateways) < 2 {
		return
	}
	for i, name := range v.Gateways {
		if gateway, _ := c.istioGateway(o, name); gateway != nil && c.mesh.gateways[gateway] != nil &&
			!slices.ContainsFunc(v.Hosts, func(host string) bool { return c.servesHost(gateway, o, host) }) {
			c.reportAs(Warning, o, at("spec.gateways[%d]", i), "no request follows the routes from there: no server of "+gateway.String()+" has one of the hosts", "leave the gateway out, or add the host there")
		}
	}
}

// servesHost reports whether one of the servers of a gateway has a host of a VirtualService.
func (c *checker) servesHost(gateway, o *object, host string) bool {
	for _, server := range c.mesh.gateways[gateway].Servers {
		for _, serverHost := range server.Hosts {
			scope, bare, ok := strings.Cut(serverHost, "/")
			if !ok {
				scope, bare = "*", serverHost
			}
			if scope == "." {
				scope = gateway.namespace
			}
			if (scope == "*" || scope == o.namespace) && (hostsMeet(bare, c.domain.fullHost(host, o.namespace)) || hostsMeet(bare, host)) {
				return true
			}
		}
	}
	return false
}

func checkGatewayPorts(c *checker, o *object) {
	g := c.mesh.gateways[o]
	if g == nil || len(g.Selector) == 0 {
		return
	}
	open, asked := map[int32]bool{}, false
	for _, namespace := range c.namespacesWith(g.Selector) {
		selected := c.selectSet(namespace, g.Selector)
		for _, w := range selected.workloads[:min(len(selected.workloads), 20)] {
			if w.partial {
				return
			}
			for _, service := range c.servicesOf(namespace, w) {
				asked = true
				for _, port := range service.service().Spec.Ports {
					switch {
					case port.TargetPort.StrVal != "":
						for _, number := range selected.ports.byName[port.TargetPort.StrVal] {
							open[number] = true
						}
					case port.TargetPort.IntVal != 0:
						open[port.TargetPort.IntVal] = true
					default:
						open[port.Port] = true
					}
					// Istio translates the port of the Service, too.
					open[port.Port] = true
				}
			}
		}
	}
	if !asked {
		return
	}
	for i, server := range g.Servers {
		if server.Port != nil && server.Port.Number != 0 && !open[int32(server.Port.Number)] {
			c.report(o, at("spec.servers[%d].port.number", i), at("no request reaches it: no Service before the gateway's pods has port %d", server.Port.Number), "add the port to the Service, or use one that it has")
		}
	}
}

func checkCredentials(c *checker, o *object) {
	g := c.mesh.gateways[o]
	if g == nil || len(g.Selector) == 0 {
		return
	}
	var namespaces []string
	for _, namespace := range c.namespacesWith(g.Selector) {
		if len(c.selectSet(namespace, g.Selector).workloads) > 0 {
			namespaces = append(namespaces, namespace)
		}
	}
	for i, server := range g.Servers {
		if server.TLS == nil || server.TLS.CredentialName == "" || strings.Contains(server.TLS.CredentialName, "://") {
			continue
		}
		name, field := server.TLS.CredentialName, at("spec.servers[%d].tls.credentialName", i)
		for _, namespace := range namespaces {
			if _, state := c.find("Secret", namespace, name); state != found {
				c.missing(o, field, state, "port 443 has no certificate: "+in(namespace)+", where the gateway's pods are, has no Secret "+name+
					c.elsewhere("Secret", namespace, name), "put the Secret there")
			}
		}
		if len(namespaces) > 0 {
			continue
		}
		if secret := c.byKey[key{"Secret", o.namespace, name}]; secret != nil && isGatewaySelector(g.Selector) && !isSystemNamespace(o.namespace) &&
			(o.written != "" || len(c.workloads[o.namespace]) > 0) {
			c.report(o, field, "the gateway cannot read the certificate: Secret "+name+" is in "+in(o.namespace)+", and it reads that of the namespace of its pods, usually istio-system",
				"put the Secret into the namespace of the gateway's pods")
		}
	}
}
