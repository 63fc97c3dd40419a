//go:build linux

package main

import (
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"time"
)

func main() {
	var b bench
	flag.StringVar(&b.podinfo, "podinfo", "", "`PATH` of podinfo's program, to compare with")
	flag.IntVar(&b.rounds, "rounds", 5, "`NUMBER` of rounds of each server")
	flag.DurationVar(&b.lasting, "duration", 3*time.Second, "`TIME` that a round takes")
	flag.IntVar(&b.connections, "connections", 32, "`NUMBER` of connections, each of which has one request open")
	flag.IntVar(&b.starts, "starts", 20, "`NUMBER` of starts of each server")
	flag.Parse()
	if err := b.run(os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

type bench struct {
	podinfo     string
	rounds      int
	lasting     time.Duration
	connections int
	starts      int
}

func (b bench) run(out io.Writer) error {
	folder, err := os.MkdirTemp("", "bench-app-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(folder) }()
	for name, pkg := range map[string]string{serviceName: "./app", "barehttp": "./app/bench/barehttp", "baregrpc": "./app/bench/baregrpc"} {
		if err := compile(filepath.Join(folder, name), pkg); err != nil {
			return err
		}
	}
	image, err := imageBytes(filepath.Join(folder, serviceName))
	if err != nil {
		return err
	}
	c, err := newContestants(folder, b.podinfo)
	if err != nil {
		return err
	}
	if b.podinfo == "" {
		fmt.Fprintln(out, "SKIPPED podinfo: no PODINFO=PATH")
	}
	fmt.Fprintf(out, "%s/%s, %d processors, %s, %s; %d connections, logs are read from a pipe\n",
		runtime.GOOS, runtime.GOARCH, runtime.NumCPU(), processor(), runtime.Version(), b.connections)

	starts, err := b.measureStarts(c.http)
	if err != nil {
		return err
	}
	overHTTP, err := b.measure(out, c.http)
	if err != nil {
		return err
	}
	overGRPC, err := b.measure(out, c.grpc)
	if err != nil {
		return err
	}
	medians := fmt.Sprintf("medians of %d rounds of %v, in turns; ratios to %s", b.rounds, b.lasting, serviceName)
	writeTable(out, "HTTP: GET /ping, of podinfo /healthz; "+medians, overHTTP)
	writeTable(out, "gRPC: SayHello; "+medians, overGRPC)
	fmt.Fprintf(out, "\nStart to ready, median of %d:", b.starts)
	for i, server := range c.http {
		fmt.Fprintf(out, " %s %s", server.name, milliseconds(middle(starts[i], itself)))
	}
	fmt.Fprintln(out)
	writeGoals(out, overHTTP, overGRPC, starts[0], image)
	return nil
}
