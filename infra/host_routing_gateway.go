package infra

import (
	"strings"

	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"

	"github.com/crossoverJie/k8s-combat/imports/gatewayapi"
)

func (r *HostRouting) addGateway() {
	gatewayapi.NewGateway(r, "Resource", patched(r, r.props.gateway(), r.props.PatchGateway))
	for _, host := range r.props.Hosts {
		gatewayapi.NewHTTPRoute(r, hostLabel(host.Name), patched(r, r.props.route(host), r.props.PatchRoute))
	}
}

// hostLabel writes a host, which may hold a '*', as part of a name.
func hostLabel(host string) string { return strings.ReplaceAll(host, AnyHost, "wildcard") }

// listenerName is the name of the listener that ends TLS for a host.
func listenerName(host string) string { return "https-" + hostLabel(host) }

// hostname is how the Gateway API writes a host: it leaves out the one that stands for all.
func hostname(host string) *gatewayv1.Hostname {
	if host == AnyHost {
		return nil
	}
	return new(gatewayv1.Hostname(host))
}

func (props HostRoutingProps) gateway() *gatewayv1.Gateway {
	gateway := &gatewayv1.Gateway{
		ObjectMeta: objectMeta(props.Name, props.Labels, props.Annotations),
		Spec: gatewayv1.GatewaySpec{
			GatewayClassName: gatewayv1.ObjectName(props.Class),
			Listeners:        []gatewayv1.Listener{{Name: "http", Protocol: gatewayv1.HTTPProtocolType, Port: 80}},
		},
	}
	for _, tls := range props.TLS {
		if tls.Certificate == nil {
			continue
		}
		for _, host := range tls.Hosts {
			gateway.Spec.Listeners = append(gateway.Spec.Listeners, gatewayv1.Listener{
				Name:     gatewayv1.SectionName(listenerName(host)),
				Hostname: hostname(host),
				Protocol: gatewayv1.HTTPSProtocolType,
				Port:     443,
				TLS: &gatewayv1.ListenerTLSConfig{
					CertificateRefs: []gatewayv1.SecretObjectReference{{Name: gatewayv1.ObjectName(tls.Certificate.Name())}},
				},
			})
		}
	}
	return gateway
}

func (props HostRoutingProps) route(host Host) *gatewayv1.HTTPRoute {
	route := &gatewayv1.HTTPRoute{
		ObjectMeta: objectMeta(props.routeName(host), props.Labels, props.Annotations),
		Spec: gatewayv1.HTTPRouteSpec{
			CommonRouteSpec: gatewayv1.CommonRouteSpec{
				ParentRefs: []gatewayv1.ParentReference{{Name: gatewayv1.ObjectName(props.Name)}},
			},
		},
	}
	if name := hostname(host.Name); name != nil {
		route.Spec.Hostnames = []gatewayv1.Hostname{*name}
	}
	for _, path := range host.Paths {
		match := gatewayv1.PathMatchPathPrefix
		if path.Type == PathExact {
			match = gatewayv1.PathMatchExact
		}
		route.Spec.Rules = append(route.Spec.Rules, gatewayv1.HTTPRouteRule{
			Matches: []gatewayv1.HTTPRouteMatch{{Path: &gatewayv1.HTTPPathMatch{Type: &match, Value: &path.Path}}},
			BackendRefs: []gatewayv1.HTTPBackendRef{{BackendRef: gatewayv1.BackendRef{
				BackendObjectReference: gatewayv1.BackendObjectReference{
					Name: gatewayv1.ObjectName(path.Backend.service),
					Port: new(gatewayv1.PortNumber(path.Backend.port)),
				},
			}}},
		})
	}
	return route
}
