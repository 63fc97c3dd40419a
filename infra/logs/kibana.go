package logs

import (
	"fmt"
	"time"

	"github.com/aws/constructs-go/constructs/v10"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"

	"github.com/crossoverJie/k8s-combat/imports/tree"
	"github.com/crossoverJie/k8s-combat/infra"
	"github.com/crossoverJie/k8s-combat/infra/internal/problem"
	"github.com/crossoverJie/k8s-combat/infra/pod"
)

const (
	kibanaImage       = "docker.elastic.co/kibana/kibana:8.11.3"
	kibanaHome        = "/usr/share/kibana"
	kibanaPort        = 5601
	kibanaUser  int64 = 1000
)

// KibanaProps are the options of a Kibana.
type KibanaProps struct {
	// Name of the Deployment and of its Service. Required; an RFC 1035 label, since it becomes a
	// DNS name.
	Name string
	// Elasticsearch that Kibana reads and keeps its own state in: the Endpoint of an
	// *Elasticsearch, or ExistingElasticsearch. Required. Its version has to be that of Image.
	Elasticsearch ElasticsearchEndpoint
	// EncryptionKey is a key of Credentials that holds at least 32 characters, with which Kibana
	// encrypts sessions and saved secrets. Defaults to none: Kibana makes one up at each start, so
	// that a restart ends all sessions.
	EncryptionKey pod.KeyRef
	// Image of Kibana 8. Defaults to docker.elastic.co/kibana/kibana:8.11.3.
	Image string
	// Resources of the container. Defaults to 1Gi to 2Gi of memory and 0.1 to 1 core.
	Resources pod.Resources
	// Patch has the last word on the Deployment.
	Patch func(*appsv1.Deployment)
	// PatchService has it on the Service.
	PatchService func(*corev1.Service)
}

func (props KibanaProps) withDefaults() KibanaProps {
	if props.Image == "" {
		props.Image = kibanaImage
	}
	if props.Resources == (pod.Resources{}) {
		props.Resources = pod.Resources{
			Requests: pod.ResourceList{CPU: "0.1", Memory: "1Gi"},
			Limits:   pod.ResourceList{CPU: "1", Memory: "2Gi"},
		}
	}
	return props
}

// validate checks what the Deployment and the Service do not check themselves.
func (props KibanaProps) validate() problem.List {
	var p problem.List
	props.Elasticsearch.validate(&p, problem.At("Elasticsearch"), props.Elasticsearch.kibanaUser)
	switch source := props.EncryptionKey.Source(); {
	case props.EncryptionKey == pod.KeyRef{}:
	case source != nil && source.Kind() != pod.SecretKind:
		p.Add(problem.At("EncryptionKey"), props.EncryptionKey.Key(),
			fmt.Sprintf("is a key of %s, which everybody may read; give one of *Credentials", source))
	default:
		props.EncryptionKey.Validate(&p, problem.At("EncryptionKey"))
	}
	return p
}

// Kibana shows what is in an Elasticsearch: a Deployment and its Service. People log in as a user
// of Elasticsearch, for example elastic. See
// https://www.elastic.co/guide/en/kibana/8.11/docker.html.
type Kibana struct {
	constructs.Construct
	service *infra.Service
}

// NewKibana makes a Kibana. Its children are the Deployment and the Service.
func NewKibana(scope constructs.Construct, id string, props KibanaProps) *Kibana {
	props = props.withDefaults()
	k := &Kibana{}
	tree.New(k, scope, id)
	problems := props.validate()
	deployment := infra.NewProbedDeployment(k, "Deployment", props.deployment())
	props.Elasticsearch.object.Beside(&problems, problem.At("Elasticsearch"), deployment.Ref().Made())
	tree.Invalid(k, problems...)
	k.service = infra.NewService(k, "Service", infra.ServiceProps{
		Name:     props.Name,
		Selector: deployment.Selector(),
		Ports:    []infra.ServicePort{{Name: "http", Port: kibanaPort}},
		Patch:    props.PatchService,
	})
	return k
}

// Name returns the name of the Service.
func (k *Kibana) Name() string { return k.Service().Name() }

// Service returns the Service, nil for a Kibana that is nil itself.
func (k *Kibana) Service() *infra.Service {
	if k == nil {
		return nil
	}
	return k.service
}

// Backend returns the port of Kibana as the target of a route.
func (k *Kibana) Backend() infra.Backend { return k.Service().Backend("http") }

func (props KibanaProps) deployment() infra.ProbedDeploymentProps {
	env := []pod.EnvVar{
		{Name: "ELASTICSEARCH_HOSTS", Value: props.Elasticsearch.url},
		{Name: "ELASTICSEARCH_USERNAME", Value: props.Elasticsearch.kibanaUser},
	}
	env = append(env, props.Elasticsearch.password(props.Elasticsearch.kibanaUser)...)
	if isThere(props.EncryptionKey) {
		for _, name := range []string{"XPACK_ENCRYPTEDSAVEDOBJECTS_ENCRYPTIONKEY",
			"XPACK_REPORTING_ENCRYPTIONKEY", "XPACK_SECURITY_ENCRYPTIONKEY"} {
			env = append(env, pod.EnvVar{Name: name, ValueFrom: props.EncryptionKey})
		}
	}
	return infra.ProbedDeploymentProps{
		Name:    props.Name,
		Labels:  props.Elasticsearch.clientLabels(),
		Version: pod.ImageVersion(props.Image),
		Image:   props.Image,
		Ports:   []pod.Port{{Name: "http", Port: kibanaPort}},
		Env:     env,
		Mounts: []pod.Mount{
			scratch("data", kibanaHome+"/data"),
			scratch("logs", kibanaHome+"/logs"),
			scratch("tmp", "/tmp"),
		},
		Resources: props.Resources,
		Probes: pod.Probes{
			Startup: pod.Probe{Handler: pod.TCPSocket(kibanaPort), Period: 5 * time.Second,
				FailureThreshold: 60},
			// Answers without a login, and with 503 until Elasticsearch is there and its indices
			// are migrated.
			Readiness: pod.Probe{Handler: pod.HTTPGet("/api/status", kibanaPort),
				Period: 10 * time.Second, Timeout: 5 * time.Second},
			// Without the status: restarting Kibana does not bring Elasticsearch back.
			Liveness: pod.Probe{Handler: pod.TCPSocket(kibanaPort), Period: 20 * time.Second,
				Timeout: 5 * time.Second, FailureThreshold: 6},
		},
		// The image's own user, who owns its files.
		Security: pod.Security{RunAsUser: new(kibanaUser), RunAsGroup: new(kibanaUser)},
		Patch:    props.Patch,
	}
}

// scratch is a folder to write to that ends with the pod.
func scratch(name, folder string) pod.Mount {
	return pod.Mount{Path: folder, Volume: pod.EmptyDir(name, pod.EmptyDirOptions{})}
}
