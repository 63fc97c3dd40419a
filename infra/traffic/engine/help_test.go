package engine_test

import (
	"cmp"
	"fmt"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"sigs.k8s.io/yaml"

	"github.com/crossoverJie/k8s-combat/infra/traffic/engine"
)

// shop is a service in two versions, another one, and a pod that calls.
const shop = `
apiVersion: v1
kind: Namespace
metadata: {name: shop, labels: {istio-injection: enabled}}
---
apiVersion: v1
kind: Service
metadata: {name: web, namespace: shop}
spec:
  selector: {app: web}
  ports: [{name: http, port: 80, targetPort: 8080}]
---
apiVersion: v1
kind: Service
metadata: {name: cart, namespace: shop}
spec:
  selector: {app: cart}
  ports: [{name: http, port: 80, targetPort: 8080}, {name: grpc, port: 50051}, {name: tcp-db, port: 9000}, {name: odd, port: 7000}]
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web-v1, namespace: shop}
spec: {replicas: 2, template: {metadata: {labels: {app: web, version: v1}}, spec: {serviceAccountName: web, containers: [{name: web}]}}}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web-v2, namespace: shop}
spec: {replicas: 2, template: {metadata: {labels: {app: web, version: v2}}, spec: {serviceAccountName: web, containers: [{name: web}]}}}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: cart, namespace: shop}
spec: {template: {metadata: {labels: {app: cart, tier: back}}, spec: {serviceAccountName: cart, containers: [{name: cart}]}}}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: alone, namespace: shop}
spec: {template: {metadata: {labels: {app: alone, sidecar.istio.io/inject: "false"}}, spec: {containers: [{name: alone}]}}}
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: web, namespace: shop}
spec:
  host: web
  subsets: [{name: v1, labels: {version: v1}}, {name: v2, labels: {version: v2}}]
---
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {name: edge, namespace: shop}
spec:
  selector: {istio: ingressgateway}
  servers:
    - {port: {number: 80, name: http, protocol: HTTP}, hosts: ["*.shop.io", shop.io]}
    - {port: {number: 443, name: https, protocol: HTTPS}, hosts: [shop.io], tls: {mode: SIMPLE, credentialName: shop}}
---
`

// virtual is a VirtualService for the Service web in the mesh with rules, indented by four.
func virtual(rules string) string {
	return "apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {name: web, namespace: shop}\nspec:\n  hosts: [web]\n  http:\n" + rules + "\n---\n"
}

// atEdge is one at the gateway for shop.io.
func atEdge(name, host, rules string) string {
	return fmt.Sprintf("apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {name: %s, namespace: shop}\nspec:\n  hosts: [%q]\n  gateways: [edge]\n  http:\n%s\n---\n", name, host, rules)
}

func set(t testing.TB, manifests string) []engine.Object {
	t.Helper()
	var objects []engine.Object
	for document := range strings.SplitSeq(manifests, "---\n") {
		var content map[string]any
		require.NoError(t, yaml.Unmarshal([]byte(document), &content), document)
		if content != nil {
			objects = append(objects, engine.Object{Content: content})
		}
	}
	return objects
}

func explain(t testing.TB, manifests string, r engine.Request) *engine.Explanation {
	t.Helper()
	explanation, err := engine.New(set(t, manifests), engine.Options{}).Explain(r)
	require.NoError(t, err)
	return explanation
}

// brief writes what comes of a request: "web-v1 10, web-v2 90", "404", "301 to https://shop.io/".
func brief(e *engine.Explanation) string {
	parts, percents := []string{}, map[string]float64{}
	for _, share := range e.Shares {
		text := string(share.Outcome)
		switch share.Outcome {
		case engine.Arrives:
			text = cmp.Or(share.Name, share.Service)
		case engine.Fails:
			text = strconv.Itoa(share.Status)
		case engine.Redirected:
			text = fmt.Sprint(share.Status, " to ", e.Location)
		case engine.Answered, engine.Denied:
			if share.Status > 0 {
				text += fmt.Sprint(" ", share.Status)
			}
		}
		if _, known := percents[text]; !known {
			parts = append(parts, text)
		}
		percents[text] += share.Percent
	}
	for i, text := range parts {
		if percents[text] < 99.99 {
			parts[i] = fmt.Sprintf("%s %.4g", text, percents[text])
		}
	}
	return strings.Join(parts, ", ")
}

// asked is a request and what comes of it.
type asked struct {
	name    string
	set     string
	request engine.Request
	want    string
}

func run(t *testing.T, cases []asked) {
	t.Helper()
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			e := explain(t, shop+c.set, c.request)
			assert.Equal(t, c.want, brief(e), e.String())
		})
	}
}

func get(path string, headers ...string) engine.Request {
	r := engine.Request{Host: "web", Path: path}
	for i := 0; i+1 < len(headers); i += 2 {
		r.Headers = append(r.Headers, engine.Header{Name: headers[i], Value: headers[i+1]})
	}
	return r
}
