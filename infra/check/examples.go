package check

import "strings"

// edited changes an example: pairs of what is there and what takes its place.
func edited(example string, pairs ...string) string {
	return strings.NewReplacer(pairs...).Replace(example)
}

// documents joins examples.
func documents(examples ...string) string { return strings.Join(examples, "---\n") }

// The sets of which most examples are small edits.
const (
	webExample = `apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers:
        - name: web
          image: example.com/web:1.4.0
          ports: [{name: http, containerPort: 8080}]
`
	serviceExample = `apiVersion: v1
kind: Service
metadata: {name: web, labels: {app: web}}
spec:
  selector: {app: web}
  ports: [{name: http, port: 80, targetPort: http}]
`
	configExample = `apiVersion: v1
kind: ConfigMap
metadata: {name: settings}
data: {MODE: fast}
`
	secretExample = `apiVersion: v1
kind: Secret
metadata: {name: login}
stringData: {password: example}
`
	podExample = `apiVersion: v1
kind: Pod
metadata: {name: web, labels: {app: web}}
spec:
  containers:
    - name: web
      image: example.com/web:1.4.0
      ports: [{name: http, containerPort: 8080}]
`
	virtualServiceExample = `apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: web}
spec:
  hosts: [web]
  http:
    - route:
        - destination: {host: web, port: {number: 80}, subset: v1}
`
	destinationRuleExample = `apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: web}
spec:
  host: web
  subsets: [{name: v1, labels: {app: web}}]
`
	istioGatewayExample = `apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {name: front}
spec:
  selector: {istio: ingressgateway}
  servers:
    - port: {number: 80, name: http, protocol: HTTP}
      hosts: ["www.example.com"]
`
	ingressExample = `apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: web}
spec:
  ingressClassName: nginx
  rules:
    - host: www.example.com
      http:
        paths:
          - {path: /, pathType: Prefix, backend: {service: {name: web, port: {number: 80}}}}
`
	gatewayExample = `apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {name: front}
spec:
  gatewayClassName: istio
  listeners: [{name: http, port: 80, protocol: HTTP}]
`
	httpRouteExample = `apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: web}
spec:
  parentRefs: [{name: front, sectionName: http}]
  rules:
    - backendRefs: [{name: web, port: 80}]
`
)
