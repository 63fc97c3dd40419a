package infra

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/validation"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"

	"github.com/crossoverJie/k8s-combat/imports/gatewayapi"
	"github.com/crossoverJie/k8s-combat/imports/tree"
	"github.com/crossoverJie/k8s-combat/infra/internal/object"
	"github.com/crossoverJie/k8s-combat/infra/internal/problem"
	"github.com/crossoverJie/k8s-combat/infra/internal/ref"
)

func (r *HostRouting) addGateway() {
	namespace := object.ChartNamespace(r)
	grants := grantSet{from: namespace}
	gatewayapi.NewGateway(r, "Resource",
		object.Patched(r, "PatchGateway", r.props.gateway(&grants), r.props.PatchGateway))
	for _, host := range r.props.hosts() {
		if host.name == "" {
			continue
		}
		gatewayapi.NewHTTPRoute(r, hostLabel(host.name),
			object.Patched(r, "PatchRoute", r.props.route(host, &grants), r.props.PatchRoute))
		if r.props.redirects(host.name) {
			gatewayapi.NewHTTPRoute(r, hostLabel(host.name)+"-redirect",
				object.Patched(r, "PatchRoute", r.props.redirect(host.name), r.props.PatchRoute))
		}
	}
	objects := grants.objects(r.props)
	tree.Invalid(r, grants.problems...)
	for _, grant := range objects {
		gatewayapi.NewReferenceGrant(r, "Grant-"+grant.Namespace,
			object.Patched(r, "PatchReferenceGrant", grant, r.props.PatchReferenceGrant))
	}
}

// hostLabel writes a host, which may hold a '*', as part of a name.
func hostLabel(host string) string { return strings.ReplaceAll(host, AnyHost, "wildcard") }

// The names of the listeners: the one for plain HTTP, and the one that ends TLS for a host.
const httpListener = "http"

func listenerName(host string) string {
	return object.Cut("https-"+hostLabel(host), validation.DNS1123SubdomainMaxLength)
}

// hostname is how the Gateway API writes a host: it leaves out the one that stands for all.
func hostname(host string) *gatewayv1.Hostname {
	if host == AnyHost {
		return nil
	}
	return new(gatewayv1.Hostname(host))
}

func (props HostRoutingProps) gateway(grants *grantSet) *gatewayv1.Gateway {
	gateway := &gatewayv1.Gateway{
		ObjectMeta: object.Meta(props.Name, props.Labels, props.Annotations),
		Spec: gatewayv1.GatewaySpec{
			GatewayClassName: gatewayv1.ObjectName(props.Class),
			Listeners: []gatewayv1.Listener{{Name: httpListener,
				Protocol: gatewayv1.HTTPProtocolType, Port: 80}},
		},
	}
	for i, tls := range props.TLS {
		if tls.Certificate.Data() == nil {
			continue
		}
		namespace := grants.follow(problem.At("TLS").Index(i).Child("Certificate"), "Gateway",
			tls.Certificate.Data().Object)
		for _, host := range tls.Hosts {
			gateway.Spec.Listeners = append(gateway.Spec.Listeners, gatewayv1.Listener{
				Name:     gatewayv1.SectionName(listenerName(host)),
				Hostname: hostname(host),
				Protocol: gatewayv1.HTTPSProtocolType,
				Port:     443,
				TLS: &gatewayv1.ListenerTLSConfig{
					CertificateRefs: []gatewayv1.SecretObjectReference{{Name: gatewayv1.ObjectName(tls.Certificate.Name()), Namespace: namespace}},
				},
			})
		}
	}
	return gateway
}

// hasTLS reports whether a listener ends TLS for the host.
func (props HostRoutingProps) hasTLS(host string) bool {
	return slices.ContainsFunc(props.TLS,
		func(tls HostTLS) bool { return tls.Certificate != nil && slices.Contains(tls.Hosts, host) })
}

// redirects reports whether plain HTTP for the host is answered with a redirect.
func (props HostRoutingProps) redirects(host string) bool {
	return props.hasTLS(host) && !props.KeepHTTP
}

func (props HostRoutingProps) listener(name string) gatewayv1.ParentReference {
	return gatewayv1.ParentReference{Name: gatewayv1.ObjectName(props.Name),
		SectionName: new(gatewayv1.SectionName(name))}
}

// redirect is the route by which plain HTTP for a host is sent to HTTPS.
func (props HostRoutingProps) redirect(host string) *gatewayv1.HTTPRoute {
	route := &gatewayv1.HTTPRoute{
		ObjectMeta: object.Meta(props.redirectName(host), props.Labels, props.Annotations),
		Spec: gatewayv1.HTTPRouteSpec{
			CommonRouteSpec: gatewayv1.CommonRouteSpec{ParentRefs: []gatewayv1.ParentReference{props.listener(httpListener)}},
			Rules: []gatewayv1.HTTPRouteRule{{Filters: []gatewayv1.HTTPRouteFilter{{
				Type: gatewayv1.HTTPRouteFilterRequestRedirect,
				RequestRedirect: &gatewayv1.HTTPRequestRedirectFilter{Scheme: new("https"),
					StatusCode: new(301)},
			}}}},
		},
	}
	if name := hostname(host); name != nil {
		route.Spec.Hostnames = []gatewayv1.Hostname{*name}
	}
	return route
}

// parents are the listeners for a host: without their names a route attaches to each of the Gateway
// that has its host, and one without hosts to all of them.
func (props HostRoutingProps) parents(host string) []gatewayv1.ParentReference {
	var parents []gatewayv1.ParentReference
	if !props.redirects(host) {
		parents = append(parents, props.listener(httpListener))
	}
	if props.hasTLS(host) {
		parents = append(parents, props.listener(listenerName(host)))
	}
	return parents
}

func (props HostRoutingProps) route(host routedHost, grants *grantSet) *gatewayv1.HTTPRoute {
	route := &gatewayv1.HTTPRoute{
		ObjectMeta: object.Meta(props.routeName(host.name), props.Labels, props.Annotations),
		Spec:       gatewayv1.HTTPRouteSpec{CommonRouteSpec: gatewayv1.CommonRouteSpec{ParentRefs: props.parents(host.name)}},
	}
	if name := hostname(host.name); name != nil {
		route.Spec.Hostnames = []gatewayv1.Hostname{*name}
	}
	for _, path := range host.paths {
		match := gatewayv1.PathMatchPathPrefix
		if path.Type == PathExact {
			match = gatewayv1.PathMatchExact
		}
		route.Spec.Rules = append(route.Spec.Rules, gatewayv1.HTTPRouteRule{
			Matches: []gatewayv1.HTTPRouteMatch{{Path: &gatewayv1.HTTPPathMatch{Type: &match,
				Value: &path.Path.Path}}},
			BackendRefs: []gatewayv1.HTTPBackendRef{{BackendRef: gatewayv1.BackendRef{
				BackendObjectReference: gatewayv1.BackendObjectReference{
					Name:      gatewayv1.ObjectName(path.Backend.serviceName()),
					Namespace: grants.follow(path.at.Child("Backend"), "HTTPRoute", path.Backend.object()),
					Port:      new(path.Backend.portNumber()),
				},
			}}},
		})
	}
	return route
}

// grantSet collects the references to objects of other namespaces, which these have to allow by a
// ReferenceGrant. See https://gateway-api.sigs.k8s.io/api-types/referencegrant/.
type grantSet struct {
	from     string
	problems problem.List
	// wanted are, by namespace, who refers to what there.
	wanted map[string]map[grant]bool
}

type grant struct{ referrer, kind, name string }

// grantName is the name of the ReferenceGrants of a routing, which tells them from others': a
// namespace has no '.'.
func grantName(namespace, routing string) string {
	return object.Cut(namespace+"."+routing, validation.DNS1123SubdomainMaxLength)
}

// follow returns the namespace to write into a reference from an object of that kind, nil where it
// is the same.
func (g *grantSet) follow(at *problem.Path, referrer string, target ref.Object) *gatewayv1.Namespace {
	namespace, ok := target.Namespace()
	if !ok || namespace == g.from {
		return nil
	}
	if namespace == "" || g.from == "" {
		g.problems.Add(at, target.Name(),
			fmt.Sprintf("is a %s in %s, the routing in %s, and to refer to one from the other both have to be known; give both charts a Namespace",
				target.Kind(), ref.ShowNamespace(namespace), ref.ShowNamespace(g.from)))
		return nil
	}
	if g.wanted == nil {
		g.wanted = map[string]map[grant]bool{}
	}
	if g.wanted[namespace] == nil {
		g.wanted[namespace] = map[grant]bool{}
	}
	g.wanted[namespace][grant{referrer, target.Kind(), target.Name()}] = true
	return new(gatewayv1.Namespace(namespace))
}

// objects are the ReferenceGrants, one for each namespace, which name what is referred to and
// nothing else.
func (g *grantSet) objects(props HostRoutingProps) []*gatewayv1.ReferenceGrant {
	var objects []*gatewayv1.ReferenceGrant
	name := grantName(g.from, props.Name)
	for _, namespace := range slices.Sorted(maps.Keys(g.wanted)) {
		object := &gatewayv1.ReferenceGrant{
			ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: namespace, Labels: props.Labels},
		}
		grants := slices.SortedFunc(maps.Keys(g.wanted[namespace]), func(a, b grant) int {
			return cmp.Or(cmp.Compare(a.referrer, b.referrer), cmp.Compare(a.kind, b.kind),
				cmp.Compare(a.name, b.name))
		})
		for _, wanted := range grants {
			from := gatewayv1.ReferenceGrantFrom{Group: gatewayv1.GroupName,
				Kind: gatewayv1.Kind(wanted.referrer), Namespace: gatewayv1.Namespace(g.from)}
			if !slices.Contains(object.Spec.From, from) {
				object.Spec.From = append(object.Spec.From, from)
			}
			object.Spec.To = append(object.Spec.To,
				gatewayv1.ReferenceGrantTo{Kind: gatewayv1.Kind(wanted.kind),
					Name: new(gatewayv1.ObjectName(wanted.name))})
		}
		objects = append(objects, object)
	}
	return objects
}
