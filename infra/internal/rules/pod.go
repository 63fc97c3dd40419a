package rules

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/crossoverJie/k8s-combat/infra/internal/problem"
)

// checkSelector checks that a workload selects the pods that it makes.
func checkSelector(l *problem.List, spec *problem.Path, kind string, selector *metav1.LabelSelector,
	podLabels map[string]string) {
	at := spec.Child("selector")
	taken, err := metav1.LabelSelectorAsSelector(selector)
	switch {
	case err != nil:
		l.Say(at, "is not a selector: "+err.Error())
	case selector == nil || taken.Empty():
		l.Say(at, "leaves no selector; leave the labels in place")
	case !taken.Matches(labels.Set(podLabels)):
		l.Add(at, taken.String(),
			"selects none of the pods that the "+kind+" makes; let the selector match the labels of the pod template")
	}
}

func checkJob(l *problem.List, spec *problem.Path, job batchv1.JobSpec) {
	checkCount(l, spec.Child("completions"), job.Completions)
	checkCount(l, spec.Child("parallelism"), job.Parallelism)
	checkCount(l, spec.Child("backoffLimit"), job.BackoffLimit)
	checkTemplate(l, spec.Child("template"), job.Template, corev1.RestartPolicyOnFailure,
		corev1.RestartPolicyNever)
}

// checkTemplate checks the pods of a workload, which has them restarted in one of these ways.
func checkTemplate(l *problem.List, at *problem.Path, template corev1.PodTemplateSpec,
	restarts ...corev1.RestartPolicy) {
	l.Labels(at.Child("metadata", "labels"), template.Labels)
	l.Annotations(at.Child("metadata", "annotations"), template.Annotations)
	spec := at.Child("spec")
	if policy := template.Spec.RestartPolicy; policy == "" &&
		restarts[0] != corev1.RestartPolicyAlways || policy != "" && !slices.Contains(restarts, policy) {
		l.Add(spec.Child("restartPolicy"), string(policy),
			fmt.Sprintf("is not one of this workload; use %v", restarts))
	}
	if grace := template.Spec.TerminationGracePeriodSeconds; grace != nil && *grace < 0 {
		l.Add(spec.Child("terminationGracePeriodSeconds"), *grace, "is negative; use 0 or more")
	}
	volumes := map[string]bool{}
	var volumeNames problem.Unique
	for i, volume := range template.Spec.Volumes {
		field := spec.Child("volumes").Index(i)
		l.DNSLabel(field.Child("name"), volume.Name)
		volumeNames.Check(l, field.Child("name"), field, volume.Name)
		volumes[volume.Name] = true
	}
	if len(template.Spec.Containers) == 0 {
		l.Missing(spec.Child("containers"), "leave the main container in place")
	}
	var names problem.Unique
	check := func(field *problem.Path, container corev1.Container) {
		l.DNSLabel(field.Child("name"), container.Name)
		if container.Name != "" {
			names.Check(l, field.Child("name"), field, container.Name)
		}
		checkContainer(l, field, container, volumes)
	}
	for i, container := range template.Spec.Containers {
		check(spec.Child("containers").Index(i), container)
	}
	for i, container := range template.Spec.InitContainers {
		check(spec.Child("initContainers").Index(i), container)
	}
}

func checkContainer(l *problem.List, at *problem.Path, container corev1.Container, volumes map[string]bool) {
	l.Image(at.Child("image"), container.Image)
	ports := map[string]bool{}
	var portNames, portNumbers problem.Unique
	for i, port := range container.Ports {
		field := at.Child("ports").Index(i)
		l.Port(field.Child("containerPort"), port.ContainerPort)
		if port.Name != "" {
			portNames.Check(l, field.Child("name"), field, port.Name)
			ports[port.Name] = true
		}
		portNumbers.Check(l, field.Child("containerPort"), field,
			fmt.Sprintf("%d/%s", port.ContainerPort, port.Protocol))
	}
	for i, variable := range container.Env {
		field := at.Child("env").Index(i)
		l.EnvName(field.Child("name"), variable.Name)
		if variable.ValueFrom != nil && variable.Value != "" {
			l.Say(field.Child("value"), "cannot stand beside valueFrom; leave out one of them")
		}
		if from := variable.ValueFrom; from != nil && from.FieldRef != nil {
			checkFieldPath(l, field.Child("valueFrom", "fieldRef", "fieldPath"), from.FieldRef.FieldPath)
		}
	}
	var paths problem.Unique
	for i, mount := range container.VolumeMounts {
		field := at.Child("volumeMounts").Index(i)
		if !volumes[mount.Name] {
			l.Add(field.Child("name"), mount.Name, "is not a volume of the pod; add it to spec.volumes")
		}
		if mount.MountPath == "" {
			l.Missing(field.Child("mountPath"), "say where it is mounted")
			continue
		}
		paths.Check(l, field.Child("mountPath"), field, mount.MountPath)
	}
	for _, probe := range []struct {
		name  string
		probe *corev1.Probe
	}{{"startupProbe", container.StartupProbe}, {"readinessProbe",
		container.ReadinessProbe}, {"livenessProbe", container.LivenessProbe}} {
		if probe.probe != nil {
			checkProbe(l, at.Child(probe.name), probe.probe.ProbeHandler, ports)
		}
	}
	for _, list := range []struct {
		field      string
		quantities corev1.ResourceList
	}{{"requests", container.Resources.Requests}, {"limits", container.Resources.Limits}} {
		for _, name := range slices.Sorted(maps.Keys(list.quantities)) {
			quantity := list.quantities[name]
			field := at.Child("resources", list.field, string(name))
			switch name {
			case corev1.ResourceCPU:
				l.CPU(field, quantity.String(), quantity)
			case corev1.ResourceMemory:
				l.Memory(field, quantity.String(), quantity)
			case corev1.ResourceEphemeralStorage:
				l.Storage(field, quantity.String(), quantity)
			}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(container.Resources.Requests)) {
		request := container.Resources.Requests[name]
		if limit, ok := container.Resources.Limits[name]; ok && request.Cmp(limit) > 0 {
			l.Add(at.Child("resources", "requests", string(name)), request.String(),
				"is more than the limit, "+problem.Show(limit.String())+"; lower it")
		}
	}
}

// The fields that a variable may hold
// (https://kubernetes.io/docs/concepts/workloads/pods/downward-api/).
var fieldPaths = []string{
	"metadata.name", "metadata.namespace", "metadata.uid", "spec.nodeName", "spec.serviceAccountName",
	"status.hostIP", "status.hostIPs", "status.podIP", "status.podIPs",
}

func checkFieldPath(l *problem.List, at *problem.Path, path string) {
	entry := strings.HasPrefix(path, "metadata.labels['") || strings.HasPrefix(path, "metadata.annotations['")
	if !entry && !slices.Contains(fieldPaths, path) {
		l.Add(at, path, "is not a field that a variable can hold; use "+problem.Or(fieldPaths))
	}
}

func checkProbe(l *problem.List, at *problem.Path, handler corev1.ProbeHandler, ports map[string]bool) {
	asked := 0
	checkPort := func(field *problem.Path, port intstr.IntOrString) {
		asked++
		if port.Type == intstr.Int {
			l.Port(field, port.IntVal)
		} else if !ports[port.StrVal] {
			l.Add(field, port.StrVal, "is not the name of a port of the container; add it to ports")
		}
	}
	if handler.HTTPGet != nil {
		checkPort(at.Child("httpGet", "port"), handler.HTTPGet.Port)
	}
	if handler.TCPSocket != nil {
		checkPort(at.Child("tcpSocket", "port"), handler.TCPSocket.Port)
	}
	if handler.GRPC != nil {
		checkPort(at.Child("grpc", "port"), intstr.FromInt32(handler.GRPC.Port))
	}
	if handler.Exec != nil {
		asked++
	}
	if asked != 1 {
		l.Add(at, asked, "questions in one probe; leave exactly one of httpGet, tcpSocket, grpc and exec")
	}
}
