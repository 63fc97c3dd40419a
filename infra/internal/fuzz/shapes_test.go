package fuzz

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/crossoverJie/k8s-combat/infra"
	"github.com/crossoverJie/k8s-combat/infra/internal/fuzz/fill"
	"github.com/crossoverJie/k8s-combat/infra/logs"
	"github.com/crossoverJie/k8s-combat/infra/pod"
)

// addShapes says what the fields of a struct have to agree on, so that a fair share of what is
// filled is valid.
func (w *world) addShapes() {
	f := w.Filler
	fill.Shape(f, w.config)
	fill.Shape(f, w.shapeCredentials)
	fill.Shape(f, w.deployment)
	fill.Shape(f, w.pod)
	fill.Shape(f, w.container)
	fill.Shape(f, w.job)
	fill.Shape(f, w.cronJob)
	fill.Shape(f, w.statefulSet)
	fill.Shape(f, w.daemonSet)
	fill.Shape(f, w.serviceAccount)
	fill.Shape(f, w.permission)
	fill.Shape(f, w.networkPolicy)
	fill.Shape(f, w.peer)
	fill.Shape(f, w.limits)
	fill.Shape(f, w.claimOptions)
	fill.Shape(f, w.toleration)
	fill.Shape(f, w.nodeRule)
	fill.Shape(f, w.dns)
	fill.Shape(f, w.probe)
	fill.Shape(f, w.probes)
	fill.Shape(f, w.rollout)
	fill.Shape(f, w.shutdown)
	fill.Shape(f, w.resources)
	fill.Shape(f, w.budget)
	fill.Shape(f, w.service)
	fill.Shape(f, w.webService)
	fill.Shape(f, w.routing)
	fill.Shape(f, w.canary)
	fill.Shape(f, w.rule)
	fill.Shape(f, w.trafficPolicy)
	fill.Shape(f, w.gateway)
	fill.Shape(f, w.meshNamespace)
	fill.Shape(f, w.meshSecurity)
	fill.Shape(f, w.condition)
	fill.Shape(f, w.telemetry)
	fill.Shape(f, w.elasticsearch)
	fill.Shape(f, w.kibana)
	fill.Shape(f, w.logCollector)
	fill.Shape(f, w.collector)
	fill.Shape(f, w.scraping)
	fill.Shape(f, w.objectives)
	fill.Shape(f, w.metrics)
	fill.Shape(f, w.dashboard)
}

func (w *world) config(props *infra.ConfigProps) {
	if props.Data == nil {
		props.Data = map[string]string{}
	}
	props.Data[configKey] = "a: b"
}

// credentials are some that have every key that anything asks for.
func (w *world) credentials() *infra.Credentials {
	return fresh[infra.CredentialsProps, *infra.Credentials](w, func(props *infra.CredentialsProps) {
		*props = infra.CredentialsProps{Name: fill.Pick(w.Filler, "users", "keys"), Existing: w.Chance(0.5)}
		all := []string{"elastic", "kibana_server", "kibana_system", "filebeat", "tls.crt", "tls.key",
			"ca.crt", credentialsKey}
		if props.Existing {
			props.Keys = all
			return
		}
		props.Values = map[string]infra.Sensitive{}
		for _, key := range all {
			props.Values[key] = fill.Secret
		}
	})
}

func (w *world) shapeCredentials(props *infra.CredentialsProps) {
	if props.Existing {
		props.Values, props.Labels, props.Annotations, props.Patch = nil, nil, nil, nil
		if len(props.Keys) > 0 {
			props.Keys = append(props.Keys, credentialsKey, "tls.crt", "tls.key")
		}
		return
	}
	if props.Values == nil {
		props.Values = map[string]infra.Sensitive{}
	}
	props.Keys = nil
	for _, key := range []string{credentialsKey, "tls.crt", "tls.key"} {
		props.Values[key] = fill.Secret
	}
}

func (w *world) deployment(props *infra.ProbedDeploymentProps) {
	if props.Selector != nil {
		props.Selector = map[string]string{"app": props.Name}
	}
	if props.Replicas != nil {
		props.Autoscaling = infra.Autoscaling{}
	}
	if props.Autoscaling.MaxReplicas != 0 {
		props.Autoscaling.MaxReplicas = max(props.Autoscaling.MaxReplicas, props.Autoscaling.MinReplicas)
		props.Resources.Requests = pod.ResourceList{CPU: "50m", Memory: "32Mi"}
		props.Sidecars = nil
	} else {
		props.Autoscaling = infra.Autoscaling{}
	}
	if props.Rollout.MinReady > 0 || props.Rollout.ProgressDeadline > 0 {
		props.Rollout.ProgressDeadline = max(props.Rollout.ProgressDeadline, 600*time.Second)
	}
	if props.Patch == nil && w.Chance(0.05) {
		if collector := neighbour[*logs.LogCollector](w, true); collector != nil {
			props.Patch = collector.Attach
		}
	}
	w.tidy(&props.Ports, &props.Env, &props.Files, &props.Mounts, &props.Scratch)
	w.tidyPod(podParts{
		&props.Probes, &props.Shutdown, &props.Init, &props.Sidecars, &props.ServiceAccount, &props.ServiceAccountName,
		&props.ImagePullSecrets, &props.TopologySpread,
	})
}

func (w *world) pod(props *pod.Props) {
	w.tidy(&props.Ports, &props.Env, &props.Files, &props.Mounts, &props.Scratch)
	w.tidyPod(podParts{
		&props.Probes, &props.Shutdown, &props.Init, &props.Sidecars, &props.ServiceAccount, &props.ServiceAccountName,
		&props.ImagePullSecrets, &props.TopologySpread,
	})
}

func (w *world) container(container *pod.Container) {
	w.tidy(&container.Ports, &container.Env, &container.Files, &container.Mounts, &container.Scratch)
	if w.Chance(0.9) {
		container.Mounts, container.Scratch = nil, nil
	}
}

// podParts are what a Deployment and other workloads say of their pods.
type podParts struct {
	probes         *pod.Probes
	shutdown       *pod.Shutdown
	init, sidecars *[]pod.Container
	account        *pod.Account
	accountName    *string
	pullSecrets    *[]pod.KeySource
	topologySpread *[]pod.TopologySpread
}

func (w *world) tidyPod(parts podParts) {
	if parts.probes.Readiness.Period > parts.shutdown.Settle {
		parts.shutdown.Settle = 0
	}
	for kind, containers := range map[string]*[]pod.Container{"init": parts.init, "sidecar": parts.sidecars} {
		for i := range *containers {
			container := &(*containers)[i]
			container.Name = fmt.Sprintf("%s-%d", kind, i)
			// All containers of a pod share its ports.
			container.Ports = nil
			if kind == "init" {
				container.Probes = pod.Probes{}
			}
		}
	}
	if *parts.account != nil {
		*parts.accountName = ""
	}
	if *parts.pullSecrets != nil {
		registry := func(props *infra.CredentialsProps) {
			*props = infra.CredentialsProps{Name: "registry", Existing: true, Type: "kubernetes.io/dockerconfigjson"}
		}
		*parts.pullSecrets = []pod.KeySource{fresh[infra.CredentialsProps, *infra.Credentials](w, registry)}
	}
	keys := map[string]bool{}
	*parts.topologySpread = slices.DeleteFunc(*parts.topologySpread, func(spread pod.TopologySpread) bool {
		repeated := keys[spread.TopologyKey]
		keys[spread.TopologyKey] = true
		return repeated
	})
}

// tidy leaves out what the lists of a container have twice, and puts its files and volumes at paths
// of their own.
func (w *world) tidy(ports *[]pod.Port, env *[]pod.EnvVar, files *[]pod.File, mounts *[]pod.Mount, scratch *[]string) {
	seen := map[string]bool{}
	*ports = slices.DeleteFunc(*ports, func(port pod.Port) bool {
		number, name := strconv.Itoa(int(port.Port)), "name "+port.Name
		repeated := seen[number] || port.Name != "" && seen[name]
		seen[number], seen[name] = true, true
		return repeated
	})
	*env = slices.DeleteFunc(*env, func(variable pod.EnvVar) bool {
		repeated := seen["variable "+variable.Name]
		seen["variable "+variable.Name] = true
		return repeated
	})
	for i := range *env {
		variable := &(*env)[i]
		if w.Chance(0.5) {
			variable.Value = ""
		} else {
			variable.ValueFrom = nil
		}
	}
	for i := range *files {
		if w.Chance(0.9) {
			(*files)[i].Path = fmt.Sprintf("/etc/folder-%d/%s", i, fill.Pick(w.Filler, "app.yaml", "key", "x.conf"))
		}
	}
	for i := range *mounts {
		mount := &(*mounts)[i]
		if w.Chance(0.9) {
			mount.Path = fmt.Sprintf("/mnt/volume-%d", i)
		}
		if w.Chance(0.8) {
			mount.SubPath, mount.SubPathExpr = "", ""
		}
	}
	*mounts = slices.Clip((*mounts)[:min(len(*mounts), 1)])
	*scratch = slices.Compact(*scratch)
}

// podOf gives a workload pods, which its documentation does not ask for in a word.
func (w *world) podOf(props *pod.Props) {
	if props.Image == "" {
		w.Fill(props)
		props.Image = cmp.Or(props.Image, "example.com/web:1")
	}
}

func (w *world) job(spec *infra.JobSpec) {
	w.podOf(&spec.Pod)
	spec.Pod.Probes.Readiness = pod.Probe{}
	spec.Pod.TopologySpread = nil
	if spec.Indexed && spec.Completions == nil {
		spec.Completions = new(int32(2))
	}
}

func (w *world) cronJob(props *infra.CronJobProps) {
	props.Name = props.Name[:min(len(props.Name), 52)]
}

func (w *world) statefulSet(props *infra.StatefulSetProps) {
	w.podOf(&props.Pod)
	if props.Selector != nil {
		props.Selector = map[string]string{"app": props.Name}
	}
	if w.Chance(0.7) {
		props.Ports = nil
	}
	props.Ports = w.servicePorts(props.Ports, false)
	for i := range props.Ports {
		props.Ports[i].TargetPort = 0
		if w.Chance(0.8) {
			props.Pod.Ports = append(props.Pod.Ports, pod.Port{Port: props.Ports[i].Port,
				Protocol: props.Ports[i].Protocol})
		}
	}
	for i := range props.Claims {
		props.Claims[i].Name = fmt.Sprintf("claim-%d", i)
		if props.Claims[i].Path != "" {
			props.Claims[i].Path = fmt.Sprintf("/var/lib/claim-%d", i)
		}
	}
	if props.OnDelete {
		props.Partition, props.MaxUnavailable = 0, nil
	}
}

func (w *world) daemonSet(props *infra.DaemonSetProps) {
	w.podOf(&props.Pod)
	if props.Selector != nil {
		props.Selector = map[string]string{"app": props.Name}
	}
	if props.OnDelete {
		props.MaxSurge, props.MaxUnavailable = nil, nil
	}
	if props.MaxSurge != nil {
		props.MaxUnavailable = nil
	}
}

func (w *world) serviceAccount(props *infra.ServiceAccountProps) {
	if w.Chance(0.8) {
		props.AllowInCluster, props.PatchClusterRole, props.PatchClusterRoleBinding = nil, nil, nil
	}
	if props.ImagePullSecrets != nil {
		props.ImagePullSecrets = nil
	}
}

func (w *world) permission(permission *infra.Permission) {
	if w.Chance(0.8) {
		permission.Names = nil
	}
	permission.Verbs = slices.Compact(slices.Sorted(slices.Values(permission.Verbs)))
	if len(permission.Verbs) > 1 {
		permission.Verbs = slices.DeleteFunc(permission.Verbs, func(verb string) bool { return verb == "*" })
	}
	permission.Resources = slices.Compact(slices.Sorted(slices.Values(permission.Resources)))
}

func (w *world) networkPolicy(props *infra.NetworkPolicyProps) {
	if props.WholeNamespace = w.Chance(0.3); props.WholeNamespace {
		props.Workload = nil
	}
	if props.OpenIngress {
		props.AllowFrom = nil
	}
	if props.OpenEgress {
		props.AllowTo, props.WithoutDNS = nil, false
	}
}

func (w *world) peer(peer *infra.Peer) {
	ports := peer.Ports
	for i := range ports {
		ports[i].Name = ""
	}
	switch w.Rand.IntN(4) {
	case 0:
		*peer = infra.Peer{Workload: w.workload(fill.Place{})}
	case 1:
		*peer = infra.Peer{Labels: map[string]string{"app": "web"}, Namespace: peer.Namespace}
	case 2:
		*peer = infra.Peer{CIDR: "10.0.0.0/8", Except: peer.Except}
	default:
		*peer = infra.Peer{Anywhere: true}
	}
	if w.Chance(0.5) {
		peer.Ports = ports
	}
}

func (w *world) limits(limits *infra.ContainerLimits) {
	less, more := pod.ResourceList{CPU: "50m", Memory: "32Mi"}, pod.ResourceList{CPU: "4", Memory: "8Gi"}
	for list, value := range map[*pod.ResourceList]pod.ResourceList{&limits.Min: less, &limits.Max: more} {
		if *list != (pod.ResourceList{}) {
			*list = value
		}
	}
	if limits.DefaultRequests != (pod.ResourceList{}) {
		limits.DefaultRequests = pod.ResourceList{CPU: "100m", Memory: "64Mi"}
	}
	if limits.DefaultLimits != (pod.ResourceList{}) {
		limits.DefaultLimits = pod.ResourceList{CPU: "1", Memory: "1Gi"}
	}
}

func (w *world) claimOptions(options *pod.ClaimOptions) {
	options.Block = options.Block && w.Chance(0.1)
	options.AccessModes = slices.Compact(slices.Sorted(slices.Values(options.AccessModes)))
	if len(options.AccessModes) > 1 {
		alone := func(mode pod.AccessMode) bool { return mode == pod.ReadWriteOncePod }
		options.AccessModes = slices.DeleteFunc(options.AccessModes, alone)
	}
}

func (w *world) toleration(toleration *pod.Toleration) {
	if toleration.Key == "" {
		toleration.Value = ""
	}
	if toleration.Effect != pod.NoExecute {
		toleration.For = nil
	}
}

func (w *world) nodeRule(rule *pod.NodeRule) {
	if rule.In != nil {
		rule.NotIn = nil
	}
}

func (w *world) dns(dns *pod.DNSConfig) {
	if dns.Policy == pod.NoDNS && dns.Nameservers == nil {
		dns.Nameservers = []string{"10.0.0.10"}
	}
}

func (w *world) probe(probe *pod.Probe) {
	if *probe != (pod.Probe{}) && probe.Handler == (pod.ProbeHandler{}) {
		probe.Handler = pod.HTTPGet("/healthz", 8080)
	}
	probe.SuccessThreshold = min(probe.SuccessThreshold, 1)
}

func (w *world) probes(probes *pod.Probes) {
	probes.Liveness.FailureThreshold = 100 * min(probes.Liveness.FailureThreshold, 1)
}

func (w *world) rollout(rollout *infra.Rollout) {
	if rollout.Recreate {
		rollout.MaxSurge, rollout.MaxUnavailable = nil, nil
	}
}

func (w *world) shutdown(shutdown *pod.Shutdown) {
	if shutdown.TerminationGracePeriod > 0 {
		shutdown.TerminationGracePeriod = 120 * time.Second
	}
}

func (w *world) resources(resources *pod.Resources) {
	less := pod.ResourceList{CPU: "50m", Memory: "32Mi", EphemeralStorage: "10Mi"}
	if resources.Requests != (pod.ResourceList{}) && resources.Limits != (pod.ResourceList{}) {
		resources.Requests = less
	}
}

func (w *world) budget(budget *infra.DisruptionBudget) {
	if w.Chance(0.8) {
		budget.MinAvailable = nil
	}
	if budget.MaxUnavailable == nil && budget.MinAvailable == nil {
		*budget = infra.DisruptionBudget{}
	}
}

func (w *world) servicePorts(ports []infra.ServicePort, nodePorts bool) []infra.ServicePort {
	for i := range ports {
		ports[i].Name = fill.Pick(w.Filler, "http", "grpc", "http-web") + fmt.Sprintf("-%d", i)
		ports[i].Port = int32(8000 + i)
		ports[i].NodePort = 0
		if nodePorts && w.Chance(0.5) {
			ports[i].NodePort = int32(30000 + i)
		}
		if w.Chance(0.8) {
			ports[i].Protocol = pod.TCP
		}
	}
	return ports
}

func (w *world) service(props *infra.ServiceProps) {
	if props.Type == infra.ExternalName {
		props.ExternalName, props.Selector = "db.example.com", nil
	} else {
		props.ExternalName, props.Selector = "", map[string]string{"app": "web"}
	}
	props.Ports = w.servicePorts(props.Ports, props.Type == infra.NodePort || props.Type == infra.LoadBalancer)
}

func (w *world) webService(props *infra.WebServiceProps) {
	props.Ports = w.servicePorts(props.Ports, props.Type == infra.NodePort || props.Type == infra.LoadBalancer)
	props.Workload.Ports = nil
	if w.Chance(0.8) {
		props.Workload.Name = ""
	}
	props.Workload.Selector = nil
	if props.Type == infra.ExternalName {
		props.ExternalName, props.Workload = "db.example.com", infra.ProbedDeploymentProps{}
	} else {
		props.ExternalName, props.Workload.Image = "", cmp.Or(props.Workload.Image, "example.com/web:1")
	}
}

func (w *world) routing(props *infra.HostRoutingProps) {
	for i := range props.Hosts {
		paths := map[string]bool{}
		props.Hosts[i].Paths = slices.DeleteFunc(props.Hosts[i].Paths, func(path infra.Path) bool {
			repeated := paths[path.Path]
			paths[path.Path] = true
			return repeated
		})
	}
	if props.Form == infra.GatewayAPI {
		props.Class, props.Patch = "istio", nil
	} else {
		props.PatchGateway, props.PatchRoute = nil, nil
	}
	if len(props.TLS) > 0 && len(props.Hosts) > 0 {
		props.TLS = []infra.HostTLS{{Hosts: []string{props.Hosts[0].Name}, Certificate: w.credentials()}}
	}
}
