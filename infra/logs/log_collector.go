package logs

import (
	"errors"
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

	"github.com/crossoverJie/k8s-combat/imports/k8s"
	"github.com/crossoverJie/k8s-combat/imports/tree"
	"github.com/crossoverJie/k8s-combat/infra"
	"github.com/crossoverJie/k8s-combat/infra/internal/object"
	"github.com/crossoverJie/k8s-combat/infra/internal/problem"
	"github.com/crossoverJie/k8s-combat/infra/internal/ref"
	"github.com/crossoverJie/k8s-combat/infra/pod"
)

// LogCollectorForm says where a LogCollector runs.
type LogCollectorForm string

const (
	// NodeCollector runs one collector on each node, which reads what the containers there write to
	// their standard output. The workloads have nothing to do.
	// See https://kubernetes.io/docs/concepts/cluster-administration/logging/.
	NodeCollector LogCollectorForm = "Node"
	// SidecarCollector runs a collector in each pod that its method Attach is given, beside the
	// workload. No container can read another one's standard output, so the workload has to write
	// its log to LogFile, on a volume that both share, and to keep that file small itself. In
	// return nothing has to run as root or to see the node.
	SidecarCollector LogCollectorForm = "Sidecar"
)

const (
	filebeatImage = "docker.elastic.co/beats/filebeat:8.11.3"
	filebeatHome  = "/usr/share/filebeat"
	filebeatPort  = 5066

	// podLogs is where the kubelet has the container runtime write the logs, as
	// NAMESPACE_POD_UID/CONTAINER/RESTARTS.log. With containerd and CRI-O these are the files
	// themselves.
	podLogs = "/var/log/pods"
	// nodeData is where the collectors of a node remember what they have read.
	nodeData = "/var/lib/filebeat"
)

// LogCollectorProps are the options of a LogCollector.
type LogCollectorProps struct {
	// Name of the DaemonSet and of everything that belongs to it, and of the container. Required;
	// an RFC 1123 label.
	Name string
	// Form says where the collector runs. Defaults to NodeCollector.
	Form LogCollectorForm
	// Elasticsearch that the logs are written to: the Endpoint of an *Elasticsearch, or
	// ExistingElasticsearch. Required.
	Elasticsearch ElasticsearchEndpoint
	// From are the workloads whose logs a NodeCollector collects, those of their main containers;
	// they are in its namespace. For a SidecarCollector an error. Defaults to all pods of the
	// namespace but the collector's own.
	From []infra.Workload
	// LogFile is where the workload beside a SidecarCollector writes its log: a file in a folder of
	// its own, which the shared volume hides; files beside it that end with .log are collected too.
	// Defaults to /var/log/app/app.log.
	LogFile string
	// LogFileVariable is the environment variable that tells the workload beside a SidecarCollector
	// the LogFile.
	// Defaults to none: the workload knows it.
	LogFileVariable string
	// MessageKey is the JSON key that holds the text of an entry; it becomes the field message,
	// which Kibana shows. Where an entry has none, that is the whole line.
	// Defaults to msg, the key of Go's log/slog.
	MessageKey string
	// Retention is how long logs are kept, in whole days. Defaults to 7 days.
	Retention time.Duration
	// Image of Filebeat 8. Defaults to docker.elastic.co/beats/filebeat:8.11.3.
	Image string
	// Resources of the container. Defaults to 128Mi to 256Mi of memory and 0.05 to 0.5 cores.
	Resources pod.Resources
	// Patch has the last word on the DaemonSet of a NodeCollector; for a SidecarCollector it is an
	// error.
	Patch func(*appsv1.DaemonSet)
	// PatchConfigMap has it on the ConfigMap that holds the configuration. A change of it rolls the
	// pods.
	PatchConfigMap func(*corev1.ConfigMap)
	// PatchServiceAccount, PatchRole and PatchRoleBinding have it on what gives a NodeCollector its
	// permission; for a SidecarCollector, which has none, they are an error.
	PatchServiceAccount func(*corev1.ServiceAccount)
	PatchRole           func(*rbacv1.Role)
	PatchRoleBinding    func(*rbacv1.RoleBinding)
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
	if props.Resources == (pod.Resources{}) {
		props.Resources = pod.Resources{
			Requests: pod.ResourceList{CPU: "0.05", Memory: "128Mi"},
			Limits:   pod.ResourceList{CPU: "0.5", Memory: "256Mi"},
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
	props.validateFrom(&p)
	if props.Form == SidecarCollector {
		props.validateSidecar(&p)
	}
	if !logFilePath.MatchString(props.LogFile) || path.Clean(props.LogFile) != props.LogFile {
		p.Add(problem.At("LogFile"), props.LogFile,
			"is not the path of a log file in a folder of its own; use for example \"/var/log/app/app.log\", absolute, with letters, digits, '_', '-' and '.', ending with .log")
	} else if hidden := pod.Hidden(path.Dir(props.LogFile)); hidden != "" {
		p.Add(problem.At("LogFile"), props.LogFile,
			"would hide "+hidden+", since the volume of its folder is shared; use for example \"/var/log/app/app.log\"")
	}
	if props.LogFileVariable != "" {
		p.EnvName(problem.At("LogFileVariable"), props.LogFileVariable)
	}
	if !messageKey.MatchString(props.MessageKey) {
		p.Add(problem.At("MessageKey"), props.MessageKey,
			"is not a key of a log entry; use letters, digits, '_', '-', '@', and '.' between nested keys")
	}
	if props.Retention < day || props.Retention%day != 0 {
		p.Add(problem.At("Retention"), props.Retention,
			"is not a number of whole days; use for example 168h, which is 7 days")
	}
	p.Image(problem.At("Image"), props.Image)
	props.Resources.Validate(&p, problem.At("Resources"))
	return p
}

func (props LogCollectorProps) validateFrom(p *problem.List) {
	for i, workload := range props.From {
		switch made := ref.WorkloadOf(workload); {
		case made == nil:
			p.Missing(problem.At("From").Index(i),
				"give a *ProbedDeployment, or leave From out for all pods of the namespace")
		case len(made.Template.Spec.Containers) == 0:
			p.Add(problem.At("From").Index(i), made.Name(),
				"has no container whose log could be read; leave the main one in place")
		}
	}
}

// validateSidecar checks what is for a NodeCollector alone.
func (props LogCollectorProps) validateSidecar(p *problem.List) {
	var from []string
	for _, workload := range props.From {
		if made := ref.WorkloadOf(workload); made != nil {
			from = append(from, made.Name())
		}
	}
	if len(from) > 0 {
		p.Add(problem.At("From"), from,
			"has no meaning for a SidecarCollector, which collects from the pods that it is attached to; leave it out, and make Attach the Patch of each workload")
	}
	if props.Patch != nil {
		p.Add(problem.At("Patch"), "func",
			"has nothing to patch: a SidecarCollector makes no DaemonSet; patch the workload after Attach")
	}
	for _, hook := range []struct {
		kind  string
		isSet bool
	}{
		{"ServiceAccount", props.PatchServiceAccount != nil},
		{"Role", props.PatchRole != nil},
		{"RoleBinding", props.PatchRoleBinding != nil},
	} {
		if hook.isSet {
			p.Add(problem.At("Patch"+hook.kind), "func",
				"has nothing to patch: a SidecarCollector makes no "+hook.kind+"; leave it out")
		}
	}
}

// What may be written into the configuration of Filebeat as it is.
var (
	logFilePath = regexp.MustCompile(`^(/[\w.-]+){2,}\.log$`)
	messageKey  = regexp.MustCompile(`^[\w@-]+(\.[\w@-]+)*$`)
)

// LogCollector reads the logs of workloads, one JSON object a line, and writes them to the data
// stream filebeat-logs of Elasticsearch: Filebeat, on every node or as a sidecar. The keys of an
// entry stand below the field app, as app.status, so that none is taken for one of Filebeat's or of
// the Elastic Common Schema's, whatever its name and type; what they hold is found as text, up to
// 1,024 characters of it, not by numeric ranges. Three of them are lifted: the MessageKey to
// message, level to log.level and time, in RFC 3339, to @timestamp. A line that is not a JSON
// object is kept as it is, in message; so is an entry that Elasticsearch refuses, for a key of
// 32 KiB or for objects within more than 100 others, with the reason in error.message.
// See https://www.elastic.co/guide/en/elasticsearch/reference/8.11/flattened.html and
// https://www.elastic.co/guide/en/beats/filebeat/8.11/elasticsearch-output.html.
//
// Beside it stand, below kubernetes, the names of the namespace, the pod, the container and the
// node. A NodeCollector adds the pod's labels where Filebeat gets them: 8.11 insists on reading nodes
// and namespaces too, which takes a permission that it has not, and says so in its log.
//
// A NodeCollector collects from its own namespace alone, and may read the API's pods there and
// nowhere else. Its own pods do not meet the Pod Security Standard "restricted", nor "baseline", so
// that a namespace which enforces either refuses them: the logs of other pods are files of the
// node, which only a hostPath volume shows, and they belong to root. It keeps to all other rules.
// Root without any capability can read what is root's own, and no more; the logs are mounted
// read-only, and the one folder of the node that it writes to is its own. A SidecarCollector needs
// no exception.
type LogCollector struct {
	constructs.Construct
	props  LogCollectorProps
	config *infra.Config
}

// NewLogCollector makes a LogCollector. Its children are the Config and, for a NodeCollector, the
// Resource, which is the DaemonSet, with ServiceAccount, Role and RoleBinding.
func NewLogCollector(scope constructs.Construct, id string, props LogCollectorProps) *LogCollector {
	props = props.withDefaults()
	c := &LogCollector{props: props}
	tree.New(c, scope, id)
	problems := props.validate()
	c.config = infra.NewConfig(c, "Config", infra.ConfigProps{
		Name:  props.Name,
		Data:  props.configuration(),
		Patch: props.PatchConfigMap,
	})
	for _, file := range c.files() {
		file.From.Validate(&problems, problem.At("PatchConfigMap"))
	}
	if props.Form == NodeCollector {
		c.addAccount()
		made := k8s.NewDaemonSet(c, "Resource", object.Patched(c, "Patch", c.daemonSet(), props.Patch))
		for i, workload := range props.From {
			if from := ref.WorkloadOf(workload); from != nil {
				from.Beside(&problems, problem.At("From").Index(i), made)
			}
		}
	}
	// The collector is where its configuration is: a pod takes that from its own namespace alone.
	props.Elasticsearch.validateNamespace(&problems, problem.At("Elasticsearch"), c.config.Data().Made())
	tree.Invalid(c, problems...)
	return c
}

// addAccount adds what the DaemonSet runs as.
func (c *LogCollector) addAccount() {
	meta := metav1.ObjectMeta{Name: c.props.Name}
	account := &corev1.ServiceAccount{ObjectMeta: meta}
	k8s.NewServiceAccount(c, "ServiceAccount",
		object.Patched(c, "PatchServiceAccount", account, c.props.PatchServiceAccount))
	role := &rbacv1.Role{ObjectMeta: meta, Rules: collectorRules}
	k8s.NewRole(c, "Role", object.Patched(c, "PatchRole", role, c.props.PatchRole))
	binding := &rbacv1.RoleBinding{
		ObjectMeta: meta,
		RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "Role", Name: c.props.Name},
		// Without a namespace it is the binding's own.
		Subjects: []rbacv1.Subject{{Kind: rbacv1.ServiceAccountKind, Name: c.props.Name}},
	}
	k8s.NewRoleBinding(c, "RoleBinding",
		object.Patched(c, "PatchRoleBinding", binding, c.props.PatchRoleBinding))
}

// collectorRules are what it takes to know the pod of a log: its name and its labels.
var collectorRules = []rbacv1.PolicyRule{{
	APIGroups: []string{corev1.GroupName},
	Resources: []string{"pods"},
	Verbs:     []string{"get", "list", "watch"},
}}

// Name returns the name of the ConfigMap and, for a NodeCollector, of the DaemonSet.
func (c *LogCollector) Name() string {
	if c == nil {
		return ""
	}
	return c.props.Name
}

// Attach is the Patch of a ProbedDeployment whose logs are to be collected, alone or as one of
// infra.Patches beside hooks of one's own. For a SidecarCollector it adds the collector to the
// pods, as a container that starts before the workload and ends after it, so that no more than the
// workload's last second can be missing; it runs as the workload's user, so that it can read what
// the workload writes. For a NodeCollector it does nothing, so that Form is the one field to change
// between the two. What it would overwrite in the workload, or put there for a second time, is an
// error. A collector that is nil is one, too, of the ProbedDeployment.
func (c *LogCollector) Attach(deployment *appsv1.Deployment) {
	if c == nil {
		// Whoever calls a Patch makes a problem of it.
		panic(errors.New("the LogCollector that is to be attached is nil: make it before the workload"))
	}
	if c.props.Form != SidecarCollector {
		return
	}
	template := &deployment.Spec.Template
	if problems := c.validateAttach(deployment.Name, template); len(problems) > 0 {
		tree.Invalid(c, problems...)
		return
	}
	sidecar := c.sidecar()
	beside := sidecar.Template(c, nil, "")
	container := beside.Spec.InitContainers[0]
	addVolumes(&template.Spec, beside.Spec.Volumes, &container)

	template.Labels = object.Merged(template.Labels, c.props.Elasticsearch.clientLabels())
	// Of its own name: the workload may have a digest of its own configuration.
	key := freeName(pod.ChecksumAnnotation+"-"+c.props.Name, longestChecksum, func(key string) bool {
		_, taken := template.Annotations[key]
		return taken
	})
	sum := sidecar.Checksum()
	template.Annotations = object.Merged(template.Annotations, map[string]string{key: sum})
	name := deployment.Name
	tree.Validate(c, func() []tree.Problem { return c.validateNamespace(name, key, sum) })

	workload := &template.Spec.Containers[0]
	for _, mount := range container.VolumeMounts {
		if mount.MountPath == c.logFolder() {
			// Here it is written to.
			mount.ReadOnly = false
			workload.VolumeMounts = append(workload.VolumeMounts, mount)
		}
	}
	if c.props.LogFileVariable != "" {
		workload.Env = append(workload.Env,
			corev1.EnvVar{Name: c.props.LogFileVariable, Value: c.props.LogFile})
	}
	template.Spec.InitContainers = append(template.Spec.InitContainers, container)
}

// logFolder is where the volume with the LogFile is mounted.
func (c *LogCollector) logFolder() string { return path.Dir(c.props.LogFile) }

// validateAttach finds what the pods of a workload, which may have a collector already, have no
// second place for.
func (c *LogCollector) validateAttach(workload string, template *corev1.PodTemplateSpec) problem.List {
	field := problem.At("Attach")
	var p problem.List
	if len(template.Spec.Containers) == 0 {
		p.Add(field, workload,
			"has no container that could write a log; attach the collector to a workload that has one")
		return p
	}
	for key, value := range c.props.Elasticsearch.clientLabels() {
		if other, ok := template.Labels[key]; ok && other != value {
			p.Add(field, workload,
				fmt.Sprintf("has pods with the label %s=%s already, by which they may reach that Elasticsearch and no second one; use one Elasticsearch", key, other))
		}
	}
	for _, container := range slices.Concat(template.Spec.InitContainers, template.Spec.Containers) {
		if container.Name == c.props.Name {
			p.Add(field, workload,
				fmt.Sprintf("has a container %q already; attach a collector once, and let its Name be its own", container.Name))
			return p
		}
	}
	container := template.Spec.Containers[0]
	for _, mount := range container.VolumeMounts {
		if path.Clean(mount.MountPath) == c.logFolder() {
			p.Add(field, workload,
				fmt.Sprintf("has the volume %q mounted at %s already; let LogFile be in a folder of its own", mount.Name, mount.MountPath))
		}
	}
	for _, variable := range container.Env {
		if variable.Name == c.props.LogFileVariable {
			p.Add(field, workload,
				fmt.Sprintf("has the environment variable %s already, which LogFileVariable sets; leave it out there", variable.Name))
		}
	}
	return p
}

// workloadConstruct is a workload in the tree.
type workloadConstruct interface {
	constructs.IConstruct
	infra.Workload
}

// validateNamespace finds workloads of that name, with the collector's digest on their pods, that
// are in another namespace than its configuration, which is known when they are in the tree. Where
// another is beside it, that is the one it was attached to.
func (c *LogCollector) validateNamespace(name, key, sum string) problem.List {
	app, err := tree.AppOf(c)
	if err != nil {
		// A chart that stands by itself has one namespace.
		return nil
	}
	var p problem.List
	for _, workload := range object.Below[workloadConstruct](app) {
		made := workload.Ref()
		if made == nil || made.Name() != name || made.Template.Annotations[key] != sum {
			continue
		}
		before := len(p)
		c.config.Data().Beside(&p, problem.At("Attach"), made.Made())
		if len(p) == before {
			return nil
		}
	}
	return p
}

// files are the configuration, which Filebeat reads at its start.
func (c *LogCollector) files() []pod.File {
	return []pod.File{
		{Path: filebeatHome + "/" + filebeatConfig, From: c.config.Key(filebeatConfig)},
		{Path: filebeatHome + "/" + lifecyclePolicy, From: c.config.Key(lifecyclePolicy)},
		{Path: filebeatHome + "/" + indexTemplate, From: c.config.Key(indexTemplate)},
	}
}

func (c *LogCollector) env() []pod.EnvVar {
	return append([]pod.EnvVar{
		{Name: "NODE_NAME", ValueFrom: pod.FieldRef("spec.nodeName")},
		{Name: "POD_NAME", ValueFrom: pod.FieldRef("metadata.name")},
		{Name: "POD_NAMESPACE", ValueFrom: pod.FieldRef("metadata.namespace")},
	}, c.props.Elasticsearch.password(logWriter)...)
}

// livenessProbe asks whether Filebeat is alive, on its own loopback port.
var livenessProbe = pod.Probe{
	Handler: pod.Exec("curl", "--fail", "--silent", "--output", "/dev/null", "--max-time", "4",
		fmt.Sprintf("http://127.0.0.1:%d/", filebeatPort)),
	InitialDelay: 10 * time.Second,
	Timeout:      5 * time.Second,
}

// readinessProbe asks whether Elasticsearch takes the collector's password. It starts a second
// Filebeat for a moment, so it is not asked often. A sidecar does not have it: one that is not
// ready would take its workload out of its Services.
var readinessProbe = pod.Probe{
	Handler: pod.Exec("filebeat", "test", "output"),
	Period:  30 * time.Second,
	Timeout: 10 * time.Second,
}

func (c *LogCollector) daemonSet() *appsv1.DaemonSet {
	selector := map[string]string{appLabel: c.props.Name}
	return &appsv1.DaemonSet{
		ObjectMeta: metav1.ObjectMeta{Name: c.props.Name, Labels: maps.Clone(selector)},
		Spec: appsv1.DaemonSetSpec{
			Selector: &metav1.LabelSelector{MatchLabels: selector},
			Template: c.nodePod().Template(c, selector, ""),
		},
	}
}

func (c *LogCollector) nodePod() pod.Props {
	return pod.Props{
		Name:    c.props.Name,
		Labels:  c.props.Elasticsearch.clientLabels(),
		Version: pod.ImageVersion(c.props.Image),
		Image:   c.props.Image,
		Env:     c.env(),
		Files:   c.files(),
		Mounts: []pod.Mount{
			{Path: podLogs, Volume: pod.HostPath("logs", podLogs, pod.ExistingDirectory), ReadOnly: true},
			{
				Path: filebeatHome + "/data",
				// On the node, so that a new pod goes on where the old one ended.
				Volume: pod.HostPath("data", nodeData, pod.DirectoryOrCreate),
				// Collectors of the same name may run in other namespaces.
				SubPathExpr: "$(POD_NAMESPACE)/" + c.props.Name,
			},
		},
		Resources: c.props.Resources,
		Probes:    pod.Probes{Readiness: readinessProbe, Liveness: livenessProbe},
		Security: pod.Security{RunAsUser: new(int64(0)), AllowRoot: true,
			MountServiceAccountToken: true},
		ServiceAccountName: c.props.Name,
		// Pods write logs on every node, on those of the control plane too.
		Tolerations: []pod.Toleration{{Effect: pod.NoSchedule}},
	}.WithDefaults()
}

// sidecar is a pod with nothing but the collector beside a workload.
func (c *LogCollector) sidecar() pod.Props {
	logs := scratch(derived(c.props.Name, "-logs"), c.logFolder())
	logs.ReadOnly = true
	return pod.Props{
		Sidecars: []pod.Container{{
			Name:  c.props.Name,
			Image: c.props.Image,
			Env:   c.env(),
			Files: c.files(),
			Mounts: []pod.Mount{
				logs,
				scratch(derived(c.props.Name, "-data"), filebeatHome+"/data"),
			},
			Resources: c.props.Resources,
			Probes:    pod.Probes{Liveness: livenessProbe},
			// The image's files are readable by the group root, for whichever user.
			Security: pod.ContainerSecurity{RunAsGroup: new(int64(0))},
		}},
	}.WithDefaults()
}
