//go:build linux

// Command bench measures the sample service beside a bare net/http handler that writes pong, beside podinfo where it is given, and
// over gRPC beside a bare grpc-go server with the same Greeter:
//
//	make bench-app
//	go install github.com/stefanprodan/podinfo/cmd/podinfo@latest
//	make bench-app PODINFO=$(go env GOPATH)/bin/podinfo
//
// The service is compiled by the command of the Dockerfile and runs as the image runs it: a process of its own, with its
// defaults, so that it counts and logs every request. Its log is a pipe that is read, as a container's is; that every
// request was logged and counted is checked. The others are processes too.
//
// The servers take turns in short rounds, so that what else the machine does falls on all of them, and medians are
// compared. The client shares the processors with them. It is one thread that waits on all connections at once, sends
// bytes that are made beforehand and reads no more of an answer than whether it is the right one.
//
// It needs Linux: epoll and /proc.
package main
