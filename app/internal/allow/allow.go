// Package allow says which Greeters the callers of the service may have it call.
package allow

import (
	"errors"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/crossoverJie/k8s-combat/app/contract"
)

// List is what callers may name. The zero value allows nothing. Use Parse.
type List struct{ entries []entry }

// entry is one of a list: a keyword, a host name or a range of addresses.
type entry struct {
	// host is keyword, a name in lower case, or ".DOMAIN" for all names below it.
	host string
	// addresses are those of an entry that is no name.
	addresses netip.Prefix
	// port is 0 for any.
	port uint16
}

// The keywords.
const (
	cluster  = "cluster"
	loopback = "loopback"
)

var errEntry = errors.New("not a list of targets; allowed is cluster, loopback, a host name, *.DOMAIN, an IP address or a CIDR range, " +
	"separated by commas, each maybe with :PORT or :* (IPv6 in brackets), such as " + contract.DefaultGRPCTargets + ",10.0.0.0/8:9090")

// Parse reads ENTRY,... An entry is
//
//   - cluster: names of one or two labels, as a Service has them, and those that end
//     in .svc or .svc.cluster.local;
//   - loopback: localhost and the addresses of this pod alone;
//   - a host name, or *.DOMAIN for the names below a domain;
//   - an IP address or a CIDR range, which what a name leads to may be in as well.
//
// Each may end in a port, or in :* for any. It defaults to contract.GRPCPort.
func Parse(list string) (List, error) {
	var l List
	if list == "" {
		return l, nil
	}
	for text := range strings.SplitSeq(list, ",") {
		e, err := parseEntry(strings.TrimSpace(text))
		if err != nil {
			return List{}, err
		}
		l.entries = append(l.entries, e)
	}
	return l, nil
}

func parseEntry(text string) (entry, error) {
	host, port, err := splitPort(text)
	if err != nil {
		return entry{}, err
	}
	if prefix, err := netip.ParsePrefix(host); err == nil {
		return entry{addresses: prefix.Masked(), port: port}, nil
	}
	if ip, err := netip.ParseAddr(host); err == nil && ip.Zone() == "" {
		ip = ip.Unmap()
		return entry{addresses: netip.PrefixFrom(ip, ip.BitLen()), port: port}, nil
	}
	name := strings.ToLower(strings.TrimSuffix(host, "."))
	name = strings.TrimPrefix(name, "*")
	if name == "" || name == "." || strings.ContainsAny(name, "*/:[]% ") {
		return entry{}, errEntry
	}
	return entry{host: name, port: port}, nil
}

// splitPort takes the port off, of which "::1" and "10.0.0.0/8" have none.
func splitPort(text string) (host string, port uint16, err error) {
	host, digits, err := net.SplitHostPort(text)
	if err != nil { //nolint:nilerr // it has no port, and may have none
		return strings.Trim(text, "[]"), contract.GRPCPort, nil
	}
	if digits == "*" {
		return host, 0, nil
	}
	n, err := strconv.ParseUint(digits, 10, 16)
	if err != nil || n == 0 {
		return "", 0, errEntry
	}
	return host, uint16(n), nil
}

// Empty reports whether the list allows nothing.
func (l List) Empty() bool { return len(l.entries) == 0 }

// Target reports whether a caller may name a host, by a name in lower case or an
// address, and a port.
func (l List) Target(host string, port uint16) bool {
	ip, err := netip.ParseAddr(host)
	isName := err != nil
	return slices.ContainsFunc(l.entries, func(e entry) bool {
		switch {
		case e.port != 0 && e.port != port:
			return false
		case isName:
			return e.hasName(strings.TrimSuffix(host, "."))
		default:
			return !isNever(ip.Unmap()) && e.hasAddress(ip.Unmap())
		}
	})
}

func (e entry) hasName(name string) bool {
	switch {
	case isNumber(name):
		// "2130706433" and "0x7f.1" are addresses to some resolvers.
		return false
	case e.host == cluster:
		return strings.Count(name, ".") < 2 || strings.HasSuffix(name, ".svc") || strings.HasSuffix(name, ".svc.cluster.local")
	case e.host == loopback:
		return name == "localhost"
	case strings.HasPrefix(e.host, "."):
		return strings.HasSuffix(name, e.host)
	default:
		return e.host != "" && name == e.host
	}
}

// isNumber reports whether the last label of a name begins with a digit, as that of
// no domain and no Kubernetes object that a Service is for does.
func isNumber(name string) bool {
	last := name[strings.LastIndexByte(name, '.')+1:]
	return last != "" && last[0] >= '0' && last[0] <= '9'
}

func (e entry) hasAddress(ip netip.Addr) bool {
	if e.host == loopback {
		return ip.IsLoopback()
	}
	return e.host == "" && e.addresses.Contains(ip)
}

// Address reports whether what an allowed name leads to may be connected to:
// private addresses, as those of pods and Services are, and those that the list has.
// DNS is whoever's the name is, so the name alone says nothing.
func (l List) Address(ip netip.Addr) bool {
	ip = ip.Unmap()
	if isNever(ip) {
		return false
	}
	return isPrivate(ip) && !l.Empty() || slices.ContainsFunc(l.entries, func(e entry) bool { return e.hasAddress(ip) })
}

// shared is what clusters use besides the private ranges, as carriers do.
var shared = netip.MustParsePrefix("100.64.0.0/10")

func isPrivate(ip netip.Addr) bool { return ip.IsPrivate() || shared.Contains(ip) }

// metadata are the addresses where clouds tell a machine its credentials, as far as
// they are not link-local: of Amazon and Google in IPv6, Alibaba, Azure.
var metadata = []netip.Addr{
	netip.MustParseAddr("fd00:ec2::254"), netip.MustParseAddr("fd20:ce::254"), netip.MustParseAddr("100.100.100.200"), netip.MustParseAddr("168.63.129.16"),
}

// isNever is true of addresses that no list allows.
func isNever(ip netip.Addr) bool {
	return !ip.IsValid() || ip.Zone() != "" || ip.IsUnspecified() || ip.IsMulticast() || ip.IsLinkLocalUnicast() || slices.Contains(metadata, ip)
}
