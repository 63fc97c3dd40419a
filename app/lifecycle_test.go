package main

import (
	"bufio"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"runtime/pprof"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// keepAlive asks for /ping on one connection, every so often, until it is told to
// close it. It returns the number of answers.
func keepAlive(address string, every time.Duration) (answers int, err error) {
	conn, err := net.Dial("tcp", address)
	if err != nil {
		return 0, err
	}
	defer conn.Close()
	reader := bufio.NewReader(conn)
	for {
		if _, err := io.WriteString(conn, "GET /ping HTTP/1.1\r\nHost: x\r\n\r\n"); err != nil {
			return answers, err
		}
		response, err := http.ReadResponse(reader, nil)
		if err != nil {
			return answers, err
		}
		_, err = io.Copy(io.Discard, response.Body)
		_ = response.Body.Close()
		if err != nil {
			return answers, err
		}
		answers++
		if response.Close {
			return answers, nil
		}
		time.Sleep(every)
	}
}

func TestRunDropsNoRequest(t *testing.T) {
	p := inProcess(t, nil)
	const connections = 40
	var wait sync.WaitGroup
	for i := range connections {
		wait.Go(func() {
			_, err := keepAlive(p.httpAddress, time.Duration(i)*25*time.Millisecond)
			assert.NoError(t, err)
		})
	}
	time.Sleep(500 * time.Millisecond)
	p.signal(syscall.SIGTERM)
	wait.Wait()
	assert.Equal(t, exitOK, p.exitStatus())
	assert.NotContains(t, p.log(), `"level":"WARN","msg":"drain`)
}

// exchange sends the parts of a request, with a pause between them, and reads the
// answer to its head.
func exchange(t *testing.T, address string, pause time.Duration, parts ...string) (*http.Response, error) {
	t.Helper()
	conn, err := net.Dial("tcp", address)
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close() })
	for i, part := range parts {
		if i > 0 {
			time.Sleep(pause)
		}
		_, err := io.WriteString(conn, part)
		require.NoError(t, err)
	}
	response, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err == nil {
		t.Cleanup(func() { response.Body.Close() })
	}
	return response, err
}

func TestRunClosesEachConnectionWhileShuttingDown(t *testing.T) {
	p := inProcess(t, nil, "--shutdown-settle=1h")
	p.signal(syscall.SIGTERM)
	p.awaitLog("not ready, shutting down")
	for status, request := range map[int]string{
		200: "HEAD /ping HTTP/1.1\r\nHost: x\r\n\r\n",
		307: "GET //ping HTTP/1.1\r\nHost: x\r\n\r\n",
		404: "GET /none HTTP/1.1\r\nHost: x\r\n\r\n",
		405: "POST /ping HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n",
		413: "POST /ping HTTP/1.1\r\nHost: x\r\nContent-Length: 2000000\r\n\r\n",
		431: "GET /ping HTTP/1.1\r\nHost: x\r\nA: " + strings.Repeat("a", 30000) + "\r\n\r\n",
		400: "OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n",
		501: "GET /ping HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: x\r\n\r\n",
	} {
		response, err := exchange(t, p.httpAddress, 0, request)
		require.NoError(t, err)
		assert.Equal(t, status, response.StatusCode, request)
		assert.True(t, response.Close, request)
	}
	p.signal(syscall.SIGTERM)
	assert.Equal(t, exitFailure, p.exitStatus())
}

// A proxy that goes by the length would take what follows for another request.
func TestRunClosesWhereALengthIsInDoubt(t *testing.T) {
	p := inProcess(t, nil)
	for _, head := range []string{"Transfer-Encoding: chunked\r\nContent-Length: 6\r\n", "Content-Length: 6\r\nTransfer-Encoding: chunked\r\n", "Transfer-Encoding: chunked\r\n"} {
		for _, method := range []string{"GET", "POST"} {
			response, err := exchange(t, p.httpAddress, 0, method+" /ping HTTP/1.1\r\nHost: x\r\n"+head+"\r\n0\r\n\r\nGET /ping HTTP/1.1\r\nHost: x\r\n\r\n")
			require.NoError(t, err)
			assert.True(t, response.Close, head)
		}
	}
}

func TestRunAnswersASlowRequest(t *testing.T) {
	p := inProcess(t, nil, "--write-timeout=100ms", "--call-timeout=1ms")
	response, err := exchange(t, p.httpAddress, 500*time.Millisecond, "POST /ping HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\n", "a")
	require.NoError(t, err)
	assert.Equal(t, 405, response.StatusCode)
}

func TestRunLeavesNoGoroutine(t *testing.T) {
	provider := httptest.NewServer(http.NotFoundHandler())
	defer provider.Close()
	collector, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer collector.Close()
	before := runtime.NumGoroutine()

	dir := t.TempDir()
	p := inProcess(t, map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1", "OFREP_ENDPOINT": "http://127.0.0.1:1"},
		"--provider-url="+provider.URL, "--fault", "--config-file="+filepath.Join(dir, "app.yaml"), "--log-file="+filepath.Join(dir, "app.log"),
		"--shutdown-flush=200ms")
	for _, path := range []string{"/", "/ping", "/service", "/grpc_client?name=" + p.grpcAddress, "/metrics", "/configz", "/flag?name=a", "/fault?ready=false"} {
		for range 3 {
			assert.NoError(t, p.get(path).err)
		}
	}
	p.signal(syscall.SIGTERM)
	assert.Equal(t, exitOK, p.exitStatus())
	provider.CloseClientConnections()
	for end := time.Now().Add(patience); runtime.NumGoroutine() > before && time.Now().Before(end); {
		time.Sleep(10 * time.Millisecond)
	}
	if !assert.LessOrEqual(t, runtime.NumGoroutine(), before) {
		_ = pprof.Lookup("goroutine").WriteTo(os.Stderr, 1)
	}
}

func TestRunWaitsForARequiredFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "app.yaml")
	p := starting(t, nil, "--config-required", "--config-reload=100ms", "--config-file="+path)
	p.awaitListening()
	assert.Equal(t, answer{status: 503, body: "not ready: no configuration file has been read\n", closes: true}, p.get("/readyz"))
	assert.Equal(t, 200, p.get("/healthz").status)
	assert.Equal(t, "NOT_SERVING", p.grpcHealth())
	assert.Contains(t, p.log(), `"level":"ERROR","msg":"no usable file, not ready until there is one"`)

	require.NoError(t, os.WriteFile(path, []byte("name: [hunter2"), 0o600))
	p.awaitLog(`"msg":"new file not used"`)
	assert.Equal(t, 503, p.get("/readyz").status)
	require.NoError(t, os.WriteFile(path, []byte("name: mine"), 0o600))
	p.awaitReady()
	assert.Equal(t, 200, p.get("/readyz").status)
	assert.Equal(t, "SERVING", p.grpcHealth())
	assert.Contains(t, p.log(), `"msg":"ready","app":"mine"`)
	assert.NotContains(t, p.log(), "hunter2")
	assert.Contains(t, p.get("/metrics").body, `config_reloads_total{result="failure"} `)
}

func TestRunReloadsTheFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "app.yaml")
	require.NoError(t, os.WriteFile(path, []byte("name: one\npulsar: {token: hunter2}\n"), 0o600))
	p := inProcess(t, map[string]string{"CONFIG_FILE": path, "PG_PWD": "hunter2"}, "--config-reload=100ms")
	var page struct {
		File struct {
			Problem string
			Values  []struct{ Key, Value, Source string }
		}
	}
	look := func() {
		body := p.get("/configz").body
		assert.NotContains(t, body, "hunter2")
		require.NoError(t, json.Unmarshal([]byte(body), &page))
	}
	look()
	assert.Equal(t, "one", page.File.Values[0].Value)
	assert.Equal(t, "***", page.File.Values[2].Value)

	require.NoError(t, os.WriteFile(path+".new", []byte("name: two\n"), 0o600))
	require.NoError(t, os.Rename(path+".new", path))
	p.awaitLog(`"msg":"new file in force","app":"two"`)
	look()
	assert.Equal(t, "two", page.File.Values[0].Value)

	require.NoError(t, os.WriteFile(path+".new", []byte("pulsar: hunter2\n"), 0o600))
	require.NoError(t, os.Rename(path+".new", path))
	p.awaitLog(`"msg":"new file not used","app":"two"`)
	page.File.Problem = ""
	look()
	assert.Equal(t, "two", page.File.Values[0].Value)
	assert.Contains(t, page.File.Problem, "unusable")
	assert.Equal(t, 200, p.get("/readyz").status)
}

func TestRunWaitsForARequiredProvider(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	address := listener.Addr().String()
	require.NoError(t, listener.Close())
	p := starting(t, nil, "--provider-required", "--provider-url=http://"+address)
	p.awaitListening()
	p.awaitLog(`"msg":"the provider has not answered"`)
	assert.Equal(t, 503, p.get("/readyz").status)

	listener, err = net.Listen("tcp", address)
	require.NoError(t, err)
	provider := &http.Server{Handler: http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})}
	go func() { _ = provider.Serve(listener) }()
	t.Cleanup(func() { _ = provider.Close() })
	p.awaitReady()
}

func TestRunStartsSlowly(t *testing.T) {
	start := time.Now()
	inProcess(t, nil, "--start-delay=300ms")
	assert.GreaterOrEqual(t, time.Since(start), 300*time.Millisecond)

	p := starting(t, nil, "--start-delay=1h")
	p.awaitLog(`"msg":"start delayed"`)
	p.signal(syscall.SIGTERM)
	assert.Equal(t, exitOK, p.exitStatus(), "it need not wait")
}

func TestRunHangsUntilItIsStopped(t *testing.T) {
	p := inProcess(t, nil, "--fault")
	assert.Equal(t, "hanging for 1h0m0s", p.get("/fault?hang=1h").body)
	hung := make(chan answer, 1)
	go func() { hung <- p.get("/healthz") }()
	select {
	case a := <-hung:
		t.Fatal("answered", a)
	case <-time.After(200 * time.Millisecond):
	}
	p.signal(syscall.SIGTERM)
	assert.Equal(t, 200, (<-hung).status)
	assert.Equal(t, exitOK, p.exitStatus())
}

func TestRunSurvivesAPanic(t *testing.T) {
	p := inProcess(t, nil, "--fault")
	assert.Equal(t, 500, p.get("/fault?panic=true").status)
	assert.Equal(t, 200, p.get("/ping").status)
	p.awaitLog(`"msg":"handler panicked"`)
}

func TestRunLogsToAFileToo(t *testing.T) {
	path := filepath.Join(t.TempDir(), "app.log")
	p := inProcess(t, map[string]string{"LOG_FILE": path})
	const requests = 50
	for range requests {
		require.Equal(t, 200, p.get("/ping").status)
	}
	p.signal(syscall.SIGTERM)
	assert.Equal(t, exitOK, p.exitStatus())
	content, err := os.ReadFile(path)
	require.NoError(t, err)
	assert.Equal(t, p.log(), string(content))
	assert.Equal(t, requests, strings.Count(p.log(), `"msg":"request"`), "none is lost at the end")
	assert.True(t, strings.HasSuffix(strings.TrimSpace(p.log()), "}"))
}

func TestRunExitsWithoutItsCollector(t *testing.T) {
	collector, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer collector.Close()
	p := inProcess(t, map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": "http://" + collector.Addr().String(), "SHUTDOWN_FLUSH": "500ms"})
	require.Equal(t, 200, p.get("/ping").status)
	start := time.Now()
	p.signal(syscall.SIGTERM)
	assert.Equal(t, exitOK, p.exitStatus())
	assert.Less(t, time.Since(start), 5*time.Second)
	assert.Contains(t, p.log(), `"msg":"the last telemetry is lost"`)
}
