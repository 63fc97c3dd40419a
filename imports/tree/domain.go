package tree

import (
	"fmt"

	"github.com/aws/constructs-go/constructs/v10"
	"k8s.io/apimachinery/pkg/util/validation"
)

const domainKey = "k8s-combat:cluster-domain"

// DefaultClusterDomain is the domain of a cluster's Services where nothing else is said: kubeadm's.
const DefaultClusterDomain = "cluster.local"

// SetClusterDomain says under which domain the cluster's Services have their names, for an App or a Chart that has no children
// yet: web.shop.svc.DOMAIN. Constructs write such a name where they know the namespace. Defaults to cluster.local. A domain
// that is not an RFC 1123 subdomain is an error at synth.
func SetClusterDomain(scope constructs.Construct, domain string) {
	if len(validation.IsDNS1123Subdomain(domain)) > 0 {
		Invalid(scope, Problem{Field: "ClusterDomain", Value: domain, Detail: "is not a DNS name",
			Fix: fmt.Sprintf("use for example %q, without a dot at its end", DefaultClusterDomain)})
		return
	}
	NodeOf(scope).SetContext(new(domainKey), domain)
}

// ClusterDomain returns the domain under which the cluster's Services have their names.
func ClusterDomain(construct constructs.IConstruct) string {
	if domain, ok := NodeOf(construct).TryGetContext(new(domainKey)).(string); ok {
		return domain
	}
	return DefaultClusterDomain
}
