package infra_test

import (
	"testing"

	"github.com/cdk8s-team/cdk8s-core-go/cdk8s/v2"
	"github.com/stretchr/testify/assert"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"

	"github.com/crossoverJie/k8s-combat/infra"
	"github.com/crossoverJie/k8s-combat/infra/internal/synthtest"
	"github.com/crossoverJie/k8s-combat/infra/pod"
)

func TestServiceTypes(t *testing.T) {
	t.Parallel()
	ports := []infra.ServicePort{{Name: "http", Port: 80, TargetPort: 8080}}
	selector := map[string]string{"app": "web"}
	for name, props := range map[string]infra.ServiceProps{
		"cluster-ip":    {Ports: ports, Selector: selector},
		"node-port":     {Type: infra.NodePort, Selector: selector, Ports: []infra.ServicePort{{Port: 80, NodePort: 30080}}},
		"load-balancer": {Type: infra.LoadBalancer, Selector: selector, Ports: ports},
		"headless":      {Type: infra.Headless, Selector: selector, Ports: ports},
		"external-name": {Type: infra.ExternalName, ExternalName: "db.example.com"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synthtest.Golden(t, "service-"+name, func(chart cdk8s.Chart) {
				props.Name = "web"
				infra.NewService(chart, "service", props)
			})
		})
	}
}

func TestServiceHasAnyNumberOfPorts(t *testing.T) {
	t.Parallel()
	synthtest.Golden(t, "service-ports", func(chart cdk8s.Chart) {
		infra.NewService(chart, "service", infra.ServiceProps{
			Name:        "web",
			Selector:    map[string]string{"app": "web"},
			Labels:      map[string]string{"tier": "web"},
			Annotations: map[string]string{"example.com/owner": "team"},
			Ports: []infra.ServicePort{
				{Name: "http", Port: 80, TargetPort: 8080, AppProtocol: "http"},
				{Name: "grpc", Port: 50051, AppProtocol: "grpc"},
				{Name: "dns", Port: 53, Protocol: pod.UDP},
				{Name: "dns-tcp", Port: 53, Protocol: pod.TCP},
			},
			Patch: func(s *corev1.Service) { s.Spec.PublishNotReadyAddresses = true },
		})
	})
}

func TestServiceBadInput(t *testing.T) {
	t.Parallel()
	service := func(change func(*infra.ServiceProps)) func(cdk8s.Chart) {
		return func(chart cdk8s.Chart) {
			props := infra.ServiceProps{Name: "web", Selector: map[string]string{"app": "web"}, Ports: []infra.ServicePort{{Port: 80}}}
			change(&props)
			infra.NewService(chart, "service", props)
		}
	}
	const label = "is not an RFC 1035 label; use 1 to 63 lower-case letters, digits or '-', beginning with a letter and ending with a letter or digit"
	synthtest.BadInput{
		"empty name":       {service(func(p *infra.ServiceProps) { p.Name = "" }), []string{`[chart/service] Name: is not set; give the object a name, for example "web"`}},
		"name with a dot":  {service(func(p *infra.ServiceProps) { p.Name = "a.b" }), []string{`[chart/service] Name: "a.b" ` + label}},
		"name with digits": {service(func(p *infra.ServiceProps) { p.Name = "1web" }), []string{`[chart/service] Name: "1web" ` + label}},
		"type":             {service(func(p *infra.ServiceProps) { p.Type = "clusterip" }), []string{`[chart/service] Type: "clusterip" is not known; use ClusterIP, NodePort, LoadBalancer, ExternalName or Headless`}},
		"nothing": {service(func(p *infra.ServiceProps) { *p = infra.ServiceProps{Name: "web"} }), []string{
			`[chart/service] Selector: is not set; give the labels of the pods, for example a ProbedDeployment's Selector()`,
			`[chart/service] Ports: is not set; give at least one port`,
		}},
		"ports": {service(func(p *infra.ServiceProps) {
			p.Ports = []infra.ServicePort{
				{Name: "a", Port: 0}, {Name: "b", Port: 70000}, {Name: "c", Port: 80}, {Name: "d", Port: 80},
				{Name: "d", Port: 81, TargetPort: -1}, {Port: 82}, {Name: "Upper", Port: 83, Protocol: "HTTP", AppProtocol: "a b"},
			}
		}), []string{
			`[chart/service] Ports[0].Port: 0 is not a port; use 1 to 65535`,
			`[chart/service] Ports[1].Port: 70000 is not a port; use 1 to 65535`,
			`[chart/service] Ports[3].Port: "80/TCP" is already taken by Ports[2]; give each its own`,
			`[chart/service] Ports[4].TargetPort: -1 is not a port; use 1 to 65535`,
			`[chart/service] Ports[4].Name: "d" is already taken by Ports[3]; give each its own`,
			`[chart/service] Ports[5].Name: is not set; where a Service has more than one port each needs a name; name it after its protocol, for example "http" or "grpc"`,
			`[chart/service] Ports[6].Protocol: "HTTP" is not known; use TCP, UDP or SCTP`,
			`[chart/service] Ports[6].Name: "Upper" is not an RFC 1123 label; use 1 to 63 lower-case letters, digits or '-', beginning and ending with a letter or digit`,
			`[chart/service] Ports[6].AppProtocol: "a b" is not an application protocol; use a name such as "http", "grpc" or "kubernetes.io/h2c"`,
		}},
		"node ports": {service(func(p *infra.ServiceProps) {
			p.Type = infra.NodePort
			p.Ports = []infra.ServicePort{{Name: "a", Port: 1, NodePort: 80}, {Name: "b", Port: 2, NodePort: 30000}, {Name: "c", Port: 3, NodePort: 30000}}
		}), []string{
			`[chart/service] Ports[0].NodePort: 80 is outside of Kubernetes' default range; use 30000 to 32767, or Patch where the cluster has another range`,
			`[chart/service] Ports[2].NodePort: "30000/TCP" is already taken by Ports[1]; give each its own`,
		}},
		"node port without a node": {service(func(p *infra.ServiceProps) { p.Ports[0].NodePort = 30000 }), []string{
			`[chart/service] Ports[0].NodePort: 30000 has no meaning for the type ClusterIP; use NodePort or LoadBalancer, or leave it out`,
		}},
		"external name missing": {service(func(p *infra.ServiceProps) { p.Type = infra.ExternalName }), []string{
			`[chart/service] ExternalName: is not set; a Service of the type ExternalName needs a DNS name, for example "db.example.com"`,
			`[chart/service] Selector: map[app:web] has no meaning for the type ExternalName, which has no pods; leave it out`,
		}},
		"external name is an address": {service(func(p *infra.ServiceProps) {
			*p = infra.ServiceProps{Name: "web", Type: infra.ExternalName, ExternalName: "10.0.0.1"}
		}), []string{
			`[chart/service] ExternalName: "10.0.0.1" is not a DNS name; use for example "db.example.com", without scheme, port or address`,
		}},
		"external name of another type": {service(func(p *infra.ServiceProps) { p.ExternalName = "db.example.com" }), []string{
			`[chart/service] ExternalName: "db.example.com" has a meaning for the type ExternalName alone; leave it out, or set Type`,
		}},
	}.Run(t)
}

func webService(change func(*infra.WebServiceProps)) func(cdk8s.Chart) {
	return func(chart cdk8s.Chart) {
		props := infra.WebServiceProps{
			Name:     "web",
			Workload: infra.ProbedDeploymentProps{Image: "example.com/web:1"},
			Ports:    []infra.ServicePort{{Name: "http", Port: 80, TargetPort: 8080}},
		}
		if change != nil {
			change(&props)
		}
		infra.NewWebService(chart, "web", props)
	}
}

func TestWebService(t *testing.T) {
	t.Parallel()
	synthtest.Golden(t, "web-service", webService(func(props *infra.WebServiceProps) {
		props.Ports = append(props.Ports, infra.ServicePort{Name: "a-name-longer-than-15", Port: 50051})
	}))
}

func TestWebServiceExternalName(t *testing.T) {
	t.Parallel()
	build := func(chart cdk8s.Chart) {
		web := infra.NewWebService(chart, "db", infra.WebServiceProps{Name: "db", Type: infra.ExternalName, ExternalName: "db.example.com"})
		assert.Nil(t, web.Deployment())
		assert.Empty(t, web.Deployment().Selector())
	}
	assert.Empty(t, synthtest.Objects[appsv1.Deployment](t, "Deployment", build))
	assert.Equal(t, "db.example.com", synthtest.Only[corev1.Service](t, "Service", build).Spec.ExternalName)
}

func TestWebServiceSelectsItsPodsAndTheirPorts(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*infra.WebServiceProps){
		"default":              nil,
		"workload of own name": func(p *infra.WebServiceProps) { p.Workload.Name = "web-v1" },
		"own selector":         func(p *infra.WebServiceProps) { p.Workload.Selector = map[string]string{"run": "web"} },
		"two Service ports to one container port": func(p *infra.WebServiceProps) {
			p.Ports = append(p.Ports, infra.ServicePort{Name: "alias", Port: 8080})
		},
		"headless": func(p *infra.WebServiceProps) { p.Type = infra.Headless },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			build := webService(change)
			service := synthtest.Only[corev1.Service](t, "Service", build)
			pod := synthtest.Only[appsv1.Deployment](t, "Deployment", build).Spec.Template
			assert.NotEmpty(t, service.Spec.Selector)
			for key, value := range service.Spec.Selector {
				assert.Equal(t, value, pod.Labels[key])
			}
			var listening []int32
			for _, port := range pod.Spec.Containers[0].Ports {
				listening = append(listening, port.ContainerPort)
			}
			for _, port := range service.Spec.Ports {
				assert.Contains(t, listening, port.TargetPort.IntVal)
			}
		})
	}
}

func TestWebServiceBadInput(t *testing.T) {
	t.Parallel()
	synthtest.BadInput{
		"all messages at once": {webService(func(p *infra.WebServiceProps) {
			p.Name = "1"
			p.Workload.Image = ""
			p.Workload.Replicas = new(int32(-1))
			p.Ports[0].Port = 70000
			p.Ports[0].TargetPort = 0
		}), []string{
			`[chart/web/Deployment] Image: is not set; name an image, for example "docker.io/library/nginx:1.29"`,
			`[chart/web/Deployment] Replicas: -1 is negative; use 0 or more`,
			`[chart/web/Service] Name: "1" is not an RFC 1035 label; use 1 to 63 lower-case letters, digits or '-', beginning with a letter and ending with a letter or digit`,
			`[chart/web/Service] Ports[0].Port: 70000 is not a port; use 1 to 65535`,
		}},
		"container that does not listen there": {webService(func(p *infra.WebServiceProps) {
			p.Workload.Ports = []pod.Port{{Port: 9090}}
		}), []string{
			`[chart/web] Ports[0].TargetPort: "8080/TCP" is not one of Workload.Ports, 9090/TCP; add it there, or leave Workload.Ports out`,
		}},
		"workload of an external name": {webService(func(p *infra.WebServiceProps) {
			*p = infra.WebServiceProps{Name: "db", Type: infra.ExternalName, ExternalName: "db.example.com", Workload: p.Workload}
		}), []string{
			`[chart/web] Workload: has no meaning for the type ExternalName, whose pods run elsewhere; leave it out, or use another type`,
		}},
	}.Run(t)
}
