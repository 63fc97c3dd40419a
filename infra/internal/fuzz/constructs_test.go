package fuzz

import (
	"math"
	"reflect"
	"runtime"
	"strings"

	"github.com/aws/constructs-go/constructs/v10"
	appsv1 "k8s.io/api/apps/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/crossoverJie/k8s-combat/imports/k8s"
	"github.com/crossoverJie/k8s-combat/imports/tree"
	"github.com/crossoverJie/k8s-combat/infra"
	"github.com/crossoverJie/k8s-combat/infra/internal/fuzz/fill"
	"github.com/crossoverJie/k8s-combat/infra/logs"
	"github.com/crossoverJie/k8s-combat/infra/mesh"
	"github.com/crossoverJie/k8s-combat/infra/observe"
	"github.com/crossoverJie/k8s-combat/infra/pod"
)

// rooms are the packages with constructs and what these are made of, as folders below infra.
var rooms = []string{".", "pod", "mesh", "logs", "observe"}

// constructors are all constructors of the rooms; a test compares them with the source code.
var constructors []constructor

func init() {
	constructors = []constructor{
		constructing(infra.NewConfig),
		constructing(infra.NewCredentials),
		constructing(infra.NewProbedDeployment),
		constructing(infra.NewService),
		constructing(infra.NewWebService),
		constructing(infra.NewHostRouting),
		constructing(infra.NewStatefulSet),
		constructing(infra.NewDaemonSet),
		constructing(infra.NewJob),
		constructing(infra.NewCronJob),
		constructing(infra.NewServiceAccount),
		constructing(infra.NewNetworkPolicy),
		constructing(infra.NewNamespace),
		constructing(infra.NewPersistentVolumeClaim),
		constructing(mesh.NewIstioCanary),
		constructing(mesh.NewIstioGateway),
		constructing(mesh.NewMeshNamespace),
		constructing(mesh.NewMeshSecurity),
		constructing(mesh.NewTelemetry),
		constructing(logs.NewElasticsearch),
		constructing(logs.NewKibana),
		constructing(logs.NewLogCollector),
		constructing(observe.NewOpenTelemetryCollector),
		constructing(observe.NewScraping),
		constructing(observe.NewServiceObjectives),
		constructing(observe.NewDashboard),
		constructing(newOwn),
	}
}

// own is a construct of somebody's own, on the pod that all workloads have.
type own struct {
	constructs.Construct
	name string
}

func newOwn(scope constructs.Construct, id string, props pod.Props) *own {
	o := &own{name: props.Name}
	tree.New(o, scope, id)
	selector := map[string]string{"app": "own"}
	k8s.NewReplicaSet(o, "Resource", &appsv1.ReplicaSet{
		ObjectMeta: metav1.ObjectMeta{Name: "own"},
		Spec: appsv1.ReplicaSetSpec{
			Selector: &metav1.LabelSelector{MatchLabels: selector},
			Template: pod.NewTemplate(o, selector, props),
		},
	})
	return o
}

// Name returns the name of the container.
func (o *own) Name() string { return o.name }

func functionName(function any) string {
	name := runtime.FuncForPC(reflect.ValueOf(function).Pointer()).Name()
	return strings.TrimSuffix(name, "-fm")
}

func shortName(name string) string { return name[strings.LastIndex(name, "/")+1:] }

// addMakers says how values are made that reflection alone cannot make.
func (w *world) addMakers() {
	f := w.Filler
	for _, c := range constructors {
		f.MakeType(c.product, func(place fill.Place) reflect.Value { return w.neighbour(c.product, place) })
	}
	fill.Make(f, func(place fill.Place) intstr.IntOrString { return *w.pods(place) })
	fill.Make(f, func(fill.Place) *appsv1.Deployment { return w.attachable() })
	fill.Make(f, func(fill.Place) pod.KeyRef { return w.key() })
	fill.Make(f, func(place fill.Place) pod.KeySource { return w.source(place) })
	fill.Make(f, func(place fill.Place) pod.ValueSource { return w.value(place) })
	fill.Make(f, func(fill.Place) pod.Account { return w.account() })
	fill.Make(f, func(fill.Place) pod.Volume { return w.volume() })
	fill.Make(f, func(place fill.Place) infra.Workload { return w.workload(place) })
	fill.Make(f, func(place fill.Place) observe.Matcher { return w.matcher(place) })
	fill.Make(f, func(fill.Place) infra.Backend { return w.backend() })
	fill.Make(f, func(fill.Place) pod.ProbeHandler { return w.handler() })
	fill.Make(f, func(place fill.Place) mesh.StringMatch { return w.match(place) })
	fill.Make(f, func(fill.Place) logs.ElasticsearchEndpoint { return w.endpoint() })
	fill.Make(f, func(fill.Place) observe.CollectorExporter { return w.exporter() })
}

func (w *world) pods(place fill.Place) *intstr.IntOrString {
	if w.Wild() {
		return fill.Pick(w.Filler, infra.Pods(-1), infra.Pods(math.MaxInt32), infra.Percent(-1),
			infra.Percent(0), infra.Percent(101), infra.Percent(math.MaxInt),
			&intstr.IntOrString{Type: intstr.String, StrVal: w.Text(place)}, &intstr.IntOrString{Type: 7, IntVal: 1})
	}
	return fill.Pick(w.Filler, infra.Pods(1), infra.Pods(2), infra.Percent(25), infra.Percent(50))
}

// The keys that tame Configs and Credentials have.
const configKey, credentialsKey = "app.yaml", "password"

func (w *world) key() pod.KeyRef {
	if w.Wild() {
		return fill.Pick(w.Filler, pod.KeyRef{}, (*infra.Config)(nil).Key("a"), (*infra.Credentials)(nil).Key("a"),
			neighbour[*infra.Config](w, true).Key(w.Text(fill.Place{Field: "Data[key]"})),
			neighbour[*infra.Credentials](w, true).Key(w.Text(fill.Place{Field: "Keys"})))
	}
	if w.Chance(0.5) {
		return neighbour[*infra.Config](w, true).Key(configKey)
	}
	return neighbour[*infra.Credentials](w, true).Key(credentialsKey)
}

func (w *world) source(place fill.Place) pod.KeySource {
	if w.Wild() {
		return fill.Pick[pod.KeySource](w.Filler, nil, (*infra.Config)(nil), (*infra.Credentials)(nil))
	}
	if w.Chance(0.5) && place.Field != "ImagePullSecrets" {
		return neighbour[*infra.Config](w, true)
	}
	return neighbour[*infra.Credentials](w, true)
}

func (w *world) value(place fill.Place) pod.ValueSource {
	switch {
	case w.Wild():
		return fill.Pick[pod.ValueSource](w.Filler, nil, pod.KeyRef{}, pod.FieldRef(w.Text(place)),
			pod.ResourceRef{Resource: w.Text(place), Divisor: w.Text(place), Container: w.Text(place)})
	case w.Chance(0.3):
		return pod.FieldRef(w.Text(fill.Place{Field: "FieldRef"}))
	case w.Chance(0.3):
		var resource pod.ResourceRef
		w.Fill(&resource)
		return resource
	}
	return w.key()
}

func (w *world) account() pod.Account {
	if w.Wild() {
		return fill.Pick[pod.Account](w.Filler, nil, (*infra.ServiceAccount)(nil))
	}
	return neighbour[*infra.ServiceAccount](w, true)
}

func (w *world) claim() pod.ClaimSource {
	if w.Wild() {
		return fill.Pick[pod.ClaimSource](w.Filler, nil, (*infra.PersistentVolumeClaim)(nil))
	}
	return neighbour[*infra.PersistentVolumeClaim](w, true)
}

func (w *world) volume() pod.Volume {
	name := fill.Pick(w.Filler, "data", "cache", "tmp", "files")
	if w.Wild() {
		name = w.Text(fill.Place{Field: "Name"})
	}
	switch w.Rand.IntN(12) {
	case 0:
		return pod.AllKeys(w.source(fill.Place{}))
	case 1:
		var options pod.CSIOptions
		w.Fill(&options)
		return pod.CSI(name, options)
	case 2:
		return pod.Claim(w.claim())
	case 3:
		return pod.ExistingClaim(name)
	case 4:
		files := map[string]pod.FieldRef{}
		for range w.Rand.IntN(3) + 1 {
			files[w.Text(fill.Place{Field: "Data[key]"})] = pod.FieldRef(w.Text(fill.Place{Field: "FieldRef"}))
		}
		if w.Chance(0.9) {
			files = map[string]pod.FieldRef{"labels": "metadata.labels"}
		}
		return pod.DownwardAPI(name, files)
	case 5:
		var options pod.ClaimOptions
		w.Fill(&options)
		return pod.EphemeralClaim(name, options)
	case 6:
		folder := "/var/log"
		if w.Wild() {
			folder = w.Text(fill.Place{Field: "Mount.Path"})
		}
		return pod.HostPath(name, folder, fill.Pick(w.Filler, "", pod.ExistingDirectory, pod.ExistingFile))
	case 7:
		return pod.Image(name, w.Text(fill.Place{Field: "Image"}), fill.Pick(w.Filler, "", pod.PullAlways))
	case 8:
		var options pod.TokenOptions
		w.Fill(&options)
		return pod.ServiceAccountToken(name, options)
	case 9:
		if w.Wild() {
			return fill.Pick(w.Filler, pod.Volume{}, pod.ClaimTemplate(name))
		}
	}
	var options pod.EmptyDirOptions
	w.Fill(&options)
	return pod.EmptyDir(name, options)
}

func (w *world) workload(fill.Place) infra.Workload {
	if w.Wild() {
		return fill.Pick[infra.Workload](w.Filler, nil, (*infra.ProbedDeployment)(nil),
			(*infra.StatefulSet)(nil), (*logs.Elasticsearch)(nil))
	}
	switch w.Rand.IntN(8) {
	case 0:
		return neighbour[*infra.StatefulSet](w, true)
	case 1:
		return neighbour[*infra.DaemonSet](w, true)
	case 2:
		return neighbour[*logs.Elasticsearch](w, true)
	case 3:
		return neighbour[*infra.CronJob](w, true)
	}
	return neighbour[*infra.ProbedDeployment](w, true)
}

func (w *world) backend() infra.Backend {
	text := func() string { return w.Text(fill.Place{Field: "Name"}) }
	switch {
	case w.Wild():
		return fill.Pick(w.Filler, infra.Backend{}, infra.ExistingBackend(text(), int32(w.Rand.Uint32())),
			infra.ExistingBackend("", 0))
	case w.Chance(0.2):
		return infra.ExistingBackend(text(), 80)
	case w.Chance(0.2):
		if kibana := neighbour[*logs.Kibana](w, true); kibana != nil {
			return kibana.Backend()
		}
	}
	service := neighbour[*infra.Service](w, true)
	if service == nil {
		return infra.Backend{}
	}
	return service.Backend(w.portOf(service))
}

// portOf is the name of the first port of a Service.
func (w *world) portOf(service *infra.Service) string {
	if props, ok := w.props[service].(infra.ServiceProps); ok && len(props.Ports) > 0 {
		return props.Ports[0].Name
	}
	return ""
}

func (w *world) handler() pod.ProbeHandler {
	port := fill.Pick[int32](w.Filler, 80, 8080, 50051)
	path := "/healthz"
	if w.Wild() {
		port, path = fill.Pick[int32](w.Filler, 0, -1, 65536, math.MaxInt32), w.Text(fill.Place{Field: "Path.Path"})
	}
	return fill.Pick(w.Filler, pod.HTTPGet(path, port), pod.HTTPSGet(path, port), pod.GRPC(port, ""),
		pod.GRPC(port, w.Text(fill.Place{Field: "Name"})),
		pod.TCPSocket(port), pod.Exec("true"), pod.Exec(w.Text(fill.Place{Field: "Command"})), w.oddHandler())
}

func (w *world) oddHandler() pod.ProbeHandler {
	if w.Wild() {
		return fill.Pick(w.Filler, pod.ProbeHandler{}, pod.Exec(), pod.Exec(""))
	}
	return pod.TCPSocket(8080)
}

// matched are texts that are usual for the single conditions of a Match.
var matched = map[string][]string{
	"URI": {"/", "/api", "/api/v1", "/API", "(?i)/api.*", ".*"}, "Method": {"GET", "POST"},
	"Authority": {"www.example.com"}, "Scheme": {"http", "https"},
	"AllowOrigins": {"https://www.example.com", "*"},
}

func (w *world) match(place fill.Place) mesh.StringMatch {
	text := "v1"
	if values := matched[place.Field]; values != nil {
		text = fill.Pick(w.Filler, values...)
	}
	if w.Wild() {
		text = w.Text(place)
		return fill.Pick(w.Filler, mesh.StringMatch{}, mesh.Present(), mesh.Exact(text), mesh.Prefix(text),
			mesh.Regex(text), mesh.Regex(strings.Repeat("a", 1025)))
	}
	switch place.Field {
	case "Headers", "WithoutHeaders", "QueryParams":
		return fill.Pick(w.Filler, mesh.Exact(text), mesh.Prefix(text), mesh.Regex(text+".*"), mesh.Present())
	}
	return fill.Pick(w.Filler, mesh.Exact(text), mesh.Exact(text), mesh.Prefix(text), mesh.Regex(text))
}

func (w *world) matcher(place fill.Place) observe.Matcher {
	if w.Wild() {
		text := w.Text(place)
		return fill.Pick(w.Filler, observe.Matcher{}, observe.Equal(text), observe.NotEqual(text),
			observe.Regex(text), observe.NotRegex(text))
	}
	return fill.Pick(w.Filler, observe.Regex("5.."), observe.Equal("500"), observe.NotEqual("200"),
		observe.NotRegex("[23].."))
}

func (w *world) endpoint() logs.ElasticsearchEndpoint {
	if w.Wild() {
		return fill.Pick(w.Filler, logs.ElasticsearchEndpoint{},
			logs.ExistingElasticsearch(w.Text(fill.Place{Field: "Runbook"}),
				neighbour[*infra.Credentials](w, false)))
	}
	if w.Chance(0.5) {
		return logs.ExistingElasticsearch(fill.Pick(w.Filler, "https://logs.example.com:9200",
			"http://logs", "https://logs.example.com/path"), w.credentials())
	}
	elasticsearch := neighbour[*logs.Elasticsearch](w, true)
	if elasticsearch == nil {
		return logs.ElasticsearchEndpoint{}
	}
	return elasticsearch.Endpoint()
}

func (w *world) exporter() observe.CollectorExporter {
	address := fill.Pick(w.Filler, "http://tempo:4317", "https://otlp.example.com:443")
	if w.Wild() {
		address = w.Text(fill.Place{Field: "Runbook"})
		return fill.Pick(w.Filler, observe.CollectorExporter{}, observe.OTLPExporter(address),
			observe.OTLPExporter(address, "", observe.Signal(address)))
	}
	return fill.Pick(w.Filler, observe.DebugExporter(), observe.PrometheusExporter(),
		observe.OTLPExporter(address), observe.OTLPExporter(address, observe.Traces, observe.Logs))
}
