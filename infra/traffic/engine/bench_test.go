package engine_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/crossoverJie/k8s-combat/infra/traffic/engine"
)

// thousand are so many services, each with two versions, rules in the mesh and at a gateway, and a policy.
func thousand(t testing.TB, services int) []engine.Object {
	var text strings.Builder
	_, _ = text.WriteString("apiVersion: networking.istio.io/v1\nkind: Gateway\nmetadata: {name: edge, namespace: shop}\nspec: {selector: {istio: ingressgateway}, servers: [{port: {number: 80, name: http, protocol: HTTP}, hosts: ['*']}]}\n---\n")
	for i := range services {
		_, _ = fmt.Fprintf(&text, `apiVersion: v1
kind: Service
metadata: {name: web-%[1]d, namespace: shop}
spec: {selector: {app: web-%[1]d}, ports: [{name: http, port: 80, targetPort: 8080}]}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web-%[1]d-v1, namespace: shop}
spec: {replicas: 2, template: {metadata: {labels: {app: web-%[1]d, version: v1, team: all}}, spec: {containers: [{name: web, ports: [{containerPort: 8080}]}]}}}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web-%[1]d-v2, namespace: shop}
spec: {replicas: 2, template: {metadata: {labels: {app: web-%[1]d, version: v2, team: all}}, spec: {containers: [{name: web, ports: [{containerPort: 8080}]}]}}}
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: web-%[1]d, namespace: shop}
spec:
  hosts: [web-%[1]d, web-%[1]d.shop.io]
  gateways: [mesh, edge]
  http:
    - match: [{headers: {version: {exact: v2}}}]
      route: [{destination: {host: web-%[1]d, subset: v2}}]
    - route: [{destination: {host: web-%[1]d, subset: v1}}]
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: web-%[1]d, namespace: shop}
spec: {host: web-%[1]d, subsets: [{name: v1, labels: {version: v1}}, {name: v2, labels: {version: v2}}]}
---
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: {name: web-%[1]d, namespace: shop}
spec: {selector: {matchLabels: {app: web-%[1]d}}, rules: [{to: [{operation: {methods: [GET]}}]}]}
---
`, i)
	}
	return set(t, text.String())
}

func BenchmarkNew(b *testing.B) {
	objects := thousand(b, 1000)
	for b.Loop() {
		engine.New(objects, engine.Options{})
	}
}

func BenchmarkExplain(b *testing.B) {
	m := engine.New(thousand(b, 1000), engine.Options{})
	for name, request := range map[string]engine.Request{
		"mesh":    {Host: "web-700", From: "shop/web-3-v1", Headers: []engine.Header{{Name: "version", Value: "v2"}}},
		"gateway": {Host: "web-700.shop.io", Headers: []engine.Header{{Name: "version", Value: "v2"}}},
		"nobody":  {Host: "web-x.shop.io"},
	} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				if _, err := m.Explain(request); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
