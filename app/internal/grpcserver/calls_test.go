package grpcserver_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"io"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/net/http2"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/encoding"
	_ "google.golang.org/grpc/encoding/gzip" // as exporters of telemetry bring it
	"google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/mem"
	"google.golang.org/grpc/reflection/grpc_reflection_v1"
	"google.golang.org/grpc/status"
	"google.golang.org/grpc/test/bufconn"

	"github.com/crossoverJie/k8s-combat/app/helloworld"
	"github.com/crossoverJie/k8s-combat/app/internal/grpcserver"
)

const sayHello = "/helloworld.Greeter/SayHello"

// inBubble runs f with a server and a connection to it, in a bubble of its own.
func inBubble(t *testing.T, change func(*grpcserver.Options), f func(t *testing.T, listener *bufconn.Listener, server *grpcserver.Server, conn *grpc.ClientConn)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		listener := bufconn.Listen(1 << 16)
		o := options(&fakeGreeter{held: make(chan struct{}), hold: make(chan struct{})})
		if change != nil {
			change(&o)
		}
		server := grpcserver.New(listener, o)
		served := make(chan error, 1)
		go func() { served <- server.Serve() }()
		conn, err := dial(listener)
		require.NoError(t, err)
		f(t, listener, server, conn)
		require.NoError(t, conn.Close())
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		_ = server.Drain(ctx)
		assert.NoError(t, <-served)
	})
}

// begin begins a call and sends no message.
func begin(t *testing.T, conn *grpc.ClientConn, method string) grpc.ClientStream {
	t.Helper()
	s, err := conn.NewStream(t.Context(), &grpc.StreamDesc{ClientStreams: true}, method)
	require.NoError(t, err)
	return s
}

func hello(ctx context.Context, conn *grpc.ClientConn, name string) error {
	_, err := helloworld.NewGreeterClient(conn).SayHello(ctx, &helloworld.HelloRequest{Name: name})
	return err
}

func TestSilentCallsEnd(t *testing.T) {
	inBubble(t, func(o *grpcserver.Options) { o.Message = 10 * time.Second }, func(t *testing.T, _ *bufconn.Listener, _ *grpcserver.Server, conn *grpc.ClientConn) {
		for _, method := range []string{sayHello, grpc_health_v1.Health_Check_FullMethodName, grpc_health_v1.Health_Watch_FullMethodName} {
			start := time.Now()
			err := begin(t, conn, method).RecvMsg(&helloworld.HelloReply{})
			assert.Equal(t, codes.DeadlineExceeded, status.Code(err), method)
			assert.Equal(t, 10*time.Second, time.Since(start), method)
		}
	})
}

func TestUnaryCallsEnd(t *testing.T) {
	inBubble(t, func(o *grpcserver.Options) {
		o.Unary = 5 * time.Second
		o.Greeter = slowGreeter{}
	}, func(t *testing.T, _ *bufconn.Listener, _ *grpcserver.Server, conn *grpc.ClientConn) {
		start := time.Now()
		err := hello(t.Context(), conn, "world")
		assert.Equal(t, codes.DeadlineExceeded, status.Code(err))
		assert.ErrorContains(t, err, "the call takes too long")
		assert.Equal(t, 5*time.Second, time.Since(start))
	})
}

// slowGreeter answers when its caller has given up.
type slowGreeter struct {
	helloworld.UnimplementedGreeterServer
}

func (slowGreeter) SayHello(ctx context.Context, _ *helloworld.HelloRequest) (*helloworld.HelloReply, error) {
	<-ctx.Done()
	return nil, ctx.Err()
}

func TestTooManyCallsEndTheOldestSilentOne(t *testing.T) {
	inBubble(t, func(o *grpcserver.Options) { o.MaxCalls = 3 }, func(t *testing.T, _ *bufconn.Listener, _ *grpcserver.Server, conn *grpc.ClientConn) {
		watch, err := grpc_health_v1.NewHealthClient(conn).Watch(t.Context(), &grpc_health_v1.HealthCheckRequest{})
		require.NoError(t, err)
		_, err = watch.Recv()
		require.NoError(t, err)
		oldest := begin(t, conn, sayHello)
		synctest.Wait()
		second := begin(t, conn, sayHello)
		synctest.Wait()
		assert.NoError(t, hello(t.Context(), conn, "world"))
		assert.Equal(t, codes.Canceled, status.Code(oldest.RecvMsg(&helloworld.HelloReply{})))

		require.NoError(t, second.SendMsg(&helloworld.HelloRequest{Name: "second"}))
		require.NoError(t, second.CloseSend())
		var reply helloworld.HelloReply
		require.NoError(t, second.RecvMsg(&reply))
		assert.Equal(t, "second", reply.GetMessage())
		assert.NoError(t, watch.Context().Err(), "those that talk go on")
	})
}

func TestTooManyCallsEndThoseOfWhoHasMost(t *testing.T) {
	inBubble(t, func(o *grpcserver.Options) { o.MaxCalls = 3 }, func(t *testing.T, listener *bufconn.Listener, _ *grpcserver.Server, conn *grpc.ClientConn) {
		first := begin(t, conn, sayHello)
		synctest.Wait()
		other, err := dial(listener)
		require.NoError(t, err)
		defer other.Close()
		for range 10 {
			begin(t, other, sayHello)
			synctest.Wait()
		}
		require.NoError(t, first.SendMsg(&helloworld.HelloRequest{Name: "first"}))
		require.NoError(t, first.CloseSend())
		assert.NoError(t, first.RecvMsg(&helloworld.HelloReply{}))
	})
}

func TestTooManyStreamsEndTheOldest(t *testing.T) {
	inBubble(t, func(o *grpcserver.Options) { o.MaxCalls = 2 }, func(t *testing.T, _ *bufconn.Listener, _ *grpcserver.Server, conn *grpc.ClientConn) {
		var watches []grpc.ServerStreamingClient[grpc_health_v1.HealthCheckResponse]
		for range 2 {
			watch, err := grpc_health_v1.NewHealthClient(conn).Watch(t.Context(), &grpc_health_v1.HealthCheckRequest{})
			require.NoError(t, err)
			_, err = watch.Recv()
			require.NoError(t, err)
			watches = append(watches, watch)
		}
		assert.NoError(t, hello(t.Context(), conn, "world"))
		_, err := watches[0].Recv()
		assert.Equal(t, codes.ResourceExhausted, status.Code(err))
		assert.NoError(t, watches[1].Context().Err())
	})
}

func TestDrainEndsWhatWouldGoOn(t *testing.T) {
	inBubble(t, nil, func(t *testing.T, _ *bufconn.Listener, server *grpcserver.Server, conn *grpc.ClientConn) {
		reflection, err := grpc_reflection_v1.NewServerReflectionClient(conn).ServerReflectionInfo(t.Context())
		require.NoError(t, err)
		require.NoError(t, reflection.Send(&grpc_reflection_v1.ServerReflectionRequest{
			MessageRequest: &grpc_reflection_v1.ServerReflectionRequest_ListServices{},
		}))
		_, err = reflection.Recv()
		require.NoError(t, err)
		silent := begin(t, conn, sayHello)
		synctest.Wait()

		start := time.Now()
		drained := make(chan error, 1)
		go func() { drained <- server.Drain(t.Context()) }()
		assert.Error(t, silent.RecvMsg(&helloworld.HelloReply{}))
		assert.Equal(t, time.Second, time.Since(start), "nobody waits for a call without a message")
		assert.NoError(t, <-drained)
		assert.Equal(t, 5*time.Second, time.Since(start))
		_, err = reflection.Recv()
		assert.Error(t, err)
	})
}

func TestDrainLetsStreamsEnd(t *testing.T) {
	inBubble(t, nil, func(t *testing.T, _ *bufconn.Listener, server *grpcserver.Server, conn *grpc.ClientConn) {
		reflection, err := grpc_reflection_v1.NewServerReflectionClient(conn).ServerReflectionInfo(t.Context())
		require.NoError(t, err)
		exchange := func() {
			require.NoError(t, reflection.Send(&grpc_reflection_v1.ServerReflectionRequest{
				MessageRequest: &grpc_reflection_v1.ServerReflectionRequest_ListServices{},
			}))
			_, err := reflection.Recv()
			require.NoError(t, err)
		}
		exchange()
		drained := make(chan error, 1)
		go func() { drained <- server.Drain(t.Context()) }()
		for range 4 {
			time.Sleep(time.Second)
			exchange()
		}
		require.NoError(t, reflection.CloseSend())
		_, err = reflection.Recv()
		assert.ErrorIs(t, err, io.EOF)
		assert.NoError(t, <-drained)
	})
}

func TestDrainLetsOpenCallsEnd(t *testing.T) {
	inBubble(t, func(o *grpcserver.Options) { o.Greeter = &busyGreeter{takes: 5 * time.Second} }, func(t *testing.T, _ *bufconn.Listener, server *grpcserver.Server, conn *grpc.ClientConn) {
		called := make(chan error, 1)
		go func() { called <- hello(t.Context(), conn, "world") }()
		synctest.Wait()
		start := time.Now()
		assert.NoError(t, server.Drain(t.Context()))
		assert.NoError(t, <-called)
		assert.Equal(t, 5*time.Second, time.Since(start))
	})
}

// busyGreeter takes its time.
type busyGreeter struct {
	helloworld.UnimplementedGreeterServer
	takes time.Duration
}

func (g *busyGreeter) SayHello(ctx context.Context, _ *helloworld.HelloRequest) (*helloworld.HelloReply, error) {
	select {
	case <-time.After(g.takes):
		return &helloworld.HelloReply{}, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// raw sends bytes as they are.
type raw struct{}

func (raw) Marshal(v any) (mem.BufferSlice, error) {
	return mem.BufferSlice{mem.SliceBuffer(v.([]byte))}, nil
}
func (raw) Unmarshal(mem.BufferSlice, any) error { return nil }
func (raw) Name() string                         { return "proto" }

func TestFailuresAreCounted(t *testing.T) {
	const known = `grpc_method="SayHello",grpc_service="helloworld.Greeter",grpc_type="unary"`
	tests := map[string]struct {
		attack func(t *testing.T, f *fixture)
		series string
		log    string
	}{
		"unknown method": {
			func(t *testing.T, f *fixture) {
				err := f.conn.Invoke(testContext(t, long), "/helloworld.Greeter/"+strings.Repeat("x", 10000), &helloworld.HelloRequest{}, &helloworld.HelloReply{})
				assert.Equal(t, codes.Unimplemented, status.Code(err))
				assert.Less(t, len(err.Error()), 400)
			},
			`grpc_code="Unimplemented",grpc_method="_OTHER",grpc_service="_OTHER",grpc_type="stream"`, `"method":"/helloworld.Greeter/xxx`,
		},
		"unknown service": {
			func(t *testing.T, f *fixture) {
				err := f.conn.Invoke(testContext(t, long), "/a.B/C", &helloworld.HelloRequest{}, &helloworld.HelloReply{})
				assert.Equal(t, codes.Unimplemented, status.Code(err))
			},
			`grpc_code="Unimplemented",grpc_method="_OTHER",grpc_service="_OTHER",grpc_type="stream"`, `"method":"/a.B/C","code":"Unimplemented"`,
		},
		"malformed method": {
			func(t *testing.T, f *fixture) {
				err := f.conn.Invoke(testContext(t, long), "/x", &helloworld.HelloRequest{}, &helloworld.HelloReply{})
				assert.Equal(t, codes.Unimplemented, status.Code(err))
			},
			`grpc_code="Unimplemented",grpc_method="_OTHER",grpc_service="_OTHER",grpc_type="stream"`, `"method":"/x","code":"Unimplemented"`,
		},
		"too long a message": {
			func(t *testing.T, f *fixture) {
				assert.Equal(t, codes.ResourceExhausted, status.Code(hello(testContext(t, long), f.conn, strings.Repeat("x", 1<<20))))
			},
			`grpc_code="ResourceExhausted",` + known, `"method":"/helloworld.Greeter/SayHello","code":"ResourceExhausted"`,
		},
		"compression bomb": {
			func(t *testing.T, f *fixture) {
				err := f.conn.Invoke(testContext(t, long), sayHello, &helloworld.HelloRequest{Name: strings.Repeat("x", 10<<20)}, &helloworld.HelloReply{}, grpc.UseCompressor("gzip"))
				assert.Equal(t, codes.ResourceExhausted, status.Code(err))
			},
			`grpc_code="ResourceExhausted",` + known, `"code":"ResourceExhausted"`,
		},
		"broken compression": {
			func(t *testing.T, f *fixture) {
				encoding.RegisterCompressor(broken{})
				err := f.conn.Invoke(testContext(t, long), sayHello, &helloworld.HelloRequest{Name: "x"}, &helloworld.HelloReply{}, grpc.UseCompressor("none-such"))
				assert.Error(t, err)
			},
			`grpc_code="Internal",` + known, `"code":"Internal"`,
		},
		"broken message": {
			func(t *testing.T, f *fixture) {
				err := f.conn.Invoke(testContext(t, long), sayHello, []byte{0xff}, &helloworld.HelloReply{}, grpc.ForceCodecV2(raw{}))
				assert.Equal(t, codes.Internal, status.Code(err))
			},
			`grpc_code="Internal",` + known, `"code":"Internal"`,
		},
		"reset": {
			func(t *testing.T, f *fixture) {
				ctx, cancel := context.WithCancel(testContext(t, long))
				_, err := f.conn.NewStream(ctx, &grpc.StreamDesc{ClientStreams: true}, sayHello)
				require.NoError(t, err)
				require.NoError(t, hello(testContext(t, long), f.conn, "so that it has begun"))
				cancel()
			},
			`grpc_code="Canceled",` + known, `"code":"Canceled"`,
		},
		"connection that breaks": {
			func(t *testing.T, f *fixture) {
				var broken net.Conn
				conn, err := grpc.NewClient("passthrough:///bufconn", grpc.WithTransportCredentials(insecure.NewCredentials()),
					grpc.WithContextDialer(func(ctx context.Context, _ string) (c net.Conn, err error) {
						broken, err = f.listener.DialContext(ctx)
						return broken, err
					}))
				require.NoError(t, err)
				defer conn.Close()
				_, err = conn.NewStream(testContext(t, long), &grpc.StreamDesc{ClientStreams: true}, sayHello)
				require.NoError(t, err)
				require.NoError(t, hello(testContext(t, long), conn, "so that it has begun"))
				require.NoError(t, broken.Close())
			},
			`grpc_code="Canceled",` + known, `"code":"Canceled"`,
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t)
			tt.attack(t, f)
			require.Eventually(t, func() bool { return strings.Contains(f.page(), "grpc_server_handled_total{"+tt.series+"} 1") }, long, time.Millisecond)
			assert.Contains(t, f.page(), "grpc_server_handling_seconds_count{"+tt.series+"} 1")
			require.NoError(t, f.Drain(testContext(t, long)), "the line is written after the series")
			assert.Contains(t, f.log.String(), tt.log)
		})
	}
}

// broken is a compressor that does not compress.
type broken struct{}

func (broken) Name() string { return "none-such" }

func (broken) Compress(w io.Writer) (io.WriteCloser, error) { return gzip.NewWriter(w), nil }

func (broken) Decompress(_ io.Reader) (io.Reader, error) {
	return gzip.NewReader(bytes.NewReader([]byte("x")))
}

// A client of a headless Service finds new pods only by connecting anew.
func TestConnectionsEndWithoutAFailedCall(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	o := options(&fakeGreeter{})
	o.Age = 50 * time.Millisecond
	server := grpcserver.New(listener, o)
	served := make(chan error, 1)
	go func() { served <- server.Serve() }()
	var dialed atomic.Int32
	conn, err := grpc.NewClient("passthrough:///"+listener.Addr().String(), grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithDisableRetry(),
		grpc.WithContextDialer(func(ctx context.Context, address string) (net.Conn, error) {
			dialed.Add(1)
			return (&net.Dialer{}).DialContext(ctx, "tcp", address)
		}))
	require.NoError(t, err)
	defer conn.Close()
	var calls atomic.Int32
	var wait sync.WaitGroup
	for range 4 {
		wait.Go(func() {
			for end := time.Now().Add(2 * time.Second); time.Now().Before(end); calls.Add(1) {
				if !assert.NoError(t, hello(testContext(t, long), conn, "world")) {
					return
				}
			}
		})
	}
	wait.Wait()
	t.Logf("%d calls over %d connections", calls.Load(), dialed.Load())
	assert.Greater(t, dialed.Load(), int32(5))
	assert.Greater(t, calls.Load(), int32(100))
	require.NoError(t, conn.Close())
	assert.NoError(t, server.Drain(testContext(t, long)))
	assert.NoError(t, <-served)
}

// A peer that is gone takes no connection with it.
func TestDeadPeersAreClosed(t *testing.T) {
	inBubble(t, nil, func(t *testing.T, listener *bufconn.Listener, _ *grpcserver.Server, _ *grpc.ClientConn) {
		conn, err := listener.DialContext(t.Context())
		require.NoError(t, err)
		defer conn.Close()
		_, err = io.WriteString(conn, http2.ClientPreface)
		require.NoError(t, err)
		framer := http2.NewFramer(conn, nil)
		require.NoError(t, framer.WriteSettings())
		start := time.Now()
		// It reads, and answers nothing: not the questions whether it is there.
		_, err = io.Copy(io.Discard, conn)
		assert.NoError(t, err)
		assert.LessOrEqual(t, time.Since(start), time.Minute)
	})
}
