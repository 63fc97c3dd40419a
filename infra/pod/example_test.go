package pod_test

import (
	"github.com/aws/constructs-go/constructs/v10"
	appsv1 "k8s.io/api/apps/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/crossoverJie/k8s-combat/imports/k8s"
	"github.com/crossoverJie/k8s-combat/imports/tree"
	"github.com/crossoverJie/k8s-combat/imports/tree/native"
	"github.com/crossoverJie/k8s-combat/infra/internal/synthtest"
	"github.com/crossoverJie/k8s-combat/infra/pod"
)

// Replicas is a construct of one's own, whose pods are made as those of package infra are.
type Replicas struct {
	constructs.Construct
	name string
}

// Name returns the name of the ReplicaSet.
func (r *Replicas) Name() string { return r.name }

func NewReplicas(scope constructs.Construct, id string, props pod.Props) *Replicas {
	r := &Replicas{name: props.Name}
	tree.New(r, scope, id)
	selector := map[string]string{"app": props.Name}
	k8s.NewReplicaSet(r, "Resource", &appsv1.ReplicaSet{
		ObjectMeta: metav1.ObjectMeta{Name: props.Name},
		Spec: appsv1.ReplicaSetSpec{
			Selector: &metav1.LabelSelector{MatchLabels: selector},
			Template: pod.NewTemplate(r, selector, props),
		},
	})
	return r
}

// The pods of a construct of one's own.
func ExampleNewTemplate() {
	app := native.NewApp(nil)
	chart := tree.NewChart(app, "shop", tree.ChartProps{})
	NewReplicas(chart, "queue", pod.Props{
		Name:    "queue",
		Image:   "example.com/queue:2.1",
		Scratch: []string{"/tmp"},
		Probes:  pod.Probes{Readiness: pod.Probe{Handler: pod.TCPSocket(5672)}},
		Sidecars: []pod.Container{{
			Name: "metrics", Image: "example.com/exporter:1", Ports: []pod.Port{{Name: "metrics", Port: 9419}},
		}},
	})
	synthtest.PrintKinds(app, "ReplicaSet")
	// Output:
	// apiVersion: apps/v1
	// kind: ReplicaSet
	// metadata:
	//   name: queue
	// spec:
	//   selector:
	//     matchLabels:
	//       app: queue
	//   template:
	//     metadata:
	//       labels:
	//         app: queue
	//     spec:
	//       automountServiceAccountToken: false
	//       containers:
	//         - image: example.com/queue:2.1
	//           name: queue
	//           readinessProbe:
	//             tcpSocket:
	//               port: 5672
	//           securityContext:
	//             allowPrivilegeEscalation: false
	//             capabilities:
	//               drop:
	//                 - ALL
	//             readOnlyRootFilesystem: true
	//           volumeMounts:
	//             - mountPath: /tmp
	//               name: scratch-tmp
	//       enableServiceLinks: false
	//       initContainers:
	//         - image: example.com/exporter:1
	//           name: metrics
	//           ports:
	//             - containerPort: 9419
	//               name: metrics
	//           restartPolicy: Always
	//           securityContext:
	//             allowPrivilegeEscalation: false
	//             capabilities:
	//               drop:
	//                 - ALL
	//             readOnlyRootFilesystem: true
	//       securityContext:
	//         fsGroup: 65532
	//         runAsGroup: 65532
	//         runAsNonRoot: true
	//         runAsUser: 65532
	//         seccompProfile:
	//           type: RuntimeDefault
	//       volumes:
	//         - emptyDir: {}
	//           name: scratch-tmp
}
