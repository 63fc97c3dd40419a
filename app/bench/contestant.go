//go:build linux

package main

import (
	"fmt"
	"net"
	"path/filepath"

	"github.com/crossoverJie/k8s-combat/app/contract"
	"github.com/crossoverJie/k8s-combat/app/helloworld"
)

const (
	serviceName  = "k8s-combat"
	bareHTTPName = "bare net/http"
	podinfoName  = "podinfo"
	bareGRPCName = "bare grpc-go"
)

// contestant is a server to measure.
type contestant struct {
	name      string
	program   string
	arguments []string
	// address is what the load goes to, and talk how.
	address string
	talk    func() conversation
	// ready is the URL that answers 200 once it is ready. Defaults to none: it is ready when it takes connections.
	ready string
	// message is in each line that it logs of a request of the load, and series counts them on the page metrics. Both
	// default to none.
	message, series, metrics string
}

// contestants makes the servers to measure. The first of each is the service.
type contestants struct{ http, grpc []contestant }

// newContestants takes programs from a folder, and podinfo from its path, if there is one.
func newContestants(folder, podinfo string) (contestants, error) {
	var free [6]string
	for i := range free {
		address, err := freeAddress()
		if err != nil {
			return contestants{}, err
		}
		free[i] = address
	}
	sent, err := makeCallBytes()
	if err != nil {
		return contestants{}, err
	}
	service := contestant{
		name:      serviceName,
		program:   filepath.Join(folder, serviceName),
		arguments: []string{"--http-address=" + free[0], "--grpc-address=" + free[1], "--admin-address=" + free[5]},
		ready:     "http://" + free[5] + contract.PathReady,
		metrics:   "http://" + free[5] + contract.PathMetrics,
	}
	overHTTP, overGRPC := service, service
	overHTTP.address = free[0]
	overHTTP.talk = func() conversation { return newGet(contract.PathPing) }
	overHTTP.message = `"msg":"request"`
	overHTTP.series = fmt.Sprintf(`%s{%s="200",%s="GET",%s="%s"}`, contract.MetricHTTPRequests,
		contract.LabelCode, contract.LabelMethod, contract.LabelRoute, contract.PathPing)
	overGRPC.address = free[1]
	overGRPC.talk = sent.newCall
	overGRPC.message = `"msg":"call"`
	overGRPC.series = fmt.Sprintf(`%s{%s="OK",%s="SayHello",%s="%s",%s="unary"}`, contract.MetricGRPCRequests,
		contract.LabelGRPCCode, contract.LabelGRPCMethod, contract.LabelGRPCService, helloworld.Greeter_ServiceDesc.ServiceName, contract.LabelGRPCType)

	c := contestants{
		http: []contestant{overHTTP, {
			name:      bareHTTPName,
			program:   filepath.Join(folder, "barehttp"),
			arguments: []string{free[2]},
			address:   free[2],
			talk:      overHTTP.talk,
			ready:     "http://" + free[2],
		}},
		grpc: []contestant{overGRPC, {
			name:      bareGRPCName,
			program:   filepath.Join(folder, "baregrpc"),
			arguments: []string{free[3]},
			address:   free[3],
			talk:      overGRPC.talk,
		}},
	}
	if podinfo == "" {
		return c, nil
	}
	host, port, err := net.SplitHostPort(free[4])
	c.http = append(c.http, contestant{
		name:      podinfoName,
		program:   podinfo,
		arguments: []string{"--host=" + host, "--port=" + port},
		address:   free[4],
		// The shortest of its answers.
		talk:  func() conversation { return newGet("/healthz") },
		ready: "http://" + free[4] + "/readyz",
	})
	return c, err
}

// freeAddress returns an address that nobody listens on.
func freeAddress() (string, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return listener.Addr().String(), listener.Close()
}
