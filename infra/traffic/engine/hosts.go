package engine

import (
	"strconv"
	"strings"
)

// What follows compares names of hosts as Istio does (pkg/config/host/name.go, names.go). A "*" stands for any number of
// labels there, whereas Kubernetes lets it stand for one in an Ingress.

func isWild(host string) bool { return strings.HasPrefix(host, "*") }

// overlap reports whether two names, of which each may begin with "*", have a name in common.
func overlap(a, b string) bool {
	switch {
	case isWild(a) && isWild(b):
		if len(a) < len(b) {
			return strings.HasSuffix(b[1:], a[1:])
		}
		return strings.HasSuffix(a[1:], b[1:])
	case isWild(a):
		return strings.HasSuffix(b, a[1:])
	case isWild(b):
		return strings.HasSuffix(a, b[1:])
	}
	return a == b
}

// within reports whether all names that a stands for are such that b stands for.
func within(a, b string) bool {
	switch {
	case isWild(a) && isWild(b):
		return len(a) >= len(b) && strings.HasSuffix(a[1:], b[1:])
	case isWild(a):
		return false
	case isWild(b):
		return strings.HasSuffix(a, b[1:])
	}
	return a == b
}

// intersection are the names that both lists stand for.
func intersection(some, others []string) []string {
	var both []string
	add := func(host string) {
		for _, known := range both {
			if known == host {
				return
			}
		}
		both = append(both, host)
	}
	for _, a := range some {
		for _, b := range others {
			if within(a, b) {
				add(a)
			} else if within(b, a) {
				add(b)
			}
		}
	}
	return both
}

// moreSpecific reports whether Istio looks at a before b: names before wildcards, longer before shorter.
func moreSpecific(a, b string) bool {
	if isWild(a) != isWild(b) {
		return !isWild(a)
	}
	if len(a) == len(b) {
		return a < b
	}
	return len(a) > len(b)
}

// domainMatches reports whether a domain of an Envoy virtual host takes a name: "*" all, "*.b" what ends so and is
// longer, "a.*" what begins so and is longer (route_config in config_impl.cc).
func domainMatches(domain, host string) bool {
	switch {
	case domain == "*":
		return true
	case isWild(domain):
		return len(host) > len(domain)-1 && strings.HasSuffix(host, domain[1:])
	case strings.HasSuffix(domain, "*"):
		return len(host) > len(domain)-1 && strings.HasPrefix(host, domain[:len(domain)-1])
	}
	return domain == host
}

// bestDomain is the domain that Envoy picks for a name: the name itself, else the longest that begins with "*", else the
// longest that ends with it, else "*".
func bestDomain(host string, domains func(yield func(string) bool)) (best string, ok bool) {
	rank := func(domain string) int {
		switch {
		case domain == host:
			return 3
		case domain == "*":
			return 0
		case isWild(domain):
			return 2
		}
		return 1
	}
	for domain := range domains {
		if !domainMatches(domain, host) {
			continue
		}
		if !ok || rank(domain) > rank(best) || rank(domain) == rank(best) && len(domain) > len(best) {
			best, ok = domain, true
		}
	}
	return best, ok
}

// splitHost takes a port off a host.
func splitHost(host string) (name string, port int) {
	end := strings.LastIndexByte(host, ':')
	if end < 0 || strings.IndexByte(host, ']') > end || strings.Count(host, ":") > 1 && !strings.HasPrefix(host, "[") {
		return host, 0
	}
	number, err := strconv.Atoi(host[end+1:])
	if err != nil || number < 1 || number > 65535 {
		return host, 0
	}
	return host[:end], number
}

func isAddress(host string) bool {
	if strings.Contains(host, ":") {
		return true
	}
	parts := strings.Split(host, ".")
	if len(parts) != 4 {
		return false
	}
	for _, part := range parts {
		if number, err := strconv.Atoi(part); err != nil || number < 0 || number > 255 {
			return false
		}
	}
	return true
}

// qualified makes a short name of a Service a long one, as Istio does where one stands in an object of a namespace: any
// name with a dot is taken for a long one (ResolveShortnameToFQDN in pilot/pkg/model/config.go).
func (m *Model) qualified(host, namespace string) string {
	if host == "" || host == "*" || isAddress(host) || strings.Contains(host, ".") {
		return strings.ToLower(host)
	}
	return strings.ToLower(host + "." + namespace + ".svc." + m.domain)
}
