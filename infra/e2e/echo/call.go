package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/crossoverJie/k8s-combat/app/helloworld"
	"github.com/crossoverJie/k8s-combat/infra/e2e/echo/wire"
)

// makeCalls makes the calls at a bounded rate, each without waiting for the one before, and waits for all of them.
func makeCalls(ctx context.Context, call wire.Call) ([]wire.Result, error) {
	if call.Count < 1 || call.Count > wire.MaxCount {
		return nil, fmt.Errorf("count: %d is out of range; use 1 to %d", call.Count, wire.MaxCount)
	}
	target, err := url.Parse(call.URL)
	if err != nil {
		return nil, fmt.Errorf("url: %w", err)
	}
	var once func(ctx context.Context) wire.Result
	switch target.Scheme {
	case "http":
		client := newHTTPClient()
		defer client.CloseIdleConnections()
		once = func(ctx context.Context) wire.Result { return request(ctx, client, call) }
	case "grpc":
		conn, err := grpc.NewClient(target.Host, grpc.WithTransportCredentials(insecure.NewCredentials()), grpc.WithDisableRetry())
		if err != nil {
			return nil, fmt.Errorf("url: %w", err)
		}
		defer conn.Close()
		once = func(ctx context.Context) wire.Result { return greet(ctx, helloworld.NewGreeterClient(conn), call) }
	default:
		return nil, fmt.Errorf("url: %q is neither http nor grpc", call.URL)
	}

	results := make([]wire.Result, call.Count)
	pace := time.NewTicker(time.Second / wire.MaxRate)
	defer pace.Stop()
	var running sync.WaitGroup
	for i := range results {
		<-pace.C
		running.Go(func() {
			ctx, cancel := context.WithTimeout(ctx, wire.Timeout)
			defer cancel()
			start := time.Now()
			results[i] = once(ctx)
			results[i].Elapsed = time.Since(start)
		})
	}
	running.Wait()
	return results, nil
}

func newHTTPClient() *http.Client {
	return &http.Client{
		Transport:     &http.Transport{MaxIdleConnsPerHost: wire.MaxRate},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

func request(ctx context.Context, client *http.Client, call wire.Call) wire.Result {
	r, err := http.NewRequestWithContext(ctx, call.Method, call.URL, nil)
	if err != nil {
		return wire.Result{Error: err.Error()}
	}
	for name, value := range call.Header {
		if strings.EqualFold(name, "host") {
			r.Host = value
		}
		r.Header.Set(name, value)
	}
	response, err := client.Do(r)
	if err != nil {
		return wire.Result{Error: err.Error()}
	}
	defer response.Body.Close()
	body, err := io.ReadAll(io.LimitReader(response.Body, maxBody))
	if err != nil {
		return wire.Result{Error: err.Error()}
	}
	return wire.Result{Status: response.StatusCode, Body: string(body), Header: response.Header}
}

func greet(ctx context.Context, client helloworld.GreeterClient, call wire.Call) wire.Result {
	reply, err := client.SayHello(metadata.NewOutgoingContext(ctx, metadata.New(call.Header)), &helloworld.HelloRequest{Name: "echo"})
	if err != nil {
		return wire.Result{Error: err.Error(), Status: int(status.Code(err))}
	}
	return wire.Result{Body: reply.GetMessage()}
}
