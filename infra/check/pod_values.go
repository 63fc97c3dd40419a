package check

import (
	"maps"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/validation"
)

var podValueRules = []Rule{
	{
		Code: "KC531", Title: "a port that a container cannot have", Severity: Error, Kinds: podKinds,
		Doc: "A port is 1 to 65535, and its name has at most 15 lower-case letters, digits and '-', with a letter among them. The API server refuses others, " +
			"as the name of a target port and of a probe's port, too.",
		Wrong:  documents(edited(webExample, "name: http,", "name: http-public-traffic,"), edited(serviceExample, "targetPort: http", "targetPort: 8080")),
		Right:  documents(webExample, serviceExample),
		object: podRule(checkPodPorts),
	},
	{
		Code: "KC532", Title: "a name in a pod that is not allowed", Severity: Error, Kinds: podKinds,
		Doc:   "The names of containers and volumes are lower-case letters, digits and '-', at most 63. The API server refuses others.",
		Wrong: edited(webExample, "- name: web", "- name: web_server"),
		Right: webExample,
		object: podRule(func(c *checker, w *workload) {
			ask := func(field, name string) {
				if name != "" && !isTemplate(name) && len(validation.IsDNS1123Label(name)) > 0 {
					c.report(w.object, field, "the pods are refused: "+name+" is no name", "use at most 63 lower-case letters, digits and '-'")
				}
			}
			for _, container := range w.containers() {
				ask(container.at+".name", container.Name)
			}
			for i, volume := range w.spec.Volumes {
				ask(at("%sspec.volumes[%d].name", w.at, i), volume.Name)
			}
		}),
	},
	{
		Code: "KC533", Title: "fields of which one alone is allowed", Severity: Error, Kinds: podKinds,
		Doc: "A variable has a value or says where it comes from, a volume has one source, a probe or hook asks in one way. The API server refuses two of them, and a " +
			"probe with none.",
		Wrong:  documents(edited(envExample, "- name: MODE\n", "- name: MODE\n              value: fast\n"), configExample, secretExample),
		Right:  documents(envExample, configExample, secretExample),
		object: podRule(checkOneOf),
	},
	{
		Code: "KC534", Title: "a number that the field cannot have", Severity: Error, Kinds: podKinds,
		Doc:    "Numbers of replicas, seconds and tries and quantities of resources are not negative, and a liveness or startup probe has succeeded after one answer. The API server refuses others.",
		Wrong:  webExample + "          livenessProbe: {successThreshold: 2, httpGet: {path: /live, port: http}}\n",
		Right:  webExample + "          livenessProbe: {failureThreshold: 2, httpGet: {path: /live, port: http}}\n",
		object: checkNumbers,
	},
}

// isTemplate reports whether a text is to be filled in by a tool that comes later.
func isTemplate(text string) bool { return strings.ContainsAny(text, "${}<>") }

func checkPodPorts(c *checker, w *workload) {
	for _, container := range w.containers() {
		for i, port := range container.Ports {
			field := at("%s.ports[%d]", container.at, i)
			if port.Name != "" && !isTemplate(port.Name) {
				if problems := validation.IsValidPortName(port.Name); len(problems) > 0 {
					c.report(w.object, field+".name", "the pods are refused: "+port.Name+" is no name of a port: "+problems[0], "use at most 15 lower-case letters, digits and '-'")
				}
			}
			if port.ContainerPort < 0 || port.ContainerPort > 65535 {
				c.report(w.object, field+".containerPort", at("the pods are refused: %d is no port", port.ContainerPort), "use 1 to 65535")
			}
			switch {
			case port.HostPort < 0 || port.HostPort > 65535:
				c.report(w.object, field+".hostPort", at("the pods are refused: %d is no port", port.HostPort), "use 1 to 65535")
			case w.spec.HostNetwork && port.HostPort != 0 && port.HostPort != port.ContainerPort:
				c.report(w.object, field+".hostPort", "the pods are refused: in the network of the host, hostPort is containerPort", "leave hostPort out")
			}
		}
	}
	w.eachProbe(func(_ containerAt, field string, probe *corev1.Probe) {
		if port, where, ok := probePort(probe); ok && port.StrVal == "" && (port.IntVal < 1 || port.IntVal > 65535) {
			c.report(w.object, field+where, at("the pods are refused: %d is no port", port.IntVal), "use 1 to 65535, or the name of a port")
		}
	})
}

func checkOneOf(c *checker, w *workload) {
	for _, container := range w.containers() {
		for i, env := range container.Env {
			field := at("%s.env[%d]", container.at, i)
			switch from := env.ValueFrom; {
			case from == nil:
			case env.Value != "":
				c.report(w.object, field+".value", "the pods are refused: the variable has a value and says where it comes from", "keep one of value and valueFrom")
			case count(from.ConfigMapKeyRef != nil, from.SecretKeyRef != nil, from.FieldRef != nil, from.ResourceFieldRef != nil, from.FileKeyRef != nil) != 1:
				c.report(w.object, field+".valueFrom", "the pods are refused: the variable comes from one place", "keep one of them")
			}
		}
	}
	for i, volume := range w.spec.Volumes {
		source := volume.VolumeSource
		if count(source.ConfigMap != nil, source.Secret != nil, source.EmptyDir != nil, source.HostPath != nil, source.PersistentVolumeClaim != nil, source.Projected != nil,
			source.DownwardAPI != nil, source.CSI != nil, source.NFS != nil, source.Ephemeral != nil, source.Image != nil) > 1 {
			c.report(w.object, at("%sspec.volumes[%d]", w.at, i), "the pods are refused: volume "+volume.Name+" has more than one source", "keep one of them")
		}
	}
	w.eachProbe(func(_ containerAt, field string, probe *corev1.Probe) {
		if n := count(probe.HTTPGet != nil, probe.TCPSocket != nil, probe.GRPC != nil, probe.Exec != nil); n != 1 {
			c.report(w.object, field, at("the pods are refused: a probe asks in one way, and this one in %d", n), "use one of httpGet, tcpSocket, grpc and exec")
		}
	})
}

func count(of ...bool) (n int) {
	for _, each := range of {
		if each {
			n++
		}
	}
	return n
}

// wholeNumbers are fields that are not negative, by their paths.
var wholeNumbers = []string{"spec.replicas", "spec.minReadySeconds", "spec.revisionHistoryLimit", "spec.backoffLimit", "spec.completions", "spec.parallelism",
	"spec.activeDeadlineSeconds", "spec.ttlSecondsAfterFinished", "spec.successfulJobsHistoryLimit", "spec.failedJobsHistoryLimit", "spec.startingDeadlineSeconds"}

func checkNumbers(c *checker, o *object) {
	if isBuiltIn(o.group) {
		if fields, ok := o.Content["spec"].(map[string]any); ok {
			for _, path := range wholeNumbers {
				if number, ok := fields[strings.TrimPrefix(path, "spec.")].(int64); ok && number < 0 {
					c.report(o, path, at("it is refused: %d is negative", number), "use 0 or more")
				}
			}
		}
	}
	if o.pods == nil || o.pods.partial {
		return
	}
	o.pods.eachProbe(func(_ containerAt, field string, probe *corev1.Probe) {
		for _, of := range []struct {
			name   string
			number int32
		}{{"initialDelaySeconds", probe.InitialDelaySeconds}, {"periodSeconds", probe.PeriodSeconds}, {"timeoutSeconds", probe.TimeoutSeconds},
			{"successThreshold", probe.SuccessThreshold}, {"failureThreshold", probe.FailureThreshold}} {
			if of.number < 0 {
				c.report(o, field+"."+of.name, at("the pods are refused: %d is negative", of.number), "use 0 or more")
			}
		}
		if probe.SuccessThreshold > 1 && !strings.HasSuffix(field, ".readinessProbe") {
			c.report(o, field+".successThreshold", "the pods are refused: such a probe has succeeded after one answer", "use 1")
		}
	})
	for _, container := range o.pods.containers() {
		for _, of := range []struct {
			name      string
			resources corev1.ResourceList
		}{{"requests", container.Resources.Requests}, {"limits", container.Resources.Limits}} {
			for _, name := range slices.Sorted(maps.Keys(of.resources)) {
				if quantity := of.resources[name]; quantity.Sign() < 0 {
					c.report(o, at("%s.resources.%s.%s", container.at, of.name, name), "the pods are refused: "+quantity.String()+" is negative", "use 0 or more")
				}
			}
		}
	}
	if given := o.pods.spec.TerminationGracePeriodSeconds; given != nil && *given < 0 {
		c.report(o, o.pods.at+"spec.terminationGracePeriodSeconds", at("the pods are refused: %d is negative", *given), "use 0 or more")
	}
}
