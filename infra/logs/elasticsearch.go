package logs

import (
	"fmt"
	"time"

	"github.com/aws/constructs-go/constructs/v10"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/crossoverJie/k8s-combat/imports/k8s"
	"github.com/crossoverJie/k8s-combat/imports/tree"
	"github.com/crossoverJie/k8s-combat/infra"
	"github.com/crossoverJie/k8s-combat/infra/internal/object"
	"github.com/crossoverJie/k8s-combat/infra/internal/problem"
	"github.com/crossoverJie/k8s-combat/infra/internal/ref"
	"github.com/crossoverJie/k8s-combat/infra/pod"
)

// appLabel is the label by which workloads know their pods.
const appLabel = "app"

const (
	elasticsearchImage = "docker.elastic.co/elasticsearch/elasticsearch:8.11.3"
	elasticsearchHome  = "/usr/share/elasticsearch"
	elasticsearchPort  = 9200

	elasticsearchPortName = "http"

	// elasticsearchUser is the user and the group of the image.
	elasticsearchUser int64 = 1000
)

// ElasticsearchProps are the options of an Elasticsearch.
type ElasticsearchProps struct {
	// Name of the StatefulSet and of its Service. Required; an RFC 1035 label, since it becomes a
	// DNS name, of at most 52 characters, since Kubernetes makes a label of it and a digest.
	Name string
	// Credentials hold the passwords of the users under their names: elastic, the superuser, for
	// people; kibana_server for Kibana; filebeat for the LogCollector. Each at least 6 characters.
	// Required. A changed password takes effect when the pods are restarted.
	Credentials *infra.Credentials
	// Image of Elasticsearch 8, from 8.8 on. Defaults to
	// docker.elastic.co/elasticsearch/elasticsearch:8.11.3.
	Image string
	// Storage is the size of the volume that holds the data, a quantity. It cannot be changed once
	// it is applied.
	// Defaults to 10Gi.
	Storage string
	// StorageClass of that volume. Defaults to the cluster's default class.
	StorageClass string
	// Resources of the container. Limits.Memory, of which one half becomes the heap and the other
	// is left to the page cache, is at least 1Gi. Defaults to 2Gi of memory, set aside, and 0.1 to
	// 2 cores.
	Resources pod.Resources
	// OpenToAll leaves out the NetworkPolicy that keeps pods other than Kibana and the log
	// collectors away. Another client gets access by the label elasticsearch-client with the Name
	// as its value. Defaults to false.
	OpenToAll bool
	// Patch has the last word on the StatefulSet.
	Patch func(*appsv1.StatefulSet)
	// PatchService has it on the Service. Endpoint follows the number of its port http.
	PatchService func(*corev1.Service)
	// PatchNetworkPolicy has it on the NetworkPolicy; with OpenToAll, which leaves that out, it is
	// an error.
	PatchNetworkPolicy func(*networkingv1.NetworkPolicy)
}

func (props ElasticsearchProps) withDefaults() ElasticsearchProps {
	if props.Image == "" {
		props.Image = elasticsearchImage
	}
	if props.Storage == "" {
		props.Storage = "10Gi"
	}
	if props.Resources == (pod.Resources{}) {
		props.Resources = pod.Resources{
			Requests: pod.ResourceList{CPU: "0.1", Memory: "2Gi"},
			Limits:   pod.ResourceList{CPU: "2", Memory: "2Gi"},
		}
	}
	return props
}

// maxStatefulSetName leaves room for '-' and the 10 characters of a revision's digest in the label
// controller-revision-hash.
const maxStatefulSetName = validation.LabelValueMaxLength - 11

// minElasticsearchMemory leaves a heap of 512Mi, below which Elasticsearch 8 does not start
// reliably.
const minElasticsearchMemory = 1 << 30

func (props ElasticsearchProps) validate() problem.List {
	var p problem.List
	p.ServiceName(problem.At("Name"), props.Name)
	if len(props.Name) > maxStatefulSetName {
		p.Add(problem.At("Name"), props.Name,
			fmt.Sprintf("is too long for a StatefulSet, whose pods carry it in a label; use at most %d characters", maxStatefulSetName))
	}
	if props.Credentials == nil {
		p.Missing(problem.At("Credentials"),
			fmt.Sprintf("give *Credentials with the keys %s, %s and %s", superuser, kibanaServer, logWriter))
	} else {
		for _, user := range []string{superuser, kibanaServer, logWriter} {
			props.Credentials.Key(user).Validate(&p, problem.At("Credentials"))
		}
	}
	p.Image(problem.At("Image"), props.Image)
	props.claim().Validate(&p, nil)
	props.Resources.Validate(&p, problem.At("Resources"))
	const rule = "half of it becomes the heap; use at least 1Gi"
	switch memory, limited := props.memory(); {
	case props.Resources.Limits.Memory == "":
		p.Missing(problem.At("Resources", "Limits", "Memory"), rule)
	case limited && memory < minElasticsearchMemory:
		p.Add(problem.At("Resources", "Limits", "Memory"), props.Resources.Limits.Memory,
			"is too little: "+rule)
	}
	if props.OpenToAll && props.PatchNetworkPolicy != nil {
		p.Add(problem.At("PatchNetworkPolicy"), "func",
			"has nothing to patch: OpenToAll leaves out the NetworkPolicy; leave out one of them")
	}
	return p
}

// Elasticsearch is one node of Elasticsearch with a volume of its own, for the logs of a small
// cluster or a tutorial: a StatefulSet and its Service. See
// https://www.elastic.co/guide/en/elasticsearch/reference/8.11/docker.html.
//
// Its API asks for a password, but speaks plain HTTP: no certificate has to be handed out, and the
// passwords can be read by whoever can read the cluster's network. A mesh that encrypts between
// pods closes that gap.
//
// The users are made before Elasticsearch starts, as users of its file realm, by an init container.
// So Kibana and the collector are known from the first moment on, and only this pod ever holds the
// superuser's password. A password that is changed through the API instead, which is possible for
// the superuser, wins over the one given here from then on.
type Elasticsearch struct {
	constructs.Construct
	credentials *infra.Credentials
	made        *ref.Workload
	service     *infra.Service
}

var _ infra.Workload = (*Elasticsearch)(nil)

// NewElasticsearch makes an Elasticsearch. Beside its Resource, the StatefulSet, its children are
// the Service and, unless it is OpenToAll, the NetworkPolicy.
func NewElasticsearch(scope constructs.Construct, id string, props ElasticsearchProps) *Elasticsearch {
	props = props.withDefaults()
	e := &Elasticsearch{credentials: props.Credentials}
	tree.New(e, scope, id)
	problems := props.validate()
	set := object.Patched(e, "Patch", props.render(e), props.Patch)
	made := k8s.NewStatefulSet(e, "Resource", set)
	if data := props.Credentials.Data(); data != nil {
		data.Beside(&problems, problem.At("Credentials"), made)
	}
	tree.Invalid(e, problems...)
	e.made = &ref.Workload{Object: ref.To("StatefulSet", props.Name, made), Template: set.Spec.Template}
	if set.Spec.Selector != nil {
		e.made.Selector = set.Spec.Selector.MatchLabels
	}
	e.service = infra.NewService(e, "Service", infra.ServiceProps{
		Name:     props.Name,
		Selector: e.Selector(),
		Ports:    []infra.ServicePort{{Name: elasticsearchPortName, Port: elasticsearchPort}},
		Patch:    props.PatchService,
	})
	if !props.OpenToAll {
		k8s.NewNetworkPolicy(e, "NetworkPolicy",
			object.Patched(e, "PatchNetworkPolicy", e.networkPolicy(), props.PatchNetworkPolicy))
	}
	return e
}

// Name returns the name of the StatefulSet and of its Service.
func (e *Elasticsearch) Name() string { return e.Ref().Name() }

// Selector returns the labels by which the StatefulSet and its Service know the pod.
func (e *Elasticsearch) Selector() map[string]string { return e.Ref().Labels() }

// Ref refers to the StatefulSet and its pod, for other constructs.
func (e *Elasticsearch) Ref() *ref.Workload {
	if e == nil {
		return nil
	}
	return e.made
}

// Service returns the Service, nil for an Elasticsearch that is nil itself.
func (e *Elasticsearch) Service() *infra.Service {
	if e == nil {
		return nil
	}
	return e.service
}

// Endpoint returns what Kibana and a LogCollector need to reach Elasticsearch. They are to be in
// its namespace, where their password is, and whose pods alone the NetworkPolicy lets in.
func (e *Elasticsearch) Endpoint() ElasticsearchEndpoint {
	if e == nil || e.made == nil {
		return ElasticsearchEndpoint{}
	}
	port, ok := e.service.Ref().Port(elasticsearchPortName)
	if !ok {
		port.Port = elasticsearchPort
	}
	return ElasticsearchEndpoint{
		url:         fmt.Sprintf("http://%s:%d", e.Name(), port.Port),
		credentials: e.credentials,
		kibanaUser:  kibanaServer,
		object:      e.made.Object,
	}
}

// security is "restricted", as the image's own user: its files belong to that, and the volume has
// to.
func (props ElasticsearchProps) security() pod.Security {
	return pod.Security{RunAsUser: new(elasticsearchUser), RunAsGroup: new(elasticsearchUser),
		FSGroup: new(elasticsearchUser)}
}

// elasticsearchProbes bear with a slow start. They ask for no more than an open port, but for
// readiness: a question over HTTP has to come with a password, which only a command in the
// container can know.
var elasticsearchProbes = pod.Probes{
	Startup: pod.Probe{Handler: pod.TCPSocket(elasticsearchPort), Period: 5 * time.Second,
		FailureThreshold: 60},
	Readiness: pod.Probe{
		Handler: pod.Exec("bash", "-c", fmt.Sprintf(
			`curl --fail --silent --output /dev/null --max-time 4 --user "%s:$ELASTIC_PASSWORD" "http://127.0.0.1:%d/_cluster/health?wait_for_status=yellow&timeout=3s"`,
			superuser, elasticsearchPort)),
		Period:  10 * time.Second,
		Timeout: 5 * time.Second,
	},
	// A long garbage collection is no reason for a restart, which takes longer.
	Liveness: pod.Probe{Handler: pod.TCPSocket(elasticsearchPort), Period: 20 * time.Second,
		Timeout: 5 * time.Second, FailureThreshold: 6},
}

const (
	elasticsearchData = "data"

	// logWriterRole may do what Filebeat does: set up its index and its policy, and add entries. It
	// reads none.
	logWriterRole = "log_writer"

	// setupConfig is where the init container sees the volume that becomes the folder config.
	setupConfig = "/mnt/config"

	// elasticsearchTermination is what Elastic's own charts grant: open indices are closed, and the
	// volume is synced.
	elasticsearchTermination = 2 * time.Minute
)

// setupScript fills the folder config, which Elasticsearch writes its keystore to, on a volume of
// its own, since the root filesystem is read-only, and makes the users there. It begins from
// nothing each time it runs: the volume outlives a restart of the pod's sandbox.
var setupScript = fmt.Sprintf(`set -o errexit
rm -rf %[1]s/*
cp -R %[2]s/config/. %[1]s/
cat >%[1]s/roles.yml <<'END'
%[3]s:
  cluster: [monitor, manage_ilm, manage_index_templates, read_pipeline]
  indices:
    - names: ['filebeat-*']
      privileges: [create_doc, auto_configure, manage]
END
export ES_PATH_CONFIG=%[1]s
elasticsearch-users useradd %[4]s -p "$KIBANA_PASSWORD" -r kibana_system
elasticsearch-users useradd %[5]s -p "$WRITER_PASSWORD" -r %[3]s
`, setupConfig, elasticsearchHome, logWriterRole, kibanaServer, logWriter)

func (props ElasticsearchProps) render(e *Elasticsearch) *appsv1.StatefulSet {
	selector := map[string]string{appLabel: props.Name}
	return &appsv1.StatefulSet{
		ObjectMeta: metav1.ObjectMeta{Name: props.Name, Labels: selector},
		Spec: appsv1.StatefulSetSpec{
			ServiceName: props.Name,
			Replicas:    new(int32(1)),
			Selector:    &metav1.LabelSelector{MatchLabels: selector},
			Template:    props.pod().Template(e, selector, ""),
			VolumeClaimTemplates: []corev1.PersistentVolumeClaim{{
				ObjectMeta: metav1.ObjectMeta{Name: elasticsearchData},
				Spec:       props.claim().Spec(),
			}},
		},
	}
}

func (props ElasticsearchProps) pod() pod.Props {
	// Both containers see the same two folders.
	config, temp := scratch("config", elasticsearchHome+"/config"), scratch("tmp", "/tmp")
	return pod.Props{
		Name:    props.Name,
		Version: pod.ImageVersion(props.Image),
		Image:   props.Image,
		Ports:   []pod.Port{{Name: elasticsearchPortName, Port: elasticsearchPort}},
		Env:     props.env(),
		Mounts: []pod.Mount{
			config,
			scratch("logs", elasticsearchHome+"/logs"),
			temp,
			{Path: elasticsearchHome + "/data", Volume: pod.ClaimTemplate(elasticsearchData)},
		},
		Resources: props.Resources,
		Probes:    elasticsearchProbes,
		Shutdown:  pod.Shutdown{TerminationGracePeriod: elasticsearchTermination},
		Init: []pod.Container{{
			Name:    "setup",
			Image:   props.Image,
			Command: []string{"bash", "-c", setupScript},
			Env: append(
				passwordOf(props.Credentials, kibanaServer, "KIBANA_PASSWORD"),
				passwordOf(props.Credentials, logWriter, "WRITER_PASSWORD")...),
			Mounts: []pod.Mount{{Path: setupConfig, Volume: config.Volume}, temp},
			// The same as what follows, so that the pod as a whole asks for no more.
			Resources: props.Resources,
		}},
		Security: props.security(),
	}.WithDefaults()
}

func (props ElasticsearchProps) env() []pod.EnvVar {
	env := []pod.EnvVar{
		{Name: "discovery.type", Value: "single-node"},
		// Said outright, this also keeps Elasticsearch from making certificates for itself at its
		// first start.
		{Name: "xpack.security.enabled", Value: "true"},
		{Name: "xpack.security.http.ssl.enabled", Value: "false"},
		// Memory maps need vm.max_map_count=262144 on the node, which only a privileged container
		// can set. Without them Elasticsearch reads files the ordinary way, which is fast enough
		// here.
		{Name: "node.store.allow_mmap", Value: "false"},
		// It would be downloaded from the internet, and logs are not located.
		{Name: "ingest.geoip.downloader.enabled", Value: "false"},
	}
	if heap := props.heap(); heap != "" {
		env = append(env, pod.EnvVar{Name: "ES_JAVA_OPTS", Value: fmt.Sprintf("-Xms%[1]s -Xmx%[1]s", heap)})
	}
	return append(env, passwordOf(props.Credentials, superuser, "ELASTIC_PASSWORD")...)
}

// memory is the limit in bytes. ok is false where there is none that can be read.
func (props ElasticsearchProps) memory() (bytes int64, ok bool) {
	quantity, err := resource.ParseQuantity(props.Resources.Limits.Memory)
	return quantity.Value(), err == nil
}

// heap is half of the memory, at most 31 GiB: above that the JVM needs longer pointers and gains
// nothing.
func (props ElasticsearchProps) heap() string {
	memory, ok := props.memory()
	if !ok {
		return ""
	}
	return fmt.Sprintf("%dm", min(memory/2, 31<<30)>>20)
}

func (props ElasticsearchProps) claim() pod.ClaimOptions {
	return pod.ClaimOptions{Storage: props.Storage, StorageClass: props.StorageClass}
}

// networkPolicy lets the clients in, and closes the port by which nodes of a cluster talk: there is
// one.
func (e *Elasticsearch) networkPolicy() *networkingv1.NetworkPolicy {
	return &networkingv1.NetworkPolicy{
		ObjectMeta: metav1.ObjectMeta{Name: e.Name()},
		Spec: networkingv1.NetworkPolicySpec{
			PodSelector: metav1.LabelSelector{MatchLabels: e.Selector()},
			PolicyTypes: []networkingv1.PolicyType{networkingv1.PolicyTypeIngress},
			Ingress: []networkingv1.NetworkPolicyIngressRule{{
				From: []networkingv1.NetworkPolicyPeer{{
					PodSelector: &metav1.LabelSelector{MatchLabels: map[string]string{elasticsearchClientLabel: e.Name()}},
				}},
				Ports: []networkingv1.NetworkPolicyPort{{Port: new(intstr.FromInt32(elasticsearchPort))}},
			}},
		},
	}
}
