package mesh_test

import (
	"testing"

	"github.com/cdk8s-team/cdk8s-core-go/cdk8s/v2"
	"github.com/stretchr/testify/assert"
	typev1beta1 "istio.io/api/type/v1beta1"
	securityv1 "istio.io/client-go/pkg/apis/security/v1"
	corev1 "k8s.io/api/core/v1"

	"github.com/crossoverJie/k8s-combat/infra/internal/synthtest"
	"github.com/crossoverJie/k8s-combat/infra/mesh"
)

func TestMeshNamespace(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		props mesh.MeshNamespaceProps
		want  map[string]string
	}{
		"sidecar":  {mesh.MeshNamespaceProps{}, map[string]string{"istio-injection": "enabled"}},
		"revision": {mesh.MeshNamespaceProps{Revision: "canary"}, map[string]string{"istio.io/rev": "canary"}},
		"ambient":  {mesh.MeshNamespaceProps{Mode: mesh.Ambient}, map[string]string{"istio.io/dataplane-mode": "ambient"}},
		"waypoint": {
			mesh.MeshNamespaceProps{Mode: mesh.Ambient, Waypoint: "waypoint"},
			map[string]string{"istio.io/dataplane-mode": "ambient", "istio.io/use-waypoint": "waypoint"},
		},
		"own labels": {mesh.MeshNamespaceProps{Labels: map[string]string{"team": "a"}}, map[string]string{"istio-injection": "enabled", "team": "a"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := synthtest.Only[corev1.Namespace](t, "Namespace", func(chart cdk8s.Chart) {
				props := test.props
				props.Name = "shop"
				assert.Equal(t, "shop", mesh.NewMeshNamespace(chart, "namespace", props).Name())
			})
			assert.Equal(t, test.want, got.Labels)
		})
	}
}

func TestMeshNamespaceGolden(t *testing.T) {
	t.Parallel()
	synthtest.Golden(t, "mesh-namespace", func(chart cdk8s.Chart) {
		mesh.NewMeshNamespace(chart, "sidecar", mesh.MeshNamespaceProps{
			Name: "cart", Revision: "1-31",
			Labels:      map[string]string{"team": "a"},
			Annotations: map[string]string{"example.com/owner": "team"},
			Patch:       func(n *corev1.Namespace) { n.Labels["pod-security.kubernetes.io/enforce"] = "restricted" },
		})
		mesh.NewMeshNamespace(chart, "ambient", mesh.MeshNamespaceProps{
			Name: "shop", Mode: mesh.Ambient, Waypoint: "waypoint", WaypointNamespace: "edge",
		})
	})
}

func TestMeshNamespaceBadInput(t *testing.T) {
	t.Parallel()
	synthtest.BadInput{
		"sidecars in ambient mode": {func(chart cdk8s.Chart) {
			mesh.NewMeshNamespace(chart, "namespace", mesh.MeshNamespaceProps{Name: "shop", Mode: mesh.Ambient, Revision: "canary"})
		}, []string{
			`[chart/namespace] Revision: "canary" makes Istio inject sidecars, which Ambient is without; leave out one of them`,
		}},
		"waypoint beside sidecars": {func(chart cdk8s.Chart) {
			mesh.NewMeshNamespace(chart, "namespace", mesh.MeshNamespaceProps{Name: "shop", Waypoint: "waypoint", WaypointNamespace: "edge"})
		}, []string{
			`[chart/namespace] Waypoint: "waypoint" has a meaning for Ambient alone, since sidecars apply the rules themselves; leave it out, or set Mode`,
		}},
		"namespace of no waypoint": {func(chart cdk8s.Chart) {
			mesh.NewMeshNamespace(chart, "namespace", mesh.MeshNamespaceProps{Name: "shop", Mode: mesh.Ambient, WaypointNamespace: "Edge"})
		}, []string{
			`[chart/namespace] WaypointNamespace: "Edge" is not an RFC 1123 label; use 1 to 63 lower-case letters, digits or '-', beginning and ending with a letter or digit`,
			`[chart/namespace] WaypointNamespace: "Edge" has no meaning without a Waypoint; name it, or leave this out`,
		}},
		"no name of a waypoint": {func(chart cdk8s.Chart) {
			mesh.NewMeshNamespace(chart, "namespace", mesh.MeshNamespaceProps{Name: "shop", Mode: mesh.Ambient, Waypoint: "Way"})
			mesh.NewMeshNamespace(chart, "other", mesh.MeshNamespaceProps{Name: "cart", Mode: mesh.Ambient, Waypoint: "none"})
		}, []string{
			`[chart/namespace] Waypoint: "Way" is not an RFC 1123 label; use 1 to 63 lower-case letters, digits or '-', beginning and ending with a letter or digit`,
			`[chart/other] Waypoint: "none" is not a name, but what Istio takes for no waypoint; leave it out`,
		}},
		"labels of the waypoint": {func(chart cdk8s.Chart) {
			mesh.NewMeshNamespace(chart, "namespace", mesh.MeshNamespaceProps{
				Name: "shop", Mode: mesh.Ambient, Labels: map[string]string{"istio.io/use-waypoint": "w", "istio.io/use-waypoint-namespace": "edge"},
			})
		}, []string{
			`[chart/namespace] Labels["istio.io/use-waypoint"]: "w" is set by Waypoint and WaypointNamespace; leave it out`,
			`[chart/namespace] Labels["istio.io/use-waypoint-namespace"]: "edge" is set by Waypoint and WaypointNamespace; leave it out`,
		}},
		"everything": {func(chart cdk8s.Chart) {
			mesh.NewMeshNamespace(chart, "namespace", mesh.MeshNamespaceProps{
				Name: "A", Mode: "None", Revision: "1.2", Labels: map[string]string{"istio-injection": "disabled"},
			})
		}, []string{
			`[chart/namespace] Name: "A" is not an RFC 1123 label; use 1 to 63 lower-case letters, digits or '-', beginning and ending with a letter or digit`,
			`[chart/namespace] Mode: "None" is not known; use Sidecar or Ambient`,
			`[chart/namespace] Revision: "1.2" is not an RFC 1123 label; use 1 to 63 lower-case letters, digits or '-', beginning and ending with a letter or digit`,
			`[chart/namespace] Labels["istio-injection"]: "disabled" is set by Mode and Revision; leave it out`,
		}},
	}.Run(t)
}

func TestAmbientWithoutAWaypoint(t *testing.T) {
	t.Parallel()
	ambient := func(waypoint string, build func(chart cdk8s.Chart)) func(cdk8s.Chart) {
		return func(chart cdk8s.Chart) {
			mesh.NewMeshNamespace(chart, "namespace", mesh.MeshNamespaceProps{Name: "shop", Mode: mesh.Ambient, Waypoint: waypoint})
			build(chart)
		}
	}
	rules := canary(func(meshParts, *mesh.IstioCanaryProps) {})
	security := func(props mesh.MeshSecurityProps) func(cdk8s.Chart) {
		return func(chart cdk8s.Chart) {
			props.Name, props.WholeNamespace = "shop", true
			mesh.NewMeshSecurity(chart, "security", props)
		}
	}
	requests := func(field string) []string {
		return []string{`[chart/namespace] Mode: "chart/security" is a MeshSecurity with ` + field +
			`, which is about requests; in an ambient mesh it applies where the object targets a waypoint: set targetRefs by Patch, leave it out, or use the mode Sidecar`}
	}
	methods := mesh.MeshSecurityProps{Access: mesh.Access{Rules: []mesh.AccessRule{{To: []mesh.Operation{{Methods: []string{"GET"}}}}}}}
	targeted := methods
	targeted.PatchAuthorizationPolicy = func(policy *securityv1.AuthorizationPolicy) {
		policy.Spec.TargetRefs = []*typev1beta1.PolicyTargetReference{{Group: "gateway.networking.k8s.io", Kind: "Gateway", Name: "waypoint"}}
	}
	synthtest.BadInput{
		"rules": {ambient("", rules), []string{
			`[chart/namespace] Waypoint: "chart/canary" is an IstioCanary, whose rules nobody applies inside an ambient mesh without a waypoint; name one, or use the mode Sidecar`,
		}},
		"rules with a waypoint": {ambient("waypoint", rules), nil},
		"methods":               {ambient("", security(methods)), requests("Access.Rules[0].To[0]")},
		"methods for the pods":  {ambient("waypoint", security(methods)), requests("Access.Rules[0].To[0]")},
		"methods at a waypoint": {ambient("waypoint", security(targeted)), nil},
		"tokens": {ambient("", security(mesh.MeshSecurityProps{Tokens: []mesh.TokenIssuer{{Issuer: "https://accounts.example.com"}}})),
			requests("Tokens")},
		"headers": {ambient("", security(mesh.MeshSecurityProps{Access: mesh.Access{Rules: []mesh.AccessRule{
			{When: []mesh.Condition{{Key: "request.headers[version]", Values: []string{"1"}}}},
		}}})), requests("Access.Rules[0].When[0]")},
		"without encryption": {ambient("waypoint", security(mesh.MeshSecurityProps{MutualTLS: mesh.DisabledMTLS})), []string{
			`[chart/namespace] Mode: "chart/security" is a MeshSecurity with MutualTLS: DISABLE, which an ambient mesh does not know: what it carries is encrypted; use PERMISSIVE, or the mode Sidecar`,
		}},
		"a port without encryption": {ambient("", func(chart cdk8s.Chart) {
			mesh.NewMeshSecurity(chart, "security", mesh.MeshSecurityProps{
				Name: "shop", Workload: version(chart, "v1", nil), MutualTLS: mesh.StrictMTLS, PortMutualTLS: map[int32]mesh.MutualTLS{8080: mesh.DisabledMTLS},
			})
		}), []string{
			`[chart/namespace] Mode: "chart/security" is a MeshSecurity with PortMutualTLS[8080]: DISABLE, which an ambient mesh does not know: what it carries is encrypted; use PERMISSIVE, or the mode Sidecar`,
		}},
		"encryption": {ambient("", security(mesh.MeshSecurityProps{MutualTLS: mesh.StrictMTLS})), nil},
		"telemetry of pods": {ambient("waypoint", func(chart cdk8s.Chart) {
			mesh.NewTelemetry(chart, "telemetry", mesh.TelemetryProps{Name: "shop", Workload: version(chart, "v1", nil), Tracing: mesh.Tracing{Disabled: true}})
		}), []string{
			`[chart/namespace] Mode: "chart/telemetry" is a Telemetry for a Workload, whose pods have no proxy of their own in an ambient mesh; let it target a waypoint: set targetRefs by Patch, say WholeNamespace, or use the mode Sidecar`,
		}},
		"telemetry of the namespace": {ambient("waypoint", func(chart cdk8s.Chart) {
			mesh.NewTelemetry(chart, "telemetry", mesh.TelemetryProps{Name: "shop", WholeNamespace: true, Tracing: mesh.Tracing{Disabled: true}})
		}), nil},
		"callers": {ambient("", security(mesh.MeshSecurityProps{Access: mesh.Access{Rules: []mesh.AccessRule{
			{From: []mesh.Caller{{Namespaces: []string{"edge"}}}, To: []mesh.Operation{{Ports: []int32{8080}}}},
		}}})), nil},
	}.Run(t)
}
