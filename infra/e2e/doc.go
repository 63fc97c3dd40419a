// Package e2e holds the tests that need a real cluster: that its API server accepts every chapter, and that what runs
// there does what the tutorial says. They use the cluster that KUBECONFIG names, through kubectl, and are skipped aloud
// without it:
//
//	KUBECONFIG=~/.kube/config make e2e
//
// # Images
//
// Nothing is pushed to a registry. The images crossoverjie/k8s-combat:v1 and crossoverjie/k8s-combat:istio, both of
// this repository, must be on the nodes beforehand, with the load that some tests put on the service, and the echo that
// stands on both sides of the proxies; the tests set imagePullPolicy to IfNotPresent:
//
//	docker build -t crossoverjie/k8s-combat:v1 -t crossoverjie/k8s-combat:istio .
//	docker build -t crossoverjie/k8s-combat-load:e2e -f infra/e2e/load/Dockerfile .
//	docker build -t crossoverjie/k8s-combat-echo:e2e -f infra/e2e/echo/Dockerfile .
//	kind load docker-image crossoverjie/k8s-combat:v1 crossoverjie/k8s-combat:istio crossoverjie/k8s-combat-load:e2e crossoverjie/k8s-combat-echo:e2e
//
// With minikube: `minikube image load` for each of them.
//
// # Istio
//
// A test asks for what it needs, and is skipped aloud where that is missing, with how to get it. This has all of it, where
// LoadBalancer Services have addresses that can be reached from where the tests run, by `minikube tunnel`, by
// cloud-provider-kind or by MetalLB:
//
//	kubectl apply --server-side -f https://github.com/kubernetes-sigs/gateway-api/releases/latest/download/standard-install.yaml
//	istioctl install --set profile=default
//	echo '{"apiVersion": "networking.k8s.io/v1", "kind": "IngressClass", "metadata": {"name": "nginx"},
//	  "spec": {"controller": "istio.io/ingress-controller"}}' | kubectl create -f -
//
// The tests of the chapters on the mesh run them in two ways. With sidecars, which Istio injects, a pod beside the others
// makes the calls. Without, gRPC clients speak xDS to istiod: in pods, to istio-system/istiod in the clear on port 15010;
// and from here, which needs a bootstrap file that GRPC_XDS_BOOTSTRAP names, and pods whose addresses can be reached.
//
// Requests from outside go to the address of Istio's ingress gateway, istio-system/istio-ingressgateway, for the chapters
// on Ingress and Gateway and for each option of the rules of an IstioCanary; and to the one of the pods that Istio makes
// for a Gateway of the Gateway API. Certificates are the tests' own, and their Secrets in istio-system go with the test.
//
// # Telemetry
//
// Chapter 12 is read by a Prometheus that the Prometheus Operator makes of a custom resource of the test's. Wherever the
// nodes reach its registry, and that of the chapter's collector, this is enough:
//
//	kubectl apply --server-side -f https://github.com/prometheus-operator/prometheus-operator/releases/latest/download/bundle.yaml
//
// Elsewhere, all of it can be built from Go modules, and loaded by the names that the bundle and the chapter have for the
// images: cmd/operator and cmd/prometheus-config-reloader of github.com/prometheus-operator/prometheus-operator,
// cmd/prometheus of github.com/prometheus/prometheus in the version that this operator defaults to, with the tags
// remove_all_sd and enable_kubernetes_sd, and a collector by go.opentelemetry.io/collector/cmd/builder with the OTLP
// receiver, the processors batch and memory_limiter, the exporters debug and prometheus, and the extension health_check.
// What the containers use, and the collector's log, comes from the kubelets, which the API server and pods must reach.
//
// The logs of chapter 11 are not collected here, for Elasticsearch cannot be built. TestFilebeat of infra/logs, which
// needs no cluster, has a real Filebeat write to what answers and refuses as Elasticsearch does.
//
// # What cannot be seen without more
//
// No process is killed from outside its pod, nor a kubelet ended, which takes a shell on the node. Whoever has one kills
// the kubelet while TestNoRequestFailsInRollingRestarts runs: the table in the README has a row for that.
//
// # What is left behind
//
// Each test works in namespaces of its own, and deletes them. One that counts failures has the cluster to itself, and puts
// no more than 300 requests a second on it; the others, which mostly wait, run at once after those.
// A run that was killed leaves them:
//
//	kubectl delete namespace -l app.kubernetes.io/managed-by=k8s-combat-e2e
//	kubectl delete secret -l app.kubernetes.io/managed-by=k8s-combat-e2e -n istio-system
//	kubectl delete clusterrole,clusterrolebinding -l app.kubernetes.io/managed-by=k8s-combat-e2e
//
// CustomResourceDefinitions of imports/crds that the cluster does not have are created and stay: to delete one is to
// delete everybody's objects of that kind. Those that it has are left as they are.
package e2e
