// Package e2e holds the tests that need a real cluster: that its API server accepts every chapter, and that what runs
// there does what the tutorial says. They use the cluster that KUBECONFIG names, through kubectl, and are skipped aloud
// without it:
//
//	KUBECONFIG=~/.kube/config make e2e
//
// # Images
//
// Nothing is pushed to a registry. The images crossoverjie/k8s-combat:v1 and crossoverjie/k8s-combat:istio, both of
// this repository, must be on the nodes beforehand, and the load that some tests put on the service; the tests set
// imagePullPolicy to IfNotPresent:
//
//	docker build -t crossoverjie/k8s-combat:v1 -t crossoverjie/k8s-combat:istio .
//	docker build -t crossoverjie/k8s-combat-load:e2e -f infra/e2e/load/Dockerfile .
//	kind load docker-image crossoverjie/k8s-combat:v1 crossoverjie/k8s-combat:istio crossoverjie/k8s-combat-load:e2e
//
// With minikube: `minikube image load` for each of them.
//
// # Istio
//
// The tests of the canary and of the weights are gRPC clients that speak xDS to istiod, with no sidecar. Those in pods
// need istiod as istio-system/istiod, in the clear on port 15010 as it is installed, and are skipped aloud where there is
// none. Those that are clients themselves need a bootstrap file, named by GRPC_XDS_BOOTSTRAP, and pods whose addresses
// can be reached from where the tests run.
//
// # What cannot be seen without more
//
// No controller for Ingress or Gateway objects is installed, which brings images of its own: that the API server takes
// the chapters about them, and that the Services that they name answer, is all that is tested of them. Neither is a
// process killed from outside its pod, nor a kubelet ended, which takes a shell on the node.
//
// # What is left behind
//
// Each test works in namespaces of its own, and deletes them. One that counts failures has the cluster to itself, and puts
// no more than 300 requests a second on it; the others, which mostly wait, run at once after those.
// A run that was killed leaves them:
//
//	kubectl delete namespace -l app.kubernetes.io/managed-by=k8s-combat-e2e
//
// CustomResourceDefinitions of imports/crds that the cluster does not have are created and stay: to delete one is to
// delete everybody's objects of that kind. Those that it has are left as they are.
package e2e
