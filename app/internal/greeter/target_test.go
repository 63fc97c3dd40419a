package greeter_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/crossoverJie/k8s-combat/app/internal/greeter"
)

func ExampleParseTarget() {
	fmt.Println(greeter.ParseTarget("k8s-combat-service-istio-mesh"))
	fmt.Println(greeter.ParseTarget("dns:///k8s-combat-service.default:9090"))
	// Output:
	// dns:///k8s-combat-service-istio-mesh:50051 <nil>
	// dns:///k8s-combat-service.default:9090 <nil>
}

func TestParseTarget(t *testing.T) {
	tests := map[string]string{
		"k8s-combat-service":                           "dns:///k8s-combat-service:50051",
		"k8s-combat-service.default.svc.cluster.local": "dns:///k8s-combat-service.default.svc.cluster.local:50051",
		"k8s-combat-service.default.":                  "dns:///k8s-combat-service.default.:50051",
		"K8S-Combat-Service":                           "dns:///k8s-combat-service:50051",
		"a:1":                                          "dns:///a:1",
		"a:0080":                                       "dns:///a:80",
		"a:65535":                                      "dns:///a:65535",
		"dns:///a":                                     "dns:///a:50051",
		"dns:///a:80":                                  "dns:///a:80",
		"127.0.0.1":                                    "dns:///127.0.0.1:50051",
		"127.0.0.1:80":                                 "dns:///127.0.0.1:80",
		"::1":                                          "dns:///[::1]:50051",
		"[::1]":                                        "dns:///[::1]:50051",
		"[0:0:0:0:0:0:0:1]:80":                         "dns:///[::1]:80",
		"xds:///a":                                     "xds:///a:50051",
		"xds:///a.b:80":                                "xds:///a.b:80",
		strings.Repeat("a", 63) + ".b":                 "dns:///" + strings.Repeat("a", 63) + ".b:50051",
	}
	for in, want := range tests {
		t.Run(in, func(t *testing.T) {
			got, err := greeter.ParseTarget(in)
			require.NoError(t, err)
			assert.Equal(t, greeter.Target(want), got)
		})
	}
}

func TestParseTargetRefuses(t *testing.T) {
	for _, in := range []string{
		"", ".", "a..b", ".a", "-a", "a-", "a_b", "a b", "a/b", "a@b", "a%2fb", "a?b", "a#b", "é", "a\n", "a\x00",
		strings.Repeat("a", 64), strings.Repeat("a.", 127) + "a",
		"a:", "a:0", "a:65536", "a:-1", "a:+1", "a:http", "a:1:2", ":80", "[::1", "[a]x", "fe80::1%eth0", "[fe80::1%eth0]:80",
		"http://a", "unix:///run/a.sock", "unix:a", "passthrough:///a", "xds:a", "xds://authority/a", "xds:///", "xds:///xds:///a", "dns:a", "dns://8.8.8.8/a", "dns:///", "dns:///dns:///a",
	} {
		t.Run(in, func(t *testing.T) {
			got, err := greeter.ParseTarget(in)
			assert.ErrorContains(t, err, "allowed is a host name", "%q is %q", in, got)
		})
	}
}
