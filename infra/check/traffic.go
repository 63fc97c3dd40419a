package check

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	"k8s.io/apimachinery/pkg/util/validation"
)

var orderedRoutes = documents(webExample, serviceExample, `apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: web}
spec:
  hosts: [web]
  http:
    - match: [{uri: {prefix: /api}}]
      route: [{destination: {host: web}}]
    - match: [{uri: {prefix: /}}]
      timeout: 3s
      route: [{destination: {host: web}}]
`)

var weightedRoutes = documents(webExample, serviceExample, edited(destinationRuleExample, "{name: v1, labels: {app: web}}", "{name: v1, labels: {app: web}}, {name: v2, labels: {app: web}}"),
	`apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: web}
spec:
  hosts: [web]
  http:
    - route:
        - {destination: {host: web, subset: v1}, weight: 90}
        - {destination: {host: web, subset: v2}, weight: 10}
`)

var retriedRoute = documents(webExample, serviceExample, `apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: web}
spec:
  hosts: [web]
  http:
    - timeout: 10s
      retries: {attempts: 3, perTryTimeout: 2s}
      route: [{destination: {host: web}}]
`)

const namespaceExample = `apiVersion: v1
kind: Namespace
metadata: {name: shop, labels: {istio-injection: enabled}}
`

const externalEntry = `apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: files}
spec:
  hosts: [files.example.net]
  addresses: [192.0.2.0/24]
  ports: [{number: 2049, name: nfs, protocol: TCP}]
  resolution: NONE
`

const tlsGateway = `apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {name: front}
spec:
  selector: {istio: ingressgateway}
  servers:
    - port: {number: 443, name: https, protocol: HTTPS}
      hosts: ["www.example.com"]
      tls: {mode: SIMPLE, credentialName: www}
`

const envoyFilterExample = `apiVersion: networking.istio.io/v1alpha3
kind: EnvoyFilter
metadata: {name: idle}
spec:
  configPatches:
    - applyTo: CLUSTER
      match: {context: SIDECAR_OUTBOUND}
      patch: {operation: MERGE, value: {connect_timeout: 2s}}
`

const sniExample = `apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: files}
spec:
  hosts: [files.example.net]
  tls:
    - match: [{port: 443, sniHosts: [files.example.net]}]
      route: [{destination: {host: files.example.net}}]
---
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: files}
spec:
  hosts: [files.example.net]
  ports: [{number: 443, name: tls, protocol: TLS}]
  resolution: DNS
`

var trafficRules = []Rule{
	{
		Code: "KC201", Title: "a route that an earlier one shadows", Severity: Error, Kinds: []string{"VirtualService"},
		Doc:    "Routes are tried in their order, and the first that matches takes the request. What an earlier route matches as a whole is never reached.",
		Wrong:  edited(orderedRoutes, "prefix: /api}", "prefix: /}", "prefix: /}", "prefix: /api}"),
		Right:  orderedRoutes,
		object: checkShadows,
	},
	{
		Code: "KC202", Title: "two Ingresses with one host and path", Severity: Error,
		Doc:   "Two Ingresses of one class that have one host and path: which of them answers depends on their age, or one is refused.",
		Wrong: documents(webExample, serviceExample, ingressExample, edited(ingressExample, "metadata: {name: web}", "metadata: {name: web-2}")),
		Right: documents(webExample, serviceExample, ingressExample, edited(ingressExample, "metadata: {name: web}", "metadata: {name: web-2}", "path: /,", "path: /api,")),
		set:   checkIngressPaths,
	},
	{
		Code: "KC203", Title: "weights that sum to nothing", Severity: Error, Kinds: append([]string{"VirtualService"}, routeKinds...),
		Doc:    "Where all weights of a route are 0, no destination gets the requests: Istio refuses the route, a Gateway answers 500.",
		Wrong:  edited(weightedRoutes, "weight: 90", "weight: 0", "weight: 10", "weight: 0"),
		Right:  weightedRoutes,
		object: checkWeights,
	},
	{
		Code: "KC204", Title: "two VirtualServices for one host in the mesh", Severity: Error,
		Doc:   "In the mesh one VirtualService is for a host: of two, the older one counts, and the routes of the other take no effect.",
		Wrong: documents(meshExample, edited(virtualServiceExample, "metadata: {name: web}", "metadata: {name: web-2}")),
		Right: meshExample,
		set:   checkMeshHosts,
	},
	{
		Code: "KC205", Title: "two Gateways for one host and port", Severity: Error,
		Doc:   "Two Gateways of Istio on the same pods that have one host on one port: one of them counts.",
		Wrong: documents(istioGatewayExample, edited(istioGatewayExample, "{name: front}", "{name: front-2}")),
		Right: documents(istioGatewayExample, edited(istioGatewayExample, "{name: front}", "{name: front-2}", "www.example.com", "api.example.com")),
		set:   checkGatewayOverlap,
	},
	{
		Code: "KC206", Title: "HTTP routes for a port that is not HTTP", Severity: Error, Kinds: []string{"VirtualService"},
		Doc: "Istio reads the protocol of a port from its appProtocol, or from its name up to the first '-'. For a port that " +
			"says TCP, or another protocol than HTTP, HTTP routes take no effect.",
		Wrong: edited(meshExample, "ports: [{name: http, port: 80", "ports: [{name: tcp, port: 80"),
		Right: meshExample,
		object: func(c *checker, o *object) {
			v := c.mesh.virtualServices[o]
			if v == nil || !inMesh(v) {
				return
			}
			for i, route := range v.HTTP {
				if route == nil {
					continue
				}
				for j, to := range route.Route {
					if to.Destination == nil {
						continue
					}
					name, namespace, ok := c.domain.serviceOf(c.domain.fullHost(to.Destination.Host, o.namespace))
					service, _ := c.find("Service", namespace, name)
					if !ok || service == nil || service.service() == nil {
						continue
					}
					all, some := true, false
					for _, port := range service.service().Spec.Ports {
						if to.Destination.Port != nil && to.Destination.Port.Number != 0 && int32(to.Destination.Port.Number) != port.Port {
							continue
						}
						all, some = all && isOtherThanHTTP(port), true
					}
					if all && some {
						c.report(o, at("spec.http[%d].route[%d].destination", i, j), "the route takes no effect: Istio takes the port of "+service.String()+" for TCP", "name the port http, or set its appProtocol to http")
					}
				}
			}
		},
	},
	{
		Code: "KC207", Title: "a fault beside retries", Severity: Warning, Kinds: []string{"VirtualService"},
		Doc: "Envoy injects a fault before the router that retries: a request that is aborted is not retried, and a delay does " +
			"not count for the timeout of a try. A test of the retries with such a fault shows nothing.",
		Wrong: edited(retriedRoute, "    - timeout: 10s\n", "    - fault: {abort: {httpStatus: 503, percentage: {value: 10}}}\n"),
		Right: retriedRoute,
		object: func(c *checker, o *object) {
			c.eachHTTP(o, func(i int, route *httpRoute) {
				if route.Fault == nil || route.Retries == nil || route.Retries.Attempts <= 0 {
					return
				}
				const fix = "put the fault where the request goes next, or take the retries away while you test"
				if route.Fault.Abort != nil {
					c.report(o, at("spec.http[%d].fault.abort", i), "a request that is aborted is not retried: the retries of this route have no part in it", fix)
				} else if route.Fault.Delay != nil {
					c.report(o, at("spec.http[%d].fault.delay", i), "a request that is delayed is not retried: the delay is before the tries, and counts for none of them", fix)
				}
			})
		},
	},
	{
		Code: "KC208", Title: "a timeout that ends before its retries", Severity: Warning, Kinds: []string{"VirtualService"},
		Doc:   "The timeout of a route is for all tries together. Tries that do not fit into it are not made. Where the first try alone does not leave the last one all of its time, that is a note.",
		Wrong: edited(retriedRoute, "timeout: 10s", "timeout: 3s", "perTryTimeout: 2s", "perTryTimeout: 4s"),
		Right: retriedRoute,
		object: func(c *checker, o *object) {
			c.eachHTTP(o, func(i int, route *httpRoute) {
				if route.Retries == nil {
					return
				}
				total, err := time.ParseDuration(route.Timeout)
				try, err2 := time.ParseDuration(route.Retries.PerTryTimeout)
				if err != nil || err2 != nil || total == 0 {
					return
				}
				switch {
				case try > total:
					c.report(o, at("spec.http[%d].timeout", i), at("the first try may take %s, and all together %s: none is repeated after a timeout", try, total), "make the timeout longer, or perTryTimeout shorter")
				case route.Retries.Attempts <= 0 || route.Retries.Attempts > 1000:
				case try*time.Duration(route.Retries.Attempts) > total:
					c.report(o, at("spec.http[%d].timeout", i), at("%d retries of %s do not fit into %s: the last are not made where tries run into their timeout", route.Retries.Attempts, try, total), "make the timeout longer, or perTryTimeout shorter")
				case try*time.Duration(route.Retries.Attempts+1) > total:
					c.reportAs(Note, o, at("spec.http[%d].timeout", i), at("%d tries of %s do not fit into %s", route.Retries.Attempts+1, try, total), "make the timeout longer, or perTryTimeout shorter")
				}
			})
		},
	},
	{
		Code: "KC212", Title: "an external name that leads nowhere", Severity: Error, Kinds: []string{"Service"},
		Doc:   "The name of a Service of type ExternalName becomes a CNAME: it must be a host name, not an address, and where it is that of a Service, that must be there.",
		Wrong: "apiVersion: v1\nkind: Service\nmetadata: {name: db}\nspec: {type: ExternalName, externalName: 10.0.0.7}\n",
		Right: "apiVersion: v1\nkind: Service\nmetadata: {name: db}\nspec: {type: ExternalName, externalName: db.example.com}\n",
		object: func(c *checker, o *object) {
			service := o.service()
			if service == nil || service.Spec.Type != corev1.ServiceTypeExternalName {
				return
			}
			name := strings.TrimSuffix(service.Spec.ExternalName, ".")
			switch {
			case name == "":
				c.report(o, "spec.externalName", "it is refused: a Service of type ExternalName has a name", "set externalName")
			case isAddress(name):
				c.report(o, "spec.externalName", "the name is not resolved: "+name+" is an address, and a CNAME leads to a name", "use a Service without a selector and an EndpointSlice")
			case !isTemplate(name) && len(validation.IsDNS1123Subdomain(strings.ToLower(name))) > 0:
				c.report(o, "spec.externalName", "it is refused: that is no host name", "use a name such as db.example.com, without scheme, port and path")
			default:
				target, namespace, ok := c.domain.serviceOf(name)
				if !ok {
					return
				}
				if _, state := c.find("Service", namespace, target); state != found {
					c.missing(o, "spec.externalName", state, "the name is not resolved: "+in(namespace)+" has no Service "+target, "name a Service that exists")
				}
			}
		},
	},
	{
		Code: "KC214", Title: "a service entry of TCP without addresses", Severity: Warning, Kinds: []string{"ServiceEntry"},
		Doc: "A connection of TCP says nothing of the host that it is for. Without addresses an entry takes all connections to its " +
			"port, whatever they are for, unless the mesh allocates addresses by itself.",
		Wrong: edited(externalEntry, "  addresses: [192.0.2.0/24]\n", ""),
		Right: externalEntry,
		object: func(c *checker, o *object) {
			e := c.mesh.entries[o]
			if e == nil || len(e.Addresses) > 0 || e.WorkloadSelector != nil || hasField(o, "status", "addresses") {
				return
			}
			for i, port := range e.Ports {
				// The name of a port says nothing of its protocol here, other than in a Service.
				if strings.EqualFold(port.Protocol, "TCP") || port.Protocol == "" {
					c.report(o, at("spec.ports[%d]", i), at("it takes all connections to port %d, whatever they are for", port.Number), "add the addresses of the hosts")
				}
			}
		},
	},
	{
		Code: "KC215", Title: "two protocols of one host and port", Severity: Error,
		Doc:   "Two ServiceEntries say different protocols of one host and port: Istio takes one of them, and the connections of the other break.",
		Wrong: documents(externalEntry, edited(externalEntry, "name: files}", "name: files-2}", "protocol: TCP", "protocol: HTTP")),
		Right: externalEntry,
		set:   checkEntryProtocols,
	},
	{
		Code: "KC218", Title: "a pod that runs as Istio's proxy", Severity: Warning, Kinds: podKinds,
		Doc:   "Traffic of the user 1337 passes the sidecar by, as the sidecar's own must. What runs as that user is not in the mesh.",
		Wrong: edited(webExample, "    spec:\n", "    spec:\n      securityContext: {runAsUser: 1337}\n"),
		Right: edited(webExample, "    spec:\n", "    spec:\n      securityContext: {runAsUser: 1000}\n"),
		object: podRule(func(c *checker, w *workload) {
			if w.spec.SecurityContext != nil && w.spec.SecurityContext.RunAsUser != nil && *w.spec.SecurityContext.RunAsUser == 1337 && !isGatewaySelector(w.labels) {
				c.report(w.object, w.at+"spec.securityContext.runAsUser", "the mesh does not see its traffic: 1337 is the user of Istio's proxy", "use another user")
			}
			for _, container := range w.containers() {
				if s := container.SecurityContext; s != nil && s.RunAsUser != nil && *s.RunAsUser == 1337 && container.Name != "istio-proxy" && container.Name != "istio-init" && !isGatewaySelector(w.labels) {
					c.report(w.object, container.at+".securityContext.runAsUser", "the mesh does not see its traffic: 1337 is the user of Istio's proxy", "use another user")
				}
			}
		}),
	},
	{
		Code: "KC242", Title: "routes of the mesh for all hosts", Severity: Error, Kinds: []string{"VirtualService"},
		Doc:   "A VirtualService of the mesh, which is one without gateways too, names its hosts: the host * is for gateways, and Istio refuses it.",
		Wrong: edited(meshExample, "hosts: [web]", `hosts: ["*"]`),
		Right: meshExample,
		object: func(c *checker, o *object) {
			v := c.mesh.virtualServices[o]
			if v == nil || !inMesh(v) {
				return
			}
			for i, host := range v.Hosts {
				if host == "*" {
					c.report(o, at("spec.hosts[%d]", i), "it is refused: the mesh has no routes for all hosts", "name the hosts, or bind it to a gateway alone")
				}
			}
		},
	},
	{
		Code: "KC220", Title: "two labels of injection on one namespace", Severity: Warning, Kinds: []string{"Namespace"},
		Doc: "Where a namespace has both istio-injection and istio.io/rev, the former decides, and the revision is not used. Where it is " +
			"ambient as well, its pods get sidecars, and are not.",
		Wrong: edited(namespaceExample, "istio-injection: enabled", "istio-injection: enabled, istio.io/rev: canary"),
		Right: namespaceExample,
		object: func(c *checker, o *object) {
			injection, revision, ambient := o.labels["istio-injection"], o.labels["istio.io/rev"], o.labels["istio.io/dataplane-mode"] == "ambient"
			switch {
			case injection != "" && injection != "enabled":
				// Who turns injection off may say for which control plane.
			case injection != "" && revision != "":
				c.report(o, "metadata.labels", "the revision is not used: istio-injection decides", "keep one of both labels")
			case ambient && injection+revision != "":
				c.report(o, "metadata.labels", "its pods get sidecars, and are not ambient", "keep one of both labels")
			}
		},
	},
	{
		Code: "KC222", Title: "a port that does not say its protocol", Severity: Note, Kinds: []string{"Service"},
		Doc: "Istio reads the protocol of a port from its appProtocol or its name. Of others it looks at the first bytes of each " +
			"connection, which a server that speaks first does not send.",
		Wrong: documents(webExample, edited(serviceExample, "{name: http, port: 80", "{name: web, port: 80"), destinationRuleExample, virtualServiceExample),
		Right: meshExample,
		object: func(c *checker, o *object) {
			service := o.service()
			if service == nil || len(c.mesh.virtualServices)+len(c.mesh.rules) == 0 {
				return
			}
			for i, port := range service.Spec.Ports {
				name, _, _ := strings.Cut(strings.ToLower(port.Name), "-")
				if port.AppProtocol == nil && port.Protocol != corev1.ProtocolUDP && !slices.Contains(otherProtocols, name) && !slices.Contains([]string{"http", "http2", "grpc", "auto"}, name) {
					c.report(o, at("spec.ports[%d].name", i), "Istio finds out the protocol by itself, from the first bytes of each connection", "begin the name with the protocol, as in http-"+cmp.Or(port.Name, "web")+", or set appProtocol")
				}
			}
		},
	},
	{
		Code: "KC232", Title: "one certificate for several gateways", Severity: Warning,
		Doc: "A browser that has a connection of HTTP/2 to one host uses it for all others that its certificate is for. Where those are of " +
			"another Gateway on the same port, the gateway answers 404.",
		Wrong: documents(tlsGateway, edited(tlsGateway, "{name: front}", "{name: front-2}", "www.example.com", "api.example.com")),
		Right: documents(tlsGateway, edited(tlsGateway, "{name: front}", "{name: front-2}", "www.example.com", "api.example.com", "credentialName: www", "credentialName: api")),
		set:   checkCertificateTwice,
	},
	{
		Code: "KC233", Title: "one port of pods with two protocols", Severity: Error, Kinds: podKinds,
		Doc: "Two Services lead to one port of the same pods, and say different protocols of it, or have one port of TCP and one of UDP with the same number: " +
			"the sidecar takes one of them, and the connections of the other break.",
		Wrong:  documents(meshExample, edited(serviceExample, "metadata: {name: web,", "metadata: {name: web-2,", "name: http, port: 80", "name: tcp, port: 81")),
		Right:  documents(meshExample, edited(serviceExample, "metadata: {name: web,", "metadata: {name: web-2,", "name: http, port: 80", "name: http, port: 81")),
		object: podRule(checkTwoProtocols),
	},
	{
		Code: "KC234", Title: "a patch of Envoy that does nothing", Severity: Error, Kinds: []string{"EnvoyFilter"},
		Doc: "A patch has an operation and, unless it removes something, a value, and its match is of the kind that it applies to: Istio refuses others. " +
			"REPLACE, INSERT_BEFORE and the like are for filters and routes, and are left out for listeners and clusters.",
		Wrong:  edited(envoyFilterExample, "MERGE", "REPLACE"),
		Right:  envoyFilterExample,
		object: checkEnvoyFilter,
	},
	{
		Code: "KC236", Title: "a TLS route for a name that is none of its hosts", Severity: Error, Kinds: []string{"VirtualService"},
		Doc:   "The names of sniHosts are among the hosts of the VirtualService, or match one of them. Istio refuses others, and routes of TLS without them.",
		Wrong: edited(sniExample, "sniHosts: [files.example.net]", "sniHosts: [files.example.org]"),
		Right: sniExample,
		object: func(c *checker, o *object) {
			v := c.mesh.virtualServices[o]
			if v == nil {
				return
			}
			for i, route := range v.TLS {
				if route == nil {
					continue
				}
				for j, match := range route.Match {
					if len(match.SniHosts) == 0 {
						c.report(o, at("spec.tls[%d].match[%d]", i, j), "it is refused: a route of TLS says for which names it is", "add sniHosts")
					}
					for k, name := range match.SniHosts {
						if !slices.ContainsFunc(v.Hosts, func(host string) bool { return hostsMeet(host, name) }) {
							c.report(o, at("spec.tls[%d].match[%d].sniHosts[%d]", i, j, k), "it is refused: "+name+" is none of the hosts", "add it to hosts, or use one of them: "+listOf(v.Hosts))
						}
					}
				}
			}
		},
	},
	{
		Code: "KC219", Title: "a namespace of the mesh in which nothing is", Severity: Warning, Kinds: []string{"Namespace"},
		Doc: "A namespace is made for the mesh, with injection or as ambient, and all workloads of the set say another one: " +
			"they get no sidecar.",
		Wrong: documents(namespaceExample, edited(webExample, "metadata: {name: web}", "metadata: {name: web, namespace: shoop}")),
		Right: documents(namespaceExample, edited(webExample, "metadata: {name: web}", "metadata: {name: web, namespace: shop}")),
		object: func(c *checker, o *object) {
			if o.labels["istio-injection"] != "enabled" && o.labels["istio.io/rev"] == "" && o.labels["istio.io/dataplane-mode"] != "ambient" || c.namespaces[o.name] || len(c.byKind["Namespace"]) > 1 {
				return
			}
			for namespace, workloads := range c.workloads {
				if namespace != o.name && !isSystemNamespace(namespace) && (workloads[0].written != "" || o.name != "default") {
					c.report(o, "metadata.name", "the workloads get no sidecar: they are in "+in(namespace)+", and the mesh is told of "+o.name, "use one name for both")
					return
				}
			}
		},
	},
}

func isAddress(text string) bool {
	return strings.Trim(text, "0123456789.") == "" || strings.Contains(text, ":") && strings.Trim(text, "0123456789abcdefABCDEF:.") == ""
}

func inMesh(v *virtualService) bool {
	return len(v.Gateways) == 0 || slices.Contains(v.Gateways, meshGateway)
}

// otherProtocols are the protocols that Istio knows beside HTTP, by the beginning of a port's name.
var otherProtocols = []string{"tcp", "udp", "tls", "mongo", "mysql", "redis", "https"}

func isOtherThanHTTP(port corev1.ServicePort) bool {
	if port.AppProtocol != nil && *port.AppProtocol != "" {
		return slices.Contains(otherProtocols, strings.ToLower(*port.AppProtocol))
	}
	name, _, _ := strings.Cut(strings.ToLower(port.Name), "-")
	return slices.Contains(otherProtocols, name)
}

func (c *checker) eachHTTP(o *object, look func(i int, route *httpRoute)) {
	if v := c.mesh.virtualServices[o]; v != nil {
		for i, route := range v.HTTP {
			if route != nil {
				look(i, route)
			}
		}
	}
}

// maxCompared bounds the routes of one VirtualService that are compared with each other.
const maxCompared = 200

func checkShadows(c *checker, o *object) {
	v := c.mesh.virtualServices[o]
	if v == nil {
		return
	}
	for i, route := range v.HTTP[:min(len(v.HTTP), maxCompared)] {
		if route == nil {
			continue
		}
		for j, earlier := range v.HTTP[:i] {
			if earlier != nil && shadows(earlier, route) {
				c.report(o, at("spec.http[%d]", i), at("no request reaches this route: spec.http[%d] before it takes all of them", j), "put it first, or make the other one narrower")
				break
			}
		}
	}
	for _, of := range []struct {
		name   string
		routes []*l4Route
	}{{"tcp", v.TCP}, {"tls", v.TLS}} {
		for i, route := range of.routes[:min(len(of.routes), maxCompared)] {
			for j, earlier := range of.routes[:i] {
				if route != nil && earlier != nil && earlier.shadows(route) {
					c.report(o, at("spec.%s[%d]", of.name, i), at("no connection reaches this route: spec.%s[%d] before it takes all of them", of.name, j), "put it first, or make the other one narrower")
					break
				}
			}
		}
	}
}

// shadows reports whether a route of connections matches all that a later one matches.
func (r *l4Route) shadows(later *l4Route) bool {
	if len(r.Match) == 0 {
		return true
	}
	return len(later.Match) > 0 && !slices.ContainsFunc(later.Match, func(wanted l4Match) bool {
		return !slices.ContainsFunc(r.Match, func(m l4Match) bool { return m.covers(wanted) })
	})
}

func (m l4Match) covers(other l4Match) bool {
	within := func(few, many []string) bool {
		return len(many) == 0 || len(few) > 0 && !slices.ContainsFunc(few, func(each string) bool { return !slices.Contains(many, each) })
	}
	return (m.Port == 0 || m.Port == other.Port) && within(other.SniHosts, m.SniHosts) && within(other.Gateways, m.Gateways) &&
		within(other.DestinationSubnets, m.DestinationSubnets) && (m.SourceNS == "" || m.SourceNS == other.SourceNS) && matchesAll(m.SourceLabels, other.SourceLabels)
}

// shadows reports whether a route matches all that a later one matches.
func shadows(earlier, later *httpRoute) bool {
	if len(earlier.Match) == 0 {
		return true
	}
	if len(later.Match) == 0 {
		return slices.ContainsFunc(earlier.Match, func(m *httpMatch) bool { return m != nil && m.covers(&httpMatch{}) })
	}
	for _, wanted := range later.Match {
		if wanted == nil {
			return false
		}
		if !slices.ContainsFunc(earlier.Match, func(m *httpMatch) bool { return m != nil && m.covers(wanted) }) {
			return false
		}
	}
	return true
}

// covers reports whether it matches every request that another one matches.
func (m *httpMatch) covers(other *httpMatch) bool {
	if m.URI != nil && (m.URI.Prefix != "/" || m.URI.Exact != "" || m.URI.Regex != "") {
		if other.URI == nil || m.IgnoreURICase != other.IgnoreURICase && !m.IgnoreURICase || !m.URI.covers(other.URI) {
			return false
		}
	}
	same := func(a, b *stringMatch) bool { return a == nil || b != nil && a.covers(b) }
	if !same(m.Scheme, other.Scheme) || !same(m.Method, other.Method) || !same(m.Authority, other.Authority) {
		return false
	}
	all := func(a, b map[string]*stringMatch) bool {
		for name, value := range a {
			has, ok := b[name]
			if !ok || value != nil && *value != (stringMatch{}) && (has == nil || !value.covers(has)) {
				return false
			}
		}
		return true
	}
	if !all(m.Headers, other.Headers) || !all(m.QueryParams, other.QueryParams) {
		return false
	}
	for name, value := range m.WithoutHeaders {
		has, ok := other.WithoutHeaders[name]
		if !ok || (value == nil) != (has == nil) || value != nil && *value != *has {
			return false
		}
	}
	for name, value := range m.SourceLabels {
		if other.SourceLabels[name] != value {
			return false
		}
	}
	for _, gateway := range other.Gateways {
		if len(m.Gateways) > 0 && !slices.Contains(m.Gateways, gateway) {
			return false
		}
	}
	if len(m.Gateways) > 0 && len(other.Gateways) == 0 {
		return false
	}
	return (m.Port == 0 || m.Port == other.Port) && (m.SourceNS == "" || m.SourceNS == other.SourceNS)
}

func (s *stringMatch) covers(other *stringMatch) bool {
	switch {
	case s.Exact != "":
		return other.Exact == s.Exact
	case s.Prefix != "":
		return other.Exact != "" && strings.HasPrefix(other.Exact, s.Prefix) || other.Prefix != "" && strings.HasPrefix(other.Prefix, s.Prefix)
	case s.Regex != "":
		return other.Regex == s.Regex || s.Regex == ".*"
	}
	return true
}

func checkIngressPaths(c *checker) {
	type place struct {
		o     *object
		field string
	}
	seen := map[string]place{}
	for _, o := range c.byKind["Ingress"] {
		ingress, ok := o.typed.(*networkingv1.Ingress)
		if !ok || isCanaryIngress(o) {
			continue
		}
		class := o.annotations["kubernetes.io/ingress.class"]
		if ingress.Spec.IngressClassName != nil {
			class = *ingress.Spec.IngressClassName
		}
		for i, rule := range ingress.Spec.Rules {
			if rule.HTTP == nil {
				continue
			}
			for j, path := range rule.HTTP.Paths {
				kind := ""
				if path.PathType != nil {
					kind = string(*path.PathType)
				}
				where := path.Path
				if kind == string(networkingv1.PathTypePrefix) && where != "/" {
					where = strings.TrimSuffix(where, "/")
				}
				id := strings.Join([]string{class, strings.ToLower(rule.Host), kind, where}, "\x00")
				field := at("spec.rules[%d].http.paths[%d].path", i, j)
				if first, twice := seen[id]; twice {
					c.report(o, field, at("one of two backends never answers: %s has host %q and path %q, too, at %s", first.o, rule.Host, path.Path, first.field), "give each its own path, or take one away")
					continue
				}
				seen[id] = place{o, field}
			}
		}
	}
}

// isCanaryIngress reports whether an Ingress stands beside another one on purpose.
func isCanaryIngress(o *object) bool {
	for name, value := range o.annotations {
		if strings.HasSuffix(name, "/canary") && value == "true" || strings.HasSuffix(name, "mergeable-ingress-type") || strings.HasPrefix(name, "alb.ingress.kubernetes.io/") {
			return true
		}
	}
	return strings.HasPrefix(o.name, "cm-acme-http-solver")
}

func checkWeights(c *checker, o *object) {
	c.eachHTTP(o, func(i int, route *httpRoute) {
		total := int64(0)
		for j, to := range route.Route {
			if total += to.Weight; to.Weight < 0 {
				c.report(o, at("spec.http[%d].route[%d].weight", i, j), "the route is refused: a weight is not negative", "use 0 to 100")
				return
			}
		}
		if len(route.Route) > 1 && total == 0 {
			c.report(o, at("spec.http[%d].route", i), "the route is refused: all weights are 0", "give the destinations weights, together 100")
		}
	})
	if v := c.mesh.virtualServices[o]; v != nil {
		v.eachL4(func(field string, route *l4Route) {
			total := int64(0)
			for _, to := range route.Route {
				total += to.Weight
			}
			if len(route.Route) > 1 && total == 0 {
				c.report(o, field+".route", "the route is refused: all weights are 0", "give the destinations weights, together 100")
			}
		})
	}
	route := o.route()
	if route == nil {
		return
	}
	for i, rule := range route.Rules {
		none := len(rule.BackendRefs) > 0
		for _, ref := range rule.BackendRefs {
			none = none && ref.Weight != nil && *ref.Weight == 0
		}
		if none {
			c.report(o, at("spec.rules[%d].backendRefs", i), "the requests are answered 500: all weights are 0", "give one of the backends a weight")
		}
	}
}

func exportedTo(o *object, exportTo []string) string {
	if len(exportTo) == 1 && (exportTo[0] == "." || exportTo[0] == o.namespace) {
		return o.namespace
	}
	return "*"
}

func checkMeshHosts(c *checker) {
	type claim struct {
		o     *object
		scope string
	}
	seen := map[string][]claim{}
	for _, o := range c.byKind["VirtualService"] {
		v := c.mesh.virtualServices[o]
		if v == nil || !inMesh(v) {
			continue
		}
		scope := exportedTo(o, v.ExportTo)
		for i, host := range v.Hosts {
			full := c.domain.fullHost(host, o.namespace)
			for _, other := range seen[full] {
				if other.o != o && (other.scope == scope || other.scope == "*" && scope == other.o.namespace || scope == "*" && other.scope == o.namespace) {
					c.report(o, at("spec.hosts[%d]", i), "one of two sets of routes takes no effect: "+other.o.String()+" in "+in(other.o.namespace)+" is for "+host+", too", "put the routes into one VirtualService")
					break
				}
			}
			if len(seen[full]) < 4 {
				seen[full] = append(seen[full], claim{o, scope})
			}
		}
	}
}

func checkGatewayOverlap(c *checker) {
	seen := map[string][]*object{}
	for _, o := range c.byKind["Gateway"] {
		g := c.mesh.gateways[o]
		if g == nil {
			continue
		}
		for i, server := range g.Servers {
			if server.Port == nil {
				continue
			}
			for j, host := range server.Hosts {
				id := at("%d\x00%s", server.Port.Number, cmp.Or(host, "*"))
				index := slices.IndexFunc(seen[id], func(other *object) bool {
					return other != o && c.meet(g.Selector, c.mesh.gateways[other].Selector)
				})
				if len(seen[id]) < 20 {
					seen[id] = append(seen[id], o)
				}
				if index >= 0 {
					other := seen[id][index]
					c.report(o, at("spec.servers[%d].hosts[%d]", i, j), at("one of two Gateways counts: %s in %s has host %s on port %d, too", other, in(other.namespace), host, server.Port.Number), "use one Gateway for the host, or give each its own")
				}
			}
		}
	}
}

// meet reports whether two selectors of gateways are for the same pods.
func (c *checker) meet(a, b map[string]string) bool {
	if maps.Equal(a, b) {
		return true
	}
	for _, namespace := range c.namespacesWith(a) {
		if of := c.selectSet(namespace, b).workloads; slices.ContainsFunc(c.selectSet(namespace, a).workloads, func(w *workload) bool { return slices.Contains(of, w) }) {
			return true
		}
	}
	return false
}

func checkEntryProtocols(c *checker) {
	type claim struct {
		o        *object
		protocol string
		scope    string
	}
	seen := map[string]claim{}
	for _, o := range c.byKind["ServiceEntry"] {
		e := c.mesh.entries[o]
		if e == nil {
			continue
		}
		scope := exportedTo(o, e.ExportTo)
		for i, port := range e.Ports {
			for _, host := range e.Hosts {
				id := at("%s\x00%d", c.domain.fullHost(host, o.namespace), port.Number)
				first, twice := seen[id]
				if !twice {
					seen[id] = claim{o, strings.ToUpper(port.Protocol), scope}
					continue
				}
				if first.o != o && first.protocol != strings.ToUpper(port.Protocol) && port.Protocol != "" && first.protocol != "" && (first.scope == "*" || scope == "*" || first.scope == scope) {
					c.report(o, at("spec.ports[%d].protocol", i), "one of two protocols is not used: "+first.o.String()+" says "+first.protocol+" for "+host+at(" and port %d", port.Number), "use one protocol")
				}
			}
		}
	}
}

func checkCertificateTwice(c *checker) {
	type use struct {
		o    *object
		g    *istioGateway
		host string
	}
	seen := map[string][]use{}
	for _, o := range c.byKind["Gateway"] {
		g := c.mesh.gateways[o]
		if g == nil {
			continue
		}
		for i, server := range g.Servers {
			if server.TLS == nil || server.TLS.CredentialName == "" || server.Port == nil || len(server.Hosts) == 0 {
				continue
			}
			id := at("%s\x00%d", server.TLS.CredentialName, server.Port.Number)
			index := slices.IndexFunc(seen[id], func(other use) bool {
				return other.o != o && !slices.Contains(server.Hosts, other.host) && c.meet(g.Selector, other.g.Selector)
			})
			if index >= 0 {
				other := seen[id][index]
				c.report(o, at("spec.servers[%d].tls.credentialName", i), "browsers that have a connection to "+other.host+" are answered 404: "+other.o.String()+" in "+in(other.o.namespace)+" shows the same certificate", "use one Gateway with all hosts of the certificate, or a certificate for each")
			}
			if len(seen[id]) < maxAsked {
				seen[id] = append(seen[id], use{o, g, server.Hosts[0]})
			}
		}
	}
}

// protocolOf is the protocol that a port of a Service says, empty where it says none.
func protocolOf(port corev1.ServicePort) string {
	name := ""
	if port.AppProtocol != nil {
		name = strings.ToLower(*port.AppProtocol)
	}
	if name == "" {
		name, _, _ = strings.Cut(strings.ToLower(port.Name), "-")
	}
	switch {
	case slices.Contains([]string{"http", "http2", "grpc", "grpc-web", "kubernetes.io/h2c"}, name):
		return "HTTP"
	case slices.Contains(otherProtocols, name):
		return strings.ToUpper(name)
	}
	return ""
}

func checkTwoProtocols(c *checker, w *workload) {
	if !c.hasMesh {
		return
	}
	services := c.servicesOf(w.namespace, w)
	if len(services) < 2 {
		return
	}
	slices.SortFunc(services, func(a, b *object) int { return cmp.Compare(a.order, b.order) })
	type claim struct {
		o        *object
		protocol string
	}
	targets, numbers := map[int32]claim{}, map[int32]claim{}
	has := portsOf([]*workload{w})
	for _, o := range services[:min(len(services), maxAsked)] {
		for i, port := range o.service().Spec.Ports {
			field := at("spec.ports[%d]", i)
			transport := cmp.Or(port.Protocol, corev1.ProtocolTCP)
			if first, ok := numbers[port.Port]; ok && first.o != o && first.protocol != string(transport) {
				c.reportAs(Warning, o, field+".protocol", at("Istio may use one of two protocols: %s has port %d of %s, too, for the same pods", first.o, port.Port, first.protocol), "use one Service, or another number")
				continue
			}
			numbers[port.Port] = claim{o, string(transport)}
			protocol := protocolOf(port)
			if protocol == "" || transport != corev1.ProtocolTCP {
				continue
			}
			target := port.TargetPort.IntVal
			if names := has.byName[port.TargetPort.StrVal]; port.TargetPort.StrVal != "" && len(names) > 0 {
				target = names[0]
			} else if target == 0 && port.TargetPort.StrVal == "" {
				target = port.Port
			}
			if target == 0 {
				continue
			}
			if first, ok := targets[target]; ok && first.o != o && first.protocol != protocol {
				c.report(o, field+".name", at("one of two protocols is not used: %s says %s of port %d of the same pods, and this one %s", first.o, first.protocol, target, protocol), "say one protocol in both")
				continue
			}
			targets[target] = claim{o, protocol}
		}
	}
}

// envoyOperations are what is done for what a patch applies to; other operations are left out.
var envoyOperations = map[string]string{
	"LISTENER":            "ADD REMOVE MERGE MERGE_AND_REPLACE_LIST",
	"FILTER_CHAIN":        "ADD REMOVE MERGE MERGE_AND_REPLACE_LIST",
	"CLUSTER":             "ADD REMOVE MERGE MERGE_AND_REPLACE_LIST",
	"ROUTE_CONFIGURATION": "MERGE MERGE_AND_REPLACE_LIST",
	"EXTENSION_CONFIG":    "ADD",
	"BOOTSTRAP":           "MERGE MERGE_AND_REPLACE_LIST",
}

// envoyMatches are the kinds of matches for what a patch applies to.
var envoyMatches = map[string]string{
	"LISTENER": "listener", "FILTER_CHAIN": "listener", "NETWORK_FILTER": "listener", "HTTP_FILTER": "listener",
	"ROUTE_CONFIGURATION": "routeConfiguration", "VIRTUAL_HOST": "routeConfiguration", "HTTP_ROUTE": "routeConfiguration", "CLUSTER": "cluster",
}

func checkEnvoyFilter(c *checker, o *object) {
	f := spec[envoyFilter](o)
	if f == nil || o.group != istioNetworking {
		return
	}
	for i, each := range f.ConfigPatches {
		field := at("spec.configPatches[%d]", i)
		switch {
		case each.Patch == nil || each.Patch.Operation == "" || each.Patch.Operation == "INVALID":
			c.report(o, field+".patch", "it is refused: the patch has no operation", "say what it does, for example MERGE")
			continue
		case each.Patch.Value == nil && each.Patch.Operation != "REMOVE":
			c.report(o, field+".patch.value", "it is refused: the patch has no value", "add what is to be there")
			continue
		}
		if done, ok := envoyOperations[each.ApplyTo]; ok && !slices.Contains(strings.Fields(done), each.Patch.Operation) {
			c.report(o, field+".patch.operation", "the patch is left out: there is no "+each.Patch.Operation+" for "+each.ApplyTo, "use one of "+strings.ReplaceAll(done, " ", ", "))
		}
		wanted := envoyMatches[each.ApplyTo]
		for _, kind := range []string{"listener", "routeConfiguration", "cluster"} {
			if _, ok := each.Match[kind]; ok && wanted != "" && kind != wanted {
				c.report(o, field+".match."+kind, "it is refused: "+each.ApplyTo+" is not matched by "+kind, "use match."+wanted)
			}
		}
	}
}
