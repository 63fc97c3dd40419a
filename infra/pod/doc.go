// Package pod describes pods: their containers and volumes, probes and resources, environment and
// files, where they run and how they end. All workloads of package infra are made of it, and so can
// be a construct of anybody's:
//
//	type Queue struct{ constructs.Construct }
//
//	func NewQueue(scope constructs.Construct, id string) *Queue {
//		q := &Queue{}
//		tree.New(q, scope, id)
//		template := pod.NewTemplate(q, map[string]string{"app": "queue"}, pod.Props{
//			Name:    "queue",
//			Image:   "example.com/queue:2.1",
//			Scratch: []string{"/tmp"},
//			Probes:  pod.Probes{Readiness: pod.Probe{Handler: pod.TCPSocket(5672)}},
//		})
//		k8s.NewReplicaSet(q, "Resource", &appsv1.ReplicaSet{ ... Template: template ... })
//		return q
//	}
//
// Every container meets the Pod Security Standard "restricted" and has a read-only root filesystem
// unless its Security says otherwise.
package pod
