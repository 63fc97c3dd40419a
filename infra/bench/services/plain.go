package main

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"

	"github.com/cdk8s-team/cdk8s-core-go/cdk8s/v2"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/crossoverJie/k8s-combat/imports/k8s"
)

// addPlainServices adds the same objects without constructs, and so without what these check.
func addPlainServices(chart cdk8s.Chart, count int) {
	for i := range count {
		name := fmt.Sprintf("service-%d", i)
		labels := map[string]string{"app": name}
		config := map[string]string{"LEVEL": "info"}
		k8s.NewConfigMap(chart, name+"-config", &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: name}, Data: config})
		k8s.NewDeployment(chart, name+"-deployment", plainDeployment(name, labels, config))
		k8s.NewService(chart, name+"-service", &corev1.Service{
			ObjectMeta: metav1.ObjectMeta{Name: name},
			Spec: corev1.ServiceSpec{
				Type:     corev1.ServiceTypeClusterIP,
				Selector: labels,
				Ports: []corev1.ServicePort{
					{Name: "http", Port: 80, TargetPort: intstr.FromInt32(8080)},
					{Name: "grpc", Port: 50051, TargetPort: intstr.FromInt32(50051)},
				},
			},
		})
	}
}

func plainDeployment(name string, labels, config map[string]string) *appsv1.Deployment {
	digest := sha256.New()
	for key, value := range config {
		_, _ = fmt.Fprintf(digest, "ConfigMap %s\n%q\n%q\n", name, key, value)
	}
	const user = 65532
	return &appsv1.Deployment{
		ObjectMeta: metav1.ObjectMeta{Name: name, Labels: labels},
		Spec: appsv1.DeploymentSpec{
			Replicas: new(int32(1)),
			Selector: &metav1.LabelSelector{MatchLabels: labels},
			Template: corev1.PodTemplateSpec{
				ObjectMeta: metav1.ObjectMeta{
					Labels:      labels,
					Annotations: map[string]string{"checksum/config": hex.EncodeToString(digest.Sum(nil))},
				},
				Spec: corev1.PodSpec{
					AutomountServiceAccountToken: new(false),
					EnableServiceLinks:           new(false),
					SecurityContext: &corev1.PodSecurityContext{
						RunAsNonRoot:   new(true),
						RunAsUser:      new(int64(user)),
						RunAsGroup:     new(int64(user)),
						FSGroup:        new(int64(user)),
						SeccompProfile: &corev1.SeccompProfile{Type: corev1.SeccompProfileTypeRuntimeDefault},
					},
					Containers: []corev1.Container{{
						Name:    name,
						Image:   "example.com/service:1",
						EnvFrom: []corev1.EnvFromSource{{ConfigMapRef: &corev1.ConfigMapEnvSource{LocalObjectReference: corev1.LocalObjectReference{Name: name}}}},
						Ports:   []corev1.ContainerPort{{Name: "http", ContainerPort: 8080}, {Name: "grpc", ContainerPort: 50051}},
						ReadinessProbe: &corev1.Probe{ProbeHandler: corev1.ProbeHandler{
							HTTPGet: &corev1.HTTPGetAction{Path: "/readyz", Port: intstr.FromInt32(8080), Scheme: corev1.URISchemeHTTP},
						}},
						SecurityContext: &corev1.SecurityContext{
							AllowPrivilegeEscalation: new(false),
							ReadOnlyRootFilesystem:   new(true),
							Capabilities:             &corev1.Capabilities{Drop: []corev1.Capability{"ALL"}},
						},
					}},
				},
			},
		},
	}
}
