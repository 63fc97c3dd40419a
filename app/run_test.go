package main

import (
	"bufio"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/health/grpc_health_v1"

	"github.com/crossoverJie/k8s-combat/app/contract"
)

// answer is what a request got.
type answer struct {
	status int
	body   string
	closes bool
	err    error
}

// adminPaths are those of the admin port.
var adminPaths = []string{contract.PathHealth, contract.PathReady, contract.PathMetrics, contract.PathConfig, contract.PathFlag, contract.PathFault}

// get asks for a path at the port that it is served on.
func (p *process) get(path string) answer {
	if bare, _, _ := strings.Cut(path, "?"); slices.Contains(adminPaths, bare) {
		return get(p.adminAddress, path)
	}
	return get(p.httpAddress, path)
}

func get(address, path string) answer {
	client := &http.Client{Timeout: patience, Transport: &http.Transport{}}
	defer client.CloseIdleConnections()
	response, err := client.Get("http://" + address + path)
	if err != nil {
		return answer{err: err}
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	return answer{status: response.StatusCode, body: string(body), closes: response.Close, err: err}
}

func (p *process) grpcHealth() string {
	p.t.Helper()
	conn, err := grpc.NewClient(p.grpcAddress, grpc.WithTransportCredentials(insecure.NewCredentials()), grpc.WithNoProxy())
	require.NoError(p.t, err)
	defer conn.Close()
	ctx, cancel := context.WithTimeout(p.t.Context(), patience)
	defer cancel()
	reply, err := grpc_health_v1.NewHealthClient(conn).Check(ctx, &grpc_health_v1.HealthCheckRequest{Service: "helloworld.Greeter"})
	require.NoError(p.t, err)
	return reply.GetStatus().String()
}

// slowProvider answers once hold is closed or the test is over, and tells by held
// that it was called.
func slowProvider(t *testing.T) (url string, held, hold chan struct{}) {
	t.Helper()
	held, hold = make(chan struct{}), make(chan struct{})
	over := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		close(held)
		select {
		case <-hold:
		case <-over:
		}
	}))
	t.Cleanup(func() {
		close(over)
		server.Close()
	})
	return server.URL, held, hold
}

func TestRunServes(t *testing.T) {
	hostname, err := os.Hostname()
	require.NoError(t, err)
	file := filepath.Join(t.TempDir(), "app.yaml")
	require.NoError(t, os.WriteFile(file, []byte("name: my-app\npulsar:\n  url: \"pulsar://localhost:6650\"\n  token: \"hunter2\"\n"), 0o600))
	p := inProcess(t, map[string]string{
		"PG_URL": "postgres://postgres:hunter2@localhost:5432/postgres?sslmode=disable", "PG_PWD": "hunter2", "CONFIG_FILE": file,
	}, "--provider-url=http://127.0.0.1:1")

	for path, want := range map[string]answer{
		"/":        {status: 200, body: hostname + "-postgres://postgres:***@localhost:5432/postgres?sslmode=disable"},
		"/ping":    {status: 200, body: "pong"},
		"/healthz": {status: 200, body: "ok"},
		"/readyz":  {status: 200, body: "ok"},
		"/grpc_client?version=100&name=" + p.grpcAddress: {status: 200, body: "Greeting: hostname:" + hostname + ", in:world, version:100"},
		"/service": {
			status: 502,
			body:   "cannot call the provider: Get \"http://127.0.0.1:1/ping\": dial tcp 127.0.0.1:1: connect: connection refused\n",
		},
	} {
		assert.Equal(t, want, p.get(path), path)
	}
	assert.Equal(t, "SERVING", p.grpcHealth())

	p.signal(syscall.SIGTERM)
	assert.Equal(t, exitOK, p.exitStatus())
	assert.Contains(t, p.log(), `"msg":"request","app":"my-app","hostname":"`+hostname+`","method":"GET","path":"/ping","status":200`)
	assert.Contains(t, p.log(), `"msg":"call","app":"my-app","hostname":"`+hostname+`","method":"/helloworld.Greeter/SayHello","code":"OK"`)
	assert.NotContains(t, p.log(), "hunter2")
}

func TestRunServesItself(t *testing.T) {
	provider := inProcess(t, nil)
	consumer := inProcess(t, map[string]string{"PROVIDER_URL": "http://" + provider.httpAddress})
	assert.Equal(t, answer{status: 200, body: "200 OK"}, consumer.get("/service"))
}

func TestRunShutsDownInOrder(t *testing.T) {
	url, held, hold := slowProvider(t)
	p := inProcess(t, nil, "--provider-url="+url, "--call-timeout=1m", "--shutdown-settle=2s")
	open := make(chan answer, 1)
	go func() { open <- p.get("/service") }()
	<-held
	assert.False(t, p.get("/ping").closes)

	signalled := time.Now()
	p.signal(syscall.SIGTERM)
	p.awaitLog("not ready, shutting down")
	assert.Equal(t, answer{status: 503, body: "not ready: shutting down\n", closes: true}, p.get("/readyz"))
	assert.Equal(t, answer{status: 200, body: "pong", closes: true}, p.get("/ping"), "it goes on serving")
	assert.Equal(t, "NOT_SERVING", p.grpcHealth())

	p.awaitLog(`"msg":"drained","app":"k8s-combat"`)
	assert.GreaterOrEqual(t, time.Since(signalled), 2*time.Second)
	// That was gRPC's. HTTP takes in first what has connected by then.
	require.Eventually(t, func() bool {
		err := p.get("/ping").err
		return err != nil && strings.Contains(err.Error(), "refused")
	}, 10*time.Second, time.Millisecond)
	close(hold)
	assert.Equal(t, answer{status: 200, body: "200 OK", closes: true}, <-open)
	assert.Equal(t, exitOK, p.exitStatus())
	assert.Contains(t, p.log(), `"msg":"stopped"`)
}

func TestRunBoundsTheDrain(t *testing.T) {
	url, held, _ := slowProvider(t)
	p := inProcess(t, nil, "--provider-url="+url, "--call-timeout=1m", "--shutdown-drain=100ms")
	open := make(chan answer, 1)
	go func() { open <- p.get("/service") }()
	<-held

	p.signal(syscall.SIGTERM)
	assert.Equal(t, exitOK, p.exitStatus())
	assert.ErrorContains(t, (<-open).err, "EOF")
	assert.Contains(t, p.log(), `"level":"WARN","msg":"drain took too long, open connections were cut"`)
}

func TestRunExitsAtTheSecondSignal(t *testing.T) {
	url, held, _ := slowProvider(t)
	p := inProcess(t, nil, "--provider-url="+url, "--call-timeout=1m", "--shutdown-drain=1m")
	go p.get("/service")
	<-held

	p.signal(syscall.SIGTERM)
	p.awaitLog("not ready, shutting down")
	p.signal(syscall.SIGINT)
	assert.Equal(t, exitFailure, p.exitStatus())
	assert.Contains(t, p.log(), `"msg":"second signal, exiting at once"`)
}

func TestRunWithUnusableFile(t *testing.T) {
	file := filepath.Join(t.TempDir(), "app.yaml")
	require.NoError(t, os.WriteFile(file, []byte("name: my-app\npulsar: hunter2\n"), 0o600))
	p := inProcess(t, nil, "--config-file="+file)
	assert.Equal(t, 200, p.get("/readyz").status)
	assert.Contains(t, p.log(), `"level":"ERROR","msg":"unusable file, using the defaults"`)
	assert.Contains(t, p.log(), `"app":"k8s-combat"`)
	assert.NotContains(t, p.log(), "hunter2")
}

func TestRunWithoutFile(t *testing.T) {
	p := inProcess(t, nil, "--config-file="+filepath.Join(t.TempDir(), "app.yaml"), "--log-level=debug")
	assert.Contains(t, p.log(), `"level":"INFO","msg":"no file, using the defaults"`)
	assert.NotContains(t, p.log(), `"level":"ERROR"`)
}

func TestProcessShutsDownOnSignals(t *testing.T) {
	for _, s := range []os.Signal{syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP, syscall.SIGUSR1, syscall.SIGUSR2, syscall.SIGALRM} {
		t.Run(s.String(), func(t *testing.T) {
			url, held, hold := slowProvider(t)
			p := ofItsOwn(t, []string{"PROVIDER_URL=" + url, "CALL_TIMEOUT=1m"})
			open := make(chan answer, 1)
			go func() { open <- p.get("/service") }()
			<-held

			p.signal(s)
			p.awaitLog("not ready, shutting down")
			close(hold)
			assert.Equal(t, answer{status: 200, body: "200 OK", closes: true}, <-open)
			assert.Equal(t, exitOK, p.exitStatus())
		})
	}
}

func TestProcessExitsAtTheSecondSignal(t *testing.T) {
	p := ofItsOwn(t, []string{"SHUTDOWN_SETTLE=1h"})
	p.signal(syscall.SIGTERM)
	p.awaitLog("not ready, shutting down")
	p.signal(syscall.SIGTERM)
	assert.Equal(t, exitFailure, p.exitStatus())
}

func TestProcessOutlivesTheReaderOfItsLog(t *testing.T) {
	executable, err := os.Executable()
	require.NoError(t, err)
	command := exec.Command(executable, withFreePorts(nil)...)
	command.Env = []string{asMain + "=1"}
	output, err := command.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, command.Start())
	t.Cleanup(func() { _ = command.Process.Kill() })
	lines := bufio.NewScanner(output)
	for lines.Scan() {
		if strings.Contains(lines.Text(), `"msg":"ready"`) {
			break
		}
	}
	require.NoError(t, output.Close())

	require.NoError(t, command.Process.Signal(syscall.SIGTERM))
	_ = command.Wait()
	assert.Equal(t, exitOK, command.ProcessState.ExitCode())
}
