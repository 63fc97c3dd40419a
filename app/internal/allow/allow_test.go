package allow_test

import (
	"fmt"
	"net/netip"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/crossoverJie/k8s-combat/app/contract"
	"github.com/crossoverJie/k8s-combat/app/internal/allow"
)

func Example() {
	list, err := allow.Parse("cluster,*.example.com:443")
	fmt.Println(err)
	fmt.Println(list.Target("k8s-combat-service", 50051), list.Target("k8s-combat-service", 22))
	fmt.Println(list.Target("greeter.example.com", 443), list.Address(netip.MustParseAddr("169.254.169.254")))
	// Output:
	// <nil>
	// true false
	// true false
}

func TestTarget(t *testing.T) {
	tests := []struct {
		list, host string
		port       uint16
		want       bool
	}{
		{contract.DefaultGRPCTargets, "web", 50051, true},
		{contract.DefaultGRPCTargets, "web.shop", 50051, true},
		{contract.DefaultGRPCTargets, "web.shop.svc", 50051, true},
		{contract.DefaultGRPCTargets, "web.shop.svc.cluster.local", 50051, true},
		{contract.DefaultGRPCTargets, "web.shop.svc.cluster.local.", 50051, true},
		{contract.DefaultGRPCTargets, "pod-0.web.shop.svc.cluster.local", 50051, true},
		{contract.DefaultGRPCTargets, "localhost", 50051, true},
		{contract.DefaultGRPCTargets, "127.0.0.1", 50051, true},
		{contract.DefaultGRPCTargets, "::1", 50051, true},
		{contract.DefaultGRPCTargets, "web", 22, false},
		{contract.DefaultGRPCTargets, "127.0.0.1", 6379, false},
		{contract.DefaultGRPCTargets, "www.example.com", 50051, false},
		{contract.DefaultGRPCTargets, "metadata.google.internal", 50051, false},
		{contract.DefaultGRPCTargets, "svc.cluster.local.example.com", 50051, false},
		{contract.DefaultGRPCTargets, "10.0.0.1", 50051, false},
		{contract.DefaultGRPCTargets, "8.8.8.8", 50051, false},
		{contract.DefaultGRPCTargets, "169.254.169.254", 50051, false},
		{contract.DefaultGRPCTargets, "::ffff:169.254.169.254", 50051, false},
		{contract.DefaultGRPCTargets, "0.0.0.0", 50051, false},
		{contract.DefaultGRPCTargets, "::", 50051, false},
		{contract.DefaultGRPCTargets, "2852039166", 50051, false},
		{contract.DefaultGRPCTargets, "0xa9fea9fe", 50051, false},
		{contract.DefaultGRPCTargets, "169.254.43518", 50051, false},
		{"", "web", 50051, false},
		{"loopback:*", "127.0.0.1", 6379, true},
		{"loopback:*", "web", 50051, false},
		{"web", "web", 50051, true},
		{"web", "webs", 50051, false},
		{"WEB.", "web", 50051, true},
		{"*.example.com:443", "a.b.example.com", 443, true},
		{"*.example.com:443", "example.com", 443, false},
		{"*.example.com:443", "badexample.com", 443, false},
		{"10.0.0.0/8:*", "10.1.2.3", 80, true},
		{"10.0.0.0/8:*", "11.1.2.3", 80, false},
		{"[fd00::/8]:9090", "fd00::1", 9090, true},
		{"10.1.2.3", "10.1.2.3", 50051, true},
		{"10.1.2.3", "10.1.2.4", 50051, false},
		{"::1", "::1", 50051, true},
		{"0.0.0.0/0:*", "169.254.169.254", 80, false},
		{"0.0.0.0/0:*", "224.0.0.1", 80, false},
		{"[::/0]:*", "fe80::1", 80, false},
	}
	for _, tt := range tests {
		t.Run(fmt.Sprint(tt.list, " ", tt.host, " ", tt.port), func(t *testing.T) {
			list, err := allow.Parse(tt.list)
			require.NoError(t, err)
			assert.Equal(t, tt.want, list.Target(tt.host, tt.port))
		})
	}
}

func TestAddress(t *testing.T) {
	tests := []struct {
		list, address string
		want          bool
	}{
		{"cluster", "10.0.0.1", true},
		{"cluster", "172.16.0.1", true},
		{"cluster", "192.168.0.1", true},
		{"cluster", "100.64.0.1", true},
		{"cluster", "fd00::1", true},
		{"cluster", "::ffff:10.0.0.1", true},
		{"cluster", "127.0.0.1", false},
		{"cluster,loopback", "127.0.0.1", true},
		{"cluster,loopback", "::1", true},
		{"cluster", "8.8.8.8", false},
		{"cluster", "2001:4860:4860::8888", false},
		{"cluster,8.8.8.0/24", "8.8.8.8", true},
		{"cluster", "169.254.169.254", false},
		{"cluster", "::ffff:169.254.169.254", false},
		{"cluster", "fd00:ec2::254", false},
		{"cluster", "100.100.100.200", false},
		{"cluster", "224.0.0.1", false},
		{"cluster", "ff02::1", false},
		{"cluster", "fe80::1", false},
		{"cluster", "0.0.0.0", false},
		{"cluster,0.0.0.0/0,::/0", "169.254.169.254", false},
		{"cluster", "64:ff9b::a9fe:a9fe", false},
		{"", "10.0.0.1", false},
	}
	for _, tt := range tests {
		t.Run(tt.list+" "+tt.address, func(t *testing.T) {
			list, err := allow.Parse(tt.list)
			require.NoError(t, err)
			assert.Equal(t, tt.want, list.Address(netip.MustParseAddr(tt.address)))
		})
	}
	assert.False(t, allow.List{}.Address(netip.Addr{}))
}

func TestParseRefuses(t *testing.T) {
	for _, list := range []string{",", "web,", "*", "*:443", "web:0", "web:65536", "web:http", "a*b", "10.0.0.0/33", "a b", "http://web", "fe80::1%eth0", "*.*.a"} {
		t.Run(list, func(t *testing.T) {
			_, err := allow.Parse(list)
			assert.ErrorContains(t, err, "allowed is cluster, loopback")
		})
	}
}
