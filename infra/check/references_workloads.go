package check

import (
	"slices"
	"strconv"
	"strings"

	"github.com/prometheus-operator/prometheus-operator/pkg/apis/monitoring"
	monitoringv1 "github.com/prometheus-operator/prometheus-operator/pkg/apis/monitoring/v1"
	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	appsv1 "k8s.io/api/apps/v1"
	autoscalingv1 "k8s.io/api/autoscaling/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	policyv1 "k8s.io/api/policy/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/crossoverJie/k8s-combat/infra/internal/objects"
)

const budgetExample = `apiVersion: policy/v1
kind: PodDisruptionBudget
metadata: {name: web}
spec:
  minAvailable: 1
  selector: {matchLabels: {app: web}}
`

const scalerExample = `apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: {name: web}
spec:
  scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: web}
  minReplicas: 2
  maxReplicas: 5
  metrics: [{type: Resource, resource: {name: cpu, target: {type: Utilization, averageUtilization: 80}}}]
`

var scaledExample = edited(webExample, "  replicas: 2\n", "", "          ports", "          resources: {requests: {cpu: 100m}}\n          ports")

const bindingExample = `apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: reader}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: reader}
subjects: [{kind: ServiceAccount, name: web}]
`

var roleExample = documents(bindingExample, `apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {name: reader}
rules: [{apiGroups: [""], resources: [pods], verbs: [get]}]
`, "apiVersion: v1\nkind: ServiceAccount\nmetadata: {name: web}\n")

const statefulExample = `apiVersion: apps/v1
kind: StatefulSet
metadata: {name: db}
spec:
  serviceName: db
  selector: {matchLabels: {app: db}}
  template:
    metadata: {labels: {app: db}}
    spec:
      containers:
        - name: db
          image: example.com/db:1.4.0
          ports: [{name: sql, containerPort: 5432}]
---
apiVersion: v1
kind: Service
metadata: {name: db}
spec:
  clusterIP: None
  selector: {app: db}
  ports: [{name: sql, port: 5432, targetPort: sql}]
`

const monitorExample = `apiVersion: monitoring.coreos.com/v1
kind: ServiceMonitor
metadata: {name: web}
spec:
  selector: {matchLabels: {app: web}}
  endpoints: [{port: http}]
`

const podMonitorExample = `apiVersion: monitoring.coreos.com/v1
kind: PodMonitor
metadata: {name: web}
spec:
  selector: {matchLabels: {app: web}}
  podMetricsEndpoints: [{port: http}]
`

const networkPolicyExample = `apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: web}
spec:
  podSelector: {matchLabels: {app: web}}
  policyTypes: [Ingress]
`

const webhookExample = `apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingWebhookConfiguration
metadata: {name: web}
webhooks:
  - name: web.example.com
    admissionReviewVersions: [v1]
    sideEffects: None
    clientConfig: {service: {name: web, namespace: shop, port: 80}}
`

var portPolicy = edited(networkPolicyExample, "  policyTypes: [Ingress]", "  ingress: [{ports: [{port: 8080}]}]")

var peerPolicy = edited(networkPolicyExample, "  policyTypes: [Ingress]", "  ingress: [{from: [{podSelector: {matchLabels: {app: caller}}}]}]")

var callerPod = edited(podExample, "name: web,", "name: caller,", "app: web", "app: caller")

const prometheusExample = `apiVersion: monitoring.coreos.com/v1
kind: Prometheus
metadata: {name: ours}
spec:
  ruleSelector: {matchLabels: {release: ours}}
`

var workloadReferenceRules = []Rule{
	{
		Code: "KC101", Title: "a Service that selects no pod", Severity: Error, Kinds: []string{"Service"},
		Doc: "The Service has no endpoints: every connection to it is refused. Labels that controllers write when pods run " +
			"are left out of the question.",
		Wrong: documents(webExample, edited(serviceExample, "selector: {app: web}", "selector: {app: wep}")),
		Right: documents(webExample, serviceExample),
		object: func(c *checker, o *object) {
			if service := o.service(); service != nil && len(service.Spec.Selector) > 0 {
				if len(c.selectSet(o.namespace, service.Spec.Selector).workloads) == 0 && !c.hasOtherEndpoints(o, service) {
					c.missing(o, "spec.selector", c.nobodyBut(o.namespace, service.Spec.Selector), "nobody answers: no pod in "+in(o.namespace)+" has the labels "+
						labels.Set(service.Spec.Selector).String()+c.closest(o.namespace, service.Spec.Selector), "select labels that the pods have")
				}
			}
		},
	},
	{
		Code: "KC102", Title: "a target port name that no pod has", Severity: Error, Kinds: []string{"Service"},
		Doc:   "A Service whose target port is a name has no endpoints for that port where the pods have no port of that name.",
		Wrong: documents(webExample, edited(serviceExample, "targetPort: http", "targetPort: web")),
		Right: documents(webExample, serviceExample),
		object: func(c *checker, o *object) {
			c.targetPorts(o, func(i int, port corev1.ServicePort, has *ports) {
				if name := port.TargetPort.StrVal; port.TargetPort.Type == intstr.String && name != "" && len(has.byName[name]) == 0 {
					c.report(o, at("spec.ports[%d].targetPort", i), "nobody answers on port "+at("%d", port.Port)+": no pod has a port named "+name,
						"use one of the pods' ports: "+listOf(has.names))
				}
			})
		},
	},
	{
		Code: "KC103", Title: "a target port number that no pod declares", Severity: Error, Kinds: []string{"Service"},
		Doc: "The pods declare their ports, and the target port is none of them. The declaration opens nothing, so this could " +
			"work; nearly always the number is wrong. Nothing is said of pods that declare no port, nor where their arguments, variables " +
			"or ConfigMaps have the number.",
		Wrong: documents(webExample, edited(serviceExample, "targetPort: http", "targetPort: 9999")),
		Right: documents(webExample, edited(serviceExample, "targetPort: http", "targetPort: 8080")),
		object: func(c *checker, o *object) {
			c.targetPorts(o, func(i int, port corev1.ServicePort, has *ports) {
				number, field := port.TargetPort.IntVal, at("spec.ports[%d].targetPort", i)
				if number == 0 {
					number, field = port.Port, at("spec.ports[%d].port", i)
				}
				if !slices.Contains([]corev1.Protocol{"", corev1.ProtocolTCP, corev1.ProtocolUDP, corev1.ProtocolSCTP}, port.Protocol) {
					return
				}
				if port.TargetPort.Type == intstr.String && port.TargetPort.StrVal != "" || !has.complete || has.numbers[portKey(port.Protocol, number)] ||
					isMeshPort(number) || c.mentioned(o, number) {
					return
				}
				c.report(o, field, "nobody answers: the pods do not declare port "+portKey(port.Protocol, number), "use a port of the pods, or declare it there")
			})
		},
	},
	{
		Code: "KC113", Title: "a StatefulSet whose Service is not there", Severity: Error, Kinds: []string{"StatefulSet"},
		Doc: "The pods of a StatefulSet have names in the DNS of the Service that serviceName names. Without it they have none. Where no " +
			"headless Service is for the pods, nobody may need their names, and it is a warning.",
		Wrong: edited(statefulExample, "serviceName: db", "serviceName: dbs"),
		Right: statefulExample,
		object: func(c *checker, o *object) {
			set, ok := o.typed.(*appsv1.StatefulSet)
			if !ok || set.Spec.ServiceName == "" {
				return
			}
			service, state := c.find("Service", o.namespace, set.Spec.ServiceName)
			message, fix := "the pods have no names in DNS: "+in(o.namespace)+" has no Service "+set.Spec.ServiceName, "add a headless Service of that name"
			switch {
			case service != nil && service.service() != nil && !isHeadless(service):
				// Those who ask the Service alone need no names.
				c.reportAs(Note, o, "spec.serviceName", "the pods have no names in DNS: "+service.String()+" is not headless", "set its clusterIP to None, or name one that is headless")
			case state == missing && !slices.ContainsFunc(c.servicesOf(o.namespace, o.pods), isHeadless):
				c.reportAs(Warning, o, "spec.serviceName", message, fix)
			case state != found:
				c.missing(o, "spec.serviceName", state, message, fix)
			}
		},
	},
	{
		Code: "KC114", Title: "a role that is not there", Severity: Error, Kinds: []string{"RoleBinding", "ClusterRoleBinding"},
		Doc:   "A binding to a role that does not exist grants nothing.",
		Wrong: edited(roleExample, "kind: Role, name: reader", "kind: Role, name: raeder"),
		Right: roleExample,
		object: func(c *checker, o *object) {
			var ref rbacv1.RoleRef
			switch typed := o.typed.(type) {
			case *rbacv1.RoleBinding:
				ref = typed.RoleRef
			case *rbacv1.ClusterRoleBinding:
				ref = typed.RoleRef
			}
			namespace := o.namespace
			if ref.Kind == "ClusterRole" {
				namespace = ""
			}
			if ref.Name == "" {
				return
			}
			_, state := c.find(ref.Kind, namespace, ref.Name)
			if state == missing && ref.Kind == "ClusterRole" && len(c.byKind["ClusterRole"]) == 0 {
				state = external
			}
			if state != found {
				c.missing(o, "roleRef.name", state, "nothing is granted: there is no "+ref.Kind+" "+ref.Name, "add the role, or name one that exists")
			}
		},
	},
	{
		Code: "KC115", Title: "a subject that is not there", Severity: Error, Kinds: []string{"RoleBinding", "ClusterRoleBinding"},
		Doc: "A binding for a ServiceAccount that does not exist grants nothing, until somebody makes one of that name. Where all " +
			"ServiceAccounts of its namespace have bindings of their own, this one may be somebody else's, and it is a warning.",
		Wrong: edited(roleExample, "kind: ServiceAccount, name: web", "kind: ServiceAccount, name: wep"),
		Right: roleExample,
		object: func(c *checker, o *object) {
			var subjects []rbacv1.Subject
			switch typed := o.typed.(type) {
			case *rbacv1.RoleBinding:
				subjects = typed.Subjects
			case *rbacv1.ClusterRoleBinding:
				subjects = typed.Subjects
			}
			for i, subject := range subjects {
				if subject.Kind != "ServiceAccount" {
					continue
				}
				namespace := subject.Namespace
				if namespace == "" {
					namespace = o.namespace
				}
				_, state := c.find("ServiceAccount", namespace, subject.Name)
				other := c.elsewhere("ServiceAccount", namespace, subject.Name)
				message, fix := "nobody gets these permissions: "+in(namespace)+" has no ServiceAccount "+subject.Name+other, "add the ServiceAccount, or name one that exists"
				switch {
				case state == missing && other == "" && !c.permissions.unbound[namespace]:
					c.reportAs(Warning, o, at("subjects[%d].name", i), message, fix)
				case state != found:
					c.missing(o, at("subjects[%d].name", i), state, message, fix)
				}
			}
		},
	},
	{
		Code: "KC116", Title: "an autoscaler of a workload that is not there", Severity: Error, Kinds: []string{"HorizontalPodAutoscaler"},
		Doc:   "A HorizontalPodAutoscaler whose target does not exist scales nothing.",
		Wrong: documents(scaledExample, edited(scalerExample, "kind: Deployment, name: web", "kind: Deployment, name: wep")),
		Right: documents(scaledExample, scalerExample),
		object: func(c *checker, o *object) {
			kind, name := o.scaleTarget()
			if name == "" || !slices.Contains(scaledKinds, kind) {
				return
			}
			if _, state := c.find(kind, o.namespace, name); state != found {
				c.missing(o, "spec.scaleTargetRef.name", state, "nothing is scaled: "+in(o.namespace)+" has no "+kind+" "+name, "name a workload that exists")
			}
		},
	},
	{
		Code: "KC117", Title: "a disruption budget that selects no pod", Severity: Error, Kinds: []string{"PodDisruptionBudget"},
		Doc:   "A PodDisruptionBudget that matches no pods protects none.",
		Wrong: documents(webExample, edited(budgetExample, "{app: web}", "{app: wep}")),
		Right: documents(webExample, budgetExample),
		object: func(c *checker, o *object) {
			budget, ok := o.typed.(*policyv1.PodDisruptionBudget)
			switch {
			case !ok:
			case budget.Spec.Selector == nil:
				c.report(o, "spec.selector", "no pod is protected: it has no selector", "select labels that the pods have")
			default:
				c.selects(o, "spec.selector", budget.Spec.Selector, "no pod is protected")
			}
		},
	},
	{
		Code: "KC118", Title: "a network policy that selects no pod", Severity: Error, Kinds: []string{"NetworkPolicy"},
		Doc:   "A NetworkPolicy that matches no pods restricts none.",
		Wrong: documents(webExample, edited(networkPolicyExample, "{app: web}", "{app: wep}")),
		Right: documents(webExample, networkPolicyExample),
		object: func(c *checker, o *object) {
			if policy, ok := o.typed.(*networkingv1.NetworkPolicy); ok {
				c.selects(o, "spec.podSelector", &policy.Spec.PodSelector, "no pod is restricted")
			}
		},
	},
	{
		Code: "KC119", Title: "a selector that does not match its own template", Severity: Error,
		Kinds: []string{"Deployment", "StatefulSet", "DaemonSet", "ReplicaSet"},
		Doc:   "The API server refuses a workload whose selector does not match the labels of its template.",
		Wrong: edited(webExample, "selector: {matchLabels: {app: web}}", "selector: {matchLabels: {app: wep}}"),
		Right: webExample,
		object: func(c *checker, o *object) {
			selector := o.ownSelector()
			if selector == nil || o.pods == nil {
				return
			}
			if wanted, err := metav1.LabelSelectorAsSelector(selector); err == nil && (wanted.Empty() || !wanted.Matches(o.pods.labels)) {
				c.report(o, "spec.selector", "it is refused: the selector "+metav1.FormatLabelSelector(selector)+" does not match the labels of the template, "+
					labels.FormatLabels(o.pods.labels), "select labels of the template")
			}
		},
	},
	{
		Code: "KC120", Title: "a selector that catches another's pods", Severity: Error,
		Kinds: []string{"Deployment", "StatefulSet", "DaemonSet", "ReplicaSet"},
		Doc: "Two workloads of which one selects the other's pods: autoscalers and budgets count both, `kubectl rollout` and " +
			"`kubectl logs` mix them, and a DaemonSet or ReplicaSet may take pods over.",
		Wrong: documents(webExample, edited(webExample, "metadata: {name: web}", "metadata: {name: web-2}")),
		Right: documents(webExample, edited(webExample, "metadata: {name: web}", "metadata: {name: web-2}", "app: web", "app: web-2")),
		object: func(c *checker, o *object) {
			selector := o.ownSelector()
			if selector == nil || o.pods == nil {
				return
			}
			wanted, err := metav1.LabelSelectorAsSelector(selector)
			if err != nil || wanted.Empty() {
				return
			}
			selected := c.selectBy(o.namespace, wanted).workloads
			for i, other := range selected {
				// Two of a pair select each other: the later one says so. More than a few say the same.
				if i > 8 || other.object == o || other.kind == "Pod" || other.kind == "Job" || other.kind == "CronJob" || other.name == o.name && other.kind == o.kind || other.typed == nil {
					continue
				}
				if back := other.ownSelector(); back != nil && other.order > o.order {
					if mutual, err := metav1.LabelSelectorAsSelector(back); err == nil && mutual.Matches(o.pods.labels) {
						continue
					}
				}
				c.report(o, "spec.selector", "it catches the pods of "+other.String()+", too: their labels match "+metav1.FormatLabelSelector(selector),
					"give each workload a label of its own, and select by it")
				return
			}
		},
	},
	{
		Code: "KC121", Title: "a ServiceMonitor that finds no Service or port", Severity: Error, Kinds: []string{"ServiceMonitor"},
		Doc:    "Prometheus scrapes nothing where no Service has the labels of the monitor, or no port of the name.",
		Wrong:  documents(webExample, serviceExample, edited(monitorExample, "port: http", "port: metrics")),
		Right:  documents(webExample, serviceExample, monitorExample),
		object: checkServiceMonitor,
	},
	{
		Code: "KC122", Title: "a PodMonitor that finds no pod or port", Severity: Error, Kinds: []string{"PodMonitor"},
		Doc:    "Prometheus scrapes nothing where no pod has the labels of the monitor, or no port of the name.",
		Wrong:  documents(webExample, edited(podMonitorExample, "port: http", "port: metrics")),
		Right:  documents(webExample, podMonitorExample),
		object: checkPodMonitor,
	},
	{
		Code: "KC162", Title: "an owner that is not there", Severity: Error, Kinds: []string{anyKind},
		Doc:   "An object whose owners do not exist is deleted by the garbage collector. Owners are of the same namespace, or of a kind without namespaces.",
		Wrong: documents(configExample, edited(secretExample, "name: login", "name: login, ownerReferences: [{apiVersion: v1, kind: ConfigMap, name: setings, uid: 6d2c}]")),
		Right: documents(configExample, edited(secretExample, "name: login", "name: login, ownerReferences: [{apiVersion: v1, kind: ConfigMap, name: settings, uid: 6d2c}]")),
		object: func(c *checker, o *object) {
			metadata, _ := o.Content["metadata"].(map[string]any)
			owners, _ := metadata["ownerReferences"].([]any)
			if metadata["uid"] != nil || metadata["resourceVersion"] != nil || metadata["creationTimestamp"] != nil {
				// It comes from a cluster, with owners that need not have been asked for.
				return
			}
			for i, owner := range owners {
				fields, _ := owner.(map[string]any)
				kind, _ := fields["kind"].(string)
				name, _ := fields["name"].(string)
				if kind == "" || name == "" {
					continue
				}
				namespace := o.namespace
				if objects.IsClusterKind(kind) {
					namespace = ""
				}
				_, state := c.find(kind, namespace, name)
				if state == missing && len(c.byKind[kind]) == 0 && namespace == "" {
					state = external
				}
				if state != found {
					c.missing(o, at("metadata.ownerReferences[%d].name", i), state, "it is deleted by the garbage collector: there is no "+kind+" "+name+c.elsewhere(kind, namespace, name), "name an owner that exists, or leave ownerReferences to controllers")
				}
			}
		},
	},
	{
		Code: "KC165", Title: "a network policy for a port that no pod has", Severity: Error, Kinds: []string{"NetworkPolicy"},
		Doc: "The ports that a NetworkPolicy lets in are those of the pods, not of the Service: where they differ nobody is let in. Where callers are let in at another port, it is a warning. Nothing is said of pods that declare " +
			"no ports, nor where their arguments, variables or ConfigMaps have the number.",
		Wrong:  documents(webExample, edited(portPolicy, "port: 8080", "port: 80")),
		Right:  documents(webExample, portPolicy),
		object: checkNetworkPorts,
	},
	{
		Code: "KC166", Title: "a network policy for callers that are not there", Severity: Error, Kinds: []string{"NetworkPolicy"},
		Doc: "A peer with a podSelector alone is a pod of the policy's own namespace. One that matches no pod lets in nobody. Where no pod has such a label, whatever its " +
			"value, it may be one that callers are to take, which is a note.",
		Wrong: documents(webExample, edited(peerPolicy, "{app: caller}", "{app: callers}"), callerPod),
		Right: documents(webExample, peerPolicy, callerPod),
		object: func(c *checker, o *object) {
			policy, ok := o.typed.(*networkingv1.NetworkPolicy)
			if !ok {
				return
			}
			ask := func(field string, peers []networkingv1.NetworkPolicyPeer, message string) {
				for i, peer := range peers {
					if peer.NamespaceSelector != nil || peer.IPBlock != nil || peer.PodSelector == nil {
						continue
					}
					if c.hasLabels(o.namespace, peer.PodSelector.MatchLabels) {
						c.selects(o, at("%s[%d].podSelector", field, i), peer.PodSelector, message)
					} else if selected, err := c.selectPods(o.namespace, peer.PodSelector); err == nil && len(selected.workloads) == 0 {
						c.reportAs(Note, o, at("%s[%d].podSelector", field, i), message+": no pod in "+in(o.namespace)+" has such a label", "give the label to those who are to call")
					}
				}
			}
			for i, rule := range policy.Spec.Ingress {
				ask(at("spec.ingress[%d].from", i), rule.From, "nobody is let in by it")
			}
			for i, rule := range policy.Spec.Egress {
				ask(at("spec.egress[%d].to", i), rule.To, "nothing is let out by it")
			}
		},
	},
	{
		Code: "KC167", Title: "a monitor or rule that no Prometheus takes", Severity: Warning, Kinds: []string{"ServiceMonitor", "PodMonitor", "PrometheusRule", "Probe"},
		Doc: "A Prometheus takes monitors and rules by their labels, in its own namespace where no other is selected. The set has a Prometheus, and none of it takes " +
			"this one.",
		Wrong:  documents(edited(alertExample, "metadata: {name: web}", "metadata: {name: web, labels: {release: other}}"), prometheusExample),
		Right:  documents(edited(alertExample, "metadata: {name: web}", "metadata: {name: web, labels: {release: ours}}"), prometheusExample),
		object: checkTaken,
	},
	{
		Code: "KC123", Title: "a webhook whose Service or port is not there", Severity: Error,
		Kinds: []string{"ValidatingWebhookConfiguration", "MutatingWebhookConfiguration", "CustomResourceDefinition", "APIService"},
		Doc: "The API server cannot ask the webhook, and with failurePolicy Fail, the default, refuses all objects it is for. The same holds for the webhook that " +
			"converts the objects of a definition, and for the Service behind an APIService.",
		Wrong:  documents(edited(webhookExample, "port: 80", "port: 8443"), edited(webExample, "metadata: {name: web}", "metadata: {name: web, namespace: shop}"), edited(serviceExample, "{name: web, labels", "{name: web, namespace: shop, labels")),
		Right:  documents(webhookExample, edited(webExample, "metadata: {name: web}", "metadata: {name: web, namespace: shop}"), edited(serviceExample, "{name: web, labels", "{name: web, namespace: shop, labels")),
		object: checkWebhooks,
	},
}

func (o *object) service() *corev1.Service {
	service, _ := o.typed.(*corev1.Service)
	return service
}

// scaledKinds are the kinds that an autoscaler scales.
var scaledKinds = []string{"Deployment", "StatefulSet", "ReplicaSet", "ReplicationController"}

func isHeadless(o *object) bool { return o.service().Spec.ClusterIP == corev1.ClusterIPNone }

func isMeshPort(number int32) bool { return number >= 15000 && number <= 15090 }

// nobody is what is known where a selector matches nothing.
func (s *index) nobody(namespace string) lookup {
	if isSystemNamespace(namespace) || s.options.assumes("Pod", namespace, "*") {
		return external
	}
	if s.operated[namespace] {
		// Controllers may make the pods.
		return external
	}
	return missing
}

// nobodyBut is nobody for what selects pods that may come from elsewhere: in a namespace without pods nothing is known,
// unless another namespace of the set has just these.
func (s *index) nobodyBut(namespace string, wanted map[string]string) lookup {
	if state := s.nobody(namespace); state != missing || len(s.workloads[namespace]) > 0 {
		return state
	}
	for _, other := range s.namespacesWith(wanted) {
		if len(wanted) > 0 && len(s.selectSet(other, wanted).workloads) > 0 {
			return missing
		}
	}
	return external
}

// hasOtherEndpoints reports whether something else than a pod can be behind a Service.
func (s *index) hasOtherEndpoints(o *object, service *corev1.Service) bool {
	if service.Spec.Type == corev1.ServiceTypeExternalName || isGatewaySelector(service.Spec.Selector) || s.made[key{"Service", o.namespace, o.name}] {
		return true
	}
	if s.elects(o.namespace, service.Spec.Selector) {
		return true
	}
	wanted := labels.SelectorFromValidatedSet(service.Spec.Selector)
	return slices.ContainsFunc(s.machines[o.namespace], func(has labels.Set) bool { return wanted.Matches(has) })
}

// closest names pods that have all labels but one, for a message.
func (s *index) closest(namespace string, wanted map[string]string) string {
	all := s.workloads[namespace]
	for _, w := range all[:min(len(all), 200)] {
		agree, other := 0, ""
		for name, value := range wanted {
			if has, ok := w.labels[name]; ok && has == value {
				agree++
			} else if ok {
				other = name + "=" + has
			}
		}
		if agree == len(wanted)-1 && other != "" {
			return "; " + w.String() + " has " + other
		}
	}
	return ""
}

// mentioned reports whether one of the pods behind a Service has a number in its arguments, variables or configuration.
func (c *checker) mentioned(o *object, number int32) bool {
	workloads := c.selectSet(o.namespace, o.service().Spec.Selector).workloads
	return slices.ContainsFunc(workloads[:min(len(workloads), 5)], func(w *workload) bool { return c.mentions(w, number) })
}

// mentions reports whether pods have a number in their arguments, variables or configuration.
func (c *checker) mentions(w *workload, number int32) bool {
	text := strconv.Itoa(int(number))
	for _, container := range w.containers() {
		words := slices.Concat(container.Command, container.Args)
		for _, env := range container.Env {
			words = append(words, env.Value)
		}
		if slices.ContainsFunc(words, func(word string) bool { return hasNumber(word, text) }) {
			return true
		}
	}
	for _, use := range w.dataUses("ConfigMap") {
		config, _ := c.find("ConfigMap", w.namespace, use.name)
		if config == nil {
			continue
		}
		if typed, ok := config.typed.(*corev1.ConfigMap); ok {
			for _, value := range typed.Data {
				if hasNumber(value, text) {
					return true
				}
			}
		}
	}
	return false
}

// hasNumber reports whether a text has a number that is no part of another one.
func hasNumber(text, number string) bool {
	isDigit := func(at int) bool { return at >= 0 && at < len(text) && text[at] >= '0' && text[at] <= '9' }
	for start := 0; ; {
		found := strings.Index(text[start:], number)
		if found < 0 {
			return false
		}
		start += found
		if !isDigit(start-1) && !isDigit(start+len(number)) {
			return true
		}
		start++
	}
}

// targetPorts calls look for each port of a Service that selects pods of the set.
func (c *checker) targetPorts(o *object, look func(i int, port corev1.ServicePort, has *ports)) {
	service := o.service()
	if service == nil || len(service.Spec.Selector) == 0 || service.Spec.Type == corev1.ServiceTypeExternalName {
		return
	}
	selected := c.selectSet(o.namespace, service.Spec.Selector)
	if len(selected.workloads) == 0 || selected.ports.partial {
		return
	}
	for i, port := range service.Spec.Ports {
		look(i, port, selected.ports)
	}
}

// selects reports a selector of pods that matches none.
func (c *checker) selects(o *object, field string, selector *metav1.LabelSelector, message string) {
	if selector == nil || len(selector.MatchLabels)+len(selector.MatchExpressions) == 0 {
		return
	}
	selected, err := c.selectPods(o.namespace, selector)
	if err != nil || len(selected.workloads) > 0 || isGatewaySelector(selector.MatchLabels) {
		return
	}
	c.missing(o, field, c.nobodyBut(o.namespace, selector.MatchLabels), message+": no pod in "+in(o.namespace)+" matches "+metav1.FormatLabelSelector(selector)+
		c.closest(o.namespace, selector.MatchLabels), "select labels that the pods have")
}

// hasLabels reports whether each of the labels is used by pods of a namespace, with any value.
func (s *index) hasLabels(namespace string, wanted map[string]string) bool {
	for name := range wanted {
		if !s.labelNames[namespace+"\x00"+name] {
			return false
		}
	}
	return true
}

// ownSelector is the selector of a workload, or nil.
func (o *object) ownSelector() *metav1.LabelSelector {
	switch typed := o.typed.(type) {
	case *appsv1.Deployment:
		return typed.Spec.Selector
	case *appsv1.StatefulSet:
		return typed.Spec.Selector
	case *appsv1.DaemonSet:
		return typed.Spec.Selector
	case *appsv1.ReplicaSet:
		return typed.Spec.Selector
	}
	return nil
}

func (o *object) scaleTarget() (kind, name string) {
	switch typed := o.typed.(type) {
	case *autoscalingv2.HorizontalPodAutoscaler:
		return typed.Spec.ScaleTargetRef.Kind, typed.Spec.ScaleTargetRef.Name
	case *autoscalingv1.HorizontalPodAutoscaler:
		return typed.Spec.ScaleTargetRef.Kind, typed.Spec.ScaleTargetRef.Name
	}
	return "", ""
}

// selectServices returns the Services that a selector matches. known is false where it cannot be asked.
func (s *index) selectServices(namespace string, selector metav1.LabelSelector) (services []*object, known bool) {
	wanted, err := metav1.LabelSelectorAsSelector(&selector)
	if err != nil || wanted.Empty() || len(selector.MatchLabels) == 0 {
		return nil, false
	}
	var candidates []*object
	first := true
	for name, value := range selector.MatchLabels {
		if with := s.servicesByLabel[namespace+"\x00"+name+"="+value]; first || len(with) < len(candidates) {
			candidates, first = with, false
		}
	}
	for _, candidate := range candidates {
		if wanted.Matches(labels.Set(candidate.labels)) {
			services = append(services, candidate)
		}
	}
	return services, true
}

// elsewhereSelected reports whether a selector matches Services of any namespace.
func (s *index) elsewhereSelected(selector metav1.LabelSelector) bool {
	for namespace := range s.serves {
		if services, _ := s.selectServices(namespace, selector); len(services) > 0 {
			return true
		}
	}
	return false
}

// monitored are the namespaces that a monitor looks into. known is false where it looks into all.
func (o *object) monitored(selector monitoringv1.NamespaceSelector) (namespaces []string, known bool) {
	if selector.Any {
		return nil, false
	}
	if len(selector.MatchNames) > 0 {
		return selector.MatchNames, true
	}
	return []string{o.namespace}, true
}

func checkServiceMonitor(c *checker, o *object) {
	monitor, ok := o.typed.(*monitoringv1.ServiceMonitor)
	if !ok {
		return
	}
	namespaces, known := o.monitored(monitor.Spec.NamespaceSelector)
	if !known {
		return
	}
	var services []*object
	state := missing
	for _, namespace := range namespaces {
		some, known := c.selectServices(namespace, monitor.Spec.Selector)
		if !known {
			return
		}
		services = append(services, some...)
		if !c.namespaces[namespace] || isSystemNamespace(namespace) || len(c.foreign[namespace]) > 0 || !c.serves[namespace] && !c.elsewhereSelected(monitor.Spec.Selector) {
			state = external
		}
	}
	if len(services) == 0 {
		where := in(namespaces[0])
		if len(namespaces) > 1 {
			where = "namespaces " + strings.Join(namespaces, ", ")
		}
		c.missing(o, "spec.selector", state, "nothing is scraped: no Service in "+where+" has the labels "+
			metav1.FormatLabelSelector(&monitor.Spec.Selector), "select labels of the Service itself, not of its pods")
		return
	}
	for i, endpoint := range monitor.Spec.Endpoints {
		if endpoint.Port == "" {
			continue
		}
		has, names := false, []string{}
		for _, service := range services[:min(len(services), 100)] {
			if typed := service.service(); typed != nil {
				for _, port := range typed.Spec.Ports {
					has = has || port.Name == endpoint.Port
					names = append(names, port.Name)
				}
			}
		}
		if !has {
			c.report(o, at("spec.endpoints[%d].port", i), "nothing is scraped: "+services[0].String()+" has no port named "+endpoint.Port,
				"use the name of a port of the Service: "+listOf(names))
		}
	}
}

func checkPodMonitor(c *checker, o *object) {
	monitor, ok := o.typed.(*monitoringv1.PodMonitor)
	if !ok {
		return
	}
	namespaces, known := o.monitored(monitor.Spec.NamespaceSelector)
	if !known || len(namespaces) != 1 {
		return
	}
	selector := monitor.Spec.Selector
	if len(selector.MatchLabels)+len(selector.MatchExpressions) == 0 {
		return
	}
	selected, err := c.selectPods(namespaces[0], &selector)
	if err != nil {
		return
	}
	if len(selected.workloads) == 0 {
		state := c.nobodyBut(namespaces[0], selector.MatchLabels)
		if !c.namespaces[namespaces[0]] {
			state = external
		}
		c.missing(o, "spec.selector", state, "nothing is scraped: no pod in "+in(namespaces[0])+" matches "+metav1.FormatLabelSelector(&selector)+
			c.closest(namespaces[0], selector.MatchLabels), "select labels that the pods have")
		return
	}
	for i, endpoint := range monitor.Spec.PodMetricsEndpoints {
		if selected.ports.partial || endpoint.Port == nil || *endpoint.Port == "" || len(selected.ports.byName[*endpoint.Port]) > 0 || strings.HasSuffix(*endpoint.Port, "envoy-prom") {
			continue
		}
		c.report(o, at("spec.podMetricsEndpoints[%d].port", i), "nothing is scraped: the pods have no port named "+*endpoint.Port,
			"use the name of a port of the pods: "+listOf(selected.ports.names))
	}
}

func checkWebhooks(c *checker, o *object) {
	ask := func(field, namespace, name string, number *int32) {
		port := int32(443)
		if number != nil {
			port = *number
		}
		service, state := c.find("Service", namespace, name)
		if state != found {
			c.missing(o, field+".name", state, "the webhook cannot be asked: "+in(namespace)+" has no Service "+name+c.elsewhere("Service", namespace, name),
				"name the Service of the webhook")
			return
		}
		if service != nil && service.service() != nil && !hasPort(service.service(), port) {
			c.report(o, field+".port", at("the webhook cannot be asked: %s has no port %d", service, port), "use a port of the Service")
		}
	}
	webhook := func(i int, client admissionregistrationv1.WebhookClientConfig) {
		if client.Service != nil {
			ask(at("webhooks[%d].clientConfig.service", i), client.Service.Namespace, client.Service.Name, client.Service.Port)
		}
	}
	switch typed := o.typed.(type) {
	case *admissionregistrationv1.ValidatingWebhookConfiguration:
		for i, each := range typed.Webhooks {
			webhook(i, each.ClientConfig)
		}
	case *admissionregistrationv1.MutatingWebhookConfiguration:
		for i, each := range typed.Webhooks {
			webhook(i, each.ClientConfig)
		}
	case *apiextensionsv1.CustomResourceDefinition:
		if conversion := typed.Spec.Conversion; conversion != nil && conversion.Webhook != nil && conversion.Webhook.ClientConfig != nil {
			if service := conversion.Webhook.ClientConfig.Service; service != nil {
				ask("spec.conversion.webhook.clientConfig.service", service.Namespace, service.Name, service.Port)
			}
		}
	default:
		if api := spec[apiService](o); o.kind == "APIService" && api != nil && api.Service != nil {
			ask("spec.service", api.Service.Namespace, api.Service.Name, api.Service.Port)
		}
	}
}

// apiService is what is read of an APIService.
type apiService struct {
	Service *struct {
		Namespace string `json:"namespace"`
		Name      string `json:"name"`
		Port      *int32 `json:"port"`
	} `json:"service"`
}

func hasPort(service *corev1.Service, number int32) bool {
	return slices.ContainsFunc(service.Spec.Ports, func(port corev1.ServicePort) bool { return port.Port == number })
}

func checkNetworkPorts(c *checker, o *object) {
	policy, ok := o.typed.(*networkingv1.NetworkPolicy)
	if !ok {
		return
	}
	selected, err := c.selectPods(o.namespace, &policy.Spec.PodSelector)
	if err != nil || !selected.ports.complete || selected.ports.partial || len(selected.workloads) > maxAsked {
		return
	}
	protocolOf := func(port networkingv1.NetworkPolicyPort) corev1.Protocol {
		if port.Protocol == nil {
			return corev1.ProtocolTCP
		}
		return *port.Protocol
	}
	leads := func(port networkingv1.NetworkPolicyPort) bool {
		if port.Port == nil || port.EndPort != nil {
			return true
		}
		if name := port.Port.StrVal; name != "" {
			return len(selected.ports.byName[name]) > 0
		}
		number := port.Port.IntVal
		return selected.ports.numbers[portKey(protocolOf(port), number)] || isMeshPort(number) ||
			slices.ContainsFunc(selected.workloads, func(w *workload) bool { return c.mentions(w, number) })
	}
	for i, rule := range policy.Spec.Ingress {
		severity := Error
		if slices.ContainsFunc(rule.Ports, leads) {
			// Callers are let in at another port: this one may be for what is not always on.
			severity = Warning
		}
		for j, port := range rule.Ports {
			field := at("spec.ingress[%d].ports[%d].port", i, j)
			switch {
			case leads(port):
			case port.Port.StrVal != "":
				c.reportAs(severity, o, field, "nobody is let in: no pod has a port named "+port.Port.StrVal, "use one of the pods' ports: "+listOf(selected.ports.names))
			default:
				c.reportAs(severity, o, field, "nobody is let in: the pods do not declare port "+portKey(protocolOf(port), port.Port.IntVal), "use the port of the pods, not that of the Service")
			}
		}
	}
}

// checkTaken asks all Prometheus of the set whether they take a monitor or rule.
func checkTaken(c *checker, o *object) {
	all := slices.Concat(c.byKind["Prometheus"], c.byKind["PrometheusAgent"])
	if o.group != monitoring.GroupName || len(all) == 0 {
		return
	}
	for _, prometheus := range all[:min(len(all), maxAsked)] {
		var own, namespaces *metav1.LabelSelector
		switch typed := prometheus.typed.(type) {
		case *monitoringv1.Prometheus:
			switch o.kind {
			case "ServiceMonitor":
				own, namespaces = typed.Spec.ServiceMonitorSelector, typed.Spec.ServiceMonitorNamespaceSelector
			case "PodMonitor":
				own, namespaces = typed.Spec.PodMonitorSelector, typed.Spec.PodMonitorNamespaceSelector
			case "Probe":
				own, namespaces = typed.Spec.ProbeSelector, typed.Spec.ProbeNamespaceSelector
			default:
				own, namespaces = typed.Spec.RuleSelector, typed.Spec.RuleNamespaceSelector
			}
		default:
			return
		}
		if takes(own, o.labels) && c.takesNamespace(prometheus.namespace, namespaces, o.namespace) {
			return
		}
	}
	c.report(o, "metadata.labels", "nobody reads it: "+all[0].String()+" in "+in(all[0].namespace)+" does not take its labels or namespace", "add the labels that it selects")
}

// takes reports whether a selector is there and matches.
func takes(selector *metav1.LabelSelector, has map[string]string) bool {
	wanted, err := metav1.LabelSelectorAsSelector(selector)
	return err != nil || wanted.Matches(labels.Set(has))
}

func (c *checker) takesNamespace(own string, selector *metav1.LabelSelector, namespace string) bool {
	if selector == nil {
		return own == namespace
	}
	o, _ := c.find("Namespace", "", namespace)
	return o == nil || takes(selector, labels.Merge(o.labels, labels.Set{"kubernetes.io/metadata.name": o.name}))
}
