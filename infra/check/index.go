package check

import (
	"maps"
	"slices"
	"strings"
	"sync"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	labelselection "k8s.io/apimachinery/pkg/selection"

	"github.com/crossoverJie/k8s-combat/infra/internal/objects"
)

// object is an object of the set, read.
type object struct {
	Object
	// order is its place in the set.
	order                int
	group, version, kind string
	// namespace is where it goes, written what it says.
	namespace, written, name string
	labels, annotations      map[string]string
	// typed is a pointer to a value of its API type. Nil for a kind that is not known and for one that cannot be read
	// as such.
	typed any
	// misfits are the fields that its type does not have or has as something else.
	misfits []misfit
	// pods is the template of the pods that it makes, or nil.
	pods *workload
}

// String writes KIND NAME for a message.
func (o *object) String() string { return o.kind + " " + o.name }

// workload is what makes pods.
type workload struct {
	*object
	// at is the path of the template, empty for a Pod, with a dot at its end.
	at          string
	labels      labels.Set
	annotations map[string]string
	spec        *corev1.PodSpec
	// partial says that its labels alone are known.
	partial bool
}

// key finds an object.
type key struct{ kind, namespace, name string }

// index is the set, with all by which objects are found. It is made once, and read by all rules.
type index struct {
	objects    []*object
	byKey      map[key][]*object
	byKind     map[string][]*object
	namespaces map[string]bool
	workloads  map[string][]*workload
	byLabel    map[string]map[string][]*workload
	// labelled are the namespaces that have pods with a label, NAME=VALUE, some more than once.
	labelled map[string][]string
	// machines are the labels of WorkloadEntries, by namespace.
	machines map[string][]labels.Set
	// labelNames are the names of the labels of pods, by namespace.
	labelNames map[string]bool
	// services by their labels, for monitors.
	servicesByLabel map[string][]*object
	// foreign are the names of objects of kinds that are not known, by namespace: operators make others of them.
	foreign map[string]map[string]bool
	// operated are the namespaces with an object of a kind that is not known, and whose pods are not.
	operated map[string]bool
	// named are the objects of a kind and name, in whatever namespace.
	named map[key][]*object
	// made are objects that controllers make of those in the set.
	made map[key]bool
	// servicesBySelector are the Services by one of the labels of their selectors.
	servicesBySelector map[string][]*object
	// scalers are the autoscalers by their targets.
	scalers map[key]*object
	// definedKinds are the kinds, GROUP/KIND, whose definitions are in the set.
	definedKinds map[string]bool
	// peers are the PeerAuthentications by namespace.
	peers map[string][]*object
	// serves are the namespaces that have Services or pods.
	serves      map[string]bool
	permissions permissions
	// grants are the ReferenceGrants by namespace.
	grants  map[string][]*referenceGrant
	options Options
	domain  serviceDomain
	mesh    *mesh
	// hasMesh says that the set is for a mesh of Istio.
	hasMesh bool

	mu       sync.Mutex
	selected map[string]*selection
}

// definedKind is what is read of a CustomResourceDefinition.
type definedKind struct {
	Group string `json:"group"`
	Names struct {
		Kind string `json:"kind"`
	} `json:"names"`
}

// selection is what a selector selects.
type selection struct {
	workloads []*workload
	ports     *ports
}

func newIndex(objects []Object, options Options) *index {
	s := &index{
		byKey: map[key][]*object{}, byKind: map[string][]*object{}, namespaces: map[string]bool{},
		workloads: map[string][]*workload{}, byLabel: map[string]map[string][]*workload{}, labelNames: map[string]bool{},
		labelled: map[string][]string{}, machines: map[string][]labels.Set{},
		servicesByLabel: map[string][]*object{}, foreign: map[string]map[string]bool{}, operated: map[string]bool{}, named: map[key][]*object{}, made: map[key]bool{}, grants: map[string][]*referenceGrant{},
		servicesBySelector: map[string][]*object{}, peers: map[string][]*object{},
		scalers: map[key]*object{}, definedKinds: map[string]bool{}, serves: map[string]bool{},
		selected: map[string]*selection{}, options: options, domain: options.domain(),
	}
	s.objects = make([]*object, len(objects))
	var hands sync.WaitGroup
	width := (len(objects) + runtimeProcs - 1) / runtimeProcs
	for start := 0; start < len(objects); start += max(width, 1) {
		hands.Go(func() {
			for i := start; i < min(start+width, len(objects)); i++ {
				s.objects[i] = readObject(objects[i], i)
			}
		})
	}
	hands.Wait()
	home := s.home(options)
	for _, o := range s.objects {
		o.namespace = o.written
		if isClusterKind(o) {
			o.namespace = ""
		} else if o.namespace == "" {
			o.namespace = home
		}
		s.add(o)
	}
	s.readPermissions()
	s.mesh = newMesh(s)
	return s
}

// home is the namespace of objects that name none.
func (s *index) home(options Options) string {
	return objects.Home(options.Namespace, func(yield func(kind, namespace string) bool) {
		for _, o := range s.objects {
			if !yield(o.kind, o.written) {
				return
			}
		}
	})
}

func (s *index) add(o *object) {
	k := key{o.kind, o.namespace, o.name}
	s.byKey[k] = append(s.byKey[k], o)
	s.byKind[o.kind] = append(s.byKind[o.kind], o)
	named := key{kind: o.kind, name: o.name}
	s.named[named] = append(s.named[named], o)
	s.addMade(o)
	if !isClusterKind(o) {
		s.namespaces[o.namespace] = true
	}
	if o.typed == nil && !isKnownKind(o) && !slices.Contains(makers, o.kind) {
		if s.foreign[o.namespace] == nil {
			s.foreign[o.namespace] = map[string]bool{}
		}
		s.foreign[o.namespace][o.name] = true
		if o.pods == nil {
			s.operated[o.namespace] = true
		}
	}
	if o.kind == "ReferenceGrant" {
		if grant := spec[referenceGrant](o); grant != nil {
			s.grants[o.namespace] = append(s.grants[o.namespace], grant)
		}
	}
	if o.pods != nil || o.service() != nil {
		s.serves[o.namespace] = true
	}
	if kind, name := o.scaleTarget(); name != "" {
		s.scalers[key{kind, o.namespace, name}] = o
	}
	if o.kind == "CustomResourceDefinition" {
		if definition := spec[definedKind](o); definition != nil {
			s.definedKinds[definition.Group+"/"+definition.Names.Kind] = true
		}
	}
	if strings.HasSuffix(o.group, ".istio.io") || o.kind == "Namespace" && (o.labels["istio-injection"] == "enabled" || o.labels["istio.io/rev"] != "") {
		s.hasMesh = true
	}
	if o.kind == "WorkloadEntry" {
		if machine := spec[workloadEntry](o); machine != nil {
			s.machines[o.namespace] = append(s.machines[o.namespace], machine.Labels)
		}
	}
	if o.kind == "PeerAuthentication" {
		s.peers[o.namespace] = append(s.peers[o.namespace], o)
	}
	if service := o.service(); service != nil {
		// One label stands for all: the first by name.
		names := slices.Sorted(maps.Keys(service.Spec.Selector))
		if len(names) > 0 {
			entry := o.namespace + "\x00" + names[0] + "=" + service.Spec.Selector[names[0]]
			s.servicesBySelector[entry] = append(s.servicesBySelector[entry], o)
		}
	}
	if o.kind == "Service" && o.group == "" {
		for name, value := range o.labels {
			entry := o.namespace + "\x00" + name + "=" + value
			s.servicesByLabel[entry] = append(s.servicesByLabel[entry], o)
		}
	}
	if o.pods == nil {
		return
	}
	s.workloads[o.namespace] = append(s.workloads[o.namespace], o.pods)
	byLabel := s.byLabel[o.namespace]
	if byLabel == nil {
		byLabel = map[string][]*workload{}
		s.byLabel[o.namespace] = byLabel
	}
	for name, value := range o.pods.labels {
		s.labelNames[o.namespace+"\x00"+name] = true
		label := name + "=" + value
		if in := s.labelled[label]; len(in) == 0 || in[len(in)-1] != o.namespace {
			s.labelled[label] = append(in, o.namespace)
		}
		byLabel[name+"="+value] = append(byLabel[name+"="+value], o.pods)
	}
}

// lookup is what is known of an object that is referred to.
type lookup int

const (
	found lookup = iota
	missing
	external
)

// find looks for an object of a kind.
func (s *index) find(kind, namespace, name string) (*object, lookup) {
	if all := s.byKey[key{kind, namespace, name}]; len(all) > 0 {
		return all[0], found
	}
	if s.options.assumes(kind, namespace, name) || s.isMade(kind, namespace, name) {
		return nil, found
	}
	state := s.absent(namespace, name)
	// A set of routes or autoscalers alone is for Services and workloads of another one.
	alone := kind == "Service" && !s.serves[namespace] || slices.Contains(scaledKinds, kind) && len(s.workloads[namespace]) == 0
	if state == missing && alone && len(s.named[key{kind: kind, name: name}]) == 0 {
		state = external
	}
	if kind == "Secret" && state == missing && s.permissions.makeSecrets[namespace] {
		// Somebody of the set may make it when it runs.
		state = external
	}
	return nil, state
}

// absent is what is known of a name that is not in the set.
func (s *index) absent(namespace, name string) lookup {
	if !s.namespaces[namespace] || isSystemNamespace(namespace) {
		return external
	}
	for end := range name {
		if end > 0 && s.foreign[namespace][name[:end]] {
			return external
		}
	}
	if s.foreign[namespace][name] {
		return external
	}
	return missing
}

// elsewhere names another namespace that has such an object, for a message.
func (s *index) elsewhere(kind, namespace, name string) string {
	for _, o := range s.named[key{kind: kind, name: name}] {
		if o.namespace != namespace {
			return "; there is one in " + in(o.namespace)
		}
	}
	return ""
}

// selectPods returns what a selector selects in a namespace. It is asked once for each selector. Requirements on labels that
// pods get when they run are left out.
func (s *index) selectPods(namespace string, selector *metav1.LabelSelector) (*selection, error) {
	wanted, err := metav1.LabelSelectorAsSelector(selector)
	if err != nil {
		return nil, err
	}
	return s.selectBy(namespace, wanted), nil
}

func (s *index) selectSet(namespace string, wanted map[string]string) *selection {
	return s.selectBy(namespace, labels.SelectorFromValidatedSet(wanted))
}

func (s *index) selectBy(namespace string, selector labels.Selector) *selection {
	id := namespace + "\x00" + selector.String()
	s.mu.Lock()
	defer s.mu.Unlock()
	if known, ok := s.selected[id]; ok {
		return known
	}
	requirements, _ := selector.Requirements()
	kept := labels.NewSelector()
	var candidates []*workload
	indexed := false
	for _, requirement := range requirements {
		if isRunTimeLabel(requirement) {
			continue
		}
		kept = kept.Add(requirement)
		values := requirement.ValuesUnsorted()
		if op := string(requirement.Operator()); op != "=" && op != "==" && op != "in" {
			continue
		}
		var with []*workload
		for _, value := range values {
			with = append(with, s.byLabel[namespace][requirement.Key()+"="+value]...)
		}
		if !indexed || len(with) < len(candidates) {
			candidates, indexed = with, true
		}
	}
	if !indexed {
		candidates = s.workloads[namespace]
	}
	result := &selection{}
	for _, candidate := range candidates {
		if kept.Matches(candidate.labels) {
			result.workloads = append(result.workloads, candidate)
		}
	}
	result.ports = portsOf(result.workloads)
	s.selected[id] = result
	return result
}

// namespacesWith are the namespaces that may have pods with all of the labels.
func (s *index) namespacesWith(wanted map[string]string) []string {
	var best []string
	asked := false
	for name, value := range wanted {
		requirement, err := labels.NewRequirement(name, labelselection.Equals, []string{value})
		if err != nil || isRunTimeLabel(*requirement) {
			continue
		}
		if in := s.labelled[name+"="+value]; !asked || len(in) < len(best) {
			best, asked = in, true
		}
	}
	if !asked {
		return slices.Sorted(maps.Keys(s.workloads))
	}
	return slices.Compact(slices.Sorted(slices.Values(best)))
}

// runTimeLabels are the beginnings of labels that controllers put on pods.
var runTimeLabels = []string{"pod-template-hash", "controller-revision-hash", "pod-template-generation",
	"statefulset.kubernetes.io/", "apps.kubernetes.io/", "batch.kubernetes.io/", "job-name", "controller-uid",
	"rollouts-pod-template-hash", "service.istio.io/", "security.istio.io/", "istio.io/", "topology.",
	"serving.knative.dev/", "app.kubernetes.io/managed-by"}

// roles are what operators write into labels of pods that they have elected.
var roles = []string{"master", "primary", "leader", "replica", "slave", "standby", "secondary", "main", "follower"}

func isRunTimeLabel(requirement labels.Requirement) bool {
	name := requirement.Key()
	for _, prefix := range runTimeLabels {
		if strings.HasPrefix(name, prefix) {
			return true
		}
	}
	if name == "role" || strings.HasSuffix(name, "/role") || strings.HasSuffix(name, "-role") || strings.HasSuffix(name, "Role") {
		for _, value := range requirement.ValuesUnsorted() {
			if slices.Contains(roles, strings.ToLower(value)) {
				return true
			}
		}
	}
	return false
}

// ports are the ports of workloads.
type ports struct {
	// byName has the numbers of the named ports of all, numbers those of TCP, UDP and SCTP by PROTOCOL/NUMBER.
	byName  map[string][]int32
	numbers map[string]bool
	// complete says that every workload declares at least one port, so that what is not here is likely not there.
	complete bool
	// partial says that the ports of some are not known.
	partial bool
	// names are in the order of the pods, for messages.
	names []string
}

func portsOf(workloads []*workload) *ports {
	p := &ports{byName: map[string][]int32{}, numbers: map[string]bool{}, complete: len(workloads) > 0}
	for _, w := range workloads {
		declares := false
		p.partial = p.partial || w.partial || w.isGateway()
		for _, container := range allContainers(w.spec) {
			for _, port := range container.Ports {
				declares = true
				if port.Name != "" && !slices.Contains(p.byName[port.Name], port.ContainerPort) {
					if len(p.byName[port.Name]) == 0 {
						p.names = append(p.names, port.Name)
					}
					p.byName[port.Name] = append(p.byName[port.Name], port.ContainerPort)
				}
				p.numbers[portKey(port.Protocol, port.ContainerPort)] = true
			}
		}
		p.complete = p.complete && declares
	}
	return p
}

func portKey(protocol corev1.Protocol, number int32) string {
	if protocol == "" {
		protocol = corev1.ProtocolTCP
	}
	return at("%s/%d", protocol, number)
}

// allContainers are those that run beside each other: the containers, and the init containers that go on.
func allContainers(spec *corev1.PodSpec) []corev1.Container {
	containers := spec.Containers
	for _, container := range spec.InitContainers {
		if isSidecar(container) {
			containers = append(slices.Clip(containers), container)
		}
	}
	return containers
}

// isGateway reports whether pods run Istio's proxy alone: they listen on the ports of whatever Gateways select them.
func (w *workload) isGateway() bool {
	return len(w.spec.Containers) == 1 && w.spec.Containers[0].Name == "istio-proxy"
}

func isSidecar(container corev1.Container) bool {
	return container.RestartPolicy != nil && *container.RestartPolicy == corev1.ContainerRestartPolicyAlways
}
