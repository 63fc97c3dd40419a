package infra

import (
	"fmt"
	"time"

	"github.com/aws/constructs-go/constructs/v10"
	appsv1 "k8s.io/api/apps/v1"

	"github.com/crossoverJie/k8s-combat/imports/tree"
	"github.com/crossoverJie/k8s-combat/infra/internal/problem"
)

const (
	kibanaImage       = "docker.elastic.co/kibana/kibana:8.11.3"
	kibanaHome        = "/usr/share/kibana"
	kibanaPort        = 5601
	kibanaUser  int64 = 1000
)

// KibanaProps are the options of a Kibana.
type KibanaProps struct {
	// Name of the Deployment and of its Service. Required; an RFC 1035 label, since it becomes a DNS name.
	Name string
	// Elasticsearch that Kibana reads and keeps its own state in: the Endpoint of an *Elasticsearch, or
	// ExistingElasticsearch. Required. Its version has to be that of Image.
	Elasticsearch ElasticsearchEndpoint
	// EncryptionKey is a key of Credentials that holds at least 32 characters, with which Kibana encrypts sessions and
	// saved secrets. Defaults to none: Kibana makes one up at each start, so that a restart ends all sessions.
	EncryptionKey KeyRef
	// Image of Kibana 8. Defaults to docker.elastic.co/kibana/kibana:8.11.3.
	Image string
	// Resources of the container. Defaults to 1Gi to 2Gi of memory and 0.1 to 1 core.
	Resources Resources
	// Patch has the last word on the Deployment.
	Patch func(*appsv1.Deployment)
}

func (props KibanaProps) withDefaults() KibanaProps {
	if props.Image == "" {
		props.Image = kibanaImage
	}
	if props.Resources == (Resources{}) {
		props.Resources = Resources{
			Requests: ResourceList{CPU: "0.1", Memory: "1Gi"},
			Limits:   ResourceList{CPU: "1", Memory: "2Gi"},
		}
	}
	return props
}

// validate checks what the Deployment and the Service do not check themselves.
func (props KibanaProps) validate() problem.List {
	var p problem.List
	props.Elasticsearch.validate(&p, problem.At("Elasticsearch"), props.Elasticsearch.kibanaUser)
	if source := props.EncryptionKey.source; source != nil {
		if _, secret := source.(*Credentials); !secret {
			p.Add(problem.At("EncryptionKey"), props.EncryptionKey.key, fmt.Sprintf("is a key of %s %s, which everybody may read; give one of *Credentials", source.kind(), source.Name()))
		} else {
			props.EncryptionKey.validate(&p, problem.At("EncryptionKey"))
		}
	}
	return p
}

// Kibana shows what is in an Elasticsearch: a Deployment and its Service. People log in as a user of Elasticsearch, for
// example elastic. See https://www.elastic.co/guide/en/kibana/8.11/docker.html.
type Kibana struct {
	constructs.Construct
	service *Service
}

// NewKibana makes a Kibana. Its children are the Deployment and the Service.
func NewKibana(scope constructs.Construct, id string, props KibanaProps) *Kibana {
	props = props.withDefaults()
	k := &Kibana{}
	tree.New(k, scope, id)
	tree.Invalid(k, props.validate()...)
	deployment := NewProbedDeployment(k, "Deployment", props.deployment())
	k.service = NewService(k, "Service", ServiceProps{
		Name:     props.Name,
		Selector: deployment.Selector(),
		Ports:    []ServicePort{{Name: "http", Port: kibanaPort}},
	})
	return k
}

// Name returns the name of the Service.
func (k *Kibana) Name() string { return k.service.Name() }

// Backend returns the port of Kibana as the target of a route.
func (k *Kibana) Backend() Backend { return k.service.Backend("http") }

func (props KibanaProps) deployment() ProbedDeploymentProps {
	env := []EnvVar{
		{Name: "ELASTICSEARCH_HOSTS", Value: props.Elasticsearch.url},
		{Name: "ELASTICSEARCH_USERNAME", Value: props.Elasticsearch.kibanaUser},
	}
	env = append(env, props.Elasticsearch.password(props.Elasticsearch.kibanaUser)...)
	if source := props.EncryptionKey.source; source != nil && source.holds(props.EncryptionKey.key) {
		for _, name := range []string{"XPACK_ENCRYPTEDSAVEDOBJECTS_ENCRYPTIONKEY", "XPACK_REPORTING_ENCRYPTIONKEY", "XPACK_SECURITY_ENCRYPTIONKEY"} {
			env = append(env, EnvVar{Name: name, ValueFrom: props.EncryptionKey})
		}
	}
	return ProbedDeploymentProps{
		Name:      props.Name,
		Labels:    props.Elasticsearch.clientLabels(),
		Version:   imageVersion(props.Image),
		Image:     props.Image,
		Ports:     []ContainerPort{{Name: "http", Port: kibanaPort}},
		Env:       env,
		Resources: props.Resources,
		Probes: Probes{
			Startup: Probe{Handler: TCPSocket(kibanaPort), Period: 5 * time.Second, FailureThreshold: 60},
			// Answers without a login, and with 503 until Elasticsearch is there and its indices are migrated.
			Readiness: Probe{Handler: HTTPGet("/api/status", kibanaPort), Period: 10 * time.Second, Timeout: 5 * time.Second},
			// Without the status: restarting Kibana does not bring Elasticsearch back.
			Liveness: Probe{Handler: TCPSocket(kibanaPort), Period: 20 * time.Second, Timeout: 5 * time.Second, FailureThreshold: 6},
		},
		// The image's own user, who owns its files.
		Security: Security{RunAsUser: new(kibanaUser), RunAsGroup: new(kibanaUser)},
		Patch:    props.patch,
	}
}

// patch adds what Kibana writes to, and lets the user's hook have the last word.
func (props KibanaProps) patch(deployment *appsv1.Deployment) {
	pod := &deployment.Spec.Template.Spec
	volumes, mounts := scratch(map[string]string{"data": kibanaHome + "/data", "logs": kibanaHome + "/logs", "tmp": "/tmp"})
	pod.Volumes = append(pod.Volumes, volumes...)
	pod.Containers[0].VolumeMounts = append(pod.Containers[0].VolumeMounts, mounts...)
	if props.Patch != nil {
		props.Patch(deployment)
	}
}
