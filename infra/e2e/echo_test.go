package e2e

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/cdk8s-team/cdk8s-core-go/cdk8s/v2"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/crossoverJie/k8s-combat/infra"
	"github.com/crossoverJie/k8s-combat/infra/e2e/echo/wire"
	"github.com/crossoverJie/k8s-combat/infra/pod"
)

const (
	echoImage = "crossoverjie/k8s-combat-echo:e2e"
	// echoPortName tells Istio the protocol.
	echoPortName = "http"
	// callerName is the workload that the tests make calls from.
	callerName = "caller"
)

// newEcho adds a workload that answers with what it was asked, and that makes calls.
func newEcho(chart cdk8s.Chart, name string, edits ...func(*infra.ProbedDeploymentProps)) *infra.ProbedDeployment {
	props := infra.ProbedDeploymentProps{
		Name: name, Version: name, Image: echoImage, ImagePullPolicy: pod.PullIfNotPresent,
		PodAnnotations: proxyAnnotations(wire.ControlPort),
		Ports:          []pod.Port{{Name: echoPortName, Port: wire.Port}},
		Resources:      pod.Resources{Requests: pod.ResourceList{CPU: "10m", Memory: "16Mi"}},
		Probes:         pod.Probes{Readiness: pod.Probe{Handler: pod.HTTPGet("/", wire.Port), Period: time.Second}},
	}
	for _, edit := range edits {
		edit(&props)
	}
	return infra.NewProbedDeployment(chart, name, props)
}

// proxyAnnotations have the proxy of a pod leave alone the port at which the tests ask, and let many fit on a small node.
func proxyAnnotations(port int) map[string]string {
	return map[string]string{
		"traffic.sidecar.istio.io/excludeInboundPorts": strconv.Itoa(port),
		"sidecar.istio.io/proxyCPU":                    "10m",
		"sidecar.istio.io/proxyMemory":                 "64Mi",
	}
}

// echoPorts are those of a Service in front of echoes.
var echoPorts = []infra.ServicePort{{Name: echoPortName, Port: 80, TargetPort: wire.Port}}

// newEchoService adds an echo of one version, and a Service of the same name before it.
func newEchoService(chart cdk8s.Chart, name string) *infra.Service {
	echo := newEcho(chart, name)
	return infra.NewService(chart, name+"-service", infra.ServiceProps{Name: name, Selector: echo.Selector(), Ports: echoPorts})
}

// echoLabels are on the pods of both versions of an echo, and on no others.
var echoLabels = map[string]string{"group": "echo"}

// newEchoes adds two versions of an echo; a Service with echoLabels stands in front of both.
func newEchoes(chart cdk8s.Chart) (v1, v2 *infra.ProbedDeployment) {
	labelled := func(props *infra.ProbedDeploymentProps) { props.Labels = echoLabels }
	return newEcho(chart, "v1", labelled), newEcho(chart, "v2", labelled)
}

// count returns how many requests with that ID have arrived at the one pod of an echo.
func count(t *testing.T, namespace, workload, id string) int {
	t.Helper()
	content, err := fetch(t, namespace, podOf(t, namespace, "app="+workload), wire.ControlPort, wire.PathCount+"?"+wire.ID+"="+id)
	require.NoError(t, err)
	n, err := strconv.Atoi(strings.TrimSpace(content))
	require.NoError(t, err)
	return n
}

// callFrom has the one pod of an echo make calls.
func callFrom(t *testing.T, namespace, workload string, call wire.Call) []wire.Result {
	t.Helper()
	if call.Count == 0 {
		call.Count = 1
	}
	content, err := json.Marshal(call)
	require.NoError(t, err)
	url := fmt.Sprintf("/api/v1/namespaces/%s/pods/%s:%d/proxy%s", namespace, podOf(t, namespace, "app="+workload), wire.ControlPort, wire.PathCall)
	stdout, _ := kubectl(t, content, "create", "--raw", url, "--filename", "-")
	var results []wire.Result
	require.NoError(t, json.Unmarshal([]byte(stdout), &results))
	require.Len(t, results, call.Count)
	return results
}

// assertEchoes expects the pods of an echo to answer, or nobody, with 404, where its name is empty.
func assertEchoes(t *testing.T, outside door, url, name string) {
	t.Helper()
	got := outside.get(t, url, nil)
	if name == "" {
		assert.Equal(t, notFound, got.status, url)
		return
	}
	if assert.Equal(t, http.StatusOK, got.status, "%s: %.200s", url, got.body) {
		workload, err := deploymentOf(got.echo.Pod)
		require.NoError(t, err)
		assert.Equal(t, name, workload, url)
	}
}
