package infra_test

import (
	"time"

	appsv1 "k8s.io/api/apps/v1"

	"github.com/crossoverJie/k8s-combat/imports/tree"
	"github.com/crossoverJie/k8s-combat/imports/tree/native"
	"github.com/crossoverJie/k8s-combat/infra"
	"github.com/crossoverJie/k8s-combat/infra/internal/synthtest"
	"github.com/crossoverJie/k8s-combat/infra/pod"
)

// A worker that no Service stands before, with a sidecar and storage that outlives its pods.
func ExampleProbedDeployment() {
	app := native.NewApp(nil)
	chart := tree.NewChart(app, "shop", tree.ChartProps{})
	spool := infra.NewPersistentVolumeClaim(chart, "spool", infra.PersistentVolumeClaimProps{
		Name: "mail-spool", ClaimOptions: pod.ClaimOptions{Storage: "1Gi"},
	})
	infra.NewProbedDeployment(chart, "mail", infra.ProbedDeploymentProps{
		Name:    "mail",
		Image:   "example.com/shop/mail:1.4",
		Scratch: []string{"/tmp"},
		Mounts:  []pod.Mount{{Path: "/var/spool/mail", Volume: pod.Claim(spool)}},
		Env: []pod.EnvVar{
			{Name: "POD_IP", ValueFrom: pod.FieldRef("status.podIP")},
			{Name: "RELAY", Value: "smtp://$(POD_IP):2525"},
		},
		Sidecars: []pod.Container{{Name: "relay", Image: "example.com/shop/relay:2", Ports: []pod.Port{{Name: "smtp", Port: 2525}}}},
		// The storage can be used from one node at a time.
		Rollout: infra.Rollout{Recreate: true},
	})
	synthtest.PrintNames(app)
	// Output:
	// PersistentVolumeClaim mail-spool
	// Deployment mail
}

// Two pods that keep their names and their storage, with the headless Service by which they are found.
func ExampleStatefulSet() {
	app := native.NewApp(nil)
	chart := tree.NewChart(app, "shop", tree.ChartProps{})
	infra.NewStatefulSet(chart, "database", infra.StatefulSetProps{
		Name:     "database",
		Replicas: new(int32(2)),
		Pod: pod.Props{
			Image:  "example.com/shop/database:17",
			Ports:  []pod.Port{{Name: "sql", Port: 5432}},
			Probes: pod.Probes{Readiness: pod.Probe{Handler: pod.TCPSocket(5432)}},
		},
		Claims: []infra.ClaimTemplate{{Name: "data", ClaimOptions: pod.ClaimOptions{Storage: "10Gi"}, Path: "/var/lib/database"}},
	})
	synthtest.PrintKinds(app, "Service")
	// Output:
	// apiVersion: v1
	// kind: Service
	// metadata:
	//   name: database
	// spec:
	//   clusterIP: None
	//   ports:
	//     - name: sql
	//       port: 5432
	//       targetPort: 5432
	//   selector:
	//     app: database
	//   type: ClusterIP
}

// An agent on every node, those of the control plane too.
func ExampleDaemonSet() {
	app := native.NewApp(nil)
	chart := tree.NewChart(app, "shop", tree.ChartProps{})
	infra.NewDaemonSet(chart, "agent", infra.DaemonSetProps{
		Name: "agent",
		Pod: pod.Props{
			Image:       "example.com/shop/agent:3",
			Tolerations: []pod.Toleration{{Key: "node-role.kubernetes.io/control-plane", Effect: pod.NoSchedule}},
		},
		MaxUnavailable: infra.Percent(10),
	})
	synthtest.PrintNames(app)
	// Output:
	// DaemonSet agent
}

// A migration that may be tried twice, and is gone an hour after it has ended.
func ExampleJob() {
	app := native.NewApp(nil)
	chart := tree.NewChart(app, "shop", tree.ChartProps{})
	infra.NewJob(chart, "migrate", infra.JobProps{
		Name: "migrate-1-4",
		JobSpec: infra.JobSpec{
			Pod:              pod.Props{Image: "example.com/shop/web:1.4", Command: []string{"/web", "migrate"}},
			BackoffLimit:     new(int32(1)),
			TTLAfterFinished: new(time.Hour),
		},
	})
	synthtest.PrintNames(app)
	// Output:
	// Job migrate-1-4
}

// A report at half past three in the morning of Shanghai, which is given up after two hours.
func ExampleCronJob() {
	app := native.NewApp(nil)
	chart := tree.NewChart(app, "shop", tree.ChartProps{})
	infra.NewCronJob(chart, "report", infra.CronJobProps{
		Name:     "report",
		Schedule: "30 3 * * *",
		TimeZone: "Asia/Shanghai",
		JobSpec:  infra.JobSpec{Pod: pod.Props{Image: "example.com/shop/report:1"}, Deadline: 2 * time.Hour},
	})
	synthtest.PrintNames(app)
	// Output:
	// CronJob report
}

// Who pods are for the API server, and what they may do there. The token is mounted where it is asked for.
func ExampleServiceAccount() {
	app := native.NewApp(nil)
	chart := tree.NewChart(app, "shop", tree.ChartProps{Namespace: "shop"})
	account := infra.NewServiceAccount(chart, "account", infra.ServiceAccountProps{
		Name:  "scaler",
		Allow: []infra.Permission{infra.Allow(infra.Read(), "pods"), infra.Allow([]string{"patch"}, "deployments.apps/scale")},
	})
	infra.NewProbedDeployment(chart, "scaler", infra.ProbedDeploymentProps{
		Name:           "scaler",
		Image:          "example.com/shop/scaler:1",
		ServiceAccount: account,
		Security:       pod.Security{MountServiceAccountToken: true},
	})
	synthtest.PrintKinds(app, "Role", "RoleBinding")
	// Output:
	// apiVersion: rbac.authorization.k8s.io/v1
	// kind: Role
	// metadata:
	//   name: scaler
	//   namespace: shop
	// rules:
	//   - apiGroups:
	//       - ""
	//     resources:
	//       - pods
	//     verbs:
	//       - get
	//       - list
	//       - watch
	//   - apiGroups:
	//       - apps
	//     resources:
	//       - deployments/scale
	//     verbs:
	//       - patch
	// ---
	// apiVersion: rbac.authorization.k8s.io/v1
	// kind: RoleBinding
	// metadata:
	//   name: scaler
	//   namespace: shop
	// roleRef:
	//   apiGroup: rbac.authorization.k8s.io
	//   kind: Role
	//   name: scaler
	// subjects:
	//   - kind: ServiceAccount
	//     name: scaler
	//     namespace: shop
}

// A database that the web pods alone may connect to, and that connects to nobody but the cluster's DNS.
func ExampleNetworkPolicy() {
	app := native.NewApp(nil)
	chart := tree.NewChart(app, "shop", tree.ChartProps{})
	web := infra.NewProbedDeployment(chart, "web", infra.ProbedDeploymentProps{Name: "web", Image: "example.com/shop/web:1.4"})
	database := infra.NewStatefulSet(chart, "database", infra.StatefulSetProps{Name: "database", Pod: pod.Props{Image: "example.com/shop/database:17"}})
	infra.NewNetworkPolicy(chart, "policy", infra.NetworkPolicyProps{
		Name:      "database",
		Workload:  database,
		AllowFrom: []infra.Peer{{Workload: web, Ports: []pod.Port{{Port: 5432}}}},
	})
	synthtest.PrintKinds(app, "NetworkPolicy")
	// Output:
	// apiVersion: networking.k8s.io/v1
	// kind: NetworkPolicy
	// metadata:
	//   name: database
	// spec:
	//   egress:
	//     - ports:
	//         - port: 53
	//           protocol: UDP
	//         - port: 53
	//           protocol: TCP
	//       to:
	//         - namespaceSelector:
	//             matchLabels:
	//               kubernetes.io/metadata.name: kube-system
	//           podSelector:
	//             matchLabels:
	//               k8s-app: kube-dns
	//   ingress:
	//     - from:
	//         - podSelector:
	//             matchLabels:
	//               app: web
	//       ports:
	//         - port: 5432
	//   podSelector:
	//     matchLabels:
	//       app: database
	//   policyTypes:
	//     - Ingress
	//     - Egress
}

// A namespace whose pods have to be safe, and may not take more than their share.
func ExampleNamespace() {
	app := native.NewApp(nil)
	chart := tree.NewChart(app, "shop", tree.ChartProps{})
	infra.NewNamespace(chart, "namespace", infra.NamespaceProps{
		Name:   "shop",
		Quota:  infra.Quota{Requests: pod.ResourceList{CPU: "4", Memory: "8Gi"}, Count: map[string]int64{"pods": 20}},
		Limits: infra.ContainerLimits{DefaultRequests: pod.ResourceList{CPU: "50m", Memory: "64Mi"}},
	})
	synthtest.PrintKinds(app, "Namespace", "ResourceQuota")
	// Output:
	// apiVersion: v1
	// kind: Namespace
	// metadata:
	//   labels:
	//     pod-security.kubernetes.io/enforce: restricted
	//     pod-security.kubernetes.io/warn: restricted
	//   name: shop
	// ---
	// apiVersion: v1
	// kind: ResourceQuota
	// metadata:
	//   name: shop
	//   namespace: shop
	// spec:
	//   hard:
	//     pods: "20"
	//     requests.cpu: "4"
	//     requests.memory: 8Gi
}

// Storage that outlives the pods that mount it.
func ExamplePersistentVolumeClaim() {
	app := native.NewApp(nil)
	chart := tree.NewChart(app, "shop", tree.ChartProps{})
	infra.NewPersistentVolumeClaim(chart, "uploads", infra.PersistentVolumeClaimProps{
		Name:         "uploads",
		ClaimOptions: pod.ClaimOptions{Storage: "10Gi", AccessModes: []pod.AccessMode{pod.ReadWriteMany}},
	})
	synthtest.PrintKinds(app, "PersistentVolumeClaim")
	// Output:
	// apiVersion: v1
	// kind: PersistentVolumeClaim
	// metadata:
	//   name: uploads
	// spec:
	//   accessModes:
	//     - ReadWriteMany
	//   resources:
	//     requests:
	//       storage: 10Gi
}

// Several hooks on one object, which run one after the other.
func ExamplePatches() {
	app := native.NewApp(nil)
	chart := tree.NewChart(app, "shop", tree.ChartProps{})
	paused := func(d *appsv1.Deployment) { d.Spec.Paused = true }
	infra.NewProbedDeployment(chart, "web", infra.ProbedDeploymentProps{
		Name:  "web",
		Image: "example.com/shop/web:1.4",
		Patch: infra.Patches(paused, func(d *appsv1.Deployment) { d.Annotations = map[string]string{"example.com/paused-by": "team"} }),
	})
	synthtest.PrintNames(app)
	// Output:
	// Deployment web
}
