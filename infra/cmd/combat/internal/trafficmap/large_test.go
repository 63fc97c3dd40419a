package trafficmap_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/crossoverJie/k8s-combat/infra/check"
	"github.com/crossoverJie/k8s-combat/infra/cmd/combat/internal/trafficmap"
)

// largeSet has many services over namespaces: each with two versions, a split between them, and one of four hosts at a
// gateway before it.
func largeSet(t *testing.T, services, namespaces int) trafficmap.Set {
	t.Helper()
	var yaml strings.Builder
	_, _ = yaml.WriteString(`apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {name: public, namespace: ingress}
spec:
  selector: {istio: ingressgateway}
  servers:
    - hosts: ["*/*"]
      port: {name: http, number: 80, protocol: HTTP}
`)
	for i := range services {
		namespace := fmt.Sprintf("team-%02d", i%namespaces)
		name := fmt.Sprintf("service-%03d", i)
		next := fmt.Sprintf("service-%03d.%s.svc.cluster.local", (i+namespaces)%services, namespace)
		_, _ = fmt.Fprintf(&yaml, `---
apiVersion: v1
kind: Service
metadata: {name: %[1]s, namespace: %[2]s}
spec:
  ports: [{name: http, port: 80, targetPort: 8080}]
  selector: {app: %[1]s}
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: %[1]s, namespace: %[2]s}
spec:
  host: %[1]s
  subsets: [{name: v1, labels: {version: v1}}, {name: v2, labels: {version: v2}}]
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: %[1]s, namespace: %[2]s}
spec:
  hosts: [%[1]s.%[2]s.svc.cluster.local, %[1]s.example.com]
  gateways: [mesh, ingress/public]
  http:
    - name: next
      match: [{uri: {prefix: /next}}]
      route: [{destination: {host: %[3]s}}]
    - name: canary
      route:
        - {destination: {host: %[1]s, subset: v1}, weight: 90}
        - {destination: {host: %[1]s, subset: v2}, weight: 10}
`, name, namespace, next)
		for _, version := range []string{"v1", "v2"} {
			_, _ = fmt.Fprintf(&yaml, `---
apiVersion: apps/v1
kind: Deployment
metadata: {name: %[1]s-%[3]s, namespace: %[2]s}
spec:
  replicas: 2
  selector: {matchLabels: {app: %[1]s, version: %[3]s}}
  template:
    metadata: {labels: {app: %[1]s, version: %[3]s}}
    spec: {containers: [{name: web, image: example.com/web:1, ports: [{containerPort: 8080}]}]}
`, name, namespace, version)
		}
	}
	objects, err := check.Read(strings.NewReader(yaml.String()), check.Stdin)
	require.NoError(t, err)
	return trafficmap.Set{Name: "large", Objects: objects}
}
