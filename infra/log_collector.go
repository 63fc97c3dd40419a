package infra

import (
	"fmt"
	"maps"
	"path"
	"regexp"
	"slices"
	"time"

	"github.com/aws/constructs-go/constructs/v10"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/crossoverJie/k8s-combat/imports/k8s"
	"github.com/crossoverJie/k8s-combat/imports/tree"
	"github.com/crossoverJie/k8s-combat/infra/internal/problem"
)

// LogCollectorForm says where a LogCollector runs.
type LogCollectorForm string

const (
	// NodeCollector runs one collector on each node, which reads what the containers there write to their standard
	// output. The workloads have nothing to do.
	// See https://kubernetes.io/docs/concepts/cluster-administration/logging/.
	NodeCollector LogCollectorForm = "Node"
	// SidecarCollector runs a collector in each pod that its method Attach is given, beside the workload. No container
	// can read another one's standard output, so the workload has to write its log to LogFile, on a volume that both
	// share, and to keep that file small itself. In return nothing has to run as root or to see the node.
	SidecarCollector LogCollectorForm = "Sidecar"
)

const (
	filebeatImage = "docker.elastic.co/beats/filebeat:8.11.3"
	filebeatHome  = "/usr/share/filebeat"
	filebeatPort  = 5066

	// podLogs is where the kubelet has the container runtime write the logs, as
	// NAMESPACE_POD_UID/CONTAINER/RESTARTS.log. With containerd and CRI-O these are the files themselves.
	podLogs = "/var/log/pods"
	// nodeData is where the collectors of a node remember what they have read.
	nodeData = "/var/lib/filebeat"
)

// LogCollectorProps are the options of a LogCollector.
type LogCollectorProps struct {
	// Name of the DaemonSet and of everything that belongs to it, and of the container. Required; an RFC 1123 label.
	Name string
	// Form says where the collector runs. Defaults to NodeCollector.
	Form LogCollectorForm
	// Elasticsearch that the logs are written to: the Endpoint of an *Elasticsearch, or ExistingElasticsearch. Required.
	Elasticsearch ElasticsearchEndpoint
	// From are the workloads of the namespace whose logs a NodeCollector collects; for a SidecarCollector an error.
	// Defaults to all pods of the namespace but the collector's own.
	From []*ProbedDeployment
	// LogFile is where the workload beside a SidecarCollector writes its log: a file in a folder of its own, which the
	// shared volume hides; files beside it that end with .log are collected too. Defaults to /var/log/app/app.log.
	LogFile string
	// LogFileVariable is the environment variable that tells the workload beside a SidecarCollector the LogFile.
	// Defaults to none: the workload knows it. The sample service reads LOG_FILE.
	LogFileVariable string
	// MessageKey is the JSON key that holds the text of an entry; it becomes the field message, which Kibana shows.
	// Defaults to msg, the key of Go's log/slog.
	MessageKey string
	// Retention is how long logs are kept, in whole days. Defaults to 7 days.
	Retention time.Duration
	// Image of Filebeat 8. Defaults to docker.elastic.co/beats/filebeat:8.11.3.
	Image string
	// Resources of the container. Defaults to 128Mi to 256Mi of memory and 0.05 to 0.5 cores.
	Resources Resources
	// Patch has the last word on the DaemonSet of a NodeCollector; for a SidecarCollector it is an error.
	Patch func(*appsv1.DaemonSet)
}

const day = 24 * time.Hour

func (props LogCollectorProps) withDefaults() LogCollectorProps {
	if props.Form == "" {
		props.Form = NodeCollector
	}
	if props.LogFile == "" {
		props.LogFile = "/var/log/app/app.log"
	}
	if props.MessageKey == "" {
		props.MessageKey = "msg"
	}
	if props.Retention == 0 {
		props.Retention = 7 * day
	}
	if props.Image == "" {
		props.Image = filebeatImage
	}
	if props.Resources == (Resources{}) {
		props.Resources = Resources{
			Requests: ResourceList{CPU: "0.05", Memory: "128Mi"},
			Limits:   ResourceList{CPU: "0.5", Memory: "256Mi"},
		}
	}
	return props
}

// validate takes the props with their defaults.
func (props LogCollectorProps) validate() problem.List {
	var p problem.List
	p.DNSLabel(problem.At("Name"), props.Name)
	problem.OneOf(&p, problem.At("Form"), props.Form, NodeCollector, SidecarCollector)
	props.Elasticsearch.validate(&p, problem.At("Elasticsearch"), logWriter)
	var from []string
	for i, workload := range props.From {
		if workload == nil {
			p.Missing(problem.At("From").Index(i), "give a *ProbedDeployment, or leave From out for all pods of the namespace")
			continue
		}
		from = append(from, workload.Name())
	}
	if props.Form == SidecarCollector && len(from) > 0 {
		p.Add(problem.At("From"), from, "has no meaning for a SidecarCollector, which collects from the pods that it is attached to; leave it out, and make Attach the Patch of each workload")
	}
	if props.Form == SidecarCollector && props.Patch != nil {
		p.Add(problem.At("Patch"), "func", "has nothing to patch: a SidecarCollector makes no DaemonSet; patch the workload after Attach")
	}
	if !logFilePath.MatchString(props.LogFile) || path.Clean(props.LogFile) != props.LogFile {
		p.Add(problem.At("LogFile"), props.LogFile, "is not the path of a log file in a folder of its own; use for example \"/var/log/app/app.log\", absolute, with letters, digits, '_', '-' and '.', ending with .log")
	}
	if props.LogFileVariable != "" && len(validation.IsEnvVarName(props.LogFileVariable)) > 0 {
		p.Add(problem.At("LogFileVariable"), props.LogFileVariable, problem.EnvNameRule)
	}
	if !messageKey.MatchString(props.MessageKey) {
		p.Add(problem.At("MessageKey"), props.MessageKey, "is not a key of a log entry; use letters, digits, '_', '-', '@', and '.' between nested keys")
	}
	if props.Retention < day || props.Retention%day != 0 {
		p.Add(problem.At("Retention"), props.Retention, "is not a number of whole days; use for example 168h, which is 7 days")
	}
	p.Image(problem.At("Image"), props.Image)
	props.Resources.validate(&p, problem.At("Resources"))
	return p
}

// What may be written into the configuration of Filebeat as it is.
var (
	logFilePath = regexp.MustCompile(`^(/[\w.-]+){2,}\.log$`)
	messageKey  = regexp.MustCompile(`^[\w@-]+(\.[\w@-]+)*$`)
)

// LogCollector reads the logs of workloads, one JSON object a line, and writes them to Elasticsearch with the keys as
// fields: Filebeat, on every node or as a sidecar. Lines that are not JSON are kept as they are.
// See https://www.elastic.co/guide/en/beats/filebeat/8.11/filebeat-input-filestream.html.
//
// A NodeCollector collects from its own namespace alone, and may read the API's pods there and nowhere else. Its own pods
// do not meet the Pod Security Standard "restricted", nor "baseline", so that a namespace which enforces either refuses
// them: the logs of other pods are files of the node, which only a hostPath volume shows, and they belong to root. It
// keeps to all other rules. Root without any capability can read what is root's own, and no more; the logs are mounted
// read-only, and the one folder of the node that it writes to is its own. A SidecarCollector needs no exception.
type LogCollector struct {
	constructs.Construct
	props  LogCollectorProps
	config *Config
}

// NewLogCollector makes a LogCollector. Its children are the Config and, for a NodeCollector, the Resource, which is the
// DaemonSet, with ServiceAccount, Role and RoleBinding.
func NewLogCollector(scope constructs.Construct, id string, props LogCollectorProps) *LogCollector {
	props = props.withDefaults()
	c := &LogCollector{props: props}
	tree.New(c, scope, id)
	tree.Invalid(c, props.validate()...)
	c.config = NewConfig(c, "Config", ConfigProps{Name: props.Name, Data: props.configuration()})
	if props.Form == NodeCollector {
		meta := metav1.ObjectMeta{Name: props.Name}
		k8s.NewServiceAccount(c, "ServiceAccount", &corev1.ServiceAccount{ObjectMeta: meta})
		k8s.NewRole(c, "Role", &rbacv1.Role{ObjectMeta: meta, Rules: collectorRules})
		k8s.NewRoleBinding(c, "RoleBinding", &rbacv1.RoleBinding{
			ObjectMeta: meta,
			RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "Role", Name: props.Name},
			// Without a namespace it is the binding's own.
			Subjects: []rbacv1.Subject{{Kind: rbacv1.ServiceAccountKind, Name: props.Name}},
		})
		k8s.NewDaemonSet(c, "Resource", patched(c, c.daemonSet(), props.Patch))
	}
	return c
}

// collectorRules are what it takes to know the pod of a log: its name and its labels.
var collectorRules = []rbacv1.PolicyRule{{APIGroups: []string{corev1.GroupName}, Resources: []string{"pods"}, Verbs: []string{"get", "list", "watch"}}}

// Name returns the name of the ConfigMap and, for a NodeCollector, of the DaemonSet.
func (c *LogCollector) Name() string { return c.props.Name }

// Attach is the Patch of a ProbedDeployment whose logs are to be collected. For a SidecarCollector it adds the collector
// to the pods, as a container that starts before the workload and ends after it, so that no more than the workload's last
// second can be missing; it runs as the workload's user, so that it can read what the workload writes. For a
// NodeCollector it does nothing, so that Form is the one field to change between the two. What it would overwrite in the
// workload, or put there for a second time, is an error.
func (c *LogCollector) Attach(deployment *appsv1.Deployment) {
	if c.props.Form != SidecarCollector {
		return
	}
	template := &deployment.Spec.Template
	if messages := c.validateAttach(deployment.Name, template); len(messages) > 0 {
		tree.Invalid(c, messages...)
		return
	}
	template.Labels = merged(template.Labels, c.props.Elasticsearch.clientLabels())
	if sum := checksum(nil, nil, c.files()); sum != "" {
		// Of its own name: the workload may have a digest of its own configuration.
		template.Annotations = merged(template.Annotations, map[string]string{checksumAnnotation + "-" + c.props.Name: sum})
	}

	logs := corev1.VolumeMount{Name: c.props.Name + "-logs", MountPath: c.logFolder()}
	data := corev1.VolumeMount{Name: c.props.Name + "-data", MountPath: filebeatHome + "/data"}
	volumes, mounts := renderFiles(c.files())
	for _, mount := range []corev1.VolumeMount{logs, data} {
		volumes = append(volumes, corev1.Volume{Name: mount.Name, VolumeSource: corev1.VolumeSource{EmptyDir: &corev1.EmptyDirVolumeSource{}}})
	}
	template.Spec.Volumes = append(template.Spec.Volumes, volumes...)

	workload := &template.Spec.Containers[0]
	workload.VolumeMounts = append(workload.VolumeMounts, logs)
	if c.props.LogFileVariable != "" {
		workload.Env = append(workload.Env, corev1.EnvVar{Name: c.props.LogFileVariable, Value: c.props.LogFile})
	}

	logs.ReadOnly = true
	sidecar := c.container(append(mounts, logs, data), Security{})
	sidecar.RestartPolicy = new(corev1.ContainerRestartPolicyAlways)
	// The image's files are readable by the group root, for whichever user.
	sidecar.SecurityContext.RunAsGroup = new(int64(0))
	template.Spec.InitContainers = append(template.Spec.InitContainers, sidecar)
}

// logFolder is where the volume with the LogFile is mounted.
func (c *LogCollector) logFolder() string { return path.Dir(c.props.LogFile) }

// validateAttach finds what the pods of a workload, which may have a collector already, have no second place for.
func (c *LogCollector) validateAttach(workload string, template *corev1.PodTemplateSpec) problem.List {
	field := problem.At("Attach")
	var p problem.List
	for key, value := range c.props.Elasticsearch.clientLabels() {
		if other, ok := template.Labels[key]; ok && other != value {
			p.Add(field, workload, fmt.Sprintf("has pods with the label %s=%s already, by which they may reach that Elasticsearch and no second one; use one Elasticsearch", key, other))
		}
	}
	for _, container := range slices.Concat(template.Spec.InitContainers, template.Spec.Containers) {
		if container.Name == c.props.Name {
			p.Add(field, workload, fmt.Sprintf("has a container %q already; attach a collector once, and let its Name be its own", container.Name))
			return p
		}
	}
	container := template.Spec.Containers[0]
	for _, mount := range container.VolumeMounts {
		if path.Clean(mount.MountPath) == c.logFolder() {
			p.Add(field, workload, fmt.Sprintf("has the volume %q mounted at %s already; let LogFile be in a folder of its own", mount.Name, mount.MountPath))
		}
	}
	for _, variable := range container.Env {
		if variable.Name == c.props.LogFileVariable {
			p.Add(field, workload, fmt.Sprintf("has the environment variable %s already, which LogFileVariable sets; leave it out there", variable.Name))
		}
	}
	return p
}

// files are the configuration, which Filebeat reads at its start.
func (c *LogCollector) files() []File {
	return []File{
		{Path: filebeatHome + "/" + filebeatConfig, From: c.config.Key(filebeatConfig)},
		{Path: filebeatHome + "/" + lifecyclePolicy, From: c.config.Key(lifecyclePolicy)},
	}
}

func (c *LogCollector) daemonSet() *appsv1.DaemonSet {
	selector := map[string]string{appLabel: c.props.Name}
	podLabels := merged(merged(selector, versionLabels(c.props.Image)), c.props.Elasticsearch.clientLabels())
	security := Security{RunAsUser: new(int64(0)), AllowRoot: true, MountServiceAccountToken: true}

	volumes, mounts := renderFiles(c.files())
	volumes = append(volumes,
		corev1.Volume{Name: "logs", VolumeSource: corev1.VolumeSource{HostPath: &corev1.HostPathVolumeSource{
			Path: podLogs, Type: new(corev1.HostPathDirectory),
		}}},
		// On the node, so that a new pod goes on where the old one ended.
		corev1.Volume{Name: "data", VolumeSource: corev1.VolumeSource{HostPath: &corev1.HostPathVolumeSource{
			Path: nodeData, Type: new(corev1.HostPathDirectoryOrCreate),
		}}},
	)
	mounts = append(mounts,
		corev1.VolumeMount{Name: "logs", MountPath: podLogs, ReadOnly: true},
		// Collectors of the same name may run in other namespaces.
		corev1.VolumeMount{Name: "data", MountPath: filebeatHome + "/data", SubPathExpr: "$(POD_NAMESPACE)/" + c.props.Name},
	)
	return &appsv1.DaemonSet{
		ObjectMeta: metav1.ObjectMeta{Name: c.props.Name, Labels: maps.Clone(selector)},
		Spec: appsv1.DaemonSetSpec{
			Selector: &metav1.LabelSelector{MatchLabels: selector},
			Template: corev1.PodTemplateSpec{
				ObjectMeta: metav1.ObjectMeta{
					Labels:      podLabels,
					Annotations: map[string]string{checksumAnnotation: checksum(nil, nil, c.files())},
				},
				Spec: corev1.PodSpec{
					Containers:                   []corev1.Container{c.container(mounts, security)},
					Volumes:                      volumes,
					ServiceAccountName:           c.props.Name,
					AutomountServiceAccountToken: security.automountServiceAccountToken(),
					SecurityContext:              security.podContext(),
					// Pods write logs on every node, on those of the control plane too.
					Tolerations: []corev1.Toleration{{Operator: corev1.TolerationOpExists, Effect: corev1.TaintEffectNoSchedule}},
				},
			},
		},
	}
}

// filebeatProbes ask whether Filebeat is alive, on its own loopback port, and whether Elasticsearch takes its password.
// The latter starts a second Filebeat for a moment, so it is not asked often.
var filebeatProbes = Probes{
	Readiness: Probe{Handler: Exec("filebeat", "test", "output"), Period: 30 * time.Second, Timeout: 10 * time.Second},
	Liveness: Probe{
		Handler:      Exec("curl", "--fail", "--silent", "--output", "/dev/null", "--max-time", "4", fmt.Sprintf("http://127.0.0.1:%d/", filebeatPort)),
		InitialDelay: 10 * time.Second,
		Timeout:      5 * time.Second,
	},
}

func (c *LogCollector) container(mounts []corev1.VolumeMount, security Security) corev1.Container {
	var env []corev1.EnvVar
	for _, variable := range []struct{ name, field string }{
		{"NODE_NAME", "spec.nodeName"}, {"POD_NAME", "metadata.name"}, {"POD_NAMESPACE", "metadata.namespace"},
	} {
		env = append(env, corev1.EnvVar{
			Name:      variable.name,
			ValueFrom: &corev1.EnvVarSource{FieldRef: &corev1.ObjectFieldSelector{FieldPath: variable.field}},
		})
	}
	container := corev1.Container{
		Name:            c.props.Name,
		Image:           c.props.Image,
		Env:             append(env, renderEnv(c.props.Elasticsearch.password(logWriter))...),
		Resources:       c.props.Resources.render(),
		VolumeMounts:    mounts,
		LivenessProbe:   filebeatProbes.Liveness.render(),
		SecurityContext: security.containerContext(),
	}
	if c.props.Form == NodeCollector {
		// A sidecar that is not ready would take its workload out of its Services.
		container.ReadinessProbe = filebeatProbes.Readiness.render()
	}
	return container
}
