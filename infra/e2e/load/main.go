// Command load puts a bounded load on the sample service, from inside the cluster, and counts what fails. The
// end-to-end tests run it as a pod:
//
//	load -host k8s-combat-service -path /ping -headless k8s-combat-service-headless -rate 300 -most 10m
//
// It loads from its start until it is told to stop. GET /result, on port 8080, tells how it stands, and POST /stop ends
// the load, waits for the calls that are under way, and answers with the result.
//
// A call that fails is not tried again, and a connection that the other side closes while a request is on its way is a
// failure, although many clients would hide it.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"net/http"
	"os"
	"os/signal"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/crossoverJie/k8s-combat/app/contract"
)

// What a load may not exceed: it is made to prove something, not to overwhelm a cluster.
const (
	maxRate     = 1000
	maxDuration = 15 * time.Minute
)

func main() {
	host := flag.String("host", "", "name of the Service that HTTP requests go to, and maybe :PORT, which is the sample service's by default")
	authority := flag.String("authority", "", "host that HTTP requests are for, as their header says, such as that of a gateway's route; that of -host if empty")
	path := flag.String("path", contract.PathPing, "path of HTTP requests, and query: /ping, or one whose answer names its pod, / or /grpc_client?name=HOST")
	headless := flag.String("headless", "", "name of the headless Service whose pods gRPC calls go round; none if empty")
	rate := flag.Int("rate", 300, "requests a second")
	most := flag.Duration("most", 5*time.Minute, "stop by itself after this time")
	flag.Parse()
	if err := run(*host, *authority, *path, *headless, *rate, *most); err != nil {
		fmt.Fprintln(os.Stderr, "load:", err)
		os.Exit(1)
	}
}

func run(host, authority, path, headless string, rate int, most time.Duration) error {
	switch {
	case host == "":
		return errors.New("-host: is not set; name a Service")
	case !strings.HasPrefix(path, "/"):
		return fmt.Errorf("-path: %q is not a path; begin it with /", path)
	case rate < 1 || rate > maxRate:
		return fmt.Errorf("-rate: %d is out of range; use 1 to %d", rate, maxRate)
	case most <= 0 || most > maxDuration:
		return fmt.Errorf("-most: %s is out of range; use more than 0s, at most %s", most, maxDuration)
	}
	told, cancel := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	defer cancel()
	ctx, stop := context.WithTimeout(told, most)
	defer stop()

	loads, err := loadsOn(host, authority, path, headless, rate)
	if err != nil {
		return err
	}
	report := newReport()
	var running sync.WaitGroup
	for _, load := range loads {
		running.Go(func() { load.run(ctx, report) })
	}

	mux := http.NewServeMux()
	answer := func(w http.ResponseWriter) {
		w.Header().Set("Content-Type", "application/json")
		// The reader has gone, or it has not: there is nobody else to tell.
		_ = json.NewEncoder(w).Encode(report.result())
	}
	mux.HandleFunc("GET /result", func(w http.ResponseWriter, _ *http.Request) { answer(w) })
	mux.HandleFunc("POST /stop", func(w http.ResponseWriter, _ *http.Request) {
		stop()
		running.Wait()
		answer(w)
	})
	server := &http.Server{Addr: ":8080", Handler: mux, ReadHeaderTimeout: 5 * time.Second}
	// Nobody asks for a result any more: the pod need not use up its grace.
	context.AfterFunc(told, func() { _ = server.Close() })
	if err := server.ListenAndServe(); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}
