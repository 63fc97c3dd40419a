package e2e

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	discoveryv1 "k8s.io/api/discovery/v1"

	"github.com/crossoverJie/k8s-combat/app/contract"
)

// endpoints returns the names of the pods that a Service sends to.
func endpoints(t *testing.T, namespace, service string) ([]string, error) {
	t.Helper()
	all, err := get[discoveryv1.EndpointSliceList](t.Context(), "endpointslices", "--namespace", namespace,
		"--selector", discoveryv1.LabelServiceName+"="+service)
	if err != nil {
		return nil, err
	}
	var pods []string
	for _, slice := range all.Items {
		for _, endpoint := range slice.Endpoints {
			if endpoint.Conditions.Ready != nil && *endpoint.Conditions.Ready && endpoint.TargetRef != nil {
				pods = append(pods, endpoint.TargetRef.Name)
			}
		}
	}
	slices.Sort(pods)
	return pods, nil
}

// awaitEndpoints waits until a Service sends to so many pods.
func awaitEndpoints(t *testing.T, namespace, service string, want int) time.Duration {
	t.Helper()
	return eventually(t, 90*time.Second, func() error {
		pods, err := endpoints(t, namespace, service)
		if err == nil && len(pods) != want {
			err = fmt.Errorf("%d endpoints are ready behind %s, not %d", len(pods), service, want)
		}
		return err
	})
}

// awaitEndpoint waits until the provider's Service sends to that pod, or until it does not.
func awaitEndpoint(t *testing.T, namespace, pod string, want bool) {
	t.Helper()
	eventually(t, time.Minute, func() error {
		pods, err := endpoints(t, namespace, provider)
		if err == nil && slices.Contains(pods, pod) != want {
			err = fmt.Errorf("behind %s are %v", provider, pods)
		}
		return err
	})
}

// pings returns how many requests of contract.PathPing a pod has answered, as its metrics tell.
func pings(t *testing.T, namespace, pod string) int {
	t.Helper()
	page, err := fetch(t, namespace, pod, contract.AdminPort, contract.PathMetrics)
	require.NoError(t, err)
	sum := 0.0
	for line := range strings.Lines(page) {
		series, value, _ := strings.Cut(strings.TrimSpace(line), "} ")
		if !strings.HasPrefix(series, contract.MetricHTTPRequests+"{") || !strings.Contains(series, fmt.Sprintf("%s=%q", contract.LabelRoute, contract.PathPing)) {
			continue
		}
		n, err := strconv.ParseFloat(value, 64)
		require.NoError(t, err, line)
		sum += n
	}
	return int(sum)
}
