package manifest_test

import (
	"fmt"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/yaml"

	"github.com/crossoverJie/k8s-combat/imports/tree/manifest"
)

func ExampleEncode() {
	content, err := manifest.Encode(&appsv1.Deployment{
		Spec: appsv1.DeploymentSpec{
			// Zero, and still said: the pointer says so. Not said: the strategy, the selector, the status.
			Replicas: new(int32(0)),
			Template: corev1.PodTemplateSpec{Spec: corev1.PodSpec{
				Containers: []corev1.Container{{Name: "web"}},
				Volumes:    []corev1.Volume{{Name: "tmp", VolumeSource: corev1.VolumeSource{EmptyDir: &corev1.EmptyDirVolumeSource{}}}},
			}},
		},
	})
	if err != nil {
		panic(err)
	}
	text, err := yaml.Marshal(content)
	if err != nil {
		panic(err)
	}
	fmt.Print(string(text))
	// Output:
	// spec:
	//   replicas: 0
	//   template:
	//     spec:
	//       containers:
	//       - name: web
	//       volumes:
	//       - emptyDir: {}
	//         name: tmp
}
