package rules

import (
	"fmt"
	"strings"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"

	"github.com/crossoverJie/k8s-combat/infra/internal/problem"
)

func checkService(l *problem.List, spec *problem.Path, service corev1.ServiceSpec) {
	headless := service.ClusterIP == corev1.ClusterIPNone
	if service.Type == corev1.ServiceTypeExternalName {
		if service.ExternalName == "" {
			l.Missing(spec.Child("externalName"), "a Service of the type ExternalName needs a DNS name")
		}
	} else if len(service.Ports) == 0 && !headless {
		l.Missing(spec.Child("ports"), "leave at least one port")
	}
	l.Labels(spec.Child("selector"), service.Selector)
	var names, numbers problem.Unique
	for i, port := range service.Ports {
		at := spec.Child("ports").Index(i)
		l.Port(at.Child("port"), port.Port)
		if target := port.TargetPort; target.StrVal == "" && target.IntVal != 0 {
			l.Port(at.Child("targetPort"), target.IntVal)
		}
		protocol := port.Protocol
		if protocol == "" {
			protocol = corev1.ProtocolTCP
		}
		numbers.Check(l, at.Child("port"), at, fmt.Sprintf("%d/%s", port.Port, protocol))
		switch {
		case port.Name != "":
			l.DNSLabel(at.Child("name"), port.Name)
			names.Check(l, at.Child("name"), at, port.Name)
		case len(service.Ports) > 1:
			l.Missing(at.Child("name"), "where a Service has more than one port each needs a name")
		}
	}
}

func checkIngress(l *problem.List, spec *problem.Path, ingress networkingv1.IngressSpec) {
	if len(ingress.Rules) == 0 && ingress.DefaultBackend == nil {
		l.Missing(spec.Child("rules"), "leave at least one rule, or set defaultBackend")
	}
	for i, rule := range ingress.Rules {
		at := spec.Child("rules").Index(i)
		if rule.Host != "" {
			l.RoutedHost(at.Child("host"), rule.Host)
		}
		if rule.HTTP == nil {
			continue
		}
		for j, path := range rule.HTTP.Paths {
			field := at.Child("http", "paths").Index(j)
			if path.PathType == nil {
				l.Missing(field.Child("pathType"), "use Prefix, Exact or ImplementationSpecific")
			} else if *path.PathType != networkingv1.PathTypeImplementationSpecific &&
				!strings.HasPrefix(path.Path, "/") {
				l.Add(field.Child("path"), path.Path, "does not begin with '/'; use for example \"/\"")
			}
			checkIngressBackend(l, field.Child("backend"), path.Backend)
		}
	}
	if ingress.DefaultBackend != nil {
		checkIngressBackend(l, spec.Child("defaultBackend"), *ingress.DefaultBackend)
	}
}

func checkIngressBackend(l *problem.List, at *problem.Path, backend networkingv1.IngressBackend) {
	switch service := backend.Service; {
	case service == nil && backend.Resource == nil:
		l.Missing(at.Child("service"), "name the Service that answers")
	case service == nil:
	case backend.Resource != nil:
		l.Say(at.Child("resource"), "cannot stand beside service; leave out one of them")
	default:
		l.ServiceName(at.Child("service", "name"), service.Name)
		if (service.Port.Name == "") == (service.Port.Number == 0) {
			l.Say(at.Child("service", "port"), "needs one of name and number; leave exactly one of them")
		}
	}
}

func checkNetworkPolicy(l *problem.List, spec *problem.Path, policy networkingv1.NetworkPolicySpec) {
	l.Labels(spec.Child("podSelector", "matchLabels"), policy.PodSelector.MatchLabels)
	checkPorts := func(at *problem.Path, ports []networkingv1.NetworkPolicyPort) {
		for i, port := range ports {
			if port.Port != nil && port.Port.StrVal == "" {
				l.Port(at.Index(i).Child("port"), port.Port.IntVal)
			}
		}
	}
	checkPeers := func(at *problem.Path, peers []networkingv1.NetworkPolicyPeer) {
		for i, peer := range peers {
			selects := peer.PodSelector != nil || peer.NamespaceSelector != nil
			if selects == (peer.IPBlock != nil) {
				l.Say(at.Index(i), "needs either selectors or an ipBlock; leave exactly one of them")
			}
		}
	}
	for i, rule := range policy.Ingress {
		checkPorts(spec.Child("ingress").Index(i).Child("ports"), rule.Ports)
		checkPeers(spec.Child("ingress").Index(i).Child("from"), rule.From)
	}
	for i, rule := range policy.Egress {
		checkPorts(spec.Child("egress").Index(i).Child("ports"), rule.Ports)
		checkPeers(spec.Child("egress").Index(i).Child("to"), rule.To)
	}
}
