package main

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/reflection/grpc_reflection_v1"
	"google.golang.org/grpc/status"

	"github.com/crossoverJie/k8s-combat/app/contract"
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

func TestMemoryAtRest(t *testing.T) {
	p := ofItsOwn(t, nil)
	p.get("/ping")
	p.assertMemory()
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

// Each connection of HTTP/2 holds as many requests as it may.
func TestAttackByRequestsOfHTTP2(t *testing.T) {
	p := ofItsOwn(t, []string{"HTTP_H2C=true"})
	for range 300 {
		conn, err := net.Dial("tcp", p.httpAddress)
		require.NoError(t, err)
		t.Cleanup(func() { _ = conn.Close() })
		_, _ = io.WriteString(conn, http2.ClientPreface)
		go func() { _, _ = io.Copy(io.Discard, conn) }()
		framer := http2.NewFramer(conn, nil)
		_ = framer.WriteSettings()
		for i := range 50 {
			var block bytes.Buffer
			encoder := hpack.NewEncoder(&block)
			for _, field := range [][2]string{{":method", "GET"}, {":scheme", "http"}, {":path", "/delay/10"}, {":authority", "x"}, {"a", strings.Repeat("a", 10000)}} {
				require.NoError(t, encoder.WriteField(hpack.HeaderField{Name: field[0], Value: field[1]}))
			}
			_ = framer.WriteHeaders(http2.HeadersFrameParam{StreamID: uint32(2*i + 1), BlockFragment: block.Bytes(), EndHeaders: true, EndStream: true})
		}
	}
	assert.Equal(t, 200, p.get("/ping").status, "others are served")
	p.assertMemory()
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

// dialGRPC returns a connection of its own.
func (p *process) dialGRPC() *grpc.ClientConn {
	p.t.Helper()
	conn, err := grpc.NewClient("passthrough:///"+p.grpcAddress, grpc.WithTransportCredentials(insecure.NewCredentials()), grpc.WithNoProxy())
	require.NoError(p.t, err)
	p.t.Cleanup(func() { _ = conn.Close() })
	return conn
}

// silentCall begins a call and sends no message.
func silentCall(t *testing.T, conn *grpc.ClientConn) grpc.ClientStream {
	t.Helper()
	stream, err := conn.NewStream(t.Context(), &grpc.StreamDesc{ClientStreams: true}, contract.PathSayHello)
	require.NoError(t, err)
	return stream
}

// gauge is the value of a series without labels.
func (p *process) gauge(name string) float64 {
	p.t.Helper()
	_, after, ok := strings.Cut(p.get("/metrics").body, "\n"+name+" ")
	require.True(p.t, ok, name)
	value, err := strconv.ParseFloat(strings.Fields(after)[0], 64)
	require.NoError(p.t, err)
	return value
}

func (p *process) hello(name string) error {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.t.Context(), patience)
	defer cancel()
	_, err := helloworld.NewGreeterClient(p.dialGRPC()).SayHello(ctx, &helloworld.HelloRequest{Name: name})
	return err
}

func TestAttackBySilentCalls(t *testing.T) {
	p := ofItsOwn(t, []string{"READ_TIMEOUT=2s"})
	const connections, calls = 80, 100
	var streams []grpc.ClientStream
	for range connections {
		conn := p.dialGRPC()
		for range calls {
			streams = append(streams, silentCall(t, conn))
		}
	}
	assert.NoError(t, p.hello("world"), "others are served")
	var ended sync.WaitGroup
	for _, s := range streams {
		ended.Go(func() {
			assert.Contains(t, []codes.Code{codes.Canceled, codes.DeadlineExceeded}, status.Code(s.RecvMsg(&helloworld.HelloReply{})))
		})
	}
	ended.Wait()
	require.Eventually(t, func() bool { return p.gauge("go_goroutines") < 600 }, patience, 20*time.Millisecond, "only those of the connections are left")
	p.assertMemory()
}

// A message that is almost there is as good as none.
func TestAttackByHalfMessages(t *testing.T) {
	p := ofItsOwn(t, []string{"READ_TIMEOUT=2s"})
	const connections, calls = 20, 100
	for range connections {
		conn, err := net.Dial("tcp", p.grpcAddress)
		require.NoError(t, err)
		t.Cleanup(func() { _ = conn.Close() })
		_, err = io.WriteString(conn, http2.ClientPreface)
		require.NoError(t, err)
		go func() { _, _ = io.Copy(io.Discard, conn) }()
		framer := http2.NewFramer(conn, nil)
		require.NoError(t, framer.WriteSettings())
		for i := range calls {
			require.NoError(t, framer.WriteHeaders(http2.HeadersFrameParam{StreamID: uint32(2*i + 1), BlockFragment: sayHelloHeaders(t), EndHeaders: true}))
			// The message is 16,000 bytes long, and the last one never comes.
			message := append([]byte{0, 0, 0, 0x3e, 0x80}, make([]byte, 15999)...)
			for len(message) > 0 {
				n := min(len(message), 16<<10)
				if framer.WriteData(uint32(2*i+1), false, message[:n]) != nil {
					break
				}
				message = message[n:]
			}
		}
	}
	assert.NoError(t, p.hello("world"), "others are served")
	time.Sleep(500 * time.Millisecond)
	p.assertMemory()
}

// gRPC answers a compression that it does not know by itself.
func TestUnknownCompressionIsCounted(t *testing.T) {
	p := inProcess(t, nil)
	conn, err := net.Dial("tcp", p.grpcAddress)
	require.NoError(t, err)
	defer conn.Close()
	_, err = io.WriteString(conn, http2.ClientPreface)
	require.NoError(t, err)
	go func() { _, _ = io.Copy(io.Discard, conn) }()
	framer := http2.NewFramer(conn, nil)
	require.NoError(t, framer.WriteSettings())
	require.NoError(t, framer.WriteHeaders(http2.HeadersFrameParam{
		StreamID: 1, BlockFragment: sayHelloHeaders(t, [2]string{"grpc-encoding", "none-such"}), EndHeaders: true,
	}))
	const series = `grpc_server_handled_total{grpc_code="Unimplemented",grpc_method="SayHello",grpc_service="helloworld.Greeter",grpc_type="unary"} 1`
	require.Eventually(t, func() bool { return strings.Contains(p.get("/metrics").body, series) }, patience, time.Millisecond)
	p.awaitLog(`"method":"/helloworld.Greeter/SayHello","code":"Unimplemented"`)
}

func sayHelloHeaders(t *testing.T, more ...[2]string) []byte {
	t.Helper()
	var block bytes.Buffer
	encoder := hpack.NewEncoder(&block)
	for _, field := range append([][2]string{
		{":method", "POST"}, {":scheme", "http"}, {":path", contract.PathSayHello}, {":authority", "x"},
		{"content-type", "application/grpc"}, {"te", "trailers"},
	}, more...) {
		require.NoError(t, encoder.WriteField(hpack.HeaderField{Name: field[0], Value: field[1]}))
	}
	return block.Bytes()
}

func TestAttackByConnections(t *testing.T) {
	for name, address := range map[string]func(*process) string{
		"http": func(p *process) string { return p.httpAddress }, "grpc": func(p *process) string { return p.grpcAddress },
	} {
		t.Run(name, func(t *testing.T) {
			p := ofItsOwn(t, nil)
			preface := http2.ClientPreface + "\x00\x00\x00\x04\x00\x00\x00\x00\x00"
			if name == "http" {
				preface = "GET /ping HTTP/1.1\r\nHost: x\r\nA: " + strings.Repeat("a", 15000)
			}
			for range 3000 {
				conn, err := net.Dial("tcp", address(p))
				require.NoError(t, err)
				t.Cleanup(func() { _ = conn.Close() })
				_, _ = io.WriteString(conn, preface)
			}
			assert.Equal(t, 200, p.get("/ping").status, "others are served")
			assert.NoError(t, p.hello("world"))
			p.assertMemory()
		})
	}
}

func TestShutdownIsNotHeldUp(t *testing.T) {
	for name, attack := range map[string]func(t *testing.T, conn *grpc.ClientConn){
		"silent call": func(t *testing.T, conn *grpc.ClientConn) { silentCall(t, conn) },
		"reflection": func(t *testing.T, conn *grpc.ClientConn) {
			stream, err := grpc_reflection_v1.NewServerReflectionClient(conn).ServerReflectionInfo(t.Context())
			require.NoError(t, err)
			require.NoError(t, stream.Send(&grpc_reflection_v1.ServerReflectionRequest{MessageRequest: &grpc_reflection_v1.ServerReflectionRequest_ListServices{}}))
			_, err = stream.Recv()
			require.NoError(t, err)
		},
		"silent reflection": func(t *testing.T, conn *grpc.ClientConn) {
			_, err := grpc_reflection_v1.NewServerReflectionClient(conn).ServerReflectionInfo(t.Context())
			require.NoError(t, err)
		},
		"health watch": func(t *testing.T, conn *grpc.ClientConn) {
			stream, err := grpc_health_v1.NewHealthClient(conn).Watch(t.Context(), &grpc_health_v1.HealthCheckRequest{})
			require.NoError(t, err)
			_, err = stream.Recv()
			require.NoError(t, err)
		},
	} {
		t.Run(name, func(t *testing.T) {
			p := inProcess(t, nil)
			conn := p.dialGRPC()
			attack(t, conn)
			start := time.Now()
			p.signal(syscall.SIGTERM)
			assert.Equal(t, exitOK, p.exitStatus())
			assert.Less(t, time.Since(start), 8*time.Second)
			assert.NotContains(t, p.log(), "open connections were cut")
		})
	}
}

// sendRaw sends requests as they are, over connections that are kept.
func (p *process) sendRaw(connections, requests int, request string) {
	p.t.Helper()
	var wait sync.WaitGroup
	for range connections {
		wait.Go(func() {
			conn, err := net.Dial("tcp", p.httpAddress)
			if !assert.NoError(p.t, err) {
				return
			}
			defer conn.Close()
			reader := bufio.NewReader(conn)
			for range requests {
				if _, err := io.WriteString(conn, request); err != nil {
					return
				}
				response, err := http.ReadResponse(reader, nil)
				if err != nil {
					return
				}
				_, _ = io.Copy(io.Discard, response.Body)
				_ = response.Body.Close()
			}
		})
	}
	wait.Wait()
}

// Spans wait for a collector that is not there, with what callers sent.
func TestAttackBySpans(t *testing.T) {
	p := ofItsOwn(t, []string{"OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:1"})
	const traceparent = "Traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01\r\n"
	for _, request := range []string{
		strings.Repeat("X", 15000) + " /ping HTTP/1.1\r\nHost: x\r\n" + traceparent + "\r\n",
		"GET /" + strings.Repeat("x", 15000) + " HTTP/1.1\r\nHost: x\r\n" + traceparent + "\r\n",
		"GET /ping HTTP/1.1\r\nHost: x\r\n" + traceparent + "Tracestate: " + strings.Repeat("a="+strings.Repeat("x", 255)+",", 31) + "b=c\r\n\r\n",
		"GET /ping HTTP/1.1\r\nHost: x\r\n" + traceparent + "User-Agent: " + strings.Repeat("x", 15000) + "\r\n\r\n",
	} {
		p.sendRaw(10, 300, request)
	}
	p.assertMemory()
}
