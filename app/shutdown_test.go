package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/types/known/emptypb"
)

// silentDNS has DNS say nothing until the test is over.
func silentDNS(t *testing.T) {
	t.Helper()
	server, err := net.ListenPacket("udp", "127.0.0.1:0")
	require.NoError(t, err)
	before := net.DefaultResolver
	net.DefaultResolver = &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "udp", server.LocalAddr().String())
	}}
	t.Cleanup(func() {
		net.DefaultResolver = before
		_ = server.Close()
	})
}

// collector takes exports of all kinds and counts them.
type collector struct {
	address string
	exports sync.Map
}

func newCollector(t *testing.T) *collector {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	c := &collector{address: listener.Addr().String()}
	server := grpc.NewServer(grpc.UnknownServiceHandler(func(_ any, stream grpc.ServerStream) error {
		method, _ := grpc.MethodFromServerStream(stream)
		count, _ := c.exports.LoadOrStore(method, &atomic.Int32{})
		count.(*atomic.Int32).Add(1)
		if err := stream.RecvMsg(&emptypb.Empty{}); err != nil {
			return err
		}
		return stream.SendMsg(&emptypb.Empty{})
	}))
	go func() { _ = server.Serve(listener) }()
	t.Cleanup(server.Stop)
	return c
}

func (c *collector) count(service string) (n int32) {
	c.exports.Range(func(method, count any) bool {
		if strings.Contains(method.(string), service) {
			n += count.(*atomic.Int32).Load()
		}
		return true
	})
	return n
}

func TestShutdownWithSilentDNS(t *testing.T) {
	silentDNS(t)
	c := newCollector(t)
	p := inProcess(t, map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": "http://" + c.address}, "--provider-url=http://silent.shop", "--call-timeout=1s")
	var wait sync.WaitGroup
	for i := range 20 {
		wait.Go(func() { assert.Equal(t, 502, p.get(fmt.Sprint("/grpc_client?name=silent-", i)).status) })
	}
	wait.Go(func() { assert.Equal(t, 502, p.get("/service").status) })
	wait.Wait()
	go p.get("/grpc_client?name=silent-again")
	require.Zero(t, c.count("MetricsService"))

	start := time.Now()
	p.signal(syscall.SIGTERM)
	assert.Equal(t, exitOK, p.exitStatus())
	assert.Less(t, time.Since(start), 4*time.Second)
	assert.EqualValues(t, 1, c.count("MetricsService"), "the last metrics")
	assert.NotContains(t, p.log(), "does not close")
}

func TestShutdownWithACollectorThatDNSIsSilentOf(t *testing.T) {
	silentDNS(t)
	p := inProcess(t, map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector.shop:4317"}, "--shutdown-flush=1s")
	require.Equal(t, 200, p.get("/ping").status)
	start := time.Now()
	p.signal(syscall.SIGTERM)
	assert.Equal(t, exitOK, p.exitStatus())
	assert.Less(t, time.Since(start), 4*time.Second)
}

func TestClosersDoNotWaitForWhatHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hold := make(chan struct{})
		var log strings.Builder
		var closed atomic.Int32
		start := time.Now()
		closers{
			"a": func() { closed.Add(1) }, "b": func() { <-hold }, "c": func() { <-hold }, "d": func() { closed.Add(1) },
		}.close(slog.New(slog.NewTextHandler(&log, nil)))
		assert.Equal(t, closeGrace, time.Since(start))
		assert.EqualValues(t, 2, closed.Load())
		assert.Equal(t, 2, strings.Count(log.String(), "does not close"))
		assert.Less(t, closeGrace+time.Second, overdue, "what a server that hangs takes is a second")
		close(hold)
	})
}

// stuck is an output that takes nothing.
type stuck struct{ hold chan struct{} }

func (s stuck) Write(p []byte) (int, error) {
	<-s.hold
	return len(p), nil
}

func TestRunLogsToTheFileWhileStandardOutputIsStuck(t *testing.T) {
	path := filepath.Join(t.TempDir(), "app.log")
	hold := make(chan struct{})
	defer close(hold)
	signals := make(chan os.Signal, 1)
	status := make(chan int, 1)
	go func() {
		status <- run(withFreePorts([]string{"--log-file=" + path, "--shutdown-flush=200ms"}), func(string) (string, bool) { return "", false },
			stuck{hold}, io.Discard, signals)
	}()
	logged := func(text string) func() bool {
		return func() bool {
			content, _ := os.ReadFile(path)
			return strings.Contains(string(content), text)
		}
	}
	require.Eventually(t, logged(`"msg":"ready"`), patience, time.Millisecond)
	signals <- syscall.SIGTERM
	assert.Equal(t, exitOK, <-status)
	assert.True(t, logged(`"msg":"stopped"`)())
}
