package infra

import (
	"slices"

	networkingv1 "k8s.io/api/networking/v1"

	"github.com/crossoverJie/k8s-combat/imports/k8s"
	"github.com/crossoverJie/k8s-combat/imports/tree"
	"github.com/crossoverJie/k8s-combat/infra/internal/object"
	"github.com/crossoverJie/k8s-combat/infra/internal/problem"
)

func (r *HostRouting) addIngress() {
	made := k8s.NewIngress(r, "Resource", object.Patched(r, "Patch", r.props.ingress(), r.props.Patch))
	var p problem.List
	for _, host := range r.props.hosts() {
		for _, path := range host.paths {
			path.Backend.object().Beside(&p, path.at.Child("Backend"), made)
		}
	}
	for i, tls := range r.props.TLS {
		if certificate := tls.Certificate.Data(); certificate != nil {
			certificate.Beside(&p, problem.At("TLS").Index(i).Child("Certificate"), made)
		}
	}
	tree.Invalid(r, p...)
}

func (props HostRoutingProps) ingress() *networkingv1.Ingress {
	ingress := &networkingv1.Ingress{
		ObjectMeta: object.Meta(props.Name, props.Labels, props.Annotations),
	}
	if props.Class != "" {
		ingress.Spec.IngressClassName = &props.Class
	}
	for _, host := range props.hosts() {
		rule := networkingv1.IngressRule{IngressRuleValue: networkingv1.IngressRuleValue{HTTP: &networkingv1.HTTPIngressRuleValue{}}}
		if host.name != AnyHost {
			rule.Host = host.name
		}
		for _, path := range host.paths {
			rule.HTTP.Paths = append(rule.HTTP.Paths, networkingv1.HTTPIngressPath{
				Path:     path.Path.Path,
				PathType: new(networkingv1.PathType(path.Type)),
				Backend: networkingv1.IngressBackend{Service: &networkingv1.IngressServiceBackend{
					Name: path.Backend.serviceName(),
					Port: networkingv1.ServiceBackendPort{Number: path.Backend.portNumber()},
				}},
			})
		}
		ingress.Spec.Rules = append(ingress.Spec.Rules, rule)
	}
	for _, tls := range props.TLS {
		if tls.Certificate == nil {
			continue
		}
		// Without hosts an Ingress takes the certificate for all of them.
		hosts := slices.DeleteFunc(slices.Clone(tls.Hosts), func(host string) bool { return host == AnyHost })
		ingress.Spec.TLS = append(ingress.Spec.TLS,
			networkingv1.IngressTLS{Hosts: hosts, SecretName: tls.Certificate.Name()})
	}
	return ingress
}
