package fuzz

import (
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/crossoverJie/k8s-combat/infra"
	"github.com/crossoverJie/k8s-combat/infra/internal/fuzz/fill"
	"github.com/crossoverJie/k8s-combat/infra/mesh"
)

// canary puts a Service before versions that it selects.
func (w *world) canary(props *mesh.IstioCanaryProps) {
	app := fmt.Sprintf("shop-%d", len(w.names))
	props.Service = fresh[infra.ServiceProps, *infra.Service](w, func(service *infra.ServiceProps) {
		*service = infra.ServiceProps{Name: app, Selector: map[string]string{"app": app}, Ports: service.Ports}
		if w.Chance(0.7) {
			service.Ports = []infra.ServicePort{{Name: "http", Port: 80, TargetPort: 8080}}
		}
		if w.Chance(0.9) {
			for i := range service.Ports {
				service.Ports[i].NodePort, service.Ports[i].Protocol, service.Ports[i].AppProtocol = 0, "", ""
			}
		}
	})
	versions := max(1, len(props.Versions))
	props.Versions = slices.Grow(props.Versions, versions)[:versions]
	for i := range props.Versions {
		version := fmt.Sprintf("v%d", i+1)
		props.Versions[i].Name = version
		change := func(workload *infra.ProbedDeploymentProps) {
			workload.Name, workload.Version, workload.Patch = app+"-"+version, version, nil
			workload.Selector = map[string]string{"app": app, "version": version}
			delete(workload.Labels, "app")
		}
		props.Versions[i].Workload = fresh[infra.ProbedDeploymentProps, *infra.ProbedDeployment](w, change)
	}
	if w.Chance(0.7) {
		props.Gateways = nil
	}
	if len(props.Gateways) > 0 {
		props.Hosts = []string{"www.example.com"}
		change := func(gateway *mesh.IstioGatewayProps) {
			gateway.Servers = []mesh.GatewayServer{{Port: 80, Hosts: []string{fill.Pick(w.Filler,
				"www.example.com", "*.example.com", infra.AnyHost, "./www.example.com",
				"shop/www.example.com", "*/*")}}}
			gateway.Certificate = nil
			if w.Chance(0.3) {
				gateway.Certificate = w.credentials()
			}
		}
		props.Gateways = []*mesh.IstioGateway{fresh[mesh.IstioGatewayProps, *mesh.IstioGateway](w, change)}
	}
	if len(props.Gateways) == 0 {
		props.Hosts = nil
		if w.Chance(0.3) {
			props.Hosts = []string{"shop.example.com", "*.api.example.com"}
		}
	}
	for i := range props.Rules {
		w.destinations(&props.Rules[i], props.Versions, w.portOf(props.Service))
		if i == len(props.Rules)-1 {
			props.Rules[i].Match = nil
		} else if len(props.Rules[i].Match) == 0 {
			props.Rules[i].Match = []mesh.Match{{Headers: map[string]mesh.StringMatch{"x-rule": mesh.Exact(strconv.Itoa(i))}}}
		}
	}
}

// destinations lets a rule go to versions of a canary.
func (w *world) destinations(rule *mesh.Rule, versions []mesh.Version, port string) {
	for i := range rule.Match {
		if w.Chance(0.8) {
			rule.Match[i].Port = 0
		}
		if w.Chance(0.7) {
			rule.Match[i].Authority, rule.Match[i].SourceLabels = mesh.StringMatch{}, nil
		}
	}
	if rule.Mirror != (mesh.Mirror{}) {
		rule.Mirror.Workload = versions[0].Workload
	}
	if rule.Redirect != (mesh.Redirect{}) {
		rule.To = nil
		return
	}
	n := min(len(versions), max(1, len(rule.To)))
	rule.To = nil
	for i := range n {
		rule.To = append(rule.To, mesh.Destination{Workload: versions[i].Workload, Weight: int32(100 / n), Port: port})
	}
	rule.To[0].Weight += int32(100 % n)
}

func (w *world) rule(rule *mesh.Rule) {
	if rule.Redirect != (mesh.Redirect{}) {
		if w.Chance(0.7) {
			rule.Redirect = mesh.Redirect{}
		} else {
			rule.Redirect.URI = "/elsewhere"
			*rule = mesh.Rule{Name: rule.Name, Match: rule.Match, Redirect: rule.Redirect,
				ResponseHeaders: rule.ResponseHeaders}
		}
	}
	fault := &rule.Fault
	if *fault != (mesh.Fault{}) {
		rule.Timeout, rule.Retries = 0, mesh.Retries{}
		if fault.Delay == 0 {
			fault.DelayPercent = nil
		}
		if fault.AbortStatus == 0 {
			fault.AbortPercent = nil
		}
	}
	if rule.Retries.Disabled {
		rule.Retries = mesh.Retries{Disabled: true}
	}
	if rule.Timeout > 0 {
		rule.Retries.PerTryTimeout = min(rule.Retries.PerTryTimeout, rule.Timeout)
	}
	if rule.Rewrite.Authority != "" {
		delete(rule.RequestHeaders.Set, "host")
	}
	if rule.CORS.AllowOrigins == nil {
		rule.CORS = mesh.CORS{}
	}
	for i := range rule.Match {
		if rule.Match[i].URI == (mesh.StringMatch{}) {
			rule.Match[i].IgnoreURICase = false
		}
	}
}

func (w *world) trafficPolicy(policy *mesh.TrafficPolicy) {
	hash := &policy.LoadBalancer.ConsistentHash
	if *hash != (mesh.ConsistentHash{}) {
		policy.LoadBalancer.Simple = ""
		*hash = fill.Pick(w.Filler, mesh.ConsistentHash{Header: "x-user"},
			mesh.ConsistentHash{Cookie: "session", CookieTTL: time.Hour},
			mesh.ConsistentHash{QueryParam: "user"}, mesh.ConsistentHash{SourceIP: true})
	}
}

func (w *world) gateway(props *mesh.IstioGatewayProps) {
	plain := false
	for i := range props.Servers {
		server := &props.Servers[i]
		server.Port = int32(8000 + i)
		encrypted := server.Protocol == mesh.GatewayHTTPS || server.Protocol == mesh.GatewayTLS
		plain = plain || server.Protocol == "" || server.Protocol == mesh.GatewayHTTP
		server.Hosts = slices.Compact(slices.Sorted(slices.Values(server.Hosts)))
		if server.Name != "" {
			server.Name = fmt.Sprintf("server-%d", i)
		}
		if server.Protocol != mesh.GatewayHTTP {
			server.RedirectToHTTPS = false
		}
		server.Certificate, server.ClientCA = nil, nil
		if !encrypted {
			server.TLSMode = ""
		} else if server.TLSMode != mesh.TLSPassthrough {
			server.Certificate = w.credentials()
		}
	}
	if !plain {
		props.Certificate = nil
	} else if props.Certificate != nil {
		props.Certificate = w.credentials()
	}
}

func (w *world) meshNamespace(props *mesh.MeshNamespaceProps) {
	if props.Mode == mesh.Ambient {
		props.Revision = ""
	} else {
		props.Waypoint = ""
	}
	if props.Waypoint == "" {
		props.WaypointNamespace = ""
	}
}

func (w *world) meshSecurity(props *mesh.MeshSecurityProps) {
	if props.MutualTLS == "" {
		props.MutualTLS = mesh.StrictMTLS
	}
	if props.WholeNamespace = props.Workload == nil; props.WholeNamespace {
		props.PortMutualTLS = nil
	}
	if props.Access.Nobody {
		props.Access = mesh.Access{Nobody: true}
	} else if props.Access.Rules == nil {
		props.Access = mesh.Access{}
	}
	for i := range props.Access.Rules {
		rule := &props.Access.Rules[i]
		for j := range rule.From {
			if rule.From[j].Namespaces == nil {
				rule.From[j].Namespaces = []string{"shop"}
			}
		}
		for j := range rule.To {
			if rule.To[j].Paths == nil {
				rule.To[j].Paths = []string{"/api"}
			}
		}
	}
	for i := range props.Tokens {
		props.Tokens[i].JWKSURI = "https://accounts.example.com/keys"
	}
}

func (w *world) condition(condition *mesh.Condition) {
	value := map[string]string{
		"source.ip": "10.0.0.1", "remote.ip": "10.0.0.0/8", "destination.ip": "10.0.0.1", "destination.port": "80",
		"source.principal": "cluster.local/ns/shop/sa/web", "request.auth.principal": "issuer/user",
	}[condition.Key]
	if value == "" {
		value = "v1"
	}
	condition.Values, condition.NotValues = []string{value}, nil
}

func (w *world) telemetry(props *mesh.TelemetryProps) {
	props.WholeNamespace = props.Workload == nil
	if props.AccessLogging.Disabled {
		props.AccessLogging.Filter = ""
	} else if len(props.AccessLogging.Providers) == 0 {
		props.AccessLogging.Providers = []string{mesh.EnvoyAccessLog}
	}
	props.AccessLogging.Providers = slices.Compact(props.AccessLogging.Providers)
	props.Tracing.Providers = slices.Compact(props.Tracing.Providers)
	if props.Tracing.Disabled {
		props.Tracing.SamplingPercentage = nil
	}
}
