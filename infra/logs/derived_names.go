package logs

import (
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/validation"
)

// longestChecksum is how long the key of a digest may be: a prefix, of which only the rest is
// bounded by the length of a label.
const longestChecksum = len("checksum/") + validation.DNS1123LabelMaxLength

// cut shortens a name to so many characters.
func cut(name string, longest int) string {
	return strings.TrimRight(name[:min(len(name), longest)], "-")
}

// derived makes the name of a volume of another name, which may be as long as a volume's itself.
func derived(name, suffix string) string {
	return cut(name, validation.DNS1123LabelMaxLength-len(suffix)) + suffix
}

// freeName cuts a name to so many characters, and puts a number after it where it is taken.
func freeName(base string, longest int, isTaken func(string) bool) string {
	name := cut(base, longest)
	for n := 2; isTaken(name); n++ {
		number := fmt.Sprintf("-%d", n)
		name = cut(base, longest-len(number)) + number
	}
	return name
}

// addVolumes adds volumes that a container mounts to a pod, under names that the pod's own volumes
// do not have.
func addVolumes(spec *corev1.PodSpec, volumes []corev1.Volume, container *corev1.Container) {
	renamed := map[string]string{}
	for _, volume := range volumes {
		name := freeName(volume.Name, validation.DNS1123LabelMaxLength, func(name string) bool {
			return slices.ContainsFunc(spec.Volumes,
				func(other corev1.Volume) bool { return other.Name == name })
		})
		renamed[volume.Name] = name
		volume.Name = name
		spec.Volumes = append(spec.Volumes, volume)
	}
	for i := range container.VolumeMounts {
		container.VolumeMounts[i].Name = renamed[container.VolumeMounts[i].Name]
	}
}
