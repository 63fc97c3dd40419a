package check

import (
	"strings"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apiequality "k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/util/intstr"
	"sigs.k8s.io/yaml"
)

var startedExample = edited(webExample, "  replicas: 2\n", "  replicas: 2\n  progressDeadlineSeconds: 300\n") +
	"          startupProbe: {failureThreshold: 20, periodSeconds: 10, httpGet: {path: /live, port: http}}\n"

var liveExample = webExample + `          livenessProbe: {initialDelaySeconds: 10, periodSeconds: 5, failureThreshold: 2, httpGet: {path: /health, port: http}}
          readinessProbe: {initialDelaySeconds: 15, httpGet: {path: /health, port: http}}
`

var drainedExample = edited(webExample, "    metadata: {labels: {app: web}}", "    metadata: {labels: {app: web}, annotations: {proxy.istio.io/config: \"terminationDrainDuration: 20s\"}}",
	"    spec:\n", "    spec:\n      terminationGracePeriodSeconds: 30\n")

var linkedExample = documents(edited(webExample, "image: example.com/web:1.4.0", "image: confluentinc/cp-kafka:7.9.0", "    spec:\n", "    spec:\n      enableServiceLinks: false\n"),
	edited(serviceExample, "{name: web, labels", "{name: kafka, labels"))

var startRules = []Rule{
	{
		Code: "KC330", Title: "a start that takes longer than the rollout waits", Severity: Warning, Kinds: []string{"Deployment"},
		Doc: "A rollout fails after progressDeadlineSeconds without progress, 600 by default. Probes that give a container more time than that to start let " +
			"the rollout be called failed, and be rolled back by tools, while the pods still are starting as they may.",
		Wrong:  edited(startedExample, "failureThreshold: 20", "failureThreshold: 60"),
		Right:  startedExample,
		object: checkStartBudget,
	},
	{
		Code: "KC331", Title: "a liveness probe that ends a container before it is to be ready", Severity: Warning, Kinds: podKinds,
		Doc: "Readiness and liveness ask the same question, and liveness has given up before readiness begins: a container that needs the time that the readiness " +
			"probe gives it is restarted each time. A startup probe waits instead.",
		Wrong: edited(liveExample, "initialDelaySeconds: 15", "initialDelaySeconds: 60"),
		Right: liveExample,
		object: podRule(func(c *checker, w *workload) {
			for _, container := range w.containers() {
				live, ready := container.LivenessProbe, container.ReadinessProbe
				if live == nil || ready == nil || container.StartupProbe != nil || !apiequality.Semantic.DeepEqual(live.ProbeHandler, ready.ProbeHandler) {
					continue
				}
				if ends := probeBudget(live); ends < seconds(ready.InitialDelaySeconds) {
					c.report(w.object, container.at+".livenessProbe", at("a container that is not up after %s is restarted, and readiness waits for %s", ends, seconds(ready.InitialDelaySeconds)), "use a startupProbe")
				}
			}
		}),
	},
	{
		Code: "KC332", Title: "a sidecar that drains longer than the grace period", Severity: Error, Kinds: podKinds,
		Doc:   "The sidecar finishes its connections for terminationDrainDuration. The grace period ends it before, with the requests that it has.",
		Wrong: edited(drainedExample, "terminationDrainDuration: 20s", "terminationDrainDuration: 45s"),
		Right: drainedExample,
		object: podRule(func(c *checker, w *workload) {
			var config struct {
				TerminationDrainDuration string `json:"terminationDrainDuration"`
			}
			text, ok := w.annotations["proxy.istio.io/config"]
			if !ok || yaml.Unmarshal([]byte(text), &config) != nil {
				return
			}
			drain, err := time.ParseDuration(config.TerminationDrainDuration)
			if grace := w.grace(); err == nil && drain > grace {
				c.report(w.object, w.at+"metadata.annotations[proxy.istio.io/config]", at("requests are cut off: the sidecar drains for %s, and is killed after %s", drain, grace), "raise terminationGracePeriodSeconds, or drain shorter")
			}
		}),
	},
	{
		Code: "KC333", Title: "a probe of another protocol than the port's", Severity: Error, Kinds: podKinds,
		Doc: "A port of UDP takes no connection, so httpGet, tcpSocket and grpc fail. A server of TLS, on a port named https, most likely answers plain HTTP by " +
			"400: set scheme to HTTPS. That is a warning.",
		Wrong: edited(probedExample, "containerPort: 8080", "containerPort: 8080, protocol: UDP"),
		Right: probedExample,
		object: podRule(func(c *checker, w *workload) {
			w.eachProbe(func(container containerAt, field string, probe *corev1.Probe) {
				port, where, ok := probePort(probe)
				if !ok {
					return
				}
				of, both := corev1.ContainerPort{}, false
				for _, each := range container.Ports {
					if port.Type == intstr.String && each.Name == port.StrVal || port.Type == intstr.Int && each.ContainerPort == port.IntVal {
						both = both || of.ContainerPort != 0
						of = each
					}
				}
				switch {
				case both || of.ContainerPort == 0:
				case of.Protocol == corev1.ProtocolUDP:
					c.report(w.object, field+where, "the probe always fails: port "+port.String()+" is of UDP", "use a port of TCP, or exec")
				case of.Name == "https" && probe.HTTPGet != nil && probe.HTTPGet.Scheme != corev1.URISchemeHTTPS:
					c.reportAs(Warning, w.object, field+".httpGet.scheme", "the probe always fails: the port is for HTTPS, and is asked in plain HTTP", "set scheme to HTTPS")
				}
			})
		}),
	},
	{
		Code: "KC334", Title: "a Service whose variables stop an image", Severity: Error, Kinds: podKinds,
		Doc: "A container gets variables for each Service of its namespace: for one named kafka KAFKA_PORT and KAFKA_SERVICE_HOST. Some images read such variables as " +
			"their own settings, and end at their start. enableServiceLinks: false leaves them out.",
		Wrong: edited(linkedExample, "      enableServiceLinks: false\n", ""),
		Right: linkedExample,
		object: podRule(func(c *checker, w *workload) {
			if w.spec.EnableServiceLinks != nil && !*w.spec.EnableServiceLinks {
				return
			}
			for _, container := range w.containers() {
				for _, name := range linked[imageName(container.Image)] {
					if service := c.byKey[key{"Service", w.namespace, name}]; service != nil && service[0].service() != nil && service[0].service().Spec.ClusterIP != corev1.ClusterIPNone {
						c.report(w.object, container.at+".image", "the container ends at its start: it reads "+variable(name)+"_PORT, which it gets for "+service[0].String()+", as a setting of its own", "set enableServiceLinks to false, or name the Service otherwise")
					}
				}
			}
		}),
	},
}

// linked are names of Services of which images take the variables for their settings.
var linked = map[string][]string{
	"confluentinc/cp-kafka":           {"kafka"},
	"confluentinc/cp-server":          {"kafka"},
	"confluentinc/cp-zookeeper":       {"zookeeper"},
	"confluentinc/cp-schema-registry": {"schema-registry"},
	"confluentinc/cp-kafka-rest":      {"kafka-rest"},
	"neo4j":                           {"neo4j"},
}

// imageName is the name of an image without the registry that is the default, and without tag and digest.
func imageName(image string) string {
	image, _, _ = strings.Cut(image, "@")
	if colon := strings.LastIndexByte(image, ':'); colon > strings.LastIndexByte(image, '/') {
		image = image[:colon]
	}
	return strings.TrimPrefix(strings.TrimPrefix(image, "docker.io/"), "library/")
}

// variable is the beginning of the names of the variables for a Service.
func variable(service string) string {
	return strings.ToUpper(strings.ReplaceAll(service, "-", "_"))
}

func seconds(n int32) time.Duration { return time.Duration(n) * time.Second }

// probeBudget is how long a container has at least until a probe has failed for good: the first try is after the delay.
func probeBudget(probe *corev1.Probe) time.Duration {
	period, failures := probe.PeriodSeconds, probe.FailureThreshold
	if period <= 0 {
		period = 10
	}
	if failures <= 0 {
		failures = 3
	}
	return seconds(probe.InitialDelaySeconds) + time.Duration(failures-1)*seconds(period)
}

// grace is how long the pods have to end.
func (w *workload) grace() time.Duration {
	if given := w.spec.TerminationGracePeriodSeconds; given != nil {
		return time.Duration(*given) * time.Second
	}
	return corev1.DefaultTerminationGracePeriodSeconds * time.Second
}

func checkStartBudget(c *checker, o *object) {
	d, ok := o.typed.(*appsv1.Deployment)
	if !ok {
		return
	}
	deadline := int32(600)
	if d.Spec.ProgressDeadlineSeconds != nil {
		deadline = *d.Spec.ProgressDeadlineSeconds
	}
	if d.Spec.MinReadySeconds >= deadline {
		c.reportAs(Error, o, "spec.minReadySeconds", at("it is refused: minReadySeconds, %d, is not below progressDeadlineSeconds, %d", d.Spec.MinReadySeconds, deadline), "lower minReadySeconds, or raise progressDeadlineSeconds")
		return
	}
	for _, container := range o.pods.containers() {
		if container.StartupProbe == nil {
			continue
		}
		if takes := probeBudget(container.StartupProbe) + seconds(d.Spec.MinReadySeconds); takes > seconds(deadline) {
			c.report(o, container.at+".startupProbe", at("a rollout is called failed while its pods still may start: they have %s, and the rollout waits for %s", takes, seconds(deadline)), "raise progressDeadlineSeconds, or give the start less time")
		}
	}
}
