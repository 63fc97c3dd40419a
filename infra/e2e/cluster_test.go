package e2e

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/rand"
	"sigs.k8s.io/yaml"

	"github.com/crossoverJie/k8s-combat/imports/crds"
)

// ownLabels are those of whatever the tests make in namespaces that are not theirs.
var ownLabels = map[string]string{"app.kubernetes.io/managed-by": "k8s-combat-e2e"}

const (
	injectionLabel = "istio-injection"
	enforceLabel   = "pod-security.kubernetes.io/enforce"
)

// namespaceLabels are those of every namespace that the tests make. A pod there that falls short of the restricted
// standard is refused, and a workload whose pods would is warned of.
var namespaceLabels = map[string]string{
	injectionLabel:                    "disabled",
	enforceLabel:                      "restricted",
	"pod-security.kubernetes.io/warn": "restricted",
}

// meshLabels put a namespace into the mesh, as a MeshNamespace does. The init container of a sidecar falls short of the
// restricted standard; what the workloads themselves are is still warned of.
var meshLabels = map[string]string{injectionLabel: "enabled", enforceLabel: "privileged"}

// newNamespace makes a namespace that the test has for itself, and that goes with it.
func newNamespace(t *testing.T, prefix string) string {
	t.Helper()
	return newNamespaceWith(t, prefix, nil)
}

// newNamespaceWith is newNamespace with labels that replace those of every namespace.
func newNamespaceWith(t *testing.T, prefix string, labels map[string]string) string {
	t.Helper()
	name := fmt.Sprintf("e2e-%s-%s", prefix, rand.String(5))
	createNamespace(t, name, labels)
	return name
}

func createNamespace(t *testing.T, name string, labels map[string]string) {
	t.Helper()
	all := maps.Clone(ownLabels)
	maps.Copy(all, namespaceLabels)
	maps.Copy(all, labels)
	namespace := &unstructured.Unstructured{}
	namespace.SetAPIVersion("v1")
	namespace.SetKind("Namespace")
	namespace.SetName(name)
	namespace.SetLabels(all)
	kubectl(t, list(t, namespace), "create", "--filename", "-")
	t.Cleanup(func() {
		ctx := context.Background() // the test's own has ended
		if t.Failed() {
			for _, args := range [][]string{{"get", "pods", "--output", "wide"}, {"get", "events", "--sort-by", "lastTimestamp"}} {
				stdout, stderr, _ := tryKubectl(ctx, nil, append(args, "--namespace", name)...)
				t.Logf("kubectl %s:\n%s%s", strings.Join(args, " "), stdout, stderr)
			}
		}
		assert.NoError(t, deleteNamespace(ctx, name))
	})
}

// deleteNamespace deletes a namespace, without the grace that its pods ask for: the test is over.
func deleteNamespace(ctx context.Context, name string) error {
	for _, args := range [][]string{
		{"delete", "namespace", name, "--wait=false"},
		{"delete", "pods", "--all", "--grace-period", "1", "--wait=false", "--namespace", name},
		{"wait", "--for", "delete", "namespace/" + name, "--timeout", "2m"},
	} {
		if _, _, err := tryKubectl(ctx, nil, args...); err != nil {
			return err
		}
	}
	return nil
}

// install gives the cluster those CustomResourceDefinitions of imports/crds that it does not have.
func install(t *testing.T) {
	t.Helper()
	stdout, _ := kubectl(t, nil, "get", "customresourcedefinitions", "--output", "name")
	present := map[string]bool{}
	for line := range strings.Lines(stdout) {
		_, name, _ := strings.Cut(strings.TrimSpace(line), "/")
		present[name] = true
	}
	missing := map[string]*unstructured.Unstructured{}
	require.NoError(t, fs.WalkDir(crds.FS, ".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		content, err := crds.FS.ReadFile(path)
		if err != nil {
			return err
		}
		definition := &unstructured.Unstructured{}
		if err := yaml.Unmarshal(content, &definition.Object); err != nil {
			return err
		}
		if !present[definition.GetName()] {
			missing[definition.GetName()] = definition
		}
		return nil
	}))
	if len(missing) == 0 {
		return
	}
	t.Logf("creating %d CustomResourceDefinitions that the cluster does not have; they stay", len(missing))
	kubectl(t, list(t, slices.Collect(maps.Values(missing))...), "apply", "--server-side", "--filename", "-")
	eventually(t, time.Minute, func() error {
		var waiting []error
		for name := range missing {
			waiting = append(waiting, established(t, name))
		}
		return errors.Join(waiting...)
	})
}

// established tells what keeps a CustomResourceDefinition from being served. One that has just been created has no
// conditions at all, over which kubectl wait can stumble.
func established(t *testing.T, name string) error {
	t.Helper()
	definition, err := get[apiextensionsv1.CustomResourceDefinition](t.Context(), "customresourcedefinition", name)
	if err != nil {
		return err
	}
	for _, condition := range definition.Status.Conditions {
		if condition.Type == apiextensionsv1.Established && condition.Status == apiextensionsv1.ConditionTrue {
			return nil
		}
	}
	return fmt.Errorf("CustomResourceDefinition %s is not established: %+v", name, definition.Status.Conditions)
}

// run applies the chapter, with these edits, in a namespace and waits until all its Deployments are there. A chapter
// with a namespace of its own leaves it.
func run(t *testing.T, namespace, chapter string, edits ...func(*unstructured.Unstructured)) {
	t.Helper()
	isNamespace := func(object *unstructured.Unstructured) bool { return object.GetKind() == "Namespace" }
	all := slices.DeleteFunc(objects(t, named(t, chapter)), isNamespace)
	for _, object := range all {
		object.SetNamespace(namespace)
		useLoadedImages(object)
		for _, edit := range edits {
			edit(object)
		}
	}
	kubectl(t, list(t, all...), "apply", "--server-side", "--namespace", namespace, "--filename", "-")
	took := awaitDeployments(t, namespace)
	pods, err := get[corev1.PodList](t.Context(), "pods", "--namespace", namespace)
	require.NoError(t, err)
	images := map[string]bool{}
	for _, pod := range pods.Items {
		for _, container := range pod.Status.ContainerStatuses {
			images[container.ImageID] = true
		}
	}
	t.Logf("%s: %d objects applied, %d pods ready after %s, image %s", chapter, len(all), len(pods.Items), took,
		strings.Join(slices.Sorted(maps.Keys(images)), ", "))
}

// awaitDeployments waits until all Deployments of the namespace are rolled out.
func awaitDeployments(t *testing.T, namespace string) time.Duration {
	t.Helper()
	return eventually(t, 2*time.Minute, func() error {
		pods, err := get[corev1.PodList](t.Context(), "pods", "--namespace", namespace)
		if err != nil {
			return err
		}
		requireImages(t, pods.Items)
		deployments, err := get[appsv1.DeploymentList](t.Context(), "deployments", "--namespace", namespace)
		if err != nil {
			return err
		}
		if len(deployments.Items) == 0 {
			return errors.New("no Deployment")
		}
		var unready []error
		for _, d := range deployments.Items {
			s, want := d.Status, *d.Spec.Replicas
			if s.ObservedGeneration < d.Generation || s.Replicas != want || s.UpdatedReplicas != want || s.AvailableReplicas != want {
				unready = append(unready, fmt.Errorf("deployment %s: of %d replicas %d are updated, %d available", d.Name, want, s.UpdatedReplicas, s.AvailableReplicas))
			}
		}
		return errors.Join(unready...)
	})
}

// requireImages fails the test, with what to do about it, if a node cannot get an image.
func requireImages(t *testing.T, pods []corev1.Pod) {
	t.Helper()
	for _, pod := range pods {
		for _, container := range pod.Status.ContainerStatuses {
			waiting := container.State.Waiting
			if waiting == nil || !slices.Contains([]string{"ErrImageNeverPull", "ImagePullBackOff", "InvalidImageName"}, waiting.Reason) {
				continue
			}
			image := imageOf(pod, container.Name)
			require.FailNow(t, fmt.Sprintf("the node has no image %[1]s: build it with `docker build -t %[1]s .`, "+
				"and load it with `kind load docker-image %[1]s` or `minikube image load %[1]s`", image),
				"pod %s: %s: %s", pod.Name, waiting.Reason, waiting.Message)
		}
	}
}

// imageOf returns the image as the pod asks for it; the status may have another name for it.
func imageOf(pod corev1.Pod, container string) string {
	for _, c := range pod.Spec.Containers {
		if c.Name == container {
			return c.Image
		}
	}
	return ""
}
