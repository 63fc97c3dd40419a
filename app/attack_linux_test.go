package main

import (
	"context"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"

	"github.com/crossoverJie/k8s-combat/app/helloworld"
)

// maxMemory is what the process may take under any attack: a pod of the tutorial has
// 100 MiB.
const maxMemory = 64 << 20

// assertMemory asserts that the process has never taken more memory than it may.
func (p *process) assertMemory() {
	p.t.Helper()
	status, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(p.pid), "status"))
	require.NoError(p.t, err)
	_, after, ok := strings.Cut(string(status), "VmHWM:")
	require.True(p.t, ok)
	kibibytes, err := strconv.Atoi(strings.Fields(after)[0])
	require.NoError(p.t, err)
	p.t.Logf("most memory: %.1f MiB", float64(kibibytes)/1024)
	assert.Less(p.t, kibibytes<<10, maxMemory)
}

// greedy is a Greeter whose replies are as large as its callers take.
type greedy struct {
	helloworld.UnimplementedGreeterServer
	header int
}

func (g *greedy) SayHello(ctx context.Context, _ *helloworld.HelloRequest) (*helloworld.HelloReply, error) {
	if g.header > 0 {
		_ = grpc.SetHeader(ctx, metadata.Pairs("x", strings.Repeat("x", g.header)))
	}
	return &helloworld.HelloReply{Message: strings.Repeat("x", 4<<20-100)}, nil
}

// greedyPeer returns the address of one.
func greedyPeer(t *testing.T, header int) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	server := grpc.NewServer()
	helloworld.RegisterGreeterServer(server, &greedy{header: header})
	go func() { _ = server.Serve(listener) }()
	t.Cleanup(server.Stop)
	return listener.Addr().String()
}

func TestAttackByReplies(t *testing.T) {
	for name, header := range map[string]int{"long message": 0, "long header": 12 << 20} {
		t.Run(name, func(t *testing.T) {
			p := ofItsOwn(t, nil)
			var wait sync.WaitGroup
			for range 3 {
				peer := greedyPeer(t, header)
				for range 30 {
					wait.Go(func() {
						a := p.get("/grpc_client?name=" + peer)
						assert.NoError(t, a.err)
						assert.Contains(t, []int{502, 503}, a.status)
						assert.Less(t, len(a.body), 1000)
					})
				}
			}
			wait.Wait()
			p.assertMemory()
			assert.Equal(t, 200, p.get("/ping").status)
		})
	}
}

// What is refused is refused in the same words, whatever is there.
func TestAttackByScanning(t *testing.T) {
	open, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer open.Close()
	p := inProcess(t, nil, "--grpc-targets=cluster")
	want := answer{status: 403, body: "query parameter name: refused; allowed are the targets of --grpc-targets or GRPC_TARGETS\n"}
	for _, target := range []string{
		open.Addr().String(), "127.0.0.1:1", "[::1]:1", "localhost:1", "0.0.0.0", "169.254.169.254", "169.254.169.254:80", "[::ffff:169.254.169.254]:80",
		"[fe80::1]:80", "224.0.0.1", "8.8.8.8:53", "10.0.0.1", "10.0.0.1:6443", "www.example.com", "kubernetes.default:443", "no-such-host.example.com",
		"2852039166", "0xa9fea9fe", "xds:///169.254.169.254:80", "xds:///web:80", "dns:///8.8.8.8",
		// It leads to loopback, which this list does not allow.
		"localhost",
	} {
		assert.Equal(t, want, p.get("/grpc_client?name="+url.QueryEscape(target)), target)
	}
}
