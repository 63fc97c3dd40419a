// Package greeter is both sides of helloworld.Greeter: the service that answers,
// and the clients that call it on other pods.
package greeter

import (
	"context"
	"fmt"
	"strings"

	"google.golang.org/grpc/metadata"

	"github.com/crossoverJie/k8s-combat/app/contract"
	"github.com/crossoverJie/k8s-combat/app/helloworld"
)

// Service answers as the pod it runs in.
type Service struct {
	helloworld.UnimplementedGreeterServer

	// Hostname is the name of the pod.
	Hostname string
}

// SayHello answers "hostname:H, in:NAME, version:V".
func (s *Service) SayHello(ctx context.Context, in *helloworld.HelloRequest) (*helloworld.HelloReply, error) {
	var version string
	if values := metadata.ValueFromIncomingContext(ctx, contract.VersionHeader); len(values) > 0 {
		// Metadata may be any bytes, a message may not.
		version = strings.ToValidUTF8(values[0], "\uFFFD")
	}
	return &helloworld.HelloReply{
		Message: fmt.Sprintf("hostname:%s, in:%s, version:%s", s.Hostname, in.GetName(), version),
	}, nil
}
