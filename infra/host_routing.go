package infra

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/aws/constructs-go/constructs/v10"
	networkingv1 "k8s.io/api/networking/v1"
	"k8s.io/apimachinery/pkg/util/validation"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"

	"github.com/crossoverJie/k8s-combat/imports/tree"
	"github.com/crossoverJie/k8s-combat/infra/internal/object"
	"github.com/crossoverJie/k8s-combat/infra/internal/problem"
)

// RoutingForm is the API in which a HostRouting is written.
type RoutingForm string

const (
	// Ingress is the older API, which every cluster knows and an ingress controller acts on.
	// See https://kubernetes.io/docs/concepts/services-networking/ingress/.
	Ingress RoutingForm = "Ingress"
	// GatewayAPI is its successor: a Gateway, and an HTTPRoute for each host. The cluster needs the
	// Gateway API's CRDs and an implementation; ingress-nginx, which the older API was mostly used
	// with, was retired in March 2026. See https://gateway-api.sigs.k8s.io/.
	GatewayAPI RoutingForm = "GatewayAPI"
)

// PathType says how a Path matches the path of a request.
type PathType string

const (
	// PathPrefix matches whole elements of the path: /a matches /a, /a/ and /a/b, but not /ab.
	PathPrefix PathType = "Prefix"
	// PathExact matches the very path.
	PathExact PathType = "Exact"
)

// AnyHost is the Host that matches every request.
const AnyHost = problem.AnyHost

// Host is what is served under one host name.
type Host struct {
	// Name is the DNS name that the client asks for, without scheme and port. The first label may
	// be '*'; AnyHost matches all. Required.
	Name string
	// Paths are where requests for the host go. At least one is required.
	Paths []Path
}

// Path sends the requests for a path of a host to a Service.
type Path struct {
	// Path of the request, beginning with '/', without '//', elements that are '.' or '..', '?' and
	// '#'. The same path twice for a host is an error. Required.
	Path string
	// Type says how Path matches. Defaults to PathPrefix.
	Type PathType
	// Backend is the Service that answers. Required.
	Backend Backend
}

// HostTLS ends TLS for some hosts.
type HostTLS struct {
	// Hosts that the certificate is for, each one of the routing's and of no other HostTLS. Required.
	Hosts []string
	// Certificate are Credentials with the keys tls.crt and tls.key, in the namespace of the routing;
	// most controllers ask for the type kubernetes.io/tls. In the form GatewayAPI they may be in
	// another namespace. Istio as the controller of an Ingress looks for a Secret of that name in the
	// namespace of its gateway's pods instead. Required.
	Certificate *Credentials
}

// HostRoutingProps are the options of a HostRouting.
type HostRoutingProps struct {
	// Name of the Ingress or Gateway; an HTTPRoute is called Name, '-' and its host, cut where that is
	// too long. Required; an RFC 1123 subdomain.
	Name string
	// Form is the API to write. Defaults to Ingress.
	Form RoutingForm
	// Class names the controller that acts on the routing: the IngressClass or GatewayClass.
	// Required for GatewayAPI; for Ingress it defaults to the cluster's default class.
	// Of the class istio, a Gateway has pods of its own in its namespace, which name no seccomp
	// profile: where Restricted is enforced they are refused, unless Istio is installed with
	// --set values.gateways.seccompProfile.type=RuntimeDefault.
	Class string
	// Hosts that are served; the Paths of one that is named twice are joined. At least one is required.
	Hosts []Host
	// TLS ends TLS for some hosts. In the form GatewayAPI plain HTTP for them is answered with a
	// redirect to HTTPS; in the form Ingress that is the controller's to decide. Defaults to none.
	TLS []HostTLS
	// KeepHTTP serves hosts that have TLS by plain HTTP too; for the form GatewayAPI. Defaults to
	// false.
	KeepHTTP bool
	// Labels and Annotations of every object written. Default to none.
	Labels, Annotations map[string]string
	// Patch has the last word on the Ingress.
	Patch func(*networkingv1.Ingress)
	// PatchGateway has the last word on the Gateway.
	PatchGateway func(*gatewayv1.Gateway)
	// PatchRoute has the last word on each HTTPRoute.
	PatchRoute func(*gatewayv1.HTTPRoute)
	// PatchReferenceGrant has the last word on each ReferenceGrant, which is made in the form
	// GatewayAPI for what is in another namespace.
	PatchReferenceGrant func(*gatewayv1.ReferenceGrant)
}

func (props HostRoutingProps) withDefaults() HostRoutingProps {
	if props.Form == "" {
		props.Form = Ingress
	}
	props.Hosts = slices.Clone(props.Hosts)
	for i := range props.Hosts {
		paths := slices.Clone(props.Hosts[i].Paths)
		for j := range paths {
			paths[j] = paths[j].withDefaults()
		}
		props.Hosts[i].Paths = paths
	}
	return props
}

func (path Path) withDefaults() Path {
	if path.Type == "" {
		path.Type = PathPrefix
	}
	return path
}

// routedHost is a Host with all its paths, each with the option that it was given by.
type routedHost struct {
	name  string
	paths []routedPath
}

type routedPath struct {
	Path
	at *problem.Path
}

// hosts joins the paths of hosts that are named more than once, in the order in which they are given.
func (props HostRoutingProps) hosts() []routedHost {
	var result []routedHost
	for i, host := range props.Hosts {
		n := slices.IndexFunc(result, func(h routedHost) bool { return h.name == host.Name })
		if n < 0 {
			n = len(result)
			result = append(result, routedHost{name: host.Name})
		}
		for j, path := range host.Paths {
			at := problem.At("Hosts").Index(i).Child("Paths").Index(j)
			result[n].paths = append(result[n].paths, routedPath{path, at})
		}
	}
	return result
}

func (props HostRoutingProps) validate() problem.List {
	var p problem.List
	p.DNSSubdomain(problem.At("Name"), props.Name)
	problem.OneOf(&p, problem.At("Form"), props.Form, Ingress, GatewayAPI)
	if props.Class != "" {
		p.DNSSubdomain(problem.At("Class"), props.Class)
	} else if props.Form == GatewayAPI {
		p.Missing(problem.At("Class"),
			"the Gateway API has no default class; name the cluster's GatewayClass, for example \"istio\"")
	}
	p.Labels(problem.At("Labels"), props.Labels)
	p.Annotations(problem.At("Annotations"), props.Annotations)
	for _, patch := range []struct {
		field string
		given bool
		form  RoutingForm
	}{
		{"Patch", props.Patch != nil, Ingress}, {"PatchGateway", props.PatchGateway != nil, GatewayAPI},
		{"PatchRoute", props.PatchRoute != nil, GatewayAPI},
		{"PatchReferenceGrant", props.PatchReferenceGrant != nil, GatewayAPI},
	} {
		if patch.given && patch.form != props.Form {
			p.Add(problem.At(patch.field), "func", "is for the form "+string(patch.form)+"; leave it out")
		}
	}
	if len(props.Hosts) == 0 {
		p.Missing(problem.At("Hosts"), "give at least one host")
	}
	routes := map[string]string{}
	for i, host := range props.Hosts {
		host.validate(&p, problem.At("Hosts").Index(i), routes)
	}
	certificates := 0
	for i, tls := range props.TLS {
		props.validateTLS(&p, problem.At("TLS").Index(i), tls)
		certificates += len(tls.Hosts)
	}
	if props.Form == GatewayAPI {
		props.validateGatewayLimits(&p, certificates)
	} else if props.KeepHTTP {
		p.Add(problem.At("KeepHTTP"), true,
			"is for the form "+string(GatewayAPI)+"; leave it out, and see what the ingress controller does")
	}
	return p
}

// Limits of the Gateway API's CRDs: maxItems of listeners and rules, maxLength and pattern of a path.
const maxListeners, maxRouteRules, maxRoutePath = 64, 16, 1024

var routePath = regexp.MustCompile("^(?:[-A-Za-z0-9/._~!$&'()*+,;=:@]|%[0-9a-fA-F]{2})+$")

func (props HostRoutingProps) validateGatewayLimits(p *problem.List, certificates int) {
	if listeners := 1 + certificates; listeners > maxListeners {
		p.Add(problem.At("TLS"), certificates,
			fmt.Sprintf("hosts are more than a Gateway can listen for, %d beside plain HTTP; use several HostRoutings", maxListeners-1))
	}
	var labels problem.Unique
	for _, host := range props.hosts() {
		at := problem.At("Hosts").Index(slices.IndexFunc(props.Hosts,
			func(h Host) bool { return h.Name == host.name }))
		if len(host.paths) > maxRouteRules {
			p.Add(at.Child("Paths"), len(host.paths),
				fmt.Sprintf("paths are more than an HTTPRoute can hold, %d; use several HostRoutings",
					maxRouteRules))
		}
		labels.Check(p, at.Child("Name"), at, hostLabel(host.name))
		for _, path := range host.paths {
			if strings.HasPrefix(path.Path.Path,
				"/") && (len(path.Path.Path) > maxRoutePath || !routePath.MatchString(path.Path.Path)) {
				p.Add(path.at.Child("Path"), path.Path.Path,
					fmt.Sprintf("is not a path that an HTTPRoute takes; use at most %d letters, digits and characters that a URL allows, others as %%20", maxRoutePath))
			}
		}
	}
}

// routeName is the name of the HTTPRoute of a host.
func (props HostRoutingProps) routeName(host string) string {
	return object.Cut(props.Name+"-"+hostLabel(host), validation.DNS1123SubdomainMaxLength)
}

// redirectName is the name of the HTTPRoute that sends requests for a host to HTTPS.
func (props HostRoutingProps) redirectName(host string) string {
	return object.Cut(props.Name+"-"+hostLabel(host)+"-redirect", validation.DNS1123SubdomainMaxLength)
}

func (host Host) validate(p *problem.List, field *problem.Path, routes map[string]string) {
	if host.Name == "" {
		p.Missing(field.Child("Name"), "name the host, for example \"www.example.com\", or AnyHost for all")
	} else {
		p.RoutedHost(field.Child("Name"), host.Name)
	}
	if len(host.Paths) == 0 {
		p.Missing(field.Child("Paths"), "give at least one path, for example \"/\"")
	}
	for i, path := range host.Paths {
		at := field.Child("Paths").Index(i)
		path.validate(p, at)
		key := fmt.Sprintf("%s %s %s", host.Name, path.Type, path.Path)
		if first, twice := routes[key]; twice {
			p.Add(at.Child("Path"), path.Path,
				fmt.Sprintf("is already routed for host %q by %s; leave out one of them", host.Name, first))
			continue
		}
		routes[key] = at.String()
	}
}

// What the API server refuses inside of a path and at its end (ValidatePathType of the networking API).
var (
	pathSequences = []string{"//", "/./", "/../", "%2f", "%2F"}
	pathEndings   = []string{"/..", "/."}
)

func (path Path) validate(p *problem.List, field *problem.Path) {
	problem.OneOf(p, field.Child("Type"), path.Type, PathPrefix, PathExact)
	path.Backend.validate(p, field.Child("Backend"))
	const rule = "does not begin with '/'; use for example \"/\" or \"/api\""
	if !strings.HasPrefix(path.Path, "/") {
		p.Add(field.Child("Path"), path.Path, rule)
		return
	}
	refused := func(part string) bool { return strings.Contains(path.Path, part) }
	ends := func(part string) bool { return strings.HasSuffix(path.Path, part) }
	if slices.ContainsFunc(pathSequences, refused) || slices.ContainsFunc(pathEndings,
		ends) || strings.ContainsAny(path.Path, " \t\r\n?#") {
		p.Add(field.Child("Path"), path.Path,
			"is not a normal path; leave out '//', '.' and '..' elements, '%2f', white space, '?' and '#'")
	}
}

func (props HostRoutingProps) validateTLS(p *problem.List, field *problem.Path, tls HostTLS) {
	if len(tls.Hosts) == 0 {
		p.Missing(field.Child("Hosts"), "name the hosts that the certificate is for")
	}
	for i, name := range tls.Hosts {
		at := field.Child("Hosts").Index(i)
		if !slices.ContainsFunc(props.Hosts, func(h Host) bool { return h.Name == name }) {
			p.Add(at, name, "is not one of the routing's Hosts; add it there, or leave it out here")
		}
		for j, other := range props.TLS {
			before := problem.At("TLS").Index(j).String()
			if before == field.String() {
				break
			}
			if slices.Contains(other.Hosts, name) {
				p.Add(at, name, "has a certificate from "+before+" already; leave out one of them")
			}
		}
		if slices.Contains(tls.Hosts[:i], name) {
			p.Add(at, name, "is there twice; leave out one of them")
		}
		if name == AnyHost && len(tls.Hosts) > 1 {
			p.Add(at, name, "stands for all hosts, and cannot stand beside others; give it an entry of its own")
		}
	}
	if tls.Certificate.Data() == nil {
		p.Missing(field.Child("Certificate"), "give Credentials of the type kubernetes.io/tls")
		return
	}
	for _, key := range tlsKeys {
		tls.Certificate.Key(key).Validate(p, field.Child("Certificate"))
	}
}

// HostRouting sends requests from outside the cluster to Services, by host and path: an Ingress, or
// a Gateway with HTTPRoutes.
type HostRouting struct {
	constructs.Construct
	props HostRoutingProps
}

// NewHostRouting makes a HostRouting. In the form Ingress its child Resource is the Ingress; in the
// form GatewayAPI it is the Gateway, beside one child for each host, an HTTPRoute, whose id is the
// host.
func NewHostRouting(scope constructs.Construct, id string, props HostRoutingProps) *HostRouting {
	props = props.withDefaults()
	r := &HostRouting{props: props}
	tree.New(r, scope, id)
	tree.Invalid(r, props.validate()...)
	if props.Form == GatewayAPI {
		r.addGateway()
	} else {
		r.addIngress()
	}
	return r
}

// Name returns the name of the Ingress or Gateway.
func (r *HostRouting) Name() string {
	if r == nil {
		return ""
	}
	return r.props.Name
}
