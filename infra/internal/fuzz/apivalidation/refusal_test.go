package apivalidation

import (
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// valid are objects that are accepted, of every kind that a construct makes.
var valid = map[string]string{
	"Deployment": `
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, labels: {app: web}, annotations: {note: text}}
spec:
  replicas: 1
  selector: {matchLabels: {app: web}}
  strategy: {type: RollingUpdate, rollingUpdate: {maxSurge: 25%, maxUnavailable: 0}}
  template:
    metadata: {labels: {app: web}}
    spec:
      volumes:
        - {name: config, configMap: {name: config}}
        - {name: tmp, emptyDir: {sizeLimit: 1Gi}}
      initContainers:
        - {name: sidecar, image: example.com/sidecar, restartPolicy: Always}
      containers:
        - name: web
          image: example.com/web:1
          ports: [{name: http, containerPort: 8080}]
          env: [{name: A, value: b}, {name: B, valueFrom: {fieldRef: {fieldPath: status.podIP}}}]
          resources: {requests: {cpu: 100m, memory: 64Mi}, limits: {memory: 128Mi}}
          readinessProbe: {httpGet: {path: /, port: 8080}, periodSeconds: 5, successThreshold: 1}
          livenessProbe: {grpc: {port: 50051}}
          lifecycle: {preStop: {sleep: {seconds: 5}}}
          securityContext: {runAsUser: 1000}
          volumeMounts: [{name: config, mountPath: /etc/web}, {name: tmp, mountPath: /tmp}]
`,
	"StatefulSet": `
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: db}
spec:
  serviceName: db
  selector: {matchLabels: {app: db}}
  podManagementPolicy: Parallel
  template:
    metadata: {labels: {app: db}}
    spec: {containers: [{name: db, image: example.com/db:1}]}
  volumeClaimTemplates:
    - metadata: {name: data}
      spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}
`,
	"DaemonSet": `
apiVersion: apps/v1
kind: DaemonSet
metadata: {name: agent}
spec:
  selector: {matchLabels: {app: agent}}
  template:
    metadata: {labels: {app: agent}}
    spec:
      containers: [{name: agent, image: example.com/agent:1}]
      tolerations: [{operator: Exists, effect: NoSchedule}]
`,
	"Job": `
apiVersion: batch/v1
kind: Job
metadata: {name: migrate}
spec:
  backoffLimit: 3
  template: {spec: {restartPolicy: Never, containers: [{name: migrate, image: example.com/migrate:1}]}}
`,
	"CronJob": `
apiVersion: batch/v1
kind: CronJob
metadata: {name: report}
spec:
  schedule: "0 3 * * *"
  timeZone: Europe/Berlin
  concurrencyPolicy: Forbid
  jobTemplate: {spec: {template: {spec: {restartPolicy: OnFailure, containers: [{name: report, image: example.com/report:1}]}}}}
`,
	"Service": `
apiVersion: v1
kind: Service
metadata: {name: web}
spec:
  type: NodePort
  selector: {app: web}
  ports: [{name: http, port: 80, targetPort: 8080, nodePort: 30080}, {name: grpc, port: 50051}]
`,
	"headless Service": `
apiVersion: v1
kind: Service
metadata: {name: web}
spec: {clusterIP: None, selector: {app: web}, ports: [{port: 80}]}
`,
	"ExternalName": `
apiVersion: v1
kind: Service
metadata: {name: db}
spec: {type: ExternalName, externalName: db.example.com}
`,
	"ConfigMap": `
apiVersion: v1
kind: ConfigMap
metadata: {name: config}
data: {app.yaml: "a: b"}
`,
	"Secret": `
apiVersion: v1
kind: Secret
metadata: {name: certificate}
type: kubernetes.io/tls
data: {tls.crt: YQ==, tls.key: Yg==}
`,
	"Namespace": `
apiVersion: v1
kind: Namespace
metadata: {name: shop, labels: {istio-injection: enabled}}
`,
	"ServiceAccount": `
apiVersion: v1
kind: ServiceAccount
metadata: {name: web}
`,
	"PersistentVolumeClaim": `
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: data}
spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}
`,
	"ResourceQuota": `
apiVersion: v1
kind: ResourceQuota
metadata: {name: quota}
spec: {hard: {requests.cpu: "4", pods: "10"}}
`,
	"LimitRange": `
apiVersion: v1
kind: LimitRange
metadata: {name: limits}
spec: {limits: [{type: Container, default: {cpu: "1"}, defaultRequest: {cpu: 100m}}]}
`,
	"Ingress": `
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: web}
spec:
  ingressClassName: nginx
  tls: [{hosts: [www.example.com], secretName: certificate}]
  rules:
    - host: www.example.com
      http: {paths: [{path: /, pathType: Prefix, backend: {service: {name: web, port: {number: 80}}}}]}
`,
	"NetworkPolicy": `
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: db}
spec:
  podSelector: {matchLabels: {app: db}}
  policyTypes: [Ingress]
  ingress: [{from: [{podSelector: {matchLabels: {app: web}}}], ports: [{port: 5432}]}]
`,
	"HorizontalPodAutoscaler": `
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: {name: web}
spec:
  scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: web}
  minReplicas: 2
  maxReplicas: 5
  metrics: [{type: Resource, resource: {name: cpu, target: {type: Utilization, averageUtilization: 80}}}]
`,
	"PodDisruptionBudget": `
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata: {name: web}
spec: {maxUnavailable: 1, selector: {matchLabels: {app: web}}}
`,
	"Role": `
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {name: reader}
rules: [{apiGroups: [""], resources: [pods], verbs: [get, list]}]
`,
	"RoleBinding": `
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: reader}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: reader}
subjects: [{kind: ServiceAccount, name: web, namespace: shop}]
`,
	"ClusterRole": `
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: reader}
rules: [{nonResourceURLs: [/metrics], verbs: [get]}]
`,
	"VirtualService": `
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: web}
spec:
  hosts: [web]
  http:
    - timeout: 5s
      match: [{headers: {version: {exact: v2}}}, {uri: {regex: "/v[0-9]+"}}]
      route: [{destination: {host: web, subset: v2}, weight: 90}, {destination: {host: web, subset: v1}, weight: 10}]
`,
	"DestinationRule": `
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: web}
spec:
  host: web
  trafficPolicy: {connectionPool: {tcp: {connectTimeout: 1s}}, loadBalancer: {simple: ROUND_ROBIN}}
  subsets: [{name: v1, labels: {version: v1}}]
`,
	"Istio Gateway": `
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {name: web}
spec:
  selector: {istio: ingressgateway}
  servers: [{port: {number: 443, name: https, protocol: HTTPS}, hosts: [www.example.com], tls: {mode: SIMPLE, credentialName: certificate}}]
`,
	"PeerAuthentication": `
apiVersion: security.istio.io/v1
kind: PeerAuthentication
metadata: {name: web}
spec: {selector: {matchLabels: {app: web}}, mtls: {mode: STRICT}, portLevelMtls: {8080: {mode: DISABLE}}}
`,
	"RequestAuthentication": `
apiVersion: security.istio.io/v1
kind: RequestAuthentication
metadata: {name: web}
spec: {jwtRules: [{issuer: https://accounts.example.com, jwksUri: https://accounts.example.com/keys}]}
`,
	"AuthorizationPolicy": `
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: {name: web}
spec:
  action: ALLOW
  rules: [{from: [{source: {namespaces: [shop]}}], to: [{operation: {paths: ["/api/{*}"], methods: [GET]}}], when: [{key: "request.headers[a]", values: [b]}]}]
`,
	"Telemetry": `
apiVersion: telemetry.istio.io/v1
kind: Telemetry
metadata: {name: web}
spec: {accessLogging: [{providers: [{name: envoy}], filter: {expression: response.code >= 400}}], tracing: [{randomSamplingPercentage: 10}]}
`,
	"Gateway API Gateway": `
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {name: web}
spec:
  gatewayClassName: istio
  listeners: [{name: http, port: 80, protocol: HTTP}, {name: https, hostname: www.example.com, port: 443, protocol: HTTPS, tls: {certificateRefs: [{name: certificate}]}}]
`,
	"HTTPRoute": `
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: web}
spec:
  parentRefs: [{name: web}]
  hostnames: [www.example.com]
  rules: [{matches: [{path: {type: PathPrefix, value: /api}}], backendRefs: [{name: web, port: 80}]}]
`,
	"ServiceMonitor": `
apiVersion: monitoring.coreos.com/v1
kind: ServiceMonitor
metadata: {name: web}
spec: {selector: {matchLabels: {app: web}}, endpoints: [{port: http, path: /metrics, interval: 30s}]}
`,
	"PrometheusRule": `
apiVersion: monitoring.coreos.com/v1
kind: PrometheusRule
metadata: {name: web}
spec:
  groups: [{name: web, rules: [{record: "web:requests:rate5m", expr: "sum(rate(requests_total[5m]))"}, {alert: Down, expr: up == 0, labels: {severity: page}}]}]
`,
}

func TestValidObjectsAreAccepted(t *testing.T) {
	t.Parallel()
	for name, document := range valid {
		assert.Empty(t, Validate([]byte(document)), name)
	}
	var all strings.Builder
	for _, name := range slices.Sorted(maps.Keys(valid)) {
		all.WriteString("---\n" + valid[name])
	}
	assert.Empty(t, Validate([]byte(all.String())), "all of them in one manifest")
}

// long repeats a letter.
func long(n int) string { return strings.Repeat("a", n) }

// Each object is a valid one with one thing changed, so that nothing else can be what it is refused for.
func TestBrokenObjectsAreRefused(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		of, old, new string
		want         string
	}{
		// Decoding.
		"unknown field":           {"Deployment", "replicas: 1", "replica: 1", `unknown field "spec.replica"`},
		"unknown field, deeper":   {"Deployment", "containerPort: 8080", "containerPort: 8080, host: 1", `unknown field "spec.template.spec.containers[0].ports[0].host"`},
		"field twice":             {"ConfigMap", `data: {app.yaml: "a: b"}`, `data: {a: b, a: c}`, `key "a" already set in map`},
		"wrong type":              {"Deployment", "replicas: 1", "replicas: one", "cannot unmarshal string"},
		"unknown kind":            {"Deployment", "kind: Deployment", "kind: Deploiment", "Kind=Deploiment is not a kind that is known here"},
		"unknown version":         {"Deployment", "apps/v1", "apps/v1beta9", "is not a kind that is known here"},
		"not YAML":                {"ConfigMap", "app.yaml:", "}{ app.yaml:", "yaml"},
		"unknown field in a CRD":  {"VirtualService", "timeout: 5s", "timeOut: 5s", `unknown field "spec.http[0].timeOut"`},
		"unknown metadata":        {"VirtualService", "metadata: {name: web}", "metadata: {name: web, nickname: w}", `unknown field "metadata.nickname"`},
		"wrong type in a CRD":     {"HTTPRoute", "port: 80", "port: eighty", "must be of type integer"},
		"two documents, one good": {"ConfigMap", "kind: ConfigMap", "kind: ConfigMap\nmetadata: {name: a}\n---\napiVersion: v1\nkind: Bonfire", "document 1"},

		// Metadata.
		"no name":                       {"Service", "metadata: {name: web}", "metadata: {}", "metadata.name: Required value"},
		"name in capitals":              {"Deployment", "{name: web, labels", "{name: Web, labels", "metadata.name: Invalid value"},
		"name too long":                 {"ConfigMap", "{name: config}", "{name: " + long(254) + "}", "metadata.name: Invalid value"},
		"name of a Service":             {"Service", "{name: web}", "{name: web.shop}", "metadata.name: Invalid value"},
		"namespace":                     {"ConfigMap", "{name: config}", "{name: config, namespace: Shop}", "metadata.namespace: Invalid value"},
		"label's value":                 {"Deployment", "labels: {app: web}, annotations", "labels: {app: -web}, annotations", "metadata.labels: Invalid value"},
		"annotation's key":              {"Deployment", "{note: text}", "{a/b/c: text}", "metadata.annotations: Invalid value"},
		"annotations too long":          {"Deployment", "{note: text}", "{note: " + long(256<<10) + "}", "metadata.annotations: Too long"},
		"name of a CRD's object":        {"VirtualService", "{name: web}", "{name: Web}", "metadata.name: Invalid value"},
		"label of a CRD's object":       {"ServiceMonitor", "metadata: {name: web}", "metadata: {name: web, labels: {a: -}}", "metadata.labels: Invalid value"},
		"namespace of a PrometheusRule": {"PrometheusRule", "metadata: {name: web}", "metadata: {name: web, namespace: a_b}", "metadata.namespace: Invalid value"},

		// Workloads.
		"selector and labels":         {"Deployment", "matchLabels: {app: web}", "matchLabels: {app: api}", "`selector` does not match template `labels`"},
		"no selector":                 {"Deployment", "selector: {matchLabels: {app: web}}", "selector: {}", "empty selector is invalid for deployment"},
		"negative replicas":           {"Deployment", "replicas: 1", "replicas: -1", "spec.replicas: Invalid value"},
		"no surge, none unavailable":  {"Deployment", "maxSurge: 25%", "maxSurge: 0", "may not be 0 when `maxSurge` is 0"},
		"Recreate and rollingUpdate":  {"Deployment", "type: RollingUpdate", "type: Recreate", "may not be specified when strategy `type` is 'Recreate'"},
		"no image":                    {"Deployment", "image: example.com/web:1", "image: ''", "spec.template.spec.containers[0].image: Required value"},
		"port's name":                 {"Deployment", "{name: http, containerPort", "{name: a-name-of-16-char, containerPort", "ports[0].name: Invalid value"},
		"port's number":               {"Deployment", "containerPort: 8080", "containerPort: 65536", "containerPort: Invalid value"},
		"variable's name":             {"Deployment", "{name: A, value", "{name: 1=A, value", "env[0].name: Invalid value"},
		"variable's field":            {"Deployment", "fieldPath: status.podIP", "fieldPath: status.phase", "fieldPath: Unsupported value"},
		"request above the limit":     {"Deployment", "memory: 64Mi", "memory: 1Gi", "must be less than or equal to memory limit"},
		"quantity":                    {"Deployment", "cpu: 100m", "cpu: 0.1cores", "quantities must match the regular expression"},
		"probe's period":              {"Deployment", "periodSeconds: 5", "periodSeconds: -5", "periodSeconds: Invalid value"},
		"liveness' success threshold": {"Deployment", "livenessProbe: {grpc: {port: 50051}}", "livenessProbe: {grpc: {port: 50051}, successThreshold: 2}", "livenessProbe.successThreshold: Invalid value: 2: must be 1"},
		"two handlers":                {"Deployment", "livenessProbe: {grpc: {port: 50051}}", "livenessProbe: {grpc: {port: 50051}, tcpSocket: {port: 1}}", "may not specify more than 1 handler type"},
		"sleep beyond the grace":      {"Deployment", "sleep: {seconds: 5}", "sleep: {seconds: 500}", "must be non-negative and less than terminationGracePeriodSeconds"},
		"user id":                     {"Deployment", "runAsUser: 1000", "runAsUser: -1", "runAsUser: Invalid value"},
		"mount of no volume":          {"Deployment", "{name: config, mountPath", "{name: missing, mountPath", "volumeMounts[0].name: Not found"},
		"mount path twice":            {"Deployment", "mountPath: /tmp", "mountPath: /etc/web", "mountPath: Invalid value: \"/etc/web\": must be unique"},
		"volume's name twice":         {"Deployment", "{name: tmp, emptyDir", "{name: config, emptyDir", "volumes[1].name: Duplicate value"},
		"size of a folder":            {"Deployment", "sizeLimit: 1Gi", "sizeLimit: -1Gi", "SizeLimit field must be a valid resource quantity"},
		"container's name twice":      {"Deployment", "{name: sidecar", "{name: web", "Duplicate value: \"web\""},
		"restart of a Deployment":     {"Deployment", "      volumes:", "      restartPolicy: Never\n      volumes:", "spec.template.spec.restartPolicy: Unsupported value"},
		"StatefulSet's policy":        {"StatefulSet", "Parallel", "Chaotic", "podManagementPolicy"},
		"size of a claim":             {"StatefulSet", "storage: 1Gi", "storage: 0", "must be greater than zero"},
		"DaemonSet's selector":        {"DaemonSet", "labels: {app: agent}", "labels: {app: other}", "`selector` does not match template `labels`"},
		"toleration":                  {"DaemonSet", "operator: Exists", "operator: Sometimes", "tolerations[0].operator: Unsupported value"},
		"Job's restart":               {"Job", "restartPolicy: Never", "restartPolicy: Always", "valid values: \"OnFailure\", \"Never\""},
		"Job's retries":               {"Job", "backoffLimit: 3", "backoffLimit: -3", "spec.backoffLimit: Invalid value"},
		"schedule":                    {"CronJob", "0 3 * * *", "0 25 * * *", "spec.schedule: Invalid value"},
		"time zone":                   {"CronJob", "Europe/Berlin", "Europe/Atlantis", "spec.timeZone: Invalid value"},
		"CronJob's name":              {"CronJob", "name: report}\nspec", "name: " + long(53) + "}\nspec", "must be no more than 52 characters"},
		"concurrency":                 {"CronJob", "Forbid", "Forbidden", "spec.concurrencyPolicy: Unsupported value"},

		// Services and data.
		"port without a name":    {"Service", "name: grpc, port", "port", "spec.ports[1].name: Required value"},
		"port's name twice":      {"Service", "name: grpc", "name: http", "spec.ports[1].name: Duplicate value"},
		"port 0":                 {"Service", "port: 80,", "port: 0,", "spec.ports[0].port: Invalid value"},
		"node port out of range": {"Service", "nodePort: 30080", "nodePort: 80", "is not in the valid range, 30000-32767"},
		"node port twice":        {"Service", "port: 50051", "port: 50051, nodePort: 30080", "is already allocated"},
		"node port of ClusterIP": {"Service", "type: NodePort", "type: ClusterIP", "may not be used when `type` is 'ClusterIP'"},
		"label of a selector":    {"Service", "selector: {app: web}", "selector: {app: a b}", "spec.selector: Invalid value"},
		"headless NodePort":      {"headless Service", "clusterIP: None", "clusterIP: None, type: NodePort", "may not be set to 'None' for NodePort services"},
		"no ports":               {"Service", "ports: [{name: http, port: 80, targetPort: 8080, nodePort: 30080}, {name: grpc, port: 50051}]", "ports: []", "spec.ports: Required value"},
		"external name":          {"ExternalName", "db.example.com", "https://db.example.com", "spec.externalName: Invalid value"},
		"key of a ConfigMap":     {"ConfigMap", "app.yaml", "a/b", "data[a/b]: Invalid value"},
		"size of a ConfigMap":    {"ConfigMap", `"a: b"`, long(1<<20 + 1), "Too long: may not be more than 1048576 bytes"},
		"TLS without a key":      {"Secret", "tls.key: Yg==", "other: Yg==", "data[tls.key]: Required value"},
		"Secret not in base64":   {"Secret", "YQ==", "'!'", "illegal base64"},
		"access mode":            {"PersistentVolumeClaim", "ReadWriteOnce", "WriteOnly", "spec.accessModes: Unsupported value"},
		"quota":                  {"ResourceQuota", "pods: \"10\"", "pods: \"-1\"", "spec.hard[pods]: Invalid value"},
		"limit range":            {"LimitRange", "defaultRequest: {cpu: 100m}", "defaultRequest: {cpu: \"2\"}", "default request value"},
		"Namespace's name":       {"Namespace", "name: shop", "name: shop.eu", "metadata.name: Invalid value"},

		// Networking, availability, access.
		"path without a slash":       {"Ingress", "path: /,", "path: api,", "must be an absolute path"},
		"path type":                  {"Ingress", "pathType: Prefix", "pathType: Start", "pathType: Unsupported value"},
		"host with a port":           {"Ingress", "host: www.example.com", "host: www.example.com:80", "spec.rules[0].host: Invalid value"},
		"host is an address":         {"Ingress", "host: www.example.com", "host: 10.0.0.1", "must be a DNS name, not an IP address"},
		"backend's port":             {"Ingress", "number: 80", "number: 0", "port name or number is required"},
		"policy's port":              {"NetworkPolicy", "port: 5432", "port: 70000", "ports[0].port: Invalid value"},
		"policy's type":              {"NetworkPolicy", "policyTypes: [Ingress]", "policyTypes: [In]", "policyTypes[0]: Unsupported value"},
		"fewer at most than least":   {"HorizontalPodAutoscaler", "maxReplicas: 5", "maxReplicas: 1", "must be greater than or equal to `minReplicas`"},
		"no target":                  {"HorizontalPodAutoscaler", "averageUtilization: 80", "averageUtilization: 0", "averageUtilization: Invalid value"},
		"both of a budget":           {"PodDisruptionBudget", "maxUnavailable: 1", "maxUnavailable: 1, minAvailable: 1", "minAvailable and maxUnavailable cannot be both set"},
		"share of a budget":          {"PodDisruptionBudget", "maxUnavailable: 1", "maxUnavailable: 101%", "must not be greater than 100%"},
		"rule without verbs":         {"Role", "verbs: [get, list]", "verbs: []", "rules[0].verbs: Required value"},
		"URLs in a Role":             {"Role", `apiGroups: [""], resources: [pods]`, `nonResourceURLs: [/metrics]`, "namespaced rules cannot apply to non-resource URLs"},
		"binding to nothing":         {"RoleBinding", "kind: Role, name: reader", "kind: Secret, name: reader", "roleRef.kind: Unsupported value"},
		"account without a name":     {"RoleBinding", "name: web, namespace", "name: '', namespace", "subjects[0].name: Required value"},
		"ClusterRole without groups": {"ClusterRole", "nonResourceURLs: [/metrics]", "resources: [pods]", "rules[0].apiGroups: Required value"},

		// Istio.
		"weights":                 {"VirtualService", "weight: 90", "weight: -1", "weight"},
		"regular expression":      {"VirtualService", "/v[0-9]+", "/v[0-9", "error parsing regexp"},
		"subset's name":           {"VirtualService", "subset: v2", "subset: v_2", "subset name is invalid"},
		"duration":                {"VirtualService", "timeout: 5s", "timeout: 5us", "must be a valid duration greater than 1ms"},
		"load balancer":           {"DestinationRule", "ROUND_ROBIN", "ROUND_TABLE", "Unsupported value"},
		"host of a rule":          {"DestinationRule", "host: web", "host: 'a b'", "invalid"},
		"protocol of a server":    {"Istio Gateway", "protocol: HTTPS", "protocol: CARRIER-PIGEON", "invalid protocol"},
		"server without TLS":      {"Istio Gateway", ", tls: {mode: SIMPLE, credentialName: certificate}", "", "server must have TLS settings for HTTPS/TLS protocols"},
		"port of mutual TLS":      {"PeerAuthentication", "8080:", "80800:", "port must be between 1-65535"},
		"mutual TLS of all":       {"PeerAuthentication", "selector: {matchLabels: {app: web}}, ", "", "portLevelMtls requires selector"},
		"issuer":                  {"RequestAuthentication", "issuer: https://accounts.example.com,", "issuer: '',", "issuer"},
		"keys' URI":               {"RequestAuthentication", "jwksUri: https://accounts", "jwksUri: ftp://accounts", "url must have scheme http:// or https://"},
		"attribute":               {"AuthorizationPolicy", "request.headers[a]", "request.weather", "unknown attribute: request.weather"},
		"path template":           {"AuthorizationPolicy", "/api/{*}", "/api/{x}", "invalid or unsupported path"},
		"filter":                  {"Telemetry", "response.code >= 400", "response.code >=", "must be a valid CEL expression"},
		"sampling":                {"Telemetry", "randomSamplingPercentage: 10", "randomSamplingPercentage: 101", "should be less than or equal to 100"},
		"Istio's name of a label": {"DestinationRule", "labels: {version: v1}", "labels: {version: -}", "invalid"},

		// Gateway API and Prometheus.
		"CEL: TLS on HTTP":          {"Gateway API Gateway", "port: 80, protocol: HTTP}", "port: 80, protocol: HTTP, tls: {certificateRefs: [{name: a}]}}", "tls must not be specified for protocols"},
		"CEL: listeners alike":      {"Gateway API Gateway", "{name: https,", "{name: http,", "spec.listeners[1]: Duplicate value"},
		"class":                     {"Gateway API Gateway", "gatewayClassName: istio", "gatewayClassName: ''", "gatewayClassName"},
		"hostname":                  {"HTTPRoute", "www.example.com", "www_example", "spec.hostnames[0]"},
		"CEL: path":                 {"HTTPRoute", "value: /api", "value: /a//b", "must not contain '//' when type one of"},
		"CEL: backend without port": {"HTTPRoute", ", port: 80", "", "Must have port for Service reference"},
		"scrape interval":           {"ServiceMonitor", "interval: 30s", "interval: thirty", "spec.endpoints[0].interval"},
		"PromQL":                    {"PrometheusRule", "expr: up == 0", "expr: up ==", "could not parse expression"},
		"recorded name":             {"PrometheusRule", "web:requests:rate5m", "", "one of 'record' or 'alert' must be set"},
		"group's name":              {"PrometheusRule", "[{name: web, rules", "[{name: '', rules", "spec.groups[0].name"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			base, ok := valid[test.of]
			require.True(t, ok, "no object %s", test.of)
			require.Equal(t, 1, strings.Count(base, test.old), "%q is to stand once in %s", test.old, test.of)
			errs := Validate([]byte(strings.Replace(base, test.old, test.new, 1)))
			require.NotEmpty(t, errs)
			assert.ErrorContains(t, errors.Join(errs...), test.want)
		})
	}
}
