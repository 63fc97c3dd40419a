package infra_test

import (
	"testing"

	"github.com/cdk8s-team/cdk8s-core-go/cdk8s/v2"
	appsv1 "k8s.io/api/apps/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	policyv1 "k8s.io/api/policy/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/crossoverJie/k8s-combat/infra"
	"github.com/crossoverJie/k8s-combat/infra/internal/synthtest"
	"github.com/crossoverJie/k8s-combat/infra/pod"
)

// What a Patch leaves is checked by the rules that the props are checked by.
func TestPatchesAreChecked(t *testing.T) {
	t.Parallel()
	pods := func(patch func(pod *corev1.PodSpec)) func(cdk8s.Chart) {
		return workload(func(p *infra.ProbedDeploymentProps) {
			p.Scratch = []string{"/tmp"}
			p.Patch = func(d *appsv1.Deployment) { patch(&d.Spec.Template.Spec) }
		})
	}
	container := func(patch func(c *corev1.Container)) func(cdk8s.Chart) {
		return pods(func(pod *corev1.PodSpec) { patch(&pod.Containers[0]) })
	}
	ingress := func(patch func(*networkingv1.Ingress)) func(cdk8s.Chart) {
		return routing(func(_ cdk8s.Chart, p *infra.HostRoutingProps) { p.Patch = patch })
	}
	const at = "[chart/web] Patch.spec.template.spec."
	synthtest.BadInput{
		"one volume twice": {pods(func(p *corev1.PodSpec) { p.Volumes = append(p.Volumes, p.Volumes[0], corev1.Volume{}) }), []string{
			at + `volumes[1].name: "scratch-tmp" is already taken by Patch.spec.template.spec.volumes[0]; give each its own`,
			at + `volumes[2].name: is not set; give the object a name, for example "web"`,
		}},
		"a mount without a volume": {pods(func(p *corev1.PodSpec) { p.Volumes = nil }), []string{
			at + `containers[0].volumeMounts[0].name: "scratch-tmp" is not a volume of the pod; add it to spec.volumes`,
		}},
		"mounts": {container(func(c *corev1.Container) {
			c.VolumeMounts = append(c.VolumeMounts, corev1.VolumeMount{Name: "scratch-tmp"}, corev1.VolumeMount{Name: "scratch-tmp", MountPath: "/tmp"})
		}), []string{
			at + `containers[0].volumeMounts[1].mountPath: is not set; say where it is mounted`,
			at + `containers[0].volumeMounts[2].mountPath: "/tmp" is already taken by Patch.spec.template.spec.containers[0].volumeMounts[0]; give each its own`,
		}},
		"containers": {pods(func(p *corev1.PodSpec) {
			p.InitContainers = []corev1.Container{{Name: "web", Image: "A B"}}
			p.RestartPolicy, p.TerminationGracePeriodSeconds = corev1.RestartPolicyNever, new(int64(-1))
		}), []string{
			at + `restartPolicy: "Never" is not one of this workload; use [Always]`,
			at + `terminationGracePeriodSeconds: -1 is negative; use 0 or more`,
			at + `initContainers[0].name: "web" is already taken by Patch.spec.template.spec.containers[0]; give each its own`,
			at + `initContainers[0].image: "A B" is not an image reference; use [REGISTRY/]NAME[:TAG][@DIGEST] in lower case and without spaces, for example "docker.io/library/nginx:1.29"`,
		}},
		"no containers": {pods(func(p *corev1.PodSpec) { p.Containers = nil }), []string{
			at + `containers: is not set; leave the main container in place`,
		}},
		"variables": {container(func(c *corev1.Container) {
			c.Env = []corev1.EnvVar{
				{Name: "1A"}, {Name: "A", ValueFrom: &corev1.EnvVarSource{FieldRef: &corev1.ObjectFieldSelector{FieldPath: "spec.hostname"}}},
				{Name: "B", Value: "x", ValueFrom: &corev1.EnvVarSource{FieldRef: &corev1.ObjectFieldSelector{FieldPath: "metadata.labels['a']"}}},
			}
		}), []string{
			at + `containers[0].env[0].name: "1A" is not the name of an environment variable; use letters, digits, '_', '-' or '.', not beginning with a digit`,
			at + `containers[0].env[1].valueFrom.fieldRef.fieldPath: "spec.hostname" is not a field that a variable can hold; use metadata.name, metadata.namespace, metadata.uid, spec.nodeName, spec.serviceAccountName, status.hostIP, status.hostIPs, status.podIP or status.podIPs`,
			at + `containers[0].env[2].value: cannot stand beside valueFrom; leave out one of them`,
		}},
		"probes": {container(func(c *corev1.Container) {
			c.Ports = []corev1.ContainerPort{{Name: "a", ContainerPort: 0}, {Name: "a", ContainerPort: 1}}
			c.ReadinessProbe = &corev1.Probe{ProbeHandler: corev1.ProbeHandler{HTTPGet: &corev1.HTTPGetAction{Port: intstr.FromString("b")}}}
			c.LivenessProbe = &corev1.Probe{}
		}), []string{
			at + `containers[0].ports[0].containerPort: 0 is not a port; use 1 to 65535`,
			at + `containers[0].ports[1].name: "a" is already taken by Patch.spec.template.spec.containers[0].ports[0]; give each its own`,
			at + `containers[0].readinessProbe.httpGet.port: "b" is not the name of a port of the container; add it to ports`,
			at + `containers[0].livenessProbe: 0 questions in one probe; leave exactly one of httpGet, tcpSocket, grpc and exec`,
		}},
		"metadata": {workload(func(p *infra.ProbedDeploymentProps) {
			p.Patch = func(d *appsv1.Deployment) {
				d.Namespace, d.Labels["a"], d.Spec.Replicas = "A", "b c", new(int32(-1))
				d.Spec.Template.Labels["a b"] = ""
			}
		}), []string{
			`[chart/web] Patch.metadata.labels["a"]: "b c" is not a label value; use at most 63 letters, digits, '-', '_' or '.', beginning and ending with a letter or digit, or nothing`,
			`[chart/web] Patch.metadata.namespace: "A" is not an RFC 1123 label; use 1 to 63 lower-case letters, digits or '-', beginning and ending with a letter or digit`,
			`[chart/web] Patch.spec.replicas: -1 is negative; use 0 or more`,
			`[chart/web] Patch.spec.template.metadata.labels: "a b" is not a label or annotation key; use a name of at most 63 letters, digits, '-', '_' or '.', after an optional DNS prefix and '/'`,
		}},
		"autoscaler": {workload(func(p *infra.ProbedDeploymentProps) {
			p.Resources.Requests.CPU = "1"
			p.Autoscaling = infra.Autoscaling{MaxReplicas: 3, Patch: func(h *autoscalingv2.HorizontalPodAutoscaler) {
				h.Spec.MinReplicas, h.Spec.ScaleTargetRef.Name = new(int32(4)), ""
			}}
		}), []string{
			`[chart/web] Autoscaling.Patch.spec.maxReplicas: 3 is less than minReplicas, or than 1; raise it`,
			`[chart/web] Autoscaling.Patch.spec.scaleTargetRef: is not set; leave the workload in place`,
		}},
		"budget of two kinds": {workload(func(p *infra.ProbedDeploymentProps) {
			p.Replicas = new(int32(3))
			p.DisruptionBudget = infra.DisruptionBudget{MaxUnavailable: infra.Pods(1), Patch: func(b *policyv1.PodDisruptionBudget) { b.Spec.MinAvailable = infra.Pods(1) }}
		}), []string{
			`[chart/web] DisruptionBudget.Patch.spec.minAvailable: "1" cannot stand beside maxUnavailable; leave out one of them`,
		}},
		"budget of no kind": {statefulSet(func(p *infra.StatefulSetProps) {
			p.DisruptionBudget = infra.DisruptionBudget{MaxUnavailable: infra.Pods(1), Patch: func(b *policyv1.PodDisruptionBudget) { b.Spec.MaxUnavailable = nil }}
		}), []string{
			`[chart/db] DisruptionBudget.Patch.spec.minAvailable: is not set; say it, or maxUnavailable`,
		}},
		"ingress": {ingress(func(i *networkingv1.Ingress) {
			i.Spec.Rules[0].Host = "WWW"
			i.Spec.Rules[0].HTTP.Paths[0].PathType = nil
			i.Spec.Rules[0].HTTP.Paths = append(i.Spec.Rules[0].HTTP.Paths, networkingv1.HTTPIngressPath{PathType: new(networkingv1.PathTypePrefix)})
		}), []string{
			`[chart/routing] Patch.spec.rules[0].host: "WWW" is not a host name; use lower-case letters, digits, '-' and '.', the first label may be '*', without scheme, port and path, for example "www.example.com"`,
			`[chart/routing] Patch.spec.rules[0].http.paths[0].pathType: is not set; use Prefix, Exact or ImplementationSpecific`,
			`[chart/routing] Patch.spec.rules[0].http.paths[1].path: "" does not begin with '/'; use for example "/"`,
			`[chart/routing] Patch.spec.rules[0].http.paths[1].backend.service: is not set; name the Service that answers`,
		}},
		"ingress without rules": {ingress(func(i *networkingv1.Ingress) { i.Spec.Rules = nil }), []string{
			`[chart/routing] Patch.spec.rules: is not set; leave at least one rule, or set defaultBackend`,
		}},
		"ingress to a port of two kinds": {ingress(func(i *networkingv1.Ingress) { i.Spec.Rules[0].HTTP.Paths[0].Backend.Service.Port.Name = "http" }), []string{
			`[chart/routing] Patch.spec.rules[0].http.paths[0].backend.service.port: needs one of name and number; leave exactly one of them`,
		}},
		"service": {func(chart cdk8s.Chart) {
			service(chart, "web", func(s *corev1.Service) {
				s.Spec.Ports = append(s.Spec.Ports, corev1.ServicePort{Port: 80}, corev1.ServicePort{Name: "http", Port: 81, TargetPort: intstr.FromInt32(70000)})
			})
		}, []string{
			`[chart/web] Patch.spec.ports[1].port: "80/TCP" is already taken by Patch.spec.ports[0]; give each its own`,
			`[chart/web] Patch.spec.ports[1].name: is not set; where a Service has more than one port each needs a name`,
			`[chart/web] Patch.spec.ports[2].targetPort: 70000 is not a port; use 1 to 65535`,
			`[chart/web] Patch.spec.ports[2].name: "http" is already taken by Patch.spec.ports[0]; give each its own`,
		}},
		"headless service of a StatefulSet": {statefulSet(func(p *infra.StatefulSetProps) {
			p.PatchService = func(s *corev1.Service) { s.Spec.ClusterIP = "" }
		}), []string{
			`[chart/db/Service] Patch.spec.ports: is not set; leave at least one port`,
		}},
		"claims of a StatefulSet": {statefulSet(func(p *infra.StatefulSetProps) {
			p.Claims = []infra.ClaimTemplate{{Name: "data", ClaimOptions: pod.ClaimOptions{Storage: "1Gi"}, Path: "/data"}}
			p.Patch = func(s *appsv1.StatefulSet) { s.Spec.VolumeClaimTemplates[0].Name = "A" }
		}), []string{
			`[chart/db] Patch.spec.volumeClaimTemplates[0].metadata.name: "A" is not an RFC 1123 label; use 1 to 63 lower-case letters, digits or '-', beginning and ending with a letter or digit`,
			`[chart/db] Patch.spec.template.spec.volumes[0].name: "A" is not an RFC 1123 label; use 1 to 63 lower-case letters, digits or '-', beginning and ending with a letter or digit`,
			`[chart/db] Patch.spec.template.spec.containers[0].volumeMounts[0].name: "data" is not a volume of the pod; add it to spec.volumes`,
		}},
		"network policy": {networkPolicy(func(_ cdk8s.Chart, p *infra.NetworkPolicyProps) {
			p.Patch = func(n *networkingv1.NetworkPolicy) {
				n.Spec.PodSelector.MatchLabels["a"] = "b c"
				n.Spec.Egress[0].To = append(n.Spec.Egress[0].To, networkingv1.NetworkPolicyPeer{})
				n.Spec.Egress[0].To[0].IPBlock = &networkingv1.IPBlock{CIDR: "10.0.0.0/8"}
				n.Spec.Egress[0].Ports[0].Port = new(intstr.FromInt32(0))
			}
		}), []string{
			`[chart/policy] Patch.spec.podSelector.matchLabels["a"]: "b c" is not a label value; use at most 63 letters, digits, '-', '_' or '.', beginning and ending with a letter or digit, or nothing`,
			`[chart/policy] Patch.spec.egress[0].ports[0].port: 0 is not a port; use 1 to 65535`,
			`[chart/policy] Patch.spec.egress[0].to[0]: needs either selectors or an ipBlock; leave exactly one of them`,
			`[chart/policy] Patch.spec.egress[0].to[1]: needs either selectors or an ipBlock; leave exactly one of them`,
		}},
		"keys of a Secret": {func(chart cdk8s.Chart) {
			infra.NewCredentials(chart, "password", infra.CredentialsProps{Name: "password", Values: map[string]infra.Sensitive{"a": "b"}, Patch: func(s *corev1.Secret) {
				s.Data["b c"] = []byte("hunter2")
				s.StringData = map[string]string{"..": "hunter2"}
			}})
		}, []string{
			`[chart/password] Patch.data: "b c" is not a key; use at most 253 letters, digits, '-', '_' or '.', other than "." and ".."`,
			`[chart/password] Patch.stringData: ".." is not a key; use at most 253 letters, digits, '-', '_' or '.', other than "." and ".."`,
		}},
		"keys of a ConfigMap": {func(chart cdk8s.Chart) {
			infra.NewConfig(chart, "settings", infra.ConfigProps{Name: "settings", Data: map[string]string{"a": "b"}, Patch: func(c *corev1.ConfigMap) {
				c.BinaryData = map[string][]byte{"a": nil}
			}})
		}, []string{
			`[chart/settings] Patch.binaryData: "a" is a key of data too; leave out one of them`,
		}},
		"job": {job(func(p *infra.JobProps) {
			p.Patch = func(j *batchv1.Job) {
				j.Spec.Completions, j.Spec.Template.Spec.RestartPolicy = new(int32(-1)), corev1.RestartPolicyAlways
			}
		}), []string{
			`[chart/migrate] Patch.spec.completions: -1 is negative; use 0 or more`,
			`[chart/migrate] Patch.spec.template.spec.restartPolicy: "Always" is not one of this workload; use [OnFailure Never]`,
		}},
		"cron job": {cronJob(func(p *infra.CronJobProps) {
			p.Patch = func(c *batchv1.CronJob) { c.Spec.JobTemplate.Spec.Template.Spec.RestartPolicy = "" }
		}), []string{
			`[chart/report] Patch.spec.jobTemplate.spec.template.spec.restartPolicy: "" is not one of this workload; use [OnFailure Never]`,
		}},
		"daemon set": {daemonSet(func(p *infra.DaemonSetProps) {
			p.Patch = func(d *appsv1.DaemonSet) { d.Spec.Selector.MatchLabels = map[string]string{"a": "b"} }
		}), []string{
			`[chart/agent] Patch.spec.selector: "a=b" selects none of the pods that the DaemonSet makes; let the selector match the labels of the pod template`,
		}},
	}.Run(t)
}
