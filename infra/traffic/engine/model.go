package engine

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/crossoverJie/k8s-combat/infra/internal/objects"
)

// Object is an object of the set.
type Object struct {
	// Content is the object as JSON has it: maps, slices, strings, booleans, nil, and numbers as int64 or float64. It is not
	// changed.
	Content map[string]any
	// Place says where it is written, for example FILE:LINE. Defaults to nowhere.
	Place string
	// Locate says where a field of it is written, such as spec.http[0]. Defaults to Place for all.
	Locate func(field string) string
}

// Options of a model.
type Options struct {
	// Namespace is where objects go that name none. Defaults to the one namespace that the set names, else to "default".
	Namespace string
	// ClusterDomain is the domain of the cluster's Services. Defaults to "cluster.local".
	ClusterDomain string
	// RootNamespace is where Istio looks for what holds for the whole mesh. Defaults to "istio-system".
	RootNamespace string
}

// Model is a set of objects, with all that decides where a request goes. It may be asked by several at a time.
type Model struct {
	index        *objects.Index
	places       map[*objects.Object]*Object
	home         string
	domain, root string
	// qualify says that names are written with their namespaces, since there are several.
	qualify bool
	// mesh says that the set has something of Istio, so that pods of which nothing else is known are taken for its own.
	mesh bool

	namespaces map[string]*namespace
	workloads  map[string][]*workload
	// byLabel are the workloads of a namespace by one of their labels.
	byLabel  map[string][]*workload
	services []*service
	// byHost are the services by their long names.
	byHost map[string][]*service
	// wildServices are those whose name is a wildcard.
	wildServices []*service
	// byPort are the services by the numbers of their ports.
	byPort map[int][]*service

	virtuals []*virtualService
	// meshExact are the VirtualServices of the mesh by their hosts, meshWild those with a wildcard.
	meshExact map[string][]*virtualService
	meshWild  []*virtualService
	// byGateway are the VirtualServices by the gateway that they are bound to, NAMESPACE/NAME.
	byGateway map[string][]*virtualService
	gateways  []*gateway
	ingresses []*ingress
	rules     map[string][]*destinationRule
	wildRules map[string][]*destinationRule
	policies  map[string][]*authorizationPolicy
	peers     map[string][]*peerAuthentication
	sidecars  map[string][]*sidecar
	grants    map[string][]value
	// ignored are objects that Istio leaves out, and why.
	ignored map[*objects.Object]string

	mu     sync.Mutex
	tables map[string]*gatewayTable
}

type namespace struct {
	labels map[string]string
}

// workload is what makes pods.
type workload struct {
	*objects.Object
	labels      map[string]string
	annotations map[string]string
	// pods is how many there are. -1 where nodes decide.
	pods          int
	account       string
	ports         []containerPort
	hostNetwork   bool
	hasAutoscaler bool
}

type containerPort struct {
	name   string
	number int
}

// service is what a name stands for: a Service, or a host of a ServiceEntry.
type service struct {
	*objects.Object
	host     string
	ports    []servicePort
	selector map[string]string
	exportTo []string
	// kind of Service: ClusterIP, NodePort, LoadBalancer, ExternalName.
	kind     string
	external string
	headless bool
	// entry says that it is of a ServiceEntry, outside that it is for what lies outside the mesh.
	entry, outside bool
	resolution     string
	// endpoints of a ServiceEntry, with their labels.
	endpoints []endpoint
	addresses []string

	once     sync.Once
	selected []*workload
}

type endpoint struct {
	address string
	labels  map[string]string
	weight  int
}

type servicePort struct {
	name     string
	number   int
	target   value
	protocol protocol
}

// protocol is what Istio takes a port for.
type protocol string

const (
	protocolHTTP    protocol = "HTTP"
	protocolHTTP2   protocol = "HTTP/2"
	protocolGRPC    protocol = "gRPC"
	protocolTCP     protocol = "TCP"
	protocolTLS     protocol = "TLS"
	protocolHTTPS   protocol = "HTTPS"
	protocolUDP     protocol = "UDP"
	protocolUnknown protocol = ""
)

func (p protocol) isHTTP() bool {
	return p == protocolHTTP || p == protocolHTTP2 || p == protocolGRPC
}

// wellKnownPorts are those of protocols in which the server speaks first: Istio takes them for TCP where nothing says
// otherwise (pkg/config/kube/conversion.go).
var wellKnownPorts = []int{25, 53, 3306, 27017}

// protocolOf is ConvertProtocol of pkg/config/kube/conversion.go.
func protocolOf(number int, name, transport, appProtocol string, hasApp bool) protocol {
	if strings.EqualFold(transport, "UDP") {
		return protocolUDP
	}
	if hasApp {
		name = appProtocol
		switch name {
		case "kubernetes.io/h2c":
			return protocolHTTP2
		case "kubernetes.io/ws":
			return protocolHTTP
		case "kubernetes.io/wss":
			return protocolHTTPS
		}
	}
	p := parseProtocol(name)
	if p == protocolUnknown && slices.Contains(wellKnownPorts, number) {
		return protocolTCP
	}
	return p
}

func parseProtocol(name string) protocol {
	name = strings.ToLower(name)
	if strings.HasPrefix(name, "grpc-web") {
		return protocolGRPC
	}
	name, _, _ = strings.Cut(name, "-")
	switch name {
	case "http", "http_proxy":
		return protocolHTTP
	case "http2":
		return protocolHTTP2
	case "grpc":
		return protocolGRPC
	case "https":
		return protocolHTTPS
	case "tls":
		return protocolTLS
	case "tcp", "mongo", "redis", "mysql":
		return protocolTCP
	case "udp":
		return protocolUDP
	}
	return protocolUnknown
}

// New makes a model of a set of objects. What it does not know it leaves out, and what is malformed it reads as far as it
// can be read.
func New(set []Object, options Options) *Model {
	all := make([]*objects.Object, 0, len(set))
	places := make(map[*objects.Object]*Object, len(set))
	read := make([]objects.Object, len(set))
	for i := range set {
		read[i] = objects.Read(set[i].Content)
		if read[i].Kind == "" {
			continue
		}
		all = append(all, &read[i])
		places[&read[i]] = &set[i]
	}
	home := objects.Home(options.Namespace, func(yield func(kind, namespace string) bool) {
		for _, o := range all {
			if !yield(o.Kind, o.Written) {
				return
			}
		}
	})
	m := &Model{
		places: places, home: cmp.Or(home, "default"), domain: strings.ToLower(cmp.Or(options.ClusterDomain, "cluster.local")),
		root: cmp.Or(options.RootNamespace, "istio-system"), namespaces: map[string]*namespace{},
		workloads: map[string][]*workload{}, byLabel: map[string][]*workload{}, byHost: map[string][]*service{},
		byPort: map[int][]*service{}, meshExact: map[string][]*virtualService{}, byGateway: map[string][]*virtualService{},
		rules: map[string][]*destinationRule{}, wildRules: map[string][]*destinationRule{},
		policies: map[string][]*authorizationPolicy{}, peers: map[string][]*peerAuthentication{},
		sidecars: map[string][]*sidecar{}, grants: map[string][]value{}, ignored: map[*objects.Object]string{},
		tables: map[string]*gatewayTable{},
	}
	m.index = objects.New(all, m.home)
	seen := map[string]bool{}
	for _, o := range all {
		if o.Namespace != "" {
			seen[o.Namespace] = true
		}
		switch o.Group {
		case "networking.istio.io", "security.istio.io":
			m.mesh = true
		}
	}
	m.qualify = len(seen) > 1
	for _, o := range m.index.Kind("Namespace") {
		m.namespaces[o.Name] = &namespace{o.Labels}
		if o.Labels["istio-injection"] != "" || o.Labels["istio.io/rev"] != "" || o.Labels["istio.io/dataplane-mode"] != "" {
			m.mesh = true
		}
	}
	m.readWorkloads()
	m.readServices()
	m.readPolicies()
	m.readDestinationRules()
	m.readGateways()
	m.readVirtualServices()
	return m
}

func (m *Model) spec(o *objects.Object) value {
	return value{o.Content["spec"], strings.HasSuffix(o.Group, ".istio.io")}
}

// created orders objects as Istio does: by the time of their creation, which manifests seldom have, then by name and
// namespace (configCompareByCreationTime in pilot/pkg/model/config.go).
func created(a, b *objects.Object) int {
	return cmp.Or(cmp.Compare(createdAt(a), createdAt(b)), cmp.Compare(a.Name, b.Name), cmp.Compare(a.Namespace, b.Namespace))
}

func createdAt(o *objects.Object) string {
	metadata, _ := o.Content["metadata"].(map[string]any)
	at, _ := metadata["creationTimestamp"].(string)
	return at
}

// kind are the objects of a kind of a group, in Istio's order.
func (m *Model) kind(group, kind string) []*objects.Object {
	var found []*objects.Object
	for _, o := range m.index.Kind(kind) {
		if o.Group == group {
			found = append(found, o)
		}
	}
	slices.SortStableFunc(found, created)
	return found
}

// name writes KIND NAME, or KIND NAMESPACE/NAME where there are several namespaces.
func (m *Model) name(o *objects.Object) string {
	if o == nil {
		return ""
	}
	return o.Kind + " " + m.short(o.Namespace, o.Name)
}

func (m *Model) short(namespace, name string) string {
	if namespace == "" || !m.qualify && namespace == m.home {
		return name
	}
	return namespace + "/" + name
}

// place is where an object, or the field with which a text begins, is written.
func (m *Model) place(o *objects.Object, field string) string {
	at := m.places[o]
	if at == nil {
		return ""
	}
	path, _, _ := strings.Cut(field, " ")
	if at.Locate == nil || !strings.Contains(path, "[") {
		return at.Place
	}
	return at.Locate("spec." + strings.TrimPrefix(path, "spec."))
}

func (m *Model) readWorkloads() {
	scaled := map[objects.Key]bool{}
	for _, o := range m.index.Kind("HorizontalPodAutoscaler") {
		target := m.spec(o).get("scaleTargetRef")
		scaled[objects.Key{Kind: target.get("kind").text(), Namespace: o.Namespace, Name: target.get("name").text()}] = true
	}
	for _, kind := range []string{"Deployment", "StatefulSet", "DaemonSet", "ReplicaSet", "ReplicationController", "Pod", "Rollout", "Job"} {
		for _, o := range m.index.Kind(kind) {
			spec := m.spec(o)
			metadata, pod := spec.at("template", "metadata"), spec.at("template", "spec")
			w := &workload{Object: o, pods: spec.get("replicas").wholeOr(1)}
			switch kind {
			case "Pod":
				metadata, pod, w.pods = value{of: o.Content["metadata"]}, spec, 1
			case "DaemonSet":
				w.pods = -1
			case "Job":
				w.pods = spec.get("parallelism").wholeOr(1)
			}
			if !pod.has() && !metadata.has() {
				continue
			}
			w.pods = max(w.pods, -1)
			w.labels, w.annotations = metadata.get("labels").textMap(), metadata.get("annotations").textMap()
			w.account = cmp.Or(pod.get("serviceAccountName").text(), pod.get("serviceAccount").text(), "default")
			w.hostNetwork = pod.get("hostNetwork").yes()
			w.hasAutoscaler = scaled[objects.Key{Kind: kind, Namespace: o.Namespace, Name: o.Name}]
			containers := pod.get("containers").list()
			for _, container := range pod.get("initContainers").list() {
				if container.get("restartPolicy").text() == "Always" {
					containers = append(containers, container)
				}
			}
			for _, container := range containers {
				for _, port := range container.get("ports").list() {
					w.ports = append(w.ports, containerPort{port.get("name").text(), port.get("containerPort").whole()})
				}
			}
			m.workloads[o.Namespace] = append(m.workloads[o.Namespace], w)
			for name, text := range w.labels {
				key := o.Namespace + "\x00" + name + "=" + text
				m.byLabel[key] = append(m.byLabel[key], w)
			}
		}
	}
}

// selectPods are the workloads of a namespace whose pods have labels.
func (m *Model) selectPods(namespace string, wanted map[string]string) []*workload {
	candidates := m.workloads[namespace]
	for name, text := range wanted {
		if with := m.byLabel[namespace+"\x00"+name+"="+text]; len(with) < len(candidates) {
			candidates = with
		}
	}
	var found []*workload
	for _, w := range candidates {
		if objects.HasLabels(w.labels, wanted) {
			found = append(found, w)
		}
	}
	return found
}

func (m *Model) readServices() {
	for _, o := range m.index.Kind("Service") {
		if o.Group != "" {
			continue
		}
		spec := m.spec(o)
		s := &service{Object: o, host: strings.ToLower(o.Name + "." + o.Namespace + ".svc." + m.domain),
			selector: spec.get("selector").textMap(), kind: cmp.Or(spec.get("type").text(), "ClusterIP"),
			external: strings.ToLower(spec.get("externalName").text()), headless: spec.get("clusterIP").text() == "None"}
		if list := o.Annotations["networking.istio.io/exportTo"]; list != "" {
			s.exportTo = fields(list)
		}
		for _, port := range spec.get("ports").list() {
			p := servicePort{name: port.get("name").text(), number: port.get("port").whole(), target: port.get("targetPort")}
			p.protocol = protocolOf(p.number, p.name, port.get("protocol").text(), port.get("appProtocol").text(), port.get("appProtocol").has())
			s.ports = append(s.ports, p)
		}
		m.addService(s)
	}
	for _, o := range m.kind("networking.istio.io", "ServiceEntry") {
		spec := m.spec(o)
		for _, host := range spec.get("hosts").texts() {
			s := &service{Object: o, host: strings.ToLower(host), entry: true, kind: "ServiceEntry",
				outside: spec.get("location").text() != "MESH_INTERNAL", resolution: spec.get("resolution").text(),
				exportTo: spec.get("exportTo").texts(), addresses: spec.get("addresses").texts(),
				selector: spec.at("workloadSelector", "labels").textMap()}
			for _, port := range spec.get("ports").list() {
				p := servicePort{name: port.get("name").text(), number: port.get("number").whole(), target: port.get("targetPort"),
					protocol: parseProtocol(port.get("protocol").text())}
				s.ports = append(s.ports, p)
			}
			for _, e := range spec.get("endpoints").list() {
				s.endpoints = append(s.endpoints, endpoint{e.get("address").text(), e.get("labels").textMap(), e.get("weight").wholeOr(1)})
			}
			m.addService(s)
		}
	}
}

func fields(list string) []string {
	var found []string
	for part := range strings.SplitSeq(list, ",") {
		if part = strings.TrimSpace(part); part != "" {
			found = append(found, part)
		}
	}
	return found
}

func (m *Model) addService(s *service) {
	m.services = append(m.services, s)
	if isWild(s.host) {
		m.wildServices = append(m.wildServices, s)
	} else {
		m.byHost[s.host] = append(m.byHost[s.host], s)
	}
	for _, port := range s.ports {
		m.byPort[port.number] = append(m.byPort[port.number], s)
	}
}

func (s *service) port(number int) *servicePort {
	for i := range s.ports {
		if s.ports[i].number == number {
			return &s.ports[i]
		}
	}
	return nil
}

// exported reports whether what an object of a namespace says of exportTo lets another namespace see it.
func exported(exportTo []string, own, other string) bool {
	if len(exportTo) == 0 {
		return true
	}
	for _, to := range exportTo {
		if to == "*" || to == other || to == "." && own == other {
			return true
		}
	}
	return false
}

// pods are the workloads behind a service.
func (m *Model) pods(s *service) []*workload {
	s.once.Do(func() {
		if len(s.selector) > 0 {
			s.selected = m.selectPods(s.Namespace, s.selector)
		}
	})
	return s.selected
}

// targetOf is the port of a pod behind a port of a service, 0 where the pod has none of the name.
func targetOf(p *servicePort, w *workload) int {
	if number, ok := p.target.number(); ok {
		return int(number)
	}
	name := p.target.text()
	if name == "" {
		return p.number
	}
	if number, err := strconv.Atoi(name); err == nil {
		return number
	}
	for _, port := range w.ports {
		if port.name == name {
			return port.number
		}
	}
	return 0
}

// proxy is what stands before a pod.
type proxy int

const (
	noProxy proxy = iota
	sidecarProxy
	ambientProxy
)

// proxyOf tells what stands before the pods of a workload, and how that is known. It is what Istio's injector decides
// (pkg/kube/inject/inject.go): a label of the pod before those of the namespace.
func (m *Model) proxyOf(w *workload) (proxy, string) {
	if w.hostNetwork {
		return noProxy, "its pods are in the network of the node"
	}
	if _, isGateway := w.annotations["inject.istio.io/templates"]; isGateway {
		return sidecarProxy, "its pods are a gateway of Istio"
	}
	switch inject := cmp.Or(w.labels["sidecar.istio.io/inject"], w.annotations["sidecar.istio.io/inject"]); inject {
	case "true":
		return sidecarProxy, "its pods ask for a sidecar"
	case "false":
		return noProxy, "its pods ask for no sidecar"
	}
	if w.labels["istio.io/dataplane-mode"] == "ambient" {
		return ambientProxy, "its pods are in the ambient mesh"
	}
	p, why := m.proxyIn(w.Namespace)
	if p == ambientProxy && w.labels["istio.io/dataplane-mode"] == "none" {
		return noProxy, "its pods are not in the ambient mesh"
	}
	if p == noProxy && w.labels["istio.io/rev"] != "" && m.namespaces[w.Namespace] != nil && m.namespaces[w.Namespace].labels["istio-injection"] != "disabled" {
		return sidecarProxy, "its pods name a revision of Istio"
	}
	return p, why
}

func (m *Model) proxyIn(name string) (proxy, string) {
	space := m.namespaces[name]
	if space == nil {
		if m.mesh {
			return sidecarProxy, "the set does not say whether Namespace " + name + " is in the mesh: it is taken to be"
		}
		return noProxy, "nothing in the set is of Istio"
	}
	labels := space.labels
	switch labels["istio-injection"] {
	case "enabled":
		return sidecarProxy, "Namespace " + name + " has sidecars"
	case "disabled":
		return noProxy, "Namespace " + name + " has no sidecars"
	}
	switch {
	case labels["istio.io/rev"] != "":
		return sidecarProxy, "Namespace " + name + " has sidecars"
	case labels["istio.io/dataplane-mode"] == "ambient":
		return ambientProxy, "Namespace " + name + " is in the ambient mesh"
	}
	return noProxy, "Namespace " + name + " is not in the mesh"
}
