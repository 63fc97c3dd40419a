package manifest_test

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"
	istioapinetworkingv1alpha3 "istio.io/api/networking/v1alpha3"
	istionetworkingv1 "istio.io/client-go/pkg/apis/networking/v1"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/crossoverJie/k8s-combat/imports/tree/manifest"
)

func BenchmarkEncode(b *testing.B) {
	for name, object := range map[string]any{"Deployment": deployment(), "VirtualService": virtualService()} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := manifest.Encode(object); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkEncodingJSON is the round trip that Encode saves, and the measure for it.
func BenchmarkEncodingJSON(b *testing.B) {
	for name, object := range map[string]any{"Deployment": deployment(), "VirtualService": virtualService()} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				text, err := json.Marshal(object)
				require.NoError(b, err)
				var content map[string]any
				require.NoError(b, json.Unmarshal(text, &content))
			}
		})
	}
}

// deployment is of the size that the tutorial's are.
func deployment() *appsv1.Deployment {
	labels := map[string]string{"app": "k8s-combat", "version": "v1"}
	probe := &corev1.Probe{
		ProbeHandler:  corev1.ProbeHandler{HTTPGet: &corev1.HTTPGetAction{Path: "/readyz", Port: intstr.FromString("http")}},
		PeriodSeconds: 5, FailureThreshold: 3,
	}
	return &appsv1.Deployment{
		ObjectMeta: metav1.ObjectMeta{Name: "k8s-combat", Labels: labels},
		Spec: appsv1.DeploymentSpec{
			Replicas: new(int32(3)),
			Selector: &metav1.LabelSelector{MatchLabels: labels},
			Template: corev1.PodTemplateSpec{
				ObjectMeta: metav1.ObjectMeta{Labels: labels, Annotations: map[string]string{"checksum/config": "0123456789abcdef"}},
				Spec: corev1.PodSpec{
					SecurityContext: &corev1.PodSecurityContext{RunAsNonRoot: new(true), RunAsUser: new(int64(65532))},
					Containers: []corev1.Container{{
						Name:  "k8s-combat",
						Image: "crossoverjie/k8s-combat:v1",
						Ports: []corev1.ContainerPort{{Name: "http", ContainerPort: 8081}, {Name: "grpc", ContainerPort: 50051}},
						Env: []corev1.EnvVar{{Name: "PG_URL", ValueFrom: &corev1.EnvVarSource{
							ConfigMapKeyRef: &corev1.ConfigMapKeySelector{LocalObjectReference: corev1.LocalObjectReference{Name: "config"}, Key: "PG_URL"},
						}}},
						Resources: corev1.ResourceRequirements{
							Requests: corev1.ResourceList{corev1.ResourceCPU: resource.MustParse("100m"), corev1.ResourceMemory: resource.MustParse("32Mi")},
							Limits:   corev1.ResourceList{corev1.ResourceCPU: resource.MustParse("1"), corev1.ResourceMemory: resource.MustParse("64Mi")},
						},
						ReadinessProbe: probe, LivenessProbe: probe,
						SecurityContext: &corev1.SecurityContext{Capabilities: &corev1.Capabilities{Drop: []corev1.Capability{"ALL"}}},
						VolumeMounts:    []corev1.VolumeMount{{Name: "tmp", MountPath: "/tmp"}},
					}},
					Volumes: []corev1.Volume{{Name: "tmp", VolumeSource: corev1.VolumeSource{EmptyDir: &corev1.EmptyDirVolumeSource{}}}},
				},
			},
		},
	}
}

func virtualService() *istionetworkingv1.VirtualService {
	destination := func(subset string, weight int32) *istioapinetworkingv1alpha3.HTTPRouteDestination {
		return &istioapinetworkingv1alpha3.HTTPRouteDestination{
			Destination: &istioapinetworkingv1alpha3.Destination{Host: "k8s-combat-service", Subset: subset}, Weight: weight,
		}
	}
	return &istionetworkingv1.VirtualService{
		ObjectMeta: metav1.ObjectMeta{Name: "k8s-combat"},
		Spec: istioapinetworkingv1alpha3.VirtualService{
			Hosts: []string{"k8s-combat-service"},
			Http: []*istioapinetworkingv1alpha3.HTTPRoute{{
				Match: []*istioapinetworkingv1alpha3.HTTPMatchRequest{{Uri: &istioapinetworkingv1alpha3.StringMatch{
					MatchType: &istioapinetworkingv1alpha3.StringMatch_Exact{Exact: "/helloworld.Greeter/SayHello"},
				}}},
				Route: []*istioapinetworkingv1alpha3.HTTPRouteDestination{destination("v1", 10), destination("v2", 90)},
			}},
		},
	}
}
