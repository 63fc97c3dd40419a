// Command k8s-combat is the tutorial's sample service: HTTP on one port, gRPC on
// another. Run it with --help for its options.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/crossoverJie/k8s-combat/app/internal/config"
)

// Exit statuses, as the help tells them.
const (
	exitOK      = 0
	exitFailure = 1
	exitUsage   = 2
)

func main() {
	// Room for two: neither the signal that shuts down nor the one that insists is
	// lost.
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, syscall.SIGTERM, syscall.SIGINT)
	os.Exit(run(os.Args[1:], os.LookupEnv, os.Stdout, os.Stderr, signals))
}

// run is the whole program, and returns its exit status.
//
// Its log fields keep clear of the names that are objects in the Elastic Common
// Schema, such as "error" and "service": Elasticsearch refuses a line that has a
// text there.
func run(args []string, lookupEnv func(string) (string, bool), stdout, stderr io.Writer, signals <-chan os.Signal) int {
	cfg, err := config.Parse(args, lookupEnv)
	switch {
	case errors.Is(err, config.ErrHelp):
		if err := config.WriteUsage(stdout); err != nil {
			return exitFailure
		}
		return exitOK
	case err != nil:
		for line := range strings.Lines(err.Error()) {
			fmt.Fprintln(stderr, "k8s-combat:", strings.TrimSuffix(line, "\n"))
		}
		return exitUsage
	}

	log := slog.New(slog.NewJSONHandler(stdout, &slog.HandlerOptions{Level: cfg.LogLevel}))
	hostname, err := os.Hostname()
	if err != nil {
		log.Error("failed", slog.String("err", err.Error()))
		return exitFailure
	}
	file := readFile(cfg.File, log)
	log = log.With(slog.String("app", file.Name), slog.String("hostname", hostname))
	log.Info("starting", slog.Any("config", cfg), slog.Any("app_file", file))

	ctx, shutDown := context.WithCancel(context.Background())
	defer shutDown()
	done := make(chan error, 1)
	go func() { done <- serve(ctx, cfg, hostname, log) }()
	return await(done, signals, shutDown, log)
}

// await waits for the service to end, by itself or at a signal, and returns the exit
// status. At a second signal it waits no more.
func await(done <-chan error, signals <-chan os.Signal, shutDown func(), log *slog.Logger) int {
	for shuttingDown := false; ; shuttingDown = true {
		select {
		case err := <-done:
			if err != nil {
				log.Error("failed", slog.String("err", err.Error()))
				return exitFailure
			}
			log.Info("stopped")
			return exitOK
		case s := <-signals:
			if shuttingDown {
				log.Warn("second signal, exiting at once", slog.String("signal", s.String()))
				return exitFailure
			}
			log.Info("signal", slog.String("signal", s.String()))
			shutDown()
		}
	}
}

// readFile reads the mounted file. It is no reason not to start.
func readFile(path string, log *slog.Logger) config.File {
	file, err := config.ReadFile(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		log.Debug("no file, using the defaults", slog.String("config_file", path))
	case err != nil:
		log.Error("unusable file, using the defaults", slog.String("config_file", path), slog.String("err", err.Error()))
	}
	return file
}
