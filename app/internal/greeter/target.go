package greeter

import (
	"errors"
	"net"
	"net/netip"
	"regexp"
	"strconv"
	"strings"

	"github.com/crossoverJie/k8s-combat/app/contract"
)

// A Target is the address of a Greeter, as gRPC's name resolution takes it:
// "dns:///HOST:PORT", or "xds:///HOST:PORT" for a service of the mesh whose control
// plane the variable GRPC_XDS_BOOTSTRAP leads to. Two ways to write one host and port
// are one Target.
type Target string

var errTarget = errors.New("allowed is a host name or an IP address, then maybe :PORT (1 to 65535), " +
	"with dns:/// or xds:/// before it or not, such as k8s-combat-service, [::1]:50051 or dns:///k8s-combat-service:50051")

// The name resolutions on offer. The others that gRPC has would let a caller reach
// sockets of this pod (unix) or go round DNS (passthrough).
const (
	dnsScheme = "dns:///"
	xdsScheme = "xds:///"
)

func (t Target) isXDS() bool { return strings.HasPrefix(string(t), xdsScheme) }

// hostPort returns the parts of a Target.
func (t Target) hostPort() (host string, port uint16) {
	host, digits, _ := net.SplitHostPort(strings.TrimPrefix(strings.TrimPrefix(string(t), dnsScheme), xdsScheme))
	n, _ := strconv.ParseUint(digits, 10, 16)
	return host, uint16(n)
}

// ParseTarget reads what a caller wrote. Without a port it is
// contract.GRPCPort.
func ParseTarget(s string) (Target, error) {
	scheme, hostport := dnsScheme, strings.TrimPrefix(s, dnsScheme)
	if name, ok := strings.CutPrefix(s, xdsScheme); ok {
		scheme, hostport = xdsScheme, name
	}
	host, port, err := net.SplitHostPort(hostport)
	if err != nil {
		host, port = trimBrackets(hostport), strconv.Itoa(contract.GRPCPort)
	}
	n, err := strconv.ParseUint(port, 10, 16)
	if err != nil || n == 0 {
		return "", errTarget
	}
	port = strconv.FormatUint(n, 10)
	if ip, err := netip.ParseAddr(host); err == nil && ip.Zone() == "" {
		return Target(scheme + net.JoinHostPort(ip.String(), port)), nil
	}
	host = strings.ToLower(host)
	if !isHostName(host) {
		return "", errTarget
	}
	return Target(scheme + net.JoinHostPort(host, port)), nil
}

// trimBrackets takes the brackets off "[::1]".
func trimBrackets(s string) string {
	if strings.HasPrefix(s, "[") && strings.HasSuffix(s, "]") {
		return s[1 : len(s)-1]
	}
	return s
}

// label is a DNS label as RFC 1123 allows it.
var label = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$`)

// isHostName reports whether a name in lower case is one of RFC 1123, at most
// 253 characters long. A dot may end it, which keeps DNS from appending search
// domains.
func isHostName(name string) bool {
	name = strings.TrimSuffix(name, ".")
	if len(name) > 253 {
		return false
	}
	for part := range strings.SplitSeq(name, ".") {
		if !label.MatchString(part) {
			return false
		}
	}
	return true
}
