package main

import (
	"time"

	"github.com/cdk8s-team/cdk8s-core-go/cdk8s/v2"

	"github.com/crossoverJie/k8s-combat/imports/tree"
	"github.com/crossoverJie/k8s-combat/infra"
	"github.com/crossoverJie/k8s-combat/infra/pod"
)

const namespace = "shop"

// The ports of the shop and of its database.
const httpPort, sqlPort = 8080, 5432

// newPlatform fills the app: one chart for the namespace, which is applied first, and one for what is in it.
func newPlatform(app cdk8s.App) {
	newNamespace(tree.NewChart(app, "namespace", tree.ChartProps{}))
	shop := tree.NewChart(app, "shop", tree.ChartProps{Namespace: namespace, Labels: map[string]string{"app.kubernetes.io/part-of": "shop"}})
	database := newDatabase(shop)
	web := newWeb(shop, database)
	thumbnails := newThumbnails(shop)
	janitor := newJanitor(shop)
	newPolicies(shop, web, database, thumbnails, janitor)
}

// newNamespace makes the namespace, with a quota, and with requests for the containers that name none.
func newNamespace(chart cdk8s.Chart) {
	infra.NewNamespace(chart, "namespace", infra.NamespaceProps{
		Name: namespace,
		Quota: infra.Quota{
			Requests: pod.ResourceList{CPU: "4", Memory: "8Gi"},
			Storage:  "100Gi",
			Count:    map[string]int64{"pods": 40, "services.loadbalancers": 0},
		},
		Limits: infra.ContainerLimits{DefaultRequests: pod.ResourceList{CPU: "20m", Memory: "32Mi"}},
	})
}

// newDatabase makes the database: a pod that keeps its name and its storage, prepared before it starts.
func newDatabase(chart cdk8s.Chart) *infra.StatefulSet {
	settings := infra.NewConfig(chart, "database-settings", infra.ConfigProps{
		Name: "database", Data: map[string]string{"database.conf": "max_connections = 200\n"},
	})
	const image = "example.com/database:17.2"
	return infra.NewStatefulSet(chart, "database", infra.StatefulSetProps{
		Name: "database",
		Pod: pod.Props{
			Image:     image,
			Args:      []string{"--config=/etc/database/database.conf"},
			Ports:     []pod.Port{{Name: "sql", Port: sqlPort}},
			Files:     []pod.File{{Path: "/etc/database/database.conf", From: settings.Key("database.conf")}},
			Scratch:   []string{"/tmp", "/run/database"},
			Resources: pod.Resources{Requests: pod.ResourceList{CPU: "500m", Memory: "1Gi"}},
			Probes:    pod.Probes{Readiness: pod.Probe{Handler: pod.Exec("sh", "-c", "test $(database-status) = ready")}},
			Shutdown:  pod.Shutdown{Drain: new(time.Minute)},
			Init: []pod.Container{{
				Name: "upgrade", Image: image, Command: []string{"database-upgrade", "/var/lib/database"},
				Mounts: []pod.Mount{{Path: "/var/lib/database", Volume: pod.ClaimTemplate("data")}},
			}},
		},
		Claims: []infra.ClaimTemplate{{Name: "data", ClaimOptions: pod.ClaimOptions{Storage: "20Gi"}, Path: "/var/lib/database"}},
	})
}

// newWeb makes the shop: a service with a sidecar and storage, reached from outside of the cluster.
func newWeb(chart cdk8s.Chart, database *infra.StatefulSet) *infra.WebService {
	password := infra.NewCredentials(chart, "database-password", infra.CredentialsProps{Name: "database-password", Existing: true, Keys: []string{"password"}})
	uploads := infra.NewPersistentVolumeClaim(chart, "uploads", infra.PersistentVolumeClaimProps{
		Name: "uploads", ClaimOptions: pod.ClaimOptions{Storage: "50Gi", AccessModes: []pod.AccessMode{pod.ReadWriteMany}},
	})
	logs := pod.EmptyDir("logs", pod.EmptyDirOptions{SizeLimit: "64Mi"})
	web := infra.NewWebService(chart, "web", infra.WebServiceProps{
		Name:  "web",
		Ports: []infra.ServicePort{{Name: "http", Port: 80, TargetPort: httpPort}},
		Workload: infra.ProbedDeploymentProps{
			Image: "example.com/shop/web:1.4",
			Env: []pod.EnvVar{
				{Name: "POD_NAME", ValueFrom: pod.FieldRef("metadata.name")},
				{Name: "DATABASE_PASSWORD", ValueFrom: password.Key("password")},
				{Name: "DATABASE", Value: "postgres://shop:$(DATABASE_PASSWORD)@" + database.Service().Host() + "/shop"},
			},
			Scratch: []string{"/tmp"},
			Mounts: []pod.Mount{
				{Path: "/srv/uploads", Volume: pod.Claim(uploads)},
				{Path: "/var/log/web", Volume: logs, SubPathExpr: "$(POD_NAME)"},
			},
			Resources: pod.Resources{Requests: pod.ResourceList{CPU: "100m", Memory: "128Mi"}},
			Probes:    pod.Probes{Readiness: pod.Probe{Handler: pod.HTTPGet("/readyz", httpPort), Period: 5 * time.Second}},
			Shutdown:  pod.Shutdown{PreStop: 5 * time.Second},
			Sidecars: []pod.Container{{
				Name: "log-shipper", Image: "example.com/log-shipper:3",
				Mounts:    []pod.Mount{{Path: "/var/log/web", Volume: logs, ReadOnly: true}},
				Resources: pod.Resources{Requests: pod.ResourceList{CPU: "20m", Memory: "32Mi"}},
			}},
			Autoscaling:      infra.Autoscaling{MinReplicas: 2, MaxReplicas: 6},
			DisruptionBudget: infra.DisruptionBudget{MaxUnavailable: infra.Pods(1)},
			TopologySpread:   []pod.TopologySpread{{TopologyKey: "topology.kubernetes.io/zone"}},
		},
	})
	infra.NewHostRouting(chart, "routing", infra.HostRoutingProps{
		Name:  "shop",
		Hosts: []infra.Host{{Name: "shop.example.com", Paths: []infra.Path{{Path: "/", Backend: web.Backend("http")}}}},
	})
	return web
}

// newThumbnails makes pods that any number of may be lost at any time.
func newThumbnails(chart cdk8s.Chart) *Pool {
	return NewPool(chart, "thumbnails", PoolProps{
		Size: 3,
		Pod:  pod.Props{Name: "thumbnails", Image: "example.com/shop/thumbnails:1.4", Scratch: []string{"/tmp"}, PriorityClassName: "idle"},
	})
}

// newJanitor deletes Jobs that have ended, every night, and may do nothing else.
func newJanitor(chart cdk8s.Chart) *infra.CronJob {
	account := infra.NewServiceAccount(chart, "janitor-account", infra.ServiceAccountProps{
		Name: "janitor", Allow: []infra.Permission{infra.Allow([]string{"list", "delete"}, "jobs.batch")},
	})
	return infra.NewCronJob(chart, "janitor", infra.CronJobProps{
		Name:     "janitor",
		Schedule: "30 3 * * *",
		TimeZone: "Asia/Shanghai",
		JobSpec: infra.JobSpec{
			Pod: pod.Props{
				Image: "example.com/janitor:2", ServiceAccount: account, Security: pod.Security{MountServiceAccountToken: true},
			},
			Deadline: 10 * time.Minute,
		},
	})
}

// newPolicies cuts off everything in the namespace but what is named.
func newPolicies(chart cdk8s.Chart, web *infra.WebService, database *infra.StatefulSet, thumbnails *Pool, janitor *infra.CronJob) {
	infra.NewNetworkPolicy(chart, "policy-default", infra.NetworkPolicyProps{Name: "default", WholeNamespace: true})
	infra.NewNetworkPolicy(chart, "policy-web", infra.NetworkPolicyProps{
		Name:      "web",
		Workload:  web.Deployment(),
		AllowFrom: []infra.Peer{{Namespace: "ingress", Ports: []pod.Port{{Port: httpPort}}}, {Labels: thumbnails.Selector(), Ports: []pod.Port{{Port: httpPort}}}},
		AllowTo:   []infra.Peer{{Workload: database, Ports: []pod.Port{{Port: sqlPort}}}},
	})
	infra.NewNetworkPolicy(chart, "policy-database", infra.NetworkPolicyProps{
		Name:      "database",
		Workload:  database,
		AllowFrom: []infra.Peer{{Workload: web.Deployment(), Ports: []pod.Port{{Port: sqlPort}}}},
	})
	infra.NewNetworkPolicy(chart, "policy-thumbnails", infra.NetworkPolicyProps{
		Name:     "thumbnails",
		Selector: thumbnails.Selector(),
		AllowTo:  []infra.Peer{{Workload: web.Deployment(), Ports: []pod.Port{{Port: httpPort}}}},
	})
	infra.NewNetworkPolicy(chart, "policy-janitor", infra.NetworkPolicyProps{
		Name:     "janitor",
		Workload: janitor,
		// The API server.
		AllowTo: []infra.Peer{{Anywhere: true, Ports: []pod.Port{{Port: 443}, {Port: 6443}}}},
	})
}
