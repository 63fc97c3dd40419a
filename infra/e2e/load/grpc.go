package main

import (
	"context"
	"errors"
	"io"
	"strings"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/reflection/grpc_reflection_v1"

	"github.com/crossoverJie/k8s-combat/app/contract"
	"github.com/crossoverJie/k8s-combat/app/helloworld"
)

// newGRPCClient makes a client that goes round the pods of a headless Service, and that does not try a call again which
// a server may have begun.
func newGRPCClient(address string) (*grpc.ClientConn, error) {
	return grpc.NewClient("dns:///"+address,
		grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithDefaultServiceConfig(`{"loadBalancingConfig": [{"round_robin": {}}]}`),
		grpc.WithDisableRetry(),
	)
}

// unaryCaller says hello.
type unaryCaller struct{ client *grpc.ClientConn }

func (c unaryCaller) call(ctx context.Context) (pod string, err error) {
	reply, err := helloworld.NewGreeterClient(c.client).SayHello(ctx, &helloworld.HelloRequest{Name: "load"})
	if err != nil {
		return "", err
	}
	pod, _ = greeter(reply.GetMessage())
	return pod, nil
}

// greeter returns the pod that a greeting names: "hostname:POD, in:NAME, version:VERSION".
func greeter(greeting string) (pod string, found bool) {
	_, rest, found := strings.Cut(greeting, "hostname:")
	pod, _, _ = strings.Cut(rest, ",")
	return pod, found
}

func (unaryCaller) close() {}

// streamLasts is how long a stream lasts: less than a shutdown gives it.
const streamLasts = 4 * time.Second

// streamCaller exchanges messages with server reflection, the service's one streaming method, on one stream after the
// other.
type streamCaller struct {
	client *grpc.ClientConn

	stream grpc_reflection_v1.ServerReflection_ServerReflectionInfoClient
	cancel context.CancelFunc
	opened time.Time
}

func (c *streamCaller) call(ctx context.Context) (pod string, err error) {
	if c.stream != nil && time.Since(c.opened) > streamLasts {
		if err := c.finish(); err != nil {
			return "", err
		}
	}
	if c.stream == nil {
		// The stream outlives this call, but not by much.
		streamCtx, cancel := context.WithTimeout(context.WithoutCancel(ctx), streamLasts+callTimeout)
		stream, err := grpc_reflection_v1.NewServerReflectionClient(c.client).ServerReflectionInfo(streamCtx)
		if err != nil {
			cancel()
			return "", err
		}
		c.stream, c.cancel, c.opened = stream, cancel, time.Now()
	}
	err = c.stream.Send(&grpc_reflection_v1.ServerReflectionRequest{
		MessageRequest: &grpc_reflection_v1.ServerReflectionRequest_FileContainingSymbol{FileContainingSymbol: contract.GreeterService},
	})
	// Where Send fails Recv tells why.
	if _, recvErr := c.stream.Recv(); recvErr != nil {
		err = recvErr
	}
	if err != nil {
		c.close()
	}
	return "", err
}

// finish ends the stream as a client that has said all does, and expects the server to end it too.
func (c *streamCaller) finish() error {
	defer c.close()
	if err := c.stream.CloseSend(); err != nil {
		return err
	}
	for {
		if _, err := c.stream.Recv(); err != nil {
			return unlessEnd(err)
		}
	}
}

func (c *streamCaller) close() {
	if c.stream != nil {
		c.cancel()
		c.stream = nil
	}
}

func unlessEnd(err error) error {
	if errors.Is(err, io.EOF) {
		return nil
	}
	return err
}
