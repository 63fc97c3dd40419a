package check

import (
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	psaapi "k8s.io/pod-security-admission/api"
	psapolicy "k8s.io/pod-security-admission/policy"
)

var probedExample = webExample + `          readinessProbe: {httpGet: {path: /ready, port: http}}
`

var stoppedExample = edited(webExample, "    spec:\n", "    spec:\n      terminationGracePeriodSeconds: 30\n",
	"          ports", "          lifecycle: {preStop: {sleep: {seconds: 5}}}\n          ports")

const restrictedNamespace = `apiVersion: v1
kind: Namespace
metadata: {name: shop, labels: {pod-security.kubernetes.io/enforce: baseline}}
`

var shopPod = edited(webExample, "metadata: {name: web}", "metadata: {name: web, namespace: shop}")

var podRules = []Rule{
	{
		Code: "KC301", Title: "a probe of a port name that the container does not have", Severity: Error, Kinds: podKinds,
		Doc:   "A probe whose port is a name that the container itself does not declare fails each time: the pod is never ready, or is restarted again and again.",
		Wrong: edited(probedExample, "port: http}", "port: web}"),
		Right: probedExample,
		object: podRule(func(c *checker, w *workload) {
			w.eachProbe(func(container containerAt, field string, probe *corev1.Probe) {
				port, at, ok := probePort(probe)
				if ok && port.Type == intstr.String && port.StrVal != "" && !declares(container, port) {
					if _, err := strconv.Atoi(port.StrVal); err != nil {
						c.report(w.object, field+at, "the probe always fails: container "+container.Name+" has no port named "+port.StrVal, "use one of its ports: "+listOf(portNames(container)))
					}
				}
			})
		}),
	},
	{
		Code: "KC302", Title: "a probe of a port that the container does not declare", Severity: Warning, Kinds: podKinds,
		Doc: "The container declares its ports, and the probe asks another one. The declaration opens nothing, so this may be " +
			"right; then declare the port as well. Nothing is said of containers that declare none, " +
			"of the ports of Istio's proxy, nor where the arguments, variables or ConfigMaps of the pod have the number, nor of the ports " +
			"at which images are known to be asked for their health.",
		Wrong: edited(probedExample, "port: http}", "port: 9999}"),
		Right: edited(probedExample, "port: http}", "port: 8080}"),
		object: podRule(func(c *checker, w *workload) {
			w.eachProbe(func(container containerAt, field string, probe *corev1.Probe) {
				port, at, ok := probePort(probe)
				if ok && port.Type == intstr.Int && len(container.Ports) > 0 && !declares(container, port) && !isMeshPort(port.IntVal) &&
					!c.otherDeclares(w, port) && !c.mentions(w, port.IntVal) && !listensOn(container.Image, port.IntVal) {
					c.report(w.object, field+at, "the probe fails where nobody listens: container "+container.Name+" does not declare port "+port.String(), "use one of its ports, or declare this one")
				}
			})
		}),
	},
	{
		Code: "KC303", Title: "a probe of HTTP for a port of gRPC", Severity: Error, Kinds: podKinds,
		Doc:   "A server of gRPC answers no HTTP/1.1: an httpGet probe of its port always fails. Probe it by grpc.",
		Wrong: edited(probedExample, "name: http, containerPort", "name: grpc, containerPort", "port: http}", "port: grpc}"),
		Right: edited(probedExample, "name: http, containerPort", "name: grpc, containerPort", "httpGet: {path: /ready, port: http}", "grpc: {port: 8080}"),
		object: podRule(func(c *checker, w *workload) {
			w.eachProbe(func(container containerAt, field string, probe *corev1.Probe) {
				if probe.HTTPGet == nil {
					return
				}
				for _, port := range container.Ports {
					if port.Name == "grpc" && (probe.HTTPGet.Port.StrVal == "grpc" || probe.HTTPGet.Port.Type == intstr.Int && probe.HTTPGet.Port.IntVal == port.ContainerPort) {
						c.report(w.object, field+".httpGet.port", "the probe always fails: the port is for gRPC", "probe it by grpc, or use the port for HTTP")
					}
				}
			})
		}),
	},
	{
		Code: "KC304", Title: "a preStop hook longer than the grace period", Severity: Error, Kinds: podKinds,
		Doc: "The grace period begins with the preStop hook. A hook that takes all of it leaves the process no time to end: it is killed " +
			"with the requests it has. The API server refuses a sleep that is longer.",
		Wrong:  edited(stoppedExample, "terminationGracePeriodSeconds: 30", "terminationGracePeriodSeconds: 5"),
		Right:  stoppedExample,
		object: podRule(checkGrace),
	},
	{
		Code: "KC305", Title: "a liveness probe of a slow starter without a startup probe", Severity: Note, Kinds: podKinds,
		Doc:   "A liveness probe that waits long before it begins says that the start is slow. A startup probe waits as long as it takes, and not longer.",
		Wrong: webExample + "          livenessProbe: {initialDelaySeconds: 120, httpGet: {path: /live, port: http}}\n",
		Right: webExample + "          livenessProbe: {httpGet: {path: /live, port: http}}\n          startupProbe: {failureThreshold: 40, periodSeconds: 3, httpGet: {path: /live, port: http}}\n",
		object: podRule(func(c *checker, w *workload) {
			for _, container := range w.containers() {
				if container.LivenessProbe != nil && container.StartupProbe == nil && container.LivenessProbe.InitialDelaySeconds >= 60 {
					c.report(w.object, container.at+".livenessProbe.initialDelaySeconds", "a start that takes longer ends in a restart, and a hang in the first minute is not seen", "use a startupProbe")
				}
			}
		}),
	},
	{
		Code: "KC309", Title: "pods that their namespace refuses", Severity: Error, Kinds: podKinds,
		Doc: "The namespace enforces a level of the Pod Security Standards, and the pods do not keep it: none is created. The question " +
			"is answered by the code of the API server.",
		Wrong:  documents(restrictedNamespace, edited(shopPod, "    spec:\n", "    spec:\n      hostNetwork: true\n", "containerPort: 8080", "containerPort: 8080, hostPort: 8080")),
		Right:  documents(restrictedNamespace, shopPod),
		object: podRule(checkSecurity),
	},
	{
		Code: "KC310", Title: "a read-only root where the image writes", Severity: Warning, Kinds: podKinds,
		Doc:   "The root of the container is read-only, and the image is known to write to a folder that no volume is mounted at: it ends at its start.",
		Wrong: edited(webExample, "image: example.com/web:1.4.0", "image: nginx:1.29\n          securityContext: {readOnlyRootFilesystem: true}"),
		Right: edited(webExample, "image: example.com/web:1.4.0", "image: nginx:1.29\n          securityContext: {readOnlyRootFilesystem: true}\n          volumeMounts: [{name: cache, mountPath: /var/cache/nginx}, {name: run, mountPath: /var/run}]") +
			"      volumes: [{name: cache, emptyDir: {}}, {name: run, emptyDir: {}}]\n",
		object: podRule(checkReadOnly),
	},
	{
		Code: "KC311", Title: "a mount that hides a folder of the system", Severity: Error, Kinds: podKinds,
		Doc:    "What is mounted at such a folder stands in place of what the image has there, programs and libraries with it: the container does not start. Mount one file with subPath, or use a folder of its own.",
		Wrong:  documents(edited(volumeExample, "mountPath: /srv/settings", "mountPath: /etc"), configExample),
		Right:  documents(volumeExample, configExample),
		object: podRule(checkSystemMounts),
	},
	{
		Code: "KC318", Title: "a restart policy that the kind does not allow", Severity: Error, Kinds: podKinds,
		Doc:   "Pods of a Deployment, StatefulSet or DaemonSet restart always, those of a Job never or on failure. Others are refused.",
		Wrong: edited(webExample, "    spec:\n", "    spec:\n      restartPolicy: Never\n"),
		Right: webExample,
		object: podRule(func(c *checker, w *workload) {
			policy := w.spec.RestartPolicy
			switch w.kind {
			case "Deployment", "StatefulSet", "DaemonSet", "ReplicaSet", "ReplicationController":
				if w.typed != nil && policy != "" && policy != corev1.RestartPolicyAlways {
					c.report(w.object, w.at+"spec.restartPolicy", "it is refused: pods of a "+w.kind+" restart always", "leave restartPolicy out")
				}
			case "Job", "CronJob":
				if w.typed != nil && (policy == "" || policy == corev1.RestartPolicyAlways) {
					c.report(w.object, w.at+"spec.restartPolicy", "it is refused: pods of a "+w.kind+" end, and do not restart always", "use Never or OnFailure")
				}
			}
		}),
	},
}

// eachProbe calls look for each probe of each container.
func (w *workload) eachProbe(look func(container containerAt, field string, probe *corev1.Probe)) {
	for _, container := range w.containers() {
		for _, probe := range []struct {
			name string
			*corev1.Probe
		}{{"livenessProbe", container.LivenessProbe}, {"readinessProbe", container.ReadinessProbe}, {"startupProbe", container.StartupProbe}} {
			if probe.Probe != nil {
				look(container, container.at+"."+probe.name, probe.Probe)
			}
		}
	}
}

func probePort(probe *corev1.Probe) (port intstr.IntOrString, field string, ok bool) {
	switch {
	case probe.HTTPGet != nil:
		return probe.HTTPGet.Port, ".httpGet.port", probe.HTTPGet.Host == ""
	case probe.TCPSocket != nil:
		return probe.TCPSocket.Port, ".tcpSocket.port", probe.TCPSocket.Host == ""
	case probe.GRPC != nil:
		return intstr.FromInt32(probe.GRPC.Port), ".grpc.port", true
	}
	return intstr.IntOrString{}, "", false
}

func declares(container containerAt, port intstr.IntOrString) bool {
	return slices.ContainsFunc(container.Ports, func(p corev1.ContainerPort) bool {
		return port.Type == intstr.String && p.Name == port.StrVal || port.Type == intstr.Int && p.ContainerPort == port.IntVal
	})
}

// healthPorts are those at which images are asked for their health, and which manifests usually do not declare, by the end of
// the images' names.
var healthPorts = map[string][]int32{
	"/ingress-nginx/controller": {10254},
	"/install-cni":              {8000},
	"/coredns":                  {8080, 8181},
}

func listensOn(image string, port int32) bool {
	image, _, _ = strings.Cut(image, "@")
	if tag := strings.LastIndex(image, ":"); tag > strings.LastIndex(image, "/") {
		image = image[:tag]
	}
	for name, ports := range healthPorts {
		if strings.HasSuffix("/"+image, name) && slices.Contains(ports, port) {
			return true
		}
	}
	return false
}

// otherDeclares reports whether another container of the pod declares a port: they share their addresses.
func (c *checker) otherDeclares(w *workload, port intstr.IntOrString) bool {
	return slices.ContainsFunc(w.containers(), func(container containerAt) bool { return declares(container, port) })
}

func portNames(container containerAt) []string {
	var names []string
	for _, port := range container.Ports {
		if port.Name != "" {
			names = append(names, port.Name)
		}
	}
	return names
}

func checkGrace(c *checker, w *workload) {
	grace := int64(w.grace() / time.Second)
	for _, container := range w.containers() {
		if container.Lifecycle == nil || container.Lifecycle.PreStop == nil {
			continue
		}
		stop := container.Lifecycle.PreStop
		seconds, field := int64(0), container.at+".lifecycle.preStop"
		switch {
		case stop.Sleep != nil:
			seconds, field = stop.Sleep.Seconds, field+".sleep.seconds"
		case stop.Exec != nil:
			seconds, field = sleepOf(stop.Exec.Command), field+".exec.command"
		}
		if seconds > 0 && seconds >= grace {
			c.report(w.object, field, at("the container is killed while it has requests: the hook takes %ds of a grace period of %ds", seconds, grace), "raise terminationGracePeriodSeconds, or sleep shorter")
		}
	}
}

// sleepOf is how long a command sleeps at least: the command itself, or the commands of a script that are run one after another.
func sleepOf(command []string) int64 {
	words := strings.Fields(strings.Join(command, " "))
	for len(words) > 2 && (isShell(words[:1]) || strings.HasPrefix(words[0], "-")) {
		words = words[1:]
	}
	total := int64(0)
	for step := range strings.SplitSeq(strings.NewReplacer("&&", ";", "\n", ";").Replace(strings.Join(words, " ")), ";") {
		of := strings.Fields(strings.Trim(step, `"' `))
		if len(of) == 0 || strings.ContainsAny(step, "|(){}") || slices.Contains([]string{"if", "while", "for", "until", "exit", "exec"}, of[0]) {
			break
		}
		if len(of) == 2 && (of[0] == "sleep" || strings.HasSuffix(of[0], "/sleep")) {
			if seconds, err := strconv.ParseInt(strings.TrimSuffix(of[1], "s"), 10, 32); err == nil {
				total += seconds
			}
		}
	}
	return total
}

var evaluator = func() psapolicy.Evaluator {
	e, err := psapolicy.NewEvaluator(psapolicy.DefaultChecks(), nil)
	if err != nil {
		// The checks are compiled in.
		panic(err)
	}
	return e
}()

func checkSecurity(c *checker, w *workload) {
	namespace, _ := c.find("Namespace", "", w.namespace)
	if namespace == nil {
		return
	}
	level, err := psaapi.ParseLevel(namespace.labels[psaapi.EnforceLevelLabel])
	if err != nil || level == psaapi.LevelPrivileged {
		return
	}
	results := evaluator.EvaluatePod(psaapi.LevelVersion{Level: level, Version: psaapi.LatestVersion()}, &w.meta().ObjectMeta, w.spec)
	if aggregate := psapolicy.AggregateCheckResults(results); !aggregate.Allowed {
		c.report(w.object, w.at+"spec", "no pod is created: namespace "+namespace.name+" enforces the Pod Security Standard "+string(level)+": "+aggregate.ForbiddenDetail(), "keep it, or relax "+psaapi.EnforceLevelLabel)
	}
}

func (w *workload) meta() *corev1.Pod {
	pod := &corev1.Pod{}
	pod.Labels, pod.Annotations = w.labels, w.annotations
	return pod
}

// writes are the folders that images are known to write to at their start, by the last part of their name.
var writes = map[string][]string{
	"nginx":    {"/var/cache/nginx"},
	"postgres": {"/var/run/postgresql"},
	"mysql":    {"/var/run/mysqld"},
	"mariadb":  {"/run/mysqld"},
	"httpd":    {"/usr/local/apache2/logs"},
	"rabbitmq": {"/var/lib/rabbitmq"},
}

func checkReadOnly(c *checker, w *workload) {
	for _, container := range w.containers() {
		if container.SecurityContext == nil || container.SecurityContext.ReadOnlyRootFilesystem == nil || !*container.SecurityContext.ReadOnlyRootFilesystem || len(container.Command) > 0 {
			continue
		}
		name := container.Image
		if !strings.Contains(name, "/") || strings.HasPrefix(name, "docker.io/library/") || strings.HasPrefix(name, "library/") {
			name = name[strings.LastIndex(name, "/")+1:]
			name, _, _ = strings.Cut(name, "@")
			name, _, _ = strings.Cut(name, ":")
		}
		for _, folder := range writes[name] {
			if !slices.ContainsFunc(container.VolumeMounts, func(m corev1.VolumeMount) bool {
				mounted := strings.TrimSuffix(m.MountPath, "/")
				return folder == mounted || strings.HasPrefix(folder, mounted+"/") || strings.TrimPrefix(folder, "/var") == mounted || strings.HasPrefix(mounted, folder+"/")
			}) {
				c.report(w.object, container.at+".securityContext.readOnlyRootFilesystem", "the container ends at its start: "+name+" writes to "+folder, "mount an emptyDir there")
			}
		}
	}
}

var systemFolders = []string{"", "/etc", "/bin", "/sbin", "/usr", "/usr/bin", "/usr/sbin", "/usr/lib", "/usr/local", "/usr/local/bin", "/usr/local/lib", "/lib", "/lib64", "/proc", "/sys", "/dev"}

func checkSystemMounts(c *checker, w *workload) {
	hosts := map[string]bool{}
	for _, volume := range w.spec.Volumes {
		// The node's own folders are mounted there by those who know what they do.
		hosts[volume.Name] = volume.HostPath != nil || volume.Image != nil
	}
	for _, container := range w.containers() {
		for i, mount := range container.VolumeMounts {
			if mount.SubPath == "" && mount.SubPathExpr == "" && strings.HasPrefix(mount.MountPath, "/") && slices.Contains(systemFolders, strings.TrimRight(mount.MountPath, "/")) && !hosts[mount.Name] {
				c.report(w.object, at("%s.volumeMounts[%d].mountPath", container.at, i), "the container does not start: volume "+mount.Name+" hides what the image has in "+mount.MountPath, "use a folder of its own, or subPath for one file")
			}
		}
	}
}

var containerRules = []Rule{
	{
		Code: "KC306", Title: "an image that changes under its tag", Severity: Warning, Kinds: podKinds,
		Doc: "The tag latest is another image tomorrow: pods of one Deployment run different programs, and a rollback brings nothing back. " +
			"An image without a tag is the same, and a note.",
		Wrong: edited(webExample, "web:1.4.0", "web:latest"),
		Right: webExample,
		object: podRule(func(c *checker, w *workload) {
			for _, container := range w.containers() {
				image := container.Image
				last := image[strings.LastIndex(image, "/")+1:]
				switch {
				case image == "" || strings.Contains(image, "@") || strings.ContainsAny(image, "${}<>"):
				case strings.HasSuffix(last, ":latest"):
					c.report(w.object, container.at+".image", "another start may run another program: "+image+" changes under its tag", "use the tag of a version, or a digest")
				case !strings.Contains(last, ":"):
					c.reportAs(Note, w.object, container.at+".image", "another start may run another program: "+image+" has no tag, which is latest", "use the tag of a version, or a digest")
				}
			}
		}),
	},
	{
		Code: "KC307", Title: "a container without requests", Severity: Note, Kinds: podKinds,
		Doc:   "A container without requests is placed anywhere and is the first to be evicted when memory is short.",
		Wrong: webExample,
		Right: edited(webExample, "          ports", "          resources: {requests: {cpu: 100m, memory: 64Mi}}\n          ports"),
		object: podRule(func(c *checker, w *workload) {
			for _, container := range w.containers() {
				if len(container.Resources.Requests) == 0 && len(container.Resources.Limits) == 0 && w.spec.Resources == nil {
					c.report(w.object, container.at+".resources", "the container is the first to be evicted: it requests nothing", "set requests for cpu and memory")
				}
			}
		}),
	},
	{
		Code: "KC308", Title: "a request above its limit", Severity: Error, Kinds: podKinds,
		Doc:   "The API server refuses a container that requests more than its limit.",
		Wrong: edited(webExample, "          ports", "          resources: {requests: {memory: 2Gi}, limits: {memory: 1Gi}}\n          ports"),
		Right: edited(webExample, "          ports", "          resources: {requests: {memory: 1Gi}, limits: {memory: 2Gi}}\n          ports"),
		object: podRule(func(c *checker, w *workload) {
			for _, container := range w.containers() {
				for _, name := range slices.Sorted(maps.Keys(container.Resources.Requests)) {
					request := container.Resources.Requests[name]
					if limit, ok := container.Resources.Limits[name]; ok && request.Cmp(limit) > 0 {
						c.report(w.object, at("%s.resources.requests.%s", container.at, name), at("the pods are refused: the request, %s, is above the limit, %s", request.String(), limit.String()), "lower the request, or raise the limit")
					}
				}
			}
		}),
	},
	{
		Code: "KC312", Title: "a name twice in one pod", Severity: Error, Kinds: podKinds,
		Doc:    "Containers, volumes and mount paths have names of their own: the API server refuses one that is there twice.",
		Wrong:  webExample + "        - name: web\n          image: example.com/log:1.0.0\n",
		Right:  webExample + "        - name: log\n          image: example.com/log:1.0.0\n",
		object: podRule(checkTwice),
	},
	{
		Code: "KC313", Title: "a field of the pod that a variable or file cannot have", Severity: Error, Kinds: podKinds,
		Doc:    "The environment can have metadata.name, metadata.namespace, metadata.uid, a label or annotation, spec.nodeName, spec.serviceAccountName and the addresses in status. Others are refused.",
		Wrong:  edited(webExample, "          ports", "          env: [{name: NODE, valueFrom: {fieldRef: {fieldPath: spec.node}}}]\n          ports"),
		Right:  edited(webExample, "          ports", "          env: [{name: NODE, valueFrom: {fieldRef: {fieldPath: spec.nodeName}}}]\n          ports"),
		object: podRule(checkFieldRefs),
	},
	{
		Code: "KC314", Title: "a variable twice in one container", Severity: Warning, Kinds: podKinds,
		Doc:   "Of two variables of one name the last one counts. kubectl apply merges them by name, and may leave either.",
		Wrong: edited(webExample, "          ports", "          env: [{name: MODE, value: a}, {name: MODE, value: b}]\n          ports"),
		Right: edited(webExample, "          ports", "          env: [{name: MODE, value: b}]\n          ports"),
		object: podRule(func(c *checker, w *workload) {
			for _, container := range w.containers() {
				seen := map[string]int{}
				for i, env := range container.Env {
					if first, twice := seen[env.Name]; twice {
						c.report(w.object, at("%s.env[%d].name", container.at, i), at("one of two values is lost: env[%d] is %s, too", first, env.Name), "keep one of them")
					}
					seen[env.Name] = i
				}
			}
		}),
	},
	{
		Code: "KC315", Title: "two containers of a pod on one port", Severity: Warning, Kinds: podKinds,
		Doc:   "The containers of a pod share their addresses: of two that listen on one port the second ends at its start.",
		Wrong: webExample + "        - name: log\n          image: example.com/log:1.0.0\n          ports: [{containerPort: 8080}]\n",
		Right: webExample + "        - name: log\n          image: example.com/log:1.0.0\n          ports: [{containerPort: 8081}]\n",
		object: podRule(func(c *checker, w *workload) {
			seen := map[string]string{}
			for _, container := range w.containers() {
				if container.init {
					continue
				}
				for i, port := range container.Ports {
					id := portKey(port.Protocol, port.ContainerPort)
					if first, ok := seen[id]; ok && first != container.Name {
						c.report(w.object, at("%s.ports[%d].containerPort", container.at, i), "the container ends at its start: container "+first+" listens on port "+id+", too", "give each its own port")
					}
					seen[id] = container.Name
				}
			}
		}),
	},
	{
		Code: "KC316", Title: "a port name twice in one pod", Severity: Warning, Kinds: podKinds,
		Doc:   "A Service whose target port is a name that two containers of a pod have reaches the first of them alone.",
		Wrong: webExample + "        - name: log\n          image: example.com/log:1.0.0\n          ports: [{name: http, containerPort: 8081}]\n",
		Right: webExample + "        - name: log\n          image: example.com/log:1.0.0\n          ports: [{name: http-log, containerPort: 8081}]\n",
		object: podRule(func(c *checker, w *workload) {
			seen := map[string]bool{}
			for _, container := range w.containers() {
				for i, port := range container.Ports {
					if port.Name != "" && seen[port.Name] && !container.init {
						c.report(w.object, at("%s.ports[%d].name", container.at, i), "this port is never reached by its name: another one of the pod is named "+port.Name, "give each port a name of its own")
					}
					seen[port.Name] = true
				}
			}
		}),
	},
}

func checkTwice(c *checker, w *workload) {
	twice := func(what string) func(name, field string) {
		seen := map[string]string{}
		return func(name, field string) {
			if first, ok := seen[name]; ok && name != "" {
				c.report(w.object, field, "the pods are refused: "+what+" "+name+" is there twice, the first time at "+first, "give each its own name")
				return
			}
			seen[name] = field
		}
	}
	container, volume := twice("container"), twice("volume")
	for _, each := range w.containers() {
		container(each.Name, each.at+".name")
		mount := twice("mount path")
		for i, m := range each.VolumeMounts {
			mount(m.MountPath, at("%s.volumeMounts[%d].mountPath", each.at, i))
		}
	}
	for i, v := range w.spec.Volumes {
		volume(v.Name, at("%sspec.volumes[%d].name", w.at, i))
	}
}

var (
	podFields = []string{"metadata.name", "metadata.namespace", "metadata.uid", "spec.nodeName", "spec.serviceAccountName", "status.hostIP", "status.hostIPs", "status.podIP", "status.podIPs"}
	// filedFields are those of volumes.
	filedFields    = []string{"metadata.name", "metadata.namespace", "metadata.uid", "metadata.labels", "metadata.annotations"}
	resourceFields = []string{"limits.cpu", "limits.memory", "limits.ephemeral-storage", "requests.cpu", "requests.memory", "requests.ephemeral-storage"}
)

func checkFieldRefs(c *checker, w *workload) {
	isEntry := func(path string) bool {
		return (strings.HasPrefix(path, "metadata.labels['") || strings.HasPrefix(path, "metadata.annotations['")) && strings.HasSuffix(path, "']")
	}
	ask := func(field string, ref *corev1.ObjectFieldSelector, resource *corev1.ResourceFieldSelector, what string, allowed []string) {
		if ref != nil && !isEntry(ref.FieldPath) && !slices.Contains(allowed, ref.FieldPath) {
			c.report(w.object, field+".fieldRef.fieldPath", "the pods are refused: "+strconv.Quote(ref.FieldPath)+" is no field that "+what+" can have", "use one of "+strings.Join(allowed, ", "))
		}
		if resource != nil && !slices.Contains(resourceFields, resource.Resource) && !strings.Contains(resource.Resource, ".hugepages-") {
			c.report(w.object, field+".resourceFieldRef.resource", "the pods are refused: "+strconv.Quote(resource.Resource)+" is no number of resources", "use one of "+strings.Join(resourceFields, ", "))
		}
	}
	for _, container := range w.containers() {
		for i, env := range container.Env {
			if env.ValueFrom != nil {
				ask(at("%s.env[%d].valueFrom", container.at, i), env.ValueFrom.FieldRef, env.ValueFrom.ResourceFieldRef, "a variable", podFields)
			}
		}
	}
	items := func(field string, items []corev1.DownwardAPIVolumeFile) {
		for i, item := range items {
			ask(at("%s.items[%d]", field, i), item.FieldRef, item.ResourceFieldRef, "a file", filedFields)
		}
	}
	for i, volume := range w.spec.Volumes {
		if volume.DownwardAPI != nil {
			items(at("%sspec.volumes[%d].downwardAPI", w.at, i), volume.DownwardAPI.Items)
		}
		if volume.Projected == nil {
			continue
		}
		for j, source := range volume.Projected.Sources {
			if source.DownwardAPI != nil {
				items(at("%sspec.volumes[%d].projected.sources[%d].downwardAPI", w.at, i, j), source.DownwardAPI.Items)
			}
		}
	}
}
