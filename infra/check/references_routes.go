package check

import (
	"crypto/tls"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"
)

var tlsIngressExample = documents(webExample, serviceExample, edited(ingressExample, "  rules:", "  tls: [{hosts: [www.example.com], secretName: www}]\n  rules:"),
	"apiVersion: cert-manager.io/v1\nkind: Certificate\nmetadata: {name: www}\nspec: {secretName: www, dnsNames: [www.example.com], issuerRef: {name: ours}}\n")

var routeExample = documents(webExample, serviceExample, gatewayExample, httpRouteExample)

const otherNamespaceBackend = `apiVersion: v1
kind: Service
metadata: {name: shared, namespace: other}
spec:
  type: ExternalName
  externalName: shared.example.com
  ports: [{name: http, port: 80}]
`

const grantExample = `apiVersion: gateway.networking.k8s.io/v1
kind: ReferenceGrant
metadata: {name: routes, namespace: other}
spec:
  from: [{group: gateway.networking.k8s.io, kind: HTTPRoute, namespace: shop}]
  to: [{group: "", kind: Service}]
`

var grantedRoute = edited(httpRouteExample, "name: web}\nspec", "name: web, namespace: shop}\nspec", "name: web, port: 80", "name: shared, namespace: other, port: 80")
var shopGateway = edited(gatewayExample, "{name: front}", "{name: front, namespace: shop}")

var routeReferenceRules = []Rule{
	{
		Code: "KC126", Title: "an Ingress to a Service that is not there", Severity: Error, Kinds: []string{"Ingress"},
		Doc:   "The controller answers 503, or refuses the whole Ingress. An Ingress reaches Services of its own namespace alone.",
		Wrong: documents(webExample, serviceExample, edited(ingressExample, "service: {name: web,", "service: {name: wep,")),
		Right: documents(webExample, serviceExample, ingressExample),
		object: func(c *checker, o *object) {
			eachBackend(o, func(field string, backend networkingv1.IngressServiceBackend) {
				if backend.Port.Name == "use-annotation" {
					return
				}
				if _, state := c.find("Service", o.namespace, backend.Name); state != found {
					c.missing(o, field+".name", state, "the requests are answered 503: "+in(o.namespace)+" has no Service "+backend.Name+
						c.elsewhere("Service", o.namespace, backend.Name), "name a Service of the Ingress's namespace")
				}
			})
		},
	},
	{
		Code: "KC127", Title: "an Ingress to a port that the Service does not have", Severity: Error, Kinds: []string{"Ingress"},
		Doc:   "The port of a backend is that of the Service, not of the pods. The controller answers 503.",
		Wrong: documents(webExample, serviceExample, edited(ingressExample, "number: 80}", "number: 8080}")),
		Right: documents(webExample, serviceExample, ingressExample),
		object: func(c *checker, o *object) {
			eachBackend(o, func(field string, backend networkingv1.IngressServiceBackend) {
				service, _ := c.find("Service", o.namespace, backend.Name)
				if service == nil || service.service() == nil || backend.Port.Name == "use-annotation" {
					return
				}
				for _, port := range service.service().Spec.Ports {
					if backend.Port.Name != "" && port.Name == backend.Port.Name || backend.Port.Number == port.Port && backend.Port.Name == "" {
						return
					}
				}
				if service.service().Spec.Type == corev1.ServiceTypeExternalName {
					return
				}
				wanted := backend.Port.Name
				if wanted == "" {
					wanted = at("%d", backend.Port.Number)
				}
				c.report(o, field+".port", "the requests are answered 503: "+service.String()+" has no port "+wanted, "use a port of the Service: "+servicePorts(service))
			})
		},
	},
	{
		Code: "KC128", Title: "a TLS Secret that is not there", Severity: Error, Kinds: []string{"Ingress"},
		Doc: "The controller serves the host with a certificate of its own making, which no client trusts. Certificates of " +
			"cert-manager in the set, and Ingresses with its annotations, are known to make the Secret.",
		Wrong: edited(tlsIngressExample, "secretName: www}]", "secretName: vvv}]"),
		Right: tlsIngressExample,
		object: func(c *checker, o *object) {
			ingress, ok := o.typed.(*networkingv1.Ingress)
			if !ok || o.annotations["cert-manager.io/issuer"]+o.annotations["cert-manager.io/cluster-issuer"]+o.annotations["kubernetes.io/tls-acme"] != "" {
				return
			}
			for i, t := range ingress.Spec.TLS {
				if t.SecretName == "" {
					continue
				}
				if _, state := c.find("Secret", o.namespace, t.SecretName); state != found {
					c.missing(o, at("spec.tls[%d].secretName", i), state, "clients are shown a certificate that they do not trust: "+in(o.namespace)+
						" has no Secret "+t.SecretName+c.elsewhere("Secret", o.namespace, t.SecretName), "add the Secret, or a Certificate that makes it")
				}
			}
		},
	},
	{
		Code: "KC129", Title: "a TLS Secret without a key and certificate that fit", Severity: Error, Kinds: []string{"Secret"},
		Doc: "A Secret of type kubernetes.io/tls holds a certificate in tls.crt and its key in tls.key, both in PEM. The API " +
			"server asks for the keys alone; what cannot be read is found out by the gateway, which then serves nothing.",
		Wrong: "apiVersion: v1\nkind: Secret\nmetadata: {name: www}\ntype: kubernetes.io/tls\nstringData: {tls.crt: garbage, tls.key: garbage}\n",
		Right: secretExample,
		object: func(c *checker, o *object) {
			secret, ok := o.typed.(*corev1.Secret)
			if !ok || secret.Type != corev1.SecretTypeTLS || o.filledElsewhere() {
				return
			}
			certificate, hasCertificate := secretValue(o, corev1.TLSCertKey)
			private, hasKey := secretValue(o, corev1.TLSPrivateKeyKey)
			if !hasCertificate || !hasKey {
				c.report(o, "type", "it is refused: a Secret of type "+string(corev1.SecretTypeTLS)+" has both tls.crt and tls.key", "add both, or use type Opaque")
				return
			}
			if isPlaceholder(certificate) || isPlaceholder(private) {
				return
			}
			pair, err := tls.X509KeyPair(certificate, private)
			if err == nil && pair.Leaf != nil && time.Now().After(pair.Leaf.NotAfter) {
				c.report(o, "data", "clients do not trust it: the certificate has expired on "+pair.Leaf.NotAfter.Format(time.DateOnly), "put in a new one")
			}
			if err != nil {
				// The error of crypto/tls may show what the key is, and is not told.
				c.report(o, "data", "no host is served with it: tls.crt and tls.key are no certificate with its key in PEM", "put both in as PEM, the certificate first in its chain")
			}
		},
	},
	{
		Code: "KC130", Title: "a route to a Service that is not there", Severity: Error, Kinds: routeKinds,
		Doc:   "Requests for the rule are answered 500. The route's status says ResolvedRefs=False.",
		Wrong: edited(routeExample, "backendRefs: [{name: web,", "backendRefs: [{name: wep,"),
		Right: routeExample,
		object: func(c *checker, o *object) {
			eachRouteBackend(o, func(field string, ref backendRef) {
				if !ref.isService() {
					return
				}
				namespace := ref.namespaceOr(o.namespace)
				if _, state := c.find("Service", namespace, ref.Name); state != found {
					c.missing(o, field+".name", state, "the requests are answered 500: "+in(namespace)+" has no Service "+ref.Name+
						c.elsewhere("Service", namespace, ref.Name), "name a Service that exists")
				}
			})
		},
	},
	{
		Code: "KC131", Title: "a route to a port that the Service does not have", Severity: Error, Kinds: routeKinds,
		Doc:   "The port of a backend is that of the Service, not of the pods. Requests for the rule are answered 500.",
		Wrong: edited(routeExample, "[{name: web, port: 80}]", "[{name: web, port: 8080}]"),
		Right: routeExample,
		object: func(c *checker, o *object) {
			eachRouteBackend(o, func(field string, ref backendRef) {
				if !ref.isService() {
					return
				}
				service, _ := c.find("Service", ref.namespaceOr(o.namespace), ref.Name)
				if service == nil || service.service() == nil {
					return
				}
				if ref.Port == nil {
					c.report(o, field+".port", "the requests are answered 500: a Service is referred to with a port", "use a port of the Service: "+servicePorts(service))
				} else if !hasPort(service.service(), *ref.Port) {
					c.report(o, field+".port", at("the requests are answered 500: %s has no port %d", service, *ref.Port), "use a port of the Service: "+servicePorts(service))
				}
			})
		},
	},
	{
		Code: "KC132", Title: "a route whose Gateway is not there", Severity: Error, Kinds: routeKinds,
		Doc:    "No Gateway takes the route, so no request follows it.",
		Wrong:  edited(routeExample, "parentRefs: [{name: front,", "parentRefs: [{name: frnt,"),
		Right:  routeExample,
		object: func(c *checker, o *object) { c.eachParent(o, checkParentExists) },
	},
	{
		Code: "KC133", Title: "a route for a listener that the Gateway does not have", Severity: Error, Kinds: routeKinds,
		Doc:    "The Gateway has no listener of that name or port, or none for such routes: no request follows the route.",
		Wrong:  edited(routeExample, "sectionName: http}", "sectionName: https}"),
		Right:  routeExample,
		object: func(c *checker, o *object) { c.eachParent(o, checkParentSection) },
	},
	{
		Code: "KC134", Title: "a route that the Gateway does not let in", Severity: Error, Kinds: routeKinds,
		Doc: "A listener lets in the routes of its own namespace, unless allowedRoutes says otherwise, and those whose " +
			"hostnames meet its own.",
		Wrong:  documents(webExample, serviceExample, edited(gatewayExample, "protocol: HTTP}", "protocol: HTTP, hostname: \"*.example.com\"}"), edited(httpRouteExample, "  rules:", "  hostnames: [www.example.org]\n  rules:")),
		Right:  documents(webExample, serviceExample, edited(gatewayExample, "protocol: HTTP}", "protocol: HTTP, hostname: \"*.example.com\"}"), edited(httpRouteExample, "  rules:", "  hostnames: [www.example.com]\n  rules:")),
		object: func(c *checker, o *object) { c.eachParent(o, checkParentAllows) },
	},
	{
		Code: "KC135", Title: "a reference into another namespace that nobody grants", Severity: Error, Kinds: append([]string{"Gateway"}, routeKinds...),
		Doc:    "A route or Gateway may refer to an object of another namespace where a ReferenceGrant there says so, and not else.",
		Wrong:  documents(shopGateway, grantedRoute, otherNamespaceBackend),
		Right:  documents(shopGateway, grantedRoute, otherNamespaceBackend, grantExample),
		object: checkGrants,
	},
	{
		Code: "KC136", Title: "a listener whose certificate is not there", Severity: Error, Kinds: []string{"Gateway"},
		Doc:   "The listener is not programmed: nobody answers on its port.",
		Wrong: edited(tlsGatewayExample, "certificateRefs: [{name: www}]", "certificateRefs: [{name: vvv}]"),
		Right: tlsGatewayExample,
		object: func(c *checker, o *object) {
			gateway, ok := o.typed.(*gatewayv1.Gateway)
			if !ok || o.annotations["cert-manager.io/issuer"]+o.annotations["cert-manager.io/cluster-issuer"] != "" {
				return
			}
			for i, listener := range gateway.Spec.Listeners {
				if listener.TLS == nil {
					continue
				}
				for j, ref := range listener.TLS.CertificateRefs {
					if ref.Kind != nil && *ref.Kind != "Secret" {
						continue
					}
					namespace := o.namespace
					if ref.Namespace != nil {
						namespace = string(*ref.Namespace)
					}
					if _, state := c.find("Secret", namespace, string(ref.Name)); state != found {
						c.missing(o, at("spec.listeners[%d].tls.certificateRefs[%d].name", i, j), state, "nobody answers on port "+at("%d", listener.Port)+
							": "+in(namespace)+" has no Secret "+string(ref.Name), "add the Secret, or a Certificate that makes it")
					}
				}
			}
		},
	},
}

const tlsGatewayExample = `apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {name: front}
spec:
  gatewayClassName: istio
  listeners: [{name: https, port: 443, protocol: HTTPS, tls: {certificateRefs: [{name: www}]}}]
---
apiVersion: cert-manager.io/v1
kind: Certificate
metadata: {name: www}
spec: {secretName: www, dnsNames: [www.example.com], issuerRef: {name: ours}}
`

func isPlaceholder(value []byte) bool {
	text := strings.TrimSpace(string(value))
	return text == "" || strings.HasPrefix(text, "<") || strings.HasPrefix(text, "${") || strings.Contains(text, "REPLACE") || strings.Contains(text, "...")
}

func servicePorts(o *object) string {
	var names []string
	for _, port := range o.service().Spec.Ports {
		name := at("%d", port.Port)
		if port.Name != "" {
			name += " (" + port.Name + ")"
		}
		names = append(names, name)
	}
	return listOf(names)
}

func eachBackend(o *object, look func(field string, backend networkingv1.IngressServiceBackend)) {
	ingress, ok := o.typed.(*networkingv1.Ingress)
	if !ok {
		return
	}
	if backend := ingress.Spec.DefaultBackend; backend != nil && backend.Service != nil {
		look("spec.defaultBackend.service", *backend.Service)
	}
	for i, rule := range ingress.Spec.Rules {
		if rule.HTTP == nil {
			continue
		}
		for j, path := range rule.HTTP.Paths {
			if path.Backend.Service != nil {
				look(at("spec.rules[%d].http.paths[%d].backend.service", i, j), *path.Backend.Service)
			}
		}
	}
}

var routeKinds = []string{"HTTPRoute", "GRPCRoute", "TCPRoute", "TLSRoute", "UDPRoute"}

type backendRef struct {
	Group     *string `json:"group"`
	Kind      *string `json:"kind"`
	Name      string  `json:"name"`
	Namespace *string `json:"namespace"`
	Port      *int32  `json:"port"`
	Weight    *int32  `json:"weight"`
}

func (r backendRef) isService() bool {
	return (r.Group == nil || *r.Group == "") && (r.Kind == nil || *r.Kind == "Service") && r.Name != ""
}

func (r backendRef) namespaceOr(own string) string {
	if r.Namespace != nil && *r.Namespace != "" {
		return *r.Namespace
	}
	return own
}

type parentRef struct {
	Group       *string `json:"group"`
	Kind        *string `json:"kind"`
	Name        string  `json:"name"`
	Namespace   *string `json:"namespace"`
	SectionName *string `json:"sectionName"`
	Port        *int32  `json:"port"`
}

// anyRoute is what routes of all kinds have in common.
type anyRoute struct {
	ParentRefs []parentRef `json:"parentRefs"`
	Hostnames  []string    `json:"hostnames"`
	Rules      []struct {
		BackendRefs []backendRef `json:"backendRefs"`
		Filters     []struct {
			RequestMirror *struct {
				BackendRef backendRef `json:"backendRef"`
			} `json:"requestMirror"`
		} `json:"filters"`
	} `json:"rules"`
}

func (o *object) route() *anyRoute {
	if o.group != "gateway.networking.k8s.io" {
		return nil
	}
	return spec[anyRoute](o)
}

func eachRouteBackend(o *object, look func(field string, ref backendRef)) {
	route := o.route()
	if route == nil {
		return
	}
	for i, rule := range route.Rules {
		for j, ref := range rule.BackendRefs {
			look(at("spec.rules[%d].backendRefs[%d]", i, j), ref)
		}
		for j, filter := range rule.Filters {
			if filter.RequestMirror != nil {
				look(at("spec.rules[%d].filters[%d].requestMirror.backendRef", i, j), filter.RequestMirror.BackendRef)
			}
		}
	}
}

func (c *checker) eachParent(o *object, look func(c *checker, o *object, route *anyRoute, field string, ref parentRef, namespace string)) {
	route := o.route()
	if route == nil {
		return
	}
	for i, ref := range route.ParentRefs {
		if ref.Kind != nil && *ref.Kind != "Gateway" || ref.Group != nil && *ref.Group != "gateway.networking.k8s.io" {
			continue
		}
		namespace := o.namespace
		if ref.Namespace != nil {
			namespace = *ref.Namespace
		}
		look(c, o, route, at("spec.parentRefs[%d]", i), ref, namespace)
	}
}

// gatewayAPI returns the Gateway of the Gateway API, not the one of Istio.
func (s *index) gatewayAPI(namespace, name string) (*object, *gatewayv1.Gateway) {
	for _, o := range s.byKey[key{"Gateway", namespace, name}] {
		if gateway, ok := o.typed.(*gatewayv1.Gateway); ok {
			return o, gateway
		}
	}
	return nil, nil
}

func checkParentExists(c *checker, o *object, _ *anyRoute, field string, ref parentRef, namespace string) {
	if gateway, _ := c.gatewayAPI(namespace, ref.Name); gateway != nil || c.options.assumes("Gateway", namespace, ref.Name) {
		return
	}
	for _, other := range c.byKey[key{"Gateway", namespace, ref.Name}] {
		if other.group == "gateway.networking.k8s.io" {
			return
		}
	}
	c.missing(o, field+".name", c.absentGateway(namespace, ref.Name), "no request follows the route: "+in(namespace)+" has no Gateway "+ref.Name+
		c.elsewhere("Gateway", namespace, ref.Name), "name the Gateway, and its namespace where that is another one")
}

func checkParentSection(c *checker, o *object, _ *anyRoute, field string, ref parentRef, namespace string) {
	object, gateway := c.gatewayAPI(namespace, ref.Name)
	if gateway == nil {
		return
	}
	var names []string
	for _, listener := range gateway.Spec.Listeners {
		if ref.takes(listener) {
			return
		}
		names = append(names, at("%s (%d)", listener.Name, listener.Port))
	}
	if len(gateway.Spec.Listeners) == 0 {
		return
	}
	if ref.SectionName != nil {
		field += ".sectionName"
	} else {
		field += ".port"
	}
	c.report(o, field, "no request follows the route: "+object.String()+" has no such listener", "use one of its listeners: "+listOf(names))
}

func (r parentRef) takes(listener gatewayv1.Listener) bool {
	return (r.SectionName == nil || *r.SectionName == string(listener.Name)) && (r.Port == nil || *r.Port == listener.Port)
}

// protocolsOf are the protocols of the listeners that take a kind of route.
var protocolsOf = map[string][]string{
	"HTTPRoute": {"HTTP", "HTTPS"}, "GRPCRoute": {"HTTP", "HTTPS"}, "TCPRoute": {"TCP", "TLS"}, "TLSRoute": {"TLS"}, "UDPRoute": {"UDP"},
}

func checkParentAllows(c *checker, o *object, route *anyRoute, field string, ref parentRef, namespace string) {
	object, gateway := c.gatewayAPI(namespace, ref.Name)
	if gateway == nil {
		return
	}
	why, considered := "", false
	for _, listener := range gateway.Spec.Listeners {
		if !ref.takes(listener) {
			continue
		}
		considered = true
		refusal := c.refuses(o, route, namespace, listener)
		if refusal == "" {
			return
		}
		why = refusal
	}
	if considered {
		c.report(o, field, "no request follows the route: "+object.String()+" does not let it in, since "+why, "change the route, or what the listener allows")
	}
}

// refuses says why a listener of a Gateway in a namespace does not take a route, nothing where it does.
func (c *checker) refuses(o *object, route *anyRoute, namespace string, listener gatewayv1.Listener) string {
	protocol := string(listener.Protocol)
	if wanted, ok := protocolsOf[o.kind]; ok && slices.Contains([]string{"HTTP", "HTTPS", "TCP", "TLS", "UDP"}, protocol) && !slices.Contains(wanted, protocol) {
		return at("listener %s is for %s", listener.Name, protocol)
	}
	allowed := gatewayv1.NamespacesFromSame
	if listener.AllowedRoutes != nil {
		if from := listener.AllowedRoutes.Namespaces; from != nil {
			if from.From != nil {
				allowed = *from.From
			}
			if allowed == gatewayv1.NamespacesFromSelector && from.Selector != nil {
				if own, _ := c.find("Namespace", "", o.namespace); own != nil {
					selector, err := metav1.LabelSelectorAsSelector(from.Selector)
					has := labels.Merge(own.labels, labels.Set{"kubernetes.io/metadata.name": own.name})
					if err == nil && !selector.Matches(has) {
						return at("listener %s takes no routes of namespace %s, by its labels", listener.Name, o.namespace)
					}
				}
			}
		}
		if kinds := listener.AllowedRoutes.Kinds; len(kinds) > 0 && !slices.ContainsFunc(kinds, func(k gatewayv1.RouteGroupKind) bool { return string(k.Kind) == o.kind }) {
			return at("listener %s takes no %s", listener.Name, o.kind)
		}
	}
	if allowed == gatewayv1.NamespacesFromSame && namespace != o.namespace {
		return at("listener %s takes routes of its own namespace alone", listener.Name)
	}
	if listener.Hostname == nil || *listener.Hostname == "" || len(route.Hostnames) == 0 {
		return ""
	}
	for _, host := range route.Hostnames {
		if hostsMeet(string(*listener.Hostname), host) {
			return ""
		}
	}
	return at("listener %s is for host %s", listener.Name, *listener.Hostname)
}

// hostsMeet reports whether a host can match both: each is a name, or a wildcard for its first labels.
func hostsMeet(a, b string) bool {
	a, b = strings.ToLower(a), strings.ToLower(b)
	wildA, okA := strings.CutPrefix(a, "*")
	wildB, okB := strings.CutPrefix(b, "*")
	switch {
	case okA && okB:
		return strings.HasSuffix(wildA, wildB) || strings.HasSuffix(wildB, wildA)
	case okA:
		return strings.HasSuffix(b, wildA)
	case okB:
		return strings.HasSuffix(a, wildB)
	}
	return a == b
}

// checkGrants looks for references into other namespaces that no ReferenceGrant allows.
func checkGrants(c *checker, o *object) {
	if o.group != "gateway.networking.k8s.io" {
		return
	}
	ask := func(field, kind, namespace, name string) {
		if namespace == o.namespace || !c.namespaces[namespace] || c.granted(o, kind, namespace, name) {
			return
		}
		c.report(o, field, at("the reference is refused: no ReferenceGrant in namespace %s lets a %s of %s refer to %s %s", namespace, o.kind, in(o.namespace), kind, name),
			"add a ReferenceGrant there")
	}
	eachRouteBackend(o, func(field string, ref backendRef) {
		if ref.isService() && ref.Namespace != nil {
			ask(field+".namespace", "Service", *ref.Namespace, ref.Name)
		}
	})
	if gateway, ok := o.typed.(*gatewayv1.Gateway); ok {
		for i, listener := range gateway.Spec.Listeners {
			if listener.TLS == nil {
				continue
			}
			for j, ref := range listener.TLS.CertificateRefs {
				if ref.Namespace != nil {
					ask(at("spec.listeners[%d].tls.certificateRefs[%d].namespace", i, j), "Secret", string(*ref.Namespace), string(ref.Name))
				}
			}
		}
	}
}

type referenceGrant struct {
	From []struct {
		Group     string `json:"group"`
		Kind      string `json:"kind"`
		Namespace string `json:"namespace"`
	} `json:"from"`
	To []struct {
		Group string `json:"group"`
		Kind  string `json:"kind"`
		Name  string `json:"name"`
	} `json:"to"`
}

func (c *checker) granted(o *object, kind, namespace, name string) bool {
	for _, grant := range c.grants[namespace] {
		from, to := false, false
		for _, f := range grant.From {
			from = from || f.Group == o.group && f.Kind == o.kind && f.Namespace == o.namespace
		}
		for _, t := range grant.To {
			to = to || t.Group == "" && t.Kind == kind && (t.Name == "" || t.Name == name)
		}
		if from && to {
			return true
		}
	}
	return false
}
