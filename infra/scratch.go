package infra

import corev1 "k8s.io/api/core/v1"

// scratch makes an empty volume for each name, and mounts them at the paths: what a process has to write where its root
// filesystem is read-only, and what may be lost with the pod.
func scratch(paths map[string]string) ([]corev1.Volume, []corev1.VolumeMount) {
	var volumes []corev1.Volume
	var mounts []corev1.VolumeMount
	for _, name := range sortedKeys(paths) {
		volumes = append(volumes, corev1.Volume{Name: name, VolumeSource: corev1.VolumeSource{EmptyDir: &corev1.EmptyDirVolumeSource{}}})
		mounts = append(mounts, corev1.VolumeMount{Name: name, MountPath: paths[name]})
	}
	return volumes, mounts
}
