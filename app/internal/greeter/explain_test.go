package greeter

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/assert"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/resolver"
	"google.golang.org/grpc/resolver/manual"
	"google.golang.org/grpc/status"

	"github.com/crossoverJie/k8s-combat/app/helloworld"
)

// The message is gRPC's own: this notices if a new version of it says it in
// other words.
func TestExplainNamesAHostThatDoesNotExist(t *testing.T) {
	empty := manual.NewBuilderWithScheme("empty")
	empty.InitialState(resolver.State{})
	conn, err := grpc.NewClient("empty:///x", grpc.WithDefaultServiceConfig(serviceConfig), grpc.WithResolvers(empty), grpc.WithTransportCredentials(insecure.NewCredentials()))
	assert.NoError(t, err)
	defer conn.Close()

	_, err = helloworld.NewGreeterClient(conn).SayHello(t.Context(), &helloworld.HelloRequest{})
	assert.EqualError(t, explain(err), "rpc error: code = Unavailable desc = no such host: DNS has no address for it, or does not answer")
}

func TestExplainLeavesOtherErrors(t *testing.T) {
	for _, err := range []error{status.Error(codes.Internal, "x"), errors.New("x")} {
		assert.Equal(t, err, explain(err))
	}
}
