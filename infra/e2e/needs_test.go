package e2e

import (
	"cmp"
	"os"
	"testing"

	"github.com/stretchr/testify/require"
	admissionv1 "k8s.io/api/admissionregistration/v1"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"
)

// needCluster skips the test where there is no cluster to run it on.
func needCluster(t *testing.T) {
	t.Helper()
	if os.Getenv("KUBECONFIG") == "" {
		t.Skip("KUBECONFIG is not set: this test needs a Kubernetes cluster, of kind or minikube for example, and the path of its kubeconfig there")
	}
}

const (
	istioNamespace = "istio-system"
	istiod         = "istiod"

	// gatewayService is in front of Istio's ingress gateway.
	gatewayService = "istio-ingressgateway"
)

// needIstiod skips the test where Istio's control plane is not installed.
func needIstiod(t *testing.T) {
	t.Helper()
	needCluster(t)
	if _, err := get[corev1.Service](t.Context(), "service", istiod, "--namespace", istioNamespace); err != nil {
		t.Skipf("there is no Service %s in %s: this test needs Istio's control plane (istioctl install --set profile=minimal): %v", istiod, istioNamespace, err)
	}
	install(t)
}

// needSidecars skips the test where nobody would inject sidecars.
func needSidecars(t *testing.T) {
	t.Helper()
	needIstiod(t)
	webhooks, err := get[admissionv1.MutatingWebhookConfigurationList](t.Context(), "mutatingwebhookconfigurations", "--selector", "app=sidecar-injector")
	if err != nil || len(webhooks.Items) == 0 {
		t.Skipf("there is no MutatingWebhookConfiguration labelled app=sidecar-injector: this test needs Istio's injection of sidecars (istioctl install --set profile=minimal): %v", err)
	}
}

// needGateway skips the test where Istio's ingress gateway cannot be reached, else it returns its address.
func needGateway(t *testing.T) string {
	t.Helper()
	needIstiod(t)
	service, err := get[corev1.Service](t.Context(), "service", gatewayService, "--namespace", istioNamespace)
	if err != nil {
		t.Skipf("there is no Service %s in %s: this test needs Istio's ingress gateway (istioctl install --set profile=default): %v", gatewayService, istioNamespace, err)
	}
	address := balanced(service)
	if address == "" {
		t.Skipf("Service %s in %s has no address: this test is a client outside of the cluster; give LoadBalancers addresses with `minikube tunnel`, with cloud-provider-kind for kind, or with MetalLB", gatewayService, istioNamespace)
	}
	return address
}

// balanced is the address of a Service of the type LoadBalancer, empty while it has none.
func balanced(service corev1.Service) string {
	if len(service.Status.LoadBalancer.Ingress) == 0 {
		return ""
	}
	ingress := service.Status.LoadBalancer.Ingress[0]
	return cmp.Or(ingress.IP, ingress.Hostname)
}

// needIngressClass skips the test where Istio does not serve Ingress objects of that class.
func needIngressClass(t *testing.T, class string) {
	t.Helper()
	found, err := get[networkingv1.IngressClass](t.Context(), "ingressclass", class)
	if err != nil || found.Spec.Controller != "istio.io/ingress-controller" {
		t.Skipf("there is no IngressClass %s with the controller istio.io/ingress-controller: this test needs Istio to serve it; go doc ./infra/e2e has how to create it: %v", class, err)
	}
}

// needGatewayClass skips the test where nobody serves Gateways of that class.
func needGatewayClass(t *testing.T, class string) {
	t.Helper()
	if _, err := get[gatewayv1.GatewayClass](t.Context(), "gatewayclass", class); err != nil {
		t.Skipf("there is no GatewayClass %s: this test needs the CRDs of the Gateway API before Istio is installed "+
			"(kubectl apply --server-side -f https://github.com/kubernetes-sigs/gateway-api/releases/latest/download/standard-install.yaml): %v", class, err)
	}
}

// needPrometheusOperator skips the test where nobody runs a Prometheus for who asks for one.
func needPrometheusOperator(t *testing.T) {
	t.Helper()
	needCluster(t)
	operators, err := get[appsv1.DeploymentList](t.Context(), "deployments", "--all-namespaces", "--selector", "app.kubernetes.io/name=prometheus-operator")
	if err != nil || len(operators.Items) == 0 {
		t.Skipf("there is no Deployment labelled app.kubernetes.io/name=prometheus-operator: this test needs the Prometheus Operator (kubectl apply --server-side "+
			"-f https://github.com/prometheus-operator/prometheus-operator/releases/latest/download/bundle.yaml): %v", err)
	}
	install(t)
}

// needKubelet skips the test where the API server does not reach the kubelets, whose logs and metrics it is about.
func needKubelet(t *testing.T) {
	t.Helper()
	nodes, err := get[corev1.NodeList](t.Context(), "nodes")
	require.NoError(t, err)
	for _, node := range nodes.Items {
		if _, _, err := tryKubectl(t.Context(), nil, "get", "--raw", "/api/v1/nodes/"+node.Name+"/proxy/healthz"); err != nil {
			t.Skipf("the API server does not reach the kubelet of node %s, which listens elsewhere: this test needs kubectl logs, and its metrics: %v", node.Name, err)
		}
	}
}
