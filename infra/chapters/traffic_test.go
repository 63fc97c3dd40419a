package chapters_test

import (
	"testing"
	"time"

	"github.com/cdk8s-team/cdk8s-core-go/cdk8s/v2"
	"github.com/stretchr/testify/require"

	"github.com/crossoverJie/k8s-combat/app/contract"
	"github.com/crossoverJie/k8s-combat/imports/tree/native"
	"github.com/crossoverJie/k8s-combat/infra"
	"github.com/crossoverJie/k8s-combat/infra/chapters"
	"github.com/crossoverJie/k8s-combat/infra/mesh"
	"github.com/crossoverJie/k8s-combat/infra/traffic"
)

// of is a chapter, with more constructs where they are given.
func of(t *testing.T, name string, more ...func(chart cdk8s.Chart)) *traffic.Traffic {
	t.Helper()
	for _, chapter := range chapters.All() {
		if chapter.Name == name {
			chart := chapter.New(native.NewApp(nil))
			for _, add := range more {
				add(chart)
			}
			return traffic.Of(t, chart)
		}
	}
	require.Fail(t, "no chapter "+name)
	return nil
}

// canaryHost is the Service in front of both versions.
const canaryHost = "k8s-combat-service-istio-mesh"

func TestTrafficOfServices(t *testing.T) {
	t.Parallel()
	web := of(t, "02-service")
	web.Get("/ping").Host("k8s-combat-service:8081").From("default/k8s-combat").Reaches("k8s-combat-service")
}

func TestTrafficOfIngress(t *testing.T) {
	t.Parallel()
	web := of(t, "03-ingress")
	for host, service := range map[string]string{"www.service1.io": "k8s-combat-service", "www.service2.io": "k8s-combat-service-2"} {
		web.Get("/").Host(host).Reaches(service)
		web.Get("/ping?a=b").Host(host).Via("k8s-combat-ingress").Reaches(service).ArrivesAs("/ping?a=b")
	}
	web.Get("/").Host("www.service3.io").FailsWith(404)
}

func TestTrafficOfMesh(t *testing.T) {
	t.Parallel()
	web := of(t, "05-mesh")
	web.Get("/ping").Host("k8s-combat-service").Reaches("k8s-combat-service")
	web.GRPC(contract.PathSayHello).Host("k8s-combat-service:50051").Reaches("k8s-combat-service")
}

func TestTrafficOfCanary(t *testing.T) {
	t.Parallel()
	web := of(t, "06-canary")
	ask := web.Get("/ping").Host(canaryHost)
	ask.Header(contract.VersionHeader, "100").Reaches("k8s-combat-service-v1")
	ask.Header(contract.VersionHeader, "200").Reaches("k8s-combat-service-v2")
	ask.Header(contract.VersionHeader, "300").Reaches("k8s-combat-service-v1")
	ask.Reaches("k8s-combat-service-v1")
	web.GRPC(contract.PathSayHello).Host(canaryHost).Header(contract.VersionHeader, "200").Reaches("k8s-combat-service-v2")
}

func TestTrafficOfWeights(t *testing.T) {
	t.Parallel()
	web := of(t, "07-weights")
	hello := web.GRPC(contract.PathSayHello).Host(canaryHost)
	hello.SplitsTo(map[string]float64{"k8s-combat-service-v1": 10, "k8s-combat-service-v2": 90})
	// Three tries of a second and a half, with pauses, end before the timeout. One that runs out of time is the last.
	hello.WaitsAtMost(5 * time.Second).TimesOutAfter(1500 * time.Millisecond)
	hello.Header("x-fault", "abort").FailsWith(503)
	hello.Header("x-fault", "delay").Reaches("k8s-combat-service-v1")
	web.Get("/ping").Host(canaryHost).Reaches("k8s-combat-service-v1")
}

func TestTrafficOfGateway(t *testing.T) {
	t.Parallel()
	web := of(t, "08-gateway")
	web.Get("/ping").Host("www.service1.io").Reaches("k8s-combat-service-v1")
	web.Get("/ping").Host("www.service1.io").Via("istio-ingress-gateway").Reaches("k8s-combat-service-v1")
	web.Get("/ping").Host("www.service2.io").Via("istio-ingress-gateway").FailsWith(404)
	web.Get("/ping").Host(canaryHost).SplitsTo(map[string]float64{"k8s-combat-service-v1": 50, "k8s-combat-service-v2": 50})
}

// TestTrafficOfSecurity puts mutual TLS and a policy around a chapter.
func TestTrafficOfSecurity(t *testing.T) {
	t.Parallel()
	security := func(props mesh.MeshSecurityProps) *traffic.Traffic {
		return of(t, "05-mesh", func(chart cdk8s.Chart) {
			infra.NewNamespace(chart, "outside", infra.NamespaceProps{Name: "outside"})
			props.Name, props.WholeNamespace = "security", true
			mesh.NewMeshSecurity(chart, "security", props)
		})
	}
	const service = "k8s-combat-service"

	strict := security(mesh.MeshSecurityProps{MutualTLS: mesh.StrictMTLS}).Get("/ping").Host(service + ".default:8081")
	strict.From("default/" + service).Reaches(service)
	strict.From("outside/curl").IsDenied()

	permissive := security(mesh.MeshSecurityProps{MutualTLS: mesh.PermissiveMTLS}).Get("/ping").Host(service + ".default:8081")
	permissive.From("outside/curl").Reaches(service)

	pings := security(mesh.MeshSecurityProps{Access: mesh.Access{Rules: []mesh.AccessRule{{
		From: []mesh.Caller{{Namespaces: []string{"default"}}}, To: []mesh.Operation{{Methods: []string{"GET"}, Paths: []string{"/ping"}}}}}}})
	pings.Get("/ping").Host(service).From("default/" + service).Reaches(service)
	pings.Get("/service").Host(service).From("default/" + service).IsDenied().FailsWith(403)
	pings.Get("/ping").Host(service + ".default:8081").From("outside/curl").IsDenied()
}
