package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// tryKubectl runs kubectl with input on its standard input. The error repeats what kubectl says is wrong.
func tryKubectl(ctx context.Context, input []byte, args ...string) (stdout, stderr string, err error) {
	ctx, cancel := context.WithTimeout(ctx, 3*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "kubectl", args...)
	var out, errs bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = bytes.NewReader(input), &out, &errs
	if err = cmd.Run(); err != nil {
		err = fmt.Errorf("kubectl %s: %w: %s", strings.Join(args, " "), err, strings.TrimSpace(errs.String()))
	}
	return out.String(), errs.String(), err
}

// kubectl is tryKubectl where a failure is the test's.
func kubectl(t *testing.T, input []byte, args ...string) (stdout, stderr string) {
	t.Helper()
	stdout, stderr, err := tryKubectl(t.Context(), input, args...)
	require.NoError(t, err)
	return stdout, stderr
}

// get reads what `kubectl get args... -o json` prints into an API object or a list of them.
func get[T any](ctx context.Context, args ...string) (T, error) {
	var result T
	stdout, _, err := tryKubectl(ctx, nil, append(append([]string{"get"}, args...), "-o", "json")...)
	if err == nil {
		err = json.Unmarshal([]byte(stdout), &result)
	}
	return result, err
}

// eventually asks twice a second until check finds nothing wrong, and returns how long that took. After the timeout the
// test fails with what check found last.
func eventually(t *testing.T, timeout time.Duration, check func() error) time.Duration {
	t.Helper()
	start := time.Now()
	for {
		err := check()
		elapsed := time.Since(start)
		if err == nil {
			return elapsed.Round(time.Millisecond)
		}
		if elapsed > timeout {
			require.NoError(t, err, "still so after %s", timeout)
		}
		time.Sleep(500 * time.Millisecond)
	}
}

// fetch asks a path of an HTTP server in a pod, through the API server's proxy, and returns the body of a 200.
func fetch(t *testing.T, namespace, pod string, port int, path string) (string, error) {
	t.Helper()
	url := fmt.Sprintf("/api/v1/namespaces/%s/pods/%s:%d/proxy%s", namespace, pod, port, path)
	body, _, err := tryKubectl(t.Context(), nil, "get", "--raw", url)
	return body, err
}
