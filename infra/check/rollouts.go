package check

import (
	"slices"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	autoscalingv1 "k8s.io/api/autoscaling/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
)

var claimingExample = documents(edited(volumeExample, "configMap: {name: settings}", "persistentVolumeClaim: {claimName: data}",
	"replicas: 2", "replicas: 1\n  strategy: {type: Recreate}"), claimExample)

var rolloutRules = []Rule{
	{
		Code: "KC401", Title: "a disruption budget that lets no pod go", Severity: Warning, Kinds: []string{"PodDisruptionBudget"},
		Doc: "A node cannot be drained where the budget allows no pod less than there are: the drain waits until somebody deletes the pod. " +
			"Of a budget for pods whose number an autoscaler sets, the smallest number counts.",
		Wrong:  documents(webExample, edited(budgetExample, "minAvailable: 1", "minAvailable: 2")),
		Right:  documents(webExample, budgetExample),
		object: checkBudget,
	},
	{
		Code: "KC402", Title: "a rolling update that takes all pods at once", Severity: Warning, Kinds: []string{"Deployment"},
		Doc:   "maxUnavailable as large as the number of replicas lets the update end all pods before one of the new is ready.",
		Wrong: edited(webExample, "  replicas: 2\n", "  replicas: 2\n  strategy: {rollingUpdate: {maxUnavailable: 2}}\n"),
		Right: edited(webExample, "  replicas: 2\n", "  replicas: 2\n  strategy: {rollingUpdate: {maxUnavailable: 1}}\n"),
		object: func(c *checker, o *object) {
			d, ok := o.typed.(*appsv1.Deployment)
			if !ok || d.Spec.Strategy.RollingUpdate == nil || d.Spec.Strategy.RollingUpdate.MaxUnavailable == nil {
				return
			}
			replicas, known := c.replicas(o)
			if surge := d.Spec.Strategy.RollingUpdate.MaxSurge; replicas == 1 && surge != nil && (surge.String() == "0" || surge.String() == "0%") {
				// The one pod is to end before the next begins, as one with a volume of one node must.
				return
			}
			gone, err := intstr.GetScaledValueFromIntOrPercent(d.Spec.Strategy.RollingUpdate.MaxUnavailable, int(replicas), false)
			if err == nil && known && replicas > 0 && gone >= int(replicas) {
				c.report(o, "spec.strategy.rollingUpdate.maxUnavailable", at("each rollout is an outage: it may end %d of %d pods at once", gone, replicas), "use 0, or a number below that of the replicas")
			}
		},
	},
	{
		Code: "KC403", Title: "replicas that an autoscaler sets, too", Severity: Warning, Kinds: []string{"Deployment", "StatefulSet"},
		Doc:   "Each time the manifest is applied, the number of pods jumps to replicas, and the autoscaler needs minutes to bring it back.",
		Wrong: documents(edited(scaledExample, "spec:\n  selector", "spec:\n  replicas: 2\n  selector"), scalerExample),
		Right: documents(scaledExample, scalerExample),
		object: func(c *checker, o *object) {
			if scaler := c.scalerOf(o); scaler != nil && hasField(o, "spec", "replicas") {
				c.report(o, "spec.replicas", "each apply undoes what "+scaler.String()+" has scaled", "leave replicas out")
			}
		},
	},
	{
		Code: "KC404", Title: "an autoscaler by utilization without requests", Severity: Error, Kinds: []string{"HorizontalPodAutoscaler"},
		Doc:    "Utilization is a part of what the containers request. Where one requests nothing, the autoscaler knows no number and does not scale.",
		Wrong:  documents(edited(scaledExample, "          resources: {requests: {cpu: 100m}}\n", ""), scalerExample),
		Right:  documents(scaledExample, scalerExample),
		object: checkUtilization,
	},
	{
		Code: "KC405", Title: "an autoscaler with a minimum above its maximum", Severity: Error, Kinds: []string{"HorizontalPodAutoscaler"},
		Doc:   "The API server refuses it.",
		Wrong: documents(scaledExample, edited(scalerExample, "minReplicas: 2", "minReplicas: 9")),
		Right: documents(scaledExample, scalerExample),
		object: func(c *checker, o *object) {
			least, most, ok := scalerBounds(o)
			if ok && most < max(least, 1) {
				c.report(o, "spec.maxReplicas", at("it is refused: maxReplicas, %d, is below minReplicas, %d", most, least), "raise maxReplicas")
			}
		},
	},
	{
		Code: "KC406", Title: "a disruption budget with both of its numbers", Severity: Error, Kinds: []string{"PodDisruptionBudget"},
		Doc:   "A budget says minAvailable or maxUnavailable. The API server refuses one with both; one with neither allows no eviction.",
		Wrong: documents(webExample, edited(budgetExample, "minAvailable: 1", "minAvailable: 1\n  maxUnavailable: 1")),
		Right: documents(webExample, budgetExample),
		object: func(c *checker, o *object) {
			b, ok := o.typed.(*policyv1.PodDisruptionBudget)
			switch {
			case !ok:
			case b.Spec.MinAvailable != nil && b.Spec.MaxUnavailable != nil:
				c.report(o, "spec.maxUnavailable", "it is refused: minAvailable and maxUnavailable stand beside each other", "leave out one of them")
			case b.Spec.MinAvailable == nil && b.Spec.MaxUnavailable == nil:
				c.report(o, "spec", "it says nothing: neither minAvailable nor maxUnavailable is set", "set one of them")
			}
		},
	},
	{
		Code: "KC407", Title: "a claim of one node for pods that overlap", Severity: Warning, Kinds: []string{"Deployment"},
		Doc: "A volume that is ReadWriteOnce is attached to one node. Pods on other nodes, those of a rolling update too, wait for it " +
			"and do not start.",
		Wrong:  edited(claimingExample, "  strategy: {type: Recreate}\n", ""),
		Right:  claimingExample,
		object: checkSharedClaims,
	},
	{
		Code: "KC409", Title: "two autoscalers of one workload", Severity: Error,
		Doc:   "Two HorizontalPodAutoscalers of one workload scale it back and forth.",
		Wrong: documents(scaledExample, scalerExample, edited(scalerExample, "metadata: {name: web}", "metadata: {name: web-2}")),
		Right: documents(scaledExample, scalerExample),
		set: func(c *checker) {
			seen := map[key]*object{}
			for _, o := range c.byKind["HorizontalPodAutoscaler"] {
				kind, name := o.scaleTarget()
				target := key{kind, o.namespace, name}
				if first := seen[target]; first != nil && first.name != o.name && name != "" {
					c.report(o, "spec.scaleTargetRef", "the number of pods goes back and forth: "+first.String()+" scales "+kind+" "+name+", too", "use one autoscaler with all metrics")
					continue
				}
				seen[target] = o
			}
		},
	},
	{
		Code: "KC410", Title: "two disruption budgets for one pod", Severity: Error,
		Doc:   "The eviction of a pod for which two budgets are is refused: its node cannot be drained.",
		Wrong: documents(webExample, budgetExample, edited(budgetExample, "metadata: {name: web}", "metadata: {name: web-2}")),
		Right: documents(webExample, budgetExample),
		set: func(c *checker) {
			seen := map[*workload]*object{}
			for _, o := range c.byKind["PodDisruptionBudget"] {
				b, ok := o.typed.(*policyv1.PodDisruptionBudget)
				if !ok || b.Spec.Selector == nil || len(b.Spec.Selector.MatchLabels) == 0 {
					continue
				}
				selected, err := c.selectPods(o.namespace, b.Spec.Selector)
				if err != nil {
					continue
				}
				for _, w := range selected.workloads[:min(len(selected.workloads), 1000)] {
					if first := seen[w]; first != nil && first.name != o.name {
						c.report(o, "spec.selector", "no node with pods of "+w.String()+" can be drained: "+first.String()+" is for them, too", "use one budget for each pod")
						break
					}
					seen[w] = o
				}
			}
		},
	},
	{
		Code: "KC411", Title: "a rolling update that may do nothing", Severity: Error, Kinds: []string{"Deployment"},
		Doc:   "With maxSurge and maxUnavailable of 0 no pod may be added and none taken: the API server refuses it.",
		Wrong: edited(webExample, "  replicas: 2\n", "  replicas: 2\n  strategy: {rollingUpdate: {maxUnavailable: 0, maxSurge: 0}}\n"),
		Right: edited(webExample, "  replicas: 2\n", "  replicas: 2\n  strategy: {rollingUpdate: {maxUnavailable: 0, maxSurge: 1}}\n"),
		object: func(c *checker, o *object) {
			d, ok := o.typed.(*appsv1.Deployment)
			if !ok {
				return
			}
			rolling := d.Spec.Strategy.RollingUpdate
			isZero := func(v *intstr.IntOrString) bool { return v != nil && (v.String() == "0" || v.String() == "0%") }
			if rolling != nil && isZero(rolling.MaxSurge) && isZero(rolling.MaxUnavailable) {
				c.report(o, "spec.strategy.rollingUpdate", "it is refused: maxSurge and maxUnavailable are both 0", "raise one of them")
			}
			if rolling != nil && d.Spec.Strategy.Type == appsv1.RecreateDeploymentStrategyType {
				c.report(o, "spec.strategy.rollingUpdate", "it is refused: the strategy Recreate has no rollingUpdate", "leave rollingUpdate out")
			}
		},
	},
}

func hasField(o *object, path ...string) bool {
	value := any(o.Content)
	for _, step := range path {
		fields, ok := value.(map[string]any)
		if !ok {
			return false
		}
		if value, ok = fields[step]; !ok || value == nil {
			return false
		}
	}
	return true
}

// scalerOf is the autoscaler of a workload, or nil.
func (s *index) scalerOf(o *object) *object {
	return s.scalers[key{o.kind, o.namespace, o.name}]
}

// scalerBounds are the numbers of pods that an autoscaler keeps to.
func scalerBounds(o *object) (least, most int32, ok bool) {
	var set *int32
	switch typed := o.typed.(type) {
	case *autoscalingv2.HorizontalPodAutoscaler:
		set, most = typed.Spec.MinReplicas, typed.Spec.MaxReplicas
	case *autoscalingv1.HorizontalPodAutoscaler:
		set, most = typed.Spec.MinReplicas, typed.Spec.MaxReplicas
	default:
		return 1, 0, false
	}
	if set == nil {
		return 1, most, true
	}
	return *set, most, true
}

// replicas is the smallest number of pods of a workload. known is false where somebody else sets it.
func (s *index) replicas(o *object) (replicas int32, known bool) {
	if scaler := s.scalerOf(o); scaler != nil {
		least, _, _ := scalerBounds(scaler)
		return least, true
	}
	var set *int32
	switch typed := o.typed.(type) {
	case *appsv1.Deployment:
		set = typed.Spec.Replicas
	case *appsv1.StatefulSet:
		set = typed.Spec.Replicas
	default:
		return 0, false
	}
	if set == nil {
		return 1, true
	}
	return *set, true
}

func checkBudget(c *checker, o *object) {
	b, ok := o.typed.(*policyv1.PodDisruptionBudget)
	if !ok || b.Spec.Selector == nil || b.Spec.MinAvailable != nil && b.Spec.MaxUnavailable != nil {
		return
	}
	if gone := b.Spec.MaxUnavailable; gone != nil {
		if text := gone.String(); text == "0" || text == "0%" {
			c.report(o, "spec.maxUnavailable", "no node with these pods can be drained: no pod may go", "use 1 or more")
		}
		return
	}
	least := b.Spec.MinAvailable
	if least == nil {
		return
	}
	if least.Type == intstr.String && least.StrVal == "100%" {
		c.report(o, "spec.minAvailable", "no node with these pods can be drained: no pod may go", "use maxUnavailable: 1")
		return
	}
	selected, err := c.selectPods(o.namespace, b.Spec.Selector)
	if err != nil || len(selected.workloads) == 0 || len(selected.workloads) > 100 {
		return
	}
	total := int32(0)
	for _, w := range selected.workloads {
		replicas, known := c.replicas(w.object)
		if !known {
			return
		}
		total += replicas
	}
	kept, err := intstr.GetScaledValueFromIntOrPercent(least, int(total), true)
	if err == nil && total > 0 && kept >= int(total) {
		c.report(o, "spec.minAvailable", at("no node with these pods can be drained: of %d pods %d must stay", total, kept), "run more pods, or use maxUnavailable: 1")
	}
}

func checkUtilization(c *checker, o *object) {
	kind, name := o.scaleTarget()
	target, _ := c.find(kind, o.namespace, name)
	if target == nil || target.pods == nil || target.pods.partial {
		return
	}
	ask := func(field string, resource corev1.ResourceName, only string) {
		if r := target.pods.spec.Resources; r != nil && !r.Requests.Name(resource, "").IsZero() {
			return
		}
		there := only == "" || slices.ContainsFunc(target.pods.spec.InitContainers, func(container corev1.Container) bool { return container.Name == only }) ||
			strings.HasSuffix(only, "-proxy")
		for _, container := range target.pods.spec.Containers {
			there = there || container.Name == only
			_, requests := container.Resources.Requests[resource]
			_, limits := container.Resources.Limits[resource]
			if !requests && !limits && (only == "" || only == container.Name) {
				c.report(o, field, "nothing is scaled: container "+container.Name+" of "+target.String()+" requests no "+string(resource), "set a request for "+string(resource)+", in each container")
				return
			}
		}
		if !there {
			c.report(o, field, "nothing is scaled: "+target.String()+" has no container "+only, "name one of its containers")
		}
	}
	switch typed := o.typed.(type) {
	case *autoscalingv1.HorizontalPodAutoscaler:
		ask("spec.targetCPUUtilizationPercentage", corev1.ResourceCPU, "")
	case *autoscalingv2.HorizontalPodAutoscaler:
		if len(typed.Spec.Metrics) == 0 {
			// The API server fills in 80 % of cpu.
			ask("spec.metrics", corev1.ResourceCPU, "")
		}
		for i, metric := range typed.Spec.Metrics {
			switch {
			case metric.Resource != nil && metric.Resource.Target.Type == autoscalingv2.UtilizationMetricType:
				ask(at("spec.metrics[%d]", i), metric.Resource.Name, "")
			case metric.ContainerResource != nil && metric.ContainerResource.Target.Type == autoscalingv2.UtilizationMetricType:
				ask(at("spec.metrics[%d]", i), metric.ContainerResource.Name, metric.ContainerResource.Container)
			}
		}
	}
}

func checkSharedClaims(c *checker, o *object) {
	d, ok := o.typed.(*appsv1.Deployment)
	if !ok {
		return
	}
	replicas, _ := c.replicas(o)
	recreate := d.Spec.Strategy.Type == appsv1.RecreateDeploymentStrategyType
	for i, volume := range d.Spec.Template.Spec.Volumes {
		if volume.PersistentVolumeClaim == nil || volume.PersistentVolumeClaim.ReadOnly {
			continue
		}
		claim, _ := c.find("PersistentVolumeClaim", o.namespace, volume.PersistentVolumeClaim.ClaimName)
		if claim == nil {
			continue
		}
		typed, ok := claim.typed.(*corev1.PersistentVolumeClaim)
		if !ok || len(typed.Spec.AccessModes) != 1 || !strings.HasPrefix(string(typed.Spec.AccessModes[0]), "ReadWriteOnce") {
			continue
		}
		rolling := d.Spec.Strategy.RollingUpdate
		noSurge := rolling != nil && rolling.MaxSurge != nil && (rolling.MaxSurge.String() == "0" || rolling.MaxSurge.String() == "0%")
		field := at("spec.template.spec.volumes[%d].persistentVolumeClaim.claimName", i)
		switch {
		case replicas > 1:
			c.report(o, field, at("pods on a second node do not start: %s is %s, and there are %d replicas", claim, typed.Spec.AccessModes[0], replicas), "use one replica, a StatefulSet with volumeClaimTemplates, or ReadWriteMany")
		case replicas == 1 && !recreate && !noSurge:
			c.report(o, field, at("a rollout stands still where the new pod lands on another node: %s is %s", claim, typed.Spec.AccessModes[0]), "use the strategy Recreate")
		}
	}
}

var orderRules = []Rule{
	{
		Code: "KC003", Title: "one object twice", Severity: Error,
		Doc:   "Two objects of one kind, name and namespace: kubectl apply writes the first, and then the second over it.",
		Wrong: documents(configExample, edited(configExample, "MODE: fast", "MODE: slow")),
		Right: configExample,
		set: func(c *checker) {
			seen := map[string]*object{}
			for _, o := range c.objects {
				if o.name == "" || strings.HasSuffix(o.name, "*") {
					continue
				}
				id := strings.Join([]string{o.group, o.kind, o.namespace, o.name}, "\x00")
				if first := seen[id]; first != nil {
					c.report(o, "metadata.name", "it overwrites the one at "+placeOr(first)+", or is overwritten by it", "give each its own name, or take one away")
					continue
				}
				seen[id] = o
			}
		},
	},
	{
		Code: "KC420", Title: "a namespace after what is in it", Severity: Error,
		Doc:   "kubectl creates objects in the order of the file: those before their namespace are refused.",
		Wrong: documents(shopPod, restrictedNamespace),
		Right: documents(restrictedNamespace, shopPod),
		set: func(c *checker) {
			first := map[string]*object{}
			for _, o := range c.objects {
				if o.written != "" && !isClusterKind(o) && first[o.written] == nil {
					first[o.written] = o
				}
			}
			for _, o := range c.byKind["Namespace"] {
				if early := first[o.name]; early != nil && isBefore(early, o) {
					c.report(o, "metadata.name", "the first apply fails: "+early.String()+" stands before its namespace", "put the namespace first")
				}
			}
		},
	},
	{
		Code: "KC421", Title: "a definition after its objects", Severity: Error,
		Doc:   "kubectl creates objects in the order of the file: those before the CustomResourceDefinition of their kind are refused.",
		Wrong: documents("apiVersion: example.com/v1\nkind: Shop\nmetadata: {name: ours}\n", definitionExample),
		Right: documents(definitionExample, "apiVersion: example.com/v1\nkind: Shop\nmetadata: {name: ours}\n"),
		set: func(c *checker) {
			first := map[string]*object{}
			for _, o := range c.objects {
				if id := o.group + "\x00" + o.kind; first[id] == nil {
					first[id] = o
				}
			}
			for _, o := range c.byKind["CustomResourceDefinition"] {
				spec, _ := o.Content["spec"].(map[string]any)
				names, _ := spec["names"].(map[string]any)
				group, _ := spec["group"].(string)
				kind, _ := names["kind"].(string)
				if early := first[group+"\x00"+kind]; early != nil && isBefore(early, o) {
					c.report(o, "metadata.name", "the first apply fails: "+early.String()+" stands before its definition", "put the definition first")
				}
			}
		},
	},
	{
		Code: "KC430", Title: "a route before its subset", Severity: Warning, Kinds: []string{"VirtualService"},
		Doc: "kubectl applies objects in the order of the file. Requests are answered 503 from when the route to a subset is there until its DestinationRule " +
			"is there and known to all proxies.",
		Wrong: documents(webExample, serviceExample, virtualServiceExample, destinationRuleExample),
		Right: meshExample,
		object: func(c *checker, o *object) {
			told := map[*object]bool{}
			c.eachDestination(o, func(field string, d *destination) {
				if d.Subset == "" {
					return
				}
				rules := c.mesh.byHost[c.domain.fullHost(d.Host, o.namespace)]
				if rules == nil {
					return
				}
				var late *object
				for _, rule := range rules.rules {
					if !slices.ContainsFunc(c.mesh.rules[rule].Subsets, func(s subset) bool { return s.Name == d.Subset }) {
						continue
					}
					if !isBefore(o, rule) {
						return
					}
					late = rule
				}
				if late != nil && !told[late] {
					told[late] = true
					c.report(o, field+".subset", "the first apply answers 503 for a while: "+late.String()+" with the subset stands behind it", "put the DestinationRule before the VirtualService")
				}
			})
		},
	},
}

const definitionExample = `apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: shops.example.com}
spec:
  group: example.com
  scope: Namespaced
  names: {plural: shops, singular: shop, kind: Shop}
  versions: [{name: v1, served: true, storage: true, schema: {openAPIV3Schema: {type: object}}}]
`

// isBefore reports whether an object stands before another one in the same file or chart, and so is applied before it.
func isBefore(early, late *object) bool {
	return early.order < late.order && early.Place.File == late.Place.File && chartOf(early) == chartOf(late)
}

// chartOf is the first part of a construct's path.
func chartOf(o *object) string {
	chart, _, _ := strings.Cut(o.Place.Construct, "/")
	return chart
}

func placeOr(o *object) string {
	if place := o.Place.String(); place != "" {
		return place
	}
	return at("number %d of the set", o.order)
}
