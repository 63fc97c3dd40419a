package check_test

import (
	"fmt"
	"strconv"
	"strings"
	"testing"

	"github.com/crossoverJie/k8s-combat/infra/check"
)

// manifests are so many objects: services with their pods, configuration and routes, five objects each.
func manifests(objects int) string {
	var text strings.Builder
	for i := range objects / 5 {
		fmt.Fprintf(&text, `---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web-%[1]d, labels: {app: web-%[1]d}}
spec:
  replicas: 2
  selector: {matchLabels: {app: web-%[1]d}}
  template:
    metadata: {labels: {app: web-%[1]d, version: v1, team: all}}
    spec:
      containers:
        - name: web
          image: example.com/web:1.4.0
          ports: [{name: http, containerPort: 8080}]
          envFrom: [{configMapRef: {name: web-%[1]d}}]
          readinessProbe: {httpGet: {path: /, port: http}}
          resources: {requests: {cpu: 100m, memory: 64Mi}, limits: {memory: 64Mi}}
---
apiVersion: v1
kind: Service
metadata: {name: web-%[1]d}
spec:
  selector: {app: web-%[1]d}
  ports: [{name: http, port: 80, targetPort: http}]
---
apiVersion: v1
kind: ConfigMap
metadata: {name: web-%[1]d}
data: {MODE: fast, LEVEL: info}
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: web-%[1]d}
spec:
  host: web-%[1]d
  subsets: [{name: v1, labels: {version: v1}}]
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: web-%[1]d}
spec:
  hosts: [web-%[1]d]
  http:
    - match: [{headers: {version: {exact: v1}}}]
      route: [{destination: {host: web-%[1]d, subset: v1}}]
    - route: [{destination: {host: web-%[1]d}}]
`, i)
	}
	return text.String()
}

// BenchmarkObjects checks sets of two sizes. What it reports as ns/object is to be the same for both.
func BenchmarkObjects(b *testing.B) {
	for _, size := range []int{3_000, 30_000} {
		b.Run(strconv.Itoa(size), func(b *testing.B) {
			objects, err := check.Read(strings.NewReader(manifests(size)), check.Stdin)
			if err != nil {
				b.Fatal(err)
			}
			b.ReportAllocs()
			for b.Loop() {
				if findings := check.Objects(objects, check.Options{}); len(findings) > 0 {
					b.Fatal(findings[0])
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(size), "ns/object")
		})
	}
}

// BenchmarkRead reads the same sets.
func BenchmarkRead(b *testing.B) {
	for _, size := range []int{3_000, 30_000} {
		text := manifests(size)
		b.Run(strconv.Itoa(size), func(b *testing.B) {
			b.SetBytes(int64(len(text)))
			for b.Loop() {
				if _, err := check.Read(strings.NewReader(text), check.Stdin); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
