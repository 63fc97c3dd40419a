package check

import (
	"slices"
	"strings"
)

var twoPorts = edited(serviceExample, "[{name: http, port: 80, targetPort: http}]", "[{name: http, port: 8080, targetPort: http}, {name: http-admin, port: 9090, targetPort: http}]")

var portRules = []Rule{
	{
		Code: "KC170", Title: "a destination that does not say which port", Severity: Error, Kinds: []string{"VirtualService"},
		Doc: "A destination without a port is that of the Service, where the Service has one alone. Of a Service with several it is the one " +
			"at which the requests arrive: the port of the gateway's server, or of the host that was asked. Where the Service has none of " +
			"that number, the requests are answered 503.",
		Wrong: documents(webExample, twoPorts, istioGatewayExample, edited(frontVirtualService, "host: web, port: {number: 80}", "host: web")),
		Right: documents(webExample, twoPorts, istioGatewayExample, edited(frontVirtualService, "number: 80", "number: 8080")),
		object: func(c *checker, o *object) {
			v := c.mesh.virtualServices[o]
			if v == nil {
				return
			}
			arrive := c.arrivals(o, v)
			if len(arrive) == 0 {
				return
			}
			c.eachDestination(o, func(field string, d *destination) {
				if d.Port != nil && d.Port.Number != 0 || !strings.HasPrefix(field, "spec.http") {
					return
				}
				name, namespace, ok := c.domain.serviceOf(c.domain.fullHost(d.Host, o.namespace))
				service, _ := c.find("Service", namespace, name)
				if !ok || service == nil || service.service() == nil || len(service.service().Spec.Ports) < 2 {
					return
				}
				if !slices.ContainsFunc(arrive, func(number int64) bool { return hasPort(service.service(), int32(number)) }) {
					c.report(o, field+".port", at("the requests are answered 503: they arrive at port %d, which %s does not have", arrive[0], service), "say which port: "+servicePorts(service))
				}
			})
		},
	},
}

// arrivals are the ports at which the requests arrive that a VirtualService is for, none where one of them is not known.
func (c *checker) arrivals(o *object, v *virtualService) (ports []int64) {
	if inMesh(v) {
		for _, host := range v.Hosts {
			full := c.domain.fullHost(host, o.namespace)
			name, namespace, ok := c.domain.serviceOf(full)
			service, _ := c.find("Service", namespace, name)
			if !ok || service == nil || service.service() == nil {
				return nil
			}
			for _, port := range service.service().Spec.Ports {
				ports = append(ports, int64(port.Port))
			}
		}
	}
	for _, name := range v.Gateways {
		if name == meshGateway {
			continue
		}
		gateway, _ := c.istioGateway(o, name)
		if gateway == nil || c.mesh.gateways[gateway] == nil {
			return nil
		}
		for _, server := range c.mesh.gateways[gateway].Servers {
			if server.Port != nil {
				ports = append(ports, server.Port.Number)
			}
		}
	}
	return ports
}
