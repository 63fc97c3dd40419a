// Command k8s-combat is the tutorial's sample service: HTTP on one port, gRPC on
// another. Run it with --help for its options.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"runtime"
	"runtime/debug"
	"strings"
	"syscall"
	"time"

	"github.com/crossoverJie/k8s-combat/app/internal/build"
	"github.com/crossoverJie/k8s-combat/app/internal/config"
	"github.com/crossoverJie/k8s-combat/app/internal/logging"
)

// Exit statuses, as the help tells them.
const (
	exitOK      = 0
	exitFailure = 1
	exitUsage   = 2
)

// lastWords is how long the log has at least, for its last lines, even where
// somebody insists.
const lastWords = 100 * time.Millisecond

// memoryLimit has the garbage collector work harder before the process takes what
// its pod does not have: without it, garbage may take as much as what is in use.
const memoryLimit = 32 << 20

func main() {
	// The variable GOMEMLIMIT says otherwise.
	if os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(memoryLimit)
	}
	// Room for two: neither the signal that shuts down nor the one that insists is
	// lost. None of these ends requests, whoever sends it.
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP, syscall.SIGUSR1, syscall.SIGUSR2, syscall.SIGALRM)
	// Where the reader of standard output has gone, that costs log lines and not the
	// service.
	signal.Ignore(syscall.SIGPIPE)
	os.Exit(run(os.Args[1:], os.LookupEnv, os.Stdout, os.Stderr, signals))
}

// run is the whole program, and returns its exit status.
//
// Its log fields keep clear of the names that are objects in the Elastic Common
// Schema, such as "error" and "service": Elasticsearch refuses a line that has a
// text there.
func run(args []string, lookupEnv func(string) (string, bool), stdout, stderr io.Writer, signals <-chan os.Signal) int {
	cfg, settings, err := config.Parse(args, lookupEnv)
	switch {
	case errors.Is(err, config.ErrHelp):
		if err := config.WriteUsage(stdout); err != nil {
			return exitFailure
		}
		return exitOK
	case errors.Is(err, config.ErrVersion):
		if _, err := fmt.Fprintf(stdout, "k8s-combat %s (%s, %s)\n", build.Version, build.Revision, runtime.Version()); err != nil {
			return exitFailure
		}
		return exitOK
	case err != nil:
		complain(stderr, err)
		return exitUsage
	}
	s := service{Config: cfg, settings: settings}
	if s.hostname, err = os.Hostname(); err != nil {
		complain(stderr, err)
		return exitFailure
	}
	if cfg.LogFile != "" {
		file, err := logging.OpenFile(cfg.LogFile, logging.DefaultMaxFileBytes)
		if err != nil {
			complain(stderr, fmt.Errorf("log file: %w", err))
			return exitFailure
		}
		defer func() { _ = file.Close() }() // its writer has told what could not be written
		s.fileSink = logging.NewSink(file)
	}
	s.stdoutSink = logging.NewSink(stdout)
	s.sinks = logging.Sinks{s.stdoutSink}
	if s.fileSink != nil {
		s.sinks = append(s.sinks, s.fileSink)
	}
	s.who = logging.NewIdentity(s.hostname, config.DefaultFile().Name)
	s.log = logging.New(s.sinks, cfg.LogLevel, s.who)

	ctx, shutDown := context.WithCancel(context.Background())
	defer shutDown()
	done := make(chan int, 1)
	go func() { done <- s.run(ctx) }()
	return await(done, signals, shutDown, &s)
}

// complain writes one line for each thing that is wrong.
func complain(stderr io.Writer, err error) {
	for line := range strings.Lines(err.Error()) {
		fmt.Fprintln(stderr, "k8s-combat:", strings.TrimSuffix(line, "\n"))
	}
}

// overdue is how much longer than it may take a shutdown is waited for.
const overdue = 2 * time.Second

// await waits for the service to end, by itself or at a signal, and returns the exit
// status. At a second signal it waits no more, nor where something holds the
// shutdown up that has no bound of its own, such as a file system that hangs.
func await(done <-chan int, signals <-chan os.Signal, shutDown func(), s *service) int {
	var tooLong <-chan time.Time
	for shuttingDown := false; ; shuttingDown = true {
		select {
		case status := <-done:
			return status
		case <-tooLong:
			s.log.Error("shutdown takes too long, exiting")
			s.sinks.Close(lastWords)
			return exitFailure
		case sig := <-signals:
			if shuttingDown {
				s.log.Warn("second signal, exiting at once", slog.String("signal", sig.String()))
				s.sinks.Close(lastWords)
				return exitFailure
			}
			s.log.Info("signal", slog.String("signal", sig.String()))
			shutDown()
			tooLong = time.After(s.ShutdownSettle + s.ShutdownDrain + s.ShutdownFlush + overdue)
		}
	}
}
